//! The draft: everything about a network but its members' keys, reviewed and signed by each member
//! (`docs/formats.md`, section 16).

use std::fmt::Write as _;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, Engine, MemberNumber, Tag};
use quorate_ledger::limits::{AMOUNT_LIMIT, MAX_NAME_BYTES, MAX_NETWORK_NAME_BYTES};
use quorate_ledger::{
    Amount, AssetCode, PROTOCOLS, Parameters, Right, Rules, Scope, Timestamp, encode, format_amount,
    format_time,
};
use serde::{Deserialize, Serialize};

use crate::error::Place;
use crate::rights::{member_name, scope_text};
use crate::text::quoted;
use crate::{GenesisError, Problem, document, settings};

pub(crate) mod check;

/// The protocol that drafts of version 1 begin at.
const FIRST_PROTOCOL: u32 = 1;

/// The most characters of a network's name.
pub const MAX_NETWORK_NAME: usize = MAX_NETWORK_NAME_BYTES;

/// The most characters of a member's name.
pub const MAX_MEMBER_NAME: usize = MAX_NAME_BYTES;

/// The most members of a draft.
pub const MAX_MEMBERS: usize = 128;

/// The most assets that a genesis document makes.
pub const MAX_ASSETS: usize = 256;

/// The most first balances of all assets together.
pub const MAX_BALANCES: usize = 65_536;

/// The most accounts that a genesis document assigns to members.
pub const MAX_ACCOUNTS: usize = 65_536;

/// The most grants that a genesis document makes, besides those to members' own accounts.
pub const MAX_GRANTS: usize = 4_096;

/// What the members of a network agree on before they hand over their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Draft {
    /// Version 1: of a network that begins at protocol 1.
    V1(DraftV1),
    /// Version 2: of one that begins at a later protocol.
    V2(DraftV2),
}

/// Version 2 of [`Draft`]: version 1's fields follow the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftV2 {
    /// The version of the rules that the network begins with; above 1.
    pub protocol: u32,
    /// Version 1's fields.
    pub draft: DraftV1,
}

/// Version 1 of [`Draft`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftV1 {
    /// The network's name.
    pub network: String,
    /// The consensus protocol of the first epoch.
    pub engine: Engine,
    /// When the ledger begins: every block is later.
    pub time: Timestamp,
    /// The members' names, in the order of the committee: a member's number is its place, from 0.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_MEMBERS>")]
    pub members: Vec<String>,
    /// The parameters in force at the beginning.
    pub parameters: Parameters,
    /// The rules in force at the beginning.
    pub rules: Rules,
    /// The assets that exist from the beginning: an asset's number is its place, from 0.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ASSETS>")]
    pub assets: Vec<DraftAsset>,
    /// Accounts that are members' besides their own, strictly ascending by address.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ACCOUNTS>")]
    pub accounts: Vec<DraftAccount>,
    /// Rights besides those of members' own accounts, strictly ascending by encoding.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_GRANTS>")]
    pub grants: Vec<DraftGrant>,
}

/// An asset that exists from the beginning; its supply is the sum of its first balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAsset {
    /// Its code.
    pub code: AssetCode,
    /// Digits after the decimal point, at most 18.
    pub decimals: u8,
    /// 1: holders need admission; 2: it can be frozen. 0 in a network that begins at protocol 1.
    pub flags: u8,
    /// For people, at most 128 bytes; public for good.
    pub description: String,
    /// Who may mint more of it.
    pub issuer: Address,
    /// Who holds how much of it; nobody stands here twice.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_BALANCES>")]
    pub balances: Vec<DraftBalance>,
}

/// A first balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftBalance {
    /// Who holds it.
    pub address: Address,
    /// How much, in the asset's smallest unit; above 0.
    pub amount: Amount,
}

/// An account that is a member's from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAccount {
    /// The account; no member's own.
    pub address: Address,
    /// Whose it is.
    pub member: MemberNumber,
}

/// A right that an account has from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftGrant {
    /// Who has it.
    pub account: Address,
    /// What the account may do.
    pub right: Right,
    /// For what; legal for the right.
    pub scope: Scope,
}

impl Draft {
    /// Reads a draft from its TOML document and checks it.
    ///
    /// # Errors
    /// Whatever section 16 does not allow; a document that has joins.
    pub fn parse(toml: &str) -> Result<Self, GenesisError> {
        let document = document::read(toml)?;
        if !document.joins.is_empty() {
            return Err(Place::key("joins").is(Problem::JoinsInDraft).located_in(toml));
        }
        Ok(document.draft)
    }

    /// The draft with these fields of a network that begins at this protocol.
    pub fn at(protocol: u32, draft: DraftV1) -> Self {
        if protocol == FIRST_PROTOCOL {
            Self::V1(draft)
        } else {
            Self::V2(DraftV2 { protocol, draft })
        }
    }

    /// Version 1's fields, which all versions have.
    pub fn v1(&self) -> &DraftV1 {
        match self {
            Self::V1(draft) | Self::V2(DraftV2 { draft, .. }) => draft,
        }
    }

