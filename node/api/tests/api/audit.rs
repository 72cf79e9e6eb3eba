//! What an auditor looks through: lists of everything with filters, as pages and as files, blocks by date, bytes.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::sha256;
use quorate_ledger::{Address, Amount, Keep, encode};

use crate::fake::{GENESIS_TIME, code, wallet};
use crate::story::{self, Draft as _, Identified as _, document, draft, payment};
use crate::web::{Answer, get, get_bytes, router, send};

/// A browser's request.
pub(crate) async fn browse(router: &Router, path: &str) -> Answer {
    let request = Request::get(path).header("accept", "text/html,*/*");
    send(router, request.body(Body::empty()).unwrap()).await
}

/// What the rows of a table have in a column, as markup.
pub(crate) fn column(page: &str, table: &str, label: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once(&format!("<table id=\"{table}\"")) else {
        return Vec::new();
    };
    let table = rest.split("</table>").next().unwrap();
    let begins = format!("data-label=\"{label}\">");
    let cells = table.split(&begins).skip(1);
    cells
        .map(|cell| cell.split("</td>").next().unwrap().to_owned())
        .collect()
}

/// What a link in each cell leads to below a folder.
fn names(cells: &[String], folder: &str) -> Vec<String> {
    let opening = format!("href=\"{folder}/");
    let name = |cell: &String| {
        let (_, rest) = cell.split_once(&opening).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    cells.iter().map(name).collect()
}

/// Where a page's link to the next leads.
pub(crate) fn older(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("<a class=\"next\" href=\"")?;
    let link = rest.split('"').next().unwrap().replace("&amp;", "&");
    Some(format!("/{link}"))
}

/// A column of a list's pages, from one on to the last.
pub(crate) async fn walk(router: &Router, path: &str, table: &str, label: &str) -> Vec<String> {
    let (mut cells, mut at) = (Vec::new(), path.to_owned());
    loop {
        let page = browse(router, &at).await;
        assert_eq!(page.status, 200, "{at}: {}", page.text());
        cells.extend(column(&page.text(), table, label));
        match older(&page.text()) {
            Some(next) => at = next,
            None => return cells,
        }
    }
}

async fn listed(router: &Router, path: &str) -> Vec<String> {
    names(
        &walk(router, path, "transactions", "Transaction").await,
        "transactions",
    )
}

/// The ids of the API's list.
async fn called(router: &Router, query: &str) -> Vec<String> {
    let list = get(router, &format!("/v1/transactions?limit=200&{query}"))
        .await
        .json();
    let transactions = list["transactions"].as_array().unwrap();
    transactions
        .iter()
        .map(|transaction| transaction["id"].as_str().unwrap().to_owned())
        .collect()
}

/// A file as a reader that is not ours reads it: each row by column.
pub(crate) fn rows(answer: &Answer) -> Vec<BTreeMap<String, String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(answer.text().starts_with('\u{feff}'));
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    let columns = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let cells = columns.iter().zip(record.iter());
        cells
            .map(|(column, cell)| (column.to_owned(), cell.to_owned()))
            .collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// The rows of a file and of those that go on from it.
async fn whole(router: &Router, path: &str) -> Vec<BTreeMap<String, String>> {
    let (mut all, mut at) = (Vec::new(), path.to_owned());
    loop {
        let answer = browse(router, &at).await;
        let link = answer.header("link").map(str::to_owned);
        let mut file = rows(&answer);
        let goes_on = file.last().filter(|row| !row["next"].is_empty()).cloned();
        let Some(last) = goes_on else {
            assert_eq!(link, None);
            all.append(&mut file);
            return all;
        };
        file.pop();
        assert!(file.iter().all(|row| row["next"].is_empty()));
        assert_eq!(last.values().filter(|cell| !cell.is_empty()).count(), 1);
        assert_eq!(link, Some(format!("<{}>; rel=\"next\"", last["next"])));
        all.append(&mut file);
        at = format!("/{}", last["next"]);
    }
}

fn record(draft: TransactionBuilder, name: &str, label: &str) -> TransactionBuilder {
    draft.record(sha256(name.as_bytes()), Keep::Log, label, name.as_bytes())
}

#[tokio::test]
async fn the_page_of_transactions_lists_what_the_api_lists() {
    let router = router(&story::fake());
    let account = format!("account={}", wallet(12));
    for query in [
        "",
        "asset=CO2",
        "kind=put_record",
        "kind=burn&asset=QRT",
        "from=3&to=6",
        "from=2026-03-01T09:07:00Z",
        "to=2026-03-01T10:02:00%2B01:00",
        "from=9",
        &account,
        &format!("{account}&kind=transfer&from=3"),
        &format!("{account}&sender={}", wallet(12)),
        &format!("sender={}&kind=transfer", wallet(10)),
    ] {
        let expected = called(&router, query).await;
        for limit in ["", "limit=1", "limit=3", "limit=200"] {
            let path = format!("/transactions?{query}&{limit}");
            assert_eq!(listed(&router, &path).await, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn pages_and_files_join_while_blocks_are_added() {
    let fake = story::fake();
    let router = router(&fake);
    let expected = called(&router, "").await;
    let first = browse(&router, "/transactions?limit=4").await.text();
    let file = rows(&browse(&router, "/transactions.csv?limit=4").await);
    let ids = |rows: &[BTreeMap<String, String>]| {
        let mut ids: Vec<String> = rows.iter().map(|row| row["transaction"].clone()).collect();
        ids.dedup();
        ids
    };
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    let mut joined = names(&column(&first, "transactions", "Transaction"), "transactions");
    joined.extend(listed(&router, &older(&first).unwrap()).await);
    assert_eq!(joined, expected);
    let (last, file) = file.split_last().unwrap();
    let mut joined = ids(file);
    joined.extend(ids(&whole(&router, &format!("/{}", last["next"])).await));
    assert_eq!(joined, expected);
}

#[tokio::test]
async fn filters_are_taken_as_people_write_them() {
    let router = router(&story::fake());
    let plain = format!("account={}", wallet(12));
    let spaced = plain.replace('=', "=%20");
    for (written, meant) in [
        ("account=&asset=&kind=&from=&to=", ""),
        ("asset=+co2+", "asset=CO2"),
        ("from=2026-03-01", ""),
        ("to=2026-02-28", "to=0"),
        ("from=1969-07-20", ""),
        ("to=1969-07-20+20:17", "to=0"),
        ("from=2026-03-02", "from=9"),
        // Block n is n minutes after nine.
        ("from=2026-03-01+09:07", "from=7"),
        ("to=2026-03-01+09:02", "to=2"),
        ("to=2026-03-01T09:02:00", "to=2"),
        ("from=2026-03-01+09:06:01+UTC", "from=7"),
        ("to=+3+", "to=3"),
        (spaced.as_str(), plain.as_str()),
    ] {
        let found = listed(&router, &format!("/transactions?{written}")).await;
        assert_eq!(found, called(&router, meant).await, "{written}");
    }
}

#[tokio::test]
async fn the_form_and_the_links_keep_what_was_chosen() {
    let router = router(&story::fake());
    let chosen = "asset=QRT&kind=transfer&from=2026-03-01&to=7&limit=50";
    let page = browse(&router, &format!("/transactions?{chosen}")).await.text();
    for kept in [
        "name=\"asset\" value=\"QRT\"",
        "<option value=\"transfer\" selected>Transfer</option>",
        "name=\"from\" value=\"2026-03-01\"",
        "name=\"to\" value=\"7\"",
        "<option value=\"50\" selected>50</option>",
        "href=\"transactions.csv?asset=QRT&amp;kind=transfer&amp;from=2026-03-01T00:00:00.000Z&amp;to=7\"",
        "href=\"v1/transactions?asset=QRT&amp;kind=transfer&amp;from=2026-03-01T00:00:00.000Z&amp;to=7&amp;limit=50\"",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    let first = browse(&router, "/transactions?kind=transfer&limit=2")
        .await
        .text();
    let next = older(&first).unwrap();
    assert!(
        next.starts_with("/transactions?kind=transfer&limit=2&cursor="),
        "{next}"
    );
    let second = browse(&router, &next).await.text();
    assert!(second.contains("href=\"transactions?kind=transfer&amp;limit=2\" rel=\"first\""));
}

#[tokio::test]
async fn filters_that_say_nothing_are_refused_in_words_that_are_escaped() {
    let router = router(&story::fake());
    for (path, failure) in [
        ("/transactions?account=alice", "malformed_address"),
        ("/transactions?kind=payment", "malformed_kind"),
        ("/transactions?from=yesterday", "malformed_range"),
        ("/transactions?to=2026-02-30", "malformed_range"),
        ("/transactions?limit=201", "malformed_limit"),
        ("/transactions?cursor=7", "malformed_cursor"),
        ("/transactions?assets=QRT", "unknown_parameter"),
        ("/transactions.csv?limit=4097", "malformed_limit"),
        ("/transactions.csv?assets=QRT", "unknown_parameter"),
        ("/transactions.csv?kind=%3Cscript%3E", "malformed_kind"),
        ("/transactions?from=%22%3E%3Cscript%3E", "malformed_range"),
        ("/records?kind=mint", "unknown_parameter"),
        ("/records?sender=alice", "malformed_address"),
        ("/records?cursor=7.0-x", "malformed_cursor"),
        ("/records?cursor=7.0-65536", "malformed_cursor"),
        ("/records.csv?cursor=7", "malformed_cursor"),
        ("/blocks?to=%3Cscript%3E", "malformed_range"),
        ("/blocks?from=1", "unknown_parameter"),
    ] {
        let answer = browse(&router, path).await;
        let page = answer.text();
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            page.contains(&format!("data-code=\"{failure}\"")),
            "{path}: {page}"
        );
        assert!(!page.contains("<script>"), "{path}: {page}");
    }
    let of_account = format!("/records?sender={}&cursor=7.0", wallet(11));
    assert_eq!(browse(&router, &of_account).await.status, 400);
}

#[tokio::test]
async fn a_page_takes_no_cursor_of_another_list_or_of_other_filters() {
    let router = router(&story::fake());
    let cursor = |page: &str| {
        let (_, rest) = page.split_once("cursor=").unwrap();
        rest.split(['"', '&']).next().unwrap().to_owned()
    };
    let transfers = browse(&router, "/transactions?kind=transfer&limit=1")
        .await
        .text();
    let next = older(&transfers).unwrap();
    assert_eq!(browse(&router, &next).await.status, 200);
    // The API's list and the file are the same list.
    for same in ["/v1/transactions", "/transactions.csv"] {
        let path = next.replace("/transactions", same);
        assert_eq!(browse(&router, &path).await.status, 200, "{path}");
    }
    let transfers = cursor(&next);
    let records = cursor(&older(&browse(&router, "/records?limit=1").await.text()).unwrap());
    assert_eq!(
        browse(&router, &format!("/records?cursor={records}"))
            .await
            .status,
        200
    );
    for path in [
        format!("/transactions?cursor={transfers}"),
        format!("/transactions?kind=mint&cursor={transfers}"),
        format!("/transactions.csv?cursor={transfers}"),
        format!("/transactions?cursor={records}"),
        format!("/records?cursor={transfers}"),
        format!("/records.csv?cursor={transfers}"),
        format!("/records?to=8&cursor={records}"),
        format!("/records/{}?cursor={records}", document()),
        format!("/blocks?cursor={transfers}"),
        format!("/assets?cursor={records}"),
        format!("/assets/QRT?cursor={records}"),
        format!("/accounts/{}?cursor={transfers}", wallet(11)),
    ] {
        let answer = browse(&router, &path).await;
        let page = answer.text();
        assert_eq!(answer.status, 400, "{path}");
        assert!(page.contains("data-code=\"malformed_cursor\""), "{path}: {page}");
        assert!(page.contains("another list"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_filter_that_takes_nothing_is_gone_through_a_part_of_the_chain_at_a_time() {
    let fake = story::fake();
    for late in 0..1_030 {
        fake.commit(Vec::new(), GENESIS_TIME + 3_600_000 + late);
    }
    let router = router(&fake);
    let first = browse(&router, "/transactions?asset=CO2").await.text();
    assert!(
        first.contains("Nothing that fits in the blocks looked at so far."),
        "{first}"
    );
    assert_eq!(listed(&router, "/transactions?asset=CO2").await.len(), 2);
    let file = rows(&browse(&router, "/transactions.csv?asset=CO2").await);
    assert_eq!(file.len(), 1, "{file:?}");
    assert_eq!(file[0]["next"], "transactions.csv?asset=CO2&cursor=7e1854b7-15.0");
    assert_eq!(whole(&router, "/transactions.csv?asset=CO2").await.len(), 4);
    let first = browse(&router, "/records").await.text();
    assert!(
        first.contains("Nothing that fits in the blocks looked at so far."),
        "{first}"
    );
    assert_eq!(walk(&router, "/records", "records", "Document").await.len(), 2);
    let none = browse(&router, "/transactions?asset=CO2&to=3").await.text();
    assert!(none.contains("Nothing fits these filters.") && older(&none).is_none());
}

#[tokio::test]
async fn records_are_listed_newest_first_whoever_made_them() {
    let fake = story::fake();
    let several = record(record(draft(14, 91), "a", "first"), "b", "second");
    let several = several.transfer(wallet(11), code("QRT"), Amount(1), "");
    let several = record(several, "c", "<third>");
    let failed =
        record(draft(15, 92), "never", "never").transfer(wallet(11), code("QRT"), Amount(999_999_999), "");
    let blocks = vec![several.signed(&[14]), failed.signed(&[15])];
    fake.commit(blocks, GENESIS_TIME + 3_600_000);
    let router = router(&fake);
    let hash = |name: &str| sha256(name.as_bytes()).to_string();
    let old = document().to_string();
    let everything = [hash("c"), hash("b"), hash("a"), old.clone(), old];
    let of_14 = &everything[..3];
    let accounts = |seed| format!("sender={}&", wallet(seed));
    for (filter, expected) in [
        (String::new(), everything.as_slice()),
        (accounts(14), of_14),
        // It was only paid by a transaction with records, and made one itself.
        (accounts(11), &everything[4..]),
        (accounts(15), &everything[..0]),
        ("from=9&".to_owned(), of_14),
        ("to=2026-03-01+09:30&".to_owned(), &everything[3..]),
    ] {
        for limit in [1, 2, 3, 200] {
            let path = format!("/records?{filter}limit={limit}");
            let cells = walk(&router, &path, "records", "Document").await;
            assert_eq!(names(&cells, "records"), expected, "{path}");
            let file = whole(&router, &path.replace("/records?", "/records.csv?")).await;
            let hashes: Vec<&String> = file.iter().map(|row| &row["sha256"]).collect();
            assert_eq!(hashes, expected.iter().collect::<Vec<_>>(), "{path}");
        }
    }
    let page = browse(&router, "/records").await.text();
    assert_eq!(
        column(&page, "records", "Label")[0],
        "<span class=\"free\">&lt;third&gt;</span>"
    );
}

#[tokio::test]
async fn files_look_as_they_were_reviewed() {
    let router = router(&story::fake());
    for (name, path) in [
        ("transactions", "/transactions.csv?from=3"),
        ("records", "/records.csv"),
    ] {
        let answer = browse(&router, path).await;
        let kept = format!("attachment; filename=\"{name}.csv\"");
        assert_eq!(answer.header("content-disposition"), Some(kept.as_str()));
        assert_eq!(answer.header("quorate-height"), Some("8"));
        insta::assert_snapshot!(format!("file_{name}"), answer.text().replace("\r\n", "\n"));
    }
}

#[tokio::test]
async fn a_file_has_a_row_for_each_operation_with_amounts_in_both_units() {
    let router = router(&story::fake());
    let file = whole(&router, "/transactions.csv?limit=1").await;
    assert_eq!(file, whole(&router, "/transactions.csv").await);
    // Thirteen transactions, one of 30 operations and one of three.
    assert_eq!(file.len(), 13 - 2 + 30 + 3);
    let find = |kind: &str, asset: &str| {
        let row = file
            .iter()
            .find(|row| row["kind"] == kind && row["asset"] == asset);
        row.unwrap_or_else(|| panic!("{kind} of {asset}"))
    };
    let mint = find("mint", "CO2");
    assert_eq!(
        (mint["amount"].as_str(), mint["units"].as_str()),
        ("2500.000000", "2500000000")
    );
    assert_eq!((mint["operation"].as_str(), mint["height"].as_str()), ("1", "4"));
    assert_eq!(mint["to"], wallet(12).to_string());
    assert_eq!(
        find("create_asset", "CO2")["note"],
        "Tonnes of CO₂, registry of 2026"
    );
    assert_eq!(find("burn", "CO2")["memo"], "retired");
    let failed = file.iter().find(|row| row["status"] == "failed").unwrap();
    assert_eq!(failed["code"], "insufficient_balance");
    assert_eq!(failed["time"], "2026-03-01T09:03:00.000Z");
    let recorded = file.iter().find(|row| row["kind"] == "put_record").unwrap();
    assert_eq!(recorded["sha256"], document().to_string());
}

#[tokio::test]
async fn an_amount_of_no_asset_is_told_in_units_alone() {
    let fake = story::fake();
    let nothing = draft(12, 91).transfer(wallet(11), code("EUR"), Amount(5), "");
    fake.commit(vec![nothing.signed(&[12])], GENESIS_TIME + 3_600_000);
    let file = rows(&browse(&router(&fake), "/transactions.csv?from=9").await);
    assert_eq!((file[0]["amount"].as_str(), file[0]["units"].as_str()), ("", "5"));
}

#[tokio::test]
async fn nothing_in_a_file_is_a_formula_or_breaks_a_row() {
    let fake = story::fake();
    let hostile = [
        "=HYPERLINK(\"https://elsewhere.example\",\"Invoice\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "paid;=1",
        "two\r\nlines",
        "a\",=1",
        "\u{feff}=1",
    ];
    let payments = hostile.iter().fold(draft(12, 91), |draft, words| {
        draft.transfer(wallet(11), code("QRT"), Amount(1), *words)
    });
    let labels = hostile
        .iter()
        .fold(payments, |draft, words| record(draft, words, words));
    let transaction = labels.memo(hostile[0]).signed(&[12]);
    fake.commit(vec![transaction], GENESIS_TIME + 3_600_000);
    let router = router(&fake);
    for (path, count) in [
        ("/transactions.csv?from=9", 2 * hostile.len()),
        ("/records.csv?from=9", hostile.len()),
    ] {
        let answer = browse(&router, path).await;
        let rows = rows(&answer);
        assert_eq!(rows.len(), count, "{path}");
        let text = answer.text();
        assert_eq!(text.matches('\n').count(), count + 1, "{path}: a row is a line");
        // Some spreadsheets part lines by semicolons or tabs, whatever is in quotes.
        let cells = rows.iter().flat_map(BTreeMap::values).map(String::as_str);
        for cell in cells.chain(text.lines()).flat_map(|cell| cell.split([';', '\t'])) {
            let begins =
                cell.trim_start_matches(|letter: char| letter.is_whitespace() || "\"'".contains(letter));
            assert!(!begins.starts_with(['=', '+', '-', '@']), "{path}: {cell}");
        }
    }
}

#[tokio::test]
async fn a_file_of_long_rows_ends_early_and_goes_on() {
    let fake = story::fake();
    // Each letter is written as five.
    let unseen = "\u{1}".repeat(128);
    let long = (0..12).map(|salt| {
        let draft = draft(10, 100 + salt).memo(unseen.repeat(2));
        let payments = (0..256).fold(draft, |draft, _| {
            draft.transfer(wallet(11), code("QRT"), Amount(1), unseen.as_str())
        });
        payments.signed(&[10])
    });
    fake.commit(long.collect(), GENESIS_TIME + 3_600_000);
    let router = router(&fake);
    for path in [
        "/transactions.csv?from=9".to_owned(),
        format!("/transactions.csv?from=9&account={}", wallet(11)),
    ] {
        let answer = browse(&router, &path).await;
        assert!(answer.body.len() < 5 << 20, "{path}: {} bytes", answer.body.len());
        let first = rows(&answer);
        assert!(
            (256..12 * 256).contains(&first.len()),
            "{path}: {} rows",
            first.len()
        );
        let places = |rows: &[BTreeMap<String, String>]| -> Vec<(String, String)> {
            rows.iter()
                .map(|row| (row["index"].clone(), row["operation"].clone()))
                .collect()
        };
        let indices = (0..12).rev();
        let expected =
            indices.flat_map(|index| (0..256).map(move |place| (index.to_string(), place.to_string())));
        assert_eq!(
            places(&whole(&router, &path).await),
            expected.collect::<Vec<_>>(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_block_is_found_by_date() {
    let router = router(&story::fake());
    for (to, height) in [
        ("2026-03-01", "8"),
        ("2026-03-01+09:03", "3"),
        ("2026-03-01T09:03:59.999Z", "3"),
        ("2026-03-01T10:03:00%2B01:00", "3"),
        ("5", "5"),
        ("99", "8"),
    ] {
        let page = browse(&router, &format!("/blocks?to={to}")).await.text();
        assert_eq!(
            names(&column(&page, "blocks", "Height"), "blocks")[0],
            height,
            "{to}"
        );
    }
    let page = browse(&router, "/blocks?to=2026-02-28").await.text();
    assert!(page.contains("No block is that old."), "{page}");
    assert!(page.contains("name=\"to\" value=\"2026-02-28\""), "{page}");
}

#[tokio::test]
async fn bytes_are_those_of_the_api_and_are_saved() {
    let fake = story::fake();
    let router = router(&fake);
    let paid = payment(11, 12, 19_999, 3, "invoice 2026-0117").id();
    for (path, name) in [
        (format!("blocks/{}", fake.block_hash(6)), "block"),
        ("blocks/6".to_owned(), "block"),
        (format!("transactions/{paid}"), "transaction"),
    ] {
        let saved = browse(&router, &format!("/{path}/bytes")).await;
        assert_eq!(saved.status, 200, "{path}");
        assert_eq!(saved.header("content-type"), Some("application/octet-stream"));
        let named = path.split('/').next_back().unwrap();
        let kept = format!("attachment; filename=\"{name}-{named}.bin\"");
        assert_eq!(saved.header("content-disposition"), Some(kept.as_str()));
        assert_eq!(
            saved.body,
            get_bytes(&router, &format!("/v1/{path}")).await.body,
            "{path}"
        );
        let page = browse(&router, &format!("/{path}")).await.text();
        assert!(page.contains("/bytes\">canonical bytes</a>"), "{path}: {page}");
    }
    let pending = payment(12, 11, 7, 99, "");
    let body = Request::post("/v1/transactions")
        .header("content-type", "application/octet-stream")
        .body(Body::from(encode(&pending)));
    assert_eq!(send(&router, body.unwrap()).await.status, 202);
    // It has no entry in the log yet, and so no bytes.
    let path = format!("/transactions/{}", pending.id());
    let saved = browse(&router, &format!("{path}/bytes")).await;
    assert_eq!(saved.status, 409);
    assert!(saved.text().contains("data-code=\"pending\""), "{}", saved.text());
    let page = browse(&router, &path).await.text();
    assert!(!page.contains("/bytes\"") && !page.contains("/proof\""), "{page}");
    fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
    assert_eq!(browse(&router, &format!("{path}/bytes")).await.status, 200);
    let unknown = format!("/transactions/{}/bytes", document());
    for (path, status) in [
        ("/blocks/99/bytes", 404),
        ("/blocks/x/bytes", 400),
        ("/transactions/x/bytes", 400),
        (unknown.as_str(), 404),
    ] {
        let answer = browse(&router, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains("id=\"failure\""), "{path}");
    }
}

#[tokio::test]
async fn holders_are_counted_and_the_largest_named_as_far_as_they_can_be_looked_at() {
    let fake = story::fake();
    let pay_many = |from: u16, count: u16, salt| {
        let numbers = from..from + count;
        let draft = numbers.fold(draft(10, salt), |draft, number| {
            let mut address = [7; 20];
            address[..2].copy_from_slice(&number.to_be_bytes());
            draft.transfer(Address(address), code("QRT"), Amount(1), "")
        });
        draft.signed(&[10])
    };
    let router = router(&fake);
    let page = browse(&router, "/assets/QRT").await.text();
    let before: usize = walk(&router, "/assets/QRT", "holders", "Account").await.len();
    assert!(
        page.contains(&format!("id=\"holder-count\">{before}</span>")),
        "{page}"
    );
    let largest = column(&page, "largest", "Account");
    assert_eq!(largest.len(), 10);
    assert_eq!(names(&largest[..1], "accounts"), [wallet(10).to_string()]);
    let amounts: Vec<f64> = column(&page, "largest", "Can use")
        .iter()
        .map(|cell| {
            let value = cell.split("value=\"").nth(1).unwrap();
            value.split('"').next().unwrap().parse().unwrap()
        })
        .collect();
    assert!(
        amounts.is_sorted_by(|higher, lower| higher >= lower),
        "{amounts:?}"
    );

    let room = u16::try_from(999 - before).unwrap();
    // A transaction has at most 256 operations.
    let parts = (0..room).step_by(256).map(|first| {
        let count = (room - first).min(256);
        pay_many(1 + first, count, 100 + u8::try_from(first / 256).unwrap())
    });
    fake.commit(parts.collect(), GENESIS_TIME + 3_600_000);
    let page = browse(&router, "/assets/QRT").await.text();
    assert!(page.contains("id=\"holder-count\">999</span>"), "{page}");
    fake.commit(vec![pay_many(2_000, 1, 92)], GENESIS_TIME + 3_660_000);
    let page = browse(&router, "/assets/QRT").await.text();
    assert!(
        page.contains("id=\"holder-count\">1,000 or more</span>"),
        "{page}"
    );
    assert!(!page.contains("id=\"largest\""), "{page}");
}
