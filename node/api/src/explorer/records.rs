//! Records of documents: the list, and a page for each recorded hash.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{DocumentRecord, RecordList};
use quorate_client::spreadsheet::cell;
use quorate_client::text::rfc3339_of;
use quorate_ledger::is_unseen;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::selection::{List, Selection};
use super::{csv, parts, raw};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_LOOKED_AT, MAX_PAGE};
use crate::cursor::ListTag;
use crate::input::{Name, Params, digest, record_place};
use crate::problem::Failure;
use crate::routes::assets::recorded;
use crate::scan::{self, RecordMark, RecordPage};

const LIST: List = List {
    path: "records",
    sender: "Recorded by",
    of_transactions: false,
};

const COLUMNS: [&str; 9] = [
    "time",
    "height",
    "index",
    "operation",
    "transaction",
    "sender",
    "sha256",
    "label",
    "metadata",
];

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let selection = Selection::read(LIST, params, MAX_PAGE)?;
    let tag = selection.tag();
    let before = params.cursor(&tag, |text| RecordMark::read(&selection.filter, text))?;
    app.read(None, move |snapshot, _| {
        let limit = selection.limit.unwrap_or(DEFAULT_PAGE);
        let RecordPage { records, next } = scan::recorded(snapshot, &selection.filter, before, limit)?;
        let next = next.map(|place| tag.cursor(place));
        let cursor = before.map(|mark| tag.cursor(mark));
        let (cursor, next) = (cursor.as_deref(), next.as_deref());
        let row = |record: &DocumentRecord| {
            let sha256 = record.sha256.to_string();
            vec![
                parts::moment(record.timestamp),
                parts::link(&format!("records/{sha256}"), &sha256, "document hash"),
                label(record),
                parts::account(&record.sender),
                parts::transaction(&record.transaction),
                parts::block(record.height),
            ]
        };
        let columns = [
            "Recorded (UTC)",
            "Document",
            "Label",
            "By",
            "Transaction",
            "Block",
        ];
        let rows = records.iter().map(row).collect();
        let nothing = selection.nothing(next.is_some(), "No document has been recorded yet.");
        let body = html! {
            h1 { "Records" }
            (selection.form())
            (parts::table("records", &columns, rows, nothing))
            (selection.pager(cursor, next, "Older records"))
            (selection.as_data("records", cursor))
        };
        Ok(Page {
            title: "Records".to_owned(),
            section: Section::Records,
            body,
        })
    })
    .await
}

/// The list as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "records.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    let selection = Selection::read(LIST, params, MAX_LOOKED_AT)?;
    let tag = selection.tag();
    let before = params.cursor(&tag, |text| RecordMark::read(&selection.filter, text))?;
    app.read(None, move |snapshot, _| {
        let limit = selection.limit.unwrap_or(MAX_LOOKED_AT);
        let RecordPage { records, next } = scan::recorded(snapshot, &selection.filter, before, limit)?;
        let next = next.map(|place| tag.cursor(place));
        let mut table = csv::Table::new(COLUMNS);
        for record in &records {
            table.row([
                rfc3339_of(record.timestamp),
                record.height.to_string(),
                record.index.to_string(),
                record.operation.to_string(),
                record.transaction.to_string(),
                record.sender.to_string(),
                record.sha256.to_string(),
                cell(&record.label),
                hex::encode(&record.metadata),
            ]);
        }
        Ok(table.end(next.map(|next| selection.file(selection.limit, Some(&next)))))
    })
    .await
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let sha256 = digest(name, "a document's SHA-256")?;
    let after = params.cursor(&ListTag::records_of(&sha256), record_place)?;
    app.read(None, move |snapshot, _| {
        let RecordList { records, next } = recorded(snapshot, &sha256, after, DEFAULT_PAGE)?;
        let next = next.map(|next| format!("records/{sha256}?cursor={next}"));
        let first = format!("records/{sha256}");
        let row = |record: &DocumentRecord| {
            vec![
                parts::moment(record.timestamp),
                parts::account(&record.sender),
                label(record),
                html! {
                    @if record.metadata.is_empty() { span .aside { "none" } } @else { (metadata(&record.metadata)) }
                },
                parts::transaction(&record.transaction),
                parts::block(record.height),
            ]
        };
        let columns = ["Recorded (UTC)", "By", "Label", "Metadata", "Transaction", "Block"];
        let rows = records.iter().map(row).collect();
        let body = html! {
            div .title { h1 { "Record" } }
            (parts::facts([
                ("SHA-256", html! { span #sha256 { (parts::full(&sha256.to_string(), "document hash")) } }),
                ("As data", raw::links(&format!("v1/{first}"), None)),
            ]))
            section aria-labelledby="records-title" {
                h2 #records-title { "Who recorded it, earliest first" }
                (parts::table("records", &columns, rows, "Nobody has recorded a document with this hash."))
                (parts::pager(after.map(|_| first.as_str()), next.as_deref().map(|href| (href, "Later records"))))
            }
        };
        let title = format!("Record {}", parts::shorten(&sha256.to_string()));
        Ok(Page { title, section: Section::Records, body })
    })
    .await
}

/// What the sender called the document.
fn label(record: &DocumentRecord) -> Markup {
    html! { @if record.label.is_empty() { span .aside { "none" } } @else { (parts::free(&record.label)) } }
}

/// Metadata as text where it is text, else in hex.
pub(super) fn metadata(bytes: &[u8]) -> Markup {
    let text = std::str::from_utf8(bytes).ok();
    let text = text.filter(|text| text.chars().all(|letter| !is_unseen(letter) || letter == '\n'));
    match text {
        Some(text) => html! { code .metadata { (text) } },
        None => html! { code .metadata { (hex::encode(bytes)) } },
    }
}
