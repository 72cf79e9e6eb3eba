//! `quorate gov set-seat`: other keys or addresses of a seat. Each new key signs that it is to be of this seat.

use std::path::PathBuf;

use clap::Args;
use quorate_client::Client;
use quorate_crypto::{PublicKey, SeatNumber, SigningKey};
use quorate_ledger::{NextKeys, Operation, Seat, SeatKeys, SeatV1, StateKey, StateValue, check_addresses};
use quorate_runtime::config::Home;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, say};
use quorate_tools::passphrase::PassphraseArgs;

use super::seat_file::OpenSeat;
use crate::cli::wallet::acting::ActArgs;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate gov set-seat 2 --validator-key new-validator.key --key member.key
  quorate gov set-seat 2 --address /dns4/node2.b.example/tcp/9100 --key member.key

Addresses hold at once. New keys hold from the next epoch on, which begins a window of blocks
later: until then the node runs with its old keys, and is started with the new ones then. The
key that signs is that of the member's account, of an administrator or of an operator of it.")]
pub(crate) struct SetSeatArgs {
    /// The seat's number, as `quorate query members` shows it
    #[arg(value_name = "SEAT")]
    seat: u32,
    /// A home that has the seat's new keys; those that are the seat's already stay
    #[arg(long, value_name = "HOME", conflicts_with_all = ["validator_key", "node_key", "witness_key"])]
    home: Option<PathBuf>,
    /// The file of the new key that votes
    #[arg(long, value_name = "FILE")]
    validator_key: Option<PathBuf>,
    /// The file of the new key that links are made with
    #[arg(long, value_name = "FILE")]
    node_key: Option<PathBuf>,
    /// The file of the new key that signs published checkpoints
    #[arg(long, value_name = "FILE")]
    witness_key: Option<PathBuf>,
    /// Where other validators reach it, as a multiaddress, in the place of all it has; repeatable
    #[arg(long = "address", value_name = "MULTIADDRESS")]
    addresses: Vec<String>,
    /// File whose first line is the passphrase of the new keys
    #[arg(long, value_name = "FILE")]
    seat_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    act: ActArgs,
}

/// A seat's new keys; none where it keeps its own.
struct NewKeys {
    validator: Option<SigningKey>,
    node: Option<SigningKey>,
    witness: Option<SigningKey>,
}

impl SetSeatArgs {
    fn open(&self) -> Result<NewKeys, Failure> {
        let passphrase = PassphraseArgs::in_file(self.seat_passphrase_file.clone());
        if let Some(home) = &self.home {
            let OpenSeat {
                validator,
                node,
                witness,
            } = OpenSeat::of_home(&Home::new(home), &passphrase)?;
            return Ok(NewKeys {
                validator: Some(validator),
                node: Some(node),
                witness: Some(witness),
            });
        }
        let open = |path: &Option<PathBuf>| {
            let path = path.as_ref();
            path.map(|path| passphrase.open_validator(path)).transpose()
        };
        Ok(NewKeys {
            validator: open(&self.validator_key)?,
            node: open(&self.node_key)?,
            witness: open(&self.witness_key)?,
        })
    }
}

impl NewKeys {
    /// Without those that the seat has already.
    fn others_than(self, keys: &NextKeys) -> Self {
        let other = |new: Option<SigningKey>, own: PublicKey| new.filter(|key| key.public() != own);
        Self {
            validator: other(self.validator, keys.validator),
            node: other(self.node, keys.node),
            witness: other(self.witness, keys.witness),
        }
    }

    /// The operation that gives them to a seat, with their proofs.
    fn operation(&self, seat: &SeatV1, network: quorate_crypto::Digest, addresses: &[String]) -> Operation {
        let now = coming(seat);
        let public = |key: &Option<SigningKey>| key.as_ref().map(SigningKey::public);
        let (validator, node, witness) = (public(&self.validator), public(&self.node), public(&self.witness));
        // As the seat then has them.
        let signed = SeatKeys {
            network,
            member: seat.member,
            validator: validator.unwrap_or(now.validator),
            node: node.unwrap_or(now.node),
            witness: witness.unwrap_or(now.witness),
        };
        let keys = [&self.validator, &self.node, &self.witness].into_iter().flatten();
        Operation::SetSeat {
            seat: seat.number,
            validator,
            node,
            witness,
            addresses: (!addresses.is_empty()).then(|| addresses.to_vec()),
            proofs: keys.map(|key| signed.prove(key)).collect(),
        }
    }
}

