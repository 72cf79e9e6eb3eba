//! The tables of blocks and transactions against the certified head, and the rows of all other tables that follow from
//! them (`docs/tables.md`, section 5).
//!
//! Rows give headers and leaves, and these the hashes that the head binds. Of three words on a block's hash (its cells', its
//! column `hash`, the next block's `previous`) one altered cell changes one alone, so it is known which.

use std::collections::BTreeMap;

use quorate_crypto::Epoch;
use quorate_crypto::merkle::Frontier;
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Header, Height};
use quorate_verifier::{HeadFacts, Pin, Verifier};

use super::cells::{self, BadCell};
use super::cursor::Cursor;
use crate::books::Books;
use crate::day::Day;
use crate::finding::{Finding, Findings, Spot, What};
use crate::folder::Folder;
use crate::holds::HoldBook;
use crate::making::{Maker, RowSet};
use crate::manifest::{DayManifest, Span};
use crate::reading::ReadError;
use crate::rows::{Cell, Rows};
use crate::source::Start;
use crate::table::Table;

mod headers;
mod leaves;

/// Rows of operations after which what was made is handed on.
const HANDED_ON: usize = 4_096;

/// What the tables are held against.
pub(super) struct Ground<'a> {
    pub(super) folder: &'a Folder,
    pub(super) genesis: &'a Genesis,
    /// Knows the committees up to the head's.
    pub(super) verifier: &'a Verifier,
    pub(super) head: HeadFacts,
    pub(super) pin: Option<Pin>,
    pub(super) days: &'a [DayManifest],
}

/// What came of it.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) findings: Findings,
    /// Whether all rows of the other tables were made; false where something stood in the way.
    pub(super) is_complete: bool,
}

/// Follows the chain through all days. `visit` gets rows of the tables that follow, by day, in order.
pub(super) fn walk(ground: &Ground<'_>, visit: &mut dyn FnMut(Day, &RowSet)) -> Walked {
    let mut walk = Walk::new(ground, visit);
    let ended = walk.all_days();
    if let Err(finding) = ended {
        walk.is_complete = false;
        walk.findings.push(finding);
    } else {
        walk.check_end();
    }
    Walked {
        findings: walk.findings,
        is_complete: walk.is_complete,
    }
}

struct Walk<'a, 'v> {
    ground: &'a Ground<'a>,
    visit: &'v mut dyn FnMut(Day, &RowSet),
    findings: Findings,
    is_complete: bool,
    maker: Maker,
    books: Books,
    rows: RowSet,
    /// The row of a transaction as it should be.
    expected: Rows,
    log: Frontier,
    /// Whether the log is known to be another already: then each later block would be told again.
    log_is_broken: bool,
    chain: Frontier,
    /// The last block whose hash is settled.
    settled: Settled,
    /// The block after it, until the next one has named it.
    open: Option<OpenBlock>,
    committees: BTreeMap<Epoch, Digest>,
}

#[derive(Clone, Copy)]
struct Settled {
    height: Height,
    hash: Digest,
    time: u64,
    next_committee: Digest,
}

/// A block that no later one has named yet.
struct OpenBlock {
    spot: Spot,
    row: u64,
    header: Header,
    /// By its cells.
    computed: Digest,
    /// By its column `hash`.
    said: Digest,
    /// Whether a cell was found that makes the two differ.
    is_explained: bool,
}

type Step<T> = Result<T, Finding>;

impl<'a, 'v> Walk<'a, 'v> {
    fn new(ground: &'a Ground<'a>, visit: &'v mut dyn FnMut(Day, &RowSet)) -> Self {
        let genesis = ground.genesis;
        let start = Start::of_genesis(genesis);
        Self {
            ground,
            visit,
            findings: Findings::default(),
            is_complete: true,
            maker: Maker::new(start.decimals, HoldBook::new(start.holds)),
            books: Books::of_genesis(genesis),
            rows: RowSet::new(),
            expected: Rows::new(Table::Transactions),
            log: Frontier::new(),
            log_is_broken: false,
            chain: Frontier::new(),
            settled: Settled {
                height: Height::GENESIS,
                hash: genesis.id(),
                time: genesis.time().0,
                next_committee: genesis.committee().digest(),
            },
            open: None,
            committees: BTreeMap::new(),
        }
    }

    fn all_days(&mut self) -> Step<()> {
        let genesis = self.ground.genesis;
        let first = Day::of(genesis.time());
        let made = self.maker.genesis(&mut self.rows, genesis);
        made.map_err(|error| Finding::head(format!("genesis: {error}")))?;
        if let Some(first) = first {
            (self.visit)(first, &self.rows);
        }
        self.rows.clear();
        for day in self.ground.days {
            self.day(day)?;
        }
        Ok(())
    }

