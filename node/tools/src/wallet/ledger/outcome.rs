//! What became of a transaction: by a node's word, or by what is proven.

use std::fmt;
use std::time::Duration;

use quorate_client::ClientError;
use quorate_client::schema::TransactionStatus;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{Execution, Proven, TrustError};
use quorate_ledger::{Address, Digest, Height, Timestamp, Transaction};
use tokio::time::Instant;

use super::{LOOK_EVERY, Ledger, unverified};
use crate::failure::{Exit, Failure};
use crate::wallet::Fate;

/// What a transaction's id does not say, and by what it is proven that it was not executed and never will be.
#[derive(Clone, Copy, Debug)]
pub struct Expiring {
    /// Whose account it is of.
    pub sender: Address,
    /// Until when it can be executed.
    pub expires_at: Timestamp,
}

/// What is proven of a transaction that may have expired.
enum Expired {
    /// It can still be executed.
    NotYet,
    /// No block executed it, and none will.
    NotExecuted,
    /// This block executed it.
    Executed(Height),
}

impl Ledger {
    /// What a node's word that a transaction will not be executed is worth to whoever believes no node:
    /// nothing, until a certified block is past its expiry and it is proven that none executed it. Whoever has its bytes
    /// may submit them until then.
    pub(super) async fn claimed(&self, transaction: &Transaction, claim: &str) -> Failure {
        let (id, expires_at) = (transaction.id(), transaction.intent().expires_at);
        let open = |why: String| {
            Failure::new(
                Exit::Unknown,
                format!("the node {claim}. That is its word alone: {why}"),
            )
            .hint(format!(
                "{}, and pay nobody again before it is known what became of it",
                found_by(transaction)
            ))
        };
        let expiring = Expiring {
            sender: transaction.intent().sender(),
            expires_at,
        };
        match self.executed_before_expiry(&id, expiring).await {
            Ok(Expired::NotExecuted) => Failure::new(
                Exit::Refused,
                format!("{id} was not executed and has expired, as is proven; the node {claim}"),
            ),
            Ok(Expired::Executed(height)) => Failure::new(
                Exit::CheckFailed,
                format!("the node {claim}, and block {height} executed {id}"),
            )
            .hint(format!("what became of it: quorate wallet wait {id}")),
            Ok(Expired::NotYet) => open(format!(
                "until {} the transaction may still be executed",
                rfc3339_of(expires_at)
            )),
            Err(failure) => open(format!(
                "the transaction may be executed until {}, or may have been: {}",
                rfc3339_of(expires_at),
                first_line(&failure)
            )),
        }
    }

    /// What is proven of a transaction once it has expired, by its sender's statement up to then, from which nothing can be
    /// left out.
    async fn executed_before_expiry(&self, id: &Digest, expiring: Expiring) -> Result<Expired, Failure> {
        let tip = self.tip().await?;
        let Expiring { sender, expires_at } = expiring;
        if tip.timestamp < expires_at {
            return Ok(Expired::NotYet);
        }
        let trusted = self.trusted.as_ref();
        let trusted =
            trusted.ok_or_else(|| Failure::failed("proofs are checked by the genesis document alone"))?;
        // Genesis's lead is in force, as protocol 1 changes no parameter; later, the agreement's `longest_lead_ms` counts.
        let from = expires_at.0.saturating_sub(trusted.parameters.max_expiry_lead_ms);
        let to = Timestamp(expires_at.0.max(from.saturating_add(1)));
        let client = self.client.at_least(tip.height);
        let mut genesis = trusted.genesis.lock().await;
        let statement = genesis.statement(&client, &sender, (Timestamp(from), to)).await?;
        if statement.value.complete_up_to.is_some() {
            return Ok(Expired::NotYet);
        }
        let entries = statement.value.entries.iter();
        let executed = entries.map(|entry| &entry.entry).find(|entry| entry.id == *id);
        Ok(executed.map_or(Expired::NotExecuted, |entry| Expired::Executed(entry.height)))
    }

    /// Fails with what is proven of a transaction that has expired and was not executed; nothing is proven yet if it
    /// does not.
    async fn fail_if_expired(&self, id: &Digest, expiring: Expiring) -> Result<(), Failure> {
        match self.executed_before_expiry(id, expiring).await {
            Ok(Expired::NotExecuted) => Err(Failure::new(
                Exit::Refused,
                format!(
                    "{id} was not executed and has expired, as is proven if {} sent it to expire at {}",
                    expiring.sender,
                    rfc3339_of(expiring.expires_at)
                ),
            )),
            // The next look at it tells how it was executed.
            Ok(Expired::NotYet | Expired::Executed(_)) => Ok(()),
            Err(failure) if failure.exit() == Exit::Unreachable => Ok(()),
            Err(failure) => Err(after_sending(id, failure)),
        }
    }

