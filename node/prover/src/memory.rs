//! A chain in memory, for tests and benchmarks. It keeps what a node's disk keeps and answers in the same way, but as of
//! every height: it forgets no state.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use quorate_crypto::merkle::{leaf_hash, node_hash};
use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height};
use quorate_genesis::Genesis;
use quorate_ledger::{
    Agreement, BalanceItem, BatchTexts, CheckedBatch, Execution, GenesisState, Header, HistoryEntry,
    HistoryOwner, LogEntry, LoggedEntry, MemoryState, Place, Prefix, PrefixPath, StateKey, StateReader,
    StateTree, StateValue, TextItem, Transaction, WAYPOINT_INTERVAL, value_hash,
};

use crate::balances::Balances;
use crate::{EpochRow, HistoryRow, HistoryStep, Source, WaypointRow, log};

/// A whole chain in memory.
#[derive(Clone, Debug)]
pub struct MemoryChain {
    network: Digest,
    genesis: MemoryState,
    genesis_balances: BTreeMap<HistoryOwner, Vec<BalanceItem>>,
    /// By height, from 1.
    headers: Vec<Header>,
    certificates: Vec<Certificate>,
    epochs: BTreeMap<Epoch, EpochRow>,
    /// By ordinal.
    entries: Vec<LogEntry>,
    log_nodes: Nodes,
    /// Heights by their blocks' first ordinals.
    heights: BTreeMap<u64, Height>,
    ordinals: BTreeMap<Digest, u64>,
    /// By height and position.
    transactions: BTreeMap<(Height, u32), Transaction>,
    texts: BTreeMap<(Digest, Place), TextItem>,
    erased: BTreeSet<(Digest, Place)>,
    tree: StateTree,
    /// What blocks wrote under each key, ascending by height.
    values: BTreeMap<StateKey, Vec<Written>>,
    histories: BTreeMap<HistoryOwner, OwnHistory>,
}

/// What a block wrote, and which one; nothing where it removed the value.
type Written = (Height, Option<Vec<u8>>);

/// A history with what is kept of it.
#[derive(Clone, Debug, Default)]
struct OwnHistory {
    rows: BTreeMap<Height, HistoryRow>,
    /// The first has number 32, the next one 64.
    waypoints: Vec<WaypointRow>,
    /// What the owner has at each of them.
    waypoint_balances: Vec<Vec<BalanceItem>>,
    nodes: Nodes,
    present: Balances,
}

/// The complete subtrees of a list, by level, then number.
#[derive(Clone, Debug, Default)]
struct Nodes(Vec<Vec<Digest>>);

/// What a block adds to a chain.
#[derive(Clone, Debug)]
pub struct Addition<'a> {
    /// Its header.
    pub header: &'a Header,
    /// Its certificate.
    pub certificate: Certificate,
    /// The agreement after it, if it changed that.
    pub agreement: Option<&'a Agreement>,
    /// Values written, and keys removed, in the state.
    pub changes: &'a BTreeMap<StateKey, Option<Vec<u8>>>,
    /// New leaves of the log, in order.
    pub log: &'a [LoggedEntry],
    /// New steps of histories, in order.
    pub histories: &'a [HistoryEntry],
    /// Executed transactions, as far as they are kept.
    pub transactions: Vec<Body>,
    /// Texts that were erased.
    pub erased: &'a [(Digest, Place)],
}

/// An executed transaction with its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its place among those of the proposal's batches.
    pub position: u32,
    /// The transaction.
    pub transaction: Transaction,
    /// One for each place, or none at all if they are missing.
    pub texts: Vec<TextItem>,
}

