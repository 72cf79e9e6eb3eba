//! `quorate trace`: what it draws, and what it refuses.

use std::fs;
use std::path::Path;

use crate::{json, run};

const SCENARIOS: [&str; 6] = [
    "normal-case",
    "leader-crash",
    "split-vote",
    "equivocating-primary",
    "partition-and-healing",
    "duelling-proposers",
];

const ENGINES: [&str; 3] = ["pbft", "raft", "paxos"];

#[test]
fn without_a_scenario_all_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let (text, _) = run(dir.path(), &["trace"], 0);
    let listed = json(dir.path(), &["trace"]);
    for (place, scenario) in SCENARIOS.iter().enumerate() {
        assert!(text.contains(scenario), "{text}");
        assert_eq!(listed[place]["name"], *scenario);
        assert!(listed[place]["summary"].as_str().unwrap().len() > 10);
    }
}

#[test]
fn the_normal_case_is_drawn_as_reviewed() {
    let dir = tempfile::tempdir().unwrap();
    for engine in ENGINES {
        let (text, stderr) = run(dir.path(), &["trace", "normal-case", "--consensus", engine], 0);
        assert!(stderr.is_empty());
        insta::assert_snapshot!(format!("normal_case_{engine}"), text);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(120), "{widest:?}");
    }
}

/// The charts of the documentation are drawn by `scripts/charts`.
#[test]
fn committed_charts_are_what_is_drawn_now() {
    let dir = tempfile::tempdir().unwrap();
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/charts");
    let list = fs::read_to_string(charts.join("list")).unwrap();
    let mut names = vec!["list".to_owned()];
    for line in list.lines() {
        let (scenario, engines) = line.split_once(' ').unwrap();
        for engine in engines.split(' ') {
            let name = format!("{scenario}-{engine}.svg");
            run(
                dir.path(),
                &["trace", scenario, "--consensus", engine, "--svg", &name],
                0,
            );
            let drawn = fs::read_to_string(dir.path().join(&name)).unwrap();
            let committed = fs::read_to_string(charts.join(&name)).unwrap();
            assert!(drawn == committed, "{name} is old: scripts/charts draws it anew");
            assert!(drawn.len() < 60_000, "{name} has {} bytes", drawn.len());
            names.push(name);
        }
    }
    for entry in fs::read_dir(&charts).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "{name} is not in the list");
    }
}

#[test]
fn a_document_says_what_happened_and_whether_agreement_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    for engine in ENGINES {
        let document = json(
            dir.path(),
            &["trace", "equivocating-primary", "--consensus", engine],
        );
        assert_eq!(document["scenario"], "equivocating-primary");
        assert_eq!(document["consensus"], engine);
        assert_eq!(document["agreement"], engine == "pbft");
        assert_eq!(document["failure"].is_null(), engine == "pbft");
        let lanes = document["lanes"].as_array().unwrap();
        assert_eq!(document["validators"], lanes.len());
        let happenings = document["happenings"].as_array().unwrap();
        let message = happenings
            .iter()
            .find(|happening| happening["kind"] == "message")
            .unwrap();
        assert!(message["phase"].is_string() && message["sent_us"].is_u64());
        let note = happenings
            .iter()
            .find(|happening| happening["kind"] == "note")
            .unwrap();
        assert!(note["event"].is_string() && note["at_us"].is_u64());
    }
}

#[test]
fn the_text_says_where_a_protocol_promises_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (text, _) = run(
        dir.path(),
        &["trace", "equivocating-primary", "--consensus", "raft"],
        0,
    );
    assert!(text.contains("agreement is broken"), "{text}");
    assert!(text.contains("Raft does not tolerate this"), "{text}");
}

#[test]
fn a_part_is_drawn_and_more_validators_have_more_lanes() {
    let dir = tempfile::tempdir().unwrap();
    let trace = ["trace", "normal-case", "--validators", "7"];
    let arguments = [trace.as_slice(), &["--from", "21", "--to", "23", "--all"]].concat();
    let document = json(dir.path(), &arguments);
    assert_eq!(document["lanes"].as_array().unwrap().len(), 7);
    for happening in document["happenings"].as_array().unwrap() {
        let at = happening["sent_us"].as_u64().or(happening["at_us"].as_u64());
        assert!((21_000..23_000).contains(&at.unwrap()), "{happening}");
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, code, word) in [
        (["nothing"].as_slice(), 2, "leader-crash"),
        (&["normal-case", "--consensus", "bitcoin"], 2, "paxos"),
        (&["normal-case", "--validators", "3"], 2, "from 4 on"),
        (
            &["normal-case", "--consensus", "raft", "--validators", "10"],
            2,
            "lanes of 9",
        ),
        (&["normal-case", "--svg", "chart.png"], 2, ".svg"),
        (
            &["normal-case", "--svg", "none/chart.svg"],
            1,
            "none is not a directory",
        ),
        (
            &["normal-case", "--from", "2026-03-01T09:00:00Z"],
            2,
            "virtual time",
        ),
        (&["normal-case", "--from", "noon"], 2, "expected milliseconds"),
        (
            &["normal-case", "--from", "5", "--to", "5"],
            2,
            "nothing lies between",
        ),
    ] {
        let (stdout, stderr) = run(dir.path(), &[&["trace"], arguments].concat(), code);
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        assert!(stdout.is_empty());
    }
}
