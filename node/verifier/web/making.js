// Parts of a page, as text and elements alone: nothing that is shown can become markup.

/** Lines of a list that are shown at once. */
const SHOWN_AT_ONCE = 400;

/** The page's element with this id. */
export function element(id) {
  return document.getElementById(id);
}

/** An element with its content: text, or other elements. */
export function make(tag, content = "", attributes = {}) {
  const made = document.createElement(tag);
  made.append(...(Array.isArray(content) ? content : [content]));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Lines as a list; of very many only the first, until somebody asks for all. */
export function listOf(tag, lines) {
  const list = make(tag);
  const add = (some) => some.forEach((line) => list.append(make("li", line)));
  add(lines.slice(0, SHOWN_AT_ONCE));
  if (lines.length <= SHOWN_AT_ONCE) return [list];
  const button = make("button", `Show all ${lines.length} lines`, { type: "button" });
  button.addEventListener("click", () => {
    add(lines.slice(SHOWN_AT_ONCE));
    button.remove();
    list.tabIndex = -1;
    list.focus();
  });
  return [list, button];
}

/** Something that is made when it is looked at. */
export function detailsOf(summary, makeContent) {
  const details = make("details", make("summary", summary));
  details.addEventListener("toggle", () => details.append(...makeContent()), { once: true });
  return details;
}

/** The files of an entry that was dropped: itself, or all of a folder. Their names say where they are in it. */
async function filesOf(entry, path = "") {
  const name = `${path}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [new File([file], name)];
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    // A browser gives some at a time, and none in the end.
    const some = await new Promise((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return files;
    for (const each of some) files.push(...(await filesOf(each, `${name}/`)));
  }
}

/** Has files that are dropped anywhere on the page taken. Else a browser would leave the page and open them. */
export function takeDropped(take) {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("over"));
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    const { items, files } = event.dataTransfer;
    // Asked for now: after waiting a browser knows them no more.
    const entries = Array.from(items, (item) => item.webkitGetAsEntry?.() ?? null);
    const dropped = Array.from(files);
    if (entries.some((entry) => entry?.isDirectory)) {
      const found = await Promise.all(entries.map((entry) => (entry === null ? [] : filesOf(entry))));
      await take(found.flat());
    } else {
      await take(dropped);
    }
  });
}

/** Has files that are chosen taken; the same file can be chosen again. */
export function takeChosen(input, take) {
  input.addEventListener("change", async () => {
    const files = Array.from(input.files);
    input.value = "";
    await take(files);
  });
}
