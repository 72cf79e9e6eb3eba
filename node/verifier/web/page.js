// The page: takes files, has them judged, and shows what was found.

import { toHex } from "./bytes.js";
import { Unusable } from "./errors.js";
import { plainVerdict, toJson } from "./facts.js";
import { readGenesis } from "./genesis.js";
import { judge, kindOfFile, trustOf } from "./judging.js";
import { detailsOf, element, listOf, make, takeChosen, takeDropped } from "./making.js";
import { visible } from "./text.js";
import { count } from "./trail.js";

const MIB = 1024 * 1024;
/** Bytes of a file at most: no proof's file has more. */
const FILE_LIMIT = 512 * MIB;

const WORDS = {
  good: "good",
  partly: "good, up to a time",
  changed: "changed",
  refused: "refused",
  unreadable: "not checked",
};

/** The genesis document: its bytes, and the files to check. */
const given = { document: null, files: [] };

/** Each change begins a run, and ends the one before. */
let run = 0;

function say(words) {
  element("announcer").textContent = visible(words);
}

async function bytesOf(file) {
  if (file.size > FILE_LIMIT) throw new Unusable(`${file.name} has more than 512 MiB`);
  return new Uint8Array(await file.arrayBuffer());
}

function showFault(words) {
  const place = element("trust-fault");
  place.textContent = visible(words ?? "");
  place.hidden = words === null;
}

/** Takes a genesis document for the one that is trusted. */
async function takeDocument(name, data) {
  const state = element("document-state");
  given.document = null;
  try {
    const genesis = await readGenesis(data);
    given.document = data;
    const members = count(genesis.draft.members.length, "member");
    state.replaceChildren(
      `${visible(name)}: the network ${genesis.draft.network} of ${members}, its id is `,
      make("code", toHex(genesis.network)),
    );
  } catch (fault) {
    if (!(fault instanceof Unusable)) throw fault;
    state.textContent = visible(`${name} cannot be used: ${fault.message}`);
  }
}

async function take(files) {
  try {
    for (const file of files) {
      const data = await bytesOf(file);
      // Never in the place of one that is trusted already: whoever sends proofs may send a document along.
      if (kindOfFile(data) === "genesis" && given.document === null) await takeDocument(file.name, data);
      else given.files.push({ name: file.name, data });
    }
  } catch (fault) {
    say(`A file cannot be read: ${fault.message}`);
    return;
  }
  await check();
}

/** Judges everything again. */
async function check() {
  run += 1;
  const mine = run;
  showFault(null);
  element("clear").hidden = given.files.length === 0;
  element("verdicts").replaceChildren();
  if (given.files.length === 0) {
    say("Nothing was checked yet.");
    return;
  }
  try {
    const trust = await trustOf({
      document: given.document,
      network: element("network").value,
      pinned: element("pinned").value,
    });
    const judgements = await judge([...given.files], trust, (name) => {
      if (mine === run) say(`Checking ${name}…`);
    });
    if (mine === run) show(judgements, trust);
  } catch (fault) {
    if (mine !== run) return;
    if (!(fault instanceof Unusable)) {
      say(`This page has failed, and nothing is checked: ${fault.message}`);
      throw fault;
    }
    showFault(fault.message);
    say(`${count(given.files.length, "file")} not checked: ${fault.message}.`);
  }
}

function show(judgements, trust) {
  const number = (result) => judgements.filter((judgement) => judgement.result === result).length;
  const all = Object.entries({ good: "good", changed: "changed", refused: "refused", unreadable: "not checked" });
  const counts = all.map(([result, words]) => [number(result), words]).filter(([found]) => found > 0);
  const words = counts.map(([found, what]) => `${found} ${what}`).join(", ");
  const network = trust.network === null ? "not known" : toHex(trust.network);
  say(`${count(judgements.length, "file")}: ${words}. Network ${network}.`);
  element("verdicts").replaceChildren(...judgements.map(shown));
}

function shown(judgement) {
  const { name, result, verdicts = [], lines, steps = [], refusal, reason, differences = [], notes = [] } = judgement;
  const isPartly = result === "good" && verdicts.some((verdict) => verdict.verdict === "complete_up_to");
  const look = isPartly ? "partly" : result;
  const parts = [make("h3", [visible(name), make("span", WORDS[look], { class: "word" })])];
  if (reason) parts.push(make("p", reason));
  if (refusal) {
    const facts = { Code: refusal.code, Place: refusal.where, Reason: visible(refusal.reason) };
    if (refusal.hint) facts.Hint = refusal.hint;
    const pairs = Object.entries(facts).flatMap(([term, text]) => [make("dt", term), make("dd", text)]);
    parts.push(make("dl", pairs));
  }
  if (differences.length > 0) {
    parts.push(make("p", "Its figures are not those that its proof establishes:"));
    parts.push(...listOf("ol", differences.map(visible)), make("p", "What its proof establishes:"));
  }
  if (notes.length > 0) parts.push(...listOf("ul", notes.map(visible)));
  if (lines.length > 0) parts.push(...lines.flatMap((each) => listOf("ul", each)));
  if (steps.length > 0) {
    const words = refusal ? "What held before it was refused" : "Each step of the check";
    parts.push(detailsOf(`${words} (${steps.length})`, () => listOf("ol", steps)));
  }
  if (verdicts.length > 0) {
    const json = () => toJson(verdicts.length === 1 ? plainVerdict(verdicts[0]) : verdicts.map(plainVerdict));
    parts.push(detailsOf("The facts, for programs", () => [make("pre", json())]));
  }
  return make("article", parts, { class: "verdict", "data-result": look });
}

function start() {
  element("asleep").remove();
  element("document").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    try {
      await takeDocument(file.name, await bytesOf(file));
    } catch (fault) {
      element("document-state").textContent = visible(`${file.name} cannot be read: ${fault.message}`);
    }
    await check();
  });
  takeChosen(element("files"), take);
  for (const id of ["network", "pinned"]) element(id).addEventListener("change", check);
  element("add").addEventListener("click", async () => {
    const area = element("text");
    // What is copied from a page often lacks its last line's end, which a file has.
    const text = area.value.endsWith("\n") ? area.value : `${area.value}\n`;
    await take([new File([text], "pasted text")]);
    area.value = "";
  });
  element("clear").addEventListener("click", async () => {
    given.files = [];
    await check();
    element("files").focus();
  });
  takeDropped(take);
}

start();
