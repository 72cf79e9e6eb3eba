// What a proof shows of a transaction beside its entry in the log (section 17 of docs/formats.md, "Shown").

import { equal, toHex } from "./bytes.js";
import { Refusal } from "./errors.js";
import { keyOf } from "./signatures.js";
import { count } from "./trail.js";
import { aloneFault, areSignaturesGood, intentId, signedHash, textsFault } from "./transaction.js";

/** Nothing is shown. */
export const NOTHING = { intent: null, signedBy: null, texts: ["Nothing", null] };

/** Refuses what is shown unless it is the entry's. Returns the intent, the keys that signed, and the texts. */
export async function checkShown(entry, [kind, value], where, trail) {
  if (kind === "Nothing") return NOTHING;
  const intent = kind === "Intent" ? value.intent : value.transaction.intent;
  const id = toHex(entry.id);
  if (!equal(intentId(intent), entry.id)) throw new Refusal("other_leaf", where, "it is another transaction");
  trail.note(`the intent that is shown has the entry's id, ${id}`);
  let signedBy = null;
  if (kind === "Transaction") {
    if (!equal(signedHash(value.transaction), entry.signed)) {
      throw new Refusal("other_leaf", where, "these are not the signatures in the log");
    }
    if (!(await areSignaturesGood(value.transaction))) {
      throw new Refusal("bad_signature", where, "a signature that is shown is not good");
    }
    signedBy = value.transaction.signatures.map(keyOf);
    trail.note(`the ${count(signedBy.length, "signature")} shown are those that the entry names, and each is good`);
  }
  checkTexts(value.texts, intent, `${where}.texts`, trail);
  return { intent, signedBy, texts: value.texts };
}

/** Sums up what was shown of many entries, if anything was. */
export function noteShown(all, trail) {
  const shown = all.filter((each) => each !== null && each.intent !== null);
  if (shown.length === 0) return;
  const signed = shown.filter((each) => each.signedBy !== null).length;
  trail.note(
    `${count(shown.length, "of them is", "of them are")} shown: each intent has its entry's id, the signatures of ` +
      `${signed} are those that the entries name, and each is good; texts that are shown are legal, and lead to the ` +
      "roots that were signed",
  );
}

function checkTexts([kind, texts], intent, where, trail) {
  if (kind === "Nothing") return;
  if (intent.texts === null) throw new Refusal("not_canonical", where, "the intent has no texts");
  if (kind === "Alone" && intent.texts.places.length < 2) {
    throw new Refusal("not_canonical", where, "a single text is all of them, and not shown alone");
  }
  const fault = kind === "All" ? textsFault(texts, intent) : aloneFault(texts, intent);
  if (fault !== null) throw new Refusal("bad_text", where, fault);
  trail.note("the texts that are shown are legal, and lead to the root that was signed");
}