    fn day(&mut self, manifest: &DayManifest) -> Step<()> {
        let day = manifest.day;
        let open = |table: Table| {
            let spot = Spot { table, day };
            let is_there = manifest.files().any(|(named, _)| named == table);
            Cursor::open(self.ground.folder, spot, is_there).map_err(|error| unreadable(spot, &error))
        };
        let mut blocks = open(Table::Blocks)?;
        let mut transactions = open(Table::Transactions)?;
        let (first_height, first_ordinal) = (self.height().next(), self.log.length());
        let mut count = 0_u64;
        while advance(&mut blocks)? {
            self.block(&blocks, &mut transactions)?;
            count = count.saturating_add(1);
            if self.rows.of(Table::Operations).len() >= HANDED_ON {
                self.hand_on(day);
            }
        }
        self.hand_on(day);
        if advance(&mut transactions)? {
            let reason = "no block has this transaction, nor what comes after it";
            let row = Some(transactions.number());
            return Err(transactions.spot.finding(What::RowAdded, row, None, reason));
        }
        let found = Span {
            first_height,
            blocks: count,
            first_ordinal,
            transactions: self.log.length().saturating_sub(first_ordinal),
            last: manifest.last,
        };
        if manifest.span() != found {
            let reason = "its heights or ordinals are not those of the rows";
            self.findings.push(Finding::manifest(Some(day), None, reason));
        }
        let last = self.open.as_ref().map_or(self.settled.hash, |open| open.said);
        if manifest.last != last {
            let reason = "its last block is not that of the rows";
            self.findings.push(Finding::manifest(Some(day), None, reason));
        }
        Ok(())
    }

    fn hand_on(&mut self, day: Day) {
        (self.visit)(day, &self.rows);
        self.rows.clear();
    }

    /// The height of the last block that was read.
    fn height(&self) -> Height {
        let open = self.open.as_ref();
        open.map_or(self.settled.height, |open| open.header.v1().height)
    }

    /// Follows a block and its transactions.
    fn block(&mut self, blocks: &Cursor, transactions: &mut Cursor) -> Step<()> {
        let (spot, number) = (blocks.spot, blocks.number());
        let Some((rows, at)) = blocks.row() else {
            return Ok(());
        };
        let row = cells::block(rows, at, self.ground.genesis.id());
        let mut row = row.map_err(|bad| bad_cell(spot, number, bad))?;
        let mut open = OpenBlock {
            spot,
            row: number,
            computed: row.header.hash(),
            said: row.hash,
            header: row.header.clone(),
            is_explained: false,
        };
        self.settle(row.header.v1().previous, Some(&open));
        self.check_place(&mut open, &mut row)?;
        let before = self.log.length();
        let executed = row.header.v1().log_size.saturating_sub(before);
        self.check_counts(&open, &row, before, executed);
        let first = transactions.number();
        for _ in 0..executed {
            if !advance(transactions)? {
                let reason = format!("the transactions of block {} end here", row.header.v1().height);
                let end = Some(transactions.number());
                return Err(transactions.spot.finding(What::RowMissing, end, None, reason));
            }
            self.transaction(&row.header, transactions)?;
        }
        self.check_log(&mut open, &row.header, transactions.spot, first);
        self.check_committee(&open);
        self.open = Some(open);
        Ok(())
    }

    /// Checks that all of it ends with the certified head.
    fn check_end(&mut self) {
        let (head, network) = (self.ground.head, self.ground.genesis.id());
        if let Some(pin) = self.ground.pin.filter(|pin| pin.height == Height::GENESIS)
            && pin.hash != network
        {
            let reason = format!("block 0 is {network}, and {} is trusted", pin.hash);
            self.findings.push(Finding::head(reason));
        }
        if self.height() != head.height {
            let reason = format!(
                "the rows end with block {}, the certified head is block {}",
                self.height(),
                head.height
            );
            self.findings.push(Finding::head(reason));
            return;
        }
        self.settle(head.hash, None);
        if let Some(pin) = self.ground.pin.filter(|pin| pin.height > head.height) {
            let reason = format!(
                "block {} is trusted, and the tables end with block {}: export again",
                pin.height, head.height
            );
            self.findings.push(Finding::head(reason));
        }
    }
}

fn advance(cursor: &mut Cursor) -> Step<bool> {
    let spot = cursor.spot;
    cursor.advance().map_err(|error| unreadable(spot, &error))
}

fn unreadable(spot: Spot, error: &ReadError) -> Finding {
    spot.file(format!(
        "{error}; what comes after it cannot be followed from the blocks before"
    ))
}

fn bad_cell(spot: Spot, row: u64, bad: BadCell) -> Finding {
    spot.finding(What::Cell, Some(row), Some(bad.column), bad.reason)
}

/// An altered cell, with what it should be.
pub(super) fn other_cell(
    spot: Spot,
    row: u64,
    column: &'static str,
    found: Cell<'_>,
    should: Cell<'_>,
) -> Finding {
    let reason = format!("it is {}, not {}", cells::words(found), cells::words(should));
    spot.finding(What::Cell, Some(row), Some(column), reason)
}
