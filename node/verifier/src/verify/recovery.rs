//! What makes a recovery valid on the block that it builds on (section 15, whose numbers stand at the code). What only
//! a node can look at, as it has all of the state, is left out there too.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{
    Address, Committee, CommitteeSeat, Digest, Height, Key, MemberNumber, SeatNumber, Tag, ValidatorIndex,
    verify_strict,
};
use quorate_ledger::{
    MemberStatus, RecoveryV1, SignedRecoveryV1, SignedStandDown, Signers, StandDownV1, encode,
};

use crate::at::At;
use crate::facts::{MayHaveLost, RecoveryFacts};
use crate::knowledge::{EndedBy, check_seals, faulty};
use crate::proof::RecoveryStep;
use crate::verdict::{Code, Refusal, refuse};

mod leaves;
mod signing;

use leaves::Leaves;
use signing::{check_members, check_validators, signed_by};

/// A height and the hash of its block.
type Block = (Height, Digest);

/// The block that a recovery builds on. Its hash is known to be that of the chain.
pub(super) struct Base {
    block: Block,
    /// The block before the old epoch's first one, if that is known.
    before_epoch: Option<Block>,
    state_root: Digest,
}

impl Base {
    pub(super) fn new(block: Block, before_epoch: Option<Block>, state_root: Digest) -> Self {
        Self {
            block,
            before_epoch,
            state_root,
        }
    }
}

/// The seats of a committee by their numbers.
type Seats<'a> = BTreeMap<SeatNumber, &'a CommitteeSeat>;

/// An account, and who signs for it.
#[derive(Clone, Copy)]
struct Signing<'a> {
    address: Address,
    /// None: the key that the address was made from, alone.
    signers: Option<&'a Signers>,
}

/// Refuses a recovery that is not valid under the old committee.
pub(super) fn check(
    network: &Digest,
    old: &Committee,
    base: &Base,
    step: &RecoveryStep,
    at: At<'_>,
) -> Result<EndedBy, Refusal> {
    let signed = step.document.v1();
    let document = signed.recovery.v1();
    if document.network != *network {
        return refuse(
            Code::OtherNetwork,
            at.field("document"),
            "it is for another network",
        );
    }
    if (document.base, document.block) != base.block {
        return bad(at.field("document"), "it is for another base");
    }
    let seats = seats_of(old);
    let signing = signing_members(signed, &seats, at.field("losses"))?;
    let leaves = Leaves::check(&step.leaves, &base.state_root, &signing, at.field("leaves"))?;
    check_document(document, old, &leaves, at)?;
    check_committee(&document.committee, &leaves, at.field("committee"))?;
    let highest = check_stand_downs(network, &signed.stand_downs, old, at.field("stand_downs"))?;
    check_losses(network, signed, (old, &seats), &leaves, at.field("losses"))?;
    let gone = signed.stand_downs.len() + signed.losses.len();
    if gone <= old.size() - old.quorum() + faulty(old) {
        return bad(
            at,
            format!("{gone} seats stood down or are lost: the old epoch could go on"),
        );
    }
    if highest.or(base.before_epoch) != Some(base.block) {
        return bad(
            at,
            "the base is not the highest block certified among the stand-downs",
        );
    }
    let evidence = [encode(&signed.stand_downs), encode(&signed.losses)].concat();
    if Tag::STAND_DOWNS.hash(&evidence) != document.evidence {
        return bad(at, "the evidence is another");
    }
    let content = encode(&signed.recovery);
    check_members(signed, &content, &leaves, at.field("members"))?;
    check_validators(signed, &content, at.field("validators"))?;
    Ok(ended_by(signed, old))
}

/// Refuses as a recovery that is not valid.
fn bad<T>(at: At<'_>, reason: impl Into<String>) -> Result<T, Refusal> {
    refuse(Code::BadRecovery, at, reason)
}

