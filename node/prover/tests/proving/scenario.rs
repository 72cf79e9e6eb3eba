//! Random transactions of all kinds, over blocks and epochs. What is played follows from the seed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use quorate_crypto::{Address, Digest, sha256};
use quorate_ledger::{
    Account, Act, Amount, AssetCode, Condition, ConditionLeaf, HoldRef, Intent, IntentV1, Keep, Operation,
    Outcome, Place, Signer, Signers, StateKey, Text, TextItem, Texts, Timestamp, encode, read_value,
};

use crate::people::People;
use crate::random::Random;
use crate::world::{LEAD_MS, Made, World};

/// Several thousand transactions in several hundred blocks and three epochs.
pub(crate) static LONG: LazyLock<Scenario> = LazyLock::new(|| Scenario::played(1, 300));

/// The same in little, for tests of what does not depend on length.
pub(crate) static SHORT: LazyLock<Scenario> = LazyLock::new(|| Scenario::played(2, 45));

/// Accounts; the first four are the members'.
const PEOPLE: usize = 28;

/// Documents that records are of.
const DOCUMENTS: u64 = 120;

pub(crate) struct Scenario {
    pub(crate) world: World,
    pub(crate) people: People,
    /// Intents that were signed, expired by now, and never submitted.
    pub(crate) never: Vec<Intent>,
    random: Random,
    holds: Vec<KnownHold>,
    /// Intents with texts.
    with_texts: Vec<Intent>,
    recent: Vec<Made>,
    /// Assets with whoever may mint them.
    assets: Vec<(AssetCode, usize)>,
    created: u64,
}

/// A hold that was asked for, whether it was made or not.
#[derive(Clone, Copy)]
struct KnownHold {
    reference: HoldRef,
    beneficiary: usize,
    opened_by: OpenedBy,
}

#[derive(Clone, Copy)]
enum OpenedBy {
    Secret([u8; 32]),
    Signature(usize),
    Time,
    Record,
}

/// What somebody wants done, before it is signed. People stand for parties.
struct Wanted {
    sender: usize,
    others: BTreeSet<usize>,
    acts: Vec<(usize, Operation)>,
    texts: Vec<(Place, Vec<u8>)>,
}

impl Wanted {
    /// What one party does.
    fn by(sender: usize, operations: Vec<Operation>) -> Self {
        Self {
            sender,
            others: BTreeSet::new(),
            acts: operations
                .into_iter()
                .map(|operation| (sender, operation))
                .collect(),
            texts: Vec::new(),
        }
    }

    fn with(mut self, other: usize) -> Self {
        if other != self.sender {
            self.others.insert(other);
        }
        self
    }

    fn text(mut self, place: Place, text: impl Into<Vec<u8>>) -> Self {
        self.texts.push((place, text.into()));
        self
    }
}

impl Scenario {
    fn played(seed: u64, blocks: u64) -> Self {
        let people = People::new(PEOPLE);
        let code = |text: &str| text.parse().unwrap();
        let mut scenario = Self {
            world: World::new(&people),
            people,
            never: Vec::new(),
            random: Random::new(seed),
            holds: Vec::new(),
            with_texts: Vec::new(),
            recent: Vec::new(),
            assets: ["EUR", "GOLD", "OIL", "USD", "BOND", "TINY9"]
                .map(|text| (code(text), 0))
                .to_vec(),
            created: 0,
        };
        for number in 0..blocks {
            scenario.block(number, blocks);
        }
        // So that all that was signed has expired.
        scenario.world.block(Vec::new(), 2 * LEAD_MS);
        scenario.world.block(Vec::new(), 1);
        scenario
    }

