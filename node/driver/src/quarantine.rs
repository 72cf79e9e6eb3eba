//! What a validator remembers of a quarantine (pitfalls 27 and 28), and what a start makes of it.
//!
//! It is kept where the votes are, in the journal, and again in the chain's database; a file shows it to
//! people. Whichever of the three is left keeps the validator from voting. The journal has a mark of its own
//! that the chain knows, so that a journal that is gone, or older than the chain saw it, is noticed too.
//!
//! A rejoin that carries the quarantine's token ends it, in the first epoch that begins after it. The end is
//! remembered like the beginning: a copy that still has the quarantine is old, then, and does not bring it
//! back. Where a whole home is of a backup, all of this is; so the engine of each epoch asks others what they
//! hold that the validator signed in it, before it signs anything there.

use quorate_crypto::{Digest, Epoch, PublicKey};
use quorate_ledger::Rejoin;
use serde::{Deserialize, Serialize};

/// Why a validator does not vote, and what ends that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Why, for people.
    pub reason: String,
    /// What a rejoin has to carry.
    pub token: Digest,
}

/// A quarantine that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its token.
    pub token: Digest,
    /// The first epoch in which the validator may have voted again.
    pub epoch: Epoch,
}

/// What one database remembers. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Remembered {
    /// Version 1.
    V1 {
        /// Whose this is: a chain may be a copy of another validator's.
        validator: PublicKey,
        /// The quarantine, if one is under way.
        current: Option<Quarantine>,
        /// The last one that ended.
        ended: Option<Ended>,
    },
}

/// The journal that goes with a chain, as the chain knows it. The order of the variants is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalMark {
    /// Version 1.
    V1 {
        /// Whose journal.
        validator: PublicKey,
        /// What the journal was marked with when it was made.
        mark: Digest,
        /// The number of its next entry at the last start.
        next: u64,
    },
}

/// All that a start finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// What the journal remembers.
    pub journal: Option<Remembered>,
    /// What the chain's database remembers.
    pub chain: Option<Remembered>,
    /// What the file says; an error is that it cannot be read.
    pub file: Option<Result<Quarantine, String>>,
    /// Whether the journal has just been made.
    pub journal_is_new: bool,
    /// Why something that bound the validator is lost, if it is; told once.
    pub lost: Option<String>,
    /// Whether the journal is of a later epoch than the chain, which has lost blocks, then.
    pub is_ahead: bool,
}

/// What a start makes of the copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quarantined {
    /// Nothing that is left keeps the validator from voting.
    No,
    /// This does, as before.
    Still(Quarantine),
    /// Something was lost since the last one, if there was one, and its rejoin may have been executed before
    /// that: this is why, and it takes a token of its own.
    Anew(String),
}

impl Quarantine {
    /// Whether this rejoin was meant for it, and `epoch` is late enough: whatever the validator signed before
    /// was in an earlier one.
    pub fn is_over(&self, rejoin: Option<&Rejoin>, epoch: Epoch) -> bool {
        rejoin.is_some_and(|rejoin| rejoin.token == self.token && rejoin.epoch < epoch)
    }
}

impl JournalMark {
    /// Why the journal that is here, with this mark and next entry, is not the one that goes with the chain;
    /// none if it is. A chain that knows of no journal is new; where the journal has entries, it has lost the one
    /// that they were about: what was pruned from the journal as that chain had it is gone with it.
    pub fn missing(
        known: Option<&Self>,
        own: &PublicKey,
        mark: Option<Digest>,
        next: u64,
    ) -> Option<&'static str> {
        let Some(Self::V1 {
            validator,
            mark: expected,
            next: reached,
        }) = known
        else {
            let is_used = mark.is_some() && next > 1;
            return is_used.then_some("its chain is gone while its journal is not");
        };
        if validator != own {
            return None;
        }
        if mark != Some(*expected) {
            return Some("its journal is gone while its chain is not");
        }
        (next < *reached).then_some("its journal is older than its chain, so it is of a backup")
    }
}

