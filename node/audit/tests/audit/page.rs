//! The page's own block (`docs/formats.md`, section 24), and a bundle put together by hand from section 30.

use quorate_audit::{Auditor, BundleReader, BundleWriter, CertifiedState, Depth, Part};
use quorate_crypto::sha256;
use quorate_genesis::Genesis;
use quorate_ledger::Height;

const PAGE: &str = include_str!("../../../../docs/formats.md");

/// The bytes of the first block of hex behind these words of the page.
fn page_hex(words: &str) -> Vec<u8> {
    let (_, behind) = PAGE.split_once(words).unwrap();
    let (_, block) = behind.split_once("```hex\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let digits: String = block.lines().flat_map(|line| line.split('#').next()).collect();
    hex::decode(digits.replace(' ', "")).unwrap()
}

/// What the page's table says.
fn table(what: &str) -> &'static str {
    let row = format!("\n| {what} | `");
    let (_, behind) = PAGE.split_once(row.as_str()).unwrap();
    behind.split_once('`').unwrap().0
}

pub(crate) fn genesis() -> Genesis {
    Genesis::decode(&page_hex("**Genesis** (`bcs(Genesis)`)")).unwrap()
}

fn block() -> Vec<u8> {
    page_hex("**Block 1** (`bcs(CertifiedBlock)`)")
}

#[test]
fn block_1_of_the_page_is_good_and_its_roots_are_the_pages() {
    let mut auditor = Auditor::new(CertifiedState::genesis(&genesis()).unwrap(), Depth::Whole);
    auditor.check(&block()).unwrap();
    let part = auditor.part();
    assert_eq!(part.network.to_string(), table("network id"));
    assert_eq!(
        part.before.state_root.to_string(),
        table("state root at genesis (15 leaves)")
    );
    assert_eq!(part.before.block, part.network);
    assert_eq!(part.after.block.to_string(), table("block hash"));
    assert_eq!(part.after.state_root.to_string(), table("state root 1"));
    assert_eq!(part.after.log_root.to_string(), table("log root"));
    assert_eq!(part.after.committee.to_string(), table("committee's digest"));
    // As a document, it says the same.
    assert_eq!(Part::read(part.write().as_bytes()), Ok(part));
}

#[test]
fn a_bundle_has_the_bytes_that_the_page_says() {
    let uleb = |mut length: usize| {
        let mut bytes = Vec::new();
        while length >= 0x80 {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes
    };
    let frame = |payload: Vec<u8>| {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let check = sha256(&payload);
        [&length, payload.as_slice(), &check.0[..8]].concat()
    };
    let document = page_hex("**Genesis** (`bcs(Genesis)`)");
    let network = hex::decode(table("network id")).unwrap();
    let one = 1_u64.to_le_bytes();
    let opening = [
        &[0, 0][..],
        &network,
        &uleb(document.len()),
        &document,
        &one,
        &one,
    ]
    .concat();
    let of_block = [&[0, 4][..], &uleb(block().len()), &block()].concat();
    let before = [b"quorate/bundle/2".to_vec(), frame(opening), frame(of_block)].concat();
    let end = [&[0, 5][..], &one, &sha256(&before).0].concat();
    let expected = [before, frame(end)].concat();

    let mut writer = BundleWriter::begin(Vec::new(), &genesis(), Height(1), Height(1)).unwrap();
    writer.block(block()).unwrap();
    assert_eq!(hex::encode(writer.finish().unwrap().0), hex::encode(&expected));
    let mut reader = BundleReader::open(expected.as_slice()).unwrap();
    assert_eq!(reader.block().unwrap(), Some(block()));
    assert_eq!(reader.block().unwrap(), None);
}

#[test]
fn a_state_file_of_block_1_has_the_pages_header_and_all_entries() {
    let mut auditor = Auditor::new(CertifiedState::genesis(&genesis()).unwrap(), Depth::Whole);
    assert!(
        auditor.state().write(Vec::new(), &genesis()).unwrap().is_none(),
        "genesis needs none"
    );
    auditor.check(&block()).unwrap();
    let (bytes, written) = auditor.state().write(Vec::new(), &genesis()).unwrap().unwrap();
    assert_eq!(written.blocks, 0);
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    assert_eq!(
        (reader.opening().from, reader.opening().to),
        (Height(2), Height(1))
    );
    let parts = reader.state().unwrap().unwrap();
    assert_eq!(parts.opening.head.hash().to_string(), table("block hash"));
    assert_eq!(parts.opening.chain.length(), 0);
    assert!(parts.opening.committees.is_empty());
    // The log is too young to leave anything out.
    assert_eq!((parts.opening.log.length(), parts.entries.len()), (0, 2));
    assert_eq!(reader.block().unwrap(), None);
}
