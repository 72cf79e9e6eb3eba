//! The replicas of the model of two heights, each with its disk, and what comes of what reaches them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quorate_consensus::pbft::{Body as Pbft, Replica, View};
use quorate_consensus::{Action, Body, Config, Input, Message, Record, Timer, Verified};
use quorate_crypto::{Certificate, Committee, Digest, Engine, Height, ValidatorIndex, sha256};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp, encode};
use quorate_simulator::{Scheme, TIMING, committee, network};

use super::menu::Lie;
use crate::journal;
use crate::liar::{Liar, view_change_of};
use crate::numbered::Numbered;

/// The heights of the model.
pub(super) const LAST_HEIGHT: Height = Height(2);

/// The time of every step before the fair continuation.
pub(super) const NOW: Timestamp = Timestamp(1_000_000);

/// An executed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) hash: Digest,
    pub(super) proposal: Digest,
    /// Proof that it is certified; what is above the first that has none is executed ahead.
    pub(super) certificate: Option<Certificate>,
}

/// A replica, with what is on its disk and what its executor has made.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) replica: Replica,
    journal: Vec<Record>,
    /// The block of height 1 comes first.
    chain: Vec<Block>,
    /// Decided heights that wait for the block below.
    waiting: BTreeMap<Height, Digest>,
}

/// What can reach a replica at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    /// Messages, in this order.
    Messages(Vec<u32>),
    /// Blocks that it fetches, in this order.
    Blocks(Vec<u32>),
    /// The timer of this view, then messages.
    Timeout(View, Vec<u32>),
    /// A crash, which it survives with its certified blocks or with none of them.
    Restart { keeps: bool },
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) next: u32,
    /// Messages that bind.
    pub(super) says: Vec<u32>,
    /// Heights and the numbers of proposals.
    pub(super) decides: Vec<(Height, usize)>,
    /// It wants the blocks up to this height.
    pub(super) fetches: Option<Height>,
}

/// All that has come up so far.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) committee: Committee,
    pub(super) liar: Liar,
    pub(super) honest: [ValidatorIndex; 3],
    pub(super) last_view: u64,
    /// Two of the first primary, two of the others, and the null proposal.
    pub(super) proposals: Vec<Proposal>,
    #[cfg(broken_rules)]
    pub(super) broken: Option<quorate_consensus::broken::Rule>,
    pub(super) locals: Numbered<(usize, u64), Local>,
    pub(super) messages: Numbered<Digest, Message>,
    blocks: Numbered<Digest, Block>,
    /// The height, the parent and the proposal of each block that anybody has executed.
    made: HashMap<Digest, (Height, Digest, Digest)>,
    outcomes: HashMap<(usize, u32, Cause), Arc<Outcome>>,
    /// The numbers of the liar's votes and seals.
    pub(super) lies: HashMap<(Lie, View, Height, Digest), u32>,
    /// Whether networks go on: their replicas, and what the liar goes on claiming certified.
    pub(super) futures: HashMap<([u32; 3], Option<Height>), bool>,
    pub(super) changes: HashMap<(u64, Vec<u32>), Arc<Vec<u32>>>,
}

impl Local {
    pub(super) fn certified(&self) -> Height {
        self.replica.certified()
    }

    /// The block executed at a height.
    pub(super) fn block(&self, height: Height) -> Option<&Block> {
        let place = usize::try_from(height.0.checked_sub(1)?).ok()?;
        self.chain.get(place)
    }

    /// Of each block whether it is certified.
    pub(super) fn blocks(&self) -> Vec<bool> {
        self.chain
            .iter()
            .map(|block| block.certificate.is_some())
            .collect()
    }

    /// The last certified block of the chain.
    pub(super) fn written(&self) -> Height {
        let certified = self.chain.iter().take_while(|block| block.certificate.is_some());
        Height(u64::try_from(certified.count()).expect("there are two"))
    }

    /// The hash of the block below a height.
    fn parent(&self, height: Height) -> Digest {
        let below = Height(height.0.saturating_sub(1));
        self.block(below).map_or(Digest::ZERO, |block| block.hash)
    }

    fn next_to_execute(&self) -> Height {
        Height(u64::try_from(self.chain.len()).expect("there are two") + 1)
    }

    /// Whether its disk proves that a proposal was prepared at a height, or has the height's certified block.
    pub(super) fn holds(&self, height: Height, proposal: Digest) -> bool {
        let proves = |record: &Record| match record {
            Record::Prepared(proof) => proof.height == height && proof.proposal.digest() == proposal,
            _ => false,
        };
        height <= self.certified() || self.journal.iter().any(proves)
    }

