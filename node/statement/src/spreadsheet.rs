//! A statement as a table for spreadsheets (RFC 4180): a header, then rows of four kinds. Rows `about` have what the
//! statement is about, `opening` and `closing` the balances of each asset, `entry` the lines. The file is UTF-8 with a
//! byte order mark, by which spreadsheets know it.

use quorate_crypto::{Address, Height};
use quorate_ledger::AssetCode;

use crate::figures::{
    About, Balance, Balances, Figures, Form, Found, Line, Movement, ReadError, Signed, Words, amount_text,
    decimals_text, exact, read, read_amount, read_decimals, read_time,
};
use crate::statement::{Names, Statement};
use crate::words::{cell, instead, read_back, read_name};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The columns, in their order.
static COLUMNS: [&str; 22] = [
    "row",
    "number",
    "time",
    "height",
    "ordinal",
    "transaction",
    "operation",
    "kind",
    "asset",
    "decimals",
    "amount",
    "balance",
    "held_amount",
    "held_balance",
    "counterparty",
    "counterparty_name",
    "text",
    "text_state",
    "memo",
    "memo_state",
    "metadata",
    "metadata_state",
];

const ABOUT: &str = "about";
const OPENING: &str = "opening";
const ENTRY: &str = "entry";
const CLOSING: &str = "closing";

/// The kinds of rows, in their order.
static KINDS: [&str; 4] = [ABOUT, OPENING, ENTRY, CLOSING];

/// What stands for a text in its column of states.
mod state {
    pub(super) const SHOWN: &str = "shown";
    pub(super) const HEX: &str = "hex";
}

/// The cells of a row, by column; those not named are empty.
#[derive(Default)]
struct Row {
    row: &'static str,
    number: String,
    time: String,
    height: String,
    ordinal: String,
    transaction: String,
    operation: String,
    kind: String,
    asset: String,
    decimals: String,
    amount: String,
    balance: String,
    held_amount: String,
    held_balance: String,
    counterparty: String,
    counterparty_name: String,
    text: [String; 2],
    memo: [String; 2],
    metadata: [String; 2],
}

/// The statement as a table for spreadsheets. Its proof goes beside it.
pub fn csv(statement: &Statement<'_>) -> String {
    let figures = statement.figures();
    let mut table = BYTE_ORDER_MARK.to_owned();
    write_line(&mut table, COLUMNS);
    for (name, value) in figures.about.pairs() {
        let text = [value, String::new()];
        let kind = name.to_owned();
        Row {
            row: ABOUT,
            kind,
            text,
            ..Row::default()
        }
        .write(&mut table);
    }
    for balances in &figures.balances {
        balance_row(OPENING, balances, balances.opening).write(&mut table);
    }
    for line in &figures.lines {
        entry_row(line, statement.names()).write(&mut table);
    }
    for balances in &figures.balances {
        balance_row(CLOSING, balances, balances.closing).write(&mut table);
    }
    table
}

impl Row {
    fn write(self, table: &mut String) {
        let ([text, text_state], [memo, memo_state]) = (self.text, self.memo);
        let [metadata, metadata_state] = self.metadata;
        let cells = [
            self.row.to_owned(),
            self.number,
            self.time,
            self.height,
            self.ordinal,
            self.transaction,
            self.operation,
            self.kind,
            self.asset,
            self.decimals,
            self.amount,
            self.balance,
            self.held_amount,
            self.held_balance,
            self.counterparty,
            self.counterparty_name,
            text,
            text_state,
            memo,
            memo_state,
            metadata,
            metadata_state,
        ];
        write_line(table, cells);
    }
}

fn write_line<const CELLS: usize>(table: &mut String, cells: [impl AsRef<str>; CELLS]) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    for (place, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref();
        if place > 0 {
            table.push(',');
        }
        if cell.bytes().all(plain) {
            table.push_str(cell);
        } else {
            table.push('"');
            table.push_str(&cell.replace('"', "\"\""));
            table.push('"');
        }
    }
    table.push_str("\r\n");
}

fn balance_row(row: &'static str, balances: &Balances, balance: Option<Balance>) -> Row {
    let Balance { free, held } = balance.unwrap_or_default();
    Row {
        row,
        asset: balances.asset.to_string(),
        decimals: decimals_text(balances.decimals),
        balance: amount_text(free, balances.decimals),
        held_balance: amount_text(held, balances.decimals),
        ..Row::default()
    }
}

