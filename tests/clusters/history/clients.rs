//! Clients that pay and read at all validators while a test makes its faults.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_crypto::{ClientSigningKey, keyfile};
use quorate_ledger::{Amount, Digest, Submission, Timestamp, encode};
use serde_json::Value;

use super::{History, Operation, Outcome, Place, What};
use crate::Cluster;
use crate::http::call;
use crate::wait::until;

/// Accounts; few, so that payments meet.
const ACCOUNTS: usize = 5;
/// Clients; each has one call under way.
const CLIENTS: u64 = 6;
/// What each account has in the beginning; payments are up to a third of it, so that some fail.
const OPENING: u128 = 300;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between a client's calls.
const PAUSE: Duration = Duration::from_millis(15);
/// So many payments acknowledged are progress: the first may have been under way before.
const PROGRESS: usize = 5;
/// How long validators may take to come to rest.
const REST: Duration = Duration::from_secs(60);

/// What all clients share.
struct Shared {
    nodes: Vec<SocketAddr>,
    network: Digest,
    keys: Vec<ClientSigningKey>,
    start: Instant,
    stop: AtomicBool,
    /// The highest height that any answer named; a read asks for no less.
    seen: AtomicU64,
    log: Mutex<Vec<Entry>>,
}

/// An operation; of a payment also its id, and whether an answer said what became of it.
struct Entry {
    operation: Operation,
    payment: Option<(Digest, bool)>,
}

/// The running clients.
pub(crate) struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Funds accounts from the treasury and starts.
    pub(crate) fn start(cluster: &Cluster, nodes: Vec<SocketAddr>) -> Self {
        let status = get(nodes[0], "/v1/status").expect("the first node answers");
        let network = status["network"].as_str().unwrap().parse().unwrap();
        let keys: Vec<ClientSigningKey> = (0..ACCOUNTS)
            .map(|_| ClientSigningKey::generate_ed25519())
            .collect();
        let treasury = keyfile::client::read(&cluster.dir().join("treasury.key"), None).unwrap();
        let mut funding = builder(network, &treasury);
        for key in &keys {
            funding = funding.transfer(key.key().address(), asset(), Amount(OPENING), "");
        }
        let funded = submit(nodes[0], &funding.build().unwrap().sign([&treasury])).expect("an answer");
        assert_eq!(funded["status"], "committed", "{funded}");
        let shared = Arc::new(Shared {
            nodes,
            network,
            keys,
            start: Instant::now(),
            stop: AtomicBool::new(false),
            seen: AtomicU64::new(funded["height"].as_u64().unwrap()),
            log: Mutex::default(),
        });
        let threads = (1..=CLIENTS)
            .map(|number| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.work(number))
            })
            .collect();
        Self { shared, threads }
    }

    /// Payments acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        let log = self.shared.log.lock().unwrap();
        let paid = log
            .iter()
            .filter(|entry| matches!(entry.payment, Some((_, true))));
        paid.count()
    }

    /// Waits until a few more payments than now are acknowledged.
    #[track_caller]
    pub(crate) fn progress(&self) {
        let enough = self.acknowledged() + PROGRESS;
        until("payments are acknowledged", REST, || {
            (self.acknowledged() >= enough).then_some(())
        });
    }

    /// Ends the clients and fails unless one order explains what they saw, and all validators end with
    /// it. The faults must be over.
    #[track_caller]
    pub(crate) fn finish(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let shared = self.shared;
        until("all validators rest at one height", REST, || shared.at_rest());
        let entries = std::mem::take(&mut *shared.log.lock().unwrap());
        let mut history = History {
            opening: vec![OPENING; ACCOUNTS],
            operations: Vec::new(),
        };
        for entry in entries {
            history.operations.push(shared.settled(entry));
        }
        for node in &shared.nodes {
            for account in 0..ACCOUNTS {
                let read = shared.read(*node, account).expect("a node at rest answers");
                history.operations.push(read);
            }
        }
        let (paid, reads) = history.counts();
        eprintln!("{paid} payments acknowledged, {reads} reads");
        assert!(
            paid > 20 && reads > 20,
            "the clients did too little to show anything"
        );
        history
            .check()
            .unwrap_or_else(|error| panic!("the history is not linearizable: {error}"));
    }
}

