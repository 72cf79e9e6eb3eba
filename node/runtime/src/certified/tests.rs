//! What the API sees of a chain on disk, of a network of one validator: texts, balances with what is held, records,
//! descriptions of assets, blocks without their batches, proofs.

use std::sync::RwLock;

use quorate_crypto::{
    Certificate, CertificateV1, ClientSigningKey, Committee, Engine, Seal, SealContent, SigningKey,
    ValidatorIndex, sha256,
};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Join, JoinKeys};
use quorate_ledger::{
    Act, Batch, BatchRules, BatchTexts, BatchV1, BlockInput, CheckedBatch, Condition, ConditionLeaf,
    FormedBatch, Intent, IntentV1, Keep, Operation, Parameters, Proposal, Rules, StateTree, Text, Texts,
    Timestamp, Tip, execute,
};
use quorate_storage::{Chain, StorageOptions};
use quorate_verifier::{Anchor, Facts, Finding, Verifier};
use tempfile::TempDir;

use super::*;
use crate::keyring::Keyring;
use crate::pool::Submitted;
use crate::roster::RosterSource;

const START: Timestamp = Timestamp(1_700_000_000_000);

/// A transaction with its texts.
type Made = (Transaction, Vec<TextItem>);

/// A chain that goes on. Accounts are numbered; genesis gives each a million of QRT.
struct World {
    chain: Chain,
    genesis: Genesis,
    roster: Arc<Roster>,
    makers: AssetMakers,
    tree: Arc<RwLock<StateTree>>,
    proof_tree: ProofTree,
    tip: Tip,
    committee: Committee,
    keys: Vec<ClientSigningKey>,
    validator: SigningKey,
    salt: u64,
    _folder: TempDir,
}

fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

fn field(index: u8, field: u8) -> Place {
    Place::Operation { index, field }
}

fn transfer(to: Address, amount: u128) -> Operation {
    Operation::Transfer {
        to,
        asset: code("QRT"),
        amount: Amount(amount),
    }
}

fn create(asset: &str) -> Operation {
    Operation::CreateAsset {
        code: code(asset),
        decimals: 2,
        flags: 0,
    }
}

fn erase(transaction: &Transaction, places: &[Place]) -> Operation {
    Operation::Erase {
        intent: transaction.signed_bytes(),
        places: places.to_vec(),
    }
}

