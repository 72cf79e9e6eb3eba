// ECDSA on P-256 with BigInt (section 2 of docs/formats.md). Nothing here is secret, so nothing needs constant time.

import { bigEndian, concat, toBigEndian } from "./bytes.js";

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const BASE_X = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n;
const BASE_Y = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n;

function modulo(number, prime) {
  const rest = number % prime;
  return rest < 0n ? rest + prime : rest;
}

function power(base, exponent, prime) {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

/** A point by Jacobian coordinates: x = X / Z², y = Y / Z³. Z is 0 at infinity. */
class Point {
  constructor(x, y, z) {
    this.x = x;
    this.y = y;
    this.z = z;
  }

  // As the curve's a is −3: "dbl-2001-b" of the explicit-formulas database.
  double() {
    const delta = (this.z * this.z) % P;
    const gamma = (this.y * this.y) % P;
    const beta = (this.x * gamma) % P;
    const alpha = modulo(3n * (this.x - delta) * (this.x + delta), P);
    const x = modulo(alpha * alpha - 8n * beta, P);
    const sum = this.y + this.z;
    const z = modulo(sum * sum - gamma - delta, P);
    const y = modulo(alpha * (4n * beta - x) - 8n * gamma * gamma, P);
    return new Point(x, y, z);
  }

  add(other) {
    if (this.z === 0n) return other;
    if (other.z === 0n) return this;
    const ours = (this.z * this.z) % P;
    const theirs = (other.z * other.z) % P;
    const u1 = (this.x * theirs) % P;
    const u2 = (other.x * ours) % P;
    const s1 = (((this.y * other.z) % P) * theirs) % P;
    const s2 = (((other.y * this.z) % P) * ours) % P;
    const h = modulo(u2 - u1, P);
    const r = modulo(s2 - s1, P);
    if (h === 0n) return r === 0n ? this.double() : INFINITY;
    const square = (h * h) % P;
    const cube = (square * h) % P;
    const v = (u1 * square) % P;
    const x = modulo(r * r - cube - 2n * v, P);
    const y = modulo(r * (v - x) - s1 * cube, P);
    return new Point(x, y, (((this.z * other.z) % P) * h) % P);
  }
}

const INFINITY = new Point(1n, 1n, 0n);
const BASE = new Point(BASE_X, BASE_Y, 1n);

/** True if the bytes of a compressed key can be a point's: their first is 02 or 03, and x is below p. */
export function isOfForm(key) {
  return (key[0] === 2 || key[0] === 3) && bigEndian(key.subarray(1)) < P;
}

/** The point of a key of good form; null if it is none. */
function decode(key) {
  const x = bigEndian(key.subarray(1));
  const square = modulo(x * x * x - 3n * x + B, P);
  // As p is 3 modulo 4.
  const y = power(square, (P + 1n) / 4n, P);
  if ((y * y) % P !== square) return null;
  const isOdd = key[0] === 3;
  return new Point(x, (y & 1n) === 1n === isOdd ? y : P - y, 1n);
}

/** True if a key of good form is a point's. */
export function isPoint(key) {
  return decode(key) !== null;
}

/** A good key as SEC 1's uncompressed point, which is the only form that all WebCrypto takes. */
export function uncompressed(key) {
  const { x, y } = decode(key);
  return concat(Uint8Array.of(4), toBigEndian(x, 32), toBigEndian(y, 32));
}

/** True if r and s are in their ranges, s the low one of two. */
export function isInRange(signature) {
  const r = bigEndian(signature.subarray(0, 32));
  const s = bigEndian(signature.subarray(32));
  return r >= 1n && r < N && s >= 1n && s <= (N - 1n) / 2n;
}

/** True if the signature over a digest is good. The caller has looked at the key's form, r and s. */
export function holds(key, signature, digest) {
  const point = decode(key);
  if (point === null) return false;
  const r = bigEndian(signature.subarray(0, 32));
  const w = power(bigEndian(signature.subarray(32)), N - 2n, N);
  const a = (bigEndian(digest) * w) % N;
  const b = (r * w) % N;
  const both = BASE.add(point);
  let sum = INFINITY;
  for (let bit = 255n; bit >= 0n; bit -= 1n) {
    sum = sum.double();
    const index = Number((((b >> bit) & 1n) << 1n) | ((a >> bit) & 1n));
    if (index > 0) sum = sum.add(index === 1 ? BASE : index === 2 ? point : both);
  }
  if (sum.z === 0n) return false;
  const inverse = power(sum.z, P - 2n, P);
  // x is below p, and may be n or more.
  const x = (sum.x * ((inverse * inverse) % P)) % P;
  return x % N === r;
}
