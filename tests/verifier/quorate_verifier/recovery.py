"""Recoveries: what makes a document valid on top of a block (section 15 of docs/formats.md)."""

from __future__ import annotations

from typing import Any

from .committee import block_hash, check_seals, faulty, quorum
from .errors import Refusal
from .genesis import signed_by
from .hashes import tagged
from .keys import good_ed25519, validator_signature_good
from .state import account_key, check_proof, single_key
from .types import LOSS, LOSSES, RECOVERY, STAND_DOWN, STAND_DOWNS

MAJORITIES = ("MoreThanHalf", "TwoThirds", "All")


def document_hash(document: dict) -> bytes:
    """A recovery document's hash, as the log has it."""
    return tagged("recovery", RECOVERY.write(document))


def _refuse(where: str, reason: str) -> Refusal:
    return Refusal("bad_recovery", where, reason)


def strict_majority(rules: dict) -> str:
    """The rule `strict`, raised to the strictest of all seven."""
    kinds = ("seats", "engine", "protocol", "parameters", "grants", "quotas", "strict")
    return max((rules[kind][0] for kind in kinds), key=MAJORITIES.index)


def enough(majority: str, of: int, number: int) -> bool:
    """True if `number` of so many are the majority that is asked for."""
    if majority == "MoreThanHalf":
        return 2 * number > of
    if majority == "TwoThirds":
        return 3 * number >= 2 * of
    return number >= of


def check_recovery(
    network: bytes, step: dict, old: dict, base_root: bytes, start: tuple[int, bytes] | None, where: str
) -> dict:
    """Refuses a recovery that is not valid under the old committee on the state with this root.

    `start` is the height and hash before the old epoch's first block, None if it is not known. The caller has accepted
    `base`, or knows its hash. Returns the document.
    """
    signed = step["document"]
    document = signed["recovery"]
    if document["network"] != network:
        raise Refusal("other_network", f"{where}.document", "it is for another network")
    base = step["base"]
    height = base["header"]["height"] if base else 0
    hash_ = block_hash(base["header"]) if base else network
    if (document["base"], document["block"]) != (height, hash_):
        raise _refuse(f"{where}.document", "it is for another base")

    seats_of_loss = {loss["loss"]["seat"] for loss in signed["losses"]}
    by_seat = {seat["seat"]: seat for seat in old["seats"]}
    if not seats_of_loss <= set(by_seat):
        raise _refuse(f"{where}.losses", "a seat that the old committee does not have")
    signing = {item["member"] for item in signed["members"]} | {by_seat[seat]["member"] for seat in seats_of_loss}
    rules, agreement, counters, members, accounts = _leaves(step["leaves"], base_root, signing, f"{where}.leaves")

    if document["number"] != counters["recoveries"] + 1:
        raise _refuse(f"{where}.number", f"the next recovery is number {counters['recoveries'] + 1}")
    if document["old_epoch"] != agreement["committee"]["epoch"] or document["old_epoch"] != old["epoch"]:
        raise _refuse(f"{where}.old_epoch", f"the epoch after the base is {agreement['committee']['epoch']}")
    committee = document["committee"]
    if not document["new_epoch"] == committee["epoch"] == document["old_epoch"] + 1:
        raise _refuse(f"{where}.new_epoch", "the new epoch is not the one after the old one")
    if (committee["engine"], committee["protocol"]) != (old["engine"], old["protocol"]):
        raise _refuse(f"{where}.committee", "its engine or protocol is another than the old committee's")
    _check_committee(committee, members, f"{where}.committee")
    highest = _check_stand_downs(network, signed["stand_downs"], old, where) or start
    _check_losses(network, signed, old, by_seat, members, accounts, where)
    gone = len(signed["stand_downs"]) + len(signed["losses"])
    if not gone > len(old["seats"]) - quorum(old) + faulty(old):
        raise _refuse(where, f"{gone} seats stood down or are lost: the old epoch could go on")
    if highest != (document["base"], document["block"]):
        raise _refuse(where, "the base is not the highest block certified among the stand-downs")
    evidence = tagged("stand-downs", STAND_DOWNS.write(signed["stand_downs"]) + LOSSES.write(signed["losses"]))
    if evidence != document["evidence"]:
        raise _refuse(where, "the evidence is another")
    _check_members(signed, document, rules, members, accounts, where)
    return document


def _leaves(proofs: list, root: bytes, signing: set[int], where: str) -> tuple[dict, dict, dict, dict, dict]:
    wanted = [{"bits": 256, "key": single_key(number)} for number in (1, 2, 3)]
    wanted.append({"bits": 8, "key": b"\x06" + bytes(31)})
    found: list[list[tuple[bytes, str, Any]]] = []
    for place, prefix in enumerate(wanted):
        if place >= len(proofs) or proofs[place]["prefix"] != prefix:
            raise _refuse(f"{where}[{place}]", "not the leaf that belongs here")
        leaves = check_proof(proofs[place], root, f"{where}[{place}]")
        if not leaves:
            raise _refuse(f"{where}[{place}]", "the leaf is absent")
        found.append(leaves)
    members = {leaf[2]["number"]: leaf[2] for leaf in found[3]}
    if not signing <= set(members):
        raise _refuse(where, "a member that is not there")
    addresses = sorted({members[number]["account"] for number in signing})
    if len(proofs) != len(wanted) + len(addresses):
        raise _refuse(where, "not the accounts of those who sign, each once")
    accounts = {}
    for place, address in enumerate(addresses, len(wanted)):
        if proofs[place]["prefix"] != {"bits": 256, "key": account_key(address)}:
            raise _refuse(f"{where}[{place}]", "not the account that belongs here")
        leaves = check_proof(proofs[place], root, f"{where}[{place}]")
        accounts[address] = leaves[0][2]["signers"] if leaves else None
    return found[0][0][2], found[1][0][2], found[2][0][2], members, accounts


