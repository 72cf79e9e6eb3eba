//! What `quorate genesis new` is given on the command line: assets, balances, accounts, rights; and how members and
//! scopes are named.

use quorate_client::wallet::parse_amount;
use quorate_crypto::{Address, MemberNumber};
use quorate_genesis::{DraftAccount, DraftAsset, DraftBalance, DraftGrant};
use quorate_ledger::{AssetCode, Right, Scope, encode};
use quorate_tools::failure::Failure;

/// Assets with their first balances.
pub(super) fn assets(assets: &[String], balances: &[String]) -> Result<Vec<DraftAsset>, Failure> {
    let mut made = each("--asset", assets, asset)?;
    for text in balances {
        balance(text, &mut made).map_err(|failure| failure.while_doing(format!("--balance {text}")))?;
    }
    Ok(made)
}

/// Accounts that are members' besides their own, in the order of a draft.
pub(super) fn accounts(texts: &[String], members: &[String]) -> Result<Vec<DraftAccount>, Failure> {
    let mut accounts = each("--account", texts, |text| account(text, members))?;
    accounts.sort_by_key(|account| account.address);
    Ok(accounts)
}

/// Rights from the beginning, in the order of a draft.
pub(super) fn grants(texts: &[String], members: &[String]) -> Result<Vec<DraftGrant>, Failure> {
    let mut grants = each("--grant", texts, |text| grant(text, members))?;
    grants.sort_by_cached_key(encode);
    Ok(grants)
}

/// A member's name; nothing where there is no such member.
pub(super) fn member_name(members: &[String], number: MemberNumber) -> &str {
    let place = usize::try_from(number.0).ok();
    place
        .and_then(|place| members.get(place))
        .map_or("", String::as_str)
}

/// A scope as drafts write it.
pub(super) fn scope_text(members: &[String], scope: &Scope) -> String {
    match scope {
        Scope::Network => "network".to_owned(),
        Scope::Member(number) => format!("member:{}", member_name(members, *number)),
        Scope::Asset(code) => format!("asset:{code}"),
    }
}

fn each<T>(
    option: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let read = |text: &String| read(text).map_err(|failure| failure.while_doing(format!("{option} {text}")));
    texts.iter().map(read).collect()
}

/// `CODE:DECIMALS:ISSUER[:DESCRIPTION]`.
fn asset(text: &str) -> Result<DraftAsset, Failure> {
    let mut parts = text.splitn(4, ':');
    let (Some(code), Some(decimals), Some(issuer)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::usage(
            "expected CODE:DECIMALS:ISSUER or CODE:DECIMALS:ISSUER:DESCRIPTION",
        ));
    };
    Ok(DraftAsset {
        code: code.parse::<AssetCode>().map_err(Failure::usage)?,
        decimals: decimals
            .parse()
            .map_err(|_| Failure::usage(format!("`{decimals}` is not a number of decimals")))?,
        flags: 0,
        issuer: issuer.parse::<Address>().map_err(Failure::usage)?,
        description: parts.next().unwrap_or_default().to_owned(),
        balances: Vec::new(),
    })
}

/// `CODE:ADDRESS:AMOUNT`, of an asset that was given before.
fn balance(text: &str, assets: &mut [DraftAsset]) -> Result<(), Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let [code, address, amount] = parts.as_slice() else {
        return Err(Failure::usage("expected CODE:ADDRESS:AMOUNT"));
    };
    let code: AssetCode = code.parse().map_err(Failure::usage)?;
    let asset = assets
        .iter_mut()
        .find(|asset| asset.code == code)
        .ok_or_else(|| Failure::usage(format!("no --asset {code} is given")))?;
    asset.balances.push(DraftBalance {
        address: address.parse().map_err(Failure::usage)?,
        amount: parse_amount(amount, asset.decimals).map_err(Failure::usage)?,
    });
    Ok(())
}

/// `ADDRESS:MEMBER`.
fn account(text: &str, members: &[String]) -> Result<DraftAccount, Failure> {
    let (address, member) = text
        .split_once(':')
        .ok_or_else(|| Failure::usage("expected ADDRESS:MEMBER"))?;
    Ok(DraftAccount {
        address: address.parse().map_err(Failure::usage)?,
        member: number_of(member, members)?,
    })
}

/// `ADDRESS:RIGHT:SCOPE`.
fn grant(text: &str, members: &[String]) -> Result<DraftGrant, Failure> {
    let mut parts = text.splitn(3, ':');
    let (Some(account), Some(right), Some(scope)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::usage("expected ADDRESS:RIGHT:SCOPE"));
    };
    let rights = Right::ALL.map(Right::name).join(", ");
    let right = right
        .parse::<Right>()
        .map_err(|_| Failure::usage(format!("`{right}` is no right; those that there are: {rights}")))?;
    let scope = match scope.split_once(':') {
        None if scope == "network" => Scope::Network,
        Some(("member", name)) => Scope::Member(number_of(name, members)?),
        Some(("asset", code)) => Scope::Asset(code.parse().map_err(Failure::usage)?),
        _ => {
            let wanted = "expected network, member:NAME or asset:CODE";
            return Err(Failure::usage(format!("`{scope}` is no scope: {wanted}")));
        }
    };
    Ok(DraftGrant {
        account: account.parse().map_err(Failure::usage)?,
        right,
        scope,
    })
}

/// The number of a member, which is its place.
fn number_of(name: &str, members: &[String]) -> Result<MemberNumber, Failure> {
    let place = members.iter().position(|member| member == name);
    place
        .and_then(|place| u32::try_from(place).ok())
        .map(MemberNumber)
        .ok_or_else(|| Failure::usage(format!("no --member {name} is given")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "qr15tzgy4ccda564vjjzu7fkpfxquldr67zfg7ue3";

    fn members() -> Vec<String> {
        ["A", "B"].map(str::to_owned).to_vec()
    }

    #[test]
    fn accounts_and_rights_name_members_by_name_and_come_in_a_drafts_order() {
        let made = accounts(&[format!("{ADDRESS}:B")], &members()).unwrap();
        assert_eq!(made[0].member, MemberNumber(1));
        let texts = [
            "mint:asset:EUR",
            "administrator:member:B",
            "auditor:network",
            "auditor:member:A",
        ];
        let texts = texts.map(|text| format!("{ADDRESS}:{text}"));
        let made = grants(&texts, &members()).unwrap();
        assert!(made.is_sorted_by(|one, other| encode(one) < encode(other)));
        let scopes: Vec<String> = made
            .iter()
            .map(|grant| scope_text(&members(), &grant.scope))
            .collect();
        assert_eq!(scopes, ["member:B", "network", "member:A", "asset:EUR"]);
    }

    #[test]
    fn what_is_no_account_right_or_scope_is_told() {
        for (text, said) in [
            ("mint", "expected ADDRESS:RIGHT:SCOPE"),
            ("mine:network", "no right"),
            ("mint:all", "no scope"),
            ("mint:asset:eur", "asset"),
            ("auditor:member:C", "--member C"),
        ] {
            let failure = grants(&[format!("{ADDRESS}:{text}")], &members()).unwrap_err();
            assert!(failure.to_string().contains(said), "{failure}");
        }
        assert!(accounts(&[ADDRESS.to_owned()], &members()).is_err());
        assert!(accounts(&["qr1:A".to_owned()], &members()).is_err());
    }
}
