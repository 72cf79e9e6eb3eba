// A verdict in lines for people, as `quorate audit verify` says it. It always names the block as of which something
// is proven; it says up to when a range is complete, and of a text that is not shown whether it is erased or only
// withheld.

import { toHex } from "./bytes.js";
import { erasuresOf } from "./facts.js";
import { ownerText } from "./proof.js";
import { addressText, amountText, keyText, timeText } from "./text.js";
import { operationWords, quoted } from "./travelling.js";
import { ACT, PREFIX } from "./types.js";

/** The codes of failures (section 10). */
const CODES = {
  1: "unknown_asset",
  2: "asset_exists",
  3: "insufficient_balance",
  4: "not_issuer",
  5: "supply_overflow",
  7: "too_many_decimals",
  8: "threshold_unreachable",
  9: "invalid_key",
  10: "too_many_balances",
  11: "unknown_validator",
  12: "not_its_member",
  13: "rejoin_too_soon",
  14: "not_yet",
  15: "record_exists",
  16: "record_taken",
  17: "key_taken",
  18: "bad_until",
  19: "frozen",
  20: "not_admitted",
  21: "not_permitted",
  22: "unknown_hold",
  23: "hold_ended",
  24: "hold_not_ended",
  25: "condition_unmet",
  26: "needless_preimage",
  27: "exceeds_hold",
  28: "not_named",
  29: "already_erased",
  30: "beneficiary_not_party",
  31: "too_many_holds",
  64: "unknown_member",
  65: "unknown_proposal",
  66: "proposal_closed",
  67: "not_in_electorate",
  68: "already_so",
  69: "would_strand",
  70: "unattested",
  71: "too_many_proposals",
  72: "name_taken",
  73: "bad_attestation",
  74: "too_weak",
  75: "unknown_seat",
  76: "too_soon",
  77: "over_share",
  78: "too_many_members",
};

/** The first byte of a unique record's key. */
const UNIQUE_RECORDS = 0x05;

/**
 * The lines of a verdict, the answer first. With `decimals`, by code, operations are in words, and what they have
 * decimals for is written with them; without, everything stands as it does in the node's own words.
 */
export function wordsOf({ verdict, kind, about, head, found }, decimals = null) {
  // The prefixes follow, each with what is there.
  const question = kind === "state" ? kind : `${kind} ${about}`;
  const answer =
    verdict === "proven"
      ? `proven: ${question}`
      : `complete up to ${timeText(found.completeUpTo)}, that included, and no further: ${question}`;
  const lines = {
    transaction: ofTransaction,
    state: (state) => state.flatMap(ofPrefix),
    statement: ofStatement,
    committees: (epochs) => epochs.map(ofEpoch),
    block: ofBlock,
    "not-executed": ofNotExecuted,
    "two-histories": ofTwoHistories,
    "two-recoveries": ({ documents: [first, second] }) => [
      `both documents are valid: ${toHex(first)} and ${toHex(second)}`,
    ],
  };
  return [answer, ...(head === null ? [] : [`as of ${blockWords(head)}`]), ...lines[kind](found, decimals)];
}

function blockWords({ height, timestamp, epoch, hash }) {
  return `block ${height} of ${timestamp}, epoch ${epoch}, ${hash}`;
}

function ofTransaction({ ordinal, entry, shown }, decimals) {
  const line = `ordinal ${ordinal} of the log: ${entryWords(entry)}`;
  return [line, ...(shown === null ? [] : shownLines(shown, [], decimals))];
}

function entryWords([kind, entry]) {
  const time = timeText(entry.timestamp);
  if (kind === "Recovery") {
    return `the recovery with the document ${toHex(entry.document)} began with block ${entry.height} of ${time}`;
  }
  const place = `in block ${entry.height} of ${time} at position ${entry.position}`;
  return `${toHex(entry.id)} was executed ${place}: ${outcomeWords(entry.outcome)}`;
}

function outcomeWords([kind, { results, code, operation }]) {
  if (kind === "Failed") {
    return `nothing of it took effect, as operation ${operation} failed: ${CODES[code] ?? `code ${code}`}`;
  }
  const paid = results.length === 0 ? "" : `; releases and refunds paid ${results.join(", ")}`;
  return `all of it took effect${paid}`;
}

/** What is shown of a transaction. `erased`: of which of its texts a leaf says that they are erased. */
function shownLines({ intent, signedBy, texts }, erased, decimals) {
  if (intent === null) return ["nothing of it is shown", ...textLines([], texts, erased)];
  const signed =
    signedBy === null
      ? "it is shown without signatures: what was executed, not who signed it"
      : `signed by ${signedBy.map(keyText).join(", ")}; each signature is good, and that these keys were its ` +
        "parties' signers is what the quorum checked";
  const operations = intent.operations.map((act, place) => {
    if (decimals === null) return `operation ${place}: ${ACT.words(act)}`;
    const party = addressText(intent.parties[act.party]);
    return `operation ${place}, by ${party}: ${operationWords(act.operation, decimals)}`;
  });
  return [signed, ...operations, ...textLines(intent.texts?.places ?? [], texts, erased)];
}

