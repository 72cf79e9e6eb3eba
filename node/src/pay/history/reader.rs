//! An account's history as a node proves it: a statement, of which nothing can be left out, or several one after the other
//! where one would be too long.

use quorate_client::wallet::StatementFacts;
use quorate_ledger::{Address, Outcome, Timestamp};
use quorate_tools::failure::{Exit, Failure};

use super::Seen;
use crate::pay::journal::Paid;

/// The times of which statements are still to be read, each without its end; the earliest is the last.
#[derive(Debug)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// From this time on to `last`, that included.
    pub(super) fn new(from: Timestamp, last: Timestamp) -> Self {
        Self(vec![(from.0, last.0.saturating_add(1))])
    }

    /// The next one; none if nothing is left.
    pub(super) fn take(&mut self) -> Option<(Timestamp, Timestamp)> {
        let (from, to) = self.0.pop().filter(|(from, to)| from < to)?;
        Some((Timestamp(from), Timestamp(to)))
    }

    /// Puts back one that is too long for a statement, as two halves.
    pub(super) fn halve(&mut self, (from, to): (Timestamp, Timestamp)) -> Result<(), Failure> {
        let middle = from.0 + to.0.saturating_sub(from.0) / 2;
        if middle == from.0 {
            return Err(hidden(format!("it does not prove what the payer did at {from}")));
        }
        self.0.extend([(middle, to.0), (from.0, middle)]);
        Ok(())
    }
}

/// What the account itself did, of a statement up to `last` at most, each with its place in the log. Where in its block
/// that is, is not known yet.
pub(super) fn own_of(
    facts: &StatementFacts,
    last: Timestamp,
    account: &Address,
) -> Result<Vec<(u64, Seen)>, Failure> {
    if facts.complete_up_to.is_some_and(|until| until < last) {
        return Err(hidden(format!("the payer's statement does not go to {last}")));
    }
    let mut own = Vec::new();
    for entry in &facts.entries {
        let logged = &entry.entry;
        let intent = entry.shown.intent.as_ref();
        let intent = intent.ok_or_else(|| hidden(format!("it does not show what {} is", logged.id)))?;
        if intent.sender() != *account {
            continue;
        }
        let place = Paid {
            id: logged.id,
            height: logged.height,
            index: 0,
        };
        let is_success = matches!(logged.outcome, Outcome::Success { .. });
        own.push((entry.ordinal, Seen::of_intent(place, intent, is_success)));
    }
    Ok(own)
}

fn hidden(what: String) -> Failure {
    Failure::new(
        Exit::CheckFailed,
        format!("a node hides a part of the payer's history: {what}"),
    )
    .hint("ask another node with --node, or look through the blocks with --genesis FILE")
}

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::sha256;
    use quorate_ledger::{Amount, Digest, ErrorCode, Height, HistoryOwner, IntentV1, LoggedTransaction};
    use quorate_verifier::{ShownFacts, StatementEntry, TextFacts};

    use super::*;

    const ACCOUNT: Address = Address([1; 20]);

    fn intent(sender: Address, salt: u8) -> IntentV1 {
        TransactionBuilder::new(sha256(b"network"), sender, Timestamp(50), [salt; 16])
            .transfer(Address([2; 20]), "QRT".parse().unwrap(), Amount(5), "")
            .build_with(|_| [salt; 16])
            .intent
            .v1()
            .clone()
    }

    fn entry(ordinal: u64, intent: Option<IntentV1>, outcome: Outcome) -> StatementEntry {
        StatementEntry {
            number: ordinal,
            ordinal,
            entry: LoggedTransaction {
                height: Height(ordinal),
                timestamp: Timestamp(ordinal),
                position: 0,
                id: Digest([3; 32]),
                expires_at: Timestamp(50),
                signed: Digest::ZERO,
                outcome,
            },
            changes: Vec::new(),
            shown: ShownFacts {
                intent,
                signed_by: None,
                texts: TextFacts::Nothing,
            },
            erased: None,
        }
    }

    fn statement(complete_up_to: Option<u64>, entries: Vec<StatementEntry>) -> StatementFacts {
        StatementFacts {
            owner: HistoryOwner::Account(ACCOUNT),
            from: Timestamp(0),
            to: Timestamp(10),
            complete_up_to: complete_up_to.map(Timestamp),
            opening: Vec::new(),
            opening_is_of_genesis: true,
            closing: Vec::new(),
            entries,
            before: Vec::new(),
            after: Vec::new(),
            beside: Vec::new(),
        }
    }

    const PAID: Outcome = Outcome::Success { results: Vec::new() };

    #[test]
    fn what_the_account_did_itself_is_read_with_what_became_of_it() {
        let failed = Outcome::Failed {
            code: ErrorCode(1),
            operation: 0,
        };
        let entries = vec![
            entry(1, Some(intent(ACCOUNT, 1)), PAID),
            entry(2, Some(intent(Address([9; 20]), 2)), PAID),
            entry(4, Some(intent(ACCOUNT, 3)), failed),
        ];
        let own = own_of(&statement(None, entries), Timestamp(9), &ACCOUNT).unwrap();
        let read: Vec<(u64, u64, [u8; 16], bool)> = own
            .iter()
            .map(|(ordinal, seen)| (*ordinal, seen.place.height.0, seen.salt, seen.is_success))
            .collect();
        assert_eq!(read, [(1, 1, [1; 16], true), (4, 4, [3; 16], false)]);
    }

    #[test]
    fn a_statement_that_ends_too_early_or_does_not_show_all_is_refused() {
        let last = Timestamp(9);
        for (complete_up_to, is_whole) in [(None, true), (Some(10), true), (Some(9), true), (Some(8), false)]
        {
            let read = own_of(&statement(complete_up_to, Vec::new()), last, &ACCOUNT);
            assert_eq!(read.is_ok(), is_whole, "{complete_up_to:?}");
        }
        let unseen = vec![entry(1, Some(intent(ACCOUNT, 1)), PAID), entry(2, None, PAID)];
        let failure = own_of(&statement(None, unseen), last, &ACCOUNT).unwrap_err();
        assert_eq!(failure.exit(), Exit::CheckFailed, "{failure}");
    }

    #[test]
    fn what_is_too_long_is_read_in_parts_without_a_gap_and_not_without_end() {
        let mut ranges = Ranges::new(Timestamp(5), Timestamp(24));
        let mut read = Vec::new();
        while let Some((from, to)) = ranges.take() {
            if to.0 - from.0 > 6 {
                ranges.halve((from, to)).unwrap();
            } else {
                read.push((from.0, to.0));
            }
        }
        assert_eq!(read, [(5, 10), (10, 15), (15, 20), (20, 25)]);
        assert!(ranges.halve((Timestamp(7), Timestamp(8))).is_err());
        assert_eq!(Ranges::new(Timestamp(25), Timestamp(24)).take(), None);
        assert!(Ranges::new(Timestamp(0), Timestamp(u64::MAX)).take().is_some());
    }
}
