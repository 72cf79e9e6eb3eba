//! The running node, as the API sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_api::{
    Admission, Answer, EpochFacts, EvidenceFacts, Fault, MemberFacts, NetworkFacts, Node, PeerFacts,
    PendingFacts, Settled, SlownessView, Snapshot, StatusFacts, TipFacts, Unready, ValidatorFacts,
};
use quorate_consensus::{Evidence, pbft};
use quorate_crypto::{Committee, Height, KnownKeys, Protocol, ValidatorIndex};
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Parameters, encode};
use quorate_storage::{Chain, Journal};
use tokio::sync::watch;

use crate::admission::{self, Admitter};
use crate::batches::BatchStore;
use crate::certified::{Certified, fault};
use crate::committed::Committed;
use crate::config::Home;
use crate::diagnosis::{free_bytes, no_quorum_left, silenced_by};
use crate::epoch::SharedEpoch;
use crate::evidence;
use crate::links::Links;
use crate::logging;
use crate::metrics::{Reading, cpu_us, open_files, resident_memory};
use crate::observers::Observers;
use crate::own_batches::OwnBatches;
use crate::pool::{Ended, Pool};
use crate::quarantine::QuarantineKeeper;
use crate::recorder::RecorderStatistics;
use crate::standing::SharedStanding;
use crate::state_cache::StateCache;
use crate::sync::SyncHandle;

/// How often the log says what was committed.
const SUMMARY_EVERY: Duration = Duration::from_secs(60);

/// All that the API may look at.
pub(crate) struct RunningNode {
    pub(crate) home: Home,
    pub(crate) genesis: Genesis,
    pub(crate) genesis_text: String,
    pub(crate) network: Digest,
    pub(crate) keeper: Arc<QuarantineKeeper>,
    pub(crate) observers: Arc<Observers>,
    pub(crate) epoch: SharedEpoch,
    pub(crate) names: Vec<String>,
    pub(crate) parameters: Parameters,
    pub(crate) index: Option<ValidatorIndex>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) state: Arc<StateCache>,
    pub(crate) keys: Arc<KnownKeys>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) recorded: Arc<RecorderStatistics>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) own: Arc<OwnBatches>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) committed: Arc<Committed>,
    pub(crate) links: Links,
    pub(crate) sync: SyncHandle,
    pub(crate) standing: Arc<SharedStanding>,
    /// Threads for the signatures of clients that wait at the API: a flood of these shares the cores
    /// with agreement, and does not queue before it.
    pub(crate) admission: rayon::ThreadPool,
}

impl RunningNode {
    pub(crate) fn name(&self, index: ValidatorIndex) -> String {
        self.names
            .get(usize::from(index.0))
            .cloned()
            .unwrap_or_else(|| format!("validator {index}"))
    }

    /// Who agrees now.
    pub(crate) fn committee(&self) -> Committee {
        self.epoch.get().committee.clone()
    }

    fn tip_facts(&self) -> TipFacts {
        let tip = self.chain.tip();
        TipFacts {
            height: tip.height,
            hash: tip.block_hash,
            state_root: tip.state_root,
            timestamp: tip.timestamp,
        }
    }

    /// Connected validators by index.
    pub(crate) fn connected(&self) -> BTreeMap<ValidatorIndex, quorate_network::PeerInfo> {
        let peers = self.links.handle().peers();
        let index_of = |key| {
            self.links
                .peers()
                .iter()
                .find(|(_, peer)| **peer == key)
                .map(|(index, _)| *index)
        };
        peers
            .into_iter()
            .filter_map(|peer| Some((index_of(peer.key)?, peer)))
            .collect()
    }

    fn connected_count(&self) -> usize {
        self.connected().values().filter(|peer| peer.connected()).count()
    }

    /// What keeps this validator from voting until somebody acts; none if it votes.
    pub(crate) fn own_silence(&self) -> Option<String> {
        if self.standing.get().diverged {
            return Some("this node has diverged from the certified chain".to_owned());
        }
        self.keeper.reason()
    }

