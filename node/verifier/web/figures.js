// The figures of a statement: what it is about, balances, and what each transaction did to the owner, operation by
// operation. All follow from the proof; what is written of them (spreadsheet.js, paper.js, camt053.js) shows nothing
// else.
//
// A step of a history says what a transaction changed of each balance. Where the transaction is shown, too, a change is
// divided among its operations. Their parts always add up to the change: what no operation explains is a line of its
// own, and if the parts cannot be put together the change stays whole.

import { decodeUtf8, toHex } from "./bytes.js";
import { effectsOf, holdKey, reckoned, settled } from "./effects.js";
import { erasuresOf } from "./facts.js";
import { addressText, amountText, refusedCodePoint, timeText } from "./text.js";
import { PLACE } from "./types.js";
import { decimalsOf } from "./words.js";

/** Kinds of lines that are no operation's. */
const NOT_SHOWN = "not shown";
const NOT_ITEMISED = "not itemised";
const CONSENT = "consent";
const OTHER = "other";

const MEMO = ["Memo", null];
const AMOUNT_LIMIT = 2n ** 128n;

/** What stands in the place of a text that is not there. */
const INSTEAD = {
  None: "",
  Withheld: "withheld",
  Erased: "erased",
  ErasedUnseen: "erased before it was executed",
  NotShown: "not shown",
};

/** What stands in the place of a text that is not there; empty for one that is. */
export function insteadOf([state]) {
  return INSTEAD[state] ?? "";
}

/** An amount with its asset's decimals, or in smallest units. */
export function unitsText(amount, decimals) {
  return decimals === null ? String(amount) : amountText(amount, decimals);
}

/** What came or went; `plus` is the sign of what came. */
export function signedText(change, decimals, plus) {
  const sign = change < 0n ? "-" : change > 0n ? plus : "";
  return `${sign}${unitsText(change < 0n ? -change : change, decimals)}`;
}

/** An asset's decimals as text. */
export function decimalsText(decimals) {
  return decimals === null ? "unknown" : String(decimals);
}

/** The figures of an accepted proof of a statement, `found` being what it establishes. */
export function figuresOf(proof, { head, found }) {
  const decimals = provenDecimals(found);
  const failed = found.entries.filter((item) => item.entry.outcome[0] === "Failed");
  return {
    about: {
      owner: found.owner,
      network: toHex(proof.network),
      from: found.from,
      to: found.to,
      completeUpTo: found.completeUpTo,
      head,
      openingIsOfGenesis: found.openingIsOfGenesis,
      transactions: found.entries.length,
      failed: failed.length,
    },
    balances: balancesOf(found, decimals),
    lines: new Replay(found, decimals).lines(),
  };
}

/** The decimals of assets whose leaves are beside the statement, and of the one that it is about. */
function provenDecimals(found) {
  const decimals = new Map(decimalsOf(found.beside));
  if (found.owner[0] === "Asset" && found.leaf) decimals.set(found.leaf.code, found.leaf.decimals);
  return decimals;
}

function balancesOf(found, decimals) {
  const of = (items) => new Map(items.map(({ asset, free, held }) => [asset, { free, held }]));
  const [opening, closing] = [of(found.opening), of(found.closing)];
  const changed = found.entries.flatMap((item) => item.step.changes.map((change) => change.asset));
  const assets = Array.from(new Set([...changed, ...opening.keys(), ...closing.keys()])).sort();
  const nothing = { free: 0n, held: 0n };
  return assets.map((asset) => ({
    asset,
    decimals: decimals.get(asset) ?? null,
    opening: opening.get(asset) ?? nothing,
    closing: closing.get(asset) ?? nothing,
  }));
}

/** The names and values that say what a statement is about, in their order. How far it is complete comes first. */
export function aboutPairs(about) {
  const { head, completeUpTo } = about;
  return [
    ["complete", completeUpTo === null ? "yes" : `up to ${timeText(completeUpTo)}, that included`],
    ownerPair(about),
    ["network", about.network],
    ["from", timeText(about.from)],
    ["before", timeText(about.to)],
    ["as of", `block ${head.height} of ${head.timestamp}, epoch ${head.epoch}, ${head.hash}`],
    ["opening", about.openingIsOfGenesis ? "genesis" : "history"],
    ["transactions", String(about.transactions)],
    ["failed", String(about.failed)],
    ["fees", "none"],
  ];
}

/** What a statement is about, and its text. */
export function ownerPair({ owner: [kind, value] }) {
  return kind === "Account" ? ["account", addressText(value)] : ["asset", value];
}

/** The balances and holds, one transaction after the other. */
class Replay {
  constructor(found, decimals) {
    this.found = found;
    this.decimals = decimals;
    this.erasures = erasuresOf(found.beside);
    this.balances = new Map(found.opening.map(({ asset, free, held }) => [asset, { free, held }]));
    this.holds = new Map();
    for (const { name, value } of found.beside.flatMap((proof) => proof.leaves)) {
      if (name === "hold") this.learn(value.owner, value.transaction, value.operation, value);
    }
  }

  /** Remembers to whom a hold pays, and which asset. */
  learn(owner, transaction, operation, { beneficiary, asset }) {
    this.holds.set(holdKey(owner, transaction, operation), { beneficiary: addressText(beneficiary), asset });
  }

  /** The lines of the transactions that did not fail, in their order. */
  lines() {
    return this.found.entries
      .filter((item) => item.entry.outcome[0] === "Success")
      .flatMap((item) => this.transaction(item));
  }

