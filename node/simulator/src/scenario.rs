//! What is simulated: how many validators, which faults, how much work, who lies.

use quorate_consensus::{TimerRange, Timing};
use quorate_crypto::{Engine, ValidatorIndex};
use quorate_driver::Limits;
use quorate_ledger::ParametersV1;

use crate::governance::{self, Shift};
pub use crate::simulation::roles::{Befalls, Whom};
use quorate_lies::Random;

/// A whole simulation, but for what its seed decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// How many validators there are.
    pub validators: usize,
    /// By which protocol they order.
    pub engine: Engine,
    /// What all random choices follow from.
    pub seed: u64,
    /// Whether validators sign as the node does, and not with a keyed digest.
    pub real_signatures: bool,
    /// Until when faults happen, in milliseconds. Batches are submitted until then too.
    pub faults_end_ms: u64,
    /// How long after that everything must be certified everywhere.
    pub patience_ms: u64,
    /// How long the network is watched after everything is certified, in milliseconds.
    pub linger_ms: u64,
    /// How many batches are submitted, at random times at random validators.
    pub batches: u64,
    /// Faults of the links, while faults last.
    pub links: Links,
    /// The longest delay once faults are over, in microseconds.
    pub calm_delay_us: u64,
    /// Faults of the machines, while faults last.
    pub machines: Machines,
    /// Validators whose every flush takes so long, in microseconds, whatever that of the others takes.
    pub slow_disks: Vec<(ValidatorIndex, u64)>,
    /// Links, in both directions, that take so much longer, in microseconds: of the first validator to the second, or
    /// to all.
    pub slow_links: Vec<(ValidatorIndex, Option<ValidatorIndex>, u64)>,
    /// How many members let their validators rejoin though these need not: each ends an epoch.
    pub rejoins: u64,
    /// What members change by governance, one thing after the other; a network in which they do has protocol 2.
    pub changes: Vec<Shift>,
    /// Whether whoever lost what it signed observes to the end: its member does not let it rejoin.
    pub members_wait: bool,
    /// Who lies, and how.
    pub liars: Vec<(ValidatorIndex, Lie)>,
    /// What happens at given times, in milliseconds, besides what is drawn.
    pub script: Vec<(u64, Command)>,
    /// A rule that is broken on purpose, to see that it is found.
    pub broken: Option<Broken>,
    /// Bounds of the drivers, which few runs would reach as they are shipped.
    pub limits: Limits,
    /// Network parameters.
    pub parameters: ParametersV1,
    /// Local durations.
    pub timing: Timing,
}

/// Faults of links: chances in a thousand, for each message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// A message is lost.
    pub loss: u64,
    /// A message arrives twice.
    pub duplication: u64,
    /// The shortest delay, in microseconds.
    pub least_delay_us: u64,
    /// The longest delay, in microseconds; different delays reorder messages.
    pub delay_us: u64,
    /// How many times a random part of the network is cut off for a while.
    pub partitions: u64,
    /// Whether some cuts are one-way.
    pub one_way: bool,
}

/// Faults of machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// How many times a random validator crashes and is started again later.
    pub crashes: u64,
    /// How many validators lose what they signed, and rejoin.
    pub losses: u64,
    /// How many times a random validator stands still for a while and goes on.
    pub pauses: u64,
    /// Clocks are wrong by at most this, in milliseconds.
    pub clock_skew_ms: u64,
    /// The shortest flush of a journal, in microseconds.
    pub least_flush_us: u64,
    /// The longest flush, in microseconds.
    pub flush_us: u64,
    /// The longest flush of the chain's database, in microseconds, where that is longer than a journal's.
    pub chain_flush_us: u64,
    /// How long a certified block waits before it is written, in microseconds.
    pub chain_lag_us: u64,
}

