// The genesis document: its bytes, what makes it good, its committee and its state (section 16 of docs/formats.md).

import { decodeUtf8, equal, toHex } from "./bytes.js";
import { Malformed, Unusable } from "./errors.js";
import { listRoot, preimage, tagged } from "./hashes.js";
import { digest } from "./sha2.js";
import {
  addressOf,
  encodeKey,
  isClientSignatureGood,
  isGoodEdwardsKey,
  isGoodKey,
  isSameKey,
  isValidatorSignatureGood,
  keyOf,
  webCrypto,
} from "./signatures.js";
import {
  accountKey,
  assetKey,
  balanceKey,
  grantKey,
  memberKey,
  seatKey,
  singleKey,
  stateRoot,
  takenKey,
} from "./state.js";
import { isMultiaddress } from "./text.js";
import { parseDocument } from "./genesis_text.js";
import { LEGAL_SCOPES, ascend } from "./transaction.js";
import * as types from "./types.js";

/** Balances of assets with lower numbers lie in the account's leaf. */
const INLINE_ASSETS = 4;
const MAX_BALANCES = 65_536;
const MAX_ASSETS_OF_ACCOUNT = 256;
const NOBODY = new Uint8Array(20);

/** `h_0` of a history whose owner begins with these balances. */
export function historyStart(network, owner, balances) {
  const root = listRoot(balances.map((item) => types.BALANCE_ITEM.write(item)));
  return tagged("history-start", types.HISTORY_START.write({ network, owner, balances: root }));
}

/** A committee's digest. */
export function committeeDigest(committee) {
  return tagged("committee", types.COMMITTEE.write(committee));
}

/** The version of the rules that a network begins with. */
function protocolOf(draft) {
  return draft.protocol ?? 1;
}

/** A good genesis document. */
export class Genesis {
  constructor(value, network) {
    this.draft = value.draft;
    this.joins = value.joins;
    this.network = network;
    const seats = value.joins.map(({ body: { validator, node, witness } }, number) => {
      return { member: number, seat: number, validator, node, witness };
    });
    this.committee = { epoch: 0n, engine: value.draft.engine, protocol: protocolOf(value.draft), seats };
    this.root = null;
  }

  /** The root of the state that the network begins with. */
  get stateRoot() {
    this.root ??= stateRoot(stateAt(this));
    return this.root;
  }
}

function unless(isGood, reason) {
  if (!isGood) throw new Malformed(reason);
}

/** The document of decoded bytes, after all that makes it good was looked at. */
async function checked(value) {
  const { draft, joins } = value;
  checkDraft(draft);
  const names = joins.map((join) => join.body.member);
  const inOrder = names.length === draft.members.length && names.every((name, place) => name === draft.members[place]);
  unless(inOrder, "the joins are not the members' in their order");
  const draftHash = tagged("draft", types.DRAFT.write(draft));
  for (const join of joins) {
    try {
      await checkJoin(join, draftHash);
    } catch (fault) {
      if (fault instanceof Malformed) fault.where.unshift(`joins.${join.body.member}`);
      throw fault;
    }
  }
  const accounts = joins.map((join) => toHex(addressOf(join.body.account)));
  checkKeys(joins);
  unless(new Set(accounts).size === accounts.length, "an account is two members'");
  for (const { address, member } of draft.accounts) {
    unless(member < draft.members.length, "an account of a member that is not there");
    unless(!accounts.includes(toHex(address)), "an account that is a member's own");
  }
  checkGrants(draft, accounts);
  const content = types.GENESIS.write(value);
  return new Genesis(value, await digest(preimage("genesis", content), webCrypto()));
}

function checkDraft(draft) {
  const { members, assets } = draft;
  const names = members.map((name) => name.toLowerCase());
  unless(new Set(names).size === names.length, "two members have one name");
  const codes = assets.map((asset) => asset.code);
  unless(new Set(codes).size === codes.length, "two assets have one code");
  const all = assets.flatMap((asset) => asset.balances);
  unless(all.length <= MAX_BALANCES, "more than 65,536 balances");
  const holdings = new Map();
  for (const { flags, balances } of assets) {
    unless(flags === 0 || protocolOf(draft) > 1, "an asset has flags, which protocol 1 does not know");
    const addresses = balances.map((balance) => toHex(balance.address));
    unless(new Set(addresses).size === addresses.length, "an address is twice in an asset");
    const supply = balances.reduce((sum, balance) => sum + balance.amount, 0n);
    unless(supply < types.AMOUNT_LIMIT, "a supply is too large");
    for (const address of addresses) holdings.set(address, (holdings.get(address) ?? 0) + 1);
  }
  const counts = Array.from(holdings.values());
  unless(counts.every((count) => count <= MAX_ASSETS_OF_ACCOUNT), "an address has more than 256 assets");
}

