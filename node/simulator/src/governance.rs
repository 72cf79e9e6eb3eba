//! Members change the network, as they do it with the shipped ledger: by proposals, ballots and attestations of real
//! accounts and validators, in transactions that are packed, ordered and executed like all others.
//!
//! A scenario lists what is changed, one thing after the other. At every machine somebody looks now and then, on the
//! chain that is certified there, what the next step is, and submits what its own member or validator has to say. So
//! what is done follows from the chain alone, whoever crashes meanwhile.

use quorate_crypto::{Digest, Engine, Height, MemberNumber, PublicKey, SeatNumber, Signature};
use quorate_ledger::{
    Attestation, AttestationV1, Ballot, Change, GovernanceProposalV1, NextKeys, Operation, PROTOCOLS,
    Parameters, ProposalState, SeatKeys, SeatV1, Timestamp,
};
use quorate_lies::Random;

use crate::ledger::Ledger;
use crate::scheme::{GENERATIONS, MAX_VALIDATORS, keys_of, seat_keys_of};
use crate::workload::{GENESIS_TIME, member_address, network};

/// What is said again if it has come to nothing is another transaction after so long, in microseconds.
pub(crate) const AGAIN_US: u64 = 2_000_000;

/// One thing that members change. Machines have the numbers of the validators that they run at first; whoever joins
/// later has the next ones. Each machine's member has its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shift {
    /// Another engine orders.
    Engine(Engine),
    /// The window of heights in flight is another.
    Window(u32),
    /// The member of a machine that is none yet is admitted.
    Admit(u16),
    /// The member of a machine gets a seat for it, with the machine's keys of this generation.
    AddSeat {
        /// The machine.
        machine: u16,
        /// Which of its keys.
        generation: u8,
    },
    /// The seat with this number leaves the committee.
    RemoveSeat(u32),
    /// The member of a machine gives its seat the machine's keys of this generation.
    Rotate {
        /// The seat's number.
        seat: u32,
        /// The machine.
        machine: u16,
        /// Which of its keys.
        generation: u8,
    },
}

/// What somebody says on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Say {
    /// A proposal, or the operation that needs none.
    Begin(Shift),
    /// A vote for a proposal.
    Vote(u64),
    /// A validator that joins has followed the chain up to a block.
    Attest {
        proposal: u64,
        machine: u16,
        generation: u8,
        height: Height,
        block: Digest,
    },
}

/// Where the changes have come, on one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// This is to be begun.
    Begin(Shift),
    /// This proposal is open.
    Open(Shift, Box<GovernanceProposalV1>),
    /// What was decided waits for the epoch's end.
    Waiting(Shift),
    /// A change came to nothing.
    Failed(Shift, String),
    /// All was done.
    Done,
}

/// Changes that can follow one another, drawn: what this network has is changed so many times.
pub(crate) fn drawn(validators: u16, engine: Engine, count: usize, random: &mut Random) -> Vec<Shift> {
    // Each seat with its machine and the generation of its keys.
    let mut seats: Vec<(u32, u16, u8)> = (0..validators).map(|own| (own.into(), own, 0)).collect();
    let (mut machines, mut numbers) = (validators, u32::from(validators));
    let (mut engine, mut window) = (engine, 8);
    let mut shifts = Vec::new();
    while shifts.len() < count {
        match random.between(0, 4) {
            0 => {
                let others = [Engine::Pbft, Engine::Raft, Engine::Paxos].into_iter();
                let others: Vec<Engine> = others.filter(|other| *other != engine).collect();
                engine = random.pick(&others).copied().unwrap_or(engine);
                shifts.push(Shift::Engine(engine));
            }
            1 => {
                window = if window == 8 { 12 } else { 8 };
                shifts.push(Shift::Window(window));
            }
            2 if usize::from(machines) < MAX_VALIDATORS => {
                let machine = machines;
                shifts.push(Shift::Admit(machine));
                shifts.push(Shift::AddSeat {
                    machine,
                    generation: 0,
                });
                seats.push((numbers, machine, 0));
                (machines, numbers) = (machines + 1, numbers + 1);
            }
            3 if seats.len() > 3 => {
                let place = random.between(0, seats.len() as u64 - 1) as usize;
                shifts.push(Shift::RemoveSeat(seats.remove(place).0));
            }
            _ => {
                let place = random.between(0, seats.len() as u64 - 1) as usize;
                let (seat, machine, generation) = &mut seats[place];
                if *generation + 1 < GENERATIONS {
                    *generation += 1;
                    shifts.push(Shift::Rotate {
                        seat: *seat,
                        machine: *machine,
                        generation: *generation,
                    });
                }
            }
        }
    }
    shifts
}

