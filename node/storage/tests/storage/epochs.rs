//! The epochs that have begun, and who served each.

use quorate_ledger::{Digest, Epoch, Height, Operation, ValidatorIndex};

use crate::chain::Fixture;

#[test]
fn each_epoch_is_listed_with_its_first_height_and_committee() {
    let mut fixture = Fixture::new(1);
    let first = (Height(1), fixture.network.committee.clone());
    let rejoin = Operation::Rejoin {
        validator: *first.1.key(ValidatorIndex(0)).unwrap(),
        token: Digest([5; 32]),
    };
    let transaction = fixture.network.transaction(0, vec![rejoin]);
    let execution = fixture.commit(vec![transaction]);
    let last = execution.agreement.as_ref().unwrap().v1().last.unwrap();
    while fixture.network.tip.height < last {
        let before = fixture.snapshot().epochs().unwrap();
        assert_eq!(before, std::slice::from_ref(&first));
        let (execution, certificate) = fixture.execute(&[]);
        fixture.chain.write_block(&execution, &certificate).unwrap();
    }
    let second = (last.next(), fixture.network.committee.clone());
    assert_eq!(second.1.epoch(), Epoch(1));
    fixture.pay(0, 0);
    let fixture = fixture.reopen();
    let snapshot = fixture.snapshot();
    for (number, expected) in (0..).zip([&first, &second]) {
        assert_eq!(snapshot.epoch(Epoch(number)).unwrap().as_ref(), Some(expected));
    }
    assert_eq!(snapshot.epoch(Epoch(2)).unwrap(), None);
    assert_eq!(snapshot.epochs().unwrap(), [first, second]);
}
