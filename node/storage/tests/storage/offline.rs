//! A store read as an auditor would: with RocksDB alone and `docs/formats.md`, section 20.

use std::path::Path;

use quorate_crypto::{Tag, merkle, sha256};
use quorate_ledger::{
    Address, Amount, BatchTexts, Block, CheckedBatch, Condition, ConditionLeaf, Digest, Execution,
    HistoryOwner, HoldRef, Keep, Operation, Outcome, Place, SignedBatch, StateKey, StateTree, TextItem,
    Timestamp, Transaction, decode, encode, value_hash,
};
use quorate_storage::{Journal, StorageOptions};
use rocksdb::{DB, IteratorMode, Options};

use crate::chain::Fixture;
use crate::network::{Network, code, create, erase, mint, transfer};

/// A database opened for reading, with no settings of ours.
struct Store(DB);

type Row = (Vec<u8>, Vec<u8>);

impl Store {
    /// One that its node has open.
    fn open(path: &Path, families: &[&str]) -> Self {
        let found = Self::families(path, families);
        Self(DB::open_cf_for_read_only(&Options::default(), path, &found, false).unwrap())
    }

    /// One that nobody has open any more: RocksDB 11.8 crashes where it opens one for reading alone whose manifest
    /// has not seen the numbers of all files.
    fn open_left(path: &Path, families: &[&str]) -> Self {
        let found = Self::families(path, families);
        Self(DB::open_cf(&Options::default(), path, &found).unwrap())
    }

    /// Those that there are, which must be these.
    fn families(path: &Path, families: &[&str]) -> Vec<String> {
        let mut found = DB::list_cf(&Options::default(), path).unwrap();
        found.sort();
        let mut expected = [families, &["default"]].concat();
        expected.sort_unstable();
        assert_eq!(found, expected);
        found
    }

    fn rows(&self, family: &str) -> Vec<Row> {
        let handle = self.0.cf_handle(family).unwrap();
        let rows = self.0.iterator_cf(handle, IteratorMode::Start);
        rows.map(|row| row.unwrap())
            .map(|(key, value)| (key.into_vec(), value.into_vec()))
            .collect()
    }

    /// The version of the format of each table file, which its footer has before its last eight bytes.
    fn table_formats(path: &Path) -> Vec<u32> {
        let files = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let tables = files.filter(|path| path.extension().is_some_and(|extension| extension == "sst"));
        let formats = tables.map(|path| {
            let bytes = std::fs::read(path).unwrap();
            let (front, _magic) = bytes.split_last_chunk::<8>().unwrap();
            let (_, version) = front.split_last_chunk::<4>().unwrap();
            u32::from_le_bytes(*version)
        });
        formats.collect()
    }
}

const CHAIN: [&str; 22] = [
    "assets",
    "batch_texts",
    "batches",
    "blocks",
    "certificates",
    "chain_tiles",
    "epochs",
    "hashes",
    "histories",
    "holders",
    "log",
    "meta",
    "ordered",
    "ordinals",
    "records",
    "state",
    "texts",
    "tiles",
    "transactions",
    "unordered",
    "waypoint_nodes",
    "waypoints",
];

fn v1(parts: &[&[u8]]) -> Vec<u8> {
    [[0].as_slice(), &parts.concat()].concat()
}

fn number(mut rest: u128) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// Bytes behind their length.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len() as u128), bytes.to_vec()].concat()
}

/// The leaf of a transaction in a row of `log`, that much behind the position before.
fn leaf(behind: u128, transaction: &Transaction, lead: u64, outcome: &[u8]) -> Vec<u8> {
    let signed = Tag::SIGNED.hash(&encode(transaction));
    [
        vec![0],
        number(behind),
        transaction.id().0.to_vec(),
        number(lead.into()),
        signed.0.to_vec(),
        outcome.to_vec(),
    ]
    .concat()
}

/// An owner's part of a row of `histories`, with one step.
fn owner(key: &[u8], first: u128, before: u128, ordinal: u128, changes: &[Vec<u8>]) -> Vec<u8> {
    let changes = [number(changes.len() as u128), changes.concat()].concat();
    [
        key.to_vec(),
        number(first),
        number(before),
        number(1),
        number(ordinal),
        changes,
    ]
    .concat()
}

