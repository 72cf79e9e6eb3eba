//! Each value has one text, and each other text is refused with its line, its place and what to write.

use quorate_genesis::{
    Draft, Genesis, GenesisError, Join, MAX_BYTES, Problem, format_amount, format_time, parse_amount,
    parse_time,
};
use quorate_ledger::{Amount, Timestamp};

use crate::network::{address, draft, genesis, join, line_and_words};

/// Replaces `old`, which must be in the draft, and compares the words of the refusal and the line that it names.
#[track_caller]
fn refused(old: &str, new: &str, words: &str) {
    refused_in(&draft().to_toml(), old, new, words, |text| {
        Draft::parse(text).map(drop)
    });
}

/// The same in the join of beta, which has signers.
#[track_caller]
fn refused_join(old: &str, new: &str, words: &str) {
    refused_in(&join(&draft(), 1).to_toml(), old, new, words, |text| {
        Join::parse(text).map(drop)
    });
}

#[track_caller]
fn refused_in(
    text: &str,
    old: &str,
    new: &str,
    words: &str,
    read: impl Fn(&str) -> Result<(), GenesisError>,
) {
    assert!(text.contains(old), "{old:?} is not in the text");
    let text = text.replacen(old, new, 1);
    let error = read(&text).unwrap_err();
    let (line, found) = line_and_words(&error);
    assert_eq!(found, words);
    let line = text.lines().nth(line - 1).unwrap_or_default();
    let changed = new.lines().next().unwrap_or_default();
    assert!(
        line.contains(changed),
        "{error}: the line is {line:?}, not {changed:?}"
    );
}

/// Compares the beginning of the words where TOML's reader has the rest.
#[track_caller]
fn not_toml(old: &str, new: &str) {
    let text = draft().to_toml();
    assert!(text.contains(old), "{old:?} is not in the text");
    let error = Draft::parse(&text.replacen(old, new, 1)).unwrap_err();
    assert!(matches!(error, GenesisError::Form { .. }), "{error}");
}

#[test]
fn what_is_not_toml_is_refused() {
    not_toml("engine = \"pbft\"", "engine = pbft");
    not_toml("version = 2", "version 2");
    not_toml("network = \"interbank\"", "network = \"interbank");
    not_toml("window = 32\n", "window = 32\nwindow = 32\n");
    not_toml("window = 32", "window = 032");
    not_toml("[rules]\n", "[rules]\n[rules]\n");
}

#[test]
fn deep_nesting_ends_in_an_error() {
    for opening in ["[", "{a=", "a."] {
        let text = format!("version = {}", opening.repeat(100_000));
        assert!(matches!(Draft::parse(&text), Err(GenesisError::Form { .. })));
        let text = format!("{}a = 1", opening.repeat(100_000));
        assert!(matches!(Genesis::parse(&text), Err(GenesisError::Form { .. })));
    }
}

#[test]
fn a_byte_order_mark_is_passed_over_once() {
    let text = draft().to_toml();
    assert_eq!(Draft::parse(&format!("\u{feff}{text}")), Ok(draft()));
    assert!(Draft::parse(&format!("\u{feff}\u{feff}{text}")).is_err());
    // A refusal counts the lines as an editor does.
    let error = Draft::parse(&format!("\u{feff}{text}").replace("version = 2", "version = 3")).unwrap_err();
    assert_eq!(line_and_words(&error).0, 4);
}

