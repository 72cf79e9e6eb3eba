//! What a node proves, and what it gives in canonical bytes. Whatever is read here is worth nothing by itself: whoever
//! believes no node checks it with [`crate::wallet::TrustedGenesis`].

use quorate_ledger::{Address, AssetCode, Digest, Height, StateKey, Timestamp};

use super::{Bytes, Call, Client, MAX_ANSWER, Page};
use crate::ClientError;
use crate::schema::{HoldList, OCTET_STREAM};
use crate::text::rfc3339_of;

/// What proofs are served as.
const PLAIN_TEXT: &str = "text/plain";

/// What a node is asked to prove, as of its last certified block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofOf {
    /// That a transaction was executed, where and with what outcome.
    Transaction(Digest),
    /// Which texts of a transaction were erased, by whom and when, or that none was.
    Erasure(Digest),
    /// What an account is, has and holds, or that there is nothing.
    Account(Address),
    /// All that happened to an account in a time.
    Statement {
        /// The account.
        address: Address,
        /// From this block time on.
        from: Timestamp,
        /// To before this one.
        to: Timestamp,
    },
    /// An asset, or that there is none.
    Asset(AssetCode),
    /// A document's records that have leaves in the state, or that there are none.
    Record {
        /// The document's hash.
        sha256: Digest,
        /// The account whose own record it would be; none: only who claims it.
        by: Option<Address>,
    },
    /// The committees from genesis on.
    Committees {
        /// Up to the epoch of this height; none: of the last.
        to: Option<Height>,
    },
}

impl ProofOf {
    /// The path below the node's URL.
    fn path(&self) -> String {
        let what = match self {
            Self::Transaction(id) => format!("transaction/{id}"),
            Self::Erasure(id) => format!("erasure/{id}"),
            Self::Account(address) => format!("account/{address}"),
            Self::Statement { address, .. } => format!("statement/{address}"),
            Self::Asset(code) => format!("asset/{code}"),
            Self::Record { sha256, .. } => format!("record/{sha256}"),
            Self::Committees { .. } => "committees".to_owned(),
        };
        format!("v1/proofs/{what}")
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Statement { from, to, .. } => {
                vec![("from", rfc3339_of(*from)), ("to", rfc3339_of(*to))]
            }
            Self::Record { by: Some(by), .. } => vec![("by", by.to_string())],
            Self::Committees { to: Some(to) } => vec![("to", to.to_string())],
            _ => Vec::new(),
        }
    }

    /// Whether a node could prove that there is nothing: so it is of what has a place in the state.
    fn proves_absence(&self) -> bool {
        match self {
            Self::Erasure(_) | Self::Account(_) | Self::Asset(_) | Self::Record { .. } => true,
            Self::Transaction(_) | Self::Statement { .. } | Self::Committees { .. } => false,
        }
    }

    /// A node's word that there is nothing to prove, which no certificate stands behind.
    fn unproven(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::NotFound { detail } if self.proves_absence() => ClientError::Unproven {
                reason: format!("by its word, which nothing proves: {detail}"),
            },
            ClientError::NotFound { detail } => ClientError::NotFound {
                detail: format!("by the node's word, which nothing proves: {detail}"),
            },
            other => other,
        }
    }
}

impl Client {
    /// A proof: the text of a file that `quorate_verifier` checks against the genesis document alone.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if it is not so, by the node's word; [`ClientError::Unproven`] if the node does not
    /// prove what it could: of an account, an asset, an erasure or a record that it is not there, too.
    pub async fn proof(&self, of: ProofOf) -> Result<String, ClientError> {
        self.proof_up_to(of, MAX_ANSWER).await
    }

