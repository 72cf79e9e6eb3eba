// The ledger as tables (docs/tables.md): manifests under a block that a quorum sealed, files by the hashes that manifests
// have of them, and tables as CSV by the hashes of their columns and the roots over their rows. Of blocks as CSV the
// headers are made again. Parquet is not read here: that its rows are the chain's, `quorate audit verify FOLDER` says.

import { BOOL, uint } from "./bcs.js";
import { concat, decodeUtf8, encodeUtf8, fromHex, toHex } from "./bytes.js";
import { blockHash } from "./committee.js";
import { Refusal, Unusable } from "./errors.js";
import { Frontier, leafHash } from "./hashes.js";
import { Sha256, digest } from "./sha2.js";
import { webCrypto } from "./signatures.js";
import { recordsOf } from "./spreadsheet.js";
import { NotTheText, parseTime } from "./text.js";
import { count } from "./trail.js";

const SPAN = ["first_height", "blocks", "first_ordinal", "transactions", "last"];
const HEAD = ["epoch", "height", "hash", "time", "log_size"];
const LINE = ["day", ...SPAN, "sha256"];
const FILE = ["table", "file", "bytes", "sha256", "rows", "root", "columns"];
const MANIFEST_LIMIT = 64 * 1024 * 1024;

/** The columns of each table; a `?` behind what may be NULL. */
const TABLES = Object.fromEntries(
  Object.entries({
    blocks:
      "height:number first_ordinal:number time:time transactions:number hash:text previous:text chain_root:text " +
      "proposal:text epoch:number protocol:number log_size:number log_root:text state_root:text next_committee:text",
    transactions:
      "ordinal:number time:time height:number position:number id:text sender:text parties:text operations:number " +
      "expires_at:time succeeded:flag code:number? error:text? failed_operation:number? results:text? signed:text " +
      "texts:number intent:bytes",
    operations:
      "ordinal:number time:time operation:number succeeded:flag kind:text account:text counterparty:text? asset:text? " +
      "amount:amount? paid:amount? decimals:number? document:text? details:text?",
    transfers:
      "ordinal:number time:time operation:number kind:text sender:text? receiver:text? asset:text amount:amount " +
      "decimals:number",
    balances:
      "ordinal:number time:time account:text entry:number asset:text free_before:amount free:amount " +
      "held_before:amount held:amount decimals:number",
    holds:
      "ordinal:number time:time operation:number event:text owner:text hold_transaction:text hold_operation:number " +
      "beneficiary:text asset:text amount:amount rest:amount decimals:number until:time condition:text",
    records: "ordinal:number time:time operation:number account:text document:text keep:text",
  }).map(([table, columns]) => {
    const all = columns.split(" ").map((column) => {
      const [name, kind] = column.split(":");
      return { name, kind: kind.replace("?", ""), isNullable: kind.endsWith("?") };
    });
    return [table, all];
  }),
);

/** The columns that CSV has. */
function shownOf(table) {
  return TABLES[table].filter(({ kind }) => kind !== "bytes");
}

/** The table that a text is, as CSV; null if it is none. */
function tableOf(text) {
  const header = text.slice(0, text.search(/\r?\n|$/));
  return Object.keys(TABLES).find((table) => shownOf(table).map(({ name }) => name).join(",") === header) ?? null;
}

/** What a file of a folder of tables is: `manifest`, `day`, `csv`, `parquet`, or null. */
export function kindOfTables(data) {
  if (data[0] === 0x50 && data[1] === 0x41 && data[2] === 0x52 && data[3] === 0x31) return "parquet";
  const begin = new TextDecoder().decode(data.subarray(0, 1_024));
  const [, second] = /^\{\n {2}"version": \d+,\n {2}"network": "[^"]*",\n {2}"(head|day)"/.exec(begin) ?? [];
  if (second !== undefined) return second === "head" ? "manifest" : "day";
  return tableOf(begin) === null ? null : "csv";
}

function malformed(name, reason) {
  return new Refusal("not_canonical", name, reason);
}

/** The fields of an object in their order, and no others. */
function picked(value, names) {
  return Object.fromEntries(names.map((name) => [name, value[name]]));
}

