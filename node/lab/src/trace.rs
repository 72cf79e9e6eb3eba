//! Message sequence charts: which part is drawn, on a terminal, as a file or as a document.

mod recording;

use std::fmt;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use clap::Args;
use quorate_client::text::{parse_rfc3339, rfc3339_of};
use quorate_crypto::Engine;
use quorate_ledger::Timestamp;
use quorate_simulator::Story;
use quorate_simulator::chart::{Chart, Ink, Look, NoteKind, Phase};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use serde::Serialize;

use crate::bench::chart::check_svg;

pub(crate) use recording::Recording;

/// Columns of running text, at most.
const TEXT_COLUMNS: usize = 100;

/// What is drawn of a chart, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct Drawing {
    /// Leave out what happens before: milliseconds, or for a recording a time
    #[arg(long, alias = "from", value_name = "MS|TIME", env = "QUORATE_FROM", value_parser = Moment::parse)]
    since: Option<Moment>,
    /// Leave out what happens from then on
    #[arg(long, alias = "to", value_name = "MS|TIME", env = "QUORATE_TO", value_parser = Moment::parse)]
    until: Option<Moment>,
    /// Draw statuses, heartbeats and repetitions too
    #[arg(long, env = "QUORATE_ALL")]
    all: bool,
    /// Draw it as SVG too
    #[arg(long, value_name = "FILE.svg", env = "QUORATE_SVG")]
    svg: Option<PathBuf>,
}

/// A moment in a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Milliseconds since the beginning.
    Since(u64),
    /// A time by the clock of the node that recorded.
    At(Timestamp),
}

impl Moment {
    fn parse(text: &str) -> Result<Self, String> {
        let number = || text.parse().ok().map(Self::Since);
        let time = || parse_rfc3339(text).map(Self::At);
        number()
            .or_else(time)
            .ok_or_else(|| "expected milliseconds, or a time such as 2026-03-01T09:00:00Z".to_owned())
    }

    /// Microseconds since the beginning, which was at `began` by the clock. `None`: it was in virtual time.
    fn us(self, began: Option<Timestamp>) -> Result<u64, Failure> {
        let ms = match (self, began) {
            (Self::Since(ms), _) => ms,
            (Self::At(time), Some(began)) => time.0.saturating_sub(began.0),
            (Self::At(_), None) => {
                return Err(Failure::usage(format!(
                    "{self}: a scenario runs in virtual time; give milliseconds"
                )));
            }
        };
        Ok(ms.saturating_mul(1_000))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Since(ms) => write!(f, "{ms}"),
            Self::At(time) => f.write_str(&rfc3339_of(*time)),
        }
    }
}

/// A story as it went, for JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    scenario: &'static str,
    consensus: Engine,
    validators: usize,
    seed: u64,
    about: &'static str,
    /// Whether no two validators that do not lie decided differently.
    agreement: bool,
    /// What went wrong, if anything did.
    failure: Option<String>,
    /// The height that all validators have certified that do not lie and are not dead in the end.
    height: usize,
    #[serde(flatten)]
    chart: Chart,
}

/// A story in the list.
#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    summary: &'static str,
}

/// Prints which stories there are.
pub(crate) fn list(output: &Output) -> Result<(), Failure> {
    let listed = Story::ALL.map(|story| Listed {
        name: story.name(),
        summary: story.summary(),
    });
    output.print(&listed, |output| {
        let rows = listed
            .iter()
            .map(|story| vec![story.name.to_owned(), story.summary.to_owned()]);
        let table = output.table(&["SCENARIO", "WHAT HAPPENS"], rows.collect());
        format!("{table}\nquorate trace SCENARIO --consensus pbft|raft|paxos draws one.\n")
    })
}

impl Drawing {
    /// Refuses what cannot be drawn of a scenario.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.span_us(None)?;
        self.check_file()
    }

    /// Refuses a file that no chart can be written to.
    fn check_file(&self) -> Result<(), Failure> {
        self.svg.as_deref().map_or(Ok(()), check_svg)
    }

    /// From when to when, in microseconds since the beginning; the second is not included. `began` is the
    /// beginning by the clock, if there was one.
    fn span_us(&self, began: Option<Timestamp>) -> Result<(u64, u64), Failure> {
        let from_us = self.since.map_or(Ok(0), |from| from.us(began))?;
        let to_us = self.until.map_or(Ok(u64::MAX), |to| to.us(began))?;
        match (self.since, self.until) {
            (Some(from), Some(to)) if from_us >= to_us => Err(Failure::usage(format!(
                "--since {from} --until {to}: nothing lies between"
            ))),
            _ => Ok((from_us, to_us)),
        }
    }

    /// Whether a part is named.
    fn names_a_part(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// The part that is wanted.
    fn part(&self, chart: Chart) -> Result<Chart, Failure> {
        let (from_us, to_us) = self.span_us(None)?;
        Ok(chart.between(from_us, to_us))
    }

    /// Writes the SVG file, if one is wanted.
    pub(crate) fn write(&self, chart: &Chart) -> Result<(), Failure> {
        let Some(file) = &self.svg else { return Ok(()) };
        std::fs::write(file, chart.svg(self.all)).map_err(|error| Failure::unwritable(file, &error))
    }

    /// The chart for a terminal, and what is left out.
    pub(crate) fn text(&self, chart: &Chart, output: &Output) -> String {
        let mut text = chart.text(Look {
            width: output.width(),
            all: self.all,
            paint: &|ink, text| output.paint_in(style(ink), text),
        });
        let left_out = chart.left_out();
        if !self.all && left_out > 0 {
            text.push_str(&format!(
                "{left_out} statuses, heartbeats and repetitions are left out: --all draws them\n"
            ));
        }
        text
    }
}

