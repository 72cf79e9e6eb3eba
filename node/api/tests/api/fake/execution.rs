//! What executes the fake node's transactions: the outcomes of the ledger in a few lines.

use quorate_client::schema::{
    Account, Asset, Balance, ConditionView, DocumentRecord, Hold, HoldName, KeepView, SignerView,
};
use quorate_crypto::sha256;
use quorate_ledger::{
    Address, Amount, AssetCode, Condition, ConditionLeaf, Digest, ErrorCode, Height, HoldRef, Intent,
    IntentV1, Operation, Outcome, Place, StateKey, Timestamp, Transaction,
};

use super::chain::Chain;

/// Where and when an operation is executed, and by whom.
struct Acting<'a> {
    by: Address,
    intent: &'a IntentV1,
    id: Digest,
    height: Height,
    index: u32,
    operation: u8,
    timestamp: Timestamp,
}

/// What an operation did beside changing its own party's account.
#[derive(Default)]
struct Done {
    touched: Vec<Address>,
    paid: Option<Amount>,
}

impl Done {
    fn touching(account: Address) -> Self {
        Self {
            touched: vec![account],
            paid: None,
        }
    }
}

impl Chain {
    pub(super) fn execute(
        &mut self,
        transaction: &Transaction,
        height: Height,
        index: u32,
        timestamp: Timestamp,
    ) -> Outcome {
        let intent = transaction.intent();
        let mut after = self.clone();
        let mut touched = intent.parties.clone();
        let mut results = Vec::new();
        let mut failed = None;
        for (place, act) in intent.operations.iter().enumerate() {
            let operation = u8::try_from(place).unwrap();
            let acting = Acting {
                by: intent.acting(act).unwrap(),
                intent,
                id: transaction.id(),
                height,
                index,
                operation,
                timestamp,
            };
            match after.operate(&acting, &act.operation) {
                Ok(done) => {
                    touched.extend(done.touched);
                    results.extend(done.paid);
                }
                Err(code) => {
                    failed = Some(Outcome::Failed { code, operation });
                    break;
                }
            }
        }
        let outcome = match failed {
            None => {
                *self = after;
                Outcome::Success { results }
            }
            Some(failed) => {
                touched.truncate(intent.parties.len());
                failed
            }
        };
        touched.sort();
        touched.dedup();
        for address in touched {
            let account = self.account(address);
            account.transactions += 1;
            account.history = Digest::of_parts(&[&account.history.0, &transaction.id().0]);
            let after = account.balances.clone();
            self.histories.entry(address).or_default().push(transaction.id());
            let steps = self.balances.entry(address).or_insert_with(|| vec![Vec::new()]);
            steps.push(after);
        }
        outcome
    }

    fn account(&mut self, address: Address) -> &mut Account {
        let account = self.accounts.entry(address);
        account.or_insert_with(|| Account::unused(address))
    }

    fn operate(&mut self, acting: &Acting<'_>, operation: &Operation) -> Result<Done, ErrorCode> {
        let by = acting.by;
        match operation {
            Operation::CreateAsset { code, decimals, .. } => self.create(acting, *code, *decimals)?,
            Operation::Mint { asset, to, amount } => {
                let minted = self.assets.get_mut(asset).ok_or(ErrorCode::UNKNOWN_ASSET)?;
                if minted.issuer != by {
                    return Err(ErrorCode::NOT_ISSUER);
                }
                minted.supply.0 += amount.0;
                self.credit(*to, *asset, *amount);
                return Ok(Done::touching(*to));
            }
            Operation::Burn { asset, amount } => {
                self.debit(by, *asset, *amount)?;
                let burnt = self.assets.get_mut(asset).ok_or(ErrorCode::UNKNOWN_ASSET)?;
                burnt.supply.0 -= amount.0;
            }
            Operation::Transfer { to, asset, amount } => {
                self.debit(by, *asset, *amount)?;
                self.credit(*to, *asset, *amount);
                return Ok(Done::touching(*to));
            }
            Operation::PutRecord { sha256, keep } => self.record(acting, *sha256, (*keep).into()),
            Operation::SetSigners { signers } => {
                let account = self.account(by);
                account.threshold = signers.threshold;
                account.signers = signers.signers.iter().map(SignerView::from).collect();
            }
            // Changes nothing that this node shows.
            Operation::Rejoin { .. } => {}
            Operation::Hold {
                beneficiary,
                asset,
                amount,
                until,
                condition,
            } => {
                self.debit(by, *asset, *amount)?;
                self.hold(acting, (*beneficiary, *asset, *amount), *until, condition);
                return Ok(Done::touching(*beneficiary));
            }
            Operation::Release {
                hold,
                amount,
                preimages,
            } => return self.release(acting, hold, *amount, preimages),
            Operation::Refund { hold } => return self.refund(acting, hold),
            Operation::Erase { intent, places } => self.erase(acting, intent, places)?,
            _ => return Err(ErrorCode::NOT_YET),
        }
        Ok(Done::default())
    }

