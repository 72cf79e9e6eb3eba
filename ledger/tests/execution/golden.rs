//! Section 24 to the byte: its genesis state, and block 1 executed on it.

use std::sync::Arc;

use bytes::Bytes;
use quorate_crypto::{Address, Digest, Engine, Height, SigningKey};
use quorate_ledger::{
    Account, AccountV1, Agreement, Amount, BatchRules, BlockInput, CertifiedBlock, CertifiedBlockV1,
    CheckedBatch, Execution, GenesisAsset, GenesisLists, GenesisMember, GenesisState, Header, HistoryOwner,
    MemoryState, Outcome, Parameters, Rules, StateKey, StateReader, Timestamp, Tip, decode, encode, execute,
    genesis_state,
};

use crate::world::code;

/// `bcs(CertifiedBlock)` of block 1.
const BLOCK: &str = "\
    000000f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618010000000000000000000000010000\
    0000000000f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618e3b0c44298fc1c149afbf4c899\
    6fb92427ae41e4649b934ca495991b7852b8558842aafb512f14e30ad6179fe597d2357cdd1a4b116e889d13450e9b7d061c\
    bee8abda769b010000020000000000000045a4c9d05c97507aece243922409091ef434d3364af5d9e1b7adfdb828bf956d49\
    db4125013f9ab7767642c41e12939c33eaa5cae73a6c609d4c9fd2cfc0ba0e22c2d5c64a5f7d39c51a8195d2f3efb5560c28\
    75ed5ef13d480ac2db815d27620000e8abda769b0100000174afde2e6730dd0b644a4f3387ef350da8b5cf000f36f7d72630\
    fa07a0ed471f02000000000000010000000000000000000000000000010000000000000068327b0c4cca7bc1ed729f79a4e5\
    65cd9c62e4e1b7093f652e35186c2c4e6abf0100008863662c178daab0b7f2b8cb3bdf1ab689f96a308961b57143a1fa256c\
    f0b272bc1ef043a47606ad2ad9974881381ba6547d5b79df34f21b0c480c6f0ddd4d00010000f8d1588bd40a83c041dde44e\
    06ee34f0baa3a1982b8a627d1d96e25abc108618000000000000000000000100000000000000020000f8d1588bd40a83c041\
    dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618016667b111cc79f20ce34185c687163f463bea690d6092db769b01\
    0000000102030405060708090a0b0c0d0e0f0100032d8feb05653f0aa04f75fcd0972b257746e6d5f503455552e204000000\
    0000000000000000000000010101000011aa6c432332c33c956c115cefa5661ee66508421f1289fc03de110909e639ef0100\
    d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511ac86cd1fa123ce0b5828aa503abb98429ac68\
    b51cf7dd65ec3435a38b3427f5d5ea0f2141670829dfb31d0b3bef6616266d0951b57a9c8de430845f4f8b3cee040000f8d1\
    588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618026667b111cc79f20ce34185c687163f463bea69\
    0dd168d8f62fad123043366cb91ee873c821c767b76092db769b01000007070707070707070707070707070707020003d168\
    d8f62fad123043366cb91ee873c821c767b70345555250c3000000000000000000000000000001036667b111cc79f20ce341\
    85c687163f463bea690d04474f4c4402000000000000000000000000000000000200d75a980182b10ab7d54bfed3c964073a\
    0ee172f3daa62325af021a68f707511a2a763bf9a610cc60d58a1b949c76818eff2db71638a8406a4d4a0fed1a7694e7ec74\
    4ffab638e37a534dc8e589d962bde7b594f524c1f5bfd56e9e2988ec6e0a010360fed4ba255a9d31c961eb74c6356d68c049\
    b8923b61fa6ce669622e60f29fb6d7e16f3a1398a6132f5525e80783f9905e7ddcb6ae052100db63dae3873e7b616b63d7f7\
    c557532945a2c553a930394948fb1faac6321e1f83a88b1453f3cda21e3480b6f42d2c10a1cd9064f3fdc1eb6c8ff1dac9c7\
    84bf66fcea519d3579c4eaac3d28a5a9119918c73e0158dcea7d74923761dd009727bdfefc801ef941010101000100101112\
    131415161718191a1b1c1d1e1f0a696e766f696365203137";

