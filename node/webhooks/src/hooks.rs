//! All hooks of a node.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quorate_api::Node;
use quorate_client::schema::{DeadLetter, Webhook, WebhookState};
use quorate_crypto::Digest;
use quorate_ledger::Height;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::HookConfig;
use crate::delivery::Delivery;
use crate::hook::Hook;
use crate::post::Receiver;
use crate::secret::Secrets;

/// How long the last writes may take when the node ends. What is not written by then is posted again.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Where hooks are, and what they begin with.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The network.
    pub network: Digest,
    /// The home: relative paths of a hook begin here.
    pub home: &'a Path,
    /// The folder of the hooks' files; it is made if there are hooks.
    pub folder: &'a Path,
    /// The certified height.
    pub tip: Height,
    /// The groups that may read secrets besides their owner.
    pub groups: &'a [u32],
}

/// All hooks of a node, as they are configured.
#[derive(Debug, Default)]
pub struct Hooks(Vec<Slot>);

#[derive(Debug)]
enum Slot {
    Usable(Arc<Hook>),
    /// A node agrees without it, and says why it posts nothing.
    Unusable {
        config: Box<HookConfig>,
        reason: String,
    },
}

impl Hooks {
    /// Opens each hook; one that cannot be used is logged and shown, and keeps no other from its work.
    pub fn open(place: Place<'_>, configs: &[HookConfig]) -> Self {
        let open = |config: &HookConfig| match usable(place, config) {
            Ok(hook) => Slot::Usable(Arc::new(hook)),
            Err(reason) => {
                tracing::warn!(webhook = %config.name, %reason, "this webhook posts nothing");
                Slot::Unusable {
                    config: Box::new(config.clone()),
                    reason,
                }
            }
        };
        Self(configs.iter().map(open).collect())
    }

    /// Looks for the first hook of a home whose secret or certificates cannot be used: its name, and why. Nothing is
    /// posted or written.
    pub fn first_unusable(home: &Path, groups: &[u32], configs: &[HookConfig]) -> Option<(String, String)> {
        configs.iter().find_map(|config| {
            let why = receiver_of(home, groups, config).err()?;
            Some((config.name.clone(), why))
        })
    }

    /// Delivers until the node stops, and keeps how far each has come.
    pub async fn run(&self, node: Arc<dyn Node>, stopped: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        for slot in &self.0 {
            if let Slot::Usable(hook) = slot {
                let mut delivery = Delivery::new(Arc::clone(hook), Arc::clone(&node));
                let mut stopped = stopped.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        biased;
                        // Should the sender go, that too means stop.
                        () = async { drop(stopped.wait_for(|stopping| *stopping).await) } => {}
                        () = delivery.run() => {}
                    }
                    delivery.save();
                });
            }
        }
        let mut stopped = stopped;
        let _ = stopped.wait_for(|stopping| *stopping).await;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WRITES, ended).await.is_err() {
            tracing::warn!(
                "webhooks have not written how far they have come: they will post some events again"
            );
        }
    }

    /// All hooks, where this is the certified height.
    pub fn list(&self, tip: Height) -> Vec<Webhook> {
        self.0.iter().map(|slot| slot.shown(tip)).collect()
    }

    /// The dead letters of a hook; none if there is no hook of this name.
    pub fn dead(&self, name: &str) -> Option<Vec<DeadLetter>> {
        match self.find(name)? {
            Slot::Usable(hook) => Some(hook.dead()),
            Slot::Unusable { .. } => Some(Vec::new()),
        }
    }

    /// Has a hook try again at once what waits, and its dead letters, and go on if it is disabled. Gives the hook as it
    /// was; none if there is no hook of this name.
    pub fn retry(&self, name: &str, tip: Height) -> Option<Webhook> {
        let slot = self.find(name)?;
        let shown = slot.shown(tip);
        if let Slot::Usable(hook) = slot {
            hook.retry();
        }
        Some(shown)
    }

    fn find(&self, name: &str) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.config().name == name)
    }
}

impl Slot {
    fn config(&self) -> &HookConfig {
        match self {
            Self::Usable(hook) => &hook.config,
            Self::Unusable { config, .. } => config,
        }
    }

    fn shown(&self, tip: Height) -> Webhook {
        match self {
            Self::Usable(hook) => hook.shown(tip),
            Self::Unusable { config, reason } => Webhook {
                name: config.name.clone(),
                url: config.shown_url(),
                state: WebhookState::Unusable,
                height: Height::GENESIS,
                behind: 0,
                delivered: 0,
                failed: 0,
                dead: 0,
                attempts: 0,
                next_attempt: None,
                error: Some(reason.clone()),
            },
        }
    }
}

fn receiver_of(home: &Path, groups: &[u32], config: &HookConfig) -> Result<Receiver, String> {
    let secrets = Secrets::read(&home.join(&config.secret_file), groups);
    let secrets = secrets.map_err(|error| error.to_string())?;
    Receiver::new(config, home, secrets)
}

fn usable(place: Place<'_>, config: &HookConfig) -> Result<Hook, String> {
    let receiver = receiver_of(place.home, place.groups, config)?;
    std::fs::create_dir_all(place.folder)
        .map_err(|error| format!("{} cannot be made: {error}", place.folder.display()))?;
    Hook::open(config.clone(), place.network, place.tip, place.folder, receiver)
}
