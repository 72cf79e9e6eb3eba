//! Checked by the reader: the button on the explorer's pages, in a browser, behind servers that are honest and that lie.
//! The page that works from disk has tests of its own (`tests/verifier/web`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quorate_crypto::sha256;
use serde_json::{Value, json};

use crate::explorer::Browser;
use crate::lying::Server;
use crate::wait::until;
use crate::{Cluster, http};

/// How long a check in the browser may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result of the check that a button's section shows, and all that it says.
struct Found {
    result: String,
    words: String,
}

/// A network with a few transactions, a server in front of one of its nodes, and a browser.
struct Reader {
    cluster: Cluster,
    server: Server,
    browser: Browser,
    alice: String,
    paid: Value,
}

impl Reader {
    #[track_caller]
    fn new() -> Self {
        let cluster = Cluster::up();
        let alice = cluster.key("alice.key");
        let paid = cluster
            .transfer(&alice, "12.50", &["--memo", "invoice 17"])
            .json();
        for amount in ["1", "2", "1000"] {
            cluster.pay(&alice, amount);
        }
        cluster.common_tip();
        let server = Server::before(cluster.nodes()[0]);
        let browser = Browser::open(cluster.ports.spare(), 1280);
        Self {
            cluster,
            server,
            browser,
            alice,
            paid,
        }
    }

    fn transaction(&self) -> String {
        format!("/transactions/{}", self.paid["id"].as_str().unwrap())
    }

    fn account(&self) -> String {
        format!("/accounts/{}", self.alice)
    }

    fn statement(&self) -> String {
        format!("{}/statement", self.account())
    }

    /// Has a document claimed; the path of its page.
    fn claimed(&self) -> String {
        let contract = self.cluster.folder().join("contract.txt");
        std::fs::write(&contract, "a contract\n").unwrap();
        let notarize = ["wallet", "notarize", "contract.txt", "--keep", "unique"];
        self.cluster.expect(0, &notarize);
        self.cluster.common_tip();
        format!("/records/{}", sha256(b"a contract\n"))
    }

    fn block(&self) -> String {
        format!("/blocks/{}", self.paid["height"].as_u64().unwrap())
    }

    /// Loads a page and has it checked.
    #[track_caller]
    fn check(&self, path: &str) -> Found {
        self.check_by(path, ".check [data-check]")
    }

    /// The same by another button of the page.
    #[track_caller]
    fn check_by(&self, path: &str, button: &str) -> Found {
        self.browser.goto(&self.server.at(path));
        self.browser
            .ask(&format!("document.querySelector({}).click()", json!(button)));
        self.found(button)
    }

    /// What is found once the check has ended.
    #[track_caller]
    fn found(&self, button: &str) -> Found {
        let place = format!(
            "document.querySelector({}).closest('section').querySelector('.checked')",
            json!(button)
        );
        let result = until("the check ends", PATIENCE, || {
            let result = self
                .browser
                .ask(&format!("return {place}.dataset.result ?? null"));
            result.as_str().map(str::to_owned)
        });
        let words = self.browser.ask(&format!("return {place}.textContent"));
        Found {
            result,
            words: words.as_str().unwrap().to_owned(),
        }
    }

    /// Pins a genesis hash on the page that was checked, which checks it again.
    #[track_caller]
    fn pin(&self, hash: &str) -> Found {
        let script = format!(
            "const form = document.querySelector('.check .pin');
            form.querySelector('input').value = {};
            delete form.closest('.checked').dataset.result;
            form.requestSubmit()",
            json!(hash)
        );
        self.browser.ask(&script);
        self.found(".check [data-check]")
    }

    fn network(&self) -> String {
        let status = self.cluster.expect(0, &["query", "status"]).json();
        status["network"].as_str().unwrap().to_owned()
    }

    /// Has the network's hash pinned, on an honest page.
    #[track_caller]
    fn pin_network(&self) {
        self.server.be_honest();
        self.check(&self.transaction());
        let found = self.pin(&self.network());
        assert_eq!(found.result, "good", "{}", found.words);
    }
}