    /// Waits for a transaction that was submitted before. To whoever believes no node it is `expiring` by which an expired
    /// one is told from one that is not known.
    pub async fn wait(
        &self,
        id: &Digest,
        expiring: Option<Expiring>,
        patience: Duration,
    ) -> Result<Fate, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.client.transaction(id).await;
            let missing = matches!(found, Err(ClientError::NotFound { .. }));
            match found {
                Ok(view) if view.status != TransactionStatus::Pending => {
                    let outcome = Fate::of_view(&view);
                    self.confirm(&outcome).await?;
                    if !self.is_trustless() || view.status != TransactionStatus::Expired {
                        return Ok(outcome);
                    }
                    if let Some(expiring) = expiring {
                        self.fail_if_expired(id, expiring).await?;
                    }
                    // Its id alone does not say until when it may be executed.
                    return Err(Failure::new(
                        Exit::Unknown,
                        format!("the node says that {id} has expired without being executed. That is its word alone"),
                    )
                    .hint(format!("pay nobody again before that is proven: {}", proven_by(id))));
                }
                // That there is no such transaction is the node's word.
                Err(error @ ClientError::NotFound { .. })
                    if Instant::now() >= deadline && !self.is_trustless() =>
                {
                    return Err(error.into());
                }
                Ok(_) | Err(ClientError::NotFound { .. } | ClientError::Unreachable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if self.is_trustless()
                && let Some(expiring) = expiring
            {
                self.fail_if_expired(id, expiring).await?;
            }
            if Instant::now() >= deadline {
                let what = if missing { "not known" } else { "pending" };
                let hint = if self.is_trustless() {
                    format!(
                        "an expired transaction is not told from an unknown one by its id alone: {}",
                        proven_by(id)
                    )
                } else {
                    format!("quorate wallet wait {id}")
                };
                return Err(Failure::new(
                    Exit::Unknown,
                    format!("{id} is still {what} after {} s", patience.as_secs()),
                )
                .hint(hint));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// With the genesis document at hand, checks by a proof that the transaction was executed as the node says.
    pub async fn confirm(&self, outcome: &Fate) -> Result<(), Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(());
        };
        let is_executed = matches!(outcome.status.as_str(), "committed" | "failed");
        let (Some(height), Some(_)) = (outcome.height, outcome.index) else {
            if is_executed {
                return Err(Failure::new(
                    Exit::CheckFailed,
                    format!(
                        "the node says that {} is {} and not in which block, so that nothing shows it",
                        outcome.id, outcome.status
                    ),
                ));
            }
            return Ok(());
        };
        let client = self.client.at_least(height);
        let proven = trusted
            .genesis
            .lock()
            .await
            .transaction(&client, &outcome.id)
            .await;
        let proven = proven.map_err(|error| match error {
            ClientError::NotFound { detail } => ClientError::Unverified {
                reason: format!(
                    "it says that the block at height {height} executed {} and does not prove it: {detail}",
                    outcome.id
                ),
            },
            other => other,
        })?;
        let transaction = &proven.value;
        let index_proven = self.index_of(trusted, transaction).await?;
        if !is_executed || outcome.is_as_proven(transaction, index_proven) {
            return Ok(());
        }
        let id = outcome.id;
        Err(unverified(TrustError::NotExecuted { id, height }))
    }

    /// How a block executed a transaction: by a proof, or else looked for in all blocks from `tip` down to this time, as
    /// a node may keep a proof to itself. None without the genesis document, and if none did.
    pub async fn find_executed(
        &self,
        id: &Digest,
        earliest: Timestamp,
        tip: Height,
    ) -> Result<Option<(Height, Execution)>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        let client = self.client.at_least(tip);
        let proven = trusted.genesis.lock().await.transaction(&client, id).await;
        if let Ok(Proven { value, .. }) = proven
            && let Some(transaction) = value.transaction.clone()
        {
            let index = self.index_of(trusted, &value).await?;
            let execution = Execution {
                index,
                outcome: value.entry.outcome,
                transaction,
            };
            return Ok(Some((value.entry.height, execution)));
        }
        let mut height = tip;
        while height > Height::GENESIS {
            let block = self.verified(trusted, height).await?;
            if let Some(execution) = block.execution(id) {
                return Ok(Some((height, execution.clone())));
            }
            // The times of blocks only rise.
            if block.header().timestamp < earliest {
                return Ok(None);
            }
            height = Height(height.0.saturating_sub(1));
        }
        Ok(None)
    }
}

