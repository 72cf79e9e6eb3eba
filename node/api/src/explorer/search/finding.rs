//! What a search box's text may mean: what has exactly that name, and what has one that begins or goes on like it.

use quorate_client::schema::{HoldName, OperationView, TransactionStatus};
use quorate_client::{TransactionFilter, When};
use quorate_crypto::Key;
use quorate_ledger::{Address, AssetCode, Digest, Height, Timestamp};

use super::super::{parts, selection};
use super::{FEWEST_DIGITS, Hit, Labels, MOST};
use crate::governance::Governance;
use crate::input::whole_number;
use crate::node::{BlockRef, Fault, HexDigits, Node, Snapshot};
use crate::problem::Failure;
use crate::scan::{self, RecordMark, RecordPage};

/// Records that are looked at at a time for their labels, and how often: what a time finds is bounded besides.
const RECORDS: usize = 50;
const TIMES: usize = 8;

/// Everything that has exactly this name.
pub(super) fn exact(snapshot: &dyn Snapshot, node: &dyn Node, query: &str) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    if query.len() < 64
        && let Some(height) = whole_number(&query.replace(',', ""))
        && snapshot.block(BlockRef::Height(Height(height)))?.is_some()
    {
        hits.push(Hit::new("Block", format!("blocks/{height}"), height));
    }
    if let Ok(hash) = digits_of(query).to_ascii_lowercase().parse::<Digest>() {
        hits.extend(by_hash(snapshot, node, &hash)?);
    }
    if let Some(key) = key_of(query) {
        hits.extend(by_key(snapshot, node, &key)?);
    }
    if let Ok(address) = query.parse::<Address>() {
        hits.push(Hit::new("Account", format!("accounts/{address}"), address));
    }
    hits.extend(hold(snapshot, query)?);
    if let Ok(code) = query.to_ascii_uppercase().parse::<AssetCode>()
        && snapshot.asset(&code)?.is_some()
    {
        hits.push(Hit::new("Asset", format!("assets/{code}"), code));
    }
    hits.extend(by_name(snapshot, node, |name| name.eq_ignore_ascii_case(query))?);
    if hits.is_empty() {
        hits.extend(by_time(snapshot, query)?);
    }
    Ok(hits)
}

/// What has a hash, or is called, or is called by its sender, something that begins like this.
pub(super) fn alike(snapshot: &dyn Snapshot, node: &dyn Node, query: &str) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    if let Some(digits) =
        HexDigits::read(digits_of(query)).filter(|digits| digits.as_str().len() >= FEWEST_DIGITS)
    {
        let found = snapshot.beginning_with(&digits, MOST)?;
        let blocks = found.blocks.into_iter();
        hits.extend(blocks.map(|(hash, height)| Hit::new("Block", format!("blocks/{height}"), hash)));
        let transactions = found.transactions.into_iter();
        hits.extend(transactions.map(|id| Hit::new("Transaction", format!("transactions/{id}"), id)));
        let records = found.records.into_iter();
        hits.extend(records.map(|sha256| Hit::new("Record", format!("records/{sha256}"), sha256)));
    }
    hits.extend(codes(snapshot, &query.to_ascii_uppercase())?);
    let wanted = query.to_ascii_lowercase();
    hits.extend(by_name(snapshot, node, |name| {
        name.to_ascii_lowercase().contains(&wanted)
    })?);
    Ok(hits)
}

/// Hexadecimal digits as some programs write them.
fn digits_of(query: &str) -> &str {
    query.strip_prefix("0x").unwrap_or(query)
}

fn by_hash(snapshot: &dyn Snapshot, node: &dyn Node, hash: &Digest) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    if snapshot.block(BlockRef::Hash(*hash))?.is_some() {
        hits.push(Hit::new("Block", format!("blocks/{hash}"), hash));
    }
    if node.pending(hash).is_some() || snapshot.transaction(hash)?.is_some() {
        hits.push(Hit::new("Transaction", format!("transactions/{hash}"), hash));
    }
    if !snapshot.records(hash, None, 1)?.is_empty() {
        hits.push(Hit::new("Record", format!("records/{hash}"), hash));
    }
    Ok(hits)
}

