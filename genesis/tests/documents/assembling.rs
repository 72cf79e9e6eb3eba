//! The way from a draft to a network, and what a node takes from it.

use quorate_crypto::{Epoch, Height, Protocol};
use quorate_genesis::{Draft, Genesis, Join, JoinKeys, diff, diff_drafts, diff_join};
use quorate_ledger::{Amount, encode, genesis_state};

use crate::network::{MEMBERS, TIME, draft, genesis, join, joins, key};

#[test]
fn a_draft_and_a_join_read_what_they_write() {
    let draft = draft();
    assert_eq!(Draft::parse(&draft.to_toml()), Ok(draft.clone()));
    let join = join(&draft, 2);
    let read = Join::parse(&join.to_toml()).unwrap();
    assert_eq!(read, join);
    assert_eq!(read.verify(&draft), Ok(()));
}

#[test]
fn a_genesis_document_is_the_draft_and_the_joins_word_for_word() {
    let draft = draft();
    let draft_text = format!("# Reviewed by all.\n{}", draft.to_toml());
    let joins: Vec<_> = joins(&draft)
        .into_iter()
        .map(|text| format!("# With regards\n{text}"))
        .collect();
    // Handed over in any order.
    let shuffled = [2, 0, 3, 1].map(|place: usize| joins[place].as_str());
    let (text, genesis) = Genesis::assemble(&draft_text, &shuffled).unwrap();
    let mut rest = text.as_str();
    for part in std::iter::once(&draft_text).chain(&joins) {
        rest = rest.trim_start().strip_prefix(part.trim_end()).unwrap();
    }
    assert_eq!(rest, "\n");
    assert_eq!(Genesis::parse(&text), Ok(genesis.clone()));
    assert_eq!(genesis.draft(), &draft);
    assert_eq!(Genesis::parse(&genesis.to_toml()), Ok(genesis));
}

#[test]
fn a_node_finds_what_it_begins_with() {
    let (_, genesis) = genesis();
    assert_eq!(genesis.name(), "interbank");
    assert_eq!(genesis.engine(), Protocol::Pbft);
    assert_eq!(genesis.time(), TIME);
    assert_eq!(genesis.parameters().v1().window, 32);
    let committee = genesis.committee();
    assert_eq!(
        (committee.epoch(), committee.size(), committee.quorum()),
        (Epoch(0), 4, 3)
    );
    assert_eq!(committee.protocol_version(), 1);
    assert_eq!(Height::GENESIS, Height(0));
    for (place, validator) in genesis.validators().enumerate() {
        let number = u8::try_from(place).unwrap() * 3;
        assert_eq!(validator.name, MEMBERS[place]);
        assert_eq!(validator.validator_key, key(number + 1).public());
        assert_eq!(validator.node_key, key(number + 2).public());
        assert_eq!(validator.member_key, key(number + 3).public());
        assert_eq!(
            validator.addresses,
            [format!("/ip4/127.0.0.1/tcp/{}", 9100 + place)]
        );
        let index = committee.index_of(&validator.validator_key).unwrap();
        assert_eq!(usize::from(index.0), place);
    }
}

#[test]
fn the_initial_state_is_sorted_and_sums_up() {
    let (_, genesis) = genesis();
    let state = genesis.initial_state();
    let assets: Vec<_> = state
        .assets
        .iter()
        .map(|asset| (asset.code.to_string(), asset.decimals, asset.supply))
        .collect();
    assert_eq!(
        assets,
        [
            ("EUR".to_owned(), 0, Amount(u128::MAX)),
            ("QRT".to_owned(), 2, Amount(100_000_001)),
        ]
    );
    assert_eq!(state.balances.len(), 4);
    assert!(
        state
            .balances
            .is_sorted_by(|a, b| (a.address, a.asset) < (b.address, b.asset))
    );
    for asset in &state.assets {
        let of_asset = state
            .balances
            .iter()
            .filter(|balance| balance.asset == asset.code);
        let sum: u128 = of_asset.map(|balance| balance.amount.0).sum();
        assert_eq!(Amount(sum), asset.supply);
    }
}

#[test]
fn the_ledger_makes_a_state_of_it() {
    let (_, genesis) = genesis();
    let initial = genesis.initial_state();
    let state = genesis_state(
        &initial.assets,
        &initial.balances,
        genesis.parameters(),
        &initial.committee,
    )
    .unwrap();
    // Two holders, two assets, the parameters, the agreement and four seats; the issuer holds nothing.
    assert_eq!(state.changes.len(), 10);
    assert_eq!(state.holders.len(), 4);
}

