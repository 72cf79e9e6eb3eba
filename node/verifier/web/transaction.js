// Transactions: ids, what well-formed means, texts (sections 3, 4 and 11 of docs/formats.md).

import { compare, concat, decodeUtf8, equal, toHex } from "./bytes.js";
import { Malformed, Refusal } from "./errors.js";
import { Frontier, leafHash, pathRoot, preimage, tagged } from "./hashes.js";
import { COSTS, encodeKey, isClientSignatureGood, isKeyOfForm, keyOf } from "./signatures.js";
import { isMultiaddress, refusedCodePoint } from "./text.js";
import { AMOUNT_LIMIT, CONDITION_LEAF, INTENT, PLACE, SUBMISSION, TRANSACTION } from "./types.js";

const MAX_INTENT_WITH_TEXTS = 16_384;
const MAX_SIGNATURE_COST = 512;

/** The most bytes of a text, and whether it must be text, by operation and field. */
const TEXT_RULES = {
  "CreateAsset 0": [128, true],
  "Transfer 0": [128, true],
  "Hold 0": [128, true],
  "PutRecord 0": [128, true],
  "PutRecord 1": [1_024, false],
  "Freeze 0": [256, true],
  "Unfreeze 0": [256, true],
  "Propose 0": [1_024, true],
};

/** The scopes that section 15 makes legal for each right. */
export const LEGAL_SCOPES = {
  Administrate: ["Member"],
  Operate: ["Member"],
  Audit: ["Network", "Member"],
  Participate: ["Network"],
  CreateAsset: ["Network", "Member"],
  Mint: ["Asset"],
  Freeze: ["Network", "Asset"],
  PutRecord: ["Network"],
  HoldAsset: ["Asset"],
  Erase: ["Network"],
};

/** A transaction's id. */
export function intentId(intent) {
  return tagged("transaction", INTENT.write(intent));
}

/** The hash of the signed transaction. */
export function signedHash(transaction) {
  return tagged("signed", TRANSACTION.write(transaction));
}

function textLeaf({ salt, text }) {
  const length = Uint8Array.of(text.length & 0xff, text.length >> 8);
  return leafHash(preimage("text", concat(salt, length, text)));
}

/** The rule for a text at a place; undefined if none is legal there. */
function ruleAt([kind, fields], operations) {
  if (kind === "Memo") return [256, true];
  const operation = operations[fields.index]?.operation[0];
  return TEXT_RULES[`${operation} ${fields.field}`];
}

/** Why a text is not legal at its place; null if it is. */
function textFault(text, place, operations) {
  const rule = ruleAt(place, operations);
  if (!rule) return "no text belongs to this place";
  const [most, mustBeText] = rule;
  const size = text.text.length;
  if (size < 1 || size > most) return `a text of ${size} bytes, allowed are 1 to ${most}`;
  if (!mustBeText) return null;
  const decoded = decodeUtf8(text.text);
  if (decoded === null) return "a text is not UTF-8";
  const found = refusedCodePoint(decoded);
  return found === null ? null : `${found} is not allowed in a text`;
}

/** Why items, one for each place, do not fit the intent's root; null if they do. */
export function textsFault(items, intent) {
  const { texts, operations } = intent;
  if (texts === null) return items.length === 0 ? null : "the intent has no texts";
  if (items.length !== texts.places.length) return `${items.length} texts for ${texts.places.length} places`;
  const frontier = new Frontier();
  for (const [place, [kind, item]] of items.entries()) {
    const fault = kind === "Shown" ? textFault(item, texts.places[place], operations) : null;
    if (fault !== null) return fault;
    frontier.append(kind === "Shown" ? textLeaf(item) : item.leaf);
  }
  return equal(frontier.root(), texts.root) ? null : "the texts' root is another";
}

/** Why one text that is shown alone does not belong to an intent that has texts; null if it does. */
export function aloneFault(shown, intent) {
  const { places, root } = intent.texts;
  if (shown.index >= places.length) return `there are ${places.length} places, none is number ${shown.index}`;
  const fault = textFault(shown.text, places[shown.index], intent.operations);
  if (fault !== null) return fault;
  const found = pathRoot(textLeaf(shown.text), BigInt(shown.index), BigInt(places.length), shown.path);
  return found !== null && equal(found, root) ? null : "the text's path does not lead to the texts' root";
}

