// Parts of the verifier by themselves: texts, TOML, hashes, signatures, base64, JSON.

import { unarmour } from "../../../node/verifier/web/armour.js";
import { ascii, decodeUtf8, fromHex, toHex } from "../../../node/verifier/web/bytes.js";
import { Malformed } from "../../../node/verifier/web/errors.js";
import { toJson } from "../../../node/verifier/web/facts.js";
import { preimage } from "../../../node/verifier/web/hashes.js";
import { hashOf } from "../../../node/verifier/web/hashing.js";
import { Sha256, digest, sha256, sha512 } from "../../../node/verifier/web/sha2.js";
import { ecdsa, isClientSignatureGood, strict, webCrypto, zip215 } from "../../../node/verifier/web/signatures.js";
import {
  NotTheText,
  isMultiaddress,
  parseAddress,
  parseAmount,
  parseTime,
  refusedCodePoint,
  timeText,
  visible,
} from "../../../node/verifier/web/text.js";
import { readToml } from "../../../node/verifier/web/toml.js";
import { assert, assertSame, thrown } from "./check.js";
import { parseJson } from "./json.js";

/** The same with plain objects for maps. */
function plain(value) {
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([name, part]) => [name, plain(part)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

const GOOD_TOML = [
  ["a = 1\n[b]\nc = 'x'\n", { a: 1, b: { c: "x" } }],
  ["a.b = 1\na.c = [ 1, # one\n 2,\n]\n", { a: { b: 1, c: [1, 2] } }],
  ['"a.b" = "\\u0041\\t\\U0001F3E0"\r\n', { "a.b": "A\t🏠" }],
  ["a = '''\nx\n''y'''\n", { a: "x\n''y" }],
  ['a = """x \\\n   y""""', { a: 'x y"' }],
  ["[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 2", { a: [{ b: 1 }, { c: { d: 2 } }] }],
  ["[a.b]\n[a]\nc = { d = [], e.f = {} }", { a: { b: {}, c: { d: [], e: { f: {} } } } }],
  ["__proto__ = 1", Object.fromEntries([["__proto__", 1n]])],
];
const BAD_TOML = [
  "a = 1\na = 2",
  "[a]\n[a]",
  "[a]\n[[a]]",
  "a = []\n[[a]]",
  "a = {}\n[a.b]",
  "a.b = 1\n[a]",
  "[a.b]\n[c]\n[a.b]",
  "a = { b = 1, }",
  "a = { b = 1\n}",
  "a = 0x10",
  "a = +1",
  "a = 01",
  "a = 1_0",
  "a = true",
  "a = 1.0",
  "a = 2026-01-01",
  'a = "x',
  'a = "\\q"',
  'a = "\\ud800"',
  'a = "\u0007"',
  "a = 'x\ny'",
  "a",
  "a = ",
  "= 1",
  "a = 1 b = 2",
  "a = [1 2]",
  "# \u0000",
  "a = 1\rb = 2",
  `a = ${"[".repeat(100)}`,
];

/** Bytes over which the signatures below are: `quorate`. */
const MESSAGE = ascii("quorate");
/** A signature that holds only with the cofactor: R has a part of order 8. */
const WITH_COFACTOR = [
  "c4ecb1312edd9cff9c62ecd5f74f28851bc3f5d1036ce58a62f469c371af3419",
  "9ba041eac364595c006bf447f21282e8c0d9219b369e1d3963b4831dccd2d4eb" +
    "bddd2324853daaa0996ddbb8d4903780004541935a6bfc029935f2fbbedda20a",
].map(fromHex);

/** The tests, by name. */
export const partTests = {
  "what is no TOML of a genesis document is refused": async () => {
    for (const [text, wanted] of GOOD_TOML) assertSame(plain(readToml(text)), wanted, text);
    for (const text of BAD_TOML) await thrown(Malformed, () => readToml(text), text);
  },
  "there is one text for a time, an amount and an address": async () => {
    for (const text of ["1970-01-01T00:00:00Z", "2026-02-28T23:59:59.001Z", "9999-12-31T23:59:59.999Z"]) {
      assertSame(timeText(parseTime(text)), text, text);
    }
    for (const text of [
      "2026-02-30T00:00:00Z",
      "2026-01-01T24:00:00Z",
      "2026-01-01T00:00:60Z",
      "2026-01-01T00:00:00.000Z",
      "2026-01-01T00:00:00+00:00",
      "2026-01-01t00:00:00z",
      "1969-12-31T23:59:59Z",
      " 2026-01-01T00:00:00Z",
    ]) {
      await thrown(NotTheText, () => parseTime(text), text);
    }
    assertSame(timeText(253_402_300_800_000n), "253402300800000", "above the year 9999");
    assertSame([parseAmount("0.05", 2), parseAmount("12", 0), parseAmount("10.0", 1)], [5n, 12n, 100n], "amounts");
    for (const [text, decimals] of [
      ["1", 2],
      ["1.0", 2],
      ["01.00", 2],
      [".50", 2],
      ["1.", 0],
      ["1.0", 0],
      ["-1", 0],
      ["1e3", 0],
      ["1,00", 2],
    ]) {
      await thrown(NotTheText, () => parseAmount(text, decimals), text);
    }
    const address = "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6";
    assertSame(toHex(parseAddress(address)), "6667b111cc79f20ce34185c687163f463bea690d", "address");
    for (const text of [address.toUpperCase(), address.replace("v", "w"), `${address}q`, address.slice(0, -1)]) {
      await thrown(NotTheText, () => parseAddress(text), text);
    }
  },
  "multiaddresses have one form": () => {
    for (const text of [
      "/ip4/127.0.0.1/tcp/9100",
      "/ip6/::1/tcp/1",
      "/ip6/2001:db8::1:0:0:1/tcp/65535",
      "/ip6/2001:db8:0:1:1:1:1:1/tcp/1",
      "/ip6/::ffff:192.0.2.1/tcp/1",
      "/dns/node-1.bank.example/tcp/1",
      "/dns4/a.b3/tcp/1",
      "/dns6/xn--a/tcp/1",
    ]) {
      assert(isMultiaddress(text), text);
    }
    for (const text of [
      "/ip4/0.0.0.0/tcp/9100",
      "/ip4/127.0.0.01/tcp/9100",
      "/ip4/127.0.0.1/tcp/0",
      "/ip4/127.0.0.1/tcp/09",
      "/ip4/127.0.0.1/tcp/65536",
      "/ip4/127.0.0.1/udp/1",
      "/ip4/127.0.0.1/tcp/1/p2p/x",
      "/ip6/::/tcp/1",
      "/ip6/0:0:0:0:0:0:0:1/tcp/1",
      "/ip6/2001:DB8::1/tcp/1",
      "/ip6/2001:db8::0:1/tcp/1",
      "/ip6/2001:db8:0::1:1:1:1:1/tcp/1",
      "/ip6/1::2::3/tcp/1",
      "/ip6/::ffff:c000:201/tcp/1",
      "/ip6/::192.0.2.1/tcp/1",
      "/ip6/fe80::1%eth0/tcp/1",
      "/dns/192.0.2.1/tcp/1",
      "/dns/-a/tcp/1",
      "/dns/A/tcp/1",
      "/dns/a..b/tcp/1",
      `/dns/${"a".repeat(64)}/tcp/1`,
    ]) {
      assert(!isMultiaddress(text), text);
    }
  },
  "what nobody sees is refused in texts, and shown as an escape": () => {
    for (const letter of ["\u0000", "\u001f", "\u007f", "\u009f", "\u061c", "\u200e", "\u202e", "\u2066", "\ufeff"]) {
      assert(refusedCodePoint(`a${letter}`) !== null, JSON.stringify(letter));
    }
    assertSame(refusedCodePoint("a\u{e0041}"), "U+E0041", "a tag");
    assertSame(refusedCodePoint("Miete März 房租 🏠"), null, "letters");
    // A decoder that takes a byte order mark for a mark loses it.
    const decoded = ["efbbbf61", "c3a4", "c0af", "eda080"].map((hex) => decodeUtf8(fromHex(hex)));
    assertSame(decoded, ["\ufeffa", "ä", null, null], "UTF-8");
    assertSame(visible("pay \u202e001\u200b🏠"), "pay \\u{202e}001\\u{200b}🏠", "visible");
  },
  "hashes are the standard's": async () => {
    const sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assertSame(toHex(sha256(ascii("abc"))), sha, "SHA-256");
    const million = new Uint8Array(1_000_000).fill(0x61);
    const long = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assertSame(toHex(sha256(million)), long, "SHA-256 of a million letters");
    assertSame(toHex(await digest(million, webCrypto())), long, "the same, by WebCrypto where there is one");
    assertSame(
      toHex(sha512(ascii("abc"))),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
      "SHA-512",
    );
  },
  "a file is hashed in pieces as in one": async () => {
    const bytes = Uint8Array.from({ length: 1_000 }, (_, place) => (place * 7) % 251);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 128, 1_000]) {
      for (const piece of [1, 63, 64, 65, 1_000]) {
        const hash = new Sha256();
        for (let at = 0; at < length; at += piece) hash.add(bytes.subarray(at, Math.min(at + piece, length)));
        assertSame(toHex(hash.end()), toHex(sha256(bytes.subarray(0, length))), `${length} bytes in pieces of ${piece}`);
      }
    }
    // More than WebCrypto is given at once.
    const zeros = new Blob([new Uint8Array(33 * 1024 * 1024)]);
    const done = [];
    const hash = await hashOf(zeros, (size) => done.push(size));
    assertSame(toHex(hash), "c28a8f34a7efbd4cffe424a21e4a6e4d5bfa8b5daccc381f9eb3c1dc5bac689c", "33 MiB of zeros");
    assertSame(done.at(-1), zeros.size, "how far it is");
    assertSame(toHex(await hashOf(new Blob([bytes]))), toHex(sha256(bytes)), "a short file");
  },
  "clients' signatures need the cofactor, validators' must not": async () => {
    const [key, signature] = WITH_COFACTOR;
    const judged = [await zip215(key, signature, MESSAGE), await strict(key, signature, MESSAGE)];
    assertSame(judged, [true, false], "cofactor");
    // Its R is the neutral point, so it holds without the cofactor too.
    const neutral = new Uint8Array(64);
    neutral[0] = 1;
    neutral.set(fromHex("b0c27acfc588620038e232b8762f84975dfd0f43ef1e95a786f1e6d7b7c87c08"), 32);
    const ofSmallR = [await zip215(key, neutral, MESSAGE), await strict(key, neutral, MESSAGE)];
    assertSame(ofSmallR, [true, false], "R of small order");
    // Anybody can sign for a key of small order: s is 0, and R the neutral point.
    const small = new Uint8Array(32);
    const forged = new Uint8Array(64);
    for (const bytes of [small, forged]) bytes[0] = 1;
    const signed = ["Ed25519", { key: small, signature: forged }];
    const ofClient = await isClientSignatureGood(signed, "transaction", MESSAGE);
    assertSame([await zip215(small, forged, MESSAGE), ofClient], [true, false], "a key of small order");
  },
  "the x of a P-256 signature's point may be n or more": async () => {
    const key = fromHex("036f4799b04f81bb5351906b5a00ffe5be97f22120df5715cf091fc83ebc448f4b");
    const signature = new Uint8Array(64);
    signature[31] = 3;
    signature[63] = 7;
    const message = preimage("transaction", MESSAGE);
    assert(await ecdsa(key, signature, message), "the page's signature");
    const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const high = Uint8Array.from(signature);
    high.set(fromHex((BigInt(`0x${order}`) - 7n).toString(16)), 32);
    assert(!(await ecdsa(key, high, message)), "the same with the high s");
  },
  "there is one base64 for some bytes": async () => {
    const full = "A".repeat(76);
    const lengths = (text) => unarmour(ascii(text), 1_000).length;
    assertSame([`${full}\n${full}`, `${full}\n${"A".repeat(73)}A==`, "AA=="].map(lengths), [114, 112, 1], "bytes");
    for (const text of [
      "",
      "\n",
      "AA",
      "AAA",
      "AAAAA===",
      "AB==",
      "AAB=",
      "A A=",
      "AA==AAAA",
      `${full}\n`,
      `${full}\n\nAAAA`,
      `${"A".repeat(73)}A==\n${full}`,
      `${full}A`,
      `AAAA\n${full}`,
      "AAA-",
    ]) {
      await thrown(Malformed, () => unarmour(ascii(text), 1_000), JSON.stringify(text));
    }
    await thrown(Malformed, () => unarmour(ascii(`${full}\n${full}`), 113), "more bytes than allowed");
  },
  "JSON keeps integers of 64 bits": () => {
    const value = { a: [2n ** 64n - 1n, -1n, "x\"\u0000", null, true], b: {}, c: [] };
    assertSame(parseJson(toJson(value)), value, "JSON");
    assertSame(toJson("pay \u202e001\u{e0041}"), '"pay \\u202e001\\udb40\\udc41"', "what nobody sees");
  },
};
