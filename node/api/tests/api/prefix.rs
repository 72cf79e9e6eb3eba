//! The explorer behind a proxy that serves it under a path of its own, as a company's intranet does.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use quorate_ledger::Amount;
use tower::ServiceExt as _;
use url::Url;

use crate::fake::{GENESIS_TIME, code, wallet};
use crate::story::{self, Draft as _, document, draft, payment};
use crate::web::{Answer, router, send};

const ROOT: &str = "https://intranet.example/ledger/";

/// Takes the prefix off, and knows nothing of what it passes on.
struct Proxy {
    router: Router,
}

impl Proxy {
    /// A network with lists of several pages.
    fn new() -> Self {
        let fake = story::fake();
        for round in 0..30 {
            fake.commit(
                vec![payment(10, 11, 1, 100 + round, "")],
                GENESIS_TIME + 3_600_000 + u64::from(round),
            );
        }
        let many = (1..=120).map(|cents| payment(10, 12, cents, 200, ""));
        fake.commit(many.collect(), GENESIS_TIME + 7_200_000);
        let router = router(&fake);
        Self { router }
    }

    fn inside(url: &Url) -> String {
        let prefix = ROOT.trim_end_matches('/');
        let inside = url.as_str().strip_prefix(prefix);
        let inside = inside.unwrap_or_else(|| panic!("{url} leads out of the explorer"));
        inside.split('#').next().unwrap().to_owned()
    }

    async fn get(&self, url: &Url) -> Answer {
        let request = Request::get(Self::inside(url)).header("accept", "text/html,*/*");
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }
}

fn root() -> Url {
    ROOT.parse().unwrap()
}

/// The values of an attribute in a page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    let after = page.split(opening.as_str()).skip(1);
    after.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// What a page's relative links are relative to.
fn base(at: &Url, page: &str) -> Url {
    match page.split_once("<base href=\"") {
        Some((_, rest)) => at.join(rest.split('"').next().unwrap()).unwrap(),
        // A piece of the overview.
        None => root(),
    }
}