/// A change of what is free.
fn moved(asset: u128, before: u128, after: u128) -> Vec<u8> {
    [number(asset), vec![1], number(before), number(after)].concat()
}

fn of_account(address: &Address) -> Vec<u8> {
    [&[0], address.as_bytes().as_slice()].concat()
}

/// Two blocks: a payment; then a record, a new asset and a payment to a stranger, with a memo, of which the fourth
/// transaction erases it; and a batch that waits.
struct Written {
    fixture: Fixture,
    paid: Transaction,
    recorded: Transaction,
    noted: (Transaction, Vec<TextItem>),
    executions: Vec<Execution>,
    waiting: (CheckedBatch, Option<BatchTexts>),
}

const STRANGER: Address = Address([9; 20]);
const DOCUMENT: Digest = Digest([0xdd; 32]);
const FIELD: Place = Place::Operation { index: 0, field: 0 };

fn written() -> Written {
    let mut fixture = Fixture::new(2);
    let paid = fixture.network.payment(0, 1);
    let first = fixture.commit(vec![paid.clone()]);
    let record = Operation::PutRecord {
        sha256: DOCUMENT,
        keep: Keep::Unique,
    };
    let recorded = fixture
        .network
        .transaction(1, vec![record, create("EUR"), mint(STRANGER, "EUR", 300)]);
    let texts = [(Place::Memo, "memo"), (FIELD, "note")];
    let noted = fixture
        .network
        .transaction_with(1, vec![transfer(STRANGER, "QRT", 1)], &texts);
    let erased = fixture.network.transaction(1, vec![erase(&noted.0, &[FIELD])]);
    let failing = failing(&mut fixture.network);
    let copy = fixture.network.copy(&[
        (recorded.clone(), Vec::new()),
        noted.clone(),
        (failing, Vec::new()),
        (erased, Vec::new()),
    ]);
    let second = fixture.order(&[copy]);
    let waiting = {
        let made = fixture.network.transaction_with(
            0,
            vec![transfer(STRANGER, "QRT", 1)],
            &[(Place::Memo, "later")],
        );
        fixture.network.copy(&[made])
    };
    fixture
        .chain
        .write_copies(std::slice::from_ref(&waiting))
        .unwrap();
    fixture.chain.sync().unwrap();
    Written {
        fixture,
        paid,
        recorded,
        noted,
        executions: vec![first, second],
        waiting,
    }
}

/// One that fails: there is no such asset.
fn failing(network: &mut Network) -> Transaction {
    network.transaction(0, vec![transfer(STRANGER, "NONE", 1)])
}

#[test]
fn blocks_and_batches_are_on_disk_as_the_formats_say() {
    let written = written();
    let store = Store::open(written.fixture.folder.path(), &CHAIN);
    let heights: Vec<Vec<u8>> = (1..=2_u64).map(|height| height.to_be_bytes().to_vec()).collect();
    let blocks: Vec<Row> = heights
        .iter()
        .cloned()
        .zip(
            written
                .executions
                .iter()
                .map(|execution| encode(&execution.block)),
        )
        .collect();
    assert_eq!(store.rows("blocks"), blocks);
    let block: Block = decode(&blocks[1].1, 1 << 20).unwrap();
    let hash = |place: usize| written.executions[place].tip.block_hash;
    assert_eq!(block.header().previous, hash(0));
    let certificates = store.rows("certificates");
    assert_eq!(
        certificates[1].1,
        encode(&written.fixture.network.certify(&written.executions[1].tip))
    );
    let mut hashes = [(hash(0), 1_u64), (hash(1), 2)]
        .map(|(hash, height)| (hash.as_bytes().to_vec(), v1(&[&height.to_le_bytes()])));
    hashes.sort();
    assert_eq!(store.rows("hashes"), hashes);
    let committee = encode(&written.fixture.network.committee);
    assert_eq!(
        store.rows("epochs"),
        [(vec![0; 8], v1(&[&1_u64.to_le_bytes(), &committee]))]
    );

    // What a block names is ordered, what none names is not, and both are batches.
    let [digest] = block.v1().proposal.batches() else {
        panic!("the block names one batch");
    };
    let ordered = store.rows("ordered");
    assert!(ordered.contains(&(digest.as_bytes().to_vec(), v1(&[&2_u64.to_le_bytes()]))));
    let (waiting, texts) = &written.waiting;
    let texts = encode(texts.as_ref().unwrap());
    let length = u32::try_from(waiting.bytes().len() + texts.len()).unwrap();
    let unordered = v1(&[&0_u16.to_le_bytes(), &0_u64.to_le_bytes(), &length.to_le_bytes()]);
    let key = waiting.digest().as_bytes().to_vec();
    assert_eq!(store.rows("unordered"), [(key.clone(), unordered)]);
    assert_eq!(store.rows("batch_texts"), [(key, texts)]);
    for (key, value) in store.rows("batches") {
        let signed: SignedBatch = decode(&value, 1 << 20).unwrap();
        assert_eq!(signed.digest().as_bytes().to_vec(), key);
    }
    assert_eq!(store.rows("batches").len(), 3);

    // Texts of what was executed alone: one is erased.
    let (id, items) = (written.noted.0.id(), &written.noted.1);
    let salted = |item: &TextItem| {
        let text = item.shown().unwrap();
        [text.salt.as_slice(), &counted(&text.text)].concat()
    };
    assert_eq!(
        store.rows("texts"),
        [
            (
                [id.as_bytes().as_slice(), &[0]].concat(),
                v1(&[&salted(&items[0])])
            ),
            (
                [id.as_bytes().as_slice(), &[1, 0, 0]].concat(),
                hash_of(&items[1])
            ),
        ]
    );
    assert!(store.rows("default").is_empty());
}

