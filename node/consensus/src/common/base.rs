//! What a replica of any engine has: its place in the committee, the window, and what it asks for.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::mem;

use quorate_crypto::{Certificate, Height, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};
use serde::{Deserialize, Serialize};

use super::backlog::Backlog;
use super::catch_up::Overtaken;
use super::finality::Finality;
use super::inquiry_state::OpenInquiry;
use super::own_disk::OwnDisk;
use super::peers::{Mark, Peers, StatusDue};
use super::witness::{self, Witness};
use crate::contract::{Action, Config, Evidence, MAX_WINDOW, Record, Rejection, Step, Timer, TimerRange};
use crate::message::{Body, Message};

/// Why a replica votes no more in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Halted {
    /// A quorum sealed another block than the one executed here.
    Diverged,
    /// A message signed with this validator's key is unknown here, or its journal has a gap.
    Forgotten,
}

/// What a height in flight is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The leader's proposal.
    Proposal,
    /// The proposal's batches.
    Batches,
    /// This validator's clock, which the proposal is too far ahead of or, in PBFT, was too far behind.
    Clock,
    /// A quorum of first-phase votes: prepares.
    Prepares,
    /// A quorum of votes that decide: commits, or acknowledged appends.
    DecidingVotes,
    /// Execution here.
    Execution,
    /// A quorum of seals.
    Seals,
}

impl Awaited {
    /// Its name in the API and in logs, the same for every protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposal => "proposal",
            Self::Batches => "batches",
            Self::Clock => "clock",
            Self::Prepares => "prepares",
            Self::DecidingVotes => "commits",
            Self::Execution => "execution",
            Self::Seals => "seals",
        }
    }
}

/// One height in flight and what it is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The height.
    pub height: Height,
    /// The first thing that it lacks.
    pub awaited: Awaited,
    /// Who has not given it yet.
    pub missing: Vec<ValidatorIndex>,
}

/// The part of a replica that does not depend on the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Base {
    pub(crate) config: Config,
    /// Heights that may be in flight: `certified + 1 ..= certified + window`.
    pub(crate) window: u64,
    /// The last height certified and applied here. Only grows.
    pub(crate) certified: Height,
    /// Certificates of the last heights up to the certified height, at most a window of them.
    pub(crate) certificates: BTreeMap<Height, Certificate>,
    /// How far each height above the certified one has come that anything is kept of: at most two windows, of which
    /// the second is kept and not acted upon, and after a restart what the journal tells of.
    pub(crate) finalities: BTreeMap<Height, Finality>,
    /// Up to here the chain is on disk, so after a crash this replica comes back with no less. Only grows.
    pub(crate) on_disk: Height,
    /// The highest height that the journal told of, where it reaches beyond two windows.
    pub(crate) restored_to: Height,
    /// Whether a batch has left the backlog, by a height that is certified or as nobody needs it; until the orderer
    /// sets it back.
    pub(crate) served: bool,
    /// The last height of the epoch, once it is known.
    pub(crate) epoch_end: Option<Height>,
    pub(crate) backlog: Backlog,
    pub(crate) peers: Peers,
    /// What it asked when it started: it says nothing new until that is answered.
    pub(crate) inquiry: OpenInquiry,
    pub(crate) witness: Witness,
    /// Why this replica votes no more, though it goes on learning.
    pub(crate) halted: Option<Halted>,
    pub(crate) status_due: StatusDue,
    /// Where the replica was when the resend timer that runs was set.
    pub(crate) resend: Option<Mark>,
    /// What the resend timer was shortened for last, and whether that one still runs.
    pub(crate) overtaken: Overtaken,
    /// The highest height that blocks were asked up to.
    pub(crate) fetching: Height,
    /// How often in a row the resend timer found nothing moved.
    pub(crate) standstills: u32,
    pub(crate) disk: OwnDisk,
    pub(crate) now: Timestamp,
    /// Certificates that came inside messages, and who sent them. Empty between steps.
    #[serde(skip)]
    pub(crate) learned: VecDeque<(ValidatorIndex, Certificate)>,
    /// Empty between steps.
    #[serde(skip)]
    pub(crate) out: Step,
}

