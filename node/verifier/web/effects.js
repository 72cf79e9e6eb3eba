// What each operation of a transaction that is shown did to an owner of a history.

import { toHex } from "./bytes.js";
import { addressText } from "./text.js";

/** Amounts that come or go stay below this, as in the node's own reckoning. */
const LIMIT = 2n ** 127n;

/** A number, or null if it is too large to be reckoned with. */
export function reckoned(number) {
  return number >= -LIMIT && number < LIMIT ? number : null;
}

/** An operation's name, in words. */
export function nameOf([kind]) {
  return kind.replace(/(?!^)[A-Z]/g, " $&").toLowerCase();
}

/** What a hold is found by. */
export function holdKey(owner, transaction, operation) {
  return `${addressText(owner)} ${toHex(transaction)} ${operation}`;
}

/** The account that an operation names besides the one that acts; null if it names none. */
function namedBy([kind, fields]) {
  if (kind === "Mint" || kind === "Transfer") return addressText(fields.to);
  if (kind === "Hold") return addressText(fields.beneficiary);
  if (kind === "Release" || kind === "Refund") return addressText(fields.hold.owner);
  // What else has an account has it under this name.
  return fields?.account === undefined ? null : addressText(fields.account);
}

/** What an operation is to the owner. Its effect is null, or an amount of an asset; null for an asset nothing tells. */
function found(counterparty, effect, isOwn = true) {
  return { counterparty, effect, isOwn };
}

function moves(asset, free, held) {
  return { asset, free, held };
}

/** A hold that was released or refunded, whole or in part. */
function ofHold(me, isMine, [kind, fields], paid, holds) {
  const owner = addressText(fields.hold.owner);
  const terms = holds.get(holdKey(fields.hold.owner, fields.hold.transaction, fields.hold.operation)) ?? null;
  const beneficiary = terms?.beneficiary ?? null;
  const effect = (free, held) => (paid === undefined ? null : moves(terms?.asset ?? null, free, held));
  const amount = paid ?? 0n;
  const isRelease = kind === "Release";
  if (owner === me) return found(beneficiary, effect(isRelease ? 0n : amount, -amount));
  if (isRelease && (beneficiary === null || beneficiary === me)) {
    return found(owner, effect(amount, 0n), isMine || beneficiary !== null);
  }
  return isMine || beneficiary === me ? found(owner, null) : null;
}

function ofAccount(me, operation, acting, paid, holds) {
  const [kind, fields] = operation;
  const isMine = acting === me;
  const other = (address) => (address === me ? null : address);
  const named = namedBy(operation);
  if (kind === "Mint" && named === me) return found(other(acting), moves(fields.asset, fields.amount, 0n));
  if (kind === "Transfer") {
    if (!isMine && named !== me) return null;
    // What one pays to oneself neither comes nor goes.
    const free = (named === me ? fields.amount : 0n) - (isMine ? fields.amount : 0n);
    return found(isMine ? named : acting, moves(fields.asset, free, 0n));
  }
  if (kind === "Burn" && isMine) return found(null, moves(fields.asset, -fields.amount, 0n));
  if (kind === "Hold" && isMine) return found(named, moves(fields.asset, -fields.amount, fields.amount));
  if (kind === "Release" || kind === "Refund") return ofHold(me, isMine, operation, paid, holds);
  if (isMine) return found(named === null ? null : other(named), null);
  return named === me ? found(other(acting), null) : null;
}

function ofAsset(code, [kind, fields], acting) {
  if (kind === "Mint" && fields.asset === code) {
    return found(addressText(fields.to), moves(code, fields.amount, 0n));
  }
  if (kind === "Burn" && fields.asset === code) return found(acting, moves(code, -fields.amount, 0n));
  return kind === "CreateAsset" && fields.code === code ? found(acting, null) : null;
}

/**
 * The operations that touch the owner, in their order, each with its place, its name and its effect. `results` are what
 * releases and refunds paid; `holds` what is known of holds.
 */
export function effectsOf([kind, owner], intent, results, holds) {
  const parts = [];
  const me = kind === "Account" ? addressText(owner) : owner;
  let next = 0;
  for (const [place, { party, operation }] of intent.operations.entries()) {
    const pays = operation[0] === "Release" || operation[0] === "Refund";
    const paid = pays ? results[next] : undefined;
    if (pays) next += 1;
    const acting = addressText(intent.parties[party]);
    const part = kind === "Account" ? ofAccount(me, operation, acting, paid, holds) : ofAsset(me, operation, acting);
    if (part !== null) parts.push({ operation: place, kind: nameOf(operation), ...part });
  }
  return parts;
}

/**
 * Gives what is of an asset that nothing tells the one asset that no known part explains, if it is exactly what all
 * of these moved together. Where it is not, they moved nothing that a line could say. Returns the parts that touch the
 * owner, and whether it was so; null if the amounts are too large.
 */
export function settled(parts, rest) {
  const unknown = parts.filter(({ effect }) => effect !== null && effect.asset === null);
  let [free, held] = [0n, 0n];
  for (const { effect } of unknown) {
    free = reckoned(free + effect.free);
    held = free === null ? null : reckoned(held + effect.held);
    if (free === null || held === null) return null;
  }
  const [first, ...more] = rest;
  const isSame = first !== undefined && more.length === 0 && first[1].free === free && first[1].held === held;
  const only = isSame ? first[0] : null;
  for (const part of unknown) part.effect = only === null ? null : { ...part.effect, asset: only };
  return { parts: parts.filter(({ isOwn, effect }) => isOwn || effect !== null), isSettled: only !== null };
}
