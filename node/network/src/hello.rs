//! What is said on the control stream (`docs/formats.md`, section 18). The first frame each way is a [`Hello`]; the
//! sides compare networks and look for a version of the protocol that both know, and the one that finds a difference
//! names it and closes the connection. Noise has proved the keys by then. Later frames are [`Control`].

use serde::{Deserialize, Serialize};

use crate::Reason;
use crate::error::HandshakeField;

/// The most bytes of a control frame.
pub(crate) const MAX_CONTROL_FRAME: u32 = 1 << 10;
/// The most versions of the protocol that a node tells.
pub(crate) const MAX_PROTOCOLS: usize = 16;
/// The most bytes of a software version; a longer one is cut.
const MAX_SOFTWARE: usize = 64;
/// The most bytes of an address to dial, and of why it was not reached: both fit into a frame.
pub(crate) const MAX_TEXT: usize = 256;

/// The first frame on a control stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hello {
    V1(HelloV1),
}

/// Version 1 of [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HelloV1 {
    /// The network's id.
    pub(crate) network: [u8; 32],
    /// The versions of the protocol that it knows, 1 to [`MAX_PROTOCOLS`], strictly ascending.
    pub(crate) protocols: Vec<u32>,
    /// Name and version of the program, for people; need not be equal.
    pub(crate) software: String,
}

/// Any later frame on a control stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Control {
    V1(ControlV1),
}

/// Version 1 of [`Control`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ControlV1 {
    /// Of the links between us, send on this one from now on. Said by the peer with the lower key.
    Use,
    /// Are you there?
    Ping(u64),
    /// Yes, to the ping with the same number.
    Pong(u64),
    /// Am I reached at this multiaddress? Dial it, please.
    Dial(String),
    /// What came of it: nothing, if the dial has reached the peer that asked.
    Dialled { address: String, error: Option<String> },
}

impl HelloV1 {
    /// What a node says that knows these protocols.
    pub(crate) fn new(network: [u8; 32], protocols: Vec<u32>, software: &str) -> Self {
        Self {
            network,
            protocols,
            software: printable_up_to(software, MAX_SOFTWARE),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        bcs::to_bytes(&Hello::V1(self.clone())).expect("a short structure without maps encodes")
    }

    pub(crate) fn decode(frame: &[u8]) -> Result<Self, Reason> {
        let Hello::V1(mut hello) =
            bcs::from_bytes(frame).map_err(|error| Reason::BadHandshake(error.to_string()))?;
        if !are_protocols(&hello.protocols) {
            let reason = format!(
                "{} versions of the protocol, which are 1 to {MAX_PROTOCOLS}, ascending",
                hello.protocols.len()
            );
            return Err(Reason::BadHandshake(reason));
        }
        hello.software = printable_up_to(&hello.software, MAX_SOFTWARE);
        Ok(hello)
    }

    /// Whether the two sides belong together, and if not, in which field they differ.
    pub(crate) fn compare(&self, theirs: &Self) -> Result<(), Reason> {
        if self.network != theirs.network {
            return Err(Reason::Mismatch {
                field: HandshakeField::Network,
                ours: hex::encode(self.network),
                theirs: hex::encode(theirs.network),
            });
        }
        let is_common = |version: &u32| theirs.protocols.contains(version);
        if !self.protocols.iter().any(is_common) {
            return Err(Reason::Mismatch {
                field: HandshakeField::ProtocolVersion,
                ours: listed(&self.protocols),
                theirs: listed(&theirs.protocols),
            });
        }
        Ok(())
    }
}

/// Whether a hello may tell these versions of the protocol.
pub(crate) fn are_protocols(versions: &[u32]) -> bool {
    (1..=MAX_PROTOCOLS).contains(&versions.len()) && versions.is_sorted_by(|a, b| a < b)
}

fn listed(versions: &[u32]) -> String {
    let texts: Vec<String> = versions.iter().map(u32::to_string).collect();
    texts.join(", ")
}

impl Control {
    pub(crate) fn encode(control: ControlV1) -> Vec<u8> {
        bcs::to_bytes(&Self::V1(control)).expect("an enumeration of integers encodes")
    }

