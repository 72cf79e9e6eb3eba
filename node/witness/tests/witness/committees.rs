//! Committees of later epochs: the witness follows them by their certificates, and evidence comes with the proof of them.

use quorate_crypto::{Epoch, Height};
use quorate_verifier::{Anchor, Facts, Pin, Proof, ProofBody, Trust, Verifier};
use quorate_witness::{Event, Settings, Store, Witness};
use tempfile::TempDir;

use crate::history::Network;
use crate::node::{nodes, of_epoch, round, settings, size, witness};
use crate::splits::{found, height_of};

#[tokio::test]
async fn later_committees_are_followed_and_sign() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut before = witness(&network, dir.path());
    let mut time = 0;
    for (letters, expected) in [("a", 3), ("ab|c", 9), ("ab|cd|--|e", 15)] {
        let history = network.history(letters);
        let events = round(&mut before, &nodes(&network, [&history; 4]), time)
            .await
            .unwrap();
        let [Event::Cosigned { validators: 4, .. }] = events.as_slice() else {
            panic!("{letters}: {events:?}");
        };
        assert_eq!(size(&before), expected);
        time += 10;
    }
    drop(before);
    // After a start all of them are learnt again.
    let mut after = witness(&network, dir.path());
    let history = network.history("ab|cd|--|ef");
    round(&mut after, &nodes(&network, [&history; 4]), time)
        .await
        .unwrap();
    assert_eq!(size(&after), 18);
}

#[tokio::test]
async fn a_node_that_is_epochs_behind_holds_nothing_up() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (old, new) = (network.history("a"), network.history("ab|c|d|e"));
    for time in [0, 10] {
        let nodes = nodes(&network, [&old, &new, &old, &new]);
        let events = round(&mut witness, &nodes, time).await.unwrap();
        let unseen = events.iter().any(|event| matches!(event, Event::Unseen(_)));
        assert!(!unseen && size(&witness) == 15, "{events:?}");
    }
}

#[tokio::test]
async fn a_fork_of_a_later_committee_is_evidence_from_genesis_on() {
    let network = Network::new();
    for (one, other, height) in [
        // In one epoch, of which both have the committee.
        ("ab|cd", "ab|ce", 4),
        ("ab|cd|e", "ab|cd|fgh", 5),
        // One branch has gone on to further epochs.
        ("ab|cdd", "ab|ce|f|g", 4),
        // The epoch begins at another height.
        ("ab|cd", "abb|cd", 4),
        // It names two committees.
        ("ab|cd", "ab/cd", 2),
        ("ab|cd", "ab/cdefgh", 2),
    ] {
        for order in [[one, other, one, other], [other, one, other, one]] {
            let dir = TempDir::new().unwrap();
            let mut witness = witness(&network, dir.path());
            let histories = order.map(|letters| network.history(letters));
            let nodes = nodes(&network, histories.each_ref());
            let found = found(&mut witness, &nodes).await;
            assert_eq!(height_of(&network, &found.text), height, "{order:?}");
        }
    }
}

#[tokio::test]
async fn a_fork_of_a_later_committee_is_found_across_a_start() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut before = witness(&network, dir.path());
    let one = network.history("ab|c");
    round(&mut before, &nodes(&network, [&one; 4]), 0).await.unwrap();
    drop(before);
    let mut after = witness(&network, dir.path());
    let other = network.history("ab|de|f");
    let found = found(&mut after, &nodes(&network, [&other; 4])).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn a_shorter_proof_of_committees_does_not_take_a_longer_ones_place() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (one, other) = (network.history("a|bc"), network.history("a|bd"));
    let mut nodes = nodes(&network, [&one, &one, &one, &one]);
    let begins = ProofBody::Committees {
        trust: Trust::Genesis,
        steps: Vec::new(),
    };
    nodes[3].newest = Some(of_epoch(&one.heads[2], Epoch(7)));
    nodes[3].committees = Some(Proof::new(network.genesis.id(), begins));
    round(&mut witness, &nodes, 0).await.unwrap();
    assert_eq!(size(&witness), 9);
    let found = found(&mut witness, &crate::node::nodes(&network, [&other; 4])).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn a_witness_may_rest_on_a_block_that_somebody_vouches_for() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let (one, other) = (network.history("aab"), network.history("aac"));
    let pinned = &one.heads[0];
    let anchor = Anchor {
        genesis: None,
        pin: Some(Pin {
            height: Height(1),
            hash: pinned.hash(),
        }),
    };
    let settings = Settings {
        anchor: anchor.clone(),
        ..settings(&network, None)
    };
    let mut witness = Witness::open(settings, Store::open(dir.path()).unwrap()).unwrap();
    let body = ProofBody::Committees {
        trust: Trust::Pinned {
            header: pinned.header.clone(),
            committee: network.genesis.committee(),
        },
        steps: Vec::new(),
    };
    let committees = Proof::new(network.genesis.id(), body);
    let mut nodes = nodes(&network, [&one, &one, &other, &other]);
    for node in &mut nodes {
        node.committees = Some(committees.clone());
    }
    round(&mut witness, &nodes[..2], 0).await.unwrap();
    assert_eq!(size(&witness), 9);
    let found = found(&mut witness, &nodes).await;
    let verdicts = Verifier::new(anchor).check_file(found.text.as_bytes()).unwrap();
    let Facts::TwoHistories(facts) = &verdicts[0].facts else {
        panic!("{verdicts:?}");
    };
    assert_eq!(facts.height, Height(3));
}
