#!/usr/bin/env python3
"""Holds a running node to its own description.

Usage: check.py NODE < TRANSACTIONS

NODE is the URL of a node's API. First /openapi.json has to be a valid OpenAPI 3.1 document, by a validator that is
not Quorate's (openapi-spec-validator). Then every call in it is made, well and badly, and each answer is held to the
document: status, content type, headers, and the body to its schema (jsonschema), in which a property that is not
described is an error too.

TRANSACTIONS is a JSON object of submissions (signed transactions with their texts) in hex, none of which the node
has seen:
  fresh          a list of eight that will be committed
  refused        by the code of a problem: one that the node refuses with it

It prints every call with the statuses that were seen, and ends with 1 if anything does not fit.
"""

import copy
import http.client
import json
import sys
import time
import urllib.parse

import jsonschema
import openapi_spec_validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

JSON = "application/json"
BYTES = "application/octet-stream"
MANY = "application/vnd.quorate.transactions"
PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"
TEXT = "text/plain"

# What makes the document's parameters wrong, by their names.
WRONG = {
    "limit": ["0", "201", "ten", "-1"],
    "cursor": ["!"],
    "min_height": ["abc", "-1", "1.5"],
    "account": ["alice"],
    "sender": ["alice"],
    "asset": ["qrt"],
    "kind": ["payment"],
    "from": ["yesterday"],
    "to": ["2026-03-01"],
    "types": ["blocks"],
    "last_event_id": ["x"],
    "wait": ["maybe"],
    "timeout_ms": ["60001", "soon"],
    "id": ["xyz", "%FF"],
    "sha256": ["12"],
    "block": ["one"],
    "address": ["alice"],
    "code": ["qrt", "TOOLONGFORACODE"],
    "key": ["zz", "10"],
    "by": ["alice"],
    "size": ["-1", "x"],
    "level": ["64", "x"],
    "index": ["0", "x000"],
    "width": ["0", "256"],
    "state": ["half"],
    "member": ["!"],
    "number": ["x"],
}

# A complete tile has 256 entries, which a network of a test need not have.
COMPLETE = {"/v1/log/tile/{level}/{index}", "/v1/log/tile/entries/{index}"}

# What a network that has decided on nothing yet does not have either.
ABSENT = COMPLETE | {"/v1/proposals/{number}"}


