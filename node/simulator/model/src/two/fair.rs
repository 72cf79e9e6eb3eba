//! What becomes of a network in which from some moment on everything arrives.

use std::collections::{BTreeSet, VecDeque};

use quorate_consensus::pbft::{Body as Pbft, Claims, ViewChange};
use quorate_consensus::{Action, Input, Message, Timer, Verified};
use quorate_crypto::{Certificate, Height, ValidatorIndex};
use quorate_ledger::Timestamp;

use super::lab::{Block, LAST_HEIGHT, Lab, Local, NOW};

/// So often each timer fires, if it runs, before the network counts as stuck.
const ROUNDS: u64 = 16;

/// How often it fires before, if it is the one by which replicas ask again: it is the shortest.
const RESENDS: usize = 5;

/// Between two timers, in milliseconds.
const APART: u64 = 500;

/// The honest replicas with fair links.
struct Network<'a> {
    lab: &'a mut Lab,
    locals: [Local; 3],
    timers: [BTreeSet<Timer>; 3],
    under_way: VecDeque<(usize, Message)>,
    /// Up to where each fetches blocks, and from whom.
    fetching: [Option<(Height, Vec<ValidatorIndex>)>; 3],
    now: Timestamp,
}

impl Lab {
    /// Whether all honest replicas certify both heights if from now on whatever they say arrives and timers fire,
    /// while the liar says nothing but, in each view again, the view-change with the highest certificate that it has.
    pub(super) fn goes_on(&mut self, replicas: [u32; 3], said: &[u32]) -> bool {
        if self.are_certified(&replicas) {
            return true;
        }
        let certificate = self.hoard(said).pop();
        let key = (replicas, certificate.as_ref().map(Certificate::height));
        if let Some(goes_on) = self.futures.get(&key) {
            return *goes_on;
        }
        let goes_on = self.network(replicas).run(certificate.as_ref());
        self.futures.insert(key, goes_on);
        goes_on
    }

    fn network(&mut self, replicas: [u32; 3]) -> Network<'_> {
        let locals = replicas.map(|number| self.local(number).clone());
        Network {
            lab: self,
            locals,
            timers: Default::default(),
            under_way: VecDeque::new(),
            fetching: Default::default(),
            now: NOW,
        }
    }

    /// In words, where the honest replicas stand after a fair continuation.
    pub(super) fn explain(&mut self, replicas: [u32; 3], said: &[u32]) -> String {
        let certificate = self.hoard(said).pop();
        let mut network = self.network(replicas);
        let mut text = network.words();
        let goes_on = network.run(certificate.as_ref());
        text += &format!(
            "hoarded: {:?}; goes on: {goes_on}\n",
            certificate.map(|c| c.height())
        );
        text + &network.words()
    }
}

