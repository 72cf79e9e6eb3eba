//! Looking up a document by its hash: typed, or that of a file, which a script takes in the browser.

use maud::{Markup, html};

use super::{files, search, selection};

/// Where the page of records asks for a document. Without scripts there is the field for its hash.
pub(super) fn section() -> Markup {
    html! {
        section .documents aria-labelledby="documents-title" {
            h2 #documents-title { "Was a document recorded?" }
            form .filters #document action=(search::FROM_PAGES.trim_start_matches('/')) method="get" aria-label="Document" {
                (selection::field("q", "SHA-256 of the document", "64 hexadecimal digits", None))
                div .act { button type="submit" { "Look it up" } }
            }
            div .drop #drop hidden data-script={ "static/drop.js?v=" (files::version()) } {
                label for="drop-files" { "Or choose documents, or drop them anywhere on this page" }
                input #drop-files type="file" multiple aria-describedby="drop-help";
                p .note #drop-help {
                    "They are hashed here, in your browser, and looked up by their hashes. Nothing else of them is sent."
                }
                ul .plain #dropped aria-live="polite" {}
            }
        }
    }
}
