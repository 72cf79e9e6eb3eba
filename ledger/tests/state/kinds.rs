//! A value of every kind that the page's examples have none of, and of others with all their fields: bytes
//! written down from `docs/formats.md`, sections 11, 12 and 15.

use quorate_crypto::{Digest, Epoch, Height, Key, MemberNumber, PublicKey, SeatNumber, sha256};
use quorate_ledger::{
    Account, AccountV1, Amount, Attested, Attesting, Balance, BalanceV1, Cast, Change, Condition,
    ConditionLeaf, Erased, Erasure, ErasureV1, Freeze, FreezeV1, GovernanceProposal, GovernanceProposalV1,
    Grant, GrantV1, Guardians, GuardiansV1, Hold, HoldV1, InUse, InUseV1, Inline, Limit, Member,
    MemberStatus, MemberV1, NextKeys, Owner, Place, ProposalState, Quota, QuotaShare, QuotaShareV1, QuotaV1,
    Record, RecordV1, RecoveryMark, RecoveryMarkV1, Rejoin, Report, Request, Right, Scope, Seat, SeatV1,
    Signer, Signers, StateKey, StateValue, Taken, Timestamp,
};

use crate::model::code;
use crate::page::{ID_1, K1, K2, bytes, digest};

/// The public keys of RFC 8032's test 1 and RFC 6979, A.2.5.
const K1_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const P_KEY: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";

/// The value has this key and this encoding, and is what these decode to.
fn golden(value: StateValue, key: &str, encoding: &str) {
    let key = StateKey(bytes(key).try_into().unwrap());
    assert_eq!(value.key(), key);
    assert_eq!(hex::encode(value.encode()), hex::encode(bytes(encoding)));
    assert_eq!(StateValue::decode(&key, &bytes(encoding)), Ok(value));
}

fn k1_signer() -> Signer {
    let key = Key::Ed25519(bytes(K1_KEY).try_into().unwrap());
    Signer { key, weight: 1 }
}

#[test]
fn an_account_with_all_it_can_have() {
    let p = Signer {
        key: Key::P256(bytes(P_KEY).try_into().unwrap()),
        weight: 258,
    };
    let account = AccountV1 {
        address: K1,
        signers: Some(Signers {
            threshold: 2,
            signers: vec![k1_signer(), p],
        }),
        member: Some(MemberNumber(3)),
        frozen: true,
        holds: 256,
        others: 2,
        balances: vec![Inline {
            asset: code("EUR"),
            free: Amount(5),
            held: Amount(6),
            incoming: 7,
        }],
        entries: 33,
        last: Digest([7; 32]),
        waypoints: vec![Digest([8; 32])],
    };
    golden(
        StateValue::Account(Account::V1(account)),
        "016667b111cc79f20ce34185c687163f463bea690d0000000000000000000000",
        "00 6667b111cc79f20ce34185c687163f463bea690d 01 02000000 02 \
         00 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a 0100 \
         01 0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6 0201 \
         01 03000000 01 0001 0200 \
         01 03455552 05000000000000000000000000000000 06000000000000000000000000000000 07000000 \
         2100000000000000 0707070707070707070707070707070707070707070707070707070707070707 \
         01 0808080808080808080808080808080808080808080808080808080808080808",
    );
}

#[test]
fn a_balance_of_its_own() {
    let balance = BalanceV1 {
        address: K1,
        asset: code("Z"),
        free: Amount(1),
        held: Amount(0),
        incoming: 2,
    };
    golden(
        StateValue::Balance(Balance::V1(balance)),
        "016667b111cc79f20ce34185c687163f463bea690d00000058e340d64417ec94",
        "00 6667b111cc79f20ce34185c687163f463bea690d 015a \
         01000000000000000000000000000000 00000000000000000000000000000000 02000000",
    );
}

#[test]
fn a_hold() {
    let until = Timestamp(0x019b_76db_9260);
    let hold = HoldV1 {
        owner: K1,
        transaction: digest(ID_1),
        operation: 0,
        beneficiary: K2,
        asset: code("EUR"),
        amount: Amount(1_000),
        until,
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::Signs(K2), ConditionLeaf::From(until)],
        },
    };
    golden(
        StateValue::Hold(Hold::V1(hold)),
        "026667b111cc79f20ce34185c687163f463bea690d9d35d76cbd9b316dccdd46",
        "00 6667b111cc79f20ce34185c687163f463bea690d \
         4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57 00 \
         2d8feb05653f0aa04f75fcd0972b257746e6d5f5 03455552 e8030000000000000000000000000000 \
         6092db769b010000 01 02 00 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 01 6092db769b010000",
    );
}

#[test]
fn records_of_both_kinds() {
    let record = Record::V1(RecordV1 {
        address: K1,
        sha256: sha256(b""),
        id: digest(ID_1),
        ordinal: 1,
        timestamp: Timestamp(2),
    });
    let encoding = "00 6667b111cc79f20ce34185c687163f463bea690d \
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57 \
         0100000000000000 0200000000000000";
    golden(
        StateValue::OwnRecord(record),
        "0466420fb19f64bb7c529a6e79a9e6c1a36611852ec8cbc283d236a47ea34678",
        encoding,
    );
    golden(
        StateValue::UniqueRecord(record),
        "055a83ee3f65e9571a71f962b1634cff64c53d32385cafa49565ac3810a9d7c1",
        encoding,
    );
}

