//! An account's history as a node lists it, held against the running hash that its account has.
//!
//! Whatever is left out, added or altered, the list has another hash: so a node hides nothing of a history
//! without changing the account too.

use quorate_client::schema::{Account, Transaction, TransactionStatus};
use quorate_ledger::{Digest, ErrorCode, HistoryStep, Intent, IntentV1, Operation, Outcome};
use quorate_tools::failure::{Exit, Failure};

use crate::pay::journal::Paid;

/// The most entries that a history may have grown by while it is read.
const MAX_NEWER: u64 = 1 << 20;

/// How far a history was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// How many entries, from the first on.
    entries: u64,
    /// The running hash after these.
    history: Digest,
}

/// Reads an account's history from its newest entry down, and holds it against the running hash.
pub(super) struct HistoryReader {
    network: Digest,
    /// How many entries the account says that it has, and their running hash.
    entries: u64,
    history: Digest,
    /// How far the history is known, and the running hash there.
    known: u64,
    known_history: Digest,
    /// The number that comes next; none before the first.
    next: Option<u64>,
    /// Entries up to `entries`, newest first.
    steps: Vec<HistoryStep>,
}

impl HistoryReader {
    pub(super) fn new(network: Digest, account: &Account, from: Read) -> Result<Self, Failure> {
        if account.transactions < from.entries {
            return Err(hidden(format!(
                "it shows {} transactions of the payer, and {} were shown before",
                account.transactions, from.entries
            )));
        }
        Ok(Self {
            network,
            entries: account.transactions,
            history: account.history,
            known: from.entries,
            known_history: from.history,
            next: None,
            steps: Vec::new(),
        })
    }

    /// Takes the next entry; none if it was known before.
    pub(super) fn read(&mut self, view: &Transaction) -> Result<Option<(Paid, Intent, Outcome)>, Failure> {
        let number = view
            .number
            .ok_or_else(|| hidden("a transaction of the payer has no number".to_owned()))?;
        let fits = match self.next {
            Some(next) => number == next,
            None => (self.entries..=self.entries.saturating_add(MAX_NEWER)).contains(&number),
        };
        if !fits || number == 0 {
            return Err(hidden(format!(
                "the payer's transaction {number} does not come where it should"
            )));
        }
        self.next = Some(number - 1);
        if number <= self.known {
            return Ok(None);
        }
        let Transaction {
            height: Some(height),
            index: Some(index),
            ..
        } = *view
        else {
            return Err(hidden(format!("{} is said to be executed nowhere", view.id)));
        };
        let intent = Intent::V1(IntentV1 {
            network: self.network,
            sender: view.sender,
            expires_at: view.expires_at,
            salt: view.salt,
            operations: view.operations.iter().map(Operation::from).collect(),
            memo: view.memo.clone(),
        });
        if intent.id() != view.id {
            return Err(hidden(format!("{} is not the id of what it shows", view.id)));
        }
        let outcome = outcome_of(view)
            .ok_or_else(|| hidden(format!("what became of {} is not said in full", view.id)))?;
        if number <= self.entries {
            self.steps.push(HistoryStep::new(view.id, height, index, outcome));
        }
        let place = Paid {
            id: view.id,
            height,
            index,
        };
        Ok(Some((place, intent, outcome)))
    }

    /// Whether nothing is left that is not known.
    pub(super) fn is_done(&self) -> bool {
        self.next.is_some_and(|next| next <= self.known)
    }

    /// Checks what was read against the account's running hash.
    pub(super) fn finish(self) -> Result<Read, Failure> {
        let missing = self.entries - self.known;
        if self.steps.len() as u64 != missing {
            return Err(hidden(format!(
                "it shows {} of {missing} transactions of the payer",
                self.steps.len()
            )));
        }
        let mut history = self.known_history;
        for (number, step) in (self.known + 1..).zip(self.steps.iter().rev()) {
            history = step.hash_after(&history, number);
        }
        if history != self.history {
            return Err(hidden(
                "the payer's transactions do not have the running hash of its account".to_owned(),
            ));
        }
        Ok(Read {
            entries: self.entries,
            history,
        })
    }
}

/// What became of a listed transaction.
fn outcome_of(view: &Transaction) -> Option<Outcome> {
    match view.status {
        TransactionStatus::Committed => Some(Outcome::Success),
        TransactionStatus::Failed => {
            let name = view.code.as_deref()?;
            Some(Outcome::Failed {
                code: ErrorCode::ALL.into_iter().find(|code| code.name() == name)?,
                operation: view.failed_operation?,
            })
        }
        TransactionStatus::Pending | TransactionStatus::Expired => None,
    }
}

