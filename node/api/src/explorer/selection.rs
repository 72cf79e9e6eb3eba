//! Which part of the chain a list shows: the filters of its form, as people write them and addresses carry them.

use maud::{Markup, html};
use quorate_client::schema::OperationKind;
use quorate_client::text::parse_rfc3339_bound;
use quorate_client::{TransactionFilter, When};

use super::{parts, words};
use crate::config::{DEFAULT_PAGE, MAX_ENTRIES_LOOKED_AT, MAX_LOOKED_AT};
use crate::cursor::ListTag;
use crate::input::Params;
use crate::problem::Failure;

/// A day's first moment and its last.
pub(super) const FIRST: &str = "T00:00:00.000Z";
pub(super) const LAST: &str = "T23:59:59.999Z";

/// Sizes of a page that the form offers besides the usual one: larger ones are long to load on a phone.
const SIZES: [usize; 2] = [10, 50];

/// A list that takes filters.
#[derive(Clone, Copy)]
pub(super) struct List {
    /// Where it is, as seen from the root.
    pub(super) path: &'static str,
    /// What the sender of an entry did.
    pub(super) sender: &'static str,
    /// Whether entries are transactions, and not something that a certain kind of operation does.
    pub(super) of_transactions: bool,
}

/// What of a list is asked for.
pub(super) struct Selection {
    list: List,
    pub(super) filter: TransactionFilter,
    /// Entries of a page, if it is said.
    pub(super) limit: Option<usize>,
}

impl Selection {
    /// Reads the parameters of a page, or of a file, which has more entries.
    pub(super) fn read(list: List, params: &Params, most: usize) -> Result<Self, Failure> {
        params.only(match list.of_transactions {
            true => &[
                "account", "sender", "asset", "kind", "from", "to", "limit", "cursor",
            ],
            false => &["sender", "from", "to", "limit", "cursor"],
        })?;
        Ok(Self {
            list,
            filter: params.spelt(spelt).filter()?,
            limit: params.limit_up_to(most)?,
        })
    }

    /// The list as its cursors name it. One of transactions is the API's with the same filters.
    pub(super) fn tag(&self) -> ListTag {
        match self.list.of_transactions {
            true => ListTag::transactions(&self.filter),
            false => ListTag::records(&self.filter),
        }
    }

    /// Whether the list is one of everything.
    pub(super) fn is_whole(&self) -> bool {
        self.filter == TransactionFilter::default()
    }

    /// The address of the page from a cursor on, as seen from the root.
    pub(super) fn page(&self, cursor: Option<&str>) -> String {
        self.address(self.list.path, self.limit, cursor)
    }

    /// That of the file.
    pub(super) fn file(&self, limit: Option<usize>, cursor: Option<&str>) -> String {
        self.address(&format!("{}.csv", self.list.path), limit, cursor)
    }

    /// That of the same list in the API.
    pub(super) fn call(&self, cursor: Option<&str>) -> String {
        self.address(&format!("v1/{}", self.list.path), self.limit, cursor)
    }

    fn address(&self, path: &str, limit: Option<usize>, cursor: Option<&str>) -> String {
        let limit = limit.map(|limit| ("limit", limit.to_string()));
        let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
        let said = self.filter.query().into_iter().chain(limit).chain(cursor);
        let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
        match said.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", said.join("&")),
        }
    }

    /// The form that makes another selection.
    pub(super) fn form(&self) -> Markup {
        let filter = &self.filter;
        let account = filter.account.map(|account| account.to_string());
        let sender = filter.sender.map(|sender| sender.to_string());
        let asset = filter.asset.map(|asset| asset.to_string());
        html! {
            form .filters #filters action=(self.list.path) method="get" aria-label="Filters" {
                @if self.list.of_transactions {
                    (field("account", "Account", "qr1…", account.as_deref()))
                }
                (field("sender", self.list.sender, "qr1…", sender.as_deref()))
                @if self.list.of_transactions {
                    (field("asset", "Asset", "any", asset.as_deref()))
                    div {
                        label for="filter-kind" { "Operation" }
                        select #filter-kind name="kind" {
                            option value="" { "any" }
                            @for kind in OperationKind::ALL {
                                option value=(kind) selected[filter.kind == Some(kind)] { (words::kind(kind)) }
                            }
                        }
                    }
                }
                (field("from", "From (UTC)", "date or height", shown(filter.from, FIRST).as_deref()))
                (field("to", "To (UTC)", "date or height", shown(filter.to, LAST).as_deref()))
                div {
                    label for="filter-limit" { "On a page" }
                    select #filter-limit name="limit" {
                        option value="" { (DEFAULT_PAGE) }
                        @for size in SIZES {
                            option value=(size) selected[self.limit == Some(size)] { (size) }
                        }
                    }
                }
                div .act {
                    button type="submit" { "Show" }
                    @if !self.is_whole() { " " a href=(self.list.path) { "Show all" } }
                }
            }
        }
    }

    /// Links to the list as data, from where the page begins. The API has only lists of transactions.
    pub(super) fn as_data(&self, what: &str, cursor: Option<&str>) -> Markup {
        let most = match self.filter.history() {
            Some(_) => MAX_ENTRIES_LOOKED_AT,
            None => MAX_LOOKED_AT,
        };
        html! {
            p .note.data {
                "From here on as data: " a href=(self.file(None, cursor)) { "CSV" }
                ", up to " (parts::number(most)) " " (what) " a file"
                @if self.list.of_transactions { ", or " a href=(self.call(cursor)) { "JSON" } }
                "."
            }
        }
    }

    /// Links to the pages beside one, which began at `cursor` and is followed at `next`.
    pub(super) fn pager(&self, cursor: Option<&str>, next: Option<&str>, older: &str) -> Markup {
        let first = cursor.map(|_| self.page(None));
        let next = next.map(|next| self.page(Some(next)));
        parts::pager(first.as_deref(), next.as_deref().map(|href| (href, older)))
    }

    /// Why a page is empty.
    pub(super) fn nothing(&self, more: bool, never: &'static str) -> &'static str {
        match (more, self.is_whole()) {
            (true, _) => "Nothing that fits in the blocks looked at so far. Older ones are on the next page.",
            (false, true) => never,
            (false, false) => "Nothing fits these filters.",
        }
    }
}

