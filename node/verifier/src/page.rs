//! The page that checks proofs in a browser: one file that needs no network and no node, out of the modules in `web/`.
//! And scripts out of the same modules for the explorer's pages.
//!
//! The modules are a verifier of their own, written from `docs/formats.md` alone; nothing here judges anything. The same
//! sources give the same bytes, so whoever has the sources can compare. `scripts/verify-page` makes the page without
//! this program.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quorate_crypto::sha256;

const TEMPLATE: &str = include_str!("../web/page.html");
const STYLE: &str = include_str!("../web/page.css");

/// The page's own module, which needs others.
const FIRST: &str = "page.js";

/// That of the explorer's page of records.
const DROP: &str = "drop.js";

/// That of the explorer's pages whose content a proof establishes.
const CHECKING: &str = "checking.js";

macro_rules! modules {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../web/", $name)))),+]
    };
}

/// Names and texts of the modules.
const MODULES: &[(&str, &str)] = modules![
    "armour.js",
    "bcs.js",
    "bundles.js",
    "bytes.js",
    "camt053.js",
    "chain.js",
    "checking.js",
    "chosen.js",
    "committee.js",
    "comparing.js",
    "drop.js",
    "edwards.js",
    "effects.js",
    "errors.js",
    "facts.js",
    "figures.js",
    "file.js",
    "genesis.js",
    "genesis_text.js",
    "hashes.js",
    "hashing.js",
    "history.js",
    "judging.js",
    "making.js",
    "markup.js",
    "p256.js",
    "page.js",
    "pages.js",
    "paper.js",
    "pinning.js",
    "proof.js",
    "recovery.js",
    "sha2.js",
    "shown.js",
    "signatures.js",
    "spreadsheet.js",
    "state.js",
    "statements.js",
    "tables.js",
    "text.js",
    "toml.js",
    "trail.js",
    "transaction.js",
    "travelling.js",
    "types.js",
    "words.js",
];

/// The page, and its content policy.
struct Composed {
    page: String,
    policy: String,
}

static COMPOSED: LazyLock<Composed> = LazyLock::new(compose);

/// The page. Its content policy lets it run this script and show this style, and connect to nothing.
pub fn page() -> &'static str {
    &COMPOSED.page
}

/// The page's own content policy, for whoever serves it.
pub fn page_policy() -> &'static str {
    &COMPOSED.policy
}

/// The script with which the explorer hashes documents in the browser, and looks them up.
pub fn drop_script() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| script_of(DROP));
    &SCRIPT
}

/// The script with which the explorer checks what a page shows, by its proof, in the reader's browser.
pub fn checking_script() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| script_of(CHECKING));
    &SCRIPT
}

fn compose() -> Composed {
    let script = script_of(FIRST);
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        source_of(&script),
        source_of(STYLE)
    );
    let page = TEMPLATE.replacen("{{policy}}", &policy, 1);
    let page = page.replacen("{{style}}", STYLE, 1);
    Composed {
        page: page.replacen("{{script}}", &script, 1),
        policy,
    }
}

/// A module and all that it needs, as one script.
fn script_of(first: &'static str) -> String {
    let mut script = String::from("\n\"use strict\";\nconst modules = {};\n");
    for name in ordered(first) {
        wrap(name, &mut script);
    }
    script
}

/// How a content policy names a script or style that stands in the page.
fn source_of(text: &str) -> String {
    let digest = sha256(text.as_bytes());
    format!("'sha256-{}'", STANDARD.encode(digest.0))
}

/// A module's text.
fn text_of(name: &str) -> &'static str {
    let found = MODULES.iter().find(|(module, _)| *module == name);
    let (_, text) = found.expect("a module imports those of the list alone, which a test looks at");
    text
}

