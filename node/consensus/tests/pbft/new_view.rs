//! What a new view begins with, against a naive model of section 4.4.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_consensus::pbft::{Claims, Plan, PreparedClaim, View};
use quorate_crypto::{Height, sha256};

/// The paper's words, done the slow way: min-s is the latest stable checkpoint in V, max-s the highest
/// prepared sequence number in V; each number between gets the request of a prepared claim such that
/// no other claim for the number has a higher view, or null.
fn naive(claims: &[Claims]) -> BTreeMap<u64, Option<PreparedClaim>> {
    let low = claims.iter().map(|claims| claims.certified.0).max().unwrap_or(0);
    let all: Vec<PreparedClaim> = claims.iter().flat_map(|claims| claims.prepared.clone()).collect();
    let high = all.iter().map(|claim| claim.height.0).max().unwrap_or(0);
    (low + 1..=high)
        .map(|height| {
            let of_height: Vec<_> = all.iter().filter(|claim| claim.height.0 == height).collect();
            let best = of_height
                .iter()
                .find(|claim| of_height.iter().all(|other| other.view <= claim.view))
                .map(|claim| **claim);
            (height, best)
        })
        .collect()
}

/// Claims as verified view-changes have them: in one view, one proposal at most was prepared.
fn any_claims() -> impl Strategy<Value = Claims> {
    let claim = (1..12u64, 0..5u64);
    (0..6u64, proptest::collection::btree_map(1..12u64, claim, 0..8)).prop_map(|(certified, prepared)| {
        Claims {
            view: View(5),
            certified: Height(certified),
            prepared: prepared
                .into_iter()
                .filter(|(height, _)| *height > certified)
                .map(|(height, (_, view))| PreparedClaim {
                    height: Height(height),
                    view: View(view),
                    proposal: sha256(&[u8::try_from(height).unwrap(), u8::try_from(view).unwrap()]),
                })
                .collect(),
        }
    })
}

proptest! {
    #[test]
    fn pitfall_03_the_plan_is_the_papers(claims in proptest::collection::vec(any_claims(), 1..6)) {
        let plan = Plan::of(&claims);
        let heights: BTreeMap<u64, _> = plan.heights.iter().map(|(height, claim)| (height.0, *claim)).collect();
        prop_assert_eq!(heights, naive(&claims));
    }

    #[test]
    fn the_plan_does_not_depend_on_the_order(mut claims in proptest::collection::vec(any_claims(), 1..6)) {
        let plan = Plan::of(&claims);
        claims.reverse();
        prop_assert_eq!(plan, Plan::of(&claims));
    }
}
