//! The figures on a page that this package wrote, read in the same order.

use std::collections::BTreeMap;

use quorate_crypto::{Address, Height};
use quorate_ledger::{AssetCode, HistoryOwner};

use super::{PROOF, render};
use crate::figures::{
    About, Balance, Balances, Figures, Form, Found, Line, Movement, ReadError, Signed, Stray, Words, exact,
    read, read_amount, read_decimals, read_time,
};
use crate::markup::Reader;
use crate::phrases::{SMALLEST, state_of};
use crate::statement::Names;
use crate::words::{self, read_back};

/// The decimals of assets, by code.
type Decimals = BTreeMap<AssetCode, Option<u8>>;

/// The figures of a statement as a page.
///
/// # Errors
/// If it is not such a page.
pub fn figures_of_html(text: &str) -> Result<Found, ReadError> {
    let mut reader = Reader::new(text);
    let mut names = Names::new();
    reader.past("<h1>")?;
    let owner_name = read_owner_name(&mut reader)?;
    let about = read_about(&mut reader)?;
    if let (HistoryOwner::Account(address), Some(name)) = (&about.owner, owner_name) {
        names.insert(*address, name);
    }
    let balances = read_balances(&mut reader)?;
    let decimals: Decimals = balances.iter().map(|item| (item.asset, item.decimals)).collect();
    reader.past("<table class=\"lines\">")?;
    reader.past("<tbody>")?;
    let mut lines = Vec::new();
    while reader.is_next("<tr>") {
        lines.push(read_line(&mut reader, &decimals, &mut names)?);
    }
    reader.expect("</tbody>")?;
    let figures = Figures {
        about,
        balances,
        lines,
    };
    let expected = render(&figures, &names, &proof_of_html(text)?);
    Ok(Found {
        form: Form::Html,
        stray: Stray::between(text, &expected),
        figures,
        names,
    })
}

/// The proof in a statement as a page, as a file of it: what the verifier reads.
///
/// # Errors
/// If there is none in it.
pub fn proof_of_html(text: &str) -> Result<String, ReadError> {
    let mut reader = Reader::new(text);
    // Whatever somebody chose on the page has its quotation marks written out, so it is not taken for this.
    reader.past(PROOF.0)?;
    let proof = reader.text()?;
    reader.expect(PROOF.1)?;
    Ok(proof)
}

fn read_owner_name(reader: &mut Reader<'_>) -> Result<Option<String>, ReadError> {
    reader.past("</code>")?;
    read_name(reader)
}

fn read_name(reader: &mut Reader<'_>) -> Result<Option<String>, ReadError> {
    const BEFORE: &str = "<span class=\"name\">";
    if !reader.is_next(BEFORE) {
        return Ok(None);
    }
    let name = reader.between(BEFORE, "</span>")?;
    reader.of(words::read_name(&name)).map(Some)
}

fn read_about(reader: &mut Reader<'_>) -> Result<About, ReadError> {
    reader.past("<dl>")?;
    let mut pairs = Vec::new();
    while reader.is_next("<dt>") {
        pairs.push((reader.element("dt")?, reader.element("dd")?));
    }
    reader.of(About::read(&pairs))
}

fn number_cell(reader: &mut Reader<'_>) -> Result<String, ReadError> {
    reader.between("<td class=\"number\">", "</td>")
}

fn read_balances(reader: &mut Reader<'_>) -> Result<Vec<Balances>, ReadError> {
    reader.past("<table class=\"balances\">")?;
    reader.past("<tbody>")?;
    let mut balances = Vec::new();
    while reader.is_next("<tr>") {
        reader.expect("<tr>")?;
        let asset = reader.between("<th scope=\"row\">", "</th>")?;
        let asset = reader.of(read(&asset, "an asset code"))?;
        let decimals = number_cell(reader)?;
        let decimals = reader.of(read_decimals(&decimals))?;
        balances.push(Balances {
            asset,
            decimals,
            opening: Some(read_balance(reader, decimals)?),
            closing: Some(read_balance(reader, decimals)?),
        });
        reader.expect("</tr>")?;
    }
    reader.expect("</tbody>")?;
    Ok(balances)
}

fn read_balance(reader: &mut Reader<'_>, decimals: Option<u8>) -> Result<Balance, ReadError> {
    let (free, held) = (number_cell(reader)?, number_cell(reader)?);
    Ok(Balance {
        free: reader.of(read_amount(&free, decimals))?,
        held: reader.of(read_amount(&held, decimals))?,
    })
}

