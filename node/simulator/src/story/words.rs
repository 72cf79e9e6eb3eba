//! What is said about each story: a sentence for the list, and what to look at with each engine.

use quorate_crypto::Engine;

use super::Story;

/// An engine's name in a title.
pub(super) const fn engine(engine: Engine) -> &'static str {
    match engine {
        Engine::Pbft => "PBFT",
        Engine::Raft => "Raft",
        Engine::Paxos => "Paxos",
    }
}

pub(super) const fn title(story: Story) -> &'static str {
    match story {
        Story::NormalCase => "The normal case",
        Story::LeaderCrash => "The leader crashes",
        Story::SplitVote => "A split vote",
        Story::EquivocatingPrimary => "The primary equivocates",
        Story::PartitionAndHealing => "A partition, and its healing",
        Story::DuellingProposers => "Duelling proposers",
    }
}

pub(super) const fn summary(story: Story) -> &'static str {
    match story {
        Story::NormalCase => "a batch is ordered, and nothing goes wrong",
        Story::LeaderCrash => "the leader dies with a proposal under way; another carries it over",
        Story::SplitVote => "validators do not agree on who is to lead, and then do",
        Story::EquivocatingPrimary => "the leader lies: it tells some one thing and others another",
        Story::PartitionAndHealing => "the leader is cut off with a batch of its own, and comes back",
        Story::DuellingProposers => "two want to lead at once and outbid each other",
    }
}

