//! A network of four members that executes and certifies blocks in memory.

use std::sync::Arc;

use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Engine, Seal, SealContent, SigningKey, ValidatorIndex,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Address, Amount, Batch, BatchRules, BatchTexts, BatchV1, BlockInput, CertifiedBlock, CertifiedBlockV1,
    Digest, FormedBatch, Header, Height, HistoryOwner, MemoryState, Parameters, ParametersV1, Prefix,
    Proposal, Rules, StateTree, Submission, Timestamp, Tip, execute, read_agreement,
};
use quorate_prover::{
    Addition, MemoryChain, Show, ShowTexts, StatementRequest, prove_state, prove_statement, prove_transaction,
};

use crate::schema::Block;
use crate::wallet::TransactionBuilder;
use crate::wallet::trust::{Before, TrustError, TrustedGenesis, VerifiedBlock};

const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Genesis's time.
pub(super) const TIME: u64 = 1_767_225_600_000;

/// Four members, of whom the first has 1,000.00 EUR.
pub(super) struct World {
    pub(super) genesis: Genesis,
    pub(super) chain: MemoryChain,
    state: MemoryState,
    tree: StateTree,
    pub(super) tip: Tip,
    pub(super) blocks: Vec<CertifiedBlock>,
}

fn key(kind: u8, member: usize) -> SigningKey {
    SigningKey::from_seed(&[kind + u8::try_from(member).unwrap(); 32])
}

pub(super) fn validator(member: usize) -> SigningKey {
    key(1, member)
}

pub(super) fn person(member: usize) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(key(100, member))
}

pub(super) fn address(member: usize) -> Address {
    person(member).key().address()
}

fn genesis() -> Genesis {
    let asset = DraftAsset {
        code: "EUR".parse().unwrap(),
        decimals: 2,
        flags: 0,
        description: "Euro".to_owned(),
        issuer: address(0),
        balances: vec![DraftBalance {
            address: address(0),
            amount: Amount(100_000),
        }],
    };
    let parameters = ParametersV1 {
        window: 4,
        ..ParametersV1::default()
    };
    let draft = Draft::V1(DraftV1 {
        network: "trusted".to_owned(),
        engine: Engine::Pbft,
        time: Timestamp(TIME),
        members: MEMBERS.map(str::to_owned).to_vec(),
        parameters: Parameters::V1(parameters),
        rules: Rules::default(),
        assets: vec![asset],
        accounts: Vec::new(),
        grants: Vec::new(),
    });
    joined(&draft)
}

/// The document of a draft that all members join.
pub(super) fn joined(draft: &Draft) -> Genesis {
    let joins = MEMBERS.iter().enumerate().map(|(member, name)| {
        let keys = JoinKeys {
            validator: &validator(member),
            node: &key(20, member),
            witness: &key(40, member),
            account: &person(member),
            signers: None,
            administrators: &[],
        };
        Join::sign(draft, name, keys, Vec::new()).unwrap().to_toml()
    });
    let joins: Vec<String> = joins.collect();
    let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
    Genesis::assemble(&draft.to_toml(), &joins).unwrap().1
}

impl World {
    pub(super) fn new() -> Self {
        let genesis = genesis();
        let begun = genesis.state();
        Self {
            chain: MemoryChain::of_genesis(&genesis),
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            blocks: Vec::new(),
            genesis,
        }
    }

    /// One block that skipped the first of three payments, executed the second, and the third failed; and one with
    /// another payment.
    pub(super) fn with_payments() -> Self {
        let mut world = Self::new();
        let late = world.payment(1, 1, "", 500);
        let payments = [
            world.payment(2, 2_500, "rent", 60_000),
            world.payment(3, 200_000, "", 60_000),
        ];
        let [paid, failing] = payments;
        world.block(vec![late, paid, failing]);
        let second = world.payment(4, 1, "", 60_000);
        world.block(vec![second]);
        world
    }

    pub(super) fn trusted(&self) -> TrustedGenesis {
        TrustedGenesis::of(&self.genesis)
    }

    /// From the first member to the second.
    pub(super) fn payment(&self, salt: u8, amount: u128, memo: &str, expires_ms: u64) -> Submission {
        let expires_at = Timestamp(TIME + expires_ms);
        TransactionBuilder::new(self.genesis.id(), address(0), expires_at, [salt; 16])
            .transfer(address(1), "EUR".parse().unwrap(), Amount(amount), memo)
            .build_with(|_| [salt; 16])
            .sign([&person(0)])
    }

