//! The TOML form of drafts, joins and genesis documents. A genesis document is a draft followed by the
//! members' joins, word for word, so all three are read by the same rules.

use quorate_crypto::{Address, Digest, Protocol, PublicKey, Signature};
use quorate_ledger::{AssetCode, Parameters, ParametersV1};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Place;
use crate::text;
use crate::{
    Draft, DraftAsset, DraftBalance, DraftV1, GenesisError, Join, JoinBody, JoinBodyV1, JoinV1, Problem,
};

/// The most bytes of a document.
pub const MAX_BYTES: usize = 4 << 20;

/// A document as it was read: the draft is checked, the joins are not.
pub(crate) struct Document {
    pub(crate) draft: Draft,
    /// In the order of the document.
    pub(crate) joins: Vec<Join>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentText {
    version: u32,
    network: String,
    engine: Protocol,
    time: String,
    members: Vec<String>,
    #[serde(default)]
    parameters: ParametersV1,
    #[serde(default)]
    assets: Vec<AssetText>,
    #[serde(default)]
    joins: Vec<JoinText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetText {
    code: AssetCode,
    decimals: u8,
    #[serde(default)]
    description: String,
    issuer: Address,
    #[serde(default)]
    balances: Vec<BalanceText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceText {
    address: Address,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinFileText {
    joins: Vec<JoinText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinText {
    member: String,
    draft: Digest,
    validator_key: PublicKey,
    node_key: PublicKey,
    member_key: PublicKey,
    #[serde(default)]
    addresses: Vec<String>,
    validator_signature: Signature,
    node_signature: Signature,
    member_signature: Signature,
}

/// Reads a draft or a genesis document.
pub(crate) fn read(toml: &str) -> Result<Document, GenesisError> {
    let document: DocumentText = read_text(toml)?;
    let document = document.typed().map_err(|error| error.located_in(toml))?;
    document.draft.check().map_err(|error| error.located_in(toml))?;
    Ok(document)
}

/// Reads a join file.
pub(crate) fn read_join(toml: &str) -> Result<Join, GenesisError> {
    let JoinFileText { joins } = read_text(toml)?;
    let got = joins.len();
    match <[JoinText; 1]>::try_from(joins) {
        Ok([join]) => Ok(join.typed()),
        Err(_) => Err(Place::key("joins")
            .is(Problem::NotOneJoin { got })
            .located_in(toml)),
    }
}

fn read_text<T: DeserializeOwned>(toml: &str) -> Result<T, GenesisError> {
    if toml.len() > MAX_BYTES {
        return Err(GenesisError::TooLarge {
            bytes: toml.len(),
            limit: MAX_BYTES,
        });
    }
    toml::from_str(toml).map_err(|error| GenesisError::of_toml(&error, toml))
}

impl DocumentText {
    fn typed(self) -> Result<Document, GenesisError> {
        if self.version != 1 {
            return Err(Place::key("version").is(Problem::UnknownVersion { got: self.version }));
        }
        let time = text::parse_time(&self.time).map_err(|problem| Place::key("time").is(problem))?;
        let assets = self.assets.into_iter().enumerate();
        let assets = assets.map(|(index, asset)| asset.typed(&Place::key("assets").entry(index)));
        let draft = Draft::V1(DraftV1 {
            network: self.network,
            engine: self.engine,
            time,
            members: self.members,
            parameters: Parameters::V1(self.parameters),
            assets: assets.collect::<Result<_, _>>()?,
        });
        let joins = self.joins.into_iter().map(JoinText::typed).collect();
        Ok(Document { draft, joins })
    }
}

impl AssetText {
    fn typed(self, place: &Place) -> Result<DraftAsset, GenesisError> {
        let balances = self.balances.iter().enumerate().map(|(index, balance)| {
            let amount = text::parse_amount(&balance.amount, self.decimals).map_err(|problem| {
                let place = place.clone().then("balances").entry(index).then("amount");
                place.is(problem)
            })?;
            Ok(DraftBalance {
                address: balance.address,
                amount,
            })
        });
        Ok(DraftAsset {
            code: self.code,
            decimals: self.decimals,
            balances: balances.collect::<Result<_, _>>()?,
            description: self.description,
            issuer: self.issuer,
        })
    }
}

impl JoinText {
    fn typed(self) -> Join {
        Join::V1(JoinV1 {
            body: JoinBody::V1(JoinBodyV1 {
                draft: self.draft,
                member: self.member,
                validator_key: self.validator_key,
                node_key: self.node_key,
                member_key: self.member_key,
                addresses: self.addresses,
            }),
            validator_signature: self.validator_signature,
            node_signature: self.node_signature,
            member_signature: self.member_signature,
        })
    }
}