/// How a validator lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Two instances with one key, each honest by itself, each heard by others.
    Twins,
    /// One instance whose messages are withheld, altered and signed again, or replayed.
    Mutant,
    /// Half of its peers see other proposals and votes than the rest.
    Equivocator,
    /// It tells only some of what it votes and packs, and gives nobody what is missing.
    Withholder,
    /// It forges view-changes and new-views, and says former ones again.
    Forger,
    /// It begins views by itself and proposes in them what was not prepared.
    Usurper,
    /// It keeps the first certificate of each height for itself, and brings it up in later views.
    Hoarder,
    /// It keeps its seals and the blocks that they certify for itself, or gives these to one validator alone,
    /// and asks for each next view on the ground that it has them.
    SealHoarder {
        /// Who gets the blocks.
        serves: Option<ValidatorIndex>,
    },
    /// It passes on what honest validators signed for another network or epoch.
    Replayer,
    /// It says again, a thousand times a second, what others asked first, and nothing else once somebody
    /// has restarted.
    Pesterer,
    /// What it sends is often not what anybody would encode.
    Garbler,
    /// As a primary it shows its proposals to so many of the others, and to nobody else.
    Choosy {
        /// How many, counted from itself on.
        shows: u16,
    },
    /// As a primary it holds back time: its proposals are so old, in milliseconds. It votes on nothing.
    Backdater {
        /// How old.
        ms: u64,
    },
    /// It gives nobody a whole copy of a batch: texts that it sends are wrong, missing or withheld.
    Spoiler,
    /// As a primary it waits so long before each proposal, in milliseconds.
    Late {
        /// How long.
        ms: u64,
    },
    /// As a primary it orders a stock of its own first, a batch every so many milliseconds, and one of others now
    /// and then; it votes on nothing.
    Trickle {
        /// How often it proposes.
        every_ms: u64,
    },
    /// As a primary it always has three proposals of its own small batches under way, and leaves out the batches of
    /// one author, or of all others; it votes on nothing.
    Crowder {
        /// Whose batches it leaves out; those of all others if of none.
        leaves_out: Option<ValidatorIndex>,
    },
    /// It complains about every primary, always, and is honest else.
    Complainer,
    /// Its votes come at once, until so many milliseconds; from then on it says nothing but that it complains.
    Flagging {
        /// Until when.
        until_ms: u64,
    },
    /// It gives its batches to one validator alone, and complains about every primary.
    Whisperer {
        /// To whom.
        to: ValidatorIndex,
    },
    /// It says nothing at all.
    Silent,
    /// As a primary it proposes, in time and well formed, what serves nobody; it votes on nothing.
    Censor(Censorship),
}

/// A loss of what a validator has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What is lost.
    pub of: Lost,
    /// Whether whoever runs the validator knows: a file says so at the next start. Else the validator has to find out
    /// by itself.
    pub noticed: bool,
}

/// What a validator loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its journal.
    Journal,
    /// Its chain.
    Chain,
    /// Its journal and its chain.
    Everything,
    /// All that came since the last [`Command::BackUp`].
    SinceBackup,
}

/// What a primary proposes that does not want to order somebody's batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Censorship {
    /// Nothing, again and again.
    Empty,
    /// What was ordered before, once anything was.
    Repeat,
    /// Everybody's batches but those of one validator, and nothing while there are no others.
    LeaveOut(ValidatorIndex),
}

/// Something that happens at a given time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The validator's process dies: what was not durable is lost.
    Crash(u16),
    /// It is stopped, as an operator does it: its engine is told, and a moment later its process ends.
    Stop(u16),
    /// It is started again.
    Start(u16),
    /// Its disk is copied.
    BackUp(u16),
    /// Its process dies and loses something. Once it is started again and knows, its member lets it rejoin,
    /// unless members wait.
    Lose(u16, Loss),
    /// The member that runs the first validator lets it rejoin, by a transaction posted at the second.
    Rejoin(u16, u16),
    /// It stands still.
    Pause(u16),
    /// It goes on.
    Resume(u16),
    /// These validators are cut off from all others, in both directions.
    Isolate(Vec<u16>),
    /// Messages from the first to the second are lost.
    CutOneWay(u16, u16),
    /// All cuts are over.
    Heal,
    /// The timer by which it gives up on whoever leads runs out at once, if it runs.
    TimeOut(u16),
    /// Its clock is wrong by so many milliseconds from now on.
    SetClock(u16, i64),
    /// This many batches are submitted at the validator.
    Submit(u16, u64),
    /// A batch of so many payments is submitted at the validator.
    SubmitPayments(u16, u64),
    /// Something befalls whoever has a role by then.
    Befall(Whom, Befalls),
}

