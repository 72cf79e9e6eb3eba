//! Settlement as wallets make it: delivery against payment between two who trust each other with nothing, and holds
//! through each of their ends.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_client::text::rfc3339_of;
use quorate_crypto::sha256;
use quorate_ledger::Timestamp;
use serde_json::Value;

use crate::Cluster;
use crate::cluster::Ran;
use crate::proxy::{between, replace};
use crate::wait::until;

/// How long a hold may take to end after its time: blocks have times only when they are made.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody with a folder and a key of their own.
struct Wallet<'a> {
    cluster: &'a Cluster,
    folder: PathBuf,
    address: String,
}

impl<'a> Wallet<'a> {
    #[track_caller]
    fn new(cluster: &'a Cluster, name: &str) -> Self {
        let folder = cluster.folder().join(name);
        fs::create_dir(&folder).unwrap();
        let address = cluster.key(&format!("{name}/own.key"));
        Self {
            cluster,
            folder,
            address,
        }
    }

    /// Runs a command of `quorate wallet` in the folder, with the own key where one is needed.
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.cluster.command(&[["wallet"].as_slice(), arguments].concat());
        command.current_dir(&self.folder);
        command.env("QUORATE_KEY", self.folder.join("own.key"));
        Ran::of(command.output().unwrap())
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            Some(code),
            "{arguments:?}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        ran
    }

    /// A file comes here from another's folder.
    #[track_caller]
    fn receive(&self, from: &Self, file: &str, name: &str) {
        fs::copy(from.folder.join(file), self.folder.join(name)).unwrap();
    }

    /// What it has of an asset, free and held, in smallest units.
    #[track_caller]
    fn has(&self, asset: &str) -> (u128, u128) {
        let account = self
            .cluster
            .expect(0, &["query", "account", &self.address])
            .json();
        let balances = account["balances"].as_array().unwrap();
        let found = balances.iter().find(|balance| balance["asset"] == asset);
        let number = |name: &str| {
            let units = found.map_or("0", |balance| balance[name].as_str().unwrap());
            units.parse().unwrap()
        };
        (number("amount"), number("held"))
    }

    /// Its open holds, as the API lists them.
    #[track_caller]
    fn holds(&self) -> Vec<Value> {
        let path = format!("/v1/accounts/{}/holds", self.address);
        let answer = crate::http::send(self.cluster.ports.api, "GET", &path, "application/json", b"");
        assert_eq!(answer.status, Some(200), "{}", answer.json());
        answer.json()["holds"].as_array().unwrap().clone()
    }

    /// Holds 10 QRT for somebody until a time, or until a preimage of this hash is shown; gives the transaction's id.
    #[track_caller]
    fn hold(&self, beneficiary: &Self, until: &str, hash: &str) -> String {
        let held = self.expect(
            0,
            &[
                "hold",
                "--to",
                &beneficiary.address,
                "--amount",
                "10",
                "--asset",
                "QRT",
                "--until",
                until,
                "--preimage",
                hash,
                "--memo",
                "order 5",
            ],
        );
        held.json()["id"].as_str().unwrap().to_owned()
    }

    /// Releases the hold that a transaction made, with more arguments.
    fn release(&self, id: &str, more: &[&str]) -> Ran {
        self.run(&[&["release", id][..], more].concat())
    }

    /// Refunds the hold that a transaction made.
    fn refund(&self, id: &str) -> Ran {
        self.run(&["refund", id])
    }
}

#[track_caller]
fn refused(ran: &Ran, code: &str) {
    assert_eq!(ran.code, Some(4), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(code), "{}", ran.stderr);
}

/// The time so far from now.
pub(crate) fn from_now(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_millis()).unwrap();
    rfc3339_of(Timestamp(now + 1_000 * seconds))
}

