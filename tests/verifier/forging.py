"""Vectors beside proofs: blocks, transactions, genesis documents, signatures, transactions that travel."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from hashlib import sha512
from typing import Any

import mutants
from model import Ledger, Signer, key_signatures, leaf, mth
from quorate_verifier import keys
from quorate_verifier import types as t
from quorate_verifier.forms import address_text, time_text
from quorate_verifier.hashes import preimage, tagged
from quorate_verifier.state import freeze_key, grant_key, key_at, member_key
from scenario import MEMBERS, START, Scenario

Vector = tuple[str, str, str, dict, dict]
GOOD = {"verdict": "good"}


def refused(code: str | None = None, reason: str | None = None) -> dict:
    """The expectation of a refusal."""
    expect = {"verdict": "refused"}
    if code:
        expect["code"] = code
    if reason:
        expect["reason"] = reason
    return expect


# Blocks.


def reseal(ledger: Ledger, certified: dict, **changed: Any) -> dict:
    """A block with another header, certified again."""
    block = certified["block"]
    header = {**block["header"], **changed}
    committee = next(each for each in ledger.committees if each["epoch"] == header["epoch"])
    return {
        **certified,
        "block": {**block, "header": header},
        "certificate": ledger.certificate(header, committee),
    }


def rebatch(ledger: Ledger, certified: dict, batches: list, **changed: Any) -> dict:
    """A block of other batches; what was executed and its log stay as they are."""
    digests = [tagged("batch", mutants.raw(t.BATCH, signed["batch"])) for signed in batches]
    proposal = {**certified["block"]["proposal"], "batches": digests}
    certified = {**certified, "batches": batches, "block": {**certified["block"], "proposal": proposal}}
    return reseal(ledger, certified, proposal=tagged("proposal", mutants.raw(t.PROPOSAL, proposal)), **changed)


def block_vectors(scenario: Scenario) -> Iterator[Vector]:
    """All blocks in a row, and blocks at the place of one of them that break one condition each."""
    ledger = scenario.ledger
    for number, certified in enumerate(ledger.blocks, 1):
        yield (
            "block",
            f"block {number}",
            "8",
            GOOD,
            {"height": number, "bytes": t.CERTIFIED_BLOCK.write(certified).hex()},
        )

    for height in (1, 9, 12):
        certified = ledger.blocks[height - 1]
        block = certified["block"]
        header, proposal = block["header"], block["proposal"]
        committee = next(each for each in ledger.committees if each["epoch"] == header["epoch"])
        signed = certified["batches"][0]
        batch = signed["batch"]

        def author(changed: dict, by: int | None = None) -> dict:
            digest = tagged("batch", mutants.raw(t.BATCH, changed))
            seat = committee["seats"][changed["author"] % 4 if by is None else by]
            return {"batch": changed, "signature": ledger.validators[seat["validator"]].raw("batch-author", digest)}

        def with_batch(changed: dict, by: int | None = None) -> dict:
            return rebatch(ledger, certified, [author(changed, by), *certified["batches"][1:]])

        def with_first(changed: dict) -> dict:
            return with_batch({**batch, "transactions": [changed, *batch["transactions"][1:]]})

        first = batch["transactions"][0]
        executed = block["executed"]
        later = {**proposal, "timestamp": proposal["timestamp"] + 1}
        twice = {**proposal, "batches": [*proposal["batches"], proposal["batches"][0]]}
        cases: list[tuple[str, str | None, dict]] = [
            ("of another network", "place", reseal(ledger, certified, network=bytes(32))),
            ("of another height", "place", reseal(ledger, certified, height=height + 1)),
            ("after another block", "place", reseal(ledger, certified, previous=bytes(32))),
            ("of another protocol", "place", reseal(ledger, certified, protocol=2)),
            ("with another chain root", "chain_root", reseal(ledger, certified, chain_root=bytes(32))),
            ("with another proposal's digest", "proposal", reseal(ledger, certified, proposal=bytes(32))),
            ("with a proposal changed", "proposal", {**certified, "block": {**block, "proposal": later}}),
            (
                "with a batch twice",
                "proposal",
                reseal(
                    ledger,
                    {
                        **certified,
                        "block": {**block, "proposal": twice},
                        "batches": [*certified["batches"], signed],
                        "texts": [*certified["texts"], None],
                    },
                    proposal=tagged("proposal", t.PROPOSAL.write(twice)),
                ),
            ),
            ("at another time", "timestamp", reseal(ledger, certified, timestamp=header["timestamp"] + 1)),
            ("without its last batch", "batches", {**certified, "batches": certified["batches"][:-1]}),
            ("of a batch of another network", "batches: network", with_batch({**batch, "network": bytes(32)})),
            ("of a batch of another epoch", "batches: epoch", with_batch({**batch, "epoch": batch["epoch"] + 1})),
            ("of a batch of nobody", "batches: author", with_batch({**batch, "author": 4})),
            ("of a batch signed by another", "batches: author_signature", with_batch(batch, (batch["author"] + 1) % 4)),
            ("of an empty batch", "batches: count", with_batch({**batch, "transactions": []})),
            (
                "of a batch with a bad signature",
                "batches: client_signature",
                with_first({**first, "signatures": flipped(first["signatures"])}),
            ),
            (
                "of a transaction for another network",
                "batches: transaction",
                with_first({**first, "intent": {**first["intent"], "network": bytes(32)}}),
            ),
            (
                "of a transaction with a wrong party",
                "batches: transaction",
                with_first(
                    {
                        **first,
                        "intent": {
                            **first["intent"],
                            "operations": [{**first["intent"]["operations"][0], "party": 15}],
                        },
                    }
                ),
            ),
            ("with another log size", "log", reseal(ledger, certified, log_size=header["log_size"] + 1)),
            ("with another log root", "log", reseal(ledger, certified, log_root=bytes(32))),
            (
                "that leaves out what it executed last",
                None,
                {**certified, "block": {**block, "executed": executed[:-1]}},
            ),
            (
                "with an outcome changed",
                None,
                {
                    **certified,
                    "block": {
                        **block,
                        "executed": [
                            {**executed[0], "outcome": ("Failed", {"code": 3, "operation": 0})},
                            *executed[1:],
                        ],
                    },
                },
            ),
            (
                "with a position that is not there",
                "executed",
                {**certified, "block": {**block, "executed": [*executed[:-1], {**executed[-1], "position": 10**6}]}},
            ),
            (
                "whose positions fall",
                "executed",
                {**certified, "block": {**block, "executed": executed[::-1]}},
            ),
            (
                "certified for another epoch",
                "certificate",
                {**certified, "certificate": {**certified["certificate"], "epoch": 7}},
            ),
            (
                "certified for another height",
                "certificate",
                {**certified, "certificate": {**certified["certificate"], "height": 99}},
            ),
            (
                "certified for another block",
                "certificate",
                {**certified, "certificate": {**certified["certificate"], "block": bytes(32)}},
            ),
            (
                "with two seals",
                "certificate",
                {
                    **certified,
                    "certificate": {**certified["certificate"], "seals": certified["certificate"]["seals"][:2]},
                },
            ),
            (
                "with seals not ascending",
                "encoding",
                {
                    **certified,
                    "certificate": {**certified["certificate"], "seals": certified["certificate"]["seals"][::-1]},
                },
            ),
            ("without an entry for texts", "encoding", {**certified, "texts": certified["texts"][:-1]}),
        ]
        for name, code, mutant in cases:
            if mutant["block"]["executed"] == executed and name == "whose positions fall":
                continue
            data = mutants.raw(t.CERTIFIED_BLOCK, mutant)
            main, _, reason = (code or "").partition(": ")
            expect = refused(main or None, reason or None)
            yield "block", f"a block {height} {name}", "8", expect, {"height": height, "bytes": data.hex()}
        bare = {**certified, "texts": [None] * len(certified["texts"])}
        yield (
            "block",
            f"block {height} without texts",
            "8",
            {**GOOD, "whole": False},
            {
                "height": height,
                "bytes": t.CERTIFIED_BLOCK.write(bare).hex(),
            },
        )
        seals = {**certified["certificate"], "seals": certified["certificate"]["seals"][1:]}
        yield (
            "block",
            f"block {height} with another quorum's seals",
            "8",
            GOOD,
            {
                "height": height,
                "bytes": t.CERTIFIED_BLOCK.write({**certified, "certificate": seals}).hex(),
            },
        )
        data = t.CERTIFIED_BLOCK.write(certified)
        for change, mutant_bytes in mutants.of_bytes(data, scenario.random, 60):
            if mutant_bytes == data:
                continue
            # A change of the texts alone drops them, and not the block.
            yield (
                "block",
                f"block {height}: bytes: {change}",
                "8",
                {"verdict": "refused or not whole"},
                {
                    "height": height,
                    "bytes": mutant_bytes.hex(),
                },
            )
    # What needs execution: the results are not what execution gives, and all that follows is made to agree.
    certified = ledger.blocks[8]
    for name, code, changed in (
        ("another state root", "state", {"state_root": bytes(32)}),
        ("another next committee", "next_committee", {"next_committee": bytes(32)}),
    ):
        mutant = reseal(ledger, certified, **changed)
        yield (
            "block",
            f"a block 9 with {name}",
            "8",
            refused(code),
            {
                "height": 9,
                "needs": "execution",
                "bytes": t.CERTIFIED_BLOCK.write(mutant).hex(),
            },
        )
    block = certified["block"]
    executed = [{**block["executed"][0], "outcome": ("Failed", {"code": 3, "operation": 0})}, *block["executed"][1:]]
    size = ledger.headers[7]["log_size"]
    log = copy.deepcopy(ledger.log[: certified["block"]["header"]["log_size"]])
    log[size][1]["outcome"] = ("Failed", {"code": 3, "operation": 0})
    root = mth([leaf(t.LOG_ENTRY.write(entry)) for entry in log])
    lie = reseal(ledger, {**certified, "block": {**block, "executed": executed}}, log_root=root)
    yield (
        "block",
        "a block 9 with another outcome",
        "8",
        refused("executed"),
        {
            "height": 9,
            "needs": "execution",
            "bytes": t.CERTIFIED_BLOCK.write(lie).hex(),
        },
    )


def flipped(signatures: list) -> list:
    """The signatures with a bit of the first one's s changed."""
    kind, fields = signatures[0]
    signature = bytearray(fields["signature"])
    signature[40] ^= 1
    return [(kind, {**fields, "signature": bytes(signature)}), *signatures[1:]]


