//! Parts of a request, read strictly: what is malformed is refused with what is wrong and what was
//! expected.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use quorate_client::schema::{Hold, OCTET_STREAM, OperationKind};
use quorate_client::{TransactionFilter, When};
use quorate_ledger::{Address, AssetCode, Digest, Height, HoldRef, StateKey, Timestamp, visible};
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::config::{DEFAULT_PAGE, MAX_PAGE};
use crate::cursor::ListTag;
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
        Ok(self.limit_up_to(MAX_PAGE)?.unwrap_or(DEFAULT_PAGE))
    }

    /// The size that is asked for, of what has at most so many items.
    pub(crate) fn limit_up_to(&self, most: usize) -> Result<Option<usize>, Failure> {
        let Some(limit) = self.number("limit", "malformed_limit")? else {
            return Ok(None);
        };
        match usize::try_from(limit) {
            Ok(limit) if (1..=most).contains(&limit) => Ok(Some(limit)),
            _ => {
                let detail = format!("`limit` is {limit}; a page has 1 to {most} items");
                Err(Failure::malformed("malformed_limit", detail))
            }
        }
    }

    /// The place where a list goes on, as its cursor says, which `read` understands or refuses.
    pub(crate) fn cursor<T>(
        &self,
        list: &ListTag,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let cursor = self.text("cursor");
        cursor.map(|text| list.place(text, read)).transpose()
    }

    /// Which transactions a list is to have.
    pub(crate) fn filter(&self) -> Result<TransactionFilter, Failure> {
        Ok(TransactionFilter {
            account: self.text("account").map(address).transpose()?,
            sender: self.text("sender").map(address).transpose()?,
            asset: self.text("asset").map(asset_code).transpose()?,
            kind: self.text("kind").map(operation_kind).transpose()?,
            from: self.when("from")?,
            to: self.when("to")?,
        })
    }

    /// The same parameters, each with the value that `spell` makes of its name and value.
    pub(crate) fn spelt(&self, spell: impl Fn(&str, &str) -> String) -> Self {
        let spelt = self.0.iter().map(|(key, value)| (key.clone(), spell(key, value)));
        Self(spelt.collect())
    }

    /// Refuses a parameter that is none of these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Failure> {
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(unknown_parameter(unknown, known)),
            None => Ok(()),
        }
    }

    pub(crate) fn when(&self, key: &str) -> Result<Option<When>, Failure> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        // In a query a plus sign means a space, and nothing else in a time does.
        let when = text.replace(' ', "+").parse().map_err(|error| {
            let detail = format!("`{key}` is `{}`: {error}", shown(text));
            Failure::malformed("malformed_range", detail)
        })?;
        Ok(Some(when))
    }

    /// A time in RFC 3339; none if it is not given.
    pub(crate) fn time(&self, key: &str) -> Result<Option<Timestamp>, Failure> {
        match self.when(key)? {
            None => Ok(None),
            Some(When::Time(time)) => Ok(Some(time)),
            Some(When::Height(height)) => {
                let detail = format!(
                    "`{key}` is `{height}`: expected a time such as 2026-03-01T09:00:00Z; a block's time is in it"
                );
                Err(Failure::malformed("malformed_range", detail))
            }
        }
    }
}

/// The parameters in the query that each call has, as its description says. What is misspelt would otherwise be left
/// out without a word.
pub(crate) struct Known {
    get: BTreeMap<String, BTreeSet<String>>,
    post: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let by_path = |operation: fn(&PathItem) -> &Option<Operation>| {
            let paths = document.paths.paths.iter();
            let calls = paths.filter_map(|(path, item)| Some((path, operation(item).as_ref()?)));
            calls
                .map(|(path, call)| (path.clone(), query_parameters(call)))
                .collect()
        };
        Self {
            get: by_path(|item| &item.get),
            post: by_path(|item| &item.post),
        }
    }

    /// Refuses a query with a parameter that the call does not have. Pages are no calls.
    pub(crate) fn check(&self, method: &Method, path: &str, query: &str) -> Result<(), Failure> {
        let known = match *method {
            Method::GET | Method::HEAD => self.get.get(path),
            Method::POST => self.post.get(path),
            _ => None,
        };
        let Some(known) = known else {
            return Ok(());
        };
        let keys = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split('=').next().unwrap_or_default());
        let Some(unknown) = keys.into_iter().find(|key| !known.contains(*key)) else {
            return Ok(());
        };
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        Err(unknown_parameter(unknown, &names))
    }
}

fn unknown_parameter(unknown: &str, known: &[&str]) -> Failure {
    let names = match known {
        [] => "none".to_owned(),
        known => known.join(", "),
    };
    let detail = format!("this call has no parameter `{}`; it has: {names}", shown(unknown));
    Failure::malformed("unknown_parameter", detail)
}

fn query_parameters(call: &Operation) -> BTreeSet<String> {
    let parameters = call.parameters.iter().flatten();
    let names = parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    });
    names.collect()
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

/// A key of the state: 32 bytes in hex.
pub(crate) fn state_key(text: &str) -> Result<StateKey, Failure> {
    let key = Digest::from_str(text).map_err(|_| {
        let detail = format!(
            "`{}` is not a key of the state, which is 64 hexadecimal digits",
            shown(text)
        );
        Failure::malformed("malformed_key", detail)
    })?;
    Ok(StateKey(key.0))
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

fn operation_kind(text: &str) -> Result<OperationKind, Failure> {
    text.parse().map_err(|_| {
        let known = OperationKind::ALL.map(OperationKind::name).join(", ");
        let detail = format!("`{}` is no kind of operation; there are: {known}", shown(text));
        Failure::malformed("malformed_kind", detail)
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

/// Where a transaction is on the chain. Orders as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) height: Height,
    /// Among the block's executed transactions, from 0.
    pub(crate) index: u32,
}

impl Place {
    /// Reads what [`Place`] writes.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (height, index) = text.split_once('.')?;
        Some(Self {
            height: Height(whole_number(height)?),
            index: whole_number(index)?.try_into().ok()?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.height, self.index)
    }
}

/// Reads what [`write_record_place`] writes.
pub(crate) fn record_place(text: &str) -> Option<RecordPlace> {
    let (ordinal, operation) = text.split_once('.')?;
    Some(RecordPlace {
        ordinal: whole_number(ordinal)?,
        operation: whole_number(operation)?.try_into().ok()?,
    })
}

pub(crate) fn write_record_place(place: RecordPlace) -> String {
    format!("{}.{}", place.ordinal, place.operation)
}

/// Reads what [`write_hold_place`] writes, of a hold that this account owns.
pub(crate) fn hold_place(owner: Address, text: &str) -> Option<HoldRef> {
    let (transaction, operation) = text.split_once('.')?;
    Some(HoldRef {
        owner,
        transaction: transaction.parse().ok()?,
        operation: whole_number(operation)?.try_into().ok()?,
    })
}

/// Where an account's list of holds goes on after this one: its owner is that account.
pub(crate) fn write_hold_place(last: &Hold) -> String {
    format!("{}.{}", last.name.transaction, last.name.operation)
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
