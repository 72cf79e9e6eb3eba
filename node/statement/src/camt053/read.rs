//! The figures in a document that [`write`](super::write) wrote, read in the same order.

use quorate_crypto::{Address, Height};
use quorate_ledger::{Amount, AssetCode, HistoryOwner, Timestamp, parse_amount, parse_time};

use super::{
    BETWEEN, BOOKED, CREDIT, DEBIT, DECIMALS, DOCUMENT, HALVES, HELD, HEX, MEMO, NAMESPACE, PROOF,
    PROOF_NAMESPACE, SHOWN, TEXT, XMLNS, write,
};
use crate::figures::{
    About, Balance, Balances, Figures, Form, Found, Line, Movement, ReadError, Signed, Stray, Words, exact,
    read, read_decimals,
};
use crate::markup::{DECLARATION, Reader};
use crate::phrases::state_of;
use crate::statement::Names;
use crate::words::{read_back, read_name};

/// The figures of a statement as camt.053: of the assets that it has.
///
/// # Errors
/// If it is not such a document.
pub fn figures_of_camt053(text: &str) -> Result<Found, ReadError> {
    let mut reading = Reading {
        reader: Reader::new(text),
        names: Names::new(),
        about: None,
        balances: Vec::new(),
        lines: Vec::new(),
    };
    let created = reading.document()?;
    let Reading {
        reader,
        names,
        about,
        balances,
        lines,
    } = reading;
    let about = about.ok_or_else(|| reader.error("there is no statement in it"))?;
    let figures = Figures {
        about,
        balances,
        lines,
    };
    let expected = write::document(&figures, created, &names, &proof_of_camt053(text)?);
    let expected = reader.of(expected.map_err(|error| error.to_string()))?;
    Ok(Found {
        form: Form::Camt053,
        stray: Stray::between(text, &expected),
        figures,
        names,
    })
}

/// The proof in a statement as camt.053, as a file of it: what the verifier reads.
///
/// # Errors
/// If there is none in it.
pub fn proof_of_camt053(text: &str) -> Result<String, ReadError> {
    let mut reader = Reader::new(text);
    // Whatever somebody chose in the document has its quotation marks written out, so it is not taken for this.
    reader.past(&format!("<{PROOF} {XMLNS}=\"{PROOF_NAMESPACE}\">"))?;
    let proof = reader.text()?;
    reader.expect(&format!("</{PROOF}>"))?;
    Ok(proof)
}

/// A document that is being read. What follows from its figures is passed over: it is compared as a whole.
struct Reading<'a> {
    reader: Reader<'a>,
    names: Names,
    about: Option<About>,
    balances: Vec<Balances>,
    lines: Vec<Line>,
}

/// An entry whose amount has no meaning before the asset's decimals are known.
struct Raw {
    line: Line,
    amount: String,
    is_minus: bool,
}

