//! Keys of notes: their names and ids, their text (a *vkey*), and the signatures of the two kinds that are checked here:
//! Ed25519 over the text, and cosignatures over the text and a time (C2SP tlog-cosignature, `cosignature/v1`).

use std::fmt;
use std::str::FromStr;

use quorate_crypto::{Digest, PublicKey, Signature, SigningKey, sign_untagged, verify_untagged};

use crate::note::{MAX_NAME_BYTES, Note, NoteSignature};
use crate::number::{from_base64, to_base64};

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// The last time that a cosignature may have, in seconds since 1970.
const LAST_TIME: u64 = u64::MAX >> 1;

/// The name of a key: not empty, at most 255 bytes, without spaces, plus signs and control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// That a text is no key's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has 1 to {MAX_NAME_BYTES} bytes without spaces, plus signs and control characters")]
pub struct KeyNameError;

/// The id of a key: the beginning of a hash over its name, kind and bytes. It tells keys of one name apart, and proves
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A note's text, with Ed25519.
    Ed25519,
    /// A checkpoint's text and a time, with Ed25519: a cosignature.
    Cosignature,
}

/// A public key that signatures of notes are checked with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    key: PublicKey,
}

/// Why a text is no key of a kind that is checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// Not three parts with plus signs between them, or a part that is none.
    #[error(
        "a verifier's key is a name, 8 lower-case hexadecimal digits and base64, with plus signs between them"
    )]
    Form,
    /// A kind of keys that is not checked here.
    #[error("the key is of kind {kind:#04x}; only 0x01 and 0x04, which are Ed25519, are checked")]
    Kind {
        /// Its number.
        kind: u8,
    },
    /// The id is another key's.
    #[error("the key's id is {expected}, not {got}")]
    Id {
        /// As it follows from the key.
        expected: KeyId,
        /// As given.
        got: KeyId,
    },
    /// The bytes are no key, or one that anybody could sign for.
    #[error("the bytes are no Ed25519 key that may sign")]
    Key,
}

/// A line under a note by a key that is known, whose signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownLine<'a> {
    /// Which of the known keys it is of.
    pub key: usize,
    /// The line.
    pub line: &'a NoteSignature,
    /// What it says beside the text.
    pub says: Cosigned,
}

/// That a line is by a known key, and its signature is not good: then nothing of the note is believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of {name}, id {id}, is not good")]
pub struct BadSignature {
    /// The key's name.
    pub name: KeyName,
    /// Its id.
    pub id: KeyId,
}

/// What a good signature says beside the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cosigned {
    /// Nothing.
    Plain,
    /// When it was made, in seconds since 1970, by the signer's clock.
    At(u64),
}

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len());
        // Unicode's spaces are those of its property White_Space.
        let refused = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
        match fits && !text.contains(refused) {
            true => Ok(Self(text.to_owned())),
            false => Err(KeyNameError),
        }
    }
}

impl KeyKind {
    /// The byte that stands for the kind.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

impl VerifierKey {
    /// A key of this name and kind.
    pub fn new(name: KeyName, kind: KeyKind, key: PublicKey) -> Self {
        Self { name, kind, key }
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its kind.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its bytes.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its id: the first four bytes of `SHA-256(name ‖ 0a ‖ kind ‖ key)`.
    pub fn id(&self) -> KeyId {
        let kind = [self.kind.byte()];
        let parts: [&[u8]; 4] = [self.name.0.as_bytes(), b"\n", &kind, &self.key.0];
        let [first, second, third, fourth, ..] = Digest::of_parts(&parts).0;
        KeyId([first, second, third, fourth])
    }

    /// Whether a line says that this key has signed.
    pub fn is_of(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.id == self.id()
    }

    /// What a line under a text says, if it is this key's and its signature is good.
    pub fn verify(&self, text: &str, line: &NoteSignature) -> Option<Cosigned> {
        if !self.is_of(line) {
            return None;
        }
        let bytes = line.signature.as_slice();
        match self.kind {
            KeyKind::Ed25519 => {
                let signature = Signature(bytes.try_into().ok()?);
                verify_untagged(&self.key, text.as_bytes(), &signature).then_some(Cosigned::Plain)
            }
            KeyKind::Cosignature => {
                let (time, signature) = bytes.split_first_chunk()?;
                let (time, signature) = (u64::from_be_bytes(*time), Signature(signature.try_into().ok()?));
                let is_good = time <= LAST_TIME
                    && verify_untagged(&self.key, cosigned_message(time, text).as_bytes(), &signature);
                is_good.then_some(Cosigned::At(time))
            }
        }
    }
}

/// The lines under a note that are of these keys, in the note's order. Lines of other keys are passed over.
///
/// # Errors
/// If a line is of one of them, and its signature is not good.
pub fn known_lines<'a>(note: &'a Note, keys: &[&VerifierKey]) -> Result<Vec<KnownLine<'a>>, BadSignature> {
    let mut known = Vec::new();
    for line in note.signatures() {
        // Two keys of one name can have one id by accident.
        let mut own = keys
            .iter()
            .enumerate()
            .filter(|(_, key)| key.is_of(line))
            .peekable();
        if own.peek().is_none() {
            continue;
        }
        let good = own.find_map(|(place, key)| Some((place, key.verify(note.text(), line)?)));
        let (key, says) = good.ok_or_else(|| BadSignature {
            name: line.name.clone(),
            id: line.id,
        })?;
        known.push(KnownLine { key, line, says });
    }
    Ok(known)
}

