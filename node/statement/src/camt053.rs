//! A statement as ISO 20022 camt.053.001.08 (BankToCustomerStatementV08), for accounting programs.
//!
//! A statement of a bank is of one currency, so there is a `Stmt` for each asset. Which assets can be given is plain:
//! those whose code is three letters, as the schema's currencies are; with decimals that the proof establishes; and of
//! which each amount has at most 5 decimals and 18 digits. That a code means the currency of that code outside the
//! ledger, nobody can prove. Others are refused, and go in a table or on a page.
//!
//! Entries, `OPBD` and `CLBD` are of what can be spent: a hold is a debit, a refund a credit. What is held stands apart,
//! in balances `OPENING HELD` and `CLOSING HELD`. A line that moves nothing that can be spent is no entry, nor is a
//! transaction that failed. There are no fees. No statement has a number (`ElctrncSeqNb`, `LglSeqNb`), as any range can
//! be asked for.
//!
//! Two things are longer than the schema has room for. A transaction's id has 64 digits: `AcctSvcrRef` has the first 32,
//! and behind a `-` the operation's index in two digits, all hexadecimal, so that it tells entries apart; the whole id
//! stands in the two proprietary references of `Refs`. An address has 41 characters: `Othr` has the 32 between `qr1` and
//! the checksum, which say all, and `Prxy` the whole.
//!
//! Texts are in `RmtInf`, cut into pieces of 140 characters; `AddtlTxInf` says how many belong to which text, and what
//! became of one that is not there. The proof is in `SplmtryData`.

use std::collections::BTreeSet;

use quorate_crypto::{Address, sha256};
use quorate_ledger::{Amount, AssetCode, HistoryOwner, Timestamp, format_amount, format_time};

use crate::about::Pair;
use crate::figures::{About, Balances, Figures, Line, Movement, Words, decimals_text};
use crate::phrases::{direction, instead_of};
use crate::statement::{Names, Statement};
use crate::words::written_out;

mod read;
mod write;

pub use read::{figures_of_camt053, proof_of_camt053};

/// Digits after the point, at most.
const MAX_DECIMALS: u8 = 5;

/// The smallest number that has more digits than an amount may have.
const DIGITS_LIMIT: u128 = 1_000_000_000_000_000_000;

/// Characters of a piece of a text, at most.
const MAX_PIECE: usize = 140;

/// Characters of a name, at most.
const MAX_NAME: usize = 70;

/// Digits of a transaction's id that a reference has room for.
const REFERENCE: usize = 32;

const DOCUMENT: &str = "Document";
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";
const PROOF: &str = "Proof";
const PROOF_NAMESPACE: &str = "urn:quorate:proof:2";
const XMLNS: &str = "xmlns";
const SCHEME: &str = "QUORATE ADDRESS";
const ISSUER: &str = "QUORATE";
const CREDIT: &str = "CRDT";
const DEBIT: &str = "DBIT";

/// The names of the two halves of a transaction's id.
const HALVES: [&str; 2] = ["TRANSACTION ID 1 OF 2", "TRANSACTION ID 2 OF 2"];

/// The names of the balances that are held.
const HELD: [&str; 2] = ["OPENING HELD", "CLOSING HELD"];

/// The codes of the others.
const BOOKED: [&str; 2] = ["OPBD", "CLBD"];

/// Names of the texts that an entry can have.
const TEXT: &str = "text";
const MEMO: &str = "memo";

/// The states of texts that are there.
const SHOWN: &str = "shown";
const HEX: &str = "hex";

/// What stands between two facts in one text.
const BETWEEN: &str = "; ";

/// The name of an asset's decimals.
const DECIMALS: &str = "decimals";

