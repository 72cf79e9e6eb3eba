//! `quorate wallet hold`, `release` and `refund`: amounts set apart (`docs/formats.md`, section 11).

use std::time::Duration;

use clap::Args;
use quorate_client::text::parse_rfc3339;
use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::limits::MAX_HOLD_MEMO_BYTES;
use quorate_ledger::{Address, AssetCode, Condition, ConditionLeaf, Digest, Operation, Timestamp};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use quorate_tools::wallet::{NodeArgs, check_amount_form};

use super::KeyArgs;
use super::executed::hold_of;
use super::send::{SendArgs, check_text};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet hold --key alice.key --to qr1… --amount 500.00 --asset EUR --lasts 86400
  quorate wallet hold --key alice.key --to qr1… --amount 500.00 --asset EUR \\
      --until 2026-12-31T00:00:00Z --signs qr1… --preimage 9f86… --need 1

Until then whoever shows that the condition is met releases the amount to its beneficiary; from
then on anybody gives it back. The beneficiary can give it back at any time. Without a condition
the holding account's own signature is the condition. The transaction's id and the operation's
index, 0 here, name the hold.")]
pub(crate) struct HoldArgs {
    /// The beneficiary: who is paid if it is released
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    /// How much, in the asset's own decimals
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: String,
    /// Of which asset
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET")]
    asset: AssetCode,
    /// When it ends, in RFC 3339: from then on it can only be given back
    #[arg(long, value_name = "TIME", value_parser = time, required_unless_present = "lasts")]
    until: Option<Timestamp>,
    /// The same, as so many seconds from now
    #[arg(long, value_name = "SECONDS", conflicts_with = "until")]
    lasts: Option<u64>,
    #[command(flatten)]
    condition: ConditionArgs,
    /// A note that everybody can read until it is erased, at most 128 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// What a release needs.
#[derive(Args, Clone, Debug, Default)]
struct ConditionArgs {
    /// This account must be a party of the release; repeatable
    #[arg(long, value_name = "ADDRESS", help_heading = "Condition")]
    signs: Vec<Address>,
    /// The block's time must be this or later, in RFC 3339; repeatable
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Condition")]
    after: Vec<Timestamp>,
    /// 32 bytes with this SHA-256 must be shown, which everybody sees from then on; repeatable
    #[arg(long, value_name = "SHA256", value_parser = super::super::digest, help_heading = "Condition")]
    preimage: Vec<Digest>,
    /// This account must have an own record of this document; repeatable
    #[arg(long, value_name = "SHA256:ADDRESS", value_parser = record, help_heading = "Condition")]
    record: Vec<(Digest, Address)>,
    /// How many of these must be met [default: all]
    #[arg(long, value_name = "N", help_heading = "Condition")]
    need: Option<u8>,
}

/// Which hold, and who acts.
#[derive(Args, Clone, Debug)]
struct WhichArgs {
    /// The transaction that made the hold
    #[arg(value_name = "TRANSACTION", value_parser = super::super::digest)]
    transaction: Digest,
    /// The index of the operation that made it, from 0, if the transaction made several holds
    #[arg(long, value_name = "N")]
    operation: Option<u8>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet release 3f5a… --key alice.key
  quorate wallet release 3f5a… --key bob.key --amount 100.00 --preimage 6c1e…

Without --amount all that is left is paid. A part needs the beneficiary as a party; where it is
not the acting account, build the release with `quorate wallet build`.")]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// How much, in the asset's own decimals [default: all that is left]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    amount: Option<String>,
    /// 32 bytes in hex that the condition asks for by their SHA-256; repeatable
    #[arg(long, value_name = "HEX", value_parser = preimage)]
    preimage: Vec<[u8; 32]>,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet refund 3f5a… --key alice.key

Once the hold has ended anybody can do this; before, its beneficiary alone.")]
pub(crate) struct RefundArgs {
    #[command(flatten)]
    which: WhichArgs,
}

impl ConditionArgs {
    /// The condition of a hold of `owner`.
    fn condition(&self, owner: Address) -> Result<Condition, Failure> {
        let signs = self.signs.iter().copied().map(ConditionLeaf::Signs);
        let after = self.after.iter().copied().map(ConditionLeaf::From);
        let preimages = self.preimage.iter().copied().map(ConditionLeaf::Preimage);
        let records = self.record.iter();
        let records = records.map(|&(sha256, by)| ConditionLeaf::Record { sha256, by });
        let mut leaves: Vec<ConditionLeaf> = signs.chain(after).chain(preimages).chain(records).collect();
        if leaves.is_empty() {
            leaves.push(ConditionLeaf::Signs(owner));
        }
        condition(self.need, leaves)
    }
}

/// The condition that so many of these are met, or all.
pub(super) fn condition(need: Option<u8>, leaves: Vec<ConditionLeaf>) -> Result<Condition, Failure> {
    // In order and each once, as they are counted.
    let Condition { leaves, .. } = Condition::new(0, leaves);
    let all = u8::try_from(leaves.len()).unwrap_or(u8::MAX);
    let condition = Condition {
        need: need.unwrap_or(all),
        leaves,
    };
    condition.check_form().map_err(Failure::usage)?;
    Ok(condition)
}

/// Sets an amount apart.
pub(crate) async fn hold(args: &HoldArgs, output: &Output) -> Result<(), Failure> {
    check_amount_form(&args.amount).map_err(Failure::usage)?;
    check_text("memo", &args.memo, MAX_HOLD_MEMO_BYTES)?;
    let key = args.key.open()?;
    if args.to == key.account {
        return Err(Failure::usage("nobody holds for itself: --to is another account"));
    }
    let condition = args.condition.condition(key.account)?;
    let ledger = args.node.connect().await?;
    let amount = ledger.amount(&args.amount, &args.asset).await?;
    let until = match (args.until, args.lasts) {
        (Some(until), _) => until,
        (None, lasts) => {
            ledger
                .expiry(Duration::from_secs(lasts.unwrap_or_default()))
                .await?
        }
    };
    let operation = Operation::Hold {
        beneficiary: args.to,
        asset: args.asset,
        amount,
        until,
        condition,
    };
    let build = |builder: TransactionBuilder| builder.operation(operation).text(0, args.memo.clone());
    args.send.send_built(&key, &ledger, output, build).await
}

/// Pays a hold.
pub(crate) async fn release(args: &ReleaseArgs, output: &Output) -> Result<(), Failure> {
    if let Some(amount) = &args.amount {
        check_amount_form(amount).map_err(Failure::usage)?;
    }
    let mut preimages = args.preimage.clone();
    preimages.sort_unstable();
    preimages.dedup();
    let which = &args.which;
    let key = which.key.open()?;
    let ledger = which.node.connect().await?;
    let hold = hold_of(&ledger, &which.transaction, which.operation).await?;
    let amount = match &args.amount {
        Some(amount) => Some(ledger.amount(amount, &hold.asset).await?),
        None => None,
    };
    let operation = Operation::Release {
        hold: hold.name,
        amount,
        preimages,
    };
    which.send.send(vec![operation], "", &key, &ledger, output).await
}

/// Gives a hold back.
pub(crate) async fn refund(args: &RefundArgs, output: &Output) -> Result<(), Failure> {
    let which = &args.which;
    let key = which.key.open()?;
    let ledger = which.node.connect().await?;
    let hold = hold_of(&ledger, &which.transaction, which.operation).await?;
    let operation = Operation::Refund { hold: hold.name };
    which.send.send(vec![operation], "", &key, &ledger, output).await
}

/// A time in RFC 3339.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    parse_rfc3339(text).ok_or_else(|| "write a time such as 2026-12-31T12:00:00Z".to_owned())
}

/// `SHA256:ADDRESS`.
pub(super) fn record(text: &str) -> Result<(Digest, Address), String> {
    let (sha256, by) = text
        .split_once(':')
        .ok_or("write the document's SHA-256, `:` and the account that records it")?;
    let sha256 = sha256.parse().map_err(|_| "expected 64 hexadecimal digits")?;
    let by: Address = by.parse().map_err(|error| format!("{error}"))?;
    Ok((sha256, by))
}

/// 32 bytes in hex.
pub(super) fn preimage(text: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| "expected 32 bytes as 64 hexadecimal digits".to_owned())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;