impl World {
    fn new() -> Self {
        let seeds = [11_u8, 12, 13];
        let keys = seeds.map(|seed| ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32])));
        let balances = keys.iter().map(|key| DraftBalance {
            address: key.key().address(),
            amount: Amount(1_000_000),
        });
        let draft = Draft::V1(DraftV1 {
            network: "certified".to_owned(),
            engine: Engine::Pbft,
            time: START,
            members: vec!["alpha".to_owned()],
            parameters: Parameters::default(),
            rules: Rules::default(),
            assets: vec![DraftAsset {
                code: code("QRT"),
                decimals: 2,
                flags: 0,
                description: "The first one".to_owned(),
                issuer: keys[0].key().address(),
                balances: balances.collect(),
            }],
            accounts: Vec::new(),
            grants: Vec::new(),
        });
        let [validator, node, witness] = [2, 3, 4].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let joining = JoinKeys {
            validator: &validator,
            node: &node,
            witness: &witness,
            account: &keys[0],
            signers: None,
            administrators: &[],
        };
        let join = Join::sign(&draft, "alpha", joining, Vec::new()).unwrap();
        let (_, genesis) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()]).unwrap();
        let state = genesis.state();
        let tip = Tip::genesis(genesis.id(), genesis.time(), state.root);
        let tree = Arc::new(RwLock::new(state.tree()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain");
        let chain = Chain::create(path, &state, &tip, &StorageOptions::default()).unwrap();
        let keys_of_home = Arc::new(Keyring::of(validator.clone()));
        let rosters = RosterSource::new(vec![node.public()], keys_of_home);
        let roster = rosters.read(&chain.reader()).unwrap();
        Self {
            chain,
            roster: Arc::new(roster),
            makers: AssetMakers::default(),
            proof_tree: ProofTree::new(Arc::clone(&tree)),
            tree,
            tip,
            committee: genesis.committee(),
            genesis,
            keys: keys.into(),
            validator,
            salt: 0,
            _folder: folder,
        }
    }

    fn address(&self, account: usize) -> Address {
        self.keys[account].key().address()
    }

    /// Bytes unlike all before.
    fn random(&mut self) -> [u8; 16] {
        self.salt += 1;
        sha256(&self.salt.to_le_bytes()).0[..16].try_into().unwrap()
    }

    /// A signed transaction with texts at these places, which ascend.
    fn made(&mut self, sender: usize, operations: Vec<Operation>, texts: &[(Place, &str)]) -> Made {
        let mut items = Vec::new();
        for (_, text) in texts {
            items.push(TextItem::Shown(Text {
                salt: self.random(),
                text: text.as_bytes().to_vec(),
            }));
        }
        let acts = operations
            .into_iter()
            .map(|operation| Act { party: 0, operation });
        let intent = Intent::V1(IntentV1 {
            network: self.genesis.id(),
            parties: vec![self.address(sender)],
            expires_at: Timestamp(self.tip.timestamp.0 + 3_600_000),
            salt: self.random(),
            operations: acts.collect(),
            texts: (!items.is_empty()).then(|| Texts {
                places: texts.iter().map(|(place, _)| *place).collect(),
                root: Texts::root_of(&items),
            }),
        });
        (intent.sign([&self.keys[sender]]), items)
    }

    fn batch(&mut self, made: &[Made]) -> CheckedBatch {
        self.salt += 1;
        let batch = Batch::V1(BatchV1 {
            network: self.genesis.id(),
            epoch: self.tip.epoch,
            author: ValidatorIndex(0),
            number: self.salt,
            transactions: made.iter().map(|(transaction, _)| transaction.clone()).collect(),
        });
        let network = self.genesis.id();
        let rules = BatchRules {
            network: &network,
            committee: &self.committee,
            parameters: self.genesis.parameters().v1(),
        };
        FormedBatch::sign(batch, &self.validator, &rules)
            .unwrap()
            .with_signatures_checked()
    }

    /// Writes a block of these, whose texts are here or not.
    fn block_with(&mut self, made: &[Made], has_texts: bool) {
        let mut batches = Vec::new();
        if !made.is_empty() {
            let batch = self.batch(made);
            let items = made.iter().flat_map(|(_, items)| items.clone()).collect();
            let texts = has_texts.then(|| BatchTexts::new(items));
            self.chain.write_copies(&[(batch.clone(), texts)]).unwrap();
            batches.push(Arc::new(batch));
        }
        let digests = batches.iter().map(|batch| batch.digest()).collect();
        let proposal = Proposal::new(Timestamp(self.tip.timestamp.0 + 10), digests);
        let input = BlockInput {
            tip: &self.tip,
            proposal: &proposal,
            batches: &batches,
            parameters: self.genesis.parameters().v1(),
        };
        let mut tree = self.tree.write().unwrap();
        let execution = execute(&input, &self.chain.reader(), &mut tree).unwrap();
        let tip = execution.tip.clone();
        let epoch = self.committee.epoch();
        let content = SealContent::new(self.genesis.id(), epoch, tip.height, tip.block_hash);
        let certificate = Certificate::V1(CertificateV1 {
            epoch,
            height: tip.height,
            block: tip.block_hash,
            seals: vec![Seal {
                validator: ValidatorIndex(0),
                signature: content.sign(&self.validator),
            }],
        });
        self.chain.write_block(&execution, &certificate).unwrap();
        self.tip = tip;
    }

    fn block(&mut self, made: &[Made]) {
        self.block_with(made, true);
    }

    fn certified(&self) -> Certified<'_> {
        Certified {
            snapshot: self.chain.snapshot().unwrap(),
            roster: Arc::clone(&self.roster),
            genesis: &self.genesis,
            tree: &self.proof_tree,
            makers: &self.makers,
        }
    }

    fn transaction(&self, made: &Made) -> schema::Transaction {
        self.certified().transaction(&made.0.id()).unwrap().unwrap()
    }

    /// What an executed transaction's bytes say.
    fn bytes(&self, made: &Made) -> (LogEntry, Transaction, Vec<TextItem>) {
        let bytes = self.certified().transaction_bytes(&made.0.id());
        let bytes = bytes.unwrap().unwrap();
        decode(&bytes, bytes.len()).unwrap()
    }

    fn description(&self, asset: &str) -> String {
        let asset = self.certified().asset(&code(asset)).unwrap();
        asset.unwrap().description
    }
}

