//! A bar for each of a few things, with its value above it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{AXIS, COLOURS, short};

/// Bars beside each other.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    title: String,
    up: String,
    bars: Vec<(String, f64, usize)>,
}

impl Bars {
    /// None yet.
    pub(crate) fn new(title: impl Into<String>, up: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            up: up.into(),
            bars: Vec::new(),
        }
    }

    /// Adds a bar in the colour with this number.
    pub(crate) fn bar(mut self, name: impl Into<String>, value: f64, colour: usize) -> Self {
        self.bars.push((name.into(), value, colour));
        self
    }

    pub(super) fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let highest = self.bars.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
        let top = if highest > 0.0 { highest * 1.2 } else { 1.0 };
        let last = self.bars.len().saturating_sub(1);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(AXIS / 2)
            .y_label_area_size(AXIS)
            .build_cartesian_2d((0..last).into_segmented(), 0.0..top)?;
        let name = |place: &SegmentValue<usize>| match place {
            SegmentValue::CenterOf(place) => self.bars.get(*place).map(|(name, _, _)| name.clone()),
            _ => None,
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(1)
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.15))
            .x_labels(self.bars.len())
            .y_desc(&self.up)
            .x_label_formatter(&|place| name(place).unwrap_or_default())
            .y_label_formatter(&|y| short(*y))
            .label_style(("sans-serif", 12))
            .draw()?;
        let above = TextStyle::from(("sans-serif", 12)).pos(Pos::new(HPos::Center, VPos::Bottom));
        for (place, (_, value, colour)) in self.bars.iter().enumerate() {
            let corners = [
                (SegmentValue::Exact(place), 0.0),
                (SegmentValue::Exact(place + 1), *value),
            ];
            let mut bar = Rectangle::new(corners, COLOURS[colour % COLOURS.len()].filled());
            bar.set_margin(0, 0, 25, 25);
            chart.draw_series([bar])?;
            let at = (SegmentValue::CenterOf(place), *value);
            chart.draw_series([Text::new(short(*value), at, above.clone())])?;
        }
        Ok(())
    }
}
