// What each kind of proof establishes (section 17 of docs/formats.md).

import { compare, equal, toHex } from "./bytes.js";
import { Epoch, blockHash } from "./committee.js";
import { Malformed, Refusal } from "./errors.js";
import { committeeDigest } from "./genesis.js";
import { Frontier, leafHash, pathRoot } from "./hashes.js";
import { checkStatement, entryLeaf } from "./history.js";
import { checkRecovery, documentHash, mayHaveLost } from "./recovery.js";
import { checkShown, noteShown } from "./shown.js";
import { checkSingle, checkSortedProofs, singleKey } from "./state.js";
import { addressText, timeText } from "./text.js";
import { Trail, count } from "./trail.js";
import { intentFault, intentId } from "./transaction.js";
import { PREFIX, PROOF, PROOF_LIMIT } from "./types.js";

/** The name of each kind in a file's first line. */
const KINDS = {
  Transaction: "transaction",
  State: "state",
  Statement: "statement",
  Committees: "committees",
  Block: "block",
  NotExecuted: "not-executed",
  TwoHistories: "two-histories",
  TwoRecoveries: "two-recoveries",
};

/** A proof's kind, as a file names it. */
export function kindOf({ body: [kind] }) {
  return KINDS[kind];
}

/** A proof out of its bytes. */
export function decodeProof(data) {
  try {
    return PROOF.decode(data, PROOF_LIMIT);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    throw fault.refusal("proof");
  }
}

/** The header that a file's third line names; null if that is genesis. */
export function headOf({ body: [kind, body] }) {
  switch (kind) {
    case "NotExecuted":
      return body.statement.head.header;
    case "TwoHistories":
      return body.first.header;
    case "TwoRecoveries":
      return body.first.base?.header ?? null;
    case "Committees": {
      const last = body.steps.at(-1);
      if (!last) return body.trust[1]?.header ?? null;
      const [name, step] = last;
      return (name === "Certificate" ? step.head : step.base)?.header ?? null;
    }
    default:
      return body.head.header;
  }
}

/** What a file's fourth line asks. */
export function questionOf({ body: [kind, body] }) {
  switch (kind) {
    case "Transaction": {
      const [name, entry] = body.entry;
      return toHex(name === "Transaction" ? entry.id : entry.document);
    }
    case "State":
      return body.leaves.map((proof) => PREFIX.words(proof.prefix)).join(" ");
    case "Statement":
      return `${ownerText(body.owner)} ${timeText(body.from)} ${timeText(body.to)}`;
    case "Committees":
      return String(epochLedTo(body));
    case "Block":
      return String(body.head.header.height);
    case "NotExecuted":
      return toHex(intentId(body.intent));
    case "TwoHistories":
      return String(body.first.header.height);
    default:
      return String(body.first.document.recovery.number);
  }
}

/** Whose a history is, as text. */
export function ownerText([kind, value]) {
  return kind === "Account" ? addressText(value) : value;
}

function epochLedTo({ trust, steps }) {
  const last = steps.at(-1);
  if (!last) return trust[1]?.committee.epoch ?? 0n;
  const [name, step] = last;
  return (name === "Certificate" ? step.next : step.document.recovery.committee).epoch;
}

/** A header as a verdict names it. */
function headFacts(header) {
  const { epoch, height, timestamp } = header;
  return { epoch, height, hash: toHex(blockHash(header)), timestamp: timeText(timestamp) };
}

/**
 * The verdict on a proof; of committees, `trust` learns these. It has `verdict`, which is `proven` or `complete_up_to`,
 * `kind`, `about`, `head` or null, and `found`, what is established. A refusal is thrown; what held before it is in
 * `trail`.
 */
