//! How charts are drawn.

use quorate_simulator::chart::{Chart, Happening, Look, Note, NoteKind, Phase, Transfer};

fn lanes(count: usize) -> Vec<String> {
    (0..count).map(|lane| format!("validator-{lane}")).collect()
}

fn message(from: usize, to: usize, sent_us: u64, arrives_us: Option<u64>, label: &str) -> Happening {
    Happening::Message(Transfer {
        from,
        to,
        sent_us,
        arrives_us,
        phase: Phase::Prepare,
        label: label.to_owned(),
    })
}

fn note(lane: Option<usize>, at_us: u64, event: NoteKind, text: &str) -> Happening {
    Happening::Note(Note {
        at_us,
        lane,
        event,
        text: text.to_owned(),
    })
}

/// A message to all of which one copy is lost, a crash, a message across the dead lane, and a pause.
fn small() -> Chart {
    Chart {
        happenings: vec![
            message(1, 0, 1_000, Some(2_000), "prepare v0 h1 c0ffee"),
            message(1, 2, 1_000, None, "prepare v0 h1 c0ffee"),
            note(Some(1), 1_500, NoteKind::Crash, "crashes"),
            message(0, 2, 30_000, Some(31_000), "prepare v0 h2 <&>"),
            message(0, 2, 31_000, Some(32_000), "prepare v0 h2 <&>"),
        ],
        ..Chart::new("Small & <plain>", lanes(3))
    }
}

fn text(chart: &Chart, width: usize, all: bool) -> String {
    chart.text(Look {
        width,
        all,
        paint: &|_, text| text.to_owned(),
    })
}

#[test]
fn a_message_to_all_is_one_row_with_what_is_lost_marked() {
    let expected = "           validator-0   validator-1   validator-2
    1.00         ◄─────────────●─────────────✗        prepare  v0 h1 c0ffee
    1.50         │             ╳             │        validator-1 crashes
       ⋮         │                           │        28 ms pass
   30.00         ●───────────────────────────►        prepare  v0 h2 <&>
";
    let drawn = text(&small(), 100, false);
    assert!(drawn.starts_with(expected), "{drawn}");
}

#[test]
fn repetitions_are_left_out_and_counted_unless_all_is_asked_for() {
    let repeated = |all| text(&small(), 100, all).matches("v0 h2 <&>").count();
    assert_eq!((repeated(false), repeated(true)), (1, 2));
    assert_eq!(small().left_out(), 1);
}

#[test]
fn what_was_lost_is_no_reason_to_leave_out_what_arrives() {
    let mut chart = small();
    chart
        .happenings
        .push(message(1, 2, 40_000, Some(41_000), "prepare v0 h1 c0ffee"));
    assert_eq!(text(&chart, 100, false).matches("c0ffee").count(), 2);
}

#[test]
fn rows_are_as_wide_as_they_may_be_and_long_words_are_cut() {
    let mut chart = small();
    let words = "words ".repeat(40);
    chart
        .happenings
        .push(note(None, 50_000, NoteKind::Violation, &words));
    for width in [100, 120] {
        let drawn = text(&chart, width, false);
        let widest = drawn.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest, Some(width), "{drawn}");
    }
}

#[test]
fn many_lanes_have_short_names() {
    let chart = Chart {
        happenings: vec![note(Some(8), 0, NoteKind::Leads, "leads")],
        ..Chart::new("", lanes(9))
    };
    assert!(text(&chart, 100, false).contains("…-8"));
}

#[test]
fn lines_tell_the_same_without_a_drawing() {
    assert_eq!(
        small().lines(),
        [
            "      1.000  validator-1 → all: prepare v0 h1 c0ffee, lost to validator-2",
            "      1.500  validator-1: crashes",
            "     30.000  validator-0 → validator-2: prepare v0 h2 <&>",
        ]
    );
}

#[test]
fn an_svg_has_title_and_description_and_its_text_is_escaped() {
    let svg = small().svg(false);
    for part in [
        "<title>Small &amp; &lt;plain&gt;</title>",
        "<desc>Message sequence chart of validator-0, validator-1, validator-2: 4 messages, 1 of them lost.",
        "v0 h2 &lt;&amp;&gt;",
        "stroke-dasharray=\"2 5\"",
    ] {
        assert!(svg.contains(part), "{part} is missing in {svg}");
    }
    assert_eq!(svg, small().svg(false));
    assert!(!svg.contains("<plain>"));
}

#[test]
fn an_empty_chart_can_be_drawn() {
    let chart = Chart::new("Nothing", Vec::new());
    assert!(chart.svg(true).ends_with("</svg>\n"));
    assert!(chart.lines().is_empty());
    text(&chart, 80, true);
}

#[test]
fn a_part_of_a_chart_says_who_is_dead_when_it_begins() {
    let part = small().between(30_000, 31_000);
    assert_eq!(
        part.lines(),
        [
            "     30.000  validator-1: has crashed",
            "     30.000  validator-0 → validator-2: prepare v0 h2 <&>",
        ]
    );
}
