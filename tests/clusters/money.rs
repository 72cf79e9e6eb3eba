//! What is signed is what the payer meant, whatever a file or a node says.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_client::text::rfc3339_of;
use quorate_ledger::Timestamp;

use crate::proxy::{liar, lying};
use crate::{Cluster, journal};

/// Writes `value` and spaces in the place of what stands behind a key in JSON, if that is as long.
fn overwrite(bytes: &mut [u8], key: &str, value: &str) {
    for start in key.len()..bytes.len() {
        if !bytes[..start].ends_with(key.as_bytes()) {
            continue;
        }
        let end = bytes[start..].iter().position(|byte| matches!(byte, b',' | b'}'));
        let length = end.unwrap_or(0);
        if value.len() <= length {
            let (said, rest) = bytes[start..start + length].split_at_mut(value.len());
            said.copy_from_slice(value.as_bytes());
            rest.fill(b' ');
        }
    }
}

#[test]
fn with_the_genesis_document_a_node_cannot_move_the_point() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let lying = liar(&cluster, b"\"decimals\":2", b"\"decimals\":6");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let transfer = [
        "wallet", "transfer", "--to", &alice, "--amount", "1.00", "--asset", "QRT",
    ];
    let told = [&transfer[..], &["--node", &lying]].concat();
    // Without it the node's own counts, whose hash is in what is signed.
    let own = cluster.expect(0, &told);
    assert!(own.stderr.contains("100 in smallest units"), "{}", own.stderr);
    assert!(!own.stderr.contains("by the word of"), "{}", own.stderr);
    assert_eq!(cluster.balance(1, &alice), 100);

    let checked = [&told[..], &["--genesis", genesis]].concat();
    cluster.expect(0, &checked);
    assert_eq!(cluster.balance(1, &alice), 200);
    let given = [&told[..], &["--asset-decimals", "QRT=2"]].concat();
    let caught = cluster.expect(7, &given);
    assert!(caught.stderr.contains("nothing was signed"), "{}", caught.stderr);
    fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset\n{alice},1,QRT\n"),
    )
    .unwrap();
    cluster.expect(
        0,
        &["wallet", "pay", "p.csv", "--node", &lying, "--genesis", genesis],
    );
    assert_eq!(cluster.balance(1, &alice), 300);

    // Of an asset that came later the document says nothing, and the state proves it.
    cluster.expect(0, &["wallet", "asset", "create", "EUR", "--decimals", "2"]);
    let mint = [
        "wallet", "asset", "mint", "EUR", "--amount", "5", "--node", &lying,
    ];
    cluster.expect(0, &[&mint[..], &["--genesis", genesis]].concat());
    let asset = cluster.expect(0, &["query", "asset", "EUR"]).json();
    assert_eq!(asset["supply"], "500", "{asset}");
    let wrong = ["--genesis", genesis, "--asset-decimals", "EUR=6"];
    let caught = cluster.expect(7, &[&mint[..], &wrong].concat());
    assert!(caught.stderr.contains("nothing was signed"), "{}", caught.stderr);
    // What is shown as proven is not shown in other decimals than the ledger's, or the document's.
    let balance = ["wallet", "balance", "--genesis", genesis];
    for (given, says) in [
        ("EUR=6", "2 by the ledger"),
        ("QRT=4", "2 by the genesis document"),
    ] {
        let caught = cluster.expect(7, &[&balance[..], &["--asset-decimals", given]].concat());
        assert!(caught.stderr.contains(says), "{}", caught.stderr);
    }
    cluster.expect(0, &[&balance[..], &["--asset-decimals", "EUR=2"]].concat());
}

