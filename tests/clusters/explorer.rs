//! The block explorer in a browser, on a real network.
//!
//! Chromium and its driver are those of `QUORATE_CHROMIUM` and `QUORATE_CHROMEDRIVER`, or Debian's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use crate::settlement::from_now;
use crate::skipped::skipped;
use crate::wait::until;
use crate::{Cluster, http, prefix, programs};

/// How long a page may take to show what it is to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// The width of a small phone.
const PHONE: u32 = 360;

/// The width of a tablet.
const TABLET: u32 = 820;

/// The rules of axe-core that are WCAG's, at the levels A and AA.
const RULES: [&str; 5] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/// A browser under remote control.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    client: Client,
    runtime: tokio::runtime::Runtime,
    _profile: TempDir,
}

fn program(variable: &str, default: &str) -> String {
    let path = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let there = std::path::Path::new(&path).exists();
    assert!(
        there,
        "{path} is not there: scripts/setup --tests installs it, or name one in {variable}"
    );
    path
}

impl Browser {
    /// A browser on a screen this wide.
    pub(crate) fn open(port: u16, width: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new(program("QUORATE_CHROMEDRIVER", "/usr/bin/chromedriver"))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the browser's driver listens", PATIENCE, || {
            assert_eq!(driver.try_wait().unwrap(), None, "the browser's driver has ended");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        // Emulated, as no window of a desktop is as narrow as a phone.
        let options = json!({
            "binary": program("QUORATE_CHROMIUM", "/usr/bin/chromium"),
            "mobileEmulation": { "deviceMetrics": { "width": width, "height": 900, "pixelRatio": 1.0 } },
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = runtime
            .block_on(builder.capabilities(capabilities).connect(&url))
            .unwrap();
        Self {
            driver,
            port,
            client,
            runtime,
            _profile: profile,
        }
    }

    pub(crate) fn goto(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    pub(crate) fn path(&self) -> String {
        self.runtime
            .block_on(self.client.current_url())
            .unwrap()
            .path()
            .to_owned()
    }

    /// What the script gives.
    pub(crate) fn ask(&self, script: &str) -> serde_json::Value {
        self.runtime
            .block_on(self.client.execute(script, Vec::new()))
            .unwrap()
    }

    /// Shows pages as to somebody who prefers light or dark ones.
    fn prefer(&self, scheme: &str) {
        let session = self.runtime.block_on(self.client.session_id()).unwrap().unwrap();
        let media = json!({
            "cmd": "Emulation.setEmulatedMedia",
            "params": { "features": [{ "name": "prefers-color-scheme", "value": scheme }] },
        });
        let media = media.to_string();
        let request = format!(
            "POST /session/{session}/goog/cdp/execute HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{media}",
            media.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // The driver keeps the connection open; its status comes once that is done.
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        let dark = self.ask("return matchMedia('(prefers-color-scheme: dark)').matches");
        assert_eq!(dark, scheme == "dark");
    }

    /// What axe-core, whose script this is, finds wrong with the page.
    fn violations(&self, axe: &str) -> Vec<String> {
        // The page's policy is for what the page loads, not for its driver.
        self.ask(axe);
        let script = format!(
            "const done = arguments[arguments.length - 1];
            const told = ({{ id, nodes }}) => `${{id}}: ${{nodes.map(node => `${{node.target}} ${{node.failureSummary}}`).join(' | ')}}`;
            axe.run(document, {{ runOnly: {{ type: 'tag', values: {} }} }})
                .then(results => done(results.violations.map(told)), error => done([String(error)]));",
            json!(RULES)
        );
        let found = self
            .runtime
            .block_on(self.client.execute_async(&script, Vec::new()));
        serde_json::from_value(found.unwrap()).unwrap()
    }

    pub(crate) fn text(&self, css: &str) -> Option<String> {
        let script = format!(
            "return document.querySelector({})?.textContent ?? null",
            json!(css)
        );
        self.ask(&script).as_str().map(|text| text.trim().to_owned())
    }

    pub(crate) fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let script = format!(
            "return document.querySelector({})?.getAttribute({}) ?? null",
            json!(css),
            json!(name)
        );
        self.ask(&script).as_str().map(str::to_owned)
    }

    /// Chooses a file in a field for files.
    pub(crate) fn choose(&self, css: &str, file: &std::path::Path) {
        self.runtime.block_on(async {
            let field = self.client.find(Locator::Css(css)).await.unwrap();
            field.send_keys(&file.display().to_string()).await.unwrap();
        });
    }

    /// Types into the search box and presses return.
    pub(crate) fn search(&self, text: &str) {
        self.runtime.block_on(async {
            let form = self.client.find(Locator::Css("#q")).await.unwrap();
            form.clear().await.unwrap();
            form.send_keys(text).await.unwrap();
            form.send_keys("\u{e007}").await.unwrap();
        });
    }

    /// That no script or style was refused, and nothing is wider than its place or the window.
    pub(crate) fn assert_sound(&self) {
        let tables = self.ask(
            "return [...document.querySelectorAll('table')]
                .filter(table => table.scrollWidth > table.parentElement.clientWidth).map(table => table.id)",
        );
        assert_eq!(tables, json!([]), "{}: wider than their places", self.path());
        let wide =
            self.ask("return document.documentElement.scrollWidth > document.documentElement.clientWidth");
        assert_eq!(wide, false, "{} is wider than the window", self.path());
        let outside = self.ask(
            "return performance.getEntriesByType('resource').map(entry => entry.name)
                .filter(name => !name.startsWith(location.origin))",
        );
        assert_eq!(outside, json!([]), "{} loads from elsewhere", self.path());
        let missing = self.ask(
            "return performance.getEntriesByType('resource').filter(entry => entry.responseStatus >= 400)
                .map(entry => entry.name)",
        );
        assert_eq!(missing, json!([]), "{} loads what is not there", self.path());
    }

    /// That the script has put ages beside the times in tables, and dates are still to be seen.
    fn assert_dated(&self) {
        let times = self.ask(
            "return [...document.querySelectorAll('td .moment')].map(moment => {
                const [time, ago] = [moment.querySelector('time'), moment.querySelector('.ago')];
                return [time.textContent, time.offsetWidth > 0, ago.textContent, ago.offsetWidth > 0];
            })",
        );
        let times = times.as_array().unwrap();
        assert!(!times.is_empty(), "{} has no times", self.path());
        for time in times {
            let date = time[0].as_str().unwrap();
            assert_eq!((date.len(), &date[4..5], &date[13..14]), (19, "-", ":"), "{time}");
            assert!(time[1] == true && time[3] == true, "hidden: {time}");
            assert!(!time[2].as_str().unwrap().is_empty(), "{time}");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; it is ended whatever the browser says.
        let _ = self.runtime.block_on(self.client.clone().close());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn the_explorer_shows_what_was_committed_and_goes_on_live() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster
        .transfer(&alice, "12.50", &["--memo", "rent <script>alert(1)</script>"])
        .json();
    let id = paid["id"].as_str().unwrap();
    let height = paid["height"].as_u64().unwrap();
    let browser = Browser::open(cluster.ports.spare(), 1280);

    browser.goto(&cluster.api(2));
    let shown = || {
        browser
            .attribute("#height", "data-height")
            .and_then(|height| height.parse::<u64>().ok())
    };
    assert!(shown() >= Some(height));
    assert!(browser.text("#live").unwrap().contains("validator-4"));
    browser.assert_sound();
    browser.assert_dated();
    // On a chain that is years old.
    browser.ask(
        "for (const link of document.querySelectorAll('#latest-blocks td:first-child a'))
            link.textContent = '123,456,789';",
    );
    browser.assert_sound();
    let page = browser.ask("window.stayed = true; return location.href");
    until("the live updates are on", PATIENCE, || {
        (browser.attribute("#live-toggle", "data-state").as_deref() == Some("open")).then_some(())
    });
    let later = cluster.pay(&alice, "1")["height"].as_u64().unwrap();
    until("the overview shows the new block by itself", PATIENCE, || {
        (shown() >= Some(later)).then_some(())
    });
    assert_eq!(
        browser.ask("return window.stayed === true && location.href"),
        page
    );

    browser.search(id);
    until("the transaction's page", PATIENCE, || browser.text("#outcome"));
    assert_eq!(browser.path(), format!("/transactions/{id}"));
    assert_eq!(
        browser.attribute("#outcome", "data-status").as_deref(),
        Some("committed")
    );
    assert!(browser.text("#operations").unwrap().contains("12.50"));
    // What others write is text, not markup.
    assert_eq!(
        browser.text("#memo").as_deref(),
        Some("rent <script>alert(1)</script>")
    );
    browser.assert_sound();

    browser.search(&alice);
    until("the account's page", PATIENCE, || browser.text("#address"));
    assert_eq!(browser.path(), format!("/accounts/{alice}"));
    assert!(browser.text("[data-asset=QRT]").unwrap().contains("13.50"));
    browser.assert_sound();

    browser.search(&height.to_string());
    until("the block's page", PATIENCE, || browser.text("#seals"));
    assert_eq!(browser.path(), format!("/blocks/{height}"));
    let seals = browser.ask("return document.querySelectorAll('#seals [data-validator]').length");
    assert!(seals.as_u64() >= Some(3), "{seals}");
    browser.assert_sound();

    browser.search("no such thing");
    until("a page that says that nothing was found", PATIENCE, || {
        browser
            .text("main")
            .filter(|text| text.contains("no such thing") || browser.path() == "/search")
    });
    browser.assert_sound();
}

/// Every kind of page of a network on which something of each kind has happened, as paths.
fn visited(cluster: &Cluster) -> Vec<String> {
    let (alice, bob) = (cluster.key("alice.key"), cluster.key("bob.key"));
    let paid = cluster.pay(&alice, "100");
    let until = from_now(600);
    let preimage = "ab".repeat(32);
    let held = cluster.expect(
        0,
        &[
            "wallet",
            "hold",
            "--to",
            &bob,
            "--amount",
            "10",
            "--asset",
            "QRT",
            "--until",
            &until,
            "--preimage",
            &preimage,
            "--memo",
            "order 5",
            "--key",
            "alice.key",
        ],
    );
    std::fs::write(cluster.folder().join("contract.txt"), "a contract").unwrap();
    cluster.expect(0, &["wallet", "notarize", "contract.txt", "--key", "alice.key"]);
    let records = http::send(cluster.ports.api, "GET", "/records.csv", "text/plain", b"");
    let records = String::from_utf8(records.body).unwrap();
    let sha256 = records
        .lines()
        .nth(1)
        .and_then(|row| row.split(',').nth(6))
        .unwrap()
        .to_owned();
    let (paid, held) = (paid["id"].as_str().unwrap().to_owned(), held.json());
    let held = held["id"].as_str().unwrap();
    [
        "/".to_owned(),
        "/blocks".to_owned(),
        "/blocks/1".to_owned(),
        "/transactions".to_owned(),
        format!("/transactions?account={alice}&asset=QRT"),
        format!("/transactions/{paid}"),
        format!("/transactions/{held}"),
        format!("/accounts/{alice}"),
        format!("/accounts/{alice}/statement"),
        "/assets".to_owned(),
        "/assets/QRT".to_owned(),
        "/holds".to_owned(),
        "/holds?asset=QRT".to_owned(),
        format!("/holds/{held}.0"),
        "/records".to_owned(),
        format!("/records/{sha256}"),
        "/validators".to_owned(),
        "/validators/validator-1".to_owned(),
        "/members".to_owned(),
        "/members/validator-1".to_owned(),
        "/proposals".to_owned(),
        "/network".to_owned(),
        "/search/all?q=validator".to_owned(),
        "/search/all?q=nothing-like-it".to_owned(),
    ]
    .into()
}

#[test]
fn no_page_breaks_a_rule_of_axe_in_light_or_in_dark() {
    let Some(axe) = programs::axe() else {
        skipped("pages with axe-core: it is in no cache (scripts/setup --tests fetches it, if npm is there)");
        return;
    };
    let axe = std::fs::read_to_string(axe).unwrap();
    let cluster = Cluster::up();
    let paths = visited(&cluster);
    for width in [1280, PHONE] {
        let browser = Browser::open(cluster.ports.spare(), width);
        for scheme in ["light", "dark"] {
            for path in &paths {
                browser.goto(&format!("{}{path}", cluster.api(1)));
                browser.prefer(scheme);
                // What is folded is there, too.
                browser.ask("for (const one of document.querySelectorAll('details')) one.open = true");
                let found = browser.violations(&axe);
                assert!(found.is_empty(), "{path}, {scheme}, {width} wide: {found:#?}");
            }
        }
    }
}

#[test]
fn every_page_fits_a_tablet_and_a_phone_with_all_that_is_folded() {
    let cluster = Cluster::up();
    let paths = visited(&cluster);
    for width in [PHONE, TABLET] {
        let browser = Browser::open(cluster.ports.spare(), width);
        for path in &paths {
            browser.goto(&format!("{}{path}", cluster.api(1)));
            browser.ask("for (const one of document.querySelectorAll('details')) one.open = true");
            browser.assert_sound();
        }
    }
}

#[test]
fn what_is_open_on_the_overview_stays_open_while_it_is_live() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.pay(&alice, "2");
    let browser = Browser::open(cluster.ports.spare(), 1280);
    browser.goto(&cluster.api(1));
    until("the live updates are on", PATIENCE, || {
        (browser.attribute("#live-toggle", "data-state").as_deref() == Some("open")).then_some(())
    });
    browser.ask(
        "document.querySelector('#figures').open = true; document.querySelector('#figures summary').focus()",
    );
    let later = cluster.pay(&alice, "3")["height"].as_u64().unwrap();
    until("the overview shows the new block by itself", PATIENCE, || {
        let shown = browser.attribute("#height", "data-height")?.parse::<u64>().ok()?;
        (shown >= later).then_some(())
    });
    let kept = browser.ask("return [document.querySelector('#figures').open, document.activeElement.id]");
    assert_eq!(kept, json!([true, "figures-title"]));
    assert_eq!(
        browser.ask("return document.querySelectorAll('.charts svg[role=img]').length"),
        3
    );
}

#[test]
fn the_explorer_fits_a_phone() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.pay(&alice, "12.50");
    let long = "12345678901234567890.123456789012345678";
    let asset = |arguments: &[&str]| {
        let whole = [["wallet", "asset"].as_slice(), arguments, &["--key", "alice.key"]].concat();
        cluster.expect(0, &whole).json()
    };
    asset(&["create", "WEI", "--decimals", "18"]);
    let minted = asset(&["mint", "WEI", "--amount", long]);
    let browser = Browser::open(cluster.ports.spare(), PHONE);
    let id = paid["id"].as_str().unwrap();
    for path in [
        "/".to_owned(),
        format!("/transactions/{id}"),
        format!("/transactions/{}", minted["id"].as_str().unwrap()),
        format!("/accounts/{alice}"),
        "/blocks/1".to_owned(),
        "/blocks".to_owned(),
        "/transactions".to_owned(),
        format!("/transactions?account={alice}&asset=QRT"),
        "/records".to_owned(),
        "/assets".to_owned(),
        "/assets/WEI".to_owned(),
    ] {
        browser.goto(&format!("{}{path}", cluster.api(1)));
        let width = browser.ask("return window.innerWidth").as_u64().unwrap();
        assert_eq!(width, u64::from(PHONE));
        browser.assert_sound();
    }
    for path in [
        "/".to_owned(),
        "/blocks".to_owned(),
        "/transactions".to_owned(),
        format!("/accounts/{alice}"),
    ] {
        browser.goto(&format!("{}{path}", cluster.api(1)));
        browser.assert_dated();
    }
}

#[test]
fn the_explorer_works_under_a_path_behind_a_proxy() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let paid = cluster.pay(&alice, "12.50");
    let outside = format!("http://{}/ledger/", prefix::serve("/ledger", cluster.nodes()[0]));
    let browser = Browser::open(cluster.ports.spare(), 1280);

