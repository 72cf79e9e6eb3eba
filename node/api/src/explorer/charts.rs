//! Charts of the last blocks: what was executed a second, how long certificates took, and how large blocks are. The
//! figures are drawn here, as bars, and stand in tables besides, for whoever does not see the bars.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};
use quorate_client::schema::Block;
use quorate_ledger::{Height, Timestamp};

use super::parts;

/// Bars of a chart, at most.
pub(super) const BARS: u64 = 48;

/// Pieces that the time of the charted blocks is cut into, at most, and the shortest of them.
const SLOTS: u64 = 24;
const SHORTEST_SLOT_MS: u64 = 1_000;

const DAY_MS: u64 = 86_400_000;

/// The height of a full bar, and the room for a bar with the gap behind it.
const HEIGHT: u64 = 40;
const STEP: u64 = 5;

/// Figures that are drawn side by side.
pub(super) struct Chart<'a> {
    /// With which the ids in it begin.
    pub(super) id: &'a str,
    pub(super) caption: &'a str,
    /// Oldest first.
    pub(super) bars: Vec<Bar>,
    /// The largest figure, in words.
    pub(super) most: String,
    /// What no figure is.
    pub(super) least: &'a str,
    /// From where to where the bars are, and all that they say in one sentence.
    pub(super) range: String,
    pub(super) summary: String,
}

/// One of them.
pub(super) struct Bar {
    /// None: it is not known, and no bar is there.
    pub(super) figure: Option<u64>,
    pub(super) told: String,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let most = self.bars.iter().filter_map(|bar| bar.figure).max().unwrap_or(0);
        let height = |figure: u64| {
            let scaled = u128::from(figure) * u128::from(HEIGHT);
            let height = scaled.div_ceil(u128::from(most.max(1))).max(1);
            u64::try_from(height).unwrap_or(HEIGHT)
        };
        let width = self.bars.len().max(1) as u64 * STEP;
        let (title, detail) = (format!("{}-title", self.id), format!("{}-detail", self.id));
        html! {
            figure .chart {
                figcaption { (self.caption) }
                // The image's own text says the same.
                div .scale aria-hidden="true" { span { (self.most) } span { (self.least) } }
                svg role="img" viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none"
                    aria-labelledby={ (title) " " (detail) } {
                    title #(title) { (self.caption) }
                    desc #(detail) { (self.summary) }
                    @for (place, bar) in (0_u64..).zip(&self.bars) {
                        @if let Some(figure) = bar.figure {
                            @let height = height(figure);
                            rect .idle[figure == 0] x=(place * STEP) y=(HEIGHT - height) width=(STEP - 1)
                                height=(height) rx="1" { title { (bar.told) } }
                        }
                    }
                }
                div .range aria-hidden="true" { (self.range) }
            }
        }
    }
}

/// What the charts show of the last blocks.
pub(super) struct Activity<'a> {
    /// Newest first.
    pub(super) blocks: &'a [Block],
    /// Bytes with batches, as far as they were read.
    pub(super) sizes: &'a BTreeMap<Height, u64>,
    /// How long certificates took here.
    pub(super) certified_after: &'a BTreeMap<Height, Duration>,
}

/// A piece of time.
struct Slot {
    from: Timestamp,
    to: Timestamp,
    transactions: u64,
}

impl Slot {
    /// Thousandths of a transaction a second.
    fn rate(&self) -> u64 {
        let lasted = self.to.0.saturating_sub(self.from.0).max(1);
        let rate = u128::from(self.transactions) * 1_000_000 / u128::from(lasted);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

impl Activity<'_> {
    /// The chart of transactions alone, which has room beside the height.
    pub(super) fn transactions(&self) -> Markup {
        let count = |block: &Block| Some(block.transaction_count.into());
        let total: u64 = self
            .blocks
            .iter()
            .map(|block| u64::from(block.transaction_count))
            .sum();
        let total = parts::number(total);
        let told =
            |most: &str, range: &str| format!("{total} transactions in {range}, at most {most} in one");
        self.by_block("count", "Transactions in each block", count, parts::number, &told)
    }

    /// The others, and the tables.
    pub(super) fn section(&self) -> Markup {
        html! {
            @if self.blocks.len() > 1 {
                section aria-labelledby="charts-title" {
                    h2 #charts-title { "Throughput, latency and size" }
                    div .charts {
                        (self.throughput())
                        (self.latencies())
                        (self.bytes())
                    }
                    p .note {
                        "Latency is measured on this node: from the time that the leader gave a block with transactions to its certificate here, "
                        "by both clocks. Blocks that were fetched have none. Sizes are of blocks with their batches and certificates."
                    }
                    details #figures {
                        summary #figures-title { "The figures of the charts, as tables" }
                        (self.block_table())
                        (self.throughput_table())
                    }
                }
            }
        }
    }

