//! Queries about nodes and members.

use quorate_client::Client;
use quorate_client::schema::{MemberList, VotingView};
use quorate_client::text::rfc3339_of;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, say};

/// A value that may be missing.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

pub(super) async fn status(client: &Client, output: &Output) -> Result<(), Failure> {
    let status = client.status().await?;
    output.print(&status, |output| {
        let syncing = if status.syncing {
            output.paint(Tone::Warning, "yes, fetching blocks")
        } else {
            output.paint(Tone::Good, "no")
        };
        let votes = match &status.does_not_vote {
            None if !status.asking.is_empty() => output.paint(
                Tone::Warning,
                &format!(
                    "asking: it has just started, and votes once enough others have told what it signed before; \
                     still silent: {}",
                    status.asking.join(", ")
                ),
            ),
            None => output.paint(Tone::Good, "yes"),
            Some(reason) => output.paint(Tone::Bad, &format!("no: {reason}")),
        };
        let reign = match &status.does_not_vote {
            None => status.view.to_string(),
            Some(_) => format!("{}, the last it heard of: it follows blocks", status.view),
        };
        let observing = match (&status.no_quorum_left, status.observing.as_slice()) {
            (None, []) => output.paint(Tone::Good, "nobody"),
            (None, names) => output.paint(Tone::Warning, &names.join(", ")),
            (Some(what), names) => output.paint(Tone::Bad, &format!("{}: {what}", names.join(", "))),
        };
        output.fields(&[
            ("network", status.network.to_string()),
            ("name", status.network_name.clone()),
            ("validator", status.validator.clone()),
            ("version", status.version.clone()),
            ("consensus", status.consensus.to_string()),
            ("promise", status.consensus.promise().to_owned()),
            ("epoch", status.epoch.to_string()),
            (status.consensus.reign(), reign),
            (status.consensus.leader(), or_dash(status.primary.as_ref())),
            ("height", status.height.to_string()),
            ("block hash", status.block_hash.to_string()),
            ("state root", status.state_root.to_string()),
            ("time", rfc3339_of(status.timestamp)),
            ("syncing", syncing),
            ("votes", votes),
            ("without a vote", observing),
            ("peers", status.peers.to_string()),
            ("pending", status.pending_transactions.to_string()),
            ("transactions", status.transactions.to_string()),
        ])
    })
}

pub(super) async fn validators(client: &Client, output: &Output) -> Result<(), Failure> {
    let list = client.validators().await?;
    output.print(&list, |output| {
        let rows = list.validators.iter().map(|validator| {
            let connected = match validator.connected {
                None => output.paint(Tone::Dim, "this node"),
                Some(true) => output.paint(Tone::Good, "yes"),
                Some(false) => output.paint(Tone::Bad, "no"),
            };
            let votes = match validator.voting {
                VotingView::Yes => output.paint(Tone::Good, "yes"),
                VotingView::No => output.paint(Tone::Bad, "no"),
                VotingView::Asking => output.paint(Tone::Warning, "asking"),
                VotingView::Unknown => output.paint(Tone::Dim, "unknown"),
            };
            vec![
                validator.index.to_string(),
                validator.name.clone(),
                if validator.primary {
                    "leads".to_owned()
                } else {
                    String::new()
                },
                or_dash(validator.last_seal),
                votes,
                connected,
                validator.key.to_string(),
            ]
        });
        let headings = [
            ">INDEX",
            "NAME",
            "ROLE",
            ">LAST SEAL",
            "VOTES",
            "CONNECTED",
            "KEY",
        ];
        let table = output.table(&headings, rows.collect());
        format!(
            "epoch {}, a quorum is {} of {}\n{table}",
            list.epoch,
            list.quorum,
            list.validators.len()
        )
    })
}

pub(super) async fn peers(client: &Client, output: &Output) -> Result<(), Failure> {
    let list = client.peers().await?;
    output.print(&list, |output| {
        if list.peers.is_empty() {
            return "This node has no peers.".to_owned();
        }
        let rows = list.peers.iter().map(|peer| {
            let connected = if peer.connected {
                output.paint(Tone::Good, "yes")
            } else {
                output.paint(Tone::Bad, "no")
            };
            let round_trip = peer
                .round_trip_us
                .map(|us| format!("{}.{:03} ms", us / 1000, us % 1000));
            vec![
                peer.name.clone(),
                connected,
                or_dash(peer.height),
                or_dash(round_trip),
                or_dash(peer.address.as_ref()),
            ]
        });
        output.table(
            &["NAME", "CONNECTED", ">HEIGHT", ">ROUND TRIP", "ADDRESS"],
            rows.collect(),
        )
    })
}

pub(super) async fn evidence(client: &Client, output: &Output) -> Result<(), Failure> {
    let list = client.evidence().await?;
    output.print(&list, |output| {
        if list.evidence.is_empty() {
            return "No misbehaviour was seen.".to_owned();
        }
        let rows = list.evidence.iter().map(|evidence| {
            vec![
                output.paint(Tone::Bad, &evidence.validator),
                evidence.kind.clone(),
                evidence.epoch.to_string(),
                or_dash(evidence.height),
                or_dash(evidence.view),
            ]
        });
        output.table(
            &["VALIDATOR", "WHAT", ">EPOCH", ">HEIGHT", ">REIGN"],
            rows.collect(),
        )
    })?;
    if !list.evidence.is_empty() {
        say(
            "Evidence says what was signed, not why: a lost journal, a copied key or a broken machine signs the same.",
        );
    }
    Ok(())
}

pub(super) async fn members(client: &Client, output: &Output) -> Result<(), Failure> {
    let list = MemberList {
        members: client.all_members().await?,
        next: None,
    };
    output.print(&list, |output| {
        let rows = list.members.iter().map(|member| {
            let seats: Vec<String> = member.sitting.iter().map(|seat| seat.seat.to_string()).collect();
            vec![
                member.number.to_string(),
                member.name.clone(),
                member.status.name().to_owned(),
                seats.join(", "),
                member.validators.join(", "),
                member.account.to_string(),
            ]
        });
        let headings = [">NUMBER", "MEMBER", "STATUS", "SEATS", "VALIDATORS", "ACCOUNT"];
        output.table(&headings, rows.collect())
    })
}
