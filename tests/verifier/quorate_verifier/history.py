"""Steps of histories, and statements over them (sections 13 and 17 of docs/formats.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import Refusal
from .genesis import history_start
from .hashes import frontier_holds, leaf_hash, list_root, tagged
from .state import account_key, asset_key, check_apart, check_proof, check_sorted_proofs
from .types import BALANCE_ITEM, LOG_ENTRY, STEP

SPACING = 32
"""Every so many steps there is a waypoint."""

MAX_BALANCES = 256
"""Different assets of which an account has a balance."""

Balances = dict[str, tuple[int, int]]


def step_hash(step: dict) -> bytes:
    """`inner_n`."""
    return tagged("step", STEP.write(step))


def next_hash(before: bytes, inner: bytes) -> bytes:
    """`h_n`."""
    return tagged("history", before + inner)


def entry_leaf(entry: tuple) -> bytes:
    """A log entry's leaf hash."""
    return leaf_hash(LOG_ENTRY.write(entry))


def balances_root(balances: Balances) -> bytes:
    """The root over all that the owner has."""
    items = [
        BALANCE_ITEM.write({"asset": code, "free": free, "held": held})
        for code, (free, held) in sorted(balances.items())
        if free or held
    ]
    return list_root(items)


@dataclass
class Statement:
    """What a statement establishes."""

    owner: tuple
    start: int
    end: int
    complete_up_to: int | None
    """None: the range is complete. Else the head's time, up to which it is, that included."""
    opening: Balances
    of_genesis: bool
    """No step stands before the range: the opening balance is the one that the history began with."""
    closing: Balances
    entries: list[dict] = field(default_factory=list)
    """The items of the range."""
    before: list[dict] = field(default_factory=list)
    after: list[dict] = field(default_factory=list)
    current: Any = None
    beside: list = field(default_factory=list)


def owner_key(owner: tuple) -> bytes:
    """The state key of a history's owner."""
    kind, value = owner
    return account_key(value) if kind == "Account" else asset_key(value)


class _Replay:
    """Follows the changes of a history's steps."""

    def __init__(self, owner: tuple, balances: list) -> None:
        self.owner = owner
        self.balances: Balances = {item["asset"]: (item["free"], item["held"]) for item in balances}

    def apply(self, step: dict, where: str) -> None:
        """Applies a step's changes; each *before* must be what the replay has."""
        changes = step["changes"]
        codes = [change["asset"] for change in changes]
        if any(not before < after for before, after in zip(codes, codes[1:])):
            raise Refusal("bad_replay", f"{where}.changes", "the changes do not ascend strictly by code")
        for change in changes:
            code = change["asset"]
            before = change["free_before"], change["held_before"]
            after = change["free_after"], change["held_after"]
            if before == after:
                raise Refusal("bad_replay", f"{where}.changes.{code}", "a change that changes nothing")
            if self.owner[0] == "Asset" and (code != self.owner[1] or before[1] or after[1]):
                raise Refusal("bad_replay", f"{where}.changes.{code}", "not a change of the asset's supply")
            has = self.balances.get(code, (0, 0))
            if before != has:
                raise Refusal(
                    "bad_replay",
                    f"{where}.changes.{code}",
                    f"before step {step['number']} there were {has[0]} free and {has[1]} held, it says "
                    f"{before[0]} and {before[1]}",
                )
            self.balances[code] = after
        if len(self.snapshot()) > MAX_BALANCES:
            raise Refusal("bad_replay", f"{where}.changes", "no account has so many balances")
        if step["number"] % SPACING == 0:
            if step["balances"] is None or step["balances"] != balances_root(self.balances):
                raise Refusal("bad_balances", where, f"the balances at step {step['number']} are others")
        elif step["balances"] is not None:
            raise Refusal("bad_balances", where, f"step {step['number']} has a root over balances")

    def snapshot(self) -> Balances:
        """What the owner has now."""
        return {code: pair for code, pair in sorted(self.balances.items()) if any(pair)}


