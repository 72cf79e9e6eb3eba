//! Starting validators and waiting until all of them serve.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use quorate_runtime::config::NodeConfig;

use super::control::Control;
use super::process::{Activity, Process, start_node};
use super::{Localnet, ValidatorEntry};
use crate::failure::Failure;

/// How often validators are asked whether they are ready.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How long a connection to a port that is taken is tried.
const TRY_FOR: Duration = Duration::from_millis(200);

/// How much of a log's end is shown when its process ended too soon.
const LOG_TAIL_BYTES: u64 = 4096;

/// Lines of it.
const LOG_TAIL_LINES: usize = 12;

/// The processes that this command started, by place; it must ask for their end, or they stay zombies.
pub type Children = BTreeMap<usize, Child>;

/// Starts those of the validators at `places` that do not run. Ports are tried first, so that nothing is
/// started if one is taken.
pub fn start(localnet: &mut Localnet, places: &[usize]) -> Result<Children, Failure> {
    let stopped: Vec<usize> = places
        .iter()
        .copied()
        .filter(|&place| localnet.document.validators[place].activity() == Activity::Stopped)
        .collect();
    for &place in &stopped {
        check_ports(&localnet.document.validators[place])?;
    }
    let mut children = Children::new();
    for place in stopped {
        match start_one(localnet, place) {
            Ok(child) => drop(children.insert(place, child)),
            Err(failure) => {
                give_up(localnet, &mut children);
                return Err(failure);
            }
        }
    }
    Ok(children)
}

fn start_one(localnet: &mut Localnet, place: usize) -> Result<Child, Failure> {
    let validator = &mut localnet.document.validators[place];
    let mut child = start_node(&validator.home, &validator.log())?;
    // A child cannot vanish before it is waited for, so its start time can be read even if it has ended.
    let process = i32::try_from(child.id()).ok().and_then(Process::of_pid);
    let noted = process.is_some();
    validator.set_process(process);
    let saved = localnet.save();
    if let (true, Ok(())) = (noted, &saved) {
        return Ok(child);
    }
    // A process that nobody would know of must not stay.
    let _ = child.kill();
    let _ = child.wait();
    localnet.document.validators[place].set_process(None);
    saved?;
    Err(Failure::failed(
        "a process that was just started cannot be found in /proc",
    ))
}

