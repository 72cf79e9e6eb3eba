// The check of a page of the explorer: the proof that the node serves is judged here, against a genesis hash that the
// reader pins, and what the page shows is compared with what the proof establishes.

import { fromHex, toHex } from "./bytes.js";
import {
  compareAccount,
  compareAsset,
  compareBlock,
  compareHistory,
  compareRecord,
  compareStatement,
  compareTransaction,
} from "./comparing.js";
import { Refusal, Unusable } from "./errors.js";
import { readProofFile } from "./file.js";
import { readGenesis } from "./genesis.js";
import { judge, trustOf } from "./judging.js";
import { detailsOf, listOf, make } from "./making.js";
import {
  assetsOf,
  readAccount,
  readAsset,
  readBlock,
  readRecord,
  readStatement,
  readTransaction,
} from "./pages.js";
import { hashIn, pinAt, pinnedAt } from "./pinning.js";
import { headOf } from "./proof.js";
import { assetKey, uniqueRecordKey } from "./state.js";
import { parseAddress, timeText, visible } from "./text.js";
import { count } from "./trail.js";
import { decimalsOf } from "./words.js";

/** A proof's file has no more. */
const PROOF_LIMIT = 512 * 1024 * 1024;

/** What a check came to, in words. */
const RESULTS = {
  good: ["Good", "This page shows what the proof establishes, for the genesis hash that you pinned."],
  unpinned: [
    "Good, if the genesis hash is right",
    "This page shows what the proof establishes. Which network that is, only this node has said so far.",
  ],
  page: ["The page is wrong", "The proof is good, and this page shows something else than it establishes."],
  proof: [
    "The proof is refused",
    "What this node serves as a proof proves nothing. Believe nothing that this page shows.",
  ],
  genesis: ["Another network", "This node serves another genesis document than the one whose hash you pinned."],
  failed: ["Not checked", "Nothing was checked."],
};

/** Why a check ended without a verdict on the page: one of the results, and words. */
class Ended extends Error {
  constructor(result, words) {
    super(words);
    this.result = result;
  }
}

async function fetched(path, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, { headers, cache: "no-store" });
  } catch (fault) {
    throw new Ended("failed", `the node does not answer: ${fault.message}`);
  }
  if (!answer.ok) {
    const words = answer.status === 422 ? "it is too long to be proven at once" : `the node answers ${answer.status}`;
    throw new Ended("failed", `${path} was not given: ${words}`);
  }
  const data = new Uint8Array(await answer.arrayBuffer());
  if (data.length > PROOF_LIMIT) throw new Ended("failed", `${path} has more than 512 MiB`);
  return data;
}

/** The steps of a check as they are shown, and how it ended. */
class Report {
  constructor(place) {
    this.steps = make("ol", "", { class: "steps" });
    this.line = make("p", "Checking…", { class: "verdict-line", role: "status" });
    this.more = make("div");
    this.place = place;
    delete place.dataset.result;
    place.replaceChildren(this.line, this.steps, this.more);
  }

  /** A step: `good`, `bad`, or `note` for what holds only by the node's word, or is left open. */
  step(look, words, parts = []) {
    this.steps.append(make("li", [visible(words), ...parts], { "data-step": look }));
  }

  end(result, words = null) {
    const [heading, sentence] = RESULTS[result];
    const all = [make("strong", heading), ` ${sentence}`];
    if (words !== null) all.push(` ${visible(words)}.`);
    this.line.replaceChildren(...all);
    // Last: whoever waits for the end sees all of it.
    this.place.dataset.result = result;
  }
}

/** The genesis document that the node serves, held to the hash that is pinned. */
async function checkedGenesis(report, pinned) {
  const document_ = await fetched("v1/network", { Accept: "application/octet-stream" });
  let genesis;
  try {
    genesis = await readGenesis(document_);
  } catch (fault) {
    if (!(fault instanceof Unusable)) throw fault;
    throw new Ended("genesis", `the document cannot be used: ${fault.message}`);
  }
  const hash = toHex(genesis.network);
  report.more.append(pinForm(report, hash, pinned));
  if (pinned === null) {
    report.step(
      "note",
      `The node's genesis document has the hash ${hash}. That this is your network is the node's word: compare the ` +
        "hash with a member by another way, and pin it below.",
    );
  } else if (pinned === hash) {
    report.step("good", `The node's genesis document has the hash that you pinned, ${hash}.`);
  } else {
    report.step("bad", `The node's genesis document has the hash ${hash}. You pinned ${pinned}.`);
    throw new Ended("genesis", "nothing else is looked at: it would be of that network");
  }
  const shown = document.querySelector(".network-id code")?.textContent.trim() ?? hash;
  if (shown !== hash) throw new Ended("page", `it names the network ${shown}, and the document's is ${hash}`);
  return { document: document_, genesis };
}