impl<'a> Addition<'a> {
    /// What an executed block adds, given its batches, in the proposal's order, and for each its texts, if they are at
    /// hand.
    pub fn of(
        execution: &'a Execution,
        certificate: Certificate,
        batches: &[Arc<CheckedBatch>],
        texts: &[Option<BatchTexts>],
    ) -> Self {
        let mut proposed: Vec<(&Transaction, Vec<TextItem>)> = Vec::new();
        for (number, batch) in batches.iter().enumerate() {
            let items = texts.get(number).and_then(Option::as_ref);
            let items = items.map(|texts| texts.v1().items.as_slice());
            let mut items = items.unwrap_or_default().iter();
            for item in batch.transactions() {
                let own = items.by_ref().take(places_of(item.transaction).len());
                proposed.push((item.transaction, own.cloned().collect()));
            }
        }
        let executed = execution.transactions.iter().filter_map(|executed| {
            let place = usize::try_from(executed.position).ok()?;
            let (transaction, texts) = proposed.get(place)?.clone();
            Some(Body {
                position: executed.position,
                transaction: transaction.clone(),
                texts,
            })
        });
        Self {
            header: &execution.block.v1().header,
            certificate,
            agreement: execution.agreement.as_ref(),
            changes: &execution.changes,
            log: &execution.log,
            histories: &execution.histories,
            transactions: executed.collect(),
            erased: &execution.erased,
        }
    }
}

impl MemoryChain {
    /// The chain of a genesis document, before its first block.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        Self::new(genesis.id(), genesis.committee(), &genesis.state())
    }

    /// The chain of a network whose first committee and state these are.
    ///
    /// # Panics
    /// If the state has a value that is none.
    pub fn new(network: Digest, committee: Committee, state: &GenesisState) -> Self {
        let genesis = MemoryState::genesis(state);
        let first = EpochRow {
            first: Height::GENESIS.next(),
            committee,
        };
        Self {
            network,
            genesis_balances: balances_of(&genesis),
            genesis,
            headers: Vec::new(),
            certificates: Vec::new(),
            epochs: BTreeMap::from([(Epoch(0), first)]),
            entries: Vec::new(),
            log_nodes: Nodes::default(),
            heights: BTreeMap::new(),
            ordinals: BTreeMap::new(),
            transactions: BTreeMap::new(),
            texts: BTreeMap::new(),
            erased: BTreeSet::new(),
            tree: state.tree(),
            values: BTreeMap::new(),
            histories: BTreeMap::new(),
        }
    }

    /// Appends a block.
    ///
    /// # Panics
    /// If it is not the next one, or its parts do not fit its header.
    pub fn append(&mut self, block: Addition<'_>) {
        let header = block.header.v1();
        let height = header.height;
        assert_eq!(height, self.height().next(), "blocks come one after the other");
        self.change_state(height, block.changes);
        assert_eq!(self.tree.root(), header.state_root, "the state is the header's");
        self.extend_log(height, block.log);
        assert_eq!(self.log_size(), header.log_size, "the log is the header's");
        self.extend_histories(height, block.histories);
        self.keep_bodies(height, block.transactions, block.erased);
        if let Some(Agreement::V1(agreement)) = block.agreement
            && agreement.committee.epoch() > header.epoch
        {
            let row = EpochRow {
                first: agreement.first,
                committee: agreement.committee.clone(),
            };
            self.epochs.insert(agreement.committee.epoch(), row);
        }
        self.headers.push(block.header.clone());
        self.certificates.push(block.certificate);
    }

    fn log_size(&self) -> u64 {
        u64::try_from(self.entries.len()).expect("memory holds fewer entries than 2^64")
    }

    fn change_state(&mut self, height: Height, changes: &BTreeMap<StateKey, Option<Vec<u8>>>) {
        let hashes = changes
            .iter()
            .map(|(key, value)| (*key, value.as_deref().map(value_hash)));
        self.tree.update(height, hashes);
        for (key, value) in changes {
            self.values.entry(*key).or_default().push((height, value.clone()));
        }
    }

    fn extend_log(&mut self, height: Height, leaves: &[LoggedEntry]) {
        let first = self.log_size();
        if !leaves.is_empty() {
            self.heights.insert(first, height);
        }
        for (ordinal, logged) in (first..).zip(leaves) {
            if let Some(transaction) = log::transaction_of(&logged.entry) {
                self.ordinals.insert(transaction.id, ordinal);
            }
            self.log_nodes.push(logged.leaf);
            self.entries.push(logged.entry.clone());
        }
    }

    fn extend_histories(&mut self, height: Height, steps: &[HistoryEntry]) {
        for entry in steps {
            let genesis = self.genesis_balances.get(&entry.owner);
            let genesis = genesis.map(Vec::as_slice).unwrap_or_default();
            let history = self.histories.entry(entry.owner).or_insert_with(|| OwnHistory {
                present: Balances::of(genesis),
                ..OwnHistory::default()
            });
            history.push(height, entry);
        }
    }

    fn keep_bodies(&mut self, height: Height, bodies: Vec<Body>, erased: &[(Digest, Place)]) {
        self.erased.extend(erased.iter().copied());
        for body in bodies {
            let id = body.transaction.id();
            for (place, item) in places_of(&body.transaction).iter().zip(body.texts) {
                let text = (id, *place);
                let is_erased = self.erased.contains(&text);
                let item = if is_erased { withheld(&item) } else { item };
                self.texts.insert(text, item);
            }
            self.transactions
                .insert((height, body.position), body.transaction);
        }
        for text in erased {
            if let Some(item) = self.texts.get_mut(text) {
                *item = withheld(item);
            }
        }
    }
}

