//! What is signed is what the payer meant, whatever a file or a node says.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_client::text::rfc3339_of;
use quorate_ledger::Timestamp;

use crate::Cluster;

/// A node that lies: a proxy before the first validator, which says `lie` for `truth` of the same length. It serves as
/// long as the test runs.
pub(crate) fn liar(cluster: &Cluster, truth: &'static [u8], lie: &'static [u8]) -> String {
    assert_eq!(truth.len(), lie.len());
    lying(cluster, move |bytes| replace(bytes, truth, lie))
}

/// A proxy that changes each piece of an answer so, without changing its length.
fn lying(cluster: &Cluster, change: impl Fn(&mut [u8]) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let node = cluster.api(1).trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&node) else {
                return;
            };
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to, |_| {}));
            let change = change.clone();
            thread::spawn(move || pass(server, client, change));
        }
    });
    format!("http://{address}")
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut piece = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        change(&mut piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            return;
        }
    }
}

fn replace(bytes: &mut [u8], truth: &[u8], lie: &[u8]) {
    for place in 0..=bytes.len().saturating_sub(truth.len()) {
        if bytes[place..].starts_with(truth) {
            bytes[place..place + truth.len()].copy_from_slice(lie);
        }
    }
}

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
    let believed = cluster.expect(0, &told);
    assert!(
        believed.stderr.contains("1000000 in smallest units"),
        "{}",
        believed.stderr
    );
    assert_eq!(
        cluster.balance(1, &alice),
        1_000_000,
        "the lie works on who believes"
    );

    let checked = [&told[..], &["--genesis", genesis]].concat();
    cluster.expect(0, &checked);
    assert_eq!(cluster.balance(1, &alice), 1_000_100);
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
    assert_eq!(cluster.balance(1, &alice), 1_000_200);

    // Of an asset that came later the document says nothing: nobody's word is taken for it.
    cluster.expect(0, &["wallet", "asset", "create", "EUR", "--decimals", "2"]);
    let mint = [
        "wallet",
        "asset",
        "mint",
        "EUR",
        "--amount",
        "5",
        "--genesis",
        genesis,
    ];
    let unproven = cluster.expect(7, &mint);
    assert!(
        unproven.stderr.contains("--asset-decimals EUR=N"),
        "{}",
        unproven.stderr
    );
    cluster.expect(0, &[&mint[..], &["--asset-decimals", "EUR=2"]].concat());
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
    fs::remove_file(cluster.folder().join("p.csv.journal")).unwrap();
    one
}

#[test]
fn a_node_that_hides_a_payment_is_found_out_and_nothing_is_signed() {
    let cluster = Cluster::up();
    let one = pay_and_forget(&cluster);
    // Shown as another payment, as one that failed, and at no place: the list and the account do not fit then.
    for (truth, lie) in [
        (&b"\"memo\":\"salary\""[..], &b"\"memo\":\"SALARY\""[..]),
        (b"\"status\":\"committed\"", b"\"status\":\"failed\"   "),
        (b"\"number\":", b"\"rumber\":"),
    ] {
        let lying = liar(&cluster, truth, lie);
        let pay = ["wallet", "pay", "p.csv", "--node", &lying];
        let caught = cluster.expect(7, &pay);
        assert!(caught.stderr.contains("hides a part"), "{}", caught.stderr);
        let journal = fs::read_to_string(cluster.folder().join("p.csv.journal")).unwrap();
        assert!(!journal.contains("\"signed\""), "{journal}");
        // Another node tells.
        let honest = cluster.api(2);
        let both = cluster.expect(0, &[&pay[..], &["--dry-run", "--node", &honest]].concat());
        assert_eq!(both.json()["already_paid"], 1, "{}", both.stdout);
    }
    assert_eq!(cluster.balance(1, &one), 700);
}

#[test]
fn with_the_genesis_document_no_nodes_history_is_believed() {
    let cluster = Cluster::up();
    let one = pay_and_forget(&cluster);
    let lying = liar(&cluster, b"\"memo\":\"salary\"", b"\"memo\":\"SALARY\"");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    let pay = ["wallet", "pay", "p.csv", "--node", &lying, "--genesis", genesis];
    let paid = cluster.expect(0, &pay).json();
    assert_eq!(
        (&paid["already_paid"], &paid["transactions"]),
        (&1.into(), &0.into()),
        "{paid}"
    );
    // Who wants the nodes' word has it named as that.
    fs::remove_file(cluster.folder().join("p.csv.journal")).unwrap();
    let honest = [
        "wallet",
        "pay",
        "p.csv",
        "--genesis",
        genesis,
        "--believe-history",
    ];
    let told = cluster.expect(0, &honest);
    assert!(told.stderr.contains("the nodes' word"), "{}", told.stderr);
    assert_eq!(told.json()["already_paid"], 1);
    fs::remove_file(cluster.folder().join("p.csv.journal")).unwrap();
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
        let journal = fs::read_to_string(cluster.folder().join(format!("{file}.journal"))).unwrap();
        let line = journal.lines().find(|line| line.contains("\"signed\"")).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["signed"]["expires_at"].as_u64().unwrap()
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
        caught.stderr.contains("is not the one that the node tells"),
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
