//! When a recovery is valid, as far as no state is needed (section 15): each condition, broken alone.

use quorate_crypto::{
    CertificateError, ClientSigningKey, Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, Height,
    KeySignature, MemberNumber, PublicKey, Seal, SealContent, SeatNumber, Signature, SigningKey,
    ValidatorIndex,
};
use quorate_ledger::{
    CertifiedHeader, Entry, Header, HeaderV1, Loss, LossFault, LossV1, Open, Proposal, RaftEntry, Recovery,
    RecoveryError, RecoveryV1, SignatureFault, SignedLoss, SignedRecovery, SignedRecoveryV1, SignedStandDown,
    StandDown, StandDownFault, StandDownV1, Term, Timestamp, decode, encode, evidence_hash,
};

use crate::world::{client, network, signing_key};

/// The parts of a recovery, which a test may change before all is signed. Four validators in epoch 3; the
/// first two stand down, and the seat of the last is lost. Seats are numbered from 10.
pub(crate) struct Case {
    pub(crate) network: Digest,
    pub(crate) old: Committee,
    pub(crate) document: RecoveryV1,
    pub(crate) stand_downs: Vec<StandDownV1>,
    pub(crate) losses: Vec<LossV1>,
    pub(crate) members: Vec<u32>,
    /// Changes stand-downs and losses after they were signed, and before the document is.
    pub(crate) spoil: fn(&mut Vec<SignedStandDown>, &mut Vec<SignedLoss>),
}

/// The key of a validator of the old committee.
pub(crate) fn old_key(index: u16) -> SigningKey {
    signing_key(u8::try_from(index).unwrap() + 1)
}

/// The key of a validator of the new committee.
fn new_key(index: u16) -> SigningKey {
    signing_key(u8::try_from(index).unwrap() + 0x21)
}

/// The key of a member's account.
fn member_key(member: u32) -> ClientSigningKey {
    client(u8::try_from(member).unwrap() + 0xc1)
}

/// A committee of four; keys of nodes and witnesses are those of seeds from `others` on.
fn four(epoch: u64, engine: Engine, validator: fn(u16) -> SigningKey, others: u8) -> CommitteeV1 {
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(10 + u32::from(number)),
        validator: validator(number.into()).public(),
        node: signing_key(others + number).public(),
        witness: signing_key(others + 0x10 + number).public(),
    };
    CommitteeV1 {
        epoch: Epoch(epoch),
        engine,
        protocol: 1,
        seats: (0..4).map(seat).collect(),
    }
}

impl Case {
    pub(crate) fn new(engine: Engine) -> Self {
        let old = Committee::V1(four(3, engine, old_key, 0x41));
        let open = match engine {
            Engine::Pbft => Open::Pbft(Vec::new()),
            Engine::Raft => Open::Raft(Vec::new()),
            Engine::Paxos => Open::Paxos(Vec::new()),
        };
        let stand_down = |validator| StandDownV1 {
            network: network(),
            epoch: Epoch(3),
            validator: ValidatorIndex(validator),
            certified: None,
            open: open.clone(),
        };
        let Committee::V1(seats) = &old;
        let lost = &seats.seats[3];
        let losses = vec![LossV1 {
            network: network(),
            epoch: Epoch(3),
            seat: lost.seat,
            validator: lost.validator,
        }];
        let mut case = Self {
            network: network(),
            document: RecoveryV1 {
                network: network(),
                number: 1,
                old_epoch: Epoch(3),
                new_epoch: Epoch(4),
                base: Height(9),
                block: Digest::ZERO,
                committee: Committee::V1(four(4, engine, new_key, 0x61)),
                evidence: Digest::ZERO,
            },
            stand_downs: vec![stand_down(0), stand_down(1)],
            losses,
            members: vec![0, 1, 2],
            old,
            spoil: |_, _| {},
        };
        case.stand_downs[0].certified = Some(case.head(9));
        case.stand_downs[1].certified = Some(case.head(7));
        case.document.block = case.head(9).hash();
        case
    }

    /// A header of epoch 3 with exactly a quorum of seals.
    pub(crate) fn head(&self, height: u64) -> CertifiedHeader {
        self.head_sealed_by(height, &[0, 1, 2])
    }