impl OwnHistory {
    fn push(&mut self, height: Height, entry: &HistoryEntry) {
        let step = &entry.step;
        let newest = self.rows.last_key_value().map(|(height, _)| *height);
        let row = self.rows.entry(height).or_insert_with(|| HistoryRow {
            first: step.number,
            before: newest.unwrap_or(Height::GENESIS),
            steps: Vec::new(),
        });
        row.steps.push(HistoryStep {
            ordinal: step.ordinal,
            changes: step.changes.clone(),
        });
        assert!(
            self.present.apply(&step.changes),
            "changes begin from the balances"
        );
        if step.number.is_multiple_of(WAYPOINT_INTERVAL) {
            self.waypoints.push(WaypointRow {
                hash: entry.hash,
                height,
            });
            self.waypoint_balances.push(self.present.items());
            self.nodes.push(leaf_hash(&entry.hash.0));
        }
    }
}

impl Nodes {
    fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        for level in 0.. {
            if self.0.len() == level {
                self.0.push(Vec::new());
            }
            let nodes = &mut self.0[level];
            nodes.push(node);
            match nodes.as_slice() {
                [.., left, right] if nodes.len().is_multiple_of(2) => node = node_hash(left, right),
                _ => return,
            }
        }
    }

    fn get(&self, level: u8, index: u64) -> Option<Digest> {
        let nodes = self.0.get(usize::from(level))?;
        nodes.get(usize::try_from(index).ok()?).copied()
    }
}

/// The places of a transaction's texts.
fn places_of(transaction: &Transaction) -> &[Place] {
    let texts = transaction.intent().texts.as_ref();
    texts.map(|texts| texts.places.as_slice()).unwrap_or_default()
}

fn withheld(item: &TextItem) -> TextItem {
    match item {
        TextItem::Shown(text) => TextItem::Withheld { leaf: text.leaf() },
        TextItem::Withheld { leaf } => TextItem::Withheld { leaf: *leaf },
    }
}

/// What the owners of a state have; who has nothing is left out.
fn balances_of(state: &MemoryState) -> BTreeMap<HistoryOwner, Vec<BalanceItem>> {
    let mut found: BTreeMap<HistoryOwner, Balances> = BTreeMap::new();
    for (key, value) in state.values() {
        match StateValue::decode(key, value).expect("a state is made of values") {
            StateValue::Account(account) => {
                let owner = HistoryOwner::Account(account.v1().address);
                let balances = found.entry(owner).or_default();
                for inline in &account.v1().balances {
                    balances.set(inline.asset, (inline.free, inline.held));
                }
            }
            StateValue::Balance(balance) => {
                let owner = HistoryOwner::Account(balance.v1().address);
                let funds = (balance.v1().free, balance.v1().held);
                found.entry(owner).or_default().set(balance.v1().asset, funds);
            }
            StateValue::Asset(asset) => {
                let owner = HistoryOwner::Asset(asset.v1().code);
                found
                    .entry(owner)
                    .or_default()
                    .set_supply(asset.v1().code, asset.v1().supply);
            }
            _ => {}
        }
    }
    let lists = found
        .into_iter()
        .map(|(owner, balances)| (owner, balances.items()));
    lists.filter(|(_, items)| !items.is_empty()).collect()
}

