//! Rights and scopes in documents (`docs/formats-2.md`, sections 15 and 16).

use quorate_crypto_second::MemberNumber;
use quorate_ledger_second::{Right, Scope};

use crate::Problem;
use crate::text::shown;

/// Every right with its one name, in the order of their numbers.
const RIGHTS: [(&str, Right); 10] = [
    ("administrator", Right::Administrate),
    ("operator", Right::Operate),
    ("auditor", Right::Audit),
    ("participant", Right::Participate),
    ("issuer", Right::CreateAsset),
    ("mint", Right::Mint),
    ("freeze", Right::Freeze),
    ("put-record", Right::PutRecord),
    ("hold-asset", Right::HoldAsset),
    ("erase", Right::Erase),
];

/// The names of all rights, for a message.
pub(crate) fn all() -> String {
    RIGHTS.map(|(name, _)| name).join(", ")
}

/// The name of a right.
pub(crate) fn right_text(right: Right) -> &'static str {
    match right {
        Right::Administrate => "administrator",
        Right::Operate => "operator",
        Right::Audit => "auditor",
        Right::Participate => "participant",
        Right::CreateAsset => "issuer",
        Right::Mint => "mint",
        Right::Freeze => "freeze",
        Right::PutRecord => "put-record",
        Right::HoldAsset => "hold-asset",
        Right::Erase => "erase",
    }
}

/// Reads the name of a right.
pub(crate) fn parse_right(text: &str) -> Result<Right, Problem> {
    let mut rights = RIGHTS.into_iter();
    rights
        .find(|(name, _)| *name == text)
        .map(|(_, right)| right)
        .ok_or_else(|| Problem::NotARight { text: shown(text) })
}

/// A scope in a network of these members; one of a member that is not there has a text that nobody reads.
pub(crate) fn scope_text(scope: &Scope, members: &[String]) -> String {
    match scope {
        Scope::Network => "network".to_owned(),
        Scope::Member(number) => format!("member:{}", member_name(*number, members)),
        Scope::Asset(code) => format!("asset:{code}"),
    }
}

/// A member's name, or nothing where there is no such member.
pub(crate) fn member_name(number: MemberNumber, members: &[String]) -> &str {
    let place = usize::try_from(number.0).ok();
    place
        .and_then(|place| members.get(place))
        .map_or("", String::as_str)
}

/// Refuses a scope that is not legal for the right (section 15, Rights).
pub(crate) fn check_scope(right: Right, scope: &Scope) -> Result<(), Problem> {
    let (network, member, asset) = match right {
        Right::Administrate | Right::Operate => (false, true, false),
        Right::Audit | Right::CreateAsset => (true, true, false),
        Right::Participate | Right::PutRecord | Right::Erase => (true, false, false),
        Right::Mint | Right::HoldAsset => (false, false, true),
        Right::Freeze => (true, false, true),
    };
    let (is_legal, got) = match scope {
        Scope::Network => (network, "the network"),
        Scope::Member(_) => (member, "a member"),
        Scope::Asset(_) => (asset, "an asset"),
    };
    if is_legal {
        return Ok(());
    }
    let legal = match (network, member, asset) {
        (true, true, _) => "the network or a member",
        (true, _, true) => "the network or an asset",
        (true, ..) => "the network",
        (_, true, _) => "a member",
        _ => "an asset",
    };
    Err(Problem::ScopeNotLegal {
        right: right_text(right),
        legal,
        got,
    })
}
