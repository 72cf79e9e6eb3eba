//! Inner hashes of owners' lists of waypoints, the family `waypoint_nodes` (`docs/formats.md`, sections 13 and 20;
//! rule 21).
//!
//! An owner's leaf in the state commits to the list of `h_32, h_64, …` by its frontier alone. The inner hashes, those
//! of complete subtrees of two and more waypoints, are written once, with the block that completes them; so the
//! inclusion path of a waypoint is as many look-ups as it is long. They are at most as many as there are waypoints.

use std::collections::BTreeMap;
use std::fmt;

use quorate_crypto::Digest;
use quorate_crypto::merkle::{leaf_hash, make_path, node_hash};
use quorate_ledger::{HistoryOwner, WAYPOINT_INTERVAL, Waypoint};

/// What a list of waypoints is made of, as it stands on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListPart {
    /// A waypoint: family `waypoints`, of whose row the first 32 bytes are meant.
    Waypoint {
        /// Its step's number: 32, 64, …
        number: u64,
    },
    /// An inner hash: family `waypoint_nodes`.
    Node {
        /// It is over 2^`level` waypoints; at least 1.
        level: u8,
        /// Which of these: they are the ones from number `index * 2^level` on, counted from 0.
        index: u64,
    },
}

/// An inner hash that a block completes: a row to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaypointNode {
    /// Whose list of waypoints.
    pub owner: HistoryOwner,
    /// It is over 2^`level` waypoints; at least 1.
    pub level: u8,
    /// Its place in the level.
    pub index: u64,
    /// The hash.
    pub hash: Digest,
}

/// Why hashes of a list of waypoints could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaypointError<E> {
    /// A read failed.
    #[error("waypoints cannot be read: {0}")]
    Read(E),
    /// What must be there is not.
    #[error("{part} is missing")]
    Missing {
        /// What it is.
        part: ListPart,
    },
    /// No waypoint has this number.
    #[error("step {number} is no waypoint: these have numbers that are multiples of 32")]
    NotAWaypoint {
        /// The number.
        number: u64,
    },
    /// The list is shorter.
    #[error("there is no waypoint {number} in a list of {waypoints}")]
    NotThere {
        /// Its step's number.
        number: u64,
        /// How many the list has.
        waypoints: u64,
    },
}

impl ListPart {
    /// The root of the complete subtree over 2^`level` waypoints with this place in its level; of level 0 the waypoint.
    fn of(level: u8, index: u64) -> Self {
        match level {
            0 => Self::Waypoint {
                number: index.saturating_add(1).saturating_mul(WAYPOINT_INTERVAL),
            },
            level => Self::Node { level, index },
        }
    }

    /// The hash in the tree of what stands on disk.
    fn hash(self, stored: &Digest) -> Digest {
        match self {
            Self::Waypoint { .. } => leaf_hash(&stored.0),
            Self::Node { .. } => *stored,
        }
    }
}

impl fmt::Display for ListPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waypoint { number } => write!(f, "waypoint {number}"),
            Self::Node { level, index } => write!(f, "hash {index} of level {level} over waypoints"),
        }
    }
}

/// The inner hashes that the waypoints of a block complete, in the order in which they do. Waypoints are in the order
/// in which they came about, of an owner without a gap.
///
/// `read` gives what was written with earlier blocks. It is asked for parts of the list alone that are complete and
/// have their place to the left of a new waypoint: one for two waypoints, on the average.
///
/// # Errors
/// If a read fails, if something is missing, or if a waypoint has a number that none has.
pub fn completed_nodes<E>(
    waypoints: &[Waypoint],
    mut read: impl FnMut(&HistoryOwner, ListPart) -> Result<Option<Digest>, E>,
) -> Result<Vec<WaypointNode>, WaypointError<E>> {
    // What this block itself adds is on no disk yet.
    let mut added: BTreeMap<(HistoryOwner, ListPart), Digest> = BTreeMap::new();
    let mut completed = Vec::new();
    for waypoint in waypoints {
        let owner = waypoint.owner;
        let place = place_of::<E>(waypoint.number)?;
        added.insert((owner, ListPart::of(0, place)), waypoint.hash);
        let mut hash = leaf_hash(&waypoint.hash.0);
        // Each trailing one of its place is a complete subtree that it completes a larger one with.
        for level in (0_u8..64).take_while(|level| place >> level & 1 == 1) {
            let left = ListPart::of(level, (place >> level) - 1);
            let stored = match added.get(&(owner, left)) {
                Some(stored) => *stored,
                None => found(left, read(&owner, left))?,
            };
            hash = node_hash(&left.hash(&stored), &hash);
            let (level, index) = (level + 1, place >> level >> 1);
            added.insert((owner, ListPart::of(level, index)), hash);
            completed.push(WaypointNode {
                owner,
                level,
                index,
                hash,
            });
        }
    }
    Ok(completed)
}

/// The inclusion path, lowest first, of the waypoint with this step's number in an owner's list of so many: a number of
/// steps divided by 32, rounded down. `read` gives what stands on disk of that owner.
///
/// # Errors
/// If a read fails, if something is missing, or if the list has no such waypoint.
pub fn waypoint_path<E>(
    number: u64,
    waypoints: u64,
    mut read: impl FnMut(ListPart) -> Result<Option<Digest>, E>,
) -> Result<Vec<Digest>, WaypointError<E>> {
    let place = place_of::<E>(number)?;
    if place >= waypoints {
        return Err(WaypointError::NotThere { number, waypoints });
    }
    let mut node = |level: u8, index: u64| -> Result<Digest, WaypointError<E>> {
        let part = ListPart::of(level, index);
        Ok(part.hash(&found(part, read(part))?))
    };
    make_path(waypoints, place, &mut node)
}

/// A waypoint's place in the list, from 0, by its step's number.
fn place_of<E>(number: u64) -> Result<u64, WaypointError<E>> {
    let place = (number / WAYPOINT_INTERVAL).checked_sub(1);
    place
        .filter(|_| number.is_multiple_of(WAYPOINT_INTERVAL))
        .ok_or(WaypointError::NotAWaypoint { number })
}

fn found<E>(part: ListPart, read: Result<Option<Digest>, E>) -> Result<Digest, WaypointError<E>> {
    let stored = read.map_err(WaypointError::Read)?;
    stored.ok_or(WaypointError::Missing { part })
}
