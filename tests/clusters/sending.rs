//! What is on its way is known by its id before it leaves, so whoever does not see how it ends can find out.

use std::fs;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::Cluster;
use crate::cluster::Ran;
use crate::proxy::{liar, misdirecting, watching};
use crate::wait::until;

/// How long a command may take to say something, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The id that a command has said before it sent, and with it how to learn how it ended; none before that.
fn said(stderr: &str) -> Option<String> {
    let (_, after) = stderr.split_once("sending ")?;
    let (id, rest) = after.split_once('\n')?;
    let (expiry, named) = rest.split_once('\n')?.0.split_once("quorate wallet wait ")?;
    assert!(expiry.starts_with("  it expires at 20"), "{stderr}");
    assert!(
        named.starts_with(&format!("{id} --account qr1")) && named.contains(" --expires 20"),
        "{stderr}"
    );
    Some(id.to_owned())
}

#[track_caller]
fn said_by(ran: &Ran) -> String {
    said(&ran.stderr).unwrap_or_else(|| panic!("no id is said: {}", ran.stderr))
}

#[test]
fn an_id_is_said_before_anything_is_sent() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let file = cluster.folder().join("said");
    let (tell, told) = mpsc::channel();
    let node = {
        let file = file.clone();
        watching(&cluster, move |question| {
            if question.starts_with(b"POST ") {
                tell.send(fs::read_to_string(&file).unwrap()).unwrap();
            }
        })
    };
    let transfer = [
        "wallet", "transfer", "--to", &alice, "--amount", "1", "--asset", "QRT", "--node", &node,
    ];
    let output = cluster
        .command(&transfer)
        .stderr(fs::File::create(&file).unwrap())
        .output()
        .unwrap();
    let paid = Ran::of(output);
    assert_eq!(paid.code, Some(0), "{}", paid.stdout);
    let before = told.recv_timeout(PATIENCE).unwrap();
    // Standard output is one document all the same.
    assert_eq!(said(&before).unwrap(), paid.json()["id"], "{before}");
}

#[test]
fn every_command_that_sends_says_what() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    fs::write(cluster.folder().join("contract.txt"), "so be it").unwrap();
    let sent = |arguments: &[&str]| {
        let ran = cluster.expect(0, arguments);
        let id = said_by(&ran);
        assert_eq!(ran.json()["id"], id.as_str(), "{arguments:?}");
        id
    };
    let paid = [
        "wallet",
        "transfer",
        "--to",
        &alice,
        "--amount",
        "100",
        "--asset",
        "QRT",
        "--memo",
        "for Alice",
    ];
    let paid = sent(&paid);
    sent(&["wallet", "erase", &paid, "--memo", "--yes"]);
    sent(&["wallet", "notarize", "contract.txt"]);
    sent(&["wallet", "asset", "create", "GOLD", "--decimals", "3"]);
    sent(&["wallet", "asset", "mint", "GOLD", "--amount", "5"]);
    sent(&["wallet", "asset", "burn", "GOLD", "--amount", "1"]);
    let hold = [
        "wallet", "hold", "--to", &alice, "--amount", "1", "--asset", "QRT", "--lasts", "3600",
    ];
    let (released, refunded) = (sent(&hold), sent(&hold));
    // Without a condition the owner releases, and before its time the beneficiary refunds.
    sent(&["wallet", "release", &released]);
    sent(&["wallet", "refund", &refunded, "--key", "alice.key"]);
    let transfer = format!("{alice}:7.25:QRT");
    let build = ["wallet", "build", "--account", &alice, "--transfer", &transfer];
    cluster.expect(0, &[&build[..], &["--out", "t.qtx"]].concat());
    cluster.expect(0, &["wallet", "sign", "t.qtx", "--key", "alice.key"]);
    sent(&["wallet", "submit", "t.qtx"]);
    let key = cluster.expect(0, &["keys", "show", "alice.key"]).json();
    let signer = format!("{}=1", key["public_key"].as_str().unwrap());
    let set = [
        "wallet",
        "signers",
        "set",
        "--key",
        "alice.key",
        "--threshold",
        "1",
    ];
    sent(&[&set[..], &["--signer", &signer]].concat());
}