#[test]
fn a_transactions_texts_are_shown_or_erased_by_somebody_or_missing_here() {
    let mut world = World::new();
    let to = world.address(1);
    let note = field(0, 0);
    let paid = world.made(
        0,
        vec![transfer(to, 1)],
        &[(Place::Memo, "rent"), (note, "October")],
    );
    world.block(std::slice::from_ref(&paid));
    let document = world.transaction(&paid);
    assert_eq!((document.memo.as_str(), document.withheld.len()), ("rent", 0));
    assert_eq!(world.bytes(&paid).2, paid.1);

    let erasing = world.made(0, vec![erase(&paid.0, &[Place::Memo])], &[]);
    world.block(&[erasing]);
    let document = world.transaction(&paid);
    assert_eq!(document.memo, "");
    let [withheld] = document.withheld.as_slice() else {
        panic!("{document:?}");
    };
    let said = (withheld.field.as_str(), withheld.erased, withheld.by, withheld.at);
    let (by, at) = (Some(world.address(0)), Some(world.tip.timestamp));
    assert_eq!(said, ("memo", true, by, at));
    assert_eq!(withheld.leaf, Some(paid.1[0].leaf()));
    let schema::OperationView::Transfer { memo, .. } = &document.operations[0].operation else {
        panic!("{document:?}");
    };
    assert_eq!(memo, "October");
    let (entry, transaction, texts) = world.bytes(&paid);
    let leaf = paid.1[0].leaf();
    assert_eq!(texts, [TextItem::Withheld { leaf }, paid.1[1].clone()]);
    assert_eq!(
        Texts::root_of(&texts),
        transaction.intent().texts.as_ref().unwrap().root
    );
    assert_eq!(entry.transaction().unwrap().id, paid.0.id());

    // Of one text alone the hash is in the transaction, of two it is known to nobody here.
    let one = world.made(0, vec![transfer(to, 1)], &[(Place::Memo, "lost")]);
    let two = world.made(0, vec![transfer(to, 1)], &[(Place::Memo, "lost"), (note, "too")]);
    world.block_with(&[one.clone(), two.clone()], false);
    let missing = |made: &Made| -> Vec<_> {
        let withheld = world.transaction(made).withheld;
        withheld.iter().map(|text| (text.erased, text.leaf)).collect()
    };
    let leaf = one.1[0].leaf();
    assert_eq!(missing(&one), [(false, Some(leaf))]);
    assert_eq!(missing(&two), [(false, None), (false, None)]);
    assert_eq!(world.bytes(&one).2, [TextItem::Withheld { leaf }]);
    assert_eq!(world.bytes(&two).2, []);
}

