//! Epochs that a rejoin ends: who was silent votes again, and nobody is left behind.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Cluster;
use crate::cluster::{PATIENCE, Ran};
use crate::wait::until;

/// Lets a member's validator rejoin, whose home is here.
pub(crate) fn rejoin(cluster: &Cluster, home: &Path, member: u16) -> Ran {
    let key = cluster.dir().join(format!("validator-{member}.member.key"));
    let (home, key) = (home.display().to_string(), key.display().to_string());
    cluster.run(&["node", "rejoin", "--home", &home, "--key", &key])
}

/// Waits until these validators are in this epoch.
#[track_caller]
pub(crate) fn in_epoch(cluster: &Cluster, epoch: u64, validators: &[u16]) {
    until("they are in the next epoch", PATIENCE, || {
        let there = |number: &u16| cluster.epoch(*number) == Some(epoch);
        validators.iter().all(there).then_some(())
    });
}

#[test]
fn pitfall_28_a_validator_that_lost_its_journal_votes_again_after_a_rejoin() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let home = cluster.lose_journal("validator-4");
    // Another member's word is none: it speaks for its own validator, whose home this is not.
    let mistaken = rejoin(&cluster, &home, 3);
    assert_eq!(mistaken.code, Some(2), "{}", mistaken.stderr);
    assert!(mistaken.stderr.contains("validator-3"), "{}", mistaken.stderr);
    // Nor does it help to tell the token in that one's name.
    let other = cluster.dir().join("validator-3");
    fs::copy(home.join("quarantined"), other.join("quarantined")).unwrap();
    let mistaken = rejoin(&cluster, &other, 3);
    fs::remove_file(other.join("quarantined")).unwrap();
    assert_eq!(mistaken.code, Some(0), "{}", mistaken.stderr);
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
    assert!(home.join("quarantined").exists());
    let rejoined = rejoin(&cluster, &home, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    in_epoch(&cluster, 2, &[1, 2, 3, 4]);
    until("the file is gone", PATIENCE, || {
        (!home.join("quarantined").exists()).then_some(())
    });
    // Once more is not possible, nor needed.
    let again = rejoin(&cluster, &home, 4);
    assert_eq!(again.code, Some(3), "{}", again.stderr);
    // With one of the others gone, its vote is needed, and is there, after a restart too.
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(4, &alice), 300);
    let network = cluster.expect(0, &["query", "validators"]).stdout;
    assert!(network.contains("validator-4"), "{network}");
}