class Node:
    """A node, its document, and what of it was seen."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.wrong = []
        self.seen = {}
        status, _, body = self.send("GET", "/openapi.json")
        assert status == 200, status
        self.document = json.loads(body)
        self.strict = closed(self.document)
        resource = Resource(contents=self.strict, specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:openapi", resource)

    def send(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=40)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def complain(self, what, why):
        self.wrong.append(f"{what}: {why}")

    def fits(self, what, pointer, value):
        """Holds a value to the schema at a place of the document."""
        validator = jsonschema.Draft202012Validator(
            {"$ref": f"urn:openapi#{pointer}"},
            registry=self.registry,
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        for error in validator.iter_errors(value):
            self.complain(what, f"{error.json_path}: {error.message[:300]}")

    def call(self, method, template, path, headers=None, body=None):
        """Makes a call and holds its answer to the document; gives the status and, if it is JSON, the body."""
        what = f"{method} {path[:160]}"
        status, got, content = self.send(method, path, headers, body)
        self.seen.setdefault((method, template), set()).add(status)
        item = self.document["paths"][template]
        responses = item[method.lower()]["responses"]
        response = responses.get(str(status))
        if response is None:
            self.complain(what, f"{status} is not described: {content[:200]!r}")
            return status, None
        where = ["paths", template, method.lower(), "responses", str(status)]
        self.hold_headers(what, where, response, got)
        kind = got.get("Content-Type")
        if kind not in response.get("content", {}):
            self.complain(what, f"{status} as {kind} is not described")
            return status, None
        if kind.startswith(TEXT):
            begins = b"quorate/" if template == "/v1/log/checkpoint" else b"quorate proof 2 "
            if not content.startswith(begins):
                self.complain(what, f"neither a checkpoint nor a proof: {content[:200]!r}")
            return status, None
        if kind == BYTES:
            if not content:
                self.complain(what, "no bytes")
            return status, None
        value = json.loads(content)
        self.fits(what, pointer(where + ["content", kind, "schema"]), value)
        if kind == PROBLEM:
            codes = response["content"][kind]["examples"]
            if value.get("code") not in codes:
                self.complain(what, f"the code {value.get('code')} is not described under {status}")
            if value.get("status") != status:
                self.complain(what, f"the problem says {value.get('status')} and comes with {status}")
        return status, value

    def hold_headers(self, what, where, response, got):
        described = {}
        for name, header in response.get("headers", {}).items():
            described[name.lower()] = header
            if "$ref" in header:
                place = header["$ref"].removeprefix("#")
                header = self.document["components"]["headers"][place.rsplit("/", 1)[1]]
            else:
                place = pointer(where + ["headers", name])
            text = got.get(name)
            if text is None:
                if header.get("required"):
                    self.complain(what, f"the header {name} is missing")
                continue
            number = header["schema"]["type"] == "integer"
            self.fits(f"{what}, {name}", f"{place}/schema", int(text) if number else text)
        for name in ("Quorate-Height", "Retry-After", "Accept-Encoding"):
            if name in got and name.lower() not in described:
                self.complain(what, f"the header {name} is not described")


def pointer(parts):
    """A JSON pointer (RFC 6901) as part of a URI."""
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in parts)
    return "/" + "/".join(urllib.parse.quote(part) for part in escaped)


def closed(document):
    """The document with schemas that allow only what they describe."""
    document = copy.deepcopy(document)

    def close(schema):
        if isinstance(schema, dict):
            if schema.get("type") == "object" and "properties" in schema:
                schema.setdefault("additionalProperties", False)
            for part in schema.values():
                close(part)
        elif isinstance(schema, list):
            for part in schema:
                close(part)

    close(document["components"]["schemas"])
    return document


def filled(template, values):
    """The paths that a template stands for, with the known values of its names."""
    name = template.partition("{")[2].partition("}")[0]
    if not name:
        return [template]
    each = [template.replace("{" + name + "}", value) for value in values[name]]
    return [path for one in each for path in filled(one, values)]


def parameters(call, place):
    return [each for each in call.get("parameters", []) if each["in"] == place]


def good_values(values, transactions):
    """What the document's parameters may be, by their names."""
    first = transactions[-1]
    return {
        **values,
        "limit": ["1", "200"],
        "min_height": ["0", "1"],
        "account": values["address"][:1],
        "sender": values["address"][:1],
        "asset": values["code"],
        "kind": ["put_record", "transfer"],
        "from": ["1", first["timestamp"], "1969-07-20T20:17:40Z"],
        "to": ["3", urllib.parse.quote("2100-01-01T00:00:00+02:00"), "9999-12-31T23:59:59-12:00"],
        "by": values["address"][:1],
        "state": ["open", "executed"],
    }


def own_values(transactions):
    """The same of calls whose parameters mean something else, by their paths."""
    return {
        # A range of times, as a proof's words say them.
        "/v1/proofs/statement/{address}": {"from": [transactions[-1]["timestamp"]], "to": ["2100-01-01T00:00:00Z"]},
        "/v1/proofs/committees": {"to": ["1", "3"]},
        **{f"{tile}/{{width}}": {"index": ["000.p"]} for tile in COMPLETE},
    }


def read(node, template, call, values):
    """Makes a reading call in all ways: parameters one by one and together, pages, bytes, and wrong ones."""
    names = [each["name"] for each in parameters(call, "query")]
    required = [each["name"] for each in parameters(call, "query") if each.get("required")]
    good = [name for name in names if name in values]
    # What is asked for properly is there, or is not yet.
    there = 404 if template in ABSENT else 200

    def alone(name, value):
        """A query with this parameter and those that must be there."""
        others = [f"{other}={values[other][0]}" for other in required if other != name]
        return "&".join([*others, f"{name}={value}"])

    for path in filled(template, values):
        node.call("GET", template, path)
        together = "&".join(f"{name}={values[name][0]}" for name in good)
        node.call("GET", template, f"{path}?{together}")
        for name in good:
            for value in values[name]:
                expect(node, there, "GET", template, f"{path}?{alone(name, value)}")
        for name in names:
            expect(node, 400 if name in required else there, "GET", template, f"{path}?{alone(name, '')}")
        if "cursor" in names:
            cursor = ""
            for _ in range(100):
                _, page = node.call("GET", template, f"{path}?limit=1&cursor={cursor}")
                if not page or not page.get("next"):
                    break
                cursor = urllib.parse.quote(page["next"])
        if BYTES in call["responses"]["200"]["content"]:
            node.call("GET", template, path, {"Accept": BYTES})
    path = filled(template, values)[0]
    expect(node, 400, "GET", template, f"{path}?{alone('surprise', 1)}")
    for name in names:
        for value in WRONG[name]:
            expect(node, 400, "GET", template, f"{path}?{alone(name, value)}")
    if "limit" in names:
        expect(node, 400, "GET", template, f"{path}?limit=1&limit=2")
    for each in parameters(call, "path"):
        for value in WRONG[each["name"]]:
            status, _ = node.call("GET", template, template.replace("{" + each["name"] + "}", value))
            if status not in (400, 404):
                node.complain(template, f"{value} is answered with {status}")