#[test]
fn a_page_of_an_honest_node_is_good_once_the_genesis_hash_is_pinned() {
    let reader = Reader::new();
    let found = reader.check(&reader.transaction());
    assert_eq!(found.result, "unpinned", "{}", found.words);
    assert!(found.words.contains("the node's word"), "{}", found.words);
    assert!(found.words.contains(&reader.network()), "{}", found.words);
    reader.browser.assert_sound();

    reader.browser.ask(
        "const form = document.querySelector('.check .pin');
        form.querySelector('input').value = 'twelve digits';
        form.requestSubmit()",
    );
    until("what is no hash is refused", PATIENCE, || {
        let said = reader.browser.text(".pin [role=status]")?;
        said.contains("64 hexadecimal digits").then_some(())
    });
    let found = reader.pin(&reader.network());
    assert_eq!(found.result, "good", "{}", found.words);
    assert!(found.words.contains("exactly a quorum"), "{}", found.words);

    // It stays pinned, for all pages.
    let nobodys = format!("/records/{}", "00".repeat(32));
    for path in [
        reader.account(),
        reader.block(),
        "/blocks/1".to_owned(),
        reader.statement(),
        format!("{}?from=1&to=2", reader.statement()),
        format!("{}?from=2026-01-01&to=2036-01-01", reader.statement()),
        "/assets/QRT".to_owned(),
        reader.claimed(),
        nobodys,
    ] {
        let found = reader.check(&path);
        assert_eq!(found.result, "good", "{path}: {}", found.words);
        reader.browser.assert_sound();
    }
    let found = reader.check_by(&reader.account(), "#statement [data-check]");
    assert_eq!(found.result, "good", "{}", found.words);
    assert!(
        found.words.contains("closing QRT: 1015.50 free"),
        "{}",
        found.words
    );
}

#[test]
fn whoever_alters_a_figure_of_a_page_a_proof_or_the_genesis_document_is_found_out() {
    let reader = Reader::new();
    reader.pin_network();
    let (transaction, account, block) = (reader.transaction(), reader.account(), reader.block());
    let treasury = reader.cluster.key("other.key");
    let (statement, asset, record) = (reader.statement(), "/assets/QRT".to_owned(), reader.claimed());

    // The page: each figure that a reader sees.
    for (path, text, other, what) in [
        (&transaction, ">12.50<", ">21.50<", "amount"),
        (&transaction, ">Committed<", ">Failed<", "outcome"),
        (&transaction, "invoice 17", "invoice 71", "memo"),
        (&transaction, reader.alice.as_str(), treasury.as_str(), "account"),
        (&account, ">1,015.50<", ">9,015.50<", "can use"),
        (&account, ">1,000.00<", ">9,000.00<", "amount"),
        (&block, ">12.50<", ">21.50<", "amount"),
        (&statement, ">1,015.50<", ">9,015.50<", "closing balance"),
        (&statement, ">12.50<", ">21.50<", "change"),
        (&statement, reader.alice.as_str(), treasury.as_str(), "account"),
        (&asset, ">1,000,000,000.00<", ">1,000,000,001.00<", "supply"),
        (&record, ">unique<", ">log<", "who claims it"),
    ] {
        reader.server.replace(path, text, other);
        let found = reader.check(path);
        assert_eq!(found.result, "page", "{text} at {path}: {}", found.words);
        assert!(found.words.contains(what), "{text} at {path}: {}", found.words);
    }

    // The list: a row that is left out, and the first one.
    for (path, list, row) in [
        (&account, "history", 1),
        (&account, "history", 0),
        (&statement, "entries", 1),
        (&statement, "entries", 0),
    ] {
        reader.server.lie(path, move |body| {
            let page = String::from_utf8(body).unwrap();
            let begins = format!("<table id=\"{list}\"");
            let (before, table) = page.split_once(&begins).unwrap();
            let (head, rows) = table.split_once("<tbody").unwrap();
            let rows: Vec<&str> = rows.split("<tr").collect();
            let kept = rows.iter().enumerate().filter(|(place, _)| *place != row + 1);
            let kept: Vec<&str> = kept.map(|(_, row)| *row).collect();
            let rows = kept.join("<tr");
            format!("{before}{begins}{head}<tbody{rows}").into_bytes()
        });
        let found = reader.check(path);
        assert_eq!(found.result, "page", "row {row} at {path}: {}", found.words);
    }

    // A statement's proof over a shorter time, in which the page's last entry is not.
    reader.server.lie(&statement, |body| {
        let page = String::from_utf8(body).unwrap();
        let (before, proof) = page.split_once("data-proof=\"").unwrap();
        let (path, after) = proof.split_once('"').unwrap();
        let (path, _) = path.split_once('?').unwrap();
        format!("{before}data-proof=\"{path}?to=1\"{after}").into_bytes()
    });
    let found = reader.check(&statement);
    assert_eq!(found.result, "page", "{}", found.words);

    // The proof: one letter of it, and that of another transaction.
    let proof = format!("{transaction}/proof");
    reader.server.lie(&proof, |mut body| {
        let place = body.len() / 2;
        body[place] = if body[place] == b'A' { b'B' } else { b'A' };
        body
    });
    let found = reader.check(&transaction);
    assert_eq!(found.result, "proof", "{}", found.words);
    let other = reader.cluster.pay(&reader.alice, "3");
    let other = format!("/transactions/{}/proof", other["id"].as_str().unwrap());
    let port = reader.cluster.nodes()[0].port();
    until("the node has it", PATIENCE, || {
        let answer = http::send(port, "GET", &other, "text/plain", b"");
        (answer.status == Some(200)).then_some(())
    });
    let true_of_another = http::send(port, "GET", &other, "text/plain", b"").body;
    reader.server.lie(&proof, move |_| true_of_another.clone());
    let found = reader.check(&transaction);
    assert_eq!(found.result, "proof", "{}", found.words);
    assert!(found.words.contains("about something else"), "{}", found.words);

    // The genesis document: a good one, of another network.
    let document = include_str!("../../genesis/tests/vectors/genesis.hex").split_whitespace();
    let document = hex::decode(document.collect::<String>()).unwrap();
    reader.server.lie("/v1/network", move |_| document.clone());
    let found = reader.check(&transaction);
    assert_eq!(found.result, "genesis", "{}", found.words);

    reader.server.be_honest();
    let found = reader.check(&transaction);
    assert_eq!(found.result, "good", "{}", found.words);
}

