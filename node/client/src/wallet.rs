//! What a wallet needs besides keys and nodes.

mod amount;
mod build;
mod trust;

pub use amount::{AmountError, format_amount, parse_amount};
pub use build::{NoRandomness, TransactionBuilder, add_signature, payment_salt, random_salt};
pub use trust::{Execution, TrustError, TrustedGenesis, VerifiedBlock};
