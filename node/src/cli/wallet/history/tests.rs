//! What a statement says of each kind of operation, and what it comes to.

use quorate_client::schema::{Account, Balance, TextState};
use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::{
    Amount, Condition, ConditionLeaf, Digest, ErrorCode, Height, HoldRef, Keep, Operation, Outcome, Place,
};

use super::*;

fn address(seed: u8) -> Address {
    Address([seed; 20])
}

fn qrt() -> AssetCode {
    "QRT".parse().unwrap()
}

type Build = TransactionBuilder;

/// What `sender` did, executed with this outcome.
fn executed(sender: u8, memo: &str, outcome: Outcome, build: impl FnOnce(Build) -> Build) -> Transaction {
    let builder = TransactionBuilder::new(Digest::default(), address(sender), Timestamp(9), [0; 16]);
    let unsigned = build(builder).memo(memo).build_with(|_| [5; 16]);
    let texts = unsigned.texts.iter();
    let texts: Vec<TextState> = texts.map(|text| TextState::Shown(text.text.clone())).collect();
    let transaction = unsigned.intent.sign([]);
    Transaction::pending(transaction.id(), &transaction, &texts).executed(
        Height(3),
        Timestamp(1_000),
        0,
        0,
        &outcome,
    )
}

fn success(results: &[u128]) -> Outcome {
    Outcome::Success {
        results: results.iter().copied().map(Amount).collect(),
    }
}

/// Payments by `sender`: to whom, how much, with which note.
fn paid(sender: u8, payments: &[(u8, u128, &str)], memo: &str, outcome: Outcome) -> Transaction {
    executed(sender, memo, outcome, |builder| {
        payments.iter().fold(builder, |builder, &(to, units, memo)| {
            builder.transfer(address(to), qrt(), Amount(units), memo)
        })
    })
}

fn entries(transaction: &Transaction, number: u64, account: u8) -> Vec<Entry> {
    entries_of(transaction, number, &address(account), &Holds::new()).0
}

fn holding(units: u128, held: u128, transactions: u64) -> Held {
    let balance = Balance {
        asset: qrt(),
        amount: Amount(units),
        held: Amount(held),
    };
    Held::of(&Account {
        balances: vec![balance],
        transactions,
        ..Account::unused(address(2))
    })
}

fn decimals() -> Decimals {
    Decimals::known([(qrt(), 2)].into(), BTreeMap::new())
}

#[test]
fn a_receiver_sees_its_own_part_of_a_bulk_payment_with_both_notes() {
    let payroll = [(3, 100, "theirs"), (2, 1_250, "mine"), (2, 5, "rest")];
    let transaction = paid(1, &payroll, "March", success(&[]));
    let seen: Vec<_> = entries(&transaction, 1, 2)
        .iter()
        .map(|entry| {
            (
                entry.direction,
                entry.units.0,
                entry.counterparty,
                entry.what(&decimals()),
            )
        })
        .collect();
    let from = Some(address(1));
    let words = |memo: &str| format!("from {} ({memo}) (March)", address(1));
    assert_eq!(
        seen,
        [
            (Direction::In, 1_250, from, words("mine")),
            (Direction::In, 5, from, words("rest"))
        ]
    );
    let sent = entries(&transaction, 1, 1);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|entry| entry.direction == Direction::Out));
}

#[test]
fn each_party_of_a_delivery_against_payment_sees_what_came_and_what_went() {
    let transaction = executed(1, "", success(&[]), |builder| {
        let back = Operation::Transfer {
            to: address(1),
            asset: "EUR".parse().unwrap(),
            amount: Amount(985),
        };
        builder
            .transfer(address(2), qrt(), Amount(100), "")
            .act(address(2), back)
    });
    for (account, other, came) in [(1, 2, Direction::Out), (2, 1, Direction::In)] {
        let entries = entries(&transaction, 1, account);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].direction, came);
        assert_ne!(entries[1].direction, came);
        assert!(
            entries
                .iter()
                .all(|entry| entry.counterparty == Some(address(other)))
        );
    }
}

#[test]
fn a_recorded_document_is_an_entry_with_its_label_once() {
    let transaction = executed(2, "filed", success(&[]), |builder| {
        builder.record(Digest([7; 32]), Keep::Own, "contract 17", Vec::new())
    });
    let entries = entries(&transaction, 1, 2);
    assert_eq!(entries[0].memo, "contract 17");
    let what = format!("record {} as its own (contract 17) (filed)", Digest([7; 32]));
    assert_eq!(entries[0].what(&decimals()), what);
}

