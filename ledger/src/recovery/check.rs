//! When a recovery is valid, as far as this needs no state (`docs/formats.md`, section 15). Numbers are
//! those of its conditions.
//!
//! What is left to whoever has the state at the base: the recovery's number, and that the agreement after
//! the base is of the old epoch (1); that seats' members are active (2); that the keys that signed for a
//! member are its account's signers and reach its threshold, and how many members sign (4, 8); and, where
//! no stand-down has a certificate, what came before the old epoch's first block (6).

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{
    CertificateError, Committee, CommitteeError, CommitteeSeat, Digest, Engine, Epoch, Height, Key,
    KeySignature, MemberNumber, SeatNumber, Signature, Tag, ValidatorIndex, verify_clients, verify_strict,
};

use super::{MemberSignatures, RecoveryV1, SignedLoss, SignedRecovery, SignedRecoveryV1, SignedStandDown};
use crate::{CertifiedHeader, encode};

/// Why a recovery is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// A part over its limit.
    #[error("the {part} has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// It is for another network.
    #[error("the recovery is for network {got}, this is {expected}")]
    WrongNetwork {
        /// The network it names.
        got: Digest,
        /// This network.
        expected: Digest,
    },
    /// It ends another epoch, or begins another than the next (1).
    #[error(
        "the recovery leads from epoch {old} to epoch {new}, the committee that stood down is of {ended}"
    )]
    Epochs {
        /// The epoch that it ends.
        old: Epoch,
        /// The epoch that it begins.
        new: Epoch,
        /// The old committee's.
        ended: Epoch,
    },
    /// The new committee is of another epoch, engine or protocol than it must be (1).
    #[error("the new committee is of another epoch, engine or protocol than the old one's next")]
    OtherCommittee,
    /// The new committee is none (2).
    #[error("the new committee: {0}")]
    Committee(#[from] CommitteeError),
    /// A key of the new committee is not good (2).
    #[error("seat {} of the new committee has a key that is not good", .seat.0)]
    BadKey {
        /// The seat.
        seat: SeatNumber,
    },
    /// A member has more seats of the new committee than may be faulty (2).
    #[error("member {} has {seats} seats of the new committee, at most {limit} are allowed", .member.0)]
    TooManySeats {
        /// The member.
        member: MemberNumber,
        /// Its seats.
        seats: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A stand-down is not good (3).
    #[error("stand-down {place}: {fault}")]
    StandDown {
        /// Its place, from 0.
        place: usize,
        /// What is wrong with it.
        fault: StandDownFault,
    },
    /// A loss is not good (4).
    #[error("loss {place}: {fault}")]
    Loss {
        /// Its place, from 0.
        place: usize,
        /// What is wrong with it.
        fault: LossFault,
    },
    /// The old epoch could go on (5).
    #[error("{got} seats stood down or are lost, more than {limit} must be")]
    OldEpochLives {
        /// Seats that stood down or are lost.
        got: usize,
        /// How many must be exceeded.
        limit: usize,
    },
    /// It does not build on the highest certified block (6).
    #[error("the recovery builds on height {base}, the highest certified block at {highest} is another")]
    Base {
        /// The height that it builds on.
        base: Height,
        /// The highest certified height among the stand-downs.
        highest: Height,
    },
    /// It was signed for other stand-downs or losses (7).
    #[error("the recovery is signed for other stand-downs or losses")]
    Evidence,
    /// Members do not ascend, or one is there twice (8).
    #[error("the members that sign are not strictly ascending")]
    MembersUnordered,
    /// A member's signatures are not good (8).
    #[error("member {}: {fault}", .member.0)]
    Member {
        /// The member.
        member: MemberNumber,
        /// What is wrong with them.
        fault: SignatureFault,
    },
    /// Not one validator's signature for each seat of the new committee (8).
    #[error("{got} validators of the new committee sign, it has {seats} seats")]
    ValidatorCount {
        /// Signatures found.
        got: usize,
        /// Seats of the new committee.
        seats: usize,
    },
    /// A validator's signature is not good (8).
    #[error("the signature of the new committee's validator {place} is not good")]
    BadValidatorSignature {
        /// The seat's place in the new committee, from 0.
        place: usize,
    },
}

/// Why a stand-down is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandDownFault {
    /// Another network or epoch.
    #[error("it is of another network or epoch")]
    Foreign,
    /// Out of order, or of a validator that stood down already.
    #[error("the validators do not ascend strictly")]
    Unordered,
    /// Not of the old committee.
    #[error("its validator is not in the old committee")]
    UnknownValidator,
    /// Another engine's work.
    #[error("its open work is another engine's")]
    OtherEngine,
    /// Open work out of order, or not above what is certified.
    #[error("its open work does not ascend strictly from above what it has certified")]
    OpenHeights,
    /// The certified header is of another network or epoch.
    #[error("what it has certified is of another network or epoch")]
    ForeignCertified,
    /// Two certified headers of one height.
    #[error("another block {height} is certified in a stand-down before")]
    Split {
        /// The height.
        height: Height,
    },
    /// The certificate is not good.
    #[error("what it has certified: {0}")]
    Certificate(#[from] CertificateError),
    /// The validator did not sign it.
    #[error("its signature is not good")]
    BadSignature,
}

/// Why a loss is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LossFault {
    /// Another network or epoch.
    #[error("it is of another network or epoch")]
    Foreign,
    /// Out of order, or of a seat that is lost already.
    #[error("the seats do not ascend strictly")]
    Unordered,
    /// No seat of the old committee.
    #[error("the old committee has no such seat")]
    UnknownSeat,
    /// The seat has another key.
    #[error("the seat has another validator key")]
    OtherKey,
    /// The seat's validator stood down.
    #[error("the seat's validator stood down, so it is not lost")]
    StoodDown,
    /// The member's signatures are not good.
    #[error("{0}")]
    Signatures(#[from] SignatureFault),
}

/// Why signatures for an account are not good, whoever its signers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// There is none.
    #[error("it has no signature")]
    Missing,
    /// Out of order, or two of one key.
    #[error("its signatures are not strictly ascending by key")]
    Unordered,
    /// A key that cannot be good.
    #[error("it has a signature of a key that cannot be good")]
    BadKey,
    /// A signature that does not fit.
    #[error("it has a signature that is not good")]
    BadSignature,
}

