// The text form of a genesis document (section 16 of docs/formats.md): TOML, each value in its one text.

import { compare } from "./bytes.js";
import { Malformed, within } from "./errors.js";
import { encodeKey, keyOf } from "./signatures.js";
import { NotTheText, parseAddress, parseAmount, parseHex, parseKey, parseTime } from "./text.js";
import { readToml } from "./toml.js";
import { DRAFT_GRANT, RIGHT_TEXTS } from "./types.js";

const DAY = 86_400_000n;

/** What parameters are at first (section 14): a BigInt has 64 bits, a number fewer. */
const PARAMETERS = {
  max_transaction_bytes: 65_536,
  max_batch_bytes: 524_288,
  max_batch_transactions: 4_096,
  max_batch_signature_cost: 8_192,
  max_proposal_batches: 32,
  max_expiry_lead_ms: DAY,
  max_hold_ms: 366n * DAY,
  max_clock_lead_ms: 5_000n,
  max_clock_lag_ms: 30_000n,
  window: 32,
  author_quota: 64,
  slowness_factor: 4,
  slowness_floor_ms: 20,
  slowness_share: 2,
};

/** What rules are at first; majorities are pairs. */
const RULES = {
  strangers: 3,
  seats: ["TwoThirds", null],
  engine: ["TwoThirds", null],
  protocol: ["TwoThirds", null],
  parameters: ["TwoThirds", null],
  grants: ["MoreThanHalf", null],
  quotas: ["MoreThanHalf", null],
  strict: ["TwoThirds", null],
  dormant_after_ms: 90n * DAY,
  guardian_delay_ms: 7n * DAY,
  day_bytes: 2n ** 40n,
  day_leaves: 2 ** 30,
  strangers_bytes: 2n ** 40n,
  strangers_leaves: 2 ** 30,
  reserve_bytes: 67_108_864n,
};

const MAJORITIES = { half: "MoreThanHalf", "two thirds": "TwoThirds", all: "All" };
const ENGINES = { pbft: "Pbft", raft: "Raft", paxos: "Paxos" };
const RIGHTS = Object.fromEntries(Object.entries(RIGHT_TEXTS).map(([name, text]) => [text, name]));

/** A table of which every key must be taken. */
class Table {
  constructor(value) {
    if (!(value instanceof Map)) throw new Malformed("expected a table");
    this.rest = new Map(value);
  }

  /** The key's value, parsed; `fallback`, if there is one, where the key is left out. */
  take(name, parse, fallback = undefined) {
    return within(name, () => {
      if (this.rest.has(name)) {
        const value = this.rest.get(name);
        this.rest.delete(name);
        return parse(value);
      }
      if (fallback === undefined) throw new Malformed("it is missing");
      return fallback;
    });
  }

  end() {
    for (const name of this.rest.keys()) throw new Malformed(`unknown key ${name}`);
  }
}

function integer(value) {
  if (typeof value !== "bigint") throw new Malformed("expected a whole number");
  return value;
}

/** An integer of at most 32 bits, as types have these. What is larger no type takes. */
function small(value) {
  const number = integer(value);
  if (number > 0xffff_ffffn) throw new Malformed(`${number} is too large`);
  return Number(number);
}

function string(value) {
  if (typeof value !== "string") throw new Malformed("expected a string");
  return value;
}

/** What reads a string that is the one text of something. */
function textOf(parse) {
  return (value) => {
    try {
      return parse(string(value));
    } catch (fault) {
      if (!(fault instanceof NotTheText)) throw fault;
      throw new Malformed(fault.message);
    }
  };
}

const address = textOf(parseAddress);
const key = textOf(parseKey);
const time = textOf(parseTime);
const digest = textOf((text) => parseHex(text, 32));
const signature = textOf((text) => parseHex(text, 64));

function listOf(parse) {
  return (value) => {
    if (!Array.isArray(value)) throw new Malformed("expected a list");
    return value.map((item, place) => within(`[${place}]`, () => parse(item)));
  };
}

/** What reads a table, of which `read` takes the keys. */
function tableOf(read) {
  return (value) => {
    const table = new Table(value);
    const found = read(table);
    table.end();
    return found;
  };
}

/** What reads one of a few words as a variant. */
function wordOf(words) {
  return (value) => {
    const name = Object.hasOwn(words, string(value)) ? words[value] : null;
    if (name === null) throw new Malformed(`expected one of ${Object.keys(words).join(", ")}`);
    return [name, null];
  };
}

