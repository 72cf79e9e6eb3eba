//! Whether a transaction's signatures are those that its parties need (`docs/formats.md`, section 3,
//! authority): each signs for at least one party, and for every party the weights of the signers that
//! signed reach the threshold, the signers being those of this moment.

use quorate_crypto::{Address, Key, KeySignature};
use smallvec::SmallVec;

use super::working_state::{AccountCell, AccountIndex, WorkingState};
use crate::AccountV1;

/// Why a copy of a transaction has no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unauthorised {
    /// Its signatures do not reach the threshold of this party.
    Party(Address),
    /// This key signs for none of the parties. Whoever passes the transaction on could have attached it.
    Needless(Key),
}

impl<R> WorkingState<'_, R> {
    /// Judges the signatures of the transaction under way, which ascend strictly by key.
    pub(super) fn authorise(&self, signatures: &[KeySignature]) -> Result<(), Unauthorised> {
        let mut judged = Judged::new(signatures);
        for AccountIndex(place) in &self.parties {
            let AccountCell { address, account, .. } = &self.accounts[*place];
            if !judged.is_reached(address, account) {
                return Err(Unauthorised::Party(*address));
            }
        }
        judged
            .needless()
            .map_or(Ok(()), |key| Err(Unauthorised::Needless(key)))
    }
}

struct Judged<'a> {
    signatures: &'a [KeySignature],
    /// The addresses of their keys: made for the first party without signers, as others need none.
    addresses: Option<SmallVec<[Address; 2]>>,
    /// Bit i is set if signature i signs for a party. A checked transaction has at most 64.
    useful: u64,
}

impl<'a> Judged<'a> {
    fn new(signatures: &'a [KeySignature]) -> Self {
        Self {
            signatures,
            addresses: None,
            useful: 0,
        }
    }

    /// Whether the signatures reach this party's threshold; notes which of them sign for it.
    fn is_reached(&mut self, address: &Address, account: &AccountV1) -> bool {
        let Some(signers) = &account.signers else {
            return self.has_first_key(address);
        };
        let mut weight = 0_u64;
        for signer in &signers.signers {
            let found = self
                .signatures
                .binary_search_by_key(&signer.key, |signature| signature.key());
            if let Ok(at) = found {
                self.useful |= bit(at);
                weight = weight.saturating_add(u64::from(signer.weight));
            }
        }
        weight >= u64::from(signers.threshold)
    }

    /// Whether the key that an account's address was made from has signed.
    fn has_first_key(&mut self, address: &Address) -> bool {
        let signatures = self.signatures;
        let addresses = self.addresses.get_or_insert_with(|| {
            let keys = signatures.iter().map(|signature| signature.key());
            keys.map(|key| key.address()).collect()
        });
        let mut found = false;
        for (at, own) in addresses.iter().enumerate() {
            if own == address {
                self.useful |= bit(at);
                found = true;
            }
        }
        found
    }

    /// The first key that signs for no party.
    fn needless(&self) -> Option<Key> {
        let places = self.signatures.iter().enumerate();
        let mut needless = places.filter(|(at, _)| self.useful & bit(*at) == 0);
        needless.next().map(|(_, signature)| signature.key())
    }
}

/// The bit of a signature; none beyond the 64 that a checked transaction can have, so that one there would
/// sign for nobody.
fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u64.checked_shl(at))
        .unwrap_or(0)
}
