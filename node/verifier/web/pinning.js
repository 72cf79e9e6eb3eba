// The genesis hash that a reader has pinned: a browser keeps it for the explorer's address. A node that serves another
// document there is found out, whatever name or id it gives its network.

const NAME = "quorate genesis hash";

function key(base) {
  return `${NAME} ${base}`;
}

/** The hash that a text names, as somebody writes or pastes it; null if it is none. */
export function hashIn(text) {
  const hash = text.trim().toLowerCase();
  return /^[0-9a-f]{64}$/.test(hash) ? hash : null;
}

/** The hash that is pinned for an address; null if there is none, or the browser keeps nothing. */
export function pinnedAt(base, storage = globalThis.localStorage) {
  try {
    return hashIn(storage.getItem(key(base)) ?? "");
  } catch {
    return null;
  }
}

/** Pins a hash for an address, or none. False if the browser keeps nothing. */
export function pinAt(base, hash, storage = globalThis.localStorage) {
  try {
    if (hash === null) storage.removeItem(key(base));
    else storage.setItem(key(base), hash);
    return true;
  } catch {
    return false;
  }
}
