//! What a liar can put together: it signs with its own key, and uses what others have signed.

use std::collections::BTreeMap;

use quorate_consensus::pbft::{
    Body as Pbft, NewView, Plan, PrepareSignature, PreparedCertificate, SignedClaims, View, ViewChange,
    primary_of,
};
use quorate_consensus::{Body, Message};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, Digest, Height, Seal, Signature, ValidatorIndex,
};
use quorate_ledger::Proposal;
use quorate_simulator::{Scheme, network};

/// The liar of a model.
#[derive(Debug)]
pub(crate) struct Liar {
    pub(crate) committee: Committee,
    pub(crate) own: ValidatorIndex,
}

impl Liar {
    pub(crate) fn sign(&self, body: Pbft) -> Message {
        self.sign_any(Body::Pbft(body))
    }

    pub(crate) fn sign_any(&self, body: Body) -> Message {
        Scheme::KeyedDigest.sign_message(network(), &self.committee, self.own, body)
    }

    pub(crate) fn leads(&self, view: View) -> bool {
        primary_of(&self.committee, view) == self.own
    }

    /// A certificate of what the honest prepared, and it with them, if these are enough.
    pub(crate) fn prepared<'a>(
        &self,
        view: View,
        height: Height,
        proposal: &Proposal,
        said: impl Iterator<Item = &'a Message>,
    ) -> Option<PreparedCertificate> {
        let digest = proposal.digest();
        let primary = primary_of(&self.committee, view);
        let mut pre_prepare = None;
        let mut prepares: BTreeMap<ValidatorIndex, Signature> = BTreeMap::new();
        let own = Pbft::Prepare {
            view,
            height,
            proposal: digest,
        };
        prepares.insert(self.own, self.sign(own).v1().signature);
        if primary == self.own && *proposal != Proposal::null() {
            let proposal = proposal.clone();
            let own = Pbft::PrePrepare {
                view,
                height,
                proposal,
            };
            pre_prepare = Some(self.sign(own).v1().signature);
        }
        for message in said.map(Message::v1) {
            match &message.body {
                Body::Pbft(Pbft::PrePrepare {
                    view: of,
                    height: at,
                    proposal: is,
                }) if (*of, *at, is) == (view, height, proposal) => {
                    pre_prepare = Some(message.signature);
                }
                Body::Pbft(Pbft::Prepare {
                    view: of,
                    height: at,
                    proposal: is,
                }) if (*of, *at, *is) == (view, height, digest) => {
                    prepares.insert(message.sender, message.signature);
                }
                _ => {}
            }
        }
        if pre_prepare.is_some() {
            prepares.remove(&primary);
        }
        let wanted = self.committee.quorum() - usize::from(pre_prepare.is_some());
        if prepares.len() < wanted {
            return None;
        }
        // Its own first: the fewer others it needs, the better. Any of them will do.
        let prepares = self.own_first(prepares, wanted);
        let prepares = prepares
            .into_iter()
            .map(|(validator, signature)| PrepareSignature { validator, signature });
        Some(PreparedCertificate {
            view,
            height,
            proposal: proposal.clone(),
            pre_prepare,
            prepares: prepares.collect(),
        })
    }

    /// The certificate of a block that the honest have sealed, and it with them, if these are enough.
    pub(crate) fn certified(
        &self,
        height: Height,
        block: Digest,
        mut seals: BTreeMap<ValidatorIndex, Signature>,
    ) -> Option<Certificate> {
        let own = self.sign_any(Body::Seal { height, block });
        seals.insert(self.own, own.v1().signature);
        let wanted = self.committee.quorum();
        if seals.len() < wanted {
            return None;
        }
        let seals = self.own_first(seals, wanted).into_iter();
        let seals = seals.map(|(validator, signature)| Seal { validator, signature });
        Some(Certificate::V1(CertificateV1 {
            epoch: self.committee.epoch(),
            height,
            block,
            seals: seals.collect(),
        }))
    }

    /// So many signatures, ascending by signer: its own, and those of the first others.
    fn own_first(
        &self,
        signatures: BTreeMap<ValidatorIndex, Signature>,
        wanted: usize,
    ) -> Vec<(ValidatorIndex, Signature)> {
        let mut signatures: Vec<_> = signatures.into_iter().collect();
        signatures.sort_unstable_by_key(|(signer, _)| (*signer != self.own, *signer));
        signatures.truncate(wanted);
        signatures.sort_unstable_by_key(|(signer, _)| *signer);
        signatures
    }

    /// The new-view of these view-changes.
    pub(crate) fn new_view(&self, view: View, mut changes: Vec<&Message>) -> Message {
        changes.sort_unstable_by_key(|message| message.v1().sender);
        let contents: Vec<(&Message, &ViewChange)> = changes
            .iter()
            .filter_map(|message| view_change_of(message).map(|change| (*message, change)))
            .collect();
        let plan = Plan::of(contents.iter().map(|(_, change)| &change.claims));
        let known = contents.iter().flat_map(|(_, change)| &change.prepared);
        let chosen = plan.heights.values().flatten();
        let prepared = chosen
            .filter_map(|claim| known.clone().find(|certificate| certificate.claim() == *claim))
            .cloned()
            .collect();
        let certified = contents
            .iter()
            .find(|(_, change)| change.claims.certified == plan.certified)
            .and_then(|(_, change)| change.certified.clone());
        let signed = contents.iter().map(|(message, change)| SignedClaims {
            sender: message.v1().sender,
            claims: change.claims.clone(),
            signature: message.v1().signature,
        });
        let new_view = NewView {
            view,
            view_changes: signed.collect(),
            certified,
            prepared,
        };
        self.sign(Pbft::NewView(new_view))
    }
}

pub(crate) fn view_change_of(message: &Message) -> Option<&ViewChange> {
    match &message.v1().body {
        Body::Pbft(Pbft::ViewChange(change)) => Some(change),
        _ => None,
    }
}