    fn block(&mut self, number: u64, blocks: u64) {
        let mut batches = Vec::new();
        if !self.random.one_in(12) {
            for _ in 0..=self.random.below(3) {
                let author = u16::try_from(self.random.below(4)).unwrap();
                let count = 1 + self.random.below(14);
                let made = (0..count).map(|_| self.transaction()).collect();
                batches.push((author, made));
            }
        }
        // A member at each of two thirds lets its validator vote again, which ends the epoch.
        if let Some(member) = [1, 2].into_iter().find(|third| number == third * blocks / 3) {
            let member = usize::try_from(member).unwrap();
            let rejoin = Operation::Rejoin {
                validator: self.world.validators[member].public(),
                token: Digest(self.random.bytes()),
            };
            let made = self.sign(Wanted::by(member, vec![rejoin]));
            batches.insert(0, (0, vec![made]));
        }
        if number.is_multiple_of(7) {
            let never = self.payment();
            let intent = Intent::V1(self.sign(never).0.intent().clone());
            self.never.push(intent);
        }
        let after_ms = [0, 1, 400, 900, 1_000, 2_500][self.random.place(6)];
        self.world.block(batches, after_ms);
    }

    fn transaction(&mut self) -> Made {
        let wanted = match self.random.below(100) {
            0..=44 => self.payment(),
            45..=52 => self.exchange(),
            53..=60 => self.mint(),
            61..=63 => self.burn(),
            64..=70 => self.record(),
            71..=73 => self.new_signers(),
            74..=80 => self.hold(),
            81..=87 => self.release(),
            88..=91 => self.refund(),
            92..=94 => self.erasure(),
            95..=96 => self.new_asset(),
            97 => self.not_yet(),
            _ => return self.skipped(),
        };
        let made = self.sign(wanted);
        self.recent.push(made.clone());
        made
    }

    /// Somebody; those with low numbers come more often.
    fn person(&mut self) -> usize {
        let count = self.people.count();
        self.random.place(count).min(self.random.place(count))
    }

    /// Somebody else.
    fn other(&mut self, than: usize) -> usize {
        let count = self.people.count();
        (than + 1 + self.random.place(count - 1)) % count
    }

    fn address(&self, person: usize) -> Address {
        self.people.address(person)
    }

    fn asset(&mut self) -> AssetCode {
        if self.random.one_in(2) {
            return self.assets[0].0;
        }
        // Mostly those that genesis made.
        let count = self.assets.len();
        let most = if self.random.one_in(6) {
            count
        } else {
            count.min(7)
        };
        self.assets[self.random.place(most)].0
    }

    fn amount(&mut self) -> Amount {
        // One in twenty is more than anybody has of most assets.
        let bound = if self.random.one_in(20) { 10_000_000 } else { 40 };
        Amount(u128::from(1 + self.random.below(bound)))
    }

    fn transfer(&mut self, from: usize) -> Operation {
        let to = self.other(from);
        Operation::Transfer {
            to: self.address(to),
            asset: self.asset(),
            amount: self.amount(),
        }
    }

    fn payment(&mut self) -> Wanted {
        let payer = self.person();
        let count = if self.random.one_in(5) {
            2 + self.random.below(5)
        } else {
            1
        };
        let transfers = (0..count).map(|_| self.transfer(payer)).collect();
        let mut wanted = Wanted::by(payer, transfers);
        if self.random.one_in(3) {
            wanted = wanted.text(field(0, 0), format!("invoice {}", self.random.below(1_000)));
        }
        if self.random.one_in(6) {
            wanted = wanted.text(Place::Memo, "Miete für Januar");
        }
        if count > 1 && self.random.one_in(2) {
            wanted = wanted.text(field(1, 0), "the second");
        }
        wanted
    }

    /// A payment against another, by two parties; now and then a third consents.
    fn exchange(&mut self) -> Wanted {
        let (one, witness) = (self.person(), self.person());
        let other = self.other(one);
        let mut wanted = Wanted::by(one, Vec::new()).with(other);
        for (from, to) in [(one, other), (other, one)] {
            let operation = Operation::Transfer {
                to: self.address(to),
                asset: self.asset(),
                amount: self.amount(),
            };
            wanted.acts.push((from, operation));
        }
        if self.random.one_in(4) {
            wanted = wanted.with(witness);
        }
        wanted
    }