/// Why a statement cannot be given as camt.053.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Camt053Error {
    /// It is about an asset's supply.
    #[error("camt.053 is for accounts, not for the supply of {asset}: give this statement as CSV or HTML")]
    Supply {
        /// The asset.
        asset: AssetCode,
    },
    /// No asset was chosen.
    #[error(
        "camt.053 has a statement for each asset, and no asset was chosen: choose one that is in the statement"
    )]
    NoAsset,
    /// An asset was chosen that does not occur.
    #[error("{asset} is not in this statement: choose an asset that is, or another range")]
    NotThere {
        /// The asset.
        asset: AssetCode,
    },
    /// The asset's code is not like a currency's.
    #[error(
        "{asset} cannot be given as camt.053, whose currencies are three letters A–Z: leave it out there, and give it as \
         CSV or HTML"
    )]
    NotACurrency {
        /// The asset.
        asset: AssetCode,
    },
    /// Nothing proves the asset's decimals.
    #[error(
        "{asset} cannot be given as camt.053, as the proof does not say how many decimals it has: ask for a proof with \
         the asset beside the statement"
    )]
    DecimalsUnknown {
        /// The asset.
        asset: AssetCode,
    },
    /// An amount has too many decimals.
    #[error(
        "{asset} cannot be given as camt.053, which has 5 decimals, as there is an amount of {amount}: give it as CSV or \
         HTML"
    )]
    TooPrecise {
        /// The asset.
        asset: AssetCode,
        /// The amount, with all decimals of the asset.
        amount: String,
    },
    /// An amount has too many digits.
    #[error(
        "{asset} cannot be given as camt.053, which has 18 digits, as there is an amount of {amount}: give it as CSV or \
         HTML"
    )]
    TooLarge {
        /// The asset.
        asset: AssetCode,
        /// The amount, with all decimals of the asset.
        amount: String,
    },
    /// A time is after the year 9999.
    #[error(
        "camt.053 has no times after the year 9999, and the statement has {time}: ask for an earlier range"
    )]
    TooLate {
        /// The time, in milliseconds since 1970.
        time: Timestamp,
    },
}

/// The statement of these assets as camt.053, in the order of their codes. `created` is when it is made.
///
/// # Errors
/// If an asset cannot be given so; [`camt053_assets`] says which can.
pub fn camt053(
    statement: &Statement<'_>,
    created: Timestamp,
    assets: &[AssetCode],
) -> Result<String, Camt053Error> {
    let figures = statement.figures();
    let chosen: BTreeSet<AssetCode> = assets.iter().copied().collect();
    if chosen.is_empty() {
        return Err(Camt053Error::NoAsset);
    }
    for asset in &chosen {
        check(figures, *asset)?;
    }
    let figures = projected(figures, &chosen.into_iter().collect::<Vec<_>>());
    write::document(&figures, created, statement.names(), statement.proof())
}

/// Each asset of the statement, and whether it can be given as camt.053.
pub fn camt053_assets(statement: &Statement<'_>) -> Vec<(AssetCode, Result<(), Camt053Error>)> {
    let figures = statement.figures();
    let assets = figures.balances.iter().map(|balances| balances.asset);
    assets.map(|asset| (asset, check(figures, asset))).collect()
}

/// Checks that an asset's figures have room in camt.053.
fn check(figures: &Figures, asset: AssetCode) -> Result<(), Camt053Error> {
    if let HistoryOwner::Asset(asset) = figures.about.owner {
        return Err(Camt053Error::Supply { asset });
    }
    let code = asset.as_str();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Camt053Error::NotACurrency { asset });
    }
    let mut balances = figures.balances.iter();
    let balances = balances.find(|balances| balances.asset == asset);
    let balances = balances.ok_or(Camt053Error::NotThere { asset })?;
    let ends = [balances.opening, balances.closing].into_iter().flatten();
    let ends = ends.flat_map(|balance| [balance.free, balance.held]);
    let movements = figures.lines.iter().filter_map(|line| line.movement.as_ref());
    let moved = movements
        .filter(|movement| movement.asset == asset)
        .map(|movement| movement.free.amount);
    for amount in ends.chain(moved) {
        amount_text(asset, amount, balances.decimals)?;
    }
    Ok(())
}

