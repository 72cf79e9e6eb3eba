//! A small network to test with.

use quorate_crypto::{Protocol, SigningKey};
use quorate_genesis::{Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, JoinKeys};
use quorate_ledger::{Amount, Parameters, Timestamp};

pub(crate) const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// 2026-01-31T12:00:00Z.
pub(crate) const TIME: Timestamp = Timestamp(1_769_860_800_000);

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub(crate) fn draft() -> Draft {
    let asset = |code: &str, decimals, amounts: [u128; 2]| DraftAsset {
        code: code.parse().unwrap(),
        decimals,
        description: format!("Test \"{code}\""),
        issuer: key(200).public().address(),
        balances: (201..)
            .zip(amounts)
            .map(|(number, amount)| DraftBalance {
                address: key(number).public().address(),
                amount: Amount(amount),
            })
            .collect(),
    };
    Draft::V1(DraftV1 {
        network: "interbank".to_owned(),
        engine: Protocol::Pbft,
        time: TIME,
        members: MEMBERS.map(str::to_owned).to_vec(),
        parameters: Parameters::default(),
        assets: vec![
            asset("QRT", 2, [100_000_000, 1]),
            asset("EUR", 0, [7, u128::MAX - 7]),
        ],
    })
}

/// The join of the member with this place in the draft.
pub(crate) fn join(draft: &Draft, place: u8) -> Join {
    let (validator, node, member) = (key(place * 3 + 1), key(place * 3 + 2), key(place * 3 + 3));
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        member: &member,
    };
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/{}", 9100 + u16::from(place))];
    Join::sign(draft, &draft.v1().members[usize::from(place)], keys, addresses).unwrap()
}

pub(crate) fn joins(draft: &Draft) -> Vec<String> {
    let members = u8::try_from(draft.v1().members.len()).unwrap();
    (0..members).map(|place| join(draft, place).to_toml()).collect()
}

/// The text of a whole genesis document, and what it says.
pub(crate) fn genesis() -> (String, Genesis) {
    let draft = draft();
    let joins = joins(&draft);
    let joins: Vec<_> = joins.iter().map(String::as_str).collect();
    Genesis::assemble(&draft.to_toml(), &joins).unwrap()
}