/** True if each comes after the one before. */
export function ascend(encoded) {
  return encoded.every((each, place) => place === 0 || compare(encoded[place - 1], each) < 0);
}

// Faults of form are a reason of section 23 and words.

function conditionFault({ need, leaves }) {
  if (leaves.length < 1) return ["condition", "a condition without leaves"];
  if (!ascend(leaves.map((leaf) => CONDITION_LEAF.write(leaf)))) {
    return ["condition", "a condition's leaves do not ascend strictly"];
  }
  if (need < 1 || need > leaves.length) return ["condition", `a condition that needs ${need} of ${leaves.length}`];
  return null;
}

function amountFault(amount) {
  return amount > 0n && amount < AMOUNT_LIMIT ? null : ["amount", `${amount} is not an amount`];
}

function addressesFault(addresses) {
  if (new Set(addresses).size !== addresses.length) return ["operations", "an address is there twice"];
  return addresses.every(isMultiaddress) ? null : ["operations", "an address is not one of the forms allowed"];
}

function scopeFault({ right, scope }) {
  return LEGAL_SCOPES[right[0]].includes(scope[0]) ? null : ["scope", "not a scope of this right"];
}

function changeFault([name, value]) {
  if (name === "Grant" || name === "Revoke") return scopeFault(value);
  if (name !== "AddSeat") return null;
  return value.proofs.length === 3 ? addressesFault(value.addresses) : ["change", "three proofs belong to a new seat"];
}

function seatFault(fields) {
  const keys = [fields.validator, fields.node, fields.witness].filter((key) => key !== null).length;
  if (keys === 0 && fields.addresses === null) return ["operations", "set seat sets nothing"];
  if (fields.proofs.length !== keys) return ["operations", "one proof belongs to each new key"];
  return addressesFault(fields.addresses ?? []);
}

/** `isErased`: the operation stands in an intent that an `erase` carries. */
function operationFault([name, fields], acting, network, isErased) {
  switch (name) {
    case "CreateAsset":
      return fields.flags < 4 ? null : ["operations", "an asset's flags are below 4"];
    case "Mint":
    case "Burn":
    case "Transfer":
      return amountFault(fields.amount);
    case "Hold": {
      const fault = conditionFault(fields.condition);
      if (fault) return fault;
      if (equal(fields.beneficiary, acting)) return ["operations", "a hold for the acting party itself"];
      return amountFault(fields.amount);
    }
    case "Release":
      return fields.amount === null ? null : amountFault(fields.amount);
    case "Erase":
      // Of an `erase` in an erased intent only lengths, counts and order are looked at, which its type has.
      return isErased ? null : eraseFault(fields, network);
    case "Grant":
    case "Revoke":
      return scopeFault(fields);
    case "Propose":
      return changeFault(fields.change);
    case "SetSeat":
      return seatFault(fields);
    case "SetGuardians": {
      const { guardians, threshold } = fields;
      const isReachable = guardians.length === 0 ? threshold === 0 : threshold >= 1 && threshold <= guardians.length;
      return isReachable ? null : ["operations", "the guardians' threshold cannot be reached"];
    }
    default:
      return null;
  }
}

function eraseFault(fields, network) {
  let intent;
  try {
    intent = INTENT.decode(fields.intent, MAX_INTENT_WITH_TEXTS);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    return ["encoding", `the erased intent: ${fault.reason}`];
  }
  if (!equal(intent.network, network) || intent.texts === null) {
    return ["encoding", "the erased intent is of another network or has no texts"];
  }
  const wrong = partiesFault(intent) ?? contentsFault(intent, network, true);
  if (wrong) return ["encoding", `the erased intent: ${wrong[0]}: ${wrong[1]}`];
  const has = new Set(intent.texts.places.map((place) => toHex(PLACE.write(place))));
  const isThere = fields.places.every((place) => has.has(toHex(PLACE.write(place))));
  return isThere ? null : ["places", "a place that the erased intent does not have"];
}

function partiesFault({ parties, operations }) {
  const [sender, ...others] = parties;
  if (!ascend(others) || others.some((party) => equal(party, sender))) {
    return ["parties", "the parties after the first do not ascend strictly, or the first is among them"];
  }
  const stray = operations.find((act) => act.party >= parties.length);
  return stray ? ["party_index", `there is no party ${stray.party}`] : null;
}

