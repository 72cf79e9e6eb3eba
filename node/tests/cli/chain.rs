//! Checking a chain, and the files around that, without any node: the block that `docs/formats.md` prints in section 24,
//! in bundles, states and parts.

use std::fs;
use std::path::Path;

use quorate_audit::BundleWriter;
use quorate_genesis::Genesis;
use quorate_ledger::Height;
use serde_json::Value;

use crate::run;

/// The page.
const PAGE: &str = include_str!("../../../docs/formats.md");

/// The page's genesis document as text, and that of another network.
pub(super) const GENESIS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../genesis/tests/vectors/genesis.toml"
);
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../genesis/tests/vectors/wide.toml");

pub(super) const BLOCK: &str = "68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf";

/// Where the block's state root begins.
const STATE_ROOT: &str = "49db4125013f9ab7767642c41e12939c33eaa5cae73a6c609d4c9fd2cfc0ba0e";

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

/// The page's block 1.
pub(super) fn block() -> Vec<u8> {
    let (_, behind) = PAGE.split_once("**Block 1** (`bcs(CertifiedBlock)`)").unwrap();
    let (_, block) = behind.split_once("```hex\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let digits: String = block.lines().flat_map(|line| line.split('#').next()).collect();
    hex::decode(digits.replace(' ', "")).unwrap()
}

/// Writes a bundle of one block.
pub(super) fn bundle(dir: &Path, file: &str, block: Vec<u8>) {
    let genesis = Genesis::parse(&fs::read_to_string(GENESIS).unwrap()).unwrap();
    let mut writer = BundleWriter::begin(Vec::new(), &genesis, Height(1), Height(1)).unwrap();
    writer.block(block).unwrap();
    fs::write(dir.join(file), writer.finish().unwrap().0).unwrap();
}

/// The block with another state root, which nobody sealed.
pub(super) fn altered() -> Vec<u8> {
    let text = hex::encode(block());
    let place = text.find(STATE_ROOT).unwrap() / 2;
    let mut bytes = block();
    bytes[place] ^= 1;
    bytes
}

/// Runs a command of `audit` against the page's genesis document.
pub(super) fn audit(dir: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let all = [&["audit"][..], arguments, &["--genesis", GENESIS]].concat();
    run(dir, &all, code)
}

pub(super) fn json(dir: &Path, arguments: &[&str], code: i32) -> Value {
    let (stdout, _) = audit(dir, &[arguments, &["--output", "json"]].concat(), code);
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_chain_is_good_from_a_bundle_alone() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "chain.bundle", block());
    let answer = json(dir.path(), &["chain", "--bundle", "chain.bundle"], 0);
    assert_eq!(answer["verdict"], "good");
    assert_eq!(answer["part"]["after"]["block"], BLOCK);
    assert_eq!(answer["part"]["counts"]["executed"], 2);
    assert_eq!(answer["finding"], Value::Null);
    let (text, _) = audit(dir.path(), &["chain", "--bundle", "chain.bundle"], 0);
    for words in [
        "good: block 1 of vectors\n",
        &format!("1 of 2026-01-01T00:00:01Z, {BLOCK}"),
        "1 batch, 2 transactions: 2 executed, 0 skipped",
        "3 clients' signatures, 1 seal",
        "a second",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_block_its_place_and_a_code() {
    let dir = tempfile::tempdir().unwrap();
    bundle(dir.path(), "altered.bundle", altered());
    let answer = json(dir.path(), &["chain", "--bundle", "altered.bundle"], 7);
    assert_eq!(answer["verdict"], "bad");
    let finding = &answer["finding"];
    assert_eq!(
        (&finding["height"], &finding["code"]),
        (&1.into(), &"state".into())
    );
    assert_eq!(finding["place"], "the header's state_root");
    assert_eq!(finding["sealed"], false);
    let (text, stderr) = audit(dir.path(), &["chain", "--bundle", "altered.bundle"], 7);
    assert!(
        text.starts_with("bad: block 1, the header's state_root: the state root is"),
        "{text}"
    );
    assert!(text.contains("may have been altered"), "{text}");
    assert!(stderr.contains("(state)"), "{stderr}");
    // A bundle that ends too early, and one with a flipped bit.
    bundle(dir.path(), "chain.bundle", block());
    let whole = fs::read(dir.path().join("chain.bundle")).unwrap();
    fs::write(dir.path().join("torn.bundle"), &whole[..whole.len() - 9]).unwrap();
    let answer = json(dir.path(), &["chain", "--bundle", "torn.bundle"], 7);
    assert_eq!(answer["finding"]["code"], "torn");
    assert_eq!(answer["part"]["to"], 1, "what came before was good");
    let mut damaged = whole.clone();
    let place = whole.len() - 200;
    damaged[place] ^= 1;
    fs::write(dir.path().join("damaged.bundle"), damaged).unwrap();
    let answer = json(dir.path(), &["chain", "--bundle", "damaged.bundle"], 7);
    assert_eq!(answer["finding"]["code"], "damaged");
    fs::write(dir.path().join("text"), "no bundle").unwrap();
    let (_, stderr) = audit(dir.path(), &["chain", "--bundle", "text"], 2);
    assert!(stderr.contains("does not begin as a bundle does"), "{stderr}");
    audit(dir.path(), &["chain", "--bundle", "none"], 3);
    // Another network's genesis document.
    let other = ["audit", "chain", "--bundle", "chain.bundle", "--genesis", OTHER];
    let (_, stderr) = run(dir.path(), &other, 7);
    assert!(stderr.contains("other_network"), "{stderr}");
}

#[test]
fn a_node_that_is_out_of_reach_is_no_finding() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["chain", "--node", NOBODY][..],
        &["export", "--node", NOBODY, "--out", "x"],
        &["compare", "--node", NOBODY, "--node", NOBODY],
    ] {
        audit(dir.path(), arguments, 6);
    }
    audit(dir.path(), &["chain", "--home", "none"], 3);
}

