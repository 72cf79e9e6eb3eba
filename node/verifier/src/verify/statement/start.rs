//! Where a statement begins (number 2): with the history, or with the last waypoint before its range.

use quorate_crypto_second::Digest;
use quorate_ledger_second::{
    Amount, BalanceItem, HistoryOwner, HistoryStart, Step, Timestamp, WAYPOINT_INTERVAL, balances_root,
    history_hash,
};

use super::Current;
use crate::at::At;
use crate::proof::{Start, Statement};
use crate::verdict::{Code, Refusal, refuse};

/// The place in a history from which a statement goes on.
pub(super) struct Begun<'a> {
    /// The number of the last step that stands behind the balances; 0 at the beginning.
    pub(super) number: u64,
    /// Its hash.
    pub(super) hash: Digest,
    /// Its ordinal and its time; none at the beginning.
    pub(super) step: Option<(u64, Timestamp)>,
    /// The balances there.
    pub(super) balances: &'a [BalanceItem],
}

/// The hash with which an owner's history begins.
pub(super) fn beginning(network: &Digest, owner: &HistoryOwner, balances: &[BalanceItem]) -> Digest {
    let start = HistoryStart {
        network: *network,
        owner: owner.to_owned(),
        balances: balances_root(balances),
    };
    start.hash()
}

/// Refuses a start that is none.
pub(super) fn check<'a>(
    network: &Digest,
    statement: &'a Statement,
    current: &Current,
    at: At<'_>,
) -> Result<Begun<'a>, Refusal> {
    let (Start::Beginning { balances } | Start::Waypoint { balances, .. }) = &statement.start;
    let is_empty_beginning = matches!(statement.start, Start::Beginning { .. }) && balances.is_empty();
    if current.is_absent && !is_empty_beginning {
        let reason = "balances or a waypoint of an owner that is not there";
        return refuse(Code::OtherLeaf, at, reason);
    }
    check_balances(balances, &statement.owner, at.field("balances"))?;
    match &statement.start {
        Start::Beginning { .. } => Ok(Begun {
            number: 0,
            hash: beginning(network, &statement.owner, balances),
            step: None,
            balances,
        }),
        Start::Waypoint {
            before, step, path, ..
        } => {
            let hash = check_waypoint(before, step, path, current, at)?;
            if step.balances != Some(balances_root(balances)) {
                return refuse(Code::BadBalances, at, "the balances are not the waypoint's");
            }
            if step.timestamp >= statement.from {
                return refuse(Code::NotComplete, at, "the waypoint is not before the range");
            }
            Ok(Begun {
                number: step.number,
                hash,
                step: Some((step.ordinal, step.timestamp)),
                balances,
            })
        }
    }
}

/// Balances ascend strictly by code, none is empty, and an asset's are its supply.
fn check_balances(balances: &[BalanceItem], owner: &HistoryOwner, at: At<'_>) -> Result<(), Refusal> {
    let nothing = Amount(0);
    if !balances.is_sorted_by(|a, b| a.asset < b.asset) {
        return refuse(
            Code::BadBalances,
            at,
            "the balances do not ascend strictly by code",
        );
    }
    if balances
        .iter()
        .any(|item| item.free == nothing && item.held == nothing)
    {
        return refuse(Code::BadBalances, at, "a balance that is empty");
    }
    if let HistoryOwner::Asset(code) = owner
        && balances
            .iter()
            .any(|item| item.asset != *code || item.held > nothing)
    {
        return refuse(Code::BadBalances, at, "balances that are not the asset's supply");
    }
    Ok(())
}

/// The hash of a step that is a waypoint, as its path shows.
fn check_waypoint(
    before: &Digest,
    step: &Step,
    path: &[Digest],
    current: &Current,
    at: At<'_>,
) -> Result<Digest, Refusal> {
    let number = step.number;
    if number == 0 || number % WAYPOINT_INTERVAL != 0 {
        return refuse(Code::NotComplete, at, format!("step {number} is no waypoint"));
    }
    let hash = history_hash(before, &step.inner());
    if !current.has_waypoint(number, &hash, path) {
        return refuse(
            Code::BadPath,
            at,
            format!("step {number} is not among the waypoints"),
        );
    }
    Ok(hash)
}
