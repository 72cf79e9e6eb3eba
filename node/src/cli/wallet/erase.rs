//! `quorate wallet erase`: texts of a transaction, for good (`docs/formats.md`, section 4).

use clap::Args;
use quorate_client::schema::WithheldText;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::{Address, Digest, Intent, IntentV1, Operation, Place, encode};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, printable, say};
use quorate_tools::question::{agreed, can_ask};
use quorate_tools::wallet::NodeArgs;

use super::KeyArgs;
use super::executed::intent_of;
use super::send::SendArgs;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet erase 3f5a… --memo --key alice.key
  quorate wallet erase 3f5a… --operation 17 --operation 18 --key alice.key
  quorate wallet erase 3f5a… --all --key alice.key

Parties of a transaction, and the accounts that it pays or names, can erase its notes, labels and
descriptions. All nodes delete them; that there was one, and who erased it when, stays proven.
Addresses, amounts, documents' hashes and times are never erased, nor is what somebody copied.")]
pub(crate) struct EraseArgs {
    /// The transaction
    #[arg(value_name = "TRANSACTION", value_parser = super::super::digest)]
    transaction: Digest,
    /// Erase the transaction's own note
    #[arg(long, required_unless_present_any = ["operations", "all"])]
    memo: bool,
    /// Erase the texts of the operation with this index, from 0; repeatable
    #[arg(long = "operation", value_name = "N")]
    operations: Vec<u8>,
    /// Erase all its texts
    #[arg(long, conflicts_with_all = ["memo", "operations"])]
    all: bool,
    /// Erase without asking
    #[arg(long, short = 'y')]
    yes: bool,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Which texts of a transaction are meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meant<'a> {
    /// Its own.
    pub(super) memo: bool,
    /// Those of these operations.
    pub(super) operations: &'a [u8],
    /// All.
    pub(super) all: bool,
}

impl Meant<'_> {
    /// The places of the texts that are meant. Naming what has no text is an error: it may be another place that was
    /// meant.
    pub(super) fn places(&self, id: &Digest, intent: &IntentV1) -> Result<Vec<Place>, Failure> {
        let places = intent.places();
        let nothing = |what: &str| Failure::not_found(format!("{id} has no text {what}"));
        if places.is_empty() {
            return Err(nothing("at all"));
        }
        if self.memo && !places.contains(&Place::Memo) {
            return Err(nothing("of its own, only of operations"));
        }
        for wanted in self.operations {
            let has = |place: &Place| matches!(place, Place::Operation { index, .. } if index == wanted);
            if !places.iter().any(has) {
                return Err(nothing(&format!("at operation {wanted}")));
            }
        }
        let is_meant = |place: &Place| match place {
            Place::Memo => self.all || self.memo,
            Place::Operation { index, .. } => self.all || self.operations.contains(index),
        };
        let meant: Vec<Place> = places.iter().copied().filter(is_meant).collect();
        if meant.is_empty() {
            return Err(Failure::usage("which texts are to be erased is not said"));
        }
        Ok(meant)
    }
}

impl EraseArgs {
    fn meant(&self) -> Meant<'_> {
        Meant {
            memo: self.memo,
            operations: &self.operations,
            all: self.all,
        }
    }
}

/// The operation that erases these places of an intent.
pub(super) fn erasing(intent: &Intent, places: Vec<Place>) -> Operation {
    Operation::Erase {
        intent: encode(intent),
        places,
    }
}

/// Erases texts.
pub(crate) async fn erase(args: &EraseArgs, output: &Output) -> Result<(), Failure> {
    let key = args.key.open()?;
    let ledger = args.node.connect().await?;
    let intent = intent_of(&ledger, &args.transaction).await?;
    if intent.v1().network != ledger.network() {
        return Err(Failure::new(
            Exit::CheckFailed,
            format!("{} is for another network", args.transaction),
        ));
    }
    let places = args.meant().places(&args.transaction, intent.v1())?;
    let known = ledger.client().transaction(&args.transaction).await?;
    refuse_in_vain(&intent, &places, &key.account, &known.withheld)?;
    let texts = match places.len() {
        1 => format!("one text of {}", args.transaction),
        count => format!("{count} texts of {}", args.transaction),
    };
    if !args.yes && can_ask() && !agreed(&format!("Erase {texts} from all nodes, for good?"))? {
        return Err(Failure::failed("nothing was erased"));
    }
    let operation = erasing(&intent, places);
    let build = |builder: TransactionBuilder| builder.operations(vec![operation]);
    let fate = args.send.deliver(&key, &ledger, build).await?;
    if fate.status == "committed" {
        let is = if texts.starts_with("one ") { "is" } else { "are" };
        say(format!(
            "{texts} {is} erased for good: all nodes delete what they have of it"
        ));
    }
    fate.report(output, args.send.wait().is_some())
}

