//! Ending validators in order: asked first, and reported if they do not go.

use std::time::Duration;

use quorate_tools::failure::Failure;
use quorate_tools::localnet::Localnet;
use quorate_tools::localnet::process::Process;
use rustix::process::Signal;

/// Asks the validators at these places to end and waits until they have, or until `patience` is over.
/// Gives the names of those that still run.
pub(super) async fn stop(
    localnet: &mut Localnet,
    places: &[usize],
    patience: Duration,
) -> Result<Vec<String>, Failure> {
    let mut asked = Vec::new();
    for &place in places {
        let process = localnet.document.validators[place].process();
        if let Some(process) = process
            && process.signal(Signal::TERM)?
        {
            // A paused process would take the signal only once it is resumed.
            process.signal(Signal::CONT)?;
            asked.push((place, process));
        } else {
            localnet.document.validators[place].set_process(None);
        }
    }
    let ends = asked
        .iter()
        .map(|(_, process)| Process::ended_within(process, patience));
    let ended = futures::future::join_all(ends).await;
    let mut remaining = Vec::new();
    for ((place, _), ended) in asked.iter().zip(ended) {
        let validator = &mut localnet.document.validators[*place];
        if ended {
            validator.set_process(None);
        } else {
            remaining.push(validator.name.clone());
        }
    }
    localnet.save()?;
    Ok(remaining)
}
