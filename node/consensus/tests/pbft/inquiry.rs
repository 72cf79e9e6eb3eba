//! What a replica asks before its first vote, and what it makes of the answers (pitfall 27).

use quorate_consensus::contract::{Action, Input, LearnedFrom, Record, Rejection, Step};
use quorate_consensus::pbft::{Body as Pbft, Claims, Halted, Replica, View};
use quorate_consensus::{Body, Inquiry, Message, SignedStatement, Statement, Testimony, Timer, Verified};
use quorate_crypto::{Digest, Height, ValidatorIndex, sha256};
use quorate_ledger::Timestamp;

use crate::lab::*;

fn nonce() -> Digest {
    sha256(b"this start")
}

/// A replica that has started with this journal, and asks.
fn asking(size: u8, index: u16, records: Vec<Record>) -> Replica {
    let mut config = config(size, index);
    config.inquiry = Some(nonce());
    let (mut replica, step) = Replica::recover(config, records);
    for action in step.actions {
        if let Action::Sign(body) = action {
            drive_as(&mut replica, index, Input::Own(signed(index, body)));
        }
    }
    replica
}

fn message(sender: u16, body: Body) -> Input {
    Input::Message(Verified::trusted(signed(sender, body)))
}

/// An answer of `sender` to the replica 1.
fn answer(sender: u16, certified: u64, said: &[Pbft]) -> Input {
    let said = said
        .iter()
        .filter_map(|body| SignedStatement::of(&signed(1, Body::Pbft(body.clone()))));
    message(
        sender,
        Body::Testimony(Testimony {
            about: ValidatorIndex(1),
            nonce: nonce(),
            certified: Height(certified),
            said: said.collect(),
        }),
    )
}

/// What a replica answers to validator 1, which has certified so much.
fn testimony_of(replica: &mut Replica, own: u16, certified: u64) -> Testimony {
    let inquiry = Inquiry {
        nonce: nonce(),
        certified: Height(certified),
    };
    let step = drive_as(replica, own, message(1, Body::Inquiry(inquiry)));
    let answered = step.actions.iter().find_map(|action| match action {
        Action::Send { to, message } => match &message.v1().body {
            Body::Testimony(testimony) if to.0 == 1 => Some(testimony.clone()),
            _ => None,
        },
        _ => None,
    });
    answered.expect("an inquiry is answered")
}

fn has_forgotten(step: &Step) -> Option<(&SignedStatement, LearnedFrom)> {
    step.actions.iter().find_map(|action| match action {
        Action::Forgotten { said, told } => Some((said, *told)),
        _ => None,
    })
}

/// A backup that has prepared and committed heights 1 to `heights` of view 0, and its journal.
fn journal(heights: u8) -> Vec<Record> {
    let mut backup = replica(4, 1);
    let mut records = Vec::new();
    for height in 1..=heights {
        let proposal = proposal(height);
        let height = u64::from(height);
        records.extend(drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &proposal))).records);
        records.extend(drive_as(&mut backup, 1, from(2, prepare(0, height, &proposal))).records);
    }
    records
}

#[test]
fn pitfall_27_nothing_is_signed_before_a_quorum_less_itself_has_answered() {
    let mut backup = asking(4, 1, journal(1));
    let binding = |step: &Step| {
        let said = broadcast(step).into_iter();
        said.filter(|body| body.must_be_durable()).count() + asked(step).len()
    };
    let next = from(0, pre_prepare(0, 2, &proposal(2)));
    assert_eq!(binding(&drive_as(&mut backup, 1, next)), 0);
    assert_eq!(binding(&drive_as(&mut backup, 1, answer(0, 0, &[]))), 0);
    assert_eq!(backup.unanswered(), [ValidatorIndex(2), ValidatorIndex(3)]);
    // The same once more counts once.
    assert_eq!(binding(&drive_as(&mut backup, 1, answer(0, 0, &[]))), 0);
    let step = drive_as(&mut backup, 1, answer(2, 0, &[prepare(0, 1, &proposal(1))]));
    assert!(says(&step, &prepare(0, 2, &proposal(2))), "{step:?}");
    assert_eq!(backup.unanswered(), []);
    assert_eq!(backup.halted(), None);
}

