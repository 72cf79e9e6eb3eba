//! The lines of a statement: what each transaction did to the owner, operation by operation.
//!
//! A step of a history says what a transaction changed of each balance, and that is what the proof establishes. Where the
//! transaction is shown, too, a change is divided among its operations. Their parts always add up to the change: what no
//! operation explains is a line of its own, and if the parts cannot be put together the change stays whole.

use std::collections::BTreeMap;

use quorate_crypto::{Address, Digest};
use quorate_ledger::{
    Amount, AssetCode, HistoryOwner, HoldRef, HoldV1, IntentV1, Operation, Outcome, Place, StateValue,
    TextItem, legal_text,
};
use quorate_verifier::{ProvenDecimals, StatementEntry, StatementFacts, TextFacts};

use crate::figures::{Balance, CONSENT, Line, Movement, NOT_ITEMISED, NOT_SHOWN, OTHER, Signed, Words};

mod parts;

use parts::{Effect, Part};

/// A hold by its owner, transaction and operation.
type HoldKey = (Address, Digest, u8);

/// The holds that the proof tells of: to whom they pay, and which asset.
type Holds = BTreeMap<HoldKey, (Address, AssetCode)>;

/// What changes of each asset, free and held.
type Changes = BTreeMap<AssetCode, (i128, i128)>;

/// Field of an operation's own text among its texts.
const OWN_TEXT: u8 = 0;

/// Field of a record's metadata.
const METADATA: u8 = 1;

/// The lines of the transactions that did not fail, in their order.
pub(crate) fn of(facts: &StatementFacts, decimals: &ProvenDecimals) -> Vec<Line> {
    let mut replay = Replay::new(facts, decimals);
    let mut lines = Vec::with_capacity(facts.entries.len());
    for entry in &facts.entries {
        if let Outcome::Success { results } = &entry.entry.outcome {
            lines.extend(replay.transaction(entry, results));
        }
    }
    lines
}

/// The balances and holds, one transaction after the other.
struct Replay<'a> {
    facts: &'a StatementFacts,
    decimals: &'a ProvenDecimals,
    balances: BTreeMap<AssetCode, Balance>,
    holds: Holds,
}

impl<'a> Replay<'a> {
    fn new(facts: &'a StatementFacts, decimals: &'a ProvenDecimals) -> Self {
        let opening = facts.opening.iter();
        let balances = opening.map(|item| {
            (
                item.asset,
                Balance {
                    free: item.free,
                    held: item.held,
                },
            )
        });
        let leaves = facts.beside.iter().flat_map(|proof| &proof.leaves);
        let holds = leaves.filter_map(|leaf| match &leaf.value {
            StateValue::Hold(hold) => Some(key_and_terms(hold.v1())),
            _ => None,
        });
        Self {
            facts,
            decimals,
            balances: balances.collect(),
            holds: holds.collect(),
        }
    }

    fn transaction(&mut self, entry: &StatementEntry, results: &[Amount]) -> Vec<Line> {
        let lines = match &entry.shown.intent {
            None => self.whole(entry, NOT_SHOWN),
            Some(intent) => {
                self.learn_holds(&entry.entry.id, intent);
                let parts = parts::of(&self.facts.owner, intent, results, &self.holds);
                let lines = self.itemised(entry, intent, parts);
                lines.unwrap_or_else(|| self.whole(entry, NOT_ITEMISED))
            }
        };
        for change in &entry.changes {
            let after = Balance {
                free: change.free_after,
                held: change.held_after,
            };
            self.balances.insert(change.asset, after);
        }
        lines
    }

    /// Remembers the holds that a transaction made: later releases and refunds name them.
    fn learn_holds(&mut self, id: &Digest, intent: &IntentV1) {
        for (operation, act) in (0..=u8::MAX).zip(&intent.operations) {
            if let (
                Operation::Hold {
                    beneficiary, asset, ..
                },
                Some(owner),
            ) = (&act.operation, intent.acting(act))
            {
                self.holds.insert((owner, *id, operation), (*beneficiary, *asset));
            }
        }
    }

    /// A line for each change, or one if nothing changed.
    fn whole(&self, entry: &StatementEntry, kind: &str) -> Vec<Line> {
        let line = |movement| Line {
            movement,
            text: match kind {
                NOT_SHOWN => text_of_hidden(entry),
                _ => Words::None,
            },
            ..bare(entry, kind)
        };
        if entry.changes.is_empty() {
            return vec![line(None)];
        }
        let movements = entry.changes.iter().map(|change| Movement {
            asset: change.asset,
            decimals: self.decimals.get(&change.asset).copied(),
            free: Signed::between(change.free_before, change.free_after),
            held: Some(Signed::between(change.held_before, change.held_after)),
            after: Some(Balance {
                free: change.free_after,
                held: change.held_after,
            }),
        });
        movements.map(|movement| line(Some(movement))).collect()
    }

