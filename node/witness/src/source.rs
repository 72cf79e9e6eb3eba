//! Whom a witness asks, and for what. Nothing of the answers is believed.

use std::fmt;
use std::time::Duration;

use quorate_checkpoint::{Note, TilePath};
use quorate_client::{Client, ClientError, ProofOf};
use quorate_ledger::{CertifiedHeader, Height};
use quorate_verifier::{Proof, ProofFile};
use tokio::time::timeout;

/// How long an answer may take.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// How long all answers together may take that one question needs, and one that is made first and may be long.
pub(crate) const ERRAND: Duration = Duration::from_secs(20);

/// Bytes of a proof of committees that are read, as a node makes somebody ask for one whenever it likes. Nodes make proofs
/// of at most 32 MiB, whose files are longer by a third: enough for 2,000 epochs of a hundred validators.
const MAX_COMMITTEES: usize = 44 << 20;

/// A node, as a witness asks it.
pub trait Source {
    /// What it is called where it is told of.
    fn name(&self) -> &str;

    /// The header, with seals, of the block at a height; without one that of the newest.
    fn head(&self, height: Option<Height>) -> impl Future<Output = Result<CertifiedHeader, Unseen>>;

    /// The proof of all committees from the genesis document on.
    fn committees(&self) -> impl Future<Output = Result<Proof, Unseen>>;

    /// The note of its validator for a size; none if it has none.
    fn note(&self, size: u64) -> impl Future<Output = Result<Option<Note>, Unseen>>;

    /// A tile of the log.
    fn tile(&self, path: &TilePath) -> impl Future<Output = Result<Vec<u8>, Unseen>>;
}

/// That something was asked for and not seen, or is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{by}: {reason}")]
pub struct Unseen {
    /// Who was asked.
    pub by: String,
    /// What is wrong.
    pub reason: String,
}

/// A node over HTTP.
#[derive(Clone, Debug)]
pub struct NodeSource {
    url: String,
    client: Client,
}

/// Another witness over HTTP.
#[derive(Clone, Debug)]
pub struct OtherWitness {
    url: String,
    client: Client,
}

/// A note that somebody else shows, of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Who.
    pub by: String,
    /// The note.
    pub note: Note,
}

/// What somebody answers in time: whoever does not must hold nobody up.
pub(crate) async fn in_time<T>(
    by: &str,
    longest: Duration,
    answer: impl Future<Output = Result<T, Unseen>>,
) -> Result<T, Unseen> {
    let answer = timeout(longest, answer).await;
    answer.unwrap_or_else(|_| {
        let reason = format!("it does not answer within {} s", longest.as_secs());
        Err(Unseen::new(by, reason))
    })
}

/// A source's header at a height, which it must have.
pub(crate) async fn head_at<S: Source>(source: &S, height: Height) -> Result<CertifiedHeader, Unseen> {
    let head = in_time(source.name(), ANSWER, source.head(Some(height))).await?;
    match head.v1().height {
        got if got == height => Ok(head),
        got => {
            let reason = format!("it answers with block {got} where it is asked for block {height}");
            Err(Unseen::new(source.name(), reason))
        }
    }
}

impl Unseen {
    pub(crate) fn new(by: &str, reason: impl fmt::Display) -> Self {
        Self {
            by: by.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl NodeSource {
    /// The node at this URL, which is the only one that the client knows.
    pub fn new(url: String, client: Client) -> Self {
        Self { url, client }
    }

    fn unseen(&self, error: ClientError) -> Unseen {
        Unseen::new(&self.url, error)
    }
}

impl Source for NodeSource {
    fn name(&self) -> &str {
        &self.url
    }

    async fn head(&self, height: Option<Height>) -> Result<CertifiedHeader, Unseen> {
        let answer = self.client.certified_header(height).await;
        answer.map_err(|error| self.unseen(error))
    }

    async fn committees(&self) -> Result<Proof, Unseen> {
        let of = ProofOf::Committees { to: None };
        let answer = self.client.proof_up_to(of, MAX_COMMITTEES).await;
        let text = answer.map_err(|error| self.unseen(error))?;
        let file = ProofFile::read(text.as_bytes());
        file.map(|file| file.proof)
            .map_err(|refusal| Unseen::new(&self.url, refusal))
    }

    async fn note(&self, size: u64) -> Result<Option<Note>, Unseen> {
        let answer = self.client.checkpoint(Some(size)).await;
        let bytes = answer.map_err(|error| self.unseen(error))?;
        let note = bytes.map(|bytes| Note::parse(&bytes)).transpose();
        note.map_err(|error| Unseen::new(&self.url, error))
    }

    async fn tile(&self, path: &TilePath) -> Result<Vec<u8>, Unseen> {
        let answer = self.client.log_file(path).await;
        answer
            .map(|bytes| bytes.to_vec())
            .map_err(|error| self.unseen(error))
    }
}

impl OtherWitness {
    /// The witness at this URL, which is the only one that the client knows.
    pub fn new(url: String, client: Client) -> Self {
        Self { url, client }
    }

    /// Its newest note; none if it has none yet.
    ///
    /// # Errors
    /// If it cannot be asked, or what it shows is no note.
    pub async fn ask(&self) -> Result<Option<Shown>, Unseen> {
        let unseen = |reason: &dyn fmt::Display| Unseen::new(&self.url, reason);
        let asked = async { self.client.witnessed().await.map_err(|error| unseen(&error)) };
        let bytes = in_time(&self.url, ANSWER, asked).await?;
        let note = bytes.map(|bytes| Note::parse(&bytes)).transpose();
        let note = note.map_err(|error| unseen(&error))?;
        Ok(note.map(|note| Shown {
            by: self.url.clone(),
            note,
        }))
    }
}