#[test]
fn pitfall_27_no_view_change_and_no_seal_is_signed_before_the_answers_either() {
    let (height, block) = (Height(1), certificate(1).block());
    let mut backup = asking(4, 1, journal(1));
    for sender in [2, 3] {
        drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal(1))));
    }
    let executed = Input::Executed { height, block };
    assert!(broadcast(&drive_as(&mut backup, 1, executed)).is_empty());
    for sender in [0, 2] {
        let step = drive_as(&mut backup, 1, from(sender, complaint(0)));
        assert!(broadcast(&step).is_empty(), "{step:?}");
    }
    drive_as(&mut backup, 1, answer(0, 0, &[]));
    let step = drive_as(&mut backup, 1, answer(2, 0, &[]));
    let said = broadcast(&step);
    assert!(said.contains(&&Body::Seal { height, block }), "{step:?}");
    let moved = |body: &&Body| matches!(body, Body::Pbft(Pbft::ViewChange(_)));
    assert!(said.iter().any(moved), "{step:?}");
}

#[test]
fn pitfall_27_a_vote_that_only_a_peer_remembers_silences_before_the_first_vote() {
    // Of a backup that was taken after height 1: the validator has voted on height 2 since.
    let later = [
        prepare(0, 2, &proposal(2)),
        commit(0, 2, &proposal(2)),
        prepare(3, 1, &proposal(1)),
        pre_prepare(1, 2, &proposal(2)),
        empty_change(1),
    ];
    for forgotten in later {
        let mut backup = asking(4, 1, journal(1));
        drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &proposal(3))));
        let step = drive_as(&mut backup, 1, answer(2, 0, std::slice::from_ref(&forgotten)));
        let (said, told) = has_forgotten(&step).unwrap_or_else(|| panic!("{forgotten:?} is not missed"));
        assert_eq!(
            Some(said),
            SignedStatement::of(&signed(1, Body::Pbft(forgotten))).as_ref()
        );
        assert_eq!(told, LearnedFrom::Testimony(ValidatorIndex(2)));
        for sender in [0, 3] {
            let step = drive_as(&mut backup, 1, answer(sender, 0, &[]));
            assert!(broadcast(&step).is_empty(), "{step:?}");
        }
        assert_eq!(backup.halted(), Some(Halted::Forgotten));
    }
}

#[test]
fn pitfall_27_a_late_answer_is_judged_too() {
    let mut backup = asking(4, 1, journal(1));
    drive_as(&mut backup, 1, answer(0, 0, &[]));
    drive_as(&mut backup, 1, answer(2, 0, &[]));
    let step = drive_as(&mut backup, 1, answer(3, 0, &[commit(0, 2, &proposal(2))]));
    assert!(has_forgotten(&step).is_some());
}

#[test]
fn pitfall_27_a_commit_of_a_view_that_was_left_is_missed() {
    // The next view has begun meanwhile; a view-change must claim what was committed before.
    let mut backup = asking(4, 1, journal(1));
    let changes: Vec<Message> = [0, 3]
        .map(|sender| signed(sender, Body::Pbft(empty_change(2))))
        .into();
    let mut next = replica(4, 2);
    let mut begun = None;
    for change in changes {
        let input = Input::Message(Verified::trusted(change));
        let step = drive_as(&mut next, 2, input);
        for body in broadcast(&step) {
            if let Body::Pbft(Pbft::NewView(_)) = body {
                begun = Some(signed(2, body.clone()));
            }
        }
    }
    let begun = begun.expect("a quorum of view-changes begins the view");
    drive_as(&mut backup, 1, Input::Message(Verified::trusted(begun)));
    assert_eq!(backup.view(), View(2));
    let known = [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))];
    assert_eq!(
        has_forgotten(&drive_as(&mut backup, 1, answer(0, 0, &known))),
        None
    );
    let step = drive_as(&mut backup, 1, answer(3, 0, &[commit(0, 2, &proposal(2))]));
    assert!(has_forgotten(&step).is_some());
}

