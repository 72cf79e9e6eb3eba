//! What an account has of an asset, and where that lies (`docs/formats.md`, section 12): balances in the
//! first assets in the account's own leaf, all others under keys of their own. Nothing ever moves.

use quorate_crypto::Address;

use crate::{AccountV1, Amount, AssetCode, Balance, BalanceV1, Inline, StateKey, encode};

/// An asset that exists, and where its balances lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AssetPlace {
    pub(super) code: AssetCode,
    /// Whether they lie in accounts' own leaves.
    pub(super) inline: bool,
}

/// What an account has of an asset, in its smallest unit, and how many open holds are to give it some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Funds {
    pub(super) free: u128,
    pub(super) held: u128,
    pub(super) incoming: u32,
}

impl Funds {
    /// Whether there is no record of such a balance.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether there are units, and not only a place for some.
    pub(super) fn has_units(self) -> bool {
        self.free > 0 || self.held > 0
    }

    pub(super) fn credited(self, amount: Amount) -> Option<Self> {
        let free = self.free.checked_add(amount.0)?;
        Some(Self { free, ..self })
    }

    pub(super) fn debited(self, amount: Amount) -> Option<Self> {
        let free = self.free.checked_sub(amount.0)?;
        Some(Self { free, ..self })
    }

    /// With free units put aside for a hold.
    pub(super) fn put_aside(self, amount: Amount) -> Option<Self> {
        let free = self.free.checked_sub(amount.0)?;
        let held = self.held.checked_add(amount.0)?;
        Some(Self { free, held, ..self })
    }

    /// With held units given to the hold's beneficiary.
    pub(super) fn paid_out(self, amount: Amount) -> Option<Self> {
        let held = self.held.checked_sub(amount.0)?;
        Some(Self { held, ..self })
    }

    /// With held units free again.
    pub(super) fn given_back(self, amount: Amount) -> Option<Self> {
        let held = self.held.checked_sub(amount.0)?;
        let free = self.free.checked_add(amount.0)?;
        Some(Self { free, held, ..self })
    }

    /// With one more open hold to give it units.
    pub(super) fn expecting(self) -> Option<Self> {
        let incoming = self.incoming.checked_add(1)?;
        Some(Self { incoming, ..self })
    }

    /// With one open hold less to give it units.
    pub(super) fn not_expecting(self) -> Option<Self> {
        let incoming = self.incoming.checked_sub(1)?;
        Some(Self { incoming, ..self })
    }
}

/// Where a balance lies.
pub(super) fn funds_key(address: &Address, asset: AssetPlace) -> StateKey {
    if asset.inline {
        StateKey::account(address)
    } else {
        StateKey::balance(address, &asset.code)
    }
}

/// The value of a balance under a key of its own; none if there is no record of it.
pub(super) fn own_value(address: Address, asset: AssetCode, funds: Funds) -> Option<Vec<u8>> {
    if funds.is_empty() {
        return None;
    }
    Some(encode(&Balance::V1(BalanceV1 {
        address,
        asset,
        free: Amount(funds.free),
        held: Amount(funds.held),
        incoming: funds.incoming,
    })))
}

/// What an account's own leaf has of an asset.
pub(super) fn inline_funds(account: &AccountV1, code: &AssetCode) -> Funds {
    let found = account.balances.iter().find(|balance| balance.asset == *code);
    found.map_or_else(Funds::default, |balance| Funds {
        free: balance.free.0,
        held: balance.held.0,
        incoming: balance.incoming,
    })
}

/// Puts a balance into an account's own leaf, or takes it out.
pub(super) fn put_inline(account: &mut AccountV1, code: AssetCode, funds: Funds) {
    let balances = &mut account.balances;
    let balance = Inline {
        asset: code,
        free: Amount(funds.free),
        held: Amount(funds.held),
        incoming: funds.incoming,
    };
    match balances.binary_search_by_key(&code, |balance| balance.asset) {
        Ok(at) if funds.is_empty() => {
            balances.remove(at);
        }
        Ok(at) => balances[at] = balance,
        Err(_) if funds.is_empty() => {}
        Err(at) => balances.insert(at, balance),
    }
}
