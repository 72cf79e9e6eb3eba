//! Queries about accounts, their holds, and assets.

use quorate_client::schema::{Account, Asset, ConditionLeafView, ConditionView, GrantView, Hold, HoldList};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{Proven, format_amount};
use quorate_ledger::{Address, AssetCode};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, printable};

use super::chain::with_next;
use super::proven::{self, View, given};
use super::{AccountArgs, AssetArgs, AssetsArgs, HoldsArgs};
use crate::cli::wallet::account::Decimals;
use crate::cli::wallet::asset::flags;

pub(super) async fn account(args: &AccountArgs, output: &Output) -> Result<(), Failure> {
    if let Some(ledger) = args.ask.proving().await? {
        let proven = given(ledger.proven_account(&args.address).await?)?;
        let account = &proven.value.account;
        let decimals = proven::decimals_of(&ledger, assets_of(account)).await?;
        return output.print(&View::new(account, &proven.head), |output| {
            let mut fields = account_fields(account, &decimals, output);
            fields.push(proven::field(&proven.head));
            output.fields(&fields)
        });
    }
    let client = args.ask.client()?;
    let account = client.account(&args.address).await?;
    let mut decimals = Decimals::new();
    if output.is_text() {
        for balance in &account.balances {
            decimals.learn(&client, &balance.asset).await?;
        }
    }
    output.print(&account, |output| {
        output.fields(&account_fields(&account, &decimals, output))
    })
}

fn assets_of(account: &Account) -> impl Iterator<Item = AssetCode> {
    account.balances.iter().map(|balance| balance.asset)
}

fn account_fields(account: &Account, decimals: &Decimals, output: &Output) -> Vec<(&'static str, String)> {
    let balances: Vec<String> = account
        .balances
        .iter()
        .map(|balance| {
            let free = decimals.show(balance.amount, &balance.asset);
            match balance.held.0 {
                0 => free,
                _ => format!("{free}, and {} held", decimals.show(balance.held, &balance.asset)),
            }
        })
        .collect();
    let mut signers: Vec<String> = account
        .signers
        .iter()
        .map(|signer| format!("{} weight {}", signer.key, signer.weight))
        .collect();
    if signers.is_empty() {
        signers.push("the key that the address was made from".to_owned());
    }
    let balances = match balances.as_slice() {
        [] => "none".to_owned(),
        some => some.join("\n"),
    };
    let mut fields = vec![
        ("address", account.address.to_string()),
        ("balances", balances),
        ("open holds", account.holds.to_string()),
        ("signers", signers.join("\n")),
        ("threshold", account.threshold.to_string()),
    ];
    fields.extend(account.member.map(|member| ("of member", member.to_string())));
    let grants: Vec<String> = account.grants.iter().map(granted).collect();
    if !grants.is_empty() {
        fields.push(("rights", grants.join("\n")));
    }
    if account.frozen {
        fields.push(("frozen", output.paint(Tone::Warning, "yes")));
    }
    let frozen_for = account.freezes.iter().filter_map(|freeze| freeze.asset);
    fields.extend(frozen_for.map(|asset| ("frozen for", output.paint(Tone::Warning, asset.as_str()))));
    fields.push(("transactions", account.transactions.to_string()));
    fields.push(("history", account.history.to_string()));
    fields
}

/// A right that an account was granted, and for what.
fn granted(grant: &GrantView) -> String {
    match (grant.member, grant.asset) {
        (Some(member), _) => format!("{} for member {member}", printable(&grant.right)),
        (None, Some(asset)) => format!("{} for the asset {asset}", printable(&grant.right)),
        (None, None) => format!("{} for the network", printable(&grant.right)),
    }
}

pub(super) async fn holds(args: &HoldsArgs, output: &Output) -> Result<(), Failure> {
    if let Some(ledger) = args.ask.proving().await? {
        let proven = given(ledger.proven_account(&args.address).await?)?;
        // A proof has all of them.
        let list = HoldList {
            holds: proven.value.holds,
            next: None,
        };
        let assets = list.holds.iter().map(|hold| hold.asset);
        let decimals = proven::decimals_of(&ledger, assets).await?;
        return output.print(&View::new(&list, &proven.head), |output| {
            let (name, value) = proven::field(&proven.head);
            format!(
                "{}{}",
                holds_text(&args.address, &list, &decimals, output),
                output.fields(&[(name, value)])
            )
        });
    }
    let client = args.ask.client()?;
    let list = client.holds(&args.address, &args.page.page()).await?;
    let mut decimals = Decimals::new();
    if output.is_text() {
        for hold in &list.holds {
            decimals.learn(&client, &hold.asset).await?;
        }
    }
    output.print(&list, |output| {
        holds_text(&args.address, &list, &decimals, output)
    })
}

/// The holds that an account owns. Those of others for it lie with their owners.
fn holds_text(owner: &Address, list: &HoldList, decimals: &Decimals, output: &Output) -> String {
    let listed = "Listed are holds that the account owns; --beneficiary lists what others hold for it.";
    if list.holds.is_empty() && list.next.is_none() {
        return format!("{owner} owns no open holds.\n{listed}\n");
    }
    let row = |hold: &Hold| {
        vec![
            format!("{}/{}", hold.name.transaction, hold.name.operation),
            decimals.show(hold.amount, &hold.asset),
            hold.beneficiary.to_string(),
            rfc3339_of(hold.until),
            condition(&hold.condition),
        ]
    };
    let rows = list.holds.iter().map(row).collect();
    let table = output.table(&["HOLD", ">AMOUNT", "FOR", "UNTIL", "RELEASED IF"], rows);
    format!("{}{listed}\n", with_next(table, list.next.as_deref()))
}