    /// The same with what ends it.
    fn silenced(&self) -> Option<String> {
        let reason = self.own_silence()?;
        let committee = self.committee();
        Some(silenced_by(
            &reason,
            committee.size(),
            self.observing().len(),
            committee.quorum(),
        ))
    }

    /// The validators that follow the chain without voting, as far as they have told, this one included.
    pub(crate) fn observing(&self) -> BTreeSet<ValidatorIndex> {
        let mut observing = self.observers.all();
        let committee = self.committee();
        observing.retain(|index| committee.key(*index).is_some());
        observing.extend(self.index.filter(|_| self.own_silence().is_some()));
        observing
    }

    /// That so many observe that the others are no quorum, if so.
    pub(crate) fn no_quorum_left(&self) -> Option<String> {
        let committee = self.committee();
        no_quorum_left(committee.size(), self.observing().len(), committee.quorum())
    }

    fn measure_agreement(&self, reading: &mut Reading) {
        let standing = self.standing.get();
        let silenced = self.silenced().is_some();
        let committee = self.committee();
        reading.gauge("epoch", "The epoch", committee.epoch().0);
        reading.gauge("reign", "The view, term or ballot round", standing.reign);
        reading.gauge(
            "view",
            "The same as quorate_reign, under its former name",
            standing.reign,
        );
        reading.gauge(
            "reign_begun",
            "1 if the reign has begun here",
            u64::from(standing.begun),
        );
        reading.gauges(
            "leader",
            "1 for the validator that leads the reign, once that has begun here",
            committee.indices().map(|index| {
                let leads = standing.begun && index == standing.leader;
                (vec![("validator", self.name(index))], u64::from(leads))
            }),
        );
        reading.gauge(
            "is_primary",
            "1 if this node leads",
            u64::from(Some(standing.leader) == self.index),
        );
        reading.gauge(
            "votes",
            "1 if this validator votes",
            u64::from(self.index.is_some() && !silenced && standing.unanswered.is_empty()),
        );
        reading.gauge(
            "quarantined",
            "1 if this validator does not vote until its member lets it rejoin",
            u64::from(silenced && !standing.diverged),
        );
        let observing = self.observing();
        reading.gauges(
            "validator_votes",
            "0 for a validator that says that it follows the chain and does not vote",
            committee.indices().map(|index| {
                let votes = !observing.contains(&index);
                (vec![("validator", self.name(index))], u64::from(votes))
            }),
        );
        reading.gauge(
            "quorum_left",
            "0 if so many validators do not vote that the others are no quorum: nothing can be committed",
            u64::from(self.no_quorum_left().is_none()),
        );
        reading.gauge(
            "diverged",
            "1 if a quorum sealed another block",
            u64::from(standing.diverged),
        );
        let [decided, certified] = self.committed.latencies();
        reading.durations(
            "decision_latency",
            "From the time that the leader gave a proposal with batches to its decision here, by both clocks",
            &decided,
        );
        reading.durations(
            "certificate_latency",
            "From the time that the leader gave a block with transactions to its certificate here, by both clocks",
            &certified,
        );
    }

    fn measure_process(&self, reading: &mut Reading) {
        let (dropped, limited) = logging::left_out();
        let why = |reason: &str| vec![("reason", reason.to_owned())];
        reading.counters(
            "log_lines_left_out",
            "Lines of the log left out since the start: its reader was stuck, or there were too many of a kind",
            [(why("reader"), dropped), (why("kind"), limited)],
        );
        reading.gauge(
            "resident_memory_bytes",
            "Resident memory of the process",
            resident_memory(),
        );
        if let Some(us) = cpu_us() {
            reading.time("cpu", "Processor time that the process has taken", us);
        }
        if let Some(open) = open_files() {
            reading.gauge("open_files", "Files and sockets that the process has open", open);
        }
        if let Some(free) = free_bytes(self.home.path()) {
            reading.gauge("disk_free_bytes", "Bytes free on the disk of the home", free);
        }
        let labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        reading.gauges("build_info", "1, with the version of the program", [(labels, 1)]);
    }
}

