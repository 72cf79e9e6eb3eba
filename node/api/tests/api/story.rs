//! A chain with a bit of everything, for tests and for the example.

use std::sync::Arc;

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{ClientSigningKey, Digest, sha256};
use quorate_ledger::{
    Amount, Condition, ConditionLeaf, HoldRef, Keep, Operation, Place, Signer, Signers, Submission,
    Timestamp, encode,
};

use crate::fake::{Fake, GENESIS_TIME, code, network, signer, wallet};

const MINUTE: u64 = 60_000;

/// What a hold of the story asks for.
pub(crate) const PREIMAGE: [u8; 32] = [7; 32];

/// Signing what is built.
pub(crate) trait Draft {
    /// Signed by these wallets. Texts have salts by their places, so that everything is the same at each run.
    fn signed(self, by: &[u8]) -> Submission;
}

impl Draft for TransactionBuilder {
    fn signed(self, by: &[u8]) -> Submission {
        let keys: Vec<ClientSigningKey> = by.iter().map(|seed| signer(*seed)).collect();
        self.build_with(salt).sign(&keys)
    }
}

fn salt(place: Place) -> [u8; 16] {
    match place {
        Place::Memo => [255; 16],
        Place::Operation { index, field } => {
            let mut salt = [field; 16];
            salt[0] = index;
            salt
        }
    }
}

/// What has an id.
pub(crate) trait Identified {
    fn id(&self) -> Digest;
}

impl Identified for Submission {
    fn id(&self) -> Digest {
        self.transaction().id()
    }
}

/// An unsigned transaction of wallet `from`; `salt` tells it apart.
pub(crate) fn draft(from: u8, salt: u8) -> TransactionBuilder {
    let expires_at = Timestamp(GENESIS_TIME + 86_400_000);
    TransactionBuilder::new(network(), wallet(from), expires_at, [salt; 16])
}

/// A payment in cents of QRT.
pub(crate) fn payment(from: u8, to: u8, cents: u128, salt: u8, memo: &str) -> Submission {
    let draft = draft(from, salt).transfer(wallet(to), code("QRT"), Amount(cents), memo);
    draft.signed(&[from])
}

/// The document that wallets 11 and 12 record.
pub(crate) fn document() -> Digest {
    sha256(b"frame agreement, signed copy")
}

/// Eight blocks: payments, an asset, records, signers, failures, text that must be escaped.
pub(crate) fn fake() -> Arc<Fake> {
    let fake = Fake::new();
    for (index, transactions) in (1_u64..).zip(blocks()) {
        fake.commit(transactions, GENESIS_TIME + index * MINUTE);
    }
    fake
}

fn blocks() -> Vec<Vec<Submission>> {
    let payroll = (11..=40).fold(draft(10, 2).memo("March salaries, batch 1 of 4"), |draft, to| {
        draft.transfer(
            wallet(to),
            code("QRT"),
            Amount(310_000 + u128::from(to) * 4_321),
            "salary",
        )
    });
    let mint = Operation::Mint {
        asset: code("CO2"),
        to: wallet(12),
        amount: Amount(2_500_000_000),
    };
    let carbon = draft(12, 4)
        .create_asset(code("CO2"), 6, "Tonnes of CO₂, registry of 2026")
        .operation(mint)
        .transfer(wallet(13), code("CO2"), Amount(125_000_001), "first tranche");
    let record = |from: u8, salt: u8, label: &str| {
        draft(from, salt)
            .record(document(), Keep::Log, label, b"{\"pages\":48}".as_slice())
            .signed(&[from])
    };
    let mut cosigners = [11, 51, 52].map(|seed| signer(seed).key());
    cosigners.sort();
    let signers = Signers {
        threshold: 3,
        signers: (1..)
            .zip(cosigners)
            .map(|(weight, key)| Signer { key, weight })
            .collect(),
    };
    let burn = Operation::Burn {
        asset: code("CO2"),
        amount: Amount(1_000_000),
    };
    vec![
        vec![
            payment(10, 11, 5_000_000, 1, "opening balance"),
            payment(10, 12, 7_250_050, 1, ""),
        ],
        vec![payroll.signed(&[10])],
        vec![
            payment(11, 12, 19_999, 3, "invoice 2026-0117"),
            payment(13, 14, 999_999_999, 3, "too much"),
        ],
        vec![carbon.signed(&[12])],
        vec![],
        vec![
            record(11, 6, "Frame agreement (signed)"),
            record(12, 6, "<script>alert(\"label\")</script>"),
            payment(12, 11, 1, 6, "\"><img src=x onerror=alert(1)>"),
        ],
        vec![
            draft(11, 7)
                .operation(Operation::SetSigners { signers })
                .memo("dual control from today")
                .signed(&[11]),
            draft(12, 7).operation(burn).memo("retired").signed(&[12]),
        ],
        vec![
            draft(11, 8)
                .transfer(wallet(10), code("QRT"), Amount(125_000), "rent")
                .signed(&[11, 51, 52]),
            payment(15, 16, 50, 8, ""),
        ],
    ]
}

