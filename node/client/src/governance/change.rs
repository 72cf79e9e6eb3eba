//! A change in words: what it is about, what that is now and would be, within which bounds, and what depends on it.

use quorate_crypto::{Engine, MemberNumber};
use quorate_ledger::{Address, AssetCode, Change, Limit, Majority, ParametersV1, RulesV1, Scope};

use crate::schema::{ChangeItem, ChangeView, Member, limit_in_words};

/// What is in force, as far as a change is compared with it.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// The parameters.
    pub parameters: &'a ParametersV1,
    /// The rules.
    pub rules: &'a RulesV1,
    /// What the committee runs.
    pub engine: Engine,
    /// The version of messages and rules.
    pub protocol: u32,
    /// The own limit of the quota that the change is about, if it has one.
    pub limit: Option<Limit>,
}

/// What depends on each parameter, in the order of the parameters.
pub(super) const PARAMETERS: [(&str, &str); 14] = [
    ("max_transaction_bytes", "the longest transaction that is taken"),
    ("max_batch_bytes", "the longest batch that a validator packs"),
    ("max_batch_transactions", "how many transactions a batch has"),
    (
        "max_batch_signature_cost",
        "how many signatures a batch has; one of P-256 costs as much as 20 of Ed25519",
    ),
    (
        "max_proposal_batches",
        "how many batches a block has, and so how large it gets",
    ),
    (
        "max_expiry_lead_ms",
        "how long a transaction can wait to be executed, and how long ids are kept",
    ),
    ("max_hold_ms", "how long amounts can be set apart"),
    (
        "max_clock_lead_ms",
        "how far a leader's clock may be ahead of the others'",
    ),
    (
        "max_clock_lag_ms",
        "how far a primary's clock may be behind the others'",
    ),
    (
        "window",
        "how many blocks are under way at once, and how many an epoch still has once its end is fixed",
    ),
    (
        "author_quota",
        "how many batches of one validator the others keep before they are ordered",
    ),
    (
        "slowness_factor",
        "how slow a primary may be before it is replaced",
    ),
    (
        "slowness_floor_ms",
        "how slow a primary may be at least before it is replaced",
    ),
    (
        "slowness_share",
        "how much slowness adds up before a primary is replaced: a larger one replaces sooner",
    ),
];

/// The same for the rules.
pub(super) const RULES: [(&str, &str); 15] = [
    (
        "strangers",
        "what accounts without a member may do: 1 hold, 2 send, 4 create, added up",
    ),
    ("seats", "how many members must be for seats that come and go"),
    (
        "engine",
        "how many members must be for another engine; leaving PBFT takes what is strict",
    ),
    (
        "protocol",
        "how many members must be for another version of the protocol",
    ),
    ("parameters", "how many members must be for other parameters"),
    (
        "grants",
        "how many members must be for rights and freezes of the whole network",
    ),
    ("quotas", "how many members must be for quotas"),
    (
        "strict",
        "how many members must be for members that come and go, for rules, and for recovery; never less than any other rule",
    ),
    (
        "dormant_after_ms",
        "after how long without a signature a member can be reported as dormant",
    ),
    (
        "guardian_delay_ms",
        "how long an account has to refuse what its guardians ask for",
    ),
    (
        "day_bytes",
        "what the accounts of a member can put on the ledger in a day",
    ),
    (
        "day_leaves",
        "how much new state the accounts of a member can make in a day",
    ),
    (
        "strangers_bytes",
        "what all accounts without a member can put on the ledger in a day",
    ),
    (
        "strangers_leaves",
        "how much new state all accounts without a member can make in a day",
    ),
    ("reserve_bytes", "what governance can use in a day beyond quotas"),
];

