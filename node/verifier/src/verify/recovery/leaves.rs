//! What a recovery needs of the state that it builds on: rules, agreement, counters, all members, and the accounts of
//! those who sign.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Address, Digest, Epoch, MemberNumber};
use quorate_ledger::{MemberV1, Prefix, RulesV1, Signers, StateKey, StateProof, StateValue};

use super::{Signing, bad};
use crate::at::At;
use crate::verdict::Refusal;
use crate::verify::state;

/// The key's kind of all members.
const MEMBERS: u8 = 0x06;

/// The leaves of a recovery's step, once they are shown to be those of the state.
pub(super) struct Leaves {
    pub(super) rules: RulesV1,
    /// The epoch of the agreement.
    pub(super) epoch: Epoch,
    /// How many recoveries there were.
    pub(super) recoveries: u32,
    /// All members there ever were.
    pub(super) members: BTreeMap<MemberNumber, MemberV1>,
    /// The signers of the accounts of those who sign.
    accounts: BTreeMap<Address, Option<Signers>>,
}

impl Leaves {
    /// The leaves, in the one order that there is, under this state root.
    pub(super) fn check(
        proofs: &[StateProof],
        root: &Digest,
        signing: &BTreeSet<MemberNumber>,
        at: At<'_>,
    ) -> Result<Self, Refusal> {
        let Some((fixed, accounts)) = proofs.split_first_chunk::<4>() else {
            return bad(at, "not the leaves that belong here");
        };
        let rules = match single(&fixed[0], root, &StateKey::rules(), at.item(0))? {
            Some(StateValue::Rules(rules)) => rules.v1().clone(),
            _ => return bad(at.item(0), "the rules are absent"),
        };
        let epoch = match single(&fixed[1], root, &StateKey::agreement(), at.item(1))? {
            Some(StateValue::Agreement(agreement)) => agreement.v1().committee.epoch(),
            _ => return bad(at.item(1), "the agreement is absent"),
        };
        let recoveries = match single(&fixed[2], root, &StateKey::counters(), at.item(2))? {
            Some(StateValue::Counters(counters)) => counters.v1().recoveries,
            _ => return bad(at.item(2), "the counters are absent"),
        };
        let members = members(&fixed[3], root, at.item(3))?;
        let accounts = check_accounts(accounts, root, &signing_accounts(signing, &members, at)?, at)?;
        Ok(Self {
            rules,
            epoch,
            recoveries,
            members,
            accounts,
        })
    }

    /// Who signs for a member that is among those who sign.
    pub(super) fn account_of(&self, member: MemberNumber) -> Option<Signing<'_>> {
        let address = self.members.get(&member)?.account;
        let signers = self.accounts.get(&address)?.as_ref();
        Some(Signing { address, signers })
    }
}

/// The value under a key, of which the proof must be.
fn single(
    proof: &StateProof,
    root: &Digest,
    key: &StateKey,
    at: At<'_>,
) -> Result<Option<StateValue>, Refusal> {
    if proof.v1().prefix != Prefix::of_key(key) {
        return bad(at, "not the leaf that belongs here");
    }
    state::single(proof, root, key, at)
}

fn members(
    proof: &StateProof,
    root: &Digest,
    at: At<'_>,
) -> Result<BTreeMap<MemberNumber, MemberV1>, Refusal> {
    if proof.v1().prefix != Prefix::kind(MEMBERS) {
        return bad(at, "not the members");
    }
    let values = state::values(proof, root, at)?;
    let members = values.iter().filter_map(|value| match value {
        StateValue::Member(member) => Some((member.v1().number, member.v1().clone())),
        _ => None,
    });
    Ok(members.collect())
}

/// The accounts of these members, ascending.
fn signing_accounts(
    signing: &BTreeSet<MemberNumber>,
    members: &BTreeMap<MemberNumber, MemberV1>,
    at: At<'_>,
) -> Result<BTreeSet<Address>, Refusal> {
    let accounts = signing.iter().map(|number| match members.get(number) {
        Some(member) => Ok(member.account),
        None => bad(at, format!("there is no member {}", number.0)),
    });
    accounts.collect()
}

/// The signers of these accounts, of which there is one proof each, in their order.
fn check_accounts(
    proofs: &[StateProof],
    root: &Digest,
    addresses: &BTreeSet<Address>,
    at: At<'_>,
) -> Result<BTreeMap<Address, Option<Signers>>, Refusal> {
    if proofs.len() != addresses.len() {
        return bad(at, "not the accounts of those who sign, each once");
    }
    let accounts = proofs
        .iter()
        .zip(addresses)
        .enumerate()
        .map(|(place, (proof, address))| {
            let value = single(proof, root, &StateKey::account(address), at.item(4 + place))?;
            let signers = match value {
                Some(StateValue::Account(account)) => account.v1().signers.clone(),
                _ => None,
            };
            Ok((*address, signers))
        });
    accounts.collect()
}
