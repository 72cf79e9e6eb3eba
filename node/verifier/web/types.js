// All types of docs/formats.md that a verifier reads, with their limits (section 22).

import {
  BOOL,
  byEncoding,
  bytes,
  checked,
  fixed,
  kept,
  limited,
  list,
  option,
  struct,
  text,
  uint,
  v1,
  v1OrV2,
  variants,
  withText,
  withWords,
} from "./bcs.js";
import { isZero, toHex } from "./bytes.js";
import { bitCount } from "./hashes.js";
import { encodeKey } from "./signatures.js";
import { addressText, keyText, refusedCodePoint, timeText } from "./text.js";

const DAY = 86_400_000n;
const MIB = 1024 * 1024;

/** What amounts and supplies are below. */
export const AMOUNT_LIMIT = 10n ** 38n;

const U8 = uint(8);
const U16 = uint(16);
const U32 = uint(32);
const U64 = uint(64);
/** TOML has no larger integers. */
const U63 = uint(64, 0n, 2n ** 63n - 1n);
const DIGEST = fixed(32);
/** A validator's, node's or witness's. */
const RAW_KEY = fixed(32);
const RAW_SIGNATURE = fixed(64);
const SALT = fixed(16);
const ADDRESS = withText(fixed(20), addressText);
const TIME = withText(U64, timeText);
const AMOUNT = withText(uint(128), String);

function codeFault(code) {
  return /^[A-Z0-9]{1,12}$/.test(code) ? null : "an asset's code is 1 to 12 of A-Z and 0-9";
}

function nameFault(name) {
  const isName = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name);
  return isName ? null : "a name has A-Z a-z 0-9 . - _ and begins with neither . nor -";
}

function textFault(description) {
  const found = refusedCodePoint(description);
  return found === null ? null : `${found} is not allowed in a text`;
}

const ASSET_CODE = text(12, 1, codeFault);
const NAME = text(32, 1, nameFault);
const NETWORK_NAME = text(64, 1, nameFault);
const MULTIADDRESSES = list(text(280), 8);

// Section 2.

const KEY = withText(variants({ Ed25519: fixed(32), P256: fixed(33) }), keyText);
const KEY_SIGNATURE = variants({
  Ed25519: struct({ key: fixed(32), signature: RAW_SIGNATURE }),
  P256: struct({ key: fixed(33), signature: RAW_SIGNATURE }),
});
const KEY_SIGNATURES = list(KEY_SIGNATURE, 64, { least: 1 });
const SIGNER = struct({ key: KEY, weight: uint(16, 1) });
const SIGNERS = struct({
  threshold: U32,
  signers: list(SIGNER, 16, { least: 1, order: (signer) => encodeKey(signer.key) }),
});

// Section 4.

export const PLACE = variants({ Memo: null, Operation: struct({ index: U8, field: U8 }) });
const PLACES = list(PLACE, 513, { least: 1, order: byEncoding });
export const TEXT = struct({ salt: SALT, text: bytes(1_024) });
const TEXT_ITEM = variants({ Shown: TEXT, Withheld: struct({ leaf: DIGEST }) });
export const TEXT_ITEMS = list(TEXT_ITEM, 513);
const TEXTS = struct({ places: PLACES, root: DIGEST });

// Section 11.

export const CONDITION_LEAF = variants({
  Signs: ADDRESS,
  From: TIME,
  Preimage: DIGEST,
  Record: struct({ sha256: DIGEST, by: ADDRESS }),
});
const CONDITION = struct({ need: U8, leaves: list(CONDITION_LEAF, 8) });
const HOLD_REF = struct({ owner: ADDRESS, transaction: DIGEST, operation: U8 });
export const HOLD = v1(
  struct({
    owner: ADDRESS,
    transaction: DIGEST,
    operation: U8,
    beneficiary: ADDRESS,
    asset: ASSET_CODE,
    amount: AMOUNT,
    until: TIME,
    condition: CONDITION,
  }),
);

