//! What each operation of a transaction that is shown did to an owner.

use quorate_crypto::Address;
use quorate_ledger::{Act, Amount, AssetCode, HistoryOwner, IntentV1, Operation};

use super::{Changes, Holds, key_of};

/// An operation that touches the owner.
pub(super) struct Part {
    /// Its index.
    pub(super) operation: u8,
    /// Its name.
    pub(super) kind: &'static str,
    /// Who else is in it.
    pub(super) counterparty: Option<Address>,
    /// What it did to the owner's balances.
    pub(super) effect: Effect,
    /// True if it touches the owner also when it moves nothing of the owner's.
    pub(super) is_own: bool,
}

/// What an operation did to the owner's balances, in smallest units.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// It moved this.
    Moves {
        asset: AssetCode,
        free: i128,
        held: i128,
    },
    /// It moved this of a hold of which the proof does not tell the asset; or, if the owner is not the hold's, nothing,
    /// as the proof does not tell whom it pays either.
    Unknown { free: i128, held: i128 },
}

/// The parts of the operations that touch the owner, in their order.
pub(super) fn of(owner: &HistoryOwner, intent: &IntentV1, results: &[Amount], holds: &Holds) -> Vec<Part> {
    let mut results = results.iter().copied();
    let mut parts = Vec::new();
    for (index, act) in (0..=u8::MAX).zip(&intent.operations) {
        let pays = matches!(
            act.operation,
            Operation::Release { .. } | Operation::Refund { .. }
        );
        let paid = if pays { results.next() } else { None };
        let Some(acting) = intent.acting(act) else {
            continue;
        };
        let found = match owner {
            HistoryOwner::Account(me) => account(me, act, acting, paid, holds),
            HistoryOwner::Asset(code) => asset(code, act, acting),
        };
        parts.extend(found.map(|found| Part {
            operation: index,
            kind: act.operation.name(),
            counterparty: found.counterparty,
            effect: found.effect,
            is_own: found.is_own,
        }));
    }
    parts
}

/// Finds the asset of what is unknown, given what no known part explains: if that is one asset's, and exactly what all
/// unknown parts moved together, it is theirs. True if so. Where it is not, what is unknown moved nothing that a line
/// could say. `None`: the amounts are too large to be reckoned with.
pub(super) fn settle(parts: &mut Vec<Part>, rest: &Changes) -> Option<bool> {
    let mut sum = (0_i128, 0_i128);
    for part in parts.iter() {
        if let Effect::Unknown { free, held } = part.effect {
            sum = (sum.0.checked_add(free)?, sum.1.checked_add(held)?);
        }
    }
    let mut left = rest.iter();
    let only = match (left.next(), left.next()) {
        (Some((asset, left)), None) if *left == sum => Some(*asset),
        _ => None,
    };
    for part in parts.iter_mut() {
        if let Effect::Unknown { free, held } = part.effect {
            part.effect = match only {
                Some(asset) => Effect::Moves { asset, free, held },
                None => Effect::Nothing,
            };
        }
    }
    parts.retain(|part| part.is_own || matches!(part.effect, Effect::Moves { .. }));
    Some(only.is_some())
}

/// What one operation is to the owner.
struct Found {
    counterparty: Option<Address>,
    effect: Effect,
    is_own: bool,
}

impl Found {
    fn new(counterparty: Option<Address>, effect: Effect) -> Self {
        Self {
            counterparty,
            effect,
            is_own: true,
        }
    }
}

/// An amount of an asset that comes or goes, or nothing if no number has room for it, so that the change stays whole.
fn moves(asset: AssetCode, free: Option<i128>, held: Option<i128>) -> Effect {
    match (free, held) {
        (Some(free), Some(held)) => Effect::Moves { asset, free, held },
        _ => Effect::Nothing,
    }
}

fn comes(amount: Amount) -> Option<i128> {
    i128::try_from(amount.0).ok()
}

