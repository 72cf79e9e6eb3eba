//! The chain that the fake node keeps: blocks with real headers, seals and bytes.

use std::collections::BTreeMap;

use quorate_api::{
    AccountFacts, AssetFacts, BlockFacts, HistoryFacts, RecordFacts, TipFacts, TransactionFacts,
};
use quorate_crypto::{Certificate, CertificateV1, Seal, SealContent, merkle, sha256};
use quorate_ledger::{
    Address, Amount, AssetCode, Batch, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Digest,
    Epoch, Executed, Header, HeaderV1, Height, Proposal, Receipt, ReceiptV1, Timestamp, Transaction,
    ValidatorIndex, encode,
};

use super::{GENESIS_TIME, code, committee, key, network, wallet};

#[derive(Clone)]
pub(super) struct Chain {
    pub(super) blocks: Vec<(BlockFacts, Vec<TransactionFacts>, Vec<u8>)>,
    pub(super) hashes: merkle::Frontier,
    pub(super) accounts: BTreeMap<Address, AccountFacts>,
    pub(super) histories: BTreeMap<Address, Vec<HistoryFacts>>,
    pub(super) assets: BTreeMap<AssetCode, AssetFacts>,
    pub(super) records: BTreeMap<Digest, Vec<RecordFacts>>,
    pub(super) places: BTreeMap<Digest, (usize, usize)>,
}

impl Chain {
    /// No blocks, and the asset QRT in the hands of wallet 10.
    pub(super) fn new() -> Self {
        let treasury = wallet(10);
        let supply = Amount(100_000_000_000);
        let asset = AssetFacts {
            code: code("QRT"),
            decimals: 2,
            issuer: treasury,
            supply,
            description: "Quorate reference token".to_owned(),
        };
        let account = AccountFacts {
            balances: vec![(asset.code, supply)],
            ..AccountFacts::default()
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

    pub(super) fn tip(&self) -> TipFacts {
        match self.blocks.last() {
            None => TipFacts {
                height: Height(0),
                hash: network(),
                state_root: sha256(b"state 0"),
                timestamp: Timestamp(GENESIS_TIME),
            },
            Some((facts, _, _)) => {
                let header = facts.header.v1();
                TipFacts {
                    height: header.height,
                    hash: facts.hash,
                    state_root: header.state_root,
                    timestamp: header.timestamp,
                }
            }
        }
    }

    pub(super) fn append(&mut self, transactions: Vec<Transaction>, timestamp: Timestamp) {
        let tip = self.tip();
        let height = tip.height.next();
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
            let facts = TransactionFacts {
                id: transaction.id(),
                outcome: self.execute(&transaction, height, index, timestamp),
                transaction,
                height,
                index,
                timestamp,
            };
            self.places.insert(facts.id, (self.blocks.len(), executed.len()));
            executed.push(facts);
        }
        let receipt = |facts: &TransactionFacts| {
            encode(&Receipt::V1(ReceiptV1 {
                transaction: facts.id,
                outcome: facts.outcome,
            }))
        };
        let header = Header::V1(HeaderV1 {
            network: network(),
            epoch: Epoch(0),
            height,
            previous: tip.hash,
            chain_root: self.hashes.root(),
            proposal: proposal.digest(),
            timestamp,
            transaction_count: executed.len() as u32,
            transactions_root: merkle::root(executed.iter().map(|facts| encode(&facts.transaction))),
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
        let positions = executed.iter().map(|facts| Executed {
            position: facts.index,
            outcome: facts.outcome,
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
        self.blocks.push((
            BlockFacts {
                hash,
                header,
                certificate,
            },
            executed,
            encode(&certified),
        ));
    }

    pub(super) fn executed(&self, id: &Digest) -> Option<&TransactionFacts> {
        let (block, index) = self.places.get(id)?;
        Some(&self.blocks[*block].1[*index])
    }
}
