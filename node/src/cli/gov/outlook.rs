//! What a change means, before anybody signs: what is so now and would be, who decides it, and what becomes of the
//! committee. All of it is a node's word and this program's arithmetic; the ledger judges again when it is decided.

use quorate_client::governance::{InForce, Standing, change_view, count, counts_as_active, impact_of};
use quorate_client::schema::{
    ChangeView, CommitteeFigures, CountView, ImpactView, Member, MemberName, ProposalStateView,
};
use quorate_client::{Client, Page};
use quorate_crypto::Engine;
use quorate_ledger::{
    Change, Digest, Limit, Parameters, ParametersV1, Quota, Rules, RulesV1, StateKey, StateValue, Timestamp,
    decode,
};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, printable};
use serde::Serialize;

/// The most proposals that wait and are read.
const MOST_WAITING: usize = 1_024;

/// What is in force, by a node's word.
pub(super) struct Outlook {
    pub(super) members: Vec<Member>,
    pub(super) parameters: ParametersV1,
    pub(super) rules: RulesV1,
    engine: Engine,
    protocol: u32,
    now: Timestamp,
    /// Changes that were decided and wait for the epoch's end.
    waiting: Vec<Change>,
}

/// A change with what it means.
#[derive(Debug, Serialize)]
pub(super) struct Meaning {
    pub(super) change: ChangeView,
    pub(super) hash: Digest,
    pub(super) count: CountView,
    /// Those who can vote.
    pub(super) voters: Vec<MemberName>,
    pub(super) impact: Option<ImpactView>,
}

impl Outlook {
    pub(super) async fn read(client: &Client) -> Result<Self, Failure> {
        let status = client.status().await?;
        // All of what follows is at least as new.
        let client = client.at_least(status.height);
        let committee = client.network().await?.committee;
        let StateValue::Parameters(Parameters::V1(parameters)) =
            state_value(&client, &StateKey::parameters()).await?
        else {
            return Err(not_there());
        };
        let StateValue::Rules(Rules::V1(rules)) = state_value(&client, &StateKey::rules()).await? else {
            return Err(not_there());
        };
        Ok(Self {
            members: client.all_members().await?,
            parameters,
            rules,
            engine: committee.engine,
            protocol: committee.protocol_version,
            now: status.timestamp,
            waiting: waiting(&client).await?,
        })
    }

    /// What a change means that is not proposed yet.
    pub(super) async fn of(&self, client: &Client, change: &Change) -> Result<Meaning, Failure> {
        let limit = match change {
            Change::Quota { member, .. } => limit_of(client, &StateKey::quota(*member)).await?,
            _ => None,
        };
        Ok(self.meaning(change, limit))
    }

    fn meaning(&self, change: &Change, limit: Option<Limit>) -> Meaning {
        let in_force = InForce {
            parameters: &self.parameters,
            rules: &self.rules,
            engine: self.engine,
            protocol: self.protocol,
            limit,
        };
        let voting = self
            .members
            .iter()
            .filter(|member| counts_as_active(member, self.now));
        let voters: Vec<MemberName> = voting
            .map(|member| MemberName {
                number: member.number,
                name: member.name.clone(),
            })
            .collect();
        let electorate: Vec<u32> = voters.iter().map(|voter| voter.number).collect();
        let rule = self.rules.deciding(change, self.engine);
        let mut standing = Standing::of(self.engine, self.protocol, &self.members);
        for waiting in &self.waiting {
            standing = standing.with(waiting, true);
        }
        if let Change::Protocol(_) = change {
            // Who knows the protocol has to say so for each proposal.
            standing.seats.iter_mut().for_each(|seat| seat.live = false);
        }
        Meaning {
            change: change_view(change, Some(&in_force), &self.members),
            hash: change.digest(),
            count: count(rule, &electorate, &[], &self.members, self.now),
            voters,
            impact: impact_of(&standing, change, false),
        }
    }
}

fn not_there() -> Failure {
    Failure::failed("the node's state has no such value, or another kind of value at its place")
}

async fn state_value(client: &Client, key: &StateKey) -> Result<StateValue, Failure> {
    let bytes = client.state_value(key).await?.ok_or_else(not_there)?;
    StateValue::decode(key, &bytes).map_err(Failure::failed)
}

