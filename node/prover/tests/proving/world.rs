//! A network of four members that executes and certifies blocks, and a verifier that knows its genesis document.

use std::sync::Arc;

use quorate_crypto::{
    Certificate, CertificateV1, Committee, Engine, Epoch, MemberNumber, Seal, SealContent, SigningKey,
    ValidatorIndex,
};
use quorate_genesis::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, Genesis, Join, JoinKeys,
};
use quorate_ledger::{
    Amount, Batch, BatchRules, BatchTexts, BatchTextsV1, BatchV1, BlockInput, CheckedBatch, Execution,
    FormedBatch, MemoryState, Parameters, ParametersV1, Proposal, Right, Rules, Scope, StateTree, TextItem,
    Timestamp, Tip, Transaction, execute, read_agreement,
};
use quorate_prover::{Addition, MemoryChain, TrustedStart, prove_committees};
use quorate_verifier::{Anchor, Verifier};

use crate::people::{People, seed};
use crate::plain::Plain;

pub(crate) const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Genesis's time: 2026-01-01T00:00:00Z.
pub(crate) const TIME: u64 = 1_767_225_600_000;

/// How far past a block's time a transaction in it may expire.
pub(crate) const LEAD_MS: u64 = 60_000;

/// Assets of genesis: code, decimals, and what each of the first people has of it.
const ASSETS: [(&str, u8, [u128; 12]); 6] = [
    (
        "EUR",
        2,
        [
            900_000, 50_000, 40_000, 0, 30_000, 10_000, 9_000, 8_000, 7_000, 0, 100, 1,
        ],
    ),
    ("GOLD", 0, [500, 20, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]),
    ("OIL", 3, [0; 12]),
    ("USD", 2, [10_000, 0, 0, 5_000, 0, 0, 0, 0, 900, 0, 0, 0]),
    ("BOND", 0, [5_000, 3_000, 2_000, 1_000, 0, 0, 50, 0, 0, 0, 0, 9]),
    (
        "TINY9",
        18,
        [10_u128.pow(30), 0, 0, 0, 10_u128.pow(20), 0, 0, 0, 0, 0, 0, 0],
    ),
];

/// A transaction with its texts, as it is submitted.
pub(crate) type Made = (Transaction, Vec<TextItem>);

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) chain: MemoryChain,
    pub(crate) state: MemoryState,
    pub(crate) tip: Tip,
    pub(crate) plain: Plain,
    pub(crate) validators: Vec<SigningKey>,
    /// Transactions of all batches.
    pub(crate) proposed: usize,
    tree: StateTree,
    /// Batches so far.
    batches: u64,
}

impl World {
    /// A network whose members are the first four people.
    pub(crate) fn new(people: &People) -> Self {
        let genesis = genesis(people);
        let begun = genesis.state();
        let state = MemoryState::genesis(&begun);
        Self {
            chain: MemoryChain::of_genesis(&genesis),
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            plain: Plain::new(&state),
            state,
            tree: begun.tree(),
            validators: (0..MEMBERS.len())
                .map(|member| key("validator", member))
                .collect(),
            proposed: 0,
            batches: 0,
            genesis,
        }
    }

    /// The committee of the next block.
    pub(crate) fn committee(&self) -> Committee {
        read_agreement(&self.state).unwrap().v1().committee.clone()
    }