export async function verify(proof, trust, trail = new Trail()) {
  const [kind, body] = proof.body;
  const where = kindOf(proof);
  if (trust.network === null) {
    takeNetwork(kind, body, trust, where);
  }
  if (!equal(proof.network, trust.network)) {
    throw new Refusal("other_network", where, `it is of the network ${toHex(proof.network)}`);
  }
  trail.note(`it is of the network ${toHex(proof.network)}`);
  const verdict = { verdict: "proven", kind: where, about: questionOf(proof), head: null };
  if (kind !== "Committees" && kind !== "TwoRecoveries") verdict.head = headFacts(headOf(proof));
  const judges = {
    Transaction: ofTransaction,
    State: ofState,
    Statement: ofStatement,
    Committees: ofCommittees,
    Block: ofBlock,
    NotExecuted: ofNotExecuted,
    TwoHistories: ofTwoHistories,
    TwoRecoveries: ofTwoRecoveries,
  };
  verdict.found = await judges[kind](body, trust, where, trail);
  if (kind === "Statement" && verdict.found.completeUpTo !== null) verdict.verdict = "complete_up_to";
  return verdict;
}

/** Without a genesis document the network is the pinned header's. */
function takeNetwork(kind, body, trust, where) {
  const header = kind === "Committees" ? body.trust[1]?.header : undefined;
  if (!header || !trust.isPinned(header)) {
    throw new Refusal("unknown_committee", where, "the pinned block's committees must be learnt first");
  }
  trust.network = header.network;
}

async function ofTransaction(body, trust, where, trail) {
  const { head, ordinal, entry, path, shown } = body;
  await trust.accept(head, `${where}.head`, trail);
  const { header } = head;
  const root = pathRoot(entryLeaf(entry), ordinal, header.log_size, path);
  if (root === null || !equal(root, header.log_root)) {
    throw new Refusal("bad_path", `${where}.path`, "it does not lead to the log's root");
  }
  trail.note(
    `a path of ${count(path.length, "hash", "hashes")} leads from the entry, number ${ordinal} of ` +
      `${header.log_size} from 0, to the block's log root`,
  );
  const [kind, logged] = entry;
  if (logged.height > header.height || logged.timestamp > header.timestamp) {
    throw new Refusal("other_leaf", `${where}.entry`, "it is later than the head");
  }
  return { ordinal, entry, shown: await checkShownOf(kind, logged, shown, `${where}.shown`, trail) };
}

/** What is shown of an entry; nothing can be of a recovery's. */
async function checkShownOf(kind, logged, shown, where, trail) {
  if (kind === "Transaction") return checkShown(logged, shown, where, trail);
  if (shown[0] !== "Nothing") {
    throw new Refusal("not_canonical", where, "a recovery has no transaction to show");
  }
  return null;
}

async function ofState({ head, leaves }, trust, where, trail) {
  await trust.accept(head, `${where}.head`, trail);
  const found = checkSortedProofs(leaves, head.header.state_root, `${where}.leaves`);
  trail.note(`${count(found.length, "path")} lead to the block's state root, each from all that is under its prefix`);
  return found;
}

async function ofStatement(statement, trust, where, trail) {
  await trust.accept(statement.head, `${where}.head`, trail);
  return checkStatement(trust.network, statement, where, trail);
}

async function ofBlock(body, trust, where, trail) {
  const { head, before, entries, shown } = body;
  await trust.accept(head, `${where}.head`, trail);
  const { header } = head;
  const log = new Frontier(body.log.length, body.log.subtrees);
  if (header.height === 1n) {
    if (before !== null || !equal(header.previous, trust.network) || log.length > 0n) {
      throw new Refusal("bad_path", `${where}.before`, "nothing is before the first block");
    }
  } else {
    if (before === null || !equal(blockHash(before), header.previous)) {
      throw new Refusal("bad_path", `${where}.before`, "it is not the header before");
    }
    if (log.length !== before.log_size || !equal(log.root(), before.log_root)) {
      throw new Refusal("bad_path", `${where}.log`, "it is not the log of the header before");
    }
  }
  trail.note(`the log before the block has ${log.length} entries, as the header before it says`);
  let position = -1;
  for (const [place, entry] of entries.entries()) {
    await trail.breathe();
    const [kind, logged] = entry;
    const at = `${where}.entries[${place}]`;
    log.append(entryLeaf(entry));
    if (logged.height !== header.height || logged.timestamp !== header.timestamp) {
      throw new Refusal("other_leaf", at, "its height or time is not the block's");
    }
    if (kind === "Recovery") {
      if (place > 0) throw new Refusal("gap", at, "a recovery that is not the first");
    } else {
      if (logged.position <= position) throw new Refusal("gap", at, "the positions do not ascend");
      position = logged.position;
    }
  }
  if (log.length !== header.log_size || !equal(log.root(), header.log_root)) {
    throw new Refusal("gap", `${where}.entries`, "with these the log is not the head's");
  }
  trail.note(`with the ${count(entries.length, "entry", "entries")} it is the block's: none is left out`);
  const facts = await shownOfBlock(entries, shown, where, trail);
  return { height: header.height, firstOrdinal: body.log.length, entries: facts };
}

