use std::collections::BTreeMap;

use super::*;

/// Keys with their values as TOML writes them, by `section.key`.
fn keys(config: &NodeConfig) -> BTreeMap<String, String> {
    let sections = toml::Table::try_from(config).unwrap();
    let mut keys = BTreeMap::new();
    for (section, values) in &sections {
        // Webhooks are a list, which has its own page and test.
        for (key, value) in values.as_table().into_iter().flatten() {
            keys.insert(format!("{section}.{key}"), value.to_string());
        }
    }
    keys
}

/// A configuration that says of nothing what the default says.
fn other() -> NodeConfig {
    let address = |port| SocketAddr::from(([192, 0, 2, 7], port));
    NodeConfig {
        api: ApiConfig {
            listen: address(1),
            max_pending: 2,
            max_pending_mib: 3,
            max_pending_per_account: 4,
            senders: SendersConfig::Known,
            cors_origins: vec![
                "https://desk.example".to_owned(),
                "http://localhost:3000".to_owned(),
            ],
            hosts: vec!["ledger.bank-a.example".to_owned()],
        },
        operations: OperationsConfig {
            listen: address(5),
            localnet_controls: true,
        },
        network: NetworkConfig {
            listen: vec!["/ip4/192.0.2.7/tcp/6".to_owned(), "/ip6/::1/tcp/6".to_owned()],
            external: vec!["/dns4/a.example/tcp/7".to_owned()],
            peers: vec![PeerAddress {
                name: "bank \"B\"".to_owned(),
                address: "/dns4/b.example/tcp/8".to_owned(),
            }],
            observers: vec![quorate_crypto::PublicKey([0xab; 32])],
            mdns: true,
            kademlia: false,
        },
        storage: StorageConfig {
            cache_mib: 9,
            self_check_rate: 70_000,
        },
        consensus: ConsensusConfig {
            resend_ms: 10,
            progress_ms: 101,
            election_ms: 51,
            flight_recorder_mib: 12,
        },
        log: LogConfig {
            level: "debug,quorate_network=trace".to_owned(),
            format: LogFormat::Json,
        },
        webhooks: ["orders", "desk"].map(hook).into(),
    }
}

fn hook(name: &str) -> HookConfig {
    let text = format!(
        "name = \"{name}\"\nurl = \"https://{name}.example/in\"\nsecret_file = \"{name}.secret\"\nfrom = 7\n"
    );
    toml::from_str(&text).unwrap()
}

#[test]
fn a_new_homes_file_explains_every_key_and_says_the_defaults() {
    let default = NodeConfig::default();
    assert_eq!(toml::from_str::<NodeConfig>(TEMPLATE).unwrap(), default);
    assert_eq!(default.to_toml().unwrap(), TEMPLATE);
    let mut explained = Vec::new();
    let (mut section, mut before) = ("", "");
    for line in TEMPLATE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            assert!(before.starts_with("# "), "{section}.{key} has no comment");
            explained.push(format!("{section}.{key}"));
        }
        before = line;
    }
    explained.sort();
    assert_eq!(explained, Vec::from_iter(keys(&default).into_keys()));
}

#[test]
fn a_written_configuration_is_read_as_it_was() {
    let (default, other) = (keys(&NodeConfig::default()), keys(&other()));
    for (key, value) in &default {
        assert_ne!(
            value, &other[key],
            "{key} has to differ, or this test says nothing about it"
        );
    }
    let text = self::other().to_toml().unwrap();
    assert_eq!(toml::from_str::<NodeConfig>(&text).unwrap(), self::other());
}

/// serde says what it expected by the name of a type.
#[test]
fn what_is_wrong_in_a_file_is_told_without_names_of_ours() {
    let sections = keys(&NodeConfig::default()).into_keys();
    let mut wrong: Vec<String> = sections
        .map(|key| format!("{} = 5\n", key.split_once('.').unwrap().0))
        .collect();
    wrong.push("[network]\npeers = [5]\n".to_owned());
    for text in wrong {
        let said = toml::from_str::<NodeConfig>(&text).unwrap_err().to_string();
        assert!(said.contains("expected a") && !said.contains("struct"), "{said}");
    }
}

