//! How far the count of the ballots on a change is (`docs/formats.md`, section 15, which rule).

use quorate_ledger::limits::MAX_ANSWER_MS;
use quorate_ledger::{Majority, Timestamp};

use crate::schema::{CountView, Member, MemberStatusView};

/// Whether a member would count in a vote at a time: it is active, and was not reported as dormant so long ago without
/// an answer that the next count takes it for dormant.
pub fn counts_as_active(member: &Member, now: Timestamp) -> bool {
    let silent = member.reported.is_some_and(|report| {
        member.signed <= report.timestamp && now.0.saturating_sub(report.timestamp.0) >= MAX_ANSWER_MS
    });
    member.status == MemberStatusView::Active && !silent
}

/// The count of ballots on a change, by the members' numbers. `members`: all of the network's.
pub fn count(
    (rule, majority): (&'static str, Majority),
    electorate: &[u32],
    ballots: &[(u32, bool)],
    members: &[Member],
    now: Timestamp,
) -> CountView {
    let votes = |number: &u32| {
        let member = members.iter().find(|member| member.number == *number);
        electorate.contains(number) && member.is_some_and(|member| counts_as_active(member, now))
    };
    let number_of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let voters = number_of(electorate.iter().filter(|number| votes(number)).count());
    let cast = |said: bool| {
        let counted = ballots
            .iter()
            .filter(|(member, yes)| *yes == said && votes(member));
        number_of(counted.count())
    };
    let present = members.iter().filter(|member| !member.status.has_left());
    let third = number_of(present.count()).div_ceil(3);
    CountView {
        rule: rule.to_owned(),
        majority: majority.name().to_owned(),
        voters,
        needed: majority.of(voters).max(third),
        yes: cast(true),
        no: cast(false),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use quorate_crypto::Key;

    use super::*;
    use crate::schema::ReportView;

    pub(crate) fn member(number: u8, status: MemberStatusView) -> Member {
        Member {
            number: number.into(),
            name: format!("member-{number}"),
            account: Key::Ed25519([number; 32]).address(),
            validators: Vec::new(),
            status,
            seats: 1,
            sitting: Vec::new(),
            since: Timestamp(0),
            signed: Timestamp(0),
            reported: None,
            open_proposals: Vec::new(),
            roles: Vec::new(),
        }
    }

    #[test]
    fn ballots_of_active_members_of_the_electorate_count() {
        let mut members: Vec<Member> = (1..=6)
            .map(|number| member(number, MemberStatusView::Active))
            .collect();
        members[1].status = MemberStatusView::Dormant;
        members[2].status = MemberStatusView::Left;
        // Voters are 1, 4 and 5: 2 is dormant, 3 has left, 6 came later.
        let electorate = [1, 2, 3, 4, 5];
        let ballots = [(1, true), (2, true), (3, true), (4, false), (6, true)];
        let rule = ("strict", Majority::TwoThirds);
        let counted = count(rule, &electorate, &ballots, &members, Timestamp(0));
        assert_eq!((counted.voters, counted.yes, counted.no), (3, 1, 1));
        // Two thirds of 3 are 2; a third of the 5 that have not left is 2 as well.
        assert_eq!(counted.needed, 2);
        // With one voter left it is the third of all that is asked for.
        let alone = count(rule, &[1], &[], &members, Timestamp(0));
        assert_eq!((alone.voters, alone.needed), (1, 2));
    }

    #[test]
    fn a_reported_member_stops_to_count_after_fourteen_days_unless_it_signed() {
        let mut reported = member(1, MemberStatusView::Active);
        reported.reported = Some(ReportView {
            by: 2,
            timestamp: Timestamp(1_000),
        });
        assert!(counts_as_active(&reported, Timestamp(1_000 + MAX_ANSWER_MS - 1)));
        assert!(!counts_as_active(&reported, Timestamp(1_000 + MAX_ANSWER_MS)));
        reported.signed = Timestamp(1_001);
        assert!(counts_as_active(&reported, Timestamp(1_000 + MAX_ANSWER_MS)));
    }
}