#[test]
fn answers_to_a_former_start_or_to_somebody_else_do_not_count() {
    let mut backup = asking(4, 1, journal(1));
    for (about, nonce) in [(1, sha256(b"a former start")), (3, nonce())] {
        for sender in [0, 2, 3] {
            let testimony = Testimony {
                about: ValidatorIndex(about),
                nonce,
                certified: Height(0),
                said: Vec::new(),
            };
            let step = backup.step(NOW, message(sender, Body::Testimony(testimony)));
            assert_eq!(step.rejection, Some(Rejection::Unasked));
        }
    }
    assert_eq!(backup.unanswered().len(), 3);
}

#[test]
fn what_the_journal_holds_is_no_reason_to_be_silent() {
    let said = [
        prepare(0, 1, &proposal(1)),
        commit(0, 1, &proposal(1)),
        prepare(0, 2, &proposal(2)),
        commit(0, 2, &proposal(2)),
    ];
    let mut backup = asking(4, 1, journal(2));
    for sender in [0, 2, 3] {
        let step = drive_as(&mut backup, 1, answer(sender, 0, &said));
        assert_eq!(has_forgotten(&step), None);
    }
    // Nor is what is certified here by now, and forgotten for that.
    let mut backup = asking(4, 1, Vec::new());
    drive_as(&mut backup, 1, Input::Synced(certificate_without(1, 2)));
    for sender in [0, 2, 3] {
        let step = drive_as(&mut backup, 1, answer(sender, 2, &said));
        assert_eq!(has_forgotten(&step), None);
    }
    assert_eq!(backup.halted(), None);
}

#[test]
fn a_view_change_is_remembered_with_what_it_claims() {
    let mut backup = replica(4, 1);
    let proposed = from(0, pre_prepare(0, 1, &proposal(1)));
    let mut records = drive_as(&mut backup, 1, proposed).records;
    records.extend(drive_as(&mut backup, 1, from(2, prepare(0, 1, &proposal(1)))).records);
    let before = records.clone();
    let mut change = None;
    for sender in [0, 2] {
        let step = drive_as(&mut backup, 1, from(sender, complaint(0)));
        change = broadcast(&step).into_iter().find_map(|body| match body {
            Body::Pbft(change @ Pbft::ViewChange(_)) => Some(change.clone()),
            _ => None,
        });
        records.extend(step.records);
    }
    let change = change.expect("two complaints of four move a replica");
    let mut backup = asking(4, 1, records);
    let step = drive_as(&mut backup, 1, answer(0, 0, std::slice::from_ref(&change)));
    assert_eq!(has_forgotten(&step), None);
    // The journal before it does not know of it.
    let mut backup = asking(4, 1, before);
    let step = drive_as(&mut backup, 1, answer(0, 0, &[change]));
    assert!(has_forgotten(&step).is_some());
}

#[test]
fn the_blocks_that_f_and_one_tell_of_come_first_and_a_liars_height_holds_nobody_up() {
    let mut backup = asking(4, 1, journal(1));
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 3, &proposal(3))));
    drive_as(&mut backup, 1, answer(0, u64::MAX, &[]));
    let step = drive_as(&mut backup, 1, answer(2, 2, &[]));
    let to = Height(2);
    let holders = vec![ValidatorIndex(0), ValidatorIndex(2)];
    assert!(
        step.actions.contains(&Action::FetchBlocks { to, holders }),
        "{step:?}"
    );
    assert!(broadcast(&step).is_empty());
    let step = drive_as(&mut backup, 1, Input::Synced(certificate_without(1, 2)));
    assert!(says(&step, &prepare(0, 3, &proposal(3))), "{step:?}");
}

