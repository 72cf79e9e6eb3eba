#!/usr/bin/env python3
"""Builds, signs and submits Quorate's transactions, from docs/signing.md alone.

Usage:
  sign.py vectors                     print the page's vectors
  sign.py check PAGE                  compare a page with what this program makes: vectors, bytes, code
  sign.py pay --node URL --network ID --key FILE --to ADDRESS --amount AMOUNT --decimals N --asset CODE
              [--memo TEXT]           pay, and wait until the payment is certified
  sign.py submit --node URL           submit what is on standard input (hex), and wait for its outcome
  sign.py mistakes PAGE --node URL --key FILE
                                      make the page's mistakes, and compare the node's answers with it

`--node` may be given several times: when one fails, the next is asked. `--key` too: the account is the first
key's, and all sign.

Exit codes: 0 committed, or all as on the page; 1 something differs; 4 refused, failed or expired; 5 unknown.
"""

import argparse
import sys

import datetime
import hashlib
import http.client
import json
import secrets
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


# --- The page's code, in its order. -------------------------------------------------------------------------------

def uint(number, size):
    """A whole number in `size` bytes, least significant first."""
    return number.to_bytes(size, "little")


def uleb128(number):
    """A length or a variant's number: seven bits a byte, the lowest first, the top bit set in all but the last."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def sized(content):
    """Bytes of any number: their number, then they."""
    return uleb128(len(content)) + content


def text(string):
    return sized(string.encode("utf-8"))


def sequence(items):
    """Encoded items: their number, then they."""
    return uleb128(len(items)) + b"".join(items)


def fixed(digits, size):
    """A hash, key or salt in hex: exactly `size` bytes, and no length before them."""
    content = bytes.fromhex(digits)
    if len(content) != size:
        raise ValueError(f"{digits} has {len(content)} bytes instead of {size}")
    return content


assert uint(1250, 4).hex() == "e2040000"
assert uleb128(2).hex() == "02"
assert uleb128(130).hex() == "8201"
assert text("Café").hex() == "05436166c3a9"
assert sequence([uint(7, 4), uint(8, 4)]).hex() == "020700000008000000"
assert fixed("ab" * 20, 20).hex() == "ab" * 20


def preimage(tag, content):
    """What is hashed or signed: the tag, with its length before it in one byte, and the content."""
    tag = f"quorate/{tag}/v2".encode()
    return uint(len(tag), 1) + tag + content


def tagged(tag, content):
    return hashlib.sha256(preimage(tag, content)).digest()


def encoded_key(written):
    """A key, encoded: the number of its kind, then its bytes."""
    kind, _, digits = written.partition(":")
    if kind == "ed25519":
        return uleb128(0) + fixed(digits, 32)
    if kind == "p256":
        return uleb128(1) + fixed(digits, 33)
    raise ValueError(f"{written} is not a key: it begins with ed25519: or p256:")


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def checksum(groups):
    """BIP 350's checksum over the prefix `qr` and groups of five bits."""
    value = 1
    for group in [3, 3, 0, ord("q") & 31, ord("r") & 31] + groups:
        top, value = value >> 25, (value & 0x1FFFFFF) << 5 ^ group
        for bit, generator in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            value ^= generator if top >> bit & 1 else 0
    return value


def address_of(key):
    """The address, in bytes, of the account whose first key this is, encoded."""
    return tagged("address", key)[:20]


def address_text(address):
    number = int.from_bytes(address, "big")
    groups = [number >> 5 * place & 31 for place in reversed(range(32))]
    check = checksum(groups + [0] * 6) ^ 0x2BC830A3
    groups += [check >> 5 * place & 31 for place in reversed(range(6))]
    return "qr1" + "".join(BECH32[group] for group in groups)


def address(written):
    """The 20 bytes of an address in text."""
    if written != written.lower() or not written.startswith("qr1") or len(written) != 41:
        raise ValueError(f"{written} is not an address: it has 41 characters and begins with qr1")
    groups = [BECH32.find(letter) for letter in written[3:]]
    if -1 in groups or checksum(groups) != 0x2BC830A3:
        raise ValueError(f"{written} is not an address: is it mistyped?")
    number = 0
    for group in groups[:32]:
        number = number << 5 | group
    return number.to_bytes(20, "big")


