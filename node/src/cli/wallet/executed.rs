//! What an executed transaction's signers signed. Its id is the hash of that, so no node can show anything else in its
//! place.

use quorate_ledger::{AssetCode, Digest, HoldRef, Intent, Operation, Transaction};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::wallet::Ledger;

/// A hold, as the operation that made it says.
pub(super) struct MadeHold {
    /// By what it is called.
    pub(super) name: HoldRef,
    /// Of which asset it is.
    pub(super) asset: AssetCode,
}

/// The intent with this id, from the block that a node says executed it.
pub(super) async fn intent_of(ledger: &Ledger, id: &Digest) -> Result<Intent, Failure> {
    let view = ledger.client().transaction(id).await?;
    let Some(height) = view.height else {
        return Err(Failure::new(Exit::Unknown, format!("{id} is not executed yet"))
            .hint(format!("quorate wallet wait {id}")));
    };
    let block = ledger.client().certified_block(height).await?;
    let mut transactions = block
        .v1()
        .batches
        .iter()
        .flat_map(|batch| &batch.batch().transactions);
    let found = transactions.find(|transaction| transaction.id() == *id);
    found
        .map(|Transaction::V1(transaction)| transaction.intent.clone())
        .ok_or_else(|| {
            Failure::new(
                Exit::CheckFailed,
                format!("the node says that block {height} executed {id}, and it is not in that block"),
            )
            .hint("ask another node with --node")
        })
}

/// The hold that an operation of a transaction made: the only one, or the one at this place.
pub(super) async fn hold_of(ledger: &Ledger, id: &Digest, place: Option<u8>) -> Result<MadeHold, Failure> {
    let intent = intent_of(ledger, id).await?;
    let intent = intent.v1();
    let holds = (0_u8..=u8::MAX)
        .zip(&intent.operations)
        .filter_map(|(index, act)| {
            let Operation::Hold { asset, .. } = act.operation else {
                return None;
            };
            let name = HoldRef {
                owner: intent.acting(act)?,
                transaction: *id,
                operation: index,
            };
            Some(MadeHold { name, asset })
        });
    let mut holds: Vec<MadeHold> = holds
        .filter(|hold| place.is_none_or(|place| hold.name.operation == place))
        .collect();
    let hold = holds.pop();
    match (hold, holds.is_empty(), place) {
        (Some(hold), true, _) => Ok(hold),
        (Some(_), false, _) => Err(Failure::usage(format!("{id} made several holds"))
            .hint("name one with --operation N, its operation's index from 0")),
        (None, _, Some(place)) => Err(Failure::not_found(format!(
            "operation {place} of {id} made no hold"
        ))),
        (None, _, None) => Err(Failure::not_found(format!("{id} made no hold"))),
    }
}
