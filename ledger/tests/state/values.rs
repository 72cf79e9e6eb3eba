//! What is no value of its key.

use quorate_crypto::{
    Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, Height, Key, MemberNumber, PublicKey,
    SeatNumber,
};
use quorate_ledger::{
    Account, AccountV1, Agreement, Amount, Asset, AssetV1, Balance, BalanceV1, Cast, Change, ConditionLeaf,
    Erased, Erasure, ErasureV1, GovernanceProposal, GovernanceProposalV1, Guardians, GuardiansV1, Hold,
    HoldV1, InUse, InUseV1, Inline, Member, MemberV1, Owner, Parameters, ParametersV1, Place, ProposalState,
    Request, Rules, RulesV1, Seat, SeatV1, Signer, Signers, StateKey, StateValue, Taken, Timestamp,
    ValueError,
};

use crate::model::{address, asset, code, hold, member, small_state};

/// What is said of bytes under a key.
fn refusal(key: StateKey, bytes: &[u8]) -> ValueError {
    let error = StateValue::decode(&key, bytes).expect_err("no value of this key");
    assert_eq!(error.code(), "other_leaf");
    error
}

/// A legal value is one of its key; once spoilt it is none, whatever its key.
fn faulty<T: Clone>(legal: &T, spoil: impl Fn(&mut T), wrap: impl Fn(T) -> StateValue) {
    let value = wrap(legal.clone());
    assert_eq!(StateValue::decode(&value.key(), &value.encode()), Ok(value));
    let mut spoilt = legal.clone();
    spoil(&mut spoilt);
    let value = wrap(spoilt);
    // Whether decoding finds it or what comes after, nothing depends on.
    let error = refusal(value.key(), &value.encode());
    let is_fault = matches!(error, ValueError::Fault { .. } | ValueError::Encoding { .. });
    assert!(is_fault, "{error}");
}

#[test]
fn the_value_of_another_key_is_refused() {
    let model = small_state();
    let pairs: Vec<_> = model.iter().collect();
    let mut others = 0;
    for (key, own) in &pairs {
        for (_, value) in &pairs {
            if own != value {
                let error = refusal(**key, value);
                others += usize::from(matches!(error, ValueError::OtherKey { .. }));
            }
        }
    }
    // Two values of one type differ in nothing but what they say of themselves. (An account's own record is
    // the same value as the one that claims the document.)
    let of_kind = |kind: u8| pairs.iter().filter(|(key, _)| key.kind() == kind).count();
    let members = of_kind(0x06);
    let records = of_kind(0x04) + of_kind(0x05);
    assert!(others >= members * (members - 1) + records * (records - 2));
}

#[test]
fn a_hold_whose_cut_hash_would_be_anothers_says_whose_it_is() {
    let first = StateValue::Hold(hold(1, 0));
    for other in [
        StateKey::hold(&address(2), &Digest([1; 32]), 0),
        StateKey::hold(&address(1), &Digest([2; 32]), 0),
        StateKey::hold(&address(1), &Digest([1; 32]), 1),
    ] {
        let error = refusal(other, &first.encode());
        let of = first.key();
        assert_eq!(error, ValueError::OtherKey { key: other, of });
    }
    // Material that fits, and a key with something in its place.
    let mut key = first.key();
    key.0[31] ^= 1;
    assert!(matches!(
        refusal(key, &first.encode()),
        ValueError::OtherKey { .. }
    ));
}

#[test]
fn nothing_lies_under_keys_that_the_page_has_not() {
    let mut keys = vec![[0; 32], [0x11; 32], [0xFF; 32]];
    for (kind, second) in [(0x10, 4), (0x10, 0xFF), (0x0D, 2)] {
        let mut key = [0; 32];
        (key[0], key[1]) = (kind, second);
        keys.push(key);
    }
    for key in keys.into_iter().map(StateKey) {
        assert_eq!(refusal(key, &[0]), ValueError::NoKind { key });
    }
    // Zeros that are none.
    let values = [
        StateValue::Member(Member::V1(member(0, "alpha"))),
        StateValue::Asset(Asset::V1(asset("EUR", 0))),
    ];
    for value in values {
        let mut key = value.key();
        key.0[31] = 1;
        assert!(matches!(
            refusal(key, &value.encode()),
            ValueError::OtherKey { .. }
        ));
    }
}

