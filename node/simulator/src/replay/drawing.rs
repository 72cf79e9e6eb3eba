//! What a replayed engine was told and did, as a chart of its validator and the others.
//!
//! Only this node was recorded. When a message was sent that it received is not known, nor when one arrives that
//! it sends: both are drawn as if the links were all equally fast.

use std::collections::VecDeque;

use quorate_consensus::recording::{Beginning, Entry, Segment};
use quorate_consensus::{Action, Engine, Input, Message, Step};
use quorate_crypto::ValidatorIndex;

use super::Part;
use crate::chart::{Chart, Happening, Note, NoteKind, Phase, Transfer};
use crate::words::{describe, leads, reign_words, timer_words};

/// How long messages are drawn to travel, in microseconds.
const FLIGHT_US: u64 = 400;

/// The longest name that is shown as it is, in characters.
const MAX_NAME: usize = 64;

/// A chart that grows, and forgets what is too old for its part.
#[derive(Debug)]
pub(super) struct Drawing {
    part: Part,
    title: String,
    lanes: Vec<String>,
    own: usize,
    /// When the recording began, in milliseconds, and the segment in its microseconds.
    began_ms: Option<u64>,
    segment_us: u64,
    now_us: u64,
    /// What the last step left: the reign, and whether it leads it.
    reign: Option<(String, bool)>,
    happenings: VecDeque<Happening>,
}