/// A change in words. `in_force`: what it is compared with; none for one that is decided, or where nobody is asked.
/// `members`: those whose names are known.
pub fn change_view(change: &Change, in_force: Option<&InForce<'_>>, members: &[Member]) -> ChangeView {
    let who = |number: &MemberNumber| name_of(*number, members);
    let status = |number: MemberNumber| in_force.and_then(|_| status_of(number, members));
    let (kind, words, items) = match change {
        Change::AdmitMember { name, account } => (
            "admit",
            format!("admit {name} as a member with the account {account}"),
            vec![item("name", None, name), item("account", None, account)],
        ),
        Change::ExpelMember(number) => one_member("expel", "expel", who(number), status(*number)),
        Change::ReinstateMember(number) => {
            let named = who(number);
            let words = format!("take {named} for active again");
            let status = item("status", status(*number), "active");
            ("reinstate", words, vec![item("member", None, named), status])
        }
        Change::MemberLeaves(number) => one_member("leave", "let go", who(number), status(*number)),
        Change::AddSeat {
            member,
            validator,
            node,
            witness,
            addresses,
            ..
        } => {
            let named = who(member);
            let items = vec![
                item("member", None, &named),
                item("validator key", None, validator),
                item("node key", None, node),
                item("witness key", None, witness),
                item("addresses", None, list(addresses)),
            ];
            ("add-seat", format!("add a seat of {named}"), items)
        }
        Change::RemoveSeat(seat) => (
            "remove-seat",
            format!("remove seat {seat}"),
            vec![item("seat", None, seat)],
        ),
        Change::Parameters(parameters) => {
            let items = parameter_items(parameters.v1(), in_force.map(|found| found.parameters));
            ("parameters", in_words("parameters", &items), items)
        }
        Change::Rules(rules) => {
            let items = rule_items(rules.v1(), in_force.map(|found| found.rules));
            ("rules", in_words("rules", &items), items)
        }
        Change::Engine(engine) => {
            let before = in_force.map(|found| found.engine.to_string());
            let mut changed = item("engine", before, engine);
            changed.affects = Some(format!("what members trust: {}", engine.promise()));
            ("engine", format!("change the engine to {engine}"), vec![changed])
        }
        Change::Protocol(protocol) => {
            let before = in_force.map(|found| found.protocol.to_string());
            let mut changed = item("protocol", before, protocol);
            changed.affects =
                Some("which programs can take part: older ones stop at the epoch's end".to_owned());
            (
                "protocol",
                format!("change the protocol to version {protocol}"),
                vec![changed],
            )
        }
        Change::Grant {
            account,
            right,
            scope,
        } => {
            let place = scope_words(scope, members);
            let words = format!("grant {account} the right {right} {place}");
            ("grant", words, right_items(account, right.name(), place))
        }
        Change::Revoke {
            account,
            right,
            scope,
        } => {
            let place = scope_words(scope, members);
            let words = format!("revoke the right {right} {place} of {account}");
            ("revoke", words, right_items(account, right.name(), place))
        }
        Change::Quota { member, limit } => {
            let whose = match member {
                Some(number) => who(number),
                None => "all accounts without a member together".to_owned(),
            };
            let said = |limit: &Option<Limit>| {
                let by_rules = || "what the rules say".to_owned();
                limit.as_ref().map_or_else(by_rules, limit_in_words)
            };
            let before = in_force.map(|found| said(&found.limit));
            let items = vec![item("of", None, &whose), item("limit", before, said(limit))];
            (
                "quota",
                format!("set the quota of {whose} to {}", said(limit)),
                items,
            )
        }
        Change::Freeze { account, asset } => {
            let place = asset_words(asset.as_ref());
            (
                "freeze",
                format!("freeze {account} {place}"),
                frozen_items(account, place),
            )
        }
        Change::Unfreeze { account, asset } => {
            let place = asset_words(asset.as_ref());
            (
                "unfreeze",
                format!("unfreeze {account} {place}"),
                frozen_items(account, place),
            )
        }
    };
    ChangeView {
        kind: kind.to_owned(),
        words,
        items,
        waits: change.waits(),
    }
}

/// Where a right holds: `for the network`, `for aurora-bank`, `for the asset EUR`.
pub fn scope_words(scope: &Scope, members: &[Member]) -> String {
    match scope {
        Scope::Network => "for the network".to_owned(),
        Scope::Member(number) => format!("for {}", name_of(*number, members)),
        Scope::Asset(code) => format!("for the asset {code}"),
    }
}

pub(super) fn asset_words(asset: Option<&AssetCode>) -> String {
    asset.map_or_else(
        || "for all assets".to_owned(),
        |code| format!("for the asset {code}"),
    )
}

pub(super) fn name_of(number: MemberNumber, members: &[Member]) -> String {
    let known = members.iter().find(|member| member.number == number.0);
    known.map_or_else(|| format!("member {number}"), |member| member.name.clone())
}

fn status_of(number: MemberNumber, members: &[Member]) -> Option<String> {
    let known = members.iter().find(|member| member.number == number.0);
    known.map(|member| member.status.name().to_owned())
}

