// TOML 1.0, as far as a genesis document can have it (section 16 of docs/formats.md): strings, integers in decimal
// digits alone, arrays and tables, in every way of writing these. Floats, dates and bools stand for nothing there, and
// are refused as any other word.

import { Malformed } from "./errors.js";

/** No document needs more than four. */
const MAX_DEPTH = 64;

// How a table came to be decides whether it may be named or extended again.
const IMPLIED = "implied by the header of another one";
const HEADED = "named by a header";
const DOTTED = "made by a dotted key";
const INLINE = "inline";

/** A table: its keys in a map, as a key may be any text, also one that objects have already. */
class Table {
  constructor(made) {
    this.made = made;
    this.section = null;
    this.values = new Map();
  }
}

class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.root = new Table(HEADED);
    /** Tables in arrays of tables; other arrays cannot be extended. */
    this.growing = new Set();
  }

  fault(reason) {
    const line = this.text.slice(0, this.at).split("\n").length;
    return new Malformed(`line ${line}: ${reason}`);
  }

  /** True if the text goes on with these letters; then they are passed over. */
  skip(letters) {
    if (!this.text.startsWith(letters, this.at)) return false;
    this.at += letters.length;
    return true;
  }

  expect(letters) {
    if (!this.skip(letters)) throw this.fault(`expected ${letters}`);
  }

  /** What the pattern, which is sticky, finds here; undefined if nothing. */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  blanks() {
    this.match(/[ \t]*/y);
  }

  /** Blanks, a comment, and the end of the line, or of the text. */
  endOfLine() {
    this.blanks();
    this.match(/#[^\u0000-\u0008\n-\u001f\u007f]*/y);
    if (this.at < this.text.length && !this.match(/\r?\n/y)) throw this.fault("expected the end of the line");
  }

  /** Blanks, comments and ends of lines, inside an array. */
  gaps() {
    for (;;) {
      this.blanks();
      const next = this.text[this.at];
      if (next !== "#" && next !== "\n" && next !== "\r") return;
      if (this.at === this.text.length) return;
      this.endOfLine();
    }
  }

  document() {
    let table = this.root;
    let section = Symbol("section");
    while (this.at < this.text.length) {
      this.blanks();
      const next = this.text[this.at];
      if (next === "[") {
        section = Symbol("section");
        table = this.header();
      } else if (next !== undefined && !"#\r\n".includes(next)) {
        this.pair(table, section, 0);
      }
      this.endOfLine();
    }
    return this.root;
  }

  // Headers.

  header() {
    const isArray = this.text.startsWith("[[", this.at);
    this.expect(isArray ? "[[" : "[");
    const path = this.key();
    this.expect(isArray ? "]]" : "]");
    let table = this.root;
    for (const name of path.slice(0, -1)) table = this.within(table, name);
    const name = path.at(-1);
    return isArray ? this.append(table, name) : this.named(table, name);
  }

  /** The table that a header goes through. */
  within(table, name) {
    let next = table.values.get(name);
    if (next === undefined) {
      next = new Table(IMPLIED);
      table.values.set(name, next);
    }
    if (this.growing.has(next)) return next.at(-1);
    if (!(next instanceof Table) || next.made === INLINE) throw this.fault(`${name} is no table that can be extended`);
    return next;
  }

  named(table, name) {
    const known = table.values.get(name);
    if (known === undefined) {
      const made = new Table(HEADED);
      table.values.set(name, made);
      return made;
    }
    if (!(known instanceof Table) || known.made !== IMPLIED) throw this.fault(`${name} is there twice`);
    known.made = HEADED;
    return known;
  }

  append(table, name) {
    let array = table.values.get(name);
    if (array === undefined) {
      array = [];
      this.growing.add(array);
      table.values.set(name, array);
    }
    if (!this.growing.has(array)) throw this.fault(`${name} is there twice`);
    array.push(new Table(HEADED));
    return array.at(-1);
  }

  // Pairs.

  /** A key, `=` and a value, in the table. `section`: that of a header, or an inline table. */
  pair(table, section, depth) {
    const path = this.key();
    this.expect("=");
    this.blanks();
    let inner = table;
    for (const name of path.slice(0, -1)) inner = this.dotted(inner, name, section);
    const name = path.at(-1);
    if (inner.values.has(name)) throw this.fault(`${name} is there twice`);
    inner.values.set(name, this.value(depth));
  }

  /** The table that a dotted key goes through: only keys of one section make and extend it. */
  dotted(table, name, section) {
    let next = table.values.get(name);
    if (next === undefined) {
      next = new Table(DOTTED);
      table.values.set(name, next);
    } else if (!(next instanceof Table) || next.made === HEADED || next.made === INLINE) {
      throw this.fault(`${name} is there twice`);
    } else if (next.made === DOTTED && next.section !== section) {
      throw this.fault(`${name} is there twice`);
    } else {
      next.made = DOTTED;
    }
    next.section = section;
    return next;
  }

  /** A key, whose parts points part, with the blanks around it. */
  key() {
    const parts = [];
    do {
      this.blanks();
      const quote = this.text[this.at];
      const part = quote === '"' || quote === "'" ? this.line(quote) : this.match(/[A-Za-z0-9_-]+/y);
      if (part === undefined) throw this.fault("expected a key");
      parts.push(part);
      this.blanks();
    } while (this.skip("."));
    return parts;
  }

  value(depth) {
    if (depth > MAX_DEPTH) throw this.fault("too many brackets within brackets");
    const next = this.text[this.at];
    if (next === '"' || next === "'") return this.string(next);
    if (next === "[") return this.array(depth);
    if (next === "{") return this.inline(depth);
    const word = this.match(/[^\s,\]}#]+/y) ?? "";
    if (!/^(0|[1-9][0-9]*)$/.test(word)) {
      throw this.fault(`${JSON.stringify(word)} is neither a string nor a number in decimal digits alone`);
    }
    return BigInt(word);
  }

  array(depth) {
    this.expect("[");
    const items = [];
    this.gaps();
    while (!this.skip("]")) {
      items.push(this.value(depth + 1));
      this.gaps();
      if (this.skip(",")) this.gaps();
      else if (this.text[this.at] !== "]") throw this.fault("expected , or ]");
    }
    return items;
  }

  inline(depth) {
    this.expect("{");
    const table = new Table(INLINE);
    const section = Symbol("inline");
    this.blanks();
    if (this.skip("}")) return table;
    do {
      this.pair(table, section, depth + 1);
      this.blanks();
    } while (this.skip(","));
    this.expect("}");
    return table;
  }

  // Strings.

  string(quote) {
    return this.skip(quote.repeat(3)) ? this.lines(quote) : this.line(quote);
  }

  /** A string of one line. */
  line(quote) {
    this.expect(quote);
    let text = "";
    for (;;) {
      text += this.match(/[^"'\\\u0000-\u0008\n-\u001f\u007f]*/y);
      if (this.skip(quote)) return text;
      if (quote === '"' && this.skip("\\")) text += this.escaped();
      else if (quote === "'" && this.skip("\\")) text += "\\";
      else if (this.skip(quote === '"' ? "'" : '"')) text += quote === '"' ? "'" : '"';
      else throw this.fault("a string does not end in its line, or has a control character");
    }
  }

  /** A string of several lines, after its beginning. */
  lines(quote) {
    this.match(/\r?\n/y);
    let text = "";
    for (;;) {
      text += this.match(/[^"'\\\u0000-\u0008\u000b-\u001f\u007f]*/y);
      const quotes = this.match(quote === '"' ? /"+/y : /'+/y);
      if (quotes !== undefined) {
        // Up to two quotes may stand before the three that end it.
        if (quotes.length > 5) throw this.fault("too many quotes");
        if (quotes.length >= 3) return text + quotes.slice(3);
        text += quotes;
      } else if (this.match(/\r\n/y)) {
        text += "\n";
      } else if (quote === '"' && this.skip("\\")) {
        // At a line's end it joins the lines, with the blanks between them.
        if (this.match(/[ \t]*\r?\n/y)) this.match(/([ \t\n]|\r\n)*/y);
        else text += this.escaped();
      } else if (quote === "'" && this.skip("\\")) {
        text += "\\";
      } else if (this.skip(quote === '"' ? "'" : '"')) {
        text += quote === '"' ? "'" : '"';
      } else {
        throw this.fault("a string does not end, or has a control character");
      }
    }
  }

  escaped() {
    const letter = this.text[this.at];
    const simple = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" };
    if (Object.hasOwn(simple, letter ?? "")) {
      this.at += 1;
      return simple[letter];
    }
    const digits = this.match(/u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}/y)?.slice(1);
    const point = Number.parseInt(digits, 16);
    if (!(point <= 0x10ffff) || (point >= 0xd800 && point <= 0xdfff)) throw this.fault("a malformed escape");
    return String.fromCodePoint(point);
  }
}

/** The document's tables: each a map, with strings, BigInts, arrays and maps as values. */
export function readToml(text) {
  return mapsOf(new Parser(text).document());
}

function mapsOf(value) {
  if (Array.isArray(value)) return value.map(mapsOf);
  if (!(value instanceof Table)) return value;
  return new Map(Array.from(value.values, ([name, inner]) => [name, mapsOf(inner)]));
}