async function shownOfBlock(entries, shown, where, trail) {
  if (shown.length > 0 && shown.length !== entries.length) {
    throw new Refusal("not_canonical", `${where}.shown`, "not one for each entry");
  }
  if (shown.length > 0 && shown.every(([kind]) => kind === "Nothing")) {
    throw new Refusal("not_canonical", `${where}.shown`, "it shows nothing, so it is empty");
  }
  const facts = entries.map((entry) => ({ entry, shown: null }));
  const aside = trail.aside();
  for (const [place, each] of shown.entries()) {
    await trail.breathe();
    const [kind, logged] = entries[place];
    facts[place].shown = await checkShownOf(kind, logged, each, `${where}.shown[${place}]`, aside);
  }
  noteShown(facts.map((item) => item.shown), trail);
  return facts;
}

async function ofNotExecuted({ intent, agreement, statement }, trust, where, trail) {
  const { network } = trust;
  await trust.accept(statement.head, `${where}.head`, trail);
  if (!equal(intent.network, network)) {
    throw new Refusal("other_network", `${where}.intent`, "it is for another network");
  }
  const wrong = intentFault(intent, network);
  if (wrong) throw new Refusal("other_leaf", `${where}.intent`, `it is not well-formed: ${wrong.join(": ")}`);
  if (statement.beside.length > 0) {
    throw new Refusal("not_canonical", `${where}.statement.beside`, "nothing stands beside that nothing happened");
  }
  if (statement.items.some(([kind, item]) => kind === "Entry" && item.shown[0] !== "Nothing")) {
    throw new Refusal("not_canonical", `${where}.statement.items`, "other transactions are not shown here");
  }
  const found = await checkStatement(network, statement, where, trail);
  const { state_root: root } = statement.head.header;
  const leaf = checkSingle(agreement, root, singleKey(2), `${where}.agreement`);
  if (!leaf) throw new Refusal("other_leaf", `${where}.agreement`, "the agreement is absent");
  const incomplete = (reason) => new Refusal("not_complete", `${where}.statement`, reason);
  const [kind, owner] = found.owner;
  if (kind !== "Account" || !equal(owner, intent.parties[0])) throw incomplete("it is not the first party's");
  const lead = leaf.value.longest_lead_ms;
  const from = intent.expires_at > lead ? intent.expires_at - lead : 0n;
  const to = intent.expires_at > from ? intent.expires_at : from + 1n;
  if (found.from !== from || found.to !== to) {
    throw incomplete("it is not over the time in which this could be executed");
  }
  if (found.completeUpTo !== null) throw incomplete("the head is older than the expiry");
  const id = intentId(intent);
  if (found.entries.some((item) => equal(item.entry.id, id))) throw incomplete("the transaction is among the entries");
  trail.note(`no transaction lives longer than ${lead} ms, and none of its first party's in that time has its id`);
  return { id, expiresAt: intent.expires_at, from, to, entries: found.entries.length, intent };
}

