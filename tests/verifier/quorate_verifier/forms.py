"""Text forms: one text for each value (section 1 of docs/formats.md)."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timedelta, timezone

from .errors import Malformed

LAST_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{3}))?Z", re.ASCII)
_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def time_text(milliseconds: int) -> str:
    """RFC 3339; above the year 9999 the milliseconds, as a proof's header has them."""
    if milliseconds > LAST_TIME:
        return str(milliseconds)
    moment = (_EPOCH + timedelta(milliseconds=milliseconds)).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds") + "Z"


def parse_time(text: str) -> int:
    """The time of its one text."""
    match = _TIME.fullmatch(text)
    if not match:
        raise Malformed(f"{text!r} is not a time such as 2026-01-01T00:00:00Z")
    try:
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    except ValueError:
        raise Malformed(f"{text!r} is not a time") from None
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1) + int(match[2] or 0)
    if milliseconds < 0 or time_text(milliseconds) != text:
        raise Malformed(f"{text!r} is not the text of a time")
    return milliseconds


def parse_hex(text: str, size: int) -> bytes:
    """Lower-case hex of `size` bytes."""
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        raise Malformed(f"expected {2 * size} hexadecimal digits in lower case")
    return bytes.fromhex(text)


def _checksum(values: list[int]) -> int:
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit in range(5):
            check ^= generator[bit] if top >> bit & 1 else 0
    return check


_EXPANDED = [ord(letter) >> 5 for letter in "qr"] + [0] + [ord(letter) & 31 for letter in "qr"]
_BECH32M = 0x2BC830A3


def address_text(address: bytes) -> str:
    """Bech32m with the prefix `qr`. Twenty bytes are 32 groups of five bits, without padding."""
    number = int.from_bytes(address, "big")
    values = [number >> 5 * place & 31 for place in reversed(range(32))]
    check = _checksum(_EXPANDED + values + [0] * 6) ^ _BECH32M
    values += [check >> 5 * place & 31 for place in reversed(range(6))]
    return "qr1" + "".join(_DIGITS[value] for value in values)


def parse_address(text: str) -> bytes:
    """The address of its one text."""
    if not isinstance(text, str) or len(text) != 41 or not text.startswith("qr1"):
        raise Malformed("expected an address that begins with qr1")
    values = [_DIGITS.find(letter) for letter in text[3:]]
    if -1 in values or _checksum(_EXPANDED + values) != _BECH32M:
        raise Malformed(f"{text!r} is not an address: a letter is wrong")
    number = 0
    for value in values[:32]:
        number = number << 5 | value
    return number.to_bytes(20, "big")


def parse_key(text: str) -> tuple[str, bytes]:
    """`ed25519:HEX` or `p256:HEX`."""
    kind, _, digits = text.partition(":") if isinstance(text, str) else ("", "", "")
    if kind == "ed25519":
        return "Ed25519", parse_hex(digits, 32)
    if kind == "p256":
        return "P256", parse_hex(digits, 33)
    raise Malformed("expected ed25519: or p256: and hexadecimal digits")


def key_text(key: tuple[str, bytes]) -> str:
    """The text of a key."""
    return f"{key[0].lower()}:{key[1].hex()}"


def amount_text(amount: int, decimals: int) -> str:
    """An amount with its asset's decimals."""
    if decimals == 0:
        return str(amount)
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def parse_amount(text: str, decimals: int) -> int:
    """An amount with exactly as many digits after the point as the asset has decimals."""
    pattern = r"(0|[1-9][0-9]*)" + (rf"\.([0-9]{{{decimals}}})" if decimals else "")
    match = re.fullmatch(pattern, text) if isinstance(text, str) else None
    if not match:
        raise Malformed(f"{text!r} is not an amount with {decimals} decimals")
    return int(match[1] + (match[2] if decimals else ""))


_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def legal_multiaddress(text: str) -> bool:
    """True if the text is the one form of an address that section 16 allows."""
    parts = text.split("/")
    if len(parts) != 5 or parts[0] or parts[3] != "tcp":
        return False
    kind, host, port = parts[1], parts[2], parts[4]
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        return False
    if kind in ("dns", "dns4", "dns6"):
        labels = host.split(".")
        # Of digits alone, the last label would make a name of what is an IPv4 address.
        return len(host) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    try:
        if kind == "ip4":
            four = ipaddress.IPv4Address(host)
            return str(four) == host and not four.is_unspecified
        if kind == "ip6":
            six = ipaddress.IPv6Address(host)
            if int(six) == 0 or six.scope_id:
                return False
            # RFC 5952, section 5: an address that embeds IPv4 is written with dots.
            text_of = f"::ffff:{six.ipv4_mapped}" if six.ipv4_mapped else str(six)
            return text_of == host
    except ValueError:
        pass
    return False


_REFUSED = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def refused_code_point(text: str) -> str | None:
    """Rule 5's first refused code point in a text, as `U+200E`."""
    match = _REFUSED.search(text)
    return f"U+{ord(match[0]):04X}" if match else None
