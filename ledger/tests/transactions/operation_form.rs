//! The form of operations: every way to be malformed, by the least that is wrong, beside the nearest that is good.

use quorate_crypto::{Address, Key, MemberNumber, PublicKey, SeatNumber, Signature};
use quorate_ledger::{
    Amount, Change, Condition, ConditionLeaf, HoldRef, Operation, Parameters, ParametersV1, Right, Rules,
    RulesV1, Scope, Signer, Signers, Timestamp, decode, encode,
};

use crate::operations::public;
use crate::world::{address, code, digest, intent, operation_reason, reason_of};

/// The largest amount of an operation.
const LARGEST: u128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

pub(crate) fn transfer_of(amount: u128) -> Operation {
    Operation::Transfer {
        to: address(0xB0),
        asset: code("EUR"),
        amount: Amount(amount),
    }
}

fn hold_on(condition: Condition) -> Operation {
    Operation::Hold {
        beneficiary: address(0xB0),
        asset: code("EUR"),
        amount: Amount(1),
        until: Timestamp(90_000),
        condition,
    }
}

fn hold_of(amount: u128) -> Operation {
    let mut hold = hold_on(Condition::new(1, vec![ConditionLeaf::From(Timestamp(1))]));
    if let Operation::Hold { amount: held, .. } = &mut hold {
        *held = Amount(amount);
    }
    hold
}

fn release(amount: Option<u128>, preimages: Vec<[u8; 32]>) -> Operation {
    Operation::Release {
        hold: HoldRef {
            owner: address(1),
            transaction: digest(2),
            operation: 0,
        },
        amount: amount.map(Amount),
        preimages,
    }
}

fn create(flags: u8) -> Operation {
    Operation::CreateAsset {
        code: code("EUR"),
        // Too many digits are judged in execution.
        decimals: 255,
        flags,
    }
}

fn signers_of(signers: Vec<(Key, u16)>) -> Signers {
    let signer = |(key, weight)| Signer { key, weight };
    Signers {
        // Whether it can be reached is judged in execution.
        threshold: 0,
        signers: signers.into_iter().map(signer).collect(),
    }
}

fn ed25519(byte: u8) -> Key {
    Key::Ed25519([byte; 32])
}

fn p256(byte: u8) -> Key {
    Key::P256([byte; 33])
}

/// A new seat at these addresses, with so many proofs.
fn add_seat(addresses: &[&str], proofs: usize) -> Operation {
    propose(Change::AddSeat {
        member: MemberNumber(1),
        validator: public(1),
        node: public(2),
        witness: public(3),
        addresses: addresses.iter().copied().map(str::to_owned).collect(),
        proofs: vec![Signature([4; 64]); proofs],
    })
}

fn propose(change: Change) -> Operation {
    Operation::Propose {
        change,
        expires_at: Timestamp(1),
    }
}

fn set_seat(keys: [bool; 3], addresses: Option<&[&str]>, proofs: usize) -> Operation {
    let [validator, node, witness] = keys.map(|new| new.then_some(PublicKey([1; 32])));
    Operation::SetSeat {
        seat: SeatNumber(0),
        validator,
        node,
        witness,
        addresses: addresses.map(|list| list.iter().copied().map(str::to_owned).collect()),
        proofs: vec![Signature([4; 64]); proofs],
    }
}

fn guardians(guardians: &[u8], threshold: u8) -> Operation {
    Operation::SetGuardians {
        guardians: guardians.iter().map(|byte| address(*byte)).collect(),
        threshold,
        delay_ms: 0,
    }
}

/// One malformed operation of each kind that can be malformed.
pub(crate) fn malformed() -> Vec<Operation> {
    vec![
        create(4),
        transfer_of(0),
        hold_on(Condition::new(1, vec![])),
        release(None, vec![[1; 32]; 2]),
        Operation::SetSigners {
            signers: signers_of(vec![]),
        },
        Operation::Erase {
            intent: vec![],
            places: vec![],
        },
        Operation::Grant {
            account: address(1),
            right: Right::Mint,
            scope: Scope::Network,
        },
        add_seat(&[], 2),
        set_seat([false; 3], None, 0),
        guardians(&[1], 0),
    ]
}

