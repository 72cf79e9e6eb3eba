//! What governance means to those who take part in it, worked out from what a node tells: what a change would change,
//! which rule decides it and how far the count is, and what becomes of the committee. The ledger's execution has the
//! last word; whoever shows it says so.

mod change;
mod count;
mod impact;
mod operation;
mod values;

pub use change::{InForce, change_view, scope_words};
pub use count::{count, counts_as_active};
pub use impact::{Standing, StandingSeat, impact_of};
pub use operation::operation_in_words;
pub use values::{ChangedValue, NotAValue, changed_parameters, changed_rules};
