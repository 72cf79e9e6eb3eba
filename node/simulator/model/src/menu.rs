//! What the liar of a model may say, given what the honest have said: it signs with its own key, and puts
//! together what others have signed.

use std::sync::Arc;

use quorate_consensus::pbft::{Body as Pbft, Claims, Plan, PreparedCertificate, View, ViewChange};
use quorate_consensus::{Body, Message};
use quorate_crypto::Height;
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
                if self.liar.leads(view) {
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
            let leads = self.liar.leads(view);
            if leads && *proposal != Proposal::null() {
                let proposal = proposal.clone();
                menu.push(self.liar.sign(Pbft::PrePrepare {
                    view,
                    height,
                    proposal,
                }));
            }
            let proposal = proposal.digest();
            menu.push(self.liar.sign(Pbft::Prepare {
                view,
                height,
                proposal,
            }));
            menu.push(self.liar.sign(Pbft::Commit {
                view,
                height,
                proposal,
            }));
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
            self.liar.sign(Pbft::ViewChange(change))
        };
        claims.map(change).collect()
    }

    fn certificate(&self, view: View, proposal: &Proposal, said: &[u32]) -> Option<PreparedCertificate> {
        let said = said.iter().map(|number| self.message(*number));
        self.liar.prepared(view, HEIGHT, proposal, said)
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
                    add(self.liar.new_view(view, all));
                }
            }
            if chosen.len() >= quorum {
                add(self.liar.new_view(view, chosen));
            }
        }
        menu.push(self.liar.new_view(view, Vec::new()));
        menu.push(self.liar.new_view(view, vec![&own[0]; quorum]));
    }
}
