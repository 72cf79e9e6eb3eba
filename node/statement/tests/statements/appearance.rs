//! What a statement looks like on paper and on screens: contrasts as WCAG 2.2 wants them (AA), nothing that is fetched.

use std::collections::BTreeMap;

use crate::golden::page_html;

/// The first style after these words, as colours by name.
fn colours<'a>(page: &'a str, after: &str) -> BTreeMap<&'a str, [f64; 3]> {
    let (_, behind) = page.split_once(after).unwrap();
    let (_, behind) = behind.split_once(":root {").unwrap();
    let (style, _) = behind.split_once('}').unwrap();
    let declarations = style
        .split(';')
        .filter_map(|each| each.trim().strip_prefix("--")?.split_once(": #"));
    let channel = |digits: &str| f64::from(u8::from_str_radix(digits, 16).unwrap()) / 255.0;
    let colour = |digits: &str| [0_usize, 2, 4].map(|place| channel(&digits[place..place + 2]));
    declarations
        .map(|(name, digits)| (name, colour(digits)))
        .collect()
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn texts_stand_out_in_the_light_in_the_dark_and_on_paper() {
    let page = page_html();
    for after in ["<style>", "(prefers-color-scheme: dark)", "@media print"] {
        let colours = colours(&page, after);
        for (text, ground) in [("ink", "paper"), ("muted", "paper"), ("wait", "wait-soft")] {
            let ratio = contrast(colours[text], colours[ground]);
            assert!(
                ratio >= 4.5,
                "{after}: {text} on {ground} has a contrast of {ratio:.2}"
            );
        }
    }
}

#[test]
fn no_colour_is_taken_from_elsewhere() {
    let page = page_html();
    let (_, style) = page.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    for declaration in style.split([';', '{', '}']).map(str::trim) {
        let (name, value) = declaration.split_once(": ").unwrap_or_default();
        if name == "color" || name == "background" {
            assert!(value.starts_with("var(--"), "{declaration}");
        }
    }
}

#[test]
fn the_page_has_no_scripts_and_fetches_nothing() {
    let page = page_html();
    for never in [
        "<script",
        "<link",
        "<img",
        "<iframe",
        "<form",
        "@import",
        "url(",
        " src=",
        " href=",
        "javascript:",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    assert!(page.contains("@media print"));
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
}
