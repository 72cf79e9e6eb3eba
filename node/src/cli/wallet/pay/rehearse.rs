//! `wallet pay --dry-run`: what would be paid, and what would be refused.

use std::collections::BTreeMap;
use std::path::PathBuf;

use quorate_client::schema::Account;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::{Address, Amount, AssetCode, Digest};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, say};
use serde::Serialize;

use super::Job;
use super::summary::rows_text;
use crate::pay::journal::{Journal, Known};

#[derive(Serialize)]
struct Rehearsed {
    file: PathBuf,
    dry_run: bool,
    payer: Address,
    /// What names the rows: whoever has the same rows sees the same.
    sha256: Digest,
    rows: usize,
    already_paid: usize,
    /// Until when what was built for others to sign may still pay rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    built_until: Option<String>,
    sums: Vec<Sum>,
    /// Decimals by which amounts were read and that are a node's word alone.
    unproven_decimals: BTreeMap<AssetCode, u8>,
    would_be_refused: Vec<String>,
}

/// What is paid in one asset.
#[derive(Serialize)]
pub(super) struct Sum {
    asset: AssetCode,
    /// Of rows that are not paid yet.
    rows: usize,
    amount: String,
    balance: String,
}

impl Sum {
    /// It in words.
    pub(super) fn text(&self) -> String {
        format!(
            "{} {} in {} (balance {})",
            self.amount,
            self.asset,
            rows_text(self.rows),
            self.balance
        )
    }
}

impl Job<'_> {
    pub(super) async fn rehearse(&self, output: &Output) -> Result<(), Failure> {
        let mut known = Journal::look(self.subject())?;
        let tip = self.ledger.tip().await?;
        if !self.is_paid(&known) {
            self.look(tip, &mut known, None, output).await?;
        }
        let account = self.ledger.client().account(&self.names.own.sender).await?;
        let (sums, would_be_refused) = self.sums(&known, &account);
        let built_until = known.open_built(tip.timestamp).map(|(_, built)| built.expires_at);
        let rehearsed = Rehearsed {
            file: self.file.to_owned(),
            dry_run: true,
            payer: self.names.own.sender,
            sha256: self.names.own.file,
            rows: self.rows.len(),
            already_paid: known.paid.len(),
            built_until: built_until.max().map(rfc3339_of),
            sums,
            unproven_decimals: self.unproven.clone(),
            would_be_refused,
        };
        output.print(&rehearsed, |output| {
            let mut fields = vec![
                ("rows", rehearsed.rows.to_string()),
                ("paid before", rehearsed.already_paid.to_string()),
            ];
            for sum in &rehearsed.sums {
                fields.push(("to pay", sum.text()));
            }
            for refusal in &rehearsed.would_be_refused {
                fields.push(("would be refused", refusal.clone()));
            }
            if let Some(until) = &rehearsed.built_until {
                fields.push(("built for signers", format!("may be executed until {until}")));
            }
            fields.push(("rows' sha256", rehearsed.sha256.to_string()));
            output.fields(&fields)
        })?;
        say("nothing was sent: --dry-run");
        if rehearsed.would_be_refused.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(
                Exit::Refused,
                "not all rows can be paid as things are",
            ))
        }
    }

    /// What is to be paid in each asset, and what the payer lacks for it.
    pub(super) fn sums(&self, known: &Known, account: &Account) -> (Vec<Sum>, Vec<String>) {
        let mut refusals = Vec::new();
        let mut sums = Vec::new();
        for (&asset, &decimals) in self.decimals {
            let open = self
                .rows
                .iter()
                .enumerate()
                .filter(|(place, row)| row.asset == asset && !known.paid.contains_key(place));
            let (mut count, mut sum) = (0, 0_u128);
            for (_, row) in open {
                count += 1;
                sum = sum.saturating_add(row.amount.0);
            }
            let held = account.balances.iter().find(|balance| balance.asset == asset);
            let held = held.map_or(Amount(0), |balance| balance.amount);
            if sum > held.0 {
                refusals.push(format!(
                    "{asset}: the rows come to {}, and the payer has {}",
                    format_amount(Amount(sum), decimals),
                    format_amount(held, decimals)
                ));
            }
            sums.push(Sum {
                asset,
                rows: count,
                amount: format_amount(Amount(sum), decimals),
                balance: format_amount(held, decimals),
            });
        }
        (sums, refusals)
    }
}
