//! Server-sent events of what is certified, resumable by `Last-Event-ID`.
//!
//! A transaction's event has the id `height.index`, its block's event comes after all of them and has
//! the id `height`; so the id of the last event seen says exactly where to go on. A stream holds one
//! piece of one block at a time and reads the next from the chain when the client has taken it: a slow
//! client falls behind, and costs nobody memory.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use quorate_client::schema::{OperationView, Transaction, TransactionStatus};
use quorate_ledger::{Address, Height};
use tokio::sync::watch;

use crate::app::App;
use crate::config::CHUNK;
use crate::holds::MadeHolds;
use crate::input::{Params, address, shown, whole_number};
use crate::node::{BlockRef, Fault, Snapshot};
use crate::problem::Failure;
use crate::routes::blocks::with_ids;
use crate::shares::{ClientAddress, Share};
use crate::turns::called_by;

/// Pieces of a block that a stream skips in one read, when its filter leaves nothing of them.
const SKIP_BUDGET: usize = 64;

/// Which events a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filter {
    blocks: bool,
    transactions: bool,
    account: Option<Address>,
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    height: Height,
    index: u32,
}

/// An open stream.
struct Feed {
    app: App,
    heights: watch::Receiver<Height>,
    filter: Filter,
    cursor: Cursor,
    broken: bool,
    client: ClientAddress,
    _share: Share,
}

/// Events `transaction` and `block` as they are certified, in order and without gaps.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(
        ("types" = Option<String>, Query, description = "`block`, `transaction`, or both with a comma; both by default"),
        ("account" = Option<String>, Query, description = "Only transactions that this account is a party of, or receives something or is given a claim by"),
        ("last_event_id" = Option<String>, Query, description = "As the header, for clients that cannot set it"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen: `height` or `height.index`"),
    ),
    responses(
        (status = 200, description = "Server-sent events `block` and `transaction`. The data of each is the JSON of a `Block` or of a `Transaction`", content_type = "text/event-stream", body = String),
        (status = 400, description = "`malformed_types` `malformed_address` `malformed_event_id`")))]
pub(crate) async fn events(
    State(app): State<App>,
    client: ClientAddress,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let filter = filter_of(&params)?;
    let header = headers
        .get("last-event-id")
        .map(|value| value.to_str().unwrap_or("?"));
    // The header counts; the other is checked all the same.
    let header = header.map(after).transpose()?;
    let parameter = params.text("last_event_id").map(after).transpose()?;
    let heights = app.node.heights();
    let tip = *heights.borrow();
    let cursor = header.or(parameter).unwrap_or(Cursor {
        height: Height(tip.0.saturating_add(1)),
        index: 0,
    });
    let share = app.streams.take(client, 1).ok_or(Failure::Overloaded {
        what: "event streams",
    })?;
    let keep_alive = KeepAlive::new().interval(app.config.keep_alive);
    let feed = Feed {
        app,
        heights,
        filter,
        cursor,
        broken: false,
        client,
        _share: share,
    };
    let pieces = stream::unfold(feed, |mut feed| async move {
        let events = feed.next().await?;
        Some((events, feed))
    });
    let events = pieces.flat_map(stream::iter).map(Ok::<_, Infallible>);
    Ok(passed_on_at_once(
        Sse::new(events).keep_alive(keep_alive).into_response(),
    ))
}