async function checkJoin({ body, administrators, ...signatures }, draftHash) {
  unless(equal(body.draft, draftHash), "the join is for another draft");
  const kinds = ["validator", "node", "witness"];
  unless(kinds.every((kind) => isGoodEdwardsKey(body[kind])), "a key is not good");
  unless(isGoodKey(body.account), "the account's key is not good");
  unless(new Set(body.addresses).size === body.addresses.length, "an address is there twice");
  unless(body.addresses.every(isMultiaddress), "an address is not one of the forms allowed");
  if (body.signers !== null) checkSigners(body.signers);
  // Else anybody could join with another's known key, and take over what the draft gives to that address. As all that
  // sign are signers, the key is one of them.
  const signs = administrators.some((signature) => isSameKey(keyOf(signature), body.account));
  unless(signs, "the account's own key does not sign");
  const content = types.JOIN_BODY.write(body);
  for (const kind of kinds) {
    const isGood = await isValidatorSignatureGood(body[kind], signatures[kind], "join", content);
    unless(isGood, `the ${kind}'s signature is bad`);
  }
  const fault = await signedByFault(administrators, body.signers, addressOf(body.account), "join", content);
  unless(fault === null, `administrators: ${fault}`);
}

function checkSigners({ threshold, signers }) {
  const sum = signers.reduce((weights, signer) => weights + signer.weight, 0);
  unless(threshold > 0 && threshold <= sum, "the threshold cannot be reached");
  unless(signers.every((signer) => isGoodKey(signer.key)), "a signer's key is not good");
}

/** Refuses a key that is in a document twice: 32 bytes of Ed25519 are one key, whatever it is for. */
function checkKeys(joins) {
  const keys = joins.flatMap(({ body }) => {
    const seat = [body.validator, body.node, body.witness].map((key) => ["Ed25519", key]);
    const signers = (body.signers?.signers ?? []).map((signer) => signer.key);
    return [...seat, body.account, ...signers.filter((key) => !isSameKey(key, body.account))];
  });
  const texts = keys.map((key) => toHex(encodeKey(key)));
  unless(new Set(texts).size === texts.length, "a key occurs twice");
}

function checkGrants({ grants, members, assets }, accounts) {
  for (const { account, right, scope } of grants) {
    const [kind, value] = scope;
    unless(LEGAL_SCOPES[right[0]].includes(kind), "a grant's scope is none of its right");
    unless(kind !== "Member" || value < members.length, "a grant for a member that is not there");
    const isAsset = kind !== "Asset" || assets.some((asset) => asset.code === value);
    unless(isAsset, "a grant for an asset that is not there");
    const isMade = right[0] === "Administrate" && toHex(account) === accounts[value];
    unless(!isMade, "a grant that genesis makes by itself");
  }
}

/**
 * Why signatures do not speak for an account; null if they do. `signers` are the account's, null if that is the key
 * with its address alone.
 */
export async function signedByFault(signatures, signers, address, tag, content) {
  const keys = signatures.map(keyOf);
  if (!ascend(keys.map(encodeKey))) return "the signatures do not ascend strictly by key";
  let reached = 0;
  for (const key of keys) {
    const weight =
      signers === null
        ? Number(equal(addressOf(key), address))
        : (signers.signers.find((signer) => isSameKey(signer.key, key))?.weight ?? 0);
    if (weight === 0) return "a key that is not one of the account's signers";
    reached += weight;
  }
  if (reached < (signers?.threshold ?? 1)) return "the threshold is not reached";
  for (const signature of signatures) {
    if (!(await isClientSignatureGood(signature, tag, content))) return "a signature is not good";
  }
  return null;
}

