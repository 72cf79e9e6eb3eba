//! A node that keeps a small chain in memory: blocks are real in form (headers, roots, seals), what
//! executes them is a few lines. Everything is derived from seeds, so that answers can be compared.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, RwLock};

use bytes::Bytes;
use quorate_api::{
    AccountFacts, Admission, Answer, AssetFacts, BlockFacts, BlockRef, EpochFacts, EvidenceFacts,
    ExecutedFacts, Fault, HistoryFacts, MemberFacts, NetworkFacts, Node, PeerFacts, PendingFacts,
    RecordFacts, RecordPlace, Refusal, Settled, SignersFacts, Snapshot, StatusFacts, TipFacts,
    TransactionFacts, ValidatorFacts,
};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, Engine, Seal, SealContent, SigningKey, merkle, sha256,
};
use quorate_ledger::{
    Address, Amount, AssetCode, Batch, BatchV1, Block, BlockV1, CertifiedBlock, CertifiedBlockV1, Digest,
    Epoch, ErrorCode, Executed, Header, HeaderV1, Height, Operation, Outcome, Parameters, ParametersV1,
    Proposal, Receipt, ReceiptV1, Timestamp, Transaction, ValidatorIndex, encode,
};
use tokio::sync::watch;

/// 2026-03-01T09:00:00Z.
pub(crate) const GENESIS_TIME: u64 = 1_772_355_600_000;

/// The validators' names.
pub(crate) const NAMES: [&str; 4] = ["aurora-bank", "borealis", "cumulus-trust", "delta-clearing"];

/// The in-memory node.
pub(crate) struct Fake {
    chain: RwLock<Arc<Chain>>,
    heights: watch::Sender<Height>,
    pool: Mutex<BTreeMap<Digest, Transaction>>,
    refusals: Mutex<VecDeque<Refusal>>,
    pub(crate) ready: Mutex<Result<(), String>>,
    pub(crate) log_level: Mutex<String>,
    pub(crate) denied: Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Chain {
    blocks: Vec<(BlockFacts, Vec<TransactionFacts>, Vec<u8>)>,
    hashes: merkle::Frontier,
    accounts: BTreeMap<Address, AccountFacts>,
    histories: BTreeMap<Address, Vec<HistoryFacts>>,
    assets: BTreeMap<AssetCode, AssetFacts>,
    records: BTreeMap<Digest, Vec<RecordFacts>>,
    places: BTreeMap<Digest, (usize, usize)>,
}

/// The key of the validator, or wallet, with this number.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The address of the wallet with this number.
pub(crate) fn wallet(seed: u8) -> Address {
    key(seed).public().address()
}

/// The network id.
pub(crate) fn network() -> Digest {
    sha256(b"the fake network's genesis document")
}

/// The committee of epoch 0.
pub(crate) fn committee() -> Committee {
    let validators = (1..=4).map(|seed| key(seed).public()).collect();
    Committee::new(Epoch(0), Engine::Pbft, 1, validators)
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().expect("tests use asset codes")
}

impl Fake {
    /// A network with the asset QRT in the hands of wallet 10, and no blocks.
    pub(crate) fn new() -> Arc<Self> {
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
        let chain = Chain {
            blocks: Vec::new(),
            hashes: merkle::Frontier::new(),
            accounts: BTreeMap::from([(treasury, account)]),
            histories: BTreeMap::new(),
            assets: BTreeMap::from([(asset.code, asset)]),
            records: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        Arc::new(Self {
            chain: RwLock::new(Arc::new(chain)),
            heights: watch::Sender::new(Height(0)),
            pool: Mutex::default(),
            refusals: Mutex::default(),
            ready: Mutex::new(Ok(())),
            log_level: Mutex::default(),
            denied: Mutex::default(),
        })
    }

    fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.chain.read().unwrap())
    }

    pub(crate) fn height(&self) -> Height {
        *self.heights.borrow()
    }

    /// The hash of a block.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn block_hash(&self, height: u64) -> Digest {
        self.chain().blocks[usize::try_from(height).unwrap() - 1].0.hash
    }

    /// The next submission is refused like this.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refusals.lock().unwrap().push_back(refusal);
    }

    /// Puts transactions and what is in the pool into a block.
    pub(crate) fn commit_with_pool(&self, mut transactions: Vec<Transaction>, timestamp: u64) {
        transactions.extend(std::mem::take(&mut *self.pool.lock().unwrap()).into_values());
        self.commit(transactions, timestamp);
    }

    /// Puts transactions into a block, with `timestamp` in milliseconds.
    pub(crate) fn commit(&self, transactions: Vec<Transaction>, timestamp: u64) {
        let mut chain = Chain::clone(&self.chain());
        chain.append(transactions, Timestamp(timestamp));
        let height = Height(chain.blocks.len() as u64);
        *self.chain.write().unwrap() = Arc::new(chain);
        self.heights.send_replace(height);
    }
}

