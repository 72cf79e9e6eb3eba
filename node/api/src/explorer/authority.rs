//! Who signed a transaction, and for which of its parties that counts.

use maud::{Markup, html};
use quorate_client::schema::{
    Account, ActView, OperationView, SignatureView, Transaction, TransactionStatus,
};
use quorate_crypto::Key;

use super::parts::{self, Row};
use crate::node::{Fault, Snapshot};

/// Transactions of a party among which a change of its signers is looked for.
const LOOKED_BACK: usize = 50;

/// Who may sign for each party of a transaction.
pub(super) struct Authority(Vec<Party>);

struct Party {
    account: Account,
    /// Whether its signers were those when the transaction was executed. The chain keeps only the signers of now.
    certain: bool,
}

impl Authority {
    pub(super) fn of(snapshot: &dyn Snapshot, transaction: &Transaction) -> Result<Self, Fault> {
        let mut parties = Vec::new();
        for address in &transaction.parties {
            let account = snapshot.account(address)?;
            parties.push(Party {
                certain: same_signers(snapshot, transaction, &account)?,
                account,
            });
        }
        Ok(Self(parties))
    }

    /// The signatures, those that count for a party apart from those that do not.
    pub(super) fn signatures(&self, signatures: &[SignatureView]) -> Markup {
        let certain = self.0.iter().all(|party| party.certain);
        let several = self.0.len() > 1;
        let row = |signature: &SignatureView| {
            let counts = self.counting(&signature.key);
            let cells = vec![
                parts::short(&signature.key.to_string(), "public key"),
                parts::account(&signature.key.address()),
                html! {
                    @for (party, weight) in &counts {
                        span .badge.committed { "Weight " (parts::number(weight)) }
                        @if several { " for " (parts::account(&party.account.address)) " " }
                    }
                    @if counts.is_empty() {
                        @if certain { span .badge.failed { "Does not count" } }
                        @else { span .badge { "No signer now" } }
                    }
                },
                parts::short(&signature.signature, "signature"),
            ];
            Row::counting(!counts.is_empty() || !certain, cells)
        };
        let rows = signatures.iter().map(row).collect();
        let columns = ["Key", "The key’s own account", "Counts", "Signature"];
        html! {
            section aria-labelledby="signatures-title" {
                h2 #signatures-title { "Signatures " span .count { (parts::number(signatures.len())) } }
                @match self.0.as_slice() {
                    [sender] => (sender.needs_alone(signatures)),
                    parties => {
                        p { "Every party needs signatures of its own weight:" }
                        ul .plain #totals { @for party in parties { (party.needs(signatures)) } }
                    },
                }
                (parts::table("signatures", &columns, rows, "None."))
            }
        }
    }

    /// The parties that a key signs for, and what its signature weighs for each.
    fn counting(&self, key: &Key) -> Vec<(&Party, u32)> {
        let weights = self.0.iter().map(|party| (party, weight(key, &party.account)));
        weights
            .filter_map(|(party, weight)| Some((party, weight?)))
            .collect()
    }
}

impl Party {
    /// What the signatures weigh for it, if its signers are known for certain.
    fn total(&self, signatures: &[SignatureView]) -> Option<u64> {
        let weights = signatures
            .iter()
            .filter_map(|signature| weight(&signature.key, &self.account));
        self.certain.then(|| weights.map(u64::from).sum())
    }

    /// What a transaction's only party needs.
    fn needs_alone(&self, signatures: &[SignatureView]) -> Markup {
        html! {
            @match self.total(signatures) {
                Some(total) => p {
                    "Those that count have weight " strong #weight { (parts::number(total)) }
                    "; the sender needs " strong { (parts::number(self.account.threshold)) } "."
                },
                None => p { "The sender’s signers have changed since, or may have: the weights are those of now." },
            }
        }
    }

    /// What one of several parties needs.
    fn needs(&self, signatures: &[SignatureView]) -> Markup {
        html! {
            li data-party=(self.account.address) {
                (parts::account(&self.account.address))
                @match self.total(signatures) {
                    Some(total) => {
                        " needs " strong { (parts::number(self.account.threshold)) } ", and has "
                        strong { (parts::number(total)) }
                    },
                    None => { " may have changed its signers since: its weights are those of now" },
                }
            }
        }
    }
}

/// Whether an account has certainly had the same signers since before the transaction.
fn same_signers(
    snapshot: &dyn Snapshot,
    transaction: &Transaction,
    account: &Account,
) -> Result<bool, Fault> {
    let Some(place) = transaction.height.zip(transaction.index) else {
        return Ok(true);
    };
    if account.signers.is_empty() {
        return Ok(true);
    }
    let latest = snapshot.history(&account.address, None, LOOKED_BACK)?;
    for later in &latest {
        if later.height.zip(later.index) < Some(place) {
            return Ok(true);
        }
        let sets = |act: &ActView| {
            act.by == account.address && matches!(act.operation, OperationView::SetSigners { .. })
        };
        if later.status == TransactionStatus::Committed && later.operations.iter().any(sets) {
            return Ok(false);
        }
    }
    Ok(latest.len() < LOOKED_BACK)
}

/// What a key's signature weighs for an account; none if it is no signer of it.
fn weight(key: &Key, account: &Account) -> Option<u32> {
    if account.signers.is_empty() {
        return (key.address() == account.address).then_some(1);
    }
    let signer = account.signers.iter().find(|signer| signer.key == *key);
    signer.map(|signer| signer.weight)
}