#[test]
fn amounts_are_above_0_and_below_10_to_38() {
    let of: [fn(u128) -> Operation; 5] = [
        |amount| Operation::Mint {
            to: address(1),
            asset: code("EUR"),
            amount: Amount(amount),
        },
        |amount| Operation::Burn {
            asset: code("EUR"),
            amount: Amount(amount),
        },
        transfer_of,
        hold_of,
        |amount| release(Some(amount), vec![]),
    ];
    for of in of {
        let name = of(1).name();
        assert_eq!(operation_reason(of(0)), Err("amount"), "{name}");
        assert_eq!(operation_reason(of(1)), Ok(()), "{name}");
        assert_eq!(operation_reason(of(LARGEST)), Ok(()), "{name}");
        assert_eq!(operation_reason(of(LARGEST + 1)), Err("amount"), "{name}");
        assert_eq!(operation_reason(of(u128::MAX)), Err("amount"), "{name}");
    }
    assert_eq!(operation_reason(release(None, vec![])), Ok(()));
}

#[test]
fn flags_are_below_4() {
    for flags in 0..=255 {
        let expected = if flags < 4 { Ok(()) } else { Err("operations") };
        assert_eq!(operation_reason(create(flags)), expected, "{flags}");
    }
}

#[test]
fn signers_are_1_to_16_in_order_with_weights() {
    let both: [fn(Signers) -> Operation; 2] = [
        |signers| Operation::SetSigners { signers },
        |signers| Operation::RequestSigners {
            account: address(1),
            signers,
        },
    ];
    for of in both {
        let set = |signers: Vec<(Key, u16)>| operation_reason(of(signers_of(signers)));
        let many: Vec<(Key, u16)> = (1..=17).map(|byte| (ed25519(byte), 1)).collect();
        assert_eq!(set(vec![]), Err("signers"));
        assert_eq!(set(many[..1].to_vec()), Ok(()));
        assert_eq!(set(many[..16].to_vec()), Ok(()));
        assert_eq!(set(many), Err("signers"));
        assert_eq!(set(vec![(ed25519(1), 0)]), Err("signers"));
        assert_eq!(set(vec![(ed25519(1), 65_535)]), Ok(()));
        assert_eq!(set(vec![(ed25519(2), 1), (ed25519(1), 1)]), Err("signers"));
        assert_eq!(set(vec![(ed25519(2), 1), (ed25519(2), 1)]), Err("signers"));
        assert_eq!(set(vec![(ed25519(9), 1), (p256(2), 1)]), Ok(()));
        assert_eq!(set(vec![(p256(2), 1), (ed25519(9), 1)]), Err("signers"));
        // Whether a key is good is judged in execution.
        assert_eq!(set(vec![(ed25519(0), 1)]), Ok(()));
    }
}

#[test]
fn thresholds_are_reached_by_weights() {
    let mut signers = signers_of(vec![(ed25519(1), 65_535), (ed25519(2), 2)]);
    assert_eq!(signers.total_weight(), 65_537);
    assert_eq!(signers.weight_of(&ed25519(2)), Some(2));
    assert_eq!(signers.weight_of(&ed25519(3)), None);
    for (threshold, reachable) in [(0, false), (1, true), (65_537, true), (65_538, false)] {
        signers.threshold = threshold;
        assert_eq!(signers.is_reachable(), reachable, "{threshold}");
    }
    let sole = Signers::sole(ed25519(1));
    assert!(sole.is_reachable());
    assert_eq!(sole.check_form(), Ok(()));
}

#[test]
fn a_hold_is_for_somebody_else() {
    // The acting party is `a0…`.
    let for_whom = |beneficiary: Address| {
        let mut hold = hold_of(1);
        if let Operation::Hold {
            beneficiary: named, ..
        } = &mut hold
        {
            *named = beneficiary;
        }
        hold
    };
    assert_eq!(operation_reason(for_whom(address(0xA0))), Err("operations"));
    assert_eq!(operation_reason(for_whom(address(0xA1))), Ok(()));
    // Another party is somebody else, and the sender is where another party acts.
    let mut both = intent(vec![for_whom(address(0xA1)), for_whom(address(0xA0))]);
    both.parties.push(address(0xA1));
    both.operations[1].party = 1;
    assert_eq!(reason_of(both.clone()), Ok(()));
    both.operations[0].party = 1;
    assert_eq!(reason_of(both), Err("operations"));
}

#[test]
fn conditions_need_1_to_all_of_1_to_8_leaves() {
    let of = |need: u8, count: u8| {
        let leaves = (1..=count)
            .map(|byte| ConditionLeaf::Signs(address(byte)))
            .collect();
        operation_reason(hold_on(Condition { need, leaves }))
    };
    assert_eq!(of(1, 0), Err("condition"));
    assert_eq!(of(0, 0), Err("condition"));
    assert_eq!(of(1, 1), Ok(()));
    assert_eq!(of(0, 1), Err("condition"));
    assert_eq!(of(2, 1), Err("condition"));
    assert_eq!(of(1, 8), Ok(()));
    assert_eq!(of(8, 8), Ok(()));
    assert_eq!(of(9, 8), Err("condition"));
    assert_eq!(of(1, 9), Err("condition"));
}

