//! Texts of batches and whole copies (sections 4 and 5).

use bytes::Bytes;
use quorate_crypto::Digest;
use quorate_ledger::{
    BatchTexts, DecodeError, FormedBatch, NotWhole, Place, Text, TextItem, UnfitTexts, WholeCopy, encode,
};

use crate::world::{World, bytes, signed, signed_batch, signed_with_texts};

/// Two transactions with two texts each, and one without between them.
struct Sample {
    world: World,
    batch: FormedBatch,
    items: Vec<TextItem>,
}

impl Sample {
    fn new(letters: usize) -> Self {
        let world = World::new();
        let (first, mut items) = signed_with_texts(1, 1, letters);
        let (second, of_second) = signed_with_texts(2, 2, letters);
        items.extend(of_second);
        let batch = signed_batch(vec![first, signed(1, 3), second]);
        let batch = FormedBatch::from_signed(batch, &world.rules()).unwrap();
        Self { world, batch, items }
    }

    /// Withholds a text.
    fn withhold(&mut self, place: usize) {
        let TextItem::Shown(text) = &self.items[place] else {
            panic!("text {place} is withheld already");
        };
        self.items[place] = TextItem::Withheld { leaf: text.leaf() };
    }

    fn check(&self, erased: impl FnMut(&Digest, &Place) -> bool) -> Result<WholeCopy, NotWhole> {
        let texts = BatchTexts::new(self.items.clone());
        WholeCopy::new(self.batch.clone(), texts, self.world.parameters.v1(), erased)
    }

    fn id(&self, transaction: usize) -> Digest {
        self.batch.transactions().nth(transaction).unwrap().id
    }
}

fn nothing_erased(_: &Digest, _: &Place) -> bool {
    false
}

#[test]
fn texts_of_a_batch_have_the_bytes_of_the_page() {
    let texts = BatchTexts::new(vec![
        TextItem::Shown(Text {
            salt: [0x5a; 16],
            text: b"hi".to_vec(),
        }),
        TextItem::Withheld {
            leaf: Digest([0xd1; 32]),
        },
    ]);
    let expected = bytes("00 02 00 5a*16 02 6869 01 d1*32");
    assert_eq!(hex::encode(encode(&texts)), hex::encode(&expected));
    let world = World::new();
    let parameters = world.parameters.v1();
    assert_eq!(BatchTexts::decode(&expected, parameters).unwrap(), texts);
    assert!(BatchTexts::decode(&expected[..expected.len() - 1], parameters).is_err());
    // The first text counts as if it were withheld.
    assert_eq!(texts.counted_length(), 2 + 33 + 33);
    assert_eq!(BatchTexts::new(Vec::new()).counted_length(), 2);
}

#[test]
fn a_copy_with_all_its_texts_is_whole() {
    let copy = Sample::new(40);
    let whole = copy.check(nothing_erased).unwrap();
    assert_eq!(whole.batch().digest(), copy.batch.digest());
    // A variant, a salt, a length and forty letters each.
    let texts = 1 + 1 + 4 * (1 + 16 + 1 + 40);
    assert_eq!(whole.length(), copy.batch.bytes().len() + texts);
    assert_eq!(encode(whole.texts()).len(), texts);
    let (batch, texts) = whole.into_parts();
    let again = WholeCopy::decode(batch, &encode(&texts), copy.world.parameters.v1(), nothing_erased);
    assert_eq!(again.unwrap().texts(), &texts);
}

#[test]
fn a_batch_without_texts_is_whole_by_itself() {
    let world = World::new();
    let batch = FormedBatch::from_signed(signed_batch(vec![signed(1, 0)]), &world.rules()).unwrap();
    let length = batch.bytes().len();
    let whole = WholeCopy::decode(batch, &[0, 0], world.parameters.v1(), nothing_erased).unwrap();
    assert_eq!(whole.length(), length + 2);
}

#[test]
fn texts_that_cannot_be_read_make_no_copy_whole() {
    let copy = Sample::new(1);
    let of = |texts: &[u8]| {
        let parameters = copy.world.parameters.v1();
        WholeCopy::decode(copy.batch.clone(), texts, parameters, nothing_erased).unwrap_err()
    };
    assert!(matches!(of(&[]), NotWhole::Decode(DecodeError::Malformed { .. })));
    assert!(matches!(
        of(&[1, 0]),
        NotWhole::Decode(DecodeError::Malformed { .. })
    ));
    let long = vec![0; 524_289];
    assert!(matches!(of(&long), NotWhole::Decode(DecodeError::TooLong { .. })));
    assert_eq!((of(&[]).code(), of(&[]).blames_sender()), ("not_whole", true));
}