/// Waits until every validator says that it is ready and sees all others. If one ends or time runs out,
/// what was started is ended again.
pub async fn wait_ready(
    localnet: &mut Localnet,
    children: &mut Children,
    patience: Duration,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let control = Control::new()?;
    let deadline = Instant::now() + patience;
    let others = localnet.document.validators.len().saturating_sub(1) as u64;
    let mut waiting: Vec<usize> = (0..localnet.document.validators.len()).collect();
    loop {
        let mut reason = String::new();
        let mut still = Vec::new();
        for place in waiting {
            let validator = &localnet.document.validators[place];
            if validator.activity() == Activity::Stopped {
                let failure = ended_too_soon(validator);
                give_up(localnet, children);
                return Err(failure);
            }
            match is_ready(&control, validator, others).await {
                Ok(()) => progress.inc(1),
                Err(why) => {
                    reason = format!("{}: {why}", validator.name);
                    still.push(place);
                }
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        waiting = still;
        if Instant::now() >= deadline {
            let log = localnet.document.validators[waiting[0]].log();
            give_up(localnet, children);
            return Err(
                Failure::failed(format!("not ready after {} s: {reason}", patience.as_secs()))
                    .hint(format!("its log is {}", log.display())),
            );
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn is_ready(control: &Control, validator: &ValidatorEntry, others: u64) -> Result<(), String> {
    control.serves(validator).await?;
    let status = control.status(validator).await?;
    if status.peers < others {
        return Err(format!("connected to {} of {others} peers", status.peers));
    }
    Ok(())
}

/// Ends what this command started. It has not served anybody yet, and storage bears a kill.
fn give_up(localnet: &mut Localnet, children: &mut Children) {
    for (&place, child) in children.iter_mut() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        localnet.document.validators[place].set_process(None);
    }
    children.clear();
    if let Err(failure) = localnet.save() {
        crate::output::complain(&failure);
    }
}

fn ended_too_soon(validator: &ValidatorEntry) -> Failure {
    let log = validator.log();
    let tail = tail(&log).unwrap_or_default();
    Failure::failed(format!("{} has ended:\n{tail}", validator.name))
        .hint(format!("its log is {}", log.display()))
}

/// The last lines of a log.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
    Ok(last
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Tries every port that the validator will listen on.
fn check_ports(validator: &ValidatorEntry) -> Result<(), Failure> {
    let config = NodeConfig::read(&validator.home().config()).map_err(Failure::usage)?;
    let p2p = config.network.listen.iter().filter_map(|address| tcp_of(address));
    let listeners = [config.api.listen, config.operations.listen]
        .into_iter()
        .chain(p2p);
    for listener in listeners {
        TcpListener::bind(listener).map_err(|error| {
            Failure::failed(format!("{} cannot listen on {listener}: {error}", validator.name))
                .hint(hint(listener, error.kind()))
        })?;
    }
    Ok(())
}

/// What keeps a listener from its port, as far as can be seen, and what to do.
fn hint(listener: SocketAddr, error: ErrorKind) -> String {
    let other = "choose other ports with --api-port and --p2p-port";
    if error != ErrorKind::AddrInUse {
        return other.to_owned();
    }
    let listened = TcpStream::connect_timeout(&listener, TRY_FOR).is_ok();
    format!(
        "{}, or {other}",
        held_by(listener.port(), listened, client_ports())
    )
}

/// Who holds a port that cannot be listened on, with what to do about it.
fn held_by(port: u16, listened: bool, clients: Option<RangeInclusive<u16>>) -> String {
    if listened {
        return "a program listens there, perhaps another network: stop it".to_owned();
    }
    let range = match clients {
        Some(clients) if clients.contains(&port) => format!(
            "; ports {} to {} are those that this system gives to clients",
            clients.start(),
            clients.end()
        ),
        _ => String::new(),
    };
    format!(
        "nothing answers there, so a client's connection may have the port, or one that was closed less than a minute \
         ago (TIME-WAIT){range}: wait a minute"
    )
}

/// The ports that the system gives to clients, where it tells.
fn client_ports() -> Option<RangeInclusive<u16>> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(str::parse);
    Some(ends.next()?.ok()?..=ends.next()?.ok()?)
}

/// The socket address of a multiaddress such as `/ip4/127.0.0.1/tcp/9100`.
fn tcp_of(multiaddress: &str) -> Option<SocketAddr> {
    let mut parts = multiaddress.strip_prefix('/')?.split('/');
    let (_, ip, "tcp", port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_with_who_may_have_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let said = hint(address, ErrorKind::AddrInUse);
        assert!(said.starts_with("a program listens there"), "{said}");
        let said = held_by(40_000, false, Some(32_768..=60_999));
        assert!(said.contains("TIME-WAIT"), "{said}");
        assert!(said.contains("ports 32768 to 60999"), "{said}");
        let said = held_by(8_100, false, Some(32_768..=60_999));
        assert!(!said.contains("60999"), "{said}");
        let said = hint(address, ErrorKind::PermissionDenied);
        assert_eq!(said, "choose other ports with --api-port and --p2p-port");
    }

    #[test]
    fn tcp_multiaddresses_are_read() {
        assert_eq!(
            tcp_of("/ip4/127.0.0.1/tcp/9100"),
            Some(SocketAddr::from(([127, 0, 0, 1], 9100)))
        );
        assert_eq!(tcp_of("/dns4/example.org/tcp/9100"), None);
        assert_eq!(tcp_of("/ip4/127.0.0.1/udp/9100"), None);
    }
}
