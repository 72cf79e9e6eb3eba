//! Finding what others executed of a file: an earlier run without its journal, the same file on another
//! machine, signers who submitted what was built.
//!
//! With the genesis document at hand certified blocks are looked through, from which nothing can be left
//! out. Otherwise the nodes show the sender's history; each transaction there must have the id that it is
//! listed under, and all of them together the running hash that the sender's account has, so that a list
//! with anything missing or altered is found out.

mod reader;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_client::schema::TransactionList;
use quorate_client::{Client, Page};
use quorate_ledger::{Address, Digest, Height, IntentV1, Operation, Outcome, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::say;
use quorate_tools::wallet::{Fate, Ledger, Tip};

use self::reader::{HistoryReader, Read};
use super::file::Row;
use super::journal::{How, Journal, Known, Names, Paid};
use super::plan::{Batch, Unit};

/// How many transactions are asked for at a time.
const PAGE: u32 = 200;

/// The most blocks that are looked through unless the user says since when. Small ones of a node near by take 0.2 ms
/// each.
const MAX_BLOCKS: u64 = 100_000;

/// What is taken for what was paid before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// What the nodes show, where it fits the running hash.
    Nodes,
    /// What certified blocks hold. With a time, nothing was paid before that: the user says so.
    Blocks(Option<Timestamp>),
}

/// What is looked for, and where.
pub(crate) struct Search<'a> {
    ledger: &'a Ledger,
    nodes: &'a [Client],
    sender: Address,
    belief: Belief,
    /// The file's rows. None: they are not at hand, and a salt says which they are.
    rows: Option<&'a [Row]>,
    /// How far each node's list was read before: what one node shows is held against its own words alone.
    read: Vec<Mutex<Read>>,
    /// First rows of transactions, by their salts.
    salts: BTreeMap<[u8; 16], usize>,
    /// First rows of chunks, by the salts of notes about them.
    notes: BTreeMap<[u8; 16], usize>,
}

/// A transaction of the file that was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The rows that it is for.
    pub(crate) unit: Unit,
    /// Where it was executed.
    pub(crate) place: Paid,
    /// Whether with success.
    pub(crate) is_paid: bool,
    /// When it would have expired.
    pub(crate) expires_at: Timestamp,
}

/// What was found of a file.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The file's own transactions, by id.
    pub(crate) executed: BTreeMap<Digest, Found>,
    /// Chunks, by first row, of which is noted that they are paid row by row.
    row_by_row: Vec<usize>,
    /// Up to which certified block all were looked through; the first, if none were.
    searched: Height,
}

/// An executed transaction, from wherever it was learned.
struct Seen<'a> {
    place: Paid,
    intent: &'a IntentV1,
    is_success: bool,
}

impl<'a> Search<'a> {
    /// Looks for payments of these rows.
    pub(crate) fn new(
        ledger: &'a Ledger,
        nodes: &'a [Client],
        names: &Names,
        rows: &'a [Row],
        belief: Belief,
    ) -> Self {
        let mut search = Self::by_salts(ledger, nodes, &names.rows, rows.len(), belief);
        for older in &names.older {
            let older = Self::by_salts(ledger, nodes, older, rows.len(), belief);
            search.salts.extend(older.salts);
            search.notes.extend(older.notes);
        }
        search.rows = Some(rows);
        search
    }

    /// Looks for payments of so many rows that are not at hand.
    pub(crate) fn by_salts(
        ledger: &'a Ledger,
        nodes: &'a [Client],
        batch: &Batch,
        rows: usize,
        belief: Belief,
    ) -> Self {
        Self {
            ledger,
            nodes,
            sender: batch.sender,
            belief,
            rows: None,
            read: nodes.iter().map(|_| Mutex::default()).collect(),
            salts: (0..rows).map(|row| (batch.salt(row), row)).collect(),
            notes: (0..rows).map(|row| (batch.note_salt(row), row)).collect(),
        }
    }

    /// What is taken for what was paid before.
    pub(crate) fn belief(&self) -> Belief {
        self.belief
    }

    /// Looks at what was executed up to `tip`, above the blocks that were looked through before. `on_read` hears how many blocks or
    /// transactions were read.
    pub(crate) async fn look(
        &self,
        tip: Tip,
        searched: Height,
        mut on_read: impl FnMut(u64),
    ) -> Result<Findings, Failure> {
        match self.belief {
            Belief::Blocks(since) => self.in_blocks(tip, searched, since, on_read).await,
            Belief::Nodes => {
                let mut all: Option<Findings> = None;
                let mut failed = Vec::new();
                // Each is asked: one may be behind another.
                for (node, read) in self.nodes.iter().zip(&self.read) {
                    match self.at_node(node, read, tip, &mut on_read).await {
                        Ok(findings) => all.get_or_insert_default().add(findings),
                        Err(failure) => failed.push(failure),
                    }
                }
                match all {
                    Some(findings) => {
                        for failure in failed {
                            say(format!("note: {failure}"));
                        }
                        Ok(findings)
                    }
                    None => Err(failed
                        .into_iter()
                        .next()
                        .unwrap_or_else(|| Failure::failed("there is no node to ask"))),
                }
            }
        }
    }