#[test]
fn a_state_is_written_and_begun_with_and_parts_are_put_together() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "chain.bundle", block());
    audit(
        dir,
        &["chain", "--bundle", "chain.bundle", "--out", "one.part"],
        0,
    );
    let (_, stderr) = audit(
        dir,
        &["chain", "--bundle", "chain.bundle", "--out", "one.part"],
        1,
    );
    assert!(stderr.contains("is not overwritten"), "{stderr}");
    let exported = json(
        dir,
        &[
            "export",
            "--bundle",
            "chain.bundle",
            "--state",
            "1",
            "--out",
            "one.state",
        ],
        0,
    );
    assert_eq!((&exported["from"], &exported["to"]), (&2.into(), &1.into()));
    assert_eq!(
        (&exported["blocks"], &exported["state"]),
        (&0.into(), &true.into())
    );
    // There is no block after it yet.
    let begun = [
        "chain",
        "--bundle",
        "chain.bundle",
        "--snapshot",
        "one.state",
        "--out",
        "two.part",
    ];
    let answer = json(dir, &begun, 0);
    assert_eq!(
        (&answer["part"]["from"], &answer["part"]["to"]),
        (&2.into(), &1.into())
    );
    assert_eq!(answer["part"]["before"]["block"], BLOCK);
    let whole = json(dir, &["merge", "two.part", "one.part"], 0);
    assert_eq!(
        (&whole["verdict"], &whole["part"]["to"]),
        (&"good".into(), &1.into())
    );
    // One alone begins too late.
    let refused = json(dir, &["merge", "two.part"], 7);
    assert_eq!(
        (&refused["code"], &refused["height"]),
        (&"other_start".into(), &1.into())
    );
    fs::write(dir.join("no.part"), "{}").unwrap();
    audit(dir, &["merge", "no.part"], 2);
    // A state file that was altered.
    let mut altered = fs::read(dir.join("one.state")).unwrap();
    let place = altered.len() / 2;
    altered[place] ^= 1;
    fs::write(dir.join("altered.state"), altered).unwrap();
    audit(
        dir,
        &["chain", "--bundle", "chain.bundle", "--snapshot", "altered.state"],
        7,
    );
    // Heights that do not fit.
    let late = ["chain", "--bundle", "chain.bundle", "--from", "2"];
    let (_, stderr) = audit(dir, &late, 2);
    assert!(stderr.contains("the state after block 1 is needed"), "{stderr}");
    let other = [
        "chain",
        "--bundle",
        "chain.bundle",
        "--snapshot",
        "one.state",
        "--from",
        "5",
    ];
    audit(dir, &other, 2);
    audit(dir, &["chain", "--bundle", "chain.bundle", "--to", "9"], 3);
    audit(dir, &["chain", "--bundle", "chain.bundle", "--to", "0"], 2);
    audit(
        dir,
        &["export", "--bundle", "chain.bundle", "--state", "2", "--out", "x"],
        3,
    );
}