    /// The same, but no more than so many bytes are read. What is longer is cut off there, and is no proof.
    ///
    /// # Errors
    /// As for [`Self::proof`].
    pub async fn proof_up_to(&self, of: ProofOf, longest: usize) -> Result<String, ClientError> {
        let mut call = Call::get(of.path());
        call.query = of.query();
        call.accept = PLAIN_TEXT;
        call.longest = longest;
        let reply = self.send(call).await.map_err(|error| of.unproven(error))?;
        String::from_utf8(reply.body.to_vec()).map_err(|_| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: "its proof is not text".to_owned(),
        })
    }

    /// An account's open holds.
    pub async fn holds(&self, address: &Address, page: &Page) -> Result<HoldList, ClientError> {
        self.read(Call::get(format!("v1/accounts/{address}/holds")).page(page))
            .await
    }

    /// The genesis document in canonical bytes. The network id is their hash, so whoever knows that can check them.
    pub async fn genesis_bytes(&self) -> Result<Bytes, ClientError> {
        self.bytes("v1/network".to_owned()).await
    }

    /// The canonical bytes of a value of the state; none if there is none.
    pub async fn state_value(&self, key: &StateKey) -> Result<Option<Bytes>, ClientError> {
        match self.bytes(format!("v1/state/{}", hex::encode(key.0))).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The canonical bytes of a block with its certificate and batches, and what there is of their texts; none if the
    /// node has no such block.
    pub async fn certified_block_bytes(&self, height: Height) -> Result<Option<Bytes>, ClientError> {
        match self.bytes(format!("v1/blocks/{height}")).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn bytes(&self, path: String) -> Result<Bytes, ClientError> {
        let mut call = Call::get(path);
        call.accept = OCTET_STREAM;
        Ok(self.send(call).await?.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_the_path_and_query_of_the_api() {
        let (digest, address) = (Digest([0xab; 32]), Address([1; 20]));
        let hex = "ab".repeat(32);
        let path = |of: ProofOf| of.path();
        assert_eq!(
            path(ProofOf::Transaction(digest)),
            format!("v1/proofs/transaction/{hex}")
        );
        assert_eq!(path(ProofOf::Erasure(digest)), format!("v1/proofs/erasure/{hex}"));
        assert_eq!(
            path(ProofOf::Account(address)),
            format!("v1/proofs/account/{address}")
        );
        assert_eq!(
            path(ProofOf::Asset("QRT".parse().unwrap())),
            "v1/proofs/asset/QRT"
        );
        let statement = ProofOf::Statement {
            address,
            from: Timestamp(0),
            to: Timestamp(1),
        };
        assert_eq!(path(statement), format!("v1/proofs/statement/{address}"));
        let time = |text: &str| text.to_owned();
        assert_eq!(
            statement.query(),
            [
                ("from", time("1970-01-01T00:00:00.000Z")),
                ("to", time("1970-01-01T00:00:00.001Z")),
            ]
        );
        let record = |by| ProofOf::Record { sha256: digest, by };
        assert_eq!(path(record(None)), format!("v1/proofs/record/{hex}"));
        assert!(record(None).query().is_empty());
        assert_eq!(record(Some(address)).query(), [("by", address.to_string())]);
        let committees = |to| ProofOf::Committees { to };
        assert_eq!(path(committees(None)), "v1/proofs/committees");
        assert_eq!(committees(Some(Height(7))).query(), [("to", "7".to_owned())]);
        assert!(committees(None).query().is_empty());
    }

    #[test]
    fn that_there_is_nothing_is_a_nodes_word_and_not_enough_where_it_could_be_proven() {
        let (digest, address) = (Digest([0xab; 32]), Address([1; 20]));
        let said = |of: ProofOf| {
            let error = of.unproven(ClientError::NotFound {
                detail: "it is not so".to_owned(),
            });
            (error.exit_code(), error.to_string())
        };
        for of in [
            ProofOf::Account(address),
            ProofOf::Asset("QRT".parse().unwrap()),
            ProofOf::Erasure(digest),
            ProofOf::Record {
                sha256: digest,
                by: None,
            },
        ] {
            let (code, text) = said(of);
            assert_eq!(code, 7, "{of:?}: {text}");
            assert!(
                text.contains("cannot prove it: by its word, which nothing proves"),
                "{text}"
            );
        }
        let (code, text) = said(ProofOf::Transaction(digest));
        assert_eq!(code, 3, "{text}");
        assert!(text.starts_with("by the node's word"), "{text}");
        // What a node says of itself stays as it is.
        let busy = ClientError::Unreachable {
            reason: "no".to_owned(),
        };
        assert_eq!(ProofOf::Account(address).unproven(busy.clone()), busy);
    }
}