/// What an account has, and who signs for it, is proven as of a block that is named: a node may tell of an old one.
#[test]
fn with_the_genesis_document_a_node_cannot_show_another_balance() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "12.50");
    let denying = lying(&cluster, deny_proofs);
    let lying = liar(&cluster, b"\"amount\":\"1250\"", b"\"amount\":\"9999\"");
    let genesis = cluster.dir().join("genesis.toml");
    let balance = ["wallet", "balance", &alice, "--node", &lying];
    let told = cluster.expect(0, &balance).json();
    assert_eq!(
        told["balances"][0]["decimal"], "99.99",
        "the lie works on who believes"
    );
    assert!(told["proven"].is_null(), "{told}");
    let with_genesis = ["--genesis", genesis.to_str().unwrap()];
    let proven = cluster.expect(0, &[&balance[..], &with_genesis].concat());
    assert!(!proven.stderr.contains("word"), "{}", proven.stderr);
    let shown = proven.json();
    assert_eq!(shown["balances"][0]["decimal"], "12.50", "{shown}");
    let tip = cluster.tip(1).unwrap();
    assert_eq!(
        (&shown["proven"]["height"], &shown["proven"]["hash"]),
        (&tip.height.into(), &tip.block.as_str().into()),
        "{shown}"
    );
    let text = ["--output", "text"];
    let text = cluster.expect(0, &[&balance[..], &with_genesis, &text].concat());
    let as_of = format!("as of block {} ({})", tip.height, tip.block);
    assert!(text.stdout.contains(&as_of), "{}", text.stdout);
    let signers = ["wallet", "signers", "show", &alice];
    let signers = cluster.expect(0, &[&signers[..], &with_genesis].concat());
    assert!(!signers.stderr.contains("word"), "{}", signers.stderr);
    assert_eq!(signers.json()["proven"]["hash"], tip.block.as_str());
    // That there is nothing is the node's word, where it could have proven it.
    let balance = ["wallet", "balance", &alice, "--node", &denying];
    let denied = cluster.expect(7, &[&balance[..], &with_genesis].concat());
    assert!(
        denied.stderr.contains("by its word, which nothing proves"),
        "{}",
        denied.stderr
    );
}

/// Says of each proof that there is none.
fn deny_proofs(answer: &mut [u8]) {
    const GOOD: &[u8] = b"HTTP/1.1 200";
    let kind = b"content-type: text/plain";
    let is_proof = answer.windows(kind.len()).any(|bytes| bytes == kind);
    if is_proof && answer.starts_with(GOOD) {
        answer[..GOOD.len()].copy_from_slice(b"HTTP/1.1 404");
    }
}

#[test]
fn with_the_genesis_document_a_nodes_refusal_is_no_outcome() {
    let cluster = Cluster::up();
    let (alice, bob) = (cluster.key("alice.key"), cluster.key("bob.key"));
    let genesis = cluster.dir().join("genesis.toml");
    let transfer = [
        "wallet",
        "transfer",
        "--to",
        &bob,
        "--amount",
        "1.00",
        "--asset",
        "QRT",
        "--key",
        "alice.key",
    ];
    assert!(!alice.is_empty());
    cluster.expect(4, &transfer);
    let checked = [&transfer[..], &["--genesis", genesis.to_str().unwrap()]].concat();
    let claimed = cluster.expect(5, &checked);
    assert!(claimed.stderr.contains("its word alone"), "{}", claimed.stderr);
}

#[test]
fn with_the_genesis_document_a_node_cannot_say_that_a_payment_has_expired() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.transfer(&alice, "1", &[]);
    let id = paid.json()["id"].as_str().unwrap().to_owned();
    let lying = liar(&cluster, b"\"status\":\"committed\"", b"\"status\":\"expired\"  ");
    let genesis = cluster.dir().join("genesis.toml");
    let wait = ["wallet", "wait", &id, "--node", &lying];
    cluster.expect(4, &wait);
    let checked = [&wait[..], &["--genesis", genesis.to_str().unwrap()]].concat();
    let claimed = cluster.expect(5, &checked);
    assert!(claimed.stderr.contains("its word alone"), "{}", claimed.stderr);
    let honest = ["wallet", "wait", &id, "--genesis", genesis.to_str().unwrap()];
    cluster.expect(0, &honest);
}

/// Pays a file of one row, and forgets that it did: gives the payee.
fn pay_and_forget(cluster: &Cluster) -> String {
    let one = cluster.key("one.key");
    let text = format!("to,amount,asset,memo\n{one},7,QRT,salary\n");
    fs::write(cluster.folder().join("p.csv"), text).unwrap();
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    assert_eq!(cluster.balance(1, &one), 700);
    journal::lose(cluster, "p.csv");
    one
}

