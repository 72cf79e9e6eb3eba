// What the explorer's pages show, read from what a reader sees: texts, and where links lead.

/** An element's text as it is seen, null where there is none. */
function textOf(found) {
  return found ? found.textContent.replace(/\s+/g, " ").trim() : null;
}

/** A name that may be shortened: its text, what it is in full, and where it leads. */
function nameOf(found) {
  const named = found?.matches("a, code") ? found : found?.querySelector("a.mono, code");
  if (!named) return null;
  return { text: textOf(named), title: named.getAttribute("title"), href: named.getAttribute("href") };
}

function all(found, selector) {
  return found ? Array.from(found.querySelectorAll(selector)) : [];
}

/** A time's text, and what it is in full. */
function timeOf(found) {
  const time = found?.querySelector("time");
  return time ? { text: textOf(time), title: time.getAttribute("title") } : null;
}

/** The page's facts by their names. */
function factsOf(root) {
  const facts = new Map();
  for (const part of root.querySelectorAll("dl.facts > div")) {
    facts.set(textOf(part.querySelector("dt")), part.querySelector("dd"));
  }
  return facts;
}

/** What a part of a page says of amounts, accounts and documents; not what it says of texts that are gone. */
function saidIn(found) {
  const own = (selector) => all(found, selector).filter((each) => !each.closest(".withheld"));
  return {
    text: textOf(found),
    moneys: own(".money").map(textOf),
    accounts: own('a[href*="accounts/"]').map(nameOf),
    documents: own('a[href*="records/"]').map(nameOf),
    times: own(".moment").map(timeOf),
  };
}

/** A table's rows, each with its cells by the names of their columns. */
function rowsOf(root, id) {
  return all(root.querySelector(`table#${id}`), "tbody tr").map((row) => {
    const cells = all(row, "td").map((cell) => [cell.dataset.label, cell]);
    return new Map(cells);
  });
}

/** The page of a transaction. */
export function readTransaction(root) {
  const facts = factsOf(root);
  return {
    id: nameOf(root.querySelector("#id")),
    status: textOf(root.querySelector("#outcome .badge")),
    height: textOf(facts.get("Block")?.querySelector("a")),
    ordinal: textOf(root.querySelector("#ordinal")),
    time: timeOf(facts.get("Time")),
    expiry: timeOf(facts.get("Valid until")),
    sender: nameOf(root.querySelector("#sender")),
    others: all(root, "#parties li").map(nameOf),
    memo: textOf(root.querySelector("#memo")),
    operations: all(root, "#operations > li").map((item) => ({
      kind: textOf(item.querySelector(".kind")),
      remark: textOf(item.querySelector(".remark q")),
      isUndone: item.classList.contains("undone"),
      ...saidIn(item),
    })),
  };
}

/** The page of an account. */
export function readAccount(root) {
  const facts = factsOf(root);
  return {
    address: nameOf(root.querySelector("#address")),
    member: textOf(facts.get("Member")),
    count: textOf(root.querySelector("#transaction-count")),
    history: nameOf(facts.get("History hash")),
    balances: rowsOf(root, "balances").map((row) => ({
      asset: textOf(row.get("Asset")),
      free: textOf(row.get("Can use")),
      held: textOf(row.get("Held")),
    })),
    holds: rowsOf(root, "holds").map((row) => ({
      beneficiary: nameOf(row.get("For")),
      amount: textOf(row.get("Amount left")?.querySelector(".money")),
      until: timeOf(row.get("Until (UTC)")),
    })),
    signers: rowsOf(root, "signers").map((row) => ({
      key: nameOf(row.get("Key")),
      weight: textOf(row.get("Weight")),
    })),
    entries: rowsOf(root, "history").map((row) => ({
      number: textOf(row.get("Number")),
      id: nameOf(row.get("Transaction")),
      status: textOf(row.get("Status")?.querySelector(".badge")),
      time: timeOf(row.get("Time (UTC)")),
      ...saidIn(row.get("What")),
    })),
    isFirst: !root.querySelector('.pager a[rel="first"]'),
    isLast: !root.querySelector('.pager a[rel="next"]'),
  };
}

