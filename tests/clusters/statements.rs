//! Statements of thirteen banks that pay each other while validators fail: each says what the list of orders says, by
//! both verifiers, and none is accepted any more once something in it was changed.
//!
//! One network does for all of it, as its history takes the longest to make. `QUORATE_ORDERS` names a file of real orders
//! to take instead of the list by rule (`statements/orders.rs`); then it takes longer.

mod forms;
mod orders;
mod proven;
mod tampering;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use quorate_client::text::parse_rfc3339;
use quorate_ledger::Timestamp;
use serde_json::Value;

use crate::Cluster;
use crate::cluster::{PATIENCE, Ran};
use crate::programs::python;
use crate::rejoin::{in_epoch, rejoin};
use crate::wait::until;
use orders::{BANKS, Orders, ROUNDS, text_of};

/// The asset of all payments.
const ASSET: &str = "QRT";

/// The third that statements are about: what is before it is in their opening balances, and what is behind it in none of
/// them.
const MIDDLE: usize = 1;

/// Seconds that one command may take.
const SECONDS: &str = "60";

/// The banks, and the network on which they pay.
struct Banks {
    cluster: Cluster,
    orders: Orders,
    /// Their accounts' addresses.
    addresses: Vec<String>,
}

/// A statement's proof.
struct Statement {
    bank: usize,
    file: PathBuf,
}

#[test]
fn statements_of_thirteen_banks_say_what_their_orders_say_and_nothing_else_is_accepted() {
    let banks = Banks::up();
    let range = banks.pay_all();
    banks.assert_balances();
    let statements: Vec<Statement> = (0..BANKS).map(|bank| banks.prove(bank, &range)).collect();
    banks.assert_proven(&statements, &range);
    // The first bank's begins and ends at waypoints, the second's begins with its history.
    tampering::assert_refused(&banks, &statements[0], &statements[1]);
    tampering::assert_refused(&banks, &statements[1], &statements[0]);
    forms::assert_checked(&banks, 2, &range);
}

impl Banks {
    /// A network on which every bank has what it needs to pay its orders.
    #[track_caller]
    fn up() -> Self {
        let (cluster, orders) = (Cluster::up(), Orders::given());
        let names = orders.names.iter();
        let addresses: Vec<String> = names.map(|name| cluster.key(&key_file(name))).collect();
        let banks = Self {
            cluster,
            orders,
            addresses,
        };
        let rows = (0..BANKS).map(|bank| banks.row(bank, banks.orders.funding(bank), "funding"));
        banks.write("funding.csv", rows);
        let paying = banks.start(&["wallet", "pay", "funding.csv"]);
        banks.assert_paid(paying, BANKS);
        // Every node lets its banks pay from now on.
        banks.cluster.common_tip();
        banks
    }

    /// Pays all orders in three parts, and breaks something behind each. Gives the time in which the middle one is.
    #[track_caller]
    fn pay_all(&self) -> Range<Timestamp> {
        self.pay_third(0);
        let from = self.next_time();
        self.replace_the_primary();
        self.pay_third(MIDDLE);
        let to = self.next_time();
        self.lose_a_journal();
        self.pay_third(2);
        self.stop_and_start();
        from..to
    }

    /// Every bank pays its orders of a third, all of them at once, from one file after the other.
    #[track_caller]
    fn pay_third(&self, third: usize) {
        for round in 0..ROUNDS {
            let mut paying: Vec<(Child, usize)> = Vec::new();
            for bank in 0..BANKS {
                let orders = self.orders.to_pay(third, round, bank);
                if orders.is_empty() {
                    continue;
                }
                let name = &self.orders.names[bank];
                let file = format!("{name}-{third}-{round}.csv");
                let rows = orders
                    .iter()
                    .map(|order| self.row(order.payee, order.units, &order.memo));
                self.write(&file, rows);
                let (key, node) = (key_file(name), self.node_of(bank));
                let pay = ["wallet", "pay", &file, "--key", &key, "--node", &node];
                paying.push((self.start(&pay), orders.len()));
            }
            for (child, rows) in paying {
                self.assert_paid(child, rows);
            }
        }
    }

