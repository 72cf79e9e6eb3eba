// JSON whose integers are all BigInts: those of 64 bits do not fit into a number.

const TOKEN = /\s*(?:([{}[\]:,])|("(?:[^"\\]|\\.)*")|(-?[0-9]+)|(true|false|null))/y;
const WORDS = { true: true, false: false, null: null };

/** The value of a document without fractions. */
export function parseJson(text) {
  let at = 0;
  const next = () => {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`no JSON at ${at}: ${text.slice(at, at + 40)}`);
    at = TOKEN.lastIndex;
    return found;
  };
  const peek = () => {
    TOKEN.lastIndex = at;
    return TOKEN.exec(text)?.[1];
  };
  const items = (close, item) => {
    const found = [];
    if (peek() === close) next();
    else {
      do found.push(item());
      while (next()[1] === ",");
    }
    return found;
  };
  const value = () => {
    const [, mark, string, integer, word] = next();
    if (string) return JSON.parse(string);
    if (integer) return BigInt(integer);
    if (word) return WORDS[word];
    if (mark === "[") return items("]", value);
    const pair = () => {
      const name = JSON.parse(next()[2]);
      next();
      return [name, value()];
    };
    return Object.fromEntries(items("}", pair));
  };
  return value();
}

/** True if two values are the same, whether integers are numbers or BigInts, and whatever the order of names. */
export function isSame(a, b) {
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") {
    const plain = (value) => (typeof value === "number" ? BigInt(value) : value);
    return plain(a) === plain(b);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && isSame(a[name], b[name]));
}

/** True if `found` has all that is wanted; lists have equal lengths. */
export function contains(found, wanted) {
  if (wanted === null || typeof wanted !== "object") return isSame(found, wanted);
  if (found === null || typeof found !== "object" || Array.isArray(found) !== Array.isArray(wanted)) return false;
  if (Array.isArray(wanted) && found.length !== wanted.length) return false;
  return Object.entries(wanted).every(([name, value]) => name in found && contains(found[name], value));
}