#[test]
fn pitfall_27_a_certificate_with_a_seal_that_is_not_remembered_silences() {
    let mut backup = asking(4, 1, journal(1));
    // Its commit in the journal explains a seal of height 1, and nothing explains one of height 2.
    let step = drive_as(&mut backup, 1, Input::Synced(certificate(1)));
    assert_eq!(has_forgotten(&step), None);
    let step = drive_as(&mut backup, 1, Input::Synced(certificate(2)));
    let (said, told) = has_forgotten(&step).expect("it has not sealed height 2");
    let (height, block) = (Height(2), certificate(2).block());
    assert_eq!(said.statement, Statement::Seal { height, block });
    assert_eq!(told, LearnedFrom::Certificate);
    // It learns all the same.
    assert_eq!(backup.certified(), Height(2));
}

#[test]
fn a_seal_without_an_own_commit_is_in_the_journal_before_it_leaves() {
    let block = certificate(1).block();
    let (first, height) = (proposal(1), Height(1));
    let mut backup = replica(4, 1);
    // It has not the batches to prepare, and decides by the others' commits.
    backup.step(NOW, from(0, pre_prepare(0, 1, &first)));
    for sender in [0, 2, 3] {
        backup.step(NOW, from(sender, commit(0, 1, &first)));
    }
    let executed = Input::Executed { height, block };
    let step = drive_as(&mut backup, 1, executed);
    let seal = signed(1, Body::Seal { height, block });
    assert!(broadcast(&step).contains(&&seal.v1().body));
    assert_eq!(step.records, [Record::Own(seal.clone())]);
    // After a crash it is remembered by that.
    for (records, remembered) in [(step.records, true), (Vec::new(), false)] {
        let mut backup = asking(4, 1, records);
        let step = backup.step(NOW, Input::Message(Verified::trusted(seal.clone())));
        assert_eq!(has_forgotten(&step).is_none(), remembered);
    }
    // Where it has committed, that is enough.
    let mut backup = replica(4, 1);
    for input in [
        from(0, pre_prepare(0, 1, &first)),
        from(2, prepare(0, 1, &first)),
        from(2, commit(0, 1, &first)),
        from(3, commit(0, 1, &first)),
    ] {
        drive_as(&mut backup, 1, input);
    }
    let step = drive_as(&mut backup, 1, Input::Executed { height, block });
    assert!(broadcast(&step).contains(&&seal.v1().body));
    assert!(step.records.is_empty(), "{:?}", step.records);
}

#[test]
fn a_peer_answers_with_all_that_it_holds() {
    let mut peer = replica(4, 2);
    let first = proposal(1);
    let said = [
        prepare(0, 1, &first),
        commit(0, 1, &first),
        prepare(0, 2, &proposal(2)),
    ];
    for body in [pre_prepare(0, 1, &first), pre_prepare(0, 2, &proposal(2))] {
        drive_as(&mut peer, 2, from(0, body));
    }
    for body in said.clone() {
        drive_as(&mut peer, 2, from(1, body));
    }
    let held = testimony_of(&mut peer, 2, 0);
    assert_eq!((held.about, held.certified), (ValidatorIndex(1), Height(0)));
    for body in &said {
        let wanted = SignedStatement::of(&signed(1, Body::Pbft(body.clone()))).expect("votes bind");
        assert!(
            held.said.contains(&wanted),
            "{body:?} is not among {:?}",
            held.said
        );
    }
    assert_eq!(held.said.len(), said.len());
}

