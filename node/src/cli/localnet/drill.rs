//! Faults on purpose: kill, pause, partition, and back.

use std::path::Path;
use std::time::{Duration, Instant};

use quorate_tools::failure::Failure;
use quorate_tools::localnet::Localnet;
use quorate_tools::localnet::control::Control;
use quorate_tools::localnet::process::Activity;
use quorate_tools::localnet::up::Children;
use quorate_tools::output::{Output, say};
use rustix::process::Signal;

use super::show;

/// How long a killed process may take to vanish.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// How long a restarted validator may take until its operations listener answers.
const SERVE_PATIENCE: Duration = Duration::from_secs(60);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Ends validators as a crash would.
pub(super) async fn kill(dir: &Path, names: &[String], output: &Output) -> Result<(), Failure> {
    let mut localnet = Localnet::open(dir)?;
    let _lock = Localnet::lock(localnet.dir())?;
    localnet = Localnet::open(dir)?;
    let places = localnet.places(names)?;
    let mut killed = Vec::new();
    for &place in &places {
        let validator = &localnet.document.validators[place];
        match validator.process() {
            Some(process) if process.signal(Signal::KILL)? => killed.push((place, process)),
            _ => return Err(not_running(&validator.name, dir)),
        }
    }
    for (place, process) in killed {
        let validator = &mut localnet.document.validators[place];
        if !process.ended_within(KILL_PATIENCE).await {
            return Err(Failure::failed(format!(
                "{} was killed and is still there",
                validator.name
            )));
        }
        validator.set_process(None);
    }
    localnet.save()?;
    show::after(&localnet, &places, "killed", output)
}

/// Stops validators where they are.
pub(super) async fn pause(dir: &Path, names: &[String], output: &Output) -> Result<(), Failure> {
    signal(dir, names, Signal::STOP, Activity::Paused)
        .await
        .and_then(|(localnet, places)| show::after(&localnet, &places, "paused", output))
}

/// Lets paused validators go on.
pub(super) async fn resume(dir: &Path, names: &[String], output: &Output) -> Result<(), Failure> {
    signal(dir, names, Signal::CONT, Activity::Running)
        .await
        .and_then(|(localnet, places)| show::after(&localnet, &places, "resumed", output))
}

async fn signal(
    dir: &Path,
    names: &[String],
    signal: Signal,
    until: Activity,
) -> Result<(Localnet, Vec<usize>), Failure> {
    let localnet = Localnet::open(dir)?;
    let places = localnet.places(names)?;
    for &place in &places {
        let validator = &localnet.document.validators[place];
        let Some(process) = validator.process() else {
            return Err(not_running(&validator.name, dir));
        };
        if !process.signal(signal)? {
            return Err(not_running(&validator.name, dir));
        }
        let deadline = Instant::now() + KILL_PATIENCE;
        while process.activity() != until {
            if !process.is_alive() || Instant::now() >= deadline {
                return Err(Failure::failed(format!(
                    "{} does not follow the signal",
                    validator.name
                )));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok((localnet, places))
}

/// Cuts the links between the named validators and the others, from both sides.
pub(super) async fn partition(dir: &Path, names: &[String], output: &Output) -> Result<(), Failure> {
    let localnet = Localnet::open(dir)?;
    let places = localnet.places(names)?;
    let validators = &localnet.document.validators;
    let name_of = |place: usize| validators[place].name.clone();
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        (0..validators.len()).partition(|place| places.contains(place));
    if outside.is_empty() {
        return Err(Failure::usage(
            "all validators are named, so nobody is left to cut them off from",
        ));
    }
    let inside_names: Vec<String> = inside.iter().copied().map(name_of).collect();
    let outside_names: Vec<String> = outside.iter().copied().map(name_of).collect();
    let denied: Vec<(usize, &[String])> = inside
        .iter()
        .map(|&place| (place, outside_names.as_slice()))
        .chain(outside.iter().map(|&place| (place, inside_names.as_slice())))
        .collect();
    deny(&localnet, &denied).await?;
    output.print(
        &serde_json::json!({ "groups": [inside_names, outside_names] }),
        |_| {
            format!(
                "Cut off: {}   from: {}\nUndo it: quorate localnet heal --dir {}",
                inside_names.join(", "),
                outside_names.join(", "),
                dir.display()
            )
        },
    )
}

/// Lets everybody talk to everybody again.
pub(super) async fn heal(dir: &Path, output: &Output) -> Result<(), Failure> {
    let localnet = Localnet::open(dir)?;
    let nobody: Vec<(usize, &[String])> = (0..localnet.document.validators.len())
        .map(|place| (place, [].as_slice()))
        .collect();
    deny(&localnet, &nobody).await?;
    output.print(&serde_json::json!({ "healed": true }), |_| {
        "All links may be made again.".to_owned()
    })
}

/// Tells each validator whom to refuse. One that does not run has no links and cannot be told; a
/// partition does not outlive a restart.
async fn deny(localnet: &Localnet, denied: &[(usize, &[String])]) -> Result<(), Failure> {
    let control = Control::new()?;
    let mut problems = Vec::new();
    for (place, names) in denied {
        let validator = &localnet.document.validators[*place];
        match validator.activity() {
            Activity::Stopped => say(format!("{} is stopped and was not told", validator.name)),
            Activity::Paused => say(format!("{} is paused and was not told", validator.name)),
            Activity::Running => {
                if let Err(reason) = control.deny(validator, names).await {
                    problems.push(format!("{}: {reason}", validator.name));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(problems.join("; ")).while_doing("not every validator could be told"))
    }
}

/// Waits until these validators' operations listeners say that they are ready.
pub(super) async fn wait_serving(
    localnet: &Localnet,
    places: &[usize],
    children: &mut Children,
) -> Result<(), Failure> {
    let control = Control::new()?;
    let deadline = Instant::now() + SERVE_PATIENCE;
    for &place in places {
        let validator = &localnet.document.validators[place];
        loop {
            let Err(reason) = control.serves(validator).await else {
                break;
            };
            let log = validator.log();
            if let Some(child) = children.get_mut(&place)
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(
                    Failure::failed(format!("{} has ended ({status})", validator.name))
                        .hint(format!("its log is {}", log.display())),
                );
            }
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!("{}: {reason}", validator.name))
                    .hint(format!("its log is {}", log.display())));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
    Ok(())
}

fn not_running(name: &str, dir: &Path) -> Failure {
    Failure::failed(format!("{name} is not running"))
        .hint(format!("quorate localnet restart {name} --dir {}", dir.display()))
}
