//! Bad transactions, each with the status and code that it is to have.

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{PublicKey, SigningKey, keyfile, sha256};
use quorate_ledger::{
    Address, Amount, AssetCode, Digest, Intent, KeySignature, Operation, Signer, Timestamp, Transaction,
    encode,
};

use crate::Cluster;

/// Who sends, where to, and by when.
pub(super) struct Sender {
    network: Digest,
    key: SigningKey,
    pub(super) to: Address,
    expires_at: u64,
}

impl Sender {
    pub(super) fn new(cluster: &Cluster, to: &str) -> Self {
        let status = cluster.expect(0, &["query", "status"]).json();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            network: status["network"].as_str().unwrap().parse().unwrap(),
            key: keyfile::read(&cluster.dir().join("treasury.key"), None).unwrap(),
            to: to.parse().unwrap(),
            expires_at: u64::try_from(now.unwrap().as_millis()).unwrap() + 600_000,
        }
    }

    fn address(&self) -> Address {
        self.key.public().address()
    }

    fn builder(&self) -> TransactionBuilder {
        self.builder_on(self.network, self.expires_at)
    }

    fn builder_on(&self, network: Digest, expires_at: u64) -> TransactionBuilder {
        TransactionBuilder::new(network, self.address(), Timestamp(expires_at), [7; 16])
    }

    /// A payment that is refused for nothing but its amount or asset.
    pub(super) fn payment(&self, asset: &str, amount: u128) -> Intent {
        self.builder()
            .transfer(self.to, code(asset), Amount(amount), "")
            .build()
    }

    pub(super) fn signed(&self, intent: Intent) -> Vec<u8> {
        encode(&intent.sign([&self.key]))
    }

    fn operation(&self, operation: Operation) -> Vec<u8> {
        self.signed(self.builder().operation(operation).build())
    }
}

fn code(asset: &str) -> AssetCode {
    asset.parse().unwrap()
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(&[42; 32])
}

/// What it is, its bytes, and the status and code that it is to have.
pub(super) type Case = (&'static str, Vec<u8>, u16, &'static str);

/// Transactions that are no transactions, or break a rule of form.
pub(super) fn malformed(sender: &Sender) -> Vec<Case> {
    let good = sender.signed(sender.payment("QRT", 1));
    let cut = good[..good.len() - 1].to_vec();
    let trailing = [good.as_slice(), &[0]].concat();
    // The variant's number in two bytes where one is enough.
    let long_number = [&[0x80, 0x00], &good[1..]].concat();
    let later_version = [&[1], &good[1..]].concat();
    let signature = |key: &SigningKey| {
        let Transaction::V1(transaction) = sender.payment("QRT", 1).sign([key]);
        transaction.signatures[0]
    };
    // Canonical but for their order: nothing that the library makes, so put in by hand.
    let with = |signatures: &[KeySignature]| {
        let intent = encode(&sender.payment("QRT", 1));
        [&[0], intent.as_slice(), &encode(&signatures.to_vec())].concat()
    };
    let (mut low, mut high) = (signature(&sender.key), signature(&stranger()));
    if low.key > high.key {
        std::mem::swap(&mut low, &mut high);
    }
    let anyone = KeySignature {
        key: PublicKey([0; 32]),
        ..low
    };
    let mut not_text = sender.signed(sender.builder().memo("memo").build());
    let place = not_text.windows(4).position(|window| window == b"memo").unwrap();
    not_text[place] = 0xff;
    let noted = |bytes: usize| {
        let builder = sender
            .builder()
            .transfer(sender.to, code("QRT"), Amount(1), "m".repeat(bytes));
        sender.signed(builder.build())
    };
    let long_memo = sender
        .builder()
        .transfer(sender.to, code("QRT"), Amount(1), "")
        .memo("m".repeat(257));
    let many_operations = (0..257).fold(sender.builder(), |builder, _| {
        builder.transfer(sender.to, code("QRT"), Amount(1), "")
    });
    let record = |label: usize, metadata: usize| Operation::PutRecord {
        sha256: sha256(b"document"),
        label: "l".repeat(label),
        metadata: vec![0; metadata],
    };
    let large = (0..65).fold(sender.builder(), |builder, _| builder.operation(record(0, 1_024)));
    let signer = |weight: u32| Signer {
        key: stranger().public(),
        weight,
    };
    let signers = |signers: Vec<Signer>| {
        sender.operation(Operation::SetSigners {
            signers,
            threshold: 1,
        })
    };
    let wrong = "malformed_transaction";
    vec![
        ("nothing", Vec::new(), 400, wrong),
        ("noise", vec![0xff; 300], 400, wrong),
        ("cut", cut, 400, wrong),
        ("trailing byte", trailing, 400, wrong),
        ("non-minimal number", long_number, 400, wrong),
        ("unknown version", later_version, 400, wrong),
        ("no signature", with(&[]), 400, wrong),
        ("unordered signatures", with(&[high, low]), 400, wrong),
        ("one signature twice", with(&[low, low]), 400, wrong),
        ("a key for which anyone can sign", with(&[anyone]), 400, wrong),
        ("a memo that is no text", not_text, 400, wrong),
        ("a long memo", sender.signed(long_memo.build()), 400, wrong),
        ("a long memo of a transfer", noted(129), 400, wrong),
        (
            "no operation",
            sender.signed(sender.builder().build()),
            400,
            wrong,
        ),
        (
            "too many operations",
            sender.signed(many_operations.build()),
            400,
            wrong,
        ),
        (
            "an amount of nothing",
            sender.signed(sender.payment("QRT", 0)),
            400,
            wrong,
        ),
        ("a long label", sender.operation(record(129, 0)), 400, wrong),
        ("much metadata", sender.operation(record(0, 1_025)), 400, wrong),
        ("no signers", signers(vec![]), 400, wrong),
        ("a signer twice", signers(vec![signer(1), signer(1)]), 400, wrong),
        ("a signer without weight", signers(vec![signer(0)]), 400, wrong),
        (
            "oversized",
            sender.signed(large.build()),
            413,
            "transaction_too_large",
        ),
    ]
}

