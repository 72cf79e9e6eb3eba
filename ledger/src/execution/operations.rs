//! What each operation does, and in which order its conditions are looked at: the first that does not
//! hold gives the code (`docs/formats.md`, section 10).

use quorate_crypto::{Address, Digest, sha256};

use super::INLINE_ASSETS;
use super::funds::AssetPlace;
use super::seats::SeatChange;
use super::working_state::{AccountIndex, Undo, WorkingState};
use crate::limits::{AMOUNT_LIMIT, MAX_DECIMALS};
use crate::{
    Amount, AssetCode, ErrorCode, HoldV1, IntentV1, Keep, Operation, Outcome, Record, RecordV1, Signers,
    StateError, StateKey, StateReader,
};

/// Why an operation did not take effect.
pub(super) enum Failure<E> {
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

/// An operation's turn: in which transaction, in which place, by whom.
pub(super) struct Turn<'a> {
    /// The transaction's id.
    pub(super) id: &'a Digest,
    /// The place that its leaf will have in the log.
    pub(super) ordinal: u64,
    pub(super) parties: &'a [Address],
    /// Who acts.
    pub(super) acting: AccountIndex,
    /// The operation's place in the transaction, from 0.
    pub(super) index: u8,
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Executes the authorised transaction that was begun: all of its operations, or none. `ordinal` is
    /// the place that its leaf will have in the log.
    pub(super) fn transaction(
        &mut self,
        intent: &IntentV1,
        id: &Digest,
        ordinal: u64,
    ) -> Result<Outcome, StateError<R::Error>> {
        let mut results = Vec::new();
        for (index, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
            let acting = self.parties.get(usize::from(act.party)).copied();
            let turn = Turn {
                id,
                ordinal,
                parties: &intent.parties,
                acting: acting.expect("in a checked transaction parties act"),
                index,
            };
            match self.operation(&turn, &act.operation) {
                Ok(paid) => results.extend(paid),
                Err(Failure::Code(code)) => {
                    self.take_back();
                    return Ok(Outcome::Failed {
                        code,
                        operation: index,
                    });
                }
                Err(Failure::State(error)) => return Err(error),
            }
        }
        Ok(Outcome::Success { results })
    }

