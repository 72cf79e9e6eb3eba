//! What four people do in a browser: an auditor, a treasurer, an operator, and a regulator with a witness. Each begins at
//! the explorer's first page, and goes on by what the pages show.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::explorer::Browser;
use crate::wait::until;
use crate::witnessing::Witness;
use crate::{Cluster, http};

/// How long a page may take to show what it is to show.
const PATIENCE: Duration = Duration::from_secs(60);

impl Browser {
    /// Follows a link of the page, or presses a button.
    #[track_caller]
    fn press(&self, css: &str) {
        let there = self.ask(&format!(
            "const found = document.querySelector({0}); found?.click(); return found !== null",
            json!(css)
        ));
        assert_eq!(there, true, "there is no {css} at {}", self.path());
    }

    /// Waits until a part of the page has these words.
    #[track_caller]
    fn shows(&self, css: &str, words: &str) {
        let what = format!("{css} with {words:?}");
        until(&what, PATIENCE, || {
            self.text(css).filter(|text| text.contains(words)).map(drop)
        });
    }

    /// Has the page checked, and gives what came of it.
    #[track_caller]
    fn checked(&self) -> String {
        self.press(".check [data-check]");
        until("the check ends", PATIENCE, || {
            let result = self.ask("return document.querySelector('.check .checked').dataset.result ?? null");
            result.as_str().map(str::to_owned)
        })
    }
}

/// What a node answers at a path.
#[track_caller]
fn given(cluster: &Cluster, path: &str) -> Vec<u8> {
    let answer = http::send(cluster.nodes()[0].port(), "GET", path, "text/plain", b"");
    assert_eq!(answer.status, Some(200), "{path}");
    answer.body
}

/// A transaction is found by the beginning of its id, followed to its block, checked in the page, and its proof once more
/// in the page that was saved.
#[test]
fn an_auditor_finds_a_payment_checks_it_and_takes_its_proof_away() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster
        .transfer(&alice, "12.50", &["--memo", "invoice 17"])
        .json();
    let (id, height) = (paid["id"].as_str().unwrap(), paid["height"].as_u64().unwrap());
    cluster.common_tip();
    let browser = Browser::open(cluster.ports.spare(), 1280);

    browser.goto(&cluster.api(1));
    browser.search(&id[..12]);
    browser.shows("#memo", "invoice 17");
    assert_eq!(browser.path(), format!("/transactions/{id}"));
    assert_eq!(browser.checked(), "unpinned");
    browser.press("dl.facts a[href^=\"blocks/\"]");
    browser.shows("#height", &height.to_string());
    assert_eq!(browser.checked(), "unpinned");

    let folder = cluster.folder().join("auditor");
    fs::create_dir(&folder).unwrap();
    for (file, path) in [
        ("verify.html", "/verify.html".to_owned()),
        ("payment.proof", format!("/transactions/{id}/proof")),
    ] {
        fs::write(folder.join(file), given(&cluster, &path)).unwrap();
    }
    fs::copy(cluster.dir().join("genesis.toml"), folder.join("genesis.toml")).unwrap();
    // From disk, as the page is meant to be kept.
    browser.goto(&format!("file://{}", folder.join("verify.html").display()));
    browser.choose("#document", &folder.join("genesis.toml"));
    browser.choose("#files", &folder.join("payment.proof"));
    browser.shows("#announcer", "1 file: 1 good");
    browser.shows("#verdicts", "invoice 17");
}

/// An account is found by its address; its statement of a time is shown, checked, and taken away as a table.
#[test]
fn a_treasurer_looks_at_what_came_in_and_books_it() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    for amount in ["12.50", "1", "1000"] {
        cluster.pay(&alice, amount);
    }
    cluster.common_tip();
    let browser = Browser::open(cluster.ports.spare(), 1280);

    browser.goto(&cluster.api(1));
    browser.search(&alice);
    browser.shows("[data-asset=QRT]", "1,013.50");
    browser.press("#statement button[type=submit]");
    browser.shows("[data-closing=QRT]", "1,013.50");
    browser.ask(
        "document.querySelector('#statement [name=from]').value = '2020-01-01';
        document.querySelector('#statement [name=to]').value = '2100-01-01';",
    );
    browser.press("#statement button[type=submit]");
    until("the statement of that time", PATIENCE, || {
        let said = browser.ask("return location.search.includes('from=2020-01-01')");
        (said == true).then_some(())
    });
    browser.shows("[data-closing=QRT]", "1,013.50");
    browser.shows("#entries-title .count", "3");
    assert_eq!(browser.checked(), "unpinned");
    browser.assert_sound();

    let file = browser.attribute("a[href*=\"statement.csv\"]", "href").unwrap();
    let table = String::from_utf8(given(&cluster, &format!("/{file}"))).unwrap();
    let closing = table.lines().find(|line| line.contains("closing")).unwrap();
    assert!(closing.contains("101350"), "{table}");
    assert_eq!(
        table.lines().filter(|line| line.contains("entry,")).count(),
        3,
        "{table}"
    );
}

/// A validator that is down is seen on the pages of the others, and so is that it came back.
#[test]
fn an_operator_sees_who_is_missing_and_who_came_back() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let browser = Browser::open(cluster.ports.spare(), 1280);
    browser.goto(&cluster.api(1));
    browser.press("nav a[href=\"validators\"]");
    browser.shows("main", "validator-4");

    let is_missing = || {
        browser.goto(&cluster.api(1));
        let text = browser.text(".validators")?;
        Some(text.contains("not connected"))
    };
    let sees = |what: &str, missing: bool| {
        until(what, PATIENCE, || is_missing().filter(|seen| *seen == missing));
    };
    sees("all are linked", false);
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    sees("that validator-4 is gone", true);
    // Three of four go on.
    cluster.pay(&alice, "2");
    assert_eq!(is_missing(), Some(true));
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    sees("validator-4 is linked again", false);
}

/// Whoever runs a witness reads its notes in a browser: the validators' signatures and its own, under what the node's
/// pages show as the log.
#[test]
fn a_regulator_reads_what_the_witness_cosigned() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.key("witness.key");
    let paid = cluster.pay(&alice, "12.50");
    let (witness, key) = Witness::start(&cluster);
    let (name, _) = key.split_once('+').unwrap();
    let browser = Browser::open(cluster.ports.other_spare(), 1280);

    let note = until("the witness has cosigned the payment", PATIENCE, || {
        browser.goto(&format!("http://127.0.0.1:{}/checkpoint", witness.port));
        let note = browser.text("body")?;
        let size: u64 = note.lines().nth(1)?.trim().parse().ok()?;
        (size >= 1).then_some(note)
    });
    let signatures = note.lines().filter(|line| line.starts_with('—')).count();
    assert!(signatures > 3, "{note}");
    assert!(note.contains(&format!("— {name} ")), "{note}");

    // Who the validators are, and that none was found to contradict itself.
    browser.goto(&cluster.api(2));
    browser.press("nav a[href=\"members\"]");
    browser.shows("main", "validator-1");
    browser.press("nav a[href=\"validators\"]");
    browser.shows("main", "validator-1");
    let height = paid["height"].as_u64().unwrap();
    browser.goto(&format!("{}/blocks/{height}", cluster.api(2)));
    browser.shows("#log-size", "1");
}
