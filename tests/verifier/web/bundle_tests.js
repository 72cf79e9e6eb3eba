// Bundles: one that the node wrote, with a state before its blocks (part.bundle.txt, in base64), and what was altered
// in it; and the vectors' chain from genesis, over two epochs, as a bundle.

import { concat, fromHex } from "../../../node/verifier/web/bytes.js";
import { checkBundle, isBundle } from "../../../node/verifier/web/bundles.js";
import { Refusal, Unusable } from "../../../node/verifier/web/errors.js";
import { decodeGenesis } from "../../../node/verifier/web/genesis.js";
import { leafHash } from "../../../node/verifier/web/hashes.js";
import { sha256 } from "../../../node/verifier/web/sha2.js";
import { Trail } from "../../../node/verifier/web/trail.js";
import { BUNDLE_FRAME, CERTIFIED_BLOCK, LOG_ENTRY } from "../../../node/verifier/web/types.js";
import { assert, assertSame, thrown } from "./check.js";

const MAGIC = new TextEncoder().encode("quorate/bundle/2");

function frame(payload) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, payload.length, true);
  return concat(length, payload, sha256(payload).subarray(0, 8));
}

/** A bundle of these frames, with an end record that fits unless there is one among them. */
function bundleOf(frames) {
  const hasEnd = frames.at(-1)?.[0] === "End";
  const before = concat(MAGIC, ...(hasEnd ? frames.slice(0, -1) : frames).map((each) => frame(BUNDLE_FRAME.write(each))));
  const blocks = BigInt(frames.filter(([kind]) => kind === "Block").length);
  const end = hasEnd ? frames.at(-1) : ["End", { blocks, sha256: sha256(before) }];
  return concat(before, frame(BUNDLE_FRAME.write(end)));
}

/** The frames of a bundle, without its end record. */
function framesOf(data) {
  const frames = [];
  for (let at = MAGIC.length; at < data.length; ) {
    const length = new DataView(data.buffer, data.byteOffset + at).getUint32(0, true);
    frames.push(BUNDLE_FRAME.decode(data.subarray(at + 4, at + 4 + length)));
    at += 4 + length + 8;
  }
  return frames.slice(0, -1);
}