/// A module behind all that it needs, each behind those that it imports, in the order of its imports.
fn ordered(first: &'static str) -> Vec<&'static str> {
    let mut order = Vec::new();
    visit(first, &mut order);
    order
}

/// Adds a module behind those that it needs. No two import each other, or a browser could not run them either.
fn visit(name: &'static str, order: &mut Vec<&'static str>) {
    for part in parts(text_of(name)) {
        if let Part::Import { from, .. } = part
            && !order.contains(&from)
        {
            visit(from, order);
        }
    }
    order.push(name);
}

/// Adds a module as a function's body: what it imports are constants of other modules, what it exports is its value.
fn wrap(name: &str, script: &mut String) {
    let mut exported = Vec::new();
    script.push_str(&format!("modules[\"{name}\"] = (() => {{\n"));
    for part in parts(text_of(name)) {
        match part {
            Part::Import { names, from } => {
                script.push_str(&format!("const {names} = modules[\"{from}\"];\n"));
            }
            Part::Export { name, line } => {
                exported.push(name);
                script.push_str(line);
            }
            Part::Line(line) => script.push_str(line),
        }
    }
    script.push_str(&format!("return {{ {} }};\n}})();\n", exported.join(", ")));
}

/// A part of a module.
enum Part<'a> {
    /// An import: the names, in braces or one for all, and the module.
    Import { names: &'a str, from: &'a str },
    /// A line that exports a name, without the word `export`.
    Export { name: &'a str, line: &'a str },
    /// Any other line.
    Line(&'a str),
}

/// A module's parts in their order; lines end with LF.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = first_part(rest);
        parts.push(part);
        rest = after;
    }
    parts
}

/// A text's first part, and what comes behind it.
fn first_part(text: &str) -> (Part<'_>, &str) {
    if let Some(import) = text.strip_prefix("import ")
        && let Some((names, behind)) = import.split_once(" from \"./")
        && let Some((from, after)) = behind.split_once("\";\n")
    {
        let names = names.strip_prefix("* as ").unwrap_or(names);
        return (Part::Import { names, from }, after);
    }
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    let (line, after) = text.split_at(end);
    let part = match line.strip_prefix("export ") {
        Some(line) => Part::Export {
            name: name_of(line),
            line,
        },
        None => Part::Line(line),
    };
    (part, after)
}

/// The name that a line defines.
fn name_of(line: &str) -> &str {
    let words = ["async ", "function ", "function* ", "class ", "const "];
    let name = words
        .iter()
        .fold(line, |rest, word| rest.strip_prefix(*word).unwrap_or(rest));
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    &name[..end.unwrap_or(name.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_module_is_needed_and_stands_behind_those_that_it_imports() {
        let mut needed = BTreeSet::new();
        for first in [FIRST, DROP, CHECKING] {
            let order = ordered(first);
            for (place, name) in order.iter().enumerate() {
                for part in parts(text_of(name)) {
                    if let Part::Import { from, .. } = part {
                        let earlier = order.iter().position(|module| *module == from);
                        assert!(
                            earlier.is_some_and(|earlier| earlier < place),
                            "{name} imports {from}"
                        );
                    }
                }
            }
            needed.extend(order);
        }
        let listed: Vec<_> = MODULES.iter().map(|(name, _)| *name).collect();
        assert_eq!(needed.into_iter().collect::<Vec<_>>(), listed);
    }

    #[test]
    fn a_module_becomes_a_functions_body() {
        let text = "// Why.\n\nimport {\n  a,\n  b,\n} from \"./x.js\";\nimport * as y from \"./y.js\";\n\
                    export async function f(c) {\n  return c;\n}\nexport const N = 1;\nexport class K {}\n";
        let found: Vec<String> = parts(text)
            .into_iter()
            .map(|part| match part {
                Part::Import { names, from } => format!("{names} <- {from}"),
                Part::Export { name, line } => format!("{name}: {line}"),
                Part::Line(line) => line.to_owned(),
            })
            .collect();
        assert_eq!(
            found,
            [
                "// Why.\n",
                "\n",
                "{\n  a,\n  b,\n} <- x.js",
                "y <- y.js",
                "f: async function f(c) {\n",
                "  return c;\n",
                "}\n",
                "N: const N = 1;\n",
                "K: class K {}\n",
            ]
        );
    }

    #[test]
    fn the_page_connects_to_nothing() {
        let page = page();
        assert!(!page.contains("{{"), "a part of the template is not filled in");
        for words in [
            "http:", "https:", " src=", "url(", "<link", "@import", "import(", "fetch(", "eval(",
        ] {
            assert!(!page.contains(words), "{words} is in the page");
        }
        // What stands in it runs by its hash alone, so no other script can.
        let (_, script) = page.split_once("<script type=\"module\">").unwrap();
        let (script, _) = script.split_once("</script>").unwrap();
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
            source_of(script),
            source_of(style)
        );
        assert_eq!(page_policy(), policy);
        assert!(
            page.contains(&format!("content=\"{policy}\"")),
            "the policy is another"
        );
    }
}
