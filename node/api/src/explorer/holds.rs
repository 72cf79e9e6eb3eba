//! Open holds, of an account or of an asset.

use std::fmt;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Hold, HoldName};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::limits::MAX_OPEN_HOLDS;
use quorate_ledger::{Address, Amount, AssetCode, HoldRef};

use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::{csv, parts, raw, selection, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_HOLDERS_LOOKED_AT, MAX_LOOKED_AT, MAX_PAGE};
use crate::cursor::ListTag;
use crate::input::{Params, address, asset_code, hold_place, write_hold_place};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;

/// Whose holds are asked for: of an account, in an asset, or both.
#[derive(Clone, Copy)]
struct Choice {
    account: Option<Address>,
    asset: Option<AssetCode>,
    /// Holds of a page, if it is said.
    limit: Option<usize>,
}

/// Where a list goes on: behind one of an owner's holds, or behind all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    owner: Address,
    hold: Option<HoldRef>,
}

impl Mark {
    /// Reads what [`Mark`] writes.
    fn read(text: &str) -> Option<Self> {
        let (owner, hold) = match text.split_once('.') {
            Some((owner, hold)) => (owner, Some(hold)),
            None => (text, None),
        };
        let owner = owner.parse().ok()?;
        let hold = match hold {
            Some(hold) => Some(hold_place(owner, hold)?),
            None => None,
        };
        Some(Self { owner, hold })
    }

    fn behind(hold: &Hold) -> Option<Self> {
        let name = &hold.name;
        let hold = HoldRef {
            owner: name.owner,
            transaction: name.transaction,
            operation: u8::try_from(name.operation).ok()?,
        };
        Some(Self {
            owner: name.owner,
            hold: Some(hold),
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.owner)?;
        match &self.hold {
            Some(hold) => write!(f, ".{}.{}", hold.transaction, hold.operation),
            None => Ok(()),
        }
    }
}

/// A page of holds in the making.
struct Found {
    asset: Option<AssetCode>,
    limit: usize,
    holds: Vec<Hold>,
    looked_at: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.holds.len() >= self.limit
    }

    /// Adds an owner's holds behind one of them; if not all have room, where the list goes on.
    fn add(
        &mut self,
        snapshot: &dyn Snapshot,
        owner: &Address,
        behind: Option<HoldRef>,
    ) -> Result<Option<Mark>, Fault> {
        for hold in snapshot.holds(owner, behind, MAX_OPEN_HOLDS)? {
            self.looked_at += 1;
            if self.asset.is_some_and(|asset| asset != hold.asset) {
                continue;
            }
            if self.is_full() {
                return Ok(self.holds.last().and_then(Mark::behind));
            }
            self.holds.push(hold);
        }
        Ok(None)
    }
}

impl Choice {
    /// Reads the parameters of a page, or of a file, which has more holds.
    fn read(params: &Params, most: usize) -> Result<Self, Failure> {
        params.only(&["account", "asset", "limit", "cursor"])?;
        let spelt = params.spelt(selection::spelt);
        Ok(Self {
            account: spelt.text("account").map(address).transpose()?,
            asset: spelt.text("asset").map(asset_code).transpose()?,
            limit: params.limit_up_to(most)?,
        })
    }

    fn is_made(&self) -> bool {
        self.account.is_some() || self.asset.is_some()
    }

    fn tag(&self) -> ListTag {
        ListTag::open_holds(self.account.as_ref(), self.asset.as_ref())
    }

