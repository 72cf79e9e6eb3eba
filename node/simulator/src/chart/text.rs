//! A chart for a terminal: a column for each lane, a row for each message or note.

use std::collections::BTreeSet;

use super::rows::{Broadcast, Row};
use super::{Chart, Note, NoteKind, Phase};

/// Columns for the time.
const TIME: usize = 10;

/// Columns between two lanes, at least and at most.
const PITCH: (usize, usize) = (6, 14);

/// Columns that the words at the right should have.
const WORDS: usize = 46;

/// After so many rows the lanes are named again.
const NAMED_EVERY: usize = 40;

/// A pause that is worth a row of its own, in microseconds.
const PAUSE_US: u64 = 10_000;

/// What something is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// An arrow or its words.
    Phase(Phase),
    /// A note.
    NoteKind(NoteKind),
    /// What matters less: lifelines, times.
    Quiet,
}

/// How a chart is drawn for a terminal.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Columns.
    pub width: usize,
    /// Whether statuses, heartbeats and repetitions are drawn too.
    pub all: bool,
    /// Gives a text its colour.
    pub paint: &'a dyn Fn(Ink, &str) -> String,
}

/// A drawing in the making.
struct Canvas<'a> {
    chart: &'a Chart,
    look: Look<'a>,
    pitch: usize,
    phase_width: usize,
    /// Lanes whose process is dead.
    down: BTreeSet<usize>,
    text: String,
}

impl Chart {
    /// The chart as lines of text, a legend below.
    pub fn text(&self, look: Look<'_>) -> String {
        let rows = self.rows(look.all);
        let lanes = self.lanes.len().max(1);
        let room = look.width.saturating_sub(TIME + WORDS) / lanes;
        let phases = rows.iter().filter_map(|row| match row {
            Row::Message(message) => Some(message.phase.name().len()),
            Row::Note(_) => None,
        });
        let mut canvas = Canvas {
            chart: self,
            look,
            pitch: room.clamp(PITCH.0, PITCH.1),
            phase_width: phases.max().unwrap_or(0),
            down: BTreeSet::new(),
            text: String::new(),
        };
        let mut before = None;
        for (number, row) in rows.iter().enumerate() {
            if number % NAMED_EVERY == 0 {
                canvas.names();
            }
            canvas.pause(before, row.at_us());
            before = Some(row.at_us());
            match row {
                Row::Message(message) => canvas.message(message),
                Row::Note(note) => canvas.note(note),
            }
        }
        canvas.text.push_str(&legend(&rows));
        canvas.text
    }
}

