//! The replicas and messages of a model, numbered, and what messages do to replicas, remembered: few
//! replicas differ, however many situations of the network there are.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hasher;
use std::sync::Arc;

use quorate_consensus::pbft::{Body as Pbft, Replica, View, primary_of};
use quorate_consensus::{Action, Body, Config, Input, Message, Timer, Verified};
use quorate_crypto::{Committee, Digest, Engine, Height, ValidatorIndex, sha256};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};
use quorate_simulator::{Scheme, TIMING, committee, describe, network};

use crate::liar::Liar;
use crate::numbered::Numbered;

/// A replica's number.
pub type Local = u32;

/// The time of every step.
const NOW: Timestamp = Timestamp(1_000_000);

/// What delivering something to a replica makes of it.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) what: String,
    pub(super) next: Local,
    pub(super) says: Vec<u32>,
}

/// What a step of a replica came to.
#[derive(Clone, Debug)]
struct Outcome {
    next: Local,
    says: Vec<u32>,
    /// The number of a proposal.
    decides: Option<u8>,
    /// Whether it spoke, or moved to another view.
    visible: bool,
}

/// What can reach a replica at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cause {
    Messages(Vec<u32>),
    Timeout(View),
}

/// All that has come up so far.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) committee: Committee,
    pub(super) liar: Liar,
    pub(super) last_view: u64,
    /// The proposals: of the first primary, of the others, and the null proposal.
    pub(super) proposals: [Proposal; 3],
    #[cfg(broken_rules)]
    pub(super) broken: Option<quorate_consensus::broken::Rule>,
    honest: Vec<ValidatorIndex>,
    replicas: Numbered<(ValidatorIndex, u64), Replica>,
    messages: Numbered<Digest, Message>,
    outcomes: HashMap<(Local, Cause), Arc<Outcome>>,
    effects: HashMap<(Local, Vec<u32>), Arc<Vec<Effect>>>,
    pub(super) menus: HashMap<Vec<u32>, Arc<Vec<u32>>>,
}