/// The place in a list of what has the number `number`, counted from 1.
fn place(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

impl Source for MemoryChain {
    type Error = Infallible;

    fn network(&self) -> Digest {
        self.network
    }

    fn height(&self) -> Height {
        Height(u64::try_from(self.headers.len()).expect("memory holds fewer blocks than 2^64"))
    }

    fn header(&self, height: Height) -> Result<Option<Header>, Infallible> {
        Ok(place(height.0).and_then(|place| self.headers.get(place).cloned()))
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, Infallible> {
        Ok(place(height.0).and_then(|place| self.certificates.get(place).cloned()))
    }

    fn epoch(&self, epoch: Epoch) -> Result<Option<EpochRow>, Infallible> {
        Ok(self.epochs.get(&epoch).cloned())
    }

    fn ordinal_of(&self, id: &Digest) -> Result<Option<u64>, Infallible> {
        Ok(self.ordinals.get(id).copied())
    }

    fn height_of(&self, ordinal: u64) -> Result<Option<Height>, Infallible> {
        let is_there = ordinal < self.log_size();
        let before = self.heights.range(..=ordinal).next_back();
        Ok(before.filter(|_| is_there).map(|(_, height)| *height))
    }

    fn entries(&self, _height: Height, ordinals: &[u64]) -> Result<Vec<LogEntry>, Infallible> {
        let places = ordinals
            .iter()
            .filter_map(|ordinal| usize::try_from(*ordinal).ok());
        Ok(places
            .filter_map(|place| self.entries.get(place).cloned())
            .collect())
    }

    fn log_node(&self, level: u8, index: u64) -> Result<Option<Digest>, Infallible> {
        Ok(self.log_nodes.get(level, index))
    }

    fn transactions(&self, height: Height, positions: &[u32]) -> Result<Vec<Transaction>, Infallible> {
        let found = positions
            .iter()
            .filter_map(|position| self.transactions.get(&(height, *position)).cloned());
        Ok(found.collect())
    }

    fn text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, Infallible> {
        Ok(self.texts.get(&(*id, *place)).cloned())
    }

    fn has_state(&self, head: Height) -> bool {
        head <= self.height()
    }

    fn state_path(&self, head: Height, prefix: &Prefix) -> Result<Option<PrefixPath>, Infallible> {
        Ok(self.tree.prove_at(head, prefix))
    }

    fn leaves_of_kind(&self, kind: u8) -> Result<usize, Infallible> {
        Ok(self.tree.len_of_kind(kind))
    }

    fn state_value(&self, head: Height, key: &StateKey) -> Result<Option<Vec<u8>>, Infallible> {
        let written = self.values.get(key).map(Vec::as_slice).unwrap_or_default();
        let up_to = written.partition_point(|(height, _)| *height <= head);
        match written[..up_to].last() {
            Some((_, value)) => Ok(value.clone()),
            None => self.genesis.value(key),
        }
    }

    fn genesis_balances(&self, owner: &HistoryOwner) -> Result<Vec<BalanceItem>, Infallible> {
        Ok(self.genesis_balances.get(owner).cloned().unwrap_or_default())
    }

    fn newest_step(&self, head: Height, owner: &HistoryOwner) -> Result<Option<Height>, Infallible> {
        let history = self.histories.get(owner);
        let newest = history.and_then(|history| history.rows.range(..=head).next_back());
        Ok(newest.map(|(height, _)| *height))
    }

    fn history_row(&self, owner: &HistoryOwner, height: Height) -> Result<Option<HistoryRow>, Infallible> {
        let history = self.histories.get(owner);
        Ok(history.and_then(|history| history.rows.get(&height).cloned()))
    }

    fn waypoint(&self, owner: &HistoryOwner, number: u64) -> Result<Option<WaypointRow>, Infallible> {
        let place = place(number / WAYPOINT_INTERVAL);
        let found = place.zip(self.histories.get(owner));
        Ok(found.and_then(|(place, history)| history.waypoints.get(place).copied()))
    }

    fn waypoint_balances(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<Option<Vec<BalanceItem>>, Infallible> {
        let place = place(number / WAYPOINT_INTERVAL);
        let found = place.zip(self.histories.get(owner));
        Ok(found.and_then(|(place, history)| history.waypoint_balances.get(place).cloned()))
    }

    fn waypoint_node(
        &self,
        owner: &HistoryOwner,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, Infallible> {
        let history = self.histories.get(owner);
        Ok(history.and_then(|history| history.nodes.get(level, index)))
    }
}
