"""The verifier's parts: decoding, text forms, trees, signatures, the genesis document's text."""

from __future__ import annotations

import unittest
from hashlib import sha256
from pathlib import Path

import mutants
from model import audit_path, leaf, mth, peaks
from quorate_verifier import Chain, Malformed, Refusal, Trust, UsageError, bcs, decode_genesis, keys, read_genesis
from quorate_verifier import types as t
from quorate_verifier.forms import (
    address_text,
    amount_text,
    legal_multiaddress,
    parse_address,
    parse_amount,
    parse_hex,
    parse_key,
    parse_time,
    time_text,
)
from quorate_verifier.hashes import Frontier, frontier_holds, path_root
from quorate_verifier.state import b37
from scenario import MEMBERS, Scenario


class Decoding(unittest.TestCase):
    """Bytes that are not the one encoding of a value."""

    def refuse(self, type_: bcs.Type, data: str, limit: int | None = None) -> None:
        with self.assertRaises(Malformed, msg=data):
            type_.decode(bytes.fromhex(data), limit)

    def test_uleb128_is_as_short_as_can_be_and_at_most_31_bits(self) -> None:
        numbers = bcs.Bytes(bcs.MAX_ULEB)
        for data in ("8000", "ff8000", "8080808000", "ffffffff10", "8080808080", "80", "ffffffff1f", "8080808008"):
            self.refuse(numbers, data)
        for data in ("8080808008", "ffffffff0f"):
            with self.assertRaises(Malformed):
                bcs.Reader(bytes.fromhex(data)).uleb()
        with self.assertRaises(Malformed):
            bcs.uleb(2**31)
        self.assertEqual(bcs.Reader(bytes.fromhex("ffffffff07")).uleb(), 2**31 - 1)
        for value in (0, 1, 127, 128, 16_383, 16_384, 2**31 - 1):
            self.assertEqual(bcs.Reader(bcs.uleb(value)).uleb(), value)

    def test_a_value_is_all_of_its_bytes(self) -> None:
        self.refuse(t.U16, "0000ff")
        self.refuse(t.U16, "00")
        self.refuse(t.U16, "")
        self.refuse(t.DIGEST, "00" * 31)

    def test_bools_options_and_variants_have_their_own_bytes_alone(self) -> None:
        self.refuse(bcs.Bool(), "02")
        self.refuse(bcs.Option(t.U8), "0200")
        self.refuse(t.ENGINE, "03")
        self.refuse(t.ENGINE, "8000")
        self.refuse(t.PROPOSAL, "01" + "00" * 9)

    def test_a_proof_of_the_state_has_at_most_16_mib_wherever_it_stands(self) -> None:
        leaves = [{"key": number.to_bytes(32, "big"), "value": bytes(32_768)} for number in range(512)]
        proof = {"prefix": {"bits": 8, "key": bytes(32)}, "path": [], "found": ("Leaves", leaves[:511])}
        data = t.STATE_PROOF.write(proof)
        self.assertEqual(t.STATE_PROOF.read(bcs.Reader(data + b"more"))["prefix"], proof["prefix"])
        longer = mutants.raw(t.STATE_PROOF, {**proof, "found": ("Leaves", leaves)})
        with self.assertRaises(Malformed):
            t.STATE_PROOF.read(bcs.Reader(longer + b"more"))

    def test_a_block_is_bounded_by_the_parameters_before_it_is_decoded(self) -> None:
        chain = Chain(Trust(Scenario(5).document))
        chain.parameters = {**chain.parameters, "max_proposal_batches": 1, "max_batch_bytes": 40_960}
        for size, recovery, words in (
            (188_416, 0, "version"),
            (188_417, 0, "at most 188416"),
            (188_417, 1, "version"),
        ):
            data = bytearray(b"\x01" * size)
            data[263] = recovery
            with self.assertRaisesRegex(Refusal, words):
                chain.add(bytes(data))

    def test_strings_are_utf8_of_bounded_length(self) -> None:
        self.refuse(t.ASSET_CODE, "00")
        self.refuse(t.ASSET_CODE, "02c328")
        self.refuse(t.ASSET_CODE, "03455561")
        self.refuse(t.ASSET_CODE, "0d" + "41" * 13)
        self.refuse(t.NAME, "022e61")
        self.refuse(t.NAME, "022d61")
        self.assertEqual(t.NAME.decode(b"\x03_-."), "_-.")

    def test_counts_are_compared_before_items_are_read(self) -> None:
        self.refuse(t.PATH, "41" + "00" * 32 * 65)
        self.refuse(t.PATH, "ffffffff0f")

    def test_lists_that_ascend_hold_nothing_twice(self) -> None:
        seal = "0100" + "00" * 64
        self.refuse(t.SEALS, "02" + seal + seal)
        self.refuse(t.SEALS, "02" + seal + "0000" + "00" * 64)
        # As numbers 256 is above 1, though its first byte is not.
        later = "0001" + "00" * 64
        self.assertEqual(len(t.SEALS.decode(bytes.fromhex("02" + seal + later))), 2)

    def test_the_whole_is_compared_with_its_limit_first(self) -> None:
        self.refuse(t.PROPOSAL, "00" + "00" * 9, limit=9)

    def test_a_prefix_has_zeros_after_its_bits(self) -> None:
        self.refuse(t.PREFIX, "0800" + "01" + "00" * 30 + "01")
        self.refuse(t.PREFIX, "0101" + "00" * 32)
        t.PREFIX.decode(bytes.fromhex("0001" + "ff" * 32))

    def test_a_refusal_says_where(self) -> None:
        with self.assertRaises(Malformed) as caught:
            t.SEALS.decode(bytes.fromhex("020000" + "00" * 64 + "0000" + "00" * 63))
        self.assertEqual(caught.exception.where, ["[1]", "signature"])