    use super::*;

    #[test]
    fn without_a_condition_the_owner_releases_and_with_several_all_are_needed() {
        let owner = Address([1; 20]);
        let none = ConditionArgs::default();
        let condition = none.condition(owner).unwrap();
        assert_eq!(condition, Condition::new(1, vec![ConditionLeaf::Signs(owner)]));
        let several = ConditionArgs {
            signs: vec![owner, Address([2; 20]), owner],
            preimage: vec![sha256(b"key")],
            ..ConditionArgs::default()
        };
        let condition = several.condition(owner).unwrap();
        assert_eq!((condition.need, condition.leaves.len()), (3, 3));
        let any = ConditionArgs {
            need: Some(1),
            ..several.clone()
        };
        assert_eq!(any.condition(owner).unwrap().need, 1);
        let too_many = ConditionArgs {
            need: Some(4),
            ..several
        };
        assert!(too_many.condition(owner).is_err());
    }

    #[test]
    fn leaves_of_a_condition_are_read_as_people_write_them() {
        let (digest, account) = (sha256(b"document"), Address([2; 20]));
        assert_eq!(record(&format!("{digest}:{account}")), Ok((digest, account)));
        assert_eq!(preimage(&"0a".repeat(32)), Ok([10; 32]));
        assert!(preimage("0a").is_err() && record("0a").is_err() && time("tomorrow").is_err());
    }
}