#[test]
fn conditions_ascend_by_encoding() {
    let of = |leaves: Vec<ConditionLeaf>| operation_reason(hold_on(Condition { need: 1, leaves }));
    let signs = |byte| ConditionLeaf::Signs(address(byte));
    let from = |time| ConditionLeaf::From(Timestamp(time));
    let record = |hash, by| ConditionLeaf::Record {
        sha256: digest(hash),
        by: address(by),
    };
    assert_eq!(of(vec![signs(1), signs(2)]), Ok(()));
    assert_eq!(of(vec![signs(2), signs(1)]), Err("condition"));
    assert_eq!(of(vec![signs(1), signs(1)]), Err("condition"));
    assert_eq!(of(vec![signs(9), from(1)]), Ok(()), "by number first");
    assert_eq!(of(vec![from(1), signs(9)]), Err("condition"));
    // The lowest byte of a time comes first: 256 is before 1.
    assert_eq!(of(vec![from(256), from(1)]), Ok(()));
    assert_eq!(of(vec![from(1), from(256)]), Err("condition"));
    assert_eq!(of(vec![record(1, 1), record(1, 2), record(2, 0)]), Ok(()));
    assert_eq!(of(vec![record(2, 0), record(1, 2)]), Err("condition"));
    let sorted = Condition::new(2, vec![from(1), signs(3), from(256), signs(3)]);
    assert_eq!(sorted.leaves, [signs(3), from(256), from(1)]);
    assert_eq!(sorted.check_form(), Ok(()));
}

#[test]
fn preimages_are_0_to_8_in_order() {
    let of = |preimages: &[u8]| {
        let preimages = preimages.iter().map(|byte| [*byte; 32]).collect();
        operation_reason(release(None, preimages))
    };
    assert_eq!(of(&[]), Ok(()));
    assert_eq!(of(&[0]), Ok(()));
    assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7, 8]), Ok(()));
    assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Err("preimages"));
    assert_eq!(of(&[2, 1]), Err("preimages"));
    assert_eq!(of(&[1, 1]), Err("preimages"));
}

#[test]
fn rights_are_in_their_scopes() {
    let both: [fn(Right, Scope) -> Operation; 4] = [
        |right, scope| Operation::Grant {
            account: address(1),
            right,
            scope,
        },
        |right, scope| Operation::Revoke {
            account: address(1),
            right,
            scope,
        },
        |right, scope| {
            propose(Change::Grant {
                account: address(1),
                right,
                scope,
            })
        },
        |right, scope| {
            propose(Change::Revoke {
                account: address(1),
                right,
                scope,
            })
        },
    ];
    for of in both {
        assert_eq!(
            operation_reason(of(Right::Mint, Scope::Asset(code("EUR")))),
            Ok(())
        );
        assert_eq!(operation_reason(of(Right::Mint, Scope::Network)), Err("scope"));
        assert_eq!(
            operation_reason(of(Right::Erase, Scope::Member(MemberNumber(1)))),
            Err("scope")
        );
    }
}

#[test]
fn a_new_seat_has_three_proofs_and_addresses() {
    const ADDRESS: &str = "/dns/a/tcp/9";
    assert_eq!(operation_reason(add_seat(&[], 3)), Ok(()));
    assert_eq!(operation_reason(add_seat(&[ADDRESS], 3)), Ok(()));
    assert_eq!(operation_reason(add_seat(&[], 2)), Err("change"));
    assert_eq!(operation_reason(add_seat(&[], 4)), Err("change"));
    assert_eq!(operation_reason(add_seat(&[ADDRESS, ADDRESS], 3)), Err("change"));
    assert_eq!(operation_reason(add_seat(&["/dns/a/udp/9"], 3)), Err("change"));
}

#[test]
fn a_new_member_has_a_name() {
    let of = |name: &str| {
        operation_reason(propose(Change::AdmitMember {
            name: name.to_owned(),
            account: address(1),
        }))
    };
    assert_eq!(of("b"), Ok(()));
    assert_eq!(of(&"b".repeat(32)), Ok(()));
    assert_eq!(of(&"b".repeat(33)), Err("change"));
    assert_eq!(of(""), Err("change"));
    assert_eq!(of(".b"), Err("change"));
}

