//! The draft: everything about a network but its members' keys, reviewed and signed by each member.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use quorate_crypto::{Address, Committee, Digest, Domain, Protocol};
use quorate_ledger::limits::{MAX_DECIMALS, MAX_DESCRIPTION_BYTES};
use quorate_ledger::{Amount, AssetCode, ParameterError, Parameters, ParametersV1, Timestamp, encode};
use serde::{Deserialize, Serialize};

use crate::error::Place;
use crate::text::{self, quoted};
use crate::{GenesisError, Problem, document};

/// The most characters of a network's name.
pub const MAX_NETWORK_NAME: usize = 64;

/// The most characters of a member's name.
pub const MAX_MEMBER_NAME: usize = 32;

/// The most assets that a genesis document makes.
pub const MAX_ASSETS: usize = 256;

/// The most first balances of all assets together.
pub const MAX_BALANCES: usize = 65_536;

/// What the members of a network agree on before they hand over their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Draft {
    /// Version 1.
    V1(DraftV1),
}

/// Version 1 of [`Draft`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftV1 {
    /// The network's name.
    pub network: String,
    /// The consensus protocol of the first epoch.
    pub engine: Protocol,
    /// When the ledger begins: every block is later.
    pub time: Timestamp,
    /// The members' names, in the order of the committee.
    pub members: Vec<String>,
    /// The parameters in force at the beginning.
    pub parameters: Parameters,
    /// The assets that exist from the beginning.
    pub assets: Vec<DraftAsset>,
}

/// An asset that exists from the beginning; its supply is the sum of its first balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAsset {
    /// Its code.
    pub code: AssetCode,
    /// Digits after the decimal point.
    pub decimals: u8,
    /// For people.
    pub description: String,
    /// Who may mint more of it.
    pub issuer: Address,
    /// Who holds how much of it.
    pub balances: Vec<DraftBalance>,
}

/// A first balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftBalance {
    /// Who holds it.
    pub address: Address,
    /// How much, in the asset's smallest unit.
    pub amount: Amount,
}

impl Draft {
    /// Reads a draft from its TOML document and checks it.
    pub fn parse(toml: &str) -> Result<Self, GenesisError> {
        let document = document::read(toml)?;
        if !document.joins.is_empty() {
            return Err(Place::key("joins").is(Problem::JoinsInDraft).located_in(toml));
        }
        Ok(document.draft)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &DraftV1 {
        let Self::V1(draft) = self;
        draft
    }

    /// What members sign: `H("quorate/draft/v1", bcs(Draft))`.
    pub fn digest(&self) -> Digest {
        Domain::DRAFT.hash(&encode(self))
    }

    /// Checks everything that a draft must fulfil.
    pub fn check(&self) -> Result<(), GenesisError> {
        let draft = self.v1();
        if !text::is_name(&draft.network, MAX_NETWORK_NAME) {
            return Err(Place::key("network").is(Problem::NotAName {
                limit: MAX_NETWORK_NAME,
            }));
        }
        if text::format_time(draft.time).is_none() {
            return Err(Place::key("time").is(Problem::NotATime));
        }
        check_members(&draft.members)?;
        check_parameters(draft.parameters.v1())?;
        check_assets(&draft.assets)
    }

    /// The draft as a TOML document for people to review; [`parse`](Self::parse) reads it again.
    pub fn to_toml(&self) -> String {
        let draft = self.v1();
        let time = text::format_time(draft.time).unwrap_or_default();
        let mut toml = format!(
            "# Draft of a Quorate network. Every member reads all of it, then signs it with\n\
             # `quorate genesis join`. Whoever changes anything but spaces and comments must ask all to\n\
             # sign again.\n\
             version = 1\n\
             network = {network}\n\
             # The consensus protocol: pbft tolerates members that lie, raft and paxos only members that fail.\n\
             engine = \"{engine}\"\n\
             # The ledger begins here: every block is later.\n\
             time = \"{time}\"\n\
             # Those whose validators keep the ledger, in the order in which they take turns.\n\
             members = [\n",
            network = quoted(&draft.network),
            engine = draft.engine,
        );
        for member in &draft.members {
            push(&mut toml, format_args!("    {},\n", quoted(member)));
        }
        push(&mut toml, format_args!("]\n\n[parameters]\n"));
        for (name, value) in parameters(draft.parameters.v1()) {
            push(&mut toml, format_args!("{name} = {value}\n"));
        }
        for asset in &draft.assets {
            asset.write_toml(&mut toml);
        }
        toml
    }
}

impl DraftAsset {
    /// The sum of its first balances; none if it does not fit into 128 bits.
    pub fn supply(&self) -> Option<Amount> {
        let mut amounts = self.balances.iter().map(|balance| balance.amount.0);
        amounts
            .try_fold(0u128, |sum, amount| sum.checked_add(amount))
            .map(Amount)
    }

