//! The chain database's column families, the keys in them and the values under these.
//!
//! | family | key | value |
//! | --- | --- | --- |
//! | `batches` | digest | canonical bytes of the signed batch |
//! | `unordered` | digest | [`UnorderedRecord`]: author, epoch and size of a batch that no stored block names |
//! | `ordered` | digest | [`HeightRecord`]: the first height that names the batch |
//! | `blocks` | height | canonical bytes of the block |
//! | `hashes` | block hash | [`HeightRecord`] |
//! | `certificates` | height | canonical bytes of the certificate |
//! | `transactions` | id | [`LocationRecord`] |
//! | `histories` | height | [`HistoriesRecord`](crate::histories::HistoriesRecord) |
//! | `milestones` | address ‖ number | [`HeightRecord`]: the block of every 64th entry of a history |
//! | `records` | sha256 ‖ height ‖ index ‖ operation | [`RecordRecord`] |
//! | `assets` | code, zero-padded | nothing |
//! | `holders` | code, zero-padded ‖ address | nothing |
//! | `epochs` | epoch | [`EpochRecord`]: its first height and its committee |
//! | `state` | state key | canonical bytes of the value: the leaves of the state tree |
//! | `meta` | `format`, `network`, `tip` | a number, a digest, [`TipRecord`] |
//!
//! Numbers in keys are big-endian, so that keys order as what they stand for. Values are canonical BCS of
//! enums that start at `V1`.

use quorate_crypto::Committee;
use quorate_ledger::{Address, AssetCode, Digest, Epoch, Height, Timestamp, Tip, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::database::{Family, Kind};
use crate::meta::META;

pub(crate) const BATCHES: Family = Family {
    name: "batches",
    kind: Kind::Blobs,
};
pub(crate) const UNORDERED: Family = Family {
    name: "unordered",
    kind: Kind::Lookup,
};
pub(crate) const ORDERED: Family = Family {
    name: "ordered",
    kind: Kind::Lookup,
};
pub(crate) const BLOCKS: Family = Family {
    name: "blocks",
    kind: Kind::Ordered,
};
pub(crate) const HASHES: Family = Family {
    name: "hashes",
    kind: Kind::Lookup,
};
pub(crate) const CERTIFICATES: Family = Family {
    name: "certificates",
    kind: Kind::Ordered,
};
pub(crate) const TRANSACTIONS: Family = Family {
    name: "transactions",
    kind: Kind::Lookup,
};
pub(crate) const HISTORIES: Family = Family {
    name: "histories",
    kind: Kind::Blobs,
};
pub(crate) const MILESTONES: Family = Family {
    name: "milestones",
    kind: Kind::Ordered,
};
pub(crate) const RECORDS: Family = Family {
    name: "records",
    kind: Kind::Ordered,
};
pub(crate) const ASSETS: Family = Family {
    name: "assets",
    kind: Kind::Ordered,
};
pub(crate) const HOLDERS: Family = Family {
    name: "holders",
    kind: Kind::Ordered,
};
pub(crate) const EPOCHS: Family = Family {
    name: "epochs",
    kind: Kind::Ordered,
};
pub(crate) const STATE: Family = Family {
    name: "state",
    kind: Kind::State,
};

/// All families of the chain database.
pub(crate) const FAMILIES: [Family; 15] = [
    BATCHES,
    UNORDERED,
    ORDERED,
    BLOCKS,
    HASHES,
    CERTIFICATES,
    TRANSACTIONS,
    HISTORIES,
    MILESTONES,
    RECORDS,
    ASSETS,
    HOLDERS,
    EPOCHS,
    STATE,
    META,
];

/// The key of the tip in `meta`.
pub(crate) const TIP_KEY: &[u8] = b"tip";

/// Longest value that is decoded, in bytes: far above the largest block.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 20;

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
        length: u32,
    },
}

/// Where a transaction was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LocationRecord {
    V1 { height: Height, index: u32 },
}

/// Who recorded a document, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RecordRecord {
    V1 {
        sender: Address,
        transaction: Digest,
        timestamp: Timestamp,
        label: String,
    },
}

/// The end of the stored chain, with what the next block needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TipRecord {
    V1 {
        tip: Tip,
        /// Transactions executed since genesis.
        transactions: u64,
    },
}

pub(crate) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub(crate) fn history_key(address: &Address, number: u64) -> [u8; 28] {
    join(address.as_bytes(), &number.to_be_bytes())
}