/// Says each minute with blocks in the log what they were, until the node ends.
pub(crate) async fn summaries(node: Arc<RunningNode>) {
    let count = |node: &RunningNode| (node.committed.height(), node.committed.transactions());
    let mut before = count(&node);
    loop {
        tokio::time::sleep(SUMMARY_EVERY).await;
        let now = count(&node);
        if now.0 > before.0 {
            let standing = node.standing.get();
            let leader = if standing.begun {
                node.name(standing.leader)
            } else {
                "none".to_owned()
            };
            tracing::info!(
                height = now.0.0,
                blocks = now.0.0 - before.0.0,
                transactions = now.1.saturating_sub(before.1),
                reign = standing.reign,
                %leader,
                "summary"
            );
        }
        before = now;
    }
}

impl Node for RunningNode {
    fn status(&self) -> StatusFacts {
        let standing = self.standing.get();
        StatusFacts {
            validator: self
                .index
                .map_or_else(|| "observer".to_owned(), |index| self.name(index)),
            consensus: self.committee().engine(),
            epoch: self.committee().epoch(),
            view: standing.reign,
            primary: standing.begun.then(|| self.name(standing.leader)),
            tip: self.tip_facts(),
            syncing: self.sync.is_running(),
            does_not_vote: self.silenced(),
            observing: self
                .observing()
                .into_iter()
                .map(|index| self.name(index))
                .collect(),
            no_quorum_left: self.no_quorum_left(),
            peers: self.connected_count(),
            pending_transactions: self.pool.len(),
            transactions: self.committed.transactions(),
        }
    }

    fn network(&self) -> NetworkFacts {
        let begun = self.chain.snapshot().and_then(|snapshot| snapshot.epochs());
        let begun = begun.unwrap_or_else(|error| {
            tracing::error!(%error, "the chain database cannot be read");
            Vec::new()
        });
        let epochs = begun.into_iter().map(|(first, committee)| EpochFacts {
            first,
            committee,
            names: self.names.clone(),
        });
        let judges = self.committee().engine() == Protocol::Pbft;
        NetworkFacts {
            slowness: judges.then_some(SlownessView {
                factor: pbft::SLOWNESS_FACTOR,
                floor_ms: pbft::SLOWNESS_FLOOR_MS,
                share: pbft::SLOWNESS_SHARE,
            }),
            network: self.network,
            name: self.genesis.name().to_owned(),
            genesis: self.genesis_text.clone(),
            parameters: self.parameters.clone(),
            epochs: epochs.collect(),
        }
    }

    fn validators(&self) -> Vec<ValidatorFacts> {
        let leader = self.standing.begun_leader();
        let committee = self.committee();
        let seals = self.committed.last_seals();
        let connected = self.connected();
        let observing = self.observing();
        let facts = |index: ValidatorIndex| ValidatorFacts {
            index,
            name: self.name(index),
            key: *committee.key(index).expect("the index is one of the committee's"),
            primary: Some(index) == leader,
            last_seal: seals.get(&index).copied(),
            votes: !observing.contains(&index),
            connected: (Some(index) != self.index)
                .then(|| connected.get(&index).is_some_and(|peer| peer.connected())),
        };
        committee.indices().map(facts).collect()
    }

    fn peers(&self) -> Vec<PeerFacts> {
        let connected = self.connected();
        let heights = self.sync.heights();
        let facts = |(index, key): (&ValidatorIndex, &quorate_network::PeerKey)| {
            let info = connected.get(index);
            PeerFacts {
                name: self.name(*index),
                peer: hex::encode(key.0),
                address: info.and_then(|peer| Some(peer.link.as_ref()?.address.clone())),
                connected: info.is_some_and(|peer| peer.connected()),
                height: heights.get(index).copied(),
                round_trip_us: info
                    .and_then(|peer| peer.rtt)
                    .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
            }
        };
        self.links.peers().iter().map(facts).collect()
    }

    fn evidence(&self) -> Vec<EvidenceFacts> {
        let standing = self.standing.get();
        standing
            .evidence
            .iter()
            .map(|evidence| self.evidence_facts(evidence))
            .collect()
    }

