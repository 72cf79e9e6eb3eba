//! Three replicas of Raft or of Paxos for the model checker: all that they can do in a few terms, or rounds.
//!
//! The replicas run the engine's own code, with a window of one height. Each has a batch of its own, which it
//! proposes if it leads. The network keeps whatever was said and delivers it to each replica in any order,
//! any number of times, or never. A replica may time out as long as no term above the last comes of it, and
//! may crash and come back from its journal once.
//!
//! Reductions: nobody says what binds nobody, but for prepares and what is chosen. In Raft, whoever times out
//! gets the pre-votes it needs. Refusals are not told, nor that a leader's term is over; nor does a leader
//! find that out by itself. What is signed and recorded is durable at once, and batches are there; so a step
//! of a replica ends when nothing is left to do without a message. What is decided is not executed.
//! Heartbeats are left out: what they find out is that messages were lost, which here is the same as late.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use quorate_consensus::raft::{self, Term, VoteReply};
use quorate_consensus::{Action, Body, Config, Engine, Input, Message, Record, Step, Timer, Verified, paxos};
use quorate_crypto::{Committee, Digest, Height, ValidatorIndex, sha256};
use quorate_ledger::{Parameters, ParametersV1, Timestamp, encode};
use quorate_simulator::{Scheme, TIMING, committee, describe, network};
use stateright::{Model, Property};

use crate::journal;
use crate::numbered::Numbered;

/// The time of every step.
const NOW: Timestamp = Timestamp(1_000_000);

/// The model: which engine, how many terms, and whether replicas crash.
#[derive(Clone, Debug)]
pub struct Three {
    lab: Arc<Mutex<Lab>>,
}

/// Where the network is. Replicas and messages are numbers, given out as they come up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    replicas: [u32; 3],
    /// Who has crashed and come back.
    crashed: [bool; 3],
    said: BTreeSet<u32>,
    /// What anybody has decided at each height, and in which term it was.
    decided: BTreeSet<(Height, Digest)>,
    decided_later: bool,
}

/// What may happen next: to whom, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    place: usize,
    cause: Cause,
    /// For a trace.
    what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Cause {
    Message(u32),
    Timeout,
    Crash,
}

/// What a step of a replica came to.
#[derive(Debug)]
struct Outcome {
    next: u32,
    says: Vec<u32>,
    decides: Vec<(Height, Digest)>,
    term: u64,
}

/// A replica with what is on its disk.
#[derive(Clone, Debug)]
struct Local {
    engine: Engine,
    journal: Vec<Record>,
}

#[derive(Debug)]
struct Lab {
    committee: Committee,
    last_term: u64,
    crashes: bool,
    #[cfg(broken_rules)]
    broken: Option<quorate_consensus::broken::Rule>,
    locals: Numbered<(usize, u64), Local>,
    messages: Numbered<Digest, Message>,
    outcomes: HashMap<(usize, u32, Cause), Arc<Outcome>>,
}