#[test]
fn proposed_parameters_and_rules_are_in_their_ranges() {
    let parameters = |window| {
        let parameters = ParametersV1 {
            window,
            ..ParametersV1::default()
        };
        operation_reason(propose(Change::Parameters(Parameters::V1(parameters))))
    };
    assert_eq!(parameters(64), Ok(()));
    assert_eq!(parameters(65), Err("change"));
    let rules = |strangers| {
        let rules = RulesV1 {
            strangers,
            ..RulesV1::default()
        };
        operation_reason(propose(Change::Rules(Rules::V1(rules))))
    };
    assert_eq!(rules(7), Ok(()));
    assert_eq!(rules(8), Err("change"));
}

#[test]
fn a_change_has_at_most_4096_bytes() {
    // Within other limits the longest has about 2,600, so it takes a name that is too long as well.
    let admit = |length: usize| Change::AdmitMember {
        name: "b".repeat(length),
        account: address(1),
    };
    let longest = admit(4_096 - 23);
    assert_eq!(encode(&longest).len(), 4_096);
    let message = longest.check_form().unwrap_err().to_string();
    assert!(message.contains("name"), "{message}");
    let message = admit(4_096 - 22).check_form().unwrap_err().to_string();
    assert!(message.contains("4097 bytes"), "{message}");
}

#[test]
fn a_seat_gets_something_new_and_a_proof_for_each_key() {
    const ADDRESS: &str = "/ip4/192.0.2.1/tcp/9100";
    assert_eq!(operation_reason(set_seat([false; 3], None, 0)), Err("operations"));
    assert_eq!(operation_reason(set_seat([false; 3], Some(&[]), 0)), Ok(()));
    assert_eq!(
        operation_reason(set_seat([false; 3], Some(&[ADDRESS]), 0)),
        Ok(())
    );
    assert_eq!(
        operation_reason(set_seat([false; 3], Some(&[ADDRESS]), 1)),
        Err("operations")
    );
    for (keys, proofs) in [
        ([true, false, false], 1),
        ([false, true, true], 2),
        ([true, true, true], 3),
    ] {
        assert_eq!(operation_reason(set_seat(keys, None, proofs)), Ok(()));
        assert_eq!(
            operation_reason(set_seat(keys, None, proofs - 1)),
            Err("operations")
        );
        assert_eq!(
            operation_reason(set_seat(keys, None, proofs + 1)),
            Err("operations")
        );
    }
    for bad in [["/ip4/0.0.0.0/tcp/9100"], ["192.0.2.1:9100"]] {
        assert_eq!(
            operation_reason(set_seat([false; 3], Some(&bad), 0)),
            Err("operations")
        );
    }
}

#[test]
fn guardians_are_0_to_16_in_order_and_can_agree() {
    let of = |list: &[u8], threshold| operation_reason(guardians(list, threshold));
    let many: Vec<u8> = (1..=17).collect();
    assert_eq!(of(&[], 0), Ok(()));
    assert_eq!(of(&[], 1), Err("operations"));
    assert_eq!(of(&[1], 0), Err("operations"));
    assert_eq!(of(&[1], 1), Ok(()));
    assert_eq!(of(&[1], 2), Err("operations"));
    assert_eq!(of(&many[..16], 16), Ok(()));
    assert_eq!(of(&many[..16], 17), Err("operations"));
    assert_eq!(of(&many, 1), Err("operations"));
    assert_eq!(of(&[2, 1], 1), Err("operations"));
    assert_eq!(of(&[1, 1], 1), Err("operations"));
}

#[test]
fn all_else_is_well_formed_whatever_it_says() {
    for (operation, _) in crate::operations::all() {
        let free = matches!(
            operation.name(),
            "put record"
                | "rejoin"
                | "refund"
                | "freeze"
                | "unfreeze"
                | "assign"
                | "vote"
                | "withdraw"
                | "attest"
                | "decide request"
                | "report dormant"
                | "answer"
                | "divide quota"
        );
        if free {
            let name = operation.name();
            assert_eq!(operation_reason(operation), Ok(()), "{name}");
        }
    }
}

#[test]
fn what_form_refuses_is_refused_after_decoding_too() {
    // Whether the decoder or the form refuses is not fixed; one of them does.
    for operation in malformed() {
        let encoded = encode(&operation);
        let refused = match decode::<Operation>(&encoded, 65_536) {
            Ok(read) => operation_reason(read).is_err(),
            Err(_) => true,
        };
        assert!(refused, "{}", operation.name());
    }
}
