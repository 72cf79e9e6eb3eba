//! Whoever assembles a genesis document can change nothing unseen.

use quorate_crypto::{Digest, Domain};
use quorate_genesis::{Draft, Genesis, GenesisError, Join, JoinKeys, Problem};
use quorate_ledger::{Amount, encode};

use crate::network::{draft, genesis, join, joins, key};

#[track_caller]
fn refused(text: &str) -> (usize, String, Problem) {
    match Genesis::parse(text) {
        Err(GenesisError::Invalid { line, place, problem }) => {
            (line.expect("the place has a line"), place.to_string(), problem)
        }
        other => panic!("{other:?}"),
    }
}

fn assemble(draft: &str, joins: &[String]) -> Result<(String, Genesis), GenesisError> {
    let joins: Vec<_> = joins.iter().map(String::as_str).collect();
    Genesis::assemble(draft, &joins)
}

#[test]
fn any_change_of_the_draft_is_seen() {
    let (text, original) = genesis();
    let (_, mut changed) = (text.as_str(), draft());
    let Draft::V1(content) = &mut changed;
    content.assets[0].balances[0].amount = Amount(100_000_001);
    let changed_text = text.replacen(&draft().to_toml(), &changed.to_toml(), 1);
    assert_ne!(changed_text, text);
    let (line, place, problem) = refused(&changed_text);
    assert_eq!(place, "joins[1].draft");
    assert!(
        changed_text
            .lines()
            .nth(line - 1)
            .unwrap()
            .starts_with("draft = ")
    );
    assert_eq!(
        problem,
        Problem::OtherDraft {
            member: "alpha".to_owned(),
            got: Box::new(original.draft().digest()),
            expected: Box::new(changed.digest()),
        }
    );
}

#[test]
fn any_change_of_a_join_is_seen() {
    let (text, _) = genesis();
    let delta = join(&draft(), 3);
    let addresses = text.replace("tcp/9103", "tcp/9104");
    let (_, place, problem) = refused(&addresses);
    assert_eq!(place, "joins[4].validator_signature");
    let by_delta = Problem::BadSignature {
        member: "delta".to_owned(),
    };
    assert_eq!(problem, by_delta);
    for (old, new, place) in [
        (
            delta.body().validator_key,
            key(77).public(),
            "joins[4].validator_signature",
        ),
        (
            delta.body().node_key,
            key(77).public(),
            "joins[4].validator_signature",
        ),
        (
            delta.body().member_key,
            key(77).public(),
            "joins[4].validator_signature",
        ),
    ] {
        let changed = text.replace(&old.to_string(), &new.to_string());
        assert_eq!(refused(&changed).1, place);
    }
    for (signature, place) in [
        (delta.v1().node_signature, "joins[4].node_signature"),
        (delta.v1().member_signature, "joins[4].member_signature"),
    ] {
        let changed = text.replace(
            &signature.to_string(),
            &delta.v1().validator_signature.to_string(),
        );
        let (_, at, problem) = refused(&changed);
        assert_eq!((at.as_str(), problem), (place, by_delta.clone()));
    }
}

#[test]
fn a_key_that_the_owner_did_not_sign_with_is_seen() {
    // The assembler puts a key of its own in and signs with all three anew: the member's join is lost,
    // but the assembler cannot claim a key whose owner has not signed.
    let draft = draft();
    let mut forged = join(&draft, 0);
    let stolen = key(99);
    let Join::V1(content) = &mut forged;
    let quorate_genesis::JoinBody::V1(body) = &mut content.body;
    body.node_key = stolen.public();
    let bytes = encode(&content.body);
    content.validator_signature = key(1).sign(Domain::JOIN, &bytes);
    content.node_signature = key(2).sign(Domain::JOIN, &bytes);
    content.member_signature = key(3).sign(Domain::JOIN, &bytes);
    assert!(matches!(
        forged.verify(&draft),
        Err(GenesisError::Invalid { place, problem: Problem::BadSignature { .. }, .. })
            if place.to_string() == "joins[1].node_signature"
    ));
}

