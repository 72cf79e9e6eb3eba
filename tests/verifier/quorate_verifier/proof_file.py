"""Files: proofs (section 17) and transactions that travel (section 18 of docs/formats.md)."""

from __future__ import annotations

import base64
import binascii
import re

from .errors import Malformed, Refusal
from .keys import client_signature_good, encode_key, key_of
from .proof import KINDS, decode_proof, head_line, question
from .readable import lines_for_people
from .transaction import intent_fault, intent_id, signed_hash, texts_fault
from .types import INTENT, KNOWN_TRANSACTION, PROOF, PROOF_LIMIT, TRAVELLING, TRAVELLING_LIMIT

FILE_LIMIT = 512 << 20
TRAVELLING_FILE_LIMIT = 1 << 20
COLUMNS = 76
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{1,76}={0,2}")


def armour(data: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    text = base64.b64encode(data)
    return b"".join(text[at : at + COLUMNS] + b"\n" for at in range(0, len(text), COLUMNS))


def _unarmour(lines: list[bytes], limit: int) -> bytes:
    if not lines:
        raise Malformed("there is no base64")
    for place, line in enumerate(lines):
        if not _BASE64.fullmatch(line) or len(line) > COLUMNS:
            raise Malformed("not a line of base64").within(f"base64[{place}]")
        if place + 1 < len(lines) and len(line) != COLUMNS:
            raise Malformed(f"a line of {len(line)} characters that is not the last").within(f"base64[{place}]")
    text = b"".join(lines)
    if len(text) // 4 * 3 > limit + 2:
        raise Malformed(f"more than {limit} bytes")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise Malformed(f"base64: {fault}") from None
    if base64.b64encode(data) != text:
        raise Malformed("base64 with padding or trailing bits that are not 0")
    return data


def write_block(proof: dict) -> bytes:
    """A proof as one block of a file."""
    kind, _ = proof["body"]
    epoch, height, hash_ = head_line(proof)
    header = (
        f"quorate proof 2 {KINDS[kind]}\n"
        f"network {proof['network'].hex()}\n"
        f"head {epoch} {height} {hash_.hex()}\n"
        f"about {question(proof)}\n"
    )
    return header.encode("ascii") + armour(PROOF.write(proof))


def _read_block(lines: list[bytes], where: str) -> dict:
    if len(lines) < 5:
        raise Refusal("not_canonical", where, "a block has four lines and base64")
    try:
        data = _unarmour(lines[4:], PROOF_LIMIT)
    except Malformed as fault:
        raise fault.refusal(where)
    proof = decode_proof(data)
    written = write_block(proof).split(b"\n")[:4]
    for name, line, expected in zip(("kind", "network", "head", "about"), lines, written):
        if line != expected:
            raise Refusal("not_canonical", f"{where}.{name}", "the line is not the one that belongs to the bytes")
    return proof


def read_file(data: bytes) -> list[dict]:
    """The proofs in a file: one, or one of another kind and then one of committees."""
    if len(data) > FILE_LIMIT:
        raise Refusal("not_canonical", "file", "more than 512 MiB")
    if not data.endswith(b"\n"):
        raise Refusal("not_canonical", "file", "the last line does not end")
    lines = data[:-1].split(b"\n")
    starts = [place for place, line in enumerate(lines) if line.startswith(b"quorate proof ")]
    if not starts or starts[0] != 0:
        raise Refusal("not_canonical", "file", "it does not begin with a proof")
    if len(starts) > 2:
        raise Refusal("not_canonical", "file", "more than two blocks")
    proofs = [
        _read_block(lines[start:end], f"block[{place}]")
        for place, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)]))
    ]
    if len(proofs) == 2 and (proofs[0]["body"][0] == "Committees" or proofs[1]["body"][0] != "Committees"):
        raise Refusal("not_canonical", "block[1]", "what follows a proof of another kind is a proof of committees")
    return proofs