#[test]
fn a_peer_answers_with_the_last_votes_on_what_is_certified_and_forgotten() {
    let mut peer = replica(4, 2);
    for height in 1..=3 {
        let proposal = proposal(u8::try_from(height).expect("few"));
        drive_as(&mut peer, 2, from(0, pre_prepare(0, height, &proposal)));
        drive_as(&mut peer, 2, from(1, prepare(0, height, &proposal)));
        drive_as(&mut peer, 2, from(1, commit(0, height, &proposal)));
    }
    drive_as(&mut peer, 2, Input::Synced(certificate_without(1, 3)));
    let held = testimony_of(&mut peer, 2, 1);
    let kinds: Vec<String> = held.said.iter().map(|said| said.statement.to_string()).collect();
    assert_eq!(
        kinds,
        ["prepare for height 3 in view 0", "commit for height 3 in view 0"]
    );
    assert_eq!(held.certified, Height(3));
}

#[test]
fn a_peer_answers_with_seals_of_certificates_and_with_views() {
    let mut peer = replica(4, 2);
    drive_as(&mut peer, 2, Input::Synced(certificate(3)));
    let held = testimony_of(&mut peer, 2, 1);
    let (height, block) = (Height(3), certificate(3).block());
    assert_eq!(held.said.len(), 1);
    assert_eq!(held.said[0].statement, Statement::Seal { height, block });

    let mut peer = replica(4, 3);
    drive_as(&mut peer, 3, from(1, empty_change(7)));
    let held = testimony_of(&mut peer, 3, 0);
    let claims = Claims {
        view: View(7),
        certified: Height(0),
        prepared: Vec::new(),
    };
    assert_eq!(held.said.len(), 1);
    assert_eq!(held.said[0].statement, Statement::ViewChange(claims));
}

#[test]
fn an_inquiry_is_answered_at_once_after_a_link_came_up_and_else_now_and_then() {
    let mut peer = replica(4, 2);
    testimony_of(&mut peer, 2, 0);
    let inquiry = || {
        let (nonce, certified) = (sha256(b"another start"), Height(0));
        message(1, Body::Inquiry(Inquiry { nonce, certified }))
    };
    assert_eq!(peer.step(NOW, inquiry()).rejection, Some(Rejection::Duplicate));
    peer.step(NOW, Input::Connected(ValidatorIndex(1)));
    assert_eq!(peer.step(NOW, inquiry()).rejection, None);
}

#[test]
fn whoever_has_not_answered_is_asked_again() {
    let mut backup = asking(4, 1, Vec::new());
    let to = |step: &Step| -> Vec<u16> {
        let sent = step.actions.iter().filter_map(|action| match action {
            Action::Send { to, message } if matches!(message.v1().body, Body::Inquiry(_)) => Some(to.0),
            _ => None,
        });
        sent.collect()
    };
    let linked = |peer| Input::Connected(ValidatorIndex(peer));
    assert_eq!(to(&drive_as(&mut backup, 1, linked(3))), [3]);
    drive_as(&mut backup, 1, answer(3, 0, &[]));
    assert_eq!(to(&drive_as(&mut backup, 1, linked(3))), Vec::<u16>::new());
    assert_eq!(
        to(&drive_as(&mut backup, 1, Input::Timeout(Timer::Resend))),
        [0, 2]
    );
    // One that asks by itself serves the epoch by now.
    let (nonce, certified) = (sha256(b"its start"), Height(0));
    let asks = message(2, Body::Inquiry(Inquiry { nonce, certified }));
    assert_eq!(to(&drive_as(&mut backup, 1, asks)), [2]);
}

