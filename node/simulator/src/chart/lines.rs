//! A chart as plain lines, one a row: for logs, and for seeds that fail.

use super::rows::{Broadcast, Row};
use super::{Chart, Note};

impl Chart {
    /// What happened, in the order of time; without what comes again and again.
    pub fn lines(&self) -> Vec<String> {
        self.rows(false).iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &Row<'_>) -> String {
        let (ms, us) = (row.at_us() / 1_000, row.at_us() % 1_000);
        let what = match row {
            Row::Message(message) => self.message_line(message),
            Row::Note(Note { lane: None, text, .. }) => text.clone(),
            Row::Note(Note {
                lane: Some(lane),
                text,
                ..
            }) => format!("{}: {text}", self.lane(*lane)),
        };
        format!("{ms:>7}.{us:03}  {what}")
    }

    fn message_line(&self, message: &Broadcast<'_>) -> String {
        let transfers = &message.transfers;
        let all = transfers.len() + 1 == self.lanes.len();
        let names = |lost: bool| {
            let these = transfers
                .iter()
                .filter(|transfer| !lost || transfer.arrives_us.is_none());
            let names: Vec<&str> = these.map(|transfer| self.lane(transfer.to)).collect();
            names.join(", ")
        };
        let to = if all { "all".to_owned() } else { names(false) };
        let lost = match transfers.iter().any(|transfer| transfer.arrives_us.is_none()) {
            true => format!(", lost to {}", names(true)),
            false => String::new(),
        };
        format!("{} → {to}: {}{lost}", self.lane(message.from), message.label)
    }

    /// A lane's name.
    pub(super) fn lane(&self, lane: usize) -> &str {
        self.lanes.get(lane).map_or("?", String::as_str)
    }
}
