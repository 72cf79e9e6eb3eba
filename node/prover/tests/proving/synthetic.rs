//! A chain of as many steps as one likes, all of one account, under a committee of 16: what it would be like after years,
//! made without executing anything. It is certified at its last block alone.

use std::collections::BTreeMap;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{
    Address, Certificate, CertificateV1, Committee, CommitteeSeat, Digest, Engine, Epoch, Height,
    MemberNumber, Seal, SealContent, SeatNumber, SigningKey, sha256,
};
use quorate_ledger::{
    Account, AccountV1, Agreement, AgreementV1, Amount, Asset, AssetCode, AssetV1, BalanceChange,
    BalanceItem, GenesisState, Header, HeaderV1, HistoryEntry, HistoryOwner, HistoryStart, Inline, LogEntry,
    LogEntryV1, LoggedEntry, LoggedTransaction, Outcome, StateKey, StateTree, Step, Timestamp,
    WAYPOINT_INTERVAL, balances_root, encode, history_hash, value_hash,
};
use quorate_prover::{Addition, MemoryChain, TrustedStart, prove_committees};
use quorate_verifier::{Anchor, Pin, Verifier};

/// The first block's time, less its height's seconds.
pub(crate) const TIME: u64 = 1_767_225_600_000;

/// Steps of each block.
pub(crate) const PER_BLOCK: u64 = 5;

/// Accounts beside the one that does something.
const OTHERS: u64 = 100_000;

const VALIDATORS: u32 = 16;

pub(crate) struct Synthetic {
    pub(crate) chain: MemoryChain,
    pub(crate) owner: HistoryOwner,
    /// The newest block's height.
    pub(crate) tip: Height,
}

/// What goes on while blocks are made.
struct Making {
    network: Digest,
    validators: Vec<SigningKey>,
    committee: Committee,
    chain: MemoryChain,
    tree: StateTree,
    header: Option<Header>,
    headers: Frontier,
    log: Frontier,
    account: AccountV1,
}

impl Synthetic {
    /// A chain of so many steps, a multiple of [`PER_BLOCK`].
    pub(crate) fn new(steps: u64) -> Self {
        let mut making = Making::new();
        let blocks = steps / PER_BLOCK;
        for height in 1..=blocks {
            making.block(Height(height), height == blocks);
        }
        Self {
            owner: HistoryOwner::Account(making.account.address),
            chain: making.chain,
            tip: Height(blocks),
        }
    }

    /// The time of the block that has a step, counted from 1.
    pub(crate) fn time_of(step: u64) -> Timestamp {
        Timestamp(TIME + 1_000 * step.div_ceil(PER_BLOCK))
    }

    /// A verifier that has pinned the first block.
    pub(crate) fn verifier(&self) -> Verifier {
        let proof = prove_committees(&self.chain, TrustedStart::Pinned(Height(1)), Epoch(0)).unwrap();
        let quorate_verifier::ProofBody::Committees { trust, .. } = &proof.v1().body else {
            panic!("another body");
        };
        let quorate_verifier::Trust::Pinned { header, .. } = trust else {
            panic!("another start");
        };
        let pin = Pin {
            height: Height(1),
            hash: header.hash(),
        };
        let mut verifier = Verifier::new(Anchor {
            genesis: None,
            pin: Some(pin),
        });
        verifier.learn(&proof).unwrap();
        verifier
    }
}

fn key(kind: &str, number: u32) -> SigningKey {
    SigningKey::from_seed(&sha256(format!("{kind} {number}").as_bytes()).0)
}

fn address(number: u64) -> Address {
    let digest = sha256(&number.to_le_bytes());
    Address(*digest.0.first_chunk().unwrap())
}

fn euro() -> AssetCode {
    "EUR".parse().unwrap()
}

/// An account of which nothing is known but what it has.
fn account(network: Digest, address: Address, free: Amount) -> AccountV1 {
    let (asset, held) = (euro(), Amount(0));
    let item = BalanceItem { asset, free, held };
    let start = HistoryStart {
        network,
        owner: HistoryOwner::Account(address),
        balances: balances_root(&[item]),
    };
    AccountV1 {
        address,
        signers: None,
        member: None,
        frozen: false,
        holds: 0,
        others: 0,
        balances: vec![Inline {
            asset,
            free,
            held,
            incoming: 0,
        }],
        entries: 0,
        last: start.hash(),
        waypoints: Vec::new(),
    }
}

impl Making {
    fn new() -> Self {
        let network = sha256(b"synthetic");
        let validators: Vec<SigningKey> = (0..VALIDATORS).map(|number| key("validator", number)).collect();
        let seats = (0..VALIDATORS).map(|number| CommitteeSeat {
            member: MemberNumber(number),
            seat: SeatNumber(number),
            validator: key("validator", number).public(),
            node: key("node", number).public(),
            witness: key("witness", number).public(),
        });
        let committee = Committee::new(Epoch(0), Engine::Pbft, 1, seats.collect());
        let account = account(network, address(0), Amount(10_u128.pow(15)));
        let state = genesis(network, &committee, &account);
        Self {
            network,
            validators,
            chain: MemoryChain::new(network, committee.clone(), &state),
            committee,
            tree: state.tree(),
            header: None,
            headers: Frontier::new(),
            log: Frontier::new(),
            account,
        }
    }

