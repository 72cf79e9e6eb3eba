//! What a witness cosigns, and what it waits for.

use std::time::Duration;

use quorate_checkpoint::{Inconsistent, Policy, origin};
use quorate_crypto::{Epoch, Height, sha256};
use quorate_witness::{Event, Shown, Stop, Store, Witness};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::history::Network;
use crate::node::{Node, Question, nodes, of_epoch, round, round_with, settings, sign, size, witness};

fn waits(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Waits { .. }))
}

#[tokio::test]
async fn what_all_agree_on_is_cosigned_as_it_grows() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let committee = network.genesis.committee();
    let key = witness.verifier_key();
    let policy = Policy::of_committee(&network.genesis.id(), &committee, 4, &[key], 1);
    let letters = ["a", "ab", "abc-d--", "abc-d--ef"];
    let mut sizes = Vec::new();
    for (time, letters) in (0..).zip(letters) {
        let history = network.history(letters);
        let nodes = nodes(&network, [&history; 4]);
        let events = round(&mut witness, &nodes, time * 10).await.unwrap();
        let found = policy.check(witness.note().unwrap()).unwrap();
        let head = history.heads.last().unwrap().v1();
        assert_eq!(
            (found.checkpoint.size(), found.checkpoint.root()),
            (head.log_size, head.log_root)
        );
        assert_eq!(
            events,
            [Event::Cosigned {
                checkpoint: found.checkpoint,
                validators: 4
            }]
        );
        sizes.push(head.log_size);
    }
    assert_eq!(sizes, [3, 6, 12, 18]);
}

#[tokio::test]
async fn a_size_is_cosigned_again_only_once_more_validators_have_signed_it() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let history = network.history("ab");
    let mut nodes: Vec<Node> = (0..4)
        .map(|member| Node::silent(&network, member, &history))
        .collect();
    let events = round(&mut witness, &nodes, 0).await.unwrap();
    assert!(waits(&events) && witness.note().is_none());
    let mut lines = Vec::new();
    for member in [0, 0, 1] {
        nodes[member] = Node::new(&network, member, &history);
        round(&mut witness, &nodes, 10).await.unwrap();
        lines.push(witness.note().unwrap().signatures().len());
    }
    // Its own, and two of each validator.
    assert_eq!(lines, [3, 3, 5]);
    // Blocks that change nothing in the log are nothing to sign.
    let longer = network.history("ab--");
    let events = round(&mut witness, &[Node::new(&network, 0, &longer)], 20).await;
    assert!(events.unwrap().is_empty());
}

#[tokio::test]
async fn a_note_must_satisfy_the_policy() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let (id, committee) = (network.genesis.id(), network.genesis.committee());
    let policy = Policy::of_committee(&id, &committee, committee.quorum(), &[], 1);
    let store = Store::open(dir.path()).unwrap();
    let mut witness = Witness::open(settings(&network, Some(policy)), store).unwrap();
    let history = network.history("a");
    let mut nodes: Vec<Node> = (0..4)
        .map(|member| Node::silent(&network, member, &history))
        .collect();
    for member in 0..committee.quorum() {
        assert!(witness.note().is_none());
        nodes[member] = Node::new(&network, member, &history);
        round(&mut witness, &nodes, 0).await.unwrap();
    }
    assert_eq!(size(&witness), 3);
}

#[tokio::test]
async fn nodes_that_are_behind_or_silent_do_not_hold_it_up() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (old, new) = (network.history("a"), network.history("a-bc"));
    let mut nodes = nodes(&network, [&new, &old, &new, &old]);
    nodes[2].hidden = vec![4];
    for time in [0, 10] {
        round(&mut witness, &nodes, time).await.unwrap();
        assert_eq!(size(&witness), 9);
    }
    // With old ones alone there is nothing to go on from.
    let events = round(&mut witness, &nodes[1..2], 20).await.unwrap();
    assert!(waits(&events));
    assert_eq!(size(&witness), 9);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_never_answer_do_not_hold_it_up() {
    let network = Network::new();
    let (before, after) = (network.history("ab"), network.history("abcd"));
    for question in [
        Question::Newest,
        Question::Header,
        Question::Committees,
        Question::Note,
        Question::Tile,
    ] {
        let dir = TempDir::new().unwrap();
        let mut witness = witness(&network, dir.path());
        round(&mut witness, &nodes(&network, [&before; 4]), 0)
            .await
            .unwrap();
        let mut nodes = nodes(&network, [&after; 4]);
        for node in &mut nodes[1..] {
            node.hangs_at = Some(question);
            if question == Question::Committees {
                node.newest = Some(of_epoch(&after.heads[3], Epoch(7)));
            }
        }
        let round = timeout(Duration::from_secs(60), round(&mut witness, &nodes, 10));
        let events = round.await.unwrap().unwrap();
        let unseen = events.iter().filter(|event| matches!(event, Event::Unseen(_)));
        assert!(unseen.count() >= 3, "{question:?}: {events:?}");
        assert_eq!(size(&witness), 12, "{question:?}");
    }
}