/// Step 1 of K1's account.
const STEP: &str = "\
    01000000000000000000000000000000e8abda769b010000f2f61f44c13aafd8ed232435984828cb6c80ca0ef68ef4a50484\
    14170f6a706b0103455552a0860100000000000000000000000000be81010000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000";

/// The leaf of K1's account after block 1.
const LEAF: &str = "\
    006667b111cc79f20ce34185c687163f463bea690d000100000000000000000002034555526ebe0000000000000000000000\
    000000000000000000000000000000000000000000000004474f4c4402000000000000000000000000000000000000000000\
    0000000000000000000000000000020000000000000067ccef3277ce8430e040386f2a836ce63dbb9c825a8c741c964fc290\
    375ae44200";

const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";

fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

fn address(text: &str) -> Address {
    let mut bytes = [0; 20];
    hex::decode_to_slice(text, &mut bytes).unwrap();
    Address(bytes)
}

fn k1() -> Address {
    address("6667b111cc79f20ce34185c687163f463bea690d")
}

fn k2() -> Address {
    address("2d8feb05653f0aa04f75fcd0972b257746e6d5f5")
}

fn p() -> Address {
    address("d168d8f62fad123043366cb91ee873c821c767b7")
}

/// 2026-01-01T00:00:00Z.
const TIME: Timestamp = Timestamp(1_767_225_600_000);

fn genesis() -> GenesisState {
    let key = |byte: u8| SigningKey::from_seed(&[byte; 32]).public();
    let asset = |text: &str, decimals: u8, holder: Address, amount: u128| GenesisAsset {
        code: code(text),
        decimals,
        flags: 0,
        issuer: holder,
        balances: vec![(holder, Amount(amount))],
    };
    let lists = GenesisLists {
        network: digest(NETWORK),
        time: TIME,
        engine: Engine::Pbft,
        protocol: quorate_ledger::PROTOCOL,
        parameters: Parameters::default(),
        rules: Rules::default(),
        members: vec![GenesisMember {
            name: "alpha".to_owned(),
            account: k1(),
            signers: None,
            validator: key(0x11),
            node: key(0x22),
            witness: key(0x33),
            addresses: vec!["/ip4/127.0.0.1/tcp/9100".to_owned()],
        }],
        assets: vec![asset("EUR", 2, k1(), 100_000), asset("GOLD", 0, p(), 5)],
        accounts: Vec::new(),
        grants: Vec::new(),
    };
    genesis_state(&lists).unwrap()
}

fn certified() -> CertifiedBlockV1 {
    let bytes = hex::decode(BLOCK).unwrap();
    let CertifiedBlock::V1(certified) = decode(&bytes, bytes.len()).unwrap();
    certified
}

/// The page's block, executed on the page's genesis state, with the state after it.
fn executed() -> (Execution, MemoryState) {
    let genesis = genesis();
    let Agreement::V1(agreement) = &genesis.agreement;
    let parameters = Parameters::default();
    let network = digest(NETWORK);
    let rules = BatchRules {
        network: &network,
        committee: &agreement.committee,
        parameters: parameters.v1(),
    };
    let certified = certified();
    let bytes = Bytes::from(encode(&certified.batches[0]));
    let batch = Arc::new(CheckedBatch::check(bytes, &rules).unwrap());
    let tip = Tip::genesis(network, TIME, genesis.root);
    let input = BlockInput {
        tip: &tip,
        proposal: &certified.block.v1().proposal,
        batches: &[batch],
        parameters: parameters.v1(),
    };
    let mut state = MemoryState::genesis(&genesis);
    let execution = execute(&input, &state, &mut genesis.tree()).unwrap();
    state.apply(&execution);
    (execution, state)
}

#[test]
fn the_state_at_genesis_has_the_pages_root() {
    let genesis = genesis();
    assert_eq!(genesis.leaves().count(), 15);
    let root = digest("405c2ee80dedb0a4b2ae83cd31f1ca37b619f30c7a4ba532d61d030ac1d7db98");
    assert_eq!((genesis.root, genesis.tree().root()), (root, root));
    let state = MemoryState::genesis(&genesis);
    let start = digest("d7e9b1e86882986f794343e1e68442d09365cfab23b115410f89f7f0aa05ff63");
    assert_eq!(account_of(&state, &k1()).last, start);
    assert_eq!(genesis.assets, [(0, code("EUR")), (1, code("GOLD"))]);
    assert_eq!(
        genesis.holders,
        [(code("EUR"), k1(), true), (code("GOLD"), p(), true)]
    );
}

