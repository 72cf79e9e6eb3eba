//! Queries about blocks, transactions and records.

use quorate_client::schema::{
    ActView, Block, KeepView, Transaction, TransactionList, TransactionStatus, WithheldText,
};
use quorate_client::text::rfc3339_of;
use quorate_client::{Client, Page};
use quorate_ledger::AssetCode;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, printable};

use super::network::or_dash;
use super::proven::{self, View};
use super::{BlockArgs, BlocksArgs, RecordArgs, TransactionArgs, TransactionsArgs, records};
use crate::cli::wallet::account::Decimals;
use crate::cli::wallet::notarize::hash_file;

/// Transaction ids of a block that are listed as text.
const SHOWN_IDS: usize = 20;

/// How often a node is asked to look further for transactions, before the user is.
const LOOKS: usize = 64;

pub(super) async fn block(args: &BlockArgs, output: &Output) -> Result<(), Failure> {
    let client = args.ask.client()?;
    if args.transactions {
        let list = client.block_transactions(&args.block, &args.page.page()).await?;
        return print_transactions(&client, &list, output).await;
    }
    let block = client.block(&args.block).await?;
    output.print(&block, |output| {
        let sealed: Vec<&str> = block.seals.iter().map(|seal| seal.validator.as_str()).collect();
        output.fields(&[
            ("height", block.height.to_string()),
            ("hash", block.hash.to_string()),
            ("previous", block.previous.to_string()),
            ("time", rfc3339_of(block.timestamp)),
            ("epoch", block.epoch.to_string()),
            ("protocol", block.protocol.to_string()),
            ("proposal", block.proposal.to_string()),
            ("chain root", block.chain_root.to_string()),
            ("state root", block.state_root.to_string()),
            ("log size", block.log_size.to_string()),
            ("log root", block.log_root.to_string()),
            ("next committee", block.next_committee.to_string()),
            ("sealed by", sealed.join(", ")),
            ("transactions", transactions_of(&block)),
        ])
    })
}

fn transactions_of(block: &Block) -> String {
    let mut lines = vec![block.transaction_count.to_string()];
    lines.extend(block.transactions.iter().take(SHOWN_IDS).map(ToString::to_string));
    if block.transactions.len() > SHOWN_IDS {
        lines.push(format!("and {} more", block.transactions.len() - SHOWN_IDS));
    }
    lines.join("\n")
}

pub(super) async fn blocks(args: &BlocksArgs, output: &Output) -> Result<(), Failure> {
    let list = args.ask.client()?.blocks(&args.page.page()).await?;
    output.print(&list, |output| {
        let rows = list.blocks.iter().map(|block| {
            vec![
                block.height.to_string(),
                rfc3339_of(block.timestamp),
                block.transaction_count.to_string(),
                block.hash.to_string(),
            ]
        });
        let table = output.table(&[">HEIGHT", "TIME", ">TRANSACTIONS", "HASH"], rows.collect());
        with_next(table, list.next.as_deref())
    })
}

pub(crate) fn with_next(text: String, next: Option<&str>) -> String {
    match next {
        Some(next) => format!("{text}more: --cursor {next}\n"),
        None => text,
    }
}

pub(super) async fn transaction(args: &TransactionArgs, output: &Output) -> Result<(), Failure> {
    if let Some(ledger) = args.ask.proving().await? {
        let proven = proven::transaction(&ledger, &args.id).await?;
        let decimals = proven::decimals_of(&ledger, assets_of(&proven.value)).await?;
        return output.print(&View::of(&proven), |output| {
            let mut fields = transaction_fields(&proven.value, &decimals, output);
            fields.push(proven::field(&proven.head));
            output.fields(&fields)
        });
    }
    let client = args.ask.client()?;
    let transaction = client.transaction(&args.id).await?;
    let mut decimals = Decimals::new();
    if output.is_text() {
        for act in &transaction.operations {
            decimals.learn_operation(&client, &act.operation).await?;
        }
    }
    output.print(&transaction, |output| {
        output.fields(&transaction_fields(&transaction, &decimals, output))
    })
}

/// The assets that a transaction names.
fn assets_of(transaction: &Transaction) -> impl Iterator<Item = AssetCode> {
    let acts = transaction.operations.iter();
    acts.filter_map(|act| act.operation.asset())
}

pub(super) async fn transactions(args: &TransactionsArgs, output: &Output) -> Result<(), Failure> {
    let client = args.ask.client()?;
    let mut list = TransactionList {
        transactions: Vec::new(),
        next: args.page.cursor.clone(),
    };
    // A node looks at so much of the chain at a time, and what was asked for may be rare.
    for _ in 0..LOOKS {
        let found = u32::try_from(list.transactions.len()).unwrap_or(u32::MAX);
        let page = Page {
            limit: Some(args.page.limit.saturating_sub(found)),
            cursor: list.next.take(),
        };
        let more = client.transactions(&args.filter(), &page).await?;
        list.transactions.extend(more.transactions);
        list.next = more.next;
        if list.next.is_none() || list.transactions.len() >= args.page.limit as usize {
            break;
        }
    }
    print_transactions(&client, &list, output).await
}