impl SignedRecovery {
    /// Checks all that makes a recovery valid and needs no state, given the committee of the epoch that it
    /// ends. Where no stand-down has a certificate, the base is not looked at: it must be what came before
    /// that epoch's first block.
    ///
    /// The verdict is one on this copy: no hash covers the signatures of members and validators.
    pub fn check_form(&self, network: &Digest, old: &Committee) -> Result<(), RecoveryError> {
        let SignedRecoveryV1 {
            recovery,
            stand_downs,
            losses,
            members,
            validators,
        } = self.v1();
        let Committee::V1(ended) = old;
        // What is cheap comes first.
        if let Some((part, length, limit)) = self.over_limit() {
            return Err(RecoveryError::TooLong { part, length, limit });
        }
        let document = recovery.v1();
        check_document(document, network, old)?;
        check_stand_downs(stand_downs, network, old)?;
        check_losses(losses, stand_downs, network, old.epoch(), &ended.seats)?;
        check_declared(stand_downs.len() + losses.len(), old)?;
        self.check_base()?;
        if document.evidence != self.evidence_hash() {
            return Err(RecoveryError::Evidence);
        }
        if !members.is_sorted_by(|a, b| a.member < b.member) {
            return Err(RecoveryError::MembersUnordered);
        }
        check_certificates(stand_downs, network, old)?;
        check_stand_down_signatures(stand_downs, old)?;
        check_loss_signatures(losses)?;
        let content = recovery.signed_bytes();
        check_validators(validators, document, &content)?;
        check_members(members, &content)
    }

    /// Checks condition 6, where a stand-down has a certificate.
    fn check_base(&self) -> Result<(), RecoveryError> {
        let document = self.recovery();
        match self.highest_certified() {
            Some(highest) if highest != (document.base, document.block) => Err(RecoveryError::Base {
                base: document.base,
                highest: highest.0,
            }),
            _ => Ok(()),
        }
    }
}

/// Checks conditions 1 and 2.
fn check_document(document: &RecoveryV1, network: &Digest, old: &Committee) -> Result<(), RecoveryError> {
    if document.network != *network {
        return Err(RecoveryError::WrongNetwork {
            got: document.network,
            expected: *network,
        });
    }
    let ended = old.epoch();
    let follows = ended.0.checked_add(1) == Some(document.new_epoch.0);
    if document.old_epoch != ended || !follows {
        return Err(RecoveryError::Epochs {
            old: document.old_epoch,
            new: document.new_epoch,
            ended,
        });
    }
    let committee = &document.committee;
    let fits = committee.epoch() == document.new_epoch
        && committee.engine() == old.engine()
        && committee.protocol_version() == old.protocol_version();
    if !fits {
        return Err(RecoveryError::OtherCommittee);
    }
    committee.check()?;
    let Committee::V1(committee) = committee;
    check_seats(&committee.seats)
}

