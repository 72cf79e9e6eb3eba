// Keys and signatures: which are good (section 2 of docs/formats.md).
//
// WebCrypto is asked first where there is one, as it is ten times as fast. Its rules are not the page's, so it
// only ever gives a quick yes:
//
// - What the page says of s, of keys and of R is looked at here, before anything else. WebCrypto leaves some of it
//   open: many take keys of small order, and all take P-256 signatures with a high s.
// - Its no is judged again here. For clients the page has ZIP-215, which takes signatures that the equation without
//   cofactor refuses. Of P-256 some libraries forget that the point's x may be n or more.
// - Its yes to a validator's signature would be worth nothing if it used the equation with cofactor, which RFC 8032
//   allows too. So before it is asked at all, it must refuse two signatures that hold only with the cofactor.

import { concat, equal, fromHex, toHex } from "./bytes.js";
import * as edwards from "./edwards.js";
import * as p256 from "./p256.js";
import { preimage, tagged } from "./hashes.js";
import { sha256 } from "./sha2.js";

/** What a signature costs: the numbers are part of the format. */
export const COSTS = { Ed25519: 1, P256: 20 };

let subtle = globalThis.crypto?.subtle ?? null;

/** WebCrypto; null where there is none, or it is not to be used. */
export function webCrypto() {
  return subtle;
}

/** Uses WebCrypto no more, or again where there is one. So tests judge everything in both ways. */
export function useWebCrypto(wanted) {
  subtle = wanted ? (globalThis.crypto?.subtle ?? null) : null;
}

const imported = new Map();
const IMPORTED_AT_MOST = 4_096;

/** A key as WebCrypto has it: a promise, which fails if it takes no such key. */
function importedKey(kind, key) {
  const name = kind + toHex(key);
  let found = imported.get(name);
  if (!found) {
    const [bytes, algorithm] =
      kind === "Ed25519" ? [key, "Ed25519"] : [p256.uncompressed(key), { name: "ECDSA", namedCurve: "P-256" }];
    found = subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
    if (imported.size >= IMPORTED_AT_MOST) imported.clear();
    imported.set(name, found);
  }
  return found;
}

/** True if WebCrypto says yes. It may say no, fail, or not know the algorithm at all. */
async function quickYes(kind, key, signature, message) {
  if (!subtle) return false;
  const algorithm = kind === "Ed25519" ? "Ed25519" : { name: "ECDSA", hash: "SHA-256" };
  try {
    return await subtle.verify(algorithm, await importedKey(kind, key), signature, message);
  } catch {
    return false;
  }
}

// Over the bytes `quorate`: a good signature, one whose R, and one whose key has a part of order 8.
const PROBES = [
  [
    "c4ecb1312edd9cff9c62ecd5f74f28851bc3f5d1036ce58a62f469c371af3419",
    "e6717f459b41c06a16ca423e4f2bfbd4cec6f20674b5a406f5a4d9a391a955c0" +
      "594c524bbccce5b545b81a0d3b450eca7736eb40e2b6d600bda45cd494fc0a06",
    true,
  ],
  [
    "c4ecb1312edd9cff9c62ecd5f74f28851bc3f5d1036ce58a62f469c371af3419",
    "9ba041eac364595c006bf447f21282e8c0d9219b369e1d3963b4831dccd2d4eb" +
      "bddd2324853daaa0996ddbb8d4903780004541935a6bfc029935f2fbbedda20a",
    false,
  ],
  [
    "b4156dd72c62a927981e5efd85fb8b073b7a4abb578d90bb6953f34c81ee1e99",
    "e6717f459b41c06a16ca423e4f2bfbd4cec6f20674b5a406f5a4d9a391a955c0" +
      "9005ede5721b771bf9163d9d7feadeda6d8f5ab7126f8b12481fc38f5551160f",
    false,
  ],
];

let probed = null;

/** True if WebCrypto knows Ed25519, and uses the equation without cofactor. It is asked once. */
function usesNoCofactor() {
  probed ??= Promise.all(
    PROBES.map(async ([key, signature, wanted]) => {
      const message = Uint8Array.of(0x71, 0x75, 0x6f, 0x72, 0x61, 0x74, 0x65);
      return (await quickYes("Ed25519", fromHex(key), fromHex(signature), message)) === wanted;
    }),
  ).then((answers) => answers.every(Boolean));
  return probed;
}

async function quickYesOfEdwards(key, signature, message) {
  return subtle !== null && (await usesNoCofactor()) && quickYes("Ed25519", key, signature, message);
}

/** What of an Ed25519 key shows in its bytes. */
function isOfForm(key) {
  return edwards.isCanonical(key) && !edwards.isSmallOrder(key);
}

/** True if an Ed25519 key is good: of good form, and a point. Its order is then not small. */
export function isGoodEdwardsKey(key) {
  return isOfForm(key) && edwards.isPoint(key);
}

/** True if a `Key` is of good form. */
export function isKeyOfForm([kind, key]) {
  return kind === "Ed25519" ? isOfForm(key) : p256.isOfForm(key);
}

/** True if a `Key` may be registered. */
export function isGoodKey([kind, key]) {
  return kind === "Ed25519" ? isGoodEdwardsKey(key) : p256.isOfForm(key) && p256.isPoint(key);
}

/** How validators', nodes' and witnesses' signatures are checked. */
export async function strict(key, signature, message) {
  const first = signature.subarray(0, 32);
  if (!isGoodEdwardsKey(key) || !isOfForm(first) || !edwards.isReduced(signature)) return false;
  return (
    (await quickYesOfEdwards(key, signature, message)) || edwards.holdsWithoutCofactor(key, signature, message)
  );
}

/** How clients' Ed25519 signatures are judged, whatever the key's form. */
export async function zip215(key, signature, message) {
  if (!edwards.isReduced(signature)) return false;
  // What holds without the cofactor holds with it. Libraries differ in what they make of keys of another form.
  const isQuickYes = isOfForm(key) && (await quickYesOfEdwards(key, signature, message));
  return isQuickYes || edwards.holdsWithCofactor(key, signature, message);
}

/** How clients' P-256 signatures are judged. */
export async function ecdsa(key, signature, message) {
  if (!p256.isOfForm(key) || !p256.isPoint(key) || !p256.isInRange(signature)) return false;
  return (await quickYes("P256", key, signature, message)) || p256.holds(key, signature, sha256(message));
}

/** `bcs(Key)`. */
export function encodeKey([kind, key]) {
  return concat(Uint8Array.of(kind === "Ed25519" ? 0 : 1), key);
}

/** The `Key` of a `KeySignature`. */
export function keyOf([kind, fields]) {
  return [kind, fields.key];
}

/** True if two `Key`s are one. */
export function isSameKey([kind, key], [otherKind, other]) {
  return kind === otherKind && equal(key, other);
}

/** The address of the account whose first key this is. */
export function addressOf(key) {
  return tagged("address", encodeKey(key)).subarray(0, 20);
}

/**
 * True if a `KeySignature` under a tag over some content is good, its key of good form. Without the form ZIP-215 would
 * take keys of small order, for which anybody can sign.
 */
export async function isClientSignatureGood(signature, tag, content) {
  if (!isKeyOfForm(keyOf(signature))) return false;
  const [kind, fields] = signature;
  const judge = kind === "Ed25519" ? zip215 : ecdsa;
  return judge(fields.key, fields.signature, preimage(tag, content));
}

/** True if a validator's, node's or witness's signature under a tag over some content is good. */
export async function isValidatorSignatureGood(key, signature, tag, content) {
  return strict(key, signature, preimage(tag, content));
}
