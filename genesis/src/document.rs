//! The TOML form of drafts, joins and genesis documents (`docs/formats.md`, section 16). A genesis document is a
//! draft followed by the members' joins, word for word, so all three are read by the same rules.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, MemberNumber, PublicKey, Signature};
use quorate_ledger::limits::{MAX_DECIMALS, MAX_GENESIS_BYTES};
use quorate_ledger::{Scope, Signer, Signers, encode, is_name};

use crate::error::Place;
use crate::reader::{self, Item, Table};
use crate::rights::parse_right;
use crate::text::{
    key_signature, parse_address, parse_amount, parse_code, parse_engine, parse_hex, parse_key, parse_time,
    shown,
};
use crate::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, DraftV2, GenesisError, Join,
    JoinBody, JoinBodyV1, JoinV1, MAX_MEMBER_NAME, Problem, settings,
};

/// The most bytes of a document: of its text, and of its encoding.
pub const MAX_BYTES: usize = MAX_GENESIS_BYTES;

const DOCUMENT_KEYS: [&str; 12] = [
    "version",
    "network",
    "engine",
    "protocol",
    "time",
    "members",
    "parameters",
    "rules",
    "assets",
    "accounts",
    "grants",
    "joins",
];

const ASSET_KEYS: [&str; 6] = ["code", "decimals", "flags", "description", "issuer", "balances"];

const JOIN_KEYS: [&str; 13] = [
    "member",
    "draft",
    "validator_key",
    "node_key",
    "witness_key",
    "account_key",
    "signers",
    "threshold",
    "addresses",
    "validator_signature",
    "node_signature",
    "witness_signature",
    "administrators",
];

/// A document as it was read: the draft is checked, the joins are not.
pub(crate) struct Document {
    pub(crate) draft: Draft,
    /// In the order of the document.
    pub(crate) joins: Vec<Join>,
    /// For each account of the draft, which are sorted there, its index in the document.
    accounts: Vec<usize>,
    /// The same for each grant.
    grants: Vec<usize>,
}

impl Document {
    /// An error about the draft or the joins with its place and line in the document, which is `toml`.
    pub(crate) fn locate(&self, error: GenesisError, toml: &str) -> GenesisError {
        error
            .reordered("accounts", &self.accounts)
            .reordered("grants", &self.grants)
            .located_in(toml)
    }
}

/// Reads a draft or a genesis document.
pub(crate) fn read(toml: &str) -> Result<Document, GenesisError> {
    let document = reader::read(toml, &DOCUMENT_KEYS, read_document)?;
    match document.draft.check() {
        Ok(()) => Ok(document),
        Err(error) => Err(document.locate(error, toml)),
    }
}

/// Reads a join file.
pub(crate) fn read_join(toml: &str) -> Result<Join, GenesisError> {
    let joins = reader::read(toml, &["joins"], |table| {
        table.required("joins")?.each(read_join_table)
    })?;
    let got = joins.len();
    match <[Join; 1]>::try_from(joins) {
        Ok([join]) => Ok(join),
        Err(_) => Err(Place::key("joins")
            .is(Problem::NotOneJoin { got })
            .located_in(toml)),
    }
}

/// A member's name. One that is none is told here, before it is missed where accounts and grants name it.
fn read_member(item: &Item<'_>) -> Result<String, GenesisError> {
    let name = item.string()?;
    if is_name(name, MAX_MEMBER_NAME) {
        Ok(name.to_owned())
    } else {
        Err(item.is(Problem::NotAName {
            limit: MAX_MEMBER_NAME,
        }))
    }
}

fn read_document(table: &Table<'_>) -> Result<Document, GenesisError> {
    let version = table.required("version")?;
    match version.integer::<u32>()? {
        2 => {}
        got => return Err(version.is(Problem::UnknownVersion { got })),
    }
    let members = table.required("members")?.each(read_member)?;
    let (accounts, grants) = read_assignments(table, &members)?;
    let (accounts, accounts_order) = sorted(accounts, |account| account.address);
    let (grants, grants_order) = sorted(grants, encode);
    let fields = DraftV1 {
        network: table.required("network")?.string()?.to_owned(),
        engine: table.required("engine")?.parse(parse_engine)?,
        time: table.required("time")?.parse(parse_time)?,
        parameters: settings::read_parameters(table.optional("parameters").as_ref())?,
        rules: settings::read_rules(table.optional("rules").as_ref())?,
        assets: table.list("assets", read_asset)?,
        accounts,
        grants,
        members,
    };
    // Whoever writes 1 is told by the draft's check that it is left out.
    let draft = match table.optional("protocol") {
        None => Draft::V1(fields),
        Some(protocol) => Draft::V2(DraftV2 {
            protocol: protocol.integer()?,
            draft: fields,
        }),
    };
    Ok(Document {
        draft,
        joins: table.list("joins", read_join_table)?,
        accounts: accounts_order,
        grants: grants_order,
    })
}

/// The accounts and grants in the order of the document. Both name members, of which the bytes have the numbers.
fn read_assignments(
    table: &Table<'_>,
    members: &[String],
) -> Result<(Vec<DraftAccount>, Vec<DraftGrant>), GenesisError> {
    let numbers: BTreeMap<&str, MemberNumber> = members
        .iter()
        .zip(0..)
        .map(|(name, number)| (name.as_str(), MemberNumber(number)))
        .collect();
    let accounts = table.list("accounts", |item| read_account(item, &numbers))?;
    let grants = table.list("grants", |item| read_grant(item, &numbers))?;
    Ok((accounts, grants))
}

