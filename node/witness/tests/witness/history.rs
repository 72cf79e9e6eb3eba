//! A network of four validators, and histories that they executed and sealed: several of one network differ from some
//! block on, as if a quorum had lied. Later committees have other keys.

use std::sync::Arc;

use quorate_checkpoint::{Signer, signers_of};
use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Committee, CommitteeSeat, Digest, Engine, Epoch, Seal,
    SealContent, SigningKey, ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Amount, Batch, BatchRules, BatchV1, BlockInput, CertifiedHeader, CheckedBatch, FormedBatch, Header,
    MemoryState, Parameters, Proposal, Rules, StateTree, Timestamp, Tip, Transaction, execute,
};
use quorate_verifier::{Anchor, CommitteeStep, Proof, ProofBody, Trust};

const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Payments in a block that is not empty.
const PAYMENTS: u8 = 3;

/// Who runs the network.
pub(crate) struct Network {
    pub(crate) genesis: Genesis,
    accounts: Vec<ClientSigningKey>,
}

/// An epoch, and which of the committees that could serve it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    epoch: Epoch,
    /// The letter that it began with.
    letter: char,
}

/// A chain with its log.
#[derive(Clone)]
pub(crate) struct History {
    /// By height, from 1.
    pub(crate) heads: Vec<CertifiedHeader>,
    /// The term of each of them.
    pub(crate) terms: Vec<Term>,
    /// By ordinal.
    pub(crate) leaves: Vec<Digest>,
    /// The proof of its committees.
    pub(crate) committees: Proof,
}

/// A history in the making.
struct Making<'a> {
    network: &'a Network,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    batches: u64,
    term: Term,
    heads: Vec<CertifiedHeader>,
    terms: Vec<Term>,
    leaves: Vec<Digest>,
    steps: Vec<CommitteeStep>,
}

impl Term {
    /// That of the genesis document's committee.
    pub(crate) const FIRST: Self = Self {
        epoch: Epoch(0),
        letter: '|',
    };

    /// A member's key in it.
    pub(crate) fn key(self, kind: &str, member: usize) -> SigningKey {
        match self {
            Self { epoch: Epoch(0), .. } => key(kind, member),
            Self { epoch, letter } => key(&format!("{kind} {letter} {epoch}"), member),
        }
    }
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

    /// What a witness of it rests on, and whoever checks evidence.
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor {
            genesis: Some(self.genesis.clone()),
            pin: None,
        }
    }

    pub(crate) fn signers(&self) -> Vec<Signer> {
        signers_of(&self.genesis.id(), &self.genesis.committee())
    }

    /// The committee of a term.
    fn committee(&self, term: Term) -> Committee {
        let genesis = self.genesis.committee();
        let seats = genesis.seats().iter().enumerate();
        let seats = seats.map(|(member, seat)| CommitteeSeat {
            validator: term.key("validator", member).public(),
            node: term.key("node", member).public(),
            witness: term.key("witness", member).public(),
            ..*seat
        });
        let protocol = genesis.protocol_version();
        Committee::new(term.epoch, genesis.engine(), protocol, seats.collect())
    }

    /// The history with a block for each letter: its payments are named by the letter, `-` has none. After `|` another
    /// epoch begins, after `/` too, with another committee. Histories whose letters begin in one way have the same blocks
    /// there; the block before such a sign is another than without it.
    pub(crate) fn history(&self, letters: &str) -> History {
        let begun = self.genesis.state();
        let mut making = Making {
            network: self,
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            tip: Tip::genesis(self.genesis.id(), self.genesis.time(), begun.root),
            batches: 0,
            term: Term::FIRST,
            heads: Vec::new(),
            terms: Vec::new(),
            leaves: Vec::new(),
            steps: Vec::new(),
        };
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let begins = letters.next_if(|next| matches!(next, '|' | '/'));
            let next = begins.map(|letter| Term {
                epoch: Epoch(making.term.epoch.0 + 1),
                letter,
            });
            making.block(letter, next);
        }
        let body = ProofBody::Committees {
            trust: Trust::Genesis,
            steps: making.steps,
        };
        History {
            heads: making.heads,
            terms: making.terms,
            leaves: making.leaves,
            committees: Proof::new(self.genesis.id(), body),
        }
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
    /// Executes and seals a block, which may be the last of its epoch.
    fn block(&mut self, letter: char, next: Option<Term>) {
        let time = Timestamp(self.tip.timestamp.0 + 1_000);
        let payments = if letter == '-' { 0 } else { PAYMENTS };
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
        self.leaves.extend(leaves);
        // What is executed stays in the first epoch: headers say otherwise, and nobody here executes them again.
        let mut fields = execution.block.v1().header.v1().clone();
        fields.epoch = self.term.epoch;
        fields.previous = self.heads.last().map_or(fields.previous, CertifiedHeader::hash);
        fields.next_committee = self.network.committee(next.unwrap_or(self.term)).digest();
        let header = Header::V1(fields);
        let certificate = self.certificate(&header);
        let head = CertifiedHeader::new(header, &certificate, &self.network.committee(self.term));
        self.heads.push(head.clone());
        self.terms.push(self.term);
        self.tip = execution.tip;
        if let Some(next) = next {
            self.steps.push(CommitteeStep::Certificate {
                head,
                next: self.network.committee(next),
            });
            self.term = next;
        }
    }

    fn payment(&self, letter: char, number: u8, time: Timestamp) -> Transaction {
        let [payer, payee] = [0, 1].map(|member| &self.network.accounts[member]);
        let mut salt = [u8::try_from(letter).unwrap(); 16];
        salt[0] = number;
        salt[1] = u8::try_from(self.heads.len()).unwrap();
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

    /// All validators of the term seal.
    fn certificate(&self, header: &Header) -> Certificate {
        let (term, block, height) = (self.term, header.hash(), header.v1().height);
        let content = SealContent::new(self.network.genesis.id(), term.epoch, height, block);
        let seal = |(validator, member): (ValidatorIndex, usize)| Seal {
            validator,
            signature: content.sign(&term.key("validator", member)),
        };
        let committee = self.network.genesis.committee();
        Certificate::V1(CertificateV1 {
            epoch: term.epoch,
            height,
            block,
            seals: committee.indices().zip(0..).map(seal).collect(),
        })
    }
}