/// A file of the operations of a trade: 9.95 QRT of the buyer's against so many GOLD of the seller's.
fn trade(buyer: &Wallet<'_>, seller: &Wallet<'_>, gold: u64) -> String {
    let (buyer, seller) = (&buyer.address, &seller.address);
    format!(
        r#"[[act]]
by = "{buyer}"
transfer = {{ to = "{seller}", asset = "QRT", amount = "9.95", memo = "two bars" }}

[[act]]
by = "{seller}"
transfer = {{ to = "{buyer}", asset = "GOLD", amount = "{gold}" }}
"#
    )
}

#[test]
fn delivery_against_payment_is_signed_apart_and_happens_whole_or_not_at_all() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    cluster.pay(&alice.address, "100");
    bob.expect(0, &["asset", "create", "GOLD", "--decimals", "0"]);
    bob.expect(0, &["asset", "mint", "GOLD", "--amount", "5"]);

    fs::write(alice.folder.join("trade.toml"), trade(&alice, &bob, 2)).unwrap();
    alice.expect(0, &["build", "--operations", "trade.toml", "--out", "trade.tx"]);
    let file = fs::read_to_string(alice.folder.join("trade.tx")).unwrap();
    assert!(file.starts_with("quorate transaction 2\nnetwork "), "{file}");
    bob.receive(&alice, "trade.tx", "from-alice.tx");
    alice.expect(0, &["sign", "trade.tx"]);
    // What it says can be seen without signing, and is shown before anything is signed. Decimals are the genesis
    // document's, and of an asset that is not in it nobody's.
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let show = ["show", "from-alice.tx", "--output", "text", "--genesis", &genesis];
    let shown = bob.expect(0, &show).stdout;
    for part in [&alice.address, &bob.address, "9.95", "GOLD", "two bars"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let signed = bob.expect(0, &["sign", "from-alice.tx", "--genesis", &genesis]);
    assert!(signed.stderr.contains("9.95"), "{}", signed.stderr);
    // One of two is not enough, whoever submits.
    refused(&bob.run(&["submit", "from-alice.tx"]), "unauthorised");
    refused(&alice.run(&["submit", "trade.tx"]), "unauthorised");
    assert_eq!((alice.has("QRT"), bob.has("GOLD")), ((10_000, 0), (5, 0)));

    bob.receive(&alice, "trade.tx", "by-alice.tx");
    let combine = ["combine", "from-alice.tx", "by-alice.tx", "--out", "both.tx"];
    bob.expect(0, &combine);
    let submitted = bob.expect(0, &["submit", "both.tx"]).json();
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((9_005, 0), (995, 0)));
    assert_eq!((alice.has("GOLD"), bob.has("GOLD")), ((2, 0), (3, 0)));
    // The same bytes again are the same transaction.
    let again = bob.expect(0, &["submit", "both.tx"]).json();
    assert_eq!(again["id"], submitted["id"]);
    let id = submitted["id"].as_str().unwrap();
    let seen = cluster.expect(0, &["query", "transaction", id]).json();
    assert_eq!(seen["parties"].as_array().unwrap().len(), 2, "{seen}");
    assert_eq!(seen["operations"][1]["by"], bob.address.as_str(), "{seen}");
    cluster.common_tip();

    // More than the seller has: the buyer pays nothing for it.
    fs::write(alice.folder.join("greedy.toml"), trade(&alice, &bob, 4)).unwrap();
    alice.expect(0, &["build", "--operations", "greedy.toml", "--out", "greedy.tx"]);
    alice.expect(0, &["sign", "greedy.tx"]);
    bob.receive(&alice, "greedy.tx", "greedy.tx");
    bob.expect(0, &["sign", "greedy.tx"]);
    refused(&bob.run(&["submit", "greedy.tx"]), "insufficient_balance");
    assert_eq!((alice.has("QRT"), bob.has("GOLD")), ((9_005, 0), (3, 0)));
}

