//! Replays what a node's flight recorder has kept: the same engine code, given the same inputs at the same times,
//! must come back with the same steps, and says if it does not. What happened becomes a chart.
//!
//! A recording is a file from outside. Its messages are checked as the node checked them when they came, an
//! engine whose state was made up is refused, and one that panics is something that was found out.

mod drawing;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate_consensus::recording::{
    Beginning, Ending, Entry, Fingerprint, FrameV1, Frames, NotARecording, Segment,
};
use quorate_consensus::{Engine, Input, Message, SignatureScheme, Unverified, verify_certificate};
use quorate_crypto::{Committee, Digest, Epoch};
use quorate_ledger::Timestamp;

use self::drawing::Drawing;
use crate::chart::Chart;

/// The version of this software, as recordings name it.
pub const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

/// What a replay has shown.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The version of the software that recorded, as the last segment has it.
    pub software: String,
    /// The network.
    pub network: Digest,
    /// What people call the validator whose node this was.
    pub validator: String,
    /// The epoch and the protocol that the recording ends in.
    pub epoch: Epoch,
    /// The same.
    pub protocol: quorate_crypto::Engine,
    /// How many inputs were replayed.
    pub inputs: u64,
    /// By the node's clock, when the recording begins.
    pub began: Timestamp,
    /// When the last input came.
    pub ended: Timestamp,
    /// How often the node started meanwhile.
    pub starts: u64,
    /// Where the recorder had to leave something out.
    pub gaps: u64,
    /// How the recording ends.
    pub ending: Ending,
    /// The first thing that is not as it was recorded, if any.
    pub difference: Option<Difference>,
    /// What happened: the last of it, as much as was asked for.
    pub chart: Chart,
}

/// Something that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The input, counted from 1; the one before which it shows, where an engine's state is wrong.
    pub input: u64,
    /// When, by the node's clock.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The engine's state is none of this version's.
    State(String),
    /// Where the recording goes on, the engine is in another state.
    OtherState,
    /// The input led to another step.
    OtherStep,
    /// The input is for an engine that is not there.
    NoEngine(Epoch),
    /// A message has not passed the check that it had passed.
    Unverified(Unverified),
    /// The engine panicked, which it had not.
    Panicked(String),
}

/// Which part of what happened is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Microseconds since the recording's beginning.
    pub from_us: u64,
    /// The same; not included.
    pub to_us: u64,
    /// Of what happened between them, so much: the last.
    pub most: usize,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            from_us: 0,
            to_us: u64::MAX,
            most: 100_000,
        }
    }
}

/// Replays one recording that lies in several files, the oldest first.
pub fn replay<F: AsRef<[u8]>>(
    files: &[F],
    scheme: &impl SignatureScheme,
    part: Part,
) -> Result<Replay, NotARecording> {
    let mut replayer = Replayer::new(scheme, part);
    let mut ending = Ending::Whole;
    for file in files {
        let mut frames = Frames::of(file.as_ref())?;
        while replayer.difference.is_none()
            && let Some(frame) = frames.next()
        {
            match frame {
                FrameV1::Segment(segment) => replayer.on_segment(*segment),
                FrameV1::Entry(entry) => replayer.on_entry(*entry),
            }
        }
        ending = match (ending, frames.ending()) {
            (damaged @ Ending::Damaged { .. }, _) => damaged,
            (_, this) => this,
        };
    }
    replayer.finish(ending).ok_or(NotARecording::NoSegment)
}

struct Replayer<'a, S> {
    scheme: &'a S,
    engines: Vec<Engine>,
    segment: Option<Segment>,
    drawing: Drawing,
    began: Timestamp,
    ended: Timestamp,
    inputs: u64,
    starts: u64,
    gaps: u64,
    difference: Option<Difference>,
}

impl<'a, S: SignatureScheme> Replayer<'a, S> {
    fn new(scheme: &'a S, part: Part) -> Self {
        Self {
            scheme,
            engines: Vec::new(),
            segment: None,
            drawing: Drawing::new(part),
            began: Timestamp(0),
            ended: Timestamp(0),
            inputs: 0,
            starts: 0,
            gaps: 0,
            difference: None,
        }
    }

    fn on_segment(&mut self, segment: Segment) {
        if self.segment.is_none() {
            self.began = segment.began;
        }
        self.ended = segment.began;
        match segment.beginning {
            Beginning::Start => self.starts += 1,
            Beginning::Gap => self.gaps += 1,
            Beginning::Epoch | Beginning::Continued => {}
        }
        self.drawing.on_segment(&segment);
        if let Err(what) = self.restore(&segment) {
            self.differs(what);
        }
        self.segment = Some(segment);
    }

