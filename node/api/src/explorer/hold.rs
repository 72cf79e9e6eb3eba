//! A page for each hold that there ever was: what it is, what is left of it, and what became of it.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::When;
use quorate_client::schema::{
    ActView, ConditionView, Hold, HoldName, OperationView, Transaction, TransactionStatus,
};
use quorate_ledger::limits::MAX_OPEN_HOLDS;
use quorate_ledger::{Address, Amount, AssetCode, Timestamp, visible};

use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::{raw, words};
use crate::app::{App, At};
use crate::config::MAX_ENTRIES_LOOKED_AT;
use crate::cursor::ListTag;
use crate::input::{Name, Params, digest, whole_number};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;
use crate::scan;

/// What the operation that made a hold says.
struct Made {
    name: HoldName,
    beneficiary: Address,
    asset: AssetCode,
    amount: Amount,
    until: Timestamp,
    condition: ConditionView,
    memo: String,
    at: Transaction,
}

/// What became of a hold, a piece of its owner's history at a time.
struct Fate {
    transactions: Vec<Transaction>,
    next: Option<u64>,
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read(&app, &name, &params).await)
}

async fn read(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    params.only(&["cursor"])?;
    let (transaction, operation) = name.split_once('.').ok_or(Failure::NoSuchCall)?;
    let transaction = digest(transaction, "a transaction id")?;
    let operation = whole_number(operation).and_then(|place| u8::try_from(place).ok());
    let operation = operation.ok_or(Failure::NoSuchCall)?;
    // Read before the hold is looked up: it names the hold, but not its owner.
    let cursor = params.text("cursor").map(str::to_owned);
    app.read(None, move |snapshot, _| {
        let at = snapshot.transaction(&transaction)?.ok_or(Failure::NoSuchCall)?;
        let made = made(at, operation).ok_or(Failure::NoSuchCall)?;
        let tag = ListTag::hold_history(&made.name);
        let from = cursor
            .map(|text| tag.place(&text, whole_number))
            .transpose()?;
        let open = open(snapshot, &made.name)?;
        let fate = fate(snapshot, &made, from)?;
        let known = Known::of(
            snapshot,
            words::in_full(&fate.transactions).chain(words::in_full(std::slice::from_ref(&made.at))),
        )?;
        let path = format!("holds/{}.{}", made.name.transaction, made.name.operation);
        let next = fate.next.map(|next| format!("{path}?cursor={}", tag.cursor(next)));
        Ok(Page {
            title: format!("Hold {}", parts::shorten(&made.name.transaction.to_string())),
            section: Section::Holds,
            body: html! {
                div .title { h1 { "Hold" } }
                (facts(&made, open.as_ref(), &known))
                section aria-labelledby="fate-title" {
                    h2 #fate-title { "Releases and refunds, earliest first" }
                    (fate_table(&made.name, &fate, &known))
                    (parts::pager(from.map(|_| path.as_str()), next.as_deref().map(|href| (href, "Look further"))))
                }
            },
        })
    })
    .await
}

/// What an operation of a transaction made, if it is a hold and took effect.
fn made(at: Transaction, operation: u8) -> Option<Made> {
    let act = at.operations.get(usize::from(operation))?;
    let took_effect = at.status == TransactionStatus::Committed;
    let ActView {
        by,
        operation:
            OperationView::Hold {
                beneficiary,
                asset,
                amount,
                until,
                condition,
                memo,
            },
    } = act.clone()
    else {
        return None;
    };
    took_effect.then(|| Made {
        name: HoldName {
            owner: by,
            transaction: at.id,
            operation: operation.into(),
        },
        beneficiary,
        asset,
        amount,
        until,
        condition,
        memo,
        at,
    })
}

/// The hold as it is in the state; none if nothing is left of it.
fn open(snapshot: &dyn Snapshot, name: &HoldName) -> Result<Option<Hold>, Fault> {
    let open = snapshot.holds(&name.owner, None, MAX_OPEN_HOLDS)?;
    Ok(open.into_iter().find(|hold| hold.name == *name))
}