/// What a release needs, in words.
pub(super) fn condition(condition: &ConditionView) -> String {
    let leaf = |leaf: &ConditionLeafView| match leaf {
        ConditionLeafView::Signs { account } => format!("{account} signs"),
        ConditionLeafView::From { time } => format!("it is {} or later", rfc3339_of(*time)),
        ConditionLeafView::Preimage { sha256 } => format!("32 bytes with the SHA-256 {sha256} are shown"),
        ConditionLeafView::Record { sha256, account } => format!("{account} has recorded {sha256}"),
    };
    let leaves: Vec<String> = condition.of.iter().map(leaf).collect();
    match leaves.len() {
        1 => leaves.concat(),
        count => format!("{} of {count}: {}", condition.need, leaves.join("; ")),
    }
}

pub(super) async fn asset(args: &AssetArgs, output: &Output) -> Result<(), Failure> {
    if !args.holders
        && let Some(ledger) = args.ask.proving().await?
    {
        let Proven { head, value } = given(ledger.proven_asset(&args.code).await?)?;
        let asset = value.ok_or_else(|| {
            let (_, when) = proven::field(&head);
            Failure::not_found(format!("there is no asset {}, proven {when}", args.code))
        })?;
        return output.print(&View::new(&asset, &head), |output| {
            let mut fields = asset_fields(&asset);
            fields.push(proven::field(&head));
            output.fields(&fields)
        });
    }
    let client = args.ask.client()?;
    let asset = client.asset(&args.code).await?;
    if args.holders {
        let list = client.holders(&args.code, &args.page.page()).await?;
        return output.print(&list, |output| {
            let rows = list.holders.iter().map(|holder| {
                vec![
                    holder.address.to_string(),
                    format_amount(holder.amount, asset.decimals),
                    format_amount(holder.held, asset.decimals),
                ]
            });
            let table = output.table(&["ACCOUNT", ">AMOUNT", ">HELD"], rows.collect());
            with_next(table, list.next.as_deref())
        });
    }
    output.print(&asset, |output| output.fields(&asset_fields(&asset)))
}

fn asset_fields(asset: &Asset) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("code", asset.code.to_string()),
        ("decimals", asset.decimals.to_string()),
        ("supply", format_amount(asset.supply, asset.decimals)),
        ("issuer", asset.issuer.to_string()),
    ];
    fields.extend(flags(asset));
    // A text of the transaction that made it, which no proof of the asset has.
    if !asset.description.is_empty() {
        fields.push(("description", printable(&asset.description)));
    }
    fields
}

pub(super) async fn assets(args: &AssetsArgs, output: &Output) -> Result<(), Failure> {
    let list = args.ask.client()?.assets(&args.page.page()).await?;
    output.print(&list, |output| {
        let rows = list.assets.iter().map(|asset| {
            vec![
                asset.code.to_string(),
                asset.decimals.to_string(),
                format_amount(asset.supply, asset.decimals),
                asset.issuer.to_string(),
                printable(&asset.description),
            ]
        });
        let table = output.table(
            &["CODE", ">DECIMALS", ">SUPPLY", "ISSUER", "DESCRIPTION"],
            rows.collect(),
        );
        with_next(table, list.next.as_deref())
    })
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::HoldName;
    use quorate_ledger::{Amount, Digest, Timestamp};
    use quorate_tools::output::Format;

    use super::*;

    #[test]
    fn a_list_of_holds_says_whose_it_is() {
        let (owner, output) = (Address([7; 20]), Output::new(Format::Text));
        let shown = |holds: Vec<Hold>| {
            let list = HoldList { holds, next: None };
            holds_text(&owner, &list, &Decimals::new(), &output)
        };
        let none = shown(Vec::new());
        assert!(
            none.starts_with(&format!("{owner} owns no open holds.\n")),
            "{none}"
        );
        let one = shown(vec![Hold {
            name: HoldName {
                owner,
                transaction: Digest([1; 32]),
                operation: 0,
            },
            beneficiary: Address([8; 20]),
            asset: "QRT".parse().unwrap(),
            amount: Amount(5),
            until: Timestamp(0),
            condition: ConditionView {
                need: 1,
                of: vec![ConditionLeafView::From { time: Timestamp(0) }],
            },
        }]);
        for text in [none, one] {
            assert!(
                text.contains("--beneficiary lists what others hold for it"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_condition_says_how_many_of_which_are_needed() {
        let signs = ConditionLeafView::Signs {
            account: Address([7; 20]),
        };
        let from = ConditionLeafView::From { time: Timestamp(0) };
        let of = |need, of: &[ConditionLeafView]| {
            condition(&ConditionView {
                need,
                of: of.to_vec(),
            })
        };
        let alone = of(1, &[from]);
        assert_eq!(alone, "it is 1970-01-01T00:00:00.000Z or later");
        let both = of(2, &[signs, from]);
        assert!(
            both.starts_with("2 of 2: qr1") && both.ends_with(&alone),
            "{both}"
        );
        let shown = of(
            1,
            &[ConditionLeafView::Preimage {
                sha256: Digest([0xab; 32]),
            }],
        );
        assert!(shown.contains(&"ab".repeat(32)), "{shown}");
    }
}