#[test]
fn a_node_that_hides_a_payment_is_found_out_and_nothing_is_signed() {
    let cluster = Cluster::up();
    let one = pay_and_forget(&cluster);
    let pay = |lying: &str| ["wallet", "pay", "p.csv", "--node", lying].map(str::to_owned);
    // What is shown of the payment is not asked for: it is proven.
    for (truth, lie) in [
        (&b"\"memo\":\"salary\""[..], &b"\"memo\":\"SALARY\""[..]),
        (b"\"number\":", b"\"rumber\":"),
    ] {
        let pay = pay(&liar(&cluster, truth, lie));
        let pay: Vec<&str> = pay.iter().map(String::as_str).collect();
        let told = cluster.expect(0, &[&pay[..], &["--dry-run"]].concat());
        assert_eq!(told.json()["already_paid"], 1, "{}", told.stdout);
    }
    // The proof is withheld, or of something else.
    for (truth, lie) in [
        (
            &b"quorate proof 2 statement"[..],
            &b"quorate proof 2 statemend"[..],
        ),
        (b"\nabout qr1", b"\nabout qr2"),
    ] {
        let pay = pay(&liar(&cluster, truth, lie));
        let pay: Vec<&str> = pay.iter().map(String::as_str).collect();
        let caught = cluster.expect(7, &pay);
        assert!(caught.stderr.contains("is false"), "{}", caught.stderr);
        assert!(journal::signed(&journal::path(&cluster, "p.csv")).is_empty());
        // Another node tells.
        let honest = cluster.api(2);
        let both = cluster.expect(0, &[&pay[..], &["--dry-run", "--node", &honest]].concat());
        assert_eq!(both.json()["already_paid"], 1, "{}", both.stdout);
    }
    assert_eq!(cluster.balance(1, &one), 700);
}

/// A note is no part of what a payment is found by, as it can be erased.
#[test]
fn a_node_that_shows_another_note_hides_no_payment() {
    let cluster = Cluster::up();
    let one = pay_and_forget(&cluster);
    let lying = liar(&cluster, b"\"memo\":\"salary\"", b"\"memo\":\"SALARY\"");
    let paid = cluster.expect(0, &["wallet", "pay", "p.csv", "--node", &lying]);
    assert_eq!(paid.json()["already_paid"], 1, "{}", paid.stdout);
    assert_eq!(cluster.balance(1, &one), 700);
}

#[test]
fn with_the_genesis_document_no_nodes_history_is_believed() {
    let cluster = Cluster::up();
    let one = pay_and_forget(&cluster);
    let lying = liar(&cluster, b"\"status\":\"committed\"", b"\"status\":\"failed\"   ");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let pay = ["wallet", "pay", "p.csv", "--node", &lying, "--genesis", genesis];
    let paid = cluster.expect(0, &pay).json();
    assert_eq!(
        (&paid["already_paid"], &paid["transactions"]),
        (&1.into(), &0.into()),
        "{paid}"
    );
    // A statement that the nodes prove will do as well.
    journal::lose(&cluster, "p.csv");
    let honest = [
        "wallet",
        "pay",
        "p.csv",
        "--genesis",
        genesis,
        "--believe-history",
    ];
    let told = cluster.expect(0, &honest);
    assert_eq!(told.json()["already_paid"], 1);
    journal::lose(&cluster, "p.csv");
    let since = [
        "wallet",
        "pay",
        "p.csv",
        "--genesis",
        genesis,
        "--history-since",
        "2000-01-01",
    ];
    assert_eq!(cluster.expect(0, &since).json()["already_paid"], 1);
    assert_eq!(cluster.balance(1, &one), 700);
}