impl Base {
    pub(crate) fn new(config: Config) -> Self {
        assert!(
            config.certificate.as_ref().map(Certificate::height)
                == Some(config.certified).filter(|certified| *certified > config.epoch_start),
            "an engine starts with the certificate of its certified height"
        );
        let certificates = config
            .certificate
            .iter()
            .map(|certificate| (certificate.height(), certificate.clone()))
            .collect();
        Self {
            window: u64::from(config.parameters.v1().window).clamp(1, MAX_WINDOW as u64),
            certified: config.certified,
            certificates,
            finalities: BTreeMap::new(),
            on_disk: config.certified,
            restored_to: config.certified,
            served: false,
            epoch_end: config.epoch_end,
            backlog: Backlog::default(),
            peers: Peers::default(),
            inquiry: OpenInquiry::default(),
            witness: Witness::default(),
            halted: None,
            status_due: StatusDue::default(),
            resend: None,
            overtaken: Overtaken::default(),
            fetching: config.certified,
            standstills: 0,
            disk: OwnDisk::default(),
            now: Timestamp(0),
            learned: VecDeque::new(),
            out: Step::default(),
            config,
        }
    }

    /// What was asked for since the last step.
    pub(crate) fn take_step(&mut self, result: Result<(), Rejection>) -> Step {
        self.out.rejection = result.err();
        mem::take(&mut self.out)
    }

    /// Whether the replica votes: it is a member, has been told what it signed, and nothing has halted it.
    pub(crate) fn voter(&self) -> Option<ValidatorIndex> {
        let votes = self.halted.is_none() && !self.inquiry.is_open();
        self.config.index.filter(|_| votes)
    }

    /// Whether nothing that it says leaves: it observes, or drivers sign nothing more for it.
    pub(crate) fn is_silent(&self) -> bool {
        self.config.index.is_none() || self.halted.is_some()
    }

    /// Whether the last height of the epoch is certified here: there is nothing more to agree on.
    pub(crate) fn is_finished(&self) -> bool {
        self.epoch_end.is_some_and(|last| self.certified >= last)
    }

    /// Whether empty heights are to be filled up to the epoch's end.
    pub(crate) fn is_ending(&self) -> bool {
        self.epoch_end.is_some_and(|last| self.certified < last)
    }

    /// The highest height that may be voted on.
    pub(crate) fn high_watermark(&self) -> Height {
        self.high_watermark_above(self.certified)
    }

    /// The same while the certified height was this.
    pub(crate) fn high_watermark_above(&self, certified: Height) -> Height {
        let window = Height(certified.0.saturating_add(self.window));
        let end = self.epoch_end.filter(|_| !breaks!(PastEndOrdered));
        end.map_or(window, |last| window.min(last))
    }

    pub(crate) fn is_in_window(&self, height: Height) -> bool {
        height > self.certified && (height <= self.high_watermark() || breaks!(WatermarksIgnored))
    }

    /// Whether facts are kept of a height: in the window, and in one more above it, so that a replica a
    /// little behind need not ask again (pitfall 23).
    pub(crate) fn check_kept(&self, height: Height) -> Result<(), Rejection> {
        let kept_to = self.high_watermark().0.saturating_add(self.window);
        let past_end = self.epoch_end.is_some_and(|last| height > last) && !breaks!(PastEndOrdered);
        let far = height.0 > kept_to && !breaks!(WatermarksIgnored);
        if height <= self.certified || far || past_end {
            return Err(Rejection::OutsideWindow {
                height,
                certified: self.certified,
            });
        }
        Ok(())
    }

    /// Whether a message that holds so many heights above the chain could show this height after any crash. What it
    /// has to show is journaled for no other: if all lost their power, nobody could say it, and nothing would go on.
    pub(crate) fn could_show(&self, height: Height, most: usize) -> bool {
        let reach = self.on_disk.0.saturating_add(most as u64);
        height.0 <= reach || breaks!(DiskNotAwaited)
    }

