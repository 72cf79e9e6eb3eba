//! Two heights of PBFT for the model checker, with blocks, seals, restarts and a liar that hoards.
//!
//! Four replicas run the engine's own code with a window of two heights; one of them lies. A view goes through
//! stages, in each of which the honest replicas have one turn each: they accept what a lying primary proposes, come
//! to hold certificates and commit, decide and execute, certify or fetch, restart; then all leave the view.
//!
//! Reductions:
//!
//! - In a stage, what reaches one replica changes nothing for another's turn in the same stage, so one order of the
//!   turns will do. What comes earlier than its stage comes to the same as if it came in it, and what comes later is
//!   in the same stage of the next view.
//! - Of the honest votes for a thing all that there are come at once, or none.
//! - Proposals of an honest primary and its new-view reach everybody at once: who has voted and got no further can do
//!   no more than who has not, and the liar can show more.
//! - The liar votes for whatever the honest vote for; that a vote of its does not come is a turn in which less comes.
//! - All leave a view: a view-change that the next primary does not count comes to the same as none.
//! - At the primary of the next view, one quorum of view-changes for each plan. The liar's claim any height that it
//!   can show to be certified, and above that nothing or anything that it can show prepared.
//! - Statuses and inquiries are left out until the fair continuation: what they bring, the stages bring as well.
//! - In view 0 a lying primary's first two proposals have names of their own.
//!
//! At most so many turns (`cuts`) bring fewer proposals, prepares or commits than they could, or another proposal, and
//! so many are restarts, each with its certified blocks or without. That seals do not come, so that the liar hoards
//! them, is free.
//!
//! From the end of each view the network may be made fair: all leave that view, whatever the honest say arrives, timers
//! fire, those that ask again five times as often, blocks are fetched as often as it takes from honest replicas that have
//! them. The liar says nothing but, time and again, the view-change with the highest certificate that it hoards, so that
//! it is in the first quorum of each view. All honest replicas must come to certify both heights, alike.

mod fair;
mod lab;
mod menu;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_consensus::pbft::{Body as Pbft, Plan, View, primary_of};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Certificate, Digest, Height, ValidatorIndex};
use stateright::{Model, Property};

use lab::{Cause, LAST_HEIGHT, Lab, Outcome};

/// The model: who lies, in how many views, and how often replicas restart.
#[derive(Clone, Debug)]
pub struct Two {
    lab: Arc<Mutex<Lab>>,
    last_view: u64,
    restarts: u8,
    cuts: u8,
    /// Whether it is looked whether the network goes on.
    goes_on: bool,
}

/// Where the network is. Replicas and messages are numbers, given out as they come up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Situation {
    /// The honest replicas.
    replicas: [u32; 3],
    /// What they have said, ascending.
    said: Vec<u32>,
    /// What anybody honest has decided: heights and proposals' numbers.
    decided: BTreeSet<(Height, usize)>,
    moment: Moment,
    /// How many restarts may follow.
    restarts: u8,
    /// How often less than possible may still reach somebody.
    cuts: u8,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Moment {
    view: u64,
    stage: Stage,
    /// The place of the honest replica.
    place: usize,
}

/// The stages of a view, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    /// A lying primary's new-view comes, or none.
    Enter,
    /// A lying primary's proposals come.
    Accept,
    Commit,
    Decide,
    Certify,
    Restart,
    /// Everybody leaves the view, and the next one begins, unless its primary lies.
    Leave,
    Over,
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    what: What,
    next: Situation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// The replica goes through a stage: with these heights, or what the number says.
    Goes(ValidatorIndex, Stage, String),
    /// All leave a view, and the next one begins like this.
    Begins(u64, String),
}

/// One way in which a replica can go through a stage.
struct Way {
    words: String,
    outcome: Arc<Outcome>,
    /// Nothing less than the best.
    best: bool,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Goes(who, stage, words) => write!(f, "{who}: {stage:?} {words}"),
            What::Begins(view, words) => write!(f, "all leave, and view {view} begins {words}"),
        }
    }
}

impl Two {
    /// Four replicas, of which `liar` lies, in views 0 to `last_view`, and so many restarts in all.
    pub fn new(liar: u16, last_view: u64, restarts: u8, cuts: u8) -> Self {
        let lab = Arc::new(Mutex::new(Lab::new(liar, last_view)));
        Self {
            lab,
            last_view,
            restarts,
            cuts,
            goes_on: false,
        }
    }

