//! A whole chain of real nodes, checked by executing it again: from a node, from a home, from a bundle, whole and in parts;
//! and altered in one place.

use std::fs;

use quorate_audit::{BundleReader, BundleWriter, MAX_CERTIFIED_BLOCK_BYTES};
use quorate_ledger::{Block, CertifiedBlock, Height, Outcome, decode, encode};
use serde_json::Value;

use crate::Cluster;

/// Payments, each of which makes a block at least.
const PAYMENTS: usize = 9;

struct Audited {
    cluster: Cluster,
    /// The common tip's height and hash.
    height: u64,
    block: String,
    genesis: String,
}

impl Audited {
    fn up() -> Self {
        let cluster = Cluster::up();
        let alice = cluster.key("alice.key");
        for number in 0..PAYMENTS {
            let memo = format!("invoice {number}");
            let paid = cluster.transfer(&alice, "1.25", &["--memo", &memo]);
            assert_eq!(paid.code, Some(0), "{}", paid.stderr);
        }
        let tip = cluster.common_tip();
        let genesis = cluster.dir().join("genesis.toml").display().to_string();
        Self {
            height: tip.height,
            block: tip.block,
            cluster,
            genesis,
        }
    }

    /// Runs a command of `audit` with the genesis document, and gives its answer.
    #[track_caller]
    fn audit(&self, code: i32, arguments: &[&str]) -> Value {
        let all = [&["audit"][..], arguments, &["--genesis", &self.genesis]].concat();
        self.cluster.expect(code, &all).json()
    }

    /// The part of a good check that ends with the common tip.
    #[track_caller]
    fn whole(&self, arguments: &[&str]) -> Value {
        let answer = self.audit(0, &[&["chain"][..], arguments].concat());
        assert_eq!(answer["verdict"], "good");
        let part = answer["part"].clone();
        assert_eq!((&part["from"], &part["to"]), (&1.into(), &self.height.into()));
        assert_eq!(part["after"]["block"], self.block.as_str());
        part
    }

    /// The bundle with a block after `change`, as if that had been exported.
    fn altered(&self, file: &str, height: u64, change: impl FnOnce(&mut CertifiedBlock)) {
        let bytes = fs::read(self.cluster.folder().join("chain.bundle")).unwrap();
        let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
        let (from, to) = (reader.opening().from, reader.opening().to);
        let genesis = reader.genesis().clone();
        let mut writer = BundleWriter::begin(Vec::new(), &genesis, from, to).unwrap();
        let (mut at, mut change) = (from, Some(change));
        while let Some(bytes) = reader.block().unwrap() {
            let mut block: CertifiedBlock = decode(&bytes, MAX_CERTIFIED_BLOCK_BYTES).unwrap();
            if at == Height(height) {
                change.take().unwrap()(&mut block);
            }
            writer.block(encode(&block)).unwrap();
            at = at.next();
        }
        let altered = writer.finish().unwrap().0;
        fs::write(self.cluster.folder().join(file), altered).unwrap();
    }
}