/** A line for each text: shown, erased, or withheld. */
function textLines(places, [kind, texts], erased) {
  const notShown = (place) => {
    const words = placeWords(place);
    const found = erased.find((each) => placeWords(each.place) === words);
    if (!found) return `${words} is withheld`;
    if (found.beforeExecution) return `${words} was erased before it was executed: nobody need have seen it`;
    return `${words} is erased`;
  };
  // Of a transaction that is not shown, only erasures tell that there were texts.
  if (places.length === 0) return erased.map((each) => notShown(each.place));
  const shownAt = (index) => {
    if (kind === "All" && texts[index]?.[0] === "Shown") return texts[index][1].text;
    return kind === "Alone" && texts.index === index ? texts.text.text : null;
  };
  return places.map((place, index) => {
    const text = shownAt(index);
    return text === null ? notShown(place) : `${placeWords(place)} is ${quoted(text)}`;
  });
}

function placeWords([kind, fields]) {
  return kind === "Memo" ? "the memo" : `the text of operation ${fields.index}, field ${fields.field},`;
}

function ofPrefix({ prefix, leaves }) {
  const name = PREFIX.words(prefix);
  if (leaves.length > 0) {
    return [`${name}: this, and nothing else`, ...leaves.map((leaf) => `${leaf.name} ${leaf.type.words(leaf.value)}`)];
  }
  const claim =
    prefix.key[0] === UNIQUE_RECORDS
      ? ", so nobody claimed it; whether somebody recorded it, that does not say"
      : "";
  return [`${name}: nothing is there${claim}`];
}

function ofStatement(found, given) {
  const decimals = new Map([...(given ?? []), ...decimalsOf(found.beside)]);
  const balances = (name, items) =>
    items.map(({ asset, free, held }) => {
      return `${name} ${asset}: ${amountWords(free, asset, decimals)} free, ${amountWords(held, asset, decimals)} held`;
    });
  const erasures = erasuresOf(found.beside);
  return [
    `${found.entries.length} transactions of ${ownerText(found.owner)} in the range, none left out`,
    ...(found.openingIsOfGenesis
      ? ["no step is before the range: the opening balances are those of genesis"]
      : []),
    ...balances("opening", found.opening),
    ...found.entries.flatMap((item) => itemLines(item, decimals, erasures, given === null ? null : decimals)),
    ...balances("closing", found.closing),
  ];
}

/** The decimals that proofs of the state show: pairs of code and decimals. */
export function decimalsOf(state) {
  const leaves = state.flatMap((proof) => proof.leaves).filter((leaf) => leaf.name === "asset");
  return leaves.map(({ value }) => [value.code, value.decimals]);
}

/** An amount with its asset's decimals, or in smallest units where nothing shown says how many these are. */
function amountWords(amount, asset, decimals) {
  if (decimals.has(asset)) return amountText(amount, decimals.get(asset));
  return amount === 0n ? "0" : `${amount} smallest units`;
}

function itemLines({ step, entry, shown }, decimals, erasures, inOperations) {
  const lines = [`${step.number}. ${entryWords(["Transaction", entry])}`];
  for (const change of step.changes) {
    const of = (amount) => amountWords(amount, change.asset, decimals);
    const free = `free ${of(change.free_before)} to ${of(change.free_after)}`;
    lines.push(`${change.asset}: ${free}, held ${of(change.held_before)} to ${of(change.held_after)}`);
  }
  const erased = erasures.get(toHex(entry.id));
  if (shown.intent !== null || erased) {
    const places = (erased ?? []).map(({ place, ordinal }) => ({ place, beforeExecution: ordinal < step.ordinal }));
    lines.push(...shownLines(shown, places, inOperations));
  }
  return lines;
}

function ofEpoch({ epoch, first, last, validators, endedBy }) {
  const range = `from ${first ?? "a height not known"} to ${last ?? "now"}`;
  const ended =
    endedBy === null
      ? ""
      : `, ended by recovery ${endedBy.number}, which may have lost: ${endedBy.mayHaveLost}`;
  return `epoch ${epoch}: ${validators.length} validators, ${range}${ended}`;
}

function ofBlock({ firstOrdinal, entries }, decimals) {
  const linesOf = ({ entry, shown }) => [entryWords(entry), ...(shown === null ? [] : shownLines(shown, [], decimals))];
  return [
    `${entries.length} entries from ordinal ${firstOrdinal} on, none left out; what the block skipped is not proven`,
    ...entries.flatMap(linesOf),
  ];
}

function ofNotExecuted({ expiresAt, from, to, entries }) {
  return [
    `it was not executed, and expired at ${timeText(expiresAt)}: it could have been from ${timeText(from)} on, ` +
      `before ${timeText(to)}`,
    `its first party had ${entries} other transactions then`,
    "a recovery that comes later can give this block up",
  ];
}

function ofTwoHistories({ histories, sealedBoth }) {
  // Of one epoch, whoever sealed both has lied, whatever a recovery gave up.
  const last =
    sealedBoth === null
      ? "the two are of different epochs"
      : `sealed by the same validators: ${sealedBoth.join(", ")}`;
  return [...histories.flatMap((history) => historyLines(history, sealedBoth !== null)), last];
}

function historyLines(history, isOfOneEpoch) {
  const { sealedBy, givenUp } = history;
  const lines = [`${blockWords(history)}, sealed by ${sealedBy.join(", ")}`];
  if (givenUp === null) return lines;
  lines.push(`certified, given up by recovery ${givenUp.number}`);
  const { stoodDown, lost } = givenUp;
  if (stoodDown.length > 0 || lost.length > 0) {
    const hid = `validators that stood down and hid something: ${stoodDown.join(", ")}`;
    lines.push(`${hid}; seats that were not lost: ${lost.join(", ")}`);
  } else if (!isOfOneEpoch) {
    lines.push("nobody need have lied");
  }
  return lines;
}
