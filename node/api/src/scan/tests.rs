//! How much of the chain a call looks at.

use std::cell::Cell;

use quorate_checkpoint::TilePath;
use quorate_client::schema::{
    Account, Asset, Balance, Block, DocumentRecord, Hold, Holder, KeepView, OperationKind, Transaction,
    TransactionStatus,
};
use quorate_ledger::{Amount, AssetCode, Digest, Epoch, HoldRef, Prefix, StateKey, StateValue};

use super::*;
use crate::node::{Beginnings, EntryChanges, HexDigits, NoProof, ProofRequest, RecordPlace};

/// A chain of so many blocks of so many transactions each, all of them payments of one account.
struct Blocks {
    blocks: u64,
    of_each: u32,
    memo: String,
    operations: Vec<ActView>,
    read: Cell<usize>,
}

impl Blocks {
    fn of(blocks: u64, of_each: u32) -> Self {
        Self {
            blocks,
            of_each,
            memo: String::new(),
            operations: vec![ActView {
                by: account(),
                operation: OperationView::Burn {
                    asset: "QRT".parse().unwrap(),
                    amount: Amount(1),
                },
            }],
            read: Cell::new(0),
        }
    }

    fn transaction(&self, height: u64, index: u32) -> Transaction {
        self.read.set(self.read.get() + 1);
        Transaction {
            id: Digest::ZERO,
            status: TransactionStatus::Committed,
            height: Some(Height(height)),
            index: Some(index),
            ordinal: Some((height - 1) * u64::from(self.of_each) + u64::from(index)),
            timestamp: Some(Timestamp(height)),
            sender: account(),
            parties: vec![account()],
            expires_at: Timestamp(0),
            salt: [0; 16],
            operations: self.operations.clone(),
            memo: self.memo.clone(),
            withheld: Vec::new(),
            signatures: Vec::new(),
            paid: Vec::new(),
            code: None,
            error: None,
            failed_operation: None,
            number: Some((height - 1) * u64::from(self.of_each) + u64::from(index) + 1),
        }
    }
}

fn address(seed: u8) -> Address {
    quorate_crypto::Key::Ed25519([seed; 32]).address()
}

fn account() -> Address {
    address(1)
}

impl Snapshot for Blocks {
    fn height(&self) -> Height {
        Height(self.blocks)
    }

    fn block(&self, block: BlockRef) -> Result<Option<Block>, Fault> {
        let BlockRef::Height(height) = block else {
            return Ok(None);
        };
        let there = (1..=self.blocks).contains(&height.0);
        Ok(there.then(|| Block {
            network: Digest::ZERO,
            height,
            hash: Digest::ZERO,
            previous: Digest::ZERO,
            chain_root: Digest::ZERO,
            proposal: Digest::ZERO,
            next_committee: Digest::ZERO,
            epoch: Epoch(0),
            timestamp: Timestamp(height.0),
            protocol: 1,
            log_size: height.0 * u64::from(self.of_each),
            log_root: Digest::ZERO,
            state_root: Digest::ZERO,
            transaction_count: self.of_each,
            transactions: Vec::new(),
            seals: Vec::new(),
        }))
    }

    fn transactions_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Transaction>, Fault> {
        let indices = (from..self.of_each).take(limit);
        Ok(indices.map(|index| self.transaction(height.0, index)).collect())
    }

    fn account(&self, address: &Address) -> Result<Account, Fault> {
        Ok(Account {
            transactions: self.blocks * u64::from(self.of_each),
            ..Account::unused(*address)
        })
    }

    fn history(&self, _: &Address, before: Option<u64>, limit: usize) -> Result<Vec<Transaction>, Fault> {
        let each = u64::from(self.of_each);
        let above = before.unwrap_or(u64::MAX).min(self.blocks * each + 1);
        let numbers = (1..above).rev().take(limit);
        let entry = |number: u64| self.transaction((number - 1) / each + 1, ((number - 1) % each) as u32);
        Ok(numbers.map(entry).collect())
    }

    fn changes(&self, _: &Address, _: Option<u64>, _: usize) -> Result<Vec<EntryChanges>, Fault> {
        Ok(Vec::new())
    }

    fn balances_after(&self, _: &Address, _: u64) -> Result<Vec<Balance>, Fault> {
        Ok(Vec::new())
    }

    fn beginning_with(&self, _: &HexDigits, _: usize) -> Result<Beginnings, Fault> {
        Ok(Beginnings::default())
    }

    fn certified_block(&self, _: Height) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn certified_header(&self, _: Height) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn log_file(&self, _: &TilePath) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn transaction(&self, _: &Digest) -> Result<Option<Transaction>, Fault> {
        Ok(None)
    }

