//! Records of documents: the list, and a page for each recorded hash.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{DocumentRecord, KeepView, RecordList, WithheldText};
use quorate_client::spreadsheet::cell;
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Height, is_unseen};

use super::here::Here;
use super::layout::{self, Page, Section};
use super::selection::{List, Selection};
use super::{checks, csv, documents, parts, raw, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_FILE_ROWS, MAX_LOOKED_AT, MAX_PAGE};
use crate::cursor::ListTag;
use crate::input::{Name, Params, digest, record_place};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;
use crate::routes::assets::recorded;
use crate::scan::{self, FoundRecord, RecordMark, RecordPage};

const LIST: List = List {
    path: "records",
    sender: "Recorded by",
    of_transactions: false,
};

const COLUMNS: [&str; 11] = [
    "time",
    "height",
    "index",
    "operation",
    "transaction",
    "sender",
    "sha256",
    "keep",
    "label",
    "metadata",
    "withheld",
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
        let row = |FoundRecord { record, withheld }: &FoundRecord| {
            let sha256 = record.sha256.to_string();
            vec![
                parts::moment(record.timestamp),
                parts::link(&format!("records/{sha256}"), &sha256, "document hash"),
                html! { (words::keep(record.keep)) },
                label(record, withheld),
                parts::account(&record.sender),
                parts::transaction(&record.transaction),
                parts::block(record.height),
            ]
        };
        let columns = [
            "Recorded (UTC)",
            "Document",
            "Kept",
            "Label",
            "By",
            "Transaction",
            "Block",
        ];
        let rows = records.iter().map(row).collect();
        let nothing = selection.nothing(next.is_some(), "No document has been recorded yet.");
        let body = html! {
            h1 { "Records" }
            (documents::section())
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
        for found in &records {
            table.row(cells(found));
        }
        Ok(table.end(next.map(|next| selection.file(selection.limit, Some(&next)))))
    })
    .await
}

fn cells(FoundRecord { record, withheld }: &FoundRecord) -> [String; COLUMNS.len()] {
    [
        rfc3339_of(record.timestamp),
        record.height.to_string(),
        record.index.to_string(),
        record.operation.to_string(),
        record.transaction.to_string(),
        record.sender.to_string(),
        record.sha256.to_string(),
        words::keep(record.keep).to_owned(),
        cell(&record.label),
        hex::encode(&record.metadata),
        csv::withheld(withheld.iter().map(|text| (text.field.as_str(), text))),
    ]
}

/// The records of one document as a file, earliest first.
pub(super) async fn file_of(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let file = format!("records-{name}.csv");
    csv::answer(&app, &here, &file, read_file_of(&app, &name, &params).await)
}

async fn read_file_of(app: &App, name: &str, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&["cursor"])?;
    let sha256 = digest(name, "a document's SHA-256")?;
    let after = params.cursor(&ListTag::records_of(&sha256), record_place)?;
    app.read(None, move |snapshot, _| {
        let RecordList { records, next } = recorded(snapshot, &sha256, after, MAX_FILE_ROWS)?;
        let mut table = csv::Table::new(COLUMNS);
        for record in records {
            let withheld = withheld(snapshot, &record)?;
            table.row(cells(&FoundRecord { record, withheld }));
        }
        Ok(table.end(next.map(|next| format!("records/{sha256}/records.csv?cursor={next}"))))
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
        let mut found = Vec::new();
        for record in records {
            let withheld = withheld(snapshot, &record)?;
            found.push(FoundRecord { record, withheld });
        }
        let row = |FoundRecord { record, withheld }: &FoundRecord| {
            vec![
                parts::moment(record.timestamp),
                parts::account(&record.sender),
                kept(record),
                label(record, withheld),
                html! {
                    @if record.metadata.is_empty() { (absent("metadata", withheld)) } @else { (metadata(&record.metadata)) }
                },
                parts::transaction(&record.transaction),
                parts::block(record.height),
            ]
        };
        let columns = ["Recorded (UTC)", "By", "Kept", "Label", "Metadata", "Transaction", "Block"];
        let rows = found.iter().map(row).collect();
        let body = html! {
            div .title { h1 { "Record" } }
            (parts::facts([
                ("SHA-256", html! { span #sha256 { (parts::full(&sha256.to_string(), "document hash")) } }),
                ("As data", raw::links(&format!("v1/{first}"), None, Some(&format!("{first}/proof")))),
            ]))
            p .note {
                "A record in the log is proven by its transaction. One that is an account’s own is proven, or that there is none, for that account; "
                "a unique one is all that claims the document."
            }
            @if snapshot.height() > Height::GENESIS {
                (checks::section("record", &sha256.to_string(), &format!("{first}/proof")))
            }
            section aria-labelledby="records-title" {
                h2 #records-title { "Who recorded it, earliest first" }
                (parts::table("records", &columns, rows, "Nobody has recorded a document with this hash."))
                (parts::pager(after.map(|_| first.as_str()), next.as_deref().map(|href| (href, "Later records"))))
                (raw::list(Some(&format!("{first}/records.csv")), Some(&format!("v1/{first}")), None))
            }
        };
        let title = format!("Record {}", parts::shorten(&sha256.to_string()));
        Ok(Page { title, section: Section::Records, body })
    })
    .await
}

/// Where a record is kept; an own one has a proof for its account.
fn kept(record: &DocumentRecord) -> Markup {
    html! {
        (words::keep(record.keep))
        @if record.keep == KeepView::Own {
            ", " a href={ "records/" (record.sha256) "/proof?by=" (record.sender) } { "proof" }
        }
    }
}

/// Those of a record's texts that are not shown. Its transaction says so, which is read where one may be.
fn withheld(snapshot: &dyn Snapshot, record: &DocumentRecord) -> Result<Vec<WithheldText>, Fault> {
    if !record.label.is_empty() && !record.metadata.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = snapshot.transaction(&record.transaction)?;
    let texts = transaction
        .into_iter()
        .flat_map(|transaction| transaction.withheld);
    Ok(texts
        .filter(|text| text.operation == Some(record.operation))
        .collect())
}

/// What the sender called the document.
fn label(record: &DocumentRecord, withheld: &[WithheldText]) -> Markup {
    html! { @if record.label.is_empty() { (absent("label", withheld)) } @else { (parts::free(&record.label)) } }
}

/// Why a text is not there.
fn absent(field: &str, withheld: &[WithheldText]) -> Markup {
    match withheld.iter().find(|text| text.field == field) {
        Some(text) => words::withheld(text),
        None => html! { span .aside { "none" } },
    }
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
