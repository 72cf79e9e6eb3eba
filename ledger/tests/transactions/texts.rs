//! Texts: their places, what they may be, and that they fit an intent's root.

use std::ops::RangeInclusive;

use quorate_crypto::merkle;
use quorate_ledger::{
    Digest, IllegalText, Intent, IntentV1, Keep, Operation, ParametersV1, Place, Submission, Text, TextError,
    TextItem, Texts, is_refused, is_unseen, legal_text,
};

use crate::world::{address, check, code, digest, intent, intent_with, k1, network, transfer};

const MEMO: Place = Place::Memo;

fn at(index: u8, field: u8) -> Place {
    Place::Operation { index, field }
}

fn text(salt: u8, text: &[u8]) -> Text {
    Text {
        salt: [salt; 16],
        text: text.to_vec(),
    }
}

fn record() -> Operation {
    Operation::PutRecord {
        sha256: digest(1),
        keep: Keep::Own,
    }
}

/// An intent with these texts, and the texts.
fn with_texts(operations: Vec<Operation>, texts: Vec<(Place, Text)>) -> (IntentV1, Vec<TextItem>) {
    let (places, texts): (Vec<Place>, Vec<Text>) = texts.into_iter().unzip();
    let items: Vec<TextItem> = texts.into_iter().map(TextItem::Shown).collect();
    let root = Texts::root_of(&items);
    let intent = IntentV1 {
        texts: Some(Texts { places, root }),
        ..intent(operations)
    };
    (intent, items)
}

/// A memo, a transfer's, a label and metadata.
fn four() -> (IntentV1, Vec<TextItem>) {
    with_texts(
        vec![transfer(), record()],
        vec![
            (MEMO, text(1, b"rent")),
            (at(0, 0), text(2, "März".as_bytes())),
            (at(1, 0), text(3, b"contract")),
            (at(1, 1), text(4, &[0, 0xFF, 0x1B])),
        ],
    )
}

#[test]
fn encodings_are_those_of_the_page() {
    check(&MEMO, "00");
    check(&at(2, 1), "01 02 01");
    check(&text(0x10, b"ab"), "10*16 02 6162");
    check(&text(0x10, &[7; 200]), "10*16 c801 07*200");
    check(&TextItem::Shown(text(0x10, b"ab")), "00 10*16 02 6162");
    check(&TextItem::Withheld { leaf: digest(0xE1) }, "01 e1*32");
    let texts = Texts {
        places: vec![MEMO, at(0, 0)],
        root: digest(0xE2),
    };
    check(&texts, "02 00 01 0000 e2*32");
}

#[test]
fn places_order_as_their_encodings() {
    let ascending = [MEMO, at(0, 0), at(0, 1), at(1, 0), at(255, 0), at(255, 255)];
    assert!(ascending.is_sorted_by(|a, b| a < b));
    let encoded = ascending.map(|place| quorate_ledger::encode(&place));
    assert!(encoded.is_sorted_by(|a, b| a < b));
}

#[test]
fn places_are_written_as_in_files_that_travel() {
    assert_eq!(MEMO.to_string(), "memo");
    assert_eq!(at(12, 1).to_string(), "text 12 1");
}

/// The table of section 4: operation, field, bytes, and whether any bytes will do.
const PLACES: [(&str, u8, usize, bool); 8] = [
    ("create asset", 0, 128, false),
    ("transfer", 0, 128, false),
    ("hold", 0, 128, false),
    ("put record", 0, 128, false),
    ("put record", 1, 1_024, true),
    ("freeze", 0, 256, false),
    ("unfreeze", 0, 256, false),
    ("propose", 0, 1_024, false),
];

#[test]
fn texts_belong_to_the_places_of_the_table_alone() {
    for (operation, _) in crate::operations::all() {
        let name = operation.name();
        let intent = intent(vec![operation]);
        for field in 0..=255 {
            let expected = PLACES.iter().find(|(of, with, ..)| *of == name && *with == field);
            let rule = at(0, field).rule(&intent);
            assert_eq!(
                rule.map(|rule| (rule.max_bytes, rule.any_bytes)),
                expected.map(|(_, _, bytes, any)| (*bytes, *any)),
                "{name} {field}"
            );
            assert_eq!(at(0, field).legal_for(&intent), expected.is_some());
            assert_eq!(
                at(0, field).max_bytes(&intent),
                expected.map(|(_, _, bytes, _)| *bytes)
            );
        }
        assert_eq!(MEMO.max_bytes(&intent), Some(256));
        assert!(!at(1, 0).legal_for(&intent), "there is no second operation");
    }
}

