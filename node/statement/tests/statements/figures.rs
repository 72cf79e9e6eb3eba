//! Figures reckoned by hand.

use quorate_crypto::Address;
use quorate_ledger::{Amount, HistoryOwner, Operation};
use quorate_statement::{Balance, Figures, Line, Names, Signed, Words};
use quorate_verifier::StatementFacts;

use crate::golden::asset;
use crate::made::{
    A, B, C, Made, act, assets, balance, change, empty, entry, hold, intent, month, own_leaf, pay, refund,
    release,
};

fn figures(facts: StatementFacts) -> Figures {
    Made::of(facts).statement(&Names::new()).figures().clone()
}

fn signed(amount: Signed) -> String {
    let sign = if amount.is_minus { "-" } else { "+" };
    format!("{sign}{}", amount.amount)
}

fn who(address: Address) -> &'static str {
    match address {
        A => "A",
        B => "B",
        C => "C",
        _ => "somebody else",
    }
}

/// A line in short: number, operation, kind, counterparty; what moved of the free and the held, and what there is after.
fn brief(line: &Line) -> String {
    let operation = line
        .operation
        .map_or_else(|| "-".to_owned(), |index| index.to_string());
    let counterparty = line.counterparty.map_or("-", who);
    let head = format!("{} {operation} {} {counterparty}", line.number, line.kind);
    let Some(movement) = &line.movement else {
        return head;
    };
    let (held, after) = (movement.held.unwrap(), movement.after.unwrap());
    format!(
        "{head}: {} {} {}, {} {}",
        movement.asset,
        signed(movement.free),
        signed(held),
        after.free,
        after.held
    )
}

fn briefs(figures: &Figures) -> Vec<String> {
    figures.lines.iter().map(brief).collect()
}

#[test]
fn each_operation_that_touches_the_account_is_a_line_with_what_it_moved() {
    let expected = [
        "33 0 transfer B: EUR +5000 +0, 15000 0",
        "34 0 hold C: EUR -3000 +3000, 12000 3000",
        "36 0 release C: EUR +0 -1000, 12000 2000",
        "37 - not shown -: EUR +500 +0, 12500 2000",
        "37 - not shown -: QRT +7 +0, 7 0",
        "38 0 refund C: EUR +2000 -2000, 14500 0",
        "39 0 transfer B: EUR -100 +0, 14400 0",
        "39 1 transfer B: EUR +300 +0, 14700 0",
        "40 0 release B: EUR +400 +0, 15100 0",
        "41 0 put record -",
        "42 - consent -",
        "43 0 transfer A: EUR +0 +0, 15100 0",
        "44 0 release B",
        "44 1 release B",
        "44 - not itemised -: EUR +100 +0, 15200 0",
        "44 - not itemised -: QRT +5 +0, 12 0",
    ];
    assert_eq!(briefs(&figures(month())), expected);
}

#[test]
fn a_line_says_where_its_transaction_is_in_history_log_and_chain() {
    let facts = month();
    let figures = figures(facts.clone());
    let (line, entry) = (&figures.lines[2], &facts.entries[3]);
    assert_eq!((line.number, line.ordinal, line.height.0), (36, 360, 36));
    assert_eq!((line.time, line.id), (entry.entry.timestamp, entry.entry.id));
}

#[test]
fn what_failed_is_counted_and_no_line() {
    let figures = figures(month());
    assert_eq!((figures.about.transactions, figures.about.failed), (12, 1));
    assert!(figures.lines.iter().all(|line| line.number != 35));
}

#[test]
fn balances_are_of_all_assets_that_occur_with_the_decimals_that_are_proven() {
    let mut facts = month();
    // An asset that came and went within the month.
    facts.entries.truncate(1);
    facts.entries[0].changes.push(change("USD", [0, 5], [0, 0]));
    let figures = figures(facts);
    let balances: Vec<_> = figures
        .balances
        .iter()
        .map(|item| {
            (
                item.asset,
                item.decimals,
                item.opening.unwrap(),
                item.closing.unwrap(),
            )
        })
        .collect();
    let of = |free| Balance {
        free: Amount(free),
        held: Amount(0),
    };
    assert_eq!(
        balances,
        [
            (asset("EUR"), Some(2), of(10_000), of(15_200)),
            (asset("QRT"), None, of(0), of(12)),
            (asset("USD"), None, of(0), of(0)),
        ]
    );
}

