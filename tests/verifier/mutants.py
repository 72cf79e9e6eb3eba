"""Mutants of values and bytes, of any type of the page, without the checks that an encoder makes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from quorate_verifier import bcs

Path = tuple


def raw_uleb(value: int) -> bytes:
    """ULEB128 of any number."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def raw(type_: bcs.Type, value: Any) -> bytes:
    """The encoding of a value that may break limits, ranges and orders."""
    match type_:
        case bcs.Uint():
            return (value % 2 ** (8 * type_.size)).to_bytes(type_.size, "little")
        case bcs.Bool():
            return bytes([value])
        case bcs.Fixed():
            return bytes(value)
        case bcs.Bytes():
            return raw_uleb(len(value)) + value
        case bcs.Text():
            data = value if isinstance(value, bytes) else value.encode("utf-8")
            return raw_uleb(len(data)) + data
        case bcs.List():
            return raw_uleb(len(value)) + b"".join(raw(type_.item, item) for item in value)
        case bcs.Option():
            return b"\x00" if value is None else b"\x01" + raw(type_.item, value)
        case bcs.Struct():
            return b"".join(raw(field, value[name]) for name, field in type_.fields)
        case bcs.Enum():
            content = type_.variants[type_.numbers[value[0]]][1]
            return raw_uleb(type_.numbers[value[0]]) + (raw(content, value[1]) if content else b"")
        case bcs.V1OrV2() if type_.is_second(value):
            return b"\x01" + raw(type_.before, value) + raw(type_.content, value)
        case bcs.V1():
            return b"\x00" + raw(type_.content, value)
        case bcs.Checked() | bcs.Limited():
            return raw(type_.content, value)
    raise TypeError(type_)


def replaced(value: Any, path: Path, new: Any) -> Any:
    """The value with another part at a path; only what lies on the way is copied."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, step: replaced(value[step], rest, new)}
    if isinstance(value, list):
        return [replaced(item, rest, new) if place == step else item for place, item in enumerate(value)]
    return value[0], replaced(value[1], rest, new)


def at(value: Any, path: Path) -> Any:
    """The part at a path."""
    for step in path:
        value = value[1] if isinstance(value, tuple) else value[step]
    return value


def parts(type_: bcs.Type, value: Any, path: Path = ()) -> Iterator[tuple[Path, bcs.Type, Any]]:
    """All parts of a value with their types."""
    while isinstance(type_, (bcs.V1, bcs.Checked, bcs.Limited)):
        type_ = type_.content
    yield path, type_, value
    if isinstance(type_, bcs.Struct):
        for name, field in type_.fields:
            yield from parts(field, value[name], (*path, name))
    elif isinstance(type_, bcs.List):
        for place, item in enumerate(value):
            yield from parts(type_.item, item, (*path, place))
    elif isinstance(type_, bcs.Option) and value is not None:
        inner = type_.item
        while isinstance(inner, (bcs.V1, bcs.Checked, bcs.Limited)):
            inner = inner.content
        if isinstance(inner, bcs.Struct):
            for name, field in inner.fields:
                yield from parts(field, value[name], (*path, name))
    elif isinstance(type_, bcs.Enum):
        content = type_.variants[type_.numbers[value[0]]][1]
        if content:
            yield from parts(content, value[1], (*path, value[0]))


def of_part(type_: bcs.Type, value: Any, rng: random.Random) -> Iterator[tuple[str, Any]]:
    """Other values for one part: the kind of mutation, and the value."""
    match type_:
        case bcs.Uint():
            numbers = 2 ** (8 * type_.size)
            yield "one more", (value + 1) % numbers
            yield "one less", (value - 1) % numbers
            yield "zero" if value else "highest", 0 if value else numbers - 1
        case bcs.Fixed():
            bit = rng.randrange(8 * type_.size)
            number = int.from_bytes(value, "big") ^ 1 << bit
            yield "a bit", number.to_bytes(type_.size, "big")
            if any(value):
                yield "zeros", bytes(type_.size)
        case bcs.Bytes():
            yield "a byte more", value + b"\x00"
            if value:
                yield "a byte less", value[:-1]
                place = rng.randrange(len(value))
                yield "a bit", value[:place] + bytes([value[place] ^ 1 << rng.randrange(8)]) + value[place + 1 :]
        case bcs.Text():
            yield "a letter more", value + "A"
            if value:
                yield "a letter less", value[:-1]
        case bcs.Bool():
            yield "the other", not value
        case bcs.List():
            if value:
                yield "the last left out", value[:-1]
                yield "the last twice", [*value, value[-1]]
            if len(value) > 1:
                yield "the first left out", value[1:]
                place = rng.randrange(len(value) - 1)
                swapped = list(value)
                swapped[place : place + 2] = swapped[place + 1], swapped[place]
                if swapped != value:
                    yield "two swapped", swapped
                middle = rng.randrange(1, len(value))
                yield "one left out", value[:middle] + value[middle + 1 :]
        case bcs.Option():
            if value is not None:
                yield "none", None
        case bcs.Enum():
            for name, content in type_.variants:
                if content is None and name != value[0]:
                    yield f"variant {name}", (name, None)


def structural(
    type_: bcs.Type, value: Any, rng: random.Random, count: int | None = None
) -> Iterator[tuple[Path, str, Any]]:
    """Mutants of a value by one change of one part: its path, the kind, the whole mutant. `count`: so many of them."""
    found = [(path, *each) for path, part_type, part in parts(type_, value) for each in of_part(part_type, part, rng)]
    if count is not None and count < len(found):
        found = rng.sample(found, count)
    for path, kind, new in found:
        yield path, kind, replaced(value, path, new)


def of_bytes(data: bytes, rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Mutants of bytes as bytes."""
    for number in range(count):
        at_ = rng.randrange(len(data))
        size = rng.choice((1, 1, 2, 8, 32))
        kind = number % 6
        if kind <= 1:
            yield "bit", data[:at_] + bytes([data[at_] ^ 1 << rng.randrange(8)]) + data[at_ + 1 :]
        elif kind == 2:
            yield "cut", data[:at_] + data[at_ + size :]
        elif kind == 3:
            yield "added", data[:at_] + rng.randbytes(size) + data[at_:]
        elif kind == 4:
            yield "copied", data[: at_ + size] + data[at_:]
        else:
            yield "truncated", data[:at_]


