//! Assets: the list, and a page for each.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Asset, AssetList, Holder, HolderList};
use quorate_client::spreadsheet::cell;
use quorate_client::wallet::format_amount;
use quorate_ledger::{Amount, AssetCode, Height, visible};

use super::here::Here;
use super::layout::{self, Page, Section};
use super::{checks, csv, parts, raw, selection};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_FILE_ROWS, MAX_HOLDERS_LOOKED_AT, MAX_PAGE};
use crate::cursor::ListTag;
use crate::input::{Name, Params, address, asset_code};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;
use crate::routes::{self, assets::unknown_asset};

/// How many of the largest holders a page shows.
const LARGEST: usize = 10;

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let after = params.cursor(&ListTag::assets(), |text| text.parse().ok())?;
    app.read(None, move |snapshot, _| {
        let AssetList { assets, next } = routes::assets::list(snapshot, after, DEFAULT_PAGE)?;
        let next = next.map(|next| format!("assets?cursor={next}"));
        let row = |asset: &Asset| {
            vec![
                parts::asset(&asset.code),
                parts::free(&asset.description),
                parts::amount(asset.supply, Some(asset.decimals)),
                parts::account(&asset.issuer),
            ]
        };
        let rows = assets.iter().map(row).collect();
        let columns = ["Code", "Description", "Supply", "Issuer"];
        let body = html! {
            h1 { "Assets" }
            (parts::table("assets", &columns, rows, "No asset exists yet."))
            (parts::pager(after.map(|_| "assets"), next.as_deref().map(|href| (href, "More assets"))))
            (raw::list(Some("assets.csv"), Some("v1/assets"), None))
        };
        Ok(Page {
            title: "Assets".to_owned(),
            section: Section::Assets,
            body,
        })
    })
    .await
}

/// The list as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "assets.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&["cursor"])?;
    let after = params.cursor(&ListTag::assets(), |text| text.parse().ok())?;
    app.read(None, move |snapshot, _| {
        let AssetList { assets, next } = routes::assets::list(snapshot, after, MAX_FILE_ROWS)?;
        let mut table = csv::Table::new(["code", "decimals", "supply", "units", "issuer", "description"]);
        for asset in assets {
            table.row([
                asset.code.to_string(),
                asset.decimals.to_string(),
                format_amount(asset.supply, asset.decimals),
                asset.supply.to_string(),
                asset.issuer.to_string(),
                cell(&asset.description),
            ]);
        }
        Ok(table.end(next.map(|next| format!("assets.csv?cursor={next}"))))
    })
    .await
}

/// An asset's holders as a file.
pub(super) async fn holders_file(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let code = selection::spelt("asset", &name);
    let file = format!("holders-{code}.csv");
    csv::answer(&app, &here, &file, read_holders(&app, &code, &params).await)
}

async fn read_holders(app: &App, code: &str, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&["cursor"])?;
    let code = asset_code(code)?;
    let after = params.cursor(&ListTag::holders(&code), |text| address(text).ok())?;
    app.read(None, move |snapshot, _| {
        let decimals = snapshot.asset(&code)?.ok_or_else(unknown_asset)?.decimals;
        let HolderList { holders, next } = routes::assets::held(snapshot, &code, after, MAX_FILE_ROWS)?;
        let mut table = csv::Table::new(["address", "amount", "held", "units", "held_units"]);
        for holder in holders {
            table.row([
                holder.address.to_string(),
                format_amount(holder.amount, decimals),
                format_amount(holder.held, decimals),
                holder.amount.to_string(),
                holder.held.to_string(),
            ]);
        }
        Ok(table.end(next.map(|next| format!("assets/{code}/holders.csv?cursor={next}"))))
    })
    .await
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read_page(&app, &name, &params).await)
}

