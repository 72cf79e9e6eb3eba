//! The accounts that a benchmark's transactions come from, made for it.

use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::schema::SubmittedStatus;
use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_client::{Bytes, Wait};
use quorate_crypto::{ClientSigningKey, sha256};
use quorate_ledger::limits::MAX_OPERATIONS;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Operation, Place, Submission, Timestamp, encode};
use quorate_tools::failure::Failure;
use quorate_tools::wallet::Ledger;
use rayon::prelude::*;
use tokio::time::Instant;

/// Funding transactions in one call.
const FUNDING_BUNDLE: usize = 16;

/// How long one call of funding transactions may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// When funding transactions expire.
const LEAD: Duration = Duration::from_secs(600);

/// The pause before what is not settled yet is sent again.
const PAUSE: Duration = Duration::from_millis(200);

/// The accounts, each with a key of its own.
pub(crate) struct Accounts {
    keys: Vec<(ClientSigningKey, Address)>,
    network: Digest,
    run: [u8; 8],
}

impl Accounts {
    /// Makes `count` accounts, which hold nothing.
    pub(crate) fn new(network: Digest, count: usize) -> Result<Self, Failure> {
        let keys = (0..count).into_par_iter().map(|_| {
            let key = ClientSigningKey::generate_ed25519();
            let address = key.key().address();
            (key, address)
        });
        let salt = random_salt().map_err(Failure::failed)?;
        let mut run = [0; 8];
        run.copy_from_slice(&salt[..8]);
        Ok(Self {
            keys: keys.collect(),
            network,
            run,
        })
    }

    /// Makes `count` accounts and gives each `amount` from the treasury.
    pub(crate) async fn fund(
        ledger: &Ledger,
        treasury: &ClientSigningKey,
        asset: AssetCode,
        amount: Amount,
        count: usize,
        progress: &ProgressBar,
    ) -> Result<Self, Failure> {
        let accounts = Self::new(ledger.network(), count)?;
        let expires_at = ledger.expiry(LEAD).await?;
        let gifts = accounts.gifts(treasury, asset, amount, expires_at)?;
        for part in gifts.chunks(FUNDING_BUNDLE) {
            let transactions: Vec<Bytes> = part.iter().map(|gift| Bytes::from(encode(gift))).collect();
            settle(ledger, &transactions)
                .await
                .map_err(|failure| failure.while_doing("funding the accounts"))?;
            let paid = part
                .iter()
                .map(|gift| gift.transaction().intent().operations.len());
            progress.inc(paid.sum::<usize>() as u64);
        }
        Ok(accounts)
    }

    /// The transactions of the treasury that give `amount` to each, as few as there can be.
    pub(crate) fn gifts(
        &self,
        treasury: &ClientSigningKey,
        asset: AssetCode,
        amount: Amount,
        expires_at: Timestamp,
    ) -> Result<Vec<Submission>, Failure> {
        let gifts = self.keys.chunks(MAX_OPERATIONS).map(|part| {
            let operations = part.iter().map(|(_, to)| Operation::Transfer {
                to: *to,
                asset,
                amount,
            });
            let salt = random_salt().map_err(Failure::failed)?;
            let sender = treasury.key().address();
            let transaction = TransactionBuilder::new(self.network, sender, expires_at, salt)
                .operations(operations)
                .build();
            Ok(transaction.map_err(Failure::failed)?.sign([treasury]))
        });
        gifts.collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// The address of the account at this place, counted round and round.
    pub(crate) fn address(&self, place: u64) -> Address {
        self.at(place).1
    }

    /// The transaction with this number, from the account whose turn it is, which `fill` gives its operations. No two
    /// numbers give the same.
    pub(crate) fn transaction(
        &self,
        number: u64,
        expires_at: Timestamp,
        fill: impl FnOnce(TransactionBuilder) -> TransactionBuilder,
    ) -> Submission {
        let (key, sender) = self.at(number);
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.run);
        salt[8..].copy_from_slice(&number.to_le_bytes());
        fill(TransactionBuilder::new(self.network, *sender, expires_at, salt))
            .build_with(|place| text_salt(&salt, place))
            .sign([key])
    }

    fn at(&self, place: u64) -> &(ClientSigningKey, Address) {
        let place = place % self.keys.len() as u64;
        &self.keys[usize::try_from(place).expect("a place is below the number of accounts")]
    }
}

/// The salt of a text of the transaction with this salt. Nobody who pays with these accounts has secrets.
fn text_salt(transaction: &[u8; 16], place: Place) -> [u8; 16] {
    let hash = sha256(&[transaction.as_slice(), &encode(&place)].concat());
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash.0[..16]);
    salt
}

/// Sends transactions together, again and again until all of them are committed.
async fn settle(ledger: &Ledger, transactions: &[Bytes]) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::failed(format!(
                "not committed after {} s",
                PATIENCE.as_secs()
            )));
        }
        let answers = ledger
            .client()
            .submit_many(transactions, Wait::Committed(left))
            .await?;
        let bad = answers.iter().find(|answer| {
            let is_busy = answer.retry_after_ms.is_some();
            match answer.status {
                SubmittedStatus::Committed | SubmittedStatus::Pending => false,
                SubmittedStatus::Refused => !is_busy,
                SubmittedStatus::Failed | SubmittedStatus::Expired => true,
            }
        });
        if let Some(bad) = bad {
            let word = bad.error.as_deref().or(bad.code.as_deref());
            return Err(Failure::failed(word.unwrap_or("it was not committed")));
        }
        if answers
            .iter()
            .all(|answer| answer.status == SubmittedStatus::Committed)
        {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
