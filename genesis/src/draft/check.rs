//! What a draft must fulfil by itself (`docs/formats.md`, section 16).

use std::collections::BTreeSet;

use quorate_crypto::MemberNumber;
use quorate_ledger::limits::{ASSET_FLAGS_LIMIT, MAX_DECIMALS, MAX_DESCRIPTION_BYTES};
use quorate_ledger::{Amount, ParameterError, Scope, encode, format_time, is_name, is_refused};

use super::{
    DraftAsset, DraftBalance, DraftV1, MAX_ACCOUNTS, MAX_ASSETS, MAX_BALANCES, MAX_GRANTS, MAX_MEMBER_NAME,
    MAX_MEMBERS, MAX_NETWORK_NAME,
};
use crate::error::Place;
use crate::rights::{check_scope, scope_text};
use crate::{GenesisError, Problem};

impl DraftV1 {
    pub(super) fn check(&self, protocol: u32) -> Result<(), GenesisError> {
        if !is_name(&self.network, MAX_NETWORK_NAME) {
            return Err(Place::key("network").is(Problem::NotAName {
                limit: MAX_NETWORK_NAME,
            }));
        }
        if format_time(self.time).is_none() {
            return Err(Place::key("time").is(Problem::NotATime));
        }
        self.check_members()?;
        let in_range = self.parameters.v1().check();
        in_range.map_err(|error| out_of_range("parameters", &error))?;
        let in_range = self.rules.v1().check();
        in_range.map_err(|error| out_of_range("rules", &error))?;
        self.check_assets(protocol)?;
        self.check_accounts()?;
        self.check_grants()
    }

    fn check_members(&self) -> Result<(), GenesisError> {
        let place = Place::key("members");
        if self.members.is_empty() {
            return Err(place.is(Problem::NoMembers));
        }
        check_count(&place, self.members.len(), MAX_MEMBERS)?;
        let mut seen = BTreeSet::new();
        for (index, member) in self.members.iter().enumerate() {
            let place = || place.clone().entry(index);
            if !is_name(member, MAX_MEMBER_NAME) {
                return Err(place().is(Problem::NotAName {
                    limit: MAX_MEMBER_NAME,
                }));
            }
            // Names that differ in case alone would share a folder on some systems, and confuse people on all.
            if !seen.insert(member.to_ascii_lowercase()) {
                return Err(place().is(Problem::Duplicate { what: member.clone() }));
            }
        }
        Ok(())
    }

