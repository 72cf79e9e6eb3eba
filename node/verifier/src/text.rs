//! Text forms that the ledger's types do not have by themselves (`docs/formats-2.md`, sections 1, 4 and 18).

use quorate_ledger_second::Timestamp;
use time::OffsetDateTime;

/// The last millisecond of the year 9999.
const LAST_TIME: u64 = 253_402_300_799_999;

/// A time in RFC 3339, to the second or to the millisecond; above the year 9999 its milliseconds.
pub(crate) fn time_text(time: Timestamp) -> String {
    let milliseconds = time.0;
    let seconds = i64::try_from(milliseconds / 1_000).ok();
    let within = (milliseconds <= LAST_TIME).then_some(seconds).flatten();
    let Some(moment) = within.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) else {
        return milliseconds.to_string();
    };
    let (hour, minute, second) = moment.time().as_hms();
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let rest = milliseconds % 1_000;
    let fraction = if rest > 0 {
        format!(".{rest:03}")
    } else {
        String::new()
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// True if rule 5 refuses the code point in a text.
fn is_refused(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0..=0x1f
            | 0x7f..=0x9f
            | 0x61c
            | 0x200e
            | 0x200f
            | 0x2028..=0x202e
            | 0x2066..=0x2069
            | 0xfeff
            | 0xfff9..=0xfffb
            | 0xe_0000..=0xe_007f
    )
}

/// A text between quotation marks, as a JSON string with only `"` and `\` escaped; what is not legal as text, which
/// metadata need not be, is `hex` and its hex.
pub(crate) fn quoted(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(legal) if !legal.chars().any(is_refused) => {
            format!("\"{}\"", legal.replace('\\', "\\\\").replace('"', "\\\""))
        }
        _ => format!("hex {}", hex::encode(text)),
    }
}

/// A name such as `CreateAsset` in words: `create asset`.
pub(crate) fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 2);
    for (place, letter) in name.char_indices() {
        if place > 0 && letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_text() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:00.001Z"),
            (951_782_400_100, "2000-02-29T00:00:00.100Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00Z"),
            (LAST_TIME, "9999-12-31T23:59:59.999Z"),
            (LAST_TIME + 1, "253402300800000"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(time_text(Timestamp(milliseconds)), text);
        }
    }

    #[test]
    fn a_text_cannot_end_its_line_or_its_quotation() {
        assert_eq!(quoted(br#"say "a\b""#), r#""say \"a\\b\"""#);
        assert_eq!(quoted("Miete für Januar".as_bytes()), "\"Miete für Januar\"");
        assert_eq!(quoted(b"a\nb"), "hex 610a62");
        assert_eq!(quoted("a\u{202e}b".as_bytes()), "hex 61e280ae62");
        assert_eq!(quoted(b"\xff"), "hex ff");
    }

    #[test]
    fn operations_are_named_in_words() {
        assert_eq!(in_words("CreateAsset"), "create asset");
        assert_eq!(in_words("Transfer"), "transfer");
    }
}
