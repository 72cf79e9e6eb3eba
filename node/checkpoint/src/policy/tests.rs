use quorate_crypto::{CommitteeSeat, Engine, Epoch, MemberNumber, PublicKey, SeatNumber, SigningKey, sha256};

use super::*;
use crate::key::{KeyKind, cosign, sign};
use crate::network::{origin, sign_checkpoint};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn verifier(name: &str, kind: KeyKind, key: PublicKey) -> VerifierKey {
    VerifierKey::new(name.parse().unwrap(), kind, key)
}

fn parse(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(text.as_bytes())
}

/// The text of a log's key and of six witnesses' keys: X1 to X3 and Y1 to Y3, with the seeds 2 to 7.
fn example(quorum: &str) -> String {
    let log = verifier("log.example", KeyKind::Ed25519, key(1).public());
    let witness = |(seed, name): (u8, &str)| {
        let own = verifier(name, KeyKind::Cosignature, key(seed).public());
        format!("witness {name} {own}\n")
    };
    let names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];
    let witnesses: String = (2..).zip(names).map(witness).collect();
    format!(
        "# the example of tlog-policy\nlog {log}\n\n{witnesses}\tgroup X-witnesses 2 X1\tX2  X3\n\
         group Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\n{quorum}\n"
    )
}

/// A note by the log and by witnesses of these seeds, each under its name.
fn note(cosigners: &[(u8, &str)]) -> Note {
    let text = Checkpoint::new("log.example".to_owned(), 3, sha256(b"root")).to_string();
    let mut lines = vec![sign(&key(1), &"log.example".parse().unwrap(), &text)];
    for (seed, name) in cosigners {
        lines.push(cosign(
            &key(*seed),
            &name.parse().unwrap(),
            &text,
            u64::from(*seed),
        ));
    }
    Note::new(text, lines).unwrap()
}

#[test]
fn groups_of_groups_ask_for_as_many_as_they_say() {
    let policy = parse(&example("quorum X-and-Y")).unwrap();
    let (x1, x3, y2) = ((2, "X1"), (4, "X3"), (6, "Y2"));
    let found = policy.check(&note(&[x1, x3, y2])).unwrap();
    let names: Vec<&str> = found.cosigned.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X1", "X3", "Y2"]);
    assert_eq!(found.cosigned[1].1, 4, "the time that it says");
    for too_few in [&[x1, x3][..], &[x1, y2], &[x1, x1, y2], &[]] {
        let refused = policy.check(&note(too_few));
        assert!(
            matches!(refused, Err(Unsatisfied::NoQuorum { .. })),
            "{too_few:?}"
        );
    }
    let none = parse(&example("quorum none")).unwrap();
    assert!(none.check(&note(&[])).is_ok());
    let one = parse(&example("quorum Y2")).unwrap();
    assert!(one.check(&note(&[x1, x3])).is_err());
    assert!(one.check(&note(&[y2])).is_ok());
}

#[test]
fn a_log_that_is_not_in_the_policy_and_bad_signatures_are_refused() {
    let policy = parse(&example("quorum none")).unwrap();
    let text = Checkpoint::new("log.example".to_owned(), 3, sha256(b"root")).to_string();
    let stranger = sign(&key(9), &"log.example".parse().unwrap(), &text);
    let unsigned = Note::new(text, vec![stranger]).unwrap();
    assert!(matches!(policy.check(&unsigned), Err(Unsatisfied::NoLog { .. })));
    // The log's key under another origin signs for another log.
    let other = Checkpoint::new("other.example".to_owned(), 3, sha256(b"root")).to_string();
    let line = sign(&key(1), &"log.example".parse().unwrap(), &other);
    let elsewhere = Note::new(other, vec![line]).unwrap();
    assert!(matches!(policy.check(&elsewhere), Err(Unsatisfied::NoLog { .. })));
    let good = note(&[(2, "X1")]);
    let moved = good.text().replace("\n3\n", "\n4\n");
    let moved = Note::new(moved, good.signatures().to_vec()).unwrap();
    assert!(matches!(policy.check(&moved), Err(Unsatisfied::Signature(_))));
}

#[test]
fn a_policy_is_written_in_one_form_and_read_again() {
    let policy = parse(&example("quorum X-and-Y")).unwrap();
    let text = policy.to_string();
    assert!(text.ends_with(
        "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses 1 Y1 Y2 Y3\n\
         group X-and-Y 2 X-witnesses Y-witnesses\nquorum X-and-Y\n"
    ));
    assert_eq!(parse(&text), Ok(policy));
    let key = verifier("log.example", KeyKind::Ed25519, key(1).public());
    let with_url = format!("log {key} https://log.example/\nquorum none\n");
    assert_eq!(parse(&with_url).unwrap().to_string(), with_url);
}

