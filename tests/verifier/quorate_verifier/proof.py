"""What each kind of proof establishes (section 17 of docs/formats.md)."""

from __future__ import annotations

from typing import Any

from .bcs import List, plain
from .committee import Epoch, Trust, block_hash
from .errors import Malformed, Refusal
from .forms import address_text, key_text, time_text
from .genesis import committee_digest
from .hashes import Frontier, leaf_hash, path_root
from .history import Statement, check_statement, entry_leaf
from .keys import key_of
from .recovery import check_recovery, document_hash, may_have_lost
from .state import check_sorted_proofs, single, single_key, type_of
from .transaction import alone_fault, intent_fault, intent_id, signatures_good, signed_hash, texts_fault
from .types import INTENT, LOG_ENTRY, PLACE, PROOF, PROOF_LIMIT, STEP, TEXT, TEXT_ITEM

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


def decode_proof(data: bytes) -> dict:
    """A proof out of its bytes."""
    try:
        return PROOF.decode(data, PROOF_LIMIT)
    except Malformed as fault:
        raise fault.refusal("proof")


def head_line(proof: dict) -> tuple[int, int, bytes]:
    """Epoch, height and hash that a proof file's third line names."""
    kind, body = proof["body"]
    if kind == "TwoHistories":
        header = body["first"]["header"]
    elif kind in ("Statement", "Transaction", "State", "Block"):
        header = body["head"]["header"]
    elif kind == "NotExecuted":
        header = body["statement"]["head"]["header"]
    elif kind == "TwoRecoveries":
        base = body["first"]["base"]
        header = base["header"] if base else None
    else:
        header = None
        if body["trust"][0] == "Pinned":
            header = body["trust"][1]["header"]
        if body["steps"]:
            name, step = body["steps"][-1]
            head = step["head"] if name == "Certificate" else step["base"]
            header = head["header"] if head else None
    if header is None:
        return 0, 0, proof["network"]
    return header["epoch"], header["height"], block_hash(header)


def _range_text(statement: dict) -> str:
    kind, value = statement["owner"]
    owner = address_text(value) if kind == "Account" else value
    return f"{owner} {time_text(statement['from'])} {time_text(statement['to'])}"


def question(proof: dict) -> str:
    """What a proof file's fourth line asks."""
    kind, body = proof["body"]
    if kind == "Transaction":
        name, entry = body["entry"]
        return entry["id" if name == "Transaction" else "document"].hex()
    if kind == "NotExecuted":
        return intent_id(body["intent"]).hex()
    if kind == "State":
        prefixes = (leaf["prefix"] for leaf in body["leaves"])
        return " ".join(f"{prefix['key'].hex()}/{prefix['bits']}" for prefix in prefixes)
    if kind == "Statement":
        return _range_text(body)
    if kind == "Block":
        return str(body["head"]["header"]["height"])
    if kind == "TwoHistories":
        return str(body["first"]["header"]["height"])
    if kind == "TwoRecoveries":
        return str(body["first"]["document"]["recovery"]["number"])
    epoch = 0
    if body["trust"][0] == "Pinned":
        epoch = body["trust"][1]["committee"]["epoch"]
    if body["steps"]:
        name, step = body["steps"][-1]
        epoch = (step["next"] if name == "Certificate" else step["document"]["recovery"]["committee"])["epoch"]
    return str(epoch)


def head_facts(header: dict) -> dict:
    """A head as a verdict names it."""
    return {
        "epoch": header["epoch"],
        "height": header["height"],
        "hash": block_hash(header).hex(),
        "timestamp": time_text(header["timestamp"]),
    }


def check_shown(entry: dict, shown: tuple, where: str) -> dict:
    """Refuses what is shown of a transaction unless it is the entry's. Returns it as facts."""
    kind, value = shown
    if kind == "Nothing":
        return {}
    facts: dict[str, Any] = {}
    intent = value["intent"] if kind == "Intent" else value["transaction"]["intent"]
    if intent_id(intent) != entry["id"]:
        raise Refusal("other_leaf", where, "it is another transaction")
    facts["intent"] = plain(INTENT, intent)
    if kind == "Transaction":
        if signed_hash(value["transaction"]) != entry["signed"]:
            raise Refusal("other_leaf", where, "these are not the signatures in the log")
        signatures = value["transaction"]["signatures"]
        if not signatures_good(value["transaction"]):
            raise Refusal("bad_signature", where, "a signature that is shown is not good")
        facts["signed_by"] = [key_text(key_of(signature)) for signature in signatures]
    name, texts = value["texts"]
    if name != "Nothing" and intent["texts"] is None:
        raise Refusal("not_canonical", f"{where}.texts", "the intent has no texts")
    if name == "Alone" and len(intent["texts"]["places"]) < 2:
        raise Refusal("not_canonical", f"{where}.texts", "a single text is all of them, and not shown alone")
    fault = None
    if name == "All":
        fault = texts_fault(texts, intent)
        facts["texts"] = plain(List(TEXT_ITEM, 513), texts)
    elif name == "Alone":
        fault = alone_fault(texts, intent)
        facts["text"] = {"index": texts["index"], **plain(TEXT, texts["text"])}
    if fault:
        raise Refusal("bad_text", f"{where}.texts", fault)
    return facts


