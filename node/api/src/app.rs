//! What every handler shares: the node, the bounds, and the one way to read the chain.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::HEIGHT_HEADER;
use quorate_ledger::Height;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::config::{ApiConfig, Bound};
use crate::node::{Fault, Node, Snapshot};
use crate::problem::Failure;
use crate::shape::Names;
use crate::shares::Shares;

/// Shared by all handlers of the client API.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) calls: Arc<Shares>,
    pub(crate) streams: Arc<Shares>,
    pub(crate) answers: Arc<Shares>,
    names: Arc<RwLock<Arc<Names>>>,
    reads: Arc<Semaphore>,
    pub(crate) bodies: Arc<Shares>,
}

/// A value and the certified height it was read at.
pub(crate) struct At<T> {
    pub(crate) height: Height,
    pub(crate) value: T,
}

impl App {
    pub(crate) fn new(node: Arc<dyn Node>, config: ApiConfig) -> Self {
        let names = Arc::new(Names::of(node.network()));
        Self {
            node,
            names: Arc::new(RwLock::new(names)),
            calls: shares(config.max_calls),
            streams: shares(config.max_streams),
            answers: shares(config.max_answer_bytes_total),
            bodies: shares(config.max_body_bytes_total),
            reads: Arc::new(Semaphore::new(config.max_reads)),
            config: Arc::new(config),
        }
    }

    /// Reads the chain on a thread that may touch the disk, all of it at one certified height, which
    /// is at least `min_height`.
    pub(crate) async fn read<T, F>(&self, min_height: Option<Height>, read: F) -> Result<At<T>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Snapshot, &dyn Node) -> Result<T, Failure> + Send + 'static,
    {
        self.reach(min_height).await?;
        let closed = |_| Fault("the API is closed".to_owned());
        let permit = Arc::clone(&self.reads).acquire_owned().await.map_err(closed)?;
        let node = Arc::clone(&self.node);
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let snapshot = node.snapshot()?;
            let height = snapshot.height();
            read(snapshot.as_ref(), node.as_ref()).map(|value| At { height, value })
        });
        reading
            .await
            .map_err(|error| Fault(format!("a read broke off: {error}")))?
    }

    /// Names of the network and its validators, asked for again when a new epoch has begun.
    pub(crate) fn names(&self) -> Arc<Names> {
        let known = Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner));
        if known.epoch() == Some(self.node.status().epoch) {
            return known;
        }
        let fresh = Arc::new(Names::of(self.node.network()));
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        fresh
    }

    /// Waits until `wanted` is certified, if that is asked for, but no longer than the configured bound.
    pub(crate) async fn reach(&self, wanted: Option<Height>) -> Result<(), Failure> {
        let Some(wanted) = wanted else {
            return Ok(());
        };
        let mut heights = self.node.heights();
        let reached = heights.wait_for(|height| *height >= wanted);
        let reached = matches!(
            tokio::time::timeout(self.config.max_height_wait, reached).await,
            Ok(Ok(_))
        );
        if reached {
            Ok(())
        } else {
            let height = *self.node.heights().borrow();
            Err(Failure::HeightNotReached { height, wanted })
        }
    }
}

fn shares(bound: Bound) -> Arc<Shares> {
    Shares::new(bound.all, bound.each)
}

impl<T> At<T> {
    pub(crate) fn map<U>(self, shape: impl FnOnce(T) -> U) -> At<U> {
        At {
            height: self.height,
            value: shape(self.value),
        }
    }

    /// A response made from the value, with the header that names the height.
    pub(crate) fn respond<R: IntoResponse>(self, shape: impl FnOnce(T) -> R) -> Response {
        let mut response = shape(self.value).into_response();
        let height = HeaderValue::from(self.height.0);
        response
            .headers_mut()
            .insert(HeaderName::from_static(HEIGHT_HEADER), height);
        response
    }
}

impl<T: Serialize> IntoResponse for At<T> {
    fn into_response(self) -> Response {
        self.respond(Json)
    }
}