#[test]
fn a_texts_length_is_1_to_its_limit() {
    let cases = [(MEMO, 256), (at(0, 0), 128), (at(1, 0), 128), (at(1, 1), 1_024)];
    for (place, limit) in cases {
        let of = |length: usize| {
            let operations = vec![transfer(), record()];
            text(1, &vec![b'x'; length]).check(place, &intent_with(operations, vec![place]))
        };
        for length in [0, limit + 1, 70_000] {
            let expected = TextError::Length { place, length, limit };
            assert_eq!(of(length), Err(expected));
            assert_eq!(expected.code(), "text_refused");
        }
        assert_eq!(of(1), Ok(()));
        assert_eq!(of(limit), Ok(()));
    }
}

#[test]
fn lengths_are_bytes_not_letters() {
    let intent = intent_with(vec![transfer()], vec![at(0, 0)]);
    assert_eq!(
        text(1, "é".repeat(64).as_bytes()).check(at(0, 0), &intent),
        Ok(())
    );
    assert!(
        text(1, "é".repeat(65).as_bytes())
            .check(at(0, 0), &intent)
            .is_err()
    );
}

/// The list of section 4, rule 5.
const REFUSED: [RangeInclusive<u32>; 9] = [
    0x0000..=0x001F,
    0x007F..=0x009F,
    0x061C..=0x061C,
    0x200E..=0x200F,
    0x2028..=0x202E,
    0x2066..=0x2069,
    0xFEFF..=0xFEFF,
    0xFFF9..=0xFFFB,
    0xE0000..=0xE007F,
];

#[test]
fn the_refused_code_points_are_those_of_the_list_alone() {
    let mut refused = 0;
    for letter in '\0'..=char::MAX {
        let expected = REFUSED.iter().any(|range| range.contains(&u32::from(letter)));
        assert_eq!(is_refused(letter), expected, "U+{:04X}", u32::from(letter));
        assert!(!expected || is_unseen(letter), "U+{:04X}", u32::from(letter));
        refused += u32::from(expected);
    }
    assert_eq!(refused, 32 + 33 + 1 + 2 + 7 + 4 + 1 + 3 + 128);
}

#[test]
fn no_text_has_a_refused_code_point_but_metadata_may() {
    let intent = intent_with(vec![transfer(), record()], vec![MEMO]);
    for range in REFUSED {
        for number in [*range.start(), *range.end()] {
            let letter = char::from_u32(number).unwrap();
            let bytes = format!("a{letter}b").into_bytes();
            let error = IllegalText::Refused { letter };
            assert_eq!(legal_text(&bytes), Err(error));
            for place in [MEMO, at(0, 0), at(1, 0)] {
                let expected = TextError::Illegal { place, error };
                assert_eq!(text(1, &bytes).check(place, &intent), Err(expected));
                assert_eq!(expected.code(), "text_refused");
            }
            assert_eq!(text(1, &bytes).check(at(1, 1), &intent), Ok(()));
        }
    }
    assert_eq!(
        legal_text("\u{202e}".as_bytes()).unwrap_err().to_string(),
        "the text has U+202E, which no text may have"
    );
    // Next to them all is well, and what is merely unseen may stand in texts.
    for good in [
        " ", "~", "\u{a0}", "\u{200d}", "\u{2010}", "\u{2027}", "\u{202f}", "\u{ad}", "🏠",
    ] {
        assert_eq!(legal_text(good.as_bytes()), Ok(good));
        assert_eq!(text(1, good.as_bytes()).check(MEMO, &intent), Ok(()));
    }
}

#[test]
fn texts_are_utf8_but_metadata_need_not_be() {
    let intent = intent_with(vec![transfer(), record()], vec![MEMO]);
    for bytes in [&b"\xFF"[..], b"a\xC3", b"\xC0\x80", b"\xED\xA0\x80"] {
        let (place, error) = (MEMO, IllegalText::NotUtf8);
        assert_eq!(
            text(1, bytes).check(place, &intent),
            Err(TextError::Illegal { place, error })
        );
        assert_eq!(text(1, bytes).check(at(1, 1), &intent), Ok(()));
    }
}

#[test]
fn all_shown_or_some_withheld_they_fit() {
    let (intent, items) = four();
    assert_eq!(intent.fit(&items), Ok(()));
    for withheld in 0..16_u8 {
        let mut some = items.clone();
        for (place, item) in some.iter_mut().enumerate() {
            if withheld >> place & 1 == 1 {
                *item = TextItem::Withheld { leaf: item.leaf() };
            }
        }
        assert_eq!(intent.fit(&some), Ok(()));
    }
}

#[test]
fn the_root_is_that_of_the_leaves_in_order() {
    let (intent, items) = four();
    let leaves: Vec<Digest> = items.iter().map(TextItem::leaf).collect();
    let node = |left: usize, right: usize| merkle::node_hash(&leaves[left], &leaves[right]);
    let root = merkle::node_hash(&node(0, 1), &node(2, 3));
    assert_eq!(intent.texts.unwrap().root, root);
    let three = merkle::node_hash(&node(0, 1), &leaves[2]);
    assert_eq!(Texts::root_of(&items[..3]), three);
}

