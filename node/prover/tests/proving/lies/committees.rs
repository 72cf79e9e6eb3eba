//! Of committees.

use quorate_crypto::{Epoch, Height};
use quorate_prover::{Source, TrustedStart, prove_committees};
use quorate_verifier::{Anchor, CommitteeStep, Pin, ProofBody, Trust, Verifier};

use super::{Good, head_of};
use crate::scenario::SHORT;

#[test]
fn of_committees() {
    let (world, tip) = (&SHORT.world, SHORT.world.chain.height());
    let proof = prove_committees(&world.chain, TrustedStart::Genesis, Epoch(2)).unwrap();
    let good = Good::new(proof, world.ignorant_verifier());
    let steps = |body: &mut ProofBody| match body {
        ProofBody::Committees { steps, .. } => steps.clone(),
        other => panic!("{other:?}"),
    };
    let put = |body: &mut ProofBody, changed: Vec<CommitteeStep>| match body {
        ProofBody::Committees { steps, .. } => *steps = changed,
        other => panic!("{other:?}"),
    };
    good.lies_about_the_head(|body| match body {
        ProofBody::Committees { steps, .. } => match &mut steps[1] {
            CommitteeStep::Certificate { head, .. } => head,
            CommitteeStep::Recovery(_) => panic!("no recovery"),
        },
        other => panic!("{other:?}"),
    });
    good.lie("unknown_committee", "a step less", |body| {
        let found = steps(body);
        put(body, vec![found[1].clone()]);
    });
    good.lie("bad_committee", "another epoch's committee", |body| {
        let found = steps(body);
        let [
            CommitteeStep::Certificate { head, .. },
            CommitteeStep::Certificate { next, .. },
        ] = found.as_slice()
        else {
            panic!("two certificates");
        };
        let (head, next) = (head.clone(), next.clone());
        put(body, vec![CommitteeStep::Certificate { head, next }]);
    });
    good.lie("bad_committee", "a block that does not end its epoch", |body| {
        let found = steps(body);
        let CommitteeStep::Certificate { next, .. } = &found[0] else {
            panic!("a certificate");
        };
        let (head, next) = (head_of(Height(1)), next.clone());
        put(body, vec![CommitteeStep::Certificate { head, next }]);
    });
    good.lie(
        "bad_committee",
        "a committee that is not the next one's",
        |body| {
            let head = head_of(Height(1));
            let next = world.genesis.committee();
            put(body, vec![CommitteeStep::Certificate { head, next }]);
        },
    );
    good.lie("unknown_committee", "a block that nobody has pinned", |body| {
        let ProofBody::Committees { trust, steps } = body else {
            panic!("another body");
        };
        *trust = Trust::Pinned {
            header: world.chain.header(Height(1)).unwrap().unwrap(),
            committee: world.genesis.committee(),
        };
        steps.clear();
    });
    // Whoever has pinned a block starts from that alone.
    let pin = Pin {
        height: tip,
        hash: world.tip.block_hash,
    };
    let pinned = Verifier::new(Anchor {
        genesis: Some(world.genesis.clone()),
        pin: Some(pin),
    });
    assert_eq!(
        pinned.verify(&good.proof).unwrap_err().code(),
        "unknown_committee"
    );
}
