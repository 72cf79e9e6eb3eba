//! What the state says of members, proposals, grants and freezes, in the documents of the schema.
//!
//! All of it is read from leaves of the state through a snapshot. Members and proposals are numbered from 0 without
//! gaps, so a list needs no index; how many there are stands in the counters.

use std::collections::BTreeMap;

use quorate_client::governance::{InForce, Standing, change_view, count, impact_of};
use quorate_client::schema::{
    Account, AttestedView, BallotView, FreezeView, GrantView, ImpactView, Member, MemberName,
    MemberStatusView, NextKeysView, ParametersView, Proposal, ProposalStateView, ReportView, RulesView,
    SittingSeat,
};
use quorate_crypto::{MemberNumber, PublicKey};
use quorate_ledger::limits::MAX_ATTESTED_BELOW;
use quorate_ledger::{
    Address, Agreement, AgreementV1, Attesting, Change, Counters, CountersV1, GovernanceProposal,
    GovernanceProposalV1, InUse, InUseV1, Limit, MemberV1, Owner, Parameters, Prefix, ProposalState, Quota,
    Rules, Seat, SeatV1, StateKey, StateValue, Taken, Timestamp, encode,
};

use crate::config::{MAX_LOOKED_AT, MAX_PAGE_BYTES};
use crate::node::{BlockRef, Fault, Node, Snapshot};

/// Grants and freezes of an account that are listed.
const MAX_LISTED: usize = 200;

/// Grants of a member's account that are listed with the member.
const MAX_ROLES: usize = 64;

/// The roles among the rights.
const ROLES: [&str; 5] = ["administrator", "operator", "auditor", "participant", "issuer"];

/// What governs a network at one certified height.
pub(crate) struct Governance<'a> {
    snapshot: &'a dyn Snapshot,
    /// The validators' names, by their keys.
    names: BTreeMap<PublicKey, String>,
    /// The time of the last certified block.
    now: Timestamp,
    counters: CountersV1,
    agreement: AgreementV1,
    /// Those of the committee in force, in its order.
    seats: Vec<SeatV1>,
}

/// Which proposals a list is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProposalFilter {
    pub(crate) state: Option<ProposalStateView>,
    pub(crate) member: Option<u32>,
}

/// A page of proposals, and the number below which the list goes on.
pub(crate) struct FoundProposals {
    pub(crate) proposals: Vec<Proposal>,
    pub(crate) next: Option<u64>,
}

/// A value of the state of the kind that its key is of; none if there is none.
macro_rules! value_of {
    ($snapshot:expr, $kind:ident, $key:expr) => {{
        let key = $key;
        match read_value($snapshot, &key)? {
            Some(StateValue::$kind($kind::V1(value))) => Some(value),
            None => None,
            Some(_) => return Err(Fault(format!("another kind of value lies at {key}"))),
        }
    }};
}

fn read_value(snapshot: &dyn Snapshot, key: &StateKey) -> Result<Option<StateValue>, Fault> {
    let Some(bytes) = snapshot.state_value(key)? else {
        return Ok(None);
    };
    let value = StateValue::decode(key, &bytes);
    value.map(Some).map_err(|error| Fault(error.to_string()))
}

fn missing(what: &str) -> Fault {
    Fault(format!("the state has no {what}"))
}

/// The rules and parameters in force.
pub(crate) fn in_force(snapshot: &dyn Snapshot) -> Result<(ParametersView, RulesView), Fault> {
    let parameters = value_of!(snapshot, Parameters, StateKey::parameters());
    let rules = value_of!(snapshot, Rules, StateKey::rules());
    let parameters = parameters.ok_or_else(|| missing("parameters"))?;
    let rules = rules.ok_or_else(|| missing("rules"))?;
    Ok((ParametersView::from(&parameters), RulesView::from(&rules)))
}

