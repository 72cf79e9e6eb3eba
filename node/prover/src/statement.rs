//! All that happened to an account or an asset in a range of time (`docs/formats.md`, sections 13 and 17; rule 22).
//!
//! There is one statement for a head, an owner and a range:
//!
//! - It starts with the last waypoint before the range, or with the history. Waypoints have heights, and so times;
//!   times never fall, so a binary search finds it.
//! - Steps from there to the range are opened, those in it are entries, and the first behind it is opened.
//! - It goes on to the next waypoint, or to the history's last step. What is still to come there is passed over.
//!
//! So beside its entries it has at most 31 steps before the range and 32 behind it, and reads as many rows.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{AssetCode, BalanceItem, HistoryOwner, Prefix, StateKey, Timestamp, WAYPOINT_INTERVAL};
use quorate_verifier::{End, Item, MAX_ITEMS, MAX_STATE_PROOFS, Proof, ProofBody, Start, Statement};

use crate::balances::Balances;
use crate::error::{Failure, check_count};
use crate::shown::{Show, ShowTexts};
use crate::state::StateUnder;
use crate::{Part, ProveError, Source, finish, head};

mod history;
mod items;

use history::{History, Placed};
use items::Items;

/// What a statement is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRequest {
    /// Whose history.
    pub owner: HistoryOwner,
    /// The range's beginning.
    pub from: Timestamp,
    /// The range's end, which is not part of it.
    pub to: Timestamp,
    /// What to show of the range's transactions. Texts that are not at hand are left out.
    pub show: Show,
    /// What to show instead of those with these ids.
    pub exceptions: BTreeMap<Digest, Show>,
    /// What else to show of the state.
    pub beside: Beside,
}

/// What to show of the state beside a statement, under the same head. What one of these shows already, another does not
/// show again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The leaves of all assets that occur, for their decimals.
    pub assets: bool,
    /// The leaves that say which texts of the range's transactions were erased, by whom and when.
    pub erasures: bool,
    /// All open holds of the account.
    pub holds: bool,
    /// And what lies under these.
    pub prefixes: Vec<Prefix>,
}

impl StatementRequest {
    /// A statement of `[from, to)` with nothing shown and nothing beside it.
    pub fn new(owner: HistoryOwner, from: Timestamp, to: Timestamp) -> Self {
        Self {
            owner,
            from,
            to,
            show: Show::Nothing,
            exceptions: BTreeMap::new(),
            beside: Beside::default(),
        }
    }

    /// A statement of an account that people can read: with what was executed and its texts, not who signed it, as that
    /// the account authorised it follows from its execution; beside it the assets, erasures and holds that it takes to
    /// read it. It is what a node shows to whoever asks it.
    pub fn readable(account: Address, from: Timestamp, to: Timestamp) -> Self {
        Self {
            show: Show::Intent(ShowTexts::All),
            beside: Beside {
                assets: true,
                erasures: true,
                holds: true,
                prefixes: Vec::new(),
            },
            ..Self::new(HistoryOwner::Account(account), from, to)
        }
    }

    /// What to show of the transaction with this id.
    fn show_of(&self, id: &Digest) -> Show {
        self.exceptions.get(id).copied().unwrap_or(self.show)
    }
}

/// Proves as of the block at `head` all that happened to an account or an asset in a range of time. Where the range ends
/// after that block's time, it is complete up to that time.
///
/// # Errors
/// If the range is empty or begins after the block, the state after the block is not at hand, or the proof would be too
/// long.
pub fn prove_statement<S: Source>(
    source: &S,
    head: Height,
    request: &StatementRequest,
) -> Result<Proof, ProveError<S::Error>> {
    let statement = statement(source, head, request)?;
    finish(source, ProofBody::Statement(statement))
}

