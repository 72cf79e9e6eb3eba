//! The explorer's pages: whole, escaped, and without anything inline.

use axum::body::Body;
use axum::http::Request;
use quorate_crypto::sha256;
use quorate_ledger::{Amount, Operation};

use crate::fake::{Fake, GENESIS_TIME, code, key, wallet};
use crate::story::{self, document, draft, payment};
use crate::web::{Answer, get, router, send};

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
        ("failed_transaction", format!("/transactions/{}", failed())),
        ("account", format!("/accounts/{}", wallet(11))),
        ("unused_account", format!("/accounts/{}", wallet(99))),
        ("assets", "/assets".to_owned()),
        ("asset", "/assets/CO2".to_owned()),
        ("record", format!("/records/{}", document())),
        ("validators", "/validators".to_owned()),
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
            (scripts, page.matches("<script src=\"/static/app.js").count()),
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
    let asset = Operation::CreateAsset {
        code: code("HIDDEN"),
        decimals: 0,
        description: hidden.to_owned(),
    };
    let record = Operation::PutRecord {
        sha256: sha256(b"hidden"),
        label: hidden.to_owned(),
        metadata: Vec::new(),
    };
    let transaction = draft(10, 9)
        .transfer(wallet(11), code("QRT"), Amount(1), hidden)
        .operations([asset, record])
        .memo(hidden)
        .build()
        .sign([&key(10)]);
    let path = format!("/transactions/{}", transaction.id());
    fake.commit(vec![transaction], GENESIS_TIME + 9 * 60_000);
    let router = router(&fake);
    for (path, times) in [
        (path, 4),
        ("/assets".to_owned(), 1),
        ("/assets/HIDDEN".to_owned(), 1),
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
        ("3".to_owned(), "/blocks/3".to_owned()),
        (format!("%20{block}%20"), format!("/blocks/{block}")),
        (failed(), format!("/transactions/{}", failed())),
        (failed().to_uppercase(), format!("/transactions/{}", failed())),
        (document().to_string(), format!("/records/{}", document())),
        (wallet(11).to_string(), format!("/accounts/{}", wallet(11))),
        ("co2".to_owned(), "/assets/CO2".to_owned()),
        ("Borealis".to_owned(), "/validators".to_owned()),
        (String::new(), "/".to_owned()),
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
async fn a_chain_without_blocks_has_pages_too() {
    let router = router(&Fake::new());
    for path in ["/", "/blocks", "/live", "/validators", "/assets"] {
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
