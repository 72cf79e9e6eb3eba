//! Genesis documents: how members who do not trust each other agree on a network's beginning.
//!
//! One of them writes a [`Draft`]: the network's name, its members' names, its consensus protocol, its
//! parameters and rules, its assets, first balances, members' accounts and rights. Every member reads it, makes
//! keys of its own and signs the draft's hash with them, which gives a [`Join`]. Whoever assembles draft and joins
//! into one document can change nothing unseen: each join names the draft by its hash, all members must have
//! joined it, and nobody else may have. The hash of the checked document ([`Genesis`]) is the network's id; its
//! committee and its whole first state follow from it.
//!
//! Documents are TOML for people to review. Hashes are over their canonical content (`docs/formats.md`,
//! section 16), so spaces, comments and the order of joins, accounts, grants and signers do not matter; the order of
//! members, assets and balances does. Which of a join's administrators signed is part of the id and signed by nobody:
//! so people compare the id.
//!
//! ```
//! use quorate_crypto::{ClientSigningKey, Engine, SigningKey};
//! use quorate_genesis::{Draft, DraftV1, Genesis, Join, JoinKeys, parse_time};
//! use quorate_ledger::{Parameters, Rules};
//!
//! let draft = Draft::V1(DraftV1 {
//!     network: "example".to_owned(),
//!     engine: Engine::Pbft,
//!     time: parse_time("2026-01-31T12:00:00Z").expect("a time"),
//!     members: vec!["alpha".to_owned()],
//!     parameters: Parameters::default(),
//!     rules: Rules::default(),
//!     assets: Vec::new(),
//!     accounts: Vec::new(),
//!     grants: Vec::new(),
//! });
//! let reviewed = Draft::parse(&draft.to_toml())?;
//!
//! // Each member makes its own keys and hands over the join file alone.
//! let [validator, node, witness] = [1, 2, 3].map(|_| SigningKey::generate());
//! let account = ClientSigningKey::generate_ed25519();
//! let keys = JoinKeys {
//!     validator: &validator,
//!     node: &node,
//!     witness: &witness,
//!     account: &account,
//!     signers: None,
//!     administrators: &[],
//! };
//! let join = Join::sign(&reviewed, "alpha", keys, vec!["/dns/alpha.example.org/tcp/9100".to_owned()])?;
//!
//! let (text, genesis) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()])?;
//! assert_eq!(Genesis::parse(&text)?.id(), genesis.id());
//! assert_eq!(Genesis::decode(&genesis.canonical_bytes())?, genesis);
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
mod reader;
mod rights;
mod settings;
mod state;
mod text;

pub use diff::{Difference, diff, diff_drafts, diff_join};
pub use document::MAX_BYTES;
pub use draft::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, DraftV2, MAX_ACCOUNTS, MAX_ASSETS,
    MAX_BALANCES, MAX_GRANTS, MAX_MEMBER_NAME, MAX_MEMBERS, MAX_NETWORK_NAME,
};
pub use error::{GenesisError, Place, Problem};
pub use genesis::{Genesis, ValidatorInfo};
pub use join::{Join, JoinBody, JoinBodyV1, JoinKeys, JoinV1, MAX_ADDRESS, MAX_ADDRESSES, MAX_SIGNERS};
pub use looks::check_looks;
pub use quorate_ledger::{format_amount, format_time};
pub use text::{parse_amount, parse_time};
