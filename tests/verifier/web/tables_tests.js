// Files of a folder of tables that the node exported (tables.json; the network is that of part.bundle.txt), as they are
// and altered.

import { encodeUtf8, toHex } from "../../../node/verifier/web/bytes.js";
import { Trust } from "../../../node/verifier/web/committee.js";
import { decodeGenesis } from "../../../node/verifier/web/genesis.js";
import { judge } from "../../../node/verifier/web/judging.js";
import { sha256 } from "../../../node/verifier/web/sha2.js";
import { BUNDLE_FRAME } from "../../../node/verifier/web/types.js";
import { assert, assertSame } from "./check.js";

const DAY = "days/2026-12-01.json";
const csvOf = (table) => `csv/${table}/day=2026-12-01/part-0.csv`;

/** The genesis document of a bundle. */
function genesisOf(bundle) {
  const length = new DataView(bundle.buffer, bundle.byteOffset + 16).getUint32(0, true);
  return decodeGenesis(BUNDLE_FRAME.decode(Uint8Array.from(bundle.subarray(20, 20 + length)))[1].genesis);
}

function unbase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The tests, by name. `tables` has the folder's files by their names. */
export function tablesTests({ tables, bundle }) {
  const folder = () => ({
    ...Object.fromEntries(Object.entries(tables.texts).map(([name, text]) => [name, encodeUtf8(text)])),
    ...Object.fromEntries(Object.entries(tables.base64).map(([name, text]) => [name, unbase64(text)])),
  });
  const judged = async (files) => {
    const trust = new Trust(await genesisOf(bundle));
    const all = Object.entries(files).map(([name, data]) => ({ name, data }));
    return Object.fromEntries((await judge(all, trust)).map((each) => [each.name, each]));
  };
  const replaced = (name, from, to) => {
    const text = tables.texts[name];
    assert(text.includes(from), `${name} has no ${from}`);
    return { ...folder(), [name]: encodeUtf8(text.replace(from, to)) };
  };
  return {
    "files of a folder of tables are those of its manifests, whose head a proof has": async () => {
      const found = await judged(folder());
      for (const [name, { result, reason, refusal }] of Object.entries(found)) {
        assertSame(result, "good", `${name}: ${reason ?? refusal?.reason}`);
      }
      const saysOf = (name, words) => assert(found[name].lines.flat().some((line) => line.includes(words)), name);
      saysOf("manifest.json", "which a quorum sealed");
      saysOf(csvOf("blocks"), "the headers of blocks");
      saysOf(csvOf("transactions"), "intent is not in it");
    },
    "a table as CSV with another cell, a row less or a row more is refused, and the column named": async () => {
      for (const [table, from, to, column] of [
        ["transfers", ",1250,", ",1251,", "amount"],
        ["transfers", "QRT", "QRS", "asset"],
        ["operations", ",true,", ",false,", "succeeded"],
        ["transactions", ",true,", ",false,", "succeeded"],
        ["blocks", "2026-12-01T05:10:44.402Z", "2026-12-01T05:10:44.403Z", "time"],
      ]) {
        const name = csvOf(table);
        const { [name]: found } = await judged(replaced(name, from, to));
        assertSame(found.result, "refused", `${table}: ${to}`);
        assert(found.refusal.reason.endsWith(`the columns differ: ${column}`), found.refusal.reason);
      }
      const name = csvOf("transfers");
      const [header, first, ...rest] = tables.texts[name].split("\n");
      for (const lines of [
        [header, ...rest],
        [header, first, first, ...rest],
        [header, rest[0], first, ...rest.slice(1)],
      ]) {
        const { [name]: found } = await judged({ ...folder(), [name]: encodeUtf8(lines.join("\n")) });
        assertSame(found.result, "refused", lines.join("\n"));
      }
      // Another way to write the same value is no value.
      for (const [from, to] of [
        [",1250,", ",01250,"],
        [",1250,", ",+1250,"],
        ["2026-12-01T05:10:44.402Z", "1796101844402"],
        [",1250,", ",,"],
      ]) {
        const { [name]: found } = await judged(replaced(name, from, to));
        assert(["unreadable", "refused"].includes(found.result), `${to}: ${found.result}`);
      }
      const flags = csvOf("operations");
      const { [flags]: found } = await judged(replaced(flags, ",true,", ",yes,"));
      assertSame(found.result, "unreadable", "no flag");
    },
    "headers that were made anew, with manifests that fit, are refused by the proof of the head": async () => {
      const hash = (text) => toHex(sha256(encodeUtf8(text)));
      const day = tables.texts[DAY];
      const { last } = JSON.parse(day);
      const other = "ab".repeat(32);
      const remade = day.replaceAll(last, other);
      const manifest = tables.texts["manifest.json"].replaceAll(last, other).replace(hash(day), hash(remade));
      const found = await judged({ ...folder(), "manifest.json": encodeUtf8(manifest), [DAY]: encodeUtf8(remade) });
      assertSame([found["manifest.json"].result, found["manifest.json"].refusal?.code], ["refused", "other_head"], "the head");
      assertSame(found[DAY].result, "unreadable", "its day");
    },
    "what is not in a manifest's one form, has a gap, or stands beside another is refused": async () => {
      for (const [name, from, to, code] of [
        ["manifest.json", '"blocks": 8', '"blocks": 9', "gap"],
        ["manifest.json", '"first_height": 1', '"first_height": 2', "gap"],
        ["manifest.json", '"log_size": 8', '"log_size": 9', "gap"],
        ["manifest.json", '"epoch": 0', '"epoch":0', "not_canonical"],
        ["manifest.json", '"days"', '"more": 1,\n  "days"', "not_canonical"],
        ["manifest.json", '"network": "1', '"network": "2', "other_network"],
        ["manifest.json", '"time": "2026-12-01T05:30', '"time": "2026-12-01T05:31', "other_head"],
        [DAY, '"rows": 8', '"rows": 9', "other_day"],
      ]) {
        const { [name]: found } = await judged(replaced(name, from, to));
        assertSame([found.result, found.refusal?.code], ["refused", code], `${name}: ${to}`);
      }
      const without = folder();
      delete without["head.proof"];
      const alone = await judged(without);
      assertSame(alone["manifest.json"].result, "unreadable", "no proof of the head");
      assert(alone["manifest.json"].reason.includes("head.proof"), alone["manifest.json"].reason);
    },
    "a file whose bytes no manifest names is not one of the tables": async () => {
      const name = "records/day=2026-12-01/part-0.parquet";
      const files = folder();
      files[name][100] ^= 1;
      const { [name]: found } = await judged(files);
      assertSame(found.result, "changed", "a table with another byte");
      const { [name]: alone } = await judged({ [name]: folder()[name] });
      assertSame(alone.result, "unreadable", "a table alone");
    },
  };
}