#[test]
fn with_the_genesis_document_a_balance_is_proven() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.transfer(&alice, "7", &[]);
    let lying = liar(&cluster, b"\"amount\":\"700\"", b"\"amount\":\"900\"");
    let balance = ["wallet", "balance", &alice, "--node", &lying];
    let told = cluster.expect(0, &balance).json();
    assert_eq!(
        told["balances"][0]["amount"], "900",
        "the lie works on who believes"
    );
    let genesis = cluster.dir().join("genesis.toml");
    let checked = [&balance[..], &["--genesis", genesis.to_str().unwrap()]].concat();
    let proven = cluster.expect(0, &checked);
    assert_eq!(proven.json()["balances"][0]["amount"], "700");
    assert_eq!(proven.json()["proven"]["height"], 1);
}

/// Expiries that followed from a node's word would not be those of an earlier run, and both could be paid.
#[test]
fn with_the_genesis_document_a_node_does_not_set_when_payments_expire() {
    let cluster = Cluster::up();
    let one = cluster.key("one.key");
    let text = format!("to,amount,asset\n{one},1,QRT\n");
    let lying = liar(
        &cluster,
        b"\"max_expiry_lead_ms\":86400000",
        b"\"max_expiry_lead_ms\":7000    ",
    );
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let expiry = |file: &str, more: &[&str]| -> u64 {
        fs::write(cluster.folder().join(file), &text).unwrap();
        let pay = ["wallet", "pay", file, "--node", &lying, "--again", file];
        cluster.expect(0, &[&pay[..], more].concat());
        let signed = journal::signed(&journal::path(&cluster, file));
        signed[0].submission().transaction().intent().expires_at.0
    };
    assert_eq!(expiry("told.csv", &[]) % 7_000, 0);
    assert_eq!(expiry("checked.csv", &["--genesis", genesis]) % 600_000, 0);
}

/// W4b: what is signed can be executed until its expiry, so a time that only a node tells would decide how long.
#[test]
fn with_the_genesis_document_a_node_that_lies_about_its_time_sets_no_expiry() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let transfer = format!("{alice}:1:QRT");
    let build = |code: i32, file: &str, more: &[&str]| {
        let build = ["wallet", "build", "--account", &alice, "--transfer", &transfer];
        let built = cluster.expect(code, &[&build[..], &["--out", file], more].concat());
        let is_there = cluster.folder().join(file).exists();
        assert_eq!(is_there, code == 0, "{}", built.stderr);
        built
    };
    // Less ahead than clocks may differ.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let told = Timestamp(u64::try_from(now.as_millis()).unwrap() + 200_000);
    let time = format!("\"{}\"", rfc3339_of(told));
    let near = {
        let time = time.clone();
        lying(&cluster, move |bytes| overwrite(bytes, "\"timestamp\":", &time))
    };
    let believed = build(0, "believed.json", &["--node", &near]).json();
    assert_eq!(
        believed["expires_at"],
        rfc3339_of(Timestamp(told.0 + 3_600_000)),
        "the lie works on who believes"
    );
    let caught = build(7, "caught.json", &["--node", &near, "--genesis", genesis]);
    assert!(
        caught.stderr.contains("the block's hash does not fit its header"),
        "{}",
        caught.stderr
    );

    // No certificate shows the time before the first block: it is the document's.
    let first = lying(&cluster, move |bytes| {
        overwrite(bytes, "\"height\":", "0");
        overwrite(bytes, "\"timestamp\":", &time);
    });
    build(7, "caught.json", &["--node", &first, "--genesis", genesis]);
    fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset\n{alice},1,QRT\n"),
    )
    .unwrap();
    for node in [&near, &first] {
        let checked = ["--node", node, "--genesis", genesis];
        let transfer = cluster.transfer(&alice, "1", &checked);
        assert_eq!(transfer.code, Some(7), "{}", transfer.stderr);
        cluster.expect(7, &[&["wallet", "pay", "p.csv"][..], &checked].concat());
    }

    // Weeks ahead it is refused by this machine's clock, whoever is believed.
    let far = format!("\"{}\"", rfc3339_of(Timestamp(told.0 + 30 * 86_400_000)));
    let far = lying(&cluster, move |bytes| overwrite(bytes, "\"timestamp\":", &far));
    let refused = build(7, "caught.json", &["--node", &far]);
    assert!(
        refused.stderr.contains("nothing was signed"),
        "{}",
        refused.stderr
    );

    build(0, "honest.json", &["--genesis", genesis]);
    assert_eq!(cluster.balance(1, &alice), 100);
}

