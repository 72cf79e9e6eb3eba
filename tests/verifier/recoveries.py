"""Recoveries of the vectors' chain, good and bad (section 15 of docs/formats.md)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import mutants
from model import Ledger, Signer, audit_path, key_signatures, leaf, mth, state_proof, tree
from quorate_verifier import types as t
from quorate_verifier.hashes import tagged
from quorate_verifier.state import account_key, member_key, single_key
from scenario import MEMBERS, Scenario


class Recovery:
    """The parts of a recovery document, each of which a vector may change before all is signed."""

    def __init__(self, scenario: Scenario, salt: str = "", height: int = 29) -> None:
        self.scenario = scenario
        ledger: Ledger = scenario.ledger
        self.ledger = ledger
        self.base: dict | None = ledger.head(height)
        self.old = ledger.committees[-1]
        self.new_keys = {
            kind: [Signer(f"new {salt}{kind} {n}") for n in range(4)] for kind in ("validator", "node", "witness")
        }
        seats = [
            {"member": n, "seat": n, **{kind: self.new_keys[kind][n].public for kind in self.new_keys}}
            for n in range(4)
        ]
        self.committee = {**self.old, "epoch": 2, "seats": seats}
        self.stood_down = [0, 1]
        self.lost = [3]
        self.members = [0, 1, 2]
        self.document: dict[str, Any] = {}
        self.change_stand_down: Callable[[dict], dict] = lambda value: value
        self.change_loss: Callable[[dict], dict] = lambda value: value
        self.change_members: Callable[[list, bytes], list] = lambda signing, content: signing
        self.unsigned: set[str] = set()
        """`stand-down` or `loss`: those signatures are over something else, and the evidence is theirs."""
        self.state = ledger.states[height]

    def set_state(self, changed: dict[bytes, bytes]) -> None:
        """Another state under the base, which is sealed again."""
        assert self.base is not None
        self.state = {**self.state, **changed}
        header = {**self.base["header"], "state_root": tree(self.state)}
        self.base = {"header": header, "seals": self.ledger.seals(header, self.old)}

    def set_members(self, **changed: Any) -> None:
        """Other values of members' leaves, by `mN`."""
        found = {}
        for name, fields in changed.items():
            key = member_key(int(name[1:]))
            found[key] = t.MEMBER.write({**t.MEMBER.decode(self.state[key]), **fields})
        self.set_state(found)

    def build_on(self, height: int) -> None:
        """Nothing was certified in this epoch: the base is the block that led to it."""
        self.base = {"header": self.ledger.headers[height - 1], "seals": []}
        self.state = self.ledger.states[height]
        self.change_stand_down = lambda value: {**value, "certified": None}

    def step(self) -> dict:
        """The recovery as a step of a proof of committees."""
        ledger, scenario = self.ledger, self.scenario
        stand_downs = []
        for place, index in enumerate(self.stood_down):
            stand_down = self.change_stand_down(
                {
                    "network": ledger.network,
                    "epoch": self.old["epoch"],
                    "validator": index,
                    # The first holds the last certificate, the others an older one or none.
                    "certified": self.base if place == 0 else ledger.head(20) if place == 1 else None,
                    "open": ("Pbft", []),
                }
            )
            signer = scenario.keys["validator"][index % 4]
            content = mutants.raw(t.STAND_DOWN, stand_down) + b"x" * ("stand-down" in self.unsigned)
            signature = signer.raw("stand-down", content)
            stand_downs.append({"stand_down": stand_down, "signature": signature})
        losses = []
        for seat in self.lost:
            loss = self.change_loss(
                {
                    "network": ledger.network,
                    "epoch": self.old["epoch"],
                    "seat": seat,
                    "validator": scenario.keys["validator"][seat % 4].public,
                }
            )
            signers = scenario.administrators(MEMBERS[seat % 4])
            content = t.LOSS.write(loss) + b"x" * ("loss" in self.unsigned)
            losses.append({"loss": loss, "signatures": key_signatures(signers, "loss", content)})
        header = self.base["header"] if self.base else None
        evidence = mutants.raw(t.STAND_DOWNS, stand_downs) + mutants.raw(t.LOSSES, losses)
        document = {
            "network": ledger.network,
            "number": 1,
            "old_epoch": 1,
            "new_epoch": 2,
            "base": header["height"] if header else 0,
            "block": tagged("block", t.HEADER.write(header)) if header else ledger.network,
            "committee": self.committee,
            "evidence": tagged("stand-downs", evidence),
            **self.document,
        }
        content = mutants.raw(t.RECOVERY, document)
        signing = [
            {
                "member": number,
                "signatures": key_signatures(scenario.administrators(MEMBERS[number % 4]), "recovery", content),
            }
            for number in self.members
        ]
        signing = self.change_members(signing, content)
        by_key = {signer.public: signer for signer in self.new_keys["validator"]} | ledger.validators
        validators = [by_key[seat["validator"]].raw("recovery", content) for seat in document["committee"]["seats"]]
        signed = {
            "recovery": document,
            "stand_downs": stand_downs,
            "losses": losses,
            "members": signing,
            "validators": validators,
        }
        return {"base": self.base, "document": signed, "leaves": self.leaves()}

    def leaves(self) -> list:
        """The leaves that a verifier needs."""
        numbers = {*self.members, *self.lost} & set(range(4))
        addresses = sorted(t.MEMBER.decode(self.state[member_key(number)])["account"] for number in numbers)
        return [
            *(state_proof(self.state, 256, single_key(number)) for number in (1, 2, 3)),
            state_proof(self.state, 8, b"\x06" + bytes(31)),
            *(state_proof(self.state, 256, account_key(address)) for address in addresses),
        ]

    def proof(self, step: dict | None = None) -> dict:
        """The proof of committees that ends with this recovery."""
        proof = copy.deepcopy(self.ledger.prove_committees())
        proof["body"][1]["steps"].append(("Recovery", step or self.step()))
        return proof


