// Statements as ISO 20022 camt.053: written again from the figures, of the assets, with the names and of the time that
// the file has, and compared line by line.

import { encodeUtf8, toHex } from "./bytes.js";
import { nameIn, writtenOut } from "./chosen.js";
import { Unusable } from "./errors.js";
import { aboutPairs, decimalsText, insteadOf, ownerPair } from "./figures.js";
import { compareLines, escape, unescape } from "./markup.js";
import { directionOf } from "./paper.js";
import { sha256 } from "./sha2.js";
import { NotTheText, amountText, parseTime, timeText } from "./text.js";

const MAX_DECIMALS = 5;
const DIGITS_LIMIT = 10n ** 18n;
const PIECE = 140;
const NAME_LETTERS = 70;
const REFERENCE = 32;
const LAST_TIME = 253_402_300_799_999n;
const SCHEME = "QUORATE ADDRESS";
const PROOF = '<Proof xmlns="urn:quorate:proof:2">';
const INFORMATION =
  "Written by Quorate. The proof in SplmtryData establishes all figures: quorate audit verify checks them. Names are " +
  "not proven. Entries, OPBD and CLBD are of what can be spent; what is held stands apart. Transactions that failed, " +
  "or changed nothing that can be spent, are not entries. There are no fees.";

/** True if a text is such a document. */
export function isCamt053(text) {
  return text.startsWith("<?xml") && text.includes("camt.053");
}

/** The proof in a document, null if there is none. */
export function proofInCamt053(text) {
  const start = text.indexOf(PROOF);
  const end = text.indexOf("</Proof>", start);
  return start < 0 || end < 0 ? null : unescape(text.slice(start + PROOF.length, end));
}

/** XML in lines with indents. */
class Writer {
  constructor() {
    this.text = '<?xml version="1.0" encoding="UTF-8"?>\n';
    this.depth = 0;
  }

  line(markup) {
    this.text += `${"  ".repeat(this.depth)}${markup}\n`;
  }

  /** An element with what `work` writes in it. */
  within(name, work, attributes = "") {
    this.line(`<${name}${attributes}>`);
    this.depth += 1;
    work();
    this.depth -= 1;
    this.line(`</${name}>`);
  }

  leaf(name, text, attributes = "") {
    this.line(`<${name}${attributes}>${escape(text)}</${name}>`);
  }

  /** Elements in each other, the last of which has a text in it. */
  nested([name, ...names], text) {
    if (names.length === 0) this.leaf(name, text);
    else this.within(name, () => this.nested(names, text));
  }
}

function idOf(parts) {
  return toHex(sha256(encodeUtf8(parts.join("\n")))).slice(0, REFERENCE);
}

function aboutText(about, decimals) {
  return [...aboutPairs(about), ["decimals", decimalsText(decimals)]].map((pair) => pair.join(" ")).join("; ");
}

/** A time as the schema has it. */
function momentText(time) {
  if (time > LAST_TIME) throw new Unusable("camt.053 has no times after the year 9999");
  return timeText(time);
}

/** An amount as the schema allows it: zeros above the fifth decimal are left out. */
function sumText(asset, amount, decimals) {
  if (decimals === null) throw new Unusable(`the proof does not say how many decimals ${asset} has`);
  const shown = Math.min(decimals, MAX_DECIMALS);
  const unit = 10n ** BigInt(decimals - shown);
  if (amount % unit !== 0n || amount / unit >= DIGITS_LIMIT) {
    throw new Unusable(`an amount of ${asset} has more digits than camt.053 has room for`);
  }
  return amountText(amount / unit, shown);
}

/** The pieces of a text, and what is said of it. */
function piecesOf(name, words) {
  const [state, text] = words;
  const cut = (whole) => {
    const letters = Array.from(whole);
    return Array.from({ length: Math.ceil(letters.length / PIECE) }, (_, place) => {
      return letters.slice(place * PIECE, (place + 1) * PIECE).join("");
    });
  };
  if (state === "None") return { pieces: [], said: "" };
  if (state === "Shown") return { pieces: cut(writtenOut(text)), said: "shown" };
  if (state === "Hex") return { pieces: cut(text), said: "hex" };
  const said = insteadOf(words);
  return { pieces: [`(${name} ${said})`], said };
}