def check_statement(
    network: bytes, statement: dict, where: str, check_shown: Callable[[dict, tuple, str], Any]
) -> Statement:
    """What a statement under an accepted head establishes, by the numbers of section 17."""
    header = statement["head"]["header"]
    owner, start_time, end_time = statement["owner"], statement["from"], statement["to"]
    if not start_time < end_time:
        raise Refusal("not_complete", where, "the range is empty")
    items = statement["items"]
    passed = sum(kind == "Passed" for kind, _ in items)
    whole = owner[0] == "Account" and statement["end"][0] == "Last" and passed == 0

    # 1. The owner's leaf.
    key = owner_key(owner)
    bits = 168 if whole else 256
    if statement["leaf"]["prefix"] != {"bits": bits, "key": key}:
        raise Refusal("other_leaf", f"{where}.leaf", f"the proof is not of the owner's key with {bits} bits")
    leaves = check_proof(statement["leaf"], header["state_root"], f"{where}.leaf")
    current = leaves[0][2] if leaves else None
    count = current["entries"] if current else 0
    last = current["last"] if current else history_start(network, owner, [])
    waypoints = current["waypoints"] if current else []

    # 2. Start.
    kind, start = statement["start"]
    at = f"{where}.start"
    if current is None and (kind != "Beginning" or start["balances"]):
        raise Refusal("other_leaf", at, "balances or a waypoint of an owner that is not there")
    codes = [item["asset"] for item in start["balances"]]
    if any(not before < after for before, after in zip(codes, codes[1:])):
        raise Refusal("bad_balances", at, "the balances do not ascend strictly by code")
    if any(not item["free"] and not item["held"] for item in start["balances"]):
        raise Refusal("bad_balances", at, "a balance that is empty")
    if owner[0] == "Asset" and any(item["asset"] != owner[1] or item["held"] for item in start["balances"]):
        raise Refusal("bad_balances", at, "balances that are not the asset's supply")
    ordinal, time = -1, 0
    if kind == "Beginning":
        number = 0
        hash_ = history_start(network, owner, start["balances"])
    else:
        step = start["step"]
        number, ordinal, time = step["number"], step["ordinal"], step["timestamp"]
        if number == 0 or number % SPACING:
            raise Refusal("not_complete", at, f"step {number} is no waypoint")
        hash_ = next_hash(start["before"], step_hash(step))
        if not frontier_holds(leaf_hash(hash_), number // SPACING - 1, count // SPACING, start["path"], waypoints):
            raise Refusal("bad_path", at, f"step {number} is not among the waypoints")
        root = list_root([BALANCE_ITEM.write(item) for item in start["balances"]])
        if step["balances"] != root:
            raise Refusal("bad_balances", at, "the balances are not the waypoint's")
        if not time < start_time:
            raise Refusal("not_complete", at, "the waypoint is not before the range")
        if not ordinal < header["log_size"]:
            raise Refusal("gap", at, "the waypoint's ordinal is beyond the log")

    # 3, 4, 6. Items.
    replay = _Replay(owner, start["balances"])
    found = Statement(owner, start_time, end_time, None, {}, kind == "Beginning", {}, current=current)
    part = "before"
    opening: Balances | None = None
    opened_to = number
    for place, (kind, value) in enumerate(items):
        at = f"{where}.items[{place}]"
        number += 1
        if kind == "Passed":
            part = "passed"
            hash_ = next_hash(hash_, value)
            continue
        step = value if kind == "Opened" else value["step"]
        if part in ("after", "passed"):
            raise Refusal("gap", at, "an opened step after what may end the range")
        if step["number"] != number:
            raise Refusal("gap", at, f"step {step['number']} stands in the place of step {number}")
        if not ordinal < step["ordinal"] < header["log_size"]:
            raise Refusal("gap", at, "the ordinals do not ascend, or are beyond the log")
        if step["timestamp"] < time:
            raise Refusal("gap", at, "the time falls")
        ordinal, time = step["ordinal"], step["timestamp"]
        if kind == "Entry":
            if not start_time <= time < end_time:
                raise Refusal("gap", at, "an entry outside the range")
            if part == "before":
                opening = replay.snapshot()
            part = "entries"
            _check_entry(step, value, at, check_shown)
            found.entries.append(value)
        elif time < start_time:
            if part != "before":
                raise Refusal("gap", at, "a step before the range stands behind it")
            found.before.append(step)
        elif time >= end_time:
            if part == "before":
                opening = replay.snapshot()
            part = "after"
            found.closing = replay.snapshot()
            found.after.append(step)
        else:
            raise Refusal("gap", at, "a step of the range is not shown as an entry")
        replay.apply(step, at)
        hash_ = next_hash(hash_, step_hash(step))
        opened_to = number
    if len(found.before) >= SPACING:
        raise Refusal("not_complete", f"{where}.start", "a later waypoint lies before the range")
    if opening is None:
        opening = replay.snapshot()
    if part != "after" and not found.after:
        found.closing = replay.snapshot()
    found.opening = opening
    found.of_genesis = found.of_genesis and not found.before

    # 5. End.
    at = f"{where}.end"
    kind, end = statement["end"]
    if count and not opened_to:
        raise Refusal("not_complete", at, "no step of the history is opened")
    next_waypoint = -(-opened_to // SPACING) * SPACING
    if next_waypoint < count:
        if kind != "Waypoint":
            raise Refusal("not_complete", at, f"the history goes on to step {count}")
        if number != next_waypoint:
            words = f"the items end at step {number}, the next waypoint is {next_waypoint}"
            raise Refusal("not_complete", at, words)
        if not frontier_holds(leaf_hash(hash_), number // SPACING - 1, count // SPACING, end["path"], waypoints):
            raise Refusal("bad_path", at, f"step {number} is not among the waypoints")
    else:
        if kind != "Last":
            raise Refusal("not_complete", at, "no waypoint follows")
        if number != count:
            raise Refusal("not_complete", at, f"the items end at step {number}, the history has {count}")
        if hash_ != last:
            raise Refusal("bad_path", at, "the last step is not the leaf's")

    # 6. The replay's end.
    if whole:
        present = {
            item["asset"]: (item["free"], item["held"])
            for item in [*(current["balances"] if current else []), *(leaf[2] for leaf in leaves[1:])]
        }
        if replay.snapshot() != {code: pair for code, pair in sorted(present.items()) if any(pair)}:
            raise Refusal("bad_balances", f"{where}.leaf", "the replay ends at other balances than the account has")
    if owner[0] == "Asset" and kind == "Last" and passed == 0:
        supply = current["supply"] if current else 0
        if replay.snapshot() != ({owner[1]: (supply, 0)} if supply else {}):
            raise Refusal("bad_balances", f"{where}.leaf", "the replay ends at another supply than the asset has")

    # 7. The end is reached.
    if not found.after:
        if kind != "Last" or passed:
            raise Refusal("not_complete", at, "no step shows that the range has ended")
        if header["timestamp"] < end_time:
            if header["timestamp"] < start_time:
                raise Refusal("not_complete", at, "the head is older than the range")
            found.complete_up_to = header["timestamp"]

    # 8. What stands beside.
    check_apart([statement["leaf"], *statement["beside"]], f"{where}.beside")
    found.beside = check_sorted_proofs(statement["beside"], header["state_root"], f"{where}.beside")
    return found


def _check_entry(step: dict, item: dict, where: str, check_shown: Callable[[dict, tuple, str], Any]) -> None:
    kind, entry = item["entry"]
    if kind != "Transaction":
        raise Refusal("other_leaf", f"{where}.entry", "it is not a transaction")
    if entry_leaf(item["entry"]) != step["leaf"]:
        raise Refusal("other_leaf", f"{where}.entry", "it is not the entry of the step's leaf")
    if entry["timestamp"] != step["timestamp"]:
        raise Refusal("other_leaf", f"{where}.entry", "its time is not the step's")
    if entry["outcome"][0] == "Failed" and step["changes"]:
        raise Refusal("other_leaf", f"{where}.entry", "a failed transaction changed balances")
    check_shown(entry, item["shown"], f"{where}.shown")
