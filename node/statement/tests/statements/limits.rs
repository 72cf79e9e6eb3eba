//! What camt.053 has room for, and what is refused with what to do.

use quorate_ledger::{HistoryOwner, Timestamp};
use quorate_statement::{Camt053Error, Names, camt053, camt053_assets, csv, figures_of_camt053, html};
use quorate_verifier::{StatementFacts, TextFacts};

use crate::golden::{CREATED, assert_same, asset};
use crate::made::{
    A, B, C, Made, act, assets, balance, change, empty, entry, intent, month, names, own_leaf, pay, shown,
};

/// A receives an amount of an asset with so many decimals.
fn received(code: &str, decimals: u8, amount: u128) -> Made {
    Made::of(StatementFacts {
        closing: vec![balance(code, amount, 0)],
        entries: vec![entry(
            1,
            intent(&[B], vec![act(0, pay(A, code, amount))], &[]),
            &[],
            vec![change(code, [0, amount], [0, 0])],
        )],
        beside: assets(&[(code, decimals)]),
        ..empty()
    })
}

/// The document of one asset, or why there is none.
fn document(made: &Made, code: &str) -> Result<String, Camt053Error> {
    let names = Names::new();
    let statement = made.statement(&names);
    let document = camt053(&statement, CREATED, &[asset(code)]);
    let can = camt053_assets(&statement)
        .into_iter()
        .find(|(other, _)| *other == asset(code));
    if let Some((_, can)) = can {
        assert_eq!(can.err(), document.clone().err());
    }
    if let Ok(text) = &document {
        assert_same(&figures_of_camt053(text).unwrap(), &statement);
    }
    document
}

#[test]
fn codes_of_three_letters_are_currencies() {
    for code in ["EUR", "QRT", "XAU"] {
        assert!(document(&received(code, 2, 1), code).is_ok(), "{code}");
    }
    for code in ["GOLD", "EU", "E1R", "123", "A"] {
        let asset = asset(code);
        let refused = Camt053Error::NotACurrency { asset };
        assert_eq!(document(&received(code, 2, 1), code), Err(refused), "{code}");
    }
}

