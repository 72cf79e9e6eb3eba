//! A network of four members that executes and certifies blocks of all kinds over two epochs, and keeps their bytes.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use quorate_audit::{Auditor, BlockSource, CertifiedState, Depth, Ended, Finding, check_chain};
use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Committee, Engine, Seal, SealContent, SigningKey,
    ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, DraftV2, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Attestation, AttestationV1, Ballot, Batch, BatchRules, BatchTexts,
    BatchV1, Block, BlockInput, BlockV1, CertifiedBlock, CertifiedBlockV1, Change, CheckedBatch, Condition,
    ConditionLeaf, Digest, FormedBatch, Header, HeaderV1, Height, HoldRef, Intent, IntentV1, MemoryState,
    Operation, Parameters, ParametersV1, Place, Proposal, Rules, SignedBatch, SignedBatchV1, StateKey,
    StateTree, Text, TextItem, Texts, Timestamp, Tip, Transaction, encode, execute, read_agreement,
    read_value,
};

const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// Accounts; the first four are the members'.
const ACCOUNTS: usize = 6;

/// Genesis's time: 2026-01-01T00:00:00Z.
const TIME: u64 = 1_767_225_600_000;

/// How far past a block's time the expiry of a transaction in it may lie.
const LEAD_MS: u64 = 2_000;

/// Assets of genesis; the last has its balances in leaves of their own.
const ASSETS: [&str; 5] = ["EUR", "GOLD", "OIL", "USD", "BOND"];

/// The height at which a rejoin ends the epoch, four blocks later.
pub(crate) const REJOINED_AT: u64 = 12;

/// The last height of epoch 0.
pub(crate) const EPOCH_ENDS_AT: u64 = REJOINED_AT + 4;

/// The last height.
pub(crate) const LAST: u64 = 30;

/// The chain that most tests look at.
pub(crate) static PLAYED: LazyLock<Network> = LazyLock::new(Network::played);

/// A transaction with its texts.
type Made = (Transaction, Vec<TextItem>);

pub(crate) struct Network {
    pub(crate) genesis: Genesis,
    /// By height, from 1.
    pub(crate) blocks: Vec<CertifiedBlock>,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    validators: Vec<SigningKey>,
    keys: Vec<ClientSigningKey>,
    salt: u64,
}

/// Blocks in memory, as a source. What is not there is missing.
pub(crate) struct Blocks(pub(crate) Vec<Vec<u8>>);

impl BlockSource for Blocks {
    type Error = Infallible;

    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Infallible> {
        let place = usize::try_from(height.0 - 1).unwrap();
        Ok(self.0.get(place).cloned())
    }
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

fn seed(name: &str, number: usize) -> [u8; 32] {
    sha256(format!("{name} {number}").as_bytes()).0
}

fn signing_key(kind: &str, member: usize) -> SigningKey {
    SigningKey::from_seed(&seed(kind, member))
}

fn client_key(number: usize) -> ClientSigningKey {
    if number == ACCOUNTS - 1 {
        return ClientSigningKey::p256_from_scalar(&seed("client", number)).unwrap();
    }
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed("client", number)))
}

fn usual_parameters() -> ParametersV1 {
    ParametersV1 {
        max_expiry_lead_ms: LEAD_MS,
        window: 4,
        ..ParametersV1::default()
    }
}

fn genesis(keys: &[ClientSigningKey], protocol: u32, parameters: ParametersV1) -> Genesis {
    let balances = keys.iter().map(|key| DraftBalance {
        address: key.key().address(),
        amount: Amount(1_000_000),
    });
    let balances: Vec<DraftBalance> = balances.collect();
    let assets = ASSETS.map(|asset| DraftAsset {
        code: code(asset),
        decimals: 2,
        flags: 0,
        description: String::new(),
        issuer: keys[0].key().address(),
        balances: balances.clone(),
    });
    let draft = DraftV1 {
        network: "audited".to_owned(),
        engine: Engine::Pbft,
        time: Timestamp(TIME),
        members: MEMBERS.map(str::to_owned).to_vec(),
        parameters: Parameters::V1(parameters),
        rules: Rules::default(),
        assets: assets.to_vec(),
        accounts: Vec::new(),
        grants: Vec::new(),
    };
    let draft = match protocol {
        1 => Draft::V1(draft),
        protocol => Draft::V2(DraftV2 { protocol, draft }),
    };
    let join = |member: usize| {
        let [validator, node, witness] =
            ["validator", "node", "witness"].map(|kind| signing_key(kind, member));
        let joining = JoinKeys {
            validator: &validator,
            node: &node,
            witness: &witness,
            account: &keys[member],
            signers: None,
            administrators: &[],
        };
        Join::sign(&draft, MEMBERS[member], joining, Vec::new())
            .unwrap()
            .to_toml()
    };
    let joins: Vec<String> = (0..MEMBERS.len()).map(join).collect();
    let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
    Genesis::assemble(&draft.to_toml(), &joins).unwrap().1
}