    /// Takes the engines of a segment, which must be in the state that the replay has led to, where nothing is
    /// missing before them.
    fn restore(&mut self, segment: &Segment) -> Result<(), What> {
        let follows = matches!(segment.beginning, Beginning::Continued | Beginning::Epoch);
        let mut engines = Vec::new();
        for recorded in &segment.engines {
            let epoch = recorded.committee.epoch();
            let replayed = self
                .engines
                .iter()
                .find(|engine| engine.committee().epoch() == epoch);
            if follows && replayed.is_some_and(|engine| engine.image() != recorded.image) {
                return Err(What::OtherState);
            }
            let engine = Engine::restore(&recorded.image).map_err(|error| What::State(error.to_string()))?;
            if *engine.committee() != recorded.committee || engine.network() != segment.network {
                return Err(What::State("the engine is of another committee".to_owned()));
            }
            guarded(|| engine.check_invariants()).map_err(What::State)?;
            engines.push(engine);
        }
        self.engines = engines;
        Ok(())
    }

    fn on_entry(&mut self, entry: Entry) {
        self.inputs += 1;
        self.ended = entry.now;
        let epoch = entry.epoch;
        let Some(engine) = self
            .engines
            .iter_mut()
            .find(|engine| engine.committee().epoch() == epoch)
        else {
            return self.differs(What::NoEngine(epoch));
        };
        let (network, committee) = (engine.network(), engine.committee());
        if let Err(unverified) = check(&entry.input, network, committee, self.scheme) {
            return self.differs(What::Unverified(unverified));
        }
        self.drawing.on_input(&entry, engine);
        let stepped = guarded(|| {
            let step = engine.step(entry.now, entry.input.clone());
            engine.check_invariants();
            step
        });
        match (stepped, entry.outcome) {
            (Ok(step), outcome) => {
                if outcome.is_some_and(|outcome| outcome != Fingerprint::of(&step)) {
                    return self.differs(What::OtherStep);
                }
                self.drawing.on_step(&step, engine);
            }
            // It never came back when it was recorded either.
            (Err(panic), None) => self.drawing.on_panic(&panic),
            (Err(panic), Some(_)) => self.differs(What::Panicked(panic)),
        }
    }

    fn differs(&mut self, what: What) {
        self.difference = Some(Difference {
            input: self.inputs,
            at: self.ended,
            what,
        });
    }

    fn finish(self, ending: Ending) -> Option<Replay> {
        let segment = self.segment?;
        let serving = segment.engines.first()?;
        Some(Replay {
            software: drawing::printable(&segment.software, || "unknown".to_owned()),
            network: segment.network,
            validator: drawing::name_of(&segment, segment.own),
            epoch: serving.committee.epoch(),
            protocol: serving.committee.engine(),
            inputs: self.inputs,
            began: self.began,
            ended: self.ended,
            starts: self.starts,
            gaps: self.gaps,
            ending,
            difference: self.difference,
            chart: self.drawing.finish(),
        })
    }
}

impl Replay {
    /// Whether every step was the recorded one, and the recording is whole but for its end.
    pub fn is_exact(&self) -> bool {
        self.difference.is_none() && !matches!(self.ending, Ending::Damaged { .. })
    }
}

/// What the node checked before its engine got this.
fn check(
    input: &Input,
    network: Digest,
    committee: &Committee,
    scheme: &impl SignatureScheme,
) -> Result<(), Unverified> {
    let verify = |message: &Message| message.clone().verify(network, committee, scheme).map(|_| ());
    match input {
        Input::Message(message) => verify(message.get()),
        Input::Own(message) => verify(message),
        Input::Synced(certificate) => verify_certificate(certificate, network, committee, scheme),
        _ => Ok(()),
    }
}

/// Runs what may panic on a state, or an input, that was made up.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_default()
    })
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(why) => write!(f, "the engine cannot be restored: {why}"),
            Self::OtherState => f.write_str("the engine is in another state than the recording goes on with"),
            Self::OtherStep => f.write_str("the engine does something else than it did"),
            Self::NoEngine(epoch) => write!(f, "there is no engine of epoch {epoch}"),
            Self::Unverified(why) => write!(f, "the message does not pass the check: {why}"),
            Self::Panicked(why) => write!(f, "the engine panics: {why}"),
        }
    }
}
