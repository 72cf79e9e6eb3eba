//! Four replicas for the model checker `stateright`: all that they can do, not what a seed makes them do.
//!
//! The replicas run the engine's own code, for height 1 and a few views, with symbolic signatures (the
//! keyed digests of the simulator, which nobody forges). One of them lies: whatever its menu holds may
//! reach anybody at any time, or never. The menu has both proposals, votes for all of them in all views,
//! complaints, view-changes that claim nothing or any certificate that it can have, new-views of every
//! quorum of view-changes that it can have seen, and a new-view that proves nothing.
//!
//! The network keeps whatever was said and delivers it to each replica in any order, once or never, which
//! covers delay and loss; as every slot of a replica takes one message, duplicates change nothing. Any
//! replica may time out once in each view but the last.
//!
//! Reductions, each of which leaves out only what comes to the same:
//!
//! - What is signed is durable at once, and batches are there; so a step of a replica ends when nothing is
//!   left to do without a message. What is decided is not executed.
//! - A message that neither makes a replica speak nor moves it only adds to its facts; so it is delivered
//!   together with those that then do. An action delivers one of the smallest sets of like messages that
//!   have an effect. Votes for one thing are alike whoever gave them: one set will do, the liar's first.
//!   Of view-changes to the view's primary it makes every set.
//! - A replica that times out hears the liar's complaint too, and leaves its view. So nobody needs the
//!   complaints of others.
//! - Deciding is not an action: it changes nothing for others, and what can be decided can be decided
//!   later. So a situation holds all that the engines of its replicas would decide, given what was said.

mod journal;
mod lab;
mod liar;
mod menu;
mod numbered;
pub mod three;
pub mod two;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use stateright::{Model, Property};

use lab::Lab;
pub use lab::Local;

/// The model: who lies, in how many views.
#[derive(Clone, Debug)]
pub struct Four {
    lab: Arc<Mutex<Lab>>,
}

/// Where the network is. Replicas and messages are numbers, given out as they come up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    /// The honest replicas.
    replicas: [Local; 3],
    /// What they have said, ascending.
    said: Vec<u32>,
    /// What each of them may have decided: proposals' numbers and the views of the commits.
    decided: [BTreeSet<(u8, u64)>; 3],
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The place of the honest replica that something happens to.
    place: usize,
    /// For a trace: what reaches it.
    what: String,
    next: Local,
    says: Vec<u32>,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Four {
    /// Four replicas, of which `liar` lies, in views 0 to `last_view`. A rule of the engine may be broken
    /// in test builds.
    pub fn new(liar: u16, last_view: u64) -> Self {
        let lab = Arc::new(Mutex::new(Lab::new(liar, last_view)));
        Self { lab }
    }

    /// The same with a rule of the engine broken.
    #[cfg(broken_rules)]
    pub fn breaking(liar: u16, last_view: u64, rule: quorate_consensus::broken::Rule) -> Self {
        quorate_consensus::broken::set(Some(rule));
        let mut lab = Lab::new(liar, last_view);
        lab.broken = Some(rule);
        quorate_consensus::broken::set(None);
        Self {
            lab: Arc::new(Mutex::new(lab)),
        }
    }

    /// How many different replicas and messages have come up.
    pub fn sizes(&self) -> (usize, usize) {
        let lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        lab.sizes()
    }
}

impl Model for Four {
    type State = Situation;
    type Action = Happening;

    fn init_states(&self) -> Vec<Situation> {
        let mut lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        let (replicas, said) = lab.begin();
        vec![Situation {
            replicas,
            said,
            decided: Default::default(),
        }]
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Happening>) {
        let mut lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        for place in 0..situation.replicas.len() {
            for effect in lab
                .effects(place, situation.replicas[place], &situation.said)
                .iter()
            {
                actions.push(Happening {
                    place,
                    what: effect.what.clone(),
                    next: effect.next,
                    says: effect.says.clone(),
                });
            }
        }
    }

    fn next_state(&self, last: &Situation, action: Happening) -> Option<Situation> {
        let mut next = last.clone();
        next.replicas[action.place] = action.next;
        next.said.extend(action.says);
        next.said.sort_unstable();
        next.said.dedup();
        let mut lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, local) in next.replicas.iter().enumerate() {
            next.decided[place].extend(lab.decisions(place, *local, &next.said));
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("agreement", |_, situation: &Situation| {
                let mut decided = situation.decided.iter().flatten().map(|(proposal, _)| proposal);
                let first = decided.next();
                decided.all(|proposal| Some(proposal) == first)
            }),
            Property::sometimes("decided in the first view", |_, situation: &Situation| {
                situation.decided.iter().flatten().any(|(_, view)| *view == 0)
            }),
            Property::sometimes("decided after a view change", |_, situation: &Situation| {
                situation.decided.iter().flatten().any(|(_, view)| *view > 0)
            }),
            Property::sometimes("all decided", |_, situation: &Situation| {
                situation.decided.iter().all(|decided| !decided.is_empty())
            }),
        ]
    }
}
