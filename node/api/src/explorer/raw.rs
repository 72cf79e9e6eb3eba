//! What was signed and certified, byte for byte, as files: what the API answers to those who ask it for bytes, which a
//! link cannot.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::OCTET_STREAM;

use super::files;
use super::here::Here;
use super::layout;
use crate::app::{App, At};
use crate::input::{Name, block_ref, digest};
use crate::problem::Failure;
use crate::routes::{blocks, transactions};

pub(super) async fn block(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    let read = match block_ref(&name) {
        Ok(reference) => blocks::bytes(&app, reference, None).await,
        Err(failure) => Err(failure),
    };
    answer(&app, &here, &format!("block-{name}.bin"), read)
}

pub(super) async fn transaction(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    let read = match digest(&name, "a transaction id") {
        Ok(id) => transactions::bytes(&app, id, None).await,
        Err(failure) => Err(failure),
    };
    answer(&app, &here, &format!("transaction-{name}.bin"), read)
}

fn answer(app: &App, here: &Here, name: &str, read: Result<At<Vec<u8>>, Failure>) -> Response {
    match read {
        Ok(read) => read.respond(|bytes| files::download(OCTET_STREAM, name, bytes)),
        Err(failure) => layout::answer(app, here, Err(failure)),
    }
}

/// Links to the same as data: the API's document, the bytes and the proof's file, if there are some.
pub(super) fn links(document: &str, bytes: Option<&str>, proof: Option<&str>) -> Markup {
    html! {
        a href=(document) { "JSON" }
        @if let Some(bytes) = bytes { ", " a href=(bytes) { "canonical bytes" } }
        @if let Some(proof) = proof { ", " a href=(proof) { "proof" } }
    }
}

/// The same of a list: its file for spreadsheets, the API's document, and a proof of all of it.
pub(super) fn list(file: Option<&str>, document: Option<&str>, proof: Option<&str>) -> Markup {
    let named = [(file, "CSV"), (document, "JSON"), (proof, "proof")];
    let there = named.into_iter().filter_map(|(href, name)| Some((href?, name)));
    html! {
        p .note.data {
            "As data: "
            @for (place, (href, name)) in there.enumerate() {
                @if place > 0 { ", " }
                a href=(href) { (name) }
            }
        }
    }
}
