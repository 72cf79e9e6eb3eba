// Steps of histories, and statements over them (sections 13 and 17 of docs/formats.md).

import { equal } from "./bytes.js";
import { Refusal } from "./errors.js";
import { historyStart } from "./genesis.js";
import { frontierHolds, leafHash, listRoot, tagged } from "./hashes.js";
import { accountKey, assetKey, checkApart, checkSortedProofs, checkStateProof, isPrefix } from "./state.js";
import { checkShown, noteShown } from "./shown.js";
import { count } from "./trail.js";
import { BALANCE_ITEM, LOG_ENTRY, STEP } from "./types.js";

/** After so many steps comes a waypoint. */
const SPACING = 32n;
/** An account has balances of no more assets. */
const MAX_BALANCES = 256;

/** `inner_n`. */
function stepHash(step) {
  return tagged("step", STEP.write(step));
}

/** `h_n`. */
function nextHash(before, inner) {
  const both = new Uint8Array(64);
  both.set(before);
  both.set(inner, 32);
  return tagged("history", both);
}

/** A log entry's leaf hash. */
export function entryLeaf(entry) {
  return leafHash(LOG_ENTRY.write(entry));
}

function rootOver(items) {
  return listRoot(items.map((item) => BALANCE_ITEM.write(item)));
}

function doAscend(codes) {
  return codes.every((code, place) => place === 0 || codes[place - 1] < code);
}

/** Balances while the changes of a history's steps are followed. */
class Replay {
  constructor(owner, items) {
    this.owner = owner;
    this.balances = new Map(items.map(({ asset, free, held }) => [asset, { free, held }]));
  }

  /** Takes over a step's changes: each *before* must be what is there. */
  apply(step, where) {
    const at = `${where}.changes`;
    if (!doAscend(step.changes.map((change) => change.asset))) {
      throw new Refusal("bad_replay", at, "the changes do not ascend strictly by code");
    }
    for (const change of step.changes) this.change(change, step.number, `${at}.${change.asset}`);
    if (this.balances.size > MAX_BALANCES) throw new Refusal("bad_replay", at, "no account has so many balances");
    if (step.number % SPACING !== 0n) {
      if (step.balances === null) return;
      throw new Refusal("bad_balances", where, `step ${step.number} has a root over balances`);
    }
    if (step.balances === null || !equal(step.balances, rootOver(this.items()))) {
      throw new Refusal("bad_balances", where, `the balances at step ${step.number} are others`);
    }
  }

  change(change, number, at) {
    const { asset, free_before, free_after, held_before, held_after } = change;
    if (free_before === free_after && held_before === held_after) {
      throw new Refusal("bad_replay", at, "a change that changes nothing");
    }
    const [kind, code] = this.owner;
    if (kind === "Asset" && (asset !== code || held_before !== 0n || held_after !== 0n)) {
      throw new Refusal("bad_replay", at, "not a change of the asset's supply");
    }
    const { free, held } = this.balances.get(asset) ?? { free: 0n, held: 0n };
    if (free !== free_before || held !== held_before) {
      const words = `before step ${number} there were ${free} free and ${held} held`;
      throw new Refusal("bad_replay", at, `${words}, it says ${free_before} and ${held_before}`);
    }
    if (free_after === 0n && held_after === 0n) this.balances.delete(asset);
    else this.balances.set(asset, { free: free_after, held: held_after });
  }

  /** What the owner has now, ascending by code. */
  items() {
    const codes = Array.from(this.balances.keys()).sort();
    return codes.map((asset) => ({ asset, ...this.balances.get(asset) }));
  }

  /** True if these are the same balances, empty ones and their order aside. */
  isSame(others) {
    const there = others.filter(({ free, held }) => free !== 0n || held !== 0n);
    const isHere = ({ asset, free, held }) => {
      const ours = this.balances.get(asset);
      return ours !== undefined && ours.free === free && ours.held === held;
    };
    return there.length === this.balances.size && there.every(isHere);
  }
}

