//! The state in memory.

use quorate_crypto::Digest;
use quorate_ledger::{MemoryState, StateKey, StateReader, Timestamp, read_value, values_over};

use crate::model::{address, small_state};

#[test]
fn a_state_of_leaves_has_these_and_no_transaction() {
    let model = small_state();
    let state = MemoryState::from_leaves(model.clone());
    assert!(
        state
            .values()
            .eq(model.iter().map(|(key, value)| (key, value.as_slice())))
    );
    let keys: Vec<StateKey> = model.keys().copied().chain([StateKey([0xFF; 32])]).collect();
    let found = state.values_of(&keys).unwrap();
    assert!(found.iter().flatten().eq(model.values()));
    assert_eq!(found.last(), Some(&None));
    let ids = [Digest([1; 32]), Digest([2; 32])];
    assert_eq!(state.spent_at(&ids, Timestamp(0)).unwrap(), [false, false]);
}

#[test]
fn ids_are_spent_until_they_expire_and_may_be_forgotten_then() {
    let ids = [Digest([1; 32]), Digest([2; 32]), Digest([3; 32])];
    let mut state = MemoryState::default();
    state.note_spent([(ids[0], Timestamp(10)), (ids[1], Timestamp(20))]);
    assert_eq!(state.spent_at(&ids, Timestamp(9)).unwrap(), [true, true, false]);
    // For blocks at 10 and later it makes no difference.
    let at_10 = state.spent_at(&ids, Timestamp(10)).unwrap();
    assert_eq!(at_10, [false, true, false]);
    state.forget_spent(Timestamp(10));
    assert_eq!(state.spent_count(), 1);
    assert_eq!(state.spent_at(&ids, Timestamp(10)).unwrap(), at_10);
}

#[test]
fn a_value_is_read_by_its_type() {
    let state = MemoryState::from_leaves(small_state());
    let key = StateKey::account(&address(3));
    let account: Option<quorate_ledger::Account> = read_value(&state, &key).unwrap();
    assert_eq!(account.unwrap().v1().address, address(3));
    let none: Option<quorate_ledger::Account> = read_value(&state, &StateKey::account(&address(99))).unwrap();
    assert_eq!(none, None);
    // An asset is none of an account.
    let wrong: Result<Option<quorate_ledger::Asset>, _> = read_value(&state, &key);
    assert!(wrong.is_err());
}

#[test]
fn what_is_at_hand_is_not_read() {
    let keys = [1, 2, 3].map(|byte| StateKey([byte; 32]));
    let at_hand = |key: &StateKey| (key.0[0] == 2).then(|| Some(vec![22]));
    let read = |lacking: &[StateKey]| {
        assert_eq!(lacking, [keys[0], keys[2]]);
        Ok::<_, ()>(vec![None, Some(vec![33])])
    };
    let values = values_over(&keys, at_hand, read).unwrap();
    assert_eq!(values, [None, Some(vec![22]), Some(vec![33])]);
}
