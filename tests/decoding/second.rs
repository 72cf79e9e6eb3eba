//! Decoders of the second format (`docs/formats-2.md`). Their seeds are what the page prints in section 24, and vectors
//! of every kind by the verifier in Python.

mod ledger;
mod printed;
mod proofs;
mod seeds;
mod text;

use crate::Decoder;

macro_rules! decoders {
    ($($name:ident: $run:path, $seeds:path;)*) => {
        /// All of them.
        pub const DECODERS: &[Decoder] = &[
            $(Decoder { name: stringify!($name), run: $run, seeds: $seeds },)*
        ];
    };
}

decoders! {
    transaction: ledger::transaction, seeds::transactions;
    submission: ledger::submission, seeds::submissions;
    batch: ledger::batch, seeds::batches;
    certified_block: ledger::certified_block, seeds::certified_blocks;
    state_value: ledger::state_value, seeds::state_values;
    state_proof: ledger::state_proof, seeds::state_proofs;
    genesis: text::genesis, seeds::geneses;
    genesis_text: text::genesis_text, seeds::genesis_texts;
    proof: proofs::proof, seeds::proofs;
    proof_file: proofs::proof_file, seeds::proof_files;
    travelling: proofs::travelling, seeds::travelling;
    key_file: text::key_file, seeds::key_files;
}

/// Runs the decoder of this name, as a fuzz target does.
pub fn run(name: &str, bytes: &[u8]) {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name);
    (decoder.expect("a target is named after its decoder").run)(bytes);
}
