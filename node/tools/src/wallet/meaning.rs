//! What a transaction means, known without asking a node: which network it is for, how many decimals its assets have,
//! and whose the accounts are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use quorate_genesis::Genesis;
use quorate_ledger::limits::MAX_DECIMALS;
use quorate_ledger::{Address, AssetCode, Digest};

use crate::failure::{Exit, Failure};
use crate::genesis::read_genesis;

/// Where the meaning of amounts comes from.
#[derive(Args, Clone, Debug, Default)]
pub struct MeaningArgs {
    /// The genesis document: what nodes say is proven by it, outcomes and assets' decimals among that, and no
    /// node is believed
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Network")]
    pub(super) genesis: Option<PathBuf>,
    /// How many decimals an asset has, where nothing proves it; repeatable
    #[arg(long = "asset-decimals", value_name = "CODE=N", value_parser = decimals_of, help_heading = "Network")]
    pub(super) decimals: Vec<(AssetCode, u8)>,
}

/// What is known without a node.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The genesis document's network.
    pub network: Option<Digest>,
    /// Decimals of the document's assets, and those that the user has given.
    pub decimals: BTreeMap<AssetCode, u8>,
    /// The members' names, by their accounts.
    pub names: BTreeMap<Address, String>,
}

impl MeaningArgs {
    /// Reads the genesis document, if it is given.
    pub fn read(&self) -> Result<Meaning, Failure> {
        let mut meaning = match &self.genesis {
            Some(path) => Meaning::of(&read_genesis(path)?),
            None => Meaning::default(),
        };
        self.check_decimals(&meaning.decimals)?;
        meaning.decimals.extend(self.decimals.iter().copied());
        Ok(meaning)
    }

    /// Refuses given decimals that are not those of the genesis document, or that contradict each other.
    pub(super) fn check_decimals(&self, document: &BTreeMap<AssetCode, u8>) -> Result<(), Failure> {
        let mut known = document.clone();
        for (code, given) in &self.decimals {
            let says = *known.entry(*code).or_insert(*given);
            if says != *given {
                let who = match document.contains_key(code) {
                    true => "the genesis document",
                    false => "another --asset-decimals",
                };
                return Err(differing(code, *given, who, says));
            }
        }
        Ok(())
    }
}

impl Meaning {
    fn of(genesis: &Genesis) -> Self {
        Self {
            network: Some(genesis.network_id()),
            decimals: decimals_of_document(genesis),
            names: members_of(genesis),
        }
    }
}

/// The decimals of the assets that the genesis document makes.
pub(super) fn decimals_of_document(genesis: &Genesis) -> BTreeMap<AssetCode, u8> {
    let assets = genesis.draft().v1().assets.iter();
    assets.map(|asset| (asset.code, asset.decimals)).collect()
}

/// The members' names, by their accounts.
pub(super) fn members_of(genesis: &Genesis) -> BTreeMap<Address, String> {
    let validators = genesis.validators();
    validators
        .map(|validator| (validator.account, validator.name.to_owned()))
        .collect()
}

/// `CODE=N`.
fn decimals_of(text: &str) -> Result<(AssetCode, u8), String> {
    let (code, decimals) = text
        .split_once('=')
        .ok_or("write the asset's code, `=` and its decimals, such as EUR=2")?;
    let code = code.parse().map_err(|error| format!("`{code}`: {error}"))?;
    let decimals = decimals.parse().ok().filter(|decimals| *decimals <= MAX_DECIMALS);
    let decimals = decimals.ok_or_else(|| format!("an asset has 0 to {MAX_DECIMALS} decimals"))?;
    Ok((code, decimals))
}

pub(super) fn differing(code: &AssetCode, given: u8, who: &str, says: u8) -> Failure {
    Failure::new(
        Exit::CheckFailed,
        format!(
            "{code} has {given} decimals by --asset-decimals and {says} by {who}: nothing was signed or shown"
        ),
    )
}
