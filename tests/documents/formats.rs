//! The worked example of `docs/formats.md`, run as it stands there on the page's own vectors.

use std::fs;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/formats.md");

/// Section 24's validator, whose key is 32 bytes of the genesis document.
const VALIDATOR: &str = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737";

/// Where block 1's only seal has its signature: behind its validator's index, which is 0 as the count before
/// it is 1.
const SEAL_BEHIND: &str = "68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf010000";

/// The first block that says `language` behind these words.
fn block(behind: &str, language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(behind).unwrap();
    let (_, rest) = rest.split_once(&format!("\n```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}

/// The digits of a block of hex, without its line ends.
fn digits(behind: &str) -> String {
    block(behind, "hex").split_whitespace().collect()
}

/// What the table of vectors says.
fn vector(name: &str) -> &'static str {
    let (_, row) = PAGE.split_once(&format!("\n| {name} | `")).unwrap();
    row.split_once('`').unwrap().0
}

#[test]
fn stock_tools_find_the_network_the_block_and_a_good_seal_in_the_vectors() {
    let genesis = digits("**Genesis** (`bcs(Genesis)`)");
    let certified = digits("**Block 1** (`bcs(CertifiedBlock)`)");
    assert!(genesis.contains(VALIDATOR));
    let (_, seal) = certified.split_once(SEAL_BEHIND).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), hex::decode(text).unwrap()).unwrap();
    };
    write("genesis.bin", &genesis);
    write("block.bin", &certified);
    let example = block("**With stock tools.**", "sh");
    let script = format!("{example}\necho $NET $HASH");
    let ran = Command::new("bash")
        .args(["-eu", "-c", script.as_str()])
        .current_dir(folder.path())
        .env("VALIDATOR", VALIDATOR)
        .env("SEAL", &seal[..128])
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    let (network, hash) = (vector("network id"), vector("block hash"));
    assert_eq!(
        printed,
        format!("Signature Verified Successfully\n{network} {hash}\n"),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
