//! `quorate gov attest`: a validator's own word that it is live, brought to the ledger by whoever has an account.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::Digest;
use quorate_ledger::{Attestation, AttestationV1, Height, Operation, PROTOCOLS};
use quorate_runtime::config::Home;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::Output;
use quorate_tools::passphrase::PassphraseArgs;

use crate::cli::wallet::acting::ActArgs;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov attest 3 --home ./home --key member.key

A change of the committee needs so many live validators. One whose batch was in a block of the
last 1,000 is live without a word; the others, and a seat that would join, attest. The
attestation is signed with the validator's key; the transaction by any account that may send.
It names the last certified block of the node that is asked, which must not be far behind.")]
pub(crate) struct AttestArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The validator's home
    #[arg(
        long,
        value_name = "HOME",
        env = "QUORATE_HOME",
        required_unless_present = "validator_key"
    )]
    home: Option<PathBuf>,
    /// The validator's key, if it is not in the home
    #[arg(long, value_name = "FILE")]
    validator_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the validator's key
    #[arg(long, value_name = "FILE")]
    seat_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    act: ActArgs,
}

/// Brings an attestation to the ledger.
pub(super) async fn attest(args: &AttestArgs, output: &Output) -> Result<(), Failure> {
    let in_home = args.home.as_ref().map(|home| Home::new(home).validator_key());
    let path = args.validator_key.clone().or(in_home);
    let path = path.ok_or_else(|| Failure::usage("name the --home of the validator"))?;
    let key = PassphraseArgs::in_file(args.seat_passphrase_file.clone()).open_validator(&path)?;
    let acting = args.act.begin().await?;
    let client = acting.ledger.client();
    let proposal = client.proposal(args.number).await?;
    let status = client.status().await?;
    check_block(proposal.height, status.height)?;
    let attestation = attestation(
        acting.ledger.network(),
        args.number,
        key.public(),
        (status.height, status.block_hash),
    );
    let signature = attestation.sign(&key);
    let operation = Operation::Attest {
        attestation,
        signature,
    };
    acting.act(operation, "", output).await
}

/// The node has the block that made the proposal.
fn check_block(made: Height, known: Height) -> Result<(), Failure> {
    if known >= made {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!("the node has certified block {known}, and the proposal was made in block {made}: nothing was sent"),
    )
    .hint("ask again once it has caught up, or ask another node"))
}

/// What the validator says: it knows the protocols of this program.
fn attestation(
    network: Digest,
    proposal: u64,
    validator: quorate_crypto::PublicKey,
    (height, block): (Height, Digest),
) -> Attestation {
    Attestation::V1(AttestationV1 {
        network,
        proposal,
        validator,
        height,
        block,
        lowest: *PROTOCOLS.start(),
        highest: *PROTOCOLS.end(),
    })
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;

    use super::*;

    #[test]
    fn an_attestation_names_proposal_block_and_the_programs_protocols() {
        let key = SigningKey::from_seed(&[1; 32]);
        let made = attestation(Digest([9; 32]), 3, key.public(), (Height(7), Digest([8; 32])));
        let said = made.v1();
        assert_eq!(
            (said.proposal, said.height, said.block),
            (3, Height(7), Digest([8; 32]))
        );
        assert_eq!((said.lowest, said.highest), (1, 2));
        assert!(made.is_signed_by_its_validator(&made.sign(&key)));
    }

    #[test]
    fn a_node_that_is_behind_the_proposal_attests_nothing() {
        assert!(check_block(Height(7), Height(7)).is_ok());
        assert_eq!(
            check_block(Height(8), Height(7)).unwrap_err().exit(),
            Exit::Refused
        );
    }
}
