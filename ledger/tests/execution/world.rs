//! A small network in memory. Four members, numbered 0 to 3, have the accounts 100 to 103 and a seat each.
//! Accounts are numbered: those with even numbers sign by Ed25519, those with odd ones by P-256. Account 0
//! has issued six assets and holds a million of three of them; the last two lie under keys of their own.
//!
//! Every block that is committed is checked: its log, the steps of its histories and its state root are
//! what the page's formulas give, taken literally.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_crypto::{
    Address, ClientSigningKey, Committee, Digest, Engine, Height, MemberNumber, SeatNumber, SigningKey,
    ValidatorIndex, merkle, sha256,
};
use quorate_ledger::{
    Account, AccountV1, Act, Agreement, AgreementV1, Amount, Asset, AssetCode, AssetV1, Balance, Batch,
    BatchRules, BatchV1, BlockInput, CheckedBatch, Condition, ConditionLeaf, ErrorCode, Execution,
    FormedBatch, GenesisAsset, GenesisLists, GenesisMember, GenesisState, HistoryEntry, HistoryOwner, Hold,
    HoldRef, HoldV1, Intent, IntentV1, Keep, LogEntry, LogEntryV1, Member, MemberV1, MemoryState, Operation,
    Outcome, Parameters, Proposal, Rules, Seat, SeatV1, Signer, Signers, StateKey, StateReader, StateTree,
    Step, Timestamp, Tip, Transaction, TrialRules, decode, encode, execute, genesis_state, read_value,
    value_hash,
};

pub(crate) const NETWORK: Digest = Digest([9; 32]);
pub(crate) const GENESIS_TIME: Timestamp = Timestamp(1_000_000_000);
pub(crate) const MILLION: u128 = 1_000_000;
pub(crate) const DAY: u64 = 86_400_000;

/// Those of account 0 in genesis, in the order of their numbers.
pub(crate) const ASSETS: [&str; 6] = ["EUR", "OIL", "GOLD", "USD", "BOND", "ALU"];

/// What account 0 holds at first.
const HELD: [&str; 3] = ["EUR", "GOLD", "BOND"];

pub(crate) struct World {
    pub(crate) parameters: Parameters,
    pub(crate) committee: Committee,
    pub(crate) state: MemoryState,
    pub(crate) tree: StateTree,
    pub(crate) tip: Tip,
    /// Batches and transactions made so far: no two are alike.
    made: u64,
    /// Leaf hashes of the transaction log.
    log: Vec<Digest>,
    /// All steps of each history, by its encoded owner.
    histories: BTreeMap<Vec<u8>, Vec<HistoryEntry>>,
}

pub(crate) fn key(number: u8) -> ClientSigningKey {
    if number.is_multiple_of(2) {
        ClientSigningKey::from_ed25519(SigningKey::from_seed(&[number; 32]))
    } else {
        ClientSigningKey::p256_from_scalar(&[number; 32]).unwrap()
    }
}

