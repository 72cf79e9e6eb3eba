// Certified blocks, one after the other, as far as their bytes show (sections 5 to 9 of docs/formats.md).
//
// What needs the state (conditions 7, 9 and 10 of a valid block) is not executed again here: who believes a certificate
// believes that a quorum checked it. A recovery's document is checked by a proof of committees, its plan not at all.

import { equal, toHex } from "./bytes.js";
import { blockHash, checkSeals, quorum } from "./committee.js";
import { Malformed, Refusal } from "./errors.js";
import { committeeDigest } from "./genesis.js";
import { Frontier, leafHash, tagged } from "./hashes.js";
import { entryLeaf } from "./history.js";
import { documentHash } from "./recovery.js";
import { isValidatorSignatureGood } from "./signatures.js";
import { areSignaturesGood, costOf, formFault, intentId, signedHash, textsFault } from "./transaction.js";
import { BATCH, CERTIFIED_BLOCK, COMMITTEE, PROPOSAL, RECOVERY_LIMIT, SIGNED_BATCH, TRANSACTION } from "./types.js";

const MAX_TIME = 2n ** 64n - 1n;
/** Where a certified block says whether it has a recovery. */
const PLACE_OF_RECOVERY = 263;

function batchDigest(batch) {
  return tagged("batch", BATCH.write(batch));
}

/** The batch check of section 5, both parts. */
async function checkBatch(signed, committee, network, parameters, where) {
  const { batch } = signed;
  const refuse = (code, reason, at = where) => {
    throw new Refusal(code, at, reason);
  };
  const size = SIGNED_BATCH.write(signed).length;
  if (size > parameters.max_batch_bytes) {
    refuse("too_long", `${size} bytes, at most ${parameters.max_batch_bytes}`);
  }
  if (!equal(batch.network, network)) refuse("network", "it is of another network");
  if (batch.epoch !== committee.epoch) refuse("epoch", `it is of epoch ${batch.epoch}`);
  const seat = committee.seats[batch.author];
  if (!seat) refuse("author", `there is no validator ${batch.author}`);
  if (!(await isValidatorSignatureGood(seat.validator, signed.signature, "batch-author", batchDigest(batch)))) {
    refuse("author_signature", "the author's signature is not good");
  }
  const { transactions } = batch;
  if (transactions.length < 1 || transactions.length > parameters.max_batch_transactions) {
    refuse("count", `${transactions.length} transactions`);
  }
  const at = (place) => `${where}.transactions[${place}]`;
  for (const [place, transaction] of transactions.entries()) {
    const length = TRANSACTION.write(transaction).length;
    const fault = formFault(transaction, network, length, parameters.max_transaction_bytes);
    if (fault) refuse("transaction", fault.join(": "), at(place));
  }
  const cost = transactions.reduce((sum, transaction) => sum + costOf(transaction), 0);
  if (cost > parameters.max_batch_signature_cost) refuse("cost", `the signatures cost ${cost}`);
  for (const [place, transaction] of transactions.entries()) {
    if (!(await areSignaturesGood(transaction))) refuse("client_signature", "a signature is not good", at(place));
  }
}

/** True if a batch's texts fit; which of those withheld are erased, only the state says. */
function doTextsFit({ batch }, { items }) {
  let at = 0;
  const fits = batch.transactions.every(({ intent }) => {
    const own = items.slice(at, at + (intent.texts?.places.length ?? 0));
    at += own.length;
    return textsFault(own, intent) === null;
  });
  return fits && at === items.length;
}

/** A chain up to some height. */
export class Chain {
  /** The chain before its first block. `trust` knows the committees of all epochs that come. */
  constructor(trust) {
    const { draft, network, committee } = trust.genesis;
    this.trust = trust;
    this.parameters = draft.parameters;
    this.height = 0n;
    this.hash = network;
    this.timestamp = draft.time;
    this.nextCommittee = committeeDigest(committee);
    this.hashes = new Frontier();
    this.log = new Frontier();
  }

