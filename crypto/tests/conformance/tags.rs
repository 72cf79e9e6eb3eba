//! Tags against the page's table, and what is said of them.

use std::collections::BTreeSet;

use quorate_crypto::{Tag, merkle, sha256};

use crate::page;

/// The tags of the table in section 1, in its order.
fn tags_of_the_page() -> Vec<String> {
    let page = page();
    let table = page.split_once("| tag `quorate/…/v2` |").unwrap().1;
    let mut tags = Vec::new();
    // After the heading and the line below it.
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let first = line.split('|').nth(1).unwrap();
        // Between the first and the second backtick, the third and the fourth, ...
        let names = first.split('`').skip(1).step_by(2);
        tags.extend(names.map(|name| format!("quorate/{name}/v2")));
    }
    tags
}

#[test]
fn the_tags_are_those_of_the_page_in_its_order() {
    let tags: Vec<_> = Tag::ALL.iter().map(|tag| tag.as_str()).collect();
    assert_eq!(tags, tags_of_the_page());
    assert_eq!(tags.len(), 51);
    let different: BTreeSet<_> = tags.iter().collect();
    assert_eq!(different.len(), tags.len());
}

#[test]
fn some_constants_have_their_tags() {
    for (tag, text) in [
        (Tag::ADDRESS, "quorate/address/v2"),
        (Tag::TRANSACTION, "quorate/transaction/v2"),
        (Tag::BATCH_AUTHOR, "quorate/batch-author/v2"),
        (Tag::SEAL, "quorate/seal/v2"),
        (Tag::HISTORY_START, "quorate/history-start/v2"),
        (Tag::STAND_DOWNS, "quorate/stand-downs/v2"),
        (Tag::PBFT_NEW_VIEW, "quorate/pbft/new-view/v2"),
        (Tag::RAFT_TIMEOUT_NOW, "quorate/raft/timeout-now/v2"),
        (Tag::PAXOS_YIELD, "quorate/paxos/yield/v2"),
        (Tag::WALLET_SECRET, "quorate/wallet-secret/v2"),
    ] {
        assert_eq!(tag.as_str(), text);
    }
}

#[test]
fn first_bytes_are_disjoint_from_those_of_trees() {
    for tag in Tag::ALL {
        let preimage = tag.preimage(b"content");
        assert!((0x0f..=0x28).contains(&preimage[0]), "{tag}");
        assert_eq!(usize::from(preimage[0]), tag.as_str().len());
        assert_eq!(&preimage[1..9], b"quorate/");
        assert_eq!(preimage[1..], [tag.as_str().as_bytes(), b"content"].concat());
        assert_eq!(tag.hash(b"content"), sha256(&preimage));
    }
    // A leaf begins with 00 and a node with 01.
    assert_eq!(merkle::leaf_hash(b"x"), sha256(b"\x00x"));
    let (left, right) = (sha256(b"left"), sha256(b"right"));
    let node = [b"\x01".as_slice(), left.as_ref(), right.as_ref()].concat();
    assert_eq!(merkle::node_hash(&left, &right), sha256(&node));
}

#[test]
fn a_hash_is_that_of_the_preimage_in_however_many_parts() {
    let preimage = b"\x0fquorate/seal/v2content";
    assert_eq!(Tag::SEAL.preimage(b"content"), preimage);
    assert_eq!(Tag::SEAL.hash(b"content"), sha256(preimage));
    assert_eq!(Tag::SEAL.hash_parts(&[b"con", b"", b"tent"]), sha256(preimage));
    assert_eq!(Tag::SEAL.hash_parts(&[]), Tag::SEAL.hash(b""));
}
