//! One chain: what nodes show as their newest heads is one history, or it is evidence that a quorum sealed two.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use quorate_ledger::{CertifiedHeader, Height};
use quorate_verifier::{Proof, ProofBody, ProofFile, Refusal, Verifier};

use super::{Event, Evidence, Stop, Witness};
use crate::source::{ANSWER, ERRAND, Source, Unseen, head_at, in_time};

/// The newest head of the chain on which sources agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub(super) head: CertifiedHeader,
    /// The sources that have it, or what leads to it; the newest last.
    pub(super) sources: Vec<usize>,
}

impl Chain {
    /// The newest head.
    pub fn head(&self) -> &CertifiedHeader {
        &self.head
    }
}

/// What sources show as their newest heads.
#[derive(Default)]
struct Heads {
    /// Those that are certified, ascending by height, each with its source.
    accepted: Vec<(usize, CertifiedHeader)>,
    /// The heights of all of them, certified or not, by source.
    claimed: BTreeMap<usize, Height>,
    /// Sources whose chain may be another one, without evidence of that so far.
    doubtful: BTreeSet<usize>,
}

/// The accepted heads beside each other. Each is compared with all that are below it: one in between that lies must not
/// stand for those.
struct Compared {
    /// All headers that are known, ascending by height, each once.
    seen: Vec<CertifiedHeader>,
    /// For each accepted head what its chain has at the heights of `seen`: up to its own, or to the first that its
    /// source does not show.
    chains: Vec<Vec<CertifiedHeader>>,
}

impl Witness {
    /// Asks all sources for their newest heads, and compares each with all lower ones and with what was seen before.
    /// None if there is no head yet, or no source has the chain that was seen before.
    ///
    /// # Errors
    /// If there are two certificates for one height, or the folder is of no use.
    pub async fn look<S: Source>(
        &mut self,
        sources: &[S],
        events: &mut Vec<Event>,
    ) -> Result<Option<Chain>, Stop> {
        let mut heads = self.heads(sources, events).await;
        let compared = self.compare_heads(sources, &heads, events).await;
        for ((place, _), chain) in heads.accepted.iter().zip(&compared.chains) {
            for (own, theirs) in compared.seen.iter().zip(chain) {
                if own.hash() == theirs.hash() {
                    continue;
                }
                match self.two_histories(own.clone(), theirs.clone()) {
                    Ok(evidence) => return Err(self.stop(evidence)),
                    Err(_) => {
                        heads.doubtful.insert(*place);
                    }
                }
            }
        }
        if let Some(evidence) = self.search_doubtful(sources, &heads, events).await {
            return Err(self.stop(evidence));
        }
        self.follow(sources, &heads, &compared, events)
    }