/** A name, cut to what the schema has room for; empty if there is none. */
function shortName(address, names) {
  const letters = Array.from(names.get(address) ?? "").slice(0, NAME_LETTERS);
  while (Array.from(writtenOut(letters.join(""))).length > NAME_LETTERS) letters.pop();
  return writtenOut(letters.join(""));
}

class Document {
  constructor(figures, names) {
    this.figures = figures;
    this.names = names;
    this.writer = new Writer();
  }

  write(created, assets, proof) {
    const { about } = this.figures;
    const { writer } = this;
    const time = momentText(created);
    writer.within(
      "Document",
      () =>
        writer.within("BkToCstmrStmt", () => {
          writer.within("GrpHdr", () => {
            writer.leaf("MsgId", idOf([aboutText(about, null), time]));
            writer.leaf("CreDtTm", time);
            writer.leaf("AddtlInf", INFORMATION);
          });
          for (const asset of assets) this.statement(asset, time);
          writer.within("SplmtryData", () => {
            writer.leaf("PlcAndNm", "The proof of this statement, a file for quorate audit verify");
            writer.within("Envlp", () => writer.leaf("Proof", proof, ' xmlns="urn:quorate:proof:2"'));
          });
        }),
      ' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"',
    );
    return writer.text;
  }

  statement({ asset, decimals, opening, closing }, created) {
    const { about, lines } = this.figures;
    const { writer } = this;
    const from = momentText(about.from);
    const to = momentText(about.completeUpTo ?? about.to - 1n);
    const text = aboutText(about, decimals);
    writer.within("Stmt", () => {
      writer.leaf("Id", idOf([text, asset]));
      writer.leaf("CreDtTm", created);
      writer.within("FrToDt", () => {
        writer.leaf("FrDtTm", from);
        writer.leaf("ToDtTm", to);
      });
      this.account(asset);
      const balance = (kind, name, amount, time) => this.balance(kind, name, [asset, amount, decimals], time);
      balance("Cd", "OPBD", opening.free, from);
      balance("Cd", "CLBD", closing.free, to);
      if (opening.held > 0n || closing.held > 0n) {
        balance("Prtry", "OPENING HELD", opening.held, from);
        balance("Prtry", "CLOSING HELD", closing.held, to);
      }
      for (const line of lines) {
        // Entries are of what can be spent.
        if (line.movement?.asset === asset && line.movement.free !== 0n) this.entry(line, decimals);
      }
      writer.leaf("AddtlStmtInf", text);
    });
  }

  account(asset) {
    const [, address] = ownerPair(this.figures.about);
    const name = shortName(address, this.names);
    this.writer.within("Acct", () => {
      this.accountId(address);
      this.writer.leaf("Ccy", asset);
      if (name !== "") this.writer.leaf("Nm", name);
      this.wholeAddress(address);
    });
  }

  accountId(address) {
    this.writer.within("Id", () =>
      this.writer.within("Othr", () => {
        // Without `qr1` and the checksum it says all.
        this.writer.leaf("Id", address.slice(3, 35));
        this.writer.nested(["SchmeNm", "Prtry"], SCHEME);
      }),
    );
  }

  wholeAddress(address) {
    this.writer.within("Prxy", () => {
      this.writer.nested(["Tp", "Prtry"], SCHEME);
      this.writer.leaf("Id", address);
    });
  }

  amount([asset, amount, decimals]) {
    this.writer.leaf("Amt", sumText(asset, amount, decimals), ` Ccy="${asset}"`);
  }

  balance(kind, name, sum, time) {
    this.writer.within("Bal", () => {
      this.writer.nested(["Tp", "CdOrPrtry", kind], name);
      this.amount(sum);
      this.writer.leaf("CdtDbtInd", "CRDT");
      this.writer.nested(["Dt", "DtTm"], time);
    });
  }

