//! Rights and scopes in documents (`docs/formats.md`, sections 15 and 16).

use quorate_crypto::MemberNumber;
use quorate_ledger::{Right, Scope};

use crate::Problem;
use crate::text::shown;

/// The names of all rights, for a message.
pub(crate) fn all() -> String {
    Right::ALL.map(Right::name).join(", ")
}

/// Reads the name of a right.
pub(crate) fn parse_right(text: &str) -> Result<Right, Problem> {
    text.parse().map_err(|_| Problem::NotARight { text: shown(text) })
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
    if scope.legal_for(right) {
        return Ok(());
    }
    Err(Problem::ScopeNotLegal {
        right: right.name(),
        legal: match right {
            Right::Administrate | Right::Operate => "a member",
            Right::Audit | Right::CreateAsset => "the network or a member",
            Right::Participate | Right::PutRecord | Right::Erase => "the network",
            Right::Mint | Right::HoldAsset => "an asset",
            Right::Freeze => "the network or an asset",
        },
        got: match scope {
            Scope::Network => "the network",
            Scope::Member(_) => "a member",
            Scope::Asset(_) => "an asset",
        },
    })
}
