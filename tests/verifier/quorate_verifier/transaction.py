"""Transactions: ids, what well-formed means, texts (sections 3, 4 and 11 of docs/formats.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import Malformed, Refusal
from .forms import legal_multiaddress, refused_code_point
from .hashes import Frontier, leaf_hash, path_root, preimage, tagged
from .keys import COSTS, client_signature_good, encode_key, form_of_key, key_of
from .types import AMOUNT_LIMIT, CONDITION_LEAF, INTENT, PLACE, SUBMISSION, TRANSACTION

MAX_INTENT_WITH_TEXTS = 16_384
MAX_SIGNATURE_COST = 512

# (bytes at most, must be text) by operation and field.
_FIELDS = {
    ("CreateAsset", 0): (128, True),
    ("Transfer", 0): (128, True),
    ("Hold", 0): (128, True),
    ("PutRecord", 0): (128, True),
    ("PutRecord", 1): (1_024, False),
    ("Freeze", 0): (256, True),
    ("Unfreeze", 0): (256, True),
    ("Propose", 0): (1_024, True),
}

# Scopes that section 15 makes legal for each right.
LEGAL_SCOPES = {
    "Administrate": ("Member",),
    "Operate": ("Member",),
    "Audit": ("Network", "Member"),
    "Participate": ("Network",),
    "CreateAsset": ("Network", "Member"),
    "Mint": ("Asset",),
    "Freeze": ("Network", "Asset"),
    "PutRecord": ("Network",),
    "HoldAsset": ("Asset",),
    "Erase": ("Network",),
}


def intent_id(intent: dict) -> bytes:
    """A transaction's id."""
    return tagged("transaction", INTENT.write(intent))


def signed_hash(transaction: dict) -> bytes:
    """The hash of the signed transaction."""
    return tagged("signed", TRANSACTION.write(transaction))


def text_leaf_data(text: dict) -> bytes:
    """A text's leaf data."""
    return preimage("text", text["salt"] + len(text["text"]).to_bytes(2, "little") + text["text"])


def place_rule(place: tuple, operations: list) -> tuple[int, bool] | None:
    """The most bytes a text at this place may have, and whether it must be text. None: the place is not legal."""
    kind, fields = place
    if kind == "Memo":
        return 256, True
    if fields["index"] >= len(operations):
        return None
    operation = operations[fields["index"]]["operation"][0]
    return _FIELDS.get((operation, fields["field"]))


def text_fault(text: dict, place: tuple, operations: list) -> str | None:
    """Why a text is not legal at its place."""
    rule = place_rule(place, operations)
    if rule is None:
        return "no text belongs to this place"
    most, must_be_text = rule
    size = len(text["text"])
    if not 1 <= size <= most:
        return f"a text of {size} bytes, allowed are 1 to {most}"
    if must_be_text:
        try:
            decoded = text["text"].decode("utf-8")
        except UnicodeDecodeError:
            return "a text is not UTF-8"
        found = refused_code_point(decoded)
        if found:
            return f"{found} is not allowed in a text"
    return None


def texts_fault(items: list, intent: dict) -> str | None:
    """Why the items, one for each place, do not fit the intent's root."""
    texts = intent["texts"]
    if texts is None:
        return None if not items else "the intent has no texts"
    if len(items) != len(texts["places"]):
        return f"{len(items)} texts for {len(texts['places'])} places"
    frontier = Frontier()
    for (kind, item), place in zip(items, texts["places"]):
        if kind == "Shown":
            fault = text_fault(item, place, intent["operations"])
            if fault:
                return fault
            frontier.append(leaf_hash(text_leaf_data(item)))
        else:
            frontier.append(item["leaf"])
    return None if frontier.root() == texts["root"] else "the texts' root is another"


def alone_fault(shown: dict, intent: dict) -> str | None:
    """Why one text shown alone does not belong to an intent that has texts."""
    texts = intent["texts"]
    places = texts["places"]
    if shown["index"] >= len(places):
        return f"there are {len(places)} places, none is number {shown['index']}"
    fault = text_fault(shown["text"], places[shown["index"]], intent["operations"])
    if fault:
        return fault
    leaf = leaf_hash(text_leaf_data(shown["text"]))
    if path_root(leaf, shown["index"], len(places), shown["path"]) != texts["root"]:
        return "the text's path does not lead to the texts' root"
    return None