fn seats_of(committee: &Committee) -> Seats<'_> {
    let Committee::V1(committee) = committee;
    committee.seats.iter().map(|seat| (seat.seat, seat)).collect()
}

/// The members whose accounts' signers matter: those who sign the document, and those of lost seats.
fn signing_members(
    signed: &SignedRecoveryV1,
    seats: &Seats<'_>,
    at: At<'_>,
) -> Result<BTreeSet<MemberNumber>, Refusal> {
    let mut signing: BTreeSet<_> = signed.members.iter().map(|item| item.member).collect();
    for item in &signed.losses {
        let Some(seat) = seats.get(&item.loss.v1().seat) else {
            return bad(at, "a seat that the old committee does not have");
        };
        signing.insert(seat.member);
    }
    Ok(signing)
}

/// 1: the document follows the state that it builds on, and keeps engine and protocol.
fn check_document(
    document: &RecoveryV1,
    old: &Committee,
    leaves: &Leaves,
    at: At<'_>,
) -> Result<(), Refusal> {
    let recoveries = u64::from(leaves.recoveries);
    if u64::from(document.number) != recoveries + 1 {
        return bad(
            at.field("number"),
            format!("the next recovery is number {}", recoveries + 1),
        );
    }
    if document.old_epoch != leaves.epoch || document.old_epoch != old.epoch() {
        return bad(
            at.field("old_epoch"),
            format!("the epoch after the base is {}", leaves.epoch),
        );
    }
    let is_next = document.old_epoch.0.checked_add(1) == Some(document.new_epoch.0);
    if !is_next || document.committee.epoch() != document.new_epoch {
        return bad(
            at.field("new_epoch"),
            "the new epoch is not the one after the old one",
        );
    }
    let committee = &document.committee;
    if committee.engine() != old.engine() || committee.protocol_version() != old.protocol_version() {
        let reason = "its engine or protocol is another than the old committee's";
        return bad(at.field("committee"), reason);
    }
    Ok(())
}

/// 2: seats of active members, with good keys, and no member with more seats than may be faulty.
fn check_committee(committee: &Committee, leaves: &Leaves, at: At<'_>) -> Result<(), Refusal> {
    let Committee::V1(fields) = committee;
    let mut held: BTreeMap<MemberNumber, usize> = BTreeMap::new();
    for (place, seat) in fields.seats.iter().enumerate() {
        let member = leaves.members.get(&seat.member);
        if member.is_none_or(|member| member.status != MemberStatus::Active) {
            return bad(at.item(place), "its member is not active");
        }
        let keys = [seat.validator, seat.node, seat.witness];
        if !keys.iter().all(|key| Key::Ed25519(key.0).is_good()) {
            return bad(at.item(place), "a key that is not good");
        }
        *held.entry(seat.member).or_default() += 1;
    }
    let (number, most) = (fields.seats.len(), held.values().max().copied().unwrap_or(0));
    // The page has one bound for all engines here: that of validators that lie.
    if number > 3 && most > (number - 1) / 3 {
        return bad(at, "a member has more seats than may be faulty");
    }
    Ok(())
}

/// 3: the highest block that the stand-downs show as certified, none if they show none.
fn check_stand_downs(
    network: &Digest,
    stand_downs: &[SignedStandDown],
    old: &Committee,
    at: At<'_>,
) -> Result<Option<Block>, Refusal> {
    let mut before: Option<ValidatorIndex> = None;
    let mut certified: BTreeMap<Height, Digest> = BTreeMap::new();
    for (place, item) in stand_downs.iter().enumerate() {
        let at = at.item(place);
        let fields = item.stand_down.v1();
        if fields.network != *network || fields.epoch != old.epoch() {
            return bad(at, "it is of another network or epoch");
        }
        let Some(key) = old
            .key(fields.validator)
            .filter(|_| before < Some(fields.validator))
        else {
            return bad(at, "the validators do not ascend strictly, or one is not there");
        };
        before = Some(fields.validator);
        if !verify_strict(key, Tag::STAND_DOWN, &encode(&item.stand_down), &item.signature) {
            return bad(at, "its signature is not good");
        }
        if let Some((height, hash)) = check_held(network, fields, old, at)?
            && *certified.entry(height).or_insert(hash) != hash
        {
            let reason = format!("another block {height} is certified in a stand-down before");
            return bad(at, reason);
        }
    }
    Ok(certified.pop_last())
}

