//! Sending a transaction and following it: until it is settled, or until nothing can settle it.

use std::time::Duration;

use quorate_client::schema::{Submitted, Validator, VotingView};
use quorate_client::{Bytes, ClientError, Wait};
use quorate_ledger::{Submission, encode};
use tokio::time::Instant;

use super::Ledger;
use super::outcome::{after_sending, is_no_word_of_it, leaving, says_what_became_of_it, unknown};
use crate::failure::Failure;
use crate::output::{printable, say};
use crate::wallet::Fate;

/// How long a transaction may take before a node is asked what is in its way.
const ASK_WHY_AFTER: Duration = Duration::from_secs(3);

/// Why nothing is committed.
enum Obstacle {
    /// It may end by itself, or by what others do.
    Passing(String),
    /// Nothing on this chain ends it.
    Lasting(String),
}

impl Ledger {
    /// Fails if no validator could commit anything, whatever one waits for: so the nodes say.
    pub async fn check_quorum(&self) -> Result<(), Failure> {
        match self.client.status().await?.no_quorum_left {
            None => Ok(()),
            Some(what) => Err(Failure::failed(format!("nothing was sent: {what}"))),
        }
    }

    /// Why what was sent is not committed, as far as a node sees that; none if it sees nothing in the way.
    async fn obstacle(&self) -> Option<Obstacle> {
        let status = self.client.status().await.ok()?;
        if let Some(what) = status.no_quorum_left {
            return Some(Obstacle::Lasting(what));
        }
        let list = self.client.validators().await.ok()?;
        let is_there = |validator: &Validator| {
            let votes = matches!(validator.voting, VotingView::Yes | VotingView::Unknown);
            votes && validator.connected != Some(false)
        };
        let (there, away): (Vec<_>, Vec<_>) = list.validators.iter().partition(|one| is_there(one));
        let away: Vec<&str> = away.iter().map(|validator| validator.name.as_str()).collect();
        let present = u64::try_from(there.len()).unwrap_or(u64::MAX);
        (present < list.quorum).then(|| {
            Obstacle::Passing(printable(&format!(
                "{} reaches {present} of {} validators that vote, itself included, and a quorum needs {}; missing: {}",
                status.validator,
                list.validators.len(),
                list.quorum,
                away.join(", ")
            )))
        })
    }

    /// Follows a transaction, and says after a while what is in its way. Gives up before the time where nothing
    /// can be committed any more.
    async fn settle(&self, bytes: Bytes, wait: Duration) -> Result<Submitted, ClientError> {
        let settled = self.client.settle(bytes, Instant::now() + wait);
        tokio::pin!(settled);
        let mut seen = None;
        loop {
            tokio::select! {
                ended = &mut settled => {
                    return match (ended, seen) {
                        (Err(ClientError::Unknown { reason }), Some(why)) => {
                            Err(ClientError::Unknown { reason: format!("{reason}: {why}") })
                        }
                        (ended, _) => ended,
                    };
                }
                () = tokio::time::sleep(ASK_WHY_AFTER) => {}
            }
            // Looking takes its time where a node hangs; what is followed goes on meanwhile.
            let found = tokio::select! {
                ended = &mut settled => return ended,
                found = self.obstacle() => found,
            };
            let why = match found {
                Some(Obstacle::Lasting(reason)) => return Err(ClientError::Unknown { reason }),
                Some(Obstacle::Passing(why)) => Some(why),
                None => None,
            };
            if let Some(why) = &why
                && seen.as_ref() != Some(why)
            {
                say(format!("not committed yet: {why}"));
            }
            seen = why;
        }
    }

    /// Submits a transaction with its texts and follows it as long as `wait` says. Its id is said before anything leaves:
    /// by that its end is found, should this process not see it.
    pub async fn send(&self, submission: &Submission, wait: Option<Duration>) -> Result<Fate, Failure> {
        self.check_quorum().await?;
        say(leaving(submission.transaction()));
        self.send_kept(submission, wait).await
    }

    /// The same of one in a file that the user keeps, and of which was said what is sent of it.
    pub async fn send_kept(&self, submission: &Submission, wait: Option<Duration>) -> Result<Fate, Failure> {
        let transaction = submission.transaction();
        let id = transaction.id();
        let bytes = Bytes::from(encode(submission));
        let submitted = match wait {
            Some(wait) => self.settle(bytes, wait).await,
            None => self.client.submit(bytes, Wait::Admitted).await,
        };
        let outcome = match submitted {
            Ok(submitted) => Fate {
                unproven_decimals: self.unproven_decimals().await,
                ..Fate::of_submitted(id, &submitted)
            },
            Err(error) if self.is_trustless() && says_what_became_of_it(&error) => {
                return Err(self.claimed(transaction, &format!("answers: {error}")).await);
            }
            Err(ClientError::Unknown { reason }) => return Err(unknown(&id, reason)),
            Err(error) if is_no_word_of_it(&error) => return Err(unknown(&id, error)),
            Err(error) => return Err(error.into()),
        };
        let confirmed = self.confirm(&outcome).await;
        confirmed.map_err(|failure| after_sending(&id, failure))?;
        if self.is_trustless() && matches!(outcome.status.as_str(), "refused" | "expired") {
            let claim = format!("says that it is {}", outcome.status);
            return Err(self.claimed(transaction, &claim).await);
        }
        Ok(outcome)
    }
}
