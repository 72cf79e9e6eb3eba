//! Proofs from a chain on disk with several epochs: each is, to the byte, what a prover makes of the same chain in memory,
//! and the verifier takes it. The chain is opened again before, so that nothing is proven from what was in memory alone.

use std::sync::{Arc, RwLock};

use quorate_crypto::Certificate;
use quorate_ledger::{
    Address, Amount, BatchTexts, CheckedBatch, Condition, ConditionLeaf, Digest, Execution, Height,
    HistoryOwner, HoldRef, Intent, Keep, Operation, ParametersV1, Place, Prefix, StateKey, StateTree,
    Timestamp, ValidatorIndex,
};
use quorate_prover::{
    Addition, Beside, MemoryChain, Show, ShowTexts, Source, StatementRequest, TrustedStart,
    balances_by_walking_back, prove_block, prove_committees, prove_entry, prove_not_executed, prove_state,
    prove_statement, prove_transaction,
};
use quorate_storage::{ProofSource, Snapshot, StatePaths};
use quorate_verifier::{Anchor, Finding, Pin, Proof, Verifier};

use crate::chain::Fixture;
use crate::network::{Made, Network, burn, code, create, erase, mint, transfer};

const ACCOUNTS: usize = 8;
const ASSETS: [&str; 6] = ["QRT", "EUR", "GOLD", "OIL", "USD", "BOND"];
const FIELD: Place = Place::Operation { index: 0, field: 0 };

/// Numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// A chain on disk and the same in memory, with what happened there.
struct Story {
    fixture: Fixture,
    memory: MemoryChain,
    random: Random,
    /// Transactions that may still be erased.
    erasable: Vec<Made>,
    holds: Vec<HoldRef>,
    ids: Vec<Digest>,
    /// Intents that were never sent.
    unsent: Vec<Intent>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let parameters = ParametersV1 {
            window: 4,
            max_expiry_lead_ms: 4_000_000,
            ..ParametersV1::default()
        };
        let network = Network::with(u32::try_from(ACCOUNTS).unwrap(), parameters);
        Self {
            memory: MemoryChain::of_genesis(&network.document),
            fixture: Fixture::of(network),
            random: Random(seed),
            erasable: Vec::new(),
            holds: Vec::new(),
            ids: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// Writes a block of batches of these to both chains.
    fn block(&mut self, batches: &[Vec<Made>], after_ms: u64) -> Execution {
        let network = &mut self.fixture.network;
        let copies: Vec<(CheckedBatch, Option<BatchTexts>)> =
            batches.iter().map(|made| network.copy(made)).collect();
        self.fixture.chain.write_copies(&copies).unwrap();
        let checked: Vec<CheckedBatch> = copies.iter().map(|(batch, _)| batch.clone()).collect();
        let reader = self.fixture.chain.reader();
        let (execution, certificate) = self.fixture.network.execute_after(after_ms, &reader, &checked);
        self.fixture.chain.write_block(&execution, &certificate).unwrap();
        self.note(&execution, certificate, &copies);
        execution
    }

    fn note(
        &mut self,
        execution: &Execution,
        certificate: Certificate,
        copies: &[(CheckedBatch, Option<BatchTexts>)],
    ) {
        let batches: Vec<Arc<CheckedBatch>> =
            copies.iter().map(|(batch, _)| Arc::new(batch.clone())).collect();
        let texts: Vec<Option<BatchTexts>> = copies.iter().map(|(_, texts)| texts.clone()).collect();
        self.memory
            .append(Addition::of(execution, certificate, &batches, &texts));
        self.ids
            .extend(execution.transactions.iter().map(|executed| executed.id));
    }

    /// Something that somebody does.
    fn made(&mut self) -> Made {
        let (who, other) = (self.random.below(ACCOUNTS), self.random.below(ACCOUNTS));
        let to = self.fixture.network.address(other);
        let asset = ASSETS[self.random.below(ASSETS.len())];
        let kind = self.random.below(20);
        let amount = u128::try_from(self.random.below(50)).unwrap() + 1;
        let network = &mut self.fixture.network;
        match kind {
            0..8 => {
                let paid = vec![transfer(to, "QRT", amount)];
                match kind {
                    0 => network.transaction_with(who, paid, &[(Place::Memo, "for the rent")]),
                    1 => network.transaction_with(who, paid, &[(Place::Memo, "a"), (FIELD, "b")]),
                    _ => network.transaction_with(who, paid, &[]),
                }
            }
            // Of other assets most have none, so that some fail.
            8..12 => network.transaction_with(who, vec![transfer(to, asset, amount)], &[]),
            12 | 13 => network.transaction_with(0, vec![mint(to, asset, amount * 10)], &[]),
            14 => network.transaction_with(who, vec![burn("QRT", amount)], &[]),
            15 => {
                let sha256 = Digest([u8::try_from(self.ids.len() % 200).unwrap(); 32]);
                let keep = [Keep::Log, Keep::Own, Keep::Unique][self.random.below(3)];
                let put = vec![Operation::PutRecord { sha256, keep }];
                network.transaction_with(who, put, &[(FIELD, "a deed")])
            }
            16 if who != other => {
                let until = Timestamp(network.tip.timestamp.0 + 10_000_000);
                let condition = Condition {
                    need: 1,
                    leaves: vec![ConditionLeaf::From(network.tip.timestamp)],
                };
                let hold = Operation::Hold {
                    beneficiary: to,
                    asset: code("QRT"),
                    amount: Amount(amount),
                    until,
                    condition,
                };
                let made = network.transaction_with(who, vec![hold], &[]);
                let (owner, transaction) = (network.address(who), made.0.id());
                self.holds.push(HoldRef {
                    owner,
                    transaction,
                    operation: 0,
                });
                made
            }
            17 if !self.holds.is_empty() => {
                let hold = self.holds.swap_remove(self.random.below(self.holds.len()));
                let (amount, preimages) = (None, Vec::new());
                let release = Operation::Release {
                    hold,
                    amount,
                    preimages,
                };
                network.transaction_with(who, vec![release], &[])
            }
            18 if !self.erasable.is_empty() => {
                let place = self.random.below(self.erasable.len());
                let (transaction, _) = self.erasable.swap_remove(place);
                let intent = transaction.intent();
                let places = intent.places().to_vec();
                // Its sender, who may; some others, who may not.
                let sender = (0..ACCOUNTS).find(|account| network.address(*account) == intent.sender());
                let sender = if other == 0 { who } else { sender.unwrap() };
                network.transaction_with(sender, vec![erase(&transaction, &places)], &[])
            }
            _ => {
                let (intent, _) = network.intent_with(who, vec![transfer(to, "QRT", 1)], &[]);
                self.unsent.push(intent);
                network.transaction_with(who, vec![transfer(to, "QRT", amount)], &[])
            }
        }
    }

    /// A block of some batches, one of which ends the epoch if `rejoins`.
    fn go_on(&mut self, rejoins: bool) {
        let mut batches = Vec::new();
        for _ in 0..=self.random.below(2) {
            let count = 1 + self.random.below(9);
            let mut made: Vec<Made> = (0..count).map(|_| self.made()).collect();
            if rejoins {
                let network = &mut self.fixture.network;
                let validator = *network.committee.key(ValidatorIndex(0)).unwrap();
                let token = Digest([7; 32]);
                made.push(network.transaction_with(0, vec![Operation::Rejoin { validator, token }], &[]));
            }
            self.erasable
                .extend(made.iter().filter(|(_, texts)| !texts.is_empty()).cloned());
            batches.push(made);
        }
        // Now and then there is a long break. A rejoin needs one.
        let is_late = rejoins || self.random.below(10) == 0;
        let after_ms = if is_late { 3_000_000 } else { 500 };
        self.block(&batches, after_ms);
    }
}

/// A chain of some hundred blocks in several epochs, reopened.
fn story(seed: u64, blocks: usize) -> Story {
    let mut story = Story::new(seed);
    let created = ASSETS[1..].iter().map(|asset| create(asset)).collect();
    let created = story.fixture.network.transaction_with(0, created, &[]);
    story.block(&[vec![created]], 500);
    for block in 0..blocks {
        story.go_on(block % 40 == 20);
    }
    // One that is past the expiry of all that was made.
    story.block(&[], 5_000_000);
    story.fixture = story.fixture.reopen();
    story
}

/// What is compared: proofs from disk and from memory, and the verdict on them.
struct Judge<'a> {
    disk: ProofSource<'a, StateTree>,
    memory: &'a MemoryChain,
    verifier: Verifier,
}