/// The statement alone.
pub(crate) fn statement<S: Source>(
    source: &S,
    head: Height,
    request: &StatementRequest,
) -> Result<Statement, Failure<S>> {
    let (from, to) = (request.from, request.to);
    if from >= to {
        return Err(ProveError::EmptyRange { from, to });
    }
    let certified = head::certified(source, head)?;
    let time = certified.header.v1().timestamp;
    if time < from {
        return Err(ProveError::RangeAfterHead { head, time, from });
    }
    let state = StateUnder::of(source, &certified.header)?;
    let history = History::open(source, head, state, request.owner)?;
    let window = Window::find(&history, from, to)?;
    let steps = window.steps(&history)?;
    let (before, after) = steps.split_at(window.opening_steps(steps.len()));
    let (start, hash, balances) = start_of(&history, before)?;
    let mut items = Items::new(&history, request, hash, balances);
    items.follow(after)?;
    let found = items.finish(window.last)?;
    let end = if window.last < history.count() {
        End::Waypoint {
            path: history.waypoint_path(window.last)?,
        }
    } else {
        End::Last
    };
    let leaf = leaf_prefix(&request.owner, end == End::Last && !found.passes);
    let beside = prefixes_beside(source, state, request, &leaf, &found)?;
    Ok(Statement {
        leaf: state.prove(source, &leaf)?,
        beside: state.prove_all(source, &beside)?,
        owner: request.owner,
        from,
        to,
        start,
        items: found.items,
        end,
        head: certified,
    })
}

/// Which steps a statement is made of.
struct Window {
    /// The number of the step that it starts with, a multiple of 32; 0: it starts with the history.
    start: u64,
    /// The number of its last step: a multiple of 32, or the history's last.
    last: u64,
}

impl Window {
    fn find<S: Source>(history: &History<'_, S>, from: Timestamp, to: Timestamp) -> Result<Self, Failure<S>> {
        let start = history.last_waypoint_before(from, 0)?;
        // The step that shows that the range has ended is at the next waypoint or before it.
        let within = history.last_waypoint_before(to, start)?;
        let last = history.count().min(within.saturating_add(WAYPOINT_INTERVAL));
        let items = usize::try_from(last.saturating_sub(start)).unwrap_or(usize::MAX);
        check_count::<S>("items", items, MAX_ITEMS)?;
        Ok(Self { start, last })
    }

    /// The steps, ascending, and before them those that lead to the start's hash: 31, and the start itself.
    fn steps<S: Source>(&self, history: &History<'_, S>) -> Result<Vec<Placed>, Failure<S>> {
        let first = (self.start + 1).saturating_sub(WAYPOINT_INTERVAL).max(1);
        if first > self.last {
            return Ok(Vec::new());
        }
        history.steps(first, self.last)
    }

    /// How many of so many steps are not behind the start.
    fn opening_steps(&self, count: usize) -> usize {
        let behind = usize::try_from(self.last - self.start).unwrap_or(usize::MAX);
        count.saturating_sub(behind)
    }
}

/// Where a statement starts, the history's hash there, and what the owner has there. `steps` are those that lead there
/// from the waypoint before, none if it starts with the history.
fn start_of<S: Source>(
    history: &History<'_, S>,
    steps: &[Placed],
) -> Result<(Start, Digest, Balances), Failure<S>> {
    let Some((placed, passed)) = steps.split_last() else {
        let balances = history.genesis_balances()?;
        let hash = history.beginning(&balances);
        let kept = Balances::of(&balances);
        return Ok((Start::Beginning { balances }, hash, kept));
    };
    let before = history.hash_after(passed)?;
    let balances = history.waypoint_balances(placed.number)?;
    let (step, hash) = history.waypoint_step(placed, &before, &balances)?;
    let kept = Balances::of(&balances);
    let start = Start::Waypoint {
        before,
        step,
        balances,
        path: history.waypoint_path(placed.number)?,
    };
    Ok((start, hash, kept))
}

/// What the proof of the owner's leaf is about. Where an account's history is opened to its end, it shows all that the
/// account has.
fn leaf_prefix(owner: &HistoryOwner, is_opened_to_the_end: bool) -> Prefix {
    match owner {
        HistoryOwner::Account(address) if is_opened_to_the_end => Prefix::account(address),
        HistoryOwner::Account(address) => Prefix::of_key(&StateKey::account(address)),
        HistoryOwner::Asset(code) => Prefix::of_key(&StateKey::asset(code)),
    }
}

