//! What every page of the explorer is made of, and the colours that it has.

use std::collections::BTreeSet;

use axum::Router;

use crate::audit::browse;
use crate::explorer::{between, page, settled};
use crate::fake::{Fake, GENESIS_TIME, wallet};
use crate::story::{Identified as _, Settlement, document, payment};
use crate::web::{get, router};

/// Pages as they are without a choice, of a network that was used.
async fn pages(router: &Router, settlement: &Settlement) -> Vec<(String, String)> {
    let (account, made) = (wallet(12), settlement.holds.id());
    let mut pages = Vec::new();
    for path in [
        "/".to_owned(),
        "/blocks".to_owned(),
        "/blocks/9".to_owned(),
        "/blocks/14".to_owned(),
        "/transactions".to_owned(),
        format!("/transactions?account={account}&limit=50"),
        format!("/transactions/{made}"),
        format!("/accounts/{account}"),
        format!("/accounts/{}", wallet(10)),
        format!("/accounts/{account}/statement"),
        format!("/accounts/{}/statement", wallet(10)),
        "/assets".to_owned(),
        "/assets/QRT".to_owned(),
        "/holds".to_owned(),
        format!("/holds?account={account}"),
        format!("/holds/{made}.0"),
        "/records".to_owned(),
        format!("/records/{}", document()),
        "/validators".to_owned(),
        "/validators/borealis".to_owned(),
        "/members".to_owned(),
        "/members/borealis".to_owned(),
        "/proposals".to_owned(),
        "/network".to_owned(),
        "/search/all?q=2026-03-01".to_owned(),
    ] {
        let text = page(router, &path).await;
        pages.push((path, text));
    }
    let missing = browse(router, "/search/all?q=nothing").await;
    pages.push(("nothing".to_owned(), missing.text()));
    pages
}

/// The values of an attribute, wherever it stands.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    let after = page.split(opening.as_str()).skip(1);
    after.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The opening tags with a name.
fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let pieces = page.split('<').filter(|piece| {
        let rest = piece.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '>']))
    });
    pieces.map(|piece| piece.split('>').next().unwrap()).collect()
}

#[tokio::test]
async fn every_page_is_small_and_made_for_those_who_do_not_see_it() {
    let (fake, settlement) = settled();
    let many = (1..=120).map(|cents| payment(10, 12, cents, 200, ""));
    fake.commit(many.collect(), GENESIS_TIME + 7_200_000);
    let many = (1..=120).map(|cents| payment(10, 12, cents, 201, ""));
    fake.commit(many.collect(), GENESIS_TIME + 7_200_001);
    for each in 0..60 {
        fake.commit(
            vec![payment(10, 12, 1, each, "")],
            GENESIS_TIME + 7_300_000 + u64::from(each),
        );
    }
    let router = router(&fake);
    for (path, page) in pages(&router, &settlement).await {
        assert!(page.len() < 100_000, "{path} has {} bytes", page.len());
        assert!(page.contains("<html lang=\"en\">"), "{path}");
        for (tag, times) in [("h1", 1), ("main", 1), ("header", 1), ("footer", 1), ("title", 1)] {
            // Charts have titles of their own.
            let head = page.split_once("<svg").map_or(page.as_str(), |(head, _)| head);
            let page = if tag == "title" { head } else { &page };
            assert_eq!(tags(page, tag).len(), times, "{path}: {tag}");
        }
        let skip = values(&page, "href")
            .into_iter()
            .find(|href| href.ends_with("#main"));
        assert!(
            skip.is_some() && page.contains("<main id=\"main\" tabindex=\"-1\">"),
            "{path}"
        );
        let ids = values(&page, "id");
        let once: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), once.len(), "{path}: an id stands twice");
        for named in ["aria-labelledby", "for"] {
            for label in values(&page, named).iter().flat_map(|names| names.split(' ')) {
                assert!(once.contains(label), "{path}: {named} {label}");
            }
        }
        for heading in tags(&page, "th") {
            assert!(heading.contains("scope=\"col\""), "{path}: {heading}");
        }
        let labelled: BTreeSet<&str> = values(&page, "for").into_iter().collect();
        for field in tags(&page, "input").into_iter().chain(tags(&page, "select")) {
            let id = between(field, " id=\"", "\"");
            assert!(labelled.contains(id), "{path}: {field}");
        }
        for button in tags(&page, "button")
            .iter()
            .filter(|button| button.contains("data-copy"))
        {
            assert!(button.contains("aria-label=\"Copy "), "{path}: {button}");
        }
        for image in tags(&page, "img") {
            assert!(image.contains(" alt=\"\""), "{path}: {image}");
        }
        // A name that no role takes is read by nobody.
        for plain in ["span", "div", "p", "td"] {
            for tag in tags(&page, plain) {
                assert!(!tag.contains("aria-label"), "{path}: {tag}");
            }
        }
    }
}

/// Light and dark: the relative luminance of two colours (WCAG 2.2, 1.4.3 and 1.4.11).
fn contrast(one: &str, two: &str) -> f64 {
    let luminance = |colour: &str| {
        let digits = colour.strip_prefix('#').unwrap();
        let channel = |place: usize| {
            let value = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    };
    let (one, two) = (luminance(one), luminance(two));
    (one.max(two) + 0.05) / (one.min(two) + 0.05)
}

#[tokio::test]
async fn the_colours_of_both_schemes_have_contrast_enough() {
    let style = get(&router(&Fake::new()), "/static/style.css").await.text();
    let schemes: Vec<&str> = style
        .split(":root {")
        .skip(1)
        .map(|part| part.split('}').next().unwrap())
        .collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let colour = |name: &str| between(scheme, &format!("--{name}: "), ";");
        // What is read, on what it may stand on.
        for ink in ["ink", "muted", "accent", "good", "bad", "wait"] {
            for ground in ["paper", "surface", "raised"] {
                let found = contrast(colour(ink), colour(ground));
                assert!(found >= 4.5, "{ink} on {ground}: {found:.2}");
            }
        }
        for (ink, ground) in [
            ("accent", "accent-soft"),
            ("good", "good-soft"),
            ("bad", "bad-soft"),
            ("wait", "wait-soft"),
            ("muted", "chip"),
            ("ink", "bad-soft"),
            ("muted", "bad-soft"),
            ("accent", "bad-soft"),
            ("button-ink", "button"),
            ("button-ink", "button-hover"),
        ] {
            let found = contrast(colour(ink), colour(ground));
            assert!(found >= 4.5, "{ink} on {ground}: {found:.2}");
        }
        // What is seen and not read: the edges of fields, the focus, bars.
        for part in ["edge", "accent", "muted"] {
            for ground in ["paper", "surface"] {
                let found = contrast(colour(part), colour(ground));
                assert!(found >= 3.0, "{part} on {ground}: {found:.2}");
            }
        }
    }
    assert!(style.contains("prefers-reduced-motion"));
}