/// The items ascending by key, and for each of them the index that it had.
fn sorted<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, Vec<usize>) {
    let mut numbered: Vec<(T, usize)> = items.into_iter().zip(0..).collect();
    numbered.sort_by_cached_key(|(item, _)| key(item));
    numbered.into_iter().unzip()
}

fn read_asset(item: &Item<'_>) -> Result<DraftAsset, GenesisError> {
    let table = item.table(&ASSET_KEYS)?;
    let code = table.required("code")?.parse(parse_code)?;
    let decimals_item = table.required("decimals")?;
    let decimals: u8 = decimals_item.integer()?;
    // Its balances are written with as many digits.
    if decimals > MAX_DECIMALS {
        return Err(decimals_item.is(Problem::TooManyDecimals { limit: MAX_DECIMALS }));
    }
    let flags = table.optional("flags").map_or(Ok(0), |item| item.integer())?;
    let description = table.optional("description");
    let description = description.map_or(Ok(""), |item| item.string())?;
    Ok(DraftAsset {
        code,
        decimals,
        flags,
        description: description.to_owned(),
        issuer: table.required("issuer")?.parse(parse_address)?,
        balances: table.list("balances", |item| read_balance(item, decimals))?,
    })
}

fn read_balance(item: &Item<'_>, decimals: u8) -> Result<DraftBalance, GenesisError> {
    let table = item.table(&["address", "amount"])?;
    Ok(DraftBalance {
        address: table.required("address")?.parse(parse_address)?,
        amount: table
            .required("amount")?
            .parse(|text| parse_amount(text, decimals))?,
    })
}

fn member_number(name: &str, numbers: &BTreeMap<&str, MemberNumber>) -> Result<MemberNumber, Problem> {
    numbers
        .get(name)
        .copied()
        .ok_or_else(|| Problem::NotAMember { member: shown(name) })
}

fn read_account(
    item: &Item<'_>,
    numbers: &BTreeMap<&str, MemberNumber>,
) -> Result<DraftAccount, GenesisError> {
    let table = item.table(&["address", "member"])?;
    Ok(DraftAccount {
        address: table.required("address")?.parse(parse_address)?,
        member: table
            .required("member")?
            .parse(|name| member_number(name, numbers))?,
    })
}

fn read_grant(item: &Item<'_>, numbers: &BTreeMap<&str, MemberNumber>) -> Result<DraftGrant, GenesisError> {
    let table = item.table(&["account", "right", "scope"])?;
    Ok(DraftGrant {
        account: table.required("account")?.parse(parse_address)?,
        right: table.required("right")?.parse(parse_right)?,
        scope: table
            .required("scope")?
            .parse(|text| parse_scope(text, numbers))?,
    })
}

fn parse_scope(text: &str, numbers: &BTreeMap<&str, MemberNumber>) -> Result<Scope, Problem> {
    match text.split_once(':') {
        None if text == "network" => Ok(Scope::Network),
        Some(("member", name)) => member_number(name, numbers).map(Scope::Member),
        Some(("asset", code)) => parse_code(code).map(Scope::Asset),
        _ => Err(Problem::NotAScope),
    }
}

fn read_join_table(item: &Item<'_>) -> Result<Join, GenesisError> {
    let table = item.table(&JOIN_KEYS)?;
    let key = |name| table.required(name)?.parse(parse_hex).map(PublicKey);
    let signature = |name| table.required(name)?.parse(parse_hex).map(Signature);
    let body = JoinBody::V1(JoinBodyV1 {
        draft: table.required("draft")?.parse(parse_hex).map(Digest)?,
        member: table.required("member")?.string()?.to_owned(),
        validator: key("validator_key")?,
        node: key("node_key")?,
        witness: key("witness_key")?,
        account: table.required("account_key")?.parse(parse_key)?,
        signers: read_signers(&table)?,
        addresses: table
            .required("addresses")?
            .each(|item| item.string().map(str::to_owned))?,
    });
    let mut administrators = table.required("administrators")?.each(|item| {
        let table = item.table(&["key", "signature"])?;
        let key = table.required("key")?.parse(parse_key)?;
        let signature = table.required("signature")?.parse(parse_hex)?;
        Ok(key_signature(key, signature))
    })?;
    administrators.sort_by_key(|signature| signature.key());
    Ok(Join::V1(JoinV1 {
        body,
        validator: signature("validator_signature")?,
        node: signature("node_signature")?,
        witness: signature("witness_signature")?,
        administrators,
    }))
}

fn read_signers(join: &Table<'_>) -> Result<Option<Signers>, GenesisError> {
    let Some(list) = join.optional("signers") else {
        return match join.optional("threshold") {
            Some(threshold) => Err(threshold.is(Problem::ThresholdAlone)),
            None => Ok(None),
        };
    };
    let mut signers = list.each(|item| {
        let table = item.table(&["key", "weight"])?;
        Ok(Signer {
            key: table.required("key")?.parse(parse_key)?,
            weight: table.required("weight")?.integer()?,
        })
    })?;
    signers.sort_by_key(|signer| signer.key);
    Ok(Some(Signers {
        threshold: join.required("threshold")?.integer()?,
        signers,
    }))
}
