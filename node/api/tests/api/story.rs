//! A chain with a bit of everything, for tests and for the example.

use std::sync::Arc;

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{Digest, SigningKey, sha256};
use quorate_ledger::{Amount, Operation, Signer, Timestamp, Transaction};

use crate::fake::{Fake, GENESIS_TIME, code, key, network, wallet};

/// An unsigned transaction of wallet `from`; `salt` tells it apart.
pub(crate) fn draft(from: u8, salt: u8) -> TransactionBuilder {
    let expires_at = Timestamp(GENESIS_TIME + 86_400_000);
    TransactionBuilder::new(network(), wallet(from), expires_at, [salt; 16])
}

/// A payment in cents of QRT.
pub(crate) fn payment(from: u8, to: u8, cents: u128, salt: u8, memo: &str) -> Transaction {
    let draft = draft(from, salt).transfer(wallet(to), code("QRT"), Amount(cents), memo);
    draft.build().sign([&key(from)])
}

/// The document that wallets 11 and 12 record.
pub(crate) fn document() -> Digest {
    sha256(b"frame agreement, signed copy")
}

/// Eight blocks: payments, an asset, records, signers, failures, text that must be escaped.
pub(crate) fn fake() -> Arc<Fake> {
    let fake = Fake::new();
    for (index, transactions) in (1_u64..).zip(blocks()) {
        fake.commit(transactions, GENESIS_TIME + index * 60_000);
    }
    fake
}

fn blocks() -> Vec<Vec<Transaction>> {
    let payroll = (11..=40).fold(draft(10, 2).memo("March salaries, batch 1 of 4"), |draft, to| {
        draft.transfer(
            wallet(to),
            code("QRT"),
            Amount(310_000 + u128::from(to) * 4_321),
            "salary",
        )
    });
    let carbon = draft(12, 4).operations([
        Operation::CreateAsset {
            code: code("CO2"),
            decimals: 6,
            description: "Tonnes of CO₂, registry of 2026".to_owned(),
        },
        Operation::Mint {
            asset: code("CO2"),
            to: wallet(12),
            amount: Amount(2_500_000_000),
        },
        Operation::Transfer {
            to: wallet(13),
            asset: code("CO2"),
            amount: Amount(125_000_001),
            memo: "first tranche".to_owned(),
        },
    ]);
    let record = |from: u8, salt: u8, label: &str| {
        let record = Operation::PutRecord {
            sha256: document(),
            label: label.to_owned(),
            metadata: b"{\"pages\":48}".to_vec(),
        };
        draft(from, salt).operation(record).build().sign([&key(from)])
    };
    let mut cosigners: Vec<SigningKey> = vec![key(11), key(51), key(52)];
    cosigners.sort_by_key(SigningKey::public);
    let signers = Operation::SetSigners {
        signers: (1..)
            .zip(&cosigners)
            .map(|(weight, key)| Signer {
                key: key.public(),
                weight,
            })
            .collect(),
        threshold: 3,
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
        vec![payroll.build().sign([&key(10)])],
        vec![
            payment(11, 12, 19_999, 3, "invoice 2026-0117"),
            payment(13, 14, 999_999_999, 3, "too much"),
        ],
        vec![carbon.build().sign([&key(12)])],
        vec![],
        vec![
            record(11, 6, "Frame agreement (signed)"),
            record(12, 6, "<script>alert(\"label\")</script>"),
            payment(12, 11, 1, 6, "\"><img src=x onerror=alert(1)>"),
        ],
        vec![
            draft(11, 7)
                .operation(signers)
                .memo("dual control from today")
                .build()
                .sign([&key(11)]),
            draft(12, 7)
                .operation(burn)
                .memo("retired")
                .build()
                .sign([&key(12)]),
        ],
        vec![
            draft(11, 8)
                .transfer(wallet(10), code("QRT"), Amount(125_000), "rent")
                .build()
                .sign([&key(11), &key(51), &key(52)]),
            payment(15, 16, 50, 8, ""),
        ],
    ]
}
