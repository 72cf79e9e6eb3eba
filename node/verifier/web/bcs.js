// Strict decoding and encoding of BCS (section 1 of docs/formats.md), and each type's values as programs and people
// read them.
//
// A struct is an object, an enum a pair of the variant's name and its value (null where it has no fields), an option
// null or the value. u64 and u128 are BigInts, smaller integers are numbers. Every type refuses what its limits and
// ranges forbid, so there is one encoding of each value; of what is hashed, the bytes are kept as they were read.

import { compare, concat, encodeUtf8, decodeUtf8, toHex } from "./bytes.js";
import { Malformed, within } from "./errors.js";
import { visible } from "./text.js";

const MAX_ULEB = 2 ** 31 - 1;

/** Bytes, and how far they were read. */
class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  take(count) {
    const end = this.at + count;
    if (end > this.data.length) throw new Malformed(`the bytes end ${end - this.data.length} too early`);
    const taken = this.data.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  byte() {
    return this.take(1)[0];
  }

  /** A ULEB128 number up to 2^31 − 1 in its shortest form. */
  uleb() {
    let value = 0;
    for (let place = 0; place < 5; place += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte >= 0x80) continue;
      if (byte === 0 && place > 0) throw new Malformed("a ULEB128 number is longer than needed");
      if (value > MAX_ULEB) break;
      return value;
    }
    throw new Malformed("a ULEB128 number is above 2^31 - 1");
  }
}

/** A number in ULEB128. */
function uleb(value) {
  const encoded = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) encoded.push((rest % 0x80) | 0x80);
  encoded.push(rest);
  return Uint8Array.from(encoded);
}

/** A type of the page: `read` one value, `write` gives its encoding, `plain` and `words` say it. */
class Type {
  /** The value that the bytes as a whole encode; `limit` bounds their number. */
  decode(data, limit = Infinity) {
    if (data.length > limit) throw new Malformed(`it has ${data.length} bytes, at most ${limit} are allowed`);
    const reader = new Reader(data);
    const value = this.read(reader);
    if (reader.at !== data.length) throw new Malformed(`${data.length - reader.at} bytes follow the value`);
    return value;
  }

  /** The value for programs: as JSON, but for BigInts. */
  plain(value) {
    return value;
  }

  /** The value for people, in one line (section 18). */
  words(value) {
    return String(this.plain(value));
  }
}

class Uint extends Type {
  constructor(bits, least, most) {
    super();
    this.size = bits / 8;
    this.least = least;
    this.most = most;
  }

  check(value) {
    if (value < this.least || value > this.most) {
      throw new Malformed(`${value} is not from ${this.least} to ${this.most}`);
    }
    return value;
  }

  read(reader) {
    const bytes = reader.take(this.size);
    if (this.size > 4) {
      let value = 0n;
      for (let place = this.size - 4; place >= 0; place -= 4) {
        value = (value << 32n) | BigInt(four(bytes, place));
      }
      return this.check(value);
    }
    let value = 0;
    for (let place = this.size - 1; place >= 0; place -= 1) value = value * 256 + bytes[place];
    return this.check(value);
  }

  write(value) {
    this.check(value);
    let rest = BigInt(value);
    return Uint8Array.from({ length: this.size }, () => {
      const byte = Number(rest & 0xffn);
      rest >>= 8n;
      return byte;
    });
  }
}

/** Four little-endian bytes as a number. */
function four(bytes, place) {
  return (bytes[place] | (bytes[place + 1] << 8) | (bytes[place + 2] << 16) | (bytes[place + 3] << 24)) >>> 0;
}

/** An unsigned integer, little-endian, within a range. */
export function uint(bits, least, most) {
  const isBig = bits > 32;
  const limit = isBig ? 2n ** BigInt(bits) - 1n : 2 ** bits - 1;
  return new Uint(bits, least ?? (isBig ? 0n : 0), most ?? limit);
}

class Bool extends Type {
  read(reader) {
    const byte = reader.byte();
    if (byte > 1) throw new Malformed("a bool is neither 00 nor 01");
    return byte === 1;
  }

  write(value) {
    return Uint8Array.of(value ? 1 : 0);
  }
}

/** `00` or `01`. */
export const BOOL = new Bool();

class Fixed extends Type {
  constructor(size) {
    super();
    this.size = size;
  }

  read(reader) {
    return reader.take(this.size);
  }

  write(value) {
    if (value.length !== this.size) throw new Malformed(`${value.length} bytes instead of ${this.size}`);
    return value;
  }

  plain(value) {
    return toHex(value);
  }
}

/** An array of `size` bytes. */
export function fixed(size) {
  return new Fixed(size);
}

class Bytes extends Type {
  constructor(most, least) {
    super();
    this.most = most;
    this.least = least;
  }

