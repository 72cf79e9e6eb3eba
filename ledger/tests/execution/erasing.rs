//! Erasures: who may, of what, once.

use quorate_crypto::Digest;
use quorate_ledger::{
    ConditionLeaf, Erased, Erasure, ErasureV1, Intent, IntentV1, Keep, Operation, Place, StateKey, Texts,
    encode, read_value,
};

use crate::world::{
    MILLION, World, address, any_of, failed, hold, hold_if, put_record, refund, release, sign, success,
    transfer,
};

/// An intent of one account with a memo of its own and one of its transfer.
pub(crate) fn with_memo(world: &mut World, who: u8) -> IntentV1 {
    let mut intent = world.intent(&[who], vec![(who, transfer(9, "EUR", 1))]);
    intent.texts = texts(&[Place::Memo, field(0, 0)]);
    intent
}

pub(crate) fn erase(intent: &IntentV1) -> Operation {
    let places = intent.texts.as_ref().unwrap().places.clone();
    erase_places(intent, places)
}

fn erase_places(intent: &IntentV1, places: Vec<Place>) -> Operation {
    Operation::Erase {
        intent: encode(&Intent::V1(intent.clone())),
        places,
    }
}

fn field(index: u8, field: u8) -> Place {
    Place::Operation { index, field }
}

fn texts(places: &[Place]) -> Option<Texts> {
    Some(Texts {
        places: places.to_vec(),
        root: Digest([3; 32]),
    })
}

fn erasure(world: &World, intent: &IntentV1) -> Option<ErasureV1> {
    let key = StateKey::erasure(&Intent::V1(intent.clone()).id());
    let found: Option<Erasure> = read_value(&world.state, &key).unwrap();
    found.map(|Erasure::V1(erasure)| erasure)
}

#[test]
fn a_party_erases_a_text_with_a_leaf_of_who_and_when() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    assert_eq!(world.run_transaction(sign(intent.clone(), &[0])), success());
    let transaction = world.signed(0, vec![erase_places(&intent, vec![field(0, 0)])]);
    let execution = world.commit(vec![transaction]);
    let id = Intent::V1(intent.clone()).id();
    assert_eq!(execution.erased, [(id, field(0, 0))]);
    let then = world.now();
    let first = || Erased {
        place: field(0, 0),
        by: address(0),
        ordinal: 1,
        timestamp: then,
    };
    let expected = ErasureV1 {
        id,
        erased: vec![first()],
    };
    assert_eq!(erasure(&world, &intent), Some(expected));

    // The recipient erases the rest; one leaf has both, ascending by place.
    let transaction = world.signed(9, vec![erase_places(&intent, vec![Place::Memo])]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.erased, [(id, Place::Memo)]);
    let second = Erased {
        place: Place::Memo,
        by: address(9),
        ordinal: 2,
        timestamp: world.now(),
    };
    assert_eq!(erasure(&world, &intent).unwrap().erased, [second, first()]);
}

#[test]
fn code_29_once_alone() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    assert_eq!(
        world.run(0, vec![erase_places(&intent, vec![Place::Memo])]),
        success()
    );
    // Of several places one is enough, and none of the others is erased then.
    assert_eq!(world.run(0, vec![erase(&intent)]), failed(29, 0));
    assert_eq!(erasure(&world, &intent).unwrap().erased.len(), 1);
    assert_eq!(
        world.run(9, vec![erase_places(&intent, vec![Place::Memo])]),
        failed(29, 0)
    );
    let other = erase_places(&intent, vec![field(0, 0)]);
    assert_eq!(world.run(0, vec![other.clone(), other.clone()]), failed(29, 1));
    assert_eq!(world.run(0, vec![other]), success());
}

#[test]
fn a_text_is_erased_before_its_transaction_is_executed() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    assert_eq!(world.run(9, vec![erase(&intent)]), success());
    assert_eq!(world.run_transaction(sign(intent.clone(), &[0])), success());
    // Visible by the ordinals: nobody need have seen these texts.
    let erasure = erasure(&world, &intent).unwrap();
    assert!(erasure.erased.iter().all(|erased| erased.ordinal == 0));
    assert_eq!(world.free(9, "EUR"), 1);
}