    /// The same with these validators' seals, in this order.
    pub(crate) fn head_sealed_by(&self, height: u64, validators: &[u16]) -> CertifiedHeader {
        let header = HeaderV1 {
            network: self.network,
            protocol: 1,
            epoch: Epoch(3),
            height: Height(height),
            previous: Digest([0xa1; 32]),
            chain_root: Digest([0xa2; 32]),
            proposal: Digest([0xa3; 32]),
            timestamp: Timestamp(1_000 * height),
            log_size: height,
            log_root: Digest([0xa4; 32]),
            state_root: Digest([0xa5; 32]),
            next_committee: self.old.digest(),
        };
        self.seal(header, validators)
    }

    fn seal(&self, header: HeaderV1, validators: &[u16]) -> CertifiedHeader {
        let (epoch, height) = (header.epoch, header.height);
        let header = Header::V1(header);
        let content = SealContent::new(self.network, epoch, height, header.hash());
        let seal = |validator: &u16| Seal {
            validator: ValidatorIndex(*validator),
            signature: content.sign(&old_key(*validator)),
        };
        let seals = validators.iter().map(seal).collect();
        CertifiedHeader { header, seals }
    }

    /// Another header of the same height as `height`'s, sealed as well.
    fn other_head(&self, height: u64) -> CertifiedHeader {
        let mut header = self.head(height).v1().clone();
        header.state_root = Digest([0xff; 32]);
        self.seal(header, &[0, 1, 2])
    }

    /// All of it, signed by everybody who has to.
    pub(crate) fn sign(&self) -> SignedRecoveryV1 {
        let mut stand_downs: Vec<SignedStandDown> = self
            .stand_downs
            .iter()
            .map(|stand_down| {
                let key = old_key(stand_down.validator.0);
                StandDown::V1(stand_down.clone()).sign(&key)
            })
            .collect();
        let mut losses: Vec<SignedLoss> = self
            .losses
            .iter()
            .map(|loss| Loss::V1(*loss).sign([&member_key(loss.seat.0 - 10)]))
            .collect();
        (self.spoil)(&mut stand_downs, &mut losses);
        let mut document = self.document.clone();
        document.evidence = evidence_hash(&stand_downs, &losses);
        let Committee::V1(committee) = document.committee.clone();
        let recovery = Recovery::V1(document);
        let members = self.members.iter();
        let members = members.map(|member| recovery.sign_for(MemberNumber(*member), [&member_key(*member)]));
        let members = members.collect();
        let seats = 0..u16::try_from(committee.seats.len()).unwrap();
        let validators = seats.map(|index| recovery.sign(&new_key(index))).collect();
        SignedRecoveryV1 {
            recovery,
            stand_downs,
            losses,
            members,
            validators,
        }
    }

    fn check(&self) -> Result<(), RecoveryError> {
        SignedRecovery::V1(self.sign()).check_form(&self.network, &self.old)
    }
}

/// What is found of a recovery that is changed before it is signed.
fn changed(change: impl FnOnce(&mut Case)) -> Result<(), RecoveryError> {
    let mut case = Case::new(Engine::Pbft);
    change(&mut case);
    case.check()
}

/// What is found of one whose document is changed so.
fn with_document(change: impl FnOnce(&mut RecoveryV1)) -> Result<(), RecoveryError> {
    changed(|case| change(&mut case.document))
}

/// What is found of one whose new committee is changed so.
fn with_committee(change: impl FnOnce(&mut CommitteeV1)) -> Result<(), RecoveryError> {
    with_document(|document| {
        let Committee::V1(committee) = &mut document.committee;
        change(committee);
    })
}

/// What is found of a recovery that is changed after it was signed.
fn tampered(change: impl FnOnce(&mut SignedRecoveryV1)) -> Result<(), RecoveryError> {
    let case = Case::new(Engine::Pbft);
    let mut signed = case.sign();
    change(&mut signed);
    SignedRecovery::V1(signed).check_form(&case.network, &case.old)
}

fn stand_down(place: usize, fault: StandDownFault) -> Result<(), RecoveryError> {
    Err(RecoveryError::StandDown { place, fault })
}

fn loss(place: usize, fault: LossFault) -> Result<(), RecoveryError> {
    Err(RecoveryError::Loss { place, fault })
}

#[test]
fn an_honest_recovery_is_valid_and_survives_its_encoding() {
    for engine in [Engine::Pbft, Engine::Raft, Engine::Paxos] {
        let case = Case::new(engine);
        let signed = SignedRecovery::V1(case.sign());
        assert_eq!(signed.check_form(&case.network, &case.old), Ok(()));
        let bytes = encode(&signed);
        let again = SignedRecovery::decode(&bytes).unwrap();
        assert_eq!(again, signed);
        assert_eq!(again.document_hash(), signed.v1().recovery.hash());
        assert_eq!(signed.highest_certified(), Some((Height(9), case.head(9).hash())));
        assert_eq!(signed.recovery().evidence, signed.evidence_hash());
        assert!(signed.plan(&case.old).is_empty());
    }
}