/** The page of a block. */
export function readBlock(root) {
  const facts = factsOf(root);
  const named = (name) => nameOf(facts.get(name));
  return {
    height: textOf(root.querySelector("#height")),
    hash: nameOf(root.querySelector("#hash")),
    time: timeOf(facts.get("Time")),
    epoch: textOf(facts.get("Epoch")),
    protocol: textOf(facts.get("Protocol version")),
    previous: named("Previous block"),
    proposal: named("Proposal"),
    logSize: textOf(root.querySelector("#log-size")),
    logRoot: nameOf(root.querySelector("#log-root")),
    stateRoot: named("State root"),
    chainRoot: named("Chain root"),
    nextCommittee: named("Next committee"),
    count: textOf(root.querySelector("#transactions-title .count")),
    entries: rowsOf(root, "transactions").map((row) => ({
      index: textOf(row.get("Index")),
      id: nameOf(row.get("Transaction")),
      sender: nameOf(row.get("Parties")),
      status: textOf(row.get("Status")?.querySelector(".badge")),
      ...saidIn(row.get("What")),
    })),
  };
}

/** The height of the block that a fact leads to; null if it leads to none. */
function heightIn(found) {
  const href = found?.querySelector('a[href^="blocks/"]')?.getAttribute("href") ?? "";
  return /^blocks\/(\d{1,20})$/.exec(href)?.[1] ?? null;
}

/** An end of a statement's time: what is said of it, and the time or the block that it names. */
function endOf(found) {
  return { text: textOf(found), time: timeOf(found), height: heightIn(found) };
}

/** The page of a statement. */
export function readStatement(root) {
  const facts = factsOf(root);
  return {
    account: nameOf(facts.get("Account")),
    from: endOf(facts.get("From")),
    to: endOf(facts.get("To")),
    count: textOf(root.querySelector("#entries-title .count")),
    balances: rowsOf(root, "balances").map((row) => ({
      asset: textOf(row.get("Asset")),
      opening: textOf(row.get("Opening")),
      openingHeld: textOf(row.get("Held then")),
      closing: textOf(row.get("Closing")),
      closingHeld: textOf(row.get("Held at the end")),
    })),
    entries: rowsOf(root, "entries").map((row) => ({
      number: textOf(row.get("Number")),
      id: nameOf(row.get("Transaction")),
      status: row.get("What")?.querySelector(".void") ? "Failed" : "Committed",
      time: timeOf(row.get("Time (UTC)")),
      changes: all(row.get("Change"), "li").map(textOf),
      after: all(row.get("Balance after"), "li").map(textOf),
      ...saidIn(row.get("What")),
    })),
    isFirst: !root.querySelector('.pager a[rel="first"]'),
    isLast: !root.querySelector('.pager a[rel="next"]'),
  };
}

/** The page of an asset. */
export function readAsset(root) {
  const facts = factsOf(root);
  return {
    code: textOf(root.querySelector("#code")),
    supply: textOf(root.querySelector("#supply")),
    issuer: nameOf(facts.get("Issuer")),
    decimals: textOf(facts.get("Decimals")),
  };
}

/** The page of a document's records. */
export function readRecord(root) {
  return {
    sha256: nameOf(root.querySelector("#sha256")),
    records: rowsOf(root, "records").map((row) => ({
      time: timeOf(row.get("Recorded (UTC)")),
      by: nameOf(row.get("By")),
      kept: textOf(row.get("Kept")),
      id: nameOf(row.get("Transaction")),
    })),
    isFirst: !root.querySelector('.pager a[rel="first"]'),
    isLast: !root.querySelector('.pager a[rel="next"]'),
  };
}

/** The codes of all assets that a page speaks of. */
export function assetsOf(root) {
  const codes = all(root.querySelector("main"), "a.asset").map(textOf);
  return Array.from(new Set(codes)).filter((code) => /^[A-Z0-9]{1,12}$/.test(code));
}