/// A rule that is broken on purpose, by what surrounds a simulated driver, or by a driver or an engine that is
/// built for that: the shipped code has no switch for any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A quorum is a majority.
    QuorumTooSmall,
    /// A restarted replica starts with an empty journal, and is not told that it signed before.
    JournalLost,
    /// Signatures are not verified.
    Unverified,
    /// What is signed for another network or epoch is taken for this one's.
    ElsewhereAccepted,
    /// A validator that rejoins votes in the epoch under way.
    QuarantineTooShort,
    /// A validator that starts does not read back what is remembered of its quarantine.
    QuarantineForgotten,
    /// A replica that starts does not ask what it signed.
    NotAsked,
    /// What was in batches that no block of their epoch has is not packed again.
    LeftoversForgotten,
    /// A validator has the place in each committee that it had in the first.
    PlacesKept,
    /// Who sits in no committee any more, or not yet, is told nothing.
    FollowersForgotten,
    /// A rule of the driver, in test builds.
    #[cfg(broken_rules)]
    Driver(quorate_driver::broken::Rule),
    /// A rule of the engine, in test builds.
    #[cfg(broken_rules)]
    Engine(quorate_consensus::broken::Rule),
}

/// The simulator's durations: as short as its links allow, so that faults are outlived quickly.
pub const TIMING: Timing = Timing {
    resend: TimerRange {
        from_ms: 100,
        to_ms: 150,
    },
    progress: TimerRange {
        from_ms: 400,
        to_ms: 600,
    },
    progress_cap_ms: 4_000,
    heartbeat: TimerRange {
        from_ms: 150,
        to_ms: 200,
    },
    election: TimerRange {
        from_ms: 300,
        to_ms: 600,
    },
};

/// Lies to draw from; the first ones are the most dangerous.
const LIES: [Lie; 16] = [
    Lie::Twins,
    Lie::Twins,
    Lie::Mutant,
    Lie::Equivocator,
    Lie::Equivocator,
    Lie::Forger,
    Lie::Usurper,
    Lie::Usurper,
    Lie::Hoarder,
    Lie::SealHoarder { serves: None },
    Lie::SealHoarder { serves: None },
    Lie::Withholder,
    Lie::Spoiler,
    Lie::Replayer,
    Lie::Pesterer,
    Lie::Garbler,
];

/// What a flush of a slow disk takes, in milliseconds.
const SLOW_FLUSHES_MS: [u64; 4] = [50, 150, 400, 1_000];

/// A wait for a leader is to have room for so many of these.
const FLUSHES_A_WAIT: u64 = 10;

/// The most batches that networks with slow disks are given.
const MOST_ON_SLOW_DISKS: u64 = 20;
/// Lies of those who slow a network down, or would have its primaries replaced for nothing.
const SLOW_LIES: [Lie; 10] = [
    Lie::Late { ms: 100 },
    Lie::Late { ms: 350 },
    Lie::Choosy { shows: 1 },
    Lie::Choosy { shows: 2 },
    Lie::Trickle { every_ms: 50 },
    Lie::Trickle { every_ms: 350 },
    Lie::Backdater { ms: 60_000 },
    Lie::Complainer,
    Lie::Flagging { until_ms: 2_000 },
    Lie::Whisperer {
        to: ValidatorIndex(0),
    },
];

/// Of stormy networks one in so many signs as the node does.
const REAL_EVERY: u64 = 20;

/// After the faults everything must be certified within so many of the longest timeouts: the one that
/// may be running, one for each primary in a row that may be faulty, and one for work and messages.
pub const fn patience_ms(validators: usize) -> u64 {
    let faulty = validators.saturating_sub(1) / 3;
    (faulty as u64 + 2) * TIMING.progress_cap_ms as u64
}

impl Loss {
    /// One that its operator has noticed.
    pub const fn noticed(of: Lost) -> Self {
        Self { of, noticed: true }
    }

    /// One that nobody has noticed.
    pub const fn unnoticed(of: Lost) -> Self {
        Self { of, noticed: false }
    }
}

impl Scenario {
    /// A network without faults that is given a few batches.
    pub fn calm(validators: usize, seed: u64) -> Self {
        Self {
            validators,
            engine: Engine::Pbft,
            seed,
            real_signatures: false,
            faults_end_ms: 1_000,
            patience_ms: 5_000,
            linger_ms: 0,
            batches: 20,
            links: Links {
                delay_us: 2_000,
                ..Links::default()
            },
            calm_delay_us: 5_000,
            machines: Machines {
                flush_us: 1_000,
                ..Machines::default()
            },
            slow_disks: Vec::new(),
            slow_links: Vec::new(),
            rejoins: 0,
            changes: Vec::new(),
            members_wait: false,
            liars: Vec::new(),
            script: Vec::new(),
            broken: None,
            limits: Limits::default(),
            parameters: ParametersV1 {
                window: 8,
                ..ParametersV1::default()
            },
            timing: TIMING,
        }
    }