def expect(node, wanted, method, template, path, headers=None, body=None):
    status, value = node.call(method, template, path, headers, body)
    if status != wanted:
        node.complain(f"{method} {path[:160]}", f"{status} where {wanted} was expected: {value}")
    return value


def stream(node, template):
    """Reads the first events since the first block, and holds their data to their schemas."""
    connection = http.client.HTTPConnection(node.host, node.port, timeout=40)
    connection.request("GET", f"{template}?last_event_id=0")
    answer = connection.getresponse()
    node.seen.setdefault(("GET", template), set()).add(answer.status)
    kind = answer.headers.get("Content-Type")
    if answer.status != 200 or kind not in node.document["paths"][template]["get"]["responses"]["200"]["content"]:
        node.complain(template, f"{answer.status} as {kind}")
    wanted, event = {"block": "BlockEvent", "transaction": "TransactionEvent"}, None
    while wanted:
        line = answer.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            schema = wanted.pop(event, None)
            if schema:
                data = json.loads(line.removeprefix("data: "))
                node.fits(f"the event {event}", f"/components/schemas/{schema}", data)
    connection.close()
    names = ("types", "account", "asset", "kind", "last_event_id")
    for query in ("surprise=1", *(f"{name}={WRONG[name][0]}" for name in names)):
        expect(node, 400, "GET", template, f"{template}?{query}")


def varint(number):
    """A sequence's length in BCS (ULEB128)."""
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def submit(node, transactions):
    """Submits in every form, well and badly."""
    template = "/v1/transactions"
    fresh = [bytes.fromhex(text) for text in transactions["fresh"]]
    in_json = {"Content-Type": JSON}

    def post(wanted, query, kind, body):
        headers = {"Content-Type": kind}
        return expect(node, wanted, "POST", template, f"{template}{query}", headers, body)

    one = json.dumps({"transaction": fresh[0].hex()})
    post(202, "", JSON, one)
    post(200, "?wait=committed", JSON, one)
    post(200, "?wait=none&timeout_ms=0", JSON, one)
    post(200, "?wait=committed&timeout_ms=60000", BYTES, fresh[1])
    pending = post(202, "?wait=none", BYTES, fresh[2])
    if pending:
        # Until it is executed, which may have happened by now, there are no bytes of it.
        path = f"{template}/{pending['id']}"
        status, _ = node.call("GET", f"{template}/{{id}}", path, {"Accept": BYTES})
        if status not in (200, 409):
            node.complain(path, f"{status} where 200 or 409 was expected")
    many = [fresh[3].hex(), transactions["refused"]["expired"], "zz", "00"]
    results = post(202, "", JSON, json.dumps({"transactions": many}))
    statuses = [result["status"] for result in (results or {}).get("results", [])]
    if statuses != ["pending", "refused", "refused", "refused"]:
        node.complain("many", statuses)
    packed = b"".join(varint(len(each)) + each for each in fresh[4:8])
    post(200, "?wait=committed", MANY, varint(len(fresh[4:8])) + packed)

    for code, text in transactions["refused"].items():
        status, problem = node.call("POST", template, template, in_json, json.dumps({"transaction": text}))
        if not problem or problem["code"] != code:
            node.complain(code, f"answered with {status} {problem}")
    for body in ("", "{}", "[]", "null", '{"transaction": 1}', '{"transactions": []}', '{"transaction": "zz"}'):
        post(400, "", JSON, body)
    post(400, "", JSON, json.dumps({"transactions": ["00"] * 8193}))
    post(400, "", BYTES, b"")
    post(400, "", MANY, b"\xff" * 40)
    announced = {"Content-Type": BYTES, "Content-Length": str((8 << 20) + 1)}
    expect(node, 413, "POST", template, template, announced, b"\0")
    post(413, "", BYTES, bytes.fromhex(transactions["refused"]["transaction_too_large"]))
    post(415, "", "text/csv", "a,b")
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    expect(node, 415, "POST", template, template, headers, b"\x1f\x8b")
    for query in ("surprise=1", "limit=1", "wait=none&wait=none"):
        post(400, f"?{query}", JSON, one)
    for name in ("wait", "timeout_ms"):
        for value in WRONG[name]:
            post(400, f"?{name}={value}", JSON, one)