/// Who signs reads the file's lines in whatever shows a text; they are what the bytes say, or nothing is signed.
#[test]
fn a_file_whose_lines_say_something_else_than_its_bytes_is_not_signed() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    cluster.pay(&alice.address, "100");
    bob.expect(0, &["asset", "create", "GOLD", "--decimals", "0"]);
    fs::write(alice.folder.join("trade.toml"), trade(&alice, &bob, 2)).unwrap();
    alice.expect(0, &["build", "--operations", "trade.toml", "--out", "trade.tx"]);
    let file = fs::read_to_string(alice.folder.join("trade.tx")).unwrap();
    let changes = [("amount 9.95", "amount 8.95"), ("two bars", "six bars")];
    for (truth, lie) in changes {
        assert_eq!(file.matches(truth).count(), 1, "{file}");
        fs::write(bob.folder.join("trade.tx"), file.replace(truth, lie)).unwrap();
        bob.expect(7, &["sign", "trade.tx"]);
    }
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    fs::write(bob.folder.join("trade.tx"), &file).unwrap();
    bob.expect(0, &["sign", "trade.tx", "--genesis", &genesis]);
}

#[test]
fn a_hold_is_released_whole_by_whoever_shows_what_it_asks_for() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    let carol = Wallet::new(&cluster, "carol");
    cluster.pay(&alice.address, "100");
    let secret = sha256(b"a secret");
    let id = alice.hold(&bob, &from_now(600), &sha256(&secret.0).to_string());
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((9_000, 1_000), (0, 0)));
    let holds = alice.holds();
    assert_eq!(holds.len(), 1, "{holds:?}");
    assert_eq!(holds[0]["transaction"], id.as_str());
    assert_eq!(
        (&holds[0]["beneficiary"], &holds[0]["amount"]),
        (&bob.address.as_str().into(), &"1000".into())
    );
    // What is held cannot be spent, and is not anybody's yet.
    let spend = [
        "transfer",
        "--to",
        &carol.address,
        "--amount",
        "95",
        "--asset",
        "QRT",
    ];
    refused(&alice.run(&spend), "insufficient_balance");
    refused(&bob.release(&id, &[]), "condition_unmet");
    let wrong = sha256(b"another").to_string();
    refused(&bob.release(&id, &["--preimage", &wrong]), "needless_preimage");
    refused(&alice.refund(&id), "hold_not_ended");

    // Carol gets nothing by it.
    let right = secret.to_string();
    let released = carol.release(&id, &["--preimage", &right]);
    assert_eq!(released.code, Some(0), "{}", released.stderr);
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((9_000, 0), (1_000, 0)));
    let release = released.json()["id"].as_str().unwrap().to_owned();
    let seen = cluster.expect(0, &["query", "transaction", &release]).json();
    assert_eq!(seen["paid"], serde_json::json!(["1000"]), "{seen}");
    refused(&bob.release(&id, &["--preimage", &right]), "unknown_hold");
    assert_eq!(alice.holds(), [] as [Value; 0]);
    cluster.common_tip();
}

