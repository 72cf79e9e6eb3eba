//! Parameters and rules: their bytes in section 24's genesis document, and their ranges.

use quorate_ledger::{Majority, Parameters, ParametersV1, Rules, RulesV1};

use crate::world::check;

const DAY: u64 = 86_400_000;

/// As in section 24's genesis document, which has them as at first.
pub(crate) const PARAMETERS: &str = "00 00000100 00000800 00100000 00200000 20000000 005c260500000000
    0088d75c07000000 8813000000000000 3075000000000000 20000000 40000000 04000000 14000000 02000000";

pub(crate) const RULES: &str = "00 03 01010101 0000 01 00587ccf01000000 00840c2400000000
    0000000000010000 00000040 0000000000010000 00000040 0000000400000000";

#[test]
fn at_first_they_are_those_of_the_page() {
    check(&Parameters::default(), PARAMETERS);
    check(&Rules::default(), RULES);
    assert_eq!(Parameters::default().check(), Ok(()));
    assert_eq!(Rules::default().check(), Ok(()));
}

type Parameter = (&'static str, fn(&mut ParametersV1, u64), u64, u64);

/// Every parameter, how to set it, and its range where all others are as at first.
const RANGES: [Parameter; 14] = [
    (
        "max_transaction_bytes",
        |p, value| p.max_transaction_bytes = value as u32,
        32_768,
        65_536,
    ),
    // 65,536 + 8,192, and as many as 32 batches leave of 32 MiB.
    (
        "max_batch_bytes",
        |p, value| p.max_batch_bytes = value as u32,
        73_728,
        1 << 20,
    ),
    (
        "max_batch_transactions",
        |p, value| p.max_batch_transactions = value as u32,
        1,
        32_768,
    ),
    (
        "max_batch_signature_cost",
        |p, value| p.max_batch_signature_cost = value as u32,
        512,
        65_536,
    ),
    // 32 MiB are 64 batches of 512 KiB.
    (
        "max_proposal_batches",
        |p, value| p.max_proposal_batches = value as u32,
        1,
        64,
    ),
    (
        "max_expiry_lead_ms",
        |p, value| p.max_expiry_lead_ms = value,
        1_000,
        366 * DAY,
    ),
    (
        "max_hold_ms",
        |p, value| p.max_hold_ms = value,
        1_000,
        3_660 * DAY,
    ),
    (
        "max_clock_lead_ms",
        |p, value| p.max_clock_lead_ms = value,
        1,
        600_000,
    ),
    (
        "max_clock_lag_ms",
        |p, value| p.max_clock_lag_ms = value,
        1_000,
        600_000,
    ),
    ("window", |p, value| p.window = value as u32, 1, 64),
    ("author_quota", |p, value| p.author_quota = value as u32, 1, 4_096),
    (
        "slowness_factor",
        |p, value| p.slowness_factor = value as u32,
        2,
        64,
    ),
    (
        "slowness_floor_ms",
        |p, value| p.slowness_floor_ms = value as u32,
        1,
        10_000,
    ),
    (
        "slowness_share",
        |p, value| p.slowness_share = value as u32,
        1,
        16,
    ),
];

#[test]
fn parameters_have_ranges() {
    for (name, set, lowest, highest) in RANGES {
        let with = |value: u64| {
            let mut parameters = ParametersV1::default();
            set(&mut parameters, value);
            parameters.check()
        };
        assert_eq!(with(lowest), Ok(()), "{name}");
        assert_eq!(with(highest), Ok(()), "{name}");
        let below = with(lowest - 1).unwrap_err();
        assert_eq!((below.parameter, below.got), (name, lowest - 1));
        let above = with(highest + 1).unwrap_err();
        if name == "max_batch_bytes" {
            // More bytes leave room for fewer batches.
            assert_eq!(above.parameter, "max_proposal_batches");
        } else {
            assert_eq!((above.parameter, above.got), (name, highest + 1));
        }
    }
}

#[test]
fn batches_have_room_for_the_largest_transaction_and_proposals_for_32_mib() {
    let with = |transaction: u32, batch: u32, batches: u32| {
        let parameters = ParametersV1 {
            max_transaction_bytes: transaction,
            max_batch_bytes: batch,
            max_proposal_batches: batches,
            ..ParametersV1::default()
        };
        parameters.check().map_err(|error| error.parameter)
    };
    assert_eq!(with(32_768, 40_960, 256), Ok(()));
    assert_eq!(with(32_768, 40_959, 256), Err("max_batch_bytes"));
    assert_eq!(with(32_769, 40_960, 256), Err("max_batch_bytes"));
    assert_eq!(with(32_768, 40_960, 257), Err("max_proposal_batches"));
    assert_eq!(with(65_536, 4 << 20, 8), Ok(()));
    assert_eq!(with(65_536, 4 << 20, 9), Err("max_proposal_batches"));
    assert_eq!(with(65_536, (4 << 20) + 1, 7), Err("max_batch_bytes"));
    assert_eq!(with(65_536, 131_072, 256), Ok(()));
    assert_eq!(with(65_536, 131_073, 256), Err("max_proposal_batches"));
    assert_eq!(with(u32::MAX, u32::MAX, u32::MAX), Err("max_transaction_bytes"));
    assert_eq!(with(65_536, 0, 1), Err("max_batch_bytes"));
}

#[test]
fn a_certified_block_has_three_times_its_batches_and_a_frame() {
    let parameters = ParametersV1::default();
    let plain = 3 * 32 * 524_288 + 65_536;
    assert_eq!(parameters.max_certified_block_bytes(false), plain);
    assert_eq!(parameters.max_certified_block_bytes(true), plain + (128 << 20));
}

type Rule = (&'static str, fn(&mut RulesV1, u64), u64, u64);

const RULE_RANGES: [Rule; 6] = [
    ("strangers", |r, value| r.strangers = value as u8, 0, 7),
    (
        "dormant_after_ms",
        |r, value| r.dormant_after_ms = value,
        30 * DAY,
        3_660 * DAY,
    ),
    (
        "guardian_delay_ms",
        |r, value| r.guardian_delay_ms = value,
        DAY,
        3_660 * DAY,
    ),
    ("day_bytes", |r, value| r.day_bytes = value, 0, (1 << 63) - 1),
    (
        "strangers_bytes",
        |r, value| r.strangers_bytes = value,
        0,
        (1 << 63) - 1,
    ),
    (
        "reserve_bytes",
        |r, value| r.reserve_bytes = value,
        0,
        (1 << 63) - 1,
    ),
];

#[test]
fn rules_have_ranges() {
    for (name, set, lowest, highest) in RULE_RANGES {
        let with = |value: u64| {
            let mut rules = RulesV1::default();
            set(&mut rules, value);
            rules.check().map_err(|error| error.parameter)
        };
        assert_eq!(with(lowest), Ok(()), "{name}");
        assert_eq!(with(highest), Ok(()), "{name}");
        assert_eq!(with(highest + 1), Err(name));
        if lowest > 0 {
            assert_eq!(with(lowest - 1), Err(name));
        }
    }
    let rules = RulesV1 {
        day_leaves: u32::MAX,
        strangers_leaves: u32::MAX,
        ..RulesV1::default()
    };
    assert_eq!(rules.check(), Ok(()));
}

#[test]
fn majorities_have_three_numbers() {
    check(&Majority::MoreThanHalf, "00");
    check(&Majority::TwoThirds, "01");
    check(&Majority::All, "02");
    assert!(Majority::ALL.is_sorted_by(|a, b| a < b));
    assert_eq!(Majority::ALL.map(Majority::name), ["half", "two thirds", "all"]);
    for (count, half, thirds) in [
        (1, 1, 1),
        (2, 2, 2),
        (3, 2, 2),
        (4, 3, 3),
        (5, 3, 4),
        (6, 4, 4),
        (7, 4, 5),
    ] {
        let expected = [half, thirds, count];
        assert_eq!(Majority::ALL.map(|majority| majority.of(count)), expected);
    }
}

#[test]
fn what_is_strict_is_never_laxer_than_the_rest() {
    let least = Majority::MoreThanHalf;
    let strict = |change: fn(&mut RulesV1)| {
        let mut rules = RulesV1 {
            seats: least,
            engine: least,
            protocol: least,
            parameters: least,
            strict: least,
            ..RulesV1::default()
        };
        change(&mut rules);
        rules.strict_in_force()
    };
    let changes: [fn(&mut RulesV1); 6] = [
        |rules| rules.seats = Majority::All,
        |rules| rules.engine = Majority::All,
        |rules| rules.protocol = Majority::All,
        |rules| rules.parameters = Majority::All,
        |rules| rules.grants = Majority::All,
        |rules| rules.quotas = Majority::All,
    ];
    for change in changes {
        assert_eq!(strict(change), Majority::All);
    }
    assert_eq!(strict(|_| {}), least);
    assert_eq!(strict(|rules| rules.strict = Majority::All), Majority::All);
    assert_eq!(RulesV1::default().strict_in_force(), Majority::TwoThirds);
}