/// Tells proxies not to gather this answer: they would hold events back.
pub(crate) fn passed_on_at_once(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn filter_of(params: &Params) -> Result<Filter, Failure> {
    let account = params.text("account").map(address).transpose()?;
    let Some(types) = params.text("types") else {
        return Ok(Filter {
            blocks: true,
            transactions: true,
            account,
        });
    };
    let mut filter = Filter {
        blocks: false,
        transactions: false,
        account,
    };
    for kind in types.split(',') {
        match kind.trim() {
            "block" => filter.blocks = true,
            "transaction" => filter.transactions = true,
            other => {
                let detail = format!(
                    "`{}` is not a type of event: `block`, `transaction`",
                    shown(other)
                );
                return Err(Failure::malformed("malformed_types", detail));
            }
        }
    }
    Ok(filter)
}

/// Where to go on after the event with this id.
fn after(id: &str) -> Result<Cursor, Failure> {
    let cursor = match id.split_once('.') {
        None => whole_number(id)
            .and_then(|height| height.checked_add(1))
            .map(|height| Cursor {
                height: Height(height),
                index: 0,
            }),
        Some((height, index)) => {
            let next = whole_number(index).and_then(|index| u32::try_from(index).ok()?.checked_add(1));
            whole_number(height)
                .filter(|height| *height > 0)
                .zip(next)
                .map(|(height, index)| Cursor {
                    height: Height(height),
                    index,
                })
        }
    };
    cursor.ok_or_else(|| {
        let detail = format!(
            "`{}` is not the id of an event: `height` or `height.index`",
            shown(id)
        );
        Failure::malformed("malformed_event_id", detail)
    })
}

/// Whether an account is a party of the transaction, or receives something or is given a claim by it.
fn concerns(
    snapshot: &dyn Snapshot,
    holds: &mut MadeHolds,
    transaction: &Transaction,
    account: &Address,
) -> Result<bool, Fault> {
    if transaction.parties.contains(account) {
        return Ok(true);
    }
    for act in &transaction.operations {
        let concerned = match &act.operation {
            OperationView::Mint { to, .. } | OperationView::Transfer { to, .. } => to == account,
            OperationView::Hold { beneficiary, .. } => beneficiary == account,
            OperationView::Release { hold, .. } | OperationView::Refund { hold } => {
                // Of what failed no hold is looked up: it paid nobody.
                let is_done = transaction.status == TransactionStatus::Committed;
                let made = if is_done {
                    holds.find(snapshot, hold)?
                } else {
                    None
                };
                hold.owner == *account || made.is_some_and(|made| made.beneficiary == *account)
            }
            _ => false,
        };
        if concerned {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Feed {
    /// The next events, at least one; none when the node stops or the chain cannot be read.
    async fn next(&mut self) -> Option<Vec<Event>> {
        while !self.broken {
            let wanted = self.cursor.height;
            self.heights.wait_for(|height| *height >= wanted).await.ok()?;
            let (filter, cursor) = (self.filter, self.cursor);
            let read = self
                .app
                .read(None, move |snapshot, _| read_on(snapshot, filter, cursor));
            match called_by(self.client, read).await {
                Ok(read) => {
                    let (events, cursor) = read.value;
                    self.cursor = cursor;
                    if !events.is_empty() {
                        return Some(events);
                    }
                }
                Err(failure) => {
                    failure.log();
                    self.broken = true;
                }
            }
        }
        None
    }
}

/// Reads from the cursor on until there is something to send, and says where to go on.
fn read_on(
    snapshot: &dyn Snapshot,
    filter: Filter,
    mut cursor: Cursor,
) -> Result<(Vec<Event>, Cursor), Failure> {
    let tip = snapshot.height();
    let mut holds = MadeHolds::default();
    for _ in 0..SKIP_BUDGET {
        if cursor.height > tip {
            break;
        }
        let mut events = Vec::new();
        let block = snapshot.block(BlockRef::Height(cursor.height))?;
        let block = block.ok_or_else(|| {
            Fault(format!(
                "block {} is below the tip and not on the chain",
                cursor.height
            ))
        })?;
        let count = block.transaction_count;
        if filter.transactions && cursor.index < count {
            let piece = snapshot.transactions_at(cursor.height, cursor.index, CHUNK)?;
            if piece.is_empty() {
                return Err(Fault(format!("block {} is cut short", cursor.height)).into());
            }
            for transaction in &piece {
                let wanted = match &filter.account {
                    Some(account) => concerns(snapshot, &mut holds, transaction, account)?,
                    None => true,
                };
                if wanted {
                    let id = format!("{}.{}", cursor.height, cursor.index);
                    events.push(event("transaction", id, transaction)?);
                }
                cursor.index = cursor.index.saturating_add(1);
            }
        }
        if !filter.transactions || cursor.index >= count {
            if filter.blocks {
                let id = cursor.height.to_string();
                events.push(event("block", id, &with_ids(snapshot, block)?)?);
            }
            cursor = Cursor {
                height: Height(cursor.height.0.saturating_add(1)),
                index: 0,
            };
        }
        if !events.is_empty() {
            return Ok((events, cursor));
        }
    }
    Ok((Vec::new(), cursor))
}

fn event<T: serde::Serialize>(kind: &str, id: String, data: &T) -> Result<Event, Failure> {
    let event = Event::default().event(kind).id(id).json_data(data);
    event.map_err(|error| Fault(format!("an event cannot be written: {error}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_says_where_to_go_on() {
        assert_eq!(
            after("7").unwrap(),
            Cursor {
                height: Height(8),
                index: 0
            }
        );
        assert_eq!(
            after("7.2").unwrap(),
            Cursor {
                height: Height(7),
                index: 3
            }
        );
        assert_eq!(
            after("0").unwrap(),
            Cursor {
                height: Height(1),
                index: 0
            }
        );
    }

    #[test]
    fn other_ids_are_refused() {
        for id in [
            "",
            "x",
            "-1",
            "7.",
            ".7",
            "7.2.1",
            "0.1",
            "18446744073709551615",
            "1.4294967295",
            "1.-1",
        ] {
            assert!(after(id).is_err(), "{id}");
        }
    }
}