/// Signs a text under a name.
pub fn sign(key: &SigningKey, name: &KeyName, text: &str) -> NoteSignature {
    let signature = sign_untagged(key, text.as_bytes());
    line(key, name, KeyKind::Ed25519, signature.0.to_vec())
}

/// Cosigns a checkpoint's text under a name, at a time in seconds since 1970. A time that no cosignature may have counts
/// as the last one.
pub fn cosign(key: &SigningKey, name: &KeyName, text: &str, time: u64) -> NoteSignature {
    let time = time.min(LAST_TIME);
    let signature = sign_untagged(key, cosigned_message(time, text).as_bytes());
    let mut bytes = Vec::with_capacity(8 + SIGNATURE_BYTES);
    bytes.extend_from_slice(&time.to_be_bytes());
    bytes.extend_from_slice(&signature.0);
    line(key, name, KeyKind::Cosignature, bytes)
}

fn line(key: &SigningKey, name: &KeyName, kind: KeyKind, signature: Vec<u8>) -> NoteSignature {
    let own = VerifierKey::new(name.clone(), kind, key.public());
    NoteSignature {
        id: own.id(),
        name: own.name,
        signature,
    }
}

/// What a cosignature is over.
fn cosigned_message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let form = VerifierKeyError::Form;
        // Base64 has plus signs, too, and names have none.
        let (name, rest) = text.split_once('+').ok_or(form)?;
        let (id, data) = rest.split_once('+').ok_or(form)?;
        let name: KeyName = name.parse().map_err(|KeyNameError| form)?;
        let got: KeyId = id.parse().map_err(|_| form)?;
        // A longer key is of another kind, and its kind is told.
        let head = data.get(..4).unwrap_or(data);
        let kind = from_base64(head).or_else(|| from_base64(data));
        let kind = match kind.and_then(|bytes| bytes.first().copied()).ok_or(form)? {
            0x01 => KeyKind::Ed25519,
            0x04 => KeyKind::Cosignature,
            kind => return Err(VerifierKeyError::Kind { kind }),
        };
        // A kind and a key are 33 bytes, 44 letters.
        let bytes = (data.len() == 44)
            .then(|| from_base64(data))
            .flatten()
            .ok_or(form)?;
        let (_, key) = bytes.split_first().ok_or(form)?;
        let key = PublicKey(key.try_into().map_err(|_| form)?);
        if key.check_registrable().is_err() {
            return Err(VerifierKeyError::Key);
        }
        let read = Self::new(name, kind, key);
        match read.id() {
            expected if expected == got => Ok(read),
            expected => Err(VerifierKeyError::Id { expected, got }),
        }
    }
}

