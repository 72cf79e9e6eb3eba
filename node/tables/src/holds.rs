//! Open holds, as they follow from what was executed (formats, section 11): who is paid by a release, and how much is left,
//! stands in no intent.

use std::collections::HashMap;

use quorate_ledger::{Amount, HoldRef, HoldV1, IntentV1, LoggedTransaction, Operation, Outcome};

/// All open holds. It is only looked up in, so its order reaches nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct HoldBook {
    open: HashMap<HoldRef, HoldV1>,
}

/// What a transaction did to a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HoldEvent {
    /// The operation's place in the transaction.
    pub(crate) operation: u8,
    pub(crate) kind: HoldKind,
    /// What was set apart, paid or given back.
    pub(crate) moved: Amount,
    /// The hold after it; its amount is what is left.
    pub(crate) hold: HoldV1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoldKind {
    Held,
    Released,
    Refunded,
}

/// An outcome that does not follow from what was before: no execution gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its outcome does not follow from what was before")]
pub(crate) struct Contradiction;

impl HoldKind {
    /// The name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Refunded => "refunded",
        }
    }
}

impl HoldBook {
    /// A book that begins with these holds.
    pub(crate) fn new(open: Vec<HoldV1>) -> Self {
        let open = open.into_iter();
        Self {
            open: open.map(|hold| (reference(&hold), hold)).collect(),
        }
    }

    /// Books an executed transaction. Gives what it did to holds, in the order of its operations.
    pub(crate) fn book(
        &mut self,
        intent: &IntentV1,
        entry: &LoggedTransaction,
    ) -> Result<Vec<HoldEvent>, Contradiction> {
        let Outcome::Success { results } = &entry.outcome else {
            return Ok(Vec::new());
        };
        let mut results = results.iter();
        let mut events = Vec::new();
        for (operation, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
            let event = match &act.operation {
                Operation::Hold {
                    beneficiary,
                    asset,
                    amount,
                    until,
                    condition,
                } => {
                    let hold = HoldV1 {
                        owner: intent.acting(act).ok_or(Contradiction)?,
                        transaction: entry.id,
                        operation,
                        beneficiary: *beneficiary,
                        asset: *asset,
                        amount: *amount,
                        until: *until,
                        condition: condition.clone(),
                    };
                    self.open.insert(reference(&hold), hold.clone());
                    HoldEvent {
                        operation,
                        kind: HoldKind::Held,
                        moved: *amount,
                        hold,
                    }
                }
                Operation::Release { hold, .. } => {
                    self.pay(hold, operation, HoldKind::Released, results.next())?
                }
                Operation::Refund { hold } => {
                    self.pay(hold, operation, HoldKind::Refunded, results.next())?
                }
                _ => continue,
            };
            events.push(event);
        }
        match results.next() {
            None => Ok(events),
            Some(_) => Err(Contradiction),
        }
    }

    fn pay(
        &mut self,
        reference: &HoldRef,
        operation: u8,
        kind: HoldKind,
        paid: Option<&Amount>,
    ) -> Result<HoldEvent, Contradiction> {
        let moved = *paid.ok_or(Contradiction)?;
        let open = self.open.get_mut(reference).ok_or(Contradiction)?;
        let rest = open.amount.0.checked_sub(moved.0).ok_or(Contradiction)?;
        open.amount = Amount(rest);
        let hold = open.clone();
        if rest == 0 {
            self.open.remove(reference);
        }
        Ok(HoldEvent {
            operation,
            kind,
            moved,
            hold,
        })
    }
}

fn reference(hold: &HoldV1) -> HoldRef {
    HoldRef {
        owner: hold.owner,
        transaction: hold.transaction,
        operation: hold.operation,
    }
}
