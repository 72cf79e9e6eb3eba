//! Bulk payments: no row is paid twice, whatever happens in between.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::time::Duration;

use crate::proxy::liar;
use crate::wait::until;
use crate::{Cluster, journal};

const ROWS: usize = 1_234;

/// A file that pays the first account 0.01, 0.02, … and the second twice as much; gives both addresses.
fn payments(cluster: &Cluster, rows: usize) -> (String, String) {
    let (one, two) = (cluster.key("one.key"), cluster.key("two.key"));
    let mut text = "bank,to,amount,asset,memo\n".to_owned();
    for row in 1..=rows {
        let (cents, double) = (row % 100, 2 * (row % 100));
        if cents > 0 {
            text.push_str(&format!("X,{one},.{cents:02},QRT,row {row}\n"));
            text.push_str(&format!("Y,{two},{}.{:02},QRT,\n", double / 100, double % 100));
        }
    }
    fs::write(cluster.folder().join("p.csv"), text).unwrap();
    (one, two)
}

/// What the first account of [`payments`] is due, in cents.
fn due(rows: usize) -> u128 {
    (1..=rows).map(|row| (row % 100) as u128).sum()
}

#[track_caller]
fn assert_paid(cluster: &Cluster, (one, two): &(String, String), times: u128) {
    cluster.common_tip();
    for number in 1..=4 {
        assert_eq!(cluster.balance(number, one), due(ROWS) * times);
        assert_eq!(cluster.balance(number, two), 2 * due(ROWS) * times);
    }
}