    /// The finality of a height, if it is one that facts are kept of.
    pub(crate) fn finality_mut(&mut self, height: Height) -> Result<&mut Finality, Rejection> {
        self.check_kept(height)?;
        Ok(self.finalities.entry(height).or_default())
    }

    /// The finality of a height that the journal tells of, however far above the certified height.
    pub(crate) fn restored(&mut self, height: Height) -> Option<&mut Finality> {
        let near = self.high_watermark().0.saturating_add(self.window);
        if height <= self.certified || (height.0 > near && breaks!(FarRecordsForgotten)) {
            return None;
        }
        self.restored_to = self.restored_to.max(height);
        Some(self.finalities.entry(height).or_default())
    }

    /// What was decided for a height that is not certified yet.
    pub(crate) fn decided(&self, height: Height) -> Option<&Proposal> {
        self.finalities.get(&height)?.decided.as_ref()
    }

    /// It is settled for ever what a height is: it is to be executed.
    pub(crate) fn decide(&mut self, height: Height, proposal: Proposal) {
        let served = self.backlog.remove_ordered(proposal.batches(), self.now);
        let finality = self.finalities.entry(height).or_default();
        (finality.decided, finality.served) = (Some(proposal.clone()), served);
        self.out.actions.push(Action::Decide { height, proposal });
    }

    /// Seals what was executed here, once.
    pub(crate) fn try_seal(&mut self, height: Height) {
        let votes = self.voter().is_some();
        if let Some(finality) = self.finalities.get_mut(&height)
            && let Some(block) = finality.executed
            && votes
            && !finality.asked_seal
        {
            finality.asked_seal = true;
            self.out.actions.push(Action::Sign(Body::Seal { height, block }));
        }
    }

    /// A certificate that came inside a message. Whoever sent the message should have the block.
    pub(crate) fn learn(&mut self, from: ValidatorIndex, certificate: Certificate) {
        self.learned.push_back((from, certificate));
    }

    /// All up to this certificate's height is certified, and forgotten. Gives what was certified before.
    pub(crate) fn raise_certified(&mut self, certificate: Certificate) -> Height {
        let former = mem::replace(&mut self.certified, certificate.height());
        self.certificates.insert(self.certified, certificate);
        let oldest = Height(self.certified.0.saturating_sub(self.window));
        self.certificates.retain(|height, _| *height > oldest);
        let above = self.finalities.split_off(&self.certified.next());
        let passed = mem::replace(&mut self.finalities, above);
        self.served |= passed.values().any(|finality| finality.served);
        former
    }

    /// The heights that have come into the window since the certified height was `former`, and that anything is kept
    /// of.
    pub(crate) fn entered_since(&self, former: Height) -> Vec<Height> {
        let after = self.high_watermark_above(former).max(self.certified);
        let kept = self.finalities.range(after.next()..);
        let entered = kept.take_while(|(height, _)| **height <= self.high_watermark());
        entered.map(|(height, _)| *height).collect()
    }

    /// Nothing is agreed on once the epoch's last height is certified here, nor before it is known what this
    /// replica signed.
    pub(crate) fn check_open(&self) -> Result<(), Rejection> {
        if self.is_finished() || self.inquiry.is_open() {
            return Err(Rejection::OutsideWindow {
                height: self.certified,
                certified: self.certified,
            });
        }
        Ok(())
    }

    /// The most batches that a proposal may name.
    pub(crate) fn max_proposal_batches(&self) -> usize {
        usize::try_from(self.config.parameters.v1().max_proposal_batches).unwrap_or(usize::MAX)
    }

    /// What a leader proposes now: the oldest batches that are free, or nothing. They are taken.
    pub(crate) fn next_proposal(&mut self) -> Proposal {
        let batches = self.backlog.oldest_free(self.max_proposal_batches().max(1));
        let proposal = if batches.is_empty() {
            Proposal::null()
        } else {
            Proposal::new(self.now, batches)
        };
        self.backlog.take(proposal.batches());
        proposal
    }

