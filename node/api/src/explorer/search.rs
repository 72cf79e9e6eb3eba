//! One search box for everything that has a name.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use quorate_ledger::{Address, AssetCode, Digest, Height};

use super::here::Here;
use super::layout::{self, Page, Section};
use crate::app::App;
use crate::input::{Params, shown, whole_number};
use crate::node::{BlockRef, Node, Snapshot};
use crate::problem::Failure;

/// The longest text that is looked for; names are shorter.
const LONGEST: usize = 200;

/// Where the search box of a page leads. It is as deep as the pages that are found: some proxies follow redirects
/// by themselves and show such a page at this address, and the page's relative links must hold there too.
pub(super) const FROM_PAGES: &str = "/search/all";

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
    let wanted = query.clone();
    match app
        .read(None, move |snapshot, node| find(snapshot, node, &wanted))
        .await
    {
        Ok(read) => match read.value {
            Some(path) => Redirect::to(&here.to(&path)).into_response(),
            None => nothing(&app, &here, &query),
        },
        Err(failure) => layout::answer(&app, &here, Err(failure)),
    }
}

/// The path of what has this name, as seen from the root.
fn find(snapshot: &dyn Snapshot, node: &dyn Node, query: &str) -> Result<Option<String>, Failure> {
    if query.len() < 64
        && let Some(height) = whole_number(&query.replace(',', ""))
        && snapshot.block(BlockRef::Height(Height(height)))?.is_some()
    {
        return Ok(Some(format!("blocks/{height}")));
    }
    if let Ok(hash) = query
        .strip_prefix("0x")
        .unwrap_or(query)
        .to_ascii_lowercase()
        .parse::<Digest>()
    {
        return by_hash(snapshot, node, &hash);
    }
    if let Ok(address) = query.parse::<Address>() {
        return Ok(Some(format!("accounts/{address}")));
    }
    if let Ok(code) = query.to_ascii_uppercase().parse::<AssetCode>()
        && snapshot.asset(&code)?.is_some()
    {
        return Ok(Some(format!("assets/{code}")));
    }
    let validator = node
        .validators()
        .validators
        .iter()
        .any(|validator| validator.name.eq_ignore_ascii_case(query));
    Ok(validator.then(|| "validators".to_owned()))
}

fn by_hash(snapshot: &dyn Snapshot, node: &dyn Node, hash: &Digest) -> Result<Option<String>, Failure> {
    if snapshot.block(BlockRef::Hash(*hash))?.is_some() {
        return Ok(Some(format!("blocks/{hash}")));
    }
    if node.pending(hash).is_some() || snapshot.transaction(hash)?.is_some() {
        return Ok(Some(format!("transactions/{hash}")));
    }
    if !snapshot.records(hash, None, 1)?.is_empty() {
        return Ok(Some(format!("records/{hash}")));
    }
    Ok(None)
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
                li { "hashes of blocks, transactions and recorded documents: 64 hexadecimal digits" }
                li { "addresses: qr1…" }
                li { "asset codes, such as QRT" }
                li { "names of validators" }
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
