//! One search box for everything that has a name. What is the only one of its name is shown at once; of several there
//! is a list.

mod finding;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use quorate_client::TransactionFilter;
use quorate_client::schema::DocumentRecord;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts;
use crate::app::App;
use crate::cursor::ListTag;
use crate::input::{Params, shown};
use crate::node::{Node, Snapshot};
use crate::problem::Failure;
use crate::scan::RecordMark;

/// The longest text that is looked for; names are shorter.
const LONGEST: usize = 200;

/// Things of a kind that a list has.
const MOST: usize = 20;

/// Digits of a hash with which it is looked for: fewer are too many hashes'.
const FEWEST_DIGITS: usize = 6;

/// Letters with which labels are looked for.
const FEWEST_LETTERS: usize = 2;

/// Where the search box of a page leads. It is as deep as the pages that are found: some proxies follow redirects
/// by themselves and show such a page at this address, and the page's relative links must hold there too.
pub(super) const FROM_PAGES: &str = "/search/all";

/// Something that is found.
struct Hit {
    what: &'static str,
    /// Where it is, as seen from the root.
    path: String,
    name: String,
}

impl Hit {
    fn new(what: &'static str, path: String, name: impl ToString) -> Self {
        Self {
            what,
            path,
            name: name.to_string(),
        }
    }
}

/// Records that are found by their labels, newest first, and where the search for more goes on.
struct Labels {
    found: Vec<DocumentRecord>,
    next: Option<String>,
}

/// All that a search has found.
struct Findings {
    hits: Vec<Hit>,
    /// None: labels were not looked at.
    labels: Option<Labels>,
}

impl Findings {
    /// The only thing that is found, if nothing else can be.
    fn only(&self) -> Option<&Hit> {
        match (self.hits.as_slice(), &self.labels) {
            ([only], None) => Some(only),
            ([only], Some(Labels { found, next: None })) if found.is_empty() => Some(only),
            _ => None,
        }
    }

    /// Whether there is nothing, and nothing left to look at.
    fn is_nothing(&self) -> bool {
        let labels = self.labels.as_ref();
        self.hits.is_empty() && labels.is_none_or(|labels| labels.found.is_empty() && labels.next.is_none())
    }
}

pub(super) async fn search(State(app): State<App>, here: Here, params: Params) -> Response {
    let query: String = params
        .text("q")
        .unwrap_or_default()
        .trim()
        .chars()
        .take(LONGEST)
        .collect();
    if query.is_empty() {
        return Redirect::to(here.root()).into_response();
    }
    let everything = TransactionFilter::default();
    let tag = ListTag::search(&query);
    let mark = match params.cursor(&tag, |text| RecordMark::read(&everything, text)) {
        Ok(mark) => mark,
        Err(failure) => return layout::answer(&app, &here, Err(failure)),
    };
    let wanted = query.clone();
    let read = app.read(None, move |snapshot, node| find(snapshot, node, &wanted, mark));
    let findings = match read.await {
        Ok(read) => read.value,
        Err(failure) => return layout::answer(&app, &here, Err(failure)),
    };
    if let Some(only) = findings.only() {
        return Redirect::to(&here.to(&only.path)).into_response();
    }
    // Whoever has looked further gets to see that this was all.
    if mark.is_none() && findings.is_nothing() {
        return nothing(&app, &here, &query);
    }
    let next = findings.labels.as_ref().and_then(|labels| labels.next.as_deref());
    let next = next.map(|place| format!("search/all?q={}&cursor={}", escaped(&query), tag.cursor(place)));
    let page = Page {
        title: "Search".to_owned(),
        section: Section::None,
        body: list(&findings, &query, next.as_deref()),
    };
    layout::frame(&app, &here, &page, &query).into_response()
}

/// What has this name; if nothing has, what has one like it. From a mark on more labels are looked at, and nothing else.
fn find(
    snapshot: &dyn Snapshot,
    node: &dyn Node,
    query: &str,
    mark: Option<RecordMark>,
) -> Result<Findings, Failure> {
    if mark.is_some() {
        return Ok(Findings {
            hits: Vec::new(),
            labels: Some(finding::labels(snapshot, query, mark)?),
        });
    }
    let exact = finding::exact(snapshot, node, query)?;
    if !exact.is_empty() {
        return Ok(Findings {
            hits: exact,
            labels: None,
        });
    }
    let hits = finding::alike(snapshot, node, query)?;
    let is_long = query.chars().count() >= FEWEST_LETTERS;
    let labels = is_long
        .then(|| finding::labels(snapshot, query, None))
        .transpose()?;
    Ok(Findings { hits, labels })
}

/// A text as the value of a parameter.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn list(findings: &Findings, query: &str, next: Option<&str>) -> Markup {
    let row = |hit: &Hit| {
        vec![
            html! { (hit.what) },
            html! { a .found href=(hit.path) { (hit.name) } },
        ]
    };
    html! {
        div .title { h1 { "Found for " q { (shown(query)) } } }
        @if !findings.hits.is_empty() {
            (parts::table("hits", &["What", "Name"], findings.hits.iter().map(row).collect(), ""))
            p .note { "Of each kind up to " (MOST) " are listed." }
        }
        @if let Some(labels) = &findings.labels {
            section aria-labelledby="labels-title" {
                h2 #labels-title { "Labels of records" }
                (labelled(&labels.found, next.is_some()))
                @if next.is_some() {
                    p .note { "Labels are looked for in the newest records first, so many at a time." }
                }
                (parts::pager(None, next.map(|href| (href, "Look at older records"))))
            }
        }
    }
}

fn labelled(records: &[DocumentRecord], more: bool) -> Markup {
    let row = |record: &DocumentRecord| {
        let sha256 = record.sha256.to_string();
        vec![
            parts::free(&record.label),
            parts::link(&format!("records/{sha256}"), &sha256, "document hash"),
            parts::moment(record.timestamp),
            parts::transaction(&record.transaction),
        ]
    };
    let nothing = match more {
        true => "None among the records looked at so far.",
        false => "None.",
    };
    let columns = ["Label", "Document", "Recorded (UTC)", "Transaction"];
    parts::table("labels", &columns, records.iter().map(row).collect(), nothing)
}

fn nothing(app: &App, here: &Here, query: &str) -> Response {
    let mistyped = query.to_ascii_lowercase().starts_with("qr1");
    let body = html! {
        section .notice #nothing-found {
            h1 { "Nothing found" }
            p { "Nothing on this ledger is named " q { (shown(query)) } "." }
            @if mistyped {
                p { "It looks like an address, but its checksum does not fit: it is probably mistyped." }
            }
            p { "You can search for:" }
            ul {
                li { "heights, such as 1" }
                li { "dates and times in UTC, such as 2026-03-01 or 2026-03-01 09:00: the block of then" }
                li {
                    "hashes of blocks, transactions and recorded documents, whole or their first "
                    (FEWEST_DIGITS) " digits and more; with 0x before them they are not taken for a height"
                }
                li { "addresses: qr1…, in full" }
                li { "keys, in full: of validators, and of accounts that were made from them" }
                li { "asset codes, such as QRT, and how they begin" }
                li { "names of validators and members, or a part of one" }
                li { "holds: the transaction that made one, a point and the operation’s number from 0" }
                li { "labels of records, or a part of one of " (FEWEST_LETTERS) " letters and more" }
            }
        }
    };
    let page = Page {
        title: "Nothing found".to_owned(),
        section: Section::None,
        body,
    };
    (StatusCode::NOT_FOUND, layout::frame(app, here, &page, query)).into_response()
}