    /// Executes a block of these batches, each by its author, so much later than the one before, and certifies it.
    pub(crate) fn block(&mut self, batches: Vec<(u16, Vec<Made>)>, after_ms: u64) {
        let committee = self.committee();
        let proposed: Vec<Made> = batches.iter().flat_map(|(_, made)| made.clone()).collect();
        self.proposed += proposed.len();
        let (mut checked, mut texts) = (Vec::new(), Vec::new());
        for (author, made) in batches {
            let (batch, items) = self.batch(&committee, author, made);
            checked.push(Arc::new(batch));
            texts.push(Some(BatchTexts::V1(BatchTextsV1 { items })));
        }
        let time = Timestamp(self.tip.timestamp.0 + after_ms);
        let digests = checked.iter().map(|batch| batch.digest()).collect();
        let proposal = Proposal::new(time, digests);
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &checked,
            parameters: self.genesis.parameters().v1(),
        };
        let execution = execute(&input, &self.state, &mut self.tree).unwrap();
        let certificate = self.certify(&committee, &execution);
        self.chain
            .append(Addition::of(&execution, certificate, &checked, &texts));
        self.state.apply(&execution);
        self.plain.note(&execution, &proposed, &self.state);
        self.tip = execution.tip;
    }

    fn batch(
        &mut self,
        committee: &Committee,
        author: u16,
        made: Vec<Made>,
    ) -> (CheckedBatch, Vec<TextItem>) {
        self.batches += 1;
        let (transactions, texts): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let batch = Batch::V1(BatchV1 {
            network: self.genesis.id(),
            epoch: committee.epoch(),
            author: ValidatorIndex(author),
            number: self.batches,
            transactions,
        });
        let signed = batch.sign(&self.validators[usize::from(author)]);
        let network = self.genesis.id();
        let rules = BatchRules {
            network: &network,
            committee,
            parameters: self.genesis.parameters().v1(),
        };
        let formed = FormedBatch::from_signed(signed, &rules).unwrap();
        // Signatures are good as they were made here.
        (
            formed.with_signatures_checked(),
            texts.into_iter().flatten().collect(),
        )
    }

    /// All validators seal but one of each three blocks, where the lowest is missing.
    fn certify(&self, committee: &Committee, execution: &Execution) -> Certificate {
        let (epoch, height) = (committee.epoch(), execution.tip.height);
        let content = SealContent::new(self.genesis.id(), epoch, height, execution.block_hash);
        let absent = usize::from(height.0 % 3 == 0);
        let sealing = committee.indices().zip(&self.validators).skip(absent);
        let seals = sealing.map(|(validator, key)| Seal {
            validator,
            signature: content.sign(key),
        });
        Certificate::V1(CertificateV1 {
            epoch,
            height,
            block: execution.block_hash,
            seals: seals.collect(),
        })
    }

    /// A verifier that has the genesis document, and has learnt all committees so far.
    pub(crate) fn verifier(&self) -> Verifier {
        let mut verifier = self.ignorant_verifier();
        let proof = prove_committees(&self.chain, TrustedStart::Genesis, self.tip.epoch).unwrap();
        verifier.learn(&proof).unwrap();
        verifier
    }

    /// A verifier that has the genesis document alone.
    pub(crate) fn ignorant_verifier(&self) -> Verifier {
        Verifier::new(Anchor {
            genesis: Some(self.genesis.clone()),
            pin: None,
        })
    }
}

fn key(kind: &str, member: usize) -> SigningKey {
    SigningKey::from_seed(&seed(kind, member))
}

fn genesis(people: &People) -> Genesis {
    let draft = draft(people);
    let joins: Vec<String> = (0..MEMBERS.len())
        .map(|member| join(people, &draft, member))
        .collect();
    let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
    let (_, genesis) = Genesis::assemble(&draft.to_toml(), &joins).unwrap();
    assert_eq!(genesis.committee().epoch(), Epoch(0));
    genesis
}

fn draft(people: &People) -> Draft {
    let assets = ASSETS.map(|(code, decimals, amounts)| {
        let balances = amounts.iter().enumerate().filter(|(_, amount)| **amount > 0);
        DraftAsset {
            code: code.parse().unwrap(),
            decimals,
            flags: 0,
            description: format!("All of {code}"),
            issuer: people.address(0),
            balances: balances
                .map(|(person, amount)| DraftBalance {
                    address: people.address(person),
                    amount: Amount(*amount),
                })
                .collect(),
        }
    });
    let parameters = ParametersV1 {
        max_expiry_lead_ms: LEAD_MS,
        window: 4,
        ..ParametersV1::default()
    };
    Draft::V1(DraftV1 {
        network: "proving".to_owned(),
        engine: Engine::Pbft,
        time: Timestamp(TIME),
        members: MEMBERS.map(str::to_owned).to_vec(),
        parameters: Parameters::V1(parameters),
        rules: Rules::default(),
        assets: assets.to_vec(),
        accounts: vec![DraftAccount {
            address: people.address(5),
            member: MemberNumber(1),
        }],
        grants: vec![DraftGrant {
            account: people.address(6),
            right: Right::Audit,
            scope: Scope::Network,
        }],
    })
}

/// A member's join file.
fn join(people: &People, draft: &Draft, member: usize) -> String {
    let [validator, node, witness] = ["validator", "node", "witness"].map(|kind| key(kind, member));
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        witness: &witness,
        account: people.key(member),
        signers: None,
        administrators: &[],
    };
    let join = Join::sign(draft, MEMBERS[member], keys, Vec::new()).unwrap();
    join.to_toml()
}
