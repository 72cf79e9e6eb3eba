//! What each operation does, and in which order its conditions are looked at: the first that does not
//! hold gives the code.

use quorate_crypto::{Address, Digest, PublicKey};

use super::RecordEntry;
use super::working_state::{AccountIndex, WorkingState};
use crate::agreement::MIN_REJOIN_INTERVAL_MS;
use crate::limits::{MAX_BALANCES, MAX_DECIMALS};
use crate::{
    Amount, AssetCode, AssetV1, ErrorCode, IntentV1, Operation, Outcome, Rejoin, Signer, Signers, StateError,
    StateKey, StateReader,
};

/// Why an operation did not take effect.
enum Failure<E> {
    /// By the ledger's rules: the transaction fails.
    Code(ErrorCode),
    /// The state could not be used: the block cannot be executed.
    State(StateError<E>),
}

impl<E> From<ErrorCode> for Failure<E> {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl<E> From<StateError<E>> for Failure<E> {
    fn from(error: StateError<E>) -> Self {
        Self::State(error)
    }
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Executes an authorised transaction: all of its operations, or none.
    pub(super) fn transaction(
        &mut self,
        sender: AccountIndex,
        intent: &IntentV1,
    ) -> Result<Outcome, StateError<R::Error>> {
        self.begin(sender);
        for (place, operation) in intent.operations.iter().enumerate() {
            match self.operation(sender, operation) {
                Ok(()) => {}
                Err(Failure::Code(code)) => {
                    self.take_back();
                    let operation =
                        u16::try_from(place).expect("a checked transaction has at most 256 operations");
                    return Ok(Outcome::Failed { code, operation });
                }
                Err(Failure::State(error)) => return Err(error),
            }
        }
        Ok(Outcome::Success)
    }

    fn operation(&mut self, sender: AccountIndex, operation: &Operation) -> Result<(), Failure<R::Error>> {
        match operation {
            Operation::CreateAsset {
                code,
                decimals,
                description,
            } => self.create(sender, code, *decimals, description),
            Operation::Mint { asset, to, amount } => self.mint(sender, asset, to, *amount),
            Operation::Burn { asset, amount } => self.burn(sender, asset, *amount),
            Operation::Transfer {
                to, asset, amount, ..
            } => self.transfer(sender, to, asset, *amount),
            Operation::PutRecord { .. } => Ok(()),
            Operation::SetSigners { signers, threshold } => self.replace_signers(sender, signers, *threshold),
            Operation::Rejoin { validator, token } => self.rejoin(sender, validator, token),
        }
    }

    fn create(
        &mut self,
        sender: AccountIndex,
        code: &AssetCode,
        decimals: u8,
        description: &str,
    ) -> Result<(), Failure<R::Error>> {
        if decimals > MAX_DECIMALS {
            return Err(ErrorCode::TooManyDecimals.into());
        }
        if self.asset(code)?.is_some() {
            return Err(ErrorCode::AssetExists.into());
        }
        self.create_asset(AssetV1 {
            code: *code,
            issuer: self.address(sender),
            decimals,
            supply: Amount(0),
            description: description.to_owned(),
        });
        Ok(())
    }

    fn mint(
        &mut self,
        sender: AccountIndex,
        code: &AssetCode,
        to: &Address,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        let minter = self.address(sender);
        let asset = self.asset(code)?.ok_or(ErrorCode::UnknownAsset)?;
        if asset.issuer != minter {
            return Err(ErrorCode::NotIssuer.into());
        }
        let before = asset.supply;
        let supply = before.0.checked_add(amount.0).ok_or(ErrorCode::SupplyOverflow)?;
        self.set_supply(code, before, Amount(supply));
        self.credit(to, code, amount)
    }

