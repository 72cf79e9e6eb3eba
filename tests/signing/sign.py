#!/usr/bin/env python3
"""Builds, signs and submits Quorate's transactions, from docs/signing.md alone.

Usage:
  sign.py vectors                     print the page's vectors
  sign.py check PAGE                  compare a page with what this program makes: vectors, bytes, code
  sign.py pay --node URL --network ID --key FILE --to ADDRESS --amount AMOUNT --decimals N --asset CODE
              [--memo TEXT]           pay, and wait until the payment is certified
  sign.py submit --node URL           submit the transaction on standard input (hex), and wait for it
  sign.py mistakes PAGE --node URL --key FILE
                                      make the page's mistakes, and compare the node's answers with it

`--node` may be given several times: when one fails, the next is asked. `--key` too: the account is the first
key's, and all sign.

Exit codes: 0 committed, or all as on the page; 1 something differs; 4 refused, failed or expired; 5 unknown.
"""

import argparse
import sys

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
    """The address, in bytes, of the account whose first public key this is."""
    return hashlib.sha256(key).digest()[:20]


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


def signer(each):
    return fixed(each["key"], 32) + uint(each["weight"], 4)


def operation(it):
    kind = it["type"]
    if kind == "create_asset":
        return uleb128(0) + text(it["code"]) + uint(it["decimals"], 1) + text(it["description"])
    if kind == "mint":
        return uleb128(1) + text(it["asset"]) + address(it["to"]) + amount(it["amount"])
    if kind == "burn":
        return uleb128(2) + text(it["asset"]) + amount(it["amount"])
    if kind == "transfer":
        return uleb128(3) + address(it["to"]) + text(it["asset"]) + amount(it["amount"]) + text(it["memo"])
    if kind == "put_record":
        return uleb128(4) + fixed(it["sha256"], 32) + text(it["label"]) + sized(bytes.fromhex(it["metadata"]))
    if kind == "set_signers":
        signers = sorted(it["signers"], key=lambda each: bytes.fromhex(each["key"]))
        return uleb128(5) + sequence([signer(each) for each in signers]) + uint(it["threshold"], 4)
    raise ValueError(f"there is no operation {kind}")


def intent(it):
    return (
        uleb128(0)  # version 1
        + fixed(it["network"], 32)
        + address(it["sender"])
        + uint(it["expires_at"], 8)
        + fixed(it["salt"], 16)
        + sequence([operation(each) for each in it["operations"]])
        + text(it["memo"])
    )


TAG = b"quorate/transaction/v1"


def signed_bytes(intent):
    return uint(len(TAG), 1) + TAG + intent


def transaction_id(intent):
    return hashlib.sha256(signed_bytes(intent)).hexdigest()


