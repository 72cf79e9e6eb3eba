//! Who signs a recovery: members' accounts by their signers (number 8), the new committee's validators, and whoever
//! declares a seat lost (number 4).

use quorate_crypto::{Committee, Key, KeySignature, MemberNumber, Tag, verify_strict};
use quorate_ledger::{Majority, MemberStatus, SignedRecoveryV1};

use super::{Leaves, Signing, bad};
use crate::at::At;
use crate::verdict::Refusal;

/// Why these signatures do not speak for the account. None: an account that is not known.
pub(super) fn signed_by(
    signatures: &[KeySignature],
    account: Option<Signing<'_>>,
    tag: Tag,
    content: &[u8],
) -> Result<(), &'static str> {
    let account = account.ok_or("the account is not among those that sign")?;
    let keys: Vec<Key> = signatures.iter().map(|signature| signature.key()).collect();
    if !keys.is_sorted_by(|a, b| a < b) {
        return Err("the signatures do not ascend strictly by key");
    }
    let mut reached = 0_u64;
    for key in &keys {
        match weight_of(key, account) {
            0 => return Err("a key that is not one of the account's signers"),
            weight => reached += weight,
        }
    }
    let threshold = account.signers.map_or(1, |signers| u64::from(signers.threshold));
    if keys.is_empty() || reached < threshold {
        return Err("the threshold is not reached");
    }
    let preimage = tag.preimage(content);
    // Without the form, ZIP-215 would take keys of small order, for which anybody can sign.
    let good = |signature: &KeySignature| signature.key().is_of_good_form() && signature.verify(&preimage);
    if !signatures.iter().all(good) {
        return Err("a signature is not good");
    }
    Ok(())
}

/// A key's weight among the account's signers, 0 if it is none of them.
fn weight_of(key: &Key, account: Signing<'_>) -> u64 {
    match account.signers {
        None => u64::from(key.address() == account.address),
        Some(signers) => {
            let signer = signers.signers.iter().find(|signer| signer.key == *key);
            signer.map_or(0, |signer| u64::from(signer.weight))
        }
    }
}

/// 8: the members that sign are active, and enough of them.
pub(super) fn check_members(
    signed: &SignedRecoveryV1,
    content: &[u8],
    leaves: &Leaves,
    at: At<'_>,
) -> Result<(), Refusal> {
    let mut before: Option<MemberNumber> = None;
    for (place, item) in signed.members.iter().enumerate() {
        let at = at.item(place);
        if before >= Some(item.member) {
            return bad(at, "the members do not ascend strictly");
        }
        before = Some(item.member);
        let member = leaves.members.get(&item.member);
        if member.is_none_or(|member| member.status != MemberStatus::Active) {
            return bad(at, "the member is not active");
        }
        let account = leaves.account_of(item.member);
        signed_by(&item.signatures, account, Tag::RECOVERY, content).or_else(|reason| bad(at, reason))?;
    }
    let count = |counts: &dyn Fn(&MemberStatus) -> bool| {
        leaves
            .members
            .values()
            .filter(|member| counts(&member.status))
            .count()
    };
    let active = count(&|status| *status == MemberStatus::Active);
    let remaining = count(&|status| !matches!(status, MemberStatus::Expelled | MemberStatus::Left));
    let signing = signed.members.len();
    let majority = leaves.rules.strict_in_force().max(Majority::TwoThirds);
    let needed = majority.of(u32::try_from(active).unwrap_or(u32::MAX)) as usize;
    if signing < needed || 2 * signing < remaining {
        return bad(at, format!("{signing} of {active} active members are too few"));
    }
    Ok(())
}

/// One signature for each seat of the new committee, in its order.
pub(super) fn check_validators(signed: &SignedRecoveryV1, content: &[u8], at: At<'_>) -> Result<(), Refusal> {
    let Committee::V1(committee) = &signed.recovery.v1().committee;
    if signed.validators.len() != committee.seats.len() {
        return bad(at, "one signature belongs to each new seat");
    }
    let mut pairs = committee.seats.iter().zip(&signed.validators);
    let wrong = pairs
        .position(|(seat, signature)| !verify_strict(&seat.validator, Tag::RECOVERY, content, signature));
    wrong.map_or(Ok(()), |place| bad(at.item(place), "it is not good"))
}
