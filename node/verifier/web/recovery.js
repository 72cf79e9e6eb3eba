// Recoveries: what makes a document valid on top of a block (section 15 of docs/formats.md).

import { compare, concat, equal, toHex } from "./bytes.js";
import { blockHash, checkSeals, faulty, quorum } from "./committee.js";
import { Refusal } from "./errors.js";
import { signedByFault } from "./genesis.js";
import { preimage, tagged } from "./hashes.js";
import { digest } from "./sha2.js";
import { isGoodEdwardsKey, isValidatorSignatureGood, webCrypto } from "./signatures.js";
import { accountKey, checkStateProof, isPrefix, singleKey } from "./state.js";
import { count } from "./trail.js";
import { LOSS, LOSSES, RECOVERY, STAND_DOWN, STAND_DOWNS } from "./types.js";

/** Kinds of majority, ascending by what they ask for. */
const MAJORITIES = ["MoreThanHalf", "TwoThirds", "All"];

/** A document's hash, as the log has it. */
export function documentHash(document) {
  return tagged("recovery", RECOVERY.write(document));
}

function refusal(where, reason) {
  return new Refusal("bad_recovery", where, reason);
}

/** The rule `strict` in force: the strictest of all seven. */
function strictMajority(rules) {
  const { seats, engine, protocol, parameters, grants, quotas, strict } = rules;
  const all = [seats, engine, protocol, parameters, grants, quotas, strict];
  return MAJORITIES[Math.max(...all.map(([name]) => MAJORITIES.indexOf(name)))];
}

/** True if `number` of `all` are the majority that is asked for. */
function isMajority(majority, number, all) {
  if (majority === "MoreThanHalf") return 2 * number > all;
  return majority === "TwoThirds" ? 3 * number >= 2 * all : number >= all;
}

/**
 * Refuses a recovery that is not valid under the old committee, on the state with this root. `start` has the height
 * and hash before the old epoch's first block; null: `base` is a block of the epoch, so that is not asked for. The
 * caller has accepted `base`, or knows its hash.
 */
export async function checkRecovery(network, step, old, baseRoot, start, where, trail) {
  const { base, document: signed, leaves } = step;
  const document = signed.recovery;
  const at = (name) => `${where}.${name}`;
  if (!equal(document.network, network)) {
    throw new Refusal("other_network", at("document"), "it is for another network");
  }
  const height = base?.header.height ?? 0n;
  const hash = base ? blockHash(base.header) : network;
  if (document.base !== height || !equal(document.block, hash)) {
    throw refusal(at("document"), "it is for another base");
  }
  const bySeat = new Map(old.seats.map((seat) => [seat.seat, seat]));
  const lost = signed.losses.map((item) => bySeat.get(item.loss.seat));
  if (lost.includes(undefined)) throw refusal(at("losses"), "a seat that the old committee does not have");
  const signing = new Set([...signed.members, ...lost].map((item) => item.member));
  const state = readLeaves(leaves, baseRoot, signing, at("leaves"));
  if (document.number !== state.counters.recoveries + 1) {
    throw refusal(at("number"), `the next recovery is number ${state.counters.recoveries + 1}`);
  }
  const epoch = state.agreement.committee.epoch;
  if (document.old_epoch !== epoch || document.old_epoch !== old.epoch) {
    throw refusal(at("old_epoch"), `the epoch after the base is ${epoch}`);
  }
  const { committee } = document;
  if (document.new_epoch !== committee.epoch || committee.epoch !== document.old_epoch + 1n) {
    throw refusal(at("new_epoch"), "the new epoch is not the one after the old one");
  }
  if (committee.engine[0] !== old.engine[0] || committee.protocol !== old.protocol) {
    throw refusal(at("committee"), "its engine or protocol is another than the old committee's");
  }
  checkCommittee(committee, state.members, at("committee"));
  const highest = (await checkStandDowns(network, signed.stand_downs, old, where, trail)) ?? start;
  await checkLosses(network, signed, old, bySeat, state, where);
  const gone = signed.stand_downs.length + signed.losses.length;
  if (gone <= old.seats.length - quorum(old) + faulty(old)) {
    throw refusal(where, `${count(gone, "seat")} stood down or lost: the old epoch could go on`);
  }
  if (highest === null || highest.height !== document.base || !equal(highest.hash, document.block)) {
    throw refusal(where, "the base is not the highest block certified among the stand-downs");
  }
  const evidence = concat(STAND_DOWNS.write(signed.stand_downs), LOSSES.write(signed.losses));
  // It can be long: up to 128 MiB.
  if (!equal(await digest(preimage("stand-downs", evidence), webCrypto()), document.evidence)) {
    throw refusal(where, "the evidence is another");
  }
  await checkMembers(signed, state, where);
  const standDowns = count(signed.stand_downs.length, "stand-down");
  const losses = count(signed.losses.length, "loss", "losses");
  trail.note(
    `recovery ${document.number} on block ${height} is valid: ${standDowns} and ${losses} of ${old.seats.length} ` +
      `seats, ${count(signed.members.length, "member")} signed, and so did each seat of the new committee`,
  );
}

