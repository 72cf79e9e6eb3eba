// Judging files against what somebody trusts: what a page, or a command, does.

import { decodeUtf8, fromHex, toHex } from "./bytes.js";
import { checkBundle, isBundle } from "./bundles.js";
import { Trust } from "./committee.js";
import { Refusal, Unusable } from "./errors.js";
import { isProofFile, readProofFile } from "./file.js";
import { readGenesis } from "./genesis.js";
import { kindOf, verify } from "./proof.js";
import { keyOf } from "./signatures.js";
import { compareStatement, formOf, proofFileIn } from "./statements.js";
import { Tables, headOfVerdict, kindOfTables } from "./tables.js";
import { keyText, visible } from "./text.js";
import { Trail, count } from "./trail.js";
import { intentId } from "./transaction.js";
import { isTravellingFile, linesForPeople, readTravelling } from "./travelling.js";
import { decimalsOf, wordsOf } from "./words.js";

/** A block that somebody vouches for, out of `HEIGHT:HASH`; null if nothing is written. */
function pinOf(text) {
  if (text === "") return null;
  const [, height, hash] = /^([1-9][0-9]{0,19}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (height === undefined || BigInt(height) >= 2n ** 64n) {
    throw new Unusable("a trusted block is its height, `:` and its hash of 64 hexadecimal digits in lower case");
  }
  return { height: BigInt(height), hash: fromHex(hash) };
}

/** A network's id; null if nothing is written. */
function networkOf(text) {
  if (text === "") return null;
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Unusable("a network's id has 64 hexadecimal digits in lower case");
  return fromHex(text);
}

/**
 * What is trusted: `document` has the bytes of the genesis document, or null; `network` its id as it was read out by
 * somebody, and `pinned` a block as HEIGHT:HASH, both of them texts that may be empty.
 */
export async function trustOf({ document, network, pinned }) {
  const id = networkOf(network.trim());
  const pin = pinOf(pinned.trim());
  const genesis = document === null ? null : await readGenesis(document);
  if (genesis === null && pin === null) {
    const words = id === null ? "" : "an id alone does not say who the validators are: ";
    throw new Unusable(`${words}add the genesis document, or a block that you trust`);
  }
  if (genesis !== null && id !== null && toHex(id) !== toHex(genesis.network)) {
    throw new Unusable(`the genesis document is that of the network ${toHex(genesis.network)}, not of ${toHex(id)}`);
  }
  const trust = new Trust(genesis, pin);
  trust.network ??= id;
  return trust;
}

/** What may be done about a refusal. */
const HINTS = {
  other_network: "take the genesis document of the network that the proof is of",
  unknown_committee:
    "the proof needs to know who the validators were: add the file of `quorate audit committees`, asked for with the " +
    "same trusted block",
  outside_epoch: "with a trusted block, a proof as of an older block is refused: ask for a newer one",
};

function refused(fault, steps) {
  if (!(fault instanceof Refusal)) throw fault;
  const { code, where, reason } = fault;
  return { result: "refused", refusal: { code, where, reason, hint: HINTS[code] ?? null }, steps };
}

/**
 * What a file is, by its beginning: `proof`, `transaction`, `statement`, `bundle`, `genesis`; of a folder of tables
 * `manifest`, `day`, `csv` or `parquet`; or null.
 */
export function kindOfFile(data) {
  if (isBundle(data)) return "bundle";
  if (isProofFile(data)) return "proof";
  if (isTravellingFile(data)) return "transaction";
  if (data[0] === 0) return "genesis";
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(data.subarray(0, 4 * 1024 * 1024));
  if (formOf(text) !== null) return "statement";
  const table = kindOfTables(data);
  if (table !== null) return table;
  return /^\s*(version|network|engine)\s*=/m.test(text) && !text.startsWith("<") ? "genesis" : null;
}

/** What a file is that cannot be judged, as far as that can be told. */
function unreadable(data, kind) {
  if (kind === "genesis") {
    const reason = "this is a genesis document: choose it as that if it is the one that you trust";
    return { result: "unreadable", reason };
  }
  const begin = new TextDecoder().decode(data.subarray(0, 64));
  const reason = begin.startsWith("Statement of ")
    ? "a statement as plain text is not compared: add its proof (FILE.proof), which shows the figures"
    : "this is neither a proof, a statement, a bundle, a file of tables nor a transaction on its way between signers";
  return { result: "unreadable", reason };
}

/** A statement's text and the file of its proof, which is in it or beside it; or why there is none. */
function readStatement({ name, data }, files) {
  const text = decodeUtf8(data);
  const form = text === null ? null : formOf(text);
  if (form === null) return { fault: "this looks like a statement, and is not text" };
  const beside = files.find((file) => file.name === `${name}.proof`);
  const proof = proofFileIn(form, text) ?? beside?.data;
  if (!proof) return { fault: `this statement has no proof in it: add ${name}.proof, which belongs to it` };
  return { statement: { form, text }, data: proof };
}

/**
 * The judgements on files, in their order: objects with `name`, `result`, which is `good`, `changed` (a statement that
 * is not what its proof establishes, or a table that no manifest names), `refused` or `unreadable`, and what belongs to
 * it. What one file proves about committees and decimals is known for all; where the committees in a file are refused,
 * the file is. `tell` is called with each file's name before it is judged.
 */
export async function judge(files, trust, tell = () => {}) {
  const assets = trust.genesis?.draft.assets ?? [];
  const decimals = new Map(assets.map(({ code, decimals: number }) => [code, number]));
  const judgements = files.map(({ name }) => ({ name }));
  const left = [];
  const folder = [];
  for (const [place, { name, data }] of files.entries()) {
    const kind = kindOfFile(data);
    if (kind === "transaction") left.push({ place, turn: 2, data });
    else if (kind === "bundle") Object.assign(judgements[place], await judgeBundle(name, data, trust, tell));
    else if (kind !== "proof" && kind !== "statement") folder.push({ place, kind, name, data });
    else {
      tell(name);
      const read = kind === "statement" ? readStatement({ name, data }, files) : { data };
      if (read.fault) Object.assign(judgements[place], { result: "unreadable", reason: read.fault });
      else {
        const { judgement, proof, trail } = await judgeCommittees(read.data, trust);
        Object.assign(judgements[place], judgement);
        if (proof) left.push({ place, turn: 1, proof, trail, statement: read.statement });
      }
    }
  }
  left.sort((a, b) => a.turn - b.turn || a.place - b.place);
  for (const { place, proof, trail, data, statement } of left) {
    tell(judgements[place].name);
    const judgement = proof
      ? await judgeProof(proof, trust, trail, judgements[place].verdicts)
      : await judgeTravelling(data, trust, decimals);
    if (statement && judgement.result === "good") {
      Object.assign(judgement, judgeFigures(statement, proof, judgement.verdicts[0], trust));
    }
    for (const { found, kind } of judgement.verdicts ?? []) {
      const state = { state: found, statement: found?.beside }[kind] ?? [];
      for (const [code, number] of decimalsOf(state)) decimals.set(code, number);
    }
    Object.assign(judgements[place], judgement);
  }
  await judgeFolder(folder, judgements, trust, tell);
  // Only now all decimals are known.
  for (const judgement of judgements) {
    judgement.lines ??= (judgement.verdicts ?? []).map((verdict) => wordsOf(verdict, decimals).map(visible));
  }
  return judgements;
}

/** Whose turn it is among a folder's files: what others are held to comes first. */
const TURNS = ["manifest", "day"];

/** Judges what may be files of a folder of tables, by the blocks that proofs among the files establish. */
async function judgeFolder(folder, judgements, trust, tell) {
  const verdicts = judgements.flatMap((judgement) => judgement.verdicts ?? []);
  const heads = verdicts.map(headOfVerdict).filter((head) => head !== null);
  const network = trust.network === null ? null : toHex(trust.network);
  const tables = new Tables(network, heads);
  const turn = ({ kind }) => (TURNS.includes(kind) ? TURNS.indexOf(kind) : TURNS.length);
  for (const file of [...folder].sort((a, b) => turn(a) - turn(b))) {
    tell(file.name);
    Object.assign(judgements[file.place], await judgeTable(file, tables));
  }
}

async function judgeTable({ kind, name, data }, tables) {
  const trail = new Trail();
  const judges = {
    manifest: () => tables.takeManifest(name, data, trail),
    day: () => tables.takeDay(name, data, trail),
    csv: () => tables.takeCsv(name, data, trail),
  };
  try {
    const lines = await (judges[kind] ?? (() => tables.takeFile(data)))();
    if (lines !== null) return { result: "good", lines: [lines], steps: trail.steps };
  } catch (fault) {
    if (fault instanceof Unusable) return { result: "unreadable", reason: fault.message };
    return refused(fault, trail.steps);
  }
  if (kind !== "parquet") return unreadable(data, kind);
  const reason =
    tables.days.length === 0
      ? "a table is held to its day's manifest: add manifest.json, head.proof and days/DAY.json"
      : "no day's manifest here names a file with these bytes: it was altered, or is of another day";
  return tables.days.length === 0 ? { result: "unreadable", reason } : { result: "changed", reason };
}

/** Reads a proof's file and learns its committees. `proof` is what else is in it, if there is anything. */
async function judgeCommittees(data, trust) {
  const trail = new Trail();
  try {
    const proofs = readProofFile(data);
    trail.note(`the file has the one form that its bytes have: ${count(proofs.length, "proof")}`);
    const verdicts = [];
    for (const proof of proofs.filter((each) => kindOf(each) === "committees")) {
      verdicts.push(await verify(proof, trust, trail));
    }
    const proof = proofs.find((each) => kindOf(each) !== "committees");
    return { judgement: { result: "good", verdicts, steps: trail.steps }, proof, trail };
  } catch (fault) {
    return { judgement: refused(fault, trail.steps) };
  }
}

async function judgeProof(proof, trust, trail, committees) {
  try {
    const verdict = await verify(proof, trust, trail);
    return { result: "good", verdicts: [verdict, ...committees], steps: trail.steps };
  } catch (fault) {
    return { ...refused(fault, trail.steps), verdicts: [] };
  }
}

/** A statement beside what its proof establishes. */
function judgeFigures({ form, text }, proof, verdict, trust) {
  try {
    const { differences, notes } = compareStatement(form, text, proof, verdict, trust.genesis);
    if (differences.length === 0) return { notes: ["its figures are those that its proof establishes", ...notes] };
    return { result: "changed", differences };
  } catch (fault) {
    if (!(fault instanceof Unusable)) throw fault;
    return { result: "changed", differences: [fault.message] };
  }
}

async function judgeBundle(name, data, trust, tell) {
  if (trust.genesis === null) {
    return { result: "unreadable", reason: "a bundle is checked against the genesis document: add it" };
  }
  const trail = new Trail();
  try {
    const at = (height, last) => tell(`${name}, block ${height} of ${last}`);
    const lines = await checkBundle(data, trust.genesis, trail, at);
    return { result: "good", lines: [lines], steps: trail.steps };
  } catch (fault) {
    if (fault instanceof Unusable) return { result: "unreadable", reason: fault.message };
    return refused(fault, trail.steps);
  }
}

async function judgeTravelling(data, trust, decimals) {
  if (trust.network === null) {
    return { result: "unreadable", reason: "a transaction is checked against the genesis document: add it" };
  }
  try {
    const value = await readTravelling(data, trust.network, decimals);
    const keys = value.signatures.map((signature) => keyText(keyOf(signature)));
    // Amounts whose decimals nothing proves are shown in smallest units.
    const proven = value.decimals.filter(({ asset }) => decimals.has(asset));
    const unproven = value.decimals.filter(({ asset }) => !decimals.has(asset)).map(({ asset }) => asset);
    const lines = [
      `transaction ${toHex(intentId(value.intent))}, with ${count(keys.length, "signature")}, each of them good`,
      "that it was executed, or has all the signatures that it needs, this does not say",
      ...unproven.map((code) => `the decimals of ${code} are not proven: its amounts are in smallest units`),
      ...linesForPeople({ ...value, decimals: proven }),
    ];
    return { result: "good", lines: [lines.map(visible)], steps: [] };
  } catch (fault) {
    return refused(fault, []);
  }
}