impl Outcome {
    /// Nothing comes of it.
    fn nothing(local: u32) -> Self {
        Self {
            next: local,
            says: Vec::new(),
            decides: Vec::new(),
            term: 0,
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Three {
    /// Three replicas in terms or rounds up to this one, which may crash once each or do not.
    pub fn new(engine: quorate_crypto::Engine, last_term: u64, crashes: bool) -> Self {
        let lab = Lab {
            committee: committee(3, engine),
            last_term,
            crashes,
            #[cfg(broken_rules)]
            broken: None,
            locals: Numbered::new(),
            messages: Numbered::new(),
            outcomes: HashMap::new(),
        };
        Self {
            lab: Arc::new(Mutex::new(lab)),
        }
    }

    /// The same with a rule of the engine broken.
    #[cfg(broken_rules)]
    pub fn breaking(self, rule: quorate_consensus::broken::Rule) -> Self {
        self.lab().broken = Some(rule);
        self
    }

    fn lab(&self) -> std::sync::MutexGuard<'_, Lab> {
        self.lab.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many different replicas and messages have come up.
    pub fn sizes(&self) -> (usize, usize) {
        let lab = self.lab();
        (lab.locals.len(), lab.messages.len())
    }
}

impl Model for Three {
    type State = Situation;
    type Action = Happening;

    fn init_states(&self) -> Vec<Situation> {
        let mut lab = self.lab();
        let replicas = [0, 1, 2].map(|place| lab.start(place));
        vec![Situation {
            replicas,
            crashed: [false; 3],
            said: BTreeSet::new(),
            decided: BTreeSet::new(),
            decided_later: false,
        }]
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Happening>) {
        let mut lab = self.lab();
        for (place, local) in situation.replicas.into_iter().enumerate() {
            let mut causes: Vec<Cause> = situation.said.iter().copied().map(Cause::Message).collect();
            causes.push(Cause::Timeout);
            if lab.crashes && !situation.crashed[place] {
                causes.push(Cause::Crash);
            }
            for cause in causes {
                let outcome = lab.outcome(place, local, cause);
                let new = outcome.says.iter().any(|said| !situation.said.contains(said));
                if outcome.next != local || new {
                    let what = lab.words(place, cause);
                    actions.push(Happening { place, cause, what });
                }
            }
        }
    }

    fn next_state(&self, last: &Situation, action: Happening) -> Option<Situation> {
        let Happening { place, cause, .. } = action;
        let outcome = self.lab().outcome(place, last.replicas[place], cause);
        let mut next = last.clone();
        next.replicas[place] = outcome.next;
        next.crashed[place] |= cause == Cause::Crash;
        next.said.extend(&outcome.says);
        next.decided.extend(outcome.decides.iter().copied());
        next.decided_later |= !outcome.decides.is_empty() && outcome.term > 1;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("agreement", |_, situation: &Situation| {
                let heights: BTreeSet<Height> = situation.decided.iter().map(|(height, _)| *height).collect();
                heights.len() == situation.decided.len()
            }),
            Property::always("election safety", |model: &Self, situation: &Situation| {
                let lab = model.lab();
                let leaders = situation.replicas.iter().filter_map(|local| {
                    match &lab.locals.get(*local).engine {
                        Engine::Raft(replica) => replica.is_leading().then(|| replica.term().0),
                        // Here it is by its number that a ballot has one proposer.
                        Engine::Paxos(_) | Engine::Pbft(_) => None,
                    }
                });
                let leaders: Vec<_> = leaders.collect();
                leaders.iter().collect::<BTreeSet<_>>().len() == leaders.len()
            }),
            Property::always("one value a ballot", |model: &Self, situation: &Situation| {
                let lab = model.lab();
                let mut proposed = BTreeMap::new();
                let said = situation.said.iter().map(|number| lab.messages.get(*number));
                let accepts = said.filter_map(|message| match &message.v1().body {
                    Body::Paxos(paxos::Body::Accept(accept)) => Some(accept),
                    _ => None,
                });
                accepts
                    .flat_map(|accept| accept.values.iter().map(|value| (accept.ballot, value.digest())))
                    .all(|(ballot, value)| {
                        *proposed.entry((ballot, value.height)).or_insert(value.proposal) == value.proposal
                    })
            }),
            Property::sometimes("decided in the first term", |_, situation: &Situation| {
                !situation.decided.is_empty() && !situation.decided_later
            }),
            Property::sometimes("decided in a later term", |_, situation: &Situation| {
                situation.decided_later
            }),
        ]
    }
}

impl Lab {
    #[cfg(broken_rules)]
    fn break_rule(&self) {
        quorate_consensus::broken::set(self.broken);
    }

    #[cfg(not(broken_rules))]
    #[expect(clippy::unused_self, reason = "it has a rule to break in test builds")]
    fn break_rule(&self) {}

    fn config(&self, place: usize) -> Config {
        let index = u16::try_from(place).expect("there are three");
        Config {
            network: network(),
            committee: self.committee.clone(),
            index: Some(ValidatorIndex(index)),
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

    /// A replica that begins, and knows the batch that it would propose.
    fn start(&mut self, place: usize) -> u32 {
        self.recover(place, Vec::new()).next
    }

    fn recover(&mut self, place: usize, journal: Vec<Record>) -> Outcome {
        self.break_rule();
        let (engine, step) = Engine::recover(self.config(place), journal.clone());
        let mut local = Local { engine, journal };
        let mut part = self.settle(place, &mut local, step);
        let batch = Input::BatchesAvailable(vec![sha256(&[place as u8])]);
        let step = local.engine.step(NOW, batch);
        let more = self.settle(place, &mut local, step);
        part.says.extend(more.says);
        part.next = more.next;
        part
    }

    fn outcome(&mut self, place: usize, local: u32, cause: Cause) -> Arc<Outcome> {
        let key = (place, local, cause);
        if let Some(outcome) = self.outcomes.get(&key) {
            return Arc::clone(outcome);
        }
        self.break_rule();
        let mut next = self.locals.get(local).clone();
        let outcome = match cause {
            Cause::Crash => self.recover(place, next.journal),
            Cause::Timeout => self.time_out(place, local, &mut next),
            Cause::Message(number) => {
                let message = self.messages.get(number).clone();
                let stale = match &message.v1().body {
                    Body::Raft(raft::Body::AppendEntries(append)) => append.term.0 < next.engine.reign(),
                    _ => false,
                };
                if stale || usize::from(message.v1().sender.0) == place {
                    Outcome::nothing(local)
                } else {
                    let input = Input::Message(Verified::trusted(message));
                    let step = next.engine.step(NOW, input);
                    self.settle(place, &mut next, step)
                }
            }
        };
        let outcome = Arc::new(outcome);
        self.outcomes.insert(key, Arc::clone(&outcome));
        outcome
    }

    /// The election timer fires at one that does not lead.
    fn time_out(&mut self, place: usize, local: u32, next: &mut Local) -> Outcome {
        let reign = next.engine.reign();
        let timer = Input::Timeout(Timer::Progress { reign });
        match &next.engine {
            Engine::Raft(_) if reign < self.last_term => {
                let step = next.engine.step(NOW, timer);
                self.settle(place, next, step);
                let pre_vote = self.pre_vote(place, reign + 1);
                let step = next.engine.step(NOW, pre_vote);
                self.settle(place, next, step)
            }
            Engine::Paxos(replica) if !replica.is_leading() => {
                let step = next.engine.step(NOW, timer);
                let is_in_time = |action: &Action| match action {
                    Action::Sign(Body::Paxos(body)) => body.ballot().round <= self.last_term,
                    _ => true,
                };
                if !step.actions.iter().all(is_in_time) {
                    return Outcome::nothing(local);
                }
                self.settle(place, next, step)
            }
            Engine::Raft(_) | Engine::Paxos(_) | Engine::Pbft(_) => Outcome::nothing(local),
        }
    }

    /// Somebody else would vote for this replica in a term.
    fn pre_vote(&self, place: usize, term: u64) -> Input {
        let index = |place: usize| ValidatorIndex(u16::try_from(place).expect("there are three"));
        let body = Body::Raft(raft::Body::VoteReply(VoteReply {
            term: Term(term),
            candidate: index(place),
            pre_vote: true,
            granted: true,
        }));
        let sender = index((place + 1) % 3);
        let message = Scheme::KeyedDigest.sign_message(network(), &self.committee, sender, body);
        Input::Message(Verified::trusted(message))
    }

    /// All that follows from a step without another message.
    fn settle(&mut self, place: usize, local: &mut Local, step: Step) -> Outcome {
        let own = ValidatorIndex(u16::try_from(place).expect("there are three"));
        let mut steps = VecDeque::from([step]);
        let (mut says, mut decides) = (Vec::new(), Vec::new());
        while let Some(step) = steps.pop_front() {
            local.journal.extend(step.records);
            for action in step.actions {
                let input = match action {
                    Action::Sign(body @ (Body::Raft(_) | Body::Paxos(_))) => {
                        let scheme = Scheme::KeyedDigest;
                        Input::Own(scheme.sign_message(network(), &self.committee, own, body))
                    }
                    Action::RequireBatches { height, proposal, .. } => {
                        Input::ProposalAvailable { height, proposal }
                    }
                    Action::Broadcast(message) | Action::Send { message, .. } if binds(&message) => {
                        says.push(self.messages.number_of_message(message));
                        continue;
                    }
                    Action::Decide { height, proposal } => {
                        decides.push((height, proposal.digest()));
                        continue;
                    }
                    _ => continue,
                };
                steps.push_back(local.engine.step(NOW, input));
            }
        }
        journal::prune(&mut local.journal);
        Outcome {
            next: self.number_of_local(place, local),
            says,
            decides,
            term: local.engine.reign(),
        }
    }

    fn number_of_local(&mut self, place: usize, local: &Local) -> u32 {
        let mut hasher = DefaultHasher::new();
        match &local.engine {
            Engine::Raft(replica) => replica.hash_protocol(&mut hasher),
            Engine::Paxos(replica) => replica.hash_protocol(&mut hasher),
            Engine::Pbft(_) => {}
        }
        encode(&local.journal).hash(&mut hasher);
        self.locals.number_of((place, hasher.finish()), || {
            local.engine.check_invariants();
            local.clone()
        })
    }

    fn words(&self, place: usize, cause: Cause) -> String {
        match cause {
            Cause::Message(number) => {
                let message = self.messages.get(number);
                format!(
                    "{place}: receives {} of {}",
                    describe(message),
                    message.v1().sender
                )
            }
            Cause::Timeout => format!("{place}: times out"),
            Cause::Crash => format!("{place}: crashes and comes back"),
        }
    }
}

/// Whether a message is worth telling.
fn binds(message: &Message) -> bool {
    match &message.v1().body {
        Body::Raft(raft::Body::RequestVote(request)) => !request.pre_vote,
        Body::Raft(raft::Body::VoteReply(reply)) => reply.granted && !reply.pre_vote,
        Body::Raft(_) => true,
        Body::Paxos(paxos::Body::Nack(_)) => false,
        Body::Paxos(paxos::Body::Accept(accept)) => !accept.values.is_empty(),
        Body::Paxos(paxos::Body::Accepted(accepted)) => !accepted.values.is_empty(),
        Body::Paxos(_) => true,
        _ => false,
    }
}
