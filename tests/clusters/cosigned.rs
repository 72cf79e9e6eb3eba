//! Bulk payments of accounts that several signers sign for.

use std::fs;

use crate::{Cluster, journal};

/// A file that pays an account so many times 0.01; gives the payee.
fn payments(cluster: &Cluster, rows: usize) -> String {
    let payee = cluster.key("payee.key");
    let row = |number: usize| format!("{payee},0.01,QRT,salary {number}\n");
    let rows: String = (1..=rows).map(row).collect();
    fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset,memo\n{rows}"),
    )
    .unwrap();
    payee
}

fn read(cluster: &Cluster, file: &str) -> String {
    fs::read_to_string(cluster.folder().join(file)).unwrap()
}

/// An account with 100.00 QRT for which two of three keys sign.
fn firm(cluster: &Cluster) -> String {
    let firm = cluster.key("firm.key");
    cluster.pay(&firm, "100");
    let mut set: Vec<String> = [
        "wallet",
        "signers",
        "set",
        "--key",
        "firm.key",
        "--threshold",
        "2",
    ]
    .map(str::to_owned)
    .to_vec();
    for file in ["alice.key", "bob.key", "carol.key"] {
        cluster.key(file);
        let shown = cluster.expect(0, &["keys", "show", file]).json();
        set.push("--signer".to_owned());
        set.push(format!("{}:1", shown["public_key"].as_str().unwrap()));
    }
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    cluster.expect(0, &set);
    firm
}

#[test]
fn a_payroll_that_two_signed_apart_is_paid_once() {
    let cluster = Cluster::up();
    let firm = firm(&cluster);
    let payee = payments(&cluster, 150);
    let pay = ["wallet", "pay", "p.csv", "--account", &firm];
    let built = cluster
        .expect(0, &[&pay[..], &["--build", "payroll.qtx"]].concat())
        .json();
    assert_eq!(
        (&built["transactions"], &built["threshold"]),
        (&2.into(), &2.into())
    );
    assert_eq!(built["sums"][0]["amount"], "1.50");
    // Whoever builds it again builds the same, and nothing else pays these rows meanwhile.
    cluster.expect(0, &[&pay[..], &["--build", "again.qtx"]].concat());
    assert_eq!(read(&cluster, "payroll.qtx"), read(&cluster, "again.qtx"));
    cluster.expect(1, &[&pay[..], &["--build", "again.qtx"]].concat());
    let otherwise = cluster.expect(5, &[&pay[..], &["--key", "alice.key"]].concat());
    assert!(
        otherwise.stderr.contains("built for others"),
        "{}",
        otherwise.stderr
    );
    let rehearsed = cluster.expect(0, &[&pay[..], &["--dry-run"]].concat()).json();
    assert_eq!(rehearsed["built_until"], built["expires_at"], "{rehearsed}");
    assert_eq!(rehearsed["sha256"], built["sha256"]);

    let signed = signed_apart(&cluster, &firm);
    // One of two is not enough.
    let refused = cluster.expect(4, &["wallet", "submit", "alice.qtx"]).json();
    assert_eq!(refused["refused"], 150);
    let submitted = cluster.expect(0, &["wallet", "submit", &signed]);
    let leaving = submitted.stderr.split_once("sending ").unwrap().1;
    assert!(
        leaving.starts_with("2 transactions of signed.qtx\n  "),
        "{leaving}"
    );
    assert!(leaving.contains("submit the same file again"), "{leaving}");
    let submitted = submitted.json();
    assert_eq!(submitted["committed"], 150, "{submitted}");
    assert_eq!(cluster.balance(1, &payee), 150);

    // Submitted again, and built again on a machine that knows nothing of it but the salts' secret.
    let again = cluster.expect(0, &["wallet", "submit", &signed]);
    assert!(!again.stderr.contains("sending"), "{}", again.stderr);
    assert_eq!(again.json()["transactions"], submitted["transactions"]);
    journal::lose(&cluster, "p.csv");
    let genesis = cluster.dir().join("genesis.toml");
    let genesis = ["--genesis", genesis.to_str().unwrap()];
    let over = [&pay[..], &["--build", "over.qtx"], &genesis].concat();
    let over = cluster.expect(0, &over).json();
    assert_eq!(over["already_paid"], 150);
    assert!(over["paid_before"]["first_height"].is_u64(), "{over}");
    assert!(!cluster.folder().join("over.qtx").exists());
    let results = read(&cluster, "p.csv.result.csv");
    assert_eq!(results.matches(",committed,").count(), 150);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &payee), 150);
}

