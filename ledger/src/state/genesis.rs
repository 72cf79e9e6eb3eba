//! The state before height 1, from plain lists.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Address, Digest, Height, Protocol, PublicKey};

use super::{Account, AccountV1, Asset, AssetBalance, AssetV1, Balance, BalanceV1, StateKey, value_hash};
use crate::limits::{MAX_BALANCES, MAX_DECIMALS, MAX_DESCRIPTION_BYTES, MAX_INLINE_BALANCES};
use crate::{Agreement, Amount, AssetCode, Parameters, Seat, SeatV1, StateTree, encode};

/// An asset that the genesis document makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisAsset {
    /// Its code.
    pub code: AssetCode,
    /// Digits after the decimal point, 0 to 18.
    pub decimals: u8,
    /// For people, at most 128 bytes.
    pub description: String,
    /// Who may mint it.
    pub issuer: Address,
    /// Units in existence: the sum of its first balances.
    pub supply: Amount,
}

/// A balance that the genesis document gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenesisBalance {
    /// Who holds it.
    pub address: Address,
    /// The asset.
    pub asset: AssetCode,
    /// How much, above zero.
    pub amount: Amount,
}

/// The committee of the first epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisCommittee {
    /// Its protocol.
    pub engine: Protocol,
    /// The version of the protocol's messages and rules.
    pub protocol_version: u32,
    /// The validators in order.
    pub validators: Vec<GenesisValidator>,
}

/// A validator of the first epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenesisValidator {
    /// Its key.
    pub key: PublicKey,
    /// The account of the member that runs it.
    pub member: Address,
}

/// The state before height 1, with the indexes that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisState {
    /// All values, in the form of a block's changes.
    pub changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    /// The state root, checked at every start.
    pub root: Digest,
    /// The first epoch.
    pub agreement: Agreement,
    /// Assets, ascending by code.
    pub assets: Vec<AssetCode>,
    /// Who holds what, ascending.
    pub holders: Vec<(AssetCode, Address, bool)>,
}

impl GenesisState {
    /// The state tree before height 1.
    pub fn tree(&self) -> StateTree {
        tree_of(&self.changes)
    }
}

/// Why lists make no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisStateError {
    /// An asset twice.
    #[error("asset {code} is listed twice")]
    DuplicateAsset {
        /// Its code.
        code: AssetCode,
    },
    /// More than 18 decimals.
    #[error("asset {code} has {decimals} decimals, at most 18 are allowed")]
    TooManyDecimals {
        /// The asset.
        code: AssetCode,
        /// Its decimals.
        decimals: u8,
    },
    /// A description over its limit.
    #[error("the description of asset {code} has {length} bytes, at most 128 are allowed")]
    DescriptionTooLong {
        /// The asset.
        code: AssetCode,
        /// Bytes found.
        length: usize,
    },
    /// A balance of an asset that is not listed.
    #[error("{address} holds {asset}, which no asset of the genesis has as its code")]
    UnknownAsset {
        /// Who.
        address: Address,
        /// The code.
        asset: AssetCode,
    },
    /// A balance of nothing.
    #[error("the balance of {address} in {asset} is zero")]
    ZeroBalance {
        /// Who.
        address: Address,
        /// The asset.
        asset: AssetCode,
    },
    /// A balance twice.
    #[error("the balance of {address} in {asset} is listed twice")]
    DuplicateBalance {
        /// Who.
        address: Address,
        /// The asset.
        asset: AssetCode,
    },
    /// A validator twice.
    #[error("validator {key} is listed twice")]
    DuplicateValidator {
        /// Its key.
        key: PublicKey,
    },
    /// More assets than an account may hold.
    #[error("{address} holds more than 1,024 different assets")]
    TooManyBalances {
        /// Who.
        address: Address,
    },
    /// Balances that do not add up to the supply.
    #[error("the balances in {code} do not add up to its supply of {supply}")]
    SupplyMismatch {
        /// The asset.
        code: AssetCode,
        /// The supply stated.
        supply: Amount,
    },
}

