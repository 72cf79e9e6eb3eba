//! The running node, as the API sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_api::{Admission, Answer, Fault, Node, Settled, Snapshot, Unready};
use quorate_client::schema::{
    self, CommitteeView, DeadLetter, Diagnosis, EpochView, Network, Peer, SlownessView, Status,
    TransactionStatus, Validator, ValidatorList, VotingView, Webhook,
};
use quorate_consensus::Evidence;
use quorate_crypto::{Committee, Engine, Height, KnownKeys, SeatNumber, ValidatorIndex};
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, ParametersV1, encode};
use quorate_storage::{Chain, Journal};
use quorate_webhooks::Hooks;
use tokio::sync::watch;

use crate::admission::{self, Admitter};
use crate::answered::Answered;
use crate::batches::BatchStore;
use crate::certified::{AssetMakers, Certified, ProofTree, fault, submitted_texts};
use crate::checkpoints::Checkpoints;
use crate::committed::Committed;
use crate::config::Home;
use crate::diagnosis::{diagnose, no_quorum_left, silenced_by, witness_finding};
use crate::epoch::SharedEpoch;
use crate::evidence;
use crate::home;
use crate::links::Links;
use crate::logging;
use crate::observers::Observers;
use crate::own_batches::OwnBatches;
use crate::pool::{Ended, Pool, Submitted};
use crate::quarantine::QuarantineKeeper;
use crate::recorder::RecorderStatistics;
use crate::self_check::SelfChecked;
use crate::senders::Senders;
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
    pub(crate) chain: Arc<Chain>,
    pub(crate) state: Arc<StateCache>,
    /// The executor's state tree.
    pub(crate) tree: Arc<ProofTree>,
    pub(crate) makers: AssetMakers,
    pub(crate) keys: Arc<KnownKeys>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) recorded: Arc<RecorderStatistics>,
    pub(crate) self_checked: Arc<SelfChecked>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) senders: Senders,
    pub(crate) own: Arc<OwnBatches>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) committed: Arc<Committed>,
    pub(crate) links: Links,
    pub(crate) sync: SyncHandle,
    pub(crate) standing: Arc<SharedStanding>,
    pub(crate) answered: Answered,
    pub(crate) webhooks: Hooks,
    /// Threads for the signatures of clients that wait at the API: a flood of these shares the cores
    /// with agreement, and does not queue before it.
    pub(crate) admission: rayon::ThreadPool,
}

impl RunningNode {
    pub(crate) fn name(&self, index: ValidatorIndex) -> String {
        self.epoch.get().now.names.of(index)
    }

    /// Who agrees now.
    pub(crate) fn committee(&self) -> Committee {
        self.epoch.get().committee().clone()
    }

    /// Connected validators by index.
    pub(crate) fn connected(&self) -> BTreeMap<ValidatorIndex, quorate_network::PeerInfo> {
        let (info, own) = (self.epoch.get(), self.own());
        let mut connected: BTreeMap<ValidatorIndex, quorate_network::PeerInfo> = BTreeMap::new();
        for peer in self.links.handle().peers() {
            let Some(index) = info.now.index_of(&peer.key).filter(|index| Some(*index) != own) else {
                continue;
            };
            // Of several keys that its node may have, the one that is linked.
            if peer.connected() || !connected.contains_key(&index) {
                connected.insert(index, peer);
            }
        }
        connected
    }

    fn connected_count(&self) -> usize {
        self.connected().values().filter(|peer| peer.connected()).count()
    }

    /// This node's place in the committee under way; none if it only observes.
    pub(crate) fn own(&self) -> Option<ValidatorIndex> {
        self.epoch.get().own()
    }

    /// Whether it votes, but for what it still asks of others.
    pub(crate) fn votes(&self) -> bool {
        self.own().is_some() && self.own_silence().is_none()
    }

    /// What keeps this validator from voting until somebody acts; none if it votes, or has no seat.
    pub(crate) fn own_silence(&self) -> Option<String> {
        if self.standing.get().diverged {
            return Some("this node has diverged from the certified chain".to_owned());
        }
        self.keeper.reason()
    }

    /// The same with what ends it.
    fn silenced(&self) -> Option<String> {
        if self.own().is_none() {
            let key = self.keeper.validator();
            return Some(format!(
                "this node's validator key {key} has no seat: it follows the chain and serves reads"
            ));
        }
        let reason = self.own_silence()?;
        let committee = self.committee();
        Some(silenced_by(
            &reason,
            committee.size(),
            self.observing().len(),
            committee.quorum(),
        ))
    }