def condition_fault(condition: dict) -> str | None:
    """Why a hold's condition is not well-formed."""
    leaves = [CONDITION_LEAF.write(leaf) for leaf in condition["leaves"]]
    if not 1 <= len(leaves) <= 8:
        return f"{len(leaves)} leaves of a condition, allowed are 1 to 8"
    if any(not before < after for before, after in zip(leaves, leaves[1:])):
        return "a condition's leaves do not ascend strictly"
    if not 1 <= condition["need"] <= len(leaves):
        return f"a condition that needs {condition['need']} of {len(leaves)}"
    return None


def _amount_fault(amount: int) -> tuple[str, str] | None:
    return None if 0 < amount < AMOUNT_LIMIT else ("amount", f"{amount} is not an amount")


def _addresses_fault(addresses: list) -> tuple[str, str] | None:
    if len(set(addresses)) != len(addresses):
        return "operations", "an address is there twice"
    if not all(map(legal_multiaddress, addresses)):
        return "operations", "an address is not one of the forms allowed"
    return None


def _scope_fault(fields: dict) -> tuple[str, str] | None:
    legal = fields["scope"][0] in LEGAL_SCOPES[fields["right"][0]]
    return None if legal else ("scope", "not a scope of this right")


def _change_fault(name: str, value: Any) -> tuple[str, str] | None:
    if name in ("Grant", "Revoke"):
        return _scope_fault(value)
    if name == "AddSeat":
        if len(value["proofs"]) != 3:
            return "change", "three proofs belong to a new seat"
        return _addresses_fault(value["addresses"])
    return None


def _operation_fault(fields: dict, name: str, acting: bytes, network: bytes, erased: bool) -> tuple[str, str] | None:
    if name in ("Mint", "Burn", "Transfer"):
        return _amount_fault(fields["amount"])
    if name == "CreateAsset" and fields["flags"] >= 4:
        return "operations", "an asset's flags are below 4"
    if name == "Hold":
        fault = condition_fault(fields["condition"])
        if fault:
            return "condition", fault
        if fields["beneficiary"] == acting:
            return "operations", "a hold for the acting party itself"
        return _amount_fault(fields["amount"])
    if name == "Release" and fields["amount"] is not None:
        return _amount_fault(fields["amount"])
    if name == "Erase":
        # Of an `erase` in an erased intent only its lengths, counts and order matter, which its type has.
        return None if erased else _erase_fault(fields, network)
    if name in ("Grant", "Revoke"):
        return _scope_fault(fields)
    if name == "Propose":
        return _change_fault(*fields["change"])
    if name == "SetSeat":
        keys = sum(fields[kind] is not None for kind in ("validator", "node", "witness"))
        if keys == 0 and fields["addresses"] is None:
            return "operations", "set seat sets nothing"
        if len(fields["proofs"]) != keys:
            return "operations", "one proof belongs to each new key"
        return _addresses_fault(fields["addresses"] or [])
    if name == "SetGuardians":
        number, threshold = len(fields["guardians"]), fields["threshold"]
        if not (1 <= threshold <= number or number == threshold == 0):
            return "operations", "the guardians' threshold cannot be reached"
    return None


def _erase_fault(fields: dict, network: bytes) -> tuple[str, str] | None:
    try:
        intent = INTENT.decode(fields["intent"], MAX_INTENT_WITH_TEXTS)
    except Malformed as fault:
        return "encoding", f"the erased intent: {fault.reason}"
    if intent["network"] != network or intent["texts"] is None:
        return "encoding", "the erased intent is of another network or has no texts"
    wrong = intent_fault(intent, network, erased=True)
    if wrong:
        return "encoding", f"the erased intent: {wrong[0]}: {wrong[1]}"
    places = [PLACE.write(place) for place in intent["texts"]["places"]]
    if any(PLACE.write(place) not in places for place in fields["places"]):
        return "places", "a place that the erased intent does not have"
    return None


def intent_fault(intent: dict, network: bytes, erased: bool = False) -> tuple[str, str] | None:
    """Why a decoded intent of this network is not well-formed by itself: points 2, 4 and 5 of section 3.

    `erased`: it stands in an `erase`.
    """
    return _parties_fault(intent) or _contents_fault(intent, network, erased)


def _parties_fault(intent: dict) -> tuple[str, str] | None:
    parties = intent["parties"]
    if any(not before < after for before, after in zip(parties[1:], parties[2:])) or parties[0] in parties[1:]:
        return "parties", "the parties after the first do not ascend strictly, or the first is among them"
    for act in intent["operations"]:
        if act["party"] >= len(parties):
            return "party_index", f"there is no party {act['party']}"
    return None


