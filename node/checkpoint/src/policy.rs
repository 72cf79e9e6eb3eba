//! Which signatures under a checkpoint are enough, as a file (C2SP tlog-policy): keys of the log, witnesses, groups of
//! them with a threshold each, and the group that is asked for.

mod read;

use std::collections::BTreeSet;
use std::fmt;

use quorate_crypto::{Committee, Digest};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::key::{BadSignature, Cosigned, VerifierKey, known_lines};
use crate::network::signers_of;
use crate::note::Note;

/// Bytes of a policy file at most.
pub const MAX_POLICY_BYTES: usize = 256 << 10;

/// Logs, witnesses, groups, and members of a group at most, each.
pub const MAX_POLICY_ITEMS: usize = 512;

/// The name that stands for no witness at all.
const NONE: &str = "none";

/// Which signatures are enough. Its parts fit together: each name is defined once, before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<String>,
}

/// A key that may sign for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    /// The key, whose name is the log's origin.
    pub key: VerifierKey,
    /// Where the log is, if that is said.
    pub url: Option<String>,
}

/// A witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What it is called in the file.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where it is, if that is said.
    pub url: Option<String>,
}

/// Witnesses and groups, of which so many must have cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is called in the file.
    pub name: String,
    /// How many of the members, at least 1.
    pub threshold: usize,
    /// Names of witnesses and of groups before it.
    pub members: Vec<String>,
}

/// Why a text is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {problem}")]
pub struct PolicyError {
    /// The line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong.
    pub problem: PolicyProblem,
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// Too long, or more of a sort than are read.
    #[error("it has more than {MAX_POLICY_BYTES} bytes, or more than {MAX_POLICY_ITEMS} of a sort")]
    TooLong,
    /// Not UTF-8, a control character, or a last line that does not end.
    #[error("a policy is UTF-8 without control characters but tabs and line feeds, and its last line ends")]
    Character,
    /// No line that a policy has.
    #[error("expected `log`, `witness`, `group` or `quorum` with their words")]
    Words,
    /// A key that is none, or of another kind than belongs there.
    #[error("expected a key of the form name+id+base64: of kind 01 of a log, of kind 04 of a witness")]
    Key,
    /// A key that was there before.
    #[error("this key was there before")]
    KeyTwice,
    /// A name that was defined before, or stands for none.
    #[error("this name was defined before, or is `none`")]
    NameTwice,
    /// A name that is not defined yet.
    #[error("a name is not defined by a line before this one")]
    Unknown,
    /// A name that is a member already.
    #[error("a name is a member of a group already")]
    MemberTwice,
    /// A threshold that cannot be.
    #[error("expected `all`, `any`, or a number from 1 to that of the members")]
    Threshold,
    /// No quorum, or two.
    #[error("there is exactly one `quorum` line")]
    Quorum,
}

/// What a note that satisfies a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFinding {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The witnesses that cosigned, by their names in the policy, and when.
    pub cosigned: Vec<(String, u64)>,
}

/// Why a note does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsatisfied {
    /// It is no checkpoint's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A signature of a key in the policy is not good.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// No key of the log has signed.
    #[error("no key that the policy has for the log {origin} has signed")]
    NoLog {
        /// The note's origin.
        origin: String,
    },
    /// Too few have cosigned.
    #[error("too few have cosigned for `{quorum}`; have cosigned: {}", shown(.cosigned))]
    NoQuorum {
        /// What is asked for.
        quorum: String,
        /// Who has, by their names in the policy.
        cosigned: Vec<String>,
    },
}

fn shown(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    }
}

