//! Proofs of committees, from genesis and from pinned blocks.

use std::cmp::Ordering;
use std::convert::Infallible;

use quorate_crypto::{Epoch, Height};
use quorate_ledger::{HistoryOwner, Timestamp};
use quorate_prover::{
    ProveError, Show, Source, StatementRequest, TrustedStart, prove_block, prove_committees, prove_statement,
};
use quorate_verifier::{Anchor, CommitteeStep, Facts, Pin, ProofBody, Trust, Verifier};

use crate::scenario::{SHORT, Scenario};

/// The first heights of the epochs.
fn firsts(scenario: &Scenario) -> Vec<u64> {
    let chain = &scenario.world.chain;
    let epochs = (0..=scenario.world.tip.epoch.0).map(|epoch| chain.epoch(Epoch(epoch)).unwrap().unwrap());
    epochs.map(|row| row.first.0).collect()
}

#[test]
fn every_epoch_from_genesis() {
    let (world, firsts) = (&SHORT.world, firsts(&SHORT));
    assert_eq!(firsts.len(), 3);
    for to in 0..3 {
        let proof = prove_committees(&world.chain, TrustedStart::Genesis, Epoch(to)).unwrap();
        let mut verifier = world.ignorant_verifier();
        let Facts::Committees(facts) = verifier.learn(&proof).unwrap().facts else {
            panic!("other facts");
        };
        assert_eq!(facts.len(), usize::try_from(to).unwrap() + 1);
        for (place, epoch) in facts.iter().enumerate() {
            assert_eq!(epoch.first, Some(Height(firsts[place])));
            let last = (place + 1 < facts.len()).then(|| Height(firsts[place + 1] - 1));
            assert_eq!(epoch.last, last);
        }
        // Heads up to the last epoch that was learnt are accepted, and no later ones.
        for height in 1..=world.chain.height().0 {
            let head = prove_block(&world.chain, Height(height), Show::Nothing).unwrap();
            let known = firsts
                .get(usize::try_from(to).unwrap() + 1)
                .is_none_or(|next| height < *next);
            let code = verifier.verify(&head).err().map(|refusal| refusal.code());
            assert_eq!(
                code,
                (!known).then_some("unknown_committee"),
                "{height} up to epoch {to}"
            );
        }
    }
}

#[test]
fn a_pinned_block_is_enough_to_start_from() {
    let (world, firsts) = (&SHORT.world, firsts(&SHORT));
    let tip = world.chain.height();
    // In the middle of an epoch, at its first and its last height, at the very first and the newest.
    let pins = [1, 2, firsts[1] - 1, firsts[1], firsts[2] - 1, firsts[2], tip.0];
    for height in pins {
        let header = world.chain.header(Height(height)).unwrap().unwrap();
        let pin = Pin {
            height: Height(height),
            hash: header.hash(),
        };
        let start = TrustedStart::Pinned(Height(height));
        let proof = prove_committees(&world.chain, start, world.tip.epoch).unwrap();
        let mut verifier = Verifier::new(Anchor {
            genesis: None,
            pin: Some(pin),
        });
        verifier
            .learn(&proof)
            .unwrap_or_else(|refusal| panic!("pinned at {height}: {refusal}"));
        assert_eq!(verifier.network(), Some(world.genesis.id()));
        let request = StatementRequest::new(
            HistoryOwner::Account(SHORT.people.address(0)),
            Timestamp(0),
            Timestamp(u64::MAX),
        );
        for head in height.saturating_sub(2).max(1)..=tip.0 {
            let statement = prove_statement(&world.chain, Height(head), &request).unwrap();
            let code = verifier.verify(&statement).err().map(|refusal| refusal.code());
            // The pinned header itself is accepted if it is of the epoch whose committee it names.
            let ends_epoch = firsts.contains(&(height + 1));
            let allowed: &[Option<&str>] = match head.cmp(&height) {
                Ordering::Less => &[Some("outside_epoch"), Some("unknown_committee")],
                Ordering::Equal if ends_epoch => &[Some("unknown_committee")],
                Ordering::Equal | Ordering::Greater => &[None],
            };
            assert!(
                allowed.contains(&code),
                "head {head}, pinned at {height}: {code:?}"
            );
        }
    }
}

#[test]
fn epochs_that_no_committees_lead_to() {
    let (chain, firsts) = (&SHORT.world.chain, firsts(&SHORT));
    for (start, epoch) in [
        (TrustedStart::Genesis, Epoch(3)),
        (TrustedStart::Genesis, Epoch(u64::MAX)),
        (TrustedStart::Pinned(Height(firsts[1])), Epoch(0)),
        // The last block of an epoch leads to the next one.
        (TrustedStart::Pinned(Height(firsts[1] - 1)), Epoch(0)),
    ] {
        assert_eq!(
            prove_committees(chain, start, epoch),
            Err(ProveError::NoEpoch { epoch })
        );
    }
    let height = chain.height().next();
    assert_eq!(
        prove_committees(chain, TrustedStart::Pinned(height), Epoch(2)),
        Err(ProveError::NoBlock { height })
    );
}

#[test]
fn a_pinned_block_and_the_committee_that_it_names() {
    let (chain, firsts) = (&SHORT.world.chain, firsts(&SHORT));
    for (height, epoch) in [(1, 0), (firsts[1] - 1, 1), (firsts[1], 1), (firsts[2] - 1, 2)] {
        let start = TrustedStart::Pinned(Height(height));
        let proof: Result<_, ProveError<Infallible>> = prove_committees(chain, start, Epoch(2));
        let proof = proof.unwrap();
        let ProofBody::Committees { trust, steps } = &proof.v1().body else {
            panic!("another body");
        };
        let Trust::Pinned { committee, .. } = trust else {
            panic!("another start");
        };
        assert_eq!(committee.epoch(), Epoch(epoch));
        assert_eq!(u64::try_from(steps.len()).unwrap(), 2 - epoch);
        assert!(
            steps
                .iter()
                .all(|step| matches!(step, CommitteeStep::Certificate { .. }))
        );
    }
}