    fn mint(&mut self) -> Wanted {
        let place = self.random.place(self.assets.len());
        let (asset, issuer) = self.assets[place];
        let to = self.person();
        let operation = Operation::Mint {
            to: self.address(to),
            asset,
            amount: self.amount(),
        };
        let minter = if self.random.one_in(10) {
            self.other(issuer)
        } else {
            issuer
        };
        Wanted::by(minter, vec![operation])
    }

    fn burn(&mut self) -> Wanted {
        let operation = Operation::Burn {
            asset: self.asset(),
            amount: self.amount(),
        };
        Wanted::by(self.person(), vec![operation])
    }

    fn document(&mut self) -> Digest {
        sha256(&self.random.below(DOCUMENTS).to_le_bytes())
    }

    fn record(&mut self) -> Wanted {
        let operation = Operation::PutRecord {
            sha256: self.document(),
            keep: [Keep::Log, Keep::Own, Keep::Unique][self.random.place(3)],
        };
        let mut wanted = Wanted::by(self.person(), vec![operation]);
        if self.random.one_in(2) {
            wanted = wanted.text(field(0, 0), "contract");
        }
        if self.random.one_in(3) {
            wanted = wanted.text(field(0, 1), self.random.bytes::<40>());
        }
        wanted
    }

    /// New signers of somebody who is no member; one in eight cannot reach the threshold.
    fn new_signers(&mut self) -> Wanted {
        let person = 4 + self.random.place(self.people.count() - 4);
        let count = 1 + self.random.place(3);
        let chosen: BTreeSet<usize> = (0..count).map(|_| self.person()).collect();
        let mut signers: Vec<Signer> = chosen
            .iter()
            .map(|person| Signer {
                key: self.people.key(*person).key(),
                weight: 1,
            })
            .collect();
        signers.sort_by_key(|signer| signer.key);
        let most = u32::try_from(signers.len()).unwrap();
        let threshold = if self.random.one_in(8) {
            most + 1
        } else {
            most.min(2)
        };
        let signers = Signers { threshold, signers };
        Wanted::by(person, vec![Operation::SetSigners { signers }])
    }

    fn hold(&mut self) -> Wanted {
        let owner = self.person();
        let beneficiary = self.other(owner);
        let now = self.world.tip.timestamp;
        let secret: [u8; 32] = self.random.bytes();
        let (opened_by, leaf) = match self.random.below(4) {
            0 => (OpenedBy::Secret(secret), ConditionLeaf::Preimage(sha256(&secret))),
            1 => {
                let signer = self.person();
                let leaf = ConditionLeaf::Signs(self.address(signer));
                (OpenedBy::Signature(signer), leaf)
            }
            2 => (OpenedBy::Time, ConditionLeaf::From(Timestamp(now.0 + 1_000))),
            _ => {
                let (sha256, by) = (self.document(), self.person());
                let by = self.address(by);
                (OpenedBy::Record, ConditionLeaf::Record { sha256, by })
            }
        };
        let operation = Operation::Hold {
            beneficiary: self.address(beneficiary),
            asset: self.asset(),
            amount: self.amount(),
            until: Timestamp(now.0 + 3_000 + self.random.below(40_000)),
            condition: Condition {
                need: 1,
                leaves: vec![leaf],
            },
        };
        let mut wanted = Wanted::by(owner, vec![operation]);
        if self.random.one_in(3) {
            wanted = wanted.text(field(0, 0), "deposit");
        }
        // Its id is known once it is signed.
        let known = KnownHold {
            reference: HoldRef {
                owner: self.address(owner),
                transaction: Digest::ZERO,
                operation: 0,
            },
            beneficiary,
            opened_by,
        };
        self.holds.push(known);
        wanted
    }

    /// One of the last holds; else one that never was.
    fn known_hold(&mut self) -> KnownHold {
        let count = self.holds.len();
        if count == 0 || self.random.one_in(15) {
            let owner = self.person();
            return KnownHold {
                reference: HoldRef {
                    owner: self.address(owner),
                    transaction: Digest(self.random.bytes()),
                    operation: 3,
                },
                beneficiary: self.other(owner),
                opened_by: OpenedBy::Time,
            };
        }
        let back = self.random.place(count.min(30));
        self.holds[count - 1 - back]
    }

