//! Inner hashes of lists of waypoints, against the lists' trees.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_crypto::merkle::{Frontier, leaf_hash, node_hash, path_root};
use quorate_crypto::{Address, Digest};
use quorate_ledger::{HistoryOwner, Waypoint};
use quorate_storage::waypoint_nodes::{
    ListPart, WaypointError, WaypointNode, completed_nodes, waypoint_path,
};

use crate::random::digest;

/// The families `waypoints` and `waypoint_nodes`, and how many waypoints each owner has.
#[derive(Default)]
struct Disk {
    parts: BTreeMap<(HistoryOwner, ListPart), Digest>,
    lists: BTreeMap<HistoryOwner, Vec<Digest>>,
}

fn account(byte: u8) -> HistoryOwner {
    HistoryOwner::Account(Address([byte; 20]))
}

fn asset(text: &str) -> HistoryOwner {
    HistoryOwner::Asset(text.parse().unwrap())
}

impl Disk {
    /// Writes a block that has a next waypoint of each of these owners.
    fn write(&mut self, owners: &[HistoryOwner]) -> Vec<WaypointNode> {
        let waypoints: Vec<Waypoint> = owners.iter().map(|owner| self.next(*owner)).collect();
        let nodes = completed_nodes(&waypoints, |owner, part| {
            let stored = self.parts.get(&(*owner, part));
            assert!(stored.is_some(), "{part} of {owner:?} is not there yet");
            Ok::<_, String>(stored.copied())
        });
        let nodes = nodes.unwrap();
        let hashes = waypoints.iter().map(|waypoint| {
            let part = ListPart::Waypoint {
                number: waypoint.number,
            };
            (waypoint.owner, part, waypoint.hash)
        });
        let inner = nodes.iter().map(|node| {
            let part = ListPart::Node {
                level: node.level,
                index: node.index,
            };
            (node.owner, part, node.hash)
        });
        for (owner, part, hash) in hashes.chain(inner) {
            let before = self.parts.insert((owner, part), hash);
            assert_eq!(before, None, "{part} of {owner:?} is written once");
        }
        nodes
    }

    fn next(&mut self, owner: HistoryOwner) -> Waypoint {
        let list = self.lists.entry(owner).or_default();
        let hash = digest(list.len() as u64 * 7 + u64::from(matches!(owner, HistoryOwner::Asset(_))));
        list.push(hash);
        Waypoint {
            owner,
            number: 32 * list.len() as u64,
            hash,
        }
    }

    fn path(
        &self,
        owner: HistoryOwner,
        number: u64,
        waypoints: u64,
    ) -> Result<Vec<Digest>, WaypointError<String>> {
        waypoint_path(number, waypoints, |part| {
            Ok(self.parts.get(&(owner, part)).copied())
        })
    }

    /// Every waypoint of every owner is in its list by its path; a node is there for each complete subtree.
    fn check(&self) {
        for (owner, hashes) in &self.lists {
            let mut frontier = Frontier::new();
            hashes.iter().for_each(|hash| frontier.push(&hash.0));
            let length = hashes.len() as u64;
            for (index, hash) in (0..).zip(hashes) {
                let path = self.path(*owner, 32 * (index + 1), length).unwrap();
                let root = path_root(leaf_hash(&hash.0), index, length, &path);
                assert_eq!(root, Some(frontier.root()), "{index} of {length}");
            }
            let own = self.parts.keys().filter(|(found, _)| found == owner);
            let complete: u64 = (0..64).map(|level| length >> level).sum();
            assert_eq!(own.count() as u64, complete);
        }
    }
}

#[test]
fn nodes_are_made_from_the_waypoints_hashes_as_data() {
    let mut disk = Disk::default();
    let owner = account(1);
    let hashes: Vec<Digest> = [0, 7, 14, 21].map(digest).to_vec();
    let leaves: Vec<Digest> = hashes.iter().map(|hash| leaf_hash(&hash.0)).collect();
    let node = |level, index, hash| WaypointNode {
        owner,
        level,
        index,
        hash,
    };
    let pairs = [
        node_hash(&leaves[0], &leaves[1]),
        node_hash(&leaves[2], &leaves[3]),
    ];
    assert!(disk.write(&[owner]).is_empty());
    assert_eq!(disk.write(&[owner]), [node(1, 0, pairs[0])]);
    assert!(disk.write(&[owner]).is_empty());
    let four = node_hash(&pairs[0], &pairs[1]);
    assert_eq!(disk.write(&[owner]), [node(1, 1, pairs[1]), node(2, 0, four)]);
    assert_eq!(disk.path(owner, 96, 4), Ok(vec![leaves[3], pairs[0]]));
    // In the list as it was before.
    assert_eq!(disk.path(owner, 96, 3), Ok(vec![pairs[0]]));
    assert_eq!(disk.path(owner, 32, 1), Ok(Vec::new()));
}

#[test]
fn several_waypoints_of_an_owner_in_a_block_build_on_each_other() {
    let mut disk = Disk::default();
    let (one, other) = (account(1), asset("EUR"));
    disk.write(&[one, other, one, one, one, other]);
    disk.check();
    disk.write(&[other, one, one, one, one, one, other, other]);
    disk.check();
}

#[test]
fn what_is_missing_or_no_waypoint_is_said() {
    let mut disk = Disk::default();
    let owner = account(1);
    disk.write(&[owner; 5]);
    for number in [0, 1, 31, 33, u64::MAX] {
        assert_eq!(
            disk.path(owner, number, 5),
            Err(WaypointError::NotAWaypoint { number })
        );
        let waypoint = Waypoint {
            owner,
            number,
            hash: Digest::ZERO,
        };
        let made = completed_nodes(&[waypoint], |_, _| Err("not read"));
        assert_eq!(made, Err(WaypointError::NotAWaypoint { number }));
    }
    for number in [192, u64::MAX - 31] {
        let refused = WaypointError::NotThere { number, waypoints: 5 };
        assert_eq!(disk.path(owner, number, 5), Err(refused));
    }
    let part = ListPart::Node { level: 1, index: 1 };
    disk.parts.remove(&(owner, part));
    let missing = disk.path(owner, 32, 5).unwrap_err();
    assert_eq!(missing, WaypointError::Missing { part });
    assert_eq!(missing.to_string(), "hash 1 of level 1 over waypoints is missing");
    let second = Waypoint {
        owner,
        number: 64,
        hash: Digest::ZERO,
    };
    let part = ListPart::Waypoint { number: 32 };
    let made = completed_nodes(std::slice::from_ref(&second), |_, _| Ok::<_, String>(None));
    assert_eq!(made, Err(WaypointError::Missing { part }));
    assert_eq!(
        completed_nodes(&[second], |_, _| Err("no disk")),
        Err(WaypointError::Read("no disk"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lists_that_grow_by_blocks(blocks in prop::collection::vec(prop::collection::vec(0_usize..3, 0..12), 0..14)) {
        let owners = [account(1), account(2), asset("EUR")];
        let mut disk = Disk::default();
        for block in blocks {
            let block: Vec<HistoryOwner> = block.into_iter().map(|place| owners[place]).collect();
            disk.write(&block);
            disk.check();
        }
    }
}
