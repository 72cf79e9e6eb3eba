//! Genesis documents: how members who do not trust each other agree on a network's beginning.
//!
//! One of them writes a [`Draft`]: the network's name, its members' names, its consensus protocol, its
//! assets, first balances and parameters. Every member reads it, makes keys of its own and signs the
//! draft's hash with them, which gives a [`Join`]. Whoever assembles draft and joins into one document
//! can change nothing unseen: each join names the draft by its hash, all members must have joined it,
//! and nobody else may have. The hash of the checked document ([`Genesis`]) is the network's id.
//!
//! Documents are TOML for people to review. Hashes are over their canonical content
//! (`docs/formats.md`, section 11), so spaces, comments and the order of joins do not matter.
//!
//! ```
//! use quorate_crypto::{Protocol, SigningKey};
//! use quorate_genesis::{Draft, DraftV1, Genesis, Join, JoinKeys, parse_time};
//! use quorate_ledger::Parameters;
//!
//! let draft = Draft::V1(DraftV1 {
//!     network: "example".to_owned(),
//!     engine: Protocol::Pbft,
//!     time: parse_time("2026-01-31T12:00:00Z").expect("a time"),
//!     members: vec!["alpha".to_owned()],
//!     parameters: Parameters::default(),
//!     assets: Vec::new(),
//! });
//! let reviewed = Draft::parse(&draft.to_toml())?;
//!
//! // Each member makes its own keys and hands over the join file alone.
//! let (validator, node, member) = (SigningKey::generate(), SigningKey::generate(), SigningKey::generate());
//! let keys = JoinKeys { validator: &validator, node: &node, member: &member };
//! let join = Join::sign(&reviewed, "alpha", keys, vec!["/dns/alpha.example.org/tcp/9100".to_owned()])?;
//!
//! let (text, genesis) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()])?;
//! assert_eq!(Genesis::parse(&text)?.network_id(), genesis.network_id());
//! assert_eq!(genesis.committee().quorum(), 1);
//! # Ok::<(), quorate_genesis::GenesisError>(())
//! ```

mod diff;
mod document;
mod draft;
mod error;
mod genesis;
mod join;
mod looks;
mod text;

pub use diff::{Difference, diff, diff_drafts, diff_join};
pub use document::MAX_BYTES;
pub use draft::{
    Draft, DraftAsset, DraftBalance, DraftV1, MAX_ASSETS, MAX_BALANCES, MAX_MEMBER_NAME, MAX_NETWORK_NAME,
};
pub use error::{GenesisError, Place, Problem};
pub use genesis::{Genesis, InitialState, PROTOCOL_VERSION, ValidatorInfo};
pub use join::{Join, JoinBody, JoinBodyV1, JoinKeys, JoinV1, MAX_ADDRESS, MAX_ADDRESSES};
pub use looks::check_looks;
pub use quorate_ledger::format_amount;
pub use text::{format_time, parse_amount, parse_time};
