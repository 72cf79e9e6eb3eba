// Whether a page of the explorer shows what a proof establishes. Nothing here touches the page: `shown` is what pages.js
// read from it.

import { decodeUtf8, toHex } from "./bytes.js";
import { addressText, amountText, keyText, timeText, visible } from "./text.js";
import { tagged } from "./hashes.js";
import { count } from "./trail.js";
import { ACT } from "./types.js";

const KINDS = {
  CreateAsset: "Create asset",
  Mint: "Mint",
  Burn: "Burn",
  Transfer: "Transfer",
  PutRecord: "Record",
  SetSigners: "Set signers",
  Rejoin: "Rejoin",
  Hold: "Hold",
  Release: "Release",
  Refund: "Refund",
  Erase: "Erase",
};
const KEPT = {
  Log: "in the log alone",
  Own: "as the account’s own",
  Unique: "as the only one that claims it",
};
const ADDRESS = /qr1[02-9ac-hj-np-z]{38}/g;

/** The beginning and the end of a long text, as pages shorten it. */
export function shorten(text) {
  return text.length <= 16 ? text : `${text.slice(0, 9)}…${text.slice(-6)}`;
}

/** A number with its digits in groups of three before the point. */
export function grouped(number) {
  const [whole, part] = String(number).split(".");
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part === undefined ? digits : `${digits}.${part}`;
}

/** An amount without its asset. */
function unitsText(amount, asset, decimals) {
  if (decimals.has(asset)) return grouped(amountText(amount, decimals.get(asset)));
  return `${grouped(amount)} smallest units of`;
}

/** An amount with its asset. */
export function moneyText(amount, asset, decimals) {
  return `${unitsText(amount, asset, decimals)} ${asset}`;
}

/** A time as pages show it. */
function clockText(time) {
  return timeText(time).slice(0, 19).replace("T", " ");
}

/** What was found in comparing: what is the same, what differs, and what this proof leaves open. */
export class Comparison {
  constructor() {
    this.same = [];
    this.differences = [];
    this.open = [];
  }

  differ(what, shown, proven) {
    this.differences.push({ what, shown, proven });
  }

  /** Compares a text. What the page does not show says nothing false. */
  text(what, shown, proven) {
    if (shown === null) this.open.push(`${what}: the page does not show it`);
    else if (shown === proven) this.same.push(what);
    else this.differ(what, shown, proven);
  }

  /** Compares a number. */
  number(what, shown, proven) {
    this.text(what, shown, grouped(proven));
  }

  /** Compares a name, which may be shortened: what is seen, what it is in full, and where it leads. */
  name(what, shown, proven) {
    if (shown === null) {
      this.open.push(`${what}: the page does not show it`);
      return;
    }
    const { text, title, href } = shown;
    const isShort = text === shorten(proven);
    const isNamed = text === proven || (isShort && title === proven);
    const leads = href === null || href.endsWith(`/${proven}`);
    if (isNamed && leads) this.same.push(what);
    else this.differ(what, [text, title, href].filter(Boolean).join(", "), proven);
  }

  /** Compares a time. */
  time(what, shown, proven) {
    if (shown === null) {
      this.open.push(`${what}: the page does not show it`);
      return;
    }
    const { text, title } = shown;
    const isSame = text === clockText(proven) && Date.parse(title) === Number(proven);
    if (isSame) this.same.push(what);
    else this.differ(what, `${text} (${title})`, timeText(proven));
  }
}

function textAt(texts, intent, isPlace) {
  const place = intent.texts?.places.findIndex(isPlace) ?? -1;
  if (place < 0) return null;
  const [kind, items] = texts;
  const item = kind === "All" ? items[place] : null;
  const bytes = item?.[0] === "Shown" ? item[1].text : null;
  const text = bytes === null ? null : decodeUtf8(bytes);
  return text === null ? null : visible(text).replace(/\s+/g, " ").trim();
}

/** What each release and refund paid, by the operation's place. */
function paidBy(intent, outcome) {
  const paid = new Map();
  if (outcome[0] !== "Success") return paid;
  let next = 0;
  for (const [place, { operation }] of intent.operations.entries()) {
    if (["Release", "Refund"].includes(operation[0])) {
      paid.set(place, outcome[1].results[next]);
      next += 1;
    }
  }
  return paid;
}