/** Every leaf that the state has at genesis: pairs of key and value. */
function stateAt({ draft, joins, network, committee }) {
  const leaves = [];
  const put = (key, type, value) => leaves.push([key, type.write(value)]);
  const accounts = new Map();
  const account = (address) => {
    const name = toHex(address);
    if (!accounts.has(name)) accounts.set(name, { address, signers: null, member: null, balances: [] });
    return accounts.get(name);
  };
  for (const [number, { balances, code, issuer, decimals, flags }] of draft.assets.entries()) {
    const supply = balances.reduce((sum, balance) => sum + balance.amount, 0n);
    const items = supply > 0n ? [{ asset: code, free: supply, held: 0n }] : [];
    const history = { entries: 0n, last: historyStart(network, ["Asset", code], items), waypoints: [] };
    put(assetKey(code), types.ASSET, { code, number, issuer, decimals, flags, supply, ...history });
    for (const { address, amount } of balances) account(address).balances.push({ code, number, amount });
  }
  for (const { address, member } of draft.accounts) account(address).member = member;
  const grants = [...draft.grants];
  for (const [number, { body }] of joins.entries()) {
    const address = addressOf(body.account);
    Object.assign(account(address), { member: number, signers: body.signers });
    grants.push({ account: address, right: ["Administrate", null], scope: ["Member", number] });
    putMember(put, number, address, body, draft.time);
  }
  for (const grant of grants) {
    account(grant.account);
    put(grantKey(grant), types.GRANT, { ...grant, by: NOBODY, ordinal: 0n });
  }
  for (const each of accounts.values()) putAccount(put, each, network);
  put(singleKey(0), types.PARAMETERS, draft.parameters);
  put(singleKey(1), types.RULES, draft.rules);
  const longest = draft.parameters.max_expiry_lead_ms;
  put(singleKey(2), types.AGREEMENT, { committee, first: 1n, last: null, longest_lead_ms: longest, pending: [] });
  const counts = { assets: draft.assets.length, members: joins.length, seats: joins.length };
  put(singleKey(3), types.COUNTERS, { ...counts, proposals: 0n, recoveries: 0 });
  return leaves;
}

function putMember(put, number, account, body, time) {
  const { member: name, validator, node, witness, addresses } = body;
  const status = ["Active", null];
  const member = { number, name, account, status, seats: 1, since: time, signed: time, reported: null, open: [] };
  put(memberKey(number), types.MEMBER, member);
  const seat = { number, member: number, validator, node, witness, addresses };
  put(seatKey(number), types.SEAT, { ...seat, sits: true, rejoin: null, active: 0n, next: null });
  const uses = [[["Name", name.toLowerCase()], ["Member", number]]];
  for (const key of [validator, node, witness]) uses.push([["Key", key], ["Seat", number]]);
  for (const [taken, by] of uses) put(takenKey(taken), types.IN_USE, { taken, by });
}

function putAccount(put, { address, signers, member, balances }, network) {
  const ascending = [...balances].sort((a, b) => (a.code < b.code ? -1 : 1));
  const item = ({ code, amount }) => ({ asset: code, free: amount, held: 0n });
  const record = (balance) => ({ ...item(balance), incoming: 0 });
  const inline = ascending.filter((balance) => balance.number < INLINE_ASSETS);
  const others = ascending.filter((balance) => balance.number >= INLINE_ASSETS);
  for (const balance of others) {
    put(balanceKey(address, balance.code), types.BALANCE, { address, ...record(balance) });
  }
  const last = historyStart(network, ["Account", address], ascending.map(item));
  put(accountKey(address), types.ACCOUNT, {
    address,
    signers,
    member,
    frozen: false,
    holds: 0,
    others: others.length,
    balances: inline.map(record),
    entries: 0n,
    last,
    waypoints: [],
  });
}

/** Makes what is malformed in `work` a reason why the document cannot be used. */
async function usable(work) {
  try {
    return await work();
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    throw new Unusable(fault.refusal("genesis").message);
  }
}

/** A genesis document out of `bcs(Genesis)`. */
export function decodeGenesis(data) {
  return usable(() => checked(types.GENESIS.decode(data, types.GENESIS_LIMIT)));
}

/** A genesis document as text, or its encoding; text never begins with the byte 00. */
export function readGenesis(data) {
  if (data[0] === 0) return decodeGenesis(data);
  return usable(() => {
    unless(data.length <= types.GENESIS_LIMIT, "the text has more than 4 MiB");
    const text = decodeUtf8(data);
    unless(text !== null, "the text is not UTF-8");
    const value = parseDocument(text.replace(/^\ufeff/, ""));
    // What is written is read again: so the limits and ranges of all types hold.
    return checked(types.GENESIS.decode(types.GENESIS.write(value), types.GENESIS_LIMIT));
  });
}
