"""A transaction in lines for people, one text for each value (section 18 of docs/formats.md)."""

from __future__ import annotations

import re
from typing import Any

from .bcs import V1, Bool, Checked, Enum, Limited, List, Option, Struct, Type
from .forms import address_text, amount_text, key_text, refused_code_point, time_text
from .hashes import tagged
from .keys import key_of
from .types import OPERATION, RIGHT, RIGHT_TEXTS


def lines_for_people(travelling: dict) -> list[str]:
    """The comments of a transaction that travels."""
    intent = travelling["intent"]
    parties = [address_text(party) for party in intent["parties"]]
    decimals = {item["asset"]: item["decimals"] for item in travelling["decimals"]}
    lines = [f"parties {' '.join(parties)}", f"expires_at {time_text(intent['expires_at'])}"]
    for number, act in enumerate(intent["operations"]):
        lines.append(f"{number} by {parties[act['party']]} {_operation(act['operation'], decimals)}")
    places = intent["texts"]["places"] if intent["texts"] else []
    for place, text in zip(places, travelling["texts"]):
        lines.append(f"{_place(place)} {_text(text['text'])}")
    lines += [f"signed {key_text(key_of(signature))}" for signature in travelling["signatures"]]
    return [f"# {line}" for line in lines]


def _place(place: tuple) -> str:
    kind, fields = place
    return "memo" if kind == "Memo" else f"text {fields['index']} {fields['field']}"


def _text(data: bytes) -> str:
    """A text in quotation marks; hex if it is not legal as text, which metadata need not be."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return f"hex {data.hex()}"
    if refused_code_point(text):
        return f"hex {data.hex()}"
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _operation(operation: tuple, decimals: dict[str, int]) -> str:
    name, fields = operation
    types = OPERATION.variants[OPERATION.numbers[name]][1]
    assert isinstance(types, Struct)
    words = [re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()]
    for field, type_ in types.fields:
        value = fields[field]
        if name == "Erase" and field == "intent":
            text = tagged("transaction", value).hex()
        elif field == "amount" and fields.get("asset") in decimals:
            text = amount_text(value, decimals[fields["asset"]])
        else:
            text = value_text(type_, value)
        words.append(f"{field} {text}")
    return " ".join(words)


def value_text(type_: Type, value: Any) -> str:
    """The text of a value."""
    if type_ is RIGHT:
        return RIGHT_TEXTS[value[0]]
    if type_.text is not None:
        return type_.text(value)
    match type_:
        case V1() | Checked() | Limited():
            return value_text(type_.content, value)
        case Struct():
            return "{" + _fields(type_, value) + "}"
        case Enum():
            name, inner = value
            content = type_.variants[type_.numbers[name]][1]
            if content is None:
                return name
            return f"{name}({_fields(content, inner) if isinstance(content, Struct) else value_text(content, inner)})"
        case List():
            return "[" + ", ".join(value_text(type_.item, item) for item in value) + "]"
        case Option():
            return "none" if value is None else value_text(type_.item, value)
        case Bool():
            return "true" if value else "false"
    return value.hex() if isinstance(value, bytes) else str(value)


def _fields(type_: Struct, value: dict) -> str:
    return ", ".join(f"{name} {value_text(field, value[name])}" for name, field in type_.fields)
