//! Two certified blocks of which no chain has both: evidence against those who sealed both, or who stood down or declared
//! a loss where they should not have.

use std::collections::BTreeSet;

use quorate_crypto::merkle::leaf_hash;
use quorate_crypto::{Digest, ValidatorIndex};
use quorate_ledger::CertifiedHeader;

use super::leads_to;
use crate::at::At;
use crate::facts::{GivenUpFacts, HistoryFacts, TwoHistoriesFacts};
use crate::knowledge::{EndedBy, Ground};
use crate::proof::There;
use crate::verdict::{Code, HeadFacts, Refusal, refuse};

/// The facts of two accepted heads; here what a recovery gave up is accepted too.
pub(super) fn check(
    ground: Ground<'_>,
    [first, second]: [&CertifiedHeader; 2],
    there: Option<&There>,
    at: At<'_>,
) -> Result<TwoHistoriesFacts, Refusal> {
    let given_up = [
        ground.accept_given_up(first, at.field("first"))?,
        ground.accept_given_up(second, at.field("second"))?,
    ];
    let (lower, higher) = (first.header.v1(), second.header.v1());
    if lower.height == higher.height {
        check_one_height(first, second, there, at)?;
    } else {
        check_two_heights(first, second, there, at)?;
    }
    // Where the new epoch decided the same proposal again, or nothing at this height, nobody need have lied.
    let decided_otherwise = lower.height == higher.height && lower.proposal != higher.proposal;
    let history = |head: &CertifiedHeader, other: &CertifiedHeader, ended: Option<&EndedBy>| {
        // Two blocks of the epoch that ended say nothing of what its validators had when they stood down: only what
        // was decided after them does.
        let is_decided_after = other.header.v1().epoch > head.header.v1().epoch;
        HistoryFacts {
            head: HeadFacts::of(&head.header),
            sealed_by: sealers(head).collect(),
            given_up: ended.map(|ended| given_up_facts(ended, decided_otherwise && is_decided_after)),
        }
    };
    let of_one_epoch = lower.epoch == higher.epoch;
    Ok(TwoHistoriesFacts {
        height: lower.height,
        histories: [
            history(first, second, given_up[0]),
            history(second, first, given_up[1]),
        ],
        sealed_both: of_one_epoch.then(|| {
            let theirs: BTreeSet<_> = sealers(second).collect();
            sealers(first)
                .filter(|validator| theirs.contains(validator))
                .collect()
        }),
    })
}

/// Of one height: two blocks, the one with the lower hash first.
fn check_one_height(
    first: &CertifiedHeader,
    second: &CertifiedHeader,
    there: Option<&There>,
    at: At<'_>,
) -> Result<(), Refusal> {
    if there.is_some() {
        return refuse(
            Code::NotCanonical,
            at.field("there"),
            "both heads are of one height",
        );
    }
    let (first, second) = (first.header.hash(), second.header.hash());
    if first == second {
        return refuse(Code::SameHistory, at, "both are one block");
    }
    if first > second {
        return refuse(Code::NotCanonical, at, "the first hash is not the lower one");
    }
    Ok(())
}

/// Of two heights: the higher one's chain has another block in the lower one's place. So a committee cannot hide a split
/// by never certifying one height twice to one witness.
fn check_two_heights(
    first: &CertifiedHeader,
    second: &CertifiedHeader,
    there: Option<&There>,
    at: At<'_>,
) -> Result<(), Refusal> {
    let (lower, higher) = (first.header.v1().height.0, second.header.v1());
    if lower > higher.height.0 {
        return refuse(Code::NotCanonical, at, "the second head is not the higher one");
    }
    let Some(There { hash, path }) = there else {
        return refuse(Code::BadPath, at.field("there"), "it is missing");
    };
    if *hash == first.header.hash() {
        let reason = "the first block is part of the second's history";
        return refuse(Code::SameHistory, at.field("there"), reason);
    }
    if !is_there(&higher.chain_root, hash, lower, higher.height.0, path) {
        let reason = "it does not lead to the second's earlier headers";
        return refuse(Code::BadPath, at.field("there"), reason);
    }
    Ok(())
}

/// True if the path shows the hash as that of the header at a height, among those below another.
fn is_there(chain_root: &Digest, hash: &Digest, height: u64, below: u64, path: &[Digest]) -> bool {
    // Heights begin with 1.
    let (index, size) = (height.saturating_sub(1), below.saturating_sub(1));
    leads_to(chain_root, leaf_hash(&hash.0), index, size, path)
}

fn sealers(head: &CertifiedHeader) -> impl Iterator<Item = ValidatorIndex> {
    head.seals.iter().map(|seal| seal.validator)
}

fn given_up_facts(ended: &EndedBy, accuses: bool) -> GivenUpFacts {
    let (stood_down, lost) = if accuses {
        (ended.stood_down.clone(), ended.lost.clone())
    } else {
        (Vec::new(), Vec::new())
    };
    GivenUpFacts {
        number: ended.recovery.number,
        accused_of_stand_down: stood_down,
        accused_of_loss: lost,
    }
}
