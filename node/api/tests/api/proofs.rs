//! Proofs: who asks for which, as what they are given, and what they cost.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use quorate_api::{ApiConfig, Bound, ClientAddress, NoProof, ProofRequest};
use quorate_ledger::{Height, Timestamp};

use crate::fake::{Fake, GENESIS_TIME, code, network, wallet};
use crate::story::{self, Identified as _, document, payment};
use crate::web::{Answer, get, router, send, with_config};

const DAY: u64 = 86_400_000;

/// 2026-03-01T00:00:00Z.
const MIDNIGHT: u64 = GENESIS_TIME - 9 * 3_600_000;

/// The end of a statement without one: just behind the eighth block.
const BEHIND_TIP: Timestamp = Timestamp(GENESIS_TIME + 8 * 60_000 + 1);

/// Every proof with what it asks the node for.
fn requests() -> Vec<(String, ProofRequest)> {
    let (address, sha256) = (wallet(11), document());
    let id = payment(11, 12, 19_999, 3, "invoice 2026-0117").id();
    let statement = |from: u64, to: Timestamp| ProofRequest::Statement {
        address,
        from: Timestamp(from),
        to,
    };
    vec![
        (format!("transaction/{id}"), ProofRequest::Transaction { id }),
        (format!("erasure/{id}"), ProofRequest::Erasure { id }),
        (format!("account/{address}"), ProofRequest::Account { address }),
        (format!("statement/{address}"), statement(0, BEHIND_TIP)),
        (format!("statement/{address}?from=&to="), statement(0, BEHIND_TIP)),
        (
            format!("statement/{address}?from=2026-03-01T00:00:00Z&to=2026-03-02T01:00:00%2B01:00"),
            statement(MIDNIGHT, Timestamp(MIDNIGHT + DAY)),
        ),
        (
            // As elsewhere: a plus sign that was left as it is, and a time before all.
            format!("statement/{address}?from=1969-07-20T20:17:40Z&to=2026-03-02T01:00:00.250+01:00"),
            statement(0, Timestamp(MIDNIGHT + DAY + 250)),
        ),
        ("asset/QRT".to_owned(), ProofRequest::Asset { code: code("QRT") }),
        ("asset/EUR".to_owned(), ProofRequest::Asset { code: code("EUR") }),
        (
            format!("record/{sha256}"),
            ProofRequest::Record { sha256, by: None },
        ),
        (
            format!("record/{sha256}?by={address}"),
            ProofRequest::Record {
                sha256,
                by: Some(address),
            },
        ),
        ("block/8".to_owned(), ProofRequest::Block { height: Height(8) }),
        (
            "block/latest".to_owned(),
            ProofRequest::Block { height: Height(8) },
        ),
        ("committees".to_owned(), ProofRequest::Committees { to: None }),
        (
            "committees?to=7&min_height=8".to_owned(),
            ProofRequest::Committees { to: Some(Height(7)) },
        ),
    ]
}