/** The tests, by name. `bundle` has the bytes of the node's; `vectors` the lines of generate.py, or null. */
export function bundleTests({ bundle, vectors }) {
  // Values are parts of the bytes, so each test has its own.
  const frames = () => framesOf(Uint8Array.from(bundle));
  const genesis = () => decodeGenesis(frames()[0][1].genesis);
  const check = async (data) => checkBundle(data, await genesis(), new Trail());
  /** The code with which a bundle is refused. */
  const code = async (data, words) => (await thrown(Refusal, () => check(data), words)).code;
  return {
    "a bundle as the node writes it is good, and says what was not executed": async () => {
      assert(isBundle(bundle), "its beginning");
      assertSame(bundleOf(frames()), bundle, "its bytes");
      const trail = new Trail();
      const lines = await checkBundle(bundle, await genesis(), trail);
      assert(lines[0].startsWith("blocks 4 to 7"), lines[0]);
      assert(lines.some((line) => line.startsWith("not executed again")), lines.join("\n"));
      assert(trail.steps.some((step) => step.includes("state root")), trail.steps.join("\n"));
    },
    "a bundle that is cut off or damaged is named": async () => {
      for (const length of [bundle.length - 1, bundle.length - 60, 3_000, 40, 17]) {
        assertSame(await code(bundle.subarray(0, length), `${length} bytes`), "torn", `${length} bytes`);
      }
      for (const at of [60, 2_000, 4_000, bundle.length - 5]) {
        const damaged = Uint8Array.from(bundle);
        damaged[at] ^= 1;
        assertSame(await code(damaged, `byte ${at}`), "damaged", `byte ${at}`);
      }
      assertSame(await code(concat(bundle, Uint8Array.of(0)), "a byte more"), "malformed", "a byte more");
    },
    "what is altered in a bundle that is put together anew is found": async () => {
      const altered = async (wanted, alter) => {
        const copy = frames();
        const changed = alter(copy) ?? copy;
        assertSame(await code(bundleOf(changed), wanted), wanted, String(alter));
      };
      const of = (all, kind) => all.filter((each) => each[0] === kind);
      await altered("malformed", (all) => all.filter(([kind]) => kind !== "Leaves"));
      await altered("state", (all) => {
        of(all, "Leaves")[0][1][0].value[3] ^= 1;
      });
      await altered("log", (all) => {
        const entries = of(all, "Entries")[0][1];
        // Read anew, as its bytes were kept.
        const data = Uint8Array.from(LOG_ENTRY.write(entries[0]));
        data[40] ^= 1;
        entries[0] = LOG_ENTRY.decode(data);
      });
      await altered("chain_root", (all) => {
        all[1][1].headers[0][5] ^= 1;
      });
      await altered("chain_root", (all) => {
        // The same hashes in another form.
        const { chain, headers } = all[1][1];
        chain.subtrees.push(leafHash(headers.shift()));
        chain.length += 1n;
      });
      await altered("certificate", (all) => {
        all[1][1].head.seals[0].signature[5] ^= 1;
      });
      await altered("place", (all) => {
        const [first, second] = of(all, "Block");
        [first[1], second[1]] = [second[1], first[1]];
      });
      await altered("malformed", (all) => all.slice(0, -1));
      await altered("malformed", (all) => [...all, all.at(-1)]);
      await altered("count", (all) => [...all, ["End", { blocks: 9n, sha256: new Uint8Array(32) }]]);
      await altered("hash", (all) => [...all, ["End", { blocks: 4n, sha256: new Uint8Array(32) }]]);
      // Every part of a block, or it is in a text.
      const data = of(frames(), "Block")[2][1];
      for (let at = 100; at < data.length; at += 61) {
        const all = frames();
        of(all, "Block")[2][1] = Uint8Array.from(data, (byte, place) => (place === at ? byte ^ 1 : byte));
        try {
          const lines = await check(bundleOf(all));
          assert(lines.some((line) => line.includes("without all texts")), `byte ${at} of a block`);
        } catch (fault) {
          if (!(fault instanceof Refusal)) throw fault;
        }
      }
    },
    "a bundle of blocks without the state before them cannot be checked": async () => {
      const without = bundleOf(frames().filter(([kind]) => ["Opening", "Block"].includes(kind)));
      await thrown(Unusable, () => check(without), "no state");
    },
    "the vectors' chain is good as a bundle, from one epoch into the next": async () => {
      if (!vectors) return;
      const [header, ...rest] = vectors;
      // Mutants that were accepted are of proofs alone.
      if (!rest.some(({ kind }) => kind === "block")) return;
      const own = await decodeGenesis(fromHex(header.genesis));
      const isOfChain = ({ kind, name, height, expect }) => {
        return kind === "block" && expect.verdict === "good" && name.endsWith(` block ${height}`);
      };
      const blocks = new Map(rest.filter(isOfChain).map(({ height, bytes }) => [Number(height), fromHex(bytes)]));
      const to = blocks.size;
      const all = Array.from({ length: to }, (_, place) => ["Block", blocks.get(place + 1)]);
      const opening = { network: own.network, genesis: fromHex(header.genesis), from: 1n, to: BigInt(to) };
      const epochs = new Set(all.map(([, data]) => CERTIFIED_BLOCK.decode(data).block.header.epoch));
      assert(epochs.size > 1, `${to} blocks of ${epochs.size} epochs`);
      const lines = await checkBundle(bundleOf([["Opening", opening], ...all]), own, new Trail());
      assert(lines[0].startsWith(`blocks 1 to ${to}`), lines[0]);
      const other = await thrown(Refusal, async () => {
        await checkBundle(bundleOf([["Opening", opening], ...all]), await genesis(), new Trail());
      }, "another network");
      assertSame(other.code, "other_network", "another network");
    },
  };
}
