//! A hook as the node's configuration has it. What is malformed is refused, where it stands.

use std::path::PathBuf;
use std::time::Duration;

use quorate_api::StreamFilter;
use quorate_client::schema::OperationKind;
use quorate_ledger::{Address, AssetCode, Height};
use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most hooks of a node: each has a task, a connection and a piece of a block.
pub const MAX_HOOKS: usize = 16;

/// The longest name.
const MAX_NAME: usize = 32;

/// The longest URL.
const MAX_URL: usize = 2_048;

/// A hook: what to post, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// Its name, which is part of every event's id, and of the names of its files.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Where to post.
    #[serde(serialize_with = "write_url", deserialize_with = "url")]
    pub url: Url,
    /// The file with the secrets that posts are signed with, in the home or elsewhere.
    pub secret_file: PathBuf,
    /// A file with certificates in PEM: authorities to believe in the place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Only transactions that this account is a party of, or receives something or is given a claim by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Address>,
    /// Only transactions with an operation about this asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetCode>,
    /// Only transactions with an operation of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "write_kind", deserialize_with = "kind")]
    pub kind: Option<OperationKind>,
    /// Whether to post blocks, too.
    #[serde(default)]
    pub blocks: bool,
    /// The first block, for a hook that has no cursor yet; none: the one after the last certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Height>,
    /// How long an attempt may take, in milliseconds: 100 to 60,000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// After how many attempts an event is a dead letter: 1 to 1,000.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// The pause after the first attempt, in milliseconds: 10 to 3,600,000. It doubles with each.
    #[serde(default = "retry_first_ms")]
    pub retry_first_ms: u64,
    /// The longest pause, in milliseconds: 10 to 86,400,000.
    #[serde(default = "retry_longest_ms")]
    pub retry_longest_ms: u64,
}

fn timeout_ms() -> u64 {
    10_000
}

fn attempts() -> u32 {
    20
}

fn retry_first_ms() -> u64 {
    1_000
}

fn retry_longest_ms() -> u64 {
    600_000
}

impl HookConfig {
    /// Which events it posts.
    pub(crate) fn filter(&self) -> StreamFilter {
        StreamFilter {
            blocks: self.blocks,
            transactions: true,
            account: self.account,
            asset: self.asset,
            kind: self.kind,
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.clamp(100, 60_000))
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.clamp(1, 1_000)
    }

    pub(crate) fn retry_first(&self) -> Duration {
        Duration::from_millis(self.retry_first_ms.clamp(10, 3_600_000))
    }

    pub(crate) fn retry_longest(&self) -> Duration {
        Duration::from_millis(self.retry_longest_ms.clamp(10, 86_400_000))
    }

