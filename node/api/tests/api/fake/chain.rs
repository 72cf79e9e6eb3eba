//! The chain that the fake node keeps: blocks with real headers, logs, seals and bytes.

use std::collections::{BTreeMap, BTreeSet};

use quorate_api::OutcomeAt;
use quorate_client::schema::{self, Account, Asset, Balance, DocumentRecord, Hold, OperationView, TextState};
use quorate_crypto::{Certificate, CertificateV1, Seal, SealContent, merkle, sha256};
use quorate_ledger::{
    Address, Amount, AssetCode, Batch, BatchTexts, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1,
    Digest, Epoch, Executed, Header, HeaderV1, Height, LogEntry, LogEntryV1, LoggedTransaction, Place,
    Proposal, StateKey, Submission, TextItem, Timestamp, Transaction, ValidatorIndex, encode,
};

use super::state::{Leaves, governed};
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
    /// As they were submitted.
    texts: Vec<TextItem>,
    pub(super) entry: LogEntry,
    /// The entry's place in the log.
    pub(super) ordinal: u64,
}

#[derive(Clone)]
pub(super) struct Chain {
    pub(super) blocks: Vec<KeptBlock>,
    hashes: merkle::Frontier,
    log: merkle::Frontier,
    pub(super) accounts: BTreeMap<Address, Account>,
    pub(super) histories: BTreeMap<Address, Vec<Digest>>,
    /// What an account had in the beginning, and after each entry of its history.
    pub(super) balances: BTreeMap<Address, Vec<Vec<Balance>>>,
    /// Without the descriptions of those that a transaction made.
    pub(super) assets: BTreeMap<AssetCode, Asset>,
    /// Which operation made an asset.
    pub(super) made: BTreeMap<AssetCode, (Digest, u8)>,
    /// Without labels and metadata.
    pub(super) records: BTreeMap<Digest, Vec<DocumentRecord>>,
    /// The open ones.
    pub(super) holds: BTreeMap<StateKey, Hold>,
    /// What governs the network.
    pub(super) governed: Leaves,
    /// By whom and when texts were erased.
    pub(super) erased: BTreeMap<(Digest, Place), (Address, Timestamp)>,
    /// Transactions whose texts are not at hand.
    pub(super) without_texts: BTreeSet<Digest>,
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
            admission: false,
            freezable: false,
            description: "Quorate reference token".to_owned(),
        };
        let account = Account {
            balances: vec![Balance {
                asset: asset.code,
                amount: supply,
                held: Amount(0),
            }],
            member: Some(1),
            ..Account::unused(treasury)
        };
        Self {
            blocks: Vec::new(),
            hashes: merkle::Frontier::new(),
            log: merkle::Frontier::new(),
            balances: BTreeMap::from([(treasury, vec![account.balances.clone()])]),
            accounts: BTreeMap::from([(treasury, account)]),
            histories: BTreeMap::new(),
            assets: BTreeMap::from([(asset.code, asset)]),
            made: BTreeMap::new(),
            records: BTreeMap::new(),
            holds: BTreeMap::new(),
            governed: governed(),
            erased: BTreeMap::new(),
            without_texts: BTreeSet::new(),
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

    pub(super) fn append(&mut self, submissions: Vec<Submission>, timestamp: Timestamp) {
        let height = self.height().next();
        let parts: Vec<(Transaction, Vec<TextItem>)> =
            submissions.into_iter().map(Submission::into_parts).collect();
        let author = ValidatorIndex((height.0 % 4) as u16);
        let batch = Batch::V1(BatchV1 {
            network: network(),
            epoch: Epoch(0),
            author,
            number: 1,
            transactions: parts.iter().map(|(transaction, _)| transaction.clone()).collect(),
        })
        .sign(&key(author.0 as u8 + 1));
        let items = parts.iter().flat_map(|(_, texts)| texts.clone());
        let texts = BatchTexts::new(items.collect());
        let proposal = Proposal::new(timestamp, vec![batch.digest()]);
        let mut executed = Vec::new();
        for (index, (transaction, texts)) in (0..).zip(parts) {
            let outcome = self.execute(&transaction, height, index, timestamp);
            let id = transaction.id();
            let entry = LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
                height,
                timestamp,
                position: index,
                id,
                expires_at: transaction.intent().expires_at,
                signed: transaction.signed_hash(),
                outcome: outcome.clone(),
            }));
            let ordinal = self.log.length();
            self.log.push(&encode(&entry));
            self.places.insert(id, (self.blocks.len(), executed.len()));
            executed.push(Kept {
                at: OutcomeAt {
                    id,
                    height,
                    index,
                    outcome,
                },
                timestamp,
                transaction,
                texts,
                entry,
                ordinal,
            });
        }
        let header = Header::V1(HeaderV1 {
            network: network(),
            protocol: committee().protocol_version(),
            epoch: Epoch(0),
            height,
            previous: self.hash(),
            chain_root: self.hashes.root(),
            proposal: proposal.digest(),
            timestamp,
            log_size: self.log.length(),
            log_root: self.log.root(),
            state_root: sha256(format!("state {height}").as_bytes()),
            next_committee: committee().digest(),
        });
        let hash = header.hash();
        let certificate = certificate(height, hash);
        let positions = executed.iter().map(|kept| Executed {
            position: kept.at.index,
            outcome: kept.at.outcome.clone(),
        });
        let certified = CertifiedBlock::V1(CertifiedBlockV1 {
            block: Block::V1(BlockV1 {
                header: header.clone(),
                recovery: None,
                proposal,
                executed: positions.collect(),
            }),
            certificate: certificate.clone(),
            batches: vec![batch],
            texts: vec![Some(texts)],
        });
        self.hashes.push(&hash.0);
        let name = |index: ValidatorIndex| NAMES[usize::from(index.0)].to_owned();
        let count = executed.len() as u32;
        self.blocks.push(KeptBlock {
            block: schema::Block::of(&header, &certificate, count, name),
            executed,
            bytes: encode(&certified),
        });
    }

    pub(super) fn executed(&self, id: &Digest) -> Option<&Kept> {
        let (block, index) = self.places.get(id)?;
        Some(&self.blocks[*block].executed[*index])
    }

    pub(super) fn document(&self, kept: &Kept) -> schema::Transaction {
        let at = &kept.at;
        let places = kept.transaction.intent().places();
        let texts = places
            .iter()
            .zip(&kept.texts)
            .map(|(place, item)| self.text(at.id, *place, item));
        let texts: Vec<TextState> = texts.collect();
        schema::Transaction::pending(at.id, &kept.transaction, &texts).executed(
            at.height,
            kept.timestamp,
            at.index,
            kept.ordinal,
            &at.outcome,
        )
    }

    /// What an operation of an executed transaction says.
    pub(super) fn operation(&self, id: &Digest, index: u16) -> Option<OperationView> {
        let mut document = self.document(self.executed(id)?);
        let index = usize::from(index);
        (index < document.operations.len()).then(|| document.operations.swap_remove(index).operation)
    }

    /// Its leaf of the log, itself, and what there is of its texts.
    pub(super) fn transaction_bytes(&self, kept: &Kept) -> Vec<u8> {
        let places = kept.transaction.intent().places();
        let items =
            places
                .iter()
                .zip(&kept.texts)
                .map(|(place, item)| match self.text(kept.at.id, *place, item) {
                    TextState::Shown(_) => item.clone(),
                    TextState::Erased { .. } | TextState::Missing { .. } => {
                        TextItem::Withheld { leaf: item.leaf() }
                    }
                });
        let items: Vec<TextItem> = items.collect();
        encode(&(&kept.entry, &kept.transaction, items))
    }

    fn text(&self, id: Digest, place: Place, item: &TextItem) -> TextState {
        let leaf = item.leaf();
        match self.erased.get(&(id, place)) {
            Some((by, at)) => TextState::Erased {
                by: *by,
                at: *at,
                leaf: Some(leaf),
            },
            None if self.without_texts.contains(&id) => TextState::Missing { leaf: Some(leaf) },
            None => item.clone().into(),
        }
    }
}

/// The seals of all validators but one, which is another at each height.
fn certificate(height: Height, block: Digest) -> Certificate {
    let content = SealContent::new(network(), Epoch(0), height, block);
    let absent = (height.0 % 5) as u16;
    let seals = (0..4).filter(|index| *index != absent).map(|index| Seal {
        validator: ValidatorIndex(index),
        signature: content.sign(&key(index as u8 + 1)),
    });
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height,
        block,
        seals: seals.collect(),
    })
}