# Transactions.


def transaction_vectors(scenario: Scenario) -> Iterator[Vector]:
    """Transactions as submitted bytes: what is well-formed with good signatures, and what is not."""
    ledger = scenario.ledger
    alpha, carol, dave = scenario.accounts["alpha"], scenario.carol, scenario.dave
    network = ledger.network

    def intent(operations: list[tuple], parties: list[bytes] | None = None, **changed: Any) -> dict:
        found = {
            "network": network,
            "parties": [alpha.address] if parties is None else parties,
            "expires_at": START + 60_000,
            "salt": bytes(16),
            "operations": [{"party": party, "operation": (name, fields)} for party, name, fields in operations],
            "texts": None,
        }
        return {**found, **changed}

    def signed(value: dict, signers: list[Signer]) -> dict:
        content = mutants.raw(t.INTENT, value)
        return {"intent": value, "signatures": key_signatures(signers, "transaction", content)}

    pay = (0, "Transfer", {"to": carol.address, "asset": "EUR", "amount": 1})
    two = sorted((carol.address, dave.address))
    condition = {"need": 1, "leaves": [("From", 1)]}
    hold = {"beneficiary": carol.address, "asset": "EUR", "amount": 1, "until": 2, "condition": condition}
    place = ("Operation", {"index": 0, "field": 0})
    texts = {"places": [place], "root": bytes(32)}
    with_texts = intent([pay], texts=texts)
    erase = {"intent": t.INTENT.write(with_texts), "places": [place]}
    reference = {"owner": alpha.address, "transaction": bytes(32), "operation": 0}
    release = {"hold": reference, "amount": None, "preimages": []}
    seat = {"seat": 0, "validator": None, "node": None, "witness": None, "addresses": None, "proofs": []}
    keyed = sorted((carol, dave), key=lambda each: each.encoded)
    signers = {"threshold": 1, "signers": [{"key": each.key, "weight": 1} for each in keyed]}
    scoped = {"account": carol.address, "right": ("Mint", None), "scope": ("Asset", "EUR")}

    def act(name: str, **fields: Any) -> dict:
        return intent([(0, name, fields)])

    good: list[tuple[str, dict, list[Signer]]] = [
        ("a payment", intent([pay]), [alpha]),
        ("three parties", intent([pay], [alpha.address, *two]), [alpha, carol, dave]),
        ("256 operations", intent([pay] * 256), [alpha]),
        ("the largest amount", intent([(0, "Transfer", {**pay[2], "amount": 10**38 - 1})]), [alpha]),
        ("a hold", act("Hold", **hold), [alpha]),
        ("a release", act("Release", **release), [alpha]),
        ("an erasure", act("Erase", **erase), [alpha]),
        ("signers", act("SetSigners", signers=signers), [alpha]),
        ("signers that cannot be reached", act("SetSigners", signers={**signers, "threshold": 9}), [alpha]),
        ("more decimals than execution takes", act("CreateAsset", code="A", decimals=255, flags=3), [alpha]),
        ("guardians", act("SetGuardians", guardians=two, threshold=2, delay_ms=0), [alpha]),
        ("no guardians", act("SetGuardians", guardians=[], threshold=0, delay_ms=0), [alpha]),
        ("a grant", act("Grant", **scoped), [alpha]),
        ("a seat's addresses", act("SetSeat", **{**seat, "addresses": []}), [alpha]),
        ("texts", with_texts, [alpha]),
        *((f"the operation {each[1]}", intent([each]), [alpha]) for each in every_operation(scenario)),
        ("25 signatures of P-256", intent([pay]), [Signer(f"p {n}", "P256") for n in range(25)]),
        ("64 signatures of Ed25519", intent([pay]), [Signer(f"e {n}") for n in range(64)]),
        ("P-256 and Ed25519", intent([pay]), [alpha, dave]),
    ]
    for name, value, who in good:
        data = t.TRANSACTION.write(signed(value, who))
        yield (
            "transaction",
            name,
            "3",
            GOOD,
            {
                "id": tagged("transaction", t.INTENT.write(value)).hex(),
                "bytes": data.hex(),
            },
        )
    for certified in ledger.blocks[:6]:
        for transaction in certified["batches"][0]["batch"]["transactions"]:
            yield (
                "transaction",
                "one of the chain",
                "3",
                GOOD,
                {
                    "id": tagged("transaction", t.INTENT.write(transaction["intent"])).hex(),
                    "bytes": t.TRANSACTION.write(transaction).hex(),
                },
            )

    memo = ("Memo", None)

    def erasing(operations: list[tuple], place: tuple = memo, **changed: Any) -> dict:
        """An erasure whose erased intent has one text, at its memo unless told otherwise."""
        erased = intent(operations, **{"texts": {"places": [place], "root": bytes(32)}, **changed})
        return act("Erase", intent=mutants.raw(t.INTENT, erased), places=[place])

    def changing(name: str, value: Any) -> dict:
        return act("Propose", change=(name, value), expires_at=START)

    inner = {"intent": b"anything", "places": [("Operation", {"index": 9, "field": 9})]}
    added = {
        "member": 1,
        **{kind: scenario.keys[kind][0].public for kind in scenario.keys},
        "addresses": ["/dns/x.example/tcp/1"],
        "proofs": [bytes(64)] * 3,
    }
    for name, value in (
        ("an erased intent with an erasure of anything", erasing([(0, "Erase", inner)])),
        ("an erased intent of 256 operations", erasing([pay] * 256)),
        ("a change of a seat", changing("AddSeat", added)),
    ):
        data = t.TRANSACTION.write(signed(value, [alpha]))
        yield "transaction", name, "3", GOOD, {"bytes": data.hex()}
    legal = ["/ip4/10.0.0.1/tcp/1"]
    granted = {"account": carol.address, "right": ("Erase", None), "scope": ("Member", 1)}
    parameters, rules = scenario.draft()["parameters"], scenario.draft()["rules"]
    not_well_formed: list[tuple[str, dict]] = [
        ("an erased intent with a party that is not there", erasing([(1, *pay[1:])])),
        ("an erased intent with a party twice", erasing([pay], parties=[alpha.address] * 2)),
        ("an erased intent with an amount of 0", erasing([(0, "Transfer", {**pay[2], "amount": 0})])),
        ("an erased intent with a hold for oneself", erasing([(0, "Hold", {**hold, "beneficiary": alpha.address})])),
        (
            "an erased intent with a condition that needs 0",
            erasing([(0, "Hold", {**hold, "condition": {**condition, "need": 0}})]),
        ),
        ("an erased intent with a wrong scope", erasing([(0, "Grant", {**scoped, "scope": ("Network", None)})])),
        ("an erased intent with flags of 4", erasing([(0, "CreateAsset", {"code": "A", "decimals": 0, "flags": 4})])),
        ("an erased intent with an illegal place", erasing([pay], ("Operation", {"index": 0, "field": 1}))),
        ("an erased intent with an empty erasure", erasing([(0, "Erase", {**inner, "intent": b""})])),
        ("an erased intent with an erasure of no place", erasing([(0, "Erase", {**inner, "places": []})])),
        (
            "an erased intent with an erasure twice",
            erasing([(0, "Erase", {**inner, "places": inner["places"] * 2})]),
        ),
        ("a change of a seat with two proofs", changing("AddSeat", {**added, "proofs": [bytes(64)] * 2})),
        ("a change of a seat with a bad address", changing("AddSeat", {**added, "addresses": ["/ip4/::1/tcp/1"]})),
        ("a change of a seat with an address twice", changing("AddSeat", {**added, "addresses": legal * 2})),
        ("a change of a grant out of scope", changing("Grant", granted)),
        ("a change of a revocation out of scope", changing("Revoke", granted)),
        ("a change to a window of 0", changing("Parameters", {**parameters, "window": 0})),
        (
            "a change to small batches",
            changing("Parameters", {**parameters, "max_batch_bytes": parameters["max_transaction_bytes"] + 8_191}),
        ),
        ("a change to strangers of 8", changing("Rules", {**rules, "strangers": 8})),
        ("a change to 2^63 bytes a day", changing("Rules", {**rules, "day_bytes": 2**63})),
        ("a seat's bad address", act("SetSeat", **{**seat, "addresses": ["/dns/1/tcp/1"]})),
        ("a seat's address twice", act("SetSeat", **{**seat, "addresses": legal * 2})),
    ]
    for name, value in not_well_formed:
        data = mutants.raw(t.TRANSACTION, signed(value, [alpha]))
        yield "transaction", name, "3", refused("malformed_transaction"), {"bytes": data.hex()}

    leaf_a, leaf_b = ("From", 1), ("Signs", carol.address)
    many = [("From", number) for number in range(9)]
    big = {"places": [("Memo", None)], "root": bytes(32)}
    long_ = [(0, "PutRecord", {"sha256": bytes([n % 256]) * 32, "keep": ("Log", None)}) for n in range(256)]
    assert len(mutants.raw(t.INTENT, intent(long_, texts=big))) < 16_384
    longer = [(0, "Release", {**release, "preimages": [bytes([n]) * 32 for n in range(1, 9)]})] * 60
    encoded = t.INTENT.write(with_texts)
    bad: list[tuple[str, dict, str | None]] = [
        ("no parties", intent([pay], []), None),
        ("17 parties", intent([pay], [bytes([n]) * 20 for n in range(17)]), None),
        ("parties not ascending", intent([pay], [alpha.address, *two[::-1]]), "parties"),
        ("a party twice", intent([pay], [alpha.address, two[0], two[0]]), "parties"),
        ("the sender twice", intent([pay], sorted([alpha.address, two[0]])[:1] * 2), "parties"),
        ("no operations", intent([]), None),
        ("257 operations", intent([pay] * 257), None),
        ("a party that is not there", intent([(1, *pay[1:])]), "party_index"),
        ("another network", intent([pay], network=bytes(32)), "wrong_network"),
        ("an amount of 0", intent([(0, "Transfer", {**pay[2], "amount": 0})]), "amount"),
        ("an amount of 10^38", intent([(0, "Burn", {"asset": "EUR", "amount": 10**38})]), "amount"),
        ("a mint of 2^128 - 1", intent([(0, "Mint", {**pay[2], "amount": 2**128 - 1})]), "amount"),
        ("a code in lower case", intent([(0, "Burn", {"asset": "eur", "amount": 1})]), None),
        ("an empty code", intent([(0, "Burn", {"asset": "", "amount": 1})]), None),
        ("a code of 13", intent([(0, "Burn", {"asset": "A" * 13, "amount": 1})]), None),
        ("flags of 4", act("CreateAsset", code="A", decimals=0, flags=4), "operations"),
        ("no signers", act("SetSigners", signers={"threshold": 1, "signers": []}), None),
        (
            "a weight of 0",
            act("SetSigners", signers={"threshold": 1, "signers": [{"key": alpha.key, "weight": 0}]}),
            None,
        ),
        ("signers not ascending", act("SetSigners", signers={**signers, "signers": signers["signers"][::-1]}), None),
        ("a signer twice", act("SetSigners", signers={**signers, "signers": signers["signers"][:1] * 2}), None),
        ("a hold for oneself", act("Hold", **{**hold, "beneficiary": alpha.address}), None),
        ("a hold of 0", act("Hold", **{**hold, "amount": 0}), "amount"),
        ("a condition without leaves", act("Hold", **{**hold, "condition": {"need": 0, "leaves": []}}), None),
        ("a condition of 9 leaves", act("Hold", **{**hold, "condition": {"need": 1, "leaves": many}}), None),
        ("a condition that needs 0", act("Hold", **{**hold, "condition": {**condition, "need": 0}}), None),
        ("a condition that needs 2 of 1", act("Hold", **{**hold, "condition": {**condition, "need": 2}}), None),
        (
            "a condition not ascending",
            act("Hold", **{**hold, "condition": {"need": 1, "leaves": [leaf_a, leaf_b]}}),
            None,
        ),
        ("a leaf twice", act("Hold", **{**hold, "condition": {"need": 1, "leaves": [leaf_a, leaf_a]}}), None),
        ("a release of 0", act("Release", **{**release, "amount": 0}), "amount"),
        ("9 preimages", act("Release", **{**release, "preimages": [bytes([n]) * 32 for n in range(9)]}), None),
        ("preimages not ascending", act("Release", **{**release, "preimages": [b"\x02" * 32, b"\x01" * 32]}), None),
        ("a preimage twice", act("Release", **{**release, "preimages": [bytes(32)] * 2}), None),
        ("an erasure of nothing", act("Erase", **{**erase, "places": []}), None),
        ("an erasure of another place", act("Erase", **{**erase, "places": [("Memo", None)]}), "places"),
        ("an erasure twice", act("Erase", **{**erase, "places": [place] * 2}), None),
        ("an erased intent without texts", act("Erase", **{**erase, "intent": t.INTENT.write(intent([pay]))}), None),
        (
            "an erased intent of another network",
            act("Erase", **{**erase, "intent": t.INTENT.write({**with_texts, "network": bytes(32)})}),
            None,
        ),
        ("an erased intent with a byte more", act("Erase", **{**erase, "intent": encoded + b"\x00"}), None),
        ("an erased intent cut", act("Erase", **{**erase, "intent": encoded[:-1]}), None),
        ("an empty erased intent", act("Erase", **{**erase, "intent": b""}), None),
        ("a scope that the right does not have", act("Grant", **{**scoped, "scope": ("Network", None)}), "scope"),
        ("a seat without anything", act("SetSeat", **seat), None),
        ("a seat's key without proof", act("SetSeat", **{**seat, "node": bytes(32)}), None),
        ("a seat's proof without key", act("SetSeat", **{**seat, "addresses": [], "proofs": [bytes(64)]}), None),
        ("guardians not ascending", act("SetGuardians", guardians=two[::-1], threshold=1, delay_ms=0), None),
        ("guardians with threshold 0", act("SetGuardians", guardians=two, threshold=0, delay_ms=0), None),
        ("guardians with threshold 3", act("SetGuardians", guardians=two, threshold=3, delay_ms=0), None),
        ("a memo place twice", intent([pay], texts={"places": [("Memo", None)] * 2, "root": bytes(32)}), None),
        ("places not ascending", intent([pay], texts={"places": [place, ("Memo", None)], "root": bytes(32)}), None),
        ("no places", intent([pay], texts={"places": [], "root": bytes(32)}), None),
        (
            "a place of an operation that is not there",
            intent([pay], texts={"places": [("Operation", {"index": 1, "field": 0})], "root": bytes(32)}),
            "places",
        ),
        (
            "metadata of a payment",
            intent([pay], texts={"places": [("Operation", {"index": 0, "field": 1})], "root": bytes(32)}),
            "places",
        ),
        ("a long intent with texts", intent(longer, texts=big), "intent_too_long"),
        ("more than max_transaction_bytes", intent(longer * 4), "too_long"),
        ("a period as an asset", intent([(0, "Burn", {"asset": "A.B", "amount": 1})]), None),
    ]
    for name, value, reason in bad:
        data = mutants.raw(t.TRANSACTION, signed(value, [alpha]))
        code = "wrong_network" if reason == "wrong_network" else "malformed_transaction"
        yield "transaction", name, "3", refused(code, reason), {"bytes": data.hex()}

    value = intent([pay])
    base = signed(value, [alpha, dave])
    sets: list[tuple[str, list, str | None, str | None]] = [
        ("no signatures", [], "malformed_transaction", None),
        ("signatures not ascending", base["signatures"][::-1], "malformed_transaction", "signatures"),
        ("a signature twice", base["signatures"][:1] * 2, "malformed_transaction", "signatures"),
        (
            "26 signatures of P-256",
            signed(value, [Signer(f"p {n}", "P256") for n in range(26)])["signatures"],
            "malformed_transaction",
            "signature_cost",
        ),
        (
            "65 signatures",
            signed(value, [Signer(f"e {n}") for n in range(65)])["signatures"],
            "malformed_transaction",
            None,
        ),
        ("a bit of a signature", flipped(base["signatures"]), "bad_signature", None),
        (
            "another's signature",
            [(base["signatures"][0][0], {**base["signatures"][0][1], "key": carol.public})],
            "bad_signature",
            None,
        ),
    ]
    for name, signatures, code, reason in sets:
        data = mutants.raw(t.TRANSACTION, {"intent": value, "signatures": signatures})
        yield "transaction", name, "3", refused(code, reason), {"bytes": data.hex()}
    for small in sorted(keys.SMALL_ORDER):
        forged = ("Ed25519", {"key": small, "signature": b"\x01" + bytes(63)})
        data = mutants.raw(t.TRANSACTION, {"intent": value, "signatures": [forged]})
        yield "transaction", "a key of small order", "3", refused("malformed_transaction", "key"), {"bytes": data.hex()}
    for number in (keys.FIELD, keys.FIELD + 3, 2**255 - 1):
        for sign in (0, 1):
            key = (number | sign << 255).to_bytes(32, "little")
            forged = ("Ed25519", {"key": key, "signature": bytes(64)})
            data = mutants.raw(t.TRANSACTION, {"intent": value, "signatures": [forged]})
            yield (
                "transaction",
                "a key that is not canonical",
                "3",
                refused("malformed_transaction", "key"),
                {"bytes": data.hex()},
            )
    x = next(x for x in range(1, 100) if not keys.good_p256(b"\x02" + x.to_bytes(32, "big")))
    others = [
        (b"\x04" + bytes(32), "malformed_transaction", "key"),
        (b"\x00" + bytes(32), "malformed_transaction", "key"),
        (b"\x02" + keys.P256_P.to_bytes(32, "big"), "malformed_transaction", "key"),
        (b"\x03" + b"\xff" * 32, "malformed_transaction", "key"),
        (b"\x02" + x.to_bytes(32, "big"), "bad_signature", None),
    ]
    for key, code, reason in others:
        forged = ("P256", {"key": key, "signature": (1).to_bytes(32, "big") * 2})
        data = mutants.raw(t.TRANSACTION, {"intent": value, "signatures": [forged]})
        yield "transaction", f"a P-256 key {key[:2].hex()}…", "2, 3", refused(code, reason), {"bytes": data.hex()}
    y = next(y for y in range(2, 100) if keys.decode_point(y.to_bytes(32, "little")) is None)
    forged = ("Ed25519", {"key": y.to_bytes(32, "little"), "signature": bytes(64)})
    data = mutants.raw(t.TRANSACTION, {"intent": value, "signatures": [forged]})
    yield "transaction", "a key that is no point", "3", refused("bad_signature"), {"bytes": data.hex()}

    data = t.TRANSACTION.write(base)
    for change, mutant in mutants.of_bytes(data, scenario.random, 120):
        if mutant != data:
            yield "transaction", f"bytes: {change}", "3", refused(), {"bytes": mutant.hex()}
    for _, change, mutant in mutants.structural(t.TRANSACTION, base, scenario.random):
        encoded = mutants.raw(t.TRANSACTION, mutant)
        if encoded != data and not fewer_signatures(mutant, base):
            yield "transaction", f"structure: {change}", "3", refused(), {"bytes": encoded.hex()}
    for number in (27, 28, 127, 2**32):
        head = mutants.raw(t.TRANSACTION, base)
        at = head.index(b"\x00\x03" + carol.address) + 1
        mutant = head[:at] + mutants.raw_uleb(number) + head[at + 1 :]
        yield (
            "transaction",
            f"operation {number}",
            "3",
            refused("malformed_transaction", "encoding"),
            {"bytes": mutant.hex()},
        )


