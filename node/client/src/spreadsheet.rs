//! Words that somebody chose, in files that spreadsheets open. A spreadsheet takes a cell that begins like a formula
//! for one, whatever stands in quotes around it, and a formula can send away what stands beside it. Every such file of
//! this project goes by this one rule. What is ours in it needs none: numbers, an amount with its minus among them,
//! hashes, addresses, times and names that are fixed.

pub use quorate_ledger::spreadsheet_cell as cell;