/// The transactions that released or refunded it. They are in its owner's history, behind the one that made it, of
/// which so much is looked at.
fn fate(snapshot: &dyn Snapshot, made: &Made, from: Option<u64>) -> Result<Fate, Failure> {
    let height = made.at.height.map(When::Height);
    let mut numbers = scan::numbers(snapshot, &made.name.owner, height, None)?;
    numbers.start = numbers.start.max(from.unwrap_or(0));
    let looked_at = scan::entries(snapshot, &made.name.owner, &numbers, MAX_ENTRIES_LOOKED_AT)?;
    let last = looked_at.last().and_then(|entry| entry.number);
    let next = last.and_then(|last| last.checked_add(1));
    let mut transactions = looked_at;
    transactions.retain(|transaction| places(transaction, &made.name).next().is_some());
    transactions.retain(|transaction| transaction.status == TransactionStatus::Committed);
    Ok(Fate {
        transactions,
        next: next.filter(|next| *next < numbers.end),
    })
}

/// The places of a transaction's operations that are about a hold.
fn places<'a>(transaction: &'a Transaction, hold: &'a HoldName) -> impl Iterator<Item = usize> + 'a {
    let acts = transaction.operations.iter().enumerate();
    let about = acts.filter(move |(_, act)| match &act.operation {
        OperationView::Release { hold: of, .. } | OperationView::Refund { hold: of } => of == hold,
        _ => false,
    });
    about.map(|(place, _)| place)
}

fn facts(made: &Made, open: Option<&Hold>, known: &Known) -> Markup {
    let owner = made.name.owner;
    let name = format!("{}.{}", made.name.transaction, made.name.operation);
    let mut facts = vec![
        (
            "Name",
            html! { span #name { (parts::full(&name, "hold’s name")) } },
        ),
        (
            "State",
            html! {
                @match open {
                    Some(_) => { span #state .badge.pending data-state="open" { "Open" } },
                    None => { span #state .badge data-state="closed" { "Closed" } " nothing is left of it" },
                }
            },
        ),
        ("Made by", parts::account(&owner)),
        ("For", parts::account(&made.beneficiary)),
        ("Amount", known.amount(made.amount, &made.asset)),
        (
            "Left",
            html! { span #left { (known.amount(open.map_or(Amount(0), |open| open.amount), &made.asset)) } },
        ),
        ("Until", parts::time_in_full(made.until)),
        (
            "Condition",
            html! { "Released if " (words::condition(&made.condition)) },
        ),
        (
            "Made in",
            html! {
                (parts::transaction(&made.name.transaction)) ", operation "
                (parts::number(u32::from(made.name.operation) + 1))
                @if let Some(height) = made.at.height { ", block " (parts::block(height)) }
            },
        ),
    ];
    if !made.memo.is_empty() {
        facts.push(("Memo", html! { q #memo { (visible(&made.memo)) } }));
    }
    let account = format!("accounts/{owner}");
    facts.push((
        "As data",
        raw::links(
            &format!("v1/{account}/holds"),
            None,
            Some(&format!("{account}/proof")),
        ),
    ));
    parts::facts(facts)
}

fn fate_table(hold: &HoldName, fate: &Fate, known: &Known) -> Markup {
    let each = fate
        .transactions
        .iter()
        .flat_map(|transaction| places(transaction, hold).map(move |place| (transaction, place)));
    let row = |(transaction, place): (&Transaction, usize)| -> Row {
        let act = &transaction.operations[place];
        vec![
            transaction.timestamp.map(parts::moment).unwrap_or_default(),
            html! { (words::kind(act.operation.kind())) },
            known.paid(transaction, place),
            parts::account(&act.by),
            parts::transaction(&transaction.id),
        ]
        .into()
    };
    let rows = each.map(row).collect();
    let nothing = match fate.next {
        Some(_) => "None in the part of the owner’s history looked at so far.",
        None => "None.",
    };
    let columns = ["Time (UTC)", "What", "Amount", "By", "Transaction"];
    parts::table("fate", &columns, rows, nothing)
}
