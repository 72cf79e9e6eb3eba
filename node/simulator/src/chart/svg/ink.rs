//! The colours of charts as SVG, and how lines are drawn.

use crate::chart::{NoteKind, Phase};

/// Colours that stay apart for the colour-blind (Okabe and Ito 2008), and two greys.
const BLUE: &str = "#0072B2";
const VERMILLION: &str = "#D55E00";
const GREEN: &str = "#009E73";
const PURPLE: &str = "#CC79A7";
const SKY: &str = "#56B4E9";
const ORANGE: &str = "#E69F00";
const BLACK: &str = "#000000";
pub(super) const GREY: &str = "#666666";
const LIGHT: &str = "#BBBBBB";

pub(super) fn lifeline(dead: bool) -> String {
    match dead {
        false => format!(r#"stroke="{GREY}" stroke-width="1""#),
        true => format!(r#"stroke="{LIGHT}" stroke-width="1" stroke-dasharray="2 5""#),
    }
}

pub(super) fn stroke(phase: Phase) -> String {
    let dashes = match phase {
        Phase::CatchUp | Phase::Heartbeat | Phase::Status => r#" stroke-dasharray="4 3""#,
        _ => "",
    };
    format!(r#"stroke="{}" stroke-width="1.4"{dashes}"#, colour(phase))
}

pub(super) fn colour(phase: Phase) -> &'static str {
    match phase {
        Phase::PrePrepare | Phase::LogReplication | Phase::Phase2a => BLUE,
        Phase::Prepare | Phase::Phase1b => ORANGE,
        Phase::Commit | Phase::Commitment | Phase::Learn => GREEN,
        Phase::ViewChange | Phase::LeaderElection | Phase::Phase1a => VERMILLION,
        Phase::Phase2b => SKY,
        Phase::Seal => PURPLE,
        Phase::Refusal => BLACK,
        Phase::Request | Phase::CatchUp => GREY,
        Phase::Heartbeat | Phase::Status => LIGHT,
    }
}

pub(super) fn note_colour(event: NoteKind) -> &'static str {
    match event {
        NoteKind::Crash | NoteKind::Violation | NoteKind::Accuses | NoteKind::Cut => "#B3261E",
        NoteKind::Decides => GREEN,
        NoteKind::Certifies => "#A0457C",
        NoteKind::Leads => BLUE,
        _ => "#444444",
    }
}
