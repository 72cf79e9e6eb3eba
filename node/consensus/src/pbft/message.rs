//! What replicas of PBFT say to each other.
//!
//! A pre-prepare signs the digest of its proposal, which travels beside it, and a view-change signs
//! its claims, whose proofs travel beside it. So whoever needs a signature as a proof needs neither
//! the proposals nor the proofs that others gave for the same thing.

use std::collections::BTreeMap;
use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height, Signature, Tag, ValidatorIndex};
use quorate_ledger::{Proposal, encode};
use serde::{Deserialize, Serialize};

use super::certificate::PreparedCertificate;
use crate::contract::MAX_WINDOW;
use crate::message::{SignatureScheme, Unverified, verify_certificate};

/// A reign of one primary, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct View(pub u64);

/// A message of PBFT. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// The primary proposes what a height is to be (section 4.2). Counts as its prepare.
    PrePrepare {
        /// The primary's view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal; its digest is what is signed.
        proposal: Proposal,
    },
    /// The sender has the proposal and its batches, durably, and accepts it.
    Prepare {
        /// The view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// The sender holds a prepared certificate for the proposal, durably.
    Commit {
        /// The view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// The sender sees no progress in this view. Binds nobody and need not be durable.
    Complaint {
        /// The view complained about.
        view: View,
    },
    /// The sender votes no more below a view, and says what it has prepared (section 4.4).
    ViewChange(ViewChange),
    /// The primary of a view begins it, with the proof of what must be proposed again.
    NewView(NewView),
}

/// Claims of a replica that moves to a view, with their proofs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ViewChange {
    /// What is signed.
    pub claims: Claims,
    /// The certificate of the claimed height, none at the epoch's start.
    pub certified: Option<Certificate>,
    /// A certificate for each of the prepared claims, in their order.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_WINDOW>")]
    pub prepared: Vec<PreparedCertificate>,
}

/// What a view-change signs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claims {
    /// The view that the sender moves to.
    pub view: View,
    /// The last height that it has certified and applied.
    pub certified: Height,
    /// What it has prepared above that, highest view only, ascending by height.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_WINDOW>")]
    pub prepared: Vec<PreparedClaim>,
}

/// A height that was prepared, without the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreparedClaim {
    /// The height.
    pub height: Height,
    /// The view in which it was prepared.
    pub view: View,
    /// The proposal's digest.
    pub proposal: Digest,
}

/// A quorum of view-changes, and the proofs of those claims that matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewView {
    /// The view that begins.
    pub view: View,
    /// A quorum of view-changes for it, ascending by sender.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub view_changes: Vec<SignedClaims>,
    /// The certificate of the highest height claimed certified, none at the epoch's start.
    pub certified: Option<Certificate>,
    /// The certificates of what [`Plan::of`] chooses to be proposed again, ascending by height.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_WINDOW>")]
    pub prepared: Vec<PreparedCertificate>,
}

/// One view-change without its proofs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedClaims {
    /// Who signed it.
    pub sender: ValidatorIndex,
    /// What it claims.
    pub claims: Claims,
    /// The view-change's signature.
    pub signature: Signature,
}

/// What a new view begins with: a pure function of a quorum of view-changes (section 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The highest height claimed certified.
    pub certified: Height,
    /// For each height after it, up to the highest that anyone prepared: the claim of the highest
    /// view, or none where nobody prepared anything and the null proposal takes the place.
    pub heights: BTreeMap<Height, Option<PreparedClaim>>,
}

impl Plan {
    /// What follows from these claims.
    pub fn of<'a>(claims: impl IntoIterator<Item = &'a Claims>) -> Self {
        let mut certified = if breaks!(BaseLowered) {
            Height(u64::MAX)
        } else {
            Height::GENESIS
        };
        let mut best: BTreeMap<Height, PreparedClaim> = BTreeMap::new();
        for claims in claims {
            certified = match breaks!(BaseLowered) {
                true => certified.min(claims.certified),
                false => certified.max(claims.certified),
            };
            for claim in &claims.prepared {
                best.entry(claim.height)
                    .and_modify(|chosen| {
                        let better = match breaks!(LowestPrepared) {
                            true => claim.view < chosen.view,
                            false => claim.view > chosen.view,
                        };
                        if better {
                            *chosen = *claim;
                        }
                    })
                    .or_insert(*claim);
            }
        }
        let mut heights = BTreeMap::new();
        if let Some((&top, _)) = best.last_key_value() {
            for height in certified.0.saturating_add(1)..=top.0 {
                heights.insert(Height(height), best.get(&Height(height)).copied());
            }
        }
        Self { certified, heights }
    }
}

impl Body {
    /// The tag under which this is signed.
    pub fn domain(&self) -> Tag {
        match self {
            Self::PrePrepare { .. } => Tag::PBFT_PRE_PREPARE,
            Self::Prepare { .. } => Tag::PBFT_PREPARE,
            Self::Commit { .. } => Tag::PBFT_COMMIT,
            Self::Complaint { .. } => Tag::PBFT_COMPLAINT,
            Self::ViewChange(_) => Tag::PBFT_VIEW_CHANGE,
            Self::NewView(_) => Tag::PBFT_NEW_VIEW,
        }
    }