    fn create(&mut self, acting: &Acting<'_>, code: AssetCode, decimals: u8) -> Result<(), ErrorCode> {
        if self.assets.contains_key(&code) {
            return Err(ErrorCode::ASSET_EXISTS);
        }
        let asset = Asset {
            code,
            decimals,
            issuer: acting.by,
            supply: Amount(0),
            admission: false,
            freezable: false,
            description: String::new(),
        };
        self.assets.insert(code, asset);
        self.made.insert(code, (acting.id, acting.operation));
        Ok(())
    }

    fn record(&mut self, acting: &Acting<'_>, sha256: Digest, keep: KeepView) {
        let record = DocumentRecord {
            sha256,
            sender: acting.by,
            keep,
            height: acting.height,
            index: acting.index,
            operation: u16::from(acting.operation),
            transaction: acting.id,
            timestamp: acting.timestamp,
            label: String::new(),
            metadata: Vec::new(),
        };
        self.records.entry(sha256).or_default().push(record);
    }

    fn hold(
        &mut self,
        acting: &Acting<'_>,
        (beneficiary, asset, amount): (Address, AssetCode, Amount),
        until: Timestamp,
        condition: &Condition,
    ) {
        let hold = Hold {
            name: HoldName {
                owner: acting.by,
                transaction: acting.id,
                operation: u16::from(acting.operation),
            },
            beneficiary,
            asset,
            amount,
            until,
            condition: ConditionView::from(condition),
        };
        let key = StateKey::hold(&acting.by, &acting.id, acting.operation);
        self.holds.insert(key, hold);
        self.balance(acting.by, asset).held.0 += amount.0;
        self.account(acting.by).holds += 1;
    }

    fn release(
        &mut self,
        acting: &Acting<'_>,
        name: &HoldRef,
        amount: Option<Amount>,
        preimages: &[[u8; 32]],
    ) -> Result<Done, ErrorCode> {
        let key = StateKey::hold(&name.owner, &name.transaction, name.operation);
        let hold = self.holds.get(&key).cloned().ok_or(ErrorCode::UNKNOWN_HOLD)?;
        if acting.timestamp >= hold.until {
            return Err(ErrorCode::HOLD_ENDED);
        }
        if !self.is_met(acting, name, preimages) {
            return Err(ErrorCode::CONDITION_UNMET);
        }
        let paid = amount.unwrap_or(hold.amount);
        if paid > hold.amount {
            return Err(ErrorCode::EXCEEDS_HOLD);
        }
        if amount.is_some() && !acting.intent.parties.contains(&hold.beneficiary) {
            return Err(ErrorCode::BENEFICIARY_NOT_PARTY);
        }
        self.take_from_hold(&key, &hold, paid);
        self.credit(hold.beneficiary, hold.asset, paid);
        Ok(Done {
            touched: vec![hold.name.owner, hold.beneficiary],
            paid: Some(paid),
        })
    }