Made = tuple[str, str, list[dict], dict, bool]


def recovery_vectors(scenario: Scenario) -> Iterator[Made]:
    """Proofs about recoveries: name, rule, the file's proofs, what to expect, whether committees are learnt before."""
    for made in (single_recoveries, stand_downs, signing, on_the_block_before):
        for name, rule, proof, expect in made(scenario):
            yield name, rule, [proof], expect, False
    yield from given_up(scenario)
    yield from two_recoveries(scenario)


def single_recoveries(scenario: Scenario) -> Iterator[tuple[str, str, dict, dict]]:
    """Committees that end with a recovery."""
    ledger = scenario.ledger
    proven = {"verdict": "proven"}
    refused = {"verdict": "refused", "code": "bad_recovery"}

    def case(edit: Callable[[Recovery], None] | None = None) -> dict:
        recovery = Recovery(scenario)
        if edit:
            edit(recovery)
        return recovery.proof()

    def set_(**changed: Any) -> Callable[[Recovery], None]:
        return lambda recovery: recovery.__dict__.update(changed)

    def document(**changed: Any) -> Callable[[Recovery], None]:
        return set_(document=changed)

    def seats(*changed: dict) -> Callable[[Recovery], None]:
        def edit(recovery: Recovery) -> None:
            found = [{**seat, **change} for seat, change in zip(recovery.committee["seats"], changed)]
            recovery.committee = {**recovery.committee, "seats": found}

        return edit

    epochs = [{"epoch": 0}, {"epoch": 1, "last": 29, "ended_by_recovery": 1}, {"epoch": 2, "first": 30}]
    yield "a recovery", "15, 17 Committees", case(), {**proven, "facts": {"epochs": epochs}}
    for name, gone, lost in (
        ("three stood down", ([0, 1, 2], []), "nothing that was decided, as long as no more than f validators lie"),
        ("two stood down", ([0, 1], [3]), "nothing, unless a validator that stood down lies"),
        ("one stood down", ([0], [1, 3]), "what was decided above the base, except what the stand-downs show"),
    ):
        facts = {"epochs": [{}, {"may_have_lost": lost}, {}]}
        yield name, "15", case(set_(stood_down=gone[0], lost=gone[1])), {**proven, "facts": facts}
    yield "all members sign", "15", case(set_(members=[0, 1, 2, 3])), proven
    yield "two stood down, two lost", "15", case(set_(stood_down=[0, 1], lost=[2, 3])), proven

    zero = bytes(32)
    old = ledger.committees[0]

    def header_of(recovery: Recovery, height: int) -> None:
        recovery.base = ledger.head(height)
        recovery.state = ledger.states[height]
        recovery.change_stand_down = lambda value: {
            **value,
            "certified": ledger.head(29 if value["validator"] else height),
        }

    def twice(recovery: Recovery) -> None:
        found = recovery.committee["seats"]
        seats({}, {}, {}, {"witness": found[0]["witness"]})(recovery)

    bad: list[tuple[str, Callable[[Recovery], None]]] = [
        ("too few gone", set_(stood_down=[0], lost=[3])),
        ("two signing members of four", set_(members=[0, 1])),
        ("members not ascending", set_(members=[1, 0, 2])),
        ("a member twice", set_(members=[0, 0, 1])),
        ("a signing member that is not there", set_(members=[0, 1, 2, 9])),
        ("stand-downs over something else", set_(unsigned={"stand-down"})),
        ("losses over something else", set_(unsigned={"loss"})),
        ("stand-downs not ascending", set_(stood_down=[1, 0])),
        ("a stand-down twice", set_(stood_down=[0, 0, 1])),
        ("a loss of one that stood down", set_(lost=[1, 3])),
        ("another number", document(number=2)),
        ("another old epoch", document(old_epoch=0)),
        ("another new epoch", document(new_epoch=3)),
        ("another base", document(base=28)),
        ("another block", document(block=zero)),
        ("other evidence", document(evidence=zero)),
        ("a base that is not the highest", lambda recovery: header_of(recovery, 25)),
        ("a committee of another epoch", lambda r: r.__dict__.update(committee={**r.committee, "epoch": 3})),
        ("another engine", lambda r: r.__dict__.update(committee={**r.committee, "engine": ("Raft", None)})),
        ("another protocol", lambda r: r.__dict__.update(committee={**r.committee, "protocol": 2})),
        ("a seat of a member that is not there", seats({}, {}, {}, {"member": 9})),
        ("two seats of one member", seats({}, {}, {}, {"member": 0})),
        ("a key of small order", seats({}, {}, {"node": b"\x01" + bytes(31)}, {})),
        ("a key twice", twice),
        (
            "a stand-down of another epoch",
            lambda r: r.__dict__.update(change_stand_down=lambda value: {**value, "epoch": 0}),
        ),
        (
            "a stand-down of another network",
            lambda r: r.__dict__.update(change_stand_down=lambda value: {**value, "network": zero}),
        ),
        (
            "a stand-down of another engine",
            lambda r: r.__dict__.update(change_stand_down=lambda value: {**value, "open": ("Raft", [])}),
        ),
        ("a loss of a seat that is not there", lambda r: r.__dict__.update(change_loss=lambda v: {**v, "seat": 9})),
        ("a loss of another epoch", lambda r: r.__dict__.update(change_loss=lambda value: {**value, "epoch": 0})),
        ("a loss of another key", lambda r: r.__dict__.update(change_loss=lambda value: {**value, "validator": zero})),
    ]
    for name, edit in bad:
        code = {**refused, "code": "not_canonical"} if name == "a key twice" else refused
        yield f"a recovery: {name}", "15", case(edit), code
    yield (
        "a recovery of another network",
        "15",
        case(document(network=zero)),
        {
            "verdict": "refused",
            "code": "other_network",
        },
    )
    assert old["epoch"] == 0

    yield from other_certificates(scenario)
    step = Recovery(scenario).step()
    recovery = Recovery(scenario)

    def with_step(changed: dict) -> dict:
        return recovery.proof(changed)

    signed = step["document"]
    unsigned = [{**signed["stand_downs"][0], "signature": bytes(64)}, *signed["stand_downs"][1:]]
    kind, fields = signed["losses"][0]["signatures"][0]
    lost = [{**signed["losses"][0], "signatures": [(kind, {**fields, "signature": bytes(64)})]}]
    parts = [
        ("without a base", {**step, "base": None}),
        ("without a leaf", {**step, "leaves": step["leaves"][:-1]}),
        ("with a leaf more", {**step, "leaves": [*step["leaves"], step["leaves"][-1]]}),
        ("with leaves in another order", {**step, "leaves": step["leaves"][::-1]}),
        ("with a member's signature less", {**step, "document": {**signed, "members": signed["members"][:2]}}),
        ("with a validator's signature less", {**step, "document": {**signed, "validators": signed["validators"][:3]}}),
        (
            "with validators in another order",
            {**step, "document": {**signed, "validators": signed["validators"][::-1]}},
        ),
        ("with a stand-down less", {**step, "document": {**signed, "stand_downs": signed["stand_downs"][:1]}}),
        ("with two leaves swapped", {**step, "leaves": [*step["leaves"][:-2], *step["leaves"][:-3:-1]]}),
        ("with a bad stand-down", {**step, "document": {**signed, "stand_downs": unsigned}}),
        ("with a bad loss", {**step, "document": {**signed, "losses": lost}}),
        ("with a loss less", {**step, "document": {**signed, "losses": []}}),
    ]
    for name, changed in parts:
        yield f"a recovery {name}", "15", with_step(changed), {"verdict": "refused"}

    rng = scenario.random
    for path, change, mutant in mutants.structural(t.SIGNED_RECOVERY, signed, rng, 120):
        if len(path) > 0 and path[0] == "members" and change == "the last left out" and len(path) == 1:
            continue
        name = f"a recovery: {'.'.join(map(str, path))}: {change}"
        yield name, "15", with_step({**step, "document": mutant}), {"verdict": "refused"}