#[test]
fn what_an_interrupted_transfer_has_sent_is_found_by_what_it_said() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.expect(0, &["localnet", "kill", "validator-3", "validator-4"]);
    let file = cluster.folder().join("said");
    let transfer = [
        "wallet",
        "transfer",
        "--to",
        &alice,
        "--amount",
        "5",
        "--asset",
        "QRT",
        "--expires-in",
        "600",
        "--timeout",
        "600",
    ];
    let mut sending = cluster
        .command(&transfer)
        .stderr(fs::File::create(&file).unwrap())
        .spawn()
        .unwrap();
    let id = until("it is said what is sent", PATIENCE, || {
        said(&fs::read_to_string(&file).unwrap())
    });
    until("a node has it", PATIENCE, || {
        let known = cluster.run(&["query", "transaction", &id]);
        (known.code == Some(0)).then_some(())
    });
    let interrupted = Command::new("kill")
        .args(["-INT", &sending.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let ended = until("it has ended", PATIENCE, || sending.try_wait().unwrap());
    assert_eq!(ended.code(), Some(130));
    let waited = cluster.expect(5, &["wallet", "wait", &id, "--timeout", "1"]);
    let hint = format!("hint: quorate wallet wait {id}");
    assert!(waited.stderr.contains(&hint), "{}", waited.stderr);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    let found = cluster.expect(0, &["wallet", "wait", &id]).json();
    assert_eq!(found["status"], "committed", "{found}");
    assert_eq!(cluster.balance(1, &alice), 500);
}

/// The node has what was sent, whatever becomes of its answer.
#[test]
fn an_answer_that_cannot_be_read_leaves_the_outcome_unknown_and_says_how_to_learn_it() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let lying = liar(&cluster, b"\"status\":\"committed\"", b"\"status\":\"commended\"");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = ["--genesis", genesis.to_str().unwrap()];
    for (more, balance) in [(&[][..], 100), (&genesis[..], 200)] {
        let unread = cluster.transfer(&alice, "1", &[&["--node", &lying][..], more].concat());
        assert_eq!(unread.code, Some(5), "{}", unread.stderr);
        let id = said_by(&unread);
        let (_, error) = unread.stderr.split_once("error: ").unwrap();
        assert!(error.contains(&format!("quorate wallet wait {id}")), "{error}");
        cluster.expect(0, &["wallet", "wait", &id]);
        assert_eq!(cluster.balance(1, &alice), balance);
    }
}

/// The same of the payments of a file, which name no id: the same command goes on with them.
#[test]
fn an_answer_that_says_nothing_of_payments_leaves_them_unknown_and_they_are_paid_once() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let unreadable = liar(&cluster, b"\"status\":\"committed\"", b"\"status\":\"commended\"");
    let not_found = misdirecting(&cluster, b"POST /v1/transactions", b"POST /v1/transactiens");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = ["--genesis", genesis.to_str().unwrap()];
    let mut paid = 0;
    for (file, node, more) in [
        ("unreadable.csv", &unreadable, &[][..]),
        ("unreadable-proven.csv", &unreadable, &genesis[..]),
        ("not-found.csv", &not_found, &[][..]),
    ] {
        fs::write(
            cluster.folder().join(file),
            format!("to,amount,asset\n{alice},1,QRT\n"),
        )
        .unwrap();
        let pay = [&["wallet", "pay", file, "--again", file][..], more].concat();
        let open = cluster.expect(5, &[&pay[..], &["--node", node]].concat());
        let (_, error) = open.stderr.split_once("error: ").unwrap();
        assert!(error.contains("run the same command again"), "{error}");
        assert_eq!(open.json()["unknown"], 1, "{}", open.stdout);
        cluster.expect(0, &pay);
        paid += 100;
        assert_eq!(cluster.balance(1, &alice), paid);
    }
}

/// Whoever knows that it never will be executed may pay again, and nobody else.
#[test]
fn it_is_proven_that_what_has_expired_never_will_be_executed() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let treasury = cluster.expect(0, &["wallet", "address"]).json();
    let treasury = treasury["address"].as_str().unwrap();
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = ["--genesis", genesis.to_str().unwrap(), "--timeout", "1"];
    let transfer = format!("{alice}:1:QRT");
    let build = ["wallet", "build", "--account", treasury, "--transfer", &transfer];
    let built = cluster.expect(
        0,
        &[&build[..], &["--expires-in", "8", "--out", "t.qtx"]].concat(),
    );
    let built = built.json();
    let (id, expires) = (
        built["id"].as_str().unwrap(),
        built["expires_at"].as_str().unwrap(),
    );
    let paid = cluster.transfer(&alice, "1", &["--expires-in", "8"]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    let (_, named) = paid.stderr.split_once("quorate wallet wait ").unwrap();
    let named: Vec<&str> = named.lines().next().unwrap().split(' ').collect();

    let by_id = [&["wallet", "wait", id][..], &genesis].concat();
    let with_expiry = [&by_id[..], &["--account", treasury, "--expires", expires]].concat();
    let open = cluster.expect(5, &by_id);
    assert!(open.stderr.contains("by its id alone"), "{}", open.stderr);
    assert!(
        open.stderr.contains("--account ADDRESS --expires TIME"),
        "{}",
        open.stderr
    );
    cluster.expect(5, &with_expiry);
    thread::sleep(Duration::from_secs(9));
    // Certified time is past it with this block.
    cluster.pay(&alice, "1");
    let dead = cluster.expect(4, &with_expiry);
    assert!(
        dead.stderr
            .contains("was not executed and has expired, as is proven"),
        "{}",
        dead.stderr
    );
    cluster.expect(5, &by_id);

    // Of what was executed no node can have it proven, with the command that was named when it was sent.
    let told = liar(&cluster, b"\"status\":\"committed\"", b"\"status\":\"expired\"  ");
    let wait = [&["wallet", "wait"][..], &named, &genesis].concat();
    cluster.expect(5, &[&wait[..], &["--node", &told]].concat());
    cluster.expect(0, &wait);
}
