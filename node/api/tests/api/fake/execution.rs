//! What executes the fake node's transactions: the outcomes of the ledger in a few lines.

use quorate_client::schema::{Account, Asset, Balance, DocumentRecord};
use quorate_ledger::{
    Address, Amount, AssetCode, Digest, ErrorCode, Height, Operation, Outcome, Timestamp, Transaction,
};

use super::chain::Chain;

impl Chain {
    pub(super) fn execute(
        &mut self,
        transaction: &Transaction,
        height: Height,
        index: u32,
        timestamp: Timestamp,
    ) -> Outcome {
        let sender = transaction.intent().sender;
        let mut after = self.clone();
        let mut touched = vec![sender];
        let mut outcome = Outcome::Success;
        for (operation, content) in (0..).zip(&transaction.intent().operations) {
            let place = (height, index, operation);
            match after.operate(sender, content, place, transaction, timestamp) {
                Ok(recipient) => touched.extend(recipient),
                Err(code) => {
                    outcome = Outcome::Failed { code, operation };
                    break;
                }
            }
        }
        if outcome == Outcome::Success {
            *self = after;
        } else {
            touched.truncate(1);
        }
        touched.sort();
        touched.dedup();
        for address in touched {
            let account = self.account(address);
            account.transactions += 1;
            account.history = Digest::of_parts(&[&account.history.0, &transaction.id().0]);
            self.histories.entry(address).or_default().push(transaction.id());
        }
        outcome
    }

    fn account(&mut self, address: Address) -> &mut Account {
        let account = self.accounts.entry(address);
        account.or_insert_with(|| Account::unused(address))
    }

    fn operate(
        &mut self,
        sender: Address,
        operation: &Operation,
        (height, index, place): (Height, u32, u16),
        transaction: &Transaction,
        timestamp: Timestamp,
    ) -> Result<Option<Address>, ErrorCode> {
        match operation.clone() {
            Operation::CreateAsset {
                code,
                decimals,
                description,
            } => {
                if self.assets.contains_key(&code) {
                    return Err(ErrorCode::AssetExists);
                }
                let asset = Asset {
                    code,
                    decimals,
                    issuer: sender,
                    supply: Amount(0),
                    description,
                };
                self.assets.insert(code, asset);
            }
            Operation::Mint { asset, to, amount } => {
                let minted = self.assets.get_mut(&asset).ok_or(ErrorCode::UnknownAsset)?;
                if minted.issuer != sender {
                    return Err(ErrorCode::NotIssuer);
                }
                minted.supply.0 += amount.0;
                self.credit(to, asset, amount);
                return Ok(Some(to));
            }
            Operation::Burn { asset, amount } => {
                self.debit(sender, asset, amount)?;
                self.assets
                    .get_mut(&asset)
                    .ok_or(ErrorCode::UnknownAsset)?
                    .supply
                    .0 -= amount.0;
            }
            Operation::Transfer {
                to, asset, amount, ..
            } => {
                self.debit(sender, asset, amount)?;
                self.credit(to, asset, amount);
                return Ok(Some(to));
            }
            Operation::PutRecord {
                sha256,
                label,
                metadata,
            } => {
                let transaction = transaction.id();
                let record = DocumentRecord {
                    sha256,
                    sender,
                    height,
                    index,
                    operation: place,
                    transaction,
                    timestamp,
                    label,
                    metadata,
                };
                self.records.entry(sha256).or_default().push(record);
            }
            Operation::SetSigners { signers, threshold } => {
                let account = self.account(sender);
                account.threshold = threshold;
                account.signers = signers.iter().map(Into::into).collect();
            }
            // Changes nothing that this node shows.
            Operation::Rejoin { .. } => {}
        }
        Ok(None)
    }

    fn debit(&mut self, from: Address, asset: AssetCode, amount: Amount) -> Result<(), ErrorCode> {
        if !self.assets.contains_key(&asset) {
            return Err(ErrorCode::UnknownAsset);
        }
        let balances = &mut self.account(from).balances;
        let place = balances
            .iter()
            .position(|held| held.asset == asset && held.amount >= amount);
        let place = place.ok_or(ErrorCode::InsufficientBalance)?;
        balances[place].amount.0 -= amount.0;
        balances.retain(|held| held.amount.0 > 0);
        Ok(())
    }

    fn credit(&mut self, to: Address, asset: AssetCode, amount: Amount) {
        let balances = &mut self.account(to).balances;
        match balances.iter_mut().find(|held| held.asset == asset) {
            Some(held) => held.amount.0 += amount.0,
            None => {
                balances.push(Balance { asset, amount });
                balances.sort_by_key(|held| held.asset);
            }
        }
    }
}
