//! Assets: the list, and a page for each.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Asset, AssetList, Holder, HolderList};
use quorate_ledger::{Amount, visible};

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts;
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::input::{Name, Params, address, asset_code};
use crate::problem::Failure;
use crate::routes::{self, assets::unknown_asset};

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let after = params.cursor(|text| text.parse().ok())?;
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
        };
        Ok(Page {
            title: "Assets".to_owned(),
            section: Section::Assets,
            body,
        })
    })
    .await
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read_page(&app, &name, &params).await)
}

async fn read_page(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let code = asset_code(name)?;
    let after = params.cursor(|text| address(text).ok())?;
    app.read(None, move |snapshot, _| {
        let asset = snapshot.asset(&code)?.ok_or_else(unknown_asset)?;
        let HolderList { holders, next } = routes::assets::held(snapshot, &code, after, DEFAULT_PAGE)?;
        let next = next.map(|next| format!("assets/{code}?cursor={next}"));
        let first = format!("assets/{code}");
        let body = html! {
            div .title { h1 { "Asset " span #code { (code) } } }
            @if !asset.description.is_empty() { p .lead { (visible(&asset.description)) } }
            (facts(&asset))
            section aria-labelledby="holders-title" {
                h2 #holders-title { "Holders" }
                (holders_table(&asset, &holders))
                (parts::pager(after.map(|_| first.as_str()), next.as_deref().map(|href| (href, "More holders"))))
            }
        };
        Ok(Page { title: format!("Asset {code}"), section: Section::Assets, body })
    })
    .await
}

fn facts(asset: &Asset) -> Markup {
    parts::facts([
        (
            "Supply",
            html! { span #supply { (parts::amount(asset.supply, Some(asset.decimals))) } },
        ),
        ("Issuer", parts::account(&asset.issuer)),
        ("Decimals", html! { (asset.decimals) }),
    ])
}

fn holders_table(asset: &Asset, holders: &[Holder]) -> Markup {
    let row = |Holder { address, amount }: &Holder| {
        vec![
            parts::account(address),
            parts::amount(*amount, Some(asset.decimals)),
            html! { (share(*amount, asset.supply)) },
        ]
    };
    let rows = holders.iter().map(row).collect();
    parts::table(
        "holders",
        &["Account", "Amount", "Share"],
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
