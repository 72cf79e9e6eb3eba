//! What proofs are checked against: the genesis document, a block that somebody vouches for, or both.

use std::path::PathBuf;

use clap::Args;
use quorate_ledger::{Digest, Height};
use quorate_statement::Names;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_verifier::{Anchor, Code, Pin, ProvenDecimals, Refusal};

/// What is trusted.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnchorArgs {
    /// The genesis document, against which proofs are checked; no node is believed
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: Option<PathBuf>,
    /// A block that somebody vouches for whom you trust: proofs start from it, and older ones are refused
    #[arg(long, value_name = "HEIGHT:HASH", value_parser = pin, help_heading = "Trust")]
    trusted: Option<Pin>,
}

impl AnchorArgs {
    /// Reads the genesis document, if one is named.
    pub(crate) fn read(&self) -> Result<Anchor, Failure> {
        let genesis = self.genesis.as_deref().map(read_genesis).transpose()?;
        Ok(Anchor {
            genesis,
            pin: self.trusted,
        })
    }
}

/// True if there is nothing that a proof could be checked against.
pub(crate) fn is_empty(anchor: &Anchor) -> bool {
    anchor.genesis.is_none() && anchor.pin.is_none()
}

/// The decimals of the assets that the genesis document makes; an asset never changes them.
pub(crate) fn decimals_of(anchor: &Anchor) -> ProvenDecimals {
    let documents = anchor.genesis.iter();
    let assets = documents.flat_map(|genesis| &genesis.draft().v1().assets);
    assets.map(|asset| (asset.code, asset.decimals)).collect()
}

/// The members' names by their accounts, as the genesis document at hand has them.
pub(crate) fn names_of(anchor: &Anchor) -> Names {
    let documents = anchor.genesis.iter();
    let validators = documents.flat_map(|genesis| genesis.validators());
    validators
        .map(|validator| (validator.account, validator.name.to_owned()))
        .collect()
}

/// That a proof is refused, and what may be done about it.
pub(crate) fn refused(refusal: &Refusal) -> Failure {
    let failure = Failure::new(Exit::CheckFailed, format!("the proof is refused: {refusal}"));
    match hint_for(refusal.code) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What may be done about a refusal.
pub(crate) fn hint_for(code: Code) -> Option<&'static str> {
    match code {
        Code::OtherNetwork => Some("take the genesis document of the network that the proof is of"),
        Code::UnknownCommittee => Some(
            "the proof needs to know who the validators were: check it together with the file of `quorate audit \
             committees`, asked for with the same --trusted",
        ),
        Code::OutsideEpoch => {
            Some("with --trusted, a proof as of an older block is refused: ask for a newer one")
        }
        _ => None,
    }
}

/// `HEIGHT:HASH`.
fn pin(text: &str) -> Result<Pin, String> {
    let form = "write a block's height, `:` and its hash";
    let (height, hash) = text.split_once(':').ok_or(form)?;
    let height = height.parse().ok().filter(|height| *height > 0).ok_or(form)?;
    let hash: Digest = hash.parse().map_err(|_| form)?;
    Ok(Pin {
        height: Height(height),
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_block_has_a_height_and_a_hash() {
        let hash = "ab".repeat(32);
        let expected = Pin {
            height: Height(17),
            hash: Digest([0xab; 32]),
        };
        assert_eq!(pin(&format!("17:{hash}")), Ok(expected));
        for text in [
            hash.clone(),
            format!("0:{hash}"),
            format!("-1:{hash}"),
            format!("17:{}", &hash[1..]),
            format!("17 {hash}"),
            String::new(),
        ] {
            assert!(pin(&text).is_err(), "{text}");
        }
    }
}