#[test]
fn what_a_hold_holds_stands_beside_what_an_account_can_use() {
    let mut world = World::new();
    let [one, two] = [1, 2].map(|account| world.address(account));
    // The asset A4 has number 4: its balances lie under keys of their own.
    let assets = ["A1", "A2", "A3", "A4"];
    let mut operations: Vec<Operation> = assets.into_iter().map(create).collect();
    operations.push(Operation::Mint {
        to: one,
        asset: code("A4"),
        amount: Amount(50),
    });
    let created = world.made(0, operations, &[]);
    world.block(&[created]);
    let hold = |asset, amount, after_ms| Operation::Hold {
        beneficiary: two,
        asset: code(asset),
        amount: Amount(amount),
        until: Timestamp(START.0 + after_ms),
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::From(START)],
        },
    };
    let held = world.made(1, vec![hold("QRT", 300, 10_000), hold("A4", 20, 20_000)], &[]);
    world.block(std::slice::from_ref(&held));

    let certified = world.certified();
    let funds = |address: &Address| -> Vec<_> {
        let account = certified.account(address).unwrap();
        let balances = account.balances.iter();
        let balances = balances.map(|own| (own.asset.to_string(), own.amount.0, own.held.0));
        balances.collect()
    };
    assert_eq!(
        funds(&one),
        [("A4".to_owned(), 30, 20), ("QRT".to_owned(), 999_700, 300)]
    );
    // What is kept for a hold to come is no balance.
    assert_eq!(funds(&two), [("QRT".to_owned(), 1_000_000, 0)]);
    assert_eq!(certified.account(&one).unwrap().holds, 2);
    assert_eq!(certified.account(&world.address(0)).unwrap().member, Some(0));
    let holders = |asset| -> Vec<_> {
        let holders = certified.holders(&code(asset), None, 10).unwrap();
        let holders = holders.iter().map(|own| (own.address, own.amount.0, own.held.0));
        holders.collect()
    };
    assert_eq!(holders("A4"), [(one, 30, 20)]);
    assert!(holders("QRT").contains(&(one, 999_700, 300)));

    let all = certified.holds(&one, None, 10).unwrap();
    let mut amounts: Vec<u128> = all.iter().map(|hold| hold.amount.0).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [20, 300]);
    let first = certified.holds(&one, None, 1).unwrap();
    assert_eq!(first, all[..1]);
    let after = HoldRef {
        owner: one,
        transaction: held.0.id(),
        operation: u8::try_from(first[0].name.operation).unwrap(),
    };
    assert_eq!(certified.holds(&one, Some(after), 10).unwrap(), all[1..]);
    assert_eq!(certified.holds(&two, None, 10).unwrap(), []);
}

#[test]
fn records_are_where_they_were_put_with_their_texts() {
    let mut world = World::new();
    let to = world.address(1);
    let sha256 = sha256(b"a deed");
    let put = |keep| Operation::PutRecord { sha256, keep };
    let plain = world.made(1, vec![transfer(to, 1)], &[]);
    let texts = [(field(1, 0), "deed"), (field(1, 1), "page 7")];
    let first = world.made(0, vec![transfer(to, 1), put(Keep::Unique)], &texts);
    world.block(&[plain, first.clone()]);
    let second = world.made(1, vec![put(Keep::Log)], &[]);
    world.block(std::slice::from_ref(&second));

    let certified = world.certified();
    let all = certified.records(&sha256, None, 10).unwrap();
    let said: Vec<_> = all
        .iter()
        .map(|record| (record.height.0, record.index, record.operation, record.keep))
        .collect();
    assert_eq!(said, [(1, 1, 1, KeepView::Unique), (2, 0, 0, KeepView::Log)]);
    assert_eq!(
        (all[0].label.as_str(), all[0].metadata.as_slice()),
        ("deed", &b"page 7"[..])
    );
    assert_eq!((all[1].label.as_str(), all[1].metadata.len()), ("", 0));
    assert_eq!(
        [all[0].transaction, all[1].transaction],
        [first.0.id(), second.0.id()]
    );
    let after = RecordPlace {
        ordinal: 1,
        operation: 1,
    };
    assert_eq!(certified.records(&sha256, Some(after), 10).unwrap(), all[1..]);
}