async function ofTwoHistories({ first, second, there }, trust, where, trail) {
  const options = { takesGivenUp: true };
  const givenUp = [
    await trust.accept(first, `${where}.first`, trail, options),
    await trust.accept(second, `${where}.second`, trail, options),
  ];
  const heads = [first.header, second.header];
  const [hash, otherHash] = heads.map(blockHash);
  const [height, otherHeight] = heads.map((header) => header.height);
  const isOfOneHeight = height === otherHeight;
  if (isOfOneHeight) {
    if (there !== null) throw new Refusal("not_canonical", `${where}.there`, "both heads are of one height");
    if (equal(hash, otherHash)) throw new Refusal("same_history", where, "both are one block");
    if (compare(hash, otherHash) > 0) {
      throw new Refusal("not_canonical", where, "the first hash is not the lower one");
    }
    trail.note(`both are of height ${height}, and are two blocks`);
  } else {
    if (height > otherHeight) throw new Refusal("not_canonical", where, "the second head is not the higher one");
    checkThere(there, hash, heads, where);
    trail.note(`the second block's chain has another block at height ${height}, ${toHex(there.hash)}`);
  }
  const isDecidedOtherwise = isOfOneHeight && !equal(heads[0].proposal, heads[1].proposal);
  const histories = [first, second].map((head, place) => {
    const other = heads[1 - place];
    const found = { ...headFacts(head.header), sealedBy: head.seals.map((seal) => seal.validator), givenUp: null };
    const recovery = givenUp[place];
    if (recovery !== null) {
      // Where the new epoch decided the same proposal again, or nothing at this height, nobody need have lied. Two
      // blocks of the epoch that ended say nothing of what its validators had when they stood down.
      const accuses = isDecidedOtherwise && other.epoch > head.header.epoch;
      found.givenUp = {
        number: recovery.recovery.number,
        stoodDown: accuses ? recovery.stand_downs.map((item) => item.stand_down.validator) : [],
        lost: accuses ? recovery.losses.map((item) => item.loss.seat) : [],
      };
    }
    return found;
  });
  const [sealed, sealedToo] = histories.map((history) => history.sealedBy);
  const isOfOneEpoch = heads[0].epoch === heads[1].epoch;
  const sealedBoth = isOfOneEpoch ? sealed.filter((validator) => sealedToo.includes(validator)) : null;
  return { height, histories, sealedBoth };
}

/** Of two heights: `there` is what the second head's chain has in the place of the first. */
function checkThere(there, hash, [first, second], where) {
  const at = `${where}.there`;
  if (there === null) throw new Refusal("bad_path", at, "it is missing");
  if (equal(there.hash, hash)) {
    throw new Refusal("same_history", at, "the first block is part of the second's history");
  }
  const root = pathRoot(leafHash(there.hash), first.height - 1n, second.height - 1n, there.path);
  if (root === null || !equal(root, second.chain_root)) {
    throw new Refusal("bad_path", at, "it does not lead to the second's earlier headers");
  }
}

/** The first epoch that a proof of committees knows, by its number. */
function startOf([kind, pinned], trust, where, trail) {
  const at = `${where}.trust`;
  if (kind === "Genesis") {
    if (trust.pinned || !trust.genesis) {
      throw new Refusal("unknown_committee", at, "with a pinned block it starts from that alone");
    }
    trail.note("it starts with the genesis document's committee");
    return [0n, new Epoch(trust.genesis.committee, 1n)];
  }
  const { header, committee } = pinned;
  if (!equal(header.network, trust.network)) {
    throw new Refusal("other_network", at, "the block is of another network");
  }
  if (!trust.isPinned(header)) {
    throw new Refusal("unknown_committee", at, "it rests on a block that the verifier was not given");
  }
  if (!equal(committeeDigest(committee), header.next_committee)) {
    throw new Refusal("bad_committee", at, "it is not the committee that the block names");
  }
  trail.note(`it starts with the block ${header.height} that you trust, and the committee that this block names`);
  if (committee.epoch === header.epoch) return [committee.epoch, new Epoch(committee, null)];
  if (committee.epoch !== header.epoch + 1n) {
    throw new Refusal("bad_committee", at, "its epoch is neither the block's nor the next");
  }
  return [committee.epoch, new Epoch(committee, header.height + 1n, blockHash(header))];
}

