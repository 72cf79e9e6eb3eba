//! The state that a network begins with (`docs/formats-2.md`, section 16): it follows from the genesis document, and
//! its root is checked at every start.

use std::collections::BTreeMap;

use quorate_crypto_second::{Address, Height, MemberNumber, SeatNumber};
use quorate_ledger_second::{
    Account, AccountV1, Agreement, AgreementV1, Amount, Asset, AssetCode, AssetV1, Balance, BalanceItem,
    BalanceV1, Counters, CountersV1, GenesisState, Grant, GrantV1, HistoryOwner, HistoryStart, InUse,
    InUseV1, Inline, Member, MemberStatus, MemberV1, Owner, Right, Scope, Seat, SeatV1, Signers, StateKey,
    Taken, balances_root, encode,
};

use crate::{DraftGrant, Genesis};

/// Balances in assets with numbers below this lie in their account's leaf.
const INLINE_ASSETS: u32 = 4;

/// What an account begins with.
#[derive(Default)]
struct Holder<'a> {
    signers: Option<&'a Signers>,
    member: Option<MemberNumber>,
    /// By asset, the asset's number and how much.
    balances: BTreeMap<AssetCode, (u32, Amount)>,
}

/// The leaves so far.
#[derive(Default)]
struct Leaves(BTreeMap<StateKey, Vec<u8>>);

impl Leaves {
    fn put<T: serde::Serialize>(&mut self, key: StateKey, value: &T) {
        self.0.insert(key, encode(value));
    }
}

impl Genesis {
    /// The state at genesis, with its root.
    pub fn state(&self) -> GenesisState {
        GenesisState::new(self.leaves())
    }

    /// All leaves of the state at genesis, ascending by key.
    pub fn leaves(&self) -> Vec<(StateKey, Vec<u8>)> {
        let mut leaves = Leaves::default();
        self.put_assets(&mut leaves);
        self.put_accounts(&mut leaves);
        self.put_members(&mut leaves);
        for grant in self.grants() {
            let DraftGrant {
                account,
                right,
                scope,
            } = grant;
            let key = StateKey::grant(&account, right, &scope);
            let grant = Grant::V1(GrantV1 {
                account,
                right,
                scope,
                by: Address([0; 20]),
                ordinal: 0,
            });
            leaves.put(key, &grant);
        }
        self.put_single(&mut leaves);
        leaves.0.into_iter().collect()
    }

    fn put_assets(&self, leaves: &mut Leaves) {
        for (number, asset) in (0..).zip(&self.draft().v1().assets) {
            let supply = asset.supply().expect("supplies were checked with the draft");
            let item = BalanceItem {
                asset: asset.code,
                free: supply,
                held: Amount(0),
            };
            let items: Vec<_> = (supply > Amount(0)).then_some(item).into_iter().collect();
            let start = self.history_start(HistoryOwner::Asset(asset.code), &items);
            let value = Asset::V1(AssetV1 {
                code: asset.code,
                number,
                issuer: asset.issuer,
                decimals: asset.decimals,
                flags: asset.flags,
                supply,
                entries: 0,
                last: start.hash(),
                waypoints: Vec::new(),
            });
            leaves.put(StateKey::asset(&asset.code), &value);
        }
    }

