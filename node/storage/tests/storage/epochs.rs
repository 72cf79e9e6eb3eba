//! The epochs that have begun, and who served each.

use quorate_ledger::{Digest, Epoch, Height, Operation};

use crate::chain::{Fixture, open};

#[test]
fn each_epoch_is_listed_with_its_first_height_and_committee() {
    let mut fixture = Fixture::new(1);
    let first = (Height(1), fixture.network.committee.clone());
    let rejoin = Operation::Rejoin {
        validator: *first.1.key(quorate_ledger::ValidatorIndex(0)).unwrap(),
        token: Digest([5; 32]),
    };
    let transaction = fixture.network.transaction(0, vec![rejoin]);
    let batch = fixture.network.batch(vec![transaction]);
    let (execution, certificate) = fixture.execute(&[batch]);
    let last = execution.agreement.as_ref().unwrap().v1().last.unwrap();
    fixture.chain.write_block(&execution, &certificate).unwrap();
    while fixture.network.tip.height < last {
        let before = fixture.chain.snapshot().unwrap().epochs().unwrap();
        assert_eq!(before, std::slice::from_ref(&first));
        let (execution, certificate) = fixture.execute(&[]);
        fixture.chain.write_block(&execution, &certificate).unwrap();
    }
    let second = (last.next(), fixture.network.committee.clone());
    assert_eq!(second.1.epoch(), Epoch(1));
    fixture.pay(0, 0);
    drop(fixture.chain);
    let reopened = open(fixture.folder.path()).unwrap();
    let epochs = reopened.snapshot().unwrap().epochs().unwrap();
    assert_eq!(epochs, [first, second]);
}
