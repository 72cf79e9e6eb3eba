//! A chart as SVG: lanes downwards, an arrow from where each message was sent to where it arrived.

mod ink;
mod pen;
mod scale;

use std::collections::BTreeSet;

use ink::{GREY, colour, lifeline, note_colour, stroke};
use pen::{Pen, Type, escaped};
use scale::{Pause, Scale};

use super::rows::{Broadcast, Row};
use super::text::said;
use super::{Chart, Note, NoteKind, Phase};

/// Width of the paper, in pixels.
const WIDTH: f64 = 900.0;

/// Where the first lane is, at the right of the times.
const FIRST_LANE: f64 = 104.0;

/// Pixels between two lanes, at most.
const PITCH: f64 = 150.0;

/// Pixels from the first lane to the last, at most.
const LANES: f64 = 400.0;

/// Pixels for a phase's name beside the arrows.
const PHASE: f64 = 128.0;

/// Pixels that a character of the words takes, about.
const CHARACTER: f64 = 6.1;

/// A drawing in the making.
struct Sheet<'a> {
    chart: &'a Chart,
    rows: &'a [Row<'a>],
    scale: Scale,
    pitch: f64,
    pen: Pen,
}

impl Chart {
    /// The chart as an SVG document, 900 pixels wide; the same chart gives the same bytes.
    pub fn svg(&self, all: bool) -> String {
        let rows = self.rows(all);
        let gaps = self.lanes.len().saturating_sub(1).max(1);
        let phases = phases_of(&rows);
        let legend_lines = phases.len().div_ceil(LEGEND_COLUMNS);
        let top = 88.0 + 18.0 * legend_lines as f64;
        let mut sheet = Sheet {
            chart: self,
            rows: &rows,
            scale: Scale::new(&rows, top + 26.0),
            pitch: PITCH.min(LANES / gaps as f64),
            pen: Pen::default(),
        };
        sheet.bands();
        sheet.lifelines(top);
        sheet.pauses();
        for (number, row) in rows.iter().enumerate() {
            match row {
                Row::Message(message) => sheet.message(number, message),
                Row::Note(note) => sheet.note(number, note),
            }
        }
        sheet.heads(top - 12.0);
        let bottom = sheet.scale.bottom + 12.0;
        sheet.heads(bottom);
        sheet.legend(&phases);
        sheet.document(bottom + 34.0)
    }
}

/// Phases in a line of the legend.
const LEGEND_COLUMNS: usize = 6;

