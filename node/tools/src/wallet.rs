//! What the wallet's commands share: a network that is asked and, if the genesis document is at hand,
//! not believed; building, signing, sending and following transactions.

mod fate;
mod ledger;
mod meaning;

pub use fate::Fate;
pub use ledger::{Expiring, Ledger, NodeArgs, Tip, check_amount_form};
pub use meaning::{Meaning, MeaningArgs};