    fn latencies(&self) -> Markup {
        let latency = |block: &Block| {
            let took = self.certified_after.get(&block.height)?;
            Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
        };
        let told = |most: &str, range: &str| {
            format!("At most {most} from a block’s time to its certificate, in {range}")
        };
        self.by_block("latency", "Latency of each block", latency, milliseconds, &told)
    }

    fn bytes(&self) -> Markup {
        let size = |block: &Block| self.sizes.get(&block.height).copied();
        let told = |most: &str, range: &str| format!("At most {most} in a block, in {range}");
        self.by_block("size", "Size of each block", size, rounded_bytes, &told)
    }

    /// A bar for each block; `told` makes a sentence of the largest figure and the range.
    fn by_block(
        &self,
        id: &str,
        caption: &str,
        figure: impl Fn(&Block) -> Option<u64>,
        words: impl Fn(u64) -> String,
        told: &dyn Fn(&str, &str) -> String,
    ) -> Markup {
        let [newest, .., oldest] = self.blocks else {
            return html! {};
        };
        let bar = |block: &Block| {
            let figure = figure(block);
            let value = figure.map_or_else(|| "not known".to_owned(), &words);
            Bar {
                figure,
                told: format!("Block {}: {value}", parts::number(block.height)),
            }
        };
        let bars: Vec<Bar> = self.blocks.iter().rev().map(bar).collect();
        let most = bars.iter().filter_map(|bar| bar.figure).max();
        let (first, last) = (parts::number(oldest.height), parts::number(newest.height));
        let summary = match most {
            Some(most) => told(&words(most), &format!("blocks {first} to {last}")),
            None => format!("None is known of blocks {first} to {last}"),
        };
        Chart {
            id,
            caption,
            bars,
            most: most.map_or_else(|| "–".to_owned(), words),
            least: "0",
            range: format!("Blocks {first} to {last}"),
            summary,
        }
        .draw()
    }

    /// The time from the oldest block to the newest in pieces, oldest first. What the oldest block executed is of the
    /// time before.
    fn slots(&self) -> Vec<Slot> {
        let [newest, later @ .., oldest] = self.blocks else {
            return Vec::new();
        };
        let (from, to) = (oldest.timestamp.0, newest.timestamp.0);
        let span = to.saturating_sub(from);
        let length = span.div_ceil(SLOTS).max(SHORTEST_SLOT_MS);
        let mut slots: Vec<Slot> = (0..span.div_ceil(length))
            .map(|back| {
                let end = to.saturating_sub(back * length);
                Slot {
                    from: Timestamp(end.saturating_sub(length).max(from)),
                    to: Timestamp(end),
                    transactions: 0,
                }
            })
            .collect();
        for block in [newest].into_iter().chain(later) {
            let back = to.saturating_sub(block.timestamp.0) / length;
            if let Some(slot) = usize::try_from(back).ok().and_then(|back| slots.get_mut(back)) {
                slot.transactions += u64::from(block.transaction_count);
            }
        }
        slots.reverse();
        slots
    }

    fn throughput(&self) -> Markup {
        let slots = self.slots();
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
            return html! {};
        };
        let is_long = last.to.0.saturating_sub(first.from.0) >= DAY_MS;
        let edge = |time| parts::short_time(time, is_long);
        let bar = |slot: &Slot| Bar {
            figure: Some(slot.rate()),
            told: format!(
                "{} to {} UTC: {} a second",
                edge(slot.from),
                edge(slot.to),
                rate(slot.rate())
            ),
        };
        let most = rate(slots.iter().map(Slot::rate).max().unwrap_or(0));
        let range = format!("{} to {} UTC", edge(first.from), edge(last.to));
        Chart {
            id: "throughput",
            caption: "Transactions a second",
            bars: slots.iter().map(bar).collect(),
            summary: format!("At most {most} transactions a second, from {range}"),
            most,
            least: "0",
            range,
        }
        .draw()
    }

    fn block_table(&self) -> Markup {
        let row = |block: &Block| {
            let known = |figure: Option<String>| html! { span .number { (figure.unwrap_or_else(|| "not known".to_owned())) } };
            let latency = self.certified_after.get(&block.height);
            vec![
                parts::block(block.height),
                html! { span .number { (parts::number(block.transaction_count)) } },
                known(latency.map(|took| parts::number(took.as_millis()))),
                known(self.sizes.get(&block.height).map(parts::number)),
            ]
        };
        let rows = self.blocks.iter().map(row).collect();
        let columns = ["Block", "Transactions", "Latency (ms)", "Size (bytes)"];
        parts::table("block-figures", &columns, rows, "None.")
    }

    fn throughput_table(&self) -> Markup {
        let row = |slot: &Slot| {
            vec![
                parts::time(slot.from),
                parts::time(slot.to),
                html! { span .number { (parts::number(slot.transactions)) } },
                html! { span .number { (rate(slot.rate())) } },
            ]
        };
        let rows = self.slots().iter().rev().map(row).collect();
        let columns = ["From (UTC)", "To (UTC)", "Transactions", "A second"];
        parts::table("throughput-figures", &columns, rows, "None.")
    }
}

