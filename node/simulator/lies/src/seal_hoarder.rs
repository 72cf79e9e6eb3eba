//! A replica that votes, and keeps its seals for itself: where they are needed for a certificate, it alone has
//! that. It serves nobody with its blocks, or one validator alone, and asks for the next view as soon as one
//! begins, on the ground of the highest of its certificates: what is below counts as settled then, though
//! nobody honest can show it.

use std::collections::BTreeSet;

use quorate_consensus::pbft::{Body as Pbft, Claims, View, ViewChange};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Certificate, Epoch, Height, ValidatorIndex};

/// So often it looks whether it still certifies more, before it speaks.
const PATIENCE: u32 = 3;

/// What it knows of others, and what it says again and again.
#[derive(Clone, Debug, Default)]
pub struct SealHoarder {
    /// The commits that each validator was told: nobody who forgets one is told again.
    told: BTreeSet<(ValidatorIndex, View, Height)>,
    /// The highest height that anybody else says to have certified.
    others: Height,
    /// The highest height that it has certified itself, and how often that was the highest.
    own: (Height, u32),
    /// Its view-change for the view after the current one.
    said: Option<(Epoch, ViewChange)>,
}

impl SealHoarder {
    /// Learns what others say to have certified.
    pub fn hear(&mut self, message: &Message) {
        if let Body::Status(status) = &message.v1().body {
            self.others = self.others.max(status.certified);
        }
    }

    /// What it says to this peer in the place of a message: its votes, once, and no proposals where it has replaced
    /// somebody.
    pub fn say(&mut self, own: ValidatorIndex, to: ValidatorIndex, message: &Message) -> Vec<Message> {
        let is_own = message.v1().sender == own;
        let kept_back = match &message.v1().body {
            Body::Seal { .. } | Body::Status(_) => true,
            Body::Pbft(Pbft::PrePrepare { view, .. }) => *view > View(0),
            Body::Pbft(Pbft::Commit { view, height, .. }) => !self.told.insert((to, *view, *height)),
            _ => false,
        };
        match is_own && !kept_back {
            true => vec![message.clone()],
            false => Vec::new(),
        }
    }

    /// The view-change for the view after this one, once it has certified what others have not, and two heights
    /// at least: the seals of the highest are in the view-change.
    pub fn next_view_change(&mut self, epoch: Epoch, view: View, certificate: &Certificate) -> Option<Body> {
        let next = view.next();
        let is_said = |(of, change): &(Epoch, ViewChange)| (*of, change.claims.view) == (epoch, next);
        let (height, times) = self.own;
        let again = if height == certificate.height() {
            times + 1
        } else {
            0
        };
        self.own = (certificate.height(), again);
        let hoards = certificate.height().0 >= self.others.0 + 2 && again >= PATIENCE;
        if !self.said.as_ref().is_some_and(is_said) && hoards {
            let claims = Claims {
                view: next,
                certified: certificate.height(),
                prepared: Vec::new(),
            };
            let change = ViewChange {
                claims,
                certified: Some(certificate.clone()),
                prepared: Vec::new(),
            };
            self.said = Some((epoch, change));
        }
        let said = self.said.as_ref().filter(|said| is_said(said));
        said.map(|(_, change)| Body::Pbft(Pbft::ViewChange(change.clone())))
    }
}