def fewer_signatures(mutant: dict, base: dict) -> bool:
    """True if only needless signatures were left out: rule 8 lets anybody do that."""
    kept = mutant["signatures"]
    return (
        mutant["intent"] == base["intent"]
        and bool(kept)
        and all(each in base["signatures"] for each in kept)
        and (len(kept) < len(base["signatures"]))
    )


def every_change(scenario: Scenario) -> list[tuple]:
    """One of each kind of change that a ballot can be about."""
    account = scenario.carol.address
    parts = {kind: scenario.keys[kind][0].public for kind in scenario.keys}
    granted = {"account": account, "right": ("Freeze", None), "scope": ("Network", None)}
    draft = scenario.draft()
    return [
        ("AdmitMember", {"name": "new-member", "account": account}),
        ("ExpelMember", 1),
        ("ReinstateMember", 2),
        ("MemberLeaves", 3),
        (
            "AddSeat",
            {
                "member": 1,
                **parts,
                "addresses": ["/dns/x.example/tcp/1"],
                "proofs": [bytes([n]) * 64 for n in range(3)],
            },
        ),
        ("RemoveSeat", 2),
        ("Parameters", draft["parameters"]),
        ("Rules", draft["rules"]),
        ("Engine", ("Paxos", None)),
        ("Protocol", 2),
        ("Grant", granted),
        ("Revoke", {**granted, "scope": ("Asset", "EUR")}),
        ("Quota", {"member": None, "limit": None}),
        ("Quota", {"member": 3, "limit": {"bytes": 2**40, "leaves": 7}}),
        ("Freeze", {"account": account, "asset": None}),
        ("Unfreeze", {"account": account, "asset": "GOLD"}),
    ]


