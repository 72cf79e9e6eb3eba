//! The four proofs that the page prints.

use quorate_ledger::Timestamp;
use quorate_verifier::{Facts, Finding, Proof, ProofFile, ProofKind, Verdict};
use serde_json::{Value, json};

use crate::page;

const K1: &str = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";
const K2: &str = "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv";

/// The one verdict on a printed file.
fn verdict(file: &str) -> Verdict {
    let verdicts = page::verifier()
        .check_file(file.as_bytes())
        .expect("the page's proofs are good");
    let [verdict] = <[Verdict; 1]>::try_from(verdicts).expect("a file of one proof");
    verdict
}

fn facts(kind: &str) -> Value {
    let verdict = verdict(page::file(&format!("quorate proof 2 {kind}\n")));
    serde_json::to_value(&verdict.facts).unwrap()
}

fn balance(asset: &str, free: &str) -> Value {
    json!({ "asset": asset, "free": free, "held": "0" })
}

#[test]
fn what_is_printed_is_read_and_written_to_the_byte() {
    for text in page::proof_files() {
        let file = ProofFile::read(text.as_bytes()).unwrap();
        assert_eq!(file.write(), text);
        assert_eq!(file.committees, None);
        let bytes = file.proof.encode();
        assert_eq!(Proof::decode(&bytes).unwrap(), file.proof);
    }
}

#[test]
fn each_is_proven_as_of_the_block_of_the_page() {
    for text in page::proof_files() {
        let verdict = verdict(text);
        // The statement's range ends a millisecond after its block.
        let finding = match verdict.kind {
            ProofKind::Statement => Finding::CompleteUpTo(Timestamp(1_767_225_601_000)),
            _ => Finding::Proven,
        };
        assert_eq!(verdict.finding, finding);
        let head = verdict.head.expect("it names its block");
        assert_eq!((head.epoch.0, head.height.0), (0, 1));
        assert_eq!(head.hash.to_string(), page::table("block hash"));
        let named = format!("as of block 1 of 2026-01-01T00:00:01Z, epoch 0, {}", head.hash);
        assert_eq!(verdict.words[1], named);
    }
}

#[test]
fn transaction_1_is_shown_with_its_text_and_without_signatures() {
    let found = facts("transaction");
    assert_eq!(found["ordinal"], 0);
    assert_eq!(found["kind"], "transaction");
    assert_eq!(found["id"], page::table("id 1"));
    assert_eq!(found["signed"], page::table("signed 1"));
    assert_eq!(found["expires_at"], "2026-01-01T00:01:00Z");
    assert_eq!(found["outcome"], json!({ "Success": { "results": [] } }));
    let shown = &found["shown"];
    assert_eq!(shown["signed_by"], json!(null));
    let transfer = json!({ "to": K2, "asset": "EUR", "amount": "1250" });
    let acts = json!([{ "party": 0, "operation": { "Transfer": transfer } }]);
    assert_eq!(shown["intent"]["operations"], acts);
    assert_eq!(shown["intent"]["parties"], json!([K1]));
    let text = json!({ "salt": "101112131415161718191a1b1c1d1e1f", "text": hex::encode("invoice 17") });
    assert_eq!(shown["texts"], json!([{ "Shown": text }]));
}

#[test]
fn nothing_is_under_address_zero_and_k1_has_what_the_page_says() {
    let found = facts("state");
    let [absent, account] = found["state"].as_array().unwrap().as_slice() else {
        panic!("two prefixes were asked for");
    };
    assert_eq!(absent["prefix"], format!("01{}/168", "0".repeat(62)));
    assert_eq!(absent["leaves"], json!([]));
    let [leaf] = account["leaves"].as_array().unwrap().as_slice() else {
        panic!("the account's leaf is all that it has");
    };
    assert_eq!(leaf["key"], page::table("key of K1's account"));
    assert_eq!(leaf["kind"], "account");
    assert_eq!(leaf["value"]["address"], K1);
    assert_eq!(leaf["value"]["entries"], 2);
    assert_eq!(leaf["value"]["last"], page::table("h_2"));
    let inline = |asset: &str, free: &str| {
        let mut item = balance(asset, free);
        item["incoming"] = json!(0);
        item
    };
    assert_eq!(
        leaf["value"]["balances"],
        json!([inline("EUR", "48750"), inline("GOLD", "2")])
    );
}

#[test]
fn the_statement_has_both_transactions_and_both_ends() {
    let found = facts("statement");
    assert_eq!(found["owner"], K1);
    assert_eq!(found["complete"], false);
    assert_eq!(found["complete_up_to"], "2026-01-01T00:00:01Z");
    assert_eq!(found["opening"], json!([balance("EUR", "100000")]));
    assert_eq!(found["opening_is_of_genesis"], true);
    assert_eq!(
        found["closing"],
        json!([balance("EUR", "48750"), balance("GOLD", "2")])
    );
    let ids: Vec<_> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["id"])
        .collect();
    assert_eq!(ids, [page::table("id 1"), page::table("id 2")]);
}

#[test]
fn the_block_has_both_transactions() {
    let found = facts("block");
    assert_eq!(
        (&found["height"], &found["first_ordinal"]),
        (&json!(1), &json!(0))
    );
    let ids: Vec<_> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["id"])
        .collect();
    assert_eq!(ids, [page::table("id 1"), page::table("id 2")]);
}

#[test]
fn a_verdict_reads_in_plain_words() {
    let words = verdict(page::file("quorate proof 2 transaction\n")).words;
    let (id, block) = (page::table("id 1"), page::table("block hash"));
    assert_eq!(
        words,
        [
            format!("proven: transaction {id}"),
            format!("as of block 1 of 2026-01-01T00:00:01Z, epoch 0, {block}"),
            format!(
                "ordinal 0 of the log: {id} was executed in block 1 of 2026-01-01T00:00:01Z at position 0: all of \
                 it took effect"
            ),
            "it is shown without signatures: what was executed, not who signed it".to_owned(),
            format!("operation 0: {{party 0, operation Transfer(to {K2}, asset EUR, amount 1250)}}"),
            "the text of operation 0, field 0, is \"invoice 17\"".to_owned(),
        ]
    );
    let words = verdict(page::file("quorate proof 2 statement\n")).words;
    let range = format!("{K1} 2026-01-01T00:00:00Z 2026-01-01T00:00:01.001Z");
    assert_eq!(
        words[0],
        format!("complete up to 2026-01-01T00:00:01Z, that included, and no further: statement {range}")
    );
    for line in [
        format!("2 transactions of {K1} in the range, none left out"),
        "no step is before the range: the opening balances are those of genesis".to_owned(),
        "opening EUR: 1000.00 free, 0.00 held".to_owned(),
        "EUR: free 1000.00 to 987.50, held 0.00 to 0.00".to_owned(),
        "closing GOLD: 2 free, 0 held".to_owned(),
    ] {
        assert!(words.contains(&line), "{line} is missing in {words:#?}");
    }
}

#[test]
fn facts_are_the_same_for_the_same_proof_only() {
    let [transaction, state, ..] = page::proof_files().map(|text| verdict(text).facts);
    assert_eq!(transaction, verdict(page::proof_files()[0]).facts);
    assert_ne!(transaction, state);
    assert!(matches!(transaction, Facts::Transaction(_)));
}
