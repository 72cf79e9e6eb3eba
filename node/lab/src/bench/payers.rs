//! Payers on a network of a benchmark's own: accounts that its treasury has funded, and the validators that take
//! their payments.

use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::{Bytes, Client};
use quorate_crypto::keyfile;
use quorate_ledger::{Amount, Timestamp, encode};
use quorate_tools::failure::Failure;
use quorate_tools::localnet::ValidatorEntry;
use quorate_tools::wallet::{Ledger, NodeArgs};

use super::accounts::Accounts;
use super::ceiling::Signed as SignedContents;
use super::load::{Load, Signed, Signing, Tally, offer};
use super::network::Network;
use super::usage::{Probe, Usage};
use super::workload::Workload;

/// Smallest units that each account gets.
const FUNDING: Amount = Amount(1_000_000);

/// How long signature checks are measured, to know how many payments to sign ahead.
const CEILING_TIME: Duration = Duration::from_millis(300);

/// How long payments stay valid beyond their load: signing them ahead takes time too.
const EXPIRY_MARGIN: Duration = Duration::from_secs(600);

/// Accounts that pay each other.
pub(crate) struct Payers {
    ledger: Ledger,
    nodes: Vec<Client>,
    accounts: Arc<Accounts>,
    workload: Workload,
    validators: usize,
}

impl Payers {
    /// Makes and funds `count` accounts. Their payments go to all validators in turn, but to none at these `places`.
    pub(crate) async fn without(
        places: &[usize],
        network: &Network,
        count: usize,
        progress: &ProgressBar,
    ) -> Result<Self, Failure> {
        let urls = network.urls().into_iter().enumerate();
        let urls = urls
            .filter(|(place, _)| !places.contains(place))
            .map(|(_, url)| url);
        let nodes = NodeArgs::of(urls.collect());
        let ledger = nodes.connect().await?;
        let treasury = keyfile::client::read(network.treasury_key(), None)?;
        let asset = network.asset();
        let accounts = Accounts::fund(&ledger, &treasury, asset, FUNDING, count, progress).await?;
        Ok(Self {
            ledger,
            nodes: nodes.clients()?,
            accounts: Arc::new(accounts),
            workload: Workload::Payments {
                asset,
                per_transaction: 1,
            },
            validators: network.size(),
        })
    }

    /// The validators that take the payments.
    pub(crate) fn nodes(&self) -> &[Client] {
        &self.nodes
    }

    /// The payment with this number, signed.
    pub(crate) fn payment(&self, number: u64, expires_at: Timestamp) -> Bytes {
        let payment = self.workload.transaction(&self.accounts, number, expires_at);
        Bytes::from(encode(&payment))
    }

    /// How many payments the network can commit in this time if it does nothing but check their signatures.
    pub(crate) fn most_within(&self, time: Duration) -> u64 {
        let measure = || SignedContents::new().ceiling(self.validators, CEILING_TIME);
        let ceiling = tokio::task::block_in_place(measure);
        (ceiling.transactions_per_second * time.as_secs_f64()) as u64
    }

    /// Signs so many payments before the clock starts, `bundle` for each call, for a load that lasts so long.
    pub(crate) async fn sign(
        &self,
        payments: u64,
        bundle: u64,
        lasts: Duration,
        progress: &ProgressBar,
    ) -> Result<Signed, Failure> {
        let signing = Signing {
            accounts: Arc::clone(&self.accounts),
            workload: self.workload,
            expires_at: self.ledger.expiry(lasts + EXPIRY_MARGIN).await?,
            bundle: usize::try_from(bundle).unwrap_or(usize::MAX).max(1),
        };
        Ok(tokio::task::block_in_place(|| signing.ahead(payments, progress)))
    }

    /// Offers what was signed, and measures what that takes of the watched validators.
    pub(crate) async fn offer(
        &self,
        load: &Load,
        signed: Signed,
        watched: &[ValidatorEntry],
    ) -> Result<(Tally, Usage), Failure> {
        let probe = Probe::new(watched.to_vec())?;
        offer(load, signed, &self.nodes, Arc::new(probe)).await
    }
}