def every_operation(scenario: Scenario) -> list[tuple]:
    """One of each operation that the chain of the vectors does not have."""
    account = scenario.carol.address
    network = scenario.ledger.network
    granted = {"account": account, "right": ("Audit", None), "scope": ("Member", 2)}
    signers = {"threshold": 1, "signers": [{"key": scenario.dave.key, "weight": 65_535}]}
    attestation = {
        "network": network,
        "proposal": 2**63,
        "validator": bytes(32),
        "height": 5,
        "block": bytes(32),
        "lowest": 1,
        "highest": 2,
    }
    seat = {
        "seat": 3,
        "validator": bytes([1]) * 32,
        "node": None,
        "witness": bytes([2]) * 32,
        "addresses": ["/ip4/10.0.0.1/tcp/1"],
        "proofs": [bytes(64), bytes([3]) * 64],
    }
    return [
        (0, "Grant", granted),
        (0, "Revoke", {**granted, "right": ("HoldAsset", None), "scope": ("Asset", "EUR")}),
        (0, "Freeze", {"account": account, "asset": "EUR"}),
        (0, "Unfreeze", {"account": account, "asset": None}),
        (0, "Assign", {"account": account, "member": None}),
        (0, "Assign", {"account": account, "member": 3}),
        *((0, "Propose", {"change": change, "expires_at": START}) for change in every_change(scenario)),
        *((0, "Vote", {"proposal": 7, "ballot": (ballot, None)}) for ballot in ("Yes", "No", "Withdrawn")),
        (0, "Withdraw", {"proposal": 2**64 - 1}),
        (0, "Attest", {"attestation": attestation, "signature": bytes(64)}),
        (0, "SetSeat", seat),
        (0, "RequestSigners", {"account": account, "signers": signers}),
        (0, "DecideRequest", {"account": account, "accept": True}),
        (0, "ReportDormant", {"member": 1}),
        (0, "Answer", {"member": 1}),
        (0, "DivideQuota", {"account": account, "bytes": 1, "leaves": 2}),
    ]


