//! What happened, as plain lists: what proofs are compared with. Balances are those that the state had after each block,
//! whatever histories say.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Digest, Height};
use quorate_ledger::{
    Amount, AssetCode, BalanceChange, BalanceItem, Execution, HistoryOwner, LogEntryV1, LoggedTransaction,
    MemoryState, Place, StateValue, TextItem, Timestamp, Transaction,
};
use quorate_prover::{Show, ShowTexts};
use quorate_verifier::{ShownFacts, TextFacts};

/// What each owner has, ascending by code.
pub(crate) type AllBalances = BTreeMap<HistoryOwner, Vec<BalanceItem>>;

pub(crate) struct PlainBlock {
    pub(crate) time: Timestamp,
    /// Leaves of the log after it.
    pub(crate) log_size: u64,
    balances: AllBalances,
}

/// A transaction in somebody's history.
pub(crate) struct PlainStep {
    pub(crate) ordinal: u64,
    pub(crate) time: Timestamp,
    pub(crate) changes: Vec<BalanceChange>,
}

pub(crate) struct PlainTransaction {
    pub(crate) height: Height,
    pub(crate) logged: LoggedTransaction,
    pub(crate) transaction: Transaction,
    pub(crate) texts: Vec<TextItem>,
}

pub(crate) struct Plain {
    genesis: AllBalances,
    /// By height, from 1.
    pub(crate) blocks: Vec<PlainBlock>,
    pub(crate) histories: BTreeMap<HistoryOwner, Vec<PlainStep>>,
    /// By ordinal.
    pub(crate) executed: Vec<PlainTransaction>,
    pub(crate) erased: BTreeSet<(Digest, Place)>,
}

impl Plain {
    pub(crate) fn new(genesis: &MemoryState) -> Self {
        Self {
            genesis: balances_of(genesis),
            blocks: Vec::new(),
            histories: BTreeMap::new(),
            executed: Vec::new(),
            erased: BTreeSet::new(),
        }
    }

    /// Writes a block down. `proposed` are the transactions of its batches with their texts, and `state` is the one
    /// after it.
    pub(crate) fn note(
        &mut self,
        execution: &Execution,
        proposed: &[(Transaction, Vec<TextItem>)],
        state: &MemoryState,
    ) {
        let header = execution.block.header();
        for logged in &execution.log {
            let LogEntryV1::Transaction(logged) = logged.entry.v1() else {
                panic!("only transactions are executed here");
            };
            let (transaction, texts) = proposed[usize::try_from(logged.position).unwrap()].clone();
            self.executed.push(PlainTransaction {
                height: header.height,
                logged: logged.clone(),
                transaction,
                texts,
            });
        }
        for entry in &execution.histories {
            self.histories.entry(entry.owner).or_default().push(PlainStep {
                ordinal: entry.step.ordinal,
                time: header.timestamp,
                changes: entry.step.changes.clone(),
            });
        }
        self.erased.extend(execution.erased.iter().copied());
        self.blocks.push(PlainBlock {
            time: header.timestamp,
            log_size: header.log_size,
            balances: balances_of(state),
        });
    }

    pub(crate) fn block(&self, height: Height) -> &PlainBlock {
        &self.blocks[usize::try_from(height.0).unwrap() - 1]
    }

    /// An owner's history up to a block.
    pub(crate) fn history(&self, owner: &HistoryOwner, head: Height) -> &[PlainStep] {
        let all = self.histories.get(owner).map(Vec::as_slice).unwrap_or_default();
        let size = self.block(head).log_size;
        &all[..all.partition_point(|step| step.ordinal < size)]
    }

    /// What an owner had after the last block before a time, that is not above the head.
    pub(crate) fn balances_before(
        &self,
        owner: &HistoryOwner,
        time: Timestamp,
        head: Height,
    ) -> Vec<BalanceItem> {
        let blocks = &self.blocks[..usize::try_from(head.0).unwrap()];
        let before = blocks.iter().rev().find(|block| block.time < time);
        let balances = before.map_or(&self.genesis, |block| &block.balances);
        balances.get(owner).cloned().unwrap_or_default()
    }

