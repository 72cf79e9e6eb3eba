//! The block explorer.

use axum::routing::MethodRouter;

use crate::app::App;

/// Every page with its path.
pub(crate) fn pages() -> Vec<(&'static str, MethodRouter<App>)> {
    Vec::new()
}
