//! Random documents: text and encoding keep the value and the id, and no text and no bytes make a reader panic.

use proptest::prelude::*;
use quorate_crypto::{Address, Engine, MemberNumber};
use quorate_genesis::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, Genesis, Join, diff, diff_drafts,
    format_amount, format_time, parse_amount, parse_time,
};
use quorate_ledger::{Amount, Majority, Parameters, Right, Rules, Scope, Timestamp, encode};

use crate::network::{assemble, client, genesis, joins, keys, p256, signers};

fn asset() -> impl Strategy<Value = DraftAsset> {
    let balances = prop::collection::btree_map(any::<[u8; 20]>(), 1..u128::MAX >> 8, 0..6);
    (
        "[A-Z0-9]{1,12}",
        0u8..=18,
        "[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\x{e0000}-\\x{e007f}]{0,30}",
        any::<[u8; 20]>(),
        balances,
    )
        .prop_map(|(code, decimals, description, issuer, balances)| DraftAsset {
            code: code.parse().unwrap(),
            decimals,
            flags: 0,
            description,
            issuer: Address(issuer),
            balances: balances
                .into_iter()
                .map(|(address, amount)| DraftBalance {
                    address: Address(address),
                    // Six of them are below 10^38 together.
                    amount: Amount(amount),
                })
                .collect(),
        })
}

/// A right of an account: which right, and which of its scopes.
type Given = ([u8; 20], usize, usize, u32, usize);

fn grant(
    (account, right, kind, member, asset): Given,
    members: u32,
    assets: &[DraftAsset],
) -> Option<DraftGrant> {
    let member = || Scope::Member(MemberNumber(member % members));
    let asset = || Some(Scope::Asset(assets.get(asset % assets.len().max(1))?.code));
    let (right, scope) = match right {
        0 => (Right::Administrate, Some(member())),
        1 => (Right::Operate, Some(member())),
        2 if kind == 0 => (Right::Audit, Some(member())),
        2 => (Right::Audit, Some(Scope::Network)),
        3 => (Right::Participate, Some(Scope::Network)),
        4 if kind == 0 => (Right::CreateAsset, Some(member())),
        4 => (Right::CreateAsset, Some(Scope::Network)),
        5 => (Right::Mint, asset()),
        6 if kind == 0 => (Right::Freeze, asset()),
        6 => (Right::Freeze, Some(Scope::Network)),
        7 => (Right::PutRecord, Some(Scope::Network)),
        8 => (Right::HoldAsset, asset()),
        _ => (Right::Erase, Some(Scope::Network)),
    };
    Some(DraftGrant {
        account: Address(account),
        right,
        scope: scope?,
    })
}

fn settings() -> impl Strategy<Value = (Parameters, Rules)> {
    let majority = || prop::sample::select(vec![Majority::MoreThanHalf, Majority::TwoThirds, Majority::All]);
    let numbers = (
        1u32..=64,
        1_000u64..=31_622_400_000,
        0u8..=7,
        0u64..1 << 63,
        any::<u32>(),
    );
    (numbers, majority(), majority(), majority()).prop_map(
        |((window, hold, strangers, bytes, leaves), seats, grants, strict)| {
            let Parameters::V1(mut parameters) = Parameters::default();
            parameters.window = window;
            parameters.max_hold_ms = hold;
            let Rules::V1(mut rules) = Rules::default();
            rules.strangers = strangers;
            rules.seats = seats;
            rules.grants = grants;
            rules.strict = strict;
            rules.strangers_bytes = bytes;
            rules.day_leaves = leaves;
            (Parameters::V1(parameters), Rules::V1(rules))
        },
    )
}

fn draft() -> impl Strategy<Value = Draft> {
    let engine = prop::sample::select(vec![Engine::Pbft, Engine::Raft, Engine::Paxos]);
    let members = prop::collection::btree_set("[a-z0-9_][a-z0-9._-]{0,31}", 1..6);
    let assets = prop::collection::vec(asset(), 0..6);
    let accounts = prop::collection::btree_map(any::<[u8; 20]>(), any::<u32>(), 0..5);
    let given = (
        any::<[u8; 20]>(),
        0usize..10,
        0usize..2,
        any::<u32>(),
        any::<usize>(),
    );
    let grants = prop::collection::vec(given, 0..6);
    let name = "[A-Za-z0-9_][A-Za-z0-9._-]{0,63}";
    let time = 0u64..253_402_300_800_000;
    (
        (name, engine, time),
        members,
        settings(),
        assets,
        accounts,
        grants,
    )
        .prop_map(
            |((network, engine, time), members, (parameters, rules), mut assets, accounts, grants)| {
                assets.sort_by_key(|asset| asset.code);
                assets.dedup_by_key(|asset| asset.code);
                // Numbers follow the document, not the codes.
                assets.reverse();
                let count = u32::try_from(members.len()).unwrap();
                let mut grants: Vec<DraftGrant> = grants
                    .into_iter()
                    .filter_map(|given| grant(given, count, &assets))
                    .collect();
                grants.sort_by_key(encode);
                grants.dedup();
                let accounts = accounts.into_iter().map(|(address, member)| DraftAccount {
                    address: Address(address),
                    member: MemberNumber(member % count),
                });
                Draft::V1(DraftV1 {
                    network,
                    engine,
                    time: Timestamp(time),
                    members: members.into_iter().collect(),
                    parameters,
                    rules,
                    assets,
                    accounts: accounts.collect(),
                    grants,
                })
            },
        )
}

