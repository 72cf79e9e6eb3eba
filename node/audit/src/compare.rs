//! Where two chains, or two states of one height, part. It says what is another, not which of the two is good: that
//! [`judge`](crate::judge) says.

use std::iter::Peekable;

use quorate_crypto::sha256;
use quorate_ledger::{
    CertifiedBlock, DecodeError, Digest, Executed, HeaderV1, Height, Inline, SignedBatch, StateKey,
    StateValue, Transaction, decode,
};
use serde::Serialize;

use crate::bundle::MAX_CERTIFIED_BLOCK_BYTES;
use crate::finding::words_of;
use crate::source::BlockSource;

/// The first difference of two blocks of one height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Their height.
    pub height: Height,
    /// The header's fields that are others, by their names on the page.
    pub fields: Vec<&'static str>,
    /// Which part of them.
    pub place: String,
    /// What the one has there.
    pub left: String,
    /// What the other has there.
    pub right: String,
}

/// Blocks of two chains at the first height at which they part.
#[derive(Debug)]
pub struct Parting {
    /// What is another.
    pub difference: Difference,
    /// The one's bytes.
    pub left: Vec<u8>,
    /// The other's.
    pub right: Vec<u8>,
}

/// Why chains could not be compared.
#[derive(Debug)]
pub enum NotCompared<E> {
    /// The block at a height could not be had.
    Source(Height, E),
    /// A block that a chain should have is not there.
    Missing(Height),
    /// Bytes that are not a block.
    Unreadable(Height, DecodeError),
}

/// How heights are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// By halves: a header commits to all before it, so where two are equal, all before them are. It takes few blocks of
    /// each chain, and does not see what is altered below a header that is not.
    Halving,
    /// One height after the other.
    Scan,
}

/// The first height of `from` to `to` at which the headers of two chains differ; none if there is none.
///
/// # Errors
/// If a block is not there or is none.
pub fn first_parting<A, B>(
    left: &mut A,
    right: &mut B,
    (from, to): (Height, Height),
    search: Search,
) -> Result<Option<Parting>, NotCompared<A::Error>>
where
    A: BlockSource,
    B: BlockSource<Error = A::Error>,
{
    let mut at = |height: Height| -> Result<Option<Parting>, NotCompared<A::Error>> {
        let (left, right) = (block(left, height)?, block(right, height)?);
        Ok(difference(height, &left.1, &right.1).map(|difference| Parting {
            difference,
            left: left.0,
            right: right.0,
        }))
    };
    if search == Search::Scan {
        for height in from.0..=to.0 {
            if let Some(parting) = at(Height(height))? {
                return Ok(Some(parting));
            }
        }
        return Ok(None);
    }
    if to < from {
        return Ok(None);
    }
    let Some(mut found) = at(to)? else {
        return Ok(None);
    };
    // All below `low` are equal, and `found` is of `high`.
    let (mut low, mut high) = (from.0, to.0);
    while low < high {
        let middle = low + (high - low) / 2;
        match at(Height(middle))? {
            Some(parting) => (found, high) = (parting, middle),
            None => low = middle + 1,
        }
    }
    Ok(Some(found))
}

/// A block that has to be there, with its bytes.
fn block<S: BlockSource>(
    source: &mut S,
    height: Height,
) -> Result<(Vec<u8>, CertifiedBlock), NotCompared<S::Error>> {
    let bytes = source
        .block(height)
        .map_err(|error| NotCompared::Source(height, error))?;
    let bytes = bytes.ok_or(NotCompared::Missing(height))?;
    match decode(&bytes, MAX_CERTIFIED_BLOCK_BYTES) {
        Ok(block) => Ok((bytes, block)),
        Err(error) => Err(NotCompared::Unreadable(height, error)),
    }
}

/// What is another in two blocks whose headers differ; none if these do not.
pub fn difference(height: Height, left: &CertifiedBlock, right: &CertifiedBlock) -> Option<Difference> {
    let headers = (left.v1().block.header(), right.v1().block.header());
    let fields = fields(headers.0, headers.1);
    let (first, own, other) = fields.first()?;
    let (place, left, right) = in_batches(left, right)
        .or_else(|| in_outcomes(left, right))
        .unwrap_or_else(|| (format!("the header's {first}"), own.clone(), other.clone()));
    Some(Difference {
        height,
        fields: fields.into_iter().map(|(field, ..)| field).collect(),
        place,
        left,
        right,
    })
}

