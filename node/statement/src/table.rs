//! A statement as plain text for a terminal. Its proof goes beside it.

use quorate_crypto::Address;
use quorate_ledger::HistoryOwner;

use crate::figures::{Balance, Balances, Line, Words, amount_text, decimals_text};
use crate::phrases::{FOR_READING, direction, instead_of, moved, notes_of, place};
use crate::statement::{Names, Statement};
use crate::words::written_out;

/// Between two columns.
const GAP: &str = "  ";

/// What stands before what belongs to the line above it.
const INDENT: &str = "    ";

/// A column of the table of lines: its heading, and whether it is of numbers, which stand to the right.
type Column = (&'static str, bool);

const BALANCES: [Column; 6] = [
    ("ASSET", false),
    ("DECIMALS", true),
    ("OPENING", true),
    ("OPENING HELD", true),
    ("CLOSING", true),
    ("CLOSING HELD", true),
];

const LINES: [Column; 7] = [
    ("NO.", true),
    ("TIME", false),
    ("WHAT", false),
    ("AMOUNT", true),
    ("HELD AMOUNT", true),
    ("BALANCE", true),
    ("HELD BALANCE", true),
];

/// The statement as plain text.
pub fn table(statement: &Statement<'_>) -> String {
    let (figures, names) = (statement.figures(), statement.names());
    let (kind, owner) = figures.about.owner_pair();
    let name = match &figures.about.owner {
        HistoryOwner::Account(address) => name_of(address, names),
        HistoryOwner::Asset(_) => String::new(),
    };
    let mut text = format!("Statement of {kind} {owner}{name}\n");
    let pairs = figures.about.pairs();
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in &pairs {
        text.push_str(&format!("{name:width$}{GAP}{value}\n"));
    }
    text.push('\n');
    let rows: Vec<_> = figures.balances.iter().map(balance_row).collect();
    for row in in_columns(&BALANCES, &rows) {
        text.push_str(&row);
    }
    text.push('\n');
    let rows: Vec<_> = figures.lines.iter().map(line_row).collect();
    let mut rows = in_columns(&LINES, &rows).into_iter();
    text.extend(rows.next());
    for (row, line) in rows.zip(&figures.lines) {
        text.push_str(&row);
        add_details(&figures.about.owner, line, names, &mut text);
    }
    text.push('\n');
    for note in notes_of(figures, names, FOR_READING) {
        text.push_str(note);
        text.push('\n');
    }
    text
}

/// The name that the caller has for an address, in brackets behind it.
fn name_of(address: &Address, names: &Names) -> String {
    let name = names.get(address).map(|name| format!(" ({})", written_out(name)));
    name.unwrap_or_default()
}

fn balance_row(balances: &Balances) -> [String; 6] {
    let decimals = balances.decimals;
    let amounts = |balance: Option<Balance>| {
        let Balance { free, held } = balance.unwrap_or_default();
        [amount_text(free, decimals), amount_text(held, decimals)]
    };
    let ([opening, opening_held], [closing, closing_held]) =
        (amounts(balances.opening), amounts(balances.closing));
    [
        balances.asset.to_string(),
        decimals_text(decimals),
        opening,
        opening_held,
        closing,
        closing_held,
    ]
}

fn line_row(line: &Line) -> [String; 7] {
    let [amount, held, balance, balance_held] = match &line.movement {
        None => Default::default(),
        Some(movement) => {
            let (held, after) = (
                movement.held.unwrap_or_default(),
                movement.after.unwrap_or_default(),
            );
            [
                moved(movement),
                held.text(movement.decimals, "+"),
                amount_text(after.free, movement.decimals),
                amount_text(after.held, movement.decimals),
            ]
        }
    };
    [
        line.number.to_string(),
        line.time.to_string(),
        line.kind.clone(),
        amount,
        held,
        balance,
        balance_held,
    ]
}

/// What a line says besides its amounts.
fn add_details(owner: &HistoryOwner, line: &Line, names: &Names, text: &mut String) {
    let mut add = |detail: String| {
        text.push_str(INDENT);
        text.push_str(&detail);
        text.push('\n');
    };
    if let Some(counterparty) = &line.counterparty {
        let name = name_of(counterparty, names);
        add(format!("{} {counterparty}{name}", direction(owner, line)));
    }
    for (name, words) in [
        ("text", &line.text),
        ("memo", &line.memo),
        ("metadata", &line.metadata),
    ] {
        match words {
            Words::None => {}
            Words::Shown(words) => add(format!("{name}: \u{201c}{}\u{201d}", written_out(words))),
            Words::Hex(hex) => add(format!("{name}: hex {hex}")),
            other => add(format!("{name}: {}", instead_of(other))),
        }
    }
    add(format!("transaction {}{}", line.id, place(line)));
}

/// The headings and the rows, each as a line of text, with columns as wide as their widest cell. All cells are ours, of
/// letters that are one column wide.
fn in_columns<const COLUMNS: usize>(columns: &[Column; COLUMNS], rows: &[[String; COLUMNS]]) -> Vec<String> {
    let headings = columns.map(|(heading, _)| heading.to_owned());
    let all = || std::iter::once(&headings).chain(rows);
    let mut widths = [0; COLUMNS];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS]| {
        let mut line = String::new();
        for ((cell, (_, is_number)), width) in row.iter().zip(columns).zip(widths) {
            let padded = if *is_number {
                format!("{cell:>width$}{GAP}")
            } else {
                format!("{cell:width$}{GAP}")
            };
            line.push_str(&padded);
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    };
    all().map(line).collect()
}