// Section 7.

const ENGINE = variants({ Pbft: null, Raft: null, Paxos: null });
const SEAT_KEYS = { validator: RAW_KEY, node: RAW_KEY, witness: RAW_KEY };
const COMMITTEE_SEAT = struct({ member: U32, seat: U32, ...SEAT_KEYS });

function committeeFault(committee) {
  const keys = committee.seats.flatMap((seat) => [seat.validator, seat.node, seat.witness].map(toHex));
  return new Set(keys).size === keys.length ? null : "a key is in the committee twice";
}

export const COMMITTEE = kept(
  limited(
    v1(
      struct(
        { epoch: U64, engine: ENGINE, protocol: U32, seats: list(COMMITTEE_SEAT, 128, { least: 1 }) },
        committeeFault,
      ),
    ),
    14_000,
  ),
);
export const SEAL_CONTENT = v1(struct({ network: DIGEST, epoch: U64, height: U64, block: DIGEST }));
const SEAL = struct({ validator: U16, signature: RAW_SIGNATURE });
const byValidator = (item) => item.validator;
const CERTIFICATE = v1(
  struct({ epoch: U64, height: U64, block: DIGEST, seals: list(SEAL, 128, { least: 1, order: byValidator }) }),
);

// Section 14.

const MAJORITY = variants({ MoreThanHalf: null, TwoThirds: null, All: null });

function parametersFault(parameters) {
  if (parameters.max_batch_bytes < parameters.max_transaction_bytes + 8_192) {
    return "max_batch_bytes is below max_transaction_bytes + 8192";
  }
  if (parameters.max_proposal_batches > Math.floor((32 * MIB) / parameters.max_batch_bytes)) {
    return "max_proposal_batches is above 32 MiB / max_batch_bytes";
  }
  return null;
}

export const PARAMETERS = v1(
  struct(
    {
      max_transaction_bytes: uint(32, 32_768, 65_536),
      max_batch_bytes: uint(32, 0, 4 * MIB),
      max_batch_transactions: uint(32, 1, 32_768),
      max_batch_signature_cost: uint(32, 512, 65_536),
      max_proposal_batches: uint(32, 1, 256),
      max_expiry_lead_ms: uint(64, 1_000n, 366n * DAY),
      max_hold_ms: uint(64, 1_000n, 3_660n * DAY),
      max_clock_lead_ms: uint(64, 1n, 600_000n),
      max_clock_lag_ms: uint(64, 1_000n, 600_000n),
      window: uint(32, 1, 64),
      author_quota: uint(32, 1, 4_096),
      slowness_factor: uint(32, 2, 64),
      slowness_floor_ms: uint(32, 1, 10_000),
      slowness_share: uint(32, 1, 16),
    },
    parametersFault,
  ),
);
export const RULES = v1(
  struct({
    strangers: uint(8, 0, 7),
    seats: MAJORITY,
    engine: MAJORITY,
    protocol: MAJORITY,
    parameters: MAJORITY,
    grants: MAJORITY,
    quotas: MAJORITY,
    strict: MAJORITY,
    dormant_after_ms: uint(64, 30n * DAY, 3_660n * DAY),
    guardian_delay_ms: uint(64, DAY, 3_660n * DAY),
    day_bytes: U63,
    day_leaves: U32,
    strangers_bytes: U63,
    strangers_leaves: U32,
    reserve_bytes: U63,
  }),
);

// Section 15.