  entry(line, decimals) {
    const { writer } = this;
    const { asset, free } = line.movement;
    const half = line.id.slice(0, REFERENCE);
    const isPart = line.operation !== null;
    const reference = isPart ? `${half}-${line.operation.toString(16).padStart(2, "0")}` : half;
    writer.within("Ntry", () => {
      writer.leaf("NtryRef", isPart ? `${line.number}.${line.operation}` : String(line.number));
      this.amount([asset, free < 0n ? -free : free, decimals]);
      writer.leaf("CdtDbtInd", free < 0n ? "DBIT" : "CRDT");
      writer.nested(["Sts", "Cd"], "BOOK");
      writer.nested(["BookgDt", "DtTm"], momentText(line.time));
      writer.leaf("AcctSvcrRef", reference);
      writer.within("BkTxCd", () =>
        writer.within("Prtry", () => {
          writer.leaf("Cd", line.kind);
          writer.leaf("Issr", "QUORATE");
        }),
      );
      writer.within("NtryDtls", () =>
        writer.within("TxDtls", () => {
          this.references(line, reference);
          this.parties(line);
          this.texts(line);
        }),
      );
    });
  }

  references({ id }, reference) {
    const { writer } = this;
    const halves = { "TRANSACTION ID 1 OF 2": id.slice(0, REFERENCE), "TRANSACTION ID 2 OF 2": id.slice(REFERENCE) };
    writer.within("Refs", () => {
      writer.leaf("AcctSvcrRef", reference);
      writer.leaf("EndToEndId", "NOTPROVIDED");
      for (const [name, half] of Object.entries(halves)) {
        writer.within("Prtry", () => {
          writer.leaf("Tp", name);
          writer.leaf("Ref", half);
        });
      }
    });
  }

  /** Who got what went, or gave what came. */
  parties(line) {
    const direction = directionOf(this.figures.about, line);
    if (line.counterparty === null || direction === "with") return;
    const party = direction === "to" ? "Cdtr" : "Dbtr";
    const name = shortName(line.counterparty, this.names);
    this.writer.within("RltdPties", () => {
      if (name !== "") this.writer.nested([party, "Pty", "Nm"], name);
      this.writer.within(`${party}Acct`, () => {
        this.accountId(line.counterparty);
        this.wholeAddress(line.counterparty);
      });
    });
  }

  texts(line) {
    const facts = [`place ${line.ordinal} of the log`, `block ${line.height}`];
    const all = [];
    for (const [name, words] of Object.entries({ text: line.text, memo: line.memo })) {
      const { pieces, said } = piecesOf(name, words);
      if (said !== "") facts.push(`${name} ${pieces.length} ${said}`);
      all.push(...pieces);
    }
    if (all.length > 0) {
      this.writer.within("RmtInf", () => all.forEach((piece) => this.writer.leaf("Ustrd", piece)));
    }
    this.writer.leaf("AddtlTxInf", facts.join("; "));
  }
}

function timeIn(text) {
  try {
    return parseTime(/<CreDtTm>([^<]*)<\/CreDtTm>/.exec(text)?.[1] ?? "");
  } catch (fault) {
    if (!(fault instanceof NotTheText)) throw fault;
    throw new Unusable(`it does not say when it was made: ${fault.message}`);
  }
}

/** The names beside addresses: each stands somewhere before the whole address that it is of. */
function namesIn(text, differences) {
  const names = new Map();
  let name = null;
  for (const [, tag, content] of text.matchAll(/<(Nm|Id)>([^<]*)<\/(?:Nm|Id)>/g)) {
    if (tag === "Nm") name = content;
    else if (name !== null && /^qr1[a-z0-9]{38}$/.test(content)) {
      const found = nameIn(unescape(name) ?? "", writtenOut);
      if (found !== null) names.set(content, found);
      else differences.push(`“${name}” beside ${content} is no name: it hides something, or has an address in it`);
      name = null;
    }
  }
  return names;
}

/** Where a document is not what `figures` are, in words, with the names in it and the assets that it is of. */
export function compareCamt053(text, figures) {
  const differences = [];
  const names = namesIn(text, differences);
  if (figures.about.owner[0] === "Asset") throw new Unusable("camt.053 is for accounts, not for an asset's supply");
  const codes = new Set(Array.from(text.matchAll(/<Ccy>([A-Z]{3})<\/Ccy>/g), ([, code]) => code));
  const chosen = figures.balances.filter(({ asset }) => codes.has(asset));
  const proof = proofInCamt053(text) ?? "";
  const wanted = new Document(figures, names).write(timeIn(text), chosen, proof);
  differences.push(...compareLines(text, wanted));
  return { differences, names, assets: chosen.map((item) => item.asset) };
}