fn entry_row(line: &Line, names: &Names) -> Row {
    let mut row = Row {
        row: ENTRY,
        number: line.number.to_string(),
        time: line.time.to_string(),
        height: line.height.to_string(),
        ordinal: line.ordinal.to_string(),
        transaction: line.id.to_string(),
        operation: line.operation.map(|index| index.to_string()).unwrap_or_default(),
        kind: line.kind.clone(),
        text: words_cells(&line.text),
        memo: words_cells(&line.memo),
        metadata: words_cells(&line.metadata),
        ..Row::default()
    };
    if let Some(movement) = &line.movement {
        let (held, after) = (
            movement.held.unwrap_or_default(),
            movement.after.unwrap_or_default(),
        );
        row.asset = movement.asset.to_string();
        row.decimals = decimals_text(movement.decimals);
        row.amount = movement.free.text(movement.decimals, "");
        row.held_amount = held.text(movement.decimals, "");
        row.balance = amount_text(after.free, movement.decimals);
        row.held_balance = amount_text(after.held, movement.decimals);
    }
    if let Some(counterparty) = &line.counterparty {
        row.counterparty = counterparty.to_string();
        row.counterparty_name = names.get(counterparty).map(|name| cell(name)).unwrap_or_default();
    }
    row
}

/// A text and its state. Only where the transaction has no text both are empty.
fn words_cells(words: &Words) -> [String; 2] {
    let (text, state) = match words {
        Words::None => return Default::default(),
        Words::Shown(text) => (cell(text), state::SHOWN),
        Words::Hex(hex) => (hex.clone(), state::HEX),
        Words::Withheld => (bracketed(instead::WITHHELD), instead::WITHHELD),
        Words::Erased => (bracketed(instead::ERASED), instead::ERASED),
        Words::ErasedUnseen => (bracketed(instead::ERASED_UNSEEN), instead::ERASED_UNSEEN),
        Words::NotShown => (bracketed(instead::NOT_SHOWN), instead::NOT_SHOWN),
    };
    [text, state.to_owned()]
}

fn bracketed(state: &str) -> String {
    format!("({state})")
}

/// The figures of a statement as CSV. What a spreadsheet writes when it saves the table again is read as far as the
/// cells are the same.
///
/// # Errors
/// If it is not such a table.
pub fn figures_of_csv(text: &str) -> Result<Found, ReadError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut table = Reading::default();
    for (place, record) in reader.records().enumerate() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, ::csv::Position::line);
            let reason = error.to_string();
            ReadError { line, reason }
        })?;
        let line = record.position().map_or(0, ::csv::Position::line);
        let cells: Vec<&str> = record.iter().collect();
        let read = if place == 0 {
            header(&cells)
        } else {
            table.row(&cells)
        };
        read.map_err(|reason| ReadError { line, reason })?;
    }
    let names = std::mem::take(&mut table.names);
    let figures = table.figures().map_err(|reason| ReadError { line: 1, reason })?;
    Ok(Found {
        form: Form::Csv,
        figures,
        names,
        stray: None,
    })
}

fn header(cells: &[&str]) -> Result<(), String> {
    if cells == COLUMNS.as_slice() {
        Ok(())
    } else {
        Err(format!("the header is not `{}`", COLUMNS.join(",")))
    }
}

/// A table that is being read.
#[derive(Default)]
struct Reading {
    /// The kind of the last row, by its place among kinds.
    kind: usize,
    about: Vec<(String, String)>,
    balances: Vec<Balances>,
    lines: Vec<Line>,
    names: Names,
}

/// The cells of a row that is being read.
struct Cells<'a>(&'a [&'a str]);

impl<'a> Cells<'a> {
    fn of(&self, column: &str) -> &'a str {
        let place = COLUMNS.iter().position(|name| *name == column);
        place
            .and_then(|place| self.0.get(place))
            .copied()
            .unwrap_or_default()
    }

    /// Refuses words in other columns than these.
    fn only(&self, columns: &[&str]) -> Result<(), String> {
        let mut filled = COLUMNS.iter().zip(self.0).filter(|(_, cell)| !cell.is_empty());
        match filled.find(|(column, _)| !columns.contains(column)) {
            Some((column, _)) => Err(format!(
                "a row `{}` has nothing in the column `{column}`",
                self.of("row")
            )),
            None => Ok(()),
        }
    }
}

impl Reading {
    fn row(&mut self, cells: &[&str]) -> Result<(), String> {
        let cells = Cells(cells);
        let row = cells.of("row");
        let kind = KINDS.iter().position(|kind| *kind == row);
        let kind = kind.ok_or_else(|| format!("`{row}` is not a kind of row"))?;
        if kind < self.kind {
            return Err(format!("a row `{row}` behind rows `{}`", KINDS[self.kind]));
        }
        self.kind = kind;
        match row {
            ABOUT => {
                cells.only(&["row", "kind", "text"])?;
                self.about
                    .push((cells.of("kind").to_owned(), cells.of("text").to_owned()));
            }
            ENTRY => {
                let line = read_line(&cells)?;
                self.name(cells.of("counterparty_name"), line.counterparty)?;
                self.lines.push(line);
            }
            _ => self.balance(row, &cells)?,
        }
        Ok(())
    }