    /// Takes a fetched block into its chain.
    fn take(&mut self, height: Height, block: Block) {
        let place = usize::try_from(height.0 - 1).expect("there are two");
        if self
            .block(height)
            .is_none_or(|executed| executed.hash != block.hash)
        {
            // Another block at a certified height shows in the seals.
            self.chain.truncate(place);
            self.chain.push(block);
        } else {
            self.chain[place] = block;
        }
        self.waiting = self.waiting.split_off(&height.next());
    }
}

impl Lab {
    pub(super) fn new(liar: u16, last_view: u64) -> Self {
        let committee = committee(4, Engine::Pbft);
        let own = ValidatorIndex(liar);
        let batch = |name: &[u8]| Proposal::new(NOW, vec![sha256(name)]);
        let honest: Vec<_> = committee.indices().filter(|index| *index != own).collect();
        Self {
            liar: Liar {
                committee: committee.clone(),
                own,
            },
            committee,
            honest: honest.try_into().expect("three of four are honest"),
            last_view,
            proposals: vec![
                batch(b"first 1"),
                batch(b"first 2"),
                batch(b"other 1"),
                batch(b"other 2"),
                Proposal::null(),
            ],
            #[cfg(broken_rules)]
            broken: None,
            locals: Numbered::new(),
            messages: Numbered::new(),
            blocks: Numbered::new(),
            made: HashMap::new(),
            outcomes: HashMap::new(),
            lies: HashMap::new(),
            futures: HashMap::new(),
            changes: HashMap::new(),
        }
    }

    pub(super) fn local(&self, number: u32) -> &Local {
        self.locals.get(number)
    }

    pub(super) fn message(&self, number: u32) -> &Message {
        self.messages.get(number)
    }

    #[cfg(broken_rules)]
    pub(super) fn break_rule(&self) {
        quorate_consensus::broken::set(self.broken);
    }

    #[cfg(not(broken_rules))]
    #[expect(clippy::unused_self, reason = "it has a rule to break in test builds")]
    pub(super) fn break_rule(&self) {}

    /// What the liar proposes at a height: one of two.
    pub(super) fn choices(&self, height: Height) -> [&Proposal; 2] {
        let place = usize::from(height == LAST_HEIGHT);
        [&self.proposals[place], &self.proposals[place + 2]]
    }

    /// The batches that a replica would propose, each by itself.
    fn batches(&self, place: usize) -> [Input; 2] {
        let first = if self.honest[place].0 == 0 { 0 } else { 2 };
        let input = |number: usize| Input::BatchesAvailable(self.proposals[number].batches().to_vec());
        [input(first), input(first + 1)]
    }

    /// The honest replicas at the beginning, and what they say at once.
    pub(super) fn begin(&mut self) -> ([u32; 3], Vec<u32>) {
        let mut says = Vec::new();
        let locals = [0, 1, 2].map(|place| {
            let outcome = self.start(place, Vec::new(), Vec::new());
            says.extend(&outcome.says);
            outcome.next
        });
        (locals, says)
    }

    fn config(&self, place: usize, certificate: Option<Certificate>) -> Config {
        Config {
            network: network(),
            committee: self.committee.clone(),
            index: Some(self.honest[place]),
            parameters: Parameters::V1(ParametersV1 {
                window: u32::try_from(LAST_HEIGHT.0).expect("there are two"),
                // Else the two batches of a later primary would be one proposal, and nothing left for a second.
                max_proposal_batches: 1,
                ..ParametersV1::default()
            }),
            epoch_start: Height::GENESIS,
            epoch_end: None,
            certified: certificate.as_ref().map_or(Height::GENESIS, Certificate::height),
            certificate,
            inquiry: None,
            timing: TIMING,
        }
    }

    /// What comes of something that reaches a replica.
    pub(super) fn play(&mut self, place: usize, number: u32, cause: Cause) -> Arc<Outcome> {
        let key = (place, number, cause);
        if let Some(outcome) = self.outcomes.get(&key) {
            return Arc::clone(outcome);
        }
        let mut local = self.local(number).clone();
        let outcome = match &key.2 {
            Cause::Messages(messages) => self.play_on(place, &mut local, VecDeque::new(), messages),
            Cause::Timeout(view, messages) => {
                let reign = view.0;
                let timer = match local.replica.has_begun() {
                    true => Timer::Progress { reign },
                    false => Timer::NewReign { reign },
                };
                self.play_on(place, &mut local, [Input::Timeout(timer)].into(), messages)
            }
            Cause::Blocks(blocks) => {
                let mut inputs = VecDeque::new();
                for block in blocks {
                    let block = self.blocks.get(*block).clone();
                    self.apply(&mut local, block, &mut inputs);
                }
                self.play_on(place, &mut local, inputs, &[])
            }
            Cause::Restart { keeps } => {
                let Local {
                    journal, mut chain, ..
                } = local;
                chain.retain(|block| *keeps && block.certificate.is_some());
                self.start(place, journal, chain)
            }
        };
        let outcome = Arc::new(outcome);
        self.outcomes.insert(key, Arc::clone(&outcome));
        outcome
    }

