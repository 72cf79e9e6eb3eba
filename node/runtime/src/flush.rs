//! Flushing on threads of their own: one for the journal, one for the chain database. Each waits
//! for work, takes all there is, flushes once (group commit), and says what is on disk now.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use quorate_driver::{EntryNumber, Event, WriteNumber};
use quorate_storage::{Chain, Journal};

use crate::inbox::Inbox;
use crate::writes::WriteCount;
use crate::{fatal, fatal_at_database};

/// Entries for the journal, with the numbers that the driver has given them.
type Entries = Vec<(EntryNumber, Vec<u8>)>;

/// Hands entries to the journal's thread.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    sender: Sender<Entries>,
}

impl JournalWriter {
    /// Appends `entries`; once they are on disk the core hears of it.
    pub(crate) fn append(&self, entries: Entries) {
        if self.sender.send(entries).is_err() {
            fatal("the journal's thread has ended, so votes can no longer be made durable");
        }
    }
}

/// Starts the journal's thread. It ends when the writer is dropped.
pub(crate) fn start_journal(journal: Arc<Journal>, inbox: Inbox) -> (JournalWriter, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || run_journal(&journal, &receiver, &inbox))
        .expect("a thread can be started");
    (JournalWriter { sender }, thread)
}

fn run_journal(journal: &Journal, receiver: &Receiver<Entries>, inbox: &Inbox) {
    while let Ok(mut entries) = receiver.recv() {
        while let Ok(more) = receiver.try_recv() {
            entries.extend(more);
        }
        let last = entries.last().map(|(number, _)| *number);
        let records: Vec<Vec<u8>> = entries.into_iter().map(|(_, record)| record).collect();
        let written = journal
            .append(&records)
            .and_then(|last| journal.sync().map(|()| EntryNumber(last)));
        match written {
            Ok(written) if last.is_none_or(|last| last == written) => {
                inbox.put(Event::JournalFlushed(written));
            }
            Ok(written) => fatal(&format!(
                "the journal's last entry is {written} and not {}: votes would be taken for durable that are not",
                last.unwrap_or_default()
            )),
            Err(error) => fatal_at_database("the journal cannot be written", &error),
        }
    }
}

/// Asks the chain database's thread for flushes.
#[derive(Clone, Debug)]
pub(crate) struct ChainFlusher {
    sender: Sender<WriteNumber>,
}

impl ChainFlusher {
    /// Requests a flush of everything written so far, including the first `writes` batch writes. The thread
    /// waits for the last of these, so one request is enough.
    pub(crate) fn request(&self, writes: WriteNumber) {
        // The thread ends only with the node.
        let _ = self.sender.send(writes);
    }
}

/// Starts the chain database's flushing thread; `batch_writes` counts the batches written.
pub(crate) fn start_chain(
    chain: Arc<Chain>,
    batch_writes: Arc<WriteCount>,
    inbox: Inbox,
) -> (ChainFlusher, JoinHandle<()>) {
    let (sender, receiver) = channel::<WriteNumber>();
    let thread = std::thread::Builder::new()
        .name("chain-flush".to_owned())
        .spawn(move || {
            while let Ok(mut wanted) = receiver.recv() {
                while let Ok(more) = receiver.try_recv() {
                    wanted = wanted.max(more);
                }
                let writes = batch_writes.wait_for(wanted);
                let height = chain.tip().height;
                if let Err(error) = chain.sync() {
                    fatal_at_database("the chain database cannot be written", &error);
                }
                inbox.put(Event::ChainFlushed { writes, height });
            }
        })
        .expect("a thread can be started");
    (ChainFlusher { sender }, thread)
}