pub(crate) fn address(number: u8) -> Address {
    key(number).key().address()
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

pub(crate) fn validator(number: u8) -> SigningKey {
    SigningKey::from_seed(&[200 + number; 32])
}

pub(crate) fn transfer(to: u8, asset: &str, amount: u128) -> Operation {
    Operation::Transfer {
        to: address(to),
        asset: code(asset),
        amount: Amount(amount),
    }
}

pub(crate) fn create(text: &str) -> Operation {
    Operation::CreateAsset {
        code: code(text),
        decimals: 2,
        flags: 0,
    }
}

pub(crate) fn mint(to: u8, asset: &str, amount: u128) -> Operation {
    Operation::Mint {
        to: address(to),
        asset: code(asset),
        amount: Amount(amount),
    }
}

pub(crate) fn burn(asset: &str, amount: u128) -> Operation {
    Operation::Burn {
        asset: code(asset),
        amount: Amount(amount),
    }
}

pub(crate) fn put_record(byte: u8, keep: Keep) -> Operation {
    Operation::PutRecord {
        sha256: Digest([byte; 32]),
        keep,
    }
}

/// Signers with weights, put in order.
pub(crate) fn set_signers(signers: &[(u8, u16)], threshold: u32) -> Operation {
    let of = |&(number, weight): &(u8, u16)| Signer {
        key: key(number).key(),
        weight,
    };
    let mut signers: Vec<Signer> = signers.iter().map(of).collect();
    signers.sort_by_key(|signer| signer.key);
    Operation::SetSigners {
        signers: Signers { threshold, signers },
    }
}

/// A hold that needs nothing but the beneficiary as a party.
pub(crate) fn hold(beneficiary: u8, asset: &str, amount: u128, until: Timestamp) -> Operation {
    hold_if(
        beneficiary,
        asset,
        amount,
        until,
        any_of(vec![ConditionLeaf::Signs(address(beneficiary))]),
    )
}

pub(crate) fn hold_if(
    beneficiary: u8,
    asset: &str,
    amount: u128,
    until: Timestamp,
    condition: Condition,
) -> Operation {
    Operation::Hold {
        beneficiary: address(beneficiary),
        asset: code(asset),
        amount: Amount(amount),
        until,
        condition,
    }
}

/// A condition of which one leaf is enough; leaves are put in order.
pub(crate) fn any_of(leaves: Vec<ConditionLeaf>) -> Condition {
    some_of(1, leaves)
}

pub(crate) fn some_of(need: u8, mut leaves: Vec<ConditionLeaf>) -> Condition {
    leaves.sort_by_key(encode);
    Condition { need, leaves }
}

pub(crate) fn release(reference: &HoldRef, amount: Option<u128>, preimages: &[[u8; 32]]) -> Operation {
    let mut preimages = preimages.to_vec();
    preimages.sort_unstable();
    Operation::Release {
        hold: *reference,
        amount: amount.map(Amount),
        preimages,
    }
}

pub(crate) fn refund(reference: &HoldRef) -> Operation {
    Operation::Refund { hold: *reference }
}

pub(crate) fn success() -> Outcome {
    Outcome::Success { results: Vec::new() }
}

pub(crate) fn paid(amounts: &[u128]) -> Outcome {
    Outcome::Success {
        results: amounts.iter().copied().map(Amount).collect(),
    }
}

pub(crate) fn failed(code: u16, operation: u8) -> Outcome {
    Outcome::Failed {
        code: ErrorCode(code),
        operation,
    }
}

/// The page's `H`, taken literally.
pub(crate) fn tagged(tag: &str, content: &[u8]) -> Digest {
    let length = [u8::try_from(tag.len()).unwrap()];
    sha256(&[&length[..], tag.as_bytes(), content].concat())
}

pub(crate) fn lists() -> GenesisLists {
    let member = |number: u8, name: &str| GenesisMember {
        name: name.to_owned(),
        account: address(100 + number),
        signers: None,
        validator: validator(number).public(),
        node: SigningKey::from_seed(&[210 + number; 32]).public(),
        witness: SigningKey::from_seed(&[220 + number; 32]).public(),
        addresses: vec![format!("/ip4/10.0.0.{number}/tcp/9100")],
    };
    let asset = |text: &str| GenesisAsset {
        code: code(text),
        decimals: 2,
        flags: 0,
        issuer: address(0),
        balances: if HELD.contains(&text) {
            vec![(address(0), Amount(MILLION))]
        } else {
            Vec::new()
        },
    };
    GenesisLists {
        network: NETWORK,
        time: GENESIS_TIME,
        engine: Engine::Pbft,
        protocol: quorate_ledger::PROTOCOL,
        parameters: Parameters::default(),
        rules: Rules::default(),
        members: vec![
            member(0, "alpha"),
            member(1, "Beta"),
            member(2, "gamma"),
            member(3, "delta-4"),
        ],
        assets: ASSETS.iter().map(|text| asset(text)).collect(),
        // An account of the second member besides its own.
        accounts: vec![(address(50), MemberNumber(1))],
        grants: Vec::new(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(&lists())
    }

    pub(crate) fn of(lists: &GenesisLists) -> Self {
        Self::start(lists, &genesis_state(lists).unwrap())
    }

    /// The usual network, but for leaves of its first state that are changed by hand.
    pub(crate) fn with_leaves(change: impl FnOnce(&mut BTreeMap<StateKey, Vec<u8>>)) -> Self {
        Self::of_leaves(&lists(), change)
    }

    /// The network of such lists, but for leaves of its first state that are changed by hand.
    pub(crate) fn of_leaves(
        lists: &GenesisLists,
        change: impl FnOnce(&mut BTreeMap<StateKey, Vec<u8>>),
    ) -> Self {
        let genesis = genesis_state(lists).unwrap();
        let leaves = genesis.leaves().map(|(key, value)| (*key, value.to_vec()));
        let mut leaves: BTreeMap<StateKey, Vec<u8>> = leaves.collect();
        change(&mut leaves);
        Self::start(lists, &GenesisState::new(leaves.into_iter().collect()))
    }

    fn start(lists: &GenesisLists, genesis: &GenesisState) -> Self {
        let Agreement::V1(agreement) = &genesis.agreement;
        Self {
            parameters: lists.parameters.clone(),
            committee: agreement.committee.clone(),
            state: MemoryState::genesis(genesis),
            tree: genesis.tree(),
            tip: Tip::genesis(lists.network, lists.time, genesis.root),
            made: 0,
            log: Vec::new(),
            histories: BTreeMap::new(),
        }
    }

    pub(crate) fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &self.tip.network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.tip.timestamp
    }

    /// So many milliseconds after the last block.
    pub(crate) fn after(&self, milliseconds: u64) -> Timestamp {
        Timestamp(self.tip.timestamp.0 + milliseconds)
    }

    /// What these accounts ask for: the first is the sender, the others are put in order. Operations come
    /// with the number of the account that acts. No two intents are alike.
    pub(crate) fn intent(&mut self, parties: &[u8], operations: Vec<(u8, Operation)>) -> IntentV1 {
        self.made += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.made.to_le_bytes());
        let mut parties: Vec<Address> = parties.iter().map(|number| address(*number)).collect();
        parties[1..].sort_unstable();
        let act = |(number, operation): (u8, Operation)| {
            let acting = address(number);
            let party = parties.iter().position(|party| *party == acting).unwrap();
            Act {
                party: u8::try_from(party).unwrap(),
                operation,
            }
        };
        let operations = operations.into_iter().map(act).collect();
        IntentV1 {
            network: self.tip.network,
            parties,
            expires_at: self.after(60_000),
            salt,
            operations,
            texts: None,
        }
    }

    /// A transaction of one account, signed with its first key.
    pub(crate) fn signed(&mut self, who: u8, operations: Vec<Operation>) -> Transaction {
        let acts = operations.into_iter().map(|operation| (who, operation));
        let intent = self.intent(&[who], acts.collect());
        sign(intent, &[who])
    }

    /// A transaction of several accounts, signed with their first keys.
    pub(crate) fn joint(&mut self, parties: &[u8], operations: Vec<(u8, Operation)>) -> Transaction {
        let intent = self.intent(parties, operations);
        sign(intent, parties)
    }

    pub(crate) fn batch(&mut self, transactions: Vec<Transaction>) -> Arc<CheckedBatch> {
        self.batch_by(0, transactions)
    }

    pub(crate) fn batch_by(&mut self, author: u8, transactions: Vec<Transaction>) -> Arc<CheckedBatch> {
        self.made += 1;
        let batch = Batch::V1(BatchV1 {
            network: self.tip.network,
            epoch: self.tip.epoch,
            author: ValidatorIndex(author.into()),
            number: self.made,
            transactions,
        });
        let signed = batch.sign(&validator(author));
        let formed = FormedBatch::from_signed(signed, &self.rules()).unwrap();
        // Whether signatures are good is not what these tests are about.
        Arc::new(formed.with_signatures_checked())
    }

    /// Executes batches on top of the tip, without moving it; the tree moves.
    pub(crate) fn execute_at(&mut self, time: Timestamp, batches: &[Arc<CheckedBatch>]) -> Execution {
        let proposal = Proposal::new(time, batches.iter().map(|batch| batch.digest()).collect());
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches,
            parameters: self.parameters.v1(),
        };
        execute(&input, &self.state, &mut self.tree).unwrap()
    }

    /// Executes, applies and checks a block.
    pub(crate) fn commit_at(&mut self, time: Timestamp, batches: &[Arc<CheckedBatch>]) -> Execution {
        let before = self.tip.clone();
        let execution = self.execute_at(time, batches);
        self.check_log(&before, &execution);
        self.check_histories(&before, &execution);
        self.state.apply(&execution);
        self.tip = execution.tip.clone();
        let Agreement::V1(agreement) = self.agreement();
        self.committee = agreement.committee;
        let values = self.state.values();
        let values = values.map(|(key, value)| (*key, value_hash(value)));
        assert_eq!(
            StateTree::load(Height::GENESIS, values).root(),
            self.tip.state_root,
            "the state root is that of all values"
        );
        execution
    }

    /// Commits batches a second after the last block.
    pub(crate) fn commit_batches(&mut self, batches: &[Arc<CheckedBatch>]) -> Execution {
        self.commit_at(self.after(1_000), batches)
    }

    pub(crate) fn commit(&mut self, transactions: Vec<Transaction>) -> Execution {
        let batch = self.batch(transactions);
        self.commit_batches(&[batch])
    }

    /// A block without batches, at this time.
    pub(crate) fn wait_until(&mut self, time: Timestamp) -> Execution {
        self.commit_at(time, &[])
    }

    /// Executes a transaction in a block of its own.
    pub(crate) fn run_transaction(&mut self, transaction: Transaction) -> Outcome {
        let execution = self.commit(vec![transaction]);
        assert_eq!(execution.transactions.len(), 1, "the transaction is executed");
        execution.transactions[0].outcome.clone()
    }

    /// Executes a transaction of one account in a block of its own.
    pub(crate) fn run(&mut self, who: u8, operations: Vec<Operation>) -> Outcome {
        let transaction = self.signed(who, operations);
        self.run_transaction(transaction)
    }

    /// Executes a transaction of several accounts, all of which sign, in a block of its own.
    pub(crate) fn run_jointly(&mut self, parties: &[u8], operations: Vec<(u8, Operation)>) -> Outcome {
        let transaction = self.joint(parties, operations);
        self.run_transaction(transaction)
    }

    /// Makes a hold in a block of its own, which must succeed.
    pub(crate) fn make_hold(&mut self, owner: u8, operation: Operation) -> HoldRef {
        let transaction = self.signed(owner, vec![operation]);
        let reference = HoldRef {
            owner: address(owner),
            transaction: transaction.id(),
            operation: 0,
        };
        assert_eq!(self.run_transaction(transaction), success());
        reference
    }

    /// Whether a block with this transaction alone, a second from now, would execute it; nothing moves.
    pub(crate) fn would_run(&mut self, transaction: Transaction) -> bool {
        let batch = self.batch(vec![transaction]);
        let execution = self.execute_at(self.after(1_000), &[batch]);
        self.tree.rollback_to(self.tip.height);
        !execution.transactions.is_empty()
    }

    pub(crate) fn trial_rules(&self) -> TrialRules<'_> {
        TrialRules {
            parameters: self.parameters.v1(),
            certified: self.tip.timestamp,
            height: self.tip.height,
            clock: self.tip.timestamp,
        }
    }

    pub(crate) fn account(&self, number: u8) -> Option<AccountV1> {
        self.account_at(&address(number))
    }

    pub(crate) fn account_at(&self, address: &Address) -> Option<AccountV1> {
        let found: Option<Account> = read_value(&self.state, &StateKey::account(address)).unwrap();
        found.map(|Account::V1(account)| account)
    }

    pub(crate) fn asset(&self, text: &str) -> Option<AssetV1> {
        let found: Option<Asset> = read_value(&self.state, &StateKey::asset(&code(text))).unwrap();
        found.map(|Asset::V1(asset)| asset)
    }

    pub(crate) fn hold_of(&self, reference: &HoldRef) -> Option<HoldV1> {
        let key = StateKey::hold(&reference.owner, &reference.transaction, reference.operation);
        let found: Option<Hold> = read_value(&self.state, &key).unwrap();
        found.map(|Hold::V1(hold)| hold)
    }

    pub(crate) fn agreement(&self) -> Agreement {
        read_value(&self.state, &StateKey::agreement()).unwrap().unwrap()
    }

    pub(crate) fn agreement_v1(&self) -> AgreementV1 {
        let Agreement::V1(agreement) = self.agreement();
        agreement
    }

    pub(crate) fn seat(&self, number: u32) -> SeatV1 {
        let key = StateKey::seat(SeatNumber(number));
        let found: Option<Seat> = read_value(&self.state, &key).unwrap();
        let Seat::V1(seat) = found.unwrap();
        seat
    }

    pub(crate) fn member(&self, number: u32) -> MemberV1 {
        let found: Option<Member> = read_value(&self.state, &StateKey::member(MemberNumber(number))).unwrap();
        let Member::V1(member) = found.unwrap();
        member
    }

    /// Free, held and incoming.
    pub(crate) fn funds(&self, number: u8, asset: &str) -> (u128, u128, u32) {
        let address = address(number);
        let inline = self.account(number).and_then(|account| {
            let mut balances = account.balances.into_iter();
            balances.find(|balance| balance.asset == code(asset))
        });
        let own: Option<Balance> =
            read_value(&self.state, &StateKey::balance(&address, &code(asset))).unwrap();
        match (inline, own) {
            (None, None) => (0, 0, 0),
            (Some(balance), None) => (balance.free.0, balance.held.0, balance.incoming),
            (None, Some(Balance::V1(balance))) => (balance.free.0, balance.held.0, balance.incoming),
            (Some(_), Some(_)) => panic!("a balance lies in one place"),
        }
    }

    pub(crate) fn free(&self, number: u8, asset: &str) -> u128 {
        self.funds(number, asset).0
    }

    pub(crate) fn has(&self, key: &StateKey) -> bool {
        self.state.value(key).unwrap().is_some()
    }

    /// The whole state.
    pub(crate) fn values(&self) -> BTreeMap<StateKey, Vec<u8>> {
        let values = self.state.values();
        values.map(|(key, value)| (*key, value.to_vec())).collect()
    }

    /// Checks that the state is another than before in the histories of these accounts alone.
    pub(crate) fn only_histories_grew(&self, before: &BTreeMap<StateKey, Vec<u8>>, accounts: &[u8]) {
        differ_in_histories(before, self.values(), accounts);
    }

    /// All steps of an account's history so far.
    pub(crate) fn steps(&self, number: u8) -> &[HistoryEntry] {
        let owner = HistoryOwner::Account(address(number));
        self.steps_of(&encode(&owner))
    }

    /// All steps of an asset's history so far.
    pub(crate) fn asset_steps(&self, text: &str) -> &[HistoryEntry] {
        let owner = HistoryOwner::Asset(code(text));
        self.steps_of(&encode(&owner))
    }

    fn steps_of(&self, owner: &[u8]) -> &[HistoryEntry] {
        self.histories.get(owner).map_or(&[], Vec::as_slice)
    }

    /// The log's new leaves say what the block's list of executed transactions says, and the header commits
    /// to all leaves so far.
    fn check_log(&mut self, before: &Tip, execution: &Execution) {
        let header = execution.block.header();
        assert_eq!(execution.log.len(), execution.transactions.len());
        for (logged, executed) in execution.log.iter().zip(&execution.transactions) {
            let LogEntry::V1(LogEntryV1::Transaction(entry)) = &logged.entry else {
                panic!("a transaction's entry");
            };
            assert_eq!(executed.ordinal, u64::try_from(self.log.len()).unwrap());
            assert_eq!((entry.height, entry.timestamp), (header.height, header.timestamp));
            assert_eq!((entry.id, entry.position), (executed.id, executed.position));
            assert_eq!(
                (entry.signed, entry.expires_at),
                (executed.signed, executed.expires_at)
            );
            assert_eq!(entry.outcome, executed.outcome);
            let leaf = sha256(&[&[0_u8][..], encode(&logged.entry).as_slice()].concat());
            assert_eq!(logged.leaf, leaf);
            self.log.push(leaf);
        }
        let size = u64::try_from(self.log.len()).unwrap();
        let root = merkle::root_of_hashes(&self.log);
        assert_eq!((header.log_size, header.log_root), (size, root));
        assert_eq!(
            (execution.tip.log.length(), execution.tip.log.root()),
            (size, root)
        );
        assert_eq!(
            before.log.length() + u64::try_from(execution.log.len()).unwrap(),
            size
        );
    }

    /// Each new step follows the owner's last one, is of one of the block's transactions, and has the hash
    /// of the page's formula.
    fn check_histories(&mut self, before: &Tip, execution: &Execution) {
        for entry in &execution.histories {
            let steps = self.histories.entry(encode(&entry.owner)).or_default();
            let last = steps.last().map(|entry| entry.hash);
            let last = last.unwrap_or_else(|| start_of(&self.state, before, entry));
            let step = &entry.step;
            assert_eq!(step.number, u64::try_from(steps.len()).unwrap() + 1);
            assert_eq!(step.balances.is_some(), step.number.is_multiple_of(32));
            assert_eq!(step.timestamp, execution.tip.timestamp);
            let place = usize::try_from(step.ordinal - before.log.length()).unwrap();
            assert_eq!(step.leaf, execution.log[place].leaf);
            let content = [last.0, inner_of(step).0].concat();
            assert_eq!(entry.hash, tagged("quorate/history/v2", &content));
            steps.push(entry.clone());
        }
        let waypoints: Vec<_> = execution
            .histories
            .iter()
            .filter(|entry| entry.step.number.is_multiple_of(32))
            .map(|entry| (encode(&entry.owner), entry.step.number, entry.hash))
            .collect();
        let told: Vec<_> = execution
            .waypoints
            .iter()
            .map(|waypoint| (encode(&waypoint.owner), waypoint.number, waypoint.hash))
            .collect();
        assert_eq!(told, waypoints);
    }
}

