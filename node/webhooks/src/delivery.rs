//! The task of a hook: it reads, posts, waits and keeps, one event after the other.
//!
//! It may be dropped wherever it awaits: what it knows is in the hook's state, which changes between two awaits, and is
//! saved by whoever dropped it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_api::{EventPlace, Fault, Node, StreamCursor, StreamFilter, StreamedEvent, read_stream};
use quorate_client::schema::DeadLetter;
use quorate_ledger::{Height, Timestamp};
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep, sleep_until};

use crate::hook::{Hook, MAX_DEAD, Unsaved};
use crate::message::{Message, message_id};
use crate::pause::{pause_after, random};
use crate::post::Answer;

/// How often the cursor is written while events are posted. What a crash forgets is posted again.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The pause after the chain or a file could not be read or written.
const FAULT_PAUSE: Duration = Duration::from_secs(10);

/// The delivery of one hook.
pub(crate) struct Delivery {
    hook: Arc<Hook>,
    node: Arc<dyn Node>,
    heights: watch::Receiver<Height>,
    saved_at: Instant,
}

/// What a hook has waited for.
enum Next {
    /// The block that it reads next is certified.
    Block,
    /// Somebody asks for something.
    Asked,
    /// The node ends.
    End,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is delivered, or a dead letter.
    Past,
    /// The receiver is gone; the event is still the next one.
    Gone,
}

impl Delivery {
    pub(crate) fn new(hook: Arc<Hook>, node: Arc<dyn Node>) -> Self {
        Self {
            hook,
            heights: node.heights(),
            node,
            saved_at: Instant::now(),
        }
    }

    /// Delivers until the node ends.
    pub(crate) async fn run(&mut self) {
        loop {
            self.take_up_dead().await;
            let disabled = self.hook.state().progress.disabled;
            match self.next(disabled).await {
                Next::End => return,
                Next::Asked => {}
                Next::Block => self.read_and_deliver().await,
            }
        }
    }

    /// Waits for what is next; of a disabled hook nothing is but what somebody asks for.
    async fn next(&mut self, disabled: bool) -> Next {
        let hook = Arc::clone(&self.hook);
        let wanted = hook.state().progress.cursor.height;
        loop {
            let unsaved = hook.state().unsaved.any();
            let due = self.saved_at + SAVE_EVERY;
            let heights = &mut self.heights;
            let reached = async move {
                match disabled {
                    true => heights.wait_for(|_| false).await.is_ok(),
                    false => heights.wait_for(|height| *height >= wanted).await.is_ok(),
                }
            };
            tokio::select! {
                () = hook.wake.notified() => return Next::Asked,
                reached = reached => return if reached { Next::Block } else { Next::End },
                () = sleep_until(due), if unsaved => {}
            }
            self.save();
        }
    }

    async fn read_and_deliver(&mut self) {
        let cursor = self.hook.state().progress.cursor;
        let (events, after) = match self.read(&self.hook.filter, cursor) {
            Ok(read) => read,
            Err(fault) => {
                tracing::error!(webhook = %self.hook.config.name, %fault, "a webhook cannot read the chain");
                self.hook.state().error =
                    Some("this node cannot read its chain; its log says why".to_owned());
                sleep(FAULT_PAUSE).await;
                return;
            }
        };
        for event in &events {
            if self.deliver(event).await == Fate::Gone {
                return;
            }
            self.save_if_due();
        }
        let mut state = self.hook.state();
        if state.progress.cursor != after {
            state.progress.cursor = after;
            state.unsaved.progress = true;
        }
        drop(state);
        self.save_if_due();
    }

    /// Reads at the certified height; it may touch the disk.
    fn read(
        &self,
        filter: &StreamFilter,
        cursor: StreamCursor,
    ) -> Result<(Vec<StreamedEvent>, StreamCursor), Fault> {
        block_in_place(|| read_stream(self.node.snapshot()?.as_ref(), filter, cursor))
    }

    /// Tries an event until the receiver has it, or it is a dead letter, or the receiver is gone.
    async fn deliver(&mut self, event: &StreamedEvent) -> Fate {
        let hook = Arc::clone(&self.hook);
        let id = message_id(hook.network, &hook.config.name, event.place);
        let mut failed = 0_u32;
        loop {
            let answer = hook.receiver.post(Message { id: &id, event }).await;
            let (reason, retry_after) = match answer {
                Answer::Taken => {
                    let mut state = hook.state();
                    state.delivered = state.delivered.saturating_add(1);
                    if state.error.take().is_some() {
                        tracing::info!(webhook = %hook.config.name, %id, failed, "webhook delivers again");
                    }
                    state.go_past(event.after);
                    return Fate::Past;
                }
                Answer::Gone => {
                    self.disable();
                    return Fate::Gone;
                }
                Answer::Refused { reason, retry_after } => (reason, retry_after),
                Answer::Silent { reason } => (reason, None),
            };
            failed = failed.saturating_add(1);
            if hook.state().error.is_none() {
                tracing::warn!(webhook = %hook.config.name, %id, %reason, "webhook not delivered");
            }
            hook.state().note_failure(&reason);
            if failed >= hook.config.attempts() && self.bury(&id, event, failed) {
                return Fate::Past;
            }
            let pause = pause_after(failed, &hook.config, random(), retry_after);
            {
                let mut state = hook.state();
                state.attempts = failed;
                state.next_attempt = Some(Timestamp(now().0.saturating_add(millis(pause))));
            }
            self.save_if_due();
            tokio::select! {
                () = sleep(pause) => {}
                () = hook.wake.notified() => {
                    // First, as they may leave no room for this event.
                    self.take_up_dead().await;
                    if hook.state().progress.disabled {
                        return Fate::Gone;
                    }
                }
            }
        }
    }

