//! What is asked, and how the answer must look.

use quorate_client::ProofOf;
use quorate_client::text::{parse_rfc3339_bound, rfc3339_of};
use quorate_ledger::{Address, Prefix, StateKey, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_verifier::{ProofFile, ProofKind};

/// Characters of an id, a hash or an address that stand in a file's name.
const NAMED: usize = 8;

/// What all addresses begin with.
const BEFORE_ADDRESS: &str = "qr1";

/// Midnight, as the end of a time in a file's name.
const MIDNIGHT: &str = "T000000000Z";

/// A time in RFC 3339, or the first moment of a day of UTC. One before 1970 is before every block.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let of_day = || parse_rfc3339_bound(&format!("{text}T00:00:00Z"));
    parse_rfc3339_bound(text)
        .or_else(of_day)
        .ok_or_else(|| "write a day as 2026-01-31, or a time as 2026-01-31T12:00:00Z".to_owned())
}

/// A statement over a range, which must not be empty.
pub(crate) fn statement(address: Address, from: Timestamp, to: Timestamp) -> Result<ProofOf, Failure> {
    if from >= to {
        let (from, to) = (rfc3339_of(from), rfc3339_of(to));
        let failure = Failure::usage(format!(
            "the statement from {from} to before {to} has no time in it"
        ));
        return Err(failure.hint("--to is not part of it: for one day, name the next day there"));
    }
    Ok(ProofOf::Statement { address, from, to })
}

/// The name of the file that a proof goes to unless another is given.
pub(crate) fn file_name(question: &ProofOf) -> String {
    let name = match question {
        ProofOf::Transaction(id) => format!("transaction-{}", short(&id.to_string())),
        ProofOf::Erasure(id) => format!("erasure-{}", short(&id.to_string())),
        ProofOf::Account(address) => format!("account-{}", short(&address.to_string())),
        ProofOf::Statement { address, from, to } => {
            let address = address.to_string();
            format!("statement-{}-{}-{}", short(&address), plain(*from), plain(*to))
        }
        ProofOf::Asset(code) => format!("asset-{code}"),
        ProofOf::Record { sha256, by: None } => format!("record-{}", short(&sha256.to_string())),
        ProofOf::Record { sha256, by: Some(by) } => {
            format!("record-{}-{}", short(&sha256.to_string()), short(&by.to_string()))
        }
        ProofOf::Committees { to: None } => "committees".to_owned(),
        ProofOf::Committees { to: Some(height) } => format!("committees-{height}"),
    };
    format!("{name}.proof")
}

fn short(text: &str) -> &str {
    let text = text.strip_prefix(BEFORE_ADDRESS).unwrap_or(text);
    text.get(..NAMED).unwrap_or(text)
}

/// A time in letters that every file system takes; of midnight the day alone.
fn plain(time: Timestamp) -> String {
    let mut text = rfc3339_of(time);
    text.retain(|letter| letter.is_ascii_alphanumeric());
    match text.strip_suffix(MIDNIGHT) {
        Some(day) => day.to_owned(),
        None => text,
    }
}

/// Checks that a file answers what was asked: a node could give a good proof of something else.
pub(crate) fn check(question: &ProofOf, file: &ProofFile) -> Result<(), Failure> {
    let (kind, about) = expected(question);
    let (found, answers) = (file.proof.kind(), file.proof.question());
    if found == kind && about.as_ref().is_none_or(|about| *about == answers) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::CheckFailed,
        format!(
            "the answer is not what was asked: it is a proof of the kind `{}` about {answers}",
            found.name()
        ),
    )
    .hint("ask another node with --node"))
}

/// The kind of the answer, and its line `about`; none of committees, where it follows from the chain.
fn expected(question: &ProofOf) -> (ProofKind, Option<String>) {
    match question {
        ProofOf::Transaction(id) => (ProofKind::Transaction, Some(id.to_string())),
        ProofOf::Statement { address, from, to } => {
            (ProofKind::Statement, Some(format!("{address} {from} {to}")))
        }
        ProofOf::Committees { .. } => (ProofKind::Committees, None),
        ProofOf::Erasure(_) | ProofOf::Account(_) | ProofOf::Asset(_) | ProofOf::Record { .. } => {
            // A proof of the state has its prefixes in order.
            let mut prefixes = prefixes_of(question);
            prefixes.sort_unstable();
            let texts: Vec<String> = prefixes.iter().map(Prefix::to_string).collect();
            (ProofKind::State, Some(texts.join(" ")))
        }
    }
}

