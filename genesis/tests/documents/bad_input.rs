//! Every rule of a document, broken once: the error names the line and what it means.

use quorate_crypto::{KeyError, PublicKey};
use quorate_genesis::{Draft, Genesis, GenesisError, Join, Problem};
use quorate_ledger::{AssetCode, ParameterError, Parameters, ParametersV1};

use crate::network::{draft, genesis, join, key};

/// Replaces `old`, which must be there, and gives the error with the text of the line that it names.
#[track_caller]
fn broken(old: &str, new: &str) -> (GenesisError, String) {
    let text = draft().to_toml();
    assert!(text.contains(old), "{old:?} is not in the draft");
    let text = text.replacen(old, new, 1);
    let error = Draft::parse(&text).unwrap_err();
    let line = match &error {
        GenesisError::Form { line, .. } => *line,
        GenesisError::Invalid { line, .. } => line.expect("the line is known"),
        other => panic!("{other:?}"),
    };
    (error, text.lines().nth(line - 1).unwrap_or_default().to_owned())
}

#[track_caller]
fn assert_invalid(old: &str, new: &str, place: &str, problem: &Problem) {
    let (error, line) = broken(old, new);
    let GenesisError::Invalid {
        place: at,
        problem: got,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((at.to_string().as_str(), got), (place, problem));
    let first_new = new.lines().next().unwrap();
    assert!(
        line.contains(first_new),
        "{error}: the line is {line:?}, not {first_new:?}"
    );
}

#[track_caller]
fn assert_form(old: &str, new: &str, reason: &str) {
    let (error, line) = broken(old, new);
    assert!(
        matches!(&error, GenesisError::Form { reason: got, .. } if got.contains(reason)),
        "{error}"
    );
    assert!(
        line.contains(new.lines().next().unwrap()),
        "{error}: the line is {line:?}"
    );
}

#[test]
fn what_is_not_toml_is_refused() {
    assert_form("engine = \"pbft\"", "engine = pbft", "");
    assert_form("version = 1", "version 1", "");
    assert_form("network = \"interbank\"", "network = \"interbank", "");
    assert!(matches!(
        Draft::parse(""),
        Err(GenesisError::Form { line: 1, .. })
    ));
    let error = Draft::parse("version = 1\n").unwrap_err();
    assert!(error.to_string().contains("missing field `network`"), "{error}");
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
fn unknown_keys_and_doubled_ones_are_refused() {
    assert_form("window = 32", "windw = 32", "unknown field `windw`");
    assert_form("version = 1", "verison = 1", "unknown field `verison`");
    assert_form("decimals = 2", "decimal = 2", "unknown field `decimal`");
    assert_form("window = 32\n", "window = 32\nwindow = 32\n", "duplicate key");
}

#[test]
fn values_of_the_wrong_form_are_refused() {
    assert_form(
        "engine = \"pbft\"",
        "engine = \"tendermint\"",
        "unknown variant `tendermint`",
    );
    assert_form("code = \"QRT\"", "code = \"qrt\"", "asset code");
    assert_form("decimals = 2", "decimals = -1", "");
    assert_form("decimals = 2", "decimals = 256", "");
    assert_form("window = 32", "window = \"32\"", "");
    let address = key(201).public().address().to_string();
    let mistyped = format!("{}q{}", &address[..8], &address[9..]);
    assert_form(&address, &mistyped, "mistyped");
    let issuer = key(200).public().address().to_string();
    assert_form(&format!("issuer = \"{issuer}\""), "issuer = \"0x00\"", "address");
}

#[test]
fn other_versions_are_refused() {
    assert_invalid(
        "version = 1",
        "version = 2",
        "version",
        &Problem::UnknownVersion { got: 2 },
    );
}

#[test]
fn bad_names_are_refused() {
    let too_long = format!("network = \"{}\"", "n".repeat(65));
    for name in [
        "network = \"\"",
        "network = \"a b\"",
        "network = \"-a\"",
        too_long.as_str(),
    ] {
        assert_invalid(
            "network = \"interbank\"",
            name,
            "network",
            &Problem::NotAName { limit: 64 },
        );
    }
    for name in ["\"\"", "\"../etc\"", "\"Zoë\"", "\".\""] {
        assert_invalid("\"beta\"", name, "members[2]", &Problem::NotAName { limit: 32 });
    }
}

#[test]
fn bad_lists_of_members_are_refused() {
    for again in ["alpha", "ALPHA"] {
        assert_invalid(
            "\"gamma\"",
            &format!("\"{again}\""),
            "members[3]",
            &Problem::Duplicate {
                what: again.to_owned(),
            },
        );
    }
    let members = "members = [\n    \"alpha\",\n    \"beta\",\n    \"gamma\",\n    \"delta\",\n]";
    assert_invalid(members, "members = []", "members", &Problem::NoMembers);
    let many: Vec<_> = (0..129).map(|number| format!("\"m{number}\"")).collect();
    assert_invalid(
        members,
        &format!("members = [{}]", many.join(", ")),
        "members",
        &Problem::TooMany { got: 129, limit: 128 },
    );
}

#[test]
fn bad_times_are_refused() {
    for time in [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+01:00",
        "1969-12-31T23:59:59Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00.0001Z",
    ] {
        let line = format!("time = \"{time}\"");
        assert_invalid(
            "time = \"2026-01-31T12:00:00Z\"",
            &line,
            "time",
            &Problem::NotATime,
        );
    }
}

#[test]
fn bad_amounts_are_refused() {
    let good = "amount = \"1000000.00\"";
    for amount in [
        "", ".", "1.", ".5", "1.234", "-1", "+1", "1e6", "1,000", "1_000", "0x10", " 1", "1 ", "1.0.0", "١",
    ] {
        assert_invalid(
            good,
            &format!("amount = \"{amount}\""),
            "assets[1].balances[1].amount",
            &Problem::NotAnAmount { decimals: 2 },
        );
    }
    // 2^128 in the smallest unit.
    assert_invalid(
        good,
        "amount = \"3402823669209384634633746074317682114.56\"",
        "assets[1].balances[1].amount",
        &Problem::AmountTooLarge,
    );
    assert_invalid(
        good,
        "amount = \"0.00\"",
        "assets[1].balances[1].amount",
        &Problem::ZeroAmount,
    );
    assert_form(good, "amount = 1000000", "");
}

#[test]
fn a_supply_that_does_not_fit_is_refused() {
    let eur: AssetCode = "EUR".parse().unwrap();
    let text = draft().to_toml().replacen("amount = \"7\"", "amount = \"8\"", 1);
    let error = Draft::parse(&text).unwrap_err();
    assert!(
        matches!(
            &error,
            GenesisError::Invalid { place, problem: Problem::SupplyOverflow { asset }, line: Some(_) }
                if *asset == eur && place.to_string() == "assets[2].balances"
        ),
        "{error}"
    );
}

#[test]
fn bad_assets_are_refused() {
    assert_invalid(
        "decimals = 2",
        "decimals = 19",
        "assets[1].decimals",
        &Problem::TooManyDecimals { limit: 18 },
    );
    assert_invalid(
        "code = \"EUR\"",
        "code = \"QRT\"\n# a second time",
        "assets[2].code",
        &Problem::Duplicate {
            what: "QRT".to_owned(),
        },
    );
    let long = format!("description = \"{}\"", "ä".repeat(65));
    for description in [
        long.as_str(),
        "description = \"a\\u0000b\"",
        "description = \"a\\nb\"",
    ] {
        assert_invalid(
            "description = 'Test \"QRT\"'",
            description,
            "assets[1].description",
            &Problem::NotAText { limit: 128 },
        );
    }
    let (first, second) = (key(201).public().address(), key(202).public().address());
    assert_invalid(
        &second.to_string(),
        &first.to_string(),
        "assets[1].balances[2].address",
        &Problem::Duplicate {
            what: first.to_string(),
        },
    );
}

/// The ranges are the ledger's, and tested there.
#[test]
fn parameters_outside_their_range_are_refused() {
    type Change = fn(&mut ParametersV1);
    let changes: [Change; 11] = [
        |parameters| parameters.max_transaction_bytes = 65_537,
        |parameters| parameters.max_transaction_bytes = 0,
        |parameters| parameters.max_batch_bytes = parameters.max_transaction_bytes,
        |parameters| parameters.max_batch_bytes = 4_194_305,
        |parameters| parameters.max_batch_transactions = 0,
        |parameters| parameters.max_proposal_batches = 257,
        |parameters| parameters.max_expiry_lead_ms = 0,
        |parameters| parameters.max_clock_lead_ms = 0,
        |parameters| parameters.window = 0,
        |parameters| parameters.window = 65,
        |parameters| parameters.author_quota = 0,
    ];
    for change in changes {
        let mut changed = draft();
        let Draft::V1(content) = &mut changed;
        let Parameters::V1(parameters) = &mut content.parameters;
        change(parameters);
        let ParameterError {
            parameter,
            got,
            lowest,
            highest,
        } = parameters.check().unwrap_err();
        let toml = changed.to_toml();
        let error = Draft::parse(&toml).unwrap_err();
        let GenesisError::Invalid { line, place, problem } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(place.to_string(), format!("parameters.{parameter}"));
        assert_eq!(*problem, Problem::OutOfRange { got, lowest, highest });
        let line = toml.lines().nth(line.unwrap() - 1).unwrap();
        assert_eq!(line, format!("{parameter} = {got}"));
    }
}

#[test]
fn documents_that_are_too_large_are_refused() {
    let text = "#".repeat((4 << 20) + 1);
    let too_large = GenesisError::TooLarge {
        bytes: (4 << 20) + 1,
        limit: 4 << 20,
    };
    assert_eq!(Draft::parse(&text), Err(too_large.clone()));
    assert_eq!(Genesis::parse(&text), Err(too_large.clone()));
    assert_eq!(Join::parse(&text), Err(too_large));
}

#[test]
fn bad_listeners_are_refused() {
    let text = join(&draft(), 0).to_toml();
    for good in [
        "/ip4/192.0.2.1/tcp/1",
        "/ip6/2001:db8::1/tcp/65535",
        "/dns/node.example.org/tcp/9100",
        "/dns4/localhost/tcp/9100",
    ] {
        let text = text.replace("/ip4/127.0.0.1/tcp/9100", good);
        let error = Join::parse(&text).unwrap().verify(&draft()).unwrap_err();
        // The address itself is fine: what is noticed is that it was not signed.
        assert!(matches!(
            error,
            GenesisError::Invalid {
                problem: Problem::BadSignature { .. },
                ..
            }
        ));
    }
    for bad in [
        "",
        "127.0.0.1:9100",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/+1",
        "/ip4/127.0.0.1/udp/9100",
        "/ip4/256.0.0.1/tcp/9100",
        "/ip4/0.0.0.0/tcp/9100",
        "/ip6/::/tcp/9100",
        "/dns/-a/tcp/9100",
        "/dns//tcp/9100",
        "/ip4/127.0.0.1/tcp/9100/p2p/12D3KooW",
    ] {
        let text = text.replace("/ip4/127.0.0.1/tcp/9100", bad);
        let error = Join::parse(&text).unwrap().verify(&draft()).unwrap_err();
        assert!(
            matches!(
                &error,
                GenesisError::Invalid { place, problem: Problem::NotAListener, .. }
                    if place.to_string() == "joins[1].addresses[1]"
            ),
            "{bad}: {error}"
        );
    }
    let listener = "\"/ip4/127.0.0.1/tcp/9100\"";
    let verify = |listeners: &str| {
        Join::parse(&text.replace(listener, listeners))
            .unwrap()
            .verify(&draft())
    };
    let many: Vec<_> = (1..=9)
        .map(|port| format!("\"/ip4/127.0.0.1/tcp/{port}\""))
        .collect();
    assert!(matches!(
        verify(&many.join(", ")),
        Err(GenesisError::Invalid {
            problem: Problem::TooMany { got: 9, limit: 8 },
            ..
        })
    ));
    assert!(matches!(
        verify(&format!("{listener}, {listener}")),
        Err(GenesisError::Invalid {
            problem: Problem::Duplicate { .. },
            ..
        })
    ));
}

#[test]
fn keys_that_nobody_should_use_are_refused() {
    let (text, _) = genesis();
    let alpha = join(&draft(), 0);
    let small = PublicKey([0; 32]);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for (bad, error) in [
        (small, KeyError::SmallOrder),
        (PublicKey(no_point), KeyError::NotAPoint),
    ] {
        for (name, key) in [
            ("validator_key", alpha.body().validator_key),
            ("node_key", alpha.body().node_key),
            ("member_key", alpha.body().member_key),
        ] {
            let changed = text.replace(&key.to_string(), &bad.to_string());
            match Genesis::parse(&changed) {
                Err(GenesisError::Invalid { line, place, problem }) => {
                    assert_eq!(place.to_string(), format!("joins[1].{name}"));
                    assert_eq!(problem, Problem::BadKey { error });
                    let line = changed.lines().nth(line.unwrap() - 1).unwrap();
                    assert!(line.starts_with(name), "{line}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn errors_read_well() {
    let (error, _) = broken("decimals = 2", "decimals = 19");
    assert_eq!(
        error.to_string(),
        "line 30: assets[1].decimals: an asset has at most 18 decimals"
    );
}
