"""State keys, the state tree and its proofs (section 12 of docs/formats.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .bcs import Type
from .errors import Malformed, Refusal
from .hashes import ZERO, digest, tagged
from .types import (
    ACCOUNT,
    AGREEMENT,
    ASSET,
    BALANCE,
    COUNTERS,
    ERASURE,
    FREEZE,
    GOVERNANCE_PROPOSAL,
    GRANT,
    GUARDIANS,
    HOLD,
    IN_USE,
    MEMBER,
    PARAMETERS,
    QUOTA,
    QUOTA_SHARE,
    RECORD,
    RECOVERY_MARK,
    RIGHT_NAMES,
    RULES,
    SEAT,
    TAKEN,
)

KINDS = range(0x01, 0x11)
OWNED_KINDS = (0x01, 0x02, 0x09, 0x0A)
_CODE_DIGITS = {letter: number for number, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)}


def b37(code: str) -> bytes:
    """An asset's code as a number in base 37, its first character the highest of 12 digits."""
    number = 0
    for letter in code:
        number = number * 37 + _CODE_DIGITS[letter]
    return (number * 37 ** (12 - len(code))).to_bytes(8, "big")


def key_at(kind: int, *parts: bytes) -> bytes:
    key = bytes([kind]) + b"".join(parts)
    assert len(key) <= 32
    return key.ljust(32, b"\x00")


def be4(number: int) -> bytes:
    """A `u32`, big-endian."""
    return number.to_bytes(4, "big")


def account_key(address: bytes) -> bytes:
    """The key of an account's own leaf."""
    return key_at(1, address)


def balance_key(address: bytes, code: str) -> bytes:
    """The key of a balance that lies outside the account's leaf."""
    return key_at(1, address, bytes(3), b37(code))


def hold_key(owner: bytes, transaction: bytes, operation: int) -> bytes:
    """The key of a hold."""
    return key_at(2, owner, tagged("hold", transaction + bytes([operation]))[:11])


def asset_key(code: str) -> bytes:
    """The key of an asset."""
    return key_at(3, b37(code))


def own_record_key(address: bytes, sha256: bytes) -> bytes:
    """The key of an account's own record of a document."""
    return key_at(4, tagged("own-record", address + sha256)[:31])


def unique_record_key(sha256: bytes) -> bytes:
    """The key of the one record that claims a document."""
    return key_at(5, tagged("unique-record", sha256)[:31])


def member_key(number: int) -> bytes:
    """The key of a member."""
    return key_at(6, be4(number))


def taken_key(taken: tuple) -> bytes:
    """The key of a name or key in use."""
    return key_at(8, tagged("taken", TAKEN.write(taken))[:31])


def grant_key(grant: dict) -> bytes:
    """The key of a grant."""
    kind, value = grant["scope"]
    scope = {"Network": 0, "Member": 1, "Asset": 2}[kind]
    material = bytes(8) if kind == "Network" else bytes(4) + be4(value) if kind == "Member" else b37(value)
    return key_at(9, grant["account"], bytes([RIGHT_NAMES.index(grant["right"][0]), scope]), material)


def freeze_key(freeze: dict) -> bytes:
    """The key of a freeze."""
    material = bytes(8) if freeze["asset"] is None else b37(freeze["asset"])
    return key_at(0x0A, freeze["account"], bytes(3), material)


def erasure_key(transaction: bytes) -> bytes:
    """The key of a transaction's erasures."""
    return key_at(0x0E, tagged("erasure", transaction)[:31])


def single_key(number: int) -> bytes:
    """The key of the parameters (0), the rules (1), the agreement (2) or the counters (3)."""
    return key_at(0x10, bytes([number]))


def _quota_key(quota: dict) -> bytes:
    return key_at(0x0D, b"\x00", b"\xff" * 4 if quota["member"] is None else be4(quota["member"]))


_SINGLES: tuple[Type, ...] = (PARAMETERS, RULES, AGREEMENT, COUNTERS)