#[tokio::test]
async fn without_tiles_that_prove_it_nothing_larger_is_cosigned() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let before = network.history("ab");
    round(&mut witness, &nodes(&network, [&before; 4]), 0)
        .await
        .unwrap();
    let after = network.history("abcd");
    let mut nodes = nodes(&network, [&after; 4]);
    for node in &mut nodes {
        node.tiles = Some(network.history("xyzu").leaves);
    }
    let events = round(&mut witness, &nodes, 10).await.unwrap();
    assert!(waits(&events));
    assert_eq!(size(&witness), 6);
    // One that has the true ones is enough.
    nodes[0].tiles = None;
    round(&mut witness, &nodes, 20).await.unwrap();
    assert_eq!(size(&witness), 12);
}

#[tokio::test]
async fn a_lone_liar_is_told_of_and_counted_no_more() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let history = network.history("ab");
    let mut nodes = nodes(&network, [&history; 4]);
    nodes[3].lie(6, sign(&network, 3, 6, sha256(b"another")));
    let events = round(&mut witness, &nodes, 0).await.unwrap();
    let liar = network.genesis.committee().seats()[3].seat;
    let [
        Event::Lied {
            seats,
            shown_by,
            evidence: Some(file),
        },
        Event::Cosigned { validators: 3, .. },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (seats.as_slice(), shown_by.as_slice()),
        (&[liar][..], &["node-3".to_owned()][..])
    );
    let evidence = Inconsistent::parse(&std::fs::read(file).unwrap()).unwrap();
    let shown = evidence
        .check(&origin(&network.genesis.id()), &network.signers())
        .unwrap();
    assert!(shown.signed_by.iter().any(|seats| *seats == [liar]));
    // It is told again, with no file more, and its signature counts for nothing.
    let longer = network.history("abc");
    nodes = crate::node::nodes(&network, [&longer; 4]);
    nodes[3].lie(9, sign(&network, 3, 9, sha256(b"another")));
    let events = round(&mut witness, &nodes, 10).await.unwrap();
    let told = matches!(
        events.as_slice(),
        [
            Event::Lied { evidence: None, .. },
            Event::Cosigned { validators: 3, .. }
        ]
    );
    assert!(told, "{events:?}");
}

#[tokio::test]
async fn more_liars_than_are_borne_are_another_history() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let history = network.history("ab");
    let mut nodes = nodes(&network, [&history; 4]);
    for member in [2, 3] {
        nodes[member].lie(6, sign(&network, member, 6, sha256(b"another")));
    }
    let stop = round(&mut witness, &nodes, 0).await.unwrap_err();
    let Stop::Found(found) = stop else {
        panic!("{stop:?}");
    };
    let evidence = Inconsistent::parse(found.text.as_bytes()).unwrap();
    let shown = evidence.check(&origin(&network.genesis.id()), &network.signers());
    let [first, second] = shown.unwrap().signed_by;
    assert_eq!(first.len() + second.len(), 4);
    assert!(witness.note().is_none());
}

#[tokio::test]
async fn what_another_witness_shows_is_compared_at_its_own_size() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (history, other) = (network.history("abc"), network.history("xy"));
    let nodes = nodes(&network, [&history; 4]);
    let shown = |note| {
        [Shown {
            by: "other".to_owned(),
            note,
        }]
    };
    let same = history.heads[1].v1();
    let agreeing = shown(sign(&network, 1, 6, same.log_root));
    let events = round_with(&mut witness, &nodes, &agreeing, 0).await.unwrap();
    assert!(
        matches!(events.as_slice(), [Event::Cosigned { .. }]),
        "{events:?}"
    );
    let split = other.heads[1].v1();
    assert_eq!((split.height, split.log_size), (Height(2), 6));
    let contrary = shown(sign(&network, 1, 6, split.log_root));
    let events = round_with(&mut witness, &nodes, &contrary, 10).await.unwrap();
    let [
        Event::Lied {
            evidence: Some(file), ..
        },
        ..,
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    let evidence = Inconsistent::parse(&std::fs::read(file).unwrap()).unwrap();
    let shown = evidence.check(&origin(&network.genesis.id()), &network.signers());
    let sizes = shown.unwrap().checkpoints.map(|checkpoint| checkpoint.size());
    assert_eq!(sizes, [6, 9]);
}