#[test]
fn what_is_not_the_one_encoding_is_refused() {
    let value = StateValue::Asset(Asset::V1(asset("EUR", 0)));
    let (key, bytes) = (value.key(), value.encode());
    let longer = [&bytes[..], &[0]].concat();
    let shorter = &bytes[..bytes.len() - 1];
    let too_long = vec![0; 32_769];
    for wrong in [longer.as_slice(), shorter, &[], &[1], &too_long] {
        assert!(matches!(refusal(key, wrong), ValueError::Encoding { .. }));
    }
    // An amount is any number that there is room for.
    let mut rich = asset("EUR", 0);
    rich.supply = Amount(u128::MAX);
    let rich = StateValue::Asset(Asset::V1(rich));
    assert_eq!(StateValue::decode(&rich.key(), &rich.encode()), Ok(rich));
}

fn inline(text: &str, free: u128, incoming: u32) -> Inline {
    Inline {
        asset: code(text),
        free: Amount(free),
        held: Amount(0),
        incoming,
    }
}

#[test]
fn accounts_keep_their_ranges_and_orders() {
    let mut legal = AccountV1::new(address(1), Digest([1; 32]));
    legal.balances = vec![inline("EUR", 1, 0), inline("GOLD", 0, 1), inline("Z", 1, 1)];
    (legal.holds, legal.others, legal.entries) = (256, 253, 31);
    let wrap = |account: AccountV1| StateValue::Account(Account::V1(account));
    let spoils: [fn(&mut AccountV1); 8] = [
        |account| account.holds = 257,
        |account| account.others = 257,
        |account| account.balances.reverse(),
        |account| account.balances[1] = account.balances[0],
        |account| account.balances.insert(0, inline("A", 0, 0)),
        |account| account.entries = 32,
        |account| account.waypoints = vec![Digest([1; 32])],
        |account| account.signers = Some(signers(&[])),
    ];
    for spoil in spoils {
        faulty(&legal, spoil, wrap);
    }
    // By code and not by encoding: there the shorter one would come first.
    let balances = &legal.balances;
    assert!(balances[1].asset < balances[2].asset);
    // 96 steps have waypoints 1 to 3, in two subtrees.
    legal.entries = 96;
    legal.waypoints = vec![Digest([1; 32]); 2];
    faulty(&legal, |account| account.waypoints.truncate(1), wrap);
    // A fifth balance in the leaf is more than its list has.
    legal.balances = (0..5).map(|number| inline(&format!("A{number}"), 1, 0)).collect();
    let value = wrap(legal);
    assert!(matches!(
        refusal(value.key(), &value.encode()),
        ValueError::Encoding { .. }
    ));
}

#[test]
fn balances_and_assets_keep_their_ranges() {
    let legal = BalanceV1 {
        address: address(1),
        asset: code("Z"),
        free: Amount(0),
        held: Amount(1),
        incoming: 0,
    };
    let wrap = |balance| StateValue::Balance(Balance::V1(balance));
    faulty(&legal, |balance: &mut BalanceV1| balance.held = Amount(0), wrap);

    let legal = asset("EUR", 0);
    let wrap = |asset| StateValue::Asset(Asset::V1(asset));
    faulty(&legal, |asset: &mut AssetV1| asset.decimals = 19, wrap);
    faulty(&legal, |asset: &mut AssetV1| asset.flags = 4, wrap);
    faulty(&legal, |asset: &mut AssetV1| asset.entries = 32, wrap);
}

/// Signers with these weights, ascending by key, of which half must sign.
fn signers(weights: &[u16]) -> Signers {
    let signer = |(number, weight): (u8, &u16)| Signer {
        key: Key::Ed25519([number; 32]),
        weight: *weight,
    };
    Signers {
        threshold: 1,
        signers: (1..).zip(weights).map(signer).collect(),
    }
}

