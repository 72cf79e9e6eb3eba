//! Building, showing and combining as separate steps, for transactions of several parties, accounts with several
//! signers, and keys on machines without a network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::Unsigned;
use quorate_crypto::Key;
use quorate_ledger::limits::MAX_SIGNATURES;
use quorate_ledger::{Address, AssetCode, Digest, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, say};
use quorate_tools::wallet::{Expiring, Fate, Ledger, Meaning, MeaningArgs, NodeArgs};
use quorate_verifier::{ProvenDecimals, Travelling};

use super::account::KnownHolds;
use super::deal::{Deal, Transfer};
use super::send::check_memo;
use super::travelling::{LookUpArgs, Papers, signers, write_new};

/// How long there is to sign a transaction of one account, in seconds, unless it is said how long.
const ALONE: u64 = 3_600;

/// The same for several parties: whoever signs last can wait that long whether to submit it.
const TOGETHER: u64 = 600;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet build --account qr1… --transfer qr1…:12.50:QRT --out payment.qtx
  quorate wallet build --transfer qr1bank…:qr1fund…:100:BOND \\
      --transfer qr1fund…:qr1bank…:98500.00:EUR --out trade.qtx
  quorate wallet build --operations trade.toml --out trade.qtx

Delivery against payment is one transaction of both parties: all of it happens or nothing.
trade.toml, with amounts in the assets' own decimals:

  memo = \"trade 4711\"
  expires_in = 600

  [accounts]
  bank = \"qr1…\"
  fund = \"qr1…\"

  [[act]]
  by = \"bank\"
  transfer = { to = \"fund\", asset = \"BOND\", amount = \"100\" }

  [[act]]
  by = \"fund\"
  transfer = { to = \"bank\", asset = \"EUR\", amount = \"98500.00\", memo = \"settlement\" }

Each act is one of: transfer { to, asset, amount, memo }, mint { to, asset, amount },
burn { asset, amount }, create_asset { code, decimals, description, admission, freezable },
record { sha256, keep, label, metadata }, hold { to, asset, amount, until, need, signs, after,
preimages, records, memo }, release { transaction, operation, amount, preimages },
refund { transaction, operation }, erase { transaction, memo, operations },
set_signers { threshold, signers }; with members by number: grant and revoke { account, right,
member or asset }, freeze and unfreeze { account, asset, reason }, assign { account, member },
propose { change, until, explanation } with the change's bytes in hex, vote { proposal, ballot },
withdraw { proposal }, set_guardians { guardians, threshold, delay_ms }, request_signers
{ account, threshold, signers }, decide_request { account, accept }, report_dormant { member },
answer { member }, divide_quota { account, bytes, leaves }. `parties` names accounts that only
consent; the first party is --account, or else whoever acts first. Each party signs: quorate
wallet sign. For many payments of one account: quorate wallet pay FILE.csv --build.")]
pub(crate) struct BuildArgs {
    /// The account whose transaction it is [default: whoever acts first]
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT")]
    account: Option<Address>,
    /// An account that consents, though it may act in nothing; repeatable
    #[arg(long = "party", value_name = "ADDRESS")]
    parties: Vec<Address>,
    /// A payment, TO:AMOUNT:ASSET or FROM:TO:AMOUNT:ASSET; once for each
    #[arg(
        long = "transfer",
        value_name = "PAYMENT",
        required_unless_present = "operations"
    )]
    transfers: Vec<String>,
    /// A file with operations in TOML, which come after the payments
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,
    /// A note that everybody can read until it is erased, at most 256 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    /// Seconds after which it is no longer executed: time for all to sign [default: 600 with several
    /// parties, else 3600]
    #[arg(long, value_name = "SECONDS", env = "QUORATE_EXPIRES_IN")]
    expires_in: Option<u64>,
    /// The file to write; it must not exist
    #[arg(long, alias = "to", value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet show payment.qtx --genesis genesis.toml

No network is needed. Amounts have decimals where the genesis document, --asset-decimals or
the transaction itself says how many; else they are in smallest units, which are what is signed.
With --node the decimals of assets that were made later are proven, and it is looked up of which
asset a hold is that is released or refunded.")]
pub(crate) struct ShowArgs {
    /// What `wallet build` or `wallet pay --build` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    look_up: LookUpArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet combine from-alice.qtx from-bob.qtx --out payment.qtx

No network is needed. The copies must be of the same transactions.")]
pub(crate) struct CombineArgs {
    /// Copies that were signed apart
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    files: Vec<PathBuf>,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet wait 3f5a… --timeout 60
  quorate wallet wait 3f5a… --account qr1… --expires 2026-12-31T12:00:00Z --genesis genesis.toml")]
pub(crate) struct WaitArgs {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = super::super::digest)]
    id: Digest,
    /// Seconds to wait for the outcome
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 30)]
    timeout: u64,
    /// With --genesis: whose transaction it is, to prove that it has expired
    #[arg(long, value_name = "ADDRESS", requires = "expires")]
    account: Option<Address>,
    /// With --genesis: when it expires, as was said when it was sent
    #[arg(long, value_name = "TIME", value_parser = super::hold::time, requires = "account")]
    expires: Option<Timestamp>,
    #[command(flatten)]
    node: NodeArgs,
}

