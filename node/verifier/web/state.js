// State keys, the state tree, and proofs of what the state has (section 12 of docs/formats.md).

import { compare, concat, equal, isZero, toBigEndian, toHex } from "./bytes.js";
import { Malformed, Refusal } from "./errors.js";
import { ZERO, tagged } from "./hashes.js";
import { sha256 } from "./sha2.js";
import * as types from "./types.js";

const VALUE_LIMIT = 32_768;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** An asset's code as a number in base 37, its first character the highest of 12 digits. */
function b37(code) {
  let number = 0n;
  for (const letter of code.padEnd(12)) number = number * 37n + BigInt(DIGITS.indexOf(letter) + 1);
  return toBigEndian(number, 8);
}

function keyAt(kind, ...parts) {
  const key = new Uint8Array(32);
  key.set(concat(Uint8Array.of(kind), ...parts));
  return key;
}

function be4(number) {
  return toBigEndian(number, 4);
}

function cutHash(tag, content) {
  return tagged(tag, content).subarray(0, 31);
}

/** The key of an account's own leaf. */
export function accountKey(address) {
  return keyAt(0x01, address);
}

/** The key of a balance that lies outside the account's leaf. */
export function balanceKey(address, code) {
  return keyAt(0x01, address, new Uint8Array(3), b37(code));
}

/** The key of an asset. */
export function assetKey(code) {
  return keyAt(0x03, b37(code));
}

/** The key of a member. */
export function memberKey(number) {
  return keyAt(0x06, be4(number));
}

/** The key of a seat. */
export function seatKey(number) {
  return keyAt(0x07, be4(number));
}

/** The key of a name or key in use. */
export function takenKey(taken) {
  return keyAt(0x08, cutHash("taken", types.TAKEN.write(taken)));
}

const RIGHTS = Object.keys(types.RIGHT_TEXTS);
const SCOPES = ["Network", "Member", "Asset"];

/** The key of a grant. */
export function grantKey({ account, right, scope: [kind, value] }) {
  const material = { Network: () => new Uint8Array(8), Member: () => toBigEndian(value, 8), Asset: () => b37(value) };
  const numbers = Uint8Array.of(RIGHTS.indexOf(right[0]), SCOPES.indexOf(kind));
  return keyAt(0x09, account, numbers, material[kind]());
}

/** The key of the record that claims a document. */
export function uniqueRecordKey(sha256) {
  return keyAt(0x05, cutHash("unique-record", sha256));
}

/** The key of the parameters (0), the rules (1), the agreement (2) or the counters (3). */
export function singleKey(number) {
  return keyAt(0x10, Uint8Array.of(number));
}

const SINGLES = [
  ["parameters", types.PARAMETERS],
  ["rules", types.RULES],
  ["agreement", types.AGREEMENT],
  ["counters", types.COUNTERS],
];

/** What lies under keys of a kind: its name, its type, and how the key follows from a value. */
const BY_KIND = {
  0x02: [
    "hold",
    types.HOLD,
    ({ owner, transaction, operation }) => {
      const hash = tagged("hold", concat(transaction, Uint8Array.of(operation)));
      return keyAt(0x02, owner, hash.subarray(0, 11));
    },
  ],
  0x03: ["asset", types.ASSET, (asset) => assetKey(asset.code)],
  0x04: [
    "own record",
    types.RECORD,
    ({ address, sha256: document }) => keyAt(0x04, cutHash("own-record", concat(address, document))),
  ],
  0x05: ["unique record", types.RECORD, (record) => uniqueRecordKey(record.sha256)],
  0x06: ["member", types.MEMBER, (member) => memberKey(member.number)],
  0x07: ["seat", types.SEAT, (seat) => seatKey(seat.number)],
  0x08: ["in use", types.IN_USE, (use) => takenKey(use.taken)],
  0x09: ["grant", types.GRANT, grantKey],
  0x0a: [
    "freeze",
    types.FREEZE,
    ({ account, asset }) => keyAt(0x0a, account, new Uint8Array(3), asset === null ? ZERO.subarray(0, 8) : b37(asset)),
  ],
  0x0b: ["proposal", types.GOVERNANCE_PROPOSAL, (proposal) => keyAt(0x0b, toBigEndian(proposal.number, 8))],
  0x0c: ["guardians", types.GUARDIANS, (guardians) => keyAt(0x0c, guardians.account)],
  0x0e: ["erasure", types.ERASURE, (erasure) => keyAt(0x0e, cutHash("erasure", erasure.id))],
  0x0f: ["recovery", types.RECOVERY_MARK, (mark) => keyAt(0x0f, be4(mark.number))],
};