impl Network {
    pub(crate) fn new() -> Self {
        Self::of(1, usual_parameters())
    }

    fn of(protocol: u32, parameters: ParametersV1) -> Self {
        let keys: Vec<ClientSigningKey> = (0..ACCOUNTS).map(client_key).collect();
        let genesis = genesis(&keys, protocol, parameters);
        let begun = genesis.state();
        let validators = (0..MEMBERS.len()).map(|member| signing_key("validator", member));
        Self {
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            blocks: Vec::new(),
            validators: validators.collect(),
            keys,
            genesis,
            salt: 0,
        }
    }

    fn played() -> Self {
        let mut network = Self::new();
        let mut hold = None;
        let mut copy: Option<Made> = None;
        for height in 1..=LAST {
            let mut first = Vec::new();
            for payer in 0..ACCOUNTS {
                let payment = network.payment(payer, ASSETS[(height as usize + payer) % ASSETS.len()], 5);
                first.push(payment);
            }
            // What fails, and what is skipped: an id that is spent.
            let too_much = network.payment(1, "EUR", 10_000_000);
            first.push(too_much);
            first.extend(copy.take());
            copy = first.first().cloned();
            let mut second = vec![network.with_texts(2, "rent", "for May")];
            match height {
                3 => {
                    let made = network.hold();
                    hold = Some(made.0.id());
                    second.push(made);
                }
                5 => second.push(network.release(hold.unwrap())),
                REJOINED_AT => second.push(network.rejoin(2)),
                _ => {}
            }
            let batches = if height % 7 == 0 {
                Vec::new()
            } else {
                vec![first, second]
            };
            network.block(batches, 400);
        }
        assert_eq!(network.tip.epoch.0, 1, "a rejoin ended an epoch");
        network
    }

    /// A network of protocol 2 in which a proposal of block 2 is attested to in block 9, by the hash of block 3.
    pub(crate) fn attested() -> Self {
        let mut network = Self::of(2, usual_parameters());
        for height in 1..=10 {
            let made = match height {
                2 => network.propose(Change::Engine(Engine::Raft)),
                9 => network.attest_to(Height(3)),
                _ => network.payment(4, "EUR", 1),
            };
            network.block(vec![vec![made]], 400);
        }
        network
    }

    pub(crate) fn of_empty_blocks(count: usize) -> Self {
        let mut network = Self::new();
        for _ in 0..count {
            network.block(Vec::new(), 400);
        }
        network
    }

    fn propose(&mut self, change: Change) -> Made {
        let propose = Operation::Propose {
            change,
            expires_at: Timestamp(self.tip.timestamp.0 + 100_000),
        };
        self.made(0, propose, &[])
    }

    /// The second validator says that it is live, and has seen this block.
    fn attest_to(&mut self, height: Height) -> Made {
        let place = usize::try_from(height.0 - 1).unwrap();
        let attestation = Attestation::V1(AttestationV1 {
            network: self.id(),
            proposal: 0,
            validator: self.validators[1].public(),
            height,
            block: self.blocks[place].v1().block.hash(),
            lowest: 1,
            highest: 2,
        });
        let signature = attestation.sign(&self.validators[1]);
        let attest = Operation::Attest {
            attestation,
            signature,
        };
        self.made(1, attest, &[])
    }

    pub(crate) fn id(&self) -> Digest {
        self.genesis.id()
    }

    fn address(&self, account: usize) -> Address {
        self.keys[account].key().address()
    }

    fn payment(&mut self, from: usize, asset: &str, amount: u128) -> Made {
        let to = self.address((from + 1) % ACCOUNTS);
        let transfer = Operation::Transfer {
            to,
            asset: code(asset),
            amount: Amount(amount),
        };
        self.made(from, transfer, &[])
    }

