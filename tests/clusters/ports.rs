//! Ports for one network. Tests may run in several processes at once, so a slot of ports belongs to whoever
//! holds the lock on its file, and is passed over if anybody else listens there.

use std::fs::{self, File};
use std::net::TcpListener;

/// Slots are tried from here on; below every system's range of ephemeral ports.
const FIRST: u16 = 20_000;

/// Slots whose operations ports, 100 above, do not meet the next slots' API ports.
const SLOTS_PER_GROUP: u16 = 10;

/// Ports of a group: API, operations and peer-to-peer, a hundred each.
const GROUP: u16 = 300;

/// Groups.
const GROUPS: u16 = 40;

/// The most validators of a slot; its last peer-to-peer port is free for other purposes.
const WIDTH: u16 = 10;

/// A slot, held until it is dropped.
pub(crate) struct Ports {
    /// The first API port.
    pub(crate) api: u16,
    /// The first peer-to-peer port.
    pub(crate) p2p: u16,
    _lock: File,
}

impl Ports {
    /// Takes a free slot.
    pub(crate) fn take() -> Self {
        let locks = std::env::temp_dir().join("quorate-test-ports");
        fs::create_dir_all(&locks).unwrap();
        for group in 0..GROUPS {
            for slot in 0..SLOTS_PER_GROUP {
                let api = FIRST + group * GROUP + slot * WIDTH;
                let p2p = api + 200;
                let lock = File::create(locks.join(api.to_string())).unwrap();
                if lock.try_lock().is_ok() && is_free(api) && is_free(api + 100) && is_free(p2p) {
                    return Self {
                        api,
                        p2p,
                        _lock: lock,
                    };
                }
            }
        }
        panic!("no free ports from {FIRST} on");
    }

    /// A port that no validator uses.
    pub(crate) fn spare(&self) -> u16 {
        self.p2p + WIDTH - 1
    }

    /// Another one.
    pub(crate) fn other_spare(&self) -> u16 {
        self.p2p + WIDTH - 2
    }
}

fn is_free(first: u16) -> bool {
    (first..first + WIDTH).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
}
