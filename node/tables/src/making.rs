//! Making rows: of a header, of an executed transaction, of what genesis gives (`docs/tables.md`, section 3). The export and
//! the check make them by the same code, from a chain and from the tables of blocks and transactions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use quorate_genesis::Genesis;
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Digest, Header, Height, IntentV1, Keep, LoggedTransaction, Operation,
    Outcome, Timestamp,
};
use quorate_verifier::{ProvenDecimals, condition_words, operation_words};

use crate::books::{ChangedBalance, first_balances};
use crate::holds::{Contradiction, HoldBook, HoldEvent, HoldKind};
use crate::rows::{Cell, Rows};
use crate::table::Table;

/// The ordinal of what genesis gives: before all others.
const BEFORE_ALL: i64 = -1;

/// How many addresses' texts are kept, as most come again soon.
const MAX_TEXTS: usize = 65_536;

/// Rows of all tables.
#[derive(Clone, Debug)]
pub(crate) struct RowSet {
    tables: Vec<Rows>,
}

/// Where an executed transaction stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) ordinal: u64,
    pub(crate) height: Height,
    pub(crate) timestamp: Timestamp,
}

/// What is known of an executed transaction beside its leaf and its intent.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    pub(crate) succeeded: bool,
    pub(crate) events: Vec<HoldEvent>,
}

/// Makes rows, and keeps what later ones need.
pub(crate) struct Maker {
    decimals: BTreeMap<AssetCode, u8>,
    holds: HoldBook,
    texts: HashMap<Address, Arc<str>>,
}