def _check_committee(committee: dict, members: dict, where: str) -> None:
    held: dict[int, int] = {}
    for place, seat in enumerate(committee["seats"]):
        member = members.get(seat["member"])
        if member is None or member["status"][0] != "Active":
            raise _refuse(f"{where}.seats[{place}]", "its member is not active")
        if not all(good_ed25519(seat[kind]) for kind in ("validator", "node", "witness")):
            raise _refuse(f"{where}.seats[{place}]", "a key that is not good")
        held[seat["member"]] = held.get(seat["member"], 0) + 1
    number = len(committee["seats"])
    if number > 3 and max(held.values()) > (number - 1) // 3:
        raise _refuse(where, "a member has more seats than may be faulty")


def _open_heights(open_: tuple) -> list[int]:
    engine, items = open_
    return [item["index" if engine == "Raft" else "height"] for item in items]


def _check_stand_downs(network: bytes, stand_downs: list, old: dict, where: str) -> tuple[int, bytes] | None:
    """The height and hash of the highest header certified among them; None: there is none."""
    before = -1
    certified: dict[int, bytes] = {}
    for place, item in enumerate(stand_downs):
        at = f"{where}.stand_downs[{place}]"
        stand_down = item["stand_down"]
        index = stand_down["validator"]
        if (stand_down["network"], stand_down["epoch"]) != (network, old["epoch"]):
            raise _refuse(at, "it is of another network or epoch")
        if not before < index < len(old["seats"]):
            raise _refuse(at, "the validators do not ascend strictly, or one is not there")
        before = index
        content = STAND_DOWN.write(stand_down)
        if not validator_signature_good(old["seats"][index]["validator"], item["signature"], "stand-down", content):
            raise _refuse(at, "its signature is not good")
        if stand_down["open"][0] != old["engine"][0]:
            raise _refuse(at, "its open work is another engine's")
        if stand_down["certified"]:
            header = stand_down["certified"]["header"]
            height, hash_ = header["height"], block_hash(header)
            if (header["network"], header["epoch"]) != (network, old["epoch"]):
                raise _refuse(at, "its certificate is of another network or epoch")
            try:
                check_seals(old, network, height, hash_, stand_down["certified"]["seals"], f"{at}.certified")
            except Refusal as fault:
                raise _refuse(fault.where, fault.reason) from None
            if any(each <= height for each in _open_heights(stand_down["open"])):
                raise _refuse(at, "its open work is not above what it has certified")
            if certified.setdefault(height, hash_) != hash_:
                raise _refuse(at, f"another block {height} is certified in a stand-down before")
    return max(certified.items(), default=None)


def _check_losses(
    network: bytes, signed: dict, old: dict, by_seat: dict, members: dict, accounts: dict, where: str
) -> None:
    stood_down = {old["seats"][item["stand_down"]["validator"]]["seat"] for item in signed["stand_downs"]}
    before = -1
    for place, item in enumerate(signed["losses"]):
        at = f"{where}.losses[{place}]"
        loss = item["loss"]
        if (loss["network"], loss["epoch"]) != (network, old["epoch"]):
            raise _refuse(at, "it is of another network or epoch")
        if not before < loss["seat"] or loss["seat"] in stood_down:
            raise _refuse(at, "the seats do not ascend strictly, or one stood down")
        before = loss["seat"]
        seat = by_seat[loss["seat"]]
        if seat["validator"] != loss["validator"]:
            raise _refuse(at, "the seat has another key")
        account = members[seat["member"]]["account"]
        fault = signed_by(item["signatures"], accounts[account], account, "loss", LOSS.write(loss))
        if fault:
            raise _refuse(at, fault)


def may_have_lost(signed: dict, old: dict) -> str:
    """What a recovery may have lost of what the old epoch decided (section 15)."""
    stood_down, others = len(signed["stand_downs"]), len(old["seats"]) - quorum(old)
    if stood_down > others + faulty(old):
        return "nothing that was decided, as long as no more than f validators lie"
    if stood_down > others:
        return "nothing, unless a validator that stood down lies"
    return "what was decided above the base, except what the stand-downs show"


def _check_members(signed: dict, document: dict, rules: dict, members: dict, accounts: dict, where: str) -> None:
    content = RECOVERY.write(document)
    before, active = -1, 0
    for place, item in enumerate(signed["members"]):
        at = f"{where}.members[{place}]"
        if not before < item["member"]:
            raise _refuse(at, "the members do not ascend strictly")
        before = item["member"]
        member = members[item["member"]]
        if member["status"][0] != "Active":
            raise _refuse(at, "the member is not active")
        active += 1
        fault = signed_by(item["signatures"], accounts[member["account"]], member["account"], "recovery", content)
        if fault:
            raise _refuse(at, fault)
    all_active = sum(member["status"][0] == "Active" for member in members.values())
    remaining = sum(member["status"][0] not in ("Expelled", "Left") for member in members.values())
    if not (
        enough("TwoThirds", all_active, active)
        and enough(strict_majority(rules), all_active, active)
        and 2 * active >= remaining
    ):
        raise _refuse(f"{where}.members", f"{active} of {all_active} active members are too few")
    seats = document["committee"]["seats"]
    if len(signed["validators"]) != len(seats):
        raise _refuse(f"{where}.validators", "one signature belongs to each new seat")
    for place, (seat, signature) in enumerate(zip(seats, signed["validators"])):
        if not validator_signature_good(seat["validator"], signature, "recovery", content):
            raise _refuse(f"{where}.validators[{place}]", "it is not good")
