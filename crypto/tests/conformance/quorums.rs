//! Quorum arithmetic for every committee that is allowed.

use quorate_crypto::{Committee, Epoch, Protocol, PublicKey};

fn committee(engine: Protocol, size: usize) -> Committee {
    Committee::new(Epoch(0), engine, 1, vec![PublicKey([7; 32]); size])
}

#[test]
fn any_two_pbft_quorums_share_an_honest_validator() {
    for n in 1..=Committee::MAX_VALIDATORS {
        let committee = committee(Protocol::Pbft, n);
        let (quorum, faults) = (committee.quorum(), committee.faults());
        let shared = (2 * quorum).saturating_sub(n);
        assert!(
            shared > faults,
            "n = {n}: quorums share {shared}, {faults} may lie"
        );
        assert!(3 * faults < n);
        assert!(
            3 * (faults + 1) >= n,
            "n = {n} could bear more than {faults} faults"
        );
    }
}

#[test]
fn the_honest_alone_make_a_pbft_quorum() {
    for n in 1..=Committee::MAX_VALIDATORS {
        let committee = committee(Protocol::Pbft, n);
        assert!(n - committee.faults() >= committee.quorum(), "n = {n}");
    }
}

#[test]
fn a_pbft_quorum_is_as_small_as_it_may_be() {
    for n in 1..=Committee::MAX_VALIDATORS {
        let committee = committee(Protocol::Pbft, n);
        let smaller = committee.quorum() - 1;
        assert!((2 * smaller).saturating_sub(n) <= committee.faults(), "n = {n}");
    }
}

#[test]
fn the_quorums_of_common_sizes_are_the_known_ones() {
    let known = [
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
    ];
    for (n, quorum) in known {
        assert_eq!(committee(Protocol::Pbft, n).quorum(), quorum, "n = {n}");
    }
}

#[test]
fn any_two_majorities_intersect_and_the_live_reach_one() {
    for n in 1..=Committee::MAX_VALIDATORS {
        for engine in [Protocol::Raft, Protocol::Paxos] {
            let committee = committee(engine, n);
            assert!(2 * committee.quorum() > n, "n = {n}");
            assert!(2 * (committee.quorum() - 1) <= n, "n = {n}");
            assert!(n - committee.faults() >= committee.quorum(), "n = {n}");
        }
    }
}

#[test]
fn a_weak_quorum_has_an_honest_validator() {
    for n in 1..=Committee::MAX_VALIDATORS {
        let pbft = committee(Protocol::Pbft, n);
        assert_eq!(pbft.weak_quorum(), pbft.faults() + 1);
        assert!(pbft.weak_quorum() <= pbft.quorum());
        assert_eq!(committee(Protocol::Raft, n).weak_quorum(), 1);
    }
}