export const AGREEMENT = v1(
  struct({ committee: COMMITTEE, first: U64, last: option(U64), longest_lead_ms: U64, pending: list(U64, 1_024) }),
);
const REJOIN = struct({ token: DIGEST, epoch: U64, timestamp: TIME, recent: U8 });
export const SEAT = v1(
  struct({
    number: U32,
    member: U32,
    ...SEAT_KEYS,
    addresses: MULTIADDRESSES,
    sits: BOOL,
    rejoin: option(REJOIN),
    active: U64,
    next: option(struct(SEAT_KEYS)),
  }),
);
export const TAKEN = variants({ Name: NAME, Key: RAW_KEY });
export const IN_USE = v1(struct({ taken: TAKEN, by: variants({ Member: U32, Seat: U32 }) }));
const MEMBER_STATUS = variants({ Active: null, Dormant: null, Expelled: null, Left: null });
export const MEMBER = v1(
  struct({
    number: U32,
    name: NAME,
    account: ADDRESS,
    status: MEMBER_STATUS,
    seats: U16,
    since: TIME,
    signed: TIME,
    reported: option(struct({ by: U32, timestamp: TIME })),
    open: list(U64, 8),
  }),
);

/** The name of each right in texts, the first five those of roles. */
export const RIGHT_TEXTS = {
  Administrate: "administrator",
  Operate: "operator",
  Audit: "auditor",
  Participate: "participant",
  CreateAsset: "issuer",
  Mint: "mint",
  Freeze: "freeze",
  PutRecord: "put-record",
  HoldAsset: "hold-asset",
  Erase: "erase",
};
const RIGHT = withWords(
  variants(Object.fromEntries(Object.keys(RIGHT_TEXTS).map((name) => [name, null]))),
  ([name]) => RIGHT_TEXTS[name],
);
const SCOPE = variants({ Network: null, Member: U32, Asset: ASSET_CODE });
const GRANTED = { account: ADDRESS, right: RIGHT, scope: SCOPE };
const FROZEN = { account: ADDRESS, asset: option(ASSET_CODE) };
export const GRANT = v1(struct({ ...GRANTED, by: ADDRESS, ordinal: U64 }));
export const FREEZE = v1(struct({ ...FROZEN, by: ADDRESS, ordinal: U64, timestamp: TIME }));
const REQUEST = struct({ signers: SIGNERS, accepted: list(ADDRESS, 16), since: TIME });
export const GUARDIANS = v1(
  struct({
    account: ADDRESS,
    guardians: list(ADDRESS, 16),
    threshold: U8,
    delay_ms: U64,
    request: option(REQUEST),
  }),
);
const LIMIT = struct({ bytes: U64, leaves: U32 });
export const QUOTA = v1(
  struct({ member: option(U32), limit: option(LIMIT), day: U64, bytes: U64, leaves: U32, reserve: U64 }),
);
export const QUOTA_SHARE = v1(
  struct({ account: ADDRESS, bytes: U64, leaves: U32, day: U64, used_bytes: U64, used_leaves: U32 }),
);
const BALLOT = variants({ Yes: null, No: null, Withdrawn: null });
const PROOFS_OF_KEYS = list(RAW_SIGNATURE, 3);
const CHANGE = limited(
  variants({
    AdmitMember: struct({ name: NAME, account: ADDRESS }),
    ExpelMember: U32,
    ReinstateMember: U32,
    MemberLeaves: U32,
    AddSeat: struct({ member: U32, ...SEAT_KEYS, addresses: MULTIADDRESSES, proofs: PROOFS_OF_KEYS }),
    RemoveSeat: U32,
    Parameters: PARAMETERS,
    Rules: RULES,
    Engine: ENGINE,
    Protocol: U32,
    Grant: struct(GRANTED),
    Revoke: struct(GRANTED),
    Quota: struct({ member: option(U32), limit: option(LIMIT) }),
    Freeze: struct(FROZEN),
    Unfreeze: struct(FROZEN),
  }),
  4_096,
);
const ATTESTATION = v1(
  struct({
    network: DIGEST,
    proposal: U64,
    validator: RAW_KEY,
    height: U64,
    block: DIGEST,
    lowest: U32,
    highest: U32,
  }),
);
const ATTESTING = variants({ Sitting: U32, Joining: RAW_KEY });
const CAST = struct({ member: U32, yes: BOOL });
const ATTESTED = struct({ seat: ATTESTING, lowest: U32, highest: U32 });
const PROPOSAL_STATE = variants({
  Open: null,
  Passed: null,
  Executed: struct({ height: U64 }),
  Rejected: null,
  Expired: null,
  Lapsed: null,
  Withdrawn: null,
});
/** No list in a value can be longer: a value has at most this many bytes. */
const VALUE_LIMIT = 32_768;
export const GOVERNANCE_PROPOSAL = v1(
  struct({
    number: U64,
    member: U32,
    height: U64,
    expires_at: TIME,
    electorate: list(U32, VALUE_LIMIT),
    change: CHANGE,
    ballots: list(CAST, VALUE_LIMIT, { order: (cast) => cast.member }),
    attested: list(ATTESTED, VALUE_LIMIT, { order: (attested) => ATTESTING.write(attested.seat) }),
    state: PROPOSAL_STATE,
  }),
);