    fn release(&mut self) -> Wanted {
        let known = self.known_hold();
        let by = if self.random.one_in(3) {
            self.person()
        } else {
            known.beneficiary
        };
        let amount = self
            .random
            .one_in(2)
            .then(|| Amount(u128::from(1 + self.random.below(10))));
        let preimages = match known.opened_by {
            OpenedBy::Secret(secret) if !self.random.one_in(6) => vec![secret],
            OpenedBy::Secret(_) => vec![self.random.bytes()],
            _ => Vec::new(),
        };
        let operation = Operation::Release {
            hold: known.reference,
            amount,
            preimages,
        };
        let wanted = Wanted::by(by, vec![operation]);
        match known.opened_by {
            OpenedBy::Signature(signer) => wanted.with(signer),
            _ => wanted,
        }
    }

    fn refund(&mut self) -> Wanted {
        let known = self.known_hold();
        let by = if self.random.one_in(2) {
            self.person()
        } else {
            known.beneficiary
        };
        let hold = known.reference;
        Wanted::by(by, vec![Operation::Refund { hold }])
    }

    fn erasure(&mut self) -> Wanted {
        let Some(place) = (!self.with_texts.is_empty()).then(|| self.random.place(self.with_texts.len()))
        else {
            return self.payment();
        };
        let intent = self.with_texts[place].clone();
        let mut places = intent.v1().texts.as_ref().unwrap().places.clone();
        if self.random.one_in(2) {
            places.truncate(1);
        }
        let sender = self
            .people
            .addresses()
            .position(|address| address == intent.v1().parties[0]);
        let by = if self.random.one_in(6) {
            self.person()
        } else {
            sender.unwrap()
        };
        let intent = encode(&intent);
        Wanted::by(by, vec![Operation::Erase { intent, places }])
    }

    fn new_asset(&mut self) -> Wanted {
        let creator = self.person();
        self.created += 1;
        // One in four exists already.
        let number = if self.random.one_in(4) { 1 } else { self.created };
        let asset: AssetCode = format!("NEW{number}").parse().unwrap();
        let create = Operation::CreateAsset {
            code: asset,
            decimals: 2,
            flags: 0,
        };
        let mint = Operation::Mint {
            to: self.address(creator),
            asset,
            amount: Amount(1_000),
        };
        let operations = if self.random.one_in(2) {
            vec![create, mint]
        } else {
            vec![create]
        };
        if !self.assets.iter().any(|(known, _)| *known == asset) {
            self.assets.push((asset, creator));
        }
        Wanted::by(creator, operations).text(field(0, 0), "made here")
    }

    /// An operation of a later protocol.
    fn not_yet(&mut self) -> Wanted {
        let by = self.person();
        let account = self.other(by);
        let freeze = Operation::Freeze {
            account: self.address(account),
            asset: None,
        };
        Wanted::by(by, vec![freeze]).text(field(0, 0), "too soon")
    }

    /// A copy of what was sent before, or what expired, expires too late, or is signed by the wrong people.
    fn skipped(&mut self) -> Made {
        let now = self.world.tip.timestamp.0;
        let wanted = self.payment();
        let signers = self.signing(&wanted);
        let stranger = self.other(wanted.sender);
        match self.random.below(5) {
            0 if !self.recent.is_empty() => {
                let back = self.random.place(self.recent.len().min(40));
                self.recent[self.recent.len() - 1 - back].clone()
            }
            1 => self.sign_with(wanted, now, &signers),
            2 => self.sign_with(wanted, now + 2 * LEAD_MS, &signers),
            3 => {
                let both = [signers, vec![stranger]].concat();
                self.sign_with(wanted, now + 20_000, &both)
            }
            _ => self.sign_with(wanted, now + 20_000, &[stranger]),
        }
    }

