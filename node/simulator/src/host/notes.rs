//! What a host tells the chart about itself: reigns, leadership, timers, losses.

use quorate_consensus::Timer;

use super::Host;
use crate::chart::NoteKind;
use crate::scenario::{Loss, Lost};
use crate::words::{leads, reign_words, timer_words};
use crate::world::World;

/// What was last told of the reign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NotedReign {
    reign: String,
    leads: bool,
}

impl Host {
    /// Tells of a reign that the engine has entered, and that it leads it.
    pub(super) fn note_reign(&mut self, world: &mut World) {
        let Some(engine) = self.engine().filter(|_| world.chart.is_some()) else {
            return;
        };
        let leads = leads(engine, self.validator);
        let (reign, title) = reign_words(engine);
        let begins = engine.reign() > 0;
        let told = NotedReign { reign, leads };
        if told == self.noted {
            return;
        }
        let before = std::mem::replace(&mut self.noted, told);
        let reign = &self.noted.reign;
        let enters = begins && before.reign != *reign;
        if leads {
            world.note(Some(self.place), NoteKind::Leads, || {
                format!("{title} of {reign}")
            });
        } else if enters {
            world.note(Some(self.place), NoteKind::Reign, || format!("enters {reign}"));
        }
    }

    /// Tells of a timer that runs out, if it is one that changes something.
    pub(super) fn note_timer(&self, world: &mut World, timer: Timer) {
        let Some(engine) = self.engine() else { return };
        let Some(name) = timer_words(timer, engine, self.validator) else {
            return;
        };
        world.note(Some(self.place), NoteKind::Timeout, || format!("{name} runs out"));
    }
}

/// What a validator loses, in words.
pub(super) fn loss_words(loss: Loss) -> String {
    let of = match loss.of {
        Lost::Journal => "its journal",
        Lost::Everything => "its journal and its chain",
        Lost::SinceBackup => "all that came since its backup",
    };
    let notices = if loss.noticed { "" } else { ", unnoticed" };
    format!("loses {of}{notices}")
}