impl Canvas<'_> {
    fn middle(&self, lane: usize) -> usize {
        lane * self.pitch + self.pitch / 2
    }

    /// The lifelines, with nothing on them.
    fn lifelines(&self) -> Vec<(char, Ink)> {
        let mut cells = vec![(' ', Ink::Quiet); self.chart.lanes.len() * self.pitch];
        for lane in 0..self.chart.lanes.len() {
            if !self.down.contains(&lane) {
                cells[self.middle(lane)].0 = '│';
            }
        }
        cells
    }

    fn names(&mut self) {
        let pitch = self.pitch;
        let mut line = " ".repeat(TIME);
        for name in &self.chart.lanes {
            let fits = match name.rsplit_once('-') {
                Some((_, number)) if name.chars().count() >= pitch => format!("…-{number}"),
                _ => name.clone(),
            };
            line.push_str(&format!("{fits:^pitch$}"));
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A row for the time in which nothing happens.
    fn pause(&mut self, before: Option<u64>, at: u64) {
        let Some(passed) = before
            .map(|before| at - before)
            .filter(|passed| *passed >= PAUSE_US)
        else {
            return;
        };
        let words = format!("{} ms pass", passed / 1_000);
        let words = (self.look.paint)(Ink::Quiet, &words);
        self.row("⋮", self.lifelines(), &words);
    }

    fn message(&mut self, message: &Broadcast<'_>) {
        let mut cells = self.lifelines();
        let ink = Ink::Phase(message.phase);
        let from = self.middle(message.from);
        for transfer in &message.transfers {
            let to = self.middle(transfer.to);
            for cell in &mut cells[from.min(to)..=from.max(to)] {
                let line = match cell.0 {
                    ' ' | '─' => '─',
                    '│' | '┼' => '┼',
                    end => end,
                };
                *cell = (line, ink);
            }
            let end = match transfer.arrives_us {
                None => '✗',
                Some(_) if to > from => '►',
                Some(_) => '◄',
            };
            cells[to] = (end, ink);
        }
        cells[from] = ('●', ink);
        let (name, said) = (message.phase.name(), said(message.phase, &message.label));
        let width = self.phase_width;
        let words = self.cut(&format!("{name:width$}  {said}"));
        let words = (self.look.paint)(ink, &words);
        self.row(&time(message.sent_us), cells, &words);
    }

    fn note(&mut self, note: &Note) {
        let ink = Ink::NoteKind(note.event);
        let mut cells = self.lifelines();
        match note.lane {
            Some(lane) => {
                let at = self.middle(lane);
                cells[at] = (mark(note.event), ink);
                match note.event {
                    NoteKind::Crash => self.down.insert(lane),
                    _ => self.down.remove(&lane),
                };
            }
            None => cells.iter_mut().for_each(|cell| {
                if cell.0 == ' ' {
                    *cell = (mark(note.event), ink);
                }
            }),
        }
        let who = note
            .lane
            .map_or(String::new(), |lane| format!("{} ", self.chart.lane(lane)));
        let words = self.cut(&format!("{who}{}", note.text));
        let words = (self.look.paint)(ink, &words);
        self.row(&time(note.at_us), cells, &words);
    }

    /// The words, no longer than there is room.
    fn cut(&self, words: &str) -> String {
        let used = TIME + self.chart.lanes.len() * self.pitch + 2;
        let room = self.look.width.saturating_sub(used).max(WORDS / 2);
        match words.chars().count() <= room {
            true => words.to_owned(),
            false => words.chars().take(room - 1).chain(['…']).collect(),
        }
    }

    fn row(&mut self, time: &str, cells: Vec<(char, Ink)>, words: &str) {
        let time = format!("{time:>8}  ");
        self.text.push_str(&(self.look.paint)(Ink::Quiet, &time));
        for run in cells.chunk_by(|(_, one), (_, other)| one == other) {
            let run_text: String = run.iter().map(|(cell, _)| *cell).collect();
            self.text.push_str(&(self.look.paint)(run[0].1, &run_text));
        }
        self.text.push_str(&format!("  {words}\n"));
    }
}

/// Milliseconds.
fn time(us: u64) -> String {
    format!("{}.{:02}", us / 1_000, us % 1_000 / 10)
}

/// What a message says, without what its phase's name says already.
pub(super) fn said(phase: Phase, label: &str) -> &str {
    let name = phase.name();
    let last = name.rsplit(' ').next().unwrap_or(name);
    let rest = label.strip_prefix(name).or_else(|| label.strip_prefix(last));
    rest.and_then(|rest| rest.strip_prefix(' ')).unwrap_or(label)
}

fn mark(event: NoteKind) -> char {
    match event {
        NoteKind::Crash => '╳',
        NoteKind::Start | NoteKind::Resume => '○',
        NoteKind::Pause => '◌',
        NoteKind::Timeout => '◔',
        NoteKind::Leads => '★',
        NoteKind::Reign => '▪',
        NoteKind::Decides => '◆',
        NoteKind::Certifies => '■',
        NoteKind::Cut => '╌',
        NoteKind::Heal => '─',
        NoteKind::Accuses | NoteKind::Other => '!',
        NoteKind::Violation => '═',
    }
}

/// What the marks and the letters mean, of those that there are.
fn legend(rows: &[Row<'_>]) -> String {
    let events: BTreeSet<NoteKind> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Note(note) => Some(note.event),
            Row::Message(_) => None,
        })
        .collect();
    let mut words = vec!["● sends  ► receives  ✗ lost".to_owned()];
    for (event, meaning) in [
        (NoteKind::Crash, "crashes"),
        (NoteKind::Start, "starts"),
        (NoteKind::Timeout, "times out"),
        (NoteKind::Leads, "leads"),
        (NoteKind::Reign, "enters"),
        (NoteKind::Decides, "decides"),
        (NoteKind::Certifies, "certifies"),
    ] {
        if events.contains(&event) {
            words.push(format!("{} {meaning}", mark(event)));
        }
    }
    format!(
        "\n{}\nh height, v view, t term, b ballot (round.proposer); digests are cut short; times in ms\n",
        words.join("  ")
    )
}
