//! Members, and what they vote on.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Member, MemberList, Proposal, ProposalList, ProposalStateView};
use quorate_ledger::is_name;
use quorate_ledger::limits::MAX_NAME_BYTES;

use crate::app::App;
use crate::cursor::ListTag;
use crate::governance::{Governance, ProposalFilter};
use crate::input::{Name, Params, shown, whole_number};
use crate::node::Snapshot;
use crate::problem::Failure;

/// The consortium's members, ascending by number.
#[utoipa::path(get, path = "/v1/members", tag = "governance",
    params(
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("min_height" = Option<u64>, Query),
    ),
    responses((status = 200, body = MemberList)))]
pub(crate) async fn members(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let tag = ListTag::members();
    let from = params.cursor(&tag, |text| whole_number(text)?.try_into().ok())?;
    let read = app.read(params.min_height()?, move |snapshot, node| {
        let governance = Governance::read(snapshot, node)?;
        let members = governance.members(from.unwrap_or(0), limit)?;
        let next = members
            .last()
            .filter(|_| members.len() == limit)
            .map(|last| tag.cursor(last.number.saturating_add(1)));
        Ok(MemberList { members, next })
    });
    Ok(read.await?.into_response())
}

/// A member, by its name or its number.
#[utoipa::path(get, path = "/v1/members/{member}", tag = "governance",
    params(
        ("member" = String, Path, description = "A member's name, or its number"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = Member),
        (status = 400, description = "`malformed_member`"),
        (status = 404, description = "`unknown_member`")))]
pub(crate) async fn member(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    check_member(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, node| {
        let governance = Governance::read(snapshot, node)?;
        let number = governance.number_of(&name)?;
        let member = number.map(|number| governance.member(number)).transpose()?;
        member.flatten().ok_or_else(unknown_member)
    });
    Ok(read.await?.into_response())
}

/// Proposals of governance, newest first.
#[utoipa::path(get, path = "/v1/proposals", tag = "governance",
    params(
        ("state" = Option<String>, Query, description = "Those in this state"),
        ("member" = Option<String>, Query, description = "Those that this member made: its name, or its number"),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = ProposalList),
        (status = 400, description = "`malformed_state`, `malformed_member`"),
        (status = 404, description = "`unknown_member`")))]
pub(crate) async fn proposals(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let state = params.text("state").map(proposal_state).transpose()?;
    params.text("member").map(check_member).transpose()?;
    let read = app.read(params.min_height()?, move |snapshot, node| {
        let governance = Governance::read(snapshot, node)?;
        let member = params.text("member").map(|name| governance.number_of(name));
        let member = match member {
            Some(number) => Some(number?.ok_or_else(unknown_member)?),
            None => None,
        };
        let filter = ProposalFilter { state, member };
        let tag = ListTag::proposals(&filter);
        let before = params.cursor(&tag, whole_number)?;
        let found = governance.proposals(&filter, before, limit)?;
        Ok(ProposalList {
            proposals: found.proposals,
            next: found.next.map(|next| tag.cursor(next)),
        })
    });
    Ok(read.await?.into_response())
}

/// A proposal with its ballots, the count by the rule that decides it, and what it does to the committee.
#[utoipa::path(get, path = "/v1/proposals/{number}", tag = "governance",
    params(
        ("number" = String, Path, description = "The proposal's number"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = Proposal),
        (status = 400, description = "`malformed_number`"),
        (status = 404, description = "`unknown_proposal`")))]
pub(crate) async fn proposal(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let number = proposal_number(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, node| {
        read_proposal(snapshot, node, number)
    });
    Ok(read.await?.into_response())
}

/// A proposal, which there must be.
pub(crate) fn read_proposal(
    snapshot: &dyn Snapshot,
    node: &dyn crate::node::Node,
    number: u64,
) -> Result<Proposal, Failure> {
    let proposal = Governance::read(snapshot, node)?.proposal(number)?;
    proposal.ok_or_else(|| Failure::not_found("unknown_proposal", format!("there is no proposal {number}")))
}

/// Reads the number of a proposal.
pub(crate) fn proposal_number(text: &str) -> Result<u64, Failure> {
    whole_number(text).ok_or_else(|| {
        let detail = format!("`{}` is not the number of a proposal", shown(text));
        Failure::malformed("malformed_number", detail)
    })
}

/// Reads a state of proposals.
pub(crate) fn proposal_state(text: &str) -> Result<ProposalStateView, Failure> {
    text.parse().map_err(|_| {
        let known = ProposalStateView::ALL.map(ProposalStateView::name).join(", ");
        let detail = format!("`{}` is no state of proposals; there are: {known}", shown(text));
        Failure::malformed("malformed_state", detail)
    })
}

/// Refuses what is neither a member's number nor a name that one can have.
pub(crate) fn check_member(text: &str) -> Result<(), Failure> {
    if is_name(text, MAX_NAME_BYTES) {
        return Ok(());
    }
    let detail = format!(
        "`{}` is neither a member's number nor a name that one can have",
        shown(text)
    );
    Err(Failure::malformed("malformed_member", detail))
}

pub(crate) fn unknown_member() -> Failure {
    Failure::not_found("unknown_member", "no member has this number or name")
}
