// Statements in each form, to the byte as the node writes them, and each change of one found.

import { ascii, encodeUtf8, fromHex } from "../../../node/verifier/web/bytes.js";
import { cellOf, nameIn, writtenOut } from "../../../node/verifier/web/chosen.js";
import { Trust } from "../../../node/verifier/web/committee.js";
import { effectsOf, settled } from "../../../node/verifier/web/effects.js";
import { Unusable } from "../../../node/verifier/web/errors.js";
import { readProofFile } from "../../../node/verifier/web/file.js";
import { decodeGenesis } from "../../../node/verifier/web/genesis.js";
import { judge } from "../../../node/verifier/web/judging.js";
import { verify } from "../../../node/verifier/web/proof.js";
import { compareStatement, formOf, proofFileIn } from "../../../node/verifier/web/statements.js";
import { addressText } from "../../../node/verifier/web/text.js";
import { assert, assertSame, thrown } from "./check.js";
import { Page } from "./goldens.js";

/** The page's statement in each form, with its proof. */
async function statementsOf({ formats, statements }) {
  const page = new Page(formats);
  const genesis = await decodeGenesis(page.hexBehind("**Genesis**"));
  const file = page.file("quorate proof 2 statement\n");
  const [proof] = readProofFile(ascii(file));
  const verdict = await verify(proof, new Trust(genesis));
  // The document has other names than these statements.
  const compare = (text) => compareStatement(formOf(text), text, proof, verdict, null);
  const filled = (text) => text.replace("STYLE", () => statements.style).replace("PROOF", () => file);
  const forms = { csv: statements.csv, html: filled(statements.html), xml: filled(statements.xml) };
  return { forms, compare, genesis, file };
}

/** What a changed file comes to: differences, or the reason why it is no statement. */
function faultsOf(compare, text) {
  if (formOf(text) === null) return ["it begins like no statement"];
  try {
    return compare(text).differences;
  } catch (fault) {
    if (!(fault instanceof Unusable)) throw fault;
    return [fault.message];
  }
}

