//! What is drawn in one row: a note, or a message to all its receivers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Chart, Happening, Note, Phase, Transfer};

/// A row of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row<'a> {
    Message(Broadcast<'a>),
    Note(&'a Note),
}

/// One message, to one receiver or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broadcast<'a> {
    pub(super) from: usize,
    pub(super) sent_us: u64,
    pub(super) phase: Phase,
    pub(super) label: Cow<'a, str>,
    /// Ascending by lane.
    pub(super) transfers: Vec<&'a Transfer>,
}

impl Row<'_> {
    pub(super) fn at_us(&self) -> u64 {
        match self {
            Self::Message(message) => message.sent_us,
            Self::Note(note) => note.at_us,
        }
    }
}

impl Chart {
    /// The rows in the order of time. Unless all is asked for, statuses and heartbeats are left out, and so
    /// is what a sender has told a receiver before, if that arrived or this is lost too.
    pub(super) fn rows(&self, all: bool) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut told = BTreeSet::new();
        for happening in &self.happenings {
            match happening {
                Happening::Note(note) => rows.push(Row::Note(note)),
                Happening::Message(transfer) if all || is_news(&mut told, transfer) => {
                    let now = rows.iter_mut().rev();
                    let mut now = now.take_while(|row| row.at_us() == transfer.sent_us);
                    match now.find_map(|row| same(row, transfer)) {
                        Some(message) => message.transfers.push(transfer),
                        None => rows.push(Row::Message(Broadcast {
                            from: transfer.from,
                            sent_us: transfer.sent_us,
                            phase: transfer.phase,
                            label: Cow::Borrowed(&transfer.label),
                            transfers: vec![transfer],
                        })),
                    }
                }
                Happening::Message(_) => {}
            }
        }
        for row in &mut rows {
            if let Row::Message(message) = row {
                message.transfers.sort_by_key(|transfer| transfer.to);
            }
        }
        if all { rows } else { joined(rows) }
    }

    /// How many messages are left out unless all is asked for.
    pub fn left_out(&self) -> usize {
        let mut told = BTreeSet::new();
        self.messages()
            .filter(|transfer| !is_news(&mut told, transfer))
            .count()
    }
}

/// The rows with one for all messages of one kind that leave one lane for the same others at one moment.
fn joined(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let like = |row: &Row<'_>, other: &Row<'_>| match (row, other) {
        (Row::Message(row), Row::Message(other)) => {
            let to = |message: &Broadcast<'_>| message.transfers.iter().map(|t| t.to).collect::<Vec<_>>();
            let kind = |message: &Broadcast<'_>| message.label.split(' ').next().map(str::to_owned);
            (row.from, row.sent_us, kind(row), to(row)) == (other.from, other.sent_us, kind(other), to(other))
        }
        _ => false,
    };
    let chunks = rows.chunk_by(like).map(|rows| {
        let mut first = rows[0].clone();
        if let Row::Message(message) = &mut first
            && rows.len() > 1
        {
            message.label = Cow::Owned(format!("{} and {} more", message.label, rows.len() - 1));
        }
        first
    });
    chunks.collect()
}

/// What a sender has told a receiver, and whether it was lost.
type Told<'a> = BTreeSet<(usize, usize, &'a str, bool)>;

fn is_news<'a>(told: &mut Told<'a>, transfer: &'a Transfer) -> bool {
    let (from, to, label) = (transfer.from, transfer.to, transfer.label.as_str());
    !transfer.phase.is_routine()
        && !told.contains(&(from, to, label, false))
        && told.insert((from, to, label, transfer.arrives_us.is_none()))
}

fn same<'r, 'a>(row: &'r mut Row<'a>, transfer: &Transfer) -> Option<&'r mut Broadcast<'a>> {
    match row {
        Row::Message(message)
            if (message.from, message.sent_us, message.label.as_ref())
                == (transfer.from, transfer.sent_us, transfer.label.as_str()) =>
        {
            Some(message)
        }
        _ => None,
    }
}