/// What the button cannot find, as its page and `docs/verification.md` say.
#[test]
fn a_server_that_lies_in_its_code_too_is_found_out_by_another_program_alone() {
    let reader = Reader::new();
    reader.pin_network();
    let path = reader.transaction();
    reader.server.replace(&path, ">12.50<", ">21.50<");
    reader.server.lie_too("/static/checking.js", |body| {
        let script = String::from_utf8(body).unwrap();
        let honest = "this.differences.push(";
        assert!(script.contains(honest), "the script compares otherwise");
        script.replace(honest, "this.same.push(").into_bytes()
    });
    // Browsers keep the script for ever: this one has not seen it at this address.
    reader.server.lie_too(&path, |body| {
        let page = String::from_utf8(body).unwrap();
        page.replace("static/checking.js?v=", "static/checking.js?other=")
            .into_bytes()
    });
    let found = reader.check(&path);
    assert_eq!(found.result, "good", "{}", found.words);

    let id = reader.paid["id"].as_str().unwrap();
    let genesis = reader.cluster.dir().join("genesis.toml").display().to_string();
    let node = reader.server.at("");
    let proven = reader.cluster.run(&[
        "audit",
        "transaction",
        id,
        "--genesis",
        &genesis,
        "--node",
        &node,
        "--out",
        "paid.proof",
        "--output",
        "text",
    ]);
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    assert!(proven.stdout.contains("12.50 QRT"), "{}", proven.stdout);
    assert!(!proven.stdout.contains("21.50"), "{}", proven.stdout);
}

#[test]
fn documents_are_hashed_in_the_browser_and_looked_up() {
    let reader = Reader::new();
    let folder = reader.cluster.folder();
    let (contract, other) = (folder.join("contract.txt"), folder.join("other.txt"));
    std::fs::write(&contract, "a contract\n").unwrap();
    std::fs::write(&other, "another contract\n").unwrap();
    reader.cluster.expect(0, &["wallet", "notarize", "contract.txt"]);
    reader.cluster.common_tip();

    reader.browser.goto(&reader.server.at("/records"));
    until("the script is there", PATIENCE, || {
        (reader
            .browser
            .ask("return document.getElementById('drop').hidden")
            == false)
            .then_some(())
    });
    for (file, words) in [(&contract, "Recorded 1 time"), (&other, "Nobody has recorded it")] {
        reader.browser.choose("#drop-files", file);
        let hash = sha256(&std::fs::read(file).unwrap()).to_string();
        let said = until("the document is looked up", PATIENCE, || {
            let said = reader.browser.text("#dropped li:last-child")?;
            (said.contains(&hash) && said.contains("this node says")).then_some(said)
        });
        assert!(said.contains(words), "{said}");
    }
    reader.browser.assert_sound();
}

#[test]
fn the_page_to_be_kept_is_the_one_that_the_sources_give_and_the_program_names_its_hash() {
    let cluster = Cluster::up();
    let served = http::send(cluster.nodes()[0].port(), "GET", "/verify.html", "text/html", b"");
    assert_eq!(served.status, Some(200));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/verify-page");
    let made = Command::new(script).output().unwrap();
    assert!(made.status.success());
    // Not compared by a macro, which would print both.
    assert!(served.body == made.stdout);
    let version = cluster.expect(0, &["version"]).json();
    assert_eq!(version["verify_html_sha256"], sha256(&made.stdout).to_string());
}
