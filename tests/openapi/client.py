#!/usr/bin/env python3
"""Generates a client from a node's own description, and asks the node everything with it.

Usage: client.py NODE FOLDER KEY TO

NODE is the URL of a node's API of a network whose asset QRT has two decimals. The client is put into FOLDER. KEY is
the key file of an account that has QRT, and TO the address of another that has got some, three times.

The generator is openapi-python-client, which is not Quorate's, and what is paid is signed by tests/signing/sign.py,
which knows docs/signing.md alone. The generator has to understand the whole document. The client makes every call but
that for the stream of events, as its functions return when an answer has ended. Each answer has to be of the type that
the document says.

It prints every call that was made, and ends with an exception where something is not as it should be.
"""

import asyncio
import contextlib
import datetime
import importlib
import inspect
import io
import pkgutil
import sys
import time
import urllib.request
from pathlib import Path

from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "signing"))
import sign  # noqa: E402

# What the generator says of the document: it knows no media types of others. The same can be sent as JSON.
REMARKS = ["Unsupported content type application/vnd.quorate.transactions"]
# Calls that the client cannot make.
ENDLESS = {"quorate_client.api.events.events"}


def make(node, folder):
    """Generates the client, a package called quorate_client."""
    document = folder / "openapi.json"
    with urllib.request.urlopen(f"{node}/openapi.json") as answer:
        document.write_bytes(answer.read())
    # Its code is not to be read: it needs no formatting.
    settings = ConfigFile(post_hooks=[])
    config = Config.from_sources(settings, MetaType.NONE, document, "utf-8", False, folder / "quorate_client")
    with contextlib.redirect_stdout(sys.stderr):
        remarks = [error.detail for error in generate(config=config)]
    assert remarks == REMARKS, remarks


class Caller:
    """Makes calls, and remembers which."""

    def __init__(self, client):
        self.client = client
        self.made = set()

    def ask(self, call, kind, /, *arguments, status=200, **parameters):
        """One call, whose answer has to come with this status and be of this type."""
        answer = call.sync_detailed(*arguments, client=self.client, **parameters)
        self.made.add(call.__name__)
        assert answer.status_code == status, (call.__name__, answer.status_code, answer.content)
        assert type(answer.parsed) is kind, (call.__name__, answer.parsed)
        return answer.parsed

    def pages(self, call, kind, items, /, *arguments, **parameters):
        """What all pages of a list have, with one item each."""
        found, cursor = [], None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = self.ask(call, kind, *arguments, limit=1, **more, **parameters)
            assert len(getattr(page, items)) <= 1, page
            found += getattr(page, items)
            cursor = page.next_
            if cursor is None:
                return found


def at(api, path):
    """The module of the call at a path, whatever the document calls it."""
    modules = [module.name for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}.") if not module.ispkg]
    found = [importlib.import_module(name) for name in modules]
    (call,) = [module for module in found if f'"{path}"' in inspect.getsource(module)]
    return call