def governed_state(scenario: Scenario) -> dict[bytes, bytes]:
    """Leaves of the kinds that protocol 1 never makes, one or more of each."""
    account, other = scenario.carol.address, scenario.dave.address
    signers = {"threshold": 1, "signers": [{"key": scenario.dave.key, "weight": 1}]}
    parts = {kind: scenario.keys[kind][0].public for kind in scenario.keys}
    limit = {"bytes": 5, "leaves": 6}
    values: list[tuple[bytes, Any, dict]] = []
    seat = {
        "number": 9,
        "member": 1,
        **parts,
        "addresses": [],
        "sits": False,
        "rejoin": {"token": bytes(32), "epoch": 1, "timestamp": 2, "recent": 8},
        "active": 64,
        "next": parts,
    }
    values.append((key_at(7, (9).to_bytes(4, "big")), t.SEAT, seat))
    for number, status in enumerate(("Dormant", "Expelled", "Left"), 10):
        member = {
            "number": number,
            "name": f"m-{number}",
            "account": account,
            "status": (status, None),
            "seats": 0,
            "since": 1,
            "signed": 2,
            "reported": {"by": 1, "timestamp": 3},
            "open": [1, 2**40],
        }
        values.append((member_key(number), t.MEMBER, member))
    for asset in (None, "EUR", "ZZZZZZZZZZZZ"):
        freeze = {"account": account, "asset": asset, "by": other, "ordinal": 1, "timestamp": 2}
        values.append((freeze_key(freeze), t.FREEZE, freeze))
    for right, scope in (
        ("Erase", ("Network", None)),
        ("Operate", ("Member", 2**32 - 1)),
        ("HoldAsset", ("Asset", "A")),
    ):
        grant = {"account": other, "right": (right, None), "scope": scope, "by": account, "ordinal": 3}
        values.append((grant_key(grant), t.GRANT, grant))
    states: list[tuple] = [(name, None) for name in ("Open", "Passed", "Rejected", "Expired", "Lapsed", "Withdrawn")]
    states.append(("Executed", {"height": 9}))
    for number, change in enumerate(every_change(scenario), 1):
        proposal = {
            "number": number,
            "member": 0,
            "height": 5,
            "expires_at": 6,
            "electorate": [0, 1, 2, 3],
            "change": change,
            "ballots": [{"member": 0, "yes": True}, {"member": 3, "yes": False}],
            "attested": [
                {"seat": ("Sitting", 1), "lowest": 1, "highest": 2},
                {"seat": ("Joining", bytes(32)), "lowest": 1, "highest": 1},
            ],
            "state": states[number % len(states)],
        }
        values.append((key_at(0x0B, number.to_bytes(8, "big")), t.GOVERNANCE_PROPOSAL, proposal))
    for address, request in (
        (account, None),
        (other, {"signers": signers, "accepted": [account], "since": 7}),
    ):
        guardians = {
            "account": address,
            "guardians": sorted([scenario.erin.address, other]),
            "threshold": 2,
            "delay_ms": 86_400_000,
            "request": request,
        }
        values.append((key_at(0x0C, address), t.GUARDIANS, guardians))
    for member, name in ((None, b"\xff" * 4), (2, (2).to_bytes(4, "big"))):
        quota = {"member": member, "limit": limit if member else None, "day": 1, "bytes": 2, "leaves": 3, "reserve": 4}
        values.append((key_at(0x0D, b"\x00", name), t.QUOTA, quota))
    share = {"account": account, "bytes": 1, "leaves": 2, "day": 3, "used_bytes": 4, "used_leaves": 5}
    values.append((key_at(0x0D, b"\x01", account), t.QUOTA_SHARE, share))
    mark = {"number": 1, "document": bytes(32), "base": 5, "block": bytes(32), "old_epoch": 0, "new_epoch": 1}
    values.append((key_at(0x0F, (1).to_bytes(4, "big")), t.RECOVERY_MARK, mark))
    return {key: type_.write(value) for key, type_, value in values}


# Genesis documents.


def genesis_vectors(scenario: Scenario) -> Iterator[Vector]:
    """Genesis documents that break one rule each, signed again."""
    good = scenario.genesis
    yield (
        "genesis",
        "the chain's",
        "16",
        GOOD,
        {
            "bytes": t.GENESIS.write(good).hex(),
            "network": scenario.ledger.network.hex(),
        },
    )

    def drafted(**changed: Any) -> dict:
        draft = {**scenario.draft(), **changed}
        joins = [scenario.join(draft, who, member=name) for who, name in zip(MEMBERS, draft["members"])]
        return {"draft": draft, "joins": joins}

    def joined(number: int, administrators: list[Signer] | None = None, **changed: Any) -> dict:
        value = copy.deepcopy(good)
        value["joins"][number] = scenario.join(scenario.draft(), MEMBERS[number], administrators, **changed)
        return value

    def asset(place: int, *, protocol: int | None = None, **changed: Any) -> dict:
        assets = copy.deepcopy(scenario.draft()["assets"])
        assets[place].update(changed)
        return drafted(assets=assets, **({"protocol": protocol} if protocol else {}))

    draft = scenario.draft()
    alpha = scenario.accounts["alpha"].address
    swapped = copy.deepcopy(good)
    swapped["joins"][0], swapped["joins"][1] = swapped["joins"][1], swapped["joins"][0]
    missing = copy.deepcopy(good)
    missing["joins"].pop()
    stranger = copy.deepcopy(good)
    content = t.JOIN_BODY.write(stranger["joins"][0]["body"])
    stranger["joins"][0]["administrators"] = key_signatures(
        [scenario.accounts["alpha"], scenario.carol], "join", content
    )
    unsorted_ = copy.deepcopy(good)
    unsorted_["joins"][1]["administrators"].reverse()
    gamma, carol = scenario.accounts["gamma"], scenario.carol

    def signers_of(threshold: int, *weights: tuple[Signer, int]) -> dict:
        found = [{"key": signer.key, "weight": weight} for signer, weight in weights]
        return {"threshold": threshold, "signers": sorted(found, key=lambda each: t.KEY.write(each["key"]))}

    two = ((gamma, 1), (carol, 2))
    both = [gamma, carol]
    grants = [{"account": alpha, "right": ("Administrate", None), "scope": ("Member", 0)}]
    multi = [
        "/ip4/0.0.0.0/tcp/9100",
        "/ip4/10.0.0.1/tcp/0",
        "/ip4/10.0.0.1/tcp/09100",
        "/ip4/10.0.0.1/tcp/65536",
        "/ip4/10.0.0.01/tcp/9100",
        "/ip4/10.0.0.1/udp/9100",
        "/ip6/::/tcp/9100",
        "/ip6/0:0:0:0:0:0:0:1/tcp/9100",
        "/ip6/2001:DB8::1/tcp/9100",
        "/dns/Alpha.example/tcp/9100",
        "/dns/192.0.2.1/tcp/9100",
        "/dns4/a.1/tcp/9100",
        "/dns6/7/tcp/9100",
        "/dns/a_b.example/tcp/9100",
        "/dns/a.example./tcp/9100",
        f"/dns/{'a' * 64}/tcp/9100",
        f"/dns/{'.'.join(['a' * 49] * 5)}.aaaa/tcp/9100",
        "/ip6/::ffff:102:304/tcp/9100",
        "/ip4/10.0.0.1/tcp/9100/p2p/x",
        "",
    ]
    bad: list[tuple[str, dict]] = [
        ("no members", {"draft": {**draft, "members": []}, "joins": good["joins"]}),
        ("a member's name twice but for case", drafted(members=["alpha", "ALPHA", "gamma", "delta-4"])),
        ("a name that begins with a point", drafted(members=[".a", "Beta", "gamma", "delta-4"])),
        ("an empty name of the network", drafted(network="")),
        ("a name of 65", drafted(network="a" * 65)),
        ("a time after the year 9999", drafted(time=253_402_300_800_000)),
        ("joins in another order", swapped),
        ("a join missing", missing),
        ("an asset's code twice", asset(1, code="EUR")),
        ("19 decimals", asset(0, decimals=19)),
        ("an asset with flags", asset(0, flags=1)),
        ("an asset with flags of 4 at protocol 2", asset(0, flags=4, protocol=2)),
        ("version 2 at protocol 1", drafted(protocol=1)),
        ("a network that begins at protocol 3", drafted(protocol=3)),
        ("a description of 129", asset(0, description="d" * 129)),
        ("a description with U+202E", asset(0, description="a\u202eb")),
        ("a description with a tab", asset(0, description="a\tb")),
        ("an address twice", asset(0, balances=[{"address": alpha, "amount": 1}] * 2)),
        ("an amount of 0", asset(0, balances=[{"address": alpha, "amount": 0}])),
        ("a supply of 10^38", asset(0, balances=[{"address": alpha, "amount": 10**38}])),
        (
            "two amounts of 10^38 together",
            asset(
                0,
                balances=[
                    {"address": alpha, "amount": 10**38 - 1},
                    {"address": scenario.carol.address, "amount": 1},
                ],
            ),
        ),
        (
            "accounts not ascending",
            drafted(accounts=[{"address": b"\x02" * 20, "member": 0}, {"address": b"\x01" * 20, "member": 0}]),
        ),
        ("an account of no member", drafted(accounts=[{"address": scenario.erin.address, "member": 4}])),
        ("a member's account as an account", drafted(accounts=[{"address": alpha, "member": 1}])),
        ("a grant that genesis makes", drafted(grants=grants)),
        ("a grant of no asset", drafted(grants=[{**grants[0], "right": ("Mint", None), "scope": ("Asset", "NONE")}])),
        ("a grant of no member", drafted(grants=[{**grants[0], "scope": ("Member", 4)}])),
        ("a grant out of scope", drafted(grants=[{**grants[0], "scope": ("Network", None)}])),
        ("a grant twice", drafted(grants=[{**grants[0], "account": bytes(20)}] * 2)),
        ("a window of 0", drafted(parameters={**draft["parameters"], "window": 0})),
        ("a window of 65", drafted(parameters={**draft["parameters"], "window": 65})),
        (
            "max_transaction_bytes too small",
            drafted(parameters={**draft["parameters"], "max_transaction_bytes": 32_767}),
        ),
        ("max_batch_bytes too small", drafted(parameters={**draft["parameters"], "max_batch_bytes": 73_727})),
        ("too many batches for their size", drafted(parameters={**draft["parameters"], "max_proposal_batches": 65})),
        ("a clock lead of 0", drafted(parameters={**draft["parameters"], "max_clock_lead_ms": 0})),
        ("a clock lag of 600,001", drafted(parameters={**draft["parameters"], "max_clock_lag_ms": 600_001})),
        ("strangers of 8", drafted(rules={**draft["rules"], "strangers": 8})),
        ("dormant after 29 days", drafted(rules={**draft["rules"], "dormant_after_ms": 29 * 86_400_000})),
        ("dormant after 3,661 days", drafted(rules={**draft["rules"], "dormant_after_ms": 3_661 * 86_400_000})),
        (
            "guardians' delay above 3,660 days",
            drafted(rules={**draft["rules"], "guardian_delay_ms": 3_660 * 86_400_000 + 1}),
        ),
        *(
            (f"{name} of 2^63", drafted(rules={**draft["rules"], name: 2**63}))
            for name in ("day_bytes", "strangers_bytes", "reserve_bytes")
        ),
        ("guardians' delay below a day", drafted(rules={**draft["rules"], "guardian_delay_ms": 86_399_999})),
        ("a join for another draft", joined(2, draft=bytes(32))),
        ("a join of another member", joined(2, member="alpha")),
        ("a validator's key twice", joined(2, validator=scenario.keys["validator"][0].public)),
        ("a node's key as a witness's", joined(2, witness=scenario.keys["node"][2].public)),
        (
            "an account of two members",
            joined(2, administrators=[scenario.accounts["alpha"]], account=scenario.accounts["alpha"].key),
        ),
        (
            "an account's key as a validator's",
            joined(2, administrators=[scenario.keys["validator"][1]], account=scenario.keys["validator"][1].key),
        ),
        ("a validator's key of small order", joined(2, validator=b"\x01" + bytes(31))),
        ("a node's key that is not canonical", joined(2, node=(keys.FIELD + 1).to_bytes(32, "little"))),
        (
            "another's key among signers",
            joined(2, signers=signers_of(1, *two, (scenario.accounts["alpha"], 1))),
        ),
        ("signers that cannot be reached", joined(2, both, signers=signers_of(4, *two))),
        ("a threshold of 0", joined(2, both, signers=signers_of(0, *two))),
        ("a threshold that is not reached", joined(2, signers=signers_of(2, *two))),
        ("signers without the account's own key", joined(2, [carol], signers=signers_of(2, (carol, 2)))),
        ("an account's own key that does not sign", joined(2, [carol], signers=signers_of(2, *two))),
        ("an administrator missing", joined(1, [scenario.accounts["Beta"]])),
        ("a stranger among administrators", stranger),
        ("administrators not ascending", unsorted_),
        ("an address twice", joined(2, addresses=["/ip4/10.0.0.9/tcp/9100"] * 2)),
        ("9 addresses", joined(2, addresses=[f"/ip4/10.0.0.{n}/tcp/9100" for n in range(1, 10)])),
        ("an address of 281", joined(2, addresses=["/dns/" + "a" * 267 + "/tcp/9100"])),
        *((f"the address {each!r}", joined(2, addresses=[each])) for each in multi),
    ]
    for name, value in bad:
        yield "genesis", name, "16", refused(), {"bytes": mutants.raw(t.GENESIS, value).hex()}
    largest = {name: 2**63 - 1 for name in ("day_bytes", "strangers_bytes", "reserve_bytes")}
    fine = [
        ("an account's own key among its signers", joined(2, signers=signers_of(1, *two))),
        ("signers of whom both are needed", joined(2, both, signers=signers_of(3, *two))),
        ("more signatures than the threshold needs", joined(2, both, signers=signers_of(1, *two))),
        ("a network that begins at protocol 2", drafted(protocol=2)),
        ("an asset with flags at protocol 2", asset(0, flags=3, protocol=2)),
        ("signers that say nothing new", joined(2, signers=signers_of(1, (gamma, 1)))),
        ("the least max_batch_bytes", drafted(parameters={**draft["parameters"], "max_batch_bytes": 73_728})),
        ("the largest rules", drafted(rules={**draft["rules"], **largest, "guardian_delay_ms": 3_660 * 86_400_000})),
    ]
    for each in (
        "/ip6/2001:db8::1/tcp/1",
        "/dns4/a-b.example/tcp/65535",
        "/dns6/x/tcp/80",
        "/ip6/::1/tcp/9",
        "/ip6/::ffff:1.2.3.4/tcp/9",
        "/dns/1.2.3.4a/tcp/9",
        "/dns/1-2/tcp/9",
        f"/dns/{'a' * 63}/tcp/9",
        f"/dns/{'.'.join(['a' * 49] * 5)}.aaa/tcp/9",
    ):
        fine.append((f"the address {each}", joined(2, addresses=[each])))
    for name, value in fine:
        yield (
            "genesis",
            name,
            "16",
            GOOD,
            {
                "bytes": t.GENESIS.write(value).hex(),
                "network": tagged("genesis", t.GENESIS.write(value)).hex(),
            },
        )
    for kind in ("validator", "node", "witness"):
        value = copy.deepcopy(good)
        value["joins"][3][kind] = bytes(64)
        yield "genesis", f"a bad signature of the {kind}", "16", refused(), {"bytes": t.GENESIS.write(value).hex()}
    data = t.GENESIS.write(good)
    for change, mutant in mutants.of_bytes(data, scenario.random, 100):
        if mutant != data:
            yield "genesis", f"bytes: {change}", "16", refused(), {"bytes": mutant.hex()}


