// What section 24 of docs/formats.md prints, to the byte.

import { ascii, equal, fromHex, toHex } from "../../../node/verifier/web/bytes.js";
import { Chain } from "../../../node/verifier/web/chain.js";
import { Trust } from "../../../node/verifier/web/committee.js";
import { Refusal } from "../../../node/verifier/web/errors.js";
import { plainVerdict } from "../../../node/verifier/web/facts.js";
import { readProofFile } from "../../../node/verifier/web/file.js";
import { committeeDigest, decodeGenesis, historyStart, readGenesis } from "../../../node/verifier/web/genesis.js";
import { verify } from "../../../node/verifier/web/proof.js";
import { addressOf } from "../../../node/verifier/web/signatures.js";
import { addressText } from "../../../node/verifier/web/text.js";
import { readTravelling } from "../../../node/verifier/web/travelling.js";
import { wordsOf } from "../../../node/verifier/web/words.js";
import { assert, assertSame, thrown } from "./check.js";

const K1 = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";
const K2 = "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv";
const P = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const RFC_8032 = [
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

/** The section's parts. */
export class Page {
  constructor(text) {
    this.text = text.slice(text.indexOf("## 24. Vectors and a worked example"), text.indexOf("## 25. "));
  }

  /** What a row of the table has. */
  row(name) {
    const found = new RegExp(`^\\| ${name} \\| \`([0-9a-f]+)\` \\|$`, "m").exec(this.text);
    assert(found, `the page has no row ${name}`);
    return found[1];
  }

  /** The file that begins with these words. */
  file(begin) {
    const start = this.text.indexOf(`\`\`\`file\n${begin}`);
    assert(start >= 0, `the page has no file ${begin}`);
    return this.text.slice(start + 8, this.text.indexOf("```\n", start + 8));
  }

  /** The bytes of the first block of hex behind these words, without comments. */
  hexBehind(words) {
    const start = this.text.indexOf("```hex\n", this.text.indexOf(words)) + 7;
    const block = this.text.slice(start, this.text.indexOf("```", start));
    return fromHex(block.replace(/#.*$/gm, "").replace(/\s/g, ""));
  }
}

/** The tests, by name. `toml` is the page's document as text. */
export function pageTests({ formats, toml }) {
  const page = new Page(formats);
  const document = page.hexBehind("**Genesis**");
  const trust = async () => new Trust(await decodeGenesis(document));
  const verdictOn = async (kind) => {
    const [proof] = readProofFile(ascii(page.file(`quorate proof 2 ${kind}\n`)));
    return verify(proof, await trust());
  };
  return {
    "the page's addresses follow from its keys": () => {
      const keys = [...RFC_8032.map((key) => ["Ed25519", fromHex(key)]), ["P256", fromHex(P)]];
      const addresses = keys.map(addressOf);
      assertSame(addresses.map(toHex), ["K1", "K2", "P"].map((name) => page.row(`address of ${name}`)), "addresses");
      assertSame(addresses.slice(0, 2).map(addressText), [K1, K2], "as text");
    },
    "the page's genesis document is the same as bytes and as text": async () => {
      for (const genesis of [await decodeGenesis(document), await readGenesis(toml)]) {
        assertSame(toHex(genesis.network), page.row("network id"), "network id");
        assertSame(toHex(committeeDigest(genesis.committee)), page.row("committee's digest"), "committee");
        assertSame(toHex(genesis.stateRoot), page.row("state root at genesis \\(15 leaves\\)"), "state root");
        const items = [{ asset: "EUR", free: 100_000n, held: 0n }];
        const start = historyStart(genesis.network, ["Account", fromHex(page.row("address of K1"))], items);
        assertSame(toHex(start), page.row("h_0 of K1's account"), "h_0");
      }
    },
    "the page's proofs are good, each as of its block": async () => {
      const verdicts = { transaction: "proven", state: "proven", statement: "complete_up_to", block: "proven" };
      for (const [kind, wanted] of Object.entries(verdicts)) {
        const { verdict, head } = plainVerdict(await verdictOn(kind));
        assertSame([verdict, head.height, head.hash], [wanted, 1, page.row("block hash")], kind);
      }
    },
    "a verdict reads in the node's words": async () => {
      // As `a_verdict_reads_in_plain_words` of node/verifier has them.
      const { head, ...verdict } = await verdictOn("transaction");
      const id = page.row("id 1");
      assertSame(
        wordsOf({ ...verdict, head }),
        [
          `proven: transaction ${id}`,
          `as of block 1 of 2026-01-01T00:00:01Z, epoch 0, ${page.row("block hash")}`,
          `ordinal 0 of the log: ${id} was executed in block 1 of 2026-01-01T00:00:01Z at position 0: all of it took ` +
            "effect",
          "it is shown without signatures: what was executed, not who signed it",
          `operation 0: {party 0, operation Transfer(to ${K2}, asset EUR, amount 1250)}`,
          'the memo is "invoice 17"',
        ].map((line) => line.replace("the memo", "the text of operation 0, field 0,")),
        "words",
      );
      const statement = wordsOf(await verdictOn("statement"));
      for (const line of [
        `2 transactions of ${K1} in the range, none left out`,
        "no step is before the range: the opening balances are those of genesis",
        "opening EUR: 1000.00 free, 0.00 held",
        "EUR: free 1000.00 to 987.50, held 0.00 to 0.00",
        "closing EUR: 487.50 free, 0.00 held",
        "closing GOLD: 2 free, 0 held",
      ]) {
        assert(statement.includes(line), `${line} is missing in ${statement.join("\n")}`);
      }
    },
    "the page's transaction that travels is good, and no other lines are": async () => {
      const text = page.file("quorate transaction 2\n");
      const { network, draft } = await decodeGenesis(document);
      const proven = draft.assets.map(({ code, decimals }) => [code, decimals]);
      const read = (file) => readTravelling(ascii(file), network, new Map(proven));
      const value = await read(text);
      assertSame(value.signatures.length, 1, "signatures");
      const changed = await thrown(Refusal, () => read(text.replace("amount 12.50", "amount 1.25")), "another amount");
      assertSame([changed.code, changed.where], ["not_canonical", "transaction.comments"], "another amount");
      const otherwise = () => readTravelling(ascii(text), network, new Map([["EUR", 3]]));
      const decimals = await thrown(Refusal, otherwise, "decimals");
      assertSame([decimals.code, decimals.where], ["not_canonical", "transaction.decimals"], "decimals");
    },
    "the page's block is good, and without its seal it is not": async () => {
      const block = page.hexBehind("**Block 1**");
      const { chain, whole } = await new Chain(await trust()).with(block);
      assertSame([toHex(chain.hash), whole], [page.row("block hash"), [true]], "the block");
      const seal = "8863662c178daab0";
      const changed = fromHex(toHex(block).replace(seal, seal.replace("88", "89")));
      const { code, where } = await thrown(Refusal, async () => new Chain(await trust()).with(changed), "a seal");
      assertSame([code, where], ["certificate", "block.certificate[0]"], "a seal");
    },
    "a changed question is refused": async () => {
      const text = page.file("quorate proof 2 transaction\n").replace(/^about 4e/m, "about 4f");
      const { code, where } = await thrown(Refusal, () => readProofFile(ascii(text)), "another question");
      assertSame([code, where], ["not_canonical", "block[0].about"], "another question");
    },
    "with a pin proofs start from it alone": async () => {
      const genesis = await decodeGenesis(document);
      const [proof] = readProofFile(ascii(page.file("quorate proof 2 block\n")));
      const pin = { height: 1n, hash: fromHex(page.row("block hash")) };
      const { header } = proof.body[1].head;
      const committees = (trusted) => ({ network: proof.network, body: ["Committees", { trust: trusted, steps: [] }] });
      const pinned = committees(["Pinned", { header, committee: genesis.committee }]);
      for (const document_ of [genesis, null]) {
        const alone = new Trust(document_, pin);
        const refusal = await thrown(Refusal, () => verify(proof, alone), "without committees");
        assertSame(refusal.code, "unknown_committee", "without committees");
        await thrown(Refusal, () => verify(committees(["Genesis", null]), new Trust(document_, pin)), "from genesis");
        await verify(pinned, alone);
        await verify(proof, alone);
        assert(equal(alone.network, genesis.network), "the network is the pinned header's");
      }
      const { code } = await thrown(Refusal, () => verify(pinned, new Trust(genesis)), "a pin of nobody's");
      assertSame(code, "unknown_committee", "a pin of nobody's");
    },
  };
}