/// Builds a transaction without signatures.
pub(crate) async fn build(args: &BuildArgs, output: &Output) -> Result<(), Failure> {
    check_memo(&args.memo)?;
    let mut deal = match &args.operations {
        Some(path) => Deal::read(path)?,
        None => Deal::default(),
    };
    let payments = args.transfers.iter().map(|text| {
        let payment: Result<Transfer, String> = text.parse();
        payment.map_err(|why| Failure::usage(why).while_doing(format!("--transfer {text}")))
    });
    let payments = payments.collect::<Result<Vec<_>, _>>()?;
    deal.lead(args.account, &args.parties, payments, &args.memo)?;
    let ledger = args.node.connect().await?;
    let parties = deal.parties();
    let expires_in = args
        .expires_in
        .or(deal.expires_in)
        .unwrap_or(if parties.len() > 1 { TOGETHER } else { ALONE });
    let expires_at = ledger.expiry(Duration::from_secs(expires_in)).await?;
    let (unsigned, decimals) = deal.build(&ledger, expires_at).await?;
    let unproven = ledger.unproven_decimals().await;
    write_with(unsigned, (&decimals, &unproven), &args.out, output)?;
    if parties.len() > 1 {
        say(format!(
            "note: whoever of the {} parties signs last is free until {} to submit it or not",
            parties.len(),
            rfc3339_of(expires_at)
        ));
    }
    Ok(())
}

/// A transaction that travels, with the decimals of its assets.
pub(super) fn travelling_of(unsigned: Unsigned, decimals: &ProvenDecimals) -> Result<Travelling, Failure> {
    let Unsigned { intent, texts } = unsigned;
    let form = intent.v1().check_form(&intent.v1().network);
    form.map_err(|error| Failure::usage(format!("the transaction is malformed: {error}")))?;
    Travelling::new(intent, texts, decimals)
        .ok_or_else(|| Failure::usage("the decimals of an asset that it names are not known"))
}

fn write_with(
    unsigned: Unsigned,
    (decimals, unproven): (&ProvenDecimals, &BTreeMap<AssetCode, u8>),
    out: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let travelling = travelling_of(unsigned, decimals)?;
    let intent = &travelling.v1().intent;
    let (id, expires) = (intent.id(), rfc3339_of(intent.v1().expires_at));
    let view = serde_json::json!({
        "file": out,
        "id": id,
        "parties": intent.v1().parties,
        "expires_at": expires,
        "operations": intent.v1().operations.len(),
        "unproven_decimals": unproven,
    });
    write_new(out, std::slice::from_ref(&travelling))?;
    output.print(&view, |output| {
        output.fields(&[
            ("file", out.display().to_string()),
            ("id", id.to_string()),
            ("expires", expires.clone()),
        ])
    })
}

/// One transaction with the signatures of all copies.
pub(super) fn combined(copies: &[Travelling]) -> Result<Travelling, Failure> {
    let all = Travelling::combine(copies).map_err(|error| Failure::new(Exit::CheckFailed, error))?;
    let count = all.v1().signatures.len();
    if count > MAX_SIGNATURES {
        return Err(Failure::usage(format!(
            "{} would have {count} signatures, at most {MAX_SIGNATURES} are allowed",
            all.v1().intent.id()
        )));
    }
    Ok(all)
}

/// Reads a file, with what is known of what it names; gives the network that was asked, if one was.
pub(super) async fn read(
    file: &Path,
    meaning: &MeaningArgs,
    look_up: &LookUpArgs,
) -> Result<(Papers, Option<Ledger>), Failure> {
    let papers = Papers::read(file, meaning.read()?)?;
    let Some(ledger) = look_up.connect(meaning).await? else {
        return Ok((papers, None));
    };
    let papers = papers.with_decimals(&ledger).await;
    let mut papers = papers.map_err(|failure| failure.while_doing(file.display()))?;
    papers.look_up_holds(&ledger).await?;
    Ok((papers, Some(ledger)))
}

/// Shows what was built.
pub(crate) async fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    let (papers, _) = read(&args.file, &args.meaning, &args.look_up).await?;
    papers.say_unproven();
    papers.say_unknown_holds();
    let transactions = papers.all.iter().map(|one| {
        let intent = one.v1().intent.v1();
        serde_json::json!({
            "id": one.v1().intent.id(),
            "parties": intent.parties,
            "expires_at": rfc3339_of(intent.expires_at),
            "lines": one.proven_lines(&papers.meaning.decimals),
            "unproven": one.unproven(&papers.meaning.decimals),
            "signed_by": signers(one),
        })
    });
    let view = serde_json::json!({
        "file": args.file,
        "id": papers.only_id(),
        "network": papers.network(),
        "expires_at": rfc3339_of(papers.expires_at()),
        "sums": papers.sums(),
        "signed_by": papers.signers(),
        "rows": papers.payments(),
        "transactions": transactions.collect::<Vec<_>>(),
    });
    output.print(&view, |_| papers.lines(true).join("\n"))
}

