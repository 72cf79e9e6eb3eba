"""Checks proof files against a genesis document."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from . import Refusal, Trust, UsageError, read_file, read_genesis, verify

DONE, FAILED, USAGE, CHECK_FAILED = 0, 1, 2, 7


def _pinned(text: str) -> tuple[int, bytes]:
    match = re.fullmatch(r"([1-9][0-9]{0,19}):([0-9a-f]{64})", text)
    if not match or int(match[1]) >= 2**64:
        raise argparse.ArgumentTypeError("expected HEIGHT:HASH, the hash as 64 hexadecimal digits")
    return int(match[1]), bytes.fromhex(match[2])


def _words(verdict: dict) -> str:
    facts, head = verdict["facts"], verdict.get("head")
    kind, about = verdict["kind"], verdict["about"]
    lines = [f"{verdict['verdict'].replace('_', ' ')}: {kind} {about}"]
    if head:
        lines.append(f"  as of block {head['height']} ({head['timestamp']}), epoch {head['epoch']}, {head['hash']}")
    if kind == "statement":
        lines.append(f"  {len(facts['entries'])} entries of {facts['owner']}, none left out")
        if not facts["complete"]:
            lines.append(f"  complete up to {facts['complete_up_to']} only")
        if facts["opening_is_of_genesis"]:
            lines.append("  no step is before the range: the opening balances are genesis's")
        for name in ("opening", "closing"):
            for item in facts[name]:
                lines.append(f"  {name} {item['asset']}: {item['free']} free, {item['held']} held")
    elif kind == "transaction":
        lines.append(f"  ordinal {facts['ordinal']}, block {facts['height']}, {facts['timestamp']}")
        lines.append(f"  outcome {json.dumps(facts['outcome'])}" if "outcome" in facts else "  a recovery")
    elif kind == "state":
        for item in facts["state"]:
            lines.append(
                f"  {item['prefix']}: {len(item['leaves'])} leaves" if item["leaves"] else f"  {item['prefix']}: absent"
            )
    elif kind == "block":
        lines.append(f"  {len(facts['entries'])} executed, none left out")
    elif kind == "not-executed":
        lines.append(f"  it was not executed and has expired at {facts['expires_at']}")
    elif kind == "committees":
        for item in facts["epochs"]:
            lines.append(
                f"  epoch {item['epoch']}: {len(item['validators'])} validators, from {item['first']} to {item['last']}"
            )
            if "may_have_lost" in item:
                lines.append(f"  ended by recovery {item['ended_by_recovery']}, lost: {item['may_have_lost']}")
    return "\n".join(lines)


def _judge(files: list[tuple[str, bytes]], trust: Trust) -> list[dict]:
    """An answer for each proof. Committees are learnt first; where they are refused, so is the rest of their file."""
    answers: list[list[dict]] = []
    left = []
    for name, data in files:
        mine: list[dict] = []
        answers.append(mine)
        try:
            proofs = read_file(data)
            for place, proof in enumerate(proofs):
                mine.append({"file": name})
                if proof["body"][0] == "Committees":
                    mine[place].update(verify(proof, trust).as_json())
        except Refusal as found:
            mine[:] = [{"file": name, **_refused(found)}]
            continue
        left += [(proof, answer) for proof, answer in zip(proofs, mine) if "verdict" not in answer]
    for proof, answer in left:
        try:
            answer.update(verify(proof, trust).as_json())
        except Refusal as found:
            answer.update(_refused(found))
    return [answer for mine in answers for answer in mine]


def _refused(found: Refusal) -> dict:
    return {"verdict": "refused", "code": found.code, "where": found.where, "reason": found.reason}


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="quorate_verifier",
        description="Checks proof files of a Quorate ledger offline, against its genesis document.",
        epilog="example: python3 -m quorate_verifier payment.proof --genesis genesis.toml",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="proof file; proofs of committees are learnt first")
    parser.add_argument("--genesis", metavar="FILE", help="the genesis document, as text or its encoding")
    parser.add_argument(
        "--trusted",
        type=_pinned,
        metavar="HEIGHT:HASH",
        help="a block known from elsewhere: proofs start from it alone, and older heads are refused",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text", help="default: text")
    options = parser.parse_args(arguments)
    if options.genesis is None and options.trusted is None:
        parser.error("name the genesis document, a trusted block, or both")
    try:
        files = [(name, Path(name).read_bytes()) for name in options.files]
        document = Path(options.genesis).read_bytes() if options.genesis else None
    except OSError as fault:
        print(f"quorate_verifier: {fault}", file=sys.stderr)
        return FAILED
    try:
        trust = Trust(None if document is None else read_genesis(document), options.trusted)
    except UsageError as fault:
        print(f"quorate_verifier: {options.genesis}: {fault}", file=sys.stderr)
        return USAGE

    answers = _judge(files, trust)
    refused = [answer for answer in answers if answer["verdict"] == "refused"]
    if options.output == "json":
        network = trust.network.hex() if trust.network else None
        print(json.dumps({"network": network, "proofs": answers}, indent=2))
    else:
        for answer in answers:
            if answer["verdict"] != "refused":
                print(_words(answer))
        for answer in refused:
            print(
                f"refused: {answer['file']}: {answer['code']}: {answer['where']}: {answer['reason']}", file=sys.stderr
            )
    return CHECK_FAILED if refused else DONE


if __name__ == "__main__":
    sys.exit(main())