/** Rules, agreement, counters, all members by number, and by address the signers of those who sign. */
function readLeaves(proofs, root, signing, where) {
  const everyMember = new Uint8Array(32);
  everyMember[0] = 0x06;
  const wanted = [1, 2, 3].map((number) => [256, singleKey(number)]);
  wanted.push([8, everyMember]);
  const found = wanted.map(([bits, key], place) => {
    const at = `${where}[${place}]`;
    if (!proofs[place] || !isPrefix(proofs[place].prefix, bits, key)) {
      throw refusal(at, "not the leaf that belongs here");
    }
    const leaves = checkStateProof(proofs[place], root, at);
    if (leaves.length === 0) throw refusal(at, "the leaf is absent");
    return leaves.map((leaf) => leaf.value);
  });
  const members = new Map(found[3].map((member) => [member.number, member]));
  if (Array.from(signing).some((number) => !members.has(number))) {
    throw refusal(where, "a member that is not there");
  }
  const accounts = Array.from(signing, (number) => members.get(number).account).sort(compare);
  const addresses = accounts.filter((account, place) => place === 0 || !equal(account, accounts[place - 1]));
  if (proofs.length !== wanted.length + addresses.length) {
    throw refusal(where, "not the accounts of those who sign, each once");
  }
  const signers = new Map();
  for (const [number, address] of addresses.entries()) {
    const place = wanted.length + number;
    const at = `${where}[${place}]`;
    if (!isPrefix(proofs[place].prefix, 256, accountKey(address))) {
      throw refusal(at, "not the account that belongs here");
    }
    const [leaf] = checkStateProof(proofs[place], root, at);
    signers.set(toHex(address), leaf?.value.signers ?? null);
  }
  const [[rules], [agreement], [counters]] = found;
  return { rules, agreement, counters, members, signersOf: (member) => signers.get(toHex(member.account)) };
}

function isActive(member) {
  return member.status[0] === "Active";
}

/** Condition 2, as far as a verifier looks. */
function checkCommittee({ seats }, members, where) {
  const held = new Map();
  for (const [place, seat] of seats.entries()) {
    const member = members.get(seat.member);
    if (!member || !isActive(member)) throw refusal(`${where}.seats[${place}]`, "its member is not active");
    if (![seat.validator, seat.node, seat.witness].every(isGoodEdwardsKey)) {
      throw refusal(`${where}.seats[${place}]`, "a key that is not good");
    }
    held.set(seat.member, (held.get(seat.member) ?? 0) + 1);
  }
  // f, whatever the engine: as many as may be faulty under PBFT.
  const most = Math.floor((seats.length - 1) / 3);
  if (seats.length > 3 && Array.from(held.values()).some((number) => number > most)) {
    throw refusal(where, "a member has more seats than may be faulty");
  }
}