/// A place, and what the one and the other have there.
type Found = (String, String, String);

/// Fields that are others, with what the one and the other have.
fn fields(left: &HeaderV1, right: &HeaderV1) -> Vec<(&'static str, String, String)> {
    fn shown(header: &HeaderV1) -> [(&'static str, String); 12] {
        [
            ("network", header.network.to_string()),
            ("protocol", header.protocol.to_string()),
            ("epoch", header.epoch.to_string()),
            ("height", header.height.to_string()),
            ("previous", header.previous.to_string()),
            ("chain_root", header.chain_root.to_string()),
            ("proposal", header.proposal.to_string()),
            ("timestamp", header.timestamp.0.to_string()),
            ("log_size", header.log_size.to_string()),
            ("log_root", header.log_root.to_string()),
            ("state_root", header.state_root.to_string()),
            ("next_committee", header.next_committee.to_string()),
        ]
    }
    let pairs = shown(left).into_iter().zip(shown(right));
    let others = pairs.filter(|((_, left), (_, right))| left != right);
    others
        .map(|((field, left), (_, right))| (field, left, right))
        .collect()
}

/// The first batch that is another, and in it the first transaction.
fn in_batches(left: &CertifiedBlock, right: &CertifiedBlock) -> Option<Found> {
    let named = |block: &CertifiedBlock| block.v1().block.v1().proposal.batches().to_vec();
    let (own, other) = (named(left), named(right));
    let count = own.len().max(other.len());
    let place = (0..count).find(|place| own.get(*place) != other.get(*place))?;
    let batch = |block: &CertifiedBlock| block.v1().batches.get(place).cloned();
    let (Some(own), Some(other)) = (batch(left), batch(right)) else {
        let shown = |digests: &[Digest]| match digests.get(place) {
            Some(digest) => format!("batch {digest}"),
            None => "no batch".to_owned(),
        };
        return Some((format!("batch {place}"), shown(&own), shown(&other)));
    };
    let (own_all, other_all) = (&own.batch().transactions, &other.batch().transactions);
    let count = own_all.len().max(other_all.len());
    let hash = |all: &[Transaction], at: usize| all.get(at).map(|one| one.signed_hash());
    let first = (0..count).find(|at| hash(own_all, *at) != hash(other_all, *at));
    let Some(at) = first else {
        let shown = |batch: &SignedBatch| {
            let batch = batch.batch();
            format!(
                "number {} of validator {} in epoch {}",
                batch.number, batch.author, batch.epoch
            )
        };
        return Some((format!("batch {place}"), shown(&own), shown(&other)));
    };
    let shown = |all: &[Transaction]| match all.get(at) {
        Some(transaction) => format!("transaction {}", transaction.id()),
        None => "no transaction".to_owned(),
    };
    let place = format!("batch {place}, transaction {at}");
    Some((place, shown(own_all), shown(other_all)))
}

/// The first outcome that is another.
fn in_outcomes(left: &CertifiedBlock, right: &CertifiedBlock) -> Option<Found> {
    let (own, other) = (&left.v1().block.v1().executed, &right.v1().block.v1().executed);
    let count = own.len().max(other.len());
    let first = (0..count).find(|place| own.get(*place) != other.get(*place))?;
    let shown = |executed: Option<&Executed>| match executed {
        Some(executed) => format!(
            "position {}: {}",
            executed.position,
            words_of(Some(&executed.outcome))
        ),
        None => "nothing more".to_owned(),
    };
    let place = format!("executed transaction {first}");
    Some((place, shown(own.get(first)), shown(other.get(first))))
}

/// The first key at which two states differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateDifference {
    /// The key, in hex.
    pub key: String,
    /// What it is of.
    pub place: String,
    /// What the one has there.
    pub left: String,
    /// What the other has there.
    pub right: String,
}

