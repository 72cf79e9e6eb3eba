//! The items of a statement, one after the other (numbers 3, 4 and 6).

use quorate_crypto::Digest;
use quorate_ledger::{
    BalanceItem, LogEntry, LogEntryV1, LoggedTransaction, Outcome, Step, Timestamp, history_hash,
};

use super::balances_of;
use super::replay::Balances;
use super::start::Begun;
use crate::at::At;
use crate::facts::{PrefixFacts, StatementEntry, StatementFacts};
use crate::proof::{Item, Shown, Statement};
use crate::verdict::{Code, Refusal, refuse};
use crate::verify::shown as showing;

/// In which part of the items the walk is; parts follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Opened steps before the range.
    Before,
    /// Entries of the range.
    Entries,
    /// The opened step behind the range.
    After,
    /// Steps that are passed over.
    Passed,
}

/// How far the items were followed, and what they have shown.
pub(super) struct Walk<'a> {
    statement: &'a Statement,
    log_size: u64,
    part: Part,
    number: u64,
    hash: Digest,
    /// Ordinal and time of the last step that is not passed over.
    last: Option<(u64, Timestamp)>,
    opened_to: u64,
    balances: Balances,
    is_from_beginning: bool,
    opening: Option<Vec<BalanceItem>>,
    closing: Option<Vec<BalanceItem>>,
    entries: Vec<StatementEntry>,
    before: Vec<u64>,
    after: Vec<u64>,
}