  check(size) {
    if (size < this.least || size > this.most) {
      throw new Malformed(`${size} bytes, allowed are ${this.least} to ${this.most}`);
    }
    return size;
  }

  read(reader) {
    return reader.take(this.check(reader.uleb()));
  }

  write(value) {
    return concat(uleb(this.check(value.length)), value);
  }

  plain(value) {
    return toHex(value);
  }
}

/** A length and that many bytes. */
export function bytes(most, least = 0) {
  return new Bytes(most, least);
}

class Text extends Type {
  constructor(most, least, fault) {
    super();
    this.content = new Bytes(most, least);
    this.fault = fault;
  }

  check(value) {
    const reason = this.fault?.(value);
    if (reason) throw new Malformed(reason);
    return value;
  }

  read(reader) {
    const text = decodeUtf8(this.content.read(reader));
    if (text === null) throw new Malformed("a string is not UTF-8");
    return this.check(text);
  }

  write(value) {
    return this.content.write(encodeUtf8(this.check(value)));
  }

  words(value) {
    return visible(value);
  }
}

/** UTF-8 of bounded length; `fault` gives the reason why a text is not legal. */
export function text(most, least = 0, fault = undefined) {
  return new Text(most, least, fault);
}

class List extends Type {
  constructor(item, most, least, order) {
    super();
    this.item = item;
    this.most = most;
    this.least = least;
    this.order = order;
  }

  check(count) {
    if (count < this.least || count > this.most) {
      throw new Malformed(`${count} items, allowed are ${this.least} to ${this.most}`);
    }
    return count;
  }

  /** What the next item has to come after. */
  follow(before, value, encoded) {
    if (!this.order) return null;
    const key = this.order(value, encoded);
    const ascends = before === null || (key instanceof Uint8Array ? compare(before, key) < 0 : before < key);
    if (!ascends) throw new Malformed("the items do not ascend strictly");
    return key;
  }

  read(reader) {
    const items = [];
    const count = this.check(reader.uleb());
    let before = null;
    for (let place = 0; place < count; place += 1) {
      within(`[${place}]`, () => {
        const start = reader.at;
        const value = this.item.read(reader);
        before = this.follow(before, value, reader.data.subarray(start, reader.at));
        items.push(value);
      });
    }
    return items;
  }

  write(value) {
    let before = null;
    const parts = value.map((item, place) =>
      within(`[${place}]`, () => {
        const encoded = this.item.write(item);
        before = this.follow(before, item, encoded);
        return encoded;
      }),
    );
    return concat(uleb(this.check(parts.length)), ...parts);
  }

  plain(value) {
    return value.map((item) => this.item.plain(item));
  }

  words(value) {
    return `[${value.map((item) => this.item.words(item)).join(", ")}]`;
  }
}

/** A count and the items. `order` gives, of a value and its encoding, what has to ascend strictly. */
export function list(item, most, { least = 0, order = undefined } = {}) {
  return new List(item, most, least, order);
}

/** The order by encoding. */
export function byEncoding(_value, encoded) {
  return encoded;
}

class Option extends Type {
  constructor(item) {
    super();
    this.item = item;
  }

  read(reader) {
    const byte = reader.byte();
    if (byte > 1) throw new Malformed("an option begins with neither 00 nor 01");
    return byte === 1 ? this.item.read(reader) : null;
  }

  write(value) {
    return value === null ? Uint8Array.of(0) : concat(Uint8Array.of(1), this.item.write(value));
  }

  plain(value) {
    return value === null ? null : this.item.plain(value);
  }

  words(value) {
    return value === null ? "none" : this.item.words(value);
  }
}

/** `00`, or `01` and the value. */
export function option(item) {
  return new Option(item);
}

class Struct extends Type {
  constructor(fields, fault) {
    super();
    this.fields = Object.entries(fields);
    this.fault = fault;
  }

  check(value) {
    const reason = this.fault?.(value);
    if (reason) throw new Malformed(reason);
    return value;
  }

  read(reader) {
    const value = {};
    for (const [name, field] of this.fields) {
      value[name] = within(name, () => field.read(reader));
    }
    return this.check(value);
  }

  write(value) {
    this.check(value);
    return concat(...this.fields.map(([name, field]) => within(name, () => field.write(value[name]))));
  }

  plain(value) {
    return Object.fromEntries(this.fields.map(([name, field]) => [name, field.plain(value[name])]));
  }

  fieldWords(value) {
    return this.fields.map(([name, field]) => `${name} ${field.words(value[name])}`).join(", ");
  }

  words(value) {
    return `{${this.fieldWords(value)}}`;
  }
}

/** Fields in order. `fault` gives the reason why a value is not legal as a whole. */
export function struct(fields, fault = undefined) {
  return new Struct(fields, fault);
}

class Variants extends Type {
  constructor(variants) {
    super();
    this.variants = Object.entries(variants);
    this.numbers = new Map(this.variants.map(([name], number) => [name, number]));
  }

