//! What a model's replicas still have in their journals.

use quorate_consensus::Record;

/// Leaves out what the driver's journal drops as well (`node/driver/src/entries.rs`): a record about a reign goes
/// once one about a higher reign is on disk, which it is here at once, unless it is an own view-change that alone
/// shows what was prepared. Records about heights stay, as blocks may be lost.
pub(crate) fn prune(journal: &mut Vec<Record>) {
    let reign = |record: &Record| record.height().map_or_else(|| record.reign(), |_| None);
    let newest = journal.iter().filter_map(reign).max();
    let showing = journal.iter().filter(|record| record.shows_up_to().is_some());
    let newest_showing = showing.filter_map(reign).max();
    journal.retain(|record| {
        let alone = record.shows_up_to().is_some() && reign(record) >= newest_showing;
        reign(record).is_none_or(|of| Some(of) >= newest) || alone
    });
}