/// What of the figures camt.053 has, if it is of these assets: their balances, and asset by asset the lines that change
/// what can be spent of it. There, a counterparty is who pays or is paid.
pub(crate) fn projected(figures: &Figures, assets: &[AssetCode]) -> Figures {
    let mut projected = Figures {
        about: figures.about,
        balances: Vec::with_capacity(assets.len()),
        lines: Vec::new(),
    };
    for asset in assets {
        let of_asset = |balances: &&Balances| balances.asset == *asset;
        projected.balances.extend(figures.balances.iter().find(of_asset));
        for line in &figures.lines {
            let of_asset = |movement: &&Movement| movement.asset == *asset && !movement.free.is_zero();
            if let Some(movement) = line.movement.as_ref().filter(of_asset) {
                let movement = Movement {
                    held: None,
                    after: None,
                    ..*movement
                };
                let is_party = direction(&figures.about.owner, line) != direction::WITH;
                projected.lines.push(Line {
                    movement: Some(movement),
                    counterparty: line.counterparty.filter(|_| is_party),
                    metadata: Words::None,
                    ..line.clone()
                });
            }
        }
    }
    projected
}

/// An amount as the schema allows it. Zeros that its decimals end with are left out above the fifth.
fn amount_text(asset: AssetCode, amount: Amount, decimals: Option<u8>) -> Result<String, Camt053Error> {
    let decimals = decimals.ok_or(Camt053Error::DecimalsUnknown { asset })?;
    let shown = decimals.min(MAX_DECIMALS);
    let unit = 10_u128
        .checked_pow(u32::from(decimals - shown))
        .unwrap_or(u128::MAX);
    let whole = format_amount(amount, decimals);
    if !amount.0.is_multiple_of(unit) {
        return Err(Camt053Error::TooPrecise { asset, amount: whole });
    }
    let amount = amount.0 / unit;
    if amount >= DIGITS_LIMIT {
        return Err(Camt053Error::TooLarge { asset, amount: whole });
    }
    Ok(format_amount(Amount(amount), shown))
}

fn time_text(time: Timestamp) -> Result<String, Camt053Error> {
    format_time(time).ok_or(Camt053Error::TooLate { time })
}

/// What a statement is about, and the asset's decimals, in one text.
fn about_text(about: &About, decimals: Option<u8>) -> String {
    let pairs = about.pairs().into_iter();
    let pairs = pairs.chain([(DECIMALS, decimals_text(decimals))]);
    let texts: Vec<String> = pairs
        .map(|(name, value): Pair| format!("{name} {value}"))
        .collect();
    texts.join(BETWEEN)
}

/// An id that follows from what it is of.
fn id_of(parts: &[&str]) -> String {
    let digest = sha256(parts.join("\n").as_bytes()).to_string();
    digest.chars().take(REFERENCE).collect()
}

/// The address without `qr1` and the checksum: 32 characters of 5 bits each.
fn short_address(address: &Address) -> String {
    const BEFORE: usize = 3;
    const LENGTH: usize = 32;
    address.to_string().chars().skip(BEFORE).take(LENGTH).collect()
}

/// An entry's own reference: its transaction's number in the history, and the operation's index.
fn entry_reference(line: &Line) -> String {
    match line.operation {
        Some(operation) => format!("{}.{operation}", line.number),
        None => line.number.to_string(),
    }
}

/// The account servicer's reference: the first half of the transaction's id, and the operation's index.
fn servicer_reference(line: &Line) -> String {
    let [half, _] = halves(line);
    match line.operation {
        Some(operation) => format!("{half}-{operation:02x}"),
        None => half,
    }
}

fn halves(line: &Line) -> [String; 2] {
    let id = line.id.to_string();
    let (first, second) = id.split_at(REFERENCE);
    [first.to_owned(), second.to_owned()]
}

/// The pieces of a text, and what is said of it in words.
fn pieces(name: &str, words: &Words) -> (Vec<String>, &'static str) {
    let cut = |text: &str| -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        letters
            .chunks(MAX_PIECE)
            .map(|piece| piece.iter().collect::<String>())
            .collect()
    };
    match words {
        Words::None => (Vec::new(), ""),
        Words::Shown(text) => (cut(&written_out(text)), SHOWN),
        Words::Hex(hex) => (cut(hex), HEX),
        other => {
            let state = instead_of(other);
            (vec![format!("({name} {state})")], state)
        }
    }
}

/// The name that the caller has for an address, cut to what the schema has room for.
fn name_text(address: &Address, names: &Names) -> Option<String> {
    let mut name: String = names.get(address)?.chars().take(MAX_NAME).collect();
    while written_out(&name).chars().count() > MAX_NAME {
        name.pop();
    }
    Some(written_out(&name)).filter(|name| !name.is_empty())
}
