//! The state that a network begins with (`docs/formats.md`, section 16): it follows from the genesis document, and
//! its root is checked at every start.

use quorate_ledger::{
    GenesisAsset, GenesisGrant, GenesisLists, GenesisMember, GenesisState, StateKey, genesis_state,
};

use crate::{DraftAsset, DraftGrant, Genesis, Join};

impl Genesis {
    /// The state at genesis, with its root.
    pub fn state(&self) -> GenesisState {
        genesis_state(&self.lists()).expect("a checked document has nothing twice, and good balances")
    }

    /// All leaves of the state at genesis, ascending by key.
    pub fn leaves(&self) -> Vec<(StateKey, Vec<u8>)> {
        let state = self.state();
        let leaves = state.leaves().map(|(key, value)| (*key, value.to_vec()));
        leaves.collect()
    }

    /// What the state is made of.
    fn lists(&self) -> GenesisLists {
        let draft = self.draft().v1();
        let accounts = draft
            .accounts
            .iter()
            .map(|account| (account.address, account.member));
        GenesisLists {
            network: self.id(),
            time: draft.time,
            engine: draft.engine,
            protocol: self.draft().protocol(),
            parameters: draft.parameters.clone(),
            rules: draft.rules.clone(),
            members: self.joins().iter().map(listed_member).collect(),
            assets: draft.assets.iter().map(listed_asset).collect(),
            accounts: accounts.collect(),
            grants: draft.grants.iter().map(listed_grant).collect(),
        }
    }
}

fn listed_member(join: &Join) -> GenesisMember {
    let body = join.body();
    GenesisMember {
        name: body.member.clone(),
        account: body.address(),
        signers: body.signers.clone(),
        validator: body.validator,
        node: body.node,
        witness: body.witness,
        addresses: body.addresses.clone(),
    }
}

fn listed_asset(asset: &DraftAsset) -> GenesisAsset {
    let balances = asset
        .balances
        .iter()
        .map(|balance| (balance.address, balance.amount));
    GenesisAsset {
        code: asset.code,
        decimals: asset.decimals,
        flags: asset.flags,
        issuer: asset.issuer,
        balances: balances.collect(),
    }
}

fn listed_grant(grant: &DraftGrant) -> GenesisGrant {
    GenesisGrant {
        account: grant.account,
        right: grant.right,
        scope: grant.scope,
    }
}
