//! Base64 in lines (`docs/formats.md`, section 17): padded, trailing bits 0, lines of 76 characters, the last of 1 to
//! 76, each ended by LF. So there is one text for some bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of a full line.
const COLUMNS: usize = 76;

/// Bytes that a full line stands for.
const LINE_BYTES: usize = COLUMNS / 4 * 3;

/// The lines of some bytes.
pub(crate) fn write(bytes: &[u8], text: &mut String) {
    let encoded = STANDARD.encode(bytes);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
}

/// The bytes of a text in lines, at most `limit`; the LF of its last line is not part of it. What is wrong is said in
/// words.
///
/// A full line is whole groups of letters, so each is decoded for itself: neither the text is copied, nor a list made of
/// its lines, which from a text of empty lines would be sixteen times as long.
pub(crate) fn read(text: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    if text.is_empty() {
        return Err("there is no base64".to_owned());
    }
    let mut bytes = Vec::new();
    let mut lines = text.split(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((place, line)) = lines.next() {
        let (length, is_last) = (line.len(), lines.peek().is_none());
        if !(1..=COLUMNS).contains(&length) || (length < COLUMNS && !is_last) {
            return Err(format!("line {place} of base64 has {length} characters"));
        }
        let before = bytes.len();
        // The engine refuses other letters, other padding and trailing bits that are not 0.
        STANDARD
            .decode_vec(line, &mut bytes)
            .map_err(|error| format!("line {place} of base64: {error}"))?;
        if !is_last && bytes.len() - before < LINE_BYTES {
            return Err(format!("line {place} of base64 is padded, and not the last"));
        }
        if bytes.len() > limit {
            return Err(format!("more than {limit} bytes"));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for length in [1, 2, 3, 56, 57, 58, 114, 115, 1_000] {
            let bytes: Vec<u8> = (0..length)
                .map(|place| u8::try_from(place % 251).unwrap())
                .collect();
            let mut text = String::new();
            write(&bytes, &mut text);
            let text = text.strip_suffix('\n').unwrap();
            assert_eq!(read(text.as_bytes(), length), Ok(bytes));
            assert!(read(text.as_bytes(), length - 1).is_err());
            for other in [
                format!("{text}\n"),
                format!("\n{text}"),
                format!("{text}="),
                text.replacen('\n', "\n\n", 1) + "\n",
            ] {
                assert!(read(other.as_bytes(), 10_000).is_err(), "{other:?}");
            }
        }
    }

    #[test]
    fn only_the_last_line_is_padded() {
        let full = "A".repeat(76);
        let padded = format!("{}A==", "A".repeat(73));
        for (text, bytes) in [
            (format!("{full}\n{full}"), Some(114)),
            (format!("{full}\n{padded}"), Some(112)),
            (format!("{padded}\n{full}"), None),
            (format!("{padded}\nAA=="), None),
            (format!("{full}\nAA"), None),
            (format!("{full}\nAB=="), None),
            (format!("{full}A"), None),
            (String::new(), None),
        ] {
            assert_eq!(
                read(text.as_bytes(), 1_000).ok().map(|read| read.len()),
                bytes,
                "{text}"
            );
        }
    }
}
