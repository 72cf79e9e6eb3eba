//! What becomes of the committee by a change (`docs/formats.md`, section 15, what fits): how many validators there are,
//! how many of them may be faulty, how many are live, and what would keep the change from being carried out.

use quorate_crypto::{Committee, CommitteeSeat, Engine, Epoch, MemberNumber, PublicKey, SeatNumber};
use quorate_ledger::Change;

use crate::schema::{CommitteeFigures, ImpactView, Member, MemberName};

/// A committee as it was decided so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it runs.
    pub engine: Engine,
    /// The version of messages and rules.
    pub protocol: u32,
    /// Its seats.
    pub seats: Vec<StandingSeat>,
}

/// A seat of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingSeat {
    /// The member that runs it.
    pub member: MemberName,
    /// Its number; none for one that joins with the next epoch.
    pub seat: Option<u32>,
    /// Whether it is live: by a batch of the last 1,000 blocks, or attested.
    pub live: bool,
}

impl Standing {
    /// The committee in force without the seats of members that have left, as members and their seats say.
    pub fn of(engine: Engine, protocol: u32, members: &[Member]) -> Self {
        let present = members.iter().filter(|member| !member.status.has_left());
        let seats = present.flat_map(|member| {
            member.sitting.iter().map(|seat| StandingSeat {
                member: MemberName {
                    number: member.number,
                    name: member.name.clone(),
                },
                seat: Some(seat.seat),
                live: seat.live,
            })
        });
        Self {
            engine,
            protocol,
            seats: seats.collect(),
        }
    }

    /// The same with a change. `joins_live`: whether the seat that would join has attested.
    #[must_use]
    pub fn with(&self, change: &Change, joins_live: bool) -> Self {
        let mut next = self.clone();
        match change {
            Change::AddSeat { member, .. } => {
                let known = self.seats.iter().find(|seat| seat.member.number == member.0);
                let member = known.map(|seat| seat.member.clone()).unwrap_or(MemberName {
                    number: member.0,
                    name: String::new(),
                });
                next.seats.push(StandingSeat {
                    member,
                    seat: None,
                    live: joins_live,
                });
            }
            Change::RemoveSeat(removed) => next.seats.retain(|seat| seat.seat != Some(removed.0)),
            Change::ExpelMember(number) | Change::MemberLeaves(number) => {
                next.seats.retain(|seat| seat.member.number != number.0);
            }
            Change::Engine(engine) => next.engine = *engine,
            Change::Protocol(protocol) => next.protocol = *protocol,
            _ => {}
        }
        next
    }

    /// How much it bears.
    pub fn figures(&self) -> CommitteeFigures {
        let committee = self.committee();
        let number_of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (n, live) = (
            committee.size(),
            self.seats.iter().filter(|seat| seat.live).count(),
        );
        let (f, quorum) = match n {
            0 => (0, 0),
            _ => (committee.faults(), committee.quorum()),
        };
        // Raft and Paxos have no liars to bear beside the quorum.
        let liars = match self.engine {
            Engine::Pbft => f,
            Engine::Raft | Engine::Paxos => 0,
        };
        let margin = i64::from(number_of(live)) - i64::from(number_of(quorum));
        CommitteeFigures {
            engine: self.engine.to_string(),
            protocol: self.protocol,
            n: number_of(n),
            f: number_of(f),
            quorum: number_of(quorum),
            live: number_of(live),
            live_needed: number_of((quorum + liars).min(n)),
            margin: i32::try_from(margin).unwrap_or(i32::MAX),
            promise: self.engine.promise().to_owned(),
        }
    }

    /// Keys and numbers do not matter for its arithmetic.
    fn committee(&self) -> Committee {
        let none = PublicKey([0; 32]);
        let seats = self.seats.iter().map(|seat| CommitteeSeat {
            member: MemberNumber(seat.member.number),
            seat: SeatNumber(0),
            validator: none,
            node: none,
            witness: none,
        });
        Committee::new(Epoch(0), self.engine, self.protocol, seats.collect())
    }

    /// Why the ledger refuses such a committee, whoever is live.
    fn faults_of_form(&self) -> Vec<String> {
        let count = self.seats.len();
        if count == 0 {
            return vec!["no validator would be left".to_owned()];
        }
        let mut found = Vec::new();
        if count > Committee::MAX_VALIDATORS {
            found.push(format!(
                "there would be {count} validators, at most {} are allowed",
                Committee::MAX_VALIDATORS
            ));
        }
        // Where there are more than three, no member holds more than may lie, whatever the engine.
        let most = (count - 1) / 3;
        let mut looked_at: Vec<u32> = Vec::new();
        for seat in self.seats.iter().filter(|_| count > 3) {
            if looked_at.contains(&seat.member.number) {
                continue;
            }
            looked_at.push(seat.member.number);
            let own = self
                .seats
                .iter()
                .filter(|other| other.member.number == seat.member.number);
            let own = own.count();
            if own > most {
                let member = &seat.member;
                found.push(format!(
                    "{member} would hold {own} of {count} seats, and a member may hold {most} at most"
                ));
            }
        }
        found
    }
}

