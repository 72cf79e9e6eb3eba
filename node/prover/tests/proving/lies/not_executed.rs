//! That something was not executed.

use quorate_crypto::{Address, Digest};
use quorate_ledger::{HistoryOwner, Intent, IntentV1, StateProof, Timestamp};
use quorate_prover::{Show, ShowTexts, Source, StatementRequest, prove_not_executed, prove_statement};
use quorate_verifier::{ProofBody, Statement};

use super::Good;
use crate::scenario::SHORT;
use crate::world::LEAD_MS;

#[test]
fn that_something_was_not_executed() {
    let (world, tip) = (&SHORT.world, SHORT.world.chain.height());
    // The same as one that was executed, but for the salt: so it is about the same statement.
    let executed = &world.plain.executed[40];
    let was = Intent::V1(executed.transaction.intent().clone());
    let never = Intent::V1(IntentV1 {
        salt: [9; 16],
        ..was.v1().clone()
    });
    let proof = prove_not_executed(&world.chain, tip, &never).unwrap();
    let good = Good::new(proof, world.verifier());
    let parts =
        |body: &mut ProofBody, alter: &dyn Fn(&mut Intent, &mut StateProof, &mut Statement)| match body {
            ProofBody::NotExecuted {
                intent,
                agreement,
                statement,
            } => alter(intent, agreement, statement),
            other => panic!("{other:?}"),
        };
    good.lies_about_the_head(|body| match body {
        ProofBody::NotExecuted { statement, .. } => &mut statement.head,
        other => panic!("{other:?}"),
    });
    good.lie("not_complete", "what was executed", |body| {
        parts(body, &|intent, _, _| *intent = was.clone());
    });
    good.lie("not_complete", "another expiry", |body| {
        parts(body, &|Intent::V1(intent), _, _| intent.expires_at.0 += 1);
    });
    good.lie("other_network", "another network's intent", |body| {
        parts(body, &|Intent::V1(intent), _, _| intent.network = Digest([1; 32]));
    });
    good.lie("other_leaf", "an intent that is none", |body| {
        parts(body, &|Intent::V1(intent), _, _| intent.operations.clear());
    });
    good.lie("other_leaf", "another leaf than the agreement's", |body| {
        parts(body, &|_, agreement, statement| {
            *agreement = statement.leaf.clone()
        });
    });
    let (owner, from, to) = (
        HistoryOwner::Account(was.v1().parties[0]),
        was.v1().expires_at.0 - LEAD_MS,
        was.v1().expires_at.0,
    );
    let other = |owner, from: u64, to: u64, alter: fn(&mut StatementRequest)| {
        let mut request = StatementRequest::new(owner, Timestamp(from), Timestamp(to));
        alter(&mut request);
        let proof = prove_statement(&world.chain, tip, &request).unwrap();
        match proof.v1().body.clone() {
            ProofBody::Statement(statement) => statement,
            other => panic!("{other:?}"),
        }
    };
    let stranger = HistoryOwner::Account(Address([7; 20]));
    for (code, name, replaced) in [
        (
            "not_complete",
            "a longer statement",
            other(owner, from, to + 1, |_| {}),
        ),
        (
            "not_complete",
            "a shorter statement",
            other(owner, from + 1, to, |_| {}),
        ),
        (
            "not_complete",
            "another's statement",
            other(stranger, from, to, |_| {}),
        ),
        (
            "not_canonical",
            "transactions that are shown",
            other(owner, from, to, |request| {
                request.show = Show::Intent(ShowTexts::Nothing)
            }),
        ),
        (
            "not_canonical",
            "something beside",
            other(owner, from, to, |request| request.beside.assets = true),
        ),
    ] {
        good.lie(code, name, |body| {
            parts(body, &|_, _, statement| *statement = replaced.clone());
        });
    }
}
