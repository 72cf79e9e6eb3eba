//! A ledger of one validator, with accounts numbered from 0. Account 0 issued the asset `QRT` and holds
//! all of it.

use std::sync::Arc;

use bytes::Bytes;
use quorate_crypto::{Committee, Protocol, SigningKey};
use quorate_ledger::{
    Account, AccountV1, Address, Amount, Asset, AssetCode, Batch, BatchRules, BatchV1, BlockInput,
    CheckedBatch, Digest, Epoch, Execution, GenesisAsset, GenesisBalance, GenesisCommittee, GenesisValidator,
    Intent, IntentV1, MemoryState, Operation, Outcome, Parameters, Proposal, SignedBatch, StateKey,
    StateTree, Timestamp, Tip, Transaction, TrialRules, ValidatorIndex, encode, execute, genesis_state,
    read_value,
};

pub(crate) const NETWORK: Digest = Digest([9; 32]);
pub(crate) const GENESIS_TIME: Timestamp = Timestamp(1_000_000);
pub(crate) const SUPPLY: u128 = 1_000_000;

pub(crate) struct World {
    pub(crate) parameters: Parameters,
    pub(crate) committee: Committee,
    pub(crate) author: SigningKey,
    pub(crate) state: MemoryState,
    pub(crate) tree: StateTree,
    pub(crate) tip: Tip,
}

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub(crate) fn address(number: u8) -> Address {
    key(number).public().address()
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

pub(crate) fn qrt() -> AssetCode {
    code("QRT")
}

/// A transfer of `QRT` to a numbered account.
pub(crate) fn transfer(to: u8, amount: u128) -> Operation {
    transfer_of(qrt(), to, amount)
}

pub(crate) fn transfer_of(asset: AssetCode, to: u8, amount: u128) -> Operation {
    Operation::Transfer {
        to: address(to),
        asset,
        amount: Amount(amount),
        memo: String::new(),
    }
}

pub(crate) fn create(text: &str) -> Operation {
    Operation::CreateAsset {
        code: code(text),
        decimals: 2,
        description: String::new(),
    }
}

pub(crate) fn mint(text: &str, to: u8, amount: u128) -> Operation {
    Operation::Mint {
        asset: code(text),
        to: address(to),
        amount: Amount(amount),
    }
}

pub(crate) fn burn(text: &str, amount: u128) -> Operation {
    Operation::Burn {
        asset: code(text),
        amount: Amount(amount),
    }
}

pub(crate) fn genesis() -> quorate_ledger::GenesisState {
    let assets = [GenesisAsset {
        code: qrt(),
        decimals: 2,
        description: "units of account".to_owned(),
        issuer: address(0),
        supply: Amount(SUPPLY),
    }];
    let balances = [GenesisBalance {
        address: address(0),
        asset: qrt(),
        amount: Amount(SUPPLY),
    }];
    genesis_state(&assets, &balances, &Parameters::default(), &seats()).unwrap()
}

/// One validator, which the member with account 100 runs.
pub(crate) fn seats() -> GenesisCommittee {
    GenesisCommittee {
        engine: Protocol::Pbft,
        protocol_version: 1,
        validators: vec![GenesisValidator {
            key: key(200).public(),
            member: address(100),
        }],
    }
}

pub(crate) fn committee(epoch: Epoch) -> Committee {
    Committee::new(epoch, Protocol::Pbft, 1, vec![key(200).public()])
}

impl World {
    pub(crate) fn new() -> Self {
        let genesis = genesis();
        let author = SigningKey::from_seed(&[200; 32]);
        Self {
            parameters: Parameters::default(),
            committee: committee(Epoch(0)),
            author,
            state: MemoryState::genesis(&genesis),
            tree: genesis.tree(),
            tip: Tip::genesis(NETWORK, GENESIS_TIME, genesis.root),
        }
    }

    pub(crate) fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &NETWORK,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }

    /// What a numbered account asks for, not yet signed; equal calls give equal ids.
    pub(crate) fn intent(&self, sender: u8, salt: u8, operations: Vec<Operation>) -> IntentV1 {
        IntentV1 {
            network: NETWORK,
            sender: address(sender),
            expires_at: Timestamp(self.tip.timestamp.0 + 60_000),
            salt: [salt; 16],
            operations,
            memo: String::new(),
        }
    }

    /// A transaction of a numbered account, signed with its first key.
    pub(crate) fn signed(&self, sender: u8, salt: u8, operations: Vec<Operation>) -> Transaction {
        Intent::V1(self.intent(sender, salt, operations)).sign([&key(sender)])
    }

    pub(crate) fn signed_batch(&self, transactions: Vec<Transaction>) -> SignedBatch {
        Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: self.tip.epoch,
            author: ValidatorIndex(0),
            number: 1,
            transactions,
        })
        .sign(&self.author)
    }

    pub(crate) fn batch(&self, transactions: Vec<Transaction>) -> Arc<CheckedBatch> {
        let bytes = Bytes::from(encode(&self.signed_batch(transactions)));
        Arc::new(CheckedBatch::check(bytes, &self.rules()).unwrap())
    }

    /// Executes batches on top of the tip, without moving the tip; the tree moves.
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

    /// Executes and applies a block one second after the last.
    pub(crate) fn commit_batches(&mut self, batches: &[Arc<CheckedBatch>]) -> Execution {
        self.commit_at(Timestamp(self.tip.timestamp.0 + 1_000), batches)
    }

    /// Executes and applies a block.
    pub(crate) fn commit_at(&mut self, time: Timestamp, batches: &[Arc<CheckedBatch>]) -> Execution {
        let execution = self.execute_at(time, batches);
        self.state.apply(&execution);
        self.tip = execution.tip.clone();
        self.committee = committee(self.tip.epoch);
        execution
    }

    pub(crate) fn commit(&mut self, transactions: Vec<Transaction>) -> Execution {
        let batch = self.batch(transactions);
        self.commit_batches(&[batch])
    }

    /// Executes one transaction of a numbered account in a block of its own.
    pub(crate) fn run(&mut self, sender: u8, operations: Vec<Operation>) -> Outcome {
        let salt = u8::try_from(self.tip.height.0).unwrap();
        let transaction = self.signed(sender, salt, operations);
        let execution = self.commit(vec![transaction]);
        assert_eq!(execution.transactions.len(), 1, "the transaction is executed");
        execution.transactions[0].outcome
    }

    pub(crate) fn trial_rules(&self) -> TrialRules<'_> {
        TrialRules {
            parameters: self.parameters.v1(),
            certified: self.tip.timestamp,
            clock: self.tip.timestamp,
        }
    }

    pub(crate) fn account(&self, number: u8) -> Option<AccountV1> {
        let account: Account = read_value(&self.state, &StateKey::account(&address(number))).unwrap()?;
        Some(account.v1().clone())
    }

    pub(crate) fn asset(&self, text: &str) -> Option<Asset> {
        read_value(&self.state, &StateKey::asset(&code(text))).unwrap()
    }

    pub(crate) fn balance_of(&self, asset: AssetCode, number: u8) -> u128 {
        let Some(account) = self.account(number) else {
            return 0;
        };
        let inline = account.balances.iter().find(|balance| balance.asset == asset);
        let other = || {
            let key = StateKey::balance(&address(number), &asset);
            let balance: quorate_ledger::Balance = read_value(&self.state, &key).unwrap()?;
            Some(balance.amount())
        };
        inline
            .map(|balance| balance.amount)
            .or_else(other)
            .map_or(0, |amount| amount.0)
    }

    pub(crate) fn balance(&self, number: u8) -> u128 {
        self.balance_of(qrt(), number)
    }
}