#[test]
fn a_member_that_is_reported() {
    let member = MemberV1 {
        number: MemberNumber(1),
        name: "beta".to_owned(),
        account: K2,
        status: MemberStatus::Dormant,
        seats: 0,
        since: Timestamp(1),
        signed: Timestamp(2),
        reported: Some(Report {
            by: MemberNumber(0),
            timestamp: Timestamp(3),
        }),
        open: vec![5],
    };
    golden(
        StateValue::Member(Member::V1(member)),
        "0600000001000000000000000000000000000000000000000000000000000000",
        "00 01000000 0462657461 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 01 0000 \
         0100000000000000 0200000000000000 01 00000000 0300000000000000 01 0500000000000000",
    );
}

#[test]
fn a_seat_that_rejoined_and_gets_new_keys() {
    let [validator, node, witness] = [0x11, 0x22, 0x33].map(|byte| PublicKey([byte; 32]));
    let seat = SeatV1 {
        number: SeatNumber(9),
        member: MemberNumber(1),
        validator,
        node,
        witness,
        addresses: vec!["/dns/a/tcp/1".to_owned()],
        sits: true,
        rejoin: Some(Rejoin {
            token: Digest([7; 32]),
            epoch: Epoch(1),
            timestamp: Timestamp(2),
            recent: 8,
        }),
        active: Height(64),
        next: Some(NextKeys {
            validator: PublicKey([0x44; 32]),
            node,
            witness,
        }),
    };
    golden(
        StateValue::Seat(Seat::V1(seat)),
        "0700000009000000000000000000000000000000000000000000000000000000",
        "00 09000000 01000000 1111111111111111111111111111111111111111111111111111111111111111 \
         2222222222222222222222222222222222222222222222222222222222222222 \
         3333333333333333333333333333333333333333333333333333333333333333 \
         01 0c 2f646e732f612f7463702f31 01 \
         01 0707070707070707070707070707070707070707070707070707070707070707 \
         0100000000000000 0200000000000000 08 4000000000000000 \
         01 4444444444444444444444444444444444444444444444444444444444444444 \
         2222222222222222222222222222222222222222222222222222222222222222 \
         3333333333333333333333333333333333333333333333333333333333333333",
    );
}

#[test]
fn a_key_in_use() {
    // The validator key of the page's genesis document.
    let key = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737";
    let in_use = InUseV1 {
        taken: Taken::Key(bytes(key).try_into().unwrap()),
        by: Owner::Seat(SeatNumber(0)),
    };
    golden(
        StateValue::InUse(InUse::V1(in_use)),
        "087ff8341f03614832c580dfe9c59d80134e2c5522e246b96849cd95a3fcf644",
        "00 01 d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737 01 00000000",
    );
}

#[test]
fn grants_of_all_scopes() {
    let grant = |right, scope| {
        StateValue::Grant(Grant::V1(GrantV1 {
            account: K2,
            right,
            scope,
            by: K1,
            ordinal: 3,
        }))
    };
    golden(
        grant(Right::Erase, Scope::Network),
        "092d8feb05653f0aa04f75fcd0972b257746e6d5f50900000000000000000000",
        "00 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 09 00 \
         6667b111cc79f20ce34185c687163f463bea690d 0300000000000000",
    );
    golden(
        grant(Right::Operate, Scope::Member(MemberNumber(258))),
        "092d8feb05653f0aa04f75fcd0972b257746e6d5f50101000000000000010200",
        "00 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 01 01 02010000 \
         6667b111cc79f20ce34185c687163f463bea690d 0300000000000000",
    );
    golden(
        grant(Right::HoldAsset, Scope::Asset(code("EUR"))),
        "092d8feb05653f0aa04f75fcd0972b257746e6d5f508022727df71b02fbb0600",
        "00 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 08 02 03455552 \
         6667b111cc79f20ce34185c687163f463bea690d 0300000000000000",
    );
}

#[test]
fn freezes_of_one_asset_and_of_all() {
    let freeze = |asset| {
        StateValue::Freeze(Freeze::V1(FreezeV1 {
            account: K1,
            asset,
            by: K2,
            ordinal: 1,
            timestamp: Timestamp(2),
        }))
    };
    golden(
        freeze(None),
        "0a6667b111cc79f20ce34185c687163f463bea690d0000000000000000000000",
        "00 6667b111cc79f20ce34185c687163f463bea690d 00 \
         2d8feb05653f0aa04f75fcd0972b257746e6d5f5 0100000000000000 0200000000000000",
    );
    golden(
        freeze(Some(code("EUR"))),
        "0a6667b111cc79f20ce34185c687163f463bea690d0000002727df71b02fbb06",
        "00 6667b111cc79f20ce34185c687163f463bea690d 01 03455552 \
         2d8feb05653f0aa04f75fcd0972b257746e6d5f5 0100000000000000 0200000000000000",
    );
}

