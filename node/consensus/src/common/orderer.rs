//! What the common parts ask an engine's replica.

use quorate_crypto::{Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::base::Base;
use super::finality::Finality;
use crate::contract::Rejection;
use crate::message::{Holding, Message, Status};
use crate::testimony::SignedStatement;

/// A period in which one validator may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reign {
    /// The view, term or ballot round.
    pub(crate) number: u64,
    /// Who leads it, where that is known.
    pub(crate) leader: Option<ValidatorIndex>,
    /// Whether its leader may be followed here.
    pub(crate) begun: bool,
}

/// The part of a replica that only one protocol has.
pub(crate) trait Orderer: Sized {
    fn base(&self) -> &Base;

    fn base_mut(&mut self) -> &mut Base;

    /// The reign under way.
    fn reign(&self) -> Reign;

    /// The finalities that are kept, by height, all above the certified one.
    fn finalities(&self) -> impl DoubleEndedIterator<Item = (Height, &Finality)>;

    /// The finality of a height, if anything is kept of it.
    fn finality(&self, height: Height) -> Option<&Finality>;

    fn existing_finality_mut(&mut self, height: Height) -> Option<&mut Finality>;

    /// The finality of a height, if it is one that facts are kept of.
    fn finality_mut(&mut self, height: Height) -> Result<&mut Finality, Rejection>;

    /// Whether the reign's proposal for the height, or any that may be decided, is here.
    fn is_proposed(&self, height: Height) -> bool;

    /// Whether the journal explains an own seal of this height: then it needs no record.
    fn explains_seal(&self, height: Height) -> bool;

    /// The certified height has risen from `former`: forgets what is below, and looks at what has come
    /// into the window.
    fn on_certified(&mut self, former: Height);

    /// Does all that the facts about a height allow.
    fn act_on(&mut self, height: Height);

    /// Whether the engine has anything under way: heights in flight, or no leader.
    fn is_busy(&self) -> bool;

    /// What is held for a height, or for one that nothing is kept of.
    fn holding(&self, height: Height) -> Holding;

    /// A status came, before it is answered.
    fn on_status_of(&mut self, from: ValidatorIndex, status: &Status);

    /// What a peer that says it is in this reign should see.
    fn answer_about_reign(&self, from: ValidatorIndex, status: &Status) -> Vec<Message>;

    /// Proposals and votes of a height that a peer lacks, which holds this much; seals apart.
    fn answer_about_height(&self, height: Height, held: Holding, answer: &mut Vec<Message>);

    /// Whether something signed with this validator's key was said by this replica, or can have been
    /// said and forgotten with good reason.
    fn remembers(&self, said: &SignedStatement) -> bool;

    /// What else is kept of what a validator signed above this height, beside its seals and the last of
    /// each kind that was heard.
    fn said_by(&self, about: ValidatorIndex, above: Height) -> Vec<SignedStatement>;

    /// Enough have answered what this replica signed: it may vote from now on.
    fn on_inquiry_closed(&mut self);
}
