//! A local network of a benchmark's own: its processes, its folder, and where its validators are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::schema::Status;
use quorate_crypto::Engine;
use quorate_ledger::AssetCode;
use quorate_tools::failure::Failure;
use quorate_tools::localnet::control::Control;
use quorate_tools::localnet::make::{self, Plan};
use quorate_tools::localnet::process::{Process, start_as};
use quorate_tools::localnet::up::{Children, start, wait_ready};
use quorate_tools::localnet::{Localnet, ValidatorEntry};
use rustix::process::Signal;
use tokio::time::Instant;

/// How long anything may take to recover.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A network without load that has made no block for this long makes no more.
const CALM: Duration = Duration::from_secs(1);

/// How often validators are asked where they are.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// A network whose processes end, and whose folder goes, with this.
pub(crate) struct Network {
    localnet: Localnet,
    children: Children,
    control: Control,
    folder: PathBuf,
}

/// The plan of such a network, with as much of an asset as any load can pay out.
pub(crate) fn plan(validators: u16, engine: Engine, api_port: u16, p2p_port: u16) -> Result<Plan, Failure> {
    Ok(Plan {
        validators,
        protocol: quorate_ledger::PROTOCOL,
        engine,
        api_port,
        p2p_port,
        asset: "QRT".parse().map_err(Failure::usage)?,
        decimals: 2,
        supply: "1000000000".to_owned(),
    })
}

/// Refuses a folder that exists: a network's is removed at its end, with all that is in it.
pub(crate) fn refuse_existing(folder: &Path) -> Result<(), Failure> {
    match folder.exists() {
        true => {
            Err(Failure::failed(format!("{} exists", folder.display())).hint("name a new folder with --dir"))
        }
        false => Ok(()),
    }
}

impl Network {
    /// Makes the network in a new folder and starts it. Nothing of it is left when this fails.
    pub(crate) async fn up(folder: PathBuf, plan: &Plan) -> Result<Self, Failure> {
        Self::up_with(folder, plan, &BTreeMap::new()).await
    }

    /// Does the same, with other programs in these places.
    pub(crate) async fn up_with(
        folder: PathBuf,
        plan: &Plan,
        others: &BTreeMap<usize, (PathBuf, Vec<OsString>)>,
    ) -> Result<Self, Failure> {
        let mut network = Self::made(folder, plan)?;
        let places = (0..network.size()).filter(|place| !others.contains_key(place));
        network.start(&places.collect::<Vec<usize>>())?;
        for (place, (binary, arguments)) in others {
            network.start_other(*place, binary, arguments)?;
        }
        network.ready().await?;
        Ok(network)
    }