fn results(cluster: &Cluster) -> Vec<Vec<String>> {
    let text = fs::read_to_string(cluster.folder().join("p.csv.result.csv")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_same_file_never_pays_twice_with_or_without_its_journal() {
    let cluster = Cluster::up();
    let accounts = payments(&cluster, ROWS);
    let first = cluster.expect(0, &["wallet", "pay", "p.csv"]).json();
    assert_eq!(first["committed"], first["rows"]);
    assert_eq!(first["already_paid"], 0);
    assert_paid(&cluster, &accounts, 1);
    let before = results(&cluster);
    assert!(
        before
            .iter()
            .all(|row| row[1] == "committed" && row[2].len() == 64)
    );

    let kept = cluster.expect(0, &["wallet", "pay", "p.csv"]).json();
    assert_eq!(
        (&kept["already_paid"], &kept["transactions"]),
        (&first["rows"], &0.into())
    );
    journal::lose(&cluster, "p.csv");
    fs::remove_file(cluster.folder().join("p.csv.result.csv")).unwrap();
    let lost = cluster.expect(0, &["wallet", "pay", "p.csv"]).json();
    assert_eq!(
        (&lost["already_paid"], &lost["transactions"]),
        (&first["rows"], &0.into())
    );
    assert_eq!(results(&cluster), before);
    assert_paid(&cluster, &accounts, 1);

    cluster.expect(0, &["wallet", "pay", "p.csv", "--again", "once more"]);
    assert_paid(&cluster, &accounts, 2);
    cluster.expect(0, &["wallet", "pay", "p.csv", "--again", "once more"]);
    journal::lose(&cluster, "p.csv");
    cluster.expect(0, &["wallet", "pay", "p.csv", "--again", "once more"]);
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    assert_paid(&cluster, &accounts, 2);
}

/// Pays while there is no quorum, so that what is sent stays undecided; ends the wallet in the middle.
fn interrupted(cluster: &Cluster) -> (String, String) {
    let accounts = payments(cluster, ROWS);
    cluster.expect(0, &["localnet", "kill", "validator-3", "validator-4"]);
    let mut wallet = cluster.command(&["wallet", "pay", "p.csv"]).spawn().unwrap();
    let journal = journal::path(cluster, "p.csv");
    until("eight transactions are signed", Duration::from_secs(20), || {
        (journal::signed(&journal).len() >= 8).then_some(())
    });
    until("some of them are with a node", Duration::from_secs(20), || {
        let status = cluster.expect(0, &["query", "status"]).json();
        (status["pending_transactions"].as_u64().unwrap() > 0).then_some(())
    });
    wallet.kill().unwrap();
    assert_eq!(wallet.wait().unwrap().signal(), Some(9));
    accounts
}

#[test]
fn a_killed_wallet_goes_on_from_its_journal() {
    let cluster = Cluster::up();
    let accounts = interrupted(&cluster);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    assert_paid(&cluster, &accounts, 1);
}

#[test]
fn a_wallet_that_lost_its_journal_while_payments_were_under_way_pays_once() {
    let cluster = Cluster::up();
    let accounts = interrupted(&cluster);
    let journal = journal::path(&cluster, "p.csv");
    journal::lose(&cluster, "p.csv");
    // Still without a quorum, so the history shows nothing; and through a validator that the first wallet
    // did not use.
    let mut wallet = cluster
        .command(&["wallet", "pay", "p.csv", "--node", &cluster.api(2)])
        .spawn()
        .unwrap();
    until(
        "the second wallet has signed too",
        Duration::from_secs(20),
        || (journal::signed(&journal).len() >= 8).then_some(()),
    );
    cluster.expect(0, &["localnet", "up", "--detach"]);
    let code = until("the second wallet is done", Duration::from_secs(60), || {
        wallet.try_wait().unwrap()
    });
    assert_eq!(code.code(), Some(0));
    assert_paid(&cluster, &accounts, 1);
}

#[test]
fn a_refused_row_does_not_keep_the_others_from_being_paid_and_is_tried_again() {
    let cluster = Cluster::up();
    let payer = cluster.key("payer.key");
    let bob = cluster.key("bob.key");
    cluster.pay(&payer, "10");
    let text = format!("to,amount,asset\n{bob},1,QRT\n{bob},50,QRT\n{bob},2,QRT\n");
    fs::write(cluster.folder().join("p.csv"), text).unwrap();
    let pay = ["wallet", "pay", "p.csv", "--key", "payer.key"];
    let refused = cluster.expect(4, &pay);
    assert!(
        refused
            .stderr
            .contains("line 3 was refused: insufficient_balance"),
        "{}",
        refused.stderr
    );
    // Three rows at once, each alone, and the payment to itself that says so: it is counted apart.
    let result = refused.json();
    assert_eq!(
        (&result["rows"], &result["transactions"], &result["notes"]),
        (&3.into(), &4.into(), &1.into()),
        "{result}"
    );
    let statuses: Vec<String> = results(&cluster).into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(statuses, ["committed", "refused", "committed"]);
    assert_eq!(cluster.balance(1, &bob), 300);
    assert_noted_before_rows(&cluster, &payer);

    // Without the journal: what was paid row by row is found as such.
    journal::lose(&cluster, "p.csv");
    cluster.expect(4, &pay);
    assert_eq!(cluster.balance(1, &bob), 300);
    cluster.pay(&payer, "100");
    cluster.expect(0, &pay);
    assert_eq!(cluster.balance(1, &bob), 5300);
    cluster.expect(0, &pay);
    assert_eq!(cluster.balance(1, &bob), 5300);
}

/// Of two rows the payer can pay one. What is left is paid once it can be, or once it was mended in a file of its own.
#[test]
fn beside_a_row_that_cannot_be_paid_the_other_one_is_and_only_what_is_missing_later() {
    let cluster = Cluster::up();
    let payer = cluster.key("payer.key");
    let (bob, carol) = (cluster.key("bob.key"), cluster.key("carol.key"));
    cluster.pay(&payer, "10");
    let write = |file: &str, rows: &[(&str, &str)]| {
        let rows = rows.iter().map(|(to, amount)| format!("{to},{amount},QRT\n"));
        let text = format!("to,amount,asset\n{}", rows.collect::<String>());
        fs::write(cluster.folder().join(file), text).unwrap();
    };
    let pay = |code: i32, file: &str| {
        let ran = cluster.expect(code, &["wallet", "pay", file, "--key", "payer.key"]);
        (ran.json(), ran.stderr)
    };
    write("p.csv", &[(&bob, "50"), (&carol, "2")]);
    let (summary, said) = pay(4, "p.csv");
    assert!(
        said.contains("line 2 was refused: insufficient_balance"),
        "{said}"
    );
    let counts = |summary: &serde_json::Value| {
        [
            "rows",
            "committed",
            "already_paid",
            "refused",
            "unknown",
            "not_sent",
        ]
        .map(|name| summary[name].as_u64().unwrap())
    };
    assert_eq!(counts(&summary), [2, 1, 0, 1, 0, 0], "{summary}");
    let shown = results(&cluster);
    let (refused, paid) = (&shown[0], &shown[1]);
    // What was refused is in no block.
    assert_eq!(
        (refused[1].as_str(), refused[5].as_str()),
        ("refused", "insufficient_balance")
    );
    assert!(refused[3].is_empty() && refused[4].is_empty(), "{refused:?}");
    assert_eq!(
        (paid[1].as_str(), paid[2].len(), paid[5].as_str()),
        ("committed", 64, "")
    );
    assert_eq!((cluster.balance(1, &bob), cluster.balance(1, &carol)), (0, 200));

    // The same file again, as things are, and once the payer has enough.
    let (summary, _) = pay(4, "p.csv");
    assert_eq!(counts(&summary), [2, 1, 1, 1, 0, 0], "{summary}");
    cluster.pay(&payer, "100");
    let (summary, _) = pay(0, "p.csv");
    assert_eq!(counts(&summary), [2, 2, 1, 0, 0, 0], "{summary}");
    assert_eq!(
        (cluster.balance(1, &bob), cluster.balance(1, &carol)),
        (5_000, 200)
    );

    // Rows that were changed are another payment: it is said what is to be done with what is left.
    write("q.csv", &[(&bob, "500"), (&carol, "3")]);
    pay(4, "q.csv");
    write("q.csv", &[(&bob, "5"), (&carol, "3")]);
    let changed = cluster.expect(2, &["wallet", "pay", "q.csv", "--key", "payer.key"]);
    assert!(
        changed.stderr.contains("says which rows are paid"),
        "{}",
        changed.stderr
    );
    write("rest.csv", &[(&bob, "5")]);
    let (summary, _) = pay(0, "rest.csv");
    assert_eq!(counts(&summary), [1, 1, 0, 0, 0, 0], "{summary}");
    assert_eq!(
        (cluster.balance(1, &bob), cluster.balance(1, &carol)),
        (5_500, 500)
    );
}

/// That rows are paid one by one stands on the ledger, as a payment to oneself, before the first of them:
/// a wallet without a journal would otherwise pack rows again that are under way alone.
#[track_caller]
fn assert_noted_before_rows(cluster: &Cluster, payer: &str) {
    let history = cluster.expect(0, &["wallet", "history", payer]).json();
    let mut sent: Vec<&serde_json::Value> = history["transactions"].as_array().unwrap().iter().collect();
    sent.retain(|transaction| transaction["sender"] == payer);
    sent.reverse();
    let to: Vec<&str> = sent
        .iter()
        .map(|transaction| transaction["operations"][0]["to"].as_str().unwrap())
        .collect();
    assert_eq!(to.len(), 3);
    assert_eq!(to[0], payer);
    assert!(to[1..].iter().all(|to| *to != payer));
}

/// Two machines have the same file: one began to pay it, and the other paid it. What the first has in its journal
/// says nothing about that.
#[test]
fn a_journal_that_knows_nothing_of_another_machines_payment_pays_nothing_again() {
    let cluster = Cluster::up();
    let one = cluster.key("one.key");
    let text = format!("to,amount,asset\n{one},1,QRT\n{one},2,QRT\n");
    fs::write(cluster.folder().join("p.csv"), text).unwrap();
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    journal::forget_signed(&cluster, "p.csv");
    let again = cluster.expect(0, &["wallet", "pay", "p.csv"]).json();
    assert_eq!(
        (&again["already_paid"], &again["transactions"]),
        (&2.into(), &0.into()),
        "{again}"
    );
    assert_eq!(cluster.balance(1, &one), 300);
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// A wallet that slept while its payment expired and another machine paid the file looks before it signs anew.
#[test]
fn what_another_machine_paid_meanwhile_is_not_signed_anew() {
    let cluster = Cluster::up();
    let one = cluster.key("one.key");
    let text = format!("to,amount,asset\n{one},1,QRT\n");
    for file in ["p.csv", "copy.csv"] {
        fs::write(cluster.folder().join(file), &text).unwrap();
    }
    // By this node's word expiries lie two seconds apart: that of the first wallet has passed by the clocks when it
    // signs, and no block will execute what it signed.
    let lying = liar(
        &cluster,
        b"\"max_expiry_lead_ms\":86400000",
        b"\"max_expiry_lead_ms\":2000    ",
    );
    std::thread::sleep(Duration::from_secs(3));
    cluster.expect(0, &["localnet", "kill", "validator-3", "validator-4"]);
    let mut wallet = cluster
        .command(&["wallet", "pay", "p.csv", "--node", &lying])
        .spawn()
        .unwrap();
    let journal = journal::path(&cluster, "p.csv");
    until("the payment is signed", Duration::from_secs(20), || {
        (!journal::signed(&journal).is_empty()).then_some(())
    });
    signal(&wallet, "-STOP");
    cluster.expect(0, &["localnet", "up", "--detach"]);
    let paid = cluster.expect(0, &["wallet", "pay", "copy.csv", "--node", &cluster.api(2)]);
    assert_eq!(paid.json()["already_paid"], 0, "{}", paid.stdout);
    signal(&wallet, "-CONT");
    let code = until("the first wallet is done", Duration::from_secs(60), || {
        wallet.try_wait().unwrap()
    });
    assert_eq!(code.code(), Some(0));
    cluster.common_tip();
    assert_eq!(cluster.balance(1, &one), 100);
}

#[test]
fn an_unknown_asset_in_a_file_sends_nothing() {
    let cluster = Cluster::up();
    let bob = cluster.key("bob.key");
    let text = format!("to,amount,asset\n{bob},1,QRT\n{bob},1,NOPE\n{bob},1.001,QRT\n");
    fs::write(cluster.folder().join("p.csv"), text).unwrap();
    let refused = cluster.expect(2, &["wallet", "pay", "p.csv"]);
    assert!(
        refused.stderr.contains("line 3:") && refused.stderr.contains("line 4:"),
        "{}",
        refused.stderr
    );
    assert_eq!(cluster.tip(1).unwrap().height, 0);
}
