"""Committees, certificates, and which heads are accepted (sections 7 and 17 of docs/formats.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Refusal
from .genesis import Genesis, committee_digest
from .hashes import tagged
from .keys import validator_signature_good
from .types import HEADER, SEAL_CONTENT


def block_hash(header: dict) -> bytes:
    """A block's hash."""
    return tagged("block", HEADER.write(header))


def faulty(committee: dict) -> int:
    """How many validators may be faulty; under Raft and Paxos that is not part of any quorum."""
    return (len(committee["seats"]) - 1) // 3 if committee["engine"][0] == "Pbft" else 0


def quorum(committee: dict) -> int:
    """How many validators a quorum has."""
    seats = len(committee["seats"])
    if committee["engine"][0] == "Pbft":
        return (seats + faulty(committee) + 2) // 2
    return seats // 2 + 1


def check_seals(committee: dict, network: bytes, height: int, block: bytes, seals: list, where: str) -> None:
    """Refuses seals of which one is not good, or that are less than a quorum."""
    content = SEAL_CONTENT.write({"network": network, "epoch": committee["epoch"], "height": height, "block": block})
    seats = committee["seats"]
    if len(seals) < quorum(committee):
        raise Refusal("bad_certificate", where, f"{len(seals)} seals, a quorum has {quorum(committee)}")
    for place, seal in enumerate(seals):
        at = f"{where}[{place}]"
        if seal["validator"] >= len(seats):
            raise Refusal("bad_certificate", at, f"there is no validator {seal['validator']}")
        key = seats[seal["validator"]]["validator"]
        if not validator_signature_good(key, seal["signature"], "seal", content):
            raise Refusal("bad_certificate", at, f"the seal of validator {seal['validator']} is not good")


@dataclass
class Epoch:
    """What is known of one epoch."""

    committee: dict
    first: int | None
    last: int | None = None
    recovery: dict | None = None
    """The recovery that ended the epoch."""
    recovery_document: dict | None = None
    led_by: bytes | None = None
    """The hash of the header that led to this committee. A recovery of an epoch that certified nothing builds on it."""


@dataclass
class Trust:
    """What a verifier knows: the genesis document or a pinned block or both, and the epochs that follow from them.

    With a pinned block genesis's committee is not trusted: else stolen keys of past epochs could lead past the pin.
    """

    genesis: Genesis | None
    pinned: tuple[int, bytes] | None = None
    epochs: dict[int, Epoch] = field(default_factory=dict)
    network: bytes | None = None
    """The network id. None: it will be the pinned header's."""

    def __post_init__(self) -> None:
        if self.genesis:
            self.network = self.genesis.network
            if self.pinned is None:
                self.epochs.setdefault(0, Epoch(self.genesis.committee, 1))

    def learn(self, epochs: dict[int, Epoch], where: str) -> None:
        """Adds epochs, or bounds that were not known; nothing of them, if one contradicts what is known."""
        for number, epoch in epochs.items():
            known = self.epochs.get(number)
            if known is None:
                continue
            if committee_digest(known.committee) != committee_digest(epoch.committee):
                raise Refusal("bad_committee", where, f"another committee of epoch {number} is known")
            for name in ("first", "last"):
                ours, theirs = getattr(known, name), getattr(epoch, name)
                if None not in (ours, theirs) and ours != theirs:
                    raise Refusal("bad_committee", where, f"another {name} height of epoch {number} is known")
        for number, epoch in epochs.items():
            known = self.epochs.setdefault(number, epoch)
            for name in ("first", "last", "recovery", "recovery_document", "led_by"):
                if getattr(known, name) is None:
                    setattr(known, name, getattr(epoch, name))

    def accept(
        self, head: dict, where: str, epochs: dict[int, Epoch] | None = None, given_up: bool = False
    ) -> dict | None:
        """Refuses a certified header that is not to be accepted.

        `given_up`: what a recovery gave up is taken as well; then that recovery is returned.
        """
        epochs = self.epochs if epochs is None else epochs
        header = head["header"]
        if header["network"] != self.network:
            raise Refusal("other_network", f"{where}.header", f"it is of the network {header['network'].hex()}")
        epoch = epochs.get(header["epoch"])
        if epoch is None:
            raise Refusal(
                "unknown_committee", f"{where}.header", f"the committee of epoch {header['epoch']} is not known"
            )
        committee = epoch.committee
        if header["protocol"] != committee["protocol"]:
            raise Refusal("unknown_committee", f"{where}.header", "its protocol is not the committee's")
        recovery = None
        if self.pinned and header["height"] <= self.pinned[0]:
            if (header["height"], block_hash(header)) != self.pinned:
                raise Refusal("outside_epoch", f"{where}.header", f"it is not above the pinned block {self.pinned[0]}")
        if epoch.first is not None and header["height"] < epoch.first:
            raise Refusal("outside_epoch", f"{where}.header", f"epoch {header['epoch']} began at {epoch.first}")
        if epoch.last is not None and header["height"] > epoch.last:
            if epoch.recovery is None:
                raise Refusal("outside_epoch", f"{where}.header", f"epoch {header['epoch']} ended at {epoch.last}")
            recovery = epoch.recovery
            if not given_up:
                words = f"certified, given up by recovery {recovery['number']}"
                raise Refusal("given_up", f"{where}.header", words)
        needed = quorum(committee)
        if len(head["seals"]) != needed:
            raise Refusal("not_minimal", f"{where}.seals", f"{len(head['seals'])} seals, a quorum has {needed}")
        check_seals(committee, self.network, header["height"], block_hash(header), head["seals"], f"{where}.seals")
        return recovery