    async fn in_blocks(
        &self,
        tip: Tip,
        searched: Height,
        since: Option<Timestamp>,
        mut on_read: impl FnMut(u64),
    ) -> Result<Findings, Failure> {
        let count = tip.height.0.saturating_sub(searched.0);
        if since.is_none() && count > MAX_BLOCKS {
            return Err(Failure::new(
                Exit::CheckFailed,
                format!(
                    "whether these rows were paid before is not proven: that takes a look through {count} \
                     blocks, and no more than {MAX_BLOCKS} are looked through unasked. Nothing was sent"
                ),
            )
            .hint(
                "say since when they may have been paid, with --history-since DATE, or take the nodes' word \
                 with --believe-history",
            ));
        }
        let mut findings = Findings {
            searched: tip.height,
            ..Findings::default()
        };
        let since = since.unwrap_or_default();
        let visit = |height: Height, block: &quorate_client::wallet::VerifiedBlock| {
            on_read(1);
            for (id, execution) in block.executions() {
                let place = Paid {
                    id: *id,
                    height,
                    index: execution.index,
                };
                self.note(
                    &mut findings,
                    &Seen {
                        place,
                        intent: execution.transaction.intent(),
                        is_success: execution.outcome == Outcome::Success,
                    },
                );
            }
        };
        self.ledger
            .look_through((tip.height, searched), since, visit)
            .await?;
        Ok(findings)
    }

    async fn at_node(
        &self,
        node: &Client,
        read: &Mutex<Read>,
        tip: Tip,
        on_read: &mut impl FnMut(u64),
    ) -> Result<Findings, Failure> {
        let client = node.at_least(tip.height);
        // Read before the list: what is in the account's hash is in the list then.
        let account = client.account(&self.sender).await?;
        let mut reader = HistoryReader::new(self.ledger.network(), &account, *lock(read))?;
        let mut findings = Findings::default();
        let mut cursor = None;
        loop {
            let page = Page {
                limit: Some(PAGE),
                cursor,
            };
            let TransactionList { transactions, next } =
                client.account_transactions(&self.sender, &page).await?;
            on_read(transactions.len() as u64);
            for view in &transactions {
                let Some((place, intent, outcome)) = reader.read(view)? else {
                    continue;
                };
                let seen = Seen {
                    place,
                    intent: intent.v1(),
                    is_success: outcome == Outcome::Success,
                };
                if self.note(&mut findings, &seen) {
                    // Known by its hash alone, it is checked by its block where that can be.
                    self.ledger.confirm(&Fate::of_view(view)).await?;
                }
            }
            cursor = next;
            if cursor.is_none() || reader.is_done() {
                break;
            }
        }
        *lock(read) = reader.finish()?;
        Ok(findings)
    }

    /// Takes an executed transaction up, if it is one of the file's.
    fn note(&self, findings: &mut Findings, seen: &Seen<'_>) -> bool {
        if seen.intent.sender != self.sender {
            return false;
        }
        if let Some(&first) = self.salts.get(&seen.intent.salt) {
            let unit = Unit {
                first,
                count: seen.intent.operations.len(),
            };
            if !self.fits(unit, &seen.intent.operations) {
                return false;
            }
            let found = Found {
                unit,
                place: seen.place,
                is_paid: seen.is_success,
                expires_at: seen.intent.expires_at,
            };
            findings.executed.insert(seen.place.id, found);
            return true;
        }
        if seen.is_success
            && let Some(&first) = self.notes.get(&seen.intent.salt)
        {
            findings.row_by_row.push(first);
            return true;
        }
        false
    }

    /// A salt alone proves nothing: the operations must be the rows'.
    fn fits(&self, unit: Unit, operations: &[Operation]) -> bool {
        let Some(rows) = self.rows else {
            return true;
        };
        rows.get(unit.range())
            .is_some_and(|rows| rows.iter().map(Row::operation).eq(operations.iter().cloned()))
    }
}

fn lock(read: &Mutex<Read>) -> MutexGuard<'_, Read> {
    read.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.executed.extend(other.executed);
        self.row_by_row.extend(other.row_by_row);
        self.searched = self.searched.max(other.searched);
    }

    /// Adds them to what is known, and to the journal.
    /// Without one nothing is written: what is known is only looked at.
    pub(crate) fn note(&self, known: &mut Known, mut journal: Option<&mut Journal>) -> Result<(), Failure> {
        for found in self.executed.values() {
            let Found {
                unit,
                place,
                is_paid,
                expires_at,
            } = *found;
            let how = if is_paid { How::Committed } else { How::Failed };
            if let Some(journal) = &mut journal {
                journal.found(unit, expires_at, how, place)?;
            }
            if is_paid {
                known.paid.extend(unit.range().map(|row| (row, place)));
            } else {
                known.failed.entry(unit).or_default().insert(expires_at);
                if unit.count > 1 {
                    known.row_by_row.insert(unit.first);
                }
            }
        }
        for &first in &self.row_by_row {
            if let Some(journal) = &mut journal {
                journal.row_by_row(first)?;
            }
            known.row_by_row.insert(first);
        }
        if let Some(journal) = &mut journal
            && self.searched > known.searched
        {
            journal.searched(self.searched)?;
        }
        known.searched = known.searched.max(self.searched);
        Ok(())
    }
}
