//! Nodes as a witness sees them, honest or not, and what the tests say to a witness.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_checkpoint::{Checkpoint, Note, Policy, TileOf, TilePath, origin, sign_checkpoint};
use quorate_crypto::merkle::root_of_hashes;
use quorate_crypto::{Digest, Epoch, SigningKey};
use quorate_ledger::{CertifiedHeader, Header, Height};
use quorate_verifier::Proof;
use quorate_witness::{Event, Settings, Shown, Source, Stop, Store, Unseen, Witness};

use crate::history::{History, Network, Term, key};

/// Times of rounds are counted from here, in seconds since 1970.
pub(crate) const TIME: u64 = 1_767_225_600;

/// What a node can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Newest,
    Header,
    Committees,
    Note,
    Tile,
}

/// A node, whose validator signed all that its history has.
pub(crate) struct Node {
    name: String,
    history: History,
    notes: BTreeMap<u64, Note>,
    /// What it shows as its newest head, if not that of its history.
    pub(crate) newest: Option<CertifiedHeader>,
    /// What it gives as a proof of committees, if not that of its history.
    pub(crate) committees: Option<Proof>,
    /// Where its tiles come from, if not from its history.
    pub(crate) tiles: Option<Vec<Digest>>,
    /// Headers that it shows in the place of its history's, by height.
    pub(crate) others: BTreeMap<u64, CertifiedHeader>,
    /// Blocks that it does not show.
    pub(crate) hidden: Vec<u64>,
    /// What it takes for ever to answer.
    pub(crate) hangs_at: Option<Question>,
}

impl Node {
    pub(crate) fn new(network: &Network, member: usize, history: &History) -> Self {
        let mut node = Self {
            name: format!("node-{member}"),
            history: history.clone(),
            notes: BTreeMap::new(),
            newest: None,
            committees: None,
            tiles: None,
            others: BTreeMap::new(),
            hidden: Vec::new(),
            hangs_at: None,
        };
        for (head, term) in history.heads.iter().zip(&history.terms) {
            let (size, root) = (head.v1().log_size, head.v1().log_root);
            node.notes
                .insert(size, sign_in(network, *term, member, size, root));
        }
        node
    }

    /// The same, but it has signed nothing.
    pub(crate) fn silent(network: &Network, member: usize, history: &History) -> Self {
        let mut node = Self::new(network, member, history);
        node.notes.clear();
        node
    }

    /// Shows another note than the one that it ought to.
    pub(crate) fn lie(&mut self, size: u64, note: Note) {
        self.notes.insert(size, note);
    }

    /// Takes the question.
    async fn hear(&self, question: Question) {
        if self.hangs_at == Some(question) {
            std::future::pending::<()>().await;
        }
    }

    fn unseen(&self) -> Unseen {
        Unseen {
            by: self.name.clone(),
            reason: "it has no such thing".to_owned(),
        }
    }
}

impl Source for Node {
    fn name(&self) -> &str {
        &self.name
    }

    async fn head(&self, height: Option<Height>) -> Result<CertifiedHeader, Unseen> {
        let question = if height.is_some() {
            Question::Header
        } else {
            Question::Newest
        };
        self.hear(question).await;
        if let (None, Some(newest)) = (height, &self.newest) {
            return Ok(newest.clone());
        }
        if let Some(other) = height.and_then(|height| self.others.get(&height.0)) {
            return Ok(other.clone());
        }
        let heads = &self.history.heads;
        let height = height.map_or(heads.len() as u64, |height| height.0);
        let place = usize::try_from(height).unwrap().checked_sub(1);
        let head = place.and_then(|place| heads.get(place));
        let head = head.filter(|_| !self.hidden.contains(&height));
        head.cloned().ok_or_else(|| self.unseen())
    }

    async fn committees(&self) -> Result<Proof, Unseen> {
        self.hear(Question::Committees).await;
        let committees = self.committees.as_ref();
        Ok(committees.unwrap_or(&self.history.committees).clone())
    }

    async fn note(&self, size: u64) -> Result<Option<Note>, Unseen> {
        self.hear(Question::Note).await;
        Ok(self.notes.get(&size).cloned())
    }

    async fn tile(&self, path: &TilePath) -> Result<Vec<u8>, Unseen> {
        self.hear(Question::Tile).await;
        let leaves = self.tiles.as_ref().unwrap_or(&self.history.leaves);
        let TileOf::Hashes(level) = path.of else {
            return Err(self.unseen());
        };
        let span = 256_usize.pow(level.into());
        let first = usize::try_from(path.index).unwrap() * 256 * span;
        let hashes = (0..usize::from(path.width)).map(|place| first + place * span);
        let hashes = hashes.map(|start| leaves.get(start..start + span).map(root_of_hashes));
        let hashes: Option<Vec<Digest>> = hashes.collect();
        let hashes = hashes.ok_or_else(|| self.unseen())?;
        Ok(hashes.iter().flat_map(|hash| hash.0).collect())
    }
}

/// The same header as if it were of another epoch.
pub(crate) fn of_epoch(head: &CertifiedHeader, epoch: Epoch) -> CertifiedHeader {
    let mut fields = head.v1().clone();
    fields.epoch = epoch;
    CertifiedHeader {
        header: Header::V1(fields),
        seals: head.seals.clone(),
    }
}

/// A note that a member's validator signs.
pub(crate) fn sign(network: &Network, member: usize, size: u64, root: Digest) -> Note {
    sign_in(network, Term::FIRST, member, size, root)
}

/// A note that it signs in a term.
fn sign_in(network: &Network, term: Term, member: usize, size: u64, root: Digest) -> Note {
    let id = network.genesis.id();
    let seat = network.genesis.committee().seats()[member].seat;
    let checkpoint = Checkpoint::new(origin(&id), size, root);
    sign_checkpoint(&id, seat, &term.key("witness", member), &checkpoint, TIME)
}

/// A node for each member, each of its own history.
pub(crate) fn nodes(network: &Network, histories: [&History; 4]) -> Vec<Node> {
    let all = histories.into_iter().enumerate();
    all.map(|(member, history)| Node::new(network, member, history))
        .collect()
}

/// The key of the witness.
pub(crate) fn witness_key() -> SigningKey {
    key("outside witness", 0)
}

pub(crate) fn settings(network: &Network, policy: Option<Policy>) -> Settings {
    Settings {
        anchor: network.anchor(),
        network: network.genesis.id(),
        key: witness_key(),
        name: "witness.example".parse().unwrap(),
        policy,
    }
}

/// A witness that goes on from what is in a folder.
pub(crate) fn witness(network: &Network, dir: &Path) -> Witness {
    let store = Store::open(dir).unwrap();
    Witness::open(settings(network, None), store).unwrap()
}

/// A round at a time in seconds, in which others show these notes.
pub(crate) async fn round_with(
    witness: &mut Witness,
    nodes: &[Node],
    shown: &[Shown],
    time: u64,
) -> Result<Vec<Event>, Stop> {
    let mut events = Vec::new();
    if let Some(chain) = witness.look(nodes, &mut events).await? {
        witness
            .cosign(nodes, &chain, shown, TIME + time, &mut events)
            .await?;
    }
    Ok(events)
}

/// A round at a time in seconds.
pub(crate) async fn round(witness: &mut Witness, nodes: &[Node], time: u64) -> Result<Vec<Event>, Stop> {
    round_with(witness, nodes, &[], time).await
}

/// The size of the newest note, 0 if there is none.
pub(crate) fn size(witness: &Witness) -> u64 {
    let note = witness.note();
    note.map_or(0, |note| Checkpoint::parse(note.text()).unwrap().size())
}