def amount(units):
    """An amount in the asset's smallest unit, as a decimal string."""
    return uint(int(units), 16)


def smallest_units(written, decimals):
    """`12.50` with 2 decimals is 1250; no floating point, and nothing is rounded."""
    whole, point, rest = written.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit()) or len(rest) > decimals or (point and not rest) or not whole:
        raise ValueError(f"{written} is not an amount with at most {decimals} digits after the point")
    return str(int(digits + "0" * (decimals - len(rest))))


def moment(written):
    """A time in RFC 3339, UTC."""
    then = datetime.datetime.fromisoformat(written.replace("Z", "+00:00"))
    since = then - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return uint(since // datetime.timedelta(milliseconds=1), 8)


def signer(each):
    return encoded_key(each["key"]) + uint(each["weight"], 2)


def hold_name(it):
    return address(it["owner"]) + fixed(it["transaction"], 32) + uint(it["operation"], 1)


def condition_leaf(it):
    if it["type"] == "signs":
        return uleb128(0) + address(it["account"])
    if it["type"] == "from":
        return uleb128(1) + moment(it["time"])
    if it["type"] == "preimage":
        return uleb128(2) + fixed(it["sha256"], 32)
    return uleb128(3) + fixed(it["sha256"], 32) + address(it["account"])


def place(operation, field):
    """Where a text belongs: the transaction's own memo, or a field of an operation."""
    return uleb128(0) if operation is None else uleb128(1) + uint(operation, 1) + uint(field, 1)


def operation(it):
    kind = it["type"]
    if kind == "create_asset":
        return uleb128(0) + text(it["code"]) + uint(it["decimals"], 1) + uint(0, 1)
    if kind == "mint":
        return uleb128(1) + address(it["to"]) + text(it["asset"]) + amount(it["amount"])
    if kind == "burn":
        return uleb128(2) + text(it["asset"]) + amount(it["amount"])
    if kind == "transfer":
        return uleb128(3) + address(it["to"]) + text(it["asset"]) + amount(it["amount"])
    if kind == "put_record":
        return uleb128(4) + fixed(it["sha256"], 32) + uleb128(["log", "own", "unique"].index(it["keep"]))
    if kind == "set_signers":
        return uleb128(5) + uint(it["threshold"], 4) + sequence(sorted(map(signer, it["signers"])))
    if kind == "hold":
        needed = it["condition"]
        condition = uint(needed["need"], 1) + sequence(sorted(map(condition_leaf, needed["of"])))
        what = address(it["beneficiary"]) + text(it["asset"]) + amount(it["amount"])
        return uleb128(7) + what + moment(it["until"]) + condition
    if kind == "release":
        part = uleb128(0) if it["amount"] is None else uleb128(1) + amount(it["amount"])
        preimages = sorted(fixed(digits, 32) for digits in it["preimages"])
        return uleb128(8) + hold_name(it["hold"]) + part + sequence(preimages)
    if kind == "refund":
        return uleb128(9) + hold_name(it["hold"])
    if kind == "erase":
        places = sorted(place(each["operation"], each["field"]) for each in it["texts"])
        return uleb128(10) + sized(bytes.fromhex(it["intent"])) + sequence(places)
    raise ValueError(f"there is no operation {kind}")


# The texts of operations, in the order of their fields.
FIELDS = {"create_asset": ["description"], "transfer": ["memo"], "hold": ["memo"], "put_record": ["label", "metadata"]}


def texts_of(it):
    """The texts that there are, in the order of their places: each one's place, encoded, and its bytes."""
    found = [(place(None, None), it["memo"].encode("utf-8"))]
    for index, act in enumerate(it["operations"]):
        for field, name in enumerate(FIELDS.get(act["type"], [])):
            content = bytes.fromhex(act[name]) if name == "metadata" else act[name].encode("utf-8")
            found.append((place(index, field), content))
    return [(where, content) for where, content in found if content]


def leaf(salt, content):
    """What stands for a text in the intent's root."""
    data = preimage("text", salt + uint(len(content), 2) + content)
    return hashlib.sha256(b"\0" + data).digest()


def root(leaves):
    """The root of a list's tree (RFC 9162, section 2.1)."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


def salted(it):
    """Each text with its salt."""
    salts = [fixed(digits, 16) for digits in it["text_salts"]]
    return [(salt, content) for salt, (_, content) in zip(salts, texts_of(it), strict=True)]


def intent(it):
    places = [where for where, _ in texts_of(it)]
    leaves = [leaf(salt, content) for salt, content in salted(it)]
    acts = [uint(it["parties"].index(act["by"]), 1) + operation(act) for act in it["operations"]]
    return (
        uleb128(0)  # version 1
        + fixed(it["network"], 32)
        + sequence([address(party) for party in it["parties"]])
        + uint(it["expires_at"], 8)
        + fixed(it["salt"], 16)
        + sequence(acts)
        + (uleb128(1) + sequence(places) + root(leaves) if places else uleb128(0))
    )


def signed_bytes(intent):
    return preimage("transaction", intent)


def transaction_id(intent):
    return hashlib.sha256(signed_bytes(intent)).hexdigest()


def public_key(key):
    return "ed25519:" + key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(intent, keys):
    """A signature of each key, in ascending order of the encoded keys."""
    return sorted((encoded_key(public_key(key)), key.sign(signed_bytes(intent))) for key in keys)


def transaction(intent, signatures):
    return uleb128(0) + intent + sequence([key + signature for key, signature in signatures])


def submission(it, signatures):
    """What is sent: the signed transaction, and its texts."""
    texts = [salt + sized(content) for salt, content in salted(it)]
    return uleb128(0) + transaction(intent(it), signatures) + sequence(texts)


def read_key(path):
    """The key in a file of PKCS#8 PEM without a passphrase."""
    with open(path, "rb") as file:
        return load_pem_private_key(file.read(), None)


def payment(network, keys, to, asset, units, memo=""):
    """A payment of the first key's account, signed by all keys and good for a minute: its id and its bytes."""
    sender = address_text(address_of(encoded_key(public_key(keys[0]))))
    transfer = {"by": sender, "type": "transfer", "to": to, "asset": asset, "amount": units, "memo": memo}
    it = {
        "network": network,
        "parties": [sender],
        "expires_at": time.time_ns() // 1_000_000 + 60_000,
        "salt": secrets.token_hex(16),
        "operations": [transfer],
        "memo": "",
        "text_salts": [secrets.token_hex(16)] if memo else [],
    }
    encoded = intent(it)
    return transaction_id(encoded), submission(it, sign(encoded, keys))


def call(node, method, path, body=None, kind="application/octet-stream"):
    """One call: the status, the answer, and how many seconds to wait before the next."""
    request = urllib.request.Request(node + path, data=body, method=method, headers={"Content-Type": kind})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, json.loads(answer.read()), int(answer.headers.get("Retry-After", "1"))


def submit(nodes, signed, seconds):
    """Submits the same bytes until there is an outcome; none if there is none in time."""
    deadline = time.monotonic() + seconds
    path = "/v1/transactions?wait=committed&timeout_ms=10000"
    attempt, on_its_way = 0, False
    while True:
        pause = 1
        try:
            status, answer, pause = call(nodes[attempt % len(nodes)], "POST", path, signed)
            if status == 200:
                return answer
            if status == 422 and answer["code"] == "expired":
                return answer | {"status": "expired"}
            if status in (400, 413, 415, 422) and not on_its_way:
                return answer | {"status": "refused"}
            if status == 202:
                on_its_way, pause = True, 0
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            # No answer, or half of one: it may have arrived all the same, unless nobody listens there.
            if not isinstance(getattr(error, "reason", None), ConnectionRefusedError):
                on_its_way = True
        attempt += 1
        if time.monotonic() + pause > deadline:
            return None
        time.sleep(pause)


# --- What the page tells of: vectors and mistakes. ----------------------------------------------------------------

# RFC 8032, section 7.1, tests 1 to 3.
SEEDS = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
]