/// What a validator held when it stood down: its open work is of the old engine, and above what it has certified.
fn check_held(
    network: &Digest,
    stand_down: &StandDownV1,
    old: &Committee,
    at: At<'_>,
) -> Result<Option<Block>, Refusal> {
    if stand_down.open.engine() != old.engine() {
        return bad(at, "its open work is another engine's");
    }
    let Some(head) = &stand_down.certified else {
        return Ok(None);
    };
    let header = head.header.v1();
    if header.network != *network || header.epoch != old.epoch() {
        return bad(at, "its certificate is of another network or epoch");
    }
    check_seals(old, network, head, at.field("certified"))
        .or_else(|refusal| bad(at.field("certified"), refusal.reason))?;
    if stand_down
        .open
        .heights()
        .iter()
        .any(|height| *height <= header.height)
    {
        return bad(at, "its open work is not above what it has certified");
    }
    Ok(Some((header.height, head.header.hash())))
}

/// 4: each loss is of a seat that did not stand down, signed for its member's account.
fn check_losses(
    network: &Digest,
    signed: &SignedRecoveryV1,
    (old, seats): (&Committee, &Seats<'_>),
    leaves: &Leaves,
    at: At<'_>,
) -> Result<(), Refusal> {
    let stood_down = stood_down_seats(signed, old);
    let mut before: Option<SeatNumber> = None;
    for (place, item) in signed.losses.iter().enumerate() {
        let at = at.item(place);
        let loss = item.loss.v1();
        if loss.network != *network || loss.epoch != old.epoch() {
            return bad(at, "it is of another network or epoch");
        }
        if before >= Some(loss.seat) || stood_down.contains(&loss.seat) {
            return bad(at, "the seats do not ascend strictly, or one stood down");
        }
        before = Some(loss.seat);
        let Some(seat) = seats
            .get(&loss.seat)
            .filter(|seat| seat.validator == loss.validator)
        else {
            return bad(at, "the seat has another key");
        };
        let account = leaves.account_of(seat.member);
        signed_by(&item.signatures, account, Tag::LOSS, &encode(&item.loss))
            .or_else(|reason| bad(at, reason))?;
    }
    Ok(())
}

fn stood_down_seats(signed: &SignedRecoveryV1, old: &Committee) -> BTreeSet<SeatNumber> {
    let Committee::V1(committee) = old;
    let seats = signed.stand_downs.iter().filter_map(|item| {
        let index = usize::from(item.stand_down.v1().validator.0);
        committee.seats.get(index).map(|seat| seat.seat)
    });
    seats.collect()
}

/// Who made it possible, and what it may have lost.
fn ended_by(signed: &SignedRecoveryV1, old: &Committee) -> EndedBy {
    let stood_down = signed.stand_downs.len();
    let others = old.size() - old.quorum();
    let may_have_lost = if stood_down > others + faulty(old) {
        MayHaveLost::Nothing
    } else if stood_down > others {
        MayHaveLost::NothingUnlessALie
    } else {
        MayHaveLost::WhatIsNotShown
    };
    EndedBy {
        recovery: RecoveryFacts {
            number: signed.recovery.v1().number,
            may_have_lost,
        },
        stood_down: signed
            .stand_downs
            .iter()
            .map(|item| item.stand_down.v1().validator)
            .collect(),
        lost: signed.losses.iter().map(|item| item.loss.v1().seat).collect(),
    }
}
