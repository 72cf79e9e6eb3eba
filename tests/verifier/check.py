"""Runs a file of vectors through the verifier.

    python3 tests/verifier/check.py FILE [VERDICTS]

VERDICTS gets a line for each vector: its name, the verdict, and a refusal's code, where it is and its words. So another
verifier's answers can be compared, also where a vector says no more than that both must agree.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from model import Ledger
from quorate_verifier import Chain, Refusal, Trust, UsageError, decode_genesis, keys, read_file, read_travelling, verify
from quorate_verifier import types as t
from quorate_verifier.genesis import Genesis
from quorate_verifier.transaction import decode_submission, decode_transaction, intent_id

ACCEPTED = ("proven", "complete_up_to", "good")


def contains(found: Any, wanted: Any) -> bool:
    """True if `found` has all that is wanted; lists must have equal lengths."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and contains(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(contains, found, wanted))
    return found == wanted


class Checker:
    """What vectors build on: the genesis document, committees, and the chain up to each height."""

    def __init__(self, header: dict) -> None:
        self.genesis = decode_genesis(bytes.fromhex(header["genesis"]))
        assert self.genesis.network.hex() == header["network"]
        assert self.genesis.state_root.hex() == header["state_root"]
        self.committees = header["committees"].encode()
        self.chains: dict[int, Chain] = {}
        genesis = self.genesis
        self.ledgers = {0: Ledger(genesis.value, genesis.state(), genesis.network, genesis.committee, {})}
        self.learnt = self.trust()
        self.facts: dict[str, Any] = {}
        for proof in read_file(self.committees):
            verify(proof, self.learnt)

    def trust(self, pinned: str | None = None) -> Trust:
        """Trust in genesis, and in a pinned block."""
        block = None
        if pinned:
            height, _, hash_ = pinned.partition(":")
            block = int(height), bytes.fromhex(hash_)
        return Trust(self.genesis, block)

    def run(self, vector: dict) -> dict:
        """What the verifier says to a vector."""
        try:
            return getattr(self, "_" + vector["kind"].replace("-", "_"))(vector)
        except Refusal as refusal:
            return {"verdict": "refused", "code": refusal.code, "where": refusal.where, "reason": refusal.reason}
        except UsageError as fault:
            return {"verdict": "refused", "reason": str(fault)}

    def other_facts(self, vector: dict, found: dict) -> str | None:
        """Why a proof's facts are not those of the vector that it names; all facts are kept for those that follow."""
        name = vector["expect"].get("same_facts_as")
        facts = found.get("facts")
        if name is not None and facts != self.facts[name]:
            return f"other facts than those of {name}"
        if vector["kind"] == "proof-file" and "facts" in vector["expect"] or vector["expect"]["verdict"] == "proven":
            self.facts[vector["name"]] = facts
        return None

    def _proof_file(self, vector: dict) -> dict:
        data = vector["file"].encode() if "file" in vector else bytes.fromhex(vector["bytes"])
        trust = self.trust(vector.get("trusted"))
        if vector.get("learn"):
            trust.epochs = {number: epoch for number, epoch in self.learnt.epochs.items()}
        proofs = read_file(data)
        verdicts = [verify(proof, trust) for proof in reversed(proofs)]
        return verdicts[-1].as_json()

    def _block(self, vector: dict) -> dict:
        chain = self.chain(vector["height"] - 1)
        data = bytes.fromhex(vector["bytes"])
        whole = chain.add(data)
        ledger = self.ledgers[vector["height"] - 1].follow(t.CERTIFIED_BLOCK.decode(data))
        if vector["name"].endswith(f" block {vector['height']}") and vector["expect"]["verdict"] == "good":
            self.chains[vector["height"]] = chain
            self.ledgers[vector["height"]] = ledger
        return {"verdict": "good", "whole": all(whole)}

    def chain(self, height: int) -> Chain:
        """The chain up to a height; the good blocks come in their order."""
        found = Chain(self.learnt)
        if height:
            known = self.chains[height]
            found.__dict__.update(known.__dict__)
            found.hashes = type(known.hashes)(known.hashes.length, known.hashes.subtrees)
            found.log = type(known.log)(known.log.length, known.log.subtrees)
        return found

    def _transaction(self, vector: dict) -> dict:
        parameters = self.genesis.draft["parameters"]
        value = decode_transaction(
            bytes.fromhex(vector["bytes"]), self.genesis.network, parameters["max_transaction_bytes"]
        )
        return {"verdict": "good", "id": intent_id(value["intent"]).hex()}

    def _submission(self, vector: dict) -> dict:
        parameters = self.genesis.draft["parameters"]
        decode_submission(bytes.fromhex(vector["bytes"]), self.genesis.network, parameters["max_transaction_bytes"])
        return {"verdict": "good"}

    def _genesis(self, vector: dict) -> dict:
        found: Genesis = decode_genesis(bytes.fromhex(vector["bytes"]))
        return {"verdict": "good", "network": found.network.hex()}

    def _signature(self, vector: dict) -> dict:
        check = {"zip215": keys.zip215, "strict": keys.strict, "p256": keys.p256}[vector["mode"]]
        parts = (bytes.fromhex(vector[name]) for name in ("key", "signature", "message"))
        return {"verdict": "good" if check(*parts) else "refused"}

    def _travelling(self, vector: dict) -> dict:
        proven = {asset["code"]: asset["decimals"] for asset in self.genesis.draft["assets"]}
        read_travelling(bytes.fromhex(vector["bytes"]), self.genesis.network, proven)
        return {"verdict": "good"}


