//! Every rule of a draft, broken by itself: what is wrong, where, and what to do.

use quorate_crypto::{Address, MemberNumber};
use quorate_genesis::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, GenesisError, Problem,
};
use quorate_ledger::{Amount, Parameters, Right, Rules, RulesV1, Scope, Timestamp, encode};

use crate::network::{
    address, assemble, client, code, draft, draft_v1, joins, keys, line_and_words, ordered, p256,
};

/// Replaces `old`, which must be in the draft, and compares the words of the refusal and the line that it names.
#[track_caller]
fn refused(old: &str, new: &str, words: &str) {
    let text = draft().to_toml();
    assert!(text.contains(old), "{old:?} is not in the draft");
    let text = text.replacen(old, new, 1);
    let error = Draft::parse(&text).unwrap_err();
    let (line, found) = line_and_words(&error);
    assert_eq!(found, words);
    let line = text.lines().nth(line - 1).unwrap_or_default();
    let changed = new.lines().next().unwrap_or_default();
    assert!(
        line.contains(changed),
        "{error}: the line is {line:?}, not {changed:?}"
    );
}

/// The words of what is wrong with a draft that was never a text.
#[track_caller]
fn words(change: impl FnOnce(&mut DraftV1)) -> String {
    let mut content = draft_v1();
    change(&mut content);
    ordered(content).check().unwrap_err().to_string()
}

#[track_caller]
fn is_good(change: impl FnOnce(&mut DraftV1)) {
    let mut content = draft_v1();
    change(&mut content);
    assert_eq!(ordered(content).check(), Ok(()));
}

const NOT_A_NAME: &str =
    "letters, digits, dots, dashes and underscores (ASCII), and begins with no dot or dash";

#[test]
fn bad_names_are_refused() {
    for name in ["", "a b", "-a", ".a", "Zoë", "a/b", "a:b", &"n".repeat(65)] {
        refused(
            "network = \"interbank\"",
            &format!("network = \"{name}\""),
            &format!("network: a name is 1 to 64 {NOT_A_NAME}"),
        );
    }
    for name in ["", "../etc", "-a", ".a", "Zoë", &"n".repeat(33)] {
        refused(
            "\"beta\"",
            &format!("\"{name}\""),
            &format!("members[2]: a name is 1 to 32 {NOT_A_NAME}"),
        );
    }
    is_good(|draft| draft.network = "_".repeat(64));
    is_good(|draft| draft.members[1] = format!("_{}", "Z".repeat(31)));
}

#[test]
fn members_are_1_to_128_and_distinct_whatever_their_case() {
    for again in ["alpha", "ALPHA", "aLpHa"] {
        refused(
            "\"gamma\"",
            &format!("\"{again}\""),
            &format!("members[3]: {again} stands here a second time"),
        );
    }
    let named = |draft: &mut DraftV1, count: usize| {
        draft.members = (0..count).map(|number| format!("m{number}")).collect();
    };
    assert_eq!(
        words(|draft| draft.members.clear()),
        "members: a network has at least one member: name one"
    );
    assert_eq!(
        words(|draft| named(draft, 129)),
        "members: 129 entries, at most 128 are allowed"
    );
    is_good(|draft| named(draft, 128));
}