def use(node, key, to):
    """Makes every call."""
    import quorate_client
    from quorate_client import api, models, types
    from quorate_client.api.accounts import account, account_transactions
    from quorate_client.api.assets import asset, assets, holders
    from quorate_client.api.blocks import block, block_transactions, blocks
    from quorate_client.api.governance import member, members, proposal, proposals
    from quorate_client.api.network import document, evidence, network, peers, status, validators
    from quorate_client.api.records import records
    from quorate_client.api.transactions import list_transactions, submit, transaction

    client = quorate_client.Client(base_url=node, raise_on_unexpected_status=True)
    caller = Caller(client)
    ask, pages = caller.ask, caller.pages

    here = ask(status, models.Status)
    assert here.height >= 3 and here.consensus == "pbft" and here.does_not_vote is None, here
    assert here.timestamp.tzinfo is not None, here
    assert asyncio.run(status.asyncio(client=client)).network == here.network
    whole = ask(network, models.Network)
    assert whole.network == here.network and len(whole.committee.validators) == 4, whole
    assert type(whole.slowness) is models.SlownessView and whole.epochs[0].first_height == 1, whole
    committee = ask(validators, models.ValidatorList).validators
    assert [type(each.voting) for each in committee] == [models.VotingView] * 4, committee
    assert len(ask(peers, models.PeerList).peers) == 3
    assert ask(evidence, models.EvidenceList).evidence == []
    assert len(ask(members, models.MemberList).members) >= 1
    assert ask(member, models.Member, "0").number == 0
    assert ask(proposals, models.ProposalList).proposals == []
    assert ask(proposal, models.Problem, "0", status=404).code == "unknown_proposal"
    assert ask(document, dict)["openapi"] == "3.1.0"

    # A payment, waited for, and the same bytes again in the other forms that are taken.
    before = ask(account, models.Account, to)
    keys = [sign.read_key(key)]
    name, signed = sign.payment(here.network, keys, to, "QRT", "125", "by a generated client")
    one = models.SubmitRequest(transaction=signed.hex())
    paid = ask(submit, models.Submitted, body=one, wait=models.SubmitWait.COMMITTED)
    assert (paid.id, paid.status) == (name, models.SubmittedStatus.COMMITTED), paid
    assert ask(submit, models.Submitted, body=types.File(payload=io.BytesIO(signed))) == paid
    many = ask(submit, models.SubmittedList, body=models.SubmitMany(transactions=[signed.hex(), "zz"]))
    assert many.results[0] == paid, many
    assert many.results[1].status == models.SubmittedStatus.REFUSED, many
    assert many.results[1].code == "malformed_transaction" and many.results[1].id is None, many

    # It is where it was said to be.
    found = ask(transaction, models.Transaction, name)
    assert found.status == models.TransactionStatus.COMMITTED and found.height == paid.height, found
    (operation,) = found.operations
    assert type(operation) is models.Transfer and operation.to == to and operation.amount == "125", operation
    assert operation.by == found.sender and found.parties == [found.sender], found
    assert operation.memo == "by a generated client" and found.withheld == [], found
    assert found.signatures[0].key == sign.public_key(keys[0]), found
    sealed = ask(block, models.Block, str(paid.height))
    assert sealed.transactions[paid.index] == name and len(sealed.seals) >= 3, sealed
    assert sealed.timestamp == found.timestamp, sealed
    assert ask(block, models.Block, sealed.hash_) == sealed
    assert pages(block_transactions, models.TransactionList, "transactions", sealed.hash_) == [found]
    after = ask(account, models.Account, to, min_height=paid.height)
    assert int(after.balances[0].amount) == int(before.balances[0].amount) + 125, after

    # Lists, by pages and with filters.
    heights = [each.height for each in pages(blocks, models.BlockList, "blocks")]
    assert heights == list(range(heights[0], 0, -1)) and heights[0] >= paid.height, heights
    history = pages(account_transactions, models.TransactionList, "transactions", to)
    assert history[0].id == name and history[0].number == after.transactions == len(history) >= 4, history
    listed = ask(list_transactions, models.TransactionList).transactions
    assert listed[0] == found, listed
    transfers = {"account": to, "kind": models.ListTransactionsKind.TRANSFER, "asset": "QRT"}
    old = datetime.datetime(1969, 7, 20, 20, 17, 40, tzinfo=datetime.timezone.utc)
    filtered = pages(list_transactions, models.TransactionList, "transactions", from_=old, to="999999", **transfers)
    assert [each.id for each in filtered] == [each.id for each in history], filtered
    since = ask(list_transactions, models.TransactionList, from_=found.timestamp, **transfers)
    assert [each.id for each in since.transactions] == [name], since
    assert ask(list_transactions, models.TransactionList, to=old, **transfers).transactions == []
    assert [each.code for each in pages(assets, models.AssetList, "assets")] == ["QRT"]
    assert ask(asset, models.Asset, "QRT").decimals == 2
    addresses = [each.address for each in pages(holders, models.HolderList, "holders", "QRT")]
    assert to in addresses and found.sender in addresses, addresses
    assert ask(records, models.RecordList, "00" * 32).records == []

    # What can be checked without believing the node, and what it is made of.
    assert pages(at(api, "/v1/accounts/{address}/holds"), models.HoldList, "holds", to) == []
    parameters = "10" + "00" * 31
    assert ask(at(api, "/v1/state/{key}"), types.File, parameters).payload.read()

    def proof(kind, path, /, *arguments, **asked):
        told = ask(at(api, f"/v1/proofs/{path}"), str, *arguments, **asked)
        assert told.startswith(f"quorate proof 2 {kind}\nnetwork {here.network}\n"), told

    proof("transaction", "transaction/{id}", name)
    proof("state", "erasure/{id}", name)
    proof("state", "account/{address}", to)
    until = found.timestamp + datetime.timedelta(milliseconds=1)
    proof("statement", "statement/{address}", to, from_=found.timestamp, to=until)
    proof("state", "asset/{code}", "QRT")
    proof("state", "record/{sha256}", "00" * 32, by=to)
    proof("block", "block/{block}", "latest")
    proof("committees", "committees")

    # The log as other logs show theirs. A validator signs it once a second, and a log this short has no whole tile.
    for _ in range(20):
        if at(api, "/v1/log/checkpoint").sync_detailed(client=client).status_code == 200:
            break
        time.sleep(0.5)
    assert ask(at(api, "/v1/log/checkpoint"), str).startswith(f"quorate/{here.network}\n")
    assert ask(at(api, "/v1/log/signed-root"), types.File).payload.read()
    assert ask(at(api, "/v1/blocks/{block}/header"), types.File, "latest").payload.read()
    assert len(ask(at(api, "/v1/log/tile/{level}/{index}/{width}"), types.File, 0, "000.p", 1).payload.read()) == 32
    assert ask(at(api, "/v1/log/tile/entries/{index}/{width}"), types.File, "000.p", 1).payload.read()
    ask(at(api, "/v1/log/tile/{level}/{index}"), models.Problem, 0, "000", status=404)
    ask(at(api, "/v1/log/tile/entries/{index}"), models.Problem, "000", status=404)

    # What is wrong is answered with a problem, which is a type like others.
    def problem(code, call, /, *arguments, **parameters):
        told = ask(call, models.Problem, *arguments, **parameters)
        assert (told.code, told.status) == (code, parameters["status"]), told
        assert told.title and told.detail and told.type_ == f"about:blank#{code}", told
        return told

    problem("malformed_hash", transaction, "zz", status=400)
    problem("unknown_transaction", transaction, "00" * 32, status=404)
    problem("nothing_to_prove", at(api, "/v1/proofs/transaction/{id}"), "00" * 32, status=404)
    problem("unknown_block", block, "999999", status=404)
    problem("unknown_asset", asset, "NOPE", status=404)
    problem("malformed_address", account, to[:-1], status=400)
    problem("malformed_limit", blocks, limit=201, status=400)
    problem("malformed_cursor", assets, cursor="!", status=400)
    problem("malformed_range", list_transactions, from_="yesterday", status=400)
    too_much = sign.payment(here.network, keys, to, "QRT", str(2**120))[1]
    poor = problem("insufficient_balance", submit, body=models.SubmitRequest(transaction=too_much.hex()), status=422)
    assert poor.operation == 0 and poor.id, poor
    # One that was executed is known by what it says, whatever its signatures are. Behind them is the count of texts.
    another = sign.payment(here.network, keys, to, "QRT", "126")[1]
    changed = another[:-2] + bytes([another[-2] ^ 1]) + another[-1:]
    problem("bad_signature", submit, body=types.File(payload=io.BytesIO(changed)), status=400)

    modules = pkgutil.walk_packages(api.__path__, f"{api.__name__}.")
    calls = {module.name for module in modules if not module.ispkg}
    assert calls - caller.made == ENDLESS, calls - caller.made
    for call in sorted(caller.made):
        print(call.removeprefix("quorate_client.api."))


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    node, folder, key, to = sys.argv[1:]
    make(node, Path(folder))
    sys.path.insert(0, folder)
    use(node, key, to)


if __name__ == "__main__":
    main()
