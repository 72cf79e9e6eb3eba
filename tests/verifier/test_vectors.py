"""Generated vectors through the verifier, and the command."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import audit
import generate
import printed
from check import check
from quorate_verifier import decode_genesis, read_file, write_block
from quorate_verifier import types as t
from quorate_verifier.__main__ import main
from scenario import Scenario
from test_goldens import GENESIS


def lines(seed: int, scale: int) -> list[str]:
    """Vectors as lines."""
    return [json.dumps(vector) for vector in generate.Vectors(seed, scale).all()]


class Generated(unittest.TestCase):
    """Vectors whose expectations follow from how they were made."""

    def test_the_verifier_agrees_with_every_vector(self) -> None:
        count, faults = check(lines(7, 2))
        self.assertGreater(count, 2_000)
        self.assertEqual(faults, [])


class Audit(unittest.TestCase):
    """A whole chain from its blocks, executed again."""

    def test_a_chain_is_followed_from_genesis_through_its_epochs(self) -> None:
        scenario = Scenario(3)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "genesis").write_bytes(t.GENESIS.write(scenario.genesis))
            files = []
            for certified in scenario.ledger.blocks:
                files.append(str(folder / f"{len(files) + 1}"))
                Path(files[-1]).write_bytes(t.CERTIFIED_BLOCK.write(certified))
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                self.assertEqual(audit.main([*files, "--genesis", str(folder / "genesis")]), 0)
            self.assertIn("good up to block 29 ", output.getvalue())
            with contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(audit.main([*files[1:], "--genesis", str(folder / "genesis")]), 7)


class Command(unittest.TestCase):
    """`python3 -m quorate_verifier`."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "genesis").write_bytes(GENESIS)

    def run_command(self, text: str, *options: str) -> tuple[int, str, str]:
        """Exit code and what was printed for one file."""
        path = self.folder / "file"
        path.write_text(text)
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = main([str(path), "--genesis", str(self.folder / "genesis"), *options])
        return code, output.getvalue(), errors.getvalue()

    def test_a_good_file_is_exit_0_and_one_document(self) -> None:
        code, output, errors = self.run_command(printed.PROOF_OF_TRANSACTION, "--output", "json")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(json.loads(output)["proofs"][0]["verdict"], "proven")

    def test_a_refused_file_is_exit_7_and_says_why_and_where(self) -> None:
        lines_of = printed.PROOF_OF_TRANSACTION.split("\n")
        changed = "\n".join([*lines_of[:3], lines_of[3].replace("4e", "4f"), *lines_of[4:]])
        code, output, errors = self.run_command(changed)
        self.assertEqual((code, output), (7, ""))
        self.assertIn("not_canonical", errors)

    def pinned(self) -> tuple[str, str]:
        """A proof of committees that starts from the page's block, and that block as it is pinned."""
        block = read_file(printed.PROOF_OF_BLOCK.encode())[0]
        header = block["body"][1]["head"]["header"]
        trust = ("Pinned", {"header": header, "committee": decode_genesis(GENESIS).committee})
        proof = {"network": block["network"], "body": ("Committees", {"trust": trust, "steps": []})}
        return write_block(proof).decode(), f"1:{printed.TABLE['block hash']}"

    def test_a_pinned_block_is_enough_without_genesis_and_is_where_trust_begins(self) -> None:
        committees, trusted = self.pinned()
        path = self.folder / "file"
        path.write_text(printed.PROOF_OF_BLOCK + committees)
        for options, wanted in (
            (["--trusted", trusted], 0),
            (["--trusted", trusted, "--genesis", str(self.folder / "genesis")], 0),
            (["--trusted", f"1:{'0' * 64}"], 7),
            (["--genesis", str(self.folder / "genesis")], 7),
        ):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(main([str(path), *options]), wanted, options)
        path.write_text(printed.PROOF_OF_BLOCK)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(main([str(path), "--trusted", trusted]), 7)
        with self.assertRaises(SystemExit) as left, contextlib.redirect_stderr(io.StringIO()):
            main([str(path)])
        self.assertEqual(left.exception.code, 2)

    def test_a_file_whose_committees_are_refused_is_refused_though_its_proof_is_good(self) -> None:
        committees, _ = self.pinned()
        self.assertEqual(self.run_command(printed.PROOF_OF_BLOCK)[0], 0)
        code, output, errors = self.run_command(printed.PROOF_OF_BLOCK + committees)
        self.assertEqual((code, output), (7, ""))
        self.assertIn("unknown_committee", errors)

    def test_a_malformed_genesis_document_is_exit_2(self) -> None:
        (self.folder / "genesis").write_bytes(GENESIS[:-1])
        self.assertEqual(self.run_command(printed.PROOF_OF_BLOCK)[0], 2)
        (self.folder / "genesis").write_text("version = 1\n")
        self.assertEqual(self.run_command(printed.PROOF_OF_BLOCK)[0], 2)

    def test_a_file_that_is_not_there_is_exit_1(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(main([str(self.folder / "none"), "--genesis", str(self.folder / "genesis")]), 1)


if __name__ == "__main__":
    unittest.main()