#[test]
fn a_network_begins_before_the_year_10000() {
    is_good(|draft| draft.time = Timestamp(253_402_300_799_999));
    is_good(|draft| draft.time = Timestamp(0));
    let words = words(|draft| draft.time = Timestamp(253_402_300_800_000));
    assert_eq!(words, format!("time: {}", Problem::NotATime));
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    for (old, new, name, lowest, highest) in [
        ("65536", "32767", "max_transaction_bytes", 32_768, 65_536),
        ("65536", "65537", "max_transaction_bytes", 32_768, 65_536),
        ("524288", "73727", "max_batch_bytes", 73_728, 4_194_304),
        ("524288", "4194305", "max_batch_bytes", 73_728, 4_194_304),
        ("4096", "0", "max_batch_transactions", 1, 32_768),
        ("4096", "32769", "max_batch_transactions", 1, 32_768),
        ("8192", "511", "max_batch_signature_cost", 512, 65_536),
        ("8192", "65537", "max_batch_signature_cost", 512, 65_536),
        ("32", "0", "max_proposal_batches", 1, 64),
        ("32", "65", "max_proposal_batches", 1, 64),
        ("86400000", "999", "max_expiry_lead_ms", 1_000, 31_622_400_000),
        (
            "86400000",
            "31622400001",
            "max_expiry_lead_ms",
            1_000,
            31_622_400_000,
        ),
        ("31622400000", "999", "max_hold_ms", 1_000, 316_224_000_000),
        (
            "31622400000",
            "316224000001",
            "max_hold_ms",
            1_000,
            316_224_000_000,
        ),
        ("5000", "0", "max_clock_lead_ms", 1, 600_000),
        ("5000", "600001", "max_clock_lead_ms", 1, 600_000),
        ("30000", "999", "max_clock_lag_ms", 1_000, 600_000),
        ("30000", "600001", "max_clock_lag_ms", 1_000, 600_000),
        ("32", "0", "window", 1, 64),
        ("32", "65", "window", 1, 64),
        ("64", "0", "author_quota", 1, 4_096),
        ("64", "4097", "author_quota", 1, 4_096),
        ("4", "1", "slowness_factor", 2, 64),
        ("4", "65", "slowness_factor", 2, 64),
        ("20", "0", "slowness_floor_ms", 1, 10_000),
        ("20", "10001", "slowness_floor_ms", 1, 10_000),
        ("2", "0", "slowness_share", 1, 16),
        ("2", "17", "slowness_share", 1, 16),
    ] {
        let lowest: u64 = lowest;
        let highest: u64 = highest;
        refused(
            &format!("{name} = {old}\n"),
            &format!("{name} = {new}\n"),
            &format!("parameters.{name}: {new} is not between {lowest} and {highest}"),
        );
    }
}

#[test]
fn rules_outside_their_ranges_are_refused() {
    for (old, new, name, lowest, highest) in [
        ("3", "8", "strangers", 0, 7),
        (
            "7776000000",
            "2591999999",
            "dormant_after_ms",
            2_592_000_000,
            316_224_000_000,
        ),
        (
            "7776000000",
            "316224000001",
            "dormant_after_ms",
            2_592_000_000,
            316_224_000_000,
        ),
        (
            "604800000",
            "86399999",
            "guardian_delay_ms",
            86_400_000,
            316_224_000_000,
        ),
        (
            "604800000",
            "316224000001",
            "guardian_delay_ms",
            86_400_000,
            316_224_000_000,
        ),
    ] {
        let lowest: u64 = lowest;
        let highest: u64 = highest;
        refused(
            &format!("{name} = {old}\n"),
            &format!("{name} = {new}\n"),
            &format!("rules.{name}: {new} is not between {lowest} and {highest}"),
        );
    }
    // A text cannot say so much; bytes can.
    let highest = u64::MAX / 2;
    type Change = fn(&mut RulesV1, u64);
    let changes: [(&str, Change); 3] = [
        ("day_bytes", |rules, value| rules.day_bytes = value),
        ("strangers_bytes", |rules, value| rules.strangers_bytes = value),
        ("reserve_bytes", |rules, value| rules.reserve_bytes = value),
    ];
    for (name, change) in changes {
        let set = |draft: &mut DraftV1, value| {
            let Rules::V1(rules) = &mut draft.rules;
            change(rules, value);
        };
        is_good(|draft| set(draft, highest));
        assert_eq!(
            words(|draft| set(draft, highest + 1)),
            format!("rules.{name}: 9223372036854775808 is not between 0 and 9223372036854775807")
        );
    }
}

/// A range that depends on another parameter, which has its value at first.
#[test]
fn a_parameter_that_is_left_out_counts() {
    let text = draft()
        .to_toml()
        .replacen("max_batch_bytes = 524288", "max_batch_bytes = 4194304", 1);
    let text = text.replacen("max_proposal_batches = 32\n", "", 1);
    let (line, words) = line_and_words(&Draft::parse(&text).unwrap_err());
    assert_eq!(
        words,
        "parameters.max_proposal_batches: 32 is not between 1 and 8"
    );
    assert_eq!(text.lines().nth(line - 1), Some("[parameters]"));
    is_good(|draft| {
        let Parameters::V1(parameters) = &mut draft.parameters;
        parameters.max_batch_bytes = 4 << 20;
        parameters.max_proposal_batches = 8;
    });
}