impl Shift {
    /// The change that is proposed; none if its member can do it alone.
    fn change(self) -> Option<Change> {
        Some(match self {
            Self::Engine(engine) => Change::Engine(engine),
            Self::Window(window) => {
                let mut parameters = Parameters::default();
                let Parameters::V1(fields) = &mut parameters;
                fields.window = window;
                Change::Parameters(parameters)
            }
            Self::Admit(machine) => Change::AdmitMember {
                name: format!("member-{machine}"),
                account: member_address(machine),
            },
            Self::AddSeat { machine, generation } => {
                let (keys, proofs) = proven(machine, generation);
                Change::AddSeat {
                    member: MemberNumber(machine.into()),
                    validator: keys.validator,
                    node: keys.node,
                    witness: keys.witness,
                    addresses: Vec::new(),
                    proofs,
                }
            }
            Self::RemoveSeat(seat) => Change::RemoveSeat(SeatNumber(seat)),
            Self::Rotate { .. } => return None,
        })
    }

    /// The machine that it is about beside those that are there at first, if any.
    pub(crate) fn machine(self) -> Option<u16> {
        match self {
            Self::Admit(machine) | Self::AddSeat { machine, .. } | Self::Rotate { machine, .. } => {
                Some(machine)
            }
            Self::Engine(_) | Self::Window(_) | Self::RemoveSeat(_) => None,
        }
    }

    /// Whether a seat has the keys that it would be given, or later ones.
    fn is_in(self, seat: &SeatV1) -> bool {
        self.gives(&seat.validator)
    }

    /// Whether the seat will have them from the next epoch on.
    fn is_coming(self, seat: &SeatV1) -> bool {
        seat.next.is_some_and(|next| self.gives(&next.validator))
    }

    fn gives(self, validator: &PublicKey) -> bool {
        let Self::Rotate {
            machine, generation, ..
        } = self
        else {
            return false;
        };
        let mut later = generation..GENERATIONS;
        later.any(|generation| seat_keys_of(machine, generation).validator == *validator)
    }
}

impl Stage {
    /// Where these changes have come on this chain.
    pub(crate) fn of(shifts: &[Shift], ledger: &Ledger) -> Self {
        let mut next = 0;
        for shift in shifts.iter().copied() {
            let Some(change) = shift.change() else {
                let Shift::Rotate { seat, .. } = shift else {
                    unreachable!("everything else is proposed");
                };
                match ledger.seat(SeatNumber(seat)) {
                    Some(seat) if shift.is_in(&seat) => continue,
                    Some(seat) if shift.is_coming(&seat) => return Self::Waiting(shift),
                    _ => return Self::Begin(shift),
                }
            };
            let proposal = loop {
                match ledger.proposal(next) {
                    None => return Self::Begin(shift),
                    Some(proposal) if proposal.change == change => break proposal,
                    // Somebody has said again what was executed in the end.
                    Some(_) => next += 1,
                }
            };
            next += 1;
            match proposal.state {
                ProposalState::Executed { .. } => {}
                ProposalState::Passed => return Self::Waiting(shift),
                ProposalState::Open => return Self::Open(shift, Box::new(proposal)),
                state => return Self::Failed(shift, format!("{state:?}")),
            }
        }
        Self::Done
    }

