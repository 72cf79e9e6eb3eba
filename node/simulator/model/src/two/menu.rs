//! What can reach a replica in each stage, and what the liar has to say there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use quorate_consensus::pbft::{Claims, PreparedCertificate, ViewChange};

/// A kind of vote of the liar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lie {
    Prepare,
    Commit,
    Seal,
}

impl Lab {
    /// The number of a vote or seal of the liar.
    fn lie(&mut self, lie: Lie, view: View, height: Height, digest: Digest) -> u32 {
        let key = (lie, view, height, digest);
        if let Some(number) = self.lies.get(&key) {
            return *number;
        }
        let proposal = digest;
        let message = match lie {
            Lie::Prepare => self.liar.sign(Pbft::Prepare {
                view,
                height,
                proposal,
            }),
            Lie::Commit => self.liar.sign(Pbft::Commit {
                view,
                height,
                proposal,
            }),
            Lie::Seal => self.liar.sign_any(Body::Seal {
                height,
                block: digest,
            }),
        };
        let number = self.messages.number_of_message(message);
        self.lies.insert(key, number);
        number
    }

    /// What can reach a replica in its turn, the most first.
    pub(super) fn causes(&mut self, situation: &Situation, place: usize) -> Vec<(String, Cause)> {
        let Moment { view, stage, .. } = situation.moment;
        let said = &situation.said;
        let number = situation.replicas[place];
        let view = View(view);
        let nothing = ("nothing".to_owned(), Cause::Messages(Vec::new()));
        match stage {
            Stage::Enter => {
                let offered = self.new_views(view, said);
                let enters = |number: &u32| (format!("new-view {number}"), Cause::Messages(vec![*number]));
                offered.iter().map(enters).chain([nothing]).collect()
            }
            Stage::Accept => self.proposals_of_liar(view, place),
            Stage::Commit => {
                let heights = [vec![1, 2], vec![1], vec![2]];
                let of = |heights: Vec<u64>| {
                    let messages = heights
                        .iter()
                        .flat_map(|height| self.prepares(view, Height(*height), place, said));
                    let messages: Vec<u32> = messages.collect();
                    (format!("{heights:?}"), Cause::Messages(messages))
                };
                let visible = heights.map(of);
                self.visible(place, number, visible.into(), nothing)
            }
            Stage::Decide => {
                let first = self.commits(Height(1), place, said);
                let second = self.commits(Height(2), place, said);
                let mut causes = Vec::new();
                for first in &first {
                    for second in &second {
                        let both = [first.as_slice(), second].concat();
                        causes.push(("[1, 2]".to_owned(), Cause::Messages(both)));
                    }
                }
                let one = |commits: Vec<u32>, words: &str| (words.to_owned(), Cause::Messages(commits));
                causes.extend(first.into_iter().map(|commits| one(commits, "[1]")));
                causes.extend(second.into_iter().map(|commits| one(commits, "[2]")));
                self.visible(place, number, causes, nothing)
            }
            Stage::Certify => self.certifying(place, number, said, nothing),
            Stage::Restart => {
                let mut causes = vec![nothing];
                if situation.restarts > 0 {
                    causes.push(("with its blocks".to_owned(), Cause::Restart { keeps: true }));
                    if self.local(number).certified() > Height::GENESIS {
                        causes.push(("without blocks".to_owned(), Cause::Restart { keeps: false }));
                    }
                }
                causes
            }
            Stage::Leave | Stage::Over => Vec::new(),
        }
    }

    /// Those of which something comes that others could notice, and nothing.
    fn visible(
        &mut self,
        place: usize,
        number: u32,
        causes: Vec<(String, Cause)>,
        nothing: (String, Cause),
    ) -> Vec<(String, Cause)> {
        let mut visible = Vec::new();
        for (words, cause) in causes {
            let before = self.local(number).certified();
            let outcome = self.play(place, number, cause.clone());
            let rises = self.local(outcome.next).certified() > before;
            if !outcome.says.is_empty() || !outcome.decides.is_empty() || rises {
                visible.push((words, cause));
            }
        }
        visible.push(nothing);
        visible
    }

