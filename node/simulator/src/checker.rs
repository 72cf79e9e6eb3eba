//! What must hold whatever happens, checked as it happens. Liars are not held to it.

mod paxos_rules;
mod raft_rules;

use std::collections::{BTreeMap, BTreeSet};

use quorate_consensus::pbft::{Body as Pbft, Claims, PreparedClaim, View};
use quorate_consensus::{Body, Message, paxos, raft};
use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Certificate, Digest, Epoch, Height, Signature, ValidatorIndex};
use quorate_ledger::{LogEntry, Proposal};

use crate::checker::paxos_rules::PaxosChecker;
use crate::checker::raft_rules::RaftChecker;
use crate::ledger::KeptBlock;

/// The kinds of vote that bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    PrePrepare,
    Prepare,
    Commit,
}

/// A place at which a validator says one thing at most.
type SignedStatement = (ValidatorIndex, Epoch, Kind, View, Height);

/// What of a signature tells it from others.
type Start = [u8; 32];

/// The outside observer who sees everything.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// When each batch was submitted.
    submitted: BTreeMap<Digest, u64>,
    /// Transactions of blocks that somebody honest has certified.
    executed: BTreeSet<Digest>,
    /// The lists that their headers commit to, after each of them.
    lists: BTreeMap<Height, Lists>,
    /// Batches of such blocks.
    ordered: BTreeSet<Digest>,
    /// The longest that one took to be certified by somebody honest, in microseconds.
    longest_wait_us: u64,
    decided: BTreeMap<Height, Proposal>,
    blocks: BTreeMap<Height, Digest>,
    said: BTreeMap<SignedStatement, (Digest, Start)>,
    seals: BTreeMap<(ValidatorIndex, Height), (Digest, Start)>,
    raft: RaftChecker,
    paxos: PaxosChecker,
    /// What each validator has claimed in its view-changes of an epoch.
    claimed: BTreeMap<(ValidatorIndex, Epoch), Vec<(Claims, Start)>>,
    /// The last height of each epoch that has one.
    ends: BTreeMap<Epoch, Height>,
    /// The starts of signatures under all that was said and binds.
    spoken: BTreeSet<(ValidatorIndex, Start)>,
    /// The last epoch in which each validator has voted.
    voted: BTreeMap<ValidatorIndex, Epoch>,
    /// The last epoch of which each validator has forgotten what it said.
    forgot: BTreeMap<ValidatorIndex, Epoch>,
    /// Who must not vote, in whatever epoch, until a rejoin ends that.
    quarantined: BTreeSet<ValidatorIndex>,
    /// Who has on disk what proves that a height was prepared, or its block, once it was so.
    kept: BTreeMap<Height, BTreeSet<ValidatorIndex>>,
    /// Who has lost what it had on disk, whether it knows or not.
    lost: BTreeSet<ValidatorIndex>,
    /// How many that neither lie nor have lost anything must keep what proves a height that is sealed; none
    /// where the protocol has no such proof.
    keepers: Option<usize>,
    /// Which honest validators have heard what binds its sender, and have run since, as bits; none where nothing is
    /// lost.
    heard: Option<BTreeMap<(ValidatorIndex, Start), u64>>,
    /// Who has lost what it signed, and does not know.
    unaware: BTreeSet<ValidatorIndex>,
    /// Who has contradicted what too few could tell it of: it counts among those that may be faulty.
    faulty: BTreeSet<ValidatorIndex>,
    /// How many lie, and how many may be faulty.
    liars: usize,
    tolerated: usize,
    /// Whom honest validators have accused.
    accused: BTreeSet<ValidatorIndex>,
    /// Whether somebody lies: then the rules of protocols that do not tolerate that hold for nobody.
    somebody_lies: bool,
    /// The first rule that was broken.
    violation: Option<String>,
}

/// What headers have the roots of, made again of what blocks have appended.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// The hashes of all headers.
    chain: Frontier,
    /// The transaction log.
    log: Frontier,
}

fn start_of(signature: &Signature) -> Start {
    let mut start = [0; 32];
    start.copy_from_slice(&signature.0[..32]);
    start
}

impl Checker {
    pub(crate) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    /// So many lie.
    pub(crate) fn expect_lies(&mut self, liars: usize) {
        self.liars = liars;
        self.somebody_lies = liars > 0;
    }

    /// Some may lose what they signed, and not know. With the liars there may be so many of them.
    pub(crate) fn expect_losses(&mut self, tolerated: usize) {
        self.heard = Some(BTreeMap::new());
        self.tolerated = tolerated;
    }