/// An account with what it was granted and what it is frozen for.
pub(crate) fn account(snapshot: &dyn Snapshot, address: &Address) -> Result<Account, Fault> {
    let mut account = snapshot.account(address)?;
    account.grants = grants(snapshot, address, MAX_LISTED)?;
    let has = |role: &&str| account.grants.iter().any(|grant| grant.right == *role);
    account.roles = ROLES
        .iter()
        .filter(|role| has(role))
        .map(ToString::to_string)
        .collect();
    let freezes = snapshot.state_under(&Prefix::freezes(address), MAX_LISTED)?;
    let freezes = freezes.iter().filter_map(|value| match value {
        StateValue::Freeze(freeze) => Some(FreezeView::from(freeze)),
        _ => None,
    });
    account.freezes = freezes.collect();
    Ok(account)
}

fn grants(snapshot: &dyn Snapshot, address: &Address, limit: usize) -> Result<Vec<GrantView>, Fault> {
    let found = snapshot.state_under(&Prefix::grants(address), limit)?;
    let grants = found.iter().filter_map(|value| match value {
        StateValue::Grant(grant) => Some(GrantView::from(grant)),
        _ => None,
    });
    Ok(grants.collect())
}

impl<'a> Governance<'a> {
    /// What is read once for all questions.
    pub(crate) fn read(snapshot: &'a dyn Snapshot, node: &dyn Node) -> Result<Self, Fault> {
        let counters = value_of!(snapshot, Counters, StateKey::counters());
        let agreement = value_of!(snapshot, Agreement, StateKey::agreement());
        let agreement = agreement.ok_or_else(|| missing("agreement"))?;
        let mut seats = Vec::new();
        for sitting in agreement.committee.seats() {
            let seat = value_of!(snapshot, Seat, StateKey::seat(sitting.seat));
            seats.push(seat.ok_or_else(|| missing(&format!("seat {}", sitting.seat)))?);
        }
        let validators = node.validators().validators.into_iter();
        let tip = snapshot.block(BlockRef::Height(snapshot.height()))?;
        Ok(Self {
            snapshot,
            names: validators
                .map(|validator| (validator.key, validator.name))
                .collect(),
            now: tip.map_or(Timestamp(0), |block| block.timestamp),
            counters: counters.ok_or_else(|| missing("counters"))?,
            agreement,
            seats,
        })
    }

    /// A member by its number.
    pub(crate) fn member(&self, number: u32) -> Result<Option<Member>, Fault> {
        let Some(mut member) = self.bare_member(number)? else {
            return Ok(None);
        };
        member.roles = grants(self.snapshot, &member.account, MAX_ROLES)?;
        Ok(Some(member))
    }