def other_certificates(scenario: Scenario) -> Iterator[tuple[str, str, dict, dict]]:
    """Stand-downs whose certificate is not one, members that do not count, and a recovery before the first block."""
    ledger = scenario.ledger
    refused = {"verdict": "refused"}

    def certified(head: dict) -> dict:
        recovery = Recovery(scenario)
        recovery.change_stand_down = lambda value: {**value, "certified": head} if value["validator"] else value
        return recovery.proof()

    old = ledger.committees[-1]

    def sealed(**changed: Any) -> dict:
        header = {**ledger.headers[20], **changed}
        return {"header": header, "seals": ledger.seals(header, {**old, "epoch": header["epoch"]})}

    head = ledger.head(20)
    earlier = {**ledger.headers[19], "epoch": 0}
    for name, other in (
        ("of an earlier epoch, sealed in this one", {"header": earlier, "seals": ledger.seals(earlier, old)}),
        ("of two seals", {**head, "seals": head["seals"][:2]}),
        ("of a bad seal", {**head, "seals": [*head["seals"][:2], {"validator": 3, "signature": bytes(64)}]}),
        ("of another network", sealed(network=bytes(32))),
        ("of a later epoch", sealed(epoch=2)),
        ("of another epoch's committee", ledger.head(5)),
        ("of the epoch before, which led to this one", ledger.head(11)),
    ):
        yield f"a recovery: a certificate {name}", "15", certified(other), refused
    yield (
        "a recovery: a certificate of four seals",
        "15",
        certified(ledger.head(20, [0, 1, 2, 3])),
        {"verdict": "proven"},
    )

    # Member 2 is expelled: it neither signs nor has a seat.
    member = {**t.MEMBER.decode(ledger.state[member_key(2)]), "status": ("Expelled", None)}
    for name, signing, expect in (
        ("signs", [0, 1, 2], {**refused, "code": "bad_recovery"}),
        ("does not sign", [0, 1], {"verdict": "proven"}),
        ("does not sign, nor another", [0], {**refused, "code": "bad_recovery"}),
    ):
        recovery = Recovery(scenario)
        recovery.state = {**ledger.state, member_key(2): t.MEMBER.write(member)}
        header = {**ledger.headers[-1], "state_root": tree(recovery.state)}
        recovery.base = {"header": header, "seals": ledger.seals(header, old)}
        seats = [seat for seat in recovery.committee["seats"] if seat["member"] != 2]
        recovery.committee = {**recovery.committee, "seats": seats}
        recovery.members = signing
        yield f"forged: a recovery in which one expelled {name}", "15", recovery.proof(), expect

    proof = ledger.prove_committees(0)
    proof["body"][1]["steps"].append(("Recovery", on_genesis(scenario)))
    facts = {"epochs": [{"epoch": 0, "last": 0}, {"epoch": 1, "first": 1}]}
    yield "a recovery before the first block", "15", proof, {"verdict": "proven", "facts": facts}