fn item(name: &str, before: Option<String>, after: impl ToString) -> ChangeItem {
    ChangeItem {
        name: name.to_owned(),
        before,
        after: after.to_string(),
        lowest: None,
        highest: None,
        affects: None,
    }
}

fn one_member(
    kind: &'static str,
    verb: &str,
    named: String,
    status: Option<String>,
) -> (&'static str, String, Vec<ChangeItem>) {
    let after = if kind == "leave" { "left" } else { "expelled" };
    let items = vec![item("member", None, &named), item("status", status, after)];
    (
        kind,
        format!("{verb} {named}, with its seats at the epoch's end"),
        items,
    )
}

fn right_items(account: &Address, right: &str, place: String) -> Vec<ChangeItem> {
    vec![
        item("account", None, account),
        item("right", None, right),
        item("scope", None, place),
    ]
}

fn frozen_items(account: &Address, place: String) -> Vec<ChangeItem> {
    vec![item("account", None, account), item("asset", None, place)]
}

fn list(addresses: &[String]) -> String {
    match addresses {
        [] => "none".to_owned(),
        some => some.join(", "),
    }
}

/// `parameters: window 32 → 64`.
fn in_words(what: &str, items: &[ChangeItem]) -> String {
    let said = items.iter().map(|item| match &item.before {
        Some(before) => format!("{} {before} → {}", item.name, item.after),
        None => format!("{} {}", item.name, item.after),
    });
    match items.is_empty() {
        true => format!("change no {what}: they are in force"),
        false => format!("change {what}: {}", said.collect::<Vec<_>>().join(", ")),
    }
}

/// Parameters that are others than those in force; all where these are not known.
fn parameter_items(parameters: &ParametersV1, before: Option<&ParametersV1>) -> Vec<ChangeItem> {
    let mut found = Vec::new();
    let before = before.map(ParametersV1::ranges);
    for (place, (name, value, lowest, highest)) in parameters.ranges().into_iter().enumerate() {
        let was = before.and_then(|before| Some(before.get(place)?.1));
        if was == Some(value) {
            continue;
        }
        found.push(ChangeItem {
            name: name.to_owned(),
            before: was.map(|was| was.to_string()),
            after: value.to_string(),
            lowest: Some(lowest),
            highest: Some(highest),
            affects: affects(&PARAMETERS, name),
        });
    }
    found
}

/// The same for rules.
fn rule_items(rules: &RulesV1, before: Option<&RulesV1>) -> Vec<ChangeItem> {
    let (after, before) = (rule_values(rules), before.map(rule_values));
    let ranges = rules.ranges();
    let mut found = Vec::new();
    for (place, (name, value)) in after.into_iter().enumerate() {
        let was = before
            .as_ref()
            .and_then(|before| Some(before.get(place)?.1.clone()));
        if was.as_ref() == Some(&value) {
            continue;
        }
        let range = ranges.iter().find(|(ranged, ..)| *ranged == name);
        found.push(ChangeItem {
            name: name.to_owned(),
            before: was,
            after: value,
            lowest: range.map(|range| range.2),
            highest: range.map(|range| range.3),
            affects: affects(&RULES, name),
        });
    }
    found
}

fn affects(known: &[(&str, &str)], name: &str) -> Option<String> {
    let found = known.iter().find(|(own, _)| *own == name);
    found.map(|(_, affects)| (*affects).to_owned())
}