    /// Who has not told yet what this validator signed before its start; none once it votes, or does not.
    fn asking(&self) -> Vec<ValidatorIndex> {
        match self.own_silence() {
            Some(_) => Vec::new(),
            None => self.standing.get().unanswered.clone(),
        }
    }

    /// Whether a validator votes, as far as this node knows.
    fn voting(&self, index: ValidatorIndex) -> VotingView {
        let info = self.epoch.get();
        let votes = if Some(index) == info.own() {
            if !self.asking().is_empty() {
                return VotingView::Asking;
            }
            Some(self.own_silence().is_none())
        } else {
            let said = info
                .now
                .nodes_of(index)
                .filter_map(|node| self.observers.said(&node));
            // Of several keys that its node may have, all but one have said nothing, or long ago that it votes.
            said.reduce(|votes, other| votes && other)
        };
        votes.map_or(VotingView::Unknown, |votes| {
            if votes { VotingView::Yes } else { VotingView::No }
        })
    }

    /// The validators that follow the chain without voting, as far as they have told, this one included.
    pub(crate) fn observing(&self) -> BTreeSet<ValidatorIndex> {
        let info = self.epoch.get();
        let told = self.observers.all();
        let mut observing: BTreeSet<_> = told.iter().filter_map(|node| info.now.index_of(node)).collect();
        observing.extend(info.own().filter(|_| self.own_silence().is_some()));
        observing
    }

    /// A transaction that is pending or has expired, and whether it has. What a block skipped is as unknown as
    /// what was never sent.
    fn unexecuted(&self, id: &Digest) -> Option<(Arc<Submitted>, bool)> {
        let (submitted, ended) = self.pool.find(id)?;
        match ended {
            None => Some((submitted, false)),
            Some(Ended::Expired) => Some((submitted, true)),
            Some(Ended::Skipped(_)) => None,
        }
    }

    /// What is wrong with the witness key of the home, as far as its file tells without a passphrase.
    fn witness_problem(&self) -> Option<String> {
        let info = self.epoch.get();
        let seat = info.now.own_seat()?;
        if self.checkpoints.key() == Some(seat.witness) {
            return None;
        }
        home::witness_problem(&self.home.witness_key(), &info.now.own_name(), seat.witness)
    }

    /// That so many observe that the others are no quorum, if so.
    pub(crate) fn no_quorum_left(&self) -> Option<String> {
        let committee = self.committee();
        no_quorum_left(committee.size(), self.observing().len(), committee.quorum())
    }
}

/// How slow a primary may be, as the parameters have it.
fn slowness(parameters: &ParametersV1) -> SlownessView {
    SlownessView {
        factor: parameters.slowness_factor.into(),
        floor_ms: parameters.slowness_floor_ms.into(),
        share: parameters.slowness_share.into(),
    }
}

/// Says each minute with blocks in the log what they were, until the node ends.
pub(crate) async fn summaries(node: Arc<RunningNode>) {
    let count = |node: &RunningNode| (node.committed.height(), node.committed.transactions());
    let mut before = count(&node);
    loop {
        tokio::time::sleep(SUMMARY_EVERY).await;
        let now = count(&node);
        let standing = node.standing.get();
        let leader = if standing.begun {
            node.name(standing.leader)
        } else {
            "none".to_owned()
        };
        sum_up(before, now, standing.reign, &leader);
        before = now;
    }
}

/// Says how far the chain has come since `before`, in height and transactions; nothing without a block.
fn sum_up(before: (Height, u64), now: (Height, u64), reign: u64, leader: &str) {
    if now.0 > before.0 {
        tracing::info!(
            height = now.0.0,
            blocks = now.0.0 - before.0.0,
            transactions = now.1.saturating_sub(before.1),
            reign,
            %leader,
            "summary"
        );
    }
}

impl Node for RunningNode {
    fn status(&self) -> Status {
        let standing = self.standing.get();
        let tip = self.chain.tip();
        Status {
            network: self.network,
            network_name: self.genesis.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            validator: self.epoch.get().now.own_name(),
            consensus: self.committee().engine(),
            epoch: self.committee().epoch(),
            view: standing.reign,
            primary: standing.begun.then(|| self.name(standing.leader)),
            height: tip.height,
            block_hash: tip.block_hash,
            state_root: tip.state_root,
            timestamp: tip.timestamp,
            syncing: self.sync.is_running(),
            does_not_vote: self.silenced(),
            asking: self.asking().into_iter().map(|index| self.name(index)).collect(),
            observing: self
                .observing()
                .into_iter()
                .map(|index| self.name(index))
                .collect(),
            no_quorum_left: self.no_quorum_left(),
            peers: self.connected_count() as u64,
            pending_transactions: self.pool.len() as u64,
            transactions: self.committed.transactions(),
        }
    }

