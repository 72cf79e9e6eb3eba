"""Statements with something changed, and how a verifier must refuse each of them.

`python3 tests/verifier/tampered.py STATEMENT --with OTHER --out DIR` changes the proof file STATEMENT, and writes each
change to a file of its own. OTHER is another owner's statement of the same network, an entry of which is slipped in.
It prints a list as JSON: the change's name, its file, and the refusal's code, place and words that it must get. What is
expected follows from the change and the numbers of section 17 of docs/formats.md; nothing is verified here.

A refusal's place may be more exact than the one that is expected here, and its words may be more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants import replaced
from quorate_verifier import read_file, write_block
from quorate_verifier.history import SPACING, Balances, balances_root, step_hash

ADDED = 7
"""Smallest units that somebody would like to have had."""


@dataclass
class Change:
    """A changed statement, and the refusal that it must get."""

    name: str
    statement: dict
    code: str
    where: str
    words: str


class NoPlace(Exception):
    """A statement that has no place for a change: it has too few entries."""


def changes(statement: dict, other: dict) -> Iterator[Change]:
    """Every change of a statement. `other` is another owner's, of the same chain."""
    yield left_out(statement)
    yield left_out_and_renumbered(statement)
    yield hidden(statement)
    yield one_balance(statement)
    yield opening_balance(statement)
    yield all_balances(statement)
    yield slipped_in(statement, other)
    yield in_anothers_place(statement, other)


# An entry is left out.


def left_out(statement: dict) -> Change:
    """Without an entry: the next step's number is one too high."""
    place = _middle(place for place in _entries(statement) if _step(statement, place + 1))
    following = _opened(statement, place + 1)["number"]
    return Change(
        "an entry left out",
        _with_items(statement, [*statement["items"][:place], *statement["items"][place + 1 :]]),
        "gap",
        f"statement.items[{place}]",
        f"step {following} stands in the place of step {following - 1}",
    )


def left_out_and_renumbered(statement: dict) -> Change:
    """Without an entry, the numbers behind it made to fit: what it changed is missing where the next one begins."""
    found = {}
    for place in _entries(statement):
        codes = {change["asset"] for change in _opened(statement, place)["changes"]}
        after = _next_change(statement, place + 1, codes)
        if after is not None and not _root_between(statement, place + 1, after, shift=-1):
            found[place] = after
    place = _middle(found)
    items = list(statement["items"])
    for later in range(place + 1, len(items)):
        step = _step(statement, later)
        if step:
            items[later] = _with_step(items[later], {**step, "number": step["number"] - 1})
    after = found[place]
    return Change(
        "an entry left out, the others renumbered",
        _with_items(statement, [*items[:place], *items[place + 1 :]]),
        "bad_replay",
        f"statement.items[{after - 1}]",
        f"before step {_opened(statement, after)['number'] - 1} there were",
    )


def hidden(statement: dict) -> Change:
    """An entry shown as one of the steps that are passed over: its hash stays right."""
    place = _middle(place for place in _entries(statement) if _step(statement, place + 1))
    items = list(statement["items"])
    items[place] = ("Passed", step_hash(_opened(statement, place)))
    if _is_whole(statement):
        refusal = "other_leaf", "statement.leaf", "the proof is not of the owner's key with 256 bits"
    else:
        words = "an opened step after what may end the range"
        refusal = "gap", f"statement.items[{place + 1}]", words
    return Change("an entry hidden", _with_items(statement, items), *refusal)


# A balance is altered.


def one_balance(statement: dict) -> Change:
    """Another balance after an entry: it is not what the next one begins with."""
    found = {}
    for place in _entries(statement):
        step = _opened(statement, place)
        for index, change in enumerate(step["changes"]):
            after = _next_change(statement, place + 1, {change["asset"]})
            if after is None or change["free_after"] + ADDED == change["free_before"]:
                continue
            if step["number"] % SPACING and not _root_between(statement, place + 1, after):
                found[place] = index, after
    place = _middle(found)
    index, after = found[place]
    step = _opened(statement, place)
    altered = replaced(step, ("changes", index, "free_after"), step["changes"][index]["free_after"] + ADDED)
    items = list(statement["items"])
    items[place] = _with_step(items[place], altered)
    number = _opened(statement, after)["number"]
    return Change(
        "a balance altered",
        _with_items(statement, items),
        "bad_replay",
        f"statement.items[{after}]",
        f"before step {number} there were",
    )


