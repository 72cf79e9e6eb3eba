//! What is posted: an event with its id.

use quorate_api::{EventPlace, StreamedEvent};
use quorate_crypto::Digest;

/// An event on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    pub(crate) event: &'a StreamedEvent,
}

impl Message<'_> {
    /// What the event is of, as streams say it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.event.place {
            EventPlace::Transaction { .. } => "transaction",
            EventPlace::Block { .. } => "block",
        }
    }
}

/// The id of an event of a hook: `NETWORK_NAME_ORDINAL`, or `NETWORK_NAME_bHEIGHT` of a block. It follows from what the
/// event is about and from nothing else: it is the same at each attempt, after a restart, and at every node that has a
/// hook of this name.
pub fn message_id(network: Digest, hook: &str, place: EventPlace) -> String {
    match place {
        EventPlace::Transaction { ordinal, .. } => format!("{network}_{hook}_{ordinal}"),
        EventPlace::Block { height } => format!("{network}_{hook}_b{height}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use quorate_ledger::Height;

    use super::*;
    use crate::config::HookConfig;

    /// A hook to anywhere.
    pub(crate) fn config() -> HookConfig {
        toml::from_str("name = \"orders\"\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"orders.secret\"")
            .expect("it is a hook")
    }

    #[test]
    fn ids_tell_hooks_networks_transactions_and_blocks_apart_and_have_no_full_stop() {
        let (one, other) = (Digest([1; 32]), Digest([2; 32]));
        let transaction = |index, ordinal| EventPlace::Transaction {
            height: Height(7),
            index,
            ordinal,
        };
        let block = EventPlace::Block { height: Height(7) };
        let ids = [
            message_id(one, "a", transaction(0, 7)),
            message_id(one, "a", transaction(1, 8)),
            message_id(one, "a", block),
            message_id(one, "a-7", block),
            message_id(other, "a", block),
        ];
        assert_eq!(ids[0], format!("{}_a_7", "01".repeat(32)));
        assert_eq!(ids[3], format!("{}_a-7_b7", "01".repeat(32)));
        for (place, id) in ids.iter().enumerate() {
            // Standard Webhooks parts what it signs by full stops.
            assert!(!id.contains('.'));
            assert!(!ids[place + 1..].contains(id), "{id}");
        }
        // The place in the block is no part of it: the log's is enough.
        assert_eq!(message_id(one, "a", transaction(5, 7)), ids[0]);
    }
}
