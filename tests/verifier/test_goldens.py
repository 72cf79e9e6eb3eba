"""What the page prints in section 24, to the byte: decoded by the verifier, and made again by the model."""

from __future__ import annotations

import re
import unittest
from hashlib import sha256

import printed
from model import Ledger, Signer, key_signatures
from quorate_verifier import (
    Chain,
    Refusal,
    Trust,
    decode_genesis,
    read_file,
    read_genesis,
    read_known_transaction,
    read_travelling,
    verify_file,
    write_block,
)
from quorate_verifier import types as t
from quorate_verifier.forms import address_text, parse_address
from quorate_verifier.genesis import DEFAULT_PARAMETERS, DEFAULT_RULES
from quorate_verifier.hashes import TAGS, digest, preimage, tagged
from quorate_verifier.keys import P256_N, address_of, p256
from quorate_verifier.state import (
    account_key,
    asset_key,
    b37,
    erasure_key,
    hold_key,
    own_record_key,
    state_root,
    unique_record_key,
)

K1 = Signer("", seed=bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
K2 = Signer("", seed=bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
P = Signer("", "P256", bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"))
VALIDATOR, NODE, WITNESS = (Signer("", seed=byte * 32) for byte in (b"\x11", b"\x22", b"\x33"))
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


def printed_bytes(text: str) -> bytes:
    """The bytes of a printed block; what stands after `#` is for people."""
    return bytes.fromhex(re.sub(r"#.*|\s", "", text))


def table(name: str) -> bytes:
    """A row of the page's table."""
    return bytes.fromhex(printed.TABLE[name])


GENESIS = printed_bytes(printed.GENESIS)
GENESIS_TEXT = f"""
version = 2
network = "vectors"
engine = "pbft"
time = "2026-01-01T00:00:00Z"
members = ["alpha"]

[[assets]]
code = "EUR"
decimals = 2
issuer = "{address_text(K1.address)}"
balances = [{{ address = "{address_text(K1.address)}", amount = "1000.00" }}]

[[assets]]
code = "GOLD"
decimals = 0
issuer = "{address_text(P.address)}"
balances = [{{ address = "{address_text(P.address)}", amount = "5" }}]

"""


def draft() -> dict:
    """The draft that the page describes."""
    return {
        "network": "vectors",
        "engine": ("Pbft", None),
        "time": START,
        "members": ["alpha"],
        "parameters": DEFAULT_PARAMETERS,
        "rules": DEFAULT_RULES,
        "assets": [
            {
                "code": "EUR",
                "decimals": 2,
                "flags": 0,
                "description": "",
                "issuer": K1.address,
                "balances": [{"address": K1.address, "amount": 100_000}],
            },
            {
                "code": "GOLD",
                "decimals": 0,
                "flags": 0,
                "description": "",
                "issuer": P.address,
                "balances": [{"address": P.address, "amount": 5}],
            },
        ],
        "accounts": [],
        "grants": [],
    }


def genesis_value() -> dict:
    """The genesis document that the page describes, signed again."""
    body = {
        "draft": tagged("draft", t.DRAFT.write(draft())),
        "member": "alpha",
        "validator": VALIDATOR.public,
        "node": NODE.public,
        "witness": WITNESS.public,
        "account": K1.key,
        "signers": None,
        "addresses": ["/ip4/127.0.0.1/tcp/9100"],
    }
    content = t.JOIN_BODY.write(body)
    join = {
        "body": body,
        "validator": VALIDATOR.raw("join", content),
        "node": NODE.raw("join", content),
        "witness": WITNESS.raw("join", content),
        "administrators": key_signatures([K1], "join", content),
    }
    return {"draft": draft(), "joins": [join]}


def intents(network: bytes) -> tuple[dict, dict]:
    """The intents of the two transactions, by the page's words."""
    common = {"network": network, "expires_at": START + 60_000}
    first = {
        **common,
        "parties": [K1.address],
        "salt": bytes(range(16)),
        "operations": [
            {"party": 0, "operation": ("Transfer", {"to": K2.address, "asset": "EUR", "amount": 1_250})},
        ],
        "texts": {
            "places": [("Operation", {"index": 0, "field": 0})],
            "root": table("text leaf"),
        },
    }
    second = {
        **common,
        "parties": [K1.address, P.address],
        "salt": bytes([7]) * 16,
        "operations": [
            {"party": 0, "operation": ("Transfer", {"to": P.address, "asset": "EUR", "amount": 50_000})},
            {"party": 1, "operation": ("Transfer", {"to": K1.address, "asset": "GOLD", "amount": 2})},
        ],
        "texts": None,
    }
    return first, second


def signed(intent: dict, signers: list[Signer]) -> dict:
    """A transaction of an intent."""
    return {"intent": intent, "signatures": key_signatures(signers, "transaction", t.INTENT.write(intent))}


def ledger() -> Ledger:
    """The page's chain of one block, made by the model."""
    genesis = decode_genesis(GENESIS)
    chain = Ledger(genesis.value, genesis.state(), genesis.network, genesis.committee, {VALIDATOR.public: VALIDATOR})
    first, second = intents(genesis.network)
    transactions = [signed(first, [K1]), signed(second, [K1, P])]
    for transaction in transactions:
        id_ = tagged("transaction", t.INTENT.write(transaction["intent"]))
        chain.shown[id_] = transaction
        chain.texts[id_] = []
    chain.texts[table("id 1")] = [{"salt": bytes(range(16, 32)), "text": b"invoice 17"}]
    chain.block([(0, transactions)])
    return chain


class Printed(unittest.TestCase):
    """The page's vectors."""

    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.genesis = decode_genesis(GENESIS)
        cls.ledger = ledger()

    def test_tags_are_as_long_as_the_page_claims(self) -> None:
        self.assertEqual({len(tag) for tag in TAGS} - set(range(15, 41)), set())

    def test_keys_have_the_printed_addresses(self) -> None:
        texts = (
            "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6",
            "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv",
            "qr1695d3a3045frqsekdju3a6rneqsuweahj22uwd",
        )
        for signer, name, text in zip((K1, K2, P), ("K1", "K2", "P"), texts):
            address = table(f"address of {name}")
            self.assertEqual(address_of(signer.key), address)
            self.assertEqual(address_text(address), text)
            self.assertEqual(parse_address(text), address)
        self.assertEqual(P.public, table("P"))

    def test_codes_are_the_printed_numbers(self) -> None:
        for code in ("EUR", "Z", "ZZZZZZZZZZZZ"):
            self.assertEqual(b37(code), table(f"b37({code})"))

    def test_the_genesis_document_is_made_again_to_the_byte(self) -> None:
        self.assertEqual(t.GENESIS.write(genesis_value()), GENESIS)
        self.assertEqual(tagged("draft", t.DRAFT.write(draft())), table("draft hash"))
        self.assertEqual(self.genesis.network, table("network id"))
        self.assertEqual(tagged("committee", t.COMMITTEE.write(self.genesis.committee)), table("committee's digest"))

    def test_the_state_at_genesis_has_the_printed_root(self) -> None:
        state = self.genesis.state()
        self.assertEqual(len(state), 15)
        self.assertEqual(state_root(state), table("state root at genesis (15 leaves)"))

    def test_the_text_of_the_genesis_document_has_the_same_network_id(self) -> None:
        join = self.genesis.value["joins"][0]
        text = GENESIS_TEXT + "\n".join(
            [
                "[[joins]]",
                'member = "alpha"',
                f'draft = "{join["body"]["draft"].hex()}"',
                f'validator_key = "{VALIDATOR.public.hex()}"',
                f'node_key = "{NODE.public.hex()}"',
                f'witness_key = "{WITNESS.public.hex()}"',
                f'account_key = "ed25519:{K1.public.hex()}"',
                'addresses = ["/ip4/127.0.0.1/tcp/9100"]',
                *(f'{kind}_signature = "{join[kind].hex()}"' for kind in ("validator", "node", "witness")),
                f'administrators = [{{ key = "ed25519:{K1.public.hex()}", '
                f'signature = "{join["administrators"][0][1]["signature"].hex()}" }}]',
                "",
            ]
        )
        self.assertEqual(read_genesis(text.encode()).network, self.genesis.network)

    def test_transactions_are_made_again_to_the_byte(self) -> None:
        first, second = intents(self.genesis.network)
        transactions = (signed(first, [K1]), signed(second, [K1, P]))
        for number, (transaction, text) in enumerate(
            zip(transactions, (printed.TRANSACTION_1, printed.TRANSACTION_2)), 1
        ):
            self.assertEqual(t.TRANSACTION.write(transaction), printed_bytes(text))
            self.assertEqual(t.TRANSACTION.decode(printed_bytes(text)), transaction)
            self.assertEqual(tagged("transaction", t.INTENT.write(transaction["intent"])), table(f"id {number}"))
        self.assertEqual(tagged("signed", printed_bytes(printed.TRANSACTION_1)), table("signed 1"))

    def test_what_is_submitted_is_what_the_page_says(self) -> None:
        transaction = printed_bytes(printed.TRANSACTION_1)
        submission = b"\x00" + transaction + b"\x01" + bytes(range(16, 32)) + b"\x0a" + b"invoice 17"
        value = t.SUBMISSION.decode(submission)
        self.assertEqual(value["texts"], [{"salt": bytes(range(16, 32)), "text": b"invoice 17"}])
        self.assertEqual(t.TRANSACTION.write(value["transaction"]), transaction)

    def test_the_model_makes_the_printed_block(self) -> None:
        block = self.ledger.blocks[0]
        self.assertEqual(block["block"]["header"]["state_root"], table("state root 1"))
        self.assertEqual(block["block"]["header"]["log_root"], table("log root"))
        self.assertEqual(self.ledger.log_hashes[0], table("log leaf 0"))
        self.assertEqual(t.CERTIFIED_BLOCK.write(block), printed_bytes(printed.BLOCK_1))
        history = self.ledger.histories["Account", K1.address]
        self.assertEqual(history.hashes[0], table("h_0 of K1's account"))
        self.assertEqual(history.hashes[1], table("h_1"))
        self.assertEqual(history.hashes[2], table("h_2"))
        step, leaf = printed.STEP_AND_LEAF.split("\n\n")
        self.assertEqual(t.STEP.write(history.steps[0]), printed_bytes(step))
        self.assertEqual(tagged("step", printed_bytes(step)), table("inner_1"))
        self.assertEqual(self.ledger.state[account_key(K1.address)], printed_bytes(leaf))

    def test_the_printed_block_follows_genesis(self) -> None:
        chain = Chain(Trust(self.genesis))
        self.assertEqual(chain.add(printed_bytes(printed.BLOCK_1)), [True])
        self.assertEqual(chain.hash, table("block hash"))
        self.assertEqual(chain.log.root(), table("log root"))
        block = t.CERTIFIED_BLOCK.decode(printed_bytes(printed.BLOCK_1))
        batch = block["batches"][0]["batch"]
        self.assertEqual(tagged("batch", t.BATCH.write(batch)), table("batch digest"))
        self.assertEqual(block["block"]["header"]["proposal"], table("proposal digest"))

    def test_a_block_whose_seal_is_not_good_has_the_code_of_its_condition(self) -> None:
        block = t.CERTIFIED_BLOCK.decode(printed_bytes(printed.BLOCK_1))
        block["certificate"]["seals"][0]["signature"] = bytes(64)
        with self.assertRaises(Refusal) as refused:
            Chain(Trust(self.genesis)).add(t.CERTIFIED_BLOCK.write(block))
        self.assertEqual(
            (refused.exception.code, refused.exception.where), ("certificate", "block.certificate[0]")
        )

    def test_state_keys_are_the_printed_ones(self) -> None:
        nothing = sha256(b"").digest()
        for key, name in (
            (account_key(K1.address), "key of K1's account"),
            (hold_key(K1.address, table("id 1"), 0), "hold key (owner K1, id 1, operation 0)"),
            (own_record_key(K1.address, nothing), "own record key (K1, SHA-256 of nothing)"),
            (unique_record_key(nothing), "unique record key (the same)"),
            (erasure_key(table("id 1")), "erasure key (id 1)"),
        ):
            self.assertEqual(key, table(name))

    def test_the_printed_proofs_are_accepted(self) -> None:
        verdicts = {
            text: verify_file(text.encode(), Trust(self.genesis))[0]
            for text in (
                printed.PROOF_OF_TRANSACTION,
                printed.PROOF_OF_STATE,
                printed.PROOF_OF_STATEMENT,
                printed.PROOF_OF_BLOCK,
            )
        }
        self.assertEqual(
            [verdict["verdict"] for verdict in verdicts.values()], ["proven", "proven", "complete_up_to", "proven"]
        )
        statement = verdicts[printed.PROOF_OF_STATEMENT]["facts"]
        self.assertEqual(statement["opening"], [{"asset": "EUR", "free": "100000", "held": "0"}])
        self.assertEqual(
            statement["closing"],
            [{"asset": "EUR", "free": "48750", "held": "0"}, {"asset": "GOLD", "free": "2", "held": "0"}],
        )
        state = verdicts[printed.PROOF_OF_STATE]["facts"]["state"]
        self.assertEqual([len(each["leaves"]) for each in state], [0, 1])

    def test_printed_proofs_are_written_again_to_the_byte(self) -> None:
        for text in (printed.PROOF_OF_TRANSACTION, printed.PROOF_OF_STATE, printed.PROOF_OF_STATEMENT):
            self.assertEqual(write_block(read_file(text.encode())[0]), text.encode())

    def test_the_model_makes_the_printed_proofs(self) -> None:
        chain = self.ledger
        assets = [(256, asset_key(code)) for code in ("EUR", "GOLD")]
        statement = chain.prove_statement(("Account", K1.address), START, START + 1_001, beside=assets, shown="Intent")
        # The page shows nothing of the second transaction.
        statement["body"][1]["items"][1][1]["shown"] = ("Nothing", None)
        proofs = [
            (printed.PROOF_OF_STATEMENT, statement),
            (printed.PROOF_OF_TRANSACTION, chain.prove_transaction(0, shown="Intent")),
            (printed.PROOF_OF_STATE, chain.prove_state([(168, b"\x01" + bytes(31)), (168, account_key(K1.address))])),
            (printed.PROOF_OF_BLOCK, chain.prove_block(1)),
        ]
        for text, proof in proofs:
            self.assertEqual(write_block(proof).decode(), text)

    def test_the_octets_of_a_transaction_belong_together(self) -> None:
        chain = self.ledger
        value = {
            "entry": chain.log[0],
            "transaction": chain.shown[table("id 1")],
            "texts": [("Shown", text) for text in chain.texts[table("id 1")]],
        }
        data = t.KNOWN_TRANSACTION.write(value)
        self.assertEqual(read_known_transaction(data, chain.network), value)
        withheld = {**value, "texts": [("Withheld", {"leaf": table("text leaf")})]}
        read_known_transaction(t.KNOWN_TRANSACTION.write(withheld), chain.network)
        for changed in (
            {**value, "entry": chain.log[1]},
            {**value, "transaction": chain.shown[table("id 2")]},
            {**value, "texts": []},
            {**value, "texts": [("Withheld", {"leaf": bytes(32)})]},
        ):
            with self.assertRaises(Refusal):
                read_known_transaction(t.KNOWN_TRANSACTION.write(changed), chain.network)

    def test_the_printed_file_travels_and_no_other_line_does(self) -> None:
        data = printed.TRAVELLING.encode()
        assets = {asset["code"]: asset["decimals"] for asset in self.genesis.draft["assets"]}
        value = read_travelling(data, self.genesis.network, assets)
        first, _ = intents(self.genesis.network)
        self.assertEqual(value["intent"], first)
        self.assertEqual(value["signatures"], signed(first, [K1])["signatures"])
        self.assertEqual(value["texts"], [{"salt": bytes(range(16, 32)), "text": b"invoice 17"}])
        self.assertEqual(value["decimals"], [{"asset": "EUR", "decimals": 2}])
        for old, new in (("12.50", "12.05"), ("invoice 17", "invoice 71"), ("# signed", "#  signed"), ("\n# ", "\n")):
            self.assertIn(old, printed.TRAVELLING)
            with self.assertRaises(Refusal):
                read_travelling(printed.TRAVELLING.replace(old, new, 1).encode(), self.genesis.network, assets)

    def test_an_x_of_the_order_or_more_is_taken_modulo_the_order(self) -> None:
        key = bytes.fromhex("036f4799b04f81bb5351906b5a00ffe5be97f22120df5715cf091fc83ebc448f4b")
        message = preimage("transaction", b"quorate")
        for r, s, good in ((3, 7, True), (3, 8, False), (4, 7, False), (3, P256_N - 7, False)):
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            self.assertEqual(p256(key, signature, message), good)

    def test_stock_tools_check_the_seal(self) -> None:
        """The page's shell example with Python's hashes, and OpenSSL where there is one."""
        block = printed_bytes(printed.BLOCK_1)
        header = block[2 : 2 + 261]
        self.assertEqual(block[263], 0, "it has no recovery")
        self.assertEqual(digest(b"\x10quorate/block/v2" + header), table("block hash"))
        self.assertEqual(digest(b"\x12quorate/genesis/v2" + GENESIS), table("network id"))
        sealed = b"\x0fquorate/seal/v2\x00" + table("network id") + bytes(8) + b"\x01" + bytes(7) + table("block hash")
        certificate = t.CERTIFIED_BLOCK.decode(block)["certificate"]
        signature = certificate["seals"][0]["signature"]
        self.assertEqual(VALIDATOR.private.sign(sealed), signature)


if __name__ == "__main__":
    unittest.main()