#[test]
fn missing_and_surplus_texts_do_not_fit() {
    let of = |change: fn(&mut Vec<TextItem>)| {
        let mut copy = Sample::new(3);
        change(&mut copy.items);
        let error = copy.check(|_, _| true).unwrap_err();
        assert!(error.blames_sender());
        error
    };
    let count = |got| NotWhole::Unfit(UnfitTexts::Count { got, places: 4 });
    assert_eq!(of(|items| items.truncate(3)), count(3));
    assert_eq!(of(Vec::clear), count(0));
    assert_eq!(of(|items| items.push(items[0].clone())), count(5));
}

#[test]
fn other_texts_than_were_signed_do_not_fit() {
    let of = |change: fn(&mut Vec<TextItem>)| {
        let mut copy = Sample::new(3);
        change(&mut copy.items);
        match copy.check(|_, _| true).unwrap_err() {
            NotWhole::Unfit(UnfitTexts::Transaction { transaction, .. }) => transaction,
            other => panic!("{other}"),
        }
    };
    // Another letter, another salt, another hash, and texts at each other's places.
    let letter = |items: &mut Vec<TextItem>| {
        if let TextItem::Shown(text) = &mut items[0] {
            text.text[0] ^= 1;
        }
    };
    assert_eq!(of(letter), 0);
    let salt = |items: &mut Vec<TextItem>| {
        if let TextItem::Shown(text) = &mut items[3] {
            text.salt[0] ^= 1;
        }
    };
    assert_eq!(of(salt), 2);
    assert_eq!(
        of(|items| items[2] = TextItem::Withheld {
            leaf: Digest([1; 32])
        }),
        2
    );
    assert_eq!(of(|items| items.swap(0, 1)), 0);
    assert_eq!(of(|items| items.swap(1, 2)), 0);
}

#[test]
fn a_withheld_text_is_whole_once_its_erasure_is_certified() {
    let mut copy = Sample::new(40);
    let before = copy.check(nothing_erased).unwrap().length();
    copy.withhold(3);
    let memo_of_transfer = Place::Operation { index: 0, field: 0 };
    let expected = NotWhole::Withheld {
        transaction: copy.id(2),
        place: memo_of_transfer,
    };
    let error = copy.check(nothing_erased).unwrap_err();
    assert_eq!(error, expected);
    // The sender may know of an erasure that is not certified here yet.
    assert_eq!((error.code(), error.blames_sender()), ("not_whole", false));
    // An erasure of another text does not help.
    let other = copy.check(|id, place| *id == copy.id(0) && *place == memo_of_transfer);
    assert_eq!(other.unwrap_err(), expected);
    let whole = copy.check(|id, place| *id == copy.id(2) && *place == memo_of_transfer);
    // Forty letters are longer than a hash.
    assert_eq!(whole.unwrap().length(), before - (1 + 16 + 1 + 40) + 33);
    let texts = BatchTexts::new(copy.items.clone());
    assert_eq!(texts.withheld(&copy.batch), [(copy.id(2), memo_of_transfer)]);
}

#[test]
fn every_text_counts_with_33_bytes_so_that_an_erasure_cannot_make_a_copy_too_long() {
    let mut copy = Sample::new(1);
    let length = copy.batch.bytes().len() + 2 + 4 * 33;
    assert_eq!(copy.check(nothing_erased).unwrap().length(), length);
    let limited =
        |limit: usize| World::with(|parameters| parameters.max_batch_bytes = limit.try_into().unwrap());
    copy.world = limited(length);
    assert_eq!(copy.check(nothing_erased).unwrap().length(), length);
    for place in 0..4 {
        copy.withhold(place);
        assert_eq!(copy.check(|_, _| true).unwrap().length(), length);
    }
    // One byte less, and the copy was never whole, though its bytes are far fewer.
    let mut copy = Sample::new(1);
    copy.world = limited(length - 1);
    let limit = length - 1;
    assert_eq!(
        copy.check(nothing_erased).unwrap_err(),
        NotWhole::TooLong { length, limit }
    );
    assert!(copy.batch.bytes().len() + encode(&BatchTexts::new(copy.items)).len() < limit);
}

#[test]
fn the_sender_is_to_blame_where_more_than_withheld_texts_are_wrong() {
    let mut copy = Sample::new(40);
    copy.withhold(0);
    let length = copy.batch.bytes().len();
    copy.world = World::with(|parameters| parameters.max_batch_bytes = length.try_into().unwrap());
    let error = copy.check(nothing_erased).unwrap_err();
    assert!(matches!(error, NotWhole::TooLong { .. }));
    assert!(error.blames_sender());
}

#[test]
fn a_copy_whose_author_did_not_sign_it_is_no_formed_batch() {
    let copy = Sample::new(1);
    let mut forged = copy.batch.bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let error = FormedBatch::new(Bytes::from(forged), &copy.world.rules()).unwrap_err();
    assert_eq!(error.code(), "author_signature");
}
