//! What a wallet needs besides keys and nodes.

mod build;
mod proven;
mod trust;

pub use build::{NoRandomness, TransactionBuilder, Unsigned, add_signature, random_salt};
pub use proven::{Proven, ProvenAccount, ProvenRecords, ProvenTransaction};
pub use quorate_ledger::{AmountError, format_amount, parse_amount};
pub use quorate_verifier::StatementFacts;
pub use trust::{Before, Execution, TrustError, TrustedGenesis, VerifiedBlock};
