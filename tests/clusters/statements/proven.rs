//! What a proven statement says, against plain sums over the orders.

use std::ops::Range;

use quorate_ledger::Timestamp;
use serde_json::{Value, json};

use super::{ASSET, Banks, MIDDLE};

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Payment {
    memo: String,
    payer: String,
    payee: String,
    units: u128,
}

/// A statement's facts are the bank's orders of the middle third, each once and nothing else, between the balances before
/// and after them.
#[track_caller]
pub(super) fn assert_is_of_orders(banks: &Banks, bank: usize, range: &Range<Timestamp>, facts: &Value) {
    let owner = &banks.addresses[bank];
    let (from, to) = (range.start.to_string(), range.end.to_string());
    assert_eq!(facts["owner"], owner.as_str());
    assert_eq!(
        (&facts["from"], &facts["to"]),
        (&Value::from(from), &Value::from(to))
    );
    assert_eq!(facts["complete"], true);
    assert_eq!(facts["opening_is_of_genesis"], false);
    let has_after = |thirds: usize| banks.orders.balance(bank, thirds);
    let balances = |thirds: usize| {
        let free = has_after(thirds).to_string();
        json!([{ "asset": ASSET, "free": free, "held": "0" }])
    };
    assert_eq!(facts["opening"], balances(MIDDLE));
    assert_eq!(facts["closing"], balances(MIDDLE + 1));

    let mut found = Vec::new();
    let mut has = has_after(MIDDLE);
    for entry in facts["entries"].as_array().unwrap() {
        assert!(entry["outcome"]["Success"].is_object(), "{entry}");
        let payments = payments_of(entry, owner);
        assert!(!payments.is_empty(), "nothing in it is about the bank: {entry}");
        let before = has;
        for payment in &payments {
            has = if payment.payee == *owner {
                has + payment.units
            } else {
                has - payment.units
            };
        }
        let change = json!({
            "asset": ASSET,
            "free_before": before.to_string(),
            "free_after": has.to_string(),
            "held_before": "0",
            "held_after": "0",
        });
        assert_eq!(entry["changes"], json!([change]));
        found.extend(payments);
    }
    assert_eq!(has, has_after(MIDDLE + 1));
    // Banks pay at the same time: nothing says in which order.
    found.sort();
    assert_eq!(found, expected(banks, bank));
}

/// The payments of a transaction from or to an account, in their order.
#[track_caller]
fn payments_of(entry: &Value, owner: &str) -> Vec<Payment> {
    let intent = &entry["shown"]["intent"];
    let operations = intent["operations"].as_array().unwrap();
    let payments = operations.iter().enumerate().map(|(index, act)| {
        let party = usize::try_from(act["party"].as_u64().unwrap()).unwrap();
        let transfer = &act["operation"]["Transfer"];
        assert_eq!(transfer["asset"], ASSET, "{act}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Payment {
            memo: memo_of(entry, index),
            payer: text(&intent["parties"][party]),
            payee: text(&transfer["to"]),
            units: text(&transfer["amount"]).parse().unwrap(),
        }
    });
    payments
        .filter(|payment| payment.payer == owner || payment.payee == owner)
        .collect()
}

/// The memo of a transaction's operation, which the proof shows.
#[track_caller]
fn memo_of(entry: &Value, operation: usize) -> String {
    let shown = &entry["shown"];
    let place = json!({ "Operation": { "index": operation, "field": 0 } });
    let places = shown["intent"]["texts"]["places"].as_array().unwrap();
    let place = places.iter().position(|found| *found == place);
    let text = &shown["texts"][place.unwrap()]["Shown"]["text"];
    String::from_utf8(hex::decode(text.as_str().unwrap()).unwrap()).unwrap()
}

/// What the orders say.
fn expected(banks: &Banks, bank: usize) -> Vec<Payment> {
    let orders = banks.orders.third(MIDDLE).iter();
    let mut expected: Vec<Payment> = orders
        .filter(|order| order.payer == bank || order.payee == bank)
        .map(|order| Payment {
            memo: order.memo.clone(),
            payer: banks.addresses[order.payer].clone(),
            payee: banks.addresses[order.payee].clone(),
            units: order.units,
        })
        .collect();
    expected.sort();
    expected
}