def key_of(seed):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def vectors():
    keys = [public_key(key_of(seed)) for seed in SEEDS]
    addresses = [address_text(address_of(encoded_key(key))) for key in keys]
    network = hashlib.sha256(b"the network of the signing vectors").hexdigest()

    def vector(name, signers, operations, memo="", parties=(0,)):
        def salt(words):
            return hashlib.sha256(words.encode()).hexdigest()[:32]

        it = {
            "network": network,
            "parties": [addresses[party] for party in parties],
            "expires_at": 1_767_225_600_000,
            "salt": salt(name),
            "operations": operations,
            "memo": memo,
        }
        it["text_salts"] = [salt(f"{name}, text {place}") for place in range(len(texts_of(it)))]
        encoded = intent(it)
        signatures = sign(encoded, [key_of(SEEDS[signer]) for signer in signers])
        return {
            "name": name,
            "seeds": [SEEDS[signer] for signer in signers],
            **it,
            "leaves": [leaf(salt, content).hex() for salt, content in salted(it)],
            "intent": encoded.hex(),
            "signed": signed_bytes(encoded).hex(),
            "id": transaction_id(encoded),
            "signatures": [
                {"key": "ed25519:" + key[1:].hex(), "signature": made.hex()} for key, made in signatures
            ],
            "submission": submission(it, signatures).hex(),
        }

    def act(kind, by=0, **fields):
        return {"by": addresses[by], "type": kind, **fields}

    def pay(to, asset, units, memo="", by=0):
        return act("transfer", by, to=addresses[to], asset=asset, amount=units, memo=memo)

    metadata = json.dumps({"case": "2026-17", "pages": 12, "note": "signed by both sides, " * 5}).encode()
    transfer = vector("a transfer", [0], [pay(1, "EUR", "1250", "invoice 17")])
    secret = hashlib.sha256(b"a secret").digest()
    condition = {
        "need": 1,
        "of": [
            {"type": "signs", "account": addresses[2]},
            {"type": "preimage", "sha256": hashlib.sha256(secret).hexdigest()},
        ],
    }
    until = "2026-01-31T12:00:00.000Z"
    hold = vector(
        "a hold",
        [0],
        [
            act(
                "hold", beneficiary=addresses[1], asset="EUR", amount="90000", until=until, condition=condition,
                memo="order 5",
            )
        ],
    )
    held = {"owner": addresses[0], "transaction": hold["id"], "operation": 0}
    return [
        transfer,
        vector(
            "several payments",
            [0],
            [
                pay(1, "EUR", "250000"),
                pay(2, "EUR", "199", "Café, Zürich"),
                pay(2, "GOLD18", "20000000000000000001", "ring"),
            ],
            "salaries, January",
        ),
        vector(
            "an asset",
            [0],
            [
                act("create_asset", code="BOND2030", decimals=3, description="3 % until 2030"),
                act("mint", asset="BOND2030", to=addresses[1], amount="5000000"),
                act("burn", asset="EUR", amount="1"),
            ],
        ),
        vector(
            "two signers from now on",
            [0],
            [act("set_signers", signers=[{"key": key, "weight": 1} for key in sorted(keys[:2])], threshold=2)],
        ),
        vector("a transfer with two signers", [0, 1], [pay(2, "EUR", "1250")]),
        vector(
            "a record",
            [0],
            [
                act(
                    "put_record", sha256=hashlib.sha256(b"hello\n").hexdigest(), keep="own", label="contract.txt",
                    metadata=metadata.hex(),
                )
            ],
        ),
        vector(
            "delivery against payment",
            [0, 1],
            [pay(1, "EUR", "9950"), pay(0, "BOND2030", "100000", by=1)],
            parties=(0, 1),
        ),
        hold,
        vector(
            "a part of a hold, and then the rest",
            [1],
            [
                act("release", 1, hold=held, amount="30000", preimages=[secret.hex()]),
                act("release", 1, hold=held, amount=None, preimages=[secret.hex()]),
            ],
            parties=(1,),
        ),
        vector("a refund", [0], [act("refund", hold=held)]),
        vector(
            "an erasure",
            [1],
            [
                act(
                    "erase", 1, transaction=transfer["id"], intent=transfer["intent"],
                    texts=[{"operation": 0, "field": 0}],
                )
            ],
            parties=(1,),
        ),
    ]


