// Bytes: hex, order, numbers, UTF-8.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The bytes in hex. */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** The bytes of lower-case hex; null if it is none. */
export function fromHex(text) {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let place = 0; place < bytes.length; place += 1) {
    bytes[place] = Number.parseInt(text.slice(2 * place, 2 * place + 2), 16);
  }
  return bytes;
}

/** The bytes of ASCII. */
export function ascii(text) {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The parts, one after the other. */
export function concat(...parts) {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Below 0, 0 or above 0, as `a` comes before `b`, is it, or comes after it; a prefix comes first. */
export function compare(a, b) {
  const length = Math.min(a.length, b.length);
  for (let place = 0; place < length; place += 1) {
    if (a[place] !== b[place]) return a[place] - b[place];
  }
  return a.length - b.length;
}

/** True if both are the same bytes. */
export function equal(a, b) {
  return a.length === b.length && compare(a, b) === 0;
}

/** True if no byte is other than 0. */
export function isZero(bytes) {
  return bytes.every((byte) => byte === 0);
}

/** The number of big-endian bytes, as a BigInt. */
export function bigEndian(bytes) {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** The number of little-endian bytes, as a BigInt. */
export function littleEndian(bytes) {
  return bigEndian(Uint8Array.from(bytes).reverse());
}

/** A number in so many big-endian bytes. */
export function toBigEndian(number, size) {
  const digits = BigInt(number).toString(16).padStart(2 * size, "0");
  return fromHex(digits);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of UTF-8, a byte order mark being a character like others; null if it is none. */
export function decodeUtf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The UTF-8 of a text. */
export function encodeUtf8(text) {
  return encoder.encode(text);
}
