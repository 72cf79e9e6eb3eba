//! The genesis document: a draft and the joins of all its members. Its hash is the network's id
//! (`docs/formats.md`, section 16).

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Address, Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, MemberNumber, PublicKey,
    SeatNumber, Tag,
};
use quorate_ledger::{Parameters, Right, Rules, Scope, Timestamp, decode, encode};
use serde::{Deserialize, Serialize};

use crate::document::{self, Document, MAX_BYTES};
use crate::draft::check::check_count;
use crate::draft::{MAX_MEMBERS, push};
use crate::error::Place;
use crate::join::check::one_key;
use crate::{Draft, GenesisError, Join, Problem};

/// A genesis document that has been checked: every member of its draft has joined it, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    content: Content,
    network_id: Digest,
}

/// What is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Content {
    V1(GenesisV1),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GenesisV1 {
    draft: Draft,
    /// In the order of the draft's members.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_MEMBERS>")]
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
    /// Signs checkpoints of the transaction log.
    pub witness_key: PublicKey,
    /// Its member's account.
    pub account: Address,
    /// Where others reach it, as multiaddresses; may be empty.
    pub addresses: &'a [String],
}

impl Genesis {
    /// Reads a genesis document and checks all of it.
    ///
    /// # Errors
    /// Whatever section 16 does not allow.
    pub fn parse(toml: &str) -> Result<Self, GenesisError> {
        let document = document::read(toml)?;
        check_joins(&document.draft, &document.joins).map_err(|error| document.locate(error, toml))?;
        let Document { draft, mut joins, .. } = document;
        let members = &draft.v1().members;
        joins.sort_by_cached_key(|join| members.iter().position(|member| *member == join.body().member));
        Ok(Self::new(draft, joins))
    }

    /// Reads `bcs(Genesis)` and checks all of it. A document in this form may have more balances than fit into a
    /// text of [`MAX_BYTES`](crate::MAX_BYTES).
    ///
    /// # Errors
    /// Bytes that are not canonical; whatever section 16 does not allow.
    pub fn decode(bytes: &[u8]) -> Result<Self, GenesisError> {
        if bytes.len() > MAX_BYTES {
            return Err(GenesisError::TooLarge {
                bytes: bytes.len(),
                limit: MAX_BYTES,
            });
        }
        let content: Content = decode(bytes, MAX_BYTES).map_err(|error| GenesisError::Encoding {
            reason: error.to_string(),
        })?;
        let Content::V1(GenesisV1 { draft, joins }) = content;
        draft.check()?;
        check_joins(&draft, &joins)?;
        for (index, (join, member)) in joins.iter().zip(&draft.v1().members).enumerate() {
            if join.body().member != *member {
                let what = the_join_of(&join.body().member);
                return Err(Place::key("joins").entry(index).is(Problem::NotInOrder { what }));
            }
        }
        Ok(Self::new(draft, joins))
    }

