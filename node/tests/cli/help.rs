//! The help of every command, as people see it.

use crate::outcome;
use crate::quorate;

/// The groups that a binary without the lab does not have.
const LAB: [&str; 3] = ["bench", "trace", "compare"];

/// The names of a help text's subcommands.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, after)) = help.split_once("Commands:\n") else {
        return Vec::new();
    };
    let lines = after.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn help(path: &[String]) -> String {
    let mut command = quorate();
    command.args(path).arg("--help");
    outcome(command, 0).0
}

/// The help of a command and of all below it.
fn tree(path: &[String], into: &mut String) {
    let text = help(path);
    into.push_str(&format!("===== quorate {} =====\n{text}\n", path.join(" ")));
    for name in subcommands(&text) {
        let below: Vec<String> = path.iter().cloned().chain([name]).collect();
        tree(&below, into);
    }
}

#[test]
fn help_of_every_command_is_as_reviewed() {
    let top = help(&[]);
    if cfg!(feature = "lab") {
        insta::assert_snapshot!("quorate", top);
    }
    let groups = subcommands(&top);
    for group in [
        "localnet",
        "keys",
        "genesis",
        "node",
        "witness",
        "wallet",
        "query",
        "completions",
        "version",
    ] {
        assert!(groups.iter().any(|name| name == group), "no group {group}");
    }
    for group in LAB {
        assert_eq!(
            groups.iter().any(|name| name == group),
            cfg!(feature = "lab"),
            "{group}"
        );
    }
    for group in groups {
        let mut text = String::new();
        tree(std::slice::from_ref(&group), &mut text);
        insta::assert_snapshot!(group, text);
    }
}

#[test]
fn completions_exist_for_the_common_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = quorate();
        command.args(["completions", shell]);
        let (script, _) = outcome(command, 0);
        assert!(script.contains("localnet"), "{shell}");
    }
}

#[cfg(not(feature = "lab"))]
#[test]
fn a_binary_without_the_lab_refuses_its_commands() {
    for group in LAB {
        let mut command = quorate();
        command.arg(group);
        let (_, stderr) = outcome(command, 2);
        assert!(stderr.contains("unrecognized subcommand"), "{stderr}");
    }
}
