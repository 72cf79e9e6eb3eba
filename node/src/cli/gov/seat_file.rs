//! `quorate gov seat`: what a member must know to propose a seat, made where the seat's keys are. The file has public keys
//! and proofs alone: that each key's holder wants it to be of this member's seat on this network.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_crypto::{Digest, MemberNumber, PublicKey, Signature, SigningKey};
use quorate_ledger::{Change, SeatKeys, check_addresses};
use quorate_runtime::config::Home;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::Output;
use quorate_tools::passphrase::PassphraseArgs;
use serde::{Deserialize, Serialize};

use crate::cli::audit::files::write_new;

/// The most bytes of a file.
const MAX_BYTES: u64 = 1 << 14;

/// The three keys of a seat, open.
pub(super) struct OpenSeat {
    pub(super) validator: SigningKey,
    pub(super) node: SigningKey,
    pub(super) witness: SigningKey,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov seat --home ./home --member 4 --address /dns4/node.d.example/tcp/9100

It asks nobody: keys and the genesis document are the home's. The member's number is what
`quorate query members` shows. The file goes to the member: quorate gov propose add-seat.")]
pub(crate) struct SeatFileArgs {
    /// The home of the node that joins, with its three keys (made by `quorate node init`)
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    /// The number of the member whose seat it becomes
    #[arg(long, value_name = "NUMBER")]
    member: u32,
    /// Where other validators reach it, as a multiaddress; repeatable
    #[arg(long = "address", value_name = "MULTIADDRESS", required = true)]
    addresses: Vec<String>,
    /// The genesis document [default: the one of the home]
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS")]
    genesis: Option<PathBuf>,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE", default_value = "seat.toml")]
    out: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatFile {
    network: Digest,
    member: u32,
    validator_key: PublicKey,
    node_key: PublicKey,
    witness_key: PublicKey,
    addresses: Vec<String>,
    /// By validator, node and witness key.
    proofs: Vec<Signature>,
}

impl OpenSeat {
    /// Opens the keys of a home.
    pub(super) fn of_home(home: &Home, passphrase: &PassphraseArgs) -> Result<Self, Failure> {
        Ok(Self {
            validator: passphrase.open_validator(&home.validator_key())?,
            node: passphrase.open_validator(&home.node_key())?,
            witness: passphrase.open_validator(&home.witness_key())?,
        })
    }
}

impl SeatFile {
    fn make(network: Digest, member: u32, keys: &OpenSeat, addresses: Vec<String>) -> Self {
        let signed = SeatKeys {
            network,
            member: MemberNumber(member),
            validator: keys.validator.public(),
            node: keys.node.public(),
            witness: keys.witness.public(),
        };
        let proofs = [&keys.validator, &keys.node, &keys.witness].map(|key| signed.prove(key));
        Self {
            network,
            member,
            validator_key: signed.validator,
            node_key: signed.node,
            witness_key: signed.witness,
            addresses,
            proofs: proofs.into(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, MAX_BYTES)?;
        toml::from_str(&text).map_err(|error| Failure::usage(error).while_doing(path.display()))
    }

    /// The change that a seat of this file is, on this network. Proofs that are not good are refused here, as the
    /// ledger would refuse them.
    pub(super) fn change(self, network: &Digest) -> Result<Change, Failure> {
        if self.network != *network {
            return Err(Failure::usage(format!(
                "the seat is for network {}, this is network {network}",
                self.network
            )));
        }
        let keys = [self.validator_key, self.node_key, self.witness_key];
        let signed = SeatKeys {
            network: self.network,
            member: MemberNumber(self.member),
            validator: self.validator_key,
            node: self.node_key,
            witness: self.witness_key,
        };
        let proven = self.proofs.len() == keys.len()
            && keys
                .iter()
                .zip(&self.proofs)
                .all(|(key, proof)| signed.is_good_proof(key, proof));
        if !proven {
            return Err(Failure::new(
                Exit::CheckFailed,
                "the proofs are not those of the three keys for this member's seat",
            ));
        }
        Ok(Change::AddSeat {
            member: signed.member,
            validator: signed.validator,
            node: signed.node,
            witness: signed.witness,
            addresses: self.addresses,
            proofs: self.proofs,
        })
    }
}

/// Writes the file of a seat.
pub(super) fn write(args: &SeatFileArgs, output: &Output) -> Result<(), Failure> {
    check_addresses(&args.addresses).map_err(Failure::usage)?;
    let home = Home::new(&args.home);
    let genesis = args.genesis.clone().unwrap_or_else(|| home.genesis());
    let network = read_genesis(&genesis)?.network_id();
    let keys = OpenSeat::of_home(&home, &args.passphrase)?;
    let file = SeatFile::make(network, args.member, &keys, args.addresses.clone());
    let text = toml::to_string(&file).map_err(Failure::failed)?;
    write_new(&args.out, &text)?;
    let view = serde_json::json!({ "file": args.out, "seat": file });
    output.print(&view, |output| {
        let fields = output.fields(&[
            ("file", args.out.display().to_string()),
            ("member", file.member.to_string()),
            ("validator key", file.validator_key.to_string()),
            ("node key", file.node_key.to_string()),
            ("witness key", file.witness_key.to_string()),
        ]);
        format!(
            "{fields}Next: a member proposes it: quorate gov propose add-seat {}",
            args.out.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> SeatFile {
        let keys = OpenSeat {
            validator: SigningKey::from_seed(&[1; 32]),
            node: SigningKey::from_seed(&[2; 32]),
            witness: SigningKey::from_seed(&[3; 32]),
        };
        let address = "/dns4/node.d.example/tcp/9100".to_owned();
        SeatFile::make(Digest([9; 32]), 4, &keys, vec![address])
    }

    #[test]
    fn a_seats_file_is_read_back_and_its_proofs_are_good() {
        let file = made();
        let text = toml::to_string(&file).unwrap();
        assert_eq!(toml::from_str::<SeatFile>(&text).unwrap(), file);
        let change = file.change(&Digest([9; 32])).unwrap();
        assert_eq!(change.check_form(), Ok(()));
        let Change::AddSeat { member, proofs, .. } = change else {
            panic!("a seat that joins");
        };
        assert_eq!((member.0, proofs.len()), (4, 3));
    }

    #[test]
    fn a_file_for_another_network_member_or_key_is_refused() {
        assert_eq!(made().change(&Digest([8; 32])).unwrap_err().exit(), Exit::Usage);
        let other = |change: fn(&mut SeatFile)| {
            let mut file = made();
            change(&mut file);
            file.change(&Digest([9; 32])).unwrap_err().exit()
        };
        assert_eq!(other(|file| file.member = 5), Exit::CheckFailed);
        assert_eq!(
            other(|file| file.witness_key = SigningKey::from_seed(&[4; 32]).public()),
            Exit::CheckFailed
        );
        assert_eq!(other(|file| file.proofs.swap(0, 1)), Exit::CheckFailed);
        assert_eq!(other(|file| file.proofs.truncate(2)), Exit::CheckFailed);
    }
}
