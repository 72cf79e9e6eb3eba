//! The explorer's pages beside its lists of transactions and records: charts, validators and members, holds and
//! statements; a file of every list, and pages that join.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use quorate_crypto::sha256;
use quorate_ledger::{Amount, Condition, ConditionLeaf, Keep, Operation, Timestamp};

use crate::audit::{browse, column, rows, walk};
use crate::fake::{Fake, GENESIS_TIME, NAMES, code, key, wallet};
use crate::story::{self, Draft as _, Identified as _, Settlement, document, draft, payment};
use crate::web::{get_bytes, router};

/// Twelve blocks, after which one of two holds is partly released, and the other given back.
pub(crate) fn settled() -> (Arc<Fake>, Settlement) {
    let (fake, settlement) = (story::fake(), Settlement::new());
    settlement.commit(&fake);
    (fake, settlement)
}

pub(crate) async fn page(router: &Router, path: &str) -> String {
    let answer = browse(router, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// The text of markup, with a single space wherever there is one or a tag.
fn words(markup: &str) -> String {
    let markup = format!("<>{markup}");
    let pieces = markup.split('<').filter_map(|piece| piece.split_once('>'));
    let words = pieces.flat_map(|(_, text)| text.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn told(cells: &[String]) -> Vec<String> {
    cells.iter().map(|cell| words(cell)).collect()
}

/// What stands behind a mark in a page, up to another.
pub(crate) fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = page
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin}: {page}"));
    rest.split(end).next().unwrap()
}

#[tokio::test]
async fn each_chart_says_what_it_shows_and_its_figures_stand_in_a_table() {
    let router = router(&story::fake());
    let page = page(&router, "/").await;
    for id in ["count", "throughput", "latency", "size"] {
        let svg = between(
            &page,
            &format!("aria-labelledby=\"{id}-title {id}-detail\">"),
            "</svg>",
        );
        assert!(svg.contains(&format!("<title id=\"{id}-title\">")), "{svg}");
        assert!(svg.contains(&format!("<desc id=\"{id}-detail\">")), "{svg}");
    }
    let of = |label: &str| told(&column(&page, "block-figures", label));
    assert_eq!(of("Transactions"), ["2", "2", "3", "0", "1", "2", "1", "2"]);
    // The third block was fetched, and the fifth is empty.
    let latencies = ["61", "54", "47", "not known", "68", "not known", "54", "47"];
    assert_eq!(of("Latency (ms)"), latencies);
    let size = get_bytes(&router, "/v1/blocks/2").await.body.len();
    assert_eq!(of("Size (bytes)")[6].replace(',', ""), size.to_string());
    // Seven minutes, in which eleven of the thirteen transactions came.
    let counts = told(&column(&page, "throughput-figures", "Transactions"));
    let counts: u32 = counts.iter().map(|count| count.parse::<u32>().unwrap()).sum();
    assert_eq!(counts, 11);
    let busiest = told(&column(&page, "throughput-figures", "A second"));
    assert!(busiest.contains(&"0.171".to_owned()), "{busiest:?}");
    // Once read, a block is not read again.
    assert!(
        self::page(&router, "/live")
            .await
            .contains("id=\"block-figures\"")
    );
}

#[tokio::test]
async fn validators_are_shown_with_uptime_seals_and_evidence() {
    let router = router(&story::fake());
    let list = page(&router, "/validators").await;
    let uptime = |name: &str| between(&list, &format!("data-uptime=\"{name}\">"), "<").to_owned();
    // Most of the eight certificates lack one, but of the last block a late seal was heard.
    assert_eq!(NAMES.map(uptime), ["87.5 %", "75.0 %", "75.0 %", "87.5 %"]);
    assert!(list.contains("since this node’s start alone"), "{list}");
    let own = page(&router, &format!("/validators/{}", NAMES[3])).await;
    assert!(own.contains("<span id=\"uptime\">87.5 %</span>"), "{own}");
    let missed = words(between(&own, "id=\"missed\">", "</p>"));
    assert_eq!(missed, "Of the last 8 blocks no seal of it is known of 1: 3 .");
    let strip = between(&own, "<desc id=\"sealed-detail\">", "<");
    assert_eq!(strip, "7 of 8 blocks sealed, from 1 to 8");
    for shown in [key(4).public(), key(204).public(), key(214).public()] {
        assert!(own.contains(&shown.to_string()), "{shown}");
    }
    assert!(own.contains("href=\"members/delta-clearing\""), "{own}");
    assert_eq!(told(&column(&own, "evidence", "What")), ["double prepare"]);
    let clean = page(&router, &format!("/validators/{}", NAMES[0])).await;
    assert_eq!(column(&clean, "evidence", "What"), [""; 0]);
    let file = rows(&browse(&router, "/evidence.csv").await);
    assert_eq!(
        (file[0]["first"].as_str(), file[0]["second"].as_str()),
        ("000102", "000103")
    );
    let file = rows(&browse(&router, "/validators.csv").await);
    assert_eq!(file.len(), 4);
    assert_eq!(
        (file[3]["blocks_sealed"].as_str(), file[3]["blocks"].as_str()),
        ("7", "8")
    );
    for unknown in ["/validators/nobody", "/members/nobody"] {
        assert_eq!(browse(&router, unknown).await.status, 404);
    }
}

#[tokio::test]
async fn members_are_shown_with_their_keys_roles_and_signers() {
    let router = router(&story::fake());
    let list = page(&router, "/members").await;
    assert_eq!(told(&column(&list, "members", "Member")), NAMES);
    let own = page(&router, &format!("/members/{}", NAMES[1])).await;
    assert!(
        own.contains(&format!("href=\"accounts/{}\"", wallet(102))),
        "{own}"
    );
    assert!(own.contains("href=\"validators/borealis\""), "{own}");
    for shown in [key(2).public(), key(202).public(), key(212).public()] {
        assert!(own.contains(&format!("title=\"{shown}\"")), "{shown}");
    }
    assert!(own.contains("signs alone"), "{own}");
    let file = rows(&browse(&router, "/members.csv").await);
    assert_eq!(file[1]["account"], wallet(102).to_string());
}

#[tokio::test]
async fn open_holds_are_listed_of_an_account_of_an_asset_and_of_both() {
    let (fake, _) = settled();
    // Many of several accounts, in two assets.
    let hold = |asset: &str, amount: u128| Operation::Hold {
        beneficiary: wallet(20),
        asset: code(asset),
        amount: Amount(amount),
        until: Timestamp(GENESIS_TIME + 86_400_000),
        condition: Condition::new(1, vec![ConditionLeaf::Signs(wallet(20))]),
    };
    for (from, count) in [(11, 3), (12, 30), (13, 1)] {
        let holds = (0..count).map(|place| match (from, place % 2) {
            (12 | 13, 0) => hold("CO2", 10 + place),
            _ => hold("QRT", 10 + place),
        });
        let signers: &[u8] = if from == 11 { &[11, 51, 52] } else { &[from] };
        let made = holds.fold(draft(from, 80), |draft, hold| draft.operation(hold));
        fake.commit(
            vec![made.signed(signers)],
            GENESIS_TIME + 1_200_000 + u64::from(from),
        );
    }
    let router = router(&fake);
    let amounts = async |path: &str| {
        let mut amounts = told(&walk(&router, path, "holds", "Amount left").await);
        amounts.sort();
        amounts
    };
    // The escrow of the story is one of wallet 12's, and all in CO2 are the fifteen and wallet 13's.
    let counts = [
        (format!("/holds?account={}", wallet(12)), 31),
        (format!("/holds?account={}&asset=co2", wallet(12)), 15),
        ("/holds?asset=CO2".to_owned(), 16),
        ("/holds?asset=QRT".to_owned(), 3 + 15 + 1),
        (format!("/holds?account={}", wallet(99)), 0),
    ];
    for (path, count) in &counts {
        let all = amounts(path).await;
        assert_eq!(all.len(), *count, "{path}: {all:?}");
        for limit in [1, 7] {
            assert_eq!(amounts(&format!("{path}&limit={limit}")).await, all, "{path}");
            let file = path.replace("/holds?", "/holds.csv?");
            let (mut units, mut at) = (0, format!("{file}&limit={limit}"));
            loop {
                let part = rows(&browse(&router, &at).await);
                units += part.iter().filter(|row| !row["units"].is_empty()).count();
                match part
                    .last()
                    .map(|row| row["next"].clone())
                    .filter(|next| !next.is_empty())
                {
                    Some(next) => at = format!("/{next}"),
                    None => break,
                }
            }
            assert_eq!(units, *count, "{file}");
        }
    }
    let start = page(&router, "/holds").await;
    assert!(
        start.contains("id=\"choose\"") && !start.contains("<table"),
        "{start}"
    );
    let account = page(&router, &format!("/accounts/{}", wallet(12))).await;
    assert_eq!(column(&account, "holds", "Amount left").len(), 10);
    assert!(
        account.contains(&format!("href=\"holds?account={}\"", wallet(12))),
        "{account}"
    );
    for (path, code) in [
        ("/holds.csv", "malformed_query"),
        ("/holds?asset=CO2&sender=x", "unknown_parameter"),
        ("/holds?account=alice", "malformed_address"),
        ("/holds?asset=CO2&cursor=7", "malformed_cursor"),
    ] {
        let answer = browse(&router, path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains(&format!("data-code=\"{code}\"")), "{path}");
    }
}

#[tokio::test]
async fn a_hold_has_a_page_with_what_is_left_and_what_became_of_it() {
    let (fake, settlement) = settled();
    let router = router(&fake);
    let made = settlement.holds.id();
    let escrow = page(&router, &format!("/holds/{made}.0")).await;
    assert!(escrow.contains("data-state=\"open\""), "{escrow}");
    assert!(
        words(between(&escrow, "<span id=\"left\">", "</dd>")).contains("300.00 QRT"),
        "{escrow}"
    );
    assert_eq!(told(&column(&escrow, "fate", "What")), ["Release"]);
    assert_eq!(told(&column(&escrow, "fate", "Amount")), ["200.00 QRT"]);
    assert!(
        escrow.contains("<q id=\"memo\">escrow for the delivery</q>"),
        "{escrow}"
    );
    let tonne = page(&router, &format!("/holds/{made}.1")).await;
    assert!(tonne.contains("data-state=\"closed\""), "{tonne}");
    assert_eq!(told(&column(&tonne, "fate", "What")), ["Refund"]);
    // What tells of a hold leads to it.
    for submission in [&settlement.release, &settlement.refund] {
        let told = page(&router, &format!("/transactions/{}", submission.id())).await;
        assert!(told.contains(&format!("href=\"holds/{made}.")), "{told}");
    }
    // A transfer, an operation that is not there, and names that are none.
    let delivery = settlement.delivery.id();
    for path in [
        format!("{delivery}.0"),
        format!("{made}.2"),
        format!("{made}.999"),
        made.to_string(),
    ] {
        assert_eq!(
            browse(&router, &format!("/holds/{path}")).await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(browse(&router, "/holds/7.0").await.status, 400);
}

/// Blocks 3 to 6: a payment, a record, and a cent that comes.
#[tokio::test]
async fn a_statement_has_the_balances_before_and_after_and_what_each_entry_changed() {
    let router = router(&story::fake());
    let path = format!("/accounts/{}/statement", wallet(11));
    for span in ["from=3&to=6", "from=2026-03-01T09:03:00Z&to=2026-03-01+09:06"] {
        let statement = page(&router, &format!("{path}?{span}")).await;
        let balance =
            |which: &str| between(&statement, &format!("data-{which}=\"QRT\">"), "</data>").to_owned();
        assert!(
            balance("opening").ends_with(">53,575.31"),
            "{}",
            balance("opening")
        );
        assert!(
            balance("closing").ends_with(">53,375.33"),
            "{}",
            balance("closing")
        );
        let of = |label: &str| told(&column(&statement, "entries", label));
        assert_eq!(of("Number"), ["3", "4", "5"]);
        assert_eq!(of("Change"), ["− 199.99 QRT", "none", "+ 0.01 QRT"]);
        assert_eq!(of("Balance after")[2], "53,375.33 QRT");
        let csv = between(&statement, "As data: <a href=\"", "\"").replace("&amp;", "&");
        let file = rows(&browse(&router, &format!("/{csv}")).await);
        let cells = |name: &str| -> Vec<String> { file.iter().map(|row| row[name].clone()).collect() };
        assert_eq!(cells("row"), ["opening", "entry", "entry", "entry", "closing"]);
        assert_eq!(
            cells("free_after"),
            ["5357531", "5337532", "", "5337533", "5337533"]
        );
        assert_eq!(cells("change"), ["", "-199.99", "", "0.01", ""]);
    }
    // Of nothing, and of nobody.
    let none = page(&router, &format!("{path}?from=5&to=5")).await;
    assert!(none.contains("No entry is in this time."), "{none}");
    let unused = page(&router, &format!("/accounts/{}/statement", wallet(99))).await;
    assert!(unused.contains("The account had nothing"), "{unused}");
    for (query, code) in [
        ("from=soon", "malformed_range"),
        ("kind=mint", "unknown_parameter"),
        ("cursor=3", "malformed_cursor"),
    ] {
        let answer = browse(&router, &format!("{path}?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(
            answer.text().contains(&format!("data-code=\"{code}\"")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_is_held_stands_in_a_statement_beside_what_can_be_used() {
    let (fake, _) = settled();
    let path = format!("/accounts/{}/statement?from=9&to=9", wallet(12));
    let statement = page(&router(&fake), &path).await;
    let changes = told(&column(&statement, "entries", "Change"));
    // Two tonnes for 90.00, then two holds, then a record of a deed.
    assert_eq!(
        changes,
        [
            "− 2.000000 CO2 + 90.00 QRT",
            "− 1.000000 CO2 held + 1.000000 CO2 − 500.00 QRT held + 500.00 QRT",
            "none",
        ]
    );
}

/// A reader who turns pages while blocks are made sees what there was, and nothing twice.
#[tokio::test]
async fn pages_of_every_list_join_while_blocks_are_made() {
    let fake = story::fake();
    let (mut round, mut time) = (0, GENESIS_TIME + 3_600_000);
    for each in 0..40 {
        let asset = format!("A{each:02}");
        let paid = draft(10, 100 + each)
            .transfer(wallet(11), code("QRT"), Amount(1), "")
            .transfer(wallet(60 + each), code("QRT"), Amount(1), "")
            .create_asset(code(&asset), 0, "")
            .record(document(), Keep::Log, "", Vec::<u8>::new())
            .signed(&[10]);
        fake.commit(vec![paid], time + u64::from(each));
    }
    let many = (1..=60).map(|cents| payment(10, 12, cents, 250, ""));
    fake.commit(many.collect(), time + 100);
    time += 200;
    let router = router(&fake);
    let account = wallet(11);
    for (path, table, label) in [
        ("/blocks".to_owned(), "blocks", "Hash"),
        ("/blocks/49".to_owned(), "transactions", "Transaction"),
        ("/transactions".to_owned(), "transactions", "Transaction"),
        (
            format!("/transactions?account={account}"),
            "transactions",
            "Transaction",
        ),
        (format!("/accounts/{account}"), "history", "Transaction"),
        (format!("/accounts/{account}/statement"), "entries", "Transaction"),
        ("/records".to_owned(), "records", "Transaction"),
        (format!("/records/{}", document()), "records", "Transaction"),
    ] {
        let expected = walk(&router, &path, table, label).await;
        assert!(expected.len() > 25, "{path}: {}", expected.len());
        let (mut joined, mut at) = (Vec::new(), path.clone());
        loop {
            let text = page(&router, &at).await;
            joined.extend(column(&text, table, label));
            round += 1;
            let busy = draft(10, 200)
                .transfer(account, code("QRT"), Amount(1_000 + round), "")
                .record(sha256(&round.to_le_bytes()), Keep::Log, "", Vec::<u8>::new());
            time += 1;
            fake.commit(vec![busy.signed(&[10])], time);
            match crate::audit::older(&text) {
                Some(next) => at = next,
                None => break,
            }
        }
        assert_eq!(joined, expected, "{path}");
    }
    // These are ordered by their names: what is added meanwhile stands where it belongs, and nothing is left out.
    for (path, table, label) in [
        ("/assets", "assets", "Code"),
        ("/assets/QRT", "holders", "Account"),
    ] {
        let mut seen = BTreeSet::new();
        let (before, mut at) = (walk(&router, path, table, label).await, path.to_owned());
        loop {
            let text = page(&router, &at).await;
            for cell in column(&text, table, label) {
                assert!(seen.insert(cell), "{path}: twice");
            }
            round += 1;
            time += 1;
            let asset = format!("A{round:03}X");
            let added = draft(10, 201).create_asset(code(&asset), 0, "").transfer(
                wallet(u8::try_from(round % 200).unwrap()),
                code("QRT"),
                Amount(1),
                "",
            );
            fake.commit(vec![added.signed(&[10])], time);
            match crate::audit::older(&text) {
                Some(next) => at = next,
                None => break,
            }
        }
        assert!(before.iter().all(|cell| seen.contains(cell)), "{path}");
    }
}

#[tokio::test]
async fn every_list_is_a_file_with_a_row_for_each_of_its_items() {
    let (fake, _) = settled();
    let router = router(&fake);
    for (path, count) in [
        ("/blocks.csv".to_owned(), 12),
        ("/assets.csv".to_owned(), 2),
        ("/assets/qrt/holders.csv".to_owned(), 31),
        (format!("/accounts/{}/balances.csv", wallet(12)), 2),
        (format!("/records/{}/records.csv", document()), 2),
        ("/validators.csv".to_owned(), 4),
        ("/peers.csv".to_owned(), 3),
        ("/members.csv".to_owned(), 4),
        ("/proposals.csv".to_owned(), 0),
        ("/evidence.csv".to_owned(), 1),
        ("/epochs.csv".to_owned(), 1),
    ] {
        let file = rows(&browse(&router, &path).await);
        assert_eq!(file.len(), count, "{path}: {file:?}");
        let extra = browse(&router, &format!("{path}?sort=up")).await;
        assert_eq!(extra.status, 400, "{path}");
    }
    let blocks = rows(&browse(&router, "/blocks.csv").await);
    assert_eq!(blocks[0]["height"], "12");
    assert_eq!(blocks[0]["transactions"], "1");
}

#[tokio::test]
async fn a_file_that_goes_on_says_where_from_wherever_it_is() {
    let fake = story::fake();
    for round in 0..200_u8 {
        let many = (1..=10).map(|cents| payment(10, 11, cents, round, ""));
        fake.commit(many.collect(), GENESIS_TIME + 3_600_000 + u64::from(round));
    }
    let router = router(&fake);
    let path = format!("/accounts/{}/statement.csv", wallet(11));
    let answer = browse(&router, &path).await;
    let next = rows(&answer).pop().unwrap()["next"].clone();
    assert!(next.starts_with(&path[1..]), "{next}");
    let link = format!("<../../{next}>; rel=\"next\"");
    assert_eq!(answer.header("link"), Some(link.as_str()));
    let (mut entries, mut at) = (rows(&answer).len() - 1, next);
    loop {
        let part = rows(&browse(&router, &format!("/{at}")).await);
        entries += part.iter().filter(|row| row["next"].is_empty()).count();
        match part
            .last()
            .map(|row| row["next"].clone())
            .filter(|next| !next.is_empty())
        {
            Some(next) => at = next,
            None => break,
        }
    }
    // The entries, and the closing balance; nothing was had in the beginning.
    assert_eq!(entries, 7 + 2_000 + 1);
}