def longer_uleb(type_: bcs.Type, value: Any, rng: random.Random) -> bytes | None:
    """The encoding with one count that is a byte longer than needed. None: it has no count."""
    counts = [
        (path, part_type, part)
        for path, part_type, part in parts(type_, value)
        if isinstance(part_type, (bcs.List, bcs.Bytes, bcs.Text)) and len(part) < 128
    ]
    if not counts:
        return None
    path, _, _ = rng.choice(counts)
    return _raw_longer(type_, value, path)


def _raw_longer(type_: bcs.Type, value: Any, path: Path) -> bytes:
    while isinstance(type_, (bcs.Checked, bcs.Limited)):
        type_ = type_.content
    if isinstance(type_, bcs.V1):
        return b"\x00" + _raw_longer(type_.content, value, path)
    if isinstance(type_, bcs.Option):
        return b"\x01" + _raw_longer(type_.item, value, path)
    if not path:
        encoded = raw(type_, value)
        return bytes([encoded[0] | 0x80, 0]) + encoded[1:]
    step, rest = path[0], path[1:]
    if isinstance(type_, bcs.Struct):
        return b"".join(
            _raw_longer(field, value[name], rest) if name == step else raw(field, value[name])
            for name, field in type_.fields
        )
    if isinstance(type_, bcs.List):
        return raw_uleb(len(value)) + b"".join(
            _raw_longer(type_.item, item, rest) if place == step else raw(type_.item, item)
            for place, item in enumerate(value)
        )
    assert isinstance(type_, bcs.Enum)
    content = type_.variants[type_.numbers[value[0]]][1]
    assert content is not None
    return raw_uleb(type_.numbers[value[0]]) + _raw_longer(content, value[1], rest)
