//! Whose transactions this node takes: anybody's, or those of accounts that others have let in, by a payment or by the
//! genesis document. What is committed stays on every validator's disk, and an account costs nothing to make.

use std::collections::BTreeSet;

use quorate_crypto::Address;
use quorate_genesis::Genesis;
use quorate_ledger::{Account, StateError, StateKey, StateReader, read_value};

use crate::config::SendersConfig;

/// Who may write through this node.
#[derive(Debug)]
pub(crate) enum Senders {
    Anyone,
    /// Who is of a member or holds something in the certified state, and these, whom the genesis document names.
    Known(BTreeSet<Address>),
}

impl Senders {
    pub(crate) fn new(config: SendersConfig, genesis: &Genesis) -> Self {
        match config {
            SendersConfig::Anyone => Self::Anyone,
            SendersConfig::Known => Self::Known(named_in(genesis)),
        }
    }

    pub(crate) fn may_write<R: StateReader>(
        &self,
        sender: &Address,
        state: &R,
    ) -> Result<bool, StateError<R::Error>> {
        let named = match self {
            Self::Anyone => return Ok(true),
            Self::Known(named) => named,
        };
        if named.contains(sender) {
            return Ok(true);
        }
        let account: Option<Account> = read_value(state, &StateKey::account(sender))?;
        Ok(account.is_some_and(|Account::V1(account)| account.member.is_some() || account.holds_anything()))
    }
}

/// Members' accounts, issuers, and those who hold something at the beginning.
fn named_in(genesis: &Genesis) -> BTreeSet<Address> {
    let assets = &genesis.draft().v1().assets;
    let mut named: BTreeSet<_> = genesis.validators().map(|validator| validator.account).collect();
    for asset in assets {
        named.insert(asset.issuer);
        named.extend(asset.balances.iter().map(|balance| balance.address));
    }
    let accounts = genesis.draft().v1().accounts.iter();
    named.extend(accounts.map(|account| account.address));
    named
}