impl<'a> Judge<'a> {
    fn new(story: &'a Story, snapshot: &'a Snapshot) -> Self {
        let network = &story.fixture.network;
        let mut verifier = Verifier::new(Anchor {
            genesis: Some(network.document.clone()),
            pin: None,
        });
        let disk = ProofSource::new(snapshot, &network.tree, &network.document);
        let epoch = snapshot.tip().epoch;
        let proof = prove_committees(&disk, TrustedStart::Genesis, epoch).unwrap();
        let in_memory = prove_committees(&story.memory, TrustedStart::Genesis, epoch).unwrap();
        assert_eq!(proof, in_memory);
        verifier.learn(&proof).unwrap();
        Self {
            disk,
            memory: &story.memory,
            verifier,
        }
    }

    fn agree(&self, on_disk: Proof, in_memory: Proof) -> Finding {
        assert_eq!(on_disk, in_memory);
        let verdict = self.verifier.verify(&on_disk).unwrap();
        verdict.finding
    }
}

#[test]
fn every_kind_of_proof_is_that_of_the_chain_in_memory_and_verified() {
    let story = story(1, 120);
    let snapshot = story.fixture.snapshot();
    assert!(snapshot.tip().epoch.0 >= 3, "several epochs");
    assert!(snapshot.transaction_count() > 512, "more than two tiles");
    let judge = Judge::new(&story, &snapshot);
    let head = snapshot.height();
    let shows = [
        Show::Nothing,
        Show::Intent(ShowTexts::Nothing),
        Show::Transaction(ShowTexts::All),
    ];
    for (number, id) in story.ids.iter().enumerate() {
        let show = shows[number % shows.len()];
        let on_disk = prove_transaction(&judge.disk, head, id, show).unwrap();
        let in_memory = prove_transaction(judge.memory, head, id, show).unwrap();
        assert_eq!(judge.agree(on_disk, in_memory), Finding::Proven);
    }
    // Under heads of other epochs too, and such that tiles were not complete at.
    for head in [Height(2), Height(40), Height(41), Height(90)] {
        let size = snapshot.header(head).unwrap().unwrap().v1().log_size;
        for ordinal in [0, size / 2, size - 1] {
            let on_disk = prove_entry(&judge.disk, head, ordinal, Show::Nothing).unwrap();
            let in_memory = prove_entry(judge.memory, head, ordinal, Show::Nothing).unwrap();
            assert_eq!(judge.agree(on_disk, in_memory), Finding::Proven);
        }
    }
    for height in 1..=head.0 {
        let show = shows[usize::try_from(height).unwrap() % shows.len()];
        let on_disk = prove_block(&judge.disk, Height(height), show).unwrap();
        let in_memory = prove_block(judge.memory, Height(height), show).unwrap();
        assert_eq!(judge.agree(on_disk, in_memory), Finding::Proven);
    }
    let network = &story.fixture.network;
    let kinds = (1..=0x10_u8).map(Prefix::kind);
    let own = (0..ACCOUNTS).map(|account| Prefix::account(&network.address(account)));
    let stranger = [Prefix::account(&Address([9; 20]))];
    let prefixes: Vec<Prefix> = kinds.chain(own).chain(stranger).collect();
    for prefix in prefixes {
        let on_disk = prove_state(&judge.disk, head, &[prefix]).unwrap();
        let in_memory = prove_state(judge.memory, head, &[prefix]).unwrap();
        assert_eq!(judge.agree(on_disk, in_memory), Finding::Proven);
    }
    for intent in &story.unsent {
        let on_disk = prove_not_executed(&judge.disk, head, intent).unwrap();
        let in_memory = prove_not_executed(judge.memory, head, intent).unwrap();
        assert_eq!(judge.agree(on_disk, in_memory), Finding::Proven);
    }
    assert!(!story.unsent.is_empty());
}