fn hidden(what: String) -> Failure {
    Failure::new(
        Exit::CheckFailed,
        format!("a node hides a part of the payer's history, or has it wrong: {what}"),
    )
    .hint("ask another node with --node, or check the blocks yourself with --genesis FILE")
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{SigningKey, sha256};
    use quorate_ledger::{Address, Amount, Height, Timestamp};

    use super::*;

    const NETWORK: Digest = Digest([7; 32]);

    /// A history of so many payments, newest first as nodes list it, and its account.
    fn history(entries: u64) -> (Account, Vec<Transaction>) {
        let key = SigningKey::from_seed(&[1; 32]);
        let mut account = Account::unused(key.public().address());
        let mut list = Vec::new();
        for number in 1..=entries {
            let operation = Operation::Transfer {
                to: Address([2; 20]),
                asset: "QRT".parse().unwrap(),
                amount: Amount(u128::from(number)),
                memo: "salary".to_owned(),
            };
            let intent = Intent::V1(IntentV1 {
                network: NETWORK,
                sender: account.address,
                expires_at: Timestamp(number),
                salt: [u8::try_from(number).unwrap(); 16],
                operations: vec![operation],
                memo: String::new(),
            });
            let outcome = if number == 2 {
                Outcome::Failed {
                    code: ErrorCode::InsufficientBalance,
                    operation: 0,
                }
            } else {
                Outcome::Success
            };
            let (id, height) = (intent.id(), Height(10 + number));
            let step = HistoryStep::new(id, height, 0, outcome);
            account.history = step.hash_after(&account.history, number);
            account.transactions = number;
            let view = Transaction::pending(id, &intent.sign([&key]));
            let view = view.executed(height, Timestamp(number), 0, outcome);
            list.push(Transaction {
                number: Some(number),
                ..view
            });
        }
        list.reverse();
        (account, list)
    }

    /// How many entries are new, or what is wrong with the list.
    fn read(account: &Account, list: &[Transaction], from: Read) -> Result<(usize, Read), Failure> {
        let mut reader = HistoryReader::new(NETWORK, account, from)?;
        let mut new = 0;
        for view in list {
            new += usize::from(reader.read(view)?.is_some());
        }
        Ok((new, reader.finish()?))
    }

    #[test]
    fn a_whole_history_fits_its_running_hash_and_is_gone_on_with() {
        let (account, list) = history(5);
        let start = Read::default();
        let (new, known) = read(&account, &list, start).unwrap();
        assert_eq!((new, known.entries), (5, 5));
        assert_eq!(known.history, account.history);
        // What came while it was read is seen, and counts the next time.
        let (longer, all) = history(8);
        let (new, known) = read(&account, &all, start).unwrap();
        assert_eq!((new, known.entries), (8, 5));
        let (new, known) = read(&longer, &all, known).unwrap();
        assert_eq!((new, known.entries), (3, 8));
        assert_eq!(read(&history(0).0, &[], start).unwrap(), (0, start));
    }

    #[test]
    fn a_history_with_anything_hidden_or_altered_is_refused() {
        let (account, list) = history(5);
        let start = Read::default();
        let refused = |account: &Account, list: &[Transaction]| {
            let failure = read(account, list, start).unwrap_err();
            assert_eq!(failure.exit(), Exit::CheckFailed, "{failure}");
        };
        refused(&account, &[]);
        for place in 0..list.len() {
            let mut without = list.clone();
            without.remove(place);
            refused(&account, &without);
            // Numbered anew, so that nothing seems to be missing.
            for (number, view) in (1..).zip(without.iter_mut().rev()) {
                view.number = Some(number);
            }
            refused(&account, &without);
            refused(
                &Account {
                    transactions: 4,
                    ..account.clone()
                },
                &without,
            );
            let altered = |change: fn(&mut Transaction)| {
                let mut list = list.clone();
                change(&mut list[place]);
                refused(&account, &list);
            };
            altered(|view| view.salt = [99; 16]);
            altered(|view| view.sender = Address([3; 20]));
            altered(|view| view.memo = "another".to_owned());
            altered(|view| view.operations.clear());
            altered(|view| view.height = Some(Height(1)));
            altered(|view| view.id = sha256(b"another"));
            altered(|view| view.number = None);
            altered(|view| {
                view.status = match view.status {
                    TransactionStatus::Committed => TransactionStatus::Failed,
                    _ => TransactionStatus::Committed,
                };
            });
        }
    }

    #[test]
    fn a_history_that_became_shorter_is_refused() {
        let (account, list) = history(3);
        let from = Read {
            entries: 4,
            ..Read::default()
        };
        assert!(read(&account, &list, from).is_err());
    }
}