/// What a history began with: what the leaf says before the first step, or `h_0` of an owner that genesis
/// gave nothing.
fn start_of(state: &MemoryState, tip: &Tip, entry: &HistoryEntry) -> Digest {
    let key = match &entry.owner {
        HistoryOwner::Account(address) => StateKey::account(address),
        HistoryOwner::Asset(code) => StateKey::asset(code),
    };
    let Some(value) = state.value(&key).unwrap() else {
        let owner = encode(&entry.owner);
        let content = [&tip.network.0[..], owner.as_slice(), &sha256(b"").0[..]].concat();
        return tagged("quorate/history-start/v2", &content);
    };
    match &entry.owner {
        HistoryOwner::Account(_) => {
            let Account::V1(account) = decode(&value, value.len()).unwrap();
            account.last
        }
        HistoryOwner::Asset(_) => {
            let Asset::V1(asset) = decode(&value, value.len()).unwrap();
            asset.last
        }
    }
}

/// `inner_n`, from the page's list of a step's fields.
fn inner_of(step: &Step) -> Digest {
    let changes: Vec<(&str, u128, u128, u128, u128)> = step
        .changes
        .iter()
        .map(|change| {
            (
                change.asset.as_str(),
                change.free_before.0,
                change.free_after.0,
                change.held_before.0,
                change.held_after.0,
            )
        })
        .collect();
    let fields = (
        step.number,
        step.ordinal,
        step.timestamp.0,
        step.leaf,
        changes,
        step.balances,
    );
    tagged("quorate/step/v2", &bcs::to_bytes(&fields).unwrap())
}

