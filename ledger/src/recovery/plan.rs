//! What the new epoch begins with: the proposals that stand-downs show above the base
//! (`docs/formats.md`, section 15, "The plan"). A pure function, so that every validator finds the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use quorate_crypto::{Committee, Digest, Engine, Height, ValidatorIndex};

use super::{Open, PreparedCertificate, SignedRecovery, SignedStandDown};
use crate::Proposal;

/// Heights that a plan decides, at most.
pub const MAX_PLANNED_HEIGHTS: u64 = 128;

/// What stand-downs show for heights above the base.
type Found<'a> = BTreeMap<Height, &'a Proposal>;

/// What is decided for each height above `base` up to the highest for which the stand-downs show a
/// proposal, and for at most 128 heights: the null proposal where they show none. `old` is the committee
/// that stood down.
///
/// - PBFT: the proposal of the prepared certificate of the highest view that verifies; of two of one view
///   that of the lowest validator.
/// - Raft: the log of the stand-down whose last entry has the highest term, then the highest index, then the
///   lowest validator.
/// - Paxos: the accepted value of the highest ballot; of two of one ballot that of the lowest validator.
///
/// The stand-downs must have passed [`SignedRecovery::check_form`]. Their order does not matter.
pub fn plan(stand_downs: &[SignedStandDown], base: Height, old: &Committee) -> Vec<(Height, Proposal)> {
    let found = match old.engine() {
        Engine::Pbft => prepared(stand_downs, base, old),
        Engine::Raft => longest_log(stand_downs, base),
        Engine::Paxos => accepted(stand_downs, base),
    };
    let Some((highest, _)) = found.last_key_value() else {
        return Vec::new();
    };
    let count = highest.0.saturating_sub(base.0).min(MAX_PLANNED_HEIGHTS);
    (1..=count)
        .map(|offset| {
            // No more than the highest height.
            let height = Height(base.0.saturating_add(offset));
            let proposal = found.get(&height).copied();
            (height, proposal.cloned().unwrap_or_else(Proposal::null))
        })
        .collect()
}

impl SignedRecovery {
    /// The [plan](plan()) of this recovery, which must be valid under the old committee.
    pub fn plan(&self, old: &Committee) -> Vec<(Height, Proposal)> {
        plan(&self.v1().stand_downs, self.recovery().base, old)
    }
}

/// A prepared certificate, and who shows it.
#[derive(Clone, Copy)]
struct Shown<'a> {
    certificate: &'a PreparedCertificate,
    network: &'a Digest,
    by: ValidatorIndex,
}

/// For each height above the base the prepared proposal of the highest view.
fn prepared<'a>(stand_downs: &'a [SignedStandDown], base: Height, old: &Committee) -> Found<'a> {
    let mut shown: BTreeMap<Height, Vec<Shown<'a>>> = BTreeMap::new();
    for signed in stand_downs {
        let stand_down = signed.v1();
        let Open::Pbft(certificates) = &stand_down.open else {
            continue;
        };
        for certificate in certificates.iter().filter(|item| item.height > base) {
            shown.entry(certificate.height).or_default().push(Shown {
                certificate,
                network: &stand_down.network,
                by: stand_down.validator,
            });
        }
    }
    let mut found = Found::new();
    for (height, mut candidates) in shown {
        candidates.sort_by_key(|shown| (Reverse(shown.certificate.view), shown.by));
        // Signatures take long to check: the first that is good counts, and the others are not looked at.
        let best = candidates
            .iter()
            .find(|shown| shown.certificate.verify(shown.network, old));
        if let Some(best) = best {
            found.insert(height, &best.certificate.proposal);
        }
    }
    found
}

/// The entries above the base of the log that would win an election.
fn longest_log(stand_downs: &[SignedStandDown], base: Height) -> Found<'_> {
    let logs = stand_downs.iter().filter_map(|signed| {
        let stand_down = signed.v1();
        let Open::Raft(log) = &stand_down.open else {
            return None;
        };
        let last = log.last()?;
        Some(((last.entry.term, last.index, Reverse(stand_down.validator)), log))
    });
    let Some((_, log)) = logs.max_by_key(|(rank, _)| *rank) else {
        return Found::new();
    };
    log.iter()
        .filter(|entry| entry.index > base)
        .map(|entry| (entry.index, &entry.entry.proposal))
        .collect()
}

/// For each height above the base the accepted value of the highest ballot.
fn accepted(stand_downs: &[SignedStandDown], base: Height) -> Found<'_> {
    let mut best = BTreeMap::new();
    for signed in stand_downs {
        let stand_down = signed.v1();
        let Open::Paxos(values) = &stand_down.open else {
            continue;
        };
        for value in values.iter().filter(|value| value.height > base) {
            let candidate = ((value.ballot, Reverse(stand_down.validator)), &value.proposal);
            let known = best.entry(value.height).or_insert(candidate);
            if known.0 < candidate.0 {
                *known = candidate;
            }
        }
    }
    best.into_iter()
        .map(|(height, (_, proposal))| (height, proposal))
        .collect()
}