    /// The same, and from the end of each view it is looked whether a fair network goes on.
    pub fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// The same with a rule of the engine broken.
    #[cfg(broken_rules)]
    pub fn breaking(self, rule: quorate_consensus::broken::Rule) -> Self {
        self.lab().broken = Some(rule);
        self
    }

    /// How many different replicas, messages and futures of networks have come up.
    pub fn sizes(&self) -> (usize, usize, usize) {
        let lab = self.lab();
        (lab.locals.len(), lab.messages.len(), lab.futures.len())
    }

    /// Where each replica stands after the fair continuation of a situation.
    pub fn explain(&self, situation: &Situation) -> String {
        let mut left = situation.clone();
        let mut lab = self.lab();
        lab.all_leave(View(situation.moment.view), &mut left);
        lab.explain(left.replicas, &left.said)
    }

    fn lab(&self) -> MutexGuard<'_, Lab> {
        let lab = self.lab.lock().unwrap_or_else(PoisonError::into_inner);
        lab.break_rule();
        lab
    }
}

impl Moment {
    /// The next turn in the same view.
    fn next(self, lab: &Lab) -> Self {
        use Stage::{Accept, Certify, Commit, Decide, Enter, Leave, Over, Restart};
        let Self { view, stage, place } = self;
        if place < 2 && !matches!(stage, Leave | Over) {
            return Self {
                place: place + 1,
                ..self
            };
        }
        let stage = match stage {
            Enter => Accept,
            Accept => Commit,
            Commit => Decide,
            Decide => Certify,
            Certify => Restart,
            Restart if view == lab.last_view => Over,
            Restart => Leave,
            Leave | Over => Over,
        };
        Self {
            view,
            stage,
            place: 0,
        }
    }

    /// Whether everybody has had all turns of a view.
    fn ends_view(self) -> bool {
        matches!(self.stage, Stage::Leave | Stage::Over)
    }

    /// The first turn of a view.
    fn first(view: u64, lab: &Lab) -> Self {
        let stage = match (lab.liar.leads(View(view)), view) {
            (false, _) => Stage::Commit,
            (true, 0) => Stage::Accept,
            (true, _) => Stage::Enter,
        };
        Self {
            view,
            stage,
            place: 0,
        }
    }
}

impl Situation {
    /// What comes of a replica's step.
    fn take(&mut self, place: usize, outcome: &Outcome) {
        self.replicas[place] = outcome.next;
        self.said.extend(&outcome.says);
        self.said.sort_unstable();
        self.said.dedup();
        self.decided.extend(&outcome.decides);
    }
}

impl Model for Two {
    type State = Situation;
    type Action = Happening;

    fn init_states(&self) -> Vec<Situation> {
        let mut lab = self.lab();
        let (replicas, said) = lab.begin();
        let mut situation = Situation {
            replicas,
            said: Vec::new(),
            decided: BTreeSet::new(),
            moment: Moment::first(0, &lab),
            restarts: self.restarts,
            cuts: self.cuts,
        };
        situation.said.clone_from(&said);
        situation.said.sort_unstable();
        for place in 0..3 {
            let number = situation.replicas[place];
            let outcome = lab.play(place, number, Cause::Messages(said.clone()));
            situation.take(place, &outcome);
        }
        vec![situation]
    }

    fn actions(&self, situation: &Situation, actions: &mut Vec<Happening>) {
        let mut lab = self.lab();
        match situation.moment.stage {
            Stage::Over => {}
            Stage::Leave => leave(&mut lab, situation, actions),
            _ => turn(&mut lab, situation, actions),
        }
    }

