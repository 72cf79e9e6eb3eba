//! A store read as an auditor would: with RocksDB alone and `docs/formats.md`, section 14.

use std::path::Path;

use quorate_ledger::{
    Address, Block, Digest, Operation, SignedBatch, StateKey, StateTree, decode, encode, value_hash,
};
use quorate_storage::{Journal, StorageOptions};
use rocksdb::{DB, IteratorMode, Options};

use crate::chain::Fixture;
use crate::network::{NETWORK, code};

/// A database opened for reading, with no settings of ours.
struct Store(DB);

impl Store {
    fn open(path: &Path, families: &[&str]) -> Self {
        let mut found = DB::list_cf(&Options::default(), path).unwrap();
        found.sort();
        let mut expected = [families, &["default"]].concat();
        expected.sort_unstable();
        assert_eq!(found, expected);
        Self(DB::open_cf_for_read_only(&Options::default(), path, &found, false).unwrap())
    }

    fn rows(&self, family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let handle = self.0.cf_handle(family).unwrap();
        let rows = self.0.iterator_cf(handle, IteratorMode::Start);
        rows.map(|row| row.unwrap())
            .map(|(key, value)| (key.into_vec(), value.into_vec()))
            .collect()
    }
}

const CHAIN: [&str; 15] = [
    "assets",
    "batches",
    "blocks",
    "certificates",
    "epochs",
    "hashes",
    "histories",
    "holders",
    "meta",
    "milestones",
    "ordered",
    "records",
    "state",
    "transactions",
    "unordered",
];

fn v1(parts: &[&[u8]]) -> Vec<u8> {
    [[0].as_slice(), &parts.concat()].concat()
}

