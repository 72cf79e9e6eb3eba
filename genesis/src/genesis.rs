//! The genesis document: a draft and the joins of all its members. Its hash is the network's id.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Committee, Digest, Domain, Epoch, Protocol, PublicKey};
use quorate_ledger::{
    GenesisAsset, GenesisBalance, GenesisCommittee, GenesisValidator, Parameters, Timestamp, encode,
};
use serde::{Deserialize, Serialize};

use crate::document::{self, Document};
use crate::draft::push;
use crate::error::Place;
use crate::{Draft, GenesisError, Join, Problem};

/// The version of the validators' messages and rules that a network begins with.
pub const PROTOCOL_VERSION: u32 = 1;

/// A genesis document that has been checked: every member of its draft has joined it, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    content: GenesisV1,
    network_id: Digest,
}

/// What is hashed. It is read from TOML alone, so this form is only ever written.
#[derive(Serialize)]
enum Content<'a> {
    V1(&'a GenesisV1),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GenesisV1 {
    draft: Draft,
    /// In the order of the draft's members.
    joins: Vec<Join>,
}

/// A validator of the first committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidatorInfo<'a> {
    /// Its member's name.
    pub name: &'a str,
    /// Signs votes, batches and seals.
    pub validator_key: PublicKey,
    /// Its identity in the network (libp2p, Ed25519).
    pub node_key: PublicKey,
    /// Signs for the member in governance.
    pub member_key: PublicKey,
    /// Where others reach it, as multiaddresses; may be empty.
    pub addresses: &'a [String],
}

/// What the ledger begins with, besides the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialState {
    /// The assets, ascending by code.
    pub assets: Vec<GenesisAsset>,
    /// The balances, ascending by address, then by asset.
    pub balances: Vec<GenesisBalance>,
    /// The committee of the first epoch, each validator with its member's account.
    pub committee: GenesisCommittee,
}

impl Genesis {
    /// Reads a genesis document and checks all of it.
    pub fn parse(toml: &str) -> Result<Self, GenesisError> {
        let document = document::read(toml)?;
        Self::new(document).map_err(|error| error.located_in(toml))
    }

    /// Puts a draft and the join files of its members together, word for word. Gives the text of the
    /// genesis document and what it says.
    pub fn assemble(draft: &str, joins: &[&str]) -> Result<(String, Self), GenesisError> {
        let checked_draft = Draft::parse(draft)?;
        let mut texts = BTreeMap::new();
        for (index, text) in joins.iter().enumerate() {
            let in_file = |error: GenesisError| GenesisError::JoinFile {
                number: index + 1,
                error: Box::new(error.located_in(text)),
            };
            let join = Join::parse(text).map_err(in_file)?;
            join.verify(&checked_draft).map_err(in_file)?;
            let member = join.body().member.clone();
            if texts.insert(member.clone(), *text).is_some() {
                let duplicate = Problem::Duplicate {
                    what: format!("the join of {member}"),
                };
                return Err(in_file(Place::key("joins").entry(0).then("member").is(duplicate)));
            }
        }
        let mut assembled = draft.trim_end().to_owned();
        for member in &checked_draft.v1().members {
            let text = texts.get(member).ok_or_else(|| {
                Place::key("joins").is(Problem::MissingJoin {
                    member: member.clone(),
                })
            })?;
            push(&mut assembled, format_args!("\n\n{}", text.trim_end()));
        }
        assembled.push('\n');
        let genesis = Self::parse(&assembled)?;
        Ok((assembled, genesis))
    }