/// Files that spreadsheets and people make: each is refused whole, with the line, or read as it was meant.
#[test]
fn payment_files_that_could_mean_something_else_are_refused_whole() {
    let cluster = Cluster::up();
    let (one, two) = (cluster.key("one.key"), cluster.key("two.key"));
    let refused = |text: String, said: &[&str]| {
        fs::write(cluster.folder().join("bad.csv"), text).unwrap();
        let output = cluster.expect(2, &["wallet", "pay", "bad.csv", "--asset", "QRT"]);
        for said in said {
            assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
        }
    };
    refused(
        format!("to,amount,memo\n{one},10.00,\"Tube 5\n{two},20.00,ink\n{one},3,pens\n"),
        &["line 2:", "not closed"],
    );
    refused(
        format!("to,amount,memo\n{one},1,250.00,rent\n{two},2,x\n"),
        &["line 2:", "4 cells"],
    );
    refused(
        format!("to,amount,memo\r\n{one},1,a\r\n{two},x,b\r\n"),
        &["line 3:", "1 row is bad"],
    );
    refused(
        format!("to,amount,memo\n{one},1.005,a\n{two},x,b\n"),
        &["2 rows", "line 2:", "line 3:"],
    );
    refused(
        format!("Payments of May\n\nto,amount\n{one},1\n"),
        &["line 3 looks like it"],
    );
    refused(
        format!("to;amount\n{one};1.250,00\n"),
        &["line 2:", "a point stands before the decimals"],
    );
    assert_eq!(cluster.balance(1, &one) + cluster.balance(1, &two), 0);
    assert!(!cluster.folder().join("bad.csv.journal").exists());
    let text = format!("sep=;\r\nto;amount\r\n{one};1250.00\r\n;\r\n");
    fs::write(cluster.folder().join("good.csv"), text).unwrap();
    cluster.expect(0, &["wallet", "pay", "good.csv", "--asset", "QRT"]);
    assert_eq!(cluster.balance(1, &one), 125_000);
}

#[test]
fn the_same_rows_are_paid_once_whatever_the_file_is_called_and_however_it_is_written() {
    let cluster = Cluster::up();
    let one = cluster.key("one.key");
    let text = format!("to,amount,asset,memo\n{one},1.00,QRT,a\n{one},2.50,QRT,b\n");
    fs::write(cluster.folder().join("p.csv"), &text).unwrap();
    let rehearsed = cluster.expect(0, &["wallet", "pay", "p.csv", "--dry-run"]).json();
    assert_eq!(rehearsed["sums"][0]["amount"], "3.50");
    assert_eq!(cluster.balance(1, &one), 0);
    assert!(!cluster.folder().join("p.csv.journal").exists());
    cluster.expect(0, &["wallet", "pay", "p.csv"]);
    assert_eq!(cluster.balance(1, &one), 350);

    let copy = text.replace('\n', "\r\n").replace("2.50", "2.5");
    fs::write(cluster.folder().join("copy.csv"), copy).unwrap();
    let again = cluster.expect(0, &["wallet", "pay", "copy.csv"]).json();
    assert_eq!(
        (&again["already_paid"], &again["transactions"]),
        (&2.into(), &0.into())
    );
    assert!(again["paid_before"]["first_height"].as_u64() > Some(0), "{again}");
    assert_eq!(cluster.balance(1, &one), 350);
    let said = cluster
        .command(&["wallet", "pay", "copy.csv", "--output", "text"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with("All 2 rows were paid already"), "{said}");

    let results = fs::read_to_string(cluster.folder().join("copy.csv.result.csv")).unwrap();
    let cells: Vec<&str> = results.lines().nth(2).unwrap().split(',').collect();
    assert_eq!(cells[6..11], ["3", one.as_str(), "2.50", "QRT", "b"], "{results}");
    cluster.key("poor.key");
    let poor = ["wallet", "pay", "p.csv", "--dry-run", "--key", "poor.key"];
    let refused = cluster.expect(4, &poor).json();
    assert_eq!(refused["would_be_refused"].as_array().unwrap().len(), 1);
}