/// What a change does to the committee; none if it does not concern it.
pub fn impact_of(standing: &Standing, change: &Change, joins_live: bool) -> Option<ImpactView> {
    if !change.needs_live_seats() {
        return None;
    }
    let next = standing.with(change, joins_live);
    let parts = matches!(change, Change::ExpelMember(_) | Change::MemberLeaves(_));
    if parts && next == *standing {
        // A member without a seat takes none with it.
        return None;
    }
    let (before, after) = (standing.figures(), next.figures());
    let mut obstacles = next.faults_of_form();
    if matches!(change, Change::AddSeat { .. }) && !joins_live {
        obstacles.push("the seat that would join has not attested yet".to_owned());
    }
    if after.live < after.live_needed {
        let (live, needed) = (after.live, after.live_needed);
        obstacles.push(format!(
            "{live} of the {} validators are live, and {needed} must be: the others can attest",
            after.n
        ));
    }
    Some(ImpactView {
        before,
        after,
        obstacles,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(engine: Engine, seats: u32, live: u32) -> Standing {
        let seat = |number| StandingSeat {
            member: MemberName {
                number,
                name: format!("m{number}"),
            },
            seat: Some(number),
            live: number < live,
        };
        Standing {
            engine,
            protocol: 2,
            seats: (0..seats).map(seat).collect(),
        }
    }

    /// n, f, quorum, how many must be live, by hand: f = floor((n − 1) / 3), quorum = ceil((n + f + 1) / 2), and a
    /// quorum and f together must be live, or all where that is more.
    #[test]
    fn figures_of_pbft_for_one_to_seven_validators() {
        let by_hand = [
            (1, 0, 1, 1),
            (2, 0, 2, 2),
            (3, 0, 2, 2),
            (4, 1, 3, 4),
            (5, 1, 4, 5),
            (6, 1, 4, 5),
            (7, 2, 5, 7),
        ];
        for (n, f, quorum, needed) in by_hand {
            let figures = standing(Engine::Pbft, n, n).figures();
            assert_eq!((figures.n, figures.f, figures.quorum), (n, f, quorum), "{n}");
            assert_eq!(figures.live_needed, needed, "{n}");
            assert_eq!(i64::from(figures.margin), i64::from(n) - i64::from(quorum), "{n}");
        }
    }

    /// The same of Raft and Paxos: f = floor((n − 1) / 2), quorum = floor(n / 2) + 1, and a quorum must be live.
    #[test]
    fn figures_of_raft_and_paxos_for_one_to_seven_validators() {
        let by_hand = [
            (1, 0, 1),
            (2, 0, 2),
            (3, 1, 2),
            (4, 1, 3),
            (5, 2, 3),
            (6, 2, 4),
            (7, 3, 4),
        ];
        for engine in [Engine::Raft, Engine::Paxos] {
            for (n, f, quorum) in by_hand {
                let figures = standing(engine, n, 0).figures();
                assert_eq!((figures.n, figures.f, figures.quorum), (n, f, quorum), "{n}");
                assert_eq!(figures.live_needed, quorum, "{n}");
                assert_eq!(i64::from(figures.margin), -i64::from(quorum), "{n}");
            }
        }
    }

    #[test]
    fn a_seat_that_leaves_takes_its_share_of_the_margin() {
        let removed = Change::RemoveSeat(SeatNumber(4));
        let impact = impact_of(&standing(Engine::Pbft, 5, 5), &removed, false).unwrap();
        assert_eq!(
            (impact.before.n, impact.before.quorum, impact.before.margin),
            (5, 4, 1)
        );
        assert_eq!(
            (impact.after.n, impact.after.quorum, impact.after.margin),
            (4, 3, 1)
        );
        assert!(impact.obstacles.is_empty(), "{:?}", impact.obstacles);
        // Of four that are left all must be live.
        let impact = impact_of(&standing(Engine::Pbft, 5, 3), &removed, false).unwrap();
        assert_eq!((impact.after.live, impact.after.live_needed), (3, 4));
        assert_eq!(impact.obstacles.len(), 1, "{:?}", impact.obstacles);
        // The last one cannot go.
        let alone = impact_of(
            &standing(Engine::Raft, 1, 1),
            &Change::RemoveSeat(SeatNumber(0)),
            false,
        );
        assert_eq!(alone.unwrap().obstacles[0], "no validator would be left");
    }

    #[test]
    fn a_member_that_would_hold_too_many_seats_is_named() {
        let added = Change::AddSeat {
            member: MemberNumber(0),
            validator: PublicKey([1; 32]),
            node: PublicKey([2; 32]),
            witness: PublicKey([3; 32]),
            addresses: Vec::new(),
            proofs: Vec::new(),
        };
        // Of five seats f is 1, so nobody may hold two.
        let impact = impact_of(&standing(Engine::Pbft, 4, 4), &added, true).unwrap();
        assert_eq!(
            impact.obstacles,
            ["m0 would hold 2 of 5 seats, and a member may hold 1 at most"]
        );
        let unattested = impact_of(&standing(Engine::Pbft, 6, 6), &added, false).unwrap();
        assert_eq!(
            unattested.obstacles[0],
            "the seat that would join has not attested yet"
        );
    }

    #[test]
    fn what_does_not_concern_the_committee_has_no_impact() {
        let standing = standing(Engine::Pbft, 4, 4);
        assert_eq!(
            impact_of(&standing, &Change::ReinstateMember(MemberNumber(1)), false),
            None
        );
        assert_eq!(
            impact_of(&standing, &Change::Rules(Default::default()), false),
            None
        );
        // Member 9 has no seat, member 1 has one.
        let expel = |number| Change::ExpelMember(MemberNumber(number));
        assert_eq!(impact_of(&standing, &expel(9), false), None);
        assert_eq!(impact_of(&standing, &expel(1), false).unwrap().after.n, 3);
    }
}