/** The field in which a reader pins a genesis hash. */
function pinForm(report, hash, pinned) {
  const input = make("input", "", {
    type: "text",
    name: "pin",
    maxlength: "80",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "64 hexadecimal digits",
  });
  if (pinned !== null) input.value = pinned;
  const state = make("span", "", { role: "status" });
  const form = make(
    "form",
    [
      make("label", ["The genesis hash (network id) that you trust, as a member has read it out to you ", input]),
      make("button", "Pin it", { type: "submit" }),
      state,
    ],
    { class: "pin", "aria-label": "Genesis hash" },
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = hashIn(input.value);
    if (input.value.trim() !== "" && wanted === null) {
      state.textContent = "A genesis hash has 64 hexadecimal digits.";
    } else if (pinAt(document.baseURI, wanted)) {
      await current?.();
    } else {
      state.textContent = "Your browser keeps nothing for this page, so nothing can be pinned.";
    }
  });
  if (pinned === null) {
    const take = make("button", "Pin the node's", { type: "button" });
    take.addEventListener("click", () => {
      input.value = hash;
      input.focus();
    });
    state.before(take);
  }
  return form;
}

/** Judges a proof's file; what it rests on becomes steps. Returns the verdict on the proof itself. */
async function judged(report, what, data, given) {
  const trust = await trustOf({ document: given.document, network: "", pinned: "" });
  const [{ result, verdicts, steps, refusal, reason }] = await judge([{ name: what, data }], trust);
  for (const words of steps ?? []) report.step("good", `${what}: ${words}.`);
  if (result === "refused") {
    report.step("bad", `${what} is refused: ${refusal.code}, ${refusal.where}: ${refusal.reason}.`);
    throw new Ended("proof", `${refusal.code}: ${refusal.reason}`);
  }
  if (result !== "good") throw new Ended("proof", reason);
  return verdicts[0];
}

/** Refuses a proof that answers another question than the page's. */
function checkQuestion(verdict, kind, isAbout) {
  if (verdict.kind === kind && isAbout(verdict.about)) return;
  throw new Ended("proof", `it is about something else: ${verdict.kind} ${verdict.about}`);
}

/** The decimals of assets, as the genesis document or proofs of them say. */
async function provenDecimals(report, codes, given) {
  const decimals = new Map(given.genesis.draft.assets.map(({ code, decimals: number }) => [code, number]));
  for (const code of codes.filter((each) => !decimals.has(each))) {
    let data;
    try {
      data = await fetched(`assets/${code}/proof`);
    } catch (fault) {
      if (!(fault instanceof Ended)) throw fault;
      report.step("note", `How many decimals ${code} has is not proven: ${fault.message}.`);
      continue;
    }
    const verdict = await judged(report, `the proof of ${code}`, data, given);
    if (verdict.kind !== "state") throw new Ended("proof", `it is about something else: ${verdict.kind}`);
    for (const [proven, number] of decimalsOf(verdict.found)) decimals.set(proven, number);
  }
  return decimals;
}

/** Shows what a comparison found; true if nothing differs. */
function tell(report, { same, differences, open }) {
  if (same.length > 0) {
    const what = detailsOf("which", () => listOf("ul", same));
    report.step("good", `${count(same.length, "fact")} on this page are as proven. `, [what]);
  }
  for (const { what, shown, proven } of differences) {
    report.step("bad", `${what}: the page shows “${shown}”, the proof establishes “${proven}”.`);
  }
  for (const words of Array.from(new Set(open))) report.step("note", `Not compared: ${words}.`);
  return differences.length === 0;
}

async function checkTransaction(report, { about, proof }, given) {
  const verdict = await judged(report, "the proof", await fetched(proof), given);
  checkQuestion(verdict, "transaction", (asked) => asked === about);
  sayWhen(report, verdict);
  const decimals = await provenDecimals(report, assetsOf(document), given);
  return tell(report, compareTransaction(readTransaction(document), verdict, decimals));
}

async function checkBlock(report, { about, proof }, given) {
  const data = await fetched(proof);
  const verdict = await judged(report, "the proof", data, given);
  checkQuestion(verdict, "block", (asked) => asked === about);
  const decimals = await provenDecimals(report, assetsOf(document), given);
  const header = headOf(readProofFile(data)[0]);
  return tell(report, compareBlock(readBlock(document), verdict, header, decimals));
}

async function checkAccount(report, { about, proof }, given) {
  const shown = readAccount(document);
  const verdict = await judged(report, "the proof", await fetched(proof), given);
  // All that lies under the address, and its holds.
  const prefix = (kind) => `${kind}${toHex(parseAddress(about))}${"0".repeat(22)}/168`;
  checkQuestion(verdict, "state", (asked) => asked === `${prefix("01")} ${prefix("02")}`);
  sayWhen(report, verdict);
  const decimals = await provenDecimals(report, assetsOf(document), given);
  const account = compareAccount(shown, verdict, about, decimals);
  if (account.differences.length > 0) {
    report.step("note", "If the account has changed since the page was loaded, load the page again, and check again.");
  }
  const isSame = tell(report, account);
  return (await checkHistory(report, about, shown, decimals, given)) && isSame;
}

