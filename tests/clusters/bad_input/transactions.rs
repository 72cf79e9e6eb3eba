//! Bad transactions, each with the status and code that it is to have.

use quorate_client::wallet::{TransactionBuilder, Unsigned};
use quorate_crypto::{ClientSigningKey, Key, KeySignature, SigningKey, keyfile, sha256};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Condition, ConditionLeaf, Digest, HoldRef, Intent, Keep, Operation,
    Signer, Signers, Submission, Text, Timestamp, Transaction, encode,
};

use crate::Cluster;

/// Amounts are below this.
const TOO_MUCH: u128 = 10_u128.pow(38);

/// Who sends, where to, and by when.
pub(super) struct Sender {
    network: Digest,
    key: ClientSigningKey,
    pub(super) to: Address,
    expires_at: u64,
}

impl Sender {
    pub(super) fn new(cluster: &Cluster, to: &str) -> Self {
        let status = cluster.expect(0, &["query", "status"]).json();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            network: status["network"].as_str().unwrap().parse().unwrap(),
            key: keyfile::client::read(&cluster.dir().join("treasury.key"), None).unwrap(),
            to: to.parse().unwrap(),
            expires_at: u64::try_from(now.unwrap().as_millis()).unwrap() + 600_000,
        }
    }

    fn address(&self) -> Address {
        self.key.key().address()
    }

    fn builder(&self) -> TransactionBuilder {
        self.builder_on(self.network, self.expires_at)
    }

    fn builder_on(&self, network: Digest, expires_at: u64) -> TransactionBuilder {
        TransactionBuilder::new(network, self.address(), Timestamp(expires_at), [7; 16])
    }

    /// A payment that is refused for nothing but its amount or asset.
    pub(super) fn payment(&self, asset: &str, amount: u128) -> Unsigned {
        self.builder()
            .transfer(self.to, code(asset), Amount(amount), "")
            .build()
            .unwrap()
    }

    pub(super) fn signed(&self, unsigned: Unsigned) -> Vec<u8> {
        encode(&unsigned.sign([&self.key]))
    }

    fn made(&self, builder: TransactionBuilder) -> Vec<u8> {
        self.signed(builder.build().unwrap())
    }

    fn operation(&self, operation: Operation) -> Vec<u8> {
        self.made(self.builder().operation(operation))
    }

    /// A payment whose intent was changed before it was signed.
    fn changed(&self, change: impl FnOnce(&mut Vec<Address>, &mut Vec<Act>)) -> Vec<u8> {
        let Unsigned { intent, texts } = self.payment("QRT", 1);
        let Intent::V1(mut intent) = intent;
        change(&mut intent.parties, &mut intent.operations);
        let intent = Intent::V1(intent);
        self.signed(Unsigned { intent, texts })
    }

    /// A payment with a memo, whose texts were changed after it was signed.
    fn with_texts(&self, change: impl FnOnce(&mut Vec<Text>)) -> Vec<u8> {
        let builder = self.builder().transfer(self.to, code("QRT"), Amount(1), "memo");
        let Submission::V1(mut submission) = builder.build().unwrap().sign([&self.key]);
        change(&mut submission.texts);
        encode(&Submission::V1(submission))
    }
}

fn code(asset: &str) -> AssetCode {
    asset.parse().unwrap()
}

fn stranger() -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&[42; 32]))
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
    let signature = |key: &ClientSigningKey| {
        let submission = sender.payment("QRT", 1).sign([key]);
        submission.transaction().signatures()[0]
    };
    // Canonical but for their order: nothing that the library makes, so put in by hand.
    let with = |signatures: &[KeySignature]| {
        let intent = encode(&sender.payment("QRT", 1).intent);
        [&[0, 0], intent.as_slice(), &encode(&signatures.to_vec()), &[0]].concat()
    };
    let (mut low, mut high) = (signature(&sender.key), signature(&stranger()));
    if low.key() > high.key() {
        std::mem::swap(&mut low, &mut high);
    }
    let anyone = KeySignature::Ed25519 {
        key: [0; 32],
        signature: *low.signature(),
    };
    let many_operations = (0..257).fold(sender.builder(), |builder, _| {
        builder.transfer(sender.to, code("QRT"), Amount(1), "")
    });
    let large = (0..65).fold(sender.builder(), |builder, _| {
        builder.record(sha256(b"document"), Keep::Log, "", vec![0; 1_024])
    });
    let signer = |weight: u16| Signer {
        key: stranger().key(),
        weight,
    };
    let signers = |signers: Vec<Signer>| {
        let threshold = 1;
        sender.operation(Operation::SetSigners {
            signers: Signers { threshold, signers },
        })
    };
    let own = sender.address();
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
        (
            "the sender twice",
            sender.changed(|parties, _| parties.push(own)),
            400,
            wrong,
        ),
        (
            "an operation of nobody",
            sender.changed(|_, acts| acts[0].party = 1),
            400,
            wrong,
        ),
        ("no operation", sender.made(sender.builder()), 400, wrong),
        ("too many operations", sender.made(many_operations), 400, wrong),
        (
            "an amount of nothing",
            sender.signed(sender.payment("QRT", 0)),
            400,
            wrong,
        ),
        (
            "an amount that is none",
            sender.signed(sender.payment("QRT", TOO_MUCH)),
            400,
            wrong,
        ),
        ("no signers", signers(vec![]), 400, wrong),
        ("a signer twice", signers(vec![signer(1), signer(1)]), 400, wrong),
        ("a signer without weight", signers(vec![signer(0)]), 400, wrong),
        ("oversized", sender.made(large), 413, "transaction_too_large"),
    ]
}

