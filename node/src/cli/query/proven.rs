//! What nodes prove by the genesis document, and the block as of which they do: a node may prove what was so some time
//! ago.

use std::collections::BTreeMap;

use quorate_client::schema::Transaction;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::Proven;
use quorate_ledger::{AssetCode, Digest, Epoch, Height};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::wallet::Ledger;
use quorate_verifier::HeadFacts;
use serde::Serialize;

use crate::cli::wallet::account::Decimals;

/// A document with the block as of which it is proven.
#[derive(Serialize)]
pub(super) struct View<'a, T> {
    #[serde(flatten)]
    value: &'a T,
    proven: Head,
}

/// The block, as JSON has it.
#[derive(Serialize)]
pub(crate) struct Head {
    epoch: Epoch,
    height: Height,
    hash: Digest,
    timestamp: String,
}

impl<'a, T> View<'a, T> {
    pub(super) fn of(proven: &'a Proven<T>) -> Self {
        Self::new(&proven.value, &proven.head)
    }

    pub(super) fn new(value: &'a T, head: &HeadFacts) -> Self {
        let proven = Head::from(head);
        Self { value, proven }
    }
}

impl From<&HeadFacts> for Head {
    fn from(head: &HeadFacts) -> Self {
        Self {
            epoch: head.epoch,
            height: head.height,
            hash: head.hash,
            timestamp: rfc3339_of(head.timestamp),
        }
    }
}

/// The same as a line for people.
pub(crate) fn field(head: &HeadFacts) -> (&'static str, String) {
    let HeadFacts {
        height,
        hash,
        timestamp,
        ..
    } = head;
    let time = rfc3339_of(*timestamp);
    ("proven", format!("as of block {height} ({hash}) of {time}"))
}

/// What the genesis document's holder is sure to have been given: a proof.
pub(super) fn given<T>(proven: Option<T>) -> Result<T, Failure> {
    proven.ok_or_else(|| Failure::failed("proofs are checked by the genesis document alone"))
}

/// An executed transaction.
pub(super) async fn transaction(ledger: &Ledger, id: &Digest) -> Result<Proven<Transaction>, Failure> {
    match ledger.proven_transaction(id).await {
        Err(failure) if failure.exit() == Exit::NotFound => {
            Err(failure
                .hint("no node proves unasked that no block executed it: ask another node with --node"))
        }
        proven => given(proven?),
    }
}

/// The decimals of assets, each proven if the genesis document does not make it.
pub(super) async fn decimals_of(
    ledger: &Ledger,
    assets: impl Iterator<Item = AssetCode>,
) -> Result<Decimals, Failure> {
    let mut known = BTreeMap::new();
    for code in assets {
        if known.contains_key(&code) {
            continue;
        }
        // A failed transaction may name an asset that there is not.
        if let Some(decimals) = ledger.decimals(&code).await? {
            known.insert(code, decimals);
        }
    }
    Ok(Decimals::known(known, BTreeMap::new()))
}
