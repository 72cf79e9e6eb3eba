//! `quorate witness run`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_checkpoint::{KeyName, MAX_POLICY_BYTES, Policy};
use quorate_crypto::{PublicKey, SeatNumber};
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, printable, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_verifier::Anchor;
use quorate_witness::{
    DEFAULT_EVERY, Event, Found, NodeSource, OtherWitness, Settings, Stop, Store, StoreError, Witness, serve,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Digits of its key in a witness's name, where none is given.
const NAME_DIGITS: usize = 16;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate witness run --genesis genesis.toml --key witness.key --dir witness \\
      --node https://node.bank-a.example --node https://node.bank-b.example --listen 127.0.0.1:8300

Name nodes of members who do not depend on each other: a witness can compare only what it is shown.
It believes none of them. Make its key with quorate keys new, and keep the folder with the key.

When it is shown two histories it prints the proof, keeps it in the folder, and ends with exit code
7. It does not start again before the file `alarm` in the folder is removed.")]
pub(crate) struct RunArgs {
    /// The genesis document of the network
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS")]
    genesis: PathBuf,
    /// The witness's key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where it keeps what it cosigned and found out; made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Serve the newest note at this address, at /checkpoint
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Cosign only what satisfies the policy in this file
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What it signs as [default: quorate-witness/ and the first 16 digits of its key]
    #[arg(long, value_name = "NAME")]
    name: Option<KeyName>,
    /// How long it is from one round to the next
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_EVERY.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// A node's URL; give several
    #[arg(
        long = "node",
        value_name = "URL",
        env = "QUORATE_NODE",
        value_delimiter = ','
    )]
    #[arg(required = true, help_heading = "Network")]
    nodes: Vec<String>,
    /// The URL of another witness, whose notes are compared as well
    #[arg(long = "witness", value_name = "URL", value_delimiter = ',')]
    #[arg(help_heading = "Network")]
    others: Vec<String>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

/// What a witness found that had to end it.
#[derive(Serialize)]
struct View<'a> {
    found: &'a str,
    file: Option<&'a Path>,
    words: &'a [String],
    evidence: &'a str,
}

/// Carries out the command.
pub(super) async fn run(args: RunArgs, output: &Output) -> Result<(), Failure> {
    let genesis = read_genesis(&args.genesis)?;
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let key = args.passphrase.open_validator(&args.key)?;
    let name = args.name.unwrap_or_else(|| default_name(&key.public()));
    let (mut sources, mut others) = (Vec::new(), Vec::new());
    // A client of several nodes would ask one for another.
    for url in args.nodes {
        let client = args.authority.client([&url])?;
        sources.push(NodeSource::new(url, client));
    }
    for url in args.others {
        let client = args.authority.client([&url])?;
        others.push(OtherWitness::new(url, client));
    }
    let listener = match args.listen {
        Some(address) => Some((address, listen(address).await?)),
        None => None,
    };
    let store = Store::open(&args.dir).map_err(|error| unusable(&error))?;
    let settings = Settings {
        network: genesis.id(),
        anchor: Anchor {
            genesis: Some(genesis),
            pin: None,
        },
        key,
        name,
        policy,
    };
    let witness = Witness::open(settings, store).map_err(|error| unusable(&error))?;
    say(format!("cosigning as {}", witness.verifier_key()));
    let (shown, seen) = watch::channel(None);
    if let Some((address, listener)) = listener {
        say(format!("serving notes at http://{address}/checkpoint"));
        tokio::spawn(serve(listener, seen, std::future::pending()));
    }
    let every = Duration::from_secs(args.every);
    let tell = |event: Event| say(line(&event));
    match quorate_witness::run(witness, &sources, &others, every, &shown, tell).await {
        Stop::Store(error) => Err(unusable(&error)),
        Stop::Found(found) => end(&found, output),
    }
}

