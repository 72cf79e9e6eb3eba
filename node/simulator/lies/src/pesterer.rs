//! A replica that says again what others asked in a former life, so that their peers answer that and not
//! what they ask now: each signer is answered only so often.

use std::collections::BTreeMap;

use quorate_consensus::{Body, Message};
use quorate_crypto::{Epoch, ValidatorIndex};

/// How often it says each of them in a network of four, in microseconds.
const EVERY_US: u64 = 1_000;

/// What it has heard in an epoch.
#[derive(Clone, Debug, Default)]
pub struct Pesterer {
    epoch: Epoch,
    /// Each validator's first inquiry.
    inquiries: BTreeMap<ValidatorIndex, Message>,
    /// Each validator's first status, which is soon out of everybody's window.
    statuses: BTreeMap<ValidatorIndex, Message>,
    /// Whether anybody has asked again, under another nonce, so in another life.
    has_victim: bool,
}

impl Pesterer {
    /// Keeps what others asked first.
    pub fn hear(&mut self, message: &Message) {
        let heard = message.v1();
        if heard.epoch > self.epoch {
            *self = Self {
                epoch: heard.epoch,
                ..Self::default()
            };
        }
        if heard.epoch < self.epoch {
            return;
        }
        match &heard.body {
            Body::Inquiry(_) => {
                let first = self.inquiries.entry(heard.sender);
                if first.or_insert_with(|| message.clone()).v1().body != heard.body {
                    self.has_victim = true;
                }
            }
            Body::Status(_) => {
                self.statuses
                    .entry(heard.sender)
                    .or_insert_with(|| message.clone());
            }
            _ => {}
        }
    }

    /// The message, unless somebody has restarted: a network that needs that one's vote is to wait for it.
    pub fn say(&self, message: &Message) -> Vec<Message> {
        match self.has_victim {
            false => vec![message.clone()],
            true => Vec::new(),
        }
    }

    /// What it tells each peer again and again: what all others said first. It begins before anybody restarts:
    /// when a link comes up, whatever is said first is answered at once.
    pub fn pesters_with(&self, peer: ValidatorIndex) -> impl Iterator<Item = &Message> {
        let said = self.inquiries.values().chain(self.statuses.values());
        said.filter(move |message| message.v1().sender != peer)
    }
}

/// How often it says each of them in a network of so many, in microseconds: in a larger one less often, so that
/// it says as much in all.
pub fn pestering_interval_us(validators: usize) -> u64 {
    let peers = validators.saturating_sub(1) as u64;
    EVERY_US * (peers * peers.saturating_sub(1) / 6).max(1)
}
