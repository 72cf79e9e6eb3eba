//! The explorer's pages: whole, escaped, and without anything inline.

use axum::body::Body;
use axum::http::Request;
use quorate_api::{ApiConfig, Bound};
use quorate_client::schema::{Cause, Finding, Severity};
use quorate_crypto::sha256;
use quorate_ledger::{Amount, Keep, Operation, encode};

use crate::fake::{Fake, GENESIS_TIME, code, wallet};
use crate::story::{self, Draft as _, Identified as _, document, draft, payment};
use crate::web::{Answer, get, router, send, with_config};

/// One tag a line, and no version of the static files, so that snapshots can be read and kept.
fn readable(answer: &Answer) -> String {
    let page = answer.text();
    let version = page.split("?v=").nth(1).map(|rest| rest[..8].to_owned());
    let page = version.map_or(page.clone(), |version| page.replace(&version, "VERSION"));
    page.replace("><", ">\n<")
}

fn failed() -> String {
    payment(13, 14, 999_999_999, 3, "too much").id().to_string()
}

fn paths() -> Vec<(&'static str, String)> {
    vec![
        ("overview", "/".to_owned()),
        ("blocks", "/blocks".to_owned()),
        ("block", "/blocks/6".to_owned()),
        ("transactions", "/transactions".to_owned()),
        ("failed_transaction", format!("/transactions/{}", failed())),
        ("account", format!("/accounts/{}", wallet(11))),
        ("unused_account", format!("/accounts/{}", wallet(99))),
        ("assets", "/assets".to_owned()),
        ("asset", "/assets/CO2".to_owned()),
        ("records", "/records".to_owned()),
        ("record", format!("/records/{}", document())),
        ("validators", "/validators".to_owned()),
        ("validator", "/validators/delta-clearing".to_owned()),
        ("members", "/members".to_owned()),
        ("member", "/members/borealis".to_owned()),
        (
            "statement",
            format!("/accounts/{}/statement?from=3&to=6", wallet(11)),
        ),
        ("holds", "/holds?asset=CO2".to_owned()),
        ("network", "/network".to_owned()),
    ]
}

#[tokio::test]
async fn pages_look_as_they_were_reviewed() {
    let router = router(&story::fake());
    for (name, path) in paths() {
        let answer = get(&router, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
        insta::assert_snapshot!(format!("page_{name}"), readable(&answer));
    }
}

#[tokio::test]
async fn the_page_that_checks_proofs_is_served_as_it_is_made_and_may_connect_to_nothing() {
    let answer = get(&router(&story::fake()), "/verify.html").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    // Not compared by a macro, which would print both.
    assert!(answer.body == quorate_verifier::page().as_bytes());
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with(quorate_verifier::page_policy()), "{policy}");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("connect-src") && !policy.contains("'self'"),
        "{policy}"
    );
}

