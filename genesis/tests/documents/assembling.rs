//! The way from a draft to a network, what a node takes from it, and that whoever assembles can change nothing unseen.

use quorate_crypto::{Engine, Epoch, MemberNumber, SeatNumber, Tag, sign_strict};
use quorate_genesis::{
    Draft, Genesis, GenesisError, Join, JoinBody, MAX_BYTES, Problem, diff, diff_drafts, diff_join,
};
use quorate_ledger::{Amount, Majority, Rules, Scope, encode};

use crate::network::{
    MEMBERS, TIME, address, assemble, client, draft, draft_v1, genesis, join, joins, key, keys,
    line_and_words, ordered, p256,
};

fn texts(joins: &[Join]) -> Vec<String> {
    joins.iter().map(Join::to_toml).collect()
}

/// Assembles texts as they are.
fn from_texts(draft: &str, joins: &[String]) -> Result<(String, Genesis), GenesisError> {
    let joins: Vec<_> = joins.iter().map(String::as_str).collect();
    Genesis::assemble(draft, &joins)
}

#[test]
fn a_draft_and_a_join_read_what_they_write() {
    let draft = draft();
    assert_eq!(Draft::parse(&draft.to_toml()), Ok(draft.clone()));
    for join in joins(&draft) {
        let read = Join::parse(&join.to_toml()).unwrap();
        assert_eq!(read, join);
        assert_eq!(read.verify(&draft), Ok(()));
    }
}

#[test]
fn a_genesis_document_is_the_draft_and_the_joins_word_for_word() {
    let draft = draft();
    // Some editors put a byte order mark before what they save.
    let draft_text = format!("\u{feff}# Reviewed by all.\n{}", draft.to_toml());
    let parts: Vec<String> = texts(&joins(&draft))
        .into_iter()
        .map(|text| format!("# With regards\n{text}"))
        .collect();
    let marked: Vec<String> = parts.iter().map(|text| format!("\u{feff}{text}")).collect();
    // Handed over in any order.
    let shuffled = [2, 0, 3, 1].map(|place: usize| marked[place].clone());
    let (text, genesis) = from_texts(&draft_text, &shuffled).unwrap();
    let mut rest = text.as_str();
    for part in std::iter::once(&draft_text).chain(&parts) {
        rest = rest.trim_start().strip_prefix(part.trim_end()).unwrap();
    }
    assert_eq!(rest, "\n");
    assert_eq!(Genesis::parse(&text), Ok(genesis.clone()));
    assert_eq!(genesis.draft(), &draft);
    assert_eq!(Genesis::parse(&genesis.to_toml()), Ok(genesis));
}

#[test]
fn a_node_finds_what_it_begins_with() {
    let (_, genesis) = genesis();
    assert_eq!(genesis.name(), "interbank");
    assert_eq!(genesis.engine(), Engine::Pbft);
    assert_eq!(genesis.time(), TIME);
    assert_eq!(genesis.parameters().v1().window, 32);
    assert_eq!(genesis.rules().v1().strict, Majority::TwoThirds);
    let committee = genesis.committee();
    assert_eq!(
        (committee.epoch(), committee.size(), committee.quorum()),
        (Epoch(0), 4, 3)
    );
    assert_eq!(committee.protocol_version(), 1);
    let indices: Vec<_> = committee.indices().collect();
    for (place, validator) in genesis.validators().enumerate() {
        let number = u8::try_from(place).unwrap();
        let keys = keys(number);
        assert_eq!(validator.name, MEMBERS[place]);
        assert_eq!(validator.validator_key, keys.validator.public());
        assert_eq!(validator.node_key, keys.node.public());
        assert_eq!(validator.witness_key, keys.witness.public());
        assert_eq!(validator.account, keys.account.key().address());
        assert_eq!(validator.addresses, keys.addresses);
        let seat = committee.seat(indices[place]).unwrap();
        assert_eq!(seat.member, MemberNumber(number.into()));
        assert_eq!(seat.seat, SeatNumber(number.into()));
        assert_eq!(seat.validator, keys.validator.public());
        assert_eq!(seat.node, keys.node.public());
        assert_eq!(seat.witness, keys.witness.public());
    }
    assert_eq!(genesis.validators().count(), 4);
}

/// The kinds of the keys, and how many leaves each has.
#[test]
fn a_state_has_a_leaf_for_everything_and_no_other() {
    let (_, genesis) = genesis();
    let leaves = genesis.leaves();
    assert!(leaves.is_sorted_by(|one, next| one.0 < next.0));
    let count = |kind: u8| leaves.iter().filter(|(key, _)| key.0[0] == kind).count();
    // Two holders, four members, two assigned accounts, three with grants; the issuer holds nothing.
    assert_eq!(count(0x01), 11);
    let issuer = address(200);
    assert!(!leaves.iter().any(|(key, _)| key.0[1..21] == issuer.0));
    assert_eq!(count(0x03), 2);
    assert_eq!((count(0x06), count(0x07)), (4, 4));
    // A name and three keys for each.
    assert_eq!(count(0x08), 16);
    // Four of the draft, and four that members' accounts have.
    assert_eq!(count(0x09), 8);
    assert_eq!(count(0x10), 4);
    assert_eq!(leaves.len(), 11 + 2 + 8 + 16 + 8 + 4);
}