#[test]
fn other_texts_do_not_fit() {
    let (intent, items) = four();
    let mut swapped = items.clone();
    swapped.swap(0, 1);
    assert_eq!(intent.fit(&swapped), Err(TextError::WrongRoot));
    let mut salted = items.clone();
    salted[0] = TextItem::Shown(text(9, b"rent"));
    assert_eq!(intent.fit(&salted), Err(TextError::WrongRoot));
    let mut other = items.clone();
    other[0] = TextItem::Shown(text(1, b"ren1"));
    assert_eq!(intent.fit(&other), Err(TextError::WrongRoot));
    let mut withheld = items;
    withheld[3] = TextItem::Withheld { leaf: Digest::ZERO };
    assert_eq!(intent.fit(&withheld), Err(TextError::WrongRoot));
    assert_eq!(TextError::WrongRoot.code(), "texts_unfit");
}

#[test]
fn there_is_one_for_each_place() {
    let (intent, items) = four();
    let (got, expected) = (3, 4);
    let missing = TextError::Missing { got, expected };
    assert_eq!(intent.fit(&items[..3]), Err(missing));
    assert_eq!(missing.code(), "texts_missing");
    let more = [items.as_slice(), &items[..1]].concat();
    let (got, expected) = (5, 4);
    let too_many = TextError::TooMany { got, expected };
    assert_eq!(intent.fit(&more), Err(too_many));
    assert_eq!(too_many.code(), "texts_unfit");
    let plain = crate::world::intent(vec![transfer()]);
    assert_eq!(plain.fit(&[]), Ok(()));
    assert_eq!(plain.fit(&items[..1]).unwrap_err().code(), "texts_unfit");
    assert!(plain.places().is_empty());
}

#[test]
fn a_shown_text_must_be_legal_whatever_the_root() {
    let letter = '\u{7}';
    let (intent, items) = with_texts(vec![transfer()], vec![(MEMO, text(1, b"bell\x07"))]);
    let (place, error) = (MEMO, IllegalText::Refused { letter });
    assert_eq!(intent.fit(&items), Err(TextError::Illegal { place, error }));
    // Nobody can see that of one that is withheld.
    let leaf = items[0].leaf();
    assert_eq!(intent.fit(&[TextItem::Withheld { leaf }]), Ok(()));
}

#[test]
fn a_text_that_is_too_long_has_a_leaf_and_fits_nowhere() {
    let long = text(1, &vec![b'x'; 70_000]);
    let (intent, items) = with_texts(vec![transfer()], vec![(MEMO, long)]);
    assert_eq!(intent.fit(&items).unwrap_err().code(), "text_refused");
}

#[test]
fn submitted_are_all_texts() {
    let (intent, items) = four();
    let texts: Vec<Text> = items.iter().map(|item| item.shown().unwrap().clone()).collect();
    let transaction = Intent::V1(intent).sign([&k1()]);
    let of = |texts: &[Text]| {
        let submission = Submission::new(transaction.clone(), texts.to_vec());
        submission
            .check_form(&network(), &ParametersV1::default())
            .map_err(|error| error.code())
    };
    assert_eq!(of(&texts), Ok(()));
    assert_eq!(of(&texts[..3]), Err("texts_missing"));
    assert_eq!(of(&[]), Err("texts_missing"));
    let more = [texts.as_slice(), &texts[..1]].concat();
    assert_eq!(of(&more), Err("texts_unfit"));
    let mut other = texts.clone();
    other[2].salt[0] ^= 1;
    assert_eq!(of(&other), Err("texts_unfit"));
    other[2].text = vec![0];
    assert_eq!(of(&other), Err("text_refused"));
    let (read, shown) = Submission::new(transaction.clone(), texts).into_parts();
    assert_eq!((read, shown), (transaction, items));
}

#[test]
fn all_kinds_of_operations_can_have_their_texts() {
    let operations = vec![
        Operation::CreateAsset {
            code: code("EUR"),
            decimals: 2,
            flags: 0,
        },
        crate::world::long_hold(),
        Operation::Freeze {
            account: address(1),
            asset: None,
        },
        Operation::Unfreeze {
            account: address(1),
            asset: None,
        },
        Operation::Propose {
            change: quorate_ledger::Change::Protocol(2),
            expires_at: quorate_ledger::Timestamp(1),
        },
    ];
    let places = (0..5).map(|index| (at(index, 0), text(index, b"why")));
    let (intent, items) = with_texts(operations, places.collect());
    assert_eq!(crate::world::reason_of(intent.clone()), Ok(()));
    assert_eq!(intent.fit(&items), Ok(()));
}