    /// A replica that starts with these records and certified blocks, and is given its batches.
    fn start(&mut self, place: usize, journal: Vec<Record>, chain: Vec<Block>) -> Outcome {
        let certificate = chain.last().and_then(|block| block.certificate.clone());
        let (replica, step) = Replica::recover(self.config(place, certificate), journal.clone());
        let mut local = Local {
            replica,
            journal,
            chain,
            waiting: BTreeMap::new(),
        };
        let mut inputs: VecDeque<Input> = self.batches(place).into();
        let mut left = Vec::new();
        local.journal.extend(step.records);
        for action in step.actions {
            self.carry_out(place, &mut local, action, &mut inputs, &mut left);
        }
        left.extend(self.settle(place, &mut local, NOW, inputs));
        self.outcome(place, local, left)
    }

    /// Inputs, then messages, then all that follows from them without another message.
    fn play_on(
        &mut self,
        place: usize,
        local: &mut Local,
        inputs: VecDeque<Input>,
        messages: &[u32],
    ) -> Outcome {
        let mut left = self.settle(place, local, NOW, inputs);
        for number in messages {
            let message = Verified::trusted(self.message(*number).clone());
            left.extend(self.settle(place, local, NOW, [Input::Message(message)].into()));
        }
        self.outcome(place, local.clone(), left)
    }

    fn outcome(&mut self, place: usize, mut local: Local, left: Vec<Action>) -> Outcome {
        journal::prune(&mut local.journal);
        let mut outcome = Outcome {
            next: 0,
            says: Vec::new(),
            decides: Vec::new(),
            fetches: None,
        };
        for action in left {
            match action {
                Action::Broadcast(message) | Action::Send { message, .. } if binds(&message) => {
                    outcome.says.push(self.messages.number_of_message(message));
                }
                Action::Decide { height, proposal } => {
                    let number = self.proposals.iter().position(|known| *known == proposal);
                    let number = number.expect("nothing else is proposed");
                    outcome.decides.push((height, number));
                }
                Action::FetchBlocks { to, .. } => outcome.fetches = Some(to),
                _ => {}
            }
        }
        outcome.next = self.number_of(place, local);
        outcome
    }

    /// All that follows from these inputs without another message; and what is left for others to do.
    pub(super) fn settle(
        &mut self,
        place: usize,
        local: &mut Local,
        now: Timestamp,
        mut inputs: VecDeque<Input>,
    ) -> Vec<Action> {
        let mut left = Vec::new();
        while let Some(input) = inputs.pop_front() {
            let step = local.replica.step(now, input);
            local.journal.extend(step.records);
            for action in step.actions {
                self.carry_out(place, local, action, &mut inputs, &mut left);
            }
        }
        left
    }

    /// Does what a driver does: signs, journals, finds batches, executes. Nothing above the last height is signed.
    fn carry_out(
        &mut self,
        place: usize,
        local: &mut Local,
        action: Action,
        inputs: &mut VecDeque<Input>,
        left: &mut Vec<Action>,
    ) {
        match action {
            Action::Sign(body) => {
                if height_of(&body) > Some(LAST_HEIGHT) {
                    return;
                }
                let own = self.honest[place];
                let message = Scheme::KeyedDigest.sign_message(network(), &self.committee, own, body);
                if is_journaled(&message) {
                    local.journal.push(Record::Own(message.clone()));
                }
                inputs.push_back(Input::Own(message));
            }
            Action::RequireBatches { height, proposal, .. } => {
                inputs.push_back(Input::ProposalAvailable { height, proposal });
            }
            Action::Decide { height, ref proposal } => {
                local.waiting.insert(height, proposal.digest());
                self.execute(local, inputs);
                left.push(action);
            }
            Action::Certify(certificate) => {
                let place = usize::try_from(certificate.height().0 - 1).expect("there are two");
                local.chain[place].certificate = Some(certificate);
            }
            _ => left.push(action),
        }
    }

    /// A certified block was fetched, and what was decided above it may be executed now.
    pub(super) fn apply(&mut self, local: &mut Local, block: Block, inputs: &mut VecDeque<Input>) {
        let certificate = block.certificate.clone();
        let certificate = certificate.expect("only certified blocks are given");
        local.take(certificate.height(), block);
        inputs.push_back(Input::Synced(certificate));
        self.execute(local, inputs);
    }