/// The first key at which two states differ, each given by its keys, ascending, and values.
///
/// # Errors
/// The first that a state gives.
pub fn first_other_value<E>(
    left: impl Iterator<Item = Result<(StateKey, Vec<u8>), E>>,
    right: impl Iterator<Item = Result<(StateKey, Vec<u8>), E>>,
) -> Result<Option<StateDifference>, E> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    loop {
        let (own, other) = (key_of(&mut left)?, key_of(&mut right)?);
        let key = match (own, other) {
            (None, None) => return Ok(None),
            (Some(own), Some(other)) => own.min(other),
            (Some(key), None) | (None, Some(key)) => key,
        };
        let own = if own == Some(key) { left.next() } else { None };
        let other = if other == Some(key) { right.next() } else { None };
        let own = own.transpose()?.map(|(_, value)| value);
        let other = other.transpose()?.map(|(_, value)| value);
        if own != other {
            let place = [&own, &other]
                .into_iter()
                .flatten()
                .find_map(|value| owner_of(&key, value));
            return Ok(Some(StateDifference {
                key: key.to_string(),
                place: place.unwrap_or_else(|| "a value that is none of its key".to_owned()),
                left: value_of(&key, own.as_deref()),
                right: value_of(&key, other.as_deref()),
            }));
        }
    }
}

/// The key that comes next; none at the end.
fn key_of<E>(
    state: &mut Peekable<impl Iterator<Item = Result<(StateKey, Vec<u8>), E>>>,
) -> Result<Option<StateKey>, E> {
    match state.peek() {
        None => Ok(None),
        Some(Ok((key, _))) => Ok(Some(*key)),
        Some(Err(_)) => state.next().transpose().map(|_| None),
    }
}

/// What a value is of, for people.
fn owner_of(key: &StateKey, value: &[u8]) -> Option<String> {
    Some(match StateValue::decode(key, value).ok()? {
        StateValue::Account(account) => format!("account {}", account.v1().address),
        StateValue::Balance(balance) => {
            format!(
                "the balance of account {} in {}",
                balance.v1().address,
                balance.v1().asset
            )
        }
        StateValue::Hold(_) => "a hold".to_owned(),
        StateValue::Asset(asset) => format!("asset {}", asset.v1().code),
        StateValue::OwnRecord(record) | StateValue::UniqueRecord(record) => {
            format!("the record of document {}", record.v1().sha256)
        }
        StateValue::Member(member) => format!("member {}", member.v1().name),
        StateValue::Seat(seat) => format!("seat {}", seat.v1().number),
        StateValue::InUse(_) => "a name or key in use".to_owned(),
        StateValue::Grant(_) => "a grant".to_owned(),
        StateValue::Freeze(_) => "a freeze".to_owned(),
        StateValue::GovernanceProposal(proposal) => format!("proposal {}", proposal.v1().number),
        StateValue::Guardians(_) => "guardians".to_owned(),
        StateValue::Quota(_) | StateValue::QuotaShare(_) => "a quota".to_owned(),
        StateValue::Erasure(erasure) => format!("the erasures of transaction {}", erasure.v1().id),
        StateValue::RecoveryMark(_) => "a recovery".to_owned(),
        StateValue::Parameters(_) => "the parameters".to_owned(),
        StateValue::Rules(_) => "the rules".to_owned(),
        StateValue::Agreement(_) => "the agreement".to_owned(),
        StateValue::Counters(_) => "the counters".to_owned(),
    })
}

/// What of a value people look at first, in smallest units; else its bytes.
fn value_of(key: &StateKey, value: Option<&[u8]>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    match StateValue::decode(key, value) {
        Ok(StateValue::Account(account)) => {
            let account = account.v1();
            let balances: Vec<String> = account.balances.iter().map(inline).collect();
            let (entries, last) = (account.entries, account.last);
            format!("{entries} entries, the last {last}; {}", listed(&balances))
        }
        Ok(StateValue::Balance(balance)) => {
            let balance = balance.v1();
            format!(
                "free {}, held {}, incoming {}",
                balance.free.0, balance.held.0, balance.incoming
            )
        }
        Ok(StateValue::Asset(asset)) => {
            let asset = asset.v1();
            format!("supply {}, {} entries", asset.supply.0, asset.entries)
        }
        _ => bytes_of(value),
    }
}

fn inline(balance: &Inline) -> String {
    format!(
        "{}: free {}, held {}",
        balance.asset, balance.free.0, balance.held.0
    )
}

fn listed(balances: &[String]) -> String {
    match balances {
        [] => "no balances".to_owned(),
        some => some.join(", "),
    }
}

fn bytes_of(value: &[u8]) -> String {
    let hash = sha256(value);
    format!("{} bytes with the SHA-256 {hash}", value.len())
}
