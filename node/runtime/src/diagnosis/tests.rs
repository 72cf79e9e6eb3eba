use super::*;

fn peer(name: &str, error: Option<&str>) -> PeerFindings {
    PeerFindings {
        name: name.to_owned(),
        connected: error.is_none(),
        error: error.map(str::to_owned),
        round_trip_us: None,
        software: None,
        key_doubled: false,
        own_key_doubled: false,
    }
}

fn height(awaits: &str, missing: &[&str]) -> HeightFacts {
    HeightFacts {
        height: 43,
        awaits: awaits.to_owned(),
        missing: missing.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// What validator `a` of four sees while all is well.
fn facts() -> ConsensusFacts {
    ConsensusFacts {
        validator: "a".to_owned(),
        begun: true,
        primary: "b".to_owned(),
        certified: 42,
        certified_time_ms: 1_000_000,
        clock_ms: 1_000_100,
        quorum: 3,
        peers: vec![peer("b", None), peer("c", None), peer("d", None)],
        disk_free_bytes: Some(1 << 40),
        ..ConsensusFacts::default()
    }
}

#[track_caller]
fn only(facts: &ConsensusFacts, cause: Cause) -> Finding {
    let found: Vec<Finding> = diagnose(facts)
        .into_iter()
        .filter(|finding| finding.cause == cause)
        .collect();
    assert_eq!(found.len(), 1, "{:#?}", diagnose(facts));
    found.into_iter().next().unwrap()
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(diagnose(&facts()), []);
}

#[test]
fn damage_is_an_error_with_its_places_of_which_some_are_named() {
    let mut facts = facts();
    facts.damaged = vec!["block 7: the block is missing".to_owned()];
    let found = only(&facts, Cause::Damage);
    assert_eq!(found.severity, Severity::Error);
    assert!(
        found.what.ends_with("is damaged: block 7: the block is missing"),
        "{}",
        found.what
    );
    facts.damaged = (1..=9).map(|height| format!("block {height}: gone")).collect();
    let found = only(&facts, Cause::Damage);
    assert!(
        found.what.contains("9 places") && found.what.ends_with("block 3: gone"),
        "{}",
        found.what
    );
    assert!(found.remedy.contains("let it run"), "{}", found.remedy);
}

#[test]
fn a_key_that_two_processes_use_is_named_with_its_validator() {
    let mut facts = facts();
    facts.peers[1].key_doubled = true;
    let found = only(&facts, Cause::Link);
    assert_eq!(
        (found.severity, found.validators),
        (Severity::Warning, vec!["c".to_owned()])
    );
    assert!(found.what.contains("two processes"), "{}", found.what);

    facts.peers[1].key_doubled = false;
    for peer in &mut facts.peers {
        peer.own_key_doubled = peer.name != "c";
    }
    let found = only(&facts, Cause::Link);
    assert_eq!(
        (found.severity, found.validators),
        (Severity::Error, vec!["a".to_owned()])
    );
    assert!(found.what.ends_with("links of b, d lead there"), "{}", found.what);
}

#[test]
fn missing_votes_are_named_with_what_keeps_them() {
    let mut facts = facts();
    facts.peers[1] = peer("c", Some("connection refused"));
    facts.heights = vec![height("prepares", &["c", "d"])];
    let step = diagnose(&facts).into_iter().last().unwrap();
    assert_eq!(
        step.what,
        "height 43 waits for prepares, has 2 and needs 3; missing: c (no link), d"
    );
    assert_eq!(step.cause, Cause::Link);
}

#[test]
fn too_few_links_are_the_lack_of_a_quorum() {
    let mut facts = facts();
    facts.peers[0] = peer("b", Some("connection refused"));
    assert!(
        diagnose(&facts)
            .iter()
            .all(|finding| finding.severity != Severity::Error)
    );
    facts.peers[2] = peer("d", Some("no answer to pings"));
    let quorum = only(&facts, Cause::Quorum);
    assert_eq!(quorum.severity, Severity::Error);
    assert_eq!(quorum.validators, ["b", "d"]);
}

#[test]
fn a_proposal_ahead_of_the_clock_is_the_clocks_fault() {
    let mut facts = facts();
    facts.heights = vec![height("clock", &["a"])];
    assert!(only(&facts, Cause::Clock).what.contains("this node's clock"));
}

#[test]
fn a_chain_ahead_of_the_clock_is_the_clocks_fault() {
    let mut facts = facts();
    facts.clock_ms = facts.certified_time_ms - 7_000;
    assert!(only(&facts, Cause::Clock).what.contains("7000 ms ahead"));
}

#[test]
fn a_primary_that_all_ignore_is_told_to_look_at_its_clock() {
    let mut facts = facts();
    facts.primary = "a".to_owned();
    facts.heights = vec![height("prepares", &["b", "c", "d"])];
    assert!(only(&facts, Cause::Clock).remedy.contains("may be ahead"));
    // One that votes shows that the clock is not the reason.
    facts.heights = vec![height("prepares", &["b", "c"])];
    assert_eq!(diagnose(&facts)[0].cause, Cause::Waiting);
}

#[test]
fn a_view_that_does_not_begin_names_its_primary() {
    let mut facts = facts();
    facts.begun = false;
    facts.view = 7;
    let finding = only(&facts, Cause::ViewChange);
    assert!(
        finding.what.starts_with("view 7 has not begun"),
        "{}",
        finding.what
    );
    assert_eq!(finding.validators, ["b"]);
}

#[test]
fn batches_that_nobody_proposes_are_the_primarys() {
    let mut facts = facts();
    facts.unordered_batches = 2;
    let finding = only(&facts, Cause::Waiting);
    assert!(finding.what.contains("the primary, b"), "{}", finding.what);
}

#[test]
fn nobody_is_told_to_wait_for_what_has_lasted() {
    let mut facts = facts();
    facts.heights = vec![height("prepares", &["c", "d"])];
    facts.begun = false;
    facts.unanswered = vec!["c".to_owned()];
    let waits = |facts: &ConsensusFacts| {
        let findings = diagnose(facts);
        assert!(findings.len() >= 3, "{findings:#?}");
        findings
            .iter()
            .filter(|finding| finding.remedy.starts_with("wait"))
            .count()
    };
    assert_eq!(waits(&facts), 3);
    facts.stalled_since_ms = Some(1);
    assert_eq!(waits(&facts), 0);
}

#[test]
fn each_protocol_has_its_own_words() {
    for (engine, what) in [
        ("pbft", "view 7 has not begun: b has sent no new-view"),
        ("raft", "term 7 has not begun: no candidate has the votes"),
        ("paxos", "ballot 7 has not begun: no proposer has the promises"),
    ] {
        let mut facts = facts();
        facts.engine = engine.to_owned();
        facts.begun = false;
        facts.view = 7;
        let finding = only(&facts, Cause::ViewChange);
        assert!(finding.what.starts_with(what), "{}", finding.what);
    }
}

#[test]
fn a_node_alone_reaches_no_other() {
    let mut facts = facts();
    for name in ["b", "c", "d"] {
        let place = facts.peers.iter().position(|peer| peer.name == name).unwrap();
        facts.peers[place] = peer(name, Some("connection refused"));
    }
    let quorum = only(&facts, Cause::Quorum);
    assert!(
        quorum
            .what
            .starts_with("this node reaches no other validator, and a quorum needs 3"),
        "{}",
        quorum.what
    );
}

#[test]
fn a_full_disk_a_lost_journal_and_a_divergence_are_told() {
    let mut facts = facts();
    facts.disk_free_bytes = Some(3 << 20);
    facts.quarantined = Some("its journal is gone\n".to_owned());
    facts.diverged = true;
    assert!(only(&facts, Cause::Disk).what.contains("3 MiB"));
    assert!(
        only(&facts, Cause::Quarantine)
            .what
            .ends_with("its journal is gone")
    );
    assert_eq!(only(&facts, Cause::Divergence).severity, Severity::Error);
}

/// The network's own words are classified, so a change of them is noticed here.
#[test]
fn what_the_network_says_of_a_peer_is_understood() {
    use quorate_network::{HandshakeField, Reason};
    let mismatch = |field| {
        Reason::Mismatch {
            field,
            ours: "1".to_owned(),
            theirs: "2".to_owned(),
        }
        .to_string()
    };
    assert_eq!(cause_of(&mismatch(HandshakeField::Network)).0, Cause::Genesis);
    assert_eq!(
        cause_of(&mismatch(HandshakeField::ProtocolVersion)).0,
        Cause::Version
    );
    assert!(cause_of(&Reason::Denied.to_string()).1.contains("heal"));
    assert!(cause_of(&Reason::NotAMember.to_string()).1.contains("node key"));
}

#[test]
fn what_ends_a_quarantine_is_told_only_while_a_quorum_is_left_for_it() {
    let mut facts = facts();
    facts.quarantined = Some("its journal is gone".to_owned());
    let remedy_of = |facts: &ConsensusFacts| {
        let findings = diagnose(facts);
        let of = |finding: &&Finding| finding.cause == Cause::Quarantine;
        findings.iter().find(of).unwrap().remedy.clone()
    };
    assert!(remedy_of(&facts).contains("quorate node rejoin"));
    // Of two validators both are needed: nobody can order the rejoin.
    facts.peers.truncate(1);
    facts.quorum = 2;
    let remedy = remedy_of(&facts);
    assert!(
        remedy.contains("1 of 2 validators votes, and a quorum needs 2"),
        "{remedy}"
    );
    assert!(remedy.contains("Keep all homes as they are"), "{remedy}");
    assert_eq!(no_quorum_left(4, 1, 3), None);
    assert!(no_quorum_left(4, 2, 3).is_some());
}

#[test]
fn a_webhook_that_does_not_deliver_is_told_with_what_to_do() {
    let webhook = |state, attempts: u32, dead| quorate_client::schema::Webhook {
        name: "orders".to_owned(),
        url: "https://desk.example/in".to_owned(),
        state,
        height: quorate_crypto::Height(40),
        behind: 3,
        delivered: 0,
        failed: attempts.into(),
        dead,
        attempts,
        next_attempt: None,
        error: Some("the receiver answered 503".to_owned()),
    };
    let with = |webhook| ConsensusFacts {
        webhooks: vec![webhook],
        ..facts()
    };
    assert_eq!(diagnose(&with(webhook(WebhookState::Retrying, 4, 0))), []);
    for (state, attempts, word, remedy) in [
        (WebhookState::Retrying, 5, "5 times", "webhooks retry orders"),
        (WebhookState::Disabled, 1, "disabled", "webhooks retry orders"),
        (WebhookState::Unusable, 0, "posts nothing", "restart"),
    ] {
        let found = only(&with(webhook(state, attempts, 0)), Cause::Webhook);
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.what.contains(word), "{}", found.what);
        assert!(found.what.contains("answered 503"), "{}", found.what);
        assert!(found.remedy.contains(remedy), "{}", found.remedy);
    }
    let found = only(&with(webhook(WebhookState::Delivering, 0, 2)), Cause::Webhook);
    assert!(found.what.contains("2 events"), "{}", found.what);
    assert!(found.remedy.contains("webhooks dead orders"), "{}", found.remedy);
}