#[test]
fn code_28_who_is_not_named() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    assert_eq!(world.run(1, vec![erase(&intent)]), failed(28, 0));
    // Not even where it is a party of the erasing transaction: the acting party counts.
    assert_eq!(
        world.run_jointly(&[1, 0], vec![(1, erase(&intent))]),
        failed(28, 0)
    );
    assert_eq!(world.run_jointly(&[1, 0], vec![(0, erase(&intent))]), success());
}

#[test]
fn fields_at_the_top_name_accounts_and_deeper_ones_do_not() {
    let mut world = World::new();
    let until = world.after(60_000);
    assert_eq!(world.run(0, vec![transfer(2, "EUR", 10)]), success());
    let open = world.make_hold(2, hold(8, "EUR", 10, until));
    let condition = any_of(vec![
        ConditionLeaf::Signs(address(5)),
        ConditionLeaf::Record {
            sha256: Digest([1; 32]),
            by: address(6),
        },
    ]);
    let inner = with_memo(&mut world, 7);
    let operations = vec![
        (0, hold_if(3, "EUR", 1, until, condition)),
        (0, release(&open, None, &[])),
        (0, put_record(1, Keep::Log)),
        (0, erase(&inner)),
    ];
    let mut intent = world.intent(&[0, 4], operations);
    intent.texts = texts(&[Place::Memo, field(0, 0), field(2, 0), field(2, 1)]);
    let attempt = |world: &mut World, who: u8, place: Place| {
        let operation = erase_places(&intent, vec![place]);
        world.run(who, vec![operation])
    };
    // In a condition, in an erased intent.
    for stranger in [5, 6, 7, 9] {
        assert_eq!(
            attempt(&mut world, stranger, Place::Memo),
            failed(28, 0),
            "{stranger}"
        );
    }
    // The sender, another party, the beneficiary, the owner of the hold that is referred to.
    assert_eq!(attempt(&mut world, 0, Place::Memo), success());
    assert_eq!(attempt(&mut world, 4, field(0, 0)), success());
    assert_eq!(attempt(&mut world, 3, field(2, 0)), success());
    assert_eq!(attempt(&mut world, 2, field(2, 1)), success());
}

#[test]
fn a_refund_names_the_holds_owner() {
    let mut world = World::new();
    let until = world.after(60_000);
    let open = world.make_hold(0, hold(1, "EUR", 10, until));
    let mut intent = world.intent(&[3], vec![(3, refund(&open))]);
    intent.texts = texts(&[Place::Memo]);
    // The beneficiary that a refund frees is touched by it, and not named in it.
    assert_eq!(world.run(1, vec![erase(&intent)]), failed(28, 0));
    assert_eq!(world.run(0, vec![erase(&intent)]), success());
}

#[test]
fn code_17_where_other_material_has_the_key() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    let key = StateKey::erasure(&Intent::V1(intent.clone()).id());
    let other = Erasure::V1(ErasureV1 {
        id: Digest([1; 32]),
        erased: vec![Erased {
            place: Place::Memo,
            by: address(0),
            ordinal: 0,
            timestamp: world.now(),
        }],
    });
    let mut world = World::with_leaves(|leaves| {
        leaves.insert(key, encode(&other));
    });
    assert_eq!(world.run(0, vec![erase(&intent)]), failed(17, 0));
    // Who is not named learns nothing else.
    assert_eq!(world.run(1, vec![erase(&intent)]), failed(28, 0));
}

#[test]
fn an_erasure_that_fails_later_erases_nothing() {
    let mut world = World::new();
    let intent = with_memo(&mut world, 0);
    let transaction = world.signed(0, vec![erase(&intent), transfer(1, "EUR", MILLION + 1)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.transactions[0].outcome, failed(3, 1));
    assert_eq!(execution.erased, []);
    assert_eq!(erasure(&world, &intent), None);
    assert_eq!(world.run(0, vec![erase(&intent)]), success());
    assert_eq!(erasure(&world, &intent).unwrap().erased.len(), 2);
}
