//! The document, in the schema's order of elements.

use quorate_crypto::Address;
use quorate_ledger::{Amount, HistoryOwner, Timestamp};

use super::{
    BETWEEN, BOOKED, CREDIT, Camt053Error, DEBIT, DOCUMENT, HALVES, HELD, ISSUER, MEMO, NAMESPACE, PROOF,
    PROOF_NAMESPACE, SCHEME, TEXT, XMLNS, about_text, amount_text, entry_reference, halves, id_of, name_text,
    pieces, servicer_reference, short_address, time_text,
};
use crate::figures::{Balances, Figures, Line, Movement};
use crate::markup::Writer;
use crate::phrases::direction;
use crate::statement::Names;

/// What a reader of the document should know.
const INFORMATION: &str = "Written by Quorate. The proof in SplmtryData establishes all figures: quorate audit verify \
     checks them. Names are not proven. Entries, OPBD and CLBD are of what can be spent; what is held stands apart. \
     Transactions that failed, or changed nothing that can be spent, are not entries. There are no fees.";

/// What stands in the supplementary data.
const PLACE_OF_PROOF: &str = "The proof of this statement, a file for quorate audit verify";

/// The reference of somebody who gave none.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// The figures, which are [projected](super::projected), as a document.
pub(super) fn document(
    figures: &Figures,
    created: Timestamp,
    names: &Names,
    proof: &str,
) -> Result<String, Camt053Error> {
    let time = time_text(created)?;
    let about = about_text(&figures.about, None);
    let mut writer = Writer::new();
    writer.open_with(DOCUMENT, (XMLNS, NAMESPACE));
    writer.open("BkToCstmrStmt");
    writer.open("GrpHdr");
    writer.leaf("MsgId", &id_of(&[&about, &time]));
    writer.leaf("CreDtTm", &time);
    writer.leaf("AddtlInf", INFORMATION);
    writer.close(1);
    for balances in &figures.balances {
        let mut statement = One {
            figures,
            balances,
            names,
            writer: &mut writer,
        };
        statement.write(&time)?;
    }
    writer.open("SplmtryData");
    writer.leaf("PlcAndNm", PLACE_OF_PROOF);
    writer.open("Envlp");
    writer.leaf_with(PROOF, (XMLNS, PROOF_NAMESPACE), proof);
    Ok(writer.finish())
}

/// The statement of one asset.
struct One<'a> {
    figures: &'a Figures,
    balances: &'a Balances,
    names: &'a Names,
    writer: &'a mut Writer,
}