async fn limit_of(client: &Client, key: &StateKey) -> Result<Option<Limit>, Failure> {
    let Some(bytes) = client.state_value(key).await? else {
        return Ok(None);
    };
    match StateValue::decode(key, &bytes).map_err(Failure::failed)? {
        StateValue::Quota(Quota::V1(quota)) => Ok(quota.limit),
        _ => Err(not_there()),
    }
}

/// Changes that were decided and wait for the epoch's end, in the order of their proposals.
async fn waiting(client: &Client) -> Result<Vec<Change>, Failure> {
    let (mut found, mut page) = (Vec::new(), Page::default());
    loop {
        let list = client
            .proposals(Some(ProposalStateView::Passed), None, &page)
            .await?;
        for proposal in &list.proposals {
            found.push(change_of(&proposal.bytes, &proposal.hash)?);
        }
        page.cursor = list.next;
        if page.cursor.is_none() || found.len() > MOST_WAITING {
            found.reverse();
            return Ok(found);
        }
    }
}

/// A change from its bytes, which must be those of its hash.
pub(super) fn change_of(bytes: &str, hash: &Digest) -> Result<Change, Failure> {
    let wrong = |why: &str| {
        Failure::new(
            Exit::CheckFailed,
            format!("what the node shows of the proposal {why}"),
        )
    };
    let bytes = hex::decode(bytes).map_err(|_| wrong("is not hex"))?;
    let change: Change = decode(&bytes, bytes.len()).map_err(|_| wrong("is no change"))?;
    if change.digest() == *hash {
        Ok(change)
    } else {
        Err(wrong("has another hash than it says"))
    }
}

/// A change for people: what is so and would be, with ranges and what depends on it.
pub(super) fn change_text(change: &ChangeView, hash: &Digest, output: &Output) -> String {
    let dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let row = |item: &quorate_client::schema::ChangeItem| {
        let range = item.lowest.zip(item.highest);
        vec![
            item.name.clone(),
            printable(&dash(item.before.clone())),
            printable(&item.after),
            dash(range.map(|(lowest, highest)| format!("{lowest} to {highest}"))),
            dash(item.affects.clone()),
        ]
    };
    let rows = change.items.iter().map(row).collect();
    let table = output.table(&["WHAT", "NOW", "THEN", "ALLOWED", "WHAT DEPENDS ON IT"], rows);
    let when = match change.waits {
        true => "at the epoch's end, after the deciding vote",
        false => "with the deciding vote",
    };
    let fields = output.fields(&[
        ("takes effect", when.to_owned()),
        ("hash of the change", hash.to_string()),
    ]);
    format!("{}\n{table}{fields}", printable(&change.words))
}

/// Who decides it, and how many it takes.
pub(super) fn count_text(count: &CountView, voters: &[MemberName], output: &Output) -> String {
    let names: Vec<String> = voters.iter().map(|voter| printable(&voter.to_string())).collect();
    output.fields(&[
        ("rule", format!("{}: {}", count.rule, count.majority)),
        (
            "needed",
            format!("{} of {} who can vote now", count.needed, count.voters),
        ),
        ("who votes", names.join(", ")),
    ])
}

/// What becomes of the committee.
pub(super) fn impact_text(impact: &ImpactView, output: &Output) -> String {
    let row = |name: &str, of: fn(&CommitteeFigures) -> String| {
        vec![name.to_owned(), of(&impact.before), of(&impact.after)]
    };
    let rows = vec![
        row("engine", |figures| figures.engine.clone()),
        row("protocol", |figures| figures.protocol.to_string()),
        row("validators (n)", |figures| figures.n.to_string()),
        row("may be faulty (f)", |figures| figures.f.to_string()),
        row("quorum", |figures| figures.quorum.to_string()),
        row("live", |figures| figures.live.to_string()),
        row("must be live for a change", |figures| {
            figures.live_needed.to_string()
        }),
        row("may fail before it stops", |figures| figures.margin.to_string()),
        row("what members trust", |figures| figures.promise.clone()),
    ];
    let mut text = output.table(&["IMPACT", "BEFORE", "AFTER"], rows);
    for obstacle in &impact.obstacles {
        text.push_str(&format!("warning: {}\n", printable(obstacle)));
    }
    text
}