#[test]
fn any_change_of_the_draft_is_seen() {
    let (text, original) = genesis();
    let mut content = draft_v1();
    content.assets[0].balances[0].amount = Amount(100_000_001);
    let changed = ordered(content);
    let changed_text = text.replacen(draft().to_toml().trim_end(), changed.to_toml().trim_end(), 1);
    assert_ne!(changed_text, text);
    let error = Genesis::parse(&changed_text).unwrap_err();
    let (line, words) = line_and_words(&error);
    let (got, expected) = (original.draft().digest(), changed.digest());
    assert_eq!(
        words,
        format!("joins[1].draft: alpha has joined another draft ({got}); this one is {expected}")
    );
    let line = changed_text.lines().nth(line - 1).unwrap();
    assert_eq!(line, format!("draft = \"{got}\""));
    assert!(matches!(
        error,
        GenesisError::Invalid { problem: Problem::OtherDraft { member, .. }, .. } if member == "alpha"
    ));
}

#[test]
fn any_change_of_a_join_is_seen() {
    let (text, genesis) = genesis();
    let delta = genesis.joins()[3].body();
    let other = key(99).public();
    for (old, new, place) in [
        (
            "tcp/9103".to_owned(),
            "tcp/9104".to_owned(),
            "validator_signature",
        ),
        (
            delta.validator.to_string(),
            other.to_string(),
            "validator_signature",
        ),
        (delta.node.to_string(), other.to_string(), "validator_signature"),
        (
            delta.witness.to_string(),
            other.to_string(),
            "validator_signature",
        ),
        // Where it stands among the administrators too.
        (
            delta.account.to_string(),
            format!("ed25519:{other}"),
            "validator_signature",
        ),
    ] {
        assert!(text.contains(&old));
        let error = Genesis::parse(&text.replace(&old, &new)).unwrap_err();
        assert_eq!(
            line_and_words(&error).1,
            format!(
                "joins[4].{place}: the signature does not fit: delta's join was changed after it was signed, or made by \
                 other keys"
            )
        );
    }
    // A signer with less weight, and a lower threshold.
    for (old, new) in [("weight = 2", "weight = 3"), ("threshold = 3", "threshold = 2")] {
        let error = Genesis::parse(&text.replacen(old, new, 1)).unwrap_err();
        assert!(
            line_and_words(&error)
                .1
                .starts_with("joins[2].validator_signature: ")
        );
    }
}

#[test]
fn a_key_that_the_owner_did_not_sign_with_is_seen() {
    // The assembler puts a key of its own in and signs with all others anew: the member's join is lost, but the
    // assembler cannot claim a key whose owner has not signed.
    let draft = draft();
    let mut forged = join(&draft, 0);
    let Join::V1(content) = &mut forged;
    let JoinBody::V1(body) = &mut content.body;
    body.node = key(99).public();
    let bytes = encode(&content.body);
    content.validator = sign_strict(&key(1), Tag::JOIN, &bytes);
    content.node = sign_strict(&key(2), Tag::JOIN, &bytes);
    content.witness = sign_strict(&key(3), Tag::JOIN, &bytes);
    forged.countersign(&client(4));
    assert!(
        forged
            .verify(&draft)
            .unwrap_err()
            .to_string()
            .starts_with("joins[1].node_signature: ")
    );
}

#[test]
fn a_join_by_a_stranger_is_seen() {
    let draft = draft();
    let mut content = draft_v1();
    content.members.push("mallory".to_owned());
    let stranger = join(&ordered(content), 4);
    let mut all = joins(&draft);
    all.push(stranger.clone());
    assert_eq!(
        assemble(&draft, &all).unwrap_err().to_string(),
        "join file 5: line 2: joins[1].member: the draft names no member mallory"
    );
    let (text, _) = genesis();
    let with_stranger = format!("{text}\n{}", stranger.to_toml());
    assert_eq!(
        line_and_words(&Genesis::parse(&with_stranger).unwrap_err()).1,
        "joins[5].member: the draft names no member mallory"
    );
}

