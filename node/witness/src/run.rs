//! The rounds of a witness, and where it shows what it cosigned.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::future::{join, join_all};
use quorate_api::Bounds;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::source::{OtherWitness, Source};
use crate::witness::{Event, Stop, Witness};

/// From the beginning of a round to that of the next, unless told otherwise.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(10);

/// How long validators are given to sign a head: they show what they signed up to a second after they have written it
/// down, and look for new blocks once a second.
const SETTLE: Duration = Duration::from_secs(3);

/// Connections to a witness, and those of one address.
const BOUNDS: Bounds = Bounds {
    connections: 256,
    of_address: 16,
    grace: Duration::from_secs(1),
};

/// Goes on in rounds until the witness has to stop, and says why. `shown` gets each note after it is on disk.
pub async fn run<S: Source>(
    mut witness: Witness,
    sources: &[S],
    others: &[OtherWitness],
    every: Duration,
    shown: &watch::Sender<Option<String>>,
    mut tell: impl FnMut(Event),
) -> Stop {
    loop {
        let begun = Instant::now();
        shown.send_replace(witness.note().map(ToString::to_string));
        let mut events = Vec::new();
        let ended = round(&mut witness, sources, others, &mut events).await;
        events.into_iter().for_each(&mut tell);
        if let Err(stop) = ended {
            return stop;
        }
        shown.send_replace(witness.note().map(ToString::to_string));
        sleep_until(begun + every).await;
    }
}

async fn round<S: Source>(
    witness: &mut Witness,
    sources: &[S],
    others: &[OtherWitness],
    events: &mut Vec<Event>,
) -> Result<(), Stop> {
    let Some(chain) = witness.look(sources, events).await? else {
        return Ok(());
    };
    // Other witnesses are not waited for any longer than validators are.
    let asked = join_all(others.iter().map(OtherWitness::ask));
    let (answers, ()) = join(asked, sleep(SETTLE)).await;
    let mut shown = Vec::new();
    for answer in answers {
        match answer {
            Ok(note) => shown.extend(note),
            Err(unseen) => events.push(Event::Unseen(unseen)),
        }
    }
    witness.cosign(sources, &chain, &shown, now(), events).await
}

/// Serves the newest note at `/checkpoint` until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    shown: watch::Receiver<Option<String>>,
    stop: impl Future<Output = ()>,
) {
    let router = Router::new()
        .route("/checkpoint", get(checkpoint))
        .with_state(shown);
    quorate_api::serve(listener, router, stop, BOUNDS).await;
}

async fn checkpoint(State(shown): State<watch::Receiver<Option<String>>>) -> Response {
    let note = shown.borrow().clone();
    match note {
        Some(note) => {
            let headers = [
                (CONTENT_TYPE, "text/plain; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, note).into_response()
        }
        None => (StatusCode::NOT_FOUND, "nothing has been cosigned yet\n").into_response(),
    }
}

/// Seconds since 1970, 0 for a clock before that.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