/// A draft and joins of its members, the first of whom may have up to three more signers.
fn document() -> impl Strategy<Value = (Draft, Vec<Join>)> {
    let weights = prop::collection::vec(1u16.., 0..4);
    (draft(), weights, any::<u32>(), any::<bool>()).prop_map(|(draft, weights, threshold, is_p256)| {
        let mut all = joins(&draft);
        let mut keys = keys(0);
        if is_p256 {
            keys.account = p256(60);
        }
        let others: Vec<_> = [client(61), p256(62), client(63)]
            .into_iter()
            .take(weights.len())
            .collect();
        let sum: u32 = 1 + weights.iter().map(|weight| u32::from(*weight)).sum::<u32>();
        let weighted = std::iter::once((&keys.account, 1)).chain(others.iter().zip(weights.iter().copied()));
        let list = signers(1 + threshold % sum, weighted);
        if !weights.is_empty() {
            keys.signers = Some(list);
            keys.administrators = others;
        }
        all[0] = keys.begin(&draft, &draft.v1().members[0]);
        (draft, all)
    })
}

proptest! {
    #[test]
    fn the_text_form_keeps_a_draft_and_its_hash(draft in draft()) {
        draft.check().unwrap();
        let read = Draft::parse(&draft.to_toml()).unwrap();
        prop_assert_eq!(read.digest(), draft.digest());
        prop_assert!(diff_drafts(&read, &draft).is_empty());
        prop_assert_eq!(read, draft);
    }

    #[test]
    fn drafts_that_differ_have_different_hashes(first in draft(), second in draft()) {
        prop_assert_eq!(first == second, first.digest() == second.digest());
        prop_assert_eq!(first == second, diff_drafts(&first, &second).is_empty());
    }

    #[test]
    fn text_and_encoding_keep_a_document_and_its_id((draft, all) in document()) {
        let genesis = assemble(&draft, &all).unwrap();
        prop_assert_eq!(genesis.draft(), &draft);
        prop_assert_eq!(genesis.joins(), &all[..]);
        let rewritten = Genesis::parse(&genesis.to_toml()).unwrap();
        prop_assert_eq!(rewritten.id(), genesis.id());
        let decoded = Genesis::decode(&genesis.canonical_bytes()).unwrap();
        prop_assert!(diff(&decoded, &genesis).is_empty());
        prop_assert_eq!(decoded.canonical_bytes(), genesis.canonical_bytes());
        prop_assert_eq!(&rewritten, &genesis);
        prop_assert_eq!(&decoded, &genesis);
        // Spaces, comments and line ends are nobody's business.
        let respaced = genesis.to_toml().replace(" = ", "\t=  ").replace("]\n", "] # so be it\r\n");
        prop_assert_eq!(Genesis::parse(&respaced).unwrap().id(), genesis.id());
        // Keys of the state ascend, and none is there twice.
        prop_assert!(genesis.leaves().is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        prop_assert!(Genesis::parse(&text).is_err());
        prop_assert!(Draft::parse(&text).is_err());
        prop_assert!(Join::parse(&text).is_err());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in any::<usize>()) {
        prop_assert!(Genesis::decode(&bytes).is_err());
        // Something else in a document's middle.
        let (_, genesis) = genesis();
        let mut mixed = genesis.canonical_bytes();
        let place = place % mixed.len();
        let end = mixed.len().min(place + bytes.len());
        mixed[place..end].copy_from_slice(&bytes[..end - place]);
        if let Ok(read) = Genesis::decode(&mixed) {
            prop_assert_eq!(read, genesis);
        }
    }

    #[test]
    fn a_damaged_document_is_refused_or_says_the_same(place in any::<usize>(), byte in 0u8..128) {
        let (text, genesis) = genesis();
        let mut bytes = text.into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(damaged) = Genesis::parse(&String::from_utf8(bytes).unwrap()) {
            prop_assert_eq!(damaged.id(), genesis.id());
        }
    }

    #[test]
    fn amounts_and_times_read_what_they_write(
        amount in 0..10_u128.pow(38),
        decimals in 0u8..=18,
        time in 0u64..253_402_300_800_000,
    ) {
        let text = format_amount(Amount(amount), decimals);
        prop_assert_eq!(parse_amount(&text, decimals), Ok(Amount(amount)));
        prop_assert_eq!(parse_time(&format_time(Timestamp(time)).unwrap()), Ok(Timestamp(time)));
    }

    #[test]
    fn no_amount_or_time_panics(text in any::<String>(), decimals: u8, time: u64) {
        let _ = parse_amount(&text, decimals);
        let _ = parse_time(&text);
        let _ = format_time(Timestamp(time));
    }

    /// Whatever else is read is written the same.
    #[test]
    fn no_other_text_of_an_amount_or_a_time_is_read(
        amount in "[0-9+._ -]{0,8}",
        time in "[0-9TZ:.+-]{10,26}",
        decimals in 0u8..=4,
    ) {
        if let Ok(read) = parse_amount(&amount, decimals) {
            prop_assert_eq!(format_amount(read, decimals), amount);
        }
        if let Ok(read) = parse_time(&time) {
            prop_assert_eq!(format_time(read).unwrap(), time);
        }
    }
}
