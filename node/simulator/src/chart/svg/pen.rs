//! SVG's elements, as text: with few digits, so that the same chart is the same bytes.

use std::fmt::Write as _;

use quorate_ledger::is_unseen;

/// Collects elements.
#[derive(Clone, Debug, Default)]
pub(super) struct Pen {
    pub(super) svg: String,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type<'a> {
    pub(super) size: u32,
    pub(super) colour: &'a str,
    pub(super) anchor: &'a str,
    pub(super) bold: bool,
}

impl Pen {
    pub(super) fn element(&mut self, element: &str) {
        self.svg.push_str(element);
        self.svg.push('\n');
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(short);
        self.element(&format!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style}/>"#
        ));
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), style: &str) {
        let [x, y, width, height] = [x, y, width, height].map(short);
        self.element(&format!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" {style}/>"#
        ));
    }

    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, style: &str) {
        let [x, y, radius] = [x, y, radius].map(short);
        self.element(&format!(r#"<circle cx="{x}" cy="{y}" r="{radius}" {style}/>"#));
    }

    pub(super) fn polygon(&mut self, corners: &[(f64, f64)], style: &str) {
        let mut points = String::new();
        for (x, y) in corners {
            let _ = write!(points, "{},{} ", short(*x), short(*y));
        }
        self.element(&format!(r#"<polygon points="{}" {style}/>"#, points.trim_end()));
    }

    /// A cross of this half width.
    pub(super) fn cross(&mut self, (x, y): (f64, f64), half: f64, colour: &str) {
        let [left, right, top, bottom] = [x - half, x + half, y - half, y + half].map(short);
        self.element(&format!(
            r#"<path d="M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}" stroke="{colour}" stroke-width="1.6" fill="none"/>"#
        ));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), face: Type<'_>, text: &str) {
        let [x, y] = [x, y].map(short);
        let Type {
            size,
            colour,
            anchor,
            bold,
        } = face;
        let weight = if bold { r#" font-weight="bold""# } else { "" };
        let text = escaped(text);
        self.element(&format!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}>{text}</text>"#
        ));
    }
}

/// A number with one digit after the point at most.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Text as XML has it; what XML cannot have is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            unseen if is_unseen(unseen) => escaped.extend(unseen.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}