function compareMoneys(comparison, what, shown, [kind, fields], paid, decimals) {
  if (["Mint", "Burn", "Transfer", "Hold"].includes(kind)) {
    comparison.text(what, shown.moneys.join("; "), moneyText(fields.amount, fields.asset, decimals));
  } else if (kind === "Release" || kind === "Refund") {
    const amount = paid ?? fields.amount ?? null;
    const [said = null, ...more] = shown.moneys;
    if (amount === null || said === null) return;
    const asset = said.split(" ").at(-1);
    const isOfAsset = !said.endsWith(" what it holds");
    const proven = isOfAsset ? moneyText(amount, asset, decimals) : `${grouped(amount)} what it holds`;
    comparison.text(what, [said, ...more].join("; "), proven);
    comparison.open.push("of which asset a hold is, and whom it pays: the transaction that made it proves that");
  } else if (shown.moneys.length > 0) {
    comparison.differ(what, shown.moneys.join("; "), "nothing is moved");
  }
}

/** Each account that is named must be one of the operation's. */
function compareAccounts(comparison, what, shown, act, acting) {
  const [kind, fields] = act.operation;
  const known = new Set([acting, ...(ACT.words(act).match(ADDRESS) ?? [])]);
  for (const account of shown.accounts) {
    const full = account.title ?? account.text;
    if (known.has(full)) comparison.name(what, account, full);
    else if (kind !== "Release") comparison.differ(what, full, Array.from(known).join(", "));
  }
  const payee = fields?.to ?? fields?.beneficiary;
  if (payee === undefined) return;
  const wanted = addressText(payee);
  const isNamed = shown.accounts.some((account) => (account.title ?? account.text) === wanted);
  if (!isNamed) comparison.differ(what, shown.text, `it pays ${wanted}`);
}

/** What a sentence says besides amounts and accounts. */
function compareSentence(comparison, what, shown, [kind, fields]) {
  const says = (words) => {
    if (!shown.text.includes(words)) comparison.differ(what, shown.text, words);
  };
  switch (kind) {
    case "CreateAsset":
      says(`${fields.code} with ${fields.decimals} decimal`);
      break;
    case "PutRecord":
      says(`kept ${KEPT[fields.keep[0]]}`);
      if (shown.documents.length !== 1) comparison.differ(what, shown.text, toHex(fields.sha256));
      else comparison.name(`${what}: document`, shown.documents[0], toHex(fields.sha256));
      break;
    case "SetSigners":
      says(`a weight of ${grouped(fields.signers.threshold)} is needed`);
      break;
    case "Hold":
      comparison.time(`${what}: until`, shown.times[0] ?? null, fields.until);
      break;
    case "Erase": {
      const erased = toHex(tagged("transaction", fields.intent));
      says(shorten(erased));
      break;
    }
    default:
  }
}

/** The decimals that a page goes by: those that are proven, and those that the transaction itself gives an asset. */
function decimalsWith(intent, decimals) {
  const made = intent.operations.map((act) => act.operation).filter(([kind]) => kind === "CreateAsset");
  return new Map([...made.map(([, { code, decimals: number }]) => [code, number]), ...decimals]);
}

