//! A proof that answers a question, and what was found of it.

use quorate_client::ProofOf;
use quorate_tools::failure::Failure;
use quorate_verifier::{Anchor, ProofFile, Verdict, Verifier};

use super::anchor::{is_empty, refused};
use super::question;

/// A proof that answers what was asked.
pub(crate) struct Answer {
    /// The file's text.
    pub(crate) text: String,
    /// What it has.
    pub(crate) file: ProofFile,
    /// The verdicts on it and on the committees behind it; none where there was nothing to check it against.
    pub(crate) verdicts: Vec<Verdict>,
}

impl Answer {
    /// Checks that this answers the question, and that it is proven as far as there is something to check it against.
    pub(crate) fn check(anchor: &Anchor, question: &ProofOf, text: String) -> Result<Self, Failure> {
        let file = ProofFile::read(text.as_bytes()).map_err(|refusal| refused(&refusal))?;
        question::check(question, &file)?;
        let verdicts = if is_empty(anchor) {
            Vec::new()
        } else {
            let mut verifier = Verifier::new(anchor.clone());
            let verdicts = verifier.check_file(text.as_bytes());
            verdicts.map_err(|refusal| refused(&refusal))?
        };
        Ok(Self { text, file, verdicts })
    }

    /// The verdict on what was asked; none where there was nothing to check it against.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.verdicts.first()
    }
}
