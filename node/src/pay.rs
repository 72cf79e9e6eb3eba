//! Bulk payments: every row of a file is paid at most once, whatever is interrupted, lost or repeated.
//!
//! Rows are packed into transactions whose bounds follow from the file alone, and whose salts follow from the file and
//! the wallet's secret (`docs/formats.md`, section 4). So whoever has both comes to the same bytes, and nobody else can
//! guess a memo from its hash. What holds:
//!
//! - **Signed bytes are on disk before they are sent**, in the journal beside the file (section 18), and after an
//!   interruption the same bytes are sent again. A transaction's id executes at most once.
//! - **What became of them** is noted in another file beside it, which is never needed: what it says is found on the
//!   ledger again.
//! - **Expiry is a function of certified time**: the first ten-minute mark after it. So a wallet that lost
//!   its journal arrives at the same bytes as the one before it, as long as those can still be executed.
//! - **A row is signed anew only once a certified block is past the old expiry** and the ledger, read at
//!   that block, did not execute the old transaction.
//! - **Before anything is signed it is looked for what was paid of the file with the same secret**: by an earlier run
//!   without its journal, by another machine, by signers who submitted what was built. The look is taken up to a
//!   certified height whose time then fixes the expiry: whatever was sent before and was not executed by then can no
//!   longer be executed or has the very id that is sent. What has expired is signed anew only after another look, up to
//!   the block that showed that it has.
//! - **With the genesis document no node's word counts in that look**: certified blocks are looked through, and
//!   the bounds of expiry are the document's. Without it the nodes prove the sender's statement, of which nothing can be
//!   left out, and a transaction counts only under the id that the rows themselves give.
//! - A transaction is all or nothing. If an operation of a packed one cannot be executed, its rows are paid
//!   one by one instead. That this was decided is on the ledger before the first of them is sent: as the
//!   packed transaction's own failure, or, where a node refused it beforehand, as a payment of one unit
//!   from the sender to itself with a salt of its own.
//! - **What is built for others to sign** is in the journal before it leaves. It expires at a midnight, so that
//!   all who build it on a day build the same, and until then nothing else is signed for its rows.
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