    fn disable(&mut self) {
        let mut state = self.hook.state();
        state.note_failure("the receiver answered 410 Gone");
        state.set_disabled(true);
        drop(state);
        tracing::warn!(
            webhook = %self.hook.config.name,
            "the receiver is gone (410): the webhook is disabled until `quorate node webhooks retry`"
        );
        self.save();
    }

    /// Makes an event a dead letter, on disk, and moves past it. False: there is no room, or no disk.
    fn bury(&mut self, id: &str, event: &StreamedEvent, attempts: u32) -> bool {
        let hook = Arc::clone(&self.hook);
        let name = &hook.config.name;
        let mut state = hook.state();
        // A crash may have come between the letter and the cursor.
        state.dead.retain(|letter| letter.id != id);
        if state.dead.len() >= MAX_DEAD {
            tracing::warn!(webhook = %name, %id, "webhook waits: as many dead letters as are kept");
            return false;
        }
        let (height, index, ordinal) = match event.place {
            EventPlace::Transaction {
                height,
                index,
                ordinal,
            } => (height, Some(index), Some(ordinal)),
            EventPlace::Block { height } => (height, None, None),
        };
        let error = state.error.clone().unwrap_or_default();
        state.dead.push(DeadLetter {
            id: id.to_owned(),
            height,
            index,
            ordinal,
            log_from: event.log_from,
            attempts,
            error: error.clone(),
            at: now(),
        });
        state.unsaved.dead = true;
        drop(state);
        if !self.save() {
            // Not on disk, so not past it: it is tried again.
            hook.state().dead.retain(|letter| letter.id != id);
            return false;
        }
        tracing::warn!(webhook = %name, %id, attempts, %error, "webhook gives an event up: a dead letter");
        let mut state = hook.state();
        state.error = None;
        state.go_past(event.after);
        drop(state);
        self.save();
        true
    }

    /// Tries all dead letters once, if somebody has asked for it.
    async fn take_up_dead(&mut self) {
        let hook = Arc::clone(&self.hook);
        let letters = {
            let mut state = hook.state();
            if !std::mem::take(&mut state.retry) {
                return;
            }
            if state.progress.disabled {
                tracing::info!(webhook = %hook.config.name, "webhook enabled again");
                state.set_disabled(false);
                state.error = None;
            }
            state.dead.clone()
        };
        for letter in letters {
            let event = match self.event_of(&letter) {
                Ok(event) => event,
                Err(fault) => {
                    tracing::error!(webhook = %hook.config.name, id = %letter.id, %fault, "a dead letter cannot be read");
                    continue;
                }
            };
            let message = Message {
                id: &letter.id,
                event: &event,
            };
            let answer = hook.receiver.post(message).await;
            match answer {
                Answer::Taken => {
                    let mut state = hook.state();
                    state.dead.retain(|kept| kept.id != letter.id);
                    state.delivered = state.delivered.saturating_add(1);
                    state.unsaved.dead = true;
                }
                Answer::Gone => {
                    self.disable();
                    return;
                }
                Answer::Refused { reason, .. } => self.note_dead_attempt(&letter, &reason),
                // Whoever does not answer to one does not answer to the others.
                Answer::Silent { reason } => {
                    self.note_dead_attempt(&letter, &reason);
                    break;
                }
            }
            self.save_if_due();
        }
        self.save();
    }

    fn note_dead_attempt(&self, letter: &DeadLetter, reason: &str) {
        let mut state = self.hook.state();
        state.note_dead_attempt(&letter.id, reason, now());
        state.unsaved.dead = true;
    }

    /// The event of a dead letter, read again: the chain keeps it.
    fn event_of(&self, letter: &DeadLetter) -> Result<StreamedEvent, Fault> {
        let filter = StreamFilter {
            blocks: letter.index.is_none(),
            transactions: letter.index.is_some(),
            ..StreamFilter::ALL
        };
        let cursor = StreamCursor {
            index: letter.index.unwrap_or_default(),
            log_from: Some(letter.log_from),
            ..StreamCursor::at(letter.height)
        };
        let (events, _) = self.read(&filter, cursor)?;
        let event = events.into_iter().next();
        event
            .filter(|event| message_id(self.hook.network, &self.hook.config.name, event.place) == letter.id)
            .ok_or_else(|| Fault(format!("block {} has no such event", letter.height)))
    }

    fn save_if_due(&mut self) {
        if self.saved_at.elapsed() >= SAVE_EVERY {
            self.save();
        }
    }

    /// Writes what is not on disk: dead letters first, so that no event is in neither file. False if that fails; it is
    /// tried again later.
    pub(crate) fn save(&mut self) -> bool {
        self.saved_at = Instant::now();
        let hook = &self.hook;
        let (unsaved, progress, dead) = {
            let state = hook.state();
            if !state.unsaved.any() {
                return true;
            }
            let dead = state.unsaved.dead.then(|| state.dead.clone());
            (state.unsaved, state.progress, dead)
        };
        let written = block_in_place(|| {
            if let Some(dead) = &dead {
                hook.files.write_dead(dead)?;
            }
            if unsaved.progress {
                hook.files.write_progress(progress)?;
            }
            Ok::<_, crate::FileError>(())
        });
        match written {
            Ok(()) => {
                // Nobody but this task changes what is saved.
                hook.state().unsaved = Unsaved::default();
                true
            }
            Err(error) => {
                tracing::error!(webhook = %hook.config.name, %error, "a webhook cannot keep how far it has come");
                false
            }
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(millis(since))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