    /// What a proof shows of the transaction with this ordinal. Texts that are not at hand are left out.
    pub(crate) fn shown(&self, ordinal: u64, show: Show) -> ShownFacts {
        let executed = &self.executed[usize::try_from(ordinal).unwrap()];
        let (texts, signed_by) = match show {
            Show::Nothing => return ShownFacts::default(),
            Show::Intent(texts) => (texts, None),
            Show::Transaction(texts) => {
                let signatures = executed.transaction.signatures().iter();
                (texts, Some(signatures.map(|signature| signature.key()).collect()))
            }
        };
        ShownFacts {
            intent: Some(executed.transaction.intent().clone()),
            signed_by,
            texts: self.shown_texts(executed, texts).unwrap_or_default(),
        }
    }

    /// What is shown of texts; none if it is not at hand.
    pub(crate) fn shown_texts(&self, executed: &PlainTransaction, show: ShowTexts) -> Option<TextFacts> {
        let texts = executed.transaction.intent().texts.as_ref();
        let places = texts.map(|texts| texts.places.as_slice()).unwrap_or_default();
        if places.is_empty() {
            return Some(TextFacts::Nothing);
        }
        let pairs = places.iter().zip(&executed.texts);
        let items = pairs.map(|(place, item)| {
            let is_erased = self.erased.contains(&(executed.logged.id, *place));
            let withheld = TextItem::Withheld { leaf: leaf(item) };
            if is_erased { withheld } else { item.clone() }
        });
        let items: Vec<TextItem> = items.collect();
        match show {
            ShowTexts::Nothing => Some(TextFacts::Nothing),
            ShowTexts::All => Some(TextFacts::All(items)),
            ShowTexts::Withheld => {
                let withheld = items.iter().map(|item| TextItem::Withheld { leaf: leaf(item) });
                Some(TextFacts::All(withheld.collect()))
            }
            ShowTexts::Alone(place) => {
                let index = places.iter().position(|known| *known == place)?;
                let TextItem::Shown(text) = items[index].clone() else {
                    return None;
                };
                if items.len() == 1 {
                    return Some(TextFacts::All(items));
                }
                let index = u16::try_from(index).unwrap();
                Some(TextFacts::Alone { index, text })
            }
        }
    }
}

fn leaf(item: &TextItem) -> Digest {
    match item {
        TextItem::Shown(text) => text.leaf(),
        TextItem::Withheld { leaf } => *leaf,
    }
}

/// All that accounts have and assets have as supply, by the state's leaves.
fn balances_of(state: &MemoryState) -> AllBalances {
    let mut found: BTreeMap<HistoryOwner, BTreeMap<AssetCode, BalanceItem>> = BTreeMap::new();
    let mut note = |owner, asset, free: Amount, held: Amount| {
        if free > Amount(0) || held > Amount(0) {
            let item = BalanceItem { asset, free, held };
            found.entry(owner).or_default().insert(asset, item);
        }
    };
    // Accounts and their balances are of kind 01, assets of kind 03.
    let leaves = state.values().filter(|(key, _)| [1, 3].contains(&key.0[0]));
    for (key, value) in leaves {
        match StateValue::decode(key, value).unwrap() {
            StateValue::Account(account) => {
                let owner = HistoryOwner::Account(account.v1().address);
                for inline in &account.v1().balances {
                    note(owner, inline.asset, inline.free, inline.held);
                }
            }
            StateValue::Balance(balance) => {
                let owner = HistoryOwner::Account(balance.v1().address);
                note(owner, balance.v1().asset, balance.v1().free, balance.v1().held);
            }
            StateValue::Asset(asset) => {
                let owner = HistoryOwner::Asset(asset.v1().code);
                note(owner, asset.v1().code, asset.v1().supply, Amount(0));
            }
            other => panic!("{other:?} is of another kind"),
        }
    }
    let lists = found.into_iter();
    lists
        .map(|(owner, items)| (owner, items.into_values().collect()))
        .collect()
}
