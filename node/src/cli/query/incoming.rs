//! What others hold for an account. The state has holds by their owners alone, and says of the beneficiary how many there
//! are: the owners are found in its history, where every hold for it stands.

use std::collections::BTreeSet;

use quorate_client::schema::{Hold, OperationView, Transaction, TransactionStatus};
use quorate_client::text::rfc3339_of;
use quorate_client::{Client, Page};
use quorate_ledger::Address;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, say};
use quorate_tools::wallet::Ledger;
use quorate_verifier::HeadFacts;
use serde::Serialize;

use super::HoldsArgs;
use super::accounts::condition;
use super::proven::{self, Head, given};
use crate::cli::wallet::account::Decimals;

/// The most transactions of the account that are looked at.
const MAX_LOOKED_AT: usize = 20_000;

/// The most owners whose holds are looked at.
const MAX_OWNERS: usize = 1_000;

/// How much a node is asked for at a time.
const AT_A_TIME: u32 = 200;

/// The most pages of one owner's holds: it has 256 at most.
const MAX_PAGES: usize = 4;

/// What is shown.
#[derive(Serialize)]
struct View {
    beneficiary: Address,
    /// Those that end first come first.
    holds: Vec<Hold>,
    /// How many there are, as is proven; null without the genesis document.
    open: Option<u64>,
    /// Whether none is missing: as is proven, or else if the node has told the whole history.
    complete: bool,
    /// How many transactions of the account were looked at.
    looked_at: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    proven: Option<Head>,
}

/// Who holds something for the account, or did.
struct Owners {
    all: BTreeSet<Address>,
    looked_at: usize,
    /// Whether the whole history was looked at.
    is_whole: bool,
}

/// Shows what others hold for an account.
pub(super) async fn holds(args: &HoldsArgs, output: &Output) -> Result<(), Failure> {
    let beneficiary = args.address;
    let ledger = args.ask.proving().await?;
    let client = match &ledger {
        Some(ledger) => ledger.client().clone(),
        None => args.ask.client()?,
    };
    let account = match &ledger {
        Some(ledger) => Some(given(ledger.proven_account(&beneficiary).await?)?),
        None => None,
    };
    let owners = Owners::of(&client, &beneficiary).await?;
    let mut head = account.as_ref().map(|proven| proven.head);
    let mut holds = Vec::new();
    for owner in &owners.all {
        let own = match &ledger {
            Some(ledger) => proven_holds(ledger, owner, &mut head).await?,
            None => told_holds(&client, owner).await?,
        };
        holds.extend(own.into_iter().filter(|hold| hold.beneficiary == beneficiary));
    }
    holds.sort_by_key(|hold| hold.until);
    let open = account.map(|proven| proven.value.incoming);
    let view = View {
        beneficiary,
        open,
        complete: match open {
            Some(open) => u64::try_from(holds.len()) == Ok(open),
            None => owners.is_whole,
        },
        holds,
        looked_at: owners.looked_at,
        proven: head.as_ref().map(Head::from),
    };
    let decimals = decimals_of(&view.holds, ledger.as_ref(), &client, output).await?;
    output.print(&view, |output| text(&view, &decimals, head.as_ref(), output))?;
    view.say_what_may_be_missing(owners.is_whole);
    Ok(())
}

impl Owners {
    async fn of(client: &Client, beneficiary: &Address) -> Result<Self, Failure> {
        let mut owners = Self {
            all: BTreeSet::new(),
            looked_at: 0,
            is_whole: false,
        };
        let mut page = Page {
            limit: Some(AT_A_TIME),
            cursor: None,
        };
        // A page may be empty and go on.
        let mut pages = 0;
        while owners.looked_at < MAX_LOOKED_AT && pages < MAX_LOOKED_AT && owners.all.len() < MAX_OWNERS {
            let list = client.account_transactions(beneficiary, &page).await?;
            owners.looked_at += list.transactions.len();
            pages += 1;
            for transaction in &list.transactions {
                owners.all.extend(made_for(transaction, beneficiary));
            }
            page.cursor = list.next;
            if page.cursor.is_none() {
                owners.is_whole = true;
                break;
            }
        }
        Ok(owners)
    }
}

