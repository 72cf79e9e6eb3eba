//! One chain: what nodes show as their newest heads is one history, or it is evidence that a quorum sealed two.

use std::cmp::Ordering;

use futures::future::join_all;
use quorate_ledger::{CertifiedHeader, Height};
use quorate_verifier::{Proof, ProofBody, ProofFile, Refusal, Verifier};

use super::{Event, Evidence, Stop, Witness};
use crate::source::{Source, Unseen, head_at};

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

impl Witness {
    /// Asks all sources for their newest heads, and compares each with the chain of the next newer one and with what was
    /// seen before. None if there is no head yet, or no source has the chain that was seen before.
    ///
    /// # Errors
    /// If there are two certificates for one height, or the folder is of no use.
    pub async fn look<S: Source>(
        &mut self,
        sources: &[S],
        events: &mut Vec<Event>,
    ) -> Result<Option<Chain>, Stop> {
        let answers = join_all(sources.iter().map(|source| source.head(None))).await;
        let (mut heads, mut doubtful) = (Vec::new(), Vec::new());
        for (place, (source, answer)) in sources.iter().zip(answers).enumerate() {
            let height = answer.as_ref().ok().map(height_of);
            match self.accept(source, answer).await {
                Ok(head) => heads.push((place, head)),
                Err(unseen) => {
                    events.push(Event::Unseen(unseen));
                    doubtful.extend(height.map(|height| (place, height)));
                }
            }
        }
        heads.sort_by_key(|(_, head)| height_of(head));
        let mut tip = self.head.clone();
        let (mut older, mut chain) = (Vec::new(), Vec::new());
        for (place, head) in heads {
            let Some(own) = tip.clone() else {
                chain.push(place);
                tip = Some(head);
                continue;
            };
            if height_of(&head) < height_of(&own) {
                // Only of what was seen in earlier rounds.
                older.push((place, head));
                continue;
            }
            match at(&sources[place], &head, height_of(&own)).await {
                Err(unseen) => events.push(Event::Unseen(unseen)),
                Ok(theirs) if theirs.hash() == own.hash() => {
                    chain.push(place);
                    tip = Some(head);
                }
                Ok(theirs) => match self.two_histories(own, theirs) {
                    Ok(evidence) => return Err(self.stop(evidence)),
                    Err(_) => doubtful.push((place, height_of(&head))),
                },
            }
        }
        let Some(tip) = tip else {
            return Ok(None);
        };
        if self.head.as_ref().map(height_of) < Some(height_of(&tip)) {
            self.store.keep_head(&tip)?;
            self.head = Some(tip.clone());
        }
        let Some(newest) = chain.last().copied() else {
            let reason = format!(
                "no node shows a chain with block {}, {}, which was seen before",
                height_of(&tip),
                tip.hash()
            );
            events.push(Event::Waits { reason });
            return Ok(None);
        };
        let mut agreeing = Vec::new();
        for (place, head) in older {
            match head_at(&sources[newest], height_of(&head)).await {
                Err(unseen) => events.push(Event::Unseen(unseen)),
                Ok(ours) if ours.hash() == head.hash() => agreeing.push(place),
                Ok(ours) => {
                    let height = height_of(&head);
                    match self.two_histories(ours, head) {
                        Ok(evidence) => return Err(self.stop(evidence)),
                        Err(_) => doubtful.push((place, height)),
                    }
                }
            }
        }
        for (place, height) in doubtful {
            let below = height.min(height_of(&tip));
            match self.search(&sources[newest], &sources[place], below).await {
                Ok(None) => {}
                Ok(Some(evidence)) => return Err(self.stop(evidence)),
                Err(unseen) => events.push(Event::Unseen(unseen)),
            }
        }
        agreeing.append(&mut chain);
        Ok(Some(Chain {
            head: tip,
            sources: agreeing,
        }))
    }

    /// A source's newest head, once its seals are checked.
    async fn accept<S: Source>(
        &mut self,
        source: &S,
        answer: Result<CertifiedHeader, Unseen>,
    ) -> Result<CertifiedHeader, Unseen> {
        let head = answer?;
        self.learn(source, head.v1().epoch).await?;
        match self.verifier.check_head(&head) {
            Ok(_) => Ok(head),
            Err(refusal) => {
                let reason = format!("its newest header is refused: {refusal}");
                Err(Unseen::new(source.name(), reason))
            }
        }
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
        // From the genesis document alone: whoever is shown it need know no more.
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

/// What a source has at a height at or below that of its head.
async fn at<S: Source>(
    source: &S,
    head: &CertifiedHeader,
    height: Height,
) -> Result<CertifiedHeader, Unseen> {
    match height_of(head).cmp(&height) {
        Ordering::Equal => Ok(head.clone()),
        Ordering::Less | Ordering::Greater => head_at(source, height).await,
    }
}

fn height_of(head: &CertifiedHeader) -> Height {
    head.v1().height
}