/// Transactions that need more than one account: what follows the eight blocks.
pub(crate) struct Settlement {
    /// Wallets 12 and 13 deliver against payment.
    pub(crate) delivery: Submission,
    /// Wallet 12 holds 500.00 QRT for wallet 14, and as its second operation a tonne for wallet 13.
    pub(crate) holds: Submission,
    /// Wallets 12 and 13 record a deed, the one as its own, the other as the only one.
    pub(crate) deed: Submission,
    /// Wallet 14 takes 200.00 QRT.
    pub(crate) release: Submission,
    /// Wallet 15 gives the tonne back.
    pub(crate) refund: Submission,
    /// Wallet 12 erases its label of the deed, and the memo.
    pub(crate) erasure: Submission,
}

impl Settlement {
    /// What it is made of.
    pub(crate) fn new() -> Self {
        let delivery = draft(12, 20)
            .transfer(wallet(13), code("CO2"), Amount(2_000_000), "two tonnes")
            .act(
                wallet(13),
                Operation::Transfer {
                    to: wallet(12),
                    asset: code("QRT"),
                    amount: Amount(9_000),
                },
            )
            .memo("delivery against payment");
        let escrow = Operation::Hold {
            beneficiary: wallet(14),
            asset: code("QRT"),
            amount: Amount(50_000),
            until: Timestamp(GENESIS_TIME + 86_400_000),
            condition: Condition::new(
                1,
                vec![
                    ConditionLeaf::Signs(wallet(13)),
                    ConditionLeaf::Preimage(sha256(&PREIMAGE)),
                ],
            ),
        };
        let tonne = Operation::Hold {
            beneficiary: wallet(13),
            asset: code("CO2"),
            amount: Amount(1_000_000),
            until: Timestamp(GENESIS_TIME + 11 * MINUTE),
            condition: Condition::new(
                1,
                vec![ConditionLeaf::From(Timestamp(GENESIS_TIME + 10 * MINUTE))],
            ),
        };
        let holds = draft(12, 21)
            .operation(escrow)
            .text(0, "escrow for the delivery")
            .operation(tonne)
            .signed(&[12]);
        let claim = Operation::PutRecord {
            sha256: Self::document(),
            keep: Keep::Unique,
        };
        let deed = draft(12, 22)
            .record(Self::document(), Keep::Own, "Deed of Mrs Lindqvist", *b"\xff\x00")
            .act(wallet(13), claim)
            .memo("for the notary")
            .signed(&[12, 13]);
        let hold = |operation| HoldRef {
            owner: wallet(12),
            transaction: holds.id(),
            operation,
        };
        let release = Operation::Release {
            hold: hold(0),
            amount: Some(Amount(20_000)),
            preimages: vec![PREIMAGE],
        };
        let refund = Operation::Refund { hold: hold(1) };
        let erase = Operation::Erase {
            intent: encode(&deed.transaction().v1().intent),
            places: vec![Place::Memo, Place::Operation { index: 0, field: 0 }],
        };
        Self {
            delivery: delivery.signed(&[12, 13]),
            release: draft(14, 23).operation(release).signed(&[14]),
            refund: draft(15, 24).operation(refund).signed(&[15]),
            erasure: draft(12, 25).operation(erase).signed(&[12]),
            holds,
            deed,
        }
    }

    /// The document of the deed.
    pub(crate) fn document() -> Digest {
        sha256(b"deed")
    }

    /// Puts them into four blocks more, the ninth to the twelfth.
    pub(crate) fn commit(&self, fake: &Fake) {
        let blocks = [
            vec![self.delivery.clone(), self.holds.clone(), self.deed.clone()],
            vec![self.release.clone()],
            vec![self.erasure.clone()],
            vec![self.refund.clone()],
        ];
        for (height, transactions) in (9..).zip(blocks) {
            fake.commit(transactions, GENESIS_TIME + height * MINUTE);
        }
    }
}