class Forms(unittest.TestCase):
    """One text for each value."""

    def test_times(self) -> None:
        for milliseconds, text in (
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:00.001Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00Z"),
            (951_782_400_120, "2000-02-29T00:00:00.120Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ):
            self.assertEqual(time_text(milliseconds), text)
            self.assertEqual(parse_time(text), milliseconds)
        self.assertEqual(time_text(253_402_300_800_000), "253402300800000")
        for text in (
            "2026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00.1Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01t00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "２０26-01-01T00:00:00Z",
        ):
            with self.assertRaises(Malformed, msg=text):
                parse_time(text)

    def test_amounts(self) -> None:
        for amount, decimals, text in (
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (1_250, 2, "12.50"),
            (7, 0, "7"),
            (10**38 - 1, 0, "9" * 38),
        ):
            self.assertEqual(amount_text(amount, decimals), text)
            self.assertEqual(parse_amount(text, decimals), amount)
        for text, decimals in (
            ("12.5", 2),
            ("12.500", 2),
            ("012.50", 2),
            (".50", 2),
            ("12", 2),
            ("12.", 0),
            ("12.0", 0),
            ("-1", 0),
            ("+1", 0),
            ("1e3", 0),
            ("", 0),
            ("٣", 0),
        ):
            with self.assertRaises(Malformed, msg=text):
                parse_amount(text, decimals)

    def test_addresses_with_one_letter_changed_are_refused(self) -> None:
        text = address_text(bytes(range(20)))
        self.assertEqual(parse_address(text), bytes(range(20)))
        for place in range(3, 41):
            changed = text[:place] + ("q" if text[place] != "q" else "p") + text[place + 1 :]
            with self.assertRaises(Malformed):
                parse_address(changed)
        for other in (text.upper(), text[:-1], text + "q", "bc" + text[2:], "", 7):
            with self.assertRaises(Malformed):
                parse_address(other)  # type: ignore[arg-type]

    def test_hex_and_keys_are_lower_case(self) -> None:
        for text in ("AB", "a", "abc", "zz", "0x"):
            with self.assertRaises(Malformed):
                parse_hex(text, 1)
        for text in ("ed25519:" + "AA" * 32, "ed25519:" + "aa" * 33, "p256:" + "aa" * 32, "rsa:00", "aa" * 32):
            with self.assertRaises(Malformed):
                parse_key(text)

    def test_multiaddresses(self) -> None:
        for text in ("/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/65535", "/ip6/::ffff:1.2.3.4/tcp/9", "/dns/a.b-c/tcp/80"):
            self.assertTrue(legal_multiaddress(text), text)
        for text in ("/ip6/fe80::1%eth0/tcp/1", "/dns/-a/tcp/1", "/dns/a..b/tcp/1", "/dns//tcp/1", "ip4/1.2.3.4/tcp/1"):
            self.assertFalse(legal_multiaddress(text), text)

    def test_no_ipv4_address_is_a_dns_name(self) -> None:
        for name in ("192.0.2.1", "1", "a.1", "a.b.007"):
            self.assertFalse(legal_multiaddress(f"/dns/{name}/tcp/1"), name)
        for name in ("1.a", "192.0.2.1a", "a.1-1"):
            self.assertTrue(legal_multiaddress(f"/dns/{name}/tcp/1"), name)

    def test_codes_sort_as_their_text_does(self) -> None:
        codes = ["0", "00", "09", "1", "9Z", "A", "A0", "AA", "B", "EUR", "EURO", "Z", "ZZ", "ZZZZZZZZZZZZ"]
        self.assertEqual(sorted(codes, key=b37), sorted(codes))
        self.assertEqual(len({b37(code) for code in codes}), len(codes))


class Trees(unittest.TestCase):
    """RFC 6962 by frontier and path, against its recursive definitions."""

    def test_frontiers_and_paths_agree_with_the_definitions(self) -> None:
        hashes: list[bytes] = []
        frontier = Frontier()
        for size in range(0, 70):
            self.assertEqual(frontier.root(), mth(hashes))
            self.assertEqual(frontier.subtrees, peaks(hashes))
            for place in range(size):
                path = audit_path(place, hashes)
                self.assertEqual(path_root(hashes[place], place, size, path), mth(hashes))
                self.assertNotEqual(path_root(hashes[place], place, size, [*path, bytes(32)]), mth(hashes))
                if path:
                    self.assertNotEqual(path_root(hashes[place], place, size, path[:-1]), mth(hashes))
                self.assertTrue(frontier_holds(hashes[place], place, size, path, peaks(hashes)))
            hashes.append(leaf(size.to_bytes(2, "big")))
            frontier.append(hashes[-1])

    def test_nothing_is_in_an_empty_list(self) -> None:
        self.assertIsNone(path_root(bytes(32), 0, 0, []))
        self.assertFalse(frontier_holds(sha256(b"").digest(), 0, 0, [], []))

    def test_the_roots_of_rfc_6962_are_known(self) -> None:
        # Of certificate transparency's reference implementation: the lists of the first two and three leaves.
        leaves = [leaf(data) for data in (b"", b"\x00", b"\x10")]
        roots = (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        )
        self.assertEqual([mth(leaves[:size]).hex() for size in (1, 2, 3)], list(roots))


class Keys(unittest.TestCase):
    """Good keys."""

    def test_keys_of_small_order_and_other_encodings_are_not_good(self) -> None:
        self.assertEqual(len(keys.SMALL_ORDER), 10)
        for small in keys.SMALL_ORDER:
            self.assertFalse(keys.good_ed25519(small))
            point = keys.decode_point(small)
            assert point is not None
            self.assertTrue(keys._same(keys._multiply(8, point), keys.NEUTRAL))
        for number in range(19):
            for sign in (0, 1):
                encoded = (keys.FIELD + number | sign << 255).to_bytes(32, "little")
                self.assertFalse(keys.good_ed25519(encoded))

    def test_a_signature_of_a_key_that_is_not_of_good_form_is_not_good_wherever_it_stands(self) -> None:
        for small in keys.SMALL_ORDER:
            signature = ("Ed25519", {"key": small, "signature": b"\x01" + bytes(63)})
            self.assertTrue(keys.zip215(small, signature[1]["signature"], keys.preimage("loss", b"")))
            self.assertFalse(keys.client_signature_good(signature, "loss", b""))

    def test_the_base_point_has_the_groups_order(self) -> None:
        base = keys.decode_point(b"\x58" + b"\x66" * 31)
        assert base is not None
        self.assertTrue(keys._same(keys._multiply(keys.ORDER, base), keys.NEUTRAL))


class GenesisText(unittest.TestCase):
    """The genesis document as text."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.scenario = Scenario(5)
        cls.draft, cls.joins = cls.texts(cls.scenario)

    @staticmethod
    def texts(scenario: Scenario) -> tuple[str, list[str]]:
        """The draft's text and the join files' texts."""
        draft = scenario.draft()
        names = {0: "alpha", 1: "Beta", 2: "gamma", 3: "delta-4"}
        lines = [
            "version = 2",
            'network = "vectors.two"',
            'engine = "pbft"',
            'time = "2026-01-01T00:00:00Z"',
            f"members = {list(MEMBERS)}",
            "[parameters]",
            "max_expiry_lead_ms = 120000",
            "window = 2",
            "[rules]",
            'seats = "two thirds"',
            'quotas = "half"',
        ]
        for asset in draft["assets"]:
            lines += [
                "[[assets]]",
                f'code = "{asset["code"]}"',
                f"decimals = {asset['decimals']}",
                f'issuer = "{address_text(asset["issuer"])}"',
            ]
            if asset["description"]:
                lines.append(f'description = "{asset["description"]}"')
            if asset["balances"]:
                lines.append("balances = [")
                for balance in asset["balances"]:
                    amount = amount_text(balance["amount"], asset["decimals"])
                    lines.append(f'  {{ address = "{address_text(balance["address"])}", amount = "{amount}" }},')
                lines.append("]")
        for account in draft["accounts"]:
            lines += [
                "[[accounts]]",
                f'address = "{address_text(account["address"])}"',
                f'member = "{names[account["member"]]}"',
            ]
        rights = {"Audit": "auditor", "Mint": "mint", "CreateAsset": "issuer"}
        for grant in reversed(draft["grants"]):
            kind, value = grant["scope"]
            scope = {"Network": "network", "Member": f"member:{names.get(value)}", "Asset": f"asset:{value}"}[kind]
            lines += [
                "[[grants]]",
                f'account = "{address_text(grant["account"])}"',
                f'right = "{rights[grant["right"][0]]}"',
                f'scope = "{scope}"',
            ]
        joins = []
        for join in scenario.genesis["joins"]:
            body = join["body"]

            def key(value: tuple) -> str:
                return f"{value[0].lower()}:{value[1].hex()}"

            part = [
                "[[joins]]",
                f'member = "{body["member"]}"',
                f'draft = "{body["draft"].hex()}"',
                *(f'{kind}_key = "{body[kind].hex()}"' for kind in ("validator", "node", "witness")),
                f'account_key = "{key(body["account"])}"',
                f"addresses = {body['addresses']}",
                *(f'{kind}_signature = "{join[kind].hex()}"' for kind in ("validator", "node", "witness")),
            ]
            if body["signers"]:
                each = [
                    f'{{ key = "{key(s["key"])}", weight = {s["weight"]} }}'
                    for s in reversed(body["signers"]["signers"])
                ]
                part += [f"signers = [{', '.join(each)}]", f"threshold = {body['signers']['threshold']}"]
            each = [
                f'{{ key = "{key((kind, fields["key"]))}", signature = "{fields["signature"].hex()}" }}'
                for kind, fields in reversed(join["administrators"])
            ]
            part += [f"administrators = [{', '.join(each)}]", ""]
            joins.append("\n".join(part))
        return "\n".join(lines) + "\n", joins

    def test_text_and_bytes_are_one_document_in_whatever_order_joins_come(self) -> None:
        network = self.scenario.ledger.network
        self.assertEqual(read_genesis((self.draft + "".join(self.joins)).encode()).network, network)
        self.assertEqual(read_genesis((self.draft + "".join(reversed(self.joins))).encode()).network, network)

    def test_other_texts_are_refused(self) -> None:
        text = self.draft + "".join(self.joins)
        for old, new in (
            ("version = 2", "version = 1"),
            ("version = 2", "version = 2\nunknown = 1"),
            ("window = 2", "window = 2\nunknown = 1"),
            ("window = 2", "window = 0"),
            ("window = 2", 'window = "2"'),
            ("window = 2", "window = true"),
            ('"pbft"', '"PBFT"'),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
            ('time = "2026-01-01T00:00:00Z"', "time = 2026-01-01T00:00:00Z"),
            ('"two thirds"', '"most"'),
            ("300.00", "300.0"),
            ("300.00", "0300.00"),
            ('right = "mint"', 'right = "Mint"'),
            ('right = "mint"', 'right = "issuer-of-units"'),
            ('right = "issuer"', 'right = "create-asset"'),
            ('right = "auditor"', 'right = "audit"'),
            ("window = 2", "window = 0x2"),
            ("window = 2", "window = 0b10"),
            ("window = 2", "window = +2"),
            ("max_expiry_lead_ms = 120000", "max_expiry_lead_ms = 120_000"),
            ("window = 2", "window = 2.0"),
            ("weight = 2", "weight = 0o2"),
            ("decimals = 18", "decimals = 0x12"),
            ('scope = "network"', 'scope = "Network"'),
            ("asset:BOND", "asset:NONE"),
            ("member:Beta", "member:beta"),
            ("threshold = 3", "threshold = 9"),
            ("threshold = 3\n", ""),
        ):
            self.assertIn(old, text)
            with self.assertRaises(UsageError, msg=f"{old} -> {new}"):
                read_genesis(text.replace(old, new).encode())

    def test_what_only_looks_like_a_number_is_none(self) -> None:
        text = self.draft.replace("window = 2", "window = 2 # not 0x2, +2 or \"1_0") + "".join(self.joins)
        self.assertEqual(read_genesis(text.encode()).network, self.scenario.ledger.network)

    def test_a_byte_order_mark_at_the_beginning_is_passed_over(self) -> None:
        text = "\ufeff" + self.draft + "".join(self.joins)
        self.assertEqual(read_genesis(text.encode()).network, self.scenario.ledger.network)
        with self.assertRaises(UsageError):
            read_genesis(("\ufeff" + text).encode())

    def test_each_right_has_the_one_name_of_the_page(self) -> None:
        names = "administrator operator auditor participant issuer mint freeze put-record hold-asset erase".split()
        self.assertEqual(list(t.RIGHT_TEXTS.values()), names)

    def test_the_documents_of_the_nodes_tests_are_the_same_here(self) -> None:
        folder = Path(__file__).parents[2] / "genesis" / "tests" / "vectors"
        known = {
            "genesis": ("f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618", 15),
            "wide": ("a512067b7f52ce90f5103b672213d5ccc2f44795696b0409ef75a29dde1805c1", 40),
        }
        for name, (network, count) in known.items():
            of_text = read_genesis((folder / f"{name}.toml").read_bytes())
            of_bytes = decode_genesis(bytes.fromhex((folder / f"{name}.hex").read_text()))
            leaves = [line.split() for line in (folder / f"{name}.leaves").read_text().splitlines()]
            for genesis in (of_text, of_bytes):
                self.assertEqual(genesis.network.hex(), network)
                state = genesis.state()
                self.assertEqual(len(state), count)
                self.assertEqual([[key.hex(), state[key].hex()] for key in sorted(state)], leaves)

    def test_a_document_without_its_last_join_is_refused(self) -> None:
        with self.assertRaises(UsageError):
            read_genesis((self.draft + "".join(self.joins[:-1])).encode())


if __name__ == "__main__":
    unittest.main()
