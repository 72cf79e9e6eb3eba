//! The signer's seam: real signatures, or cheap ones. Cheap is a digest keyed with the public key; it
//! names its signer as long as nobody forges, and in a simulation liars sign with their own keys only.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use quorate_consensus::{Body, Ed25519, Message, SignatureScheme};
use quorate_crypto::{
    Committee, CommitteeSeat, Digest, Engine, Epoch, MemberNumber, PublicKey, SeatNumber, Signature,
    SigningKey, Tag, ValidatorIndex, sha256, sign_strict,
};
use quorate_ledger::NextKeys;

/// The most validators of a simulation.
pub(crate) const MAX_VALIDATORS: usize = 31;

/// How validators sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// With a keyed digest.
    KeyedDigest,
    /// As the node does.
    Ed25519,
}

impl Scheme {
    /// A message of `sender`, signed.
    pub fn sign_message(
        self,
        network: Digest,
        committee: &Committee,
        sender: ValidatorIndex,
        body: Body,
    ) -> Message {
        let content = body.signed_bytes(network, committee.epoch());
        let signature = self.sign(committee, sender, body.domain(), &content);
        Message::new(committee.epoch(), sender, body, signature)
    }

    /// A signature of a member of the committee.
    pub(crate) fn sign(
        self,
        committee: &Committee,
        signer: ValidatorIndex,
        tag: Tag,
        content: &[u8],
    ) -> Signature {
        match self {
            Self::KeyedDigest => {
                let key = committee.key(signer).expect("signers are members");
                keyed_digest(key, tag, content)
            }
            Self::Ed25519 => {
                let key = committee.key(signer).expect("signers are members");
                sign_strict(key_of(key), tag, content)
            }
        }
    }
}

impl SignatureScheme for Scheme {
    fn verify(&self, key: &PublicKey, tag: Tag, content: &[u8], signature: &Signature) -> bool {
        match self {
            Self::KeyedDigest => keyed_digest(key, tag, content) == *signature,
            Self::Ed25519 => Ed25519.verify(key, tag, content, signature),
        }
    }
}

fn keyed_digest(key: &PublicKey, tag: Tag, content: &[u8]) -> Signature {
    let digest = Digest::of_parts(&[key.as_bytes(), &tag.preimage(content)]);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(digest.as_bytes());
    Signature(bytes)
}

/// What a key of a validator's is for; each has its own seeds.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Validator = 7,
    Node = 8,
    Witness = 9,
}

fn key_for(purpose: Purpose, place: usize) -> SigningKey {
    SigningKey::from_seed(&sha256(&[purpose as u8, place as u8]).0)
}

/// Keys that a machine may have one after the other.
pub(crate) const GENERATIONS: u8 = 4;

/// A machine's keys of a generation.
#[derive(Clone, Debug)]
pub(crate) struct MachineKeys {
    pub(crate) validator: SigningKey,
    pub(crate) node: SigningKey,
    pub(crate) witness: SigningKey,
}

/// A machine's keys of a generation; those of generation 0 are the ones that it begins with.
pub(crate) fn keys_of(machine: u16, generation: u8) -> MachineKeys {
    let key = |purpose: Purpose| match generation {
        0 => key_for(purpose, machine.into()),
        later => SigningKey::from_seed(&sha256(&[purpose as u8, machine as u8, later]).0),
    };
    MachineKeys {
        validator: key(Purpose::Validator),
        node: key(Purpose::Node),
        witness: key(Purpose::Witness),
    }
}

/// The same, as a seat has them.
pub(crate) fn seat_keys_of(machine: u16, generation: u8) -> NextKeys {
    let keys = keys_of(machine, generation);
    NextKeys {
        validator: keys.validator.public(),
        node: keys.node.public(),
        witness: keys.witness.public(),
    }
}

/// All validator keys, with the machines that have them.
fn all_keys() -> &'static BTreeMap<PublicKey, (ValidatorIndex, SigningKey)> {
    static KEYS: OnceLock<BTreeMap<PublicKey, (ValidatorIndex, SigningKey)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let machines = (0..).take(MAX_VALIDATORS);
        let all = machines.flat_map(|machine| (0..GENERATIONS).map(move |generation| (machine, generation)));
        let keys = all.map(|(machine, generation)| {
            let key = keys_of(machine, generation).validator;
            (key.public(), (ValidatorIndex(machine), key))
        });
        keys.collect()
    })
}

/// Which machine has this validator key.
pub(crate) fn machine_of(validator: &PublicKey) -> Option<ValidatorIndex> {
    all_keys().get(validator).map(|(machine, _)| *machine)
}

/// The secret half of a validator key.
pub(crate) fn key_of(validator: &PublicKey) -> &'static SigningKey {
    let (_, key) = all_keys().get(validator).expect("all validators' keys are known");
    key
}

/// A validator's key, the same in all simulations.
pub(crate) fn signing_key(validator: ValidatorIndex) -> &'static SigningKey {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    let make = |place| key_for(Purpose::Validator, place);
    let keys = KEYS.get_or_init(|| (0..MAX_VALIDATORS).map(make).collect());
    &keys[usize::from(validator.0)]
}

/// A committee of `size`. With [`Engine::Raft`] in the place of PBFT its quorums are majorities: too
/// small for liars, which is how the simulator proves that it notices.
pub fn committee(size: usize, engine: Engine) -> Committee {
    committee_of(Epoch(0), size, engine)
}

/// The committee of `size` in an epoch: its members, each with one seat, keep their keys.
pub(crate) fn committee_of(epoch: Epoch, size: usize, engine: Engine) -> Committee {
    static SEATS: OnceLock<Vec<CommitteeSeat>> = OnceLock::new();
    let seats = SEATS.get_or_init(|| (0..).take(MAX_VALIDATORS).map(seat_of).collect());
    Committee::new(epoch, engine, 1, seats[..size].to_vec())
}

/// The first committee of a network whose members govern it.
pub(crate) fn governed_committee(size: usize, engine: Engine) -> Committee {
    let first = committee(size, engine);
    Committee::new(Epoch(0), engine, 2, first.seats().to_vec())
}

/// A validator's seat, as the state before height 1 numbers it.
fn seat_of(place: u16) -> CommitteeSeat {
    let number = u32::from(place);
    CommitteeSeat {
        member: MemberNumber(number),
        seat: SeatNumber(number),
        validator: signing_key(ValidatorIndex(place)).public(),
        node: key_for(Purpose::Node, place.into()).public(),
        witness: key_for(Purpose::Witness, place.into()).public(),
    }
}
