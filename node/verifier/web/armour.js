// Base64 in lines (section 17 of docs/formats.md): padded, trailing bits 0, lines of 76 characters, the last of 1 to
// 76, each ended by LF. So there is one text for some bytes.

import { Malformed, within } from "./errors.js";

const COLUMNS = 76;
/** Bytes that a full line stands for. */
const LINE_BYTES = (COLUMNS / 4) * 3;
const LF = 0x0a;
const PAD = 0x3d;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE = 0xff;
/** What each byte stands for. */
const VALUES = new Uint8Array(256).fill(NONE);
for (const [value, letter] of [...LETTERS].entries()) VALUES[letter.charCodeAt(0)] = value;

/** The bytes of lines, at most `limit`; the LF of the last line is not part of them. */
export function unarmour(text, limit) {
  if (text.length === 0) throw new Malformed("there is no base64");
  const lines = checkLines(text);
  if (lines * LINE_BYTES > limit + LINE_BYTES) throw new Malformed(`more than ${limit} bytes`);
  const data = new Uint8Array(lines * LINE_BYTES);
  let at = 0;
  for (let place = 0; place < lines; place += 1) {
    // All lines but the last are full.
    const start = place * (COLUMNS + 1);
    const isLast = place + 1 === lines;
    at = decodeLine(text, start, isLast ? text.length : start + COLUMNS, isLast, data, at);
  }
  if (at > limit) throw new Malformed(`more than ${limit} bytes`);
  return data.subarray(0, at);
}

/** How many lines there are, after each was looked at: full, of the letters of base64, padded at most at its end. */
function checkLines(text) {
  let lines = 0;
  for (let start = 0; start <= text.length; start += COLUMNS + 1) {
    const found = text.indexOf(LF, start);
    const isLast = found < 0;
    within(`base64[${lines}]`, () => checkLine(text, start, isLast ? text.length : found, isLast));
    lines += 1;
    if (isLast) break;
  }
  return lines;
}

function checkLine(text, start, end, isLast) {
  const length = end - start;
  let letters = 0;
  while (start + letters < end && VALUES[text[start + letters]] !== NONE) letters += 1;
  const rest = text.subarray(start + letters, end);
  const isOfBase64 = letters > 0 && length <= COLUMNS && rest.length <= 2 && rest.every((byte) => byte === PAD);
  if (!isOfBase64) throw new Malformed("not a line of base64");
  if (!isLast && length !== COLUMNS) throw new Malformed(`a line of ${length} characters that is not the last`);
}

/** Decodes whole groups of four letters into `data` from `at` on, and returns where they end there. */
function decodeLine(text, start, end, isLast, data, at) {
  if ((end - start) % 4 !== 0) throw new Malformed("base64 with padding that is not as long as it must be");
  let next = at;
  for (let group = start; group < end; group += 4) {
    const a = VALUES[text[group]];
    const b = VALUES[text[group + 1]];
    const c = VALUES[text[group + 2]];
    const d = VALUES[text[group + 3]];
    data[next] = (a << 2) | (b >> 4);
    data[next + 1] = ((b & 15) << 4) | (c >> 2);
    data[next + 2] = ((c & 3) << 6) | d;
    if (d !== NONE) {
      next += 3;
      continue;
    }
    if (!isLast || group + 4 !== end) throw new Malformed("base64 that is padded, and goes on");
    const unused = c === NONE ? b & 15 : c & 3;
    if (unused !== 0) throw new Malformed("base64 with trailing bits that are not 0");
    return next + (c === NONE ? 1 : 2);
  }
  return next;
}