def _entry_facts(entry: tuple) -> dict:
    return {"kind": entry[0].lower(), **plain(LOG_ENTRY, entry)[entry[0]]}


def _state_facts(results: list) -> list:
    return [
        {
            "prefix": f"{prefix['key'].hex()}/{prefix['bits']}",
            "leaves": [
                {"key": key.hex(), "kind": name, "value": plain(type_of(key)[1], value)} for key, name, value in leaves
            ],
        }
        for prefix, leaves in results
    ]


def _balances_facts(balances: dict) -> list:
    return [{"asset": code, "free": str(free), "held": str(held)} for code, (free, held) in sorted(balances.items())]


def statement_facts(found: Statement) -> dict:
    """A statement's facts."""
    kind, value = found.owner
    facts = {
        "owner": address_text(value) if kind == "Account" else value,
        "from": time_text(found.start),
        "to": time_text(found.end),
        "complete": found.complete_up_to is None,
        "opening": _balances_facts(found.opening),
        "opening_is_of_genesis": found.of_genesis,
        "closing": _balances_facts(found.closing),
        "entries": [
            {
                "number": item["step"]["number"],
                "ordinal": item["step"]["ordinal"],
                **_entry_facts(item["entry"]),
                "changes": plain(STEP, item["step"])["changes"],
                "shown": check_shown(item["entry"][1], item["shown"], ""),
            }
            for item in found.entries
        ],
        "before": [step["number"] for step in found.before],
        "after": [step["number"] for step in found.after],
        "beside": _state_facts(found.beside),
    }
    erasures = {
        value["id"]: value["erased"] for _, leaves in found.beside for _, name, value in leaves if name == "erasure"
    }
    for entry, item in zip(facts["entries"], found.entries):
        erased = erasures.get(item["entry"][1]["id"])
        if erased is not None:
            entry["erased"] = [plain(PLACE, each["place"]) for each in erased]
            # Nobody need have seen these texts.
            entry["erased_before_execution"] = [
                plain(PLACE, each["place"]) for each in erased if each["ordinal"] < item["step"]["ordinal"]
            ]
    if found.complete_up_to is not None:
        facts["complete_up_to"] = time_text(found.complete_up_to)
    return facts


class Verdict:
    """What one proof establishes."""

    def __init__(self, proof: dict) -> None:
        self.kind = KINDS[proof["body"][0]]
        self.about = question(proof)
        self.verdict = "proven"
        self.head: dict | None = None
        self.facts: dict[str, Any] = {}

    def as_json(self) -> dict:
        """The verdict as the command prints it."""
        document: dict[str, Any] = {"verdict": self.verdict, "kind": self.kind, "about": self.about}
        if self.head is not None:
            document["head"] = self.head
        document["facts"] = self.facts
        return document


def verify(proof: dict, trust: Trust) -> Verdict:
    """The verdict on a proof. A proof of committees also adds to what is trusted."""
    kind, body = proof["body"]
    name = KINDS[kind]
    if trust.network is None and kind == "Committees":
        _take_network(body, trust)
    if trust.network is None:
        raise Refusal("unknown_committee", name, "the pinned block's committees must be learnt first")
    if proof["network"] != trust.network:
        raise Refusal("other_network", name, f"it is of the network {proof['network'].hex()}")
    verdict = Verdict(proof)
    if kind == "Committees":
        verdict.facts = _committees(body, trust, name)
        return verdict
    if kind == "TwoRecoveries":
        verdict.facts = _two_recoveries(body, trust, name)
        return verdict
    if kind == "TwoHistories":
        verdict.head = head_facts(body["first"]["header"])
        verdict.facts = _two_histories(body, trust, name)
        return verdict
    statement = body["statement"] if kind == "NotExecuted" else body
    head = statement["head"]
    header = head["header"]
    trust.accept(head, f"{name}.head")
    verdict.head = head_facts(header)
    if kind == "Transaction":
        verdict.facts = _transaction(body, header, name)
    elif kind == "State":
        results = check_sorted_proofs(body["leaves"], header["state_root"], f"{name}.leaves")
        verdict.facts = {"state": _state_facts(results)}
    elif kind == "Block":
        verdict.facts = _block(body, header, trust.network, name)
    else:
        if kind == "NotExecuted":
            _check_intent(body, trust.network, name)
        found = check_statement(trust.network, statement, name, check_shown)
        verdict.facts = statement_facts(found)
        if found.complete_up_to is not None:
            verdict.verdict = "complete_up_to"
        if kind == "NotExecuted":
            verdict.facts = _not_executed(body, header, found, name)
            verdict.verdict = "proven"
    return verdict


