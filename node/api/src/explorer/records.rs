//! A page for each recorded document hash.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{DocumentRecord, RecordList};
use quorate_ledger::is_unseen;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::{parts, raw};
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::input::{Name, Params, digest, record_cursor};
use crate::problem::Failure;
use crate::routes::assets::recorded;

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let sha256 = digest(name, "a document's SHA-256")?;
    let after = params.cursor(record_cursor)?;
    app.read(None, move |snapshot, _| {
        let RecordList { records, next } = recorded(snapshot, &sha256, after, DEFAULT_PAGE)?;
        let next = next.map(|next| format!("records/{sha256}?cursor={next}"));
        let first = format!("records/{sha256}");
        let row = |record: &DocumentRecord| {
            vec![
                parts::moment(record.timestamp),
                parts::account(&record.sender),
                html! { @if record.label.is_empty() { span .aside { "none" } } @else { (parts::free(&record.label)) } },
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
        Ok(Page { title, section: Section::None, body })
    })
    .await
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