/// Two sign a copy of the payroll each, and somebody combines them: gives the file with both signatures. One knows that
/// it signs for the firm, and to the other it is proven.
#[track_caller]
fn signed_apart(cluster: &Cluster, firm: &str) -> String {
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let show = ["wallet", "show", "payroll.qtx", "--genesis", &genesis];
    let shown = cluster.expect(0, &show).json();
    assert_eq!(shown["rows"].as_array().unwrap().len(), 150);
    assert_eq!(shown["rows"][149]["memo"], "salary 150");
    assert_eq!(shown["rows"][149]["amount"], "0.01");
    let node = cluster.api(1);
    for (name, more) in [("alice", ["--account", firm]), ("bob", ["--node", &node])] {
        let (copy, key) = (format!("{name}.qtx"), format!("{name}.key"));
        fs::write(cluster.folder().join(&copy), read(cluster, "payroll.qtx")).unwrap();
        let sign = ["wallet", "sign", &copy, "--key", &key, "--genesis", &genesis];
        cluster.expect(2, &sign);
        // The firm's first key signs for it no more, whatever its holder says.
        let first = [
            "--key",
            "firm.key",
            "--account",
            firm,
            "--node",
            &node,
            "--genesis",
            &genesis,
        ];
        let refused = cluster.expect(2, &[&["wallet", "sign", &copy][..], &first].concat());
        let signers = format!("signers of {firm}: ed25519:");
        assert!(refused.stderr.contains(&signers), "{}", refused.stderr);
        let signed = cluster.expect(0, &[&sign[..], &more].concat());
        for said in ["1.50 QRT in 150 rows", "and 130 rows more"] {
            assert!(signed.stderr.contains(said), "{said}: {}", signed.stderr);
        }
    }
    let out = "signed.qtx".to_owned();
    let combine = ["wallet", "combine", "alice.qtx", "bob.qtx", "--out", &out];
    let combined = cluster.expect(0, &combine).json();
    assert_eq!(combined["signed_by"].as_array().unwrap().len(), 2);
    out
}

#[test]
fn what_was_built_is_not_submitted_once_its_rows_were_paid_otherwise() {
    let cluster = Cluster::up();
    let payee = payments(&cluster, 3);
    let payer = cluster.key("payer.key");
    cluster.pay(&payer, "10");
    let build = ["wallet", "pay", "p.csv", "--account", &payer, "--build", "b.qtx"];
    cluster.expect(0, &build);
    cluster.expect(0, &["wallet", "sign", "b.qtx", "--key", "payer.key"]);
    // Another machine has the file, and neither the journal nor the secret: what it pays has other salts.
    fs::copy(cluster.folder().join("p.csv"), cluster.folder().join("copy.csv")).unwrap();
    cluster.expect(0, &["wallet", "pay", "copy.csv", "--key", "payer.key"]);
    assert_eq!(cluster.balance(1, &payee), 3);
    let genesis = cluster.dir().join("genesis.toml");
    let submit = ["wallet", "submit", "b.qtx"];
    for more in [&[][..], &["--genesis", genesis.to_str().unwrap()]] {
        let refused = cluster.expect(4, &[&submit[..], more].concat());
        assert!(refused.stderr.contains("were paid before"), "{}", refused.stderr);
    }
    assert_eq!(cluster.balance(1, &payee), 3);
}

#[test]
fn a_file_that_was_altered_is_neither_shown_signed_nor_submitted() {
    let cluster = Cluster::up();
    let payee = payments(&cluster, 3);
    let payer = cluster.key("payer.key");
    let build = ["wallet", "pay", "p.csv", "--account", &payer, "--build", "b.qtx"];
    let built = cluster.expect(0, &build);
    assert!(built.stderr.contains("will be refused"), "{}", built.stderr);
    let good = read(&cluster, "b.qtx");
    let refused = |altered: String| {
        assert_ne!(altered, good);
        fs::write(cluster.folder().join("b.qtx"), &altered).unwrap();
        for command in [
            &["wallet", "show", "b.qtx"][..],
            &["wallet", "sign", "b.qtx", "--key", "payer.key"],
            &["wallet", "submit", "b.qtx"],
        ] {
            let ran = cluster.run(command);
            assert_eq!(ran.code, Some(7), "{command:?}\n{}\n{altered}", ran.stderr);
        }
    };
    let other = cluster.key("other.key");
    refused(good.replacen("amount 0.01", "amount 0.02", 1));
    refused(good.replacen("salary 3", "salary 4", 1));
    refused(good.replacen(&format!("to {payee}"), &format!("to {other}"), 1));
    refused(good.replacen("# text", "# a line more\n# text", 1));
    refused(good.replacen("\n# parties", "0\n# parties", 1));
    // The last line of its bytes without the first of its letters, and a line that is not there.
    let (before, last) = good.trim_end().rsplit_once('\n').unwrap();
    refused(format!("{before}\n{}\n", &last[1..]));
    refused(good.replacen("# text 2 0 \"salary 3\"\n", "", 1));
    assert_eq!(cluster.balance(1, &payee), 0);
}
