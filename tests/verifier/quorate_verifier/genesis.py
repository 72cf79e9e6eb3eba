"""The genesis document: text, bytes, what makes it good, its committee and state (section 16 of docs/formats.md)."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .errors import Malformed, UsageError
from .forms import legal_multiaddress, parse_address, parse_amount, parse_hex, parse_key, parse_time
from .hashes import list_root, tagged
from .keys import (
    address_of,
    client_signature_good,
    encode_key,
    good_ed25519,
    good_key,
    key_of,
    validator_signature_good,
)
from .state import (
    account_key,
    asset_key,
    balance_key,
    be4,
    grant_key,
    key_at,
    member_key,
    single_key,
    state_root,
    taken_key,
)
from .transaction import LEGAL_SCOPES
from .types import (
    ACCOUNT,
    AGREEMENT,
    AMOUNT_LIMIT,
    ASSET,
    BALANCE,
    BALANCE_ITEM,
    COMMITTEE,
    COUNTERS,
    DAY,
    DRAFT,
    DRAFT_GRANT,
    GENESIS,
    GENESIS_LIMIT,
    GRANT,
    HISTORY_START,
    IN_USE,
    JOIN_BODY,
    MEMBER,
    PARAMETERS,
    RIGHT_TEXTS,
    RULES,
    SEAT,
)

INLINE_ASSETS = 4
DEFAULT_PARAMETERS = {
    "max_transaction_bytes": 65_536,
    "max_batch_bytes": 524_288,
    "max_batch_transactions": 4_096,
    "max_batch_signature_cost": 8_192,
    "max_proposal_batches": 32,
    "max_expiry_lead_ms": DAY,
    "max_hold_ms": 366 * DAY,
    "max_clock_lead_ms": 5_000,
    "max_clock_lag_ms": 30_000,
    "window": 32,
    "author_quota": 64,
    "slowness_factor": 4,
    "slowness_floor_ms": 20,
    "slowness_share": 2,
}
DEFAULT_RULES = {
    "strangers": 3,
    "seats": ("TwoThirds", None),
    "engine": ("TwoThirds", None),
    "protocol": ("TwoThirds", None),
    "parameters": ("TwoThirds", None),
    "grants": ("MoreThanHalf", None),
    "quotas": ("MoreThanHalf", None),
    "strict": ("TwoThirds", None),
    "dormant_after_ms": 90 * DAY,
    "guardian_delay_ms": 7 * DAY,
    "day_bytes": 2**40,
    "day_leaves": 2**30,
    "strangers_bytes": 2**40,
    "strangers_leaves": 2**30,
    "reserve_bytes": 67_108_864,
}
_MAJORITIES = {"half": "MoreThanHalf", "two thirds": "TwoThirds", "all": "All"}
_RIGHTS = {text: name for name, text in RIGHT_TEXTS.items()}


def protocol_of(draft: dict) -> int:
    """The version of the rules that a network begins with."""
    return draft.get("protocol", 1)


class Genesis:
    """A good genesis document."""

    def __init__(self, value: dict) -> None:
        self.value = value
        self.draft = value["draft"]
        self.joins = value["joins"]
        self.network = tagged("genesis", GENESIS.write(value))
        _check(self.draft, self.joins)
        seats = [
            {
                "member": number,
                "seat": number,
                **{kind: join["body"][kind] for kind in ("validator", "node", "witness")},
            }
            for number, join in enumerate(self.joins)
        ]
        self.committee = {"epoch": 0, "engine": self.draft["engine"], "protocol": protocol_of(self.draft), "seats": seats}
        self._root: bytes | None = None

    @property
    def state_root(self) -> bytes:
        """The root of the state that the network begins with."""
        if self._root is None:
            self._root = state_root(self.state())
        return self._root

    def state(self) -> dict[bytes, bytes]:
        """Every leaf that the state has at genesis."""
        draft = self.draft
        time, parameters = draft["time"], draft["parameters"]
        held: dict[bytes, list] = defaultdict(list)
        state = {}
        for number, asset in enumerate(draft["assets"]):
            supply = sum(balance["amount"] for balance in asset["balances"])
            items = [{"asset": asset["code"], "free": supply, "held": 0}] if supply else []
            state[asset_key(asset["code"])] = ASSET.write(
                {
                    "code": asset["code"],
                    "number": number,
                    "issuer": asset["issuer"],
                    "decimals": asset["decimals"],
                    "flags": asset["flags"],
                    "supply": supply,
                    "entries": 0,
                    "last": history_start(self.network, ("Asset", asset["code"]), items),
                    "waypoints": [],
                }
            )
            for balance in asset["balances"]:
                held[balance["address"]].append((asset["code"], number, balance["amount"]))
        bodies = [join["body"] for join in self.joins]
        accounts = [address_of(body["account"]) for body in bodies]
        signers = dict(zip(accounts, (body["signers"] for body in bodies)))
        members = {account: number for number, account in enumerate(accounts)}
        members.update((account["address"], account["member"]) for account in draft["accounts"])
        grants = [{**grant, "by": bytes(20), "ordinal": 0} for grant in draft["grants"]]
        grants += [
            {
                "account": account,
                "right": ("Administrate", None),
                "scope": ("Member", number),
                "by": bytes(20),
                "ordinal": 0,
            }
            for number, account in enumerate(accounts)
        ]
        for grant in grants:
            state[grant_key(grant)] = GRANT.write(grant)
        for address in sorted({*held, *members, *(grant["account"] for grant in grants)}):
            balances = sorted(held[address])
            items = [{"asset": code, "free": amount, "held": 0} for code, _, amount in balances]
            inline = [
                {**item, "incoming": 0} for item, (_, number, _) in zip(items, balances) if number < INLINE_ASSETS
            ]
            for item, (code, number, _) in zip(items, balances):
                if number >= INLINE_ASSETS:
                    state[balance_key(address, code)] = BALANCE.write({"address": address, **item, "incoming": 0})
            state[account_key(address)] = ACCOUNT.write(
                {
                    "address": address,
                    "signers": signers.get(address),
                    "member": members.get(address),
                    "frozen": False,
                    "holds": 0,
                    "others": len(balances) - len(inline),
                    "balances": inline,
                    "entries": 0,
                    "last": history_start(self.network, ("Account", address), items),
                    "waypoints": [],
                }
            )
        for number, (body, name) in enumerate(zip(bodies, draft["members"])):
            state[member_key(number)] = MEMBER.write(
                {
                    "number": number,
                    "name": name,
                    "account": accounts[number],
                    "status": ("Active", None),
                    "seats": 1,
                    "since": time,
                    "signed": time,
                    "reported": None,
                    "open": [],
                }
            )
            state[key_at(7, be4(number))] = SEAT.write(
                {
                    "number": number,
                    "member": number,
                    **{kind: body[kind] for kind in ("validator", "node", "witness", "addresses")},
                    "sits": True,
                    "rejoin": None,
                    "active": 0,
                    "next": None,
                }
            )
            uses = [(("Name", name.lower()), ("Member", number))]
            uses += [(("Key", body[kind]), ("Seat", number)) for kind in ("validator", "node", "witness")]
            for taken, by in uses:
                state[taken_key(taken)] = IN_USE.write({"taken": taken, "by": by})
        state[single_key(0)] = PARAMETERS.write(parameters)
        state[single_key(1)] = RULES.write(draft["rules"])
        state[single_key(2)] = AGREEMENT.write(
            {
                "committee": self.committee,
                "first": 1,
                "last": None,
                "longest_lead_ms": parameters["max_expiry_lead_ms"],
                "pending": [],
            }
        )
        state[single_key(3)] = COUNTERS.write(
            {
                "assets": len(draft["assets"]),
                "members": len(bodies),
                "seats": len(bodies),
                "proposals": 0,
                "recoveries": 0,
            }
        )
        return state


def history_start(network: bytes, owner: tuple, balances: list) -> bytes:
    """`h_0` of a history whose owner begins with these balances."""
    root = list_root([BALANCE_ITEM.write(item) for item in balances])
    return tagged("history-start", HISTORY_START.write({"network": network, "owner": owner, "balances": root}))


def committee_digest(committee: dict) -> bytes:
    """A committee's digest."""
    return tagged("committee", COMMITTEE.write(committee))


