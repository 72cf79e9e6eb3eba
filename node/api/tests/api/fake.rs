//! A node that keeps a small chain in memory: blocks are real in form (headers, roots, seals), what
//! executes them is a few lines. Everything is derived from seeds, so that answers can be compared.

// The example reads this file by its path, which would have these looked for beside it.
#[path = "fake/chain.rs"]
mod chain;
#[path = "fake/execution.rs"]
mod execution;
#[path = "fake/proofs.rs"]
mod proofs;
#[path = "fake/snapshot.rs"]
mod snapshot;
#[path = "fake/state.rs"]
mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use quorate_api::{Admission, Answer, Fault, Node, Refusal, Settled, Snapshot, Unready};
use quorate_checkpoint::{Checkpoint, Note, SignedRoot, origin, sign_checkpoint};
use quorate_client::schema::{
    self, CommitteeView, ConsensusFacts, DeadLetter, Diagnosis, EpochView, Evidence, Network, Peer,
    SlownessView, Status, TransactionStatus, Validator, ValidatorList, VotingView, Webhook, WebhookState,
};
use quorate_crypto::{
    ClientSigningKey, Committee, CommitteeSeat, Engine, MemberNumber, SeatNumber, SigningKey, Tag, sha256,
};
use quorate_ledger::{
    Address, AssetCode, Digest, Epoch, Height, ParametersV1, RulesV1, StateValue, Submission,
    SubmissionError, Timestamp, ValidatorIndex,
};
use tokio::sync::watch;

use chain::Chain;
use proofs::{Proofs, Work};
use snapshot::FakeSnapshot;

/// 2026-03-01T09:00:00Z.
pub(crate) const GENESIS_TIME: u64 = 1_772_355_600_000;

/// The validators' names.
pub(crate) const NAMES: [&str; 4] = ["aurora-bank", "borealis", "cumulus-trust", "delta-clearing"];

const NETWORK_NAME: &str = "nordic-clearing";

/// The name of its webhook.
pub(crate) const WEBHOOK: &str = "orders";

/// What stands for the genesis document.
const GENESIS: &[u8] = b"the fake network's genesis document";

/// The in-memory node.
pub(crate) struct Fake {
    chain: RwLock<Arc<Chain>>,
    heights: watch::Sender<Height>,
    pool: Mutex<BTreeMap<Digest, Submission>>,
    refusals: Mutex<VecDeque<Refusal>>,
    pub(crate) ready: Mutex<Result<(), Unready>>,
    pub(crate) log_level: Mutex<String>,
    pub(crate) denied: Mutex<Vec<String>>,
    /// Who has not told yet what the node signed before its start.
    pub(crate) asking: Mutex<Vec<String>>,
    /// How many transactions it was given at a time.
    pub(crate) submitted: Mutex<Vec<usize>>,
    /// How long it takes to check what it is given at a time.
    pub(crate) check_takes: Mutex<Duration>,
    /// The routes and codes of answers.
    pub(crate) answered: Mutex<Vec<(String, u16)>>,
    /// The proofs that it gives.
    pub(crate) proofs: Proofs,
    /// Blocks that it reads as bytes.
    pub(crate) blocks: Work,
    /// What it sees of itself and its peers.
    pub(crate) diagnosis: Mutex<Diagnosis>,
    /// How often its webhook was told to try again.
    pub(crate) retried: Mutex<usize>,
}

/// The key of the validator with this number.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The key of the wallet with this number. That of wallet 52 is of P-256.
pub(crate) fn signer(seed: u8) -> ClientSigningKey {
    match seed {
        52 => ClientSigningKey::p256_from_scalar(&[seed; 32]).expect("the scalar is below the group's order"),
        _ => ClientSigningKey::from_ed25519(key(seed)),
    }
}

/// The address of the wallet with this number.
pub(crate) fn wallet(seed: u8) -> Address {
    signer(seed).key().address()
}

/// The network id.
pub(crate) fn network() -> Digest {
    Tag::GENESIS.hash(GENESIS)
}

/// The committee of epoch 0.
pub(crate) fn committee() -> Committee {
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(number.into()),
        validator: key(number).public(),
        node: key(200 + number).public(),
        witness: key(210 + number).public(),
    };
    Committee::new(Epoch(0), Engine::Pbft, 1, (1..=4).map(seat).collect())
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().expect("tests use asset codes")
}