    /// The rules that hold for any proposal: so many batches, none twice.
    pub(crate) fn is_acceptable(&self, proposal: &Proposal) -> bool {
        let batches = proposal.batches();
        let mut sorted = batches.to_vec();
        sorted.sort_unstable();
        batches.len() <= self.max_proposal_batches() && sorted.is_sorted_by(|a, b| a < b)
    }

    /// Whether a fresh proposal is too far ahead of this validator's clock.
    pub(crate) fn is_early(&self, proposal: &Proposal) -> bool {
        self.is_too_early(proposal.timestamp())
    }

    /// The same of its time.
    pub(crate) fn is_too_early(&self, timestamp: Timestamp) -> bool {
        let lead = self.config.parameters.v1().max_clock_lead_ms;
        timestamp.0 > self.now.0.saturating_add(lead)
    }

    /// Asks for a message that binds to be signed.
    pub(crate) fn sign(&mut self, body: impl Into<Body>) {
        assert!(self.voter().is_some(), "only who may vote says what binds");
        let body = body.into();
        self.disk.on_asked(&body, self.now);
        self.out.actions.push(Action::Sign(body));
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        self.out.actions.push(Action::Broadcast(message));
    }

    pub(crate) fn send(&mut self, to: ValidatorIndex, message: Message) {
        self.out.actions.push(Action::Send { to, message });
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.out.records.push(record);
    }

    pub(crate) fn set_timer(&mut self, timer: Timer, after: TimerRange) {
        self.out.actions.push(Action::SetTimer { timer, after });
    }

    pub(crate) fn cancel_timer(&mut self, timer: Timer) {
        self.out.actions.push(Action::CancelTimer(timer));
    }

    pub(crate) fn fetch(&mut self, to: Height, holders: Vec<ValidatorIndex>) {
        self.fetching = self.fetching.max(to);
        self.out.actions.push(Action::FetchBlocks { to, holders });
    }

    /// Reports a contradiction, and rejects what showed it.
    pub(crate) fn accuse(
        &mut self,
        validator: ValidatorIndex,
        height: Height,
        first: Message,
        second: Message,
    ) -> Rejection {
        self.out.actions.push(Action::Accuse(Evidence {
            validator,
            first,
            second,
        }));
        Rejection::Contradiction {
            sender: validator,
            height,
        }
    }

    /// Feeds a hasher with all of this that decides what the replica says about heights.
    pub(crate) fn hash_protocol(&self, hasher: &mut impl Hasher) {
        (self.certified, &self.finalities, &self.backlog).hash(hasher);
        (self.epoch_end, self.halted).hash(hasher);
    }

    /// Asserts what must hold of this part between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub(crate) fn check_invariants(&self) {
        self.backlog.check_invariants();
        let most = u64::try_from(MAX_WINDOW).expect("a window is small");
        assert!((1..=most).contains(&self.window), "the window is bounded");
        assert!(
            self.witness.len() <= self.config.committee.size() * witness::KINDS,
            "one slot a validator and kind"
        );
        assert!(self.learned.is_empty(), "a step works off what it has learned");
        self.check_finalities();
        if let Some((height, _)) = self.certificates.last_key_value() {
            assert_eq!(
                *height, self.certified,
                "the certified height has its certificate"
            );
        }
        assert!(
            self.certificates.len() <= MAX_WINDOW,
            "one window of certificates is kept"
        );
    }

    fn check_finalities(&self) {
        let two_windows = self.window.saturating_mul(2);
        for (height, finality) in &self.finalities {
            assert!(
                *height > self.certified,
                "nothing is kept at or below the certified height"
            );
            assert!(
                height.0 - self.certified.0 <= two_windows || *height <= self.restored_to,
                "two windows are kept, and what the journal holds"
            );
            assert!(
                finality.seals.len() <= self.config.committee.size(),
                "one seal a validator"
            );
            assert!(
                finality.executed.is_none() || finality.decided.is_some(),
                "only what is decided is executed"
            );
        }
    }
}
