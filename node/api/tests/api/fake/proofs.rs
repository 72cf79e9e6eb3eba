//! The proofs that the fake node gives: files in their form, with nothing in them that could be checked.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use quorate_api::{NoProof, ProofRequest};
use quorate_ledger::{Address, Digest, Height, Timestamp, format_time};

use super::chain::Chain;
use super::network;

/// What was asked for, and how it is answered.
#[derive(Default)]
pub(crate) struct Proofs {
    /// Every request, in the order in which they came.
    pub(crate) asked: Mutex<Vec<ProofRequest>>,
    /// The next answers, before those that it would give.
    pub(crate) answers: Mutex<VecDeque<Result<String, NoProof>>>,
    /// The making of them.
    pub(crate) work: Work,
}

/// Work that takes time, and how much of it was under way at once.
#[derive(Default)]
pub(crate) struct Work {
    /// How long one piece takes.
    pub(crate) takes: Mutex<Duration>,
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    now: usize,
    most: usize,
}

impl Work {
    /// How many pieces were under way at once, at most.
    #[allow(dead_code, reason = "for tests, not for the example")]
    pub(crate) fn most_at_once(&self) -> usize {
        self.under_way.lock().unwrap().most
    }

    pub(super) fn pass(&self) {
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.now += 1;
            under_way.most = under_way.most.max(under_way.now);
        }
        let takes = *self.takes.lock().unwrap();
        std::thread::sleep(takes);
        self.under_way.lock().unwrap().now -= 1;
    }
}

impl Proofs {
    pub(super) fn make(&self, chain: &Chain, request: &ProofRequest) -> Result<String, NoProof> {
        self.asked.lock().unwrap().push(request.clone());
        self.work.pass();
        match self.answers.lock().unwrap().pop_front() {
            Some(answer) => answer,
            None => plausible(chain, request),
        }
    }
}

fn plausible(chain: &Chain, request: &ProofRequest) -> Result<String, NoProof> {
    let prefix =
        |kind: u8, address: &Address| format!("{kind:02x}{}{}/168", hex::encode(address.0), "0".repeat(22));
    let leaf = |kind: u8, sha256: &Digest| format!("{kind:02x}{}/256", &sha256.to_string()[..62]);
    let time = |time: &Timestamp| format_time(*time).unwrap_or_else(|| time.0.to_string());
    let (kind, about) = match request {
        ProofRequest::Transaction { id } => {
            if chain.executed(id).is_none() {
                return Err(NoProof::NotSo(format!(
                    "no transaction with the id {id} was executed"
                )));
            }
            ("transaction", id.to_string())
        }
        ProofRequest::Erasure { id } => ("state", leaf(0x0e, id)),
        ProofRequest::Account { address } => {
            ("state", format!("{} {}", prefix(1, address), prefix(2, address)))
        }
        ProofRequest::Statement { address, from, to } => {
            if from >= to {
                return Err(NoProof::Malformed(
                    "the statement's end is not after its beginning".to_owned(),
                ));
            }
            ("statement", format!("{address} {} {}", time(from), time(to)))
        }
        ProofRequest::Asset { code } => (
            "state",
            format!("03{}{}/256", hex::encode(code.b37()), "0".repeat(46)),
        ),
        ProofRequest::Record { sha256, by } => {
            let own = by.map(|_| format!("{} ", leaf(4, sha256))).unwrap_or_default();
            ("state", format!("{own}{}", leaf(5, sha256)))
        }
        ProofRequest::Block { height } => ("block", height.to_string()),
        ProofRequest::Committees { to } => {
            if to.is_some_and(|to: Height| to > chain.height().next()) {
                return Err(NoProof::NotSo("no epoch of that height has begun".to_owned()));
            }
            ("committees", "0".to_owned())
        }
    };
    let (height, hash) = (chain.height(), chain.hash());
    Ok(format!(
        "quorate proof 2 {kind}\nnetwork {}\nhead 0 {height} {hash}\nabout {about}\nAAAA\n",
        network()
    ))
}
