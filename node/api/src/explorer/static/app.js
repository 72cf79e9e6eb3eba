// What pages can do beyond being read: how long ago times are, copying, and the overview's live updates; and what loads
// scripts of single pages.
// Pages are complete without it. Addresses are relative to the page's base, which is the explorer's root.
"use strict";

document.documentElement.classList.add("js");

const announcer = document.getElementById("announcer");

// How long ago: beside the time, never in its place.

const units = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 365],
  ["year", Infinity],
];
const inFull = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const inShort = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

function ago(text, relative) {
  let value = (Date.parse(text) - Date.now()) / 1000;
  if (Number.isNaN(value)) return "";
  for (const [unit, size] of units) {
    if (Math.abs(value) < size) return relative.format(Math.round(value), unit);
    value /= size;
  }
  return "";
}

function tell(root) {
  for (const span of root.querySelectorAll("[data-since]")) {
    span.textContent = ago(span.dataset.since, span.closest("td") ? inShort : inFull);
  }
}

// Copying

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS browsers have no clipboard object.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await copy(button.dataset.copy);
    button.classList.add("done");
    announcer.textContent = "Copied";
    setTimeout(() => button.classList.remove("done"), 1500);
  } catch {
    announcer.textContent = "Copying failed";
  }
  button.focus();
});

// "/" goes to the search box, as in many tools.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("q").focus();
  }
});

// Live updates: an event says that there is something new, and the server renders it.

const live = document.getElementById("live");
const toggle = document.getElementById("live-toggle");
const pause = 1000;
// A stall brings no event, and some proxies hold events back: then the page asks by itself.
const longest = 10000;
let source = null;
let due = null;
let last = 0;

function keysOf(root) {
  return new Set(Array.from(root.querySelectorAll("tbody a[href]"), (link) => link.getAttribute("href")));
}

function nameOf(element) {
  return element.getAttribute("href") ?? element.id;
}

async function refresh() {
  due = null;
  last = Date.now();
  const answer = await fetch(live.dataset.live);
  if (!answer.ok || !source) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const known = keysOf(live);
  for (const row of fresh.querySelectorAll("tbody tr")) {
    const link = row.querySelector("a[href]");
    if (link && !known.has(link.getAttribute("href"))) row.classList.add("fresh");
  }
  tell(fresh);
  // What is open stays open, and what has the focus keeps it.
  for (const details of live.querySelectorAll("details[open]")) {
    const same = fresh.getElementById(details.id);
    if (same) same.open = true;
  }
  const focused = live.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  live.replaceChildren(...fresh.body.childNodes);
  if (focused) {
    const same = Array.from(live.querySelectorAll("a[href], summary[id]")).find((one) => nameOf(one) === focused);
    if (same) same.focus({ preventScroll: true });
  }
}

function soon() {
  if (due === null) due = setTimeout(() => refresh().catch(() => {}), Math.max(0, last + pause - Date.now()));
}

function start() {
  source = new EventSource("live/heights");
  source.addEventListener("height", soon);
  source.addEventListener("open", () => {
    toggle.dataset.state = "open";
    soon();
  });
  source.addEventListener("error", () => {
    toggle.dataset.state = "broken";
  });
  toggle.setAttribute("aria-pressed", "true");
  toggle.textContent = "Live";
}

function stop() {
  source.close();
  source = null;
  toggle.setAttribute("aria-pressed", "false");
  toggle.textContent = "Paused";
}

if (live && toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => (source ? stop() : start()));
  start();
  setInterval(() => {
    if (source && Date.now() - last >= longest) soon();
  }, longest / 4);
}

// Scripts that some pages have. That of a check is large, and loaded when somebody asks for one.

const drop = document.getElementById("drop");
if (drop) import(new URL(drop.dataset.script, document.baseURI));

let checking = null;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-check]");
  // Once it is there, the script hears of clicks by itself.
  if (!button || checking) return;
  checking = import(new URL(button.dataset.script, document.baseURI));
  try {
    await checking;
    button.click();
  } catch {
    checking = null;
    announcer.textContent = "The check could not be loaded";
  }
});

tell(document);
setInterval(() => tell(document), 5000);
