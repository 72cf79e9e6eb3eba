//! A statement in each form.

use quorate_ledger::AssetCode;
use quorate_statement::{Statement, camt053, camt053_assets, csv, html, table};
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use quorate_tools::output::say;

use super::Format;

/// The statement in a form. `assets`: those of camt.053; all that fit if there are none.
pub(super) fn write(
    format: Format,
    statement: &Statement<'_>,
    assets: &[AssetCode],
) -> Result<String, Failure> {
    match format {
        Format::Text => Ok(table(statement)),
        Format::Csv => Ok(csv(statement)),
        Format::Html => Ok(html(statement)),
        Format::Camt => {
            let fitting;
            let chosen = match assets {
                [] => {
                    fitting = fitting_in(statement)?;
                    fitting.as_slice()
                }
                assets => assets,
            };
            camt053(statement, now()?, chosen).map_err(Failure::usage)
        }
    }
}

/// The assets that can be given as camt.053. Of the others it is said that they are left out.
fn fitting_in(statement: &Statement<'_>) -> Result<Vec<AssetCode>, Failure> {
    let mut fitting = Vec::new();
    let mut why_not = Vec::new();
    for (asset, fits) in camt053_assets(statement) {
        match fits {
            Ok(()) => fitting.push(asset),
            Err(error) => why_not.push((asset, error)),
        }
    }
    if fitting.is_empty() {
        let reason = why_not.first().map(|(_, error)| error.to_string());
        let reason = reason.unwrap_or_else(|| "no asset is in it".to_owned());
        return Err(
            Failure::failed(format!("there is nothing to give as camt.053: {reason}"))
                .hint("take --format csv or --format html"),
        );
    }
    for (asset, error) in &why_not {
        say(format!("note: {asset} is left out: {error}"));
    }
    Ok(fitting)
}