def _take_network(body: dict, trust: Trust) -> None:
    """Without a genesis document the network is the pinned header's."""
    kind, pinned = body["trust"]
    if kind == "Pinned" and trust.pinned == (pinned["header"]["height"], block_hash(pinned["header"])):
        trust.network = pinned["header"]["network"]


def _transaction(body: dict, header: dict, where: str) -> dict:
    kind, entry = body["entry"]
    leaf = leaf_hash(LOG_ENTRY.write(body["entry"]))
    if path_root(leaf, body["ordinal"], header["log_size"], body["path"]) != header["log_root"]:
        raise Refusal("bad_path", f"{where}.path", "it does not lead to the log's root")
    if entry["height"] > header["height"] or entry["timestamp"] > header["timestamp"]:
        raise Refusal("other_leaf", f"{where}.entry", "it is later than the head")
    facts = {"ordinal": body["ordinal"], **_entry_facts(body["entry"])}
    if kind == "Recovery":
        if body["shown"][0] != "Nothing":
            raise Refusal("not_canonical", f"{where}.shown", "a recovery has no transaction to show")
    else:
        facts["shown"] = check_shown(entry, body["shown"], f"{where}.shown")
    return facts


def _block(body: dict, header: dict, network: bytes, where: str) -> dict:
    before, log = body["before"], Frontier(body["log"]["length"], body["log"]["subtrees"])
    if header["height"] == 1:
        if before is not None or header["previous"] != network or log.length:
            raise Refusal("bad_path", f"{where}.before", "nothing is before the first block")
    else:
        if before is None or block_hash(before) != header["previous"]:
            raise Refusal("bad_path", f"{where}.before", "it is not the header before")
        if log.length != before["log_size"] or log.root() != before["log_root"]:
            raise Refusal("bad_path", f"{where}.log", "it is not the log of the header before")
    position = -1
    for place, (kind, entry) in enumerate(body["entries"]):
        at = f"{where}.entries[{place}]"
        log.append(entry_leaf((kind, entry)))
        if (entry["height"], entry["timestamp"]) != (header["height"], header["timestamp"]):
            raise Refusal("other_leaf", at, "its height or time is not the block's")
        if kind == "Recovery":
            if place:
                raise Refusal("gap", at, "a recovery that is not the first")
        else:
            if entry["position"] <= position:
                raise Refusal("gap", at, "the positions do not ascend")
            position = entry["position"]
    if log.length != header["log_size"] or log.root() != header["log_root"]:
        raise Refusal("gap", f"{where}.entries", "with these the log is not the head's")
    shown = body["shown"]
    if shown and len(shown) != len(body["entries"]):
        raise Refusal("not_canonical", f"{where}.shown", "not one for each entry")
    if shown and all(kind == "Nothing" for kind, _ in shown):
        raise Refusal("not_canonical", f"{where}.shown", "it shows nothing, so it is empty")
    facts = [_entry_facts(entry) for entry in body["entries"]]
    for place, item in enumerate(shown):
        kind, entry = body["entries"][place]
        at = f"{where}.shown[{place}]"
        if kind == "Recovery":
            if item[0] != "Nothing":
                raise Refusal("not_canonical", at, "a recovery has no transaction to show")
        else:
            facts[place]["shown"] = check_shown(entry, item, at)
    return {"height": header["height"], "first_ordinal": body["log"]["length"], "entries": facts}


def _check_intent(body: dict, network: bytes, where: str) -> None:
    intent = body["intent"]
    if intent["network"] != network:
        raise Refusal("other_network", f"{where}.intent", "it is for another network")
    wrong = intent_fault(intent, network)
    if wrong:
        raise Refusal("other_leaf", f"{where}.intent", f"it is not well-formed: {wrong[0]}: {wrong[1]}")
    statement = body["statement"]
    if statement["beside"]:
        raise Refusal("not_canonical", f"{where}.statement.beside", "nothing stands beside that nothing happened")
    if any(kind == "Entry" and item["shown"][0] != "Nothing" for kind, item in statement["items"]):
        raise Refusal("not_canonical", f"{where}.statement.items", "other transactions are not shown here")