const NO_MEMBER = 0xffff_ffff;

function typeOf(key) {
  const [kind, second] = key;
  if (kind === 0x01) {
    if (isZero(key.subarray(21))) return ["account", types.ACCOUNT, (account) => accountKey(account.address)];
    return ["balance", types.BALANCE, (balance) => balanceKey(balance.address, balance.asset)];
  }
  if (kind === 0x0d) {
    if (second !== 0) return ["share", types.QUOTA_SHARE, (share) => keyAt(0x0d, Uint8Array.of(1), share.account)];
    return ["quota", types.QUOTA, (quota) => keyAt(0x0d, Uint8Array.of(0), be4(quota.member ?? NO_MEMBER))];
  }
  if (kind === 0x10 && second < SINGLES.length) return [...SINGLES[second], () => singleKey(second)];
  if (BY_KIND[kind]) return BY_KIND[kind];
  const hex = kind.toString(16).padStart(2, "0");
  throw new Refusal("other_leaf", `leaf ${toHex(key)}`, `there is no kind ${hex} with this key`);
}

/** A leaf: its key, its kind's name, its type and its value, from which the key was derived again. */
function leafOf({ key, value: data }) {
  const [name, type, derive] = typeOf(key);
  let value;
  try {
    value = type.decode(data, VALUE_LIMIT);
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    throw fault.refusal(`leaf ${toHex(key)}`, "other_leaf");
  }
  if (!equal(derive(value), key)) {
    throw new Refusal("other_leaf", `leaf ${toHex(key)}`, "its value belongs to another key");
  }
  return { key, name, type, value };
}

// The tree.

const LEAF = Uint8Array.of(2);
const JOIN = 3;
const VALUE = Uint8Array.of(4);

/** The bit of a key at a depth; bit 0 is the most significant of the first byte. */
function bit(key, depth) {
  return (key[depth >> 3] >> (7 - (depth & 7))) & 1;
}

function leafDigest(key, valueDigest) {
  return sha256(concat(LEAF, key, valueDigest));
}

/** The hash of a leaf by its key and value. */
function leafHash(key, value) {
  return leafDigest(key, sha256(concat(VALUE, value)));
}

function join(depth, left, right) {
  if (equal(left, ZERO)) return right;
  if (equal(right, ZERO)) return left;
  return sha256(concat(Uint8Array.of(JOIN, depth), left, right));
}

/** How many bits two keys begin with alike. */
function commonBits(a, b) {
  for (let place = 0; place < 32; place += 1) {
    const differing = a[place] ^ b[place];
    if (differing !== 0) return 8 * place + Math.clz32(differing) - 24;
  }
  return 256;
}

/**
 * The root over leaves ascending by key, each with its key and hash. A join is hashed only where keys part, so it does
 * not matter from which depth on it is computed.
 */
function rootOver(leaves, start = 0, end = leaves.length) {
  if (start === end) return ZERO;
  if (end - start === 1) return leaves[start].hash;
  const depth = commonBits(leaves[start].key, leaves[end - 1].key);
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bit(leaves[middle].key, depth)) high = middle;
    else low = middle + 1;
  }
  return join(depth, rootOver(leaves, start, low), rootOver(leaves, low, end));
}

/** The root of a whole state: pairs of key and value, each key once. */
export function stateRoot(pairs) {
  const leaves = pairs.map(([key, value]) => ({ key, hash: leafHash(key, value) }));
  leaves.sort((a, b) => compare(a.key, b.key));
  return rootOver(leaves);
}

// Proofs.

function isUnder(key, prefix) {
  return commonBits(key, prefix.key) >= prefix.bits;
}