function contentsFault(intent, network, isErased) {
  for (const { party, operation } of intent.operations) {
    const fault = operationFault(operation, intent.parties[party], network, isErased);
    if (fault) return fault;
  }
  if (intent.texts === null) return null;
  if (intent.texts.places.some((place) => !ruleAt(place, intent.operations))) {
    return ["places", "a place at which no text is legal"];
  }
  const size = INTENT.write(intent).length;
  const isShort = size <= MAX_INTENT_WITH_TEXTS;
  return isShort ? null : ["intent_too_long", `an intent with texts has at most ${MAX_INTENT_WITH_TEXTS} bytes`];
}

/** Why an intent of this network is not well-formed by itself (points 2, 4 and 5 of section 3); null if it is. */
export function intentFault(intent, network) {
  return partiesFault(intent) ?? contentsFault(intent, network, false);
}

/** Why a transaction of `size` bytes, of which `most` are allowed, is not well-formed; null if it is. */
export function formFault(transaction, network, size, most) {
  const { intent, signatures } = transaction;
  if (!equal(intent.network, network)) return ["wrong_network", "it is for another network"];
  if (size > most) return ["too_long", `${size} bytes, at most ${most}`];
  const wrong = partiesFault(intent);
  if (wrong) return wrong;
  const keys = signatures.map(keyOf);
  if (!ascend(keys.map(encodeKey))) return ["signatures", "the signatures do not ascend strictly by key"];
  if (costOf(transaction) > MAX_SIGNATURE_COST) {
    return ["signature_cost", `the signatures cost more than ${MAX_SIGNATURE_COST}`];
  }
  if (!keys.every(isKeyOfForm)) return ["key", "a key that cannot be good"];
  return contentsFault(intent, network, false);
}

/** What a transaction's signatures cost together. */
export function costOf({ signatures }) {
  return signatures.reduce((sum, [kind]) => sum + COSTS[kind], 0);
}

/** True if every attached signature is good. */
export async function areSignaturesGood({ intent, signatures }) {
  const content = INTENT.write(intent);
  for (const signature of signatures) {
    if (!(await isClientSignatureGood(signature, "transaction", content))) return false;
  }
  return true;
}

function decoded(type, data, whole, most) {
  if (data.length > most) {
    throw new Refusal("malformed_transaction", whole, `too_long: ${data.length} bytes, at most ${most}`);
  }
  try {
    return type.decode(data);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    fault.reason = `encoding: ${fault.reason}`;
    throw fault.refusal(whole, "malformed_transaction");
  }
}

async function checkTransaction(transaction, network, most) {
  const fault = formFault(transaction, network, TRANSACTION.write(transaction).length, most);
  if (fault) {
    const code = fault[0] === "wrong_network" ? "wrong_network" : "malformed_transaction";
    throw new Refusal(code, "transaction", fault.join(": "));
  }
  if (!(await areSignaturesGood(transaction))) {
    throw new Refusal("bad_signature", "transaction.signatures", "a signature is not good");
  }
}

/** A well-formed transaction with good signatures. */
export async function decodeTransaction(data, network, most) {
  const transaction = decoded(TRANSACTION, data, "transaction", most);
  await checkTransaction(transaction, network, most);
  return transaction;
}

/** A transaction with all its texts. */
export async function decodeSubmission(data, network, most) {
  const submission = decoded(SUBMISSION, data, "submission", most);
  const { transaction, texts } = submission;
  await checkTransaction(transaction, network, most);
  const { intent } = transaction;
  const places = intent.texts?.places ?? [];
  if (texts.length < places.length) {
    throw new Refusal("texts_missing", "submission.texts", `${texts.length} texts for ${places.length} places`);
  }
  for (const [number, place] of places.entries()) {
    const reason = textFault(texts[number], place, intent.operations);
    if (reason !== null) throw new Refusal("text_refused", `submission.texts[${number}]`, reason);
  }
  const reason = textsFault(texts.map((text) => ["Shown", text]), intent);
  if (reason !== null) throw new Refusal("texts_unfit", "submission.texts", reason);
  return submission;
}