/// All that a page leads to or loads.
fn links(at: &Url, page: &str) -> Vec<Url> {
    let base = base(at, page);
    let page = match page.split_once("<base ") {
        Some((_, rest)) => rest.split_once('>').unwrap().1,
        None => page,
    };
    let attributes = ["href", "src", "action", "data-live"];
    let found = attributes.iter().flat_map(|attribute| values(page, attribute));
    found
        .map(|link| base.join(&link.replace("&amp;", "&")).unwrap())
        .collect()
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_under_a_prefix() {
    let proxy = Proxy::new();
    let mut open = vec![root()];
    let mut seen = BTreeMap::new();
    while let Some(url) = open.pop() {
        if seen.contains_key(&url) {
            continue;
        }
        let answer = proxy.get(&url).await;
        let status = answer.status.as_u16();
        seen.insert(url.clone(), status);
        match answer.header("location") {
            Some(location) => open.push(url.join(location).unwrap()),
            None => assert_eq!(status, 200, "{url}"),
        }
        if answer.header("content-type") == Some("text/html; charset=utf-8") {
            open.extend(links(&url, &answer.text()));
        }
        assert!(seen.len() < 4_000, "the pages have no end");
    }
    let reached: BTreeSet<String> = seen.keys().map(Proxy::inside).collect();
    let has = |path: &str| reached.iter().any(|reached| reached.starts_with(path));
    for path in [
        "/blocks/3",
        "/blocks?cursor=",
        "/blocks/39?from=100",
        "/blocks/3/bytes",
        "/transactions?cursor=",
        "/transactions.csv?cursor=",
        "/transactions/",
        &format!("/transactions?account={}", wallet(11)),
        "/v1/transactions?cursor=",
        "/records.csv",
        &format!("/accounts/{}?cursor=", wallet(11)),
        &format!("/accounts/{}/proof", wallet(11)),
        &format!("/accounts/{}/statement?to=39", wallet(11)),
        &format!("/accounts/{}/statement/proof", wallet(11)),
        &format!("/accounts/{}/balances.csv", wallet(11)),
        "/blocks.csv?cursor=",
        "/assets.csv",
        "/assets/CO2/holders.csv",
        "/holds?asset=CO2",
        "/members/borealis",
        "/members.csv",
        "/proposals",
        "/proposals.csv",
        "/validators/borealis",
        "/validators.csv",
        "/peers.csv",
        "/evidence.csv",
        "/epochs.csv",
        "/v1/blocks/3/header",
        "/v1/proofs/committees?to=3",
        "/assets/CO2",
        "/assets/CO2/proof",
        &format!("/records/{}", document()),
        &format!("/records/{}/proof", document()),
        "/validators",
        "/search/all",
        "/live",
        "/openapi.json",
        "/static/app.js?v=",
        "/static/style.css?v=",
    ] {
        assert!(has(path), "{path} is not reached: {reached:#?}");
    }
}

#[tokio::test]
async fn pages_for_what_is_not_there_have_links_that_hold_under_a_prefix() {
    let proxy = Proxy::new();
    for (path, status) in [
        ("nowhere", 404),
        ("no/where/at/all/", 404),
        ("blocks/99999", 404),
        ("accounts/qr1x", 400),
        ("search?q=nothing", 404),
        ("search/all?q=nothing", 404),
    ] {
        let url = root().join(path).unwrap();
        let answer = proxy.get(&url).await;
        assert_eq!(answer.status, status, "{url}");
        let page = answer.text();
        assert_eq!(base(&url, &page), root(), "{url}");
        let own = links(&url, &page)
            .into_iter()
            .find(|link| link.fragment().is_some());
        assert_eq!(
            own,
            Some(url.join("#main").unwrap()),
            "to skip to the content stays on the page"
        );
        for link in links(&url, &page) {
            let found = proxy.get(&link).await.status.as_u16();
            let expected = if link.fragment().is_some() { status } else { 200 };
            assert!(found == expected || found == 303, "{link} of {url}: {found}");
        }
    }
}

#[tokio::test]
async fn what_the_search_finds_is_under_the_prefix_even_if_the_proxy_follows_redirects() {
    let proxy = Proxy::new();
    for (query, path) in [
        ("3".to_owned(), "blocks/3".to_owned()),
        ("co2".to_owned(), "assets/CO2".to_owned()),
        (wallet(11).to_string(), format!("accounts/{}", wallet(11))),
    ] {
        for search in ["search", "search/all"] {
            let url = root().join(&format!("{search}?q={query}")).unwrap();
            let answer = proxy.get(&url).await;
            assert_eq!(answer.status, 303);
            let found = url.join(answer.header("location").unwrap()).unwrap();
            assert_eq!(found, root().join(&path).unwrap());
        }
        // The browser sees the page that was found at the address of the search.
        let shown_at = root().join(&format!("search/all?q={query}")).unwrap();
        let page = proxy.get(&root().join(&path).unwrap()).await.text();
        assert_eq!(base(&shown_at, &page), root());
    }
}

#[tokio::test]
async fn the_script_asks_below_the_root_and_its_events_are_passed_on_at_once() {
    let proxy = Proxy::new();
    let script = proxy.get(&root().join("static/app.js").unwrap()).await.text();
    assert!(script.contains("new EventSource(\"live/heights\")"));
    assert!(!script.contains("(\"/"), "an address from the host's root");
    for stream in ["live/heights", "v1/events"] {
        let url = root().join(stream).unwrap();
        let request = Request::get(Proxy::inside(&url)).body(Body::empty()).unwrap();
        let response = proxy.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-accel-buffering"], "no", "{stream}");
    }
}

#[tokio::test]
async fn a_link_within_a_page_never_leads_to_another_host() {
    let proxy = Proxy::new();
    for path in ["//elsewhere.example/x", "/javascript:alert(1)"] {
        let request = Request::get(path).header("accept", "text/html");
        let page = send(&proxy.router, request.body(Body::empty()).unwrap())
            .await
            .text();
        let at = format!("{}{path}", ROOT.trim_end_matches('/')).parse().unwrap();
        for link in links(&at, &page) {
            assert!(link.as_str().starts_with(ROOT), "{link}");
        }
    }
}

#[tokio::test]
async fn assets_and_holders_page_on_under_a_prefix() {
    let fake = story::fake();
    let holders = (0..40).fold(draft(10, 90), |draft, to| {
        draft.transfer(wallet(100 + to), code("QRT"), Amount(5), "")
    });
    fake.commit(vec![holders.signed(&[10])], GENESIS_TIME + 3_600_000);
    let proxy = Proxy {
        router: router(&fake),
    };
    let first = root().join("assets/QRT").unwrap();
    let page = proxy.get(&first).await.text();
    let next = links(&first, &page)
        .into_iter()
        .find(|link| link.query().is_some_and(|query| query.starts_with("cursor=")))
        .unwrap();
    let second = proxy.get(&next).await;
    assert_eq!(second.status, 200);
    assert!(links(&next, &second.text()).contains(&first));
}