#[test]
fn statements_of_all_ranges_are_those_of_the_chain_in_memory_and_verified() {
    let story = story(2, 120);
    let snapshot = story.fixture.snapshot();
    let judge = Judge::new(&story, &snapshot);
    let head = snapshot.height();
    let time = |height: u64| snapshot.header(Height(height)).unwrap().unwrap().v1().timestamp;
    let network = &story.fixture.network;
    let accounts = (0..ACCOUNTS).map(|account| HistoryOwner::Account(network.address(account)));
    let assets = ASSETS.iter().map(|asset| HistoryOwner::Asset(code(asset)));
    let stranger = HistoryOwner::Account(Address([9; 20]));
    let owners: Vec<HistoryOwner> = accounts.chain(assets).chain([stranger]).collect();
    let ends = [1, 2, 30, 31, 75, 110, head.0];
    let mut waypoints = 0;
    for owner in owners {
        for (number, from) in ends.iter().enumerate() {
            for to in &ends[number..] {
                let mut request = StatementRequest::new(owner, time(*from), Timestamp(time(*to).0 + 1));
                request.show = Show::Transaction(ShowTexts::All);
                request.beside = Beside {
                    assets: matches!(owner, HistoryOwner::Account(_)),
                    erasures: true,
                    holds: true,
                    prefixes: Vec::new(),
                };
                let on_disk = prove_statement(&judge.disk, head, &request).unwrap();
                let in_memory = prove_statement(judge.memory, head, &request).unwrap();
                let finding = judge.agree(on_disk, in_memory);
                let is_complete = *to < head.0;
                assert_eq!(finding == Finding::Proven, is_complete, "{owner:?} {from} {to}");
            }
        }
        // What an owner had at each waypoint, found from both sides of it.
        for number in (32..).step_by(32) {
            let found = judge.disk.waypoint_balances(&owner, number).unwrap();
            assert_eq!(found, judge.memory.waypoint_balances(&owner, number).unwrap());
            let Some(found) = found else { break };
            let walked = balances_by_walking_back(&judge.disk, head, owner, number).unwrap();
            assert_eq!(found, walked);
            waypoints += 1;
        }
    }
    assert!(waypoints > 20, "{waypoints} waypoints are none too many");
}

#[test]
fn a_pinned_block_of_a_later_epoch_is_enough_to_start_from() {
    let story = story(3, 80);
    let snapshot = story.fixture.snapshot();
    let network = &story.fixture.network;
    let disk = ProofSource::new(&snapshot, &network.tree, &network.document);
    let height = Height(30);
    let hash = snapshot.header(height).unwrap().unwrap().hash();
    let mut verifier = Verifier::new(Anchor {
        genesis: None,
        pin: Some(Pin { height, hash }),
    });
    let proof = prove_committees(&disk, TrustedStart::Pinned(height), snapshot.tip().epoch).unwrap();
    verifier.learn(&proof).unwrap();
    let proof = prove_state(&disk, snapshot.height(), &[Prefix::kind(6)]).unwrap();
    assert_eq!(verifier.verify(&proof).unwrap().finding, Finding::Proven);
}

#[test]
fn a_snapshot_proves_as_of_its_own_height_while_blocks_go_on() {
    let mut story = story(4, 30);
    let snapshot = story.fixture.snapshot();
    let head = snapshot.height();
    let size = snapshot.transaction_count();
    let before = story.memory.clone();
    for _ in 0..30 {
        story.go_on(false);
    }
    let network = &story.fixture.network;
    let tree = RwLock::new(network.tree.clone());
    assert!(tree.leaves_of_kind(1) >= ACCOUNTS);
    let disk = ProofSource::new(&snapshot, &tree, &network.document);
    assert_eq!(disk.height(), head);
    // Tiles that were completed since are not in it; their hashes are held with it.
    for level in 0..12_u8 {
        for index in [
            0,
            1,
            size >> level >> 1,
            (size >> level).saturating_sub(1),
            size >> level,
        ] {
            let node = disk.log_node(level, index).unwrap();
            assert_eq!(node, before.log_node(level, index).unwrap(), "{level} {index}");
        }
    }
    for account in 0..ACCOUNTS {
        let owner = HistoryOwner::Account(network.address(account));
        let request = StatementRequest::new(owner, Timestamp(0), snapshot.tip().timestamp);
        let on_disk = prove_statement(&disk, head, &request).unwrap();
        assert_eq!(on_disk, prove_statement(&before, head, &request).unwrap());
        assert_eq!(
            disk.newest_step(head, &owner).unwrap(),
            before.newest_step(head, &owner).unwrap()
        );
    }
    assert_eq!(disk.height_of(size).unwrap(), None);
    assert_eq!(
        disk.state_value(head.next(), &StateKey::agreement()).unwrap(),
        None
    );
    assert_eq!(disk.state_path(head.next(), &Prefix::kind(6)).unwrap(), None);
}