/** The tests, by name. */
export function statementTests(inputs) {
  return {
    "a statement as the node writes it is its proof's, in each form": async () => {
      const { forms, compare } = await statementsOf(inputs);
      for (const [name, text] of Object.entries(forms)) {
        const { differences, notes } = compare(text);
        assertSame(differences, [], name);
        assert(notes.some((words) => words.startsWith("names beside addresses")), `${name}: ${notes}`);
      }
      assert(compare(forms.xml).notes[0].startsWith("its proof has GOLD too"), "what camt.053 leaves out");
    },
    "each digit and each line of a statement that is changed is found": async () => {
      const { forms, compare, file } = await statementsOf(inputs);
      for (const [name, text] of Object.entries(forms)) {
        const end = name === "csv" ? text.length : text.indexOf("quorate proof");
        for (let at = 0; at < end; at += 1) {
          if (!/[0-9]/.test(text[at])) continue;
          const other = text[at] === "7" ? "8" : "7";
          const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
          // When a document was made is the maker's word, but it stands in it three times.
          assert(faultsOf(compare, changed).length > 0, `${name}: a digit at ${at} of ${text.slice(at - 20, at + 20)}`);
        }
        const lines = text.slice(0, end).split(/(?<=\n)/);
        for (const [place, line] of lines.entries()) {
          // A name is nobody's to prove: one that is left out is no difference.
          if (line.trim() === "" || place + 1 === lines.length || line.includes("<Nm>")) continue;
          const without = text.replace(line, "");
          assert(faultsOf(compare, without).length > 0, `${name}: without ${line}`);
          const twice = text.replace(line, () => line + line);
          assert(faultsOf(compare, twice).length > 0, `${name}: twice ${line}`);
        }
        for (const [from, to] of [
          ["transfer", "burn"],
          ["invoice 17", "invoice 71"],
          ["EUR", "USD"],
          ["qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv", "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6"],
        ]) {
          assert(faultsOf(compare, text.replace(from, to)).length > 0, `${name}: ${to} for ${from}`);
        }
        assert(file.length > 0, "a proof");
      }
    },
    "a page whose style could hide figures is found": async () => {
      const { forms, compare } = await statementsOf(inputs);
      const hidden = forms.html.replace("</style>", "tr { display: none }</style>");
      assert(faultsOf(compare, hidden).some((words) => words.includes("style")), "a style");
    },
    "a table that a spreadsheet has saved again is the same, and one of another order is not": async () => {
      const { forms, compare } = await statementsOf(inputs);
      const cells = (line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
      const quoted = (line) => cells(line).map((cell) => (cell.startsWith('"') ? cell : `"${cell}"`)).join(",");
      const lines = forms.csv.slice(1).trimEnd().split("\r\n");
      assertSame(compare(`${lines.map(quoted).join("\n")}\n`).differences, [], "all cells quoted");
      assertSame(compare(lines.join("\n")).differences, [], "without the last line's end");
      const [last, ...others] = lines.slice().reverse();
      const moved = [others.at(-1), last, ...others.slice(0, -1).reverse()].join("\n");
      assert(compare(moved).differences.some((words) => words.startsWith("not in its place")), "moved");
      await thrown(Unusable, () => compare(lines.join("\n").replace("held_amount", "amount_held")), "a header");
    },
    "names are read from what is written, and none hides an address or begins a formula": () => {
      for (const [words, cell] of [
        ["rent, \"March\"", "rent, \"March\""],
        ["1 - 1 = 0", "1 - 1 = 0"],
        ["=1+1", "\\u{3d}1+1"],
        ["\u{ff1d}1", "\\u{ff1d}1"],
        [" \u{a0}=1", " \u{a0}\\u{3d}1"],
        ["\t=1", "\\u{9}\\u{3d}1"],
        ["'=1", "'\\u{3d}1"],
        ["x;=1", "x;\\u{3d}1"],
        ["x; \"-1", "x; \"\\u{2d}1"],
        ["\u{202e}001", "\\u{202e}001"],
        ["C:\\docs\\unsigned", "C:\\docs\\unsigned"],
        ["\\u{3d}1", "\\u{5c}u{3d}1"],
        ["\\\\u{3d}", "\\\\u{5c}u{3d}"],
        ["\\\u{202e}", "\\\\u{202e}"],
        ["", ""],
      ]) {
        assertSame(cellOf(words), cell, words);
        assertSame(nameIn(cell, cellOf), words, `${words} read back`);
      }
      assertSame(writtenOut("=1 ban\u{200b}k\u{fffe} \\u{3d}"), "=1 ban\\u{200b}k\\u{fffe} \\u{5c}u{3d}", "written out");
      for (const text of ["=1", "\\u{", "\\u{3d", "\\u{}", "\\u{d800}", "\\u{x}", "a".repeat(129)]) {
        assertSame(nameIn(text, cellOf), null, text);
      }
      assertSame(nameIn("to qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6", cellOf), null, "an address");
    },
    "what an operation did to an owner follows from it": () => {
      const [me, you] = [1, 2].map((byte) => new Uint8Array(20).fill(byte));
      const account = ["Account", me];
      const intent = (...operations) => ({
        parties: [me, you],
        operations: operations.map(([party, ...operation]) => ({ party, operation })),
      });
      const effects = (given, results = [], holds = new Map()) => {
        return effectsOf(account, given, results, holds).map(({ kind, counterparty, effect }) => {
          return [kind, counterparty, effect && [effect.asset, effect.free, effect.held]];
        });
      };
      const [mine, yours] = [me, you].map(addressText);
      const paid = { to: you, asset: "EUR", amount: 5n };
      assertSame(effects(intent([0, "Transfer", paid])), [["transfer", yours, ["EUR", -5n, 0n]]], "paid");
      assertSame(effects(intent([1, "Transfer", { ...paid, to: me }])), [["transfer", yours, ["EUR", 5n, 0n]]], "got");
      assertSame(effects(intent([0, "Transfer", { ...paid, to: me }])), [["transfer", mine, ["EUR", 0n, 0n]]], "to oneself");
      assertSame(effects(intent([1, "Transfer", paid])), [], "not touched");
      assertSame(effects(intent([0, "Burn", { asset: "EUR", amount: 5n }])), [["burn", null, ["EUR", -5n, 0n]]], "burnt");
      const held = { beneficiary: you, asset: "EUR", amount: 5n };
      assertSame(effects(intent([0, "Hold", held])), [["hold", yours, ["EUR", -5n, 5n]]], "held");
      const hold = { owner: you, transaction: fromHex("ab".repeat(32)), operation: 0 };
      const release = intent([1, "Release", { hold, amount: null, preimages: [] }]);
      assertSame(effects(release, [5n]), [["release", yours, [null, 5n, 0n]]], "of an asset that nothing tells");
      const parts = effectsOf(account, release, [5n], new Map());
      const only = settled(parts, [["EUR", { free: 5n, held: 0n }]]);
      assertSame([only.isSettled, only.parts[0].effect.asset], [true, "EUR"], "the one that is left");
      const none = settled(effectsOf(account, release, [5n], new Map()), [["EUR", { free: 6n, held: 0n }]]);
      assertSame([none.isSettled, none.parts.length], [false, 0], "not the one that is left");
    },
    "a statement is judged with the proof in it or beside it, and without one it is not": async () => {
      const { forms, genesis, file } = await statementsOf(inputs);
      const named = (name, text) => ({ name, data: encodeUtf8(text) });
      const judged = async (...files) => judge(files, new Trust(genesis));
      for (const name of ["html", "xml"]) {
        // The document has another name for the account.
        const [named_] = await judged(named(`k1.${name}`, forms[name]));
        assertSame([named_.result, named_.differences.length], ["changed", 1], name);
        const own = forms[name].replaceAll("Alice", "alpha");
        const [good] = await judged(named(`k1.${name}`, own));
        assertSame([good.result, good.differences ?? []], ["good", []], name);
        const [changed] = await judged(named(`k1.${name}`, own.replace("invoice 17", "invoice 71")));
        assertSame([changed.result, changed.differences.length], ["changed", 1], name);
        const [refused] = await judged(named(`k1.${name}`, own.replace("\nAA", "\nAB")));
        assertSame(refused.result, "refused", name);
      }
      const beside = await judged(named("k1.csv", forms.csv), named("k1.csv.proof", file));
      assertSame(beside.map((each) => each.result), ["good", "good"], "beside it");
      const [alone] = await judged(named("k1.csv", forms.csv));
      assertSame(alone.result, "unreadable", "without its proof");
      assert(alone.reason.includes("k1.csv.proof"), alone.reason);
      const [cut] = await judged(named("k1.html", forms.html.replace('id="proof"', 'id="other"')));
      assertSame(cut.result, "unreadable", "no proof in it");
      assert(proofFileIn(formOf(forms.csv), forms.csv) === null, "a table has none in it");
    },
  };
}
