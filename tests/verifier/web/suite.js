// All tests of the verifier in JavaScript, in a browser as in Node.js.

import { useWebCrypto, webCrypto } from "../../../node/verifier/web/signatures.js";
import { Judge } from "./judge.js";
import { isSame } from "./json.js";
import { Random, mutantFault, mutantsOf } from "./mutants.js";
import { bundleTests } from "./bundle_tests.js";
import { comparingTests } from "./comparing_tests.js";
import { pageTests } from "./goldens.js";
import { partTests } from "./parts.js";
import { statementTests } from "./statement_tests.js";
import { tablesTests } from "./tables_tests.js";

/** At most so many faults are told of one kind. */
const TOLD = 20;

/** True if one place lies in the other: the page does not say where exactly what is malformed is told. */
function areNear(ours, theirs) {
  const [one = "", other = ""] = [ours, theirs];
  return one.startsWith(other) || other.startsWith(one);
}

/** What of an answer is not as the verifier in Python has it; null if nothing. */
function difference(vector, ours, theirs) {
  if (vector.needs?.includes("execution") && theirs.verdict === "refused") return null;
  const names = ["verdict", "code", "whole", "kind", "about", "head", "facts", "id", "network"];
  const found = names.filter((name) => !isSame(ours[name] ?? null, theirs[name] ?? null));
  if (!areNear(ours.where, theirs.where)) found.push("where");
  if (found.length === 0) return null;
  const said = ({ verdict, code, where, reason }) => [verdict, code, where, reason].filter(Boolean).join(": ");
  return `${found.join(", ")}: here ${said(ours)}; in Python ${said(theirs)}`;
}

class Suite {
  constructor(report) {
    this.report = report;
    this.faults = 0;
    this.passed = 0;
  }

  fault(words) {
    this.faults += 1;
    if (this.faults <= TOLD) this.report(`FAULT ${words}`);
  }

  async tests(tests) {
    for (const [name, test] of Object.entries(tests)) {
      try {
        await test();
        this.passed += 1;
      } catch (fault) {
        this.fault(`${name}: ${fault.message}\n${fault.stack}`);
      }
    }
  }

  /**
   * Every vector has the verdict that its making implies, and the answer of the verifier in Python, if that is there.
   */
  async vectors([header, ...vectors], answers) {
    const judge = await Judge.of(header);
    const exact = { places: 0, refusals: 0 };
    for (const [place, vector] of vectors.entries()) {
      const answer = await judge.answer(vector);
      const theirs = answers?.[place];
      const fault = judge.fault(vector, answer) ?? (theirs ? difference(vector, answer, theirs) : null);
      if (fault === null) this.passed += 1;
      else this.fault(`${vector.name} (${vector.kind}, ${vector.rule}): ${fault}`);
      if (theirs?.verdict === "refused" && answer.verdict === "refused") {
        exact.refusals += 1;
        if ((answer.where ?? "") === (theirs.where ?? "")) exact.places += 1;
      }
    }
    const places = answers ? `; of ${exact.refusals} refusals ${exact.places} are told at exactly Python's place` : "";
    this.report(`${vectors.length} vectors${places}`);
  }

  /** Mutants of all good proofs of one block. Those that are accepted for another question are returned as vectors. */
  async mutants([header, ...vectors], number, seed) {
    const judge = await Judge.of(header);
    const random = new Random(seed);
    const others = [];
    let [judged, accepted, proofs] = [0, 0, 0];
    for (const vector of vectors) {
      const isGood = vector.kind === "proof-file" && ["proven", "complete_up_to"].includes(vector.expect.verdict);
      if (!isGood || !("file" in vector) || vector.file.split("\nquorate proof ").length > 1) continue;
      const good = await judge.answer(vector);
      proofs += 1;
      for (const { way, file } of mutantsOf(vector.file, random, number)) {
        if (file === vector.file) continue;
        const mutant = { ...vector, name: `${vector.name}: ${way} ${judged}`, file, expect: { verdict: "either" } };
        const answer = await judge.answer(mutant);
        judged += 1;
        if (answer.verdict === "refused") continue;
        accepted += 1;
        const fault = mutantFault(answer, good);
        if (fault !== null) this.fault(`${mutant.name}: ${fault}\n${file}`);
        else others.push(mutant);
      }
    }
    this.passed += judged;
    this.report(`${judged} mutants of ${proofs} proofs, ${accepted} accepted, none with other facts of its question`);
    return others;
  }
}

/**
 * Runs everything, with WebCrypto and without it, and returns how many faults there are. `formats` and `toml` are the
 * page and its genesis document; `statements` those of node/statement, with the style of their pages; `bundle` a bundle; `tables` files of a folder of tables; `vectors` and `answers` what generate.py and the verifier in Python say to it, the
 * latter null where nobody asked; `mutants` how many of each good proof. `report` is told everything.
 */
export async function runSuite({ formats, toml, statements, bundle, tables, vectors, answers, mutants, seed, report }) {
  const suite = new Suite(report);
  const others = [];
  for (const isUsed of [true, false]) {
    useWebCrypto(isUsed);
    if (isUsed && webCrypto() === null) {
      report("there is no WebCrypto here: all is judged without it");
      continue;
    }
    report(isUsed ? "with WebCrypto" : "without WebCrypto");
    await suite.tests(partTests);
    await suite.tests(pageTests({ formats, toml }));
    await suite.tests(comparingTests({ formats }));
    await suite.tests(statementTests({ formats, statements }));
    await suite.tests(bundleTests({ bundle, vectors }));
    await suite.tests(tablesTests({ tables, bundle }));
    await suite.vectors(vectors, answers);
    // What is judged without WebCrypto is judged by the same code but for signatures.
    if (isUsed && mutants > 0) others.push(...(await suite.mutants(vectors, mutants, seed)));
  }
  useWebCrypto(true);
  report(`${suite.passed} checks passed, ${suite.faults} faults`);
  return { faults: suite.faults, others };
}