/// A key with its kind, or without.
fn key_of(query: &str) -> Option<Key> {
    let query = query.to_ascii_lowercase();
    let digits = digits_of(&query);
    let written = [
        query.clone(),
        format!("ed25519:{digits}"),
        format!("p256:{digits}"),
    ];
    written.iter().find_map(|text| text.parse().ok())
}

/// The account that a key makes, if it was ever used, and the validators that have it.
fn by_key(snapshot: &dyn Snapshot, node: &dyn Node, key: &Key) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    let address = key.address();
    let account = snapshot.account(&address)?;
    if account.transactions > 0 || !account.balances.is_empty() || account.member.is_some() {
        hits.push(Hit::new(
            "Account of the key",
            format!("accounts/{address}"),
            address,
        ));
    }
    if let Key::Ed25519(bytes) = key {
        let digits = hex::encode(bytes);
        let seats = node.network()?.committee.validators;
        let has = |seat: &&quorate_client::schema::CommitteeMember| {
            let keys = [seat.seat.validator, seat.seat.node, seat.seat.witness];
            keys.iter().any(|own| own.to_string() == digits)
        };
        hits.extend(seats.iter().filter(has).map(|seat| validator(&seat.name)));
    }
    Ok(hits)
}

fn validator(name: &str) -> Hit {
    Hit::new("Validator", format!("validators/{name}"), name)
}

/// Validators and members with names that fit. A member that is called as its validator is found by that one.
fn by_name(snapshot: &dyn Snapshot, node: &dyn Node, fits: impl Fn(&str) -> bool) -> Result<Vec<Hit>, Fault> {
    let validators = node.validators().validators;
    let members = Governance::read(snapshot, node)?.all_members()?;
    let own = validators.iter().map(|validator| validator.name.as_str());
    let others = members.iter().map(|member| member.name.as_str());
    let others = others.filter(|name| validators.iter().all(|validator| validator.name != *name));
    let members = others
        .filter(|name| fits(name))
        .map(|name| Hit::new("Member", format!("members/{name}"), name));
    Ok(own
        .filter(|name| fits(name))
        .map(validator)
        .chain(members)
        .collect())
}

/// A hold by the transaction and the operation that made it.
fn hold(snapshot: &dyn Snapshot, query: &str) -> Result<Option<Hit>, Fault> {
    let Some((transaction, operation)) = query.split_once('.') else {
        return Ok(None);
    };
    let place = transaction.parse::<Digest>().ok().zip(whole_number(operation));
    let Some((transaction, operation)) = place else {
        return Ok(None);
    };
    let made = snapshot.transaction(&transaction)?;
    let made = made.filter(|made| made.status == TransactionStatus::Committed);
    let act = made.and_then(|made| made.operations.into_iter().nth(usize::try_from(operation).ok()?));
    let hold = act.and_then(|act| match act.operation {
        OperationView::Hold { .. } => Some(HoldName {
            owner: act.by,
            transaction,
            operation: u16::try_from(operation).ok()?,
        }),
        _ => None,
    });
    Ok(hold.map(|hold| {
        let name = format!("{}.{}", hold.transaction, hold.operation);
        Hit::new("Hold", format!("holds/{name}"), name)
    }))
}

/// The block at a moment, which is the last one until then; of a day or another span of time its first and its last.
fn by_time(snapshot: &dyn Snapshot, query: &str) -> Result<Vec<Hit>, Failure> {
    let moment = |name: &str| {
        let spelt = selection::spelt(name, query);
        // In a query a plus sign means a space.
        let point = spelt.parse::<When>().or_else(|_| spelt.replace(' ', "+").parse());
        match point {
            Ok(When::Time(time)) => Some(time),
            _ => None,
        }
    };
    let Some((from, to)) = moment("from").zip(moment("to")) else {
        return Ok(Vec::new());
    };
    let until = |time: Timestamp| scan::last_height(snapshot, Some(When::Time(time)));
    let last = until(to)?;
    if last == Height::GENESIS {
        return Ok(Vec::new());
    }
    let first = match from.0.checked_sub(1) {
        Some(before) => until(Timestamp(before))?.next(),
        None => Height(1),
    };
    let block = |what, height: Height| Hit::new(what, format!("blocks/{height}"), parts::number(height));
    if from == to || first >= last {
        return Ok(vec![block("Block at that time", last)]);
    }
    let (from, to) = (When::Time(from), When::Time(to));
    Ok(vec![
        block("First block of that time", first),
        block("Last block of that time", last),
        Hit::new(
            "Transactions",
            format!("transactions?from={from}&to={to}"),
            "All transactions of that time",
        ),
        Hit::new(
            "Records",
            format!("records?from={from}&to={to}"),
            "All records of that time",
        ),
    ])
}