/// Section 4: after an erasure it is proven that there was a text, who erased it, and when.
#[test]
fn an_erased_note_is_shown_as_erased_and_one_that_is_not_at_hand_as_that() {
    let unsigned = TransactionBuilder::new(Digest::default(), address(1), Timestamp(9), [0; 16])
        .transfer(address(2), qrt(), Amount(5), "salary")
        .transfer(address(3), qrt(), Amount(5), "theirs")
        .memo("March")
        .build_with(|_| [5; 16]);
    let leaf = Digest([7; 32]);
    let erased = || TextState::Erased {
        by: address(2),
        at: Timestamp(2_000),
        leaf: Some(leaf),
    };
    let texts = [TextState::Missing { leaf: Some(leaf) }, erased(), erased()];
    assert_eq!(unsigned.intent.v1().places().len(), texts.len());
    assert_eq!(unsigned.intent.v1().places()[0], Place::Memo);
    let transaction = unsigned.intent.sign([]);
    let transaction = Transaction::pending(transaction.id(), &transaction, &texts).executed(
        Height(3),
        Timestamp(1_000),
        0,
        0,
        &success(&[]),
    );
    let entries = entries(&transaction, 1, 2);
    assert_eq!(entries.len(), 1);
    let what = format!(
        "from {} (transaction's memo not at hand) (memo erased by {} on 1970-01-01T00:00:02.000Z)",
        address(1),
        address(2)
    );
    assert_eq!(entries[0].what(&decimals()), what);
    assert!(as_csv(&entries).unwrap().contains("memo erased by"));
}

/// What a hold holds is its owner's until it is released; then the one has less, and the other more.
#[test]
fn a_hold_moves_nothing_until_it_is_released() {
    let made = executed(2, "", success(&[]), |builder| {
        builder.operation(Operation::Hold {
            beneficiary: address(3),
            asset: qrt(),
            amount: Amount(40),
            until: Timestamp(9_000),
            condition: Condition::new(1, vec![ConditionLeaf::Signs(address(2))]),
        })
    });
    let hold = HoldRef {
        owner: address(2),
        transaction: made.id,
        operation: 0,
    };
    let released = executed(2, "", success(&[15]), |builder| {
        builder.operation(Operation::Release {
            hold,
            amount: Some(Amount(15)),
            preimages: Vec::new(),
        })
    });
    let refunded = executed(3, "", success(&[25]), |builder| {
        builder.operation(Operation::Refund { hold })
    });
    let known = KnownHold {
        asset: qrt(),
        beneficiary: address(3),
    };
    let holds = Holds::from([((made.id, 0), known)]);
    let of = |transaction: &Transaction, account: u8| {
        let (entries, is_whole) = entries_of(transaction, 1, &address(account), &holds);
        assert!(is_whole);
        entries
    };
    let moved = |transaction: &Transaction, account| -> Vec<(Direction, u128)> {
        let entries = of(transaction, account);
        entries
            .iter()
            .map(|entry| (entry.direction, entry.units.0))
            .collect()
    };
    assert_eq!(moved(&made, 2), [(Direction::None, 0)]);
    assert_eq!(moved(&made, 3), [(Direction::None, 0)]);
    assert_eq!(moved(&released, 2), [(Direction::Out, 15)]);
    assert_eq!(moved(&released, 3), [(Direction::In, 15)]);
    // Another gave it back: the owner sees that, and how much it is.
    assert_eq!(moved(&refunded, 2), [(Direction::None, 25)]);
    assert_eq!(moved(&refunded, 3), [(Direction::None, 0)]);
    let (unknown, is_whole) = entries_of(&released, 1, &address(2), &Holds::new());
    assert_eq!((unknown.len(), is_whole), (1, false));
    let (unknown, is_whole) = entries_of(&refunded, 1, &address(2), &Holds::new());
    assert_eq!((unknown.len(), is_whole), (1, true));
    let said = |transaction: &Transaction, account: u8| of(transaction, account)[0].what(&decimals());
    let hold = format!("hold {}:0", made.id);
    let (owner, beneficiary) = (address(2), address(3));
    assert_eq!(said(&released, 2), format!("paid from {hold} to {beneficiary}"));
    assert_eq!(said(&released, 3), format!("paid from {hold} of {owner}"));
    assert_eq!(
        said(&refunded, 2),
        format!("came back from {hold} for {beneficiary}")
    );
    // 45 free and 25 held now, the refund not yet made: 70, and 85 before the release.
    let mut held = holding(45, 25, 2);
    held.go_back(2, &mut of(&released, 2)).unwrap();
    held.go_back(1, &mut of(&made, 2)).unwrap();
    assert_eq!(held.holdings, Some([(qrt(), 85)].into()));
    // What came back was counted before: the balance beside it is what it was.
    let mut back = of(&refunded, 2);
    holding(70, 0, 3).go_back(3, &mut back).unwrap();
    back[0].write_out(&decimals());
    assert_eq!(back[0].decimal.as_deref(), Some("0.25"));
    assert_eq!(back[0].balance_decimal.as_deref(), Some("0.70"));
}