impl Sheet<'_> {
    fn lane(&self, lane: usize) -> f64 {
        FIRST_LANE + self.pitch * lane as f64
    }

    fn last_lane(&self) -> f64 {
        self.lane(self.chart.lanes.len().saturating_sub(1))
    }

    fn words(&self) -> f64 {
        self.last_lane() + 40.0
    }

    /// Around the whole drawing.
    fn document(mut self, height: f64) -> String {
        let body = std::mem::take(&mut self.pen.svg);
        let (width, height) = (WIDTH as u32, height.ceil() as u32);
        let title = escaped(&self.chart.title);
        let messages = self.chart.messages().count();
        let lost = self.chart.messages().filter(|t| t.arrives_us.is_none()).count();
        let lanes = escaped(&self.chart.lanes.join(", "));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\">\n\
             <title>{title}</title>\n\
             <desc>Message sequence chart of {lanes}: {messages} messages, {lost} of them lost. \
             Time runs downwards.</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
             <text x=\"24\" y=\"34\" font-size=\"18\" font-weight=\"bold\">{title}</text>\n{body}</svg>\n"
        )
    }

    fn legend(&mut self, phases: &BTreeSet<Phase>) {
        for (place, phase) in phases.iter().enumerate() {
            let x = 24.0 + 142.0 * (place % LEGEND_COLUMNS) as f64;
            let y = 56.0 + 18.0 * (place / LEGEND_COLUMNS) as f64;
            let style = stroke(*phase);
            self.pen.line((x, y), (x + 18.0, y), &style);
            let face = Type {
                size: 11,
                colour: "#222222",
                anchor: "start",
                bold: false,
            };
            self.pen.text((x + 23.0, y + 4.0), face, phase.name());
        }
    }

    /// Each lane's name, in a box.
    fn heads(&mut self, y: f64) {
        let width = (self.pitch - 8.0).min(96.0);
        for (lane, name) in self.chart.lanes.iter().enumerate() {
            let x = self.lane(lane);
            let style = r##"rx="4" fill="#F4F4F4" stroke="#888888""##;
            self.pen
                .rectangle((x - width / 2.0, y - 10.0), (width, 20.0), style);
            let fits = (width / 6.6) as usize;
            let short = name.rsplit('-').next().unwrap_or(name);
            let name = if name.chars().count() > fits { short } else { name };
            let face = Type {
                size: 11,
                colour: "#222222",
                anchor: "middle",
                bold: true,
            };
            self.pen.text((x, y + 4.0), face, name);
        }
    }

    /// A band of the phase's colour behind each stretch of rows of one phase.
    fn bands(&mut self) {
        let mut band: Option<(Phase, f64, f64)> = None;
        let mut bands = Vec::new();
        for (row, y) in self.rows.iter().zip(&self.scale.rows) {
            let Row::Message(message) = row else { continue };
            band = match band {
                Some((phase, from, to)) if phase == message.phase && y - to < 60.0 => Some((phase, from, *y)),
                other => {
                    bands.extend(other);
                    Some((message.phase, *y, *y))
                }
            };
        }
        bands.extend(band);
        let (left, right) = (self.lane(0) - 26.0, self.last_lane() + 26.0);
        for (phase, from, to) in bands {
            let style = format!(r#"fill="{}" fill-opacity="0.08""#, colour(phase));
            self.pen
                .rectangle((left, from - 7.0), (right - left, to - from + 14.0), &style);
        }
    }

    /// A line down each lane; dashed where the process is dead.
    fn lifelines(&mut self, top: f64) {
        let bottom = self.scale.bottom;
        let down = self.chart.down();
        for lane in 0..self.chart.lanes.len() {
            let x = self.lane(lane);
            let mut y = top;
            for (_, when) in down.iter().filter(|(dead, _)| *dead == lane) {
                let from = self.scale.at(when.start).max(top);
                let to = match when.end {
                    u64::MAX => bottom,
                    end => self.scale.at(end),
                };
                self.pen.line((x, y), (x, from), &lifeline(false));
                self.pen.line((x, from), (x, to), &lifeline(true));
                y = to;
            }
            if y < bottom {
                self.pen.line((x, y), (x, bottom), &lifeline(false));
            }
        }
    }

    fn pauses(&mut self) {
        let down = self.chart.down();
        for Pause { y, since, passed } in self.scale.pauses.clone() {
            let is_down = |lane| {
                down.iter()
                    .any(|(dead, when)| *dead == lane && when.contains(&since))
            };
            let face = Type {
                size: 10,
                colour: "#888888",
                anchor: "start",
                bold: false,
            };
            let words = format!("{} ms pass", passed / 1_000);
            self.pen.text((self.words(), y + 4.0), face, &words);
            for lane in (0..self.chart.lanes.len()).filter(|lane| !is_down(*lane)) {
                let x = self.lane(lane);
                let style = r#"fill="white""#;
                self.pen.rectangle((x - 3.0, y - 3.0), (6.0, 6.0), style);
                self.pen
                    .line((x - 5.0, y - 1.0), (x + 5.0, y - 5.0), r##"stroke="#888888""##);
                self.pen
                    .line((x - 5.0, y + 5.0), (x + 5.0, y + 1.0), r##"stroke="#888888""##);
            }
        }
    }

    fn time(&mut self, y: f64, us: u64) {
        let face = Type {
            size: 10,
            colour: GREY,
            anchor: "end",
            bold: false,
        };
        let words = format!("{}.{:02}", us / 1_000, us % 1_000 / 10);
        self.pen.text((self.lane(0) - 50.0, y + 3.5), face, &words);
    }

    fn message(&mut self, number: usize, message: &Broadcast<'_>) {
        let y = self.scale.rows[number];
        let colour = colour(message.phase);
        let from = (self.lane(message.from), y);
        for transfer in &message.transfers {
            let to = self.lane(transfer.to);
            match transfer.arrives_us {
                Some(at) => self.arrow(from, (to, self.scale.at(at).max(y)), message.phase),
                None => {
                    let end = (from.0 + (to - from.0) * 0.9, y + 12.0);
                    self.pen.line(from, end, &stroke(message.phase));
                    self.pen.cross(end, 4.0, colour);
                }
            }
        }
        self.pen.circle(from, 2.6, &format!(r#"fill="{colour}""#));
        self.time(y, message.sent_us);
        let words = self.words();
        if !self.goes_on(number, message.phase) {
            let face = Type {
                size: 11,
                colour,
                anchor: "start",
                bold: true,
            };
            self.pen.text((words, y + 4.0), face, message.phase.name());
        }
        self.sentence((words + PHASE, y), "#222222", said(message.phase, &message.label));
    }

    /// Whether the message before, in the same stretch, was of this phase too.
    fn goes_on(&self, number: usize, phase: Phase) -> bool {
        let before = self.rows[..number]
            .iter()
            .zip(&self.scale.rows)
            .rev()
            .find_map(|(row, y)| match row {
                Row::Message(message) => Some((message.phase, *y)),
                Row::Note(_) => None,
            });
        before.is_some_and(|(before, y)| before == phase && self.scale.rows[number] - y < 60.0)
    }

    fn arrow(&mut self, from: (f64, f64), to: (f64, f64), phase: Phase) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let back = (to.0 - 8.0 * ux, to.1 - 8.0 * uy);
        self.pen.line(from, back, &stroke(phase));
        let corners = [
            to,
            (back.0 - 3.2 * uy, back.1 + 3.2 * ux),
            (back.0 + 3.2 * uy, back.1 - 3.2 * ux),
        ];
        self.pen
            .polygon(&corners, &format!(r#"fill="{}""#, colour(phase)));
    }

    fn note(&mut self, number: usize, note: &Note) {
        let y = self.scale.rows[number];
        let colour = note_colour(note.event);
        self.time(y, note.at_us);
        let at = note.lane.map(|lane| (self.lane(lane), y));
        let Some(at) = at else {
            let style = format!(r#"stroke="{colour}" stroke-width="1.5" stroke-dasharray="6 4""#);
            self.pen
                .line((self.lane(0) - 40.0, y), (self.last_lane() + 34.0, y), &style);
            return self.sentence((self.words(), y), colour, &note.text);
        };
        self.mark(at, note.event);
        let who = note.lane.map_or("", |lane| self.chart.lane(lane));
        self.sentence((self.words(), y), colour, &format!("{who} {}", note.text));
    }

    fn mark(&mut self, at: (f64, f64), event: NoteKind) {
        let colour = note_colour(event);
        let (x, y) = at;
        let filled = format!(r#"fill="{colour}" stroke="white""#);
        let open = format!(r#"fill="white" stroke="{colour}" stroke-width="1.5""#);
        match event {
            NoteKind::Crash => self.pen.cross(at, 6.0, colour),
            NoteKind::Certifies => self.pen.rectangle((x - 4.5, y - 4.5), (9.0, 9.0), &filled),
            NoteKind::Decides => {
                let corners = [(x, y - 6.0), (x + 6.0, y), (x, y + 6.0), (x - 6.0, y)];
                self.pen.polygon(&corners, &filled);
            }
            NoteKind::Leads => self.pen.polygon(&star(at, 8.0), &filled),
            NoteKind::Timeout => {
                self.pen.circle(at, 5.0, &open);
                let hands = format!(r#"stroke="{colour}""#);
                self.pen.line(at, (x, y - 4.0), &hands);
                self.pen.line(at, (x + 3.0, y), &hands);
            }
            _ => self.pen.circle(at, 4.5, &open),
        }
    }

    /// Words at the right, as long as the paper is wide.
    fn sentence(&mut self, (x, y): (f64, f64), colour: &str, text: &str) {
        let face = Type {
            size: 11,
            colour,
            anchor: "start",
            bold: colour == note_colour(NoteKind::Violation),
        };
        let room = ((WIDTH - 8.0 - x) / CHARACTER) as usize;
        let text = match text.chars().count() <= room {
            true => text.to_owned(),
            false => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        };
        self.pen.text((x, y + 4.0), face, &text);
    }
}

fn phases_of(rows: &[Row<'_>]) -> BTreeSet<Phase> {
    let phase = |row: &Row<'_>| match row {
        Row::Message(message) => Some(message.phase),
        Row::Note(_) => None,
    };
    rows.iter().filter_map(phase).collect()
}

/// The corners of a star with five points.
fn star((x, y): (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    let corner = |number: u32| {
        let angle = std::f64::consts::PI * (f64::from(number) / 5.0 - 0.5);
        let radius = if number.is_multiple_of(2) {
            radius
        } else {
            radius * 0.45
        };
        (x + radius * angle.cos(), y + radius * angle.sin())
    };
    (0..10).map(corner).collect()
}
