//! What a node's flight recorder keeps replays exactly, of a process that was killed too.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::Cluster;
use crate::wait::until;

fn flight(cluster: &Cluster, number: u16) -> PathBuf {
    cluster.dir().join(format!("validator-{number}/flight"))
}

fn pay(cluster: &Cluster, payments: usize) {
    let alice = cluster.key("alice.key");
    for _ in 0..payments {
        cluster.transfer(&alice, "1", &[]);
    }
}

#[track_caller]
fn trace(cluster: &Cluster, path: &std::path::Path, code: i32) -> Value {
    let path = path.display().to_string();
    cluster.expect(code, &["trace", "--recording", &path]).json()
}

#[test]
fn what_a_killed_validator_recorded_replays_exactly() {
    let cluster = Cluster::up();
    pay(&cluster, 5);
    let folder = flight(&cluster, 2);
    // The recorder is a moment behind.
    std::thread::sleep(Duration::from_millis(300));
    cluster.expect(0, &["localnet", "kill", "validator-2"]);
    let report = trace(&cluster, &folder, 0);
    assert_eq!(report["validator"], "validator-2");
    assert_eq!((&report["exact"], &report["starts"]), (&true.into(), &1.into()));
    let certified = report["happenings"].as_array().unwrap();
    let certified = certified
        .iter()
        .filter(|happening| happening["event"] == "certifies");
    assert!(certified.count() >= 5, "{report}");

    // A part of it can be named by the clock.
    let (from, to) = (
        report["drawn_from"].as_str().unwrap(),
        report["to"].as_str().unwrap(),
    );
    let path = folder.display().to_string();
    let part = ["trace", "--recording", &path, "--from", from, "--to", to, "--all"];
    let part = cluster.expect(0, &part).json();
    assert_eq!(part["drawn_from"].as_str().unwrap()[..19], from[..19], "{part}");
    let later = ["trace", "--recording", &path, "--from", "2999-01-01T00:00:00Z"];
    assert_eq!(
        cluster.expect(0, &later).json()["happenings"],
        serde_json::json!([])
    );

    // Its next life is recorded after it.
    let inputs = report["inputs"].as_u64().unwrap();
    cluster.expect(0, &["localnet", "restart", "validator-2"]);
    let report = until("the restarted validator records", Duration::from_secs(20), || {
        let report = trace(&cluster, &folder, 0);
        Some(report).filter(|report| report["starts"] == 2)
    });
    assert!(report["inputs"].as_u64().unwrap() > inputs);
    assert_eq!(report["exact"], true);

    // A byte of the last input is not what it was.
    cluster.expect(0, &["localnet", "down"]);
    let file = folder.join("current.rec");
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() - 600;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let report = trace(&cluster, &file, 7);
    assert_eq!(report["exact"], false);
    fs::write(&file, b"no recording").unwrap();
    cluster.expect(2, &["trace", "--recording", &file.display().to_string()]);
}

#[test]
fn a_recording_is_as_large_as_configured_at_most() {
    let small = (
        "flight_recorder_mib = 32".to_owned(),
        "flight_recorder_mib = 4".to_owned(),
    );
    let off = (
        "flight_recorder_mib = 32".to_owned(),
        "flight_recorder_mib = 0".to_owned(),
    );
    let cluster = Cluster::up_after(|cluster| {
        cluster.configure(1, &[small]);
        cluster.configure(2, &[off]);
        fs::remove_dir_all(flight(cluster, 2)).unwrap();
    });
    let bench = [
        "bench",
        "transfers",
        "--accounts",
        "500",
        "--duration",
        "5",
        "--warmup",
        "1",
    ];
    cluster.expect(0, &bench);
    for name in ["previous.rec", "current.rec"] {
        let length = fs::metadata(flight(&cluster, 1).join(name)).map_or(0, |metadata| metadata.len());
        assert!(length <= 2 << 20, "{name} has {length} bytes");
    }
    assert_eq!(trace(&cluster, &flight(&cluster, 1), 0)["exact"], true);
    assert!(!flight(&cluster, 2).exists());
}
