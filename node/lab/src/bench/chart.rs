//! Charts of what a benchmark found, as one SVG file: lines over a common axis, or bars, one panel below the
//! other.

mod bars;

use std::path::{Path, PathBuf};

pub(crate) use bars::Bars;
use clap::Args;
use plotters::prelude::*;
use quorate_tools::failure::Failure;

/// Width of a chart, in pixels.
const WIDTH: u32 = 900;

/// Height of each panel, in pixels.
const PANEL_HEIGHT: u32 = 300;

/// Pixels for the numbers beside an axis.
const AXIS: u32 = 60;

/// Colours that stay apart for the colour-blind (Okabe and Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];

/// Where a chart goes, for every benchmark alike.
#[derive(Args, Clone, Debug)]
pub(crate) struct ChartArgs {
    /// Draw what was found too, as SVG
    #[arg(long = "chart", value_name = "FILE.svg", env = "QUORATE_CHART")]
    file: Option<PathBuf>,
}

/// A panel of either kind.
#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    /// Lines over one axis.
    Lines(Panel),
    /// Bars beside each other.
    Bars(Bars),
}

/// Lines over one axis.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    title: String,
    across: String,
    up: String,
    logarithmic: bool,
    legend_below: bool,
    series: Vec<(String, Vec<(f64, f64)>)>,
}

impl ChartArgs {
    /// Refuses a file that cannot be written, before there is something to lose.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        check_svg(file)
    }

    /// Draws the panels, if that was asked for.
    pub(crate) fn draw(&self, panels: &[Panel]) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let panels: Vec<Drawn> = panels.iter().cloned().map(Drawn::Lines).collect();
        write(file, &panels)
    }
}

/// Refuses a file that is to hold a chart and has another ending or no folder.
pub(crate) fn check_svg(file: &Path) -> Result<(), Failure> {
    if file.extension().is_none_or(|extension| extension != "svg") {
        return Err(Failure::usage(format!(
            "{} does not end in .svg: charts are drawn in no other format",
            file.display()
        )));
    }
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{} is not a directory",
            folder.display()
        )))
    }
}

/// Draws panels into a file.
pub(crate) fn write(file: &Path, panels: &[Drawn]) -> Result<(), Failure> {
    let svg = draw(panels).map_err(|reason| Failure::failed(format!("{}: {reason}", file.display())))?;
    std::fs::write(file, svg).map_err(|error| Failure::unwritable(file, &error))
}

impl Panel {
    /// A panel without lines, and what its axes count.
    pub(crate) fn new(title: impl Into<String>, across: impl Into<String>, up: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            across: across.into(),
            up: up.into(),
            logarithmic: false,
            legend_below: false,
            series: Vec::new(),
        }
    }

    /// Each power of ten across takes the same room; zero and less are left out.
    pub(crate) fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    /// The lines' names stand in the lower corner: the lines rise.
    pub(crate) fn legend_below(mut self) -> Self {
        self.legend_below = true;
        self
    }

    /// Adds a line.
    pub(crate) fn series(mut self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.series.push((name.into(), points));
        self
    }

    /// The points as they are drawn.
    fn placed(&self) -> Vec<(&str, Vec<(f64, f64)>)> {
        let place = |(x, y): &(f64, f64)| match self.logarithmic {
            true => (*x > 0.0).then(|| (x.log10(), *y)),
            false => Some((*x, *y)),
        };
        self.series
            .iter()
            .map(|(name, points)| (name.as_str(), points.iter().filter_map(place).collect()))
            .collect()
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let series = self.placed();
        let points = || series.iter().flat_map(|(_, points)| points);
        let (left, right) = bounds(points().map(|(x, _)| *x));
        let top = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let top = if top > 0.0 { top * 1.25 } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(AXIS * 2 / 3)
            .y_label_area_size(AXIS)
            .build_cartesian_2d(left..right, 0.0..top)?;
        let across = |x: &f64| match self.logarithmic {
            // Only whole powers of ten are round numbers, but a short axis has few of them.
            true if (x - x.round()).abs() < 1e-6 || right - left < 2.0 => short(10_f64.powf(*x)),
            true => String::new(),
            false => short(*x),
        };
        chart
            .configure_mesh()
            .max_light_lines(1)
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.15))
            .x_desc(&self.across)
            .y_desc(&self.up)
            .x_label_formatter(&across)
            .y_label_formatter(&|y| short(*y))
            .label_style(("sans-serif", 12))
            .draw()?;
        for ((name, points), colour) in series.iter().zip(COLOURS.iter().cycle()) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 12))
            .position(match self.legend_below {
                true => SeriesLabelPosition::LowerRight,
                false => SeriesLabelPosition::UpperRight,
            })
            .draw()
    }
}

/// The smallest range that holds all values, and is one.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    match low < high {
        true => (low, high),
        false if low.is_finite() => (low - 0.5, low + 0.5),
        false => (0.0, 1.0),
    }
}

/// A number with few digits.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        large if large >= 1e9 => (value / 1e9, "G"),
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        large if large >= 100.0 => 0,
        large if large >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{scaled:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text.as_str(),
    };
    format!("{text}{unit}")
}

fn draw(panels: &[Drawn]) -> Result<String, String> {
    let height = PANEL_HEIGHT * u32::try_from(panels.len().max(1)).map_err(|error| error.to_string())?;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| error.to_string())?;
        for (area, panel) in root.split_evenly((panels.len().max(1), 1)).iter().zip(panels) {
            let drawn = match panel {
                Drawn::Lines(panel) => panel.draw(area),
                Drawn::Bars(bars) => bars.draw(area),
            };
            drawn.map_err(|error| error.to_string())?;
        }
        root.present().map_err(|error| error.to_string())?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_names_its_lines_and_axes() {
        let committed = vec![(0.0, 1.0), (1.0, 3.0)];
        let lines = Panel::new("Throughput", "s", "transactions/s").series("committed", committed);
        let panels = [
            Drawn::Lines(lines),
            Drawn::Lines(Panel::new("Nothing", "s", "ms")),
            Drawn::Bars(
                Bars::new("Cost", "messages")
                    .bar("PBFT 4", 36.0, 0)
                    .bar("Raft 3", 16.0, 1),
            ),
            Drawn::Bars(Bars::new("None", "messages")),
        ];
        let svg = draw(&panels).unwrap();
        for word in [
            "<svg",
            "Throughput",
            "transactions/s",
            "committed",
            "Nothing",
            "PBFT 4",
            "36",
        ] {
            assert!(svg.contains(word), "{word} is missing in {svg}");
        }
    }

    #[test]
    fn numbers_beside_axes_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (100.0, "100"),
            (12_300.0, "12.3k"),
            (2e6, "2M"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn a_logarithmic_axis_leaves_zero_out() {
        let panel = Panel::new("", "", "")
            .logarithmic()
            .series("a", vec![(0.0, 1.0), (10.0, 2.0)]);
        assert_eq!(panel.placed(), [("a", vec![(1.0, 2.0)])]);
    }

    #[test]
    fn a_chart_goes_into_an_svg_file_of_a_folder_that_is_there() {
        let args = |file: &str| ChartArgs {
            file: Some(file.into()),
        };
        assert!(args("chart.svg").check().is_ok());
        assert!(args("chart.png").check().is_err());
        assert!(args("no/such/folder/chart.svg").check().is_err());
    }
}