    browser.goto(&outside);
    browser.assert_sound();
    let styled = browser.ask("return getComputedStyle(document.querySelector('.top')).display");
    assert_eq!(styled, "flex");
    until("the live updates are on", PATIENCE, || {
        (browser.attribute("#live-toggle", "data-state").as_deref() == Some("open")).then_some(())
    });
    let later = cluster.pay(&alice, "1")["height"].as_u64().unwrap();
    until("the overview shows the new block by itself", PATIENCE, || {
        let shown = browser.attribute("#height", "data-height")?.parse::<u64>().ok()?;
        (shown >= later).then_some(())
    });
    browser.assert_sound();

    browser.ask("document.querySelector('.skip').click()");
    assert_eq!(browser.path(), "/ledger/");
    browser.search(paid["id"].as_str().unwrap());
    until("the transaction's page", PATIENCE, || browser.text("#outcome"));
    assert_eq!(
        browser.path(),
        format!("/ledger/transactions/{}", paid["id"].as_str().unwrap())
    );
    browser.assert_sound();
    for (link, path) in [
        ("#sender a", None),
        ("nav a[href=blocks]", Some("/ledger/blocks")),
        ("tbody a[href^='blocks/']", None),
        (".brand", Some("/ledger/")),
    ] {
        let before = browser.path();
        browser.ask(&format!("document.querySelector({}).click()", json!(link)));
        until("the next page", PATIENCE, || {
            (browser.path() != before).then_some(())
        });
        until("its content", PATIENCE, || browser.text("main h1"));
        if let Some(path) = path {
            assert_eq!(browser.path(), path);
        }
        assert!(
            browser.path().starts_with("/ledger/"),
            "{link}: {}",
            browser.path()
        );
        assert_ne!(
            browser.text("main h1").as_deref(),
            Some("Page not found"),
            "{link}"
        );
        browser.assert_sound();
    }
}