#[test]
fn an_export_is_what_it_was_read_from() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "chain.bundle", block());
    let exported = json(
        dir,
        &["export", "--bundle", "chain.bundle", "--out", "again.bundle"],
        0,
    );
    assert_eq!((&exported["from"], &exported["to"]), (&1.into(), &1.into()));
    assert_eq!(exported["state"], false);
    let [first, again] = ["chain.bundle", "again.bundle"].map(|file| fs::read(dir.join(file)).unwrap());
    assert!(first == again);
    let (_, stderr) = audit(
        dir,
        &["export", "--bundle", "chain.bundle", "--out", "again.bundle"],
        1,
    );
    assert!(stderr.contains("is not overwritten"), "{stderr}");
    // What is torn is not exported, and leaves nothing behind.
    fs::write(dir.join("torn.bundle"), &first[..first.len() - 9]).unwrap();
    audit(
        dir,
        &["export", "--bundle", "torn.bundle", "--out", "new.bundle"],
        7,
    );
    assert!(!dir.join("new.bundle").exists() && !dir.join("new.bundle.new").exists());
}

#[test]
fn a_check_that_is_kept_goes_on_and_is_kept_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "chain.bundle", block());
    let kept = ["chain", "--bundle", "chain.bundle", "--resume", "kept"];
    let first = json(dir, &kept, 0);
    assert!(dir.join("kept").exists() && dir.join("kept.1").exists());
    // All was checked before.
    let again = json(dir, &kept, 0);
    assert_eq!(first["part"], again["part"]);
    assert!(dir.join("kept.1").exists());
    // What is kept is a part like any other.
    json(dir, &["merge", "kept"], 0);
    fs::write(dir.join("kept.1"), "altered").unwrap();
    audit(dir, &kept, 2);
    fs::remove_file(dir.join("kept.1")).unwrap();
    audit(dir, &kept, 3);
}

#[test]
fn a_kept_check_does_not_go_on_with_an_altered_chain_of_the_same_height() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "chain.bundle", block());
    let kept = ["chain", "--bundle", "chain.bundle", "--resume", "kept"];
    let first = json(dir, &kept, 0);
    bundle(dir, "chain.bundle", altered());
    let (_, stderr) = audit(dir, &kept, 7);
    assert!(
        stderr.contains("block 1 is not the one with which the kept check ended"),
        "{stderr}"
    );
    // What was kept still says what was good.
    bundle(dir, "chain.bundle", block());
    assert_eq!(json(dir, &kept, 0)["part"], first["part"]);
}

#[test]
fn a_kept_check_goes_on_from_the_state_that_it_began_with_and_from_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "chain.bundle", block());
    let state = ["export", "--bundle", "chain.bundle", "--state", "1"];
    json(dir, &[&state[..], &["--out", "one.state"]].concat(), 0);
    let kept = |file, code| {
        let begun = ["chain", "--bundle", "chain.bundle", "--snapshot", "one.state"];
        audit(dir, &[&begun[..], &["--resume", file]].concat(), code)
    };
    // The same command, again and again.
    kept("from-one", 0);
    assert!(dir.join("from-one.1").exists());
    kept("from-one", 0);
    // What began with genesis does not go on as if it had begun with the state.
    json(
        dir,
        &["chain", "--bundle", "chain.bundle", "--resume", "from-genesis"],
        0,
    );
    let (_, stderr) = kept("from-genesis", 2);
    assert!(
        stderr.contains("began with the state after block 0, and one.state has that after block 1"),
        "{stderr}"
    );
}

#[test]
fn two_chains_are_compared_and_where_they_part_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    bundle(dir, "one.bundle", block());
    bundle(dir, "other.bundle", altered());
    let same = json(
        dir,
        &["compare", "--bundle", "one.bundle", "--bundle", "one.bundle"],
        0,
    );
    assert_eq!((&same["verdict"], &same["to"]), (&"same".into(), &1.into()));
    let other = json(
        dir,
        &["compare", "--bundle", "one.bundle", "--bundle", "other.bundle"],
        7,
    );
    assert_eq!(other["verdict"], "other");
    let difference = &other["difference"];
    assert_eq!(
        (&difference["height"], &difference["fields"][0]),
        (&1.into(), &"state_root".into())
    );
    assert_eq!(difference["left"], STATE_ROOT);
    let (text, _) = audit(
        dir,
        &["compare", "--bundle", "one.bundle", "--bundle", "other.bundle"],
        7,
    );
    assert!(
        text.contains("block 1 is the first that is another, in state_root"),
        "{text}"
    );
    let (_, stderr) = audit(dir, &["compare", "--bundle", "one.bundle"], 2);
    assert!(
        stderr.contains("two chains are compared, 1 are named"),
        "{stderr}"
    );
}