def on_genesis(scenario: Scenario) -> dict:
    """The step of a recovery of the first epoch, in which nothing was certified."""
    ledger = scenario.ledger
    first = Recovery(scenario)
    first.base = None
    first.old = ledger.committees[0]
    first.state = ledger.states[0]
    first.committee = {**first.old, "epoch": 1, "seats": first.committee["seats"]}
    first.document = {"old_epoch": 0, "new_epoch": 1}
    first.change_stand_down = lambda value: {**value, "certified": None}
    return first.step()


def given_up(scenario: Scenario) -> Iterator[Made]:
    """Heads that the old epoch certified above the base of a recovery."""
    ledger = scenario.ledger
    recovery = Recovery(scenario, height=25)
    committees = recovery.proof()
    proven = {"verdict": "proven"}
    for height in (12, 25):
        proof = ledger.prove_transaction(3, height)
        yield f"a head at {height}, a recovery on 25", "15", [proof, committees], proven, False
    for height in (26, 29):
        proof = ledger.prove_transaction(3, height)
        given = {"verdict": "refused", "code": "given_up"}
        yield f"a head at {height}, given up", "17, 23", [proof, committees], given, False

    fork = ledger.fork()
    for signer in recovery.new_keys["validator"]:
        fork.validators = {**fork.validators, signer.public: signer}
    digest = tagged("committee", t.COMMITTEE.write(recovery.committee))
    header = {**ledger.headers[25], "epoch": 2, "next_committee": digest}

    def new(**changed: Any) -> dict:
        changed_header = {**header, **changed}
        return {"header": changed_header, "seals": fork.seals(changed_header, recovery.committee)}

    proof = ledger.prove_transaction(3, 26)
    headed = mutants.replaced(proof, ("body", "Transaction", "head"), new())
    yield "a head of the new epoch", "15", [headed, committees], proven, False
    headed = mutants.replaced(proof, ("body", "Transaction", "head"), new(height=25))
    outside = {"verdict": "refused", "code": "outside_epoch"}
    yield "a head of the new epoch at the base", "15", [headed, committees], outside, False

    def hash_of(head: dict) -> bytes:
        return tagged("block", t.HEADER.write(head["header"]))

    # Those who stood down are accused only of what they cannot have done honestly.
    old = ledger.head(26)
    for name, other, accused in (
        ("the same proposal", new(), ([], [])),
        ("another proposal", new(proposal=bytes(32)), ([0, 1], [3])),
    ):
        both = sorted([old, other], key=hash_of)
        body = {"first": both[0], "second": both[1], "there": None}
        sides = [
            {"given_up_by": 1, "accused_of_stand_down": accused[0], "accused_of_loss": accused[1]}
            if each is old
            else {"epoch": 2}
            for each in both
        ]
        histories = {"network": ledger.network, "body": ("TwoHistories", body)}
        expect = {**proven, "facts": {"histories": sides}}
        yield f"two histories, one given up, {name}", "17 TwoHistories", [histories, committees], expect, False
    changed = {**old["header"], "proposal": b"\x02" * 32}
    both = sorted([old, {"header": changed, "seals": ledger.seals(changed, ledger.committees[1])}], key=hash_of)
    body = {"first": both[0], "second": both[1], "there": None}
    histories = {"network": ledger.network, "body": ("TwoHistories", body)}
    sides = [{"given_up_by": 1, "accused_of_stand_down": [], "accused_of_loss": []}] * 2
    expect = {**proven, "facts": {"histories": sides}}
    yield "two histories, both given up", "15, 17 TwoHistories", [histories, committees], expect, False
    hashes = [leaf(tagged("block", t.HEADER.write(each))) for each in ledger.headers[:25]]
    hashes.append(leaf(hash_of(new(proposal=bytes(32)))))
    higher = new(height=27, chain_root=mth(hashes), proposal=b"\x01" * 32)
    there = {"hash": hash_of(new(proposal=bytes(32))), "path": audit_path(25, hashes)}
    histories = {"network": ledger.network, "body": ("TwoHistories", {"first": old, "second": higher, "there": there})}
    sides = [{"given_up_by": 1, "accused_of_stand_down": [], "accused_of_loss": []}, {"epoch": 2}]
    expect = {**proven, "facts": {"histories": sides}}
    yield "two histories of two heights, one given up", "17 TwoHistories", [histories, committees], expect, False