impl Reading<'_> {
    /// Reads all of it. Returns when it was made.
    fn document(&mut self) -> Result<Timestamp, ReadError> {
        self.reader.expect(DECLARATION)?;
        self.reader
            .expect(&format!("<{DOCUMENT} {XMLNS}=\"{NAMESPACE}\">"))?;
        self.reader.expect("<BkToCstmrStmt>")?;
        self.reader.expect("<GrpHdr>")?;
        self.reader.skip("MsgId")?;
        let created = self.reader.element("CreDtTm")?;
        let created = self.time(&created)?;
        self.reader.past("</GrpHdr>")?;
        while self.reader.is_next("<Stmt>") {
            self.statement()?;
        }
        self.reader.skip("SplmtryData")?;
        self.reader.expect("</BkToCstmrStmt>")?;
        self.reader.expect(&format!("</{DOCUMENT}>"))?;
        Ok(created)
    }

    fn time(&self, text: &str) -> Result<Timestamp, ReadError> {
        self.reader
            .of(parse_time(text).map_err(|error| format!("`{text}`: {error}")))
    }

    fn statement(&mut self) -> Result<(), ReadError> {
        self.reader.expect("<Stmt>")?;
        self.reader.skip("Id")?;
        self.reader.skip("CreDtTm")?;
        self.reader.skip("FrToDt")?;
        let (asset, name) = self.account()?;
        let booked = [self.balance("Cd", BOOKED[0])?, self.balance("Cd", BOOKED[1])?];
        let held = if self.reader.is_next("<Bal>") {
            Some([self.balance("Prtry", HELD[0])?, self.balance("Prtry", HELD[1])?])
        } else {
            None
        };
        let mut entries = Vec::new();
        while self.reader.is_next("<Ntry>") {
            entries.push(self.entry()?);
        }
        let text = self.reader.element("AddtlStmtInf")?;
        let (about, decimals) = self.reader.of(read_about(&text))?;
        self.reader.expect("</Stmt>")?;
        let amount = |text: &String| self.reader.of(read_amount(text, decimals));
        let [opening, closing] = [0, 1].map(|end: usize| -> Result<Balance, ReadError> {
            let held = held.as_ref().map(|held| amount(&held[end])).transpose()?;
            Ok(Balance {
                free: amount(&booked[end])?,
                held: held.unwrap_or_default(),
            })
        });
        self.balances.push(Balances {
            asset,
            decimals,
            opening: Some(opening?),
            closing: Some(closing?),
        });
        for Raw {
            line,
            amount,
            is_minus,
        } in entries
        {
            let amount = self.reader.of(read_amount(&amount, decimals))?;
            let movement = Movement {
                asset,
                decimals,
                free: Signed { is_minus, amount },
                held: None,
                after: None,
            };
            self.lines.push(Line {
                movement: Some(movement),
                ..line
            });
        }
        if let (HistoryOwner::Account(address), Some(name)) = (&about.owner, name) {
            self.names.insert(*address, name);
        }
        // If another statement of the document says otherwise, the document is not what would be written.
        self.about = Some(self.about.unwrap_or(about));
        Ok(())
    }

    /// The asset, and the account's name.
    fn account(&mut self) -> Result<(AssetCode, Option<String>), ReadError> {
        self.reader.expect("<Acct>")?;
        self.reader.expect("<Id>")?;
        self.reader.skip("Othr")?;
        self.reader.expect("</Id>")?;
        let asset = self.reader.element("Ccy")?;
        let asset = self.reader.of(read(&asset, "an asset code"))?;
        let name = self.name()?;
        self.reader.skip("Prxy")?;
        self.reader.expect("</Acct>")?;
        Ok((asset, name))
    }

    fn name(&mut self) -> Result<Option<String>, ReadError> {
        if !self.reader.is_next("<Nm>") {
            return Ok(None);
        }
        let name = self.reader.element("Nm")?;
        self.reader.of(read_name(&name)).map(Some)
    }

    /// The text of an amount in the asset.
    fn amount(&mut self) -> Result<String, ReadError> {
        self.reader.expect("<Amt Ccy=\"")?;
        // The code is compared with the rest of what follows from the figures.
        self.reader.past("\">")?;
        let amount = self.reader.text()?;
        self.reader.expect("</Amt>")?;
        Ok(amount)
    }

    fn balance(&mut self, kind: &str, name: &str) -> Result<String, ReadError> {
        self.reader.expect("<Bal>")?;
        self.reader.expect("<Tp>")?;
        self.reader.expect("<CdOrPrtry>")?;
        self.reader.expect(&format!("<{kind}>{name}</{kind}>"))?;
        self.reader.expect("</CdOrPrtry>")?;
        self.reader.expect("</Tp>")?;
        let amount = self.amount()?;
        self.reader.past("</Bal>")?;
        Ok(amount)
    }

    fn entry(&mut self) -> Result<Raw, ReadError> {
        self.reader.expect("<Ntry>")?;
        let reference = self.reader.element("NtryRef")?;
        let (number, operation) = self.reader.of(read_reference(&reference))?;
        let amount = self.amount()?;
        let is_minus = match self.reader.element("CdtDbtInd")?.as_str() {
            CREDIT => false,
            DEBIT => true,
            other => {
                return Err(self
                    .reader
                    .error(format!("`{other}` is neither {CREDIT} nor {DEBIT}")));
            }
        };
        self.reader.skip("Sts")?;
        self.reader.expect("<BookgDt>")?;
        let time = self.reader.element("DtTm")?;
        let time = self.time(&time)?;
        self.reader.expect("</BookgDt>")?;
        self.reader.skip("AcctSvcrRef")?;
        self.reader.expect("<BkTxCd>")?;
        self.reader.expect("<Prtry>")?;
        let kind = self.reader.element("Cd")?;
        self.reader.past("</BkTxCd>")?;
        self.reader.expect("<NtryDtls>")?;
        self.reader.expect("<TxDtls>")?;
        let id = self.transaction_id()?;
        let counterparty = self.counterparty()?;
        let mut pieces = self.pieces()?.into_iter();
        let facts = self.reader.element("AddtlTxInf")?;
        let facts = self.reader.of(Facts::read(&facts, &mut pieces))?;
        if pieces.next().is_some() {
            return Err(self
                .reader
                .error("there are more pieces of texts than texts have"));
        }
        for element in ["TxDtls", "NtryDtls", "Ntry"] {
            self.reader.expect(&format!("</{element}>"))?;
        }
        let line = Line {
            number,
            ordinal: facts.ordinal,
            time,
            height: facts.height,
            id: self.reader.of(read(&id, "a transaction's id"))?,
            operation,
            kind,
            movement: None,
            counterparty,
            memo: facts.memo,
            text: facts.text,
            metadata: Words::None,
        };
        Ok(Raw {
            line,
            amount,
            is_minus,
        })
    }

    fn transaction_id(&mut self) -> Result<String, ReadError> {
        self.reader.expect("<Refs>")?;
        self.reader.skip("AcctSvcrRef")?;
        self.reader.skip("EndToEndId")?;
        let mut id = String::new();
        for name in HALVES {
            self.reader.expect("<Prtry>")?;
            self.reader.expect(&format!("<Tp>{name}</Tp>"))?;
            id.push_str(&self.reader.element("Ref")?);
            self.reader.expect("</Prtry>")?;
        }
        self.reader.expect("</Refs>")?;
        Ok(id)
    }

    /// Whether it is a creditor or a debtor follows from the amount.
    fn counterparty(&mut self) -> Result<Option<Address>, ReadError> {
        if !self.reader.is_next("<RltdPties>") {
            return Ok(None);
        }
        self.reader.expect("<RltdPties>")?;
        let mut name = None;
        for party in ["Cdtr", "Dbtr"] {
            if self.reader.is_next(&format!("<{party}>")) {
                self.reader.expect(&format!("<{party}>"))?;
                self.reader.expect("<Pty>")?;
                name = self.name()?;
                self.reader.expect("</Pty>")?;
                self.reader.expect(&format!("</{party}>"))?;
            }
        }
        self.reader.past("<Prxy>")?;
        self.reader.skip("Tp")?;
        let address = self.reader.element("Id")?;
        let address = self.reader.of(read(&address, "an address"))?;
        self.reader.past("</RltdPties>")?;
        if let Some(name) = name {
            self.names.insert(address, name);
        }
        Ok(Some(address))
    }

    fn pieces(&mut self) -> Result<Vec<String>, ReadError> {
        let mut pieces = Vec::new();
        if self.reader.is_next("<RmtInf>") {
            self.reader.expect("<RmtInf>")?;
            while self.reader.is_next("<Ustrd>") {
                pieces.push(self.reader.element("Ustrd")?);
            }
            self.reader.expect("</RmtInf>")?;
        }
        Ok(pieces)
    }
}

