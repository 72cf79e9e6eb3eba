//! The event stream, read as server-sent events and resumed after every break at the last event seen.
//!
//! Each event names the part of the transaction log that it speaks for. The reader checks that these parts follow each
//! other, over breaks and other nodes too: what it gives is complete, or it says that something is missing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use quorate_ledger::{Address, AssetCode};

use crate::schema::{Block, BlockEvent, OperationKind, Transaction, TransactionEvent};
use crate::{Client, ClientError};

/// The longest line that is read: a block with as many ids as fit into its batches stays below.
const MAX_LINE: usize = 32 << 20;

/// The pause before a broken stream is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);

/// Which events to receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Leave out blocks.
    pub without_blocks: bool,
    /// Leave out transactions.
    pub without_transactions: bool,
    /// Only transactions that this account sent or received something by.
    pub account: Option<Address>,
    /// Only transactions with an operation about this asset.
    pub asset: Option<AssetCode>,
    /// Only transactions with an operation of this kind; with an asset too, one operation has to be both.
    pub kind: Option<OperationKind>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// A block was certified.
    Block {
        /// To resume after it.
        id: String,
        /// The block.
        block: Box<Block>,
    },
    /// A transaction was executed in a certified block; it comes before its block's own event.
    Transaction {
        /// To resume after it.
        id: String,
        /// The transaction.
        transaction: Box<Transaction>,
    },
}

/// Events as they happen. Ends only when a node refuses the request itself, or leaves something out.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<StreamEvent, ClientError>> + Send>>;

type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

struct Reader {
    client: Client,
    query: Vec<(&'static str, String)>,
    last: Option<String>,
    body: Option<Body>,
    /// Who sends the body.
    node: String,
    parser: SseParser,
    ready: VecDeque<Result<StreamEvent, ClientError>>,
    /// From which entry of the transaction log on the next event has to speak, once there was one.
    log_from: Option<u64>,
    refused: bool,
}

impl Client {
    /// Events from after `last_event_id`, or from now on.
    pub fn events(&self, filter: EventFilter, last_event_id: Option<String>) -> EventStream {
        let mut query = Vec::new();
        match (filter.without_blocks, filter.without_transactions) {
            (false, false) | (true, true) => {}
            (false, true) => query.push(("types", "block".to_owned())),
            (true, false) => query.push(("types", "transaction".to_owned())),
        }
        query.extend(filter.account.map(|account| ("account", account.to_string())));
        query.extend(filter.asset.map(|asset| ("asset", asset.to_string())));
        query.extend(filter.kind.map(|kind| ("kind", kind.to_string())));
        let reader = Reader {
            client: self.clone(),
            query,
            last: last_event_id,
            body: None,
            node: String::new(),
            parser: SseParser::default(),
            ready: VecDeque::new(),
            log_from: None,
            refused: false,
        };
        Box::pin(futures::stream::unfold(reader, |mut reader| async move {
            let event = reader.next().await?;
            Some((event, reader))
        }))
    }
}

impl Reader {
    async fn next(&mut self) -> Option<Result<StreamEvent, ClientError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.refused = event.is_err();
                return Some(event);
            }
            if self.refused {
                return None;
            }
            let Some(body) = &mut self.body else {
                match self.client.open_events(&self.query, self.last.as_deref()).await {
                    Ok(response) => {
                        self.parser = SseParser::default();
                        self.node = response.url().origin().ascii_serialization();
                        self.body = Some(Box::pin(response.bytes_stream()));
                    }
                    Err(ClientError::Unreachable { .. }) => tokio::time::sleep(REOPEN_PAUSE).await,
                    Err(error) => {
                        self.refused = true;
                        return Some(Err(error));
                    }
                }
                continue;
            };
            match body.next().await {
                Some(Ok(chunk)) => match self.parser.push(&chunk) {
                    Ok(frames) => self.take(frames),
                    Err(TooLong) => self.body = None,
                },
                Some(Err(_)) | None => {
                    self.body = None;
                    tokio::time::sleep(REOPEN_PAUSE).await;
                }
            }
        }
    }

    /// Keeps what is understood: later versions may add kinds of events.
    fn take(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            let id = frame.id.unwrap_or_default();
            if !id.is_empty() {
                self.last = Some(id.clone());
            }
            let (event, log_from, next) = match frame.event.as_str() {
                "block" => {
                    let Ok(BlockEvent { block, log_from }) = serde_json::from_str(&frame.data) else {
                        continue;
                    };
                    let next = block.log_size;
                    let event = StreamEvent::Block {
                        id: id.clone(),
                        block: Box::new(block),
                    };
                    (event, log_from, next)
                }
                "transaction" => {
                    let read = serde_json::from_str(&frame.data);
                    let Ok(TransactionEvent {
                        transaction,
                        log_from,
                    }) = read
                    else {
                        continue;
                    };
                    let next = transaction.ordinal.unwrap_or(log_from).saturating_add(1);
                    let event = StreamEvent::Transaction {
                        id: id.clone(),
                        transaction: Box::new(transaction),
                    };
                    (event, log_from, next)
                }
                _ => continue,
            };
            if let Some(wanted) = self.log_from.filter(|wanted| *wanted != log_from) {
                self.ready.push_back(Err(ClientError::Protocol {
                    node: self.node.clone(),
                    reason: format!(
                        "its event {id} speaks for the transaction log from {log_from} on, and {wanted} was to come next"
                    ),
                }));
                return;
            }
            self.log_from = Some(next);
            self.ready.push_back(Ok(event));
        }
    }
}