/// Well-formed transactions that the ledger refuses.
pub(super) fn refused(sender: &Sender) -> Vec<Case> {
    let payment = sender.payment("QRT", 1);
    let mut forged = sender.signed(payment.clone());
    let last = forged.len() - 1;
    forged[last] ^= 1;
    // A good signature of the same key under another payment.
    let Transaction::V1(other) = sender.payment("QRT", 2).sign([&sender.key]);
    let moved = encode(&Transaction::new(payment.clone(), other.signatures));
    let elsewhere = |network: Digest, expires_at: u64| {
        let builder = sender.builder_on(network, expires_at);
        sender.signed(builder.transfer(sender.to, code("QRT"), Amount(1), "").build())
    };
    let create = |asset: &str, decimals: u8| Operation::CreateAsset {
        code: code(asset),
        decimals,
        description: String::new(),
    };
    let mint = Operation::Mint {
        asset: code("QRT"),
        to: sender.to,
        amount: Amount(u128::MAX),
    };
    let burn = Operation::Burn {
        asset: code("QRT"),
        amount: Amount(u128::MAX),
    };
    let set = |key: PublicKey, threshold: u32| {
        let signers = vec![Signer { key, weight: 1 }];
        sender.operation(Operation::SetSigners { signers, threshold })
    };
    let all_or_nothing = sender
        .builder()
        .transfer(sender.to, code("QRT"), Amount(1), "")
        .transfer(sender.to, code("NOPE"), Amount(1), "");
    vec![
        ("forged signature", forged, 400, "bad_signature"),
        ("another's signature", moved, 400, "bad_signature"),
        (
            "unauthorised",
            encode(&payment.sign([&stranger()])),
            422,
            "unauthorised",
        ),
        (
            "wrong network",
            elsewhere(sha256(b"elsewhere"), sender.expires_at),
            422,
            "wrong_network",
        ),
        ("expired", elsewhere(sender.network, 1_000), 422, "expired"),
        (
            "expiry too far",
            elsewhere(sender.network, u64::MAX),
            422,
            "expiry_too_far",
        ),
        (
            "over-spending",
            sender.signed(sender.payment("QRT", u128::MAX)),
            422,
            "insufficient_balance",
        ),
        (
            "unknown asset",
            sender.signed(sender.payment("NOPE", 1)),
            422,
            "unknown_asset",
        ),
        (
            "second operation bad",
            sender.signed(all_or_nothing.build()),
            422,
            "unknown_asset",
        ),
        (
            "asset exists",
            sender.operation(create("QRT", 2)),
            422,
            "asset_exists",
        ),
        (
            "too many decimals",
            sender.operation(create("FINE", 19)),
            422,
            "too_many_decimals",
        ),
        ("more than can be", sender.operation(mint), 422, "supply_overflow"),
        (
            "burning what is not there",
            sender.operation(burn),
            422,
            "insufficient_balance",
        ),
        (
            "threshold out of reach",
            set(stranger().public(), 2),
            422,
            "threshold_unreachable",
        ),
        (
            "a signer that is no key",
            set(PublicKey([0; 32]), 1),
            422,
            "invalid_key",
        ),
    ]
}
