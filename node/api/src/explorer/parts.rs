//! Pieces that pages are made of.

use maud::{Markup, html};
use quorate_client::schema::TransactionStatus;
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Address, Amount, Digest, Height, Timestamp, visible};

/// The beginning and the end of a long text; both are what people compare.
pub(super) fn shorten(text: &str) -> String {
    const HEAD: usize = 9;
    const TAIL: usize = 6;
    if !text.is_ascii() || text.len() <= HEAD + TAIL + 1 {
        return text.to_owned();
    }
    format!("{}…{}", &text[..HEAD], &text[text.len() - TAIL..])
}

/// A button that copies `text`; the script shows it.
fn copy(text: &str, what: &str) -> Markup {
    html! { button .copy type="button" data-copy=(text) aria-label={ "Copy " (what) } title={ "Copy " (what) } {} }
}

/// A shortened name that leads somewhere, with its full text to copy.
pub(super) fn link(href: &str, text: &str, what: &str) -> Markup {
    html! { span .id { a .mono href=(href) title=(text) { (shorten(text)) } (copy(text, what)) } }
}

/// A shortened name that leads nowhere.
pub(super) fn short(text: &str, what: &str) -> Markup {
    html! { span .id { code title=(text) { (shorten(text)) } (copy(text, what)) } }
}

/// A name in full.
pub(super) fn full(text: &str, what: &str) -> Markup {
    html! { span .id.full { code { (text) } (copy(text, what)) } }
}

pub(super) fn transaction(id: &Digest) -> Markup {
    link(&format!("transactions/{id}"), &id.to_string(), "transaction id")
}

pub(super) fn account(address: &Address) -> Markup {
    link(&format!("accounts/{address}"), &address.to_string(), "address")
}

/// The accounts that authorised a transaction: its sender, and how many others.
pub(super) fn parties(parties: &[Address]) -> Markup {
    html! {
        @if let Some((sender, others)) = parties.split_first() {
            (account(sender))
            @if !others.is_empty() { " " span .more { "and " (number(others.len())) " more" } }
        }
    }
}

pub(super) fn block(height: Height) -> Markup {
    html! { a .number href={ "blocks/" (height) } { (number(height)) } }
}

/// A number, written as all are.
pub(super) fn number(number: impl ToString) -> String {
    grouped(&number.to_string())
}

/// Words that somebody chose: they may be long, without a place to break, and with letters that nobody sees.
pub(super) fn free(text: &str) -> Markup {
    html! { span .free { (visible(text)) } }
}

/// A date and a time of day.
pub(super) fn time(timestamp: Timestamp) -> Markup {
    let text = rfc3339_of(timestamp);
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    let seconds = clock.get(..8).unwrap_or(clock);
    html! { time datetime=(text) title=(text) { (date) " " (seconds) } }
}

/// A time where there is little room: to the second, or of a long time the day alone.
pub(super) fn short_time(timestamp: Timestamp, is_long: bool) -> String {
    let text = rfc3339_of(timestamp);
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    let part = if is_long { Some(date) } else { clock.get(..8) };
    part.unwrap_or(&text).to_owned()
}

/// A time for a column whose heading names the zone; the script adds how long ago it was.
pub(super) fn moment(timestamp: Timestamp) -> Markup {
    html! { span .moment { (time(timestamp)) " " span .ago data-since=(rfc3339_of(timestamp)) {} } }
}

/// A time with its zone; the script adds how long ago it was.
pub(super) fn time_in_full(timestamp: Timestamp) -> Markup {
    html! { span .moment { (time(timestamp)) " UTC " span .ago data-since=(rfc3339_of(timestamp)) {} } }
}

/// A status as programs write it.
pub(super) fn status_name(status: TransactionStatus) -> &'static str {
    match status {
        TransactionStatus::Pending => "pending",
        TransactionStatus::Committed => "committed",
        TransactionStatus::Failed => "failed",
        TransactionStatus::Expired => "expired",
    }
}

