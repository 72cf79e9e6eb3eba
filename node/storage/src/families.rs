//! The chain database's column families, the keys in them and the values under these (`docs/formats.md`,
//! section 20).
//!
//! | family | key | value |
//! | --- | --- | --- |
//! | `batches` | digest | canonical bytes of the signed batch |
//! | `batch_texts` | digest | canonical bytes of the texts of a batch that no stored block names |
//! | `unordered` | digest | [`UnorderedRecord`]: author, epoch and size of such a batch |
//! | `ordered` | digest | [`HeightRecord`]: the first height that names the batch |
//! | `texts` | id ‖ place | a text of an executed transaction; once erased, or of a skipped one, its leaf's hash |
//! | `blocks` | height | canonical bytes of the block |
//! | `certificates` | height | canonical bytes of the certificate |
//! | `hashes` | block hash | [`HeightRecord`] |
//! | `log` | height | [`LogRecord`]: the leaves that the block appended to the log, if there are any |
//! | `tiles` | level ‖ index | a complete tile of the log |
//! | `chain_tiles` | the same | a complete tile of the list of header hashes |
//! | `transactions` | id | ordinal |
//! | `ordinals` | the first ordinal of a block | height |
//! | `histories` | height | [`HistoriesRecord`]: what the block added to histories |
//! | `waypoints` | owner ‖ number | [`WaypointRecord`]: every 32nd step's hash and height |
//! | `waypoint_nodes` | owner ‖ level ‖ index | an inner hash of the list of waypoints |
//! | `records` | sha256 ‖ ordinal ‖ operation | [`RecordRecord`] |
//! | `assets` | number | code |
//! | `holders` | code in base 37 ‖ address | nothing |
//! | `epochs` | epoch | [`EpochRecord`]: its first height and its committee |
//! | `state` | state key | canonical bytes of the value: the leaves of the state tree; see [`state_row`] |
//! | `meta` | `format`, `network`, `tip`, `purged`, `texts` | a number, a digest, [`TipRecord`], [`HeightRecord`] twice |
//!
//! Numbers in keys are big-endian, so that keys order as what they stand for. Values are canonical BCS.

use quorate_crypto::Committee;
use quorate_ledger::{
    Address, AssetCode, Digest, Epoch, Height, HistoryOwner, Keep, Place, StateKey, Tip, ValidatorIndex,
    encode,
};
use serde::{Deserialize, Serialize};

use crate::database::{Family, Kind};
use crate::meta::META;
use crate::rows::owner_key;

pub(crate) const BATCHES: Family = Family::new("batches", Kind::PackedBlobs);
pub(crate) const BATCH_TEXTS: Family = Family::new("batch_texts", Kind::Ordered);
pub(crate) const UNORDERED: Family = Family::new("unordered", Kind::Lookup);
pub(crate) const ORDERED: Family = Family::new("ordered", Kind::Lookup);
pub(crate) const TEXTS: Family = Family::new("texts", Kind::Ordered);
pub(crate) const BLOCKS: Family = Family::new("blocks", Kind::Ordered);
pub(crate) const CERTIFICATES: Family = Family::new("certificates", Kind::Ordered);
pub(crate) const HASHES: Family = Family::new("hashes", Kind::Lookup);
pub(crate) const LOG: Family = Family::new("log", Kind::Blobs);
pub(crate) const TILES: Family = Family::new("tiles", Kind::Blobs);
pub(crate) const CHAIN_TILES: Family = Family::new("chain_tiles", Kind::Blobs);
pub(crate) const TRANSACTIONS: Family = Family::new("transactions", Kind::Lookup);
pub(crate) const ORDINALS: Family = Family::new("ordinals", Kind::Ordered);
pub(crate) const HISTORIES: Family = Family::new("histories", Kind::Blobs);
pub(crate) const WAYPOINTS: Family = Family::new("waypoints", Kind::Ordered);
pub(crate) const WAYPOINT_NODES: Family = Family::new("waypoint_nodes", Kind::Ordered);
pub(crate) const RECORDS: Family = Family::new("records", Kind::Ordered);
pub(crate) const ASSETS: Family = Family::new("assets", Kind::Ordered);
pub(crate) const HOLDERS: Family = Family::new("holders", Kind::Ordered);
pub(crate) const EPOCHS: Family = Family::new("epochs", Kind::Ordered);
pub(crate) const STATE: Family = Family::new("state", Kind::State);