/// What an entry's additional information says.
struct Facts {
    ordinal: u64,
    height: Height,
    text: Words,
    memo: Words,
}

impl Facts {
    fn read(text: &str, pieces: &mut impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parts = text.split(BETWEEN).peekable();
        let mut number = |before: &str, after: &str| {
            let number = parts
                .next()
                .and_then(|part| part.strip_prefix(before)?.strip_suffix(after));
            let number = number.and_then(exact::<u64>);
            number.ok_or_else(|| format!("`{text}` has no `{before}` in its place"))
        };
        let (ordinal, height) = (number("place ", " of the log")?, number("block ", "")?);
        let mut facts = Self {
            ordinal,
            height: Height(height),
            text: Words::None,
            memo: Words::None,
        };
        for (name, words) in [(TEXT, &mut facts.text), (MEMO, &mut facts.memo)] {
            let said = |part: &&str| part.split(' ').next() == Some(name);
            if let Some(part) = parts.next_if(said) {
                *words = read_words(part, pieces)?;
            }
        }
        match parts.next() {
            Some(part) => Err(format!("`{part}` has no place in `{text}`")),
            None => Ok(facts),
        }
    }
}

/// A text of which this is said, from its pieces.
fn read_words(said: &str, pieces: &mut impl Iterator<Item = String>) -> Result<Words, String> {
    let wrong = || format!("`{said}` does not say how many pieces a text has, and what it is");
    let mut parts = said.splitn(3, ' ').skip(1);
    let (count, state) = parts.next().zip(parts.next()).ok_or_else(wrong)?;
    let count: usize = exact(count).ok_or_else(wrong)?;
    let mut text = String::new();
    for _ in 0..count {
        let piece = pieces.next().ok_or("a text has fewer pieces than it should")?;
        text.push_str(&piece);
    }
    match state {
        SHOWN => read_back(&text).map(Words::Shown),
        HEX => Ok(Words::Hex(text)),
        state => state_of(state).ok_or_else(wrong),
    }
}

/// A history's number, and an operation's index.
fn read_reference(text: &str) -> Result<(u64, Option<u8>), String> {
    let (number, operation) = match text.split_once('.') {
        Some((number, operation)) => (number, Some(read(operation, "an operation's index")?)),
        None => (text, None),
    };
    Ok((read(number, "a number in a history")?, operation))
}

/// What a statement is about, and its asset's decimals.
fn read_about(text: &str) -> Result<(About, Option<u8>), String> {
    let names = [
        "complete",
        "account",
        "network",
        "from",
        "before",
        "as of",
        "opening",
        "transactions",
        "failed",
        "fees",
        DECIMALS,
    ];
    let mut pairs = Vec::with_capacity(names.len());
    let mut parts = text.split(BETWEEN);
    for name in names {
        let part = parts
            .next()
            .and_then(|part| part.strip_prefix(name)?.strip_prefix(' '));
        let value =
            part.ok_or_else(|| format!("`{name}` is not where it belongs in what a statement is about"))?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    if parts.next().is_some() {
        return Err("what a statement is about goes on".to_owned());
    }
    let (_, decimals) = pairs.pop().unwrap_or_default();
    Ok((About::read(&pairs)?, read_decimals(&decimals)?))
}

/// An amount, of which zeros may have been left out.
fn read_amount(text: &str, decimals: Option<u8>) -> Result<Amount, String> {
    let decimals = decimals.ok_or("nothing says how many decimals the asset has")?;
    parse_amount(text, decimals).map_err(|error| error.to_string())
}
