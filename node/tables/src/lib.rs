//! The ledger as tables: Parquet files, parted by day, for the tools that auditors know, and their check down to the cell
//! (`docs/tables.md`).
//!
//! [`export`] reads a chain through [`Source`] and writes a folder, or goes on with one: days that are over are never
//! touched again, and the same chain gives the same files. [`Reexecution`] makes a source of certified blocks. [`verify`]
//! checks a folder with the genesis document alone: every cell of blocks and transactions is bound by a hash under the
//! certified head, and all other rows follow from these.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use quorate_crypto::{
//!     Certificate, CertificateV1, ClientSigningKey, Engine, Epoch, Height, Seal, SealContent, SigningKey,
//!     ValidatorIndex,
//! };
//! use quorate_genesis::{Draft, DraftV1, Genesis, Join, JoinKeys};
//! use quorate_ledger::{
//!     BlockInput, CertifiedBlock, CertifiedBlockV1, MemoryState, Parameters, Proposal, Rules, Timestamp, Tip,
//!     execute,
//! };
//! use quorate_tables::{Reexecution, export, verify};
//!
//! // A network of one member.
//! let draft = Draft::V1(DraftV1 {
//!     network: "example".to_owned(),
//!     engine: Engine::Pbft,
//!     time: Timestamp(1_769_860_800_000),
//!     members: vec!["alpha".to_owned()],
//!     parameters: Parameters::default(),
//!     rules: Rules::default(),
//!     assets: Vec::new(),
//!     accounts: Vec::new(),
//!     grants: Vec::new(),
//! });
//! let [validator, node, witness] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
//! let account = ClientSigningKey::generate_ed25519();
//! let keys = JoinKeys {
//!     validator: &validator,
//!     node: &node,
//!     witness: &witness,
//!     account: &account,
//!     signers: None,
//!     administrators: &[],
//! };
//! let join = Join::sign(&draft, "alpha", keys, Vec::new())?;
//! let (_, genesis) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()])?;
//!
//! // Its first block, which is empty.
//! let state = genesis.state();
//! let tip = Tip::genesis(genesis.id(), genesis.time(), state.root);
//! let proposal = Proposal::new(Timestamp(genesis.time().0 + 1_000), Vec::new());
//! let parameters = genesis.parameters().v1();
//! let input = BlockInput { tip: &tip, proposal: &proposal, batches: &[], parameters };
//! let executed = execute(&input, &MemoryState::genesis(&state), &mut state.tree())?;
//! let (epoch, height, block) = (Epoch(0), Height(1), executed.block_hash);
//! let signature = SealContent::new(genesis.id(), epoch, height, block).sign(&validator);
//! let seals = vec![Seal { validator: ValidatorIndex(0), signature }];
//! let certified = CertifiedBlock::V1(CertifiedBlockV1 {
//!     block: executed.block,
//!     certificate: Certificate::V1(CertificateV1 { epoch, height, block, seals }),
//!     batches: Vec::new(),
//!     texts: Vec::new(),
//! });
//!
//! // As tables.
//! let folder = tempfile::tempdir()?;
//! let mut source = Reexecution::new(&genesis, [Ok::<_, Infallible>(certified)].into_iter())?;
//! let exported = export(folder.path(), &genesis, &mut source, false, &mut |_| ())?;
//! assert_eq!((exported.head.height, exported.days), (Height(1), 1));
//! assert!(verify(folder.path(), &genesis, None)?.is_good());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod books;
mod bounds;
mod csv_files;
mod day;
mod difference;
mod digests;
mod error;
mod export;
mod finding;
mod folder;
mod holds;
mod layout;
mod making;
mod manifest;
mod reading;
mod reexecution;
mod rows;
mod schema;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod writing;

pub use day::{Day, NotADay};
pub use error::{ExportError, FolderError, WriteError};
pub use export::{Exported, export};
pub use finding::{Finding, Report, What};
pub use folder::{MANIFEST, is_tables};
pub use manifest::{DayManifest, Head, Manifest};
pub use reading::root_of;
pub use reexecution::{Reexecution, ReexecutionError};
pub use source::{ExecutedBlock, ExecutedIntent, Source, Start};
pub use table::{Column, Kind, Table};
pub use verify::verify;