/// Who has made a hold for the account in a transaction.
fn made_for(transaction: &Transaction, account: &Address) -> impl Iterator<Item = Address> {
    let is_executed = transaction.status == TransactionStatus::Committed;
    let acts = transaction.operations.iter().filter(move |_| is_executed);
    acts.filter_map(move |act| match &act.operation {
        OperationView::Hold { beneficiary, .. } if beneficiary == account => Some(act.by),
        _ => None,
    })
}

/// An owner's open holds, proven; keeps the oldest block as of which anything is.
async fn proven_holds(
    ledger: &Ledger,
    owner: &Address,
    head: &mut Option<HeadFacts>,
) -> Result<Vec<Hold>, Failure> {
    let proven = given(ledger.proven_account(owner).await?)?;
    if head.is_none_or(|oldest| proven.head.height < oldest.height) {
        *head = Some(proven.head);
    }
    Ok(proven.value.holds)
}

/// The same by the node's word.
async fn told_holds(client: &Client, owner: &Address) -> Result<Vec<Hold>, Failure> {
    let mut holds = Vec::new();
    let mut page = Page {
        limit: Some(AT_A_TIME),
        cursor: None,
    };
    for _ in 0..MAX_PAGES {
        let list = client.holds(owner, &page).await?;
        holds.extend(list.holds);
        page.cursor = list.next;
        if page.cursor.is_none() {
            break;
        }
    }
    Ok(holds)
}

async fn decimals_of(
    holds: &[Hold],
    ledger: Option<&Ledger>,
    client: &Client,
    output: &Output,
) -> Result<Decimals, Failure> {
    if !output.is_text() {
        return Ok(Decimals::new());
    }
    let assets = holds.iter().map(|hold| hold.asset);
    if let Some(ledger) = ledger {
        return proven::decimals_of(ledger, assets).await;
    }
    let mut decimals = Decimals::new();
    for asset in assets {
        decimals.learn(client, &asset).await?;
    }
    Ok(decimals)
}

fn text(view: &View, decimals: &Decimals, head: Option<&HeadFacts>, output: &Output) -> String {
    let row = |hold: &Hold| {
        vec![
            format!("{}/{}", hold.name.transaction, hold.name.operation),
            decimals.show(hold.amount, &hold.asset),
            hold.name.owner.to_string(),
            rfc3339_of(hold.until),
            condition(&hold.condition),
        ]
    };
    let list = match view.holds.as_slice() {
        [] => format!("No open holds for {} were found.\n", view.beneficiary),
        some => output.table(
            &["HOLD", ">AMOUNT", "OF", "UNTIL", "RELEASED IF"],
            some.iter().map(row).collect(),
        ),
    };
    let proven = head.map_or_else(String::new, |head| {
        let (name, value) = proven::field(head);
        output.fields(&[(name, value)])
    });
    format!("{list}{proven}")
}

impl View {
    fn say_what_may_be_missing(&self, is_whole: bool) {
        match self.open {
            Some(open) if !self.complete => say(format!(
                "warning: {open} holds for the account are open, as is proven, and {} are listed: the node does not \
                 show who made the others, or some were made or closed meanwhile",
                self.holds.len()
            )),
            Some(_) => {}
            None => say(
                "note: which holds there are for the account is the node's word; --genesis FILE proves it",
            ),
        }
        let is_proven = self.open.is_some() && self.complete;
        if !is_whole && !is_proven {
            say(format!(
                "note: only the newest {} transactions of the account were looked at: holds that were made before, by \
                 accounts that made none since, are missing",
                self.looked_at
            ));
        }
    }
}