#[test]
fn signers_ascend_and_have_weights() {
    let mut legal = AccountV1::new(address(1), Digest([1; 32]));
    legal.signers = Some(signers(&[1, 2, 3]));
    let wrap = |account: AccountV1| StateValue::Account(Account::V1(account));
    let with = |signers: Signers| move |account: &mut AccountV1| account.signers = Some(signers.clone());
    faulty(&legal, with(signers(&[1, 0])), wrap);
    let mut reversed = signers(&[1, 2, 3]);
    reversed.signers.reverse();
    faulty(&legal, with(reversed.clone()), wrap);

    let guardians = GuardiansV1 {
        account: address(1),
        guardians: vec![address(2)],
        threshold: 1,
        delay_ms: 1,
        request: Some(Request {
            signers: signers(&[1, 2]),
            accepted: Vec::new(),
            since: Timestamp(1),
        }),
    };
    let spoil = |guardians: &mut GuardiansV1| {
        let request = guardians.request.as_mut().unwrap();
        request.signers = reversed.clone();
    };
    let wrap = |guardians| StateValue::Guardians(Guardians::V1(guardians));
    faulty(&guardians, spoil, wrap);
}

#[test]
fn conditions_need_what_they_have() {
    let Hold::V1(mut legal) = hold(1, 0);
    legal.condition.leaves = vec![
        ConditionLeaf::Signs(address(2)),
        ConditionLeaf::From(Timestamp(1)),
    ];
    let wrap = |hold| StateValue::Hold(Hold::V1(hold));
    let spoils: [fn(&mut HoldV1); 5] = [
        |hold| hold.condition.need = 0,
        |hold| hold.condition.need = 3,
        |hold| hold.condition.leaves.clear(),
        |hold| hold.condition.leaves.reverse(),
        |hold| hold.condition.leaves[1] = hold.condition.leaves[0],
    ];
    for spoil in spoils {
        faulty(&legal, spoil, wrap);
    }
}

#[test]
fn names_are_names() {
    let legal = member(7, "a.B-9_");
    let wrap = |member| StateValue::Member(Member::V1(member));
    for name in ["", ".a", "-a", "a b", "ä", "a/b", &"a".repeat(33)] {
        let spoil = |member: &mut MemberV1| name.clone_into(&mut member.name);
        faulty(&legal, spoil, wrap);
        let legal = InUseV1 {
            taken: Taken::Name("a".repeat(32)),
            by: Owner::Member(MemberNumber(7)),
        };
        let spoil = |in_use: &mut InUseV1| in_use.taken = Taken::Name(name.to_owned());
        faulty(&legal, spoil, |in_use| StateValue::InUse(InUse::V1(in_use)));
    }
}

fn seat(number: u32) -> SeatV1 {
    SeatV1 {
        number: SeatNumber(number),
        member: MemberNumber(0),
        validator: PublicKey([1; 32]),
        node: PublicKey([2; 32]),
        witness: PublicKey([3; 32]),
        addresses: vec!["a".repeat(280); 8],
        sits: true,
        rejoin: None,
        active: Height(0),
        next: None,
    }
}

#[test]
fn seats_and_committees_keep_their_limits() {
    let wrap = |seat| StateValue::Seat(Seat::V1(seat));
    faulty(&seat(1), |seat: &mut SeatV1| seat.addresses[7].push('a'), wrap);
    let mut crowded = seat(1);
    crowded.addresses.push(String::new());
    let crowded = wrap(crowded);
    assert!(matches!(
        refusal(crowded.key(), &crowded.encode()),
        ValueError::Encoding { .. }
    ));

    let key = |byte| PublicKey([byte; 32]);
    let legal = CommitteeV1 {
        epoch: Epoch(0),
        engine: Engine::Pbft,
        protocol: 1,
        seats: vec![CommitteeSeat {
            member: MemberNumber(0),
            seat: SeatNumber(0),
            validator: key(1),
            node: key(2),
            witness: key(3),
        }],
    };
    let wrap = |committee| StateValue::Agreement(Agreement::genesis(Committee::V1(committee), 1_000));
    faulty(
        &legal,
        |committee: &mut CommitteeV1| committee.seats.clear(),
        wrap,
    );
    faulty(
        &legal,
        |committee: &mut CommitteeV1| committee.seats[0].node = key(1),
        wrap,
    );
}

