//! A replica that keeps what it saw prepared first for each height, votes on nothing, and brings it up in
//! later view changes, as if nothing had happened since.

use std::collections::BTreeMap;

use quorate_consensus::pbft::{Body as Pbft, PreparedCertificate};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Height, ValidatorIndex};

use crate::Stage;

/// The certificates of the lowest view that it has seen.
#[derive(Clone, Debug, Default)]
pub struct Hoarder {
    first: BTreeMap<Height, PreparedCertificate>,
}

impl Hoarder {
    /// Keeps the first certificate of each height.
    pub fn keep(&mut self, certificate: &PreparedCertificate) {
        self.first
            .entry(certificate.height)
            .or_insert_with(|| certificate.clone());
    }

    /// What it says in the place of a message.
    pub fn say(&self, stage: &impl Stage, own: ValidatorIndex, message: &Message) -> Vec<Message> {
        match &message.v1().body {
            Body::Pbft(Pbft::Prepare { .. } | Pbft::Commit { .. }) => Vec::new(),
            Body::Pbft(Pbft::ViewChange(change)) if message.v1().sender == own => {
                // Not seen in the first view change, so that others go on without it.
                if change.claims.view.0 == 1 {
                    return Vec::new();
                }
                let mut change = change.clone();
                let from = change.claims.certified.next();
                let kept = self
                    .first
                    .range(from..)
                    .map(|(_, certificate)| certificate.clone());
                change.prepared = kept
                    .filter(|certificate| certificate.view < change.claims.view)
                    .collect();
                change.claims.prepared = change.prepared.iter().map(PreparedCertificate::claim).collect();
                let epoch = message.v1().epoch;
                vec![stage.sign(epoch, own, Body::Pbft(Pbft::ViewChange(change)))]
            }
            _ => vec![message.clone()],
        }
    }
}