    fn members(&self) -> Vec<MemberFacts> {
        let validators = self.genesis.validators();
        validators
            .map(|validator| MemberFacts {
                name: validator.name.to_owned(),
                key: validator.member_key,
                validators: vec![validator.name.to_owned()],
            })
            .collect()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        let snapshot = self.chain.snapshot().map_err(fault)?;
        Ok(Box::new(Certified(snapshot)))
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.committed.heights()
    }

    fn pending(&self, id: &Digest) -> Option<PendingFacts> {
        let (transaction, ended) = self.pool.find(id)?;
        // What a block skipped is as unknown as what was never sent.
        let expired = match ended {
            None => false,
            Some(Ended::Expired) => true,
            Some(Ended::Skipped(_)) => return None,
        };
        Some(PendingFacts {
            id: *id,
            transaction,
            expired,
        })
    }

    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>> {
        if self.index.is_none() || self.standing.get().diverged {
            let reason = if self.index.is_none() {
                "it only observes"
            } else {
                "it has diverged"
            };
            let refusal = quorate_api::Refusal::Unavailable {
                reason: reason.to_owned(),
            };
            let refused = Admission::Refused { id: None, refusal };
            return Box::pin(async move { transactions.iter().map(|_| refused.clone()).collect() });
        }
        Box::pin(async move {
            // Signature checks are long for an async thread; block_in_place lets others go on.
            tokio::task::block_in_place(|| {
                let admitter = Admitter {
                    network: &self.network,
                    parameters: &self.parameters,
                    chain: &self.chain,
                    state: &self.state,
                    keys: &self.keys,
                    pool: &self.pool,
                };
                self.admission.install(|| admitter.admit(&transactions))
            })
        })
    }

