//! In what two genesis documents differ, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quorate_ledger::{Signers, format_amount};

use crate::rights::{member_name, scope_text};
use crate::text::signature_text;
use crate::{Draft, Genesis, Join, settings};

/// One fact that two documents do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about, such as `asset EUR: decimals`.
    pub subject: String,
    /// What the first document says, if anything.
    pub first: Option<String>,
    /// What the second document says, if anything.
    pub second: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        match (&self.first, &self.second) {
            (Some(first), Some(second)) => write!(f, "{subject}: {first} → {second}"),
            (Some(first), None) => write!(f, "{subject}: only in the first: {first}"),
            (None, Some(second)) => write!(f, "{subject}: only in the second: {second}"),
            (None, None) => f.write_str(subject),
        }
    }
}

/// In what two genesis documents differ, by subject; nothing if and only if their ids are equal.
pub fn diff(first: &Genesis, second: &Genesis) -> Vec<Difference> {
    compare(&genesis_facts(first), &genesis_facts(second))
}

/// In what two drafts differ, by subject; nothing if and only if their hashes are equal.
pub fn diff_drafts(first: &Draft, second: &Draft) -> Vec<Difference> {
    compare(&draft_facts(first), &draft_facts(second))
}

/// In what the join that a document has of a member differs from one that this member signed; nothing if and only if
/// it is that one. A member may have signed several, and whoever assembles the document takes one of them.
pub fn diff_join(genesis: &Genesis, signed: &Join) -> Vec<Difference> {
    let member = &signed.body().member;
    let mut joins = genesis.joins().iter();
    let taken = joins.find(|join| join.body().member == *member);
    compare(&taken.map(join_facts).unwrap_or_default(), &join_facts(signed))
}

type Facts = BTreeMap<String, String>;

fn compare(first: &Facts, second: &Facts) -> Vec<Difference> {
    let subjects: BTreeSet<_> = first.keys().chain(second.keys()).collect();
    subjects
        .into_iter()
        .filter(|subject| first.get(*subject) != second.get(*subject))
        .map(|subject| Difference {
            subject: subject.clone(),
            first: first.get(subject).cloned(),
            second: second.get(subject).cloned(),
        })
        .collect()
}

fn genesis_facts(genesis: &Genesis) -> Facts {
    let mut facts = draft_facts(genesis.draft());
    facts.insert("network id".to_owned(), genesis.network_id().to_string());
    facts.extend(genesis.joins().iter().flat_map(join_facts));
    facts
}

fn join_facts(join: &Join) -> Facts {
    let mut facts = Facts::new();
    let (join, body) = (join.v1(), join.body());
    let mut fact = |subject: &str, value: String| {
        facts.insert(format!("join of {}: {subject}", body.member), value);
    };
    fact("validator key", body.validator.to_string());
    fact("node key", body.node.to_string());
    fact("witness key", body.witness.to_string());
    fact("account key", body.account.to_string());
    if let Some(Signers { threshold, signers }) = &body.signers {
        fact("threshold", threshold.to_string());
        for signer in signers {
            let (key, weight) = (signer.key, signer.weight);
            fact(&format!("weight of signer {key}"), weight.to_string());
        }
    }
    fact("addresses", body.addresses.join(", "));
    fact("validator signature", join.validator.to_string());
    fact("node signature", join.node.to_string());
    fact("witness signature", join.witness.to_string());
    for signature in &join.administrators {
        let subject = format!("signature of administrator {}", signature.key());
        fact(&subject, signature_text(signature));
    }
    facts
}

fn draft_facts(draft: &Draft) -> Facts {
    let mut facts = Facts::new();
    let mut fact = |subject: String, value: String| {
        facts.insert(subject, value);
    };
    // The hash differs with anything, the order of assets and balances included.
    fact("draft hash".to_owned(), draft.digest().to_string());
    fact("protocol".to_owned(), draft.protocol().to_string());
    let draft = draft.v1();
    fact("network".to_owned(), draft.network.clone());
    fact("engine".to_owned(), draft.engine.to_string());
    fact("time".to_owned(), draft.time.to_string());
    for (number, member) in (1..).zip(&draft.members) {
        fact(format!("member {member}: place"), number.to_string());
    }
    for (name, value) in settings::parameters(draft.parameters.v1()) {
        fact(format!("parameter {name}"), value.to_string());
    }
    for (name, value) in settings::rules(draft.rules.v1()) {
        fact(format!("rule {name}"), value);
    }
    for asset in &draft.assets {
        let code = asset.code;
        fact(format!("asset {code}: decimals"), asset.decimals.to_string());
        fact(format!("asset {code}: flags"), asset.flags.to_string());
        fact(format!("asset {code}: description"), asset.description.clone());
        fact(format!("asset {code}: issuer"), asset.issuer.to_string());
        if let Some(supply) = asset.supply() {
            let supply = format_amount(supply, asset.decimals);
            fact(format!("asset {code}: supply"), supply);
        }
        for balance in &asset.balances {
            let amount = format_amount(balance.amount, asset.decimals);
            fact(format!("asset {code}: balance of {}", balance.address), amount);
        }
    }
    for account in &draft.accounts {
        let member = member_name(account.member, &draft.members);
        fact(format!("account {}: member", account.address), member.to_owned());
    }
    for grant in &draft.grants {
        let scope = scope_text(&grant.scope, &draft.members);
        let subject = format!("right {} of {} for {scope}", grant.right, grant.account);
        fact(subject, "granted".to_owned());
    }
    facts
}