/** The rows of an account's history are held to a statement over their time. */
async function checkHistory(report, about, shown, decimals, given) {
  const times = shown.entries.map((row) => row.time?.title).filter(Boolean);
  if (times.length === 0) {
    if (shown.count === "0") return true;
    report.step("bad", `The page shows no history, and the account has ${shown.count} transactions.`);
    return false;
  }
  const range = new URLSearchParams({ from: times.at(-1), to: times[0] });
  const verdict = await judged(report, "the statement", await fetched(`accounts/${about}/statement/proof?${range}`), given);
  checkQuestion(verdict, "statement", (asked) => asked.startsWith(`${about} `));
  report.step("good", `the statement: ${count(verdict.found.entries.length, "entry", "entries")}, none left out.`);
  return tell(report, compareHistory(shown, verdict, decimals));
}

/** A statement is not on the page: what it establishes is shown. */
async function checkStatement(report, { about, form }, given) {
  const range = new URLSearchParams(new FormData(form));
  const data = await fetched(`accounts/${about}/statement/proof?${range}`);
  const trust = await trustOf({ document: given.document, network: "", pinned: "" });
  const [judgement] = await judge([{ name: "the statement", data }], trust);
  for (const words of judgement.steps ?? []) report.step("good", `the statement: ${words}.`);
  if (judgement.result !== "good") {
    const { refusal, reason } = judgement;
    throw new Ended("proof", refusal ? `${refusal.code}: ${refusal.reason}` : reason);
  }
  checkQuestion(judgement.verdicts[0], "statement", (asked) => asked.startsWith(`${about} `));
  report.more.prepend(...listOf("ul", judgement.lines[0]));
  return true;
}

/** When the blocks are that a page names, by their proofs. */
async function provenTimes(report, heights, given) {
  const times = new Map();
  for (const height of new Set(heights.filter((each) => each !== null && each !== "0"))) {
    const what = `the proof of block ${height}`;
    const data = await fetched(`blocks/${height}/proof`);
    await judged(report, what, data, given);
    const header = headOf(readProofFile(data)[0]);
    if (String(header.height) !== height) throw new Ended("proof", `${what} is of block ${header.height}`);
    times.set(height, header.timestamp);
  }
  return times;
}

async function checkStatementPage(report, { about, proof }, given) {
  const shown = readStatement(document);
  const verdict = await judged(report, "the proof", await fetched(proof), given);
  checkQuestion(verdict, "statement", (asked) => asked.startsWith(`${about} `));
  sayWhen(report, verdict);
  report.step("good", `the statement: ${count(verdict.found.entries.length, "entry", "entries")}, none left out.`);
  const times = await provenTimes(report, [shown.from.height, shown.to.height], given);
  const decimals = await provenDecimals(report, assetsOf(document), given);
  return tell(report, compareStatement(shown, verdict, about, decimals, times));
}

async function checkAsset(report, { about, proof }, given) {
  const verdict = await judged(report, "the proof", await fetched(proof), given);
  checkQuestion(verdict, "state", (asked) => asked === `${toHex(assetKey(about))}/256`);
  sayWhen(report, verdict);
  return tell(report, compareAsset(readAsset(document), verdict, about));
}

async function checkRecord(report, { about, proof }, given) {
  const verdict = await judged(report, "the proof", await fetched(proof), given);
  checkQuestion(verdict, "state", (asked) => asked === `${toHex(uniqueRecordKey(fromHex(about)))}/256`);
  sayWhen(report, verdict);
  return tell(report, compareRecord(readRecord(document), verdict, about));
}

/** A node can serve an old proof, which is true as of its block. */
function sayWhen(report, { head }) {
  report.step(
    "note",
    `All this is as of block ${head.height} of ${head.timestamp}. A node can show an older state than there is: ` +
      `your clock says ${timeText(BigInt(Math.floor(Date.now() / 1000)) * 1000n)}.`,
  );
}

const CHECKS = {
  transaction: checkTransaction,
  block: checkBlock,
  account: checkAccount,
  statement: checkStatement,
  "statement-page": checkStatementPage,
  asset: checkAsset,
  record: checkRecord,
};

/** The check that was last asked for, to be done again with another pin. */
let current = null;

/** Checks what a button is for. */
async function check(button) {
  const section = button.closest("section");
  const report = new Report(section.querySelector(".checked"));
  const asked = { ...button.dataset, form: button.closest("form") };
  button.disabled = true;
  try {
    const pinned = pinnedAt(document.baseURI);
    const given = await checkedGenesis(report, pinned);
    const isSame = await CHECKS[asked.check](report, asked, given);
    if (!isSame) report.end("page");
    else report.end(pinned === null ? "unpinned" : "good");
  } catch (fault) {
    if (fault instanceof Ended) report.end(fault.result, fault.message);
    else if (fault instanceof Refusal) report.end("proof", `${fault.code}: ${fault.reason}`);
    else {
      report.end("failed", `this script has failed: ${fault.message}`);
      throw fault;
    }
  } finally {
    button.disabled = false;
  }
}

function start() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-check]");
    if (!button) return;
    current = () => check(button);
    await current();
  });
}

start();
