//! What a node's recorder would write, for each host: see [`quorate_consensus::recording`]. Segments begin at
//! moments of its own drawing, so that a simulation happens as it does without.

use quorate_consensus::recording::{Beginning, Encoder, MAGIC, Recorded, Segment};
use quorate_consensus::{Engine, Input, Step};
use quorate_crypto::{Digest, Epoch, ValidatorIndex};
use quorate_ledger::Timestamp;

use quorate_lies::Random;

/// In so many inputs of a thousand a segment begins.
const SEGMENTS: u64 = 5;

/// The recorders of all hosts.
#[derive(Debug)]
pub(crate) struct Recorders {
    random: Random,
    network: Digest,
    names: Vec<String>,
    recorders: Vec<Recorder>,
}

#[derive(Debug, Default)]
struct Recorder {
    encoder: Encoder,
    /// The host's life and epoch.
    of: Option<(u64, Epoch)>,
    began_us: u64,
}

/// Where and when an engine is given something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) host: usize,
    pub(crate) own: ValidatorIndex,
    pub(crate) life: u64,
    pub(crate) epoch: Epoch,
    /// By the host's clock.
    pub(crate) now: Timestamp,
    /// Of the simulation.
    pub(crate) at_us: u64,
}

impl Recorders {
    pub(crate) fn new(seed: u64, network: Digest, validators: usize, hosts: usize) -> Self {
        Self {
            random: Random::new(seed ^ 0xf119_4700),
            network,
            names: (0..validators)
                .map(|index| format!("validator-{index}"))
                .collect(),
            recorders: (0..hosts).map(|_| Recorder::default()).collect(),
        }
    }

    /// An engine is about to be given this; the engines of its host, the one of the current epoch first.
    pub(crate) fn input(&mut self, moment: Moment, engines: [Option<&Engine>; 2], input: &Input) {
        let serving = engines[0].map_or(moment.epoch, |engine| engine.committee().epoch());
        let recorder = &mut self.recorders[moment.host];
        let continues = self.random.chance(SEGMENTS);
        let beginning = match recorder.of.replace((moment.life, serving)) {
            Some((life, _)) if life != moment.life => Some(Beginning::Start),
            None => Some(Beginning::Start),
            Some((_, epoch)) if epoch != serving => Some(Beginning::Epoch),
            Some(_) => continues.then_some(Beginning::Continued),
        };
        if let Some(beginning) = beginning {
            recorder.began_us = moment.at_us;
            recorder.encoder.begin(Segment {
                software: env!("CARGO_PKG_VERSION").to_owned(),
                beginning,
                network: self.network,
                began: moment.now,
                names: self.names.clone(),
                own: moment.own,
                engines: engines.into_iter().flatten().map(Recorded::of).collect(),
            });
        }
        let offset_us = moment.at_us - recorder.began_us;
        recorder.encoder.input(moment.epoch, moment.now, offset_us, input);
    }

    /// It has come back with this.
    pub(crate) fn outcome(&mut self, host: usize, step: &Step) {
        self.recorders[host].encoder.outcome(step);
    }

    /// The recording of each host, one that never ran left out.
    pub(crate) fn recordings(self) -> Vec<Vec<u8>> {
        let ran = self
            .recorders
            .into_iter()
            .filter(|recorder| !recorder.encoder.is_empty());
        ran.map(|mut recorder| [&MAGIC[..], &recorder.encoder.take()].concat())
            .collect()
    }
}