def public_key(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(intent, keys):
    """A signature of each key, in ascending order of the keys' bytes."""
    return sorted((public_key(key), key.sign(signed_bytes(intent))) for key in keys)


def transaction(intent, signatures):
    return uleb128(0) + intent + sequence([key + signature for key, signature in signatures])


def read_key(path):
    """The key in a file of PKCS#8 PEM without a passphrase."""
    with open(path, "rb") as file:
        return load_pem_private_key(file.read(), None)


def payment(network, keys, to, asset, units, memo=""):
    """A payment of the first key's account, signed by all keys and good for a minute: its id and its bytes."""
    encoded = intent(
        {
            "network": network,
            "sender": address_text(address_of(public_key(keys[0]))),
            "expires_at": time.time_ns() // 1_000_000 + 60_000,
            "salt": secrets.token_hex(16),
            "operations": [{"type": "transfer", "to": to, "asset": asset, "amount": units, "memo": memo}],
            "memo": "",
        }
    )
    return transaction_id(encoded), transaction(encoded, sign(encoded, keys))


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
    addresses = [address_text(address_of(key)) for key in keys]
    network = hashlib.sha256(b"the network of the signing vectors").hexdigest()

    def vector(name, seeds, operations, memo=""):
        salt = hashlib.sha256(name.encode()).hexdigest()[:32]
        it = {
            "network": network,
            "sender": addresses[0],
            "expires_at": 1_767_225_600_000,
            "salt": salt,
            "operations": operations,
            "memo": memo,
        }
        encoded = intent(it)
        signatures = sign(encoded, [key_of(seed) for seed in seeds])
        return {
            "name": name,
            "seeds": seeds,
            **it,
            "intent": encoded.hex(),
            "signed": signed_bytes(encoded).hex(),
            "id": transaction_id(encoded),
            "signatures": [{"key": key.hex(), "signature": made.hex()} for key, made in signatures],
            "transaction": transaction(encoded, signatures).hex(),
        }

    def pay(to, asset, units, memo=""):
        return {"type": "transfer", "to": addresses[to], "asset": asset, "amount": units, "memo": memo}

    metadata = json.dumps({"case": "2026-17", "pages": 12, "note": "signed by both sides, " * 5}).encode()
    return [
        vector("a transfer", SEEDS[:1], [pay(1, "EUR", "1250", "invoice 17")]),
        vector(
            "several payments",
            SEEDS[:1],
            [
                pay(1, "EUR", "250000"),
                pay(2, "EUR", "199", "Café, Zürich"),
                pay(2, "GOLD18", "20000000000000000001"),
            ],
            "salaries, January",
        ),
        vector(
            "an asset",
            SEEDS[:1],
            [
                {"type": "create_asset", "code": "BOND2030", "decimals": 3, "description": "3 % until 2030"},
                {"type": "mint", "asset": "BOND2030", "to": addresses[1], "amount": "5000000"},
                {"type": "burn", "asset": "EUR", "amount": "1"},
            ],
        ),
        vector(
            "two signers from now on",
            SEEDS[:1],
            [
                {
                    "type": "set_signers",
                    "signers": [{"key": key, "weight": 1} for key in sorted(key.hex() for key in keys[:2])],
                    "threshold": 2,
                }
            ],
        ),
        vector("a transfer with two signers", SEEDS[:2], [pay(2, "EUR", "1250")]),
        vector(
            "a record",
            SEEDS[:1],
            [
                {
                    "type": "put_record",
                    "sha256": hashlib.sha256(b"hello\n").hexdigest(),
                    "label": "contract.txt",
                    "metadata": metadata.hex(),
                }
            ],
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
    own = public_key(key)
    good = {
        "network": network,
        "sender": address_text(address_of(own)),
        "expires_at": now + 60_000,
        "salt": secrets.token_hex(16),
        "operations": [
            {
                "type": "transfer",
                "to": address_text(bytes(20)),
                "asset": "QRT",
                "amount": "1",
                "memo": "a mistake",
            }
        ],
        "memo": "",
    }
    encoded = intent(good)
    other = Ed25519PrivateKey.generate()
    binary, path = "application/octet-stream", "/v1/transactions"

    def with_signature(signature):
        return transaction(encoded, [(own, signature)])

    def with_changes(**changes):
        changed = intent(good | changes)
        return transaction(changed, sign(changed, [key]))

    def with_bytes(old, new):
        assert encoded.count(old) == 1
        changed = encoded.replace(old, new)
        return transaction(changed, sign(changed, [key]))

    def transfer(**changes):
        return [good["operations"][0] | changes]

    correct = with_signature(key.sign(signed_bytes(encoded)))
    to = address(good["operations"][0]["to"])
    bodies = {
        "The encoding is signed without the tag": with_signature(key.sign(encoded)),
        "The tag is signed without its length before it": with_signature(key.sign(TAG + encoded)),
        "The id is signed": with_signature(key.sign(bytes.fromhex(transaction_id(encoded)))),
        "The hex is signed": with_signature(key.sign(signed_bytes(encoded).hex().encode())),
        "A key that is no signer of the sender": transaction(encoded, sign(encoded, [other])),
        "A signature too many, of a key that is no signer of the sender": transaction(
            encoded, sign(encoded, [key, other])
        ),
        "Two signatures, not in the order of their keys": transaction(
            encoded, list(reversed(sign(encoded, [key, other])))
        ),
        "Two signatures of one key": transaction(encoded, sign(encoded, [key, key])),
        "No signature": transaction(encoded, []),
        "Numbers with the most significant byte first": with_bytes(
            uint(good["expires_at"], 8), good["expires_at"].to_bytes(8, "big")
        ),
        "An amount of 8 bytes": with_bytes(amount("1"), uint(1, 8)),
        "An amount of nothing": with_changes(operations=transfer(amount="0")),
        "A length before a hash": with_bytes(bytes.fromhex(network), sized(bytes.fromhex(network))),
        "An address as text": with_bytes(to, text(good["operations"][0]["to"])),
        "A length of 4 bytes": with_bytes(text("a mistake"), uint(9, 4) + b"a mistake"),
        "An asset's code in small letters": with_changes(operations=transfer(asset="qrt")),
        "No operation": with_changes(operations=[]),
        "The version left out": transaction(encoded[1:], sign(encoded[1:], [key])),
        "A byte too many at the end": correct + b"\n",
        "The expiry in seconds": with_changes(expires_at=now // 1_000 + 60),
        "An expiry further ahead than `max_expiry_lead_ms`": with_changes(expires_at=now + 367 * 86_400_000),
        "The id of another network": with_changes(network=hashlib.sha256(b"another").hexdigest()),
        "An asset that does not exist": with_changes(operations=transfer(asset="NOSUCH")),
        "More than the sender has": with_changes(operations=transfer(amount=str(2**127))),
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
    there = [json.loads(block) for block in blocks(page, "json") if '"transaction"' in block]
    names = [vector["name"] for vector in there]
    if names != [vector["name"] for vector in made]:
        wrong.append(f"the page's vectors are {names}")
    for vector, mine in zip(there, made):
        for field in mine.keys() | vector.keys():
            if vector.get(field) != mine.get(field):
                wrong.append(f"{mine['name']}: {field} is {vector.get(field)} and should be {mine.get(field)}")

    # Bytes with words beside them: together they are one of those that a vector has.
    known = {vector[field] for vector in made for field in ("intent", "signed", "transaction")}
    dumps = blocks(page, "hex")
    for dump in dumps:
        digits = "".join(line.partition("#")[0] for line in dump.splitlines())
        if "".join(digits.split()) not in known:
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
        signed = alone["transaction"](encoded, alone["sign"](encoded, keys))
        if (signed.hex(), alone["transaction_id"](encoded)) != (vector["transaction"], vector["id"]):
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
