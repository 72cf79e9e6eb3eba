//! The statement that `docs/formats.md` prints in section 24.

use std::sync::LazyLock;

use quorate_genesis::Genesis;
use quorate_statement::{Names, Statement};
use quorate_verifier::{Anchor, Verdict, Verifier};

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md");
    std::fs::read_to_string(path).expect("the page is in the checkout")
});

/// The account that the statement is of.
pub(crate) const K1: &str = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";

/// Whom it pays.
pub(crate) const K2: &str = "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv";

/// The file of the proof.
pub(crate) fn proof() -> &'static str {
    let page: &'static str = &PAGE;
    let start = page.find("quorate proof 2 statement\nnetwork f8").unwrap();
    let (file, _) = page[start..].split_once("```").unwrap();
    file
}

/// What a verifier with the page's genesis document says of a proof.
pub(crate) fn verdict(proof: &str) -> Verdict {
    let (_, behind) = PAGE.split_once("**Genesis** (`bcs(Genesis)`)").unwrap();
    let (_, block) = behind.split_once("```hex\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let lines = block.lines().flat_map(|line| line.split('#').next());
    let digits: Vec<u8> = lines.flat_map(str::bytes).filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| digit(pair[0]) * 16 + digit(pair[1]))
        .collect();
    let mut verifier = Verifier::new(Anchor {
        genesis: Some(Genesis::decode(&bytes).unwrap()),
        pin: None,
    });
    let verdicts = verifier
        .check_file(proof.as_bytes())
        .expect("the page's proof is good");
    verdicts.into_iter().next().unwrap()
}

/// Names for both.
pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = [(K1, "Alice"), (K2, "Bob & Söhne")];
    names
        .into_iter()
        .map(|(address, name)| (address.parse().unwrap(), name.to_owned()))
        .collect()
});

/// The statement, verified.
pub(crate) fn statement() -> Statement<'static> {
    Statement::new(&verdict(proof()), proof(), &NAMES).unwrap()
}
