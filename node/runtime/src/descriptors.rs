//! Open files. Everything that a node lives on takes some of what the system gives a process: databases, links to
//! peers, the operations listener. They are set apart first; clients of the API share what is left, so that no number
//! of them ends the node.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::NodeError;

/// Files of the chain and the journal: tables up to the databases' own bounds, logs, locks.
const DATABASES: u64 = 512 + 64 + 64;
/// A peer: three links, two dials to it, and eight that it may ask for.
const PEER: u64 = 3 + 2 + 8;
/// Connections that others are making, from members' addresses and from strangers'; sockets that listen, pipes,
/// short-lived files.
const OTHERS: u64 = 64 + 64 + 64;
/// Connections to the operations listener.
pub(crate) const OPERATIONS: usize = 64;
/// Connections to the API: the most, and the fewest with which a node starts.
const API: std::ops::RangeInclusive<u64> = 64..=4_096;

/// How open files are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// All that the process may open.
    pub(crate) limit: u64,
    /// Connections to the API of all clients together.
    pub(crate) api: usize,
}

impl Descriptors {
    /// Raises the process's limit as far as it may, and shares it out.
    pub(crate) fn reserve(peers: usize) -> Result<Self, NodeError> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let wanted = Rlimit {
            current: maximum,
            maximum,
        };
        // Where it cannot be raised it is as it was.
        let limit = match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => maximum,
            Err(_) => current,
        };
        Self::share(limit.unwrap_or(u64::MAX), peers)
    }

    fn share(limit: u64, peers: usize) -> Result<Self, NodeError> {
        let peers = u64::try_from(peers).unwrap_or(u64::MAX);
        let operations = u64::try_from(OPERATIONS).unwrap_or(u64::MAX);
        let reserved = DATABASES + OTHERS + operations + peers.saturating_mul(PEER);
        let left = limit.saturating_sub(reserved).min(*API.end());
        if left < *API.start() {
            return Err(NodeError::FewDescriptors {
                limit,
                needed: reserved + API.start(),
            });
        }
        Ok(Self {
            limit,
            api: usize::try_from(left).unwrap_or(usize::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_databases_and_peers_leave() {
        let shared = |limit, peers| Descriptors::share(limit, peers).map(|shared| shared.api).ok();
        assert_eq!(shared(u64::MAX, 3), Some(4_096));
        assert_eq!(shared(1_024, 3), Some(1_024 - 640 - 192 - 64 - 39));
        assert_eq!(shared(1_024, 15), None);
        assert_eq!(shared(128, 3), None);
    }
}
