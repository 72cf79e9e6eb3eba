//! Members on one local network find each other without any address: two machines, a network namespace each,
//! joined by a cable and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::cluster::command;

/// Run in a namespace of its own: makes the other, the cable and its ends, runs a node on either side, and
/// ends well once the first has a link. All of it ends with the script, the first process of its namespace.
const TWO_MACHINES: &str = r#"
set -euo pipefail
unshare --net sleep 600 &
other=$!
until [[ $(readlink "/proc/$other/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do sleep 0.02; done
over_there() { nsenter --target "$other" --net "$@"; }
ip link add here type veth peer name there netns "$other"
ip link set lo up
ip address add 10.77.0.1/24 dev here
ip link set here up
over_there ip link set lo up
over_there ip address add 10.77.0.2/24 dev there
over_there ip link set there up
"$QUORATE" node run --home alpha 2>alpha.log &
over_there "$QUORATE" node run --home beta 2>beta.log &
for ((look = 0; look < 300; look++)); do
    if "$QUORATE" query peers --node http://127.0.0.1:8100 --output json 2>/dev/null | grep -q '10.77.0.2'; then
        exit 0
    fi
    sleep 0.1
done
cat alpha.log beta.log >&2
exit 1
"#;

fn run(folder: &Path, arguments: &[&str]) {
    let output = command().current_dir(folder).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Two homes of one network whose genesis document names no address.
fn homes() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let members = ["alpha", "beta"];
    for member in members {
        let listen = [
            "--p2p-listen",
            "/ip4/0.0.0.0/tcp/9100",
            "--api-listen",
            "127.0.0.1:8100",
        ];
        let init = ["node", "init", "--home", member, "--no-passphrase"];
        run(folder.path(), &[init.as_slice(), &listen].concat());
        let config = folder.path().join(member).join("config.toml");
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains("\nmdns = false\n"), "{text}");
        fs::write(&config, text.replace("\nmdns = false\n", "\nmdns = true\n")).unwrap();
        run(
            folder.path(),
            &["keys", "new", &format!("{member}.key"), "--no-passphrase"],
        );
    }
    let new = ["genesis", "new", "--network", "cable"];
    run(
        folder.path(),
        &[new.as_slice(), &["--member", "alpha", "--member", "beta"]].concat(),
    );
    for member in members {
        let key = format!("{member}.key");
        let join = [
            "genesis",
            "join",
            "--member",
            member,
            "--home",
            member,
            "--member-key",
            &key,
        ];
        run(folder.path(), &join);
    }
    run(
        folder.path(),
        &["genesis", "assemble", "alpha.join.toml", "beta.join.toml"],
    );
    for member in members {
        run(
            folder.path(),
            &["node", "init", "--home", member, "--genesis", "genesis.toml"],
        );
    }
    folder
}

#[test]
fn members_on_one_local_network_find_each_other_by_mdns() {
    let folder = homes();
    let mut unshare = Command::new("unshare");
    // Who is not root is root in a namespace of users.
    let mine = std::fs::metadata(folder.path()).unwrap();
    if std::os::unix::fs::MetadataExt::uid(&mine) != 0 {
        unshare.args(["--user", "--map-root-user"]);
    }
    let output = unshare
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["bash", "-c", TWO_MACHINES])
        .env("QUORATE", crate::binary::quorate())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}(this needs root, or a system that lets others have namespaces)",
        String::from_utf8_lossy(&output.stderr)
    );
}