    /// Executes one operation; gives what a release or a refund paid.
    fn operation(
        &mut self,
        turn: &Turn<'_>,
        operation: &Operation,
    ) -> Result<Option<Amount>, Failure<R::Error>> {
        if operation.protocol() > self.moment.protocol {
            return Err(ErrorCode::NOT_YET.into());
        }
        if self.moment.protocol >= 2 {
            self.check_may_act(turn, operation)?;
        }
        match operation {
            Operation::CreateAsset {
                code,
                decimals,
                flags,
            } => self.create(turn, code, *decimals, *flags)?,
            Operation::Mint { to, asset, amount } => self.mint(turn, to, asset, *amount)?,
            Operation::Burn { asset, amount } => self.burn(turn, asset, *amount)?,
            Operation::Transfer { to, asset, amount } => self.transfer(turn, to, asset, *amount)?,
            Operation::PutRecord { sha256, keep } => self.put_record(turn, sha256, *keep)?,
            Operation::SetSigners { signers } => self.replace_signers(turn, signers)?,
            Operation::Rejoin { validator, token } => self.rejoin(turn, validator, token)?,
            Operation::Hold {
                beneficiary,
                asset,
                amount,
                until,
                condition,
            } => {
                let hold = HoldV1 {
                    owner: self.address(turn.acting),
                    transaction: *turn.id,
                    operation: turn.index,
                    beneficiary: *beneficiary,
                    asset: *asset,
                    amount: *amount,
                    until: *until,
                    condition: condition.clone(),
                };
                self.hold(turn, hold)?;
            }
            Operation::Release {
                hold,
                amount,
                preimages,
            } => {
                let given: Vec<Digest> = preimages.iter().map(|preimage| sha256(preimage)).collect();
                return self.release(turn, hold, *amount, &given).map(Some);
            }
            Operation::Refund { hold } => return self.refund(turn, hold).map(Some),
            Operation::Erase { intent, places } => self.erase(turn, intent, places)?,
            Operation::Grant {
                account,
                right,
                scope,
            } => self.grant(turn, account, *right, scope)?,
            Operation::Revoke {
                account,
                right,
                scope,
            } => self.revoke(turn, account, *right, scope)?,
            Operation::Freeze { account, asset } => self.freeze(turn, account, asset.as_ref())?,
            Operation::Unfreeze { account, asset } => self.unfreeze(turn, account, asset.as_ref())?,
            Operation::Assign { account, member } => self.assign(turn, account, *member)?,
            Operation::Propose { change, expires_at } => self.propose(turn, change, *expires_at)?,
            Operation::Vote { proposal, ballot } => self.vote(turn, *proposal, *ballot)?,
            Operation::Withdraw { proposal } => self.withdraw(turn, *proposal)?,
            Operation::Attest {
                attestation,
                signature,
            } => self.attest(attestation, signature)?,
            Operation::SetSeat { .. } => {
                if let Some(change) = SeatChange::of(operation) {
                    self.set_seat(turn, &change)?;
                }
            }
            Operation::SetGuardians {
                guardians,
                threshold,
                delay_ms,
            } => self.set_guardians(turn, guardians, *threshold, *delay_ms)?,
            Operation::RequestSigners { account, signers } => self.request_signers(turn, account, signers)?,
            Operation::DecideRequest { account, accept } => self.decide_request(turn, account, *accept)?,
            Operation::ReportDormant { member } => self.report_dormant(turn, *member)?,
            Operation::Answer { member } => self.answer(turn, *member)?,
            Operation::DivideQuota {
                account,
                bytes,
                leaves,
            } => self.divide_quota(turn, account, *bytes, *leaves)?,
        }
        Ok(None)
    }

    fn create(
        &mut self,
        turn: &Turn<'_>,
        code: &AssetCode,
        decimals: u8,
        flags: u8,
    ) -> Result<(), Failure<R::Error>> {
        if decimals > MAX_DECIMALS {
            return Err(ErrorCode::TOO_MANY_DECIMALS.into());
        }
        if self.asset(code)?.is_some() {
            return Err(ErrorCode::ASSET_EXISTS.into());
        }
        let issuer = self.address(turn.acting);
        Ok(self.create_asset(*code, issuer, decimals, flags)?)
    }

    fn mint(
        &mut self,
        turn: &Turn<'_>,
        to: &Address,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        let minter = self.address(turn.acting);
        let asset = self.asset(code)?.ok_or(ErrorCode::UNKNOWN_ASSET)?;
        let before = asset.supply;
        if asset.issuer != minter && !self.may_mint(turn.acting, code)? {
            return Err(ErrorCode::NOT_ISSUER.into());
        }
        let supply = before.0.checked_add(amount.0);
        let supply = supply
            .filter(|supply| *supply < AMOUNT_LIMIT)
            .ok_or(ErrorCode::SUPPLY_OVERFLOW)?;
        let asset = self.known_asset(code)?;
        let to = self.account(to)?;
        self.check_may_receive(to, asset)?;
        self.require_place(to, asset)?;
        self.set_supply(code, before, Amount(supply));
        Ok(self.change_funds(to, asset, |funds| funds.credited(amount))?)
    }

    fn burn(&mut self, turn: &Turn<'_>, code: &AssetCode, amount: Amount) -> Result<(), Failure<R::Error>> {
        let asset = self.known_asset(code)?;
        self.require_free(turn.acting, asset, amount)?;
        let before = self.asset(code)?.map_or(Amount(0), |asset| asset.supply);
        let damaged = StateError::Damaged {
            key: StateKey::asset(code),
        };
        // The supply is the sum of all balances, so it is never smaller than one of them.
        let supply = before.0.checked_sub(amount.0).ok_or(damaged)?;
        self.set_supply(code, before, Amount(supply));
        Ok(self.change_funds(turn.acting, asset, |funds| funds.debited(amount))?)
    }