// Section 3.

const KEEP = variants({ Log: null, Own: null, Unique: null });
const PAID = { to: ADDRESS, asset: ASSET_CODE, amount: AMOUNT };
const ADDRESSES_IN_ORDER = list(ADDRESS, 16, { order: byEncoding });
/** Each operation's fields. */
export const OPERATIONS = {
  CreateAsset: struct({ code: ASSET_CODE, decimals: U8, flags: U8 }),
  Mint: struct(PAID),
  Burn: struct({ asset: ASSET_CODE, amount: AMOUNT }),
  Transfer: struct(PAID),
  PutRecord: struct({ sha256: DIGEST, keep: KEEP }),
  SetSigners: struct({ signers: SIGNERS }),
  Rejoin: struct({ validator: RAW_KEY, token: DIGEST }),
  Hold: struct({ beneficiary: ADDRESS, asset: ASSET_CODE, amount: AMOUNT, until: TIME, condition: CONDITION }),
  Release: struct({ hold: HOLD_REF, amount: option(AMOUNT), preimages: list(DIGEST, 8, { order: byEncoding }) }),
  Refund: struct({ hold: HOLD_REF }),
  Erase: struct({ intent: bytes(16_384, 1), places: PLACES }),
  Grant: struct(GRANTED),
  Revoke: struct(GRANTED),
  Freeze: struct(FROZEN),
  Unfreeze: struct(FROZEN),
  Assign: struct({ account: ADDRESS, member: option(U32) }),
  Propose: struct({ change: CHANGE, expires_at: TIME }),
  Vote: struct({ proposal: U64, ballot: BALLOT }),
  Withdraw: struct({ proposal: U64 }),
  Attest: struct({ attestation: ATTESTATION, signature: RAW_SIGNATURE }),
  SetSeat: struct({
    seat: U32,
    validator: option(RAW_KEY),
    node: option(RAW_KEY),
    witness: option(RAW_KEY),
    addresses: option(MULTIADDRESSES),
    proofs: PROOFS_OF_KEYS,
  }),
  SetGuardians: struct({ guardians: ADDRESSES_IN_ORDER, threshold: U8, delay_ms: U64 }),
  RequestSigners: struct({ account: ADDRESS, signers: SIGNERS }),
  DecideRequest: struct({ account: ADDRESS, accept: BOOL }),
  ReportDormant: struct({ member: U32 }),
  Answer: struct({ member: U32 }),
  DivideQuota: struct({ account: ADDRESS, bytes: U64, leaves: U32 }),
};
export const ACT = struct({ party: U8, operation: variants(OPERATIONS) });
export const INTENT = kept(
  v1(
    struct({
      network: DIGEST,
      parties: list(ADDRESS, 16, { least: 1 }),
      expires_at: TIME,
      salt: SALT,
      operations: list(ACT, 256, { least: 1 }),
      texts: option(TEXTS),
    }),
  ),
);
export const TRANSACTION = kept(v1(struct({ intent: INTENT, signatures: KEY_SIGNATURES })));
export const SUBMISSION = v1(struct({ transaction: TRANSACTION, texts: list(TEXT, 513) }));

