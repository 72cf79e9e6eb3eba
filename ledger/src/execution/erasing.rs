//! Erasures of texts (`docs/formats.md`, section 4): whoever an intent names can have its texts erased,
//! whether it was executed or not. The intent comes with the operation, so that nothing has to be looked
//! up, and one leaf a transaction says of each place who and when.

use quorate_crypto::Tag;

use super::operations::{Failure, Turn};
use super::working_state::{Undo, WorkingState};
use crate::{Erased, Erasure, ErasureV1, ErrorCode, Intent, Place, StateKey, StateReader};

impl<R: StateReader> WorkingState<'_, R> {
    /// Erases texts of the transaction with this encoded intent, at places that ascend strictly.
    pub(super) fn erase(
        &mut self,
        turn: &Turn<'_>,
        intent: &[u8],
        places: &[Place],
    ) -> Result<(), Failure<R::Error>> {
        let by = self.address(turn.acting);
        // Bytes that are no intent name nobody; a checked `erase` has none.
        let is_named = Intent::decode_carried(intent).is_ok_and(|intent| intent.v1().names(&by));
        if !is_named && !self.may_erase(turn.acting)? {
            return Err(ErrorCode::NOT_NAMED.into());
        }
        // What was decoded is canonical, so these bytes are the intent's own.
        let id = Tag::TRANSACTION.hash(intent);
        let key = StateKey::erasure(&id);
        let mut erased = match self.erasures.get(self.reader, &key)? {
            // Other material led to the same key.
            Some(Erasure::V1(there)) if there.id != id => return Err(ErrorCode::KEY_TAKEN.into()),
            Some(Erasure::V1(there)) => {
                let is_erased = |place: &Place| {
                    let found = there.erased.binary_search_by_key(place, |erased| erased.place);
                    found.is_ok()
                };
                if places.iter().any(is_erased) {
                    return Err(ErrorCode::ALREADY_ERASED.into());
                }
                there.erased.clone()
            }
            None => Vec::new(),
        };
        let timestamp = self.moment.timestamp;
        erased.extend(places.iter().map(|place| Erased {
            place: *place,
            by,
            ordinal: turn.ordinal,
            timestamp,
        }));
        erased.sort_unstable_by_key(|erased| erased.place);
        let now = Erasure::V1(ErasureV1 { id, erased });
        let before = self.erasures.put(&key, Some(now));
        self.undo.push(Undo::Erasure(key, before.map(Box::new)));
        self.erased.extend(places.iter().map(|place| (id, *place)));
        Ok(())
    }
}