_BY_KIND: dict[int, tuple[Type, Callable[[Any], bytes]]] = {
    0x02: (HOLD, lambda value: hold_key(value["owner"], value["transaction"], value["operation"])),
    0x03: (ASSET, lambda value: asset_key(value["code"])),
    0x04: (RECORD, lambda value: own_record_key(value["address"], value["sha256"])),
    0x05: (RECORD, lambda value: unique_record_key(value["sha256"])),
    0x06: (MEMBER, lambda value: member_key(value["number"])),
    0x07: (SEAT, lambda value: key_at(7, be4(value["number"]))),
    0x08: (IN_USE, lambda value: taken_key(value["taken"])),
    0x09: (GRANT, grant_key),
    0x0A: (FREEZE, freeze_key),
    0x0B: (GOVERNANCE_PROPOSAL, lambda value: key_at(0x0B, value["number"].to_bytes(8, "big"))),
    0x0C: (GUARDIANS, lambda value: key_at(0x0C, value["account"])),
    0x0E: (ERASURE, lambda value: erasure_key(value["id"])),
    0x0F: (RECOVERY_MARK, lambda value: key_at(0x0F, be4(value["number"]))),
}


def type_of(key: bytes) -> tuple[str, Type, Callable[[Any], bytes]]:
    """What lies under a key: a name, the type, and how the key follows from a value."""
    kind = key[0]
    if kind == 0x01 and not any(key[21:]):
        return "account", ACCOUNT, lambda value: account_key(value["address"])
    if kind == 0x01:
        return "balance", BALANCE, lambda value: balance_key(value["address"], value["asset"])
    if kind == 0x0D and key[1] == 0:
        return "quota", QUOTA, _quota_key
    if kind == 0x0D:
        return "share", QUOTA_SHARE, lambda value: key_at(0x0D, b"\x01", value["account"])
    if kind == 0x10 and key[1] < 4:
        name = ("parameters", "rules", "agreement", "counters")[key[1]]
        return name, _SINGLES[key[1]], lambda _value: single_key(key[1])
    if kind in _BY_KIND:
        return _NAMES[kind], *_BY_KIND[kind]
    raise Refusal("other_leaf", f"leaf {key.hex()}", f"there is no kind {kind:02x} with this key")


def value_of(key: bytes, data: bytes) -> tuple[str, Any]:
    """The name of the type and the value under a key, after the key was derived from the value again."""
    name, type_, derive = type_of(key)
    try:
        value = type_.decode(data, 32_768)
    except Malformed as fault:
        raise fault.refusal(f"leaf {key.hex()}", "other_leaf")
    if derive(value) != key:
        raise Refusal("other_leaf", f"leaf {key.hex()}", "its value belongs to another key")
    return name, value


_NAMES = {
    0x02: "hold",
    0x03: "asset",
    0x04: "own record",
    0x05: "unique record",
    0x06: "member",
    0x07: "seat",
    0x08: "in use",
    0x09: "grant",
    0x0A: "freeze",
    0x0B: "proposal",
    0x0C: "guardians",
    0x0E: "erasure",
    0x0F: "recovery",
}


def bit(key: bytes, depth: int) -> int:
    """The bit of a key at a depth; bit 0 is the most significant of the first byte."""
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def leaf_digest(key: bytes, value_digest: bytes) -> bytes:
    """A leaf's hash out of its key and the digest of its value."""
    return digest(b"\x02" + key + value_digest)


def value_digest(value: bytes) -> bytes:
    """The digest of a value."""
    return digest(b"\x04" + value)


def join(depth: int, left: bytes, right: bytes) -> bytes:
    """The hash over two sides at a depth, one of which may be empty."""
    if left == ZERO:
        return right
    if right == ZERO:
        return left
    return digest(b"\x03" + bytes([depth]) + left + right)


def subtree_root(leaves: list[tuple[bytes, bytes]]) -> bytes:
    """The root over keys in ascending order with their leaves' hashes.

    The page's rule joins where keys part, whatever the depth it begins at, so the depth of the beginning is not
    needed.
    """
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        return leaves[0][1]
    first, last = int.from_bytes(leaves[0][0], "big"), int.from_bytes(leaves[-1][0], "big")
    depth = 256 - (first ^ last).bit_length()
    low, high = 0, len(leaves)
    while low < high:
        middle = (low + high) // 2
        if bit(leaves[middle][0], depth):
            high = middle
        else:
            low = middle + 1
    return join(depth, subtree_root(leaves[:low]), subtree_root(leaves[low:]))


def state_root(state: dict[bytes, bytes]) -> bytes:
    """The root of a whole state."""
    return subtree_root([(key, leaf_digest(key, value_digest(state[key]))) for key in sorted(state)])


def begins_with(key: bytes, prefix: dict) -> bool:
    """True if the key lies under the prefix."""
    differing = int.from_bytes(key, "big") ^ int.from_bytes(prefix["key"], "big")
    return 256 - differing.bit_length() >= prefix["bits"]


