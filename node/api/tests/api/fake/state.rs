//! Leaves of the state that govern the fake network: its members with their seats, and what is in force.

use std::collections::BTreeMap;

use quorate_crypto::MemberNumber;
use quorate_ledger::{
    Address, Agreement, Grant, GrantV1, Height, InUse, InUseV1, Member, MemberStatus, MemberV1, Owner,
    Parameters, Right, Rules, Scope, Seat, SeatV1, StateKey, StateValue, Taken, Timestamp,
};

use super::{GENESIS_TIME, NAMES, committee, wallet};

/// Values of the state by their keys.
pub(super) type Leaves = BTreeMap<StateKey, StateValue>;

/// What genesis makes of the four members, who are numbered from 1, and of their seats.
pub(super) fn governed() -> Leaves {
    let mut values = vec![
        StateValue::Parameters(Parameters::default()),
        StateValue::Rules(Rules::default()),
        StateValue::Agreement(Agreement::genesis(committee(), 86_400_000)),
    ];
    for (seat, name) in committee().seats().iter().zip(NAMES) {
        let number = seat.member;
        values.push(StateValue::Member(Member::V1(MemberV1 {
            number,
            name: name.to_owned(),
            account: account(number),
            status: MemberStatus::Active,
            seats: 1,
            since: Timestamp(GENESIS_TIME),
            signed: Timestamp(GENESIS_TIME),
            reported: None,
            open: Vec::new(),
        })));
        values.push(StateValue::InUse(InUse::V1(InUseV1 {
            taken: Taken::Name(name.to_owned()),
            by: Owner::Member(number),
        })));
        values.push(StateValue::Grant(Grant::V1(GrantV1 {
            account: account(number),
            right: Right::Administrate,
            scope: Scope::Member(number),
            by: Address([0; 20]),
            ordinal: 0,
        })));
        values.push(StateValue::Seat(Seat::V1(SeatV1 {
            number: seat.seat,
            member: number,
            validator: seat.validator,
            node: seat.node,
            witness: seat.witness,
            addresses: vec![format!("/ip4/10.20.0.{}/tcp/9100", seat.seat)],
            sits: true,
            rejoin: None,
            active: Height(0),
            next: None,
        })));
    }
    values.into_iter().map(|value| (value.key(), value)).collect()
}

/// The account of the member with this number.
fn account(number: MemberNumber) -> Address {
    wallet(100 + u8::try_from(number.0).expect("tests have few members"))
}