#[test]
fn a_chain_is_on_disk_as_the_formats_say() {
    let mut fixture = Fixture::new(2);
    let document = Digest([0xdd; 32]);
    let record = Operation::PutRecord {
        sha256: document,
        label: "deed".to_owned(),
        metadata: Vec::new(),
    };
    let stranger = Address([9; 20]);
    let first = fixture.pay(0, 1);
    let recorded = fixture.network.transaction(1, vec![record]);
    let paid = fixture.network.payment_to(1, stranger);
    let batch = fixture.network.batch(vec![recorded.clone(), paid.clone()]);
    let (second, certificate) = fixture.execute(std::slice::from_ref(&batch));
    fixture.chain.write_block(&second, &certificate).unwrap();
    let payment = fixture.network.payment(0, 1);
    let waiting = fixture.network.batch(vec![payment]);
    fixture
        .chain
        .write_batches(std::slice::from_ref(&waiting))
        .unwrap();
    fixture.chain.sync().unwrap();

    let store = Store::open(fixture.folder.path(), &CHAIN);
    let (one, two) = (1_u64.to_be_bytes().to_vec(), 2_u64.to_be_bytes().to_vec());
    let (first_hash, second_hash) = (first.tip.block_hash, second.tip.block_hash);
    assert_eq!(
        store.rows("blocks"),
        [
            (one.clone(), encode(&first.block)),
            (two.clone(), encode(&second.block))
        ]
    );
    let block: Block = decode(&store.rows("blocks")[1].1, 1 << 20).unwrap();
    assert_eq!(block.header().previous, first_hash);
    assert_eq!(store.rows("certificates")[1], (two, encode(&certificate)));
    let mut hashes = [(first_hash, 1_u64), (second_hash, 2)]
        .map(|(hash, height)| (hash.as_bytes().to_vec(), v1(&[&height.to_le_bytes()])));
    hashes.sort();
    assert_eq!(store.rows("hashes"), hashes);

    let committee = encode(&fixture.network.committee);
    assert_eq!(
        store.rows("epochs"),
        [(vec![0; 8], v1(&[&1_u64.to_le_bytes(), &committee]))]
    );

    // What a block names is ordered, what none names is not, and both are batches.
    let [digest] = block.v1().proposal.batches() else {
        panic!("the block names one batch");
    };
    assert_eq!(*digest, batch.digest());
    let ordered = store.rows("ordered");
    assert!(ordered.contains(&(digest.as_bytes().to_vec(), v1(&[&2_u64.to_le_bytes()]))));
    let length = u32::try_from(waiting.bytes().len()).unwrap();
    let unordered = v1(&[&0_u16.to_le_bytes(), &0_u64.to_le_bytes(), &length.to_le_bytes()]);
    assert_eq!(
        store.rows("unordered"),
        [(waiting.digest().as_bytes().to_vec(), unordered)]
    );
    for (key, value) in store.rows("batches") {
        let signed: SignedBatch = decode(&value, 1 << 20).unwrap();
        assert_eq!(signed.digest().as_bytes().to_vec(), key);
    }
    assert_eq!(store.rows("batches").len(), 3);

    let at = |height: u64, index: u32| [height.to_le_bytes().as_slice(), &index.to_le_bytes()].concat();
    let location = (recorded.id().as_bytes().to_vec(), v1(&[&at(2, 0)]));
    assert!(store.rows("transactions").contains(&location));
    // Of block 2: the ids, then the entries by account, each with the block of the one before.
    let [_, (key, history)] = store.rows("histories").try_into().unwrap();
    assert_eq!(key, 2_u64.to_be_bytes());
    let ids = v1(&[&[2], recorded.id().as_bytes(), paid.id().as_bytes()]);
    assert_eq!(history[..ids.len()], ids);
    let entry = [
        stranger.as_bytes().as_slice(),
        &1_u64.to_le_bytes(),
        &1_u32.to_le_bytes(),
        &0_u64.to_le_bytes(),
    ]
    .concat();
    let count = usize::from(history[ids.len()]);
    let entries = &history[ids.len() + 1..];
    assert_eq!(entries.len(), count * entry.len());
    assert!(entries.chunks(entry.len()).any(|other| other == entry));
    assert_eq!(store.rows("milestones"), []);
    let place = [
        &2_u64.to_be_bytes(),
        0_u32.to_be_bytes().as_slice(),
        &0_u16.to_be_bytes(),
    ]
    .concat();
    let who = v1(&[
        fixture.network.address(1).as_bytes(),
        recorded.id().as_bytes(),
        &block.header().timestamp.0.to_le_bytes(),
        b"\x04deed",
    ]);
    assert_eq!(
        store.rows("records"),
        [([document.as_bytes().as_slice(), &place].concat(), who)]
    );
    assert_eq!(store.rows("assets"), [(code("QRT").padded().to_vec(), vec![])]);
    let holder = [code("QRT").padded().as_slice(), stranger.as_bytes()].concat();
    assert!(store.rows("holders").contains(&(holder, vec![])));

    // The leaves give the root that the last header names.
    let leaves = store.rows("state");
    let leaves = leaves.iter().map(|(key, value)| {
        let key: [u8; 32] = key.as_slice().try_into().unwrap();
        (StateKey(key), value_hash(value))
    });
    let tree = StateTree::load(block.header().height, leaves);
    assert_eq!(tree.root(), block.header().state_root);

    let header = block.header();
    let subtrees = [
        &2_u64.to_le_bytes(),
        [1].as_slice(),
        chain_root(first_hash, second_hash).as_bytes(),
    ]
    .concat();
    let tip = v1(&[
        NETWORK.as_bytes(),
        &0_u64.to_le_bytes(),
        &2_u64.to_le_bytes(),
        second_hash.as_bytes(),
        &header.timestamp.0.to_le_bytes(),
        header.state_root.as_bytes(),
        &subtrees,
        &3_u64.to_le_bytes(),
    ]);
    assert_eq!(
        store.rows("meta"),
        [
            (b"format".to_vec(), vec![0, 0, 0, 3]),
            (b"network".to_vec(), NETWORK.as_bytes().to_vec()),
            (b"tip".to_vec(), tip),
        ]
    );
    assert!(store.rows("default").is_empty());
}

/// The root over the hashes of two headers.
fn chain_root(first: Digest, second: Digest) -> Digest {
    quorate_crypto::merkle::root(&[first.as_bytes(), second.as_bytes()])
}

#[test]
fn a_journal_is_on_disk_as_the_formats_say() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), NETWORK, &StorageOptions::journal()).unwrap();
    journal.append(&["one", "two", "three", "four"]).unwrap();
    journal.remove(&[3]).unwrap();
    journal.prune_before(2).unwrap();
    journal.sync().unwrap();
    let store = Store::open(folder.path(), &["meta", "records"]);
    let row = |number: u64, record: &str| (number.to_be_bytes().to_vec(), record.as_bytes().to_vec());
    assert_eq!(store.rows("records"), [row(2, "two"), row(4, "four")]);
    assert_eq!(
        store.rows("meta"),
        [
            (b"format".to_vec(), vec![0, 0, 0, 3]),
            (b"network".to_vec(), NETWORK.as_bytes().to_vec()),
            (b"next".to_vec(), 5_u64.to_be_bytes().to_vec()),
        ]
    );
}