def _not_executed(body: dict, header: dict, found: Statement, where: str) -> dict:
    intent = body["intent"]
    agreement = single(body["agreement"], header["state_root"], single_key(2), f"{where}.agreement")
    if agreement is None:
        raise Refusal("other_leaf", f"{where}.agreement", "the agreement is absent")
    if found.owner != ("Account", intent["parties"][0]):
        raise Refusal("not_complete", f"{where}.statement", "it is not the first party's")
    start = max(0, intent["expires_at"] - agreement["longest_lead_ms"])
    end = max(intent["expires_at"], start + 1)
    if (found.start, found.end) != (start, end):
        raise Refusal("not_complete", f"{where}.statement", "it is not over the time in which this could be executed")
    if found.complete_up_to is not None:
        raise Refusal("not_complete", f"{where}.statement", "the head is older than the expiry")
    wanted = intent_id(intent)
    for item in found.entries:
        if item["entry"][1]["id"] == wanted:
            raise Refusal("not_complete", f"{where}.statement", "the transaction is among the entries")
    return {
        "id": wanted.hex(),
        "expires_at": time_text(intent["expires_at"]),
        "from": time_text(start),
        "to": time_text(end),
        "entries": len(found.entries),
        "intent": plain(INTENT, intent),
    }


def _two_histories(body: dict, trust: Trust, where: str) -> dict:
    first, second = body["first"], body["second"]
    given_up = [
        trust.accept(head, f"{where}.{name}", given_up=True) for name, head in (("first", first), ("second", second))
    ]
    hashes = [block_hash(head["header"]) for head in (first, second)]
    heights = [head["header"]["height"] for head in (first, second)]
    there = body["there"]
    if heights[0] == heights[1]:
        if there is not None:
            raise Refusal("not_canonical", f"{where}.there", "both heads are of one height")
        if hashes[0] == hashes[1]:
            raise Refusal("same_history", where, "both are one block")
        if hashes[0] > hashes[1]:
            raise Refusal("not_canonical", where, "the first hash is not the lower one")
    else:
        if heights[0] > heights[1]:
            raise Refusal("not_canonical", where, "the second head is not the higher one")
        if there is None:
            raise Refusal("bad_path", f"{where}.there", "it is missing")
        if there["hash"] == hashes[0]:
            raise Refusal("same_history", f"{where}.there", "the first block is part of the second's history")
        root = path_root(leaf_hash(there["hash"]), heights[0] - 1, heights[1] - 1, there["path"])
        if root != second["header"]["chain_root"]:
            raise Refusal("bad_path", f"{where}.there", "it does not lead to the second's earlier headers")
    facts: dict[str, Any] = {"height": heights[0]}
    # Where the new epoch decided the same proposal again, or nothing at this height, nobody need have lied.
    decided_otherwise = heights[0] == heights[1] and first["header"]["proposal"] != second["header"]["proposal"]
    both = []
    for head, other, recovery in zip((first, second), (second, first), given_up):
        item = {
            **head_facts(head["header"]),
            "sealed_by": [seal["validator"] for seal in head["seals"]],
        }
        if recovery is not None:
            item["given_up_by"] = recovery["number"]
            document = trust.epochs[head["header"]["epoch"]].recovery_document
            assert document is not None
            # Two blocks of the epoch that ended say nothing of what its validators had when they stood down.
            after = other["header"]["epoch"] > head["header"]["epoch"]
            accused = document if decided_otherwise and after else {"stand_downs": [], "losses": []}
            item["accused_of_stand_down"] = [each["stand_down"]["validator"] for each in accused["stand_downs"]]
            item["accused_of_loss"] = [each["loss"]["seat"] for each in accused["losses"]]
        both.append(item)
    facts["histories"] = both
    if first["header"]["epoch"] == second["header"]["epoch"]:
        facts["sealed_both"] = sorted(set(both[0]["sealed_by"]) & set(both[1]["sealed_by"]))
    return facts