/// What a command comes to at a terminal, where this is typed.
fn at_a_terminal(command: &Command, typed: &str) -> std::process::Output {
    let program = [command.get_program()].into_iter();
    let words = program.chain(command.get_args());
    let line: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let mut terminal = Command::new("timeout");
    terminal.args(["60", "script", "-qec", &line.join(" "), "/dev/null"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    // Open to the end: a terminal does not hang up after the first line.
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    output
}

#[test]
fn a_rejoin_asks_for_the_passphrase_of_its_key_once() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let home = cluster.lose_journal("validator-4").display().to_string();
    let key = cluster.dir().join("validator-4.member.key").display().to_string();
    let passphrase = cluster.folder().join("passphrase");
    std::fs::write(&passphrase, "a secret\n").unwrap();
    std::fs::set_permissions(&passphrase, Permissions::from_mode(0o600)).unwrap();
    let passphrase = passphrase.display().to_string();
    cluster.expect(0, &["keys", "passwd", &key, "--new-passphrase-file", &passphrase]);
    let command = cluster.command(&["node", "rejoin", "--home", &home, "--key", &key]);
    let output = at_a_terminal(&command, "a secret\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("Passphrase of").count(), 1, "{said}");
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
}

/// Two keys sign for the member together, and none of them is on the node's machine.
#[test]
fn a_member_of_several_signers_lets_its_validator_rejoin_by_signatures_that_were_made_elsewhere() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let member = cluster.dir().join("validator-4.member.key").display().to_string();
    let shown = cluster.expect(0, &["wallet", "address", "--key", &member]).json();
    let account = shown["address"].as_str().unwrap();
    let mut set: Vec<String> = ["wallet", "signers", "set", "--key", &member, "--threshold", "2"]
        .map(str::to_owned)
        .to_vec();
    for file in ["bob.key", "carol.key"] {
        cluster.key(file);
        let shown = cluster.expect(0, &["keys", "show", file]).json();
        set.push("--signer".to_owned());
        set.push(format!("{}:1", shown["public_key"].as_str().unwrap()));
    }
    // Nobody does so by mistake, with the genesis document's word or a node's.
    let mut set: Vec<&str> = set.iter().map(String::as_str).collect();
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    for more in [&[][..], &["--genesis", &genesis]] {
        let refused = cluster.expect(2, &[&set[..], more].concat());
        assert!(refused.stderr.contains("validator-4"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--of-member"), "{}", refused.stderr);
    }
    set.push("--of-member");
    cluster.expect(0, &set);

    let home = cluster.lose_journal("validator-4");
    let alone = rejoin(&cluster, &home, 4);
    assert_eq!(alone.code, Some(4), "{}", alone.stderr);
    assert!(alone.stderr.contains("--out rejoin.txt"), "{}", alone.stderr);
    let home = home.display().to_string();
    let with_bob = ["node", "rejoin", "--home", &home, "--key", "bob.key"];
    let of_nobody = cluster.expect(2, &with_bob);
    assert!(of_nobody.stderr.contains("--account"), "{}", of_nobody.stderr);
    let alone = cluster.expect(4, &[&with_bob[..], &["--account", account]].concat());
    assert!(alone.stderr.contains("2 signers"), "{}", alone.stderr);

    let build = ["node", "rejoin", "--home", &home, "--out", "rejoin.json"];
    let built = cluster.expect(0, &build).json();
    assert_eq!(built["file"], "rejoin.json", "{built}");
    assert!(
        built["id"].is_string() && built["expires_at"].is_string(),
        "{built}"
    );
    cluster.expect(1, &build);
    for (copy, key) in [("from-bob.json", "bob.key"), ("from-carol.json", "carol.key")] {
        fs::copy(cluster.folder().join("rejoin.json"), cluster.folder().join(copy)).unwrap();
        let sign = [
            "wallet",
            "sign",
            copy,
            "--key",
            key,
            "--account",
            account,
            "--genesis",
            &genesis,
        ];
        let signed = cluster.expect(0, &sign);
        assert!(signed.stderr.contains("rejoin"), "{}", signed.stderr);
        assert!(signed.stderr.contains("validator-4"), "{}", signed.stderr);
    }
    cluster.expect(4, &["wallet", "submit", "from-bob.json"]);
    let copies = ["wallet", "combine", "from-bob.json", "from-carol.json"];
    cluster.expect(0, &[&copies[..], &["--out", "signed.json"]].concat());
    cluster.expect(0, &["wallet", "submit", "signed.json"]);
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
    let file = Path::new(&home).join("quarantined");
    until("the file is gone", PATIENCE, || (!file.exists()).then_some(()));
}

#[test]
fn pitfall_22_after_an_epoch_has_ended_two_of_four_admit_each_other_by_their_own_disks() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let home = cluster.lose_journal("validator-4");
    let rejoined = rejoin(&cluster, &home, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "down"]);
    // Two have no quorum to ask: who may connect has to be known from their disks.
    let mut nodes: Vec<Child> = ["validator-1", "validator-2"]
        .map(|name| {
            let home = cluster.dir().join(name).display().to_string();
            let mut command = cluster.command(&["node", "run", "--home", &home]);
            command.stderr(Stdio::null()).spawn().unwrap()
        })
        .into();
    let linked = |number: u16| {
        let peers = cluster.run(&["query", "peers", "--node", &cluster.api(number)]);
        peers.code == Some(0) && {
            let peers = peers.json();
            let peers = peers["peers"].as_array().unwrap();
            peers.iter().any(|peer| peer["connected"] == true)
        }
    };
    until("the two are linked", PATIENCE, || {
        (linked(1) && linked(2)).then_some(())
    });
    for node in &mut nodes {
        node.kill().unwrap();
        node.wait().unwrap();
    }
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster.pay(&alice, "1");
    cluster.common_tip();
}

#[test]
fn a_validator_that_was_away_over_the_ends_of_two_epochs_votes_in_the_third() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    cluster.expect(0, &["localnet", "kill", "validator-3"]);
    // Nobody has to be silent for a member to end an epoch: any token does.
    let home = cluster.folder().join("home");
    std::fs::create_dir(&home).unwrap();
    let genesis = cluster.dir().join("validator-4/genesis.toml");
    std::fs::copy(genesis, home.join("genesis.toml")).unwrap();
    let token = "ab".repeat(32);
    std::fs::write(
        home.join("quarantined"),
        format!("reason = \"a test\"\ntoken = \"{token}\"\n"),
    )
    .unwrap();
    for (epoch, member) in [(1, 4), (2, 1)] {
        let rejoined = rejoin(&cluster, &home, member);
        assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
        in_epoch(&cluster, epoch, &[1, 2, 4]);
        // The former epoch is over for them once the new one has a block.
        cluster.pay(&alice, "1");
    }
    cluster.expect(0, &["localnet", "restart", "validator-3"]);
    in_epoch(&cluster, 2, &[3]);
    cluster.common_tip();
    // Its vote is needed now.
    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "restart", "validator-4"]);
    cluster.common_tip();
    let network = cluster.expect(0, &["query", "status"]).json();
    assert_eq!(network["epoch"], 2);
    // Who believes no node follows the committees from the genesis document.
    let genesis = cluster
        .dir()
        .join("validator-1/genesis.toml")
        .display()
        .to_string();
    let checked = cluster.transfer(&alice, "1", &["--genesis", &genesis]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

#[test]
fn a_rejoin_with_an_older_quarantines_file_takes_the_token_of_the_running_node() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let home = cluster.lose_journal("validator-4");
    let file = home.join("quarantined");
    let right = fs::read(&file).unwrap();
    let stale = |token: &str| format!("reason = \"its journal is gone\"\ntoken = \"{token}\"\n");
    fs::write(&file, stale(&"ab".repeat(32))).unwrap();
    until("the node shows its own again", PATIENCE, || {
        (fs::read(&file).unwrap_or_default() == right).then_some(())
    });
    // A copy elsewhere, made before: the running node of that home is asked.
    let copy = cluster.folder().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["genesis.toml", "config.toml"] {
        fs::copy(home.join(name), copy.join(name)).unwrap();
    }
    fs::write(copy.join("quarantined"), stale(&"cd".repeat(32))).unwrap();
    let rejoined = rejoin(&cluster, &copy, 4);
    assert_eq!(rejoined.code, Some(0), "{}", rejoined.stderr);
    assert!(
        rejoined.stderr.contains("older quarantine"),
        "{}",
        rejoined.stderr
    );
    in_epoch(&cluster, 1, &[1, 2, 3, 4]);
    until("the file is gone", PATIENCE, || (!file.exists()).then_some(()));
}
