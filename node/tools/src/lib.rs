//! What the binary's commands and those of the lab have in common: how they print and fail, how they open keys, how
//! they run validators on this machine, and the ledger as a wallet sees it.

pub mod authority;
pub mod clock;
pub mod failure;
pub mod file;
pub mod genesis;
pub mod interrupt;
pub mod localnet;
pub mod output;
pub mod passphrase;
pub mod protocol;
pub mod question;
pub mod scratch;
pub mod wallet;