    fn network(&self) -> Result<Network, Fault> {
        let epochs = self.chain.snapshot().and_then(|snapshot| snapshot.epochs());
        let epochs = epochs.map_err(fault)?;
        let (_, last) = epochs
            .last()
            .ok_or_else(|| Fault("the chain has no epoch".to_owned()))?;
        let roster = Arc::clone(&self.epoch.get().now);
        let judges = roster.committee.engine() == Engine::Pbft;
        Ok(Network {
            network: self.network,
            name: self.genesis.name().to_owned(),
            genesis: self.genesis_text.clone(),
            parameters: roster.parameters.v1().into(),
            rules: None,
            slowness: judges.then(|| slowness(roster.parameters.v1())),
            committee: CommitteeView::of(last, roster.names_in(last).all()),
            epochs: epochs
                .iter()
                .map(|(first, committee)| EpochView::of(*first, committee))
                .collect(),
        })
    }

    fn genesis_bytes(&self) -> Vec<u8> {
        self.genesis.canonical_bytes()
    }

    fn validators(&self) -> ValidatorList {
        let leader = self.standing.begun_leader();
        let committee = self.committee();
        let seals = self.committed.last_seals();
        let connected = self.connected();
        let validator = |index: ValidatorIndex| {
            let voting = self.voting(index);
            Validator {
                index,
                name: self.name(index),
                key: *committee.key(index).expect("the index is one of the committee's"),
                primary: Some(index) == leader,
                last_seal: committee
                    .seat(index)
                    .and_then(|seat| seals.get(&seat.seat).copied()),
                votes: voting != VotingView::No,
                voting,
                connected: (Some(index) != self.own())
                    .then(|| connected.get(&index).is_some_and(|peer| peer.connected())),
            }
        };
        ValidatorList {
            epoch: committee.epoch(),
            quorum: committee.quorum() as u64,
            validators: committee.indices().map(validator).collect(),
        }
    }

    fn peers(&self) -> Vec<Peer> {
        let connected = self.connected();
        let heights = self.sync.heights();
        let peer = |(index, key): (ValidatorIndex, quorate_network::PeerKey)| {
            let info = connected.get(&index);
            let key = info.map_or(key, |info| info.key);
            Peer {
                name: self.name(index),
                peer: hex::encode(key.0),
                address: info.and_then(|peer| Some(peer.link.as_ref()?.address.clone())),
                connected: info.is_some_and(|peer| peer.connected()),
                height: heights.get(&key).copied(),
                round_trip_us: info
                    .and_then(|peer| peer.rtt)
                    .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
            }
        };
        self.links.validators().into_iter().map(peer).collect()
    }

    fn sealers(&self) -> BTreeMap<Height, BTreeSet<String>> {
        let sealers = self.committed.sealers().into_iter();
        let roster = Arc::clone(&self.epoch.get().now);
        let named = |seats: BTreeSet<SeatNumber>| {
            let names = seats.iter().filter_map(|seat| roster.seats.get(seat).cloned());
            names.collect()
        };
        sealers.map(|(height, seats)| (height, named(seats))).collect()
    }

    fn certified_after(&self) -> Vec<(Height, Duration)> {
        self.committed.certified_after()
    }

    fn evidence(&self) -> Vec<schema::Evidence> {
        let standing = self.standing.get();
        let document = |evidence: &Arc<Evidence>| {
            let first = evidence.first.v1();
            let messages = [&evidence.first, &evidence.second];
            schema::Evidence {
                validator: self.epoch.get().names_of(first.epoch).of(evidence.validator),
                epoch: first.epoch,
                kind: evidence::kind(evidence).to_owned(),
                height: first.body.height(),
                view: evidence::view(evidence),
                messages: messages.map(|message| hex::encode(encode(message))).into(),
            }
        };
        standing.evidence.iter().map(document).collect()
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        let snapshot = self.chain.snapshot().map_err(fault)?;
        Ok(Box::new(Certified {
            snapshot,
            roster: Arc::clone(&self.epoch.get().now),
            genesis: &self.genesis,
            tree: &self.tree,
            makers: &self.makers,
        }))
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.committed.heights()
    }