#[test]
fn a_proposal_that_was_executed() {
    let proposal = GovernanceProposalV1 {
        number: 258,
        member: MemberNumber(1),
        height: Height(5),
        expires_at: Timestamp(6),
        electorate: vec![MemberNumber(0), MemberNumber(1)],
        change: Change::ExpelMember(MemberNumber(1)),
        ballots: vec![Cast {
            member: MemberNumber(0),
            yes: true,
        }],
        attested: vec![
            Attested {
                seat: Attesting::Sitting(SeatNumber(9)),
                lowest: 1,
                highest: 2,
            },
            Attested {
                seat: Attesting::Joining(PublicKey([0x11; 32])),
                lowest: 1,
                highest: 1,
            },
        ],
        state: ProposalState::Executed { height: Height(9) },
    };
    golden(
        StateValue::GovernanceProposal(GovernanceProposal::V1(proposal)),
        "0b00000000000001020000000000000000000000000000000000000000000000",
        "00 0201000000000000 01000000 0500000000000000 0600000000000000 02 00000000 01000000 \
         01 01000000 01 00000000 01 02 00 09000000 01000000 02000000 \
         01 1111111111111111111111111111111111111111111111111111111111111111 01000000 01000000 \
         02 0900000000000000",
    );
}

#[test]
fn guardians_with_a_request() {
    let guardians = GuardiansV1 {
        account: K1,
        guardians: vec![K2],
        threshold: 1,
        delay_ms: 86_400_000,
        request: Some(Request {
            signers: Signers {
                threshold: 1,
                signers: vec![k1_signer()],
            },
            accepted: vec![K2],
            since: Timestamp(7),
        }),
    };
    golden(
        StateValue::Guardians(Guardians::V1(guardians)),
        "0c6667b111cc79f20ce34185c687163f463bea690d0000000000000000000000",
        "00 6667b111cc79f20ce34185c687163f463bea690d 01 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 01 \
         005c260500000000 01 01000000 01 \
         00 d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a 0100 \
         01 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 0700000000000000",
    );
}

#[test]
fn quotas_and_a_share() {
    let quota = |member, limit| {
        StateValue::Quota(Quota::V1(QuotaV1 {
            member,
            limit,
            day: 1,
            bytes: 2,
            leaves: 3,
            reserve: 4,
        }))
    };
    golden(
        quota(None, None),
        "0d00ffffffff0000000000000000000000000000000000000000000000000000",
        "00 00 00 0100000000000000 0200000000000000 03000000 0400000000000000",
    );
    golden(
        quota(Some(MemberNumber(2)), Some(Limit { bytes: 5, leaves: 6 })),
        "0d00000000020000000000000000000000000000000000000000000000000000",
        "00 01 02000000 01 0500000000000000 06000000 \
         0100000000000000 0200000000000000 03000000 0400000000000000",
    );
    let share = QuotaShareV1 {
        account: K1,
        bytes: 1,
        leaves: 2,
        day: 3,
        used_bytes: 4,
        used_leaves: 5,
    };
    golden(
        StateValue::QuotaShare(QuotaShare::V1(share)),
        "0d016667b111cc79f20ce34185c687163f463bea690d00000000000000000000",
        "00 6667b111cc79f20ce34185c687163f463bea690d 0100000000000000 02000000 \
         0300000000000000 0400000000000000 05000000",
    );
}

#[test]
fn an_erasure_of_two_texts() {
    let erased = |place| Erased {
        place,
        by: K2,
        ordinal: 4,
        timestamp: Timestamp(5),
    };
    let erasure = ErasureV1 {
        id: digest(ID_1),
        erased: vec![
            erased(Place::Memo),
            erased(Place::Operation { index: 2, field: 1 }),
        ],
    };
    golden(
        StateValue::Erasure(Erasure::V1(erasure)),
        "0e6835fe2a5d26434e1a8eb2fb79f1e37bd798715977190e3877916d83556f75",
        "00 4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57 02 \
         00 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 0400000000000000 0500000000000000 \
         01 02 01 2d8feb05653f0aa04f75fcd0972b257746e6d5f5 0400000000000000 0500000000000000",
    );
}

#[test]
fn a_mark_of_a_recovery() {
    let mark = RecoveryMarkV1 {
        number: 1,
        document: Digest([7; 32]),
        base: Height(5),
        block: Digest([8; 32]),
        old_epoch: Epoch(0),
        new_epoch: Epoch(1),
    };
    golden(
        StateValue::RecoveryMark(RecoveryMark::V1(mark)),
        "0f00000001000000000000000000000000000000000000000000000000000000",
        "00 01000000 0707070707070707070707070707070707070707070707070707070707070707 \
         0500000000000000 0808080808080808080808080808080808080808080808080808080808080808 \
         0000000000000000 0100000000000000",
    );
}
