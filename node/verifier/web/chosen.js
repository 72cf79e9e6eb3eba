// Words that somebody chose, as statements have them. What nobody sees in them is written out as `\u{202e}` and the
// like, and as what looks like this already has its backslash written so, what was chosen can be read from it.

import { NotTheText, isUnseen, parseAddress } from "./text.js";

/** Letters of a name at most. */
const NAME_LIMIT = 128;
/** What a spreadsheet takes for the beginning of a formula; the full-width ones count in Japanese ones. */
const FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20";

function escaped(letter) {
  return `\\u{${letter.codePointAt(0).toString(16)}}`;
}

function isEscape(letters, place) {
  return letters[place] === "\\" && letters[place + 1] === "u" && letters[place + 2] === "{";
}

/** The words on a page or in XML, which has neither U+FFFE nor U+FFFF. */
export function writtenOut(words) {
  const letters = Array.from(words);
  const isOut = (letter, place) => isEscape(letters, place) || isUnseen(letter) || /[\ufffe\uffff]/.test(letter);
  return letters.map((letter, place) => (isOut(letter, place) ? escaped(letter) : letter)).join("");
}

/** The words as a cell of a table, which begins no formula. */
export function cellOf(words) {
  let begins = true;
  const letters = Array.from(words);
  const written = letters.map((letter, place) => {
    const isOut = (begins && FORMULA.includes(letter)) || isEscape(letters, place) || isUnseen(letter);
    // Where commas are in numbers, spreadsheets part cells by semicolons, whatever is in quotes.
    begins = letter === ";" || (begins && (/[\s"']/.test(letter) || isUnseen(letter)));
    return isOut ? escaped(letter) : letter;
  });
  return written.join("");
}

/** What was chosen; null if it is nothing that was written so. */
function readBack(text) {
  let isWritten = true;
  const words = text.replace(/\\u\{([^}]*)(\}?)/g, (_all, digits, end) => {
    const number = /^[0-9a-f]{1,6}$/i.test(digits) ? Number.parseInt(digits, 16) : NaN;
    const isLetter = end === "}" && number <= 0x10ffff && !(number >= 0xd800 && number <= 0xdfff);
    isWritten &&= isLetter;
    return isLetter ? String.fromCodePoint(number) : "";
  });
  return isWritten ? words : null;
}

function isAddress(text) {
  try {
    parseAddress(text);
    return true;
  } catch (fault) {
    if (!(fault instanceof NotTheText)) throw fault;
    return false;
  }
}

/**
 * The name that somebody gave an address, read from what `write` makes of it; null if it is no name. One with an
 * address in it would be taken for the address that is paid.
 */
export function nameIn(text, write) {
  const name = readBack(text);
  if (name === null || write(name) !== text || Array.from(name).length > NAME_LIMIT) return null;
  return name.split(/[^0-9A-Za-z]/).some(isAddress) ? null : name;
}