impl Drawing {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            title: String::new(),
            lanes: Vec::new(),
            own: 0,
            began_ms: None,
            segment_us: 0,
            now_us: 0,
            reign: None,
            happenings: VecDeque::new(),
        }
    }

    pub(super) fn on_segment(&mut self, segment: &Segment) {
        let began_ms = *self.began_ms.get_or_insert(segment.began.0);
        let since_us = segment.began.0.saturating_sub(began_ms).saturating_mul(1_000);
        // The node's clock may have been set back; a chart goes on.
        self.segment_us = self.now_us.max(since_us);
        self.now_us = self.segment_us;
        self.own = usize::from(segment.own.0);
        let indices = (0..segment.names.len()).filter_map(|place| u16::try_from(place).ok());
        self.lanes = indices
            .map(|index| name_of(segment, ValidatorIndex(index)))
            .collect();
        self.title = format!("recorded by {}", name_of(segment, segment.own));
        match segment.beginning {
            Beginning::Start => self.note(NoteKind::Start, "starts".to_owned()),
            Beginning::Gap => self.note(NoteKind::Other, "something is missing here".to_owned()),
            Beginning::Epoch => self.note(NoteKind::Other, "an epoch begins".to_owned()),
            Beginning::Continued => {}
        }
    }

    pub(super) fn on_input(&mut self, entry: &Entry, engine: &Engine) {
        self.now_us = self.now_us.max(self.segment_us.saturating_add(entry.offset_us));
        self.reign = Some(self.reign_of(engine));
        match &entry.input {
            Input::Message(message) => {
                let message = message.get();
                let from = usize::from(message.v1().sender.0);
                let sent_us = self.now_us.saturating_sub(FLIGHT_US);
                self.transfer(from, self.own, sent_us, message);
            }
            Input::Timeout(timer) => {
                if let Some(name) = timer_words(*timer, engine, self.own()) {
                    self.note(NoteKind::Timeout, format!("{name} runs out"));
                }
            }
            Input::EpochEnds(last) => self.note(NoteKind::Other, format!("the epoch ends with h{last}")),
            Input::Synced(certificate) => {
                self.note(
                    NoteKind::Other,
                    format!("fetched blocks up to h{}", certificate.height()),
                );
            }
            Input::HeldBack(peer) => self.note(
                NoteKind::Other,
                format!("takes next to nothing more of {}", self.lane_of(*peer)),
            ),
            Input::Stopping => self.note(NoteKind::Pause, "is told to stop".to_owned()),
            Input::Own(_)
            | Input::BatchesAvailable(_)
            | Input::BatchesObsolete(_)
            | Input::ProposalAvailable { .. }
            | Input::Executed { .. }
            | Input::OnDisk(_)
            | Input::Connected(_) => {}
        }
    }

    fn lane_of(&self, validator: ValidatorIndex) -> &str {
        let lane = self.lanes.get(usize::from(validator.0));
        lane.map_or("somebody", String::as_str)
    }

    pub(super) fn on_step(&mut self, step: &Step, engine: &Engine) {
        for action in &step.actions {
            match action {
                Action::Broadcast(message) => {
                    for peer in 0..self.lanes.len() {
                        self.transfer(self.own, peer, self.now_us, message);
                    }
                }
                Action::Send { to, message } => {
                    self.transfer(self.own, usize::from(to.0), self.now_us, message);
                }
                Action::Decide { height, proposal } => {
                    self.note(
                        NoteKind::Decides,
                        format!("decides h{height} {}", proposal.digest().short()),
                    );
                }
                Action::Certify(certificate) => {
                    let (height, block) = (certificate.height(), certificate.block().short());
                    self.note(NoteKind::Certifies, format!("certifies h{height} {block}"));
                }
                Action::FetchBlocks { to, .. } => {
                    self.note(NoteKind::Other, format!("fetches blocks up to h{to}"));
                }
                Action::HandOver { to, batches } => {
                    let to = self.lane_of(*to);
                    self.note(
                        NoteKind::Other,
                        format!("hands {} batches over to {to}", batches.len()),
                    );
                }
                Action::Accuse(evidence) => {
                    let accused = self.lane_of(evidence.validator);
                    self.note(NoteKind::Accuses, format!("accuses {accused}"));
                }
                Action::Forgotten { said, .. } => {
                    self.note(
                        NoteKind::Violation,
                        format!("has forgotten its {}", said.statement),
                    );
                }
                Action::Lost { height } => {
                    self.note(NoteKind::Violation, format!("has lost what was below h{height}"));
                }
                Action::Diverged { height, .. } => {
                    self.note(NoteKind::Violation, format!("has diverged at h{height}"));
                }
                Action::Sign(_)
                | Action::SetTimer { .. }
                | Action::CancelTimer(_)
                | Action::RequireBatches { .. } => {}
            }
        }
        let (before, after) = (self.reign.take(), self.reign_of(engine));
        let (_, title) = reign_words(engine);
        if before.as_ref() != Some(&after) {
            let (reign, leads) = after;
            if leads {
                self.note(NoteKind::Leads, format!("{title} of {reign}"));
            } else if before.is_none_or(|(before, _)| before != reign) {
                self.note(NoteKind::Reign, format!("enters {reign}"));
            }
        }
    }

    fn own(&self) -> ValidatorIndex {
        ValidatorIndex(u16::try_from(self.own).unwrap_or(u16::MAX))
    }

    fn reign_of(&self, engine: &Engine) -> (String, bool) {
        (reign_words(engine).0, leads(engine, self.own()))
    }

    pub(super) fn on_panic(&mut self, panic: &str) {
        self.note(NoteKind::Violation, format!("its engine panics: {panic}"));
    }

    pub(super) fn finish(self) -> Chart {
        let mut chart = Chart::new(self.title, self.lanes);
        chart.happenings = self.happenings.into();
        chart.happenings.sort_by_key(Happening::at_us);
        chart
    }

    fn note(&mut self, event: NoteKind, text: String) {
        self.push(Happening::Note(Note {
            at_us: self.now_us,
            lane: Some(self.own),
            event,
            text,
        }));
    }

    fn transfer(&mut self, from: usize, to: usize, sent_us: u64, message: &Message) {
        let lanes = self.lanes.len();
        if from < lanes && to < lanes && from != to {
            self.push(Happening::Message(Transfer {
                from,
                to,
                sent_us,
                arrives_us: Some(sent_us.saturating_add(FLIGHT_US)),
                phase: Phase::of(message),
                label: describe(message),
            }));
        }
    }

    fn push(&mut self, happening: Happening) {
        if (self.part.from_us..self.part.to_us).contains(&happening.at_us()) {
            if self.happenings.len() >= self.part.most {
                self.happenings.pop_front();
            }
            self.happenings.push_back(happening);
        }
    }
}

/// What people call a validator; a name that a terminal might take for more than a name is not shown.
pub(super) fn name_of(segment: &Segment, validator: ValidatorIndex) -> String {
    let name = segment.names.get(usize::from(validator.0));
    printable(name.map_or("", String::as_str), || {
        format!("validator-{validator}")
    })
}

/// A text of the recording, if it can be shown as it is.
pub(super) fn printable(text: &str, otherwise: impl FnOnce() -> String) -> String {
    let harmless =
        !text.is_empty() && text.chars().count() <= MAX_NAME && !text.contains(quorate_ledger::is_unseen);
    if harmless { text.to_owned() } else { otherwise() }
}
