//! Where the figures of a statement that somebody hands over are not those of its proof.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quorate_crypto::{Address, Digest};
use quorate_ledger::{Amount, AssetCode};

use crate::camt053::projected;
use crate::figures::{
    About, Balances, Figures, Form, Found, Line, Signed, Stray, Words, amount_text, decimals_text,
};
use crate::phrases::instead_of;
use crate::statement::{Names, Statement};

/// One figure that is not the proof's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// What the statement is about.
    #[error("`{what}` is `{found}`, by the proof `{proven}`")]
    About {
        /// Which fact.
        what: &'static str,
        /// What the statement says.
        found: String,
        /// What the proof establishes.
        proven: String,
    },
    /// Balances that are missing.
    #[error("the balances of {asset} are left out")]
    BalancesLeftOut {
        /// The asset.
        asset: AssetCode,
    },
    /// Balances that the proof does not have, or a second time.
    #[error("balances of {asset} are slipped in")]
    BalancesSlippedIn {
        /// The asset.
        asset: AssetCode,
    },
    /// A balance that is another.
    #[error("{what} of {asset} is {found}, by the proof {proven}")]
    Balance {
        /// The asset.
        asset: AssetCode,
        /// Which figure.
        what: &'static str,
        /// What the statement says.
        found: String,
        /// What the proof establishes.
        proven: String,
    },
    /// An entry that is missing.
    #[error("left out: {line}")]
    LeftOut {
        /// The entry.
        line: LineName,
    },
    /// An entry that the proof does not have, or a second time.
    #[error("slipped in: {line}")]
    SlippedIn {
        /// The entry.
        line: LineName,
    },
    /// An entry with another figure.
    #[error("{line}: {what} is `{found}`, by the proof `{proven}`")]
    Altered {
        /// The entry.
        line: LineName,
        /// Which figure.
        what: &'static str,
        /// What the statement says.
        found: String,
        /// What the proof establishes.
        proven: String,
    },
    /// An entry that stands elsewhere among the others.
    #[error("not in its place: {line}")]
    Reordered {
        /// The entry.
        line: LineName,
    },
    /// Another name than the genesis document has for an address.
    #[error("the name beside {address} is `{found}`, by the genesis document `{proven}`")]
    Name {
        /// The address.
        address: Address,
        /// What the statement says.
        found: String,
        /// What the genesis document says.
        proven: String,
    },
    /// Something that is not as Quorate writes these figures; what it is, nobody has compared.
    #[error(
        "line {}: `{}` is there, and not `{}`: this was not written so by Quorate, or by another version of it",
        .stray.line, .stray.found, .stray.expected
    )]
    Elsewhere {
        /// Where, and what.
        stray: Stray,
    },
}

/// What tells an entry from all others of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineName {
    /// The transaction's number in the history, from 1.
    pub number: u64,
    /// The operation's index. `None`: the entry is about the transaction as a whole.
    pub operation: Option<u8>,
    /// The asset that it moves, if any.
    pub asset: Option<AssetCode>,
    /// The transaction's id, as the entry has it.
    pub id: Digest,
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.number)?;
        if let Some(operation) = self.operation {
            write!(f, ", operation {operation}")?;
        }
        if let Some(asset) = self.asset {
            write!(f, ", {asset}")?;
        }
        write!(f, " (transaction {})", self.id)
    }
}

impl LineName {
    fn of(line: &Line) -> Self {
        Self {
            number: line.number,
            operation: line.operation,
            asset: line.movement.map(|movement| movement.asset),
            id: line.id,
        }
    }
}

/// What an entry is found by.
type Key = (u64, Option<u8>, Option<AssetCode>);

fn key_of(line: &Line) -> Key {
    let name = LineName::of(line);
    (name.number, name.operation, name.asset)
}