/// Texts that cannot be stored, or are not those that were signed.
pub(super) fn bad_texts(sender: &Sender) -> Vec<Case> {
    let mut not_text = sender.with_texts(|_| {});
    let place = not_text.windows(4).position(|window| window == b"memo").unwrap();
    not_text[place] = 0xff;
    let noted = |memo: &str| {
        let builder = sender.builder();
        sender.made(builder.transfer(sender.to, code("QRT"), Amount(1), memo))
    };
    let memo = |bytes: usize| {
        let builder = sender.builder().transfer(sender.to, code("QRT"), Amount(1), "");
        sender.made(builder.memo("m".repeat(bytes)))
    };
    let record = |label: usize, metadata: usize| {
        let builder = sender.builder();
        let (label, metadata) = ("l".repeat(label), vec![0; metadata]);
        sender.made(builder.record(sha256(b"document"), Keep::Log, label, metadata))
    };
    let refused = "text_refused";
    vec![
        ("a memo that is no text", not_text, 400, refused),
        ("a long memo", memo(257), 400, refused),
        ("a long memo of a transfer", noted(&"m".repeat(129)), 400, refused),
        ("a line break", noted("one\ntwo"), 400, refused),
        ("text that turns round", noted("\u{202e}12.50"), 400, refused),
        ("a long label", record(129, 0), 400, refused),
        ("much metadata", record(0, 1_025), 400, refused),
        (
            "no text for a place",
            sender.with_texts(Vec::clear),
            400,
            "texts_missing",
        ),
        (
            "a text for no place",
            sender.with_texts(|texts| texts.push(texts[0].clone())),
            400,
            "texts_unfit",
        ),
        (
            "another text",
            sender.with_texts(|texts| texts[0].text = b"MEMO".to_vec()),
            400,
            "texts_unfit",
        ),
        (
            "another salt",
            sender.with_texts(|texts| texts[0].salt = [9; 16]),
            400,
            "texts_unfit",
        ),
    ]
}

/// Well-formed transactions that the ledger refuses.
pub(super) fn refused(sender: &Sender) -> Vec<Case> {
    let payment = sender.payment("QRT", 1);
    let mut forged = sender.signed(payment.clone());
    // Behind the signature is the count of texts.
    let last = forged.len() - 2;
    forged[last] ^= 1;
    // A good signature of the same key under another payment.
    let other = sender.payment("QRT", 2).sign([&sender.key]);
    let signatures = other.transaction().signatures().to_vec();
    let moved = Transaction::new(payment.intent.clone(), signatures);
    let moved = encode(&Submission::new(moved, Vec::new()));
    let elsewhere = |network: Digest, expires_at: u64| {
        let builder = sender.builder_on(network, expires_at);
        sender.made(builder.transfer(sender.to, code("QRT"), Amount(1), ""))
    };
    let create = |asset: &str, decimals: u8| Operation::CreateAsset {
        code: code(asset),
        decimals,
        flags: 0,
    };
    let most = Amount(TOO_MUCH - 1);
    let mint = Operation::Mint {
        to: sender.to,
        asset: code("QRT"),
        amount: most,
    };
    let burn = Operation::Burn {
        asset: code("QRT"),
        amount: most,
    };
    let set = |key: Key, threshold: u32| {
        let signers = vec![Signer { key, weight: 1 }];
        sender.operation(Operation::SetSigners {
            signers: Signers { threshold, signers },
        })
    };
    let hold = Operation::Hold {
        beneficiary: sender.to,
        asset: code("QRT"),
        amount: Amount(1),
        until: Timestamp(1),
        condition: Condition::new(1, vec![ConditionLeaf::Signs(sender.address())]),
    };
    let release = Operation::Release {
        hold: HoldRef {
            owner: sender.address(),
            transaction: sha256(b"no hold"),
            operation: 0,
        },
        amount: None,
        preimages: Vec::new(),
    };
    let with_party = sender
        .builder()
        .transfer(sender.to, code("QRT"), Amount(1), "")
        .party(stranger().key().address());
    let all_or_nothing = sender
        .builder()
        .transfer(sender.to, code("QRT"), Amount(1), "")
        .transfer(sender.to, code("NOPE"), Amount(1), "");
    vec![
        ("forged signature", forged, 400, "bad_signature"),
        ("another's signature", moved, 400, "bad_signature"),
        (
            "unauthorised",
            encode(&payment.clone().sign([&stranger()])),
            422,
            "unauthorised",
        ),
        (
            "a signature too many",
            encode(&payment.sign([&sender.key, &stranger()])),
            422,
            "needless_signature",
        ),
        (
            "a party that has not signed",
            sender.made(with_party),
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
            sender.signed(sender.payment("QRT", TOO_MUCH - 1)),
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
            sender.made(all_or_nothing),
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
            set(stranger().key(), 2),
            422,
            "threshold_unreachable",
        ),
        (
            "a signer that is no key",
            set(Key::Ed25519([0; 32]), 1),
            422,
            "invalid_key",
        ),
        ("a hold that has ended", sender.operation(hold), 422, "bad_until"),
        (
            "a hold that is not there",
            sender.operation(release),
            422,
            "unknown_hold",
        ),
        (
            "an operation of a later protocol",
            sender.operation(Operation::Withdraw { proposal: 0 }),
            422,
            "not_yet",
        ),
    ]
}
