// Statements that people read, print and book: whether their figures are those that their proofs establish.

import { ascii } from "./bytes.js";
import { compareCamt053, isCamt053, proofInCamt053 } from "./camt053.js";
import { Unusable } from "./errors.js";
import { figuresOf } from "./figures.js";
import { comparePaper, isPaper, proofInPaper } from "./paper.js";
import { addressOf } from "./signatures.js";
import { compareSpreadsheet, isSpreadsheet } from "./spreadsheet.js";
import { addressText } from "./text.js";

const FORMS = [
  { is: isSpreadsheet, proofIn: () => null, compare: compareSpreadsheet },
  { is: isPaper, proofIn: proofInPaper, compare: comparePaper },
  { is: isCamt053, proofIn: proofInCamt053, compare: compareCamt053 },
];

/** The form of a statement; null if a text is none that can be compared. */
export function formOf(text) {
  return FORMS.find((form) => form.is(text)) ?? null;
}

/** The file of the proof in a statement; null if it has none in it. */
export function proofFileIn(form, text) {
  const proof = form.proofIn(text);
  // What is not ASCII is no proof.
  return proof === null || /[^\n -~]/.test(proof) ? null : ascii(proof);
}

/** The members' names that the genesis document has, by address. */
function memberNames(genesis) {
  const joins = genesis?.joins ?? [];
  return new Map(joins.map(({ body }) => [addressText(addressOf(body.account)), body.member]));
}

/**
 * How a statement compares with the verdict on its proof: `differences`, none if its figures are the proof's, and
 * `notes` on what is not.
 */
export function compareStatement(form, text, proof, verdict, genesis) {
  if (verdict.kind !== "statement") throw new Unusable(`its proof is of the kind ${verdict.kind}, not a statement's`);
  const figures = figuresOf(proof, verdict);
  const { differences, names, assets } = form.compare(text, figures);
  const proven = memberNames(genesis);
  for (const [address, name] of names) {
    if (proven.has(address) && name !== "" && proven.get(address) !== name) {
      differences.push(`the name beside ${address} is “${name}”, by the genesis document “${proven.get(address)}”`);
    }
  }
  const left = figures.balances.map((item) => item.asset).filter((asset) => !assets.includes(asset));
  const notes = left.map((asset) => `its proof has ${asset} too, which this statement leaves out`);
  if (Array.from(names.keys()).some((address) => !proven.has(address))) {
    notes.push("names beside addresses are those of whoever made the statement: not all of them are proven");
  }
  return { differences, notes };
}
