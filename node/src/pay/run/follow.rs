//! Following one signed transaction until a certified block has executed it or is past its expiry, and what a node's
//! refusal is worth: nothing to whoever believes no node, and nothing once the bytes may be on their way elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_client::schema::{Submitted, SubmittedStatus, TransactionStatus};
use quorate_client::{ClientError, Wait};
use quorate_ledger::{Digest, ErrorCode, Height, Outcome, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::wallet::{Fate, Tip};
use tokio::time::Instant;

use super::{Run, State};
use crate::pay::journal::{Known, Paid, Signed};
use crate::pay::plan::{EXPIRY_GRID_MS, Unit};

/// The longest wait that a node is asked for in one call.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The pause before a node is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of one signed transaction.
pub(super) enum Resolution {
    /// A certified block executed it.
    Executed {
        place: Paid,
        failed: Option<(String, Option<u16>)>,
    },
    /// A certified block is past its expiry and none executed it.
    Expired { tip: Tip },
    /// No node took it.
    Refused {
        code: String,
        operation: Option<u16>,
        reason: String,
    },
}

impl Run<'_> {
    /// Sends a signed transaction until it is executed, can no longer be executed, or is surely refused.
    pub(super) async fn follow(&self, signed: Signed, who: impl Follower) -> Result<Resolution, Failure> {
        let deadline = Instant::now() + self.patience;
        let mut in_doubt = signed.in_doubt;
        let mut last = None;
        // The next node is asked whenever one is busy, silent or slow.
        for client in self.nodes.iter().cycle() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let wait = Wait::Committed(left.min(LONGEST_WAIT));
            let mut pause = PAUSE;
            // From here on the bytes may be out, and an interrupt leaves no answer that says whether they are.
            let doubted = who.doubt(&mut self.state().known, true);
            let answer = client.submit(signed.bytes.clone(), wait).await;
            let was_given = match &answer {
                Err(ClientError::Unreachable { .. }) => false,
                // That it was not taken is the node's word.
                Err(ClientError::Busy { .. }) => self.ledger.is_trustless(),
                _ => true,
            };
            if was_given {
                // Whatever it says of them, it has the bytes: until it is known what became of them, they may be executed.
                self.state().sent = true;
            } else {
                who.doubt(&mut self.state().known, doubted);
            }
            match answer {
                Ok(submitted) => match self.fate(&signed, &submitted).await? {
                    Some(fate) => return Ok(fate),
                    None => in_doubt = true,
                },
                Err(ClientError::Refused {
                    code,
                    detail,
                    operation,
                    ..
                }) => {
                    if let Some(fate) = self.dead_or_executed(&signed).await? {
                        return Ok(fate);
                    }
                    // What may be on its way elsewhere is not refused yet; nor is, for whoever believes no
                    // node, what one says it refuses: it has the bytes, and may submit them until they expire.
                    if !in_doubt && code != "expired" && !self.ledger.is_trustless() {
                        return Ok(Resolution::Refused {
                            code,
                            operation,
                            reason: detail,
                        });
                    }
                    if self.ledger.is_trustless() {
                        in_doubt = true;
                        if operation.is_some() {
                            who.claim(&mut self.state())?;
                        }
                        last = Some(format!("a node refuses it ({code}): {detail}"));
                    } else {
                        last = Some(detail);
                    }
                }
                Err(ClientError::Busy {
                    detail,
                    retry_after_ms,
                }) => {
                    pause = Duration::from_millis(retry_after_ms);
                    last = Some(detail);
                }
                Err(ClientError::Unknown { reason }) => {
                    in_doubt = true;
                    last = Some(reason);
                }
                Err(ClientError::Unreachable { reason }) => last = Some(reason),
                Err(error) => return Err(error.into()),
            }
            if in_doubt {
                who.doubt(&mut self.state().known, true);
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        }
        Err(self.out_of_time(&signed, in_doubt, last))
    }

    fn out_of_time(&self, signed: &Signed, in_doubt: bool, last: Option<String>) -> Failure {
        let reason = last.unwrap_or_else(|| "it was admitted and not committed".to_owned());
        let seconds = self.patience.as_secs();
        if in_doubt || self.state().sent {
            Failure::new(
                Exit::Unknown,
                format!("{} is undecided after {seconds} s: {reason}", signed.id),
            )
            .hint("run the same command again: what was signed is sent again, nothing is paid twice")
        } else {
            Failure::new(
                Exit::Unreachable,
                format!("nothing could be sent within {seconds} s: {reason}"),
            )
        }
    }

    /// What an answer to a submission decides; none: nothing yet.
    async fn fate(&self, signed: &Signed, submitted: &Submitted) -> Result<Option<Resolution>, Failure> {
        match submitted.status {
            SubmittedStatus::Committed | SubmittedStatus::Failed => {
                let outcome = Fate::of_submitted(signed.id, submitted);
                self.ledger.confirm(&outcome).await?;
                executed(
                    signed.id,
                    submitted.height,
                    submitted.index,
                    failure_of(submitted),
                )
                .map(Some)
            }
            SubmittedStatus::Pending => Ok(None),
            SubmittedStatus::Expired | SubmittedStatus::Refused => self.dead_or_executed(signed).await,
        }
    }

    /// Whether a certified block is past the transaction's expiry, and if so what became of it up to then.
    async fn dead_or_executed(&self, signed: &Signed) -> Result<Option<Resolution>, Failure> {
        let tip = self.ledger.tip().await?;
        if tip.timestamp < signed.expires_at {
            return Ok(None);
        }
        match self
            .ledger
            .client()
            .at_least(tip.height)
            .transaction(&signed.id)
            .await
        {
            Ok(view) => match view.status {
                TransactionStatus::Committed | TransactionStatus::Failed => {
                    self.ledger.confirm(&Fate::of_view(&view)).await?;
                    let failed = (view.status == TransactionStatus::Failed)
                        .then(|| (view.code.unwrap_or_default(), view.failed_operation));
                    executed(signed.id, view.height, view.index, failed).map(Some)
                }
                TransactionStatus::Pending | TransactionStatus::Expired => {
                    self.surely_expired(signed, tip).await.map(Some)
                }
            },
            Err(ClientError::NotFound { .. }) => self.surely_expired(signed, tip).await.map(Some),
            Err(ClientError::Unreachable { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A node says that a transaction was not executed before it expired. Who believes no node looks into
    /// the blocks in which it could have been: signing its rows anew would else pay them twice.
    async fn surely_expired(&self, signed: &Signed, tip: Tip) -> Result<Resolution, Failure> {
        // No node has a part in this bound: it expires at the first mark after what was certified when it was
        // signed, or at a later one for each at which its rows had failed.
        let failed = self.state().known.failed.values().map(BTreeSet::len).max();
        let marks = u64::try_from(failed.unwrap_or(0))
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let lead = EXPIRY_GRID_MS.saturating_mul(marks);
        let earliest = signed.expires_at.0.saturating_sub(lead);
        let found = self
            .ledger
            .find_executed(&signed.id, Timestamp(earliest), tip.height)
            .await?;
        match found {
            None => Ok(Resolution::Expired { tip }),
            Some((height, execution)) => {
                let failed = match execution.outcome {
                    Outcome::Success { .. } => None,
                    Outcome::Failed { code, operation } => Some((name_of(code), Some(u16::from(operation)))),
                };
                executed(signed.id, Some(height), Some(execution.index), failed)
            }
        }
    }
}

/// Who is told that a transaction may be on its way.
pub(super) trait Follower {
    /// Notes whether it may be; gives what was noted before.
    fn doubt(&self, known: &mut Known, in_doubt: bool) -> bool;

    /// A node that is not believed refuses it for one of its operations.
    fn claim(&self, state: &mut State) -> Result<(), Failure>;
}

impl Follower for Unit {
    fn doubt(&self, known: &mut Known, in_doubt: bool) -> bool {
        let live = known.live.get_mut(self);
        live.is_some_and(|live| std::mem::replace(&mut live.in_doubt, in_doubt))
    }

    fn claim(&self, state: &mut State) -> Result<(), Failure> {
        if self.count > 1 && state.known.claimed.insert(self.first) {
            state.journal.claimed(self.first)?;
        }
        Ok(())
    }
}

/// The transaction that only notes something: it pays nobody.
pub(super) struct Note;

impl Follower for Note {
    fn doubt(&self, _: &mut Known, _: bool) -> bool {
        false
    }

    fn claim(&self, _: &mut State) -> Result<(), Failure> {
        Ok(())
    }
}

/// What the API calls it.
fn name_of(code: ErrorCode) -> String {
    let name = code.name().map(str::to_owned);
    name.unwrap_or_else(|| code.number().to_string())
}

fn failure_of(submitted: &Submitted) -> Option<(String, Option<u16>)> {
    (submitted.status == SubmittedStatus::Failed).then(|| {
        (
            submitted.code.clone().unwrap_or_default(),
            submitted.failed_operation,
        )
    })
}

fn executed(
    id: Digest,
    height: Option<Height>,
    index: Option<u32>,
    failed: Option<(String, Option<u16>)>,
) -> Result<Resolution, Failure> {
    let (Some(height), Some(index)) = (height, index) else {
        return Err(Failure::failed(format!(
            "a node says that {id} was executed, and not where"
        )));
    };
    Ok(Resolution::Executed {
        place: Paid { id, height, index },
        failed,
    })
}
