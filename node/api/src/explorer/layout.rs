//! What all pages share: head, search, navigation, and the page for what went wrong.

use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::files;
use super::here::Here;
use super::search;
use crate::app::{App, At};
use crate::problem::Failure;

/// A page before its frame is put around it.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) section: Section,
    pub(super) body: Markup,
}

/// Where in the navigation a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Blocks,
    Transactions,
    Records,
    Assets,
    Holds,
    Validators,
    Members,
    Network,
    None,
}

const NAVIGATION: [(Section, &str, &str); 9] = [
    (Section::Overview, "./", "Overview"),
    (Section::Blocks, "blocks", "Blocks"),
    (Section::Transactions, "transactions", "Transactions"),
    (Section::Records, "records", "Records"),
    (Section::Assets, "assets", "Assets"),
    (Section::Holds, "holds", "Holds"),
    (Section::Validators, "validators", "Validators"),
    (Section::Members, "members", "Members"),
    (Section::Network, "network", "Network"),
];

/// The response for a page, or the page that says why there is none.
pub(super) fn answer(app: &App, here: &Here, page: Result<At<Page>, Failure>) -> Response {
    match page {
        Ok(read) => read.respond(|page| frame(app, here, &page, "")),
        Err(failure) => {
            failure.log();
            told(app, here, &failure)
        }
    }
}

/// The page for a failure that is in the log already, if it belongs there.
pub(super) fn told(app: &App, here: &Here, failure: &Failure) -> Response {
    if let Failure::UnknownHost { .. } = failure {
        return (failure.status(), bare(failure)).into_response();
    }
    let page = Page {
        title: heading(failure).to_owned(),
        section: Section::None,
        body: sorry(failure),
    };
    let mut response = (failure.status(), frame(app, here, &page, "")).into_response();
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

fn heading(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoSuchCall => "Page not found",
        other => other.title(),
    }
}

fn sorry(failure: &Failure) -> Markup {
    html! {
        section .notice #failure data-code=(failure.code()) {
            h1 { (heading(failure)) }
            @match failure {
                Failure::NoSuchCall => p { "There is no page at this address." },
                other => p { (other) },
            }
            p { a href="./" { "Back to the overview" } }
        }
    }
}

/// For whoever is not to know which network this is: nothing but the failure.
fn bare(failure: &Failure) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (heading(failure)) }
            }
            body {
                h1 { (heading(failure)) }
                p #failure data-code=(failure.code()) { (failure) }
            }
        }
    }
}

/// The whole document. `query` is what the search box holds. Links are written as seen from the root.
pub(super) fn frame(app: &App, here: &Here, page: &Page, query: &str) -> Markup {
    let version = files::version();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                base href=(here.root());
                title { (page.title) " · " (app.network_name) }
                link rel="icon" type="image/svg+xml" href={ "static/icon.svg?v=" (version) };
                link rel="stylesheet" href={ "static/style.css?v=" (version) };
                script src={ "static/app.js?v=" (version) } defer {}
            }
            body {
                header .top {
                    a .skip href={ (here.own()) "#main" } { "Skip to content" }
                    div .bar {
                        a .brand href="./" {
                            img src={ "static/icon.svg?v=" (version) } alt="" width="28" height="28";
                            span { "Quorate" span .network #network-name { (app.network_name) } }
                        }
                        nav aria-label="Main" {
                            ul {
                                @for (section, href, label) in NAVIGATION {
                                    li {
                                        a href=(href) aria-current=[(section == page.section).then_some("page")] {
                                            (label)
                                        }
                                    }
                                }
                            }
                        }
                    }
                    form .search #search role="search" action=(search::FROM_PAGES.trim_start_matches('/')) method="get" {
                        label .hidden for="q" { "Search the ledger" }
                        input #q type="search" name="q" value=(query) maxlength="200" required
                            autocomplete="off" autocapitalize="off" spellcheck="false"
                            placeholder="Height, time, hash, address, name…";
                        button type="submit" { "Search" }
                    }
                }
                main #main tabindex="-1" { (page.body) }
                footer {
                    p {
                        "Read from this validator’s certified chain. "
                        a href="openapi.json" { "API description" }
                        " · "
                        a href="verify.html" download="verify.html" { "verify.html" }
                        " checks proofs without this node: save it."
                    }
                    p .network-id title=(app.network_id) {
                        "Network " code { (app.network_id) }
                    }
                }
                p .hidden #announcer role="status" {}
            }
        }
    }
}