/** A manifest of its one text. `shape` makes the value again, with its fields in their order. */
function readManifest(name, data, shape) {
  if (data.length > MANIFEST_LIMIT) throw malformed(name, "more than 64 MiB");
  const text = decodeUtf8(data);
  let value;
  try {
    value = shape(JSON.parse(text));
  } catch (fault) {
    if (!(fault instanceof SyntaxError || fault instanceof TypeError)) throw fault;
    throw malformed(name, "it is no manifest");
  }
  // Numbers too large for JavaScript would be read as others, and so be found here.
  if (`${JSON.stringify(value, null, 2)}\n` !== text) throw malformed(name, "it is not in the one form of a manifest");
  if (value.version !== 1) throw malformed(name, `version ${value.version} is not known here`);
  return value;
}

function manifestShape({ version, network, head, days }) {
  return { version, network, head: picked(head, HEAD), days: days.map((day) => picked(day, LINE)) };
}

function dayShape({ tables, ...value }) {
  const columns = (each) => each.map((column) => picked(column, ["name", "sha256"]));
  const files = tables.map((file) => ({ ...picked(file, FILE), columns: columns(file.columns) }));
  return { ...picked(value, ["version", "network", "day", ...SPAN, "marks"]), tables: files };
}

/** Refuses a manifest whose days do not lead from the first block to the head without a gap. */
function checkDays({ head, days }, name) {
  let [height, ordinal] = [1, 0];
  let before = "";
  for (const line of days) {
    if (!/^\d{4}-\d\d-\d\d$/.test(line.day) || line.day <= before) throw malformed(name, "its days do not ascend");
    const isCount = [line.blocks, line.transactions].every((each) => Number.isSafeInteger(each) && each >= 0);
    if (!isCount) throw malformed(name, `${line.day} has numbers that are none`);
    before = line.day;
    if (line.first_height !== height || line.first_ordinal !== ordinal) {
      throw new Refusal("gap", `${name}: ${line.day}`, `it does not go on at block ${height} and ordinal ${ordinal}`);
    }
    height += line.blocks;
    ordinal += line.transactions;
  }
  const isToHead = height - 1 === head.height && ordinal === head.log_size && days.at(-1)?.last === head.hash;
  if (!isToHead) throw new Refusal("gap", name, "its last day does not end with the head");
}

// The encodings of cells (section 4 of docs/tables.md).

const I64 = uint(64);
const I128 = uint(128);

function uleb(size) {
  const encoded = [];
  let rest = size;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) encoded.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...encoded, rest]);
}

/** A whole number of its one text. */
function wholeOf(text) {
  if (!/^(0|-?[1-9][0-9]{0,38})$/.test(text)) throw new NotTheText(text);
  return BigInt(text);
}

/** A time: above the year 9999 its milliseconds. */
function timeOf(text) {
  return /^[0-9]{15,}$/.test(text) && text > "253402300799999" ? wholeOf(text) : parseTime(text);
}

function flagOf(text) {
  if (text !== "true" && text !== "false") throw new NotTheText(text);
  return text === "true";
}

/** A cell's encoding. */
function cellOf({ kind, isNullable }, text) {
  if (isNullable && text === "") return Uint8Array.of(0);
  const encoders = {
    number: () => I64.write(BigInt.asUintN(64, wholeOf(text))),
    time: () => I64.write(timeOf(text)),
    amount: () => I128.write(BigInt.asUintN(128, wholeOf(text))),
    flag: () => BOOL.write(flagOf(text)),
    text: () => {
      const bytes = encodeUtf8(text);
      return concat(uleb(bytes.length), bytes);
    },
  };
  let encoded;
  try {
    encoded = encoders[kind]();
  } catch (fault) {
    if (!(fault instanceof NotTheText)) throw fault;
    throw new Unusable(`“${text.slice(0, 80)}” is no ${kind}`);
  }
  return isNullable ? concat(Uint8Array.of(1), encoded) : encoded;
}

