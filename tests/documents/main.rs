//! What the project's documents point to is there.
#![expect(clippy::unwrap_used, reason = "in a test, a surprise is a failure")]

mod comparison;
mod dashboards;
mod formats;
mod signing;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README, ARCHITECTURE, CHANGELOG and all of docs.
fn documents() -> Vec<PathBuf> {
    let all = [root(), root().join("docs")]
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    all.filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// Where a document's links and pictures lead, those to other sites apart.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets
        .filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
        .collect()
}

#[test]
fn links_between_documents_and_into_the_code_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() > 4, "{documents:?}");
    let mut broken = Vec::new();
    let mut seen = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            let target = document.parent().unwrap().join(file);
            seen += 1;
            if !target.exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(seen > 20, "{seen} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn functions_that_the_chapter_on_consensus_names_are_in_the_engines() {
    // A name in backticks that is a function's: lower case, with an underscore.
    let chapter = fs::read_to_string(root().join("docs/consensus.md")).unwrap();
    let names = chapter.split('`').skip(1).step_by(2).filter(|name| {
        name.contains('_')
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    });
    let mut sources = String::new();
    let folders =
        ["common", "pbft", "raft", "paxos"].map(|folder| root().join("node/consensus/src").join(folder));
    for folder in folders.into_iter().chain([root().join("crypto/src")]) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                sources += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 12, "{names:?}");
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What is between backticks, in order.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// All sources under a folder, with texts that go over several lines in one.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in fs::read_to_string(&path).unwrap().lines() {
                match line.trim_start().strip_suffix('\\') {
                    Some(begun) => text += begun,
                    None => text = text + line.trim_start() + "\n",
                }
            }
        }
    }
    text
}

#[test]
fn what_the_table_of_symptoms_names_is_what_a_node_says() {
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, rest) = page.split_once("\n## What to do, by symptom\n").unwrap();
    let (symptoms, rest) = rest.split_once("\n## Metrics\n").unwrap();
    let (metrics, _) = rest.split_once("\n## What to alert on\n").unwrap();
    let sources =
        ["network", "runtime", "storage", "webhooks"].map(|name| sources(&root().join("node").join(name)));
    let sources = sources.concat();
    let mut wrong = Vec::new();
    let mut seen = 0;
    // "log" begins a list, which the next semicolon or the cell ends.
    for list in symptoms.split("log `").skip(1) {
        let list = list.split([';', '|']).next().unwrap_or_default();
        let texts = list.split('`').step_by(2);
        for (place, text) in texts.enumerate() {
            // Fields have no spaces.
            if place == 0 || text.contains(' ') {
                seen += 1;
                if !sources.contains(text) {
                    wrong.push(text);
                }
            }
        }
    }
    for name in code(symptoms).filter(|name| name.starts_with("quorate_")) {
        let name = name.split('{').next().unwrap_or_default();
        seen += 1;
        if !metrics.contains(&format!("| `{name}` |")) {
            wrong.push(name);
        }
    }
    assert!(seen > 30, "{seen} names");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_lie_of_the_liar_is_explained_beside_what_it_costs() {
    let source = fs::read_to_string(root().join("node/liar/src/lie.rs")).unwrap();
    let (_, rest) = source.split_once("pub(crate) const ALL").unwrap();
    let (list, _) = rest.split_once("];").unwrap();
    // A name, what it does, the next name.
    let names: Vec<&str> = list.split('"').skip(1).step_by(4).collect();
    assert!(names.len() > 20 && names.contains(&"silent"), "{names:?}");
    let page = fs::read_to_string(root().join("docs/performance.md")).unwrap();
    let (_, rest) = page.split_once("\n### What each lie is\n").unwrap();
    let (table, _) = rest.split_once("\n### ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained = rows.filter_map(|row| row.split('`').next());
    assert_eq!(explained.collect::<Vec<_>>(), names);
}
