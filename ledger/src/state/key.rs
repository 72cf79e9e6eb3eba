//! Where values lie (`docs/formats.md`, section 12): a byte of kind, then material of fixed place,
//! filled up with zeros.
//!
//! What clients choose freely is in no key but under a tagged hash. Where such a hash is cut, somebody can
//! find two materials with one key; so every value repeats its material, and nothing is ever overwritten by
//! what has other material.

use quorate_crypto::{Address, Digest, MemberNumber, SeatNumber, Tag};
use serde::{Deserialize, Serialize};

use crate::{AssetCode, Right, Scope, Taken, encode};

/// The first byte of every key, for each kind of value.
pub(crate) mod kind {
    /// Accounts, and balances that lie outside their account's leaf.
    pub(crate) const ACCOUNT: u8 = 0x01;
    /// Holds, by owner.
    pub(crate) const HOLD: u8 = 0x02;
    /// Assets.
    pub(crate) const ASSET: u8 = 0x03;
    /// Records that an account put for itself.
    pub(crate) const OWN_RECORD: u8 = 0x04;
    /// Records that claim a document.
    pub(crate) const UNIQUE_RECORD: u8 = 0x05;
    /// Members.
    pub(crate) const MEMBER: u8 = 0x06;
    /// Seats.
    pub(crate) const SEAT: u8 = 0x07;
    /// Names and keys that are or were in use.
    pub(crate) const IN_USE: u8 = 0x08;
    /// Grants, by account.
    pub(crate) const GRANT: u8 = 0x09;
    /// Freezes, by account.
    pub(crate) const FREEZE: u8 = 0x0A;
    /// Proposals of governance.
    pub(crate) const PROPOSAL: u8 = 0x0B;
    /// Guardians.
    pub(crate) const GUARDIANS: u8 = 0x0C;
    /// Quotas, and accounts' shares of them.
    pub(crate) const QUOTA: u8 = 0x0D;
    /// Erasures.
    pub(crate) const ERASURE: u8 = 0x0E;
    /// Recoveries.
    pub(crate) const RECOVERY: u8 = 0x0F;
    /// What there is one of: parameters, rules, agreement, counters.
    pub(crate) const SINGLE: u8 = 0x10;
}

/// The second byte of the keys of what there is one of.
pub(crate) mod single {
    /// The parameters.
    pub(crate) const PARAMETERS: u8 = 0;
    /// The rules.
    pub(crate) const RULES: u8 = 1;
    /// The epoch under way.
    pub(crate) const AGREEMENT: u8 = 2;
    /// What was made so far.
    pub(crate) const COUNTERS: u8 = 3;
}

/// The second byte of the keys of quotas.
pub(crate) mod quota {
    /// A member's, or that of all accounts without a member.
    pub(crate) const WHOLE: u8 = 0;
    /// An account's share.
    pub(crate) const SHARE: u8 = 1;
}

/// Stands for "no member" in the keys of quotas.
const NO_MEMBER: [u8; 4] = [0xFF; 4];

/// The place of a value in the state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateKey(pub [u8; 32]);

impl StateKey {
    /// Where the account with this address lies.
    pub fn account(address: &Address) -> Self {
        Self::of(kind::ACCOUNT, &[address.as_bytes()])
    }

    /// Where a balance of the account lies, if it is not of the assets that lie in the account's leaf.
    pub fn balance(address: &Address, asset: &AssetCode) -> Self {
        Self::of(kind::ACCOUNT, &[address.as_bytes(), &[0; 3], &asset.b37()])
    }

    /// Where the hold lies that the operation at this index of the transaction with this id made.
    pub fn hold(owner: &Address, id: &Digest, operation: u8) -> Self {
        let made = Tag::HOLD.hash_parts(&[id.as_bytes(), &[operation]]);
        Self::of(kind::HOLD, &[owner.as_bytes(), &made.0[..11]])
    }

    /// Where the asset with this code lies.
    pub fn asset(code: &AssetCode) -> Self {
        Self::of(kind::ASSET, &[&code.b37()])
    }

    /// Where the account's own record of the document with this SHA-256 lies.
    pub fn own_record(address: &Address, sha256: &Digest) -> Self {
        let record = Tag::OWN_RECORD.hash_parts(&[address.as_bytes(), sha256.as_bytes()]);
        Self::of_hash(kind::OWN_RECORD, &record)
    }

    /// Where the one record lies that claims the document with this SHA-256.
    pub fn unique_record(sha256: &Digest) -> Self {
        Self::of_hash(kind::UNIQUE_RECORD, &Tag::UNIQUE_RECORD.hash(sha256.as_bytes()))
    }