    fn address(&self, path: &str, cursor: Option<&str>) -> String {
        let said = [
            ("account", self.account.map(|account| account.to_string())),
            ("asset", self.asset.map(|asset| asset.to_string())),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("cursor", cursor.map(str::to_owned)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
        match said.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", said.join("&")),
        }
    }

    /// The holds behind a mark. Of an asset they are those of its holders, which are looked at by address, so many in
    /// a call: a page may be short, and not the last.
    fn holds(
        &self,
        snapshot: &dyn Snapshot,
        mark: Option<Mark>,
        limit: usize,
    ) -> Result<(Vec<Hold>, Option<Mark>), Failure> {
        let mut found = Found {
            asset: self.asset,
            limit,
            holds: Vec::new(),
            looked_at: 0,
        };
        let next = match (self.account, self.asset) {
            (Some(account), _) => found.add(snapshot, &account, mark.and_then(|mark| mark.hold))?,
            (None, Some(asset)) => holders(snapshot, &asset, mark, &mut found)?,
            (None, None) => None,
        };
        Ok((found.holds, next))
    }
}

/// The holds of an asset's holders behind a mark.
fn holders(
    snapshot: &dyn Snapshot,
    asset: &AssetCode,
    mark: Option<Mark>,
    found: &mut Found,
) -> Result<Option<Mark>, Failure> {
    if let Some(Mark {
        owner,
        hold: Some(hold),
    }) = mark
        && let Some(next) = found.add(snapshot, &owner, Some(hold))?
    {
        return Ok(Some(next));
    }
    let mut last = mark.map(|mark| mark.owner);
    let mut holders = 0;
    loop {
        let piece = snapshot.holders(asset, last, MAX_PAGE)?;
        let ends = piece.len() < MAX_PAGE;
        for holder in piece {
            let enough =
                found.is_full() || found.looked_at >= MAX_LOOKED_AT || holders >= MAX_HOLDERS_LOOKED_AT;
            if let Some(owner) = last.filter(|_| enough) {
                return Ok(Some(Mark { owner, hold: None }));
            }
            if holder.held > Amount(0)
                && let Some(next) = found.add(snapshot, &holder.address, None)?
            {
                return Ok(Some(next));
            }
            holders += 1;
            last = Some(holder.address);
        }
        if ends {
            return Ok(None);
        }
    }
}

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let choice = Choice::read(params, MAX_PAGE)?;
    let limit = choice.limit.unwrap_or(DEFAULT_PAGE);
    let tag = choice.tag();
    let mark = params.cursor(&tag, Mark::read)?;
    app.read(None, move |snapshot, _| {
        let (holds, next) = choice.holds(snapshot, mark, limit)?;
        let next = next.map(|next| choice.address("holds", Some(&tag.cursor(next))));
        let cursor = mark.map(|mark| tag.cursor(mark));
        let first = choice.address("holds", None);
        let nothing = match next.is_some() {
            true => "None among the holders looked at so far. The others are on the next page.",
            false => "There is no open hold.",
        };
        let body = html! {
            h1 { "Holds" }
            p .lead {
                "A hold sets an amount apart for somebody else. Until its time it is released to whom it is for, once its condition is met; from then on it is given back."
            }
            (form(&choice))
            @if choice.is_made() {
                (table(snapshot, &holds, choice.account.is_some(), nothing)?)
                (parts::pager(mark.map(|_| first.as_str()), next.as_deref().map(|href| (href, "More holds"))))
                (as_data(&choice, cursor.as_deref()))
            } @else {
                p #choose {
                    "Open holds are listed of an account or of an asset. All transactions that ever made one: "
                    a href="transactions?kind=hold" { "holds made" } "."
                }
            }
        };
        Ok(Page {
            title: "Holds".to_owned(),
            section: Section::Holds,
            body,
        })
    })
    .await
}

fn form(choice: &Choice) -> Markup {
    let account = choice.account.map(|account| account.to_string());
    let asset = choice.asset.map(|asset| asset.to_string());
    html! {
        form .filters #filters action="holds" method="get" aria-label="Filters" {
            (selection::field("account", "Made by account", "qr1…", account.as_deref()))
            (selection::field("asset", "Asset", "such as QRT", asset.as_deref()))
            div .act {
                button type="submit" { "Show" }
                @if choice.is_made() { " " a href="holds" { "Clear" } }
            }
        }
    }
}

