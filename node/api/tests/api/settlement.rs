//! Several parties, holds, records that are kept, texts that are erased: what calls, pages, files and events say.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use futures::StreamExt as _;
use quorate_client::{Frame, SseParser};
use quorate_ledger::{Amount, Parameters, ParametersV1, StateKey, Submission, decode, encode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::fake::{Fake, GENESIS_TIME, code, wallet};
use crate::story::{self, Draft as _, Identified as _, PREIMAGE, Settlement, draft};
use crate::web::{get, get_bytes, router};

/// Twelve blocks: the story, and what needs more than one account.
fn settled() -> (Arc<Fake>, Settlement) {
    let (fake, settlement) = (story::fake(), Settlement::new());
    settlement.commit(&fake);
    (fake, settlement)
}

/// The same as of the ninth block: nothing is released, refunded or erased.
fn agreed() -> (Arc<Fake>, Settlement) {
    let (fake, settlement) = (story::fake(), Settlement::new());
    let Settlement {
        delivery,
        holds,
        deed,
        ..
    } = &settlement;
    let block = vec![delivery.clone(), holds.clone(), deed.clone()];
    fake.commit(block, GENESIS_TIME + 9 * 60_000);
    (fake, settlement)
}

async fn page(fake: &Arc<Fake>, path: &str) -> String {
    let answer = get(&router(fake), path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// The text of a page, with a single space wherever there is one or a tag.
fn words(page: &str) -> String {
    let pieces = page.split('<').filter_map(|piece| piece.split_once('>'));
    let words = pieces.flat_map(|(_, text)| text.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// What the operations of a transaction's page say, one after the other.
async fn operations(fake: &Arc<Fake>, submission: &Submission) -> Vec<String> {
    let page = page(fake, &format!("/transactions/{}", submission.id())).await;
    let list = page.split("id=\"operations\">").nth(1).unwrap();
    let list = list.split("</ol>").next().unwrap();
    list.split("<span class=\"kind\">")
        .skip(1)
        .map(|item| words(&format!("<span>{item}")))
        .collect()
}

fn short(text: &str) -> String {
    format!("{}…{}", &text[..9], &text[text.len() - 6..])
}

fn account(seed: u8) -> String {
    short(&wallet(seed).to_string())
}

async fn json_of(fake: &Arc<Fake>, path: &str) -> Value {
    let answer = get(&router(fake), path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn transactions_say_their_parties_who_acts_and_what_was_paid() {
    let (fake, settlement) = settled();
    let of = async |submission: &Submission| {
        json_of(&fake, &format!("/v1/transactions/{}", submission.id())).await
    };
    let delivery = of(&settlement.delivery).await;
    let both = [wallet(12), wallet(13)].map(|party| party.to_string());
    assert_eq!(delivery["sender"], both[0]);
    assert_eq!(delivery["parties"], json!(both));
    let acting: Vec<&Value> = delivery["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| &act["by"])
        .collect();
    assert_eq!(acting, [&both[0], &both[1]]);
    assert_eq!(delivery["ordinal"], 13);
    assert_eq!(of(&settlement.release).await["paid"], json!(["20000"]));
    assert_eq!(of(&settlement.refund).await["paid"], json!(["1000000"]));
    let release = of(&settlement.release).await["operations"][0].clone();
    assert_eq!(release["hold"]["transaction"], settlement.holds.id().to_string());
    assert_eq!(release["preimages"], json!([hex::encode(PREIMAGE)]));
    insta::assert_json_snapshot!("hold_transaction", of(&settlement.holds).await);
}

#[tokio::test]
async fn an_account_says_what_it_can_use_and_what_is_held_and_lists_its_holds() {
    let (fake, settlement) = agreed();
    let router = router(&fake);
    let path = format!("/v1/accounts/{}", wallet(12));
    let account = json_of(&fake, &path).await;
    assert_eq!(account["holds"], 2);
    let held: BTreeMap<&str, &str> = account["balances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|balance| {
            (
                balance["asset"].as_str().unwrap(),
                balance["held"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(held, BTreeMap::from([("CO2", "1000000"), ("QRT", "50000")]));
    let whole = json_of(&fake, &format!("{path}/holds")).await;
    assert!(whole["next"].is_null());
    let whole = whole["holds"].as_array().unwrap().clone();
    assert_eq!(whole.len(), 2);
    for hold in &whole {
        assert_eq!(hold["owner"], wallet(12).to_string());
        assert_eq!(hold["transaction"], settlement.holds.id().to_string());
    }
    let escrow = whole.iter().find(|hold| hold["operation"] == 0).unwrap();
    assert_eq!(escrow["beneficiary"], wallet(14).to_string());
    assert_eq!(
        (&escrow["amount"], &escrow["asset"]),
        (&json!("50000"), &json!("QRT"))
    );
    assert_eq!(escrow["until"], "2026-03-02T09:00:00.000Z");
    assert_eq!(escrow["condition"]["need"], 1);
    let (mut joined, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = json_of(&fake, &format!("{path}/holds?limit=1&cursor={cursor}")).await;
        joined.extend(page["holds"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(joined, whole);
    // Another account's list, and other lists, refuse it.
    let first = json_of(&fake, &format!("{path}/holds?limit=1")).await;
    let next = first["next"].as_str().unwrap();
    for other in [
        format!("/v1/accounts/{}/holds?cursor={next}", wallet(13)),
        format!("{path}/transactions?cursor={next}"),
    ] {
        let problem = get(&router, &other).await.problem();
        assert_eq!(problem, (400, "malformed_cursor".to_owned()), "{other}");
    }
    let none = json_of(&fake, &format!("/v1/accounts/{}/holds", wallet(99))).await;
    assert_eq!(none, json!({ "holds": [], "next": null }));
    let holders = json_of(&fake, "/v1/assets/CO2/holders").await;
    let mut holders = holders["holders"].as_array().unwrap().iter();
    let of_12 = holders.find(|holder| holder["address"] == wallet(12).to_string());
    assert_eq!(of_12.unwrap()["held"], "1000000");
}

#[tokio::test]
async fn a_value_of_the_state_is_given_as_its_bytes() {
    let (fake, _) = settled();
    let router = router(&fake);
    for key in [
        StateKey::parameters().to_string(),
        StateKey::parameters().to_string().to_uppercase(),
    ] {
        let answer = get(&router, &format!("/v1/state/{key}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("quorate-height"), Some("12"));
        let parameters: Parameters = decode(&answer.body, 1 << 10).unwrap();
        assert_eq!(parameters, Parameters::V1(ParametersV1::default()));
    }
    let elsewhere = StateKey::account(&wallet(99));
    let answer = get_bytes(&router, &format!("/v1/state/{elsewhere}")).await;
    assert_eq!(answer.problem(), (404, "unknown_key".to_owned()));
}

#[tokio::test]
async fn each_operation_is_told_in_words_and_figures_with_who_acts() {
    let (fake, settlement) = settled();
    let (made, deed) = (
        short(&settlement.holds.id().to_string()),
        short(&Settlement::document().to_string()),
    );
    let delivery = operations(&fake, &settlement.delivery).await;
    assert_eq!(
        delivery,
        [
            format!(
                "Transfer 2.000000 CO2 to {} two tonnes by {}",
                account(13),
                account(12)
            ),
            format!("Transfer 90.00 QRT to {} by {}", account(12), account(13)),
        ]
    );
    let holds = operations(&fake, &settlement.holds).await;
    assert!(
        holds[0].starts_with(&format!(
            "Hold 500.00 QRT for {} until 2026-03-02 09:00:00 UTC , to be released if any of this is so: ",
            account(14)
        )),
        "{}",
        holds[0]
    );
    let preimage = short(&quorate_crypto::sha256(&PREIMAGE).to_string());
    for part in [
        format!("{} is a party of the release", account(13)),
        format!("32 bytes are shown whose SHA-256 is {preimage}"),
        "escrow for the delivery".to_owned(),
    ] {
        assert!(holds[0].contains(&part), "{part}: {}", holds[0]);
    }
    assert!(
        holds[1].ends_with("to be released if it is 2026-03-01 09:10:00 UTC or later"),
        "{}",
        holds[1]
    );
    let release = &operations(&fake, &settlement.release).await[0];
    assert!(
        release.starts_with(&format!(
            "Release 200.00 QRT of the hold of {} , made by operation 1 of {made} , to {}",
            account(12),
            account(14)
        )),
        "{release}"
    );
    assert!(release.contains(&format!("Shows {}", short(&hex::encode(PREIMAGE)))));
    let refund = &operations(&fake, &settlement.refund).await[0];
    assert_eq!(
        *refund,
        format!(
            "Refund 1.000000 CO2 of the hold of {} , made by operation 2 of {made} , back to its owner",
            account(12)
        )
    );
    let erased = short(&settlement.deed.id().to_string());
    let erasure = &operations(&fake, &settlement.erasure).await[0];
    assert_eq!(
        *erasure,
        format!("Erase The memo, the text of operation 1 of transaction {erased}")
    );
    let records = operations(&fake, &settlement.deed).await;
    assert!(
        records[0].starts_with(&format!("Record Document {deed} , kept as the account’s own")),
        "{}",
        records[0]
    );
    assert!(
        records[1].contains("kept as the only one that claims it"),
        "{}",
        records[1]
    );
    let page = page(&fake, &format!("/transactions/{}", settlement.delivery.id())).await;
    let parties = page.split("id=\"parties\">").nth(1).unwrap();
    assert!(
        parties
            .split("</ul>")
            .next()
            .unwrap()
            .contains(&wallet(13).to_string())
    );
    assert!(
        page.contains("<span class=\"number\" id=\"ordinal\">13</span>"),
        "{page}"
    );
    for party in [12, 13] {
        assert!(
            page.contains(&format!("data-party=\"{}\"", wallet(party))),
            "{page}"
        );
    }
}

#[tokio::test]
async fn lists_tell_releases_and_refunds_with_what_they_paid_and_each_account_sees_its_part() {
    let (fake, _) = settled();
    let list = words(&page(&fake, "/transactions").await);
    for told in [
        format!("Release 200.00 QRT to {}", account(14)),
        format!("Refund 1.000000 CO2 to {}", account(12)),
        format!("Hold 500.00 QRT for {} and 1 more", account(14)),
        format!("{} and 1 more", account(12)),
    ] {
        assert!(list.contains(&told), "{told}: {list}");
    }
    // Number, direction and words of the rows of an account's history, the latest first.
    let history = async |seed: u8| {
        let page = page(&fake, &format!("/accounts/{}", wallet(seed))).await;
        let table = page.split("<table id=\"history\"").nth(1).unwrap().to_owned();
        let rows = table.split("<tr role=\"row\">").skip(1);
        let cell = |row: &str, label: &str| {
            let cell = row.split(&format!("data-label=\"{label}\">")).nth(1);
            let cell = cell.unwrap_or_default().split("</td>").next().unwrap();
            words(&format!("<td>{cell}"))
        };
        rows.map(|row| (cell(row, "Direction"), cell(row, "What")))
            .filter(|(direction, _)| !direction.is_empty())
            .collect::<Vec<_>>()
    };
    let of_14 = history(14).await;
    assert_eq!(of_14[0].0, "In");
    assert!(of_14[0].1.starts_with("Release 200.00 QRT"), "{of_14:?}");
    // It is only to be given something.
    assert_eq!(of_14[1].0, "none");
    let of_12 = history(12).await;
    assert_eq!(
        (of_12[0].0.as_str(), of_12[0].1.as_str()),
        ("In", format!("Refund 1.000000 CO2 to {}", account(12)).as_str())
    );
    let of_13 = history(13).await;
    // It acts in the second operation, and is paid in the first.
    let delivered = of_13.iter().find(|(_, what)| what.contains("from")).unwrap();
    assert_eq!(
        *delivered,
        (
            "In".to_owned(),
            format!("2.000000 CO2 from {} and 1 more", account(12))
        )
    );
}

#[tokio::test]
async fn releases_and_refunds_are_found_by_the_asset_of_their_hold() {
    let (fake, settlement) = settled();
    let (release, refund) = (
        settlement.release.id().to_string(),
        settlement.refund.id().to_string(),
    );
    for (query, found, other) in [
        ("asset=QRT&kind=release", &release, &refund),
        ("asset=CO2&kind=refund", &refund, &release),
        ("asset=QRT", &release, &refund),
        ("asset=CO2", &refund, &release),
    ] {
        let history = format!("account={}&{query}", wallet(12));
        for query in [query, &history] {
            let listed = json_of(&fake, &format!("/v1/transactions?{query}"))
                .await
                .to_string();
            assert!(
                listed.contains(&format!("\"id\":\"{found}\"")),
                "{query}: {listed}"
            );
            assert!(
                !listed.contains(&format!("\"id\":\"{other}\"")),
                "{query}: {listed}"
            );
        }
        // A stream has the same.
        let request = Request::get(format!("/v1/events?types=transaction&{query}"))
            .header("Last-Event-ID", "0")
            .body(Body::empty())
            .unwrap();
        let answer = router(&fake).oneshot(request).await.unwrap();
        let mut frames = answer.into_body().into_data_stream();
        let mut streamed = String::new();
        while !streamed.contains(found.as_str()) {
            let piece = frames.next().await.unwrap().unwrap();
            streamed.push_str(std::str::from_utf8(&piece).unwrap());
        }
        assert!(
            !streamed.contains(&format!("\"id\":\"{other}\"")),
            "{query}: {streamed}"
        );
    }
}

#[tokio::test]
async fn an_accounts_page_has_its_open_holds_in_words() {
    let (fake, settlement) = agreed();
    let whole = page(&fake, &format!("/accounts/{}", wallet(12))).await;
    for held in ["data-held=\"CO2\"", "data-held=\"QRT\"", "data-label=\"Can use\""] {
        assert!(whole.contains(held), "{whole}");
    }
    let table = whole.split("<table id=\"holds\"").nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    let table_words = words(&format!("<table{table}"));
    for told in [
        account(14),
        "500.00 QRT".to_owned(),
        "2026-03-02 09:00:00".to_owned(),
        format!(
            "Released if any of this is so: {} is a party of the release",
            account(13)
        ),
        format!("{} operation 1", short(&settlement.holds.id().to_string())),
        "1.000000 CO2".to_owned(),
    ] {
        assert!(table_words.contains(&told), "{told}: {table_words}");
    }
    let without = page(&fake, &format!("/accounts/{}", wallet(13))).await;
    assert!(!without.contains("Open holds"), "{without}");
    let asset = page(&fake, "/assets/CO2").await;
    assert!(asset.contains("data-label=\"Held\""), "{asset}");
}

#[tokio::test]
async fn a_text_that_is_not_shown_is_called_erased_or_not_at_hand_and_never_absent() {
    let (fake, settlement) = settled();
    let path = format!("/v1/transactions/{}", settlement.deed.id());
    let deed = json_of(&fake, &path).await;
    assert_eq!(deed["memo"], "");
    let withheld = deed["withheld"].as_array().unwrap();
    let fields: Vec<(&Value, &Value)> = withheld
        .iter()
        .map(|text| (&text["operation"], &text["field"]))
        .collect();
    assert_eq!(
        fields,
        [(&Value::Null, &json!("memo")), (&json!(0), &json!("label"))]
    );
    for text in withheld {
        assert_eq!(text["erased"], true);
        assert_eq!(text["by"], wallet(12).to_string());
        assert_eq!(text["at"], "2026-03-01T09:11:00.000Z");
    }
    let by = format!("erased by {} at 2026-03-01 09:11:00 UTC", account(12));
    let told = page(&fake, &format!("/transactions/{}", settlement.deed.id())).await;
    assert_eq!(words(&told).matches(&by).count(), 2, "{told}");
    assert!(words(&told).contains(&format!("Label {by}")), "{told}");
    for path in [
        "/records".to_owned(),
        format!("/records/{}", Settlement::document()),
    ] {
        let told = words(&page(&fake, &path).await);
        assert!(told.contains(&by), "{path}: {told}");
        assert!(!told.contains("Lindqvist"), "{path}");
    }
    let record = json_of(&fake, &format!("/v1/records/{}", Settlement::document())).await;
    assert_eq!(record["records"][0]["label"], "");
    assert_eq!(record["records"][0]["metadata"], "ff00");
    assert_eq!(
        [&record["records"][0]["keep"], &record["records"][1]["keep"]],
        [&json!("own"), &json!("unique")]
    );
    assert_eq!(record["records"][1]["sender"], wallet(13).to_string());
    let document = Settlement::document();
    let told = page(&fake, &format!("/records/{document}")).await;
    let own = format!("href=\"records/{document}/proof?by={}\">proof</a>", wallet(12));
    assert!(
        told.contains(&own) && !told.contains(&format!("?by={}", wallet(13))),
        "{told}"
    );

    fake.lose_texts(settlement.delivery.id());
    let lost = json_of(&fake, &format!("/v1/transactions/{}", settlement.delivery.id())).await;
    let withheld = lost["withheld"].as_array().unwrap();
    assert_eq!(withheld.len(), 2);
    assert!(
        withheld
            .iter()
            .all(|text| text["erased"] == false && text["by"].is_null())
    );
    let told = page(&fake, &format!("/transactions/{}", settlement.delivery.id())).await;
    assert_eq!(words(&told).matches("not at hand on this validator").count(), 2);
}

#[tokio::test]
async fn a_block_shows_the_log_after_it() {
    let (fake, _) = settled();
    let block = json_of(&fake, "/v1/blocks/9").await;
    assert_eq!((&block["log_size"], &block["protocol"]), (&json!(16), &json!(1)));
    let told = page(&fake, "/blocks/9").await;
    assert!(
        told.contains("id=\"log-size\">16</span> transactions executed so far"),
        "{told}"
    );
    assert!(told.contains(block["log_root"].as_str().unwrap()), "{told}");
}

#[tokio::test]
async fn records_are_found_by_who_made_them_though_another_sent_the_transaction() {
    let (fake, _) = settled();
    for (seed, kept) in [(12, "own"), (13, "unique")] {
        let page = page(&fake, &format!("/records?sender={}", wallet(seed))).await;
        let table = page.split("<table id=\"records\"").nth(1).unwrap();
        let deed = format!("href=\"records/{}\"", Settlement::document());
        assert_eq!(table.matches(&deed).count(), 1, "{page}");
        assert!(table.contains(&format!("data-label=\"Kept\">{kept}<")), "{page}");
    }
}

#[tokio::test]
async fn transactions_are_found_by_any_party_by_whom_they_name_and_by_the_new_kinds() {
    let (fake, settlement) = settled();
    let ids = async |query: String| {
        let list = json_of(&fake, &format!("/v1/transactions?limit=200&{query}")).await;
        let ids = list["transactions"].as_array().unwrap().iter();
        ids.map(|transaction| transaction["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let Settlement {
        delivery,
        holds,
        deed,
        release,
        refund,
        erasure,
    } = &settlement;
    for (query, expected) in [
        ("kind=hold".to_owned(), vec![holds]),
        ("kind=release".to_owned(), vec![release]),
        ("kind=refund".to_owned(), vec![refund]),
        ("kind=erase".to_owned(), vec![erasure]),
        ("kind=governance".to_owned(), vec![]),
        ("kind=hold&asset=CO2".to_owned(), vec![holds]),
        (
            format!("from=9&account={}", wallet(13)),
            vec![refund, deed, holds, delivery],
        ),
        (format!("from=9&sender={}", wallet(13)), vec![]),
        (format!("from=9&account={}", wallet(14)), vec![release, holds]),
        (
            format!("from=9&account={}&sender={}", wallet(12), wallet(15)),
            vec![refund],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(|one| one.id().to_string()).collect();
        assert_eq!(ids(query.clone()).await, expected, "{query}");
    }
    let form = page(&fake, "/transactions?kind=erase").await;
    assert!(
        form.contains("<option value=\"erase\" selected>Erase</option>"),
        "{form}"
    );
}

#[tokio::test]
async fn files_have_who_acts_which_hold_it_is_and_which_texts_are_not_there() {
    let (fake, settlement) = settled();
    let router = router(&fake);
    let read = async |path: &str| {
        let answer = get(&router, path).await;
        let mut reader = csv::Reader::from_reader(&answer.body[..]);
        let columns = reader.headers().unwrap().clone();
        let rows = reader.records().map(|row| {
            let row = row.unwrap();
            let cells = columns.iter().zip(row.iter());
            cells
                .map(|(column, cell)| (column.to_owned(), cell.to_owned()))
                .collect::<BTreeMap<String, String>>()
        });
        rows.collect::<Vec<_>>()
    };
    let rows = read("/transactions.csv?from=9").await;
    let find = |kind: &str| rows.iter().find(|row| row["kind"] == kind).unwrap();
    let made = format!("{}.0", settlement.holds.id());
    let hold = find("hold");
    assert_eq!(
        (hold["amount"].as_str(), hold["asset"].as_str()),
        ("500.00", "QRT")
    );
    assert_eq!(
        (hold["to"].as_str(), hold["hold"].as_str()),
        (wallet(14).to_string().as_str(), made.as_str())
    );
    assert_eq!(hold["until"], "2026-03-02T09:00:00.000Z");
    assert_eq!(hold["note"], "escrow for the delivery");
    let release = find("release");
    assert_eq!(
        (release["amount"].as_str(), release["units"].as_str()),
        ("200.00", "20000")
    );
    assert_eq!(
        (release["to"].as_str(), release["hold"].as_str()),
        (wallet(14).to_string().as_str(), made.as_str())
    );
    let refund = find("refund");
    assert_eq!(
        (refund["amount"].as_str(), refund["asset"].as_str()),
        ("1.000000", "CO2")
    );
    assert_eq!(refund["to"], wallet(12).to_string());
    let paid = rows.iter().find(|row| row["units"] == "9000").unwrap();
    assert_eq!(
        (paid["sender"].as_str(), paid["by"].as_str()),
        (wallet(12).to_string().as_str(), wallet(13).to_string().as_str())
    );
    let records: Vec<_> = rows.iter().filter(|row| row["kind"] == "put_record").collect();
    assert_eq!(records[0]["withheld"], "memo erased; note erased");
    assert_eq!(records[1]["withheld"], "memo erased");
    let rows = read("/records.csv?from=9").await;
    let kept: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["keep"].as_str(), row["withheld"].as_str()))
        .collect();
    assert_eq!(kept, [("unique", ""), ("own", "label erased")]);
}

/// Ids of the events about transactions from the ninth block on.
async fn events(fake: &Arc<Fake>, seed: u8) -> Vec<String> {
    let path = format!("/v1/events?account={}", wallet(seed));
    let request = Request::get(path).header("last-event-id", "8");
    let response = router(fake)
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let mut body = response.into_body().into_data_stream();
    let (mut parser, mut ids) = (SseParser::default(), Vec::new());
    loop {
        let chunk = body.next().await.unwrap().unwrap();
        let frames: Vec<Frame> = parser.push(&chunk).unwrap();
        for frame in frames {
            let id = frame.id.unwrap();
            if frame.event == "transaction" {
                ids.push(id);
            } else if id == "12" {
                return ids;
            }
        }
    }
}

#[tokio::test]
async fn events_concern_every_party_and_whomever_a_hold_is_for() {
    let (fake, _) = settled();
    for (seed, expected) in [
        (12, vec!["9.0", "9.1", "9.2", "10.0", "11.0", "12.0"]),
        (13, vec!["9.0", "9.1", "9.2", "12.0"]),
        (14, vec!["9.1", "10.0"]),
        (15, vec!["12.0"]),
        (99, vec![]),
    ] {
        assert_eq!(events(&fake, seed).await, expected, "{seed}");
    }
}

/// Whoever names a hold that there is not is shown as what it says, and takes nothing down.
#[tokio::test]
async fn a_release_of_nothing_is_told_without_figures() {
    let fake = story::fake();
    let hold = quorate_ledger::HoldRef {
        owner: wallet(12),
        transaction: story::document(),
        operation: 200,
    };
    let release = |amount| quorate_ledger::Operation::Release {
        hold,
        amount,
        preimages: Vec::new(),
    };
    let failed = draft(15, 40)
        .operation(release(Some(Amount(7))))
        .operation(release(None))
        .signed(&[15]);
    fake.commit(vec![failed.clone()], GENESIS_TIME + 3_600_000);
    let told = operations(&fake, &failed).await;
    assert!(
        told[0].contains("7 smallest units of what it holds of the hold"),
        "{told:?}"
    );
    assert!(told[1].contains("all that is left of the hold"), "{told:?}");
    let rows = get(&router(&fake), "/transactions.csv?from=9").await.text();
    assert!(rows.contains(&format!("{}.200", story::document())), "{rows}");
    assert_eq!(
        json_of(&fake, &format!("/v1/transactions/{}", failed.id())).await["code"],
        "unknown_hold"
    );
}

#[tokio::test]
async fn a_description_that_is_erased_is_told_by_no_call_and_no_page() {
    let fake = story::fake();
    let made = draft(12, 41)
        .create_asset(code("OIL"), 0, "Barrels")
        .signed(&[12]);
    let erase = quorate_ledger::Operation::Erase {
        intent: encode(&made.transaction().v1().intent),
        places: vec![quorate_ledger::Place::Operation { index: 0, field: 0 }],
    };
    let erase = draft(12, 42).operation(erase).signed(&[12]);
    fake.commit(vec![made.clone()], GENESIS_TIME + 3_600_000);
    assert_eq!(json_of(&fake, "/v1/assets/OIL").await["description"], "Barrels");
    fake.commit(vec![erase], GENESIS_TIME + 3_700_000);
    assert_eq!(json_of(&fake, "/v1/assets/OIL").await["description"], "");
    let told = page(&fake, &format!("/transactions/{}", made.id())).await;
    assert!(words(&told).contains("Description erased by"), "{told}");
}

#[tokio::test]
async fn pages_with_several_parties_look_as_they_were_reviewed() {
    let (fake, settlement) = agreed();
    for (name, path) in [
        ("holds", format!("/accounts/{}", wallet(12))),
        ("delivery", format!("/transactions/{}", settlement.delivery.id())),
    ] {
        let page = page(&fake, &path).await;
        let version = page.split("?v=").nth(1).map(|rest| rest[..8].to_owned()).unwrap();
        let readable = page.replace(&version, "VERSION").replace("><", ">\n<");
        insta::assert_snapshot!(format!("page_{name}"), readable);
    }
}