pub(super) fn status(status: TransactionStatus) -> Markup {
    let text = match status {
        TransactionStatus::Pending => "Pending",
        TransactionStatus::Committed => "Committed",
        TransactionStatus::Failed => "Failed",
        TransactionStatus::Expired => "Expired",
    };
    let name = status_name(status);
    html! { span .badge .(name) data-status=(name) { (text) } }
}

/// Digits in groups of three before the point.
fn grouped(number: &str) -> String {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let mut text = String::with_capacity(number.len() * 4 / 3 + 1);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// The longest amount that stays on one line: a phone has room for it.
const LONGEST_WHOLE: usize = 18;

/// An amount in the asset's units; in its smallest units where its decimals are not known.
pub(super) fn amount(amount: Amount, decimals: Option<u8>) -> Markup {
    let text = match decimals {
        Some(decimals) => quorate_client::wallet::format_amount(amount, decimals),
        None => amount.to_string(),
    };
    let text = grouped(&text);
    html! {
        data .amount .long[text.len() > LONGEST_WHOLE] value=(amount) { (text) }
        @if decimals.is_none() { " smallest units of" }
    }
}

/// A validator, whose name needs no escape in an address.
pub(super) fn validator(name: &str) -> Markup {
    html! { a href={ "validators/" (name) } { (name) } }
}

pub(super) fn asset(code: &quorate_ledger::AssetCode) -> Markup {
    html! { a .asset href={ "assets/" (code) } { (code) } }
}

/// A list of facts: what, and what it is.
pub(super) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! {
        dl .facts {
            @for (what, value) in facts {
                div { dt { (what) } dd { (value) } }
            }
        }
    }
}

/// A row of a table.
pub(super) struct Row {
    cells: Vec<Markup>,
    failed: bool,
}

impl From<Vec<Markup>> for Row {
    fn from(cells: Vec<Markup>) -> Self {
        Self { cells, failed: false }
    }
}

impl Row {
    /// The row of a transaction: one that did nothing looks like it.
    pub(super) fn of(status: TransactionStatus, cells: Vec<Markup>) -> Self {
        let failed = matches!(status, TransactionStatus::Failed | TransactionStatus::Expired);
        Self { cells, failed }
    }

    /// The row of something that counts, or does not.
    pub(super) fn counting(counts: bool, cells: Vec<Markup>) -> Self {
        Self {
            cells,
            failed: !counts,
        }
    }
}

/// A table whose rows become cards on a narrow screen. Roles keep it a table for screen readers even
/// then.
pub(super) fn table<R: Into<Row>>(id: &str, columns: &[&str], rows: Vec<R>, empty: &str) -> Markup {
    html! {
        @if rows.is_empty() {
            p .empty #(id) { (empty) }
        } @else {
            table #(id) role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in columns { th role="columnheader" scope="col" { (column) } }
                    }
                }
                tbody role="rowgroup" {
                    @for row in rows.into_iter().map(Into::<Row>::into) {
                        tr class=[row.failed.then_some("failed")] role="row" {
                            @for (column, cell) in columns.iter().zip(row.cells) {
                                td role="cell" data-label=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Links to the neighbouring pages of a list.
pub(super) fn pager(first: Option<&str>, next: Option<(&str, &str)>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav .pager aria-label="Pages" {
                @if let Some(href) = first { a href=(href) rel="first" { "Back to the first page" } }
                @if let Some((href, label)) = next { a .next href=(href) rel="next" { (label) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_before_the_point_only() {
        for (number, text) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("1234567.890123", "1,234,567.890123"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        assert_eq!(shorten("QRT"), "QRT");
        assert_eq!(shorten("0123456789abcdef"), "0123456789abcdef");
        assert_eq!(shorten("0123456789abcdef0"), "012345678…bcdef0");
    }
}