    fn execute(&mut self, local: &mut Local, inputs: &mut VecDeque<Input>) {
        loop {
            let height = local.next_to_execute();
            let Some(proposal) = local.waiting.remove(&height) else {
                return;
            };
            let parent = local.parent(height);
            let hash = sha256(&encode(&(parent, height, proposal)));
            self.made.insert(hash, (height, parent, proposal));
            local.chain.push(Block {
                hash,
                proposal,
                certificate: None,
            });
            inputs.push_back(Input::Executed { height, block: hash });
        }
    }

    fn number_of(&mut self, place: usize, local: Local) -> u32 {
        let mut hasher = DefaultHasher::new();
        local.replica.hash_protocol(&mut hasher);
        let mut records: Vec<Vec<u8>> = local.journal.iter().map(encode).collect();
        records.sort_unstable();
        records.hash(&mut hasher);
        for block in &local.chain {
            (block.hash, encode(&block.certificate)).hash(&mut hasher);
        }
        local.waiting.hash(&mut hasher);
        self.locals.number_of((place, hasher.finish()), || {
            local.replica.check_invariants();
            local
        })
    }

    /// Who of the honest has sealed what, as far as it was said.
    pub(super) fn seals(
        &self,
        said: &[u32],
    ) -> BTreeMap<(Height, Digest), BTreeMap<ValidatorIndex, quorate_crypto::Signature>> {
        let mut seals: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for number in said {
            let message = self.message(*number).v1();
            if let Body::Seal { height, block } = message.body {
                let of: &mut BTreeMap<_, _> = seals.entry((height, block)).or_default();
                of.insert(message.sender, message.signature);
            }
        }
        seals
    }

    /// The proposal of a block that somebody has executed.
    pub(super) fn proposal_of(&self, block: Digest) -> Digest {
        self.made
            .get(&block)
            .map_or(Digest::ZERO, |(_, _, proposal)| *proposal)
    }

    /// The certificates that the liar can show, ascending.
    pub(super) fn hoard(&self, said: &[u32]) -> Vec<Certificate> {
        let sealed = self.seals(said).into_iter();
        let certificates =
            sealed.filter_map(|((height, block), seals)| self.liar.certified(height, block, seals));
        certificates.collect()
    }

    /// The block, certified by the liar's hoard, that follows what a replica has certified.
    pub(super) fn block_after(
        &mut self,
        certified: Height,
        tip: Digest,
        hoard: &[Certificate],
    ) -> Option<u32> {
        let height = certified.next();
        let follows = |certificate: &&Certificate| {
            let made = self.made.get(&certificate.block());
            made.is_some_and(|(of, parent, _)| *of == height && *parent == tip)
        };
        let certificate = hoard.iter().find(follows)?.clone();
        let hash = certificate.block();
        let proposal = self.proposal_of(hash);
        let key = sha256(&encode(&certificate));
        Some(self.blocks.number_of(key, || Block {
            hash,
            proposal,
            certificate: Some(certificate),
        }))
    }

    /// The blocks that a replica can be given to come up to a height.
    pub(super) fn blocks_up_to(&mut self, number: u32, to: Height, hoard: &[Certificate]) -> Vec<u32> {
        let local = self.local(number);
        let mut certified = local.certified();
        let mut tip = local.parent(certified.next());
        let mut blocks = Vec::new();
        while certified < to {
            let Some(block) = self.block_after(certified, tip, hoard) else {
                break;
            };
            tip = self.blocks.get(block).hash;
            certified = certified.next();
            blocks.push(block);
        }
        blocks
    }
}

fn height_of(body: &Body) -> Option<Height> {
    match body {
        Body::Pbft(body) => body.height(),
        Body::Seal { height, .. } => Some(*height),
        _ => None,
    }
}

/// Whether the driver journals a message before it leaves. The engine itself records seals where it must.
fn is_journaled(message: &Message) -> bool {
    matches!(&message.v1().body, Body::Pbft(body) if !matches!(body, Pbft::Complaint { .. }))
}

/// Whether a message may change what others do before the fair continuation.
fn binds(message: &Message) -> bool {
    match &message.v1().body {
        Body::Pbft(body) => !matches!(body, Pbft::Complaint { .. }),
        Body::Seal { .. } => true,
        _ => false,
    }
}

/// The view that a view-change moves to.
pub(super) fn moves_to(message: &Message) -> Option<View> {
    view_change_of(message).map(|change| change.claims.view)
}
