//! The accounts that a benchmark's transactions come from: made for it, and funded first.

use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::wallet::{TransactionBuilder, random_salt};
use quorate_crypto::SigningKey;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Operation, Timestamp, Transaction};

use crate::failure::Failure;
use crate::wallet::Ledger;

/// Accounts that one transaction funds.
const FUNDED_AT_ONCE: usize = 100;

/// How long one funding transaction may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// When funding transactions expire.
const LEAD: Duration = Duration::from_secs(300);

/// The accounts, each with a key of its own.
pub(crate) struct Accounts {
    keys: Vec<(SigningKey, Address)>,
    network: Digest,
    asset: AssetCode,
    run: [u8; 8],
}

impl Accounts {
    /// Makes `count` accounts and gives each `amount` from the treasury.
    pub(crate) async fn fund(
        ledger: &Ledger,
        treasury: &SigningKey,
        asset: AssetCode,
        amount: Amount,
        count: usize,
        progress: &ProgressBar,
    ) -> Result<Self, Failure> {
        let keys: Vec<(SigningKey, Address)> = (0..count)
            .map(|_| {
                let key = SigningKey::generate();
                let address = key.public().address();
                (key, address)
            })
            .collect();
        for chunk in keys.chunks(FUNDED_AT_ONCE) {
            let operations = chunk.iter().map(|(_, to)| Operation::Transfer {
                to: *to,
                asset,
                amount,
                memo: String::new(),
            });
            let salt = random_salt().map_err(Failure::failed)?;
            let transaction = TransactionBuilder::new(
                ledger.network(),
                treasury.public().address(),
                ledger.expiry(LEAD).await?,
                salt,
            )
            .operations(operations)
            .build()
            .sign([treasury]);
            let outcome = ledger.send(&transaction, Some(PATIENCE)).await?;
            outcome
                .verdict(true)
                .map_err(|failure| failure.while_doing("funding the accounts"))?;
            progress.inc(chunk.len() as u64);
        }
        let salt = random_salt().map_err(Failure::failed)?;
        let mut run = [0; 8];
        run.copy_from_slice(&salt[..8]);
        Ok(Self {
            keys,
            network: ledger.network(),
            asset,
            run,
        })
    }

    /// The transaction with this number: one account pays the smallest unit to the ones after it.
    pub(crate) fn transaction(&self, number: u64, payments: usize, expires_at: Timestamp) -> Transaction {
        let count = self.keys.len();
        let place = usize::try_from(number % count as u64).expect("a place is below the number of accounts");
        let (key, sender) = &self.keys[place];
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.run);
        salt[8..].copy_from_slice(&number.to_le_bytes());
        let operations = (1..=payments).map(|offset| Operation::Transfer {
            to: self.keys[(place + offset) % count].1,
            asset: self.asset,
            amount: Amount(1),
            memo: String::new(),
        });
        TransactionBuilder::new(self.network, *sender, expires_at, salt)
            .operations(operations)
            .build()
            .sign([key])
    }
}
