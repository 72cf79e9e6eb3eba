//! What tests share: the network of the page's vectors, with one validator, and clients numbered by their
//! keys' seeds.

use bytes::Bytes;
use quorate_crypto::{
    Address, ClientSigningKey, Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, MemberNumber,
    SeatNumber, SigningKey, ValidatorIndex,
};
use quorate_ledger::{
    Act, Amount, Batch, BatchRules, BatchV1, CheckedBatch, Intent, IntentV1, Operation, Parameters, Place,
    SignedBatch, Text, TextItem, Texts, Timestamp, Transaction, encode,
};

use crate::vectors;

/// Bytes written as hex, spaces ignored, `xx*n` meaning n times that byte.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('*') {
            Some((byte, count)) => {
                let byte = u8::from_str_radix(byte, 16).unwrap();
                bytes.extend(vec![byte; count.parse().unwrap()]);
            }
            None => bytes.extend(hex::decode(word).unwrap()),
        }
    }
    bytes
}

pub(crate) fn digest(hex: &str) -> Digest {
    hex.parse().unwrap()
}

pub(crate) fn network() -> Digest {
    digest(vectors::NETWORK)
}

/// A validator's, node's or witness's key.
pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn client(number: u8) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(signing_key(number))
}

pub(crate) fn address(number: u8) -> Address {
    client(number).key().address()
}

/// The committee of epoch 0.
pub(crate) fn committee() -> Committee {
    committee_of(Epoch(0))
}

/// The one validator of the vectors in some epoch.
pub(crate) fn committee_of(epoch: Epoch) -> Committee {
    Committee::V1(CommitteeV1 {
        epoch,
        engine: Engine::Pbft,
        protocol: 1,
        seats: vec![CommitteeSeat {
            member: MemberNumber(0),
            seat: SeatNumber(0),
            validator: signing_key(0x11).public(),
            node: signing_key(0x22).public(),
            witness: signing_key(0x33).public(),
        }],
    })
}

/// A batch author's world: what the batch check looks at.
pub(crate) struct World {
    pub(crate) network: Digest,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            network: network(),
            committee: committee(),
            parameters: Parameters::default(),
        }
    }

    /// The same with other parameters.
    pub(crate) fn with(change: impl FnOnce(&mut quorate_ledger::ParametersV1)) -> Self {
        let mut world = Self::new();
        let Parameters::V1(parameters) = &mut world.parameters;
        change(parameters);
        world
    }

    pub(crate) fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &self.network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }

    pub(crate) fn check(&self, signed: &SignedBatch) -> Result<CheckedBatch, quorate_ledger::BatchError> {
        CheckedBatch::check(Bytes::from(encode(signed)), &self.rules())
    }
}

/// A transfer of a client to account 2, without texts.
pub(crate) fn intent(sender: u8, salt: u8) -> IntentV1 {
    IntentV1 {
        network: network(),
        parties: vec![address(sender)],
        expires_at: Timestamp(2_000_000_000_000),
        salt: [salt; 16],
        operations: vec![Act {
            party: 0,
            operation: Operation::Transfer {
                to: address(2),
                asset: "EUR".parse().unwrap(),
                amount: Amount(1),
            },
        }],
        texts: None,
    }
}

/// A transaction of a client, signed with its key.
pub(crate) fn signed(sender: u8, salt: u8) -> Transaction {
    Intent::V1(intent(sender, salt)).sign([&client(sender)])
}

/// A transaction of a client with a memo of its own and one of its transfer, of so many letters each.
pub(crate) fn signed_with_texts(sender: u8, salt: u8, letters: usize) -> (Transaction, Vec<TextItem>) {
    let text = |byte: u8| {
        TextItem::Shown(Text {
            salt: [salt ^ byte; 16],
            text: vec![byte; letters],
        })
    };
    let items = vec![text(b'm'), text(b't')];
    let mut intent = intent(sender, salt);
    intent.texts = Some(Texts {
        places: vec![Place::Memo, Place::Operation { index: 0, field: 0 }],
        root: Texts::root_of(&items),
    });
    (Intent::V1(intent).sign([&client(sender)]), items)
}

/// A batch of these transactions, not yet signed.
pub(crate) fn batch(transactions: Vec<Transaction>) -> BatchV1 {
    BatchV1 {
        network: network(),
        epoch: Epoch(0),
        author: ValidatorIndex(0),
        number: 1,
        transactions,
    }
}

/// A batch of these transactions, signed by the one validator.
pub(crate) fn signed_batch(transactions: Vec<Transaction>) -> SignedBatch {
    Batch::V1(batch(transactions)).sign(&signing_key(0x11))
}
