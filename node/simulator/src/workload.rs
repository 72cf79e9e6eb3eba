//! What is submitted: batches of real, signed transactions. Some are copies of each other, some expire
//! soon, some cannot be paid, some are signed by nobody who may, some have a memo.
//!
//! What a batch holds follows from its author and its number, so it is signed and checked once for all
//! simulations of a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use quorate_crypto::{
    Address, ClientSigningKey, Committee, Digest, Engine, Epoch, PublicKey, SigningKey, ValidatorIndex,
    sha256,
};
use quorate_ledger::{
    Act, Amount, Batch, BatchRules, BatchTexts, BatchV1, CheckedBatch, FormedBatch, GenesisAsset,
    GenesisLists, GenesisMember, GenesisState, Intent, IntentV1, Operation, Parameters, ParametersV1, Place,
    Rules, Submission, Text, TextItem, Texts, Timestamp, WholeCopy, encode, genesis_state,
};

use crate::governance::Say;
use crate::scheme::{MAX_VALIDATORS, committee_of, key_of, signing_key};

/// Simulations begin at this time.
pub(crate) const GENESIS_TIME: Timestamp = Timestamp(1_700_000_000_000);

/// What each client holds at first.
const FUNDS: u128 = 1_000;

const CLIENTS: u64 = 8;

/// The network's id, the same in all simulations.
pub fn network() -> Digest {
    sha256(b"simulated network")
}

fn client_key(seed: [u8; 2]) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&sha256(&seed).0))
}

fn clients() -> &'static [ClientSigningKey] {
    static KEYS: OnceLock<Vec<ClientSigningKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        (0..CLIENTS)
            .map(|client| client_key([99, client as u8]))
            .collect()
    })
}

/// The key of the account of the member that runs a validator.
fn member(validator: ValidatorIndex) -> &'static ClientSigningKey {
    static KEYS: OnceLock<Vec<ClientSigningKey>> = OnceLock::new();
    let make = |place: usize| client_key([98, place as u8]);
    let keys = KEYS.get_or_init(|| (0..MAX_VALIDATORS).map(make).collect());
    &keys[usize::from(validator.0)]
}

/// The account of the member that runs a machine.
pub(crate) fn member_address(machine: u16) -> Address {
    member(ValidatorIndex(machine)).key().address()
}

fn asset() -> quorate_ledger::AssetCode {
    "QRT".parse().expect("a short upper case code is one")
}

/// The state before height 1: clients with equal funds, and members that run a validator each.
pub(crate) fn genesis(committee: &Committee, parameters: &Parameters) -> GenesisState {
    let addresses = clients().iter().map(|client| client.key().address());
    let asset = GenesisAsset {
        code: asset(),
        decimals: 2,
        flags: 0,
        issuer: clients()[0].key().address(),
        balances: addresses.map(|address| (address, Amount(FUNDS))).collect(),
    };
    let members = committee.indices().zip(committee.seats());
    let members = members.map(|(index, seat)| GenesisMember {
        name: format!("member-{index}"),
        account: member(index).key().address(),
        signers: None,
        validator: seat.validator,
        node: seat.node,
        witness: seat.witness,
        addresses: Vec::new(),
    });
    let lists = GenesisLists {
        network: network(),
        time: GENESIS_TIME,
        engine: committee.engine(),
        protocol: committee.protocol_version(),
        parameters: parameters.clone(),
        rules: Rules::default(),
        members: members.collect(),
        assets: vec![asset],
        accounts: Vec::new(),
        grants: Vec::new(),
    };
    genesis_state(&lists).expect("nothing is listed twice")
}

/// What clients give to a validator at once. It is packed into a batch, and again in the next epoch if no
/// block of this one has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Payments that follow from their number.
    Payments(u64),
    /// So many payments with a number, that clients can make.
    GoodPayments { first: u64, count: u64 },
    /// A member lets its validator rejoin.
    Rejoin {
        validator: ValidatorIndex,
        token: Digest,
    },
    /// A machine's member says something about what is to be changed, for the so-many-th time.
    Govern { machine: u16, say: Say, turn: u64 },
}

/// A batch that was packed, with all texts of its transactions: what every whole copy of it is.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// The batch, checked.
    pub(crate) batch: Arc<CheckedBatch>,
    /// Its texts, all of them shown.
    pub(crate) texts: Arc<BatchTexts>,
}

impl Packed {
    /// Whether it and these texts are a whole copy. Nobody erases any here.
    pub(crate) fn is_whole_with(&self, texts: &BatchTexts, parameters: &ParametersV1) -> bool {
        let erased = |_: &Digest, _: &Place| false;
        WholeCopy::new(self.batch.formed(), texts.clone(), parameters, erased).is_ok()
    }
}

type Made = BTreeMap<(PublicKey, ValidatorIndex, Epoch, Work), Packed>;

/// A validator's batch of what was submitted, checked.
pub(crate) fn batch(author: ValidatorIndex, epoch: Epoch, what: Work) -> Packed {
    batch_in(&committee_of(epoch, MAX_VALIDATORS, Engine::Pbft), author, what)
}

/// The same in a committee, whose validator at a place the author is.
pub(crate) fn batch_in(committee: &Committee, author: ValidatorIndex, what: Work) -> Packed {
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = *committee.key(author).expect("authors sit in the committee");
    let batch = made.entry((key, author, committee.epoch(), what));
    batch.or_insert_with(|| make(committee, author, what)).clone()
}

