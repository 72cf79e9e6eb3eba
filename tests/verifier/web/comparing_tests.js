// Pages of the explorer, as pages.js reads them, against what the page of formats proves: a page that shows it has no
// difference, and each figure that is another is found.

import { ascii, fromHex, toHex } from "../../../node/verifier/web/bytes.js";
import { Trust } from "../../../node/verifier/web/committee.js";
import {
  compareAccount,
  compareAsset,
  compareBlock,
  compareHistory,
  compareRecord,
  compareStatement,
  compareTransaction,
  grouped,
  moneyText,
  shorten,
} from "../../../node/verifier/web/comparing.js";
import { readProofFile } from "../../../node/verifier/web/file.js";
import { decodeGenesis } from "../../../node/verifier/web/genesis.js";
import { hashIn, pinAt, pinnedAt } from "../../../node/verifier/web/pinning.js";
import { headOf, verify } from "../../../node/verifier/web/proof.js";
import { addressText, parseAddress } from "../../../node/verifier/web/text.js";
import { assert, assertSame } from "./check.js";
import { Page } from "./goldens.js";

const DECIMALS = new Map([
  ["EUR", 2],
  ["GOLD", 0],
]);

function name(full, folder) {
  return { text: shorten(full), title: full, href: `${folder}/${full}` };
}

function time(text) {
  return { text: text.slice(0, 19).replace("T", " "), title: text };
}

/** A row or operation that tells the page's transfer. */
function transfer(to) {
  return {
    text: "12.50 EUR to somebody",
    moneys: ["12.50 EUR"],
    accounts: [name(to, "accounts")],
    documents: [],
    times: [],
  };
}

/** Each page as it is shown, and the comparison with its proof. */
async function pagesOf({ formats }) {
  const page = new Page(formats);
  const genesis = await decodeGenesis(page.hexBehind("**Genesis**"));
  const judged = async (kind) => {
    const [proof] = readProofFile(ascii(page.file(`quorate proof 2 ${kind}\n`)));
    return { verdict: await verify(proof, new Trust(genesis)), header: headOf(proof) };
  };
  const [sender, to] = ["K1", "K2"].map((key) => addressText(fromHex(page.row(`address of ${key}`))));
  const id = page.row("id 1");
  const transaction = await judged("transaction");
  const statement = await judged("statement");
  const block = await judged("block");
  const { header } = block;
  const pages = {
    transaction: {
      shown: {
        id: { text: id, title: null, href: null },
        status: "Committed",
        height: "1",
        ordinal: "0",
        time: time("2026-01-01T00:00:01.000Z"),
        expiry: null,
        sender: name(sender, "accounts"),
        others: [],
        memo: null,
        operations: [{ kind: "Transfer", remark: "invoice 17", isUndone: false, ...transfer(to) }],
      },
      compare: (shown) => compareTransaction(shown, transaction.verdict, DECIMALS),
    },
    block: {
      shown: {
        height: "1",
        hash: { text: page.row("block hash"), title: null, href: null },
        time: time("2026-01-01T00:00:01.000Z"),
        epoch: "0",
        protocol: "1",
        previous: { text: shorten(toHex(header.previous)), title: toHex(header.previous), href: null },
        proposal: null,
        logSize: grouped(header.log_size),
        logRoot: { text: shorten(toHex(header.log_root)), title: toHex(header.log_root), href: null },
        stateRoot: { text: shorten(toHex(header.state_root)), title: toHex(header.state_root), href: null },
        chainRoot: null,
        nextCommittee: null,
        count: grouped(block.verdict.found.entries.length),
        entries: block.verdict.found.entries.map(({ entry: [, entry] }, index) => ({
          index: String(index),
          id: name(toHex(entry.id), "transactions"),
          sender: null,
          status: entry.outcome[0] === "Failed" ? "Failed" : "Committed",
          text: "",
          moneys: [],
          accounts: [],
        })),
      },
      compare: (shown) => compareBlock(shown, block.verdict, header, DECIMALS),
    },
    history: {
      shown: {
        count: "2",
        isFirst: true,
        isLast: true,
        entries: statement.verdict.found.entries
          .map(({ step, entry }) => ({
            number: String(step.number),
            id: name(toHex(entry.id), "transactions"),
            status: entry.outcome[0] === "Failed" ? "Failed" : "Committed",
            time: time(new Date(Number(entry.timestamp)).toISOString()),
            ...transfer(to),
            moneys: step.number === 1n ? ["12.50 EUR"] : [],
            accounts: [],
          }))
          .reverse(),
      },
      compare: (shown) => compareHistory(shown, statement.verdict, DECIMALS),
    },
    statement: {
      // K1 begins with 1000.00 EUR, pays 12.50 of them, and 500.00 for 2 GOLD.
      shown: {
        account: name(sender, "accounts"),
        from: { text: "The beginning", time: null, height: null },
        to: { text: "Block 1, itself included", time: null, height: "1" },
        count: "2",
        balances: [
          { asset: "EUR", opening: "1,000.00", openingHeld: "0.00", closing: "487.50", closingHeld: "0.00" },
          { asset: "GOLD", opening: "0", openingHeld: "0", closing: "2", closingHeld: "0" },
        ],
        entries: statement.verdict.found.entries.map(({ step, entry }, place) => ({
          number: String(step.number),
          id: name(toHex(entry.id), "transactions"),
          status: "Committed",
          time: time(new Date(Number(entry.timestamp)).toISOString()),
          changes: [["−12.50 EUR"], ["−500.00 EUR", "+2 GOLD"]][place],
          after: [["987.50 EUR"], ["487.50 EUR", "2 GOLD"]][place],
          text: "",
          moneys: place === 0 ? ["12.50 EUR"] : [],
          accounts: [],
        })),
        isFirst: true,
        isLast: true,
      },
      compare: (shown) => {
        const times = new Map([["1", statement.verdict.found.to - 1n]]);
        return compareStatement(shown, statement.verdict, sender, DECIMALS, times);
      },
    },
  };
  return { pages, sender, to };
}