def signers_fault(signers: dict) -> str | None:
    """Why an account cannot have these signers."""
    if not 0 < signers["threshold"] <= sum(signer["weight"] for signer in signers["signers"]):
        return "the threshold cannot be reached"
    if not all(good_key(signer["key"]) for signer in signers["signers"]):
        return "a signer's key is not good"
    return None


def _unless(good: bool, reason: str) -> None:
    if not good:
        raise Malformed(reason)


def _check(draft: dict, joins: list) -> None:
    members = draft["members"]
    _unless(len({name.lower() for name in members}) == len(members), "two members have one name")
    _check_assets(draft["assets"], protocol_of(draft))
    _unless([join["body"]["member"] for join in joins] == members, "the joins are not the members' in their order")
    digest = tagged("draft", DRAFT.write(draft))
    accounts, keys = [], []
    for join in joins:
        name = join["body"]["member"]
        try:
            _check_join(join, digest)
        except Malformed as fault:
            raise fault.within(f"joins.{name}")
        body = join["body"]
        accounts.append(address_of(body["account"]))
        keys += [("Ed25519", body[kind]) for kind in ("validator", "node", "witness")] + [body["account"]]
        if body["signers"]:
            keys += [signer["key"] for signer in body["signers"]["signers"] if signer["key"] != body["account"]]
    _unless(len(set(keys)) == len(keys), "a key occurs twice")
    _unless(len(set(accounts)) == len(accounts), "an account is two members'")
    for account in draft["accounts"]:
        _unless(account["member"] < len(members), "an account of a member that is not there")
        _unless(account["address"] not in accounts, "an account that is a member's own")
    codes = {asset["code"] for asset in draft["assets"]}
    for grant in draft["grants"]:
        kind, value = grant["scope"]
        _unless(kind in LEGAL_SCOPES[grant["right"][0]], "a grant's scope is none of its right")
        _unless(kind != "Member" or value < len(members), "a grant for a member that is not there")
        _unless(kind != "Asset" or value in codes, "a grant for an asset that is not there")
        made = grant["right"][0] == "Administrate" and grant["account"] == accounts[value]
        _unless(not made, "a grant that genesis makes by itself")