#[test]
fn an_asset_is_described_by_genesis_or_by_what_created_it_until_that_is_erased() {
    let mut world = World::new();
    let created = world.made(
        1,
        vec![create("GOLD"), create("OIL"), create("COAL")],
        &[(field(1, 0), "Barrels of oil"), (field(2, 0), "Tons of coal")],
    );
    world.block(std::slice::from_ref(&created));
    let told = |world: &World| ["QRT", "GOLD", "OIL", "COAL"].map(|asset| world.description(asset));
    assert_eq!(
        told(&world),
        ["The first one", "", "Barrels of oil", "Tons of coal"]
    );
    // Once more, from what was remembered.
    assert_eq!(
        told(&world),
        ["The first one", "", "Barrels of oil", "Tons of coal"]
    );
    let erasing = world.made(1, vec![erase(&created.0, &[field(1, 0)])], &[]);
    world.block(&[erasing]);
    assert_eq!(told(&world), ["The first one", "", "", "Tons of coal"]);
    let all = world.certified().assets(None, 10).unwrap();
    let codes: Vec<String> = all.iter().map(|asset| asset.code.to_string()).collect();
    assert_eq!(codes, ["COAL", "GOLD", "OIL", "QRT"]);
    assert_eq!(world.certified().asset(&code("NONE")).unwrap(), None);
}

#[test]
fn blocks_are_counted_and_ids_listed_without_their_batches() {
    let mut world = World::new();
    let to = world.address(1);
    let mut ids = Vec::new();
    for count in [3, 0, 2] {
        let made: Vec<Made> = (0..count)
            .map(|_| world.made(0, vec![transfer(to, 1)], &[]))
            .collect();
        world.block(&made);
        ids.push(made.iter().map(|(made, _)| made.id()).collect::<Vec<_>>());
    }
    let certified = world.certified();
    for (height, ids) in (1..).map(Height).zip(&ids) {
        let block = certified.block(BlockRef::Height(height)).unwrap().unwrap();
        assert_eq!(usize::try_from(block.transaction_count), Ok(ids.len()));
        let by_hash = certified.block(BlockRef::Hash(block.hash)).unwrap();
        assert_eq!(by_hash.as_ref(), Some(&block));
        assert_eq!(block.seals[0].validator, "alpha");
        assert_eq!(certified.ids_at(height, 0, 10).unwrap(), *ids);
        assert_eq!(
            certified.ids_at(height, 1, 1).unwrap(),
            ids.get(1..2).unwrap_or(&[])
        );
        let documents = certified.transactions_at(height, 0, 10).unwrap();
        let places: Vec<_> = documents.iter().map(|document| document.id).collect();
        assert_eq!(places, *ids);
    }
    for height in [0, 4, u64::MAX].map(Height) {
        assert_eq!(certified.block(BlockRef::Height(height)).unwrap(), None);
        assert_eq!(certified.ids_at(height, 0, 10).unwrap(), []);
    }
    let last = certified.transactions_at(Height(3), 1, 1).unwrap();
    assert_eq!((last[0].ordinal, last[0].index), (Some(4), Some(1)));
    let history = certified.history(&to, None, 2).unwrap();
    let numbers: Vec<_> = history.iter().map(|step| (step.number, step.id)).collect();
    assert_eq!(numbers, [(Some(5), ids[2][1]), (Some(4), ids[2][0])]);
}