    /// The transaction, signed by as many as it takes now.
    fn sign(&mut self, wanted: Wanted) -> Made {
        let expires_at = self.world.tip.timestamp.0 + 5_000 + self.random.below(LEAD_MS - 10_000);
        let signers = self.signing(&wanted);
        self.sign_with(wanted, expires_at, &signers)
    }

    /// Whose first keys sign for all parties.
    fn signing(&self, wanted: &Wanted) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for party in wanted.others.iter().chain([&wanted.sender]) {
            let account = StateKey::account(&self.address(*party));
            let account: Option<Account> = read_value(&self.world.state, &account).unwrap();
            let signers = account.and_then(|account| account.v1().signers.clone());
            for key in self.people.signing(*party, signers.as_ref()) {
                let signer =
                    (0..self.people.count()).find(|person| self.people.key(*person).key() == key.key());
                found.insert(signer.unwrap());
            }
        }
        found.into_iter().collect()
    }

    fn sign_with(&mut self, wanted: Wanted, expires_at: u64, signers: &[usize]) -> Made {
        let sender = self.address(wanted.sender);
        let mut others: Vec<Address> = wanted.others.iter().map(|person| self.address(*person)).collect();
        others.sort_unstable();
        let parties: Vec<Address> = [vec![sender], others].concat();
        let acts = wanted.acts.into_iter().map(|(person, operation)| {
            let address = self.people.address(person);
            let party = parties.iter().position(|party| *party == address).unwrap();
            let party = u8::try_from(party).unwrap();
            Act { party, operation }
        });
        let operations: Vec<Act> = acts.collect();
        let mut texts = wanted.texts;
        texts.sort();
        let items: Vec<TextItem> = texts
            .iter()
            .map(|(_, text)| {
                let salt = self.random.bytes();
                let text = text.clone();
                TextItem::Shown(Text { salt, text })
            })
            .collect();
        let holds = matches!(operations[0].operation, Operation::Hold { .. });
        let intent = Intent::V1(IntentV1 {
            network: self.world.genesis.id(),
            parties,
            expires_at: Timestamp(expires_at),
            salt: self.random.bytes(),
            operations,
            texts: (!items.is_empty()).then(|| Texts {
                places: texts.iter().map(|(place, _)| *place).collect(),
                root: Texts::root_of(&items),
            }),
        });
        if holds {
            self.holds.last_mut().unwrap().reference.transaction = intent.id();
        }
        if !items.is_empty() {
            self.with_texts.push(intent.clone());
        }
        let keys = signers.iter().map(|person| self.people.key(*person));
        (intent.sign(keys), items)
    }
}

fn field(index: u8, field: u8) -> Place {
    Place::Operation { index, field }
}

#[test]
fn the_scenario_has_all_operations_of_protocol_1() {
    let world = &LONG.world;
    let mut succeeded = BTreeSet::new();
    let mut failed = BTreeSet::new();
    for executed in &world.plain.executed {
        match &executed.logged.outcome {
            Outcome::Success { .. } => {
                let acts = executed.transaction.intent().operations.iter();
                succeeded.extend(acts.map(|act| act.operation.name()));
            }
            Outcome::Failed { code, .. } => {
                failed.insert(code.0);
            }
        }
    }
    let names = [
        "create asset",
        "mint",
        "burn",
        "transfer",
        "put record",
        "set signers",
        "rejoin",
        "hold",
        "release",
        "refund",
        "erase",
    ];
    assert_eq!(succeeded, BTreeSet::from(names));
    assert!(failed.len() >= 8, "failures of many kinds: {failed:?}");
    assert!(
        world.plain.executed.len() > 3_000,
        "{}",
        world.plain.executed.len()
    );
    assert!(world.plain.blocks.len() > 300);
    assert_eq!(world.tip.epoch.0, 2, "two rejoins ended two epochs");
    assert!(world.proposed > world.plain.executed.len(), "some are skipped");
    let longest = world.plain.histories.values().map(Vec::len).max().unwrap();
    assert!(longest > 10 * 32, "{longest}");
    assert!(!world.plain.erased.is_empty());
}