    /// A lying primary's proposals: one of two at each height.
    fn proposals_of_liar(&mut self, view: View, place: usize) -> Vec<(String, Cause)> {
        let mut causes = Vec::new();
        for first in 0..2 {
            for second in 0..2 {
                let pre_prepare = |height: Height, choice: usize| {
                    let proposal = self.choices(height)[choice].clone();
                    self.liar.sign(Pbft::PrePrepare {
                        view,
                        height,
                        proposal,
                    })
                };
                let messages = [pre_prepare(Height(1), first), pre_prepare(Height(2), second)];
                let numbers = messages.map(|message| self.messages.number_of_message(message));
                causes.push((format!("{first} {second}"), Cause::Messages(numbers.into())));
                if view == View(0) && place == 0 {
                    return causes;
                }
            }
        }
        causes
    }

    /// The prepares for what a replica has accepted in this view.
    fn prepares(&mut self, view: View, height: Height, place: usize, said: &[u32]) -> Vec<u32> {
        let own = self.honest[place];
        let accepted = said.iter().map(|number| self.message(*number).v1());
        let accepted = accepted.filter(|message| message.sender == own);
        let mut digest = accepted.filter_map(|message| match &message.body {
            Body::Pbft(Pbft::Prepare {
                view: of,
                height: at,
                proposal,
            }) if (*of, *at) == (view, height) => Some(*proposal),
            Body::Pbft(Pbft::PrePrepare {
                view: of,
                height: at,
                proposal,
            }) if (*of, *at) == (view, height) => Some(proposal.digest()),
            _ => None,
        });
        let Some(proposal) = digest.next_back() else {
            return Vec::new();
        };
        let body = Pbft::Prepare {
            view,
            height,
            proposal,
        };
        let mut prepares = vec![self.lie(Lie::Prepare, view, height, proposal)];
        let others = said.iter().filter(|number| {
            let message = self.message(**number).v1();
            message.sender != own && message.body == Body::Pbft(body.clone())
        });
        prepares.extend(others);
        prepares
    }

    /// The commits for each thing that enough have committed at a height.
    fn commits(&mut self, height: Height, place: usize, said: &[u32]) -> Vec<Vec<u32>> {
        let mut groups: BTreeMap<(View, Digest), Vec<u32>> = BTreeMap::new();
        for number in said {
            if let Body::Pbft(Pbft::Commit {
                view,
                height: at,
                proposal,
            }) = &self.message(*number).v1().body
                && *at == height
            {
                groups.entry((*view, *proposal)).or_default().push(*number);
            }
        }
        let own = self.honest[place];
        groups.retain(|_, commits| commits.len() + 1 >= self.committee.quorum());
        let mut all = Vec::new();
        for ((view, proposal), mut commits) in groups {
            commits.retain(|number| self.message(*number).v1().sender != own);
            commits.insert(0, self.lie(Lie::Commit, view, height, proposal));
            all.push(commits);
        }
        all
    }

    /// Certifies as many heights as it can, and less.
    fn certifying(
        &mut self,
        place: usize,
        number: u32,
        said: &[u32],
        nothing: (String, Cause),
    ) -> Vec<(String, Cause)> {
        let seals = self.seals_by_height(said, self.honest[place]);
        let both = seals.iter().flatten().copied().collect();
        let hoard = self.hoard(said);
        let blocks = self.blocks_up_to(number, LAST_HEIGHT, &hoard);
        let mut causes = vec![
            ("both".to_owned(), Cause::Messages(both)),
            ("the first".to_owned(), Cause::Messages(seals[0].clone())),
        ];
        // Whoever has executed a height needs no block.
        if self
            .local(number)
            .block(self.local(number).certified().next())
            .is_none()
        {
            for count in (1..=blocks.len()).rev() {
                causes.push((
                    format!("by {count} blocks"),
                    Cause::Blocks(blocks[..count].to_vec()),
                ));
            }
        }
        self.visible(place, number, causes, nothing)
    }