/// Prints the evidence, and fails.
fn end(found: &Found, output: &Output) -> Result<(), Failure> {
    for words in &found.words {
        say(words);
    }
    let file = match &found.file {
        Ok(file) => Some(file.as_path()),
        Err(error) => {
            say(format!("the evidence could not be kept, only printed: {error}"));
            None
        }
    };
    let view = View {
        found: &found.what,
        file,
        words: &found.words,
        evidence: &found.text,
    };
    output.print(&view, |_| found.text.clone())?;
    let failure = Failure::new(Exit::CheckFailed, &found.what);
    Err(failure
        .hint("show the evidence to the other members; the witness starts again once `alarm` is removed"))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| Failure::failed(format!("cannot listen on {address}: {error}")))
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let bytes = read_bytes(path, MAX_POLICY_BYTES as u64)?;
    Policy::parse(&bytes).map_err(|error| Failure::usage(error).while_doing(path.display()))
}

/// A name that no other key has by default.
fn default_name(key: &PublicKey) -> KeyName {
    let digits = hex::encode(key.0);
    let name = format!("quorate-witness/{}", &digits[..NAME_DIGITS]);
    name.parse().expect("it has neither spaces nor plus signs")
}

fn unusable(error: &StoreError) -> Failure {
    match error {
        StoreError::Stopped { file, .. } => {
            let failure = Failure::new(Exit::CheckFailed, error);
            failure.hint(format!("remove {} once you have acted on it", file.display()))
        }
        StoreError::Damaged { .. } => Failure::new(Exit::CheckFailed, error),
        StoreError::InUse { .. } | StoreError::Unusable { .. } => Failure::failed(error),
    }
}

/// What an event says, in a line: what a node wrote begins none of its own.
fn line(event: &Event) -> String {
    let line = match event {
        Event::Unseen(unseen) => unseen.to_string(),
        Event::Waits { reason } => format!("not cosigned: {reason}"),
        Event::Lied {
            seats,
            shown_by,
            evidence,
        } => {
            let kept = evidence
                .as_ref()
                .map_or(String::new(), |file| format!("; evidence: {}", file.display()));
            format!(
                "the validators of seats {} signed what the certified log contradicts, as {} shows{kept}",
                seats
                    .iter()
                    .map(SeatNumber::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                shown_by.join(", ")
            )
        }
        Event::Cosigned {
            checkpoint,
            validators,
        } => format!(
            "cosigned size {} with the root {}, which {validators} validators have signed",
            checkpoint.size(),
            checkpoint.root()
        ),
    };
    printable(&line)
}

#[cfg(test)]
mod tests {
    use quorate_checkpoint::Checkpoint;
    use quorate_crypto::{SigningKey, sha256};
    use quorate_witness::Unseen;

    use super::*;

    #[test]
    fn a_witness_is_named_by_its_key() {
        let key = SigningKey::from_seed(&[1; 32]).public();
        let name = default_name(&key);
        assert_eq!(name.as_str().len(), "quorate-witness/".len() + 16);
        assert!(hex::encode(key.0).starts_with(&name.as_str()["quorate-witness/".len()..]));
    }

    #[test]
    fn each_event_is_told_in_a_line() {
        let unseen = Unseen {
            by: "https://a.example".to_owned(),
            reason: "no answer".to_owned(),
        };
        let lied = |evidence| Event::Lied {
            seats: vec![SeatNumber(3), SeatNumber(5)],
            shown_by: vec!["a".to_owned()],
            evidence,
        };
        let cosigned = Event::Cosigned {
            checkpoint: Checkpoint::new("log".to_owned(), 17, sha256(b"root")),
            validators: 4,
        };
        let waits = Event::Waits {
            reason: "too few".to_owned(),
        };
        let beginning = "the validators of seats 3, 5 signed what the certified log contradicts, as a shows";
        for (event, expected) in [
            (Event::Unseen(unseen), "https://a.example: no answer".to_owned()),
            (waits, "not cosigned: too few".to_owned()),
            (lied(None), beginning.to_owned()),
            (
                lied(Some(PathBuf::from("e/x.notes"))),
                format!("{beginning}; evidence: e/x.notes"),
            ),
            (
                cosigned,
                format!(
                    "cosigned size 17 with the root {}, which 4 validators have signed",
                    sha256(b"root")
                ),
            ),
        ] {
            assert_eq!(line(&event), expected);
        }
    }

    #[test]
    fn a_node_does_not_write_lines_of_its_own() {
        let unseen = Unseen {
            by: "https://a.example".to_owned(),
            reason: "no answer\ncosigned size 17\u{1b}[2K".to_owned(),
        };
        let line = line(&Event::Unseen(unseen));
        assert!(!line.contains(char::is_control), "{line}");
    }
}
