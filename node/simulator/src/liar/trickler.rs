//! A primary that has a stock of its own, made beforehand, and orders that first: one batch at a time, and one of
//! others now and then.

use quorate_crypto::{Digest, Epoch, ValidatorIndex};

use crate::workload::Work;
use crate::world::World;

/// How many batches it has in stock.
const STOCK: u64 = 64;
/// One in so many of its proposals serves somebody else.
const SERVES_EVERY: u64 = 16;
/// The number of its first own submission, which no other has.
const FIRST: u64 = 1 << 40;

/// What it has left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trickler {
    stock: Option<(Epoch, Vec<Digest>)>,
    proposed: u64,
    last_us: u64,
}

impl Trickler {
    /// Its stock in this epoch, made now.
    pub(crate) fn stock_up(&mut self, world: &mut World, own: ValidatorIndex, epoch: Epoch) -> Vec<Digest> {
        if self.stock.as_ref().is_some_and(|(of, _)| *of == epoch) {
            return Vec::new();
        }
        let numbers = FIRST..FIRST + STOCK;
        let made = numbers.map(|number| world.pack(own, epoch, Work::Payments(number)));
        let made: Vec<Digest> = made.collect();
        self.stock = Some((epoch, made.clone()));
        made
    }

    /// Whether it is time for the next proposal.
    pub(crate) fn is_due(&self, world: &World, every_ms: u64) -> bool {
        world.now >= self.last_us + every_ms * 1_000
    }

    /// What it proposes next, of what waits: its own, or the first of others.
    pub(crate) fn next(&mut self, now_us: u64, waiting: &[Digest]) -> Vec<Digest> {
        (self.proposed, self.last_us) = (self.proposed + 1, now_us);
        let stock = self.stock.as_ref().map_or(&[][..], |(_, stock)| stock);
        let (own, others): (Vec<Digest>, Vec<Digest>) =
            waiting.iter().partition(|batch| stock.contains(batch));
        let serves = self.proposed.is_multiple_of(SERVES_EVERY) || own.is_empty();
        let from = if serves { others } else { own };
        from.into_iter().take(1).collect()
    }
}