#[test]
fn what_is_no_policy_is_refused_with_its_line() {
    let good = example("quorum X-and-Y");
    let log = verifier("log.example", KeyKind::Ed25519, key(1).public());
    let witness = verifier("w", KeyKind::Cosignature, key(8).public());
    for (text, line, problem) in [
        (String::new(), 0, PolicyProblem::Character),
        (good.trim_end().to_owned(), 0, PolicyProblem::Character),
        (good.replace("\n\n", "\r\n"), 0, PolicyProblem::Character),
        (example(""), 0, PolicyProblem::Quorum),
        (format!("{good}quorum none\n"), 14, PolicyProblem::Quorum),
        (example("quorum X"), 13, PolicyProblem::Unknown),
        (example("quorum"), 13, PolicyProblem::Words),
        (example("quorum X1 X2"), 13, PolicyProblem::Words),
        (format!("{good}log {log}\n"), 14, PolicyProblem::KeyTwice),
        (format!("{good}log {witness}\n"), 14, PolicyProblem::Key),
        (format!("{good}witness w {log}\n"), 14, PolicyProblem::Key),
        (
            format!("{good}witness X1 {witness}\n"),
            14,
            PolicyProblem::NameTwice,
        ),
        (
            format!("{good}witness none {witness}\n"),
            14,
            PolicyProblem::NameTwice,
        ),
        (format!("{good}group g any X1\n"), 14, PolicyProblem::MemberTwice),
        (format!("{good}group g any g\n"), 14, PolicyProblem::Unknown),
        (format!("{good}group g any none\n"), 14, PolicyProblem::Unknown),
        (format!("{good}group g any\n"), 14, PolicyProblem::Words),
        (format!("{good}group g 0 X-and-Y\n"), 14, PolicyProblem::Threshold),
        (format!("{good}group g 2 X-and-Y\n"), 14, PolicyProblem::Threshold),
        (
            format!("{good}group g 01 X-and-Y\n"),
            14,
            PolicyProblem::Threshold,
        ),
        (format!("{good}else\n"), 14, PolicyProblem::Words),
        ("#\n".repeat(MAX_POLICY_BYTES), 0, PolicyProblem::TooLong),
    ] {
        assert_eq!(parse(&text), Err(PolicyError { line, problem }), "{text}");
    }
    assert!(parse(&format!("{good}witness w {witness}\n# more\n")).is_ok());
}

#[test]
fn the_policy_of_a_committee_asks_for_validators_and_for_witnesses() {
    let network = sha256(b"genesis");
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(number.into()),
        validator: key(number + 10).public(),
        node: key(number + 20).public(),
        witness: key(number + 30).public(),
    };
    let committee = Committee::new(Epoch(0), Engine::Pbft, 1, (0..4).map(seat).collect());
    let checkpoint = Checkpoint::new(origin(&network), 3, sha256(b"root"));
    let by = |number: u8| {
        let note = sign_checkpoint(
            &network,
            SeatNumber(number.into()),
            &key(number + 30),
            &checkpoint,
            17,
        );
        note.signatures().to_vec()
    };
    let of = |validators: &[u8], witness: Option<u8>| {
        let mut lines: Vec<_> = validators.iter().flat_map(|number| by(*number)).collect();
        let text = checkpoint.to_string();
        lines.extend(witness.map(|seed| cosign(&key(seed), &"w".parse().unwrap(), &text, 18)));
        Note::new(text, lines).unwrap()
    };
    let quorum = committee.quorum();
    let alone = Policy::of_committee(&network, &committee, quorum, &[], 0);
    assert_eq!(parse(&alone.to_string()).as_ref(), Ok(&alone));
    assert!(alone.check(&of(&[0, 1, 3], None)).is_ok());
    assert!(alone.check(&of(&[0, 1], Some(99))).is_err());
    let witness = verifier("w", KeyKind::Cosignature, key(99).public());
    let both = Policy::of_committee(&network, &committee, quorum, &[witness], 1);
    assert_eq!(parse(&both.to_string()).as_ref(), Ok(&both));
    assert!(both.check(&of(&[0, 1, 3], None)).is_err());
    assert!(both.check(&of(&[0, 1], Some(99))).is_err());
    assert!(both.check(&of(&[0, 1, 3], Some(99))).is_ok());
}
