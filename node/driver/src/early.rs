//! What belongs to an epoch that has not begun here, kept until it has.

use std::collections::VecDeque;

use crate::effect::Event;

/// Messages that are kept; those that find no room are sent again by their senders.
const MAX_MESSAGES: usize = 4_096;

/// The events, in order.
#[derive(Debug, Default)]
pub(crate) struct Early {
    events: VecDeque<Event>,
    messages: usize,
}

impl Early {
    /// Keeps an event. Messages have a bound of their own; batches are told of once, and quotas bound them;
    /// the rest follows from blocks applied here while the chain is flushed.
    pub(crate) fn keep(&mut self, event: Event) {
        if matches!(event, Event::Message(_)) {
            if self.messages >= MAX_MESSAGES {
                return;
            }
            self.messages += 1;
        }
        self.events.push_back(event);
    }

    /// Takes out all that is kept: what is early still is kept again by the caller.
    pub(crate) fn take(&mut self) -> VecDeque<Event> {
        self.messages = 0;
        std::mem::take(&mut self.events)
    }
}
