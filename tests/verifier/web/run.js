// Runs the tests in Node.js: `node run.js VECTORS [ANSWERS] [--mutants N] [--seed N] [--accepted FILE]`.
//
// VECTORS is a file of tests/verifier/generate.py, ANSWERS what node/verifier/tests/proofs/answers.py says to it.
// Mutants that are accepted for another question are written to the file of `--accepted`, as vectors whose truth the
// verifier in Python says.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseJson } from "./json.js";
import { runSuite } from "./suite.js";

const root = new URL("../../../", import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mutants: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    accepted: { type: "string" },
  },
});

function read(path) {
  return readFileSync(new URL(path, root), "utf8");
}

function lines(path) {
  return readFileSync(path, "ascii").split("\n").filter((line) => line !== "");
}

const [vectors, answers] = positionals;
const text = lines(vectors);
const { faults, others } = await runSuite({
  formats: read("docs/formats.md"),
  toml: new Uint8Array(readFileSync(new URL("genesis/tests/vectors/genesis.toml", root))),
  statements: {
    ...Object.fromEntries(["csv", "html", "xml"].map((form) => [form, read(`node/statement/tests/statements/golden/k1.${form}`)])),
    style: read("node/statement/src/page/style.css"),
  },
  bundle: new Uint8Array(Buffer.from(read("tests/verifier/web/part.bundle.txt"), "base64")),
  tables: JSON.parse(read("tests/verifier/web/tables.json")),
  vectors: text.map(parseJson),
  answers: answers ? lines(answers).map(parseJson) : null,
  mutants: Number(values.mutants),
  seed: Number(values.seed),
  report: (words) => console.log(words),
});
if (values.accepted) {
  const plain = (_name, part) => (typeof part === "bigint" ? Number(part) : part);
  const written = others.map((vector) => JSON.stringify(vector, plain));
  writeFileSync(values.accepted, `${[text[0], ...written].join("\n")}\n`);
}
process.exitCode = faults > 0 ? 1 : 0;