#[test]
fn condition_1_network_epochs_engine_and_protocol() {
    let other = with_document(|document| document.network = Digest([1; 32]));
    assert!(matches!(other, Err(RecoveryError::WrongNetwork { .. })));
    let old = with_document(|document| document.old_epoch = Epoch(2));
    assert!(matches!(old, Err(RecoveryError::Epochs { .. })));
    let new = with_document(|document| document.new_epoch = Epoch(5));
    assert!(matches!(new, Err(RecoveryError::Epochs { .. })));
    let other_committee = Err(RecoveryError::OtherCommittee);
    assert_eq!(
        with_committee(|committee| committee.epoch = Epoch(5)),
        other_committee
    );
    assert_eq!(
        with_committee(|committee| committee.engine = Engine::Raft),
        other_committee
    );
    assert_eq!(
        with_committee(|committee| committee.protocol = 2),
        other_committee
    );
}

#[test]
fn condition_2_the_committee_is_one() {
    let none = with_committee(|committee| committee.seats.clear());
    assert!(matches!(none, Err(RecoveryError::Committee(_))));
    let twice = with_committee(|committee| committee.seats[1].node = committee.seats[0].witness);
    assert!(matches!(twice, Err(RecoveryError::Committee(_))));
    // The point of order 1: anybody could sign for it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let bad = with_committee(|committee| committee.seats[2].witness = PublicKey(neutral));
    let seat = SeatNumber(12);
    assert_eq!(bad, Err(RecoveryError::BadKey { seat }));
    let greedy = with_committee(|committee| committee.seats[1].member = MemberNumber(0));
    let (member, seats, limit) = (MemberNumber(0), 2, 1);
    assert_eq!(greedy, Err(RecoveryError::TooManySeats { member, seats, limit }));
    // Three seats and fewer may all be one member's.
    let small = with_committee(|committee| {
        committee.seats.truncate(3);
        for seat in &mut committee.seats {
            seat.member = MemberNumber(0);
        }
    });
    assert_eq!(small, Ok(()));
}

#[test]
fn condition_3_whose_stand_downs_they_are() {
    use StandDownFault as Fault;
    let foreign = changed(|case| case.stand_downs[1].network = Digest([1; 32]));
    assert_eq!(foreign, stand_down(1, Fault::Foreign));
    let later = changed(|case| case.stand_downs[0].epoch = Epoch(4));
    assert_eq!(later, stand_down(0, Fault::Foreign));
    let swapped = changed(|case| case.stand_downs.swap(0, 1));
    assert_eq!(swapped, stand_down(1, Fault::Unordered));
    let twice = changed(|case| case.stand_downs[1].validator = ValidatorIndex(0));
    assert_eq!(twice, stand_down(1, Fault::Unordered));
    let stranger = changed(|case| case.stand_downs[1].validator = ValidatorIndex(4));
    assert_eq!(stranger, stand_down(1, Fault::UnknownValidator));
    let forged = changed(|case| {
        case.spoil = |stand_downs, _| stand_downs[1].signature = Signature([0; 64]);
    });
    assert_eq!(forged, stand_down(1, Fault::BadSignature));
    let others = changed(|case| {
        case.spoil = |stand_downs, _| {
            let changed = stand_downs[1].stand_down.clone();
            stand_downs[1] = changed.sign(&old_key(0));
        };
    });
    assert_eq!(others, stand_down(1, Fault::BadSignature));
}

#[test]
fn condition_3_their_open_work_is_the_engines_and_above_what_is_certified() {
    use StandDownFault as Fault;
    let other = changed(|case| case.stand_downs[0].open = Open::Raft(Vec::new()));
    assert_eq!(other, stand_down(0, Fault::OtherEngine));
    let open = |heights: &[u64]| {
        let entry = |height: &u64| RaftEntry {
            index: Height(*height),
            entry: Entry {
                term: Term(1),
                proposal: Proposal::null(),
            },
        };
        let mut case = Case::new(Engine::Raft);
        case.stand_downs[0].open = Open::Raft(heights.iter().map(entry).collect());
        case.check()
    };
    assert_eq!(open(&[10, 12]), Ok(()));
    let heights = || stand_down(0, Fault::OpenHeights);
    assert_eq!(open(&[9, 10]), heights());
    assert_eq!(open(&[11, 10]), heights());
    assert_eq!(open(&[10, 10]), heights());
}

