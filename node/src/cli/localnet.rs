//! `quorate localnet`: a network of validators on this machine, for trying things.

mod drill;
mod show;
mod stop;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use quorate_crypto::Engine;
use quorate_ledger::AssetCode;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::localnet::process::Activity;
use quorate_tools::localnet::up::{Children, start, wait_ready};
use quorate_tools::localnet::{Localnet, make};
use quorate_tools::output::{Output, say};
use quorate_tools::protocol::ProtocolArg;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a validator may take to end once it was asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How often a network in the foreground looks after its processes.
const LOOK_AFTER_EVERY: Duration = Duration::from_millis(250);

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate localnet up --dir ./localnet --detach && quorate localnet status --dir ./localnet")]
pub(crate) enum LocalnetCommand {
    /// Make a network, or resume the one in DIR, and wait until it is ready
    Up(UpArgs),
    /// Show what each validator is doing
    #[command(after_help = "Example:\n  quorate localnet status --dir ./localnet")]
    Status(DirArgs),
    /// Ask all validators to end, and wait until they have
    Down(DownArgs),
    /// End validators at once, as a crash would (SIGKILL)
    #[command(after_help = "Example:\n  quorate localnet kill validator-1 --dir ./localnet")]
    Kill(NamesArgs),
    /// Stop validators where they are, as a stalled machine would (SIGSTOP)
    #[command(after_help = "Example:\n  quorate localnet pause validator-2 --dir ./localnet")]
    Pause(NamesArgs),
    /// Let paused validators go on (SIGCONT)
    #[command(after_help = "Example:\n  quorate localnet resume validator-2 --dir ./localnet")]
    Resume(NamesArgs),
    /// End validators in order if they run, and start them again
    #[command(after_help = "Example:\n  quorate localnet restart validator-1 --dir ./localnet")]
    Restart(NamesArgs),
    /// Cut all links between the named validators and the others
    #[command(after_help = "Example:\n  quorate localnet partition validator-1 validator-2 --dir ./localnet")]
    Partition(NamesArgs),
    /// Undo every partition
    #[command(after_help = "Example:\n  quorate localnet heal --dir ./localnet")]
    Heal(DirArgs),
}

/// Which network.
#[derive(Args, Debug)]
pub(crate) struct DirArgs {
    /// The network's folder
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR", default_value = "./localnet")]
    dir: PathBuf,
}

/// Which validators of which network.
#[derive(Args, Debug)]
pub(crate) struct NamesArgs {
    /// Validators, as `localnet status` names them
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// The network's folder
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR", default_value = "./localnet")]
    dir: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate localnet down --dir ./localnet")]
pub(crate) struct DownArgs {
    /// The network's folder
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR", default_value = "./localnet")]
    dir: PathBuf,
    /// Seconds that the validators may take to end
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = STOP_PATIENCE.as_secs())]
    timeout: u64,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate localnet up --dir ./localnet --detach
  quorate localnet up --dir ./seven --validators 7 --api-port 8300 --p2p-port 9300

Without --detach it stays in the foreground, and Ctrl-C ends all validators.")]
pub(crate) struct UpArgs {
    /// The network's folder; one that holds a network is resumed, never overwritten
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR", default_value = "./localnet")]
    dir: PathBuf,
    /// How many validators [default: 4]
    #[arg(long, value_name = "N", env = "QUORATE_VALIDATORS")]
    validators: Option<u16>,
    /// The consensus protocol [default: pbft]
    #[arg(long, value_enum, env = "QUORATE_CONSENSUS")]
    consensus: Option<ProtocolArg>,
    /// The version of the ledger's rules: from 2 on members, rights and votes are carried out
    #[arg(long, value_name = "N", env = "QUORATE_PROTOCOL", default_value_t = quorate_ledger::PROTOCOL)]
    protocol: u32,
    /// The first validator's API port; operations listeners are 100 above [default: 8100]
    #[arg(long, value_name = "PORT", env = "QUORATE_API_PORT")]
    api_port: Option<u16>,
    /// The first validator's peer-to-peer port [default: 9100]
    #[arg(long, value_name = "PORT", env = "QUORATE_P2P_PORT")]
    p2p_port: Option<u16>,
    /// The asset that genesis makes [default: QRT]
    #[arg(long, value_name = "CODE", env = "QUORATE_ASSET")]
    asset: Option<AssetCode>,
    /// Its decimals
    #[arg(long, value_name = "N", env = "QUORATE_DECIMALS", default_value_t = 2)]
    decimals: u8,
    /// How much of it the treasury holds
    #[arg(
        long,
        value_name = "AMOUNT",
        env = "QUORATE_SUPPLY",
        default_value = "1000000000"
    )]
    supply: String,
    /// Return once all are ready, and leave them running
    #[arg(long, env = "QUORATE_DETACH")]
    detach: bool,
    /// Seconds until all must be ready
    #[arg(long, value_name = "SECONDS", env = "QUORATE_TIMEOUT", default_value_t = 60)]
    timeout: u64,
}

