// SHA-256 and SHA-512 (FIPS 180-4).
//
// A proof has up to millions of hashes over a hundred bytes each. WebCrypto answers each later and not at once, which
// alone takes ten times as long as hashing a hundred bytes here, and does not exist at all where a page comes over
// plain HTTP. So what is short is hashed here, always; `digest` leaves to WebCrypto what is long.

import { concat } from "./bytes.js";

/** From how many bytes on WebCrypto is asked. */
const LONG = 65_536;

/** The first so many primes. */
function primes(count) {
  const found = [];
  for (let number = 2n; found.length < count; number += 1n) {
    if (found.every((prime) => number % prime !== 0n)) found.push(number);
  }
  return found;
}

/** The whole part of a root. */
function root(value, degree) {
  let low = 0n;
  let high = 1n << (BigInt(value.toString(2).length) / degree + 1n);
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** degree <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}

// The constants are the first bits of the fractional parts of square and cube roots of primes: computed exactly, so
// that no digit of them can be mistyped.

function fraction(prime, degree, bits) {
  return BigInt.asUintN(Number(bits), root(prime << (degree * bits), degree));
}

const START_512 = primes(8).map((prime) => fraction(prime, 2n, 64n));
const ROUND_512 = primes(80).map((prime) => fraction(prime, 3n, 64n));
const START_256 = Int32Array.from(START_512, (word) => Number(word >> 32n) | 0);
const ROUND_256 = Int32Array.from(ROUND_512.slice(0, 64), (word) => Number(word >> 32n) | 0);

/**
 * The end of a message of `length` bytes with its padding: a bit, zeros, and the length in bits at the end of a block.
 */
function padded(bytes, block, lengthBytes, length = bytes.length) {
  const size = Math.ceil((bytes.length + 1 + lengthBytes) / block) * block;
  const whole = new Uint8Array(size);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setUint32(size - 8, Math.floor(length / 0x2000_0000));
  view.setUint32(size - 4, (length << 3) >>> 0);
  return view;
}

const schedule = new Int32Array(64);

/** Takes whole blocks of a message into the state of SHA-256. */
function compress(state, view) {
  const w = schedule;
  for (let at = 0; at < view.byteLength; at += 64) {
    for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(at + 4 * t);
    for (let t = 16; t < 64; t += 1) {
      const early = w[t - 15];
      const late = w[t - 2];
      const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
      const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let t = 0; t < 64; t += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND_256[t] + w[t]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

function bytesOf(state) {
  const result = new DataView(new ArrayBuffer(32));
  for (let place = 0; place < 8; place += 1) result.setInt32(4 * place, state[place]);
  return new Uint8Array(result.buffer);
}

/** SHA-256. */
export function sha256(bytes) {
  const state = START_256.slice();
  compress(state, padded(bytes, 64, 8));
  return bytesOf(state);
}

/** SHA-256 of what comes in pieces: so a file is hashed that is never in memory as a whole. */
export class Sha256 {
  constructor() {
    this.state = START_256.slice();
    this.length = 0;
    /** What does not fill a block yet. */
    this.rest = new Uint8Array(0);
  }

  /** Takes the next piece. */
  add(piece) {
    const bytes = this.rest.length === 0 ? piece : concat(this.rest, piece);
    const end = bytes.length - (bytes.length % 64);
    compress(this.state, new DataView(bytes.buffer, bytes.byteOffset, end));
    this.rest = bytes.slice(end);
    this.length += piece.length;
  }

  /** The hash of all pieces. */
  end() {
    const state = this.state.slice();
    compress(state, padded(this.rest, 64, 8, this.length));
    return bytesOf(state);
  }
}

function rotated(word, bits) {
  return BigInt.asUintN(64, (word >> bits) | (word << (64n - bits)));
}

/** SHA-512, which Ed25519 needs. With BigInt: it is slow, and the curve is much slower. */
export function sha512(bytes) {
  const view = padded(bytes, 128, 16);
  let state = START_512;
  const w = new Array(80);
  for (let at = 0; at < view.byteLength; at += 128) {
    for (let t = 0; t < 16; t += 1) w[t] = view.getBigUint64(at + 8 * t);
    for (let t = 16; t < 80; t += 1) {
      const s0 = rotated(w[t - 15], 1n) ^ rotated(w[t - 15], 8n) ^ (w[t - 15] >> 7n);
      const s1 = rotated(w[t - 2], 19n) ^ rotated(w[t - 2], 61n) ^ (w[t - 2] >> 6n);
      w[t] = BigInt.asUintN(64, w[t - 16] + s0 + w[t - 7] + s1);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let t = 0; t < 80; t += 1) {
      const s1 = rotated(e, 14n) ^ rotated(e, 18n) ^ rotated(e, 41n);
      // Of 64 bits, so that `~e` is no negative number.
      const one = h + s1 + ((e & f) ^ (BigInt.asUintN(64, ~e) & g)) + ROUND_512[t] + w[t];
      const s0 = rotated(a, 28n) ^ rotated(a, 34n) ^ rotated(a, 39n);
      const two = s0 + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e] = [g, f, e, BigInt.asUintN(64, d + one)];
      [d, c, b, a] = [c, b, a, BigInt.asUintN(64, one + two)];
    }
    state = [a, b, c, d, e, f, g, h].map((word, place) => BigInt.asUintN(64, word + state[place]));
  }
  const result = new DataView(new ArrayBuffer(64));
  state.forEach((word, place) => result.setBigUint64(8 * place, word));
  return new Uint8Array(result.buffer);
}

/** SHA-256 of what may be long. `subtle` is WebCrypto, null where there is none. */
export async function digest(bytes, subtle) {
  if (!subtle || bytes.length < LONG) return sha256(bytes);
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}