    fn write_toml(&self, toml: &mut String) {
        push(
            toml,
            format_args!(
                "\n[[assets]]\ncode = \"{}\"\ndecimals = {}\ndescription = {}\nissuer = \"{}\"\n",
                self.code,
                self.decimals,
                quoted(&self.description),
                self.issuer
            ),
        );
        push(toml, format_args!("balances = [\n"));
        for DraftBalance { address, amount } in &self.balances {
            let amount = quorate_ledger::format_amount(*amount, self.decimals);
            push(
                toml,
                format_args!("    {{ address = \"{address}\", amount = \"{amount}\" }},\n"),
            );
        }
        push(toml, format_args!("]\n"));
    }
}

pub(crate) fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("writing into a string cannot fail");
}

fn check_members(members: &[String]) -> Result<(), GenesisError> {
    let place = Place::key("members");
    if members.is_empty() {
        return Err(place.is(Problem::NoMembers));
    }
    if members.len() > Committee::MAX_VALIDATORS {
        return Err(place.is(Problem::TooMany {
            got: members.len(),
            limit: Committee::MAX_VALIDATORS,
        }));
    }
    let mut seen = BTreeSet::new();
    for (index, member) in members.iter().enumerate() {
        let place = || place.clone().entry(index);
        if !text::is_name(member, MAX_MEMBER_NAME) {
            return Err(place().is(Problem::NotAName {
                limit: MAX_MEMBER_NAME,
            }));
        }
        // Names that differ in case alone would share a folder on some systems, and confuse people on all.
        if !seen.insert(member.to_ascii_lowercase()) {
            return Err(place().is(Problem::Duplicate { what: member.clone() }));
        }
    }
    Ok(())
}

/// All parameters by name, in the order of the format.
pub(crate) fn parameters(parameters: &ParametersV1) -> [(&'static str, u64); 8] {
    let ParametersV1 {
        max_transaction_bytes,
        max_batch_bytes,
        max_batch_transactions,
        max_proposal_batches,
        max_expiry_lead_ms,
        max_clock_lead_ms,
        window,
        author_quota,
    } = *parameters;
    [
        ("max_transaction_bytes", max_transaction_bytes.into()),
        ("max_batch_bytes", max_batch_bytes.into()),
        ("max_batch_transactions", max_batch_transactions.into()),
        ("max_proposal_batches", max_proposal_batches.into()),
        ("max_expiry_lead_ms", max_expiry_lead_ms),
        ("max_clock_lead_ms", max_clock_lead_ms),
        ("window", window.into()),
        ("author_quota", author_quota.into()),
    ]
}

fn check_parameters(parameters: &ParametersV1) -> Result<(), GenesisError> {
    parameters.check().map_err(|error| {
        let ParameterError {
            parameter,
            got,
            lowest,
            highest,
        } = error;
        Place::key("parameters")
            .then(parameter)
            .is(Problem::OutOfRange { got, lowest, highest })
    })
}

fn check_assets(assets: &[DraftAsset]) -> Result<(), GenesisError> {
    let place = Place::key("assets");
    let limit = |got, limit| {
        if got > limit {
            Err(place.clone().is(Problem::TooMany { got, limit }))
        } else {
            Ok(())
        }
    };
    limit(assets.len(), MAX_ASSETS)?;
    limit(
        assets.iter().map(|asset| asset.balances.len()).sum(),
        MAX_BALANCES,
    )?;
    let mut codes = BTreeSet::new();
    for (index, asset) in assets.iter().enumerate() {
        let place = place.clone().entry(index);
        if !codes.insert(asset.code) {
            return Err(place.then("code").is(Problem::Duplicate {
                what: asset.code.to_string(),
            }));
        }
        check_asset(asset, &place)?;
    }
    Ok(())
}

fn check_asset(asset: &DraftAsset, place: &Place) -> Result<(), GenesisError> {
    let at = |key| place.clone().then(key);
    if asset.decimals > MAX_DECIMALS {
        return Err(at("decimals").is(Problem::TooManyDecimals { limit: MAX_DECIMALS }));
    }
    if !text::is_text(&asset.description, MAX_DESCRIPTION_BYTES) {
        return Err(at("description").is(Problem::NotAText {
            limit: MAX_DESCRIPTION_BYTES,
        }));
    }
    let mut holders = BTreeSet::new();
    for (index, balance) in asset.balances.iter().enumerate() {
        let at = |key| at("balances").entry(index).then(key);
        if !holders.insert(balance.address) {
            return Err(at("address").is(Problem::Duplicate {
                what: balance.address.to_string(),
            }));
        }
        if balance.amount == Amount(0) {
            return Err(at("amount").is(Problem::ZeroAmount));
        }
    }
    if asset.supply().is_none() {
        return Err(at("balances").is(Problem::SupplyOverflow { asset: asset.code }));
    }
    Ok(())
}