    /// The URL as it may be shown: what follows the path may be a secret.
    pub(crate) fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

/// Reads all hooks of a node: not too many, and no two of one name.
pub fn read_hooks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HookConfig>, D::Error> {
    let hooks = Vec::<HookConfig>::deserialize(deserializer)?;
    if hooks.len() > MAX_HOOKS {
        return Err(D::Error::custom(format!(
            "{} webhooks, at most {MAX_HOOKS} are taken",
            hooks.len()
        )));
    }
    let mut names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    });
    match twice {
        Some(name) => Err(D::Error::custom(format!("two webhooks are called `{name}`"))),
        None => Ok(hooks),
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name =
        (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('-');
    match is_name {
        true => Ok(name),
        false => Err(D::Error::custom(format!(
            "`{name}` is not the name of a webhook: 1 to {MAX_NAME} small letters, digits and hyphens"
        ))),
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refused = |reason: String| D::Error::custom(format!("`{text}` is no URL to post to: {reason}"));
    let url = Url::parse(&text).map_err(|error| refused(error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err(refused("it has to begin with https:// or http://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom(
            "a webhook's url has no name and password in it: receivers know the node by its signature",
        ));
    }
    if text.len() > MAX_URL {
        return Err(refused(format!("it has more than {MAX_URL} bytes")));
    }
    Ok(url)
}

fn write_url<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(url.as_str())
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OperationKind>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = || OperationKind::ALL.map(OperationKind::name).join(", ");
    let kind = text
        .parse()
        .map_err(|_| D::Error::custom(format!("`{text}` is no kind of operation; there are {}", known())))?;
    Ok(Some(kind))
}

fn write_kind<S: Serializer>(kind: &Option<OperationKind>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.map(OperationKind::name).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(deserialize_with = "read_hooks")]
        webhooks: Vec<HookConfig>,
    }

    const LEAST: &str = "[[webhooks]]\nname = \"orders\"\nurl = \"http://127.0.0.1:9000/quorate?token=1\"\n\
                         secret_file = \"orders.secret\"\n";

    const MOST: &str = "[[webhooks]]\nname = \"desk-2\"\nurl = \"https://desk.example/in\"\n\
        secret_file = \"/run/secrets/desk\"\nca_file = \"ca.pem\"\n\
        account = \"qr1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\"\nasset = \"QRT\"\nkind = \"transfer\"\n\
        blocks = true\nfrom = 7\ntimeout_ms = 1\nattempts = 5\nretry_first_ms = 200\nretry_longest_ms = 300\n";

    fn read(text: &str) -> Result<Vec<HookConfig>, String> {
        toml::from_str::<File>(text)
            .map(|file| file.webhooks)
            .map_err(|error| error.to_string())
    }

    /// With an account whose checksum is right.
    fn most() -> String {
        let account = Address([7; 20]).to_string();
        MOST.replace("qr1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", &account)
    }

    #[test]
    fn a_hook_is_written_as_it_is_read() {
        let hooks = read(&format!("{LEAST}{}", most())).unwrap();
        let [least, most] = hooks.as_slice() else {
            panic!("{hooks:?}");
        };
        assert_eq!(least.shown_url(), "http://127.0.0.1:9000/quorate");
        assert_eq!((least.filter().blocks, least.filter().kind), (false, None));
        assert_eq!(least.timeout(), Duration::from_secs(10));
        assert_eq!(most.kind, Some(OperationKind::Transfer));
        assert_eq!(most.from, Some(Height(7)));
        // What is out of its range counts as the nearest in it.
        assert_eq!(most.timeout(), Duration::from_millis(100));
        let file = File {
            webhooks: hooks.clone(),
        };
        let text = toml::to_string(&file).unwrap();
        assert_eq!(read(&text).unwrap(), hooks);
    }

    #[test]
    fn a_hook_that_is_malformed_is_refused_with_what_is_wrong() {
        for (from, to, word) in [
            ("name = \"orders\"", "name = \"Orders\"", "small letters"),
            ("name = \"orders\"", "name = \"../orders\"", "small letters"),
            ("name = \"orders\"", "name = \"a_b\"", "small letters"),
            ("http://127", "ftp://127", "https://"),
            ("http://127", "http://user:word@127", "signature"),
            ("secret_file", "secret", "unknown field"),
            ("secret_file", "kind = \"pay\"\nsecret_file", "create_asset"),
            ("secret_file", "asset = \"qrt\"\nsecret_file", "A–Z"),
            ("secret_file", "account = \"qr1x\"\nsecret_file", "qr1x"),
        ] {
            let refused = read(&LEAST.replace(from, to)).unwrap_err();
            assert!(refused.contains(word), "{to}: {refused}");
        }
        let twice = read(&LEAST.repeat(2)).unwrap_err();
        assert!(twice.contains("two webhooks are called `orders`"), "{twice}");
        let many: String = (0..=MAX_HOOKS)
            .map(|number| LEAST.replace("orders", &format!("hook-{number}")))
            .collect();
        assert!(read(&many).unwrap_err().contains("at most 16"));
    }

    #[test]
    fn the_page_has_each_key_and_no_other() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhooks.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, table) = page.split_once("\n## Keys\n").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        let hooks = read(&most()).unwrap();
        let known = toml::Table::try_from(&hooks[0]).unwrap();
        assert_eq!(documented, known.keys().map(String::as_str).collect());
    }
}