    /// Executes and certifies a block, a second after the one before.
    pub(super) fn block(&mut self, submissions: Vec<Submission>) {
        let committee = read_agreement(&self.state).unwrap().v1().committee.clone();
        let (mut transactions, mut items) = (Vec::new(), Vec::new());
        for submission in submissions {
            let (transaction, texts) = submission.into_parts();
            transactions.push(transaction);
            items.extend(texts);
        }
        let (mut batches, mut texts, mut signed) = (Vec::new(), Vec::new(), Vec::new());
        if !transactions.is_empty() {
            let network = self.genesis.id();
            let rules = BatchRules {
                network: &network,
                committee: &committee,
                parameters: self.genesis.parameters().v1(),
            };
            let batch = Batch::V1(BatchV1 {
                network,
                epoch: committee.epoch(),
                author: ValidatorIndex(0),
                number: 1 + self.tip.height.0,
                transactions,
            });
            signed.push(batch.sign(&validator(0)));
            let formed = FormedBatch::from_signed(signed[0].clone(), &rules).unwrap();
            batches.push(Arc::new(formed.check_signatures().unwrap()));
            texts.push(Some(BatchTexts::new(items)));
        }
        let digests = batches.iter().map(|batch| batch.digest()).collect();
        let proposal = Proposal::new(Timestamp(self.tip.timestamp.0 + 1_000), digests);
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: self.genesis.parameters().v1(),
        };
        let execution = execute(&input, &self.state, &mut self.tree).unwrap();
        let certificate = certify(&execution.block.v1().header, 3);
        let addition = Addition::of(&execution, certificate.clone(), &batches, &texts);
        self.chain.append(addition);
        self.state.apply(&execution);
        self.blocks.push(CertifiedBlock::V1(CertifiedBlockV1 {
            block: execution.block,
            certificate,
            batches: signed,
            texts,
        }));
        self.tip = execution.tip;
    }

    pub(super) fn certified(&self, height: u64) -> CertifiedBlockV1 {
        self.blocks[usize::try_from(height).unwrap() - 1].v1().clone()
    }

    pub(super) fn header(&self, height: u64) -> Header {
        self.certified(height).block.v1().header.clone()
    }

    pub(super) fn document(&self, height: u64) -> Block {
        let certified = self.certified(height);
        let header = &certified.block.v1().header;
        let name = |index: ValidatorIndex| MEMBERS[usize::from(index.0)].to_owned();
        Block::of(header, &certified.certificate, 0, name)
    }

    pub(super) fn transaction_file(&self, id: &Digest) -> String {
        let show = Show::Transaction(ShowTexts::All);
        let proof = prove_transaction(&self.chain, self.tip.height, id, show);
        proof.unwrap().to_file()
    }

    pub(super) fn state_file(&self, prefixes: &[Prefix]) -> String {
        let proof = prove_state(&self.chain, self.tip.height, prefixes);
        proof.unwrap().to_file()
    }

    pub(super) fn statement_file(&self, member: usize, from: u64, to: u64) -> String {
        let owner = HistoryOwner::Account(address(member));
        let mut request = StatementRequest::new(owner, Timestamp(from), Timestamp(to));
        request.show = Show::Intent(ShowTexts::All);
        let proof = prove_statement(&self.chain, self.tip.height, &request);
        proof.unwrap().to_file()
    }

    /// What stood before the second block.
    pub(super) fn before_second(&self) -> Before {
        let id = self.payment(4, 1, "", 60_000).transaction().id();
        let file = self.transaction_file(&id);
        let proven = self.trusted().check_transaction(&file, &id).unwrap();
        Before {
            header: Some(self.header(1)),
            log: proven.value.log,
        }
    }

    pub(super) fn check_first(&self, block: CertifiedBlockV1) -> Result<VerifiedBlock, TrustError> {
        let block = CertifiedBlock::V1(block);
        self.trusted().verify_block(Height(1), &block, &Before::default())
    }
}

pub(super) fn certify(header: &Header, seals: usize) -> Certificate {
    let fields = header.v1();
    let content = SealContent::new(fields.network, fields.epoch, fields.height, header.hash());
    let seals = (0..seals).map(|member| Seal {
        validator: ValidatorIndex(u16::try_from(member).unwrap()),
        signature: content.sign(&validator(member)),
    });
    Certificate::V1(CertificateV1 {
        epoch: fields.epoch,
        height: fields.height,
        block: header.hash(),
        seals: seals.collect(),
    })
}