fn rule_values(rules: &RulesV1) -> [(&'static str, String); 15] {
    let majority = |majority: Majority| majority.name().to_owned();
    [
        ("strangers", rules.strangers.to_string()),
        ("seats", majority(rules.seats)),
        ("engine", majority(rules.engine)),
        ("protocol", majority(rules.protocol)),
        ("parameters", majority(rules.parameters)),
        ("grants", majority(rules.grants)),
        ("quotas", majority(rules.quotas)),
        ("strict", majority(rules.strict)),
        ("dormant_after_ms", rules.dormant_after_ms.to_string()),
        ("guardian_delay_ms", rules.guardian_delay_ms.to_string()),
        ("day_bytes", rules.day_bytes.to_string()),
        ("day_leaves", rules.day_leaves.to_string()),
        ("strangers_bytes", rules.strangers_bytes.to_string()),
        ("strangers_leaves", rules.strangers_leaves.to_string()),
        ("reserve_bytes", rules.reserve_bytes.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::values::tests::values;
    use crate::governance::{changed_parameters, changed_rules};

    fn in_force<'a>(parameters: &'a ParametersV1, rules: &'a RulesV1) -> InForce<'a> {
        InForce {
            parameters,
            rules,
            engine: Engine::Pbft,
            protocol: 2,
            limit: None,
        }
    }

    #[test]
    fn every_parameter_and_rule_says_what_depends_on_it() {
        let parameters = ParametersV1::default().ranges().map(|(name, ..)| name);
        assert_eq!(parameters, PARAMETERS.map(|(name, _)| name));
        let rules = rule_values(&RulesV1::default()).map(|(name, _)| name);
        assert_eq!(rules, RULES.map(|(name, _)| name));
    }

    #[test]
    fn changed_parameters_are_told_with_what_they_were_and_their_range() {
        let (parameters, rules) = (ParametersV1::default(), RulesV1::default());
        let changed = changed_parameters(&parameters, &values(&["window=64", "max_hold_ms=5000"])).unwrap();
        let change = Change::Parameters(changed);
        let view = change_view(&change, Some(&in_force(&parameters, &rules)), &[]);
        assert_eq!(view.kind, "parameters");
        assert_eq!(
            view.words,
            "change parameters: max_hold_ms 31622400000 → 5000, window 32 → 64"
        );
        let window = &view.items[1];
        assert_eq!(
            (window.before.as_deref(), window.after.as_str()),
            (Some("32"), "64")
        );
        assert_eq!((window.lowest, window.highest), (Some(1), Some(64)));
        assert!(window.affects.as_ref().unwrap().contains("blocks are under way"));
        assert!(view.waits);
        // Where nothing is known to compare with, all of them are told.
        assert_eq!(change_view(&change, None, &[]).items.len(), 14);
    }

    #[test]
    fn changed_rules_are_told_the_same_way() {
        let (parameters, rules) = (ParametersV1::default(), RulesV1::default());
        let changed = changed_rules(&rules, &values(&["grants=two-thirds", "strangers=7"])).unwrap();
        let view = change_view(&Change::Rules(changed), Some(&in_force(&parameters, &rules)), &[]);
        assert_eq!(
            view.words,
            "change rules: strangers 3 → 7, grants half → two thirds"
        );
        assert_eq!((view.items[0].lowest, view.items[0].highest), (Some(0), Some(7)));
        assert_eq!((view.items[1].lowest, view.items[1].highest), (None, None));
        assert!(!view.waits);
    }

    #[test]
    fn each_kind_of_change_has_its_name_and_words() {
        let account = Address([7; 20]);
        let member = MemberNumber(3);
        let mut known = crate::governance::count::tests::member(3, crate::schema::MemberStatusView::Dormant);
        known.name = "borealis".to_owned();
        let members = [known];
        let said = |change: Change| {
            let view = change_view(&change, None, &members);
            (view.kind, view.words)
        };
        let admit = Change::AdmitMember {
            name: "cumulus".to_owned(),
            account,
        };
        let expected = format!("admit cumulus as a member with the account {account}");
        assert_eq!(said(admit), ("admit".to_owned(), expected));
        let (kind, words) = said(Change::ExpelMember(member));
        assert_eq!(
            (kind.as_str(), words.as_str()),
            ("expel", "expel borealis, with its seats at the epoch's end")
        );
        let (kind, words) = said(Change::ReinstateMember(member));
        assert_eq!(
            (kind.as_str(), words.as_str()),
            ("reinstate", "take borealis for active again")
        );
        let (kind, words) = said(Change::MemberLeaves(MemberNumber(9)));
        assert_eq!(
            (kind.as_str(), words.as_str()),
            ("leave", "let go member 9, with its seats at the epoch's end")
        );
        let (kind, words) = said(Change::Engine(Engine::Raft));
        assert_eq!(
            (kind.as_str(), words.as_str()),
            ("engine", "change the engine to raft")
        );
        let quota = Change::Quota {
            member: Some(member),
            limit: Some(Limit { bytes: 5, leaves: 6 }),
        };
        let (kind, words) = said(quota);
        assert_eq!(kind, "quota");
        assert_eq!(
            words,
            "set the quota of borealis to 5 bytes and 6 new leaves a day"
        );
        let grant = Change::Grant {
            account,
            right: quorate_ledger::Right::Administrate,
            scope: Scope::Member(member),
        };
        let (kind, words) = said(grant);
        assert_eq!(kind, "grant");
        assert_eq!(
            words,
            format!("grant {account} the right administrator for borealis")
        );
    }
}