    fn check_assets(&self, protocol: u32) -> Result<(), GenesisError> {
        let place = Place::key("assets");
        // So no address can have more than the 256 assets that an account may have.
        check_count(&place, self.assets.len(), MAX_ASSETS)?;
        let balances = self.assets.iter().map(|asset| asset.balances.len()).sum();
        check_count(&place, balances, MAX_BALANCES)?;
        let mut codes = BTreeSet::new();
        for (index, asset) in self.assets.iter().enumerate() {
            let place = place.clone().entry(index);
            if !codes.insert(asset.code) {
                return Err(place.then("code").is(Problem::Duplicate {
                    what: asset.code.to_string(),
                }));
            }
            check_asset(asset, protocol, &place)?;
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), GenesisError> {
        let place = Place::key("accounts");
        check_count(&place, self.accounts.len(), MAX_ACCOUNTS)?;
        let addresses = self.accounts.iter().map(|account| account.address);
        let what = |index: usize| format!("account {}", self.accounts[index].address);
        if let Some((index, problem)) = misplaced(addresses, what) {
            return Err(place.entry(index).is(problem));
        }
        for (index, account) in self.accounts.iter().enumerate() {
            if !self.has_member(account.member) {
                let number = account.member.0;
                let place = place.clone().entry(index).then("member");
                return Err(place.is(Problem::NoSuchMember { number }));
            }
        }
        Ok(())
    }

    fn check_grants(&self) -> Result<(), GenesisError> {
        let place = Place::key("grants");
        check_count(&place, self.grants.len(), MAX_GRANTS)?;
        let what = |index: usize| {
            let grant = &self.grants[index];
            let scope = scope_text(&grant.scope, &self.members);
            format!("the grant of {} for {scope} to {}", grant.right, grant.account)
        };
        if let Some((index, problem)) = misplaced(self.grants.iter().map(encode), what) {
            return Err(place.entry(index).is(problem));
        }
        let codes: BTreeSet<_> = self.assets.iter().map(|asset| asset.code).collect();
        for (index, grant) in self.grants.iter().enumerate() {
            let place = || place.clone().entry(index).then("scope");
            check_scope(grant.right, &grant.scope).map_err(|problem| place().is(problem))?;
            match &grant.scope {
                Scope::Member(member) if !self.has_member(*member) => {
                    return Err(place().is(Problem::NoSuchMember { number: member.0 }));
                }
                Scope::Asset(asset) if !codes.contains(asset) => {
                    return Err(place().is(Problem::NoSuchAsset { asset: *asset }));
                }
                Scope::Network | Scope::Member(_) | Scope::Asset(_) => {}
            }
        }
        Ok(())
    }

    fn has_member(&self, number: MemberNumber) -> bool {
        usize::try_from(number.0).is_ok_and(|place| place < self.members.len())
    }
}

/// Refuses more entries than a list may have.
pub(crate) fn check_count(place: &Place, got: usize, limit: usize) -> Result<(), GenesisError> {
    if got > limit {
        return Err(place.clone().is(Problem::TooMany { got, limit }));
    }
    Ok(())
}

/// The index of the first of these keys that does not follow the one before it strictly, and what is wrong with it;
/// `what` names the entry at an index.
pub(crate) fn misplaced<K: Ord>(
    keys: impl Iterator<Item = K>,
    what: impl Fn(usize) -> String,
) -> Option<(usize, Problem)> {
    let mut before: Option<K> = None;
    for (index, key) in keys.enumerate() {
        if let Some(before) = before.filter(|before| *before >= key) {
            let what = what(index);
            let problem = if before == key {
                Problem::Duplicate { what }
            } else {
                Problem::NotInOrder { what }
            };
            return Some((index, problem));
        }
        before = Some(key);
    }
    None
}

fn out_of_range(table: &'static str, error: &ParameterError) -> GenesisError {
    Place::key(table).then(error.parameter).is(Problem::OutOfRange {
        got: error.got,
        lowest: error.lowest,
        highest: error.highest,
    })
}

fn check_asset(asset: &DraftAsset, protocol: u32, place: &Place) -> Result<(), GenesisError> {
    let at = |key| place.clone().then(key);
    if asset.decimals > MAX_DECIMALS {
        return Err(at("decimals").is(Problem::TooManyDecimals { limit: MAX_DECIMALS }));
    }
    if asset.flags >= ASSET_FLAGS_LIMIT {
        return Err(at("flags").is(Problem::OutOfRange {
            got: u64::from(asset.flags),
            lowest: 0,
            highest: u64::from(ASSET_FLAGS_LIMIT - 1),
        }));
    }
    if asset.flags != 0 && protocol < 2 {
        return Err(at("flags").is(Problem::FlagsTooEarly { got: asset.flags }));
    }
    if asset.description.len() > MAX_DESCRIPTION_BYTES {
        return Err(at("description").is(Problem::TextTooLong {
            got: asset.description.len(),
            limit: MAX_DESCRIPTION_BYTES,
        }));
    }
    if let Some(letter) = asset.description.chars().find(|letter| is_refused(*letter)) {
        return Err(at("description").is(Problem::RefusedCharacter { letter }));
    }
    let mut holders = BTreeSet::new();
    for (index, DraftBalance { address, amount }) in asset.balances.iter().enumerate() {
        let at = |key| at("balances").entry(index).then(key);
        if !holders.insert(address) {
            return Err(at("address").is(Problem::Duplicate {
                what: address.to_string(),
            }));
        }
        if *amount == Amount(0) {
            return Err(at("amount").is(Problem::ZeroAmount));
        }
    }
    if asset.supply().is_none() {
        return Err(at("balances").is(Problem::SupplyOverflow { asset: asset.code }));
    }
    Ok(())
}