#[test]
fn unknown_keys_are_named_with_those_that_there_are() {
    refused(
        "version = 2",
        "verison = 2",
        "there is no key `verison`; those that there are: version, network, engine, protocol, time, members, parameters, \
         rules, assets, accounts, grants, joins",
    );
    refused(
        "decimals = 2",
        "decimal = 2",
        "assets[1]: there is no key `decimal`; those that there are: code, decimals, flags, description, issuer, \
         balances",
    );
    refused(
        "amount = \"1000000.00\"",
        "amuont = \"1000000.00\"",
        "assets[1].balances[1]: there is no key `amuont`; those that there are: address, amount",
    );
    refused(
        "member = \"alpha\"",
        "membre = \"alpha\"",
        "accounts[1]: there is no key `membre`; those that there are: address, member",
    );
    refused(
        "right = \"operator\"",
        "role = \"operator\"",
        "grants[1]: there is no key `role`; those that there are: account, right, scope",
    );
    refused_join(
        "member = \"beta\"",
        "name = \"beta\"",
        "joins[1]: there is no key `name`; those that there are: member, draft, validator_key, node_key, witness_key, \
         account_key, signers, threshold, addresses, validator_signature, node_signature, witness_signature, \
         administrators",
    );
    refused_join(
        "weight = 2",
        "wieght = 2",
        "joins[1].signers[3]: there is no key `wieght`; those that there are: key, weight",
    );
    refused_join(
        ", signature = \"",
        ", sign = \"",
        "joins[1].administrators[1]: there is no key `sign`; those that there are: key, signature",
    );
    // Whatever a key has in it, a terminal is safe.
    refused(
        "version = 2",
        "\"a\\u001b[2J\" = 1",
        "there is no key `a\\u{1b}[2J`; those that there are: version, network, engine, protocol, time, members, parameters, \
         rules, assets, accounts, grants, joins",
    );
}

#[test]
fn unknown_parameters_and_rules_are_refused() {
    for (old, new, place) in [
        ("window = 32", "windw = 32", "parameters"),
        ("strangers = 3", "stranger = 3", "rules"),
    ] {
        let error = Draft::parse(&draft().to_toml().replacen(old, new, 1)).unwrap_err();
        let (_, words) = line_and_words(&error);
        let (name, _) = new.split_once(' ').unwrap();
        assert!(
            words.starts_with(&format!("{place}: there is no key `{name}`; ")),
            "{words}"
        );
    }
}

#[test]
fn missing_keys_are_named_with_their_place() {
    let text = draft().to_toml();
    for name in ["version", "network", "engine", "time"] {
        let cut: String = text
            .lines()
            .filter(|line| !line.starts_with(name))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(
            Draft::parse(&cut).unwrap_err().to_string(),
            format!("line 1: {name}: this is missing")
        );
    }
    for (line, place) in [
        ("code = \"EUR\"\n", "assets[2].code"),
        ("decimals = 0\n", "assets[2].decimals"),
        ("member = \"alpha\"\n", "accounts[1].member"),
        ("right = \"operator\"\n", "grants[1].right"),
    ] {
        let error = Draft::parse(&text.replacen(line, "", 1)).unwrap_err();
        let (number, words) = line_and_words(&error);
        assert_eq!(words, format!("{place}: this is missing"));
        let header = text.lines().nth(number - 1).unwrap();
        assert!(header.starts_with("[["), "{header}");
    }
    let joined = join(&draft(), 1).to_toml();
    for name in [
        "member",
        "draft",
        "validator_key",
        "node_key",
        "witness_key",
        "account_key",
        "threshold",
        "addresses",
        "validator_signature",
        "node_signature",
        "witness_signature",
    ] {
        let cut: String = joined
            .lines()
            .filter(|line| !line.starts_with(name))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(
            Join::parse(&cut).unwrap_err().to_string(),
            format!("line 1: joins[1].{name}: this is missing")
        );
    }
}