#[tokio::test]
async fn no_page_has_anything_inline_or_from_elsewhere() {
    let router = router(&story::fake());
    for (_, path) in paths() {
        let page = get(&router, &path).await.text();
        for forbidden in [
            "<style",
            " style=",
            " onclick",
            " onload",
            " onerror=alert(1)>",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!page.contains(forbidden), "{path} has {forbidden}");
        }
        let scripts = page.matches("<script").count();
        assert_eq!(
            (scripts, page.matches("<script src=\"static/app.js").count()),
            (1, 1),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_users_wrote_is_escaped() {
    let router = router(&story::fake());
    let hostile = payment(12, 11, 1, 6, "\"><img src=x onerror=alert(1)>");
    let pages = [
        format!("/transactions/{}", hostile.id()),
        "/records".to_owned(),
        format!("/records/{}", document()),
    ];
    for path in pages {
        let page = get(&router, &path).await.text();
        assert!(page.contains("&lt;"), "{path}");
        assert!(
            !page.contains("<img src=x") && !page.contains("<script>"),
            "{path}"
        );
    }
    let query = get(&router, "/search?q=%3Cscript%3Ealert(1)%3C/script%3E%22").await;
    assert_eq!(query.status, 404);
    assert!(query.text().contains("&lt;script&gt;") && !query.text().contains("<script>"));
}

/// W26: a page turns no letters around and hides none.
#[tokio::test]
async fn what_nobody_sees_in_a_text_is_shown_as_an_escape() {
    let fake = story::fake();
    let hidden = "in\u{202e}001\u{200b}\u{7f}";
    let transaction = draft(10, 9)
        .transfer(wallet(11), code("QRT"), Amount(1), hidden)
        .create_asset(code("HIDDEN"), 0, hidden)
        .record(sha256(b"hidden"), Keep::Log, hidden, Vec::<u8>::new())
        .memo(hidden)
        .signed(&[10]);
    let path = format!("/transactions/{}", transaction.id());
    fake.commit(vec![transaction], GENESIS_TIME + 9 * 60_000);
    let router = router(&fake);
    for (path, times) in [
        (path, 4),
        ("/assets".to_owned(), 1),
        ("/assets/HIDDEN".to_owned(), 1),
        ("/records".to_owned(), 1),
        (format!("/records/{}", sha256(b"hidden")), 1),
    ] {
        let page = get(&router, &path).await.text();
        let escapes = page.matches("in\\u{202e}001\\u{200b}\\u{7f}").count();
        assert_eq!(escapes, times, "{path}");
        assert!(!page.contains(['\u{202e}', '\u{200b}', '\u{7f}']), "{path}");
    }
}

#[tokio::test]
async fn static_files_are_served_with_their_types_and_kept_by_browsers() {
    let router = router(&story::fake());
    for (path, kind) in [
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/app.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        assert!(!answer.body.is_empty());
    }
}

#[tokio::test]
async fn the_search_finds_everything_that_has_a_name() {
    let fake = story::fake();
    let router = router(&fake);
    let block = fake.block_hash(3);
    let found = [
        ("3".to_owned(), "./blocks/3".to_owned()),
        (format!("%20{block}%20"), format!("./blocks/{block}")),
        (failed(), format!("./transactions/{}", failed())),
        (failed().to_uppercase(), format!("./transactions/{}", failed())),
        (document().to_string(), format!("./records/{}", document())),
        (wallet(11).to_string(), format!("./accounts/{}", wallet(11))),
        ("co2".to_owned(), "./assets/CO2".to_owned()),
        ("Borealis".to_owned(), "./validators/borealis".to_owned()),
        (String::new(), "./".to_owned()),
    ];
    for (query, path) in found {
        let answer = get(&router, &format!("/search?q={query}")).await;
        assert_eq!(answer.status, 303, "{query}");
        assert_eq!(answer.header("location"), Some(path.as_str()), "{query}");
    }
}

#[tokio::test]
async fn the_search_says_when_there_is_nothing_and_why_it_may_be() {
    let router = router(&story::fake());
    for query in ["99", "EUR", &"ab".repeat(32), "%F0%9F%A6%80", &"x".repeat(4_000)] {
        let answer = get(&router, &format!("/search?q={query}")).await;
        assert_eq!(answer.status, 404, "{query}");
        assert!(answer.text().contains("Nothing found"), "{query}");
    }
    let mistyped = wallet(11).to_string().replace('q', "p").replace("pr1", "qr1");
    let answer = get(&router, &format!("/search?q={mistyped}")).await;
    assert!(answer.text().contains("probably mistyped"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_browsers_and_a_problem_for_programs() {
    let router = router(&story::fake());
    let browser = |path: &str| {
        Request::get(path)
            .header("accept", "text/html,*/*")
            .body(Body::empty())
            .unwrap()
    };
    for (path, status) in [
        ("/nowhere", 404),
        ("/blocks/99", 404),
        ("/blocks/x", 400),
        ("/transactions/x", 400),
        ("/accounts/qr1x", 400),
        ("/assets/EUR", 404),
        ("/records/x", 400),
    ] {
        let answer = send(&router, browser(path)).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().starts_with("<!DOCTYPE html>"), "{path}");
        assert!(answer.text().contains("id=\"failure\""), "{path}");
    }
    assert_eq!(get(&router, "/nowhere").await.problem().0, 404);
    assert_eq!(send(&router, browser("/v1/nowhere")).await.problem().0, 404);
}

#[tokio::test]
async fn whatever_fails_at_a_page_is_told_in_a_page() {
    let router = router(&story::fake());
    for (method, path, status, code) in [
        // What no handler of a page gets to see.
        ("GET", "/accounts/%ff", 404, "no_such_call"),
        ("GET", "/blocks/%ff/bytes", 404, "no_such_call"),
        ("GET", "/transactions?from=1&from=2", 400, "malformed_query"),
        ("GET", "/search?q=1&q=2", 400, "malformed_query"),
        ("GET", "/records.csv?limit=1&limit=2", 400, "malformed_query"),
        ("POST", "/", 405, "method_not_allowed"),
        ("DELETE", "/blocks/1", 405, "method_not_allowed"),
        ("PUT", "/transactions.csv", 405, "method_not_allowed"),
        // What it does.
        ("GET", "/assets/q-r-t", 400, "malformed_asset"),
        ("GET", "/transactions.csv?to=soon", 400, "malformed_range"),
        ("GET", "/transactions/x/bytes", 400, "malformed_hash"),
    ] {
        // As a program asks, too: nobody else has use for these addresses.
        let request = Request::builder().method(method).uri(path);
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/html; charset=utf-8"), "{method} {path}");
        let page = answer.text();
        let told = format!("id=\"failure\" data-code=\"{code}\"");
        assert!(page.contains(&told), "{method} {path}: {page}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}");
        assert!(answer.header("content-security-policy").is_some());
    }
}

#[tokio::test]
async fn a_bound_that_is_reached_is_told_in_a_page_with_when_to_try_again() {
    let fake = story::fake();
    let config = ApiConfig {
        max_calls: Bound::of(1, 1),
        ..ApiConfig::default()
    };
    let router = with_config(&fake, config);
    let mut waiting = Box::pin(get(&router, "/v1/status?min_height=9"));
    assert!(futures::poll!(&mut waiting).is_pending());
    let answer = get(&router, "/blocks").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        answer.text().contains("data-code=\"overloaded\""),
        "{}",
        answer.text()
    );
    drop(waiting);
    assert_eq!(get(&router, "/blocks").await.status, 200);
}

#[tokio::test]
async fn an_assets_page_is_found_by_its_code_in_small_letters() {
    let router = router(&story::fake());
    for path in ["/assets/qrt", "/assets/Qrt"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text().contains("<span id=\"code\">QRT</span>"), "{path}");
    }
    // The API takes a code as it is written.
    let problem = get(&router, "/v1/assets/qrt").await.problem();
    assert_eq!(problem, (400, "malformed_asset".to_owned()));
}

#[tokio::test]
async fn a_chain_without_blocks_has_pages_too() {
    let router = router(&Fake::new());
    for path in [
        "/",
        "/blocks",
        "/live",
        "/transactions",
        "/records",
        "/validators",
        "/validators/borealis",
        "/members",
        "/members/borealis",
        "/proposals",
        "/holds?asset=QRT",
        "/assets",
        &format!("/accounts/{}/statement", wallet(10)),
    ] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
    assert!(
        get(&router, "/")
            .await
            .text()
            .contains("No block is certified yet.")
    );
}

#[tokio::test]
async fn the_live_part_is_the_overviews_own() {
    let router = router(&story::fake());
    let (page, live) = (get(&router, "/").await.text(), get(&router, "/live").await.text());
    assert!(page.contains(&live));
    assert!(live.contains("id=\"height\" data-height=\"8\""));
}

#[tokio::test]
async fn times_in_tables_are_dates_with_room_for_their_age() {
    let router = router(&story::fake());
    for (path, heading) in [
        ("/".to_owned(), "Time (UTC)"),
        ("/blocks".to_owned(), "Time (UTC)"),
        ("/transactions".to_owned(), "Time (UTC)"),
        ("/records".to_owned(), "Recorded (UTC)"),
        (format!("/accounts/{}", wallet(11)), "Time (UTC)"),
        (format!("/records/{}", document()), "Recorded (UTC)"),
    ] {
        let page = get(&router, &path).await.text();
        let cells: Vec<&str> = page
            .split(&format!("data-label=\"{heading}\">"))
            .skip(1)
            .collect();
        assert!(!cells.is_empty(), "{path}");
        for cell in cells {
            let cell = cell.split("</td>").next().unwrap();
            assert!(cell.contains(">2026-03-01 09:"), "{path}: {cell}");
            assert!(
                cell.contains("class=\"ago\" data-since=\"2026-03-01T09:"),
                "{path}: {cell}"
            );
        }
    }
}

#[tokio::test]
async fn a_stall_is_told_with_its_beginning_and_what_is_awaited() {
    let fake = story::fake();
    let router = router(&fake);
    assert!(!get(&router, "/").await.text().contains("id=\"stall\""));
    {
        let mut diagnosis = fake.diagnosis.lock().unwrap();
        diagnosis.facts.stalled_since_ms = Some(GENESIS_TIME + 600_000);
        diagnosis.facts.unordered_batches = 1;
        let finding = |severity, what: &str| Finding {
            severity,
            cause: Cause::Quorum,
            validators: Vec::new(),
            what: what.to_owned(),
            remedy: "bring these back".to_owned(),
        };
        diagnosis.findings = vec![
            finding(Severity::Error, "2 of 4 validators reach each other <here>"),
            finding(Severity::Warning, "no link to delta-clearing"),
        ];
    }
    for path in ["/", "/live"] {
        let page = get(&router, path).await.text();
        let stall = page
            .split("id=\"stall\"")
            .nth(1)
            .unwrap()
            .split("</section>")
            .next()
            .unwrap();
        assert!(stall.contains("Nothing is being committed"), "{stall}");
        assert!(stall.contains("2026-03-01 09:10:00"), "{stall}");
        assert!(
            stall.contains("2 of 4 validators reach each other &lt;here&gt;"),
            "{stall}"
        );
        assert!(!stall.contains("no link to"), "{stall}");
    }
    // What waited has expired since.
    fake.diagnosis.lock().unwrap().facts.unordered_batches = 0;
    assert!(!get(&router, "/").await.text().contains("id=\"stall\""));
}

#[tokio::test]
async fn what_failed_looks_failed_wherever_it_is_listed() {
    let router = router(&story::fake());
    for path in [
        "/".to_owned(),
        "/blocks/3".to_owned(),
        "/transactions".to_owned(),
        format!("/accounts/{}", wallet(13)),
    ] {
        let page = get(&router, &path).await.text();
        let rows: Vec<&str> = page
            .split("<tr")
            .filter(|row| row.contains(&failed()[..9]))
            .collect();
        let [row] = rows[..] else {
            panic!("{path}: {rows:?}");
        };
        assert!(row.starts_with(" class=\"failed\""), "{path}: {row}");
        assert!(row.contains("Not done: <s>"), "{path}: {row}");
        assert!(row.contains(">Failed</span>"), "{path}: {row}");
        assert!(!row.contains("data-direction"), "{path}: it moved nothing: {row}");
    }
    let page = get(&router, &format!("/transactions/{}", failed())).await.text();
    assert!(
        page.contains("class=\"failing undone\"") && page.contains(">Failed</span> <s>"),
        "{page}"
    );
}

#[tokio::test]
async fn all_of_a_failed_transaction_is_not_done() {
    let fake = story::fake();
    let two = draft(13, 91)
        .transfer(wallet(12), code("QRT"), Amount(1), "")
        .transfer(wallet(12), code("QRT"), Amount(999_999_999), "");
    let two = two.signed(&[13]);
    fake.commit(vec![two.clone()], GENESIS_TIME + 3_600_000);
    let page = get(&router(&fake), &format!("/transactions/{}", two.id()))
        .await
        .text();
    assert_eq!(page.matches("class=\"undone\"").count(), 1, "{page}");
    assert_eq!(page.matches("class=\"failing undone\"").count(), 1, "{page}");
    assert!(page.contains(">Not done</span> <s>"), "{page}");
}

#[tokio::test]
async fn signatures_that_do_not_count_stand_apart() {
    let fake = story::fake();
    let pay = |from: u8, salt: u8, keys: &[u8]| {
        let draft = draft(from, salt).transfer(wallet(20), code("QRT"), Amount(1), "");
        draft.signed(keys)
    };
    let alone = pay(10, 92, &[10, 99]);
    let several = pay(11, 92, &[11, 51, 52, 98]);
    fake.commit(vec![alone.clone(), several.clone()], GENESIS_TIME + 3_600_000);
    let router = router(&fake);
    for (transaction, weight) in [(&alone, "1"), (&several, "6")] {
        let page = get(&router, &format!("/transactions/{}", transaction.id()))
            .await
            .text();
        assert_eq!(page.matches(">Does not count</span>").count(), 1, "{page}");
        assert!(
            page.contains(&format!("<strong id=\"weight\">{weight}</strong>")),
            "{page}"
        );
        let row = page
            .split("<tr")
            .find(|row| row.contains("Does not count"))
            .unwrap();
        assert!(row.starts_with(" class=\"failed\""), "{row}");
    }
    // Before its signers were set another key counted.
    let before = payment(11, 12, 19_999, 3, "invoice 2026-0117");
    let page = get(&router, &format!("/transactions/{}", before.id()))
        .await
        .text();
    assert!(
        page.contains("signers have changed since") && !page.contains("Does not count"),
        "{page}"
    );
}

#[tokio::test]
async fn long_amounts_and_words_may_break() {
    let fake = story::fake();
    let mint = Operation::Mint {
        asset: code("WEI"),
        to: wallet(12),
        amount: Amount(u128::MAX),
    };
    let made = draft(12, 93)
        .create_asset(code("WEI"), 18, "x".repeat(64))
        .operation(mint);
    fake.commit(vec![made.signed(&[12])], GENESIS_TIME + 3_600_000);
    let router = router(&fake);
    let long = "class=\"amount long\" value=\"340282366920938463463374607431768211455\"";
    for path in [
        "/assets".to_owned(),
        "/assets/WEI".to_owned(),
        format!("/accounts/{}", wallet(12)),
    ] {
        let page = get(&router, &path).await.text();
        assert!(page.contains(long), "{path}: {page}");
    }
    let page = get(&router, "/assets").await.text();
    assert!(page.contains(&format!("<span class=\"free\">{}</span>", "x".repeat(64))));
    assert!(page.contains("class=\"amount\" value"), "short ones do not break");
}

/// The words of a page that are no names.
fn words(page: &str) -> Vec<String> {
    let mut text = String::new();
    for piece in page.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap();
        let name = ["code", "a class=\"mono\"", "time", "title>", "script"];
        if !name
            .iter()
            .any(|name| tag.starts_with(name.trim_end_matches('>')))
        {
            text.push_str(after);
        }
        text.push(' ');
    }
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ',')
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn digits_are_grouped_on_every_page() {
    let fake = Fake::new();
    for height in 1..=1_000 {
        fake.commit(Vec::new(), GENESIS_TIME + height);
    }
    let many = (1..=1_001).map(|cents| payment(10, 12, cents, 1, ""));
    fake.commit(many.collect(), GENESIS_TIME + 60_000);
    let router = router(&fake);
    let account = format!("/accounts/{}", wallet(10));
    for path in [
        "/",
        "/blocks",
        "/blocks/1001",
        "/blocks/1001?from=1000",
        "/transactions",
        account.as_str(),
        "/validators",
    ] {
        let page = get(&router, path).await.text();
        let words = words(&page);
        let bare: Vec<&String> = words
            .iter()
            .filter(|word| word.len() > 3 && word.bytes().all(|letter| letter.is_ascii_digit()))
            .collect();
        assert!(bare.is_empty(), "{path}: {bare:?}");
        assert!(words.iter().any(|word| word == "1,001"), "{path}");
    }
}

/// The chain knows CO2, the transaction itself makes OIL, and nobody knows GAS.
#[tokio::test]
async fn amounts_of_a_transaction_in_the_making_have_decimals_or_say_their_units() {
    let fake = story::fake();
    let router = router(&fake);
    let mint = Operation::Mint {
        asset: code("OIL"),
        to: wallet(12),
        amount: Amount(1_500),
    };
    let making = draft(12, 60)
        .create_asset(code("OIL"), 3, "Barrels")
        .operation(mint)
        .transfer(wallet(13), code("CO2"), Amount(2_000_000), "")
        .transfer(wallet(13), code("GAS"), Amount(7_000), "")
        .signed(&[12]);
    let body = Request::post("/v1/transactions")
        .header("content-type", "application/octet-stream")
        .body(Body::from(encode(&making)));
    assert_eq!(send(&router, body.unwrap()).await.status, 202);
    for status in ["pending", "failed"] {
        if status == "failed" {
            fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
        }
        let page = get(&router, &format!("/transactions/{}", making.id()))
            .await
            .text();
        assert!(
            page.contains(&format!("data-status=\"{status}\"")),
            "{status}: {page}"
        );
        for told in [
            "value=\"1500\">1.500</data>",
            "value=\"2000000\">2.000000</data>",
            "value=\"7000\">7,000</data> smallest units of",
        ] {
            assert!(page.contains(told), "{status}: {told}: {page}");
        }
        assert_eq!(page.matches("units of").count(), 1, "{status}: {page}");
    }
}

#[tokio::test]
async fn the_chart_has_labels_at_its_axes() {
    let page = get(&router(&story::fake()), "/").await.text();
    let chart = page.split("<figure class=\"chart\">").nth(1).unwrap();
    let chart = chart.split("</figure>").next().unwrap();
    for label in [
        "<figcaption>Transactions in each block</figcaption>",
        "<span>3</span><span>0</span>",
        "Blocks 1 to 8",
        "transactions in blocks 1 to 8, at most 3 in one",
    ] {
        assert!(chart.contains(label), "{label}: {chart}");
    }
}
