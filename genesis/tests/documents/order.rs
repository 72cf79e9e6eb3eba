//! The order of joins, keys, accounts and grants in a document does not matter; that of members, assets and balances
//! does.

use quorate_genesis::{Draft, DraftV1, Genesis, Join};

use crate::network::{client, draft, draft_v1, genesis, join, joins, keys, ordered};

/// The tables of a document that begin with `header`, the last one first.
fn reversed(text: &str, header: &str) -> String {
    let blocks: Vec<&str> = text.split_inclusive("\n\n").collect();
    let is_one = |block: &&str| block.starts_with(header);
    let mut backwards = blocks.iter().copied().filter(is_one).rev();
    let mut other = String::new();
    for block in &blocks {
        other.push_str(if is_one(block) {
            backwards.next().unwrap()
        } else {
            block
        });
    }
    other
}

/// The lines of the list under `name`, the last one first.
fn reversed_list(text: &str, name: &str) -> String {
    let (before, rest) = text.split_once(&format!("{name} = [\n")).unwrap();
    let (list, after) = rest.split_once("]\n").unwrap();
    let lines: String = list.lines().rev().map(|line| format!("{line}\n")).collect();
    assert_ne!(lines, list, "{name} has several entries");
    format!("{before}{name} = [\n{lines}]\n{after}")
}

#[test]
fn the_order_of_joins_accounts_and_grants_does_not_matter() {
    let (text, genesis) = genesis();
    // So that every table is followed by an empty line.
    let text = format!("{text}\n");
    for header in ["[[joins]]", "[[accounts]]", "[[grants]]"] {
        let other = reversed(&text, header);
        assert_ne!(other, text, "{header}");
        assert_eq!(other.len(), text.len());
        let read = Genesis::parse(&other).unwrap();
        assert_eq!(read, genesis);
        assert_eq!(read.id(), genesis.id());
    }
}

#[test]
fn the_order_of_signers_and_administrators_does_not_matter() {
    let draft = draft();
    let mut three = keys(1);
    three.administrators.push(client(17));
    let join = three.begin(&draft, "beta");
    let text = join.to_toml();
    assert_eq!(Join::parse(&text), Ok(join.clone()));
    assert_eq!(Join::parse(&reversed_list(&text, "signers")), Ok(join.clone()));
    assert_eq!(
        Join::parse(&reversed_list(&text, "administrators")),
        Ok(join.clone())
    );
    let both = reversed_list(&reversed_list(&text, "administrators"), "signers");
    assert_eq!(Join::parse(&both), Ok(join));
}

/// What is changed in a draft, and how.
type Change = (&'static str, fn(&mut DraftV1));

#[test]
fn the_order_of_members_assets_and_balances_matters() {
    let changes: [Change; 3] = [
        ("members", |draft| draft.members.swap(2, 3)),
        ("assets", |draft| draft.assets.swap(0, 1)),
        ("balances", |draft| draft.assets[0].balances.swap(0, 1)),
    ];
    for (what, change) in changes {
        let mut content = draft_v1();
        change(&mut content);
        let changed = ordered(content);
        assert_ne!(changed.digest(), draft().digest(), "{what}");
        let texts: Vec<String> = joins(&changed).iter().map(Join::to_toml).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (_, other) = Genesis::assemble(&changed.to_toml(), &texts).unwrap();
        assert_ne!(other.id(), genesis().1.id(), "{what}");
    }
}

/// Whoever has signed the draft has signed the order.
#[test]
fn a_join_does_not_fit_a_draft_in_another_order() {
    let mut content = draft_v1();
    content.assets.swap(0, 1);
    let changed = ordered(content);
    let error = join(&draft(), 0).verify(&changed).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("joins[1].draft: alpha has joined another draft (")
    );
}

#[test]
fn a_draft_is_written_in_its_order() {
    let text = draft().to_toml();
    for header in ["[[accounts]]", "[[grants]]"] {
        let other = reversed(&format!("{text}\n"), header);
        let read = Draft::parse(&other).unwrap();
        assert_eq!(read, draft());
        assert_eq!(read.to_toml(), text);
    }
}
