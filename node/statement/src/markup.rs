//! Reading and writing of markup: XML in lines with indents, and a reader that knows what comes next. It reads what this
//! package writes, and nothing else: no comments, no CDATA, no entities but five.

use crate::figures::{ReadError, cut};

/// XML in the making.
pub(crate) struct Writer {
    text: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// A document.
    pub(crate) fn new() -> Self {
        Self {
            text: DECLARATION.to_owned() + "\n",
            open: Vec::new(),
        }
    }

    /// Opens an element that has others in it.
    pub(crate) fn open(&mut self, name: &'static str) {
        self.begin(name, None);
        self.text.push('\n');
        self.open.push(name);
    }

    /// Opens one with an attribute.
    pub(crate) fn open_with(&mut self, name: &'static str, attribute: (&str, &str)) {
        self.begin(name, Some(attribute));
        self.text.push('\n');
        self.open.push(name);
    }

    /// Closes so many elements.
    pub(crate) fn close(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(name) = self.open.pop() {
                self.indent();
                self.text.push_str("</");
                self.text.push_str(name);
                self.text.push_str(">\n");
            }
        }
    }

    /// An element that has a text in it.
    pub(crate) fn leaf(&mut self, name: &'static str, text: &str) {
        self.begin(name, None);
        self.end(name, text);
    }

    /// One with an attribute.
    pub(crate) fn leaf_with(&mut self, name: &'static str, attribute: (&str, &str), text: &str) {
        self.begin(name, Some(attribute));
        self.end(name, text);
    }

    /// Elements in each other, the last of which has a text in it.
    pub(crate) fn nested(&mut self, outer: &[&'static str], name: &'static str, text: &str) {
        for name in outer.iter().copied() {
            self.open(name);
        }
        self.leaf(name, text);
        self.close(outer.len());
    }

    /// The text, of which all elements are closed.
    pub(crate) fn finish(mut self) -> String {
        self.close(self.open.len());
        self.text
    }

    fn indent(&mut self) {
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }

    fn begin(&mut self, name: &str, attribute: Option<(&str, &str)>) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        if let Some((name, value)) = attribute {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
        self.text.push('>');
    }

    fn end(&mut self, name: &str, text: &str) {
        escape(text, &mut self.text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }
}

/// The first line of a document.
pub(crate) const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// Adds a text with what means something in markup written out.
fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            other => into.push(other),
        }
    }
}

/// Markup that is being read, up to a place.
pub(crate) struct Reader<'a> {
    whole: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The markup from its beginning.
    pub(crate) fn new(whole: &'a str) -> Self {
        Self { whole, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.whole[self.at..]
    }

    /// An error here.
    pub(crate) fn error(&self, reason: impl Into<String>) -> ReadError {
        let lines = self.whole[..self.at]
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count();
        ReadError {
            line: u64::try_from(lines).map_or(u64::MAX, |lines| lines + 1),
            reason: reason.into(),
        }
    }

    /// The value, or its error here.
    pub(crate) fn of<T>(&self, value: Result<T, String>) -> Result<T, ReadError> {
        value.map_err(|reason| self.error(reason))
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        let space = rest.len() - rest.trim_start_matches([' ', '\n']).len();
        self.at += space;
    }

    /// True if this comes next, after spaces.
    pub(crate) fn is_next(&mut self, markup: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(markup)
    }

    /// Passes over this, which must come next, after spaces.
    pub(crate) fn expect(&mut self, markup: &str) -> Result<(), ReadError> {
        if self.is_next(markup) {
            self.at += markup.len();
            return Ok(());
        }
        let rest = self.rest();
        let found = rest.split('\n').next().unwrap_or_default();
        Err(self.error(format!("`{markup}` was expected, `{}` is there", cut(found))))
    }

    /// Passes over all up to this, and over this.
    pub(crate) fn past(&mut self, markup: &str) -> Result<(), ReadError> {
        match self.rest().find(markup) {
            Some(before) => {
                self.at += before + markup.len();
                Ok(())
            }
            None => Err(self.error(format!("there is no `{markup}` from here on"))),
        }
    }

    /// The text up to the next markup.
    pub(crate) fn text(&mut self) -> Result<String, ReadError> {
        let rest = self.rest();
        let end = rest.find('<').unwrap_or(rest.len());
        let text = self.of(unescape(&rest[..end]))?;
        self.at += end;
        Ok(text)
    }

    /// The text of an element without attributes, which must come next.
    pub(crate) fn element(&mut self, name: &str) -> Result<String, ReadError> {
        self.between(&format!("<{name}>"), &format!("</{name}>"))
    }

    /// The text between two pieces of markup that must come next.
    pub(crate) fn between(&mut self, before: &str, after: &str) -> Result<String, ReadError> {
        self.expect(before)?;
        let text = self.text()?;
        self.expect(after)?;
        Ok(text)
    }

    /// Passes over an element without attributes, whatever is in it, which must come next.
    pub(crate) fn skip(&mut self, name: &str) -> Result<(), ReadError> {
        self.expect(&format!("<{name}>"))?;
        self.past(&format!("</{name}>"))
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let letter = |(name, after)| match name {
            "amp" => Some(('&', after)),
            "lt" => Some(('<', after)),
            "gt" => Some(('>', after)),
            "quot" => Some(('"', after)),
            _ => None,
        };
        let Some((letter, after)) = after.split_once(';').and_then(letter) else {
            return Err(format!("`&{}` stands for nothing here", cut(after)));
        };
        plain.push_str(before);
        plain.push(letter);
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_become_markup() {
        let text = "</Nm><Nm>\"Tom & Jerry\" &amp; ]]> 'x'";
        let mut writer = Writer::new();
        writer.open_with("A", ("b", "<\"&\">"));
        writer.leaf("Nm", text);
        let written = writer.finish();
        assert_eq!(
            written,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A b=\"&lt;&quot;&amp;&quot;&gt;\">\n  \
             <Nm>&lt;/Nm&gt;&lt;Nm&gt;&quot;Tom &amp; Jerry&quot; &amp;amp; ]]&gt; 'x'</Nm>\n</A>\n"
        );
        let mut reader = Reader::new(&written);
        reader.past(">\n<A b=\"&lt;&quot;&amp;&quot;&gt;\">").unwrap();
        assert_eq!(reader.element("Nm").unwrap(), text);
        reader.expect("</A>").unwrap();
    }

    #[test]
    fn what_is_not_expected_is_refused_with_its_line() {
        let mut reader = Reader::new("<a>\n  <b>x</b>\n  <c>&nbsp;</c>\n</a>");
        reader.expect("<a>").unwrap();
        assert_eq!(reader.element("b").as_deref(), Ok("x"));
        assert_eq!(reader.element("b").unwrap_err().line, 3);
        assert_eq!(reader.element("c").unwrap_err().line, 3);
        assert!(Reader::new("<a>").past("<b>").is_err());
        for text in ["&amp", "&", "&#60;", "&apos;"] {
            assert!(Reader::new(text).text().is_err(), "{text}");
        }
    }
}
