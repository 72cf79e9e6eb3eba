//! A network of four validators, and histories that they executed and sealed: several of one network differ from some
//! block on, as if a quorum had lied.

use std::sync::Arc;

use quorate_checkpoint::{Signer, signers_of};
use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Digest, Engine, Epoch, Seal, SealContent, SigningKey,
    ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Amount, Batch, BatchRules, BatchV1, BlockInput, CertifiedHeader, CheckedBatch, FormedBatch, MemoryState,
    Parameters, Proposal, Rules, StateTree, Timestamp, Tip, Transaction, execute,
};

const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Payments in a block that is not empty.
const PAYMENTS: u8 = 3;

/// Who runs the network.
pub(crate) struct Network {
    pub(crate) genesis: Genesis,
    accounts: Vec<ClientSigningKey>,
}

/// A chain with its log.
#[derive(Clone)]
pub(crate) struct History {
    /// By height, from 1.
    pub(crate) heads: Vec<CertifiedHeader>,
    /// By ordinal.
    pub(crate) leaves: Vec<Digest>,
}

/// A history in the making.
struct Making<'a> {
    network: &'a Network,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    batches: u64,
    history: History,
}

pub(crate) fn key(kind: &str, number: usize) -> SigningKey {
    SigningKey::from_seed(&sha256(format!("{kind} {number}").as_bytes()).0)
}

impl Network {
    pub(crate) fn new() -> Self {
        let accounts =
            (0..MEMBERS.len()).map(|member| ClientSigningKey::from_ed25519(key("account", member)));
        let accounts: Vec<ClientSigningKey> = accounts.collect();
        let first = accounts[0].key().address();
        let draft = Draft::V1(DraftV1 {
            network: "witnessed".to_owned(),
            engine: Engine::Pbft,
            time: Timestamp(1_767_225_600_000),
            members: MEMBERS.map(str::to_owned).to_vec(),
            parameters: Parameters::default(),
            rules: Rules::default(),
            assets: vec![DraftAsset {
                code: "EUR".parse().unwrap(),
                decimals: 2,
                flags: 0,
                description: "All of EUR".to_owned(),
                issuer: first,
                balances: vec![DraftBalance {
                    address: first,
                    amount: Amount(1_000_000),
                }],
            }],
            accounts: Vec::new(),
            grants: Vec::new(),
        });
        let joins = (0..MEMBERS.len()).map(|member| join(&draft, member, &accounts[member]));
        let joins: Vec<String> = joins.collect();
        let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
        let (_, genesis) = Genesis::assemble(&draft.to_toml(), &joins).unwrap();
        Self { genesis, accounts }
    }

    pub(crate) fn signers(&self) -> Vec<Signer> {
        signers_of(&self.genesis.id(), &self.genesis.committee())
    }

    /// The history with a block for each letter: its payments are named by the letter, `-` has none. Histories whose
    /// letters begin in one way have the same blocks there.
    pub(crate) fn history(&self, letters: &str) -> History {
        let begun = self.genesis.state();
        let mut making = Making {
            network: self,
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            tip: Tip::genesis(self.genesis.id(), self.genesis.time(), begun.root),
            batches: 0,
            history: History {
                heads: Vec::new(),
                leaves: Vec::new(),
            },
        };
        for letter in letters.bytes() {
            making.block(letter);
        }
        making.history
    }
}

fn join(draft: &Draft, member: usize, account: &ClientSigningKey) -> String {
    let [validator, node, witness] = ["validator", "node", "witness"].map(|kind| key(kind, member));
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        witness: &witness,
        account,
        signers: None,
        administrators: &[],
    };
    let join = Join::sign(draft, MEMBERS[member], keys, Vec::new()).unwrap();
    join.to_toml()
}

impl Making<'_> {
    /// Executes and seals a block.
    fn block(&mut self, letter: u8) {
        let time = Timestamp(self.tip.timestamp.0 + 1_000);
        let payments = if letter == b'-' { 0 } else { PAYMENTS };
        let payments: Vec<Transaction> = (0..payments)
            .map(|number| self.payment(letter, number, time))
            .collect();
        let mut batches = Vec::new();
        if !payments.is_empty() {
            batches.push(Arc::new(self.batch(payments)));
        }
        let proposal = Proposal::new(time, batches.iter().map(|batch| batch.digest()).collect());
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: self.network.genesis.parameters().v1(),
        };
        let execution = execute(&input, &self.state, &mut self.tree).unwrap();
        self.state.apply(&execution);
        let leaves = execution.log.iter().map(|logged| logged.leaf);
        self.history.leaves.extend(leaves);
        let header = execution.block.v1().header.clone();
        let certificate = self.certificate(&header.hash(), header.v1().height);
        let committee = self.network.genesis.committee();
        self.history
            .heads
            .push(CertifiedHeader::new(header, &certificate, &committee));
        self.tip = execution.tip;
    }

    fn payment(&self, letter: u8, number: u8, time: Timestamp) -> Transaction {
        let [payer, payee] = [0, 1].map(|member| &self.network.accounts[member]);
        let mut salt = [letter; 16];
        salt[0] = number;
        salt[1] = u8::try_from(self.history.heads.len()).unwrap();
        let expires = Timestamp(time.0 + 1_000);
        let sender = payer.key().address();
        let unsigned = TransactionBuilder::new(self.network.genesis.id(), sender, expires, salt)
            .transfer(payee.key().address(), "EUR".parse().unwrap(), Amount(1), "")
            .build_with(|_| [0; 16]);
        unsigned.sign([payer]).transaction().clone()
    }

    fn batch(&mut self, transactions: Vec<Transaction>) -> CheckedBatch {
        self.batches += 1;
        let (network, committee) = (self.network.genesis.id(), self.network.genesis.committee());
        let batch = Batch::V1(BatchV1 {
            network,
            epoch: Epoch(0),
            author: ValidatorIndex(0),
            number: self.batches,
            transactions,
        });
        let rules = BatchRules {
            network: &network,
            committee: &committee,
            parameters: self.network.genesis.parameters().v1(),
        };
        let formed = FormedBatch::sign(batch, &key("validator", 0), &rules).unwrap();
        // Signatures are good as they were made here.
        formed.with_signatures_checked()
    }

    /// All validators seal.
    fn certificate(&self, block: &Digest, height: quorate_ledger::Height) -> Certificate {
        let content = SealContent::new(self.network.genesis.id(), Epoch(0), height, *block);
        let seal = |(validator, member): (ValidatorIndex, usize)| Seal {
            validator,
            signature: content.sign(&key("validator", member)),
        };
        let committee = self.network.genesis.committee();
        Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height,
            block: *block,
            seals: committee.indices().zip(0..).map(seal).collect(),
        })
    }
}
