//! Byte arrays of fixed length in canonical encodings, as large integers.
//!
//! BCS writes an array's bytes one after the other and an integer's from the lowest up. So an array has
//! the same encoding as a few integers of 16 bytes, which are written and read several times faster.

/// Bytes of an integer.
const BYTES: usize = size_of::<u128>();

/// The integers with the encoding of `bytes`, of which there are 16 for each.
pub(crate) fn of_bytes<const WORDS: usize>(bytes: &[u8]) -> [u128; WORDS] {
    let (words, rest) = bytes.as_chunks::<BYTES>();
    assert!(words.len() == WORDS && rest.is_empty(), "16 bytes make a word");
    std::array::from_fn(|place| u128::from_le_bytes(words[place]))
}

/// The bytes that these integers are the encoding of, 16 for each.
pub(crate) fn to_bytes<const LENGTH: usize>(words: &[u128]) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (chunks, rest) = bytes.as_chunks_mut::<BYTES>();
    assert!(
        chunks.len() == words.len() && rest.is_empty(),
        "16 bytes make a word"
    );
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use crate::{Address, Digest, PublicKey, Signature};

    #[test]
    fn encodings_are_the_bytes_themselves() {
        let bytes: [u8; 64] = std::array::from_fn(|place| 3 * place as u8 + 1);
        let (half, part): ([u8; 32], [u8; 20]) =
            (bytes[..32].try_into().unwrap(), bytes[..20].try_into().unwrap());
        assert_eq!(bcs::to_bytes(&Digest(half)).unwrap(), half);
        assert_eq!(bcs::to_bytes(&PublicKey(half)).unwrap(), half);
        assert_eq!(bcs::to_bytes(&Address(part)).unwrap(), part);
        assert_eq!(bcs::to_bytes(&Signature(bytes)).unwrap(), bytes);
        assert_eq!(bcs::from_bytes(&half), Ok(Digest(half)));
        assert_eq!(bcs::from_bytes(&half), Ok(PublicKey(half)));
        assert_eq!(bcs::from_bytes(&part), Ok(Address(part)));
        assert_eq!(bcs::from_bytes(&bytes), Ok(Signature(bytes)));
        assert!(bcs::from_bytes::<Signature>(&bytes[1..]).is_err());
        assert!(bcs::from_bytes::<Digest>(&bytes[..31]).is_err());
    }
}
