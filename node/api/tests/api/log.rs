//! The log as other logs show theirs: a checkpoint of the node's validator, tiles that lead to its root, entries that the
//! tiles have; and headers with seals.

use std::time::Duration;

use quorate_checkpoint::{
    Checkpoint, Note, SignedBy, SignedRoot, TileSet, entries_in, origin, signed_by, signers_of, tiles_of_root,
};
use quorate_crypto::merkle::leaf_hash;
use quorate_ledger::{CertifiedHeader, decode};

use crate::fake::{GENESIS_TIME, committee, network};
use crate::story;
use crate::web::{get, router};

/// The checkpoint at a path, and its note.
async fn checkpoint(path: &str) -> (Checkpoint, Note) {
    let answer = get(&router(&story::fake()), path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let note = Note::parse(&answer.body).unwrap();
    (Checkpoint::parse(note.text()).unwrap(), note)
}

async fn size_after_first_block() -> u64 {
    let block = get(&router(&story::fake()), "/v1/blocks/1").await.json();
    block["log_size"].as_u64().unwrap()
}

#[tokio::test]
async fn a_checkpoint_is_signed_by_the_nodes_validator_and_tiles_lead_to_its_root() {
    let (newest, note) = checkpoint("/v1/log/checkpoint").await;
    assert_eq!(newest.origin(), origin(&network()));
    let signed = signed_by(&note, &signers_of(&network(), &committee())).unwrap();
    let [SignedBy { seat, .. }] = signed[..] else {
        panic!("one validator signs");
    };
    assert_eq!(seat, committee().seats()[1].seat);
    let router = router(&story::fake());
    let size = newest.size();
    let mut tiles = TileSet::new(size);
    for path in tiles_of_root(size, size) {
        let answer = get(&router, &format!("/v1/log/{path}")).await;
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert!(answer.header("cache-control").unwrap().contains("immutable"));
        tiles.add(path, &answer.body).unwrap();
    }
    assert_eq!(tiles.root_at(size).unwrap(), newest.root());
    let first = size_after_first_block().await;
    let (older, _) = checkpoint(&format!("/v1/log/checkpoint?size={first}")).await;
    assert_eq!(older.size(), first);
    assert_eq!(tiles.root_at(first).unwrap(), older.root());
}

#[tokio::test]
async fn the_root_of_a_checkpoint_is_signed_for_cose() {
    let keys: Vec<_> = committee().seats().iter().map(|seat| seat.witness).collect();
    let first = size_after_first_block().await;
    for query in [String::new(), format!("?size={first}")] {
        let (checkpoint, _) = checkpoint(&format!("/v1/log/checkpoint{query}")).await;
        let answer = get(&router(&story::fake()), &format!("/v1/log/signed-root{query}")).await;
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        SignedRoot::read(&network(), &keys, &checkpoint.root(), &answer.body).unwrap();
    }
}

#[tokio::test]
async fn entries_are_those_whose_hashes_the_tile_has() {
    let router = router(&story::fake());
    let width = 3;
    let hashes = get(&router, &format!("/v1/log/tile/0/000.p/{width}")).await;
    let bundle = get(&router, &format!("/v1/log/tile/entries/000.p/{width}")).await;
    let entries = entries_in(&bundle.body, width).unwrap();
    let expected: Vec<u8> = entries.iter().flat_map(|entry| leaf_hash(entry).0).collect();
    assert_eq!(hashes.body.as_ref(), expected.as_slice());
}

#[tokio::test(start_paused = true)]
async fn each_call_waits_for_a_height_if_asked_to() {
    let first = size_after_first_block().await;
    let checkpoint = format!("/v1/log/checkpoint?size={first}&");
    let signed_root = format!("/v1/log/signed-root?size={first}&");
    for call in [
        checkpoint.as_str(),
        &signed_root,
        "/v1/log/checkpoint?",
        "/v1/log/tile/0/000.p/1?",
        "/v1/log/tile/entries/000.p/1?",
    ] {
        let fake = story::fake();
        let router = router(&fake);
        let at_hand = get(&router, &format!("{call}min_height=8")).await;
        assert_eq!(
            (at_hand.status.as_u16(), at_hand.header("quorate-height")),
            (200, Some("8")),
            "{call}"
        );
        let (path, malformed) = (format!("{call}min_height=9"), format!("{call}min_height=x"));
        let refused = get(&router, &malformed).await.problem();
        assert_eq!(refused, (400, "malformed_min_height".to_owned()), "{call}");
        let (waited, ()) = tokio::join!(get(&router, &path), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            fake.commit(vec![], GENESIS_TIME + 3_600_000);
        });
        assert_eq!(
            (waited.status.as_u16(), waited.header("quorate-height")),
            (200, Some("9")),
            "{call}"
        );
    }
    // Tiles of any depth are in no description of calls.
    let deep = get(&router(&story::fake()), "/v1/log/tile/0/x001/000?min_height=8").await;
    assert_eq!(deep.problem(), (404, "unknown_tile".to_owned()));
}

#[tokio::test]
async fn a_header_comes_with_exactly_a_quorum_of_seals() {
    let router = router(&story::fake());
    for block in ["1", "latest"] {
        let told = get(&router, &format!("/v1/blocks/{block}")).await.json();
        let answer = get(&router, &format!("/v1/blocks/{block}/header")).await;
        let head: CertifiedHeader = decode(&answer.body, answer.body.len()).unwrap();
        assert_eq!(head.seals.len(), committee().quorum());
        assert_eq!(told["hash"], head.header.hash().to_string());
    }
}