def stand_downs(scenario: Scenario) -> Iterator[tuple[str, str, dict, dict]]:
    """What stood open, and what is certified twice."""
    ledger = scenario.ledger
    refused, proven = {"verdict": "refused", "code": "bad_recovery"}, {"verdict": "proven"}

    def prepared(*heights: int) -> tuple:
        proposal = {"timestamp": 1, "batches": []}
        fields = {"view": 0, "proposal": proposal, "pre_prepare": None, "prepares": []}
        return "Pbft", [{**fields, "height": height} for height in heights]

    many = {"verdict": "refused", "code": "not_canonical"}
    for name, validator, heights, expect in (
        ("above the certified height", 0, [30, 31], proven),
        ("at the certified height", 0, [29], refused),
        ("below it too", 0, [28, 30], refused),
        ("not ascending", 0, [31, 30], many),
        ("of 128 heights", 0, list(range(30, 158)), proven),
        ("of 129 heights", 0, list(range(30, 159)), many),
        ("above a lower certified height", 1, [21], proven),
        ("at a lower certified height", 1, [20], refused),
    ):
        recovery = Recovery(scenario)

        def opened(value: dict, validator: int = validator, heights: list[int] = heights) -> dict:
            return {**value, "open": prepared(*heights)} if value["validator"] == validator else value

        recovery.change_stand_down = opened
        yield f"a recovery: open work {name}", "15", recovery.proof(), expect

    other = {**ledger.headers[19], "state_root": bytes(32)}
    split = {"header": other, "seals": ledger.seals(other, ledger.committees[-1])}
    for name, head, expect in (("the same block", ledger.head(20), proven), ("another", split, refused)):
        recovery = Recovery(scenario)
        recovery.stood_down, recovery.lost = [0, 1, 2], []

        def certified(value: dict, head: dict = head) -> dict:
            return {**value, "certified": head} if value["validator"] == 2 else value

        recovery.change_stand_down = certified
        yield f"a recovery: one height certified twice, as {name}", "15", recovery.proof(), expect