    /// The newest heads of all sources, once seals are checked.
    async fn heads<S: Source>(&mut self, sources: &[S], events: &mut Vec<Event>) -> Heads {
        let asked = sources.iter();
        let asked = asked.map(|source| in_time(source.name(), ANSWER, source.head(None)));
        let answers = join_all(asked).await;
        let (mut heads, mut shown) = (Heads::default(), Vec::new());
        for (place, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(head) => {
                    heads.claimed.insert(place, height_of(&head));
                    shown.push((place, head));
                }
                Err(unseen) => events.push(Event::Unseen(unseen)),
            }
        }
        let unlearnt = self.learn_from(sources, &shown, events).await;
        // Only now: what was learnt last may say that an epoch ended below a head.
        for (place, head) in shown {
            match self.verifier.check_head(&head) {
                Ok(_) => heads.accepted.push((place, head)),
                Err(refusal) => {
                    heads.doubtful.insert(place);
                    if !unlearnt.contains(&place) {
                        let reason = format!("its newest header is refused: {refusal}");
                        events.push(Event::Unseen(Unseen::new(sources[place].name(), reason)));
                    }
                }
            }
        }
        heads.accepted.sort_by_key(|(_, head)| height_of(head));
        heads
    }

    /// Learns the committees of epochs that heads are of, and tells from which sources they could not be learnt.
    async fn learn_from<S: Source>(
        &mut self,
        sources: &[S],
        shown: &[(usize, CertifiedHeader)],
        events: &mut Vec<Event>,
    ) -> BTreeSet<usize> {
        let of_unknown = shown
            .iter()
            .map(|(place, head)| (*place, head.v1().epoch))
            .filter(|(_, epoch)| self.verifier.epoch(*epoch).is_none());
        let asked = of_unknown.map(|(place, epoch)| async move {
            let source = &sources[place];
            let proof = in_time(source.name(), ERRAND, source.committees()).await;
            (place, epoch, proof)
        });
        let answers = join_all(asked).await;
        let mut unlearnt = BTreeSet::new();
        for (place, epoch, proof) in answers {
            let by = sources[place].name();
            if let Err(unseen) = proof.and_then(|proof| self.learn(by, epoch, proof)) {
                events.push(Event::Unseen(unseen));
                unlearnt.insert(place);
            }
        }
        unlearnt
    }

    /// Asks the source of each accepted head what its chain has at the heights of lower ones.
    async fn compare_heads<S: Source>(
        &self,
        sources: &[S],
        heads: &Heads,
        events: &mut Vec<Event>,
    ) -> Compared {
        let known = self.head.iter().chain(self.unsettled.values());
        let accepted = heads.accepted.iter().map(|(_, head)| head);
        let mut seen: Vec<CertifiedHeader> = known.chain(accepted).cloned().collect();
        seen.sort_by_cached_key(|head| (height_of(head), head.hash()));
        seen.dedup_by_key(|head| head.hash());
        let (asked, known) = (heads.accepted.iter(), seen.as_slice());
        let asked = asked.map(|(place, head)| async move {
            let (source, mut chain) = (&sources[*place], Vec::new());
            let showing = show_below(source, head, known, &mut chain);
            let unseen = in_time(source.name(), ERRAND, showing).await.err();
            (chain, unseen)
        });
        let mut chains = Vec::new();
        for (chain, unseen) in join_all(asked).await {
            events.extend(unseen.map(Event::Unseen));
            chains.push(chain);
        }
        Compared { seen, chains }
    }

    /// The chain to go on with: what was seen in earlier rounds, and the heads that go on from there and agree with each
    /// other.
    fn follow<S: Source>(
        &mut self,
        sources: &[S],
        heads: &Heads,
        compared: &Compared,
        events: &mut Vec<Event>,
    ) -> Result<Option<Chain>, Stop> {
        let floor = self.head.as_ref().map(height_of);
        let mut tip = self.head.clone();
        let mut part_of_it: Vec<usize> = self.head.iter().map(|head| compared.place_of(head)).collect();
        let mut newest = Vec::new();
        for (number, (_, head)) in heads.accepted.iter().enumerate() {
            let goes_on = Some(height_of(head)) >= floor;
            if goes_on && part_of_it.iter().all(|own| compared.agrees(number, *own)) {
                part_of_it.push(compared.place_of(head));
                newest.push(number);
                tip = Some(head.clone());
            }
        }
        // Those that are behind agree with what the chain has at their height.
        let older = |(place, head): &(usize, CertifiedHeader)| {
            let is_older = Some(height_of(head)) < floor;
            let own = compared.place_of(head);
            let agrees = newest.iter().any(|number| compared.agrees(*number, own));
            (is_older && agrees).then_some(*place)
        };
        let mut chain: Vec<usize> = heads.accepted.iter().filter_map(older).collect();
        chain.extend(newest.iter().map(|number| heads.accepted[*number].0));
        self.remember_unsettled(sources, heads, compared, &newest);
        let Some(tip) = tip else {
            return Ok(None);
        };
        if floor < Some(height_of(&tip)) {
            self.store.keep_head(&tip)?;
            self.head = Some(tip.clone());
        }
        if newest.is_empty() {
            let reason = format!(
                "no node shows a chain with block {}, {}, which was seen before",
                height_of(&tip),
                tip.hash()
            );
            events.push(Event::Waits { reason });
            return Ok(None);
        }
        Ok(Some(Chain {
            head: tip,
            sources: chain,
        }))
    }

    /// Remembers heads that no other source's chain could be compared with, until one can: else a source that is always
    /// ahead, and does not show what is below its head, would never be compared.
    fn remember_unsettled<S: Source>(
        &mut self,
        sources: &[S],
        heads: &Heads,
        compared: &Compared,
        newest: &[usize],
    ) {
        let is_settled = |name: &str, head: &CertifiedHeader| {
            let own = compared.place_of(head);
            newest.iter().any(|number| {
                let (place, _) = heads.accepted[*number];
                sources[place].name() != name && compared.chains[*number].len() > own
            })
        };
        self.unsettled.retain(|name, head| !is_settled(name, head));
        for (number, (place, head)) in heads.accepted.iter().enumerate() {
            let name = sources[*place].name();
            if !newest.contains(&number) && !is_settled(name, head) {
                let first = self.unsettled.entry(name.to_owned());
                first.or_insert_with(|| head.clone());
            }
        }
    }

    /// Looks for evidence between each doubtful source and every other one: whoever agrees with a liar may be another.
    async fn search_doubtful<S: Source>(
        &self,
        sources: &[S],
        heads: &Heads,
        events: &mut Vec<Event>,
    ) -> Option<Evidence> {
        let mut searches = Vec::new();
        for place in &heads.doubtful {
            let Some(height) = heads.claimed.get(place) else {
                continue;
            };
            for (other, claimed) in &heads.claimed {
                let is_done = heads.doubtful.contains(other) && other <= place;
                if !is_done && other != place {
                    let below = *height.min(claimed);
                    let (ours, theirs) = (&sources[*other], &sources[*place]);
                    let search = self.search(ours, theirs, below);
                    searches.push(in_time(theirs.name(), ERRAND, search));
                }
            }
        }
        let mut evidence = None;
        for answer in join_all(searches).await {
            match answer {
                Ok(found) => evidence = evidence.or(found),
                Err(unseen) => {
                    // Many may tell the same of one.
                    let event = Event::Unseen(unseen);
                    if !events.contains(&event) {
                        events.push(event);
                    }
                }
            }
        }
        evidence
    }

    /// Looks for the first block in which the chains of two sources differ. Its committee is one that both lead to, so
    /// it is evidence even where later committees differ.
    async fn search<S: Source>(
        &self,
        ours: &S,
        theirs: &S,
        below: Height,
    ) -> Result<Option<Evidence>, Unseen> {
        let (mut one, mut two) = (head_at(ours, below).await?, head_at(theirs, below).await?);
        if one.hash() == two.hash() {
            return Ok(None);
        }
        // Up to `same` they have one chain, at `other` two.
        let (mut same, mut other) = (Height::GENESIS, below);
        while same.next() < other {
            let middle = Height(same.0 + (other.0 - same.0) / 2);
            let (first, second) = (head_at(ours, middle).await?, head_at(theirs, middle).await?);
            if first.hash() == second.hash() {
                same = middle;
            } else {
                other = middle;
                (one, two) = (first, second);
            }
        }
        match self.two_histories(one, two) {
            Ok(evidence) => Ok(Some(evidence)),
            Err(refusal) => {
                let reason = format!("it has another block {other}, which is no evidence: {refusal}");
                Err(Unseen::new(theirs.name(), reason))
            }
        }
    }

    /// The evidence that two headers of one height are, if both are certified.
    fn two_histories(&self, one: CertifiedHeader, other: CertifiedHeader) -> Result<Evidence, Refusal> {
        let height = height_of(&one);
        let mut heads = [one, other];
        heads.sort_by_key(CertifiedHeader::hash);
        let [first, second] = heads;
        let body = ProofBody::TwoHistories {
            first,
            second,
            there: None,
        };
        let file = ProofFile {
            proof: Proof::new(self.network, body),
            committees: self.committees.clone(),
        };
        let text = file.write();
        // From what it rests on alone: whoever is shown it need know no more.
        let verdicts = Verifier::new(self.anchor.clone()).check_file(text.as_bytes())?;
        Ok(Evidence {
            what: format!("there are two certificates for height {height}"),
            name: format!("two-histories-{height}"),
            ending: ".proof",
            text,
            words: verdicts.into_iter().flat_map(|verdict| verdict.words).collect(),
        })
    }
}

