//! Rules of governance (`docs/formats.md`, section 14): who decides what, and within which time. They are part of
//! the state and of genesis from the first protocol on, and govern from the second.

use quorate_crypto::Engine;
use serde::{Deserialize, Serialize};

use crate::governance::{Change, Scope};
use crate::parameters::{DAY_MS, ParameterError, check_ranges};

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rules {
    /// Version 1.
    V1(RulesV1),
}

/// Version 1 of [`Rules`]. Its [`Default`] is what they are at first.
///
/// Integers are below 2^63, as TOML has no larger ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesV1 {
    /// What accounts without a member may do, added up: 1 hold, 2 send, 4 create (assets, records with a leaf). 0 to 7.
    pub strangers: u8,
    /// What a proposal about seats needs.
    pub seats: Majority,
    /// What a proposal of another engine needs; leaving PBFT needs `strict`.
    pub engine: Majority,
    /// What a proposal of another protocol needs.
    pub protocol: Majority,
    /// What a proposal of parameters needs.
    pub parameters: Majority,
    /// What a proposal about grants and freezes needs.
    pub grants: Majority,
    /// What a proposal about quotas needs.
    pub quotas: Majority,
    /// What all else needs. In force is [`strict_in_force`](Self::strict_in_force).
    pub strict: Majority,
    /// Without a signature for so many milliseconds a member can be taken for dormant: 30 to 3,660 days.
    pub dormant_after_ms: u64,
    /// Least delay of a guardians' request, in milliseconds: 1 to 3,660 days.
    pub guardian_delay_ms: u64,
    /// Bytes a day of a member that has no quota of its own.
    pub day_bytes: u64,
    /// New leaves a day of a member that has no quota of its own.
    pub day_leaves: u32,
    /// Bytes a day of all accounts without a member together.
    pub strangers_bytes: u64,
    /// New leaves a day of all accounts without a member together.
    pub strangers_leaves: u32,
    /// Bytes a day that governance, rejoin and recovery can use beyond quotas.
    pub reserve_bytes: u64,
}

/// How many of the members must agree. The order is frozen, and ascends by strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Majority {
    /// More than half; `half` in texts.
    #[serde(rename = "half")]
    MoreThanHalf,
    /// At least two thirds.
    #[serde(rename = "two thirds")]
    TwoThirds,
    /// All.
    #[serde(rename = "all")]
    All,
}

impl Majority {
    /// All of them, ascending by strictness.
    pub const ALL: [Self; 3] = [Self::MoreThanHalf, Self::TwoThirds, Self::All];

    /// Its text in genesis documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::MoreThanHalf => "half",
            Self::TwoThirds => "two thirds",
            Self::All => "all",
        }
    }

    /// How many of `count` members are enough.
    pub fn of(self, count: u32) -> u32 {
        match self {
            Self::MoreThanHalf => count / 2 + 1,
            // ceil(2 count / 3), without overflow.
            Self::TwoThirds => count - count / 3,
            Self::All => count,
        }
    }
}

/// The largest integer that TOML has.
const MAX_IN_TEXT: u64 = i64::MAX as u64;

