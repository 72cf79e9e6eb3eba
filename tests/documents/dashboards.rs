//! The shape of what `docs/operations` has for Grafana and Prometheus; what it asks is tested on a real network.

use std::collections::BTreeSet;

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../docs/operations/dashboard.json");
const ALERTS: &str = include_str!("../../docs/operations/alerts.yaml");
const PAGE: &str = include_str!("../../docs/operations.md");

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Where a panel is: its columns and lines.
fn cells(panel: &Value) -> impl Iterator<Item = (u64, u64)> {
    let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
    let (x, y, w, h) = (at("x"), at("y"), at("w"), at("h"));
    assert!(x + w <= 24, "{panel}");
    (x..x + w).flat_map(move |column| (y..y + h).map(move |line| (column, line)))
}

#[test]
fn every_panel_of_the_dashboard_has_an_id_a_title_a_unit_and_a_description() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut titles, mut taken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut rows = 0;
    for panel in panels {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        assert!(!title.is_empty() && titles.insert(title), "{title}");
        for cell in cells(panel) {
            assert!(taken.insert(cell), "{title} lies on another panel");
        }
        if text(panel, "type") == "row" {
            rows += 1;
            continue;
        }
        let description = text(panel, "description");
        assert!(description.len() > 10 && description.ends_with('.'), "{title}");
        assert!(
            !text(&panel["fieldConfig"]["defaults"], "unit").is_empty(),
            "{title}"
        );
        assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        let mut references = BTreeSet::new();
        for target in targets {
            assert!(references.insert(text(target, "refId")), "{title}");
            assert!(!text(target, "legendFormat").is_empty(), "{title}");
            let expression = text(target, "expr");
            // Else it would mix in the nodes of other networks.
            assert!(expression.contains(r#"job="$job""#), "{title}: {expression}");
        }
    }
    assert!(
        rows >= 7 && panels.len() > 40,
        "{rows} rows, {} panels",
        panels.len()
    );
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<&str> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
}

#[test]
fn the_page_explains_every_alert_with_its_severity() {
    let severities = ALERTS.lines().filter_map(|line| {
        let severity = line.trim().strip_prefix("labels: { severity: ")?;
        severity.strip_suffix(" }")
    });
    let names = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let ruled: Vec<(&str, &str)> = names.zip(severities).collect();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `Quorate"));
    let explained = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() > 3 && !cells[3].is_empty(), "{row}");
        (cells[0].trim_end_matches('`'), cells[1])
    });
    let ruled = ruled.into_iter().map(|(name, severity)| {
        let short = name.strip_prefix("Quorate").unwrap();
        (short, severity)
    });
    let ruled: Vec<_> = ruled.collect();
    assert!(ruled.len() >= 12);
    assert_eq!(explained.collect::<Vec<_>>(), ruled);
}
