//! What is read of files, and what is shown and summed of what is in them.

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{ClientSigningKey, SigningKey, sha256};
use quorate_ledger::Keep;

use super::*;

/// The file of section 24, word for word.
const OF_THE_PAGE: &str = "quorate transaction 2
network f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618
id 4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57
# parties qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6
# expires_at 2026-01-01T00:01:00Z
# 0 by qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6 transfer to qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv \
asset EUR amount 12.50
# text 0 0 \"invoice 17\"
# signed ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
AAD40ViL1AqDwEHd5E4G7jTwuqOhmCuKYn0dluJavBCGGAFmZ7ERzHnyDONBhcaHFj9GO+ppDWCS
23abAQAAAAECAwQFBgcICQoLDA0ODwEAAy2P6wVlPwqgT3X80JcrJXdG5tX1A0VVUuIEAAAAAAAA
AAAAAAAAAAABAQEAABGqbEMjMsM8lWwRXO+lZh7mZQhCHxKJ/APeEQkJ5jnvARAREhMUFRYXGBka
GxwdHh8KaW52b2ljZSAxNwEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURrIbNH6Ejzg
tYKKpQOruYQprGi1HPfdZew0NaOLNCf11eoPIUFnCCnfsx0LO+9mFiZtCVG1epyN5DCEX0+LPO4E
AQNFVVIC
";

fn eur() -> AssetCode {
    "EUR".parse().unwrap()
}

fn key(seed: u8) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32]))
}

fn known(decimals: u8) -> Meaning {
    Meaning {
        decimals: [(eur(), decimals)].into(),
        ..Meaning::default()
    }
}

fn read(text: &str, meaning: Meaning) -> Result<Papers, Failure> {
    Papers::of(text.as_bytes(), meaning)
}

fn built(salt: u8) -> Travelling {
    let (payer, payee) = (key(1).key().address(), key(2).key().address());
    let unsigned = TransactionBuilder::new(sha256(b"network"), payer, Timestamp(9_000), [salt; 16])
        .transfer(payee, eur(), Amount(725), "rent\u{200b}")
        .transfer(payee, eur(), Amount(1_000), "")
        .record(sha256(b"document"), Keep::Log, "", [1])
        .memo("March")
        .build_with(|_| [salt; 16]);
    Travelling::new(unsigned.intent, unsigned.texts, &[(eur(), 2)].into()).unwrap()
}

#[test]
fn the_pages_file_is_read_and_nothing_but_what_is_proven_has_decimals() {
    let papers = read(OF_THE_PAGE, known(2)).unwrap();
    assert!(papers.lines(true).join("\n").contains("asset EUR amount 12.50"));
    assert_eq!(papers.payments()[0].memo, "invoice 17");
    assert_eq!(papers.signers().len(), 1);
    assert_eq!(submission_of(&papers.all[0]).texts().len(), 1);
    let unknown = read(OF_THE_PAGE, Meaning::default()).unwrap();
    let lines = unknown.lines(true).join("\n");
    assert!(
        lines.contains("asset EUR amount 1250") && !lines.contains("12.50"),
        "{lines}"
    );
    assert_eq!(unknown.sums()[0].amount, None);
}

#[test]
fn what_is_not_word_for_word_what_its_bytes_give_is_refused_with_code_7() {
    let other = Meaning {
        network: Some(sha256(b"another network")),
        ..known(2)
    };
    for (text, meaning) in [
        (OF_THE_PAGE.replacen("12.50", "12.5", 1), known(2)),
        (OF_THE_PAGE.replacen("invoice 17", "invoice 18", 1), known(2)),
        (OF_THE_PAGE.replacen("id 4e", "id 5e", 1), known(2)),
        (OF_THE_PAGE.replacen("network f8", "network f9", 1), known(2)),
        (OF_THE_PAGE.replacen("# signed", "# Signed", 1), known(2)),
        (OF_THE_PAGE.trim_end().to_owned(), known(2)),
        (OF_THE_PAGE.replacen("PO4E", "PO4F", 1), known(2)),
        (OF_THE_PAGE.to_owned(), known(3)),
        (OF_THE_PAGE.to_owned(), other),
        (OF_THE_PAGE.repeat(2), known(2)),
    ] {
        let failure = read(&text, meaning).err().unwrap();
        assert_eq!(failure.exit(), Exit::CheckFailed, "{failure}");
    }
    for text in ["", "noise", "{\"id\":1}", "quorate transaction 3\n"] {
        let failure = read(text, known(2)).err().unwrap();
        assert_eq!(failure.exit(), Exit::Usage, "{failure}");
    }
}

#[test]
fn several_in_one_file_are_read_in_their_order() {
    let all = [built(1), built(2), built(3)];
    let papers = read(&text_of(&all).unwrap(), known(2)).unwrap();
    assert_eq!(papers.all, all);
    assert_eq!(papers.payments().len(), 6);
    assert_eq!(papers.payments()[5].row, 6);
    let sum = &papers.sums()[0];
    assert_eq!((sum.rows, sum.amount.as_deref()), (6, Some("51.75")));
    assert_eq!(papers.only_id(), None);
}