#[test]
fn condition_3_what_they_certified_is_certified() {
    use StandDownFault as Fault;
    let foreign = changed(|case| {
        let mut header = case.head(7).v1().clone();
        header.epoch = Epoch(2);
        case.stand_downs[1].certified = Some(case.seal(header, &[0, 1, 2]));
    });
    assert_eq!(foreign, stand_down(1, Fault::ForeignCertified));
    let other_network = changed(|case| {
        let mut header = case.head(7).v1().clone();
        header.network = Digest([1; 32]);
        case.stand_downs[1].certified = Some(case.seal(header, &[0, 1, 2]));
    });
    assert_eq!(other_network, stand_down(1, Fault::ForeignCertified));
    let split = changed(|case| case.stand_downs[1].certified = Some(case.other_head(9)));
    let height = Height(9);
    assert_eq!(split, stand_down(1, Fault::Split { height }));
    let few = changed(|case| case.stand_downs[1].certified = Some(case.head_sealed_by(7, &[0, 1])));
    let no_quorum = CertificateError::NoQuorum { got: 2, quorum: 3 };
    assert_eq!(few, stand_down(1, Fault::Certificate(no_quorum)));
    // More than a quorum is good.
    let more = changed(|case| case.stand_downs[1].certified = Some(case.head_sealed_by(7, &[0, 1, 2, 3])));
    assert_eq!(more, Ok(()));
    // A copy of the same header with a bad seal is not good because another copy is.
    let copy = changed(|case| {
        let mut head = case.head(9);
        head.seals[2].signature = Signature([0; 64]);
        case.stand_downs[1].certified = Some(head);
    });
    let validator = ValidatorIndex(2);
    let bad = CertificateError::BadSeal { validator };
    assert_eq!(copy, stand_down(1, Fault::Certificate(bad)));
}

#[test]
fn condition_4_losses_are_of_seats_of_the_old_committee_that_did_not_stand_down() {
    use LossFault as Fault;
    let foreign = changed(|case| case.losses[0].network = Digest([1; 32]));
    assert_eq!(foreign, loss(0, Fault::Foreign));
    let earlier = changed(|case| case.losses[0].epoch = Epoch(2));
    assert_eq!(earlier, loss(0, Fault::Foreign));
    let twice = changed(|case| case.losses.push(case.losses[0]));
    assert_eq!(twice, loss(1, Fault::Unordered));
    let unknown = changed(|case| case.losses[0].seat = SeatNumber(14));
    assert_eq!(unknown, loss(0, Fault::UnknownSeat));
    let key = changed(|case| case.losses[0].validator = old_key(2).public());
    assert_eq!(key, loss(0, Fault::OtherKey));
    let present = changed(|case| {
        case.losses[0].seat = SeatNumber(11);
        case.losses[0].validator = old_key(1).public();
    });
    assert_eq!(present, loss(0, Fault::StoodDown));
}

#[test]
fn condition_4_losses_are_signed() {
    let spoilt =
        |spoil: fn(&mut Vec<SignedStandDown>, &mut Vec<SignedLoss>)| changed(|case| case.spoil = spoil);
    let fault = |fault| loss(0, LossFault::Signatures(fault));
    assert_eq!(
        spoilt(|_, losses| losses[0].signatures.clear()),
        fault(SignatureFault::Missing)
    );
    let twice = spoilt(|_, losses| {
        let first = losses[0].signatures[0];
        losses[0].signatures.push(first);
    });
    assert_eq!(twice, fault(SignatureFault::Unordered));
    let small_order = spoilt(|_, losses| {
        let mut key = [0; 32];
        key[0] = 1;
        let signature = [0; 64];
        losses[0].signatures = vec![KeySignature::Ed25519 { key, signature }];
    });
    assert_eq!(small_order, fault(SignatureFault::BadKey));
    let of_another = spoilt(|_, losses| {
        let mut other = *losses[0].v1();
        other.seat = SeatNumber(12);
        losses[0].signatures = Loss::V1(other).sign([&member_key(3)]).signatures;
    });
    assert_eq!(of_another, fault(SignatureFault::BadSignature));
}

