//! Amounts, codes, times and names, and their texts (section 1).

use quorate_ledger::{Amount, AssetCode, Timestamp, format_time, is_name, parse_time};

use crate::world::{check, code};

#[test]
fn codes_are_1_to_12_capitals_and_digits() {
    check(&code("A"), "01 41");
    check(&code("ABCDEFGHIJ12"), "0c 4142434445464748494a3132");
    for bad in ["", "ABCDEFGHIJ123", "abc", "A B", "É", "A-B", "A\0", "a"] {
        assert!(bad.parse::<AssetCode>().is_err(), "{bad:?}");
    }
}

#[test]
fn codes_order_as_their_texts_do_as_numbers_too() {
    let ascending = [
        "0",
        "00",
        "1",
        "9",
        "9Z",
        "A",
        "A0",
        "AA",
        "GOLD",
        "Z",
        "Z0",
        "ZZZZZZZZZZZZ",
    ];
    let codes = ascending.map(code);
    assert!(codes.is_sorted_by(|a, b| a < b));
    assert!(codes.is_sorted_by(|a, b| a.b37() < b.b37()));
    // 37^11 and its tenfold, by hand: the first character is the highest digit.
    let highest = |digit: u64| (digit * 37_u64.pow(11)).to_be_bytes();
    assert_eq!(code("0").b37(), highest(1));
    assert_eq!(code("9").b37(), highest(10));
    assert_eq!(code("A").b37(), highest(11));
    let last = u64::from_be_bytes(code("000000000000").b37());
    assert_eq!(last, (0..12).map(|place| 37_u64.pow(place)).sum::<u64>());
}

#[test]
fn amounts_in_smallest_units_have_one_text() {
    for (text, units) in [
        ("0", 0),
        ("7", 7),
        ("10", 10),
        ("340282366920938463463374607431768211455", u128::MAX),
    ] {
        assert_eq!(text.parse(), Ok(Amount(units)));
        assert_eq!(Amount(units).to_string(), text);
    }
    for bad in [
        "",
        "00",
        "07",
        "+7",
        "-0",
        " 7",
        "7 ",
        "7.0",
        "1e3",
        "1_000",
        "７",
        "340282366920938463463374607431768211456",
    ] {
        assert!(bad.parse::<Amount>().is_err(), "{bad}");
    }
}

#[test]
fn amounts_of_operations_are_above_0_and_below_10_to_38() {
    let limit = 10_u128.pow(38);
    for (units, in_range) in [
        (0, false),
        (1, true),
        (limit - 1, true),
        (limit, false),
        (u128::MAX, false),
    ] {
        assert_eq!(Amount(units).is_in_range(), in_range, "{units}");
    }
}

#[test]
fn times_have_one_text() {
    for (text, milliseconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-03-01T00:00:00Z", 5_097_600_000),
        ("2000-02-29T23:59:59.999Z", 951_868_799_999),
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01T00:00:01.001Z", 1_767_225_601_001),
        ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ] {
        let time = Timestamp(milliseconds);
        assert_eq!(parse_time(text), Ok(time), "{text}");
        assert_eq!(format_time(time).unwrap(), text);
        assert_eq!(time.to_string(), text);
    }
}

#[test]
fn times_after_the_year_9999_are_shown_in_milliseconds() {
    let first = Timestamp(253_402_300_800_000);
    assert_eq!(format_time(first), None);
    assert_eq!(first.to_string(), "253402300800000");
    assert_eq!(format_time(Timestamp(u64::MAX)), None);
}

#[test]
fn other_texts_are_not_times() {
    for bad in [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00z",
        "2026-01-01t00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.1Z",
        "2026-01-01T00:00:00.10Z",
        "2026-01-01T00:00:00.1000Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2026-01-01T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        " 2026-01-01T00:00:00Z",
        "2026-1-01T00:00:00.1Z",
        "２026-01-01T00:00Z",
    ] {
        assert!(parse_time(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_day_until_9999_has_its_text() {
    let mut day = 0_u64;
    for year in 1970..=9999_u64 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        // The first and the last of each month: what lies between them is counted.
        for (month, days) in (1..).zip(months) {
            for of_month in [1, days] {
                let time = Timestamp((day + of_month - 1) * 86_400_000);
                let text = format!("{year:04}-{month:02}-{of_month:02}T00:00:00Z");
                assert_eq!(format_time(time).as_deref(), Some(text.as_str()));
                assert_eq!(parse_time(&text), Ok(time));
            }
            day += days;
        }
    }
}

#[test]
fn names_are_for_file_names_too() {
    for good in ["a", "A", "7", "_", "a.b-c_d", "a.", "a-"] {
        assert!(is_name(good, 32), "{good}");
    }
    for bad in ["", ".", "-", ".a", "-a", "a b", "ä", "a/b", "a\n"] {
        assert!(!is_name(bad, 32), "{bad:?}");
    }
    let (longest, network) = ("a".repeat(32), "a".repeat(64));
    assert!(is_name(&longest, 32));
    assert!(!is_name(&format!("{longest}a"), 32));
    assert!(is_name(&network, 64));
    assert!(!is_name(&format!("{network}a"), 64));
}