// Sections 5 and 6.

export const BATCH = kept(
  v1(struct({ network: DIGEST, epoch: U64, author: U16, number: U64, transactions: list(TRANSACTION, 32_768) })),
);
export const SIGNED_BATCH = kept(limited(v1(struct({ batch: BATCH, signature: RAW_SIGNATURE })), 4 * MIB));
const BATCH_TEXTS = limited(v1(struct({ items: list(TEXT_ITEM, 4 * MIB) })), 4 * MIB);
export const PROPOSAL = kept(v1(struct({ timestamp: TIME, batches: list(DIGEST, 256) })));

// Sections 8 and 9.

export const HEADER = kept(
  v1(
    struct({
      network: DIGEST,
      protocol: U32,
      epoch: U64,
      height: uint(64, 1n),
      previous: DIGEST,
      chain_root: DIGEST,
      proposal: DIGEST,
      timestamp: TIME,
      log_size: U64,
      log_root: DIGEST,
      state_root: DIGEST,
      next_committee: DIGEST,
    }),
  ),
);
const OUTCOME = variants({
  Success: struct({ results: list(AMOUNT, 256) }),
  Failed: struct({ code: U16, operation: U8 }),
});
const CERTIFIED_HEADER = struct({ header: HEADER, seals: list(SEAL, 128, { order: byValidator }) });
const LOGGED_TRANSACTION = struct({
  height: U64,
  timestamp: TIME,
  position: U32,
  id: DIGEST,
  expires_at: TIME,
  signed: DIGEST,
  outcome: OUTCOME,
});
const LOGGED_RECOVERY = struct({ height: U64, timestamp: TIME, document: DIGEST });
export const LOG_ENTRY = kept(v1(variants({ Transaction: LOGGED_TRANSACTION, Recovery: LOGGED_RECOVERY })));

// Section 15, recovery, with what it takes from section 19.

const PREPARED_CERTIFICATE = struct({
  view: U64,
  height: U64,
  proposal: PROPOSAL,
  pre_prepare: option(RAW_SIGNATURE),
  prepares: list(struct({ validator: U16, signature: RAW_SIGNATURE }), 128, { order: byValidator }),
});
const RAFT_ENTRY = struct({ index: U64, entry: struct({ term: U64, proposal: PROPOSAL }) });
const ACCEPTED_VALUE = struct({
  height: U64,
  ballot: struct({ round: U64, proposer: U16 }),
  proposal: PROPOSAL,
});
const byHeight = (item) => item.height;
const OPEN = variants({
  Pbft: list(PREPARED_CERTIFICATE, 128, { order: byHeight }),
  Raft: list(RAFT_ENTRY, 128, { order: (item) => item.index }),
  Paxos: list(ACCEPTED_VALUE, 128, { order: byHeight }),
});
export const STAND_DOWN = kept(
  limited(
    v1(struct({ network: DIGEST, epoch: U64, validator: U16, certified: option(CERTIFIED_HEADER), open: OPEN })),
    4 * MIB,
  ),
);
export const STAND_DOWNS = kept(list(struct({ stand_down: STAND_DOWN, signature: RAW_SIGNATURE }), 128));
export const LOSS = kept(v1(struct({ network: DIGEST, epoch: U64, seat: U32, validator: RAW_KEY })));
export const LOSSES = kept(list(struct({ loss: LOSS, signatures: KEY_SIGNATURES }), 128));
export const RECOVERY = kept(
  v1(
    struct({
      network: DIGEST,
      number: U32,
      old_epoch: U64,
      new_epoch: U64,
      base: U64,
      block: DIGEST,
      committee: COMMITTEE,
      evidence: DIGEST,
    }),
  ),
);
export const RECOVERY_LIMIT = 128 * MIB;
const SIGNED_RECOVERY = limited(
  v1(
    struct({
      recovery: RECOVERY,
      stand_downs: STAND_DOWNS,
      losses: LOSSES,
      members: list(struct({ member: U32, signatures: KEY_SIGNATURES }), 65_536),
      validators: list(RAW_SIGNATURE, 128),
    }),
  ),
  RECOVERY_LIMIT,
);
export const RECOVERY_MARK = v1(
  struct({ number: U32, document: DIGEST, base: U64, block: DIGEST, old_epoch: U64, new_epoch: U64 }),
);
const BLOCK = v1(
  struct({
    header: HEADER,
    recovery: option(SIGNED_RECOVERY),
    proposal: PROPOSAL,
    executed: list(struct({ position: U32, outcome: OUTCOME }), 256 * 32_768),
  }),
);
export const CERTIFIED_BLOCK = v1(
  struct({
    block: BLOCK,
    certificate: CERTIFICATE,
    batches: list(SIGNED_BATCH, 256),
    texts: list(option(BATCH_TEXTS), 256),
  }),
);