def fault(vector: dict, found: dict) -> str | None:
    """Why the verifier's answer is not what the vector expects."""
    expect = vector["expect"]
    wanted = expect["verdict"]
    if wanted == "either":
        return None
    if wanted == "accepted":
        agrees = found["verdict"] in ACCEPTED
    elif wanted == "refused or not whole":
        agrees = found["verdict"] == "refused" or not found["whole"]
    else:
        agrees = found["verdict"] == wanted
    if not agrees:
        return f"expected {wanted}, found {found}"
    if wanted == "refused":
        if "code" in expect and expect["code"] != found["code"]:
            return f"expected the code {expect['code']}, found {found}"
        if "reason" in expect and not found["reason"].startswith(expect["reason"] + ":"):
            return f"expected the reason {expect['reason']}, found {found}"
    for name in ("whole",):
        if name in expect and expect[name] != found[name]:
            return f"expected {name} {expect[name]}"
    for name in ("id", "network"):
        if wanted == "good" and name in vector and vector[name] != found[name]:
            return f"another {name}"
    if "facts" in expect and not contains(found["facts"], expect["facts"]):
        return f"expected the facts {expect['facts']}, found {found['facts']}"
    return None


def check(lines: Iterable[str], verdicts: TextIO | None = None) -> tuple[int, list[str]]:
    """How many vectors there are, and what is wrong."""
    faults = []
    count = 0
    checker: Checker | None = None
    for line in lines:
        vector = json.loads(line)
        if checker is None:
            checker = Checker(vector)
            continue
        count += 1
        found = checker.run(vector)
        reason = fault(vector, found) or checker.other_facts(vector, found)
        if reason:
            faults.append(f"{vector['name']} ({vector['kind']}, {vector['rule']}): {reason}")
        if verdicts:
            answer = {name: found[name] for name in ("verdict", "code", "where", "reason") if name in found}
            verdicts.write(json.dumps({"name": vector["name"], **answer}) + "\n")
    return count, faults


def main() -> int:
    """The command. Returns its exit code."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(sys.argv[1], encoding="ascii"))
        verdicts = stack.enter_context(open(sys.argv[2], "w", encoding="ascii")) if len(sys.argv) > 2 else None
        count, faults = check(file, verdicts)
    for each in faults:
        print(each[:600])
    print(f"{count} vectors, {len(faults)} with another verdict")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