/// An intent, signed with the first keys of these accounts.
pub(crate) fn sign(intent: IntentV1, who: &[u8]) -> Transaction {
    let keys: Vec<ClientSigningKey> = who.iter().map(|number| key(*number)).collect();
    Intent::V1(intent).sign(&keys)
}

/// Checks that values of a state are those of another one but for the histories of these accounts, each of which has one
/// more step.
pub(crate) fn differ_in_histories(
    before: &BTreeMap<StateKey, Vec<u8>>,
    mut now: BTreeMap<StateKey, Vec<u8>>,
    accounts: &[u8],
) {
    for number in accounts {
        let key = StateKey::account(&address(*number));
        let read = |value: &Vec<u8>| {
            let Account::V1(account) = decode(value, value.len()).unwrap();
            account
        };
        let account = read(&now[&key]);
        let Some(old) = before.get(&key) else {
            assert_eq!(account.entries, 1);
            assert!(account.signers.is_none() && account.balances.is_empty());
            assert_eq!((account.holds, account.others), (0, 0));
            now.remove(&key);
            continue;
        };
        let old = read(old);
        assert_eq!(account.entries, old.entries + 1);
        let account = AccountV1 {
            entries: old.entries,
            last: old.last,
            waypoints: old.waypoints,
            ..account
        };
        now.insert(key, encode(&Account::V1(account)));
    }
    assert_eq!(now, *before);
}