fn read_line(reader: &mut Reader<'_>, decimals: &Decimals, names: &mut Names) -> Result<Line, ReadError> {
    reader.expect("<tr>")?;
    let number = number_cell(reader)?;
    reader.expect("<td>")?;
    let time = reader.element("time")?;
    let height = reader.between("<div class=\"block\">", "</div>")?;
    reader.expect("</td>")?;
    reader.expect("<td>")?;
    let kind = reader.element("b")?;
    let counterparty = read_counterparty(reader, names)?;
    let text = read_words(reader, "text")?;
    let memo = read_words(reader, "memo")?;
    let metadata = read_words(reader, "metadata")?;
    reader.expect("<div class=\"id\">")?;
    reader.text()?;
    let id = reader.element("code")?;
    let place = reader.text()?;
    let (operation, ordinal) = reader.of(read_place(&place))?;
    reader.expect("</div>")?;
    reader.expect("</td>")?;
    let movement = read_movement(reader, decimals)?;
    let height = height.strip_prefix("block ").unwrap_or(&height);
    let line = Line {
        number: reader.of(read(&number, "a number"))?,
        ordinal,
        time: reader.of(read_time(&time))?,
        height: Height(reader.of(read(height, "a height"))?),
        id: reader.of(read(&id, "a transaction's id"))?,
        operation,
        kind,
        movement,
        counterparty,
        memo,
        text,
        metadata,
    };
    reader.expect("</tr>")?;
    Ok(line)
}

fn read_counterparty(reader: &mut Reader<'_>, names: &mut Names) -> Result<Option<Address>, ReadError> {
    const BEFORE: &str = "<div class=\"party\">";
    if !reader.is_next(BEFORE) {
        return Ok(None);
    }
    reader.expect(BEFORE)?;
    reader.text()?;
    let address = reader.element("code")?;
    let address = reader.of(read(&address, "an address"))?;
    if let Some(name) = read_name(reader)? {
        names.insert(address, name);
    }
    reader.expect("</div>")?;
    Ok(Some(address))
}

fn read_words(reader: &mut Reader<'_>, name: &str) -> Result<Words, ReadError> {
    let before = format!("<p>{name}: ");
    if !reader.is_next(&before) {
        return Ok(Words::None);
    }
    reader.expect(&before)?;
    let words = if reader.is_next("<q>") {
        let text = reader.element("q")?;
        Words::Shown(reader.of(read_back(&text))?)
    } else if reader.is_next("<code>") {
        Words::Hex(reader.element("code")?)
    } else {
        let state = reader.element("em")?;
        let found = state_of(&state).ok_or_else(|| format!("`{state}` is not a state of a text"));
        reader.of(found)?
    };
    reader.expect("</p>")?;
    Ok(words)
}

fn read_place(text: &str) -> Result<(Option<u8>, u64), String> {
    let parts = || {
        let (operation, rest) = match text.strip_prefix(", operation ") {
            Some(rest) => {
                let (operation, rest) = rest.split_once(", place ")?;
                (Some(exact(operation)?), rest)
            }
            None => (None, text.strip_prefix(", place ")?),
        };
        Some((operation, exact(rest.strip_suffix(" of the log")?)?))
    };
    parts().ok_or_else(|| format!("`{text}` is not a place in the log"))
}

fn read_movement(reader: &mut Reader<'_>, decimals: &Decimals) -> Result<Option<Movement>, ReadError> {
    let amount = number_cell(reader)?;
    let (held, free_after, held_after) = (number_cell(reader)?, number_cell(reader)?, number_cell(reader)?);
    if [&amount, &held, &free_after, &held_after]
        .iter()
        .all(|cell| cell.is_empty())
    {
        return Ok(None);
    }
    let movement = || -> Result<Movement, String> {
        let parts = amount.split_once(SMALLEST).or_else(|| amount.split_once(' '));
        let (free, asset) = parts.ok_or_else(|| format!("`{amount}` is not an amount of an asset"))?;
        let asset: AssetCode = read(asset, "an asset code")?;
        let decimals = *decimals
            .get(&asset)
            .ok_or_else(|| format!("there is no balance of {asset}"))?;
        Ok(Movement {
            asset,
            decimals,
            free: Signed::read(free, decimals, "+")?,
            held: Some(Signed::read(&held, decimals, "+")?),
            after: Some(Balance {
                free: read_amount(&free_after, decimals)?,
                held: read_amount(&held_after, decimals)?,
            }),
        })
    };
    reader.of(movement()).map(Some)
}
