//! P-256 keys in PKCS#8 (RFC 5480, RFC 5915), and what is said of other keys on elliptic curves.

use pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use pkcs8::der::{Decode as _, Reader as _, SliceReader, TagMode, TagNumber};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::PemError;
use super::client::WANTED;
use super::generic::MAKE;
use crate::P256SigningKey;

/// Keys on elliptic curves (`id-ecPublicKey`).
pub(super) const ALGORITHM: &str = "1.2.840.10045.2.1";

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap(ALGORITHM);

/// The curve P-256 (`secp256r1`, `prime256v1`).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// RFC 5915's `ECPrivateKey`, behind its own length: version 1 and the number in 32 octets, ...
const BEFORE_SCALAR: [u8; 5] = [0x02, 0x01, 0x01, 0x04, 0x20];
/// ... the curve, which PKCS#8 has named already and most programs leave out, ...
const CURVE: [u8; 12] = [
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];
/// ... and the public key in 65 octets, or in 33; some programs leave it out.
const BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];
const BEFORE_COMPRESSED: [u8; 5] = [0xa1, 0x24, 0x03, 0x22, 0x00];

/// Octets of an `ECPrivateKey` with its point and without its curve.
const OCTETS: usize = 2 + BEFORE_SCALAR.len() + 32 + BEFORE_POINT.len() + 65;

/// How the block of a key by itself begins and ends, as RFC 5915 has it.
const BEGIN: &str = "-----BEGIN EC PRIVATE KEY-----";
const END: &str = "-----END EC PRIVATE KEY-----";

/// What to do with a file that is damaged.
const RESTORE: &str = "copy the whole file again, or take it from a backup";

/// The key in PKCS#8, to the byte as OpenSSL writes it.
pub(super) fn to_pkcs8(key: &P256SigningKey) -> SecretDocument {
    // Never moved while it grows, which would leave a copy behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(OCTETS));
    octets.extend_from_slice(&[0x30, (OCTETS - 2) as u8]);
    octets.extend_from_slice(&BEFORE_SCALAR);
    octets.extend_from_slice(key.scalar().as_slice());
    octets.extend_from_slice(&BEFORE_POINT);
    octets.extend_from_slice(&key.point());
    let curve = P256;
    let algorithm = AlgorithmIdentifierRef {
        oid: EC,
        parameters: Some(AnyRef::from(&curve)),
    };
    let private = OctetStringRef::new(&octets).expect("109 bytes fit into an octet string");
    let info = PrivateKeyInfoRef::new(algorithm, private);
    SecretDocument::try_from(&info).expect("a P-256 key fits into PKCS#8")
}

/// The key in PKCS#8 of [`ALGORITHM`].
pub(super) fn from_pkcs8(der: &[u8]) -> Result<P256SigningKey, PemError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| damaged())?;
    match info.algorithm.parameters_oid() {
        Ok(curve) if curve == P256 => {}
        Ok(curve) => return Err(not_wanted(another_curve(&curve))),
        Err(_) => {
            return Err(not_wanted(
                "its curve is given in numbers and not by its name: `openssl pkey -in FILE -ec_param_enc named_curve \
                 -out NEW` writes it by its name",
            ));
        }
    }
    let (scalar, inside) = parts(info.private_key.as_bytes()).ok_or_else(damaged)?;
    let key = P256SigningKey::from_scalar(scalar)
        .ok_or_else(|| not_a_key("the number in it is none of a key on P-256".to_owned()))?;
    // A bit string that ends within a byte is nobody's key.
    let beside = info
        .public_key
        .as_ref()
        .map(|public| public.as_bytes().unwrap_or_default());
    let belongs = |public: &[u8]| public == key.public() || public == key.point();
    if inside.into_iter().chain(beside).all(belongs) {
        Ok(key)
    } else {
        Err(not_a_key("its public part belongs to another key".to_owned()))
    }
}