def _check_assets(assets: list, protocol: int) -> None:
    codes = [asset["code"] for asset in assets]
    _unless(len(set(codes)) == len(codes), "two assets have one code")
    _unless(sum(len(asset["balances"]) for asset in assets) <= 65_536, "more than 65,536 balances")
    holdings: dict[bytes, int] = defaultdict(int)
    for asset in assets:
        _unless(asset["flags"] == 0 or protocol > 1, "an asset has flags, which protocol 1 does not know")
        addresses = [balance["address"] for balance in asset["balances"]]
        _unless(len(set(addresses)) == len(addresses), "an address is twice in an asset")
        _unless(sum(balance["amount"] for balance in asset["balances"]) < AMOUNT_LIMIT, "a supply is too large")
        for address in addresses:
            holdings[address] += 1
    _unless(max(holdings.values(), default=0) <= 256, "an address has more than 256 assets")


def _check_join(join: dict, draft: bytes) -> None:
    body = join["body"]
    _unless(body["draft"] == draft, "the join is for another draft")
    _unless(all(good_ed25519(body[kind]) for kind in ("validator", "node", "witness")), "a key is not good")
    _unless(good_key(body["account"]), "the account's key is not good")
    _unless(len(set(body["addresses"])) == len(body["addresses"]), "an address is there twice")
    _unless(all(map(legal_multiaddress, body["addresses"])), "an address is not one of the forms allowed")
    if body["signers"]:
        fault = signers_fault(body["signers"])
        _unless(fault is None, fault or "")
    # Else anybody could join with another's known key, and take over what the draft gives to that address. As all that
    # sign are signers, the key is one of them.
    _unless(body["account"] in map(key_of, join["administrators"]), "the account's own key does not sign")
    content = JOIN_BODY.write(body)
    for kind in ("validator", "node", "witness"):
        _unless(validator_signature_good(body[kind], join[kind], "join", content), f"the {kind}'s signature is bad")
    fault = signed_by(join["administrators"], body["signers"], address_of(body["account"]), "join", content)
    _unless(fault is None, f"administrators: {fault}")