#[test]
fn erasures_and_proposals_keep_their_orders() {
    let erased = |index| Erased {
        place: Place::Operation { index, field: 0 },
        by: address(1),
        ordinal: 1,
        timestamp: Timestamp(1),
    };
    let legal = ErasureV1 {
        id: Digest([1; 32]),
        erased: vec![erased(0), erased(1)],
    };
    let wrap = |erasure| StateValue::Erasure(Erasure::V1(erasure));
    faulty(&legal, |erasure: &mut ErasureV1| erasure.erased.clear(), wrap);
    faulty(&legal, |erasure: &mut ErasureV1| erasure.erased.reverse(), wrap);
    faulty(
        &legal,
        |erasure: &mut ErasureV1| erasure.erased.push(erased(1)),
        wrap,
    );

    let cast = |member| Cast {
        member: MemberNumber(member),
        yes: true,
    };
    let mut legal = proposal(Change::Protocol(2));
    legal.ballots = vec![cast(0), cast(2)];
    let wrap = |proposal| StateValue::GovernanceProposal(GovernanceProposal::V1(proposal));
    let spoil = |proposal: &mut GovernanceProposalV1| proposal.ballots.push(cast(2));
    faulty(&legal, spoil, wrap);
}

fn proposal(change: Change) -> GovernanceProposalV1 {
    GovernanceProposalV1 {
        number: 1,
        member: MemberNumber(0),
        height: Height(1),
        expires_at: Timestamp(1),
        electorate: Vec::new(),
        change,
        ballots: Vec::new(),
        attested: Vec::new(),
        state: ProposalState::Open,
    }
}

#[test]
fn parameters_and_rules_are_within_their_ranges() {
    let parameters = |window| {
        Parameters::V1(ParametersV1 {
            window,
            ..ParametersV1::default()
        })
    };
    let rules = |strangers| {
        Rules::V1(RulesV1 {
            strangers,
            ..RulesV1::default()
        })
    };
    let spoil = |value: &mut Parameters| *value = parameters(65);
    faulty(&parameters(64), spoil, StateValue::Parameters);
    let spoil = |value: &mut Rules| *value = rules(8);
    faulty(&rules(7), spoil, StateValue::Rules);
}

#[test]
fn a_change_is_of_its_types() {
    let admit = |name: &str| Change::AdmitMember {
        name: name.to_owned(),
        account: address(1),
    };
    let add = |length: usize| Change::AddSeat {
        member: MemberNumber(0),
        validator: PublicKey([1; 32]),
        node: PublicKey([2; 32]),
        witness: PublicKey([3; 32]),
        addresses: vec!["a".repeat(length)],
        proofs: Vec::new(),
    };
    let parameters = |window| {
        Change::Parameters(Parameters::V1(ParametersV1 {
            window,
            ..ParametersV1::default()
        }))
    };
    let rules = |strangers| {
        Change::Rules(Rules::V1(RulesV1 {
            strangers,
            ..RulesV1::default()
        }))
    };
    for (legal, spoilt) in [
        (admit("alpha"), admit("al\npha")),
        (admit("alpha"), admit("")),
        (add(280), add(281)),
        (parameters(1), parameters(0)),
        (rules(0), rules(8)),
    ] {
        let spoil = |proposal: &mut GovernanceProposalV1| proposal.change = spoilt.clone();
        let wrap = |proposal| StateValue::GovernanceProposal(GovernanceProposal::V1(proposal));
        faulty(&proposal(legal), spoil, wrap);
    }
}