def signing(scenario: Scenario) -> Iterator[tuple[str, str, dict, dict]]:
    """Who signs for the members, and how many of them."""
    ledger = scenario.ledger
    refused, proven = {"verdict": "refused", "code": "bad_recovery"}, {"verdict": "proven"}
    rules = t.RULES.decode(ledger.state[single_key(1)])
    for name, changed, members, expect in (
        ("strict asks for all, three sign", {"strict": ("All", None)}, [0, 1, 2], refused),
        ("strict asks for all, all sign", {"strict": ("All", None)}, [0, 1, 2, 3], proven),
        ("strict is raised to all, three sign", {"quotas": ("All", None)}, [0, 1, 2], refused),
    ):
        recovery = Recovery(scenario)
        recovery.set_state({single_key(1): t.RULES.write({**rules, **changed})})
        recovery.members = members
        yield f"a recovery: {name}", "14, 15", recovery.proof(), expect

    # Half is never enough: of a fifth member's three are more than half, and less than two thirds.
    half = {name: ("MoreThanHalf", None) for name, value in rules.items() if isinstance(value, tuple)}
    fifth = {**t.MEMBER.decode(ledger.state[member_key(0)]), "number": 4, "account": scenario.dave.address}
    for members, expect in (([0, 1, 2], refused), ([0, 1, 2, 3], proven)):
        recovery = Recovery(scenario)
        recovery.set_state({single_key(1): t.RULES.write({**rules, **half}), member_key(4): t.MEMBER.write(fifth)})
        recovery.members = members
        yield f"a recovery: half is asked for, {len(members)} of five sign", "15", recovery.proof(), expect

    # One active member; the half that is needed counts those that have not left.
    for status, expect in (("Expelled", proven), ("Left", proven), ("Dormant", refused)):
        recovery = Recovery(scenario)
        recovery.set_members(**{f"m{n}": {"status": (status, None)} for n in (1, 2, 3)})
        recovery.members = [0]
        seats = [{**seat, "member": 0} for seat in recovery.committee["seats"][:3]]
        recovery.committee = {**recovery.committee, "seats": seats}
        yield f"a recovery: one member, the others are {status}", "15", recovery.proof(), expect

    small = b"\x01" + bytes(31)
    forged = [("Ed25519", {"key": small, "signature": small + bytes(32)})]
    recovery = Recovery(scenario)
    recovery.set_members(m0={"account": tagged("address", b"\x00" + small)[:20]})
    recovery.change_members = lambda signing, content: [{**signing[0], "signatures": forged}, *signing[1:]]
    yield "a recovery: a member whose key is of small order", "2, 15", recovery.proof(), refused

    carol = scenario.carol
    alpha = scenario.accounts["alpha"]
    edits: list[tuple[str, Callable[[list, bytes], list]]] = [
        (
            "with a stranger's signature",
            lambda signing, content: [
                {**signing[0], "signatures": key_signatures([alpha, carol], "recovery", content)},
                *signing[1:],
            ],
        ),
        (
            "with signatures not ascending",
            lambda signing, content: [
                signing[0],
                {**signing[1], "signatures": signing[1]["signatures"][::-1]},
                *signing[2:],
            ],
        ),
        (
            "below a threshold",
            lambda signing, content: [
                signing[0],
                {**signing[1], "signatures": signing[1]["signatures"][:1]},
                *signing[2:],
            ],
        ),
        (
            "with one over something else",
            lambda signing, content: [
                {**signing[0], "signatures": key_signatures([alpha], "recovery", content + b"x")},
                *signing[1:],
            ],
        ),
    ]
    for name, edit in edits:
        recovery = Recovery(scenario)
        recovery.change_members = edit
        yield f"a recovery: members {name}", "15", recovery.proof(), refused