    fn block(&mut self, height: Height, is_last: bool) {
        let timestamp = Timestamp(TIME + 1_000 * height.0);
        let (mut log, mut histories) = (Vec::new(), Vec::new());
        for position in 0..PER_BLOCK {
            let logged = self.leaf(height, timestamp, u32::try_from(position).unwrap());
            histories.push(self.step(timestamp, logged.leaf));
            self.log.push_hash(logged.leaf);
            log.push(logged);
        }
        // Only the last state is ever looked at.
        let key = StateKey::account(&self.account.address);
        let value = encode(&Account::V1(self.account.clone()));
        let changes: BTreeMap<StateKey, Option<Vec<u8>>> =
            is_last.then_some((key, Some(value))).into_iter().collect();
        let hashes = changes
            .iter()
            .map(|(key, value)| (*key, value.as_deref().map(value_hash)));
        let state_root = self.tree.update(height, hashes);
        let header = self.header(height, timestamp, state_root);
        let certificate = self.certify(height, header.hash(), is_last);
        self.chain.append(Addition {
            header: &header,
            certificate,
            agreement: None,
            changes: &changes,
            log: &log,
            histories: &histories,
            transactions: Vec::new(),
            erased: &[],
        });
        self.headers.push(&header.hash().0);
        self.header = Some(header);
    }

    fn leaf(&self, height: Height, timestamp: Timestamp, position: u32) -> LoggedEntry {
        let ordinal = self.log.length().to_le_bytes();
        let entry = LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
            height,
            timestamp,
            position,
            id: sha256(&ordinal),
            expires_at: Timestamp(timestamp.0 + 60_000),
            signed: sha256(&[ordinal, ordinal].concat()),
            outcome: Outcome::Success { results: Vec::new() },
        }));
        LoggedEntry {
            leaf: entry.leaf_hash(),
            entry,
        }
    }

    /// A payment of one.
    fn step(&mut self, timestamp: Timestamp, leaf: Digest) -> HistoryEntry {
        let account = &mut self.account;
        let asset = euro();
        let free_before = account.balances[0].free;
        let free_after = Amount(free_before.0 - 1);
        account.balances[0].free = free_after;
        account.entries += 1;
        let held = Amount(0);
        let is_waypoint = account.entries.is_multiple_of(WAYPOINT_INTERVAL);
        let step = Step {
            number: account.entries,
            ordinal: self.log.length(),
            timestamp,
            leaf,
            changes: vec![BalanceChange {
                asset,
                free_before,
                free_after,
                held_before: held,
                held_after: held,
            }],
            balances: is_waypoint.then(|| {
                balances_root(&[BalanceItem {
                    asset,
                    free: free_after,
                    held,
                }])
            }),
        };
        account.last = history_hash(&account.last, &step.inner());
        if is_waypoint {
            let before = account.entries / WAYPOINT_INTERVAL - 1;
            let mut waypoints = Frontier::from_parts(before, account.waypoints.clone()).unwrap();
            waypoints.push(&account.last.0);
            account.waypoints = waypoints.subtrees().to_vec();
        }
        HistoryEntry {
            owner: HistoryOwner::Account(account.address),
            step,
            hash: account.last,
        }
    }

    fn header(&self, height: Height, timestamp: Timestamp, state_root: Digest) -> Header {
        Header::V1(HeaderV1 {
            network: self.network,
            protocol: 1,
            epoch: Epoch(0),
            height,
            previous: self.header.as_ref().map_or(self.network, Header::hash),
            chain_root: self.headers.root(),
            proposal: Digest::ZERO,
            timestamp,
            log_size: self.log.length(),
            log_root: self.log.root(),
            state_root,
            next_committee: self.committee.digest(),
        })
    }

    fn certify(&self, height: Height, block: Digest, is_last: bool) -> Certificate {
        let epoch = Epoch(0);
        let content = SealContent::new(self.network, epoch, height, block);
        let sealing = self.committee.indices().zip(&self.validators).filter(|_| is_last);
        let seals = sealing.map(|(validator, key)| Seal {
            validator,
            signature: content.sign(key),
        });
        Certificate::V1(CertificateV1 {
            epoch,
            height,
            block,
            seals: seals.collect(),
        })
    }
}

/// The account, many others, an asset, and the agreement.
fn genesis(network: Digest, committee: &Committee, first: &AccountV1) -> GenesisState {
    let others = (1..=OTHERS).map(|number| account(network, address(number), Amount(u128::from(number))));
    let accounts = others.chain([first.clone()]);
    let mut leaves: Vec<(StateKey, Vec<u8>)> = accounts
        .map(|account| (StateKey::account(&account.address), encode(&Account::V1(account))))
        .collect();
    let asset = Asset::V1(AssetV1 {
        code: euro(),
        number: 0,
        issuer: first.address,
        decimals: 2,
        flags: 0,
        supply: Amount(10_u128.pow(20)),
        entries: 0,
        last: Digest::ZERO,
        waypoints: Vec::new(),
    });
    leaves.push((StateKey::asset(&euro()), encode(&asset)));
    let agreement = Agreement::V1(AgreementV1 {
        committee: committee.clone(),
        first: Height(1),
        last: None,
        longest_lead_ms: 60_000,
        pending: Vec::new(),
    });
    leaves.push((StateKey::agreement(), encode(&agreement)));
    GenesisState::new(leaves)
}
