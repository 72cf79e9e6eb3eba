//! What clients saw while faults were made, and whether one order of all of it explains that.
//!
//! Clients pay each other and read balances at all validators at once. An acknowledged payment names its
//! place on the chain, and a read its height, so the order to be checked is given and need not be
//! searched for. [`History::check`] demands of it:
//! - every place is one payment's;
//! - it respects real time: what began after another operation's answer lies after it;
//! - each balance that was read is that of the replay at the read's height;
//! - what was executed had the money, and what failed had not.
//!
//! [`clients`] adds that all validators tell of each acknowledged payment at its place in the end, and of
//! nothing that was refused. It covers payments of one asset and balances, acknowledged, failed or of
//! unknown outcome; not records, other assets or event streams.

pub(crate) mod clients;
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

/// A place on the chain: height and index. A read lies after everything at its height.
pub(crate) type Place = (u64, u32);

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Executed with success here.
    Paid(Place),
    /// Executed here, and failed for lack of money.
    Failed(Place),
    /// Not executed.
    Nothing,
}

/// What a client did.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A payment between two accounts.
    Payment {
        from: usize,
        to: usize,
        amount: u128,
        outcome: Outcome,
    },
    /// A balance, read at a height.
    Read {
        account: usize,
        balance: u128,
        height: u64,
    },
}

/// One operation of one client; times since the history's begin.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// When the call was made.
    pub(crate) begun: Duration,
    /// When its answer came; none if none came, or none that decides.
    pub(crate) ended: Option<Duration>,
    /// What it was.
    pub(crate) what: What,
}

/// All operations, in any order, and the balances before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// By account.
    pub(crate) opening: Vec<u128>,
    /// Everybody's.
    pub(crate) operations: Vec<Operation>,
}

impl Operation {
    fn place(&self) -> Option<Place> {
        match &self.what {
            What::Payment {
                outcome: Outcome::Paid(place) | Outcome::Failed(place),
                ..
            } => Some(*place),
            What::Payment { .. } => None,
            What::Read { height, .. } => Some((*height, u32::MAX)),
        }
    }
}

impl History {
    /// Whether the order of places explains all that was seen; if not, what contradicts it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_real_time()?;
        self.check_balances(&self.replay()?)
    }

    /// Payments that were acknowledged, and reads.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let paid = self.operations.iter().filter(|operation| {
            let is_paid = matches!(
                operation.what,
                What::Payment {
                    outcome: Outcome::Paid(_),
                    ..
                }
            );
            operation.ended.is_some() && is_paid
        });
        let reads = self
            .operations
            .iter()
            .filter(|operation| matches!(operation.what, What::Read { .. }));
        (paid.count(), reads.count())
    }

    /// An operation lies above all whose answers came before it began; a read may share the place of
    /// another read.
    fn check_real_time(&self) -> Result<(), String> {
        let mut begun: Vec<&Operation> = self.operations.iter().collect();
        begun.sort_by_key(|operation| operation.begun);
        let mut ended: Vec<&Operation> = begun.iter().copied().filter(|o| o.ended.is_some()).collect();
        ended.sort_by_key(|operation| operation.ended);
        let mut ended = ended.into_iter().peekable();
        let mut highest: Option<&Operation> = None;
        for operation in begun {
            while let Some(other) = ended.next_if(|other| other.ended < Some(operation.begun)) {
                if other.place() > highest.and_then(Operation::place) {
                    highest = Some(other);
                }
            }
            let (Some(place), Some(before)) = (operation.place(), highest) else {
                continue;
            };
            let is_read = matches!(operation.what, What::Read { .. });
            let floor = before.place();
            if floor > Some(place) || (floor == Some(place) && !is_read) {
                return Err(format!(
                    "{operation:?} began after the answer of {before:?} and lies before it"
                ));
            }
        }
        Ok(())
    }

    /// Each account's balances by the height from which on they hold.
    fn replay(&self) -> Result<Vec<BTreeMap<u64, u128>>, String> {
        let mut payments: BTreeMap<Place, &Operation> = BTreeMap::new();
        for operation in &self.operations {
            if let (What::Payment { .. }, Some(place)) = (&operation.what, operation.place())
                && let Some(other) = payments.insert(place, operation)
            {
                return Err(format!("{operation:?} and {other:?} have one place"));
            }
        }
        let mut balances = self.opening.clone();
        let mut by_height: Vec<BTreeMap<u64, u128>> = balances
            .iter()
            .map(|opening| BTreeMap::from([(0, *opening)]))
            .collect();
        for ((height, _), operation) in payments {
            let What::Payment {
                from,
                to,
                amount,
                outcome,
            } = operation.what
            else {
                continue;
            };
            match (outcome, balances[from].checked_sub(amount)) {
                (Outcome::Paid(_), Some(left)) => {
                    balances[from] = left;
                    balances[to] += amount;
                }
                (Outcome::Paid(_), None) => {
                    return Err(format!(
                        "{operation:?} paid what was not there: {}",
                        balances[from]
                    ));
                }
                (Outcome::Failed(_), Some(_)) => {
                    return Err(format!("{operation:?} failed with {} at hand", balances[from]));
                }
                _ => {}
            }
            for account in [from, to] {
                by_height[account].insert(height, balances[account]);
            }
        }
        Ok(by_height)
    }

    fn check_balances(&self, by_height: &[BTreeMap<u64, u128>]) -> Result<(), String> {
        for operation in &self.operations {
            let What::Read {
                account,
                balance,
                height,
            } = operation.what
            else {
                continue;
            };
            let expected = by_height[account].range(..=height).next_back();
            let expected = expected.map_or(0, |(_, balance)| *balance);
            if balance != expected {
                return Err(format!("{operation:?} should have read {expected}"));
            }
        }
        Ok(())
    }
}