def on_the_block_before(scenario: Scenario) -> Iterator[tuple[str, str, dict, dict]]:
    """A recovery of an epoch that certified nothing builds on the block that led to it."""
    ledger = scenario.ledger
    refused, proven = {"verdict": "refused", "code": "bad_recovery"}, {"verdict": "proven"}

    def case(edit: Callable[[Recovery], None]) -> dict:
        recovery = Recovery(scenario)
        recovery.build_on(11)
        edit(recovery)
        return recovery.proof()

    def sealed(recovery: Recovery) -> None:
        recovery.base = ledger.head(11)

    def certified(recovery: Recovery) -> None:
        head = ledger.head(12)
        recovery.change_stand_down = lambda v: {**v, "certified": None if v["validator"] else head}

    def higher(recovery: Recovery) -> None:
        recovery.base, recovery.state = ledger.head(12), ledger.states[12]

    def nothing(recovery: Recovery) -> None:
        recovery.base = None

    epochs = [{"epoch": 0, "last": 11}, {"epoch": 1, "first": 12, "last": 11}, {"epoch": 2, "first": 12}]
    good = {**proven, "facts": {"epochs": epochs}}
    yield "a recovery on the block before", "17 Committees", case(lambda recovery: None), good
    yield "a recovery on the block before, with its seals", "17 Committees", case(sealed), refused
    yield "a recovery on the block before, one is certified", "17 Committees", case(certified), refused
    yield "a recovery on the block before it", "17", case(lambda recovery: recovery.build_on(10)), refused
    yield "a recovery on a block that nobody names", "17", case(higher), refused
    yield "a recovery on nothing", "17", case(nothing), refused
    other = Recovery(scenario)
    other.state = ledger.states[25]
    elsewhere = {**Recovery(scenario).step(), "base": ledger.head(25), "leaves": other.leaves()}
    yield "a recovery with the state of another base", "17", other.proof(elsewhere), refused
    agreement = t.AGREEMENT.decode(ledger.state[single_key(2)])
    later = {**agreement, "committee": {**agreement["committee"], "epoch": 5}}
    other = Recovery(scenario)
    other.set_state({single_key(2): t.AGREEMENT.write(later)})
    yield "a recovery on a state of another epoch", "15", other.proof(), refused
    for number, name in ((1, "rules"), (2, "agreement"), (3, "counters")):
        other = Recovery(scenario)
        other.state = {key: value for key, value in other.state.items() if key != single_key(number)}
        other.set_state({})
        yield f"a recovery on a state without {name}", "17", other.proof(), refused
    bare = Recovery(scenario)
    bare.base = {**ledger.head(29), "seals": []}
    expect = {"verdict": "refused", "code": "not_minimal"}
    changed = bare.step()
    changed["document"] = Recovery(scenario).step()["document"]
    yield "a recovery on a block of the epoch without seals", "17", bare.proof(changed), expect


