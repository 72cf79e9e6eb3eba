//! Finding what was executed of a file: by an earlier run without its journal, from the same file on another machine,
//! by signers who submitted what was built.
//!
//! With the genesis document at hand certified blocks are looked through, or else the nodes prove the sender's statement.
//! Nothing can be left out of either. Without the document a statement is checked against the node's own, whose hash is
//! the network id that is signed for. What is found of a file has the id that its rows and the wallet's secret give, so
//! nobody can put anything else in its place.

mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_client::Client;
use quorate_client::wallet::VerifiedBlock;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height, IntentV1, Operation, Outcome, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::say;
use quorate_tools::wallet::{Ledger, Tip};

use self::reader::{Ranges, own_of};
use super::file::Row;
use super::journal::{How, Journal, Known, Paid};
use super::plan::{Batch, Names, Unit};

/// The most blocks that are looked through unless the user says since when. Small ones of a node near by take 0.2 ms
/// each.
const MAX_BLOCKS: u64 = 100_000;

/// What is taken for what was paid before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// What nodes prove by the payer's statement.
    Statement,
    /// What certified blocks hold. With a time, nothing was paid before that: the user says so.
    Blocks(Option<Timestamp>),
}

/// What an account did, as far as it is known.
pub(crate) struct History<'a> {
    ledger: &'a Ledger,
    nodes: &'a [Client],
    sender: Address,
    belief: Belief,
    /// From which time on each node's statements are still to be read.
    read: Vec<Mutex<Timestamp>>,
}

/// A payment: to whom, in which asset, how many smallest units.
pub(crate) type Paying = (Address, AssetCode, Amount);

/// An executed transaction of the account's, from wherever it was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) place: Paid,
    pub(crate) salt: [u8; 16],
    pub(crate) expires_at: Timestamp,
    pub(crate) is_success: bool,
    /// What it pays; none if it does anything else, or others act in it.
    pub(crate) payments: Option<Vec<Paying>>,
}

impl<'a> History<'a> {
    /// Has read nothing yet.
    pub(crate) fn new(ledger: &'a Ledger, nodes: &'a [Client], sender: Address, belief: Belief) -> Self {
        Self {
            ledger,
            nodes,
            sender,
            belief,
            read: nodes.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// The account's own transactions that `wanted` wants, of those executed up to `tip`, above the blocks that were
    /// looked through before. `on_read` hears how many blocks or transactions were read.
    pub(crate) async fn look(
        &self,
        tip: Tip,
        searched: Height,
        wanted: impl Fn(&Seen) -> bool,
        mut on_read: impl FnMut(u64),
    ) -> Result<Vec<Seen>, Failure> {
        if let Belief::Blocks(since) = self.belief {
            return self.in_blocks(tip, searched, since, wanted, on_read).await;
        }
        let mut all: Option<Vec<Seen>> = None;
        let mut failed = Vec::new();
        // Each is asked: one may be behind another.
        for (node, read) in self.nodes.iter().zip(&self.read) {
            match self.at_node(node, read, tip, &wanted, &mut on_read).await {
                Ok(seen) => all.get_or_insert_default().extend(seen),
                Err(failure) => failed.push(failure),
            }
        }
        match all {
            Some(seen) => {
                for failure in failed {
                    say(format!("note: {failure}"));
                }
                Ok(seen)
            }
            None => Err(failed
                .into_iter()
                .next()
                .unwrap_or_else(|| Failure::failed("there is no node to ask"))),
        }
    }

    async fn in_blocks(
        &self,
        tip: Tip,
        searched: Height,
        since: Option<Timestamp>,
        wanted: impl Fn(&Seen) -> bool,
        mut on_read: impl FnMut(u64),
    ) -> Result<Vec<Seen>, Failure> {
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
                "say since when they may have been paid, with --history-since DATE, or have the nodes prove what \
                 the payer did with --believe-history",
            ));
        }
        let mut found = Vec::new();
        let visit = |height: Height, block: &VerifiedBlock| {
            on_read(1);
            for (id, execution) in block.executions() {
                let place = Paid {
                    id: *id,
                    height,
                    index: execution.index,
                };
                let intent = execution.transaction.intent();
                let is_success = matches!(execution.outcome, Outcome::Success { .. });
                if intent.sender() != self.sender {
                    continue;
                }
                let seen = Seen::of_intent(place, intent, is_success);
                if wanted(&seen) {
                    found.push(seen);
                }
            }
        };
        self.ledger
            .look_through((tip.height, searched), since.unwrap_or_default(), visit)
            .await?;
        Ok(found)
    }

    async fn at_node(
        &self,
        node: &Client,
        read: &Mutex<Timestamp>,
        tip: Tip,
        wanted: &impl Fn(&Seen) -> bool,
        on_read: &mut impl FnMut(u64),
    ) -> Result<Vec<Seen>, Failure> {
        // Before the first block there is nothing, and nothing that could prove it.
        if tip.height == Height::GENESIS {
            return Ok(Vec::new());
        }
        let client = node.at_least(tip.height);
        let mut ranges = Ranges::new(*lock(read), tip.timestamp);
        let mut found = Vec::new();
        while let Some(range) = ranges.take() {
            let Some(facts) = self.ledger.statement(&client, &self.sender, range).await? else {
                ranges.halve(range)?;
                continue;
            };
            on_read(facts.entries.len() as u64);
            let last = Timestamp(range.1.0.saturating_sub(1));
            for (ordinal, mut seen) in own_of(&facts, last, &self.sender)? {
                if wanted(&seen) {
                    let height = seen.place.height;
                    seen.place.index = self.ledger.index_at(&client, height, ordinal).await?;
                    found.push(seen);
                }
            }
        }
        let mut read = lock(read);
        *read = Timestamp(read.0.max(tip.timestamp.0.saturating_add(1)));
        Ok(found)
    }
}