def _committees(body: dict, trust: Trust, where: str) -> dict:
    kind, pinned = body["trust"]
    epochs: dict[int, Epoch] = {}
    if kind == "Genesis":
        number = 0
        if trust.pinned or trust.genesis is None:
            raise Refusal("unknown_committee", f"{where}.trust", "with a pinned block it starts from that alone")
        epochs[0] = Epoch(trust.genesis.committee, 1)
    else:
        header, committee = pinned["header"], pinned["committee"]
        at = f"{where}.trust"
        if header["network"] != trust.network:
            raise Refusal("other_network", at, "the block is of another network")
        if trust.pinned is None or trust.pinned != (header["height"], block_hash(header)):
            raise Refusal("unknown_committee", at, "it rests on a block that the verifier was not given")
        if committee_digest(committee) != header["next_committee"]:
            raise Refusal("bad_committee", at, "it is not the committee that the block names")
        number = committee["epoch"]
        if number not in (header["epoch"], header["epoch"] + 1):
            raise Refusal("bad_committee", at, "its epoch is neither the block's nor the next")
        if number == header["epoch"]:
            epochs[number] = Epoch(committee, None)
        else:
            epochs[number] = Epoch(committee, header["height"] + 1, led_by=block_hash(header))
    for place, (name, step) in enumerate(body["steps"]):
        at = f"{where}.steps[{place}]"
        epoch = epochs[number]
        if name == "Certificate":
            trust.accept(step["head"], f"{at}.head", {number: epoch})
            header, following = step["head"]["header"], step["next"]
            if committee_digest(following) != header["next_committee"]:
                raise Refusal("bad_committee", f"{at}.next", "it is not the committee that the head names")
            last, led_by = header["height"], block_hash(header)
        else:
            document = _recovery_step(step, epoch, trust, at)
            led_by = None
            following, last = document["committee"], document["base"]
            epoch.recovery, epoch.recovery_document = document, step["document"]
        if following["epoch"] != number + 1:
            raise Refusal("bad_committee", f"{at}.next", f"its epoch is not {number + 1}")
        epoch.last = last
        number += 1
        epochs[number] = Epoch(following, last + 1, led_by=led_by)
    trust.learn(epochs, where)
    return {
        "epochs": [
            {
                "epoch": epoch_number,
                "first": epoch.first,
                "last": epoch.last,
                "committee": committee_digest(epoch.committee).hex(),
                "validators": [seat["validator"].hex() for seat in epoch.committee["seats"]],
                **(_recovery_facts(epoch) if epoch.recovery else {}),
            }
            for epoch_number, epoch in sorted(epochs.items())
        ]
    }


def _recovery_facts(epoch: Epoch) -> dict:
    assert epoch.recovery and epoch.recovery_document
    return {
        "ended_by_recovery": epoch.recovery["number"],
        "may_have_lost": may_have_lost(epoch.recovery_document, epoch.committee),
    }


def _recovery_step(step: dict, epoch: Epoch, trust: Trust, where: str) -> dict:
    assert trust.network is not None
    base, committee = step["base"], epoch.committee
    start = None
    if base is None:
        # With a pinned block nothing goes on from genesis, or that block would be given up.
        if committee["epoch"] != 0 or trust.genesis is None or trust.pinned:
            raise Refusal("bad_recovery", f"{where}.base", "it is missing")
        root, start = trust.genesis.state_root, (0, trust.network)
    else:
        header = base["header"]
        root = header["state_root"]
        if header["network"] != trust.network:
            raise Refusal("other_network", f"{where}.base", f"it is of the network {header['network'].hex()}")
        if header["epoch"] == committee["epoch"]:
            trust.accept(base, f"{where}.base", {committee["epoch"]: epoch})
        elif base["seals"] or block_hash(header) != epoch.led_by:
            words = "neither a block of the epoch nor, without seals, the one that led to it"
            raise Refusal("bad_recovery", f"{where}.base", words)
        else:
            start = header["height"], epoch.led_by
    return check_recovery(trust.network, step, committee, root, start, where)


def _two_recoveries(body: dict, trust: Trust, where: str) -> dict:
    hashes = []
    for name in ("first", "second"):
        step = body[name]
        number = step["document"]["recovery"]["old_epoch"]
        epoch = trust.epochs.get(number)
        if epoch is None:
            raise Refusal("unknown_committee", f"{where}.{name}", f"the committee of epoch {number} is not known")
        _recovery_step(step, epoch, trust, f"{where}.{name}")
        hashes.append(document_hash(step["document"]["recovery"]))
    numbers = [body[name]["document"]["recovery"]["number"] for name in ("first", "second")]
    if numbers[0] != numbers[1] or hashes[0] == hashes[1]:
        raise Refusal("same_history", where, "not two documents of one number")
    if hashes[0] > hashes[1]:
        raise Refusal("not_canonical", where, "the first document's hash is not the lower one")
    return {"number": numbers[0], "documents": [hash_.hex() for hash_ in hashes]}