async fn read_page(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let code = asset_code(&selection::spelt("asset", name))?;
    let after = params.cursor(&ListTag::holders(&code), |text| address(text).ok())?;
    app.read(None, move |snapshot, _| {
        let asset = snapshot.asset(&code)?.ok_or_else(unknown_asset)?;
        let HolderList { holders, next } = routes::assets::held(snapshot, &code, after, DEFAULT_PAGE)?;
        let next = next.map(|next| format!("assets/{code}?cursor={next}"));
        let first = format!("assets/{code}");
        let all = all_holders(snapshot, &code)?;
        let body = html! {
            div .title { h1 { "Asset " span #code { (code) } } }
            @if !asset.description.is_empty() { p .lead { (visible(&asset.description)) } }
            (facts(&asset))
            @if snapshot.height() > Height::GENESIS {
                (checks::section("asset", &code.to_string(), &format!("assets/{code}/proof")))
            }
            (largest(&asset, all.as_deref()))
            section aria-labelledby="holders-title" {
                h2 #holders-title {
                    "Holders by address "
                    span .count #holder-count {
                        @match &all {
                            Some(all) => (parts::number(all.len())),
                            None => { (parts::number(MAX_HOLDERS_LOOKED_AT)) " or more" },
                        }
                    }
                }
                (holders_table("holders", &asset, &holders))
                (parts::pager(after.map(|_| first.as_str()), next.as_deref().map(|href| (href, "More holders"))))
                (raw::list(
                    Some(&format!("assets/{code}/holders.csv")),
                    Some(&format!("v1/assets/{code}/holders")),
                    None,
                ))
                p { a href={ "holds?asset=" (code) } { "Open holds of this asset" } }
            }
        };
        Ok(Page { title: format!("Asset {code}"), section: Section::Assets, body })
    })
    .await
}

fn facts(asset: &Asset) -> Markup {
    let path = format!("assets/{}", asset.code);
    parts::facts([
        (
            "Supply",
            html! { span #supply { (parts::amount(asset.supply, Some(asset.decimals))) } },
        ),
        ("Issuer", parts::account(&asset.issuer)),
        ("Decimals", html! { (asset.decimals) }),
        (
            "As data",
            raw::links(&format!("v1/{path}"), None, Some(&format!("{path}/proof"))),
        ),
    ])
}

/// All that hold an asset, if they are not too many to be looked at for one page.
fn all_holders(snapshot: &dyn Snapshot, code: &AssetCode) -> Result<Option<Vec<Holder>>, Fault> {
    let mut all: Vec<Holder> = Vec::new();
    while all.len() < MAX_HOLDERS_LOOKED_AT {
        let after = all.last().map(|last| last.address);
        let piece = snapshot.holders(code, after, MAX_PAGE)?;
        let ends = piece.len() < MAX_PAGE;
        all.extend(piece);
        if ends {
            return Ok(Some(all));
        }
    }
    Ok(None)
}

/// Those that hold most of it; nothing where not all could be looked at.
fn largest(asset: &Asset, all: Option<&[Holder]>) -> Markup {
    let mut largest: Vec<Holder> = all.unwrap_or_default().to_vec();
    largest.sort_by_key(|holder| (Reverse(has(holder).0), holder.address));
    largest.truncate(LARGEST);
    html! {
        @if largest.len() > 1 {
            section aria-labelledby="largest-title" {
                h2 #largest-title { "Largest holders" }
                (holders_table("largest", asset, &largest))
            }
        }
    }
}

/// All that an account has of an asset, whether it can use it or holds it for another.
fn has(holder: &Holder) -> Amount {
    Amount(holder.amount.0.saturating_add(holder.held.0))
}

fn holders_table(id: &str, asset: &Asset, holders: &[Holder]) -> Markup {
    let row = |holder: &Holder| {
        vec![
            parts::account(&holder.address),
            parts::amount(holder.amount, Some(asset.decimals)),
            parts::amount(holder.held, Some(asset.decimals)),
            html! { (share(has(holder), asset.supply)) },
        ]
    };
    let rows = holders.iter().map(row).collect();
    parts::table(
        id,
        &["Account", "Can use", "Held", "Share"],
        rows,
        "Nobody holds this asset.",
    )
}

/// A part of the supply in hundredths of a per cent, rounded down.
fn share(amount: Amount, supply: Amount) -> String {
    let parts = match amount.0.checked_mul(10_000) {
        Some(scaled) => scaled.checked_div(supply.0),
        // Beyond 2^114 units the supply's last digits do not matter.
        None => amount.0.checked_div(supply.0 / 10_000),
    };
    match parts.unwrap_or(0).min(10_000) {
        0 if amount.0 > 0 => "< 0.01 %".to_owned(),
        parts => format!("{}.{:02} %", parts / 100, parts % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_right_at_both_ends() {
        for (amount, supply, text) in [
            (1, 3, "33.33 %"),
            (1, 1, "100.00 %"),
            (0, 0, "0.00 %"),
            (1, 1_000_000, "< 0.01 %"),
            (u128::MAX, u128::MAX, "100.00 %"),
            (u128::MAX / 2, u128::MAX, "50.00 %"),
        ] {
            assert_eq!(share(Amount(amount), Amount(supply)), text);
        }
    }
}