impl Fake {
    /// A network with the asset QRT in the hands of wallet 10, and no blocks.
    pub(crate) fn new() -> Arc<Self> {
        let chain = Chain::new();
        Arc::new(Self {
            chain: RwLock::new(Arc::new(chain)),
            heights: watch::Sender::new(Height(0)),
            pool: Mutex::default(),
            refusals: Mutex::default(),
            ready: Mutex::new(Ok(())),
            submitted: Mutex::default(),
            proofs: Proofs::default(),
            blocks: Work::default(),
            check_takes: Mutex::default(),
            log_level: Mutex::default(),
            denied: Mutex::default(),
            asking: Mutex::default(),
            answered: Mutex::default(),
            diagnosis: Mutex::new(Diagnosis {
                facts: ConsensusFacts {
                    validator: NAMES[1].to_owned(),
                    view: 2,
                    ..ConsensusFacts::default()
                },
                findings: Vec::new(),
            }),
            retried: Mutex::default(),
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
        self.chain().blocks[usize::try_from(height).unwrap() - 1]
            .block
            .hash
    }

    /// The texts of a transaction are no longer at hand.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn lose_texts(&self, id: Digest) {
        let mut chain = Chain::clone(&self.chain());
        chain.without_texts.insert(id);
        *self.chain.write().unwrap() = Arc::new(chain);
    }

    /// Puts values into the state, in the place of those with the same keys.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn govern(&self, values: impl IntoIterator<Item = StateValue>) {
        let mut chain = Chain::clone(&self.chain());
        chain
            .governed
            .extend(values.into_iter().map(|value| (value.key(), value)));
        *self.chain.write().unwrap() = Arc::new(chain);
    }

    /// The next submission is refused like this.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refusals.lock().unwrap().push_back(refusal);
    }

    /// Puts transactions and what is in the pool into a block.
    pub(crate) fn commit_with_pool(&self, mut transactions: Vec<Submission>, timestamp: u64) {
        transactions.extend(std::mem::take(&mut *self.pool.lock().unwrap()).into_values());
        self.commit(transactions, timestamp);
    }

    /// Puts transactions into a block, with `timestamp` in milliseconds.
    pub(crate) fn commit(&self, transactions: Vec<Submission>, timestamp: u64) {
        let mut chain = Chain::clone(&self.chain());
        chain.append(transactions, Timestamp(timestamp));
        let height = chain.height();
        *self.chain.write().unwrap() = Arc::new(chain);
        self.heights.send_replace(height);
    }
}

impl Node for Fake {
    fn status(&self) -> Status {
        let chain = self.chain();
        let ready = self.ready.lock().unwrap().clone();
        Status {
            network: network(),
            network_name: NETWORK_NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            validator: NAMES[1].to_owned(),
            consensus: Engine::Pbft,
            epoch: Epoch(0),
            view: 2,
            primary: Some(NAMES[2].to_owned()),
            height: chain.height(),
            block_hash: chain.hash(),
            state_root: chain.state_root(),
            timestamp: chain.timestamp(),
            syncing: false,
            does_not_vote: match &ready {
                Err(Unready::DoesNotVote { reason }) => Some(reason.clone()),
                _ => None,
            },
            asking: self.asking.lock().unwrap().clone(),
            observing: Vec::new(),
            no_quorum_left: match &ready {
                Err(Unready::NoQuorumLeft { reason }) => Some(reason.clone()),
                _ => None,
            },
            peers: 2,
            pending_transactions: self.pool.lock().unwrap().len() as u64,
            transactions: chain.places.len() as u64,
        }
    }

    fn network(&self) -> Result<Network, Fault> {
        Ok(Network {
            network: network(),
            name: NETWORK_NAME.to_owned(),
            genesis: "# The genesis document would stand here.\nname = \"nordic-clearing\"\n".to_owned(),
            parameters: (&ParametersV1::default()).into(),
            rules: Some((&RulesV1::default()).into()),
            slowness: Some(SlownessView {
                factor: 4,
                floor_ms: 20,
                share: 2,
            }),
            committee: CommitteeView::of(&committee(), &NAMES.map(str::to_owned)),
            epochs: vec![EpochView::of(Height(1), &committee())],
        })
    }