/// The keys that a seat has from the next epoch on.
fn coming(seat: &SeatV1) -> NextKeys {
    seat.next.unwrap_or(NextKeys {
        validator: seat.validator,
        node: seat.node,
        witness: seat.witness,
    })
}

async fn seat_of(client: &Client, number: u32) -> Result<SeatV1, Failure> {
    let key = StateKey::seat(SeatNumber(number));
    let bytes = client.state_value(&key).await?;
    let bytes = bytes.ok_or_else(|| Failure::not_found(format!("there is no seat {number}")))?;
    match StateValue::decode(&key, &bytes).map_err(Failure::failed)? {
        StateValue::Seat(Seat::V1(seat)) => Ok(seat),
        _ => Err(Failure::failed(
            "the node's state has another kind of value at the seat's place",
        )),
    }
}

/// Gives a seat other keys or addresses.
pub(super) async fn set(args: &SetSeatArgs, output: &Output) -> Result<(), Failure> {
    if !args.addresses.is_empty() {
        check_addresses(&args.addresses).map_err(Failure::usage)?;
    }
    let keys = args.open()?;
    let acting = args.act.begin().await?;
    let seat = seat_of(acting.ledger.client(), args.seat).await?;
    let keys = keys.others_than(&coming(&seat));
    let none = keys.validator.is_none() && keys.node.is_none() && keys.witness.is_none();
    if none && args.addresses.is_empty() {
        return Err(Failure::usage("nothing changes: name a new key or an address"));
    }
    let operation = keys.operation(&seat, acting.ledger.network(), &args.addresses);
    if let Some(words) = quorate_client::governance::operation_in_words(&operation, &[]) {
        say(format!("to be signed: {words}"));
    }
    if !none {
        say("note: new keys end the epoch, and hold from the next one on");
    }
    acting.agree()?;
    acting.act(operation, "", output).await
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Digest, MemberNumber, SeatNumber};
    use quorate_ledger::Height;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn seat() -> SeatV1 {
        SeatV1 {
            number: SeatNumber(2),
            member: MemberNumber(1),
            validator: key(1).public(),
            node: key(2).public(),
            witness: key(3).public(),
            addresses: Vec::new(),
            sits: true,
            rejoin: None,
            active: Height(0),
            next: None,
        }
    }

    #[test]
    fn each_new_key_proves_itself_over_the_keys_that_the_seat_then_has() {
        let network = Digest([9; 32]);
        let keys = NewKeys {
            validator: Some(key(7)),
            node: Some(key(2)),
            witness: Some(key(8)),
        };
        let keys = keys.others_than(&coming(&seat()));
        let Operation::SetSeat {
            validator,
            node,
            witness,
            addresses,
            proofs,
            ..
        } = keys.operation(&seat(), network, &[])
        else {
            panic!("a seat is set");
        };
        // The node's key is the seat's own, and stays.
        assert_eq!(
            (validator, node, witness),
            (Some(key(7).public()), None, Some(key(8).public()))
        );
        assert_eq!((addresses, proofs.len()), (None, 2));
        let signed = SeatKeys {
            network,
            member: MemberNumber(1),
            validator: key(7).public(),
            node: key(2).public(),
            witness: key(8).public(),
        };
        assert!(signed.is_good_proof(&key(7).public(), &proofs[0]));
        assert!(signed.is_good_proof(&key(8).public(), &proofs[1]));
    }

    #[test]
    fn keys_that_wait_already_are_those_that_are_replaced() {
        let mut waiting = seat();
        waiting.next = Some(NextKeys {
            validator: key(5).public(),
            node: key(2).public(),
            witness: key(3).public(),
        });
        let keys = NewKeys {
            validator: Some(key(5)),
            node: None,
            witness: None,
        };
        assert!(keys.others_than(&coming(&waiting)).validator.is_none());
    }
}
