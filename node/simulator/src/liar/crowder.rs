//! A primary that always has proposals of its own under way, so that it never seems to pause: each with a small batch
//! that it makes for that. It may order others' batches besides, as quickly as they come, and leave out one author's.

use std::collections::BTreeSet;

use quorate_consensus::pbft::{EAGER_PROPOSALS, View};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};

use crate::workload::Work;
use crate::world::World;

/// So many heights it has under way: with as many, nobody asks why what waits is not proposed.
const UNDER_WAY: u64 = EAGER_PROPOSALS as u64;
/// It names no more of others' batches at once, and so has room to spare.
const MOST_OF_OTHERS: usize = 8;
/// The number of its first own submission, which no other has.
const FIRST: u64 = 1 << 40;

/// What it has made and proposed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowder {
    made: u64,
    /// Batches that it has proposed.
    proposed: BTreeSet<Digest>,
    /// Where it led, and its last height there.
    last: (Epoch, View, Height),
}

impl Crowder {
    /// The height that it proposes next, if it is to have one more under way.
    pub(crate) fn next_height(&mut self, epoch: Epoch, view: View, certified: Height) -> Option<Height> {
        let (led_epoch, led_view, last) = self.last;
        let last = match (led_epoch, led_view) == (epoch, view) {
            true => last.max(certified),
            false => certified,
        };
        if last.0 - certified.0 >= UNDER_WAY {
            return None;
        }
        self.last = (epoch, view, last.next());
        Some(last.next())
    }

    /// A batch of its own for that height.
    pub(crate) fn make(&mut self, world: &mut World, own: ValidatorIndex, epoch: Epoch) -> Digest {
        let made = world.pack(own, epoch, Work::Payments(FIRST + self.made));
        self.made += 1;
        self.proposed.insert(made);
        made
    }

    /// What it proposes there besides, of these that are here.
    pub(crate) fn others(&mut self, here: Vec<Digest>) -> Vec<Digest> {
        let new = here.into_iter().filter(|batch| !self.proposed.contains(batch));
        let named: Vec<Digest> = new.take(MOST_OF_OTHERS).collect();
        self.proposed.extend(&named);
        named
    }
}
