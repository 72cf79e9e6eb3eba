//! Statements of accounts that people read, print and book, each with its proof: as plain text, as CSV, as an HTML page
//! and as ISO 20022 camt.053. And back: what such a file says, and where it differs from what its proof establishes.
//! Pure functions: no disk, no network, no clock.
//!
//! A [`Statement`] is made of a verdict that [`quorate_verifier`] gave on a proof of an account's (or an asset's)
//! history. All that its forms show are its [`Figures`]. Names beside addresses are the caller's; nothing proves them,
//! and each form says so.
//!
//! ```
//! use quorate_statement::{Difference, Names, Statement, StatementError, compare, figures_of_csv, table};
//! use quorate_verifier::Verdict;
//!
//! /// Shows a statement that was verified.
//! fn show(verdict: &Verdict, proof: &str) -> Result<String, StatementError> {
//!     let names = Names::new();
//!     Ok(table(&Statement::new(verdict, proof, &names)?))
//! }
//!
//! /// Where a table that somebody hands over differs from what the proof beside it establishes.
//! fn check(csv: &str, verdict: &Verdict, proof: &str) -> Result<Vec<Difference>, Box<dyn std::error::Error>> {
//!     let names = Names::new();
//!     let statement = Statement::new(verdict, proof, &names)?;
//!     Ok(compare(&figures_of_csv(csv)?, &statement))
//! }
//!
//! // What is no statement is not compared.
//! assert!(figures_of_csv("date,amount\n2026-01-01,12.50\n").is_err());
//! ```

mod about;
mod camt053;
mod compare;
mod figures;
mod lines;
mod markup;
mod page;
mod phrases;
mod spreadsheet;
mod statement;
mod table;
mod words;

pub use camt053::{Camt053Error, camt053, camt053_assets, figures_of_camt053, proof_of_camt053};
pub use compare::{Difference, LineName, compare, compare_names};
pub use figures::{
    About, Balance, Balances, CONSENT, Figures, Form, Found, Line, Movement, NOT_ITEMISED, NOT_SHOWN, OTHER,
    ReadError, Signed, Stray, Words,
};
pub use page::{figures_of_html, html, proof_of_html};
pub use spreadsheet::{csv, figures_of_csv};
pub use statement::{Names, Statement, StatementError};
pub use table::table;
