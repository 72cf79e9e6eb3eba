//! Makes proofs of what a chain holds, which anybody can check offline with `quorate-verifier`. Formats are those of
//! `docs/formats.md`, sections 9, 12, 13 and 17.
//!
//! Every proof is in the one form that the page allows: the same question about the same block gives the same bytes, but
//! for the choice of seals, where the lowest validators' are taken. What it costs follows from the question and not from
//! the chain's age: logarithms of what there is, and the entries that are shown. A prover also looks whether what it
//! read fits together, and rather gives a [`ProveError`] than a proof that would be refused.
//!
//! A chain is read through [`Source`], of which each method says what answers it on a node's disk. [`MemoryChain`]
//! answers from memory.
//!
//! ```
//! use quorate_crypto::{
//!     Certificate, CertificateV1, ClientSigningKey, Engine, Epoch, Height, Seal, SealContent, SigningKey,
//!     ValidatorIndex,
//! };
//! use quorate_genesis::{Draft, DraftV1, Genesis, Join, JoinKeys};
//! use quorate_ledger::{
//!     BlockInput, MemoryState, Parameters, Prefix, Proposal, Rules, Timestamp, Tip, execute,
//! };
//! use quorate_prover::{Addition, MemoryChain, Source, prove_state};
//! use quorate_verifier::{Anchor, Verifier};
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
//! let (state, mut chain) = (genesis.state(), MemoryChain::of_genesis(&genesis));
//! let tip = Tip::genesis(genesis.id(), genesis.time(), state.root);
//! let proposal = Proposal::new(Timestamp(genesis.time().0 + 1_000), Vec::new());
//! let parameters = genesis.parameters().v1();
//! let input = BlockInput { tip: &tip, proposal: &proposal, batches: &[], parameters };
//! let execution = execute(&input, &MemoryState::genesis(&state), &mut state.tree())?;
//! let (epoch, height, block) = (Epoch(0), Height(1), execution.block_hash);
//! let signature = SealContent::new(genesis.id(), epoch, height, block).sign(&validator);
//! let seals = vec![Seal { validator: ValidatorIndex(0), signature }];
//! let certificate = Certificate::V1(CertificateV1 { epoch, height, block, seals });
//! chain.append(Addition::of(&execution, certificate, &[], &[]));
//!
//! // What the member has, as a file that the genesis document is enough to check.
//! let prefix = Prefix::account(&account.key().address());
//! let proof = prove_state(&chain, chain.height(), &[prefix])?;
//! let mut verifier = Verifier::new(Anchor { genesis: Some(genesis), pin: None });
//! let verdicts = verifier.check_file(proof.to_file().as_bytes())?;
//! assert_eq!(verdicts.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod balances;
mod block;
mod committees;
mod error;
mod head;
mod log;
mod memory;
mod not_executed;
mod shown;
mod source;
mod state;
mod statement;
mod transaction;

use quorate_ledger::encode;
use quorate_verifier::{MAX_PROOF_BYTES, Proof, ProofBody, ProofV1};

pub use block::prove_block;
pub use committees::{TrustedStart, prove_committees};
pub use error::{Part, ProveError};
pub use memory::{Addition, Body, MemoryChain};
pub use not_executed::prove_not_executed;
pub use shown::{Show, ShowTexts};
pub use source::{EpochRow, HistoryRow, HistoryStep, Source, WaypointRow};
pub use state::prove_state;
pub use statement::{Beside, StatementRequest, balances_by_walking_back, prove_statement};
pub use transaction::{prove_entry, prove_transaction, prove_whole_transaction};

/// The proof with this body, unless it is longer than a proof may be.
fn finish<S: Source>(source: &S, body: ProofBody) -> Result<Proof, ProveError<S::Error>> {
    let network = source.network();
    let proof = Proof::V1(ProofV1 { network, body });
    error::check_count::<S>("bytes", encode(&proof).len(), MAX_PROOF_BYTES)?;
    Ok(proof)
}
