//! `quorate node webhooks`: how far a node's webhooks have come, what they have given up, and another try.

use std::time::Duration;

use clap::{Args, Subcommand};
use quorate_client::schema::{DeadLetterList, Problem, Webhook, WebhookList, WebhookState};
use quorate_client::text::rfc3339_of;
use quorate_client::{ClientError, innermost};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, printable, say};
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;

/// How long the node may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate node webhooks list --ops http://127.0.0.1:8200")]
pub(crate) enum WebhooksCommand {
    /// Show the webhooks of a node, and how far each has come
    List(ListArgs),
    /// Show the events that a webhook has given up, and why
    Dead(NamedArgs),
    /// Try again at once: what waits, and all that was given up. Enables a webhook that its receiver turned off
    Retry(NamedArgs),
}

#[derive(Args, Debug)]
struct OpsArgs {
    /// The node's operations listener
    #[arg(
        long,
        value_name = "URL",
        env = "QUORATE_OPS",
        default_value = "http://127.0.0.1:8200"
    )]
    ops: String,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate node webhooks list --ops http://127.0.0.1:8200")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    ops: OpsArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate node webhooks dead orders
  quorate node webhooks retry orders --ops http://127.0.0.1:8200")]
pub(crate) struct NamedArgs {
    /// The webhook's name in the node's configuration
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    ops: OpsArgs,
}

/// Carries out a command of this group.
pub(crate) async fn run(command: WebhooksCommand, output: &Output) -> Result<(), Failure> {
    match command {
        WebhooksCommand::List(args) => list(&args, output).await,
        WebhooksCommand::Dead(args) => dead(&args, output).await,
        WebhooksCommand::Retry(args) => retry(&args, output).await,
    }
}

async fn list(args: &ListArgs, output: &Output) -> Result<(), Failure> {
    let list: WebhookList = ask(&args.ops, Method::GET, &["webhooks"]).await?;
    output.print(&list, |output| shown(&list.webhooks, output))
}

async fn dead(args: &NamedArgs, output: &Output) -> Result<(), Failure> {
    let list: DeadLetterList = ask(&args.ops, Method::GET, &["webhooks", &args.name, "dead"]).await?;
    output.print(&list, |output| {
        if list.dead.is_empty() {
            return format!("{} has given up nothing\n", printable(&args.name));
        }
        let rows = list.dead.iter().map(|letter| {
            let ordinal = letter
                .ordinal
                .map_or_else(|| "-".to_owned(), |ordinal| ordinal.to_string());
            vec![
                letter.height.to_string(),
                ordinal,
                letter.attempts.to_string(),
                rfc3339_of(letter.at),
                letter.error.clone(),
            ]
        });
        output.table(
            &[">HEIGHT", ">ORDINAL", ">ATTEMPTS", "LAST TRIED", "WHY"],
            rows.collect(),
        )
    })
}

async fn retry(args: &NamedArgs, output: &Output) -> Result<(), Failure> {
    let before: Webhook = ask(&args.ops, Method::POST, &["webhooks", &args.name, "retry"]).await?;
    output.print(&before, |output| shown(std::slice::from_ref(&before), output))?;
    if before.state == WebhookState::Unusable {
        return Err(Failure::failed(format!(
            "{} posts nothing until the node's next start",
            before.name
        ))
        .hint("mend what its error says, and restart the node"));
    }
    say("this is how it was; it tries again now, and `quorate node webhooks list` shows what becomes of it");
    Ok(())
}

fn shown(webhooks: &[Webhook], output: &Output) -> String {
    if webhooks.is_empty() {
        return "the node has no webhooks (docs/webhooks.md)\n".to_owned();
    }
    let rows = webhooks.iter().map(|webhook| {
        let tone = match webhook.state {
            WebhookState::Delivering => Tone::Good,
            WebhookState::Retrying => Tone::Warning,
            WebhookState::Disabled | WebhookState::Unusable => Tone::Bad,
        };
        vec![
            webhook.name.clone(),
            output.paint(tone, webhook.state.name()),
            webhook.behind.to_string(),
            webhook.delivered.to_string(),
            webhook.failed.to_string(),
            webhook.dead.to_string(),
            webhook.url.clone(),
        ]
    });
    let mut text = output.table(
        &[
            "NAME",
            "STATE",
            ">BEHIND",
            ">DELIVERED",
            ">FAILED",
            ">DEAD",
            "URL",
        ],
        rows.collect(),
    );
    for webhook in webhooks {
        if let Some(error) = &webhook.error {
            let next = webhook.next_attempt.map_or_else(String::new, |next| {
                format!(
                    "; attempt {} at {}",
                    webhook.attempts.saturating_add(1),
                    rfc3339_of(next)
                )
            });
            text.push_str(&format!(
                "{}: {}{next}\n",
                printable(&webhook.name),
                printable(error)
            ));
        }
    }
    text
}

/// Makes a call of the operations listener.
async fn ask<T: DeserializeOwned>(args: &OpsArgs, method: Method, path: &[&str]) -> Result<T, Failure> {
    let ops = args.ops.as_str();
    let malformed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("{ops} is not the URL of an operations listener: {error}"))
    };
    let mut url = reqwest::Url::parse(ops).map_err(|error| malformed(&error))?;
    url.path_segments_mut()
        .map_err(|()| malformed(&"expected http://HOST:PORT"))?
        .pop_if_empty()
        .extend(path);
    let http: Client = quorate_client::plain_http()
        .timeout(ANSWER)
        .build()
        .map_err(Failure::failed)?;
    let answer = http.request(method, url).send().await.map_err(|error| {
        Failure::new(
            Exit::Unreachable,
            format!("no node answers at {ops}: {}", innermost(&error)),
        )
        .hint("its log says where its operations listener is, after `the node is up`; name it with --ops")
    })?;
    let foreign = |error: reqwest::Error| {
        Failure::failed(format!(
            "{ops} does not answer like a node: {}",
            innermost(&error)
        ))
    };
    if answer.status().is_success() {
        return answer.json().await.map_err(foreign);
    }
    let problem: Problem = answer.json().await.map_err(foreign)?;
    Err(ClientError::from_problem(problem).into())
}
