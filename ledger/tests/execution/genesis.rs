//! The state before height 1, made of lists. Its root is held to the page's in `golden`.

use quorate_crypto::{Address, Height, MemberNumber, SeatNumber};
use quorate_ledger::{
    Amount, GenesisGrant, GenesisLists, GenesisState, GenesisStateError, MemoryState, Right, Scope, StateKey,
    StateTree, Taken, genesis_state, value_hash,
};

use crate::world::{ASSETS, GENESIS_TIME, MILLION, World, address, code, lists, validator};

fn refused(change: impl FnOnce(&mut GenesisLists)) -> GenesisStateError {
    let mut lists = lists();
    change(&mut lists);
    genesis_state(&lists).unwrap_err()
}

#[test]
fn every_account_that_the_lists_name_has_a_leaf() {
    let world = World::new();
    let mut with_leaf: Vec<Address> = [0, 50, 100, 101, 102, 103].map(address).to_vec();
    with_leaf.sort_unstable();
    let keys: Vec<StateKey> = with_leaf.iter().map(StateKey::account).collect();
    let values = world.values();
    let own = values
        .keys()
        .filter(|key| key.kind() == 1 && key.0[21..] == [0; 11]);
    assert_eq!(own.copied().collect::<Vec<_>>(), keys);
    assert_eq!(world.account(101).unwrap().member, Some(MemberNumber(1)));
    assert_eq!(world.account(50).unwrap().member, Some(MemberNumber(1)));
    assert_eq!(world.account(0).unwrap().member, None);
    let account = world.account(0).unwrap();
    assert_eq!((account.entries, account.holds, account.others), (0, 0, 1));
    assert_eq!(account.balances.len(), 2);
    assert_eq!(world.funds(0, "BOND"), (MILLION, 0, 0));
}

#[test]
fn members_have_a_seat_a_name_and_keys_in_use_and_administer_themselves() {
    let world = World::new();
    let member = world.member(1);
    assert_eq!((member.account, member.seats), (address(101), 1));
    assert_eq!((member.since, member.signed), (GENESIS_TIME, GENESIS_TIME));
    let seat = world.seat(1);
    assert_eq!((seat.member, seat.number), (MemberNumber(1), SeatNumber(1)));
    assert!(seat.sits && seat.rejoin.is_none() && seat.next.is_none());
    // Names are in use in lower case.
    assert!(world.has(&StateKey::in_use(&Taken::Name("beta".to_owned()))));
    assert!(!world.has(&StateKey::in_use(&Taken::Name("Beta".to_owned()))));
    for key in [seat.validator, seat.node, seat.witness] {
        assert!(world.has(&StateKey::in_use(&Taken::Key(key.0))));
    }
    let scope = Scope::Member(MemberNumber(1));
    assert!(world.has(&StateKey::grant(&address(101), Right::Administrate, &scope)));
    assert!(!world.has(&StateKey::grant(&address(50), Right::Administrate, &scope)));
}

#[test]
fn indexes_follow_from_the_leaves() {
    let genesis = genesis_state(&lists()).unwrap();
    let numbered: Vec<_> = (0_u32..).zip(ASSETS.map(code)).collect();
    assert_eq!(genesis.assets, numbered);
    let mut holders: Vec<_> = ["EUR", "GOLD", "BOND"]
        .map(|asset| (code(asset), address(0), true))
        .to_vec();
    holders.sort_unstable();
    assert_eq!(genesis.holders, holders);
    let again = genesis.leaves().map(|(key, value)| (*key, value.to_vec()));
    let again = GenesisState::new(again.collect());
    assert_eq!(again, genesis);
    let hashes = genesis.leaves().map(|(key, value)| (*key, value_hash(value)));
    let tree = StateTree::load(Height::GENESIS, hashes);
    assert_eq!(tree.root(), genesis.root);
    let state = MemoryState::genesis(&genesis);
    assert!(state.values().eq(genesis.leaves()));
}

#[test]
fn an_account_with_a_grant_alone_has_a_leaf() {
    let mut lists = lists();
    lists.grants.push(GenesisGrant {
        account: address(60),
        right: Right::Audit,
        scope: Scope::Network,
    });
    let world = World::of(&lists);
    let account = world.account(60).unwrap();
    assert_eq!((account.member, account.balances.len()), (None, 0));
    assert!(world.has(&StateKey::grant(&address(60), Right::Audit, &Scope::Network)));
}

#[test]
fn lists_that_make_no_state_are_refused() {
    let asset = code("EUR");
    let twice = refused(|lists| lists.assets.push(lists.assets[0].clone()));
    assert!(matches!(
        twice,
        GenesisStateError::Repeated { .. } | GenesisStateError::DuplicateBalance { .. }
    ));
    let zero = refused(|lists| lists.assets[0].balances.push((address(1), Amount(0))));
    let expected = GenesisStateError::ZeroBalance {
        address: address(1),
        asset,
    };
    assert_eq!(zero, expected);
    let balance = refused(|lists| lists.assets[0].balances.push((address(0), Amount(1))));
    let expected = GenesisStateError::DuplicateBalance {
        address: address(0),
        asset,
    };
    assert_eq!(balance, expected);
    let much = Amount(10_u128.pow(38) - MILLION);
    let overflow = refused(|lists| lists.assets[0].balances.push((address(1), much)));
    assert_eq!(overflow, GenesisStateError::SupplyOverflow { asset });
    let huge = refused(|lists| lists.assets[0].balances.push((address(1), Amount(u128::MAX))));
    assert_eq!(huge, GenesisStateError::SupplyOverflow { asset });
    let key = refused(|lists| lists.members[1].node = validator(0).public());
    assert!(matches!(key, GenesisStateError::Repeated { .. }));
    let name = refused(|lists| lists.members[1].name = "ALPHA".to_owned());
    assert!(matches!(name, GenesisStateError::Repeated { .. }));
    let two = refused(|lists| lists.accounts.push((address(100), MemberNumber(1))));
    assert_eq!(
        two,
        GenesisStateError::TwoMembers {
            address: address(100)
        }
    );
}

#[test]
#[should_panic(expected = "a state has each key once")]
fn leaves_with_a_key_twice_are_no_state() {
    let genesis = genesis_state(&lists()).unwrap();
    let leaves = genesis.leaves().map(|(key, value)| (*key, value.to_vec()));
    let mut leaves: Vec<_> = leaves.collect();
    leaves.push(leaves[0].clone());
    let _ = GenesisState::new(leaves);
}
