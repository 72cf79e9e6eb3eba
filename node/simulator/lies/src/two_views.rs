//! A primary that begins its view twice: half of its peers see another quorum's view-changes, or another of its
//! own, with what follows from them.

use std::collections::BTreeMap;

use quorate_consensus::pbft::{
    Body as Pbft, Claims, NewView, Plan, PreparedCertificate, SignedClaims, View, ViewChange,
};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Certificate, Signature, ValidatorIndex};

use crate::Stage;

/// What it has heard about the highest view that anybody asked for.
#[derive(Clone, Debug, Default)]
pub struct TwoViews {
    view: View,
    heard: BTreeMap<ValidatorIndex, (Signature, ViewChange)>,
}

impl TwoViews {
    /// Keeps what others, and it itself, ask for.
    pub fn hear(&mut self, message: &Message) {
        if let Body::Pbft(Pbft::ViewChange(change)) = &message.v1().body {
            if change.claims.view > self.view {
                self.view = change.claims.view;
                self.heard.clear();
            }
            if change.claims.view == self.view {
                let said = (message.v1().signature, change.clone());
                self.heard.insert(message.v1().sender, said);
            }
        }
    }

    /// What it says to this peer in the place of a message.
    pub fn say(
        &mut self,
        stage: &impl Stage,
        own: ValidatorIndex,
        to: ValidatorIndex,
        message: &Message,
    ) -> Message {
        if message.v1().sender == own {
            self.hear(message);
        }
        let epoch = message.v1().epoch;
        match &message.v1().body {
            Body::Pbft(Pbft::NewView(new_view)) if message.v1().sender == own && !to.0.is_multiple_of(2) => {
                let empty = Claims {
                    view: new_view.view,
                    certified: quorate_crypto::Height::GENESIS,
                    prepared: Vec::new(),
                };
                let change = ViewChange {
                    claims: empty.clone(),
                    certified: None,
                    prepared: Vec::new(),
                };
                let signed = stage.sign(epoch, own, Body::Pbft(Pbft::ViewChange(change)));
                let alone = SignedClaims {
                    sender: own,
                    claims: empty,
                    signature: signed.v1().signature,
                };
                match self.other(new_view, &alone) {
                    Some(other) => stage.sign(epoch, own, Body::Pbft(Pbft::NewView(other))),
                    None => message.clone(),
                }
            }
            _ => message.clone(),
        }
    }

    /// Another new-view that proves itself, with this claim of its own in the place of the one in the first.
    fn other(&self, first: &NewView, alone: &SignedClaims) -> Option<NewView> {
        let outside = self.heard.iter().find(|(sender, (_, change))| {
            let is_in = first.view_changes.iter().any(|said| said.sender == **sender);
            change.claims.view == first.view && !is_in
        });
        let mut view_changes = first.view_changes.clone();
        match outside {
            Some((sender, (signature, change))) => {
                let place = view_changes.iter().position(|said| said.sender != alone.sender)?;
                view_changes[place] = SignedClaims {
                    sender: *sender,
                    claims: change.claims.clone(),
                    signature: *signature,
                };
            }
            None => {
                let place = view_changes.iter().position(|said| said.sender == alone.sender)?;
                view_changes[place] = alone.clone();
            }
        }
        view_changes.sort_by_key(|said| said.sender);
        let plan = Plan::of(view_changes.iter().map(|said| &said.claims));
        let certificates = self
            .heard
            .values()
            .filter_map(|(_, change)| change.certified.as_ref());
        let certificates: Vec<&Certificate> = certificates.chain(&first.certified).collect();
        let certified = certificates
            .iter()
            .find(|certificate| certificate.height() == plan.certified);
        let known = self.heard.values().flat_map(|(_, change)| &change.prepared);
        let known: Vec<&PreparedCertificate> = known.chain(&first.prepared).collect();
        let chosen = plan.heights.values().flatten();
        let prepared = chosen.filter_map(|claim| known.iter().find(|proof| proof.claim() == *claim));
        Some(NewView {
            view: first.view,
            view_changes,
            certified: certified.map(|certificate| (*certificate).clone()),
            prepared: prepared.map(|proof| (*proof).clone()).collect(),
        })
    }
}