#[test]
fn missing_and_double_joins_are_seen() {
    let draft = draft();
    let mut all = joins(&draft);
    let missing = assemble(&draft.to_toml(), &all[..3]);
    assert!(matches!(
        missing,
        Err(GenesisError::Invalid { problem: Problem::MissingJoin { member }, .. }) if member == "delta"
    ));
    let (text, _) = genesis();
    let cut = text.replace(all[3].trim_end(), "");
    assert_eq!(
        refused(&cut).2,
        Problem::MissingJoin {
            member: "delta".to_owned()
        }
    );

    all.push(all[1].clone());
    let double = assemble(&draft.to_toml(), &all);
    assert!(matches!(
        double,
        Err(GenesisError::JoinFile { number: 5, error }) if matches!(
            &*error,
            GenesisError::Invalid { problem: Problem::Duplicate { what }, .. } if what == "the join of beta"
        )
    ));
    let doubled = format!("{text}\n{}", all[1]);
    assert!(matches!(refused(&doubled).2, Problem::Duplicate { .. }));
    let crowd = format!("{text}\n{}", all[1].repeat(125));
    assert_eq!(refused(&crowd).2, Problem::TooMany { got: 129, limit: 128 });
}

#[test]
fn a_join_by_a_stranger_is_seen() {
    let draft = draft();
    let mut wider = draft.clone();
    let Draft::V1(content) = &mut wider;
    content.members.push("mallory".to_owned());
    let stranger = join(&wider, 4);
    let mut all = joins(&draft);
    all.push(stranger.to_toml());
    assert!(matches!(
        assemble(&draft.to_toml(), &all),
        Err(GenesisError::JoinFile { number: 5, error }) if matches!(
            &*error,
            GenesisError::Invalid { problem: Problem::NotAMember { member }, .. } if member == "mallory"
        )
    ));
    let (text, _) = genesis();
    let with_stranger = format!("{text}\n{}", stranger.to_toml());
    assert!(matches!(refused(&with_stranger).2, Problem::NotAMember { .. }));
}

#[test]
fn a_join_file_cannot_bring_anything_else_along() {
    let draft = draft();
    let mut all = joins(&draft);
    all[2] = format!("{}\n[parameters]\nwindow = 64\n", all[2]);
    assert!(matches!(
        assemble(&draft.to_toml(), &all),
        Err(GenesisError::JoinFile { number: 3, error }) if matches!(&*error, GenesisError::Form { .. })
    ));
    let mut all = joins(&draft);
    all[2] = format!("{}\n{}", all[2], all[3]);
    assert!(matches!(
        assemble(&draft.to_toml(), &all),
        Err(GenesisError::JoinFile { number: 3, error }) if matches!(
            &*error,
            GenesisError::Invalid { problem: Problem::NotOneJoin { got: 2 }, .. }
        )
    ));
}

#[test]
fn one_key_serves_one_purpose_of_one_member() {
    let draft = draft();
    let shared = key(50);
    let sign = |member: &str, validator: u8, node: u8| {
        let (validator, node) = (key(validator), key(node));
        let keys = JoinKeys {
            validator: &validator,
            node: &node,
            member: &shared,
        };
        Join::sign(&draft, member, keys, Vec::new())
    };
    assert!(matches!(
        sign("alpha", 50, 51),
        Err(GenesisError::Invalid {
            problem: Problem::Duplicate { .. },
            ..
        })
    ));
    let mut all = joins(&draft);
    all[0] = sign("alpha", 60, 61).unwrap().to_toml();
    all[1] = sign("beta", 62, 63).unwrap().to_toml();
    assert!(matches!(
        assemble(&draft.to_toml(), &all),
        Err(GenesisError::Invalid { place, problem: Problem::Duplicate { .. }, .. })
            if place.to_string() == "joins[2].member_key"
    ));
}

#[test]
fn a_draft_that_has_joins_already_is_refused() {
    let (text, _) = genesis();
    assert!(matches!(
        Draft::parse(&text),
        Err(GenesisError::Invalid {
            problem: Problem::JoinsInDraft,
            ..
        })
    ));
}

#[test]
fn a_join_signed_over_another_hash_is_refused() {
    let draft = draft();
    let mut other = join(&draft, 0);
    let Join::V1(content) = &mut other;
    let quorate_genesis::JoinBody::V1(body) = &mut content.body;
    body.draft = Digest::ZERO;
    assert!(matches!(
        other.verify(&draft),
        Err(GenesisError::Invalid {
            problem: Problem::OtherDraft { .. },
            ..
        })
    ));
}
