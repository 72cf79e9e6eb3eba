"""Certified blocks, one after the other, as far as their bytes show (sections 5 to 9 of docs/formats.md).

What needs the state (conditions 7, 9 and 10 of a valid block) is not executed again here: who believes a certificate
believes that a quorum checked it. A recovery's plan, and the recovery itself, are not checked here either: the proof of
committees checks the document. Everything else is checked.
"""

from __future__ import annotations

from .committee import Epoch, Trust, block_hash, check_seals, quorum
from .errors import Malformed, Refusal
from .genesis import committee_digest
from .hashes import Frontier, leaf_hash, tagged
from .history import entry_leaf
from .keys import COSTS, validator_signature_good
from .recovery import document_hash
from .transaction import form_fault, intent_id, items_of, signatures_good, signed_hash, texts_fault
from .types import BATCH, CERTIFIED_BLOCK, PROPOSAL, RECOVERY_LIMIT, SIGNED_BATCH, TRANSACTION

MAX_TIME = 2**64 - 1
PLACE_OF_RECOVERY = 263
"""Where a certified block says whether it has a recovery."""


def batch_digest(batch: dict) -> bytes:
    """A batch's digest."""
    return tagged("batch", BATCH.write(batch))


def proposal_digest(proposal: dict) -> bytes:
    """A proposal's digest."""
    return tagged("proposal", PROPOSAL.write(proposal))


def check_batch(signed: dict, committee: dict, network: bytes, parameters: dict, where: str) -> None:
    """The batch check of section 5, both parts."""
    batch = signed["batch"]
    size = len(SIGNED_BATCH.write(signed))
    if size > parameters["max_batch_bytes"]:
        raise Refusal("too_long", where, f"{size} bytes, at most {parameters['max_batch_bytes']}")
    if batch["network"] != network:
        raise Refusal("network", where, "it is of another network")
    if batch["epoch"] != committee["epoch"]:
        raise Refusal("epoch", where, f"it is of epoch {batch['epoch']}")
    if batch["author"] >= len(committee["seats"]):
        raise Refusal("author", where, f"there is no validator {batch['author']}")
    key = committee["seats"][batch["author"]]["validator"]
    if not validator_signature_good(key, signed["signature"], "batch-author", batch_digest(batch)):
        raise Refusal("author_signature", where, "the author's signature is not good")
    count = len(batch["transactions"])
    if not 1 <= count <= parameters["max_batch_transactions"]:
        raise Refusal("count", where, f"{count} transactions")
    cost = 0
    for place, transaction in enumerate(batch["transactions"]):
        encoded = TRANSACTION.write(transaction)
        fault = form_fault(transaction, network, len(encoded), parameters["max_transaction_bytes"])
        if fault:
            raise Refusal("transaction", f"{where}.transactions[{place}]", f"{fault[0]}: {fault[1]}")
        cost += sum(COSTS[signature[0]] for signature in transaction["signatures"])
    if cost > parameters["max_batch_signature_cost"]:
        raise Refusal("cost", where, f"the signatures cost {cost}")
    for place, transaction in enumerate(batch["transactions"]):
        if not signatures_good(transaction):
            raise Refusal("client_signature", f"{where}.transactions[{place}]", "a signature is not good")


def texts_fit(signed: dict, texts: dict) -> bool:
    """True if a batch's texts fit; which of those withheld are erased, only the state says."""
    items = texts["items"]
    pairs = list(items_of(signed["batch"]["transactions"], items))
    used = sum(len(own) for _, own in pairs)
    return used == len(items) and all(texts_fault(own, intent) is None for intent, own in pairs)