    /// A line for each operation that touches the owner. `None`: their parts do not lead to the balances that are proven.
    fn itemised(&self, entry: &StatementEntry, intent: &IntentV1, mut parts: Vec<Part>) -> Option<Vec<Line>> {
        let mut rest = changes_of(entry)?;
        for part in &parts {
            if let Effect::Moves { asset, free, held } = part.effect {
                let (free_left, held_left) = rest.entry(asset).or_default();
                *free_left = free_left.checked_sub(free)?;
                *held_left = held_left.checked_sub(held)?;
            }
        }
        rest.retain(|_, left| *left != (0, 0));
        if parts::settle(&mut parts, &rest)? {
            rest.clear();
        }
        let mut now = BTreeMap::new();
        let mut lines = Vec::with_capacity(parts.len());
        for part in parts {
            let movement = match part.effect {
                Effect::Moves { asset, free, held } => Some(self.movement(&mut now, asset, free, held)?),
                Effect::Nothing | Effect::Unknown { .. } => None,
            };
            let text = |field| {
                let index = part.operation;
                words_at(entry, &Place::Operation { index, field })
            };
            lines.push(Line {
                operation: Some(part.operation),
                movement,
                counterparty: part.counterparty,
                text: text(OWN_TEXT),
                metadata: text(METADATA),
                ..bare(entry, part.kind)
            });
        }
        for (asset, (free, held)) in rest {
            lines.push(Line {
                movement: Some(self.movement(&mut now, asset, free, held)?),
                ..bare(entry, NOT_ITEMISED)
            });
        }
        if lines.is_empty() {
            lines.push(bare(entry, self.bystander(intent)));
        }
        Some(lines)
    }

    /// Books a movement. `None`: the balance is too small, or too large.
    fn movement(
        &self,
        now: &mut BTreeMap<AssetCode, Balance>,
        asset: AssetCode,
        free: i128,
        held: i128,
    ) -> Option<Movement> {
        let before = || self.balances.get(&asset).copied().unwrap_or_default();
        let balance = now.entry(asset).or_insert_with(before);
        balance.free = moved(balance.free, free)?;
        balance.held = moved(balance.held, held)?;
        Some(Movement {
            asset,
            decimals: self.decimals.get(&asset).copied(),
            free: Signed::of_change(free),
            held: Some(Signed::of_change(held)),
            after: Some(*balance),
        })
    }

    /// The kind of a line for an owner that no operation touches.
    fn bystander(&self, intent: &IntentV1) -> &'static str {
        match &self.facts.owner {
            HistoryOwner::Account(address) if intent.parties.contains(address) => CONSENT,
            _ => OTHER,
        }
    }
}

fn key_and_terms(hold: &HoldV1) -> (HoldKey, (Address, AssetCode)) {
    (
        (hold.owner, hold.transaction, hold.operation),
        (hold.beneficiary, hold.asset),
    )
}

/// The key of the hold that an operation names.
fn key_of(hold: &HoldRef) -> HoldKey {
    (hold.owner, hold.transaction, hold.operation)
}

/// What the transaction changed. `None`: by more than can be reckoned with.
fn changes_of(entry: &StatementEntry) -> Option<Changes> {
    let difference = |before: Amount, after: Amount| {
        let (before, after) = (i128::try_from(before.0).ok()?, i128::try_from(after.0).ok()?);
        after.checked_sub(before)
    };
    let changes = entry.changes.iter().map(|change| {
        let free = difference(change.free_before, change.free_after)?;
        let held = difference(change.held_before, change.held_after)?;
        Some((change.asset, (free, held)))
    });
    changes.collect()
}

fn moved(amount: Amount, change: i128) -> Option<Amount> {
    let size = change.unsigned_abs();
    let moved = if change < 0 {
        amount.0.checked_sub(size)
    } else {
        amount.0.checked_add(size)
    };
    moved.map(Amount)
}

/// A line about the transaction as a whole that moves nothing.
fn bare(entry: &StatementEntry, kind: &str) -> Line {
    Line {
        number: entry.number,
        ordinal: entry.ordinal,
        time: entry.entry.timestamp,
        height: entry.entry.height,
        id: entry.entry.id,
        operation: None,
        kind: kind.to_owned(),
        movement: None,
        counterparty: None,
        memo: words_at(entry, &Place::Memo),
        text: Words::None,
        metadata: Words::None,
    }
}

/// What there is of the text at a place.
fn words_at(entry: &StatementEntry, place: &Place) -> Words {
    let erased = entry.erased.iter().flatten().find(|text| text.place == *place);
    let missing = |otherwise| match erased {
        Some(text) if text.before_execution => Words::ErasedUnseen,
        Some(_) => Words::Erased,
        None => otherwise,
    };
    let Some(intent) = &entry.shown.intent else {
        return missing(Words::NotShown);
    };
    let Some(index) = intent.places().iter().position(|other| other == place) else {
        return Words::None;
    };
    let text = match &entry.shown.texts {
        TextFacts::All(items) => items.get(index).and_then(TextItem::shown),
        TextFacts::Alone { index: alone, text } if usize::from(*alone) == index => Some(text),
        TextFacts::Alone { .. } | TextFacts::Nothing => None,
    };
    match text {
        Some(text) => words_of(&text.text),
        None => missing(Words::Withheld),
    }
}

/// What there is of the other texts of a transaction that is not shown: only erasures tell that there were any.
fn text_of_hidden(entry: &StatementEntry) -> Words {
    let erased = entry
        .erased
        .iter()
        .flatten()
        .filter(|text| text.place != Place::Memo);
    let unseen: Vec<bool> = erased.map(|text| text.before_execution).collect();
    if unseen.is_empty() {
        Words::NotShown
    } else if unseen.iter().all(|unseen| *unseen) {
        Words::ErasedUnseen
    } else {
        Words::Erased
    }
}

fn words_of(bytes: &[u8]) -> Words {
    match legal_text(bytes) {
        Ok(text) => Words::Shown(text.to_owned()),
        Err(_) => Words::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