async fn print_transactions(client: &Client, list: &TransactionList, output: &Output) -> Result<(), Failure> {
    let mut decimals = Decimals::new();
    if output.is_text() {
        let acts = list.transactions.iter().flat_map(|it| &it.operations);
        for act in acts {
            decimals.learn_operation(client, &act.operation).await?;
        }
    }
    output.print(list, |output| {
        if list.transactions.is_empty() && list.next.is_none() {
            return "There are no such transactions.".to_owned();
        }
        let rows = list.transactions.iter().map(|transaction| {
            let status = match &transaction.code {
                Some(code) => output.paint(Tone::Bad, code),
                None => output.paint(Tone::Good, "committed"),
            };
            vec![
                or_dash(transaction.height),
                or_dash(transaction.timestamp.map(rfc3339_of)),
                status,
                transaction.id.to_string(),
                transaction.sender.to_string(),
                summary(&decimals, &transaction.operations),
            ]
        });
        let table = output.table(
            &[">HEIGHT", "TIME", "STATUS", "ID", "SENDER", "WHAT"],
            rows.collect(),
        );
        with_next(table, list.next.as_deref())
    })
}

/// The first operation in words, and how many more there are.
fn summary(decimals: &Decimals, acts: &[ActView]) -> String {
    match acts {
        [] => String::new(),
        [only] => decimals.describe(&only.operation),
        [first, rest @ ..] => {
            let first = decimals.describe(&first.operation);
            format!("{first} and {} more", rest.len())
        }
    }
}

/// A text that is not shown, in words.
fn withheld(text: &WithheldText) -> String {
    let place = match text.operation {
        Some(operation) => format!("{} of operation {operation}", text.field),
        None => text.field.clone(),
    };
    match (text.erased, text.by, text.at) {
        (true, Some(by), Some(at)) => format!("{place}: erased by {by} at {}", rfc3339_of(at)),
        (true, _, _) => format!("{place}: erased"),
        (false, _, _) => format!("{place}: not at hand"),
    }
}

fn transaction_fields(
    transaction: &Transaction,
    decimals: &Decimals,
    output: &Output,
) -> Vec<(&'static str, String)> {
    let status = match transaction.status {
        TransactionStatus::Pending => output.paint(Tone::Warning, "pending"),
        TransactionStatus::Committed => output.paint(Tone::Good, "committed"),
        TransactionStatus::Failed => output.paint(Tone::Bad, "failed"),
        TransactionStatus::Expired => output.paint(Tone::Bad, "expired"),
    };
    let operations: Vec<String> = transaction
        .operations
        .iter()
        .map(|act| match transaction.parties.len() {
            0 | 1 => decimals.describe(&act.operation),
            _ => format!("{}: {}", act.by, decimals.describe(&act.operation)),
        })
        .collect();
    let signers: Vec<String> = transaction
        .signatures
        .iter()
        .map(|signature| signature.key.to_string())
        .collect();
    let parties: Vec<String> = transaction.parties.iter().map(ToString::to_string).collect();
    let mut fields = vec![
        ("id", transaction.id.to_string()),
        ("status", status),
        ("height", or_dash(transaction.height)),
        ("index", or_dash(transaction.index)),
        ("ordinal", or_dash(transaction.ordinal)),
        ("time", or_dash(transaction.timestamp.map(rfc3339_of))),
        ("sender", transaction.sender.to_string()),
        ("parties", parties.join("\n")),
        ("operations", operations.join("\n")),
        ("expires", rfc3339_of(transaction.expires_at)),
        ("signed by", signers.join("\n")),
    ];
    if !transaction.memo.is_empty() {
        fields.push(("memo", printable(&transaction.memo)));
    }
    if !transaction.withheld.is_empty() {
        let texts: Vec<String> = transaction.withheld.iter().map(withheld).collect();
        fields.push(("withheld", texts.join("\n")));
    }
    if !transaction.paid.is_empty() {
        fields.push((
            "paid",
            format!("{} (smallest units)", transaction.paid.join(", ")),
        ));
    }
    if let Some(code) = &transaction.code {
        let place = transaction
            .failed_operation
            .map_or_else(String::new, |operation| format!(" at operation {operation}"));
        fields.push(("code", format!("{code}{place}")));
    }
    fields
}

pub(super) async fn record(args: &RecordArgs, output: &Output) -> Result<(), Failure> {
    let sha256 = match (&args.sha256, &args.file) {
        (Some(sha256), _) => *sha256,
        (None, Some(file)) => hash_file(file)?,
        (None, None) => return Err(Failure::usage("name a SHA-256 or a --file")),
    };
    if let Some(ledger) = args.ask.proving().await? {
        return records::proven(&ledger, &sha256, &args.page.page(), output).await;
    }
    let list = args.ask.client()?.record(&sha256, &args.page.page()).await?;
    if list.records.is_empty() && args.page.cursor.is_none() {
        return Err(Failure::not_found(format!("nobody has recorded {sha256}")));
    }
    output.print(&list, |output| {
        let rows = list.records.iter().map(|record| {
            vec![
                record.height.to_string(),
                rfc3339_of(record.timestamp),
                record.sender.to_string(),
                match record.keep {
                    KeepView::Log => "log",
                    KeepView::Own => "own",
                    KeepView::Unique => "unique",
                }
                .to_owned(),
                record.transaction.to_string(),
                printable(&record.label),
            ]
        });
        let headings = [">HEIGHT", "TIME", "BY", "KEPT", "TRANSACTION", "LABEL"];
        let table = output.table(&headings, rows.collect());
        format!("{sha256}\n{}", with_next(table, list.next.as_deref()))
    })
}