fn as_data(choice: &Choice, cursor: Option<&str>) -> Markup {
    let (document, proof) = match &choice.account {
        Some(account) => (
            Some(format!("v1/accounts/{account}/holds")),
            Some(format!("accounts/{account}/proof")),
        ),
        None => (None, None),
    };
    let file = Choice {
        limit: None,
        ..*choice
    };
    let file = file.address("holds.csv", cursor);
    raw::list(Some(&file), document.as_deref(), proof.as_deref())
}

/// Open holds, each with a link to its page; of one account, or with the accounts that made them.
pub(super) fn table(
    snapshot: &dyn Snapshot,
    holds: &[Hold],
    of_one: bool,
    nothing: &'static str,
) -> Result<Markup, Failure> {
    let known = Known::assets(snapshot, holds.iter().map(|hold| hold.asset))?;
    let row = |hold: &Hold| {
        let mut cells = vec![
            link(&hold.name),
            parts::account(&hold.beneficiary),
            known.amount(hold.amount, &hold.asset),
            parts::moment(hold.until),
            html! { "Released if " (words::condition(&hold.condition)) },
        ];
        if !of_one {
            cells.insert(1, parts::account(&hold.name.owner));
        }
        cells
    };
    let rows = holds.iter().map(row).collect();
    let mut columns = vec!["Hold", "For", "Amount left", "Until (UTC)", "Condition"];
    if !of_one {
        columns.insert(1, "Made by");
    }
    Ok(parts::table("holds", &columns, rows, nothing))
}

/// A hold by the operation that made it, with a link to its page.
pub(super) fn link(hold: &HoldName) -> Markup {
    let (transaction, operation) = (hold.transaction.to_string(), hold.operation);
    let href = format!("holds/{transaction}.{operation}");
    html! {
        (parts::link(&href, &transaction, "transaction id"))
        " operation " (parts::number(u32::from(operation) + 1))
    }
}

/// The list as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "holds.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    let choice = Choice::read(params, MAX_LOOKED_AT)?;
    if !choice.is_made() {
        let detail = "holds are listed of an `account` or of an `asset`: give one";
        return Err(Failure::malformed("malformed_query", detail));
    }
    let limit = choice.limit.unwrap_or(MAX_LOOKED_AT);
    let tag = choice.tag();
    let mark = params.cursor(&tag, Mark::read)?;
    app.read(None, move |snapshot, _| {
        let (holds, next) = choice.holds(snapshot, mark, limit)?;
        let known = Known::assets(snapshot, holds.iter().map(|hold| hold.asset))?;
        let mut table = csv::Table::new([
            "hold",
            "owner",
            "beneficiary",
            "asset",
            "amount",
            "units",
            "until",
            "needed",
            "conditions",
        ]);
        for hold in &holds {
            let amount = known
                .decimals(&hold.asset)
                .map(|decimals| format_amount(hold.amount, decimals));
            table.row([
                write_hold_place(hold),
                hold.name.owner.to_string(),
                hold.beneficiary.to_string(),
                hold.asset.to_string(),
                csv::or_empty(amount),
                hold.amount.to_string(),
                rfc3339_of(hold.until),
                hold.condition.need.to_string(),
                hold.condition.of.len().to_string(),
            ]);
        }
        Ok(table.end(next.map(|next| choice.address("holds.csv", Some(&tag.cursor(next))))))
    })
    .await
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Digest, Key};

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let owner = Key::Ed25519([1; 32]).address();
        let hold = HoldRef {
            owner,
            transaction: Digest([7; 32]),
            operation: 3,
        };
        for mark in [
            Mark { owner, hold: None },
            Mark {
                owner,
                hold: Some(hold),
            },
        ] {
            assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        }
        for other in [
            "",
            "x",
            ".",
            &format!("{owner}."),
            &format!("{owner}.7.0"),
            &format!("{owner}.{}", hold.transaction),
        ] {
            assert_eq!(Mark::read(other), None, "{other}");
        }
    }
}
