"""Writes vectors, good and bad, as one file of JSON lines: the same bytes for the same seed and scale.

    python3 tests/verifier/generate.py [--seed 1] [--scale 100] [--output FILE]

The first line has the genesis document, its network and state root, and the proof of all committees. Each other line
is one vector:

    name, kind   what it is: proof-file, transaction, submission, genesis, block, signature, travelling
    rule         the section or rule of docs/formats.md that it is about
    file         the file's text, or `bytes`: the value's bytes in hex; of a signature `mode`, `key`, `message` and
                 `signature`
    height       of a block, which is judged on the good blocks below it
    id, network  what a transaction's id, or a genesis document's network, is
    learn        there if the committees of the first line are verified before it
    trusted      a block that is vouched for, as HEIGHT:HASH
    expect       verdict: proven, complete_up_to, good or refused; `code` where only one rule is broken, and
                 `reason`, what the refusal's words begin with; `facts`: what the verdict must contain;
                 `same_facts_as`: the vector before whose facts are the same.
                 `accepted` is any verdict but refused; `refused or not whole`: a block may also come without its
                 texts; `either`: two verifiers must agree, and nothing else is said
    needs        `execution`: only who executes a block's transactions again can refuse it

What a vector expects follows from how it was made and from the model, never from the verifier.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import mutants
from forging import (
    block_vectors,
    genesis_vectors,
    governed_state,
    signature_vectors,
    submission_vectors,
    transaction_vectors,
    travelling_vectors,
)
from model import Ledger, audit_path, key_signatures, leaf, mth, peaks, state_proof, tree
from quorate_verifier import types as t
from quorate_verifier.forms import address_text, time_text
from quorate_verifier.hashes import tagged
from quorate_verifier.state import (
    account_key,
    asset_key,
    balance_key,
    erasure_key,
    hold_key,
    member_key,
    own_record_key,
    single_key,
    unique_record_key,
)
from recoveries import Recovery, on_genesis, recovery_vectors
from scenario import START, Scenario

KINDS = {
    "Transaction": "transaction",
    "State": "state",
    "Statement": "statement",
    "Committees": "committees",
    "Block": "block",
    "NotExecuted": "not-executed",
    "TwoHistories": "two-histories",
    "TwoRecoveries": "two-recoveries",
}


def lines_of(proof: dict) -> list[str]:
    """A proof's header lines, by the page; of a mutant as well, for what its bytes say."""
    kind, body = proof["body"]
    header = None
    about = ""
    if kind in ("Transaction", "State", "Statement", "Block"):
        header = body["head"]["header"]
    if kind == "Transaction":
        name, entry = body["entry"]
        about = entry["id" if name == "Transaction" else "document"].hex()
    elif kind == "State":
        about = " ".join(f"{each['prefix']['key'].hex()}/{each['prefix']['bits']}" for each in body["leaves"])
    elif kind == "Statement":
        name, owner = body["owner"]
        text = address_text(owner) if name == "Account" else owner
        about = f"{text} {time_text(body['from'])} {time_text(body['to'])}"
    elif kind == "Block":
        about = str(header["height"] if header else 0)
    elif kind == "NotExecuted":
        header = body["statement"]["head"]["header"]
        about = tagged("transaction", mutants.raw(t.INTENT, body["intent"])).hex()
    elif kind == "TwoHistories":
        header = body["first"]["header"]
        about = str(header["height"])
    elif kind == "TwoRecoveries":
        base = body["first"]["base"]
        header = base["header"] if base else None
        about = str(body["first"]["document"]["recovery"]["number"])
    elif kind == "Committees":
        name, pinned = body["trust"]
        epoch = 0
        if name == "Pinned":
            header, epoch = pinned["header"], pinned["committee"]["epoch"]
        if body["steps"]:
            name, step = body["steps"][-1]
            head = step["head"] if name == "Certificate" else step["base"]
            header = head["header"] if head else None
            following = step["next"] if name == "Certificate" else step["document"]["recovery"]["committee"]
            epoch = following["epoch"]
        about = str(epoch)
    if header is None:
        head_line = f"head 0 0 {proof['network'].hex()}"
    else:
        hash_ = tagged("block", mutants.raw(t.HEADER, header)).hex()
        head_line = f"head {header['epoch']} {header['height']} {hash_}"
    return [f"quorate proof 2 {KINDS[kind]}", f"network {proof['network'].hex()}", head_line, f"about {about}"]


def file_of(lines: list[str], data: bytes) -> str:
    """A file of header lines and bytes."""
    text = base64.b64encode(data).decode()
    return "\n".join([*lines, *(text[place : place + 76] for place in range(0, len(text), 76)), ""])


def proof_file(proof: dict) -> str:
    """A proof as a file, whatever it breaks."""
    return file_of(lines_of(proof), mutants.raw(t.PROOF, proof))


