//! Reading the rows of blocks and transactions back into what they were made of.

use quorate_crypto::Epoch;
use quorate_ledger::limits::MAX_RESULTS;
use quorate_ledger::{Amount, Digest, ErrorCode, Header, HeaderV1, Height, Outcome, Timestamp};

use crate::making::HexText;
use crate::rows::{Cell, Rows};

/// A cell that cannot be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadCell {
    pub(super) column: &'static str,
    pub(super) reason: &'static str,
}

/// The row of a block.
#[derive(Clone, Debug)]
pub(super) struct BlockRow {
    pub(super) header: Header,
    pub(super) first_ordinal: u64,
    pub(super) transactions: u64,
    pub(super) hash: Digest,
}

/// What the row of a transaction has that follows from nothing else.
#[derive(Clone, Debug)]
pub(super) struct TransactionRow {
    pub(super) position: u32,
    pub(super) signed: Digest,
    pub(super) outcome: Outcome,
    pub(super) intent: Vec<u8>,
}

/// The cells of a row, read in the order of their columns.
struct Cells<'a> {
    rows: &'a Rows,
    row: usize,
    column: usize,
}

impl<'a> Cells<'a> {
    fn new(rows: &'a Rows, row: usize) -> Self {
        Self { rows, row, column: 0 }
    }

    fn next(&mut self) -> (&'static str, Cell<'a>) {
        let column = self.column;
        self.column += 1;
        (
            self.rows.table().columns()[column].name,
            self.rows.cell(self.row, column),
        )
    }

    fn skip(&mut self, count: usize) {
        self.column += count;
    }

    fn number(&mut self) -> Result<u64, BadCell> {
        let (column, cell) = self.next();
        number(column, cell)
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, BadCell> {
        let (column, cell) = self.next();
        small(column, number(column, cell)?)
    }

    fn small_or_null<T: TryFrom<u64>>(&mut self) -> Result<Option<T>, BadCell> {
        match self.next() {
            (_, Cell::Null) => Ok(None),
            (column, cell) => small(column, number(column, cell)?).map(Some),
        }
    }

    fn hash(&mut self) -> Result<Digest, BadCell> {
        let (column, cell) = self.next();
        let bad = BadCell {
            column,
            reason: "it is no hash in lower-case hex",
        };
        let Cell::Text(text) = cell else {
            return Err(bad);
        };
        let digest: Digest = text.parse().map_err(|_| bad)?;
        if HexText::of(&digest).as_str() == text {
            Ok(digest)
        } else {
            Err(bad)
        }
    }

    fn flag(&mut self) -> bool {
        matches!(self.next(), (_, Cell::Flag(true)))
    }

    fn bytes(&mut self) -> &'a [u8] {
        match self.next() {
            (_, Cell::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// Amounts, parted by spaces; none where the cell is NULL.
    fn amounts(&mut self) -> Result<Vec<Amount>, BadCell> {
        let (column, cell) = self.next();
        let Cell::Text(text) = cell else {
            return Ok(Vec::new());
        };
        let amounts = text.split(' ').take(MAX_RESULTS + 1).map(|amount| {
            amount.parse::<Amount>().map_err(|_| BadCell {
                column,
                reason: "it is no list of amounts",
            })
        });
        let amounts: Vec<Amount> = amounts.collect::<Result<_, _>>()?;
        if amounts.len() > MAX_RESULTS {
            return Err(BadCell {
                column,
                reason: "it has more amounts than a transaction has operations",
            });
        }
        Ok(amounts)
    }
}

fn number(column: &'static str, cell: Cell<'_>) -> Result<u64, BadCell> {
    let reason = "it is below 0";
    match cell {
        Cell::Number(number) => u64::try_from(number).map_err(|_| BadCell { column, reason }),
        _ => Err(BadCell {
            column,
            reason: "there is none",
        }),
    }
}

fn small<T: TryFrom<u64>>(column: &'static str, number: u64) -> Result<T, BadCell> {
    T::try_from(number).map_err(|_| BadCell {
        column,
        reason: "it is larger than any can be",
    })
}

/// The block of a row.
pub(super) fn block(rows: &Rows, row: usize, network: Digest) -> Result<BlockRow, BadCell> {
    let mut cells = Cells::new(rows, row);
    let height = Height(cells.number()?);
    let first_ordinal = cells.number()?;
    let timestamp = Timestamp(cells.number()?);
    let transactions = cells.number()?;
    let hash = cells.hash()?;
    let previous = cells.hash()?;
    let chain_root = cells.hash()?;
    let proposal = cells.hash()?;
    let epoch = Epoch(cells.number()?);
    let protocol = cells.small()?;
    let log_size = cells.number()?;
    let header = Header::V1(HeaderV1 {
        network,
        protocol,
        epoch,
        height,
        previous,
        chain_root,
        proposal,
        timestamp,
        log_size,
        log_root: cells.hash()?,
        state_root: cells.hash()?,
        next_committee: cells.hash()?,
    });
    Ok(BlockRow {
        header,
        first_ordinal,
        transactions,
        hash,
    })
}

/// The transaction of a row.
pub(super) fn transaction(rows: &Rows, row: usize) -> Result<TransactionRow, BadCell> {
    let mut cells = Cells::new(rows, row);
    // Ordinal, time, height.
    cells.skip(3);
    let position = cells.small()?;
    // Id, sender, parties, operations, expiry.
    cells.skip(5);
    let succeeded = cells.flag();
    let code = cells.small_or_null::<u16>()?;
    // The code's name.
    cells.skip(1);
    let operation = cells.small_or_null::<u8>()?;
    let results = cells.amounts()?;
    let signed = cells.hash()?;
    // The number of texts.
    cells.skip(1);
    let intent = cells.bytes().to_vec();
    let outcome = match (succeeded, code, operation) {
        (true, _, _) => Outcome::Success { results },
        (false, Some(code), Some(operation)) => Outcome::Failed {
            code: ErrorCode(code),
            operation,
        },
        (false, _, _) => {
            return Err(BadCell {
                column: "succeeded",
                reason: "a failed transaction has a code and an operation",
            });
        }
    };
    Ok(TransactionRow {
        position,
        signed,
        outcome,
        intent,
    })
}

/// A cell as people read it.
pub(super) fn words(cell: Cell<'_>) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Amount(amount) => amount.to_string(),
        Cell::Text(text) => quorate_ledger::visible(text).into_owned(),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Cell::Flag(flag) => flag.to_string(),
    }
}
