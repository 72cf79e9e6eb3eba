//! The node, the network, its validators and members.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{EvidenceList, Network, Peer, PeerList, Status, ValidatorList};

use super::blocks::octets;
use crate::app::{App, At};
use crate::governance::in_force;
use crate::input::{Params, wants_bytes};
use crate::problem::Failure;

/// Where the node and its network are.
#[utoipa::path(get, path = "/v1/status", tag = "network",
    params(("min_height" = Option<u64>, Query)),
    responses((status = 200, body = Status)))]
pub(crate) async fn status(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let read = app
        .read(params.min_height()?, |_, node| Ok(node.status()))
        .await?;
    // The status names its own height, which may be later than the snapshot's.
    Ok(At {
        height: read.value.height,
        value: read.value,
    }
    .into_response())
}

/// Genesis, parameters and rules in force, committee and epochs. As bytes: the genesis document, whose hash is the network id.
#[utoipa::path(get, path = "/v1/network", tag = "network",
    params(("min_height" = Option<u64>, Query)),
    responses((status = 200, content((Network = "application/json"), (Vec<u8> = "application/octet-stream")))))]
pub(crate) async fn network(
    State(app): State<App>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let min_height = params.min_height()?;
    if wants_bytes(&headers) {
        let read = app.read(min_height, |_, node| Ok(node.genesis_bytes()));
        return Ok(read.await?.respond(octets));
    }
    let read = app.read(min_height, |snapshot, node| {
        let (parameters, rules) = in_force(snapshot)?;
        Ok(Network {
            parameters,
            rules: Some(rules),
            ..node.network()?
        })
    });
    Ok(read.await?.into_response())
}

/// The committee with each validator's last seal.
#[utoipa::path(get, path = "/v1/validators", tag = "network",
    params(("min_height" = Option<u64>, Query)),
    responses((status = 200, body = ValidatorList)))]
pub(crate) async fn validators(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let read = app.read(params.min_height()?, |_, node| Ok(node.validators()));
    Ok(read.await?.into_response())
}

/// This node's connections.
#[utoipa::path(get, path = "/v1/peers", tag = "network",
    params(("min_height" = Option<u64>, Query)),
    responses((status = 200, body = PeerList)))]
pub(crate) async fn peers(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    app.reach(params.min_height()?).await?;
    let list = PeerList {
        peers: by_name(app.node.peers()),
    };
    Ok(app.now(list).into_response())
}

pub(crate) fn by_name(mut peers: Vec<Peer>) -> Vec<Peer> {
    peers.sort_by(|a, b| (&a.name, &a.peer).cmp(&(&b.name, &b.peer)));
    peers
}

/// Misbehaviour that this node has seen.
#[utoipa::path(get, path = "/v1/evidence", tag = "network",
    params(("min_height" = Option<u64>, Query)),
    responses((status = 200, body = EvidenceList)))]
pub(crate) async fn evidence(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    app.reach(params.min_height()?).await?;
    let list = EvidenceList {
        evidence: app.node.evidence(),
    };
    Ok(app.now(list).into_response())
}
