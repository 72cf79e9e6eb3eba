//! Every decoder of bytes from outside, each as a function that takes any bytes at all: it may refuse them, it
//! must not panic, and what it accepts must be the one encoding of what it gives.
//!
//! Two things feed them: the tests beside this, with mutated golden encodings, and libFuzzer (`tests/fuzz`). Many of
//! the seeds are what the page prints (`docs/formats.md`, section 24), and vectors of every kind by the verifier in
//! Python.

#![allow(clippy::unwrap_used, reason = "a check fails by panicking")]

mod binary;
mod bundles;
mod checkpoints;
mod ledger;
mod printed;
mod proofs;
mod seeds;
mod tables;
mod text;

/// A decoder, and good input to begin with.
pub struct Decoder {
    /// Its name, which is also that of its fuzz target.
    pub name: &'static str,
    /// Decodes the bytes and checks what came of it.
    pub run: fn(&[u8]),
    /// Encodings that it accepts.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

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
    proposal: binary::proposal, seeds::proposals;
    header: binary::header, seeds::headers;
    certified_block: ledger::certified_block, seeds::certified_blocks;
    bundle: bundles::bundle, seeds::bundles;
    part: bundles::part, seeds::parts;
    certificate: binary::certificate, seeds::certificates;
    log_entry: binary::log_entry, seeds::log_entries;
    state_value: ledger::state_value, seeds::state_values;
    state_proof: ledger::state_proof, seeds::state_proofs;
    message: binary::message, seeds::messages;
    record: binary::record, seeds::records;
    recording: binary::recording, seeds::recordings;
    recording_frame: binary::recording_frame, seeds::recording_frames;
    frames: binary::frames, seeds::frames;
    handshake: binary::handshake, seeds::handshakes;
    genesis: text::genesis, seeds::geneses;
    genesis_text: text::genesis_text, seeds::genesis_texts;
    proof: proofs::proof, seeds::proofs;
    proof_file: proofs::proof_file, seeds::proof_files;
    travelling: proofs::travelling, seeds::travelling;
    key_file: text::key_file, seeds::key_files;
    address: text::address, seeds::addresses;
    amount: text::amount, seeds::amounts;
    time: text::time, seeds::times;
    api_input: text::api_input, seeds::api_inputs;
    events: text::events, seeds::events;
    note: checkpoints::note, checkpoints::notes;
    policy: checkpoints::policy, checkpoints::policies;
    inconsistent: checkpoints::inconsistent, checkpoints::evidence;
    inclusion: checkpoints::inclusion, checkpoints::inclusions;
    tile_path: checkpoints::tile_path, checkpoints::tile_paths;
    tables_manifest: tables::manifest, tables::manifests;
    tables_day: tables::day, tables::days;
    tables_file: tables::file, tables::files;
}

/// Runs the decoder of this name, as a fuzz target does.
pub fn run(name: &str, bytes: &[u8]) {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name);
    (decoder.expect("a target is named after its decoder").run)(bytes);
}
