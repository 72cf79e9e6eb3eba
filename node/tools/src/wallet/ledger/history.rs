//! What an account did, as a node proves it, whether the genesis document is at hand or not.

use quorate_client::wallet::StatementFacts;
use quorate_client::{Client, ClientError};
use quorate_genesis::Genesis;
use quorate_ledger::{Address, Digest, Height, Timestamp};

use super::{Ledger, Trusted, unverified};
use crate::failure::{Exit, Failure};

impl Ledger {
    /// All that happened to an account in `[from, to)`, as this node proves it. None if it cannot prove so much at once.
    pub async fn statement(
        &self,
        node: &Client,
        address: &Address,
        range: (Timestamp, Timestamp),
    ) -> Result<Option<StatementFacts>, Failure> {
        let mut genesis = self.document(node).await?.genesis.lock().await;
        match genesis.statement(node, address, range).await {
            Ok(proven) => Ok(Some(proven.value)),
            Err(ClientError::Unproven { .. }) => Ok(None),
            Err(ClientError::NotFound { detail }) => Err(ClientError::Unverified {
                reason: format!("it proves nothing of {address}: {detail}"),
            }
            .into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The place in its block, from 0, of the transaction that the log has at `ordinal`.
    pub async fn index_at(&self, node: &Client, height: Height, ordinal: u64) -> Result<u32, Failure> {
        let mut genesis = self.document(node).await?.genesis.lock().await;
        let header = genesis.header(node, height).await?;
        let before = genesis.header_before(node, height).await?;
        genesis
            .index_in(&header, before.as_ref(), ordinal)
            .map_err(unverified)
    }

    /// What the genesis document at hand vouches for, or else the node's. The hash of that is the network id, for which
    /// all is signed: whoever makes up another document gets nothing that its network's nodes would take.
    pub(super) async fn document(&self, node: &Client) -> Result<&Trusted, Failure> {
        match &self.trusted {
            Some(trusted) => Ok(trusted),
            None => self.own.get_or_try_init(|| self.document_of(node)).await,
        }
    }

    async fn document_of(&self, node: &Client) -> Result<Trusted, Failure> {
        let genesis = Genesis::parse(&node.genesis().await?)
            .map_err(|error| Failure::failed(format!("the node's genesis document: {error}")))?;
        check_network(&genesis.id(), &self.network)?;
        Ok(Trusted::of(&genesis))
    }
}

fn check_network(document: &Digest, network: &Digest) -> Result<(), Failure> {
    if document == network {
        return Ok(());
    }
    Err(Failure::new(
        Exit::CheckFailed,
        format!("the node's genesis document is of network {document}, and it says that it serves {network}"),
    )
    .hint("ask another node with --node"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_network_than_what_is_signed_for_vouches_for_nothing() {
        let (one, other) = (Digest([1; 32]), Digest([2; 32]));
        assert!(check_network(&one, &one).is_ok());
        let failure = check_network(&other, &one).unwrap_err();
        assert_eq!(failure.exit(), Exit::CheckFailed, "{failure}");
    }
}
