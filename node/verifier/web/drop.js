// The explorer's page of records: documents are hashed in the browser, and looked up by their hashes. Nothing else of
// them is sent.

import { toHex } from "./bytes.js";
import { hashOf } from "./hashing.js";
import { element, make, takeChosen, takeDropped } from "./making.js";
import { visible } from "./text.js";
import { count } from "./trail.js";

const MIB = 1024 * 1024;

function sizeText(bytes) {
  return bytes < MIB ? count(bytes, "byte") : `${(bytes / MIB).toFixed(1)} MiB`;
}

/** What the node says of a hash, in words. */
async function foundOf(hash) {
  const answer = await fetch(`v1/records/${hash}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`the node answers ${answer.status}`);
  const { records, next } = await answer.json();
  if (records.length === 0) return "Nobody has recorded it, this node says.";
  const [{ timestamp, sender }] = records;
  const number = next ? `more than ${records.length} times` : count(records.length, "time");
  return `Recorded ${number}, this node says: first at ${visible(timestamp)} by ${visible(sender)}.`;
}

async function lookUp(file) {
  const name = make("strong", visible(file.name));
  const state = make("span", "is being hashed…");
  element("dropped").append(make("li", [name, " ", state]));
  try {
    const hash = toHex(
      await hashOf(file, (done) => {
        const percent = Math.floor((100 * done) / file.size);
        state.textContent = `is being hashed: ${percent} % of ${sizeText(file.size)}`;
      }),
    );
    const link = make("a", hash, { href: `records/${hash}`, class: "mono" });
    const found = make("span", "Looking it up…");
    state.replaceChildren(`has ${sizeText(file.size)} and the SHA-256 `, link, ". ", found);
    found.textContent = await foundOf(hash);
  } catch (fault) {
    state.append(` It cannot be looked up: ${fault.message}.`);
  }
}

/** One after the other: a disk reads one file faster than several. */
async function take(files) {
  for (const file of files) await lookUp(file);
}

function start() {
  element("drop").hidden = false;
  takeChosen(element("drop-files"), take);
  takeDropped(take);
}

start();
