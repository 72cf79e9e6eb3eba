//! What amounts mean: the decimals of their assets.

use quorate_client::ClientError;
use quorate_client::schema::Asset;
use quorate_client::wallet::{AmountError, format_amount, parse_amount};
use quorate_ledger::limits::MAX_DECIMALS;
use quorate_ledger::{Amount, AssetCode};

use super::{Ledger, Trusted};
use crate::failure::{Exit, Failure};
use crate::output::say;
use crate::wallet::meaning::differing;

impl Ledger {
    /// How many decimals an asset has: what an amount means before it is signed, and where it is shown. With the
    /// genesis document at hand no node is believed, as it could move the point: an asset that the document does not
    /// make is proven. None if there is no such asset.
    pub async fn decimals(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let given = self.decimals.get(code).copied();
        let (known, who) = match &self.trusted {
            Some(trusted) => match trusted.decimals.get(code) {
                Some(known) => (Some(*known), "the genesis document"),
                None => match self.proven_decimals(trusted, code).await {
                    Ok(known) => (known, "the ledger"),
                    // Whoever signs may know what no node at hand proves.
                    Err(failure) if given.is_some() => {
                        say(format!(
                            "note: the decimals of {code} are those given, not proven: {failure}"
                        ));
                        (given, "--asset-decimals")
                    }
                    Err(failure) => {
                        let hint = format!(
                            "ask whoever issues {code} how many decimals it has, and say so with --asset-decimals \
                             {code}=N"
                        );
                        return Err(failure.while_doing(format!("the decimals of {code}")).hint(hint));
                    }
                },
            },
            None => match self.client.asset(code).await {
                Ok(Asset { decimals, .. }) => (Some(decimals), "the node"),
                Err(ClientError::NotFound { .. }) => (None, "the node"),
                Err(error) => return Err(error.into()),
            },
        };
        match (known, given) {
            (Some(known), Some(given)) if known != given => Err(differing(code, given, who, known)),
            _ => Ok(known),
        }
    }

    /// How many decimals an asset has, proven by its leaf in the state: an asset never changes them.
    async fn proven_decimals(&self, trusted: &Trusted, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let mut proven = trusted.proven.lock().await;
        if let Some(decimals) = proven.get(code) {
            return Ok(Some(*decimals));
        }
        let asset = trusted.genesis.lock().await.asset(&self.client, code).await?;
        let decimals = asset.value.map(|asset| asset.decimals);
        if let Some(decimals) = decimals {
            proven.insert(*code, decimals);
        }
        Ok(decimals)
    }

    /// Reads an amount by the decimals of its asset. That there is no such asset is what the ledger itself
    /// would say.
    pub async fn amount(&self, text: &str, code: &AssetCode) -> Result<Amount, Failure> {
        let decimals = self.decimals(code).await?.ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                format!("refused by the ledger (unknown_asset): there is no asset {code}"),
            )
        })?;
        let amount = parse_amount(text, decimals).map_err(Failure::usage)?;
        say(format!(
            "{} {code} is {} in smallest units",
            format_amount(amount, decimals),
            amount.0
        ));
        Ok(amount)
    }
}

/// Checks what can be known about an amount without knowing its asset: it has the form of one, no asset's
/// decimals are exceeded, and it is not zero.
pub fn check_amount_form(text: &str) -> Result<(), String> {
    match parse_amount(text, MAX_DECIMALS) {
        Ok(amount) if amount.0 == 0 => Err("the amount is zero".to_owned()),
        // With fewer decimals it may fit.
        Ok(_) | Err(AmountError::TooLarge { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