    fn genesis_bytes(&self) -> Vec<u8> {
        GENESIS.to_vec()
    }

    fn validators(&self) -> ValidatorList {
        let chain = self.chain();
        let last_seal = |name: &str| {
            let mut blocks = chain.blocks.iter().rev().map(|kept| &kept.block);
            let sealed = blocks.find(|block| block.seals.iter().any(|seal| seal.validator == name));
            sealed.map(|block| block.height)
        };
        let validator = |(index, name): (u16, &str)| Validator {
            index: ValidatorIndex(index),
            name: name.to_owned(),
            key: key(index as u8 + 1).public(),
            primary: index == 2,
            last_seal: last_seal(name),
            votes: true,
            voting: match index {
                1 if !self.asking.lock().unwrap().is_empty() => VotingView::Asking,
                3 => VotingView::Unknown,
                _ => VotingView::Yes,
            },
            connected: (index != 1).then_some(index != 3),
        };
        ValidatorList {
            epoch: Epoch(0),
            quorum: 3,
            validators: (0..).zip(NAMES).map(validator).collect(),
        }
    }

    fn peers(&self) -> Vec<Peer> {
        let height = self.height();
        let peer = |name: &str, connected: bool| Peer {
            name: name.to_owned(),
            peer: format!("12D3KooW{}", &sha256(name.as_bytes()).to_string()[..32]),
            address: connected.then(|| "/ip4/10.20.0.7/tcp/9100".to_owned()),
            connected,
            height: connected.then_some(height),
            round_trip_us: connected.then_some(640),
        };
        vec![peer(NAMES[3], false), peer(NAMES[0], true), peer(NAMES[2], true)]
    }

    fn sealers(&self) -> BTreeMap<Height, BTreeSet<String>> {
        // As if it had started lately, and all have sealed the last block, one of them late.
        let all = NAMES.map(str::to_owned).into();
        [(self.height(), all)].into()
    }

    fn certified_after(&self) -> Vec<(Height, Duration)> {
        let chain = self.chain();
        let blocks = chain.blocks.iter().map(|kept| &kept.block);
        // Of the third block none is known, as if it was fetched.
        let timed = blocks.filter(|block| block.transaction_count > 0 && block.height != Height(3));
        timed
            .map(|block| (block.height, Duration::from_millis(40 + 7 * (block.height.0 % 5))))
            .collect()
    }

    fn evidence(&self) -> Vec<Evidence> {
        vec![Evidence {
            validator: NAMES[3].to_owned(),
            epoch: Epoch(0),
            kind: "double_prepare".to_owned(),
            height: Some(Height(2)),
            view: Some(0),
            messages: vec!["000102".to_owned(), "000103".to_owned()],
        }]
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(Box::new(FakeSnapshot {
            chain: self.chain(),
            proofs: &self.proofs,
            blocks: &self.blocks,
        }))
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    fn pending(&self, id: &Digest) -> Option<schema::Transaction> {
        let (transaction, texts) = self.pool.lock().unwrap().get(id)?.clone().into_parts();
        let texts: Vec<_> = texts.into_iter().map(schema::TextState::from).collect();
        let mut pending = schema::Transaction::pending(*id, &transaction, &texts);
        if pending.expires_at <= self.chain().timestamp() {
            pending.status = TransactionStatus::Expired;
        }
        Some(pending)
    }

    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>> {
        self.submitted.lock().unwrap().push(transactions.len());
        let takes = *self.check_takes.lock().unwrap();
        Box::pin(async move {
            // As long as it takes, others may be served.
            tokio::task::yield_now().await;
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            transactions.into_iter().map(|bytes| self.admit(&bytes)).collect()
        })
    }

    fn checkpoint(&self, size: Option<u64>) -> Option<String> {
        // Of each block, as a node keeps them.
        let chain = self.chain();
        let mut blocks = chain.blocks.iter().rev().map(|kept| &kept.block);
        let block = blocks.find(|block| size.is_none_or(|size| block.log_size == size))?;
        let checkpoint = Checkpoint::new(origin(&network()), block.log_size, block.log_root);
        let seat = committee().seats()[1];
        let note = sign_checkpoint(
            &network(),
            seat.seat,
            &key(212),
            &checkpoint,
            block.timestamp.0 / 1_000,
        );
        Some(note.to_string())
    }

    fn signed_root(&self, size: Option<u64>) -> Option<Vec<u8>> {
        let note = Note::parse(self.checkpoint(size)?.as_bytes()).unwrap();
        let root = Checkpoint::parse(note.text()).unwrap().root();
        Some(SignedRoot::sign(&network(), &key(212), &root).encode())
    }

    fn settled(&self, id: Digest) -> Answer<'_, Result<Settled, Fault>> {
        Box::pin(async move {
            let mut heights = self.heights.subscribe();
            loop {
                let chain = self.chain();
                if let Some(kept) = chain.executed(&id) {
                    return Ok(Settled::Executed(kept.at.clone()));
                }
                let pending = self.pending(&id);
                if pending.is_some_and(|pending| pending.status == TransactionStatus::Expired) {
                    return Ok(Settled::Expired);
                }
                heights.changed().await.map_err(|_| Fault("stopped".to_owned()))?;
            }
        })
    }