    /// The version of the rules that the network begins with.
    pub fn protocol(&self) -> u32 {
        match self {
            Self::V1(_) => FIRST_PROTOCOL,
            Self::V2(DraftV2 { protocol, .. }) => *protocol,
        }
    }

    /// What members sign: `H("quorate/draft/v2", bcs(Draft))`.
    pub fn digest(&self) -> Digest {
        Tag::DRAFT.hash(&encode(self))
    }

    /// Checks everything that a draft must fulfil by itself, the order of its accounts and grants too. What depends
    /// on members' accounts, which only their joins name, is checked with the joins.
    ///
    /// # Errors
    /// [`GenesisError::Invalid`] for the first thing that is wrong.
    pub fn check(&self) -> Result<(), GenesisError> {
        // One that begins at protocol 1 is of version 1, so that no two encodings say the same.
        if let Self::V2(DraftV2 { protocol, .. }) = self
            && (*protocol == FIRST_PROTOCOL || !PROTOCOLS.contains(protocol))
        {
            return Err(Place::key("protocol").is(Problem::OutOfRange {
                got: u64::from(*protocol),
                lowest: u64::from(FIRST_PROTOCOL + 1),
                highest: u64::from(*PROTOCOLS.end()),
            }));
        }
        self.v1().check(self.protocol())
    }

    /// The draft as a TOML document for people to review; [`parse`](Self::parse) reads it again. Of a draft that
    /// [`check`](Self::check) refuses, the text may say less.
    pub fn to_toml(&self) -> String {
        let draft = self.v1();
        let time = format_time(draft.time).unwrap_or_default();
        let mut toml = format!(
            "# Draft of a Quorate network. Every member reads all of it, then signs it with\n\
             # `quorate genesis join`. Whoever changes anything but spaces and comments must ask all to\n\
             # sign again.\n\
             version = 2\n\
             network = {network}\n\
             # The consensus protocol: pbft tolerates members that lie, raft and paxos only members that fail.\n\
             engine = \"{engine}\"\n\
             {protocol}\
             # The ledger begins here: every block is later.\n\
             time = \"{time}\"\n\
             # Those whose validators keep the ledger, in the order in which they take turns.\n\
             members = [\n",
            network = quoted(&draft.network),
            engine = draft.engine,
            protocol = match self.protocol() {
                FIRST_PROTOCOL => String::new(),
                protocol => format!(
                    "# The version of the ledger's rules that it begins with.\nprotocol = {protocol}\n"
                ),
            },
        );
        for member in &draft.members {
            push(&mut toml, format_args!("    {},\n", quoted(member)));
        }
        push(
            &mut toml,
            format_args!("]\n\n# Bounds that all validators share.\n[parameters]\n"),
        );
        for (name, value) in settings::parameters(draft.parameters.v1()) {
            push(&mut toml, format_args!("{name} = {value}\n"));
        }
        push(
            &mut toml,
            format_args!("\n# What members decide together, and how many of them it takes.\n[rules]\n"),
        );
        for (name, value) in settings::rules(draft.rules.v1()) {
            push(&mut toml, format_args!("{name} = {value}\n"));
        }
        for asset in &draft.assets {
            asset.write_toml(&mut toml);
        }
        for account in &draft.accounts {
            account.write_toml(&mut toml, &draft.members);
        }
        for grant in &draft.grants {
            grant.write_toml(&mut toml, &draft.members);
        }
        toml
    }
}

impl DraftAsset {
    /// The sum of its first balances. `None`: it is not below 10^38.
    pub fn supply(&self) -> Option<Amount> {
        let mut amounts = self.balances.iter().map(|balance| balance.amount.0);
        amounts
            .try_fold(0_u128, |sum, amount| sum.checked_add(amount))
            .filter(|supply| *supply < AMOUNT_LIMIT)
            .map(Amount)
    }

    fn write_toml(&self, toml: &mut String) {
        push(
            toml,
            format_args!(
                "\n[[assets]]\ncode = \"{}\"\ndecimals = {}\nflags = {}\ndescription = {}\nissuer = \"{}\"\n",
                self.code,
                self.decimals,
                self.flags,
                quoted(&self.description),
                self.issuer
            ),
        );
        push(toml, format_args!("balances = [\n"));
        for DraftBalance { address, amount } in &self.balances {
            let amount = format_amount(*amount, self.decimals);
            push(
                toml,
                format_args!("    {{ address = \"{address}\", amount = \"{amount}\" }},\n"),
            );
        }
        push(toml, format_args!("]\n"));
    }
}

impl DraftAccount {
    fn write_toml(&self, toml: &mut String, members: &[String]) {
        let member = quoted(member_name(self.member, members));
        push(
            toml,
            format_args!(
                "\n[[accounts]]\naddress = \"{}\"\nmember = {member}\n",
                self.address
            ),
        );
    }
}

impl DraftGrant {
    fn write_toml(&self, toml: &mut String, members: &[String]) {
        push(
            toml,
            format_args!(
                "\n[[grants]]\naccount = \"{}\"\nright = \"{}\"\nscope = {}\n",
                self.account,
                self.right,
                quoted(&scope_text(&self.scope, members))
            ),
        );
    }
}

pub(crate) fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("writing into a string cannot fail");
}