/// Puts the signatures of several copies together.
pub(crate) fn combine(args: &CombineArgs, output: &Output) -> Result<(), Failure> {
    let mut copies: Vec<Papers> = Vec::new();
    for path in &args.files {
        let papers = Papers::read(path, Meaning::default())?;
        let ids =
            |papers: &Papers| -> Vec<Digest> { papers.all.iter().map(|one| one.v1().intent.id()).collect() };
        if copies.first().is_some_and(|first| ids(first) != ids(&papers)) {
            return Err(Failure::new(
                Exit::CheckFailed,
                format!("{} has other transactions than the first file", path.display()),
            ));
        }
        copies.push(papers);
    }
    let count = copies.first().map_or(0, |first| first.all.len());
    let all = (0..count).map(|place| {
        let of_one: Vec<Travelling> = copies
            .iter()
            .filter_map(|papers| papers.all.get(place).cloned())
            .collect();
        combined(&of_one)
    });
    let all = all.collect::<Result<Vec<_>, _>>()?;
    write_new(&args.out, &all)?;
    let papers = Papers {
        all,
        meaning: Meaning::default(),
        holds: KnownHolds::new(),
    };
    report(&papers, &args.out, output)
}

/// Says who has signed what is in a file.
pub(super) fn report(papers: &Papers, file: &Path, output: &Output) -> Result<(), Failure> {
    let keys: Vec<Key> = papers.signers();
    let view = serde_json::json!({
        "file": file,
        "id": papers.only_id(),
        "transactions": papers.all.len(),
        "sums": papers.sums(),
        "signed_by": keys,
    });
    output.print(&view, |output| {
        let mut fields = vec![("file", file.display().to_string())];
        match papers.only_id() {
            Some(id) => fields.push(("id", id.to_string())),
            None => fields.push(("transactions", papers.all.len().to_string())),
        }
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        fields.push(("signed by", keys.join("\n")));
        output.fields(&fields)
    })
}

/// Waits for a transaction.
pub(crate) async fn wait(args: &WaitArgs, output: &Output) -> Result<(), Failure> {
    let ledger = args.node.connect().await?;
    let expiring = args.account.zip(args.expires);
    let expiring = expiring.map(|(sender, expires_at)| Expiring { sender, expires_at });
    let patience = Duration::from_secs(args.timeout);
    let outcome: Fate = ledger.wait(&args.id, expiring, patience).await?;
    outcome.report(output, true)
}

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::{ClientSigningKey, SigningKey, sha256};
    use quorate_ledger::{Amount, Intent, Operation};
    use quorate_verifier::TravellingV1;

    use super::*;
    use crate::cli::wallet::sign::signed;

    fn key(seed: u8) -> ClientSigningKey {
        ClientSigningKey::from_ed25519(SigningKey::from_seed(&[seed; 32]))
    }

    fn built() -> Travelling {
        let (bank, fund) = (key(1).key().address(), key(2).key().address());
        let (bond, eur) = ("BOND".parse().unwrap(), "EUR".parse().unwrap());
        let back = Operation::Transfer {
            to: bank,
            asset: eur,
            amount: Amount(9_850_000),
        };
        let unsigned = TransactionBuilder::new(sha256(b"network"), bank, Timestamp(9_000), [5; 16])
            .transfer(fund, bond, Amount(100), "")
            .act(fund, back)
            .build_with(|_| [6; 16]);
        travelling_of(unsigned, &[(bond, 0), (eur, 2)].into()).unwrap()
    }

    #[test]
    fn signed_apart_and_combined_is_the_same_as_signed_one_after_the_other() {
        let p256 = ClientSigningKey::p256_from_scalar(&[7; 32]).unwrap();
        let keys = [key(1), key(2), p256];
        let one_after_the_other = keys
            .iter()
            .try_fold(built(), |one, key| signed(&one, key))
            .unwrap();
        let apart: Vec<Travelling> = keys
            .iter()
            .rev()
            .map(|key| signed(&built(), key).unwrap())
            .collect();
        assert_eq!(combined(&apart).unwrap(), one_after_the_other);
        assert_eq!(signers(&one_after_the_other).len(), 3);
        // Whoever signs twice signs once.
        assert_eq!(
            signed(&one_after_the_other, &key(2)).unwrap(),
            one_after_the_other
        );
    }

    #[test]
    fn copies_of_two_transactions_are_not_combined() {
        let Travelling::V1(mut other) = built();
        let Intent::V1(intent) = &mut other.intent;
        intent.salt = [9; 16];
        let failure = combined(&[built(), Travelling::V1(other)]).unwrap_err();
        assert_eq!(failure.exit(), Exit::CheckFailed);
    }

    #[test]
    fn an_asset_whose_decimals_are_not_known_is_not_written() {
        let Travelling::V1(TravellingV1 { intent, texts, .. }) = built();
        assert!(travelling_of(Unsigned { intent, texts }, &ProvenDecimals::new()).is_err());
    }
}