#[test]
fn what_was_held_is_reckoned_backwards_from_what_is_held_now() {
    let failed = Outcome::Failed {
        code: ErrorCode::INSUFFICIENT_BALANCE,
        operation: 0,
    };
    let newest_first = [
        paid(2, &[(3, 40, ""), (2, 7, ""), (3, 10, "")], "", success(&[])),
        paid(2, &[(3, 999, "")], "", failed),
        paid(1, &[(2, 60, "")], "", success(&[])),
    ];
    let mut held = holding(10, 0, 3);
    let mut seen = Vec::new();
    for (number, transaction) in (1..=3).rev().zip(&newest_first) {
        let mut entries = entries(transaction, number, 2);
        held.go_back(number, &mut entries).unwrap();
        seen.extend(entries.iter().rev().map(|entry| entry.held.map(|held| held.0)));
    }
    assert_eq!(seen, [Some(10), Some(20), Some(20), None, Some(60)]);
    assert_eq!(held.holdings, Some([(qrt(), 0)].into()));
}

#[test]
fn a_gap_ends_the_reckoning_and_a_contradiction_is_told() {
    let received = paid(1, &[(2, 60, "")], "", success(&[]));
    let mut entries = entries(&received, 2, 2);
    let mut held = holding(100, 0, 3);
    held.go_back(2, &mut entries).unwrap();
    assert_eq!((entries[0].held, held.holdings), (None, None));
    let failure = holding(59, 0, 2).go_back(2, &mut entries).unwrap_err();
    assert_eq!(failure.exit(), Exit::CheckFailed);
}

#[test]
fn a_table_for_spreadsheets_has_signs_quotes_and_no_formulas() {
    let formula = "=HYPERLINK(\"http://evil\",\"\u{202e}\")";
    let received = paid(1, &[(2, 1_250, formula)], "a, b", success(&[]));
    let sent = paid(2, &[(1, 5, "")], "", success(&[]));
    let mut all = entries(&received, 1, 2);
    all.extend(entries(&sent, 2, 2));
    let mut held = holding(1_245, 0, 2);
    held.go_back(2, &mut all[1..]).unwrap();
    held.go_back(1, &mut all[..1]).unwrap();
    for entry in &mut all {
        entry.write_out(&decimals());
    }
    let text = as_csv(&all).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let place = columns.iter().position(|column| column == name).unwrap();
        rows[row][place].to_owned()
    };
    assert_eq!(
        (cell(0, "amount"), cell(0, "balance")),
        ("12.50".to_owned(), "12.50".to_owned())
    );
    assert_eq!(
        (cell(1, "amount"), cell(1, "balance")),
        ("-0.05".to_owned(), "12.45".to_owned())
    );
    assert_eq!(cell(0, "memo"), "\\u{3d}HYPERLINK(\"http://evil\",\"\\u{202e}\")");
    assert_eq!(cell(0, "transaction_memo"), "a, b");
    assert_eq!(
        (cell(0, "direction"), cell(1, "direction")),
        ("in".to_owned(), "out".to_owned())
    );
    assert_eq!(cell(0, "time"), "1970-01-01T00:00:01.000Z");
}

#[test]
fn days_are_whole_and_times_are_to_the_millisecond() {
    const DAY_MS: u64 = 86_400_000;
    assert_eq!(beginning("1970-01-02"), Ok(Timestamp(DAY_MS)));
    assert_eq!(end("1970-01-02"), Ok(Timestamp(2 * DAY_MS)));
    assert_eq!(end("1970-01-01T00:00:01Z"), Ok(Timestamp(1_001)));
    for old in ["1969-07-20", "1969-07-20T20:17:40Z"] {
        assert_eq!((beginning(old), end(old)), (Ok(Timestamp(0)), Ok(Timestamp(1))));
    }
    for text in ["", "1970-02-30", "yesterday", "1970-01-02T"] {
        assert!(beginning(text).is_err(), "{text}");
    }
}
