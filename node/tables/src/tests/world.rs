//! A network of one member that executes and certifies blocks, over three days and two epochs.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use quorate_crypto::{
    Address, Certificate, CertificateV1, ClientSigningKey, Engine, Seal, SealContent, SigningKey,
    ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{
    Act, Amount, AssetCode, Batch, BatchRules, BatchV1, BlockInput, CertifiedBlock, CertifiedBlockV1,
    Condition, ConditionLeaf, Digest, FormedBatch, HoldRef, Intent, IntentV1, Keep, MemoryState, Operation,
    Parameters, ParametersV1, Proposal, Rules, StateTree, Timestamp, Tip, Transaction, execute,
    read_agreement,
};

use crate::Reexecution;

/// Genesis's time: 2026-01-01T23:00:00Z.
pub(super) const TIME: u64 = 1_767_308_400_000;

const MINUTE: u64 = 60_000;

/// A chain that has all that tables can show.
pub(super) static CHAIN: LazyLock<World> = LazyLock::new(World::played);

pub(super) struct World {
    pub(super) genesis: Genesis,
    pub(super) blocks: Vec<CertifiedBlock>,
    people: Vec<ClientSigningKey>,
    validator: SigningKey,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    salt: u128,
    random: u64,
    /// Holds that were asked for, with their preimages.
    holds: Vec<(HoldRef, [u8; 32])>,
}

