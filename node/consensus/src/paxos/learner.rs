//! What a learner knows of what is chosen (Lamport 2001, section 2.3).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use quorate_crypto::{Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::message::Message;

/// What a learner knows of heights above the certified one.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Learner {
    /// Who has accepted the value that the distinguished proposer, if this is it, has proposed in its ballot
    /// for a height.
    pub(super) accepted_by: BTreeMap<Height, BTreeSet<ValidatorIndex>>,
    /// The word of a distinguished proposer for what is chosen, to pass it on to whoever missed it. At most
    /// two windows of them.
    pub(super) told: BTreeMap<Height, Message>,
}

impl Learner {
    /// Another ballot's accepts are counted from now on.
    pub(super) fn begin(&mut self) {
        self.accepted_by.clear();
    }

    pub(super) fn accepted_by(&self, height: Height) -> impl Iterator<Item = ValidatorIndex> {
        self.accepted_by.get(&height).into_iter().flatten().copied()
    }

    pub(super) fn told(&self, height: Height) -> Option<&Message> {
        self.told.get(&height)
    }

    pub(super) fn forget_up_to(&mut self, certified: Height) {
        self.accepted_by = self.accepted_by.split_off(&certified.next());
        self.told = self.told.split_off(&certified.next());
    }

    /// How much it keeps.
    pub(super) fn len(&self) -> usize {
        self.accepted_by.len().max(self.told.len())
    }
}
