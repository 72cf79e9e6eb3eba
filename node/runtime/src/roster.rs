//! Who takes part, as the state says after a block: the committee with its nodes and names, this node's place in it,
//! the epoch's parameters, and who may have a link.
//!
//! All of it is read from the state again at each epoch's beginning, and within an epoch when a seat changes. Nothing
//! is taken from the genesis document but its node keys, which stand for the seats that they began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_crypto::{
    Committee, CommitteeSeat, Epoch, Height, MemberNumber, PublicKey, SeatNumber, ValidatorIndex,
};
use quorate_ledger::limits::MAX_VALUE_BYTES;
use quorate_ledger::{
    Agreement, Change, Counters, GovernanceProposal, Member, PROTOCOLS, Parameters, Rejoin, Seat, SeatV1,
    StateError, StateKey, StateReader, decode, read_agreement, read_value,
};
use quorate_network::{PeerConfig, PeerKey};
use quorate_storage::StorageError;
use serde::de::DeserializeOwned;

use crate::error::NodeError;
use crate::keyring::Keyring;
use crate::names::Names;

/// What seats are called, by their numbers: a seat keeps its name for good, whatever committee it is in.
pub(crate) type SeatNames = BTreeMap<SeatNumber, String>;

/// What the rosters of a node are read with.
#[derive(Debug)]
pub(crate) struct RosterSource {
    /// The node keys of the genesis document, by seat.
    genesis: Vec<PublicKey>,
    keys: Arc<Keyring>,
}

/// One epoch.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    /// The epoch with its committee, its first height, and its last one if that is fixed.
    pub(crate) agreement: Agreement,
    /// Who agrees in it.
    pub(crate) committee: Committee,
    /// By which parameters.
    pub(crate) parameters: Parameters,
    /// What its validators are called, in the committee's order.
    pub(crate) names: Names,
    /// What all seats are called, those of former committees too.
    pub(crate) seats: Arc<SeatNames>,
    /// This node's place in it; none if its key does not sit there.
    pub(crate) own: Option<ValidatorIndex>,
    /// The last rejoin of this node's seat.
    pub(crate) rejoin: Option<Rejoin>,
    /// The node keys that stand for a validator: its seat's, the one that its seat has next, and the one that it began
    /// with, so that its node can be restarted with another key at any time in between.
    nodes: BTreeMap<PeerKey, ValidatorIndex>,
    /// Who may have a link as a validator of this committee or of the next, with their addresses.
    admitted: Vec<PeerConfig>,
    /// Its seats, but for the height at which each was last seen to be active.
    sitting: BTreeMap<SeatNumber, SeatV1>,
}

impl RosterSource {
    /// Of a network that began with these node keys, by seat, for a node with these keys.
    pub(crate) fn new(genesis: Vec<PublicKey>, keys: Arc<Keyring>) -> Self {
        Self { genesis, keys }
    }

    /// Reads it from the state.
    pub(crate) fn read<R>(&self, state: &R) -> Result<Roster, NodeError>
    where
        R: StateReader<Error = StorageError>,
    {
        let agreement = read_agreement(state).map_err(unreadable)?;
        let committee = agreement.committee();
        check_protocol(&committee)?;
        let parameters: Parameters = required(state, &StateKey::parameters())?;
        let seats = seat_names(state)?;
        let own = self.keys.place_in(&committee);
        let mut roster = Roster {
            names: names_of(&seats, &committee),
            seats: Arc::new(seats),
            own,
            rejoin: None,
            nodes: BTreeMap::new(),
            admitted: Vec::new(),
            sitting: BTreeMap::new(),
            parameters,
            agreement,
            committee,
        };
        let sitting: Vec<(ValidatorIndex, CommitteeSeat)> = roster
            .committee
            .indices()
            .zip(roster.committee.seats().iter().copied())
            .collect();
        for (index, sitting) in sitting {
            let seat: Seat = required(state, &StateKey::seat(sitting.seat))?;
            if Some(index) == own {
                roster.rejoin = seat.v1().rejoin;
            }
            self.admit(&mut roster, index, seat.v1());
            roster.sitting.insert(sitting.seat, without_activity(seat));
        }
        for number in roster.agreement.v1().pending.clone() {
            let proposal: GovernanceProposal = required(state, &StateKey::proposal(number))?;
            if let Change::AddSeat {
                member,
                node,
                addresses,
                ..
            } = &proposal.v1().change
            {
                let member: Member = required(state, &StateKey::member(*member))?;
                roster.admitted.push(PeerConfig {
                    key: peer_key(*node),
                    name: format!("{} (joining)", member.v1().name),
                    addresses: addresses.clone(),
                });
            }
        }
        Ok(roster)
    }

