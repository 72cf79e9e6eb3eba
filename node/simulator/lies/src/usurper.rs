//! A replica that begins views of its own accord, on proofs that prove nothing, and proposes in them
//! what was not prepared.

use quorate_consensus::pbft::{Body as Pbft, Claims, NewView, Replica, SignedClaims, View, ViewChange};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Epoch, Height, ValidatorIndex};
use quorate_ledger::Proposal;

use crate::Stage;

/// How many heights it proposes anew.
const HEIGHTS: u64 = 2;

/// What it says to seize the next view that it may lead: a new-view, proposals, and its votes for them.
pub fn usurp(stage: &mut impl Stage, epoch: Epoch, own: ValidatorIndex, engine: &Replica) -> Vec<Message> {
    let size = stage.committee().size() as u64;
    let next = engine.view().next().0;
    let view = View(next + (u64::from(own.0) + size - next % size) % size);
    let alone = claims_of(stage, (epoch, own), own, view);
    let view_changes = match stage.random().between(0, 2) {
        0 => Vec::new(),
        1 => vec![alone; stage.committee().quorum()],
        _ => {
            let all: Vec<ValidatorIndex> = stage.committee().indices().collect();
            let claims = all
                .into_iter()
                .map(|victim| claims_of(stage, (epoch, own), victim, view));
            claims.collect()
        }
    };
    let new_view = NewView {
        view,
        view_changes,
        certified: None,
        prepared: Vec::new(),
    };
    let mut said = vec![Pbft::NewView(new_view)];
    let certified = engine.certified().0;
    for height in (certified..certified.saturating_add(HEIGHTS)).map(|height| Height(height + 1)) {
        let null = Proposal::null();
        let proposal = null.digest();
        said.push(Pbft::PrePrepare {
            view,
            height,
            proposal: null,
        });
        said.push(Pbft::Commit {
            view,
            height,
            proposal,
        });
    }
    said.into_iter()
        .map(|body| stage.sign(epoch, own, Body::Pbft(body)))
        .collect()
}

/// Claims of nothing, in the name of `victim`, signed by the liar.
fn claims_of(
    stage: &impl Stage,
    (epoch, own): (Epoch, ValidatorIndex),
    victim: ValidatorIndex,
    view: View,
) -> SignedClaims {
    let claims = Claims {
        view,
        certified: Height::GENESIS,
        prepared: Vec::new(),
    };
    let change = ViewChange {
        claims: claims.clone(),
        certified: None,
        prepared: Vec::new(),
    };
    let signed = stage.sign(epoch, own, Body::Pbft(Pbft::ViewChange(change)));
    SignedClaims {
        sender: victim,
        claims,
        signature: signed.v1().signature,
    }
}
