//! The chain that the fake node keeps: blocks with real headers, seals and bytes.

use std::collections::BTreeMap;

use quorate_api::OutcomeAt;
use quorate_client::schema::{self, Account, Asset, Balance, DocumentRecord};
use quorate_crypto::{Certificate, CertificateV1, Seal, SealContent, merkle, sha256};
use quorate_ledger::{
    Address, Amount, AssetCode, Batch, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Digest,
    Epoch, Executed, Header, HeaderV1, Height, Proposal, Receipt, ReceiptV1, Timestamp, Transaction,
    ValidatorIndex, encode,
};

use super::{GENESIS_TIME, NAMES, code, committee, key, network, wallet};

/// A block, and what was executed in it.
#[derive(Clone)]
pub(super) struct KeptBlock {
    pub(super) block: schema::Block,
    pub(super) executed: Vec<Kept>,
    pub(super) bytes: Vec<u8>,
}

/// An executed transaction.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) at: OutcomeAt,
    pub(super) timestamp: Timestamp,
    pub(super) transaction: Transaction,
}

impl Kept {
    pub(super) fn document(&self) -> schema::Transaction {
        let at = self.at;
        schema::Transaction::pending(at.id, &self.transaction).executed(
            at.height,
            self.timestamp,
            at.index,
            at.outcome,
        )
    }
}

#[derive(Clone)]
pub(super) struct Chain {
    pub(super) blocks: Vec<KeptBlock>,
    pub(super) hashes: merkle::Frontier,
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) histories: BTreeMap<Address, Vec<Digest>>,
    pub(super) assets: BTreeMap<AssetCode, Asset>,
    pub(super) records: BTreeMap<Digest, Vec<DocumentRecord>>,
    pub(super) places: BTreeMap<Digest, (usize, usize)>,
}

impl Chain {
    /// No blocks, and the asset QRT in the hands of wallet 10.
    pub(super) fn new() -> Self {
        let treasury = wallet(10);
        let supply = Amount(100_000_000_000);
        let asset = Asset {
            code: code("QRT"),
            decimals: 2,
            issuer: treasury,
            supply,
            description: "Quorate reference token".to_owned(),
        };
        let account = Account {
            balances: vec![Balance {
                asset: asset.code,
                amount: supply,
            }],
            ..Account::unused(treasury)
        };
        Self {
            blocks: Vec::new(),
            hashes: merkle::Frontier::new(),
            accounts: BTreeMap::from([(treasury, account)]),
            histories: BTreeMap::new(),
            assets: BTreeMap::from([(asset.code, asset)]),
            records: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    /// The last block.
    pub(super) fn tip(&self) -> Option<&schema::Block> {
        self.blocks.last().map(|kept| &kept.block)
    }

    pub(super) fn height(&self) -> Height {
        Height(self.blocks.len() as u64)
    }

    /// The last block's hash; the network id before the first.
    pub(super) fn hash(&self) -> Digest {
        self.tip().map_or_else(network, |block| block.hash)
    }

    pub(super) fn state_root(&self) -> Digest {
        self.tip()
            .map_or_else(|| sha256(b"state 0"), |block| block.state_root)
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        self.tip()
            .map_or(Timestamp(GENESIS_TIME), |block| block.timestamp)
    }

    pub(super) fn append(&mut self, transactions: Vec<Transaction>, timestamp: Timestamp) {
        let height = self.height().next();
        let author = ValidatorIndex((height.0 % 4) as u16);
        let batch = Batch::V1(BatchV1 {
            network: network(),
            epoch: Epoch(0),
            author,
            number: 1,
            transactions: transactions.clone(),
        })
        .sign(&key(author.0 as u8 + 1));
        let proposal = Proposal::new(timestamp, vec![batch.digest()]);
        let mut executed = Vec::new();
        for (index, transaction) in (0..).zip(transactions) {
            let at = OutcomeAt {
                id: transaction.id(),
                height,
                index,
                outcome: self.execute(&transaction, height, index, timestamp),
            };
            self.places.insert(at.id, (self.blocks.len(), executed.len()));
            executed.push(Kept {
                at,
                timestamp,
                transaction,
            });
        }
        let receipt = |kept: &Kept| {
            encode(&Receipt::V1(ReceiptV1 {
                transaction: kept.at.id,
                outcome: kept.at.outcome,
            }))
        };
        let header = Header::V1(HeaderV1 {
            network: network(),
            epoch: Epoch(0),
            height,
            previous: self.hash(),
            chain_root: self.hashes.root(),
            proposal: proposal.digest(),
            timestamp,
            transaction_count: executed.len() as u32,
            transactions_root: merkle::root(executed.iter().map(|kept| encode(&kept.transaction))),
            receipts_root: merkle::root(executed.iter().map(receipt)),
            state_root: sha256(format!("state {height}").as_bytes()),
            next_committee: committee().digest(),
        });
        let hash = header.hash();
        let content = SealContent::new(network(), Epoch(0), height, hash);
        let absent = (height.0 % 5) as u16;
        let seals = (0..4).filter(|index| *index != absent).map(|index| Seal {
            validator: ValidatorIndex(index),
            signature: content.sign(&key(index as u8 + 1)),
        });
        let certificate = Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height,
            block: hash,
            seals: seals.collect(),
        });
        let positions = executed.iter().map(|kept| Executed {
            position: kept.at.index,
            outcome: kept.at.outcome,
        });
        let certified = CertifiedBlock::V1(CertifiedBlockV1 {
            block: Block::V1(BlockV1 {
                header: header.clone(),
                proposal,
                executed: positions.collect(),
            }),
            certificate: certificate.clone(),
            batches: vec![batch],
        });
        self.hashes.push(&hash.0);
        let name = |index: ValidatorIndex| NAMES[usize::from(index.0)].to_owned();
        self.blocks.push(KeptBlock {
            block: schema::Block::of(&header, &certificate, name),
            executed,
            bytes: encode(&certified),
        });
    }

    pub(super) fn executed(&self, id: &Digest) -> Option<&Kept> {
        let (block, index) = self.places.get(id)?;
        Some(&self.blocks[*block].executed[*index])
    }
}