/// Where figures that were read are not those that the statement's proof establishes: nowhere, if there is no
/// difference. Of names the proof has none: [`compare_names`] looks at them.
///
/// A statement as camt.053 is compared as far as it goes: the assets that it is of. Whether it should be of more, its
/// reader must know.
pub fn compare(found: &Found, statement: &Statement<'_>) -> Vec<Difference> {
    let proven = match found.form {
        Form::Csv | Form::Html => statement.figures().clone(),
        Form::Camt053 => projected(statement.figures(), &assets_of(&found.figures)),
    };
    let mut differences = Vec::new();
    compare_about(&found.figures.about, &proven.about, &mut differences);
    compare_balances(&found.figures.balances, &proven.balances, &mut differences);
    compare_lines(&found.figures.lines, &proven.lines, &mut differences);
    differences.extend(found.stray.clone().map(|stray| Difference::Elsewhere { stray }));
    differences
}

/// Where names that were read are not those that the genesis document has for the same addresses. Nothing says of others
/// whose they are; one that is left out is no difference.
pub fn compare_names(found: &Found, proven: &Names) -> Vec<Difference> {
    let both = found.names.iter().filter_map(|(address, name)| {
        let proven = proven.get(address)?;
        Some((address, name, proven))
    });
    both.filter(|(_, name, proven)| !name.is_empty() && name != proven)
        .map(|(address, name, proven)| Difference::Name {
            address: *address,
            found: name.clone(),
            proven: proven.clone(),
        })
        .collect()
}

/// The assets of which there are balances, each once, in their order.
fn assets_of(figures: &Figures) -> Vec<AssetCode> {
    let mut seen = BTreeSet::new();
    let assets = figures.balances.iter().map(|balances| balances.asset);
    assets.filter(|asset| seen.insert(*asset)).collect()
}

fn compare_about(found: &About, proven: &About, differences: &mut Vec<Difference>) {
    for (found, proven) in found.pairs().into_iter().zip(proven.pairs()) {
        if found != proven {
            differences.push(Difference::About {
                what: proven.0,
                found: found.1,
                proven: proven.1,
            });
        }
    }
}

fn compare_balances(found: &[Balances], proven: &[Balances], differences: &mut Vec<Difference>) {
    let mut left: BTreeMap<AssetCode, &Balances> = proven.iter().map(|item| (item.asset, item)).collect();
    for item in found {
        let asset = item.asset;
        let Some(proven) = left.remove(&asset) else {
            differences.push(Difference::BalancesSlippedIn { asset });
            continue;
        };
        let figures = balance_figures(item).into_iter().zip(balance_figures(proven));
        differences.extend(
            figures
                .filter(|(found, proven)| found != proven)
                .map(|(found, proven)| Difference::Balance {
                    asset,
                    what: proven.0,
                    found: found.1,
                    proven: proven.1,
                }),
        );
    }
    let left = left.into_keys();
    differences.extend(left.map(|asset| Difference::BalancesLeftOut { asset }));
}