fn goes(amount: Amount) -> Option<i128> {
    comes(amount).map(|amount| -amount)
}

fn account(me: &Address, act: &Act, acting: Address, paid: Option<Amount>, holds: &Holds) -> Option<Found> {
    let is_mine = acting == *me;
    let other = |address: Address| (address != *me).then_some(address);
    let found = match &act.operation {
        Operation::Mint { to, asset, amount } if to == me => {
            Found::new(other(acting), moves(*asset, comes(*amount), Some(0)))
        }
        Operation::Transfer { to, asset, amount } => {
            let free = match (is_mine, to == me) {
                // What one pays to oneself neither comes nor goes.
                (true, true) => Some(0),
                (true, false) => goes(*amount),
                (false, true) => comes(*amount),
                (false, false) => return None,
            };
            let counterparty = if is_mine { *to } else { acting };
            Found::new(Some(counterparty), moves(*asset, free, Some(0)))
        }
        Operation::Burn { asset, amount } if is_mine => {
            Found::new(None, moves(*asset, goes(*amount), Some(0)))
        }
        Operation::Hold {
            beneficiary,
            asset,
            amount,
            ..
        } if is_mine => Found::new(Some(*beneficiary), moves(*asset, goes(*amount), comes(*amount))),
        Operation::Release { hold, .. } | Operation::Refund { hold } => {
            let terms = holds.get(&key_of(hold)).copied();
            let is_release = matches!(act.operation, Operation::Release { .. });
            let settled = Settled {
                owner: hold.owner,
                terms,
                paid,
                is_release,
            };
            return settled.for_account(me, is_mine);
        }
        operation if is_mine => Found::new(operation.named().and_then(other), Effect::Nothing),
        operation if operation.named() == Some(*me) => Found::new(other(acting), Effect::Nothing),
        _ => return None,
    };
    Some(found)
}

/// A hold that was released or refunded, whole or in part.
struct Settled {
    owner: Address,
    /// To whom it pays, and which asset, if the proof tells.
    terms: Option<(Address, AssetCode)>,
    paid: Option<Amount>,
    is_release: bool,
}

impl Settled {
    fn for_account(&self, me: &Address, is_mine: bool) -> Option<Found> {
        let beneficiary = self.terms.map(|(beneficiary, _)| beneficiary);
        let (comes, goes) = (self.paid.and_then(comes), self.paid.and_then(goes));
        if self.owner == *me {
            let free = if self.is_release { Some(0) } else { comes };
            return Some(Found::new(beneficiary, self.effect(free, goes)));
        }
        let owner = Some(self.owner);
        let may_be_paid = self.is_release && beneficiary.is_none_or(|beneficiary| beneficiary == *me);
        if may_be_paid {
            return Some(Found {
                counterparty: owner,
                effect: self.effect(comes, Some(0)),
                is_own: is_mine || beneficiary.is_some(),
            });
        }
        let touches = is_mine || beneficiary == Some(*me);
        touches.then(|| Found::new(owner, Effect::Nothing))
    }

    fn effect(&self, free: Option<i128>, held: Option<i128>) -> Effect {
        match (self.terms, free, held) {
            (Some((_, asset)), free, held) => moves(asset, free, held),
            (None, Some(free), Some(held)) => Effect::Unknown { free, held },
            (None, _, _) => Effect::Nothing,
        }
    }
}

fn asset(code: &AssetCode, act: &Act, acting: Address) -> Option<Found> {
    let found = match &act.operation {
        Operation::Mint { to, asset, amount } if asset == code => {
            Found::new(Some(*to), moves(*asset, comes(*amount), Some(0)))
        }
        Operation::Burn { asset, amount } if asset == code => {
            Found::new(Some(acting), moves(*asset, goes(*amount), Some(0)))
        }
        Operation::CreateAsset { code: created, .. } if created == code => {
            Found::new(Some(acting), Effect::Nothing)
        }
        _ => return None,
    };
    Some(found)
}