/** The page of a transaction with what its proof establishes. */
export function compareTransaction(shown, { found }, given) {
  const comparison = new Comparison();
  const [kind, entry] = found.entry;
  if (kind !== "Transaction" || found.shown?.intent == null) {
    comparison.open.push("the proof does not show the transaction");
    return comparison;
  }
  const { intent, texts } = found.shown;
  const decimals = decimalsWith(intent, given);
  const hasFailed = entry.outcome[0] === "Failed";
  comparison.name("id", shown.id, toHex(entry.id));
  comparison.text("outcome", shown.status, hasFailed ? "Failed" : "Committed");
  comparison.number("block", shown.height, entry.height);
  comparison.number("place in the log", shown.ordinal, found.ordinal);
  comparison.time("time", shown.time, entry.timestamp);
  comparison.time("valid until", shown.expiry, entry.expires_at);
  const [sender, ...others] = intent.parties.map(addressText);
  comparison.name("sender", shown.sender, sender);
  compareCounts(comparison, "other parties", shown.others.length, others.length);
  others.slice(0, shown.others.length).forEach((each, place) => {
    comparison.name(`party ${place + 1}`, shown.others[place], each);
  });
  const memo = textAt(texts, intent, (place) => place[0] === "Memo");
  if (memo !== null) comparison.text("memo", shown.memo, memo);
  else if (shown.memo !== null) comparison.differ("memo", shown.memo, "the proof shows none");
  compareCounts(comparison, "operations", shown.operations.length, intent.operations.length);
  const paid = paidBy(intent, entry.outcome);
  for (const [place, act] of intent.operations.entries()) {
    const said = shown.operations[place];
    if (!said) break;
    const what = `operation ${place + 1}`;
    const name = KINDS[act.operation[0]];
    comparison.text(`${what}: what it is`, said.kind, name ?? said.kind);
    if (said.isUndone !== hasFailed) {
      comparison.differ(what, said.isUndone ? "not done" : "done", hasFailed ? "not done" : "done");
    }
    compareMoneys(comparison, `${what}: amount`, said, act.operation, paid.get(place), decimals);
    compareAccounts(comparison, `${what}: account`, said, act, addressText(intent.parties[act.party]));
    compareSentence(comparison, what, said, act.operation);
    const isOwn = ([, fields]) => fields?.index === place && fields.field === 0;
    const remark = textAt(texts, intent, isOwn);
    if (said.remark !== null && remark !== said.remark) {
      comparison.differ(`${what}: text`, said.remark, remark ?? "the proof shows none");
    }
  }
  return comparison;
}

function compareCounts(comparison, what, shown, proven) {
  if (shown === proven) comparison.same.push(what);
  else comparison.differ(`number of ${what}`, String(shown), String(proven));
}

/** What leaves of an account and its holds say. */
function accountIn(state) {
  const leaves = state.flatMap((proof) => proof.leaves);
  const named = (name) => leaves.filter((leaf) => leaf.name === name).map((leaf) => leaf.value);
  const [account] = named("account");
  const balances = [...(account?.balances ?? []), ...named("balance")];
  return {
    account,
    balances: balances.filter(({ free, held }) => free > 0n || held > 0n),
    holds: named("hold"),
  };
}

/** The page of an account with what a proof of the state establishes. */
export function compareAccount(shown, { found }, address, decimals) {
  const comparison = new Comparison();
  const { account, balances, holds } = accountIn(found);
  comparison.name("address", shown.address, address);
  comparison.number("transactions", shown.count, account?.entries ?? 0n);
  if (account) {
    comparison.name("history hash", shown.history, toHex(account.last));
    const member = account.member === null ? null : `Belongs to member ${grouped(account.member)}`;
    if (shown.member !== member) comparison.differ("member", shown.member ?? "none", member ?? "none");
  }
  const codes = balances.map((balance) => balance.asset).sort();
  // A balance that only awaits something is shown, and has nothing.
  const isEmpty = ({ free, held }) => /^[0.]+( |$)/.test(free) && /^[0.]+( |$)/.test(held);
  const listed = shown.balances.filter((row) => !isEmpty(row)).map((row) => row.asset);
  comparison.text("assets", listed.slice().sort().join(", "), codes.join(", "));
  for (const { asset, free, held } of balances) {
    const row = shown.balances.find((each) => each.asset === asset);
    if (!row) continue;
    comparison.text(`${asset}: can use`, row.free, unitsText(free, asset, decimals));
    comparison.text(`${asset}: held`, row.held, unitsText(held, asset, decimals));
  }
  const amounts = holds.map(({ amount, asset, beneficiary }) => {
    return `${moneyText(amount, asset, decimals)} for ${addressText(beneficiary)}`;
  });
  const said = shown.holds.map((hold) => `${hold.amount} for ${hold.beneficiary?.title ?? hold.beneficiary?.text}`);
  comparison.text("open holds", said.sort().join("; "), amounts.sort().join("; "));
  const signers = (account?.signers?.signers ?? []).map((signer) => `${keyText(signer.key)} ${signer.weight}`);
  const keys = shown.signers.map((signer) => `${signer.key?.title ?? signer.key?.text} ${signer.weight}`);
  comparison.text("signers", keys.sort().join("; "), signers.sort().join("; "));
  return comparison;
}