#[test]
fn bad_assets_are_refused() {
    refused(
        "decimals = 2",
        "decimals = 19",
        "assets[1].decimals: an asset has at most 18 decimals",
    );
    refused(
        "code = \"EUR\"",
        "code = \"QRT\"\n# a second time",
        "assets[2].code: QRT stands here a second time",
    );
    for flags in [1, 2, 3] {
        refused(
            "flags = 0",
            &format!("flags = {flags}"),
            &format!(
                "assets[1].flags: flags {flags} need protocol 2: leave them out, or write `protocol = 2` below the \
                 engine"
            ),
        );
    }
    for flags in [4, 255] {
        refused(
            "flags = 0",
            &format!("flags = {flags}"),
            &format!("assets[1].flags: {flags} is not between 0 and 3"),
        );
    }
    is_good(|draft| draft.assets[0].description = "ä".repeat(64));
    refused(
        "description = \"Test QRT\"",
        &format!("description = \"{}a\"", "ä".repeat(64)),
        "assets[1].description: the text has 129 bytes, at most 128 are allowed",
    );
    for (escape, code) in [
        ("\\u0000", "0000"),
        ("\\n", "000A"),
        ("\\u007f", "007F"),
        ("\\u0085", "0085"),
        ("\\u061c", "061C"),
        ("\\u200e", "200E"),
        ("\\u202e", "202E"),
        ("\\u2066", "2066"),
        ("\\ufeff", "FEFF"),
        ("\\ufffa", "FFFA"),
        ("\\U000e0041", "E0041"),
    ] {
        refused(
            "description = \"Test QRT\"",
            &format!("description = \"a{escape}b\""),
            &format!("assets[1].description: no text may have the character U+{code}: take it out"),
        );
    }
    assert_eq!(
        words(|draft| draft.assets[0].decimals = 19),
        "assets[1].decimals: an asset has at most 18 decimals"
    );
}

#[test]
fn bad_balances_are_refused() {
    let (first, second) = (address(201), address(202));
    refused(
        &second.to_string(),
        &first.to_string(),
        &format!("assets[1].balances[2].address: {first} stands here a second time"),
    );
    refused(
        "amount = \"1000000.00\"",
        "amount = \"0.00\"",
        "assets[1].balances[1].amount: a first balance is above zero: leave this one out",
    );
    // The balances of EUR are 10^38 - 1 together.
    let text = draft().to_toml().replacen("amount = \"7\"", "amount = \"8\"", 1);
    let (line, words) = line_and_words(&Draft::parse(&text).unwrap_err());
    assert_eq!(
        words,
        "assets[2].balances: the balances of EUR together are not below 10^38 of the smallest unit: lower them"
    );
    assert_eq!(text.lines().nth(line - 1), Some("balances = ["));
    let overflow = self::words(|draft| {
        draft.assets[1].balances[0].amount = Amount(u128::MAX);
        draft.assets[1].balances[1].amount = Amount(u128::MAX);
    });
    assert_eq!(overflow, words);
}