impl FromStr for KeyId {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let mut bytes = [0; 4];
        let is_lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if is_lower => Ok(Self(bytes)),
            _ => Err(VerifierKeyError::Form),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = [[self.kind.byte()].as_slice(), &self.key.0].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), to_base64(&data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Note;

    /// Keys that others have published: of Go's checksum database, and of the example in Go's package `note`.
    const PUBLISHED: [&str; 2] = [
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ];

    fn name(text: &str) -> KeyName {
        text.parse().unwrap()
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    #[test]
    fn published_keys_have_their_ids() {
        for text in PUBLISHED {
            let key: VerifierKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(key.kind(), KeyKind::Ed25519);
        }
    }

    #[test]
    fn a_published_signature_is_good_and_only_over_its_text() {
        let key: VerifierKey = PUBLISHED[1].parse().unwrap();
        let text = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n";
        let line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let note = Note::parse(format!("{text}\n{line}\n").as_bytes()).unwrap();
        let line = &note.signatures()[0];
        assert_eq!(key.verify(note.text(), line), Some(Cosigned::Plain));
        assert_eq!(key.verify("another\n", line), None);
        let other: VerifierKey = PUBLISHED[0].parse().unwrap();
        assert_eq!(other.verify(note.text(), line), None);
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_reason() {
        let [good, _] = PUBLISHED;
        for (text, error) in [
            (good.replace("+033", "-033"), VerifierKeyError::Form),
            (good.replace("033de0ae", "033DE0AE"), VerifierKeyError::Form),
            (good.replace("033de0ae", "033de0"), VerifierKeyError::Form),
            (good.replace("sum.golang", "sum golang"), VerifierKeyError::Form),
            (format!("{good}AAAA"), VerifierKeyError::Form),
            (good[1..].to_owned() + "=", VerifierKeyError::Form),
            // The kind is the first byte: 06 is ML-DSA-44.
            (good.replace("+Ac4z", "+Bs4z"), VerifierKeyError::Kind { kind: 6 }),
            (
                good.replace("sum.", "sums."),
                VerifierKeyError::Id {
                    expected: VerifierKey::new(
                        name("sums.golang.org"),
                        KeyKind::Ed25519,
                        *good.parse::<VerifierKey>().unwrap().key(),
                    )
                    .id(),
                    got: KeyId([0x03, 0x3d, 0xe0, 0xae]),
                },
            ),
        ] {
            assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
        }
        // A key of small order, for which anybody can sign.
        let small = VerifierKey::new(name("a"), KeyKind::Ed25519, PublicKey([0; 32])).to_string();
        assert_eq!(small.parse::<VerifierKey>(), Err(VerifierKeyError::Key));
    }

    #[test]
    fn names_have_no_spaces_plus_signs_and_control_characters() {
        let longest = "a".repeat(MAX_NAME_BYTES);
        for good in ["a", "quorate/00", "bank.example/w1", "ü", longest.as_str()] {
            assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
        }
        let longer = format!("{longest}a");
        for bad in [
            "",
            "a b",
            "a+b",
            "a\u{2003}b",
            "a\u{85}b",
            "a\nb",
            "a\u{7f}",
            longer.as_str(),
        ] {
            assert_eq!(bad.parse::<KeyName>(), Err(KeyNameError), "{bad:?}");
        }
    }

    #[test]
    fn each_kind_signs_for_itself_alone() {
        let (name, key) = (name("bank.example"), key(1));
        let verifier = |kind| VerifierKey::new(name.clone(), kind, key.public());
        let [plain, timed] = [KeyKind::Ed25519, KeyKind::Cosignature].map(verifier);
        assert_ne!(plain.id(), timed.id());
        let text = "bank.example\n1\nAAAA\n";
        let (first, second) = (sign(&key, &name, text), cosign(&key, &name, text, 1_679_315_147));
        assert_eq!(plain.verify(text, &first), Some(Cosigned::Plain));
        assert_eq!(timed.verify(text, &second), Some(Cosigned::At(1_679_315_147)));
        assert_eq!(
            [plain.verify(text, &second), timed.verify(text, &first)],
            [None, None]
        );
        // With the other kind's id the bytes say nothing either.
        let mut posing = second.clone();
        posing.id = plain.id();
        assert_eq!(plain.verify(text, &posing), None);
        let mut later = second;
        later.signature[7] ^= 1;
        assert_eq!(timed.verify(text, &later), None, "the time is signed");
    }

    #[test]
    fn lines_of_unknown_keys_are_passed_over_and_a_bad_one_of_a_known_key_is_not() {
        let (ours, theirs) = (name("ours"), name("theirs"));
        let text = "text\n";
        let lines = vec![sign(&key(2), &theirs, text), sign(&key(1), &ours, text)];
        let note = Note::new(text.to_owned(), lines).unwrap();
        let known = VerifierKey::new(ours.clone(), KeyKind::Ed25519, key(1).public());
        let [found] = known_lines(&note, &[&known]).unwrap()[..] else {
            panic!("one line is ours");
        };
        assert_eq!((found.key, found.says), (0, Cosigned::Plain));
        assert_eq!(found.line, &note.signatures()[1]);
        assert!(known_lines(&note, &[]).unwrap().is_empty());
        let other = Note::new("other\n".to_owned(), note.signatures().to_vec()).unwrap();
        let bad = BadSignature {
            id: known.id(),
            name: ours,
        };
        assert_eq!(known_lines(&other, &[&known]), Err(bad));
    }

    #[test]
    fn a_cosignature_is_over_two_lines_and_the_text() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(
            cosigned_message(1_679_315_147, text),
            "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
             CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        );
        let signed = cosign(&key(2), &name("w"), text, u64::MAX);
        assert_eq!(signed.signature[..8], LAST_TIME.to_be_bytes());
    }
}