    /// Everybody who has an account at genesis: who holds something, members, accounts that are members', and who
    /// has a right. Issuers that hold nothing have none.
    fn holders(&self) -> BTreeMap<Address, Holder<'_>> {
        let draft = self.draft().v1();
        let mut holders: BTreeMap<Address, Holder<'_>> = BTreeMap::new();
        for (number, asset) in (0..).zip(&draft.assets) {
            for balance in &asset.balances {
                let holder = holders.entry(balance.address).or_default();
                holder.balances.insert(asset.code, (number, balance.amount));
            }
        }
        for account in &draft.accounts {
            holders.entry(account.address).or_default().member = Some(account.member);
        }
        for (number, join) in self.numbered() {
            let body = join.body();
            let holder = holders.entry(body.address()).or_default();
            holder.member = Some(MemberNumber(number));
            holder.signers = body.signers.as_ref();
        }
        for grant in &draft.grants {
            holders.entry(grant.account).or_default();
        }
        holders
    }

    fn put_accounts(&self, leaves: &mut Leaves) {
        for (address, holder) in self.holders() {
            let (mut items, mut inline, mut others) = (Vec::new(), Vec::new(), 0);
            for (asset, (number, free)) in holder.balances {
                let held = Amount(0);
                items.push(BalanceItem { asset, free, held });
                if number < INLINE_ASSETS {
                    inline.push(Inline {
                        asset,
                        free,
                        held,
                        incoming: 0,
                    });
                    continue;
                }
                others += 1;
                let balance = Balance::V1(BalanceV1 {
                    address,
                    asset,
                    free,
                    held,
                    incoming: 0,
                });
                leaves.put(StateKey::balance(&address, &asset), &balance);
            }
            let start = self.history_start(HistoryOwner::Account(address), &items);
            let account = Account::V1(AccountV1 {
                address,
                signers: holder.signers.cloned(),
                member: holder.member,
                frozen: false,
                holds: 0,
                others,
                balances: inline,
                entries: 0,
                last: start.hash(),
                waypoints: Vec::new(),
            });
            leaves.put(StateKey::account(&address), &account);
        }
    }

    fn put_members(&self, leaves: &mut Leaves) {
        for (place, join) in self.numbered() {
            let (number, seat, body) = (MemberNumber(place), SeatNumber(place), join.body());
            let member = Member::V1(MemberV1 {
                number,
                name: body.member.clone(),
                account: body.address(),
                status: MemberStatus::Active,
                seats: 1,
                since: self.time(),
                signed: self.time(),
                reported: None,
                open: Vec::new(),
            });
            leaves.put(StateKey::member(number), &member);
            put_in_use(
                leaves,
                Taken::Name(body.member.to_ascii_lowercase()),
                Owner::Member(number),
            );
            let value = Seat::V1(SeatV1 {
                number: seat,
                member: number,
                validator: body.validator,
                node: body.node,
                witness: body.witness,
                addresses: body.addresses.clone(),
                sits: true,
                rejoin: None,
                active: Height(0),
                next: None,
            });
            leaves.put(StateKey::seat(seat), &value);
            for key in [body.validator, body.node, body.witness] {
                put_in_use(leaves, Taken::Key(key.0), Owner::Seat(seat));
            }
        }
    }

    /// The draft's grants, and for each member the one of its account that administers it.
    fn grants(&self) -> Vec<DraftGrant> {
        let own = self.numbered().map(|(number, join)| DraftGrant {
            account: join.body().address(),
            right: Right::Administrate,
            scope: Scope::Member(MemberNumber(number)),
        });
        self.draft().v1().grants.iter().cloned().chain(own).collect()
    }

    fn put_single(&self, leaves: &mut Leaves) {
        let draft = self.draft().v1();
        let count = |length: usize| u32::try_from(length).expect("counts of a genesis document are bounded");
        leaves.put(StateKey::parameters(), &draft.parameters);
        leaves.put(StateKey::rules(), &draft.rules);
        let agreement = Agreement::V1(AgreementV1 {
            committee: self.committee(),
            first: Height(1),
            last: None,
            longest_lead_ms: draft.parameters.v1().max_expiry_lead_ms,
            pending: Vec::new(),
        });
        leaves.put(StateKey::agreement(), &agreement);
        let counters = Counters::V1(CountersV1 {
            assets: count(draft.assets.len()),
            members: count(draft.members.len()),
            seats: count(draft.members.len()),
            proposals: 0,
            recoveries: 0,
        });
        leaves.put(StateKey::counters(), &counters);
    }

    /// Where a history begins, whose owner has these balances, ascending by code.
    fn history_start(&self, owner: HistoryOwner, balances: &[BalanceItem]) -> HistoryStart {
        HistoryStart {
            network: self.id(),
            owner,
            balances: balances_root(balances),
        }
    }
}

fn put_in_use(leaves: &mut Leaves, taken: Taken, by: Owner) {
    let key = StateKey::in_use(&taken);
    leaves.put(key, &InUse::V1(InUseV1 { taken, by }));
}
