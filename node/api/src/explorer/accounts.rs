//! A page for each account.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::TransactionFilter;
use quorate_client::schema::{Account, Balance, SignerView, Transaction, TransactionList, TransactionStatus};
use quorate_ledger::Address;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::cursor::ListTag;
use crate::input::{Name, Params, address, whole_number};
use crate::node::Snapshot;
use crate::problem::Failure;
use crate::scan;

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let address = address(name)?;
    let tag = ListTag::account_transactions(&address);
    let before = params.cursor(&tag, whole_number)?;
    app.read(None, move |snapshot, _| {
        let account = snapshot.account(&address)?;
        let everything = TransactionFilter::default();
        let list = scan::history(snapshot, &address, &everything, before, DEFAULT_PAGE)?;
        let TransactionList { transactions, next } = tag.page(list);
        let body = html! {
            div .title { h1 { "Account" } }
            (facts(&account))
            section aria-labelledby="balances-title" {
                h2 #balances-title { "Balances" }
                (balances(snapshot, &account)?)
            }
            (signers(&account))
            section aria-labelledby="history-title" {
                div .heading {
                    h2 #history-title { "History " span .count { (parts::number(account.transactions)) } }
                    a href={ "transactions?account=" (address) } { "By date, asset or operation" }
                }
                (history_table(snapshot, &address, &transactions)?)
                (pager(&address, before, next.as_deref()))
            }
        };
        let title = format!("Account {}", parts::shorten(&address.to_string()));
        Ok(Page {
            title,
            section: Section::None,
            body,
        })
    })
    .await
}

fn facts(account: &Account) -> Markup {
    parts::facts([
        (
            "Address",
            html! { span #address { (parts::full(&account.address.to_string(), "address")) } },
        ),
        (
            "Transactions",
            html! { span #transaction-count { (parts::number(account.transactions)) } },
        ),
        (
            "History hash",
            parts::short(&account.history.to_string(), "running hash over the history"),
        ),
    ])
}

fn balances(snapshot: &dyn Snapshot, account: &Account) -> Result<Markup, Failure> {
    let decimals = Decimals::of(snapshot, account.balances.iter().map(|balance| balance.asset))?;
    let row = |Balance { asset, amount }: &Balance| {
        vec![
            parts::asset(asset),
            html! { span data-asset=(asset) { (parts::amount(*amount, decimals.get(asset))) } },
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

fn signers(account: &Account) -> Markup {
    html! {
        section aria-labelledby="signers-title" {
            h2 #signers-title { "Signers" }
            @if account.signers.is_empty() {
                p .empty #signers {
                    "The key that the address was made from signs alone."
                }
            } @else {
                p { "A weight of " strong { (parts::number(account.threshold)) } " authorises a transaction." }
                @let row = |signer: &SignerView| vec![
                    parts::short(&signer.key.to_string(), "public key"),
                    html! { (parts::number(signer.weight)) },
                ];
                (parts::table("signers", &["Key", "Weight"], account.signers.iter().map(row).collect(), ""))
            }
        }
    }
}

fn history_table(
    snapshot: &dyn Snapshot,
    address: &Address,
    history: &[Transaction],
) -> Result<Markup, Failure> {
    let codes = history
        .iter()
        .flat_map(|transaction| words::codes(&transaction.operations));
    let decimals = Decimals::of(snapshot, codes)?;
    let row = |transaction: &Transaction| {
        let Transaction {
            sender, operations, ..
        } = transaction;
        // What failed has moved nothing.
        let moved = transaction.status == TransactionStatus::Committed;
        let direction = words::direction(operations, sender, address).filter(|_| moved);
        let cells = vec![
            html! { span .number { @if let Some(number) = transaction.number { (parts::number(number)) } } },
            parts::transaction(&transaction.id),
            html! {
                @match direction {
                    Some(direction) => { span .direction data-direction=(direction) { (direction) } },
                    None => { span .aside aria-label="none" { "–" } },
                }
            },
            words::told(
                transaction.status,
                &words::summary_for(address, sender, operations, &decimals),
            ),
            parts::status(transaction.status),
            transaction.timestamp.map(parts::moment).unwrap_or_default(),
        ];
        Row::of(transaction.status, cells)
    };
    let rows = history.iter().map(row).collect();
    let columns = [
        "Number",
        "Transaction",
        "Direction",
        "What",
        "Status",
        "Time (UTC)",
    ];
    Ok(parts::table(
        "history",
        &columns,
        rows,
        "No transaction has touched this account.",
    ))
}

fn pager(address: &Address, before: Option<u64>, next: Option<&str>) -> Markup {
    let first = format!("accounts/{address}");
    let older = next.map(|next| format!("accounts/{address}?cursor={next}"));
    parts::pager(
        before.map(|_| first.as_str()),
        older.as_deref().map(|href| (href, "Older transactions")),
    )
}
