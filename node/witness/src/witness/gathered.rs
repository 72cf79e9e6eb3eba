//! What validators signed of the log, by texts, from whoever shows it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use quorate_checkpoint::{Checkpoint, Note, NoteSignature, SignedBy, Signer, signed_by};
use quorate_crypto::SeatNumber;

/// Notes that nodes and witnesses show.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    origin: &'a str,
    signers: &'a [Signer],
    texts: BTreeMap<String, Signed>,
}

/// A text, and the validators that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) checkpoint: Checkpoint,
    pub(super) seats: BTreeMap<SeatNumber, SignedBy>,
    /// Who showed it.
    pub(super) shown_by: BTreeSet<String>,
}

impl<'a> Gathered<'a> {
    /// Nothing yet, of the log with this origin and these signers.
    pub(super) fn new(origin: &'a str, signers: &'a [Signer]) -> Self {
        Self {
            origin,
            signers,
            texts: BTreeMap::new(),
        }
    }

    /// Adds what validators signed of a note.
    ///
    /// # Errors
    /// Why nothing of it counts.
    pub(super) fn add(&mut self, by: &str, note: &Note) -> Result<(), String> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
        if checkpoint.origin() != self.origin {
            return Err(format!("its checkpoint is of the log {}", checkpoint.origin()));
        }
        let signed = signed_by(note, self.signers).map_err(|error| error.to_string())?;
        if signed.is_empty() {
            return Err("no validator that is known has signed its checkpoint".to_owned());
        }
        // A checkpoint with lines that mean nothing here is another text, and says the same.
        let text = self.texts.entry(note.text().to_owned());
        let text = text.or_insert_with(|| Signed {
            checkpoint,
            seats: BTreeMap::new(),
            shown_by: BTreeSet::new(),
        });
        text.shown_by.insert(by.to_owned());
        for signed in signed {
            match text.seats.entry(signed.seat) {
                Entry::Vacant(place) => {
                    place.insert(signed);
                }
                Entry::Occupied(mut place) => {
                    let known = place.get_mut();
                    known.log = known.log.take().or(signed.log);
                    known.cosignature = known.cosignature.take().or(signed.cosignature);
                }
            }
        }
        Ok(())
    }

    /// What was signed of a text.
    pub(super) fn of(&self, text: &str) -> Option<&Signed> {
        self.texts.get(text)
    }

    /// All texts.
    pub(super) fn all(&self) -> impl Iterator<Item = &Signed> {
        self.texts.values()
    }
}

impl Signed {
    /// A note with all that was signed of it.
    pub(super) fn note(&self) -> Note {
        let lines: Vec<NoteSignature> = self
            .seats
            .values()
            .flat_map(|signed| [&signed.log, &signed.cosignature])
            .flatten()
            .cloned()
            .collect();
        Note::new(self.checkpoint.to_string(), lines)
            .expect("at least one validator signed it, and a committee's lines are few")
    }
}

#[cfg(test)]
mod tests {
    use quorate_checkpoint::{origin, sign_checkpoint, signers_of};
    use quorate_crypto::{Committee, CommitteeSeat, Digest, Engine, Epoch, MemberNumber, SigningKey, sha256};

    use super::*;

    const NETWORK: Digest = Digest([1; 32]);

    fn key(number: u32) -> SigningKey {
        SigningKey::from_seed(&sha256(&number.to_be_bytes()).0)
    }

    /// Four validators, whose witness keys have the numbers of their seats.
    fn signers() -> Vec<Signer> {
        let seat = |seat: u32| CommitteeSeat {
            member: MemberNumber(seat),
            seat: SeatNumber(seat),
            validator: key(seat + 10).public(),
            node: key(seat + 20).public(),
            witness: key(seat).public(),
        };
        let committee = Committee::new(Epoch(0), Engine::Pbft, 1, (0..4).map(seat).collect());
        signers_of(&NETWORK, &committee)
    }

    fn note(seat: u32, size: u64, root: &[u8]) -> Note {
        let checkpoint = Checkpoint::new(origin(&NETWORK), size, sha256(root));
        sign_checkpoint(&NETWORK, SeatNumber(seat), &key(seat), &checkpoint, 17)
    }

    #[test]
    fn lines_of_one_text_come_together() {
        let (origin, signers) = (origin(&NETWORK), signers());
        let mut gathered = Gathered::new(&origin, &signers);
        for (by, seat) in [("a", 0), ("b", 1), ("c", 1)] {
            gathered.add(by, &note(seat, 5, b"one")).unwrap();
        }
        gathered.add("b", &note(1, 5, b"two")).unwrap();
        assert_eq!(gathered.all().count(), 2);
        let text = note(0, 5, b"one").text().to_owned();
        let signed = gathered.of(&text).unwrap();
        assert_eq!(signed.shown_by.len(), 3);
        let whole = signed.note();
        assert_eq!(whole.signatures().len(), 4);
        assert_eq!(signed_by(&whole, &signers).unwrap().len(), 2);
    }

    #[test]
    fn halves_of_a_signature_make_a_whole() {
        let (origin, signers) = (origin(&NETWORK), signers());
        let mut gathered = Gathered::new(&origin, &signers);
        let whole = note(2, 5, b"one");
        for line in whole.signatures() {
            let half = Note::new(whole.text().to_owned(), vec![line.clone()]).unwrap();
            gathered.add("a", &half).unwrap();
        }
        assert_eq!(gathered.of(whole.text()).unwrap().note(), whole);
    }

    #[test]
    fn what_no_validator_signed_counts_for_nothing() {
        let (origin, signers) = (origin(&NETWORK), signers());
        let mut gathered = Gathered::new(&origin, &signers);
        let stranger = note(7, 5, b"one");
        assert!(gathered.add("a", &stranger).is_err());
        let elsewhere = Checkpoint::new("elsewhere".to_owned(), 5, sha256(b"one"));
        let elsewhere = sign_checkpoint(&NETWORK, SeatNumber(0), &key(0), &elsewhere, 17);
        assert!(gathered.add("a", &elsewhere).is_err());
        let mut forged = note(0, 5, b"one").signatures().to_vec();
        forged[0].signature[0] ^= 1;
        let forged = Note::new(note(0, 5, b"one").text().to_owned(), forged).unwrap();
        assert!(gathered.add("a", &forged).is_err());
        assert_eq!(gathered.all().count(), 0);
    }
}