#[test]
fn amounts_have_five_decimals_and_eighteen_digits() {
    for (decimals, amount, text) in [
        (0, 7, "7"),
        (5, 1, "0.00001"),
        (2, 999_999_999_999_999_999, "9999999999999999.99"),
        (18, 1_500_000_000_000_000_000, "1.50000"),
        (6, 10, "0.00001"),
        (18, 10_u128.pow(31) - 10_u128.pow(13), "9999999999999.99999"),
    ] {
        let document = document(&received("EUR", decimals, amount), "EUR").unwrap();
        assert_eq!(
            document
                .matches(&format!("<Amt Ccy=\"EUR\">{text}</Amt>"))
                .count(),
            2,
            "{text}"
        );
    }
    let asset = asset("EUR");
    for (decimals, amount, text) in [
        (6, 1, "0.000001"),
        (18, 1_500_000_000_000_000_001, "1.500000000000000001"),
    ] {
        let amount_text = text.to_owned();
        let refused = Camt053Error::TooPrecise {
            asset,
            amount: amount_text,
        };
        assert_eq!(document(&received("EUR", decimals, amount), "EUR"), Err(refused));
    }
    for (decimals, amount, text) in [
        (2, 1_000_000_000_000_000_000, "10000000000000000.00"),
        (18, 10_u128.pow(31), "10000000000000.000000000000000000"),
    ] {
        let amount_text = text.to_owned();
        let refused = Camt053Error::TooLarge {
            asset,
            amount: amount_text,
        };
        assert_eq!(document(&received("EUR", decimals, amount), "EUR"), Err(refused));
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let made = Made::of(month());
    let refused = document(&made, "QRT").unwrap_err();
    assert_eq!(refused, Camt053Error::DecimalsUnknown { asset: asset("QRT") });
    assert!(
        refused
            .to_string()
            .contains("ask for a proof with the asset beside the statement")
    );
    assert_eq!(
        document(&made, "USD"),
        Err(Camt053Error::NotThere { asset: asset("USD") })
    );
    let names = Names::new();
    let statement = made.statement(&names);
    assert_eq!(camt053(&statement, CREATED, &[]), Err(Camt053Error::NoAsset));
    let time = Timestamp(u64::MAX);
    assert_eq!(
        camt053(&statement, time, &[asset("EUR")]),
        Err(Camt053Error::TooLate { time })
    );
}

#[test]
fn a_supply_is_no_account() {
    let facts = StatementFacts {
        owner: HistoryOwner::Asset(asset("EUR")),
        closing: vec![balance("EUR", 5, 0)],
        ..empty()
    };
    let made = Made::new(facts, own_leaf("EUR", 2));
    let refused = Camt053Error::Supply { asset: asset("EUR") };
    assert_eq!(document(&made, "EUR"), Err(refused));
    // The other forms have it.
    let names = Names::new();
    let statement = made.statement(&names);
    assert!(csv(&statement).contains("about,,,,,,,asset,,,,,,,,,EUR,"));
    assert!(html(&statement).contains("<dt>asset</dt><dd>EUR</dd>"));
}

#[test]
fn what_is_held_is_a_balance_of_its_own() {
    let made = Made::of(StatementFacts {
        opening: vec![balance("EUR", 100, 250)],
        closing: vec![balance("EUR", 100, 250)],
        beside: assets(&[("EUR", 2)]),
        ..empty()
    });
    let document = document(&made, "EUR").unwrap();
    for (kind, amount) in [
        ("<Cd>OPBD</Cd>", "1.00"),
        ("<Cd>CLBD</Cd>", "1.00"),
        ("<Prtry>OPENING HELD</Prtry>", "2.50"),
        ("<Prtry>CLOSING HELD</Prtry>", "2.50"),
    ] {
        let (_, behind) = document.split_once(kind).unwrap();
        let (_, behind) = behind.split_once("<Amt Ccy=\"EUR\">").unwrap();
        assert!(behind.starts_with(&format!("{amount}<")), "{kind}");
    }
}

#[test]
fn an_entry_pays_a_creditor_or_is_paid_by_a_debtor() {
    let names = names();
    let made = Made::of(month());
    let document = camt053(&made.statement(&names), CREATED, &[asset("EUR")]).unwrap();
    let entry = |reference: &str| {
        let (_, behind) = document
            .split_once(&format!("<NtryRef>{reference}</NtryRef>"))
            .unwrap();
        behind.split_once("</Ntry>").unwrap().0.to_owned()
    };
    let received = entry("33.0");
    assert!(received.contains("<CdtDbtInd>CRDT</CdtDbtInd>"));
    assert!(received.contains(&format!("<Id>{B}</Id>")) && received.contains("<DbtrAcct>"));
    assert!(received.contains("<Nm>B &lt;ob&gt;</Nm>") && !received.contains("Cdtr"));
    assert!(received.contains("<Ustrd>=rent \\u{200b}&amp; &lt;more&gt;</Ustrd>"));
    assert!(received.contains("<Ustrd>(memo withheld)</Ustrd>"));
    assert!(received.contains("block 33; text 1 shown; memo 1 withheld<"));
    let held = entry("34.0");
    assert!(held.contains("<CdtDbtInd>DBIT</CdtDbtInd>") && held.contains("<Cd>hold</Cd>"));
    assert!(held.contains(&format!("<Id>{C}</Id>")) && held.contains("<CdtrAcct>"));
    assert!(held.contains("<Nm>=Carol\\u{202e}</Nm>") && !held.contains("Dbtr"));
    assert!(held.contains("<Ustrd>(text erased)</Ustrd>"));
    // What is given back comes from nobody.
    let refunded = entry("38.0");
    assert!(refunded.contains("<CdtDbtInd>CRDT</CdtDbtInd>") && !refunded.contains("RltdPties"));
    // What moves nothing that can be spent is no entry: a release of what is held, a payment to itself, a record.
    for reference in ["35", "36.0", "41.0", "42", "43.0", "44.0"] {
        assert!(
            !document.contains(&format!("<NtryRef>{reference}</NtryRef>")),
            "{reference}"
        );
    }
    assert_eq!(document.matches("<Ntry>").count(), 8);
}

#[test]
fn long_texts_are_cut_into_pieces_and_long_names_cut() {
    let mut facts = month();
    let text = "0123456789äöü🏠 ".repeat(10);
    facts.entries.truncate(1);
    facts.entries[0].shown.texts = TextFacts::All(vec![shown("memo"), shown(&text)]);
    facts.closing = vec![balance("EUR", 15_000, 0)];
    let made = Made::of(facts);
    let names = [(B, "\u{200b}".repeat(100))].into_iter().collect();
    let statement = made.statement(&names);
    let document = camt053(&statement, CREATED, &[asset("EUR")]).unwrap();
    let pieces: Vec<&str> = document
        .split("<Ustrd>")
        .skip(1)
        .map(|part| part.split('<').next().unwrap())
        .collect();
    let letters: Vec<usize> = pieces.iter().map(|piece| piece.chars().count()).collect();
    assert_eq!(letters, [140, 10, 4]);
    assert_eq!(pieces[..2].concat(), text);
    assert!(document.contains("text 2 shown; memo 1 shown"));
    // Eight letters at a time, of which eight have room.
    assert!(document.contains(&format!("<Nm>{}</Nm>", "\\u{200b}".repeat(8))));
    assert_same(&figures_of_camt053(&document).unwrap(), &statement);
}

#[test]
fn what_a_statement_is_about_has_room_in_its_longest_form() {
    let mut facts = month();
    facts.from = Timestamp(1);
    facts.to = Timestamp(253_402_300_799_999);
    facts.complete_up_to = Some(Timestamp(253_402_300_799_998));
    let mut made = Made::of(facts);
    // Only the text of the head is looked at here.
    let head = made.verdict.head.as_mut().unwrap();
    head.height.0 = u64::MAX;
    head.epoch.0 = u64::MAX;
    let names = Names::new();
    let statement = made.statement(&names);
    let document = camt053(&statement, CREATED, &[asset("EUR")]).unwrap();
    let (_, behind) = document.split_once("<AddtlStmtInf>").unwrap();
    let (about, _) = behind.split_once('<').unwrap();
    // Each of the two counts can have seven digits.
    assert!(about.len() + 12 <= 500, "{} characters", about.len());
    assert_same(&figures_of_camt053(&document).unwrap(), &statement);
}
