//! Hooks that run in a home, and are stopped or fall over.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_api::Node;
use quorate_client::schema::Webhook;
use quorate_webhooks::{HookConfig, Hooks, Place};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fake::{Fake, network};
use crate::receiver::SECRET;

/// How long a state is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home with a secret.
pub(crate) struct Home(TempDir);

/// Hooks at work.
pub(crate) struct Running {
    pub(crate) hooks: Arc<Hooks>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    fake: Arc<Fake>,
    /// Who had the node before.
    holders: usize,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("orders.secret", SECRET, 0o600);
        home
    }

    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the hook `orders` keeps how far it has come.
    pub(crate) fn cursor(&self) -> PathBuf {
        self.path().join("webhooks/orders.cursor")
    }

    /// Starts hooks as a node would.
    pub(crate) fn start(&self, fake: &Arc<Fake>, configs: &[HookConfig]) -> Running {
        let folder = self.path().join("webhooks");
        let place = Place {
            network: network(),
            home: self.path(),
            folder: &folder,
            tip: fake.height(),
            groups: &[],
        };
        let hooks = Arc::new(Hooks::open(place, configs));
        let holders = Arc::strong_count(fake);
        let (stop, stopped) = watch::channel(false);
        let (running, node) = (Arc::clone(&hooks), Arc::clone(fake) as Arc<dyn Node>);
        let task = tokio::spawn(async move { running.run(node, stopped).await });
        Running {
            hooks,
            stop,
            task,
            fake: Arc::clone(fake),
            holders,
        }
    }
}

impl Running {
    /// As a node that is told to stop.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }

    /// As a node that is killed: nothing more is written.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        // Until the hooks' own tasks have ended, and only the test and this have the node.
        while Arc::strong_count(&self.fake) > self.holders + 1 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn shown(&self) -> Webhook {
        self.hooks.list(self.fake.height()).remove(0)
    }

    /// Waits until the first hook is shown so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Webhook) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.shown()) {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.shown());
            tokio::task::yield_now().await;
        }
    }
}

/// The hook `orders`, which posts there from the first block on and waits for milliseconds.
pub(crate) fn hook(url: &str, keys: &str) -> HookConfig {
    let text = format!(
        "name = \"orders\"\nurl = \"{url}\"\nsecret_file = \"orders.secret\"\nretry_first_ms = 10\n\
         retry_longest_ms = 20\nfrom = 1\n{keys}"
    );
    toml::from_str(&text).unwrap()
}
