//! What happened in a network, to be drawn as a message sequence chart.
//!
//! The simulator collects one when it is asked to, and whoever has recorded a node can make one too. Times
//! are microseconds from whatever moment the chart's maker begins to count.

mod lines;
mod phase;
mod rows;
mod svg;
mod text;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

pub use phase::Phase;
pub use text::{Ink, Look};

/// A message sequence chart, before it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Chart {
    /// What is shown, in a few words.
    pub title: String,
    /// Whose lifelines there are, from left to right.
    pub lanes: Vec<String>,
    /// What happened, in the order of time; a message is where it was sent.
    pub happenings: Vec<Happening>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A message to one receiver: what goes to all is one for each.
    Message(Transfer),
    /// Something that is no message.
    Note(Note),
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// The sender's lane.
    pub from: usize,
    /// The receiver's lane.
    pub to: usize,
    /// When it left.
    pub sent_us: u64,
    /// When it arrived; nothing if it was lost, or found nobody.
    pub arrives_us: Option<u64>,
    /// What it belongs to.
    pub phase: Phase,
    /// What it says, in a few words.
    pub label: String,
}

/// Something that happened at one lane, or to all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// When.
    pub at_us: u64,
    /// Where; nothing if it concerns all.
    pub lane: Option<usize>,
    /// What sort of thing it is.
    pub event: NoteKind,
    /// What it is, in a few words.
    pub text: String,
}

/// What sort of thing a note tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// A process dies: its lifeline breaks off.
    Crash,
    /// A process begins.
    Start,
    /// A process stands still, or is told to stop.
    Pause,
    /// A process that stood still goes on.
    Resume,
    /// A timer runs out.
    Timeout,
    /// A validator begins to lead: primary, leader or distinguished proposer.
    Leads,
    /// A validator enters a reign: a view, a term or a ballot's round.
    Reign,
    /// A height is decided at one validator.
    Decides,
    /// A block is certified at one validator.
    Certifies,
    /// Links are cut.
    Cut,
    /// Links are there again.
    Heal,
    /// A validator accuses another, with evidence.
    Accuses,
    /// A promise is broken: two validators have decided differently, say.
    Violation,
    /// Anything else.
    Other,
}

impl Happening {
    /// When it happened; for a message, when it was sent.
    pub fn at_us(&self) -> u64 {
        match self {
            Self::Message(transfer) => transfer.sent_us,
            Self::Note(note) => note.at_us,
        }
    }
}

impl Chart {
    /// A chart in which nothing has happened yet.
    pub fn new(title: impl Into<String>, lanes: Vec<String>) -> Self {
        Self {
            title: title.into(),
            lanes,
            happenings: Vec::new(),
        }
    }

    /// The messages, in the order in which they were sent.
    pub fn messages(&self) -> impl Iterator<Item = &Transfer> {
        self.happenings.iter().filter_map(|happening| match happening {
            Happening::Message(transfer) => Some(transfer),
            Happening::Note(_) => None,
        })
    }

    /// The notes, in the order of time.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.happenings.iter().filter_map(|happening| match happening {
            Happening::Note(note) => Some(note),
            Happening::Message(_) => None,
        })
    }

    /// The same, with what arrived where no process ran as lost.
    pub(crate) fn with_arrivals_checked(mut self) -> Self {
        let down = self.down();
        for happening in &mut self.happenings {
            if let Happening::Message(transfer) = happening
                && let Some(at) = transfer.arrives_us
                && down
                    .iter()
                    .any(|(lane, when)| *lane == transfer.to && when.contains(&at))
            {
                transfer.arrives_us = None;
            }
        }
        self
    }

    /// Whether a lane's process has died and is not started again.
    pub(crate) fn is_dead_in_the_end(&self, lane: usize) -> bool {
        let down = self.down();
        down.iter()
            .any(|(dead, when)| *dead == lane && when.end == u64::MAX)
    }

    /// How many blocks are certified at a lane.
    pub(crate) fn certified_at(&self, lane: usize) -> usize {
        let certifies = |note: &&Note| note.event == NoteKind::Certifies && note.lane == Some(lane);
        self.notes().filter(certifies).count()
    }

    /// When which lane had no process, once it had one.
    fn down(&self) -> Vec<(usize, Range<u64>)> {
        let mut crashed = BTreeMap::new();
        let mut down = Vec::new();
        for note in self.notes() {
            match (note.lane, note.event) {
                (Some(lane), NoteKind::Crash) => {
                    crashed.entry(lane).or_insert(note.at_us);
                }
                (Some(lane), NoteKind::Start) => {
                    down.extend(crashed.remove(&lane).map(|since| (lane, since..note.at_us)));
                }
                _ => {}
            }
        }
        down.extend(crashed.into_iter().map(|(lane, since)| (lane, since..u64::MAX)));
        down
    }

    /// The same from the moment on in which somebody begins to lead.
    pub(crate) fn since_led(mut self) -> Self {
        let leads = |happening: &Happening| matches!(happening, Happening::Note(note) if note.event == NoteKind::Leads);
        let first = self.happenings.iter().position(leads).unwrap_or(0);
        self.happenings.drain(..first);
        self
    }

    /// What happened from one moment to another, the second not included; who is dead at the first is told
    /// there.
    pub fn between(mut self, from_us: u64, to_us: u64) -> Self {
        let down = self.down().into_iter();
        let dead = down.filter(|(_, when)| when.start < from_us && from_us < when.end);
        let dead = dead.map(|(lane, _)| {
            Happening::Note(Note {
                at_us: from_us,
                lane: Some(lane),
                event: NoteKind::Crash,
                text: "has crashed".to_owned(),
            })
        });
        let dead: Vec<Happening> = dead.collect();
        self.happenings
            .retain(|happening| (from_us..to_us).contains(&happening.at_us()));
        self.happenings.splice(..0, dead);
        self
    }
}