    /// A row of a payment file.
    fn row(&self, payee: usize, units: u128, memo: &str) -> String {
        format!("{},{},{ASSET},{memo}\n", self.addresses[payee], text_of(units))
    }

    fn write(&self, file: &str, rows: impl Iterator<Item = String>) {
        let text = format!("to,amount,asset,memo\n{}", rows.collect::<String>());
        std::fs::write(self.cluster.folder().join(file), text).unwrap();
    }

    #[track_caller]
    fn assert_paid(&self, paying: Child, rows: usize) {
        let ran = Ran::of(paying.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
        let paid = ran.json();
        assert_eq!(
            (&paid["committed"], &paid["refused"]),
            (&rows.into(), &0.into()),
            "{paid}"
        );
    }

    /// The first millisecond behind the last block, which all validators have.
    #[track_caller]
    fn next_time(&self) -> Timestamp {
        self.cluster.common_tip();
        let status = self.status(1).expect("it answered just now");
        let time = status["timestamp"].as_str().and_then(parse_rfc3339);
        Timestamp(time.expect("a block's time").0 + 1)
    }

    fn status(&self, number: u16) -> Option<Value> {
        let node = self.cluster.api(number);
        let ran = self.cluster.run(&["query", "status", "--node", &node]);
        (ran.code == Some(0)).then(|| ran.json())
    }

    /// Kills who leads, waits until another does, and starts it again.
    #[track_caller]
    fn replace_the_primary(&self) {
        let primary = until("somebody leads", PATIENCE, || {
            Some(self.status(1)?["primary"].as_str()?.to_owned())
        });
        let number: u16 = primary.trim_start_matches("validator-").parse().unwrap();
        let other = number % 4 + 1;
        let view = || self.status(other)?["view"].as_u64();
        let before = view().expect("it runs");
        let bystander = self.cluster.key("bystander.key");
        self.cluster.expect(0, &["localnet", "kill", &primary]);
        // Work makes the others replace it.
        let node = self.cluster.api(other);
        let paid = self
            .cluster
            .transfer(&bystander, "1", &["--node", &node, "--timeout", SECONDS]);
        assert_eq!(paid.code, Some(0), "{}", paid.stderr);
        until("another one leads", PATIENCE, || {
            let status = self.status(other)?;
            (view()? > before && status["primary"].as_str()? != primary).then_some(())
        });
        self.cluster.expect(0, &["localnet", "restart", &primary]);
        self.cluster.common_tip();
    }

    /// Takes a validator's journal away, and lets it rejoin: a new epoch begins.
    #[track_caller]
    fn lose_a_journal(&self) {
        let home = self.cluster.lose_journal("validator-4");
        let rejoined = rejoin(&self.cluster, &home, 4);
        assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
        in_epoch(&self.cluster, 1, &[1, 2, 3, 4]);
    }

    #[track_caller]
    fn stop_and_start(&self) {
        let before = self.cluster.common_tip();
        self.cluster.expect(0, &["localnet", "down"]);
        self.cluster.expect(0, &["localnet", "up", "--detach"]);
        assert_eq!(self.cluster.common_tip(), before);
    }

    /// In the end every bank has what it was given and paid, less what it paid.
    #[track_caller]
    fn assert_balances(&self) {
        for (bank, address) in self.addresses.iter().enumerate() {
            let number = u16::try_from(bank % 4 + 1).unwrap();
            let balance = self.cluster.balance(number, address);
            assert_eq!(balance, self.orders.balance(bank, orders::THIRDS));
        }
    }

    /// A bank's statement over a time, as its node proves it.
    #[track_caller]
    fn prove(&self, bank: usize, range: &Range<Timestamp>) -> Statement {
        let file = self.path(&format!("{}.proof", self.orders.names[bank]));
        let (from, to) = (range.start.to_string(), range.end.to_string());
        let (genesis, node, out) = (self.genesis(), self.node_of(bank), text_of_path(&file));
        let statement = [
            "audit",
            "statement",
            &self.addresses[bank],
            "--from",
            &from,
            "--to",
            &to,
        ];
        let how = ["--node", &node, "--genesis", &genesis, "--out", &out];
        let written = self.expect(0, &[&statement[..], &how].concat()).json();
        assert_eq!(written["verified"], true, "{written}");
        Statement { bank, file }
    }

    /// What both verifiers find in all statements is what the orders say.
    #[track_caller]
    fn assert_proven(&self, statements: &[Statement], range: &Range<Timestamp>) {
        let files = statements.iter().map(|statement| statement.file.as_path());
        let files: Vec<&Path> = files.collect();
        let second = self.second_verifier(0, &files);
        for statement in statements {
            let answer = self.verify(0, &statement.file);
            assert_eq!(answer["result"], "good", "{answer}");
            // What is behind it are the committees.
            let verdict = &answer["verdicts"][0];
            assert_eq!(verdict["kind"], "statement", "{verdict}");
            assert_eq!(verdict["verdict"], "proven", "{verdict}");
            // Under the head of an epoch that is not genesis's.
            assert_eq!(verdict["head"]["epoch"], 1, "{verdict}");
            proven::assert_is_of_orders(self, statement.bank, range, &verdict["facts"]);
            let other = answer_on(&second, &statement.file, "kind", "statement");
            for part in ["verdict", "about", "head", "facts"] {
                assert_eq!(verdict[part], other[part], "{part}");
            }
        }
    }

    /// What `quorate audit verify` finds of one file.
    #[track_caller]
    fn verify(&self, code: i32, file: &Path) -> Value {
        let (file, genesis) = (text_of_path(file), self.genesis());
        let found = self.expect(code, &["audit", "verify", &file, "--genesis", &genesis]);
        let found = found.json();
        let files = found["files"].as_array().unwrap();
        assert_eq!(files.len(), 1, "{found}");
        assert_eq!(files[0]["file"], file, "{found}");
        files[0].clone()
    }

    /// What the verifier in Python says of some files, which shares no code with Quorate.
    #[track_caller]
    fn second_verifier(&self, code: i32, files: &[&Path]) -> Value {
        let mut verifier = self.python();
        verifier.args(["-m", "quorate_verifier", "--output", "json", "--genesis"]);
        let ran = Ran::of(verifier.arg(self.genesis()).args(files).output().unwrap());
        assert_eq!(ran.code, Some(code), "{}\n{}", ran.stdout, ran.stderr);
        ran.json()
    }

    /// Python among the second verifier's files.
    fn python(&self) -> Command {
        let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier");
        let mut command = Command::new("timeout");
        command
            .arg(SECONDS)
            .arg(python())
            .current_dir(self.cluster.folder())
            .env("PYTHONPATH", verifier)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Runs a command to its end, and expects this exit code.
    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = Ran::of(self.start(arguments).wait_with_output().unwrap());
        let (stdout, stderr) = (&ran.stdout, &ran.stderr);
        assert_eq!(ran.code, Some(code), "{arguments:?}\n{stdout}\n{stderr}");
        ran
    }

    /// Starts a command, which is ended if it takes too long.
    fn start(&self, arguments: &[&str]) -> Child {
        let command = self.cluster.command(arguments);
        let mut bounded = Command::new("timeout");
        bounded
            .arg(SECONDS)
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(self.cluster.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => bounded.env(name, value),
                None => bounded.env_remove(name),
            };
        }
        bounded.spawn().unwrap()
    }

    /// Banks use all nodes in turn.
    fn node_of(&self, bank: usize) -> String {
        self.cluster.api(u16::try_from(bank % 4 + 1).unwrap())
    }

    fn genesis(&self) -> String {
        text_of_path(&self.cluster.dir().join("genesis.toml"))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.cluster.folder().join(file)
    }
}

fn key_file(name: &str) -> String {
    format!("{name}.key")
}

fn text_of_path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The answer of the verifier in Python about a file in which a field has this value; there is one for each proof.
#[track_caller]
fn answer_on<'a>(document: &'a Value, file: &Path, field: &str, value: &str) -> &'a Value {
    let file = text_of_path(file);
    let mut answers = document["proofs"].as_array().unwrap().iter();
    answers
        .find(|answer| answer["file"] == file && answer[field] == value)
        .unwrap_or_else(|| panic!("no answer about {file} with {field} {value}: {document}"))
}
