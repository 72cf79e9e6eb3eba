//! What becomes of a network in which from some moment on everything arrives.

use std::collections::{BTreeSet, VecDeque};

use quorate_consensus::pbft::{Body as Pbft, Claims, View, ViewChange};
use quorate_consensus::{Action, Input, Message, Timer, Verified};
use quorate_crypto::{Certificate, Height};
use quorate_ledger::Timestamp;

use super::lab::{LAST_HEIGHT, Lab, Local, NOW};

/// So often each timer fires, if it runs, before the network counts as stuck.
const ROUNDS: u64 = 16;

/// Between two rounds, in milliseconds.
const ROUND: u64 = 1_000;

/// The honest replicas with fair links.
struct Network<'a> {
    lab: &'a mut Lab,
    locals: [Local; 3],
    timers: [BTreeSet<Timer>; 3],
    under_way: VecDeque<(usize, Message)>,
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
        let locals = replicas.map(|number| self.local(number).clone());
        let mut network = Network {
            lab: self,
            locals,
            timers: Default::default(),
            under_way: VecDeque::new(),
            now: NOW,
        };
        let goes_on = network.run(certificate.as_ref());
        self.futures.insert(key, goes_on);
        goes_on
    }
}

impl Network<'_> {
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
            for _ in 0..2 {
                self.lie(hoarded);
                self.fire(|timer| timer == Timer::Resend);
                self.deliver();
            }
            if self.is_done() {
                return true;
            }
            self.fire(|timer| timer != Timer::Resend);
            self.deliver();
        }
        self.is_done()
    }

    fn is_done(&self) -> bool {
        let mut locals = self.locals.iter();
        locals.all(|local| local.certified() >= LAST_HEIGHT)
    }

    fn fire(&mut self, such: impl Fn(Timer) -> bool) {
        self.now = Timestamp(self.now.0 + ROUND / 2);
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

    fn deliver(&mut self) {
        while let Some((place, message)) = self.under_way.pop_front() {
            self.give(place, Input::Message(Verified::trusted(message)));
        }
    }

    /// Tells everybody of the hoarded certificate, in the view of each and in the next.
    fn lie(&mut self, hoarded: Option<&Certificate>) {
        let Some(certificate) = hoarded else { return };
        for place in 0..3 {
            let view = self.locals[place].replica.view();
            for view in [view, view.next()] {
                if view > View(0) {
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
            }
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
                for holder in holders {
                    self.fetch(place, holder, to, inputs);
                }
            }
            _ => {}
        }
    }

    /// Gives a replica the blocks of another, if that is honest and has them.
    fn fetch(
        &mut self,
        place: usize,
        holder: quorate_crypto::ValidatorIndex,
        to: Height,
        inputs: &mut VecDeque<Input>,
    ) {
        let Some(holder) = self.lab.honest.iter().position(|honest| *honest == holder) else {
            return;
        };
        let mut height = self.locals[place].certified().next();
        while height <= to {
            let block = self.locals[holder].block(height).cloned();
            let Some(block) = block.filter(|block| block.certificate.is_some()) else {
                return;
            };
            inputs.extend(block.certificate.clone().map(Input::Synced));
            self.locals[place].take(height, block);
            height = height.next();
        }
    }
}