/// An address of its own for each number.
fn numbered(number: u32) -> Address {
    let mut bytes = [0xaa; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Address(bytes)
}

fn plain_asset(number: u32, balances: std::ops::Range<u32>) -> DraftAsset {
    DraftAsset {
        code: code(&format!("A{number}")),
        decimals: 0,
        flags: 0,
        description: String::new(),
        issuer: numbered(0),
        balances: balances
            .map(|holder| DraftBalance {
                address: numbered(holder),
                amount: Amount(1),
            })
            .collect(),
    }
}

#[test]
fn lists_have_their_limits() {
    let assets = |count: u32| (0..count).map(|number| plain_asset(number, 0..1)).collect();
    let without_grants = |draft: &mut DraftV1, assets: Vec<DraftAsset>| {
        draft.grants.clear();
        draft.assets = assets;
    };
    is_good(|draft| without_grants(draft, assets(256)));
    assert_eq!(
        words(|draft| without_grants(draft, assets(257))),
        "assets: 257 entries, at most 256 are allowed"
    );

    let balances = |first: u32| vec![plain_asset(0, 0..first), plain_asset(1, 0..32_768)];
    is_good(|draft| without_grants(draft, balances(32_768)));
    assert_eq!(
        words(|draft| without_grants(draft, balances(32_769))),
        "assets: 65537 entries, at most 65536 are allowed"
    );

    let accounts = |draft: &mut DraftV1, count: u32| {
        let account = |number| DraftAccount {
            address: numbered(number),
            member: MemberNumber(0),
        };
        draft.accounts = (0..count).map(account).collect();
    };
    is_good(|draft| accounts(draft, 65_536));
    assert_eq!(
        words(|draft| accounts(draft, 65_537)),
        "accounts: 65537 entries, at most 65536 are allowed"
    );

    let grants = |draft: &mut DraftV1, count: u32| {
        let grant = |number| DraftGrant {
            account: numbered(number),
            right: Right::Audit,
            scope: Scope::Network,
        };
        draft.grants = (0..count).map(grant).collect();
    };
    is_good(|draft| grants(draft, 4_096));
    assert_eq!(
        words(|draft| grants(draft, 4_097)),
        "grants: 4097 entries, at most 4096 are allowed"
    );
}

/// Entries of `[[accounts]]`, in this order, in a draft without others.
fn with_accounts(entries: &[(Address, &str)]) -> String {
    let mut content = draft_v1();
    content.accounts.clear();
    let entries = entries
        .iter()
        .map(|(address, member)| format!("\n[[accounts]]\naddress = \"{address}\"\nmember = \"{member}\"\n"));
    format!("{}{}", ordered(content).to_toml(), entries.collect::<String>())
}

/// The number of the line at which the entry with this number of a list of tables begins, from 1.
fn line_of_entry(text: &str, header: &str, number: usize) -> usize {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| *line == header);
    lines.nth(number - 1).unwrap().0
}

#[test]
fn bad_accounts_are_refused() {
    // They are sorted, and the refusal still names the line that a person sees.
    let [low, high] = [numbered(1), numbered(2)];
    let text = with_accounts(&[(high, "alpha"), (low, "beta"), (high, "gamma")]);
    let (line, found) = line_and_words(&Draft::parse(&text).unwrap_err());
    assert_eq!(
        found,
        format!("accounts[3]: account {high} stands here a second time")
    );
    assert_eq!(line, line_of_entry(&text, "[[accounts]]", 3));

    assert_eq!(
        words(|draft| draft.accounts[1].member = MemberNumber(4)),
        "accounts[2].member: the draft has no member number 4, it numbers them from 0"
    );
    let mut content = draft_v1();
    content.accounts.reverse();
    let error = Draft::V1(content).check().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "accounts[2]: account {} is not in its place: the bytes have another order than the format's",
            address(210)
        )
    );
}

#[test]
fn bad_grants_are_refused() {
    let again = format!(
        "{}\n[[grants]]\naccount = \"{}\"\nright = \"mint\"\nscope = \"asset:QRT\"\n",
        draft().to_toml(),
        address(221)
    );
    let (line, found) = line_and_words(&Draft::parse(&again).unwrap_err());
    assert_eq!(
        found,
        format!(
            "grants[5]: the grant of mint for asset:QRT to {} stands here a second time",
            address(221)
        )
    );
    assert_eq!(line, line_of_entry(&again, "[[grants]]", 5));
    refused(
        "scope = \"asset:QRT\"",
        "scope = \"asset:QRS\"",
        "grants[2].scope: the draft has no asset QRS: add it, or take this out",
    );
    refused(
        "scope = \"asset:QRT\"",
        "scope = \"network\"",
        "grants[2].scope: the right mint is given for an asset, not for the network",
    );
    assert_eq!(
        words(|draft| draft.grants[0].scope = Scope::Member(MemberNumber(4))),
        "grants[1].scope: the draft has no member number 4, it numbers them from 0"
    );
    let mut content = draft_v1();
    content
        .grants
        .sort_by_key(|grant| std::cmp::Reverse(encode(grant)));
    let error = Draft::V1(content).check().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "grants[2]: the grant of administrator for member:beta to {} is not in its place: the bytes have another \
             order than the format's",
            address(222)
        )
    );
}

/// What is wrong with a document of this draft, which is good by itself, and its members' joins.
#[track_caller]
fn document_words(change: impl FnOnce(&mut DraftV1)) -> String {
    let mut content = draft_v1();
    change(&mut content);
    let draft = ordered(content);
    assert_eq!(Draft::parse(&draft.to_toml()), Ok(draft.clone()));
    let error: GenesisError = assemble(&draft, &joins(&draft)).unwrap_err();
    line_and_words(&error).1
}