    /// So many honest validators must have the proof of each height that one of them has decided.
    pub(crate) fn expect_keepers(&mut self, keepers: usize) {
        self.keepers = Some(keepers);
    }

    /// What proves a height is on this honest validator's disk.
    pub(crate) fn on_kept(&mut self, by: ValidatorIndex, height: Height) {
        self.kept.entry(height).or_default().insert(by);
    }

    /// It has lost something of what was on its disk, and may not know.
    pub(crate) fn on_lost(&mut self, who: ValidatorIndex) {
        self.lost.insert(who);
        self.unaware.insert(who);
        // What kept it from voting may be lost too.
        self.quarantined.remove(&who);
    }

    /// It must not vote from now on, whatever restarts.
    pub(crate) fn on_quarantined(&mut self, who: ValidatorIndex) {
        self.quarantined.insert(who);
    }

    /// Its rejoin was executed, and another epoch begins.
    pub(crate) fn on_rejoined(&mut self, who: ValidatorIndex) {
        self.quarantined.remove(&who);
    }

    /// Of every decided height f + 1 honest validators have the prepared certificate on disk, or its block: what
    /// a view-change must show, and others can be given.
    fn on_sealed(&mut self, by: ValidatorIndex, height: Height) {
        let kept = self.kept.get(&height);
        let held = kept.map_or(0, |kept| kept.difference(&self.lost).count());
        if self.keepers.is_some_and(|keepers| held < keepers) {
            self.report(format!(
                "validator {by} seals height {height}, which only {held} honest validators can prove"
            ));
        }
    }

    pub(crate) fn accused(&self) -> &BTreeSet<ValidatorIndex> {
        &self.accused
    }