/// Checks that the keys of all seats are good, and that no member of a larger committee has more of them than
/// may be faulty, whatever the engine.
fn check_seats(seats: &[CommitteeSeat]) -> Result<(), RecoveryError> {
    let mut held: BTreeMap<MemberNumber, usize> = BTreeMap::new();
    for seat in seats {
        let keys = [&seat.validator, &seat.node, &seat.witness];
        if !keys.iter().all(|key| Key::Ed25519(key.0).is_good()) {
            return Err(RecoveryError::BadKey { seat: seat.seat });
        }
        let held = held.entry(seat.member).or_default();
        *held = held.saturating_add(1);
    }
    if seats.len() <= 3 {
        return Ok(());
    }
    let limit = (seats.len() - 1) / 3;
    match held.into_iter().find(|(_, held)| *held > limit) {
        Some((member, seats)) => Err(RecoveryError::TooManySeats { member, seats, limit }),
        None => Ok(()),
    }
}

/// Checks condition 3 but for signatures and certificates.
fn check_stand_downs(
    stand_downs: &[SignedStandDown],
    network: &Digest,
    old: &Committee,
) -> Result<(), RecoveryError> {
    let mut before: Option<ValidatorIndex> = None;
    let mut certified = BTreeMap::new();
    for (place, signed) in stand_downs.iter().enumerate() {
        let stand_down = signed.v1();
        let faulty = |fault| RecoveryError::StandDown { place, fault };
        if stand_down.network != *network || stand_down.epoch != old.epoch() {
            return Err(faulty(StandDownFault::Foreign));
        }
        if before.is_some_and(|before| before >= stand_down.validator) {
            return Err(faulty(StandDownFault::Unordered));
        }
        before = Some(stand_down.validator);
        if old.key(stand_down.validator).is_none() {
            return Err(faulty(StandDownFault::UnknownValidator));
        }
        if stand_down.open.engine() != old.engine() {
            return Err(faulty(StandDownFault::OtherEngine));
        }
        let heights = stand_down.open.heights();
        if !heights.is_sorted_by(|a, b| a < b) {
            return Err(faulty(StandDownFault::OpenHeights));
        }
        let Some(head) = &stand_down.certified else {
            continue;
        };
        let header = head.v1();
        if header.network != *network || header.epoch != old.epoch() {
            return Err(faulty(StandDownFault::ForeignCertified));
        }
        if heights.first().is_some_and(|lowest| *lowest <= header.height) {
            return Err(faulty(StandDownFault::OpenHeights));
        }
        let hash = head.hash();
        if *certified.entry(header.height).or_insert(hash) != hash {
            let height = header.height;
            return Err(faulty(StandDownFault::Split { height }));
        }
    }
    Ok(())
}

/// Checks condition 4 but for signatures.
fn check_losses(
    losses: &[SignedLoss],
    stand_downs: &[SignedStandDown],
    network: &Digest,
    epoch: Epoch,
    seats: &[CommitteeSeat],
) -> Result<(), RecoveryError> {
    let stood_down: BTreeSet<SeatNumber> = stand_downs
        .iter()
        .filter_map(|signed| seats.get(usize::from(signed.v1().validator.0)))
        .map(|seat| seat.seat)
        .collect();
    let mut before: Option<SeatNumber> = None;
    for (place, signed) in losses.iter().enumerate() {
        let loss = signed.v1();
        let faulty = |fault| RecoveryError::Loss { place, fault };
        if loss.network != *network || loss.epoch != epoch {
            return Err(faulty(LossFault::Foreign));
        }
        if before.is_some_and(|before| before >= loss.seat) {
            return Err(faulty(LossFault::Unordered));
        }
        before = Some(loss.seat);
        let seat = seats.iter().find(|seat| seat.seat == loss.seat);
        let seat = seat.ok_or_else(|| faulty(LossFault::UnknownSeat))?;
        if seat.validator != loss.validator {
            return Err(faulty(LossFault::OtherKey));
        }
        if stood_down.contains(&loss.seat) {
            return Err(faulty(LossFault::StoodDown));
        }
    }
    Ok(())
}

