//! Flushing on threads of their own: one for the journal, one for the chain database. Each waits
//! for work, takes all there is, flushes once (group commit), and says what is on disk now.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use quorate_storage::{Chain, Journal};

use crate::fatal;
use crate::inbox::{Event, Inbox};
use crate::writes::WriteCount;

/// Hands records to the journal's thread.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    sender: Sender<Vec<Vec<u8>>>,
}

impl JournalWriter {
    /// Appends `records`; once they are on disk the core hears of it.
    pub(crate) fn append(&self, records: Vec<Vec<u8>>) {
        if self.sender.send(records).is_err() {
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

fn run_journal(journal: &Journal, receiver: &Receiver<Vec<Vec<u8>>>, inbox: &Inbox) {
    while let Ok(mut records) = receiver.recv() {
        while let Ok(more) = receiver.try_recv() {
            records.extend(more);
        }
        let written = journal
            .append(&records)
            .and_then(|last| journal.sync().map(|()| last));
        match written {
            Ok(last) => inbox.put(Event::JournalFlushed(last)),
            Err(error) => fatal(&format!("the journal cannot be written: {error}")),
        }
    }
}

/// Asks the chain database's thread for flushes.
#[derive(Clone, Debug)]
pub(crate) struct ChainFlusher {
    sender: Sender<u64>,
}

impl ChainFlusher {
    /// All that is written to the chain database by now is to be on disk soon, and so many batch writes,
    /// the last of which may be under way: nobody asks for it again.
    pub(crate) fn request(&self, batch_writes: u64) {
        // The thread ends only with the node.
        let _ = self.sender.send(batch_writes);
    }
}

/// Starts the chain database's flushing thread; `batch_writes` counts the batches written.
pub(crate) fn start_chain(
    chain: Arc<Chain>,
    batch_writes: Arc<WriteCount>,
    inbox: Inbox,
) -> (ChainFlusher, JoinHandle<()>) {
    let (sender, receiver) = channel::<u64>();
    let thread = std::thread::Builder::new()
        .name("chain-flush".to_owned())
        .spawn(move || {
            while let Ok(mut wanted) = receiver.recv() {
                while let Ok(more) = receiver.try_recv() {
                    wanted = wanted.max(more);
                }
                let batches = batch_writes.wait_for(wanted);
                let height = chain.tip().height;
                if let Err(error) = chain.sync() {
                    fatal(&format!("the chain database cannot be written: {error}"));
                }
                inbox.put(Event::ChainFlushed { batches, height });
            }
        })
        .expect("a thread can be started");
    (ChainFlusher { sender }, thread)
}
