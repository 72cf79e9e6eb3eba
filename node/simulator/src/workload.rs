//! What is submitted: batches of real, signed transactions. Some are copies of each other, some expire
//! soon, some cannot be paid, some are signed by nobody who may.
//!
//! What a batch holds follows from its author and its number, so it is signed and checked once for all
//! simulations of a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use quorate_crypto::{Committee, Digest, Epoch, Protocol, SigningKey, ValidatorIndex, sha256};
use quorate_ledger::{
    Amount, Batch, BatchRules, BatchV1, CheckedBatch, FormedBatch, GenesisAsset, GenesisBalance,
    GenesisCommittee, GenesisState, GenesisValidator, Intent, IntentV1, Operation, Parameters, Timestamp,
    Transaction, genesis_state,
};

use crate::scheme::{MAX_VALIDATORS, committee_of, signing_key};

/// Simulations begin at this time.
pub(crate) const GENESIS_TIME: Timestamp = Timestamp(1_700_000_000_000);

/// What each client holds at first.
const FUNDS: u128 = 1_000;

const CLIENTS: u64 = 8;

/// The network's id, the same in all simulations.
pub fn network() -> Digest {
    sha256(b"simulated network")
}

fn clients() -> &'static [SigningKey] {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        (0..CLIENTS)
            .map(|client| SigningKey::from_seed(&sha256(&[99, client as u8]).0))
            .collect()
    })
}

fn asset() -> quorate_ledger::AssetCode {
    "QRT".parse().expect("a short upper case code is one")
}

/// The state before height 1: clients with equal funds, and validators that run themselves.
pub(crate) fn genesis(committee: &Committee) -> GenesisState {
    let balances: Vec<GenesisBalance> = clients()
        .iter()
        .map(|client| GenesisBalance {
            address: client.public().address(),
            asset: asset(),
            amount: Amount(FUNDS),
        })
        .collect();
    let assets = [GenesisAsset {
        code: asset(),
        decimals: 2,
        description: String::new(),
        issuer: clients()[0].public().address(),
        supply: Amount(FUNDS * u128::from(CLIENTS)),
    }];
    let keys = committee.indices().filter_map(|index| committee.key(index));
    let seats = GenesisCommittee {
        engine: committee.engine(),
        protocol_version: committee.protocol_version(),
        validators: keys
            .map(|key| GenesisValidator {
                key: *key,
                member: key.address(),
            })
            .collect(),
    };
    genesis_state(&assets, &balances, &Parameters::default(), &seats)
        .expect("the balances add up to the supply")
}

/// What clients give to a validator at once. It is packed into a batch, and again in the next epoch if no
/// block of this one has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Submission {
    /// Payments that follow from their number.
    Payments(u64),
    /// So many payments with a number, that clients can make.
    GoodPayments { first: u64, count: u64 },
    /// A member lets its validator rejoin.
    Rejoin {
        validator: ValidatorIndex,
        token: Digest,
    },
}

type Made = BTreeMap<(ValidatorIndex, Epoch, Submission), Arc<CheckedBatch>>;

/// A validator's batch of what was submitted, checked.
pub(crate) fn batch(author: ValidatorIndex, epoch: Epoch, what: Submission) -> Arc<CheckedBatch> {
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let batch = made
        .entry((author, epoch, what))
        .or_insert_with(|| Arc::new(make(author, epoch, what)));
    Arc::clone(batch)
}

fn make(author: ValidatorIndex, epoch: Epoch, what: Submission) -> CheckedBatch {
    let everybody = committee_of(epoch, MAX_VALIDATORS, Protocol::Pbft);
    let (number, transactions) = match what {
        Submission::Payments(number) => {
            let own = payment(number, u64::from(author.0) + 1);
            // The same payment is submitted at several validators, as an impatient client does it.
            (number, vec![own, payment(number / 3, 0)])
        }
        Submission::GoodPayments { first, count } => {
            let payments =
                (1..=count).map(|variant| good_payment(first, u64::from(author.0) << 32 | variant));
            (first, payments.collect())
        }
        Submission::Rejoin { validator, token } => (u64::MAX, vec![rejoin(validator, token)]),
    };
    let signed = Batch::V1(BatchV1 {
        network: network(),
        epoch,
        author,
        number,
        transactions,
    })
    .sign(signing_key(author));
    let parameters = Parameters::default();
    let rules = BatchRules {
        network: &network(),
        committee: &everybody,
        parameters: parameters.v1(),
    };
    let formed = FormedBatch::from_signed(signed, &rules).expect("the batch has the form of one");
    formed.check_signatures().expect("all its signatures fit")
}

fn draw(number: u64, variant: u64) -> [u8; 32] {
    sha256(&[number.to_le_bytes(), variant.to_le_bytes()].concat()).0
}

fn client(byte: u8) -> &'static SigningKey {
    &clients()[usize::from(byte) % clients().len()]
}

fn good_payment(number: u64, variant: u64) -> Transaction {
    let draw = draw(number, variant);
    let payer = client(draw[0]);
    intent(payer, client(draw[1]), &draw, Amount(1), 3_600_000).sign([payer])
}

fn payment(number: u64, variant: u64) -> Transaction {
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
    intent(payer, payee, &draw, amount, lives_ms).sign([signer])
}

fn intent(payer: &SigningKey, payee: &SigningKey, draw: &[u8; 32], amount: Amount, lives_ms: u64) -> Intent {
    let mut salt = [0; 16];
    salt.copy_from_slice(&draw[16..]);
    Intent::V1(IntentV1 {
        network: network(),
        sender: payer.public().address(),
        expires_at: Timestamp(GENESIS_TIME.0 + lives_ms),
        salt,
        operations: vec![Operation::Transfer {
            to: payee.public().address(),
            asset: asset(),
            amount,
            memo: String::new(),
        }],
        memo: String::new(),
    })
}

/// The member that runs a validator signs with the validator's key: see [`genesis`].
fn rejoin(validator: ValidatorIndex, token: Digest) -> Transaction {
    let member = signing_key(validator);
    let mut salt = [0; 16];
    salt.copy_from_slice(&token.0[..16]);
    Intent::V1(IntentV1 {
        network: network(),
        sender: member.public().address(),
        expires_at: Timestamp(GENESIS_TIME.0 + 3_600_000),
        salt,
        operations: vec![Operation::Rejoin {
            validator: member.public(),
            token,
        }],
        memo: String::new(),
    })
    .sign([member])
}
