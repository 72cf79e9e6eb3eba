// Committees and seals, what a verifier knows, and which heads it accepts (sections 7 and 17 of docs/formats.md).

import { equal, toHex } from "./bytes.js";
import { Refusal } from "./errors.js";
import { committeeDigest } from "./genesis.js";
import { tagged } from "./hashes.js";
import { isValidatorSignatureGood } from "./signatures.js";
import { HEADER, SEAL_CONTENT } from "./types.js";

/** A block's hash. */
export function blockHash(header) {
  return tagged("block", HEADER.write(header));
}

/** How many validators may be faulty without a quorum's word being worth nothing: none under Raft and Paxos. */
export function faulty({ engine, seats }) {
  return engine[0] === "Pbft" ? Math.floor((seats.length - 1) / 3) : 0;
}

/** How many validators a quorum has. */
export function quorum(committee) {
  const seats = committee.seats.length;
  if (committee.engine[0] === "Pbft") return Math.ceil((seats + faulty(committee) + 1) / 2);
  return Math.floor(seats / 2) + 1;
}

/** Refuses seals that are less than a quorum, or of which one is not good for the block. */
export async function checkSeals(committee, network, height, block, seals, where) {
  const needed = quorum(committee);
  if (seals.length < needed) {
    throw new Refusal("bad_certificate", where, `${seals.length} seals, a quorum has ${needed}`);
  }
  const content = SEAL_CONTENT.write({ network, epoch: committee.epoch, height, block });
  for (const [place, { validator, signature }] of seals.entries()) {
    const seat = committee.seats[validator];
    if (!seat) {
      throw new Refusal("bad_certificate", `${where}[${place}]`, `there is no validator ${validator}`);
    }
    if (!(await isValidatorSignatureGood(seat.validator, signature, "seal", content))) {
      throw new Refusal("bad_certificate", `${where}[${place}]`, `the seal of validator ${validator} is not good`);
    }
  }
}

/** What is known of one epoch: heights that are not known are null. */
export class Epoch {
  constructor(committee, first, ledBy = null) {
    this.committee = committee;
    this.first = first;
    this.last = null;
    /** The signed document of the recovery that ended it. */
    this.recovery = null;
    /** The hash of the header that led to its committee: a recovery of an epoch that certified nothing builds on it. */
    this.ledBy = ledBy;
  }
}

/** What a verifier knows: the genesis document, or a block that somebody vouches for, or both, and what follows. */
export class Trust {
  /** `pinned`: the block's height and hash. The network, an id or null, is known from the document, or will be. */
  constructor(genesis, pinned = null) {
    this.genesis = genesis;
    this.pinned = pinned;
    this.network = genesis?.network ?? null;
    this.epochs = new Map();
    // With a pinned block genesis's committee is not trusted: else keys of past epochs that were stolen could lead past
    // the pin.
    if (genesis && !pinned) this.epochs.set(0n, new Epoch(genesis.committee, 1n));
  }

  /** True if a header is the pinned block's. */
  isPinned(header) {
    return this.pinned?.height === header.height && equal(this.pinned.hash, blockHash(header));
  }

  /** Adds epochs, and bounds that were not known; nothing of them if one contradicts what is known. */
  learn(epochs, where) {
    for (const [number, epoch] of epochs) {
      const known = this.epochs.get(number);
      if (!known) continue;
      if (!equal(committeeDigest(known.committee), committeeDigest(epoch.committee))) {
        throw new Refusal("bad_committee", where, `another committee of epoch ${number} is known`);
      }
      for (const name of ["first", "last"]) {
        if (known[name] !== null && epoch[name] !== null && known[name] !== epoch[name]) {
          throw new Refusal("bad_committee", where, `another ${name} height of epoch ${number} is known`);
        }
      }
    }
    for (const [number, epoch] of epochs) {
      const known = this.epochs.get(number);
      if (!known) this.epochs.set(number, epoch);
      else for (const name of ["first", "last", "recovery", "ledBy"]) known[name] ??= epoch[name];
    }
  }

  /**
   * Refuses a certified header that is not to be accepted. What a recovery gave up is refused too, unless
   * `takesGivenUp`: then that recovery's document is returned.
   */
  async accept({ header, seals }, where, trail, { epochs = this.epochs, takesGivenUp = false } = {}) {
    const at = `${where}.header`;
    if (!equal(header.network, this.network)) {
      throw new Refusal("other_network", at, `it is of the network ${toHex(header.network)}`);
    }
    const epoch = epochs.get(header.epoch);
    if (!epoch) throw new Refusal("unknown_committee", at, `the committee of epoch ${header.epoch} is not known`);
    const { committee, first, last } = epoch;
    if (header.protocol !== committee.protocol) {
      throw new Refusal("unknown_committee", at, "its protocol is not the committee's");
    }
    if (this.pinned && header.height <= this.pinned.height && !this.isPinned(header)) {
      throw new Refusal("outside_epoch", at, `it is not above the pinned block ${this.pinned.height}`);
    }
    if (first !== null && header.height < first) {
      throw new Refusal("outside_epoch", at, `epoch ${header.epoch} began at ${first}`);
    }
    let recovery = null;
    if (last !== null && header.height > last) {
      recovery = epoch.recovery;
      if (recovery === null) throw new Refusal("outside_epoch", at, `epoch ${header.epoch} ended at ${last}`);
      if (!takesGivenUp) {
        const words = `certified, given up by recovery ${recovery.recovery.number}`;
        throw new Refusal("given_up", at, words);
      }
    }
    const needed = quorum(committee);
    if (seals.length !== needed) {
      throw new Refusal("not_minimal", `${where}.seals`, `${seals.length} seals, a quorum has ${needed}`);
    }
    const hash = blockHash(header);
    await checkSeals(committee, this.network, header.height, hash, seals, `${where}.seals`);
    const sealing = seals.map((seal) => seal.validator).join(", ");
    trail.note(
      `block ${header.height} of epoch ${header.epoch}, ${toHex(hash)}, is sealed by the validators ${sealing}: ` +
        `${needed} of ${committee.seats.length}, exactly a quorum, and each seal is good`,
    );
    return recovery;
  }
}