def opening_balance(statement: dict) -> Change:
    """Other balances at the start."""
    first = _next_change(statement, 0, None)
    if first is None:
        raise NoPlace("nothing changes any balance")
    code = _opened(statement, first)["changes"][0]["asset"]
    kind, start = statement["start"]
    balances = {item["asset"]: (item["free"], item["held"]) for item in start["balances"]}
    free, held = balances.get(code, (0, 0))
    balances[code] = free + ADDED, held
    items = [{"asset": asset, "free": free, "held": held} for asset, (free, held) in sorted(balances.items())]
    number = _opened(statement, first)["number"]
    if kind == "Waypoint":
        refusal = "bad_balances", "statement.start", "the balances are not the waypoint's"
    elif _root_between(statement, 0, first):
        raise NoPlace("a waypoint comes before the first change")
    else:
        refusal = "bad_replay", f"statement.items[{first}]", f"before step {number} there were"
    altered = {**statement, "start": (kind, {**start, "balances": items})}
    return Change("the opening balance altered", altered, *refusal)


def all_balances(statement: dict) -> Change:
    """Other balances from an entry on, with all that follows of them but the history's own hash."""
    found = {}
    for place in _entries(statement):
        for change in _opened(statement, place)["changes"]:
            if change["free_after"] + ADDED != change["free_before"]:
                found[place] = change["asset"]
    place = _middle(found)
    items = list(statement["items"])
    balances: Balances = {item["asset"]: (item["free"], item["held"]) for item in statement["start"][1]["balances"]}
    for later in range(len(items)):
        step = _step(statement, later)
        if step is None:
            break
        steps_changes = []
        for change in step["changes"]:
            if change["asset"] == found[place] and later >= place:
                before = change["free_before"] + (ADDED if later > place else 0)
                change = {**change, "free_before": before, "free_after": change["free_after"] + ADDED}
            balances[change["asset"]] = change["free_after"], change["held_after"]
            steps_changes.append(change)
        root = None if step["balances"] is None else balances_root(balances)
        items[later] = _with_step(items[later], {**step, "changes": steps_changes, "balances": root})
    return Change("all balances altered from an entry on", _with_items(statement, items), *_elsewhere(statement))


# Another owner's entry is slipped in.


def slipped_in(statement: dict, other: dict) -> Change:
    """Another owner's entry among one's own: it has a number of another history."""
    place = _middle(_entries(statement))
    number = _opened(statement, place)["number"]
    theirs = next((at for at in _entries(other) if _opened(other, at)["number"] != number), None)
    if theirs is None:
        raise NoPlace("each entry of the other owner has this number, too")
    item = other["items"][theirs]
    return Change(
        "another's entry slipped in",
        _with_items(statement, [*statement["items"][:place], item, *statement["items"][place:]]),
        "gap",
        f"statement.items[{place}]",
        f"step {item[1]['step']['number']} stands in the place of step {number}",
    )


def in_anothers_place(statement: dict, other: dict) -> Change:
    """Another owner's entry in the place of one's own, with all that follows of it but the history's own hash."""
    steps = [_step(statement, place) for place in range(len(statement["items"]))]
    own = {step["ordinal"] for step in steps if step}
    found = {}
    for place in _entries(statement):
        before, after = _step(statement, place - 1) if place else None, _step(statement, place + 1)
        if not before or not after:
            continue
        for their_place in _entries(other):
            step, entry = _opened(other, their_place), other["items"][their_place][1]["entry"][1]
            fits = before["ordinal"] < step["ordinal"] < after["ordinal"] and step["ordinal"] not in own
            # A failed one would have changed nothing.
            if fits and entry["outcome"][0] == "Success" and statement["from"] <= step["timestamp"] < statement["to"]:
                found[place] = other["items"][their_place][1]
    place = _middle(found)
    theirs = found[place]
    step = {**_opened(statement, place), **{name: theirs["step"][name] for name in ("ordinal", "timestamp", "leaf")}}
    items = list(statement["items"])
    items[place] = ("Entry", {**theirs, "step": step})
    return Change("another's entry in the place of one's own", _with_items(statement, items), *_elsewhere(statement))