async function ofCommittees({ trust: start, steps }, trust, where, trail) {
  let [number, epoch] = startOf(start, trust, where, trail);
  const epochs = new Map([[number, epoch]]);
  for (const [place, [kind, step]] of steps.entries()) {
    await trail.breathe();
    const at = `${where}.steps[${place}]`;
    let next;
    let ledBy = null;
    if (kind === "Certificate") {
      const { header } = step.head;
      await trust.accept(step.head, `${at}.head`, trail, { epochs: new Map([[number, epoch]]) });
      next = step.next;
      if (!equal(committeeDigest(next), header.next_committee)) {
        throw new Refusal("bad_committee", `${at}.next`, "it is not the committee that the head names");
      }
      epoch.last = header.height;
      ledBy = blockHash(header);
    } else {
      await checkRecoveryStep(step, epoch, trust, at, trail);
      next = step.document.recovery.committee;
      epoch.last = step.document.recovery.base;
      epoch.recovery = step.document;
    }
    if (next.epoch !== number + 1n) {
      throw new Refusal("bad_committee", `${at}.next`, `its epoch is not ${number + 1n}`);
    }
    number = next.epoch;
    const first = epoch.last + 1n;
    epoch = new Epoch(next, first, ledBy);
    epochs.set(number, epoch);
    trail.note(`it names the committee of epoch ${number}, ${toHex(committeeDigest(next))}, from block ${first} on`);
  }
  const facts = Array.from(epochs, ([each, { committee, first, last, recovery }]) => ({
    epoch: each,
    first,
    last,
    committee: committeeDigest(committee),
    validators: committee.seats.map((seat) => seat.validator),
    endedBy:
      recovery === null
        ? null
        : { number: recovery.recovery.number, mayHaveLost: mayHaveLost(recovery, committee) },
  }));
  trust.learn(epochs, where);
  return facts;
}

/** Refuses a recovery that does not end this epoch. */
async function checkRecoveryStep(step, epoch, trust, where, trail) {
  const { base } = step;
  const { committee } = epoch;
  const at = `${where}.base`;
  let root;
  let start = null;
  if (base === null) {
    // With a pinned block nothing goes on from genesis, or that block would be given up.
    if (committee.epoch !== 0n || !trust.genesis || trust.pinned) {
      throw new Refusal("bad_recovery", at, "it is missing");
    }
    root = trust.genesis.stateRoot;
    start = { height: 0n, hash: trust.network };
  } else {
    const { header, seals } = base;
    root = header.state_root;
    if (!equal(header.network, trust.network)) {
      throw new Refusal("other_network", at, `it is of the network ${toHex(header.network)}`);
    }
    if (header.epoch === committee.epoch) {
      await trust.accept(base, at, trail, { epochs: new Map([[committee.epoch, epoch]]) });
    } else if (seals.length > 0 || epoch.ledBy === null || !equal(blockHash(header), epoch.ledBy)) {
      const words = "neither a block of the epoch nor, without seals, the one that led to it";
      throw new Refusal("bad_recovery", at, words);
    } else {
      start = { height: header.height, hash: epoch.ledBy };
    }
  }
  await checkRecovery(trust.network, step, committee, root, start, where, trail);
}

async function ofTwoRecoveries({ first, second }, trust, where, trail) {
  const hashes = [];
  for (const [name, step] of Object.entries({ first, second })) {
    const { recovery } = step.document;
    const epoch = trust.epochs.get(recovery.old_epoch);
    if (!epoch) {
      const words = `the committee of epoch ${recovery.old_epoch} is not known`;
      throw new Refusal("unknown_committee", `${where}.${name}`, words);
    }
    await checkRecoveryStep(step, epoch, trust, `${where}.${name}`, trail);
    hashes.push(documentHash(recovery));
  }
  const numbers = [first, second].map((step) => step.document.recovery.number);
  if (numbers[0] !== numbers[1] || equal(hashes[0], hashes[1])) {
    throw new Refusal("same_history", where, "not two documents of one number");
  }
  if (compare(hashes[0], hashes[1]) > 0) {
    throw new Refusal("not_canonical", where, "the first document's hash is not the lower one");
  }
  return { number: numbers[0], documents: hashes };
}