impl RulesV1 {
    /// Checks that every rule is in its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        check_ranges(self.ranges())
    }

    /// The rules that have a range: each one's name, its value, and the least and the most that it may be.
    pub fn ranges(&self) -> [(&'static str, u64, u64, u64); 6] {
        let longest = 3_660 * DAY_MS;
        [
            ("strangers", self.strangers.into(), 0, 7),
            ("dormant_after_ms", self.dormant_after_ms, 30 * DAY_MS, longest),
            ("guardian_delay_ms", self.guardian_delay_ms, DAY_MS, longest),
            ("day_bytes", self.day_bytes, 0, MAX_IN_TEXT),
            ("strangers_bytes", self.strangers_bytes, 0, MAX_IN_TEXT),
            ("reserve_bytes", self.reserve_bytes, 0, MAX_IN_TEXT),
        ]
    }

    /// The rule that decides a change where this engine runs: its name, and what it says.
    pub fn deciding(&self, change: &Change, engine: Engine) -> (&'static str, Majority) {
        let strict = ("strict", self.strict_in_force());
        match change {
            Change::AddSeat { .. } | Change::RemoveSeat(_) => ("seats", self.seats),
            Change::Engine(_) if engine == Engine::Pbft => strict,
            Change::Engine(_) => ("engine", self.engine),
            Change::Protocol(_) => ("protocol", self.protocol),
            Change::Parameters(_) => ("parameters", self.parameters),
            // Whoever administers a member votes in its name.
            Change::Grant {
                scope: Scope::Member(_),
                ..
            }
            | Change::Revoke {
                scope: Scope::Member(_),
                ..
            } => strict,
            Change::Grant { .. }
            | Change::Revoke { .. }
            | Change::Freeze { .. }
            | Change::Unfreeze { .. } => ("grants", self.grants),
            Change::Quota { .. } => ("quotas", self.quotas),
            Change::AdmitMember { .. }
            | Change::ExpelMember(_)
            | Change::ReinstateMember(_)
            | Change::MemberLeaves(_)
            | Change::Rules(_) => strict,
        }
    }

    /// What is in force for `strict`: the strictest of all seven majorities.
    pub fn strict_in_force(&self) -> Majority {
        let all = [
            self.seats,
            self.engine,
            self.protocol,
            self.parameters,
            self.grants,
            self.quotas,
        ];
        all.into_iter().fold(self.strict, Majority::max)
    }
}

impl Default for RulesV1 {
    fn default() -> Self {
        Self {
            strangers: 3,
            seats: Majority::TwoThirds,
            engine: Majority::TwoThirds,
            protocol: Majority::TwoThirds,
            parameters: Majority::TwoThirds,
            grants: Majority::MoreThanHalf,
            quotas: Majority::MoreThanHalf,
            strict: Majority::TwoThirds,
            dormant_after_ms: 90 * DAY_MS,
            guardian_delay_ms: 7 * DAY_MS,
            day_bytes: 1 << 40,
            day_leaves: 1 << 30,
            strangers_bytes: 1 << 40,
            strangers_leaves: 1 << 30,
            reserve_bytes: 64 << 20,
        }
    }
}

impl Rules {
    /// Version 1's fields.
    pub fn v1(&self) -> &RulesV1 {
        let Self::V1(rules) = self;
        rules
    }

    /// Checks that every rule is in its range.
    pub fn check(&self) -> Result<(), ParameterError> {
        self.v1().check()
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::V1(RulesV1::default())
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::Key;

    use super::*;
    use crate::Parameters;

    #[test]
    fn a_change_is_decided_by_the_rule_of_its_kind() {
        let rules = RulesV1 {
            seats: Majority::MoreThanHalf,
            grants: Majority::MoreThanHalf,
            quotas: Majority::All,
            strict: Majority::TwoThirds,
            ..RulesV1::default()
        };
        let of = |change: &Change| rules.deciding(change, Engine::Pbft);
        assert_eq!(
            of(&Change::RemoveSeat(quorate_crypto::SeatNumber(1))),
            ("seats", Majority::MoreThanHalf)
        );
        // The strictest of all rules is in force for what is strict: here that of quotas.
        assert_eq!(of(&Change::Rules(Default::default())), ("strict", Majority::All));
        assert_eq!(of(&Change::Engine(Engine::Raft)), ("strict", Majority::All));
        let from_raft = rules.deciding(&Change::Engine(Engine::Pbft), Engine::Raft);
        assert_eq!(from_raft, ("engine", Majority::TwoThirds));
        assert_eq!(
            of(&Change::Parameters(Parameters::default())),
            ("parameters", Majority::TwoThirds)
        );
        let grant = |scope| Change::Grant {
            account: Key::Ed25519([1; 32]).address(),
            right: crate::Right::Audit,
            scope,
        };
        assert_eq!(of(&grant(Scope::Network)), ("grants", Majority::MoreThanHalf));
        let of_member = Scope::Member(quorate_crypto::MemberNumber(1));
        assert_eq!(of(&grant(of_member)), ("strict", Majority::All));
    }
}
