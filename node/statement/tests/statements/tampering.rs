//! Each kind of tampering with a statement is found, in each form.

use quorate_statement::{
    Difference, Found, LineName, Names, ReadError, compare, compare_names, figures_of_camt053,
    figures_of_csv, figures_of_html,
};

use crate::golden::{CSV, asset, page_html, page_xml};
use crate::page::{K1, K2, statement};

/// A text that was tampered with: what stands there once only is replaced.
fn tampered(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}` in the statement");
    text.replace(old, new)
}

/// The differences in words.
fn words(found: Result<Found, ReadError>) -> Vec<String> {
    let differences = compare(&found.unwrap(), &statement());
    differences.iter().map(Difference::to_string).collect()
}

fn of_csv(old: &str, new: &str) -> Vec<String> {
    words(figures_of_csv(&tampered(CSV, old, new)))
}

fn of_html(old: &str, new: &str) -> Vec<String> {
    words(figures_of_html(&tampered(&page_html(), old, new)))
}

fn of_xml(old: &str, new: &str) -> Vec<String> {
    words(figures_of_camt053(&tampered(&page_xml(), old, new)))
}

/// The line of a text that has this in it, with its end.
fn line_of<'a>(text: &'a str, part: &str) -> &'a str {
    let mut lines = text.split_inclusive('\n').filter(|line| line.contains(part));
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), None, "`{part}` is on one line");
    line
}

/// The entries of the document, each a piece of it.
fn entries_of(document: &str) -> [&str; 2] {
    let entries: Vec<&str> = document.split_inclusive("</Ntry>\n").collect();
    let (_, first) = entries[0].split_once("      <Ntry>").unwrap();
    let start = entries[0].len() - first.len() - "      <Ntry>".len();
    [&entries[0][start..], entries[1]]
}

fn first() -> String {
    let statement = statement();
    let id = statement.figures().lines[0].id;
    format!("entry 1, operation 0, EUR (transaction {id})")
}

fn second(code: &str) -> String {
    let statement = statement();
    let id = statement.figures().lines[1].id;
    format!("entry 2, {code} (transaction {id})")
}

#[test]
fn a_difference_names_what_it_is_about() {
    let found = figures_of_csv(&tampered(CSV, ",-12.50,", ",-2.50,")).unwrap();
    let statement = statement();
    let line = LineName {
        number: 1,
        operation: Some(0),
        asset: Some(asset("EUR")),
        id: statement.figures().lines[0].id,
    };
    let altered = Difference::Altered {
        line,
        what: "the amount",
        found: "-2.50".to_owned(),
        proven: "-12.50".to_owned(),
    };
    assert_eq!(compare(&found, &statement), [altered]);
}

#[test]
fn a_changed_cell_is_an_altered_figure() {
    let altered = |what: &str, found: &str, proven: &str| {
        vec![format!(
            "{}: {what} is `{found}`, by the proof `{proven}`",
            first()
        )]
    };
    for (old, new, expected) in [
        (",-12.50,", ",12.50,", altered("the amount", "+12.50", "-12.50")),
        (",987.50,", ",997.50,", altered("the balance", "997.50", "987.50")),
        (
            "987.50,0.00,0.00",
            "987.50,-1.00,0.00",
            altered("the held amount", "-1.00", "0.00"),
        ),
        (
            "987.50,0.00,0.00",
            "987.50,0.00,1.00",
            altered("the held balance", "1.00", "0.00"),
        ),
        (K2, K1, altered("the counterparty", K1, K2)),
        (
            "invoice 17",
            "invoice 71",
            altered("the text", "the text \"invoice 71\"", "the text \"invoice 17\""),
        ),
        (
            "\"invoice 17\",shown",
            "(erased),erased",
            altered("the text", "erased", "the text \"invoice 17\""),
        ),
        (",transfer,", ",mint,", altered("the kind", "mint", "transfer")),
        (
            "entry,1,2026-01-01T00:00:01Z",
            "entry,1,2026-01-01T00:00:00.500Z",
            altered("the time", "2026-01-01T00:00:00.500Z", "2026-01-01T00:00:01Z"),
        ),
        (
            ",1,0,4e1a",
            ",1,7,4e1a",
            altered("the place in the log", "7", "0"),
        ),
        (",1,0,4e1a", ",2,0,4e1a", altered("the block", "2", "1")),
    ] {
        assert_eq!(of_csv(old, new), expected, "{old} to {new}");
    }
}

#[test]
fn a_row_that_is_gone_copied_added_or_moved_is_found() {
    let gold = line_of(CSV, "GOLD,0,2,2");
    assert_eq!(of_csv(gold, ""), [format!("left out: {}", second("GOLD"))]);
    assert_eq!(
        of_csv(gold, &format!("{gold}{gold}")),
        [format!("slipped in: {}", second("GOLD"))]
    );
    let added = gold.replace("entry,2,", "entry,3,");
    assert_eq!(
        of_csv(gold, &format!("{gold}{added}")),
        [format!(
            "slipped in: {}",
            second("GOLD").replace("entry 2", "entry 3")
        )]
    );
    let euros = line_of(CSV, "EUR,2,-500.00");
    let both = format!("{euros}{gold}");
    let moved = of_csv(&both, &format!("{gold}{euros}"));
    assert_eq!(moved, [format!("not in its place: {}", second("GOLD"))]);
}

#[test]
fn a_changed_balance_and_a_changed_range_are_found() {
    let closing = line_of(CSV, "closing,,,,,,,,EUR");
    assert_eq!(
        of_csv(closing, &closing.replace("487.50", "987.50")),
        ["the closing balance of EUR is 987.50, by the proof 487.50"]
    );
    assert_eq!(
        of_csv(closing, ""),
        [
            "the closing balance of EUR is left out, by the proof 487.50",
            "what is held at the closing of EUR is left out, by the proof 0.00"
        ]
    );
    let opening = line_of(CSV, "opening,,,,,,,,GOLD");
    assert_eq!(
        of_csv(opening, &opening.replace("GOLD,0,,0,,0", "GOLD,0,,0,,5")),
        ["what is held at the opening of GOLD is 5, by the proof 0"]
    );
    let about = |what: &str, found: &str, proven: &str| {
        vec![format!("`{what}` is `{found}`, by the proof `{proven}`")]
    };
    let incomplete = "up to 2026-01-01T00:00:01Z, that included";
    assert_eq!(
        of_csv(&format!("\"{incomplete}\""), "yes"),
        about("complete", "yes", incomplete)
    );
    assert_eq!(
        of_csv("2026-01-01T00:00:01.001Z", "2027-01-01T00:00:00Z"),
        about("before", "2027-01-01T00:00:00Z", "2026-01-01T00:00:01.001Z")
    );
    assert_eq!(
        of_csv(",genesis,", ",history,"),
        about("opening", "history", "genesis")
    );
    let failed = line_of(CSV, ",failed,");
    assert_eq!(
        of_csv(failed, &failed.replace(",0,", ",1,")),
        about("failed", "1", "0")
    );
}

#[test]
fn a_table_of_another_form_is_not_read() {
    for (old, new) in [
        ("row,number", "number,row"),
        (",-12.50,", ",\"-12,50\","),
        (",-12.50,", ",-12.5,"),
        ("closing,,,,,,,,GOLD", "about,,,,,,,,GOLD"),
        (
            "\"(not shown)\",\"not shown\",\"(not shown)\",\"not shown\",,\r\nentry",
            ",\"not shown\",,\"not shown\",,\r\nentry",
        ),
        (",transfer,EUR,2,", ",transfer,,,"),
        ("entry,1,", "payment,1,"),
        ("\r\nabout,,,,,,,fees,,,,,,,,,none,,,,,", ""),
    ] {
        let text = tampered(CSV, old, new);
        assert!(figures_of_csv(&text).is_err(), "{old} to {new}");
    }
}

#[test]
fn a_spreadsheet_may_save_the_table_in_its_way() {
    let saved = CSV
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace(",EUR,", ",\"EUR\",");
    assert_eq!(words(figures_of_csv(&saved)), [""; 0]);
}

#[test]
fn a_changed_page_is_found() {
    let amount = of_html("-12.50 EUR", "-2.50 EUR");
    assert_eq!(
        amount,
        [format!(
            "{}: the amount is `-2.50`, by the proof `-12.50`",
            first()
        )]
    );
    let text = of_html("<q>invoice 17</q>", "<q>invoice 71</q>");
    assert_eq!(text.len(), 1, "{text:?}");
    let hidden = of_html(
        "<p>memo: <em>not shown</em></p><div class=\"id\">transaction <code>9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5</code>, place 1 of the log</div></td><td class=\"number\">+2",
        "<div class=\"id\">transaction <code>9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5</code>, place 1 of the log</div></td><td class=\"number\">+2",
    );
    assert_eq!(
        hidden,
        [format!(
            "{}: the memo is `nothing`, by the proof `not shown`",
            second("GOLD")
        )]
    );
    let page = page_html();
    let gold = line_of(&page, "+2 GOLD");
    assert_eq!(of_html(gold, ""), [format!("left out: {}", second("GOLD"))]);
    let balance = of_html(
        "<td class=\"number\">487.50</td><td class=\"number\">0.00</td></tr>\n<tr><th",
        "<td class=\"number\">987.50</td><td class=\"number\">0.00</td></tr>\n<tr><th",
    );
    assert_eq!(
        balance,
        ["the closing balance of EUR is 987.50, by the proof 487.50"]
    );
}

#[test]
fn what_is_no_figure_of_a_page_is_found_too() {
    for (old, new) in [
        // What is seen is not what was compared.
        ("h2 { margin:", "tr:last-child { display: none; } h2 { margin:"),
        (
            "<h2>Entries</h2>",
            "<h2>Entries</h2><p>An advance of 1000.00 EUR follows.</p>",
        ),
        ("There are no fees.", "Fees are billed apart."),
        (
            "<p class=\"limit\">Complete up to",
            "<p class=\"limit\" hidden>Complete up to",
        ),
        (
            "</main>",
            "<script src=\"https://example.org/x.js\"></script></main>",
        ),
        ("<div class=\"party\">to ", "<div class=\"party\">from "),
    ] {
        let differences = of_html(old, new);
        assert_eq!(differences.len(), 1, "{old} to {new}: {differences:?}");
        assert!(
            differences[0].starts_with("line "),
            "{old} to {new}: {differences:?}"
        );
    }
}

#[test]
fn a_changed_document_is_found() {
    assert_eq!(
        of_xml(">12.50</Amt>", ">2.50</Amt>"),
        [format!(
            "{}: the amount is `-2.50`, by the proof `-12.50`",
            first()
        )]
    );
    assert_eq!(
        of_xml(">1000.00</Amt>", ">2000.00</Amt>"),
        ["the opening balance of EUR is 2000.00, by the proof 1000.00"]
    );
    assert_eq!(
        of_xml("<Ustrd>invoice 17</Ustrd>", "<Ustrd>invoice 71</Ustrd>").len(),
        1
    );
    let document = page_xml();
    let [one, two] = entries_of(&document);
    assert_eq!(of_xml(two, ""), [format!("left out: {}", second("EUR"))]);
    assert_eq!(
        of_xml(two, &format!("{two}{two}")),
        [format!("slipped in: {}", second("EUR"))]
    );
    assert_eq!(
        of_xml(&format!("{one}{two}"), &format!("{two}{one}")),
        [format!("not in its place: {}", second("EUR"))]
    );
    // The other way round the same payment is a credit, and its other party a debtor.
    let credit = of_xml(one, &one.replace("DBIT", "CRDT"));
    let altered = format!("{}: the amount is `+12.50`, by the proof `-12.50`", first());
    assert_eq!((&credit[0], credit.len()), (&altered, 2), "{credit:?}");
}

#[test]
fn what_is_no_figure_of_a_document_is_found_too() {
    for (old, new) in [
        ("<MsgId>e3", "<MsgId>e4"),
        ("<ToDtTm>2026-01-01T00:00:01Z", "<ToDtTm>2026-12-31T00:00:01Z"),
        (
            "<Ref>4e1a6d7026445cd638bf2e70f92c9639</Ref>\n              </Prtry>",
            "<Ref>4e1a6d7026445cd638bf2e70f92c9639</Ref></Prtry>",
        ),
        ("<Ccy>EUR</Ccy>", "<Ccy>EUR</Ccy>\n"),
        ("There are no fees.", "There are fees."),
    ] {
        let differences = of_xml(old, new);
        assert_eq!(differences.len(), 1, "{old} to {new}: {differences:?}");
        assert!(
            differences[0].starts_with("line "),
            "{old} to {new}: {differences:?}"
        );
    }
    for (old, new) in [
        (
            "<AddtlTxInf>place 0 of the log; block 1; text 1 shown</AddtlTxInf>",
            "<AddtlTxInf>place 0 of the log</AddtlTxInf>",
        ),
        ("text 1 shown", "text 2 shown"),
        ("text 1 shown", "text 0 shown"),
        ("<Cd>OPBD</Cd>", "<Cd>CLAV</Cd>"),
        ("; fees none", ""),
        ("; decimals 2", "; decimals 1"),
        ("<NtryRef>1.0</NtryRef>", "<NtryRef>1.00</NtryRef>"),
        ("<BkToCstmrStmt>", "<!-- --><BkToCstmrStmt>"),
    ] {
        let text = tampered(&page_xml(), old, new);
        assert!(figures_of_camt053(&text).is_err(), "{old} to {new}");
    }
}

/// Names that no form has: too long, an address, one with words around it.
fn names_of_none() -> [String; 3] {
    ["x".repeat(129), K1.to_owned(), format!("Bob, now {K1}")]
}

#[test]
fn a_cell_that_would_not_be_written_is_not_read() {
    let forged = line_of(CSV, "GOLD,0,2,2").replace('"', "\"\"");
    let cells = [
        format!("Bob\r\n{forged}"),
        "Bob\nand Eve".to_owned(),
        "\u{202e}boB".to_owned(),
        "=HYPERLINK(0)".to_owned(),
        "x; +1".to_owned(),
        "\\u{42}ob".to_owned(),
        "\\u{".to_owned(),
    ];
    for name in cells.iter().chain(&names_of_none()) {
        let text = tampered(CSV, "\"Bob & Söhne\"", &format!("\"{name}\""));
        assert!(figures_of_csv(&text).is_err(), "{name}");
    }
    for words in &cells {
        let text = tampered(CSV, "\"invoice 17\",shown", &format!("\"{words}\",shown"));
        assert!(figures_of_csv(&text).is_err(), "{words}");
    }
    // A name is beside an address.
    let text = tampered(CSV, &format!("{K2},\"Bob & Söhne\""), ",\"Bob & Söhne\"");
    assert!(figures_of_csv(&text).is_err());
}

#[test]
fn a_name_that_would_not_be_written_is_found_in_the_other_forms() {
    for name in names_of_none() {
        let page = tampered(&page_html(), "Bob &amp; Söhne", &name);
        assert!(figures_of_html(&page).is_err(), "{name}");
        let document = tampered(&page_xml(), "Bob &amp; Söhne", &name);
        assert!(figures_of_camt053(&document).is_err(), "{name}");
    }
    for name in ["\u{202e}boB", "Bob\nand Eve"] {
        assert_eq!(of_html("Bob &amp; Söhne", name).len(), 1, "{name:?}");
        assert_eq!(of_xml("Bob &amp; Söhne", name).len(), 1, "{name:?}");
    }
}

#[test]
fn another_name_than_the_genesis_document_has_is_a_difference() {
    let genesis: Names = [(K2.parse().unwrap(), "bob".to_owned())].into_iter().collect();
    let page = [
        figures_of_csv(CSV),
        figures_of_html(&page_html()),
        figures_of_camt053(&page_xml()),
    ];
    for found in page {
        let found = found.unwrap();
        let differences = compare_names(&found, &genesis);
        let said: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(
            said,
            [format!(
                "the name beside {K2} is `Bob & Söhne`, by the genesis document `bob`"
            )]
        );
        assert!(compare_names(&found, &Names::new()).is_empty());
    }
    for name in ["", "bob"] {
        let found = figures_of_csv(&tampered(CSV, "\"Bob & Söhne\"", name)).unwrap();
        assert!(compare_names(&found, &genesis).is_empty(), "{name}");
    }
}