pub(super) const fn explanation(story: Story, engine: Engine) -> &'static str {
    match (story, engine) {
        (Story::NormalCase, Engine::Pbft) => {
            "The primary gives the batch a height and sends a pre-prepare. Backups that agree send prepares to all, \
             and whoever has a quorum of them sends a commit; a quorum of commits decides. Two rounds of all to all, \
             so that no lie of the primary can decide two things. Then all seal the block that they executed, and a \
             quorum of seals certifies it. Castro and Liskov 1999, section 4.2; the seals are the checkpoint of 4.3, \
             one for each height."
        }
        (Story::NormalCase, Engine::Raft) => {
            "First a leader is elected: pre-votes ask whether it could be, votes bind (section 5.2). From then on \
             only the leader proposes. It appends the batch to its log and sends the entry to all; once a majority \
             has it on disk it is committed, and the next append tells so (5.3). Then all seal the block. Ongaro and \
             Ousterhout 2014, section 5; the pre-vote is from Ongaro's thesis, 9.6."
        }
        (Story::NormalCase, Engine::Paxos) => {
            "First validator-0 gets promises for its ballot from a majority (phase 1), once for all heights: it is \
             the distinguished proposer now. The batch then needs phase 2 alone: the proposer asks acceptors to \
             accept it, a majority does, and it is chosen, which the learners are told. Then all seal the block. \
             Lamport 2001, sections 2.2 to 2.4, and 3 for the many instances."
        }
        (Story::LeaderCrash, Engine::Pbft) => {
            "The primary dies when two of four hold its proposal and prepares for it. They have it prepared, but too \
             few are left in view 0 to commit. Progress timers run out; one complaint binds nobody, two begin the \
             view change. View-changes tell what is prepared, the new-view of the next primary follows from them, \
             and the same proposal is decided at the same height in view 1: nothing that may have been committed is \
             lost. Castro and Liskov 1999, section 4.4."
        }
        (Story::LeaderCrash, Engine::Raft) => {
            "The leader dies when one follower of two has its entry. That one alone can be elected: voters refuse a \
             candidate whose log is behind theirs (section 5.4.1). Elected, it does not count copies of the old \
             term's entry: an entry of its own term commits both (5.4.2, figure 8). Ongaro and Ousterhout 2014."
        }
        (Story::LeaderCrash, Engine::Paxos) => {
            "The distinguished proposer dies when one acceptor of two has accepted its value, and may have been \
             told so or not. Whoever prepares a higher ballot hears of that value in a promise, and has to propose \
             it again instead of one of its own (P2c): so what may have been chosen stays. Lamport 2001, section 2.2."
        }
        (Story::SplitVote, Engine::Pbft) => {
            "PBFT elects nobody: view v belongs to validator v modulo n, so votes cannot split. What stands in for \
             that here is a split over whether the primary is alive: half of the validators do not hear it. Its \
             proposal reaches too few to be prepared. The first complaint binds nobody; with the second, f + 1 \
             complain, one of them honest, and all move to view 1 together. Castro and Liskov 1999, sections 4.4 and \
             4.5.2; complaints are Quorate's, so that one bad link costs no view."
        }
        (Story::SplitVote, Engine::Raft) => {
            "The leader dies, and all others stand for election in the same moment. Pre-votes bind nobody, so all \
             become candidates of term 2; each has voted for itself and refuses the others: nobody is elected in \
             term 2. Election timers are drawn at random, so next time one is first and wins term 3. Ongaro and \
             Ousterhout 2014, section 5.2."
        }
        (Story::SplitVote, Engine::Paxos) => {
            "Paxos has no votes to split: an acceptor may promise to one proposer after the other, as ballots are \
             ordered. What stands in for that here are two proposers that prepare ballots of the same round at \
             once, the old one having died: each promises the other's ballot, which ends its own. Nothing is \
             proposed, nobody has lost anything, and whoever's timer runs out first gets the next ballot. Lamport \
             2001, sections 2.2 and 2.4."
        }
        (Story::EquivocatingPrimary, Engine::Pbft) => {
            "The primary gives one height to two proposals, tells each backup of one, and keeps a third in the dark. \
             Neither finds a quorum. Backups pass on what the primary has signed, which tells two of its lies to \
             one validator: it accuses the primary, with evidence. One proposal gets its quorum in the end, whoever \
             believed the other fetches the certified block, and no two validators decide differently. Castro and \
             Liskov 1999, section 4.2; evidence is Quorate's."
        }
        (Story::EquivocatingPrimary, Engine::Raft) => {
            "Raft does not tolerate this: its members trust each other not to lie. The leader sends different \
             entries for one index to its followers. They acknowledge an index, not its content, so the leader \
             counts a majority, both followers believe that theirs is committed, and they decide differently: \
             agreement is broken, which the last row says. Who cannot trust the leader's machine needs PBFT. Ongaro \
             and Ousterhout 2014, section 2, promises safety under non-Byzantine conditions only."
        }
        (Story::EquivocatingPrimary, Engine::Paxos) => {
            "Paxos does not tolerate this: its members trust each other not to lie. The proposer asks its acceptors \
             to accept different values in one ballot, and tells each learner that its own is chosen. They decide \
             differently: agreement is broken, which the last row says. Who cannot trust the proposer's machine \
             needs PBFT. Lamport 2001, section 2.1, assumes the non-Byzantine model."
        }
        (Story::PartitionAndHealing, Engine::Pbft) => {
            "The primary is cut off, and goes on proposing a batch of its own, which nobody hears. The others change \
             the view and decide another batch at that height. When the links are back, the old primary gets the \
             new-view, fetches the block that was certified without it, and its batch is ordered after that: it \
             never had a quorum, so nothing has to be undone. Castro and Liskov 1999, sections 4.4 and 4.6."
        }
        (Story::PartitionAndHealing, Engine::Raft) => {
            "The leader is cut off, and appends a batch of its own, which nobody hears. The majority elects another \
             leader and commits another batch at that index. When the links are back, the old leader hears of the \
             higher term and follows, its entry gives way to the committed one (section 5.3, figure 7), and its \
             batch is ordered after that. Ongaro and Ousterhout 2014, sections 5.1 to 5.3."
        }
        (Story::PartitionAndHealing, Engine::Paxos) => {
            "The distinguished proposer is cut off, and proposes a batch of its own, which nobody hears. The \
             majority promises a higher ballot to another proposer and chooses another batch at that height. When \
             the links are back, the old proposer promises that ballot too, fetches what was chosen without it, and \
             its batch is ordered after that. Lamport 2001, sections 2.2 to 2.4."
        }
        (Story::DuellingProposers, Engine::Pbft) => {
            "PBFT has no duel: one primary belongs to a view, and only a quorum moves to the next one. What stands \
             in for it here are views that follow each other too fast: enough validators give up on view 0, and \
             enough on view 1 before its primary has got anything decided. What was prepared in view 1 is carried \
             into view 2. Timers double from view to view, so that in the end a view lasts long enough. Castro and \
             Liskov 1999, sections 4.4 and 4.5.2."
        }
        (Story::DuellingProposers, Engine::Raft) => {
            "Raft has no duel of this kind: a term belongs to whom a majority voted for. What stands in for it here \
             are two candidates of one term: both get pre-votes, but a vote is given once, so one is elected and \
             the other follows. Later another stands for election while the leader is heard: its pre-vote is \
             refused, no term is spent, and nobody outbids the leader. Ongaro and Ousterhout 2014, section 5.2; the \
             pre-vote is from Ongaro's thesis, 9.6."
        }
        (Story::DuellingProposers, Engine::Paxos) => {
            "validator-0 has its promises and asks for accepts, but validator-1 has prepared a higher ballot \
             meanwhile: whoever has promised that refuses with a nack. validator-0 outbids it in turn with ballot \
             3.0. A promise tells it what was accepted in ballot 1.0, so it proposes that again (P2c). Without luck \
             this goes on for ever; a distinguished proposer and timers drawn at random end it. Lamport 2001, \
             sections 2.2 and 2.4."
        }
    }
}
