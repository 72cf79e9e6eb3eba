"""Changed statements are refused as what was changed demands, by the verifier here."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import tampered
from quorate_verifier import Refusal, Trust, read_file, verify, verify_file, write_block
from scenario import START, Scenario


class Tampered(unittest.TestCase):
    """Statements of two accounts of the scenario, over ranges with and without waypoints."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.scenario = Scenario(1)
        cls.ledger = cls.scenario.ledger

    def statement(self, address: bytes, start: int, end: int, height: int | None = None) -> dict:
        """A statement of an account between two times, which count from the chain's start."""
        return self.ledger.prove_statement(("Account", address), START + start, START + end, height)

    def trust(self) -> Trust:
        trust = Trust(self.scenario.document)
        verify(self.ledger.prove_committees(), trust)
        return trust

    def check(self, proof: dict, other: dict) -> set[str]:
        """Refuses every change of a good statement. Returns the codes."""
        trust = self.trust()
        self.assertEqual(verify(proof, trust).kind, "statement")
        self.assertEqual(verify(other, trust).kind, "statement")
        codes = set()
        for change in tampered.changes(proof["body"][1], other["body"][1]):
            with self.subTest(change.name), self.assertRaises(Refusal) as caught:
                verify_file(write_block({**proof, "body": ("Statement", change.statement)}), trust)
            found = caught.exception
            self.assertEqual(found.code, change.code, f"{change.name}: {found}")
            self.assertTrue(f"{found.where}.".startswith(f"{change.where}."), f"{change.name}: {found}")
            self.assertIn(change.words, found.reason, change.name)
            codes.add(found.code)
        return codes

    def test_from_the_beginning_to_a_waypoint(self) -> None:
        dave, alpha = self.scenario.dave.address, self.scenario.accounts["alpha"].address
        codes = self.check(self.statement(dave, 8001, 8008), self.statement(alpha, 8001, 8008))
        self.assertEqual(codes, {"gap", "bad_replay", "bad_path"})

    def test_from_a_waypoint_on(self) -> None:
        alpha, dave = self.scenario.accounts["alpha"].address, self.scenario.dave.address
        codes = self.check(self.statement(alpha, 8003, 8959), self.statement(dave, 8003, 8959))
        self.assertEqual(codes, {"gap", "bad_replay", "bad_balances", "bad_path"})

    def test_to_the_historys_end(self) -> None:
        dave, alpha = self.scenario.dave.address, self.scenario.accounts["alpha"].address
        end = self.ledger.headers[-1]["timestamp"] - START
        codes = self.check(self.statement(dave, 8001, end + 1), self.statement(alpha, 8001, end + 1))
        self.assertEqual(codes, {"gap", "bad_replay", "other_leaf", "bad_path"})

    def test_the_command_writes_files_that_differ_and_keeps_the_committees(self) -> None:
        dave, alpha = self.scenario.dave.address, self.scenario.accounts["alpha"].address
        with tempfile.TemporaryDirectory() as folder:
            committees = write_block(self.ledger.prove_committees())
            for name, address in (("own", dave), ("other", alpha)):
                block = write_block(self.statement(address, 8001, 8008))
                Path(folder, name).write_bytes(block + committees)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                code = tampered.main([f"{folder}/own", "--with", f"{folder}/other", "--out", folder])
            self.assertEqual(code, 0)
            made = json.loads(printed.getvalue())
            self.assertEqual([item["name"] for item in made], list(dict.fromkeys(item["name"] for item in made)))
            files = {Path(item["file"]).read_bytes() for item in made}
            self.assertEqual(len(files), len(made))
            self.assertNotIn(Path(folder, "own").read_bytes(), files)
            for data in files:
                self.assertEqual([proof["body"][0] for proof in read_file(data)], ["Statement", "Committees"])
                self.assertTrue(data.endswith(committees))

    def test_a_statement_without_entries_has_nothing_to_change(self) -> None:
        dave, alpha = self.scenario.dave.address, self.scenario.accounts["alpha"].address
        empty = self.statement(dave, 8009, 8010)["body"][1]
        other = self.statement(alpha, 8001, 8008)["body"][1]
        with self.assertRaises(tampered.NoPlace):
            list(tampered.changes(empty, other))


if __name__ == "__main__":
    unittest.main()