fn account_of(state: &MemoryState, address: &Address) -> AccountV1 {
    let value = state.value(&StateKey::account(address)).unwrap().unwrap();
    let Account::V1(account) = decode(&value, value.len()).unwrap();
    account
}

#[test]
fn block_1_is_the_pages_to_the_byte() {
    let (execution, _) = executed();
    let block = hex::encode(encode(&execution.block));
    // After the certified block's own variant.
    assert_eq!(block, BLOCK[2..2 + block.len()]);
    let Header::V1(header) = &execution.block.v1().header;
    let encoded = encode(&execution.block.v1().header);
    assert_eq!(encoded.len(), 261);
    assert_eq!(hex::encode(encoded), BLOCK[4..4 + 2 * 261]);
    let hash = digest("68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf");
    assert_eq!((execution.block_hash, execution.tip.block_hash), (hash, hash));
    let state_root = digest("49db4125013f9ab7767642c41e12939c33eaa5cae73a6c609d4c9fd2cfc0ba0e");
    assert_eq!(
        (header.state_root, execution.tip.state_root),
        (state_root, state_root)
    );
    let log_root = digest("45a4c9d05c97507aece243922409091ef434d3364af5d9e1b7adfdb828bf956d");
    assert_eq!((header.log_size, header.log_root), (2, log_root));
    assert_eq!(
        (header.height, header.timestamp),
        (Height(1), Timestamp(TIME.0 + 1_000))
    );
    let committee = digest("22c2d5c64a5f7d39c51a8195d2f3efb5560c2875ed5ef13d480ac2db815d2762");
    assert_eq!(header.next_committee, committee);
}

#[test]
fn both_transactions_of_block_1_are_in_the_log() {
    let (execution, _) = executed();
    let ids: Vec<Digest> = execution.transactions.iter().map(|item| item.id).collect();
    let expected = [
        digest("4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57"),
        digest("9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5"),
    ];
    assert_eq!(ids, expected);
    let first = &execution.transactions[0];
    let signed = digest("233a9760671e3cdae787aea45321b351a72818229da224046b13e2c64a29f49b");
    assert_eq!((first.signed, first.ordinal, first.position), (signed, 0, 0));
    assert_eq!(execution.transactions[1].parties, [k1(), p()]);
    let success = Outcome::Success { results: Vec::new() };
    assert!(execution.transactions.iter().all(|item| item.outcome == success));
    let leaf = digest("f2f61f44c13aafd8ed232435984828cb6c80ca0ef68ef4a5048414170f6a706b");
    assert_eq!(execution.log[0].leaf, leaf);
}

#[test]
fn the_histories_of_block_1_are_the_pages() {
    let (execution, state) = executed();
    let owners: Vec<HistoryOwner> = execution.histories.iter().map(|entry| entry.owner).collect();
    let expected = [k1(), k2(), k1(), p()].map(HistoryOwner::Account);
    assert_eq!(owners, expected);
    let first = &execution.histories[0];
    assert_eq!(hex::encode(encode(&first.step)), STEP);
    let inner = digest("4f3d663c3284f30879f3b2ad391dcd58035e6b5970b32c3e65f0b787c41dc8b1");
    assert_eq!(first.step.inner(), inner);
    let hashes = (first.hash, execution.histories[2].hash);
    let expected = (
        digest("f5df20c8d5f879cb8b7ff3ff5ff3b5c3ff79ec1e4e105a50fa7e498b61525bc3"),
        digest("67ccef3277ce8430e040386f2a836ce63dbb9c825a8c741c964fc290375ae442"),
    );
    assert_eq!(hashes, expected);
    let key = StateKey::account(&k1());
    let text = "016667b111cc79f20ce34185c687163f463bea690d0000000000000000000000";
    assert_eq!(hex::encode(key.0), text);
    let leaf = state.value(&key).unwrap().unwrap();
    assert_eq!(hex::encode(leaf), LEAF);
    assert!(execution.waypoints.is_empty());
    assert_eq!(
        execution.holders,
        [
            (code("EUR"), k2(), true),
            (code("EUR"), p(), true),
            (code("GOLD"), k1(), true)
        ]
    );
}
