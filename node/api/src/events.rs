//! Server-sent events of what is certified, resumable by `Last-Event-ID`.
//!
//! A transaction's event has the id `height.index`, its block's event comes after all of them and has
//! the id `height`; so the id of the last event seen says exactly where to go on. A stream holds one
//! piece of one block at a time and reads the next from the chain when the client has taken it: a slow
//! client falls behind, and costs nobody memory.

mod reader;

use std::convert::Infallible;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use quorate_ledger::Height;
use tokio::sync::watch;

use crate::app::App;
use crate::input::{Params, shown, whole_number};
use crate::problem::Failure;
use crate::shares::{ClientAddress, Share};
use crate::turns::called_by;

pub use reader::{EventPlace, StreamCursor, StreamFilter, StreamedEvent, read_stream};

/// An open stream.
struct Feed {
    app: App,
    heights: watch::Receiver<Height>,
    filter: StreamFilter,
    cursor: StreamCursor,
    broken: bool,
    client: ClientAddress,
    _share: Share,
}

/// Events `transaction` and `block` as they are certified, in order and without gaps.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(
        ("types" = Option<String>, Query, description = "`block`, `transaction`, or both with a comma; both by default"),
        ("account" = Option<String>, Query, description = "Only transactions that this account is a party of, or receives something or is given a claim by"),
        ("asset" = Option<String>, Query, description = "Only transactions with an operation about this asset"),
        ("kind" = Option<String>, Query, description = "Only transactions with an operation of this type; with `asset`, one operation has to be both"),
        ("last_event_id" = Option<String>, Query, description = "As the header, for clients that cannot set it"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen: `height` or `height.index`"),
    ),
    responses(
        (status = 200, description = "Server-sent events `block` and `transaction`. The data of each is the JSON of a `BlockEvent` or of a `TransactionEvent`", content_type = "text/event-stream", body = String),
        (status = 400, description = "`malformed_types` `malformed_address` `malformed_asset` `malformed_kind` `malformed_event_id`")))]
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
    let cursor = header.or(parameter).unwrap_or(StreamCursor::at(tip.next()));
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

fn filter_of(params: &Params) -> Result<StreamFilter, Failure> {
    // The same words as those of a list; which of them a stream has was checked before.
    let of_lists = params.filter()?;
    let mut filter = StreamFilter {
        account: of_lists.account,
        asset: of_lists.asset,
        kind: of_lists.kind,
        ..StreamFilter::ALL
    };
    let Some(types) = params.text("types") else {
        return Ok(filter);
    };
    (filter.blocks, filter.transactions) = (false, false);
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
fn after(id: &str) -> Result<StreamCursor, Failure> {
    let cursor = match id.split_once('.') {
        None => whole_number(id)
            .and_then(|height| height.checked_add(1))
            .map(|height| StreamCursor::at(Height(height))),
        Some((height, index)) => {
            let next = whole_number(index).and_then(|index| u32::try_from(index).ok()?.checked_add(1));
            whole_number(height)
                .filter(|height| *height > 0)
                .zip(next)
                .map(|(height, index)| StreamCursor {
                    index,
                    ..StreamCursor::at(Height(height))
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

impl Feed {
    /// The next events, at least one; none when the node stops or the chain cannot be read.
    async fn next(&mut self) -> Option<Vec<Event>> {
        while !self.broken {
            let wanted = self.cursor.height;
            self.heights.wait_for(|height| *height >= wanted).await.ok()?;
            let (filter, cursor) = (self.filter, self.cursor);
            let read = self.app.read(None, move |snapshot, _| {
                Ok(read_stream(snapshot, &filter, cursor)?)
            });
            match called_by(self.client, read).await {
                Ok(read) => {
                    let (events, cursor) = read.value;
                    self.cursor = cursor;
                    if !events.is_empty() {
                        return Some(events.into_iter().map(event).collect());
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

fn event(event: StreamedEvent) -> Event {
    let (kind, id) = match event.place {
        EventPlace::Transaction { height, index, .. } => ("transaction", format!("{height}.{index}")),
        EventPlace::Block { height } => ("block", height.to_string()),
    };
    Event::default().event(kind).id(id).data(event.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_says_where_to_go_on() {
        let at = |height, index| StreamCursor {
            index,
            ..StreamCursor::at(Height(height))
        };
        assert_eq!(after("7").unwrap(), at(8, 0));
        assert_eq!(after("7.2").unwrap(), at(7, 3));
        assert_eq!(after("0").unwrap(), at(1, 0));
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
