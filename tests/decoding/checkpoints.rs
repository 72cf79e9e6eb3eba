//! Checkpoints and what goes with them, in the formats of other logs: notes, policies, proofs of inclusion, paths of
//! tiles, and evidence of two notes.

use quorate_checkpoint::{
    Checkpoint, Growth, InclusionFile, Inconsistent, Note, Policy, TilePath, VerifierKey, cosigner, log_key,
    origin, sign_checkpoint, signers_of,
};
use quorate_crypto::SeatNumber;
use quorate_crypto::merkle::{ConsistencyProof, InclusionProof, leaf_hash, root_of_hashes};

use crate::binary::{NETWORK, committee, key};

pub(crate) fn note(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else {
        return;
    };
    assert_eq!(note.to_string().as_bytes(), bytes, "a second text of one note");
    let again = Note::new(note.text().to_owned(), note.signatures().to_vec());
    assert_eq!(again.unwrap(), note);
    if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
        assert_eq!(checkpoint.to_string(), note.text());
    }
    let _ = quorate_checkpoint::signed_by(&note, &signers_of(&NETWORK, &committee()));
}

pub(crate) fn policy(bytes: &[u8]) {
    let Ok(policy) = Policy::parse(bytes) else {
        return;
    };
    assert_eq!(Policy::parse(policy.to_string().as_bytes()).as_ref(), Ok(&policy));
    for seed in notes() {
        let _ = policy.check(&Note::parse(&seed).unwrap());
    }
    let keys = policy.logs().iter().map(|log| &log.key);
    for key in keys.chain(policy.witnesses().iter().map(|witness| &witness.key)) {
        assert_eq!(key.to_string().parse::<VerifierKey>().as_ref(), Ok(key));
    }
}

pub(crate) fn inconsistent(bytes: &[u8]) {
    let Ok(evidence) = Inconsistent::parse(bytes) else {
        return;
    };
    assert_eq!(
        evidence.to_string().as_bytes(),
        bytes,
        "a second file of one evidence"
    );
    let _ = evidence.check(&origin(&NETWORK), &signers_of(&NETWORK, &committee()));
}

/// What others put beside a proof is passed over, so it is not written again.
pub(crate) fn inclusion(bytes: &[u8]) {
    let Ok(file) = InclusionFile::parse(bytes) else {
        return;
    };
    assert_eq!(
        InclusionFile::parse(file.to_string().as_bytes()),
        Ok(file.clone())
    );
    let _ = file.check(b"entry");
}

pub(crate) fn tile_path(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
    }
}

/// Notes of the committee's first validator, of a log of so many entries.
fn note_of(size: u8, name: u8) -> Note {
    let leaves = leaves(size, name);
    let checkpoint = Checkpoint::new(origin(&NETWORK), leaves.len() as u64, root_of_hashes(&leaves));
    let seat = committee().seats()[0].seat;
    // The witness key of that seat.
    sign_checkpoint(&NETWORK, seat, &key(0x81), &checkpoint, 1_767_225_600)
}

fn leaves(size: u8, name: u8) -> Vec<quorate_crypto::Digest> {
    (0..size).map(|number| leaf_hash(&[name, number])).collect()
}

pub(crate) fn notes() -> Vec<Vec<u8>> {
    let note = note_of(3, 0);
    let text = "a text of\n\nseveral lines\n".to_owned();
    let other = Note::new(text, note.signatures().to_vec()).unwrap();
    vec![note.to_string().into_bytes(), other.to_string().into_bytes()]
}

pub(crate) fn policies() -> Vec<Vec<u8>> {
    let committee = committee();
    let witness = cosigner(&NETWORK, SeatNumber(99), key(99).public());
    let of = |witnesses: &[VerifierKey]| {
        let policy = Policy::of_committee(&NETWORK, &committee, committee.quorum(), witnesses, 1);
        policy.to_string().into_bytes()
    };
    let by_hand = format!(
        "# by hand\nlog\t{} https://log.example\nquorum none\n",
        log_key(&NETWORK, key(1).public())
    );
    vec![of(&[]), of(&[witness]), by_hand.into_bytes()]
}

pub(crate) fn evidence() -> Vec<Vec<u8>> {
    let larger = leaves(9, 1);
    let growth = Growth {
        root: root_of_hashes(&larger[..3]),
        path: ConsistencyProof::new(&larger, 3).unwrap().path,
    };
    [
        Inconsistent::of_one_size(note_of(3, 0), note_of(3, 1)),
        Inconsistent::of_two_sizes(note_of(3, 0), note_of(9, 1), growth),
    ]
    .map(|evidence| evidence.to_string().into_bytes())
    .to_vec()
}

pub(crate) fn inclusions() -> Vec<Vec<u8>> {
    let proof = InclusionProof::new(&leaves(9, 0), 4).unwrap();
    let file = InclusionFile {
        index: proof.index,
        path: proof.path,
        note: note_of(9, 0),
    };
    let text = file.to_string();
    let with_extra = text.replacen("\nindex", "\nextra AAAA\nindex", 1);
    vec![text.into_bytes(), with_extra.into_bytes()]
}

pub(crate) fn tile_paths() -> Vec<Vec<u8>> {
    ["tile/0/000", "tile/entries/x001/x234/067.p/5", "tile/63/x001/000"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