/// Under which prefixes of the state the answer lies; none of what is not asked about the state.
pub(crate) fn prefixes_of(question: &ProofOf) -> Vec<Prefix> {
    match question {
        ProofOf::Erasure(id) => vec![Prefix::of_key(&StateKey::erasure(id))],
        ProofOf::Account(address) => vec![Prefix::account(address), Prefix::holds(address)],
        ProofOf::Asset(code) => vec![Prefix::of_key(&StateKey::asset(code))],
        ProofOf::Record { sha256, by } => {
            let own = by.map(|address| StateKey::own_record(&address, sha256));
            let keys = own.into_iter().chain([StateKey::unique_record(sha256)]);
            keys.map(|key| Prefix::of_key(&key)).collect()
        }
        ProofOf::Transaction(_) | ProofOf::Statement { .. } | ProofOf::Committees { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Digest, Height};

    use super::*;

    /// K1 of `docs/formats.md`, section 24.
    const K1: &str = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";

    /// The SHA-256 of nothing.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    const DAY: u64 = 86_400_000;

    #[test]
    fn days_begin_at_midnight_and_times_are_to_the_millisecond() {
        assert_eq!(moment("1970-01-02"), Ok(Timestamp(DAY)));
        assert_eq!(moment("1970-01-01T01:00:00.250+01:00"), Ok(Timestamp(250)));
        assert_eq!(moment("1969-07-20"), Ok(Timestamp(0)));
        for text in ["", "1970-02-30", "yesterday", "1970-01-02T", "17"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_statement_of_no_time_is_refused() {
        let address = K1.parse().unwrap();
        for to in [0, 1] {
            let refused = statement(address, Timestamp(1), Timestamp(to)).unwrap_err();
            assert_eq!(refused.exit(), Exit::Usage);
        }
        assert!(statement(address, Timestamp(1), Timestamp(2)).is_ok());
    }

    #[test]
    fn names_of_files_say_what_is_proven() {
        let address: Address = K1.parse().unwrap();
        let name = |question: ProofOf| file_name(&question);
        assert_eq!(
            name(ProofOf::Transaction(Digest([0xab; 32]))),
            "transaction-abababab.proof"
        );
        assert_eq!(
            name(ProofOf::Erasure(Digest([0xab; 32]))),
            "erasure-abababab.proof"
        );
        assert_eq!(name(ProofOf::Account(address)), "account-venmzywv.proof");
        let (from, to) = (Timestamp(0), Timestamp(DAY));
        let day = ProofOf::Statement { address, from, to };
        assert_eq!(name(day), "statement-venmzywv-19700101-19700102.proof");
        let to = Timestamp(1_500);
        let second = ProofOf::Statement { address, from, to };
        assert_eq!(
            name(second),
            "statement-venmzywv-19700101-19700101T000001500Z.proof"
        );
        let sha256 = EMPTY.parse().unwrap();
        for (by, expected) in [
            (None, "record-e3b0c442.proof"),
            (Some(address), "record-e3b0c442-venmzywv.proof"),
        ] {
            assert_eq!(name(ProofOf::Record { sha256, by }), expected);
        }
        assert_eq!(name(ProofOf::Committees { to: None }), "committees.proof");
        let to = Some(Height(7));
        assert_eq!(name(ProofOf::Committees { to }), "committees-7.proof");
    }

    #[test]
    fn questions_are_those_of_the_page() {
        let address: Address = K1.parse().unwrap();
        let of = |first: &str, rest: &str, bits: u16| format!("{first}{rest}/{bits}");
        // Section 24 prints the keys of an account, and of records of nothing by K1.
        let owner = "6667b111cc79f20ce34185c687163f463bea690d0000000000000000000000";
        let account = [of("01", owner, 168), of("02", owner, 168)].join(" ");
        assert_eq!(
            expected(&ProofOf::Account(address)),
            (ProofKind::State, Some(account))
        );
        let own = "0466420fb19f64bb7c529a6e79a9e6c1a36611852ec8cbc283d236a47ea34678/256";
        let unique = "055a83ee3f65e9571a71f962b1634cff64c53d32385cafa49565ac3810a9d7c1/256";
        let sha256 = EMPTY.parse().unwrap();
        for (by, about) in [
            (None, unique.to_owned()),
            (Some(address), format!("{own} {unique}")),
        ] {
            let record = ProofOf::Record { sha256, by };
            assert_eq!(expected(&record), (ProofKind::State, Some(about)));
        }
        let statement = ProofOf::Statement {
            address,
            from: Timestamp(1_767_225_600_000),
            to: Timestamp(1_767_225_601_001),
        };
        let about = format!("{K1} 2026-01-01T00:00:00Z 2026-01-01T00:00:01.001Z");
        assert_eq!(expected(&statement), (ProofKind::Statement, Some(about)));
    }
}