/// Carries out a command of this group.
pub(crate) async fn run(command: LocalnetCommand, output: &Output) -> Result<(), Failure> {
    match command {
        LocalnetCommand::Up(args) => up(args, output).await,
        LocalnetCommand::Status(args) => show::status(&args.dir, output).await,
        LocalnetCommand::Down(args) => down(&args, output).await,
        LocalnetCommand::Kill(args) => drill::kill(&args.dir, &args.names, output).await,
        LocalnetCommand::Pause(args) => drill::pause(&args.dir, &args.names, output).await,
        LocalnetCommand::Resume(args) => drill::resume(&args.dir, &args.names, output).await,
        LocalnetCommand::Restart(args) => restart(&args, output).await,
        LocalnetCommand::Partition(args) => drill::partition(&args.dir, &args.names, output).await,
        LocalnetCommand::Heal(args) => drill::heal(&args.dir, output).await,
    }
}

/// Ctrl-C or a polite request to end, from the moment this exists: none is lost between two waits.
struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    fn register() -> Result<Self, Failure> {
        let take = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))
        };
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn up(args: UpArgs, output: &Output) -> Result<(), Failure> {
    let mut ending = Ending::register()?;
    let mut localnet = if Localnet::exists(&args.dir) {
        let localnet = Localnet::open(&args.dir)?;
        agrees(&args, &localnet)?;
        say(format!("resuming the network in {}", localnet.dir().display()));
        localnet
    } else {
        make::make(&args.dir, &plan(&args)?)?
    };
    let lock = Localnet::lock(localnet.dir())?;
    // Another command may have been at it while this one waited for the lock.
    localnet = Localnet::open(&args.dir)?;
    let all: Vec<usize> = (0..localnet.document.validators.len()).collect();
    let mut children = start(&mut localnet, &all)?;
    let progress = output.progress(all.len() as u64, "validators");
    progress.set_message("starting");
    let patience = Duration::from_secs(args.timeout);
    let readiness = tokio::select! {
        readiness = wait_ready(&mut localnet, &mut children, patience, &progress) => Some(readiness),
        () = ending.asked() => None,
    };
    progress.finish_and_clear();
    let Some(readiness) = readiness else {
        stop_all(&mut localnet, &mut children, STOP_PATIENCE).await?;
        return Err(Failure::new(
            Exit::Interrupted,
            "interrupted: all validators have ended",
        ));
    };
    readiness?;
    localnet.save()?;
    show::summary(&localnet, args.detach, output)?;
    drop(lock);
    if args.detach {
        return Ok(());
    }
    foreground(localnet, children, ending).await
}

/// Stays until Ctrl-C, or until no validator is left.
async fn foreground(localnet: Localnet, mut children: Children, mut ending: Ending) -> Result<(), Failure> {
    let dir = localnet.dir().to_owned();
    loop {
        tokio::select! {
            () = ending.asked() => break,
            () = tokio::time::sleep(LOOK_AFTER_EVERY) => {}
        }
        children.retain(|place, child| match child.try_wait() {
            Ok(Some(status)) => {
                say(format!(
                    "{} has ended ({status})",
                    localnet.document.validators[*place].name
                ));
                false
            }
            _ => true,
        });
        // Others may have been started again from another terminal.
        if children.is_empty()
            && Localnet::open(&dir)?
                .document
                .validators
                .iter()
                .all(|validator| validator.activity() == Activity::Stopped)
        {
            say("no validator is left");
            return Ok(());
        }
    }
    say("stopping all validators");
    let _lock = Localnet::lock(&dir)?;
    let mut localnet = Localnet::open(&dir)?;
    stop_all(&mut localnet, &mut children, STOP_PATIENCE).await
}

async fn stop_all(
    localnet: &mut Localnet,
    children: &mut Children,
    patience: Duration,
) -> Result<(), Failure> {
    let all: Vec<usize> = (0..localnet.document.validators.len()).collect();
    let remaining = stop::stop(localnet, &all, patience).await?;
    for child in children.values_mut() {
        // Those that have ended are asked for, so that they do not stay zombies.
        let _ = child.try_wait();
    }
    if remaining.is_empty() {
        Ok(())
    } else {
        Err(still_running(&remaining, patience, localnet.dir()))
    }
}

