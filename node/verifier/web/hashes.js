// Tagged hashes, and lists as RFC 6962 trees (section 1 of docs/formats.md).

import { ascii, concat, equal } from "./bytes.js";
import { sha256 } from "./sha2.js";

/** The hash of nothing: the state tree's empty side. */
export const ZERO = new Uint8Array(32);

const tags = new Map();

/** What is hashed or signed under `quorate/NAME/v2`. */
export function preimage(name, content) {
  let begin = tags.get(name);
  if (!begin) {
    const tag = ascii(`quorate/${name}/v2`);
    begin = concat(Uint8Array.of(tag.length), tag);
    tags.set(name, begin);
  }
  return concat(begin, content);
}

/** The page's `H`. */
export function tagged(name, content) {
  return sha256(preimage(name, content));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of a list's leaf. */
export function leafHash(data) {
  return sha256(concat(LEAF, data));
}

/** The hash of a list's inner node. */
export function nodeHash(left, right) {
  return sha256(concat(NODE, left, right));
}

/** How many bits of a number are set. */
export function bitCount(number) {
  let count = 0;
  for (let rest = number; rest > 0n; rest >>= 1n) count += Number(rest & 1n);
  return count;
}

/** The complete subtrees that a list falls into, largest first: enough to append to it, and for its root. */
export class Frontier {
  /** `subtrees` has one for each bit set in `length`, which is a BigInt. */
  constructor(length = 0n, subtrees = []) {
    this.length = length;
    this.subtrees = [...subtrees];
  }

  /** Appends a leaf by its hash. */
  append(leaf) {
    let subtree = leaf;
    for (let size = this.length; size & 1n; size >>= 1n) subtree = nodeHash(this.subtrees.pop(), subtree);
    this.subtrees.push(subtree);
    this.length += 1n;
  }

  root() {
    if (this.subtrees.length === 0) return sha256(new Uint8Array(0));
    return this.subtrees.reduceRight((right, subtree) => nodeHash(subtree, right));
  }
}

/** The root over a list's leaf data. */
export function listRoot(leaves) {
  const frontier = new Frontier();
  for (const data of leaves) frontier.append(leafHash(data));
  return frontier.root();
}

/**
 * The root that an inclusion proof of a leaf's hash leads to (RFC 9162, section 2.1.3.2), `index` and `size` being
 * BigInts; null if the path has another length than it must have.
 */
export function pathRoot(leaf, index, size, path) {
  if (index >= size) return null;
  let at = index;
  let last = size - 1n;
  let root = leaf;
  for (const sibling of path) {
    if (last === 0n) return null;
    if (at & 1n || at === last) {
      root = nodeHash(sibling, root);
      while (!(at & 1n) && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      root = nodeHash(root, sibling);
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? root : null;
}

/** True if the path includes the leaf in the list of `size` leaves that falls into these complete subtrees. */
export function frontierHolds(leaf, index, size, path, subtrees) {
  if (size === 0n || subtrees.length !== bitCount(size)) return false;
  const root = pathRoot(leaf, index, size, path);
  return root !== null && equal(root, new Frontier(size, subtrees).root());
}