    fn burn(
        &mut self,
        sender: AccountIndex,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        let before = self.asset(code)?.ok_or(ErrorCode::UnknownAsset)?.supply;
        self.debit(sender, code, amount)?;
        let damaged = StateError::Damaged {
            key: StateKey::asset(code),
        };
        // The supply is the sum of all balances, so it is never smaller than one of them.
        let supply = before.0.checked_sub(amount.0).ok_or(damaged)?;
        self.set_supply(code, before, Amount(supply));
        Ok(())
    }

    fn transfer(
        &mut self,
        sender: AccountIndex,
        to: &Address,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        self.asset(code)?.ok_or(ErrorCode::UnknownAsset)?;
        if *to == self.address(sender) {
            return self.require(sender, code, amount).map(|_| ());
        }
        self.debit(sender, code, amount)?;
        self.credit(to, code, amount)
    }

    fn replace_signers(
        &mut self,
        sender: AccountIndex,
        signers: &[Signer],
        threshold: u32,
    ) -> Result<(), Failure<R::Error>> {
        let reachable: u64 = signers.iter().map(|signer| u64::from(signer.weight)).sum();
        if threshold == 0 || u64::from(threshold) > reachable {
            return Err(ErrorCode::ThresholdUnreachable.into());
        }
        if signers
            .iter()
            .any(|signer| signer.key.check_registrable().is_err())
        {
            return Err(ErrorCode::InvalidKey.into());
        }
        let signers = signers.to_vec();
        self.set_signers(sender, Signers { threshold, signers });
        Ok(())
    }

    fn rejoin(
        &mut self,
        sender: AccountIndex,
        validator: &PublicKey,
        token: &Digest,
    ) -> Result<(), Failure<R::Error>> {
        let member = self.address(sender);
        let (epoch, timestamp) = self.moment();
        let mut seat = self.seat(validator)?.ok_or(ErrorCode::UnknownValidator)?;
        if seat.member != member {
            return Err(ErrorCode::NotItsMember.into());
        }
        let earliest = seat.rejoin.map_or(0, |rejoin| {
            rejoin.timestamp.0.saturating_add(MIN_REJOIN_INTERVAL_MS)
        });
        if timestamp.0 < earliest {
            return Err(ErrorCode::RejoinTooSoon.into());
        }
        seat.rejoin = Some(Rejoin {
            token: *token,
            epoch,
            timestamp,
        });
        self.set_seat(validator, seat);
        Ok(())
    }

    /// What an account keeps after giving `amount`, which it must have.
    fn require(
        &mut self,
        place: AccountIndex,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<Amount, Failure<R::Error>> {
        let balance = self.balance(place, code)?;
        let rest = balance
            .0
            .checked_sub(amount.0)
            .ok_or(ErrorCode::InsufficientBalance)?;
        Ok(Amount(rest))
    }

    fn debit(
        &mut self,
        place: AccountIndex,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        let rest = self.require(place, code, amount)?;
        Ok(self.set_balance(place, *code, rest)?)
    }

    fn credit(&mut self, to: &Address, code: &AssetCode, amount: Amount) -> Result<(), Failure<R::Error>> {
        let place = self.account(to)?;
        let before = self.balance(place, code)?;
        let balance = before.0.checked_add(amount.0).ok_or(ErrorCode::BalanceOverflow)?;
        if before == Amount(0) && self.holdings(place) >= MAX_BALANCES {
            return Err(ErrorCode::TooManyBalances.into());
        }
        self.set_balance(place, *code, Amount(balance))?;
        self.touch(place);
        Ok(())
    }
}

/// Appends the records that a successful transaction put.
pub(super) fn records_of(intent: &IntentV1, index: u32, records: &mut Vec<RecordEntry>) {
    for (operation, place) in intent.operations.iter().zip(0_u16..) {
        if let Operation::PutRecord { sha256, label, .. } = operation {
            records.push(RecordEntry {
                sha256: *sha256,
                sender: intent.sender,
                index,
                operation: place,
                label: label.clone(),
            });
        }
    }
}