// Section 12.

const INLINE_FIELDS = { asset: ASSET_CODE, free: AMOUNT, held: AMOUNT, incoming: U32 };

function emptyFault(balance) {
  return balance.free > 0n || balance.held > 0n || balance.incoming > 0 ? null : "an empty balance";
}

function historyFault(value) {
  const wanted = bitCount(value.entries / 32n);
  return value.waypoints.length === wanted ? null : `${wanted} subtrees of waypoints belong to its entries`;
}

const HISTORY_FIELDS = { entries: U64, last: DIGEST, waypoints: list(DIGEST, 64) };
export const ACCOUNT = v1(
  struct(
    {
      address: ADDRESS,
      signers: option(SIGNERS),
      member: option(U32),
      frozen: BOOL,
      holds: uint(16, 0, 256),
      others: uint(16, 0, 256),
      balances: list(struct(INLINE_FIELDS, emptyFault), 4, { order: (inline) => inline.asset }),
      ...HISTORY_FIELDS,
    },
    historyFault,
  ),
);
export const BALANCE = v1(struct({ address: ADDRESS, ...INLINE_FIELDS }, emptyFault));
export const ASSET = v1(
  struct(
    {
      code: ASSET_CODE,
      number: U32,
      issuer: ADDRESS,
      decimals: uint(8, 0, 18),
      flags: uint(8, 0, 3),
      supply: AMOUNT,
      ...HISTORY_FIELDS,
    },
    historyFault,
  ),
);
export const RECORD = v1(struct({ address: ADDRESS, sha256: DIGEST, id: DIGEST, ordinal: U64, timestamp: TIME }));
const ERASED = struct({ place: PLACE, by: ADDRESS, ordinal: U64, timestamp: TIME });
export const ERASURE = v1(
  struct({ id: DIGEST, erased: list(ERASED, 513, { least: 1, order: (erased) => PLACE.write(erased.place) }) }),
);
export const COUNTERS = v1(
  struct({ assets: U32, members: U32, seats: U32, proposals: U64, recoveries: U32 }),
);

function prefixFault({ bits, key }) {
  if (bits > 256) return "a prefix has at most 256 bits";
  const whole = bits >> 3;
  const rest = key.subarray(whole);
  const isClear = rest.length === 0 || ((rest[0] << (bits & 7)) & 0xff) === 0;
  return isClear && isZero(rest.subarray(1)) ? null : "the bits after a prefix are not 0";
}

export const PREFIX = withText(
  struct({ bits: U16, key: DIGEST }, prefixFault),
  ({ bits, key }) => `${toHex(key)}/${bits}`,
);
const SIBLING = checked(DIGEST, (digest) => (isZero(digest) ? "a sibling of 32 zero bytes" : null));
const PATH_STEP = struct({ depth: U8, sibling: SIBLING });
const LEAF = struct({ key: DIGEST, value: bytes(VALUE_LIMIT) });
const FOUND = variants({
  Empty: null,
  Other: struct({ key: DIGEST, value: DIGEST }),
  Leaves: list(LEAF, 65_536, { least: 1, order: (leaf) => leaf.key }),
});
const STATE_PROOF = limited(
  v1(struct({ prefix: PREFIX, path: list(PATH_STEP, 256, { order: (step) => step.depth }), found: FOUND })),
  16 * MIB,
);

