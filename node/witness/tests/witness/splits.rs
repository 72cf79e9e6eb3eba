//! Two certified histories, however they come to be seen.

use quorate_crypto::Epoch;
use quorate_crypto::merkle::Frontier;
use quorate_verifier::{Facts, Proof, ProofBody, Trust, Verifier};
use quorate_witness::{Event, Found, Stop, Store, StoreError, Witness};
use tempfile::TempDir;

use crate::history::{History, Network};
use crate::node::{Node, nodes, of_epoch, round, settings, size, witness};

/// What a round came to that had to end the witness.
pub(crate) async fn found(witness: &mut Witness, nodes: &[Node]) -> Found {
    match round(witness, nodes, 10).await {
        Err(Stop::Found(found)) => *found,
        other => panic!("{other:?}"),
    }
}

/// The height of which evidence says that there are two blocks, by a verifier that knows the genesis document alone.
pub(crate) fn height_of(network: &Network, text: &str) -> u64 {
    let mut verifier = Verifier::new(network.anchor());
    let verdicts = verifier.check_file(text.as_bytes()).unwrap();
    let Facts::TwoHistories(facts) = &verdicts[0].facts else {
        panic!("{verdicts:?}");
    };
    // A quorum of three of four sealed each, the lowest ones.
    assert_eq!(facts.sealed_both.as_ref().map(Vec::len), Some(3));
    facts.height.0
}

#[tokio::test]
async fn two_histories_are_evidence_of_whatever_lengths_they_are() {
    let network = Network::new();
    let history = |letters: &str| network.history(letters);
    for (one, other, height) in [
        ("aab", "aac", 3),
        ("aab", "aacdd", 3),
        ("aabbb", "aa-", 3),
        ("a", "xyz", 1),
    ] {
        let dir = TempDir::new().unwrap();
        let mut witness = witness(&network, dir.path());
        let (one, other): (History, History) = (history(one), history(other));
        let nodes = nodes(&network, [&one, &other, &one, &other]);
        let found = found(&mut witness, &nodes).await;
        assert_eq!(height_of(&network, &found.text), height);
        assert!(witness.note().is_none());
        let file = found.file.unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), found.text);
        drop(witness);
        // It does not start again by itself.
        let stopped = Store::open(dir.path()).unwrap_err();
        let StoreError::Stopped { reason, .. } = stopped else {
            panic!("{stopped:?}");
        };
        assert!(reason.contains("two certificates"), "{reason}");
    }
}

#[tokio::test]
async fn it_does_not_start_again_where_the_evidence_could_not_be_kept() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    std::fs::remove_dir(dir.path().join("evidence")).unwrap();
    let (one, other) = (network.history("aab"), network.history("aac"));
    let found = found(&mut witness, &nodes(&network, [&one, &other, &one, &other])).await;
    assert!(
        matches!(found.file, Err(StoreError::Unusable { .. })),
        "{found:?}"
    );
    assert_eq!(height_of(&network, &found.text), 3);
    drop(witness);
    let stopped = Store::open(dir.path()).unwrap_err();
    let StoreError::Stopped { reason, .. } = stopped else {
        panic!("{stopped:?}");
    };
    assert!(reason.contains("printed only"), "{reason}");
}

#[tokio::test]
async fn one_that_was_seen_in_an_earlier_round_is_enough() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut before = witness(&network, dir.path());
    let (one, other) = (network.history("aab"), network.history("aacd"));
    round(&mut before, &nodes(&network, [&one; 4]), 0).await.unwrap();
    assert_eq!(size(&before), 9);
    drop(before);
    // A start lies between.
    let mut after = witness(&network, dir.path());
    let found = found(&mut after, &nodes(&network, [&other; 4])).await;
    assert_eq!(height_of(&network, &found.text), 3);
    assert_eq!(size(&after), 9);
}

