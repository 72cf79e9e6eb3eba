//! A text form that the ledger's types do not have by themselves (`docs/formats.md`, section 18).

use quorate_ledger::legal_text;

/// A text between quotation marks, as a JSON string with only `"` and `\` escaped; what is not legal as text, which
/// metadata need not be, is `hex` and its hex.
pub(crate) fn quoted(text: &[u8]) -> String {
    match legal_text(text) {
        Ok(legal) => format!("\"{}\"", legal.replace('\\', "\\\\").replace('"', "\\\"")),
        Err(_) => format!("hex {}", hex::encode(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_line_or_its_quotation() {
        assert_eq!(quoted(br#"say "a\b""#), r#""say \"a\\b\"""#);
        assert_eq!(quoted("Miete für Januar".as_bytes()), "\"Miete für Januar\"");
        assert_eq!(quoted(b"a\nb"), "hex 610a62");
        assert_eq!(quoted("a\u{202e}b".as_bytes()), "hex 61e280ae62");
        assert_eq!(quoted(b"\xff"), "hex ff");
    }
}