    fn balance(&mut self, row: &str, cells: &Cells<'_>) -> Result<(), String> {
        cells.only(&["row", "asset", "decimals", "balance", "held_balance"])?;
        let asset: AssetCode = read(cells.of("asset"), "an asset code")?;
        let decimals = read_decimals(cells.of("decimals"))?;
        let balance = Some(read_balance(cells, decimals)?);
        let opened = |other: &&mut Balances| other.asset == asset && other.decimals == decimals;
        if row == CLOSING
            && let Some(balances) = self.balances.iter_mut().find(opened)
            && balances.closing.is_none()
        {
            balances.closing = balance;
            return Ok(());
        }
        let (opening, closing) = if row == OPENING {
            (balance, None)
        } else {
            (None, balance)
        };
        self.balances.push(Balances {
            asset,
            decimals,
            opening,
            closing,
        });
        Ok(())
    }

    /// Takes the name beside an address, of which there is one in all rows.
    fn name(&mut self, text: &str, address: Option<Address>) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        let address = address.ok_or("a name without an address")?;
        let name = as_written(text, read_name(text)?)?;
        match self.names.insert(address, name.clone()) {
            Some(other) if other != name => Err(format!("a second name of {address}")),
            _ => Ok(()),
        }
    }

    fn figures(self) -> Result<Figures, String> {
        Ok(Figures {
            about: About::read(&self.about)?,
            balances: self.balances,
            lines: self.lines,
        })
    }
}

fn read_balance(cells: &Cells<'_>, decimals: Option<u8>) -> Result<Balance, String> {
    Ok(Balance {
        free: read_amount(cells.of("balance"), decimals)?,
        held: read_amount(cells.of("held_balance"), decimals)?,
    })
}

fn read_line(cells: &Cells<'_>) -> Result<Line, String> {
    let movement = match cells.of("asset") {
        "" => None,
        code => {
            let decimals = read_decimals(cells.of("decimals"))?;
            let signed = |column| Signed::read(cells.of(column), decimals, "");
            Some(Movement {
                asset: read(code, "an asset code")?,
                decimals,
                free: signed("amount")?,
                held: Some(signed("held_amount")?),
                after: Some(read_balance(cells, decimals)?),
            })
        }
    };
    let amounts = ["decimals", "amount", "balance", "held_amount", "held_balance"];
    if movement.is_none() && amounts.iter().any(|column| !cells.of(column).is_empty()) {
        return Err("an amount without an asset".to_owned());
    }
    let optional = |column| Some(cells.of(column)).filter(|cell| !cell.is_empty());
    let operation = optional("operation")
        .map(|cell| read(cell, "an operation's index"))
        .transpose()?;
    let counterparty = optional("counterparty")
        .map(|cell| read(cell, "an address"))
        .transpose()?;
    let number = |column| read::<u64>(cells.of(column), "a number");
    Ok(Line {
        number: number("number")?,
        ordinal: number("ordinal")?,
        time: read_time(cells.of("time"))?,
        height: Height(number("height")?),
        id: exact(cells.of("transaction")).ok_or("the transaction has no id")?,
        operation,
        kind: cells.of("kind").to_owned(),
        movement,
        counterparty,
        text: read_words(cells.of("text"), cells.of("text_state"))?,
        memo: read_words(cells.of("memo"), cells.of("memo_state"))?,
        metadata: read_words(cells.of("metadata"), cells.of("metadata_state"))?,
    })
}

fn read_words(text: &str, state: &str) -> Result<Words, String> {
    let words = match state {
        "" => Words::None,
        state::SHOWN => return as_written(text, read_back(text)?).map(Words::Shown),
        state::HEX => return Ok(Words::Hex(text.to_owned())),
        instead::WITHHELD => Words::Withheld,
        instead::ERASED => Words::Erased,
        instead::ERASED_UNSEEN => Words::ErasedUnseen,
        instead::NOT_SHOWN => Words::NotShown,
        other => return Err(format!("`{other}` is not a state of a text")),
    };
    let [expected, _] = words_cells(&words);
    if text == expected {
        Ok(words)
    } else {
        Err(format!("`{text}` stands where `{expected}` belongs"))
    }
}

/// What was chosen, if its cell is as it is written: nothing that nobody sees, and no formula.
fn as_written(text: &str, words: String) -> Result<String, String> {
    if cell(&words) == text {
        Ok(words)
    } else {
        Err("a cell that begins a formula, or has in it what nobody sees".to_owned())
    }
}