/// Why there is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MakeError {
    #[error("its {0} is larger than a cell of the tables can hold")]
    TooLarge(&'static str),
    #[error("{0}")]
    Contradiction(#[from] Contradiction),
}

/// A hash as text, without a text of its own.
pub(crate) struct HexText([u8; 64]);

impl RowSet {
    pub(crate) fn new() -> Self {
        Self {
            tables: Table::ALL.iter().map(|table| Rows::new(*table)).collect(),
        }
    }

    pub(crate) fn of(&self, table: Table) -> &Rows {
        &self.tables[table.place()]
    }

    pub(crate) fn of_mut(&mut self, table: Table) -> &mut Rows {
        &mut self.tables[table.place()]
    }

    pub(crate) fn clear(&mut self) {
        for rows in &mut self.tables {
            rows.clear();
        }
    }
}

impl HexText {
    pub(crate) fn of(digest: &Digest) -> Self {
        let mut text = [0; 64];
        hex::encode_to_slice(digest.0, &mut text).expect("a hash has 64 digits");
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

impl Maker {
    pub(crate) fn new(decimals: BTreeMap<AssetCode, u8>, holds: HoldBook) -> Self {
        Self {
            decimals,
            holds,
            texts: HashMap::new(),
        }
    }

    /// Takes note of an executed transaction, of which rows may be made or not.
    pub(crate) fn note(
        &mut self,
        intent: &IntentV1,
        entry: &LoggedTransaction,
    ) -> Result<Effects, Contradiction> {
        let succeeded = matches!(entry.outcome, Outcome::Success { .. });
        let events = self.holds.book(intent, entry)?;
        if succeeded {
            for act in &intent.operations {
                if let Operation::CreateAsset { code, decimals, .. } = &act.operation {
                    self.decimals.insert(*code, *decimals);
                }
            }
        }
        Ok(Effects { succeeded, events })
    }

    /// What genesis gives, as balances before the first block.
    pub(crate) fn genesis(&mut self, out: &mut RowSet, genesis: &Genesis) -> Result<(), MakeError> {
        let at = time(genesis.time())?;
        for (account, asset, amount) in first_balances(genesis) {
            let account = self.text(&account);
            let decimals = self.decimals_of(&asset);
            out.of_mut(Table::Balances).push(&[
                Cell::Number(BEFORE_ALL),
                at,
                Cell::Text(&account),
                Cell::Number(0),
                Cell::Text(asset.as_str()),
                Cell::Amount(0),
                units(amount)?,
                Cell::Amount(0),
                Cell::Amount(0),
                decimals,
            ]);
        }
        Ok(())
    }

    /// The rows of all tables that follow, of a transaction that was [noted](Self::note).
    pub(crate) fn derived_rows(
        &mut self,
        out: &mut RowSet,
        place: &Place,
        intent: &IntentV1,
        effects: &Effects,
        changed: &[ChangedBalance],
    ) -> Result<(), MakeError> {
        let mut events = effects.events.iter().peekable();
        for (operation, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
            let event = events.next_if(|event| event.operation == operation);
            let turn = Turn {
                ordinal: number("ordinal", place.ordinal)?,
                at: time(place.timestamp)?,
                operation,
                acting: intent.acting(act).ok_or(Contradiction)?,
                succeeded: effects.succeeded,
            };
            self.operation(out.of_mut(Table::Operations), &turn, act, event)?;
            if effects.succeeded {
                self.transfer(out.of_mut(Table::Transfers), &turn, act, event)?;
                self.record(out.of_mut(Table::Records), &turn, act);
            }
            if let Some(event) = event {
                self.hold(out.of_mut(Table::Holds), &turn, event)?;
            }
        }
        self.balances(out.of_mut(Table::Balances), place, changed)
    }

    /// The row of the table of transactions. `encoded` is the intent's canonical bytes.
    pub(crate) fn own_row(
        &mut self,
        out: &mut Rows,
        place: &Place,
        entry: &LoggedTransaction,
        intent: &IntentV1,
        encoded: &[u8],
    ) -> Result<(), MakeError> {
        let sender = self.text(&intent.sender());
        let parties: Vec<Arc<str>> = intent.parties.iter().map(|party| self.text(party)).collect();
        let parties = parties.join(" ");
        let (code, operation, results) = match &entry.outcome {
            Outcome::Success { results } => (None, None, joined(results)),
            Outcome::Failed { code, operation } => (Some(*code), Some(*operation), None),
        };
        let (id, signed) = (HexText::of(&entry.id), HexText::of(&entry.signed));
        out.push(&[
            Cell::Number(number("ordinal", place.ordinal)?),
            time(place.timestamp)?,
            Cell::Number(number("height", place.height.0)?),
            Cell::Number(i64::from(entry.position)),
            Cell::Text(id.as_str()),
            Cell::Text(&sender),
            Cell::Text(&parties),
            Cell::Number(count(intent.operations.len())),
            time(entry.expires_at)?,
            Cell::Flag(code.is_none()),
            code.map_or(Cell::Null, |code| Cell::Number(i64::from(code.number()))),
            text_or_null(code.and_then(|code| code.name())),
            operation.map_or(Cell::Null, |operation| Cell::Number(i64::from(operation))),
            text_or_null(results.as_deref()),
            Cell::Text(signed.as_str()),
            Cell::Number(count(intent.places().len())),
            Cell::Bytes(encoded),
        ]);
        Ok(())
    }

    fn operation(
        &mut self,
        out: &mut Rows,
        turn: &Turn,
        act: &Act,
        event: Option<&HoldEvent>,
    ) -> Result<(), MakeError> {
        let operation = &act.operation;
        let account = self.text(&turn.acting);
        let counterparty = operation.named().map(|address| self.text(&address));
        let (asset, amount) = asked(operation);
        let asset = asset.or_else(|| event.map(|event| event.hold.asset));
        let paid = event.filter(|event| event.kind != HoldKind::Held);
        let decimals = asset.map_or(Cell::Null, |asset| self.decimals_of(&asset));
        let document = match operation {
            Operation::PutRecord { sha256, .. } => Some(HexText::of(sha256)),
            _ => None,
        };
        out.push(&[
            Cell::Number(turn.ordinal),
            turn.at,
            Cell::Number(i64::from(turn.operation)),
            Cell::Flag(turn.succeeded),
            Cell::Text(operation.name()),
            Cell::Text(&account),
            text_or_null(counterparty.as_deref()),
            text_or_null(asset.as_ref().map(AssetCode::as_str)),
            amount.map_or(Ok(Cell::Null), units)?,
            paid.map_or(Ok(Cell::Null), |event| units(event.moved))?,
            decimals,
            text_or_null(document.as_ref().map(HexText::as_str)),
            text_or_null(details(operation).as_deref()),
        ]);
        Ok(())
    }

    fn transfer(
        &mut self,
        out: &mut Rows,
        turn: &Turn,
        act: &Act,
        event: Option<&HoldEvent>,
    ) -> Result<(), MakeError> {
        let (kind, from, to, asset, amount) = match &act.operation {
            Operation::Mint { to, asset, amount } => ("mint", None, Some(*to), *asset, *amount),
            Operation::Burn { asset, amount } => ("burn", Some(turn.acting), None, *asset, *amount),
            Operation::Transfer { to, asset, amount } => {
                ("transfer", Some(turn.acting), Some(*to), *asset, *amount)
            }
            Operation::Release { .. } => {
                let HoldEvent { moved, hold, .. } = event.ok_or(Contradiction)?;
                let (owner, beneficiary) = (Some(hold.owner), Some(hold.beneficiary));
                ("release", owner, beneficiary, hold.asset, *moved)
            }
            _ => return Ok(()),
        };
        let from = from.map(|address| self.text(&address));
        let to = to.map(|address| self.text(&address));
        let decimals = self.known_decimals(&asset)?;
        out.push(&[
            Cell::Number(turn.ordinal),
            turn.at,
            Cell::Number(i64::from(turn.operation)),
            Cell::Text(kind),
            text_or_null(from.as_deref()),
            text_or_null(to.as_deref()),
            Cell::Text(asset.as_str()),
            units(amount)?,
            decimals,
        ]);
        Ok(())
    }

    fn record(&mut self, out: &mut Rows, turn: &Turn, act: &Act) {
        let Operation::PutRecord { sha256, keep } = &act.operation else {
            return;
        };
        let account = self.text(&turn.acting);
        let document = HexText::of(sha256);
        let keep = match keep {
            Keep::Log => "log",
            Keep::Own => "own",
            Keep::Unique => "unique",
        };
        out.push(&[
            Cell::Number(turn.ordinal),
            turn.at,
            Cell::Number(i64::from(turn.operation)),
            Cell::Text(&account),
            Cell::Text(document.as_str()),
            Cell::Text(keep),
        ]);
    }

    fn hold(&mut self, out: &mut Rows, turn: &Turn, event: &HoldEvent) -> Result<(), MakeError> {
        let hold = &event.hold;
        let made_by = HexText::of(&hold.transaction);
        let (owner, beneficiary) = (self.text(&hold.owner), self.text(&hold.beneficiary));
        let decimals = self.known_decimals(&hold.asset)?;
        out.push(&[
            Cell::Number(turn.ordinal),
            turn.at,
            Cell::Number(i64::from(turn.operation)),
            Cell::Text(event.kind.name()),
            Cell::Text(&owner),
            Cell::Text(made_by.as_str()),
            Cell::Number(i64::from(hold.operation)),
            Cell::Text(&beneficiary),
            Cell::Text(hold.asset.as_str()),
            units(event.moved)?,
            units(hold.amount)?,
            decimals,
            time(hold.until)?,
            Cell::Text(&condition_words(&hold.condition)),
        ]);
        Ok(())
    }

    fn balances(
        &mut self,
        out: &mut Rows,
        place: &Place,
        changed: &[ChangedBalance],
    ) -> Result<(), MakeError> {
        let ordinal = number("ordinal", place.ordinal)?;
        let at = time(place.timestamp)?;
        for ChangedBalance {
            account,
            entry,
            change,
        } in changed
        {
            let account = self.text(account);
            let decimals = self.known_decimals(&change.asset)?;
            out.push(&[
                Cell::Number(ordinal),
                at,
                Cell::Text(&account),
                Cell::Number(number("entry", *entry)?),
                Cell::Text(change.asset.as_str()),
                units(change.free_before)?,
                units(change.free_after)?,
                units(change.held_before)?,
                units(change.held_after)?,
                decimals,
            ]);
        }
        Ok(())
    }

    /// The decimals of an asset, as far as there is one.
    fn decimals_of(&self, asset: &AssetCode) -> Cell<'static> {
        let decimals = self.decimals.get(asset);
        decimals.map_or(Cell::Null, |decimals| Cell::Number(i64::from(*decimals)))
    }

    /// The decimals of an asset of which units moved: it exists.
    fn known_decimals(&self, asset: &AssetCode) -> Result<Cell<'static>, Contradiction> {
        match self.decimals_of(asset) {
            Cell::Null => Err(Contradiction),
            decimals => Ok(decimals),
        }
    }

    /// An address as text.
    fn text(&mut self, address: &Address) -> Arc<str> {
        if let Some(text) = self.texts.get(address) {
            return Arc::clone(text);
        }
        if self.texts.len() >= MAX_TEXTS {
            self.texts.clear();
        }
        let text: Arc<str> = address.to_string().into();
        self.texts.insert(*address, Arc::clone(&text));
        text
    }
}

/// An operation's turn.
struct Turn {
    ordinal: i64,
    at: Cell<'static>,
    operation: u8,
    acting: Address,
    succeeded: bool,
}

/// The row of a block.
pub(crate) fn block_row(
    out: &mut Rows,
    header: &Header,
    hash: &Digest,
    first_ordinal: u64,
) -> Result<(), MakeError> {
    let header = header.v1();
    let executed = header.log_size.saturating_sub(first_ordinal);
    let [hash, previous, chain_root, proposal] =
        [hash, &header.previous, &header.chain_root, &header.proposal].map(HexText::of);
    let [log_root, state_root, next_committee] =
        [&header.log_root, &header.state_root, &header.next_committee].map(HexText::of);
    out.push(&[
        Cell::Number(number("height", header.height.0)?),
        Cell::Number(number("first ordinal", first_ordinal)?),
        time(header.timestamp)?,
        Cell::Number(number("number of transactions", executed)?),
        Cell::Text(hash.as_str()),
        Cell::Text(previous.as_str()),
        Cell::Text(chain_root.as_str()),
        Cell::Text(proposal.as_str()),
        Cell::Number(number("epoch", header.epoch.0)?),
        Cell::Number(i64::from(header.protocol)),
        Cell::Number(number("log size", header.log_size)?),
        Cell::Text(log_root.as_str()),
        Cell::Text(state_root.as_str()),
        Cell::Text(next_committee.as_str()),
    ]);
    Ok(())
}

/// The asset and the amount that an operation names.
fn asked(operation: &Operation) -> (Option<AssetCode>, Option<Amount>) {
    match operation {
        Operation::CreateAsset { code, .. } => (Some(*code), None),
        Operation::Mint { asset, amount, .. }
        | Operation::Burn { asset, amount }
        | Operation::Transfer { asset, amount, .. }
        | Operation::Hold { asset, amount, .. } => (Some(*asset), Some(*amount)),
        Operation::Release { amount, .. } => (None, *amount),
        Operation::Freeze { asset, .. } | Operation::Unfreeze { asset, .. } => (*asset, None),
        _ => (None, None),
    }
}

/// All fields of an operation that the other columns do not say.
fn details(operation: &Operation) -> Option<String> {
    match operation {
        Operation::Mint { .. } | Operation::Burn { .. } | Operation::Transfer { .. } => None,
        _ => Some(operation_words(operation, &ProvenDecimals::new())),
    }
}

/// Amounts as one text; none if there are none.
fn joined(amounts: &[Amount]) -> Option<String> {
    let texts: Vec<String> = amounts.iter().map(Amount::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

fn text_or_null(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::Text)
}

fn number(what: &'static str, value: u64) -> Result<i64, MakeError> {
    i64::try_from(value).map_err(|_| MakeError::TooLarge(what))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).expect("an intent's lists are short")
}

fn time(time: Timestamp) -> Result<Cell<'static>, MakeError> {
    number("time", time.0).map(Cell::Number)
}

fn units<'a>(amount: Amount) -> Result<Cell<'a>, MakeError> {
    let units = i128::try_from(amount.0).map_err(|_| MakeError::TooLarge("amount"))?;
    Ok(Cell::Amount(units))
}
