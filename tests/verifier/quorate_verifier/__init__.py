"""A verifier of Quorate's formats, written from docs/formats.md alone.

It shares no code with the node: standard library and `cryptography`. `python3 -m quorate_verifier FILE --genesis FILE`
checks proof files.
"""

from .chain import Chain
from .committee import Trust
from .errors import Malformed, Refusal, UsageError
from .genesis import Genesis, decode_genesis, read_genesis
from .proof import decode_proof, verify
from .proof_file import read_file, read_known_transaction, read_travelling, write_block

__all__ = [
    "Chain",
    "Genesis",
    "Malformed",
    "Refusal",
    "Trust",
    "UsageError",
    "decode_genesis",
    "decode_proof",
    "read_file",
    "read_genesis",
    "read_known_transaction",
    "read_travelling",
    "verify",
    "verify_file",
    "write_block",
]


def verify_file(data: bytes, trust: Trust) -> list[dict]:
    """The verdicts on a file's proofs, in their order. Committees appended to a proof are learnt before it."""
    proofs = read_file(data)
    verdicts = [verify(proof, trust) for proof in reversed(proofs)]
    return [verdict.as_json() for verdict in reversed(verdicts)]
