//! A page for each account.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::TransactionFilter;
use quorate_client::schema::{
    Account, Balance, FreezeView, SignerView, Transaction, TransactionList, TransactionStatus,
};
use quorate_client::wallet::format_amount;
use quorate_ledger::{Address, Amount};

use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::{checks, csv, holds, members, raw, selection, words};
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::cursor::ListTag;
use crate::governance;
use crate::input::{Name, Params, address, whole_number};
use crate::node::Snapshot;
use crate::problem::Failure;
use crate::scan;

/// Open holds that the page shows.
const HOLDS: usize = 10;

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let address = address(name)?;
    let tag = ListTag::account_transactions(&address);
    let before = params.cursor(&tag, whole_number)?;
    app.read(None, move |snapshot, _| {
        let account = governance::account(snapshot, &address)?;
        let everything = TransactionFilter::default();
        let list = scan::history(snapshot, &address, &everything, before, DEFAULT_PAGE)?;
        let TransactionList { transactions, next } = tag.page(list);
        let body = html! {
            div .title { h1 { "Account" } }
            (facts(&account))
            section aria-labelledby="balances-title" {
                h2 #balances-title { "Balances" }
                (balances(snapshot, &account)?)
                (raw::list(Some(&format!("accounts/{address}/balances.csv")), None, None))
            }
            (open_holds(snapshot, &account)?)
            (signers(&account))
            (granted(&account))
            section aria-labelledby="history-title" {
                div .heading {
                    h2 #history-title { "History " span .count { (parts::number(account.transactions)) } }
                    a href={ "transactions?account=" (address) } { "By date, asset or operation" }
                }
                (history_table(snapshot, &address, &transactions)?)
                (pager(&address, before, next.as_deref()))
                (raw::list(
                    Some(&format!("transactions.csv?account={address}")),
                    Some(&format!("v1/accounts/{address}/transactions")),
                    Some(&format!("accounts/{address}/statement/proof")),
                ))
            }
            (statement(&address))
            (checks::section("account", &address.to_string(), &format!("accounts/{address}/proof")))
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
    let path = format!("accounts/{}", account.address);
    let mut facts = vec![(
        "Address",
        html! { span #address { (parts::full(&account.address.to_string(), "address")) } },
    )];
    if let Some(member) = account.member {
        facts.push(("Member", html! { "Belongs to member " (parts::number(member)) }));
    }
    facts.extend([
        (
            "Transactions",
            html! { span #transaction-count { (parts::number(account.transactions)) } },
        ),
        (
            "History hash",
            parts::short(&account.history.to_string(), "running hash over the history"),
        ),
        (
            "As data",
            raw::links(&format!("v1/{path}"), None, Some(&format!("{path}/proof"))),
        ),
    ]);
    parts::facts(facts)
}

fn balances(snapshot: &dyn Snapshot, account: &Account) -> Result<Markup, Failure> {
    let known = Known::assets(snapshot, account.balances.iter().map(|balance| balance.asset))?;
    let row = |Balance { asset, amount, held }: &Balance| {
        let decimals = known.decimals(asset);
        vec![
            parts::asset(asset),
            html! { span data-asset=(asset) { (parts::amount(*amount, decimals)) } },
            html! { span data-held=(asset) { (parts::amount(*held, decimals)) } },
        ]
    };
    let rows = account.balances.iter().map(row).collect();
    Ok(parts::table(
        "balances",
        &["Asset", "Can use", "Held"],
        rows,
        "This account holds nothing.",
    ))
}

/// The balances as a file.
pub(super) async fn balances_file(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let file = format!("balances-{name}.csv");
    csv::answer(&app, &here, &file, read_balances(&app, &name, &params).await)
}

async fn read_balances(app: &App, name: &str, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&[])?;
    let address = address(name)?;
    app.read(None, move |snapshot, _| {
        let account = snapshot.account(&address)?;
        let known = Known::assets(snapshot, account.balances.iter().map(|balance| balance.asset))?;
        let mut table = csv::Table::new(["asset", "amount", "held", "units", "held_units"]);
        for Balance { asset, amount, held } in &account.balances {
            let told = |units: Amount| {
                known
                    .decimals(asset)
                    .map(|decimals| format_amount(units, decimals))
            };
            table.row([
                asset.to_string(),
                csv::or_empty(told(*amount)),
                csv::or_empty(told(*held)),
                amount.to_string(),
                held.to_string(),
            ]);
        }
        Ok(table.end(None))
    })
    .await
}

/// The first of the account's open holds.
fn open_holds(snapshot: &dyn Snapshot, account: &Account) -> Result<Markup, Failure> {
    if account.holds == 0 {
        return Ok(html! {});
    }
    let shown = snapshot.holds(&account.address, None, HOLDS)?;
    Ok(html! {
        section aria-labelledby="holds-title" {
            div .heading {
                h2 #holds-title { "Open holds " span .count { (parts::number(account.holds)) } }
                a href={ "holds?account=" (account.address) } { "All, and as data" }
            }
            p { "Held beside what the account can use. Until its time a hold is released to whom it is for, once its condition is met; from then on it is given back." }
            (holds::table(snapshot, &shown, true, "None.")?)
        }
    })
}

/// The form that shows a statement.
fn statement(address: &Address) -> Markup {
    html! {
        section aria-labelledby="statement-title" {
            h2 #statement-title { "Statement" }
            p {
                "Every entry between two dates, with the balances before and after, to read and as files; one of them is a proof that "
                code { "quorate audit verify" } " checks against the genesis document alone. Without dates it is of all entries."
            }
            form .filters #statement action={ "accounts/" (address) "/statement" } method="get" aria-label="Statement" {
                (selection::field("from", "From (UTC)", "date or height", None))
                (selection::field("to", "To (UTC)", "date or height", None))
                div .act {
                    button type="submit" { "Show the statement" }
                    " " (checks::button("statement", &address.to_string(), &format!("accounts/{address}/statement/proof")))
                }
            }
            (checks::place())
        }
    }
}

/// What the account was granted and what it is frozen for, if anything.
fn granted(account: &Account) -> Markup {
    let row = |freeze: &FreezeView| {
        vec![
            html! {
                @match &freeze.asset {
                    Some(asset) => (parts::asset(asset)),
                    None => { "All assets" },
                }
            },
            parts::account(&freeze.by),
            parts::moment(freeze.timestamp),
        ]
    };
    html! {
        @if !account.grants.is_empty() {
            section aria-labelledby="grants-title" {
                h2 #grants-title { "Roles and rights" }
                (members::granted("grants", &account.grants))
            }
        }
        @if !account.freezes.is_empty() {
            section aria-labelledby="freezes-title" {
                h2 #freezes-title { "Frozen" }
                p { "Of what is frozen the account can send, hold and burn nothing." }
                (parts::table("freezes", &["For", "By", "Since (UTC)"], account.freezes.iter().map(row).collect(), ""))
            }
        }
    }
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
    let known = Known::of(snapshot, words::in_full(history))?;
    let row = |transaction: &Transaction| {
        // What failed has moved nothing.
        let moved = transaction.status == TransactionStatus::Committed;
        let direction = words::direction(transaction, address, &known).filter(|_| moved);
        let cells = vec![
            html! { span .number { @if let Some(number) = transaction.number { (parts::number(number)) } } },
            parts::transaction(&transaction.id),
            html! {
                @match direction {
                    Some(direction) => { span .direction data-direction=(direction) { (direction) } },
                    None => { span .aside { "none" } },
                }
            },
            words::told(
                transaction.status,
                &words::summary_for(address, transaction, &known),
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