/** A table as CSV: its rows, the hashes of its columns, and the root over its rows if it has all columns. */
function readCsv(data, trail) {
  const text = decodeUtf8(data);
  const table = text === null ? null : tableOf(text);
  if (table === null) throw new Unusable("it is not text");
  const [, ...rows] = recordsOf(text);
  const columns = shownOf(table);
  const hashes = columns.map(() => new Sha256());
  const root = new Frontier();
  for (const [place, row] of rows.entries()) {
    if (row.length !== columns.length) throw new Unusable(`row ${place + 1} has ${row.length} cells`);
    const cells = columns.map((column, at) => cellOf(column, row[at]));
    cells.forEach((cell, at) => hashes[at].add(cell));
    root.append(leafHash(concat(...cells)));
  }
  const isWhole = columns.length === TABLES[table].length;
  trail.note(`${count(rows.length, "row")} of ${table}, each cell in its one encoding`);
  return {
    table,
    rows,
    columns: columns.map(({ name }, place) => ({ name, sha256: toHex(hashes[place].end()) })),
    root: isWhole ? toHex(root.root()) : null,
  };
}

/** Refuses blocks whose rows are not headers that lead, each by the hash of the one before, to the day's last block. */
function checkBlocks(rows, line, before, network, trail) {
  const names = shownOf("blocks").map(({ name }) => name);
  let previous = before;
  for (const cells of rows) {
    const row = Object.fromEntries(names.map((name, place) => [name, cells[place]]));
    const hash = (name) => fromHex(row[name]) ?? new Uint8Array(0);
    const refuse = (reason) => new Refusal("other_header", `block ${row.height}`, reason);
    let found;
    try {
      found = blockHash({
        network: fromHex(network),
        protocol: Number(row.protocol),
        epoch: BigInt(row.epoch),
        height: BigInt(row.height),
        previous: hash("previous"),
        chain_root: hash("chain_root"),
        proposal: hash("proposal"),
        timestamp: parseTime(row.time),
        log_size: BigInt(row.log_size),
        log_root: hash("log_root"),
        state_root: hash("state_root"),
        next_committee: hash("next_committee"),
      });
    } catch (fault) {
      throw refuse(`it is no header: ${fault.message}`);
    }
    if (toHex(found) !== row.hash) throw refuse(`these cells are a header with the hash ${toHex(found)}`);
    if (previous !== null && row.previous !== previous) throw refuse("it does not follow the block before");
    previous = row.hash;
  }
  if (previous !== line.last) throw new Refusal("other_header", line.day, "the day's last block is another");
  trail.note(`the rows are ${count(rows.length, "header")}, each with the hash of the one before, up to the day's last`);
}

/** What was found of the manifests among some files, and judgements on the files that they name. */
export class Tables {
  /** `heads` are blocks that proofs establish: epoch, height, hash, timestamp and logSize. */
  constructor(network, heads) {
    this.network = network;
    this.heads = heads;
    this.manifest = null;
    this.days = [];
  }

  /** Judges `manifest.json`; lines for people. */
  takeManifest(name, data, trail) {
    const manifest = readManifest(name, data, manifestShape);
    if (manifest.network !== this.network) {
      throw new Refusal("other_network", name, `it is of the network ${manifest.network}`);
    }
    trail.note("it is in the one form of a manifest, and of this network");
    checkDays(manifest, name);
    trail.note(`its ${count(manifest.days.length, "day")} have all blocks and transactions up to the head, without a gap`);
    const { head } = manifest;
    const proven = this.heads.find((each) => each.height === String(head.height));
    if (!proven) throw new Unusable(`it goes up to block ${head.height}: add head.proof, which proves that block`);
    const wanted = { ...head, height: String(head.height), epoch: String(head.epoch), log_size: String(head.log_size) };
    const other = HEAD.find((field) => wanted[field] !== proven[field]);
    if (other) throw new Refusal("other_head", `${name}: head`, `${other} is ${proven[other]} by the proof of this block`);
    trail.note(`its head is block ${head.height}, ${head.hash}, as the proof of it has it`);
    this.manifest = manifest;
    return [
      `${count(manifest.days.length, "day")} up to block ${head.height} of ${head.time}, which a quorum sealed`,
      "that the rows are the chain's, `quorate audit verify FOLDER` says, by every cell; here files are held to the hashes " +
        "in their days' manifests, and tables as CSV to the roots",
    ];
  }