pub(super) fn field(name: &str, label: &str, example: &str, value: Option<&str>) -> Markup {
    let id = format!("filter-{name}");
    html! {
        div {
            label for=(id) { (label) }
            input id=(id) type="text" name=(name) value=[value] placeholder=(example) maxlength="80"
                autocomplete="off" autocapitalize="off" spellcheck="false";
        }
    }
}

/// A field by which a list begins at a date or height.
pub(super) fn up_to(path: &str, to: Option<When>) -> Markup {
    html! {
        form .filters #filters action=(path) method="get" aria-label="Filters" {
            (field("to", "Up to (UTC)", "date or height", shown(to, LAST).as_deref()))
            div .act {
                button type="submit" { "Show" }
                @if to.is_some() { " " a href=(path) { "Show all" } }
            }
        }
    }
}

/// A point as people write it: a whole day as the day.
pub(super) fn shown(point: Option<When>, edge: &str) -> Option<String> {
    let text = point?.to_string();
    Some(text.strip_suffix(edge).unwrap_or(&text).to_owned())
}

/// The value of a parameter as the API takes it.
pub(super) fn spelt(name: &str, value: &str) -> String {
    let value = value.trim();
    match name {
        "asset" => value.to_ascii_uppercase(),
        "from" => moment(value, FIRST),
        "to" => moment(value, LAST),
        _ => value.to_owned(),
    }
}

/// A day, or a time of day as pages show it, in RFC 3339: the first moment of it, or the last. What is neither stays
/// as it is.
fn moment(text: &str, edge: &str) -> String {
    const DAY: &str = "2026-03-01";
    let written = text.strip_suffix(" UTC").unwrap_or(text).replacen(' ', "T", 1);
    // To the day, the minute or the second.
    let clock = written.len().checked_sub(DAY.len());
    let rest = clock
        .filter(|clock| [0, 6, 9].contains(clock))
        .and_then(|clock| edge.get(clock..));
    let whole = rest.map(|rest| format!("{written}{rest}"));
    whole
        .filter(|whole| parse_rfc3339_bound(whole).is_some())
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_as_pages_show_them_are_understood_to_their_ends() {
        for (text, first, last) in [
            (
                "2026-03-01",
                "2026-03-01T00:00:00.000Z",
                "2026-03-01T23:59:59.999Z",
            ),
            (
                "2026-03-01 09:07",
                "2026-03-01T09:07:00.000Z",
                "2026-03-01T09:07:59.999Z",
            ),
            (
                "2026-03-01T09:07",
                "2026-03-01T09:07:00.000Z",
                "2026-03-01T09:07:59.999Z",
            ),
            (
                "1969-07-20",
                "1969-07-20T00:00:00.000Z",
                "1969-07-20T23:59:59.999Z",
            ),
            (
                " 2026-03-01 09:07:30 UTC ",
                "2026-03-01T09:07:30.000Z",
                "2026-03-01T09:07:30.999Z",
            ),
        ] {
            assert_eq!(
                (spelt("from", text), spelt("to", text)),
                (first.to_owned(), last.to_owned())
            );
        }
        for other in [
            "",
            "7",
            "1234567890",
            "2026-02-30",
            "yesterday",
            "2026-03-01T09:07:30Z",
            "2026-03-01T09:07:30+01:00",
            "2026-03-01T09:07:30 01:00",
            "äöüäöüäöüä",
        ] {
            assert_eq!(spelt("from", other), other);
        }
    }

    #[test]
    fn a_form_shows_a_day_as_it_was_written() {
        for text in ["2026-03-01", "2026-03-01T09:07:30.000Z", "7"] {
            let point = |name| spelt(name, text).parse::<When>().ok();
            assert_eq!(shown(point("from"), FIRST).as_deref(), Some(text));
            assert_eq!(shown(point("to"), LAST).as_deref(), Some(text));
        }
    }
}