  /** The type of a variant's value; null if it has no fields. */
  of(name) {
    return this.variants[this.numbers.get(name)][1];
  }

  read(reader) {
    const number = reader.uleb();
    if (number >= this.variants.length) throw new Malformed(`there is no variant ${number}`);
    const [name, content] = this.variants[number];
    return [name, content === null ? null : within(name, () => content.read(reader))];
  }

  write([name, value]) {
    const number = uleb(this.numbers.get(name));
    const content = this.of(name);
    return content === null ? number : concat(number, content.write(value));
  }

  plain([name, value]) {
    const content = this.of(name);
    return content === null ? name : { [name]: content.plain(value) };
  }

  words([name, value]) {
    const content = this.of(name);
    if (content === null) return name;
    // A struct with a name of its own, such as parameters, is not the variant's fields.
    const inner = content instanceof Struct ? content.fieldWords(value) : content.words(value);
    return `${name}(${inner})`;
  }
}

/** An enum: its variants in order, null for one without fields. */
export function variants(all) {
  return new Variants(all);
}

/** A type that is another one with something around it. */
class Wrapped extends Type {
  constructor(content) {
    super();
    this.content = content;
  }

  read(reader) {
    return this.content.read(reader);
  }

  write(value) {
    return this.content.write(value);
  }

  plain(value) {
    return this.content.plain(value);
  }

  words(value) {
    return this.content.words(value);
  }
}

class Versioned extends Wrapped {
  read(reader) {
    const version = reader.uleb();
    if (version !== 0) throw new Malformed(`version ${version + 1} is not known`);
    return this.content.read(reader);
  }

  write(value) {
    return concat(Uint8Array.of(0), this.content.write(value));
  }
}

/** A type that so far has its first version alone: the variant 0. */
export function v1(content) {
  return new Versioned(content);
}

class VersionedTwice extends Versioned {
  constructor(content, before) {
    super(content);
    this.before = before;
    this.mark = before.fields[0][0];
  }

  read(reader) {
    const version = reader.uleb();
    if (version > 1) throw new Malformed(`version ${version + 1} is not known`);
    const before = version === 1 ? this.before.read(reader) : {};
    return { ...before, ...this.content.read(reader) };
  }

  write(value) {
    if (!Object.hasOwn(value, this.mark)) return super.write(value);
    return concat(Uint8Array.of(1), this.before.write(value), this.content.write(value));
  }
}

/** A type with two versions: in the second, the fields of `before` come first, and its values have these too. */
export function v1OrV2(content, before) {
  return new VersionedTwice(content, before);
}

class Checked extends Wrapped {
  constructor(content, fault) {
    super(content);
    this.fault = fault;
  }

  check(value) {
    const reason = this.fault(value);
    if (reason) throw new Malformed(reason);
    return value;
  }

  read(reader) {
    return this.check(this.content.read(reader));
  }

  write(value) {
    return this.content.write(this.check(value));
  }
}

/** Another type, and the reason why a value of it is not legal here. */
export function checked(content, fault) {
  return new Checked(content, fault);
}

class Limited extends Wrapped {
  constructor(content, most) {
    super(content);
    this.most = most;
  }

  check(size) {
    if (size > this.most) throw new Malformed(`it has ${size} bytes, at most ${this.most} are allowed`);
  }

  read(reader) {
    const start = reader.at;
    const value = this.content.read(reader);
    this.check(reader.at - start);
    return value;
  }

  write(value) {
    const encoded = this.content.write(value);
    this.check(encoded.length);
    return encoded;
  }
}

/** Another type whose encoding has at most `most` bytes. */
export function limited(content, most) {
  return new Limited(content, most);
}

const ENCODING = Symbol("encoding");

class Kept extends Wrapped {
  read(reader) {
    const start = reader.at;
    const value = this.content.read(reader);
    // Not enumerable: a copy of a value with something changed has another encoding.
    Object.defineProperty(value, ENCODING, { value: reader.data.subarray(start, reader.at) });
    return value;
  }

  write(value) {
    return value[ENCODING] ?? this.content.write(value);
  }
}

/** Another type whose values keep the bytes that they were read from, as these are hashed or signed. */
export function kept(content) {
  return new Kept(content);
}

class Shown extends Wrapped {
  constructor(content, say, plainly) {
    super(content);
    this.say = say;
    this.plainly = plainly;
  }

  plain(value) {
    return this.plainly ? this.say(value) : this.content.plain(value);
  }

  words(value) {
    return this.say(value);
  }
}

/** Another type whose values have a text form. */
export function withText(content, say) {
  return new Shown(content, say, true);
}

/** Another type whose values have a text form in lines for people alone. */
export function withWords(content, say) {
  return new Shown(content, say, false);
}