impl Shared {
    fn work(&self, number: u64) {
        let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        while !self.stop.load(Ordering::Relaxed) {
            let node = self.nodes[draw(self.nodes.len())];
            let account = draw(ACCOUNTS);
            if draw(3) == 0 {
                if let Some(operation) = self.read(node, account) {
                    let payment = None;
                    self.log.lock().unwrap().push(Entry { operation, payment });
                }
            } else {
                let to = (account + 1 + draw(ACCOUNTS - 1)) % ACCOUNTS;
                let amount = 1 + draw(usize::try_from(OPENING / 3).unwrap()) as u128;
                let entry = self.pay(node, account, to, amount);
                self.log.lock().unwrap().push(entry);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn read(&self, node: SocketAddr, account: usize) -> Option<Operation> {
        let address = self.keys[account].key().address();
        let floor = self.seen.load(Ordering::SeqCst);
        let begun = self.start.elapsed();
        let path = format!("/v1/accounts/{address}?min_height={floor}");
        let answer = call(node, "GET", &path, &[], PATIENCE)?;
        let ended = self.start.elapsed();
        if answer.status != Some(200) {
            return None;
        }
        let height = answer.height.expect("every read names its height");
        self.seen.fetch_max(height, Ordering::SeqCst);
        let what = What::Read {
            account,
            balance: balance_in(&answer.json()),
            height,
        };
        Some(Operation {
            begun,
            ended: Some(ended),
            what,
        })
    }

    fn pay(&self, node: SocketAddr, from: usize, to: usize, amount: u128) -> Entry {
        let key = &self.keys[from];
        let payment = builder(self.network, key)
            .transfer(self.keys[to].key().address(), asset(), Amount(amount), "")
            .build()
            .unwrap();
        let id = payment.id();
        let begun = self.start.elapsed();
        let answer = submit(node, &payment.sign([key]));
        let ended = self.start.elapsed();
        let outcome = answer.as_ref().and_then(outcome_in);
        if let Some(Outcome::Paid((height, _)) | Outcome::Failed((height, _))) = outcome {
            self.seen.fetch_max(height, Ordering::SeqCst);
        }
        Entry {
            operation: Operation {
                begun,
                ended: outcome.map(|_| ended),
                what: What::Payment {
                    from,
                    to,
                    amount,
                    outcome: outcome.unwrap_or(Outcome::Nothing),
                },
            },
            payment: Some((id, outcome.is_some())),
        }
    }

    /// The operation with the outcome that the validators tell of now: all the same, and that of the
    /// answer, if one came.
    fn settled(&self, entry: Entry) -> Operation {
        let mut operation = entry.operation;
        let (Some((id, answered)), What::Payment { outcome, .. }) = (entry.payment, &mut operation.what)
        else {
            return operation;
        };
        let tell = |node: &SocketAddr| {
            let told = get(*node, &format!("/v1/transactions/{id}"));
            told.as_ref().and_then(outcome_in).unwrap_or(Outcome::Nothing)
        };
        let told: Vec<Outcome> = self.nodes.iter().map(tell).collect();
        assert!(
            told.iter().all(|other| *other == told[0]),
            "validators differ on {id}: {told:?}"
        );
        assert!(
            !answered || *outcome == told[0],
            "the answer to {id} was {outcome:?}, and the chain has {:?}",
            told[0]
        );
        *outcome = told[0];
        operation
    }

    /// Whether nothing is under way, seen twice.
    fn at_rest(&self) -> Option<()> {
        let look = || -> Option<Vec<u64>> {
            let heights = self.nodes.iter().map(|node| {
                let status = get(*node, "/v1/status")?;
                (status["pending_transactions"] == 0).then_some(status["height"].as_u64()?)
            });
            heights.collect()
        };
        let first = look()?;
        std::thread::sleep(Duration::from_millis(1_500));
        let same = first.iter().all(|height| *height == first[0]);
        (same && look()? == first).then_some(())
    }
}

fn asset() -> quorate_ledger::AssetCode {
    "QRT".parse().unwrap()
}

fn builder(network: Digest, key: &ClientSigningKey) -> TransactionBuilder {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expires_at = Timestamp(u64::try_from(now.as_millis()).unwrap() + 300_000);
    TransactionBuilder::new(network, key.key().address(), expires_at, random_salt().unwrap())
}

fn get(node: SocketAddr, path: &str) -> Option<Value> {
    Some(call(node, "GET", path, &[], PATIENCE)?.json())
}

/// Submits and waits for the outcome; none if no answer came.
fn submit(node: SocketAddr, submission: &Submission) -> Option<Value> {
    let path = "/v1/transactions?wait=committed&timeout_ms=4000";
    Some(call(node, "POST", path, &encode(submission), PATIENCE)?.json())
}

/// What an answer says became of a payment; none if it does not say that for good. A refusal is no last
/// word: it is looked up like silence.
fn outcome_in(answer: &Value) -> Option<Outcome> {
    let place: Option<Place> = answer["height"].as_u64().zip(
        answer["index"]
            .as_u64()
            .and_then(|index| u32::try_from(index).ok()),
    );
    match (answer["status"].as_str()?, place?) {
        ("committed", place) => Some(Outcome::Paid(place)),
        ("failed", place) => Some(Outcome::Failed(place)),
        _ => None,
    }
}

fn balance_in(account: &Value) -> u128 {
    let held = account["balances"].as_array().unwrap();
    let held = held.iter().find(|balance| balance["asset"] == "QRT");
    held.map_or(0, |balance| balance["amount"].as_str().unwrap().parse().unwrap())
}
