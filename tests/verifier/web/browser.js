// The tests in a browser: what they say is shown in the page, and its title says how they ended.

import { fromHex } from "../../../node/verifier/web/bytes.js";
import { parseJson } from "./json.js";
import { runSuite } from "./suite.js";

async function main() {
  const lines = [];
  const report = (words) => {
    lines.push(words);
    document.getElementById("report").textContent = lines.join("\n");
  };
  try {
    const { formats, toml, statements, bundle, tables, vectors, answers } = parseJson(document.getElementById("inputs").textContent);
    const { faults } = await runSuite({
      formats,
      toml: fromHex(toml),
      statements,
      bundle: fromHex(bundle),
      tables,
      vectors,
      answers,
      mutants: 0,
      seed: 1,
      report,
    });
    document.title = faults === 0 ? "passed" : "failed";
  } catch (fault) {
    report(`${fault.message}\n${fault.stack}`);
    document.title = "failed";
  }
}

main();
