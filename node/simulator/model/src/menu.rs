//! What the liar of a model may say, given what the honest have said: it signs with its own key, and puts
//! together what others have signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_consensus::pbft::{
    Body as Pbft, Claims, NewView, Plan, PrepareSignature, PreparedCertificate, SignedClaims, View,
    ViewChange, primary_of,
};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Height, Signature, ValidatorIndex};
use quorate_ledger::Proposal;

use super::lab::Lab;

const HEIGHT: Height = Height(1);

impl Lab {
    /// The numbers of all that the liar may say.
    pub(super) fn menu(&mut self, said: &[u32]) -> Arc<Vec<u32>> {
        if let Some(menu) = self.menus.get(said) {
            return Arc::clone(menu);
        }
        let mut menu = Vec::new();
        for view in (0..=self.last_view).map(View) {
            self.votes(view, &mut menu);
            if view.0 > 0 {
                let changes = self.own_view_changes(view, said);
                menu.extend(changes.iter().cloned());
                if primary_of(&self.committee, view) == self.liar {
                    self.new_views(view, &changes, said, &mut menu);
                }
            }
        }
        menu.retain(|message| self.is_good(message));
        let mut numbers: Vec<u32> = menu.into_iter().map(|message| self.number_of(message)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let numbers = Arc::new(numbers);
        self.menus.insert(said.to_vec(), Arc::clone(&numbers));
        numbers
    }

    /// Proposals if it leads the view, and votes for anything.
    fn votes(&self, view: View, menu: &mut Vec<Message>) {
        let height = HEIGHT;
        for proposal in &self.proposals {
            let leads = primary_of(&self.committee, view) == self.liar;
            if leads && *proposal != Proposal::null() {
                let proposal = proposal.clone();
                menu.push(self.sign(
                    self.liar,
                    Pbft::PrePrepare {
                        view,
                        height,
                        proposal,
                    },
                ));
            }
            let proposal = proposal.digest();
            menu.push(self.sign(
                self.liar,
                Pbft::Prepare {
                    view,
                    height,
                    proposal,
                },
            ));
            menu.push(self.sign(
                self.liar,
                Pbft::Commit {
                    view,
                    height,
                    proposal,
                },
            ));
        }
    }

    /// View-changes that claim nothing, or any one certificate that it can have.
    fn own_view_changes(&self, view: View, said: &[u32]) -> Vec<Message> {
        let certificates = (0..view.0).flat_map(|former| {
            let known = self.proposals.iter();
            known.filter_map(move |proposal| self.certificate(View(former), proposal, said))
        });
        let claims = std::iter::once(None).chain(certificates.map(Some));
        let change = |certificate: Option<PreparedCertificate>| {
            let prepared: Vec<PreparedCertificate> = certificate.into_iter().collect();
            let claims = Claims {
                view,
                certified: Height::GENESIS,
                prepared: prepared.iter().map(PreparedCertificate::claim).collect(),
            };
            let change = ViewChange {
                claims,
                certified: None,
                prepared,
            };
            self.sign(self.liar, Pbft::ViewChange(change))
        };
        claims.map(change).collect()
    }

    /// A certificate of what the honest prepared, and it with them, if these are enough.
    fn certificate(&self, view: View, proposal: &Proposal, said: &[u32]) -> Option<PreparedCertificate> {
        let (height, digest) = (HEIGHT, proposal.digest());
        let primary = primary_of(&self.committee, view);
        let mut pre_prepare = None;
        let mut prepares: BTreeMap<ValidatorIndex, Signature> = BTreeMap::new();
        let own = Pbft::Prepare {
            view,
            height,
            proposal: digest,
        };
        prepares.insert(self.liar, self.sign(self.liar, own).v1().signature);
        if primary == self.liar && *proposal != Proposal::null() {
            let proposal = proposal.clone();
            let own = Pbft::PrePrepare {
                view,
                height,
                proposal,
            };
            pre_prepare = Some(self.sign(self.liar, own).v1().signature);
        }
        for number in said {
            let message = self.message(*number).v1();
            match &message.body {
                Body::Pbft(Pbft::PrePrepare {
                    view: of,
                    proposal: is,
                    ..
                }) if (*of, is) == (view, proposal) => {
                    pre_prepare = Some(message.signature);
                }
                Body::Pbft(Pbft::Prepare {
                    view: of,
                    proposal: is,
                    ..
                }) if (*of, *is) == (view, digest) => {
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
        let mut signers: Vec<_> = prepares.into_iter().collect();
        signers.sort_unstable_by_key(|(signer, _)| (*signer != self.liar, *signer));
        signers.truncate(wanted);
        signers.sort_unstable_by_key(|(signer, _)| *signer);
        let prepares = signers
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

    /// New-views of quorums of view-changes that it can have, one for each plan that follows, and some that
    /// prove nothing.
    fn new_views(&self, view: View, own: &[Message], said: &[u32], menu: &mut Vec<Message>) {
        let mut plans: Vec<Plan> = Vec::new();
        let mut add = |message: Message| {
            if let Body::Pbft(Pbft::NewView(new_view)) = &message.v1().body
                && !plans.contains(&new_view.plan())
            {
                plans.push(new_view.plan());
                menu.push(message);
            }
        };
        let of_view = |message: &&Message| matches!(&message.v1().body, Body::Pbft(Pbft::ViewChange(change)) if change.claims.view == view);
        let others: Vec<&Message> = said
            .iter()
            .map(|number| self.message(*number))
            .filter(of_view)
            .collect();
        let quorum = self.committee.quorum();
        for mask in 0_u32..1 << others.len() {
            let chosen = others
                .iter()
                .enumerate()
                .filter(|(place, _)| mask & (1 << place) != 0);
            let chosen: Vec<&Message> = chosen.map(|(_, message)| *message).collect();
            if chosen.len() + 1 >= quorum {
                for change in own {
                    let mut all = chosen.clone();
                    all.push(change);
                    add(self.new_view(view, all));
                }
            }
            if chosen.len() >= quorum {
                add(self.new_view(view, chosen));
            }
        }
        menu.push(self.new_view(view, Vec::new()));
        menu.push(self.new_view(view, vec![&own[0]; quorum]));
    }

    fn new_view(&self, view: View, mut changes: Vec<&Message>) -> Message {
        changes.sort_unstable_by_key(|message| message.v1().sender);
        let contents: Vec<(&Message, &ViewChange)> = changes
            .iter()
            .filter_map(|message| match &message.v1().body {
                Body::Pbft(Pbft::ViewChange(change)) => Some((*message, change)),
                _ => None,
            })
            .collect();
        let plan = Plan::of(contents.iter().map(|(_, change)| &change.claims));
        let known = contents.iter().flat_map(|(_, change)| &change.prepared);
        let chosen = plan.heights.values().flatten();
        let prepared = chosen
            .filter_map(|claim| known.clone().find(|certificate| certificate.claim() == *claim))
            .cloned()
            .collect();
        let signed = contents.iter().map(|(message, change)| SignedClaims {
            sender: message.v1().sender,
            claims: change.claims.clone(),
            signature: message.v1().signature,
        });
        let new_view = NewView {
            view,
            view_changes: signed.collect(),
            certified: None,
            prepared,
        };
        self.sign(self.liar, Pbft::NewView(new_view))
    }
}
