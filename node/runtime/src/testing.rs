//! A small network for tests: validators and accounts whose keys everybody knows, and a chain in a temporary folder.

use std::sync::Arc;

use quorate_crypto::{
    ClientSigningKey, Committee, CommitteeSeat, Engine, Epoch, MemberNumber, PublicKey, SeatNumber,
    SigningKey,
};
use quorate_ledger::{
    Act, Address, Amount, Digest, GenesisAsset, GenesisLists, GenesisMember, GenesisState, Intent, IntentV1,
    Operation, Parameters, Place, Rules, Submission, Text, TextItem, Texts, Timestamp, Tip, genesis_state,
};
use quorate_storage::{Chain, StorageOptions};
use tempfile::TempDir;

/// The network's id.
pub(crate) const NETWORK: Digest = Digest([7; 32]);

/// The key of a validator.
pub(crate) fn validator(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

/// A seat's node and witness keys: no key may be in a committee twice.
fn others(number: u8) -> [PublicKey; 2] {
    [64, 128].map(|kind| SigningKey::from_seed(&[number | kind; 32]).public())
}

/// The key of an account.
pub(crate) fn client(number: u8) -> ClientSigningKey {
    let mut seed = [number; 32];
    seed[0] = 0xC1;
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed))
}

/// The address of an account.
pub(crate) fn address(number: u8) -> Address {
    client(number).key().address()
}

/// PBFT's committee of validators 1 and up in an epoch.
pub(crate) fn committee(epoch: Epoch, validators: u8) -> Committee {
    let seat = |number: u8| {
        let [node, witness] = others(number);
        CommitteeSeat {
            member: MemberNumber(u32::from(number) - 1),
            seat: SeatNumber(u32::from(number) - 1),
            validator: validator(number).public(),
            node,
            witness,
        }
    };
    Committee::new(epoch, Engine::Pbft, 1, (1..=validators).map(seat).collect())
}

/// The state of a network of validators 1 and up, in which account 1 has issued a million QRT and holds it.
pub(crate) fn genesis(validators: u8, parameters: &Parameters) -> GenesisState {
    let member = |number: u8| {
        let [node, witness] = others(number);
        GenesisMember {
            name: format!("member-{number}"),
            account: address(number),
            signers: None,
            validator: validator(number).public(),
            node,
            witness,
            addresses: Vec::new(),
        }
    };
    let asset = GenesisAsset {
        code: "QRT".parse().unwrap(),
        decimals: 2,
        flags: 0,
        issuer: address(1),
        balances: vec![(address(1), Amount(1_000_000))],
    };
    let lists = GenesisLists {
        network: NETWORK,
        time: Timestamp(1_000),
        engine: Engine::Pbft,
        protocol: quorate_ledger::PROTOCOL,
        parameters: parameters.clone(),
        rules: Rules::default(),
        members: (1..=validators).map(member).collect(),
        assets: vec![asset],
        accounts: Vec::new(),
        grants: Vec::new(),
    };
    genesis_state(&lists).unwrap()
}

/// A chain that begins with a state, and its folder.
pub(crate) fn chain(genesis: &GenesisState) -> (TempDir, Arc<Chain>) {
    let folder = tempfile::tempdir().unwrap();
    let tip = Tip::genesis(NETWORK, Timestamp(1_000), genesis.root);
    let options = StorageOptions::default();
    let chain = Chain::create(folder.path().join("chain"), genesis, &tip, &options).unwrap();
    (folder, Arc::new(chain))
}

/// A payment of QRT to an account.
pub(crate) fn payment(to: u8, amount: u128) -> Operation {
    Operation::Transfer {
        to: address(to),
        asset: "QRT".parse().unwrap(),
        amount: Amount(amount),
    }
}

/// What such a transaction is signed over, with its texts: the first party acts, and places ascend.
pub(crate) fn intent(
    parties: Vec<Address>,
    operations: Vec<Operation>,
    salt: u8,
    expires_at: Timestamp,
    texts: &[(Place, &str)],
) -> (Intent, Vec<Text>) {
    let places = texts.iter().map(|(place, _)| *place).collect();
    let texts: Vec<Text> = (1_u8..=u8::MAX)
        .cycle()
        .zip(texts)
        .map(|(number, (_, text))| Text {
            salt: [salt.wrapping_add(number); 16],
            text: text.as_bytes().to_vec(),
        })
        .collect();
    let items: Vec<TextItem> = texts.iter().cloned().map(TextItem::Shown).collect();
    let acts = operations
        .into_iter()
        .map(|operation| Act { party: 0, operation });
    let intent = Intent::V1(IntentV1 {
        network: NETWORK,
        parties,
        expires_at,
        salt: [salt; 16],
        operations: acts.collect(),
        texts: (!items.is_empty()).then(|| Texts {
            places,
            root: Texts::root_of(&items),
        }),
    });
    (intent, texts)
}

/// A transaction of an account, signed by it, with its texts. It expires a minute after genesis.
pub(crate) fn submission(
    sender: u8,
    operations: Vec<Operation>,
    salt: u8,
    texts: &[(Place, &str)],
) -> Submission {
    let parties = vec![address(sender)];
    let (intent, texts) = intent(parties, operations, salt, Timestamp(61_000), texts);
    Submission::new(intent.sign([&client(sender)]), texts)
}