/** Condition 3. The height and hash of the highest header that they have certified; null if there is none. */
async function checkStandDowns(network, standDowns, old, where, trail) {
  let before = -1;
  const certified = new Map();
  let highest = null;
  for (const [place, { stand_down: standDown, signature }] of standDowns.entries()) {
    await trail.breathe();
    const at = `${where}.stand_downs[${place}]`;
    if (!equal(standDown.network, network) || standDown.epoch !== old.epoch) {
      throw refusal(at, "it is of another network or epoch");
    }
    const seat = old.seats[standDown.validator];
    if (standDown.validator <= before || !seat) {
      throw refusal(at, "the validators do not ascend strictly, or one is not there");
    }
    before = standDown.validator;
    const content = STAND_DOWN.write(standDown);
    if (!(await isValidatorSignatureGood(seat.validator, signature, "stand-down", content))) {
      throw refusal(at, "its signature is not good");
    }
    const [engine, open] = standDown.open;
    if (engine !== old.engine[0]) throw refusal(at, "its open work is another engine's");
    if (standDown.certified === null) continue;
    const { header, seals } = standDown.certified;
    const block = { height: header.height, hash: blockHash(header) };
    if (!equal(header.network, network) || header.epoch !== old.epoch) {
      throw refusal(at, "its certificate is of another network or epoch");
    }
    await checkCertificate(old, network, block, seals, `${at}.certified`);
    if (open.some((item) => (item.index ?? item.height) <= block.height)) {
      throw refusal(at, "its open work is not above what it has certified");
    }
    const other = certified.get(block.height);
    if (other && !equal(other, block.hash)) {
      throw refusal(at, `another block ${block.height} is certified in a stand-down before`);
    }
    certified.set(block.height, block.hash);
    if (highest === null || block.height > highest.height) highest = block;
  }
  return highest;
}

/** As in any certificate; what is wrong with it is wrong with the recovery. */
async function checkCertificate(old, network, { height, hash }, seals, where) {
  try {
    await checkSeals(old, network, height, hash, seals, where);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    throw refusal(fault.where, fault.reason);
  }
}

/** Condition 4. */
async function checkLosses(network, signed, old, bySeat, state, where) {
  const stoodDown = new Set(signed.stand_downs.map((item) => old.seats[item.stand_down.validator].seat));
  let before = -1;
  for (const [place, { loss, signatures }] of signed.losses.entries()) {
    const at = `${where}.losses[${place}]`;
    if (!equal(loss.network, network) || loss.epoch !== old.epoch) {
      throw refusal(at, "it is of another network or epoch");
    }
    if (loss.seat <= before || stoodDown.has(loss.seat)) {
      throw refusal(at, "the seats do not ascend strictly, or one stood down");
    }
    before = loss.seat;
    const seat = bySeat.get(loss.seat);
    if (!equal(seat.validator, loss.validator)) throw refusal(at, "the seat has another key");
    const member = state.members.get(seat.member);
    const content = LOSS.write(loss);
    const fault = await signedByFault(signatures, state.signersOf(member), member.account, "loss", content);
    if (fault !== null) throw refusal(at, fault);
  }
}

/** Condition 8. */
async function checkMembers(signed, state, where) {
  const content = RECOVERY.write(signed.recovery);
  let before = -1;
  for (const [place, { member: number, signatures }] of signed.members.entries()) {
    const at = `${where}.members[${place}]`;
    if (number <= before) throw refusal(at, "the members do not ascend strictly");
    before = number;
    const member = state.members.get(number);
    if (!isActive(member)) throw refusal(at, "the member is not active");
    const fault = await signedByFault(signatures, state.signersOf(member), member.account, "recovery", content);
    if (fault !== null) throw refusal(at, fault);
  }
  const all = Array.from(state.members.values());
  const active = all.filter(isActive).length;
  const remaining = all.filter(({ status: [status] }) => status !== "Expelled" && status !== "Left").length;
  const signing = signed.members.length;
  const isEnough =
    isMajority("TwoThirds", signing, active) &&
    isMajority(strictMajority(state.rules), signing, active) &&
    2 * signing >= remaining;
  if (!isEnough) throw refusal(`${where}.members`, `${signing} of ${active} active members are too few`);
  const { seats } = signed.recovery.committee;
  if (signed.validators.length !== seats.length) {
    throw refusal(`${where}.validators`, "one signature belongs to each new seat");
  }
  for (const [place, { validator }] of seats.entries()) {
    if (!(await isValidatorSignatureGood(validator, signed.validators[place], "recovery", content))) {
      throw refusal(`${where}.validators[${place}]`, "it is not good");
    }
  }
}

/** What a recovery may have lost of what the old epoch decided. */
export function mayHaveLost(signed, old) {
  const stoodDown = signed.stand_downs.length;
  const others = old.seats.length - quorum(old);
  if (stoodDown > others + faulty(old)) {
    return "nothing that was decided, as long as no more than f validators lie";
  }
  if (stoodDown > others) return "nothing, unless a validator that stood down lies";
  return "what was decided above the base, except what the stand-downs show";
}
