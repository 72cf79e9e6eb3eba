// The verifier's answer to a vector of `tests/verifier/generate.py`, in the form of the verifier in Python.

import { ascii, fromHex, toHex } from "../../../node/verifier/web/bytes.js";
import { Chain } from "../../../node/verifier/web/chain.js";
import { Trust } from "../../../node/verifier/web/committee.js";
import { Refusal, Unusable } from "../../../node/verifier/web/errors.js";
import { plainVerdict } from "../../../node/verifier/web/facts.js";
import { readProofFile } from "../../../node/verifier/web/file.js";
import { decodeGenesis } from "../../../node/verifier/web/genesis.js";
import { verify } from "../../../node/verifier/web/proof.js";
import { ecdsa, strict, zip215 } from "../../../node/verifier/web/signatures.js";
import { decodeSubmission, decodeTransaction, intentId } from "../../../node/verifier/web/transaction.js";
import { readTravelling } from "../../../node/verifier/web/travelling.js";
import { wordsOf } from "../../../node/verifier/web/words.js";
import { contains, isSame } from "./json.js";

/** The verdict on the first proof of a file; what is appended to it is learnt before. */
export async function verdictOn(data, trust) {
  const proofs = readProofFile(data);
  let verdict;
  for (const proof of proofs.reverse()) verdict = await verify(proof, trust);
  // Whatever is proven can be said.
  wordsOf(verdict);
  return plainVerdict(verdict);
}

/** `HEIGHT:HASH`. */
function pinOf(text) {
  const [height, hash] = text.split(":");
  return { height: BigInt(height), hash: fromHex(hash) };
}

/** What vectors build on: the genesis document, committees, and the chain up to each height. */
export class Judge {
  /** What the vectors' first line says. */
  static async of(header) {
    const judge = new Judge();
    judge.genesis = await decodeGenesis(fromHex(header.genesis));
    const { network, stateRoot } = judge.genesis;
    if (toHex(network) !== header.network) throw new Error("another network");
    if (toHex(stateRoot) !== header.state_root) throw new Error("another state root");
    judge.learnt = judge.trust();
    await verdictOn(ascii(header.committees), judge.learnt);
    judge.chains = new Map([[0n, new Chain(judge.learnt)]]);
    judge.established = new Map();
    return judge;
  }

  /** Trust in genesis, and in a pinned block. */
  trust(pinned = undefined) {
    return new Trust(this.genesis, pinned ? pinOf(pinned) : null);
  }

  /** The answer to a vector. */
  async answer(vector) {
    const kinds = {
      "proof-file": () => this.proofFile(vector),
      block: () => this.block(vector),
      transaction: () => this.transaction(fromHex(vector.bytes)),
      submission: () => this.submission(fromHex(vector.bytes)),
      genesis: () => this.document(fromHex(vector.bytes)),
      signature: () => this.signature(vector),
      travelling: () => this.travelling(fromHex(vector.bytes)),
    };
    try {
      return await kinds[vector.kind]();
    } catch (fault) {
      if (fault instanceof Refusal) {
        const { code, where, reason } = fault;
        return { verdict: "refused", code, where, reason };
      }
      if (fault instanceof Unusable) return { verdict: "refused", reason: fault.message };
      throw fault;
    }
  }

  proofFile(vector) {
    const trust = this.trust(vector.trusted);
    if (vector.learn) trust.epochs = new Map(this.learnt.epochs);
    return verdictOn("file" in vector ? ascii(vector.file) : fromHex(vector.bytes), trust);
  }

  async block(vector) {
    const { chain, whole } = await this.chains.get(vector.height - 1n).with(fromHex(vector.bytes));
    // The good blocks come in their order.
    const isOfChain = vector.name.endsWith(` block ${vector.height}`) && vector.expect.verdict === "good";
    if (isOfChain) this.chains.set(vector.height, chain);
    return { verdict: "good", whole: whole.every(Boolean) };
  }

  async transaction(data) {
    const { network, draft } = this.genesis;
    const { intent } = await decodeTransaction(data, network, draft.parameters.max_transaction_bytes);
    return { verdict: "good", id: toHex(intentId(intent)) };
  }

  async submission(data) {
    const { network, draft } = this.genesis;
    await decodeSubmission(data, network, draft.parameters.max_transaction_bytes);
    return { verdict: "good" };
  }

  async document(data) {
    const { network } = await decodeGenesis(data);
    return { verdict: "good", network: toHex(network) };
  }

  async signature({ mode, ...parts }) {
    const [key, signature, message] = [parts.key, parts.signature, parts.message].map(fromHex);
    const isGood = await { zip215, strict, p256: ecdsa }[mode](key, signature, message);
    return { verdict: isGood ? "good" : "refused" };
  }

  async travelling(data) {
    const proven = new Map(this.genesis.draft.assets.map(({ code, decimals }) => [code, decimals]));
    await readTravelling(data, this.genesis.network, proven);
    return { verdict: "good" };
  }

  /** Why an answer is not what the vector expects; null if it is. */
  fault(vector, answer) {
    const { expect } = vector;
    const isRefused = answer.verdict === "refused";
    const agrees = {
      either: () => true,
      accepted: () => !isRefused,
      "refused or not whole": () => isRefused || answer.whole === false,
    };
    // Who does not execute a block's transactions cannot refuse it.
    const needsExecution = vector.needs?.includes("execution") && !isRefused;
    if (!needsExecution && !(agrees[expect.verdict] ?? (() => answer.verdict === expect.verdict))()) {
      return `expected ${expect.verdict}`;
    }
    if (isRefused && "code" in expect && expect.code !== answer.code) return `expected the code ${expect.code}`;
    if (isRefused && "reason" in expect && !answer.reason.startsWith(`${expect.reason}:`)) {
      // Whether what a decoder refuses has its field's reason is not fixed.
      if (!answer.reason.startsWith("encoding:")) return `expected the reason ${expect.reason}`;
    }
    if ("whole" in expect && expect.whole !== answer.whole) return `expected whole ${expect.whole}`;
    for (const name of ["id", "network"]) {
      const isOther = answer.verdict === "good" && name in vector && vector[name] !== answer[name];
      if (isOther) return `expected the ${name} ${vector[name]}`;
    }
    if ("facts" in expect && !contains(answer.facts, expect.facts)) return "expected other facts";
    const same = expect.same_facts_as;
    if (same !== undefined && !isSame(answer.facts, this.established.get(same))) {
      return `other facts than those of ${same}`;
    }
    if (answer.facts) this.established.set(vector.name, answer.facts);
    return null;
  }
}
