//! Erasures of texts (`docs/formats-2.md`, section 4): whoever an intent names can have its texts erased,
//! whether it was executed or not. The intent comes with the operation, so that nothing has to be looked
//! up, and one leaf a transaction says of each place who and when.

use quorate_crypto_second::{Address, Tag};

use super::operations::{Failure, Turn};
use super::working_state::{Undo, WorkingState};
use crate::{
    Erased, Erasure, ErasureV1, ErrorCode, Intent, IntentV1, Operation, Place, StateKey, StateReader, decode,
};

impl<R: StateReader> WorkingState<'_, R> {
    /// Erases texts of the transaction with this encoded intent, at places that ascend strictly.
    pub(super) fn erase(
        &mut self,
        turn: &Turn<'_>,
        intent: &[u8],
        places: &[Place],
    ) -> Result<(), Failure<R::Error>> {
        let by = self.address(turn.acting);
        if !names(intent, &by) {
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

/// Whether an encoded intent names an account. Bytes that are none name nobody; a checked `erase` has none.
fn names(intent: &[u8], account: &Address) -> bool {
    // Its length was checked with its form.
    let Ok(Intent::V1(intent)) = decode::<Intent>(intent, intent.len()) else {
        return false;
    };
    let IntentV1 {
        parties, operations, ..
    } = &intent;
    parties.contains(account)
        || operations
            .iter()
            .any(|act| named_by(&act.operation) == Some(account))
}

/// The account that stands in a field of an operation, and not only deeper: in a condition, a change, an
/// erased intent. No operation has two.
fn named_by(operation: &Operation) -> Option<&Address> {
    match operation {
        Operation::Mint { to, .. } | Operation::Transfer { to, .. } => Some(to),
        Operation::Hold { beneficiary, .. } => Some(beneficiary),
        Operation::Release { hold, .. } | Operation::Refund { hold } => Some(&hold.owner),
        Operation::Grant { account, .. }
        | Operation::Revoke { account, .. }
        | Operation::Freeze { account, .. }
        | Operation::Unfreeze { account, .. }
        | Operation::Assign { account, .. }
        | Operation::RequestSigners { account, .. }
        | Operation::DecideRequest { account, .. }
        | Operation::DivideQuota { account, .. } => Some(account),
        Operation::CreateAsset { .. }
        | Operation::Burn { .. }
        | Operation::PutRecord { .. }
        | Operation::SetSigners { .. }
        | Operation::Rejoin { .. }
        | Operation::Erase { .. }
        | Operation::Propose { .. }
        | Operation::Vote { .. }
        | Operation::Withdraw { .. }
        | Operation::Attest { .. }
        | Operation::SetSeat { .. }
        | Operation::SetGuardians { .. }
        | Operation::ReportDormant { .. }
        | Operation::Answer { .. } => None,
    }
}