impl Policy {
    /// The policy that asks for `validators` of a committee, and for `of_witnesses` of these witnesses if there are any:
    /// each at least 1 and at most as many as there are.
    pub fn of_committee(
        network: &Digest,
        committee: &Committee,
        validators: usize,
        witnesses: &[VerifierKey],
        of_witnesses: usize,
    ) -> Self {
        let signers = signers_of(network, committee);
        let log = |key: &VerifierKey| PolicyLog {
            key: key.clone(),
            url: None,
        };
        let witness = |name: String, key: &VerifierKey| PolicyWitness {
            name,
            key: key.clone(),
            url: None,
        };
        let seats = signers
            .iter()
            .map(|signer| witness(format!("seat-{}", signer.seat), &signer.cosigner));
        let seats: Vec<PolicyWitness> = seats.collect();
        let others = (1..).zip(witnesses);
        let others = others.map(|(number, key): (u32, _)| witness(format!("witness-{number}"), key));
        let others: Vec<PolicyWitness> = others.collect();
        let mut groups = vec![Group::of("validators", validators, names_of(&seats))];
        if !others.is_empty() {
            groups.push(Group::of("witnesses", of_witnesses, names_of(&others)));
            let both = ["validators", "witnesses"].map(str::to_owned);
            groups.push(Group::of("both", 2, both.to_vec()));
        }
        Self {
            logs: signers.iter().map(|signer| log(&signer.log)).collect(),
            witnesses: seats.into_iter().chain(others).collect(),
            quorum: groups.last().map(|group| group.name.clone()),
            groups,
        }
    }

    /// The policy in a file.
    ///
    /// # Errors
    /// The first line that is wrong, and what.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        read::read(bytes)
    }

    /// The keys that may sign for the log.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// What a note says, if it satisfies the policy.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, note: &Note) -> Result<PolicyFinding, Unsatisfied> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let logs: Vec<&VerifierKey> = self.logs.iter().map(|log| &log.key).collect();
        let is_its = |key: &VerifierKey| key.name().as_str() == checkpoint.origin();
        if !known_lines(note, &logs)?
            .iter()
            .any(|line| is_its(logs[line.key]))
        {
            let origin = checkpoint.origin().to_owned();
            return Err(Unsatisfied::NoLog { origin });
        }
        let keys: Vec<&VerifierKey> = self.witnesses.iter().map(|witness| &witness.key).collect();
        let mut cosigned: Vec<(String, u64)> = Vec::new();
        for line in known_lines(note, &keys)? {
            let name = &self.witnesses[line.key].name;
            if let Cosigned::At(time) = line.says
                && cosigned.iter().all(|(known, _)| known != name)
            {
                cosigned.push((name.clone(), time));
            }
        }
        let names = cosigned.iter().map(|(name, _)| name.as_str()).collect();
        let missed = self.missed(names).map(str::to_owned);
        match missed {
            Some(quorum) => Err(Unsatisfied::NoQuorum {
                quorum,
                cosigned: cosigned.into_iter().map(|(name, _)| name).collect(),
            }),
            None => Ok(PolicyFinding { checkpoint, cosigned }),
        }
    }

    /// The quorum, if it is not reached where these witnesses have cosigned.
    fn missed<'a>(&'a self, names: BTreeSet<&'a str>) -> Option<&'a str> {
        let quorum = self.quorum.as_deref()?;
        (!self.witnessed(names).contains(quorum)).then_some(quorum)
    }

    /// The witnesses that have cosigned, and the groups of which enough have.
    fn witnessed<'a>(&'a self, mut names: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        // A group's members are before it.
        for group in &self.groups {
            let count = group
                .members
                .iter()
                .filter(|member| names.contains(member.as_str()));
            if count.count() >= group.threshold {
                names.insert(&group.name);
            }
        }
        names
    }
}

impl Group {
    fn of(name: &str, threshold: usize, members: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            threshold: threshold.clamp(1, members.len().max(1)),
            members,
        }
    }
}

fn names_of(witnesses: &[PolicyWitness]) -> Vec<String> {
    witnesses.iter().map(|witness| witness.name.clone()).collect()
}

/// The file, in one form: without comments, and one space between words.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map_or(String::new(), |url| format!(" {url}"));
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for witness in &self.witnesses {
            writeln!(f, "witness {} {}{}", witness.name, witness.key, url(&witness.url))?;
        }
        for group in &self.groups {
            let members = group.members.join(" ");
            writeln!(f, "group {} {} {members}", group.name, group.threshold)?;
        }
        writeln!(f, "quorum {}", self.quorum.as_deref().unwrap_or(NONE))
    }
}

#[cfg(test)]
mod tests;