/// The state lists holds by their owners: whom they are for found none of them without knowing who made them.
#[test]
fn a_beneficiary_finds_what_others_hold_for_it() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    let carol = Wallet::new(&cluster, "carol");
    cluster.pay(&alice.address, "100");
    cluster.pay(&carol.address, "100");
    let secret = sha256(b"a secret");
    let hash = sha256(&secret.0).to_string();
    let later = alice.hold(&bob, &from_now(900), &hash);
    let sooner = carol.hold(&bob, &from_now(600), &hash);
    let closed = alice.hold(&bob, &from_now(300), &hash);
    alice.hold(&carol, &from_now(600), &hash);
    assert_eq!(bob.refund(&closed).code, Some(0));

    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let query = ["query", "holds", &bob.address, "--beneficiary"];
    let listed = |more: &[&str]| {
        let ran = cluster.expect(0, &[&query[..], more].concat());
        let shown = ran.json();
        let holds = shown["holds"].as_array().unwrap().iter();
        let made: Vec<String> = holds
            .map(|hold| hold["transaction"].as_str().unwrap().to_owned())
            .collect();
        (made, shown, ran.stderr)
    };
    let both = [sooner, later];
    let (made, shown, said) = listed(&[]);
    assert_eq!(made, both, "{shown}");
    assert_eq!((&shown["complete"], &shown["open"]), (&true.into(), &Value::Null));
    assert!(said.contains("is the node's word"), "{said}");
    let proven = ["--genesis", genesis.as_str()];
    let (made, shown, said) = listed(&proven);
    assert_eq!(made, both, "{shown}");
    assert_eq!((&shown["complete"], &shown["open"]), (&true.into(), &2.into()));
    assert!(shown["proven"]["height"].as_u64() > Some(0), "{shown}");
    assert!(!said.contains("note:") && !said.contains("warning:"), "{said}");
    let text = cluster
        .expect(0, &[&query[..], &["--output", "text"]].concat())
        .stdout;
    assert!(
        text.contains("10.00 QRT") && text.contains(&carol.address),
        "{text}"
    );

    // A node that shows another history hides who made them, and not that they are there.
    let history = |address: &str| format!("/v1/accounts/{address}/transactions").into_bytes();
    let (asked, other) = (history(&bob.address), history(&cluster.key("nobody.key")));
    let hiding = between(
        &cluster,
        move |question| replace(question, &asked, &other),
        |_| {},
    );
    let (made, shown, said) = listed(&[&proven[..], &["--node", &hiding]].concat());
    assert_eq!(
        (made.len(), &shown["complete"], &shown["open"]),
        (0, &false.into(), &2.into())
    );
    assert!(
        said.contains("2 holds for the account are open, as is proven, and 0"),
        "{said}"
    );
}

#[test]
fn a_hold_is_released_in_parts_by_its_beneficiary_and_given_up_before_its_time() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    let carol = Wallet::new(&cluster, "carol");
    cluster.pay(&alice.address, "100");
    let secret = sha256(b"a secret");
    let id = alice.hold(&bob, &from_now(600), &sha256(&secret.0).to_string());
    let shown = secret.to_string();
    let part = |amount| ["--amount", amount, "--preimage", shown.as_str()];
    refused(&carol.release(&id, &part("4")), "beneficiary_not_party");
    refused(&bob.release(&id, &part("10.01")), "exceeds_hold");
    let released = bob.release(&id, &part("4"));
    assert_eq!(released.code, Some(0), "{}", released.stderr);
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((9_000, 600), (400, 0)));
    assert_eq!(alice.holds()[0]["amount"], "600");
    // Whom it is for may say that it wants no more of it.
    refused(&carol.refund(&id), "hold_not_ended");
    let given_up = bob.refund(&id);
    assert_eq!(given_up.code, Some(0), "{}", given_up.stderr);
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((9_600, 0), (400, 0)));
    cluster.common_tip();
}

#[test]
fn a_hold_is_refunded_after_its_time_by_anybody_and_not_released_then() {
    let cluster = Cluster::up();
    let (alice, bob) = (Wallet::new(&cluster, "alice"), Wallet::new(&cluster, "bob"));
    let carol = Wallet::new(&cluster, "carol");
    cluster.pay(&alice.address, "100");
    let secret = sha256(b"a secret");
    let id = alice.hold(&bob, &from_now(8), &sha256(&secret.0).to_string());
    refused(&carol.refund(&id), "hold_not_ended");
    let shown = secret.to_string();
    until("its time has come", PATIENCE, || {
        // The time of a block decides, and there is none without work.
        cluster.pay(&carol.address, "0.01");
        let holds = alice.holds();
        let tip = cluster.expect(0, &["query", "status"]).json();
        (tip["timestamp"].as_str() >= holds[0]["until"].as_str()).then_some(())
    });
    let late = bob.release(&id, &["--preimage", &shown]);
    refused(&late, "hold_ended");
    let refunded = carol.refund(&id);
    assert_eq!(refunded.code, Some(0), "{}", refunded.stderr);
    assert_eq!((alice.has("QRT"), bob.has("QRT")), ((10_000, 0), (0, 0)));
    refused(&carol.refund(&id), "unknown_hold");
    assert_eq!(alice.holds(), [] as [Value; 0]);
    cluster.common_tip();
}