    pub(crate) fn decode(frame: &[u8]) -> Result<ControlV1, Reason> {
        let Self::V1(control) =
            bcs::from_bytes(frame).map_err(|_| Reason::Violation("an unreadable control frame"))?;
        Ok(control)
    }
}

/// What a peer says reaches logs and terminals.
pub(crate) fn printable(text: &str) -> String {
    printable_up_to(text, MAX_TEXT)
}

fn printable_up_to(text: &str, most: usize) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_frozen() {
        let hello = HelloV1::new([0xab; 32], vec![7, 0x102], "q/1");
        let protocols: [u8; 9] = [2, 7, 0, 0, 0, 2, 1, 0, 0];
        let expected = [&[0][..], &[0xab; 32], &protocols, &[3], b"q/1"].concat();
        assert_eq!(hello.encode(), expected);
        assert_eq!(HelloV1::decode(&expected).unwrap(), hello);
        assert_eq!(Control::encode(ControlV1::Use), [0, 0]);
        assert_eq!(
            Control::encode(ControlV1::Ping(5)),
            [0, 1, 5, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            Control::encode(ControlV1::Pong(5)),
            [0, 2, 5, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(Control::encode(ControlV1::Dial("/a".to_owned())), b"\0\x03\x02/a");
        let dialled = |error: Option<&str>| ControlV1::Dialled {
            address: "/a".to_owned(),
            error: error.map(str::to_owned),
        };
        assert_eq!(Control::encode(dialled(None)), b"\0\x04\x02/a\0");
        assert_eq!(Control::encode(dialled(Some("no"))), b"\0\x04\x02/a\x01\x02no");
        let most = (1..=MAX_PROTOCOLS as u32).collect();
        let longest_hello = HelloV1::new([0xab; 32], most, &"x".repeat(500)).encode();
        assert!(longest_hello.len() <= MAX_CONTROL_FRAME as usize);
        assert!(HelloV1::decode(&longest_hello).is_ok());
        let longest = ControlV1::Dialled {
            address: "a".repeat(MAX_TEXT),
            error: Some("e".repeat(MAX_TEXT)),
        };
        assert!(Control::encode(longest).len() <= MAX_CONTROL_FRAME as usize);
    }

    #[test]
    fn the_field_that_differs_is_named_with_both_values() {
        let ours = HelloV1::new([1; 32], vec![1, 2], "a");
        assert_eq!(
            ours.compare(&HelloV1::new([1; 32], vec![1, 2], "another")),
            Ok(())
        );
        assert_eq!(ours.compare(&HelloV1::new([1; 32], vec![2, 3], "a")), Ok(()));
        assert_eq!(ours.compare(&HelloV1::new([1; 32], vec![1], "a")), Ok(()));
        let text = ours
            .compare(&HelloV1::new([2; 32], vec![1, 2], "a"))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("network id") && text.contains(&"01".repeat(32)) && text.contains(&"02".repeat(32))
        );
        let text = ours
            .compare(&HelloV1::new([1; 32], vec![3, 9], "a"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "the protocol version differs: ours is 1, 2, the peer's 3, 9"
        );
    }

    #[test]
    fn garbage_is_refused_and_terminal_escapes_are_dropped() {
        assert!(HelloV1::decode(b"GET / HTTP/1.1").is_err());
        let trailing = [HelloV1::new([1; 32], vec![1], "a").encode(), vec![0]].concat();
        assert!(HelloV1::decode(&trailing).is_err());
        assert_eq!(HelloV1::new([1; 32], vec![1], "a\x1b[2Jb\n").software, "a[2Jb");
        assert_eq!(
            HelloV1::new([1; 32], vec![1], &"x".repeat(500)).software.len(),
            MAX_SOFTWARE
        );
    }

    #[test]
    fn no_version_too_many_and_versions_in_no_order_are_refused() {
        for versions in [vec![], vec![2, 1], vec![1, 1], (1..=17).collect()] {
            let hello = HelloV1::new([1; 32], versions, "a").encode();
            assert!(
                matches!(HelloV1::decode(&hello), Err(Reason::BadHandshake(_))),
                "{hello:?}"
            );
        }
        // 2^31 - 1 announced, none there.
        let announced = [&[0][..], &[1; 32], &[0xff, 0xff, 0xff, 0xff, 0x07]].concat();
        assert!(HelloV1::decode(&announced).is_err());
    }
}