impl Seen {
    fn of_intent(place: Paid, intent: &IntentV1, is_success: bool) -> Self {
        Self {
            place,
            salt: intent.salt,
            expires_at: intent.expires_at,
            is_success,
            payments: payments_of(intent),
        }
    }
}

/// What a transaction pays; none if it does anything else, or others act in it.
pub(crate) fn payments_of(intent: &IntentV1) -> Option<Vec<Paying>> {
    let payments = intent.operations.iter().map(|act| match act.operation {
        Operation::Transfer { to, asset, amount } if act.party == 0 => Some((to, asset, amount)),
        _ => None,
    });
    payments.collect()
}

fn lock(read: &Mutex<Timestamp>) -> MutexGuard<'_, Timestamp> {
    read.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is looked for of a file, and where.
pub(crate) struct Search<'a> {
    history: History<'a>,
    rows: &'a [Row],
    names: Vec<&'a Batch>,
    /// What names the salts that are looked for.
    looked_for: Digest,
    /// First rows of transactions and under which name, by their salts.
    salts: BTreeMap<[u8; 16], (usize, usize)>,
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
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// The file's own transactions, by id.
    executed: BTreeMap<Digest, Found>,
    /// Chunks, by first row, of which is noted that they are paid row by row.
    row_by_row: BTreeSet<usize>,
    /// Up to which certified block all were looked through; the first, if none were.
    searched: Height,
    /// For which salts.
    looked_for: Digest,
}

impl<'a> Search<'a> {
    /// Looks for payments of these rows.
    pub(crate) fn new(
        ledger: &'a Ledger,
        nodes: &'a [Client],
        names: &'a Names,
        rows: &'a [Row],
        belief: Belief,
    ) -> Self {
        let history = History::new(ledger, nodes, names.own.sender, belief);
        let looked_for = names.salts();
        let names: Vec<&Batch> = names.all().collect();
        let (mut salts, mut notes) = (BTreeMap::new(), BTreeMap::new());
        for (name, batch) in names.iter().enumerate() {
            salts.extend((0..rows.len()).map(|row| (batch.salt(row), (row, name))));
            notes.extend((0..rows.len()).map(|row| (batch.note_salt(row), row)));
        }
        Self {
            history,
            rows,
            names,
            looked_for,
            salts,
            notes,
        }
    }

    /// What is taken for what was paid before.
    pub(crate) fn belief(&self) -> Belief {
        self.history.belief
    }

    /// Looks at what was executed up to `tip`, above the blocks that were looked through before. `on_read` hears how
    /// many blocks or transactions were read.
    pub(crate) async fn look(
        &self,
        tip: Tip,
        searched: Height,
        on_read: impl FnMut(u64),
    ) -> Result<Findings, Failure> {
        let wanted = |seen: &Seen| self.salts.contains_key(&seen.salt) || self.notes.contains_key(&seen.salt);
        let seen = self.history.look(tip, searched, wanted, on_read).await?;
        let mut findings = Findings::default();
        if let Belief::Blocks(_) = self.history.belief {
            (findings.searched, findings.looked_for) = (tip.height, self.looked_for);
        }
        for seen in &seen {
            self.note(&mut findings, seen);
        }
        Ok(findings)
    }

    /// Takes an executed transaction up, if it is one of the file's.
    fn note(&self, findings: &mut Findings, seen: &Seen) {
        if let Some(&(first, name)) = self.salts.get(&seen.salt) {
            let count = seen.payments.as_ref().map_or(0, Vec::len);
            let unit = Unit { first, count };
            if self.is_own(unit, name, seen) {
                let found = Found {
                    unit,
                    place: seen.place,
                    is_paid: seen.is_success,
                    expires_at: seen.expires_at,
                };
                findings.executed.insert(seen.place.id, found);
            }
        } else if let Some(&first) = self.notes.get(&seen.salt)
            && seen.is_success
        {
            findings.row_by_row.insert(first);
        }
    }

    /// A salt alone proves nothing: the transaction must be the rows', memos included.
    fn is_own(&self, unit: Unit, name: usize, seen: &Seen) -> bool {
        let rows = self.rows.get(unit.range()).filter(|rows| !rows.is_empty());
        rows.zip(self.names.get(name)).is_some_and(|(rows, batch)| {
            batch.payment(unit.first, rows, seen.expires_at).id() == seen.place.id
        })
    }
}

impl Findings {
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
            journal.searched(self.searched, self.looked_for)?;
        }
        known.searched = known.searched.max(self.searched);
        Ok(())
    }
}
