// Proofs as files (section 17 of docs/formats.md): four lines that say what is asked and as of which block, then
// base64.

import { ascii, equal, toHex } from "./bytes.js";
import { unarmour } from "./armour.js";
import { blockHash } from "./committee.js";
import { Malformed, Refusal } from "./errors.js";
import { decodeProof, headOf, kindOf, questionOf } from "./proof.js";
import { PROOF_LIMIT } from "./types.js";

const MIB = 1024 * 1024;
/** Bytes of a file at most. */
const FILE_LIMIT = 512 * MIB;
const LF = 0x0a;
const FIRST = ascii("quorate proof ");
const HEADER_LINES = ["kind", "network", "head", "about"];

/** True if a text begins like a proof's file. */
export function isProofFile(data) {
  return equal(data.subarray(0, FIRST.length), FIRST);
}

/** The four lines of a proof's file. */
export function linesOf(proof) {
  const header = headOf(proof);
  const network = toHex(proof.network);
  const head = header ? `${header.epoch} ${header.height} ${toHex(blockHash(header))}` : `0 0 ${network}`;
  return [`quorate proof 2 ${kindOf(proof)}`, `network ${network}`, `head ${head}`, `about ${questionOf(proof)}`];
}

function refusal(where, reason) {
  return new Refusal("not_canonical", where, reason);
}

/** Where the blocks of a file begin. */
function startsOf(text) {
  const starts = isProofFile(text) ? [0] : [];
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) {
    if (isProofFile(text.subarray(at + 1, at + 1 + FIRST.length))) starts.push(at + 1);
  }
  return starts;
}

/** The proofs in a file: one, or one of another kind and then one of committees. */
export function readProofFile(data) {
  if (data.length > FILE_LIMIT) throw refusal("file", "more than 512 MiB");
  if (data.at(-1) !== LF) throw refusal("file", "the last line does not end");
  const text = data.subarray(0, -1);
  const starts = startsOf(text);
  if (starts[0] !== 0) throw refusal("file", "it does not begin with a proof");
  if (starts.length > 2) throw refusal("file", "more than two blocks");
  // The LF between two blocks is part of neither.
  const ends = [...starts.slice(1).map((start) => start - 1), text.length];
  const proofs = starts.map((start, place) => readBlock(text.subarray(start, ends[place]), `block[${place}]`));
  const [first, second] = proofs.map(kindOf);
  if (second !== undefined && (first === "committees" || second !== "committees")) {
    throw refusal("block[1]", "what follows a proof of another kind is a proof of committees");
  }
  return proofs;
}

function readBlock(text, where) {
  const lines = [];
  let at = 0;
  while (lines.length < HEADER_LINES.length) {
    const end = text.indexOf(LF, at);
    if (end < 0) throw refusal(where, "a block has four lines and base64");
    lines.push(text.subarray(at, end));
    at = end + 1;
  }
  const proof = decodeProof(bytesOf(text.subarray(at), where));
  for (const [place, expected] of linesOf(proof).entries()) {
    if (!equal(lines[place], ascii(expected))) {
      throw refusal(`${where}.${HEADER_LINES[place]}`, "the line is not the one that belongs to the bytes");
    }
  }
  return proof;
}

function bytesOf(text, where) {
  try {
    return unarmour(text, PROOF_LIMIT);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    throw fault.refusal(where);
  }
}
