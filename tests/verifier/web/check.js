// Saying what is not as it must be.

import { isSame } from "./json.js";

/** Fails unless a condition holds. */
export function assert(condition, words) {
  if (!condition) throw new Error(words);
}

/** Fails unless two values are the same. */
export function assertSame(found, wanted, words) {
  const text = (value) => JSON.stringify(value, (_name, part) => (typeof part === "bigint" ? `${part}n` : part));
  assert(isSame(found, wanted), `${words}: ${text(found)} instead of ${text(wanted)}`);
}

/** What `work` throws; it must throw something of this kind. */
export async function thrown(kind, work, words) {
  try {
    await work();
  } catch (fault) {
    if (fault instanceof kind) return fault;
    throw fault;
  }
  throw new Error(`${words}: nothing was refused`);
}