class Vectors:
    """Makes all vectors of a scenario."""

    def __init__(self, seed: int, scale: int) -> None:
        self.scenario = Scenario(seed)
        self.ledger = self.scenario.ledger
        self.random = self.scenario.random
        self.scale = scale
        self.number = 0
        self.canonical: dict[tuple, bytes] = {}

    def vector(self, kind: str, name: str, rule: str, expect: dict, **content: Any) -> dict:
        """One line; names are numbered, so that each is there once."""
        self.number += 1
        return {"name": f"{self.number} {name}", "kind": kind, "rule": rule, **content, "expect": expect}

    def of_file(self, name: str, rule: str, text: str | bytes, expect: dict, learn: bool = True) -> dict:
        """A vector that is a proof file."""
        data = text.encode("latin-1") if isinstance(text, str) else text
        content = {"file": data.decode("ascii")} if data.isascii() else {"bytes": data.hex()}
        if learn:
            content["learn"] = ["committees"]
        return self.vector("proof-file", name, rule, expect, **content)

    def all(self) -> Iterator[dict]:
        """All vectors in their order."""
        ledger, scenario = self.ledger, self.scenario
        yield {
            "format": 1,
            "genesis": t.GENESIS.write(scenario.genesis).hex(),
            "network": ledger.network.hex(),
            "state_root": tree(scenario.document.state()).hex(),
            "committees": proof_file(ledger.prove_committees()),
        }
        good = list(self.good_proofs())
        names = {}
        for name, rule, proof, expect in good:
            vector = self.of_file(name, rule, proof_file(proof), expect, proof["body"][0] != "Committees")
            names[name] = vector["name"]
            yield vector
        for _, _, proof, expect in good:
            yield from self.structural(proof, expect)
            yield from self.bytes_of(proof)
        yield from self.seals(good, names)
        yield from self.texts(good)
        yield from self.other_statements()
        yield from self.forged_statements()
        yield from self.forged_heads()
        yield from self.not_executed()
        yield from self.hidden_leaves()
        yield from self.shown_recoveries()
        yield from self.heads_and_epochs()
        yield from self.histories()
        for name, rule, proofs, expect, learn in recovery_vectors(scenario):
            yield self.of_file(name, rule, "".join(map(proof_file, proofs)), expect, learn)
        yield from self.illegal_texts()
        parts = (block_vectors, transaction_vectors, submission_vectors, genesis_vectors, signature_vectors)
        for part in parts:
            for kind, name, rule, expect, content in part(scenario):
                yield self.vector(kind, name, rule, expect, **content)
        for name, rule, data, expect in travelling_vectors(scenario):
            yield self.vector("travelling", name, rule, expect, bytes=data.hex())

    # Good proofs: what they establish is said by the model.

    def good_proofs(self) -> Iterator[tuple[str, str, dict, dict]]:
        """Good proofs of each kind."""
        ledger, scenario = self.ledger, self.scenario
        alpha, carol = scenario.accounts["alpha"].address, scenario.carol.address
        proven = {"verdict": "proven"}
        yield (
            "committees",
            "17 Committees",
            ledger.prove_committees(),
            {
                **proven,
                "facts": {"epochs": [{"epoch": 0, "first": 1, "last": 11}, {"epoch": 1, "first": 12, "last": None}]},
            },
        )
        yield "committees, none but genesis's", "17 Committees", ledger.prove_committees(0), proven
        ordinals = [
            ordinal
            for ordinal, (_, entry) in enumerate(ledger.log)
            if entry["id"] in set(scenario.ids.values()) or ordinal % 29 == 3
        ]
        for ordinal in ordinals:
            entry = ledger.log[ordinal][1]
            facts = {"ordinal": ordinal, "id": entry["id"].hex(), "height": entry["height"]}
            expect = {**proven, "facts": facts}
            shown = self.random.choice(("Nothing", "Intent", "Transaction"))
            yield (
                f"transaction {ordinal}, {shown}",
                "17 Transaction",
                ledger.prove_transaction(ordinal, shown=shown),
                expect,
            )
        for name in ("memo", "records"):
            ordinal = self.ordinal(scenario.ids[name])
            for place in range(len(ledger.texts[scenario.ids[name]])):
                item = ledger.texts[scenario.ids[name]][place]
                yield (
                    f"one text of {name}",
                    "17 Shown",
                    ledger.prove_transaction(ordinal, texts=place),
                    {
                        **proven,
                        "facts": {
                            "shown": {"text": {"index": place, "salt": item["salt"].hex(), "text": item["text"].hex()}}
                        },
                    },
                )
        old = ledger.prove_transaction(0, height=1)
        yield "transaction under the head of its own block", "17 Transaction", old, proven

        prefixes = [
            [(8, bytes([kind]) + bytes(31)) for kind in range(1, 17)],
            [(168, account_key(alpha)), (168, b"\x02" + alpha + bytes(11)), (256, account_key(alpha))],
            [(256, key) for key in sorted(ledger.state)[:: max(1, len(ledger.state) // 12)]],
            [
                (256, erasure_key(scenario.ids["memo"])),
                (256, erasure_key(scenario.ids["against"])),
                (256, own_record_key(alpha, scenario.digest)),
                (256, own_record_key(carol, scenario.digest)),
                (256, unique_record_key(scenario.digest)),
                (256, unique_record_key(bytes(32))),
                (256, asset_key("NONE")),
                (256, asset_key("SEED")),
                (256, balance_key(alpha, "BOND")),
                (256, member_key(9)),
            ],
            [(168, account_key(bytes(20))), (168, account_key(b"\xff" * 20)), (256, account_key(carol))],
        ]
        for place, wanted in enumerate(prefixes):
            proof = ledger.prove_state(wanted)
            facts = []
            for bits, key in sorted(wanted, key=lambda pair: (pair[1], pair[0])):
                shift = 256 - bits
                keys = [
                    k.hex()
                    for k in sorted(ledger.state)
                    if int.from_bytes(k, "big") >> shift == int.from_bytes(key, "big") >> shift
                ]
                facts.append({"prefix": f"{key.hex()}/{bits}", "leaves": [{"key": k} for k in keys]})
            yield f"state {place}", "17 State", proof, {**proven, "facts": {"state": facts}}
        hold = hold_key(alpha, scenario.hold_id, 0)
        for height in (3, 22):
            expect = {**proven, "facts": {"state": [{"leaves": [{"key": hold.hex()}] if height == 3 else []}]}}
            yield f"a hold at {height}", "11, 17 State", ledger.prove_state([(256, hold)], height), expect

        for height in (1, 2, 9, 12, 22, 23):
            count = len(ledger.prove_block(height)["body"][1]["entries"])
            yield (
                f"block {height}",
                "17 Block",
                ledger.prove_block(height, height % 2 == 0),
                {
                    **proven,
                    "facts": {"height": height, "entries": [{}] * count},
                },
            )
        for owner, start, end, height in self.ranges():
            codes = [code for code in ("EUR", "GOLD") if owner != ("Asset", code)]
            beside = [(256, asset_key(code)) for code in codes] if start % 2 == 0 else []
            entries = len(self.expected(owner, start, end, height)["facts"]["entries"])
            shown = "Transaction" if entries < 8 else "Intent" if entries < 16 else "Nothing"
            proof = ledger.prove_statement(owner, start, end, height, beside=beside, shown=shown)
            yield (
                self.statement_name(owner, start, end),
                "17 Statement",
                proof,
                self.expected(owner, start, end, height),
            )
        for height in (24, None):
            proof = ledger.prove_not_executed(scenario.never["intent"], height)
            facts = {"id": scenario.id_of(scenario.never).hex()}
            yield "not executed", "17 NotExecuted", proof, {**proven, "facts": facts}

    def ordinal(self, id_: bytes) -> int:
        """Where a transaction is in the log."""
        return next(place for place, (_, entry) in enumerate(self.ledger.log) if entry["id"] == id_)

    def ranges(self) -> Iterator[tuple[tuple, int, int, int | None]]:
        """Owners and ranges of statements."""
        scenario = self.scenario
        times = [header["timestamp"] for header in self.ledger.headers]
        alpha = ("Account", scenario.accounts["alpha"].address)
        owners = [
            alpha,
            ("Account", scenario.carol.address),
            ("Account", scenario.erin.address),
            ("Account", bytes(20)),
            ("Asset", "GOLD"),
            ("Asset", "SEED"),
            ("Asset", "LEAF"),
            ("Asset", "NONE"),
        ]
        for owner in owners:
            yield owner, START if owner != alpha else times[18], times[-1] + 1_000, None
            yield owner, times[7], times[9], None
            yield owner, times[12] + 1, times[16], None
            yield owner, times[1], times[1] + 1, 20
            yield owner, times[-1] - 1, times[-1], None
        for place in range(0, len(times) - 3, 3):
            yield alpha, times[place], times[place + 2], None
        # The next waypoint and the last step are both within 31 steps of the range's end.
        steps = self.ledger.histories[alpha].steps
        last_waypoint = len(steps) // 32 * 32
        if len(steps) - last_waypoint < 19:
            end = steps[last_waypoint - 12]["timestamp"]
            yield alpha, steps[last_waypoint - 30]["timestamp"], end, None

    @staticmethod
    def statement_name(owner: tuple, start: int, end: int) -> str:
        """A statement's name."""
        text = address_text(owner[1]) if owner[0] == "Account" else owner[1]
        return f"statement {text} {start - START} to {end - START}"

    def expected(self, owner: tuple, start: int, end: int, height: int | None) -> dict:
        """What a statement establishes, from the model's own list of steps."""
        history = self.ledger.histories.get(owner)
        header = self.ledger.headers[-1 if height is None else height - 1]
        opening = history.start if history else []
        closing = opening
        entries = []
        for place, step in enumerate(history.steps if history else []):
            if step["ordinal"] >= header["log_size"] or step["timestamp"] >= end:
                break
            closing = history.balances[place] if history else []
            if step["timestamp"] < start:
                opening = closing
            else:
                entries.append({"number": step["number"], "ordinal": step["ordinal"]})

        def texts(items: list) -> list:
            return [{name: str(item[name]) for name in ("asset", "free", "held")} for item in items]

        complete = header["timestamp"] >= end
        first = history.steps[0] if history and history.steps else None
        before = first is not None and first["ordinal"] < header["log_size"] and first["timestamp"] < start
        facts = {"opening": texts(opening), "closing": texts(closing), "entries": entries, "complete": complete}
        facts["opening_is_of_genesis"] = not before
        return {"verdict": "proven" if complete else "complete_up_to", "facts": facts}

    # Mutants.

    def structural(self, proof: dict, expect: dict) -> Iterator[dict]:
        """One part of a proof changed at a time, the file's lines made again for the mutant."""
        kind = proof["body"][0]
        for path, change, mutant in mutants.structural(t.PROOF, proof, self.random, self.scale):
            accepted = self.is_accepted(kind, path, mutant, proof)
            name = f"{kind}: {'.'.join(map(str, path[2:]))}: {change}"
            try:
                text = proof_file(mutant)
            except (OverflowError, ValueError, TypeError, KeyError):
                continue
            verdict = {"verdict": "accepted"} if accepted else {"verdict": "refused"}
            yield self.of_file(name, "29, structure", text, verdict, kind != "Committees")

    def is_accepted(self, kind: str, path: tuple, mutant: dict, proof: dict) -> bool:
        """True if a mutant is another proof that is good: what it may show or leave out is its holder's choice."""
        body = mutant["body"][1]
        names = [step for step in path if isinstance(step, str)]
        last = names[-1] if names else ""
        if mutants.raw(t.PROOF, mutant) == mutants.raw(t.PROOF, proof):
            return True
        part = mutants.at(mutant, path)
        if last in ("shown", "texts") and part == ("Nothing", None):
            return kind != "Block" or any(each[0] != "Nothing" for each in body["shown"])
        if "Alone" in path and last == "index":
            return False
        if kind == "Block" and path[-1] == "shown":
            return part == []
        if kind == "State" and path[-1] == "leaves":
            prefixes = [(each["prefix"]["key"], each["prefix"]["bits"]) for each in part]
            return bool(part) and all(a < b for a, b in zip(prefixes, prefixes[1:]))
        if "prefix" in path:
            return kind == "State" and self.is_another_prefix(body, path[path.index("leaves") + 1])
        if path[-1] == "beside":
            prefixes = [(each["prefix"]["key"], each["prefix"]["bits"]) for each in part]
            return all(a < b for a, b in zip(prefixes, prefixes[1:]))
        if kind == "Committees" and path[-1] == "steps":
            return part == proof["body"][1]["steps"][: len(part)]
        if kind == "Statement" and last in ("from", "to") and len(path) == 3:
            return self.is_canonical(body)
        if kind == "NotExecuted" and "intent" in names and "statement" not in names:
            try:
                intent = t.INTENT.decode(mutants.raw(t.INTENT, body["intent"]))
            except Exception:
                return False
            before = proof["body"][1]["intent"]
            # The intent is one party's payment without texts: so well-formed is what stays one.
            same = ("network", "expires_at", "parties", "texts")
            pays = all(
                act["party"] == 0 and 0 < act["operation"][1]["amount"] < 10**38 for act in intent["operations"]
            )
            return pays and all(intent[each] == before[each] for each in same)
        return False

    def is_another_prefix(self, body: dict, place: int) -> bool:
        """True if a changed prefix is another one of which the same proof is good: two keys may be absent alike."""
        prefix = body["leaves"][place]["prefix"]
        bits, key = prefix["bits"], prefix["key"]
        shape = bits in (8, 256) or (bits == 168 and key[0] in (1, 2, 9, 10))
        rest = int.from_bytes(key, "big") & (1 << (256 - bits)) - 1 if bits <= 256 else 1
        if not shape or rest or not 1 <= key[0] <= 16:
            return False
        state = self.ledger.states[body["head"]["header"]["height"]]
        order = [(each["prefix"]["key"], each["prefix"]["bits"]) for each in body["leaves"]]
        return state_proof(state, bits, key) == body["leaves"][place] and all(a < b for a, b in zip(order, order[1:]))

    def is_canonical(self, body: dict) -> bool:
        """True if a statement is the one that the model makes for its question and head."""
        if not body["from"] < body["to"] or body["from"] < 0:
            return False
        header = body["head"]["header"]
        if header["timestamp"] < body["from"]:
            return False
        question = (body["owner"], body["from"], body["to"], header["height"])
        if question not in self.canonical:
            self.canonical[question] = self.bare(self.ledger.statement(*question, shown="Nothing"))
        return self.canonical[question] == self.bare(body)

    @staticmethod
    def bare(statement: dict) -> bytes:
        """A statement without what its holder may choose: seals, what is shown, what stands beside."""
        items = [
            (name, {**item, "shown": ("Nothing", None)}) if name == "Entry" else (name, item)
            for name, item in statement["items"]
        ]
        head = {**statement["head"], "seals": []}
        return mutants.raw(t.STATEMENT, {**statement, "head": head, "items": items, "beside": []})

    def bytes_of(self, proof: dict) -> Iterator[dict]:
        """A proof's bytes changed as bytes, under the lines of the proof."""
        lines = lines_of(proof)
        data = mutants.raw(t.PROOF, proof)
        learn = proof["body"][0] != "Committees"
        for change, mutant in mutants.of_bytes(data, self.random, self.scale // 4):
            if mutant != data:
                name = f"{proof['body'][0]}: bytes: {change}"
                yield self.of_file(name, "29, bytes", file_of(lines, mutant), {"verdict": "refused"}, learn)
        for extra in (b"\x00", data):
            yield self.of_file(
                "trailing bytes", "1", file_of(lines, data + extra), self.refused("not_canonical"), learn
            )
        longer = mutants.longer_uleb(t.PROOF, proof, self.random)
        if longer is not None:
            text = file_of(lines, longer)
            yield self.of_file("a ULEB128 longer than needed", "1", text, self.refused("not_canonical"), learn)

    @staticmethod
    def refused(code: str) -> dict:
        """The expectation of a refusal with a code."""
        return {"verdict": "refused", "code": code}

    def seals(self, good: list, names: dict[str, str]) -> Iterator[dict]:
        """Rule 26: any choice of exactly a quorum of seals, and none but that."""
        ledger = self.ledger
        for name, _, proof, expect in good[3::9]:
            kind, body = proof["body"]
            where = ("body", kind, "statement", "head") if kind == "NotExecuted" else ("body", kind, "head")
            if kind == "Committees":
                continue
            height = mutants.at(proof, where)["header"]["height"]
            for who in ([0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]):
                mutant = mutants.replaced(proof, where, ledger.head(height, who))
                same = {"verdict": expect["verdict"], "same_facts_as": names[name]}
                yield self.of_file(f"{name}: seals of {who}", "26", proof_file(mutant), same)
            bad = {
                "no seals": ([], "not_minimal"),
                "fewer seals": ([0, 1], "not_minimal"),
                "more seals": ([0, 1, 2, 3], "not_minimal"),
                "seals not ascending": ([1, 0, 2], "not_canonical"),
                "a seal twice": ([0, 1, 1], "not_canonical"),
            }
            for change, (who, code) in bad.items():
                mutant = mutants.replaced(proof, where, ledger.head(height, who))
                yield self.of_file(f"{name}: {change}", "26", proof_file(mutant), self.refused(code))
            head = ledger.head(height)
            head["seals"][1] = {"validator": 3, "signature": head["seals"][1]["signature"]}
            head["seals"] = sorted(head["seals"], key=lambda seal: seal["validator"])
            mutant = mutants.replaced(proof, where, head)
            yield self.of_file(f"{name}: another's seal", "17", proof_file(mutant), self.refused("bad_certificate"))
            head = ledger.head(height)
            head["seals"][2] = {**head["seals"][2], "validator": 4}
            mutant = mutants.replaced(proof, where, head)
            yield self.of_file(
                f"{name}: a validator that is not there", "7", proof_file(mutant), self.refused("bad_certificate")
            )

    def texts(self, good: list) -> Iterator[dict]:
        """Rule 26: a file has one form."""
        committees = proof_file(self.ledger.prove_committees())
        for name, _, proof, expect in good[2::11]:
            if proof["body"][0] == "Committees":
                continue
            text = proof_file(proof)
            lines = text.split("\n")
            body = lines[4:-1]
            joined = "".join(body)
            bad: dict[str, str | bytes] = {
                "no line feed at the end": text[:-1],
                "an empty line at the end": text + "\n",
                "an empty line before base64": "\n".join([*lines[:4], "", *lines[4:]]),
                "an empty line first": "\n" + text,
                "CR LF": text.replace("\n", "\r\n"),
                "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
                "a space at a line's end": text.replace("\n", " \n", 1),
                "a space in base64": "\n".join([*lines[:4], f"{body[0][:-1]} ", *lines[5:]]),
                "one line of base64": "\n".join([*lines[:4], joined, ""]),
                "lines of 75": "\n".join([*lines[:4], *(joined[at : at + 75] for at in range(0, len(joined), 75)), ""]),
                "a line cut": "\n".join([*lines[:4], body[0][:40], body[0][40:], *lines[5:]]),
                "upper case in the network": text.replace(lines[1], lines[1][:8] + lines[1][8:].upper(), 1),
                "another kind": text.replace("quorate proof 2", "quorate proof 1", 1),
                "no line about": "\n".join([*lines[:3], *lines[4:]]),
                "a line more": "\n".join([*lines[:4], "note x", *lines[4:]]),
                "the lines about and head swapped": "\n".join([*lines[:2], lines[3], lines[2], *lines[4:]]),
                "another height": text.replace("head 1 ", "head 01 ", 1).replace("head 0 ", "head 00 ", 1),
                "another question": "\n".join([*lines[:3], lines[3] + "0", *lines[4:]]),
                "another network": text.replace(lines[1], f"network {bytes(32).hex()}", 1),
                "two of the same": text + text,
                "two of committees": text + committees + committees,
                "base64 of the web": text.replace("+", "-").replace("/", "_")
                if "+" in joined or "/" in joined
                else text[1:],
                "nothing": "",
                "the lines alone": "\n".join([*lines[:4], ""]),
                "a tab": text.replace(" ", "\t", 1),
                "a null byte": text.encode() + b"\x00",
            }
            padding = len(joined) - len(joined.rstrip("="))
            if padding:
                bad["no padding"] = text.rstrip("\n").rstrip("=") + "\n"
                letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                last = joined[-padding - 1]
                other = letters[letters.index(last) + 1]
                bad["trailing bits"] = text.rstrip("\n").rstrip("=")[:-1] + other + "=" * padding + "\n"
            for change, mutant in bad.items():
                yield self.of_file(f"{name}: {change}", "26", mutant, self.refused("not_canonical"))
            yield self.of_file(f"{name}: with committees", "26", text + committees, expect, False)
            head = mutants.at(proof, ("body", proof["body"][0]))
            header = (head.get("head") or head["statement"]["head"])["header"]
            alone = expect if header["epoch"] == 0 else self.refused("unknown_committee")
            yield self.of_file(f"{name}: without committees", "17", text, alone, False)
            broken = committees[:-10] + ("A" if committees[-10] != "A" else "B") + committees[-9:]
            yield self.of_file(f"{name}: with broken committees", "17", text + broken, {"verdict": "refused"}, False)
        none = proof_file(self.ledger.prove_committees(0))
        for first in (none, committees):
            yield self.of_file("committees twice", "17", first + committees, self.refused("not_canonical"), False)
        state = proof_file(self.ledger.prove_state([(256, asset_key("EUR"))]))
        yield self.of_file("committees first", "17", committees + state, self.refused("not_canonical"), False)

    # Statements that a prover could make of a true history, of which one is good.

    def other_statements(self) -> Iterator[dict]:
        """Rule 22: other starts, ends, prefixes, and steps shown as something else."""
        alpha = ("Account", self.scenario.accounts["alpha"].address)
        ranges = [each for each in self.ranges() if each[0] in (alpha, ("Asset", "GOLD"))]
        for owner, start, end, height in ranges[:: max(1, 10 // max(self.scale, 1))]:
            made = self.ledger.statement(owner, start, end, height, shown="Nothing")
            seen = {mutants.raw(t.STATEMENT, made)}
            expect = self.expected(owner, start, end, height)
            for change, other in self.variants(made):
                encoded = mutants.raw(t.STATEMENT, other)
                if encoded in seen:
                    continue
                seen.add(encoded)
                proof = {"network": self.ledger.network, "body": ("Statement", other)}
                name = f"{self.statement_name(owner, start, end)}: {change}"
                wanted = expect if self.is_canonical(other) else {"verdict": "refused"}
                yield self.of_file(name, "22", proof_file(proof), wanted)

    def variants(self, made: dict) -> Iterator[tuple[str, dict]]:
        """Other statements over the same range."""
        ledger, owner = self.ledger, made["owner"]
        header = made["head"]["header"]
        state = ledger.states[header["height"]]
        history = ledger.histories[owner]
        steps = [step for step in history.steps if step["ordinal"] < header["log_size"]]
        waypoints = [leaf(history.hashes[number]) for number in range(32, len(steps) + 1, 32)]
        start, end = made["from"], made["to"]

        def inner(step: dict) -> tuple:
            return "Passed", tagged("step", t.STEP.write(step))

        key = account_key(owner[1]) if owner[0] == "Account" else asset_key(owner[1])
        leaf_proofs = {bits: state_proof(state, bits, key) for bits in (168, 256)}

        def begin(first: int) -> tuple:
            if first == 0:
                return "Beginning", {"balances": history.start}
            return "Waypoint", {
                "before": history.hashes[first - 1],
                "step": steps[first - 1],
                "balances": history.balances[first - 1],
                "path": audit_path(first // 32 - 1, waypoints),
            }

        def show(step: dict, opened: bool = False) -> tuple:
            if start <= step["timestamp"] < end and not opened:
                entry = history.entries[step["number"] - 1]
                return "Entry", {"step": step, "entry": entry, "shown": ("Nothing", None)}
            return "Opened", step

        total = len(steps)
        for first in range(0, total + 1, 32):
            for last in sorted({total, *range(32, total + 1, 32)}):
                if last < first:
                    continue
                before_end = sum(step["timestamp"] < end for step in steps)
                for opened in sorted({*range(max(first, last - 33), last + 1), before_end, before_end + 1}):
                    likely = opened in (before_end, before_end + 1, last, last - 31)
                    if not first <= opened <= last or (not likely and self.random.random() > self.scale / 1_000):
                        continue
                    items = [show(step) for step in steps[first:opened]] + [inner(step) for step in steps[opened:last]]
                    finish: tuple = ("Last", None)
                    if last < total:
                        finish = "Waypoint", {"path": audit_path(last // 32 - 1, waypoints)}
                    whole = owner[0] == "Account" and finish[0] == "Last" and opened == last
                    other = {**made, "start": begin(first), "items": items, "end": finish}
                    other["leaf"] = leaf_proofs[168 if whole else 256]
                    yield f"from {first}, opened to {opened}, to {last}", other
        yield (
            "the other prefix",
            {
                **made,
                "leaf": leaf_proofs[256 if made["leaf"]["prefix"]["bits"] == 168 else 168],
            },
        )
        for place, (name, item) in enumerate(made["items"]):
            if self.random.random() > self.scale / 500:
                continue
            step = item if name == "Opened" else item["step"] if name == "Entry" else None
            if step is None:
                continue
            rest = made["items"]
            yield f"item {place} passed", {**made, "items": [*rest[:place], inner(step), *rest[place + 1 :]]}
            yield f"item {place} left out", {**made, "items": [*rest[:place], *rest[place + 1 :]]}
            yield f"item {place} twice", {**made, "items": [*rest[: place + 1], *rest[place:]]}
            if name == "Opened":
                entry = {"step": step, "entry": history.entries[step["number"] - 1], "shown": ("Nothing", None)}
                yield (
                    f"item {place} as an entry",
                    {**made, "items": [*rest[:place], ("Entry", entry), *rest[place + 1 :]]},
                )
            if name == "Entry":
                yield f"item {place} opened", {**made, "items": [*rest[:place], ("Opened", step), *rest[place + 1 :]]}
        for other_owner, other_history in ledger.histories.items():
            if other_owner != owner and other_history.steps and made["items"]:
                foreign = other_history.steps[0]
                items = [("Opened", {**foreign, "number": 1}), *made["items"][1:]]
                yield "another owner's step", {**made, "items": items}

    # What a quorum could certify that is false: rules that no hash closes.

    def resealed(self, **changed: Any) -> Ledger:
        """The chain with its last header changed and sealed again."""
        ledger = copy.copy(self.ledger)
        header = {**ledger.headers[-1], **changed}
        ledger.headers = [*ledger.headers[:-1], header]
        return ledger

    def forged(
        self, owner: tuple, change: Callable[[list[dict], list[tuple]], None], start: list | None = None
    ) -> tuple[Ledger, Any]:
        """A chain in which one owner's history is another, with everything above it hashed and sealed again."""
        ledger = copy.copy(self.ledger)
        history = copy.copy(ledger.histories[owner])
        history.steps = copy.deepcopy(history.steps)
        history.entries = copy.deepcopy(history.entries)
        change(history.steps, history.entries)
        history.hashes = history.hashes[:1]
        if start is not None:
            root = mth([leaf(t.BALANCE_ITEM.write(item)) for item in start])
            begun = {"network": ledger.network, "owner": owner, "balances": root}
            history.start = start
            history.hashes = [tagged("history-start", t.HISTORY_START.write(begun))]
        for step in history.steps:
            history.hashes.append(tagged("history", history.hashes[-1] + tagged("step", mutants.raw(t.STEP, step))))
        ledger.histories = {**ledger.histories, owner: history}
        state = dict(ledger.state)
        account = owner[0] == "Account"
        key = account_key(owner[1]) if account else asset_key(owner[1])
        type_ = t.ACCOUNT if account else t.ASSET
        value = {
            **type_.decode(state[key]),
            "entries": len(history.steps),
            "last": history.hashes[-1],
            "waypoints": peaks(history.waypoints),
        }
        state[key] = type_.write(value)
        ledger.states = [*ledger.states[:-1], state]
        header = {**ledger.headers[-1], "state_root": tree(state)}
        ledger.headers = [*ledger.headers[:-1], header]
        return ledger, history

    def forged_statements(self) -> Iterator[dict]:
        """Section 17, Statement, each number, under a head that a quorum sealed."""
        carol = ("Account", self.scenario.carol.address)
        alpha = ("Account", self.scenario.accounts["alpha"].address)
        gold = ("Asset", "GOLD")
        times = [header["timestamp"] for header in self.ledger.headers]

        def set_(place: int, **changed: Any) -> Callable[[list, list], None]:
            def change(steps: list[dict], entries: list[tuple]) -> None:
                steps[place].update(changed)

            return change

        def changes(place: int, edit: Callable[[list], list]) -> Callable[[list, list], None]:
            """Edits the changes of the first (0), second (1) or last (-1) step that has any."""

            def change(steps: list[dict], entries: list[tuple]) -> None:
                step = [step for step in steps if step["changes"]][place]
                step["changes"] = edit(copy.deepcopy(step["changes"]))

            return change

        def more(field: str) -> Callable[[list], list]:
            return lambda found: [{**found[0], field: found[0][field] + 1}, *found[1:]]

        def entry(place: int, **changed: Any) -> Callable[[list, list], None]:
            def change(steps: list[dict], entries: list[tuple]) -> None:
                entries[place] = (entries[place][0], {**entries[place][1], **changed})
                steps[place]["leaf"] = leaf(t.LOG_ENTRY.write(entries[place]))

            return change

        def falls(steps: list[dict], entries: list[tuple]) -> None:
            entry(2, timestamp=START + 1)(steps, entries)
            steps[2]["timestamp"] = START + 1

        def as_recovery(steps: list[dict], entries: list[tuple]) -> None:
            fields = {"height": 1, "timestamp": steps[0]["timestamp"], "document": bytes(32)}
            entries[0] = ("Recovery", fields)
            steps[0]["leaf"] = leaf(t.LOG_ENTRY.write(entries[0]))

        def failed(steps: list[dict], entries: list[tuple]) -> None:
            entry(0, outcome=("Failed", {"code": 3, "operation": 0}))(steps, entries)

        def number_of(place: int, value: int) -> Callable[[list, list], None]:
            return set_(place, number=value)

        twice = changes(0, lambda found: [found[0], found[0]])
        nothing = {"asset": "AAA", "free_before": 0, "free_after": 0, "held_before": 0, "held_after": 0}
        idle = changes(0, lambda found: [nothing, *found])
        early = (START, times[7])
        cases: list[tuple[str, str, tuple, Callable, str, tuple | None]] = [
            ("a number too high", "22.3", carol, number_of(3, 9), "gap", None),
            ("a number twice", "22.3", carol, number_of(3, 3), "gap", None),
            ("an ordinal that falls", "22.3", carol, set_(3, ordinal=0), "gap", None),
            ("an ordinal twice", "22.3", carol, set_(1, ordinal=0), "gap", None),
            ("a time that falls", "22.3", carol, falls, "gap", None),
            ("an entry of another time", "22.4", carol, set_(0, timestamp=START + 10), "other_leaf", None),
            ("an entry of another leaf", "22.4", carol, set_(0, leaf=bytes(32)), "other_leaf", None),
            ("a recovery as an entry", "22.4", carol, as_recovery, "other_leaf", None),
            ("a failed one with changes", "22.4", carol, failed, "other_leaf", None),
            ("another free before", "22.6", carol, changes(0, more("free_before")), "bad_replay", None),
            ("another held before", "22.6", carol, changes(0, more("held_before")), "bad_replay", None),
            ("another free after", "22.6", carol, changes(0, more("free_after")), "bad_replay", None),
            ("another free after at the end", "22.6", carol, changes(-1, more("free_after")), "bad_balances", None),
            ("another held after at the end", "22.6", carol, changes(-1, more("held_after")), "bad_balances", None),
            ("a change twice", "22.6", carol, twice, "bad_replay", None),
            ("a change of nothing", "22.6", carol, idle, "bad_replay", None),
            ("changes not ascending", "22.6", carol, changes(1, lambda found: found[::-1]), "bad_replay", None),
            ("a change left out", "22.6", carol, changes(1, lambda found: found[1:]), "bad_balances", None),
            ("a root in a step without", "22.6", carol, set_(2, balances=bytes(32)), "bad_balances", None),
            ("no root in step 32", "22.6", alpha, set_(31, balances=None), "bad_balances", None),
            ("another root in step 64", "22.6", alpha, set_(63, balances=bytes(32)), "bad_balances", None),
            (
                "a supply of another asset",
                "13",
                gold,
                changes(0, lambda f: [{**f[0], "asset": "OIL"}]),
                "bad_replay",
                early,
            ),
            ("a supply that is held", "13", gold, changes(0, more("held_after")), "bad_replay", early),
            ("another supply at the end", "22.6", gold, changes(-1, more("free_after")), "bad_balances", None),
        ]
        for name, rule, owner, change, code, span in cases:
            ledger, _ = self.forged(owner, change)
            start, end = span or (START, times[-1])
            statement = ledger.statement(owner, start, end, shown="Nothing")
            proof = {"network": ledger.network, "body": ("Statement", statement)}
            yield self.of_file(f"forged: {name}", rule, proof_file(proof), self.refused(code))
        proof = self.ledger.prove_statement(carol, START, times[-1], shown="Nothing")
        last = max(item["step"]["ordinal"] for name, item in proof["body"][1]["items"] if name == "Entry")
        ledger = self.resealed(log_size=last)
        mutant = mutants.replaced(proof, ("body", "Statement", "head"), ledger.head())
        yield self.of_file("forged: an ordinal beyond the log", "22.3", proof_file(mutant), self.refused("gap"))
        yield from self.forged_starts(carol)
        yield from self.starts_and_ends()
        yield from self.beside()
        # A waypoint whose balances are others than the replay's, seen from the waypoint on.
        ledger, _ = self.forged(alpha, set_(31, balances=bytes(32)))
        steps = ledger.histories[alpha].steps
        start = next(step["timestamp"] for step in steps if step["timestamp"] > steps[31]["timestamp"])
        assert start <= steps[63]["timestamp"]
        proof = ledger.prove_statement(alpha, start, start + 1, shown="Nothing")
        yield self.of_file("forged: a waypoint before", "22.2", proof_file(proof), self.refused("bad_balances"))
        ledger, _ = self.forged(carol, lambda steps, entries: None)
        proof = ledger.prove_statement(carol, START, times[-1])
        yield self.of_file("forged: nothing changed", "22", proof_file(proof), {"verdict": "proven"})

    def forged_starts(self, owner: tuple) -> Iterator[dict]:
        """Section 17, Statement 1 and 2: beginnings that are hashed and sealed, and not good."""
        start = self.ledger.histories[owner].start
        end = self.ledger.headers[-1]["timestamp"]
        empty = {"asset": "AAA", "free": 0, "held": 0}
        assert len(start) > 1
        for name, balances in (("not ascending", start[::-1]), ("with an empty one", [empty, *start])):
            ledger, _ = self.forged(owner, lambda steps, entries: None, balances)
            proof = ledger.prove_statement(owner, START, end, shown="Nothing")
            yield self.of_file(
                f"forged: first balances {name}", "22.2", proof_file(proof), self.refused("bad_balances")
            )
        alpha = ("Account", self.scenario.accounts["alpha"].address)
        ledger = self.with_state({account_key(alpha[1]): None})
        ledger.histories = {each: history for each, history in ledger.histories.items() if each != alpha}
        proof = ledger.prove_statement(alpha, START, end)
        yield self.of_file("forged: balances without an account", "22.1", proof_file(proof), self.refused("other_leaf"))
        for name, first, last in (("empty", START + 5, START + 5), ("the wrong way round", START + 5_000, START + 5)):
            proof = self.ledger.prove_statement(alpha, first, last, shown="Nothing")
            yield self.of_file(
                f"a range that is {name}", "17 Statement", proof_file(proof), self.refused("not_complete")
            )
        proof = self.ledger.prove_statement(alpha, end + 5, end + 9)
        yield self.of_file("a range after the head", "22.7", proof_file(proof), self.refused("not_complete"))
        yield from self.exact_ends()

    def starts_and_ends(self) -> Iterator[dict]:
        """Section 17, Statement 1, 2 and 5: what cannot be a start, and steps of which none is opened."""
        ledger = self.ledger
        carol = ("Account", self.scenario.carol.address)
        alpha = ("Account", self.scenario.accounts["alpha"].address)
        times = [header["timestamp"] for header in ledger.headers]

        def made(name: str, statement: dict, **changed: Any) -> dict:
            proof = {"network": ledger.network, "body": ("Statement", {**statement, **changed})}
            code = "other_leaf" if "owner" in name else "not_complete"
            return self.of_file(f"a statement {name}", "22", proof_file(proof), self.refused(code))

        nobody = ledger.statement(("Account", bytes(20)), times[3], times[4])
        item = {"asset": "EUR", "free": 1, "held": 0}
        yield made("of an owner that is not there, with balances", nobody, start=("Beginning", {"balances": [item]}))
        late = ledger.statement(alpha, times[-2], times[-1], shown="Nothing")
        assert late["start"][0] == "Waypoint"
        yield made("of an owner that is not there, with a waypoint", nobody, start=late["start"])
        fields = late["start"][1]
        step = {**fields["step"], "number": fields["step"]["number"] - 1}
        yield made("from a step that is no waypoint", late, start=("Waypoint", {**fields, "step": step}))
        whole = ledger.statement(carol, START, times[-1], shown="Nothing")
        leaf_ = state_proof(ledger.state, 256, account_key(carol[1]))
        passed = [("Passed", tagged("step", t.STEP.write(step))) for step in ledger.histories[carol].steps]
        assert 0 < len(passed) < 32
        yield made("of which all is passed", whole, items=passed, leaf=leaf_)
        waypoint = ("Waypoint", {"path": []})
        yield made("that ends before it begins", whole, items=[], leaf=leaf_, end=waypoint)

    def beside(self) -> Iterator[dict]:
        """Section 17, Statement 8: what stands beside, and what is shown twice."""
        ledger, scenario = self.ledger, self.scenario
        alpha = scenario.accounts["alpha"].address
        times = [header["timestamp"] for header in ledger.headers]
        eur, gold = (256, asset_key("EUR")), (256, asset_key("GOLD"))
        own, account = (256, account_key(alpha)), (168, account_key(alpha))
        kinds = {number: (8, bytes([number]) + bytes(31)) for number in (0x01, 0x03, 0x06, 0x11)}
        middle, end = (times[7], times[9]), (times[-3], times[-1] + 1)
        refused, proven = self.refused("not_canonical"), {"verdict": "accepted"}
        cases: list[tuple[str, tuple, list, dict]] = [
            ("holds", end, [(168, b"\x02" + alpha + bytes(11))], proven),
            ("all members and an asset", middle, [eur, kinds[6]], proven),
            ("an asset and all assets", middle, [eur, kinds[3]], refused),
            ("its own leaf", middle, [own], refused),
            ("the whole account, whose leaf it has", middle, [account], refused),
            ("its own leaf under the whole account", end, [own], refused),
            ("a balance of the account", end, [(256, balance_key(alpha, "BOND"))], refused),
            ("a balance that its leaf does not show", middle, [(256, balance_key(alpha, "BOND"))], proven),
            ("all accounts", middle, [kinds[1]], refused),
            ("another account", end, [(168, account_key(scenario.carol.address))], proven),
            ("16 bits", middle, [(16, b"\x03\x27" + bytes(30))], refused),
            ("168 bits of an asset", middle, [(168, asset_key("EUR")[:21] + bytes(11))], refused),
            ("a kind that is not there", middle, [kinds[0x11]], refused),
        ]
        for name, (start, stop), wanted, expect in cases:
            proof = ledger.prove_statement(("Account", alpha), start, stop, beside=wanted, shown="Nothing")
            bits = 168 if (start, stop) == end else 256
            assert proof["body"][1]["leaf"]["prefix"]["bits"] == bits
            yield self.of_file(f"beside: {name}", "17 Statement 8", proof_file(proof), expect)
        proof = ledger.prove_statement(("Account", alpha), *middle, beside=[eur, gold], shown="Nothing")
        swapped = proof["body"][1]["beside"][::-1]
        mutant = mutants.replaced(proof, ("body", "Statement", "beside"), swapped)
        yield self.of_file("beside: not ascending", "17 Statement 8", proof_file(mutant), refused)

        # An erasure says what was erased, and whether that was before anybody need have seen it.
        fork = ledger.fork()
        carol = scenario.carol.address
        pay = (0, "Transfer", {"to": carol, "asset": "EUR", "amount": 1})
        memo, field = ("Memo", None), ("Operation", {"index": 0, "field": 0})
        signer = scenario.accounts["alpha"]
        unseen = fork.transaction([signer], [pay], [signer], texts=[(memo, b"never seen"), (field, b"seen")])

        def erase(place: tuple) -> dict:
            fields = {"intent": t.INTENT.write(unseen["intent"]), "places": [place]}
            return fork.transaction([signer], [(0, "Erase", fields)], [signer])

        fork.block([(0, [erase(memo), unseen, erase(field)])])
        wanted = [(256, erasure_key(scenario.id_of(unseen)))]
        start = fork.headers[-1]["timestamp"]
        proof = fork.prove_statement(("Account", alpha), start, start + 1, beside=wanted, shown="Nothing")
        places = ["Memo", {"Operation": {"index": 0, "field": 0}}]
        erased = {"erased": places, "erased_before_execution": places[:1]}
        facts = {"entries": [{}, erased, {}]}
        expect = {"verdict": "complete_up_to", "facts": facts}
        yield self.of_file("beside: an erasure before the transaction", "4", proof_file(proof), expect)

    def exact_ends(self) -> Iterator[dict]:
        """Histories that end with a waypoint: `Last` is their end, and not that waypoint."""
        for owner, history in self.ledger.histories.items():
            for height, header in enumerate(self.ledger.headers, 1):
                count = sum(step["ordinal"] < header["log_size"] for step in history.steps)
                if not count or count % 32:
                    continue
                head = header["timestamp"]
                proof = self.ledger.prove_statement(owner, head, head + 1, height, shown="Nothing")
                body = proof["body"][1]
                assert body["end"] == ("Last", None)
                expect = self.expected(owner, head, head + 1, height)
                yield self.of_file("a history that ends with a waypoint", "22.5", proof_file(proof), expect)
                waypoints = [leaf(history.hashes[number]) for number in range(32, count + 1, 32)]
                path = audit_path(count // 32 - 1, waypoints)
                state = self.ledger.states[height]
                key = account_key(owner[1]) if owner[0] == "Account" else asset_key(owner[1])
                other = {**body, "end": ("Waypoint", {"path": path}), "leaf": state_proof(state, 256, key)}
                mutant = {**proof, "body": ("Statement", other)}
                yield self.of_file("a last waypoint for the end", "22.5", proof_file(mutant), {"verdict": "refused"})

    def not_executed(self) -> Iterator[dict]:
        """Section 17, NotExecuted: what is not one."""
        ledger, scenario = self.ledger, self.scenario
        never = scenario.never["intent"]
        good = ledger.prove_not_executed(never)
        body = good["body"][1]
        statement = body["statement"]

        def made(name: str, changed: dict, code: str | None) -> dict:
            proof = {**good, "body": ("NotExecuted", {**body, **changed})}
            expect = self.refused(code) if code else {"verdict": "refused"}
            return self.of_file(f"not executed: {name}", "17 NotExecuted", proof_file(proof), expect)

        def over(owner: bytes, start: int, end: int) -> dict:
            return {"statement": ledger.statement(("Account", owner), start, end, shown="Nothing")}

        first, start, end = never["parties"][0], statement["from"], statement["to"]
        yield made("of another's statement", over(scenario.dave.address, start, end), "not_complete")
        yield made("from a millisecond later", over(first, start + 1, end), "not_complete")
        yield made("to a millisecond earlier", over(first, start, end - 1), "not_complete")
        yield made("from a millisecond earlier", over(first, start - 1, end), "not_complete")
        yield made("of another network", {"intent": {**never, "network": bytes(32)}}, "other_network")
        act = never["operations"][0]
        fields = act["operation"][1]
        beyond = ("Operation", {"index": 1, "field": 0})
        erased = t.INTENT.write({**never, "texts": {"places": [("Memo", None)], "root": bytes(32)}})
        other_place = {"intent": erased, "places": [beyond]}
        for name, changed in (
            ("an amount of 0", {"operations": [{**act, "operation": ("Transfer", {**fields, "amount": 0})}]}),
            ("a party that is not there", {"operations": [{**act, "party": 1}]}),
            ("a party twice", {"parties": [first, first]}),
            ("a place that is not legal", {"texts": {"places": [beyond], "root": bytes(32)}}),
            ("an erasure of another's place", {"operations": [{**act, "operation": ("Erase", other_place)}]}),
        ):
            yield made(f"of {name}", {"intent": {**never, **changed}}, "other_leaf")
        shown = ledger.statement(("Account", first), start, end, shown="Intent")
        assert any(name == "Entry" for name, _ in shown["items"])
        yield made("with others' intents", {"statement": shown}, "not_canonical")
        beside = ledger.statement(("Account", first), start, end, beside=[(256, asset_key("EUR"))], shown="Nothing")
        yield made("with something beside", {"statement": beside}, "not_canonical")
        counters = state_proof(ledger.state, 256, single_key(3))
        yield made("by another leaf", {"agreement": counters}, "other_leaf")
        early = ledger.prove_not_executed(never, 12)
        yield self.of_file(
            "not executed: before it expires", "17 NotExecuted", proof_file(early), self.refused("not_complete")
        )
        for name in ("against", "failed"):
            intent = ledger.shown[scenario.ids[name]]["intent"]
            proof = ledger.prove_not_executed(intent)
            yield self.of_file(
                f"not executed: {name}, which was", "17 NotExecuted", proof_file(proof), self.refused("not_complete")
            )
        forged = self.with_state({single_key(2): None})
        absent = {
            "intent": never,
            "agreement": state_proof(forged.states[-1], 256, single_key(2)),
            "statement": forged.statement(("Account", first), start, end, shown="Nothing"),
        }
        proof = {**good, "body": ("NotExecuted", absent)}
        yield self.of_file("forged: no agreement", "17 NotExecuted", proof_file(proof), self.refused("other_leaf"))

    def with_state(self, changed: dict[bytes, bytes | None]) -> Ledger:
        """The chain with leaves of its last state changed, and the header above it sealed again."""
        ledger = copy.copy(self.ledger)
        state = {key: value for key, value in {**ledger.state, **changed}.items() if value is not None}
        ledger.states = [*ledger.states[:-1], state]
        ledger.headers = [*ledger.headers[:-1], {**ledger.headers[-1], "state_root": tree(state)}]
        return ledger

    def hidden_leaves(self) -> Iterator[dict]:
        """Section 12: a part of what lies under a prefix for the whole, and a neighbour for what is absent."""
        state = self.ledger.state
        for bits, key in ((8, b"\x03" + bytes(31)), (8, b"\x06" + bytes(31)), (8, b"\x01" + bytes(31))):
            proof = self.ledger.prove_state([(bits, key)])
            whole = proof["body"][1]["leaves"][0]
            under = {each["key"]: each["value"] for each in whole["found"][1]}
            keys = sorted(under)
            parting = 256 - (int.from_bytes(keys[0], "big") ^ int.from_bytes(keys[-1], "big")).bit_length()
            zeros = [each for each in keys if not int.from_bytes(each, "big") >> 255 - parting & 1]
            step = {"depth": parting, "sibling": tree({each: under[each] for each in keys if each not in zeros})}
            part = {
                **whole,
                "path": [*whole["path"], step],
                "found": ("Leaves", [{"key": each, "value": under[each]} for each in zeros]),
            }
            mutant = {**proof, "body": ("State", {**proof["body"][1], "leaves": [part]})}
            yield self.of_file(
                f"half of what begins with {key[:1].hex()}", "12", proof_file(mutant), self.refused("bad_path")
            )
        absent = self.ledger.prove_state([(256, asset_key("NONE"))])
        other = absent["body"][1]["leaves"][0]["found"][1]["key"]
        shown = ("Leaves", [{"key": other, "value": state[other]}])
        mutant = mutants.replaced(absent, ("body", "State", "leaves", 0, "found"), shown)
        yield self.of_file("another leaf for an absent one", "12", proof_file(mutant), self.refused("bad_path"))
        two = self.ledger.prove_state([(256, asset_key("EUR")), (256, asset_key("GOLD"))])
        for name, leaves in (
            ("not ascending", two["body"][1]["leaves"][::-1]),
            ("twice", two["body"][1]["leaves"][:1] * 2),
        ):
            mutant = mutants.replaced(two, ("body", "State", "leaves"), leaves)
            yield self.of_file(f"prefixes {name}", "17 State", proof_file(mutant), self.refused("not_canonical"))

    def shown_recoveries(self) -> Iterator[dict]:
        """A recovery's entry under a head that a quorum sealed: nothing can be shown of it."""
        ledger = copy.copy(self.ledger)
        last = ledger.headers[-1]
        fields = {"height": 29, "timestamp": last["timestamp"], "document": sha256(b"document").digest()}
        ledger.log = [*ledger.log, ("Recovery", fields)]
        ledger.log_hashes = [*ledger.log_hashes, leaf(t.LOG_ENTRY.write(ledger.log[-1]))]
        size = len(ledger.log)
        ledger.headers = [*ledger.headers[:-1], {**last, "log_size": size, "log_root": mth(ledger.log_hashes)}]
        proof = ledger.prove_transaction(size - 1)
        expect = {"verdict": "proven", "facts": {"kind": "recovery", "document": fields["document"].hex()}}
        yield self.of_file("a recovery's entry", "17 Transaction", proof_file(proof), expect)
        shown = ("Intent", {"intent": self.scenario.never["intent"], "texts": ("Nothing", None)})
        mutant = mutants.replaced(proof, ("body", "Transaction", "shown"), shown)
        refused = self.refused("not_canonical")
        yield self.of_file("a recovery's entry with an intent", "17 Shown", proof_file(mutant), refused)
        block = ledger.prove_block(29)
        body = block["body"][1]
        mutant = {**block, "body": ("Block", {**body, "shown": [shown] * len(body["entries"])})}
        yield self.of_file(
            "a recovery in a block with an intent", "17 Shown", proof_file(mutant), {"verdict": "refused"}
        )

    def forged_heads(self) -> Iterator[dict]:
        """Sections 12 and 17 under heads that a quorum sealed: leaves, entries and blocks that no rule allows."""
        alpha = self.scenario.accounts["alpha"].address
        carol = self.scenario.carol.address

        account = t.ACCOUNT.decode(self.ledger.state[account_key(carol)])
        hold_ref = {
            "owner": alpha,
            "transaction": bytes(32),
            "operation": 0,
            "beneficiary": carol,
            "asset": "EUR",
            "amount": 1,
            "until": 5,
            "condition": {"need": 1, "leaves": [("From", 1)]},
        }
        rich = t.ACCOUNT.decode(self.ledger.state[account_key(alpha)])
        inline = rich["balances"]
        assert len(inline) > 1
        empty = {"asset": "AAA", "free": 0, "held": 0, "incoming": 0}
        values: list[tuple[str, bytes, bytes]] = [
            ("another's account", account_key(alpha), t.ACCOUNT.write(account)),
            ("a balance under an account's key", account_key(carol), self.ledger.state[balance_key(alpha, "BOND")]),
            ("another's balance", balance_key(carol, "BOND"), self.ledger.state[balance_key(alpha, "BOND")]),
            ("an asset under another code", asset_key("NEW"), self.ledger.state[asset_key("EUR")]),
            ("a hold under another key", hold_key(alpha, bytes(32), 1), t.HOLD.write(hold_ref)),
            ("a hold of another owner", hold_key(carol, bytes(32), 0), t.HOLD.write(hold_ref)),
            ("a member under another number", member_key(7), self.ledger.state[member_key(0)]),
            ("trailing bytes in a value", asset_key("EUR"), self.ledger.state[asset_key("EUR")] + b"\x00"),
            ("an empty value", asset_key("EUR"), b""),
            (
                "too many waypoints' subtrees",
                account_key(carol),
                mutants.raw(t.ACCOUNT, {**account, "waypoints": [bytes(32)] * 3}),
            ),
            (
                "balances not ascending",
                account_key(alpha),
                mutants.raw(t.ACCOUNT, {**rich, "balances": inline[::-1]}),
            ),
            (
                "an empty balance",
                account_key(alpha),
                mutants.raw(t.ACCOUNT, {**rich, "balances": [empty, *inline]}),
            ),
            (
                "a balance twice in an account",
                account_key(alpha),
                mutants.raw(t.ACCOUNT, {**rich, "balances": [inline[0], *inline]}),
            ),
            ("a leaf of no kind", b"\x11" + bytes(31), b"\x00"),
            ("a fifth single leaf", b"\x10\x04" + bytes(30), b"\x00"),
            ("filler in a member's key", b"\x06" + bytes(30) + b"\x01", self.ledger.state[member_key(0)]),
        ]
        for name, key, value in values:
            ledger = self.with_state({key: value})
            proof = ledger.prove_state([(256, key)])
            code = "not_canonical" if key[0] == 0x11 else "other_leaf"
            yield self.of_file(f"forged: {name}", "12", proof_file(proof), self.refused(code))

        bond = t.BALANCE.decode(self.ledger.state[balance_key(alpha, "BOND")])
        double = {name: bond[name] for name in ("asset", "free", "held", "incoming")}
        rest = [item for item in inline if item["asset"] != "OIL"][:3]
        both = sorted([*rest, double], key=lambda each: each["asset"])
        for name, changed in (
            ("balances without their account", {account_key(alpha): None}),
            ("a code in two leaves", {account_key(alpha): t.ACCOUNT.write({**rich, "balances": both})}),
        ):
            proof = self.with_state(changed).prove_state([(168, account_key(alpha))])
            yield self.of_file(f"forged: {name}", "12", proof_file(proof), self.refused("other_leaf"))
            proof = self.with_state(changed).prove_state([(256, balance_key(alpha, "BOND"))])
            yield self.of_file(f"forged: {name}, one of them", "12", proof_file(proof), {"verdict": "proven"})

        governed = governed_state(self.scenario)
        ledger = self.with_state(governed)
        for place, key in enumerate(sorted(governed)):
            expect = {"verdict": "proven", "facts": {"state": [{"leaves": [{"key": key.hex()}]}]}}
            yield self.of_file(
                f"governance, leaf {place}", "12, 15", proof_file(ledger.prove_state([(256, key)])), expect
            )
            value = governed[key]
            for change, mutant in mutants.of_bytes(value, self.random, 6):
                ledger_of = self.with_state({key: mutant})
                proof = proof_file(ledger_of.prove_state([(256, key)]))
                # Whether a mutant of a value is another value of the same key only its type says.
                yield self.of_file(f"governance, leaf {place}: {change}", "12, 15", proof, {"verdict": "either"})

        key = asset_key("EUR")
        shapes = [
            ("no bits", 0, bytes(32)),
            ("16 bits", 16, b"\x03\x27" + bytes(30)),
            ("168 bits of an asset", 168, key[:21] + bytes(11)),
            ("255 bits", 255, key[:31] + bytes([key[31] & 0xFE])),
            ("257 bits", 257, key),
            ("kind 00", 8, bytes(32)),
            ("kind 11", 8, b"\x11" + bytes(31)),
        ]
        for name, bits, prefix in shapes:
            proof = self.ledger.prove_state([(min(bits, 256), prefix)])
            proof["body"][1]["leaves"][0]["prefix"]["bits"] = bits
            yield self.of_file(f"a prefix of {name}", "17 State", proof_file(proof), self.refused("not_canonical"))
        proof = self.ledger.prove_state([(8, b"\x03" + bytes(31))])
        other = mutants.replaced(proof, ("body", "State", "leaves", 0, "prefix", "key"), b"\x03" + bytes(30) + b"\x01")
        yield self.of_file("bits after the prefix", "12", proof_file(other), self.refused("not_canonical"))
        for place, which in ((0, "first"), (-1, "last")):
            leaves = list(proof["body"][1]["leaves"][0]["found"][1])
            leaves.pop(place)
            other = mutants.replaced(proof, ("body", "State", "leaves", 0, "found"), ("Leaves", leaves))
            yield self.of_file(f"the {which} asset left out", "12", proof_file(other), self.refused("bad_path"))
        absent = self.ledger.prove_state([(256, asset_key("NONE"))])
        present = self.ledger.prove_state([(256, key)])["body"][1]["leaves"][0]
        lie = mutants.replaced(absent, ("body", "State", "leaves", 0, "prefix", "key"), key)
        yield self.of_file("an asset said to be absent", "12", proof_file(lie), self.refused("bad_path"))
        digest = sha256(b"\x04" + present["found"][1][0]["value"]).digest()
        lie = mutants.replaced(
            self.ledger.prove_state([(256, key)]),
            ("body", "State", "leaves", 0, "found"),
            ("Other", {"key": key, "value": digest}),
        )
        yield self.of_file("the leaf itself as another", "12", proof_file(lie), self.refused("bad_path"))
        empty_proof = mutants.replaced(absent, ("body", "State", "leaves", 0, "found"), ("Empty", None))
        yield self.of_file("a state said to be empty", "12", proof_file(empty_proof), self.refused("bad_path"))
        ledger = copy.copy(self.ledger)
        ledger.states = [*ledger.states[:-1], {}]
        ledger.headers = [*ledger.headers[:-1], {**ledger.headers[-1], "state_root": bytes(32)}]
        proof = ledger.prove_state([(256, key)])
        yield self.of_file("forged: an empty state", "12", proof_file(proof), {"verdict": "proven"})

        # Entries and blocks.
        for name, changed, code in (
            ("later than the head", {"height": 30}, "other_leaf"),
            ("of a later time", {"timestamp": self.ledger.time + 1}, "other_leaf"),
        ):
            ledger = copy.copy(self.ledger)
            entry = ("Transaction", {**ledger.log[-1][1], **changed})
            ledger.log = [*ledger.log[:-1], entry]
            ledger.log_hashes = [*ledger.log_hashes[:-1], leaf(t.LOG_ENTRY.write(entry))]
            ledger.headers = [*ledger.headers[:-1], {**ledger.headers[-1], "log_root": mth(ledger.log_hashes)}]
            proof = ledger.prove_transaction(len(ledger.log) - 1, shown="Nothing")
            yield self.of_file(f"forged: an entry {name}", "17 Transaction", proof_file(proof), self.refused(code))
        yield from self.forged_blocks()

    def illegal_texts(self) -> Iterator[dict]:
        """Texts that were executed though they are not legal, shown: no honest quorum orders them."""
        alpha, carol = self.scenario.accounts["alpha"], self.scenario.carol
        ledger = self.ledger.fork()
        pay = (0, "Transfer", {"to": carol.address, "asset": "EUR", "amount": 1})
        memo = ("Memo", None)
        cases = [
            ("refused code points", b"a\xe2\x80\xaeb"),
            ("no UTF-8", b"\xff"),
            ("257 bytes", b"x" * 257),
            ("nothing", b""),
        ]
        transactions = [ledger.transaction([alpha], [pay], [alpha], texts=[(memo, text)]) for _, text in cases]
        field = ("Operation", {"index": 0, "field": 0})
        transactions += [
            ledger.transaction([alpha], [pay], [alpha], texts=[(memo, text), (field, b"x")]) for _, text in cases
        ]
        nowhere = ("Operation", {"index": 0, "field": 1})
        transactions.append(ledger.transaction([alpha], [pay], [alpha], texts=[(nowhere, b"x")]))
        ledger.block([(0, transactions)])
        first = self.ledger.headers[-1]["log_size"]
        two = first + len(cases)
        alone = ledger.prove_transaction(two, texts=1)
        part = mutants.at(alone, ("body", "Transaction", "shown", "Transaction", "texts", "Alone"))
        for name, changed in (
            ("at another place", {"index": 0}),
            ("beyond the last place", {"index": 2}),
            ("by another path", {"path": [bytes(32)]}),
            ("by a longer path", {"path": [*part["path"], bytes(32)]}),
            ("with another salt", {"text": {**part["text"], "salt": bytes(16)}}),
        ):
            texts = ("Alone", {**part, **changed})
            mutant = mutants.replaced(alone, ("body", "Transaction", "shown", "Transaction", "texts"), texts)
            yield self.of_file(f"a text alone {name}", "17 Shown", proof_file(mutant), self.refused("bad_text"))
        proof = ledger.prove_transaction(two + len(cases))
        yield self.of_file("a text at an illegal place", "4, 17 Shown", proof_file(proof), self.refused("bad_text"))
        for place, (name, _) in enumerate(cases):
            for ordinal, texts in ((first + place, "All"), (first + len(cases) + place, 0)):
                proof = ledger.prove_transaction(ordinal, texts=texts)
                yield self.of_file(
                    f"a shown text of {name}", "4, 17 Shown", proof_file(proof), self.refused("bad_text")
                )
            proof = ledger.prove_transaction(first + place, texts="Nothing")
            yield self.of_file(f"a text of {name}, not shown", "17 Shown", proof_file(proof), {"verdict": "proven"})
        yield from self.forms_of_shown()

    def forms_of_shown(self) -> Iterator[dict]:
        """Section 17, Shown: one form for what is shown, and only good signatures."""
        alpha, carol = self.scenario.accounts["alpha"], self.scenario.carol
        ledger = self.ledger.fork()
        pay = (0, "Transfer", {"to": carol.address, "asset": "EUR", "amount": 1})
        small = b"\x01" + bytes(31)
        stranger = tagged("address", b"\x00" + small)[:20]
        bare = ledger.transaction([alpha], [pay], [alpha])
        single = ledger.transaction([alpha], [pay], [alpha], texts=[(("Memo", None), b"one text")])
        bad = ledger.transaction([alpha], [pay], [alpha])
        kind, fields = bad["signatures"][0]
        bad["signatures"][0] = kind, {**fields, "signature": fields["signature"][:63] + b"\x00"}
        anybody = ledger.transaction([stranger], [pay], [])
        anybody["signatures"] = [("Ed25519", {"key": small, "signature": small + bytes(32)})]
        ledger.block([(0, [bare, single, bad, anybody])])
        first = self.ledger.headers[-1]["log_size"]
        for name, ordinal in (("a bad signature", first + 2), ("a signature of a key of small order", first + 3)):
            proof = ledger.prove_transaction(ordinal)
            yield self.of_file(f"{name}, shown", "17 Shown", proof_file(proof), self.refused("bad_signature"))
            proof = ledger.prove_transaction(ordinal, shown="Intent")
            yield self.of_file(f"{name}, not shown", "17 Shown", proof_file(proof), {"verdict": "proven"})
        proof = ledger.prove_transaction(first)
        more = key_signatures([alpha, carol], "transaction", t.INTENT.write(bare["intent"]))
        others = ("body", "Transaction", "shown", "Transaction", "transaction", "signatures")
        mutant = mutants.replaced(proof, others, more)
        yield self.of_file("other good signatures, shown", "17 Shown", proof_file(mutant), self.refused("other_leaf"))
        text = ledger.texts[self.scenario.id_of(single)][0]
        alone = ("Alone", {"index": 0, "text": text, "path": []})
        for shown in ("Intent", "Transaction"):
            for name, ordinal, texts, expect in (
                ("a single text", first + 1, ("All", [("Shown", text)]), {"verdict": "proven"}),
                (
                    "a single text withheld",
                    first + 1,
                    ("All", [("Withheld", {"leaf": single["intent"]["texts"]["root"]})]),
                    {"verdict": "proven"},
                ),
                ("a single text alone", first + 1, alone, self.refused("not_canonical")),
                ("all texts of none", first, ("All", []), self.refused("not_canonical")),
                ("one text of none", first, alone, self.refused("not_canonical")),
            ):
                proof = ledger.prove_transaction(ordinal, shown=shown)
                mutant = mutants.replaced(proof, ("body", "Transaction", "shown", shown, "texts"), texts)
                yield self.of_file(f"{shown}: {name}", "17 Shown", proof_file(mutant), expect)

    def forged_blocks(self) -> Iterator[dict]:
        """Rule 15 under heads that a quorum sealed."""

        def block(height: int, edit: Callable[[list], list]) -> dict:
            ledger = copy.copy(self.ledger)
            size = ledger.headers[height - 2]["log_size"]
            entries = edit(copy.deepcopy(ledger.log[size : ledger.headers[height - 1]["log_size"]]))
            log = [*ledger.log[:size], *entries]
            ledger.log = log
            ledger.log_hashes = [leaf(t.LOG_ENTRY.write(entry)) for entry in log]
            header = {**ledger.headers[height - 1], "log_size": len(log), "log_root": mth(ledger.log_hashes)}
            ledger.headers = [*ledger.headers[: height - 1], header]
            return ledger.prove_block(height)

        def changed(place: int, **fields: Any) -> Callable[[list], list]:
            def edit(entries: list) -> list:
                entries[place] = (entries[place][0], {**entries[place][1], **fields})
                return entries

            return edit

        recovery = {"height": 9, "timestamp": self.ledger.headers[8]["timestamp"], "document": bytes(32)}
        cases = [
            ("of another height", changed(1, height=8), "other_leaf"),
            ("of another time", changed(1, timestamp=START), "other_leaf"),
            ("of one position", changed(1, position=0), "gap"),
            ("whose positions fall", lambda entries: [entries[1], entries[0], *entries[2:]], "gap"),
            ("with a recovery that is not first", lambda entries: [*entries, ("Recovery", recovery)], "gap"),
        ]
        for name, edit, code in cases:
            yield self.of_file(f"forged: entries {name}", "15", proof_file(block(9, edit)), self.refused(code))
        good = block(9, lambda entries: [("Recovery", recovery), *entries])
        yield self.of_file("forged: a recovery first", "15", proof_file(good), {"verdict": "proven"})
        intent = ("Intent", {"intent": self.scenario.never["intent"], "texts": ("Nothing", None)})
        rest = [("Nothing", None)] * (len(good["body"][1]["entries"]) - 1)
        lie = mutants.replaced(good, ("body", "Block", "shown"), [intent, *rest])
        refused = self.refused("not_canonical")
        yield self.of_file("forged: a recovery with an intent", "17 Block", proof_file(lie), refused)
        proof = self.ledger.prove_block(9)
        body = proof["body"][1]
        first = self.ledger.prove_block(1)["body"][1]
        shown = self.ledger.prove_block(9, True)["body"][1]
        count = len(body["entries"])
        lone = {**body, "shown": [*shown["shown"][:1], *[("Nothing", None)] * (count - 1)]}
        proof = {"network": self.ledger.network, "body": ("Block", lone)}
        yield self.of_file("block with one of all shown", "17 Block", proof_file(proof), {"verdict": "proven"})
        bad = [
            ("without the header before", {**body, "before": None}, "bad_path"),
            ("with a header further back", {**body, "before": self.ledger.headers[6]}, "bad_path"),
            ("that leaves the first entry to the log before", self.shifted(body), "bad_path"),
            ("without its last entry", {**body, "entries": body["entries"][:-1]}, "gap"),
            ("with an entry twice", {**body, "entries": [*body["entries"], body["entries"][-1]]}, "gap"),
            ("with one shown", {**body, "shown": shown["shown"][:1]}, "not_canonical"),
            ("with all but one shown", {**body, "shown": shown["shown"][:-1]}, "not_canonical"),
            ("with nothing shown of each", {**body, "shown": [("Nothing", None)] * count}, "not_canonical"),
            ("1 with a header before", {**first, "before": self.ledger.headers[0]}, "bad_path"),
            (
                "1 with a log before",
                {**first, "log": {"length": 1, "subtrees": [self.ledger.log_hashes[0]]}},
                "bad_path",
            ),
        ]
        for name, changed_body, code in bad:
            mutant = {"network": self.ledger.network, "body": ("Block", changed_body)}
            yield self.of_file(f"block {name}", "15", proof_file(mutant), self.refused(code))

    def shifted(self, body: dict) -> dict:
        """A block's proof whose first entry is taken for one of the log before."""
        size = body["log"]["length"] + 1
        log = {"length": size, "subtrees": peaks(self.ledger.log_hashes[:size])}
        return {**body, "log": log, "entries": body["entries"][1:]}

    # Heads, committees, epochs.

    def heads_and_epochs(self) -> Iterator[dict]:
        """Section 17, what a proof rests on, and Committees."""
        ledger = self.ledger
        proof = ledger.prove_transaction(0)

        def headed(header: dict, committee: dict, who: list[int] | None = None) -> dict:
            head = {"header": header, "seals": ledger.seals(header, committee, who)}
            return mutants.replaced(proof, ("body", "Transaction", "head"), head)

        zero, one = ledger.committees
        last = ledger.headers[-1]
        cases = [
            ("epoch 0 after its last height", headed({**last, "epoch": 0}, zero), "outside_epoch"),
            ("epoch 1 before its first", headed({**last, "height": 11}, one), "outside_epoch"),
            ("epoch 2, which is not known", headed({**last, "epoch": 2}, {**one, "epoch": 2}), "unknown_committee"),
            ("sealed for another epoch", headed(last, zero), "bad_certificate"),
            ("of another protocol", headed({**last, "protocol": 2}, one), "unknown_committee"),
            ("of another network", headed({**last, "network": bytes(32)}, one), "other_network"),
        ]
        for name, mutant, code in cases:
            yield self.of_file(f"a head of {name}", "17", proof_file(mutant), self.refused(code))
        foreign = {**proof, "network": bytes(32)}
        yield self.of_file("a proof of another network", "17", proof_file(foreign), self.refused("other_network"))

        committees = ledger.prove_committees()
        step = committees["body"][1]["steps"][0][1]
        seats = one["seats"]
        sealed = {**step["head"]["header"]}

        def stepped(next_: dict, named: dict | None = None) -> dict:
            digest = tagged("committee", mutants.raw(t.COMMITTEE, named or next_))
            header = {**sealed, "next_committee": digest}
            head = {"header": header, "seals": ledger.seals(header, zero)}
            body = {"trust": ("Genesis", None), "steps": [("Certificate", {"head": head, "next": next_})]}
            return {"network": ledger.network, "body": ("Committees", body)}

        def stepped_at(height: int) -> dict:
            header = {**ledger.headers[height - 1], "next_committee": sealed["next_committee"]}
            head = {"header": header, "seals": ledger.seals(header, zero)}
            body = {"trust": ("Genesis", None), "steps": [("Certificate", {"head": head, "next": one})]}
            return {"network": ledger.network, "body": ("Committees", body)}

        bad = [
            ("whose epoch is not the next", stepped({**one, "epoch": 2}), "bad_committee"),
            ("of the same epoch", stepped({**one, "epoch": 0}), "bad_committee"),
            ("that the head does not name", stepped(one, {**one, "protocol": 2}), "bad_committee"),
            (
                "with a key twice",
                stepped({**one, "seats": [*seats[:3], {**seats[3], "node": seats[0]["node"]}]}),
                "not_canonical",
            ),
            (
                "with one key for two purposes",
                stepped({**one, "seats": [{**seats[0], "witness": seats[0]["validator"]}]}),
                "not_canonical",
            ),
            ("without seats", stepped({**one, "seats": []}), "not_canonical"),
        ]
        for name, mutant, code in bad:
            yield self.of_file(f"a committee {name}", "7, 17 Committees", proof_file(mutant), self.refused(code), False)
        other = stepped({**one, "protocol": 2})
        yield self.of_file(
            "forged: a committee of protocol 2", "17 Committees", proof_file(other), {"verdict": "proven"}, False
        )
        for name, mutant in (("another committee", other), ("another last height", stepped_at(10))):
            yield self.of_file(
                f"forged: {name} than the one known", "17 Committees", proof_file(mutant), self.refused("bad_committee")
            )
        proven = {"verdict": "proven"}
        yield self.of_file("forged: another last height", "17", proof_file(stepped_at(10)), proven, False)
        head = ledger.head(10)
        body = {"trust": ("Genesis", None), "steps": [("Certificate", {"head": head, "next": one})]}
        mutant = {"network": ledger.network, "body": ("Committees", body)}
        yield self.of_file(
            "a step at a block before the last", "17", proof_file(mutant), self.refused("bad_committee"), False
        )
        twice = {**committees["body"][1], "steps": committees["body"][1]["steps"] * 2}
        mutant = {"network": ledger.network, "body": ("Committees", twice)}
        yield self.of_file("a step twice", "17 Committees", proof_file(mutant), {"verdict": "refused"}, False)

        for height, committee in ((10, zero), (11, one), (20, one)):
            header = ledger.headers[height - 1]
            body = {"trust": ("Pinned", {"header": header, "committee": committee}), "steps": []}
            pinned = {"network": ledger.network, "body": ("Committees", body)}
            hash_ = tagged("block", t.HEADER.write(header)).hex()
            vector = self.of_file(
                f"pinned at {height}", "17 Committees", proof_file(pinned), {"verdict": "proven"}, False
            )
            yield {**vector, "trusted": f"{height}:{hash_}"}
            vector = self.of_file(
                f"pinned at {height}, another trusted",
                "17",
                proof_file(pinned),
                self.refused("unknown_committee"),
                False,
            )
            yield {**vector, "trusted": f"{height}:{bytes(32).hex()}"}
            yield self.of_file(
                f"pinned at {height}, nothing trusted",
                "17",
                proof_file(pinned),
                self.refused("unknown_committee"),
                False,
            )
            lie = mutants.replaced(
                pinned, ("body", "Committees", "trust", "Pinned", "committee"), {**committee, "protocol": 2}
            )
            vector = self.of_file(
                "pinned, another committee", "17", proof_file(lie), self.refused("bad_committee"), False
            )
            yield {**vector, "trusted": f"{height}:{hash_}"}

        def below(name: str, head: dict, at_height: int, expect: dict) -> dict:
            trusted = ledger.headers[at_height - 1]
            trust = ("Pinned", {"header": trusted, "committee": one})
            pinned = {"network": ledger.network, "body": ("Committees", {"trust": trust, "steps": []})}
            fitting = ledger.prove_transaction(0, head["header"]["height"])
            headed = mutants.replaced(fitting, ("body", "Transaction", "head"), head)
            vector = self.of_file(name, "17", proof_file(headed) + proof_file(pinned), expect, False)
            return {**vector, "trusted": f"{at_height}:{tagged('block', t.HEADER.write(trusted)).hex()}"}

        # Another block of the pinned height: with the same log, so that nothing else is wrong.
        header = {**ledger.headers[19], "state_root": bytes(32)}
        other = {"header": header, "seals": ledger.seals(header, one)}
        for name, head, height, expect in (
            ("below a pin", ledger.head(19), 20, self.refused("outside_epoch")),
            ("at a pin", ledger.head(20), 20, {"verdict": "proven"}),
            ("at a pin, another block", other, 20, self.refused("outside_epoch")),
            ("above a pin", ledger.head(21), 20, {"verdict": "proven"}),
            ("at a pin of the epoch before", ledger.head(11), 11, self.refused("unknown_committee")),
            ("above a pin of the epoch before", ledger.head(12), 11, {"verdict": "proven"}),
        ):
            yield below(f"a head {name}", head, height, expect)
        trusted = f"5:{tagged('block', t.HEADER.write(ledger.headers[4])).hex()}"
        from_genesis = ledger.prove_committees()
        vector = self.of_file(
            "from genesis, with a pin", "17", proof_file(from_genesis), self.refused("unknown_committee"), False
        )
        yield {**vector, "trusted": trusted}
        recovery = Recovery(self.scenario)
        recovery.build_on(11)
        body = {
            "trust": ("Pinned", {"header": ledger.headers[10], "committee": one}),
            "steps": [("Recovery", recovery.step())],
        }
        on_pin = {"network": ledger.network, "body": ("Committees", body)}
        vector = self.of_file("a recovery on a pin", "17", proof_file(on_pin), {"verdict": "proven"}, False)
        yield {**vector, "trusted": f"11:{tagged('block', t.HEADER.write(ledger.headers[10])).hex()}"}

        # The pinned block was certified, whatever those say who stood down.
        trust = ("Pinned", {"header": ledger.headers[4], "committee": zero})
        body = {"trust": trust, "steps": [("Recovery", on_genesis(self.scenario))]}
        behind = {"network": ledger.network, "body": ("Committees", body)}
        refused = self.refused("bad_recovery")
        vector = self.of_file("a recovery on genesis, with a pin", "17", proof_file(behind), refused, False)
        yield {**vector, "trusted": trusted}

        for epoch, expect in ((1, {"verdict": "proven"}), (2, {"verdict": "proven"}), *((n, None) for n in (0, 3))):
            committee = {**one, "epoch": epoch}
            digest = tagged("committee", t.COMMITTEE.write(committee))
            header = {**ledger.headers[19], "next_committee": digest}
            body = {"trust": ("Pinned", {"header": header, "committee": committee}), "steps": []}
            pinned = {"network": ledger.network, "body": ("Committees", body)}
            vector = self.of_file(
                f"forged: pinned in epoch 1, with the committee of epoch {epoch}",
                "17 Committees",
                proof_file(pinned),
                expect or self.refused("bad_committee"),
                False,
            )
            yield {**vector, "trusted": f"20:{tagged('block', t.HEADER.write(header)).hex()}"}
        header = {**ledger.headers[19], "network": bytes(32)}
        body = {"trust": ("Pinned", {"header": header, "committee": one}), "steps": []}
        pinned = {"network": ledger.network, "body": ("Committees", body)}
        vector = self.of_file("pinned, another network", "17", proof_file(pinned), self.refused("other_network"), False)
        yield {**vector, "trusted": f"20:{tagged('block', t.HEADER.write(header)).hex()}"}

    def histories(self) -> Iterator[dict]:
        """Two histories: of one height and of two, and what is none."""
        ledger = self.ledger
        one = ledger.committees[1]

        def fork(height: int, **changed: Any) -> dict:
            header = {**ledger.headers[height - 1], **changed}
            committee = next(each for each in ledger.committees if each["epoch"] == header["epoch"])
            return {"header": header, "seals": ledger.seals(header, committee)}

        def proof(first: dict, second: dict, there: dict | None = None) -> dict:
            body = {"first": first, "second": second, "there": there}
            return {"network": ledger.network, "body": ("TwoHistories", body)}

        def hash_of(head: dict) -> bytes:
            return tagged("block", t.HEADER.write(head["header"]))

        both = sorted([ledger.head(20), fork(20, state_root=bytes(32))], key=hash_of)
        proven = {"verdict": "proven"}
        yield self.of_file("two histories of one height", "17 TwoHistories", proof_file(proof(*both)), proven)
        yield self.of_file(
            "two histories, the higher hash first", "17", proof_file(proof(*both[::-1])), self.refused("not_canonical")
        )
        yield self.of_file(
            "one block twice", "17", proof_file(proof(ledger.head(20), ledger.head(20))), self.refused("same_history")
        )
        yield self.of_file(
            "one block twice, with other seals",
            "17",
            proof_file(proof(ledger.head(20), ledger.head(20, [1, 2, 3]))),
            self.refused("same_history"),
        )
        hashes = [leaf(tagged("block", t.HEADER.write(header))) for header in ledger.headers]
        for low, high in ((15, 25), (5, 25), (28, 29)):
            false = fork(low, state_root=bytes(32))
            true = hash_of(ledger.head(low))
            there = {"hash": true, "path": audit_path(low - 1, hashes[: high - 1])}
            good = proof(false, ledger.head(high), there)
            yield self.of_file(f"two histories of {low} and {high}", "17 TwoHistories", proof_file(good), proven)
            honest = proof(ledger.head(low), ledger.head(high), there)
            yield self.of_file("one history", "17", proof_file(honest), self.refused("same_history"))
            lie = {"hash": bytes(32), "path": there["path"]}
            yield self.of_file(
                "a hash that is not there",
                "17",
                proof_file(proof(ledger.head(low), ledger.head(high), lie)),
                self.refused("bad_path"),
            )
            turned = proof_file(proof(ledger.head(high), false, there))
            yield self.of_file("the higher first", "17", turned, self.refused("not_canonical"))
            yield self.of_file(
                "nothing there", "17", proof_file(proof(false, ledger.head(high))), {"verdict": "refused"}
            )
        with_there = proof(both[0], both[1], {"hash": bytes(32), "path": []})
        yield self.of_file("something there at one height", "17", proof_file(with_there), self.refused("not_canonical"))
        assert one["epoch"] == 1


def main(arguments: list[str] | None = None) -> None:
    """Writes the vectors."""
    parser = argparse.ArgumentParser(description="Writes vectors, good and bad, as JSON lines.")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random choices (default 1)")
    parser.add_argument("--scale", type=int, default=100, help="mutants of each proof, 0 to 100000 (default 100)")
    parser.add_argument("--output", default="-", metavar="FILE", help="where to write (default: standard output)")
    options = parser.parse_args(arguments)
    output = sys.stdout if options.output == "-" else open(options.output, "w", encoding="ascii")
    with output:
        for vector in Vectors(options.seed, options.scale).all():
            output.write(json.dumps(vector, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
