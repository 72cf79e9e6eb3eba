"""Checks the verifier and its page in Chromium, as people use them.

    python3 tests/verifier/web/browser.py [VECTORS [ANSWERS]]

VECTORS is a file of `generate.py`, ANSWERS what `node/verifier/tests/proofs/answers.py` says to it: the tests of
`suite.js` then run in the browser, too. Without them only the page is looked at. Chromium and its driver are those of
QUORATE_CHROMIUM and QUORATE_CHROMEDRIVER, or Debian's.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PHONE, DESK = 360, 1280
PATIENCE = 900

SUITE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{policy}}">
<title>running</title>
<style>{{style}}</style>
</head>
<body>
<pre id="report"></pre>
<script type="application/json" id="inputs">INPUTS</script>
<script type="module">{{script}}</script>
</body>
</html>
"""


def composer() -> Any:
    """The script that makes the page."""
    loader = importlib.machinery.SourceFileLoader("verify_page", str(ROOT / "scripts" / "verify-page"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class Browser:
    """Chromium through its driver (WebDriver)."""

    def __init__(self, driver: str, width: int, profile: str) -> None:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options = {
            "binary": os.environ.get("QUORATE_CHROMIUM", "/usr/bin/chromium"),
            "args": [*arguments, f"--user-data-dir={profile}"],
            "mobileEmulation": {"deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0}},
        }
        self.driver = driver
        self.session = ""
        self.heard: list[str] = []
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = "/session/" + self.call("/session", {"capabilities": capabilities})["sessionId"]

    def call(self, path: str, body: dict | None = None, method: str = "POST") -> Any:
        """One call of the driver."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.driver + self.session + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path) -> None:
        """Opens a file, as from disk."""
        self.call("/url", {"url": path.as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.call("/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, what: str, script: str, *arguments: Any) -> Any:
        """What a script returns, once that is something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.run(script, *arguments)
            if found:
                return found
            uncaught = [words for words in self.complaints() if "Uncaught" in words]
            assert not uncaught, uncaught
            time.sleep(0.2)
        raise AssertionError(f"{what} has not happened in {PATIENCE} s")

    def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def complaints(self) -> list[str]:
        """All that the browser has complained of."""
        self.heard += [entry["message"] for entry in self.call("/se/log", {"type": "browser"})]
        return self.heard


@contextlib.contextmanager
def chromium(width: int) -> Iterator[Browser]:
    """A browser on a screen this wide."""
    program = os.environ.get("QUORATE_CHROMEDRIVER", "/usr/bin/chromedriver")
    with tempfile.TemporaryDirectory() as profile, subprocess.Popen(
        [program, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        browser = None
        try:
            assert driver.stdout
            ports = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
            said = next(found for found in ports if found)
            browser = Browser(f"http://127.0.0.1:{said[1]}", width, profile)
            yield browser
        finally:
            if browser:
                with contextlib.suppress(OSError):
                    browser.call("", method="DELETE")
            driver.terminate()


def suite(vectors: Path, answers: Path | None, folder: Path) -> None:
    """Runs the tests of `suite.js` in the browser."""
    made = composer()

    def lines(path: Path) -> str:
        return "[" + ",".join(path.read_text("ascii").splitlines()) + "]"

    formats = (ROOT / "docs" / "formats.md").read_text("utf-8")
    toml = (ROOT / "genesis" / "tests" / "vectors" / "genesis.toml").read_bytes()
    golden = ROOT / "node" / "statement" / "tests" / "statements" / "golden"
    # Not as text files: the ends of a table's lines are its own.
    statements = {form: (golden / f"k1.{form}").read_bytes().decode() for form in ("csv", "html", "xml")}
    tables = (HERE / "tables.json").read_text("utf-8")
    bundle = base64.b64decode((HERE / "part.bundle.txt").read_text("ascii"))
    statements["style"] = (ROOT / "node" / "statement" / "src" / "page" / "style.css").read_text("utf-8")
    inputs = (
        f'{{"formats":{json.dumps(formats)},"toml":"{toml.hex()}","statements":{json.dumps(statements)},'
        f'"bundle":"{bundle.hex()}","tables":{tables},"vectors":{lines(vectors)},'
        f'"answers":{lines(answers) if answers else "null"}}}'
    )
    text = made.page_of(SUITE, "", made.script_of(HERE / "browser.js"))
    page = folder / "suite.html"
    page.write_text(text.replace("INPUTS", inputs.replace("<", "\\u003c"), 1), "utf-8")
    with chromium(DESK) as browser:
        browser.open(page)
        ended = browser.until("the end of the tests", "return document.title === 'running' ? '' : document.title")
        print(browser.run("return document.getElementById('report').textContent"))
        assert ended == "passed", browser.complaints()


class Page:
    """The page, and the files that `docs/formats.md` prints."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.browser = browser
        browser.open(path)
        formats = (ROOT / "docs" / "formats.md").read_text("utf-8")
        blocks = [block.split("```")[0] for block in formats.split("\n```file\n")[1:]]
        proofs = [block for block in blocks if block.startswith("quorate proof 2 ") and "HEX" not in block]
        self.files = {block.split()[3]: block for block in proofs}
        self.travelling = next(block for block in blocks if block.startswith("quorate transaction 2\nnetwork f"))
        self.genesis = (ROOT / "genesis" / "tests" / "vectors" / "genesis.toml").read_text("utf-8")

    def choose(self, field: str, **files: str) -> None:
        """Chooses files in a field."""
        self.browser.run(
            """
            const [id, files] = arguments, chosen = new DataTransfer();
            for (const [name, text] of files) chosen.items.add(new File([text], name));
            document.getElementById(id).files = chosen.files;
            document.getElementById(id).dispatchEvent(new Event('change'));
            """,
            field,
            list(files.items()),
        )

    def write(self, field: str, text: str) -> None:
        """Writes into a field, in the place of what is there."""
        script = "const [id, text] = arguments, field = document.getElementById(id); field.value = text;"
        self.browser.run(f"{script} field.dispatchEvent(new Event('change'));", field, text)

    def drop(self, **files: str) -> None:
        """Drops files on the page."""
        self.browser.run(
            """
            const [files] = arguments, dropped = new DataTransfer();
            for (const [name, text] of files) dropped.items.add(new File([text], name));
            const event = { dataTransfer: dropped, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent('drop', event));
            """,
            list(files.items()),
        )

    def said(self, words: str) -> str:
        """What the page says of all files, once these words are in it."""
        return self.browser.until(
            f"that it says {words!r}",
            "const said = document.getElementById('announcer').textContent; return said.includes(arguments[0]) && said",
            words,
        )

    def verdicts(self) -> list[dict]:
        """Each file's verdict: how it ended, and its text."""
        return self.browser.run(
            "return [...document.querySelectorAll('.verdict')].map((each) => ({ result: each.dataset.result, "
            "text: each.innerText }))"
        )

    def check_statement(self) -> None:
        """A statement to print, as it is and with another figure."""
        golden = (ROOT / "node" / "statement" / "tests" / "statements" / "golden" / "k1.html").read_text("utf-8")
        style = (ROOT / "node" / "statement" / "src" / "page" / "style.css").read_text("utf-8")
        # The document has another name for the account.
        page = golden.replace("STYLE", style).replace("PROOF", self.files["statement"]).replace("Alice", "alpha")
        self.drop(**{"good.html": page, "changed.html": page.replace("-12.50 EUR", "-21.50 EUR")})
        self.said("7 files: 3 good, 1 changed, 1 refused, 2 not checked.")
        good, changed = self.verdicts()[5:]
        assert "its figures are those that its proof establishes" in good["text"], good
        assert changed["result"] == "changed" and "-12.50 EUR" in changed["text"], changed

    def check_files(self) -> None:
        """Verdicts on good and on changed files, with a document, without one, with another network's."""
        self.choose("files", **{"payment.proof": self.files["transaction"]})
        self.said("add the genesis document, or a block that you trust")
        self.choose("document", **{"genesis.toml": self.genesis})
        self.said("1 file: 1 good.")
        [verdict] = self.verdicts()
        assert verdict["result"] == "good", verdict
        for words in ("proven: transaction 4e1a6d70", "asset EUR amount 12.50", 'is "invoice 17"', "took effect"):
            assert words in verdict["text"], (words, verdict["text"])
        changed = self.files["state"].replace("about 01", "about 02", 1)
        statement = self.files["statement"]
        self.drop(**{"statement.proof": statement, "changed.proof": changed, "table.csv": "row,number,time\n"})
        self.said("4 files: 2 good, 1 refused, 1 not checked.")
        results = [each["result"] for each in self.verdicts()]
        assert results == ["good", "partly", "refused", "unreadable"], results
        refused = self.verdicts()[2]["text"]
        assert "not_canonical" in refused and "block[0].about" in refused, refused
        self.browser.run("for (const each of document.querySelectorAll('.verdict details')) each.open = true")
        self.browser.until("the steps are there", "return document.querySelectorAll('.verdict ol li').length > 8")
        facts = self.browser.run("return document.querySelector('.verdict pre').textContent")
        assert json.loads(facts)["facts"]["ordinal"] == 0
        # Whoever sends proofs may send a document along.
        self.drop(**{"gene\u202esis.toml": (ROOT / "genesis" / "tests" / "vectors" / "wide.toml").read_text("utf-8")})
        self.said("5 files: 2 good, 1 refused, 2 not checked. Network f8d1588b")
        text = self.verdicts()[4]["text"]
        assert "choose it as that" in text and "gene\\u{202e}sis.toml" in text, text
        self.write("network", "0" * 64)
        self.said("5 files not checked: the genesis document is that of the network")
        self.write("network", "")
        self.write("pinned", "1:68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf")
        self.said("5 files: 3 refused, 2 not checked.")
        assert "unknown_committee" in self.verdicts()[0]["text"]
        self.write("pinned", "")
        self.said("5 files: 2 good")
        self.check_statement()
        self.browser.run("document.getElementById('clear').click()")
        self.said("Nothing was checked yet.")
        self.browser.run("document.getElementById('text').value = arguments[0]", self.travelling.rstrip("\n"))
        self.browser.run("document.getElementById('add').click()")
        self.said("1 file: 1 good.")
        assert "with 1 signature, each of them good" in self.verdicts()[0]["text"]

    def check_sound(self) -> None:
        """Nothing is wider than the window, loaded, refused by the policy, without a name, or hard to read."""
        wide = self.browser.run(
            "return [...document.querySelectorAll('body *')].filter((each) => !each.closest('.skip, pre') "
            "&& each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 200))"
        )
        assert wide == [], wide
        loaded = self.browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert loaded == [], loaded
        complaints = self.browser.complaints()
        assert complaints == [], complaints
        nameless = self.browser.run(
            "return [...document.querySelectorAll('input, textarea, button')].filter((each) => "
            "!(each.labels?.length || each.textContent.trim())).map((each) => each.outerHTML)"
        )
        assert nameless == [], nameless
        for scheme in ("light", "dark"):
            self.browser.call(
                "/goog/cdp/execute",
                {
                    "cmd": "Emulation.setEmulatedMedia",
                    "params": {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
                },
            )
            faint = self.browser.run(CONTRAST)
            assert faint == [], (scheme, faint)

    def check_keyboard(self) -> None:
        """Everything that can be used is reached with the tab key, in the order in which it stands."""
        self.browser.run("document.activeElement?.blur()")
        found = []
        for _ in range(20):
            self.browser.press("\ue004")
            script = "const at = document.activeElement; return at.id || at.textContent.slice(0, 20)"
            found.append(self.browser.run(script))
        assert "Skip to content" in found, found
        # Where it begins depends on what was used last.
        found = found[found.index("Skip to content") :]
        wanted = ["Skip to content", "document", "files", "clear"]
        assert [name for name in found if name in wanted][: len(wanted)] == wanted, found


CONTRAST = """
const number = (text) => text.match(/[0-9.]+/g).map(Number);
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (each) => {
  for (let at = each; at; at = at.parentElement) {
    const color = number(getComputedStyle(at).backgroundColor);
    if ((color[3] ?? 1) > 0) return color;
  }
  return [255, 255, 255];
};
const hasText = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
return [...document.querySelectorAll('body *')]
  .filter((each) => hasText(each) && each.checkVisibility() && each.tagName !== 'SCRIPT')
  .map((each) => {
    const [one, other] = [light(number(getComputedStyle(each).color)), light(behind(each))];
    return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), each.outerHTML.slice(0, 120)];
  })
  .filter(([ratio]) => ratio < 4.5);
"""


def main() -> None:
    """The command."""
    vectors, answers = [*map(Path, sys.argv[1:]), None, None][:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "verify.html"
        subprocess.run([ROOT / "scripts" / "verify-page", page], check=True, stdout=subprocess.DEVNULL)
        for width in (PHONE, DESK):
            with chromium(width) as browser:
                shown = Page(browser, page)
                shown.check_files()
                shown.check_keyboard()
                shown.check_sound()
                print(f"the page is sound at {width} pixels")
        if vectors:
            suite(vectors, answers, folder)


if __name__ == "__main__":
    main()
