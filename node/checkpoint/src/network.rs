//! What Quorate fixes of these formats (`docs/checkpoints.md`, section 1): the log's origin, the names of its keys, and
//! how a validator signs.

use quorate_crypto::{Committee, CommitteeSeat, Digest, PublicKey, SeatNumber, SigningKey};

use crate::checkpoint::Checkpoint;
use crate::key::{BadSignature, KeyKind, KeyName, VerifierKey, cosign, known_lines, sign};
use crate::note::{Note, NoteSignature};

/// A validator as it signs checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its seat.
    pub seat: SeatNumber,
    /// Its witness key under the log's name.
    pub log: VerifierKey,
    /// The same key as a cosigner.
    pub cosigner: VerifierKey,
}

/// What a validator signed of a note; at least one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// Its seat.
    pub seat: SeatNumber,
    /// Its line for the log.
    pub log: Option<NoteSignature>,
    /// Its cosignature.
    pub cosignature: Option<NoteSignature>,
}

/// The origin of a network's log.
pub fn origin(network: &Digest) -> String {
    format!("quorate/{network}")
}

/// The name of a seat's validator as a cosigner. A seat's number is never given twice.
pub fn seat_name(network: &Digest, seat: SeatNumber) -> KeyName {
    made(format!("{}/seat-{seat}", origin(network)))
}

/// A validator's witness key under the log's name: one of those that may sign for the log.
pub fn log_key(network: &Digest, witness: PublicKey) -> VerifierKey {
    VerifierKey::new(made(origin(network)), KeyKind::Ed25519, witness)
}

/// A validator's witness key as a cosigner.
pub fn cosigner(network: &Digest, seat: SeatNumber, witness: PublicKey) -> VerifierKey {
    VerifierKey::new(seat_name(network, seat), KeyKind::Cosignature, witness)
}

/// Who signs checkpoints while a committee is in force, in its order.
pub fn signers_of(network: &Digest, committee: &Committee) -> Vec<Signer> {
    let signer = |seat: &CommitteeSeat| Signer {
        seat: seat.seat,
        log: log_key(network, seat.witness),
        cosigner: cosigner(network, seat.seat, seat.witness),
    };
    committee.seats().iter().map(signer).collect()
}

/// A validator's note of a checkpoint: signed for the log, and cosigned at a time in seconds since 1970.
pub fn sign_checkpoint(
    network: &Digest,
    seat: SeatNumber,
    key: &SigningKey,
    checkpoint: &Checkpoint,
    time: u64,
) -> Note {
    let text = checkpoint.to_string();
    let lines = vec![
        sign(key, &made(origin(network)), &text),
        cosign(key, &seat_name(network, seat), &text, time),
    ];
    Note::new(text, lines).expect("a checkpoint's text ends in a line feed, and two lines are few")
}

/// Which of these validators signed a note, in their order. Others' lines are passed over.
///
/// # Errors
/// If a line is of one of their keys, and its signature is not good.
pub fn signed_by(note: &Note, signers: &[Signer]) -> Result<Vec<SignedBy>, BadSignature> {
    let keys: Vec<&VerifierKey> = signers
        .iter()
        .flat_map(|signer| [&signer.log, &signer.cosigner])
        .collect();
    let lines = known_lines(note, &keys)?;
    let of = |key: usize| {
        let own = lines.iter().find(|line| line.key == key);
        own.map(|own| own.line.clone())
    };
    let all = (0..).step_by(2).zip(signers).map(|(key, signer)| SignedBy {
        seat: signer.seat,
        log: of(key),
        cosignature: of(key + 1),
    });
    Ok(all
        .filter(|signed| signed.log.is_some() || signed.cosignature.is_some())
        .collect())
}

fn made(name: String) -> KeyName {
    name.parse()
        .expect("an origin and a seat's number have no spaces, and fewer than 255 bytes")
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Engine, Epoch, MemberNumber, sha256};

    use super::*;
    use crate::key::Cosigned;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    /// Two validators, in seats 7 and 8, whose witness keys have the seeds 3 and 6.
    fn committee() -> Committee {
        let seat = |number: u8| CommitteeSeat {
            member: MemberNumber(number.into()),
            seat: SeatNumber(u32::from(number) + 7),
            validator: key(number * 3 + 1).public(),
            node: key(number * 3 + 2).public(),
            witness: key(number * 3 + 3).public(),
        };
        Committee::new(Epoch(0), Engine::Raft, 1, (0..2).map(seat).collect())
    }

    #[test]
    fn names_and_ids_are_golden() {
        // From Python: hashlib.sha256(name + b"\n" + kind + key).digest()[:4].
        let network = sha256(b"genesis");
        let hex = "aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e";
        let [first, _] = <[Signer; 2]>::try_from(signers_of(&network, &committee())).unwrap();
        assert_eq!(first.log.name().as_str(), format!("quorate/{hex}"));
        assert_eq!(first.cosigner.name().as_str(), format!("quorate/{hex}/seat-7"));
        assert_eq!(first.log.id().to_string(), "eb3c0635");
        assert_eq!(first.cosigner.id().to_string(), "42ce96d2");
    }

    #[test]
    fn a_validators_note_is_signed_for_the_log_and_by_itself() {
        let network = sha256(b"genesis");
        let checkpoint = Checkpoint::new(origin(&network), 3, sha256(b"root"));
        let note = sign_checkpoint(&network, SeatNumber(8), &key(6), &checkpoint, 17);
        assert_eq!(Checkpoint::parse(note.text()), Ok(checkpoint));
        let signers = signers_of(&network, &committee());
        let [own] = <[SignedBy; 1]>::try_from(signed_by(&note, &signers).unwrap()).unwrap();
        assert_eq!(own.seat, SeatNumber(8));
        assert_eq!(own.log.as_ref(), note.signatures().first());
        let cosignature = own.cosignature.unwrap();
        let [other, cosigner] = [0, 1].map(|place: usize| &signers[place].cosigner);
        assert_eq!(cosigner.verify(note.text(), &cosignature), Some(Cosigned::At(17)));
        assert_eq!(other.verify(note.text(), &cosignature), None);
        assert!(signed_by(&note, &signers[..1]).unwrap().is_empty());
    }

    #[test]
    fn one_bad_line_spoils_a_note() {
        let network = sha256(b"genesis");
        let of = |size| Checkpoint::new(origin(&network), size, sha256(b"root"));
        let note = sign_checkpoint(&network, SeatNumber(8), &key(6), &of(3), 17);
        let moved = Note::new(of(4).to_string(), note.signatures().to_vec()).unwrap();
        let signers = signers_of(&network, &committee());
        let refused = signed_by(&moved, &signers).unwrap_err();
        assert_eq!(refused.id, signers[1].log.id());
    }
}