    fn ready(&self) -> Result<(), Unready> {
        self.ready.lock().unwrap().clone()
    }

    fn metrics(&self) -> String {
        format!(
            "# TYPE quorate_height gauge\nquorate_height {}\n# EOF\n",
            self.height()
        )
    }

    fn answered(&self, route: &str, status: u16, _: Duration) {
        self.answered.lock().unwrap().push((route.to_owned(), status));
    }

    fn debug_consensus(&self) -> Diagnosis {
        self.diagnosis.lock().unwrap().clone()
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

    fn webhooks(&self) -> Vec<Webhook> {
        vec![Webhook {
            name: WEBHOOK.to_owned(),
            url: "https://desk.example/in".to_owned(),
            state: WebhookState::Retrying,
            height: Height(5),
            behind: 4,
            delivered: 7,
            failed: 3,
            dead: 1,
            attempts: 2,
            next_attempt: Some(Timestamp(GENESIS_TIME)),
            error: Some("the receiver answered 503 Service Unavailable".to_owned()),
        }]
    }

    fn dead_letters(&self, webhook: &str) -> Option<Vec<DeadLetter>> {
        let letter = DeadLetter {
            id: format!("{}_{WEBHOOK}_3", network()),
            height: Height(3),
            index: Some(0),
            ordinal: Some(3),
            log_from: 3,
            attempts: 20,
            error: "the receiver answered 422 Unprocessable Entity".to_owned(),
            at: Timestamp(GENESIS_TIME),
        };
        (webhook == WEBHOOK).then(|| vec![letter])
    }

    fn retry_webhook(&self, webhook: &str) -> Option<Webhook> {
        let found = self.webhooks().into_iter().find(|known| known.name == webhook)?;
        *self.retried.lock().unwrap() += 1;
        Some(found)
    }
}

impl Fake {
    fn admit(&self, bytes: &[u8]) -> Admission {
        let parameters = ParametersV1::default();
        let malformed = |id, reason: String| Admission::Refused {
            id,
            refusal: Refusal::Malformed { reason },
        };
        let submission = match Submission::decode(bytes, &parameters) {
            Ok(submission) => submission,
            Err(error) => return malformed(None, error.to_string()),
        };
        let transaction = submission.transaction();
        let id = transaction.id();
        if let Some(kept) = self.chain().executed(&id) {
            return Admission::Executed(kept.at.clone());
        }
        let refused = |refusal| Admission::Refused {
            id: Some(id),
            refusal,
        };
        if let Some(refusal) = self.refusals.lock().unwrap().pop_front() {
            return refused(refusal);
        }
        match submission.check_form(&network(), &parameters) {
            Ok(()) => {}
            Err(SubmissionError::Texts(error)) => {
                let (code, reason) = (error.code(), error.to_string());
                return refused(Refusal::Texts { code, reason });
            }
            Err(error) => return malformed(Some(id), error.to_string()),
        }
        let preimage = transaction.preimage();
        let mut signatures = transaction.signatures().iter();
        if let Some(bad) = signatures.find(|signature| !signature.verify(&preimage)) {
            return refused(Refusal::BadSignature { key: bad.key() });
        }
        self.pool.lock().unwrap().insert(id, submission);
        Admission::Pending { id }
    }
}
