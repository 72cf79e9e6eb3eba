//! Thrift's compact protocol, as far as Parquet's footers and page headers need it. What stands there is asked for field by
//! field, in the one order: of a field that comes twice, or that only some readers know, two readers could make two things.

/// Kinds of fields and elements.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
pub(super) const I16: u8 = 4;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// A list's header says up to here how many there are; from here on a number behind it does.
const LONG_LIST: u8 = 15;

/// Something else stands there than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd;

/// Bytes that are read from the front.
pub(super) struct Compact<'a> {
    rest: &'a [u8],
}

/// The fields of a structure that is being read: the number of the last one.
#[derive(Default)]
pub(super) struct Fields {
    last: u8,
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Odd> {
        let (first, rest) = self.rest.split_first().ok_or(Odd)?;
        self.rest = rest;
        Ok(*first)
    }

    /// Exactly these bytes.
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Result<(), Odd> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(Odd)?;
        Ok(())
    }

    /// A number in its shortest form, seven bits in each byte.
    pub(super) fn varint(&mut self) -> Result<u64, Odd> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits.checked_shl(shift).filter(|placed| placed >> shift == bits);
            number |= placed.ok_or(Odd)?;
            if byte & 0x80 == 0 {
                let is_shortest = byte != 0 || shift == 0;
                return is_shortest.then_some(number).ok_or(Odd);
            }
        }
        Err(Odd)
    }

    /// A number that may be below 0, but is not.
    pub(super) fn number(&mut self) -> Result<u64, Odd> {
        let coded = self.varint()?;
        // The sign is in the last bit.
        if coded & 1 == 0 { Ok(coded >> 1) } else { Err(Odd) }
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Odd> {
        let length = usize::try_from(self.varint()?).map_err(|_| Odd)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Odd)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The header of a list. Gives how many there are, at most as many as there are bytes: each has one at least.
    pub(super) fn list(&mut self, of: u8) -> Result<usize, Odd> {
        let header = self.byte()?;
        if header & 0x0f != of {
            return Err(Odd);
        }
        let short = header >> 4;
        let count = if short < LONG_LIST {
            usize::from(short)
        } else {
            usize::try_from(self.varint()?).map_err(|_| Odd)?
        };
        if count <= self.rest.len() {
            Ok(count)
        } else {
            Err(Odd)
        }
    }

    /// A list of numbers.
    pub(super) fn numbers(&mut self, of: u8) -> Result<Vec<u64>, Odd> {
        let count = self.list(of)?;
        (0..count).map(|_| self.number()).collect()
    }

    /// Whether this field comes next; then its value does.
    pub(super) fn has(&mut self, fields: &mut Fields, number: u8, kind: u8) -> bool {
        let header = (number.saturating_sub(fields.last) << 4) | kind;
        let Some(rest) = self.rest.strip_prefix(&[header]) else {
            return false;
        };
        self.rest = rest;
        fields.last = number;
        true
    }

    /// This field, of which the value comes next.
    pub(super) fn field(&mut self, fields: &mut Fields, number: u8, kind: u8) -> Result<(), Odd> {
        if self.has(fields, number, kind) {
            Ok(())
        } else {
            Err(Odd)
        }
    }

    /// A field that is true or false.
    pub(super) fn flag(&mut self, fields: &mut Fields, number: u8) -> Result<bool, Odd> {
        if self.has(fields, number, TRUE) {
            return Ok(true);
        }
        self.field(fields, number, FALSE)?;
        Ok(false)
    }

    /// This field with a number.
    pub(super) fn number_of(&mut self, fields: &mut Fields, number: u8, kind: u8) -> Result<u64, Odd> {
        self.field(fields, number, kind)?;
        self.number()
    }

    /// The end of a structure.
    pub(super) fn stop(&mut self) -> Result<(), Odd> {
        self.expect(&[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form() {
        for (bytes, number) in [
            (&[0][..], Ok(0)),
            (&[0xac, 0x02], Ok(300)),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Ok(u64::MAX),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                Err(Odd),
            ),
            (&[0x80, 0], Err(Odd)),
            (&[0x80], Err(Odd)),
            (&[], Err(Odd)),
        ] {
            assert_eq!(Compact::new(bytes).varint(), number, "{bytes:?}");
        }
        assert_eq!(Compact::new(&[4]).number(), Ok(2));
        assert_eq!(Compact::new(&[3]).number(), Err(Odd), "below 0");
    }

    #[test]
    fn fields_come_in_order_and_once() {
        // 1: i32 2, 3: binary "a", stop.
        let bytes = [0x15, 4, 0x28, 1, b'a', 0];
        let (mut input, mut fields) = (Compact::new(&bytes), Fields::default());
        assert_eq!(input.number_of(&mut fields, 1, I32), Ok(2));
        assert!(!input.has(&mut fields, 2, I32));
        assert_eq!(input.field(&mut fields, 1, I32), Err(Odd), "once");
        assert_eq!(input.field(&mut fields, 3, BINARY), Ok(()));
        assert_eq!(input.binary(), Ok(&b"a"[..]));
        assert_eq!(input.stop(), Ok(()));
        assert_eq!(input.left(), 0);
    }

    #[test]
    fn a_list_is_no_longer_than_what_is_there() {
        assert_eq!(Compact::new(&[0x25, 2, 4]).numbers(I32), Ok(vec![1, 2]));
        assert_eq!(
            Compact::new(&[0xf5, 0xff, 0xff, 0xff, 0xff, 7, 2]).list(I32),
            Err(Odd)
        );
        assert_eq!(Compact::new(&[0x26, 2, 4]).list(I32), Err(Odd), "of another kind");
    }
}