impl Network<'_> {
    fn words(&self) -> String {
        let words = self.locals.iter().zip(self.lab.honest).map(|(local, own)| {
            let replica = &local.replica;
            format!(
                "{own}: view {}, begun {}, certified {}, chain {:?}, waits {:?}\n",
                replica.view(),
                replica.has_begun(),
                replica.certified(),
                local.blocks(),
                replica.waiting(),
            )
        });
        words.collect()
    }

    fn run(&mut self, hoarded: Option<&Certificate>) -> bool {
        for place in 0..3 {
            // Timers that ran are not known any more: whichever may run does.
            let view = self.locals[place].replica.view().0;
            self.timers[place].extend([
                Timer::Resend,
                Timer::Progress { reign: view },
                Timer::NewReign { reign: view },
            ]);
            for other in (0..3).filter(|other| *other != place) {
                let peer = self.lab.honest[other];
                self.give(place, Input::Connected(peer));
            }
        }
        for _ in 0..ROUNDS {
            for _ in 0..RESENDS {
                self.lie(hoarded);
                self.fire(|timer| timer == Timer::Resend);
                self.deliver();
                self.fetch_again();
                if self.is_done() {
                    return true;
                }
            }
            self.fire(|timer| timer != Timer::Resend);
            self.deliver();
        }
        self.is_done()
    }

    /// Whether all have certified both heights, with the same blocks.
    fn is_done(&self) -> bool {
        let first = &self.locals[0];
        let like_first = |local: &Local| {
            let height = LAST_HEIGHT;
            let hash = |local: &Local| local.block(height).map(|block| block.hash);
            local.certified() >= height && hash(local) == hash(first)
        };
        self.locals.iter().all(like_first)
    }

    fn fire(&mut self, such: impl Fn(Timer) -> bool) {
        self.now = Timestamp(self.now.0 + APART);
        for place in 0..3 {
            let due: Vec<Timer> = self.timers[place]
                .iter()
                .copied()
                .filter(|timer| such(*timer))
                .collect();
            for timer in due {
                self.timers[place].remove(&timer);
                self.give(place, Input::Timeout(timer));
            }
        }
    }

    /// Block sync goes on until all that it was asked for is here.
    fn fetch_again(&mut self) {
        for place in 0..3 {
            let mut inputs = VecDeque::new();
            self.fetch(place, &mut inputs);
            for input in inputs {
                self.give(place, input);
            }
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        while let Some((place, message)) = self.under_way.pop_front() {
            self.give(place, Input::Message(Verified::trusted(message)));
        }
    }

    /// Tells everybody of the hoarded certificate, in time to be in the first quorum of the next view that begins. A
    /// view-change takes the place of the one before, so it is never for a view above that.
    fn lie(&mut self, hoarded: Option<&Certificate>) {
        let Some(certificate) = hoarded else { return };
        for place in 0..3 {
            let replica = &self.locals[place].replica;
            let mut view = replica.view();
            if replica.has_begun() || self.lab.liar.leads(view) {
                view = view.next();
            }
            let change = ViewChange {
                claims: Claims {
                    view,
                    certified: certificate.height(),
                    prepared: Vec::new(),
                },
                certified: Some(certificate.clone()),
                prepared: Vec::new(),
            };
            let message = self.lab.liar.sign(Pbft::ViewChange(change));
            self.under_way.push_back((place, message));
        }
        self.deliver();
    }

    fn give(&mut self, place: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while !inputs.is_empty() {
            let local = &mut self.locals[place];
            let left = self
                .lab
                .settle(place, local, self.now, std::mem::take(&mut inputs));
            for action in left {
                self.carry_out(place, action, &mut inputs);
            }
        }
    }

    fn carry_out(&mut self, place: usize, action: Action, inputs: &mut VecDeque<Input>) {
        match action {
            Action::Broadcast(message) => {
                for other in (0..3).filter(|other| *other != place) {
                    self.under_way.push_back((other, message.clone()));
                }
            }
            Action::Send { to, message } => {
                let to = self.lab.honest.iter().position(|honest| *honest == to);
                self.under_way.extend(to.map(|to| (to, message)));
            }
            Action::SetTimer { timer, .. } => {
                self.timers[place].insert(timer);
            }
            Action::CancelTimer(timer) => {
                self.timers[place].remove(&timer);
            }
            Action::FetchBlocks { to, holders } => {
                self.fetching[place] = Some((to, holders));
                self.fetch(place, inputs);
            }
            _ => {}
        }
    }

    /// Fetches the blocks that a replica asks for, as far as those who should have them are honest and do.
    fn fetch(&mut self, place: usize, inputs: &mut VecDeque<Input>) {
        let Some((to, holders)) = self.fetching[place].clone() else {
            return;
        };
        for holder in holders {
            let Some(holder) = self.lab.honest.iter().position(|honest| *honest == holder) else {
                continue;
            };
            while let Some(block) = self.next_block(place, holder).filter(|(height, _)| *height <= to) {
                self.lab.apply(&mut self.locals[place], block.1, inputs);
            }
        }
    }

    /// The certified block after the last certified one of a replica that another holds.
    fn next_block(&self, place: usize, holder: usize) -> Option<(Height, Block)> {
        let height = self.locals[place].written().next();
        let block = self.locals[holder].block(height)?;
        block.certificate.as_ref()?;
        Some((height, block.clone()))
    }
}