#[track_caller]
fn assembles(change: impl FnOnce(&mut DraftV1)) {
    let mut content = draft_v1();
    change(&mut content);
    let draft = ordered(content);
    assemble(&draft, &joins(&draft)).unwrap();
}

#[test]
fn members_own_accounts_need_no_entry() {
    let place = |own: Address| {
        1 + [address(210), address(211)]
            .iter()
            .filter(|other| **other < own)
            .count()
    };
    for (own, member) in [
        (client(4).key().address(), "alpha"),
        (p256(15).key().address(), "beta"),
    ] {
        assert_eq!(keys(u8::from(member == "beta")).account.key().address(), own);
        // Whoever's it is said to be.
        for number in [0, 1, 2] {
            let account = DraftAccount {
                address: own,
                member: MemberNumber(number),
            };
            assert_eq!(
                document_words(|draft| draft.accounts.push(account)),
                format!(
                    "accounts[{}]: this is {member}'s own account, which needs no entry here: take it out",
                    place(own)
                )
            );
        }
    }
}

#[test]
fn members_own_accounts_administer_without_a_grant() {
    let own = p256(15).key().address();
    let grant = |right, member| DraftGrant {
        account: own,
        right,
        scope: Scope::Member(MemberNumber(member)),
    };
    let before = [address(220), address(221), address(222), address(222)];
    let place = 1 + before.iter().filter(|other| **other < own).count();
    assert_eq!(
        document_words(|draft| draft.grants.push(grant(Right::Administrate, 1))),
        format!(
            "grants[{place}]: every member's account administers it without being told: take this grant out"
        )
    );
    // It may have any other right.
    assembles(|draft| draft.grants.push(grant(Right::Administrate, 0)));
    assembles(|draft| draft.grants.push(grant(Right::Operate, 1)));
}

#[test]
fn scopes_are_legal_for_their_rights() {
    for (right, name, legal, [in_network, in_member, in_asset]) in [
        (
            Right::Administrate,
            "administrator",
            "a member",
            [false, true, false],
        ),
        (Right::Operate, "operator", "a member", [false, true, false]),
        (
            Right::Audit,
            "auditor",
            "the network or a member",
            [true, true, false],
        ),
        (
            Right::Participate,
            "participant",
            "the network",
            [true, false, false],
        ),
        (
            Right::CreateAsset,
            "issuer",
            "the network or a member",
            [true, true, false],
        ),
        (Right::Mint, "mint", "an asset", [false, false, true]),
        (
            Right::Freeze,
            "freeze",
            "the network or an asset",
            [true, false, true],
        ),
        (
            Right::PutRecord,
            "put-record",
            "the network",
            [true, false, false],
        ),
        (Right::HoldAsset, "hold-asset", "an asset", [false, false, true]),
        (Right::Erase, "erase", "the network", [true, false, false]),
    ] {
        type Make = fn() -> Scope;
        let scopes: [(Make, &str, &str, bool); 3] = [
            (|| Scope::Network, "network", "the network", in_network),
            (
                || Scope::Member(MemberNumber(3)),
                "member:delta",
                "a member",
                in_member,
            ),
            (|| Scope::Asset(code("EUR")), "asset:EUR", "an asset", in_asset),
        ];
        for (scope, text, got, is_legal) in scopes {
            let grant = |draft: &mut DraftV1| {
                draft.grants = vec![DraftGrant {
                    account: address(220),
                    right,
                    scope: scope(),
                }];
            };
            let mut content = draft_v1();
            grant(&mut content);
            let draft = ordered(content);
            assert!(
                draft
                    .to_toml()
                    .contains(&format!("right = \"{name}\"\nscope = \"{text}\"\n"))
            );
            if is_legal {
                assert_eq!(Draft::parse(&draft.to_toml()), Ok(draft));
            } else {
                let expected =
                    format!("grants[1].scope: the right {name} is given for {legal}, not for {got}");
                assert_eq!(words(grant), expected);
                assert_eq!(
                    line_and_words(&Draft::parse(&draft.to_toml()).unwrap_err()).1,
                    expected
                );
            }
        }
    }
}