    fn transaction_bytes(&self, _: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn ids_at(&self, _: Height, _: u32, _: usize) -> Result<Vec<Digest>, Fault> {
        Ok(Vec::new())
    }

    fn holds(&self, _: &Address, _: Option<HoldRef>, _: usize) -> Result<Vec<Hold>, Fault> {
        Ok(Vec::new())
    }

    fn state_value(&self, _: &StateKey) -> Result<Option<Vec<u8>>, Fault> {
        Ok(None)
    }

    fn state_under(&self, _: &Prefix, _: usize) -> Result<Vec<StateValue>, Fault> {
        Ok(Vec::new())
    }

    fn proof(&self, _: &ProofRequest) -> Result<Result<String, NoProof>, Fault> {
        Ok(Err(NoProof::NotAtHand("nothing is kept here".to_owned())))
    }

    fn asset(&self, _: &AssetCode) -> Result<Option<Asset>, Fault> {
        Ok(None)
    }

    fn assets(&self, _: Option<AssetCode>, _: usize) -> Result<Vec<Asset>, Fault> {
        Ok(Vec::new())
    }

    fn holders(&self, _: &AssetCode, _: Option<Address>, _: usize) -> Result<Vec<Holder>, Fault> {
        Ok(Vec::new())
    }

    fn records(&self, _: &Digest, _: Option<RecordPlace>, _: usize) -> Result<Vec<DocumentRecord>, Fault> {
        Ok(Vec::new())
    }
}

/// A filter that takes nothing here.
fn rare() -> TransactionFilter {
    TransactionFilter {
        kind: Some(OperationKind::Mint),
        ..TransactionFilter::default()
    }
}

/// How many transactions each call reads of them, from the first page to the last, and how many it lists.
fn calls(
    blocks: &Blocks,
    mut list: impl FnMut(&Blocks, Option<String>) -> TransactionList,
) -> Vec<(usize, usize)> {
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        blocks.read.set(0);
        let page = list(blocks, cursor);
        seen.push((blocks.read.get(), page.transactions.len()));
        assert!(seen.len() < 1_000, "the list has no end");
        match page.next {
            Some(next) => cursor = Some(next),
            None => return seen,
        }
    }
}

fn chain_calls(blocks: &Blocks, filter: &TransactionFilter, limit: usize) -> Vec<(usize, usize)> {
    calls(blocks, |blocks, cursor| {
        let before = cursor.map(|cursor| Place::read(&cursor).unwrap());
        chain(blocks, filter, before, limit).unwrap()
    })
}

fn history_calls(blocks: &Blocks, filter: &TransactionFilter, limit: usize) -> Vec<(usize, usize)> {
    calls(blocks, |blocks, cursor| {
        let before = cursor.map(|cursor| cursor.parse().unwrap());
        history(blocks, &account(), filter, before, limit).unwrap()
    })
}

#[test]
fn a_filter_that_takes_nothing_looks_at_a_bounded_part_of_the_chain_in_each_call() {
    let full = chain_calls(&Blocks::of(10, 1_000), &rare(), 200);
    assert_eq!(full.iter().map(|(read, _)| read).sum::<usize>(), 10_000);
    assert!(
        full.iter().all(|(read, _)| *read < MAX_LOOKED_AT + LOOK_CHUNK),
        "{full:?}"
    );
    assert_eq!(full.len(), 3, "{full:?}");
    let small = chain_calls(&Blocks::of(2_500, 1), &rare(), 200);
    assert_eq!(
        small,
        [
            (MAX_BLOCKS_LOOKED_AT, 0),
            (MAX_BLOCKS_LOOKED_AT, 0),
            (2_500 - 2 * MAX_BLOCKS_LOOKED_AT, 0)
        ]
    );
    let empty = chain_calls(&Blocks::of(1_025, 0), &rare(), 200);
    assert_eq!(empty, [(0, 0), (0, 0)]);
    let of_account = history_calls(&Blocks::of(600, 2), &rare(), 200);
    assert_eq!(of_account, [(512, 0), (512, 0), (176, 0)]);
}

#[test]
fn a_list_of_everything_reads_hardly_more_than_it_answers() {
    let all = TransactionFilter::default();
    let seen = chain_calls(&Blocks::of(3, 7), &all, 5);
    assert_eq!(seen, [(5, 5), (5, 5), (5, 5), (5, 5), (1, 1)]);
    assert_eq!(history_calls(&Blocks::of(3, 7), &all, 5), seen);
    // What ends with a page has no empty one after it.
    assert_eq!(chain_calls(&Blocks::of(2, 5), &all, 5), [(5, 5), (5, 5)]);
    assert_eq!(history_calls(&Blocks::of(2, 5), &all, 5), [(5, 5), (5, 5)]);
}