#[test]
fn condition_5_the_old_epoch_cannot_go_on() {
    // Of four PBFT validators three are a quorum and one may lie, so more than two must be gone.
    let (got, limit) = (2, 2);
    let too_few = Err(RecoveryError::OldEpochLives { got, limit });
    assert_eq!(changed(|case| case.losses.clear()), too_few);
    // Of four Raft validators three are a majority, so more than one must be gone.
    for engine in [Engine::Raft, Engine::Paxos] {
        let mut case = Case::new(engine);
        case.losses.clear();
        assert_eq!(case.check(), Ok(()));
        case.stand_downs.truncate(1);
        let (got, limit) = (1, 1);
        assert_eq!(case.check(), Err(RecoveryError::OldEpochLives { got, limit }));
    }
}

#[test]
fn condition_6_the_base_is_the_highest_certified_block() {
    let (base, highest) = (Height(7), Height(9));
    let lower = changed(|case| {
        case.document.base = base;
        case.document.block = case.head(7).hash();
    });
    assert_eq!(lower, Err(RecoveryError::Base { base, highest }));
    let other = with_document(|document| document.block = Digest([1; 32]));
    let base = highest;
    assert_eq!(other, Err(RecoveryError::Base { base, highest }));
    // Where nothing was certified, only whoever knows the chain can tell.
    let nothing = changed(|case| {
        for stand_down in &mut case.stand_downs {
            stand_down.certified = None;
        }
        case.document.base = Height(3);
    });
    assert_eq!(nothing, Ok(()));
}

#[test]
fn condition_7_the_evidence_is_that_of_the_document() {
    let fewer = tampered(|signed| {
        let stand_down = StandDownV1 {
            certified: None,
            ..signed.stand_downs[1].v1().clone()
        };
        signed.stand_downs[1] = StandDown::V1(stand_down).sign(&old_key(1));
    });
    assert_eq!(fewer, Err(RecoveryError::Evidence));
    let resigned = tampered(|signed| signed.losses[0].signatures.clear());
    assert_eq!(resigned, Err(RecoveryError::Evidence));
}

#[test]
fn condition_8_members_sign() {
    let swapped = tampered(|signed| signed.members.swap(0, 1));
    assert_eq!(swapped, Err(RecoveryError::MembersUnordered));
    let twice = changed(|case| case.members = vec![0, 1, 1]);
    assert_eq!(twice, Err(RecoveryError::MembersUnordered));
    let member = MemberNumber(1);
    let of = |fault| Err(RecoveryError::Member { member, fault });
    let silent = tampered(|signed| signed.members[1].signatures.clear());
    assert_eq!(silent, of(SignatureFault::Missing));
    let flipped = tampered(|signed| {
        for signature in &mut signed.members[1].signatures {
            if let KeySignature::Ed25519 { signature, .. } = signature {
                signature[40] ^= 1;
            }
        }
    });
    assert_eq!(flipped, of(SignatureFault::BadSignature));
    // A signature under the tag of losses is none under that of recoveries.
    let tag = tampered(|signed| {
        let content = signed.recovery.signed_bytes();
        let signature = member_key(1).sign(quorate_crypto::Tag::LOSS, &content);
        signed.members[1].signatures = vec![signature];
    });
    assert_eq!(tag, of(SignatureFault::BadSignature));
}

#[test]
fn condition_8_all_of_the_new_committee_sign() {
    let (got, seats) = (3, 4);
    let fewer = tampered(|signed| signed.validators.truncate(3));
    assert_eq!(fewer, Err(RecoveryError::ValidatorCount { got, seats }));
    let swapped = tampered(|signed| signed.validators.swap(2, 3));
    assert_eq!(swapped, Err(RecoveryError::BadValidatorSignature { place: 2 }));
}

#[test]
fn parts_keep_their_limits() {
    let entry = |index| RaftEntry {
        index: Height(index),
        entry: Entry {
            term: Term(1),
            proposal: Proposal::new(Timestamp(0), vec![Digest::ZERO; 256]),
        },
    };
    let mut case = Case::new(Engine::Raft);
    case.stand_downs[0].open = Open::Raft((10..530).map(entry).collect());
    assert!(matches!(
        case.check(),
        Err(RecoveryError::TooLong {
            part: "stand-down",
            limit: 4_194_304,
            ..
        })
    ));
    // What is within the limit has too many heights, which decoding finds.
    case.stand_downs[0].open = Open::Raft((10..139).map(entry).collect());
    let bytes = encode(&case.sign());
    assert!(decode::<SignedRecoveryV1>(&bytes, bytes.len()).is_err());
    case.stand_downs[0].open = Open::Raft((10..138).map(entry).collect());
    let bytes = encode(&case.sign());
    assert!(decode::<SignedRecoveryV1>(&bytes, bytes.len()).is_ok());
}
