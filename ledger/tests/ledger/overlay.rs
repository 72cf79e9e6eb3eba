//! Blocks executed on top of one another before any of them is written.

use quorate_ledger::{BlockInput, Execution, Height, Overlay, Proposal, StateReader, Timestamp, execute};

use crate::world::{World, transfer};

#[test]
fn stacked_blocks_are_those_that_come_of_writing_each_first() {
    let mut written = World::new();
    let mut stacked = World::new();
    let mut pending: Vec<Execution> = Vec::new();
    for salt in 0..6_u8 {
        // Account 1 spends what it got; one transaction of each block repeats the block before.
        let transactions = vec![
            written.signed(0, salt, vec![transfer(1, 10)]),
            written.signed(1, salt, vec![transfer(2, 9), transfer(3, 1)]),
            written.signed(0, salt.saturating_sub(1), vec![transfer(1, 10)]),
        ];
        let batch = written.batch(transactions);
        let time = Timestamp(written.tip.timestamp.0 + 1_000);
        let expected = written.commit_batches(std::slice::from_ref(&batch));

        let tip = pending.last().map_or(&stacked.tip, |block| &block.tip);
        let proposal = Proposal::new(time, vec![batch.digest()]);
        let input = BlockInput {
            tip,
            proposal: &proposal,
            batches: &[batch],
            parameters: stacked.parameters.v1(),
        };
        let reader = Overlay::new(&pending, &stacked.state);
        let execution = execute(&input, &reader, &mut stacked.tree).unwrap();
        assert_eq!(execution.block, expected.block);
        assert_eq!(execution.tip, expected.tip);
        pending.push(execution);
    }
    let overlay = Overlay::new(&pending, &stacked.state);
    for (key, value) in written.state.values() {
        assert_eq!(overlay.value(key).unwrap().as_deref(), Some(value));
    }
    let keys: Vec<_> = written.state.values().map(|(key, _)| *key).collect();
    let values = written.state.values().map(|(_, value)| Some(value.to_vec()));
    assert!(overlay.values_of(&keys).unwrap().into_iter().eq(values));
    let id = pending[0].transactions[0].id;
    assert!(overlay.is_spent(&id).unwrap());
    assert!(!stacked.state.is_spent(&id).unwrap());

    // The tree goes back with the blocks that turn out not to be decided.
    stacked.tree.rollback_to(Height(2));
    assert_eq!(stacked.tree.root(), pending[1].tip.state_root);
    stacked.tree.rollback_to(Height::GENESIS);
    assert_eq!(stacked.tree.root(), stacked.tip.state_root);
}

#[test]
fn a_removed_value_is_not_looked_up_below() {
    let mut world = World::new();
    for name in ["A", "B", "C", "D"] {
        world.run(
            0,
            vec![crate::world::create(name), crate::world::mint(name, 1, 1)],
        );
    }
    world.run(0, vec![transfer(1, 5)]);
    let key = quorate_ledger::StateKey::balance(&crate::world::address(1), &crate::world::qrt());
    assert!(world.state.value(&key).unwrap().is_some());
    let batch = world.batch(vec![world.signed(1, 0, vec![transfer(2, 5)])]);
    let time = Timestamp(world.tip.timestamp.0 + 1);
    let execution = world.execute_at(time, &[batch]);
    let overlay = Overlay::new([&execution], &world.state);
    assert_eq!(overlay.value(&key).unwrap(), None);
    assert_eq!(overlay.values_of(&[key]).unwrap(), [None]);
}
