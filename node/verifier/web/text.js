// Text forms: one text for each value (sections 1, 4 and 16 of docs/formats.md).

import { bigEndian, fromHex, toBigEndian, toHex } from "./bytes.js";

/** Why a text is not the one text of a value. */
export class NotTheText extends Error {}

const LAST_TIME = 253_402_300_799_999n;

/** RFC 3339; above the year 9999 the milliseconds. */
export function timeText(milliseconds) {
  if (milliseconds > LAST_TIME) return String(milliseconds);
  return new Date(Number(milliseconds)).toISOString().replace(".000Z", "Z");
}

/** The time of its one text. */
export function parseTime(text) {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/.test(text)) {
    const milliseconds = Date.parse(text);
    // A date that is not in the calendar is read as another one.
    if (milliseconds >= 0 && timeText(BigInt(milliseconds)) === text) return BigInt(milliseconds);
  }
  throw new NotTheText(`${JSON.stringify(text)} is not a time such as 2026-01-01T00:00:00Z`);
}

/** Lower-case hex of `size` bytes. */
export function parseHex(text, size) {
  const bytes = text.length === 2 * size ? fromHex(text) : null;
  if (bytes === null) throw new NotTheText(`expected ${2 * size} hexadecimal digits in lower case`);
  return bytes;
}

// Bech32m (BIP 350), with the prefix `qr`.

const LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const BECH32M = 0x2bc830a3;
/** `qr` as the checksum sees it: the letters' upper bits, 0, their lower bits. */
const PREFIX = [3, 3, 0, 17, 18];

function checksum(values) {
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    GENERATORS.forEach((generator, bit) => {
      if ((top >> bit) & 1) check ^= generator;
    });
  }
  return check;
}

/** An address: 20 bytes are 32 letters, without padding, and then there are six of the checksum. */
export function addressText(address) {
  const number = bigEndian(address);
  const values = Array.from({ length: 32 }, (_, place) => Number((number >> BigInt(5 * (31 - place))) & 31n));
  const check = checksum([...PREFIX, ...values, 0, 0, 0, 0, 0, 0]) ^ BECH32M;
  for (let place = 5; place >= 0; place -= 1) values.push((check >> (5 * place)) & 31);
  return `qr1${values.map((value) => LETTERS[value]).join("")}`;
}

/** The address of its one text. */
export function parseAddress(text) {
  if (text.length !== 41 || !text.startsWith("qr1")) throw new NotTheText("expected an address that begins with qr1");
  const values = Array.from(text.slice(3), (letter) => LETTERS.indexOf(letter));
  if (values.includes(-1) || checksum([...PREFIX, ...values]) !== BECH32M) {
    throw new NotTheText(`${JSON.stringify(text)} is not an address: a letter is wrong`);
  }
  const number = values.slice(0, 32).reduce((sum, value) => (sum << 5n) | BigInt(value), 0n);
  return toBigEndian(number, 20);
}

/** The text of a `Key`. */
export function keyText([kind, key]) {
  return `${kind.toLowerCase()}:${toHex(key)}`;
}

/** The `Key` of its one text. */
export function parseKey(text) {
  if (text.startsWith("ed25519:")) return ["Ed25519", parseHex(text.slice(8), 32)];
  if (text.startsWith("p256:")) return ["P256", parseHex(text.slice(5), 33)];
  throw new NotTheText("expected ed25519: or p256: and hexadecimal digits");
}

/** An amount with its asset's decimals. */
export function amountText(amount, decimals) {
  if (decimals === 0) return String(amount);
  const digits = String(amount).padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The amount of its one text: with exactly as many digits after the point as the asset has decimals. */
export function parseAmount(text, decimals) {
  const [, whole, point, part] = /^(0|[1-9][0-9]*)(\.?)([0-9]*)$/.exec(text) ?? [];
  if (whole === undefined || part.length !== decimals || (point === ".") !== decimals > 0) {
    throw new NotTheText(`${JSON.stringify(text)} is not an amount with ${decimals} decimals`);
  }
  return BigInt(whole + part);
}

function isIpv4(host) {
  const bytes = host.split(".");
  const isByte = (text) => /^(0|[1-9][0-9]{0,2})$/.test(text) && Number(text) < 256;
  return bytes.length === 4 && bytes.every(isByte);
}

/** The eight groups of an IPv6 address, null if it is none. It may be in another form than RFC 5952's. */
function groupsOfIpv6(host) {
  let text = host;
  const last = /^(.*:)([0-9.]+)$/.exec(host);
  if (last?.[2].includes(".")) {
    if (!isIpv4(last[2])) return null;
    const [a, b, c, d] = last[2].split(".").map(Number);
    text = `${last[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [left, right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...left, ...Array(missing).fill("0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}

/** An IPv6 address as RFC 5952 writes it. */
function ipv6Text(groups) {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
    return `::ffff:${bytes.join(".")}`;
  }
  // The longest run of two zeros or more, the first one of several.
  let [start, length] = [0, 1];
  for (let at = 0; at < 8; at += 1) {
    let end = at;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - at > length) [start, length] = [at, end - at];
  }
  const digits = (part) => part.map((group) => group.toString(16)).join(":");
  if (length === 1) return digits(groups);
  return `${digits(groups.slice(0, start))}::${digits(groups.slice(start + length))}`;
}

function isIpv6(host) {
  const groups = groupsOfIpv6(host);
  return groups !== null && groups.some((group) => group !== 0) && ipv6Text(groups) === host;
}

function isDnsName(host) {
  const labels = host.split(".");
  const isLabel = (label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label);
  return host.length <= 253 && labels.every(isLabel) && /[a-z-]/.test(labels.at(-1));
}

/** True if the text is a multiaddress of one of the forms that section 16 allows. */
export function isMultiaddress(text) {
  const [before, kind, host, transport, port, ...more] = text.split("/");
  if (before !== "" || transport !== "tcp" || more.length > 0) return false;
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535) return false;
  if (kind === "ip4") return isIpv4(host) && host !== "0.0.0.0";
  if (kind === "ip6") return isIpv6(host);
  return ["dns", "dns4", "dns6"].includes(kind) && isDnsName(host);
}

const REFUSED =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;

/** The first code point of a text that rule 5 refuses, as `U+200E`; null if there is none. */
export function refusedCodePoint(text) {
  const found = REFUSED.exec(text);
  if (!found) return null;
  return `U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// Controls, what turns the direction of letters, and what is drawn as nothing. It is the node's list: whoever compares
// a verdict here with one there sees one text.
const UNSEEN = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u17b4-\\u17b5\\u180b-\\u180f\\u200b-\\u200f" +
    "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}" +
    "\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]",
  "gu",
);

const ONE_UNSEEN = new RegExp(UNSEEN.source, "u");

/** True if a letter is nothing that a reader could see. */
export function isUnseen(letter) {
  return ONE_UNSEEN.test(letter);
}

/** The text with what nobody sees in it as escapes: what others wrote must not look other than it is. */
export function visible(text) {
  return text.replace(UNSEEN, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
}

/** The same for a JSON string, in JSON's own escapes: what it says does not change. */
export function visibleJson(string) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return string.replace(UNSEEN, (letter) => letter.split("").map(escaped).join(""));
}
