#!/usr/bin/env python3
"""Asks a node what a schema-driven fuzzer makes of the node's own description.

Usage: fuzz.py NODE < INPUT

NODE is the URL of a node's API. The fuzzer is Schemathesis, which is not Quorate's; fuzz.toml beside this file says
how it runs. It makes calls that fit /openapi.json, and calls that do not, and holds each answer to the document: no
5xx but a 503 that is described; status, content type, headers and body as described; what fits is taken and what does
not is refused; 405 with Allow for methods that are not listed.

INPUT is a JSON object of what no schema can say:
  transactions   a list of submissions (signed transactions with their texts) in hex
  height         a height that is certified
  addresses      a list of them, the first of which has been paid
  known          by the name of a parameter, a list of values that lead somewhere

It prints every call with the statuses that were seen, and ends with 1 if anything does not fit, or if a call was
never taken.
"""

import itertools
import json
import sys
import urllib.request
import zlib
from pathlib import Path

import schemathesis
from schemathesis.cli import schemathesis as command

JSON = "application/json"
MANY = "application/vnd.quorate.transactions"
# The most that one call takes.
MOST = 8192


def varint(number):
    """A sequence's length in BCS (ULEB128)."""
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def sequence(items):
    return varint(len(items)) + b"".join(varint(len(each)) + each for each in items)


class Filler:
    """Puts what no schema can say into cases that are meant to fit it."""

    def __init__(self, given):
        self.transactions = itertools.cycle(given["transactions"])
        self.height = given["height"]
        self.addresses = given["addresses"]
        self.known = given["known"]
        self.seen = {}

    def reached(self, height):
        """A height that is certified instead of one that is not: the node would wait for it."""
        if isinstance(height, list):
            return [self.reached(each) for each in height]
        digits = str(height)
        # Longer ones are no heights.
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= 20
        return int(digits) % (self.height + 1) if is_number else height

    def led(self, values):
        """Addresses whose checksum is right, and now and then something that is there."""
        for name, value in values.items():
            # Always the same instead of the same.
            drawn = zlib.crc32(str(value).encode(errors="replace"))
            if name in ("address", "account", "sender", "by") and value:
                values[name] = self.addresses[drawn % len(self.addresses)]
            elif name in self.known and drawn % 2:
                values[name] = self.known[name][drawn // 2 % len(self.known[name])]

    def fill(self, case, arguments):
        query = case.query
        is_stream = case.path == "/v1/events"
        if "min_height" in query:
            query["min_height"] = self.reached(query["min_height"])
        if is_stream and "Last-Event-ID" not in case.headers:
            # From the first block on, as later ones would be waited for.
            query.setdefault("last_event_id", "0")
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return
        self.led(case.path_parameters)
        self.led(query)
        if case.path == "/v1/proofs/statement/{address}":
            # No schema says that a range is not empty.
            query["from"], query["to"] = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
        # Only a page before tells of one.
        if query.get("cursor"):
            del query["cursor"]
        if is_stream:
            query["last_event_id"] = "0"
            case.headers.pop("Last-Event-ID", None)
            if query.get("account"):
                query["account"] = self.addresses[0]
        if case.method == "POST" and case.path == "/v1/transactions":
            arguments["data"] = self.body(case)

    def body(self, case):
        transaction = next(self.transactions)
        if case.media_type == MANY:
            return sequence([bytes.fromhex(transaction), bytes.fromhex(next(self.transactions)), b"\0"])
        if case.media_type != JSON:
            return bytes.fromhex(transaction)
        if "transactions" in case.body:
            return json.dumps({"transactions": [transaction, *case.body["transactions"]][:MOST]}).encode()
        return json.dumps({"transaction": transaction}).encode()

    def note(self, case, response):
        self.seen.setdefault((case.method, case.path), set()).add(response.status_code)


# A log as short as a test's has no whole tiles; those of long ones are asked for in the packages that make and read
# them. A network of protocol 1 has no proposals; the API's own tests ask for those of protocol 2.
ABSENT = {"/v1/log/tile/{level}/{index}", "/v1/log/tile/entries/{index}", "/v1/proposals/{number}"}


def never_taken(document, seen):
    """The calls that were not once answered well, and those with parameters that were not once refused."""
    for path, item in document["paths"].items():
        for method, call in item.items():
            statuses = seen.get((method.upper(), path), set())
            print(method.upper(), path, *sorted(statuses))
            if path == "/openapi.json":
                # Read by the fuzzer before all else, and not called again.
                continue
            if path not in ABSENT and not any(status < 300 for status in statuses):
                yield f"{method.upper()} {path} was never answered well"
            if call.get("parameters") and 400 not in statuses:
                yield f"{method.upper()} {path} never refused anything"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    node = sys.argv[1]
    filler = Filler(json.load(sys.stdin))

    @schemathesis.serializer(MANY)
    def as_bytes(context, value):
        # Bytes come as texts that know their bytes.
        return {"data": getattr(value, "data", None) or str(value).encode(errors="replace")}

    @schemathesis.hook
    def before_call(context, case, kwargs):
        filler.fill(case, kwargs)

    @schemathesis.hook
    def after_call(context, case, response):
        filler.note(case, response)

    settings = str(Path(__file__).with_suffix(".toml"))
    try:
        command(["--config-file", settings, "--no-color", "run", f"{node}/openapi.json"])
    except SystemExit as ended:
        wrong = ["what was found is above"] if ended.code else []
    with urllib.request.urlopen(f"{node}/openapi.json") as answer:
        wrong += never_taken(json.load(answer), filler.seen)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