impl Copies {
    /// What follows for `validator`, whose chain is in `epoch`.
    pub fn at_start(self, validator: &PublicKey, epoch: Epoch) -> Quarantined {
        let of_own = |remembered: Option<Remembered>| match remembered {
            Some(Remembered::V1 {
                validator: of,
                current,
                ended,
            }) if of == *validator => (current, ended),
            _ => (None, None),
        };
        let (in_journal, ended_in_journal) = of_own(self.journal);
        let (in_chain, ended_in_chain) = of_own(self.chain);
        let ended = [ended_in_journal, ended_in_chain];
        let is_ended = |token: Digest| ended.iter().flatten().any(|ended| ended.token == token);
        let mut lost = self.lost;
        let mut open: Vec<Quarantine> = [in_journal, in_chain].into_iter().flatten().collect();
        match self.file {
            Some(Ok(file)) => open.push(file),
            // It is a copy: what it would say is known if the databases know of a quarantine.
            Some(Err(error)) if open.is_empty() && lost.is_none() => lost = Some(error),
            Some(Err(_)) | None => {}
        }
        open.retain(|quarantine| !is_ended(quarantine.token));
        let is_behind = self.is_ahead || ended.iter().flatten().any(|ended| ended.epoch > epoch);
        // Found again at each start until the chain has caught up: what keeps it from voting already stays.
        if is_behind && open.is_empty() && lost.is_none() {
            lost = Some("its journal is of a later epoch than its chain, which has lost blocks".to_owned());
        }
        let former = open.pop();
        if let Some(reason) = lost {
            return Quarantined::Anew(reason);
        }
        let Some(quarantine) = former else {
            return Quarantined::No;
        };
        let differ = open.iter().any(|other| other.token != quarantine.token);
        if differ || self.journal_is_new {
            return Quarantined::Anew(quarantine.reason);
        }
        Quarantined::Still(quarantine)
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;
    use quorate_ledger::{Timestamp, decode, encode};

    use super::*;

    const EPOCH: Epoch = Epoch(3);

    fn own() -> PublicKey {
        SigningKey::from_seed(&[1; 32]).public()
    }

    fn quarantine(token: u8) -> Quarantine {
        Quarantine {
            reason: "its journal is gone".to_owned(),
            token: Digest([token; 32]),
        }
    }

    fn remembers(current: Option<u8>, ended: Option<(u8, u64)>) -> Option<Remembered> {
        Some(Remembered::V1 {
            validator: own(),
            current: current.map(quarantine),
            ended: ended.map(|(token, epoch)| Ended {
                token: Digest([token; 32]),
                epoch: Epoch(epoch),
            }),
        })
    }

    fn at_start(copies: Copies) -> Quarantined {
        copies.at_start(&own(), EPOCH)
    }

    #[test]
    fn pitfall_28_whichever_copy_is_left_keeps_from_voting() {
        assert_eq!(at_start(Copies::default()), Quarantined::No);
        for left in 1..8 {
            let there = |bit: u8| left & bit != 0;
            let copies = Copies {
                journal: remembers(Some(1), None).filter(|_| there(1)),
                chain: remembers(Some(1), None).filter(|_| there(2)),
                file: there(4).then(|| Ok(quarantine(1))),
                ..Copies::default()
            };
            assert_eq!(at_start(copies), Quarantined::Still(quarantine(1)), "{left:03b}");
        }
    }

    #[test]
    fn pitfall_28_a_journal_that_is_gone_asks_for_another_token() {
        // A rejoin for the old one may have been executed, and votes have been given, before the loss.
        let copies = Copies {
            file: Some(Ok(quarantine(1))),
            journal_is_new: true,
            ..Copies::default()
        };
        assert_eq!(at_start(copies), Quarantined::Anew(quarantine(1).reason));
        let copies = Copies {
            chain: remembers(Some(1), None),
            journal_is_new: true,
            lost: Some("its journal is gone while its chain is not".to_owned()),
            ..Copies::default()
        };
        assert!(matches!(at_start(copies), Quarantined::Anew(why) if why.contains("journal is gone")));
        let copies = Copies {
            journal: remembers(Some(2), None),
            chain: remembers(Some(1), None),
            ..Copies::default()
        };
        assert!(matches!(at_start(copies), Quarantined::Anew(_)));
    }

    #[test]
    fn an_end_that_is_remembered_anywhere_outlives_old_copies() {
        for (journal, chain) in [
            (remembers(None, Some((1, 2))), remembers(Some(1), None)),
            (remembers(Some(1), None), remembers(None, Some((1, 2)))),
        ] {
            let copies = Copies {
                journal,
                chain,
                file: Some(Ok(quarantine(1))),
                ..Copies::default()
            };
            assert_eq!(at_start(copies), Quarantined::No);
        }
        // Of another quarantine it says nothing.
        let copies = Copies {
            journal: remembers(None, Some((1, 2))),
            chain: remembers(Some(4), Some((1, 2))),
            ..Copies::default()
        };
        assert_eq!(at_start(copies), Quarantined::Still(quarantine(4)));
    }

    #[test]
    fn pitfall_27_a_chain_that_is_older_than_the_end_of_a_quarantine_keeps_from_voting() {
        let copies = Copies {
            journal: remembers(None, Some((1, EPOCH.0 + 1))),
            ..Copies::default()
        };
        assert!(matches!(at_start(copies), Quarantined::Anew(_)));
        let ahead = |journal| Copies {
            journal,
            is_ahead: true,
            ..Copies::default()
        };
        assert!(matches!(at_start(ahead(None)), Quarantined::Anew(_)));
        let known = at_start(ahead(remembers(Some(1), None)));
        assert_eq!(known, Quarantined::Still(quarantine(1)));
    }

    #[test]
    fn another_validators_chain_says_nothing_of_this_one() {
        let other = SigningKey::from_seed(&[2; 32]).public();
        let copies = Copies {
            chain: Some(Remembered::V1 {
                validator: other,
                current: Some(quarantine(1)),
                ended: None,
            }),
            ..Copies::default()
        };
        assert_eq!(at_start(copies), Quarantined::No);
        let mark = JournalMark::V1 {
            validator: other,
            mark: Digest([1; 32]),
            next: 9,
        };
        assert_eq!(JournalMark::missing(Some(&mark), &own(), None, 1), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_keeps_from_voting_where_nothing_else_is_known() {
        let file = || Some(Err("it is no TOML".to_owned()));
        let alone = Copies {
            file: file(),
            ..Copies::default()
        };
        assert!(matches!(at_start(alone), Quarantined::Anew(_)));
        let with_journal = Copies {
            journal: remembers(Some(1), None),
            file: file(),
            ..Copies::default()
        };
        assert_eq!(at_start(with_journal), Quarantined::Still(quarantine(1)));
    }

    #[test]
    fn pitfall_28_a_chain_notices_that_its_journal_is_another_or_older() {
        let mark = Digest([7; 32]);
        let known = JournalMark::V1 {
            validator: own(),
            mark,
            next: 10,
        };
        let missing = |mark, next| JournalMark::missing(Some(&known), &own(), mark, next);
        assert_eq!(missing(Some(mark), 10), None);
        assert_eq!(missing(Some(mark), 11), None);
        assert!(missing(Some(mark), 9).unwrap().contains("older"));
        assert!(missing(None, 10).unwrap().contains("gone"));
        assert!(missing(Some(Digest([8; 32])), 10).unwrap().contains("gone"));
        assert_eq!(JournalMark::missing(None, &own(), None, 1), None);
    }

    #[test]
    fn pitfall_28_a_journal_that_was_used_notices_that_its_chain_is_new() {
        let missing = |next| JournalMark::missing(None, &own(), Some(Digest([7; 32])), next);
        assert!(missing(2).unwrap().contains("chain is gone"));
        // It was marked, and a crash came before the chain was.
        assert_eq!(missing(1), None);
    }

    #[test]
    fn only_a_rejoin_with_its_own_token_ends_it_and_only_in_a_later_epoch() {
        let rejoin = |token, epoch| Rejoin {
            token: Digest([token; 32]),
            epoch: Epoch(epoch),
            timestamp: Timestamp(0),
            recent: 1,
        };
        let quarantine = quarantine(1);
        assert!(!quarantine.is_over(None, Epoch(9)));
        assert!(!quarantine.is_over(Some(&rejoin(9, 0)), Epoch(5)));
        assert!(!quarantine.is_over(Some(&rejoin(1, 3)), Epoch(3)));
        assert!(quarantine.is_over(Some(&rejoin(1, 3)), Epoch(4)));
    }

    #[test]
    fn what_is_remembered_is_read_back() {
        let remembered = remembers(Some(1), Some((2, 3))).unwrap();
        let bytes = encode(&remembered);
        assert_eq!(bytes[0], 0, "version 1");
        assert_eq!(decode::<Remembered>(&bytes, bytes.len()).unwrap(), remembered);
    }
}
