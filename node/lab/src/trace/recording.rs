//! What a node's flight recorder kept: replayed, and the last of it drawn.

use std::path::{Path, PathBuf};

use quorate_client::text::rfc3339_of;
use quorate_consensus::Ed25519;
use quorate_consensus::recording::{Ending, FILES, FrameV1, Frames};
use quorate_crypto::Digest;
use quorate_ledger::Timestamp;
use quorate_simulator::chart::{Chart, Happening};
use quorate_simulator::replay::{Part, Replay, SOFTWARE, replay};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::Drawing;

/// The most bytes of a file: half of what a node may be told to keep.
const MAX_BYTES: u64 = 512 << 20;

/// Of what happened so much is drawn, statuses and heartbeats apart, unless a part is named.
const DRAWN: usize = 600;

/// A recording, for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Recording {
    validator: String,
    network: Digest,
    consensus: quorate_crypto::Engine,
    epoch: u64,
    /// The version that recorded.
    software: String,
    from: String,
    to: String,
    milliseconds: u64,
    /// When by the node's clock the first thing happened that is drawn, and the last.
    drawn_from: Option<String>,
    drawn_to: Option<String>,
    inputs: u64,
    starts: u64,
    gaps: u64,
    /// Whether every input led to what is recorded.
    exact: bool,
    /// What is not so, first.
    problem: Option<String>,
    #[serde(flatten)]
    chart: Chart,
}

impl Recording {
    /// Reads and replays a recording: a file, or the folder with both.
    pub(crate) fn read(path: &Path, drawing: &Drawing) -> Result<Self, Failure> {
        drawing.check_file()?;
        let mut files = Vec::new();
        for path in files_of(path)? {
            files.push(read_bytes(&path, MAX_BYTES)?);
        }
        let (from_us, to_us) = drawing.span_us(Some(began(&files)))?;
        let part = Part {
            from_us,
            to_us,
            ..Part::default()
        };
        let mut replay = replay(&files, &Ed25519, part)
            .map_err(|error| Failure::usage(format!("{}: no recording: {error}", path.display())))?;
        if !drawing.names_a_part() {
            replay.chart = last_of(replay.chart);
        }
        Ok(Self::of(replay))
    }

    fn of(replay: Replay) -> Self {
        let moment = |happening: Option<&Happening>| {
            happening.map(|happening| {
                let since_ms = happening.at_us() / 1_000;
                rfc3339_of(Timestamp(replay.began.0.saturating_add(since_ms)))
            })
        };
        let happenings = &replay.chart.happenings;
        let (drawn_from, drawn_to) = (moment(happenings.first()), moment(happenings.last()));
        Self {
            drawn_from,
            drawn_to,
            problem: problem(&replay),
            exact: replay.is_exact(),
            validator: replay.validator,
            network: replay.network,
            consensus: replay.protocol,
            epoch: replay.epoch.0,
            software: replay.software,
            from: rfc3339_of(replay.began),
            to: rfc3339_of(replay.ended),
            milliseconds: replay.ended.0.saturating_sub(replay.began.0),
            inputs: replay.inputs,
            starts: replay.starts,
            gaps: replay.gaps,
            chart: replay.chart,
        }
    }

    /// Draws it; a failure if it does not replay exactly.
    pub(crate) fn publish(&self, drawing: &Drawing, output: &Output) -> Result<(), Failure> {
        drawing.write(&self.chart)?;
        output.print(self, |output| self.text(drawing, output))?;
        match &self.problem {
            None => Ok(()),
            Some(problem) => Err(Failure::new(Exit::CheckFailed, problem)),
        }
    }

    fn text(&self, drawing: &Drawing, output: &Output) -> String {
        let mut inputs = self.inputs.to_string();
        for (count, what) in [(self.starts, "starts of the node"), (self.gaps, "gaps")] {
            if count > 0 {
                inputs.push_str(&format!(", {what}: {count}"));
            }
        }
        let seconds = self.milliseconds as f64 / 1_000.0;
        let drawn = match (&self.drawn_from, &self.drawn_to) {
            (Some(from), Some(to)) => {
                format!(
                    "{from} to {to}; the chart counts milliseconds since {}",
                    self.from
                )
            }
            _ => "nothing happened then".to_owned(),
        };
        let fields = output.fields(&[
            ("validator", self.validator.clone()),
            ("network", self.network.to_string()),
            ("consensus", format!("{}, epoch {}", self.consensus, self.epoch)),
            (
                "recorded",
                format!("{} to {}, {seconds:.1} s", self.from, self.to),
            ),
            ("by version", self.software.clone()),
            ("inputs", inputs),
            ("drawn", drawn),
        ]);
        let verdict = match &self.problem {
            None => output.paint(
                Tone::Good,
                &format!(
                    "replayed exactly: each of {} inputs led to what is recorded",
                    self.inputs
                ),
            ),
            Some(_) => output.paint(Tone::Bad, "not replayed exactly"),
        };
        format!("{fields}\n{}\n{verdict}\n", drawing.text(&self.chart, output))
    }
}

/// The beginning of a recording by its node's clock. What does not begin with a segment is none, as its replay says.
fn began(files: &[Vec<u8>]) -> Timestamp {
    let frames = files.first().and_then(|first| Frames::of(first).ok());
    match frames.and_then(|mut frames| frames.next()) {
        Some(FrameV1::Segment(segment)) => segment.began,
        Some(FrameV1::Entry(_)) | None => Timestamp(0),
    }
}

/// The files of a recording, the oldest first.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = FILES.map(|name| path.join(name));
    let files: Vec<PathBuf> = files.into_iter().filter(|file| file.exists()).collect();
    if files.is_empty() {
        let nothing = format!("{}: there is no recording in this folder", path.display());
        return Err(Failure::not_found(nothing).hint("a node keeps it in its home, in the folder flight"));
    }
    Ok(files)
}

/// The end of a chart.
fn last_of(chart: Chart) -> Chart {
    let telling = |happening: &&Happening| match happening {
        Happening::Message(transfer) => !transfer.phase.is_routine(),
        Happening::Note(_) => true,
    };
    let first = chart.happenings.iter().rev().filter(telling).take(DRAWN).last();
    let from_us = first.map_or(0, Happening::at_us);
    chart.between(from_us, u64::MAX)
}

/// What is not as it was recorded.
fn problem(replay: &Replay) -> Option<String> {
    if let Some(difference) = &replay.difference {
        let (input, at, what) = (difference.input, rfc3339_of(difference.at), &difference.what);
        let versions = match replay.software == SOFTWARE {
            true => String::new(),
            false => format!(" (recorded by {}, replayed by {SOFTWARE})", replay.software),
        };
        return Some(format!("input {input}, {at}: {what}{versions}"));
    }
    match replay.ending {
        Ending::Damaged { at } => Some(format!(
            "a file is damaged at byte {at}; the {} inputs before that replay exactly",
            replay.inputs
        )),
        Ending::Whole | Ending::Torn => None,
    }
}