/// Two told of height 2. One of them lies, and the other loses it in a crash.
#[test]
fn blocks_that_whoever_told_of_them_has_no_more_are_not_waited_for() {
    let mut replica = asking(4, 1, Vec::new());
    drive_as(&mut replica, 1, answer(0, 2, &[]));
    drive_as(&mut replica, 1, answer(2, 2, &[]));
    assert!(!replica.unanswered().is_empty(), "it waits for the blocks");
    let step = drive_as(&mut replica, 1, Input::Timeout(Timer::Resend));
    for told in [0, 2] {
        let to = ValidatorIndex(told);
        let asks = |action: &Action| {
            matches!(action, Action::Send { to: peer, message }
                if *peer == to && matches!(message.v1().body, Body::Inquiry(_)))
        };
        assert!(step.actions.iter().any(asks), "{told} may have lost it");
    }
    drive_as(&mut replica, 1, answer(0, 2, &[]));
    assert!(!replica.unanswered().is_empty());
    drive_as(&mut replica, 1, answer(2, 0, &[]));
    assert!(replica.unanswered().is_empty(), "one liar's word holds nobody up");
}

#[test]
fn pitfall_10_one_validator_asks_nobody() {
    let mut alone = asking(1, 0, Vec::new());
    let step = drive_as(&mut alone, 0, Input::BatchesAvailable(vec![batch(1)]));
    let decided = |action: &Action| matches!(action, Action::Decide { .. });
    assert!(step.actions.iter().any(decided), "{step:?}");
}

#[test]
fn a_status_that_came_before_the_answers_is_answered_after_them() {
    let mut backup = asking(4, 1, journal(1));
    let status = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    };
    let step = drive_as(&mut backup, 1, message(3, Body::Status(status)));
    let sent = |step: &Step, wanted: Pbft| {
        let wanted = signed(1, Body::Pbft(wanted));
        let to = ValidatorIndex(3);
        step.actions.contains(&Action::Send { to, message: wanted })
    };
    assert!(!sent(&step, prepare(0, 1, &proposal(1))));
    drive_as(&mut backup, 1, answer(0, 0, &[]));
    let step = drive_as(&mut backup, 1, answer(2, 0, &[]));
    assert!(sent(&step, prepare(0, 1, &proposal(1))), "{step:?}");
    assert!(sent(&step, commit(0, 1, &proposal(1))), "{step:?}");
}

/// Found by review: each height that overtook a replica began its short wait again, so at one height in each such wait
/// the timer never fired, and a question that was lost was not asked again.
#[test]
fn who_is_overtaken_at_every_height_asks_again_all_the_same() {
    let mut backup = asking(4, 1, Vec::new());
    let mut due = Some(Timestamp(NOW.0 + 200));
    let mut asked_again = 0;
    for height in 1..=100 {
        let now = Timestamp(NOW.0 + 4 * height);
        let ordered = proposal(u8::try_from(height).unwrap());
        let (at, block) = (Height(height), sha256(&height.to_le_bytes()));
        let seal = |sender| message(sender, Body::Seal { height: at, block });
        let votes = [
            from(0, pre_prepare(0, height, &ordered)),
            // Two have decided, by a vote that is still on its way to this one.
            seal(0),
            seal(2),
            from(0, commit(0, height, &ordered)),
            from(2, commit(0, height, &ordered)),
            from(3, commit(0, height, &ordered)),
            Input::Executed { height: at, block },
            seal(3),
        ];
        let timeout = due
            .take_if(|due| *due <= now)
            .map(|_| Input::Timeout(Timer::Resend));
        for input in timeout.into_iter().chain(votes) {
            for action in drive_at(&mut backup, 1, now, input).actions {
                match action {
                    Action::SetTimer {
                        timer: Timer::Resend,
                        after,
                    } => due = Some(Timestamp(now.0 + u64::from(after.to_ms))),
                    Action::CancelTimer(Timer::Resend) => due = None,
                    Action::Send { message, .. } if matches!(message.v1().body, Body::Inquiry(_)) => {
                        asked_again += 1;
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(backup.certified(), at);
    }
    // A short wait takes 12 ms at most, so it fires each time that three heights have passed. It asks all three.
    assert!(asked_again >= 3 * 25, "it has asked {asked_again} times");
}