/// A text's row that has its leaf's hash alone.
fn hash_of(item: &TextItem) -> Vec<u8> {
    let text = item.shown().unwrap();
    let length = u16::try_from(text.text.len()).unwrap().to_le_bytes();
    let content = [text.salt.as_slice(), &length, &text.text].concat();
    let leaf = merkle::leaf_hash(&Tag::TEXT.preimage(&content));
    [&[1], leaf.as_bytes().as_slice()].concat()
}

#[test]
fn of_a_skipped_transactions_texts_only_hashes_are_on_disk() {
    let mut fixture = Fixture::new(2);
    let texts = [(Place::Memo, "memo"), (FIELD, "note")];
    let transfers = vec![transfer(STRANGER, "QRT", 1)];
    let (made, items) = fixture.network.transaction_with(1, transfers, &texts);
    // Another's signature: nobody authorised it.
    let others = fixture.network.payment(0, 1).signatures().to_vec();
    let skipped = Transaction::new(made.v1().intent.clone(), others);
    let copy = fixture.network.copy(&[(skipped, items.clone())]);
    assert!(fixture.order(&[copy]).transactions.is_empty());
    fixture.chain.sync().unwrap();
    let store = Store::open(fixture.folder.path(), &CHAIN);
    let id = made.id();
    let row = |place: &[u8], item: &TextItem| ([id.as_bytes().as_slice(), place].concat(), hash_of(item));
    assert_eq!(
        store.rows("texts"),
        [row(&[0], &items[0]), row(&[1, 0, 0], &items[1])]
    );
    assert_eq!(store.rows("batch_texts"), []);
    assert_eq!(store.rows("transactions"), []);
}