/** The value with one part of it changed. */
function changed(value, path, part) {
  const copy = structuredClone(value);
  const place = path.slice(0, -1).reduce((inner, step) => inner[step], copy);
  place[path.at(-1)] = part;
  return copy;
}

/** The tests, by name. */
export function comparingTests(inputs) {
  return {
    "a page that shows what is proven has no difference, and each figure that is another is found": async () => {
      const { pages, sender, to } = await pagesOf(inputs);
      for (const [kind, { shown, compare }] of Object.entries(pages)) {
        const { same, differences } = compare(shown);
        assertSame(differences, [], kind);
        assert(same.length > 3, `${kind}: ${same}`);
      }
      const other = "ff".repeat(32);
      for (const [kind, path, part] of [
        ["transaction", ["id", "text"], other],
        ["transaction", ["status"], "Failed"],
        ["transaction", ["height"], "2"],
        ["transaction", ["ordinal"], "1"],
        ["transaction", ["time"], time("2026-01-01T00:00:02.000Z")],
        ["transaction", ["time", "text"], "2026-01-01 00:00:02"],
        ["transaction", ["sender"], name(to, "accounts")],
        ["transaction", ["others"], [name(to, "accounts")]],
        ["transaction", ["memo"], "paid in full"],
        ["transaction", ["operations"], []],
        ["transaction", ["operations", 0, "kind"], "Mint"],
        ["transaction", ["operations", 0, "isUndone"], true],
        ["transaction", ["operations", 0, "remark"], "invoice 18"],
        ["transaction", ["operations", 0, "moneys"], ["12.51 EUR"]],
        ["transaction", ["operations", 0, "moneys"], ["12.50 USD"]],
        ["transaction", ["operations", 0, "moneys"], ["12.50 EUR", "1.00 EUR"]],
        ["transaction", ["operations", 0, "accounts"], [name(sender, "accounts")]],
        ["transaction", ["operations", 0, "accounts", 0, "text"], shorten(sender)],
        ["transaction", ["operations", 0, "accounts", 0, "href"], `accounts/${sender}`],
        ["block", ["height"], "11"],
        ["block", ["hash", "text"], other],
        ["block", ["epoch"], "1"],
        ["block", ["logSize"], "0"],
        ["block", ["stateRoot", "title"], other],
        ["block", ["count"], "0"],
        ["block", ["entries"], []],
        ["block", ["entries", 0, "id"], name(other, "transactions")],
        ["block", ["entries", 0, "index"], "1"],
        ["block", ["entries", 0, "status"], "Failed"],
        ["history", ["count"], "3"],
        ["history", ["entries", 0, "number"], "3"],
        ["history", ["entries", 1, "id"], name(other, "transactions")],
        ["history", ["entries", 1, "moneys"], ["12.51 EUR"]],
        ["statement", ["account"], name(to, "accounts")],
        ["statement", ["to", "height"], "2"],
        ["statement", ["to"], { text: "then", time: time("2026-01-01T00:00:02.000Z"), height: null }],
        ["statement", ["from"], { text: "then", time: time("2026-01-01T00:00:01.000Z"), height: null }],
        ["statement", ["count"], "1"],
        ["statement", ["balances"], []],
        ["statement", ["balances", 0, "opening"], "1,000.01"],
        ["statement", ["balances", 0, "closing"], "478.50"],
        ["statement", ["balances", 1, "closingHeld"], "1"],
        ["statement", ["balances", 1, "asset"], "EUR"],
        ["statement", ["entries"], []],
        ["statement", ["entries", 0, "id"], name(other, "transactions")],
        ["statement", ["entries", 0, "time"], time("2026-01-01T00:00:02.000Z")],
        ["statement", ["entries", 0, "changes"], ["−12.51 EUR"]],
        ["statement", ["entries", 0, "changes"], ["+12.50 EUR"]],
        ["statement", ["entries", 1, "changes"], ["−500.00 EUR"]],
        ["statement", ["entries", 1, "after"], ["487.50 EUR", "3 GOLD"]],
        ["statement", ["entries", 1, "status"], "Failed"],
        ["statement", ["entries", 1, "number"], "3"],
      ]) {
        const { shown, compare } = pages[kind];
        const { differences } = compare(changed(shown, path, part));
        assert(differences.length > 0, `${kind}: ${path.join(".")} as ${JSON.stringify(part)} is not found`);
      }
      for (const { shown, compare } of [pages.history, pages.statement]) {
        const { entries } = shown;
        for (const others of [entries.slice(1), entries.slice(0, 1), entries.slice().reverse(), [...entries, entries[1]]]) {
          assert(compare({ ...shown, entries: others }).differences.length > 0, "a row left out, moved, or twice");
        }
      }
    },
    "a statement on several pages says which entries were compared": async () => {
      const { shown, compare } = (await pagesOf(inputs)).pages.statement;
      const second = { ...shown, entries: shown.entries.slice(1), isFirst: false };
      const { differences, open } = compare(second);
      assertSame(differences, [], "its second page");
      assert(open.some((words) => words.includes("of 2 the page has 1")), open.join("; "));
    },
    "an asset's page is held to the asset's leaf": () => {
      const issuer = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";
      const value = { code: "EUR", decimals: 2, supply: 123_456n, issuer: parseAddress(issuer) };
      const verdict = { found: [{ leaves: [{ name: "asset", value }] }] };
      const shown = { code: "EUR", supply: "1,234.56", issuer: name(issuer, "accounts"), decimals: "2" };
      const compare = (page) => compareAsset(page, verdict, "EUR").differences;
      assertSame(compare(shown), [], "as it is");
      const other = "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv";
      for (const [path, part] of [
        [["code"], "EUA"],
        [["supply"], "12,345.60"],
        [["decimals"], "3"],
        [["issuer"], name(other, "accounts")],
      ]) {
        assert(compare(changed(shown, path, part)).length > 0, path.join("."));
      }
      assert(compareAsset(shown, { found: [{ leaves: [] }] }, "EUR").differences.length > 0, "an asset that is not there");
    },
    "a record's page is held to the claim's leaf": () => {
      const [by, other] = [
        "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6",
        "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv",
      ];
      const [sha256, id] = ["ab".repeat(32), "cd".repeat(32)];
      const value = { address: parseAddress(by), sha256: fromHex(sha256), id: fromHex(id), timestamp: 1_767_225_601_000n };
      const claimed = { found: [{ leaves: [{ name: "unique record", value }] }] };
      const unclaimed = { found: [{ leaves: [] }] };
      const row = { time: time("2026-01-01T00:00:01.000Z"), by: name(by, "accounts"), kept: "unique", id: name(id, "t") };
      const shown = {
        sha256: { text: sha256, title: null, href: null },
        records: [{ ...row, kept: "log", by: name(other, "accounts") }, row],
        isFirst: true,
        isLast: true,
      };
      const compare = (page, verdict = claimed) => compareRecord(page, verdict, sha256).differences;
      assertSame(compare(shown), [], "as it is");
      assertSame(compare({ ...shown, records: shown.records.slice(0, 1) }, unclaimed), [], "not claimed");
      for (const [page, verdict, what] of [
        [changed(shown, ["sha256", "text"], id), claimed, "another document"],
        [changed(shown, ["records", 1, "by"], name(other, "accounts")), claimed, "another account"],
        [changed(shown, ["records", 1, "id"], name(sha256, "t")), claimed, "another transaction"],
        [changed(shown, ["records", 1, "time"], time("2026-01-01T00:00:02.000Z")), claimed, "another time"],
        [changed(shown, ["records", 1, "kept"], "log"), claimed, "a claim that is not shown"],
        [changed(shown, ["records", 0, "kept"], "unique"), claimed, "two claims"],
        [shown, unclaimed, "a claim that is none"],
      ]) {
        assert(compare(page, verdict).length > 0, what);
      }
      const paged = compareRecord({ ...shown, records: shown.records.slice(0, 1), isLast: false }, claimed, sha256);
      assertSame(paged.differences, [], "the claim is on another page");
      assert(paged.open.some((words) => words.includes("another page")), "it says so");
    },
    "an account's page is held to all that the state has of it": () => {
      const address = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";
      const account = {
        entries: 1_234n,
        last: new Uint8Array(32),
        member: null,
        signers: null,
        balances: [{ asset: "EUR", free: 123_456n, held: 7n, incoming: 0 }],
      };
      const verdict = { found: [{ leaves: [{ name: "account", value: account }] }, { leaves: [] }] };
      const shown = {
        address: { text: address, title: null, href: null },
        member: null,
        count: "1,234",
        history: { text: "000000000…000000", title: "00".repeat(32), href: null },
        balances: [{ asset: "EUR", free: "1,234.56", held: "0.07" }],
        holds: [],
        signers: [],
      };
      const compare = (page) => compareAccount(page, verdict, address, DECIMALS).differences;
      assertSame(compare(shown), [], "as it is");
      // What only awaits something has nothing.
      const awaiting = { asset: "GOLD", free: "0", held: "0" };
      assertSame(compare({ ...shown, balances: [...shown.balances, awaiting] }), [], "an empty balance");
      for (const [path, part] of [
        [["count"], "1,235"],
        [["member"], "Belongs to member 0"],
        [["history", "title"], "11".repeat(32)],
        [["balances"], []],
        [["balances", 0, "free"], "12,345.60"],
        [["balances", 0, "held"], "0.70"],
        [["balances"], [...shown.balances, { asset: "GOLD", free: "1", held: "0" }]],
        [["holds"], [{ amount: "1.00 EUR", beneficiary: name(address, "accounts"), until: null }]],
        [["signers"], [{ key: { text: "k", title: null }, weight: "1" }]],
      ]) {
        assert(compare(changed(shown, path, part)).length > 0, path.join("."));
      }
    },
    "amounts and hashes are written as pages write them": () => {
      assertSame(["0", "999", "1000", "1234567.890123"].map(grouped), ["0", "999", "1,000", "1,234,567.890123"], "digits");
      assertSame(moneyText(123_456n, "EUR", DECIMALS), "1,234.56 EUR", "money");
      assertSame(moneyText(1_234n, "CO2", DECIMALS), "1,234 smallest units of CO2", "decimals that nothing proves");
      assertSame(["0123456789abcdef", "0123456789abcdef0"].map(shorten), ["0123456789abcdef", "012345678…bcdef0"], "names");
    },
    "a pinned hash is kept for the address that it was pinned at": () => {
      const kept = new Map();
      const storage = {
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => kept.set(key, value),
        removeItem: (key) => kept.delete(key),
      };
      const hash = "ab".repeat(32);
      assertSame([hashIn(` ${hash.toUpperCase()}\n`), hashIn("ab"), hashIn(`${hash}0`)], [hash, null, null], "a hash");
      assert(pinAt("https://one.example/", hash, storage), "kept");
      const at = (base) => pinnedAt(base, storage);
      assertSame(["https://one.example/", "https://two.example/"].map(at), [hash, null], "pinned");
      assert(pinAt("https://one.example/", null, storage), "forgotten");
      assertSame(at("https://one.example/"), null, "no more");
      // A browser may keep nothing.
      const refusing = {
        getItem: () => {
          throw new Error("no");
        },
      };
      assertSame([pinAt("", hash, refusing), pinnedAt("", refusing)], [false, null], "nothing is kept");
    },
  };
}
