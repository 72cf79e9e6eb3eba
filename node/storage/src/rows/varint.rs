//! Numbers of rows: ULEB128 up to 128 bits, the lowest seven bits first, in the shortest form alone. And a reader that
//! takes a row apart from its front.

use super::RowError;

/// Bytes of the longest number: 18 with seven bits each, and one with the last two.
pub const MAX_NUMBER_BYTES: usize = 19;

/// What the last byte of the longest number is at most.
const LAST_BYTE_MAX: u8 = 3;

/// A number's bytes: the value of the family `transactions` is an ordinal in this form.
pub fn encode_number(number: impl Into<u128>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, number);
    bytes
}

/// The number whose bytes these are.
///
/// # Errors
/// If they are not all of one number in its shortest form, or if it does not fit the type.
pub fn decode_number<T: TryFrom<u128>>(bytes: &[u8]) -> Result<T, RowError> {
    let mut reader = Reader::new(bytes);
    let number = reader.number()?;
    if reader.is_at_end() {
        Ok(number)
    } else {
        Err(RowError::Trailing { at: reader.at() })
    }
}

/// Appends a number.
pub(crate) fn put_number(bytes: &mut Vec<u8>, number: impl Into<u128>) {
    let mut rest: u128 = number.into();
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Appends how many there are of something.
pub(super) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    let count = u64::try_from(count).expect("a length has at most 64 bits");
    put_number(bytes, count);
}

/// Takes bytes apart from their front.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Bytes in all.
    length: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            length: bytes.len(),
        }
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.length - self.rest.len()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Goes to the end: nothing more is read.
    pub(super) fn finish(&mut self) {
        self.rest = &[];
    }

    pub(super) fn byte(&mut self) -> Result<u8, RowError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let truncated = RowError::Truncated { length: self.length };
        let (array, rest) = self.rest.split_first_chunk().ok_or(truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    /// A number in its shortest form that fits the type.
    pub(super) fn number<T: TryFrom<u128>>(&mut self) -> Result<T, RowError> {
        let at = self.at();
        let number = self.wide_number()?;
        T::try_from(number).map_err(|_| RowError::TooLarge { at })
    }

    fn wide_number(&mut self) -> Result<u128, RowError> {
        let at = self.at();
        let mut number = 0;
        for place in 0..MAX_NUMBER_BYTES {
            let byte = self.byte()?;
            if place == MAX_NUMBER_BYTES - 1 && byte > LAST_BYTE_MAX {
                break;
            }
            number |= u128::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                // A last byte without bits could be left out.
                let is_shortest = byte != 0 || place == 0;
                return is_shortest.then_some(number).ok_or(RowError::NotShortest { at });
            }
        }
        Err(RowError::TooLarge { at })
    }
}