#[tokio::test]
async fn nodes_that_hide_the_block_are_not_followed() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (one, other) = (network.history("aab"), network.history("aacd"));
    round(&mut witness, &nodes(&network, [&one; 4]), 0).await.unwrap();
    let mut nodes = nodes(&network, [&other; 4]);
    for node in &mut nodes {
        node.hidden = vec![3];
    }
    let events = round(&mut witness, &nodes, 10).await.unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Waits { .. })));
    assert_eq!(size(&witness), 9);
    // Once one of them shows it, it is out.
    nodes[2].hidden.clear();
    let found = found(&mut witness, &nodes).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn a_block_that_no_quorum_sealed_is_no_history() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let one = network.history("aab");
    let mut forged = network.history("aac");
    forged.heads[2].seals[0].signature.0[0] ^= 1;
    let nodes = nodes(&network, [&one, &one, &one, &forged]);
    let events = round(&mut witness, &nodes, 0).await.unwrap();
    assert_eq!(size(&witness), 9);
    let unseen = events.iter().filter(|event| matches!(event, Event::Unseen(_)));
    assert!(unseen.count() > 0, "{events:?}");
    assert!(Store::open(dir.path()).is_err_and(|error| matches!(error, StoreError::InUse { .. })));
    drop(witness);
    Witness::open(settings(&network, None), Store::open(dir.path()).unwrap()).unwrap();
}

#[tokio::test]
async fn a_proof_of_committees_that_leads_nowhere_hides_nothing() {
    let network = Network::new();
    let (one, other) = (network.history("-aab"), network.history("-aac"));
    // Each is good, and of no use.
    let block = ProofBody::Block {
        head: one.heads[0].clone(),
        before: None,
        log: Frontier::new(),
        entries: Vec::new(),
        shown: Vec::new(),
    };
    let committees = ProofBody::Committees {
        trust: Trust::Genesis,
        steps: Vec::new(),
    };
    for body in [block, committees] {
        let dir = TempDir::new().unwrap();
        let mut witness = witness(&network, dir.path());
        let mut nodes = nodes(&network, [&one, &other, &one, &one]);
        nodes[3].newest = Some(of_epoch(&one.heads[3], Epoch(7)));
        nodes[3].committees = Some(Proof::new(network.genesis.id(), body));
        // It is told of, and the others are followed all the same.
        let events = round(&mut witness, &nodes[2..], 0).await.unwrap();
        let unseen = events.iter().any(|event| matches!(event, Event::Unseen(_)));
        assert!(unseen && size(&witness) == 9, "{events:?}");
        let found = found(&mut witness, &nodes).await;
        assert_eq!(height_of(&network, &found.text), 4);
    }
}

#[tokio::test]
async fn a_liar_in_between_hides_nothing() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let (fork, middle, true_one) = (
        network.history("aab"),
        network.history("aacd"),
        network.history("aacde"),
    );
    let mut nodes = nodes(&network, [&fork, &middle, &true_one, &true_one]);
    nodes[1].others.insert(3, fork.heads[2].clone());
    let found = found(&mut witness, &nodes).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn one_liar_does_not_vouch_for_a_node_that_is_behind() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let history = network.history("aacdef");
    round(&mut witness, &nodes(&network, [&history; 4]), 0)
        .await
        .unwrap();
    let fork = network.history("aab");
    let mut nodes = nodes(&network, [&fork, &history, &history, &history]);
    // The liars are asked last, and first.
    for liar in [1, 3] {
        nodes[liar].others.insert(3, fork.heads[2].clone());
    }
    let found = found(&mut witness, &nodes).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn one_liar_does_not_vouch_for_a_node_whose_head_is_refused() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let history = network.history("aacd");
    let mut fork = network.history("aabb");
    fork.heads[3].seals[0].signature.0[0] ^= 1;
    let mut nodes = nodes(&network, [&history, &history, &history, &fork]);
    for liar in [0, 2] {
        let theirs = fork.heads.iter().zip(1..);
        nodes[liar].others = theirs.map(|(head, height)| (height, head.clone())).collect();
    }
    let found = found(&mut witness, &nodes).await;
    assert_eq!(height_of(&network, &found.text), 3);
}

#[tokio::test]
async fn a_node_that_is_always_ahead_and_hides_what_is_below_is_found_out_later() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut witness = witness(&network, dir.path());
    let nodes = |own: &str, theirs: &str| {
        let (own, theirs) = (network.history(own), network.history(theirs));
        let mut nodes = nodes(&network, [&own, &own, &own, &theirs]);
        nodes[3].hidden = (1..theirs.heads.len() as u64).collect();
        nodes
    };
    round(&mut witness, &nodes("aac", "aabxx"), 0).await.unwrap();
    assert_eq!(size(&witness), 9);
    let found = found(&mut witness, &nodes("aacdef", "aabxxyyy")).await;
    assert_eq!(height_of(&network, &found.text), 5);
}