    /// Where a member lies.
    pub fn member(number: MemberNumber) -> Self {
        Self::of(kind::MEMBER, &[&number.0.to_be_bytes()])
    }

    /// Where a validator's seat lies.
    pub fn seat(number: SeatNumber) -> Self {
        Self::of(kind::SEAT, &[&number.0.to_be_bytes()])
    }

    /// Where it is said whose a name or a key of a seat is or was.
    pub fn in_use(taken: &Taken) -> Self {
        Self::of_hash(kind::IN_USE, &Tag::TAKEN.hash(&encode(taken)))
    }

    /// Where the grant of a right to an account lies.
    pub fn grant(account: &Address, right: Right, scope: &Scope) -> Self {
        let (scope, material) = match scope {
            Scope::Network => (0, [0; 8]),
            Scope::Member(number) => (1, u64::from(number.0).to_be_bytes()),
            Scope::Asset(code) => (2, code.b37()),
        };
        Self::of(
            kind::GRANT,
            &[account.as_bytes(), &[right as u8, scope], &material],
        )
    }

    /// Where the freeze of an account lies: for one asset, or for all (none).
    pub fn freeze(account: &Address, asset: Option<&AssetCode>) -> Self {
        let material = asset.map_or([0; 8], |code| code.b37());
        Self::of(kind::FREEZE, &[account.as_bytes(), &[0; 3], &material])
    }

    /// Where the proposal of governance with this number lies.
    pub fn proposal(number: u64) -> Self {
        Self::of(kind::PROPOSAL, &[&number.to_be_bytes()])
    }

    /// Where an account's guardians lie.
    pub fn guardians(account: &Address) -> Self {
        Self::of(kind::GUARDIANS, &[account.as_bytes()])
    }

    /// Where a member's quota lies, or (none) that of all accounts without a member.
    pub fn quota(member: Option<MemberNumber>) -> Self {
        let material = member.map_or(NO_MEMBER, |number| number.0.to_be_bytes());
        Self::of(kind::QUOTA, &[&[quota::WHOLE], &material])
    }

    /// Where an account's share of its member's quota lies.
    pub fn quota_share(account: &Address) -> Self {
        Self::of(kind::QUOTA, &[&[quota::SHARE], account.as_bytes()])
    }

    /// Where it is said which texts of the transaction with this id were erased.
    pub fn erasure(id: &Digest) -> Self {
        Self::of_hash(kind::ERASURE, &Tag::ERASURE.hash(id.as_bytes()))
    }

    /// Where the mark of the recovery with this number lies.
    pub fn recovery(number: u32) -> Self {
        Self::of(kind::RECOVERY, &[&number.to_be_bytes()])
    }

    /// Where the parameters lie.
    pub fn parameters() -> Self {
        Self::of(kind::SINGLE, &[&[single::PARAMETERS]])
    }

    /// Where the rules of governance lie.
    pub fn rules() -> Self {
        Self::of(kind::SINGLE, &[&[single::RULES]])
    }

    /// Where the epoch under way lies.
    pub fn agreement() -> Self {
        Self::of(kind::SINGLE, &[&[single::AGREEMENT]])
    }

    /// Where it lies how much was made so far.
    pub fn counters() -> Self {
        Self::of(kind::SINGLE, &[&[single::COUNTERS]])
    }

    /// The key's first byte, which says what lies under it.
    pub const fn kind(&self) -> u8 {
        self.0[0]
    }

    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bit at `depth`; bit 0 is the most significant of the first byte.
    pub(crate) fn bit(&self, depth: u8) -> bool {
        let byte = self.0[usize::from(depth / 8)];
        byte >> (7 - depth % 8) & 1 == 1
    }

    /// The first bit in which two different keys differ.
    pub(crate) fn parting(&self, other: &Self) -> Option<u8> {
        let at = self.0.iter().zip(&other.0).position(|(a, b)| a != b)?;
        let bit = (self.0[at] ^ other.0[at]).leading_zeros();
        u8::try_from(8 * at as u32 + bit).ok()
    }

    /// A kind, its material, and zeros. The material has at most 31 bytes, whatever it is.
    fn of(kind: u8, material: &[&[u8]]) -> Self {
        let mut key = [0; 32];
        key[0] = kind;
        let mut end = 1;
        for part in material {
            key[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        Self(key)
    }

    /// A kind, and as much of a hash as there is room for.
    fn of_hash(kind: u8, hash: &Digest) -> Self {
        Self::of(kind, &[&hash.0[..31]])
    }
}

impl std::fmt::Display for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