#[test]
fn two_webhooks_of_one_name_or_an_unknown_key_keep_the_file_from_being_read() {
    let one = NodeConfig {
        webhooks: vec![hook("orders")],
        ..NodeConfig::default()
    };
    let text = one.to_toml().unwrap();
    let table = &text[text.rfind("[[webhooks]]").unwrap()..];
    let twice = toml::from_str::<NodeConfig>(&format!("{text}\n{table}")).unwrap_err();
    assert!(
        twice.to_string().contains("two webhooks are called `orders`"),
        "{twice}"
    );
    let unknown = toml::from_str::<NodeConfig>(&format!("{text}secret = \"x\"\n")).unwrap_err();
    assert!(
        unknown.to_string().contains("unknown field `secret`"),
        "{unknown}"
    );
}

#[test]
fn the_page_has_each_key_with_its_default_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("\n## Keys\n").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            (cells[0].to_owned(), cells[2].to_owned())
        })
        .collect();
    assert_eq!(documented, keys(&NodeConfig::default()));
}

#[test]
fn an_origin_is_written_as_browsers_write_it_or_the_file_is_refused() {
    let read = |origin: &str| {
        let text = format!("[api]\ncors_origins = [\"https://a.example\", \"{origin}\"]\n");
        toml::from_str::<NodeConfig>(&text).map(|config| config.api.cors_origins)
    };
    for origin in [
        "*",
        "https://desk.example",
        "http://localhost:3000",
        "http://[::1]:3000",
        "http://10.0.0.7:443",
    ] {
        assert_eq!(read(origin).unwrap(), ["https://a.example", origin]);
    }
    for origin in [
        "",
        "desk.example",
        "https://",
        "https://desk.example/",
        "https://Desk.example",
        "https://desk.example:443",
        "http://desk.example:80",
        "https://*.example",
        "ftp://desk.example",
        "null",
        "https://desk.example\\r\\nx: y",
    ] {
        let refused = read(origin).unwrap_err().to_string();
        assert!(refused.contains("line 2"), "{origin}: {refused}");
        assert!(refused.contains("as browsers write it"), "{origin}: {refused}");
    }
    let many = format!("[api]\ncors_origins = [{}]\n", "\"*\", ".repeat(65));
    assert!(toml::from_str::<NodeConfig>(&many).is_err());
}

#[test]
fn a_host_is_a_name_alone_or_the_file_is_refused() {
    let read = |host: &str| {
        let text = format!("[api]\nhosts = [\"a.example\", \"{host}\"]\n");
        toml::from_str::<NodeConfig>(&text).map(|config| config.api.hosts)
    };
    for host in ["ledger", "ledger.bank-a.example", "node_1", "7.example"] {
        assert_eq!(read(host).unwrap(), ["a.example", host]);
    }
    for host in [
        "",
        "*",
        "Ledger.example",
        "ledger.example:8100",
        "https://ledger.example",
        "ledger.example.",
        ".example",
        "ledger..example",
        "a b",
    ] {
        let refused = read(host).unwrap_err().to_string();
        assert!(refused.contains("line 2"), "{host}: {refused}");
        assert!(refused.contains("not the name of a host"), "{host}: {refused}");
    }
    let many = format!("[api]\nhosts = [{}]\n", "\"a.example\", ".repeat(65));
    assert!(toml::from_str::<NodeConfig>(&many).is_err());
}

#[test]
fn callers_keep_to_names_on_loopback_and_where_there_are_names() {
    let known = |listen: &str, hosts: &[&str]| {
        let api = ApiConfig {
            listen: listen.parse().unwrap(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            ..ApiConfig::default()
        };
        api.known_hosts()
    };
    let named = Some(vec!["a.example".to_owned()]);
    for loopback in ["127.0.0.1:8100", "[::1]:8100"] {
        assert_eq!(known(loopback, &[]), Some(Vec::new()));
        assert_eq!(known(loopback, &["a.example"]), named);
    }
    for open in ["0.0.0.0:8100", "192.0.2.7:8100", "[::]:8100"] {
        assert_eq!(known(open, &[]), None);
        assert_eq!(known(open, &["a.example"]), named);
    }
}
