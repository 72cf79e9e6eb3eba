//! Who leads, as all protocols have it.

use quorate_crypto::ValidatorIndex;
use serde::{Deserialize, Serialize};

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
