//! What the HTTP listeners have answered, by route.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quorate_storage::{Durations, DurationsReading};

/// Routes that are told apart: there are fewer, as a route is the template of a path and no path.
const MAX_ROUTES: usize = 128;
/// Status codes of one route that are told apart, likewise.
const MAX_CODES: usize = 32;

/// Calls by route and code, and how long they took by route.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    routes: Mutex<BTreeMap<String, Route>>,
}

#[derive(Debug, Default)]
struct Route {
    codes: BTreeMap<u16, u64>,
    took: Durations,
}

/// What was counted of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteReading {
    pub(crate) route: String,
    pub(crate) codes: Vec<(u16, u64)>,
    pub(crate) took: DurationsReading,
}

impl Answered {
    /// Counts an answer.
    pub(crate) fn note(&self, route: &str, status: u16, took: Duration) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            if routes.len() >= MAX_ROUTES {
                return;
            }
            routes.insert(route.to_owned(), Route::default());
        }
        let Some(route) = routes.get_mut(route) else {
            return;
        };
        route.took.add(took);
        if route.codes.contains_key(&status) || route.codes.len() < MAX_CODES {
            *route.codes.entry(status).or_default() += 1;
        }
    }

    /// What was counted, in the order of the routes.
    pub(crate) fn read(&self) -> Vec<RouteReading> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = |(route, counted): (&String, &Route)| RouteReading {
            route: route.clone(),
            codes: counted
                .codes
                .iter()
                .map(|(code, count)| (*code, *count))
                .collect(),
            took: counted.took.read(),
        };
        routes.iter().map(reading).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_route_and_code_within_bounds() {
        let answered = Answered::default();
        for (status, ms) in [(200, 1), (200, 2), (404, 30)] {
            answered.note("/v1/blocks/{block}", status, Duration::from_millis(ms));
        }
        for number in 0..2 * MAX_ROUTES {
            answered.note(&format!("/{number}"), 200, Duration::ZERO);
        }
        let read = answered.read();
        assert_eq!(read.len(), MAX_ROUTES);
        let blocks = read.iter().find(|route| route.route.starts_with("/v1")).unwrap();
        assert_eq!(blocks.codes, [(200, 2), (404, 1)]);
        assert_eq!((blocks.took.count, blocks.took.sum_us), (3, 33_000));
    }
}