  /** The chain with one more block, the block, and for each of its batches whether the texts are there and fit. */
  async with(data) {
    const certified = this.decode(data);
    const { block, batches, texts } = certified;
    const { header, proposal } = block;
    const { network, epochs } = this.trust;
    const refuse = (code, at, reason) => {
      throw new Refusal(code, `block.${at}`, reason);
    };
    const committee = epochs.get(header.epoch)?.committee;
    if (!committee) refuse("place", "header", `the committee of epoch ${header.epoch} is not known`);
    const follows =
      equal(header.network, network) &&
      header.height === this.height + 1n &&
      equal(header.previous, this.hash) &&
      header.protocol === committee.protocol;
    if (!follows) refuse("place", "header", "it does not follow the block before");
    if (block.recovery !== null) {
      const named = COMMITTEE.write(block.recovery.recovery.committee);
      if (!equal(named, COMMITTEE.write(committee))) refuse("recovery", "recovery", "its committee is another");
    } else if (!equal(committeeDigest(committee), this.nextCommittee)) {
      refuse("place", "header.epoch", "it is not the committee that the block before names");
    }
    if (!equal(header.chain_root, this.hashes.root())) {
      refuse("chain_root", "header", "it is not over the earlier headers");
    }
    const digests = proposal.batches.map(toHex);
    const isProposed =
      equal(tagged("proposal", PROPOSAL.write(proposal)), header.proposal) &&
      digests.length <= this.parameters.max_proposal_batches &&
      new Set(digests).size === digests.length;
    if (!isProposed) refuse("proposal", "proposal", "it is not the header's, too long, or names a batch twice");
    const least = this.timestamp < MAX_TIME ? this.timestamp + 1n : MAX_TIME;
    if (header.timestamp !== (proposal.timestamp > least ? proposal.timestamp : least)) {
      refuse("timestamp", "header", "it is neither the proposal's nor the least after the block before");
    }
    const found = batches.map((signed) => toHex(batchDigest(signed.batch)));
    if (found.length !== digests.length || found.some((digest, place) => digest !== digests[place])) {
      refuse("batches", "batches", "they are not the proposal's");
    }
    for (const [place, signed] of batches.entries()) {
      await this.checkBatch(signed, committee, `block.batches[${place}]`);
    }
    const log = logWith(this.log, block, batches);
    if (header.log_size !== log.length || !equal(header.log_root, log.root())) {
      refuse("log", "header", "the log with the block's leaves is another");
    }
    if (texts.length !== batches.length) refuse("encoding", "texts", "not one for each batch");
    await this.checkCertificate(certified.certificate, header, committee);
    const hashes = new Frontier(this.hashes.length, this.hashes.subtrees);
    hashes.append(leafHash(blockHash(header)));
    const next = Object.assign(new Chain(this.trust), {
      height: header.height,
      hash: blockHash(header),
      timestamp: header.timestamp,
      nextCommittee: header.next_committee,
      hashes,
      log,
    });
    const whole = texts.map((items, place) => items !== null && doTextsFit(batches[place], items));
    return { chain: next, certified, whole };
  }

  decode(data) {
    const { max_proposal_batches: batches, max_batch_bytes: bytes } = this.parameters;
    const limit = 3 * batches * bytes + 65_536 + (data[PLACE_OF_RECOVERY] === 1 ? RECOVERY_LIMIT : 0);
    try {
      return CERTIFIED_BLOCK.decode(data, limit);
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      throw fault.refusal("block", "encoding");
    }
  }

  checkBatch(signed, committee, where) {
    return as("batches", () => checkBatch(signed, committee, this.trust.network, this.parameters, where));
  }

  async checkCertificate({ epoch, height, block, seals }, header, committee) {
    const where = "block.certificate";
    const hash = blockHash(header);
    if (epoch !== committee.epoch || height !== header.height || !equal(block, hash)) {
      throw new Refusal("certificate", where, "it is of another block");
    }
    if (seals.length < quorum(committee)) throw new Refusal("certificate", where, "fewer seals than a quorum");
    await as("certificate", () => checkSeals(committee, this.trust.network, height, hash, seals, where));
  }
}

/** Does `work`; what is wrong with a part of a block has the code of the block's condition. */
async function as(code, work) {
  try {
    await work();
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    throw new Refusal(code, fault.where, `${fault.code}: ${fault.reason}`);
  }
}

/** The log with the leaves of a block. */
function logWith(before, { header, recovery, executed }, batches) {
  const log = new Frontier(before.length, before.subtrees);
  const { height, timestamp } = header;
  if (recovery !== null) {
    log.append(entryLeaf(["Recovery", { height, timestamp, document: documentHash(recovery.recovery) }]));
  }
  const transactions = batches.flatMap((signed) => signed.batch.transactions);
  let last = -1;
  for (const { position, outcome } of executed) {
    if (position <= last || position >= transactions.length) {
      throw new Refusal("executed", "block.executed", "the positions do not ascend, or one is not there");
    }
    last = position;
    const transaction = transactions[position];
    const { intent } = transaction;
    const signed = signedHash(transaction);
    const entry = { height, timestamp, position, id: intentId(intent), expires_at: intent.expires_at, signed, outcome };
    log.append(entryLeaf(["Transaction", entry]));
  }
  return log;
}
