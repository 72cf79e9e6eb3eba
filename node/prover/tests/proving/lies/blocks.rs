//! Of a block.

use quorate_crypto::Height;
use quorate_crypto::merkle::Frontier;
use quorate_ledger::{Amount, LogEntry, Outcome};
use quorate_prover::{Show, ShowTexts, prove_block};
use quorate_verifier::{ProofBody, Shown};

use super::{Good, head_of, logged};
use crate::scenario::SHORT;

fn entries(body: &mut ProofBody) -> &mut Vec<LogEntry> {
    match body {
        ProofBody::Block { entries, .. } => entries,
        other => panic!("{other:?}"),
    }
}

fn shown(body: &mut ProofBody) -> &mut Vec<Shown> {
    match body {
        ProofBody::Block { shown, .. } => shown,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_block() {
    let (chain, plain) = (&SHORT.world.chain, &SHORT.world.plain);
    let has_several = |height: &Height| {
        let own = plain
            .executed
            .iter()
            .filter(|executed| executed.height == *height);
        own.count() > 3
    };
    let height = (3..).map(Height).find(has_several).unwrap();
    let proof = prove_block(chain, height, Show::Intent(ShowTexts::Withheld)).unwrap();
    let good = Good::new(proof, SHORT.world.verifier());
    good.lies_about_the_head(|body| match body {
        ProofBody::Block { head, .. } => head,
        other => panic!("{other:?}"),
    });
    good.lie("gap", "an entry less", |body| {
        entries(body).pop();
        shown(body).pop();
    });
    good.lie("gap", "entries in another order", |body| {
        entries(body).swap(0, 1);
        shown(body).swap(0, 1);
    });
    good.lie("gap|bad_path", "another outcome", |body| {
        logged(&mut entries(body)[0]).outcome = Outcome::Success {
            results: vec![Amount(77)],
        };
    });
    good.lie("other_leaf", "an entry of another block", |body| {
        logged(&mut entries(body)[0]).height.0 += 1;
    });
    good.lie("other_leaf", "an entry of another time", |body| {
        logged(&mut entries(body)[1]).timestamp.0 += 1;
    });
    good.lie("bad_path", "another log before", |body| match body {
        ProofBody::Block { log, .. } => *log = Frontier::new(),
        other => panic!("{other:?}"),
    });
    good.lie("bad_path", "no block before", |body| match body {
        ProofBody::Block { before, .. } => *before = None,
        other => panic!("{other:?}"),
    });
    good.lie("bad_path", "another block before", |body| match body {
        ProofBody::Block { before, .. } => *before = Some(head_of(Height(1)).header),
        other => panic!("{other:?}"),
    });
    good.lie("not_canonical", "less shown than there is", |body| {
        shown(body).pop();
    });
    good.lie("not_canonical", "nothing shown of each", |body| {
        shown(body).fill(Shown::Nothing);
    });
    good.lie("other_leaf", "shown in each other's places", |body| {
        shown(body).swap(0, 1)
    });
}