    fn with_texts(&mut self, from: usize, memo: &str, own: &str) -> Made {
        let to = self.address((from + 1) % ACCOUNTS);
        let transfer = Operation::Transfer {
            to,
            asset: code("EUR"),
            amount: Amount(1),
        };
        let own_place = Place::Operation { index: 0, field: 0 };
        self.made(from, transfer, &[(Place::Memo, memo), (own_place, own)])
    }

    fn hold(&mut self) -> Made {
        let hold = Operation::Hold {
            beneficiary: self.address(4),
            asset: code("BOND"),
            amount: Amount(70),
            until: Timestamp(self.tip.timestamp.0 + 100_000),
            condition: Condition {
                need: 1,
                leaves: vec![ConditionLeaf::Signs(self.address(4))],
            },
        };
        self.made(3, hold, &[])
    }

    fn release(&mut self, transaction: Digest) -> Made {
        let release = Operation::Release {
            hold: HoldRef {
                owner: self.address(3),
                transaction,
                operation: 0,
            },
            amount: None,
            preimages: Vec::new(),
        };
        self.made(4, release, &[])
    }

    fn rejoin(&mut self, member: usize) -> Made {
        let rejoin = Operation::Rejoin {
            validator: self.validators[member].public(),
            token: Digest([9; 32]),
        };
        self.made(member, rejoin, &[])
    }

    fn random(&mut self) -> [u8; 16] {
        self.salt += 1;
        *sha256(&self.salt.to_le_bytes()).0.first_chunk().unwrap()
    }

    fn made(&mut self, sender: usize, operation: Operation, texts: &[(Place, &str)]) -> Made {
        let mut items = Vec::new();
        for (_, text) in texts {
            items.push(TextItem::Shown(Text {
                salt: self.random(),
                text: text.as_bytes().to_vec(),
            }));
        }
        let intent = Intent::V1(IntentV1 {
            network: self.id(),
            parties: vec![self.address(sender)],
            expires_at: Timestamp(self.tip.timestamp.0 + LEAD_MS),
            salt: self.random(),
            operations: vec![Act { party: 0, operation }],
            texts: (!items.is_empty()).then(|| Texts {
                places: texts.iter().map(|(place, _)| *place).collect(),
                root: Texts::root_of(&items),
            }),
        });
        (intent.sign([&self.keys[sender]]), items)
    }

    fn parameters(&self) -> Parameters {
        read_value(&self.state, &StateKey::parameters()).unwrap().unwrap()
    }

    /// A network of protocol 2 whose members allow longer blocks in the second epoch; the last one is longer than any of
    /// the first may be.
    pub(crate) fn widened() -> Self {
        let narrow = ParametersV1 {
            max_transaction_bytes: 32_768,
            max_batch_bytes: 40_960,
            max_proposal_batches: 1,
            ..usual_parameters()
        };
        let mut network = Self::of(2, narrow.clone());
        let wide = Change::Parameters(Parameters::V1(ParametersV1 {
            max_batch_bytes: 524_288,
            ..narrow.clone()
        }));
        let proposed = network.propose(wide);
        network.block(vec![vec![proposed]], 400);
        let votes = (0..3).map(|member| {
            let vote = Operation::Vote {
                proposal: 0,
                ballot: Ballot::Yes,
            };
            network.made(member, vote, &[])
        });
        let votes = votes.collect();
        network.block(vec![votes], 400);
        while network.tip.epoch.0 == 0 {
            network.block(Vec::new(), 400);
        }
        let payments = (0..1_000).map(|_| network.payment(4, "EUR", 1)).collect();
        network.block(vec![payments], 400);
        let length = encode(network.blocks.last().unwrap()).len();
        assert!(length > CertifiedBlock::max_bytes(&narrow), "{length}");
        network
    }

