//! What people say of an asset: the text of the operation that made it.
//!
//! An asset's leaf does not have it, as it is a text and can be erased. The first step of the asset's history leads to
//! the transaction. To find the operation there a whole batch is decoded, so its place is remembered: it never changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_api::Fault;
use quorate_ledger::{AssetCode, Digest, HistoryOwner, IntentV1, Operation, Place};

use super::{Certified, fault};

/// Assets whose places are remembered: about 400 kB. They are forgotten together, as an asset costs nothing to make.
const MAX_KNOWN: usize = 4_096;

/// Where the operations are that made assets: the transaction, and the place of the description, if it has one.
#[derive(Debug, Default)]
pub(crate) struct AssetMakers {
    known: Mutex<BTreeMap<AssetCode, Maker>>,
}

type Maker = (Digest, Option<Place>);

impl AssetMakers {
    fn known(&self) -> MutexGuard<'_, BTreeMap<AssetCode, Maker>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, code: &AssetCode) -> Option<Maker> {
        self.known().get(code).copied()
    }

    fn remember(&self, code: AssetCode, maker: Maker) {
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(code, maker);
    }
}

impl Certified<'_> {
    /// An asset's description; empty if there is none, or if it is not at hand.
    pub(super) fn description(&self, code: &AssetCode) -> Result<String, Fault> {
        let assets = &self.genesis.draft().v1().assets;
        if let Some(asset) = assets.iter().find(|asset| asset.code == *code) {
            return Ok(asset.description.clone());
        }
        let maker = match self.makers.of(code) {
            Some(maker) => maker,
            None => {
                let maker = self.find_maker(code)?;
                self.makers.remember(*code, maker);
                maker
            }
        };
        let (id, place) = maker;
        let Some(place) = place else {
            return Ok(String::new());
        };
        let text = self.shown_text(&id, &place)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn find_maker(&self, code: &AssetCode) -> Result<Maker, Fault> {
        let lacking = || {
            Fault(format!(
                "the history of asset {code} does not begin with its creation"
            ))
        };
        let owner = HistoryOwner::Asset(*code);
        let steps = self.snapshot.history_of_from(&owner, 1, 1).map_err(fault)?;
        let first = steps.first().ok_or_else(lacking)?;
        let executed = self.snapshot.transaction_at(first.location).map_err(fault)?;
        let executed = executed.ok_or_else(lacking)?;
        let place = place_of(executed.transaction.intent(), code).ok_or_else(lacking)?;
        let has_text = executed.transaction.intent().places().contains(&place);
        Ok((first.id, has_text.then_some(place)))
    }
}

/// Where the description stands of the asset that an intent creates.
fn place_of(intent: &IntentV1, code: &AssetCode) -> Option<Place> {
    let creates = |operation: &Operation| matches!(operation, Operation::CreateAsset { code: made, .. } if made == code);
    let index = intent.operations.iter().position(|act| creates(&act.operation))?;
    let index = u8::try_from(index).ok()?;
    Some(Place::Operation { index, field: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_assets_are_remembered() {
        let makers = AssetMakers::default();
        for number in 0..=MAX_KNOWN {
            let code: AssetCode = format!("A{number}").parse().unwrap();
            makers.remember(code, (Digest::ZERO, None));
            assert_eq!(makers.of(&code), Some((Digest::ZERO, None)));
            assert!(makers.known().len() <= MAX_KNOWN);
        }
    }
}
