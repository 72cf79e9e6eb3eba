//! A replica that passes on what others signed, where it does not belong: for another network, or in
//! another epoch of this one. As members keep their keys, there are such messages.

use std::collections::VecDeque;

use quorate_consensus::Message;
use quorate_crypto::{Epoch, ValidatorIndex};

use crate::Stage;
use crate::mutant::altered;

/// The most messages kept for a later epoch.
const REMEMBERED: usize = 64;

/// What it has heard.
#[derive(Clone, Debug, Default)]
pub struct Replayer {
    /// In the epoch before the last one in which it heard anything.
    former: VecDeque<Message>,
    /// In that one.
    latest: VecDeque<Message>,
    epoch: Epoch,
}

impl Replayer {
    /// Keeps what may be of use in a later epoch.
    pub fn hear(&mut self, message: &Message) {
        let epoch = message.v1().epoch;
        if epoch > self.epoch {
            self.epoch = epoch;
            self.former = std::mem::take(&mut self.latest);
        }
        if epoch == self.epoch {
            if self.latest.len() == REMEMBERED {
                self.latest.pop_front();
            }
            self.latest.push_back(message.clone());
        }
    }

    /// The message, and at times one of another network or epoch.
    pub fn say(&self, stage: &mut impl Stage, own: ValidatorIndex, message: &Message) -> Vec<Message> {
        let mut said = vec![message.clone()];
        let others: Vec<ValidatorIndex> = stage
            .committee()
            .indices()
            .filter(|other| *other != own)
            .collect();
        if let Some(victim) = stage.random().pick(&others).copied()
            && stage.random().chance(400)
        {
            let body = altered(stage, &message.v1().body);
            said.push(stage.sign_elsewhere(message.v1().epoch, victim, body));
        }
        if !self.former.is_empty() && stage.random().chance(300) {
            let place = stage.random().number() % self.former.len() as u64;
            let place = usize::try_from(place).unwrap_or(0);
            said.extend(self.former.get(place).cloned());
        }
        said
    }
}