def elsewhere(node):
    """Answers that the document describes once for all."""
    shared = node.document["components"]["responses"]

    def like(what, response, status, method, path):
        got, headers, body = node.send(method, path)
        if got != status:
            node.complain(what, f"{method} {path} is answered with {got}")
        node.hold_headers(f"{method} {path}", ["components", "responses", what], response, headers)
        if "content" in response:
            problem = json.loads(body)
            node.fits(what, pointer(["components", "responses", what, "content", PROBLEM, "schema"]), problem)
            if problem["code"] not in response["content"][PROBLEM]["examples"]:
                node.complain(what, problem["code"])

    like("NoSuchCall", shared["NoSuchCall"], 404, "GET", "/v1/nothing")
    for template in node.document["paths"]:
        path = template.replace("{", "").replace("}", "")
        like("MethodNotAllowed", shared["MethodNotAllowed"], 405, "DELETE", path)
        like("Options", shared["Options"], 204, "OPTIONS", path)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    transactions = json.load(sys.stdin)
    node = Node(sys.argv[1])
    openapi_spec_validator.validate(node.document)

    submit(node, transactions)
    listed = node.call("GET", "/v1/transactions", "/v1/transactions?limit=200")[1]["transactions"]
    blocks = node.call("GET", "/v1/blocks", "/v1/blocks")[1]["blocks"]
    of_kind = {operation["type"]: operation for each in listed for operation in each["operations"]}
    values = {
        "id": [listed[0]["id"], listed[-1]["id"].upper()],
        "block": ["1", "latest", blocks[0]["hash"]],
        "address": [listed[0]["sender"]],
        "code": ["QRT"],
        "sha256": [of_kind["put_record"]["sha256"]],
        # The parameters in force.
        "key": ["10" + "00" * 31],
        "size": [str(blocks[0]["log_size"])],
        "level": ["0"],
        "index": ["000"],
        "width": ["1"],
        "member": ["0"],
        "number": ["0"],
    }
    # A checkpoint is signed up to a second after its block.
    for _ in range(100):
        if node.send("GET", f"/v1/log/checkpoint?size={values['size'][0]}")[0] == 200:
            break
        time.sleep(0.2)
    values, own = good_values(values, listed), own_values(listed)
    for template, item in node.document["paths"].items():
        call = item.get("get")
        if template == "/v1/events":
            stream(node, template)
        elif call:
            read(node, template, call, values | own.get(template, {}))
    for path in ("/v1/transactions/" + "00" * 32, "/v1/blocks/999999", "/v1/blocks/999999/transactions"):
        template = path.replace("00" * 32, "{id}").replace("999999", "{block}")
        expect(node, 404, "GET", template, path)
    expect(node, 404, "GET", "/v1/proofs/transaction/{id}", "/v1/proofs/transaction/" + "00" * 32)
    expect(node, 404, "GET", "/v1/state/{key}", "/v1/state/03" + "ff" * 31)
    expect(node, 404, "GET", "/v1/assets/{code}", "/v1/assets/NOPE")
    expect(node, 404, "GET", "/v1/assets/{code}/holders", "/v1/assets/NOPE/holders")
    expect(node, 404, "GET", "/v1/members/{member}", "/v1/members/nobody")
    expect(node, 404, "GET", "/v1/proposals", "/v1/proposals?member=nobody")
    expect(node, 503, "GET", "/v1/status", "/v1/status?min_height=999999")
    elsewhere(node)

    for template, item in node.document["paths"].items():
        for method in item:
            seen = node.seen.get((method.upper(), template), set())
            print(method.upper(), template, *sorted(seen))
            if not {200, 400} <= seen and not (template in ABSENT and {400, 404} <= seen):
                node.complain(f"{method.upper()} {template}", f"only {sorted(seen)} were seen")
    if node.wrong:
        sys.exit("\n".join(sorted(set(node.wrong))))


if __name__ == "__main__":
    main()
