// Ed25519 with BigInt: what decides where WebCrypto is not there, cannot, or judges by another rule than the page
// (section 2 of docs/formats.md). Nothing here is secret, so nothing needs constant time.

import { equal, littleEndian, toHex } from "./bytes.js";
import { sha512 } from "./sha2.js";

const P = 2n ** 255n - 19n;
/** The order of the group of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

function modulo(number) {
  const rest = number % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const D = modulo(-121665n * power(121666n, P - 2n));
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n);
const SIGN = 2n ** 255n;

/** A point by its extended coordinates: x = X / Z, y = Y / Z, T = X · Y / Z. */
class Point {
  constructor(x, y, z, t) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.t = t;
  }

  // RFC 8032, section 5.1.4: these are complete, so they hold for any two points.

  add(other) {
    const a = modulo((this.y - this.x) * (other.y - other.x));
    const b = modulo((this.y + this.x) * (other.y + other.x));
    const c = modulo(((2n * this.t * other.t) % P) * D);
    const d = modulo(2n * this.z * other.z);
    return Point.of(b - a, d + c, d - c, b + a);
  }

  double() {
    const a = modulo(this.x * this.x);
    const b = modulo(this.y * this.y);
    const c = modulo(2n * this.z * this.z);
    const h = a + b;
    const sum = this.x + this.y;
    const e = h - modulo(sum * sum);
    const g = a - b;
    return Point.of(e, g, c + g, h);
  }

  static of(e, g, f, h) {
    return new Point(modulo(e * f), modulo(g * h), modulo(f * g), modulo(e * h));
  }

  negated() {
    return new Point(P - this.x, this.y, this.z, P - this.t);
  }

  isNeutral() {
    return modulo(this.x) === 0n && modulo(this.y - this.z) === 0n;
  }
}

const NEUTRAL = new Point(0n, 1n, 1n, 0n);

/** The 255-bit number of an encoding. */
function numberOf(encoded) {
  return littleEndian(encoded) % SIGN;
}

/** True if the number in an encoding is below the field's prime. */
export function isCanonical(encoded) {
  return numberOf(encoded) < P;
}

/** The point of any encoding that ZIP-215 allows, y at or above the prime and −0 for x included; null if it is none. */
function decode(encoded) {
  const y = numberOf(encoded) % P;
  const isOdd = encoded[31] >> 7 === 1;
  const u = modulo(y * y - 1n);
  const v = modulo(D * ((y * y) % P) + 1n);
  const cube = (((v * v) % P) * v) % P;
  const seventh = (((cube * cube) % P) * v) % P;
  let x = (((u * cube) % P) * power((u * seventh) % P, (P - 5n) / 8n)) % P;
  if (modulo(v * ((x * x) % P) - u) !== 0n) {
    x = (x * ROOT_OF_MINUS_ONE) % P;
    if (modulo(v * ((x * x) % P) - u) !== 0n) return null;
  }
  if ((x & 1n) === 1n !== isOdd) x = modulo(-x);
  return new Point(x, y, 1n, (x * y) % P);
}

const BASE = decode(Uint8Array.from({ length: 32 }, (_, place) => (place === 0 ? 0x58 : 0x66)));

/** Points of keys: the same few sign again and again. */
const known = new Map();
const KNOWN_AT_MOST = 4_096;

function keyPoint(key) {
  const name = toHex(key);
  let point = known.get(name);
  if (point === undefined) {
    point = decode(key);
    if (known.size >= KNOWN_AT_MOST) known.clear();
    known.set(name, point);
  }
  return point;
}

/** True if the bytes decode to a point. */
export function isPoint(key) {
  return keyPoint(key) !== null;
}

/** The encodings of points of small order below the prime, their top bit clear. */
const SMALL = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** True if the bytes are one of the page's encodings of small order, whatever their top bit. */
export function isSmallOrder(encoded) {
  const name = Uint8Array.from(encoded);
  name[31] &= 0x7f;
  return SMALL.includes(toHex(name));
}

/** True if s, the signature's second half, is below the group's order. */
export function isReduced(signature) {
  return littleEndian(signature.subarray(32)) < ORDER;
}

/** `a · p + b · q`, two bits of both at a time. */
function combined(a, p, b, q) {
  const multiples = [[NEUTRAL, p, p.double()], [NEUTRAL, q, q.double()]];
  multiples[0].push(multiples[0][2].add(p));
  multiples[1].push(multiples[1][2].add(q));
  const table = multiples[1].flatMap((right) => multiples[0].map((left) => left.add(right)));
  let sum = NEUTRAL;
  for (let bit = 254n; bit >= 0n; bit -= 2n) {
    sum = sum.double().double();
    const index = Number((((b >> bit) & 3n) << 2n) | ((a >> bit) & 3n));
    if (index > 0) sum = sum.add(table[index]);
  }
  return sum;
}

function encodingOf(point) {
  const inverse = power(modulo(point.z), P - 2n);
  const x = modulo(point.x * inverse);
  let rest = modulo(point.y * inverse) | ((x & 1n) << 255n);
  return Uint8Array.from({ length: 32 }, () => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}

/** `s · B − k · A`: what R has to be. Null if the key is no point. */
function expectedR(key, signature, message) {
  const point = keyPoint(key);
  if (point === null) return null;
  const hashed = new Uint8Array(64 + message.length);
  hashed.set(signature.subarray(0, 32));
  hashed.set(key, 32);
  hashed.set(message, 64);
  const challenge = littleEndian(sha512(hashed)) % ORDER;
  return combined(littleEndian(signature.subarray(32)), BASE, challenge, point.negated());
}

/** ZIP-215's equation, with the cofactor. The caller has looked at s. */
export function holdsWithCofactor(key, signature, message) {
  const first = decode(signature.subarray(0, 32));
  const expected = expectedR(key, signature, message);
  if (first === null || expected === null) return false;
  return expected.add(first.negated()).double().double().double().isNeutral();
}

/** RFC 8032's equation, without the cofactor. The caller has looked at s, and that A and R are canonical. */
export function holdsWithoutCofactor(key, signature, message) {
  const expected = expectedR(key, signature, message);
  return expected !== null && equal(encodingOf(expected), signature.subarray(0, 32));
}
