//! What amounts mean: the decimals of their assets.

use std::collections::BTreeMap;

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
    /// How many decimals an asset has, where an amount is shown. With the genesis document at hand no node is believed, as
    /// it could move the point: an asset that the document does not make is proven. None if there is no such asset.
    pub async fn decimals(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let given = self.decimals.get(code).copied();
        let (known, who) = match &self.trusted {
            Some(trusted) => match trusted.decimals.get(code) {
                Some(known) => (Some(*known), "the genesis document"),
                None => match self.proven_decimals(trusted, code).await.map_err(Failure::from) {
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
            None => (self.decimals_by_word(code).await?, "the node"),
        };
        match (known, given) {
            (Some(known), Some(given)) if known != given => Err(differing(code, given, who, known)),
            _ => Ok(known),
        }
    }

    /// How many decimals an asset has, where an amount is read that is to be signed: whoever moves the point has a hundred
    /// times as much signed. Without a genesis document at hand the node's own is as good, and what is proven by it: its
    /// hash is the network id, for which all is signed. What a node does not prove is its word, and said to be.
    pub async fn decimals_to_sign(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        if self.is_trustless() || self.decimals.contains_key(code) {
            return self.decimals(code).await;
        }
        let document = self.document(&self.client).await?;
        if let Some(known) = document.decimals.get(code) {
            return Ok(Some(*known));
        }
        match self.proven_decimals(document, code).await {
            Ok(known) => Ok(known),
            Err(error @ (ClientError::Unverified { .. } | ClientError::Unreachable { .. })) => {
                Err(Failure::from(error).while_doing(format!("the decimals of {code}")))
            }
            Err(_) => self.told_decimals(code).await,
        }
    }

    /// Decimals by which amounts were read and that are a node's word alone.
    pub async fn unproven_decimals(&self) -> BTreeMap<AssetCode, u8> {
        self.told.lock().await.clone()
    }

    /// A node's word, which is taken once, and said to be no more.
    async fn told_decimals(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let mut told = self.told.lock().await;
        if let Some(decimals) = told.get(code) {
            return Ok(Some(*decimals));
        }
        let decimals = self.decimals_by_word(code).await?;
        if let Some(decimals) = decimals {
            say(format!(
                "warning: decimals of {code} by the word of {}: {decimals}; if it lies, another amount is signed than \
                 is meant (--genesis FILE proves them, --asset-decimals {code}=N gives them)",
                self.client.answering()
            ));
            told.insert(*code, decimals);
        }
        Ok(decimals)
    }

    async fn decimals_by_word(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        match self.client.asset(code).await {
            Ok(Asset { decimals, .. }) => Ok(Some(decimals)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many decimals an asset has, proven by its leaf in the state: an asset never changes them.
    async fn proven_decimals(&self, trusted: &Trusted, code: &AssetCode) -> Result<Option<u8>, ClientError> {
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
        let decimals = self.decimals_to_sign(code).await?.ok_or_else(|| {
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
