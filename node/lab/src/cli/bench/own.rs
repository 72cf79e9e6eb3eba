//! The options of benchmarks that make a network of their own, and its making and removal.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::Engine;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::localnet::make::Plan;
use quorate_tools::protocol::ProtocolArg;

use crate::bench::network::{plan, refuse_existing};

/// The network that a benchmark makes for itself.
#[derive(Args, Debug)]
pub(super) struct OwnNetworkArgs {
    /// How many validators
    #[arg(long, value_name = "N", env = "QUORATE_VALIDATORS", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(3..=100))]
    validators: u16,
    /// The protocol: pbft, for four validators at least, raft or paxos
    #[arg(long, value_name = "NAME", value_enum, env = "QUORATE_CONSENSUS")]
    #[arg(default_value_t = ProtocolArg::Pbft, hide_possible_values = true)]
    consensus: ProtocolArg,
    /// The first validator's API port; operations listeners are 100 above
    #[arg(long, value_name = "PORT", env = "QUORATE_API_PORT", default_value_t = 18100)]
    api_port: u16,
    /// The first validator's peer-to-peer port
    #[arg(long, value_name = "PORT", env = "QUORATE_P2P_PORT", default_value_t = 19100)]
    p2p_port: u16,
    /// A folder for the network; it must not exist [default: a new one among the temporary files]
    #[arg(long, value_name = "DIR", env = "QUORATE_DIR")]
    dir: Option<PathBuf>,
}

impl OwnNetworkArgs {
    /// The folder, which does not exist, and the plan of the network of the benchmark with this name.
    pub(super) fn plan(&self, name: &str) -> Result<(PathBuf, Plan), Failure> {
        let temporary = || std::env::temp_dir().join(format!("quorate-{name}-{}", std::process::id()));
        let folder = self.dir.clone().unwrap_or_else(temporary);
        refuse_existing(&folder)?;
        let engine = Engine::from(self.consensus);
        if engine == Engine::Pbft && self.validators < 4 {
            return Err(Failure::usage(
                "--validators: PBFT tolerates no fault with fewer than four",
            ));
        }
        Ok((
            folder,
            plan(self.validators, engine, self.api_port, self.p2p_port)?,
        ))
    }
}

/// Does the work unless it is interrupted. What the work owns, such as processes and folders, goes with it
/// in either case.
pub(in crate::cli) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}