#[tokio::test]
async fn each_proof_is_a_file_as_of_the_certified_height() {
    let fake = story::fake();
    let router = router(&fake);
    for (path, request) in requests() {
        let answer = get(&router, &format!("/v1/proofs/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain"), "{path}");
        assert_eq!(answer.header("quorate-height"), Some("8"), "{path}");
        let text = answer.text();
        let head = format!("\nnetwork {}\nhead 0 8 {}\nabout ", network(), fake.block_hash(8));
        assert!(
            text.starts_with("quorate proof 2 ") && text.contains(&head),
            "{text}"
        );
        assert_eq!(fake.proofs.asked.lock().unwrap().pop(), Some(request), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_asked_for_properly_is_refused_before_the_node_is_asked() {
    let fake = story::fake();
    let router = router(&fake);
    let (address, hash) = (wallet(11), document());
    for (path, code) in [
        ("transaction/7".to_owned(), "malformed_hash"),
        ("erasure/7".to_owned(), "malformed_hash"),
        ("account/alice".to_owned(), "malformed_address"),
        ("statement/alice".to_owned(), "malformed_address"),
        (format!("statement/{address}?from=1"), "malformed_range"),
        (format!("statement/{address}?to=8"), "malformed_range"),
        (format!("statement/{address}?from=2026-03-01"), "malformed_range"),
        (format!("statement/{address}?to=yesterday"), "malformed_range"),
        (format!("statement/{address}?since=1"), "unknown_parameter"),
        ("asset/qrt".to_owned(), "malformed_asset"),
        ("record/7".to_owned(), "malformed_hash"),
        (format!("record/{hash}?by=alice"), "malformed_address"),
        ("block/x".to_owned(), "malformed_block"),
        ("committees?to=2026-03-01T00:00:00Z".to_owned(), "malformed_range"),
        ("committees?to=-1".to_owned(), "malformed_range"),
        ("committees?from=1".to_owned(), "unknown_parameter"),
        ("committees?min_height=x".to_owned(), "malformed_min_height"),
    ] {
        let answer = get(&router, &format!("/v1/proofs/{path}")).await;
        assert_eq!(answer.problem(), (400, code.to_owned()), "{path}");
    }
    assert!(fake.proofs.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_proven_has_a_code_that_says_why() {
    let fake = story::fake();
    let router = router(&fake);
    let why = || "because of something".to_owned();
    for (reason, status, code) in [
        (NoProof::NotSo(why()), 404, "nothing_to_prove"),
        (NoProof::Malformed(why()), 400, "malformed_range"),
        (NoProof::TooLong(why()), 422, "proof_too_long"),
        (NoProof::NotAtHand(why()), 404, "not_at_hand"),
    ] {
        let statement = format!("/statement/{}", wallet(11));
        for path in [
            format!("/v1/proofs{statement}"),
            format!("/accounts/{}/statement/proof", wallet(11)),
        ] {
            fake.proofs.answers.lock().unwrap().push_back(Err(reason.clone()));
            let answer = get(&router, &path).await;
            assert_eq!(answer.status, status, "{path}");
            assert!(answer.text().contains("because of something"), "{path}");
            if path.starts_with("/v1/") {
                assert_eq!(answer.problem().1, code);
            } else {
                let told = format!("data-code=\"{code}\"");
                assert!(answer.text().contains(&told), "{}", answer.text());
            }
        }
    }
    // What the node says of itself comes through.
    let empty = format!(
        "/v1/proofs/statement/{}?from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z",
        wallet(11)
    );
    assert_eq!(
        get(&router, &empty).await.problem(),
        (400, "malformed_range".to_owned())
    );
    let unknown = format!("/v1/proofs/transaction/{}", document());
    assert_eq!(
        get(&router, &unknown).await.problem(),
        (404, "nothing_to_prove".to_owned())
    );
}

#[tokio::test]
async fn nothing_is_proven_before_the_first_block() {
    let fake = Fake::new();
    let router = router(&fake);
    for (path, _) in requests() {
        let path = path.replace("&min_height=8", "");
        let answer = get(&router, &format!("/v1/proofs/{path}")).await;
        assert_eq!(answer.problem(), (404, "no_blocks".to_owned()), "{path}");
    }
    assert!(fake.proofs.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proof_that_is_longer_than_one_may_be_is_not_given() {
    let fake = story::fake();
    let config = ApiConfig {
        max_proof_bytes: 1_000,
        ..ApiConfig::default()
    };
    let router = with_config(&fake, config);
    for (length, status) in [(1_000, 200), (1_001, 422)] {
        fake.proofs
            .answers
            .lock()
            .unwrap()
            .push_back(Ok("a".repeat(length)));
        let answer = get(&router, "/v1/proofs/committees").await;
        assert_eq!(answer.status, status, "{length}");
        if status == 422 {
            assert_eq!(answer.problem().1, "proof_too_long");
        }
    }
}

async fn ask(router: &Router, last: u8, path: &str) -> Answer {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
    request.extensions_mut().insert(client);
    send(router, request).await
}

#[tokio::test]
async fn an_address_has_one_proof_made_at_a_time_and_leaves_the_others_theirs_and_all_their_reads() {
    const PATH: &str = "/v1/proofs/committees";
    let fake = story::fake();
    *fake.proofs.work.takes.lock().unwrap() = Duration::from_millis(50);
    let router = router(&fake);
    let alone = futures::future::join_all((0..4).map(|_| ask(&router, 1, PATH))).await;
    assert!(alone.iter().all(|answer| answer.status == 200));
    assert_eq!(fake.proofs.work.most_at_once(), 1);
    // Of several addresses no more than the bound for all.
    let all = ApiConfig::default().max_proofs.all;
    let many = futures::future::join_all((1..=12).map(|last| ask(&router, last, PATH))).await;
    assert!(many.iter().all(|answer| answer.status == 200));
    let most = fake.proofs.work.most_at_once();
    assert!((2..=all).contains(&most), "{most}");
}

#[tokio::test]
async fn who_waits_for_a_proof_still_reads() {
    let fake = story::fake();
    let config = ApiConfig {
        max_reads: Bound::of(2, 2),
        ..ApiConfig::default()
    };
    *fake.proofs.work.takes.lock().unwrap() = Duration::from_millis(300);
    let router = with_config(&fake, config);
    let mut proofs = Box::pin(futures::future::join_all(
        (0..3).map(|_| ask(&router, 1, "/v1/proofs/committees")),
    ));
    assert!(futures::poll!(&mut proofs).is_pending());
    let status = ask(&router, 1, "/v1/status").await;
    assert_eq!(status.status, 200);
    assert!(
        futures::poll!(&mut proofs).is_pending(),
        "it was answered before they were"
    );
    assert!(proofs.await.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn the_explorer_saves_proofs_as_files_and_takes_dates_with_both_their_ends() {
    let fake = story::fake();
    let router = router(&fake);
    let (address, sha256) = (wallet(11), document());
    let id = payment(11, 12, 19_999, 3, "invoice 2026-0117").id();
    let statement = |from: u64, to: Timestamp| ProofRequest::Statement {
        address,
        from: Timestamp(from),
        to,
    };
    let day = Timestamp(MIDNIGHT + DAY);
    let third = GENESIS_TIME + 3 * 60_000;
    for (path, name, request) in [
        (
            format!("transactions/{id}/proof"),
            format!("transaction-{id}"),
            ProofRequest::Transaction { id },
        ),
        (
            format!("accounts/{address}/proof"),
            format!("account-{address}"),
            ProofRequest::Account { address },
        ),
        (
            "assets/qrt/proof".to_owned(),
            "asset-QRT".to_owned(),
            ProofRequest::Asset { code: code("QRT") },
        ),
        (
            format!("records/{sha256}/proof"),
            format!("record-{sha256}"),
            ProofRequest::Record { sha256, by: None },
        ),
        (
            format!("records/{sha256}/proof?by={address}"),
            format!("record-{sha256}"),
            ProofRequest::Record {
                sha256,
                by: Some(address),
            },
        ),
        (
            format!("accounts/{address}/statement/proof?from=2026-03-01&to=2026-03-01"),
            format!("statement-{address}"),
            statement(MIDNIGHT, day),
        ),
        (
            // The third block, itself included.
            format!("accounts/{address}/statement/proof?from=3&to=3"),
            format!("statement-{address}"),
            statement(third, Timestamp(third + 1)),
        ),
        (
            format!("accounts/{address}/statement/proof?from=0&to=99"),
            format!("statement-{address}"),
            statement(0, BEHIND_TIP),
        ),
        (
            format!("accounts/{address}/statement/proof?from=&to="),
            format!("statement-{address}"),
            statement(0, BEHIND_TIP),
        ),
    ] {
        let answer = get(&router, &format!("/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain"), "{path}");
        let kept = format!("attachment; filename=\"{name}.proof\"");
        assert_eq!(
            answer.header("content-disposition"),
            Some(kept.as_str()),
            "{path}"
        );
        assert_eq!(fake.proofs.asked.lock().unwrap().pop(), Some(request), "{path}");
    }
    for (path, code) in [
        (
            format!("accounts/{address}/statement/proof?from=soon"),
            "malformed_range",
        ),
        (
            format!("accounts/{address}/statement/proof?kind=mint"),
            "unknown_parameter",
        ),
        ("accounts/alice/statement/proof".to_owned(), "malformed_address"),
        (format!("records/{sha256}/proof?by=alice"), "malformed_address"),
        (format!("transactions/{id}/proof?by=x"), "unknown_parameter"),
    ] {
        let answer = get(&router, &format!("/{path}")).await;
        assert_eq!(answer.status, 400, "{path}");
        let told = format!("data-code=\"{code}\"");
        assert!(answer.text().contains(&told), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn pages_lead_to_the_proofs_of_what_they_show() {
    let router = router(&story::fake());
    let id = payment(11, 12, 19_999, 3, "invoice 2026-0117").id();
    for path in [
        format!("transactions/{id}"),
        format!("accounts/{}", wallet(11)),
        "assets/CO2".to_owned(),
        format!("records/{}", document()),
    ] {
        let page = get(&router, &format!("/{path}")).await.text();
        let link = format!("<a href=\"{path}/proof\">proof</a>");
        assert!(page.contains(&link), "{page}");
    }
    let page = get(&router, &format!("/accounts/{}", wallet(11))).await.text();
    let form = format!("id=\"statement\" action=\"accounts/{}/statement\"", wallet(11));
    assert!(page.contains(&form), "{page}");
    let path = format!("/accounts/{}/statement?from=3", wallet(11));
    let page = get(&router, &path).await.text();
    // The proof is of the same time: of all blocks that there were.
    let link = format!(
        "href=\"accounts/{}/statement/proof?from=3&amp;to=8\">proof</a>",
        wallet(11)
    );
    assert!(page.contains(&link), "{page}");
}
