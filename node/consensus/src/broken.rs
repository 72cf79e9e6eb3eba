//! Rules that a test build breaks on purpose, to show that the simulator and the model checker find
//! them. `quorate-consensus` is never built with this: `node/broken/consensus` compiles the same sources
//! with `--cfg broken_rules`, for tests alone.

use std::cell::Cell;

/// A rule of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Messages of any height above the certified height are kept and acted upon.
    WatermarksIgnored,
    /// Votes count in whatever view they were given.
    OldVotesCounted,
    /// f + 1 prepares are enough for a commit.
    CommittedUnprepared,
    /// A new-view proposes again what was prepared in the lowest view, not the highest.
    LowestPrepared,
    /// A new-view begins with the null proposal where something was prepared.
    NullCarriedOver,
    /// In place of counting only view-changes whose blocks the primary has, a new view begins above the lowest
    /// height that one claims certified, not the highest.
    BaseLowered,
    /// A primary counts view-changes that claim blocks which it lacks.
    UnservableCounted,
    /// What was prepared in a former view is not shown to those who lack it.
    PreparedNotGiven,
    /// What a new-view holds is not checked.
    NewViewUnchecked,
    /// A view-change claims nothing prepared.
    PreparedDropped,
    /// A sender counts as often as it is listed.
    SendersCountedTwice,
    /// A second proposal of the primary in one view is prepared too.
    PreparedTwice,
    /// A vote signed for a view that was left is sent all the same.
    LateVotesSent,
    /// A vote whose height is certified by the time it is signed is not sent.
    CertifiedVotesUnsent,
    /// Nobody joins view-changes of f + 1 others.
    NobodyJoins,
    /// One complaint moves everybody.
    OneComplaintMoves,
    /// View-changes and new-views are not sent again.
    ViewsNotResent,
    /// The wait for a new view never grows.
    TimerNotDoubled,
    /// The wait for a new view grows without end.
    TimerUncapped,
    /// Empty proposals are voted on without need, and any height that is certified stops the progress timer.
    EmptyIsProgress,
    /// A batch may be left out for ever while others are ordered.
    LeavingOutAllowed,
    /// A proposal that leaves out what the primary has is under way like any other.
    LeavingOutUnderWay,
    /// A complaint counts for ever.
    ComplaintsKept,
    /// Statuses and inquiries are taken from whoever passes them on.
    QuestionsPassedOn,
    /// Raft and Paxos: the wait between two attempts to lead does not grow.
    AttemptsNotDoubled,
    /// Paxos: a distinguished proposer that stops hands over to nobody.
    NobodyYields,
    /// A proposal that others vote on is not asked for, and may come as late as the primary likes.
    MissingNotAsked,
    /// Who lacks what f + 1 others have sealed asks no sooner than about anything else.
    OvertakenWaits,
    /// Who is overtaken while it waits, in order to ask, begins to wait again.
    OvertakenAgain,
    /// A primary of whose messages next to nothing is taken leads until the wait for progress is over.
    HeldBackLeads,
    /// A primary may take as long as it likes between two proposals.
    PausesAllowed,
    /// Who complains about a slow primary does not become more patient.
    BoundNotDoubled,
    /// What was known of primaries is forgotten when an epoch ends.
    PrimariesForgotten,
    /// A restarted replica begins in view 0.
    ViewForgotten,
    /// What is past the epoch's last height is proposed and voted on.
    PastEndOrdered,
    /// A primary does not fill what is left of an epoch.
    EndNotFilled,
    /// PBFT: a fresh proposal is voted on however far its time lies behind.
    LagNotJudged,
    /// A restarted replica passes over records two windows above its chain.
    FarRecordsForgotten,
    /// PBFT, Paxos: however little of the chain is on disk, a replica commits or accepts, so after a crash it may
    /// hold more than a view-change or a promise can claim.
    DiskNotAwaited,
    /// Raft: a second candidate gets a vote in the same term.
    VotedTwice,
    /// Raft: a candidate gets votes whatever its log lacks.
    OldLogElected,
    /// Raft: entries of former terms are committed by counting, with none of the leader's own.
    OldTermsCounted,
    /// Raft: a replica goes back to the term of a former leader.
    OldTermsHeard,
    /// Raft: a restarted replica does not remember for whom it voted.
    VoteForgotten,
    /// Raft: a leader deletes what is not committed of its own log when it begins.
    LeaderOverwrites,
    /// Raft: a follower keeps its entry where the leader's conflicts with it.
    ConflictsKept,
    /// Raft: a question before a candidacy moves others to its term, and they vote though they hear a leader.
    PreVoteBinds,
    /// Raft: what a leader sends whose clock is too far ahead ends an attempt to replace it.
    EarlyLeaderFollowed,
    /// Raft: a candidate gets votes whatever blocks it lacks.
    LowCertifiedElected,
    /// Raft: an entry of a former term shows that logs match.
    FormerTermsMatched,
    /// Raft: a leader counts itself as soon as its entries have left.
    CountedBeforeDurable,
    /// Raft: what followed an entry whose batches a crash has lost comes back.
    FollowersOfLostKept,
    /// Paxos: a restarted acceptor does not remember what it promised.
    PromiseForgotten,
    /// Paxos: a restarted acceptor does not remember what it accepted.
    AcceptedForgotten,
    /// Paxos: an acceptor accepts what is proposed in a ballot below its promise.
    LowBallotAccepted,
    /// Paxos: a proposer takes a value of its own where a promise carried one.
    OwnValueTaken,
    /// Paxos: of the values that promises carried, a proposer takes that of the lowest ballot.
    LowestBallotTaken,
    /// Paxos: one promise fewer than a majority's is enough.
    FewerPromises,
    /// Paxos: one accept fewer than a majority's is enough.
    FewerAccepts,
    /// Paxos: a new distinguished proposer leaves gaps as they are.
    GapNotFilled,
    /// Paxos: an acceptor promises whatever blocks the proposer lacks.
    LowCertifiedPromised,
}

thread_local! {
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// Breaks a rule, or none, in whatever this thread does from now on.
pub fn set(rule: Option<Rule>) {
    BROKEN.set(rule);
}

thread_local! {
    static TUNED: Cell<Option<(&'static str, u64)>> = const { Cell::new(None) };
}

/// Gives a constant or a parameter another value, or none, in whatever this thread does from now on.
pub fn tune(constant: Option<(&'static str, u64)>) {
    TUNED.set(constant);
}

pub(crate) fn tuned(constant: &'static str, value: u64) -> u64 {
    let other = TUNED.get().filter(|(name, _)| *name == constant);
    other.map_or(value, |(_, other)| other)
}

pub(crate) fn is(rule: Rule) -> bool {
    BROKEN.get() == Some(rule)
}