    fn transfer(
        &mut self,
        turn: &Turn<'_>,
        to: &Address,
        code: &AssetCode,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        let asset = self.known_asset(code)?;
        self.require_free(turn.acting, asset, amount)?;
        let to = self.account(to)?;
        if to == turn.acting {
            return Ok(());
        }
        self.check_may_receive(to, asset)?;
        self.require_place(to, asset)?;
        self.change_funds(turn.acting, asset, |funds| funds.debited(amount))?;
        Ok(self.change_funds(to, asset, |funds| funds.credited(amount))?)
    }

    fn put_record(&mut self, turn: &Turn<'_>, sha256: &Digest, keep: Keep) -> Result<(), Failure<R::Error>> {
        let address = self.address(turn.acting);
        let key = match keep {
            Keep::Log => return Ok(()),
            Keep::Own => StateKey::own_record(&address, sha256),
            Keep::Unique => StateKey::unique_record(sha256),
        };
        if let Some(Record::V1(there)) = self.records.get(self.reader, &key)? {
            let same_hash = there.sha256 == *sha256;
            let code = match keep {
                Keep::Own if same_hash && there.address == address => ErrorCode::RECORD_EXISTS,
                Keep::Unique if same_hash => ErrorCode::RECORD_TAKEN,
                // Other material led to the same key.
                _ => ErrorCode::KEY_TAKEN,
            };
            return Err(code.into());
        }
        let record = Record::V1(RecordV1 {
            address,
            sha256: *sha256,
            id: *turn.id,
            ordinal: turn.ordinal,
            timestamp: self.moment.timestamp,
        });
        self.records.put(&key, Some(record));
        self.undo.push(Undo::Record(key));
        Ok(())
    }

    fn replace_signers(&mut self, turn: &Turn<'_>, signers: &Signers) -> Result<(), Failure<R::Error>> {
        let weights = signers.signers.iter().map(|signer| u64::from(signer.weight));
        let reachable: u64 = weights.sum();
        if signers.threshold == 0 || u64::from(signers.threshold) > reachable {
            return Err(ErrorCode::THRESHOLD_UNREACHABLE.into());
        }
        if !signers.signers.iter().all(|signer| signer.key.is_good()) {
            return Err(ErrorCode::INVALID_KEY.into());
        }
        self.set_signers(turn.acting, signers.clone());
        Ok(())
    }

    /// The asset with this code, which must exist.
    pub(super) fn known_asset(&mut self, code: &AssetCode) -> Result<AssetPlace, Failure<R::Error>> {
        let asset = self.asset(code)?.ok_or(ErrorCode::UNKNOWN_ASSET)?;
        Ok(AssetPlace {
            code: *code,
            inline: asset.number < INLINE_ASSETS,
        })
    }

    /// Checks that an account has so much of an asset free.
    pub(super) fn require_free(
        &mut self,
        place: AccountIndex,
        asset: AssetPlace,
        amount: Amount,
    ) -> Result<(), Failure<R::Error>> {
        if self.funds(place, asset)?.free < amount.0 {
            return Err(ErrorCode::INSUFFICIENT_BALANCE.into());
        }
        Ok(())
    }

    /// Checks that an account has a place for an asset.
    pub(super) fn require_place(
        &mut self,
        place: AccountIndex,
        asset: AssetPlace,
    ) -> Result<(), Failure<R::Error>> {
        if self.has_place(place, asset)? {
            Ok(())
        } else {
            Err(ErrorCode::TOO_MANY_BALANCES.into())
        }
    }
}
