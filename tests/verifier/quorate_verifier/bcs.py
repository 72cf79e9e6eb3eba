"""Strict decoding and encoding of BCS (section 1 of docs/formats.md).

A struct is a dict, an enum a pair of the variant's name and its value (None where it has no fields), an option
None or the value. Every type refuses what its limits and ranges forbid, when decoding and when encoding, so that
whatever was decoded encodes to the same bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .errors import Malformed

MAX_ULEB = 2**31 - 1


class Reader:
    """Bytes, and how far they were read."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.at + count
        if end > len(self.data):
            raise Malformed(f"the bytes end {end - len(self.data)} too early")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def uleb(self) -> int:
        """A ULEB128 number up to 2^31 - 1 in its shortest form."""
        value = 0
        for place in range(5):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise Malformed("a ULEB128 number is longer than needed")
                if value > MAX_ULEB:
                    break
                return value
        raise Malformed("a ULEB128 number is above 2^31 - 1")


def uleb(value: int) -> bytes:
    """`value` in ULEB128."""
    if not 0 <= value <= MAX_ULEB:
        raise Malformed("a count is above 2^31 - 1")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class Type:
    """One type of the page."""

    text: Callable[[Any], str] | None = None
    """How people read a value of this type; None: as its parts."""

    def read(self, reader: Reader) -> Any:
        """Reads one value."""
        raise NotImplementedError

    def write(self, value: Any) -> bytes:
        """The encoding of `value`."""
        raise NotImplementedError

    def decode(self, data: bytes, limit: int | None = None) -> Any:
        """The value that `data` as a whole encodes; `limit` bounds its length."""
        if limit is not None and len(data) > limit:
            raise Malformed(f"it has {len(data)} bytes, at most {limit} are allowed")
        reader = Reader(data)
        value = self.read(reader)
        if reader.at != len(data):
            raise Malformed(f"{len(data) - reader.at} bytes follow the value")
        return value


class Uint(Type):
    """An unsigned integer of fixed width, little-endian, within a range."""

    def __init__(self, bits: int, least: int = 0, most: int | None = None) -> None:
        self.size = bits // 8
        self.least = least
        self.most = 2**bits - 1 if most is None else most

    def check(self, value: int) -> int:
        if not isinstance(value, int) or not self.least <= value <= self.most:
            raise Malformed(f"{value} is not from {self.least} to {self.most}")
        return value

    def read(self, reader: Reader) -> int:
        return self.check(int.from_bytes(reader.take(self.size), "little"))

    def write(self, value: int) -> bytes:
        return self.check(value).to_bytes(self.size, "little")


class Bool(Type):
    """`00` or `01`."""

    def read(self, reader: Reader) -> bool:
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed("a bool is neither 00 nor 01")
        return byte == 1

    def write(self, value: bool) -> bytes:
        return b"\x01" if value else b"\x00"


class Fixed(Type):
    """An array of `size` bytes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, reader: Reader) -> bytes:
        return reader.take(self.size)

    def write(self, value: bytes) -> bytes:
        if len(value) != self.size:
            raise Malformed(f"{len(value)} bytes instead of {self.size}")
        return bytes(value)


class Bytes(Type):
    """A length and that many bytes."""

    def __init__(self, most: int, least: int = 0) -> None:
        self.most = most
        self.least = least

    def check(self, size: int) -> int:
        if not self.least <= size <= self.most:
            raise Malformed(f"{size} bytes, allowed are {self.least} to {self.most}")
        return size

    def read(self, reader: Reader) -> bytes:
        return reader.take(self.check(reader.uleb()))

    def write(self, value: bytes) -> bytes:
        return uleb(self.check(len(value))) + value


class Text(Type):
    """UTF-8 of bounded length; `legal` says what else must hold, and returns the reason if it does not."""

    def __init__(self, most: int, least: int = 0, legal: Callable[[str], str | None] | None = None) -> None:
        self.content = Bytes(most, least)
        self.legal = legal

    def check(self, value: str) -> str:
        reason = self.legal(value) if self.legal else None
        if reason:
            raise Malformed(reason)
        return value

    def read(self, reader: Reader) -> str:
        try:
            return self.check(self.content.read(reader).decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed("a string is not UTF-8") from None

    def write(self, value: str) -> bytes:
        return self.content.write(self.check(value).encode("utf-8"))


class List(Type):
    """A count and the items. `ascending` gives what must ascend strictly; True stands for the encoding."""

    def __init__(
        self, item: Type, most: int, least: int = 0, ascending: bool | Callable[[Any], Any] | None = None
    ) -> None:
        self.item = item
        self.most = most
        self.least = least
        self.ascending = ascending

    def check(self, count: int) -> int:
        if not self.least <= count <= self.most:
            raise Malformed(f"{count} items, allowed are {self.least} to {self.most}")
        return count

    def follow(self, before: Any, value: Any, encoded: bytes, place: int) -> Any:
        """What the next item is compared with, after this one was compared with the one before."""
        if not self.ascending:
            return None
        key = encoded if self.ascending is True else self.ascending(value)
        if place > 0 and not before < key:
            raise Malformed("the items do not ascend strictly").within(f"[{place}]")
        return key

    def read(self, reader: Reader) -> list:
        items = []
        before = None
        for place in range(self.check(reader.uleb())):
            start = reader.at
            try:
                value = self.item.read(reader)
            except Malformed as fault:
                raise fault.within(f"[{place}]")
            before = self.follow(before, value, reader.data[start : reader.at], place)
            items.append(value)
        return items

    def write(self, value: Iterable) -> bytes:
        items = list(value)
        encoded = [uleb(self.check(len(items)))]
        before = None
        for place, item in enumerate(items):
            part = self.item.write(item)
            before = self.follow(before, item, part, place)
            encoded.append(part)
        return b"".join(encoded)


class Option(Type):
    """`00`, or `01` and the value."""

    def __init__(self, item: Type) -> None:
        self.item = item

    def read(self, reader: Reader) -> Any:
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed("an option begins with neither 00 nor 01")
        return self.item.read(reader) if byte else None

    def write(self, value: Any) -> bytes:
        return b"\x00" if value is None else b"\x01" + self.item.write(value)


class Struct(Type):
    """Fields in order. `legal` says what must hold among them, and returns the reason if it does not."""

    def __init__(self, *fields: tuple[str, Type], legal: Callable[[dict], str | None] | None = None) -> None:
        self.fields = fields
        self.legal = legal

    def check(self, value: dict) -> dict:
        reason = self.legal(value) if self.legal else None
        if reason:
            raise Malformed(reason)
        return value

    def read(self, reader: Reader) -> dict:
        value = {}
        for name, field in self.fields:
            try:
                value[name] = field.read(reader)
            except Malformed as fault:
                raise fault.within(name)
        return self.check(value)

    def write(self, value: dict) -> bytes:
        self.check(value)
        parts = []
        for name, field in self.fields:
            try:
                parts.append(field.write(value[name]))
            except Malformed as fault:
                raise fault.within(name)
        return b"".join(parts)


class Enum(Type):
    """The variant's number and its value. A variant without fields has the type None."""

    def __init__(self, *variants: tuple[str, Type | None]) -> None:
        self.variants = variants
        self.numbers = {name: number for number, (name, _) in enumerate(variants)}

    def read(self, reader: Reader) -> tuple[str, Any]:
        number = reader.uleb()
        if number >= len(self.variants):
            raise Malformed(f"there is no variant {number}")
        name, content = self.variants[number]
        try:
            return name, content.read(reader) if content else None
        except Malformed as fault:
            raise fault.within(name)

    def write(self, value: tuple[str, Any]) -> bytes:
        name, inner = value
        number = self.numbers[name]
        content = self.variants[number][1]
        return uleb(number) + (content.write(inner) if content else b"")


