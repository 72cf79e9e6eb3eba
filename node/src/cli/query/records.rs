//! Records of a document as they are proven: those that have leaves in the state.

use std::collections::BTreeSet;

use quorate_client::schema::{KeepView, RecordList};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::Proven;
use quorate_client::{ClientError, Page};
use quorate_ledger::{Address, Digest, RecordV1};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::Output;
use quorate_tools::wallet::Ledger;
use quorate_verifier::HeadFacts;
use serde::Serialize;

use super::chain::with_next;
use super::proven::{View, field, given};

/// A record that is proven: what its leaf says.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct RecordView {
    sender: Address,
    keep: KeepView,
    timestamp: String,
    transaction: Digest,
    /// The transaction's place in the log.
    ordinal: u64,
}

/// What is proven, and how much is not.
#[derive(Debug, Serialize)]
struct Records {
    sha256: Digest,
    records: Vec<RecordView>,
    /// How many records of the node's list are kept in the log alone. They are not shown.
    in_log: usize,
    next: Option<String>,
    /// Whether no other account has a record of its own. Never: each that is shown is proven, and it is the node's word
    /// that there are no others.
    complete: bool,
}

impl RecordView {
    fn of(record: &RecordV1, keep: KeepView) -> Self {
        Self {
            sender: record.address,
            keep,
            timestamp: rfc3339_of(record.timestamp),
            transaction: record.id,
            ordinal: record.ordinal,
        }
    }
}

/// Shows what is proven. Whose own records there are is the node's word, and each of them is proven.
pub(super) async fn proven(
    ledger: &Ledger,
    sha256: &Digest,
    page: &Page,
    output: &Output,
) -> Result<(), Failure> {
    // Asked for first, so that what is proven then is no older.
    let list = match ledger.client().record(sha256, page).await {
        Err(ClientError::NotFound { .. }) => RecordList {
            records: Vec::new(),
            next: None,
        },
        list => list?,
    };
    let Proven { mut head, value } = given(ledger.proven_records(sha256, None).await?)?;
    let claim = value
        .unique
        .map(|record| RecordView::of(&record, KeepView::Unique));
    let mut records: Vec<RecordView> = claim.into_iter().collect();
    for owner in owners(&list) {
        let proven = given(ledger.proven_records(sha256, Some(&owner)).await?)?;
        if let Some(record) = &proven.value.own {
            records.push(RecordView::of(record, KeepView::Own));
        }
        // A record is never taken back: what was proven before is so as of this block, too.
        if proven.head.height > head.height {
            head = proven.head;
        }
    }
    let records = judged(*sha256, records, list, &head)?;
    output.print(&View::new(&records, &head), |output| {
        text(&records, &head, output)
    })
}

/// Whose own records a node lists.
fn owners(list: &RecordList) -> BTreeSet<Address> {
    let own = list.records.iter().filter(|record| record.keep == KeepView::Own);
    own.map(|record| record.sender).collect()
}

/// What is shown; a failure where nothing of it is proven.
fn judged(
    sha256: Digest,
    records: Vec<RecordView>,
    list: RecordList,
    head: &HeadFacts,
) -> Result<Records, Failure> {
    let is_proven = |sender: Address, keep: KeepView| {
        let mut proven = records.iter();
        proven.any(|record| (record.sender, record.keep) == (sender, keep))
    };
    let mut leaves = list.records.iter().filter(|record| record.keep != KeepView::Log);
    if let Some(false_one) = leaves.find(|record| !is_proven(record.sender, record.keep)) {
        return Err(Failure::new(
            Exit::CheckFailed,
            format!(
                "the node lists a record of {sha256} by {} that it does not prove",
                false_one.sender
            ),
        )
        .hint("ask another node with --node"));
    }
    let logged = list.records.iter().filter(|record| record.keep == KeepView::Log);
    let in_log = logged.count();
    let (_, when) = field(head);
    match (records.is_empty(), in_log) {
        (true, 0) => Err(Failure::not_found(format!(
            "nobody claims {sha256}, proven {when}; that nobody has recorded it in another way is the node's word"
        ))
        .hint("quorate audit record FILE --by ADDRESS proves whether an account has its own record")),
        (true, _) => Err(Failure::new(
            Exit::CheckFailed,
            format!(
                "no node proves this: the records of {sha256} that the node lists ({in_log}) are kept in the log \
                 alone; that nobody claims it is proven {when}"
            ),
        )
        .hint("leave --genesis out to see them: quorate audit transaction proves each by its transaction")),
        (false, _) => Ok(Records {
            sha256,
            records,
            in_log,
            next: list.next,
            complete: false,
        }),
    }
}