fn milliseconds(figure: u64) -> String {
    format!("{} ms", parts::number(figure))
}

/// Thousandths of a transaction a second, with as many digits as tell anything.
fn rate(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    match whole {
        0 if rest == 0 => "0".to_owned(),
        0 => format!("0.{rest:03}"),
        1..100 => format!("{whole}.{}", rest / 100),
        _ => parts::number(whole),
    }
}

/// Bytes, cut to what an axis has room for.
fn rounded_bytes(bytes: u64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!(
            "{}.{} MB",
            parts::number(bytes / 1_000_000),
            bytes % 1_000_000 / 100_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Digest, Epoch};

    use super::*;

    fn block(height: u64, timestamp: u64, transaction_count: u32) -> Block {
        Block {
            network: Digest::ZERO,
            height: Height(height),
            hash: Digest::ZERO,
            previous: Digest::ZERO,
            chain_root: Digest::ZERO,
            proposal: Digest::ZERO,
            next_committee: Digest::ZERO,
            epoch: Epoch(0),
            timestamp: Timestamp(timestamp),
            protocol: 1,
            log_size: 0,
            log_root: Digest::ZERO,
            state_root: Digest::ZERO,
            transaction_count,
            transactions: Vec::new(),
            seals: Vec::new(),
        }
    }

    fn slots(blocks: &[Block]) -> Vec<(u64, u64, u64, u64)> {
        let activity = Activity {
            blocks,
            sizes: &BTreeMap::new(),
            certified_after: &BTreeMap::new(),
        };
        let slots = activity.slots();
        slots
            .iter()
            .map(|slot| (slot.from.0, slot.to.0, slot.transactions, slot.rate()))
            .collect()
    }

    #[test]
    fn every_transaction_but_the_oldest_blocks_is_in_one_piece_of_time() {
        // A busy second, and one that has just begun.
        let busy = [
            block(4, 1_700, 30),
            block(3, 900, 20),
            block(2, 650, 10),
            block(1, 500, 99),
        ];
        assert_eq!(slots(&busy), [(500, 700, 10, 50_000), (700, 1_700, 50, 50_000)]);
        // Times that differ by the least that they can.
        assert_eq!(slots(&[block(2, 8, 3), block(1, 7, 1)]), [(7, 8, 3, 3_000_000)]);
        // A chain that is idle for days: 24 pieces, and nothing is lost.
        let day = 86_400_000;
        let idle = [block(3, 9 * day, 5), block(2, 2 * day, 7), block(1, day, 1)];
        let idle = slots(&idle);
        assert_eq!(idle.len() as u64, SLOTS);
        assert_eq!(idle.iter().map(|slot| slot.2).sum::<u64>(), 12);
        assert!(idle.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert_eq!((idle[0].0, idle[idle.len() - 1].1), (day, 9 * day));
        assert_eq!(slots(&[block(1, 7, 1)]), []);
    }

    #[test]
    fn figures_are_as_long_as_they_tell_anything() {
        for (thousandths, text) in [
            (0, "0"),
            (4, "0.004"),
            (1_250, "1.2"),
            (99_999, "99.9"),
            (1_234_567, "1,234"),
        ] {
            assert_eq!(rate(thousandths), text);
        }
        for (bytes, text) in [
            (999, "999 B"),
            (1_050, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_234_567_890, "1,234.5 MB"),
        ] {
            assert_eq!(rounded_bytes(bytes), text);
        }
    }

    #[test]
    fn bars_are_as_high_as_their_figures_and_what_is_not_known_has_none() {
        let bar = |figure| Bar {
            figure,
            told: String::new(),
        };
        let chart = Chart {
            id: "some",
            caption: "Some",
            bars: [Some(0), Some(1), None, Some(u64::MAX)].map(bar).into(),
            most: String::new(),
            least: "0",
            range: String::new(),
            summary: "Four".to_owned(),
        };
        let drawn = chart.draw().into_string();
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(
            drawn.contains("x=\"0\" y=\"39\" width=\"4\" height=\"1\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("x=\"15\" y=\"0\" width=\"4\" height=\"40\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("aria-labelledby=\"some-title some-detail\""),
            "{drawn}"
        );
        assert!(drawn.contains("<desc id=\"some-detail\">Four</desc>"), "{drawn}");
    }
}