#[test]
fn what_may_be_left_out_has_its_value_at_first() {
    let text = "version = 2\nnetwork = \"a\"\nengine = \"raft\"\ntime = \"1970-01-01T00:00:00Z\"\nmembers = [\"a\"]\n";
    let read = Draft::parse(text).unwrap();
    let content = read.v1();
    assert_eq!(content.parameters, quorate_ledger::Parameters::default());
    assert_eq!(content.rules, quorate_ledger::Rules::default());
    assert!(content.assets.is_empty() && content.accounts.is_empty() && content.grants.is_empty());
    let issuer = address(200);
    let asset = format!("{text}[[assets]]\ncode = \"A\"\ndecimals = 0\nissuer = \"{issuer}\"\n");
    let read = Draft::parse(&asset).unwrap();
    let asset = &read.v1().assets[0];
    assert_eq!(
        (asset.flags, asset.description.as_str(), asset.balances.len()),
        (0, "", 0)
    );
    let some = format!("{text}[parameters]\nwindow = 7\n[rules]\nstrict = \"all\"\n");
    let read = Draft::parse(&some).unwrap();
    assert_eq!(read.v1().parameters.v1().window, 7);
    assert_eq!(read.v1().parameters.v1().max_hold_ms, 366 * 86_400_000);
    assert_eq!(read.v1().rules.v1().strict, quorate_ledger::Majority::All);
    assert_eq!(read.v1().rules.v1().seats, quorate_ledger::Majority::TwoThirds);
}

const NOT_DECIMAL: &str =
    "write the number in decimal digits alone, such as 32: without sign, underscore, point or 0x";

#[test]
fn integers_are_written_in_decimal_digits_alone() {
    for form in ["0x20", "0o40", "0b100000", "+32", "3_2", "-32", "-0", "+0"] {
        let at = |place: &str| format!("{place}: {NOT_DECIMAL}");
        refused("version = 2", &format!("version = {form}"), &at("version"));
        refused(
            "window = 32",
            &format!("window = {form}"),
            &at("parameters.window"),
        );
        refused(
            "strangers = 3",
            &format!("strangers = {form}"),
            &at("rules.strangers"),
        );
        refused(
            "decimals = 2",
            &format!("decimals = {form}"),
            &at("assets[1].decimals"),
        );
        refused("flags = 0", &format!("flags = {form}"), &at("assets[1].flags"));
        refused_join(
            "threshold = 3",
            &format!("threshold = {form}"),
            &at("joins[1].threshold"),
        );
        refused_join(
            "weight = 2",
            &format!("weight = {form}"),
            &at("joins[1].signers[3].weight"),
        );
    }
    for (form, kind) in [
        ("32.0", "float"),
        ("3.2e1", "float"),
        ("\"32\"", "string"),
        ("true", "boolean"),
    ] {
        let words = format!("parameters.window: expected a whole number, found a TOML {kind}");
        refused("window = 32", &format!("window = {form}"), &words);
    }
}

#[test]
fn integers_that_do_not_fit_are_refused() {
    let above = |place: &str, highest: u64| format!("{place}: expected a whole number from 0 to {highest}");
    refused(
        "decimals = 2",
        "decimals = 256",
        &above("assets[1].decimals", 255),
    );
    refused(
        "window = 32",
        "window = 4294967296",
        &above("parameters.window", 4_294_967_295),
    );
    refused_join(
        "weight = 2",
        "weight = 65536",
        &above("joins[1].signers[3].weight", 65_535),
    );
    // TOML's integers end below 2^63.
    let highest = 9_223_372_036_854_775_807;
    for name in ["day_bytes", "strangers_bytes"] {
        let good = draft().to_toml().replacen(
            &format!("{name} = 1099511627776"),
            &format!("{name} = {highest}"),
            1,
        );
        assert_ne!(good, draft().to_toml());
        let read = Draft::parse(&good).unwrap();
        assert_eq!(Draft::parse(&read.to_toml()), Ok(read));
        for number in [
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
        ] {
            refused(
                &format!("{name} = 1099511627776"),
                &format!("{name} = {number}"),
                &above(&format!("rules.{name}"), highest),
            );
        }
    }
}

