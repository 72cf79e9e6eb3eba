//! Committees: quorum arithmetic for every size that is allowed, keys, and certificates.

use quorate_crypto::{
    Certificate, CertificateError, CertificateV1, Committee, CommitteeError, CommitteeSeat, Digest, Engine,
    Epoch, Height, MemberNumber, PublicKey, Seal, SealContent, SeatNumber, SigningKey, ValidatorIndex,
};

/// The seat with this number; its keys are no points, which no committee looks at.
fn seat(number: u8) -> CommitteeSeat {
    let key = |kind: u8| {
        let mut key = [kind; 32];
        key[0] = number;
        PublicKey(key)
    };
    CommitteeSeat {
        member: MemberNumber(u32::from(number)),
        seat: SeatNumber(u32::from(number)),
        validator: key(1),
        node: key(2),
        witness: key(3),
    }
}

fn committee(engine: Engine, size: u8) -> Committee {
    Committee::new(Epoch(7), engine, 3, (0..size).map(seat).collect())
}

/// All sizes that are allowed.
fn sizes() -> impl Iterator<Item = (usize, u8)> {
    (1..=Committee::MAX_VALIDATORS).zip(1..)
}

#[test]
fn any_two_pbft_quorums_share_an_honest_validator() {
    for (n, size) in sizes() {
        let committee = committee(Engine::Pbft, size);
        let (quorum, faults) = (committee.quorum(), committee.faults());
        assert_eq!(faults, (n - 1) / 3);
        let shared = (2 * quorum).saturating_sub(n);
        assert!(
            shared > faults,
            "n = {n}: quorums share {shared}, {faults} may lie"
        );
        assert!(
            3 * (faults + 1) >= n,
            "n = {n} could bear more than {faults} faults"
        );
        // The honest alone make one, and none is smaller.
        assert!(n - faults >= quorum, "n = {n}");
        assert!((2 * (quorum - 1)).saturating_sub(n) <= faults, "n = {n}");
        assert_eq!(committee.weak_quorum(), faults + 1);
        assert!(committee.weak_quorum() <= quorum, "n = {n}");
    }
}

#[test]
fn the_quorums_of_common_sizes_are_the_known_ones() {
    for (n, quorum) in [
        (1, 1),
        (2, 2),
        (3, 2),
        (4, 3),
        (5, 4),
        (6, 4),
        (7, 5),
        (10, 7),
        (16, 11),
        (128, 86),
    ] {
        assert_eq!(committee(Engine::Pbft, n).quorum(), quorum, "n = {n}");
    }
}

#[test]
fn any_two_majorities_intersect_and_the_live_reach_one() {
    for (n, size) in sizes() {
        for engine in [Engine::Raft, Engine::Paxos] {
            let committee = committee(engine, size);
            assert_eq!(committee.quorum(), n / 2 + 1);
            assert!(n - committee.faults() >= committee.quorum(), "n = {n}");
            assert_eq!(committee.weak_quorum(), 1);
        }
    }
}

#[test]
fn a_committee_has_1_to_128_seats() {
    for (_, size) in sizes() {
        assert_eq!(committee(Engine::Pbft, size).check(), Ok(()));
    }
    for count in [0, 129] {
        let other = committee(Engine::Raft, count);
        let count = usize::from(count);
        assert_eq!(other.check(), Err(CommitteeError::Size { count }));
    }
}

#[test]
fn no_key_is_in_a_committee_twice_in_whatever_place() {
    let seats: Vec<_> = (0..3).map(seat).collect();
    for from in 0..9 {
        for to in 0..9 {
            let mut seats = seats.clone();
            let key = *key_at(&mut seats, from);
            *key_at(&mut seats, to) = key;
            let committee = Committee::new(Epoch(0), Engine::Pbft, 1, seats);
            let expected = if from == to {
                Ok(())
            } else {
                Err(CommitteeError::KeyTwice { key })
            };
            assert_eq!(committee.check(), expected, "{from} to {to}");
        }
    }
}

/// The key of one of the nine places.
fn key_at(seats: &mut [CommitteeSeat], place: usize) -> &mut PublicKey {
    let seat = &mut seats[place / 3];
    match place % 3 {
        0 => &mut seat.validator,
        1 => &mut seat.node,
        _ => &mut seat.witness,
    }
}