#[test]
fn the_log_and_histories_are_on_disk_as_the_formats_say() {
    let written = written();
    let network = &written.fixture.network;
    let store = Store::open(written.fixture.folder.path(), &CHAIN);
    let [first, second] = written.executions.as_slice() else {
        panic!("there are two blocks");
    };
    let transactions = second.transactions.iter();
    let leads: Vec<u64> = transactions
        .map(|executed| executed.expires_at.0 - second.tip.timestamp.0)
        .collect();
    let snapshot = written.fixture.snapshot();
    let all: Vec<Transaction> = snapshot
        .transactions_at(second.tip.height, 0, 10)
        .unwrap()
        .into_iter()
        .map(|found| found.transaction)
        .collect();
    assert_eq!(all.len(), 4);
    assert_eq!(all[..2], [written.recorded.clone(), written.noted.0.clone()]);
    let lead = first.transactions[0].expires_at.0 - first.tip.timestamp.0;
    let success = [0, 0];
    let rows_of_first = leaf(0, &written.paid, lead, &success);
    let rows_of_second = [
        leaf(0, &all[0], leads[0], &success),
        leaf(1, &all[1], leads[1], &success),
        // Code 1, `unknown_asset`, of operation 0.
        leaf(1, &all[2], leads[2], &[1, 1, 0]),
        leaf(1, &all[3], leads[3], &success),
    ]
    .concat();
    let height = |height: u64| height.to_be_bytes().to_vec();
    assert_eq!(
        store.rows("log"),
        [
            (height(1), v1(&[&0_u64.to_le_bytes(), &counted(&rows_of_first)])),
            (height(2), v1(&[&1_u64.to_le_bytes(), &counted(&rows_of_second)])),
        ]
    );
    let ordinals = [(0_u64, 1_u64), (1, 2)];
    assert_eq!(
        store.rows("ordinals"),
        ordinals.map(|(ordinal, height)| (ordinal.to_be_bytes().to_vec(), height.to_le_bytes().to_vec()))
    );
    let mut ids: Vec<Row> = std::iter::once(&written.paid)
        .chain(&all)
        .zip(0_u128..)
        .map(|(transaction, ordinal)| (transaction.id().0.to_vec(), number(ordinal)))
        .collect();
    ids.sort();
    assert_eq!(store.rows("transactions"), ids);

    // Of block 2: the sender of three transactions, the failing one's, the stranger, and the new asset.
    let [(_, of_first), (_, of_second)] = store.rows("histories").try_into().unwrap();
    let one = moved(0, 1_000_000, 1_000_001);
    let mut paid = [
        owner(
            &of_account(&network.address(0)),
            1,
            0,
            0,
            &[moved(0, 1_000_000, 999_999)],
        ),
        owner(&of_account(&network.address(1)), 1, 0, 0, &[one]),
    ];
    paid.sort();
    assert_eq!(of_first, v1(&[&counted(&paid.concat())]));
    let sender = [
        of_account(&network.address(1)),
        [2, 1, 3].to_vec(),
        // Of the first it owns nothing; it pays with the second, and erases with the fourth.
        [0, 0].to_vec(),
        [vec![1, 1], moved(0, 1_000_001, 1_000_000)].concat(),
        [3, 0].to_vec(),
    ]
    .concat();
    let stranger = [
        of_account(&STRANGER),
        [1, 0, 2].to_vec(),
        [vec![0, 1], moved(1, 0, 300)].concat(),
        [vec![1, 1], moved(0, 0, 1)].concat(),
    ]
    .concat();
    let mut accounts = [
        sender,
        stranger,
        owner(&of_account(&network.address(0)), 2, 1, 2, &[]),
    ];
    accounts.sort();
    let asset = owner(
        &[&[1], code("EUR").b37().as_slice()].concat(),
        1,
        0,
        0,
        &[moved(1, 0, 300)],
    );
    let row = [accounts.concat(), asset].concat();
    assert_eq!(of_second, v1(&[&counted(&row)]));
    for family in ["waypoints", "waypoint_nodes", "tiles", "chain_tiles"] {
        assert_eq!(store.rows(family), []);
    }
}

