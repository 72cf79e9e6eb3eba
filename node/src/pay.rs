//! Bulk payments: every row of a file is paid at most once, whatever is interrupted, lost or repeated.
//!
//! Rows are packed into transactions whose bounds and salts follow from the file alone. What holds:
//!
//! - **Signed bytes are on disk before they are sent**, in the journal beside the file, and after an
//!   interruption the same bytes are sent again. A transaction's id executes at most once.
//! - **Expiry is a function of certified time**: the first ten-minute mark after it. So a wallet that lost
//!   its journal arrives at the same bytes as the one before it, as long as those can still be executed.
//! - **A row is signed anew only once a certified block is past the old expiry** and the ledger, read at
//!   that block, did not execute the old transaction.
//! - **Without a journal the sender's whole history is read** for the file's salts, and rows found there
//!   are not sent. It is read at a certified height whose time then fixes the expiry: whatever was sent
//!   before and is not in that history either can no longer be executed or has the very id that is sent.
//! - A transaction is all or nothing. If an operation of a packed one cannot be executed, its rows are paid
//!   one by one instead. That this was decided is on the ledger before the first of them is sent: as the
//!   packed transaction's own failure, or, where a node refused it beforehand, as a payment of one unit
//!   from the sender to itself with a salt of its own.
//!
//! An expiry at which a transaction was executed and failed is not used again for the same rows, so that
//! running the file again tries refused rows again.

pub(crate) mod file;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod plan;
pub(crate) mod result;
pub(crate) mod run;
mod table;