    /// Checks the joins against the draft, which is checked already, and orders them by it.
    fn new(document: Document) -> Result<Self, GenesisError> {
        let Document { draft, joins } = document;
        let place = Place::key("joins");
        if joins.len() > Committee::MAX_VALIDATORS {
            return Err(place.is(Problem::TooMany {
                got: joins.len(),
                limit: Committee::MAX_VALIDATORS,
            }));
        }
        let mut by_member = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (index, join) in joins.into_iter().enumerate() {
            let place = place.clone().entry(index);
            join.verify_at(&draft, &place)?;
            for (name, key) in join.keys() {
                if !keys.insert(key) {
                    return Err(place.then(name).is(Problem::Duplicate {
                        what: format!("key {key}"),
                    }));
                }
            }
            let member = join.body().member.clone();
            if by_member.insert(member.clone(), join).is_some() {
                return Err(place.then("member").is(Problem::Duplicate {
                    what: format!("the join of {member}"),
                }));
            }
        }
        let joins = draft.v1().members.iter().map(|member| {
            by_member.remove(member).ok_or_else(|| {
                place.clone().is(Problem::MissingJoin {
                    member: member.clone(),
                })
            })
        });
        let joins = joins.collect::<Result<_, _>>()?;
        let content = GenesisV1 { draft, joins };
        let network_id = Domain::GENESIS.hash(&encode(&Content::V1(&content)));
        Ok(Self { content, network_id })
    }

    /// The network's id: `H("quorate/genesis/v1", bcs(Genesis))`.
    pub fn network_id(&self) -> Digest {
        self.network_id
    }

    /// The canonical bytes whose hash is the network's id.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        encode(&Content::V1(&self.content))
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.content.draft.v1().network
    }

    /// The consensus protocol of the first epoch.
    pub fn engine(&self) -> Protocol {
        self.content.draft.v1().engine
    }

    /// When the ledger begins: the time that stands before height 1.
    pub fn time(&self) -> Timestamp {
        self.content.draft.v1().time
    }

    /// The parameters in force at the beginning.
    pub fn parameters(&self) -> &Parameters {
        &self.content.draft.v1().parameters
    }

    /// What the members have signed.
    pub fn draft(&self) -> &Draft {
        &self.content.draft
    }

    /// The members' joins, in the order of the committee.
    pub fn joins(&self) -> &[Join] {
        &self.content.joins
    }

    /// The committee of epoch 0.
    pub fn committee(&self) -> Committee {
        let keys = self.validators().map(|validator| validator.validator_key);
        Committee::new(Epoch(0), self.engine(), PROTOCOL_VERSION, keys.collect())
    }

    /// The validators, in the order of the committee.
    pub fn validators(&self) -> impl Iterator<Item = ValidatorInfo<'_>> {
        self.content.joins.iter().map(|join| {
            let body = join.body();
            ValidatorInfo {
                name: &body.member,
                validator_key: body.validator_key,
                node_key: body.node_key,
                member_key: body.member_key,
                addresses: &body.addresses,
            }
        })
    }

    /// The assets, balances and validators that the ledger begins with.
    pub fn initial_state(&self) -> InitialState {
        let drafted = &self.content.draft.v1().assets;
        let mut assets: Vec<_> = drafted
            .iter()
            .map(|asset| GenesisAsset {
                code: asset.code,
                decimals: asset.decimals,
                description: asset.description.clone(),
                issuer: asset.issuer,
                supply: asset.supply().expect("supplies were checked with the draft"),
            })
            .collect();
        assets.sort_by_key(|asset| asset.code);
        let mut balances: Vec<_> = drafted
            .iter()
            .flat_map(|asset| {
                asset.balances.iter().map(|balance| GenesisBalance {
                    address: balance.address,
                    asset: asset.code,
                    amount: balance.amount,
                })
            })
            .collect();
        balances.sort_by_key(|balance| (balance.address, balance.asset));
        let validators = self.validators().map(|validator| GenesisValidator {
            key: validator.validator_key,
            member: validator.member_key.address(),
        });
        let committee = GenesisCommittee {
            engine: self.engine(),
            protocol_version: PROTOCOL_VERSION,
            validators: validators.collect(),
        };
        InitialState {
            assets,
            balances,
            committee,
        }
    }

    /// The document as TOML, without the comments of the text it came from.
    pub fn to_toml(&self) -> String {
        let mut toml = self.content.draft.to_toml();
        for join in &self.content.joins {
            push(&mut toml, format_args!("\n{}", join.to_toml()));
        }
        toml
    }
}