def signed_by(signatures: list, signers: dict | None, address: bytes, tag: str, content: bytes) -> str | None:
    """Why these signatures do not speak for the account: its signers, or (None) the key with its address."""
    keys = [key_of(signature) for signature in signatures]
    encoded = [encode_key(key) for key in keys]
    if any(not before < after for before, after in zip(encoded, encoded[1:])):
        return "the signatures do not ascend strictly by key"
    reached = 0
    for key in keys:
        if signers is None:
            weight = 1 if address_of(key) == address else 0
        else:
            weight = next((signer["weight"] for signer in signers["signers"] if signer["key"] == key), 0)
        if weight == 0:
            return "a key that is not one of the account's signers"
        reached += weight
    if reached < (1 if signers is None else signers["threshold"]):
        return "the threshold is not reached"
    if not all(client_signature_good(signature, tag, content) for signature in signatures):
        return "a signature is not good"
    return None


def decode_genesis(data: bytes) -> Genesis:
    """A genesis document out of `bcs(Genesis)`."""
    try:
        return Genesis(GENESIS.decode(data, GENESIS_LIMIT))
    except Malformed as fault:
        raise UsageError(str(fault.refusal("genesis"))) from None


def read_genesis(data: bytes) -> Genesis:
    """A genesis document as text, or its encoding; text never begins with the byte 00."""
    if data[:1] == b"\x00":
        return decode_genesis(data)
    try:
        if len(data) > GENESIS_LIMIT:
            raise Malformed("the text has more than 4 MiB")
        return Genesis(_parse(data))
    except Malformed as fault:
        raise UsageError(str(fault.refusal("genesis"))) from None


class _Table:
    """A TOML table of which every key must be taken."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed("expected a table").within(where)
        self.rest = dict(value)
        self.where = where

    def take(self, name: str, parse: Callable[[Any], Any], *default: Any) -> Any:
        """The key's value, parsed; `default` if it is left out and may be."""
        if name not in self.rest:
            if default:
                return default[0]
            raise Malformed("it is missing").within(name).within(self.where)
        try:
            return parse(self.rest.pop(name))
        except Malformed as fault:
            raise fault.within(name).within(self.where)

    def end(self) -> None:
        """Refuses what was not taken."""
        if self.rest:
            raise Malformed(f"unknown key {sorted(self.rest)[0]}").within(self.where)