def read_travelling(data: bytes, network: bytes, proven: dict[str, int]) -> dict:
    """A transaction that travels: the one file of its bytes, whose texts fit and whose signatures are good.

    `proven` has assets' decimals as genesis or proven leaves say them. What is in no one's word but the file's is not
    refused; whoever shows amounts shows those in smallest units.
    """
    where = "transaction"
    if len(data) > TRAVELLING_FILE_LIMIT or not data.endswith(b"\n"):
        raise Refusal("not_canonical", where, "more than 1 MiB, or the last line does not end")
    lines = data[:-1].split(b"\n")
    comments = 0
    while 3 + comments < len(lines) and lines[3 + comments].startswith(b"# "):
        comments += 1
    try:
        value = TRAVELLING.decode(_unarmour(lines[3 + comments :], TRAVELLING_LIMIT), TRAVELLING_LIMIT)
    except Malformed as fault:
        raise fault.refusal(where)
    intent = value["intent"]
    if intent["network"] != network:
        raise Refusal("other_network", where, "it is for another network")
    expected = [
        b"quorate transaction 2",
        b"network " + network.hex().encode(),
        b"id " + intent_id(intent).hex().encode(),
    ]
    for name, line, wanted in zip(("kind", "network", "id"), lines, expected):
        if line != wanted:
            raise Refusal("not_canonical", f"{where}.{name}", "the line is not the one that belongs to the bytes")
    wrong = intent_fault(intent, network)
    if wrong:
        raise Refusal("malformed_transaction", f"{where}.intent", f"{wrong[0]}: {wrong[1]}")
    reason = texts_fault([("Shown", text) for text in value["texts"]], intent)
    if reason:
        raise Refusal("bad_text", f"{where}.texts", reason)
    keys = [encode_key(key_of(signature)) for signature in value["signatures"]]
    if any(not before < after for before, after in zip(keys, keys[1:])):
        raise Refusal("not_canonical", f"{where}.signatures", "they do not ascend strictly by key")
    content = INTENT.write(intent)
    for place, signature in enumerate(value["signatures"]):
        if not client_signature_good(signature, "transaction", content):
            raise Refusal("bad_signature", f"{where}.signatures[{place}]", "it is not good")
    operations = [act["operation"] for act in intent["operations"]]
    codes = {fields.get("asset") or fields.get("code") for _, fields in operations}
    named = sorted(code for code in codes if code is not None)
    if [item["asset"] for item in value["decimals"]] != named:
        raise Refusal("not_canonical", f"{where}.decimals", "not one for each asset of the transaction")
    known = [(fields["code"], fields["decimals"]) for name, fields in operations if name == "CreateAsset"]
    said = {item["asset"]: item["decimals"] for item in value["decimals"]}
    for code, decimals in [*known, *proven.items()]:
        if said.get(code, decimals) != decimals:
            raise Refusal("not_canonical", f"{where}.decimals", f"{code} has {decimals} decimals")
    if lines[3 : 3 + comments] != [line.encode() for line in lines_for_people(value)]:
        raise Refusal("not_canonical", f"{where}.comments", "the lines are not those that belong to the bytes")
    return value


def read_known_transaction(data: bytes, network: bytes) -> dict:
    """The API's octets of a transaction: its entry in the log, itself, and its texts, which must belong together.

    Nothing here is proven: the entry is what the node says.
    """
    where = "transaction"
    try:
        value = KNOWN_TRANSACTION.decode(data)
    except Malformed as fault:
        raise fault.refusal(where)
    kind, entry = value["entry"]
    intent = value["transaction"]["intent"]
    if intent["network"] != network:
        raise Refusal("other_network", where, "it is for another network")
    if kind != "Transaction" or (entry["id"], entry["signed"]) != (
        intent_id(intent),
        signed_hash(value["transaction"]),
    ):
        raise Refusal("other_leaf", f"{where}.entry", "it is not the transaction's")
    reason = texts_fault(value["texts"], intent)
    if reason:
        raise Refusal("bad_text", f"{where}.texts", reason)
    return value
