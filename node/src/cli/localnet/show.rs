//! What a local network looks like: where everything is, and what each validator is doing.

use std::path::Path;

use quorate_client::schema::Status;
use quorate_tools::failure::Failure;
use quorate_tools::localnet::control::Control;
use quorate_tools::localnet::process::Activity;
use quorate_tools::localnet::{Localnet, ValidatorEntry};
use quorate_tools::output::{Output, Tone};
use serde::Serialize;

/// One validator as it is now.
#[derive(Serialize)]
struct ValidatorView {
    name: String,
    pid: Option<i32>,
    state: Activity,
    ready: bool,
    /// Why it is not ready or does not answer.
    reason: Option<String>,
    api: String,
    ops: String,
    status: Option<Status>,
}

/// Prints where everything is and what to try next.
pub(super) fn summary(localnet: &Localnet, detached: bool, output: &Output) -> Result<(), Failure> {
    let document = &localnet.document;
    output.print(document, |output| {
        let dir = localnet.dir().display();
        let key = document.treasury.key.display();
        let first = document.validators.first().map_or("", |validator| &validator.api);
        let fields = output.fields(&[
            ("network", document.network.to_string()),
            ("consensus", document.consensus.to_string()),
            ("genesis", document.genesis.display().to_string()),
            ("treasury", document.treasury.address.to_string()),
            ("its key", key.to_string()),
        ]);
        let rows = document.validators.iter().map(|validator| {
            vec![
                validator.name.clone(),
                validator.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                validator.api.clone(),
                validator.ops.clone(),
                validator.log().display().to_string(),
            ]
        });
        let table = output.table(&["VALIDATOR", ">PID", "API AND EXPLORER", "OPERATIONS", "LOG"], rows.collect());
        let end = if detached {
            format!("\nStop it:\n  quorate localnet down --dir {dir}\n")
        } else {
            "\nCtrl-C stops all validators.\n".to_owned()
        };
        let asset = document.asset;
        format!(
            "{fields}\n{table}\nTry:\n  \
             quorate localnet status --dir {dir}\n  \
             quorate query account {treasury} --node {first}\n  \
             quorate wallet new alice.key --no-passphrase\n  \
             quorate wallet transfer --node {first} --key {key} --to ADDRESS --amount 12.50 --asset {asset}\n  \
             {first} in a browser shows blocks, transactions and accounts\n{end}",
            treasury = document.treasury.address,
        )
    })
}

/// Prints what each validator is doing.
pub(super) async fn status(dir: &Path, output: &Output) -> Result<(), Failure> {
    let localnet = Localnet::open(dir)?;
    let control = Control::new()?;
    let looks = localnet
        .document
        .validators
        .iter()
        .map(|validator| look(&control, validator));
    let views = futures::future::join_all(looks).await;
    let no_quorum_left = no_quorum_left(&control, &localnet.document.validators, &views).await;
    output.print(
        &serde_json::json!({
            "network": localnet.document.network,
            "validators": views,
            "no_quorum_left": no_quorum_left,
        }),
        |output| {
            let rows = views.iter().map(|view| row(view, output)).collect();
            let protocol = localnet.document.consensus;
            let reign = format!(">{}", protocol.reign().to_uppercase());
            let leader = protocol.leader().to_uppercase();
            let headings = [
                "VALIDATOR",
                ">PID",
                "STATE",
                ">HEIGHT",
                &reign,
                &leader,
                ">PEERS",
                "BLOCK",
                "API AND EXPLORER",
            ];
            let mut text = output.table(&headings, rows);
            for view in &views {
                if let Some(reason) = &view.reason {
                    text.push_str(&format!("{}: {reason}\n", view.name));
                }
            }
            if let Some(what) = &no_quorum_left {
                text.push_str(&output.paint(Tone::Bad, what));
                text.push('\n');
            }
            text
        },
    )
}

/// That so many validators observe that the rest is no quorum, if so.
async fn no_quorum_left(
    control: &Control,
    validators: &[ValidatorEntry],
    views: &[ValidatorView],
) -> Option<String> {
    let observing = views.iter().filter(|view| view.is_silenced()).count();
    let answering = views.iter().position(|view| view.status.is_some())?;
    let quorum = control.quorum(validators.get(answering)?).await?;
    quorate_runtime::diagnosis::no_quorum_left(views.len(), observing, quorum)
}

impl ValidatorView {
    fn is_silenced(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| status.does_not_vote.is_some())
    }
}

async fn look(control: &Control, validator: &ValidatorEntry) -> ValidatorView {
    let state = validator.activity();
    let (ready, status) = match state {
        Activity::Running => (
            control.ready(validator).await,
            control.status(validator).await.ok(),
        ),
        Activity::Paused | Activity::Stopped => (Err(String::new()), None),
    };
    let reason = ready.as_ref().err().filter(|reason| !reason.is_empty()).cloned();
    ValidatorView {
        name: validator.name.clone(),
        pid: validator.pid.filter(|_| state != Activity::Stopped),
        state,
        ready: ready.is_ok(),
        reason,
        api: validator.api.clone(),
        ops: validator.ops.clone(),
        status,
    }
}

fn row(view: &ValidatorView, output: &Output) -> Vec<String> {
    let state = match (view.state, view.ready) {
        (Activity::Running, false) if view.is_silenced() => output.paint(Tone::Bad, "does not vote"),
        (Activity::Running, true) => output.paint(Tone::Good, "ready"),
        (Activity::Running, false) => output.paint(Tone::Warning, "running, not ready"),
        (Activity::Paused, _) => output.paint(Tone::Warning, "paused"),
        (Activity::Stopped, _) => output.paint(Tone::Bad, "stopped"),
    };
    let of = |part: fn(&Status) -> String| view.status.as_ref().map_or_else(|| "-".to_owned(), part);
    vec![
        view.name.clone(),
        view.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        state,
        of(|status| status.height.to_string()),
        // In brackets where it is the last that a validator without a vote has heard of.
        of(|status| match &status.does_not_vote {
            None => status.view.to_string(),
            Some(_) => format!("({})", status.view),
        }),
        of(|status| status.primary.clone().unwrap_or_else(|| "-".to_owned())),
        of(|status| status.peers.to_string()),
        of(|status| status.block_hash.short()),
        view.api.clone(),
    ]
}

/// Says what was done to some validators.
pub(super) fn after(
    localnet: &Localnet,
    places: &[usize],
    what: &str,
    output: &Output,
) -> Result<(), Failure> {
    let validators: Vec<&ValidatorEntry> = places
        .iter()
        .map(|&place| &localnet.document.validators[place])
        .collect();
    output.print(
        &serde_json::json!({ "done": what, "validators": validators }),
        |_| {
            let names: Vec<&str> = validators
                .iter()
                .map(|validator| validator.name.as_str())
                .collect();
            let mut what = what.to_owned();
            if let Some(first) = what.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{what} {}.", names.join(", "))
        },
    )
}