class V1(Type):
    """A type that so far has its first version alone: the variant 0."""

    def __init__(self, content: Type) -> None:
        self.content = content

    def read(self, reader: Reader) -> Any:
        version = reader.uleb()
        if version != 0:
            raise Malformed(f"version {version + 1} is not known")
        return self.content.read(reader)

    def write(self, value: Any) -> bytes:
        return b"\x00" + self.content.write(value)


class V1OrV2(V1):
    """A type with two versions: in the second, fields come before the first's. Its values have these fields too."""

    def __init__(self, content: Type, before: Struct) -> None:
        super().__init__(content)
        self.before = before

    def read(self, reader: Reader) -> Any:
        version = reader.uleb()
        if version > 1:
            raise Malformed(f"version {version + 1} is not known")
        before = self.before.read(reader) if version == 1 else {}
        return {**before, **self.content.read(reader)}

    def is_second(self, value: Any) -> bool:
        """Whether a value is of the second version."""
        return self.before.fields[0][0] in value

    def write(self, value: Any) -> bytes:
        if not self.is_second(value):
            return super().write(value)
        return b"\x01" + self.before.write(value) + self.content.write(value)


class Checked(Type):
    """Another type, and what else must hold of its values."""

    def __init__(self, content: Type, legal: Callable[[Any], str | None]) -> None:
        self.content = content
        self.legal = legal

    def check(self, value: Any) -> Any:
        reason = self.legal(value)
        if reason:
            raise Malformed(reason)
        return value

    def read(self, reader: Reader) -> Any:
        return self.check(self.content.read(reader))

    def write(self, value: Any) -> bytes:
        return self.content.write(self.check(value))


class Limited(Type):
    """Another type whose encoding has at most `most` bytes."""

    def __init__(self, content: Type, most: int) -> None:
        self.content = content
        self.most = most

    def read(self, reader: Reader) -> Any:
        start = reader.at
        value = self.content.read(reader)
        if reader.at - start > self.most:
            raise Malformed(f"it has {reader.at - start} bytes, at most {self.most} are allowed")
        return value

    def write(self, value: Any) -> bytes:
        encoded = self.content.write(value)
        if len(encoded) > self.most:
            raise Malformed(f"it has {len(encoded)} bytes, at most {self.most} are allowed")
        return encoded


def with_text(type_: Type, text: Callable[[Any], str]) -> Type:
    """The type, with the text form of its values."""
    type_.text = text
    return type_


def plain(type_: Type, value: Any) -> Any:
    """A value as JSON: bytes in hex, a variant as its name or an object with one key, the rest in its text form."""
    if type_.text is not None:
        return type_.text(value)
    match type_:
        case V1() | Checked() | Limited():
            return plain(type_.content, value)
        case Struct():
            return {name: plain(field, value[name]) for name, field in type_.fields}
        case Enum():
            name, inner = value
            content = type_.variants[type_.numbers[name]][1]
            return name if content is None else {name: plain(content, inner)}
        case List():
            return [plain(type_.item, item) for item in value]
        case Option():
            return None if value is None else plain(type_.item, value)
    return value.hex() if isinstance(value, bytes) else value