def check_proof(proof: dict, root: bytes, where: str) -> list[tuple[bytes, str, Any]]:
    """All leaves under the proof's prefix in the state with this root: key, kind's name, value."""
    prefix, path = proof["prefix"], proof["path"]
    kind, found = proof["found"]
    leaves = []
    if kind == "Empty":
        if root != ZERO or path:
            raise Refusal("bad_path", where, "the state is not empty")
        return []
    if kind == "Other":
        key = found["key"]
        if begins_with(key, prefix):
            raise Refusal("bad_path", where, "the leaf that is to show absence lies under the prefix")
        for step in path:
            if bit(key, step["depth"]) != bit(prefix["key"], step["depth"]):
                raise Refusal("bad_path", where, f"the other leaf's key parts from the prefix at bit {step['depth']}")
        hash_ = leaf_digest(key, found["value"])
    else:
        for place, leaf in enumerate(found):
            if not begins_with(leaf["key"], prefix):
                raise Refusal("bad_path", f"{where}.leaves[{place}]", "a leaf that is not under the prefix")
            leaves.append((leaf["key"], *value_of(leaf["key"], leaf["value"])))
        if prefix["bits"] == 168:
            _check_account(prefix, leaves, where)
        for step in path:
            if step["depth"] >= prefix["bits"]:
                raise Refusal("bad_path", where, f"a step at depth {step['depth']} under {prefix['bits']} bits")
        hash_ = subtree_root([(leaf["key"], leaf_digest(leaf["key"], value_digest(leaf["value"]))) for leaf in found])
    for step in reversed(path):
        sibling, depth = step["sibling"], step["depth"]
        hash_ = join(depth, sibling, hash_) if bit(prefix["key"], depth) else join(depth, hash_, sibling)
    if hash_ != root:
        raise Refusal("bad_path", where, "the path does not lead to the state root")
    return leaves


def _check_account(prefix: dict, leaves: list, where: str) -> None:
    """Refuses balances under an account's prefix without the account, or a code that is in two leaves."""
    if prefix["key"][0] != 0x01:
        return
    if leaves[0][0] != prefix["key"]:
        raise Refusal("other_leaf", where, "balances without their account")
    codes = [item["asset"] for item in [*leaves[0][2]["balances"], *(leaf[2] for leaf in leaves[1:])]]
    if len(set(codes)) != len(codes):
        raise Refusal("other_leaf", where, "a code that is in two leaves")


def shape_fault(prefix: dict) -> str | None:
    """Why a prefix is none that section 17 allows in a proof of the state."""
    kind, bits = prefix["key"][0], prefix["bits"]
    if kind not in KINDS:
        return f"there is no kind {kind:02x}"
    if bits in (8, 256) or (bits == 168 and kind in OWNED_KINDS):
        return None
    return f"a prefix of {bits} bits"


def check_sorted_proofs(proofs: list, root: bytes, where: str) -> list[tuple[dict, list]]:
    """Several proofs under one root, strictly ascending by prefix, with what each found."""
    results = []
    for place, proof in enumerate(proofs):
        at = f"{where}[{place}]"
        prefix = proof["prefix"]
        if results:
            before = results[-1][0]
            if not (before["key"], before["bits"]) < (prefix["key"], prefix["bits"]):
                raise Refusal("not_canonical", at, "the prefixes do not ascend strictly")
        fault = shape_fault(prefix)
        if fault:
            raise Refusal("not_canonical", at, fault)
        results.append((prefix, check_proof(proof, root, at)))
    return results


def check_apart(proofs: list, where: str) -> None:
    """Refuses prefixes of which one covers another: so nothing is shown twice."""
    # In this order all that a prefix covers comes right behind it.
    ordered = sorted((proof["prefix"] for proof in proofs), key=lambda each: (each["key"], each["bits"]))
    for wide, narrow in zip(ordered, ordered[1:]):
        if begins_with(narrow["key"], wide):
            words = f"the prefix {wide['key'].hex()}/{wide['bits']} covers another"
            raise Refusal("not_canonical", where, words)


def single(proof: dict, root: bytes, key: bytes, where: str) -> Any:
    """The value under one key, None if it is absent; the proof must be about this key with 256 bits."""
    if proof["prefix"] != {"bits": 256, "key": key}:
        raise Refusal("other_leaf", where, f"the proof is not of the key {key.hex()}")
    leaves = check_proof(proof, root, where)
    return leaves[0][2] if leaves else None