#[test]
fn indexes_and_the_state_are_on_disk_as_the_formats_say() {
    let written = written();
    let network = &written.fixture.network;
    let store = Store::open(written.fixture.folder.path(), &CHAIN);
    let place = [DOCUMENT.as_bytes().as_slice(), &1_u64.to_be_bytes(), &[0]].concat();
    let record = v1(&[network.address(1).as_bytes(), &[2]]);
    assert_eq!(store.rows("records"), [(place, record)]);
    assert_eq!(
        store.rows("assets"),
        [(0_u32, "QRT"), (1, "EUR")]
            .map(|(number, code)| (number.to_be_bytes().to_vec(), counted(code.as_bytes())))
    );
    let holder = |asset: &str, address: &Address| {
        let key = [code(asset).b37().as_slice(), address.as_bytes()].concat();
        (key, Vec::new())
    };
    let mut holders = vec![
        holder("QRT", &network.address(0)),
        holder("QRT", &network.address(1)),
        holder("QRT", &STRANGER),
        holder("EUR", &STRANGER),
    ];
    holders.sort();
    assert_eq!(store.rows("holders"), holders);

    // The leaves give the root that the last header names. Behind an account's own leaf and an asset's stands the height
    // of its history's newest step.
    let tip = &written.executions[1].tip;
    let mut newest = Vec::new();
    let leaves = store.rows("state").into_iter().map(|(key, mut row)| {
        let key = StateKey(key.try_into().unwrap());
        let has_history = key.kind() == 3 || key.kind() == 1 && key.0[21..] == [0; 11];
        if has_history {
            let height = row.split_off(row.len() - 8);
            newest.push((key, u64::from_le_bytes(height.try_into().unwrap())));
        }
        (key, value_hash(&row))
    });
    let leaves: Vec<(StateKey, Digest)> = leaves.collect();
    assert_eq!(StateTree::load(tip.height, leaves).root(), tip.state_root);
    let mut expected = vec![
        (StateKey::account(&network.address(0)), 2),
        (StateKey::account(&network.address(1)), 2),
        (StateKey::account(&STRANGER), 2),
        (StateKey::asset(&code("QRT")), 0),
        (StateKey::asset(&code("EUR")), 2),
    ];
    expected.sort();
    assert_eq!(newest, expected);

    let hashes = written
        .executions
        .iter()
        .map(|execution| execution.tip.block_hash);
    let headers: Vec<Digest> = hashes.map(|hash| merkle::leaf_hash(hash.as_bytes())).collect();
    let entries = written.executions.iter().flat_map(|execution| &execution.log);
    let entries: Vec<Digest> = entries.map(|logged| logged.entry.leaf_hash()).collect();
    assert_eq!(entries.len(), 5);
    let frontier = |length: u64, subtrees: &[Digest]| {
        let hashes: Vec<&[u8]> = subtrees.iter().map(|hash| hash.as_bytes().as_slice()).collect();
        [
            length.to_le_bytes().to_vec(),
            number(subtrees.len() as u128),
            hashes.concat(),
        ]
        .concat()
    };
    let stored = v1(&[
        network.id().as_bytes(),
        &0_u64.to_le_bytes(),
        &2_u64.to_le_bytes(),
        tip.block_hash.as_bytes(),
        &tip.timestamp.0.to_le_bytes(),
        tip.state_root.as_bytes(),
        &frontier(2, &[merkle::root_of_hashes(&headers)]),
        &frontier(5, &[merkle::root_of_hashes(&entries[..4]), entries[4]]),
    ]);
    assert_eq!(
        store.rows("meta"),
        [
            (b"format".to_vec(), vec![0, 0, 0, 4]),
            (b"network".to_vec(), network.id().as_bytes().to_vec()),
            (b"tip".to_vec(), stored),
        ]
    );
}

#[test]
fn tiles_and_waypoints_are_on_disk_as_the_formats_say() {
    let mut fixture = Fixture::new(3);
    let mut leaves = Vec::new();
    let mut waypoints = Vec::new();
    // 300 leaves in 150 blocks, and in each of these two steps of two accounts.
    for _ in 0..150 {
        let execution = fixture.pay_all(&[(0, 1), (1, 0)]);
        leaves.extend(execution.log.iter().map(|logged| logged.leaf));
        let height = execution.tip.height.0;
        waypoints.extend(execution.waypoints.into_iter().map(|waypoint| (waypoint, height)));
    }
    // It compacts by now: a file that it drops would be missed by whoever opens the database beside it.
    let Fixture {
        network,
        chain,
        folder,
    } = fixture;
    chain.sync().unwrap();
    drop(chain);
    let store = Store::open_left(folder.path(), &CHAIN);
    let tile: Vec<u8> = leaves[..256].iter().flat_map(|leaf| leaf.0).collect();
    assert_eq!(store.rows("tiles"), [(vec![0; 9], tile)]);
    assert_eq!(store.rows("chain_tiles"), []);

    // Steps 32, 64, … of two accounts with 300 steps each.
    let mut expected: Vec<Row> = waypoints
        .iter()
        .map(|(waypoint, height)| {
            let HistoryOwner::Account(address) = waypoint.owner else {
                panic!("no asset's supply changes");
            };
            let key = [of_account(&address), waypoint.number.to_be_bytes().to_vec()].concat();
            (key, [waypoint.hash.0.as_slice(), &height.to_le_bytes()].concat())
        })
        .collect();
    expected.sort();
    assert_eq!(expected.len(), 18);
    assert_eq!(store.rows("waypoints"), expected);
    let mut nodes: Vec<Row> = Vec::new();
    for account in 0..2 {
        let address = network.address(account);
        let own = expected
            .iter()
            .filter(|(key, _)| key.starts_with(&of_account(&address)));
        let hashes: Vec<Digest> = own.map(|(_, value)| merkle::leaf_hash(&value[..32])).collect();
        // Nine waypoints: four pairs, two fours, one eight.
        for (level, width) in [(1_u8, 2), (2, 4), (3, 8)] {
            for (index, subtree) in (0_u64..).zip(hashes.chunks_exact(width)) {
                let key = [of_account(&address), vec![level], index.to_be_bytes().to_vec()].concat();
                nodes.push((key, merkle::root_of_hashes(subtree).0.to_vec()));
            }
        }
    }
    nodes.sort();
    assert_eq!(nodes.len(), 14);
    assert_eq!(store.rows("waypoint_nodes"), nodes);
}

