//! `quorate wallet grant`, `revoke`, `freeze`, `unfreeze` and `assign`: what other accounts may do.

use clap::Args;
use quorate_ledger::limits::MAX_REASON_BYTES;
use quorate_ledger::{Address, AssetCode, Operation, Right, Scope};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use super::acting::{ActArgs, Acting, member_text};
use super::send::check_text;

/// Where a right holds.
#[derive(Args, Clone, Debug)]
pub(crate) struct ScopeArgs {
    /// For this member, by its number or name
    #[arg(long = "for-member", value_name = "MEMBER", value_parser = member_text)]
    member: Option<String>,
    /// For this asset
    #[arg(long = "for-asset", value_name = "CODE", conflicts_with = "member")]
    asset: Option<AssetCode>,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet grant qr1… mint --for-asset GOLD --key issuer.key
  quorate wallet grant qr1… administrator --for-member aurora-bank --key member.key

Rights for a member are granted by its account or an administrator of it: administrator,
operator, auditor, issuer. Rights for an asset are granted by its issuer: mint, freeze,
hold-asset. Rights for the network are voted on: quorate gov propose grant.")]
pub(crate) struct GrantArgs {
    /// Who gets it
    #[arg(value_name = "ADDRESS")]
    to: Address,
    /// Which right
    #[arg(value_name = "RIGHT")]
    right: Right,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet revoke qr1… mint --for-asset GOLD --key issuer.key")]
pub(crate) struct RevokeArgs {
    /// Who has it
    #[arg(value_name = "ADDRESS")]
    of: Address,
    /// Which right
    #[arg(value_name = "RIGHT")]
    right: Right,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    act: ActArgs,
}

/// Which account is frozen, and why.
#[derive(Args, Clone, Debug)]
struct FrozenArgs {
    /// Which account
    #[arg(value_name = "ADDRESS")]
    whom: Address,
    /// For this asset alone [default: for all assets]
    #[arg(long, value_name = "CODE")]
    asset: Option<AssetCode>,
    /// Why, which everybody can read until it is erased, at most 256 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet freeze qr1… --asset GOLD --reason 'court order 17/2026' --key issuer.key

For an asset that can be frozen its issuer freezes, or who has the right for it; for all assets
who has the right for the network. A frozen account sends, holds and burns nothing of it.")]
pub(crate) struct FreezeArgs {
    #[command(flatten)]
    frozen: FrozenArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet unfreeze qr1… --asset GOLD --key issuer.key")]
pub(crate) struct UnfreezeArgs {
    #[command(flatten)]
    frozen: FrozenArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet assign qr1… --to aurora-bank --account qr1member… --out assign.qtx
  quorate wallet assign qr1… --to-none --key account.key

An account becomes a member's with the signatures of both: with --out the file is signed by the
member's administrator and by the account, each where its key is. It then acts within the
member's quota, and what accounts without a member may not do it may.")]
pub(crate) struct AssignArgs {
    /// Which account
    #[arg(value_name = "ADDRESS")]
    whom: Address,
    /// Make it an account of this member, by its number or name
    #[arg(long, value_name = "MEMBER", value_parser = member_text, required_unless_present = "to_none")]
    to: Option<String>,
    /// Make it an account of no member
    #[arg(long, conflicts_with = "to")]
    to_none: bool,
    #[command(flatten)]
    act: ActArgs,
}

impl ScopeArgs {
    /// The scope that is meant; `network` where none is named, if that is possible.
    pub(crate) async fn scope(&self, acting: &Acting<'_>) -> Result<Scope, Failure> {
        Ok(match (&self.member, self.asset) {
            (Some(member), _) => Scope::Member(acting.member_number(member).await?),
            (None, Some(asset)) => Scope::Asset(asset),
            (None, None) => Scope::Network,
        })
    }

    /// Refuses what only a vote can grant.
    fn check(&self) -> Result<(), Failure> {
        if self.member.is_some() || self.asset.is_some() {
            return Ok(());
        }
        Err(
            Failure::usage("say for what: --for-member MEMBER or --for-asset CODE")
                .hint("rights for the whole network are voted on: quorate gov propose grant"),
        )
    }
}

/// Checks that a right exists in a scope.
pub(crate) fn check_legal(right: Right, scope: &Scope) -> Result<(), Failure> {
    scope.check_legal_for(right).map_err(Failure::usage)
}

/// Grants a right.
pub(crate) async fn grant(args: &GrantArgs, output: &Output) -> Result<(), Failure> {
    args.scope.check()?;
    let acting = args.act.begin().await?;
    let scope = args.scope.scope(&acting).await?;
    check_legal(args.right, &scope)?;
    let operation = Operation::Grant {
        account: args.to,
        right: args.right,
        scope,
    };
    acting.act(operation, "", output).await
}

/// Takes a right back.
pub(crate) async fn revoke(args: &RevokeArgs, output: &Output) -> Result<(), Failure> {
    args.scope.check()?;
    let acting = args.act.begin().await?;
    let scope = args.scope.scope(&acting).await?;
    check_legal(args.right, &scope)?;
    let operation = Operation::Revoke {
        account: args.of,
        right: args.right,
        scope,
    };
    acting.act(operation, "", output).await
}

/// Freezes an account.
pub(crate) async fn freeze(args: &FreezeArgs, output: &Output) -> Result<(), Failure> {
    let FrozenArgs { whom, asset, .. } = args.frozen;
    let operation = Operation::Freeze { account: whom, asset };
    args.frozen.act(operation, output).await
}

/// Ends that.
pub(crate) async fn unfreeze(args: &UnfreezeArgs, output: &Output) -> Result<(), Failure> {
    let FrozenArgs { whom, asset, .. } = args.frozen;
    let operation = Operation::Unfreeze { account: whom, asset };
    args.frozen.act(operation, output).await
}

impl FrozenArgs {
    async fn act(&self, operation: Operation, output: &Output) -> Result<(), Failure> {
        check_text("reason", &self.reason, MAX_REASON_BYTES)?;
        let acting = self.act.begin().await?;
        acting.act(operation, &self.reason, output).await
    }
}

/// Makes an account a member's, or nobody's.
pub(crate) async fn assign(args: &AssignArgs, output: &Output) -> Result<(), Failure> {
    let acting = args.act.begin().await?;
    let member = match &args.to {
        Some(member) => Some(acting.member_number(member).await?),
        None => None,
    };
    // To a member it comes with the consent of both.
    let party = member.map(|_| args.whom);
    if party.is_some_and(|party| party != acting.account) && acting.signs_here() {
        return Err(Failure::usage(
            "the account and somebody who speaks for the member both sign this: nothing was sent",
        )
        .hint("write it with --out FILE, and have each sign it: quorate wallet sign FILE"));
    }
    let operation = Operation::Assign {
        account: args.whom,
        member,
    };
    acting.act_with(operation, party, "", output).await
}