  /** Judges `days/DAY.json`. */
  async takeDay(name, data, trail) {
    const day = readManifest(name, data, dayShape);
    if (this.manifest === null) throw new Unusable("a day's manifest is checked against a good manifest.json: add it");
    const line = this.manifest.days.find((each) => each.day === day.day);
    if (!line) throw new Refusal("other_day", name, `manifest.json has no ${day.day}`);
    const hash = toHex(await digest(data, webCrypto()));
    if (hash !== line.sha256) throw new Refusal("other_day", name, `by manifest.json its SHA-256 is ${line.sha256}`);
    const other = SPAN.find((field) => day[field] !== line[field]);
    if (other || day.network !== this.network) throw new Refusal("other_day", name, `${other ?? "network"} is another`);
    trail.note(`it is the one that manifest.json names for ${day.day}`);
    this.days.push(day);
    const rows = day.tables.reduce((sum, file) => sum + file.rows, 0);
    return [`${day.day}: ${count(day.tables.length, "table")} with ${count(rows, "row")}, blocks ${spanText(day)}`];
  }

  /** Judges a file by its SHA-256; null if no manifest names it. */
  async takeFile(data) {
    const hash = toHex(await digest(data, webCrypto()));
    for (const day of this.days) {
      if (day.marks === hash) return [`days/${day.day}.rows, as its day's manifest has it`];
      const file = day.tables.find((each) => each.sha256 === hash && each.bytes === data.length);
      if (file) return [`${file.file}, to the byte: ${count(file.rows, "row")}`];
    }
    return null;
  }

  /** Judges a table as CSV: its rows are those of a day, or a refusal names the columns that are not. */
  takeCsv(name, data, trail) {
    if (this.days.length === 0) throw new Unusable("a table as CSV is checked against its day's manifest: add it");
    const { table, rows, columns, root } = readCsv(data, trail);
    const differing = (file) => {
      const hashes = new Map(file.columns.map((column) => [column.name, column.sha256]));
      return columns.filter((column) => hashes.get(column.name) !== column.sha256).map((column) => column.name);
    };
    const files = this.days.flatMap((day) => day.tables.filter((file) => file.table === table).map((file) => ({ day, file })));
    const same = files.find(({ file }) => file.rows === rows.length && differing(file).length === 0);
    if (!same) {
      const near = files.map(({ day, file }) => ({ day, names: differing(file) }));
      near.sort((one, other) => one.names.length - other.names.length);
      if (near.length === 0) throw new Refusal("other_rows", name, `no day here has a table ${table}`);
      const [{ day, names }] = near;
      throw new Refusal("other_rows", name, `no day here has these rows; of ${day.day} the columns differ: ${names.join(", ")}`);
    }
    const { day, file } = same;
    trail.note(`each column has the hash that the manifest of ${day.day} has of it`);
    if (root !== null) {
      if (root !== file.root) throw new Refusal("other_rows", name, `the root over the rows of ${day.day} is another`);
      trail.note(`the root over the rows is ${root}, as that manifest says`);
    }
    const lines = [`${table} of ${day.day}: ${count(rows.length, "row")}, as the manifest has them`];
    if (root === null) lines.push("the column intent is not in it, and nothing is said of it");
    if (table === "blocks") {
      checkBlocks(rows, day, this.before(day), this.network, trail);
      lines.push("the rows are the headers of blocks, and lead to the day's last one");
    }
    return lines;
  }

  /** The hash before a day's first block. */
  before(day) {
    const at = this.manifest.days.findIndex((line) => line.day === day.day);
    return at === 0 ? this.network : (this.manifest.days[at - 1]?.last ?? null);
  }
}

function spanText({ first_height: first, blocks }) {
  return `${first} to ${first + blocks - 1}`;
}

/** The head that a proof of a block establishes; null if the verdict is on something else. */
export function headOfVerdict({ kind, head, found }) {
  if (kind !== "block") return null;
  const { epoch, height, hash, timestamp: time } = head;
  const size = found.firstOrdinal + BigInt(found.entries.length);
  return { epoch: String(epoch), height: String(height), hash, time, log_size: String(size) };
}

