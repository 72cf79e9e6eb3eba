//! Kills, pauses and restarts in a loop while clients pay and read.

use std::time::Duration;

use crate::Cluster;
use crate::history::clients::Clients;

/// Rounds of one kill and one pause each.
const ROUNDS: usize = 4;

#[test]
fn kills_pauses_and_a_restart_of_all_lose_nothing_that_was_acknowledged() {
    let cluster = Cluster::up();
    let clients = Clients::start(&cluster, cluster.nodes());
    let names = ["validator-1", "validator-2", "validator-3", "validator-4"];
    for round in 0..ROUNDS {
        // Validators in turn: with the views, the primary is among them every time.
        let (killed, paused) = (names[round % 4], names[(round + 1) % 4]);
        cluster.expect(0, &["localnet", "kill", killed]);
        clients.progress();
        cluster.expect(0, &["localnet", "restart", killed]);
        cluster.expect(0, &["localnet", "pause", paused]);
        clients.progress();
        std::thread::sleep(Duration::from_secs(1));
        cluster.expect(0, &["localnet", "resume", paused]);
        clients.progress();
    }
    cluster.expect(0, &[["localnet", "kill"].as_slice(), &names].concat());
    cluster.expect(0, &["localnet", "up", "--detach"]);
    clients.progress();
    clients.finish();
    cluster.common_tip();
}
