//! Where a page stands. Its links are relative, as behind a proxy only the browser knows under which path the
//! explorer is served.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;

/// The path of a request, as the page there sees it.
pub(crate) struct Here {
    root: String,
    own: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri))
    }
}

impl Here {
    fn of(uri: &Uri) -> Self {
        let depth = uri.path().matches('/').count().saturating_sub(1);
        let root = match depth {
            0 => "./".to_owned(),
            depth => "../".repeat(depth),
        };
        let whole = uri.path_and_query().map_or("/", |whole| whole.as_str());
        Self {
            root,
            // With the dot it is a path even if it begins like a scheme or a host.
            own: format!(".{whole}"),
        }
    }

    /// The way from here to the explorer's root; it ends in a slash.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The way from the root to here, for a link within the page.
    pub(super) fn own(&self) -> &str {
        &self.own
    }

    /// The way from here to a page with this path below the root.
    pub(super) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_root_is_as_long_as_the_path_is_deep() {
        for (path, root, own) in [
            ("/", "./", "./"),
            ("/blocks?cursor=7", "./", "./blocks?cursor=7"),
            ("/blocks/3?from=100", "../", "./blocks/3?from=100"),
            ("/a/b/", "../../", "./a/b/"),
            ("//elsewhere.example/a", "../../", ".//elsewhere.example/a"),
            ("/javascript:alert(1)", "./", "./javascript:alert(1)"),
        ] {
            let here = Here::of(&path.parse().unwrap());
            assert_eq!((here.root(), here.own()), (root, own), "{path}");
        }
    }
}