# Submissions: rules 1 and 5.


def submission_vectors(scenario: Scenario) -> Iterator[Vector]:
    """Transactions with their texts: what fits, and what does not."""
    ledger = scenario.ledger
    alpha, carol = scenario.accounts["alpha"], scenario.carol
    pay = (0, "Transfer", {"to": carol.address, "asset": "EUR", "amount": 1})
    record = (0, "PutRecord", {"sha256": bytes(32), "keep": ("Log", None)})
    made = (0, "CreateAsset", {"code": "NEW", "decimals": 0, "flags": 0})
    memo = ("Memo", None)

    def field(number: int, operation: int = 0) -> tuple:
        return "Operation", {"index": operation, "field": number}

    def submission(operations: list[tuple], texts: list[tuple], edit: Any = None) -> bytes:
        transaction = ledger.transaction([alpha], operations, [alpha], texts=texts)
        id_ = tagged("transaction", t.INTENT.write(transaction["intent"]))
        items = ledger.texts[id_]
        value = {"transaction": transaction, "texts": edit(items) if edit else items}
        return mutants.raw(t.SUBMISSION, value)

    cases: list[tuple[str, bytes, dict]] = []
    allowed = (0x20, 0x7E, 0xA0, 0x61B, 0x61D, 0x200D, 0x2010, 0x2027, 0x202F, 0x2065, 0x206A, 0xD7FF, 0xE000, 0xFEFE)
    allowed += (0xFF00, 0xFFF8, 0xFFFC, 0xFFFF, 0x10000, 0xDFFFF, 0xE0080, 0x10FFFF)
    not_allowed = (0, 9, 10, 13, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E)
    not_allowed += (0x2066, 0x2069, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xE0000, 0xE0001, 0xE0020, 0xE007F)
    for point in allowed:
        cases.append((f"U+{point:04X}", submission([pay], [(memo, f"a{chr(point)}".encode())]), GOOD))
    for point in not_allowed:
        text = f"a{chr(point)}b".encode()
        cases.append((f"U+{point:04X}", submission([pay], [(field(0), text)]), refused("text_refused")))
        cases.append((f"U+{point:04X} in metadata", submission([record], [(field(1), text)]), GOOD))
    for data in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82", b"\x80"):
        cases.append((f"{data.hex()}, no UTF-8", submission([pay], [(memo, data)]), refused("text_refused")))
    lengths = [
        ("a memo", [pay], memo, 256),
        ("a payment's memo", [pay], field(0), 128),
        ("a label", [record], field(0), 128),
        ("metadata", [record], field(1), 1_024),
        ("a description", [made], field(0), 128),
        ("a reason", [(0, "Freeze", {"account": carol.address, "asset": None})], field(0), 256),
        ("an explanation", [(0, "Propose", {"change": ("RemoveSeat", 1), "expires_at": 1})], field(0), 1_024),
    ]
    for name, operations, place, most in lengths:
        cases.append((f"{name} of {most}", submission(operations, [(place, b"x" * most)]), GOOD))
        expect = refused("text_refused" if most < 1_024 else None)
        cases.append((f"{name} of {most + 1}", submission(operations, [(place, b"x" * (most + 1))]), expect))
        cases.append((f"{name} of nothing", submission(operations, [(place, b"")]), refused("text_refused")))
    both = [(memo, b"one"), (field(0), b"two")]
    three = [*both, (field(1, 1), b"three")]
    edits: list[tuple[str, Any, str | None]] = [
        ("swapped", lambda items: [items[1], items[0], *items[2:]], "texts_unfit"),
        ("one missing", lambda items: items[:-1], "texts_missing"),
        ("all missing", lambda items: [], "texts_missing"),
        ("one too many", lambda items: [*items, items[0]], None),
        ("another salt", lambda items: [{**items[0], "salt": bytes(16)}, *items[1:]], "texts_unfit"),
        ("another text", lambda items: [{**items[0], "text": b"on3"}, *items[1:]], "texts_unfit"),
    ]
    for number, texts in ((1, both), (2, three)):
        operations = [pay, record][:number]
        cases.append((f"{len(texts)} texts", submission(operations, texts), GOOD))
        for name, edit, code in edits:
            cases.append((f"{len(texts)} texts, {name}", submission(operations, texts, edit), refused(code)))
    bare = submission([pay], [], lambda items: [{"salt": bytes(16), "text": b"x"}])
    cases.append(("a text that the intent does not have", bare, refused()))
    for name, data, expect in cases:
        yield "submission", name, "4, rules 1 and 5", expect, {"bytes": data.hex()}


