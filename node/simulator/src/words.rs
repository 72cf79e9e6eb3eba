//! Messages in a few words: h is a height, v a view, t a term, b a ballot; digests are cut short.

use quorate_consensus::{Body, Engine, Message, Timer, paxos, pbft, raft};
use quorate_crypto::ValidatorIndex;

/// A message in a few words.
pub fn describe(message: &Message) -> String {
    match &message.v1().body {
        Body::Seal { height, block } => format!("seal h{height} {}", block.short()),
        Body::Status(status) => {
            format!(
                "status r{} certified h{} +{}",
                status.reign,
                status.certified,
                status.holds.len()
            )
        }
        Body::Inquiry(inquiry) => format!("inquiry certified h{}", inquiry.certified),
        Body::Testimony(testimony) => {
            let said: Vec<String> = testimony
                .said
                .iter()
                .map(|said| said.statement.to_string())
                .collect();
            format!(
                "testimony about {} certified h{} [{}]",
                testimony.about,
                testimony.certified,
                said.join(", ")
            )
        }
        Body::Raft(body) => describe_raft(body),
        Body::Paxos(body) => describe_paxos(body),
        Body::Pbft(body) => match body {
            pbft::Body::PrePrepare {
                view,
                height,
                proposal,
            } => {
                format!("pre-prepare v{view} h{height} {}", proposal.digest().short())
            }
            pbft::Body::Prepare {
                view,
                height,
                proposal,
            } => {
                format!("prepare v{view} h{height} {}", proposal.short())
            }
            pbft::Body::Commit {
                view,
                height,
                proposal,
            } => {
                format!("commit v{view} h{height} {}", proposal.short())
            }
            pbft::Body::Complaint { view } => format!("complaint v{view}"),
            pbft::Body::ViewChange(change) => {
                let claims = &change.claims;
                let prepared: Vec<String> = claims
                    .prepared
                    .iter()
                    .map(|claim| format!("h{}@v{} {}", claim.height, claim.view, claim.proposal.short()))
                    .collect();
                format!(
                    "view-change v{} [{}] certified h{}",
                    claims.view,
                    prepared.join(", "),
                    claims.certified
                )
            }
            pbft::Body::NewView(new_view) => {
                let from: Vec<String> = new_view
                    .view_changes
                    .iter()
                    .map(|change| change.sender.to_string())
                    .collect();
                format!("new-view v{} of {}", new_view.view, from.join(","))
            }
        },
    }
}

fn describe_raft(body: &raft::Body) -> String {
    match body {
        raft::Body::RequestVote(request) => {
            let asks = if request.pre_vote { "pre-vote?" } else { "vote?" };
            let raft::RequestVote {
                term,
                certified,
                last,
                ..
            } = request;
            format!("{asks} t{term} log {} certified h{certified}", place(*last))
        }
        raft::Body::VoteReply(reply) => {
            let kind = if reply.pre_vote { "pre-vote" } else { "vote" };
            let says = if reply.granted { "yes" } else { "no" };
            format!("{kind} t{} for {}: {says}", reply.term, reply.candidate)
        }
        raft::Body::AppendEntries(append) => {
            let heights = append.previous.index.0.saturating_add(1)..;
            let entries = heights.zip(&append.entries).map(|(height, entry)| {
                let digest = entry.proposal.digest().short();
                match entry.term == append.term {
                    true => format!("h{height} {digest}, "),
                    false => format!("h{height}@t{} {digest}, ", entry.term),
                }
            });
            format!(
                "append t{} {}commit h{} after {}",
                append.term,
                entries.collect::<String>(),
                append.commit,
                place(append.previous)
            )
        }
        raft::Body::AppendReply(reply) => {
            let says = if reply.success { "has" } else { "lacks, has" };
            format!("appended t{}: {says} up to h{}", reply.term, reply.index)
        }
        raft::Body::TimeoutNow { term, successor } => format!("timeout-now t{term} for {successor}"),
    }
}

/// A place in a log.
fn place(position: raft::Position) -> String {
    format!("h{}@t{}", position.index, position.term)
}

fn describe_paxos(body: &paxos::Body) -> String {
    match body {
        paxos::Body::Prepare(prepare) => {
            format!("prepare b{} certified h{}", prepare.ballot, prepare.certified)
        }
        paxos::Body::Promise(promise) => {
            let accepted = promise.accepted.iter().map(|value| {
                let digest = value.proposal.digest().short();
                format!("h{}@b{} {digest}", value.height, value.ballot)
            });
            let accepted: Vec<String> = accepted.collect();
            let what = match accepted.is_empty() {
                true => "nothing".to_owned(),
                false => accepted.join(", "),
            };
            format!("promise b{} above h{}: {what}", promise.ballot, promise.certified)
        }
        paxos::Body::Accept(accept) => {
            let values = accept
                .values
                .iter()
                .map(|value| format!("h{} {}", value.height, value.proposal.digest().short()));
            let values: Vec<String> = values.collect();
            format!("accept b{} {}", accept.ballot, values.join(", "))
        }
        paxos::Body::Accepted(accepted) => {
            let values = accepted
                .values
                .iter()
                .map(|value| format!("h{} {}", value.height, value.proposal.short()));
            let values: Vec<String> = values.collect();
            format!("accepted b{} {}", accepted.ballot, values.join(", "))
        }
        paxos::Body::Nack(nack) => format!("nack b{}, promised b{}", nack.ballot, nack.promised),
        paxos::Body::Chosen(chosen) => format!(
            "chosen h{} {} in b{}",
            chosen.height,
            chosen.proposal.digest().short(),
            chosen.ballot
        ),
        paxos::Body::Yield(word) => format!("yield b{} to {}", word.ballot, word.successor),
    }
}

/// Whether an engine leads its reign.
pub(crate) fn leads(engine: &Engine, own: ValidatorIndex) -> bool {
    match engine {
        Engine::Pbft(_) => engine.has_begun() && engine.leader() == own,
        Engine::Raft(replica) => replica.is_leading(),
        Engine::Paxos(replica) => replica.is_leading(),
    }
}

/// A reign's name, and its leader's title.
pub(crate) fn reign_words(engine: &Engine) -> (String, &'static str) {
    match engine {
        Engine::Pbft(replica) => (format!("view {}", replica.view()), "primary"),
        Engine::Raft(replica) => (format!("term {}", replica.term()), "leader"),
        Engine::Paxos(replica) => (format!("b{}", replica.ballot()), "distinguished proposer"),
    }
}

/// The name of a timer, if it is one that changes something when it runs out.
pub(crate) fn timer_words(timer: Timer, engine: &Engine, own: ValidatorIndex) -> Option<&'static str> {
    match (timer, engine) {
        (Timer::Progress { .. }, Engine::Pbft(_)) => Some("progress timer"),
        (Timer::Progress { .. }, _) if leads(engine, own) => None,
        (Timer::Progress { .. }, _) => Some("election timer"),
        (Timer::NewReign { .. }, _) => Some("new-view timer"),
        (Timer::Resend | Timer::Heartbeat { .. } | Timer::Judgement { .. }, _) => None,
    }
}
