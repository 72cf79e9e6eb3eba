//! What every handler shares: the node, the bounds, and the one way to read the chain.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{HEIGHT_HEADER, Network};
use quorate_ledger::{Digest, Height};
use serde::Serialize;

use crate::config::{ApiConfig, Bound};
use crate::node::{Fault, Node, Snapshot};
use crate::problem::Failure;
use crate::shares::Shares;
use crate::sizes::Sizes;
use crate::turns::Turns;

/// Shared by all handlers of the client API.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) config: Arc<ApiConfig>,
    pub(crate) calls: Arc<Shares>,
    pub(crate) streams: Arc<Shares>,
    pub(crate) answers: Arc<Shares>,
    pub(crate) network_id: Digest,
    pub(crate) network_name: Arc<str>,
    network: Arc<RwLock<Option<Arc<Network>>>>,
    reads: Arc<Turns>,
    proofs: Arc<Turns>,
    blocks: Arc<Turns>,
    pub(crate) admissions: Arc<Turns>,
    pub(crate) bodies: Arc<Shares>,
    pub(crate) sizes: Arc<Sizes>,
}

/// A value and the certified height it was read at.
pub(crate) struct At<T> {
    pub(crate) height: Height,
    pub(crate) value: T,
}

impl App {
    pub(crate) fn new(node: Arc<dyn Node>, config: ApiConfig) -> Self {
        let status = node.status();
        Self {
            node,
            network_id: status.network,
            network_name: status.network_name.into(),
            network: Arc::default(),
            calls: shares(config.max_calls),
            streams: shares(config.max_streams),
            answers: shares(config.max_answer_bytes_total),
            bodies: shares(config.max_body_bytes_total),
            sizes: Arc::default(),
            reads: Turns::new(config.max_reads),
            proofs: Turns::new(config.max_proofs),
            blocks: Turns::new(config.max_blocks),
            admissions: Turns::new(config.max_admissions),
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
        let turn = self.reads.take().await?;
        let node = Arc::clone(&self.node);
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let snapshot = node.snapshot()?;
            let height = snapshot.height();
            read(snapshot.as_ref(), node.as_ref()).map(|value| At { height, value })
        });
        reading
            .await
            .map_err(|error| Fault(format!("a read broke off: {error}")))?
    }

    /// Reads the chain for something that takes much longer than other reads do: a proof gathers leaves and paths from
    /// all over the state and the log. So few run at once that turns at reads are left to others.
    pub(crate) async fn prove<T, F>(&self, min_height: Option<Height>, read: F) -> Result<At<T>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Snapshot, &dyn Node) -> Result<T, Failure> + Send + 'static,
    {
        self.read_in(&self.proofs, min_height, read).await
    }

    /// Reads a block as bytes. An answer counts once it is there, and these are long: so few are made at once that their
    /// memory is bounded before.
    pub(crate) async fn read_block<T, F>(&self, min_height: Option<Height>, read: F) -> Result<At<T>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Snapshot, &dyn Node) -> Result<T, Failure> + Send + 'static,
    {
        self.read_in(&self.blocks, min_height, read).await
    }

    /// Reads the chain in a turn of another kind besides.
    async fn read_in<T, F>(
        &self,
        turns: &Arc<Turns>,
        min_height: Option<Height>,
        read: F,
    ) -> Result<At<T>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Snapshot, &dyn Node) -> Result<T, Failure> + Send + 'static,
    {
        // Nobody who waits for a height keeps others from theirs.
        self.reach(min_height).await?;
        let turn = turns.take().await?;
        self.read(None, move |snapshot, node| {
            // Until it is made, whether its client still waits or not.
            let _turn = turn;
            read(snapshot, node)
        })
        .await
    }

    /// The network, kept until a new epoch has begun: to read it takes longer with each.
    pub(crate) fn network(&self) -> Result<Arc<Network>, Fault> {
        let known = self
            .network
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let epoch = self.node.status().epoch;
        if let Some(known) = known.filter(|known| known.committee.epoch == epoch) {
            return Ok(known);
        }
        let fresh = Arc::new(self.node.network()?);
        *self.network.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// A value that is the node's own, with the height that is certified now.
    pub(crate) fn now<T>(&self, value: T) -> At<T> {
        let height = *self.node.heights().borrow();
        At { height, value }
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