    /// The content that is signed: names the network and the epoch.
    pub fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        match self {
            Self::PrePrepare {
                view,
                height,
                proposal,
            } => vote_bytes(network, epoch, *view, *height, proposal.digest()),
            Self::Prepare {
                view,
                height,
                proposal,
            }
            | Self::Commit {
                view,
                height,
                proposal,
            } => vote_bytes(network, epoch, *view, *height, *proposal),
            Self::Complaint { view } => encode(&(network, epoch, view)),
            Self::ViewChange(change) => change.claims.signed_bytes(network, epoch),
            Self::NewView(new_view) => encode(&(network, epoch, new_view)),
        }
    }

    /// The height that this is about, if it is about one.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::PrePrepare { height, .. } | Self::Prepare { height, .. } | Self::Commit { height, .. } => {
                Some(*height)
            }
            Self::Complaint { .. } | Self::ViewChange(_) | Self::NewView(_) => None,
        }
    }

    /// The view that this is about.
    pub fn view(&self) -> View {
        match self {
            Self::PrePrepare { view, .. }
            | Self::Prepare { view, .. }
            | Self::Commit { view, .. }
            | Self::Complaint { view } => *view,
            Self::ViewChange(change) => change.claims.view,
            Self::NewView(new_view) => new_view.view,
        }
    }

    pub(crate) fn must_be_durable(&self) -> bool {
        !matches!(self, Self::Complaint { .. })
    }

    pub(crate) fn verify_inside(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        match self {
            Self::PrePrepare { .. } | Self::Prepare { .. } | Self::Commit { .. } | Self::Complaint { .. } => {
                Ok(())
            }
            Self::ViewChange(change) => change.verify_inside(network, committee, scheme),
            Self::NewView(new_view) => new_view.verify_inside(network, committee, scheme),
        }
    }
}

/// What pre-prepares, prepares and commits sign, each under a tag of its own.
pub(crate) fn vote_bytes(
    network: Digest,
    epoch: Epoch,
    view: View,
    height: Height,
    proposal: Digest,
) -> Vec<u8> {
    encode(&(network, epoch, view, height, proposal))
}

impl Claims {
    pub(crate) fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        encode(&(network, epoch, self))
    }

    /// Whether the claims can be an honest replica's: heights ascend within one window above the
    /// certified one, and views are below the one moved to.
    fn is_well_formed(&self) -> bool {
        let within = |claim: &PreparedClaim| {
            claim.view < self.view
                && claim.height > self.certified
                && claim.height.0 - self.certified.0 <= MAX_WINDOW as u64
        };
        self.prepared.iter().all(within) && self.prepared.is_sorted_by(|a, b| a.height < b.height)
    }
}

impl ViewChange {
    fn verify_inside(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        let claims = &self.claims;
        if !claims.is_well_formed()
            || !self
                .prepared
                .iter()
                .map(PreparedCertificate::claim)
                .eq(claims.prepared.iter().copied())
        {
            return Err(Unverified::Inconsistent);
        }
        verify_watermark(&self.certified, claims.certified, network, committee, scheme)?;
        for certificate in &self.prepared {
            certificate.verify(network, committee, scheme)?;
        }
        Ok(())
    }
}

impl NewView {
    /// What the view begins with.
    pub fn plan(&self) -> Plan {
        Plan::of(self.view_changes.iter().map(|change| &change.claims))
    }

    fn verify_inside(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        if breaks!(NewViewUnchecked) {
            return Ok(());
        }
        let changes = &self.view_changes;
        let fits = |change: &SignedClaims| change.claims.view == self.view && change.claims.is_well_formed();
        if changes.len() < committee.quorum()
            || !(changes.is_sorted_by(|a, b| a.sender < b.sender) || breaks!(SendersCountedTwice))
            || !changes.iter().all(fits)
        {
            return Err(Unverified::Inconsistent);
        }
        let plan = self.plan();
        let chosen = plan.heights.values().flatten().copied();
        if plan.heights.len() > MAX_WINDOW || !self.prepared.iter().map(PreparedCertificate::claim).eq(chosen)
        {
            return Err(Unverified::Inconsistent);
        }
        for change in changes {
            let signer = change.sender;
            let key = committee
                .key(signer)
                .ok_or(Unverified::UnknownSender { sender: signer })?;
            let content = change.claims.signed_bytes(network, committee.epoch());
            if !scheme.verify(key, Tag::PBFT_VIEW_CHANGE, &content, &change.signature) {
                return Err(Unverified::BadSignature { signer });
            }
        }
        verify_watermark(&self.certified, plan.certified, network, committee, scheme)?;
        for certificate in &self.prepared {
            certificate.verify(network, committee, scheme)?;
        }
        Ok(())
    }
}

/// Checks that `certificate` proves `height`. That none is given only for the epoch's start is for
/// the engine to check, which knows where the epoch starts.
fn verify_watermark(
    certificate: &Option<Certificate>,
    height: Height,
    network: Digest,
    committee: &Committee,
    scheme: &impl SignatureScheme,
) -> Result<(), Unverified> {
    match certificate {
        None => Ok(()),
        Some(certificate) if certificate.height() == height => {
            verify_certificate(certificate, network, committee, scheme)
        }
        Some(_) => Err(Unverified::Inconsistent),
    }
}

impl View {
    /// The view after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