#[test]
fn a_join_file_cannot_bring_anything_else_along() {
    let draft = draft();
    let mut all = texts(&joins(&draft));
    all[2].push_str("\n[parameters]\nwindow = 64\n");
    let error = from_texts(&draft.to_toml(), &all).unwrap_err().to_string();
    assert!(error.starts_with("join file 3: line "), "{error}");
    assert!(
        error.ends_with(": there is no key `parameters`; those that there are: joins"),
        "{error}"
    );

    let mut all = texts(&joins(&draft));
    all[2] = format!("{}\n{}", all[2], all[3]);
    assert_eq!(
        from_texts(&draft.to_toml(), &all).unwrap_err().to_string(),
        "join file 3: line 1: joins: a join file has exactly one [[joins]], not 2"
    );
    all[2] = "joins = []\n".to_owned();
    assert_eq!(
        from_texts(&draft.to_toml(), &all).unwrap_err().to_string(),
        "join file 3: line 1: joins: a join file has exactly one [[joins]], not 0"
    );
    all[2] = "# nothing yet\n".to_owned();
    assert_eq!(
        from_texts(&draft.to_toml(), &all).unwrap_err().to_string(),
        "join file 3: line 1: joins: this is missing"
    );
    all[2] = "#".repeat(MAX_BYTES + 1);
    assert_eq!(
        from_texts(&draft.to_toml(), &all).unwrap_err().to_string(),
        "join file 3: the document has 4194305 bytes, at most 4194304 are allowed"
    );
}

#[test]
fn a_draft_that_has_joins_already_is_refused() {
    let (text, _) = genesis();
    let (line, words) = line_and_words(&Draft::parse(&text).unwrap_err());
    assert_eq!(words, "joins: a draft has no joins yet");
    assert_eq!(text.lines().nth(line - 1), Some("[[joins]]"));
}

/// Whoever assembles can leave a needless signature out, and has another network: people compare the id.
#[test]
fn a_needless_signature_is_part_of_the_id() {
    let draft = draft();
    let mut all = joins(&draft);
    let before = assemble(&draft, &all).unwrap();
    all[1].countersign(&client(17));
    let after = assemble(&draft, &all).unwrap();
    assert_ne!(after.id(), before.id());
    assert_eq!(after.committee(), before.committee());
    let said: Vec<String> = diff(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    let signer = client(17).key();
    assert!(said[0].starts_with(&format!(
        "join of beta: signature of administrator {signer}: only in the second: "
    )));
    assert!(said[1].starts_with("network id: "));
}

#[test]
fn differences_are_named() {
    let (_, first) = genesis();
    assert!(diff(&first, &first).is_empty());
    let mut content = draft_v1();
    content.engine = Engine::Raft;
    content.assets[0].balances[1].amount = Amount(250);
    content.assets.remove(1);
    content.members.swap(2, 3);
    content.accounts[0].member = MemberNumber(2);
    content.grants.remove(3);
    content.grants[0].scope = Scope::Member(MemberNumber(1));
    let Rules::V1(rules) = &mut content.rules;
    rules.strict = Majority::All;
    let other = ordered(content);
    let said: Vec<_> = diff_drafts(first.draft(), &other)
        .iter()
        .map(ToString::to_string)
        .collect();
    let (holder, account, operator, eraser) = (address(202), address(210), address(220), address(222));
    for expected in [
        "engine: pbft → raft".to_owned(),
        format!("asset QRT: balance of {holder}: 0.01 → 2.50"),
        "asset QRT: supply: 1000000.01 → 1000002.50".to_owned(),
        "asset EUR: decimals: only in the first: 0".to_owned(),
        "member gamma: place: 3 → 4".to_owned(),
        // It is the third member's, who is another now.
        format!("account {account}: member: alpha → delta"),
        format!("right erase of {eraser} for network: only in the first: granted"),
        format!("right operator of {operator} for member:alpha: only in the first: granted"),
        format!("right operator of {operator} for member:beta: only in the second: granted"),
        "rule strict: \"two thirds\" → \"all\"".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected:?} is not in {said:#?}");
    }
    let second = assemble(&other, &joins(&other)).unwrap();
    let subjects: Vec<_> = diff(&first, &second).into_iter().map(|one| one.subject).collect();
    assert!(subjects.contains(&"network id".to_owned()));
    assert!(subjects.contains(&"join of gamma: validator key".to_owned()));
}

/// O23: two joins of one member are both good, and the document has one of them.
#[test]
fn a_member_finds_whether_the_document_has_the_join_that_it_means() {
    let (_, genesis) = genesis();
    for join in genesis.joins() {
        assert!(diff_join(&genesis, join).is_empty());
    }
    // Signed by beta's keys, too, for another place and with more weight.
    let mut keys = keys(1);
    keys.addresses = vec!["/ip4/127.0.0.1/tcp/9999".to_owned()];
    keys.signers.as_mut().unwrap().signers[2].weight = 3;
    let other = keys.begin(genesis.draft(), "beta");
    assert_eq!(other.verify(genesis.draft()), Ok(()));
    let found: Vec<_> = diff_join(&genesis, &other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found[0],
        "join of beta: addresses: /ip4/127.0.0.1/tcp/9101 → /ip4/127.0.0.1/tcp/9999"
    );
    let signer = p256(15).key();
    assert!(found.contains(&format!("join of beta: weight of signer {signer}: 2 → 3")));
    // The five signatures differ, and no key does.
    assert_eq!(found.len(), 7, "{found:#?}");
}