    /// Four validators whose members change all that an epoch has, one thing after the other, and a fifth machine that is
    /// no validator at first.
    pub fn governed(seed: u64) -> Self {
        let changes = vec![
            Shift::Engine(Engine::Raft),
            Shift::Admit(4),
            Shift::AddSeat {
                machine: 4,
                generation: 0,
            },
            Shift::Engine(Engine::Pbft),
            Shift::RemoveSeat(1),
            Shift::Rotate {
                seat: 2,
                machine: 2,
                generation: 1,
            },
            Shift::Window(12),
            Shift::Engine(Engine::Paxos),
        ];
        Self {
            faults_end_ms: 30_000,
            patience_ms: 60_000,
            batches: 60,
            changes,
            ..Self::calm(4, seed)
        }
    }

    /// The same with faults of links and machines.
    pub fn governed_in_storms(seed: u64) -> Self {
        let calm = Self::governed(seed);
        Self {
            links: Links {
                loss: 30,
                duplication: 30,
                delay_us: 20_000,
                partitions: 3,
                ..Links::default()
            },
            machines: Machines {
                crashes: 6,
                pauses: 2,
                flush_us: 5_000,
                ..Machines::default()
            },
            patience_ms: 120_000,
            ..calm
        }
    }

    /// The same with other changes, drawn from the seed.
    pub fn governed_by_seed(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x00b4_1107);
        let engines = [Engine::Pbft, Engine::Raft, Engine::Paxos];
        let engine = random.pick(&engines).copied().unwrap_or(Engine::Pbft);
        let validators = random.between(3, 6) as u16;
        let changes = governance::drawn(validators, engine, 6, &mut random);
        Self {
            validators: validators.into(),
            engine,
            changes,
            ..Self::governed_in_storms(seed)
        }
    }

    /// A network whose faults are drawn from the seed: any mix of lossy, slow and cut links,
    /// crashing, halting and skewed machines, without liars.
    pub fn stormy(validators: usize, seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5ca1_ab1e);
        let mut sometimes = |most: u64| {
            if random.chance(600) {
                random.between(0, most)
            } else {
                0
            }
        };
        let links = Links {
            loss: sometimes(150),
            duplication: sometimes(150),
            least_delay_us: 50,
            delay_us: 500 + sometimes(60_000),
            partitions: sometimes(4),
            one_way: sometimes(1) == 1,
        };
        let machines = Machines {
            losses: 0,
            crashes: sometimes(6),
            pauses: sometimes(3),
            clock_skew_ms: sometimes(1_000),
            least_flush_us: 0,
            flush_us: 100 + sometimes(20_000),
            chain_flush_us: 0,
            chain_lag_us: sometimes(1_000).saturating_sub(600) * 1_000,
        };
        let limits = Limits {
            renew_after: [4, 32, 1_024][usize::try_from(sometimes(2)).unwrap_or(0)],
            prune_every: [16, 4, 1][usize::try_from(sometimes(2)).unwrap_or(0)],
            ..Limits::default()
        };
        let window = [1, 2, 4, 8, 32][usize::try_from(sometimes(4)).unwrap_or(0)];
        Self {
            real_signatures: seed.is_multiple_of(REAL_EVERY),
            faults_end_ms: 4_000,
            patience_ms: patience_ms(validators),
            batches: 10 + sometimes(60),
            links,
            machines,
            limits,
            parameters: ParametersV1 {
                window,
                max_proposal_batches: u32::try_from(1 + sometimes(8)).unwrap_or(1),
                ..ParametersV1::default()
            },
            ..Self::calm(validators, seed)
        }
    }

    /// The same with liars: as many validators as may be faulty, each with a lie drawn from the seed.
    pub fn with_liars(self) -> Self {
        let random = Random::new(self.seed ^ 0x0011_a125);
        self.with_lies_of(&LIES, random)
    }

    /// The same with one liar that slows the network down, or wants its primaries replaced, and other liars of any
    /// kind beside it.
    pub fn with_slow_liars(mut self) -> Self {
        let mut random = Random::new(self.seed ^ 0x0051_0311);
        if self.validators > 3 {
            let place = random.between(0, self.validators as u64 - 1);
            let lie = random.pick(&SLOW_LIES).copied().unwrap_or(Lie::Silent);
            self = self.with_liar(u16::try_from(place).unwrap_or(0), lie);
        }
        let all: Vec<Lie> = SLOW_LIES.iter().chain(&LIES).copied().collect();
        self.with_lies_of(&all, random)
    }

    fn with_lies_of(mut self, lies: &[Lie], mut random: Random) -> Self {
        let faulty = self.validators.saturating_sub(1) / 3;
        while self.liars.len() < faulty {
            let place = random.between(0, self.validators as u64 - 1);
            let liar = ValidatorIndex(u16::try_from(place).unwrap_or(0));
            if self.liars.iter().all(|(known, _)| *known != liar) {
                let lie = random.pick(lies).copied().unwrap_or(Lie::Silent);
                self.liars.push((liar, lie));
            }
        }
        self
    }

    /// The same with slow disks in one of four seeds: everybody's, or one validator's. They stay slow when faults are
    /// over, so there is less to do and more time.
    pub fn with_slow_disks_drawn(mut self) -> Self {
        let mut random = Random::new(self.seed ^ 0x00d1_5c50);
        let flush_ms = random.pick(&SLOW_FLUSHES_MS).copied().unwrap_or(0);
        match random.between(0, 7) {
            0 => {
                self.machines.least_flush_us = random.between(0, flush_ms * 1_000);
                self.machines.flush_us = flush_ms * 1_000;
            }
            1 => {
                let who = random.between(0, self.validators as u64 - 1);
                let who = ValidatorIndex(u16::try_from(who).unwrap_or(0));
                self.slow_disks.push((who, flush_ms * 1_000));
            }
            _ => return self,
        }
        self.batches = self.batches.min(MOST_ON_SLOW_DISKS);
        let cap_ms = u64::from(self.timing.progress_cap_ms);
        let slow_cap_ms = cap_ms + FLUSHES_A_WAIT * flush_ms;
        self.timing.progress_cap_ms = u32::try_from(slow_cap_ms).unwrap_or(u32::MAX);
        // Where the window is one height, these follow each other.
        let heights = self.batches + MOST_ON_SLOW_DISKS;
        self.patience_ms = self.patience_ms * slow_cap_ms / cap_ms + heights * FLUSHES_A_WAIT * flush_ms;
        self
    }

    /// The same with epochs that end and begin: validators that lose what they signed and rejoin, in the
    /// place of as many liars, and members that let their validators rejoin for no reason.
    pub fn with_epochs(mut self) -> Self {
        let mut random = Random::new(self.seed ^ 0x000e_90c4);
        let faulty = match self.engine {
            Engine::Pbft => self.validators.saturating_sub(1) / 3,
            Engine::Raft | Engine::Paxos => self.validators.saturating_sub(1) / 2,
        };
        let losses = random.between(0, faulty as u64);
        let lying = faulty.saturating_sub(usize::try_from(losses).unwrap_or(faulty));
        self.liars.truncate(lying);
        self.machines.losses = losses;
        self.rejoins = random.between(u64::from(losses == 0), 3);
        self.members_wait = random.chance(200);
        // Whoever has yet to rejoin needs the end of an epoch as well.
        self.patience_ms *= 2;
        self
    }

    /// The same, ordered by this protocol. Where crashes are all that it tolerates there are no liars, and
    /// whoever loses what it signed knows.
    pub fn ordered_by(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// The same with one rule broken.
    pub fn breaking(mut self, rule: Broken) -> Self {
        self.broken = Some(rule);
        self
    }

    /// The same with no batches but those of the script.
    pub fn without_batches(mut self) -> Self {
        self.batches = 0;
        self
    }

    /// The same with a liar.
    pub fn with_liar(mut self, who: u16, lie: Lie) -> Self {
        self.liars.push((ValidatorIndex(who), lie));
        self
    }

    /// The same with a validator whose every flush takes so long.
    pub fn with_slow_disk(mut self, who: u16, flush_ms: u64) -> Self {
        self.slow_disks.push((ValidatorIndex(who), flush_ms * 1_000));
        self
    }

    /// The same with a link, or all links of a validator, that take so much longer.
    pub fn with_slow_link(mut self, who: u16, peer: Option<u16>, ms: u64) -> Self {
        let link = (ValidatorIndex(who), peer.map(ValidatorIndex), ms * 1_000);
        self.slow_links.push(link);
        self
    }

    /// The same with something happening at a time.
    pub fn at(mut self, ms: u64, command: Command) -> Self {
        self.script.push((ms, command));
        self
    }
}