/// The number and the public key of an `ECPrivateKey` on P-256.
fn parts(octets: &[u8]) -> Option<(&[u8; 32], Option<&[u8]>)> {
    let ([0x30, length], fields) = octets.split_first_chunk::<2>()? else {
        return None;
    };
    // All lengths are below 128, and so each is one byte.
    if usize::from(*length) != fields.len() {
        return None;
    }
    let (scalar, rest) = fields.strip_prefix(&BEFORE_SCALAR)?.split_first_chunk()?;
    let rest = rest.strip_prefix(&CURVE).unwrap_or(rest);
    if rest.is_empty() {
        return Some((scalar, None));
    }
    let (public, length) = match rest.strip_prefix(&BEFORE_POINT) {
        Some(point) => (point, 65),
        None => (rest.strip_prefix(&BEFORE_COMPRESSED)?, 33),
    };
    (public.len() == length).then_some((scalar, Some(public)))
}

/// What is said of a text whose first block has this label, if that is one of keys on elliptic curves.
pub(super) fn foreign(text: &str, label: &str) -> Option<PemError> {
    if !matches!(label, "EC PRIVATE KEY" | "EC PARAMETERS") {
        return None;
    }
    let Some((_, behind)) = text.split_once(BEGIN) else {
        return Some(not_wanted(format!(
            "it looks like the parameters of an elliptic curve, without a key ({label}): {MAKE}"
        )));
    };
    let Some((lines, _)) = behind.split_once(END) else {
        return Some(not_wanted(format!(
            "it is cut off, its last line {END} is missing: {RESTORE}"
        )));
    };
    let block = Zeroizing::new(format!("{BEGIN}{lines}{END}\n"));
    Some(not_wanted(match named_curve(&block) {
        Some(curve) if curve != P256 => another_curve(&curve),
        _ => "it looks like a key on an elliptic curve that is not in PKCS#8 (EC PRIVATE KEY): `openssl pkcs8 -topk8 \
              -in FILE -out NEW` writes it so, encrypted by a passphrase, and with -nocrypt without one"
            .to_owned(),
    }))
}

/// The curve that a block of a key by itself names, if it can be read: an encrypted one cannot.
fn named_curve(block: &str) -> Option<ObjectIdentifier> {
    let (_, document) = SecretDocument::from_pem(block).ok()?;
    let mut reader = SliceReader::new(document.as_bytes()).ok()?;
    let curve = reader.sequence(|fields| {
        let _version: u8 = fields.decode()?;
        let _private: &OctetStringRef = fields.decode()?;
        let curve = fields.context_specific::<ObjectIdentifier>(TagNumber(0), TagMode::Explicit)?;
        let _public = fields.context_specific::<BitStringRef<'_>>(TagNumber(1), TagMode::Explicit)?;
        Ok::<_, pkcs8::der::Error>(curve)
    });
    curve.ok()?
}

fn another_curve(curve: &ObjectIdentifier) -> String {
    let number = curve.to_string();
    let name = match number.as_str() {
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.33" => "P-224",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.2.156.10197.1.301" => "SM2",
        _ => return format!("it is a key on the elliptic curve {number}, not on P-256: {MAKE}"),
    };
    format!("it is a key on the elliptic curve {name} ({number}), not on P-256: {MAKE}")
}

/// A key on P-256 whose parts are not as RFC 5915 has them.
fn damaged() -> PemError {
    not_a_key(format!(
        "what is in it is no key on P-256 of 32 bytes (RFC 5915): `openssl pkey -in FILE -out NEW` writes it again if \
         it is whole, else {RESTORE}"
    ))
}

/// What a wrong passphrase may leave too.
fn not_a_key(reason: String) -> PemError {
    PemError::NotAKey { reason }
}

/// What it is not a wrong passphrase that leaves.
fn not_wanted(reason: impl Into<String>) -> PemError {
    PemError::NotWanted {
        wanted: WANTED,
        reason: reason.into(),
    }
}
