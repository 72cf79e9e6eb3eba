// Statements as tables for spreadsheets (CSV, RFC 4180), compared cell by cell with what their proofs establish.

import { cellOf, nameIn } from "./chosen.js";
import { Unusable } from "./errors.js";
import { aboutPairs, decimalsText, insteadOf, signedText, unitsText } from "./figures.js";
import { timeText } from "./text.js";

const COLUMNS = [
  "row",
  "number",
  "time",
  "height",
  "ordinal",
  "transaction",
  "operation",
  "kind",
  "asset",
  "decimals",
  "amount",
  "balance",
  "held_amount",
  "held_balance",
  "counterparty",
  "counterparty_name",
  "text",
  "text_state",
  "memo",
  "memo_state",
  "metadata",
  "metadata_state",
];
const NAME = "counterparty_name";

/** True if a text is such a table. Spreadsheets put cells in quotation marks, or take them away. */
export function isSpreadsheet(text) {
  return /^\ufeff?(row,number,time,|"row","number","time",)/.test(text);
}

/** A text and its state. Only where the transaction has no text both are empty. */
function wordsCells(name, words) {
  const [state, text] = words;
  if (state === "None") return {};
  const cells = { Shown: () => [cellOf(text), "shown"], Hex: () => [text, "hex"] };
  const instead = insteadOf(words);
  const [shown, said] = cells[state]?.() ?? [`(${instead})`, instead];
  return { [name]: shown, [`${name}_state`]: said };
}

function balanceRow(row, { asset, decimals }, { free, held }) {
  const amounts = { balance: unitsText(free, decimals), held_balance: unitsText(held, decimals) };
  return { row, asset, decimals: decimalsText(decimals), ...amounts };
}

function entryRow(line) {
  const row = {
    row: "entry",
    number: String(line.number),
    time: timeText(line.time),
    height: String(line.height),
    ordinal: String(line.ordinal),
    transaction: line.id,
    operation: line.operation === null ? "" : String(line.operation),
    kind: line.kind,
    counterparty: line.counterparty ?? "",
    ...wordsCells("text", line.text),
    ...wordsCells("memo", line.memo),
    ...wordsCells("metadata", line.metadata),
  };
  if (line.movement === null) return row;
  const { asset, decimals, free, held, after } = line.movement;
  return {
    ...row,
    asset,
    decimals: decimalsText(decimals),
    amount: signedText(free, decimals, ""),
    held_amount: signedText(held, decimals, ""),
    balance: unitsText(after.free, decimals),
    held_balance: unitsText(after.held, decimals),
  };
}

/** The rows of a statement, each with its cells by column; those not named are empty. */
function rowsOf({ about, balances, lines }) {
  return [
    ...aboutPairs(about).map(([kind, text]) => ({ row: "about", kind, text })),
    ...balances.map((item) => balanceRow("opening", item, item.opening)),
    ...lines.map(entryRow),
    ...balances.map((item) => balanceRow("closing", item, item.closing)),
  ];
}

/** The rows of a text as CSV, each with its cells. */
export function recordsOf(text) {
  const records = [];
  let record = [];
  // A cell in quotation marks or not, and what ends it.
  const cell = /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n|\n|\r|$)/y;
  const body = text.replace(/^\ufeff/, "");
  while (cell.lastIndex < body.length) {
    const at = cell.lastIndex;
    const found = cell.exec(body);
    if (!found) throw new Unusable(`the table cannot be read: at its letter ${at} a cell does not end`);
    record.push(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"'));
    if (found[3] === ",") continue;
    if (record.length > 1 || record[0] !== "") records.push(record);
    record = [];
  }
  if (record.length > 0) records.push([...record, ""]);
  return records;
}

/** What a row is, in words; of one statement each row has its own. */
function rowName(row) {
  const of = (column) => row[column] ?? "";
  if (of("row") === "about") return `about: ${of("kind")}`;
  if (of("row") !== "entry") return `${of("row")} balance of ${of("asset")}`;
  const parts = [`entry ${of("number")}`];
  if (of("operation") !== "") parts.push(`operation ${of("operation")}`);
  if (of("asset") !== "") parts.push(of("asset"));
  return parts.join(", ");
}

/**
 * Where a table is not what `figures` are, in words, and the names in it. A table whose columns are others is none.
 */
export function compareSpreadsheet(text, figures) {
  const [header, ...records] = recordsOf(text);
  const isHeader = header?.length === COLUMNS.length && header.every((name, place) => name === COLUMNS[place]);
  if (!isHeader) throw new Unusable(`the table's header is not ${COLUMNS.join(",")}`);
  const differences = [];
  const names = new Map();
  const wanted = rowsOf(figures);
  const left = new Map(wanted.map((row, place) => [rowName(row), place]));
  let last = -1;
  for (const record of records) {
    const row = Object.fromEntries(COLUMNS.map((column, place) => [column, record[place] ?? ""]));
    const name = rowName(row);
    if (record.length !== COLUMNS.length) differences.push(`${name}: ${record.length} cells in a row`);
    const place = left.get(name);
    if (place === undefined) {
      differences.push(`slipped in: ${name}`);
      continue;
    }
    left.delete(name);
    if (place < last) differences.push(`not in its place: ${name}`);
    last = Math.max(last, place);
    for (const column of COLUMNS.filter((each) => each !== NAME)) {
      const proven = wanted[place][column] ?? "";
      if (row[column] !== proven) differences.push(differing(`${name}: ${column}`, row[column], proven));
    }
    if (row[NAME] !== "") takeName(row, name, names, differences);
  }
  for (const name of left.keys()) differences.push(`left out: ${name}`);
  return { differences, names, assets: figures.balances.map((item) => item.asset) };
}

function takeName(row, what, names, differences) {
  const name = nameIn(row[NAME], cellOf);
  const address = row.counterparty;
  if (name === null) differences.push(`${what}: “${row[NAME]}” is no name: it hides something, or has an address in it`);
  else if (address === "") differences.push(`${what}: a name without an address`);
  else if ((names.get(address) ?? name) !== name) differences.push(`${what}: a second name of ${address}`);
  else names.set(address, name);
}

function differing(what, shown, proven) {
  return `${what} is “${shown}”, by the proof “${proven}”`;
}