/// All families of the chain database.
pub(crate) const FAMILIES: [Family; 22] = [
    BATCHES,
    BATCH_TEXTS,
    UNORDERED,
    ORDERED,
    TEXTS,
    BLOCKS,
    CERTIFICATES,
    HASHES,
    LOG,
    TILES,
    CHAIN_TILES,
    TRANSACTIONS,
    ORDINALS,
    HISTORIES,
    WAYPOINTS,
    WAYPOINT_NODES,
    RECORDS,
    ASSETS,
    HOLDERS,
    EPOCHS,
    STATE,
    META,
];

/// The key of the tip in `meta`.
pub(crate) const TIP_KEY: &[u8] = b"tip";

/// The key in `meta` of the height up to which erased texts are out of the database's files.
pub(crate) const PURGED_KEY: &[u8] = b"purged";

/// The key in `meta` of the height up to which no text is missing.
pub(crate) const TEXTS_KEY: &[u8] = b"texts";

/// Longest value that is decoded, in bytes: above the largest block, which has a recovery.
pub(crate) const MAX_VALUE_BYTES: usize = 256 << 20;

/// The kind of state keys under which accounts and their balances lie.
const ACCOUNT_KIND: u8 = 0x01;

/// The kind of state keys under which assets lie.
pub(crate) const ASSET_KIND: u8 = 0x03;

/// The kind of state keys under which it is said which texts were erased.
pub(crate) const ERASURE_KIND: u8 = 0x0E;

/// Bytes of the height behind the value of a leaf that has a history.
const HEIGHT_BYTES: usize = 8;

/// A block's place in the chain, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HeightRecord {
    V1(Height),
}

/// An epoch that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EpochRecord {
    V1 { first: Height, committee: Committee },
}

/// A batch that no stored block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UnorderedRecord {
    V1 {
        author: ValidatorIndex,
        epoch: Epoch,
        /// Bytes of the signed batch and of its texts.
        length: u32,
    },
}

/// What a block appended to the transaction log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LogRecord<'a> {
    V1 {
        /// The first leaf's ordinal.
        first: u64,
        /// As [`encode_log`](crate::rows::encode_log) makes them.
        #[serde(with = "serde_bytes")]
        rows: &'a [u8],
    },
}

/// What a block added to histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HistoriesRecord<'a> {
    V1 {
        /// As [`encode_histories`](crate::rows::encode_histories) makes them.
        #[serde(with = "serde_bytes")]
        accounts: &'a [u8],
    },
}

/// A step whose hash its owner's leaf commits to for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaypointRecord {
    /// The history's hash with it.
    pub(crate) hash: Digest,
    pub(crate) height: Height,
}

/// Who recorded a document, and what keeps that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RecordRecord {
    V1 { address: Address, keep: Keep },
}

/// The end of the stored chain, with what the next block needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TipRecord {
    V1 { tip: Tip },
}

/// Where in the chain a document was recorded. Orders as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// The place of the transaction's leaf in the log.
    pub ordinal: u64,
    /// The operation's place in the transaction, from 0.
    pub operation: u8,
}

pub(crate) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(crate) fn epoch_key(epoch: Epoch) -> [u8; 8] {
    epoch.0.to_be_bytes()
}

pub(crate) fn ordinal_key(ordinal: u64) -> [u8; 8] {
    ordinal.to_be_bytes()
}

pub(crate) fn asset_key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

pub(crate) fn tile_key(level: u8, index: u64) -> [u8; 9] {
    join(&[level], &index.to_be_bytes())
}

pub(crate) fn text_key(id: &Digest, place: &Place) -> Vec<u8> {
    [id.as_bytes().as_slice(), &encode(place)].concat()
}