    fn settled(&self, id: Digest) -> Answer<'_, Result<Settled, Fault>> {
        // Waiting begins before the look at what is there, so nothing falls between the two.
        let waiting = self.committed.wait_for(id);
        // It leaves the pool before whoever waits is told: one that is still there is told of later.
        let is_pending = self.pool.is_pending(&id);
        Box::pin(async move {
            if !is_pending {
                let snapshot = self.chain.snapshot().map_err(fault)?;
                if let Some(facts) = admission::executed(&snapshot, &id).map_err(fault)? {
                    return Ok(Settled::Executed(facts));
                }
                drop(snapshot);
                if let Some((_, Some(ended))) = self.pool.find(&id) {
                    return Ok(ended.into());
                }
            }
            let waiting = waiting.ok_or_else(|| Fault("too many requests wait for outcomes".to_owned()))?;
            waiting
                .await
                .map_err(|_| Fault("the node is stopping".to_owned()))
        })
    }

    fn ready(&self) -> Result<(), Unready> {
        if let Some(reason) = self.silenced() {
            return Err(Unready::DoesNotVote { reason });
        }
        if let Some(reason) = self.no_quorum_left() {
            return Err(Unready::NoQuorumLeft { reason });
        }
        let not_yet = |reason| Err(Unready::NotYet { reason });
        let needed = self.committee().quorum().saturating_sub(1);
        let connected = self.connected_count();
        if connected < needed {
            let are = if connected == 1 {
                "validator is"
            } else {
                "validators are"
            };
            return not_yet(format!(
                "{connected} other {are} connected; a quorum needs {needed}"
            ));
        }
        if self.sync.is_running() {
            return not_yet(format!("fetching blocks, {} so far", self.chain.tip().height));
        }
        let unanswered = &self.standing.get().unanswered;
        if !unanswered.is_empty() {
            let names: Vec<String> = unanswered.iter().map(|index| self.name(*index)).collect();
            return not_yet(format!(
                "it has started and does not vote before enough others have told it what it signed; still \
                 silent: {}",
                names.join(", ")
            ));
        }
        Ok(())
    }

    fn metrics(&self) -> String {
        let standing = self.standing.get();
        let tip = self.chain.tip();
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let mut reading = Reading::default();
        self.measure_agreement(&mut reading);
        reading.counter(
            "transactions",
            "Transactions executed since genesis",
            self.committed.transactions(),
        );
        reading.counter(
            "rejected_inputs",
            "Messages the engine rejected since the start",
            self.standing.rejections(),
        );
        reading.counter(
            "batches_written",
            "Batches written since the start",
            self.batches.writes_begun().0,
        );
        reading.gauge("height", "The certified height", tip.height.0);
        reading.gauge("peers", "Connected validators", number(self.connected_count()));
        reading.gauge(
            "validators",
            "Validators in the committee",
            number(self.committee().size()),
        );
        reading.gauge(
            "pending_transactions",
            "Transactions in the pool",
            number(self.pool.len()),
        );
        reading.gauge(
            "unordered_batches",
            "Batches not in a certified block",
            number(self.batches.len()),
        );
        reading.gauge(
            "own_batches_under_way",
            "Own batches not in a certified block",
            number(self.own.len()),
        );
        reading.gauge(
            "syncing",
            "1 while blocks are fetched",
            u64::from(self.sync.is_running()),
        );
        reading.gauge(
            "evidence",
            "Pairs of signed messages that contradict each other",
            number(standing.evidence.len()),
        );
        let mut accused: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        for evidence in &standing.evidence {
            let key = (self.name(evidence.validator), evidence::kind(evidence));
            *accused.entry(key).or_default() += 1;
        }
        reading.gauges(
            "evidence_against",
            "The same, by the validator that signed them and by what they are",
            accused.into_iter().map(|((validator, kind), pairs)| {
                (vec![("validator", validator), ("kind", kind.to_owned())], pairs)
            }),
        );
        reading.counter(
            "reigns_left",
            "Views, terms or ballots that this validator has left",
            self.standing.reigns_left(),
        );
        reading.gauge(
            "certified_time_seconds",
            "Time of the last certified block",
            tip.timestamp.0 / 1_000,
        );
        if let Ok(statistics) = self.chain.statistics() {
            reading.add_chain(&statistics);
        }
        reading.add_peers(&self.links.handle().peers());
        let flushes = self.journal.flushes();
        reading.counter(
            "journal_flushes",
            "Flushes of the journal to the disk since the start",
            flushes.count,
        );
        reading.durations("journal_flush_duration", "How long these took", &flushes);
        reading.add_recorder(&self.recorded);
        self.measure_process(&mut reading);
        reading.text()
    }

    fn debug_consensus(&self) -> Answer<'_, serde_json::Value> {
        Box::pin(async move {
            let facts = self.consensus_facts();
            let findings = facts.diagnose();
            let mut document = serde_json::to_value(facts).expect("plain fields are JSON");
            document["findings"] = serde_json::to_value(findings).expect("plain fields are JSON");
            document
        })
    }

    fn set_log_level(&self, directives: &str) -> Result<(), String> {
        logging::set_level(directives).map_err(|error| error.to_string())
    }

    fn deny_peers(&self, names: Vec<String>) -> Result<(), String> {
        let mut denied = Vec::new();
        for name in names {
            let index = self.names.iter().position(|known| *known == name);
            let index = index
                .and_then(|place| u16::try_from(place).ok())
                .map(ValidatorIndex);
            match index.and_then(|index| self.links.peers().get(&index)) {
                Some(peer) => denied.push(*peer),
                // The node itself may be in a list that is meant for several nodes.
                None if index.is_some() && index == self.index => {}
                None => return Err(format!("no validator is named `{name}`")),
            }
        }
        let allowed: Vec<_> = self
            .links
            .handle()
            .denied()
            .into_iter()
            .filter(|peer| !denied.contains(peer))
            .collect();
        self.links.handle().allow(&allowed);
        self.links.handle().deny(&denied);
        Ok(())
    }
}

impl RunningNode {
    fn evidence_facts(&self, evidence: &Evidence) -> EvidenceFacts {
        EvidenceFacts {
            validator: self.name(evidence.validator),
            epoch: evidence.first.v1().epoch,
            kind: evidence::kind(evidence).to_owned(),
            height: evidence.first.v1().body.height(),
            view: evidence::view(evidence),
            messages: [encode(&evidence.first), encode(&evidence.second)],
        }
    }
}