    /// The seals for what the honest have sealed, with the liar's.
    fn seals_by_height(&mut self, said: &[u32], but: ValidatorIndex) -> [Vec<u32>; 2] {
        let mut all = [Vec::new(), Vec::new()];
        let sealed: BTreeSet<(Height, Digest)> = self.seals(said).into_keys().collect();
        for (height, block) in sealed {
            let place = usize::from(height == LAST_HEIGHT);
            all[place].push(self.lie(Lie::Seal, View(0), height, block));
        }
        for number in said {
            let message = self.message(*number).v1();
            if let Body::Seal { height, .. } = message.body
                && message.sender != but
            {
                all[usize::from(height == LAST_HEIGHT)].push(*number);
            }
        }
        all
    }

    /// The view-changes of the honest to a view.
    fn view_changes(&self, view: View, said: &[u32]) -> Vec<u32> {
        let to = |number: &&u32| lab::moves_to(self.message(**number)) == Some(view);
        said.iter().filter(to).copied().collect()
    }

    /// What the liar can claim in a view-change: each height that it can show to be certified; above that, at
    /// each height, nothing or any of what it can show prepared, of each proposal the highest view.
    pub(super) fn liar_changes(&mut self, view: View, said: &[u32]) -> Arc<Vec<u32>> {
        let key = (view.0, said.to_vec());
        if let Some(changes) = self.changes.get(&key) {
            return Arc::clone(changes);
        }
        let mut options: Vec<Vec<Option<PreparedCertificate>>> = Vec::new();
        for height in [Height(1), Height(2)] {
            let mut known = vec![None];
            for proposal in &self.proposals {
                let shown = (0..view.0).rev().find_map(|former| {
                    let said = said.iter().map(|number| self.message(*number));
                    self.liar.prepared(View(former), height, proposal, said)
                });
                known.extend(shown.map(Some));
            }
            options.push(known);
        }
        let hoard = self.hoard(said);
        let mut changes = Vec::new();
        for certified in std::iter::once(None).chain(hoard.into_iter().map(Some)) {
            let base = certified.as_ref().map_or(Height::GENESIS, Certificate::height);
            for first in &options[0] {
                for second in &options[1] {
                    let prepared: Vec<PreparedCertificate> = first.iter().chain(second).cloned().collect();
                    if prepared.iter().any(|proof| proof.height <= base) {
                        continue;
                    }
                    let claims = Claims {
                        view,
                        certified: base,
                        prepared: prepared.iter().map(PreparedCertificate::claim).collect(),
                    };
                    let change = ViewChange {
                        claims,
                        certified: certified.clone(),
                        prepared,
                    };
                    changes.push(self.liar.sign(Pbft::ViewChange(change)));
                }
            }
        }
        let numbers: Vec<u32> = changes
            .into_iter()
            .map(|message| self.messages.number_of_message(message))
            .collect();
        let numbers = Arc::new(numbers);
        self.changes.insert(key, Arc::clone(&numbers));
        numbers
    }

    /// Whether the honest take this message for good.
    fn is_good(&self, message: &Message) -> bool {
        let scheme = quorate_simulator::Scheme::KeyedDigest;
        let verified = message
            .clone()
            .verify(quorate_simulator::network(), &self.committee, &scheme);
        verified.is_ok()
    }

    /// The view-changes that with its own make a quorum at a view's primary: of the two others, or of one of them
    /// and the liar.
    pub(super) fn quorums(&mut self, view: View, place: usize, said: &[u32]) -> Vec<Vec<u32>> {
        let own = self.honest[place];
        let mut others = self.view_changes(view, said);
        others.retain(|number| self.message(*number).v1().sender != own);
        let lies = self.liar_changes(view, said);
        let mut quorums = vec![others.clone()];
        for other in others {
            quorums.extend(lies.iter().map(|lie| vec![*lie, other]));
        }
        quorums
    }

