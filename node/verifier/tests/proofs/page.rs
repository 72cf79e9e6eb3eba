//! What `docs/formats.md` prints in section 24.

use std::sync::LazyLock;

use quorate_genesis::Genesis;
use quorate_ledger::Transaction;
use quorate_verifier::{Anchor, Verifier};

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md");
    std::fs::read_to_string(path).expect("the page is in the checkout")
});

/// The fenced blocks of a kind, without their fences.
fn fenced(kind: &str) -> impl Iterator<Item = &'static str> {
    let opening = format!("\n```{kind}\n");
    let page: &'static str = &PAGE;
    let parts: Vec<&str> = page.split(opening.as_str()).skip(1).collect();
    parts.into_iter().map(|part| {
        let end = part.find("```").expect("each block is closed");
        &part[..end]
    })
}

/// The file that begins with these words.
pub(crate) fn file(beginning: &str) -> &'static str {
    let mut files = fenced("file").filter(|text| text.starts_with(beginning) && !text.contains("BASE64"));
    files.next().expect("the page prints such a file")
}

/// The four files of proofs.
pub(crate) fn proof_files() -> [&'static str; 4] {
    ["transaction", "state", "statement", "block"].map(|kind| file(&format!("quorate proof 2 {kind}\n")))
}

/// The bytes of the first block of hex behind these words.
fn hex_behind(words: &str) -> Vec<u8> {
    let (_, behind) = PAGE.split_once(words).expect("the words are on the page");
    let (_, block) = behind.split_once("```hex\n").expect("hex follows");
    let (block, _) = block.split_once("```").expect("the block is closed");
    let digits: String = block.lines().flat_map(|line| line.split('#').next()).collect();
    hex::decode(digits.replace(' ', "")).expect("it is hex")
}

/// The page's genesis document.
pub(crate) fn genesis() -> Genesis {
    Genesis::decode(&hex_behind("**Genesis** (`bcs(Genesis)`)")).expect("the page's genesis is good")
}

/// The page's first transaction.
pub(crate) fn transaction_1() -> Transaction {
    let bytes = hex_behind("**Transaction 1**");
    quorate_ledger::decode(&bytes, bytes.len()).expect("the page's transaction is good")
}

/// What the page's table says, as it stands there.
pub(crate) fn table(what: &str) -> &'static str {
    let row = format!("\n| {what} | `");
    let page: &'static str = &PAGE;
    let (_, behind) = page.split_once(row.as_str()).expect("the table has such a row");
    behind.split_once('`').expect("the cell is closed").0
}

/// A verifier that has the page's genesis document.
pub(crate) fn verifier() -> Verifier {
    Verifier::new(Anchor {
        genesis: Some(genesis()),
        pin: None,
    })
}