/** The amounts that a transaction may be told by: what its operations name, and what was paid of holds. */
function amountsOf({ intent }, outcome, asset, decimals) {
  const texts = new Set();
  const paid = paidBy(intent, outcome);
  for (const [place, { operation }] of intent.operations.entries()) {
    const [, fields] = operation;
    if (fields?.asset !== undefined && fields.amount !== undefined) {
      texts.add(moneyText(fields.amount, fields.asset, decimals));
    }
    const amount = paid.get(place) ?? (fields?.hold ? fields.amount : null);
    if (amount !== null && amount !== undefined) {
      texts.add(`${grouped(amount)} what it holds`);
      texts.add(moneyText(amount, asset, decimals));
    }
  }
  return texts;
}

/** A row that tells a transaction in few words. */
function compareRow(comparison, what, row, entry, shown, given) {
  comparison.name(`${what}: id`, row.id, toHex(entry.id));
  comparison.text(`${what}: outcome`, row.status, entry.outcome[0] === "Failed" ? "Failed" : "Committed");
  if (!shown?.intent) {
    comparison.open.push("what transactions did, which this proof does not show");
    return;
  }
  const decimals = decimalsWith(shown.intent, given);
  for (const money of row.moneys) {
    const amounts = amountsOf(shown, entry.outcome, money.split(" ").at(-1), decimals);
    if (!amounts.has(money)) comparison.differ(`${what}: amount`, money, Array.from(amounts).join("; ") || "none");
  }
  const words = shown.intent.operations.map((act) => ACT.words(act)).join(" ");
  const known = new Set([...(words.match(ADDRESS) ?? []), ...shown.intent.parties.map(addressText)]);
  const hasRelease = shown.intent.operations.some((act) => act.operation[0] === "Release");
  for (const account of row.accounts) {
    const full = account.title ?? account.text;
    if (known.has(full)) comparison.name(`${what}: account`, account, full);
    else if (!hasRelease) comparison.differ(`${what}: account`, full, Array.from(known).join(", "));
  }
}

/** The numbers of a list's rows as BigInts. */
function numbersOf(rows, name) {
  return rows.map((row) => BigInt((row[name] ?? "0").replaceAll(",", "") || "0"));
}

/** The history on an account's page with a statement over the time of its rows: none is left out, each is as it is. */
export function compareHistory(shown, { found }, decimals) {
  const comparison = new Comparison();
  const numbers = numbersOf(shown.entries, "number");
  const [newest] = numbers;
  const isInOrder = numbers.every((number, place) => number === newest - BigInt(place));
  if (!isInOrder) comparison.differ("history", numbers.join(", "), "numbers that fall by one from row to row");
  // The count is the one that the account's own proof was compared with.
  const total = BigInt((shown.count ?? "0").replaceAll(",", ""));
  if (shown.isFirst && newest !== total) comparison.differ("newest entry", String(newest), String(total));
  if (shown.isLast && numbers.at(-1) !== 1n) comparison.differ("oldest entry", String(numbers.at(-1)), "1");
  const proven = new Map(found.entries.map((item) => [item.step.number, item]));
  for (const [place, row] of shown.entries.entries()) {
    const item = proven.get(numbers[place]);
    const what = `entry ${row.number}`;
    if (!item) {
      comparison.differ(what, row.id?.title ?? row.text, "the history has no such entry at that time");
      continue;
    }
    comparison.time(`${what}: time`, row.time, item.entry.timestamp);
    compareRow(comparison, what, row, item.entry, item.shown, decimals);
  }
  return comparison;
}

/** What a step says that a balance became, as a page says it: what came or went, and what is there after it. */
function changeTexts({ changes }, decimals) {
  const signed = (before, after, asset) => {
    const moved = after < before ? before - after : after - before;
    return `${after < before ? "−" : "+"}${moneyText(moved, asset, decimals)}`;
  };
  const moved = changes.flatMap(({ asset, free_before, free_after, held_before, held_after }) => [
    ...(free_before === free_after ? [] : [signed(free_before, free_after, asset)]),
    ...(held_before === held_after ? [] : [`held ${signed(held_before, held_after, asset)}`]),
  ]);
  const after = changes.map(({ asset, free_after, held_after }) => {
    const held = held_after > 0n ? `, held ${moneyText(held_after, asset, decimals)}` : "";
    return `${moneyText(free_after, asset, decimals)}${held}`;
  });
  return { moved: moved.join("; "), after: after.join("; ") };
}

