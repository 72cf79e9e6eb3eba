//! What a wallet needs besides keys and nodes.

mod build;
mod trust;

pub use build::{NoRandomness, TransactionBuilder, add_signature, payment_salt, random_salt};
pub use quorate_ledger::{AmountError, format_amount, parse_amount};
pub use trust::{Execution, TrustError, TrustedGenesis, VerifiedBlock};
