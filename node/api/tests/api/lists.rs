//! Lists of whole transactions: of a block, and of the chain with filters.

use axum::http::Method;
use quorate_crypto::sha256;
use serde_json::Value;

use crate::fake::{GENESIS_TIME, wallet};
use crate::story::{self, document, payment};
use crate::web::{get, router, send_body};

/// All pages of a list, joined.
async fn whole(router: &axum::Router, path: &str, limit: usize) -> Vec<Value> {
    let (mut transactions, mut cursor) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = get(router, &format!("{path}{sign}limit={limit}&cursor={cursor}")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert_eq!(page.header("quorate-height"), Some("8"), "{path}");
        let page = page.json();
        let found = page["transactions"].as_array().unwrap();
        assert!(found.len() <= limit, "{path}");
        transactions.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return transactions,
        }
    }
}

/// Every transaction of the story, newest first, asked for one by one.
async fn one_by_one(router: &axum::Router) -> Vec<Value> {
    let mut all = Vec::new();
    for height in (1..=8).rev() {
        let block = get(router, &format!("/v1/blocks/{height}")).await.json();
        for id in block["transactions"].as_array().unwrap().iter().rev() {
            let path = format!("/v1/transactions/{}", id.as_str().unwrap());
            all.push(get(router, &path).await.json());
        }
    }
    all
}

