//! Base64 in lines (`docs/formats-2.md`, section 17): padded, trailing bits 0, lines of 76 characters, the last of 1 to
//! 76, each ended by LF. So there is one text for some bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of a full line.
const COLUMNS: usize = 76;

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

/// The bytes of these lines, at most `limit`. What is wrong is said in words.
pub(crate) fn read(lines: &[&[u8]], limit: usize) -> Result<Vec<u8>, String> {
    let Some((last, full)) = lines.split_last() else {
        return Err("there is no base64".to_owned());
    };
    if let Some(place) = full.iter().position(|line| line.len() != COLUMNS) {
        return Err(format!(
            "line {place} of base64 is not the last, and has not {COLUMNS} characters"
        ));
    }
    if last.is_empty() || last.len() > COLUMNS {
        return Err(format!("the last line of base64 has {} characters", last.len()));
    }
    let length = full.len() * COLUMNS + last.len();
    if length / 4 * 3 > limit + 2 {
        return Err(format!("more than {limit} bytes"));
    }
    // The engine refuses other letters, other padding and trailing bits that are not 0.
    STANDARD
        .decode(lines.concat())
        .map_err(|error| format!("base64: {error}"))
}