  transaction(item) {
    const { entry, shown, step } = item;
    let lines = null;
    if (shown.intent === null) {
      lines = this.whole(item, NOT_SHOWN);
    } else {
      for (const [place, { party, operation }] of shown.intent.operations.entries()) {
        // Later releases and refunds name them.
        if (operation[0] === "Hold") this.learn(shown.intent.parties[party], entry.id, place, operation[1]);
      }
      lines = this.itemised(item) ?? this.whole(item, NOT_ITEMISED);
    }
    for (const { asset, free_after: free, held_after: held } of step.changes) this.balances.set(asset, { free, held });
    return lines;
  }

  /** A line for each change, or one if nothing changed. */
  whole(item, kind) {
    const text = kind === NOT_SHOWN ? this.textOfHidden(item) : ["None"];
    const line = (movement) => ({ ...this.bare(item, kind), movement, text });
    if (item.step.changes.length === 0) return [line(null)];
    return item.step.changes.map((change) =>
      line({
        asset: change.asset,
        decimals: this.decimals.get(change.asset) ?? null,
        free: change.free_after - change.free_before,
        held: change.held_after - change.held_before,
        after: { free: change.free_after, held: change.held_after },
      }),
    );
  }

  /** A line for each operation that touches the owner; null if their parts do not lead to the balances proven. */
  itemised(item) {
    const { intent } = item.shown;
    const parts = effectsOf(this.found.owner, intent, item.entry.outcome[1].results, this.holds);
    const rest = new Map(
      item.step.changes.map((change) => [
        change.asset,
        { free: change.free_after - change.free_before, held: change.held_after - change.held_before },
      ]),
    );
    for (const { effect } of parts) {
      if (effect === null || effect.asset === null) continue;
      const left = rest.get(effect.asset) ?? { free: 0n, held: 0n };
      const [free, held] = [reckoned(left.free - effect.free), reckoned(left.held - effect.held)];
      if (free === null || held === null) return null;
      rest.set(effect.asset, { free, held });
    }
    const unexplained = Array.from(rest).filter(([, { free, held }]) => free !== 0n || held !== 0n);
    const found = settled(parts, unexplained);
    if (found === null) return null;
    const now = new Map();
    const lines = [];
    for (const { operation, kind, counterparty, effect } of found.parts) {
      const movement = effect === null ? null : this.movement(now, effect);
      if (effect !== null && movement === null) return null;
      const textAt = (field) => this.wordsAt(item, ["Operation", { index: operation, field }]);
      const words = { text: textAt(0), metadata: textAt(1) };
      lines.push({ ...this.bare(item, kind), operation, movement, counterparty, ...words });
    }
    const left = found.isSettled ? [] : unexplained.sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [asset, change] of left) {
      const movement = this.movement(now, { asset, ...change });
      if (movement === null) return null;
      lines.push({ ...this.bare(item, NOT_ITEMISED), movement });
    }
    return lines.length > 0 ? lines : [this.bare(item, this.bystander(intent))];
  }

  /** Books a movement; null if the balance is too small, or too large. */
  movement(now, { asset, free, held }) {
    const before = now.get(asset) ?? this.balances.get(asset) ?? { free: 0n, held: 0n };
    const after = { free: before.free + free, held: before.held + held };
    if (Object.values(after).some((amount) => amount < 0n || amount >= AMOUNT_LIMIT)) return null;
    now.set(asset, after);
    return { asset, decimals: this.decimals.get(asset) ?? null, free, held, after };
  }

  /** The kind of a line for an owner that no operation touches. */
  bystander({ parties }) {
    const [kind, owner] = this.found.owner;
    const isParty = kind === "Account" && parties.some((party) => addressText(party) === addressText(owner));
    return isParty ? CONSENT : OTHER;
  }

  /** A line about the transaction as a whole that moves nothing. */
  bare(item, kind) {
    const { entry, step } = item;
    return {
      number: step.number,
      ordinal: step.ordinal,
      time: entry.timestamp,
      height: entry.height,
      id: toHex(entry.id),
      operation: null,
      kind,
      movement: null,
      counterparty: null,
      memo: this.wordsAt(item, MEMO),
      text: ["None"],
      metadata: ["None"],
    };
  }

  erasedOf({ entry }) {
    return this.erasures.get(toHex(entry.id)) ?? [];
  }

  /** What there is of the text at a place. */
  wordsAt(item, place) {
    const name = toHex(PLACE.write(place));
    const isThere = (other) => toHex(PLACE.write(other)) === name;
    const erased = this.erasedOf(item).find((each) => isThere(each.place));
    const missing = (otherwise) => {
      if (!erased) return [otherwise];
      return [erased.ordinal < item.step.ordinal ? "ErasedUnseen" : "Erased"];
    };
    const { intent, texts } = item.shown;
    if (intent === null) return missing("NotShown");
    const index = intent.texts?.places.findIndex(isThere) ?? -1;
    if (index < 0) return ["None"];
    const [kind, found] = texts;
    const text =
      kind === "All" && found[index]?.[0] === "Shown"
        ? found[index][1].text
        : kind === "Alone" && found.index === index
          ? found.text.text
          : null;
    return text === null ? missing("Withheld") : wordsOf(text);
  }

  /** What there is of the other texts of a transaction that is not shown: only erasures tell that there were any. */
  textOfHidden(item) {
    const erased = this.erasedOf(item).filter(({ place }) => place[0] !== "Memo");
    if (erased.length === 0) return ["NotShown"];
    return [erased.every(({ ordinal }) => ordinal < item.step.ordinal) ? "ErasedUnseen" : "Erased"];
  }
}

function wordsOf(bytes) {
  const text = decodeUtf8(bytes);
  return text === null || refusedCodePoint(text) !== null ? ["Hex", toHex(bytes)] : ["Shown", text];
}