// Section 13.

const HISTORY_OWNER = variants({ Account: ADDRESS, Asset: ASSET_CODE });
export const HISTORY_START = struct({ network: DIGEST, owner: HISTORY_OWNER, balances: DIGEST });
const BALANCE_CHANGE = struct({
  asset: ASSET_CODE,
  free_before: AMOUNT,
  free_after: AMOUNT,
  held_before: AMOUNT,
  held_after: AMOUNT,
});
export const BALANCE_CHANGES = list(BALANCE_CHANGE, 256);
export const BALANCE_ITEM = struct({ asset: ASSET_CODE, free: AMOUNT, held: AMOUNT });
export const STEP = kept(
  struct({
    number: U64,
    ordinal: U64,
    timestamp: TIME,
    leaf: DIGEST,
    changes: BALANCE_CHANGES,
    balances: option(DIGEST),
  }),
);

// Section 16.

const DRAFT_BALANCE = struct({ address: ADDRESS, amount: uint(128, 1n, AMOUNT_LIMIT - 1n) });
const DRAFT_ASSET = struct({
  code: ASSET_CODE,
  decimals: uint(8, 0, 18),
  flags: uint(8, 0, 3),
  description: text(128, 0, textFault),
  issuer: ADDRESS,
  balances: list(DRAFT_BALANCE, 65_536),
});
export const DRAFT_GRANT = struct(GRANTED);
export const DRAFT = kept(
  v1OrV2(
    struct({
      network: NETWORK_NAME,
      engine: ENGINE,
      time: uint(64, 0n, 253_402_300_799_999n),
      members: list(NAME, 128, { least: 1 }),
      parameters: PARAMETERS,
      rules: RULES,
      assets: list(DRAFT_ASSET, 256),
      accounts: list(struct({ address: ADDRESS, member: U32 }), 65_536, { order: (account) => account.address }),
      grants: list(DRAFT_GRANT, 4_096, { order: byEncoding }),
    }),
    struct({ protocol: uint(32, 2, 2) }),
  ),
);
export const JOIN_BODY = kept(
  v1(
    struct({
      draft: DIGEST,
      member: NAME,
      ...SEAT_KEYS,
      account: KEY,
      signers: option(SIGNERS),
      addresses: MULTIADDRESSES,
    }),
  ),
);
const JOIN = v1(
  struct({
    body: JOIN_BODY,
    validator: RAW_SIGNATURE,
    node: RAW_SIGNATURE,
    witness: RAW_SIGNATURE,
    administrators: KEY_SIGNATURES,
  }),
);
export const GENESIS_LIMIT = 4 * MIB;
export const GENESIS = kept(v1(struct({ draft: DRAFT, joins: list(JOIN, 128, { least: 1 }) })));

// Section 17.

