//! A statement in words: a row for each entry, and what each asset came to.

use quorate_ledger::{Address, Amount, AssetCode, visible};
use quorate_tools::output::{Output, Tone};

use super::entries::{Direction, Entry};
use super::{Statement, Total};
use crate::cli::wallet::account::Decimals;

impl Entry {
    /// What happened, in words.
    pub(super) fn what(&self, decimals: &Decimals) -> String {
        let with = |word: &str, other: Option<Address>| match other {
            Some(other) => format!("{word} {other}"),
            None => String::new(),
        };
        let mut what = match (self.direction, self.kind) {
            (Direction::In, "mint") => format!("minted {}", with("by", self.counterparty)),
            (Direction::In, _) => with("from", self.counterparty),
            (Direction::Out, "burn") => "burned".to_owned(),
            (Direction::Out, _) => with("to", self.counterparty),
            (Direction::Itself, _) => "to itself".to_owned(),
            (Direction::None, _) => self
                .view
                .as_ref()
                .map_or_else(String::new, |view| decimals.describe(view)),
        };
        what.truncate(what.trim_end().len());
        if self.more > 0 {
            what.push_str(&format!(" and {} more", self.more));
        }
        // An operation in words has its own note among them.
        let own = self.view.is_none().then_some(&self.memo);
        for memo in own.into_iter().chain([&self.transaction_memo]) {
            if !memo.is_empty() {
                what.push_str(&format!(" ({})", visible(memo)));
            }
        }
        what
    }

    fn row(&self, decimals: &Decimals, output: &Output) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let status = match &self.code {
            Some(code) => output.paint(Tone::Bad, code),
            None => output.paint(Tone::Good, "committed"),
        };
        let (amount, balance) = match self.asset {
            Some(code) => (
                format!("{}{}", self.sign(), decimals.show(self.units, &code)),
                or_dash(self.held.map(|held| decimals.show(held, &code))),
            ),
            None => Default::default(),
        };
        vec![
            or_dash(self.height.map(|height| height.to_string())),
            or_dash(self.time.clone()),
            status,
            amount,
            balance,
            self.transaction.to_string(),
            self.what(decimals),
        ]
    }
}

pub(super) fn text(
    address: &Address,
    statement: &Statement,
    totals: &[Total],
    decimals: &Decimals,
    output: &Output,
) -> String {
    if statement.entries.is_empty() {
        return format!("{address} has no transactions to show.");
    }
    let rows = statement.entries.iter().map(|entry| entry.row(decimals, output));
    let headings = [">HEIGHT", "TIME", "STATUS", ">AMOUNT", ">BALANCE", "ID", "WHAT"];
    let mut text = output.table(&headings, rows.collect());
    if statement.more {
        text.push_str("There are older ones: --limit, --since\n");
    }
    let shown = |code: &AssetCode, units: Option<&str>| {
        let units = units.and_then(|units| units.parse().ok());
        units.map_or_else(|| "-".to_owned(), |units| decimals.show(Amount(units), code))
    };
    let rows = totals.iter().map(|total| {
        let (received, sent) = (Some(total.received.as_str()), Some(total.sent.as_str()));
        let held = [total.opening.as_deref(), received, sent, total.closing.as_deref()];
        let shown = held.map(|units| shown(&total.asset, units));
        std::iter::once(total.asset.to_string()).chain(shown).collect()
    });
    let headings = ["ASSET", ">BEFORE", ">RECEIVED", ">SENT", ">AFTER"];
    text.push('\n');
    text.push_str(&output.table(&headings, rows.collect()));
    if statement.closing.is_none() || statement.opening.is_none() {
        text.push_str(
            "What was held is not known: the node's history has a gap. Ask again, or another node.\n",
        );
    }
    text
}