#[test]
fn tables_have_the_format_that_the_page_names() {
    let Written { fixture, .. } = written();
    fixture.chain.settle().unwrap();
    let formats = Store::table_formats(fixture.folder.path());
    assert!(formats.len() > 10);
    assert!(formats.iter().all(|format| *format == 6), "{formats:?}");
    let journal = tempfile::tempdir().unwrap();
    let network = sha256(b"network");
    let open = || Journal::open(journal.path(), network, &StorageOptions::journal()).unwrap();
    open().append(&["record"]).unwrap();
    drop(open());
    let formats = Store::table_formats(journal.path());
    assert!(!formats.is_empty());
    assert!(formats.iter().all(|format| *format == 6), "{formats:?}");
}

#[test]
fn a_journal_is_on_disk_as_the_formats_say() {
    let folder = tempfile::tempdir().unwrap();
    let network = Digest([7; 32]);
    let journal = Journal::open(folder.path(), network, &StorageOptions::journal()).unwrap();
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
            (b"format".to_vec(), vec![0, 0, 0, 4]),
            (b"network".to_vec(), network.as_bytes().to_vec()),
            (b"next".to_vec(), 5_u64.to_be_bytes().to_vec()),
        ]
    );
}

#[test]
fn outcomes_of_holds_are_in_the_log_with_their_results() {
    let mut fixture = Fixture::new(2);
    let to = fixture.network.address(1);
    let until = Timestamp(fixture.network.tip.timestamp.0 + 1_000_000);
    let hold = Operation::Hold {
        beneficiary: to,
        asset: code("QRT"),
        amount: Amount(300),
        until,
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::Signs(to)],
        },
    };
    let held = fixture.network.transaction(0, vec![hold]);
    fixture.commit(vec![held.clone()]);
    let release = Operation::Release {
        hold: HoldRef {
            owner: fixture.network.address(0),
            transaction: held.id(),
            operation: 0,
        },
        amount: None,
        preimages: Vec::new(),
    };
    let released = fixture.network.transaction(1, vec![release]);
    let execution = fixture.commit(vec![released.clone()]);
    let outcome = &execution.transactions[0].outcome;
    assert!(matches!(outcome, Outcome::Success { results } if results.len() == 1));
    let store = Store::open(fixture.folder.path(), &CHAIN);
    let lead = execution.transactions[0].expires_at.0 - execution.tip.timestamp.0;
    let rows = leaf(0, &released, lead, &[0, 1, 0xac, 0x02]);
    assert_eq!(
        store.rows("log")[1].1,
        v1(&[&1_u64.to_le_bytes(), &counted(&rows)])
    );
    // Free before and after, and what is held: 300 that are gone from there.
    let [_, (_, histories)] = store.rows("histories").try_into().unwrap();
    let owner_changed = [number(0), vec![2], number(999_700), number(300), number(0)].concat();
    let mut accounts = [
        owner(
            &of_account(&fixture.network.address(0)),
            2,
            1,
            0,
            &[owner_changed],
        ),
        owner(&of_account(&to), 2, 1, 0, &[moved(0, 1_000_000, 1_000_300)]),
    ];
    accounts.sort();
    assert_eq!(histories, v1(&[&counted(&accounts.concat())]));
}