/// Checks condition 5.
fn check_declared(declared: usize, old: &Committee) -> Result<(), RecoveryError> {
    let liars = match old.engine() {
        Engine::Pbft => old.faults(),
        Engine::Raft | Engine::Paxos => 0,
    };
    let limit = old.size().saturating_sub(old.quorum()) + liars;
    if declared > limit {
        return Ok(());
    }
    Err(RecoveryError::OldEpochLives { got: declared, limit })
}

/// Checks the certificates of condition 3. Validators that have the same one need it checked only once.
fn check_certificates(
    stand_downs: &[SignedStandDown],
    network: &Digest,
    old: &Committee,
) -> Result<(), RecoveryError> {
    let mut good: Vec<&CertifiedHeader> = Vec::new();
    for (place, signed) in stand_downs.iter().enumerate() {
        let Some(head) = &signed.v1().certified else {
            continue;
        };
        if good.contains(&head) {
            continue;
        }
        head.check(*network, old)
            .map_err(|error| RecoveryError::StandDown {
                place,
                fault: error.into(),
            })?;
        good.push(head);
    }
    Ok(())
}

/// Checks the signatures of condition 3.
fn check_stand_down_signatures(
    stand_downs: &[SignedStandDown],
    old: &Committee,
) -> Result<(), RecoveryError> {
    for (place, signed) in stand_downs.iter().enumerate() {
        let content = signed.stand_down.signed_bytes();
        let key = old.key(signed.v1().validator);
        let good = key.is_some_and(|key| verify_strict(key, Tag::STAND_DOWN, &content, &signed.signature));
        if !good {
            let fault = StandDownFault::BadSignature;
            return Err(RecoveryError::StandDown { place, fault });
        }
    }
    Ok(())
}

/// Checks that the signatures of condition 4 are good, whoever the accounts' signers are.
fn check_loss_signatures(losses: &[SignedLoss]) -> Result<(), RecoveryError> {
    for (place, signed) in losses.iter().enumerate() {
        let preimage = Tag::LOSS.preimage(&encode(&signed.loss));
        let checked = check_order(&signed.signatures).and_then(|()| {
            let items: Vec<_> = signed
                .signatures
                .iter()
                .map(|signature| (signature, preimage.as_slice()))
                .collect();
            if verify_clients(&items).contains(&false) {
                Err(SignatureFault::BadSignature)
            } else {
                Ok(())
            }
        });
        checked.map_err(|fault| RecoveryError::Loss {
            place,
            fault: fault.into(),
        })?;
    }
    Ok(())
}

/// Checks validators' signatures of condition 8.
fn check_validators(
    validators: &[Signature],
    document: &RecoveryV1,
    content: &[u8],
) -> Result<(), RecoveryError> {
    let Committee::V1(committee) = &document.committee;
    let (got, seats) = (validators.len(), committee.seats.len());
    if got != seats {
        return Err(RecoveryError::ValidatorCount { got, seats });
    }
    let pairs = committee.seats.iter().zip(validators);
    for (place, (seat, signature)) in pairs.enumerate() {
        if !verify_strict(&seat.validator, Tag::RECOVERY, content, signature) {
            return Err(RecoveryError::BadValidatorSignature { place });
        }
    }
    Ok(())
}

/// Checks that members' signatures of condition 8 are good, whoever the accounts' signers are.
fn check_members(members: &[MemberSignatures], content: &[u8]) -> Result<(), RecoveryError> {
    let preimage = Tag::RECOVERY.preimage(content);
    let mut items = Vec::new();
    let mut owners = Vec::new();
    for signing in members {
        let member = signing.member;
        check_order(&signing.signatures).map_err(|fault| RecoveryError::Member { member, fault })?;
        for signature in &signing.signatures {
            items.push((signature, preimage.as_slice()));
            owners.push(member);
        }
    }
    let verdicts = verify_clients(&items);
    match owners.into_iter().zip(verdicts).find(|(_, good)| !*good) {
        Some((member, _)) => {
            let fault = SignatureFault::BadSignature;
            Err(RecoveryError::Member { member, fault })
        }
        None => Ok(()),
    }
}

/// Checks that signatures for an account are there, ascend strictly by key, and are of keys of good form.
fn check_order(signatures: &[KeySignature]) -> Result<(), SignatureFault> {
    if signatures.is_empty() {
        return Err(SignatureFault::Missing);
    }
    if !signatures.is_sorted_by(|a, b| a.key() < b.key()) {
        return Err(SignatureFault::Unordered);
    }
    if !signatures
        .iter()
        .all(|signature| signature.key().is_of_good_form())
    {
        return Err(SignatureFault::BadKey);
    }
    Ok(())
}