    /// The nodes that stand for a validator may have a link.
    fn admit(&self, roster: &mut Roster, index: ValidatorIndex, seat: &SeatV1) {
        let began_with = usize::try_from(seat.number.0)
            .ok()
            .and_then(|place| self.genesis.get(place));
        let next = seat.next.as_ref().map(|next| &next.node);
        let keys = [Some(&seat.node), next, began_with].into_iter().flatten();
        for key in keys.copied().map(peer_key) {
            if roster.nodes.contains_key(&key) {
                continue;
            }
            roster.nodes.insert(key, index);
            roster.admitted.push(PeerConfig {
                key,
                name: roster.names.of(index),
                addresses: seat.addresses.clone(),
            });
        }
    }
}

impl Roster {
    /// Which epoch.
    pub(crate) fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    /// Whether what a block has changed in the state is something of it: the epoch, or of a seat more than that it is
    /// active, which each block or so of a large committee notes.
    pub(crate) fn is_changed_by(&self, changes: &BTreeMap<StateKey, Option<Vec<u8>>>) -> bool {
        let seats = StateKey::seat(SeatNumber(0))..=StateKey::seat(SeatNumber(u32::MAX));
        changes.contains_key(&StateKey::agreement())
            || changes.range(seats).any(|(_, value)| {
                let seat = value
                    .as_ref()
                    .and_then(|value| decode(value, MAX_VALUE_BYTES).ok());
                let seat = seat.map(without_activity);
                seat.is_none_or(|seat| self.sitting.get(&seat.number) != Some(&seat))
            })
    }

    /// Its first height.
    pub(crate) fn first(&self) -> Height {
        self.agreement.v1().first
    }

    /// Whose node has this key.
    pub(crate) fn index_of(&self, node: &PeerKey) -> Option<ValidatorIndex> {
        self.nodes.get(node).copied()
    }

    /// All node keys that stand for a validator.
    pub(crate) fn nodes(&self) -> &BTreeMap<PeerKey, ValidatorIndex> {
        &self.nodes
    }

    /// The keys that a validator's node may have, one of which is linked.
    pub(crate) fn nodes_of(&self, index: ValidatorIndex) -> impl Iterator<Item = PeerKey> {
        let of = self.nodes.iter().filter(move |(_, of)| **of == index);
        of.map(|(key, _)| *key)
    }

    /// The other validators' nodes.
    pub(crate) fn others(&self) -> impl Iterator<Item = (ValidatorIndex, PeerKey)> {
        let nodes = self.nodes.iter().filter(|(_, index)| Some(**index) != self.own);
        nodes.map(|(key, index)| (*index, *key))
    }

    /// This node's seat.
    pub(crate) fn own_seat(&self) -> Option<&CommitteeSeat> {
        self.committee.seat(self.own?)
    }

    /// What people call this node.
    pub(crate) fn own_name(&self) -> String {
        self.own
            .map_or_else(|| "observer".to_owned(), |index| self.names.of(index))
    }

    /// Who may have a link.
    pub(crate) fn admitted(&self) -> &[PeerConfig] {
        &self.admitted
    }

    /// What the validators of a committee of any epoch are called.
    pub(crate) fn names_in(&self, committee: &Committee) -> Names {
        names_of(&self.seats, committee)
    }
}

/// A node key as the network has it.
pub(crate) fn peer_key(key: PublicKey) -> PeerKey {
    PeerKey(*key.as_bytes())
}

fn without_activity(Seat::V1(seat): Seat) -> SeatV1 {
    SeatV1 {
        active: Height::GENESIS,
        ..seat
    }
}

/// A node that does not know an epoch's rules stops after the last block that it knows.
fn check_protocol(committee: &Committee) -> Result<(), NodeError> {
    let needed = committee.protocol_version();
    if PROTOCOLS.contains(&needed) {
        return Ok(());
    }
    Err(NodeError::UnknownProtocol {
        epoch: committee.epoch(),
        needed,
        highest: *PROTOCOLS.end(),
    })
}

/// A member's first seat is called as the member is; further ones have their number behind that, after a colon, which
/// no member's name has.
fn seat_names<R>(state: &R) -> Result<SeatNames, NodeError>
where
    R: StateReader<Error = StorageError>,
{
    let Counters::V1(counters) = required(state, &StateKey::counters())?;
    let mut members: BTreeSet<MemberNumber> = BTreeSet::new();
    let mut names = SeatNames::new();
    for number in (0..counters.seats).map(SeatNumber) {
        let seat: Seat = required(state, &StateKey::seat(number))?;
        let member: Member = required(state, &StateKey::member(seat.v1().member))?;
        let name = &member.v1().name;
        let called = match members.insert(seat.v1().member) {
            true => name.clone(),
            false => format!("{name}:{}", number.0),
        };
        names.insert(number, called);
    }
    Ok(names)
}