/** The balances at both ends of a statement. */
function compareEnds(comparison, shown, found, decimals) {
  const nothing = { free: 0n, held: 0n };
  const by = (items) => new Map(items.map((item) => [item.asset, item]));
  const [opening, closing] = [by(found.opening), by(found.closing)];
  const isThere = (item) => item !== undefined && (item.free > 0n || item.held > 0n);
  const proven = Array.from(new Set([...opening.keys(), ...closing.keys()]));
  const listed = shown.balances.map((row) => row.asset);
  for (const asset of proven.filter((each) => isThere(opening.get(each)) || isThere(closing.get(each)))) {
    if (!listed.includes(asset)) comparison.differ(`balance of ${asset}`, "not on the page", "the account had some");
  }
  for (const row of shown.balances) {
    const { asset } = row;
    const ends = [opening.get(asset) ?? nothing, closing.get(asset) ?? nothing];
    comparison.text(`${asset}: opening balance`, row.opening, unitsText(ends[0].free, asset, decimals));
    comparison.text(`${asset}: held then`, row.openingHeld, unitsText(ends[0].held, asset, decimals));
    comparison.text(`${asset}: closing balance`, row.closing, unitsText(ends[1].free, asset, decimals));
    comparison.text(`${asset}: held at the end`, row.closingHeld, unitsText(ends[1].held, asset, decimals));
  }
}

/** The page of a statement with what its proof establishes. `times` are those of the blocks that the page names as ends. */
export function compareStatement(shown, { found }, address, decimals, times) {
  const comparison = new Comparison();
  comparison.name("account", shown.account, address);
  const compareEnd = (what, { text, time, height }, proven) => {
    if (time !== null) comparison.time(what, time, proven);
    else if (height !== null && times.get(height) === proven) comparison.same.push(what);
    else if (height !== null) comparison.differ(what, text, timeText(proven));
    else if (what !== "from" || !found.openingIsOfGenesis) comparison.differ(what, text ?? "nothing", timeText(proven));
    else comparison.same.push(what);
  };
  compareEnd("from", shown.from, found.from);
  // Both ends are in a page's statement; what is proven ends before its end.
  compareEnd("to", shown.to, found.to - 1n);
  if (found.completeUpTo !== null) {
    comparison.open.push(`what is after ${timeText(found.completeUpTo)}: no later block was certified there`);
  }
  compareEnds(comparison, shown, found, decimals);
  comparison.number("entries", shown.count, found.entries.length);
  const numbers = numbersOf(shown.entries, "number");
  const [first] = numbers;
  if (!numbers.every((number, place) => number === first + BigInt(place))) {
    comparison.differ("entries", numbers.join(", "), "numbers that rise by one from row to row");
  }
  const all = found.entries.map((item) => item.step.number);
  if (shown.isFirst && first !== all[0]) comparison.differ("first entry", String(first), String(all[0]));
  if (shown.isLast && numbers.at(-1) !== all.at(-1)) {
    comparison.differ("last entry", String(numbers.at(-1)), String(all.at(-1)));
  }
  if (!shown.isFirst || !shown.isLast) {
    comparison.open.push(`entries on other pages: of ${all.length} the page has ${shown.entries.length}`);
  }
  const proven = new Map(found.entries.map((item) => [item.step.number, item]));
  for (const [place, row] of shown.entries.entries()) {
    const item = proven.get(numbers[place]);
    const what = `entry ${row.number}`;
    if (!item) {
      comparison.differ(what, row.id?.title ?? row.text, "the history has no such entry in that time");
      continue;
    }
    comparison.time(`${what}: time`, row.time, item.entry.timestamp);
    compareRow(comparison, what, row, item.entry, item.shown, decimals);
    const { moved, after } = changeTexts(item.step, decimals);
    comparison.text(`${what}: change`, row.changes.join("; "), moved);
    comparison.text(`${what}: balance after`, row.after.join("; "), after);
  }
  return comparison;
}