    /// What a machine whose chain this is has to say, which has these blocks at the tip.
    pub(crate) fn says(&self, machine: u16, tip: (Height, Digest)) -> Option<Say> {
        match self {
            // Proposals are the first member's; what a member can do alone is its own.
            Self::Begin(shift @ Shift::Rotate { machine: of, .. }) => {
                (*of == machine).then_some(Say::Begin(*shift))
            }
            Self::Begin(shift) => (machine == 0).then_some(Say::Begin(*shift)),
            Self::Open(
                Shift::AddSeat {
                    machine: joins,
                    generation,
                },
                proposal,
            ) if *joins == machine && proposal.attested.is_empty() => {
                let (height, block) = tip;
                (height >= proposal.height).then_some(Say::Attest {
                    proposal: proposal.number,
                    machine,
                    generation: *generation,
                    height,
                    block,
                })
            }
            Self::Open(shift, proposal) => {
                let member = MemberNumber(machine.into());
                let may = proposal.electorate.contains(&member);
                let has = proposal.ballots.iter().any(|cast| cast.member == member);
                // The deciding vote fails until whoever joins has attested.
                let waits = matches!(shift, Shift::AddSeat { .. }) && proposal.attested.is_empty();
                (may && !has && !waits).then_some(Say::Vote(proposal.number))
            }
            Self::Waiting(_) | Self::Failed(..) | Self::Done => None,
        }
    }
}

impl Say {
    /// The operation by which a machine's member says it.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::Begin(Shift::Rotate {
                seat,
                machine,
                generation,
            }) => {
                let (keys, proofs) = proven(machine, generation);
                Operation::SetSeat {
                    seat: SeatNumber(seat),
                    validator: Some(keys.validator),
                    node: Some(keys.node),
                    witness: Some(keys.witness),
                    addresses: None,
                    proofs,
                }
            }
            Self::Begin(shift) => Operation::Propose {
                change: shift.change().expect("all but rotations are proposed"),
                expires_at: Timestamp(GENESIS_TIME.0 + 86_400_000),
            },
            Self::Vote(proposal) => Operation::Vote {
                proposal,
                ballot: Ballot::Yes,
            },
            Self::Attest {
                proposal,
                machine,
                generation,
                height,
                block,
            } => {
                let key = keys_of(machine, generation).validator;
                let attestation = Attestation::V1(AttestationV1 {
                    network: network(),
                    proposal,
                    validator: key.public(),
                    height,
                    block,
                    lowest: *PROTOCOLS.start(),
                    highest: *PROTOCOLS.end(),
                });
                let signature = attestation.sign(&key);
                Operation::Attest {
                    attestation,
                    signature,
                }
            }
        }
    }
}

/// How many machines these changes need beside the validators of the beginning.
pub(crate) fn machines_beside(shifts: &[Shift], validators: usize) -> usize {
    let highest = shifts.iter().filter_map(|shift| shift.machine()).max();
    let needed = highest.map_or(0, |highest| usize::from(highest) + 1);
    assert!(needed <= MAX_VALIDATORS, "no simulation has so many machines");
    needed.saturating_sub(validators)
}

/// A machine's keys, each with its proof for a seat of the machine's member.
fn proven(machine: u16, generation: u8) -> (NextKeys, Vec<Signature>) {
    let keys = seat_keys_of(machine, generation);
    let seat = SeatKeys {
        network: network(),
        member: MemberNumber(machine.into()),
        validator: keys.validator,
        node: keys.node,
        witness: keys.witness,
    };
    let signing = keys_of(machine, generation);
    let all = [&signing.validator, &signing.node, &signing.witness];
    (keys, all.map(|key| seat.prove(key)).into())
}