#[test]
fn a_chain_is_checked_again_from_a_node_a_home_and_a_bundle_whole_and_in_parts() {
    let audited = Audited::up();
    let whole = audited.whole(&["--node", &audited.cluster.api(2)]);
    let counts = &whole["counts"];
    assert_eq!(counts["blocks"], audited.height);
    assert!(counts["executed"].as_u64().unwrap() >= PAYMENTS as u64, "{whole}");
    assert!(counts["signatures"].as_u64().unwrap() >= counts["executed"].as_u64().unwrap());
    // Three of four seal each block at least.
    assert!(counts["seals"].as_u64().unwrap() >= 3 * audited.height, "{whole}");

    // In one file, which needs no node. Nodes have other seals, so the counts of these may differ.
    let exported = audited.audit(0, &["export", "--out", "chain.bundle"]);
    assert_eq!(exported["blocks"], audited.height);
    let of_bundle = audited.whole(&["--bundle", "chain.bundle"]);
    assert_eq!(of_bundle["after"], whole["after"]);

    // In three parts, each from a certified state.
    let (first, second) = (audited.height / 3, 2 * audited.height / 3);
    for (height, file) in [(first, "first.state"), (second, "second.state")] {
        let state = height.to_string();
        audited.audit(0, &["export", "--state", &state, "--out", file]);
    }
    let [end_1, begin_2, end_2, begin_3] =
        [first, first + 1, second, second + 1].map(|height| height.to_string());
    audited.audit(0, &["chain", "--to", &end_1, "--out", "1.part"]);
    let of_2 = [
        "chain",
        "--from",
        &begin_2,
        "--to",
        &end_2,
        "--snapshot",
        "first.state",
        "--out",
        "2.part",
    ];
    audited.audit(0, &of_2);
    let of_3 = [
        "chain",
        "--from",
        &begin_3,
        "--snapshot",
        "second.state",
        "--out",
        "3.part",
    ];
    audited.audit(0, &of_3);
    let merged = audited.audit(0, &["merge", "3.part", "1.part", "2.part"]);
    assert_eq!(merged["part"]["after"], whole["after"]);
    assert_eq!(merged["part"]["counts"]["executed"], whole["counts"]["executed"]);
    let gap = audited.audit(7, &["merge", "3.part", "1.part"]);
    assert_eq!(
        (&gap["code"], &gap["height"]),
        (&"gap".into(), &(first + 1).into())
    );
    // A bundle of the second part is checked by itself.
    let of_bundle = ["export", "--from", &begin_2, "--to", &end_2, "--out", "2.bundle"];
    assert_eq!(audited.audit(0, &of_bundle)["state"], true);
    let part = audited.audit(0, &["chain", "--bundle", "2.bundle"])["part"].clone();
    let kept = fs::read(audited.cluster.folder().join("2.part")).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(
        (&part["before"], &part["after"]),
        (&kept["before"], &kept["after"])
    );

    // All nodes have one history, and a home that stands still has it, too.
    let nodes = [
        "compare",
        "--node",
        &audited.cluster.api(1),
        "--node",
        &audited.cluster.api(3),
    ];
    assert_eq!(audited.audit(0, &nodes)["verdict"], "same");
    audited.cluster.expect(0, &["localnet", "down"]);
    let [home_3, home_4] = [3, 4].map(|number| {
        audited
            .cluster
            .dir()
            .join(format!("validator-{number}"))
            .display()
            .to_string()
    });
    let answer = audited.audit(0, &["chain", "--home", &home_4]);
    assert_eq!(answer["part"]["after"], whole["after"]);
    assert_eq!(answer["stored_state"], true);
    let same = audited.audit(0, &["compare", "--home", &home_3, "--home", &home_4]);
    assert_eq!(
        (&same["verdict"], &same["states_compared"]),
        (&"same".into(), &true.into())
    );
    // Nobody answers now.
    audited
        .cluster
        .expect(6, &["audit", "chain", "--genesis", &audited.genesis]);
}

#[test]
fn what_is_altered_in_a_bundle_is_found_with_its_height_and_place() {
    let audited = Audited::up();
    audited.audit(0, &["export", "--out", "chain.bundle"]);
    let header = |block: &mut CertifiedBlock| {
        let CertifiedBlock::V1(fields) = block;
        let Block::V1(block) = &mut fields.block;
        let quorate_ledger::Header::V1(header) = &mut block.header;
        header.state_root.0[3] ^= 1;
    };
    audited.altered("header.bundle", 4, header);
    let outcome = |block: &mut CertifiedBlock| {
        let CertifiedBlock::V1(fields) = block;
        let Block::V1(block) = &mut fields.block;
        block.executed[0].outcome = Outcome::Failed {
            code: quorate_ledger::ErrorCode::INSUFFICIENT_BALANCE,
            operation: 0,
        };
    };
    audited.altered("outcome.bundle", 1, outcome);
    let seal = |block: &mut CertifiedBlock| {
        let CertifiedBlock::V1(fields) = block;
        let quorate_crypto::Certificate::V1(certificate) = &mut fields.certificate;
        certificate.seals[0].signature.0[9] ^= 1;
    };
    audited.altered("seal.bundle", 3, seal);
    for (file, height, code) in [
        ("header.bundle", 4, "state"),
        ("outcome.bundle", 1, "executed"),
        ("seal.bundle", 3, "certificate"),
    ] {
        let answer = audited.audit(7, &["chain", "--bundle", file]);
        let finding = &answer["finding"];
        assert_eq!(
            (&finding["height"], &finding["code"]),
            (&height.into(), &code.into()),
            "{answer}"
        );
        assert_eq!(finding["sealed"], false, "no quorum sealed it: {answer}");
    }
    // The node that it came from, and which of the two is good.
    let bundles = ["compare", "--bundle", "chain.bundle", "--bundle", "header.bundle"];
    let other = audited.audit(7, &bundles);
    assert_eq!(other["difference"]["height"], 4);
    assert_eq!(other["difference"]["fields"][0], "state_root");
    let node = [
        "compare",
        "--bundle",
        "chain.bundle",
        "--node",
        &audited.cluster.api(2),
    ];
    assert_eq!(audited.audit(0, &node)["verdict"], "same");
}