    /// The new-views that a lying primary can show, one for each plan.
    fn new_views(&mut self, view: View, said: &[u32]) -> Vec<u32> {
        let honest = self.view_changes(view, said);
        let lies = self.liar_changes(view, said);
        let mut sets = vec![honest.clone()];
        for without in 0..honest.len() {
            let mut two = honest.clone();
            two.remove(without);
            sets.extend(lies.iter().map(|lie| [two.as_slice(), &[*lie]].concat()));
        }
        let mut plans: Vec<Plan> = Vec::new();
        let mut new_views = Vec::new();
        for set in sets {
            let changes = set.iter().map(|number| self.message(*number)).collect();
            let message = self.liar.new_view(view, changes);
            let Body::Pbft(Pbft::NewView(new_view)) = &message.v1().body else {
                continue;
            };
            let plan = new_view.plan();
            if !plans.contains(&plan) && self.is_good(&message) {
                plans.push(plan);
                new_views.push(self.messages.number_of_message(message));
            }
        }
        new_views
    }

    /// The new-view by which an honest primary began a view, and what it begins with.
    pub(super) fn new_view_of(&self, view: View, said: &[u32]) -> Option<(u32, Plan)> {
        said.iter()
            .find_map(|number| match &self.message(*number).v1().body {
                Body::Pbft(Pbft::NewView(new_view)) if new_view.view == view => {
                    Some((*number, new_view.plan()))
                }
                _ => None,
            })
    }

    /// An honest primary's proposals of this view reach a replica.
    pub(super) fn hear_proposals(&mut self, view: u64, place: usize, situation: &mut Situation) {
        let fresh = |number: &&u32| match &self.message(**number).v1().body {
            Body::Pbft(body @ Pbft::PrePrepare { .. }) => body.view().0 == view,
            _ => false,
        };
        let fresh: Vec<u32> = situation.said.iter().filter(fresh).copied().collect();
        let own = self.honest[place];
        let own = fresh
            .iter()
            .any(|number| self.message(*number).v1().sender == own);
        if !fresh.is_empty() && !own {
            let outcome = self.play(place, situation.replicas[place], Cause::Messages(fresh));
            situation.take(place, &outcome);
        }
    }

    /// All honest replicas leave a view: by their timers and the liar's complaint or, where nothing is owed, as f + 1
    /// others do.
    pub(super) fn all_leave(&mut self, view: View, situation: &mut Situation) {
        let complaint = self.liar.sign(Pbft::Complaint { view });
        let complaint = self.messages.number_of_message(complaint);
        let waited_for = self.view_changes(view, &situation.said);
        let mut order: Vec<usize> = (0..3).collect();
        // The primary of a view that has not begun would begin it now; it joins the others.
        order.sort_by_key(|place| self.honest[*place] == primary_of(&self.committee, view));
        for place in order.clone() {
            let number = situation.replicas[place];
            let replica = &self.local(number).replica;
            let begun = replica.has_begun();
            if replica.view() > view || (!begun && self.honest[place] == primary_of(&self.committee, view)) {
                continue;
            }
            if !begun {
                let outcome = self.play(place, number, Cause::Messages(waited_for.clone()));
                situation.take(place, &outcome);
            }
            let complaints = if begun { vec![complaint] } else { Vec::new() };
            let number = situation.replicas[place];
            let outcome = self.play(place, number, Cause::Timeout(view, complaints));
            situation.take(place, &outcome);
        }
        for place in order {
            let number = situation.replicas[place];
            if self.local(number).replica.view() > view {
                continue;
            }
            let mut messages = self.view_changes(view.next(), &situation.said);
            messages.push(complaint);
            let outcome = self.play(place, number, Cause::Messages(messages));
            situation.take(place, &outcome);
        }
    }

    /// Whether of everything that somebody honest has sealed f + 1 have the proof that it was prepared, or its
    /// certified block, on disk.
    pub(super) fn are_held(&self, replicas: &[u32; 3], said: &[u32]) -> bool {
        self.seals(said).into_keys().all(|(height, block)| {
            let proposal = self.proposal_of(block);
            let holders = replicas
                .iter()
                .filter(|number| self.local(**number).holds(height, proposal));
            holders.count() >= self.committee.weak_quorum()
        })
    }

    pub(super) fn are_certified(&self, replicas: &[u32; 3]) -> bool {
        let certified = |number: &u32| self.local(*number).certified() >= LAST_HEIGHT;
        replicas.iter().all(certified)
    }
}
