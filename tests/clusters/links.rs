//! Links that delay, stall and break, each direction apart, while clients pay and read.

use std::time::{Duration, Instant};

use crate::history::clients::Clients;
use crate::relay::Relays;
use crate::wait::until;

const ALL: [u16; 4] = [1, 2, 3, 4];

#[test]
fn a_primary_that_hears_and_is_not_heard_is_replaced() {
    let (relays, cluster) = Relays::up();
    let clients = Clients::start(&cluster, cluster.nodes());
    clients.progress();
    relays.stall(&[1], &[2, 3, 4]);
    clients.progress();
    // What validator-1 still certified was acknowledged at once; more needs a view without it.
    std::thread::sleep(Duration::from_secs(3));
    clients.progress();
    relays.heal();
    clients.finish();
    cluster.common_tip();
}

#[test]
fn delays_stalls_and_cuts_of_single_directions_reorder_nothing() {
    let (relays, cluster) = Relays::up();
    let clients = Clients::start(&cluster, cluster.nodes());
    let a_while = || std::thread::sleep(Duration::from_secs(2));
    relays.delay(&ALL, &ALL, Duration::from_millis(40));
    clients.progress();
    // A ring in which each is not heard by the next: nobody is alone.
    for (from, to) in [(1, 2), (2, 3), (3, 4), (4, 1)] {
        relays.stall(&[from], &[to]);
    }
    a_while();
    relays.heal();
    clients.progress();
    relays.cut(&[2], &[3, 4]);
    relays.delay(&[1], &ALL, Duration::from_millis(150));
    a_while();
    clients.progress();
    relays.heal();
    // Two halves, one direction each: no quorum.
    relays.stall(&[1, 2], &[3, 4]);
    a_while();
    relays.heal();
    clients.progress();
    clients.finish();
    cluster.common_tip();
}

/// A validator that was away fetches blocks from three, one of which lets them drip: alone it would take minutes.
#[test]
fn one_peer_that_lets_blocks_drip_holds_up_nobody_who_catches_up() {
    let (relays, cluster) = Relays::up();
    let node = cluster.api(1);
    for slow in 1..=3 {
        cluster.expect(0, &["localnet", "kill", "validator-4"]);
        let load = "bench records --payload 512 --rate 1000 --warmup 0 --duration 4 --node";
        let load: Vec<&str> = load.split(' ').chain([node.as_str()]).collect();
        cluster.expect(0, &load);
        let behind = cluster.tip(1).unwrap().height;
        relays.drip(&[slow], &[4], 20_000);
        cluster.expect(0, &["localnet", "restart", "validator-4"]);
        let begun = Instant::now();
        until("validator-4 has caught up", Duration::from_secs(30), || {
            (cluster.tip(4)?.height >= behind).then_some(())
        });
        println!(
            "validator-{slow} drips: at block {behind} after {} ms",
            begun.elapsed().as_millis()
        );
        relays.heal();
    }
    cluster.common_tip();
}