fn make(committee: &Committee, author: ValidatorIndex, what: Work) -> Packed {
    let epoch = committee.epoch();
    let signing = key_of(committee.key(author).expect("authors sit in the committee"));
    let (number, submissions) = match what {
        Work::Payments(number) => {
            let own = payment(number, u64::from(author.0) + 1);
            // The same payment is submitted at several validators, as an impatient client does it.
            (number, vec![own, payment(number / 3, 0)])
        }
        Work::GoodPayments { first, count } => {
            let payments =
                (1..=count).map(|variant| good_payment(first, u64::from(author.0) << 32 | variant));
            (first, payments.collect())
        }
        Work::Rejoin { validator, token } => (u64::MAX, vec![rejoin(validator, token)]),
        Work::Govern { machine, say, turn } => (turn, vec![govern(machine, say, turn)]),
    };
    let texts = submissions.iter().flat_map(|submitted| &submitted.v1().texts);
    let texts = BatchTexts::new(texts.cloned().map(TextItem::Shown).collect());
    let transactions = submissions.iter().map(Submission::transaction).cloned();
    let batch = Batch::V1(BatchV1 {
        network: network(),
        epoch,
        author,
        number,
        transactions: transactions.collect(),
    });
    let parameters = Parameters::default();
    let rules = BatchRules {
        network: &network(),
        committee,
        parameters: parameters.v1(),
    };
    let formed = FormedBatch::sign(batch, signing, &rules).expect("the batch has the form of one");
    let batch = formed.check_signatures().expect("all its signatures fit");
    let packed = Packed {
        batch: Arc::new(batch),
        texts: Arc::new(texts),
    };
    assert!(
        packed.is_whole_with(&packed.texts, parameters.v1()),
        "texts are those that were signed"
    );
    packed
}

fn draw(number: u64, variant: u64) -> [u8; 32] {
    sha256(&[number.to_le_bytes(), variant.to_le_bytes()].concat()).0
}

fn client(byte: u8) -> &'static ClientSigningKey {
    &clients()[usize::from(byte) % clients().len()]
}

fn good_payment(number: u64, variant: u64) -> Submission {
    let draw = draw(number, variant);
    let payer = client(draw[0]);
    let intent = transfer(payer, client(draw[1]), &draw, Amount(1), 3_600_000);
    sign(intent, None, payer)
}

fn payment(number: u64, variant: u64) -> Submission {
    let draw = draw(number, variant);
    let (payer, payee) = (client(draw[0]), client(draw[1]));
    // A tenth is signed by somebody else, so that nobody's id is spent by it.
    let signer = if draw[2] < 25 {
        client(draw[0].wrapping_add(1))
    } else {
        payer
    };
    let lives_ms = if draw[3] < 25 {
        u64::from(draw[4]) * 10
    } else {
        3_600_000
    };
    let amount = Amount(u128::from(draw[5]) * 2 + 1);
    // A tenth has a memo, shorter or longer than what would stand for it if it were withheld.
    let memo = (draw[6] < 25).then(|| "rent ".repeat(1 + usize::from(draw[7] % 16)));
    sign(transfer(payer, payee, &draw, amount, lives_ms), memo, signer)
}

fn transfer(
    payer: &ClientSigningKey,
    payee: &ClientSigningKey,
    draw: &[u8; 32],
    amount: Amount,
    lives_ms: u64,
) -> IntentV1 {
    let mut salt = [0; 16];
    salt.copy_from_slice(&draw[16..]);
    let to = payee.key().address();
    let asset = asset();
    let operation = Operation::Transfer { to, asset, amount };
    intent(payer, operation, salt, lives_ms)
}

fn intent(sender: &ClientSigningKey, operation: Operation, salt: [u8; 16], lives_ms: u64) -> IntentV1 {
    IntentV1 {
        network: network(),
        parties: vec![sender.key().address()],
        expires_at: Timestamp(GENESIS_TIME.0 + lives_ms),
        salt,
        operations: vec![Act { party: 0, operation }],
        texts: None,
    }
}

/// What is submitted of an intent, with a memo of the transaction or with no text.
fn sign(mut intent: IntentV1, memo: Option<String>, signer: &ClientSigningKey) -> Submission {
    let mut texts = Vec::new();
    if let Some(memo) = memo {
        let mut salt = [0; 16];
        salt.copy_from_slice(&sha256(&intent.salt).0[..16]);
        let text = memo.into_bytes();
        let memo = Text { salt, text };
        intent.texts = Some(Texts {
            places: vec![Place::Memo],
            root: Texts::root_of(&[TextItem::Shown(memo.clone())]),
        });
        texts.push(memo);
    }
    Submission::new(Intent::V1(intent).sign([signer]), texts)
}

/// The account of the member that runs a validator lets it rejoin.
fn rejoin(validator: ValidatorIndex, token: Digest) -> Submission {
    let mut salt = [0; 16];
    salt.copy_from_slice(&token.0[..16]);
    let operation = Operation::Rejoin {
        validator: signing_key(validator).public(),
        token,
    };
    let member = member(validator);
    sign(intent(member, operation, salt, 3_600_000), None, member)
}

/// A machine's member says something. Said again it is another transaction, as the first may have come to nothing.
fn govern(machine: u16, say: Say, turn: u64) -> Submission {
    let member = member(ValidatorIndex(machine));
    let operation = say.operation();
    let content = [encode(&operation), turn.to_le_bytes().to_vec()].concat();
    let mut salt = [0; 16];
    salt.copy_from_slice(&sha256(&content).0[..16]);
    sign(intent(member, operation, salt, 3_600_000), None, member)
}
