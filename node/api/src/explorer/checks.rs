//! The check of a page in its reader's browser (`node/verifier/web/checking.js`). Without scripts there is the proof.

use maud::{Markup, html};

use super::files;

/// Where a page is checked that a proof establishes. `kind` is one of the script's, `about` what the proof is about.
pub(super) fn section(kind: &str, about: &str, proof: &str) -> Markup {
    html! {
        section .check aria-labelledby="check-title" {
            h2 #check-title { "Is this true?" }
            p {
                "What this page shows can be proven. Your browser can check it, with code that this node sends: "
                strong { "a node that lies in its code too is not found out so" }
                ". Whoever believes no node saves the " a href=(proof) { "proof" }
                " and checks it with a " a href="verify.html" download="verify.html" { "verify.html" }
                " that is from elsewhere, or with " code { "quorate audit verify" } "."
            }
            p { (button(kind, about, proof)) }
            (place())
        }
    }
}

/// The button; nothing is seen of it without scripts.
pub(super) fn button(kind: &str, about: &str, proof: &str) -> Markup {
    html! {
        button type="button" data-check=(kind) data-about=(about) data-proof=(proof)
            data-script={ "static/checking.js?v=" (files::version()) } { "Check it here" }
    }
}

/// Where the script says what it found; in the button's section.
pub(super) fn place() -> Markup {
    html! { div .checked {} }
}