/// Beyond a waypoint, with steps that fail and an asset that comes and goes.
#[test]
fn what_an_account_had_is_known_after_each_entry_of_its_history() {
    let mut world = World::new();
    let [one, two] = [1, 2].map(|account| world.address(account));
    let coal = Operation::Mint {
        to: one,
        asset: code("COAL"),
        amount: Amount(9),
    };
    let created = world.made(0, vec![create("COAL"), coal], &[]);
    world.block(&[created]);
    let mut expected = vec![
        vec![("QRT", 1_000_000, 0)],
        vec![("COAL", 9, 0), ("QRT", 1_000_000, 0)],
    ];
    for round in 0..70 {
        let operation = match round {
            // Of what it has not.
            7 | 40 => transfer(two, 2_000_000),
            35 => Operation::Transfer {
                to: two,
                asset: code("COAL"),
                amount: Amount(9),
            },
            _ => transfer(two, 10),
        };
        let mut now = expected.last().unwrap().clone();
        match round {
            7 | 40 => {}
            35 => now.retain(|(asset, ..)| *asset != "COAL"),
            _ => now.last_mut().unwrap().1 -= 10,
        }
        expected.push(now);
        let made = world.made(1, vec![operation], &[]);
        world.block(&[made]);
    }
    let certified = world.certified();
    for (number, expected) in (0..).zip(&expected) {
        let balances = certified.balances_after(&one, number).unwrap();
        let balances: Vec<_> = balances
            .iter()
            .map(|own| (own.asset.to_string(), own.amount.0, own.held.0))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(asset, free, held)| ((*asset).to_owned(), *free, *held))
            .collect();
        assert_eq!(balances, expected, "{number}");
    }
    assert!(certified.balances_after(&one, 72).is_err());
    assert_eq!(certified.balances_after(&Address([9; 20]), 0).unwrap(), []);
    let [last, before] = certified.changes(&one, None, 2).unwrap().try_into().unwrap();
    assert_eq!((last.number, before.number), (71, 70));
    let change = &last.changes[0];
    assert_eq!(change.free_before.0 - change.free_after.0, 10);
    assert!(
        certified.changes(&one, Some(43), 1).unwrap()[0]
            .changes
            .is_empty()
    );
}

#[test]
fn hashes_are_found_by_how_they_begin() {
    let mut world = World::new();
    let to = world.address(1);
    let record = Operation::PutRecord {
        sha256: sha256(b"deed"),
        keep: Keep::Log,
    };
    let made = [
        world.made(0, vec![transfer(to, 1)], &[]),
        world.made(0, vec![record.clone(), record], &[]),
    ];
    world.block(&made);
    let certified = world.certified();
    let begins = |hash: &Digest, digits: usize| {
        let digits = HexDigits::read(&hash.to_string()[..digits]).unwrap();
        certified.beginning_with(&digits, 5).unwrap()
    };
    let block = certified
        .block(BlockRef::Height(Height(1)))
        .unwrap()
        .unwrap()
        .hash;
    for digits in [6, 7, 64] {
        assert_eq!(begins(&block, digits).blocks, [(block, Height(1))]);
        for (transaction, _) in &made {
            assert_eq!(begins(&transaction.id(), digits).transactions, [transaction.id()]);
        }
        let document = sha256(b"deed");
        assert_eq!(begins(&document, digits).records, [document]);
    }
    let none = HexDigits::read("000000").unwrap();
    assert_eq!(certified.beginning_with(&none, 5).unwrap(), Beginnings::default());
    let few = certified.beginning_with(&HexDigits::read(&block.to_string()[..6]).unwrap(), 0);
    assert_eq!(few.unwrap(), Beginnings::default());
}

#[test]
fn a_value_of_the_state_is_given_as_it_is_stored() {
    let world = World::new();
    let key = StateKey::account(&world.address(1));
    let value = world.certified().state_value(&key).unwrap().unwrap();
    let read: Account = decode(&value, value.len()).unwrap();
    assert_eq!(read.v1().address, world.address(1));
    let stranger = StateKey::account(&Address([9; 20]));
    assert_eq!(world.certified().state_value(&stranger).unwrap(), None);
}

/// A chain with something of each kind that proofs are about.
fn proven_world() -> (World, Made, Digest) {
    let mut world = World::new();
    let to = world.address(1);
    let sha256 = sha256(b"a deed");
    let texts = [(Place::Memo, "rent"), (field(0, 0), "October")];
    let paid = world.made(0, vec![transfer(to, 1)], &texts);
    let keep = Keep::Own;
    let put = world.made(0, vec![Operation::PutRecord { sha256, keep }], &[]);
    world.block(&[paid.clone(), put]);
    let erasing = world.made(0, vec![erase(&paid.0, &[Place::Memo])], &[]);
    world.block(&[erasing]);
    (world, paid, sha256)
}