fn still_running(names: &[String], patience: Duration, dir: &Path) -> Failure {
    let message = format!(
        "still running after {} s: {}",
        patience.as_secs(),
        names.join(", ")
    );
    Failure::failed(message).hint(format!(
        "quorate localnet kill {} --dir {}",
        names.join(" "),
        dir.display()
    ))
}

/// What was asked for must be what is there: a network is not changed by resuming it.
fn agrees(args: &UpArgs, localnet: &Localnet) -> Result<(), Failure> {
    let document = &localnet.document;
    let port = |url: &str| {
        url.rsplit([':', '/'])
            .next()
            .and_then(|port| port.parse::<u16>().ok())
    };
    let first = document.validators.first();
    let differs = |there: String| {
        Err(Failure::usage(format!(
            "the network in {} has {there}, and resuming cannot change that",
            localnet.dir().display()
        ))
        .hint("choose another --dir for another network"))
    };
    if let Some(wanted) = args.validators
        && usize::from(wanted) != document.validators.len()
    {
        let there = document.validators.len();
        let validators = if there == 1 { "validator" } else { "validators" };
        return differs(format!("{there} {validators}"));
    }
    if let Some(wanted) = args.consensus
        && Engine::from(wanted) != document.consensus
    {
        return differs(format!("the protocol {}", document.consensus));
    }
    if let Some(wanted) = args.asset
        && wanted != document.asset
    {
        return differs(format!("the asset {}", document.asset));
    }
    for (wanted, there, what) in [
        (
            args.api_port,
            first.and_then(|first| port(&first.api)),
            "the API port",
        ),
        (
            args.p2p_port,
            first.and_then(|first| port(&first.p2p)),
            "the peer-to-peer port",
        ),
    ] {
        if let (Some(wanted), Some(there)) = (wanted, there)
            && wanted != there
        {
            return differs(format!("{what} {there}"));
        }
    }
    Ok(())
}

fn plan(args: &UpArgs) -> Result<make::Plan, Failure> {
    let asset = match args.asset {
        Some(asset) => asset,
        None => "QRT".parse().map_err(Failure::usage)?,
    };
    Ok(make::Plan {
        validators: args.validators.unwrap_or(4),
        engine: args.consensus.unwrap_or(ProtocolArg::Pbft).into(),
        protocol: args.protocol,
        api_port: args.api_port.unwrap_or(8100),
        p2p_port: args.p2p_port.unwrap_or(9100),
        asset,
        decimals: args.decimals,
        supply: args.supply.clone(),
    })
}

async fn down(args: &DownArgs, output: &Output) -> Result<(), Failure> {
    let mut localnet = Localnet::open(&args.dir)?;
    let _lock = Localnet::lock(localnet.dir())?;
    localnet = Localnet::open(&args.dir)?;
    let names: Vec<String> = running(&localnet);
    let patience = Duration::from_secs(args.timeout);
    let spinner = output.spinner("stopping");
    let stopped = stop_all(&mut localnet, &mut Children::new(), patience).await;
    spinner.finish_and_clear();
    stopped?;
    output.print(&serde_json::json!({ "stopped": names }), |_| {
        match names.as_slice() {
            [] => "No validator was running.".to_owned(),
            names => format!("Stopped {}.", names.join(", ")),
        }
    })
}

/// The names of the validators that have a process.
fn running(localnet: &Localnet) -> Vec<String> {
    let alive = localnet
        .document
        .validators
        .iter()
        .filter(|validator| validator.activity() != Activity::Stopped);
    alive.map(|validator| validator.name.clone()).collect()
}

async fn restart(args: &NamesArgs, output: &Output) -> Result<(), Failure> {
    let mut localnet = Localnet::open(&args.dir)?;
    let _lock = Localnet::lock(localnet.dir())?;
    localnet = Localnet::open(&args.dir)?;
    let places = localnet.places(&args.names)?;
    let spinner = output.spinner("restarting");
    let remaining = stop::stop(&mut localnet, &places, STOP_PATIENCE).await?;
    if !remaining.is_empty() {
        return Err(still_running(&remaining, STOP_PATIENCE, localnet.dir()));
    }
    let mut children = start(&mut localnet, &places)?;
    let up = drill::wait_serving(&localnet, &places, &mut children).await;
    spinner.finish_and_clear();
    up?;
    show::after(&localnet, &places, "restarted", output)
}
