//! Where a statement begins (number 2): with the history, or with the last waypoint before its range.

use quorate_crypto::Digest;
use quorate_ledger::{
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
            // Number 3 is about ordinals from the waypoint's own step on; where no item follows, nothing else looks.
            if step.ordinal >= statement.head.header.v1().log_size {
                return refuse(Code::Gap, at, "the waypoint's ordinal is beyond the log");
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
    if number == 0 || !number.is_multiple_of(WAYPOINT_INTERVAL) {
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

#[cfg(test)]
mod tests {
    use quorate_crypto::merkle::leaf_hash;
    use quorate_crypto::{Address, Epoch, Height};
    use quorate_ledger::{
        CertifiedHeader, Found, Header, HeaderV1, Prefix, StateKey, StateProof, StateProofV1,
    };

    use super::*;
    use crate::proof::End;
    use crate::verify::statement::Balances;

    const OWNER: Address = Address([1; 20]);

    /// A statement that begins with the 32nd step, which is the history's last, and what the owner's leaf says of it.
    fn from_waypoint(ordinal: u64, log_size: u64) -> (Statement, Current) {
        let before = Digest([7; 32]);
        let step = Step {
            number: 32,
            ordinal,
            timestamp: Timestamp(5),
            leaf: Digest::ZERO,
            changes: Vec::new(),
            balances: Some(balances_root(&[])),
        };
        let last = history_hash(&before, &step.inner());
        let current = Current {
            entries: 32,
            last,
            waypoints: vec![leaf_hash(&last.0)],
            present: Balances::default(),
            is_absent: false,
        };
        let header = Header::V1(HeaderV1 {
            network: Digest::ZERO,
            protocol: 1,
            epoch: Epoch(0),
            height: Height(1),
            previous: Digest::ZERO,
            chain_root: Digest::ZERO,
            proposal: Digest::ZERO,
            timestamp: Timestamp(9),
            log_size,
            log_root: Digest::ZERO,
            state_root: Digest::ZERO,
            next_committee: Digest::ZERO,
        });
        let seals = Vec::new();
        let statement = Statement {
            head: CertifiedHeader { header, seals },
            owner: HistoryOwner::Account(OWNER),
            from: Timestamp(6),
            to: Timestamp(7),
            leaf: StateProof::V1(StateProofV1 {
                prefix: Prefix::of_key(&StateKey::account(&OWNER)),
                path: Vec::new(),
                found: Found::Empty,
            }),
            start: Start::Waypoint {
                before,
                step,
                balances: Vec::new(),
                path: Vec::new(),
            },
            items: Vec::new(),
            end: End::Last,
            beside: Vec::new(),
        };
        (statement, current)
    }

    #[test]
    fn a_waypoints_ordinal_is_within_the_log() {
        for (ordinal, log_size, expected) in [
            (9, 10, None),
            (10, 10, Some(Code::Gap)),
            (u64::MAX, 0, Some(Code::Gap)),
        ] {
            let (statement, current) = from_waypoint(ordinal, log_size);
            let found = check(&Digest::ZERO, &statement, &current, At::Whole("start"));
            assert_eq!(found.err().map(|refusal| refusal.code), expected);
        }
    }
}