#[test]
fn strings_are_strings() {
    for (old, new, place, kind) in [
        ("network = \"interbank\"", "network = 7", "network", "integer"),
        (
            "time = \"2026-01-31T12:00:00Z\"",
            "time = 2026-01-31T12:00:00Z",
            "time",
            "datetime",
        ),
        (
            "time = \"2026-01-31T12:00:00Z\"",
            "time = 2026-01-31",
            "time",
            "datetime",
        ),
        ("engine = \"pbft\"", "engine = [\"pbft\"]", "engine", "array"),
        ("\"beta\"", "2", "members[2]", "integer"),
        (
            "amount = \"7\"",
            "amount = 7",
            "assets[2].balances[1].amount",
            "integer",
        ),
        (
            "amount = \"7\"",
            "amount = 7.0",
            "assets[2].balances[1].amount",
            "float",
        ),
        ("code = \"EUR\"", "code = true", "assets[2].code", "boolean"),
        ("seats = \"two thirds\"", "seats = 1", "rules.seats", "integer"),
    ] {
        let words = format!("{place}: expected a string in quotes, found a TOML {kind}");
        refused(old, new, &words);
    }
}

#[test]
fn lists_and_tables_are_lists_and_tables() {
    let text = "version = 2\nnetwork = \"a\"\nengine = \"raft\"\ntime = \"1970-01-01T00:00:00Z\"\n";
    for (rest, words) in [
        ("members = \"a\"", "members: expected a list, found a TOML string"),
        (
            "members = [\"a\"]\nassets = 1",
            "assets: expected a list, found a TOML integer",
        ),
        (
            "members = [\"a\"]\nassets = [1]",
            "assets[1]: expected a table, found a TOML integer",
        ),
        (
            "members = [\"a\"]\n[assets]\ncode = \"A\"",
            "assets: expected a list, found a TOML table",
        ),
        (
            "members = [\"a\"]\n[[parameters]]\nwindow = 1",
            "parameters: expected a table, found a TOML array",
        ),
    ] {
        let error = Draft::parse(&format!("{text}{rest}\n")).unwrap_err();
        assert_eq!(line_and_words(&error).1, words);
    }
}

#[test]
fn times_have_one_text() {
    let words = "time: a time is written as \"2026-01-31T12:00:00Z\", or with .250 before the Z for milliseconds: \
                 in UTC, from 1970 to 9999";
    for time in [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+00:00",
        "2026-01-31T12:00:00-00:00",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31t12:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T12:00:00.25Z",
        "2026-01-31T12:00:00.2500Z",
        "2026-01-31T12:00:00.0001Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-1-31T12:00:00Z",
        "02026-01-31T12:00:00Z",
        "+002026-01-31T12:00:00Z",
        "1969-12-31T23:59:59Z",
        "1969-12-31T23:59:59.9995Z",
        "10000-01-01T00:00:00Z",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z ",
    ] {
        refused(
            "time = \"2026-01-31T12:00:00Z\"",
            &format!("time = \"{time}\""),
            words,
        );
    }
    for (text, time) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("2000-02-29T23:59:59.990Z", 951_868_799_990),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ] {
        assert_eq!(parse_time(text), Ok(Timestamp(time)));
        assert_eq!(format_time(Timestamp(time)).unwrap(), text);
    }
    assert_eq!(format_time(Timestamp(253_402_300_800_000)), None);
    assert_eq!(format_time(Timestamp(u64::MAX)), None);
}

#[test]
fn amounts_have_one_text() {
    let good = "amount = \"1000000.00\"";
    let words = "assets[1].balances[1].amount: an amount of this asset is written as \"12.00\", with 2 digits after \
                 the point, and with no leading zero";
    for amount in [
        "", ".", "1", "1.", "1.0", "1.000", ".50", "00.50", "01.00", "-1.00", "+1.00", "1e6", "1,00",
        "1_0.00", "0x1.00", " 1.00", "1.00 ", "1.0.0", "١.٠٠", "1.-1",
    ] {
        refused(good, &format!("amount = \"{amount}\""), words);
    }
    let words = "assets[2].balances[1].amount: an amount of this asset is written as \"12\", without a point, and with \
                 no leading zero";
    for amount in ["7.", "7.0", "07", "00", "-7", "+7", "7e0", ""] {
        refused("amount = \"7\"", &format!("amount = \"{amount}\""), words);
    }
    let words =
        "assets[1].balances[1].amount: the amount is too large: below 10^38 of the smallest unit are allowed";
    for amount in [
        "1000000000000000000000000000000000000.00",
        "3402823669209384634633746074317682114.56",
        "99999999999999999999999999999999999999999999999999.00",
    ] {
        refused(good, &format!("amount = \"{amount}\""), words);
    }
    let decimal = Problem::NotAnAmount { decimals: 1 }.to_string();
    assert!(
        decimal.contains("\"12.0\", with 1 digit after the point"),
        "{decimal}"
    );
    for (text, decimals, amount) in [
        ("0", 0, 0),
        ("0.00", 2, 0),
        ("0.01", 2, 1),
        ("10.50", 2, 1_050),
        ("99999999999999999999.999999999999999999", 18, 10_u128.pow(38) - 1),
    ] {
        assert_eq!(parse_amount(text, decimals), Ok(Amount(amount)));
        assert_eq!(format_amount(Amount(amount), decimals), text);
    }
}