fn requests(world: &World, paid: &Made, sha256: Digest) -> Vec<ProofRequest> {
    let address = world.address(0);
    vec![
        ProofRequest::Transaction { id: paid.0.id() },
        ProofRequest::Erasure { id: paid.0.id() },
        ProofRequest::Erasure { id: Digest([9; 32]) },
        ProofRequest::Account { address },
        ProofRequest::Account {
            address: Address([9; 20]),
        },
        ProofRequest::Statement {
            address,
            from: Timestamp(0),
            to: world.tip.timestamp,
        },
        ProofRequest::Asset { code: code("QRT") },
        ProofRequest::Asset { code: code("NONE") },
        ProofRequest::Record {
            sha256,
            by: Some(address),
        },
        ProofRequest::Record { sha256, by: None },
        ProofRequest::Block { height: Height(1) },
        ProofRequest::Block {
            height: world.tip.height,
        },
        ProofRequest::Committees { to: None },
        ProofRequest::Committees {
            to: Some(Height::GENESIS),
        },
    ]
}

#[test]
fn whoever_has_the_genesis_document_can_check_each_proof() {
    let (world, paid, sha256) = proven_world();
    let certified = world.certified();
    for request in requests(&world, &paid, sha256) {
        let file = certified.proof(&request).unwrap().unwrap();
        let mut verifier = Verifier::new(Anchor {
            genesis: Some(world.genesis.clone()),
            pin: None,
        });
        let verdicts = verifier.check_file(file.as_bytes());
        let verdicts = verdicts.unwrap_or_else(|refusal| panic!("{request:?}: {refusal:?}"));
        assert!(!verdicts.is_empty(), "{request:?}");
        for verdict in verdicts {
            assert_eq!(verdict.finding, Finding::Proven, "{request:?}");
        }
    }
}

#[test]
fn what_was_erased_of_a_transaction_is_proven_and_that_nothing_was() {
    let (world, paid, _) = proven_world();
    let mut verifier = Verifier::new(Anchor {
        genesis: Some(world.genesis.clone()),
        pin: None,
    });
    let mut leaves = |id: Digest| {
        let file = world.certified().proof(&ProofRequest::Erasure { id }).unwrap();
        let verdicts = verifier.check_file(file.unwrap().as_bytes()).unwrap();
        let Facts::State(facts) = &verdicts[0].facts else {
            panic!("{:?}", verdicts[0]);
        };
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].prefix, Prefix::of_key(&StateKey::erasure(&id)));
        facts[0].leaves.clone()
    };
    let found = leaves(paid.0.id());
    let StateValue::Erasure(erasure) = &found[0].value else {
        panic!("{found:?}");
    };
    let erased = &erasure.v1().erased;
    assert_eq!((erased.len(), erased[0].place), (1, Place::Memo));
    assert_eq!(
        (erased[0].by, erased[0].timestamp),
        (world.address(0), world.tip.timestamp)
    );
    assert!(leaves(Digest([9; 32])).is_empty());
}

#[test]
fn a_transaction_whose_texts_are_missing_is_proven_without_them() {
    let mut world = World::new();
    let to = world.address(1);
    let texts = [(Place::Memo, "lost"), (field(0, 0), "too")];
    let lost = world.made(0, vec![transfer(to, 1)], &texts);
    world.block_with(std::slice::from_ref(&lost), false);
    let proof = world
        .certified()
        .proof(&ProofRequest::Transaction { id: lost.0.id() })
        .unwrap();
    assert!(proof.unwrap().starts_with("quorate proof 2 transaction\n"));
}

