//! Parts of a request, read strictly: what is malformed is refused with what is wrong and what was
//! expected.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use quorate_client::schema::{DocumentRecord, OCTET_STREAM};
use quorate_ledger::{Address, AssetCode, Digest, Height, visible};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{OpenApi, RefOr};

use crate::config::{DEFAULT_PAGE, MAX_PAGE};
use crate::node::{BlockRef, RecordPlace};
use crate::problem::Failure;

/// The last segment of a path that names something.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name)).map_err(|_| Failure::NoSuchCall)
    }
}

/// The query. A key may be given once; those that a call does not have are refused before it ([`Known`]).
pub(crate) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) =
            query.map_err(|_| Failure::malformed("malformed_query", "the query is not readable"))?;
        let mut params = BTreeMap::new();
        for (key, value) in pairs {
            if params.insert(key.clone(), value).is_some() {
                let detail = format!("`{}` is given twice", shown(&key));
                return Err(Failure::malformed("malformed_query", detail));
            }
        }
        Ok(Self(params))
    }
}

impl Params {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A decimal number.
    pub(crate) fn number(&self, key: &str, code: &'static str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        let number = whole_number(text).ok_or_else(|| {
            Failure::malformed(code, format!("`{key}` is not a whole number: `{}`", shown(text)))
        })?;
        Ok(Some(number))
    }

    pub(crate) fn min_height(&self) -> Result<Option<Height>, Failure> {
        Ok(self.number("min_height", "malformed_min_height")?.map(Height))
    }

    /// The page's size.
    pub(crate) fn limit(&self) -> Result<usize, Failure> {
        let Some(limit) = self.number("limit", "malformed_limit")? else {
            return Ok(DEFAULT_PAGE);
        };
        match usize::try_from(limit) {
            Ok(limit @ 1..=MAX_PAGE) => Ok(limit),
            _ => {
                let detail = format!("`limit` is {limit}; a page has 1 to {MAX_PAGE} items");
                Err(Failure::malformed("malformed_limit", detail))
            }
        }
    }

    /// The cursor, which `read` understands or refuses.
    pub(crate) fn cursor<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Failure> {
        let Some(text) = self.text("cursor") else {
            return Ok(None);
        };
        let cursor = read(text).ok_or_else(|| {
            let detail = format!(
                "`{}` is not a cursor of this list: give `next` of the page before",
                shown(text)
            );
            Failure::malformed("malformed_cursor", detail)
        })?;
        Ok(Some(cursor))
    }
}

/// The parameters in the query that each call has, by its path, as its description says. What is misspelt would
/// otherwise be left out without a word.
pub(crate) struct Known(BTreeMap<String, BTreeSet<String>>);

impl Known {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        let of_path = paths.map(|(path, item)| {
            let operations = [&item.get, &item.post].into_iter().flatten();
            let parameters = operations.flat_map(|operation| operation.parameters.iter().flatten());
            let names = parameters.filter_map(|parameter| match parameter {
                RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                    Some(parameter.name.clone())
                }
                _ => None,
            });
            (path.clone(), names.collect())
        });
        Self(of_path.collect())
    }

    /// Refuses a query with a parameter that the call of this path does not have. Pages are no calls.
    pub(crate) fn check(&self, path: &str, query: &str) -> Result<(), Failure> {
        let Some(known) = self.0.get(path) else {
            return Ok(());
        };
        let keys = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split('=').next().unwrap_or_default());
        let Some(unknown) = keys.into_iter().find(|key| !known.contains(*key)) else {
            return Ok(());
        };
        let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
        if names.is_empty() {
            names.push("none");
        }
        let detail = format!(
            "this call has no parameter `{}`; it has: {}",
            shown(unknown),
            names.join(", ")
        );
        Err(Failure::malformed("unknown_parameter", detail))
    }
}

/// Decimal digits and nothing else, within 64 bits.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Text from outside as an answer may quote it: cut, and with what nobody sees as escapes.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let cut: String = text.chars().take(LONGEST).collect();
    let rest = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{rest}", visible(&cut))
}

pub(crate) fn digest(text: &str, what: &str) -> Result<Digest, Failure> {
    Digest::from_str(text).map_err(|_| {
        let detail = format!("`{}` is not {what}, which is 64 hexadecimal digits", shown(text));
        Failure::malformed("malformed_hash", detail)
    })
}

pub(crate) fn address(text: &str) -> Result<Address, Failure> {
    Address::from_str(text).map_err(|error| Failure::malformed("malformed_address", error.to_string()))
}

pub(crate) fn asset_code(text: &str) -> Result<AssetCode, Failure> {
    AssetCode::from_str(text).map_err(|error| {
        Failure::malformed(
            "malformed_asset",
            format!("`{}` is not an asset code: {error}", shown(text)),
        )
    })
}

/// A block by height, hash, or `latest`, which is none.
pub(crate) fn block_ref(text: &str) -> Result<Option<BlockRef>, Failure> {
    if text == "latest" {
        return Ok(None);
    }
    if text.len() < 64
        && let Some(height) = whole_number(text)
    {
        return Ok(Some(BlockRef::Height(Height(height))));
    }
    let hash = Digest::from_str(text).map_err(|_| {
        let detail = format!("`{}` is not a height, a block hash or `latest`", shown(text));
        Failure::malformed("malformed_block", detail)
    })?;
    Ok(Some(BlockRef::Hash(hash)))
}

pub(crate) fn record_cursor(text: &str) -> Option<RecordPlace> {
    let mut parts = text.split('.');
    let mut next = || whole_number(parts.next()?);
    let (height, index, operation) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(RecordPlace {
        height: Height(height),
        index: index.try_into().ok()?,
        operation: operation.try_into().ok()?,
    })
}

pub(crate) fn write_record_cursor(last: &DocumentRecord) -> String {
    format!("{}.{}.{}", last.height, last.index, last.operation)
}

/// Whether the client asks for canonical bytes.
pub(crate) fn wants_bytes(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|name| name.trim() == OCTET_STREAM)
    })
}
