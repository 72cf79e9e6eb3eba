//! Ctrl-C: exit code 130, and nothing left half done.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use crate::wait::until;
use crate::{Cluster, journal};

/// How long a command may take to end after an interrupt.
const PATIENCE: Duration = Duration::from_secs(30);

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Whether the process has a handler for SIGINT, the second of the mask's bits.
fn catches_interrupts(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 0b10 != 0
}

#[track_caller]
fn code_of(child: &mut Child) -> Option<i32> {
    until("the command has ended", PATIENCE, || child.try_wait().unwrap()).code()
}

#[test]
fn a_network_in_the_foreground_ends_in_order_with_its_command() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let before = cluster.common_tip();
    cluster.expect(0, &["localnet", "down"]);
    let mut up = cluster.command(&["localnet", "up"]).spawn().unwrap();
    until("all four run", PATIENCE, || {
        (cluster.states() == ["running"; 4]).then_some(())
    });
    cluster.common_tip();
    // What another terminal restarts is ended as well.
    cluster.expect(0, &["localnet", "restart", "validator-2"]);
    interrupt(&up);
    assert_eq!(code_of(&mut up), Some(0));
    assert_eq!(cluster.states(), ["stopped"; 4]);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    assert_eq!(cluster.common_tip(), before);
}

#[test]
fn a_foreground_network_notices_that_none_of_it_is_left() {
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "down"]);
    let mut up = cluster.command(&["localnet", "up"]).spawn().unwrap();
    until("all four run", PATIENCE, || {
        (cluster.states() == ["running"; 4]).then_some(())
    });
    cluster.common_tip();
    cluster.expect(0, &["localnet", "down"]);
    assert_eq!(code_of(&mut up), Some(0));
}

#[test]
fn an_interrupted_wait_is_exit_code_130() {
    let cluster = Cluster::up();
    let id = "00".repeat(32);
    let mut waiting = cluster
        .command(&["wallet", "wait", &id, "--timeout", "600"])
        .spawn()
        .unwrap();
    until("it takes the signal itself", PATIENCE, || {
        catches_interrupts(&waiting).then_some(())
    });
    interrupt(&waiting);
    assert_eq!(code_of(&mut waiting), Some(130));
}

#[test]
fn an_interrupted_payment_says_what_is_unknown_and_goes_on_later() {
    let cluster = Cluster::up();
    let bob = cluster.key("bob.key");
    fs::write(
        cluster.folder().join("p.csv"),
        format!("to,amount,asset\n{bob},5,QRT\n"),
    )
    .unwrap();
    cluster.expect(0, &["localnet", "kill", "validator-3", "validator-4"]);
    let mut pay = cluster.command(&["wallet", "pay", "p.csv"]).spawn().unwrap();
    let journal = journal::path(&cluster, "p.csv");
    until("the payment is signed", PATIENCE, || {
        (!journal::signed(&journal).is_empty()).then_some(())
    });
    // The node has it, and answers nothing before the payment is committed.
    until("a node has it", PATIENCE, || {
        let status = cluster.expect(0, &["query", "status"]).json();
        (status["pending_transactions"].as_u64().unwrap() > 0).then_some(())
    });
    interrupt(&pay);
    assert_eq!(code_of(&mut pay), Some(130));
    let result = || fs::read_to_string(cluster.folder().join("p.csv.result.csv")).unwrap();
    let id = journal::signed(&journal)[0].submission().transaction().id();
    let unknown = format!("\n1,unknown,{id},");
    assert!(result().contains(&unknown), "{}", result());
    cluster.expect(0, &["localnet", "up", "--detach"]);
    let paid = cluster.expect(0, &["wallet", "pay", "p.csv"]).json();
    assert_eq!(paid["committed"], 1, "{paid}");
    assert!(result().contains("\n1,committed,"), "{}", result());
    cluster.common_tip();
    assert_eq!(cluster.balance(1, &bob), 500);
}
