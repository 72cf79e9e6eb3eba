//! What a host tells the chart about itself: reigns, leadership, timers, losses.

use quorate_consensus::{Engine, Timer};
use quorate_crypto::ValidatorIndex;

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

/// Tells of a reign that an engine has entered, and that its validator leads it.
pub(super) fn note_reign(
    world: &mut World,
    (place, validator): (usize, ValidatorIndex),
    noted: &mut NotedReign,
    engine: &Engine,
) {
    if world.chart.is_none() {
        return;
    }
    let leads = leads(engine, validator);
    let (reign, title) = reign_words(engine);
    let begins = engine.reign() > 0;
    let told = NotedReign { reign, leads };
    if told == *noted {
        return;
    }
    let before = std::mem::replace(noted, told);
    let reign = &noted.reign;
    let enters = begins && before.reign != *reign;
    if leads {
        world.note(Some(place), NoteKind::Leads, || format!("{title} of {reign}"));
    } else if enters {
        world.note(Some(place), NoteKind::Reign, || format!("enters {reign}"));
    }
}

/// Tells of a timer that runs out, if it is one that changes something.
pub(super) fn note_timer(
    world: &mut World,
    (place, validator): (usize, ValidatorIndex),
    timer: Timer,
    engine: &Engine,
) {
    if let Some(name) = timer_words(timer, engine, validator) {
        world.note(Some(place), NoteKind::Timeout, || format!("{name} runs out"));
    }
}

/// What a validator loses, in words.
pub(super) fn loss_words(loss: Loss) -> String {
    let of = match loss.of {
        Lost::Journal => "its journal",
        Lost::Chain => "its chain",
        Lost::Everything => "its journal and its chain",
        Lost::SinceBackup => "all that came since its backup",
    };
    let notices = if loss.noticed { "" } else { ", unnoticed" };
    format!("loses {of}{notices}")
}
