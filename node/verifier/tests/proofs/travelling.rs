//! The transaction that travels, as the page prints it.

use quorate_crypto::{Digest, KeySignature};
use quorate_ledger::{Act, Address, AssetCode, Change, Intent, IntentV1, Operation, Rules, Timestamp};
use quorate_verifier::{CombineError, ProvenDecimals, Refusal, Travelling, TravellingV1};

use crate::page;

fn network() -> Digest {
    page::genesis().id()
}

fn decimals(code: &str, decimals: u8) -> ProvenDecimals {
    ProvenDecimals::from([(code.parse::<AssetCode>().unwrap(), decimals)])
}

fn printed() -> &'static str {
    page::file("quorate transaction 2\n")
}

fn read(file: &str, proven: &ProvenDecimals) -> Result<Travelling, Refusal> {
    Travelling::read(file.as_bytes(), &network(), proven)
}

#[test]
fn the_printed_file_is_read_and_written_to_the_byte() {
    let found = read(printed(), &decimals("EUR", 2)).unwrap();
    assert_eq!(found.write(), printed());
    assert_eq!(found.v1().intent.id().to_string(), page::table("id 1"));
    let comments: Vec<&str> = printed().lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(found.lines(), comments);
    let TravellingV1 { intent, texts, .. } = found.v1().clone();
    let made = Travelling::new(intent, texts, &decimals("EUR", 2)).unwrap();
    let without: Vec<&str> = comments[..comments.len() - 1].to_vec();
    assert_eq!(made.lines(), without);
}

#[test]
fn a_value_without_a_name_keeps_its_own_brackets() {
    let rules = Change::Rules(Rules::default());
    let intent = Intent::V1(IntentV1 {
        network: network(),
        parties: vec![Address([0; 20])],
        expires_at: Timestamp(0),
        salt: [0; 16],
        operations: vec![Act {
            party: 0,
            operation: Operation::Propose {
                change: rules,
                expires_at: Timestamp(0),
            },
        }],
        texts: None,
    });
    let made = Travelling::new(intent, Vec::new(), &ProvenDecimals::new()).unwrap();
    let line = "# 0 by qr1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq4ds4m4 propose change Rules({strangers 3, seats TwoThirds, \
                engine TwoThirds, protocol TwoThirds, parameters TwoThirds, grants MoreThanHalf, quotas \
                MoreThanHalf, strict TwoThirds, dormant_after_ms 7776000000, guardian_delay_ms 604800000, \
                day_bytes 1099511627776, day_leaves 1073741824, strangers_bytes 1099511627776, \
                strangers_leaves 1073741824, reserve_bytes 67108864}) expires_at 1970-01-01T00:00:00Z";
    assert_eq!(made.lines()[2], line);
    let read = read(&made.write(), &ProvenDecimals::new());
    assert_eq!(read, Ok(made));
}

#[test]
fn decimals_that_nobody_proved_are_not_used() {
    let nothing = ProvenDecimals::new();
    let found = read(printed(), &nothing).unwrap();
    assert_eq!(found.unproven(&nothing), ["EUR".parse::<AssetCode>().unwrap()]);
    assert!(found.lines()[2].ends_with("asset EUR amount 12.50"));
    assert!(found.proven_lines(&nothing)[2].ends_with("asset EUR amount 1250"));
    let proven = decimals("EUR", 2);
    assert!(found.unproven(&proven).is_empty());
    assert_eq!(found.proven_lines(&proven), found.lines());
    assert_eq!(
        read(printed(), &decimals("EUR", 3)).unwrap_err().code(),
        "not_canonical"
    );
    assert_eq!(read(printed(), &decimals("GOLD", 0)).unwrap(), found);
    let TravellingV1 { intent, texts, .. } = found.v1().clone();
    assert_eq!(Travelling::new(intent, texts, &nothing), None);
}

#[test]
fn what_people_read_cannot_be_changed() {
    let proven = decimals("EUR", 2);
    for (line, other) in [
        ("amount 12.50", "amount 12.49"),
        ("amount 12.50", "amount 1250"),
        ("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"),
        ("\"invoice 17\"", "\"invoice 18\""),
        ("# signed", "# signed "),
        ("# text", "#text"),
        ("id 4e", "id 4f"),
        ("quorate transaction 2", "quorate transaction 1"),
        ("\n# parties", "\r\n# parties"),
    ] {
        let changed = printed().replacen(line, other, 1);
        assert_ne!(changed, printed(), "{line}");
        assert_eq!(
            read(&changed, &proven).unwrap_err().code(),
            "not_canonical",
            "{other}"
        );
    }
    for changed in [
        format!("{}\n", printed()),
        printed().trim_end().to_owned(),
        String::new(),
    ] {
        assert_eq!(read(&changed, &proven).unwrap_err().code(), "not_canonical");
    }
    let elsewhere = Travelling::read(printed().as_bytes(), &Digest::ZERO, &proven).unwrap_err();
    assert_eq!(elsewhere.code(), "other_network");
}

#[test]
fn signatures_and_texts_are_checked() {
    let proven = decimals("EUR", 2);
    let changed = |change: &dyn Fn(&mut TravellingV1)| {
        let Travelling::V1(mut fields) = read(printed(), &proven).unwrap();
        change(&mut fields);
        read(&Travelling::V1(fields).write(), &proven)
            .map(|_| ())
            .map_err(|refusal| refusal.code())
    };
    assert_eq!(changed(&|_| {}), Ok(()));
    assert_eq!(changed(&|fields| fields.signatures.clear()), Ok(()));
    assert_eq!(changed(&|fields| fields.texts.clear()), Err("bad_text"));
    assert_eq!(changed(&|fields| fields.texts[0].salt[0] ^= 1), Err("bad_text"));
    assert_eq!(changed(&|fields| fields.decimals.clear()), Err("not_canonical"));
    let twice = |fields: &mut TravellingV1| fields.signatures.push(fields.signatures[0].to_owned());
    assert_eq!(changed(&twice), Err("not_canonical"));
    let flip = |fields: &mut TravellingV1| {
        if let KeySignature::Ed25519 { signature, .. } = &mut fields.signatures[0] {
            signature[40] ^= 1;
        }
    };
    assert_eq!(changed(&flip), Err("bad_signature"));
}

#[test]
fn files_of_one_transaction_are_combined() {
    let signed = read(printed(), &ProvenDecimals::new()).unwrap();
    let Travelling::V1(mut bare) = signed.clone();
    bare.signatures.clear();
    let bare = Travelling::V1(bare);
    for files in [
        vec![signed.clone()],
        vec![bare.clone(), signed.clone()],
        vec![signed.clone(), signed.clone()],
    ] {
        assert_eq!(Travelling::combine(&files).as_ref(), Ok(&signed));
    }
    let Travelling::V1(mut other) = bare.clone();
    other.texts[0].text.push(b'!');
    let files = [bare, Travelling::V1(other)];
    assert_eq!(
        Travelling::combine(&files),
        Err(CombineError::Another { file: 1 })
    );
    assert_eq!(Travelling::combine(&[]), Err(CombineError::Nothing));
}