# Parts of statements.


def _entries(statement: dict) -> list[int]:
    return [place for place, (kind, _) in enumerate(statement["items"]) if kind == "Entry"]


def _step(statement: dict, place: int) -> dict | None:
    """The step of an item; none if it is passed over, or there is no such item."""
    if place >= len(statement["items"]):
        return None
    kind, value = statement["items"][place]
    if kind == "Passed":
        return None
    return value["step"] if kind == "Entry" else value


def _opened(statement: dict, place: int) -> dict:
    step = _step(statement, place)
    assert step is not None
    return step


def _with_step(item: tuple, step: dict) -> tuple:
    kind, value = item
    return (kind, step) if kind == "Opened" else (kind, {**value, "step": step})


def _with_items(statement: dict, items: list) -> dict:
    return {**statement, "items": items}


def _is_whole(statement: dict) -> bool:
    """True if the owner's leaf stands for all that the owner has (number 1)."""
    passes = any(kind == "Passed" for kind, _ in statement["items"])
    return statement["owner"][0] == "Account" and statement["end"][0] == "Last" and not passes


def _next_change(statement: dict, place: int, codes: set[str] | None) -> int | None:
    """The first item from a place on that changes one of these assets, or any asset."""
    for later in range(place, len(statement["items"])):
        step = _step(statement, later)
        if step is None:
            return None
        if any(codes is None or change["asset"] in codes for change in step["changes"]):
            return later
    return None


def _root_between(statement: dict, first: int, end: int, shift: int = 0) -> bool:
    """True if an item has, or had before its number was shifted, a root over balances, which is looked at first."""
    numbers = [_opened(statement, place)["number"] for place in range(first, end)]
    return any(number % SPACING == 0 or (number + shift) % SPACING == 0 for number in numbers)


def _elsewhere(statement: dict) -> tuple[str, str, str]:
    """The refusal of steps that fit each other and lead to another hash than the history's."""
    kind, start = statement["start"]
    number = (start["step"]["number"] if kind == "Waypoint" else 0) + len(statement["items"])
    if statement["end"][0] == "Waypoint":
        return "bad_path", "statement.end", f"step {number} is not among the waypoints"
    return "bad_path", "statement.end", "the last step is not the leaf's"


def _middle(places: Iterable[int]) -> int:
    """The middle one of some places."""
    found = sorted(places)
    if not found:
        raise NoPlace("no entry can be changed so")
    return found[len(found) // 2]


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(description="Changes a statement in ways that a verifier must refuse.")
    parser.add_argument("statement", metavar="STATEMENT", help="a proof file")
    parser.add_argument("--with", dest="other", required=True, metavar="OTHER", help="another owner's statement")
    parser.add_argument("--out", required=True, metavar="DIR", help="where to write the changed files")
    options = parser.parse_args(arguments)
    proof, *committees = read_file(Path(options.statement).read_bytes())
    other = read_file(Path(options.other).read_bytes())[0]
    if (proof["body"][0], other["body"][0]) != ("Statement", "Statement"):
        parser.error("both files must have a statement")
    made = []
    for number, change in enumerate(changes(proof["body"][1], other["body"][1])):
        path = Path(options.out) / f"tampered-{number}.proof"
        blocks = [{**proof, "body": ("Statement", change.statement)}, *committees]
        path.write_bytes(b"".join(map(write_block, blocks)))
        expected = {"code": change.code, "where": change.where, "words": change.words}
        made.append({"name": change.name, "file": str(path), **expected})
    print(json.dumps(made, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
