//! One log: what validators signed agrees with the certified log, and what was cosigned before is its beginning. Then
//! its newest checkpoint is cosigned.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use futures::future::join_all;
use quorate_checkpoint::{
    Checkpoint, Growth, Inconsistent, Note, SignedBy, TileSet, cosign, origin, tiles_of_consistency,
    tiles_of_root,
};
use quorate_crypto::{Epoch, SeatNumber};

use super::gathered::{Gathered, Signed};
use super::{Chain, Cosigned, Event, Evidence, Stop, Witness, too_many};
use crate::source::{ANSWER, ERRAND, Shown, Source, Unseen, in_time};

/// Lines of a note at most: common verifiers read no longer ones.
const MAX_LINES: usize = 100;

/// Cosignatures of validators at most: some lines are left for their signatures for the log.
const MAX_VALIDATORS: usize = 90;

impl Witness {
    /// Gathers what validators signed of the chain's newest size, from the sources and from what others show, and
    /// cosigns it, at a time in seconds since 1970, if nothing contradicts it.
    ///
    /// # Errors
    /// If the log was taken back, too many validators signed what contradicts it, or the folder is of no use.
    pub async fn cosign<S: Source>(
        &mut self,
        sources: &[S],
        chain: &Chain,
        shown: &[Shown],
        time: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        let header = chain.head().v1();
        let newest = Checkpoint::new(origin(&self.network), header.log_size, header.log_root);
        if newest.size() == 0 {
            return Ok(());
        }
        let signers = self.signers(header.epoch);
        let mut gathered = Gathered::new(newest.origin(), &signers);
        let asked = sources.iter();
        let asked = asked.map(|source| in_time(source.name(), ANSWER, source.note(newest.size())));
        let answers = join_all(asked).await;
        let mut notes = Vec::new();
        for (source, answer) in sources.iter().zip(answers) {
            match answer {
                Ok(note) => notes.extend(note.map(|note| (source.name(), note))),
                Err(unseen) => events.push(Event::Unseen(unseen)),
            }
        }
        let notes = notes.iter().map(|(by, note)| (*by, note));
        let shown = shown.iter().map(|shown| (shown.by.as_str(), &shown.note));
        for (by, note) in notes.chain(shown) {
            if let Err(reason) = gathered.add(by, note) {
                events.push(Event::Unseen(Unseen::new(by, reason)));
            }
        }
        let mut log = Log {
            sources,
            chain,
            newest: &newest,
            failed: BTreeSet::new(),
        };
        let text = newest.to_string();
        let ours = gathered.of(&text);
        if !self.goes_on(&mut log, ours, events).await? {
            return Ok(());
        }
        for signed in gathered.all().filter(|signed| signed.checkpoint != newest) {
            self.compare(&mut log, ours, signed, header.epoch, events).await?;
        }
        self.cosign_newest(&newest, ours, time, events)
    }

    /// Whether what was cosigned last is the beginning of the certified log.
    async fn goes_on<S: Source>(
        &self,
        log: &mut Log<'_, S>,
        ours: Option<&Signed>,
        events: &mut Vec<Event>,
    ) -> Result<bool, Stop> {
        let Some(last) = &self.last else {
            return Ok(true);
        };
        let evidence = match last.checkpoint.size().cmp(&log.newest.size()) {
            Ordering::Greater => {
                let reason = format!(
                    "the certified log has {} entries, fewer than were cosigned",
                    log.newest.size()
                );
                events.push(Event::Waits { reason });
                return Ok(false);
            }
            Ordering::Equal if last.checkpoint.root() == log.newest.root() => return Ok(true),
            Ordering::Equal => ours.map(|ours| Inconsistent::of_one_size(last.note.clone(), ours.note())),
            Ordering::Less => {
                let Some(growth) = log.grown_from(last.checkpoint.size(), events).await else {
                    let reason = "no node shows that the log goes on from what was cosigned".to_owned();
                    events.push(Event::Waits { reason });
                    return Ok(false);
                };
                if growth.root == last.checkpoint.root() {
                    return Ok(true);
                }
                ours.map(|ours| Inconsistent::of_two_sizes(last.note.clone(), ours.note(), growth))
            }
        };
        match evidence {
            Some(evidence) => Err(self.stop(self.taken_back(log.newest, &evidence))),
            None => {
                let reason = "the certified log is not the one that was cosigned, and no validator has signed it \
                              yet, so that there is no evidence";
                events.push(Event::Waits {
                    reason: reason.to_owned(),
                });
                Ok(false)
            }
        }
    }

    /// Compares what validators signed of another text with the certified log.
    async fn compare<S: Source>(
        &mut self,
        log: &mut Log<'_, S>,
        ours: Option<&Signed>,
        signed: &Signed,
        epoch: Epoch,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        let (size, root) = (signed.checkpoint.size(), signed.checkpoint.root());
        let growth = match size.cmp(&log.newest.size()) {
            // In a later round.
            Ordering::Greater => return Ok(()),
            Ordering::Equal if root == log.newest.root() => return Ok(()),
            Ordering::Equal => None,
            Ordering::Less => match log.grown_from(size, events).await {
                Some(growth) if growth.root != root => Some(growth),
                Some(_) | None => return Ok(()),
            },
        };
        let Some(ours) = ours else {
            let reason = format!(
                "a note of {size} entries that {} shows contradicts the certified log, of which no validator's note is \
                 there yet",
                names(signed)
            );
            events.push(Event::Waits { reason });
            return Ok(());
        };
        let evidence = match growth {
            None => Inconsistent::of_one_size(signed.note(), ours.note()),
            Some(growth) => Inconsistent::of_two_sizes(signed.note(), ours.note(), growth),
        };
        let seats: Vec<SeatNumber> = signed.seats.keys().copied().collect();
        let is_new = seats.iter().any(|seat| !self.liars.contains(seat));
        self.liars.extend(&seats);
        let known = self.verifier.epoch(epoch);
        let is_split = known.is_some_and(|known| {
            let seats = known.committee.seats().iter();
            seats.filter(|seat| self.liars.contains(&seat.seat)).count() >= too_many(&known.committee)
        });
        if is_split {
            return Err(self.stop(self.taken_back(&signed.checkpoint, &evidence)));
        }
        // A liar can make as many notes as it likes: one of them is enough.
        let file = is_new.then(|| {
            self.store
                .keep_evidence(&name_of(size), ENDING, &evidence.to_string())
        });
        events.push(Event::Lied {
            seats,
            shown_by: signed.shown_by.iter().cloned().collect(),
            evidence: file.transpose()?,
        });
        Ok(())
    }