class Chain:
    """A chain as it is checked, block by block from genesis."""

    def __init__(self, trust: Trust) -> None:
        genesis = trust.genesis
        assert genesis is not None and trust.network is not None
        self.trust = trust
        self.parameters = genesis.draft["parameters"]
        self.height = 0
        self.hash = genesis.network
        self.timestamp = genesis.draft["time"]
        self.next_committee = committee_digest(genesis.committee)
        self.hashes = Frontier()
        self.log = Frontier()

    def _committee(self, header: dict) -> dict:
        epoch: Epoch | None = self.trust.epochs.get(header["epoch"])
        if epoch is None:
            raise Refusal("place", "block.header", f"the committee of epoch {header['epoch']} is not known")
        return epoch.committee

    def add(self, data: bytes) -> list[bool]:
        """Checks the next block. Returns for each batch whether its texts are there and fit."""
        limit = 3 * self.parameters["max_proposal_batches"] * self.parameters["max_batch_bytes"] + 65_536
        if data[PLACE_OF_RECOVERY : PLACE_OF_RECOVERY + 1] == b"\x01":
            limit += RECOVERY_LIMIT
        try:
            certified = CERTIFIED_BLOCK.decode(data, limit)
        except Malformed as fault:
            raise fault.refusal("block", "encoding")
        block, batches = certified["block"], certified["batches"]
        header, proposal = block["header"], block["proposal"]
        committee = self._committee(header)
        network = self.trust.network
        place = (header["network"], header["height"], header["previous"], header["protocol"])
        if place != (network, self.height + 1, self.hash, committee["protocol"]):
            raise Refusal("place", "block.header", "it does not follow the block before")
        if block["recovery"]:
            if block["recovery"]["recovery"]["committee"] != committee:
                raise Refusal("recovery", "block.recovery", "its committee is another")
        elif committee_digest(committee) != self.next_committee:
            raise Refusal("place", "block.header.epoch", "it is not the committee that the block before names")
        if header["chain_root"] != self.hashes.root():
            raise Refusal("chain_root", "block.header", "it is not over the earlier headers")
        digests = proposal["batches"]
        if (
            proposal_digest(proposal) != header["proposal"]
            or len(digests) > self.parameters["max_proposal_batches"]
            or len(set(digests)) != len(digests)
        ):
            raise Refusal("proposal", "block.proposal", "it is not the header's, too long, or names a batch twice")
        if header["timestamp"] != max(proposal["timestamp"], min(self.timestamp + 1, MAX_TIME)):
            raise Refusal(
                "timestamp", "block.header", "it is neither the proposal's nor the least after the block before"
            )
        if [batch_digest(signed["batch"]) for signed in batches] != digests:
            raise Refusal("batches", "block.batches", "they are not the proposal's")
        for place_of, signed in enumerate(batches):
            try:
                check_batch(signed, committee, network, self.parameters, f"block.batches[{place_of}]")
            except Refusal as fault:
                raise Refusal("batches", fault.where, f"{fault.code}: {fault.reason}") from None
        log = Frontier(self.log.length, self.log.subtrees)
        self._append(log, block, batches)
        if (header["log_size"], header["log_root"]) != (log.length, log.root()):
            raise Refusal("log", "block.header", "the log with the block's leaves is another")
        if len(certified["texts"]) != len(batches):
            raise Refusal("encoding", "block.texts", "not one for each batch")
        self._certificate(certified, committee)
        self.height, self.hash = header["height"], block_hash(header)
        self.timestamp, self.next_committee = header["timestamp"], header["next_committee"]
        self.hashes.append(leaf_hash(self.hash))
        self.log = log
        return [texts is not None and texts_fit(signed, texts) for signed, texts in zip(batches, certified["texts"])]

    def _append(self, log: Frontier, block: dict, batches: list) -> None:
        header = block["header"]
        fixed = {"height": header["height"], "timestamp": header["timestamp"]}
        if block["recovery"]:
            document = document_hash(block["recovery"]["recovery"])
            log.append(entry_leaf(("Recovery", {**fixed, "document": document})))
        transactions = [transaction for signed in batches for transaction in signed["batch"]["transactions"]]
        before = -1
        for item in block["executed"]:
            if not before < item["position"] < len(transactions):
                raise Refusal("executed", "block.executed", "the positions do not ascend, or one is not there")
            before = item["position"]
            transaction = transactions[before]
            fields = {
                **fixed,
                "position": before,
                "id": intent_id(transaction["intent"]),
                "expires_at": transaction["intent"]["expires_at"],
                "signed": signed_hash(transaction),
                "outcome": item["outcome"],
            }
            log.append(entry_leaf(("Transaction", fields)))

    def _certificate(self, certified: dict, committee: dict) -> None:
        certificate, header = certified["certificate"], certified["block"]["header"]
        hash_ = block_hash(header)
        named = (certificate["epoch"], certificate["height"], certificate["block"])
        if named != (committee["epoch"], header["height"], hash_):
            raise Refusal("certificate", "block.certificate", "it is of another block")
        if len(certificate["seals"]) < quorum(committee):
            raise Refusal("certificate", "block.certificate", "fewer seals than a quorum")
        try:
            check_seals(committee, self.trust.network, header["height"], hash_, certificate["seals"], "block.certificate")
        except Refusal as fault:
            raise Refusal("certificate", fault.where, f"{fault.code}: {fault.reason}") from None