#[test]
fn long_transactions_make_short_pages() {
    let mut blocks = Blocks::of(1, 300);
    blocks.memo = "m".repeat(50_000);
    let seen = chain_calls(&blocks, &TransactionFilter::default(), 200);
    let (_, first) = seen[0];
    assert!(
        first * 50_000 < MAX_PAGE_BYTES + 100_000 && first > 70,
        "{seen:?}"
    );
    assert_eq!(seen.iter().map(|(_, listed)| listed).sum::<usize>(), 300);
}

#[test]
fn bounds_by_height_and_by_time_are_the_same_wherever_they_lie() {
    // Block n is of time n.
    let blocks = Blocks::of(6, 3);
    for from in 0..=8 {
        for to in 0..=8 {
            let by_height = TransactionFilter {
                from: Some(When::Height(Height(from))),
                to: Some(When::Height(Height(to))),
                ..TransactionFilter::default()
            };
            let by_time = TransactionFilter {
                from: Some(When::Time(Timestamp(from))),
                to: Some(When::Time(Timestamp(to))),
                ..TransactionFilter::default()
            };
            let within = (1..=6).filter(|height| (from..=to).contains(height)).count();
            for filter in [by_height, by_time] {
                let listed = chain(&blocks, &filter, None, 200).unwrap();
                assert_eq!(listed.transactions.len(), 3 * within, "{from} {to}");
                assert_eq!(listed.next, None);
                let own = history(&blocks, &account(), &filter, None, 200).unwrap();
                assert_eq!(own.transactions, listed.transactions, "{from} {to}");
                let numbers = numbers(&blocks, &account(), filter.from, filter.to).unwrap();
                let mut entries = entries(&blocks, &account(), &numbers, 200).unwrap();
                entries.reverse();
                assert_eq!(entries, own.transactions, "{from} {to}");
            }
        }
    }
}

#[test]
fn an_accounts_entries_come_oldest_first_and_as_many_as_are_asked_for() {
    let blocks = Blocks::of(100, 3);
    let all = numbers(&blocks, &account(), None, None).unwrap();
    assert_eq!(all, 1..301);
    for (start, limit) in [(1, 0), (1, 1), (1, 64), (7, 65), (200, 200), (300, 1), (301, 5)] {
        let found = entries(&blocks, &account(), &(start..all.end), limit).unwrap();
        let found: Vec<u64> = found.iter().filter_map(|entry| entry.number).collect();
        let expected: Vec<u64> = (start..=300).take(limit).collect();
        assert_eq!(found, expected, "{limit} from {start}");
    }
}

#[test]
fn a_cursor_from_anywhere_leads_to_an_end() {
    let blocks = Blocks::of(3, 4);
    let of = |height, index| Place {
        height: Height(height),
        index,
    };
    for before in [
        of(0, 0),
        of(0, 7),
        of(1, 0),
        of(u64::MAX, u32::MAX),
        of(2, u32::MAX),
        of(4, 9),
    ] {
        let page = chain(&blocks, &rare(), Some(before), 5).unwrap();
        assert_eq!(page.next, None, "{before}");
    }
    for before in [0, 1, 13, u64::MAX] {
        let page = history(&blocks, &account(), &rare(), Some(before), 5).unwrap();
        assert_eq!(page.next, None, "{before}");
    }
}

#[test]
fn the_first_late_number_is_found_wherever_it_is() {
    for late in 1..=9 {
        let found = first_number(1, 8, |number| Ok(number >= late)).unwrap();
        assert_eq!(found, late.min(8));
    }
    assert_eq!(first_number(1, 1, |_| panic!("there is none")).unwrap(), 1);
}

/// Who records is the party that acts, wherever it stands among the parties.
#[test]
fn records_are_found_by_the_party_that_made_them() {
    let record = |seed: u8| ActView {
        by: address(seed),
        operation: OperationView::PutRecord {
            sha256: Digest([seed; 32]),
            keep: KeepView::Own,
            label: String::new(),
            metadata: Vec::new(),
        },
    };
    let mut blocks = Blocks::of(2, 3);
    blocks.operations = vec![record(1), record(2), record(1)];
    let made_by = |seed: Option<u8>, limit: usize| {
        let filter = TransactionFilter {
            sender: seed.map(address),
            ..TransactionFilter::default()
        };
        let (mut found, mut mark) = (Vec::new(), None);
        loop {
            let page = recorded(&blocks, &filter, mark, limit).unwrap();
            found.extend(page.records.into_iter().map(|found| found.record.sender));
            match page.next {
                Some(next) => mark = Some(RecordMark::read(&filter, &next).unwrap()),
                None => return found,
            }
        }
    };
    for limit in [1, 2, 200] {
        assert_eq!(made_by(None, limit).len(), 18);
        assert_eq!(made_by(Some(1), limit), vec![address(1); 12]);
        assert_eq!(made_by(Some(2), limit), vec![address(2); 6]);
        assert!(made_by(Some(3), limit).is_empty());
    }
}