/// What is said of a transaction before it leaves: by what its end is found, and until when it has none.
pub(super) fn leaving(transaction: &Transaction) -> String {
    let (id, expires) = (transaction.id(), rfc3339_of(transaction.intent().expires_at));
    format!(
        "sending {id}\n  it expires at {expires}; to learn later how it ended: {}",
        found_by(transaction)
    )
}

/// The command that finds out what became of a transaction, or that nothing ever will.
fn found_by(transaction: &Transaction) -> String {
    let intent = transaction.intent();
    format!(
        "quorate wallet wait {} --account {} --expires {}",
        transaction.id(),
        intent.sender(),
        rfc3339_of(intent.expires_at)
    )
}

/// The same by its id alone: the rest is what was said when it was sent.
fn proven_by(id: &Digest) -> String {
    format!("quorate wallet wait {id} --account ADDRESS --expires TIME, as was said when it was sent")
}

/// Whether an error is a node's own word about what it was sent: it has the bytes then, whatever it says of them.
pub(super) fn says_what_became_of_it(error: &ClientError) -> bool {
    match error {
        ClientError::Unknown { .. } | ClientError::Unreachable { .. } => false,
        ClientError::Malformed { .. }
        | ClientError::NotFound { .. }
        | ClientError::Refused { .. }
        | ClientError::Busy { .. }
        | ClientError::Unverified { .. }
        | ClientError::Unproven { .. }
        | ClientError::Problem(_)
        | ClientError::Protocol { .. } => true,
    }
}

/// Whether an answer says nothing of what was sent: a node, or a proxy before it that has waited too long, failed, or
/// the answer cannot be read. What was sent may have been taken all the same.
pub(super) fn is_no_word_of_it(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => problem.status >= 500,
        ClientError::Protocol { .. } => true,
        _ => false,
    }
}

/// The failure of whoever does not hear what became of what was sent. Its id is what the user needs to find out later.
pub(super) fn unknown(id: &Digest, why: impl fmt::Display) -> Failure {
    Failure::new(Exit::Unknown, format!("the outcome of {id} is unknown: {why}"))
        .hint(format!("quorate wallet wait {id}"))
}

/// A failure that comes after the transaction left: that nothing was sent, or that there is no such thing, would be
/// untrue of it. Whatever failed, it says by what the end is found.
pub(super) fn after_sending(id: &Digest, failure: Failure) -> Failure {
    let exit = match failure.exit() {
        Exit::Unreachable | Exit::NotFound | Exit::Failed => Exit::Unknown,
        other => other,
    };
    Failure::new(
        exit,
        format!(
            "{id} was sent, and what became of it is not proven: {}",
            first_line(&failure)
        ),
    )
    .hint(format!("quorate wallet wait {id}"))
}

/// A failure without its hints.
fn first_line(failure: &Failure) -> String {
    failure.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::Problem;

    use super::*;

    #[test]
    fn what_was_sent_is_never_said_not_to_be() {
        let id = Digest([1; 32]);
        let found_by = format!("quorate wallet wait {id}");
        for (exit, says) in [
            (Exit::Unreachable, Exit::Unknown),
            (Exit::NotFound, Exit::Unknown),
            (Exit::Failed, Exit::Unknown),
            (Exit::CheckFailed, Exit::CheckFailed),
        ] {
            let failure = after_sending(
                &id,
                Failure::new(exit, "no node could be reached").hint("another"),
            );
            assert_eq!(failure.exit(), says, "{failure}");
            let said = failure.to_string();
            assert!(said.contains(&format!("{id} was sent")), "{said}");
            assert!(said.contains(&found_by), "{said}");
        }
        let said = unknown(&id, "the connection was closed").to_string();
        assert!(said.contains(&found_by), "{said}");
    }

    #[test]
    fn an_answer_that_is_none_says_nothing_of_what_was_sent() {
        let problem = |status| {
            ClientError::from_problem(Problem {
                kind: "about:blank".to_owned(),
                title: "Gateway Timeout".to_owned(),
                status,
                detail: "it answered without saying why".to_owned(),
                code: "unknown".to_owned(),
                id: None,
                operation: None,
                retry_after_ms: None,
            })
        };
        let unreadable = ClientError::Protocol {
            node: "http://127.0.0.1:8100/".to_owned(),
            reason: "expected value at line 1 column 1".to_owned(),
        };
        for open in [problem(500), problem(502), problem(504), unreadable] {
            assert!(is_no_word_of_it(&open), "{open}");
        }
        for closed in [
            problem(400),
            problem(401),
            problem(404),
            problem(422),
            problem(429),
        ] {
            assert!(!is_no_word_of_it(&closed), "{closed}");
        }
    }
}
