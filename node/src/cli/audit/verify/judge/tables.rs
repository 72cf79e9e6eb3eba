//! The verdict on a folder of tables.

use std::path::Path;

use indicatif::HumanCount;
use quorate_tables::{FolderError, Report};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::printable;
use quorate_verifier::Anchor;

use super::{Judgement, SHOWN, changed, unreadable};

/// What is found of it, with the genesis document, and a block that is trusted if there is one.
pub(super) fn judge(folder: &Path, anchor: &Anchor) -> Judgement {
    let Some(genesis) = &anchor.genesis else {
        let why = "tables are checked against the genesis document: name it with --genesis";
        return unreadable(&Failure::usage(why));
    };
    match quorate_tables::verify(folder, genesis, anchor.pin) {
        Ok(report) => found(report),
        Err(FolderError::Io { path, error }) => unreadable(&Failure::io(&path, &error)),
        // Without a manifest that says where they end, tables are no tables.
        Err(error @ (FolderError::Malformed { .. } | FolderError::Parquet { .. })) => {
            changed(&error.to_string())
        }
    }
}

fn found(report: Report) -> Judgement {
    let rows: u64 = report.rows.values().sum();
    let read = format!(
        "{} rows of {} days, up to block {} of {}",
        HumanCount(rows),
        report.days,
        report.head.height,
        printable(&report.head.time)
    );
    if report.is_good() {
        return Judgement {
            result: "good",
            text: format!("every cell is as the certified chain has it: {read}\n"),
            tables: Some(report),
            ..Judgement::default()
        };
    }
    let mut text = format!("not as the certified chain has it: {read}\n");
    for finding in report.findings.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n", printable(&finding.to_string())));
    }
    let untold = report.findings.len().saturating_sub(SHOWN);
    let untold = u64::try_from(untold).unwrap_or(u64::MAX);
    let untold = untold.saturating_add(report.more);
    if untold > 0 {
        text.push_str(&format!("  and {untold} more\n"));
    }
    Judgement {
        result: "changed",
        exit: Some(Exit::CheckFailed),
        text,
        tables: Some(report),
        ..Judgement::default()
    }
}