def two_recoveries(scenario: Scenario) -> Iterator[Made]:
    """Two recoveries of one number."""
    ledger = scenario.ledger

    def proof(first: dict, second: dict) -> dict:
        return {"network": ledger.network, "body": ("TwoRecoveries", {"first": first, "second": second})}

    def hash_of(step: dict) -> bytes:
        return tagged("recovery", t.RECOVERY.write(step["document"]["recovery"]))

    steps = sorted((Recovery(scenario).step(), Recovery(scenario, "other ").step()), key=hash_of)
    bases = sorted((Recovery(scenario).step(), Recovery(scenario, height=25).step()), key=hash_of)
    rule = "17 TwoRecoveries"
    proven, refused = {"verdict": "proven"}, {"verdict": "refused"}
    unknown = {**refused, "code": "unknown_committee"}
    yield "two recoveries", rule, [proof(*steps)], proven, True
    yield "two recoveries on two bases", rule, [proof(*bases)], proven, True
    reversed_ = {**refused, "code": "not_canonical"}
    yield "two recoveries, the higher hash first", rule, [proof(*steps[::-1])], reversed_, True
    second = Recovery(scenario)
    counters = t.COUNTERS.decode(second.state[single_key(3)])
    second.set_state({single_key(3): t.COUNTERS.write({**counters, "recoveries": 1})})
    second.document = {"number": 2}
    numbers = sorted((steps[0], second.step()), key=hash_of)
    yield "two recoveries of two numbers", rule, [proof(*numbers)], {**refused, "code": "same_history"}, True
    yield "two recoveries, epoch not known", rule, [proof(*steps)], unknown, False
    yield "one recovery twice", rule, [proof(steps[0], steps[0])], {**refused, "code": "same_history"}, True
    fewer = {**steps[0], "document": {**steps[0]["document"], "losses": []}}
    yield "two recoveries of which one is not valid", rule, [proof(fewer, steps[1])], refused, True
