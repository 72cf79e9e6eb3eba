// Markup as statements have it: what means something is written out; and files compared line by line.

/** At most so many differences are told of one file. */
const TOLD = 50;
/** So far it is looked for where two texts go on alike. */
const AHEAD = 400;
const LETTERS = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };
const NAMES = Object.fromEntries(Object.entries(LETTERS).map(([letter, name]) => [name, letter]));

/** A text with what means something in markup written out. */
export function escape(text) {
  return text.replace(/[&<>"]/g, (letter) => `&${LETTERS[letter]};`);
}

/** The text of markup without elements; null if something in it stands for nothing. */
export function unescape(text) {
  let isText = true;
  const plain = text.replace(/&([^;]*;?)/g, (_all, name) => {
    const letter = NAMES[name.slice(0, -1)];
    isText &&= letter !== undefined && name.endsWith(";");
    return letter ?? "";
  });
  return isText ? plain : null;
}

/** What a line has from a little before the place where it differs from another. */
function around(line, other) {
  let same = 0;
  while (same < line.length && line[same] === other[same]) same += 1;
  const from = Math.max(0, same - 20);
  const part = line.slice(from, from + 120);
  return `${from > 0 ? "…" : ""}${part}${from + 120 < line.length ? "…" : ""}`;
}

/** How many lines of each text are to be passed over until both go on alike. */
function nextAlike(found, proven, at, other) {
  for (let passed = 1; passed <= AHEAD; passed += 1) {
    for (let mine = 0; mine <= passed; mine += 1) {
      const theirs = passed - mine;
      const [line, wanted] = [found[at + mine], proven[other + theirs]];
      if (line !== undefined && line === wanted) return [mine, theirs];
    }
  }
  return [found.length - at, proven.length - other];
}

/** Where a text is not the one that it should be, in words: line by line. */
export function compareLines(text, wanted) {
  if (text === wanted) return [];
  const [found, proven] = [text.split("\n"), wanted.split("\n")];
  const differences = [];
  let [at, other] = [0, 0];
  while ((at < found.length || other < proven.length) && differences.length < TOLD) {
    if (found[at] === proven[other]) {
      at += 1;
      other += 1;
      continue;
    }
    const [mine, theirs] = nextAlike(found, proven, at, other);
    const number = Math.max(mine, theirs);
    for (let place = 0; place < number && differences.length < TOLD; place += 1) {
      const line = place < mine ? found[at + place] : null;
      const own = place < theirs ? proven[other + place] : null;
      if (line === null) differences.push(`left out before line ${at + mine + 1}: ${around(own, "")}`);
      else if (own === null) differences.push(`slipped in, line ${at + place + 1}: ${around(line, "")}`);
      else {
        const words = `“${around(line, own)}” is there, by the proof “${around(own, line)}”`;
        differences.push(`line ${at + place + 1}: ${words}`);
      }
    }
    at += mine;
    other += theirs;
  }
  return differences;
}
