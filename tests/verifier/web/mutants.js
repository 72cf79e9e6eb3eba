// Mutants of good proofs: none is accepted that says anything else of the same question.

import { unarmour } from "../../../node/verifier/web/armour.js";
import { ascii, concat } from "../../../node/verifier/web/bytes.js";
import { Refusal } from "../../../node/verifier/web/errors.js";
import { linesOf } from "../../../node/verifier/web/file.js";
import { decodeProof } from "../../../node/verifier/web/proof.js";
import { isSame } from "./json.js";

/** Numbers that follow from a seed (xorshift). */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
  }

  below(limit) {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

const WAYS = {
  bit: (data, at, random) => {
    const mutant = Uint8Array.from(data);
    mutant[at] ^= 1 << random.below(8);
    return mutant;
  },
  byte: (data, at, random) => {
    const mutant = Uint8Array.from(data);
    mutant[at] = random.below(256);
    return mutant;
  },
  left_out: (data, at, random) => {
    return concat(data.subarray(0, at), data.subarray(at + 1 + random.below(40)));
  },
  added: (data, at, random) => {
    const more = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    return concat(data.subarray(0, at), more, data.subarray(at));
  },
  copied: (data, at, random) => {
    const from = random.below(data.length);
    const mutant = Uint8Array.from(data);
    mutant.set(data.subarray(from, from + 1 + random.below(Math.min(40, data.length - Math.max(at, from)))), at);
    return mutant;
  },
  twice: (data, at, random) => {
    const end = at + 1 + random.below(120);
    return concat(data.subarray(0, end), data.subarray(at));
  },
  cut: (data, at) => data.subarray(0, at),
};

function encoded(data) {
  let text = "";
  for (let at = 0; at < data.length; at += 57) text += `${btoa(String.fromCharCode(...data.subarray(at, at + 57)))}\n`;
  return text;
}

/**
 * True if `found` is all of `wanted`, or leaves out what a proof's holder may: what is shown, and what stands beside.
 */
function isPartOf(found, wanted) {
  if (isSame(found, wanted)) return true;
  if (found === null || wanted === null || typeof found !== "object" || typeof wanted !== "object") return false;
  if (Array.isArray(found) !== Array.isArray(wanted)) return false;
  return Object.keys(wanted).every((name) => {
    if (!(name in found)) return OPTIONAL.includes(name);
    return name === "beside" || isPartOf(found[name], wanted[name]);
  });
}

const OPTIONAL = ["intent", "signed_by", "texts", "text", "shown", "erased", "erased_before_execution"];

/** So many mutants of a file of one proof: each as a file, with the lines of the proof or with its own. */
export function* mutantsOf(file, random, number) {
  const lines = file.split("\n");
  const data = unarmour(ascii(lines.slice(4, -1).join("\n")), Infinity);
  for (let count = 0; count < number; count += 1) {
    const [way, change] = Object.entries(WAYS)[random.below(Object.keys(WAYS).length)];
    const mutant = change(data, random.below(data.length), random);
    const own = random.below(2) === 1 ? ownLines(mutant) : null;
    yield { way, file: `${(own ?? lines.slice(0, 4)).join("\n")}\n${encoded(mutant)}` };
  }
}

/** The lines that belong to a mutant; null if it is no proof. */
function ownLines(mutant) {
  try {
    return linesOf(decodeProof(mutant));
  } catch (fault) {
    if (fault instanceof Refusal) return null;
    throw fault;
  }
}

/** Why a mutant must not have been accepted; null if it may. */
export function mutantFault(answer, good) {
  if (answer.verdict === "refused") return null;
  if (answer.kind !== good.kind) return "another kind";
  // Another question may have another answer: that one's truth is for another verifier to say.
  if (answer.about !== good.about || answer.head?.hash !== good.head?.hash) return null;
  return isPartOf(answer.facts, good.facts) ? null : "other facts of the same question";
}