/// The figures of balances by name.
fn balance_figures(balances: &Balances) -> [(&'static str, String); 5] {
    let text = |amount: Option<Amount>| match amount {
        Some(amount) => amount_text(amount, balances.decimals),
        None => "left out".to_owned(),
    };
    let (opening, closing) = (balances.opening, balances.closing);
    [
        ("the number of decimals", decimals_text(balances.decimals)),
        ("the opening balance", text(opening.map(|balance| balance.free))),
        (
            "what is held at the opening",
            text(opening.map(|balance| balance.held)),
        ),
        ("the closing balance", text(closing.map(|balance| balance.free))),
        (
            "what is held at the closing",
            text(closing.map(|balance| balance.held)),
        ),
    ]
}

fn compare_lines(found: &[Line], proven: &[Line], differences: &mut Vec<Difference>) {
    let mut left: BTreeMap<Key, usize> = proven.iter().map(key_of).zip(0..).collect();
    let mut places = Vec::with_capacity(found.len());
    for line in found {
        match left.remove(&key_of(line)) {
            Some(place) => {
                places.push(place);
                compare_line(line, &proven[place], differences);
            }
            None => differences.push(Difference::SlippedIn {
                line: LineName::of(line),
            }),
        }
    }
    let mut left: Vec<usize> = left.into_values().collect();
    left.sort_unstable();
    differences.extend(left.into_iter().map(|place| Difference::LeftOut {
        line: LineName::of(&proven[place]),
    }));
    differences.extend(displaced(&places).into_iter().map(|place| Difference::Reordered {
        line: LineName::of(&proven[place]),
    }));
}

fn compare_line(found: &Line, proven: &Line, differences: &mut Vec<Difference>) {
    if found == proven {
        return;
    }
    for (found_figure, proven_figure) in line_figures(found).into_iter().zip(line_figures(proven)) {
        if found_figure != proven_figure {
            differences.push(Difference::Altered {
                line: LineName::of(proven),
                what: proven_figure.0,
                found: found_figure.1,
                proven: proven_figure.1,
            });
        }
    }
}

/// The figures of a line by name.
fn line_figures(line: &Line) -> [(&'static str, String); 14] {
    let movement = line.movement;
    let decimals = movement.and_then(|movement| movement.decimals);
    let signed = |amount: Option<Signed>| amount.map_or_else(nothing, |amount| amount.text(decimals, "+"));
    let amount = |amount: Option<Amount>| amount.map_or_else(nothing, |amount| amount_text(amount, decimals));
    let after = movement.and_then(|movement| movement.after);
    [
        ("the transaction", line.id.to_string()),
        ("the place in the log", line.ordinal.to_string()),
        ("the time", line.time.to_string()),
        ("the block", line.height.to_string()),
        ("the kind", line.kind.clone()),
        (
            "the number of decimals",
            movement.map_or_else(nothing, |_| decimals_text(decimals)),
        ),
        ("the amount", signed(movement.map(|movement| movement.free))),
        (
            "the held amount",
            signed(movement.and_then(|movement| movement.held)),
        ),
        ("the balance", amount(after.map(|after| after.free))),
        ("the held balance", amount(after.map(|after| after.held))),
        (
            "the counterparty",
            line.counterparty
                .map_or_else(nothing, |address| address.to_string()),
        ),
        ("the text", words_text(&line.text)),
        ("the memo", words_text(&line.memo)),
        ("the metadata", words_text(&line.metadata)),
    ]
}

fn nothing() -> String {
    "nothing".to_owned()
}

fn words_text(words: &Words) -> String {
    match words {
        Words::None => nothing(),
        Words::Shown(text) => format!("the text {text:?}"),
        Words::Hex(hex) => format!("the bytes {hex}"),
        other => instead_of(other).to_owned(),
    }
}

/// The fewest of these numbers, all different, without which the others ascend; in the order in which they stand.
fn displaced(places: &[usize]) -> Vec<usize> {
    if places.is_sorted() {
        return Vec::new();
    }
    // `ends[n]`: the index of the smallest number that ends an ascending row of n + 1 numbers. `before`: the index of
    // the number before each in the longest ascending row that it ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        let length = ends.partition_point(|end| places[*end] < *place);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut stays = vec![false; places.len()];
    let mut last = ends.last().copied();
    while let Some(index) = last {
        stays[index] = true;
        last = before[index];
    }
    let pairs = places.iter().zip(stays);
    pairs
        .filter(|(_, stays)| !stays)
        .map(|(place, _)| *place)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::displaced;

    #[test]
    fn as_few_as_possible_are_out_of_order() {
        for (places, out) in [
            (vec![], vec![]),
            (vec![0, 1, 2, 5], vec![]),
            (vec![1, 2, 3, 0], vec![0]),
            (vec![3, 0, 1, 2], vec![3]),
            (vec![0, 2, 1, 3], vec![2]),
            (vec![4, 0, 1, 3, 2, 5], vec![4, 3]),
        ] {
            assert_eq!(displaced(&places), out, "{places:?}");
        }
    }
}
