// Bundles (section 30 of docs/formats.md), as far as their bytes show: frames, the state before the first block, and
// each block in turn. What the blocks' execution gives is not executed again here: who believes a certificate believes
// that a quorum did.

import { compare, equal, littleEndian, toHex } from "./bytes.js";
import { Chain } from "./chain.js";
import { Epoch, Trust, blockHash, checkSeals, quorum } from "./committee.js";
import { Malformed, Refusal, Unusable } from "./errors.js";
import { committeeDigest, decodeGenesis } from "./genesis.js";
import { Frontier, leafHash } from "./hashes.js";
import { entryLeaf } from "./history.js";
import { verify } from "./proof.js";
import { digest, sha256 } from "./sha2.js";
import { webCrypto } from "./signatures.js";
import { singleKey, stateRoot } from "./state.js";
import { timeText } from "./text.js";
import { count } from "./trail.js";
import { AGREEMENT, BUNDLE_FRAME, PARAMETERS } from "./types.js";

const MAGIC = new TextEncoder().encode("quorate/bundle/2");
const MIB = 1024 * 1024;
const CHECK = 8;
const ITEMS = 1_024n;
const MAX_HEADERS = 999;
const MAX_TIME = 2n ** 64n - 1n;
/** Bytes of each kind of payload at most. */
const LIMITS = {
  Opening: 4 * MIB + 1_024,
  State: 64 * MIB,
  Entries: 4_325_392,
  Leaves: 33_590_288,
  Block: 224 * MIB + 65_552,
  End: 64,
};
const MOST = Math.max(...Object.values(LIMITS));

/** True if a file begins like a bundle. */
export function isBundle(data) {
  return equal(data.subarray(0, MAGIC.length), MAGIC);
}

/** Frames of a file, one after the other. */
class Frames {
  constructor(data) {
    this.data = data;
    this.at = MAGIC.length;
    /** What the last good part of the file was, in words. */
    this.after = "its beginning";
  }

  refusal(code, reason, at = this.at) {
    return new Refusal(code, `the frame at byte ${at}`, reason);
  }

