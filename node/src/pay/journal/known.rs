//! What is known about the payment of one file, and what follows from each line about it.

use std::collections::{BTreeMap, BTreeSet};

use quorate_client::Bytes;
use quorate_ledger::{Digest, Height, Timestamp};
use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::pay::plan::Unit;

/// What became of a signed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// Its rows are paid.
    Committed,
    /// It was executed, failed, and can never be executed again.
    Failed,
    /// A certified block is past its expiry and it was not executed.
    Expired,
    /// Every node that saw it refused it.
    Refused,
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Its id.
    pub(crate) id: Digest,
    /// When it expires.
    pub(crate) expires_at: Timestamp,
    /// The canonical bytes of its submission.
    pub(crate) bytes: Bytes,
    /// Whether it may be on its way: it was perhaps sent, and nobody has said what became of it.
    pub(crate) in_doubt: bool,
}

/// That rows are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    /// By which transaction.
    pub(crate) id: Digest,
    /// In which block.
    pub(crate) height: Height,
    /// At which place of it.
    pub(crate) index: u32,
}

/// What is known about the payment of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Paid rows.
    pub(crate) paid: BTreeMap<usize, Paid>,
    /// The one transaction for a unit that can still be executed.
    pub(crate) live: BTreeMap<Unit, Signed>,
    /// Expiries at which a unit's transaction was executed and failed.
    pub(crate) failed: BTreeMap<Unit, BTreeSet<Timestamp>>,
    /// Chunks, by first row, whose rows are paid one by one.
    pub(crate) row_by_row: BTreeSet<usize>,
    /// Chunks, by first row, that a node which is not believed says it refuses for one of their rows.
    pub(crate) claimed: BTreeSet<usize>,
    /// What was built last of each unit for others to sign.
    pub(crate) built: BTreeMap<Unit, Signed>,
    /// Up to which certified block all were looked through for what others paid.
    pub(crate) searched: Height,
}

impl Known {
    /// Whether all rows of a unit are paid.
    pub(crate) fn is_paid(&self, unit: Unit) -> bool {
        unit.range().all(|row| self.paid.contains_key(&row))
    }

    /// Whether a chunk's rows are paid one by one: so it was decided, or some of them are paid already.
    pub(crate) fn is_row_by_row(&self, unit: Unit) -> bool {
        let partly = || unit.range().any(|row| self.paid.contains_key(&row));
        unit.count > 1 && (self.row_by_row.contains(&unit.first) || partly())
    }

    /// What was built for others to sign, can still be executed at this certified time, and pays rows that
    /// are not paid.
    pub(crate) fn open_built(&self, at: Timestamp) -> impl Iterator<Item = (Unit, &Signed)> {
        self.built
            .iter()
            .map(|(unit, built)| (*unit, built))
            .filter(move |(unit, built)| {
                let failed = self.failed.get(unit);
                let is_spent = failed.is_some_and(|failed| failed.contains(&built.expires_at));
                built.expires_at > at && !is_spent && !self.is_paid(*unit)
            })
    }

    /// Until when something that was sent, or may have been, can still pay rows that are not paid.
    pub(crate) fn sent_until(&self, at: Timestamp) -> Option<Timestamp> {
        let open = self
            .live
            .iter()
            .filter(|(unit, live)| live.in_doubt && live.expires_at > at && !self.is_paid(**unit));
        open.map(|(_, live)| live.expires_at).max()
    }

    /// Draws the conclusions from a line. What was signed or built has its bytes in `signed`; without them it cannot be
    /// sent again, and only what became of it counts.
    pub(super) fn take(
        &mut self,
        line: Line,
        units: &mut BTreeMap<Digest, (Unit, Timestamp)>,
        signed: &BTreeMap<Digest, Bytes>,
    ) -> Result<(), String> {
        let written = |id: Digest, expires_at: u64| {
            signed.get(&id).map(|bytes| Signed {
                id,
                expires_at: Timestamp(expires_at),
                bytes: bytes.clone(),
                in_doubt: true,
            })
        };
        match line {
            Line::Payment { .. } | Line::Ready => {}
            Line::RowByRow { first } => {
                self.row_by_row.insert(first);
            }
            Line::Claimed { first } => {
                self.claimed.insert(first);
            }
            Line::Searched { height, .. } => self.searched = self.searched.max(height),
            Line::Built {
                first,
                count,
                id,
                expires_at,
            } => {
                let unit = Unit { first, count };
                self.built
                    .extend(written(id, expires_at).map(|built| (unit, built)));
            }
            Line::Signed {
                first,
                count,
                id,
                expires_at,
            } => {
                let unit = Unit { first, count };
                units.insert(id, (unit, Timestamp(expires_at)));
                // The newest is the one that may live: an older one was given up before it.
                self.live
                    .extend(written(id, expires_at).map(|signed| (unit, signed)));
            }
            Line::Found {
                first,
                count,
                id,
                expires_at,
                how,
                height,
                index,
            } => {
                let unit = Unit { first, count };
                self.settle(unit, id, how, Some(Paid { id, height, index }))?;
                if how == How::Failed {
                    self.failed.entry(unit).or_default().insert(Timestamp(expires_at));
                }
            }
            Line::Settled {
                id,
                how,
                height,
                index,
            } => {
                let known = units.get(&id).copied();
                let (unit, expires_at) = known.ok_or_else(|| format!("{id} was never signed"))?;
                let place = height
                    .zip(index)
                    .map(|(height, index)| Paid { id, height, index });
                self.settle(unit, id, how, place)?;
                if how == How::Failed {
                    self.failed.entry(unit).or_default().insert(expires_at);
                }
            }
        }
        Ok(())
    }

    /// Draws the conclusions from what became of a unit's transaction.
    pub(crate) fn settle(
        &mut self,
        unit: Unit,
        id: Digest,
        how: How,
        place: Option<Paid>,
    ) -> Result<(), String> {
        if how == How::Refused {
            if let Some(live) = self.live.get_mut(&unit).filter(|live| live.id == id) {
                live.in_doubt = false;
            }
            return Ok(());
        }
        let removed = match self.live.get(&unit) {
            Some(live) if live.id == id => self.live.remove(&unit),
            _ => None,
        };
        match how {
            How::Committed => {
                let place = place.ok_or_else(|| format!("{id} is committed nowhere"))?;
                self.paid.extend(unit.range().map(|row| (row, place)));
            }
            How::Failed => {
                let failed = self.failed.entry(unit).or_default();
                failed.extend(removed.map(|signed| signed.expires_at));
                if unit.count > 1 {
                    self.row_by_row.insert(unit.first);
                }
            }
            How::Expired | How::Refused => {}
        }
        Ok(())
    }
}
