//! What each kind of proof establishes (`docs/formats.md`, section 17), one file a kind.

use quorate_crypto::merkle::{Frontier, leaf_hash, path_root};
use quorate_crypto::{Digest, Height};

use crate::at::At;
use crate::facts::Facts;
use crate::knowledge::{Epochs, Ground};
use crate::proof::{Proof, ProofBody};
use crate::verdict::{Finding, HeadFacts, Refusal, Verdict};

mod block;
pub(crate) mod committees;
mod not_executed;
mod recovery;
mod shown;
mod state;
mod statement;
mod transaction;
mod two_histories;
mod two_recoveries;

/// The verdict on a proof of the ground's network, and the committees that it establishes.
pub(crate) fn judge(ground: Ground<'_>, proof: &Proof, at: At<'_>) -> Result<(Verdict, Epochs), Refusal> {
    let mut learnt = Epochs::new();
    let (finding, head, facts) = match &proof.v1().body {
        ProofBody::Transaction {
            head,
            ordinal,
            entry,
            path,
            shown,
        } => {
            ground.accept(head, at.field("head"))?;
            let facts = transaction::check(head.header.v1(), *ordinal, entry, path, shown, at)?;
            (Finding::Proven, Some(&head.header), Facts::Transaction(facts))
        }
        ProofBody::State { head, leaves } => {
            ground.accept(head, at.field("head"))?;
            let facts = state::check_sorted(leaves, &head.header.v1().state_root, at.field("leaves"))?;
            (Finding::Proven, Some(&head.header), Facts::State(facts))
        }
        ProofBody::Statement(statement) => {
            ground.accept(&statement.head, at.field("head"))?;
            let facts = statement::check(ground.network, statement, at)?;
            let finding = facts
                .complete_up_to
                .map_or(Finding::Proven, Finding::CompleteUpTo);
            (finding, Some(&statement.head.header), Facts::Statement(facts))
        }
        ProofBody::Committees { trust, steps } => {
            let (epochs, facts) = committees::check(ground, trust, steps, at)?;
            learnt = epochs;
            (Finding::Proven, None, Facts::Committees(facts))
        }
        ProofBody::Block {
            head,
            before,
            log,
            entries,
            shown,
        } => {
            ground.accept(head, at.field("head"))?;
            let begun = block::check_before(ground.network, head.header.v1(), before.as_ref(), log, at)?;
            let facts = block::check(head.header.v1(), begun, entries, shown, at)?;
            (Finding::Proven, Some(&head.header), Facts::Block(facts))
        }
        ProofBody::NotExecuted {
            intent,
            agreement,
            statement,
        } => {
            ground.accept(&statement.head, at.field("head"))?;
            let facts = not_executed::check(ground.network, intent, agreement, statement, at)?;
            (
                Finding::Proven,
                Some(&statement.head.header),
                Facts::NotExecuted(facts),
            )
        }
        ProofBody::TwoHistories { first, second, there } => {
            let facts = two_histories::check(ground, [first, second], there.as_ref(), at)?;
            (Finding::Proven, Some(&first.header), Facts::TwoHistories(facts))
        }
        ProofBody::TwoRecoveries { first, second } => {
            let facts = two_recoveries::check(ground, [first, second], at)?;
            (Finding::Proven, None, Facts::TwoRecoveries(facts))
        }
    };
    let head = head.map(HeadFacts::of);
    Ok((Verdict::new(finding, proof.question(), head, facts), learnt))
}

/// True if the path shows the leaf at its place in a list of `size` leaves with this root.
fn leads_to(root: &Digest, leaf: Digest, index: u64, size: u64, path: &[Digest]) -> bool {
    index < size && path_root(leaf, index, size, path) == Some(*root)
}

/// True if the path shows the hash at its place in the list of `size` hashes with these complete subtrees.
fn frontier_holds(subtrees: &[Digest], hash: &Digest, index: u64, size: u64, path: &[Digest]) -> bool {
    let frontier = Frontier::from_parts(size, subtrees.to_vec());
    let root = frontier.filter(|_| size > 0).map(|frontier| frontier.root());
    root.is_some_and(|root| leads_to(&root, leaf_hash(&hash.0), index, size, path))
}

/// The height after this one; none after the last.
fn height_after(height: Height) -> Option<Height> {
    height.0.checked_add(1).map(Height)
}