    /// Does the same, but starts the last validator not yet; the others are a quorum.
    pub(crate) async fn up_without_last(folder: PathBuf, plan: &Plan) -> Result<Self, Failure> {
        let mut network = Self::made(folder, plan)?;
        let others: Vec<usize> = (0..network.size() - 1).collect();
        network.start(&others)?;
        let deadline = Instant::now() + PATIENCE;
        for validator in &network.validators()[..others.len()] {
            while let Err(why) = network.control.ready(validator).await {
                if Instant::now() >= deadline {
                    return Err(Failure::failed(format!("{}: {why}", validator.name)));
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
        Ok(network)
    }

    fn made(folder: PathBuf, plan: &Plan) -> Result<Self, Failure> {
        Ok(Self {
            localnet: make::make(&folder, plan)?,
            children: Children::new(),
            control: Control::new()?,
            folder,
        })
    }

    /// How many validators there are.
    pub(crate) fn size(&self) -> usize {
        self.localnet.document.validators.len()
    }

    /// The URLs of their client APIs.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.validators()
            .iter()
            .map(|validator| validator.api.clone())
            .collect()
    }

    /// The treasury's key file.
    pub(crate) fn treasury_key(&self) -> &Path {
        &self.localnet.document.treasury.key
    }

    /// The asset that genesis made.
    pub(crate) fn asset(&self) -> AssetCode {
        self.localnet.document.asset
    }

    /// The validators.
    pub(crate) fn validators(&self) -> &[ValidatorEntry] {
        &self.localnet.document.validators
    }

    /// What a validator says about itself; none if it does not answer.
    pub(crate) async fn status(&self, place: usize) -> Option<Status> {
        self.control.status(&self.validators()[place]).await.ok()
    }

    /// Processor seconds that a validator's process has used.
    pub(crate) fn cpu_seconds(&self, place: usize) -> Option<f64> {
        self.validators()[place].process()?.cpu_seconds()
    }

    /// Waits until a validator has nothing left to order and makes no blocks any more.
    pub(crate) async fn standing_still(&self, place: usize) -> Result<Status, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut last: Option<Status> = None;
        while Instant::now() < deadline {
            if let Some(status) = self.status(place).await {
                if status.pending_transactions == 0
                    && last.as_ref().is_some_and(|last| last.height == status.height)
                {
                    return Ok(status);
                }
                last = Some(status);
            }
            tokio::time::sleep(CALM).await;
        }
        Err(Failure::failed("the network goes on making blocks without load"))
    }

    /// Waits until all validators are linked to each other and are in the same view, and gives the
    /// primary's place.
    pub(crate) async fn settle(&self) -> Result<usize, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(primary) = self.agreed_primary().await {
                return Ok(primary);
            }
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!(
                    "the validators do not come to one view within {} s",
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn agreed_primary(&self) -> Option<usize> {
        let mut agreed: Option<Status> = None;
        for validator in self.validators() {
            let status = self.control.status(validator).await.ok()?;
            if status.peers < self.size() as u64 - 1 || status.syncing {
                return None;
            }
            match &agreed {
                Some(first) if (first.view, &first.primary) != (status.view, &status.primary) => return None,
                Some(_) => {}
                None => agreed = Some(status),
            }
        }
        let name = agreed?.primary?;
        self.validators()
            .iter()
            .position(|validator| validator.name == name)
    }

    /// Sends a signal to a validator's process.
    pub(crate) fn signal(&self, place: usize, signal: Signal) -> Result<(), Failure> {
        let validator = &self.validators()[place];
        match validator.process() {
            Some(process) if process.signal(signal)? => Ok(()),
            _ => Err(Failure::failed(format!("{} is not running", validator.name))),
        }
    }

    /// Ends processes at once, and waits until they have left.
    pub(crate) fn kill(&mut self, places: &[usize]) -> Result<(), Failure> {
        for &place in places {
            self.signal(place, Signal::KILL)?;
        }
        for place in places {
            if let Some(mut child) = self.children.remove(place) {
                // It was killed; only its end is waited for.
                let _ = child.wait();
            }
            self.localnet.document.validators[*place].set_process(None);
        }
        Ok(())
    }

    /// Starts validators.
    pub(crate) fn start(&mut self, places: &[usize]) -> Result<(), Failure> {
        let started = start(&mut self.localnet, places)?;
        self.children.extend(started);
        Ok(())
    }

    /// Starts another program on the home of a validator that is stopped; it answers as a node does.
    pub(crate) fn start_other(
        &mut self,
        place: usize,
        binary: &Path,
        arguments: &[OsString],
    ) -> Result<(), Failure> {
        let validator = &mut self.localnet.document.validators[place];
        let child = start_as(binary, arguments, &validator.home, &validator.log())?;
        let process = i32::try_from(child.id()).ok().and_then(Process::of_pid);
        validator.set_process(process);
        self.children.insert(place, child);
        Ok(())
    }

    /// Waits until all validators are ready.
    pub(crate) async fn ready(&mut self) -> Result<(), Failure> {
        wait_ready(
            &mut self.localnet,
            &mut self.children,
            PATIENCE,
            &ProgressBar::hidden(),
        )
        .await
    }

    /// Waits until all validators' processes answer, ready or not.
    pub(crate) async fn serving(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        for validator in self.validators() {
            while !self.control.is_alive(validator).await {
                if Instant::now() >= deadline {
                    return Err(Failure::failed(format!("{} does not answer", validator.name)));
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Cuts one validator off from the others, or heals that.
    pub(crate) async fn cut(&self, place: usize, cut: bool) -> Result<(), Failure> {
        let name = |place: usize| self.validators()[place].name.clone();
        for (other, validator) in self.validators().iter().enumerate() {
            let denied: Vec<String> = if !cut {
                Vec::new()
            } else if other == place {
                (0..self.size())
                    .filter(|&place| place != other)
                    .map(name)
                    .collect()
            } else {
                vec![name(place)]
            };
            self.control
                .deny(validator, &denied)
                .await
                .map_err(|reason| Failure::failed(format!("{}: {reason}", validator.name)))?;
        }
        Ok(())
    }

    /// Waits until a validator is in step: in the view of another one, and at the height that the other
    /// one named before this one was asked.
    pub(crate) async fn in_step(&self, place: usize) -> Result<(), Failure> {
        let (validator, other) = (
            &self.validators()[place],
            &self.validators()[(place + 1) % self.size()],
        );
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(theirs) = self.control.status(other).await
                && let Ok(own) = self.control.status(validator).await
                && own.height >= theirs.height
                && own.view == theirs.view
            {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!(
                    "{} is not back in step after {} s",
                    validator.name,
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            // A process that has ended already is fine too.
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            quorate_tools::output::say(format!("{} is left: {error}", self.folder.display()));
        }
    }
}
