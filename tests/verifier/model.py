"""A straightforward model of a ledger, to make vectors with.

It follows the page's formulas literally and slowly: RFC 6962's recursive definitions, the state root's recursion bit by
bit, every state kept. It shares with the verifier the tables of types (held to the page's printed bytes by the tests),
key derivation and `bcs`, and none of the code that checks.
"""

from __future__ import annotations

import copy
import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from quorate_verifier import Refusal
from quorate_verifier import types as t
from quorate_verifier.hashes import preimage, tagged
from quorate_verifier.keys import good_key
from quorate_verifier.state import (
    account_key,
    asset_key,
    balance_key,
    erasure_key,
    hold_key,
    key_at,
    member_key,
    own_record_key,
    single_key,
    unique_record_key,
)

DAY = 86_400_000
ZERO = bytes(32)
LIMIT = 10**38
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


# Lists, by RFC 6962's own words.


def _split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def mth(hashes: list[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = _split(len(hashes))
    return sha256(b"\x01" + mth(hashes[:middle]) + mth(hashes[middle:])).digest()


def audit_path(place: int, hashes: list[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(hashes) <= 1:
        return []
    middle = _split(len(hashes))
    if place < middle:
        return audit_path(place, hashes[:middle]) + [mth(hashes[middle:])]
    return audit_path(place - middle, hashes[middle:]) + [mth(hashes[:middle])]


def peaks(hashes: list[bytes]) -> list[bytes]:
    """The complete subtrees that a list falls into, largest first."""
    found, at = [], 0
    for place in reversed(range(64)):
        if len(hashes) >> place & 1:
            found.append(mth(hashes[at : at + (1 << place)]))
            at += 1 << place
    return found


def leaf(data: bytes) -> bytes:
    """A list's leaf hash."""
    return sha256(b"\x00" + data).digest()


# The state tree, by the page's recursion.


def _bit(key: bytes, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def _apart(keys: list[bytes], depth: int) -> tuple[int, list[bytes], list[bytes]]:
    """The first depth from this one on at which some bits are 0 and some 1, and the two sides."""
    different = int.from_bytes(min(keys), "big") ^ int.from_bytes(max(keys), "big")
    parting = 256 - different.bit_length()
    assert depth <= parting
    ones = [key for key in keys if _bit(key, parting)]
    return parting, [key for key in keys if not _bit(key, parting)], ones


def tree(leaves: dict[bytes, bytes]) -> bytes:
    """`root(S, d)`; depths at which one side is empty hash nothing and are skipped."""

    def root(keys: list[bytes], depth: int) -> bytes:
        if len(keys) == 1:
            return sha256(b"\x02" + keys[0] + sha256(b"\x04" + leaves[keys[0]]).digest()).digest()
        depth, left, right = _apart(keys, depth)
        return sha256(b"\x03" + bytes([depth]) + root(left, depth + 1) + root(right, depth + 1)).digest()

    return root(list(leaves), 0) if leaves else ZERO


def state_proof(leaves: dict[bytes, bytes], bits: int, key: bytes) -> dict:
    """The proof of all that lies under a prefix."""
    path, here, depth = [], dict(leaves), 0
    while len(here) > 1 and not _under(here, bits, key):
        depth, zeros, ones = _apart(list(here), depth)
        mine, others = (ones, zeros) if _bit(key, depth) else (zeros, ones)
        path.append({"depth": depth, "sibling": tree({k: here[k] for k in others})})
        here = {k: here[k] for k in mine}
    under = _under(here, bits, key)
    if not here:
        found: tuple = ("Empty", None)
    elif under:
        found = ("Leaves", [{"key": k, "value": v} for k, v in sorted(here.items())])
    else:
        ((k, v),) = here.items()
        found = ("Other", {"key": k, "value": sha256(b"\x04" + v).digest()})
    return {"prefix": {"bits": bits, "key": key}, "path": path, "found": found}


def _under(leaves: dict[bytes, bytes], bits: int, key: bytes) -> bool:
    shift = 256 - bits
    wanted = int.from_bytes(key, "big") >> shift
    return bool(leaves) and all(int.from_bytes(k, "big") >> shift == wanted for k in leaves)


# Keys.


class Signer:
    """An Ed25519 or P-256 key pair made from a name, or from its private bytes."""

    def __init__(self, name: str, kind: str = "Ed25519", seed: bytes | None = None) -> None:
        self.kind = kind
        seed = seed or sha256(b"quorate vectors " + name.encode()).digest()
        self.private: Any
        if kind == "Ed25519":
            self.private = Ed25519PrivateKey.from_private_bytes(seed)
            public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            self.secret = int.from_bytes(seed, "big") % P256_N
            self.private = ec.derive_private_key(self.secret, ec.SECP256R1())
            public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        self.key = (kind, public)
        self.public = public
        encoded = (b"\x00" if kind == "Ed25519" else b"\x01") + public
        self.encoded = encoded
        self.address = tagged("address", encoded)[:20]

    def raw(self, tag: str, content: bytes) -> bytes:
        """64 bytes of signature under a tag."""
        message = preimage(tag, content)
        if self.kind == "Ed25519":
            return self.private.sign(message)
        return self._ecdsa(sha256(message).digest())

    def _ecdsa(self, digest: bytes) -> bytes:
        """ECDSA with the nonce of RFC 6979, section 3.2, and low s."""
        secret = self.secret.to_bytes(32, "big")
        number = int.from_bytes(digest, "big")
        reduced = (number % P256_N).to_bytes(32, "big")
        key, value = bytes(32), b"\x01" * 32
        for separator in (b"\x00", b"\x01"):
            key = hmac.digest(key, value + separator + secret + reduced, "sha256")
            value = hmac.digest(key, value, "sha256")
        while True:
            value = hmac.digest(key, value, "sha256")
            nonce = int.from_bytes(value, "big")
            if 0 < nonce < P256_N:
                point = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers()
                r = point.x % P256_N
                s = pow(nonce, -1, P256_N) * (number + r * self.secret) % P256_N
                if r and s:
                    return r.to_bytes(32, "big") + min(s, P256_N - s).to_bytes(32, "big")
            key = hmac.digest(key, value + b"\x00", "sha256")
            value = hmac.digest(key, value, "sha256")

    def sign(self, tag: str, content: bytes) -> tuple:
        """A `KeySignature`."""
        return self.kind, {"key": self.public, "signature": self.raw(tag, content)}


def key_signatures(signers: list[Signer], tag: str, content: bytes) -> list:
    """Signatures in their order."""
    return [signer.sign(tag, content) for signer in sorted(signers, key=lambda each: each.encoded)]


# The ledger.


@dataclass
class History:
    """All of one owner's history."""

    start: list
    hashes: list[bytes]
    steps: list[dict] = field(default_factory=list)
    entries: list[tuple] = field(default_factory=list)
    transactions: list[dict] = field(default_factory=list)
    balances: list[list] = field(default_factory=list)
    """What the owner had after each step, as balance items."""

    @property
    def waypoints(self) -> list[bytes]:
        """Leaf hashes of the waypoints' list."""
        return [leaf(self.hashes[number]) for number in range(32, len(self.hashes), 32)]


class Fails(Exception):
    """An operation fails with a code."""


class Ledger:
    """A chain in full: all blocks, states, histories."""

    def __init__(self, genesis: dict, state: dict[bytes, bytes], network: bytes, committee: dict, seats: dict) -> None:
        self.genesis = genesis
        self.network = network
        self.validators: dict[bytes, Signer] = seats
        self.state = dict(state)
        self.states = [dict(state)]
        self.headers: list[dict] = []
        self.blocks: list[dict] = []
        self.log: list[tuple] = []
        self.log_hashes: list[bytes] = []
        self.committees = [committee]
        self.time = genesis["draft"]["time"]
        self.histories: dict[tuple, History] = {}
        self.texts: dict[bytes, list] = {}
        self.shown: dict[bytes, dict] = {}
        self.spent: dict[bytes, int] = {}
        """Until when the id of an executed transaction cannot be executed again."""
        self.numbers = 0
        for key, value in state.items():
            if key[0] == 1 and not any(key[21:]):
                account = t.ACCOUNT.decode(value)
                start = self._items(account["address"])
                self.histories["Account", account["address"]] = History(start, [account["last"]])
            elif key[0] == 3:
                asset = t.ASSET.decode(value)
                start = [{"asset": asset["code"], "free": asset["supply"], "held": 0}] if asset["supply"] else []
                self.histories["Asset", asset["code"]] = History(start, [asset["last"]])

    def fork(self) -> Ledger:
        """The same chain, which can be continued apart from this one."""
        other = copy.copy(self)
        for name in ("headers", "blocks", "states", "log", "log_hashes", "committees"):
            setattr(other, name, list(getattr(self, name)))
        for name in ("state", "texts", "shown", "spent"):
            setattr(other, name, dict(getattr(self, name)))
        other.histories = {
            owner: History(
                history.start,
                list(history.hashes),
                list(history.steps),
                list(history.entries),
                list(history.transactions),
                list(history.balances),
            )
            for owner, history in self.histories.items()
        }
        return other

    # Reading and writing of state: `self.over` has what a transaction changed.

    def _get(self, key: bytes, type_: Any) -> Any:
        data = self.over[key] if key in self.over else self.state.get(key)
        return None if data is None else type_.decode(data)

    def _put(self, key: bytes, type_: Any, value: Any) -> None:
        self.over[key] = None if value is None else type_.write(value)

    def _items(self, address: bytes) -> list:
        account = self.state.get(account_key(address))
        found = list(t.ACCOUNT.decode(account)["balances"]) if account else []
        prefix = b"\x01" + address
        found += [
            t.BALANCE.decode(value) for key, value in self.state.items() if key.startswith(prefix) and any(key[21:])
        ]
        items = [{name: item[name] for name in ("asset", "free", "held")} for item in found]
        return sorted((item for item in items if item["free"] or item["held"]), key=lambda item: item["asset"])

    def _account(self, address: bytes) -> dict:
        found = self._get(account_key(address), t.ACCOUNT)
        return found or {
            "address": address,
            "signers": None,
            "member": None,
            "frozen": False,
            "holds": 0,
            "others": 0,
            "balances": [],
            "entries": 0,
            "last": self._start(("Account", address), []),
            "waypoints": [],
        }

    def _start(self, owner: tuple, items: list) -> bytes:
        root = mth([leaf(t.BALANCE_ITEM.write(item)) for item in items])
        return tagged(
            "history-start", t.HISTORY_START.write({"network": self.network, "owner": owner, "balances": root})
        )

    def _asset(self, code: str) -> dict:
        asset = self._get(asset_key(code), t.ASSET)
        if asset is None:
            raise Fails(1)
        return asset

    def _balance(self, address: bytes, asset: dict) -> dict:
        empty = {"asset": asset["code"], "free": 0, "held": 0, "incoming": 0}
        if asset["number"] < 4:
            for item in self._account(address)["balances"]:
                if item["asset"] == asset["code"]:
                    return item
            return empty
        found = self._get(balance_key(address, asset["code"]), t.BALANCE)
        return {name: found[name] for name in empty} if found else empty

    def _set_balance(self, address: bytes, asset: dict, balance: dict) -> None:
        account = self._account(address)
        empty = not (balance["free"] or balance["held"] or balance["incoming"])
        if asset["number"] < 4:
            rest = [item for item in account["balances"] if item["asset"] != asset["code"]]
            account["balances"] = sorted(rest + ([] if empty else [balance]), key=lambda item: item["asset"])
        else:
            key = balance_key(address, asset["code"])
            account["others"] -= self._get(key, t.BALANCE) is not None
            account["others"] += not empty
            self._put(key, t.BALANCE, None if empty else {"address": address, **balance})
        self._put(account_key(address), t.ACCOUNT, account)

    def _move(self, address: bytes, asset: dict, free: int = 0, held: int = 0, incoming: int = 0) -> None:
        balance = self._balance(address, asset)
        changed = {
            "asset": asset["code"],
            "free": balance["free"] + free,
            "held": balance["held"] + held,
            "incoming": balance["incoming"] + incoming,
        }
        assert min(changed["free"], changed["held"], changed["incoming"]) >= 0
        self._set_balance(address, asset, changed)

    def _needs(self, holds: bool, code: int) -> None:
        if not holds:
            raise Fails(code)

    def _needs_place(self, address: bytes, asset: dict) -> None:
        account = self._account(address)
        balance = self._balance(address, asset)
        has = balance["free"] or balance["held"] or balance["incoming"]
        self._needs(bool(has) or len(account["balances"]) + account["others"] < 256, 10)

    # Operations of protocol 1.

    def _execute(self, number: int, act: dict, intent: dict, id_: bytes, results: list) -> None:
        name, op = act["operation"]
        acting = intent["parties"][act["party"]]
        if name == "CreateAsset":
            self._needs(op["flags"] == 0, 14)
            self._needs(op["decimals"] <= 18, 7)
            self._needs(self._get(asset_key(op["code"]), t.ASSET) is None, 2)
            counters = self._get(single_key(3), t.COUNTERS)
            asset = {
                "code": op["code"],
                "number": counters["assets"],
                "issuer": acting,
                "decimals": op["decimals"],
                "flags": 0,
                "supply": 0,
                "entries": 0,
                "last": self._start(("Asset", op["code"]), []),
                "waypoints": [],
            }
            counters["assets"] += 1
            self._put(single_key(3), t.COUNTERS, counters)
            self._put(asset_key(op["code"]), t.ASSET, asset)
        elif name == "Mint":
            asset = self._asset(op["asset"])
            self._needs(asset["issuer"] == acting, 4)
            self._needs(asset["supply"] + op["amount"] < LIMIT, 5)
            self._needs_place(op["to"], asset)
            asset["supply"] += op["amount"]
            self._put(asset_key(op["asset"]), t.ASSET, asset)
            self._move(op["to"], asset, free=op["amount"])
        elif name == "Burn":
            asset = self._asset(op["asset"])
            self._needs(self._balance(acting, asset)["free"] >= op["amount"], 3)
            asset["supply"] -= op["amount"]
            self._put(asset_key(op["asset"]), t.ASSET, asset)
            self._move(acting, asset, free=-op["amount"])
        elif name == "Transfer":
            asset = self._asset(op["asset"])
            self._needs(self._balance(acting, asset)["free"] >= op["amount"], 3)
            if op["to"] != acting:
                self._needs_place(op["to"], asset)
                self._move(acting, asset, free=-op["amount"])
                self._move(op["to"], asset, free=op["amount"])
        elif name == "PutRecord":
            record = {
                "address": acting,
                "sha256": op["sha256"],
                "id": id_,
                "ordinal": len(self.log),
                "timestamp": self.block_time,
            }
            keep = op["keep"][0]
            if keep != "Log":
                own = keep == "Own"
                key = own_record_key(acting, op["sha256"]) if own else unique_record_key(op["sha256"])
                self._needs(self._get(key, t.RECORD) is None, 15 if own else 16)
                self._put(key, t.RECORD, record)
        elif name == "SetSigners":
            signers = op["signers"]
            self._needs(0 < signers["threshold"] <= sum(each["weight"] for each in signers["signers"]), 8)
            self._needs(all(good_key(each["key"]) for each in signers["signers"]), 9)
            account = self._account(acting)
            account["signers"] = signers
            self._put(account_key(acting), t.ACCOUNT, account)
        elif name == "Rejoin":
            self._rejoin(op, acting)
        elif name == "Hold":
            self._hold(number, op, acting, id_)
        elif name in ("Release", "Refund"):
            results.append(self._end_hold(name, op, intent))
        elif name == "Erase":
            self._erase(op, acting)
        else:
            raise Fails(14)

    def _rejoin(self, op: dict, acting: bytes) -> None:
        number = next(
            (
                number
                for number in range(self._get(single_key(3), t.COUNTERS)["seats"])
                if self._get(key_at(7, number.to_bytes(4, "big")), t.SEAT)["validator"] == op["validator"]
            ),
            None,
        )
        self._needs(number is not None, 11)
        assert number is not None
        key = key_at(7, number.to_bytes(4, "big"))
        seat = self._get(key, t.SEAT)
        member = self._get(member_key(seat["member"]), t.MEMBER)
        self._needs(member["account"] == acting, 12)
        before = seat["rejoin"]
        recent = 1
        if before:
            self._needs(self.block_time >= before["timestamp"] + 600_000 * 2 ** (before["recent"] - 1), 13)
            if self.block_time - before["timestamp"] < DAY:
                recent = min(8, before["recent"] + 1)
        agreement = self._get(single_key(2), t.AGREEMENT)
        seat["rejoin"] = {
            "token": op["token"],
            "epoch": agreement["committee"]["epoch"],
            "timestamp": self.block_time,
            "recent": recent,
        }
        self._put(key, t.SEAT, seat)
        if agreement["last"] is None:
            agreement["last"] = self.height + self.genesis["draft"]["parameters"]["window"]
            self._put(single_key(2), t.AGREEMENT, agreement)

    def _hold(self, number: int, op: dict, acting: bytes, id_: bytes) -> None:
        asset = self._asset(op["asset"])
        longest = self.genesis["draft"]["parameters"]["max_hold_ms"]
        self._needs(self.block_time < op["until"] <= self.block_time + longest, 18)
        self._needs(self._balance(acting, asset)["free"] >= op["amount"], 3)
        account = self._account(acting)
        self._needs(account["holds"] < 256, 31)
        self._needs_place(op["beneficiary"], asset)
        key = hold_key(acting, id_, number)
        self._needs(self._get(key, t.HOLD) is None, 17)
        account["holds"] += 1
        self._put(account_key(acting), t.ACCOUNT, account)
        self._move(acting, asset, free=-op["amount"], held=op["amount"])
        self._move(op["beneficiary"], asset, incoming=1)
        self.beneficiaries.add(op["beneficiary"])
        hold = {"owner": acting, "transaction": id_, "operation": number}
        hold |= {name: op[name] for name in ("beneficiary", "asset", "amount", "until", "condition")}
        self._put(key, t.HOLD, hold)

    def _end_hold(self, name: str, op: dict, intent: dict) -> int:
        reference = op["hold"]
        key = hold_key(reference["owner"], reference["transaction"], reference["operation"])
        hold = self._get(key, t.HOLD)
        self._needs(hold is not None, 22)
        asset = self._asset(hold["asset"])
        owner, beneficiary = hold["owner"], hold["beneficiary"]
        paid = hold["amount"]
        if name == "Release":
            self._needs(self.block_time < hold["until"], 23)
            given = {sha256(each).digest() for each in op["preimages"]}
            wanted = {value for kind, value in hold["condition"]["leaves"] if kind == "Preimage"}
            self._needs(given <= wanted, 25 + 1)
            met = 0
            for kind, value in hold["condition"]["leaves"]:
                met += (
                    value in intent["parties"]
                    if kind == "Signs"
                    else self.block_time >= value
                    if kind == "From"
                    else value in given
                    if kind == "Preimage"
                    else self._get(own_record_key(value["by"], value["sha256"]), t.RECORD) is not None
                )
            self._needs(met >= hold["condition"]["need"], 25)
            if op["amount"] is not None:
                self._needs(op["amount"] <= hold["amount"], 27)
                self._needs(beneficiary in intent["parties"], 30)
                paid = op["amount"]
            self._move(owner, asset, held=-paid)
            self._move(beneficiary, asset, free=paid)
        else:
            self._needs(self.block_time >= hold["until"] or beneficiary in intent["parties"], 24)
            self._move(owner, asset, free=paid, held=-paid)
        hold["amount"] -= paid
        if hold["amount"] == 0:
            account = self._account(owner)
            account["holds"] -= 1
            self._put(account_key(owner), t.ACCOUNT, account)
            self._move(beneficiary, asset, incoming=-1)
            self._put(key, t.HOLD, None)
        else:
            self._put(key, t.HOLD, hold)
        return paid

    def _erase(self, op: dict, acting: bytes) -> None:
        intent = t.INTENT.decode(op["intent"])
        id_ = tagged("transaction", op["intent"])
        named = set(intent["parties"])
        for act in intent["operations"]:
            fields = act["operation"][1]
            named |= {fields[name] for name in ("to", "beneficiary", "account") if name in fields}
            if "hold" in fields:
                named.add(fields["hold"]["owner"])
        self._needs(acting in named, 28)
        key = erasure_key(id_)
        erasure = self._get(key, t.ERASURE) or {"id": id_, "erased": []}
        before = [each["place"] for each in erasure["erased"]]
        self._needs(not any(place in before for place in op["places"]), 29)
        erasure["erased"] += [
            {"place": place, "by": acting, "ordinal": len(self.log), "timestamp": self.block_time}
            for place in op["places"]
        ]
        erasure["erased"].sort(key=lambda each: t.PLACE.write(each["place"]))
        self._put(key, t.ERASURE, erasure)

    # Transactions and blocks.

    def _authorised(self, transaction: dict) -> bool:
        keys = [(kind, fields["key"]) for kind, fields in transaction["signatures"]]
        used = set()
        for party in transaction["intent"]["parties"]:
            data = self.state.get(account_key(party))
            signers = t.ACCOUNT.decode(data)["signers"] if data else None
            reached = 0
            for key in keys:
                if signers is None:
                    weight = int(tagged("address", t.KEY.write(key))[:20] == party)
                else:
                    weight = next((each["weight"] for each in signers["signers"] if each["key"] == key), 0)
                if weight:
                    used.add(key)
                    reached += weight
            if reached < (signers["threshold"] if signers else 1):
                return False
        return used == set(keys)

    def _owner_leaves(self, state: dict[bytes, bytes | None]) -> dict[bytes, bytes]:
        """Leaves that belong to accounts, without their histories."""
        found = {}
        for key, value in state.items():
            if value is None or key[0] not in (1, 2):
                continue
            if key[0] == 1 and not any(key[21:]):
                account = t.ACCOUNT.decode(value)
                value = t.ACCOUNT.write({**account, "entries": 0, "last": ZERO, "waypoints": []})
            found[key] = value
        return found

    def _run(self, position: int, transaction: dict) -> dict | None:
        intent = transaction["intent"]
        id_ = tagged("transaction", t.INTENT.write(intent))
        if self.spent.get(id_, 0) > self.block_time:
            return None
        lead = self.genesis["draft"]["parameters"]["max_expiry_lead_ms"]
        if not self.block_time < intent["expires_at"] <= self.block_time + lead:
            return None
        if not self._authorised(transaction):
            return None
        self.over: dict[bytes, bytes | None] = {}
        self.beneficiaries: set[bytes] = set()
        results: list[int] = []
        outcome: tuple = ("Success", {"results": results})
        for number, act in enumerate(intent["operations"]):
            try:
                self._execute(number, act, intent, id_, results)
            except Fails as fault:
                outcome = ("Failed", {"code": fault.args[0], "operation": number})
                self.over, self.beneficiaries = {}, set()
                break
        before = {address: self._items(address) for address in self._addresses(self.over, intent)}
        supplies = {
            code: self._supply(code)
            for code in [t.ASSET.decode(v)["code"] for k, v in self.over.items() if k[0] == 3 and v is not None]
        }
        old = self._owner_leaves({key: self.state.get(key) for key in self.over})
        new = self._owner_leaves(self.over)
        changed = {key[1:21] for key in self.over if key[0] in (1, 2) and old.get(key) != new.get(key)}
        for key, value in self.over.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        entry = (
            "Transaction",
            {
                "height": self.height,
                "timestamp": self.block_time,
                "position": position,
                "id": id_,
                "expires_at": intent["expires_at"],
                "signed": tagged("signed", t.TRANSACTION.write(transaction)),
                "outcome": outcome,
            },
        )
        ordinal = len(self.log)
        self._append(entry)
        self.spent[id_] = intent["expires_at"]
        others = sorted((changed | self.beneficiaries) - set(intent["parties"]))
        if outcome[0] == "Failed":
            others = []
        for address in [*intent["parties"], *others]:
            changes = self._changes(before.get(address, []), self._items(address))
            self._grow(("Account", address), ordinal, entry, changes, transaction)
        for code, supply in sorted(supplies.items()):
            now = self._supply(code)
            if supply != now:
                change = {
                    "asset": code,
                    "free_before": supply or 0,
                    "free_after": now,
                    "held_before": 0,
                    "held_after": 0,
                }
                self._grow(("Asset", code), ordinal, entry, [change] if (supply or 0) != now else [], transaction)
        for number, data in [(n, self.state[member_key(n)]) for n in range(len(self.genesis["joins"]))]:
            member = t.MEMBER.decode(data)
            if member["account"] in intent["parties"] and self.block_time - member["signed"] > DAY:
                member["signed"] = self.block_time
                self.state[member_key(number)] = t.MEMBER.write(member)
        return outcome

    def _supply(self, code: str) -> int | None:
        data = self.state.get(asset_key(code))
        return t.ASSET.decode(data)["supply"] if data else None

    def _addresses(self, over: dict, intent: dict) -> set[bytes]:
        return {key[1:21] for key in over if key[0] == 1} | set(intent["parties"]) | self.beneficiaries

    def _changes(self, before: list, after: list) -> list:
        a = {item["asset"]: (item["free"], item["held"]) for item in before}
        b = {item["asset"]: (item["free"], item["held"]) for item in after}
        changes = []
        for code in sorted(set(a) | set(b)):
            x, y = a.get(code, (0, 0)), b.get(code, (0, 0))
            if x != y:
                changes.append(
                    {"asset": code, "free_before": x[0], "free_after": y[0], "held_before": x[1], "held_after": y[1]}
                )
        return changes

    def _append(self, entry: tuple) -> None:
        self.log.append(entry)
        self.log_hashes.append(leaf(t.LOG_ENTRY.write(entry)))

    def _grow(self, owner: tuple, ordinal: int, entry: tuple, changes: list, transaction: dict) -> None:
        history = self.histories.get(owner)
        if history is None:
            history = self.histories[owner] = History([], [self._start(owner, [])])
        number = len(history.steps) + 1
        if owner[0] == "Account":
            items = self._items(owner[1])
        else:
            supply = self._supply(owner[1])
            items = [{"asset": owner[1], "free": supply, "held": 0}] if supply else []
        root = mth([leaf(t.BALANCE_ITEM.write(item)) for item in items]) if number % 32 == 0 else None
        step = {
            "number": number,
            "ordinal": ordinal,
            "timestamp": entry[1]["timestamp"],
            "leaf": leaf(t.LOG_ENTRY.write(entry)),
            "changes": changes,
            "balances": root,
        }
        history.steps.append(step)
        history.entries.append(entry)
        history.transactions.append(transaction)
        history.balances.append(items)
        history.hashes.append(tagged("history", history.hashes[-1] + tagged("step", t.STEP.write(step))))
        new = {"entries": number, "last": history.hashes[-1], "waypoints": peaks(history.waypoints)}
        if owner[0] == "Account":
            self.over = {}
            key, type_, value = account_key(owner[1]), t.ACCOUNT, self._account(owner[1])
        else:
            key, type_ = asset_key(owner[1]), t.ASSET
            value = t.ASSET.decode(self.state[key])
        self.state[key] = type_.write({**value, **new})

    def transaction(
        self,
        parties: list[Signer | bytes],
        operations: list[tuple],
        signers: list[Signer],
        expires_in: int = 60_000,
        texts: list[tuple[tuple, bytes]] | None = None,
    ) -> dict:
        """A signed transaction; operations as (party, name, fields), texts as (place, text)."""
        self.numbers += 1
        seed = sha256(self.network + self.numbers.to_bytes(8, "big")).digest()
        items, described = [], None
        if texts:
            texts = sorted(texts, key=lambda pair: t.PLACE.write(pair[0]))
            for place, (_, text) in enumerate(texts):
                salt = sha256(seed + bytes([place])).digest()[:16]
                items.append({"salt": salt, "text": text})
            data = [
                preimage("text", item["salt"] + len(item["text"]).to_bytes(2, "little") + item["text"])
                for item in items
            ]
            described = {"places": [place for place, _ in texts], "root": mth([leaf(each) for each in data])}
        intent = {
            "network": self.network,
            "parties": [each.address if isinstance(each, Signer) else each for each in parties],
            "expires_at": self.time + expires_in,
            "salt": seed[16:],
            "operations": [{"party": party, "operation": (name, fields)} for party, name, fields in operations],
            "texts": described,
        }
        transaction = {
            "intent": intent,
            "signatures": key_signatures(signers, "transaction", t.INTENT.write(intent)),
        }
        id_ = tagged("transaction", t.INTENT.write(intent))
        self.texts[id_] = items
        self.shown[id_] = transaction
        return transaction

    def block(self, batches: list[tuple[int, list[dict]]], after_ms: int = 1_000) -> dict:
        """Executes, seals and keeps the next block; batches as (author, transactions)."""
        committee = self.committees[-1]
        previous = tagged("block", t.HEADER.write(self.headers[-1])) if self.headers else self.network
        timestamp = max(self.time + after_ms, self.time + 1)
        signed_batches, texts = [], []
        for author, transactions in batches:
            self.numbers += 1
            batch = {
                "network": self.network,
                "epoch": committee["epoch"],
                "author": author,
                "number": self.numbers,
                "transactions": transactions,
            }
            digest = tagged("batch", t.BATCH.write(batch))
            seal = self.validators[committee["seats"][author]["validator"]].raw("batch-author", digest)
            signed_batches.append({"batch": batch, "signature": seal})
            items = []
            for transaction in transactions:
                id_ = tagged("transaction", t.INTENT.write(transaction["intent"]))
                items += [("Shown", text) for text in self.texts[id_]]
            texts.append({"items": items})
        proposal = {
            "timestamp": self.time + after_ms,
            "batches": [tagged("batch", t.BATCH.write(signed["batch"])) for signed in signed_batches],
        }
        executed, next_committee = self._advance(timestamp, batches)
        header = {
            "network": self.network,
            "protocol": committee["protocol"],
            "epoch": committee["epoch"],
            "height": self.height,
            "previous": previous,
            "chain_root": mth([leaf(tagged("block", t.HEADER.write(each))) for each in self.headers]),
            "proposal": tagged("proposal", t.PROPOSAL.write(proposal)),
            "timestamp": timestamp,
            "log_size": len(self.log),
            "log_root": mth(self.log_hashes),
            "state_root": tree(self.state),
            "next_committee": tagged("committee", t.COMMITTEE.write(next_committee)),
        }
        certified = {
            "block": {"header": header, "recovery": None, "proposal": proposal, "executed": executed},
            "certificate": self.certificate(header, committee),
            "batches": signed_batches,
            "texts": texts,
        }
        self._keep(certified, next_committee)
        return certified

    def _keep(self, certified: dict, next_committee: dict) -> None:
        header = certified["block"]["header"]
        self.headers.append(header)
        self.blocks.append(certified)
        self.states.append(dict(self.state))
        self.time = header["timestamp"]
        if next_committee["epoch"] != self.committees[-1]["epoch"]:
            self.committees.append(next_committee)

    def follow(self, certified: dict) -> Ledger:
        """The chain with a block that another made, after its transactions were executed again.

        Checks what only execution shows (7, 9 and 10 of a valid block); `Chain` checks the rest.
        """
        other = self.fork()
        block = certified["block"]
        header = block["header"]
        batches = [(signed["batch"]["author"], signed["batch"]["transactions"]) for signed in certified["batches"]]
        executed, next_committee = other._advance(header["timestamp"], batches)
        if executed != block["executed"]:
            raise Refusal("executed", "block.executed", "executing the batches gives something else")
        if tree(other.state) != header["state_root"]:
            raise Refusal("state", "block.header.state_root", "executing the batches leads to another state")
        if tagged("committee", t.COMMITTEE.write(next_committee)) != header["next_committee"]:
            raise Refusal("next_committee", "block.header", "the next committee is another")
        other._keep(certified, next_committee)
        return other

    def _advance(self, timestamp: int, batches: list[tuple[int, list[dict]]]) -> tuple[list, dict]:
        """Executes the next block's batches; what was executed, and the committee after it."""
        committee = self.committees[-1]
        self.height = len(self.headers) + 1
        self.block_time = timestamp
        executed = []
        position = 0
        for author, transactions in batches:
            for transaction in transactions:
                outcome = self._run(position, transaction)
                if outcome is not None:
                    executed.append({"position": position, "outcome": outcome})
                position += 1
            key = key_at(7, committee["seats"][author]["seat"].to_bytes(4, "big"))
            seat = t.SEAT.decode(self.state[key])
            if self.height - seat["active"] >= 64:
                seat["active"] = self.height
                self.state[key] = t.SEAT.write(seat)
            owner = member_key(seat["member"])
            member = t.MEMBER.decode(self.state[owner])
            if timestamp - member["signed"] > DAY:
                member["signed"] = timestamp
                self.state[owner] = t.MEMBER.write(member)
        agreement = t.AGREEMENT.decode(self.state[single_key(2)])
        if agreement["last"] == self.height:
            following = {**committee, "epoch": committee["epoch"] + 1}
            agreement = {**agreement, "committee": following, "first": self.height + 1, "last": None, "pending": []}
            self.state[single_key(2)] = t.AGREEMENT.write(agreement)
        return executed, agreement["committee"]

    def seals(self, header: dict, committee: dict, who: list[int] | None = None) -> list:
        """Seals of a header: of a quorum's lowest validators, or of those named."""
        seats = committee["seats"]
        number = len(seats)
        if who is None:
            f = (number - 1) // 3
            quorum = -(-(number + f + 1) // 2) if committee["engine"][0] == "Pbft" else number // 2 + 1
            who = list(range(quorum))
        content = t.SEAL_CONTENT.write(
            {
                "network": header["network"],
                "epoch": committee["epoch"],
                "height": header["height"],
                "block": tagged("block", t.HEADER.write(header)),
            }
        )
        return [
            {"validator": each, "signature": self.validators[seats[each]["validator"]].raw("seal", content)}
            for each in who
        ]

    def certificate(self, header: dict, committee: dict) -> dict:
        """A certificate of all validators' seals."""
        return {
            "epoch": committee["epoch"],
            "height": header["height"],
            "block": tagged("block", t.HEADER.write(header)),
            "seals": self.seals(header, committee, list(range(len(committee["seats"])))),
        }

    def head(self, height: int | None = None, who: list[int] | None = None) -> dict:
        """The certified header of a height; the last if none is named."""
        header = self.headers[-1 if height is None else height - 1]
        committee = next(each for each in self.committees if each["epoch"] == header["epoch"])
        return {"header": header, "seals": self.seals(header, committee, who)}

    # Proofs.

    def prove_transaction(
        self, ordinal: int, height: int | None = None, shown: str = "Transaction", texts: Any = "All"
    ) -> dict:
        """A proof of one transaction."""
        head = self.head(height)
        hashes = self.log_hashes[: head["header"]["log_size"]]
        entry = self.log[ordinal]
        body = {
            "head": head,
            "ordinal": ordinal,
            "entry": entry,
            "path": audit_path(ordinal, hashes),
            "shown": self.show(entry, shown, texts),
        }
        return {"network": self.network, "body": ("Transaction", body)}

    def show(self, entry: tuple, shown: str, texts: Any) -> tuple:
        """What is shown of a transaction: its texts `All`, none, or the one with a number."""
        if shown == "Nothing" or entry[0] == "Recovery":
            return "Nothing", None
        transaction = self.shown[entry[1]["id"]]
        items = self.texts[entry[1]["id"]]
        if not items or texts == "Nothing":
            found: tuple = ("Nothing", None)
        elif texts == "All":
            found = ("All", [("Shown", item) for item in items])
        else:
            data = [
                preimage("text", item["salt"] + len(item["text"]).to_bytes(2, "little") + item["text"])
                for item in items
            ]
            path = audit_path(texts, [leaf(each) for each in data])
            found = ("Alone", {"index": texts, "text": items[texts], "path": path})
        if shown == "Intent":
            return "Intent", {"intent": transaction["intent"], "texts": found}
        return "Transaction", {"transaction": transaction, "texts": found}

    def prove_state(self, prefixes: list[tuple[int, bytes]], height: int | None = None) -> dict:
        """A proof of all that lies under some prefixes."""
        head = self.head(height)
        state = self.states[head["header"]["height"]]
        ordered = sorted(prefixes, key=lambda pair: (pair[1], pair[0]))
        leaves = [state_proof(state, bits, key) for bits, key in ordered]
        return {"network": self.network, "body": ("State", {"head": head, "leaves": leaves})}

    def statement(
        self,
        owner: tuple,
        start: int,
        end: int,
        height: int | None = None,
        beside: list[tuple[int, bytes]] | None = None,
        shown: str = "Transaction",
    ) -> dict:
        """A statement over a range of time."""
        head = self.head(height)
        header = head["header"]
        state = self.states[header["height"]]
        history = self.histories.get(owner) or History([], [self._start(owner, [])])
        steps = [step for step in history.steps if step["ordinal"] < header["log_size"]]
        count = len(steps)
        waypoints = [leaf(history.hashes[number]) for number in range(32, count + 1, 32)]
        first = 0
        for number in range(32, count + 1, 32):
            if steps[number - 1]["timestamp"] < start:
                first = number
        if first == 0:
            begin: tuple = ("Beginning", {"balances": history.start})
        else:
            begin = (
                "Waypoint",
                {
                    "before": history.hashes[first - 1],
                    "step": steps[first - 1],
                    "balances": history.balances[first - 1],
                    "path": audit_path(first // 32 - 1, waypoints),
                },
            )
        items: list[tuple] = []
        opened = first
        for step in steps[first:]:
            place = step["number"] - 1
            if step["timestamp"] < start:
                items.append(("Opened", step))
            elif step["timestamp"] < end:
                entry = history.entries[place]
                shown_item = self.show(entry, shown, "All")
                items.append(("Entry", {"step": step, "entry": entry, "shown": shown_item}))
            else:
                items.append(("Opened", step))
                opened = step["number"]
                break
            opened = step["number"]
        waypoint = -(-opened // 32) * 32
        last = waypoint if waypoint < count else count
        for step in steps[opened:last]:
            items.append(("Passed", tagged("step", t.STEP.write(step))))
        if waypoint < count:
            finish: tuple = ("Waypoint", {"path": audit_path(waypoint // 32 - 1, waypoints)})
        else:
            finish = ("Last", None)
        key = account_key(owner[1]) if owner[0] == "Account" else asset_key(owner[1])
        whole = owner[0] == "Account" and finish[0] == "Last" and last == opened
        return {
            "head": head,
            "owner": owner,
            "from": start,
            "to": end,
            "leaf": state_proof(state, 168 if whole else 256, key),
            "start": begin,
            "items": items,
            "end": finish,
            "beside": [
                state_proof(state, bits, key) for bits, key in sorted(beside or [], key=lambda pair: (pair[1], pair[0]))
            ],
        }

    def prove_statement(self, *arguments: Any, **named: Any) -> dict:
        """A proof that is a statement."""
        return {"network": self.network, "body": ("Statement", self.statement(*arguments, **named))}

    def prove_block(self, height: int, shown: bool = False) -> dict:
        """A proof of a block's transactions."""
        before = self.headers[height - 2] if height > 1 else None
        size = before["log_size"] if before else 0
        entries = self.log[size : self.headers[height - 1]["log_size"]]
        body = {
            "head": self.head(height),
            "before": before,
            "log": {"length": size, "subtrees": peaks(self.log_hashes[:size])},
            "entries": entries,
            "shown": [self.show(entry, "Transaction", "All") for entry in entries] if shown else [],
        }
        return {"network": self.network, "body": ("Block", body)}

    def prove_not_executed(self, intent: dict, height: int | None = None) -> dict:
        """A proof that a transaction was not executed and has expired."""
        header = self.head(height)["header"]
        state = self.states[header["height"]]
        longest = t.AGREEMENT.decode(state[single_key(2)])["longest_lead_ms"]
        start = max(0, intent["expires_at"] - longest)
        end = max(intent["expires_at"], start + 1)
        body = {
            "intent": intent,
            "agreement": state_proof(state, 256, single_key(2)),
            "statement": self.statement(("Account", intent["parties"][0]), start, end, height, shown="Nothing"),
        }
        return {"network": self.network, "body": ("NotExecuted", body)}

    def prove_committees(self, epochs: int | None = None) -> dict:
        """A proof of the committees from genesis on."""
        steps = []
        for committee in self.committees[1 : None if epochs is None else epochs + 1]:
            last = max(header["height"] for header in self.headers if header["epoch"] < committee["epoch"])
            steps.append(("Certificate", {"head": self.head(last), "next": committee}))
        return {"network": self.network, "body": ("Committees", {"trust": ("Genesis", None), "steps": steps})}