impl Compared {
    /// Where in `seen` a header is that is there.
    fn place_of(&self, head: &CertifiedHeader) -> usize {
        let place = self.seen.iter().position(|seen| seen.hash() == head.hash());
        place.expect("all heads that are known were gathered")
    }

    /// True if the chain of an accepted head has this header of `seen`.
    fn agrees(&self, number: usize, own: usize) -> bool {
        let theirs = self.chains[number].get(own);
        theirs.is_some_and(|theirs| theirs.hash() == self.seen[own].hash())
    }
}

/// Adds what a source's chain has at the heights of these headers, which ascend, up to its head, until the source does not
/// show one.
async fn show_below<S: Source>(
    source: &S,
    head: &CertifiedHeader,
    seen: &[CertifiedHeader],
    chain: &mut Vec<CertifiedHeader>,
) -> Result<(), Unseen> {
    let below = seen.iter().map(height_of);
    for height in below.take_while(|height| *height <= height_of(head)) {
        let is_it = |known: &&CertifiedHeader| height_of(known) == height;
        let known = chain.last().filter(is_it).or(Some(head).filter(is_it));
        let theirs = match known.cloned() {
            Some(known) => known,
            None => head_at(source, height).await?,
        };
        chain.push(theirs);
    }
    Ok(())
}

fn height_of(head: &CertifiedHeader) -> Height {
    head.v1().height
}
