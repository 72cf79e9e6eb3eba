// Statements as pages to print (HTML): written again from the figures and the names in the file, and compared line by
// line.

import { encodeUtf8, toHex } from "./bytes.js";
import { nameIn, writtenOut } from "./chosen.js";
import { aboutPairs, decimalsText, insteadOf, ownerPair, signedText, unitsText } from "./figures.js";
import { compareLines, escape, unescape } from "./markup.js";
import { sha256 } from "./sha2.js";
import { timeText } from "./text.js";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
/** SHA-256 of the pages' style: another one could hide figures, or write some beside them. */
const STYLE = "15579e70c6a4db4d8823d335a26aac93198b0a9a568d784853b17a15aa857786";
const SMALLEST = " smallest units of ";

/** True if a text is a page. */
export function isPaper(text) {
  return text.startsWith("<!DOCTYPE html>");
}

/** The proof in a page, null if there is none. Whatever somebody chose has its quotation marks written out. */
export function proofInPaper(text) {
  const [, proof] = /<pre id="proof">([^<]*)<\/pre>/.exec(text) ?? [];
  return proof === undefined ? null : unescape(proof);
}

/** The word before a line's counterparty. */
export function directionOf(about, { movement, kind }) {
  const isOwn = movement !== null && about.owner[0] === "Account" && movement.free !== 0n && kind !== "refund";
  if (!isOwn) return "with";
  return movement.free < 0n ? "to" : "from";
}

function cell(text) {
  return `<td class="number">${escape(text)}</td>`;
}

function nameBeside(address, names) {
  const name = names.get(address);
  return name === undefined ? "" : ` <span class="name">${escape(writtenOut(name))}</span>`;
}

function wordsOn(name, words) {
  const [state, text] = words;
  if (state === "None") return "";
  const shown = { Shown: () => `<q>${escape(writtenOut(text))}</q>`, Hex: () => `<code>${escape(text)}</code>` };
  return `<p>${name}: ${shown[state]?.() ?? `<em>${insteadOf(words)}</em>`}</p>`;
}

function movementCells(movement) {
  if (movement === null) return cell("").repeat(4);
  const { asset, decimals, free, held, after } = movement;
  const moved = `${signedText(free, decimals, "+")}${decimals === null ? SMALLEST : " "}${asset}`;
  const amounts = [signedText(held, decimals, "+"), unitsText(after.free, decimals), unitsText(after.held, decimals)];
  return [moved, ...amounts].map(cell).join("");
}

function lineRow(about, line, names) {
  const party =
    line.counterparty === null
      ? ""
      : `<div class="party">${directionOf(about, line)} <code>${line.counterparty}</code>` +
        `${nameBeside(line.counterparty, names)}</div>`;
  const operation = line.operation === null ? "" : `, operation ${line.operation}`;
  const words = wordsOn("text", line.text) + wordsOn("memo", line.memo) + wordsOn("metadata", line.metadata);
  return (
    `<tr>${cell(String(line.number))}<td><time>${timeText(line.time)}</time>` +
    `<div class="block">block ${line.height}</div></td><td><b>${line.kind}</b>${party}${words}` +
    `<div class="id">transaction <code>${line.id}</code>${operation}, place ${line.ordinal} of the log</div></td>` +
    `${movementCells(line.movement)}</tr>`
  );
}

function balanceRow({ asset, decimals, opening, closing }) {
  const amounts = [opening.free, opening.held, closing.free, closing.held].map((amount) => unitsText(amount, decimals));
  return `<tr><th scope="row">${asset}</th>${[decimalsText(decimals), ...amounts].map(cell).join("")}</tr>`;
}

function headings(titles) {
  const cells = titles.map(([title, isNumber]) => `<th${isNumber ? ' class="number"' : ""} scope="col">${title}</th>`);
  return `<thead><tr>${cells.join("")}</tr></thead>`;
}

