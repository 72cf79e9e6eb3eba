//! Committees from a block that somebody vouches for (`docs/formats.md`, section 17, Committees).
//!
//! Nodes prove committees from genesis on, which whoever has pinned a block must not take: keys of past epochs could
//! lead past the pin. But the same steps, from the pinned block on, are all that a proof that starts there has. So it is
//! put together of the node's answers. Nothing here need be believed: the verifier checks all of it.

use quorate_client::Client;
use quorate_crypto::Committee;
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Header};
use quorate_tools::failure::{Exit, Failure};
use quorate_verifier::{CommitteeStep, Pin, Proof, ProofBody, ProofFile, Trust};

use super::anchor::refused;

/// A node's proof with committees that start from the pinned block.
pub(crate) async fn start_from(
    client: &Client,
    pin: Pin,
    genesis: Option<&Genesis>,
    text: &str,
) -> Result<String, Failure> {
    let file = ProofFile::read(text.as_bytes()).map_err(|refusal| refused(&refusal))?;
    let block = client.certified_block(pin.height).await?;
    let header = block.v1().block.v1().header.clone();
    if header.hash() != pin.hash {
        return Err(other_block(pin, &header.hash()));
    }
    let first = match genesis {
        Some(genesis) => genesis.committee(),
        None => node_genesis(client).await?.committee(),
    };
    let network = file.proof.v1().network;
    let given = file.committees.as_ref().unwrap_or(&file.proof);
    let committees = restarted(network, header, first, steps_of(given)).ok_or_else(|| no_way(pin))?;
    let file = match file.proof.v1().body {
        ProofBody::Committees { .. } => ProofFile {
            proof: committees,
            committees: None,
        },
        _ => ProofFile {
            proof: file.proof,
            committees: Some(committees),
        },
    };
    Ok(file.write())
}

/// The genesis document by the node's word.
pub(crate) async fn node_genesis(client: &Client) -> Result<Genesis, Failure> {
    Genesis::parse(&client.genesis().await?)
        .map_err(|error| Failure::failed(format!("the node's genesis document: {error}")))
}

/// That the chain has another block in the place of the pinned one.
pub(super) fn other_block(pin: Pin, found: &Digest) -> Failure {
    let (height, hash) = (pin.height, pin.hash);
    Failure::new(
        Exit::CheckFailed,
        format!("block {height} is {found} there, and not the trusted {hash}"),
    )
}

fn no_way(pin: Pin) -> Failure {
    let height = pin.height;
    Failure::new(
        Exit::CheckFailed,
        format!("no committees lead on from the trusted block {height}"),
    )
    .hint("ask again once the network has gone on, or trust a newer block")
}

/// The steps of a proof of committees; a proof of another kind has none.
fn steps_of(proof: &Proof) -> &[CommitteeStep] {
    match &proof.v1().body {
        ProofBody::Committees { steps, .. } => steps,
        _ => &[],
    }
}

/// What is left of the steps from the committee on that the header names; none if no step leads to that. `first` is
/// where the steps start.
fn restarted(network: Digest, header: Header, first: Committee, steps: &[CommitteeStep]) -> Option<Proof> {
    let named = header.v1().next_committee;
    let mut committees = std::iter::once(&first)
        .chain(steps.iter().map(led_to))
        .enumerate();
    let (place, committee) = committees.find(|(_, committee)| committee.digest() == named)?;
    let trust = Trust::Pinned {
        committee: committee.clone(),
        header,
    };
    let steps = steps.get(place..).unwrap_or_default().to_vec();
    Some(Proof::new(network, ProofBody::Committees { trust, steps }))
}

/// The committee that a step leads to.
fn led_to(step: &CommitteeStep) -> &Committee {
    match step {
        CommitteeStep::Certificate { next, .. } => next,
        CommitteeStep::Recovery(step) => &step.document.v1().recovery.v1().committee,
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{CommitteeSeat, Engine, Epoch, Height, MemberNumber, SeatNumber, SigningKey};
    use quorate_ledger::{CertifiedHeader, HeaderV1, PROTOCOL, Timestamp};

    use super::*;

    fn committee(epoch: u64) -> Committee {
        let key = |seed: u8| SigningKey::from_seed(&[seed; 32]).public();
        let seat = CommitteeSeat {
            member: MemberNumber(1),
            seat: SeatNumber(1),
            validator: key(1),
            node: key(2),
            witness: key(3),
        };
        Committee::new(Epoch(epoch), Engine::Pbft, PROTOCOL, vec![seat])
    }

    fn header(height: u64, epoch: u64, next: &Committee) -> Header {
        Header::V1(HeaderV1 {
            network: Digest([7; 32]),
            protocol: PROTOCOL,
            epoch: Epoch(epoch),
            height: Height(height),
            previous: Digest::default(),
            chain_root: Digest::default(),
            proposal: Digest::default(),
            timestamp: Timestamp(height),
            log_size: 0,
            log_root: Digest::default(),
            state_root: Digest::default(),
            next_committee: next.digest(),
        })
    }

    fn step(last: u64, epoch: u64) -> CommitteeStep {
        let next = committee(epoch + 1);
        let header = header(last, epoch, &next);
        CommitteeStep::Certificate {
            head: CertifiedHeader {
                header,
                seals: Vec::new(),
            },
            next,
        }
    }

    #[test]
    fn steps_up_to_the_pinned_block_are_left_out() {
        let steps = [step(10, 0), step(20, 1), step(30, 2)];
        // Where the block is the last of its epoch, it names the next committee.
        for (height, epoch, names, left) in [(5, 0, 0, 3), (10, 0, 1, 2), (15, 1, 1, 2), (35, 3, 3, 0)] {
            let pinned = header(height, epoch, &committee(names));
            let proof = restarted(Digest([7; 32]), pinned.clone(), committee(0), &steps).unwrap();
            let ProofBody::Committees { trust, steps: found } = &proof.v1().body else {
                panic!("it is of committees");
            };
            let expected = Trust::Pinned {
                header: pinned,
                committee: committee(names),
            };
            assert_eq!(trust, &expected);
            assert_eq!(found.as_slice(), &steps[steps.len() - left..]);
        }
        let unknown = header(45, 4, &committee(4));
        assert_eq!(restarted(Digest([7; 32]), unknown, committee(0), &steps), None);
    }
}
