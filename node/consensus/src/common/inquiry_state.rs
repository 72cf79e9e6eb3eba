//! How far a replica has come with asking what it signed.

use std::collections::BTreeMap;

use quorate_crypto::{Engine, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::message::{Message, Status};

/// What a replica knows of its own inquiry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OpenInquiry {
    /// Whether it waits for answers, and says nothing new.
    pub(crate) open: bool,
    pub(crate) message: Option<Message>,
    /// Who has answered, and the height that they have certified.
    pub(crate) answers: BTreeMap<ValidatorIndex, Height>,
    /// The last status of each peer that came meanwhile: answers hold own votes.
    pub(crate) deferred: BTreeMap<ValidatorIndex, Status>,
}

impl OpenInquiry {
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A peer that answered says that it has certified this much, which may be less: it has crashed since,
    /// and what it had is not on its disk, nor maybe on anybody's. Of what the replica signed there it has told.
    /// Where validators may lie an old message could be passed off as a new one, so there it counts for nothing.
    pub(crate) fn fall_back(&mut self, engine: Engine, from: ValidatorIndex, certified: Height) {
        if engine != Engine::Pbft
            && let Some(answer) = self.answers.get_mut(&from)
        {
            *answer = certified.min(*answer);
        }
    }

    /// Nothing depends on answers any more: the replica votes no more, and goes on learning.
    pub(crate) fn give_up(&mut self) {
        self.open = false;
    }

    /// Keeps a status until the replica may speak.
    pub(crate) fn defer(&mut self, from: ValidatorIndex, status: &Status) {
        self.deferred.insert(from, status.clone());
    }
}