    fn pending(&self, id: &Digest) -> Option<schema::Transaction> {
        let (submitted, expired) = self.unexecuted(id)?;
        let erasure = self.chain.snapshot().and_then(|snapshot| snapshot.erasure(id));
        let erasure = erasure
            .inspect_err(|error| tracing::error!(%error, "the chain database cannot be read"))
            .ok()?;
        let texts = submitted_texts(&submitted, erasure.as_ref());
        let mut pending = schema::Transaction::pending(*id, &submitted.transaction, &texts);
        if expired {
            pending.status = TransactionStatus::Expired;
        }
        Some(pending)
    }

    fn submit(&self, transactions: Vec<Bytes>) -> Answer<'_, Vec<Admission>> {
        if self.own().is_none() || self.standing.get().diverged {
            let reason = if self.own().is_none() {
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
                let roster = Arc::clone(&self.epoch.get().now);
                let admitter = Admitter {
                    network: &self.network,
                    parameters: &roster.parameters,
                    chain: &self.chain,
                    state: &self.state,
                    keys: &self.keys,
                    pool: &self.pool,
                    senders: &self.senders,
                };
                self.admission.install(|| admitter.admit(&transactions))
            })
        })
    }

    fn checkpoint(&self, size: Option<u64>) -> Option<String> {
        self.checkpoints.note(size).map(|note| note.to_string())
    }

    fn signed_root(&self, size: Option<u64>) -> Option<Vec<u8>> {
        self.checkpoints.signed_root(size)
    }

    fn settled(&self, id: Digest) -> Answer<'_, Result<Settled, Fault>> {
        // Waiting begins before the look at what is there, so nothing falls between the two.
        let waiting = self.committed.wait_for(id);
        // It leaves the pool before whoever waits is told: one that is still there is told of later.
        let is_pending = self.pool.is_pending(&id);
        Box::pin(async move {
            if !is_pending {
                let snapshot = self.chain.snapshot().map_err(fault)?;
                if let Some(at) = admission::executed(&snapshot, &id).map_err(fault)? {
                    return Ok(Settled::Executed(at));
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
            return not_yet(format!(
                "it has started and does not vote before enough others have told it what it signed; still \
                 silent: {}",
                self.epoch.get().now.names.of_all(unanswered.iter().copied())
            ));
        }
        Ok(())
    }

    fn metrics(&self) -> String {
        self.measure()
    }

    fn answered(&self, route: &str, status: u16, took: Duration) {
        self.answered.note(route, status, took);
    }

    fn debug_consensus(&self) -> Diagnosis {
        let facts = self.consensus_facts();
        let mut findings = diagnose(&facts);
        findings.extend(
            self.witness_problem()
                .map(|what| witness_finding(&facts.validator, what)),
        );
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Diagnosis { findings, facts }
    }

    fn set_log_level(&self, directives: &str) -> Result<(), String> {
        logging::set_level(directives).map_err(|error| error.to_string())
    }

    fn deny_peers(&self, names: Vec<String>) -> Result<(), String> {
        let mut denied = Vec::new();
        let info = self.epoch.get();
        for name in names {
            match info.now.names.index_of(&name) {
                // The node itself may be in a list that is meant for several nodes.
                Some(index) if Some(index) == info.own() => {}
                Some(index) => denied.extend(info.now.nodes_of(index)),
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

    fn webhooks(&self) -> Vec<Webhook> {
        self.webhooks.list(self.committed.height())
    }

    fn dead_letters(&self, webhook: &str) -> Option<Vec<DeadLetter>> {
        self.webhooks.dead(webhook)
    }

    fn retry_webhook(&self, webhook: &str) -> Option<Webhook> {
        self.webhooks.retry(webhook, self.committed.height())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// O8: whoever reads the log sees that a network works, and an idle one fills no disk.
    #[test]
    fn a_minute_with_blocks_is_one_line_and_one_without_is_none() {
        let written = Written::default();
        let sink = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || sink.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            sum_up((Height(3), 5), (Height(3), 5), 0, "validator-1");
            sum_up((Height(3), 5), (Height(7), 25), 2, "validator-3");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in [
            "INFO",
            "summary",
            "height=7",
            "blocks=4",
            "transactions=20",
            "reign=2",
            "leader=validator-3",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