impl<'a> Walk<'a> {
    /// A walk that begins there, under a head with a log of so many leaves.
    pub(super) fn new(statement: &'a Statement, begun: Begun<'_>, log_size: u64) -> Self {
        Self {
            statement,
            log_size,
            part: Part::Before,
            number: begun.number,
            hash: begun.hash,
            last: begun.step,
            opened_to: begun.number,
            balances: balances_of(begun.balances),
            is_from_beginning: begun.step.is_none(),
            opening: None,
            closing: None,
            entries: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Follows all items.
    pub(super) fn follow(mut self, items: &[Item], at: At<'_>) -> Result<Self, Refusal> {
        for (place, item) in items.iter().enumerate() {
            self.item(item, at.item(place))?;
        }
        Ok(self)
    }

    /// The number of the last item's step.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The hash of the last item's step.
    pub(super) fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The number of the last step that is not passed over.
    pub(super) fn opened_to(&self) -> u64 {
        self.opened_to
    }

    /// How many steps before the range are opened.
    pub(super) fn opened_before(&self) -> u64 {
        u64::try_from(self.before.len()).unwrap_or(u64::MAX)
    }

    /// True if a step behind the range is opened.
    pub(super) fn has_opened_after(&self) -> bool {
        !self.after.is_empty()
    }

    /// What the owner has after the last opened step.
    pub(super) fn balances(&self) -> &Balances {
        &self.balances
    }

    /// What the items establish, if all else is good: taken for complete.
    pub(super) fn facts(self, beside: Vec<PrefixFacts>) -> StatementFacts {
        let statement = self.statement;
        let now = self.balances.items();
        StatementFacts {
            owner: statement.owner.to_owned(),
            from: statement.from,
            to: statement.to,
            complete_up_to: None,
            opening_is_of_genesis: self.is_from_beginning && self.before.is_empty(),
            opening: self.opening.unwrap_or_else(|| now.clone()),
            closing: self.closing.unwrap_or(now),
            entries: self.entries,
            before: self.before,
            after: self.after,
            beside,
        }
    }

    fn item(&mut self, item: &Item, at: At<'_>) -> Result<(), Refusal> {
        let Some(number) = self.number.checked_add(1) else {
            return refuse(Code::Gap, at, "no history is so long");
        };
        self.number = number;
        let inner = match item {
            Item::Passed(inner) => {
                self.part = Part::Passed;
                *inner
            }
            Item::Opened(step) => {
                self.check_order(step, at)?;
                self.opened(step, at)?;
                self.replay(step, at)?
            }
            Item::Entry { step, entry, shown } => {
                self.check_order(step, at)?;
                self.entry(step, entry, shown, at)?;
                self.replay(step, at)?
            }
        };
        self.hash = history_hash(&self.hash, &inner);
        Ok(())
    }

    /// A step's number, ordinal and time follow those before it, and the range may still go on.
    fn check_order(&mut self, step: &Step, at: At<'_>) -> Result<(), Refusal> {
        if self.part >= Part::After {
            return refuse(Code::Gap, at, "an opened step after what may end the range");
        }
        if step.number != self.number {
            let reason = format!("step {} stands in the place of step {}", step.number, self.number);
            return refuse(Code::Gap, at, reason);
        }
        let follows = self.last.is_none_or(|(ordinal, _)| ordinal < step.ordinal);
        if !follows || step.ordinal >= self.log_size {
            return refuse(Code::Gap, at, "the ordinals do not ascend, or are beyond the log");
        }
        if self.last.is_some_and(|(_, time)| step.timestamp < time) {
            return refuse(Code::Gap, at, "the time falls");
        }
        self.last = Some((step.ordinal, step.timestamp));
        Ok(())
    }

    /// An opened step: before the range, or the one behind it.
    fn opened(&mut self, step: &Step, at: At<'_>) -> Result<(), Refusal> {
        if step.timestamp < self.statement.from {
            if self.part != Part::Before {
                return refuse(Code::Gap, at, "a step before the range stands behind it");
            }
            self.before.push(step.number);
        } else if step.timestamp >= self.statement.to {
            self.enter(Part::After);
            self.closing = Some(self.balances.items());
            self.after.push(step.number);
        } else {
            return refuse(Code::Gap, at, "a step of the range is not shown as an entry");
        }
        Ok(())
    }

    /// A step of the range, with its transaction.
    fn entry(&mut self, step: &Step, entry: &LogEntry, shown: &Shown, at: At<'_>) -> Result<(), Refusal> {
        let range = self.statement.from..self.statement.to;
        if !range.contains(&step.timestamp) {
            return refuse(Code::Gap, at, "an entry outside the range");
        }
        self.enter(Part::Entries);
        let transaction = check_entry(step, entry, at.field("entry"))?;
        let shown = showing::check(transaction, shown, at.field("shown"))?;
        self.entries.push(StatementEntry {
            number: step.number,
            ordinal: step.ordinal,
            entry: transaction.clone(),
            changes: step.changes.clone(),
            shown,
            erased: None,
        });
        Ok(())
    }

    /// Leaves the steps before the range: what the owner has now is what the range opens with.
    fn enter(&mut self, part: Part) {
        if self.part == Part::Before {
            self.opening = Some(self.balances.items());
        }
        self.part = part;
    }

    /// Applies a step's changes. Returns its inner hash.
    fn replay(&mut self, step: &Step, at: At<'_>) -> Result<Digest, Refusal> {
        self.balances.apply(&self.statement.owner, step, at)?;
        self.opened_to = step.number;
        Ok(step.inner())
    }
}

/// 4: the entry is the one of the step's leaf, and a failed one changed nothing.
fn check_entry<'a>(step: &Step, entry: &'a LogEntry, at: At<'_>) -> Result<&'a LoggedTransaction, Refusal> {
    let LogEntryV1::Transaction(transaction) = entry.v1() else {
        return refuse(Code::OtherLeaf, at, "it is not a transaction");
    };
    if entry.leaf_hash() != step.leaf {
        return refuse(Code::OtherLeaf, at, "it is not the entry of the step's leaf");
    }
    if transaction.timestamp != step.timestamp {
        return refuse(Code::OtherLeaf, at, "its time is not the step's");
    }
    if matches!(transaction.outcome, Outcome::Failed { .. }) && !step.changes.is_empty() {
        return refuse(Code::OtherLeaf, at, "a failed transaction changed balances");
    }
    Ok(transaction)
}
