//! A network of one validator that makes real blocks.

use std::sync::Arc;

use quorate_crypto::{
    Certificate, CertificateV1, Committee, Protocol, Seal, SealContent, SigningKey, ValidatorIndex,
};
use quorate_ledger::{
    Address, Amount, AssetCode, Batch, BatchRules, BatchV1, BlockInput, CheckedBatch, Digest, Epoch,
    Execution, FormedBatch, GenesisAsset, GenesisBalance, GenesisCommittee, GenesisState, GenesisValidator,
    Intent, IntentV1, Operation, Parameters, Proposal, StateReader, StateTree, Timestamp, Tip, Transaction,
    execute, genesis_state,
};

pub(crate) const NETWORK: Digest = Digest([7; 32]);
const START: Timestamp = Timestamp(1_700_000_000_000);

/// The state of the network after the last block that it made.
pub(crate) struct Network {
    pub(crate) genesis: GenesisState,
    pub(crate) tip: Tip,
    pub(crate) tree: StateTree,
    keys: Vec<SigningKey>,
    validator: SigningKey,
    /// Of the epoch under way.
    pub(crate) committee: Committee,
    parameters: Parameters,
    salt: u64,
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

impl Network {
    /// A network whose genesis gives each of `accounts` accounts a million QRT.
    pub(crate) fn new(accounts: u32) -> Self {
        let keys: Vec<SigningKey> = (0..accounts)
            .map(|number| {
                let mut seed = [1; 32];
                seed[..4].copy_from_slice(&number.to_le_bytes());
                SigningKey::from_seed(&seed)
            })
            .collect();
        let amount = Amount(1_000_000);
        let assets = [GenesisAsset {
            code: code("QRT"),
            decimals: 2,
            description: String::new(),
            issuer: keys[0].public().address(),
            supply: Amount(amount.0 * u128::from(accounts)),
        }];
        let balances: Vec<GenesisBalance> = keys
            .iter()
            .map(|key| GenesisBalance {
                address: key.public().address(),
                asset: code("QRT"),
                amount,
            })
            .collect();
        let parameters = Parameters::default();
        let validator = SigningKey::from_seed(&[2; 32]);
        let seats = GenesisCommittee {
            engine: Protocol::Pbft,
            protocol_version: 1,
            validators: vec![GenesisValidator {
                key: validator.public(),
                member: keys[0].public().address(),
            }],
        };
        let genesis = genesis_state(&assets, &balances, &parameters, &seats).unwrap();
        let tip = Tip::genesis(NETWORK, START, genesis.root);
        let values = genesis
            .changes
            .iter()
            .map(|(key, value)| (*key, quorate_ledger::value_hash(value.as_deref().unwrap())));
        let tree = StateTree::load(tip.height, values);
        let committee = Committee::new(Epoch(0), Protocol::Pbft, 1, vec![validator.public()]);
        Self {
            genesis,
            tip,
            tree,
            keys,
            validator,
            committee,
            parameters,
            salt: 0,
        }
    }

    pub(crate) fn address(&self, account: usize) -> Address {
        self.keys[account].public().address()
    }

    /// A payment of one unit.
    pub(crate) fn payment(&mut self, from: usize, to: usize) -> Transaction {
        self.payment_to(from, self.address(to))
    }

    /// A payment of one unit to any address.
    pub(crate) fn payment_to(&mut self, from: usize, to: Address) -> Transaction {
        let payment = Operation::Transfer {
            to,
            asset: code("QRT"),
            amount: Amount(1),
            memo: String::new(),
        };
        self.transaction(from, vec![payment])
    }

    /// A signed transaction, unlike every other.
    pub(crate) fn transaction(&mut self, sender: usize, operations: Vec<Operation>) -> Transaction {
        self.salt += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.salt.to_le_bytes());
        let intent = Intent::V1(IntentV1 {
            network: NETWORK,
            sender: self.address(sender),
            expires_at: Timestamp(START.0 + 3_600_000),
            salt,
            operations,
            memo: String::new(),
        });
        intent.sign([&self.keys[sender]])
    }

    /// A batch of these, by the validator.
    pub(crate) fn batch(&self, transactions: Vec<Transaction>) -> CheckedBatch {
        let batch = Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: self.tip.epoch,
            author: ValidatorIndex(0),
            number: 1,
            transactions,
        });
        let rules = BatchRules {
            network: &NETWORK,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        };
        FormedBatch::from_signed(batch.sign(&self.validator), &rules)
            .unwrap()
            .with_signatures_checked()
    }

    /// Executes the next block and seals it; `reader` is at the tip.
    pub(crate) fn execute<R: StateReader>(
        &mut self,
        reader: &R,
        batches: &[CheckedBatch],
    ) -> (Execution, Certificate)
    where
        R::Error: std::fmt::Debug,
    {
        let digests = batches.iter().map(CheckedBatch::digest).collect();
        let proposal = Proposal::new(Timestamp(self.tip.timestamp.0 + 10), digests);
        let batches: Vec<Arc<CheckedBatch>> = batches.iter().cloned().map(Arc::new).collect();
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: self.parameters.v1(),
        };
        let execution = execute(&input, reader, &mut self.tree).unwrap();
        let certificate = self.certify(&execution.tip);
        self.tip = execution.tip.clone();
        let key = self.validator.public();
        self.committee = Committee::new(self.tip.epoch, Protocol::Pbft, 1, vec![key]);
        (execution, certificate)
    }

    pub(crate) fn certify(&self, tip: &Tip) -> Certificate {
        let content = SealContent::new(NETWORK, self.committee.epoch(), tip.height, tip.block_hash);
        Certificate::V1(CertificateV1 {
            epoch: self.committee.epoch(),
            height: tip.height,
            block: tip.block_hash,
            seals: vec![Seal {
                validator: ValidatorIndex(0),
                signature: content.sign(&self.validator),
            }],
        })
    }
}