/// The items of a statement, and what occurs in them.
struct Found {
    items: Vec<Item>,
    /// Whether steps are passed over.
    passes: bool,
    /// All assets that occur.
    assets: BTreeSet<AssetCode>,
    /// The ids of the range's transactions.
    ids: Vec<Digest>,
}

/// What is shown beside a statement: ascending, and none of them under another, nor under the leaf's.
fn prefixes_beside<S: Source>(
    source: &S,
    state: StateUnder,
    request: &StatementRequest,
    leaf: &Prefix,
    found: &Found,
) -> Result<Vec<Prefix>, Failure<S>> {
    let Beside {
        assets,
        erasures,
        holds,
        prefixes,
    } = &request.beside;
    if let Some(prefix) = prefixes.iter().find(|prefix| !prefix.check_question()) {
        return Err(ProveError::NoQuestion { prefix: *prefix });
    }
    let mut wanted = prefixes.clone();
    if *assets {
        let keys = found.assets.iter().map(StateKey::asset);
        wanted.extend(keys.map(|key| Prefix::of_key(&key)));
    }
    if let (true, HistoryOwner::Account(address)) = (holds, &request.owner) {
        wanted.push(Prefix::holds(address));
    }
    if *erasures {
        for key in found.ids.iter().map(StateKey::erasure) {
            if state.value(source, &key)?.is_some() {
                wanted.push(Prefix::of_key(&key));
            }
        }
    }
    let kept = apart(wanted, leaf).map_err(|prefix| Failure::<S>::CoversOwner {
        prefix,
        owner: request.owner,
    })?;
    check_count::<S>("prefixes beside the statement", kept.len(), MAX_STATE_PROOFS)?;
    Ok(kept)
}

/// The prefixes in their order without those that lie under another or under the leaf's. An error is one that the leaf
/// lies under.
fn apart(mut wanted: Vec<Prefix>, leaf: &Prefix) -> Result<Vec<Prefix>, Prefix> {
    let covers = |wide: &Prefix, narrow: &Prefix| wide.bits <= narrow.bits && wide.overlaps(narrow);
    wanted.sort_unstable();
    let mut kept: Vec<Prefix> = Vec::with_capacity(wanted.len());
    for prefix in wanted {
        // What lies under a prefix comes right behind it.
        if covers(leaf, &prefix) || kept.last().is_some_and(|before| covers(before, &prefix)) {
            continue;
        }
        if covers(&prefix, leaf) {
            return Err(prefix);
        }
        kept.push(prefix);
    }
    Ok(kept)
}

/// What an owner had after step `number` of its history, up to the one that it has as of `head`: found by taking back all
/// later steps, one by one, from what the state has now. Ascending by code, none empty; of an asset its supply as free.
///
/// For a store that does not keep [`Source::waypoint_balances`], which this does not ask for. It takes the longer, the
/// more steps come after.
///
/// # Errors
/// If the state is not at hand, or the history has not so many steps.
pub fn balances_by_walking_back<S: Source>(
    source: &S,
    head: Height,
    owner: HistoryOwner,
    number: u64,
) -> Result<Vec<BalanceItem>, ProveError<S::Error>> {
    /// Steps that are in memory at once.
    const AT_ONCE: u64 = 1_024;

    let header = head::header(source, head)?;
    let state = StateUnder::of(source, &header)?;
    let history = History::open(source, head, state, owner)?;
    let mut balances = history.present(state)?;
    let mut last = history.count();
    if number > last {
        return Err(ProveError::damaged(Part::Step, number));
    }
    while last > number {
        let first = last.saturating_sub(AT_ONCE - 1).max(number + 1);
        for placed in history.steps(first, last)?.iter().rev() {
            if !balances.take_back(&placed.row.changes) {
                return Err(ProveError::damaged(Part::Step, placed.number));
            }
        }
        last = first - 1;
    }
    Ok(balances.items())
}