impl Shown {
    /// Runs a story.
    pub(crate) fn new(story: Story, engine: Engine, validators: usize, seed: u64) -> Result<Self, Failure> {
        let told = story.tell(engine, validators, seed);
        if told.chart.happenings.is_empty() {
            return Err(Failure::failed(told.report.failure.unwrap_or_default()));
        }
        let breaks = told.chart.notes().find(|note| note.event == NoteKind::Violation);
        let agreement = breaks.is_none();
        Ok(Self {
            scenario: story.name(),
            consensus: engine,
            validators,
            seed,
            about: story.explanation(engine),
            agreement,
            failure: told.report.failure,
            height: told.height,
            chart: told.chart,
        })
    }

    /// Draws it.
    pub(crate) fn publish(mut self, drawing: &Drawing, output: &Output) -> Result<(), Failure> {
        self.chart = drawing.part(self.chart)?;
        drawing.write(&self.chart)?;
        output.print(&self, |output| self.text(drawing, output))
    }

    fn text(&self, drawing: &Drawing, output: &Output) -> String {
        let agreement = match (&self.failure, self.agreement) {
            (None, _) => format!("kept; all that run have certified h{}", self.height),
            (Some(failure), true) => format!("kept, but {failure}"),
            (Some(failure), false) => format!("broken: {failure}"),
        };
        let title = output.paint_in(Style::new().bold(), &self.chart.title);
        format!(
            "{title}\n{} validators, seed {}; agreement is {agreement}\n\n{}\n{}",
            self.validators,
            self.seed,
            wrapped(self.about, output.width().min(TEXT_COLUMNS)),
            drawing.text(&self.chart, output)
        )
    }
}

/// Text in lines of at most so many columns.
fn wrapped(text: &str, columns: usize) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > columns {
            wrapped.push('\n');
            length = 0;
        }
        if length > 0 {
            wrapped.push(' ');
            length += 1;
        }
        wrapped.push_str(word);
        length += word_length;
    }
    wrapped.push('\n');
    wrapped
}

/// Colours that resemble those of the SVG.
fn style(ink: Ink) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match ink {
        Ink::Phase(phase) => match phase {
            Phase::PrePrepare | Phase::LogReplication | Phase::Phase2a => colour(AnsiColor::BrightBlue),
            Phase::Prepare | Phase::Phase1b => colour(AnsiColor::Yellow),
            Phase::Commit | Phase::Commitment | Phase::Learn => colour(AnsiColor::Green),
            Phase::ViewChange | Phase::LeaderElection | Phase::Phase1a => colour(AnsiColor::BrightRed),
            Phase::Phase2b => colour(AnsiColor::Cyan),
            Phase::Seal => colour(AnsiColor::Magenta),
            Phase::Refusal => Style::new().bold(),
            Phase::Request | Phase::CatchUp => Style::new(),
            Phase::Heartbeat | Phase::Status => Style::new().dimmed(),
        },
        Ink::NoteKind(event) => match event {
            NoteKind::Crash | NoteKind::Violation | NoteKind::Accuses | NoteKind::Cut => {
                colour(AnsiColor::Red).bold()
            }
            NoteKind::Decides => colour(AnsiColor::Green),
            NoteKind::Certifies => colour(AnsiColor::Magenta),
            NoteKind::Leads => colour(AnsiColor::BrightBlue).bold(),
            _ => Style::new(),
        },
        Ink::Quiet => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_milliseconds_or_times_by_the_clock() {
        let began = parse_rfc3339("2026-03-01T09:00:00Z");
        for (text, us) in [
            ("0", 0),
            ("250", 250_000),
            ("2026-03-01T09:00:01.5Z", 1_500_000),
            ("2026-03-01T10:00:02+01:00", 2_000_000),
            ("2026-03-01T08:00:00Z", 0),
        ] {
            assert_eq!(Moment::parse(text).unwrap().us(began).unwrap(), us, "{text}");
        }
        assert!(Moment::parse("2026-03-01T09:00:00Z").unwrap().us(None).is_err());
        for text in ["", "-1", "09:00", "yesterday"] {
            assert!(Moment::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two  three", 7), "one two\nthree\n");
        assert_eq!(wrapped("longer-than-that", 7), "longer-than-that\n");
    }
}
