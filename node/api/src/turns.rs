//! Turns at what takes processor time: so many at once for each address and for all. Whoever wants more waits behind
//! itself, and everybody is served in the order in which they came: so no client makes the others wait for more than
//! what it has under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::config::Bound;
use crate::node::Fault;
use crate::shares::ClientAddress;

tokio::task_local! {
    /// Who has made the call that is being answered.
    static CLIENT: ClientAddress;
}

/// Runs `answering` as a call of this client.
pub(crate) async fn called_by<F: Future>(client: ClientAddress, answering: F) -> F::Output {
    CLIENT.scope(client, answering).await
}

/// One kind of work that clients take turns at.
#[derive(Debug)]
pub(crate) struct Turns {
    each: usize,
    all: Arc<Semaphore>,
    /// Those alone that have a turn or wait for one.
    of: Mutex<BTreeMap<ClientAddress, Arc<Semaphore>>>,
}

/// One may work until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // Dropped in this order: whose place it was is forgotten last.
    of_all: OwnedSemaphorePermit,
    _of_client: OwnedSemaphorePermit,
    _place: Place,
}

/// That a client has a turn or waits for one.
#[derive(Debug)]
struct Place {
    turns: Arc<Turns>,
    client: ClientAddress,
    own: Option<Arc<Semaphore>>,
}

impl Turns {
    pub(crate) fn new(bound: Bound) -> Arc<Self> {
        Arc::new(Self {
            each: bound.each,
            all: Arc::new(Semaphore::new(bound.all)),
            of: Mutex::default(),
        })
    }

    /// The next turn of the client whose call is being answered.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Turn, Fault> {
        let client = CLIENT
            .try_with(|client| *client)
            .unwrap_or_else(|_| ClientAddress::nowhere());
        let own = Arc::clone(
            self.lock()
                .entry(client)
                .or_insert_with(|| Arc::new(Semaphore::new(self.each))),
        );
        let place = Place {
            turns: Arc::clone(self),
            client,
            own: Some(Arc::clone(&own)),
        };
        let closed = |_| Fault("the API is closed".to_owned());
        let of_client = own.acquire_owned().await.map_err(closed)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(closed)?;
        Ok(Turn {
            of_all,
            _of_client: of_client,
            _place: place,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClientAddress, Arc<Semaphore>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Leaves the turn to the others at once, and to its own client after so long.
    pub(crate) async fn end_after(self, time: Duration) {
        drop(self.of_all);
        sleep(time).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of = self.turns.lock();
        self.own = None;
        // What is left is the map's own: nobody has a turn, and who comes next makes it anew.
        if of
            .get(&self.client)
            .is_some_and(|own| Arc::strong_count(own) == 1)
        {
            of.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    fn client(last: u8) -> ClientAddress {
        ClientAddress::of(IpAddr::from([192, 0, 2, last]))
    }

    #[tokio::test]
    async fn who_wants_many_turns_waits_behind_itself_alone() {
        let turns = Turns::new(Bound::of(4, 2));
        let take = |last| called_by(client(last), turns.take());
        let _first = take(1).await.unwrap();
        let second = take(1).await.unwrap();
        let mut third = Box::pin(take(1));
        assert!(third.as_mut().now_or_never().is_none());
        let _other = take(2).now_or_never().unwrap().unwrap();
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_ends_later_is_kept_from_its_own_client_alone() {
        let turns = Turns::new(Bound::of(1, 1));
        let first = called_by(client(1), turns.take()).await.unwrap();
        let ending = tokio::spawn(first.end_after(Duration::from_secs(3)));
        tokio::task::yield_now().await;
        let mut again = Box::pin(called_by(client(1), turns.take()));
        assert!(again.as_mut().now_or_never().is_none());
        let other = called_by(client(2), turns.take()).now_or_never();
        drop(other.unwrap().unwrap());
        let began = Instant::now();
        drop(again.await.unwrap());
        assert_eq!(began.elapsed().as_secs(), 3);
        ending.await.unwrap();
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn nobody_is_remembered_that_has_no_turn() {
        let turns = Turns::new(Bound::of(1, 1));
        let first = called_by(client(1), turns.take()).await.unwrap();
        let mut waits = Box::pin(called_by(client(1), turns.take()));
        let mut other = Box::pin(called_by(client(2), turns.take()));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(other.as_mut().now_or_never().is_none());
        drop(other);
        assert_eq!(turns.lock().len(), 1);
        drop(first);
        drop(waits.await);
        assert!(turns.lock().is_empty());
    }
}