fn names_of(seats: &SeatNames, committee: &Committee) -> Names {
    let name = |seat: &CommitteeSeat| {
        let known = seats.get(&seat.seat);
        known.map_or_else(|| format!("seat {}", seat.seat.0), Clone::clone)
    };
    committee.seats().iter().map(name).collect::<Vec<_>>().into()
}

fn required<R, T: DeserializeOwned>(state: &R, key: &StateKey) -> Result<T, NodeError>
where
    R: StateReader<Error = StorageError>,
{
    let value = read_value(state, key).map_err(unreadable)?;
    value.ok_or_else(|| unreadable(StateError::Damaged { key: *key }))
}

fn unreadable(error: StateError<StorageError>) -> NodeError {
    match error {
        StateError::Read(error) => NodeError::from(error),
        damaged @ StateError::Damaged { .. } => NodeError::DamagedChain {
            reason: damaged.to_string(),
        },
    }
}

/// What tests of other parts begin with.
#[cfg(test)]
pub(crate) mod testing {
    use quorate_ledger::AgreementV1;

    use super::*;

    impl Roster {
        /// That of a committee, of which this node is the validator at a place. Each epoch has one height.
        pub(crate) fn of(committee: Committee, own: Option<ValidatorIndex>, parameters: Parameters) -> Self {
            let nodes = committee.indices().zip(committee.seats());
            let nodes = nodes.map(|(index, seat)| (peer_key(seat.node), index)).collect();
            let admitted = committee.indices().zip(committee.seats());
            let admitted = admitted.map(|(index, seat)| PeerConfig {
                key: peer_key(seat.node),
                name: format!("member-{index}"),
                addresses: Vec::new(),
            });
            let admitted = admitted.collect();
            let names: Vec<String> = committee
                .indices()
                .map(|index| format!("member-{index}"))
                .collect();
            Self {
                agreement: Agreement::V1(AgreementV1 {
                    committee: committee.clone(),
                    first: Height(committee.epoch().0 + 1),
                    last: None,
                    longest_lead_ms: parameters.v1().max_expiry_lead_ms,
                    pending: Vec::new(),
                }),
                names: names.into(),
                seats: Arc::default(),
                own,
                rejoin: None,
                nodes,
                admitted,
                sitting: BTreeMap::new(),
                parameters,
                committee,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;
    use quorate_ledger::{NextKeys, encode};
    use quorate_storage::Chain;
    use tempfile::TempDir;

    use super::*;
    use crate::testing as network;

    fn source(key: SigningKey, genesis: &Committee) -> RosterSource {
        let nodes = genesis.seats().iter().map(|seat| seat.node).collect();
        RosterSource::new(nodes, Arc::new(Keyring::of(key)))
    }

    /// The chain of a network of four whose state has these leaves in place of its own.
    fn chain_with(changes: impl FnOnce(&mut BTreeMap<StateKey, Vec<u8>>)) -> (TempDir, Arc<Chain>) {
        let genesis = network::genesis(4, &Parameters::default());
        let mut leaves: BTreeMap<StateKey, Vec<u8>> = BTreeMap::new();
        for (key, value) in &genesis.changes {
            leaves.insert(*key, value.clone().unwrap());
        }
        changes(&mut leaves);
        network::chain(&quorate_ledger::GenesisState::new(leaves.into_iter().collect()))
    }

    #[test]
    fn a_validators_place_is_found_by_its_key_and_a_stranger_has_none() {
        let (_folder, chain) = chain_with(|_| {});
        let committee = network::committee(Epoch(0), 4);
        let roster = source(network::validator(3), &committee)
            .read(&chain.reader())
            .unwrap();
        assert_eq!(
            (roster.epoch(), roster.own, roster.rejoin),
            (Epoch(0), Some(ValidatorIndex(2)), None)
        );
        assert_eq!(
            roster.names.all(),
            ["member-1", "member-2", "member-3", "member-4"]
        );
        let node = peer_key(committee.seats()[1].node);
        assert_eq!(roster.index_of(&node), Some(ValidatorIndex(1)));
        assert_eq!(roster.others().count(), 3);
        let stranger = source(network::validator(9), &committee)
            .read(&chain.reader())
            .unwrap();
        assert_eq!((stranger.own, stranger.others().count()), (None, 4));
    }

    #[test]
    fn a_node_is_known_by_its_seats_next_key_and_by_the_one_that_it_began_with() {
        let committee = network::committee(Epoch(0), 4);
        let [rotated, next] = [71, 72].map(|seed| SigningKey::from_seed(&[seed; 32]).public());
        let began_with = committee.seats()[1].node;
        let (_folder, chain) = chain_with(|leaves| {
            let mut agreement = Agreement::genesis(committee.clone(), 1);
            let Agreement::V1(v1) = &mut agreement;
            let Committee::V1(changed) = &mut v1.committee;
            changed.seats[1].node = rotated;
            leaves.insert(StateKey::agreement(), encode(&agreement));
            let key = StateKey::seat(SeatNumber(1));
            let seat: Seat = quorate_ledger::decode(&leaves[&key], 4_096).unwrap();
            let Seat::V1(mut seat) = seat;
            seat.node = rotated;
            seat.next = Some(NextKeys {
                validator: seat.validator,
                node: next,
                witness: seat.witness,
            });
            leaves.insert(key, encode(&Seat::V1(seat)));
        });
        let roster = source(network::validator(1), &committee)
            .read(&chain.reader())
            .unwrap();
        for key in [rotated, next, began_with] {
            assert_eq!(roster.index_of(&peer_key(key)), Some(ValidatorIndex(1)));
        }
        let admitted: Vec<PeerKey> = roster.admitted().iter().map(|peer| peer.key).collect();
        assert_eq!(admitted.len(), 6);
        assert!(
            [rotated, next, began_with]
                .iter()
                .all(|key| admitted.contains(&peer_key(*key)))
        );
    }

    #[test]
    fn a_seat_that_is_only_active_changes_nothing_of_who_takes_part() {
        let (_folder, chain) = chain_with(|_| {});
        let genesis = network::committee(Epoch(0), 4);
        let roster = source(network::validator(1), &genesis)
            .read(&chain.reader())
            .unwrap();
        let key = StateKey::seat(SeatNumber(2));
        let seat: Seat = required(&chain.reader(), &key).unwrap();
        let after = |change: fn(&mut SeatV1)| {
            let Seat::V1(mut seat) = seat.clone();
            change(&mut seat);
            BTreeMap::from([(key, Some(encode(&Seat::V1(seat))))])
        };
        assert!(!roster.is_changed_by(&BTreeMap::new()));
        assert!(!roster.is_changed_by(&after(|seat| seat.active = Height(640))));
        assert!(roster.is_changed_by(&after(|seat| seat.addresses.push("/dns/moved".into()))));
        assert!(roster.is_changed_by(&after(|seat| seat.sits = false)));
        assert!(
            roster.is_changed_by(&after(|seat| seat.number = SeatNumber(4))),
            "a new one"
        );
        let agreement = encode(&roster.agreement);
        assert!(roster.is_changed_by(&BTreeMap::from([(StateKey::agreement(), Some(agreement))])));
    }

    #[test]
    fn a_members_further_seats_have_their_number_in_their_name() {
        let (_folder, chain) = chain_with(|leaves| {
            let key = StateKey::seat(SeatNumber(3));
            let Seat::V1(mut seat) = quorate_ledger::decode(&leaves[&key], 4_096).unwrap();
            seat.member = MemberNumber(0);
            leaves.insert(key, encode(&Seat::V1(seat)));
        });
        let committee = network::committee(Epoch(0), 4);
        let roster = source(network::validator(1), &committee)
            .read(&chain.reader())
            .unwrap();
        assert_eq!(
            roster.names.all(),
            ["member-1", "member-2", "member-3", "member-1:3"]
        );
    }

    #[test]
    fn an_epoch_whose_rules_this_program_does_not_know_is_refused_by_name() {
        let unknown = *PROTOCOLS.end() + 1;
        let committee = network::committee(Epoch(0), 4);
        let (_folder, chain) = chain_with(|leaves| {
            let mut agreement = Agreement::genesis(committee.clone(), 1);
            let Agreement::V1(v1) = &mut agreement;
            let Committee::V1(changed) = &mut v1.committee;
            changed.protocol = unknown;
            leaves.insert(StateKey::agreement(), encode(&agreement));
        });
        let error = source(network::validator(1), &committee)
            .read(&chain.reader())
            .unwrap_err();
        assert!(
            matches!(error, NodeError::UnknownProtocol { needed, .. } if needed == unknown),
            "{error}"
        );
    }
}