fn text(records: &Records, head: &HeadFacts, output: &Output) -> String {
    let rows = records.records.iter().map(|record| {
        let kept = match record.keep {
            KeepView::Log => "log",
            KeepView::Own => "own",
            KeepView::Unique => "unique",
        };
        vec![
            record.timestamp.clone(),
            record.sender.to_string(),
            kept.to_owned(),
            record.transaction.to_string(),
            record.ordinal.to_string(),
        ]
    });
    let table = output.table(&["TIME", "BY", "KEPT", "TRANSACTION", ">ORDINAL"], rows.collect());
    let table = with_next(table, records.next.as_deref());
    let mut text = format!("{}\n{table}{}", records.sha256, output.fields(&[field(head)]));
    text.push_str(
        "Each record shown is proven. The list may lack some, as the node chooses whose own records it lists: quorate \
         audit record FILE --by ADDRESS proves whether an account has its own.\n\
         Records kept in the log alone are not shown as proven; quorate audit transaction proves each by its \
         transaction.",
    );
    if records.in_log > 0 {
        text.push_str(&format!(" The node lists {}.", records.in_log));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::DocumentRecord;
    use quorate_ledger::{Epoch, Height, Timestamp};
    use quorate_tools::output::Format;

    use super::*;

    const SHA256: Digest = Digest([7; 32]);

    fn head() -> HeadFacts {
        HeadFacts {
            epoch: Epoch(0),
            height: Height(9),
            hash: Digest([9; 32]),
            timestamp: Timestamp(9_000),
        }
    }

    fn listed(keep: KeepView) -> DocumentRecord {
        DocumentRecord {
            sha256: SHA256,
            sender: Address([1; 20]),
            keep,
            height: Height(3),
            index: 0,
            operation: 0,
            transaction: Digest([3; 32]),
            timestamp: Timestamp(3_000),
            label: "contract".to_owned(),
            metadata: Vec::new(),
        }
    }

    fn shown(keep: KeepView) -> RecordView {
        let record = RecordV1 {
            address: Address([1; 20]),
            sha256: SHA256,
            id: Digest([3; 32]),
            ordinal: 17,
            timestamp: Timestamp(3_000),
        };
        RecordView::of(&record, keep)
    }

    fn judge(proven: Vec<RecordView>, kept: &[KeepView]) -> Result<Records, Failure> {
        let records = kept.iter().map(|keep| listed(*keep)).collect();
        judged(SHA256, proven, RecordList { records, next: None }, &head())
    }

    #[test]
    fn records_with_leaves_are_shown_as_proven_and_those_of_the_log_are_counted() {
        let all = [KeepView::Log, KeepView::Own, KeepView::Unique, KeepView::Log];
        let proven = vec![shown(KeepView::Unique), shown(KeepView::Own)];
        let records = judge(proven, &all).unwrap();
        assert_eq!((records.records.len(), records.in_log), (2, 2));
        let text = text(&records, &head(), &Output::new(Format::Text));
        for said in [
            "own",
            "unique",
            "as of block 9",
            "Each record shown is proven. The list may lack some",
            "quorate audit record FILE --by ADDRESS",
            "are not shown as proven",
            "The node lists 2.",
        ] {
            assert!(text.contains(said), "{said} is not in {text}");
        }
        // A label is a text of the transaction, which no leaf has.
        assert!(!text.contains("contract"), "{text}");
        // A node may leave out of its list what it proves.
        let lacking = judge(vec![shown(KeepView::Unique)], &[]).unwrap();
        assert_eq!(lacking.in_log, 0);
        let json = serde_json::to_value(View::new(&lacking, &head())).unwrap();
        assert_eq!(
            (&json["complete"], &json["proven"]["height"]),
            (&false.into(), &9.into())
        );
    }

    #[test]
    fn nothing_that_is_only_a_nodes_word_is_shown() {
        for (kept, exit) in [
            (&[][..], Exit::NotFound),
            (&[KeepView::Log][..], Exit::CheckFailed),
            // It is not true, or not yet of the block that was proven.
            (&[KeepView::Own][..], Exit::CheckFailed),
            (&[KeepView::Unique][..], Exit::CheckFailed),
        ] {
            assert_eq!(judge(Vec::new(), kept).unwrap_err().exit(), exit, "{kept:?}");
        }
    }
}