/** All leaves under the proof's prefix in the state with this root. */
export function checkStateProof(proof, root, where) {
  const { prefix, path } = proof;
  const [kind, found] = proof.found;
  if (kind === "Empty") {
    if (!equal(root, ZERO) || path.length > 0) throw new Refusal("bad_path", where, "the state is not empty");
    return [];
  }
  let leaves = [];
  let hash;
  if (kind === "Other") {
    if (isUnder(found.key, prefix)) {
      throw new Refusal("bad_path", where, "the leaf that is to show absence lies under the prefix");
    }
    const parting = path.find(({ depth }) => bit(found.key, depth) !== bit(prefix.key, depth));
    if (parting) {
      const words = `the other leaf's key parts from the prefix at bit ${parting.depth}`;
      throw new Refusal("bad_path", where, words);
    }
    hash = leafDigest(found.key, found.value);
  } else {
    leaves = found.map((leaf, place) => {
      if (isUnder(leaf.key, prefix)) return leafOf(leaf);
      throw new Refusal("bad_path", `${where}.leaves[${place}]`, "a leaf that is not under the prefix");
    });
    if (prefix.bits === 168 && prefix.key[0] === 0x01) checkAccount(prefix, leaves, where);
    const deep = path.find(({ depth }) => depth >= prefix.bits);
    if (deep) {
      throw new Refusal("bad_path", where, `a step at depth ${deep.depth} under ${prefix.bits} bits`);
    }
    hash = rootOver(found.map(({ key, value }) => ({ key, hash: leafHash(key, value) })));
  }
  for (const { depth, sibling } of [...path].reverse()) {
    hash = bit(prefix.key, depth) ? join(depth, sibling, hash) : join(depth, hash, sibling);
  }
  if (!equal(hash, root)) throw new Refusal("bad_path", where, "the path does not lead to the state root");
  return leaves;
}

/** Refuses balances under an account's prefix without the account, or a code in two leaves. */
function checkAccount(prefix, leaves, where) {
  const [account, ...others] = leaves;
  if (!equal(account.key, prefix.key)) throw new Refusal("other_leaf", where, "balances without their account");
  const codes = [...account.value.balances, ...others.map((leaf) => leaf.value)].map((balance) => balance.asset);
  if (new Set(codes).size !== codes.length) {
    throw new Refusal("other_leaf", where, "a code that is in two leaves");
  }
}

/** Kinds whose keys begin with an address. */
const OWNED = [0x01, 0x02, 0x09, 0x0a];

/** Why nobody asks for such a prefix; null if somebody may. */
function questionFault({ key: [kind], bits }) {
  if (kind < 0x01 || kind > 0x10) return `there is no kind ${kind.toString(16).padStart(2, "0")}`;
  const isAsked = bits === 8 || bits === 256 || (bits === 168 && OWNED.includes(kind));
  return isAsked ? null : `a prefix of ${bits} bits`;
}

function comparePrefixes(a, b) {
  return compare(a.key, b.key) || a.bits - b.bits;
}

/** Several proofs under one root, strictly ascending by prefix: for each its prefix and what is there. */
export function checkSortedProofs(proofs, root, where) {
  return proofs.map((proof, place) => {
    const at = `${where}[${place}]`;
    if (place > 0 && comparePrefixes(proofs[place - 1].prefix, proof.prefix) >= 0) {
      throw new Refusal("not_canonical", at, "the prefixes do not ascend strictly");
    }
    const fault = questionFault(proof.prefix);
    if (fault !== null) throw new Refusal("not_canonical", at, fault);
    return { prefix: proof.prefix, leaves: checkStateProof(proof, root, at) };
  });
}

/** Refuses proofs of which one's prefix covers another's: so nothing is shown twice. */
export function checkApart(proofs, where) {
  const ordered = proofs.map((proof) => proof.prefix).sort(comparePrefixes);
  for (const [place, wide] of ordered.entries()) {
    // In this order all that a prefix covers comes right behind it.
    const next = ordered[place + 1];
    if (next && isUnder(next.key, wide)) {
      const words = `the prefix ${types.PREFIX.words(wide)} covers another`;
      throw new Refusal("not_canonical", where, words);
    }
  }
}

/** True if a prefix is these bits of this key. */
export function isPrefix(prefix, bits, key) {
  return prefix.bits === bits && equal(prefix.key, key);
}

/** The leaf under one key, undefined if nothing is there; the proof must be about this key with 256 bits. */
export function checkSingle(proof, root, key, where) {
  if (!isPrefix(proof.prefix, 256, key)) {
    throw new Refusal("other_leaf", where, `the proof is not of the key ${toHex(key)}`);
  }
  return checkStateProof(proof, root, where)[0];
}