#[tokio::test]
async fn a_blocks_transactions_come_whole_and_in_their_order() {
    let router = router(&story::fake());
    for height in 1..=8 {
        let path = format!("/v1/blocks/{height}/transactions");
        let mut expected = one_by_one(&router).await;
        expected.retain(|transaction| transaction["height"] == height);
        expected.reverse();
        for limit in [1, 2, 200] {
            assert_eq!(whole(&router, &path, limit).await, expected, "{height}");
        }
    }
    // The last page says so: nobody has to ask for an empty one.
    let page = get(&router, "/v1/blocks/6/transactions?limit=3").await.json();
    assert_eq!(page["transactions"].as_array().unwrap().len(), 3);
    assert!(page["next"].is_null());
    assert_eq!(
        whole(&router, "/v1/blocks/5/transactions", 1).await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn further_pages_of_the_latest_block_are_of_that_block() {
    let fake = story::fake();
    let router = router(&fake);
    let first = get(&router, "/v1/blocks/latest/transactions?limit=1")
        .await
        .json();
    let next = first["next"].as_str().unwrap();
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    let path = format!("/v1/blocks/latest/transactions?limit=1&cursor={next}");
    let second = get(&router, &path).await.json();
    let eighth = get(&router, "/v1/blocks/8/transactions").await.json();
    assert_eq!(
        [&first["transactions"][0], &second["transactions"][0]],
        [&eighth["transactions"][0], &eighth["transactions"][1]]
    );
    // A cursor of one block says nothing about another.
    let other = get(&router, &format!("/v1/blocks/6/transactions?cursor={next}")).await;
    assert_eq!(other.problem(), (400, "malformed_cursor".to_owned()));
}

#[tokio::test]
async fn the_chains_transactions_come_newest_first_and_pages_join() {
    let router = router(&story::fake());
    let expected = one_by_one(&router).await;
    assert_eq!(expected.len(), 13);
    for limit in [1, 3, 13, 200] {
        assert_eq!(whole(&router, "/v1/transactions", limit).await, expected);
    }
    let page = get(&router, "/v1/transactions?limit=13").await.json();
    assert!(page["next"].is_null());
}

/// A query, what it takes, and how many of the story's transactions that are.
type Case<'a> = (&'a str, &'a dyn Fn(&Value) -> bool, usize);

#[tokio::test]
async fn each_filter_leaves_what_it_says() {
    let router = router(&story::fake());
    let all = one_by_one(&router).await;
    let has = |transaction: &Value, kind: Option<&str>, asset: Option<&str>| {
        transaction["operations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|operation| {
                let of_asset = [&operation["asset"], &operation["code"]];
                kind.is_none_or(|kind| operation["type"] == kind)
                    && asset.is_none_or(|asset| of_asset.iter().any(|code| *code == asset))
            })
    };
    let at = |transaction: &Value| transaction["height"].as_u64().unwrap();
    let filters: [Case<'_>; 20] = [
        ("asset=CO2", &|it| has(it, None, Some("CO2")), 2),
        ("asset=EUR", &|_| false, 0),
        ("kind=mint", &|it| has(it, Some("mint"), None), 1),
        ("kind=put_record", &|it| has(it, Some("put_record"), None), 2),
        ("kind=set_signers", &|it| has(it, Some("set_signers"), None), 1),
        ("kind=burn&asset=QRT", &|_| false, 0),
        ("kind=burn&asset=CO2", &|it| has(it, Some("burn"), None), 1),
        ("from=3&to=6", &|it| (3..=6).contains(&at(it)), 6),
        ("from=6&to=6", &|it| at(it) == 6, 3),
        ("from=7&to=3", &|_| false, 0),
        ("from=9", &|_| false, 0),
        ("to=0", &|_| false, 0),
        // No block is so old: a bound all the same.
        ("from=1969-07-20T20:17:40Z", &|_| true, all.len()),
        ("to=1969-07-20T20:17:40Z", &|_| false, 0),
        // Block n is n minutes after nine.
        ("from=2026-03-01T09:07:00Z", &|it| at(it) >= 7, 4),
        ("from=2026-03-01T09:06:00.001Z", &|it| at(it) >= 7, 4),
        ("to=2026-03-01T09:02:59.999Z", &|it| at(it) <= 2, 3),
        // A plus sign that was left as it is means a space.
        ("to=2026-03-01T10:02:00+01:00", &|it| at(it) <= 2, 3),
        ("to=2026-03-01T10:02:00%2B01:00", &|it| at(it) <= 2, 3),
        (
            "from=2026-03-01T09:02:00Z&to=7&kind=transfer&asset=QRT",
            &|it| (2..=7).contains(&at(it)) && has(it, Some("transfer"), Some("QRT")),
            4,
        ),
    ];
    for (query, takes, count) in filters {
        let expected: Vec<Value> = all.iter().filter(|it| takes(it)).cloned().collect();
        assert_eq!(expected.len(), count, "{query}");
        for limit in [1, 200] {
            let listed = whole(&router, &format!("/v1/transactions?{query}"), limit).await;
            assert_eq!(listed, expected, "{query}");
        }
        // The same of an account: its history is what is looked through.
        let account = wallet(12);
        let history = whole(&router, &format!("/v1/accounts/{account}/transactions"), 200).await;
        let expected: Vec<Value> = history.into_iter().filter(|it| takes(it)).collect();
        for limit in [1, 200] {
            let path = format!("/v1/transactions?account={account}&{query}");
            assert_eq!(whole(&router, &path, limit).await, expected, "{query}");
        }
    }
    let unused = format!("/v1/transactions?account={}", wallet(99));
    assert_eq!(whole(&router, &unused, 25).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_sender_leaves_what_it_sent_and_with_an_account_what_came_from_it() {
    let router = router(&story::fake());
    let all = one_by_one(&router).await;
    let sent_by = |list: &[Value], sender: &str| -> Vec<Value> {
        let sent = list.iter().filter(|transaction| transaction["sender"] == sender);
        sent.cloned().collect()
    };
    let ids =
        |list: &[Value]| -> Vec<Value> { list.iter().map(|transaction| transaction["id"].clone()).collect() };
    for (sender, count) in [(10, 3), (11, 4), (12, 4), (13, 1), (15, 1), (99, 0)] {
        let sender = wallet(sender).to_string();
        let expected = sent_by(&all, &sender);
        assert_eq!(expected.len(), count, "{sender}");
        for limit in [1, 200] {
            let listed = whole(&router, &format!("/v1/transactions?sender={sender}"), limit).await;
            assert_eq!(ids(&listed), ids(&expected), "{sender}");
        }
        for account in [10, 11, 12, 13].map(wallet) {
            let history = whole(&router, &format!("/v1/accounts/{account}/transactions"), 200).await;
            let expected = sent_by(&history, &sender);
            for limit in [1, 200] {
                let path = format!("/v1/transactions?account={account}&sender={sender}");
                assert_eq!(whole(&router, &path, limit).await, expected, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_is_taken_by_the_list_and_the_filters_that_it_was_made_with_alone() {
    let router = router(&story::fake());
    let account = |path: &str| path.replace("ADDRESS", &wallet(11).to_string());
    let lists = [
        account("/v1/transactions?"),
        account("/v1/transactions?kind=transfer&"),
        account("/v1/transactions?to=7&"),
        account("/v1/transactions?account=ADDRESS&"),
        account("/v1/transactions?sender=ADDRESS&"),
        account("/v1/accounts/ADDRESS/transactions?"),
        account("/v1/blocks/latest/transactions?"),
        account("/v1/blocks?"),
        account("/v1/assets?"),
        account("/v1/assets/QRT/holders?"),
        account("/v1/assets/CO2/holders?"),
        format!("/v1/records/{}?", document()),
    ];
    let mut cursors = Vec::new();
    for list in &lists {
        let page = get(&router, &format!("{list}limit=1")).await.json();
        cursors.push(
            page["next"]
                .as_str()
                .unwrap_or_else(|| panic!("{list}: {page}"))
                .to_owned(),
        );
    }
    let nothing = format!("/v1/records/{}?", sha256(b"never recorded"));
    for (made, cursor) in lists.iter().zip(&cursors) {
        assert!(cursor.len() <= 60, "{cursor}");
        for asked in lists.iter().chain([&nothing]) {
            let answer = get(&router, &format!("{asked}limit=1&cursor={cursor}")).await;
            if asked == made {
                assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
                continue;
            }
            assert_eq!(
                answer.problem(),
                (400, "malformed_cursor".to_owned()),
                "{made} {asked}"
            );
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("another list"), "{detail}");
        }
    }
}

#[tokio::test]
async fn filters_that_say_nothing_are_refused() {
    let router = router(&story::fake());
    let hash = document();
    for (query, code) in [
        ("account=alice", "malformed_address"),
        ("asset=qrt", "malformed_asset"),
        ("kind=payment", "malformed_kind"),
        ("kind=Mint", "malformed_kind"),
        ("from=yesterday", "malformed_range"),
        ("to=2026-03-01", "malformed_range"),
        ("to=-1", "malformed_range"),
        ("cursor=7", "malformed_cursor"),
        ("cursor=7.4294967296", "malformed_cursor"),
        ("limit=201", "malformed_limit"),
        ("sender=alice", "malformed_address"),
        ("payer=x", "unknown_parameter"),
        ("wait=committed", "unknown_parameter"),
        ("from=1&from=2", "malformed_query"),
    ] {
        let answer = get(&router, &format!("/v1/transactions?{query}")).await;
        assert_eq!(answer.problem(), (400, code.to_owned()), "{query}");
    }
    let of_account = format!("/v1/transactions?account={}&cursor=7.0", wallet(11));
    assert_eq!(get(&router, &of_account).await.problem().1, "malformed_cursor");
    let submitted = send_body(&router, Method::POST, "/v1/transactions?limit=1", "", "").await;
    assert_eq!(submitted.problem().1, "unknown_parameter");
    for (path, status, code) in [
        ("/v1/blocks/9/transactions".to_owned(), 404, "unknown_block"),
        (format!("/v1/blocks/{hash}/transactions"), 404, "unknown_block"),
        ("/v1/blocks/one/transactions".to_owned(), 400, "malformed_block"),
        (
            "/v1/blocks/1/transactions?kind=mint".to_owned(),
            400,
            "unknown_parameter",
        ),
        (
            "/v1/blocks/1/transactions?cursor=1".to_owned(),
            400,
            "malformed_cursor",
        ),
    ] {
        assert_eq!(
            get(&router, &path).await.problem(),
            (status, code.to_owned()),
            "{path}"
        );
    }
    let empty = router_of_nothing();
    let page = get(&empty, "/v1/transactions").await.json();
    assert_eq!(page, serde_json::json!({ "transactions": [], "next": null }));
    let latest = get(&empty, "/v1/blocks/latest/transactions").await;
    assert_eq!(latest.problem(), (404, "no_blocks".to_owned()));
}

fn router_of_nothing() -> axum::Router {
    router(&crate::fake::Fake::new())
}