impl Lab {
    pub(super) fn new(liar: u16, last_view: u64) -> Self {
        let committee = committee(4, Engine::Pbft);
        let liar = ValidatorIndex(liar);
        let batch = |name: &[u8]| Proposal::new(NOW, vec![sha256(name)]);
        Self {
            honest: committee
                .indices()
                .filter(|validator| *validator != liar)
                .collect(),
            liar: Liar {
                committee: committee.clone(),
                own: liar,
            },
            committee,
            last_view,
            proposals: [batch(b"first"), batch(b"second"), Proposal::null()],
            #[cfg(broken_rules)]
            broken: None,
            replicas: Numbered::new(),
            messages: Numbered::new(),
            outcomes: HashMap::new(),
            effects: HashMap::new(),
            menus: HashMap::new(),
        }
    }

    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.replicas.len(), self.messages.len())
    }

    pub(super) fn message(&self, number: u32) -> &Message {
        self.messages.get(number)
    }

    pub(super) fn sign(&self, sender: ValidatorIndex, body: Pbft) -> Message {
        Scheme::KeyedDigest.sign_message(network(), &self.committee, sender, Body::Pbft(body))
    }

    /// Whether the honest take this message for good.
    pub(super) fn is_good(&self, message: &Message) -> bool {
        self.break_rule();
        let verified = message
            .clone()
            .verify(network(), &self.committee, &Scheme::KeyedDigest);
        verified.is_ok()
    }

    #[cfg(broken_rules)]
    fn break_rule(&self) {
        quorate_consensus::broken::set(self.broken);
    }

    #[cfg(not(broken_rules))]
    #[expect(clippy::unused_self, reason = "it has a rule to break in test builds")]
    fn break_rule(&self) {}

    pub(super) fn number_of(&mut self, message: Message) -> u32 {
        self.messages.number_of_message(message)
    }

    /// The honest replicas at the beginning, and what they say at once. Each knows the batch that it
    /// would propose.
    pub(super) fn begin(&mut self) -> ([Local; 3], Vec<u32>) {
        let mut said = Vec::new();
        let locals = self.honest.clone().into_iter().map(|own| {
            self.break_rule();
            let (replica, _) = Replica::start(self.config(own));
            let batch = self.proposals[usize::from(own.0.min(1))].batches().to_vec();
            let outcome = self.settle(own, replica, Input::BatchesAvailable(batch));
            said.extend(&outcome.says);
            outcome.next
        });
        let locals: Vec<Local> = locals.collect();
        said.sort_unstable();
        (locals.try_into().expect("three of four are honest"), said)
    }

    fn config(&self, own: ValidatorIndex) -> Config {
        Config {
            network: network(),
            committee: self.committee.clone(),
            index: Some(own),
            parameters: Parameters::V1(ParametersV1 {
                window: 1,
                ..ParametersV1::default()
            }),
            epoch_start: Height::GENESIS,
            epoch_end: None,
            certified: Height::GENESIS,
            certificate: None,
            inquiry: None,
            timing: TIMING,
        }
    }

    /// All that can happen to an honest replica, given what the honest have said.
    pub(super) fn effects(&mut self, place: usize, local: Local, said: &[u32]) -> Arc<Vec<Effect>> {
        let own = self.honest[place];
        let menu = self.menu(said);
        let others = said
            .iter()
            .filter(|number| self.message(**number).v1().sender != own);
        let mut available: Vec<u32> = others.chain(menu.iter()).copied().collect();
        available.sort_unstable();
        available.dedup();
        let key = (local, available);
        if let Some(effects) = self.effects.get(&key) {
            return Arc::clone(effects);
        }
        let mut effects = Vec::new();
        let replica = self.replicas.get(local);
        let view = replica.view();
        if replica.has_begun() && view.0 < self.last_view {
            let outcome = self.outcome(own, local, Cause::Timeout(view));
            if outcome.next != local {
                effects.push(effect(format!("{own}: times out in view {view}"), &outcome));
            }
        }
        for group in self.groups(&key.1) {
            self.minimal_sets(own, local, &group, &mut effects);
        }
        effects.retain(|effect| effect.next != local);
        let effects = Arc::new(effects);
        self.effects.insert(key, Arc::clone(&effects));
        effects
    }

    /// Messages that can only have an effect together: votes of one kind for one thing.
    fn groups(&self, available: &[u32]) -> Vec<Vec<u32>> {
        let mut groups: BTreeMap<(u8, View, Digest), Vec<u32>> = BTreeMap::new();
        let mut single = Vec::new();
        for number in available {
            let Body::Pbft(body) = &self.message(*number).v1().body else {
                continue;
            };
            let (kind, digest) = match body {
                Pbft::Prepare { proposal, .. } => (0, *proposal),
                Pbft::ViewChange(_) => (1, Digest::ZERO),
                Pbft::Commit { .. } | Pbft::Complaint { .. } => continue,
                Pbft::PrePrepare { .. } | Pbft::NewView(_) => {
                    single.push(vec![*number]);
                    continue;
                }
            };
            groups
                .entry((kind, body.view(), digest))
                .or_default()
                .push(*number);
        }
        single.extend(groups.into_values());
        single
    }

    /// The smallest sets of a group, of one message a sender, that make the replica speak or move: the
    /// first only, but of view-changes for a view that it leads.
    fn minimal_sets(&mut self, own: ValidatorIndex, local: Local, group: &[u32], effects: &mut Vec<Effect>) {
        let leads = match &self.message(group[0]).v1().body {
            Body::Pbft(body @ Pbft::ViewChange(_)) => primary_of(&self.committee, body.view()) == own,
            _ => false,
        };
        let mut group = group.to_vec();
        group.sort_by_key(|number| {
            let sender = self.message(*number).v1().sender;
            (sender != self.liar.own, sender)
        });
        let mut silent: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..self.committee.quorum() {
            let mut longer = Vec::new();
            for set in &silent {
                for place in set.last().map_or(0, |last| last + 1)..group.len() {
                    let sender = |place: &usize| self.message(group[*place]).v1().sender;
                    if set.iter().any(|other| sender(other) == sender(&place)) {
                        continue;
                    }
                    let mut set = set.clone();
                    set.push(place);
                    let numbers: Vec<u32> = set.iter().map(|place| group[*place]).collect();
                    let outcome = self.outcome(own, local, Cause::Messages(numbers.clone()));
                    if outcome.visible {
                        let what: Vec<String> = numbers.iter().map(|number| self.words(*number)).collect();
                        effects.push(effect(format!("{own}: receives {}", what.join("; ")), &outcome));
                        if !leads {
                            return;
                        }
                    } else if outcome.next != local {
                        longer.push(set);
                    }
                }
            }
            silent = longer;
        }
    }

    /// What the replica would decide if it now received the commits for one thing.
    pub(super) fn decisions(&mut self, place: usize, local: Local, said: &[u32]) -> Vec<(u8, u64)> {
        let own = self.honest[place];
        let menu = self.menu(said);
        let others = said
            .iter()
            .filter(|number| self.message(**number).v1().sender != own);
        let mut commits: BTreeMap<(View, Digest), Vec<u32>> = BTreeMap::new();
        for number in others.chain(menu.iter()) {
            if let Body::Pbft(Pbft::Commit { view, proposal, .. }) = &self.message(*number).v1().body {
                commits.entry((*view, *proposal)).or_default().push(*number);
            }
        }
        // Fewer commits than these with its own decide nothing: the engine need not be asked.
        let enough = self.committee.weak_quorum();
        commits.retain(|_, numbers| numbers.len() >= enough);
        let mut decisions = Vec::new();
        for ((view, _), numbers) in commits {
            let outcome = self.outcome(own, local, Cause::Messages(numbers));
            decisions.extend(outcome.decides.map(|proposal| (proposal, view.0)));
        }
        decisions
    }

    fn words(&self, number: u32) -> String {
        let message = self.message(number);
        format!("{} of {}", describe(message), message.v1().sender)
    }

    fn outcome(&mut self, own: ValidatorIndex, local: Local, cause: Cause) -> Arc<Outcome> {
        let key = (local, cause);
        if let Some(outcome) = self.outcomes.get(&key) {
            return Arc::clone(outcome);
        }
        let mut replica = self.replicas.get(local).clone();
        let before = (replica.view(), replica.has_begun());
        let mut outcome = Outcome {
            next: local,
            says: Vec::new(),
            decides: None,
            visible: false,
        };
        let inputs = match &key.1 {
            Cause::Timeout(view) => {
                let complaint = self.liar.sign(Pbft::Complaint { view: *view });
                vec![
                    Input::Timeout(Timer::Progress { reign: view.0 }),
                    Input::Message(Verified::trusted(complaint)),
                ]
            }
            Cause::Messages(numbers) => {
                let messages = numbers.iter().map(|number| self.message(*number).clone());
                messages
                    .map(|message| Input::Message(Verified::trusted(message)))
                    .collect()
            }
        };
        for input in inputs {
            let part = self.settle(own, replica, input);
            replica = self.replicas.get(part.next).clone();
            outcome.next = part.next;
            outcome.says.extend(part.says);
            outcome.decides = outcome.decides.or(part.decides);
        }
        let moved = before != (replica.view(), replica.has_begun());
        outcome.visible = moved || !outcome.says.is_empty();
        let outcome = Arc::new(outcome);
        self.outcomes.insert(key, Arc::clone(&outcome));
        outcome
    }

    /// One input, and all that follows from it without another message.
    fn settle(&mut self, own: ValidatorIndex, mut replica: Replica, input: Input) -> Outcome {
        self.break_rule();
        let mut inputs = VecDeque::from([input]);
        let mut says = Vec::new();
        let mut decides = None;
        while let Some(input) = inputs.pop_front() {
            for action in replica.step(NOW, input).actions {
                match action {
                    Action::Sign(Body::Pbft(body)) => inputs.push_back(Input::Own(self.sign(own, body))),
                    Action::RequireBatches { height, proposal, .. } => {
                        inputs.push_back(Input::ProposalAvailable { height, proposal });
                    }
                    Action::Broadcast(message)
                        if matches!(message.v1().body, Body::Pbft(Pbft::Complaint { .. })) => {}
                    Action::Broadcast(message) => says.push(self.number_of(message)),
                    Action::Decide { proposal, .. } => {
                        let number = self.proposals.iter().position(|known| *known == proposal);
                        let number = number.and_then(|number| u8::try_from(number).ok());
                        decides = Some(number.unwrap_or(u8::MAX));
                    }
                    _ => {}
                }
            }
        }
        Outcome {
            next: self.number_of_replica(own, replica),
            says,
            decides,
            visible: false,
        }
    }

    fn number_of_replica(&mut self, own: ValidatorIndex, replica: Replica) -> Local {
        let mut hasher = DefaultHasher::new();
        replica.hash_protocol(&mut hasher);
        self.replicas.number_of((own, hasher.finish()), || {
            replica.check_invariants();
            replica
        })
    }
}

fn effect(what: String, outcome: &Outcome) -> Effect {
    Effect {
        what,
        next: outcome.next,
        says: outcome.says.clone(),
    }
}
