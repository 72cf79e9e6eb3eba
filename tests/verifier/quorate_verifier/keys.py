"""Keys and signatures (section 2 of docs/formats.md).

`cryptography` checks Ed25519 by OpenSSL: the equation without cofactor, s below the group's order, R compared byte by
byte, and so only canonical. It takes keys of small order and keys that are not canonical. For validators this page
forbids both, so they are refused before. For clients the page has ZIP-215, which accepts more than OpenSSL does:
what OpenSSL accepts is good, and what it refuses is judged here with the cofactor.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha512

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .hashes import preimage, tagged

# Ed25519 (RFC 8032, section 5.1).
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, FIELD - 2, FIELD) % FIELD
ROOT_OF_MINUS_ONE = pow(2, (FIELD - 1) // 4, FIELD)

# P-256 (FIPS 186).
P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

COSTS = {"Ed25519": 1, "P256": 20}

_SMALL = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
)
SMALL_ORDER = frozenset(_SMALL) | {small[:31] + bytes([small[31] | 0x80]) for small in _SMALL}

Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def _add(a: Point, b: Point) -> Point:
    e_minus, e_plus = (a[1] - a[0]) * (b[1] - b[0]) % FIELD, (a[1] + a[0]) * (b[1] + b[0]) % FIELD
    c, d = 2 * a[3] * b[3] * D % FIELD, 2 * a[2] * b[2] % FIELD
    e, f, g, h = e_plus - e_minus, d - c, d + c, e_plus + e_minus
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def _multiply(scalar: int, point: Point) -> Point:
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % FIELD == 0 and (a[1] * b[2] - b[1] * a[2]) % FIELD == 0


@lru_cache(maxsize=4096)
def decode_point(encoded: bytes) -> Point | None:
    """The point of any encoding that ZIP-215 allows: y at or above the field's prime too, and -0 for x."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % FIELD
    u, v = (y * y - 1) % FIELD, (D * y * y + 1) % FIELD
    x = u * pow(v, 3, FIELD) * pow(u * pow(v, 7, FIELD), (FIELD - 5) // 8, FIELD) % FIELD
    if (v * x * x - u) % FIELD != 0:
        x = x * ROOT_OF_MINUS_ONE % FIELD
        if (v * x * x - u) % FIELD != 0:
            return None
    if x & 1 != sign:
        x = -x % FIELD
    return x, y, 1, x * y % FIELD


_BASE = decode_point(b"\x58" + b"\x66" * 31)
assert _BASE is not None


def _canonical(encoded: bytes) -> bool:
    return int.from_bytes(encoded, "little") & (2**255 - 1) < FIELD


def _openssl_accepts(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=4096)
def good_ed25519(key: bytes) -> bool:
    """A good key: canonical, a point, and not of small order."""
    return _canonical(key) and key not in SMALL_ORDER and decode_point(key) is not None


def strict(key: bytes, signature: bytes, message: bytes) -> bool:
    """How validators', nodes' and witnesses' signatures are checked."""
    first = signature[:32]
    return (
        good_ed25519(key)
        and _canonical(first)
        and first not in SMALL_ORDER
        and int.from_bytes(signature[32:], "little") < ORDER
        and _openssl_accepts(key, signature, message)
    )


def zip215(key: bytes, signature: bytes, message: bytes) -> bool:
    """How clients' Ed25519 signatures are judged."""
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    if _openssl_accepts(key, signature, message):
        return True
    point, first = decode_point(key), decode_point(signature[:32])
    if point is None or first is None:
        return False
    challenge = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % ORDER
    assert _BASE is not None
    left = _multiply(8 * scalar, _BASE)
    right = _multiply(8, _add(first, _multiply(challenge, point)))
    return _same(left, right)


def form_p256(key: bytes) -> bool:
    """What of a P-256 key shows in its bytes."""
    return key[0] in (2, 3) and int.from_bytes(key[1:], "big") < P256_P


def good_p256(key: bytes) -> bool:
    """A good key: compressed, and x is that of a point."""
    if not form_p256(key):
        return False
    x = int.from_bytes(key[1:], "big")
    square = (x * x * x - 3 * x + P256_B) % P256_P
    return square == 0 or pow(square, (P256_P - 1) // 2, P256_P) == 1


def p256(key: bytes, signature: bytes, message: bytes) -> bool:
    """ECDSA over SHA-256 with low s; `cryptography` takes high s too, so that is judged here."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (1 <= r < P256_N and 1 <= s <= (P256_N - 1) // 2 and good_p256(key)):
        return False
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def good_key(key: tuple[str, bytes]) -> bool:
    """A key that may be registered."""
    kind, data = key
    return good_ed25519(data) if kind == "Ed25519" else good_p256(data)


def form_of_key(key: tuple[str, bytes]) -> bool:
    """A key of good form: what its bytes show."""
    kind, data = key
    if kind == "Ed25519":
        return _canonical(data) and data not in SMALL_ORDER
    return form_p256(data)


def encode_key(key: tuple[str, bytes]) -> bytes:
    """`bcs(Key)`."""
    kind, data = key
    return (b"\x00" if kind == "Ed25519" else b"\x01") + data


def key_of(signature: tuple[str, dict]) -> tuple[str, bytes]:
    """The key of a `KeySignature`."""
    return signature[0], signature[1]["key"]


def address_of(key: tuple[str, bytes]) -> bytes:
    """The address of the account whose first key this is."""
    return tagged("address", encode_key(key))[:20]


def client_signature_good(signature: tuple[str, dict], name: str, content: bytes) -> bool:
    """True if a `KeySignature` under the tag `name` over `content` is good, its key of good form included.

    Without the form, ZIP-215 would take keys of small order, for which anybody can sign.
    """
    kind, fields = signature
    check = zip215 if kind == "Ed25519" else p256
    return form_of_key(key_of(signature)) and check(fields["key"], fields["signature"], preimage(name, content))


def validator_signature_good(key: bytes, signature: bytes, name: str, content: bytes) -> bool:
    """True if a validator's, node's or witness's signature under the tag `name` over `content` is good."""
    return strict(key, signature, preimage(name, content))