# Signatures.


def signature_vectors(scenario: Scenario) -> Iterator[Vector]:
    """Section 2: what is judged strictly, what by ZIP-215, and P-256, over plain messages."""
    del scenario
    message = b"quorate vectors"
    torsion = [keys.decode_point(small) for small in sorted(keys.SMALL_ORDER)]
    base = keys.decode_point(b"\x58" + b"\x66" * 31)
    assert base is not None

    def encode(point: keys.Point) -> bytes:
        inverse = pow(point[2], keys.FIELD - 2, keys.FIELD)
        x, y = point[0] * inverse % keys.FIELD, point[1] * inverse % keys.FIELD
        return (y | (x & 1) << 255).to_bytes(32, "little")

    def sign(secret: int, key: bytes, first: bytes, nonce: int) -> bytes:
        challenge = int.from_bytes(sha512(first + key + message).digest(), "little") % keys.ORDER
        return first + ((nonce + challenge * secret) % keys.ORDER).to_bytes(32, "little")

    def both(name: str, key: bytes, signature: bytes, client: bool, strict: bool) -> Iterator[Vector]:
        content = {"key": key.hex(), "signature": signature.hex(), "message": message.hex()}
        for mode, good in (("zip215", client), ("strict", strict)):
            yield "signature", f"{mode}: {name}", "2", GOOD if good else refused(), {**content, "mode": mode}

    secret, nonce = 0x1234567, 0x7654321
    key = encode(keys._multiply(secret, base))
    first = encode(keys._multiply(nonce, base))
    plain = sign(secret, key, first, nonce)
    yield from both("plain", key, plain, True, True)
    high = plain[:32] + (int.from_bytes(plain[32:], "little") + keys.ORDER).to_bytes(32, "little")
    yield from both("s above the order", key, high, False, False)
    yield from both("another s", key, plain[:32] + (1).to_bytes(32, "little"), False, False)
    for place, small in enumerate(sorted(keys.SMALL_ORDER)):
        point = torsion[place]
        assert point is not None
        mixed = encode(keys._add(keys._multiply(secret, base), point))
        plain_too = point[0] == 0 and point[1] == 1
        strict = plain_too or _challenge_cancels(mixed, first, message, point)
        yield from both(f"a key with torsion {place}", mixed, sign(secret, mixed, first, nonce), True, strict)
        shifted = encode(keys._add(keys._multiply(nonce, base), point))
        yield from both(f"R with torsion {place}", key, sign(secret, key, shifted, nonce), True, plain_too)
        yield from both(f"R of small order {place}", key, sign(secret, key, small, 0), True, False)
    for number in (0, 1):
        for sign_bit in (0, 1):
            odd = (keys.FIELD + number | sign_bit << 255).to_bytes(32, "little")
            if keys.decode_point(odd) is not None:
                yield from both(f"R not canonical, {number}, {sign_bit}", key, sign(secret, key, odd, 0), True, False)
    # y = p + 3 is no point's, so its R is refused whatever follows.
    for number in range(2, 19):
        odd = (keys.FIELD + number).to_bytes(32, "little")
        if keys.decode_point(odd) is None:
            yield from both(f"R that is no point, {number}", key, sign(secret, key, odd, 0), False, False)
            break

    signer = Signer("a P-256 key of the vectors", "P256")
    tag = "transaction"
    kind, fields = signer.sign(tag, message)
    r, s = (int.from_bytes(part, "big") for part in (fields["signature"][:32], fields["signature"][32:]))
    n = keys.P256_N
    for name, pair, good in (
        ("plain", (r, s), True),
        ("high s", (r, n - s), False),
        ("r of 0", (0, s), False),
        ("s of 0", (r, 0), False),
        ("r and the order", (r + n if r + n < 2**256 else n, s), False),
        ("s of (n + 1) / 2", (r, (n + 1) // 2), False),
        ("r and s swapped", (s, r), False),
    ):
        signature = b"".join(number.to_bytes(32, "big") for number in pair)
        yield (
            "signature",
            f"p256: {name}",
            "2",
            GOOD if good else refused(),
            {
                "mode": "p256",
                "key": signer.public.hex(),
                "signature": signature.hex(),
                "message": preimage(tag, message).hex(),
            },
        )
    other = bytes([signer.public[0] ^ 1]) + signer.public[1:]
    yield (
        "signature",
        "p256: the other point",
        "2",
        refused(),
        {
            "mode": "p256",
            "key": other.hex(),
            "signature": fields["signature"].hex(),
            "message": preimage(tag, message).hex(),
        },
    )
    assert kind == "P256"


def _challenge_cancels(key: bytes, first: bytes, message: bytes, point: keys.Point) -> bool:
    """True if the challenge times the torsion is the neutral point, so that the plain equation holds as well."""
    challenge = int.from_bytes(sha512(first + key + message).digest(), "little") % keys.ORDER
    return keys._same(keys._multiply(challenge, point), keys.NEUTRAL)


# Transactions that travel.


def travelling_vectors(scenario: Scenario) -> Iterator[tuple[str, str, bytes, dict]]:
    """Section 18's file."""
    ledger = scenario.ledger
    transaction = ledger.shown[scenario.ids["memo"]]
    texts = ledger.texts[scenario.ids["memo"]]
    value = {
        "intent": transaction["intent"],
        "texts": texts,
        "signatures": transaction["signatures"],
        "decimals": [{"asset": "EUR", "decimals": 2}],
    }
    alpha, carol = scenario.accounts["alpha"], scenario.carol
    a, c = address_text(alpha.address), address_text(carol.address)
    expires = time_text(transaction["intent"]["expires_at"])
    key = f"ed25519:{alpha.public.hex()}"

    def lines_of(amount: str = "123.45", signed_by: tuple[str, ...] = (key,)) -> list[str]:
        return [
            f"# parties {a}",
            f"# expires_at {expires}",
            f"# 0 by {a} transfer to {c} asset EUR amount {amount}",
            '# memo "Miete für Januar"',
            '# text 0 0 "Carol C., 4711"',
            *(f"# signed {each}" for each in signed_by),
        ]

    plain = lines_of()

    def file(content: dict, lines: list[str] | None = None, header: list[str] | None = None) -> bytes:
        id_ = tagged("transaction", mutants.raw(t.INTENT, content["intent"])).hex()
        first = header or ["quorate transaction 2", f"network {content['intent']['network'].hex()}", f"id {id_}"]
        text = base64.b64encode(mutants.raw(t.TRAVELLING, content)).decode()
        rows = [text[at : at + 76] for at in range(0, len(text), 76)]
        return "\n".join([*first, *(plain if lines is None else lines), *rows, ""]).encode()

    small = b"\x01" + bytes(31)
    anybody = [("Ed25519", {"key": small, "signature": small + bytes(32)})]
    of_anybody = lines_of(signed_by=(f"ed25519:{small.hex()}",))
    nothing = copy.deepcopy(value["intent"])
    nothing["operations"][0]["operation"][1]["amount"] = 0
    yield "signed", "18", file(value), GOOD
    yield "without signatures", "18", file({**value, "signatures": []}, lines_of(signed_by=())), GOOD
    bad: list[tuple[str, bytes, str]] = [
        ("without a text", file({**value, "texts": texts[:1]}), "bad_text"),
        ("texts swapped", file({**value, "texts": texts[::-1]}), "bad_text"),
        ("another text", file({**value, "texts": [texts[0], {**texts[1], "text": b"Carol D."}]}), "bad_text"),
        ("another salt", file({**value, "texts": [texts[0], {**texts[1], "salt": bytes(16)}]}), "bad_text"),
        ("a bad signature", file({**value, "signatures": flipped(value["signatures"])}), "bad_signature"),
        ("a key of small order", file({**value, "signatures": anybody}, of_anybody), "bad_signature"),
        (
            "a signature twice",
            file({**value, "signatures": value["signatures"] * 2}, lines_of(signed_by=(key, key))),
            "not_canonical",
        ),
        ("without decimals", file({**value, "decimals": []}, lines_of("12345")), "not_canonical"),
        (
            "decimals of another asset",
            file({**value, "decimals": [{"asset": "GOLD", "decimals": 0}]}, lines_of("12345")),
            "not_canonical",
        ),
        (
            "other decimals than genesis's",
            file({**value, "decimals": [{"asset": "EUR", "decimals": 3}]}, lines_of("12.345")),
            "not_canonical",
        ),
        ("19 decimals", file({**value, "decimals": [{"asset": "EUR", "decimals": 19}]}), "not_canonical"),
        ("an amount of 0", file({**value, "intent": nothing, "signatures": []}), "malformed_transaction"),
        ("without comments", file(value, []), "not_canonical"),
        ("a comment without a space", file(value, ["#" + plain[0][2:], *plain[1:]]), "not_canonical"),
        ("a line without a hash sign", file(value, [plain[0][2:], *plain[1:]]), "not_canonical"),
        ("a comment more", file(value, [*plain, "# thank you"]), "not_canonical"),
        ("a comment less", file(value, plain[:-1]), "not_canonical"),
        ("comments in another order", file(value, [*plain[1::-1], *plain[2:]]), "not_canonical"),
        ("another amount in the comments", file(value, lines_of("12.34")), "not_canonical"),
        ("an amount in smallest units in the comments", file(value, lines_of("12345")), "not_canonical"),
        (
            "a comment that is no UTF-8",
            file(value).replace("für".encode(), b"f\xfcr", 1),
            "not_canonical",
        ),
        (
            "another id",
            file(value, header=["quorate transaction 2", f"network {ledger.network.hex()}", f"id {'0' * 64}"]),
            "not_canonical",
        ),
        ("CR LF", file(value).replace(b"\n", b"\r\n"), "not_canonical"),
        ("a byte more", file(value) + b"\n", "not_canonical"),
        ("another network", file({**value, "intent": {**value["intent"], "network": bytes(32)}}), "other_network"),
    ]
    for name, data, code in bad:
        yield name, "18", data, refused(code)
    wide, wide_lines, other_lines = wide_travelling(scenario)
    yield "a value of each kind", "18", file(wide, wide_lines), GOOD
    made = copy.deepcopy(wide)
    made["intent"]["operations"][1]["operation"][1]["asset"] = "FOREIGN"
    made["decimals"].insert(1, {"asset": "FOREIGN", "decimals": 3})
    texts_of = {**made, "signatures": []}
    foreign = [line.replace("asset NEW amount", "asset FOREIGN amount") for line in wide_lines]
    yield "decimals that nobody proves", "18", file(texts_of, foreign[:-2]), GOOD
    for place, line in enumerate(wide_lines):
        lines = [*wide_lines[:place], line + " ", *wide_lines[place + 1 :]]
        yield f"a space behind line {place}", "18", file(wide, lines), refused("not_canonical")
    # The transaction itself says that NEW has 3 decimals.
    other = {**wide, "decimals": [{"asset": "EUR", "decimals": 2}, {"asset": "NEW", "decimals": 2}]}
    yield "other decimals than its own asset's", "18", file(other, other_lines), refused("not_canonical")


def wide_travelling(scenario: Scenario) -> tuple[dict, list[str], list[str]]:
    """A transaction with values of each kind; its lines, and those with two decimals for its own asset."""
    ledger = scenario.ledger
    alpha, carol, dave = scenario.accounts["alpha"], scenario.carol, scenario.dave
    a, c = address_text(alpha.address), address_text(carol.address)
    record = {"sha256": bytes(32), "by": alpha.address}
    condition = {"need": 1, "leaves": [("Signs", carol.address), ("From", START + 1), ("Record", record)]}
    hold = {"beneficiary": carol.address, "asset": "EUR", "amount": 5, "until": 2**63, "condition": condition}
    reference = {"owner": alpha.address, "transaction": b"\xab" * 32, "operation": 7}
    places = [("Memo", None), ("Operation", {"index": 0, "field": 0})]
    erased = t.INTENT.write(ledger.shown[scenario.ids["memo"]]["intent"])
    signers = {"threshold": 1, "signers": [{"key": dave.key, "weight": 65_535}]}
    quota = ("Quota", {"member": None, "limit": {"bytes": 5, "leaves": 6}})
    z, ab = "0" * 64, "ab" * 32
    operations: list[tuple[int, str, dict, str]] = [
        (0, "CreateAsset", {"code": "NEW", "decimals": 3, "flags": 0}, "create asset code NEW decimals 3 flags 0"),
        (0, "Mint", {"to": alpha.address, "asset": "NEW", "amount": 1_500}, f"mint to {a} asset NEW amount 1.500"),
        (
            1,
            "Hold",
            {**hold, "beneficiary": alpha.address},
            f"hold beneficiary {a} asset EUR amount 0.05 until 9223372036854775808 condition {{need 1, leaves "
            f"[Signs({c}), From(2026-01-01T00:00:00.001Z), Record(sha256 {z}, by {a})]}}",
        ),
        (
            0,
            "Release",
            {"hold": reference, "amount": None, "preimages": [bytes(32), b"\xab" * 32]},
            f"release hold {{owner {a}, transaction {ab}, operation 7}} amount none preimages [{z}, {ab}]",
        ),
        (
            0,
            "Release",
            {"hold": reference, "amount": 1_000, "preimages": []},
            f"release hold {{owner {a}, transaction {ab}, operation 7}} amount 1000 preimages []",
        ),
        (0, "PutRecord", {"sha256": bytes(32), "keep": ("Own", None)}, f"put record sha256 {z} keep Own"),
        (
            0,
            "Erase",
            {"intent": erased, "places": places},
            f"erase intent {scenario.ids['memo'].hex()} places [Memo, Operation(index 0, field 0)]",
        ),
        (
            0,
            "Grant",
            {"account": carol.address, "right": ("CreateAsset", None), "scope": ("Member", 2)},
            f"grant account {c} right issuer scope Member(2)",
        ),
        (
            1,
            "SetSigners",
            {"signers": signers},
            f"set signers signers {{threshold 1, signers [{{key p256:{dave.public.hex()}, weight 65535}}]}}",
        ),
        (
            0,
            "Propose",
            {"change": quota, "expires_at": START},
            "propose change Quota(member none, limit {bytes 5, leaves 6}) expires_at 2026-01-01T00:00:00Z",
        ),
        (
            0,
            "Propose",
            {"change": ("Engine", ("Paxos", None)), "expires_at": START},
            "propose change Engine(Paxos) expires_at 2026-01-01T00:00:00Z",
        ),
        (0, "DecideRequest", {"account": carol.address, "accept": True}, f"decide request account {c} accept true"),
        (0, "Freeze", {"account": carol.address, "asset": "EUR"}, f"freeze account {c} asset EUR"),
    ]
    texts = [
        (("Memo", None), b'say "a\\b"', '# memo "say \\"a\\\\b\\""'),
        (("Operation", {"index": 5, "field": 0}), "märchenhaft".encode(), '# text 5 0 "märchenhaft"'),
        (("Operation", {"index": 5, "field": 1}), b"\x00\x01", "# text 5 1 hex 0001"),
    ]
    fork = ledger.fork()
    transaction = fork.transaction(
        [alpha, carol],
        [each[:3] for each in operations],
        [alpha, dave],
        texts=[each[:2] for each in texts],
    )
    id_ = tagged("transaction", t.INTENT.write(transaction["intent"]))
    keys_ = sorted((alpha, dave), key=lambda each: each.encoded)
    lines = [
        f"# parties {a} {c}",
        f"# expires_at {time_text(transaction['intent']['expires_at'])}",
        *(f"# {n} by {(a, c)[party]} {words}" for n, (party, _, _, words) in enumerate(operations)),
        *(words for _, _, words in texts),
        *(f"# signed {each.key[0].lower()}:{each.public.hex()}" for each in keys_),
    ]
    value = {
        "intent": transaction["intent"],
        "texts": fork.texts[id_],
        "signatures": transaction["signatures"],
        "decimals": [{"asset": "EUR", "decimals": 2}, {"asset": "NEW", "decimals": 3}],
    }
    return value, lines, [line.replace("asset NEW amount 1.500", "asset NEW amount 15.00") for line in lines]
