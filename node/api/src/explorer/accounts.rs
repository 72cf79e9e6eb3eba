//! A page for each account.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_ledger::Address;

use super::layout::{self, Page, Section};
use super::parts;
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::facts::{AccountFacts, HistoryFacts, TransactionFacts};
use crate::input::{Name, Params, address, whole_number};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;
use crate::shape;

pub(super) async fn page(State(app): State<App>, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let address = address(name)?;
    let before = params.cursor(whole_number)?;
    app.read(None, move |snapshot, _| {
        let account = snapshot.account(&address)?;
        let history = snapshot.history(&address, before, DEFAULT_PAGE)?;
        let body = html! {
            div .title { h1 { "Account" } }
            (facts(&address, &account))
            section aria-labelledby="balances-title" {
                h2 #balances-title { "Balances" }
                (balances(snapshot, &account)?)
            }
            (signers(&account))
            section aria-labelledby="history-title" {
                h2 #history-title { "History " span .count { (parts::grouped(&account.transactions.to_string())) } }
                (history_table(snapshot, &address, &history)?)
                (pager(&address, before, &history))
            }
        };
        let title = format!("Account {}", parts::shorten(&address.to_string()));
        Ok(Page { title, section: Section::None, body })
    })
    .await
}

fn facts(address: &Address, account: &AccountFacts) -> Markup {
    parts::facts([
        (
            "Address",
            html! { span #address { (parts::full(&address.to_string(), "address")) } },
        ),
        (
            "Transactions",
            html! { span #transaction-count { (parts::grouped(&account.transactions.to_string())) } },
        ),
        (
            "History hash",
            parts::short(&account.history.to_string(), "running hash over the history"),
        ),
    ])
}

fn balances(snapshot: &dyn Snapshot, account: &AccountFacts) -> Result<Markup, Failure> {
    let decimals = Decimals::of(snapshot, account.balances.iter().map(|(code, _)| *code))?;
    let row = |(code, amount): &(quorate_ledger::AssetCode, quorate_ledger::Amount)| {
        vec![
            parts::asset(code),
            html! { span data-asset=(code) { (parts::amount(*amount, decimals.get(code))) } },
        ]
    };
    let rows = account.balances.iter().map(row).collect();
    Ok(parts::table(
        "balances",
        &["Asset", "Amount"],
        rows,
        "This account holds nothing.",
    ))
}

fn signers(account: &AccountFacts) -> Markup {
    html! {
        section aria-labelledby="signers-title" {
            h2 #signers-title { "Signers" }
            @match &account.signers {
                None => p .empty #signers {
                    "The key that the address was made from signs alone."
                },
                Some(signers) => {
                    p { "A weight of " strong { (signers.threshold) } " authorises a transaction." }
                    @let row = |signer: &quorate_ledger::Signer| vec![
                        parts::short(&signer.key.to_string(), "public key"),
                        html! { (signer.weight) },
                    ];
                    (parts::table("signers", &["Key", "Weight"], signers.signers.iter().map(row).collect(), ""))
                }
            }
        }
    }
}

fn history_table(
    snapshot: &dyn Snapshot,
    address: &Address,
    history: &[HistoryFacts],
) -> Result<Markup, Failure> {
    let mut entries: Vec<(u64, TransactionFacts)> = Vec::new();
    for entry in history {
        let facts = snapshot.transaction(&entry.id)?.ok_or_else(|| {
            Fault(format!(
                "transaction {} is in the history of {address} and not on the chain",
                entry.id
            ))
        })?;
        entries.push((entry.number, facts));
    }
    let codes = entries
        .iter()
        .flat_map(|(_, facts)| words::codes(&facts.transaction.intent().operations));
    let decimals = Decimals::of(snapshot, codes)?;
    let row = |(number, facts): &(u64, TransactionFacts)| {
        let intent = facts.transaction.intent();
        let direction = words::direction(&intent.operations, &intent.sender, address);
        vec![
            html! { span .number { (number) } },
            parts::transaction(&facts.id),
            html! {
                @match direction {
                    Some(direction) => { span .direction data-direction=(direction) { (direction) } },
                    None => { span .aside aria-label="none" { "–" } },
                }
            },
            words::summary_for(address, &intent.sender, &intent.operations, &decimals),
            parts::status(shape::transaction(facts).status),
            parts::time(facts.timestamp),
        ]
    };
    let rows = entries.iter().map(row).collect();
    let columns = ["Number", "Transaction", "Direction", "What", "Status", "Time"];
    Ok(parts::table(
        "history",
        &columns,
        rows,
        "No transaction has touched this account.",
    ))
}

fn pager(address: &Address, before: Option<u64>, history: &[HistoryFacts]) -> Markup {
    let first = format!("/accounts/{address}");
    let last = history
        .last()
        .map(|entry| entry.number)
        .filter(|number| *number > 1);
    let older = last.map(|number| format!("/accounts/{address}?cursor={number}"));
    parts::pager(
        before.map(|_| first.as_str()),
        older.as_deref().map(|href| (href, "Older transactions")),
    )
}