impl One<'_> {
    fn write(&mut self, created: &str) -> Result<(), Camt053Error> {
        let about = &self.figures.about;
        let asset = self.balances.asset;
        let (from, to) = (time_text(about.from)?, time_text(about.covered_to())?);
        let text = about_text(about, self.balances.decimals);
        self.writer.open("Stmt");
        self.writer.leaf("Id", &id_of(&[&text, asset.as_str()]));
        self.writer.leaf("CreDtTm", created);
        self.writer.open("FrToDt");
        self.writer.leaf("FrDtTm", &from);
        self.writer.leaf("ToDtTm", &to);
        self.writer.close(1);
        self.account()?;
        let (opening, closing) = (
            self.balances.opening.unwrap_or_default(),
            self.balances.closing.unwrap_or_default(),
        );
        self.balance(("Cd", BOOKED[0]), opening.free, &from)?;
        self.balance(("Cd", BOOKED[1]), closing.free, &to)?;
        if opening.held > Amount(0) || closing.held > Amount(0) {
            self.balance(("Prtry", HELD[0]), opening.held, &from)?;
            self.balance(("Prtry", HELD[1]), closing.held, &to)?;
        }
        for line in &self.figures.lines {
            if let Some(movement) = line.movement.as_ref().filter(|movement| movement.asset == asset) {
                self.entry(line, movement)?;
            }
        }
        self.writer.leaf("AddtlStmtInf", &text);
        self.writer.close(1);
        Ok(())
    }

    fn account(&mut self) -> Result<(), Camt053Error> {
        let address = match &self.figures.about.owner {
            HistoryOwner::Account(address) => *address,
            HistoryOwner::Asset(asset) => return Err(Camt053Error::Supply { asset: *asset }),
        };
        self.writer.open("Acct");
        self.account_id(&address);
        self.writer.leaf("Ccy", self.balances.asset.as_str());
        if let Some(name) = name_text(&address, self.names) {
            self.writer.leaf("Nm", &name);
        }
        self.whole_address(&address);
        self.writer.close(1);
        Ok(())
    }

    fn account_id(&mut self, address: &Address) {
        self.writer.open("Id");
        self.writer.open("Othr");
        self.writer.leaf("Id", &short_address(address));
        self.writer.nested(&["SchmeNm"], "Prtry", SCHEME);
        self.writer.close(2);
    }

    fn whole_address(&mut self, address: &Address) {
        self.writer.open("Prxy");
        self.writer.nested(&["Tp"], "Prtry", SCHEME);
        self.writer.leaf("Id", &address.to_string());
        self.writer.close(1);
    }

    fn amount(&mut self, amount: Amount) -> Result<(), Camt053Error> {
        let asset = self.balances.asset;
        let text = amount_text(asset, amount, self.balances.decimals)?;
        self.writer.leaf_with("Amt", ("Ccy", asset.as_str()), &text);
        Ok(())
    }

    fn balance(
        &mut self,
        kind: (&'static str, &str),
        amount: Amount,
        time: &str,
    ) -> Result<(), Camt053Error> {
        self.writer.open("Bal");
        self.writer.nested(&["Tp", "CdOrPrtry"], kind.0, kind.1);
        self.amount(amount)?;
        self.writer.leaf("CdtDbtInd", CREDIT);
        self.writer.nested(&["Dt"], "DtTm", time);
        self.writer.close(1);
        Ok(())
    }

    fn entry(&mut self, line: &Line, movement: &Movement) -> Result<(), Camt053Error> {
        let reference = servicer_reference(line);
        self.writer.open("Ntry");
        self.writer.leaf("NtryRef", &entry_reference(line));
        self.amount(movement.free.amount)?;
        let indicator = if movement.free.is_minus { DEBIT } else { CREDIT };
        self.writer.leaf("CdtDbtInd", indicator);
        self.writer.nested(&["Sts"], "Cd", "BOOK");
        self.writer.nested(&["BookgDt"], "DtTm", &time_text(line.time)?);
        self.writer.leaf("AcctSvcrRef", &reference);
        self.writer.open("BkTxCd");
        self.writer.open("Prtry");
        self.writer.leaf("Cd", &line.kind);
        self.writer.leaf("Issr", ISSUER);
        self.writer.close(2);
        self.writer.open("NtryDtls");
        self.writer.open("TxDtls");
        self.references(line, &reference);
        self.parties(line);
        self.texts(line);
        self.writer.close(3);
        Ok(())
    }

    fn references(&mut self, line: &Line, reference: &str) {
        self.writer.open("Refs");
        self.writer.leaf("AcctSvcrRef", reference);
        self.writer.leaf("EndToEndId", NOT_PROVIDED);
        for (name, half) in HALVES.into_iter().zip(halves(line)) {
            self.writer.open("Prtry");
            self.writer.leaf("Tp", name);
            self.writer.leaf("Ref", &half);
            self.writer.close(1);
        }
        self.writer.close(1);
    }

    /// Who got what went, or gave what came.
    fn parties(&mut self, line: &Line) {
        let Some(counterparty) = &line.counterparty else {
            return;
        };
        let (party, account) = match direction(&self.figures.about.owner, line) {
            direction::TO => ("Cdtr", "CdtrAcct"),
            _ => ("Dbtr", "DbtrAcct"),
        };
        self.writer.open("RltdPties");
        if let Some(name) = name_text(counterparty, self.names) {
            self.writer.nested(&[party, "Pty"], "Nm", &name);
        }
        self.writer.open(account);
        self.account_id(counterparty);
        self.whole_address(counterparty);
        self.writer.close(2);
    }

    fn texts(&mut self, line: &Line) {
        let mut facts = vec![
            format!("place {} of the log", line.ordinal),
            format!("block {}", line.height),
        ];
        let mut all = Vec::new();
        for (name, words) in [(TEXT, &line.text), (MEMO, &line.memo)] {
            let (pieces, state) = pieces(name, words);
            if !state.is_empty() {
                facts.push(format!("{name} {} {state}", pieces.len()));
            }
            all.extend(pieces);
        }
        if !all.is_empty() {
            self.writer.open("RmtInf");
            for piece in &all {
                self.writer.leaf("Ustrd", piece);
            }
            self.writer.close(1);
        }
        self.writer.leaf("AddtlTxInf", &facts.join(BETWEEN));
    }
}
