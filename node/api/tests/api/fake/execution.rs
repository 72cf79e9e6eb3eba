//! What executes the fake node's transactions: the outcomes of the ledger in a few lines.

use quorate_api::{AssetFacts, HistoryFacts, RecordFacts, RecordPlace, SignersFacts};
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
            let place = RecordPlace {
                height,
                index,
                operation,
            };
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
            let account = self.accounts.entry(address).or_default();
            account.transactions += 1;
            account.history = Digest::of_parts(&[&account.history.0, &transaction.id().0]);
            let entry = HistoryFacts {
                number: account.transactions,
                id: transaction.id(),
                height,
                index,
            };
            self.histories.entry(address).or_default().push(entry);
        }
        outcome
    }

    fn operate(
        &mut self,
        sender: Address,
        operation: &Operation,
        place: RecordPlace,
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
                let asset = AssetFacts {
                    code,
                    decimals,
                    issuer: sender,
                    supply: Amount(0),
                    description,
                };
                self.assets.insert(code, asset);
            }
            Operation::Mint { asset, to, amount } => {
                let facts = self.assets.get_mut(&asset).ok_or(ErrorCode::UnknownAsset)?;
                if facts.issuer != sender {
                    return Err(ErrorCode::NotIssuer);
                }
                facts.supply.0 += amount.0;
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
                let record = RecordFacts {
                    place,
                    sender,
                    transaction,
                    timestamp,
                    label,
                    metadata,
                };
                self.records.entry(sha256).or_default().push(record);
            }
            Operation::SetSigners { signers, threshold } => {
                self.accounts.entry(sender).or_default().signers = Some(SignersFacts { threshold, signers });
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
        let balances = &mut self.accounts.entry(from).or_default().balances;
        let place = balances
            .iter()
            .position(|(code, held)| *code == asset && *held >= amount);
        let place = place.ok_or(ErrorCode::InsufficientBalance)?;
        balances[place].1.0 -= amount.0;
        balances.retain(|(_, held)| held.0 > 0);
        Ok(())
    }

    fn credit(&mut self, to: Address, asset: AssetCode, amount: Amount) {
        let balances = &mut self.accounts.entry(to).or_default().balances;
        match balances.iter_mut().find(|(code, _)| *code == asset) {
            Some((_, held)) => held.0 += amount.0,
            None => {
                balances.push((asset, amount));
                balances.sort();
            }
        }
    }
}