impl Chain {
    fn tip(&self) -> TipFacts {
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

    fn append(&mut self, transactions: Vec<Transaction>, timestamp: Timestamp) {
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

    fn execute(
        &mut self,
        transaction: &Transaction,
        height: Height,
        index: u32,
        timestamp: Timestamp,
    ) -> Outcome {
        let sender = transaction.intent().sender;
        let mut after = self.clone();
        let mut touched = vec![sender];
        let mut outcome = Outcome::Success;
        for (operation, content) in (0..).zip(&transaction.intent().operations) {
            let place = RecordPlace {
                height,
                index,
                operation,
            };
            match after.operate(sender, content, place, transaction, timestamp) {
                Ok(recipient) => touched.extend(recipient),
                Err(code) => {
                    outcome = Outcome::Failed { code, operation };
                    break;
                }
            }
        }
        if outcome == Outcome::Success {
            *self = after;
        } else {
            touched.truncate(1);
        }
        touched.sort();
        touched.dedup();
        for address in touched {
            let account = self.accounts.entry(address).or_default();
            account.transactions += 1;
            account.history = Digest::of_parts(&[&account.history.0, &transaction.id().0]);
            let entry = HistoryFacts {
                number: account.transactions,
                id: transaction.id(),
                height,
                index,
            };
            self.histories.entry(address).or_default().push(entry);
        }
        outcome
    }

    fn operate(
        &mut self,
        sender: Address,
        operation: &Operation,
        place: RecordPlace,
        transaction: &Transaction,
        timestamp: Timestamp,
    ) -> Result<Option<Address>, ErrorCode> {
        match operation.clone() {
            Operation::CreateAsset {
                code,
                decimals,
                description,
            } => {
                if self.assets.contains_key(&code) {
                    return Err(ErrorCode::AssetExists);
                }
                let asset = AssetFacts {
                    code,
                    decimals,
                    issuer: sender,
                    supply: Amount(0),
                    description,
                };
                self.assets.insert(code, asset);
            }
            Operation::Mint { asset, to, amount } => {
                let facts = self.assets.get_mut(&asset).ok_or(ErrorCode::UnknownAsset)?;
                if facts.issuer != sender {
                    return Err(ErrorCode::NotIssuer);
                }
                facts.supply.0 += amount.0;
                self.credit(to, asset, amount);
                return Ok(Some(to));
            }
            Operation::Burn { asset, amount } => {
                self.debit(sender, asset, amount)?;
                self.assets
                    .get_mut(&asset)
                    .ok_or(ErrorCode::UnknownAsset)?
                    .supply
                    .0 -= amount.0;
            }
            Operation::Transfer {
                to, asset, amount, ..
            } => {
                self.debit(sender, asset, amount)?;
                self.credit(to, asset, amount);
                return Ok(Some(to));
            }
            Operation::PutRecord {
                sha256,
                label,
                metadata,
            } => {
                let transaction = transaction.id();
                let record = RecordFacts {
                    place,
                    sender,
                    transaction,
                    timestamp,
                    label,
                    metadata,
                };
                self.records.entry(sha256).or_default().push(record);
            }
            Operation::SetSigners { signers, threshold } => {
                self.accounts.entry(sender).or_default().signers = Some(SignersFacts { threshold, signers });
            }
            // Changes nothing that this node shows.
            Operation::Rejoin { .. } => {}
        }
        Ok(None)
    }

    fn debit(&mut self, from: Address, asset: AssetCode, amount: Amount) -> Result<(), ErrorCode> {
        if !self.assets.contains_key(&asset) {
            return Err(ErrorCode::UnknownAsset);
        }
        let balances = &mut self.accounts.entry(from).or_default().balances;
        let place = balances
            .iter()
            .position(|(code, held)| *code == asset && *held >= amount);
        let place = place.ok_or(ErrorCode::InsufficientBalance)?;
        balances[place].1.0 -= amount.0;
        balances.retain(|(_, held)| held.0 > 0);
        Ok(())
    }

    fn credit(&mut self, to: Address, asset: AssetCode, amount: Amount) {
        let balances = &mut self.accounts.entry(to).or_default().balances;
        match balances.iter_mut().find(|(code, _)| *code == asset) {
            Some((_, held)) => held.0 += amount.0,
            None => {
                balances.push((asset, amount));
                balances.sort();
            }
        }
    }

    fn executed(&self, id: &Digest) -> Option<&TransactionFacts> {
        let (block, index) = self.places.get(id)?;
        Some(&self.blocks[*block].1[*index])
    }
}

impl Node for Fake {
    fn status(&self) -> StatusFacts {
        let chain = self.chain();
        StatusFacts {
            validator: NAMES[1].to_owned(),
            consensus: Engine::Pbft,
            epoch: Epoch(0),
            view: 2,
            primary: Some(NAMES[2].to_owned()),
            tip: chain.tip(),
            syncing: false,
            peers: 2,
            pending_transactions: self.pool.lock().unwrap().len(),
            transactions: chain.places.len() as u64,
        }
    }

    fn network(&self) -> NetworkFacts {
        NetworkFacts {
            network: network(),
            name: "nordic-clearing".to_owned(),
            genesis: "# The genesis document would stand here.\nname = \"nordic-clearing\"\n".to_owned(),
            parameters: Parameters::V1(ParametersV1::default()),
            epochs: vec![EpochFacts {
                first: Height(1),
                committee: committee(),
                names: NAMES.map(str::to_owned).to_vec(),
            }],
        }
    }

    fn validators(&self) -> Vec<ValidatorFacts> {
        let chain = self.chain();
        let last_seal = |index| {
            let sealed = chain.blocks.iter().rev().find(|(facts, _, _)| {
                facts
                    .certificate
                    .seals()
                    .iter()
                    .any(|seal| seal.validator == ValidatorIndex(index))
            });
            sealed.map(|(facts, _, _)| facts.header.v1().height)
        };
        (0..4_u16)
            .map(|index| ValidatorFacts {
                index: ValidatorIndex(index),
                name: NAMES[usize::from(index)].to_owned(),
                key: key(index as u8 + 1).public(),
                primary: index == 2,
                last_seal: last_seal(index),
                connected: (index != 1).then_some(index != 3),
            })
            .collect()
    }

    fn peers(&self) -> Vec<PeerFacts> {
        let height = self.height();
        let peer = |name: &str, connected: bool| PeerFacts {
            name: name.to_owned(),
            peer: format!("12D3KooW{}", &sha256(name.as_bytes()).to_string()[..32]),
            address: connected.then(|| "/ip4/10.20.0.7/tcp/9100".to_owned()),
            connected,
            height: connected.then_some(height),
            round_trip_us: connected.then_some(640),
        };
        vec![peer(NAMES[3], false), peer(NAMES[0], true), peer(NAMES[2], true)]
    }

    fn evidence(&self) -> Vec<EvidenceFacts> {
        vec![EvidenceFacts {
            validator: NAMES[3].to_owned(),
            epoch: Epoch(0),
            kind: "double_prepare".to_owned(),
            height: Some(Height(2)),
            view: Some(0),
            messages: [vec![0, 1, 2], vec![0, 1, 3]],
        }]
    }

    fn members(&self) -> Vec<MemberFacts> {
        let member = |(seed, name): (u8, &str)| MemberFacts {
            name: name.to_owned(),
            key: key(seed).public(),
            validators: vec![name.to_owned()],
        };
        (101..).zip(NAMES).map(member).collect()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(Box::new(FakeSnapshot(self.chain())))
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    fn pending(&self, id: &Digest) -> Option<PendingFacts> {
        let transaction = self.pool.lock().unwrap().get(id)?.clone();
        let expired = transaction.intent().expires_at <= self.chain().tip().timestamp;
        Some(PendingFacts {
            id: *id,
            transaction,
            expired,
        })
    }

    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>> {
        Box::pin(async move { transactions.into_iter().map(|bytes| self.admit(&bytes)).collect() })
    }

    fn settled(&self, id: Digest) -> Answer<'_, Result<Settled, Fault>> {
        Box::pin(async move {
            let mut heights = self.heights.subscribe();
            loop {
                let chain = self.chain();
                if let Some(facts) = chain.executed(&id) {
                    return Ok(Settled::Executed(executed(facts)));
                }
                if self.pending(&id).is_some_and(|facts| facts.expired) {
                    return Ok(Settled::Expired);
                }
                heights.changed().await.map_err(|_| Fault("stopped".to_owned()))?;
            }
        })
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone()
    }

    fn metrics(&self) -> String {
        format!(
            "# TYPE quorate_height gauge\nquorate_height {}\n# EOF\n",
            self.height()
        )
    }

    fn debug_consensus(&self) -> Answer<'_, serde_json::Value> {
        Box::pin(async { serde_json::json!({ "view": 2, "waiting_for": [NAMES[3]] }) })
    }

    fn set_log_level(&self, directives: &str) -> Result<(), String> {
        if directives.is_empty() || directives.contains(' ') {
            return Err(format!("`{directives}` is not a log level"));
        }
        directives.clone_into(&mut self.log_level.lock().unwrap());
        Ok(())
    }

    fn deny_peers(&self, names: Vec<String>) -> Result<(), String> {
        match names.iter().find(|name| !NAMES.contains(&name.as_str())) {
            Some(unknown) => Err(format!("no peer is named `{unknown}`")),
            None => {
                *self.denied.lock().unwrap() = names;
                Ok(())
            }
        }
    }
}

impl Fake {
    fn admit(&self, bytes: &[u8]) -> Admission {
        let parameters = ParametersV1::default();
        let transaction = match Transaction::decode(bytes, &parameters) {
            Ok(transaction) => transaction,
            Err(error) => {
                let refusal = Refusal::Malformed {
                    reason: error.to_string(),
                };
                return Admission::Refused { id: None, refusal };
            }
        };
        let id = transaction.id();
        if let Some(facts) = self.chain().executed(&id) {
            return Admission::Executed(executed(facts));
        }
        let refused = |refusal| Admission::Refused {
            id: Some(id),
            refusal,
        };
        if let Some(refusal) = self.refusals.lock().unwrap().pop_front() {
            return refused(refusal);
        }
        if let Err(error) = transaction.verify_signatures() {
            return refused(Refusal::BadSignature { key: error.key });
        }
        self.pool.lock().unwrap().insert(id, transaction);
        Admission::Pending { id }
    }
}

fn executed(facts: &TransactionFacts) -> ExecutedFacts {
    ExecutedFacts {
        id: facts.id,
        height: facts.height,
        index: facts.index,
        outcome: facts.outcome,
    }
}

struct FakeSnapshot(Arc<Chain>);

impl FakeSnapshot {
    fn at(&self, height: Height) -> Option<&(BlockFacts, Vec<TransactionFacts>, Vec<u8>)> {
        self.0.blocks.get(usize::try_from(height.0.checked_sub(1)?).ok()?)
    }
}

impl Snapshot for FakeSnapshot {
    fn tip(&self) -> TipFacts {
        self.0.tip()
    }