#[test]
fn what_is_not_so_makes_no_sense_or_is_too_long_has_no_proof() {
    let (world, ..) = proven_world();
    let certified = world.certified();
    let refused = |request: ProofRequest| certified.proof(&request).unwrap().unwrap_err();
    let unknown = refused(ProofRequest::Transaction { id: Digest([9; 32]) });
    assert!(matches!(unknown, NoProof::NotSo(_)), "{unknown:?}");
    let beyond = refused(ProofRequest::Committees { to: Some(Height(3)) });
    assert!(matches!(beyond, NoProof::NotSo(_)), "{beyond:?}");
    for height in [Height::GENESIS, world.tip.height.next()] {
        let no_block = refused(ProofRequest::Block { height });
        assert!(matches!(no_block, NoProof::NotSo(_)), "{no_block:?}");
    }
    let statement = |from, to| ProofRequest::Statement {
        address: world.address(0),
        from: Timestamp(from),
        to: Timestamp(to),
    };
    let empty = refused(statement(5, 5));
    assert!(matches!(empty, NoProof::Malformed(_)), "{empty:?}");
    let later = refused(statement(u64::MAX - 1, u64::MAX));
    assert!(matches!(later, NoProof::NotSo(_)), "{later:?}");

    let all = statement(0, world.tip.timestamp.0);
    let long = certified.prove_within(&all, 1_000).unwrap().unwrap_err();
    assert!(matches!(long, NoProof::TooLong(_)), "{long:?}");

    let before = World::new();
    let account = ProofRequest::Account {
        address: before.address(0),
    };
    let nothing = before.certified().proof(&account).unwrap().unwrap_err();
    assert!(matches!(nothing, NoProof::NotSo(_)), "{nothing:?}");
}

#[test]
fn a_snapshot_is_proven_while_blocks_go_on_until_its_state_is_forgotten() {
    let (mut world, ..) = proven_world();
    let address = world.address(0);
    let (snapshot, height) = (world.chain.snapshot().unwrap(), world.tip.height);
    let to = world.address(1);
    for _ in 0..3 {
        let paid = world.made(0, vec![transfer(to, 1)], &[]);
        world.block(&[paid]);
    }
    let certified = Certified {
        snapshot,
        ..world.certified()
    };
    let request = ProofRequest::Account { address };
    let file = certified.proof(&request).unwrap().unwrap();
    assert!(file.contains(&format!("\nhead 0 {height} ")), "{file}");
    world.tree.write().unwrap().forget_before(world.tip.height);
    let gone = certified.proof(&request).unwrap().unwrap_err();
    assert!(matches!(gone, NoProof::NotAtHand(_)), "{gone:?}");
}

#[test]
fn what_was_erased_before_it_was_executed_is_not_shown_of_what_waits_either() {
    let mut world = World::new();
    let to = world.address(1);
    let texts = [(Place::Memo, "rent"), (field(0, 0), "October")];
    let (transaction, items) = world.made(0, vec![transfer(to, 1)], &texts);
    let erasing = world.made(0, vec![erase(&transaction, &[Place::Memo])], &[]);
    let id = transaction.id();
    let leaf = items[0].leaf();
    let forgotten = Submitted {
        transaction: transaction.clone(),
        texts: vec![TextItem::Withheld { leaf }, items[1].clone()],
    };
    let submitted = Submitted {
        transaction,
        texts: items,
    };
    let said = |world: &World, submitted: &Submitted| {
        let erasure = world.certified().snapshot.erasure(&id).unwrap();
        submitted_texts(submitted, erasure.as_ref())
    };
    let [rent, october] = ["rent", "October"].map(|text| schema::TextState::Shown(text.into()));
    assert_eq!(said(&world, &submitted), [rent, october.clone()]);
    world.block(&[erasing]);
    let (by, at) = (world.address(0), world.tip.timestamp);
    let leaf = Some(leaf);
    let erased = [schema::TextState::Erased { by, at, leaf }, october];
    // Also in the moment before the pool has heard of it.
    for submitted in [&submitted, &forgotten] {
        assert_eq!(said(&world, submitted), erased);
    }
}