  take(size) {
    if (this.at + size > this.data.length) {
      throw this.refusal("torn", `it ends after ${this.after}, and not with an end record`, this.start);
    }
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  /** The next frame, which must be of one of these kinds. */
  next(...kinds) {
    this.start = this.at;
    const length = Number(littleEndian(this.take(4)));
    if (length > MOST) throw this.refusal("malformed", `a payload of ${length} bytes`, this.start);
    const payload = this.take(length);
    const isWhole = equal(this.take(CHECK), sha256(payload).subarray(0, CHECK));
    if (!isWhole) throw this.refusal("damaged", "its check is not that of its payload", this.start);
    let frame;
    try {
      frame = BUNDLE_FRAME.decode(payload);
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      throw this.refusal("malformed", fault.reason, this.start);
    }
    const [kind, content] = frame;
    if (!kinds.includes(kind) || length > LIMITS[kind]) {
      throw this.refusal("malformed", `${kind} stands where ${kinds.join(" or ")} belongs, or is too long`, this.start);
    }
    return { kind, content };
  }

  /** So many items in frames of one kind, each full but for the last. */
  items(kind, total) {
    const items = [];
    while (BigInt(items.length) < total) {
      const left = total - BigInt(items.length);
      const { content } = this.next(kind);
      if (BigInt(content.length) !== (left < ITEMS ? left : ITEMS)) {
        throw this.refusal("malformed", `${content.length} items, ${left} are left`, this.start);
      }
      for (const item of content) items.push(item);
    }
    return items;
  }
}

/** Points 1 to 8 of what makes a state good; the chain that goes on from it. */
async function chainFrom({ head, committees, chain, headers, log, ...counts }, from, frames, trust, trail) {
  const refuse = (code, reason) => {
    throw new Refusal(code, `the state at block ${head.header.height}`, reason);
  };
  const { header, seals } = head;
  const [entries, leaves] = [frames.items("Entries", counts.entries), frames.items("Leaves", counts.leaves)];
  const body = ["Committees", { trust: ["Genesis", null], steps: committees }];
  try {
    await verify({ network: trust.network, body }, trust, trail);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    refuse("committees", `${fault.code}: ${fault.reason}`);
  }
  const last = Array.from(trust.epochs.keys()).at(-1);
  if (last !== header.epoch) refuse("committees", `they lead to epoch ${last}, the head is of ${header.epoch}`);
  const { committee, first } = trust.epochs.get(header.epoch);
  const isOfEpoch =
    header.height === from - 1n &&
    header.height >= first &&
    equal(header.network, trust.network) &&
    header.protocol === committee.protocol;
  if (!isOfEpoch || seals.length < quorum(committee)) {
    refuse("certificate", "the head is not the block before, certified");
  }
  try {
    await checkSeals(committee, trust.network, header.height, blockHash(header), seals, "seals");
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    refuse("certificate", fault.reason);
  }
  trail.note(`the state is that after block ${header.height}, which a quorum of epoch ${header.epoch} sealed`);
  const hashes = new Frontier(chain.length, chain.subtrees);
  for (const each of headers) hashes.append(leafHash(each));
  // Each chain has one form: as many as an attestation may name stand one by one.
  const isShort = headers.length < MAX_HEADERS && chain.length > 0n;
  if (isShort || hashes.length !== header.height - 1n || !equal(hashes.root(), header.chain_root)) {
    refuse("chain_root", "the hashes before are not the head's");
  }
  const { agreement, parameters } = checkLeaves(leaves, header, refuse);
  trail.note(`its ${count(leaves.length, "leaf", "leaves")} have the state root that this block names`);
  const isNext = equal(committeeDigest(agreement.committee), header.next_committee);
  const ahead = agreement.committee.epoch - header.epoch;
  if (!isNext || (ahead !== 0n && ahead !== 1n)) refuse("next_committee", "it is not the committee that the head names");
  const { protocol } = agreement.committee;
  if (protocol !== 1) refuse("protocol", `protocol ${protocol} is not known here`);
  if (ahead === 1n) trust.epochs.set(agreement.committee.epoch, new Epoch(agreement.committee, header.height + 1n));
  const whole = logWith(log, entries, header, agreement.longest_lead_ms, refuse);
  trail.note(`with its ${count(entries.length, "entry", "entries")} the log has the root that this block names`);
  hashes.append(leafHash(blockHash(header)));
  return Object.assign(new Chain(trust), {
    parameters,
    height: header.height,
    hash: blockHash(header),
    timestamp: header.timestamp,
    nextCommittee: header.next_committee,
    hashes,
    log: whole,
  });
}

function checkLeaves(leaves, header, refuse) {
  const ascend = leaves.every(({ key }, place) => place === 0 || compare(leaves[place - 1].key, key) < 0);
  if (!ascend) refuse("state", "the leaves do not ascend strictly");
  if (!equal(stateRoot(leaves.map(({ key, value }) => [key, value])), header.state_root)) {
    refuse("state", "with these leaves the state has another root");
  }
  const valueAt = (number, type) => {
    const found = leaves.find(({ key }) => equal(key, singleKey(number)));
    try {
      return type.decode(found?.value ?? new Uint8Array(0));
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault;
      return refuse("state", "the parameters or the agreement are missing, or none");
    }
  };
  return { parameters: valueAt(0, PARAMETERS), agreement: valueAt(2, AGREEMENT) };
}

function logWith(before, entries, header, lead, refuse) {
  const log = new Frontier(before.length, before.subtrees);
  // An id is expired once it can be executed no more.
  const isOld = ([, { timestamp }]) => {
    const end = timestamp + lead;
    return (end > MAX_TIME ? MAX_TIME : end) <= header.timestamp;
  };
  let time = 0n;
  for (const [place, entry] of entries.entries()) {
    const { timestamp } = entry[1];
    if (timestamp < time || timestamp > header.timestamp) refuse("log", "the times fall, or are later than the head");
    if (place > 0 && isOld(entry)) refuse("log", "an entry that is not needed");
    time = timestamp;
    log.append(entryLeaf(entry));
  }
  const isEnough = before.length === 0n || (entries.length > 0 && isOld(entries[0]));
  if (!isEnough) refuse("log", "entries that are not expired are left out");
  if (log.length !== header.log_size || !equal(log.root(), header.log_root)) {
    refuse("log", "with these entries the log is another");
  }
  return log;
}

/**
 * In protocol 1 an epoch has the validators of the one before: their digest under its number is what the last block
 * before it names, so no execution is needed to know them.
 */
function learnNext(chain, trust, known) {
  const { committee } = trust.epochs.get(known);
  if (equal(committeeDigest(committee), chain.nextCommittee)) return known;
  const next = { ...committee, epoch: committee.epoch + 1n };
  if (!equal(committeeDigest(next), chain.nextCommittee)) return known;
  trust.epochs.get(known).last ??= chain.height;
  trust.epochs.set(next.epoch, new Epoch(next, chain.height + 1n));
  return next.epoch;
}

/** Each of the blocks in turn. Returns the chain after the last, and what was counted. */
async function followBlocks(frames, { from, to }, start, trust, trail, tell) {
  const counts = { blocks: 0, transactions: 0, executed: 0, signatures: 0, seals: 0, unfit: 0 };
  let chain = start;
  let known = Array.from(trust.epochs.keys()).at(-1);
  for (let height = from; height <= to; height += 1n) {
    const { content } = frames.next("Block");
    let added;
    try {
      added = await chain.with(content);
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      throw new Refusal(fault.code, `block ${height}: ${fault.where}`, fault.reason);
    }
    const { certified, whole } = added;
    chain = added.chain;
    const transactions = certified.batches.flatMap((signed) => signed.batch.transactions);
    counts.blocks += 1;
    counts.transactions += transactions.length;
    counts.executed += certified.block.executed.length;
    counts.signatures += transactions.reduce((sum, each) => sum + each.signatures.length, 0);
    counts.seals += certified.certificate.seals.length;
    counts.unfit += whole.filter((fits) => !fits).length;
    frames.after = `block ${height}`;
    known = learnNext(chain, trust, known);
    tell(height, to);
    await trail.breathe();
  }
  return { chain, counts };
}

/** The genesis document in a bundle is worth no more than the bundle, but must be the one that it names. */
async function checkOwn(opening, frames) {
  try {
    const { network } = await decodeGenesis(opening.genesis);
    if (equal(network, opening.network)) return;
  } catch (fault) {
    if (!(fault instanceof Unusable)) throw fault;
    throw frames.refusal("malformed", `its genesis document: ${fault.message}`, frames.start);
  }
  throw frames.refusal("malformed", "its genesis document is of another network than it says", frames.start);
}

/**
 * What a bundle's bytes establish under the genesis document: lines, and steps in `trail`. `tell` is called with each
 * height and the last one. A refusal is thrown.
 */
export async function checkBundle(data, genesis, trail, tell = () => {}) {
  const frames = new Frames(data);
  const trust = new Trust(genesis);
  const { content: opening } = frames.next("Opening");
  const { from, to } = opening;
  await checkOwn(opening, frames);
  if (!equal(opening.network, genesis.network)) {
    throw new Refusal("other_network", "the opening", `it is of the network ${toHex(opening.network)}`);
  }
  trail.note(`it is of the network ${toHex(opening.network)}, and says that it has the blocks from ${from} to ${to}`);
  let start = new Chain(trust);
  const hasState = from > 1n;
  if (from < 1n || to < (hasState ? from - 1n : from)) {
    throw frames.refusal("malformed", `there are no blocks from ${from} to ${to}`, frames.start);
  }
  if (hasState) {
    const { kind, content } = frames.next("State", "Block", "End");
    if (kind !== "State") throw new Unusable(`it begins with block ${from}, and has no state before it to go on from`);
    start = await chainFrom(content, from, frames, trust, trail);
    frames.after = `the state after block ${start.height}`;
  }
  const { chain, counts } = await followBlocks(frames, opening, start, trust, trail, tell);
  const before = frames.at;
  const { content: end } = frames.next("End");
  if (frames.at !== data.length) throw frames.refusal("malformed", "something follows the end record");
  if (end.blocks !== BigInt(counts.blocks)) {
    throw new Refusal("count", "the end record", `it says ${end.blocks} blocks, ${counts.blocks} are there`);
  }
  if (!equal(end.sha256, await digest(data.subarray(0, before), webCrypto()))) {
    throw new Refusal("hash", "the end record", "the hash of all before it is another");
  }
  trail.note("its end record has the number of blocks, and the hash of all that is before it");
  if (counts.blocks > 0) noteBlocks(trail, counts, hasState);
  return linesOf(opening, chain, counts, hasState);
}

function noteBlocks(trail, counts, hasState) {
  const first = hasState ? "the first one goes on from that state" : "the first one goes on from genesis";
  trail.note(
    `each block has the hash of the one before, and ${first}; each is sealed by a quorum of its epoch's validators: ` +
      `${count(counts.seals, "seal")}, all good`,
  );
  trail.note(
    "each block's batches are those of its proposal, signed by their authors: " +
      `${count(counts.transactions, "transaction")}, well-formed, with ${count(counts.signatures, "signature")} of clients, all good`,
  );
  trail.note(
    `with what each block says that it executed (${counts.executed}), the transaction log has the root that the block ` +
      "names; times rise, and the roots over earlier blocks are right",
  );
}

function linesOf({ from, to }, chain, counts, hasState) {
  const what =
    counts.blocks === 0
      ? `the state after block ${chain.height}, as a quorum certified it`
      : `blocks ${from} to ${to}, as a quorum certified them: ${counts.executed} transactions executed`;
  return [
    what,
    `up to block ${chain.height} of ${timeText(chain.timestamp)}, ${toHex(chain.hash)}`,
    ...(hasState ? ["that all before it is good, this does not say: it begins with a certified state"] : []),
    "not executed again: that outcomes, state roots, what was skipped and each next committee are right is what the " +
      "quorum says; `quorate audit chain --bundle FILE` executes all of it",
    ...(counts.unfit === 0 ? [] : [`${count(counts.unfit, "batch", "batches")} without all texts, or with others`]),
  ];
}