    fn refund(&mut self, acting: &Acting<'_>, name: &HoldRef) -> Result<Done, ErrorCode> {
        let key = StateKey::hold(&name.owner, &name.transaction, name.operation);
        let hold = self.holds.get(&key).cloned().ok_or(ErrorCode::UNKNOWN_HOLD)?;
        let is_given_up = acting.intent.parties.contains(&hold.beneficiary);
        if acting.timestamp < hold.until && !is_given_up {
            return Err(ErrorCode::HOLD_NOT_ENDED);
        }
        self.take_from_hold(&key, &hold, hold.amount);
        self.credit(hold.name.owner, hold.asset, hold.amount);
        Ok(Done {
            touched: vec![hold.name.owner, hold.beneficiary],
            paid: Some(hold.amount),
        })
    }

    fn take_from_hold(&mut self, key: &StateKey, hold: &Hold, paid: Amount) {
        let owner = hold.name.owner;
        self.balance(owner, hold.asset).held.0 -= paid.0;
        self.drop_empty(owner);
        if paid == hold.amount {
            self.holds.remove(key);
            self.account(owner).holds -= 1;
        } else if let Some(open) = self.holds.get_mut(key) {
            open.amount.0 -= paid.0;
        }
    }

    /// Whether what the hold asks for is so; the hold's own operation says what that is.
    fn is_met(&self, acting: &Acting<'_>, name: &HoldRef, preimages: &[[u8; 32]]) -> bool {
        let made = self.executed(&name.transaction);
        let act = made.and_then(|made| {
            let operations = &made.transaction.intent().operations;
            operations.get(usize::from(name.operation))
        });
        let Some(Operation::Hold { condition, .. }) = act.map(|act| &act.operation) else {
            return false;
        };
        let met = condition.leaves.iter().filter(|leaf| match leaf {
            ConditionLeaf::Signs(account) => acting.intent.parties.contains(account),
            ConditionLeaf::From(time) => acting.timestamp >= *time,
            ConditionLeaf::Preimage(hash) => preimages.iter().any(|preimage| sha256(preimage) == *hash),
            ConditionLeaf::Record { sha256, by } => {
                let records = self.records.get(sha256).into_iter().flatten();
                let mut own = records.filter(|record| record.keep == KeepView::Own);
                own.any(|record| record.sender == *by)
            }
        });
        met.count() >= usize::from(condition.need)
    }

    fn erase(&mut self, acting: &Acting<'_>, intent: &[u8], places: &[Place]) -> Result<(), ErrorCode> {
        let intent = Intent::decode_carried(intent).unwrap();
        if !intent.v1().names(&acting.by) {
            return Err(ErrorCode::NOT_NAMED);
        }
        for place in places {
            let erased = (acting.by, acting.timestamp);
            if self.erased.insert((intent.id(), *place), erased).is_some() {
                return Err(ErrorCode::ALREADY_ERASED);
            }
        }
        Ok(())
    }

    fn debit(&mut self, from: Address, asset: AssetCode, amount: Amount) -> Result<(), ErrorCode> {
        if !self.assets.contains_key(&asset) {
            return Err(ErrorCode::UNKNOWN_ASSET);
        }
        let balances = &mut self.account(from).balances;
        let place = balances
            .iter()
            .position(|balance| balance.asset == asset && balance.amount >= amount);
        let place = place.ok_or(ErrorCode::INSUFFICIENT_BALANCE)?;
        balances[place].amount.0 -= amount.0;
        self.drop_empty(from);
        Ok(())
    }

    fn credit(&mut self, to: Address, asset: AssetCode, amount: Amount) {
        self.balance(to, asset).amount.0 += amount.0;
    }

    /// What an account has of an asset, which is nothing at first.
    fn balance(&mut self, account: Address, asset: AssetCode) -> &mut Balance {
        let balances = &mut self.account(account).balances;
        let place = match balances.binary_search_by_key(&asset, |balance| balance.asset) {
            Ok(place) => place,
            Err(place) => {
                let nothing = Balance {
                    asset,
                    amount: Amount(0),
                    held: Amount(0),
                };
                balances.insert(place, nothing);
                place
            }
        };
        &mut balances[place]
    }

    fn drop_empty(&mut self, account: Address) {
        let balances = &mut self.account(account).balances;
        balances.retain(|balance| balance.amount.0 > 0 || balance.held.0 > 0);
    }
}
