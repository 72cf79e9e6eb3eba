//! The node, the network, its validators and members.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{
    EvidenceList, MemberList, Network, PeerList, Problem, ProposalList, Status, ValidatorList,
};

use crate::app::{App, At};
use crate::input::Params;
use crate::node::Fault;
use crate::problem::Failure;
use crate::shape;

/// Where the node and its network are.
#[utoipa::path(get, path = "/v1/status", tag = "network",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = Status), (status = 503, body = Problem)))]
pub(crate) async fn status(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let names = app.names();
    let read = app.read(params.min_height()?, move |_, node| {
        Ok(shape::status(node.status(), &names))
    });
    let read = read.await?;
    // The status names its own height, which may be later than the snapshot's.
    Ok(At {
        height: read.value.height,
        value: read.value,
    }
    .into_response())
}

/// Genesis, parameters in force, committee and epochs.
#[utoipa::path(get, path = "/v1/network", tag = "network",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = Network), (status = 503, body = Problem)))]
pub(crate) async fn network(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let read = app.read(params.min_height()?, |_, node| {
        let network = shape::network(node.network());
        Ok(network.ok_or_else(|| Fault("the node names no epoch".to_owned()))?)
    });
    Ok(read.await?.into_response())
}

/// The committee with each validator's last seal.
#[utoipa::path(get, path = "/v1/validators", tag = "network",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = ValidatorList), (status = 503, body = Problem)))]
pub(crate) async fn validators(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let names = app.names();
    let read = app.read(params.min_height()?, move |_, node| {
        let epoch = names
            .epochs
            .last()
            .ok_or_else(|| Fault("the node names no epoch".to_owned()))?;
        Ok(ValidatorList {
            epoch: epoch.committee.epoch(),
            quorum: shape::count(epoch.committee.quorum()),
            validators: node.validators().into_iter().map(shape::validator).collect(),
        })
    });
    Ok(read.await?.into_response())
}

/// This node's connections.
#[utoipa::path(get, path = "/v1/peers", tag = "network",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = PeerList), (status = 503, body = Problem)))]
pub(crate) async fn peers(State(app): State<App>, params: Params) -> Result<Json<PeerList>, Failure> {
    app.reach(params.min_height()?).await?;
    let mut peers: Vec<_> = app.node.peers().into_iter().map(shape::peer).collect();
    peers.sort_by(|a, b| (&a.name, &a.peer).cmp(&(&b.name, &b.peer)));
    Ok(Json(PeerList { peers }))
}

/// Misbehaviour that this node has seen.
#[utoipa::path(get, path = "/v1/evidence", tag = "network",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = EvidenceList), (status = 503, body = Problem)))]
pub(crate) async fn evidence(State(app): State<App>, params: Params) -> Result<Json<EvidenceList>, Failure> {
    app.reach(params.min_height()?).await?;
    Ok(Json(EvidenceList {
        evidence: app.node.evidence().iter().map(shape::evidence).collect(),
    }))
}

/// The consortium's members.
#[utoipa::path(get, path = "/v1/members", tag = "governance",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = MemberList), (status = 503, body = Problem)))]
pub(crate) async fn members(State(app): State<App>, params: Params) -> Result<Json<MemberList>, Failure> {
    app.reach(params.min_height()?).await?;
    Ok(Json(MemberList {
        members: app.node.members().into_iter().map(shape::member).collect(),
    }))
}

/// Open proposals of governance; no operation makes one yet.
#[utoipa::path(get, path = "/v1/proposals", tag = "governance",
    params(("min_height" = Option<u64>, Query, description = "Wait until this height is certified here")),
    responses((status = 200, body = ProposalList), (status = 503, body = Problem)))]
pub(crate) async fn proposals(State(app): State<App>, params: Params) -> Result<Json<ProposalList>, Failure> {
    app.reach(params.min_height()?).await?;
    Ok(Json(ProposalList {
        proposals: Vec::new(),
    }))
}