const PATH = list(DIGEST, 64);
const SHOWN_TEXTS = variants({
  Nothing: null,
  All: TEXT_ITEMS,
  Alone: struct({ index: U16, text: TEXT, path: PATH }),
});
const SHOWN = variants({
  Nothing: null,
  Intent: struct({ intent: INTENT, texts: SHOWN_TEXTS }),
  Transaction: struct({ transaction: TRANSACTION, texts: SHOWN_TEXTS }),
});
const BALANCE_ITEMS = list(BALANCE_ITEM, 256);
const START = variants({
  Beginning: struct({ balances: BALANCE_ITEMS }),
  Waypoint: struct({ before: DIGEST, step: STEP, balances: BALANCE_ITEMS, path: PATH }),
});
const ITEM = variants({
  Passed: DIGEST,
  Opened: STEP,
  Entry: struct({ step: STEP, entry: LOG_ENTRY, shown: SHOWN }),
});
const STATEMENT = struct({
  head: CERTIFIED_HEADER,
  owner: HISTORY_OWNER,
  from: TIME,
  to: TIME,
  leaf: STATE_PROOF,
  start: START,
  items: list(ITEM, 1_000_000),
  end: variants({ Last: null, Waypoint: struct({ path: PATH }) }),
  beside: list(STATE_PROOF, 1_024),
});
const RECOVERY_STEP = struct({
  base: option(CERTIFIED_HEADER),
  document: SIGNED_RECOVERY,
  leaves: list(STATE_PROOF, 65_544),
});
const COMMITTEE_STEP = variants({
  Certificate: struct({ head: CERTIFIED_HEADER, next: COMMITTEE }),
  Recovery: RECOVERY_STEP,
});
const TRUST = variants({ Genesis: null, Pinned: struct({ header: HEADER, committee: COMMITTEE }) });

function frontierFault(frontier) {
  const wanted = bitCount(frontier.length);
  return frontier.subtrees.length === wanted ? null : `${wanted} subtrees belong to the frontier's length`;
}

const FRONTIER = struct({ length: U64, subtrees: list(DIGEST, 64) }, frontierFault);
const PROOF_BODY = variants({
  Transaction: struct({ head: CERTIFIED_HEADER, ordinal: U64, entry: LOG_ENTRY, path: PATH, shown: SHOWN }),
  State: struct({ head: CERTIFIED_HEADER, leaves: list(STATE_PROOF, 1_024, { least: 1 }) }),
  Statement: STATEMENT,
  Committees: struct({ trust: TRUST, steps: list(COMMITTEE_STEP, 65_536) }),
  Block: struct({
    head: CERTIFIED_HEADER,
    before: option(HEADER),
    log: FRONTIER,
    entries: list(LOG_ENTRY, 262_144),
    shown: list(SHOWN, 262_144),
  }),
  NotExecuted: struct({ intent: INTENT, agreement: STATE_PROOF, statement: STATEMENT }),
  TwoHistories: struct({
    first: CERTIFIED_HEADER,
    second: CERTIFIED_HEADER,
    there: option(struct({ hash: DIGEST, path: PATH })),
  }),
  TwoRecoveries: struct({ first: RECOVERY_STEP, second: RECOVERY_STEP }),
});
export const PROOF_LIMIT = 256 * MIB;
export const PROOF = v1(struct({ network: DIGEST, body: PROOF_BODY }));

// Section 18.

export const TRAVELLING_LIMIT = 131_072;
const ASSET_DECIMALS = struct({ asset: ASSET_CODE, decimals: uint(8, 0, 18) });
export const TRAVELLING = v1(
  struct({
    intent: INTENT,
    texts: list(TEXT, 513),
    signatures: list(KEY_SIGNATURE, 64),
    decimals: list(ASSET_DECIMALS, 512, { order: (item) => item.asset }),
  }),
);

// Section 30.

const LEAVES_OF_FRAME = list(LEAF, 1_024, { least: 1 });
export const BUNDLE_FRAME = v1(
  variants({
    Opening: struct({ network: DIGEST, genesis: bytes(GENESIS_LIMIT), from: U64, to: U64 }),
    State: struct({
      head: CERTIFIED_HEADER,
      committees: list(COMMITTEE_STEP, 65_536),
      chain: FRONTIER,
      headers: list(DIGEST, 999),
      log: FRONTIER,
      entries: U64,
      leaves: U64,
    }),
    Entries: list(LOG_ENTRY, 1_024, { least: 1 }),
    Leaves: LEAVES_OF_FRAME,
    Block: bytes(224 * MIB + 65_552),
    End: struct({ blocks: U64, sha256: DIGEST }),
  }),
);