/// The state before height 1. The order of the lists does not matter: balances are placed in
/// ascending order of asset code.
pub fn genesis_state(
    assets: &[GenesisAsset],
    balances: &[GenesisBalance],
    parameters: &Parameters,
    committee: &GenesisCommittee,
) -> Result<GenesisState, GenesisStateError> {
    let mut changes = BTreeMap::from([(StateKey::parameters(), Some(encode(parameters)))]);
    let validators = committee.validators.iter().map(|validator| validator.key);
    let agreement = Agreement::genesis(committee.engine, committee.protocol_version, validators.collect());
    changes.insert(StateKey::agreement(), Some(encode(&agreement)));
    for GenesisValidator { key, member } in &committee.validators {
        let seat = Seat::V1(SeatV1 {
            member: *member,
            rejoin: None,
        });
        if changes.insert(StateKey::seat(key), Some(encode(&seat))).is_some() {
            return Err(GenesisStateError::DuplicateValidator { key: *key });
        }
    }
    let mut unplaced = BTreeMap::new();
    for asset in assets {
        let code = asset.code;
        check_asset(asset)?;
        if unplaced.insert(code, asset.supply).is_some() {
            return Err(GenesisStateError::DuplicateAsset { code });
        }
        let value = Asset::V1(AssetV1 {
            code,
            issuer: asset.issuer,
            decimals: asset.decimals,
            supply: asset.supply,
            description: asset.description.clone(),
        });
        changes.insert(StateKey::asset(&code), Some(encode(&value)));
    }
    let mut accounts: BTreeMap<Address, BTreeMap<AssetCode, Amount>> = BTreeMap::new();
    let mut holders = BTreeSet::new();
    for &GenesisBalance {
        address,
        asset,
        amount,
    } in balances
    {
        if amount == Amount(0) {
            return Err(GenesisStateError::ZeroBalance { address, asset });
        }
        let left = unplaced
            .get_mut(&asset)
            .ok_or(GenesisStateError::UnknownAsset { address, asset })?;
        *left = Amount(
            left.0
                .checked_sub(amount.0)
                .ok_or_else(|| mismatch(assets, asset))?,
        );
        if !holders.insert((asset, address, true)) {
            return Err(GenesisStateError::DuplicateBalance { address, asset });
        }
        accounts.entry(address).or_default().insert(asset, amount);
    }
    if let Some((code, _)) = unplaced.iter().find(|(_, left)| left.0 > 0) {
        return Err(mismatch(assets, *code));
    }
    for (address, held) in accounts {
        if held.len() > MAX_BALANCES {
            return Err(GenesisStateError::TooManyBalances { address });
        }
        place(&mut changes, address, held);
    }
    let root = tree_of(&changes).root();
    Ok(GenesisState {
        changes,
        root,
        agreement,
        assets: unplaced.into_keys().collect(),
        holders: holders.into_iter().collect(),
    })
}

fn tree_of(changes: &BTreeMap<StateKey, Option<Vec<u8>>>) -> StateTree {
    let values = changes.iter().map(|(key, value)| {
        let value = value.as_deref().expect("the genesis only adds values");
        (*key, value_hash(value))
    });
    StateTree::load(Height::GENESIS, values)
}

fn check_asset(asset: &GenesisAsset) -> Result<(), GenesisStateError> {
    let (code, decimals, length) = (asset.code, asset.decimals, asset.description.len());
    if decimals > MAX_DECIMALS {
        return Err(GenesisStateError::TooManyDecimals { code, decimals });
    }
    if length > MAX_DESCRIPTION_BYTES {
        return Err(GenesisStateError::DescriptionTooLong { code, length });
    }
    Ok(())
}

fn mismatch(assets: &[GenesisAsset], code: AssetCode) -> GenesisStateError {
    let supply = assets
        .iter()
        .find(|asset| asset.code == code)
        .map_or(Amount(0), |asset| asset.supply);
    GenesisStateError::SupplyMismatch { code, supply }
}

fn place(
    changes: &mut BTreeMap<StateKey, Option<Vec<u8>>>,
    address: Address,
    held: BTreeMap<AssetCode, Amount>,
) {
    let mut account = AccountV1::default();
    for (asset, amount) in held {
        if account.balances.len() < MAX_INLINE_BALANCES {
            account.balances.push(AssetBalance { asset, amount });
        } else {
            account.other_balances += 1;
            let value = encode(&Balance::V1(BalanceV1 { amount }));
            changes.insert(StateKey::balance(&address, &asset), Some(value));
        }
    }
    changes.insert(StateKey::account(&address), Some(encode(&Account::V1(account))));
}
