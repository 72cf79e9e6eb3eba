//! Numbers and hashes as these formats write them: decimal without leading zeros, base64 with padding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quorate_crypto::Digest;

/// A number in decimal, without sign and without leading zeros; none if the text is no such number, or above 64 bits.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The bytes of a text in base64 (RFC 4648, section 4); none unless it is the one text of these bytes.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    // The engine refuses other padding, and trailing bits that are not 0.
    STANDARD.decode(text).ok()
}

/// Bytes in base64.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A hash in base64.
pub(crate) fn hash_from_base64(text: &str) -> Option<Digest> {
    // So much text is a hash's, and no more is decoded.
    (text.len() == 44)
        .then(|| from_base64(text))
        .flatten()?
        .try_into()
        .ok()
        .map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (text, number) in [
            ("0", Some(0)),
            ("20852163", Some(20_852_163)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(decimal(text), number, "{text:?}");
        }
    }

    #[test]
    fn a_hash_has_one_text() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let hash = hash_from_base64(root).unwrap();
        assert_eq!(
            hash.to_string(),
            "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
        );
        assert_eq!(to_base64(hash.as_bytes()), root);
        for other in [
            // Trailing bits that are not 0, no padding, another alphabet, spaces, 31 and 33 bytes.
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I",
            "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=",
            " CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2Jh",
        ] {
            assert_eq!(hash_from_base64(other), None, "{other}");
        }
    }
}