def _contents_fault(intent: dict, network: bytes, erased: bool) -> tuple[str, str] | None:
    for act in intent["operations"]:
        name, fields = act["operation"]
        fault = _operation_fault(fields, name, intent["parties"][act["party"]], network, erased)
        if fault:
            return fault
    texts = intent["texts"]
    if texts is not None:
        if any(place_rule(place, intent["operations"]) is None for place in texts["places"]):
            return "places", "a place at which no text is legal"
        if len(INTENT.write(intent)) > MAX_INTENT_WITH_TEXTS:
            return "intent_too_long", f"an intent with texts has at most {MAX_INTENT_WITH_TEXTS} bytes"
    return None


def form_fault(transaction: dict, network: bytes, size: int, most: int) -> tuple[str, str] | None:
    """Why a decoded transaction of `size` bytes is not well-formed: a reason of section 23 and words."""
    intent = transaction["intent"]
    if intent["network"] != network:
        return "wrong_network", "it is for another network"
    if size > most:
        return "too_long", f"{size} bytes, at most {most}"
    wrong = _parties_fault(intent)
    if wrong:
        return wrong
    keys = [key_of(signature) for signature in transaction["signatures"]]
    encoded = [encode_key(key) for key in keys]
    if any(not before < after for before, after in zip(encoded, encoded[1:])):
        return "signatures", "the signatures do not ascend strictly by key"
    if sum(COSTS[kind] for kind, _ in keys) > MAX_SIGNATURE_COST:
        return "signature_cost", f"the signatures cost more than {MAX_SIGNATURE_COST}"
    if not all(map(form_of_key, keys)):
        return "key", "a key that cannot be good"
    return _contents_fault(intent, network, erased=False)


def signatures_good(transaction: dict) -> bool:
    """True if every attached signature is good."""
    content = INTENT.write(transaction["intent"])
    return all(client_signature_good(item, "transaction", content) for item in transaction["signatures"])


def decode_transaction(data: bytes, network: bytes, most: int) -> dict:
    """A well-formed transaction with good signatures, or the refusal."""
    if len(data) > most:
        raise Refusal("malformed_transaction", "transaction", f"too_long: {len(data)} bytes, at most {most}")
    try:
        transaction = TRANSACTION.decode(data)
    except Malformed as fault:
        fault.reason = f"encoding: {fault.reason}"
        raise fault.refusal("transaction", "malformed_transaction")
    wrong = form_fault(transaction, network, len(data), most)
    if wrong:
        code = "wrong_network" if wrong[0] == "wrong_network" else "malformed_transaction"
        raise Refusal(code, "transaction", f"{wrong[0]}: {wrong[1]}")
    if not signatures_good(transaction):
        raise Refusal("bad_signature", "transaction.signatures", "a signature is not good")
    return transaction


def decode_submission(data: bytes, network: bytes, most: int) -> dict:
    """A transaction with all its texts, or the refusal."""
    if len(data) > most:
        raise Refusal("malformed_transaction", "submission", f"too_long: {len(data)} bytes, at most {most}")
    try:
        value = SUBMISSION.decode(data)
    except Malformed as fault:
        fault.reason = f"encoding: {fault.reason}"
        raise fault.refusal("submission", "malformed_transaction")
    transaction, texts = value["transaction"], value["texts"]
    decode_transaction(TRANSACTION.write(transaction), network, most)
    intent = transaction["intent"]
    places = intent["texts"]["places"] if intent["texts"] else []
    if len(texts) < len(places):
        raise Refusal("texts_missing", "submission.texts", f"{len(texts)} texts for {len(places)} places")
    for number, (text, place) in enumerate(zip(texts, places)):
        reason = text_fault(text, place, intent["operations"])
        if reason:
            raise Refusal("text_refused", f"submission.texts[{number}]", reason)
    reason = texts_fault([("Shown", text) for text in texts], intent)
    if reason:
        raise Refusal("texts_unfit", "submission.texts", reason)
    return value


def items_of(transactions: list, items: list) -> Iterator[tuple[dict, list]]:
    """Each transaction with its own items out of a batch's; the last may come short."""
    at = 0
    for transaction in transactions:
        texts = transaction["intent"]["texts"]
        count = len(texts["places"]) if texts else 0
        yield transaction["intent"], items[at : at + count]
        at += count
