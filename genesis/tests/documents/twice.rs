//! No key occurs in a document twice, in whatever place; nor a member or an account.

use quorate_crypto::Key;
use quorate_genesis::{Genesis, GenesisError, Join, Problem};

use crate::network::{
    Keys, assemble, client, draft, genesis, joins, key, keys, line_and_words, p256, signers,
};

/// The places of a join that a key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Validator,
    Node,
    Witness,
    Account,
    Signer,
}

const SLOTS: [Slot; 5] = [
    Slot::Validator,
    Slot::Node,
    Slot::Witness,
    Slot::Account,
    Slot::Signer,
];

impl Slot {
    /// Its name in a document.
    fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator_key",
            Self::Node => "node_key",
            Self::Witness => "witness_key",
            Self::Account => "account_key",
            Self::Signer => "signers",
        }
    }

    /// Puts the Ed25519 key with this number here.
    fn put(self, keys: &mut Keys, number: u8) {
        match self {
            Self::Validator => keys.validator = key(number),
            Self::Node => keys.node = key(number),
            Self::Witness => keys.witness = key(number),
            Self::Account => keys.account = client(number),
            Self::Signer => keys.signers = Some(signers(1, [(&keys.account, 1), (&client(number), 1)])),
        }
    }
}

/// Keys of a member, with the one of this number in these places. The account's key is put first, as signers name it.
fn with(place: u8, slots: &[Slot], number: u8) -> Keys {
    let mut keys = keys(place);
    keys.signers = None;
    keys.administrators.clear();
    for slot in [
        Slot::Account,
        Slot::Validator,
        Slot::Node,
        Slot::Witness,
        Slot::Signer,
    ] {
        if slots.contains(&slot) {
            slot.put(&mut keys, number);
        }
    }
    keys
}

fn twice(key: Key) -> String {
    format!("key {key} stands here a second time")
}

#[test]
fn a_join_has_no_key_twice() {
    let draft = draft();
    for (number, first) in SLOTS.into_iter().enumerate() {
        for second in &SLOTS[number + 1..] {
            let slots = [first, *second];
            let error = with(2, &slots, 77)
                .begin(&draft, "gamma")
                .verify(&draft)
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("joins[1].{}: {}", second.name(), twice(client(77).key())),
                "{slots:?}"
            );
        }
    }
}

#[test]
fn no_two_members_have_a_key() {
    let draft = draft();
    for first in SLOTS {
        for second in SLOTS {
            let mut all = joins(&draft);
            all[0] = with(0, &[first], 77).begin(&draft, "alpha");
            all[2] = with(2, &[second], 77).begin(&draft, "gamma");
            for join in &all {
                assert_eq!(join.verify(&draft), Ok(()));
            }
            let error = assemble(&draft, &all).unwrap_err();
            assert_eq!(
                line_and_words(&error).1,
                format!("joins[3].{}: {}", second.name(), twice(client(77).key())),
                "{first:?} {second:?}"
            );
        }
    }
}

#[test]
fn p256_keys_are_one_key_too() {
    let draft = draft();
    let mut all = joins(&draft);
    // Beta's account has this key.
    let shared = || p256(15);
    let mut with_account = keys(3);
    with_account.account = shared();
    let mut with_signer = keys(3);
    with_signer.signers = Some(signers(1, [(&with_signer.account, 1), (&shared(), 1)]));
    for (keys, name) in [(with_account, "account_key"), (with_signer, "signers")] {
        all[3] = keys.begin(&draft, "delta");
        assert_eq!(all[3].verify(&draft), Ok(()));
        let error = assemble(&draft, &all).unwrap_err();
        assert_eq!(
            line_and_words(&error).1,
            format!("joins[4].{name}: {}", twice(shared().key()))
        );
    }
}

/// A key in an account's own signers is there once.
#[test]
fn the_accounts_key_among_its_own_signers_is_no_second_one() {
    let draft = draft();
    let mut own = keys(2);
    own.signers = Some(signers(1, [(&own.account, 1)]));
    let join = own.begin(&draft, "gamma");
    assert_eq!(join.verify(&draft), Ok(()));
    let mut all = joins(&draft);
    let without = assemble(&draft, &all).unwrap();
    all[2] = join;
    // It says no more than nothing does, and gives another network.
    assert_ne!(assemble(&draft, &all).unwrap().id(), without.id());
}

#[test]
fn missing_joins_and_second_ones_are_seen() {
    let draft = draft();
    let mut all = joins(&draft);
    assert_eq!(
        assemble(&draft, &all[..3]).unwrap_err().to_string(),
        "joins: the join of member delta is missing"
    );
    let (text, _) = genesis();
    let cut = text.replace(all[3].to_toml().trim_end(), "");
    assert_eq!(
        line_and_words(&Genesis::parse(&cut).unwrap_err()).1,
        "joins: the join of member delta is missing"
    );

    all.push(all[1].clone());
    let double = assemble(&draft, &all).unwrap_err();
    assert_eq!(
        double.to_string(),
        "join file 5: line 2: joins[1].member: the join of beta stands here a second time"
    );
    let doubled = format!("{text}\n{}", all[1].to_toml());
    assert_eq!(
        line_and_words(&Genesis::parse(&doubled).unwrap_err()).1,
        "joins[5].member: the join of beta stands here a second time"
    );
    // Another join of beta, which is good as well.
    let mut keys: Keys = keys(1);
    keys.validator = key(99);
    let other: Join = keys.begin(&draft, "beta");
    let doubled = format!("{text}\n{}", other.to_toml());
    let error = Genesis::parse(&doubled).unwrap_err();
    assert!(matches!(
        error,
        GenesisError::Invalid { problem: Problem::Duplicate { what }, .. } if what == "the join of beta"
    ));
    let crowd = format!("{text}\n{}", all[1].to_toml().repeat(125));
    assert_eq!(
        line_and_words(&Genesis::parse(&crowd).unwrap_err()).1,
        "joins: 129 entries, at most 128 are allowed"
    );
}