#[test]
fn what_is_signed_is_told_in_decimals_names_and_sums() {
    let payee = key(2).key().address();
    let meaning = Meaning {
        names: [
            (payee, "bank-b".to_owned()),
            (key(9).key().address(), "other".to_owned()),
        ]
        .into(),
        ..known(2)
    };
    let papers = read(&built(1).write(), meaning).unwrap();
    let lines = papers.lines(false).join("\n");
    for said in [
        &format!("transfer to {payee} asset EUR amount 7.25") as &str,
        &format!("{payee} is bank-b"),
        "pays 17.25 EUR in 2 rows",
        "memo \"March\"",
        "rent\\u{200b}",
    ] {
        assert!(lines.contains(said), "{said} is not in {lines}");
    }
    assert!(!lines.contains("other"), "{lines}");
}

#[test]
fn of_a_long_list_some_rows_and_all_sums_are_shown_before_the_question() {
    let all: Vec<Travelling> = (0..30).map(built).collect();
    let papers = read(&text_of(&all).unwrap(), known(2)).unwrap();
    let (some, whole) = (papers.lines(false), papers.lines(true));
    let rows = |lines: &[String]| lines.iter().filter(|line| line.contains(" by ")).count();
    // Of 60 payments 20, and all of the 30 records.
    assert_eq!((rows(&some), rows(&whole)), (50, 90));
    assert!(some.contains(&"and 40 rows more, which `quorate wallet show` lists".to_owned()));
    assert!(some.contains(&"pays 517.50 EUR in 60 rows".to_owned()));
}

/// What stands behind many payments is signed as they are.
#[test]
fn nothing_hides_behind_many_payments() {
    let (payer, payee) = (key(1).key().address(), key(2).key().address());
    let gold: AssetCode = "GOLD".parse().unwrap();
    let new = TransactionBuilder::new(sha256(b"network"), payer, Timestamp(9_000), [1; 16]);
    let many = (0..25).fold(new, |builder, _| {
        builder.transfer(payee, eur(), Amount(1), "rent")
    });
    let unsigned = many
        .transfer(payee, gold, Amount(1_000_000), "all of it")
        .act(
            payer,
            Operation::Burn {
                asset: eur(),
                amount: Amount(9_900),
            },
        )
        .record(sha256(b"document"), Keep::Log, "seen", Vec::new())
        .build_with(|_| [2; 16]);
    let one = Travelling::new(unsigned.intent, unsigned.texts, &[(eur(), 2), (gold, 0)].into());
    let lines = read(&one.unwrap().write(), known(2)).unwrap().lines(false);
    assert!(lines.contains(&"and 6 rows more, which `quorate wallet show` lists".to_owned()));
    assert!(lines.contains(&"pays 1000000 smallest units of GOLD in 1 row".to_owned()));
    let all = lines.join("\n");
    for said in ["burn asset EUR amount 99.00", "put record", "text 27 0 \"seen\""] {
        assert!(all.contains(said), "{said} is not in {all}");
    }
    assert!(!all.contains("text 20 0") && !all.contains("all of it"), "{all}");
}

#[test]
fn what_is_written_over_stays_as_closed_as_it_was_and_nothing_beside_it_is_touched() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let (path, beside) = (folder.path().join("p.qtx"), folder.path().join("p.signing"));
    write_new(&path, &[built(1)]).unwrap();
    fs::write(&beside, "somebody's").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    write_over(&path, &[built(2)]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&beside).unwrap(), "somebody's");
    assert_eq!(fs::read_to_string(&path).unwrap(), built(2).write());
    assert!(write_new(&path, &[built(3)]).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Which of two that make one asset is executed is not known: the sum of both has no decimals.
#[test]
fn amounts_with_other_decimals_have_no_sum_in_decimals() {
    let gold: AssetCode = "GOLD".parse().unwrap();
    let payer = key(1).key().address();
    let making = |salt: u8, decimals: u8| {
        let unsigned = TransactionBuilder::new(sha256(b"network"), payer, Timestamp(9_000), [salt; 16])
            .create_asset(gold, decimals, "")
            .transfer(key(2).key().address(), gold, Amount(100), "")
            .build_with(|_| [salt; 16]);
        Travelling::new(unsigned.intent, unsigned.texts, &ProvenDecimals::new()).unwrap()
    };
    let sum = |all: &[Travelling]| {
        let papers = read(&text_of(all).unwrap(), Meaning::default()).unwrap();
        papers.sums()[0].amount.clone()
    };
    assert_eq!(sum(&[making(1, 2)]).as_deref(), Some("1.00"));
    assert_eq!(sum(&[making(1, 2), making(2, 3)]), None);
    assert_eq!(sum(&[making(1, 2), making(2, 3), making(3, 2)]), None);
}
