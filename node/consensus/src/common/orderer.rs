//! What a protocol adds to a replica.

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::base::{Awaited, Base};
use super::finality::Finality;
use super::reign::Reign;
use crate::contract::{Config, Record, Rejection, Timer};
use crate::message::{Body, Holding, Message, Status};
use crate::testimony::{SignedStatement, Statement};

/// What an orderer is told that concerns it no more than others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice<'a> {
    /// The epoch's last height is known from now on.
    EpochEnds(Height),
    /// A link to a peer has come up.
    Connected,
    /// Next to nothing of what this validator sends is taken for a while.
    HeldBack(ValidatorIndex),
    /// Blocks were fetched up to this height, which may be certified already.
    Synced(Height),
    /// The node is about to stop.
    Stopping,
    /// More of the chain is on disk than up to this height.
    OnDisk {
        /// What was known to be on disk.
        former: Height,
    },
    /// A message of another validator came, of whatever kind.
    Heard(ValidatorIndex),
    /// A status came, and is answered next.
    Status(ValidatorIndex, &'a Status),
    /// Enough have answered what this replica signed: it may vote from now on.
    InquiryClosed,
}

/// The part of a replica that only one protocol has: [`Pbft`](crate::pbft::Pbft), [`Raft`](crate::raft::Raft) or
/// [`Paxos`](crate::paxos::Paxos). It sees [`Base`] and never the replica: what it finds out it leaves there, and
/// the replica goes on with that once the orderer has returned.
pub(crate) trait Orderer: Sized {
    /// One that has said nothing yet in its epoch.
    fn new(config: &Config) -> Self;

    /// Takes the journal's records, in the order in which they were written.
    fn restore(&mut self, base: &mut Base, records: Vec<Record>);

    /// A step begins, at the time that [`Base`] has.
    fn on_step(&mut self, _base: &Base) {}

    /// The height that a message of this protocol says to be certified at its sender, whatever becomes of it.
    fn claimed_by(_body: &Body) -> Option<Height> {
        None
    }

    /// A message of another validator that the common part has no use for.
    fn on_message(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection>;

    /// The same of an own message that comes back signed.
    fn on_own(&mut self, base: &mut Base, message: Message) -> Result<(), Rejection>;

    /// A timer has fired. That of resending was seen to, as far as it concerns all protocols.
    fn on_timeout(&mut self, base: &mut Base, timer: Timer) -> Result<(), Rejection>;

    /// The batches of a proposal that was asked for are here.
    fn on_available(&mut self, base: &mut Base, height: Height, proposal: Digest) -> Result<(), Rejection>;

    /// Something happened that concerns all protocols.
    fn on_notice(&mut self, base: &mut Base, notice: Notice<'_>);

    /// The certified height has risen from `former`: forgets what is below, and looks at what has come
    /// into the window.
    fn on_certified(&mut self, base: &mut Base, former: Height);

    /// What was left in [`Base`] has been worked off: draws conclusions that had to wait for that.
    fn conclude(&mut self, _base: &mut Base) {}

    /// Does all that the facts about a height allow.
    fn act_on(&mut self, base: &mut Base, height: Height);

    /// The end of every step, first half: says what is due, proposals above all.
    fn propose(&mut self, base: &mut Base);

    /// The second half: sets timers, and records what has to be durable before anything of the step leaves.
    fn settle(&mut self, base: &mut Base);

    /// The reign under way.
    fn reign(&self, base: &Base) -> Reign;

    /// Whether anything is under way: heights in flight, or no leader.
    fn is_busy(&self, base: &Base) -> bool;

    /// Whether the reign's proposal for the height, or any that may be decided, is here.
    fn is_proposed(&self, height: Height) -> bool;

    /// What is held for a height, or for one that nothing is kept of; seals apart.
    fn holding(&self, base: &Base, height: Height) -> Holding;

    /// What a peer that says it is in this reign should see.
    fn answer_about_reign(&self, _base: &Base, _from: ValidatorIndex, _status: &Status) -> Vec<Message> {
        Vec::new()
    }

    /// Proposals and votes of a height that a peer lacks, which holds this much; seals apart.
    fn answer_about_height(&self, _base: &Base, _height: Height, _held: Holding, _answer: &mut Vec<Message>) {
    }

    /// Whether the journal explains an own seal of this height: then it needs no record.
    fn explains_seal(&self, base: &Base, height: Height) -> bool;

    /// Whether something signed with this validator's key was said by this replica, or can have been
    /// said and forgotten with good reason. Of a seal only whether anything but itself says so.
    fn remembers(&self, base: &Base, own: ValidatorIndex, statement: &Statement) -> bool;

    /// What else is kept of what a validator signed above this height, beside its seals and the last of
    /// each kind that was heard.
    fn said_by(&self, _base: &Base, _about: ValidatorIndex, _above: Height) -> Vec<SignedStatement> {
        Vec::new()
    }

    /// The batches that saying this vouches for.
    fn vouched(&self, base: &Base, body: &Body) -> Vec<Digest>;

    /// What a height that is not decided is waiting for, and from whom.
    fn waits_for(&self, base: &Base, height: Height, finality: &Finality) -> (Awaited, Vec<ValidatorIndex>);

    /// Whether it leads, was told that its node stops, and has not handed over yet.
    fn is_handing_over(&self) -> bool {
        false
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    fn check_invariants(&self, base: &Base);
}