    fn block(&self, block: BlockRef) -> Result<Option<BlockFacts>, Fault> {
        Ok(match block {
            BlockRef::Height(height) => self.at(height).map(|(facts, _, _)| facts.clone()),
            BlockRef::Hash(hash) => self
                .0
                .blocks
                .iter()
                .map(|(facts, _, _)| facts)
                .find(|facts| facts.hash == hash)
                .cloned(),
        })
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.at(height).map(|(_, _, bytes)| bytes.clone()))
    }

    fn transaction(&self, id: &Digest) -> Result<Option<TransactionFacts>, Fault> {
        Ok(self.0.executed(id).cloned())
    }

    fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<TransactionFacts>, Fault> {
        let transactions = self
            .at(height)
            .map(|(_, transactions, _)| transactions.as_slice())
            .unwrap_or_default();
        Ok(transactions
            .iter()
            .filter(|facts| facts.index >= from)
            .take(limit)
            .cloned()
            .collect())
    }

    fn account(&self, address: &Address) -> Result<AccountFacts, Fault> {
        Ok(self.0.accounts.get(address).cloned().unwrap_or_default())
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryFacts>, Fault> {
        let entries = self
            .0
            .histories
            .get(address)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let wanted = entries
            .iter()
            .rev()
            .filter(|entry| before.is_none_or(|before| entry.number < before));
        Ok(wanted.take(limit).copied().collect())
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<AssetFacts>, Fault> {
        Ok(self.0.assets.get(code).cloned())
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<AssetFacts>, Fault> {
        let assets = self
            .0
            .assets
            .values()
            .filter(|asset| after.is_none_or(|after| asset.code > after));
        Ok(assets.take(limit).cloned().collect())
    }

    fn holders(
        &self,
        code: &AssetCode,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Amount)>, Fault> {
        let accounts = self
            .0
            .accounts
            .iter()
            .filter(|(address, _)| after.is_none_or(|after| **address > after));
        let holders = accounts.filter_map(|(address, account)| {
            let balance = account.balances.iter().find(|(held, _)| held == code)?;
            Some((*address, balance.1))
        });
        Ok(holders.take(limit).collect())
    }

    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<RecordFacts>, Fault> {
        let records = self.0.records.get(sha256).map(Vec::as_slice).unwrap_or_default();
        let wanted = records
            .iter()
            .filter(|record| after.is_none_or(|after| record.place > after));
        Ok(wanted.take(limit).cloned().collect())
    }
}
