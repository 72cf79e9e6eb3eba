// What a verdict establishes, for programs: the page's names, and every value in its text form. Two proofs of the same
// facts have equal ones.

import { toHex } from "./bytes.js";
import { ownerText } from "./proof.js";
import { keyText, timeText, visibleJson } from "./text.js";
import { BALANCE_CHANGES, BALANCE_ITEM, INTENT, LOG_ENTRY, PLACE, PREFIX, TEXT, TEXT_ITEMS } from "./types.js";

/** The facts of a verdict. */
export function factsOf({ kind, found }) {
  const facts = {
    transaction: ofTransaction,
    state: (state) => ({ state: ofState(state) }),
    statement: ofStatement,
    committees: (epochs) => ({ epochs: epochs.map(ofEpoch) }),
    block: ofBlock,
    "not-executed": ofNotExecuted,
    "two-histories": ofTwoHistories,
    "two-recoveries": ({ number, documents }) => ({ number, documents: documents.map(toHex) }),
  };
  return facts[kind](found);
}

/** A verdict as programs read it. */
export function plainVerdict(verdict) {
  const { verdict: word, kind, about, head } = verdict;
  return { verdict: word, kind, about, ...(head === null ? {} : { head }), facts: factsOf(verdict) };
}

function ofEntry(entry) {
  const [kind] = entry;
  return { kind: kind.toLowerCase(), ...LOG_ENTRY.plain(entry)[kind] };
}

function ofShown({ intent, signedBy, texts: [kind, texts] }) {
  const facts = {};
  if (intent !== null) facts.intent = INTENT.plain(intent);
  if (signedBy !== null) facts.signed_by = signedBy.map(keyText);
  if (kind === "All") facts.texts = TEXT_ITEMS.plain(texts);
  if (kind === "Alone") facts.text = { index: texts.index, ...TEXT.plain(texts.text) };
  return facts;
}

function ofTransaction({ ordinal, entry, shown }) {
  return { ordinal, ...ofEntry(entry), ...(shown === null ? {} : { shown: ofShown(shown) }) };
}

function ofState(state) {
  return state.map(({ prefix, leaves }) => ({
    prefix: PREFIX.plain(prefix),
    leaves: leaves.map(({ key, name, type, value }) => ({ key: toHex(key), kind: name, value: type.plain(value) })),
  }));
}

/** What leaves beside a statement say is erased: by the transaction's id in hex. */
export function erasuresOf(beside) {
  const erasures = beside.flatMap((proof) => proof.leaves).filter((leaf) => leaf.name === "erasure");
  return new Map(erasures.map(({ value }) => [toHex(value.id), value.erased]));
}

function ofStatement(found) {
  const balances = (items) => items.map((item) => BALANCE_ITEM.plain(item));
  const erasures = erasuresOf(found.beside);
  const facts = {
    owner: ownerText(found.owner),
    from: timeText(found.from),
    to: timeText(found.to),
    complete: found.completeUpTo === null,
    opening: balances(found.opening),
    opening_is_of_genesis: found.openingIsOfGenesis,
    closing: balances(found.closing),
    entries: found.entries.map((item) => ofItem(item, erasures)),
    before: found.before.map((step) => step.number),
    after: found.after.map((step) => step.number),
    beside: ofState(found.beside),
  };
  if (found.completeUpTo !== null) facts.complete_up_to = timeText(found.completeUpTo);
  return facts;
}

function ofItem({ step, entry, shown }, erasures) {
  const facts = {
    number: step.number,
    ordinal: step.ordinal,
    ...ofEntry(["Transaction", entry]),
    changes: BALANCE_CHANGES.plain(step.changes),
    shown: ofShown(shown),
  };
  const erased = erasures.get(toHex(entry.id));
  if (erased) {
    const places = (items) => items.map((item) => PLACE.plain(item.place));
    facts.erased = places(erased);
    // Nobody need have seen these texts.
    facts.erased_before_execution = places(erased.filter((item) => item.ordinal < step.ordinal));
  }
  return facts;
}

function ofEpoch({ epoch, first, last, committee, validators, endedBy }) {
  const facts = { epoch, first, last, committee: toHex(committee), validators: validators.map(toHex) };
  if (endedBy !== null) {
    facts.ended_by_recovery = endedBy.number;
    facts.may_have_lost = endedBy.mayHaveLost;
  }
  return facts;
}

function ofBlock({ height, firstOrdinal, entries }) {
  return {
    height,
    first_ordinal: firstOrdinal,
    entries: entries.map(({ entry, shown }) => ({
      ...ofEntry(entry),
      ...(shown === null ? {} : { shown: ofShown(shown) }),
    })),
  };
}

function ofNotExecuted({ id, expiresAt, from, to, entries, intent }) {
  return {
    id: toHex(id),
    expires_at: timeText(expiresAt),
    from: timeText(from),
    to: timeText(to),
    entries,
    intent: INTENT.plain(intent),
  };
}

function ofTwoHistories({ height, histories, sealedBoth }) {
  const facts = { height, histories: histories.map(ofHistory) };
  if (sealedBoth !== null) facts.sealed_both = sealedBoth;
  return facts;
}

function ofHistory({ epoch, height, hash, timestamp, sealedBy, givenUp }) {
  const facts = { epoch, height, hash, timestamp, sealed_by: sealedBy };
  if (givenUp !== null) {
    facts.given_up_by = givenUp.number;
    facts.accused_of_stand_down = givenUp.stoodDown;
    facts.accused_of_loss = givenUp.lost;
  }
  return facts;
}

/** A value as JSON, BigInts as their digits, each part on a line of its own. */
export function toJson(value, indent = "") {
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value !== "object") return visibleJson(JSON.stringify(value));
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((part) => toJson(part, inner))
    : Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${toJson(part, inner)}`);
  const [open, close] = isList ? "[]" : "{}";
  return parts.length === 0 ? open + close : `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}