    /// Puts a draft and the join files of its members together, word for word. Gives the text of the
    /// genesis document and what it says.
    ///
    /// # Errors
    /// [`GenesisError::JoinFile`] for a join file that does not fit the draft; a join that is missing; whatever
    /// section 16 does not allow.
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
                    what: the_join_of(&member),
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
            // A byte order mark may stand at the beginning of a document alone.
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            push(&mut assembled, format_args!("\n\n{}", text.trim_end()));
        }
        assembled.push('\n');
        let genesis = Self::parse(&assembled)?;
        Ok((assembled, genesis))
    }

    /// A document of a draft and joins that were checked, in the order of the members.
    fn new(draft: Draft, joins: Vec<Join>) -> Self {
        let content = Content::V1(GenesisV1 { draft, joins });
        let network_id = Tag::GENESIS.hash(&encode(&content));
        Self { content, network_id }
    }

    fn v1(&self) -> &GenesisV1 {
        let Content::V1(content) = &self.content;
        content
    }

    /// The network's id: `H("quorate/genesis/v2", bcs(Genesis))`.
    pub fn id(&self) -> Digest {
        self.network_id
    }

    /// The network's id, by its longer name.
    pub fn network_id(&self) -> Digest {
        self.network_id
    }

    /// The canonical bytes whose hash is the network's id; [`decode`](Self::decode) reads them again.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        encode(&self.content)
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.v1().draft.v1().network
    }

    /// The consensus protocol of the first epoch.
    pub fn engine(&self) -> Engine {
        self.v1().draft.v1().engine
    }

    /// When the ledger begins: the time that stands before height 1.
    pub fn time(&self) -> Timestamp {
        self.v1().draft.v1().time
    }

    /// The parameters in force at the beginning.
    pub fn parameters(&self) -> &Parameters {
        &self.v1().draft.v1().parameters
    }

    /// The rules in force at the beginning.
    pub fn rules(&self) -> &Rules {
        &self.v1().draft.v1().rules
    }

    /// What the members have signed.
    pub fn draft(&self) -> &Draft {
        &self.v1().draft
    }

    /// The members' joins, in the order of the committee.
    pub fn joins(&self) -> &[Join] {
        &self.v1().joins
    }

    /// The committee of epoch 0: each member's seat has the member's number.
    pub fn committee(&self) -> Committee {
        let seats = self.numbered().map(|(number, join)| {
            let body = join.body();
            CommitteeSeat {
                member: MemberNumber(number),
                seat: SeatNumber(number),
                validator: body.validator,
                node: body.node,
                witness: body.witness,
            }
        });
        Committee::V1(CommitteeV1 {
            epoch: Epoch(0),
            engine: self.engine(),
            protocol: self.draft().protocol(),
            seats: seats.collect(),
        })
    }

    /// The validators, in the order of the committee.
    pub fn validators(&self) -> impl Iterator<Item = ValidatorInfo<'_>> {
        self.joins().iter().map(|join| {
            let body = join.body();
            ValidatorInfo {
                name: &body.member,
                validator_key: body.validator,
                node_key: body.node,
                witness_key: body.witness,
                account: body.address(),
                addresses: &body.addresses,
            }
        })
    }

    /// The joins with their members' numbers, which are their seats' too.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Join)> {
        (0..).zip(self.joins())
    }

    /// The document as TOML, without the comments of the text it came from.
    pub fn to_toml(&self) -> String {
        let mut toml = self.draft().to_toml();
        for join in self.joins() {
            push(&mut toml, format_args!("\n{}", join.to_toml()));
        }
        toml
    }
}

fn the_join_of(member: &str) -> String {
    format!("the join of {member}")
}

/// Checks the joins against the draft, which is checked already: one of each member, in any order, and no key or
/// account twice. Then checks what of the draft depends on the members' accounts.
fn check_joins(draft: &Draft, joins: &[Join]) -> Result<(), GenesisError> {
    let place = Place::key("joins");
    check_count(&place, joins.len(), MAX_MEMBERS)?;
    let digest = draft.digest();
    let mut accounts: BTreeMap<&str, Address> = BTreeMap::new();
    let (mut keys, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for (index, join) in joins.iter().enumerate() {
        let at = |key| place.clone().entry(index).then(key);
        join.verify_at(draft, &digest, &place.clone().entry(index))?;
        let (member, account) = (join.body().member.as_str(), join.body().address());
        if accounts.insert(member, account).is_some() {
            return Err(at("member").is(Problem::Duplicate {
                what: the_join_of(member),
            }));
        }
        for (name, key) in join.keys() {
            if !keys.insert(key) {
                return Err(at(name).is(Problem::Duplicate { what: one_key(&key) }));
            }
        }
        if !addresses.insert(account) {
            return Err(at("account_key").is(Problem::Duplicate {
                what: format!("account {account}"),
            }));
        }
    }
    for member in &draft.v1().members {
        if !accounts.contains_key(member.as_str()) {
            return Err(place.is(Problem::MissingJoin {
                member: member.clone(),
            }));
        }
    }
    check_own_accounts(draft, &accounts)
}

/// Refuses entries of the draft for members' own accounts, by their members' names, that genesis makes by itself.
fn check_own_accounts(draft: &Draft, accounts: &BTreeMap<&str, Address>) -> Result<(), GenesisError> {
    let draft = draft.v1();
    let owners: BTreeMap<Address, &str> = accounts.iter().map(|(name, address)| (*address, *name)).collect();
    for (index, account) in draft.accounts.iter().enumerate() {
        if let Some(owner) = owners.get(&account.address) {
            return Err(Place::key("accounts").entry(index).is(Problem::AccountOfMember {
                member: (*owner).to_owned(),
            }));
        }
    }
    let numbered = (0..).map(MemberNumber).zip(&draft.members);
    let administered: BTreeMap<MemberNumber, Option<&Address>> = numbered
        .map(|(number, name)| (number, accounts.get(name.as_str())))
        .collect();
    for (index, grant) in draft.grants.iter().enumerate() {
        if let (Right::Administrate, Scope::Member(number)) = (&grant.right, &grant.scope)
            && administered.get(number) == Some(&Some(&grant.account))
        {
            return Err(Place::key("grants").entry(index).is(Problem::GrantOfGenesis));
        }
    }
    Ok(())
}