const BALANCES = headings([
  ["Asset", false],
  ["Decimals", true],
  ["Opening", true],
  ["Opening held", true],
  ["Closing", true],
  ["Closing held", true],
]);
const LINES = headings([
  ["No.", true],
  ["Time", false],
  ["What", false],
  ["Amount", true],
  ["Held amount", true],
  ["Balance", true],
  ["Held balance", true],
]);

/** What whoever reads a statement should know of it. */
function notesOf({ about, balances, lines }, names) {
  const isNamed = (address) => address !== null && names.has(address);
  const [kind, owner] = ownerPair(about);
  const hasNames = lines.some((line) => isNamed(line.counterparty)) || (kind === "account" && isNamed(owner));
  const holds = balances.some(({ opening, closing }) => opening.held > 0n || closing.held > 0n);
  return [
    "None of the range's transactions is left out; those that failed changed nothing and are only counted. There are " +
      "no fees.",
    about.openingIsOfGenesis && "No transaction is before the range: the opening balances are those of genesis.",
    balances.some(({ decimals }) => decimals === null) &&
      "Where decimals are unknown, amounts are in smallest units.",
    holds && "What holds have set apart cannot be spent, and is no part of the balances beside it.",
    hasNames && "Names are those of whoever made this statement; nothing proves them.",
    "The proof goes with this statement, not with its print: `quorate audit verify` checks that the figures are the " +
      "proof's.",
  ].filter(Boolean);
}

function pageOf(figures, names, style, proof) {
  const { about, balances, lines } = figures;
  const [kind, owner] = ownerPair(about);
  const name = kind === "account" ? nameBeside(owner, names) : "";
  const pairs = aboutPairs(about).map(([term, text]) => `<dt>${term}</dt><dd>${escape(text)}</dd>`);
  const limit =
    about.completeUpTo === null
      ? []
      : [`<p class="limit">Complete up to ${timeText(about.completeUpTo)}, that included, and no further.</p>`];
  return [
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">' +
      '<meta name="viewport" content="width=device-width, initial-scale=1">' +
      `<meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
      `<title>Statement of ${owner}</title><style>${style}</style></head>`,
    "<body><main>",
    `<h1>Statement of ${kind} <code>${owner}</code>${name}</h1>`,
    ...limit,
    "<dl>",
    ...pairs,
    "</dl>",
    "<h2>Balances</h2>",
    `<table class="balances">${BALANCES}`,
    "<tbody>",
    ...balances.map(balanceRow),
    "</tbody></table>",
    "<h2>Entries</h2>",
    `<table class="lines">${LINES}`,
    "<tbody>",
    ...lines.map((line) => lineRow(about, line, names)),
    "</tbody></table>",
    ...notesOf(figures, names).map((note) => `<p class="note">${escape(note)}</p>`),
    "<details><summary>Proof</summary>",
    `<pre id="proof">${escape(proof)}</pre></details>`,
    "</main></body></html>",
    "",
  ].join("\n");
}

/** The names beside addresses. */
function namesIn(text, differences) {
  const names = new Map();
  for (const [, address, written] of text.matchAll(/<code>(qr1[a-z0-9]{38})<\/code> <span class="name">([^<]*)<\/span>/g)) {
    const name = nameIn(unescape(written) ?? "", writtenOut);
    if (name !== null) names.set(address, name);
    else differences.push(`“${written}” beside ${address} is no name: it hides something, or has an address in it`);
  }
  return names;
}

/** Where a page is not what `figures` are, in words, and the names on it. */
export function comparePaper(text, figures) {
  const differences = [];
  const names = namesIn(text, differences);
  const [, style] = /<style>([^<]*)<\/style>/.exec(text) ?? [];
  if (style === undefined || toHex(sha256(encodeUtf8(style))) !== STYLE) {
    differences.push("the page's style is not Quorate's, or another version's: it could hide figures, or show others");
  }
  const proof = proofInPaper(text) ?? "";
  differences.push(...compareLines(text, pageOf(figures, names, style ?? "", proof)));
  return { differences, names, assets: figures.balances.map((item) => item.asset) };
}