/// Refuses what the ledger would refuse, before anything is signed: by the intent itself, and by what a node says was
/// erased already.
fn refuse_in_vain(
    intent: &Intent,
    places: &[Place],
    account: &Address,
    withheld: &[WithheldText],
) -> Result<(), Failure> {
    let id = intent.id();
    let refused = |code: &str, why: String| {
        Failure::new(
            Exit::Refused,
            format!("nothing was erased: the ledger would refuse it ({code}): {why}"),
        )
    };
    if !intent.v1().names(account) {
        let why = format!("{account} is neither a party of {id} nor named in it");
        return Err(refused("not_named", why));
    }
    let mut erased = withheld.iter().filter(|text| text.erased);
    let is_meant = |text: &&WithheldText| {
        // Of records alone there are two texts, the second of which is called so.
        let own = u8::from(text.field == "metadata");
        places.iter().any(|place| match *place {
            Place::Memo => text.operation.is_none(),
            Place::Operation { index, field } => text.operation == Some(u16::from(index)) && field == own,
        })
    };
    let Some(text) = erased.find(is_meant) else {
        return Ok(());
    };
    let place = match text.operation {
        Some(operation) => format!("the {} of operation {operation}", printable(&text.field)),
        None => "the transaction's own note".to_owned(),
    };
    let by = match (text.by, text.at) {
        (Some(by), Some(at)) => format!(", by {by} on {}", rfc3339_of(at)),
        _ => String::new(),
    };
    Err(
        refused("already_erased", format!("{place} is erased already{by}"))
            .hint("leave it out: --memo and --operation name what is to be erased"),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use quorate_crypto::sha256;
    use quorate_ledger::{Amount, Keep, Timestamp};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EraseArgs,
    }

    fn args(more: &[&str]) -> EraseArgs {
        let id = Digest::ZERO.to_string();
        let line = [["erase", id.as_str(), "--key", "a.key"].as_slice(), more].concat();
        Line::try_parse_from(line).unwrap().args
    }

    fn intent(memo: &str) -> Intent {
        let other = Address([2; 20]);
        TransactionBuilder::new(sha256(b"network"), Address([1; 20]), Timestamp(9), [0; 16])
            .transfer(other, "QRT".parse().unwrap(), Amount(1), "")
            .transfer(other, "QRT".parse().unwrap(), Amount(1), "rent")
            .record(sha256(b"document"), Keep::Log, "contract", [1, 2])
            .memo(memo)
            .build_with(|_| [7; 16])
            .intent
    }

    #[test]
    fn what_is_named_is_erased_and_nothing_else() {
        let index = |index, field| Place::Operation { index, field };
        let both = intent("hello");
        let places = |more: &[&str]| args(more).meant().places(&Digest::ZERO, both.v1()).unwrap();
        assert_eq!(places(&["--memo"]), [Place::Memo]);
        assert_eq!(places(&["--operation", "2"]), [index(2, 0), index(2, 1)]);
        assert_eq!(
            places(&["--operation", "1", "--memo"]),
            [Place::Memo, index(1, 0)]
        );
        assert_eq!(places(&["--all"]), both.v1().places());
    }

    #[test]
    fn what_has_no_text_is_not_found() {
        for (memo, more) in [("hello", ["--operation", "0"]), ("", ["--memo", "--yes"])] {
            let failure = args(&more)
                .meant()
                .places(&Digest::ZERO, intent(memo).v1())
                .unwrap_err();
            assert_eq!(failure.exit(), Exit::NotFound, "{failure}");
        }
    }

    #[test]
    fn an_erasure_carries_the_intent_whose_id_it_is_known_by() {
        let intent = intent("hello");
        let Operation::Erase { intent: carried, .. } = erasing(&intent, vec![Place::Memo]) else {
            panic!("an erasure");
        };
        assert_eq!(Intent::decode_carried(&carried).unwrap().id(), intent.id());
    }

    #[test]
    fn what_the_ledger_would_refuse_is_refused_before_it_is_said_to_be_erased() {
        let intent = intent("hello");
        let metadata = Place::Operation { index: 2, field: 1 };
        let text = |operation, field: &str, erased| WithheldText {
            operation,
            field: field.to_owned(),
            erased,
            by: erased.then_some(Address([1; 20])),
            at: erased.then_some(Timestamp(1_000)),
            leaf: None,
        };
        let party = Address([1; 20]);
        let judge = |places: &[Place], account: &Address, withheld: &[WithheldText]| {
            refuse_in_vain(&intent, places, account, withheld)
        };
        judge(&[Place::Memo], &party, &[]).unwrap();
        // Whom it pays is named in it.
        judge(&[metadata], &Address([2; 20]), &[]).unwrap();
        // What is only not at hand can be erased, and what stands beside what is erased.
        judge(&[Place::Memo], &party, &[text(None, "memo", false)]).unwrap();
        judge(
            &[metadata],
            &party,
            &[text(Some(2), "label", true), text(None, "memo", true)],
        )
        .unwrap();
        let stranger = judge(&[Place::Memo], &Address([9; 20]), &[]).unwrap_err();
        let again = judge(&[metadata], &party, &[text(Some(2), "metadata", true)]).unwrap_err();
        for (failure, code) in [(stranger, "not_named"), (again, "already_erased")] {
            assert_eq!(failure.exit(), Exit::Refused);
            assert!(failure.to_string().contains(code), "{failure}");
            assert!(!failure.to_string().contains("will be erased"), "{failure}");
        }
    }
}
