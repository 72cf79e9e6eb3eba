//! Links that delay, stall and break, each direction apart, while clients pay and read.

use std::time::Duration;

use crate::history::clients::Clients;
use crate::relay::Relays;

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
