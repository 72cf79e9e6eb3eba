//! Reading a policy, line by line.

use std::collections::BTreeSet;

use quorate_crypto::PublicKey;

use super::{
    Group, MAX_POLICY_BYTES, MAX_POLICY_ITEMS, NONE, Policy, PolicyError, PolicyLog, PolicyProblem,
    PolicyWitness,
};
use crate::key::{KeyKind, VerifierKey};
use crate::number::decimal;

/// A policy in the making.
#[derive(Default)]
struct Draft {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// The name that is asked for; the inner one is none for `none`.
    quorum: Option<Option<String>>,
    log_keys: BTreeSet<PublicKey>,
    witness_keys: BTreeSet<PublicKey>,
    /// Names of witnesses and groups.
    names: BTreeSet<String>,
    /// Names that are members of a group.
    members: BTreeSet<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Policy, PolicyError> {
    let of_all = |problem| PolicyError { line: 0, problem };
    if bytes.len() > MAX_POLICY_BYTES {
        return Err(of_all(PolicyProblem::TooLong));
    }
    let text = str::from_utf8(bytes).map_err(|_| of_all(PolicyProblem::Character))?;
    let is_refused = |letter: char| letter.is_ascii_control() && letter != '\t' && letter != '\n';
    if text.contains(is_refused) {
        return Err(of_all(PolicyProblem::Character));
    }
    let lines = text.strip_suffix('\n').ok_or(of_all(PolicyProblem::Character))?;
    let mut draft = Draft::default();
    for (line, words) in (1..).zip(lines.split('\n')) {
        let words: Vec<&str> = words.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        draft
            .line(&words)
            .map_err(|problem| PolicyError { line, problem })?;
    }
    Ok(Policy {
        quorum: draft.quorum.ok_or(of_all(PolicyProblem::Quorum))?,
        logs: draft.logs,
        witnesses: draft.witnesses,
        groups: draft.groups,
    })
}

impl Draft {
    fn line(&mut self, words: &[&str]) -> Result<(), PolicyProblem> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, threshold, members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            ["quorum", name] => self.quorum(name),
            _ => Err(PolicyProblem::Words),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), PolicyProblem> {
        let key = read_key(key, KeyKind::Ed25519)?;
        if !self.log_keys.insert(*key.key()) {
            return Err(PolicyProblem::KeyTwice);
        }
        let url = url.map(str::to_owned);
        push(&mut self.logs, PolicyLog { key, url })
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), PolicyProblem> {
        let key = read_key(key, KeyKind::Cosignature)?;
        if !self.witness_keys.insert(*key.key()) {
            return Err(PolicyProblem::KeyTwice);
        }
        let name = self.define(name)?;
        let url = url.map(str::to_owned);
        push(&mut self.witnesses, PolicyWitness { name, key, url })
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), PolicyProblem> {
        for member in members {
            if !self.names.contains(*member) {
                return Err(PolicyProblem::Unknown);
            }
            if !self.members.insert((*member).to_owned()) {
                return Err(PolicyProblem::MemberTwice);
            }
        }
        let count = members.len();
        let threshold = match threshold {
            "all" => Some(count),
            "any" => Some(1),
            number => decimal(number).and_then(|number| usize::try_from(number).ok()),
        };
        let threshold = threshold.filter(|threshold| (1..=count).contains(threshold));
        let threshold = threshold.ok_or(PolicyProblem::Threshold)?;
        if count > MAX_POLICY_ITEMS {
            return Err(PolicyProblem::TooLong);
        }
        let name = self.define(name)?;
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        push(
            &mut self.groups,
            Group {
                name,
                threshold,
                members,
            },
        )
    }

    fn quorum(&mut self, name: &str) -> Result<(), PolicyProblem> {
        if self.quorum.is_some() {
            return Err(PolicyProblem::Quorum);
        }
        let name = (name != NONE).then(|| name.to_owned());
        if name.as_ref().is_some_and(|name| !self.names.contains(name)) {
            return Err(PolicyProblem::Unknown);
        }
        self.quorum = Some(name);
        Ok(())
    }

    /// A name that is used from now on.
    fn define(&mut self, name: &str) -> Result<String, PolicyProblem> {
        match name != NONE && self.names.insert(name.to_owned()) {
            true => Ok(name.to_owned()),
            false => Err(PolicyProblem::NameTwice),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), PolicyProblem> {
    if list.len() == MAX_POLICY_ITEMS {
        return Err(PolicyProblem::TooLong);
    }
    list.push(item);
    Ok(())
}

fn read_key(text: &str, kind: KeyKind) -> Result<VerifierKey, PolicyProblem> {
    let key: Option<VerifierKey> = text.parse().ok();
    key.filter(|key| key.kind() == kind).ok_or(PolicyProblem::Key)
}