/** The page of an asset with what a proof of the state establishes. */
export function compareAsset(shown, { found }, code) {
  const comparison = new Comparison();
  const leaf = found.flatMap((proof) => proof.leaves).find(({ name }) => name === "asset");
  if (!leaf) {
    comparison.differ("asset", shown.code ?? code, "there is none");
    return comparison;
  }
  const { value } = leaf;
  comparison.text("code", shown.code, value.code);
  comparison.text("decimals", shown.decimals, String(value.decimals));
  comparison.text("supply", shown.supply, grouped(amountText(value.supply, value.decimals)));
  comparison.name("issuer", shown.issuer, addressText(value.issuer));
  comparison.open.push("the description, and who holds how much: each account's own page proves that");
  return comparison;
}

/** The page of a document's records with what a proof of its claim establishes. */
export function compareRecord(shown, { found }, sha256) {
  const comparison = new Comparison();
  comparison.name("SHA-256", shown.sha256, sha256);
  const claim = found.flatMap((proof) => proof.leaves).find(({ name }) => name === "unique record");
  const claims = shown.records.filter((row) => row.kept?.startsWith("unique"));
  if (claims.length > 1) comparison.differ("claims", `${claims.length}`, "at most one");
  const [row] = claims;
  if (claim && row) {
    comparison.name("who claims it", row.by, addressText(claim.value.address));
    comparison.name("transaction of the claim", row.id, toHex(claim.value.id));
    comparison.time("time of the claim", row.time, claim.value.timestamp);
  } else if (row) {
    comparison.differ("who claims it", row.by?.title ?? row.by?.text ?? "somebody", "nobody");
  } else if (claim && shown.isFirst && shown.isLast) {
    comparison.differ("who claims it", "nobody", addressText(claim.value.address));
  } else if (claim) {
    comparison.open.push("who claims it, which is on another page");
  } else {
    comparison.same.push("that nobody claims it");
  }
  if (shown.records.length > claims.length) {
    comparison.open.push(
      "records in the log, and accounts' own: each is proven by its transaction, and that there are no more is not proven",
    );
  }
  return comparison;
}

/** The page of a block with what its proof establishes. `header` is the proof's. */
export function compareBlock(shown, { found, head }, header, decimals) {
  const comparison = new Comparison();
  comparison.name("hash", shown.hash, head.hash);
  comparison.number("height", shown.height, header.height);
  comparison.time("time", shown.time, header.timestamp);
  comparison.number("epoch", shown.epoch, header.epoch);
  comparison.number("protocol version", shown.protocol, header.protocol);
  comparison.number("log size", shown.logSize, header.log_size);
  const hashes = {
    "previous block": [shown.previous, header.previous],
    proposal: [shown.proposal, header.proposal],
    "log root": [shown.logRoot, header.log_root],
    "state root": [shown.stateRoot, header.state_root],
    "chain root": [shown.chainRoot, header.chain_root],
    "next committee": [shown.nextCommittee, header.next_committee],
  };
  for (const [what, [name, hash]] of Object.entries(hashes)) comparison.name(what, name, toHex(hash));
  const { entries } = found;
  comparison.number("transactions", shown.count, entries.filter((item) => item.entry[0] === "Transaction").length);
  const indices = numbersOf(shown.entries, "index");
  const isInOrder = indices.every((index, place) => index === indices[0] + BigInt(place));
  if (!isInOrder) comparison.differ("transactions", indices.join(", "), "indices that rise by one from row to row");
  for (const [place, row] of shown.entries.entries()) {
    const item = entries[Number(indices[place])];
    const what = `transaction ${row.index}`;
    if (item?.entry[0] !== "Transaction") {
      comparison.differ(what, row.id?.title ?? row.text, "the block has no such transaction");
      continue;
    }
    compareRow(comparison, what, row, item.entry[1], item.shown, decimals);
    if (item.shown?.intent) comparison.name(`${what}: sender`, row.sender, addressText(item.shown.intent.parties[0]));
  }
  const shownTo = indices.length === 0 ? 0 : Number(indices.at(-1)) + 1;
  if (shown.entries.length < entries.length) {
    const others = count(entries.length - shown.entries.length, "transaction");
    comparison.open.push(`${others} of the block stand on other pages`);
  }
  if (indices[0] === 0n && shownTo < entries.length && shownTo % 100 !== 0) {
    comparison.differ("transactions", `${shownTo} rows`, `${entries.length} of the block`);
  }
  if (entries.length > 0 && shown.entries.length === 0) {
    comparison.differ("transactions", "none", `${entries.length} of the block`);
  }
  comparison.open.push("names of validators, and seals beyond a quorum");
  return comparison;
}

