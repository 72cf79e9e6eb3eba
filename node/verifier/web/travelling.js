// Transactions on their way between signers (section 18 of docs/formats.md): one file for one value, whose lines for
// people follow from the bytes.

import { unarmour } from "./armour.js";
import { ascii, decodeUtf8, encodeUtf8, equal, toHex } from "./bytes.js";
import { Malformed, Refusal } from "./errors.js";
import { tagged } from "./hashes.js";
import { encodeKey, isClientSignatureGood, keyOf } from "./signatures.js";
import { addressText, amountText, keyText, refusedCodePoint, timeText } from "./text.js";
import { ascend, intentFault, intentId, textsFault } from "./transaction.js";
import { INTENT, OPERATIONS, TRAVELLING, TRAVELLING_LIMIT } from "./types.js";

const FILE_LIMIT = 1024 * 1024;
const LF = 0x0a;
const FIRST = "quorate transaction 2";
const COMMENT = ascii("# ");
const WHERE = "transaction";

/** True if a text begins like a transaction's file. */
export function isTravellingFile(data) {
  const line = ascii(`${FIRST}\n`);
  return equal(data.subarray(0, line.length), line);
}

/** The lines of a text, and where each begins. */
function linesOf(text) {
  const lines = [];
  for (let at = 0; at <= text.length; ) {
    const found = text.indexOf(LF, at);
    const end = found < 0 ? text.length : found;
    lines.push({ start: at, line: text.subarray(at, end) });
    at = end + 1;
  }
  return lines;
}

function refusal(where, reason) {
  return new Refusal("not_canonical", where, reason);
}

/**
 * The transaction of a file, whose texts fit and whose signatures are good. `proven` has decimals by code, as genesis
 * or proven leaves say them: what the file says otherwise is refused, what nothing proves is not.
 */
export async function readTravelling(data, network, proven) {
  if (data.length > FILE_LIMIT || data.at(-1) !== LF) {
    throw refusal(WHERE, "more than 1 MiB, or the last line does not end");
  }
  const text = data.subarray(0, -1);
  const lines = linesOf(text);
  let comments = 0;
  const isComment = ({ line }) => equal(line.subarray(0, COMMENT.length), COMMENT);
  while (3 + comments < lines.length && isComment(lines[3 + comments])) comments += 1;
  const value = decoded(text.subarray(lines[3 + comments]?.start ?? text.length));
  const { intent } = value;
  if (!equal(intent.network, network)) throw new Refusal("other_network", WHERE, "it is for another network");
  const expected = { kind: FIRST, network: `network ${toHex(network)}`, id: `id ${toHex(intentId(intent))}` };
  for (const [place, [name, line]] of Object.entries(expected).entries()) {
    if (!equal(lines[place].line, ascii(line))) {
      throw refusal(`${WHERE}.${name}`, "the line is not the one that belongs to the bytes");
    }
  }
  await checkValue(value, network, proven);
  const wanted = linesForPeople(value);
  const isTheirs = wanted.length === comments && wanted.every((line, place) => {
    return equal(lines[3 + place].line, encodeUtf8(`# ${line}`));
  });
  if (!isTheirs) throw refusal(`${WHERE}.comments`, "the lines are not those that belong to the bytes");
  return value;
}

function decoded(base64) {
  try {
    return TRAVELLING.decode(unarmour(base64, TRAVELLING_LIMIT), TRAVELLING_LIMIT);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    throw fault.refusal(WHERE);
  }
}

async function checkValue({ intent, texts, signatures, decimals }, network, proven) {
  const wrong = intentFault(intent, network);
  if (wrong) throw new Refusal("malformed_transaction", `${WHERE}.intent`, wrong.join(": "));
  const reason = textsFault(texts.map((each) => ["Shown", each]), intent);
  if (reason !== null) throw new Refusal("bad_text", `${WHERE}.texts`, reason);
  if (!ascend(signatures.map((signature) => encodeKey(keyOf(signature))))) {
    throw refusal(`${WHERE}.signatures`, "they do not ascend strictly by key");
  }
  const content = INTENT.write(intent);
  for (const [place, signature] of signatures.entries()) {
    if (!(await isClientSignatureGood(signature, "transaction", content))) {
      throw new Refusal("bad_signature", `${WHERE}.signatures[${place}]`, "it is not good");
    }
  }
  const operations = intent.operations.map((act) => act.operation);
  const codes = new Set(operations.map(([, fields]) => fields.asset ?? fields.code).filter(Boolean));
  const named = Array.from(codes).sort();
  const said = decimals.map((item) => item.asset);
  if (said.length !== named.length || said.some((code, place) => code !== named[place])) {
    throw refusal(`${WHERE}.decimals`, "not one for each asset of the transaction");
  }
  const created = operations.filter(([name]) => name === "CreateAsset").map(([, { code, decimals: d }]) => [code, d]);
  for (const [code, known] of [...created, ...proven]) {
    if (decimals.some((item) => item.asset === code && item.decimals !== known)) {
      throw refusal(`${WHERE}.decimals`, `${code} has ${known} decimals`);
    }
  }
}

/** The file's lines for people, without their marks. */
export function linesForPeople({ intent, texts, signatures, decimals }) {
  const parties = intent.parties.map(addressText);
  const known = new Map(decimals.map((item) => [item.asset, item.decimals]));
  return [
    `parties ${parties.join(" ")}`,
    `expires_at ${timeText(intent.expires_at)}`,
    ...intent.operations.map(({ party, operation }, number) => {
      return `${number} by ${parties[party]} ${operationWords(operation, known)}`;
    }),
    ...(intent.texts?.places ?? []).map((place, number) => `${placeWords(place)} ${quoted(texts[number].text)}`),
    ...signatures.map((signature) => `signed ${keyText(keyOf(signature))}`),
  ];
}

function placeWords([kind, fields]) {
  return kind === "Memo" ? "memo" : `text ${fields.index} ${fields.field}`;
}

/** A text between quotation marks; as hex if it is not legal as text, which metadata need not be. */
export function quoted(bytes) {
  const text = decodeUtf8(bytes);
  if (text === null || refusedCodePoint(text) !== null) return `hex ${toHex(bytes)}`;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * An operation in one line: its name, then each field's name and value. `decimals` has those that are known, by code.
 */
export function operationWords([name, fields], decimals) {
  const words = [name.replace(/(?!^)[A-Z]/g, " $&").toLowerCase()];
  for (const [field, type] of OPERATIONS[name].fields) {
    let value = type.words(fields[field]);
    if (name === "Erase" && field === "intent") value = toHex(tagged("transaction", fields.intent));
    if (field === "amount" && decimals.has(fields.asset)) value = amountText(fields.amount, decimals.get(fields.asset));
    words.push(`${field} ${value}`);
  }
  return words.join(" ");
}
