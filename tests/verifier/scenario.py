"""The chain that the vectors are about.

It has four members, two epochs, each operation of protocol 1, holds, texts and an erasure.
"""

from __future__ import annotations

import random
from hashlib import sha256

import mutants
from model import DAY, Ledger, Signer, key_signatures
from quorate_verifier import types as t
from quorate_verifier.genesis import DEFAULT_PARAMETERS, DEFAULT_RULES, Genesis
from quorate_verifier.hashes import tagged

START = 1_767_225_600_000
MEMBERS = ("alpha", "Beta", "gamma", "delta-4")


class Scenario:
    """Keys, the genesis document and the chain."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        name = f"{seed} "
        self.accounts = {member: Signer(name + member) for member in MEMBERS}
        self.keys = {
            kind: [Signer(f"{name}{kind} {member}") for member in MEMBERS] for kind in ("validator", "node", "witness")
        }
        self.second = Signer(name + "second of Beta", "P256")
        self.third = Signer(name + "third of Beta")
        self.carol, self.dave = Signer(name + "carol"), Signer(name + "dave", "P256")
        self.erin = Signer(name + "erin")
        self.genesis = self.make_genesis()
        self.document = Genesis(self.genesis)
        validators = {signer.public: signer for signer in self.keys["validator"]}
        self.ledger = Ledger(
            self.genesis, self.document.state(), self.document.network, self.document.committee, validators
        )
        self.marks: dict[str, int] = {}
        self.ids: dict[str, bytes] = {}
        self.never: dict = {}
        self.play()

    def draft(self) -> dict:
        """The draft."""
        alpha = self.accounts["alpha"].address
        holders = [alpha, self.accounts["Beta"].address, self.carol.address]

        def asset(code: str, decimals: int, amounts: list[int], description: str = "") -> dict:
            return {
                "code": code,
                "decimals": decimals,
                "flags": 0,
                "description": description,
                "issuer": alpha,
                "balances": [
                    {"address": address, "amount": amount} for address, amount in zip(holders, amounts) if amount
                ],
            }

        return {
            "network": "vectors.two",
            "engine": ("Pbft", None),
            "time": START,
            "members": list(MEMBERS),
            "parameters": {**DEFAULT_PARAMETERS, "max_expiry_lead_ms": 120_000, "window": 2},
            "rules": DEFAULT_RULES,
            "assets": [
                asset("EUR", 2, [10_000_000, 500_000, 30_000], "Euro, märchenhaft"),
                asset("GOLD", 0, [100, 50]),
                asset("OIL", 3, []),
                asset("USD", 2, [0, 77_700]),
                asset("BOND", 0, [1_000, 20, 3]),
                asset("TINY9", 18, [10**30]),
            ],
            "accounts": [{"address": self.erin.address, "member": 2}],
            "grants": sorted(
                [
                    {"account": self.dave.address, "right": ("Audit", None), "scope": ("Network", None)},
                    {"account": self.carol.address, "right": ("Mint", None), "scope": ("Asset", "BOND")},
                    {"account": self.carol.address, "right": ("CreateAsset", None), "scope": ("Member", 1)},
                ],
                key=t.DRAFT_GRANT.write,
            ),
        }

    def administrators(self, member: str) -> list[Signer]:
        """Who signs for a member's account."""
        return [self.accounts[member], self.second] if member == "Beta" else [self.accounts[member]]

    def signers(self, member: str) -> dict | None:
        """A member's signers; None: its one key."""
        if member != "Beta":
            return None
        keys = sorted((self.accounts["Beta"], self.second, self.third), key=lambda each: each.encoded)
        return {
            "threshold": 3,
            "signers": [{"key": each.key, "weight": 2 if each is self.second else 1} for each in keys],
        }

    def join(self, for_draft: dict, who: str, administrators: list[Signer] | None = None, **changed: object) -> dict:
        """A member's join; what is changed of its body is signed as well, whatever it breaks."""
        number = MEMBERS.index(who)
        body = {
            "draft": tagged("draft", mutants.raw(t.DRAFT, for_draft)),
            "member": who,
            **{kind: self.keys[kind][number].public for kind in self.keys},
            "account": self.accounts[who].key,
            "signers": self.signers(who),
            "addresses": [f"/ip4/10.0.0.{number + 1}/tcp/9100", f"/dns/{who.lower()}.example/tcp/9100"],
            **changed,
        }
        content = mutants.raw(t.JOIN_BODY, body)
        own = {kind: self.keys[kind][number] for kind in self.keys}
        known = {signer.public: signer for signers in self.keys.values() for signer in signers}
        return {
            "body": body,
            **{kind: known.get(body[kind], own[kind]).raw("join", content) for kind in self.keys},
            "administrators": key_signatures(administrators or self.administrators(who), "join", content),
        }

    def make_genesis(self) -> dict:
        """The genesis document."""
        draft = self.draft()
        return {"draft": draft, "joins": [self.join(draft, member) for member in MEMBERS]}

    def pay(self, payer: Signer, to: bytes, asset: str, amount: int, text: str = "", **named: object) -> dict:
        """A plain payment."""
        texts = [(("Operation", {"index": 0, "field": 0}), text.encode())] if text else None
        operation = (0, "Transfer", {"to": to, "asset": asset, "amount": amount})
        return self.ledger.transaction([payer], [operation], [payer], texts=texts, **named)

    def id_of(self, transaction: dict) -> bytes:
        """A transaction's id."""
        return tagged("transaction", t.INTENT.write(transaction["intent"]))

    def play(self) -> None:
        """Makes all blocks."""
        ledger, rng = self.ledger, self.random
        alpha, beta = self.accounts["alpha"], self.accounts["Beta"]
        carol, dave, erin = self.carol, self.dave, self.erin

        # 1: a memo of the transaction's own, a payment against a bond by two parties, a copy, a stranger's signature.
        memo = ledger.transaction(
            [alpha],
            [(0, "Transfer", {"to": carol.address, "asset": "EUR", "amount": 12_345})],
            [alpha],
            texts=[
                (("Memo", None), "Miete für Januar".encode()),
                (("Operation", {"index": 0, "field": 0}), b"Carol C., 4711"),
            ],
        )
        against = ledger.transaction(
            [carol, alpha.address],
            [
                (0, "Transfer", {"to": alpha.address, "asset": "EUR", "amount": 2_000}),
                (1, "Transfer", {"to": carol.address, "asset": "BOND", "amount": 5}),
            ],
            [carol, alpha],
        )
        attached = self.pay(alpha, dave.address, "EUR", 1)
        attached["signatures"] = key_signatures([alpha, dave], "transaction", t.INTENT.write(attached["intent"]))
        too_much = self.pay(dave, alpha.address, "EUR", 5)
        ledger.block([(1, [memo, against, memo]), (2, [attached, too_much])])
        self.ids["memo"], self.ids["against"], self.ids["failed"] = map(self.id_of, (memo, against, too_much))

        # 2: records, their texts; an asset made and minted at once; minted and burnt to nothing.
        digest = sha256(b"a document").digest()
        records = ledger.transaction(
            [alpha],
            [
                (0, "PutRecord", {"sha256": digest, "keep": ("Own", None)}),
                (0, "PutRecord", {"sha256": digest, "keep": ("Unique", None)}),
                (0, "PutRecord", {"sha256": sha256(b"another").digest(), "keep": ("Log", None)}),
            ],
            [alpha],
            texts=[
                (("Operation", {"index": 0, "field": 0}), b"contract"),
                (("Operation", {"index": 0, "field": 1}), bytes(range(40))),
                (("Operation", {"index": 2, "field": 0}), "Anhang \U0001f4c4".encode()),
            ],
        )
        made = ledger.transaction(
            [erin],
            [
                (0, "CreateAsset", {"code": "SEED", "decimals": 1, "flags": 0}),
                (0, "Mint", {"to": erin.address, "asset": "SEED", "amount": 777}),
            ],
            [erin],
        )
        netted = ledger.transaction(
            [alpha],
            [
                (0, "Mint", {"to": alpha.address, "asset": "OIL", "amount": 50}),
                (0, "Burn", {"asset": "OIL", "amount": 50}),
            ],
            [alpha],
        )
        bare = ledger.transaction([erin], [(0, "CreateAsset", {"code": "LEAF", "decimals": 0, "flags": 0})], [erin])
        ledger.block([(0, [records, made, netted, bare])])
        self.ids["records"] = self.id_of(records)
        self.digest = digest

        # 3: holds.
        secret = sha256(b"a secret").digest()
        until = ledger.time + 20_000

        def hold(beneficiary: bytes, asset: str, amount: int, leaves: list[tuple], need: int) -> tuple:
            ordered = sorted(leaves, key=t.CONDITION_LEAF.write)
            condition = {"need": need, "leaves": ordered}
            fields = {"beneficiary": beneficiary, "asset": asset, "amount": amount, "until": until}
            return 0, "Hold", {**fields, "condition": condition}

        hashed = ("Preimage", sha256(secret).digest())
        holds = ledger.transaction(
            [alpha],
            [
                hold(carol.address, "EUR", 400, [hashed], 1),
                hold(dave.address, "BOND", 7, [("Signs", beta.address), ("From", ledger.time + 5_000)], 2),
                hold(erin.address, "USD", 9, [("Signs", erin.address)], 1),
                hold(carol.address, "TINY9", 10**20, [("Record", {"sha256": digest, "by": alpha.address})], 1),
            ],
            [alpha],
        )
        enough = self.pay(beta, alpha.address, "USD", 5_000)
        enough["signatures"] = key_signatures([beta, self.second], "transaction", t.INTENT.write(enough["intent"]))
        ledger.block([(3, [enough, holds])])
        self.hold_id = self.id_of(holds)
        self.ids["holds"] = self.hold_id

        def reference(operation: int) -> dict:
            return {"owner": alpha.address, "transaction": self.hold_id, "operation": operation}

        def release(operation: int, amount: int | None, preimages: list[bytes]) -> tuple:
            return 0, "Release", {"hold": reference(operation), "amount": amount, "preimages": preimages}

        # 4: released in part by the beneficiary, released too early, released by a record, given up.
        part = ledger.transaction([carol], [release(0, 150, [secret])], [carol])
        early = ledger.transaction([dave], [release(1, None, [])], [dave])
        by_record = ledger.transaction([erin], [release(3, None, [])], [erin])
        given_up = ledger.transaction([erin], [(0, "Refund", {"hold": reference(2)})], [erin])
        ledger.block([(0, [part, early]), (2, [by_record, given_up])])
        self.ids["release"], self.ids["early"] = self.id_of(part), self.id_of(early)

        # 5: an erasure; a transaction that is never executed.
        erase = ledger.transaction(
            [carol],
            [
                (
                    0,
                    "Erase",
                    {
                        "intent": t.INTENT.write(memo["intent"]),
                        "places": [("Operation", {"index": 0, "field": 0})],
                    },
                )
            ],
            [carol],
        )
        not_yet = ledger.transaction(
            [alpha],
            [(0, "Freeze", {"account": dave.address, "asset": None})],
            [alpha],
            texts=[(("Operation", {"index": 0, "field": 0}), b"too soon")],
        )
        ledger.block([(1, [erase, not_yet])])
        self.ids["erase"] = self.id_of(erase)
        self.never = self.pay(carol, dave.address, "EUR", 999, expires_in=30_000)

        # 6 to 9: signers change; many payments, so that histories pass waypoints; a rejoin ends the epoch.
        keys = sorted((carol, self.third), key=lambda each: each.encoded)
        signers = {"threshold": 2, "signers": [{"key": each.key, "weight": 1} for each in keys]}
        change = ledger.transaction([carol], [(0, "SetSigners", {"signers": signers})], [carol])
        ledger.block([(0, [change])])
        for height in range(7, 22):
            payments = [
                self.pay(
                    alpha,
                    rng.choice((dave, erin, beta)).address,
                    rng.choice(("EUR", "EUR", "BOND", "TINY9")),
                    rng.randint(1, 20),
                    rng.choice(("", "", f"invoice {height}")),
                )
                for _ in range(rng.randint(3, 8))
            ]
            for _ in range(3):
                mint = {"to": alpha.address, "asset": "GOLD", "amount": rng.randint(1, 9)}
                payments.append(ledger.transaction([alpha], [(0, "Mint", mint)], [alpha]))
            if height == 9:
                rejoin = {"validator": self.keys["validator"][3].public, "token": sha256(b"token").digest()}
                payments.append(
                    ledger.transaction([self.accounts["delta-4"]], [(0, "Rejoin", rejoin)], [self.accounts["delta-4"]])
                )
            if height == 12:
                lone = self.pay(carol, dave.address, "EUR", 3)
                both = self.pay(carol, dave.address, "EUR", 4)
                content = t.INTENT.write(both["intent"])
                both["signatures"] = key_signatures([carol, self.third], "transaction", content)
                payments += [lone, both]
            ledger.block([(height % 4, payments)], after_ms=rng.choice((0, 1, 950, 2_000)))

        # 22: after `until`, refunds of the rest and of what was never released.
        refunds = [
            ledger.transaction([dave], [(0, "Refund", {"hold": reference(0)})], [dave], expires_in=90_000),
            ledger.transaction([dave], [release(1, None, [])], [dave], expires_in=90_000),
        ]
        ledger.block([(1, refunds)], after_ms=30_000)
        self.ids["refund"] = self.id_of(refunds[0])
        ledger.block([], after_ms=5_000)
        # 24: a day and more later, so that what the members signed is raised.
        late = [self.pay(alpha, erin.address, "EUR", 100, expires_in=DAY + 60_000 + 60_000)]
        ledger.block([(2, late)], after_ms=DAY + 60_000)
        for height in range(25, 30):
            payments = [self.pay(alpha, dave.address, "EUR", rng.randint(1, 9)) for _ in range(rng.randint(0, 4))]
            ledger.block([(height % 4, payments)] if payments else [])
