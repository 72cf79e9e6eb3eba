//! A small network to test with: beta's account has three signers, of which one is a P-256 key.

use quorate_crypto::{Address, ClientSigningKey, Engine, MemberNumber, SigningKey, Tag, sign_strict};
use quorate_genesis::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, Genesis, GenesisError, Join,
    JoinBody, JoinBodyV1, JoinKeys, JoinV1,
};
use quorate_ledger::{
    Amount, AssetCode, Parameters, Right, Rules, Scope, Signer, Signers, Timestamp, encode,
};

pub(crate) const MEMBERS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// 2026-01-31T12:00:00Z.
pub(crate) const TIME: Timestamp = Timestamp(1_769_860_800_000);

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub(crate) fn client(number: u8) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(key(number))
}

pub(crate) fn p256(number: u8) -> ClientSigningKey {
    ClientSigningKey::p256_from_scalar(&[number; 32]).unwrap()
}

pub(crate) fn address(number: u8) -> Address {
    client(number).key().address()
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

/// The draft with its accounts and grants in their order.
pub(crate) fn ordered(mut draft: DraftV1) -> Draft {
    draft.accounts.sort_by_key(|account| account.address);
    draft.grants.sort_by_key(encode);
    Draft::V1(draft)
}

pub(crate) fn draft_v1() -> DraftV1 {
    let asset = |name: &str, decimals, amounts: [u128; 2]| DraftAsset {
        code: code(name),
        decimals,
        flags: 0,
        description: format!("Test {name}"),
        issuer: address(200),
        balances: (201..)
            .zip(amounts)
            .map(|(number, amount)| DraftBalance {
                address: address(number),
                amount: Amount(amount),
            })
            .collect(),
    };
    let account = |number, member| DraftAccount {
        address: address(number),
        member: MemberNumber(member),
    };
    let grant = |number, right, scope| DraftGrant {
        account: address(number),
        right,
        scope,
    };
    DraftV1 {
        network: "interbank".to_owned(),
        engine: Engine::Pbft,
        time: TIME,
        members: MEMBERS.map(str::to_owned).to_vec(),
        parameters: Parameters::default(),
        rules: Rules::default(),
        assets: vec![
            asset("QRT", 2, [100_000_000, 1]),
            asset("EUR", 0, [7, 10_u128.pow(38) - 8]),
        ],
        accounts: vec![account(210, 0), account(211, 1)],
        grants: vec![
            grant(220, Right::Operate, Scope::Member(MemberNumber(0))),
            grant(221, Right::Mint, Scope::Asset(code("QRT"))),
            grant(222, Right::Administrate, Scope::Member(MemberNumber(1))),
            grant(222, Right::Erase, Scope::Network),
        ],
    }
}

pub(crate) fn draft() -> Draft {
    ordered(draft_v1())
}

/// All keys with which a member joins, and what it says of its account and addresses.
pub(crate) struct Keys {
    pub(crate) validator: SigningKey,
    pub(crate) node: SigningKey,
    pub(crate) witness: SigningKey,
    pub(crate) account: ClientSigningKey,
    pub(crate) signers: Option<Signers>,
    pub(crate) administrators: Vec<ClientSigningKey>,
    pub(crate) addresses: Vec<String>,
}

pub(crate) fn signers<'a>(
    threshold: u32,
    weights: impl IntoIterator<Item = (&'a ClientSigningKey, u16)>,
) -> Signers {
    let weights = weights.into_iter();
    let mut signers: Vec<Signer> = weights
        .map(|(key, weight)| Signer {
            key: key.key(),
            weight,
        })
        .collect();
    signers.sort_by_key(|signer| signer.key);
    Signers { threshold, signers }
}

/// The keys of the member with this place in the draft.
pub(crate) fn keys(place: u8) -> Keys {
    let first = 10 * place;
    let mut keys = Keys {
        validator: key(first + 1),
        node: key(first + 2),
        witness: key(first + 3),
        account: client(first + 4),
        signers: None,
        administrators: Vec::new(),
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", 9100 + u16::from(place))],
    };
    if place == 1 {
        keys.account = p256(15);
        keys.signers = Some(signers(3, [(&p256(15), 2), (&client(16), 1), (&client(17), 1)]));
        keys.administrators = vec![client(16)];
    }
    keys
}

impl Keys {
    /// The join with these keys, of which nothing is checked.
    pub(crate) fn begin(&self, draft: &Draft, member: &str) -> Join {
        let administrators: Vec<&ClientSigningKey> = self.administrators.iter().collect();
        let keys = JoinKeys {
            validator: &self.validator,
            node: &self.node,
            witness: &self.witness,
            account: &self.account,
            signers: self.signers.as_ref(),
            administrators: &administrators,
        };
        Join::begin(draft, member, keys, self.addresses.clone())
    }

    /// This body, whatever it says, signed by these keys.
    pub(crate) fn sign(&self, body: JoinBodyV1) -> Join {
        let body = JoinBody::V1(body);
        let bytes = encode(&body);
        let mut join = Join::V1(JoinV1 {
            body,
            validator: sign_strict(&self.validator, Tag::JOIN, &bytes),
            node: sign_strict(&self.node, Tag::JOIN, &bytes),
            witness: sign_strict(&self.witness, Tag::JOIN, &bytes),
            administrators: Vec::new(),
        });
        for administrator in std::iter::once(&self.account).chain(&self.administrators) {
            join.countersign(administrator);
        }
        join
    }
}

/// The join of the member with this place in the draft.
pub(crate) fn join(draft: &Draft, place: u8) -> Join {
    let join = keys(place).begin(draft, &draft.v1().members[usize::from(place)]);
    assert_eq!(join.verify(draft), Ok(()));
    join
}

pub(crate) fn joins(draft: &Draft) -> Vec<Join> {
    let members = u8::try_from(draft.v1().members.len()).unwrap();
    (0..members).map(|place| join(draft, place)).collect()
}

/// The document of this draft and these joins.
pub(crate) fn assemble(draft: &Draft, joins: &[Join]) -> Result<Genesis, GenesisError> {
    let texts: Vec<String> = joins.iter().map(Join::to_toml).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Genesis::assemble(&draft.to_toml(), &texts).map(|(_, genesis)| genesis)
}

/// The text of a whole genesis document, and what it says.
pub(crate) fn genesis() -> (String, Genesis) {
    let draft = draft();
    let texts: Vec<String> = joins(&draft).iter().map(Join::to_toml).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Genesis::assemble(&draft.to_toml(), &texts).unwrap()
}

/// The encoding of a document of this draft and these joins, of which nothing is checked.
pub(crate) fn document_bytes(draft: &Draft, joins: &[Join]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(encode(draft));
    assert!(joins.len() < 128, "the count has one byte");
    bytes.push(u8::try_from(joins.len()).unwrap());
    bytes.extend(joins.iter().flat_map(encode));
    bytes
}

/// The line that a refusal names, and the rest of its words.
#[track_caller]
pub(crate) fn line_and_words(error: &GenesisError) -> (usize, String) {
    let text = error.to_string();
    let rest = text.strip_prefix("line ").expect("a line is named");
    let (line, words) = rest.split_once(": ").expect("words follow the line");
    (line.parse().unwrap(), words.to_owned())
}