#[test]
fn a_text_is_shown_or_said_to_be_withheld_or_erased() {
    let figures = figures(month());
    let words = |number: u64| {
        let mut lines = figures.lines.iter().filter(|line| line.number == number);
        let line = lines.next().unwrap();
        (line.text.clone(), line.memo.clone(), line.metadata.clone())
    };
    let text = |text: &str| Words::Shown(text.to_owned());
    assert_eq!(
        words(33),
        (text("=rent \u{200b}& <more>"), Words::Withheld, Words::None)
    );
    assert_eq!(words(34), (Words::Erased, Words::None, Words::None));
    assert_eq!(words(36), (Words::None, Words::None, Words::None));
    assert_eq!(words(37), (Words::NotShown, Words::ErasedUnseen, Words::None));
    assert_eq!(
        words(41),
        (text("contract 17"), Words::None, Words::Hex("ff00".to_owned()))
    );
}

#[test]
fn what_operations_do_not_explain_stays_whole() {
    let mut facts = month();
    facts.entries.truncate(1);
    // More came than the shown transfer says.
    facts.entries[0].changes = vec![change("EUR", [10_000, 15_007], [0, 0])];
    assert_eq!(
        briefs(&figures(facts.clone())),
        [
            "33 0 transfer B: EUR +5000 +0, 15000 0",
            "33 - not itemised -: EUR +7 +0, 15007 0"
        ]
    );
    // The parts would lead below nothing.
    let operations = vec![act(0, pay(B, "EUR", 20_000)), act(1, pay(A, "EUR", 25_000))];
    facts.entries[0].shown.intent = Some(intent(&[A, B], operations, &[]));
    facts.entries[0].changes = vec![change("EUR", [10_000, 15_000], [0, 0])];
    assert_eq!(
        briefs(&figures(facts)),
        ["33 - not itemised -: EUR +5000 +0, 15000 0"]
    );
}

#[test]
fn others_holds_pay_their_beneficiary() {
    let made = entry(
        1,
        intent(&[B], vec![act(0, hold(A, "EUR", 70))], &[]),
        &[],
        Vec::new(),
    );
    let id = made.entry.id;
    let paid = entry(
        2,
        intent(&[B], vec![act(0, release(B, id, 0))], &[]),
        &[30],
        vec![change("EUR", [0, 30], [0, 0])],
    );
    let given_up = entry(
        3,
        intent(&[A], vec![act(0, refund(B, id, 0))], &[]),
        &[40],
        Vec::new(),
    );
    let facts = StatementFacts {
        closing: vec![balance("EUR", 30, 0)],
        entries: vec![made, paid, given_up],
        beside: assets(&[("EUR", 2)]),
        ..empty()
    };
    let expected = ["1 0 hold B", "2 0 release B: EUR +30 +0, 30 0", "3 0 refund B"];
    assert_eq!(briefs(&figures(facts)), expected);
}

#[test]
fn a_supply_grows_by_mints_and_falls_by_burns() {
    let code = asset("EUR");
    let mint = |amount| Operation::Mint {
        to: A,
        asset: code,
        amount: Amount(amount),
    };
    let burn = Operation::Burn {
        asset: code,
        amount: Amount(40),
    };
    let created = Operation::CreateAsset {
        code,
        decimals: 2,
        flags: 0,
    };
    let operations = vec![act(0, created), act(0, mint(100))];
    let facts = StatementFacts {
        owner: HistoryOwner::Asset(code),
        opening_is_of_genesis: true,
        closing: vec![balance("EUR", 60, 0)],
        entries: vec![
            entry(
                1,
                intent(&[B], operations, &[]),
                &[],
                vec![change("EUR", [0, 100], [0, 0])],
            ),
            entry(
                2,
                intent(&[C], vec![act(0, burn)], &[]),
                &[],
                vec![change("EUR", [100, 60], [0, 0])],
            ),
        ],
        ..empty()
    };
    let made = Made::new(facts, own_leaf("EUR", 2));
    let names = Names::new();
    let statement = made.statement(&names);
    assert_eq!(
        briefs(statement.figures()),
        [
            "1 0 create asset B",
            "1 1 mint A: EUR +100 +0, 100 0",
            "2 0 burn C: EUR -40 +0, 60 0"
        ]
    );
    // Its decimals are those of its own leaf.
    assert_eq!(statement.figures().balances[0].decimals, Some(2));
}

#[test]
fn amounts_are_reckoned_up_to_the_largest() {
    let most = 10_u128.pow(38) - 1;
    let facts = StatementFacts {
        closing: vec![balance("EUR", most, 0)],
        entries: vec![entry(
            1,
            intent(&[B], vec![act(0, pay(A, "EUR", most))], &[]),
            &[],
            vec![change("EUR", [0, most], [0, 0])],
        )],
        beside: assets(&[("EUR", 2)]),
        ..empty()
    };
    assert_eq!(
        briefs(&figures(facts)),
        [format!("1 0 transfer B: EUR +{most} +0, {most} 0")]
    );
}
