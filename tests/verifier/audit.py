"""Checks a chain in full, and executes it again: `python3 tests/verifier/audit.py --genesis FILE BLOCK…`.

Each BLOCK is a file with `bcs(CertifiedBlock)`, as `GET /v1/blocks/HEIGHT` gives it as octets, from height 1 on. The
model executes protocol 1; it is slow, as it keeps every state and hashes it anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model import Ledger
from quorate_verifier import Chain, Refusal, Trust, read_genesis
from quorate_verifier import types as t
from quorate_verifier.committee import Epoch


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(description="Checks a chain in full, and executes it again.")
    parser.add_argument("blocks", metavar="BLOCK", nargs="+", help="files with one certified block each, in order")
    parser.add_argument("--genesis", required=True, metavar="FILE", help="the genesis document")
    options = parser.parse_args(arguments)
    genesis = read_genesis(Path(options.genesis).read_bytes())
    trust = Trust(genesis)
    chain = Chain(trust)
    ledger = Ledger(genesis.value, genesis.state(), genesis.network, genesis.committee, {})
    missing = 0
    for name in options.blocks:
        data = Path(name).read_bytes()
        try:
            missing += chain.add(data).count(False)
            ledger = ledger.follow(t.CERTIFIED_BLOCK.decode(data))
        except Refusal as refusal:
            print(f"refused: {name}: {refusal}", file=sys.stderr)
            return 7
        committee = ledger.committees[-1]
        if committee["epoch"] not in trust.epochs:
            trust.epochs[committee["epoch"] - 1].last = chain.height
            trust.learn({committee["epoch"]: Epoch(committee, chain.height + 1)}, "block")
    print(f"good up to block {chain.height} {chain.hash.hex()}; {missing} batches without their texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