    /// The number of the member that is, or was, called so, whatever the case; or that has this number.
    pub(crate) fn number_of(&self, text: &str) -> Result<Option<u32>, Fault> {
        let key = StateKey::in_use(&Taken::Name(text.to_ascii_lowercase()));
        let named = value_of!(self.snapshot, InUse, key);
        if let Some(InUseV1 {
            by: Owner::Member(number),
            ..
        }) = named
        {
            return Ok(Some(number.0));
        }
        Ok(text
            .parse()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())))
    }

    /// Members from a number on, ascending: so many at most.
    pub(crate) fn members(&self, from: u32, limit: usize) -> Result<Vec<Member>, Fault> {
        let numbers = from..self.counters.members;
        let found = numbers.filter_map(|number| self.member(number).transpose());
        found.take(limit).collect()
    }

    /// All members, without what their accounts were granted.
    pub(crate) fn all_members(&self) -> Result<Vec<Member>, Fault> {
        let numbers = 0..self.counters.members;
        numbers
            .filter_map(|number| self.bare_member(number).transpose())
            .collect()
    }

    fn bare_member(&self, number: u32) -> Result<Option<Member>, Fault> {
        let key = StateKey::member(MemberNumber(number));
        let Some(value) = read_value(self.snapshot, &key)? else {
            return Ok(None);
        };
        match value {
            StateValue::Member(member) => Ok(Some(self.told(member.v1()))),
            _ => Err(Fault(format!("another kind of value lies at {key}"))),
        }
    }

    fn told(&self, member: &MemberV1) -> Member {
        let own = self.seats.iter().filter(|seat| seat.member == member.number);
        let own: Vec<&SeatV1> = own.collect();
        let named = own.iter().filter_map(|seat| self.names.get(&seat.validator));
        Member {
            number: member.number.0,
            name: member.name.clone(),
            account: member.account,
            validators: named.cloned().collect(),
            status: MemberStatusView::from(member.status),
            seats: member.seats,
            sitting: own.iter().map(|seat| self.sitting(seat)).collect(),
            since: member.since,
            signed: member.signed,
            reported: member.reported.map(|report| ReportView {
                by: report.by.0,
                timestamp: report.timestamp,
            }),
            open_proposals: member.open.clone(),
            roles: Vec::new(),
        }
    }

    fn sitting(&self, seat: &SeatV1) -> SittingSeat {
        // As of the next block, which is the first that a proposal made now could be decided in.
        let live =
            seat.active.0.saturating_add(MAX_ATTESTED_BELOW) > self.snapshot.height().0.saturating_add(1);
        SittingSeat {
            seat: seat.number.0,
            validator: seat.validator,
            node: seat.node,
            witness: seat.witness,
            addresses: seat.addresses.clone(),
            active: seat.active,
            live,
            next: seat.next.map(|next| NextKeysView {
                validator: next.validator,
                node: next.node,
                witness: next.witness,
            }),
        }
    }

    fn leaf(&self, number: u64) -> Result<Option<GovernanceProposalV1>, Fault> {
        Ok(value_of!(
            self.snapshot,
            GovernanceProposal,
            StateKey::proposal(number)
        ))
    }

    /// A proposal.
    pub(crate) fn proposal(&self, number: u64) -> Result<Option<Proposal>, Fault> {
        let Some(leaf) = self.leaf(number)? else {
            return Ok(None);
        };
        let members = self.all_members()?;
        self.told_proposal(&leaf, &members).map(Some)
    }

    /// Proposals below a number, newest first: so many at most, and no more of them than an answer has room for.
    pub(crate) fn proposals(
        &self,
        filter: &ProposalFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<FoundProposals, Fault> {
        let members = self.all_members()?;
        let (mut proposals, mut length) = (Vec::new(), 0_usize);
        let first = before.unwrap_or(u64::MAX).min(self.counters.proposals);
        for (looked_at, number) in (0..first).rev().enumerate() {
            if proposals.len() >= limit || looked_at >= MAX_LOOKED_AT || length >= MAX_PAGE_BYTES {
                let next = Some(number.saturating_add(1));
                return Ok(FoundProposals { proposals, next });
            }
            let Some(leaf) = self.leaf(number)? else {
                continue;
            };
            let (state, _) = ProposalStateView::at(leaf.state, leaf.expires_at, self.now);
            let is_meant = filter.state.is_none_or(|asked| asked == state)
                && filter.member.is_none_or(|asked| asked == leaf.member.0);
            if is_meant {
                length = length.saturating_add(length_of(&leaf));
                proposals.push(self.told_proposal(&leaf, &members)?);
            }
        }
        Ok(FoundProposals {
            proposals,
            next: None,
        })
    }

    fn told_proposal(&self, leaf: &GovernanceProposalV1, members: &[Member]) -> Result<Proposal, Fault> {
        let (state, executed) = ProposalStateView::at(leaf.state, leaf.expires_at, self.now);
        let parameters = value_of!(self.snapshot, Parameters, StateKey::parameters());
        let rules = value_of!(self.snapshot, Rules, StateKey::rules());
        let parameters = parameters.ok_or_else(|| missing("parameters"))?;
        let rules = rules.ok_or_else(|| missing("rules"))?;
        let committee = &self.agreement.committee;
        let in_force = InForce {
            parameters: &parameters,
            rules: &rules,
            engine: committee.engine(),
            protocol: committee.protocol_version(),
            limit: self.limit_of(&leaf.change)?,
        };
        // What was executed is what is in force, and there is no before to compare with any more.
        let is_ahead = matches!(state, ProposalStateView::Open | ProposalStateView::Passed);
        let named = |number: MemberNumber| {
            let known = members.iter().find(|member| member.number == number.0);
            MemberName {
                number: number.0,
                name: known.map_or_else(String::new, |member| member.name.clone()),
            }
        };
        let electorate: Vec<u32> = leaf.electorate.iter().map(|number| number.0).collect();
        let ballots: Vec<(u32, bool)> = leaf
            .ballots
            .iter()
            .map(|cast| (cast.member.0, cast.yes))
            .collect();
        let rule = rules.deciding(&leaf.change, committee.engine());
        let counts = |number: u32| {
            let member = members.iter().find(|member| member.number == number);
            member.is_some_and(|member| quorate_client::governance::counts_as_active(member, self.now))
        };
        Ok(Proposal {
            number: leaf.number,
            state,
            executed,
            member: named(leaf.member),
            height: leaf.height,
            expires_at: leaf.expires_at,
            change: change_view(&leaf.change, is_ahead.then_some(&in_force), members),
            hash: leaf.change.digest(),
            bytes: hex::encode(encode(&leaf.change)),
            electorate: leaf.electorate.iter().map(|number| named(*number)).collect(),
            ballots: leaf
                .ballots
                .iter()
                .map(|cast| BallotView {
                    member: named(cast.member),
                    yes: cast.yes,
                    counts: counts(cast.member.0),
                })
                .collect(),
            attested: leaf.attested.iter().map(attested_view).collect(),
            count: count(rule, &electorate, &ballots, members, self.now),
            impact: match is_ahead {
                true => self.impact(leaf, members)?,
                false => None,
            },
        })
    }

    /// The own limit of the quota that a change is about.
    fn limit_of(&self, change: &Change) -> Result<Option<Limit>, Fault> {
        let Change::Quota { member, .. } = change else {
            return Ok(None);
        };
        let quota = value_of!(self.snapshot, Quota, StateKey::quota(*member));
        Ok(quota.and_then(|quota| quota.limit))
    }

    /// What a proposal does to the committee, beside what was decided already.
    fn impact(&self, leaf: &GovernanceProposalV1, members: &[Member]) -> Result<Option<ImpactView>, Fault> {
        let change = &leaf.change;
        let committee = &self.agreement.committee;
        let mut standing = Standing::of(committee.engine(), committee.protocol_version(), members);
        for number in self
            .agreement
            .pending
            .iter()
            .filter(|number| **number != leaf.number)
        {
            if let Some(waiting) = self
                .leaf(*number)?
                .filter(|waiting| waiting.state == ProposalState::Passed)
            {
                standing = standing.with(&waiting.change, true);
            }
        }
        let said = |seat: Option<u32>| {
            let seat = seat?;
            leaf.attested
                .iter()
                .find(|attested| matches!(attested.seat, Attesting::Sitting(own) if own.0 == seat))
        };
        for seat in &mut standing.seats {
            seat.live = match (change, said(seat.seat)) {
                (Change::Protocol(protocol), attested) => {
                    attested.is_some_and(|attested| (attested.lowest..=attested.highest).contains(protocol))
                }
                (_, attested) => seat.live || attested.is_some(),
            };
        }
        let mut attested = leaf.attested.iter();
        let joins_live = attested.any(|attested| matches!(attested.seat, Attesting::Joining(_)));
        Ok(impact_of(&standing, change, joins_live))
    }
}

fn attested_view(attested: &quorate_ledger::Attested) -> AttestedView {
    let (seat, validator) = match attested.seat {
        Attesting::Sitting(number) => (Some(number.0), None),
        Attesting::Joining(key) => (None, Some(key)),
    };
    AttestedView {
        seat,
        validator,
        lowest: attested.lowest,
        highest: attested.highest,
    }
}

/// About how many bytes of JSON a proposal is.
fn length_of(leaf: &GovernanceProposalV1) -> usize {
    let change = 3 * encode(&leaf.change).len();
    10_000 + change + 60 * leaf.electorate.len() + 100 * leaf.ballots.len() + 100 * leaf.attested.len()
}