    pub(crate) fn report(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn on_submitted(&mut self, batch: Digest, now: u64) {
        self.submitted.insert(batch, now);
    }

    pub(crate) fn longest_wait_us(&self) -> u64 {
        self.longest_wait_us
    }

    /// Agreement and validity.
    pub(crate) fn on_decided(&mut self, by: ValidatorIndex, height: Height, proposal: &Proposal) {
        let first = self.decided.entry(height).or_insert_with(|| proposal.clone());
        if first != proposal {
            self.report(format!(
                "agreement: validator {by} decided otherwise at height {height}"
            ));
        }
        if let Some(batch) = proposal
            .batches()
            .iter()
            .find(|batch| !self.submitted.contains_key(*batch))
        {
            let batch = batch.short();
            self.report(format!(
                "validity: height {height} has batch {batch}, which nobody submitted"
            ));
        }
    }

    /// One history.
    pub(crate) fn on_certified(&mut self, by: ValidatorIndex, block: &KeptBlock, now: u64) {
        let height = block.height();
        if !self.blocks.contains_key(&height) {
            self.on_first_certified(block, now);
        }
        let first = *self.blocks.entry(height).or_insert(block.hash);
        if first == block.hash {
            self.on_appended(by, block);
        } else {
            self.report(format!(
                "one history: validator {by} certified another block at height {height}"
            ));
        }
        let (of, certified_in) = (
            block.block.header().epoch,
            block.certificate.as_ref().map(Certificate::epoch),
        );
        if certified_in != Some(of) {
            self.report(format!(
                "one history: validator {by} takes block {height} of epoch {of} for certified by epoch {certified_in:?}"
            ));
        }
        if let Some(last) = block.ends() {
            self.on_end_fixed(of, last);
        }
        self.on_decided(by, height, block.proposal());
    }

    /// Nobody votes past an epoch's last height, from before it was known either.
    fn on_end_fixed(&mut self, epoch: Epoch, last: Height) {
        if self.ends.insert(epoch, last).is_none() {
            let past = self
                .said
                .keys()
                .find(|(_, of, _, _, height)| *of == epoch && *height > last);
            if let Some((by, _, kind, _, height)) = past.copied() {
                self.on_past_end(by, kind, epoch, height);
            }
        }
    }

    fn on_past_end(&mut self, by: ValidatorIndex, kind: Kind, epoch: Epoch, height: Height) {
        self.report(format!(
            "validator {by} says {kind:?} at height {height}, past the end of epoch {epoch}"
        ));
    }

    /// A validator has lost its memory of what it said up to now.
    pub(crate) fn on_forgotten(&mut self, who: ValidatorIndex) {
        self.unaware.remove(&who);
        if let Some(epoch) = self.voted.get(&who) {
            self.forgot.insert(who, *epoch);
        }
    }

    /// This honest validator has taken in a message.
    pub(crate) fn on_heard(&mut self, who: ValidatorIndex, message: &Message) {
        let message = message.v1();
        if let Some(heard) = &mut self.heard
            && binds(&message.body)
        {
            let by = heard.entry((message.sender, start_of(&message.signature)));
            *by.or_default() |= bit(who);
        }
    }

    /// It holds nothing any more of what it heard.
    pub(crate) fn on_crashed(&mut self, who: ValidatorIndex) {
        for heard in self.heard.iter_mut().flat_map(BTreeMap::values_mut) {
            *heard &= !bit(who);
        }
    }

    /// Whether this validator, which contradicts what it said under `told`, has lost that, and cannot have been told of
    /// it: it asks a quorum less itself, and no honest one that answers need have heard it. It is as faulty then as who
    /// lies.
    fn is_excused(&mut self, by: ValidatorIndex, told: &Start) -> bool {
        if !self.unaware.contains(&by) {
            return false;
        }
        let heard = self.heard.as_ref().and_then(|heard| heard.get(&(by, *told)));
        let others = heard.copied().unwrap_or(0) & !bit(by);
        if usize::try_from(others.count_ones()).is_ok_and(|heard| heard > self.tolerated) {
            return false;
        }
        self.faulty.insert(by);
        let (liars, losers) = (self.liars, self.faulty.len());
        if liars + losers > self.tolerated {
            self.report(format!(
                "{liars} validators lie and {losers} contradict what they have lost, more than may be faulty"
            ));
        }
        true
    }

    /// It starts with this in its journal, signed before it lost what it lost: it may be passed on, though it had not
    /// left before.
    pub(crate) fn on_recalled(&mut self, by: ValidatorIndex, signature: &Signature) {
        self.spoken.insert((by, start_of(signature)));
    }

    /// Who has forgotten what it said in an epoch votes no more in it.
    fn on_binding(&mut self, by: ValidatorIndex, epoch: Epoch, signature: &Signature) {
        if !self.spoken.insert((by, start_of(signature))) {
            return; // Whoever observes passes on what it said before, as others do.
        }
        if self.quarantined.contains(&by) {
            self.report(format!(
                "validator {by} votes in epoch {epoch}, though its quarantine has not ended"
            ));
        }
        let last = self.voted.entry(by).or_insert(epoch);
        *last = (*last).max(epoch);
        if self.forgot.get(&by).is_some_and(|forgot| epoch <= *forgot) {
            self.report(format!(
                "validator {by} votes in epoch {epoch}, in which it has forgotten what it said"
            ));
        }
    }

    /// Integrity: a block follows the one before it, and no transaction is executed twice.
    fn on_first_certified(&mut self, block: &KeptBlock, now: u64) {
        let height = block.height();
        let before = height.0.checked_sub(1).map(Height);
        let before = before.and_then(|before| self.blocks.get(&before).copied());
        let previous = block.block.header().previous;
        if before.is_some_and(|before| before != previous) {
            self.report(format!(
                "integrity: block {height} does not follow the one before it"
            ));
        }
        // Nothing is given up here, so no id comes back: not while it is spent, nor after it has expired.
        let executed = block.log.iter().filter_map(LogEntry::transaction);
        for logged in executed {
            if !self.executed.insert(logged.id) {
                let id = logged.id.short();
                self.report(format!(
                    "integrity: block {height} executes transaction {id} again"
                ));
            }
        }
        let fresh = block
            .proposal()
            .batches()
            .iter()
            .filter(|batch| self.ordered.insert(**batch));
        let first = fresh.filter_map(|batch| self.submitted.get(batch)).min();
        self.longest_wait_us = self.longest_wait_us.max(now - first.unwrap_or(&now));
    }

    /// The log and the list of headers only grow: whoever certifies a block has appended to them, and to what was there
    /// before, exactly what its header has the roots of.
    fn on_appended(&mut self, by: ValidatorIndex, block: &KeptBlock) {
        let header = block.block.header();
        let height = header.height;
        let before = height.0.checked_sub(1).map(Height);
        let before = before.and_then(|before| self.lists.get(&before).cloned());
        let Lists { mut chain, mut log } = before.unwrap_or_default();
        if header.chain_root != chain.root() {
            self.report(format!(
                "integrity: block {height} of validator {by} has another root over the headers before it"
            ));
        }
        chain.push(&block.hash.0);
        for entry in &block.log {
            if (entry.height(), entry.timestamp()) != (height, header.timestamp) {
                self.report(format!(
                    "integrity: validator {by} logs in block {height} what is not of it"
                ));
            }
            log.push_hash(entry.leaf_hash());
        }
        if (header.log_size, header.log_root) != (log.length(), log.root()) {
            let (said, found) = (header.log_size, log.length());
            self.report(format!(
                "integrity: the log of validator {by} after block {height} is not that of the header, which has {said} \
                 leaves, not {found}, or another root"
            ));
        }
        self.lists.entry(height).or_insert(Lists { chain, log });
    }

    /// Nobody honest is accused.
    pub(crate) fn on_accused(&mut self, by: ValidatorIndex, accused: ValidatorIndex, honest: bool) {
        self.accused.insert(accused);
        if honest && !self.faulty.contains(&accused) {
            self.report(format!(
                "validator {by} accuses validator {accused}, which is honest"
            ));
        }
    }

    /// Nobody votes against its own past, whatever was lost in between.
    pub(crate) fn on_sent(&mut self, message: &Message) {
        let message = message.v1();
        let (by, epoch) = (message.sender, message.epoch);
        let start = start_of(&message.signature);
        if binds(&message.body) {
            self.on_binding(by, epoch, &message.signature);
        }
        match &message.body {
            Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => {}
            Body::Seal { height, block } => {
                let (sealed, told) = *self.seals.entry((by, *height)).or_insert((*block, start));
                if sealed != *block && !self.is_excused(by, &told) {
                    self.report(format!("validator {by} sealed two blocks at height {height}"));
                }
                self.on_sealed(by, *height);
            }
            Body::Raft(_) | Body::Paxos(_) if self.somebody_lies => {}
            Body::Raft(body) => {
                let end = self.ends.get(&epoch).copied();
                if let Some(violation) = self.raft.on_sent(by, epoch, end, body) {
                    self.report(violation);
                }
            }
            Body::Paxos(body) => {
                let end = self.ends.get(&epoch).copied();
                if let Some(violation) = self.paxos.on_sent(by, epoch, end, body) {
                    self.report(violation);
                }
            }
            Body::Pbft(body) => match body {
                Pbft::PrePrepare {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote(
                        (by, epoch, Kind::PrePrepare, *view, *height),
                        proposal.digest(),
                        start,
                    );
                }
                Pbft::Prepare {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote((by, epoch, Kind::Prepare, *view, *height), *proposal, start);
                }
                Pbft::Commit {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote((by, epoch, Kind::Commit, *view, *height), *proposal, start);
                }
                Pbft::Complaint { .. } | Pbft::NewView(_) => {}
                Pbft::ViewChange(change) => {
                    let claims = &change.claims;
                    let hidden = self.said.iter().find(|((who, of, kind, view, height), _)| {
                        (*who, *of, *kind) == (by, epoch, Kind::Commit) && hides(claims, *view, *height)
                    });
                    let hidden = hidden.map(|((_, _, _, view, height), (_, told))| (*view, *height, *told));
                    if let Some((view, height, told)) = hidden
                        && !self.is_excused(by, &told)
                    {
                        self.report(format!(
                            "validator {by} hides its commit of view {view}, height {height} in a view-change"
                        ));
                    }
                    let all = self.claimed.entry((by, epoch)).or_default();
                    if all.iter().all(|(said, _)| said != claims) {
                        all.push((claims.clone(), start));
                    }
                }
            },
        }
    }

    /// The same of one of Raft, whose log is seen.
    pub(crate) fn on_logged(&mut self, message: &Message, replica: &raft::Replica) {
        let message = message.v1();
        if let Body::Raft(body) = &message.body {
            let (by, epoch) = (message.sender, message.epoch);
            let violation = self.raft.on_logged(by, epoch, body, replica, &self.decided);
            if let Some(violation) = violation {
                self.report(violation);
            }
        }
    }

    fn on_vote(&mut self, key: SignedStatement, digest: Digest, start: Start) {
        let (by, epoch, kind, view, height) = key;
        if self.ends.get(&epoch).is_some_and(|last| height > *last) {
            self.on_past_end(by, kind, epoch, height);
        }
        let known = self.said.contains_key(&key);
        let (said, told) = *self.said.entry(key).or_insert((digest, start));
        if said != digest && !self.is_excused(by, &told) {
            self.report(format!(
                "validator {by} contradicts its {kind:?} of view {view}, height {height}"
            ));
        }
        // A commit that was claimed and not sent may follow: nobody can have taken it for undone.
        let forbids = |claims: &Claims| match kind {
            Kind::Commit => hides(claims, view, height),
            Kind::PrePrepare | Kind::Prepare => claims.view > view,
        };
        let claimed = self.claimed.get(&(by, epoch)).into_iter().flatten();
        let broken = claimed
            .filter(|(claims, _)| forbids(claims))
            .map(|(_, told)| *told)
            .next();
        if let Some(told) = broken.filter(|_| !known)
            && !self.is_excused(by, &told)
        {
            self.report(format!(
                "validator {by} says {kind:?} in view {view} at height {height}, after its view-change"
            ));
        }
    }
}

/// One validator in a set of few.
fn bit(validator: ValidatorIndex) -> u64 {
    1_u64.checked_shl(validator.0.into()).unwrap_or(0)
}

/// Whether saying this binds its sender for the rest of the epoch.
fn binds(body: &Body) -> bool {
    match body {
        Body::Seal { .. } => true,
        Body::Raft(raft::Body::RequestVote(request)) => !request.pre_vote,
        Body::Raft(raft::Body::VoteReply(reply)) => reply.granted && !reply.pre_vote,
        Body::Raft(raft::Body::AppendEntries(_)) => true,
        Body::Raft(raft::Body::AppendReply(reply)) => reply.success,
        Body::Paxos(paxos::Body::Promise(_)) => true,
        Body::Paxos(paxos::Body::Accept(accept)) => !accept.values.is_empty(),
        Body::Paxos(paxos::Body::Accepted(accepted)) => !accepted.values.is_empty(),
        body => body.must_be_durable(),
    }
}

/// Whether these claims leave out what their sender committed in a view below theirs.
fn hides(claims: &Claims, view: View, height: Height) -> bool {
    let claimed = |claim: &PreparedClaim| claim.height == height && claim.view >= view;
    view < claims.view && height > claims.certified && !claims.prepared.iter().any(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSER: ValidatorIndex = ValidatorIndex(1);

    fn prepare(proposal: u8) -> Message {
        let body = Body::Pbft(Pbft::Prepare {
            view: View(0),
            height: Height(5),
            proposal: Digest([proposal; 32]),
        });
        Message::new(Epoch(0), LOSER, body, Signature([proposal; 64]))
    }

    /// Of four validators, some lie; one says something, these hear it, and some of them crash; then it loses what it
    /// said, and says something else.
    fn contradicts(liars: usize, hear: &[u16], crash: &[u16]) -> Checker {
        let mut checker = Checker::default();
        checker.expect_lies(liars);
        checker.expect_losses(1);
        checker.on_sent(&prepare(1));
        for who in hear {
            checker.on_heard(ValidatorIndex(*who), &prepare(1));
        }
        for who in crash {
            checker.on_crashed(ValidatorIndex(*who));
        }
        checker.on_lost(LOSER);
        checker.on_sent(&prepare(2));
        checker
    }

    #[test]
    fn who_contradicts_what_too_few_could_tell_it_of_counts_among_the_faulty() {
        let few: [(&[u16], &[u16]); 3] = [(&[], &[]), (&[0], &[]), (&[0, 2, 3], &[0, 2])];
        for (hear, crash) in few {
            let checker = contradicts(0, hear, crash);
            assert_eq!(checker.violation(), None, "{hear:?}");
            assert!(checker.faulty.contains(&LOSER));
            let with_a_liar = contradicts(1, hear, crash);
            assert!(
                with_a_liar
                    .violation()
                    .unwrap()
                    .contains("more than may be faulty")
            );
        }
    }

    #[test]
    fn who_contradicts_what_enough_could_tell_it_of_breaks_the_rules() {
        for hear in [&[0, 2][..], &[0, 2, 3]] {
            let checker = contradicts(0, hear, &[]);
            assert!(
                checker.violation().unwrap().contains("contradicts its Prepare"),
                "{hear:?}"
            );
        }
        // As does who has found out, and who has lost nothing.
        let mut checker = Checker::default();
        checker.expect_losses(1);
        checker.on_sent(&prepare(1));
        checker.on_sent(&prepare(2));
        assert!(checker.violation().unwrap().contains("contradicts its Prepare"));
    }
}