/// Assets whose codes begin so.
fn codes(snapshot: &dyn Snapshot, beginning: &str) -> Result<Vec<Hit>, Fault> {
    if beginning.parse::<AssetCode>().is_err() {
        return Ok(Vec::new());
    }
    let assets = snapshot.assets(code_before(beginning), MOST)?;
    let fitting = assets
        .into_iter()
        .take_while(|asset| asset.code.as_str().starts_with(beginning));
    Ok(fitting
        .map(|asset| Hit::new("Asset", format!("assets/{}", asset.code), asset.code))
        .collect())
}

/// The last code before those that begin so; none if there is none.
fn code_before(beginning: &str) -> Option<AssetCode> {
    let (last, rest) = beginning.as_bytes().split_last()?;
    let rest = std::str::from_utf8(rest).ok()?;
    let before = match last {
        // Codes order as their texts do: digits first.
        b'0' => rest.to_owned(),
        _ => {
            let lower = if *last == b'A' { b'9' } else { last - 1 };
            let padding = AssetCode::MAX_LENGTH.saturating_sub(beginning.len());
            format!("{rest}{}{}", char::from(lower), "Z".repeat(padding))
        }
    };
    before.parse().ok()
}

/// Records whose labels have this in them, among those below a mark that are looked at for one page.
pub(super) fn labels(
    snapshot: &dyn Snapshot,
    query: &str,
    mark: Option<RecordMark>,
) -> Result<Labels, Failure> {
    let (filter, wanted) = (TransactionFilter::default(), query.to_lowercase());
    let mut labels = Labels {
        found: Vec::new(),
        next: None,
    };
    let mut mark = mark;
    for _ in 0..TIMES {
        let RecordPage { records, next } = scan::recorded(snapshot, &filter, mark, RECORDS)?;
        let looked_at = records.len();
        let fitting = records
            .into_iter()
            .filter(|found| found.record.label.to_lowercase().contains(&wanted));
        labels.found.extend(fitting.map(|found| found.record));
        mark = next.as_deref().and_then(|next| RecordMark::read(&filter, next));
        labels.next = next;
        // With fewer it has come to the bound of a call, or to the end.
        if mark.is_none() || looked_at < RECORDS || labels.found.len() >= MOST {
            break;
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_between_a_code_and_those_that_begin_so() {
        for (beginning, before) in [
            ("B", Some("AZZZZZZZZZZZ")),
            ("A", Some("9ZZZZZZZZZZZ")),
            ("CO2", Some("CO1ZZZZZZZZZ")),
            ("C0", Some("C")),
            ("ABCDEFGHIJKL", Some("ABCDEFGHIJKK")),
            ("ABCDEFGHIJK0", Some("ABCDEFGHIJK")),
            ("0", None),
        ] {
            let found = code_before(beginning);
            assert_eq!(
                found.map(|code| code.to_string()).as_deref(),
                before,
                "{beginning}"
            );
            let code: AssetCode = beginning.parse().unwrap();
            assert!(found.is_none_or(|found| found < code), "{beginning}");
        }
    }

    #[test]
    fn keys_are_taken_with_their_kind_and_without() {
        let key = Key::Ed25519([0xab; 32]);
        let digits = "ab".repeat(32);
        for text in [
            key.to_string(),
            digits.clone(),
            format!("0x{digits}"),
            digits.to_uppercase(),
        ] {
            assert_eq!(key_of(&text), Some(key), "{text}");
        }
        for other in ["", "ed25519:", "ed25519:abc", "p256:00"] {
            assert_eq!(key_of(other), None, "{other}");
        }
    }
}