/** What a statement under an accepted head establishes, by the numbers of section 17. */
export async function checkStatement(network, statement, where, trail) {
  const header = statement.head.header;
  const { owner, from, to } = statement;
  if (from >= to) throw new Refusal("not_complete", where, "the range is empty");
  const leaf = checkLeaf(network, statement, where);
  trail.note(
    leaf.value === null
      ? "the owner is not in the state, so it has no history"
      : `the state has the owner's leaf: its history has ${count(leaf.entries, "step")}`,
  );
  const start = checkStart(network, statement, leaf, where);
  trail.note(
    start.number === 0n
      ? "it begins with the history, whose first hash follows from network, owner and these balances"
      : `it begins with step ${start.number}, which is among the leaf's waypoints, and the balances are that step's`,
  );
  const found = await followItems(statement, start, where, trail);
  const { before, entries, after } = found;
  trail.note(
    `${count(before.length, "step")} before the range, ${entries.length} in it, ${after.length} behind it: their ` +
      "numbers have no gap, ordinals and times ascend, and each balance before a step is the one after the step before",
  );
  checkEnd(statement, found, leaf, where);
  noteShown(entries.map((item) => item.shown), trail);
  const [end] = statement.end;
  trail.note(`its last hash is ${end === "Last" ? "the leaf's" : `that of the leaf's waypoint ${found.number}`}`);
  checkBalances(statement, found, leaf, where);
  const completeUpTo = checkReach(statement, found, where);
  trail.note(
    completeUpTo === null
      ? "the range has ended: nothing of it can be missing"
      : "the head is older than the range's end: it is complete up to the head's time",
  );
  checkApart([statement.leaf, ...statement.beside], `${where}.beside`);
  const beside = checkSortedProofs(statement.beside, header.state_root, `${where}.beside`);
  if (beside.length > 0) trail.note(`${count(beside.length, "proof")} of the state under the same block beside it`);
  return {
    owner,
    from,
    to,
    completeUpTo,
    opening: found.opening,
    openingIsOfGenesis: start.number === 0n && before.length === 0,
    closing: found.closing,
    entries,
    before,
    after,
    beside,
    leaf: leaf.value,
  };
}

/** True if all of an account's records must be shown: at the history's end with all steps opened. */
function showsAll({ owner, end, items }) {
  return owner[0] === "Account" && end[0] === "Last" && items.every(([kind]) => kind !== "Passed");
}

/** Number 1: the owner's leaf. */
function checkLeaf(network, statement, where) {
  const [kind, value] = statement.owner;
  const key = kind === "Account" ? accountKey(value) : assetKey(value);
  const bits = showsAll(statement) ? 168 : 256;
  if (!isPrefix(statement.leaf.prefix, bits, key)) {
    throw new Refusal("other_leaf", `${where}.leaf`, `the proof is not of the owner's key with ${bits} bits`);
  }
  const leaves = checkStateProof(statement.leaf, statement.head.header.state_root, `${where}.leaf`);
  if (leaves.length === 0) {
    const last = historyStart(network, statement.owner, []);
    return { value: null, others: [], entries: 0n, last, waypoints: [] };
  }
  const [{ value: own }, ...others] = leaves;
  const { entries, last, waypoints } = own;
  return { value: own, others: others.map((other) => other.value), entries, last, waypoints };
}

function holdsWaypoint(leaf, hash, number, path) {
  return frontierHolds(leafHash(hash), number / SPACING - 1n, leaf.entries / SPACING, path, leaf.waypoints);
}

/** Number 2: where it starts. */
function checkStart(network, statement, leaf, where) {
  const [kind, start] = statement.start;
  const [ownerKind, code] = statement.owner;
  const at = `${where}.start`;
  const { balances } = start;
  if (leaf.value === null && (kind !== "Beginning" || balances.length > 0)) {
    throw new Refusal("other_leaf", at, "balances or a waypoint of an owner that is not there");
  }
  if (!doAscend(balances.map((item) => item.asset))) {
    throw new Refusal("bad_balances", at, "the balances do not ascend strictly by code");
  }
  if (balances.some(({ free, held }) => free === 0n && held === 0n)) {
    throw new Refusal("bad_balances", at, "a balance that is empty");
  }
  if (ownerKind === "Asset" && balances.some(({ asset, held }) => asset !== code || held !== 0n)) {
    throw new Refusal("bad_balances", at, "balances that are not the asset's supply");
  }
  if (kind === "Beginning") {
    return { number: 0n, ordinal: -1n, time: 0n, hash: historyStart(network, statement.owner, balances) };
  }
  const { number, ordinal, timestamp } = start.step;
  if (number === 0n || number % SPACING !== 0n) throw new Refusal("not_complete", at, `step ${number} is no waypoint`);
  const hash = nextHash(start.before, stepHash(start.step));
  if (!holdsWaypoint(leaf, hash, number, start.path)) {
    throw new Refusal("bad_path", at, `step ${number} is not among the waypoints`);
  }
  if (start.step.balances === null || !equal(start.step.balances, rootOver(balances))) {
    throw new Refusal("bad_balances", at, "the balances are not the waypoint's");
  }
  if (timestamp >= statement.from) throw new Refusal("not_complete", at, "the waypoint is not before the range");
  if (ordinal >= statement.head.header.log_size) {
    throw new Refusal("gap", at, "the waypoint's ordinal is beyond the log");
  }
  return { number, ordinal, time: timestamp, hash };
}

/** Numbers 3, 4 and 6: the items, one after the other. */
async function followItems(statement, start, where, trail) {
  const { from, to, items, head } = statement;
  const replay = new Replay(statement.owner, statement.start[1].balances);
  const found = { ...start, opened: start.number, before: [], entries: [], after: [], passed: 0, replay };
  const aside = trail.aside();
  let opening = null;
  let closing = null;
  for (const [place, [kind, value]] of items.entries()) {
    await trail.breathe();
    const at = `${where}.items[${place}]`;
    found.number += 1n;
    if (kind === "Passed") {
      found.passed += 1;
      found.hash = nextHash(found.hash, value);
      continue;
    }
    const step = kind === "Opened" ? value : value.step;
    checkOrder(step, found, head.header.log_size, at);
    if (kind === "Entry") {
      if (found.time < from || found.time >= to) throw new Refusal("gap", at, "an entry outside the range");
      opening ??= replay.items();
      const shown = await checkEntry(value, at, aside);
      found.entries.push({ step, entry: value.entry[1], shown });
    } else if (found.time < from) {
      if (found.entries.length > 0) throw new Refusal("gap", at, "a step before the range stands behind it");
      found.before.push(step);
    } else if (found.time >= to) {
      opening ??= replay.items();
      closing = replay.items();
      found.after.push(step);
    } else {
      throw new Refusal("gap", at, "a step of the range is not shown as an entry");
    }
    replay.apply(step, at);
    found.hash = nextHash(found.hash, stepHash(step));
    found.opened = found.number;
  }
  if (found.before.length >= Number(SPACING)) {
    throw new Refusal("not_complete", `${where}.start`, "a later waypoint lies before the range");
  }
  return { ...found, opening: opening ?? replay.items(), closing: closing ?? replay.items() };
}

/** Looks at an opened step's place, number, ordinal and time, and takes over the latter two. */
function checkOrder(step, found, logSize, at) {
  if (found.after.length > 0 || found.passed > 0) {
    throw new Refusal("gap", at, "an opened step after what may end the range");
  }
  if (step.number !== found.number) {
    throw new Refusal("gap", at, `step ${step.number} stands in the place of step ${found.number}`);
  }
  if (step.ordinal <= found.ordinal || step.ordinal >= logSize) {
    throw new Refusal("gap", at, "the ordinals do not ascend, or are beyond the log");
  }
  if (step.timestamp < found.time) throw new Refusal("gap", at, "the time falls");
  found.ordinal = step.ordinal;
  found.time = step.timestamp;
}

async function checkEntry({ step, entry, shown }, where, trail) {
  const at = `${where}.entry`;
  const [kind, logged] = entry;
  if (kind !== "Transaction") throw new Refusal("other_leaf", at, "it is not a transaction");
  if (!equal(entryLeaf(entry), step.leaf)) {
    throw new Refusal("other_leaf", at, "it is not the entry of the step's leaf");
  }
  if (logged.timestamp !== step.timestamp) throw new Refusal("other_leaf", at, "its time is not the step's");
  if (logged.outcome[0] === "Failed" && step.changes.length > 0) {
    throw new Refusal("other_leaf", at, "a failed transaction changed balances");
  }
  return checkShown(logged, shown, `${where}.shown`, trail);
}

/** Number 5: where it ends. */
function checkEnd(statement, { number, opened, hash }, leaf, where) {
  const [kind, end] = statement.end;
  const at = `${where}.end`;
  if (leaf.entries > 0n && opened === 0n) throw new Refusal("not_complete", at, "no step of the history is opened");
  const waypoint = ((opened + SPACING - 1n) / SPACING) * SPACING;
  if (waypoint < leaf.entries) {
    if (kind !== "Waypoint") throw new Refusal("not_complete", at, `the history goes on to step ${leaf.entries}`);
    if (number !== waypoint) {
      throw new Refusal("not_complete", at, `the items end at step ${number}, the next waypoint is ${waypoint}`);
    }
    if (!holdsWaypoint(leaf, hash, number, end.path)) {
      throw new Refusal("bad_path", at, `step ${number} is not among the waypoints`);
    }
    return;
  }
  if (kind !== "Last") throw new Refusal("not_complete", at, "no waypoint follows");
  if (number !== leaf.entries) {
    throw new Refusal("not_complete", at, `the items end at step ${number}, the history has ${leaf.entries}`);
  }
  if (!equal(hash, leaf.last)) throw new Refusal("bad_path", at, "the last step is not the leaf's");
}

/** The end of number 6: at the history's end the replay has what the leaves have. */
function checkBalances(statement, { replay, passed }, { value, others }, where) {
  const [kind, code] = statement.owner;
  const at = `${where}.leaf`;
  if (showsAll(statement) && !replay.isSame([...(value?.balances ?? []), ...others])) {
    throw new Refusal("bad_balances", at, "the replay ends at other balances than the account has");
  }
  if (kind === "Asset" && statement.end[0] === "Last" && passed === 0) {
    if (!replay.isSame([{ asset: code, free: value?.supply ?? 0n, held: 0n }])) {
      throw new Refusal("bad_balances", at, "the replay ends at another supply than the asset has");
    }
  }
}

/** Number 7: null if the range's end is reached, else the time up to which it is complete. */
function checkReach({ head: { header }, end, from, to }, { after, passed }, where) {
  const at = `${where}.end`;
  if (after.length > 0) return null;
  if (end[0] !== "Last" || passed > 0) {
    throw new Refusal("not_complete", at, "no step shows that the range has ended");
  }
  if (header.timestamp >= to) return null;
  if (header.timestamp < from) throw new Refusal("not_complete", at, "the head is older than the range");
  return header.timestamp;
}