impl Meaning {
    /// All of it for people.
    pub(super) fn text(&self, output: &Output) -> String {
        let mut text = change_text(&self.change, &self.hash, output);
        text.push_str(&count_text(&self.count, &self.voters, output));
        if let Some(impact) = &self.impact {
            text.push_str(&impact_text(impact, output));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::{MemberStatusView, SittingSeat};
    use quorate_crypto::{Key, PublicKey, SeatNumber};
    use quorate_ledger::Height;
    use quorate_tools::output::Format;

    use super::*;

    /// A network of so many members with one live seat each.
    fn outlook(members: u8) -> Outlook {
        let member = |number: u8| Member {
            number: number.into(),
            name: format!("m{number}"),
            account: Key::Ed25519([number; 32]).address(),
            validators: vec![format!("m{number}")],
            status: MemberStatusView::Active,
            seats: 1,
            sitting: vec![SittingSeat {
                seat: number.into(),
                validator: PublicKey([number; 32]),
                node: PublicKey([number; 32]),
                witness: PublicKey([number; 32]),
                addresses: Vec::new(),
                active: Height(1),
                live: true,
                next: None,
            }],
            since: Timestamp(0),
            signed: Timestamp(0),
            reported: None,
            open_proposals: Vec::new(),
            roles: Vec::new(),
        };
        Outlook {
            members: (0..members).map(member).collect(),
            parameters: ParametersV1::default(),
            rules: RulesV1::default(),
            engine: Engine::Pbft,
            protocol: 2,
            now: Timestamp(0),
            waiting: Vec::new(),
        }
    }

    /// Lines with single spaces, whatever the width.
    fn lines(text: &str) -> Vec<String> {
        let joined = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(joined).collect()
    }

    #[test]
    fn the_impact_of_a_seat_that_leaves_is_told_before_anything_is_signed() {
        let change = Change::RemoveSeat(SeatNumber(4));
        let meaning = outlook(5).meaning(&change, None);
        let text = meaning.text(&Output::new(Format::Text));
        let lines = lines(&text);
        // By hand: of 5 validators f is 1 and a quorum 4; of 4 f is 1 and a quorum 3.
        for expected in [
            "remove seat 4",
            "validators (n) 5 4",
            "may be faulty (f) 1 1",
            "quorum 4 3",
            "live 5 4",
            "must be live for a change 5 4",
            "may fail before it stops 1 1",
            "rule seats: two thirds",
            "needed 4 of 5 who can vote now",
            "who votes m0, m1, m2, m3, m4",
            "takes effect at the epoch's end, after the deciding vote",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected}: {text}");
        }
        assert!(text.contains(&change.digest().to_string()), "{text}");
        assert!(!text.contains("warning"), "{text}");
    }

    #[test]
    fn another_engine_says_what_members_trust_then() {
        let meaning = outlook(4).meaning(&Change::Engine(Engine::Raft), None);
        assert_eq!(meaning.count.rule, "strict");
        let impact = meaning.impact.as_ref().unwrap();
        assert_eq!(impact.before.promise, Engine::Pbft.promise());
        assert_eq!(impact.after.promise, Engine::Raft.promise());
        let text = meaning.text(&Output::new(Format::Text));
        assert!(text.contains("a liar is outside its promise"), "{text}");
    }

    #[test]
    fn who_knows_a_new_protocol_has_to_say_so() {
        let meaning = outlook(4).meaning(&Change::Protocol(3), None);
        let impact = meaning.impact.unwrap();
        assert_eq!((impact.after.live, impact.after.live_needed), (0, 4));
        assert_eq!(impact.obstacles.len(), 1, "{:?}", impact.obstacles);
    }

    #[test]
    fn what_was_decided_already_counts_before() {
        let mut outlook = outlook(5);
        outlook.waiting = vec![Change::RemoveSeat(SeatNumber(0))];
        let impact = outlook
            .meaning(&Change::RemoveSeat(SeatNumber(1)), None)
            .impact
            .unwrap();
        assert_eq!((impact.before.n, impact.after.n), (4, 3));
    }

    #[test]
    fn a_change_is_shown_only_if_its_hash_is_that_of_its_bytes() {
        let change = Change::RemoveSeat(SeatNumber(4));
        let bytes = hex::encode(quorate_ledger::encode(&change));
        assert_eq!(change_of(&bytes, &change.digest()).unwrap(), change);
        let other = change_of(&bytes, &Change::RemoveSeat(SeatNumber(5)).digest()).unwrap_err();
        assert_eq!(other.exit(), Exit::CheckFailed);
        assert!(change_of("zz", &change.digest()).is_err());
    }
}
