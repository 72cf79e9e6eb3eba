// Files by their SHA-256, however large they are.

import { Sha256, digest } from "./sha2.js";
import { webCrypto } from "./signatures.js";

const MIB = 1024 * 1024;
/** WebCrypto takes a message as a whole only, so what is longer is hashed here, piece by piece. */
const WHOLE = 32 * MIB;
const PIECE = 4 * MIB;

/** The SHA-256 of a file. `tell` is called with how many bytes of it are done, now and then. */
export async function hashOf(file, tell = () => {}) {
  if (file.size <= WHOLE && webCrypto() !== null) {
    return digest(new Uint8Array(await file.arrayBuffer()), webCrypto());
  }
  const hash = new Sha256();
  for (let at = 0; at < file.size; at += PIECE) {
    // Reading a piece gives the page time to show how far it is.
    hash.add(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
    tell(hash.length);
  }
  return hash.end();
}