/// One dispatched frame of a stream of server-sent events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The event's type.
    pub event: String,
    /// Its id, if the stream gave one.
    pub id: Option<String>,
    /// Its data, lines joined by newlines.
    pub data: String,
}

/// A line longer than any that a node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Cuts a byte stream into server-sent events (WHATWG HTML, section 9.2.6).
#[derive(Clone, Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
}

impl SseParser {
    /// Takes the next bytes and gives the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let complete = part.ends_with(b"\n");
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            if self.line.len() + content.len() > MAX_LINE {
                return Err(TooLong);
            }
            self.line.extend_from_slice(content);
            if complete {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
                frames.extend(self.on_line(&line)?);
            }
        }
        Ok(frames)
    }

    fn on_line(&mut self, line: &str) -> Result<Option<Frame>, TooLong> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return Ok(std::mem::take(&mut self.has_data).then_some(frame));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.frame.event = value.to_owned(),
            "id" => self.frame.id = Some(value.to_owned()),
            "data" => {
                if self.frame.data.len() + value.len() > MAX_LINE {
                    return Err(TooLong);
                }
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nid: 7\nevent: block\ndata: {\"a\":1,\ndata: \"b\":2}\n\n\
                          event: transaction\r\ndata:x\r\n\r\nid: 9\n\ndata: unfinished\n";

    fn expected() -> Vec<Frame> {
        vec![
            Frame {
                event: "block".to_owned(),
                id: Some("7".to_owned()),
                data: "{\"a\":1,\n\"b\":2}".to_owned(),
            },
            Frame {
                event: "transaction".to_owned(),
                id: None,
                data: "x".to_owned(),
            },
        ]
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        for size in 1..STREAM.len() {
            let mut parser = SseParser::default();
            let mut frames = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                frames.extend(parser.push(chunk).expect("lines are short"));
            }
            assert_eq!(frames, expected(), "in chunks of {size}");
        }
    }

    #[test]
    fn endless_lines_are_given_up() {
        let mut parser = SseParser::default();
        let chunk = vec![b'a'; MAX_LINE / 2 + 1];
        assert_eq!(parser.push(&chunk), Ok(Vec::new()));
        assert_eq!(parser.push(&chunk), Err(TooLong));
    }
}