    /// Cosigns the newest checkpoint, if that is news, and enough have signed it.
    fn cosign_newest(
        &mut self,
        newest: &Checkpoint,
        ours: Option<&Signed>,
        time: u64,
        events: &mut Vec<Event>,
    ) -> Result<(), Stop> {
        let signed = ours.into_iter().flat_map(|ours| ours.seats.values());
        let signed: Vec<&SignedBy> = signed
            .filter(|signed| !self.liars.contains(&signed.seat))
            .collect();
        let validators = signed.len();
        let is_known = self
            .last
            .as_ref()
            .is_some_and(|last| last.checkpoint == *newest && last.validators >= validators);
        if is_known {
            return Ok(());
        }
        if signed.iter().all(|signed| signed.log.is_none()) {
            let reason = format!("no validator shows that it has signed size {}", newest.size());
            events.push(Event::Waits { reason });
            return Ok(());
        }
        let note = self.note_of(newest, &signed, time);
        if let Some(policy) = &self.policy
            && let Err(unsatisfied) = policy.check(&note)
        {
            let reason = format!("size {}: {unsatisfied}", newest.size());
            events.push(Event::Waits { reason });
            return Ok(());
        }
        self.store.keep_note(&note.to_string(), time)?;
        self.last = Some(Cosigned {
            note,
            checkpoint: newest.clone(),
            validators,
        });
        events.push(Event::Cosigned {
            checkpoint: newest.clone(),
            validators,
        });
        Ok(())
    }

    /// A note of a checkpoint that this witness and these validators have signed.
    fn note_of(&self, checkpoint: &Checkpoint, signed: &[&SignedBy], time: u64) -> Note {
        let text = checkpoint.to_string();
        let mut lines = vec![cosign(&self.key, &self.name, &text, time)];
        let cosignatures = signed.iter().filter_map(|signed| signed.cosignature.clone());
        lines.extend(cosignatures.take(MAX_VALIDATORS));
        let room = MAX_LINES - lines.len();
        let for_the_log = signed.iter().filter_map(|signed| signed.log.clone());
        lines.extend(for_the_log.take(room));
        Note::new(text, lines).expect("a checkpoint's text ends in a line feed, and the lines are few")
    }

    /// The evidence that two notes are.
    fn taken_back(&self, checkpoint: &Checkpoint, evidence: &Inconsistent) -> Evidence {
        let (size, root) = (checkpoint.size(), checkpoint.root());
        let what = format!(
            "the log of {size} entries with the root {root} is not the one that was cosigned or certified"
        );
        Evidence {
            words: vec![what.clone()],
            what,
            name: name_of(size),
            ending: ENDING,
            text: evidence.to_string(),
        }
    }
}

/// What files of two notes end with.
const ENDING: &str = ".notes";

fn name_of(size: u64) -> String {
    format!("inconsistent-{size}")
}

fn names(signed: &Signed) -> String {
    let names: Vec<&str> = signed.shown_by.iter().map(String::as_str).collect();
    names.join(", ")
}

/// The certified log, as sources show it.
struct Log<'a, S> {
    sources: &'a [S],
    chain: &'a Chain,
    newest: &'a Checkpoint,
    /// Sources whose tiles proved nothing: they are not asked again in the round.
    failed: BTreeSet<usize>,
}

impl<S: Source> Log<'_, S> {
    /// What it was when it had fewer entries, by the first source whose tiles prove it.
    async fn grown_from(&mut self, earlier: u64, events: &mut Vec<Event>) -> Option<Growth> {
        for place in self.chain.sources.iter().rev() {
            if self.failed.contains(place) {
                continue;
            }
            let source = &self.sources[*place];
            match in_time(source.name(), ERRAND, self.grown_by(source, earlier)).await {
                Ok(growth) => return Some(growth),
                Err(unseen) => {
                    events.push(Event::Unseen(unseen));
                    self.failed.insert(*place);
                }
            }
        }
        None
    }

    async fn grown_by(&self, source: &S, earlier: u64) -> Result<Growth, Unseen> {
        let size = self.newest.size();
        let mut needed = tiles_of_consistency(earlier, size);
        needed.extend(tiles_of_root(earlier, size));
        let refused = |error: &dyn fmt::Display| {
            let reason = format!("its tiles do not lead to the log of {size} entries: {error}");
            Unseen::new(source.name(), reason)
        };
        let mut tiles = TileSet::new(size);
        for path in &needed {
            let bytes = in_time(source.name(), ANSWER, source.tile(path)).await?;
            tiles.add(*path, &bytes).map_err(|error| refused(&error))?;
        }
        let root = tiles.root_at(earlier).map_err(|error| refused(&error))?;
        let proof = tiles.consistency(earlier).map_err(|error| refused(&error))?;
        proof
            .verify(&root, &self.newest.root())
            .map_err(|error| refused(&error))?;
        Ok(Growth {
            root,
            path: proof.path,
        })
    }
}
