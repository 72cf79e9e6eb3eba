//! Checks proofs of a Quorate ledger offline: with the genesis document or a pinned block alone, and no node to believe.
//! Formats are those of `docs/formats.md`: proofs and their files of section 17, transactions that travel of
//! section 18, codes of refusals of section 23. Pure functions: no disk, no network, no clock.
//!
//! A [`Verifier`] begins with an [`Anchor`], learns committees of later epochs from proofs, and answers each proof with a
//! [`Verdict`] or a [`Refusal`]. What a verdict establishes is plain data ([`Facts`]); it always names the block as of
//! which it holds, as whoever serves proofs may serve old ones.
//!
//! [`page()`] is another verifier, for browsers, which shares no code with this one. The explorer's scripts are made of
//! the same modules.
//!
//! ```
//! use quorate_genesis::Genesis;
//! use quorate_verifier::{Anchor, Refusal, Verifier};
//!
//! /// What a proof file establishes, in lines for people.
//! fn words(genesis: Genesis, file: &[u8]) -> Result<Vec<String>, Refusal> {
//!     let mut verifier = Verifier::new(Anchor { genesis: Some(genesis), pin: None });
//!     let verdicts = verifier.check_file(file)?;
//!     Ok(verdicts.into_iter().flat_map(|verdict| verdict.words).collect())
//! }
//!
//! // Without genesis or pin nothing is believed, and a file that is none is refused by its form already.
//! let mut verifier = Verifier::new(Anchor { genesis: None, pin: None });
//! let refusal = verifier.check_file(b"quorate proof 2 block\n").expect_err("a block has four lines and base64");
//! assert_eq!(refusal.code(), "not_canonical");
//! ```

mod armour;
mod at;
mod facts;
mod file;
mod form;
mod knowledge;
mod page;
mod plain;
mod proof;
mod text;
mod travelling;
mod verdict;
mod verify;
mod words;

pub use facts::{
    BlockEntry, BlockFacts, EpochFacts, ErasedFacts, Facts, GivenUpFacts, HistoryFacts, LeafFacts,
    MayHaveLost, NotExecutedFacts, PrefixFacts, RecoveryFacts, ShownFacts, StatementEntry, StatementFacts,
    TextFacts, TransactionFacts, TwoHistoriesFacts, TwoRecoveriesFacts,
};
pub use file::{MAX_FILE_BYTES, ProofFile};
pub use knowledge::{Anchor, EndedBy, KnownEpoch, Pin, Verifier};
pub use page::{checking_script, drop_script, page, page_policy};
pub use proof::{
    CommitteeStep, End, Item, MAX_ENTRIES, MAX_ITEMS, MAX_PATH, MAX_PROOF_BYTES, MAX_RECOVERY_LEAVES,
    MAX_START_BALANCES, MAX_STATE_PROOFS, MAX_STEPS, MAX_TEXTS, Proof, ProofBody, ProofKind, ProofV1,
    RecoveryStep, Shown, ShownTexts, Start, Statement, There, Trust,
};
pub use quorate_ledger::CertifiedHeader;
pub use travelling::{
    AssetDecimals, CombineError, MAX_TRAVELLING_BYTES, MAX_TRAVELLING_FILE_BYTES, ProvenDecimals, Travelling,
    TravellingV1, condition_words, operation_words,
};
pub use verdict::{Code, Finding, HeadFacts, Refusal, Verdict};
