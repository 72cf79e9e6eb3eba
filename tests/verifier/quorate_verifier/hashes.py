"""Tagged hashes and RFC 6962 trees (section 1 of docs/formats.md)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

ZERO = bytes(32)

TAGS = frozenset(
    f"quorate/{name}/v2"
    for name in [
        "address",
        "genesis",
        "draft",
        "join",
        "transaction",
        "signed",
        "text",
        "batch",
        "batch-author",
        "proposal",
        "committee",
        "block",
        "seal",
        "history-start",
        "history",
        "step",
        "hold",
        "own-record",
        "unique-record",
        "taken",
        "erasure",
        "change",
        "seat-keys",
        "attestation",
        "stand-down",
        "stand-downs",
        "loss",
        "recovery",
        "pbft/pre-prepare",
        "pbft/prepare",
        "pbft/commit",
        "pbft/complaint",
        "pbft/view-change",
        "pbft/new-view",
        "raft/request-vote",
        "raft/vote-reply",
        "raft/append-entries",
        "raft/append-reply",
        "raft/timeout-now",
        "paxos/prepare",
        "paxos/promise",
        "paxos/accept",
        "paxos/accepted",
        "paxos/nack",
        "paxos/chosen",
        "paxos/yield",
        "status",
        "inquiry",
        "testimony",
        "wallet-salt",
        "wallet-secret",
    ]
)


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return sha256(data).digest()


def preimage(name: str, content: bytes) -> bytes:
    """What is hashed or signed under `quorate/NAME/v2`."""
    tag = f"quorate/{name}/v2"
    assert tag in TAGS, f"the page has no tag {tag}"
    return bytes([len(tag)]) + tag.encode("ascii") + content


def tagged(name: str, content: bytes) -> bytes:
    """The page's `H`."""
    return digest(preimage(name, content))


def leaf_hash(data: bytes) -> bytes:
    """The hash of a list's leaf."""
    return digest(b"\x00" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a list's inner node."""
    return digest(b"\x01" + left + right)


class Frontier:
    """The complete subtrees that a list falls into, largest first: enough to append, and for the root."""

    def __init__(self, length: int = 0, subtrees: Sequence[bytes] = ()) -> None:
        assert len(subtrees) == length.bit_count()
        self.length = length
        self.subtrees = list(subtrees)

    def append(self, leaf: bytes) -> None:
        """Appends a leaf by its hash."""
        carry = leaf
        size = self.length
        while size & 1:
            carry = node_hash(self.subtrees.pop(), carry)
            size >>= 1
        self.subtrees.append(carry)
        self.length += 1

    def root(self) -> bytes:
        """The list's root."""
        if not self.subtrees:
            return digest(b"")
        root = self.subtrees[-1]
        for subtree in reversed(self.subtrees[:-1]):
            root = node_hash(subtree, root)
        return root


def list_root(leaves: Sequence[bytes]) -> bytes:
    """The root over a list's leaf data."""
    frontier = Frontier()
    for data in leaves:
        frontier.append(leaf_hash(data))
    return frontier.root()


def path_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2). None: the path has another length."""
    if index >= size:
        return None
    at, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            while at & 1 == 0:
                at >>= 1
                last >>= 1
                if at == 0:
                    break
        else:
            root = node_hash(root, sibling)
        at >>= 1
        last >>= 1
    return root if last == 0 else None


def frontier_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], subtrees: Sequence[bytes]) -> bool:
    """True if the path includes the leaf in the list of `size` leaves with these complete subtrees."""
    if size == 0 or len(subtrees) != size.bit_count():
        return False
    return path_root(leaf, index, size, path) == Frontier(size, subtrees).root()
