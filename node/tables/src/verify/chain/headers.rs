//! The rows of blocks: that they give headers, each bound by the one after it.

use quorate_crypto::Committee;
use quorate_ledger::{Digest, Header, HeaderV1};

use super::super::cells::BlockRow;
use super::{OpenBlock, Settled, Step, Walk};
use crate::day::Day;
use crate::finding::{Finding, What};

impl Walk<'_, '_> {
    /// Settles which hash the block before has, now that another names it as `previous`. `next` is that other one, none
    /// where it is the certified head.
    pub(super) fn settle(&mut self, previous: Digest, next: Option<&OpenBlock>) {
        let Some(open) = self.open.take() else {
            // Of a row whose cells do not give its hash, that is told with the cell.
            let next = next.filter(|next| next.computed == next.said);
            if let Some(next) = next.filter(|_| self.settled.hash != previous) {
                let reason = format!("the first block follows the network id, {}", self.settled.hash);
                let row = Some(next.row);
                self.findings
                    .push(next.spot.finding(What::Cell, row, Some("previous"), reason));
            }
            return;
        };
        let (spot, row) = (open.spot, Some(open.row));
        let next_is_whole = next.is_none_or(|next| next.computed == next.said);
        let hash = match (open.computed == previous, open.said == previous) {
            (true, true) => previous,
            (true, false) => {
                let reason = format!("it is {}, the block's hash is {previous}", open.said);
                self.findings
                    .push(spot.finding(What::Cell, row, Some("hash"), reason));
                previous
            }
            (false, true) => {
                if !open.is_explained {
                    let reason = "the row is another: its cells do not give the hash that later blocks bind";
                    self.findings.push(spot.finding(What::Cell, row, None, reason));
                }
                previous
            }
            // The next row's `previous` is the altered cell, which is told with that row.
            (false, false) if open.computed == open.said && !next_is_whole => open.computed,
            (false, false) => {
                let reason = format!("the row is another: what comes after it binds the block {previous}");
                self.findings.push(spot.finding(What::Cell, row, None, reason));
                previous
            }
        };
        let header = open.header.v1();
        if let Some(pin) = self.ground.pin.filter(|pin| pin.height == header.height)
            && pin.hash != hash
        {
            let reason = format!("block {} is {hash}, and {} is trusted", pin.height, pin.hash);
            self.findings.push(Finding::head(reason));
        }
        self.chain.push(&hash.0);
        self.settled = Settled {
            height: header.height,
            hash,
            time: header.timestamp.0,
            next_committee: header.next_committee,
        };
    }

    /// Checks that a block comes here, and which cell is altered if its cells do not give its hash.
    pub(super) fn check_place(&mut self, open: &mut OpenBlock, row: &mut BlockRow) -> Step<()> {
        let expected = HeaderV1 {
            height: self.settled.height.next(),
            previous: self.settled.hash,
            chain_root: self.chain.root(),
            log_size: row.first_ordinal.saturating_add(row.transactions),
            ..row.header.v1().clone()
        };
        if open.computed != open.said {
            self.explain_by(open, row, &expected);
        }
        let fields = row.header.v1();
        if fields.height != expected.height {
            let reason = format!(
                "block {} stands where block {} comes: rows are left out, added or moved",
                fields.height, expected.height
            );
            return Err(open
                .spot
                .finding(What::Rows, Some(open.row), Some("height"), reason));
        }
        let wrong = if fields.chain_root != expected.chain_root {
            Some(("chain_root", "it is not the root over all headers before"))
        } else if fields.timestamp.0 <= self.settled.time {
            Some(("time", "it is not later than that of the block before"))
        } else if Day::of(fields.timestamp) != Some(open.spot.day) {
            Some(("time", "it is of another day"))
        } else {
            None
        };
        if let Some((column, reason)) = wrong {
            let row = Some(open.row);
            self.findings
                .push(open.spot.finding(What::Cell, row, Some(column), reason));
            open.is_explained = true;
        }
        Ok(())
    }

    /// Looks whether one of the cells that follow from others is the altered one.
    fn explain_by(&mut self, open: &mut OpenBlock, row: &mut BlockRow, expected: &HeaderV1) {
        let fields = row.header.v1().clone();
        let (height, previous) = (expected.height, expected.previous);
        let (chain_root, log_size) = (expected.chain_root, expected.log_size);
        for (column, other) in [
            (
                "height",
                HeaderV1 {
                    height,
                    ..fields.clone()
                },
            ),
            (
                "previous",
                HeaderV1 {
                    previous,
                    ..fields.clone()
                },
            ),
            (
                "chain_root",
                HeaderV1 {
                    chain_root,
                    ..fields.clone()
                },
            ),
            ("log_size", HeaderV1 { log_size, ..fields }),
        ] {
            self.explain(open, row, column, Header::V1(other));
        }
    }

    /// Takes another header for the row's, if that one has the hash which the row says: then the column that differs is
    /// the altered one.
    pub(super) fn explain(
        &mut self,
        open: &mut OpenBlock,
        row: &mut BlockRow,
        column: &'static str,
        other: Header,
    ) {
        if open.is_explained || other.hash() != open.said {
            return;
        }
        let reason = "it is not the one that the block's hash binds";
        let at = Some(open.row);
        self.findings
            .push(open.spot.finding(What::Cell, at, Some(column), reason));
        open.is_explained = true;
        open.computed = open.said;
        open.header = other.clone();
        row.header = other;
    }

    /// Checks the two columns that count transactions.
    pub(super) fn check_counts(&mut self, open: &OpenBlock, row: &BlockRow, before: u64, executed: u64) {
        for (column, found, expected) in [
            ("first_ordinal", row.first_ordinal, before),
            ("transactions", row.transactions, executed),
        ] {
            if found != expected {
                let reason = format!("it is {found}, the log gives {expected}");
                let at = Some(open.row);
                self.findings
                    .push(open.spot.finding(What::Cell, at, Some(column), reason));
            }
        }
    }

    /// Checks that a block is of the committee that the one before names. Of a row that is another already this says
    /// nothing more.
    pub(super) fn check_committee(&mut self, open: &OpenBlock) {
        if open.computed != open.said {
            return;
        }
        let fields = open.header.v1();
        let verifier = self.ground.verifier;
        let known = self.committees.entry(fields.epoch).or_insert_with(|| {
            let known = verifier.epoch(fields.epoch);
            known.map_or(Digest::ZERO, |known| Committee::digest(&known.committee))
        });
        if *known != self.settled.next_committee {
            let reason = "it is not of the epoch whose committee the block before names";
            let row = Some(open.row);
            self.findings
                .push(open.spot.finding(What::Cell, row, Some("epoch"), reason));
        }
    }
}