#[test]
fn hashes_are_frozen() {
    let (_, genesis) = genesis();
    assert_eq!(
        genesis.draft().digest().to_string(),
        "426026378792e29aff448f1f26c2f758b834321f27a1e4a0ced52409f0c3c845"
    );
    assert_eq!(
        genesis.network_id().to_string(),
        "2788e783f42d968779fea4ef4e0e38f780e2ef64de7d77976841232fd31f0901"
    );
    let bytes = genesis.canonical_bytes();
    let draft = encode(genesis.draft());
    // V1, the draft, then four joins.
    assert_eq!(bytes[0], 0);
    assert_eq!(&bytes[1..=draft.len()], draft);
    assert_eq!(bytes[draft.len() + 1], 4);
}

#[test]
fn the_canonical_bytes_of_a_draft_are_frozen() {
    let bytes = encode(&draft());
    let mut expected = vec![0, 9];
    expected.extend(b"interbank");
    expected.push(0);
    expected.extend(TIME.0.to_le_bytes());
    expected.push(4);
    for member in MEMBERS {
        expected.push(member.len() as u8);
        expected.extend(member.as_bytes());
    }
    expected.push(0);
    expected.extend(encode(draft().v1().parameters.v1()));
    expected.push(2);
    for (code, decimals, amounts) in [("QRT", 2, [100_000_000, 1]), ("EUR", 0, [7, u128::MAX - 7])] {
        expected.push(3);
        expected.extend(code.as_bytes());
        expected.push(decimals);
        let description = format!("Test \"{code}\"");
        expected.push(description.len() as u8);
        expected.extend(description.as_bytes());
        expected.extend(key(200).public().address().as_bytes());
        expected.push(2);
        for (number, amount) in (201..).zip(amounts) {
            expected.extend(key(number).public().address().as_bytes());
            expected.extend(amount.to_le_bytes());
        }
    }
    assert_eq!(bytes, expected);
}

#[test]
fn differences_are_named() {
    let (_, first) = genesis();
    assert!(diff(&first, &first).is_empty());
    let mut other = draft();
    let Draft::V1(content) = &mut other;
    content.engine = Protocol::Raft;
    content.assets[0].balances[1].amount = Amount(250);
    content.assets.remove(1);
    content.members.swap(0, 1);
    let said: Vec<_> = diff_drafts(first.draft(), &other)
        .iter()
        .map(ToString::to_string)
        .collect();
    let holder = key(202).public().address();
    for expected in [
        "engine: pbft → raft".to_owned(),
        format!("asset QRT: balance of {holder}: 0.01 → 2.50"),
        "asset QRT: supply: 1000000.01 → 1000002.50".to_owned(),
        "asset EUR: decimals: only in the first: 0".to_owned(),
        "member alpha: place: 1 → 2".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected:?} is not in {said:#?}");
    }
    let joins = joins(&other);
    let joins: Vec<_> = joins.iter().map(String::as_str).collect();
    let (_, second) = Genesis::assemble(&other.to_toml(), &joins).unwrap();
    let subjects: Vec<_> = diff(&first, &second).into_iter().map(|one| one.subject).collect();
    assert!(subjects.contains(&"network id".to_owned()));
    assert!(subjects.contains(&"join of alpha: validator key".to_owned()));
}

/// O23: two joins of one member are both good, and the document has one of them.
#[test]
fn a_member_finds_whether_the_document_has_the_join_that_it_means() {
    let (_, genesis) = genesis();
    for join in genesis.joins() {
        assert!(diff_join(&genesis, join).is_empty());
    }
    // Signed by beta's keys, too, and for another place.
    let (validator, node, member) = (key(4), key(5), key(6));
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        member: &member,
    };
    let elsewhere = vec!["/ip4/127.0.0.1/tcp/9999".to_owned()];
    let other = Join::sign(genesis.draft(), "beta", keys, elsewhere).unwrap();
    let found: Vec<_> = diff_join(&genesis, &other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found[0],
        "join of beta: addresses: /ip4/127.0.0.1/tcp/9101 → /ip4/127.0.0.1/tcp/9999"
    );
    // The three signatures differ, and no key does.
    assert_eq!(found.len(), 4, "{found:#?}");
}
