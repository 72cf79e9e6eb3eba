//! What a file looks like that has no key of ours in it, and what to do. Whoever named the wrong file, or has a key of
//! another program, is not helped by the place at which a parser stopped, nor by its words.

use pkcs8::der::ErrorKind;
use pkcs8::pkcs5;

use super::PemError;

/// What to do with a key of another kind: there is no way from it to one of ours.
pub(super) const MAKE: &str = "`quorate keys new FILE` makes a key";

/// What to do with a file that is damaged.
const RESTORE: &str = "copy the whole file again, or take it from a backup";

/// The most characters of a label that are shown.
const MAX_LABEL: usize = 40;

/// The labels of the PEM blocks in a text.
pub(super) fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| Some(line.strip_prefix("-----BEGIN ")?.split_once("-----")?.0))
}

/// The label of the first PEM block, if there is one.
pub(super) fn label(text: &str) -> Option<&str> {
    labels(text).next()
}

/// A text whose first PEM block has the label of something else than a private key in PKCS#8.
pub(super) fn other_kind(text: &str, label: &str, ours: &[&str]) -> PemError {
    if labels(text).any(|label| ours.contains(&label)) {
        return not_a_key(format!(
            "it begins with another block than the key ({}): let the block of the private key be alone in its file",
            shown(label)
        ));
    }
    let (looks, advice) = match label {
        "OPENSSH PRIVATE KEY" => ("a key of OpenSSH", MAKE),
        "RSA PRIVATE KEY" => ("an RSA key", MAKE),
        "DSA PRIVATE KEY" | "DSA PARAMETERS" => ("a DSA key", MAKE),
        "EC PRIVATE KEY" | "EC PARAMETERS" => ("a key on another elliptic curve", MAKE),
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => {
            ("a public key", "name the file of its private key")
        }
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" | "PKCS7" | "CMS" => {
            ("a certificate", "a key is in another file")
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            ("a request for a certificate", "a key is in another file")
        }
        "AGE ENCRYPTED FILE" => ("a file encrypted with age", "decrypt it first"),
        _ if label.starts_with("PGP ") => ("something of OpenPGP", MAKE),
        _ => ("another kind of PEM", MAKE),
    };
    not_a_key(format!("it looks like {looks} ({}): {advice}", shown(label)))
}

/// A label, unless a terminal could take it for something else than text.
fn shown(label: &str) -> &str {
    let is_plain = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    if label.len() <= MAX_LABEL && label.chars().all(is_plain) {
        label
    } else {
        "of an unknown label"
    }
}

/// A text without a PEM block.
pub(super) fn no_block(text: &str) -> PemError {
    let text = text.trim();
    let is_base64 = |letter: char| letter.is_ascii_alphanumeric() || "+/=\r\n".contains(letter);
    if text.is_empty() {
        not_a_key("the file is empty")
    } else if text
        .chars()
        .any(|letter| letter.is_control() && !"\r\n\t".contains(letter))
    {
        no_text(text.as_bytes())
    } else if text.contains("-----BEGIN") {
        not_a_key(
            "its first line and its last have to be -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY----- as they \
             are, with nothing before or after them",
        )
    } else if text.starts_with("PuTTY-User-Key-File") {
        not_a_key(format!("it looks like a key of PuTTY: {MAKE}"))
    } else if ["ssh-", "ecdsa-sha2-", "sk-ssh-"]
        .iter()
        .any(|start| text.starts_with(*start))
    {
        not_a_key(format!("it looks like a public key of OpenSSH: {MAKE}"))
    } else if text.starts_with("AGE-SECRET-KEY-") {
        not_a_key(format!("it looks like a key of age: {MAKE}"))
    } else if text.starts_with('{') {
        not_a_key(format!("it looks like JSON: {MAKE}"))
    } else if text.len() == 64 && text.chars().all(|letter| letter.is_ascii_hexdigit()) {
        not_a_key(
            "it looks like a seed in hex: `quorate keys import FILE --from SEED` makes a key file of the seed in SEED",
        )
    } else if text.len() >= 40 && text.chars().all(is_base64) {
        not_a_key(
            "it looks like base64 without its first and last lines, -----BEGIN PRIVATE KEY----- and -----END PRIVATE \
             KEY-----",
        )
    } else {
        not_a_key("it has no line -----BEGIN PRIVATE KEY-----: is it the right file?")
    }
}

/// Bytes that are no text.
pub(super) fn no_text(bytes: &[u8]) -> PemError {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => not_a_key("it looks like text in UTF-16: save it as UTF-8"),
        [0x30, ..] => not_a_key(
            "it looks like DER, which is not text: `openssl pkey -inform DER -in FILE -out NEW` writes it as PEM",
        ),
        _ => not_a_key("it is not text: is it the right file?"),
    }
}

/// A block of this label, of a private key, whose lines are no PEM.
pub(super) fn broken_block(text: &str, label: &str) -> PemError {
    let end = format!("-----END {label}-----");
    if text.contains(&end) {
        not_a_key(format!(
            "what stands between its first line and its last is damaged, or not in lines of 64 characters: `openssl \
             pkey -in FILE -out NEW` writes it again if it is whole, else {RESTORE}"
        ))
    } else {
        not_a_key(format!(
            "it is cut off, its last line {end} is missing: {RESTORE}"
        ))
    }
}

/// A whole block of a private key, with something else in it than its label says.
pub(super) fn broken_contents() -> PemError {
    not_a_key(format!(
        "what is in it is no PKCS#8, it is damaged or cut off: {RESTORE}"
    ))
}

/// A block of an encrypted key that was not understood.
pub(super) fn broken_encryption(error: pkcs8::der::Error) -> PemError {
    match error.kind() {
        ErrorKind::OidUnknown { oid } => unsupported(format!("by {}", encryption(&oid.to_string()))),
        // So the parser tells of the algorithms of PKCS#12 and older ones.
        ErrorKind::Value { .. } => unsupported("by an algorithm that is not known here".to_owned()),
        _ => broken_contents(),
    }
}

/// An encrypted key that is not opened whatever the passphrase.
pub(super) fn not_opened(error: &pkcs8::Error) -> PemError {
    match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::UnsupportedAlgorithm { oid }) => {
            unsupported(format!("by {}", encryption(&oid.to_string())))
        }
        _ => unsupported("with parameters that are not valid".to_owned()),
    }
}

/// The algorithm of a key, by name where it has a common one.
pub(super) fn algorithm(oid: &str) -> String {
    let name = match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.2.1" => "ECDSA",
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.113549.1.3.1" => "Diffie-Hellman",
        "1.2.840.113549.2.9" => "HMAC with SHA-256",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" | "2.16.840.1.101.3.4.3.18" | "2.16.840.1.101.3.4.3.19" => "ML-DSA",
        _ => return oid.to_owned(),
    };
    format!("{name} ({oid})")
}

fn encryption(oid: &str) -> String {
    let name = match oid {
        "1.2.840.113549.2.7" => "PBKDF2 with SHA-1",
        "1.2.840.113549.3.7" => "triple DES",
        "1.2.840.113549.3.2" => "RC2",
        "1.3.14.3.2.7" => "DES",
        _ => return format!("algorithm {oid}"),
    };
    format!("{name} ({oid})")
}

fn unsupported(reason: String) -> PemError {
    PemError::UnsupportedEncryption { reason }
}

fn not_a_key(reason: impl Into<String>) -> PemError {
    PemError::NotAKey {
        reason: reason.into(),
    }
}