    /// Executes the next block, so much later than the one before, and certifies it.
    fn block(&mut self, batches: Vec<Vec<Made>>, after_ms: u64) {
        let committee = read_agreement(&self.state).unwrap().committee();
        let (mut checked, mut texts) = (Vec::new(), Vec::new());
        for (author, made) in (0_u16..).zip(batches) {
            let (transactions, items): (Vec<_>, Vec<_>) = made.into_iter().unzip();
            let batch = self.batch(&committee, author, transactions);
            checked.push(Arc::new(batch));
            texts.push(Some(BatchTexts::new(items.into_iter().flatten().collect())));
        }
        let time = Timestamp(self.tip.timestamp.0 + after_ms);
        let proposal = Proposal::new(time, checked.iter().map(|batch| batch.digest()).collect());
        let parameters = self.parameters();
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &checked,
            parameters: parameters.v1(),
        };
        let execution = execute(&input, &self.state, &mut self.tree).unwrap();
        let certificate = self.certify(execution.block.header(), execution.block_hash);
        self.blocks.push(CertifiedBlock::V1(CertifiedBlockV1 {
            block: execution.block.clone(),
            certificate,
            batches: checked.iter().map(|batch| batch.signed().clone()).collect(),
            texts,
        }));
        self.state.apply(&execution);
        self.tip = execution.tip;
    }

    fn batch(&mut self, committee: &Committee, author: u16, transactions: Vec<Transaction>) -> CheckedBatch {
        self.salt += 1;
        let batch = Batch::V1(BatchV1 {
            network: self.id(),
            epoch: committee.epoch(),
            author: ValidatorIndex(author),
            number: self.salt,
            transactions,
        });
        let (network, parameters) = (self.id(), self.parameters());
        let rules = BatchRules {
            network: &network,
            committee,
            parameters: parameters.v1(),
        };
        FormedBatch::from_signed(batch.sign(&self.validators[usize::from(author)]), &rules)
            .unwrap()
            .with_signatures_checked()
    }

    /// All but one of each three blocks is sealed by all.
    fn certify(&self, header: &HeaderV1, block: Digest) -> Certificate {
        let content = SealContent::new(self.id(), header.epoch, header.height, block);
        let absent = usize::from(header.height.0.is_multiple_of(3));
        let sealing = (0_u16..).zip(&self.validators).skip(absent);
        Certificate::V1(CertificateV1 {
            epoch: header.epoch,
            height: header.height,
            block,
            seals: sealing
                .map(|(validator, key)| Seal {
                    validator: ValidatorIndex(validator),
                    signature: content.sign(key),
                })
                .collect(),
        })
    }

    /// A block that a lying quorum sealed after it was altered.
    pub(crate) fn sealed_again(&self, block: &CertifiedBlock) -> CertifiedBlock {
        let CertifiedBlock::V1(mut fields) = block.clone();
        fields.certificate = self.certify(fields.block.header(), fields.block.hash());
        CertifiedBlock::V1(fields)
    }

    /// Has a batch of a block signed by its author again, and the block name it, as liars would.
    pub(crate) fn batch_again(&self, block: &mut CertifiedBlockV1, place: usize) {
        let SignedBatch::V1(SignedBatchV1 { batch, .. }) = block.batches[place].clone();
        let author = usize::from(batch.v1().author.0);
        block.batches[place] = batch.sign(&self.validators[author]);
        let digests = block.batches.iter().map(SignedBatch::digest).collect();
        let Block::V1(fields) = &mut block.block;
        fields.proposal = Proposal::new(fields.proposal.timestamp(), digests);
        let digest = fields.proposal.digest();
        header_of(block).proposal = digest;
    }

    /// The bytes of all blocks.
    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.blocks.iter().map(encode).collect()
    }

    /// The bytes of all blocks, the one at this height after `change`.
    pub(crate) fn altered(&self, height: u64, change: impl FnOnce(&mut CertifiedBlockV1)) -> Vec<Vec<u8>> {
        let mut all = self.bytes();
        let place = usize::try_from(height - 1).unwrap();
        let CertifiedBlock::V1(mut fields) = self.blocks[place].clone();
        change(&mut fields);
        all[place] = encode(&CertifiedBlock::V1(fields));
        all
    }

    /// A check from genesis on.
    pub(crate) fn auditor(&self) -> Auditor {
        Auditor::new(CertifiedState::genesis(&self.genesis).unwrap(), Depth::Whole)
    }
}

/// The block's header, to be changed.
pub(crate) fn header_of(block: &mut CertifiedBlockV1) -> &mut HeaderV1 {
    let Block::V1(BlockV1 {
        header: Header::V1(header),
        ..
    }) = &mut block.block;
    header
}

/// Checks all blocks on two threads, and gives what is wrong.
pub(crate) fn checked(auditor: &mut Auditor, blocks: Vec<Vec<u8>>, to: u64) -> Option<Finding> {
    let watch = &mut |_: &Auditor| ControlFlow::Continue(());
    match check_chain(auditor, &mut Blocks(blocks), Height(to), 2, watch) {
        Ok(()) => None,
        Err(Ended::Found(finding)) => Some(*finding),
        Err(other) => panic!("{other:?}"),
    }
}