def _integer(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Malformed("expected a whole number")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("expected a string")
    return value


def _list(parse: Callable[[Any, int], Any]) -> Callable[[Any], list]:
    def all_of(value: Any) -> list:
        if not isinstance(value, list):
            raise Malformed("expected a list")
        return [parse(item, place) for place, item in enumerate(value)]

    return all_of


def _hex(size: int) -> Callable[[Any], bytes]:
    return lambda value: parse_hex(value, size)


def _majority(value: Any) -> tuple:
    if not isinstance(value, str) or value not in _MAJORITIES:
        raise Malformed('expected "half", "two thirds" or "all"')
    return _MAJORITIES[value], None


def _settings(defaults: dict) -> Callable[[Any], dict]:
    def parse(value: Any) -> dict:
        table = _Table(value, "")
        found = {
            name: table.take(name, _majority if isinstance(default, tuple) else _integer, default)
            for name, default in defaults.items()
        }
        table.end()
        return found

    return parse


def _engine(value: Any) -> tuple:
    if value not in ("pbft", "raft", "paxos"):
        raise Malformed('expected "pbft", "raft" or "paxos"')
    return value.capitalize(), None


def _right(value: Any) -> tuple:
    name = _RIGHTS.get(_string(value))
    if name is None:
        raise Malformed(f"there is no right {value!r}")
    return name, None


_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|"(?:[^"\\\n]|\\.)*"|' r"'''.*?'{3,5}|'[^'\n]*'|#[^\n]*", re.DOTALL
)


def _check_numbers(text: str) -> None:
    """Refuses integers that are not written in decimal digits alone; TOML's parser does not tell."""
    rest = _STRING_OR_COMMENT.sub(" ", text)
    for word in re.findall(r"[\w.:+-]+", rest):
        if word[0] in "+-0123456789" and not re.fullmatch(r"0|[1-9][0-9]*", word):
            raise Malformed(f"{word} is not written in decimal digits alone")


def _parse(data: bytes) -> dict:
    try:
        text = data.decode("utf-8-sig")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as fault:
        raise Malformed(f"the text is not TOML: {fault}") from None
    _check_numbers(text)
    table = _Table(document, "")
    if table.take("version", _integer) != 2:
        raise Malformed("expected version = 2")
    names = table.take("members", _list(lambda item, _: _string(item)))

    def member(value: Any) -> int:
        if value not in names:
            raise Malformed(f"there is no member {value!r}")
        return names.index(value)

    def scope(value: Any) -> tuple:
        kind, colon, name = _string(value).partition(":")
        if value == "network":
            return "Network", None
        if kind == "member" and colon:
            return "Member", member(name)
        if kind == "asset" and colon:
            return "Asset", name
        raise Malformed('expected "network", "member:NAME" or "asset:CODE"')

    def balance(value: Any, place: int, decimals: int) -> dict:
        item = _Table(value, f"[{place}]")
        found = {
            "address": item.take("address", parse_address),
            "amount": item.take("amount", lambda text: parse_amount(text, decimals)),
        }
        item.end()
        return found

    def asset(value: Any, place: int) -> dict:
        item = _Table(value, f"[{place}]")
        decimals = item.take("decimals", _integer)
        if decimals > 18:
            raise Malformed("more than 18 decimals").within(item.where)
        found = {
            "code": item.take("code", _string),
            "decimals": decimals,
            "flags": item.take("flags", _integer, 0),
            "description": item.take("description", _string, ""),
            "issuer": item.take("issuer", parse_address),
            "balances": item.take("balances", _list(lambda each, at: balance(each, at, decimals)), []),
        }
        item.end()
        return found

    def account(value: Any, place: int) -> dict:
        item = _Table(value, f"[{place}]")
        found = {"address": item.take("address", parse_address), "member": item.take("member", member)}
        item.end()
        return found

    def grant(value: Any, place: int) -> dict:
        item = _Table(value, f"[{place}]")
        found = {
            "account": item.take("account", parse_address),
            "right": item.take("right", _right),
            "scope": item.take("scope", scope),
        }
        item.end()
        return found

    draft = {
        "network": table.take("network", _string),
        "engine": table.take("engine", _engine),
        "time": table.take("time", lambda value: parse_time(_string(value))),
        "members": names,
        "parameters": table.take("parameters", _settings(DEFAULT_PARAMETERS), dict(DEFAULT_PARAMETERS)),
        "rules": table.take("rules", _settings(DEFAULT_RULES), dict(DEFAULT_RULES)),
        "assets": table.take("assets", _list(asset), []),
        "accounts": sorted(table.take("accounts", _list(account), []), key=lambda each: each["address"]),
        "grants": sorted(table.take("grants", _list(grant), []), key=DRAFT_GRANT.write),
    }
    protocol = table.take("protocol", _integer, None)
    if protocol is not None:
        draft["protocol"] = protocol
    joins = table.take("joins", _list(_join))
    table.end()
    order = {name: place for place, name in enumerate(names)}
    joins.sort(key=lambda join: order.get(join["body"]["member"], len(names)))
    value = {"draft": draft, "joins": joins}
    return GENESIS.decode(GENESIS.write(value), GENESIS_LIMIT)


def _join(value: Any, place: int) -> dict:
    item = _Table(value, f"joins[{place}]")

    def signer(value: Any, at: int) -> dict:
        each = _Table(value, f"[{at}]")
        found = {"key": each.take("key", parse_key), "weight": each.take("weight", _integer)}
        each.end()
        return found

    def administrator(value: Any, at: int) -> tuple:
        each = _Table(value, f"[{at}]")
        kind, key = each.take("key", parse_key)
        found = kind, {"key": key, "signature": each.take("signature", _hex(64))}
        each.end()
        return found

    def by_key(pairs: list, key: Callable[[Any], tuple]) -> list:
        return sorted(pairs, key=lambda pair: encode_key(key(pair)))

    signers = item.take("signers", _list(signer), None)
    body = {
        "draft": item.take("draft", _hex(32)),
        "member": item.take("member", _string),
        "validator": item.take("validator_key", _hex(32)),
        "node": item.take("node_key", _hex(32)),
        "witness": item.take("witness_key", _hex(32)),
        "account": item.take("account_key", parse_key),
        "signers": None
        if signers is None
        else {
            "threshold": item.take("threshold", _integer),
            "signers": by_key(signers, lambda each: each["key"]),
        },
        "addresses": item.take("addresses", _list(lambda each, _: _string(each))),
    }
    found = {
        "body": body,
        **{kind: item.take(f"{kind}_signature", _hex(64)) for kind in ("validator", "node", "witness")},
        "administrators": by_key(item.take("administrators", _list(administrator)), key_of),
    }
    item.end()
    return found