def written(vector):
    """A vector as JSON, with one line for each operation, seed and signature."""
    lines = []
    for name, value in vector.items():
        if isinstance(value, list):
            items = [f"        {json.dumps(item, ensure_ascii=False)}" for item in value]
            shown = "[\n" + ",\n".join(items) + "\n    ]"
        else:
            shown = json.dumps(value, ensure_ascii=False)
        lines.append(f'    "{name}": {shown}')
    return "{\n" + ",\n".join(lines) + "\n}"


def mistakes(network, key, now):
    """The page's mistakes by their words there: what is sent, as what, to which path."""
    own = encoded_key(public_key(key))
    sender = address_text(address_of(own))
    to = address_text(bytes(20))
    transfer = {"by": sender, "type": "transfer", "to": to, "asset": "QRT", "amount": "1", "memo": "a mistake"}
    good = {
        "network": network,
        "parties": [sender],
        "expires_at": now + 60_000,
        "salt": secrets.token_hex(16),
        "operations": [transfer],
        "memo": "",
        "text_salts": [secrets.token_hex(16)],
    }
    encoded = intent(good)
    other = Ed25519PrivateKey.generate()
    stranger = address_text(address_of(encoded_key(public_key(other))))
    binary, path = "application/octet-stream", "/v1/transactions"
    texts = sequence([salt + sized(content) for salt, content in salted(good)])

    def with_signatures(signatures):
        return submission(good, signatures)

    def with_changes(**changes):
        changed = good | changes
        return submission(changed, sign(intent(changed), [key]))

    def with_intent(changed):
        return uleb128(0) + transaction(changed, sign(changed, [key])) + texts

    def with_bytes(old, new):
        assert encoded.count(old) == 1
        return with_intent(encoded.replace(old, new))

    def with_texts(changed):
        return uleb128(0) + transaction(encoded, sign(encoded, [key])) + sequence(changed)

    def with_transfer(**changes):
        return with_changes(operations=[transfer | changes])

    def with_parties(others):
        return with_changes(parties=[sender] + [address_text(other) for other in others])

    correct = with_signatures(sign(encoded, [key]))
    (salt, content), = salted(good)
    bare = hashlib.sha256(own[1:]).digest()[:20]
    bodies = {
        "The encoding is signed without the tag": with_signatures([(own, key.sign(encoded))]),
        "The tag is signed without its length before it": with_signatures(
            [(own, key.sign(signed_bytes(encoded)[1:]))]
        ),
        "The id is signed": with_signatures([(own, key.sign(bytes.fromhex(transaction_id(encoded))))]),
        "The hex is signed": with_signatures([(own, key.sign(signed_bytes(encoded).hex().encode()))]),
        "A key that is no signer of the sender": with_signatures(sign(encoded, [other])),
        "An address made of the key's bytes alone": with_changes(
            parties=[address_text(bare)], operations=[transfer | {"by": address_text(bare)}]
        ),
        "A signature too many, of a key that is no signer of a party": with_signatures(sign(encoded, [key, other])),
        "A party that has not signed": with_changes(parties=[sender, stranger]),
        "Two signatures, not in the order of their keys": with_signatures(
            list(reversed(sign(encoded, [key, other])))
        ),
        "Two signatures of one key": with_signatures(sign(encoded, [key, key])),
        "No signature": with_signatures([]),
        "A signature without the number of its key's kind": with_signatures(
            [(own[1:], key.sign(signed_bytes(encoded)))]
        ),
        "Parties behind the sender that do not ascend": with_parties([b"\2" * 20, b"\1" * 20]),
        "The sender a second time among the parties": with_changes(parties=[sender, sender]),
        "An operation of a party that there is none of": with_bytes(
            uint(0, 1) + uleb128(3) + address(to), uint(1, 1) + uleb128(3) + address(to)
        ),
        "Numbers with the most significant byte first": with_bytes(
            uint(good["expires_at"], 8), good["expires_at"].to_bytes(8, "big")
        ),
        "An amount of 8 bytes": with_bytes(amount("1"), uint(1, 8)),
        "An amount of nothing": with_transfer(amount="0"),
        "An amount of 39 digits": with_transfer(amount=str(10**38)),
        "A length before a hash": with_bytes(bytes.fromhex(network), sized(bytes.fromhex(network))),
        "An address as text": with_bytes(address(to), text(to)),
        "A length of 4 bytes": with_bytes(text("QRT"), uint(3, 4) + b"QRT"),
        "An asset's code in small letters": with_transfer(asset="qrt"),
        "No operation": with_changes(operations=[], text_salts=[]),
        "The version left out": with_intent(encoded[1:]),
        "A byte too many at the end": correct + b"\n",
        "The texts left out": with_texts([]),
        "A text that is not the signed one": with_texts([salt + sized(b"another text")]),
        "A text with another salt": with_texts([secrets.token_bytes(16) + sized(content)]),
        "A text too many": with_texts([salt + sized(content)] * 2),
        "A line break in a text": with_transfer(memo="a\nmistake"),
        "A text that is too long": with_transfer(memo="m" * 129),
        "The signed transaction sent without texts, as if it were the submission": transaction(
            encoded, sign(encoded, [key])
        ),
        "The expiry in seconds": with_changes(expires_at=now // 1_000 + 60),
        "An expiry further ahead than `max_expiry_lead_ms`": with_changes(expires_at=now + 367 * 86_400_000),
        "The id of another network": with_changes(network=hashlib.sha256(b"another").hexdigest()),
        "An asset that does not exist": with_transfer(asset="NOSUCH"),
        "More than the sender has": with_transfer(amount=str(10**38 - 1)),
    }
    sent = {words: (body, binary, path) for words, body in bodies.items()}
    sent["Hex sent as bytes"] = (correct.hex().encode(), binary, path)
    base64 = json.dumps({"transaction": "AEfb+/=="}).encode()
    sent["Base64 in JSON"] = (base64, "application/json", path)
    sent["A form instead of bytes or JSON"] = (b"transaction=00", "application/x-www-form-urlencoded", path)
    sent["A parameter misspelt"] = (correct, binary, path + "?await=committed")
    return sent


# --- Commands. ----------------------------------------------------------------------------------------------------

def blocks(page, kind):
    """The page's blocks of one kind."""
    found, inside = [], None
    for line in page.splitlines():
        if inside is None:
            if line.startswith("```"):
                inside = (line[3:], [])
        elif line == "```":
            if inside[0] == kind:
                found.append("\n".join(inside[1]) + "\n")
            inside = None
        else:
            inside[1].append(line)
    return found


def check(page):
    """Everything that differs."""
    wrong = []
    made = vectors()
    there = [json.loads(block) for block in blocks(page, "json") if '"submission"' in block]
    names = [vector["name"] for vector in there]
    if names != [vector["name"] for vector in made]:
        wrong.append(f"the page's vectors are {names}")
    for vector, mine in zip(there, made):
        for field in mine.keys() | vector.keys():
            if vector.get(field) != mine.get(field):
                wrong.append(f"{mine['name']}: {field} is {vector.get(field)} and should be {mine.get(field)}")

    # Bytes with words beside them: together they are one of those that a vector has.
    known = {vector[field] for vector in made for field in ("intent", "signed", "submission")}
    leaves = {each for vector in made for each in vector["leaves"]}
    dumps = blocks(page, "hex")
    for dump in dumps:
        digits = "".join("".join(line.partition("#")[0] for line in dump.splitlines()).split())
        if digits not in known and hashlib.sha256(bytes.fromhex(digits)).hexdigest() not in leaves:
            wrong.append(f"no vector has these bytes:\n{dump}")

    # The page's code is this program's, and whole: it runs by itself and makes the same.
    with open(__file__, encoding="utf-8") as source:
        own = source.read()
    code = blocks(page, "python")
    wrong += [f"this is not in {__file__}:\n{block}" for block in code if block not in own]
    alone = {}
    exec("\n".join(code), alone)
    for vector in made:
        encoded = alone["intent"](vector)
        keys = [alone["Ed25519PrivateKey"].from_private_bytes(bytes.fromhex(seed)) for seed in vector["seeds"]]
        sent = alone["submission"](vector, alone["sign"](encoded, keys))
        if (sent.hex(), alone["transaction_id"](encoded)) != (vector["submission"], vector["id"]):
            wrong.append(f"the page's code makes something else of {vector['name']}")
    print(f"{len(there)} vectors, {len(dumps)} dumps, {len(code)} pieces of code compared")
    return wrong


def check_mistakes(page, node, key):
    """Everything that the node answers otherwise than the page says."""
    network = call(node, "GET", "/v1/network")[1]["network"]
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    listed = {cells[0].strip(): cells[1].strip() for cells in rows if len(cells) == 3}
    wrong = []
    made = mistakes(network, key, time.time_ns() // 1_000_000)
    for words, (body, kind, path) in made.items():
        status, answer, _ = call(node, "POST", path, body, kind)
        found = f"{status} `{answer.get('code')}`"
        print(f"{words}: {found}")
        if listed.get(words) != found:
            wrong.append(f"{words}: the page says {listed.get(words)}, the node {found}: {answer.get('detail')}")
    codes = ("400 `", "413 `", "415 `", "422 `")
    missing = [words for words, answer in listed.items() if answer.startswith(codes) and words not in made]
    return wrong + [f"the page's mistake is not made here: {words}" for words in missing]


def tell(outcome):
    """Prints an outcome; its exit code."""
    if outcome is None:
        print(json.dumps({"status": "unknown"}))
        return 5
    print(json.dumps(outcome))
    return 0 if outcome["status"] == "committed" else 4


def network_of(nodes):
    """The network that the first node to answer says it is of."""
    for node in nodes:
        try:
            return call(node, "GET", "/v1/network")[1]["network"]
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            print(f"{node}: {error}", file=sys.stderr)
    return None


def pay(arguments):
    named = network_of(arguments.node)
    if named != arguments.network:
        print(f"the node is of network {named}", file=sys.stderr)
        return 4
    keys = [read_key(path) for path in arguments.key]
    units = smallest_units(arguments.amount, arguments.decimals)
    made = payment(arguments.network, keys, arguments.to, arguments.asset, units, arguments.memo)
    # Before it is sent: with these bytes the payment can be sent again after a crash, and is made once.
    print(f"id {made[0]}\n{made[1].hex()}", file=sys.stderr, flush=True)
    return tell(submit(arguments.node, made[1], 90))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["vectors", "check", "pay", "submit", "mistakes"])
    parser.add_argument("page", nargs="?")
    parser.add_argument("--node", action="append")
    parser.add_argument("--key", action="append")
    parser.add_argument("--decimals", type=int)
    for name in ["network", "to", "amount", "asset"]:
        parser.add_argument(f"--{name}")
    parser.add_argument("--memo", default="")
    arguments = parser.parse_args()
    needed = {
        "vectors": [],
        "check": ["page"],
        "pay": ["node", "network", "key", "to", "amount", "decimals", "asset"],
        "submit": ["node"],
        "mistakes": ["page", "node", "key"],
    }
    missing = [name for name in needed[arguments.command] if getattr(arguments, name) is None]
    if missing:
        parser.error(f"{arguments.command} needs {', '.join(missing)}")

    if arguments.command == "vectors":
        for vector in vectors():
            print(f"```json\n{written(vector)}\n```\n")
        return 0
    if arguments.command == "pay":
        return pay(arguments)
    if arguments.command == "submit":
        return tell(submit(arguments.node, bytes.fromhex(sys.stdin.read().strip()), 90))
    with open(arguments.page, encoding="utf-8") as file:
        page = file.read()
    if arguments.command == "check":
        wrong = check(page)
    else:
        wrong = check_mistakes(page, arguments.node[0], read_key(arguments.key[0]))
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