impl World {
    /// The chain's first blocks, to be executed again.
    pub(super) fn source(
        &self,
        blocks: usize,
    ) -> Reexecution<'_, impl Iterator<Item = Result<CertifiedBlock, Infallible>> + use<>> {
        let blocks: Vec<CertifiedBlock> = self.blocks.iter().take(blocks).cloned().collect();
        Reexecution::new(&self.genesis, blocks.into_iter().map(Ok)).unwrap()
    }

    fn played() -> Self {
        let mut world = Self::new();
        // The first day ends an hour after genesis.
        for minute in 1..4 {
            let made = (0..3).map(|_| world.payment()).collect();
            world.block(made, TIME + minute * MINUTE);
        }
        for minute in 100..125 {
            let mut made: Vec<Transaction> = (0..4).map(|_| world.anything()).collect();
            if minute == 110 {
                made.push(world.rejoin());
            }
            world.block(made, TIME + minute * MINUTE);
        }
        world.block(Vec::new(), TIME + 130 * MINUTE);
        for minute in 1_600..1_603 {
            let made = (0..4).map(|_| world.anything()).collect();
            world.block(made, TIME + minute * MINUTE);
        }
        assert_eq!(world.tip.epoch.0, 1, "the rejoin ended an epoch");
        world
    }

    fn new() -> Self {
        let people: Vec<ClientSigningKey> = (0..6_u8)
            .map(|person| ClientSigningKey::from_ed25519(SigningKey::from_seed(&[100 + person; 32])))
            .collect();
        let [validator, node, witness] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let draft = draft(&people);
        let keys = JoinKeys {
            validator: &validator,
            node: &node,
            witness: &witness,
            account: &people[0],
            signers: None,
            administrators: &[],
        };
        let join = Join::sign(&draft, "alpha", keys, Vec::new()).unwrap();
        let (_, genesis) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()]).unwrap();
        let begun = genesis.state();
        Self {
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            blocks: Vec::new(),
            people,
            validator,
            salt: 0,
            random: 7,
            holds: Vec::new(),
            genesis,
        }
    }

    /// Executes and certifies a block of these transactions.
    fn block(&mut self, transactions: Vec<Transaction>, time: u64) {
        let agreement = read_agreement(&self.state).unwrap();
        let committee = agreement.committee();
        let network = self.genesis.id();
        let batches: Vec<_> = (!transactions.is_empty())
            .then(|| {
                let batch = Batch::V1(BatchV1 {
                    network,
                    epoch: committee.epoch(),
                    author: ValidatorIndex(0),
                    number: self.tip.height.0,
                    transactions,
                });
                batch.sign(&self.validator)
            })
            .into_iter()
            .collect();
        let rules = BatchRules {
            network: &network,
            committee: &committee,
            parameters: self.genesis.parameters().v1(),
        };
        let checked: Vec<_> = batches
            .iter()
            .map(|batch| {
                let formed = FormedBatch::from_signed(batch.clone(), &rules).unwrap();
                Arc::new(formed.with_signatures_checked())
            })
            .collect();
        let digests = checked.iter().map(|batch| batch.digest()).collect();
        let proposal = Proposal::new(Timestamp(time), digests);
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &checked,
            parameters: self.genesis.parameters().v1(),
        };
        let executed = execute(&input, &self.state, &mut self.tree).unwrap();
        let (epoch, height, block) = (committee.epoch(), executed.tip.height, executed.block_hash);
        let signature = SealContent::new(network, epoch, height, block).sign(&self.validator);
        let seals = vec![Seal {
            validator: ValidatorIndex(0),
            signature,
        }];
        let certificate = Certificate::V1(CertificateV1 {
            epoch,
            height,
            block,
            seals,
        });
        self.state.apply(&executed);
        self.blocks.push(CertifiedBlock::V1(CertifiedBlockV1 {
            block: executed.block.clone(),
            certificate,
            texts: vec![None; batches.len()],
            batches,
        }));
        self.tip = executed.tip;
    }

    /// A number below the bound, that follows from those before.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn person(&mut self) -> usize {
        usize::try_from(self.below(6)).unwrap()
    }

    fn address(&self, person: usize) -> Address {
        self.people[person].key().address()
    }

    fn asset(&mut self) -> AssetCode {
        let place = usize::try_from(self.below(5)).unwrap();
        ["EUR", "GOLD", "OIL", "USD", "BOND"][place].parse().unwrap()
    }

    fn amount(&mut self) -> Amount {
        Amount(u128::from(1 + self.below(40)))
    }

    fn anything(&mut self) -> Transaction {
        match self.below(14) {
            0 | 1 => self.payment(),
            2 => self.exchange(),
            3 => {
                let (to, asset, amount) = (self.person(), self.asset(), self.amount());
                let to = self.address(to);
                self.by(0, vec![Operation::Mint { to, asset, amount }])
            }
            4 => {
                let (by, asset, amount) = (self.person(), self.asset(), self.amount());
                self.by(by, vec![Operation::Burn { asset, amount }])
            }
            5 | 11 | 12 => {
                let (by, document) = (self.person(), self.below(9));
                let keep = [Keep::Log, Keep::Own, Keep::Unique][usize::try_from(self.below(3)).unwrap()];
                let sha256 = sha256(&document.to_le_bytes());
                self.by(by, vec![Operation::PutRecord { sha256, keep }])
            }
            6 | 7 => self.hold(),
            8 | 9 => self.release(),
            10 => self.refund(),
            _ => self.new_asset(),
        }
    }

    fn payment(&mut self) -> Transaction {
        let (from, to, asset, amount) = (self.person(), self.person(), self.asset(), self.amount());
        let to = self.address(to);
        let transfer = Operation::Transfer { to, asset, amount };
        let operations = vec![transfer; 1 + usize::try_from(self.below(2)).unwrap()];
        self.by(from, operations)
    }

    /// A payment against another, by two parties.
    fn exchange(&mut self) -> Transaction {
        let one = self.person();
        let other = (one + 1) % 6;
        let acts = [(one, other), (other, one)].map(|(from, to)| {
            let party = u8::from(from == other);
            let operation = Operation::Transfer {
                to: self.address(to),
                asset: self.asset(),
                amount: self.amount(),
            };
            Act { party, operation }
        });
        self.sign(vec![one, other], acts.to_vec())
    }

    /// A hold that whoever has its preimage can release.
    fn hold(&mut self) -> Transaction {
        let (owner, asset, amount) = (self.person(), self.asset(), self.amount());
        let after = usize::try_from(self.below(5)).unwrap();
        let beneficiary = self.address((owner + 1 + after) % 6);
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&self.below(u64::MAX).to_le_bytes());
        let condition = Condition::new(1, vec![ConditionLeaf::Preimage(sha256(&secret))]);
        let until = Timestamp(self.tip.timestamp.0 + (1 + self.below(20)) * MINUTE);
        let hold = Operation::Hold {
            beneficiary,
            asset,
            amount,
            until,
            condition,
        };
        let made = self.by(owner, vec![hold]);
        let reference = HoldRef {
            owner: self.address(owner),
            transaction: made.id(),
            operation: 0,
        };
        self.holds.push((reference, secret));
        made
    }

    fn known_hold(&mut self) -> (HoldRef, [u8; 32]) {
        let count = u64::try_from(self.holds.len()).unwrap();
        if count == 0 {
            let reference = HoldRef {
                owner: self.address(0),
                transaction: Digest::ZERO,
                operation: 0,
            };
            return (reference, [0; 32]);
        }
        let place = self.below(count.min(6));
        self.holds[usize::try_from(count - 1 - place).unwrap()]
    }

    /// A release of a whole hold or of a part, by everybody, as a part needs the beneficiary.
    fn release(&mut self) -> Transaction {
        let (hold, secret) = self.known_hold();
        let part = self.below(2) == 0;
        let release = Operation::Release {
            hold,
            amount: part.then_some(Amount(2)),
            preimages: vec![secret],
        };
        let mut everybody: Vec<usize> = (1..6).collect();
        everybody.sort_by_key(|person| self.address(*person));
        everybody.insert(0, 0);
        let act = Act {
            party: 0,
            operation: release,
        };
        self.sign(everybody, vec![act])
    }

    fn refund(&mut self) -> Transaction {
        let (hold, _) = self.known_hold();
        let by = self.person();
        self.by(by, vec![Operation::Refund { hold }])
    }

    fn new_asset(&mut self) -> Transaction {
        let (by, number) = (self.person(), self.below(6));
        let code: AssetCode = format!("NEW{number}").parse().unwrap();
        let create = Operation::CreateAsset {
            code,
            decimals: 3,
            flags: 0,
        };
        let mint = Operation::Mint {
            to: self.address(by),
            asset: code,
            amount: Amount(1_000),
        };
        self.by(by, vec![create, mint])
    }

    fn rejoin(&mut self) -> Transaction {
        let rejoin = Operation::Rejoin {
            validator: self.validator.public(),
            token: Digest([9; 32]),
        };
        self.by(0, vec![rejoin])
    }

    fn by(&mut self, person: usize, operations: Vec<Operation>) -> Transaction {
        let acts = operations
            .into_iter()
            .map(|operation| Act { party: 0, operation });
        self.sign(vec![person], acts.collect())
    }

    fn sign(&mut self, parties: Vec<usize>, operations: Vec<Act>) -> Transaction {
        self.salt += 1;
        // Blocks are up to a day after the one before, and a transaction is for the next one.
        let expires_at = Timestamp(self.tip.timestamp.0 + 1_560 * MINUTE);
        let intent = Intent::V1(IntentV1 {
            network: self.genesis.id(),
            parties: parties.iter().map(|person| self.address(*person)).collect(),
            expires_at,
            salt: self.salt.to_le_bytes(),
            operations,
            texts: None,
        });
        intent.sign(parties.iter().map(|person| &self.people[*person]))
    }
}

fn draft(people: &[ClientSigningKey]) -> Draft {
    let address = |person: usize| people[person].key().address();
    let assets = [("EUR", 2), ("GOLD", 0), ("OIL", 3), ("USD", 2), ("BOND", 18)];
    let assets = assets.map(|(code, decimals)| DraftAsset {
        code: code.parse().unwrap(),
        decimals,
        flags: 0,
        description: format!("All of {code}"),
        issuer: address(0),
        balances: (0..4_u128)
            .map(|person| DraftBalance {
                address: address(usize::try_from(person).unwrap()),
                amount: Amount(100 + person * 50),
            })
            .collect(),
    });
    Draft::V1(DraftV1 {
        network: "tables".to_owned(),
        engine: Engine::Pbft,
        time: Timestamp(TIME),
        members: vec!["alpha".to_owned()],
        parameters: Parameters::V1(ParametersV1 {
            window: 1,
            max_expiry_lead_ms: 1_600 * MINUTE,
            ..ParametersV1::default()
        }),
        rules: Rules::default(),
        assets: assets.to_vec(),
        accounts: Vec::new(),
        grants: Vec::new(),
    })
}
