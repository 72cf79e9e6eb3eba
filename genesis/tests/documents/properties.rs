//! Random documents: the text form keeps the hash, and no text makes the reader panic.

use proptest::prelude::*;
use quorate_crypto::{Address, Protocol};
use quorate_genesis::{
    Draft, DraftAsset, DraftBalance, DraftV1, Genesis, Join, diff_drafts, format_amount, format_time,
    parse_amount, parse_time,
};
use quorate_ledger::{Amount, Parameters, ParametersV1, Timestamp};

use crate::network::{genesis, joins};

fn asset() -> impl Strategy<Value = DraftAsset> {
    let balances = prop::collection::btree_map(any::<[u8; 20]>(), 1..u128::MAX >> 8, 0..6);
    (
        "[A-Z0-9]{1,12}",
        0u8..=18,
        "[^\\p{Cc}]{0,30}",
        any::<[u8; 20]>(),
        balances,
    )
        .prop_map(|(code, decimals, description, issuer, balances)| DraftAsset {
            code: code.parse().unwrap(),
            decimals,
            description,
            issuer: Address(issuer),
            balances: balances
                .into_iter()
                .map(|(address, amount)| DraftBalance {
                    address: Address(address),
                    amount: Amount(amount),
                })
                .collect(),
        })
}

fn draft() -> impl Strategy<Value = Draft> {
    let engine = prop::sample::select(vec![Protocol::Pbft, Protocol::Raft, Protocol::Paxos]);
    let members = prop::collection::btree_set("[a-z0-9_][a-z0-9._-]{0,31}", 1..6);
    let assets = prop::collection::vec(asset(), 0..5);
    let name = "[A-Za-z0-9_][A-Za-z0-9._-]{0,63}";
    (
        name,
        engine,
        0u64..200_000_000_000_000,
        members,
        1u32..=64,
        assets,
    )
        .prop_map(|(network, engine, time, members, window, mut assets)| {
            assets.sort_by_key(|asset| asset.code);
            assets.dedup_by_key(|asset| asset.code);
            Draft::V1(DraftV1 {
                network,
                engine,
                time: Timestamp(time),
                members: members.into_iter().collect(),
                parameters: Parameters::V1(ParametersV1 {
                    window,
                    ..ParametersV1::default()
                }),
                assets,
            })
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
    fn the_text_form_keeps_a_network_id(draft in draft()) {
        let joins = joins(&draft);
        let joins: Vec<_> = joins.iter().rev().map(String::as_str).collect();
        let (text, assembled) = Genesis::assemble(&draft.to_toml(), &joins).unwrap();
        let rewritten = Genesis::parse(&assembled.to_toml()).unwrap();
        prop_assert_eq!(rewritten.network_id(), assembled.network_id());
        // Spaces, comments and line ends are nobody's business.
        let respaced = text.replace(" = ", "\t=  ").replace("]\n", "] # so be it\r\n");
        prop_assert_eq!(Genesis::parse(&respaced).unwrap().network_id(), assembled.network_id());
    }

    #[test]
    fn drafts_that_differ_have_different_hashes(first in draft(), second in draft()) {
        prop_assert_eq!(first == second, first.digest() == second.digest());
        prop_assert_eq!(first == second, diff_drafts(&first, &second).is_empty());
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        prop_assert!(Genesis::parse(&text).is_err());
        prop_assert!(Draft::parse(&text).is_err());
        prop_assert!(Join::parse(&text).is_err());
    }

    #[test]
    fn a_damaged_document_is_refused_or_says_the_same(place in 0usize..4_000, byte in 0u8..128) {
        let (text, genesis) = genesis();
        let mut bytes = text.into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(damaged) = Genesis::parse(&String::from_utf8(bytes).unwrap()) {
            prop_assert_eq!(damaged.network_id(), genesis.network_id());
        }
    }

    #[test]
    fn amounts_and_times_read_what_they_write(amount: u128, decimals in 0u8..=18, time in 0u64..253_402_300_800_000) {
        prop_assert_eq!(parse_amount(&format_amount(Amount(amount), decimals), decimals), Ok(Amount(amount)));
        prop_assert_eq!(parse_time(&format_time(Timestamp(time)).unwrap()), Ok(Timestamp(time)));
    }

    #[test]
    fn no_amount_or_time_panics(text in any::<String>(), decimals: u8, time: u64) {
        let _ = parse_amount(&text, decimals);
        let _ = parse_time(&text);
        let _ = format_time(Timestamp(time));
    }
}
