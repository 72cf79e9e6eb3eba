//! What the wallet's commands share: a network that is asked and, if the genesis document is at hand,
//! not believed; building, signing, sending and following transactions.

pub(crate) mod fate;
pub(crate) mod ledger;

pub(crate) use fate::Fate;
pub(crate) use ledger::{Ledger, NodeArgs};