#[test]
fn hex_is_in_lower_case() {
    let good = join(&draft(), 1).to_toml();
    let value = |name: &str| {
        let line = good
            .lines()
            .find(|line| line.starts_with(&format!("{name} = ")))
            .unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    for (name, digits) in [
        ("draft", 64),
        ("validator_key", 64),
        ("node_key", 64),
        ("witness_key", 64),
        ("validator_signature", 128),
        ("node_signature", 128),
        ("witness_signature", 128),
    ] {
        let old = value(name);
        assert_eq!(old.len(), digits);
        let words = format!("joins[1].{name}: expected {digits} hexadecimal digits in lower case");
        for new in [
            old.to_uppercase(),
            old[2..].to_owned(),
            format!("{old}00"),
            format!("0x{}", &old[2..]),
            format!(" {}", &old[1..]),
            String::new(),
        ] {
            let line = format!("{name} = \"{old}\"");
            refused_join(&line, &format!("{name} = \"{new}\""), &words);
        }
    }
    let old = value("account_key");
    let words = "joins[1].account_key: a key is written as \"ed25519:\" and 64 hexadecimal digits, or \"p256:\" and 66, \
                 in lower case";
    let digits = old.strip_prefix("p256:").unwrap().to_owned();
    for new in [
        old.to_uppercase(),
        format!("p256:{}", digits.to_uppercase()),
        format!("P256:{digits}"),
        format!("ed25519:{digits}"),
        format!("p256:{}", &digits[2..]),
        format!("p384:{digits}"),
        digits,
        String::new(),
    ] {
        let line = format!("account_key = \"{old}\"");
        refused_join(&line, &format!("account_key = \"{new}\""), words);
    }
    for place in ["signers", "administrators"] {
        let list = good.split(&format!("{place} = [\n")).nth(1).unwrap();
        let key = list.split('"').nth(1).unwrap();
        let text = good.replace(list, &list.replacen(key, &key.to_uppercase(), 1));
        let error = Join::parse(&text).unwrap_err();
        let (_, words) = line_and_words(&error);
        assert!(
            words.starts_with(&format!("joins[1].{place}[1].key: a key is written as ")),
            "{words}"
        );
    }
}

#[test]
fn addresses_of_accounts_have_one_text() {
    let good = address(201).to_string();
    let mistyped = format!(
        "{}{}{}",
        &good[..8],
        if good.as_bytes()[8] == b'q' { "p" } else { "q" },
        &good[9..]
    );
    for bad in [
        good.to_uppercase(),
        mistyped,
        good[..40].to_owned(),
        "qr1".to_owned(),
        "0x00".to_owned(),
        String::new(),
        // Of another ledger: BIP 350's own example.
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0".to_owned(),
    ] {
        let shown: String = bad.chars().take(60).collect();
        let cut = if shown.len() < bad.len() { "…" } else { "" };
        refused(
            &format!("address = \"{good}\""),
            &format!("address = \"{bad}\""),
            &format!(
                "assets[1].balances[1].address: `{shown}{cut}` is no address: those are 41 characters in lower case and \
                 begin with qr1; copy it again, one may be mistyped"
            ),
        );
    }
}

#[test]
fn words_out_of_a_list_are_of_that_list() {
    refused(
        "engine = \"pbft\"",
        "engine = \"PBFT\"",
        "engine: a consensus protocol is \"pbft\", \"raft\" or \"paxos\"",
    );
    refused(
        "seats = \"two thirds\"",
        "seats = \"TwoThirds\"",
        "rules.seats: a majority is \"half\" (more than half), \"two thirds\" (at least) or \"all\"",
    );
    for code in ["", "eur", "EU R", "ABCDEFGHIJKLM", "EÜR", "E-R"] {
        refused(
            "code = \"EUR\"",
            &format!("code = \"{code}\""),
            "assets[2].code: an asset's code is 1 to 12 of A-Z and 0-9",
        );
    }
    refused(
        "right = \"operator\"",
        "right = \"Operate\"",
        "grants[1].right: there is no right `Operate`; those that there are: administrator, operator, auditor, \
         participant, issuer, mint, freeze, put-record, hold-asset, erase",
    );
    for scope in [
        "",
        "Network",
        "network:",
        "member",
        "asset",
        "seat:1",
        "member alpha",
        ":alpha",
    ] {
        refused(
            "scope = \"member:alpha\"",
            &format!("scope = \"{scope}\""),
            "grants[1].scope: a scope is written as \"network\", \"member:NAME\" or \"asset:CODE\"",
        );
    }
    refused(
        "scope = \"member:alpha\"",
        "scope = \"member:Alpha\"",
        "grants[1].scope: the draft names no member Alpha",
    );
    refused(
        "scope = \"asset:QRT\"",
        "scope = \"asset:qrt\"",
        "grants[2].scope: an asset's code is 1 to 12 of A-Z and 0-9",
    );
    refused(
        "member = \"alpha\"",
        "member = \"alpha \"",
        "accounts[1].member: the draft names no member alpha ",
    );
}

#[test]
fn a_threshold_belongs_to_signers() {
    let text = join(&draft(), 0).to_toml();
    refused_in(
        &text,
        "addresses = ",
        "threshold = 1\naddresses = ",
        "joins[1].threshold: a threshold stands here without signers: name them, or take it out",
        |text| Join::parse(text).map(drop),
    );
}

#[test]
fn other_versions_are_refused() {
    for version in [0, 1, 3] {
        refused(
            "version = 2",
            &format!("version = {version}"),
            &format!(
                "version: version {version}; this program reads version 2, and a draft of another version must be drafted \
                 again"
            ),
        );
    }
}

/// What TOML allows beside the values' own forms changes nothing.
#[test]
fn spaces_comments_and_kinds_of_strings_do_not_matter() {
    let (text, genesis) = genesis();
    let other = text
        .replace(" = ", "\t=  ")
        .replace("]\n", "] # so be it\r\n")
        .replace("\"interbank\"", "'interbank'")
        .replace("\"alpha\"", "\"\\u0061lpha\"");
    assert_ne!(other, text);
    assert_eq!(Genesis::parse(&other), Ok(genesis));
}

#[test]
fn documents_that_are_too_large_are_refused() {
    let text = "#".repeat(MAX_BYTES + 1);
    let too_large = GenesisError::TooLarge {
        bytes: (4 << 20) + 1,
        limit: 4 << 20,
    };
    assert_eq!(Draft::parse(&text), Err(too_large.clone()));
    assert_eq!(Genesis::parse(&text), Err(too_large.clone()));
    assert_eq!(Join::parse(&text), Err(too_large.clone()));
    assert_eq!(Genesis::decode(text.as_bytes()), Err(too_large.clone()));
    assert_eq!(
        too_large.to_string(),
        "the document has 4194305 bytes, at most 4194304 are allowed"
    );
    // So large a text is read as long as it fits.
    let text = draft().to_toml();
    let filled = format!("{text}{}", "#".repeat(MAX_BYTES - text.len()));
    assert_eq!(Draft::parse(&filled), Ok(draft()));
}