#[test]
fn seats_are_found_by_index_and_by_validators_key() {
    let committee = committee(Engine::Paxos, 5);
    assert_eq!(
        (
            committee.epoch(),
            committee.engine(),
            committee.protocol_version(),
            committee.size()
        ),
        (Epoch(7), Engine::Paxos, 3, 5)
    );
    let indices: Vec<_> = committee.indices().collect();
    assert_eq!(indices, (0..5).map(ValidatorIndex).collect::<Vec<_>>());
    for (index, number) in indices.into_iter().zip(0..) {
        assert_eq!(committee.seat(index), Some(&seat(number)));
        assert_eq!(committee.key(index), Some(&seat(number).validator));
        assert_eq!(committee.index_of(&seat(number).validator), Some(index));
        assert_eq!(committee.index_of(&seat(number).node), None);
    }
    assert_eq!(committee.seat(ValidatorIndex(5)), None);
    assert_eq!(committee.key(ValidatorIndex(u16::MAX)), None);
}

const NETWORK: Digest = Digest([0x11; 32]);

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number + 1; 32])
}

/// Four validators with keys that sign.
fn sealing() -> Committee {
    let with_key = |number| CommitteeSeat {
        validator: signing_key(number).public(),
        ..seat(number)
    };
    Committee::new(Epoch(7), Engine::Pbft, 3, (0..4).map(with_key).collect())
}

fn certificate(seals: &[u8]) -> Certificate {
    let content = SealContent::new(NETWORK, Epoch(7), Height(9), Digest([0x22; 32]));
    let seal = |number: &u8| Seal {
        validator: ValidatorIndex(u16::from(*number)),
        signature: content.sign(&signing_key(*number)),
    };
    Certificate::V1(CertificateV1 {
        epoch: Epoch(7),
        height: Height(9),
        block: Digest([0x22; 32]),
        seals: seals.iter().map(seal).collect(),
    })
}

#[test]
fn a_certificate_needs_a_quorum_of_this_committee_on_this_block() {
    let committee = sealing();
    assert_eq!(certificate(&[0, 1, 3]).verify(NETWORK, &committee), Ok(()));
    assert_eq!(certificate(&[0, 1, 2, 3]).verify(NETWORK, &committee), Ok(()));
    assert_eq!(
        certificate(&[0, 1]).verify(NETWORK, &committee),
        Err(CertificateError::NoQuorum { got: 2, quorum: 3 })
    );
    for disordered in [[1, 0, 2], [0, 1, 1]] {
        assert_eq!(
            certificate(&disordered).verify(NETWORK, &committee),
            Err(CertificateError::Unordered)
        );
    }
    let validator = ValidatorIndex(4);
    assert_eq!(
        certificate(&[0, 1, 4]).verify(NETWORK, &committee),
        Err(CertificateError::UnknownValidator { validator })
    );
    let later = Committee::new(Epoch(8), Engine::Pbft, 3, committee.seats().to_vec());
    assert_eq!(
        certificate(&[0, 1, 2]).verify(NETWORK, &later),
        Err(CertificateError::WrongEpoch {
            got: Epoch(7),
            expected: Epoch(8)
        })
    );
}

#[test]
fn a_seal_is_for_network_epoch_height_and_block() {
    let committee = sealing();
    let validator = ValidatorIndex(0);
    let bad = Err(CertificateError::BadSeal { validator });
    assert_eq!(
        certificate(&[0, 1, 2]).verify(Digest([0x12; 32]), &committee),
        bad
    );
    let Certificate::V1(good) = certificate(&[0, 1, 2]);
    let height = Height(10);
    let other = CertificateV1 {
        height,
        ..good.clone()
    };
    assert_eq!(Certificate::V1(other).verify(NETWORK, &committee), bad);
    let block = Digest([0x23; 32]);
    let other = CertificateV1 {
        block,
        ..good.clone()
    };
    assert_eq!(Certificate::V1(other).verify(NETWORK, &committee), bad);
    let epoch = Epoch(8);
    let other = CertificateV1 { epoch, ..good };
    let later = Committee::new(epoch, Engine::Pbft, 3, committee.seats().to_vec());
    assert_eq!(Certificate::V1(other).verify(NETWORK, &later), bad);
}

#[test]
fn the_node_and_the_witness_do_not_seal() {
    let Certificate::V1(good) = certificate(&[0, 1, 2]);
    let mut seats = sealing().seats().to_vec();
    let seat = &mut seats[1];
    std::mem::swap(&mut seat.validator, &mut seat.node);
    let swapped = Committee::new(Epoch(7), Engine::Pbft, 3, seats);
    let validator = ValidatorIndex(1);
    assert_eq!(
        Certificate::V1(good).verify(NETWORK, &swapped),
        Err(CertificateError::BadSeal { validator })
    );
}