/// Where in the chain a document was recorded. Orders as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// The block.
    pub height: Height,
    /// The transaction's place among the block's executed ones, from 0.
    pub index: u32,
    /// The operation's place in the transaction, from 0.
    pub operation: u16,
}

pub(crate) fn record_key(sha256: &Digest, place: RecordPlace) -> [u8; 46] {
    let tail: [u8; 6] = join(&place.index.to_be_bytes(), &place.operation.to_be_bytes());
    let place: [u8; 14] = join(&place.height.0.to_be_bytes(), &tail);
    join(sha256.as_bytes(), &place)
}

pub(crate) fn holder_key(asset: &AssetCode, address: &Address) -> [u8; 32] {
    join(asset.padded(), address.as_bytes())
}

/// Reads the part of a record's key after the hash.
pub(crate) fn record_place(suffix: &[u8]) -> Option<RecordPlace> {
    let (height, rest) = suffix.split_first_chunk()?;
    let (index, operation) = rest.split_first_chunk()?;
    Some(RecordPlace {
        height: Height(u64::from_be_bytes(*height)),
        index: u32::from_be_bytes(*index),
        operation: u16::from_be_bytes(operation.try_into().ok()?),
    })
}

/// Reads an asset's code from its padded form.
pub(crate) fn asset_code(padded: &[u8]) -> Option<AssetCode> {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    let code: AssetCode = std::str::from_utf8(&padded[..end]).ok()?.parse().ok()?;
    (code.padded() == padded).then_some(code)
}

fn join<const N: usize>(first: &[u8], second: &[u8]) -> [u8; N] {
    let mut joined = [0; N];
    joined[..first.len()].copy_from_slice(first);
    joined[first.len()..].copy_from_slice(second);
    joined
}

#[cfg(test)]
mod tests {
    use quorate_ledger::encode;

    use super::*;
    use crate::histories::{EntryRecord, HistoriesRecord};

    fn hex(bytes: impl AsRef<[u8]>) -> String {
        hex::encode(bytes)
    }

    #[test]
    fn keys_are_golden() {
        let address = Address([0xaa; 20]);
        let digest = Digest([0xbb; 32]);
        let code: AssetCode = "EUR".parse().unwrap();
        assert_eq!(hex(height_key(Height(258))), "0000000000000102");
        assert_eq!(
            hex(history_key(&address, 7)),
            format!("{}0000000000000007", "aa".repeat(20))
        );
        let place = RecordPlace {
            height: Height(1),
            index: 2,
            operation: 3,
        };
        assert_eq!(
            hex(record_key(&digest, place)),
            format!("{}0000000000000001{}{}", "bb".repeat(32), "00000002", "0003")
        );
        assert_eq!(
            hex(holder_key(&code, &address)),
            format!("455552000000000000000000{}", "aa".repeat(20))
        );
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
        let location = LocationRecord::V1 {
            height: Height(5),
            index: 6,
        };
        assert_eq!(hex(encode(&location)), "00050000000000000006000000");
        let entry = EntryRecord {
            address,
            number: 4,
            index: 6,
            before: Height(5),
        };
        let history = HistoriesRecord::V1 {
            ids: vec![digest],
            entries: vec![entry],
        };
        assert_eq!(
            hex(encode(&history)),
            format!("0001{d}01{a}0400000000000000060000000500000000000000")
        );
        let record = RecordRecord::V1 {
            sender: address,
            transaction: digest,
            timestamp: Timestamp(7),
            label: "deed".to_owned(),
        };
        assert_eq!(
            hex(encode(&record)),
            format!("00{a}{d}07000000000000000464656564")
        );
        let mut tip = Tip::genesis(digest, Timestamp(3), digest);
        tip.chain.push_hash(digest);
        let tip = TipRecord::V1 { tip, transactions: 4 };
        let chain = format!("010000000000000001{d}");
        assert_eq!(
            hex(encode(&tip)),
            format!(
                "00{d}{zero}{zero}{d}0300000000000000{d}{chain}0400000000000000",
                zero = "0".repeat(16)
            )
        );
    }

    #[test]
    fn keys_are_read_back_and_nothing_else_is() {
        let place = RecordPlace {
            height: Height(1),
            index: 2,
            operation: 3,
        };
        let key = record_key(&Digest::ZERO, place);
        assert_eq!(record_place(&key[32..]), Some(place));
        assert_eq!(record_place(&key[31..]), None);
        let code: AssetCode = "QRT".parse().unwrap();
        assert_eq!(asset_code(code.padded()), Some(code));
        assert_eq!(asset_code(b"QRT\0\0\0\0\0\0\0\0A"), None);
    }
}