pub(crate) fn waypoint_key(owner: &HistoryOwner, number: u64) -> Vec<u8> {
    let mut key = owner_key(owner);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(crate) fn waypoint_node_key(owner: &HistoryOwner, level: u8, index: u64) -> Vec<u8> {
    let mut key = owner_key(owner);
    key.extend_from_slice(&tile_key(level, index));
    key
}

pub(crate) fn record_key(sha256: &Digest, place: RecordPlace) -> [u8; 41] {
    let place: [u8; 9] = join(&place.ordinal.to_be_bytes(), &[place.operation]);
    join(sha256.as_bytes(), &place)
}

pub(crate) fn holder_key(asset: &AssetCode, address: &Address) -> [u8; 28] {
    join(&asset.b37(), address.as_bytes())
}

/// Reads the part of a record's key after the hash.
pub(crate) fn record_place(suffix: &[u8]) -> Option<RecordPlace> {
    let (ordinal, rest) = suffix.split_first_chunk()?;
    let [operation] = rest else { return None };
    Some(RecordPlace {
        ordinal: u64::from_be_bytes(*ordinal),
        operation: *operation,
    })
}

/// Where an owner's leaf lies in the state.
pub(crate) fn leaf_key(owner: &HistoryOwner) -> StateKey {
    match owner {
        HistoryOwner::Account(address) => StateKey::account(address),
        HistoryOwner::Asset(code) => StateKey::asset(code),
    }
}

/// Whether what lies under the key has a history: an account's own leaf, or an asset's.
pub(crate) fn has_history(key: &StateKey) -> bool {
    match key.kind() {
        ACCOUNT_KIND => key.as_bytes()[21..].iter().all(|byte| *byte == 0),
        ASSET_KIND => true,
        _ => false,
    }
}

/// The row of `state` under a key. Behind a leaf that has a history stands the height of the block with its
/// newest step (8 bytes, as BCS has a `u64`; 0 while there is none): from there a history is read, from the
/// newest step down, and it changes with every step, as the leaf does.
pub(crate) fn state_row(key: &StateKey, value: &[u8], newest: Height) -> Vec<u8> {
    let mut row = Vec::with_capacity(value.len() + HEIGHT_BYTES);
    put_state_row(&mut row, key, value, newest);
    row
}

/// Appends the same row to `bytes`.
pub(crate) fn put_state_row(bytes: &mut Vec<u8>, key: &StateKey, value: &[u8], newest: Height) {
    bytes.extend_from_slice(value);
    if has_history(key) {
        bytes.extend_from_slice(&newest.0.to_le_bytes());
    }
}

/// Takes a row of `state` apart: the value, and of a leaf that has a history its newest step's height, 0 if
/// there is none. None if the row is too short.
pub(crate) fn split_state_row(key: &StateKey, mut row: Vec<u8>) -> Option<(Vec<u8>, Height)> {
    if !has_history(key) {
        return Some((row, Height::GENESIS));
    }
    let length = row.len().checked_sub(HEIGHT_BYTES)?;
    let newest: [u8; HEIGHT_BYTES] = row.get(length..)?.try_into().ok()?;
    row.truncate(length);
    Some((row, Height(u64::from_le_bytes(newest))))
}

fn join<const N: usize>(first: &[u8], second: &[u8]) -> [u8; N] {
    let mut joined = [0; N];
    joined[..first.len()].copy_from_slice(first);
    joined[first.len()..].copy_from_slice(second);
    joined
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Timestamp, decode};

    use super::*;

    fn hex(bytes: impl AsRef<[u8]>) -> String {
        hex::encode(bytes)
    }

    #[test]
    fn keys_are_golden() {
        let (a, d) = ("aa".repeat(20), "bb".repeat(32));
        let (address, digest) = (Address([0xaa; 20]), Digest([0xbb; 32]));
        let code: AssetCode = "EUR".parse().unwrap();
        assert_eq!(hex(height_key(Height(258))), "0000000000000102");
        assert_eq!(hex(epoch_key(Epoch(1))), "0000000000000001");
        assert_eq!(hex(ordinal_key(258)), "0000000000000102");
        assert_eq!(hex(asset_key(258)), "00000102");
        assert_eq!(hex(tile_key(1, 258)), "010000000000000102");
        assert_eq!(hex(text_key(&digest, &Place::Memo)), format!("{d}00"));
        let place = Place::Operation { index: 2, field: 1 };
        assert_eq!(hex(text_key(&digest, &place)), format!("{d}010201"));
        // (15 * 37 * 37 + 31 * 37 + 28) * 37^9: E is 15, U 31, R 28, and nine digits are missing.
        let b37 = "2727df71b02fbb06";
        let (account, asset) = (HistoryOwner::Account(address), HistoryOwner::Asset(code));
        assert_eq!(hex(waypoint_key(&account, 64)), format!("00{a}0000000000000040"));
        assert_eq!(hex(waypoint_key(&asset, 64)), format!("01{b37}0000000000000040"));
        assert_eq!(
            hex(waypoint_node_key(&account, 3, 258)),
            format!("00{a}030000000000000102")
        );
        let place = RecordPlace {
            ordinal: 258,
            operation: 3,
        };
        assert_eq!(hex(record_key(&digest, place)), format!("{d}000000000000010203"));
        assert_eq!(hex(holder_key(&code, &address)), format!("{b37}{a}"));
    }

    #[test]
    fn values_are_golden() {
        let (a, d) = ("aa".repeat(20), "bb".repeat(32));
        let (address, digest) = (Address([0xaa; 20]), Digest([0xbb; 32]));
        assert_eq!(hex(encode(&HeightRecord::V1(Height(258)))), "000201000000000000");
        let unordered = UnorderedRecord::V1 {
            author: ValidatorIndex(3),
            epoch: Epoch(1),
            length: 9,
        };
        assert_eq!(hex(encode(&unordered)), "000300010000000000000009000000");
        let log = LogRecord::V1 {
            first: 258,
            rows: &[7, 8],
        };
        assert_eq!(hex(encode(&log)), "000201000000000000020708");
        let bytes = encode(&log);
        assert_eq!(bcs::from_bytes::<LogRecord<'_>>(&bytes).unwrap(), log);
        let histories = HistoriesRecord::V1 { accounts: &[7, 8] };
        assert_eq!(hex(encode(&histories)), "00020708");
        let waypoint = WaypointRecord {
            hash: digest,
            height: Height(258),
        };
        assert_eq!(hex(encode(&waypoint)), format!("{d}0201000000000000"));
        assert_eq!(encode(&waypoint).len(), 40);
        let record = RecordRecord::V1 {
            address,
            keep: Keep::Unique,
        };
        assert_eq!(hex(encode(&record)), format!("00{a}02"));
        let mut tip = Tip::genesis(digest, Timestamp(3), digest);
        tip.chain.push_hash(digest);
        let record = TipRecord::V1 { tip: tip.clone() };
        let (chain, log) = (format!("010000000000000001{d}"), "0".repeat(18));
        assert_eq!(
            hex(encode(&record)),
            format!(
                "00{d}{zero}{zero}{d}0300000000000000{d}{chain}{log}",
                zero = "0".repeat(16)
            )
        );
        assert_eq!(decode::<TipRecord>(&encode(&record), 1_000), Ok(record));
    }

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let place = RecordPlace {
            ordinal: 1,
            operation: 3,
        };
        let key = record_key(&Digest::ZERO, place);
        assert_eq!(record_place(&key[32..]), Some(place));
        assert_eq!(record_place(&key[31..]), None);
        assert_eq!(record_place(&key[33..]), None);
    }

    #[test]
    fn leaves_with_histories_are_followed_by_a_height_and_no_others_are() {
        let (address, code): (_, AssetCode) = (Address([0; 20]), "EUR".parse().unwrap());
        let with = [StateKey::account(&address), StateKey::asset(&code)];
        let without = [
            StateKey::balance(&address, &code),
            StateKey::hold(&address, &Digest::ZERO, 0),
            StateKey::erasure(&Digest::ZERO),
            StateKey::agreement(),
        ];
        for key in with {
            let row = state_row(&key, &[1, 2, 3], Height(258));
            assert_eq!(hex(&row), "0102030201000000000000");
            assert_eq!(split_state_row(&key, row), Some((vec![1, 2, 3], Height(258))));
            assert_eq!(split_state_row(&key, vec![0; 7]), None);
        }
        for key in without {
            let row = state_row(&key, &[1, 2, 3], Height(258));
            assert_eq!(row, [1, 2, 3]);
            assert_eq!(split_state_row(&key, row), Some((vec![1, 2, 3], Height(0))));
        }
    }
}
