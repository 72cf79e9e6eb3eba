//! What people read of proofs: no structures, no keys, and what nothing means.

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::sha256;
use quorate_ledger::{
    Address, Amount, AssetCode, Balance, BalanceV1, Condition, ConditionLeaf, Digest, Erased, Erasure,
    ErasureV1, Hold, HoldV1, LogEntryV1, LoggedTransaction, Outcome, Place, Prefix, Record, RecordV1,
    StateKey, StateValue, TextItem, Timestamp,
};
use quorate_tools::output::Format;
use quorate_verifier::{LeafFacts, PrefixFacts, ShownFacts, TextFacts, TransactionFacts};

use super::*;

const OWNER: Address = Address([1; 20]);
const OTHER: Address = Address([2; 20]);

fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

fn decimals() -> Decimals {
    Decimals::known([(code("EUR"), 2)].into(), BTreeMap::new())
}

fn leaf(key: StateKey, value: StateValue) -> LeafFacts {
    LeafFacts { key, value }
}

fn state_text(prefix: Prefix, leaves: Vec<LeafFacts>) -> String {
    let facts = [PrefixFacts { prefix, leaves }];
    state::shown(&facts, &[], &decimals(), &Output::new(Format::Text))
}

fn assert_says(text: &str, all: &[&str]) {
    for said in all {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    assert!(!text.contains('{') && !text.contains("00000000/"), "{text}");
}

#[test]
fn nothing_is_told_by_what_it_means() {
    let document = sha256(b"document");
    for (prefix, said) in [
        (Prefix::account(&OWNER), "no such account"),
        (Prefix::holds(&OWNER), "owns no open holds"),
        (
            Prefix::of_key(&StateKey::asset(&code("GOLD"))),
            "There is no asset GOLD",
        ),
        (
            Prefix::of_key(&StateKey::own_record(&OWNER, &document)),
            "no record of its own",
        ),
        (
            Prefix::of_key(&StateKey::unique_record(&document)),
            "Nobody claims the document",
        ),
        (
            Prefix::of_key(&StateKey::erasure(&document)),
            "No text of the transaction was erased",
        ),
    ] {
        assert_says(&state_text(prefix, Vec::new()), &[said, "nothing is there"]);
    }
}

#[test]
fn balances_and_holds_stand_in_tables_in_words() {
    let balance = |asset: &str, free: u128| {
        let balance = BalanceV1 {
            address: OWNER,
            asset: code(asset),
            free: Amount(free),
            held: Amount(50),
            incoming: 3,
        };
        let key = StateKey::balance(&OWNER, &code(asset));
        leaf(key, StateValue::Balance(Balance::V1(balance)))
    };
    let text = state_text(
        Prefix::account(&OWNER),
        vec![balance("EUR", 1_250), balance("GOLD", 7)],
    );
    assert_says(&text, &["HOLDS FOR IT", "12.50  ", "0.50", "7 smallest units"]);

    let hold = Hold::V1(HoldV1 {
        owner: OWNER,
        transaction: Digest([7; 32]),
        operation: 0,
        beneficiary: OTHER,
        asset: code("EUR"),
        amount: Amount(900),
        until: Timestamp(9_000),
        condition: Condition::new(1, vec![ConditionLeaf::Signs(OTHER)]),
    });
    let held = leaf(hold.key(), StateValue::Hold(hold));
    let text = state_text(Prefix::holds(&OWNER), vec![held]);
    let signs = format!("{OTHER} signs");
    assert_says(&text, &["9.00 EUR", "1970-01-01T00:00:09Z", &signs]);
}

#[test]
fn records_and_erasures_are_told_with_who_and_when() {
    let document = sha256(b"document");
    let record = Record::V1(RecordV1 {
        address: OWNER,
        sha256: document,
        id: Digest([7; 32]),
        ordinal: 17,
        timestamp: Timestamp(9_000),
    });
    let key = StateKey::unique_record(&document);
    let text = state_text(
        Prefix::of_key(&key),
        vec![leaf(key, StateValue::UniqueRecord(record))],
    );
    let claims = format!("{OWNER} claims it");
    assert_says(&text, &[&claims, "17 of the log", "1970-01-01T00:00:09Z"]);

    let id = Digest([7; 32]);
    let erasure = Erasure::V1(ErasureV1 {
        id,
        erased: vec![Erased {
            place: Place::Memo,
            by: OWNER,
            ordinal: 18,
            timestamp: Timestamp(9_000),
        }],
    });
    let key = StateKey::erasure(&id);
    let text = state_text(
        Prefix::of_key(&key),
        vec![leaf(key, StateValue::Erasure(erasure))],
    );
    let said = format!("the memo of {id} was erased by {OWNER} on 1970-01-01T00:00:09Z");
    assert_says(&text, &[&said, "ordinal 18"]);
}

#[test]
fn a_transaction_says_who_does_what() {
    let unsigned = TransactionBuilder::new(sha256(b"network"), OWNER, Timestamp(9_000), [1; 16])
        .transfer(OTHER, code("EUR"), Amount(1_250), "a \"note\"")
        .transfer(OTHER, code("GOLD"), Amount(7), "")
        .memo("March")
        .build_with(|_| [1; 16]);
    let id = unsigned.intent.id();
    let mut texts: Vec<TextItem> = unsigned.texts.into_iter().map(TextItem::Shown).collect();
    // The memo's place is the first.
    texts[0] = TextItem::Withheld {
        leaf: Digest([8; 32]),
    };
    let facts = TransactionFacts {
        ordinal: 17,
        entry: LogEntryV1::Transaction(LoggedTransaction {
            height: quorate_ledger::Height(3),
            timestamp: Timestamp(2_000),
            position: 1,
            id,
            expires_at: Timestamp(9_000),
            signed: Digest([9; 32]),
            outcome: Outcome::Success { results: Vec::new() },
        }),
        shown: ShownFacts {
            intent: Some(unsigned.intent.v1().clone()),
            signed_by: None,
            texts: TextFacts::All(texts),
        },
    };
    let text = lines_of(executed::transaction(&facts, &decimals()));
    let pays = format!("operation 0, by {OWNER}: pay 12.50 EUR to {OTHER}");
    assert_says(
        &text,
        &[
            "executed in block 3 of 1970-01-01T00:00:02Z, at position 1 there, ordinal 17 of the log",
            "all of it took effect",
            &pays,
            "pay 7 smallest units of GOLD",
            "the memo is withheld",
            "the memo of operation 0 is \"a \\\"note\\\"\"",
        ],
    );
}