    fn next_state(&self, _: &Situation, action: Happening) -> Option<Situation> {
        Some(action.next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("agreement", |_, situation: &Situation| {
                let heights: BTreeSet<Height> = situation.decided.iter().map(|(height, _)| *height).collect();
                heights.len() == situation.decided.len()
            }),
            Property::always("one block a height", |model: &Self, situation: &Situation| {
                if !situation.moment.ends_view() {
                    return true;
                }
                let seals = model.lab().seals(&situation.said);
                let heights: BTreeSet<Height> = seals.keys().map(|(height, _)| *height).collect();
                heights.len() == seals.len()
            }),
            Property::always(
                "f + 1 hold what is sealed",
                |model: &Self, situation: &Situation| {
                    !situation.moment.ends_view()
                        || model.lab().are_held(&situation.replicas, &situation.said)
                },
            ),
            Property::always("the network goes on", |model: &Self, situation: &Situation| {
                if !model.goes_on || !situation.moment.ends_view() {
                    return true;
                }
                let mut left = situation.clone();
                let mut lab = model.lab();
                lab.all_leave(View(situation.moment.view), &mut left);
                lab.goes_on(left.replicas, &left.said)
            }),
            Property::sometimes(
                "certified in the first view",
                |model: &Self, situation: &Situation| {
                    situation.moment.view == 0 && model.lab().are_certified(&situation.replicas)
                },
            ),
            Property::sometimes(
                "certified in the last view",
                |model: &Self, situation: &Situation| {
                    situation.moment.view == model.last_view && model.lab().are_certified(&situation.replicas)
                },
            ),
        ]
    }
}

/// All that can come of a replica's turn.
fn turn(lab: &mut Lab, situation: &Situation, actions: &mut Vec<Happening>) {
    let Moment { view, stage, place } = situation.moment;
    let number = situation.replicas[place];
    let mut ways: Vec<Way> = Vec::new();
    for (words, cause) in lab.causes(situation, place) {
        let outcome = lab.play(place, number, cause);
        if ways
            .iter()
            .all(|way| (way.outcome.next, &way.outcome.says) != (outcome.next, &outcome.says))
        {
            ways.push(Way {
                words,
                outcome,
                best: ways.is_empty(),
            });
        }
    }
    let who = lab.honest[place];
    for way in ways {
        let mut next = situation.clone();
        next.moment = situation.moment.next(lab);
        if matches!(stage, Stage::Restart) {
            if !way.best {
                next.restarts -= 1;
            }
        } else if !way.best && stage != Stage::Certify {
            match next.cuts.checked_sub(1) {
                Some(cuts) => next.cuts = cuts,
                None => continue,
            }
        }
        next.take(place, &way.outcome);
        if stage == Stage::Enter {
            lab.hear_proposals(view, place, &mut next);
        }
        actions.push(Happening {
            what: What::Goes(who, stage, way.words),
            next,
        });
    }
}

/// Everybody leaves the view, and the next one begins in each way that it can.
fn leave(lab: &mut Lab, situation: &Situation, actions: &mut Vec<Happening>) {
    let view = View(situation.moment.view);
    let next_view = view.next();
    let mut left = situation.clone();
    lab.all_leave(view, &mut left);
    left.moment = Moment::first(next_view.0, lab);
    let begins = |words: String, next: Situation| Happening {
        what: What::Begins(next_view.0, words),
        next,
    };
    if lab.liar.leads(next_view) {
        actions.push(begins("as a liar will".into(), left));
        return;
    }
    let primary = primary_of(&lab.committee, next_view);
    let place = lab.honest.iter().position(|of| *of == primary);
    let place = place.expect("the primary is honest");
    let hoard = lab.hoard(&left.said);
    let mut plans: Vec<(Plan, Height)> = Vec::new();
    for set in lab.quorums(next_view, place, &left.said) {
        let mut next = left.clone();
        let outcome = lab.play(place, next.replicas[place], Cause::Messages(set.clone()));
        next.take(place, &outcome);
        if let Some(to) = outcome.fetches {
            let blocks = lab.blocks_up_to(next.replicas[place], to, &hoard);
            if !blocks.is_empty() {
                let outcome = lab.play(place, next.replicas[place], Cause::Blocks(blocks));
                next.take(place, &outcome);
            }
        }
        let Some((new_view, plan)) = lab.new_view_of(next_view, &next.said) else {
            continue;
        };
        let kind = (plan, lab.local(next.replicas[place]).certified());
        if plans.contains(&kind) {
            continue;
        }
        let words = format!("above {}, with {:?}", kind.0.certified, kind.0.heights.keys());
        plans.push(kind);
        for other in (0..3).filter(|other| *other != place) {
            let outcome = lab.play(other, next.replicas[other], Cause::Messages(vec![new_view]));
            next.take(other, &outcome);
        }
        for other in 0..3 {
            lab.hear_proposals(next_view.0, other, &mut next);
        }
        actions.push(begins(words, next));
    }
    actions.push(begins("never".into(), left));
}