/** What reads settings, each of which may be left out. */
function settingsOf(defaults) {
  return tableOf((table) => {
    const parsers = { bigint: integer, number: small, object: wordOf(MAJORITIES) };
    const entries = Object.entries(defaults);
    return Object.fromEntries(
      entries.map(([name, fallback]) => [name, table.take(name, parsers[typeof fallback], fallback)]),
    );
  });
}

const parameters = settingsOf(PARAMETERS);
const rules = settingsOf(RULES);

const asset = tableOf((table) => {
  const decimals = table.take("decimals", small);
  if (decimals > 18) throw new Malformed("more than 18 decimals");
  const balance = tableOf((item) => ({
    address: item.take("address", address),
    amount: item.take("amount", textOf((text) => parseAmount(text, decimals))),
  }));
  return {
    code: table.take("code", string),
    decimals,
    flags: table.take("flags", small, 0),
    description: table.take("description", string, ""),
    issuer: table.take("issuer", address),
    balances: table.take("balances", listOf(balance), []),
  };
});

function byKey(pairs, keyFor) {
  return pairs.sort((a, b) => compare(encodeKey(keyFor(a)), encodeKey(keyFor(b))));
}

const signer = tableOf((table) => ({ key: table.take("key", key), weight: table.take("weight", small) }));

const administrator = tableOf((table) => {
  const [kind, bytes] = table.take("key", key);
  return [kind, { key: bytes, signature: table.take("signature", signature) }];
});

const join = tableOf((table) => {
  const signers = table.take("signers", listOf(signer), null);
  const account = {
    account: table.take("account_key", key),
    signers:
      signers === null
        ? null
        : { threshold: table.take("threshold", small), signers: byKey(signers, (each) => each.key) },
  };
  const body = {
    draft: table.take("draft", digest),
    member: table.take("member", string),
    validator: table.take("validator_key", digest),
    node: table.take("node_key", digest),
    witness: table.take("witness_key", digest),
    ...account,
    addresses: table.take("addresses", listOf(string)),
  };
  return {
    body,
    validator: table.take("validator_signature", signature),
    node: table.take("node_signature", signature),
    witness: table.take("witness_signature", signature),
    administrators: byKey(table.take("administrators", listOf(administrator)), keyOf),
  };
});

/** A document's value out of its text. The values are not checked beyond their texts. */
export function parseDocument(text) {
  return tableOf((table) => {
    if (table.take("version", integer) !== 2n) throw new Malformed("expected version = 2");
    const members = table.take("members", listOf(string));
    const member = (value) => {
      const number = members.indexOf(string(value));
      if (number < 0) throw new Malformed(`there is no member ${JSON.stringify(value)}`);
      return number;
    };
    const scope = (value) => {
      const [, kind, name] = /^(member|asset):(.*)$/s.exec(string(value)) ?? [];
      if (value === "network") return ["Network", null];
      if (kind === "member") return ["Member", member(name)];
      if (kind === "asset") return ["Asset", name];
      throw new Malformed('expected "network", "member:NAME" or "asset:CODE"');
    };
    const account = tableOf((item) => ({
      address: item.take("address", address),
      member: item.take("member", member),
    }));
    const grant = tableOf((item) => ({
      account: item.take("account", address),
      right: item.take("right", wordOf(RIGHTS)),
      scope: item.take("scope", scope),
    }));
    const draft = {
      network: table.take("network", string),
      engine: table.take("engine", wordOf(ENGINES)),
      time: table.take("time", time),
      members,
      parameters: table.take("parameters", parameters, PARAMETERS),
      rules: table.take("rules", rules, RULES),
      assets: table.take("assets", listOf(asset), []),
      accounts: table.take("accounts", listOf(account), []).sort((a, b) => compare(a.address, b.address)),
      grants: sortedGrants(table.take("grants", listOf(grant), [])),
    };
    const protocol = table.take("protocol", small, null);
    if (protocol !== null) draft.protocol = protocol;
    const joins = table.take("joins", listOf(join));
    const placeOf = ({ body }) => (members.includes(body.member) ? members.indexOf(body.member) : members.length);
    joins.sort((a, b) => placeOf(a) - placeOf(b));
    return { draft, joins };
  })(readToml(text));
}

/** Sorted by encoding, each of which is made once. */
function sortedGrants(grants) {
  const pairs = grants.map((grant) => [DRAFT_GRANT.write(grant), grant]);
  return pairs.sort(([a], [b]) => compare(a, b)).map(([, grant]) => grant);
}
