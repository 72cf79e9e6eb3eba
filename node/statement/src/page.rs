//! A statement as a page to print: one file without scripts, in the light and in the dark, with the proof in it. The
//! proof is not printed, as paper cannot be verified; the page says so.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use quorate_crypto::Address;
use quorate_ledger::HistoryOwner;

use crate::figures::{About, Balance, Balances, Figures, Line, Movement, Words, amount_text, decimals_text};
use crate::phrases::{COMPARED, direction, instead_of, moved, notes_of, place};
use crate::statement::{Names, Statement};
use crate::words::written_out;

mod read;

pub use read::{figures_of_html, proof_of_html};

const STYLE: &str = include_str!("page/style.css");

/// A page from elsewhere has no scripts, and fetches nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Ends a line of the file, which changes nothing on the page.
const LINE_END: PreEscaped<&str> = PreEscaped("\n");

/// The beginning and the end of the proof.
const PROOF: (&str, &str) = ("<pre id=\"proof\">", "</pre>");

/// The statement as a page to print. `audit verify` reads the proof in it again.
pub fn html(statement: &Statement<'_>) -> String {
    render(statement.figures(), statement.names(), statement.proof())
}

fn render(figures: &Figures, names: &Names, proof: &str) -> String {
    let about = &figures.about;
    let (kind, owner) = about.owner_pair();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "Statement of " (owner) }
                style { (PreEscaped(STYLE)) }
            }
            (LINE_END)
            body {
                main {
                    (LINE_END)
                    h1 { "Statement of " (kind) " " code { (owner) } (owner_name(about, names)) }
                    (LINE_END)
                    @if let Some(time) = about.complete_up_to {
                        p class="limit" { "Complete up to " (time) ", that included, and no further." }
                        (LINE_END)
                    }
                    (about_list(about))
                    h2 { "Balances" }
                    (LINE_END)
                    (balances_table(&figures.balances))
                    h2 { "Entries" }
                    (LINE_END)
                    (lines_table(figures, names))
                    (notes(figures, names))
                    details {
                        summary { "Proof" }
                        (LINE_END)
                        pre id="proof" { (proof) }
                    }
                    (LINE_END)
                }
            }
        }
        (LINE_END)
    };
    page.into_string()
}

fn owner_name(about: &About, names: &Names) -> Markup {
    match &about.owner {
        HistoryOwner::Account(address) => name(address, names),
        HistoryOwner::Asset(_) => Markup::default(),
    }
}

/// The name that the caller has for an address, behind it.
fn name(address: &Address, names: &Names) -> Markup {
    html! {
        @if let Some(name) = names.get(address) {
            " " span class="name" { (written_out(name)) }
        }
    }
}

fn about_list(about: &About) -> Markup {
    html! {
        dl {
            (LINE_END)
            @for (name, value) in about.pairs() {
                dt { (name) }
                dd { (value) }
                (LINE_END)
            }
        }
        (LINE_END)
    }
}

fn balances_table(balances: &[Balances]) -> Markup {
    html! {
        table class="balances" {
            thead {
                tr {
                    th scope="col" { "Asset" }
                    th class="number" scope="col" { "Decimals" }
                    th class="number" scope="col" { "Opening" }
                    th class="number" scope="col" { "Opening held" }
                    th class="number" scope="col" { "Closing" }
                    th class="number" scope="col" { "Closing held" }
                }
            }
            (LINE_END)
            tbody {
                (LINE_END)
                @for item in balances {
                    tr {
                        th scope="row" { (item.asset) }
                        td class="number" { (decimals_text(item.decimals)) }
                        (balance_cells(item.opening.unwrap_or_default(), item.decimals))
                        (balance_cells(item.closing.unwrap_or_default(), item.decimals))
                    }
                    (LINE_END)
                }
            }
        }
        (LINE_END)
    }
}

fn balance_cells(balance: Balance, decimals: Option<u8>) -> Markup {
    html! {
        td class="number" { (amount_text(balance.free, decimals)) }
        td class="number" { (amount_text(balance.held, decimals)) }
    }
}

fn lines_table(figures: &Figures, names: &Names) -> Markup {
    html! {
        table class="lines" {
            thead {
                tr {
                    th class="number" scope="col" { "No." }
                    th scope="col" { "Time" }
                    th scope="col" { "What" }
                    th class="number" scope="col" { "Amount" }
                    th class="number" scope="col" { "Held amount" }
                    th class="number" scope="col" { "Balance" }
                    th class="number" scope="col" { "Held balance" }
                }
            }
            (LINE_END)
            tbody {
                (LINE_END)
                @for line in &figures.lines {
                    tr {
                        td class="number" { (line.number) }
                        td { time { (line.time) } div class="block" { "block " (line.height) } }
                        td { (what(&figures.about.owner, line, names)) }
                        (movement_cells(line))
                    }
                    (LINE_END)
                }
            }
        }
        (LINE_END)
    }
}

fn what(owner: &HistoryOwner, line: &Line, names: &Names) -> Markup {
    html! {
        b { (line.kind) }
        @if let Some(counterparty) = &line.counterparty {
            div class="party" {
                (direction(owner, line)) " " code { (counterparty) } (name(counterparty, names))
            }
        }
        (words("text", &line.text))
        (words("memo", &line.memo))
        (words("metadata", &line.metadata))
        div class="id" { "transaction " code { (line.id) } (place(line)) }
    }
}

fn words(name: &str, words: &Words) -> Markup {
    html! {
        @match words {
            Words::None => {},
            Words::Shown(text) => p { (name) ": " q { (written_out(text)) } },
            Words::Hex(hex) => p { (name) ": " code { (hex) } },
            other => p { (name) ": " em { (instead_of(other)) } },
        }
    }
}

fn movement_cells(line: &Line) -> Markup {
    let amounts = |movement: &Movement| {
        let (held, after) = (
            movement.held.unwrap_or_default(),
            movement.after.unwrap_or_default(),
        );
        [
            moved(movement),
            held.text(movement.decimals, "+"),
            amount_text(after.free, movement.decimals),
            amount_text(after.held, movement.decimals),
        ]
    };
    let cells = line.movement.as_ref().map(amounts).unwrap_or_default();
    html! {
        @for cell in &cells {
            td class="number" { (cell) }
        }
    }
}

fn notes(figures: &Figures, names: &Names) -> Markup {
    html! {
        @for note in notes_of(figures, names, COMPARED) {
            p class="note" { (note) }
            (LINE_END)
        }
    }
}
