//! What a node proves of the ledger, checked against the genesis document. Each fact is as of a block, which it names: a
//! node may serve an old one.

mod records;

use quorate_crypto::merkle::Frontier;
use quorate_ledger::{
    Account as AccountLeaf, Address, AssetCode, CertifiedBlock, Digest, Erased, Header, Height, HistoryOwner,
    IntentV1, LogEntryV1, LoggedTransaction, Prefix, StateKey, StateValue, Timestamp, Transaction,
};
use quorate_verifier::{
    Code, Facts, HeadFacts, LeafFacts, PrefixFacts, ProofBody, Shown, ShownTexts, StatementFacts, Verdict,
};

use super::trust::code_of;
use super::{Before, TrustError, TrustedGenesis, VerifiedBlock};
use crate::schema::{Account, Asset, Balance, Hold, SignerView, TextState, Transaction as TransactionView};
use crate::{Client, ClientError, ProofOf};

pub use self::records::ProvenRecords;

/// A fact that is proven as of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven<T> {
    /// That block.
    pub head: HeadFacts,
    /// The fact.
    pub value: T,
}

/// An account with its open holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The account; one that was never used has nothing.
    pub account: Account,
    /// All holds that it owns, ascending by their keys in the state.
    pub holds: Vec<Hold>,
    /// How many holds of others are open of which it is the beneficiary.
    pub incoming: u64,
}

/// An executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenTransaction {
    /// Its place in the log, from 0.
    pub ordinal: u64,
    /// Its leaf there: height, time, id, outcome.
    pub entry: LoggedTransaction,
    /// The transaction, if the node shows it.
    pub transaction: Option<Transaction>,
    /// What it shows of the texts, one for each place.
    pub texts: Vec<TextState>,
    /// The log before it.
    pub log: Frontier,
}

impl<T> Proven<T> {
    /// Another fact as of the same block.
    fn with<U>(&self, value: U) -> Proven<U> {
        Proven {
            head: self.head,
            value,
        }
    }
}

impl ProvenTransaction {
    /// Whether a text of it is not shown.
    pub fn withholds(&self) -> bool {
        let is_shown = |text: &TextState| matches!(text, TextState::Shown(_));
        !self.texts.iter().all(is_shown)
    }

    /// Says of those of its texts that are not shown which were erased, by whom and when.
    pub fn mark_erased(&mut self, erased: &[Erased]) {
        let Some(transaction) = &self.transaction else {
            return;
        };
        let places = transaction.intent().places();
        for (text, place) in self.texts.iter_mut().zip(places) {
            let &mut TextState::Missing { leaf } = text else {
                continue;
            };
            if let Some(erased) = erased.iter().find(|erased| erased.place == *place) {
                let (by, at) = (erased.by, erased.timestamp);
                *text = TextState::Erased { by, at, leaf };
            }
        }
    }

    /// The code of its failure, as JSON has it; none of a success.
    pub fn code(&self) -> Option<String> {
        code_of(&self.entry.outcome)
    }

    /// As JSON has it, with its place in its block; none if the node does not show the transaction.
    pub fn view(&self, index: u32) -> Option<TransactionView> {
        let entry = &self.entry;
        let transaction = self.transaction.as_ref()?;
        let pending = TransactionView::pending(entry.id, transaction, &self.texts);
        Some(pending.executed(entry.height, entry.timestamp, index, self.ordinal, &entry.outcome))
    }
}

/// Checks of files that a node served.
impl TrustedGenesis {
    /// Checks a proof of a transaction.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_transaction(
        &mut self,
        file: &str,
        id: &Digest,
    ) -> Result<Proven<ProvenTransaction>, TrustError> {
        let (proof, verdict) = self.check_proof(file)?;
        let other = || other_answer(&verdict);
        let head = verdict.head.ok_or_else(other)?;
        let (
            Facts::Transaction(facts),
            ProofBody::Transaction {
                head: certified,
                path,
                shown,
                ..
            },
        ) = (&verdict.facts, &proof.v1().body)
        else {
            return Err(other());
        };
        let LogEntryV1::Transaction(entry) = &facts.entry else {
            return Err(other());
        };
        if entry.id != *id {
            return Err(other());
        }
        let log = log_before(facts.ordinal, certified.v1().log_size, path).ok_or_else(other)?;
        let (transaction, texts) = match shown {
            Shown::Transaction { transaction, texts } => {
                (Some(transaction.clone()), texts_of(transaction.intent(), texts))
            }
            Shown::Intent { .. } | Shown::Nothing => (None, Vec::new()),
        };
        let value = ProvenTransaction {
            ordinal: facts.ordinal,
            entry: entry.clone(),
            transaction,
            texts,
            log,
        };
        Ok(Proven { head, value })
    }

    /// Checks a proof of which texts of a transaction were erased; gives none if none was.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_erasure(&mut self, file: &str, id: &Digest) -> Result<Proven<Vec<Erased>>, TrustError> {
        let (proven, about) = self.check_state(file)?;
        let prefix = Prefix::of_key(&StateKey::erasure(id));
        let erased = match leaves_under(&proven.value, &prefix, &about)?.first() {
            None => Vec::new(),
            Some(LeafFacts {
                value: StateValue::Erasure(value),
                ..
            }) => value.v1().erased.clone(),
            Some(_) => return Err(TrustError::OtherAnswer { about }),
        };
        Ok(proven.with(erased))
    }

    /// Checks a proof of an account.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_account(
        &mut self,
        file: &str,
        address: &Address,
    ) -> Result<Proven<ProvenAccount>, TrustError> {
        let (proven, about) = self.check_state(file)?;
        let leaves = |prefix: Prefix| leaves_under(&proven.value, &prefix, &about);
        let (own, holds) = (leaves(Prefix::account(address))?, leaves(Prefix::holds(address))?);
        let mut account = Account::unused(*address);
        let mut incoming = 0_u64;
        for leaf in own {
            match &leaf.value {
                StateValue::Account(value) => {
                    let inline = value
                        .v1()
                        .balances
                        .iter()
                        .map(|inline| u64::from(inline.incoming));
                    incoming = incoming.saturating_add(inline.sum());
                    fill(&mut account, value);
                }
                StateValue::Balance(value) => {
                    let balance = value.v1();
                    incoming = incoming.saturating_add(u64::from(balance.incoming));
                    account.balances.push(Balance {
                        asset: balance.asset,
                        amount: balance.free,
                        held: balance.held,
                    });
                }
                _ => return Err(TrustError::OtherAnswer { about }),
            }
        }
        // Where there is only a place kept for what holds may pay, there is nothing yet.
        account
            .balances
            .retain(|balance| balance.amount.0 > 0 || balance.held.0 > 0);
        account.balances.sort_by_key(|balance| balance.asset);
        let holds = holds.iter().map(|leaf| match &leaf.value {
            StateValue::Hold(value) => Ok(Hold::from(value.v1())),
            _ => Err(TrustError::OtherAnswer { about: about.clone() }),
        });
        let holds = holds.collect::<Result<_, _>>()?;
        Ok(proven.with(ProvenAccount {
            account,
            holds,
            incoming,
        }))
    }

    /// Checks a proof of all that happened to an account in `[from, to)`, or up to the block as of which it is proven.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_statement(
        &mut self,
        file: &str,
        address: &Address,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Proven<StatementFacts>, TrustError> {
        let (_, verdict) = self.check_proof(file)?;
        let asked = (HistoryOwner::Account(*address), from, to);
        match (verdict.head, verdict.facts) {
            (Some(head), Facts::Statement(value)) if (value.owner, value.from, value.to) == asked => {
                Ok(Proven { head, value })
            }
            _ => Err(TrustError::OtherAnswer { about: verdict.about }),
        }
    }

    /// Checks a proof of an asset, none if there is no such asset. Its description is a text, which is not in the
    /// state: that is left empty.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_asset(&mut self, file: &str, code: &AssetCode) -> Result<Proven<Option<Asset>>, TrustError> {
        let (proven, about) = self.check_state(file)?;
        let prefix = Prefix::of_key(&StateKey::asset(code));
        let asset = match leaves_under(&proven.value, &prefix, &about)?.first() {
            None => None,
            Some(LeafFacts {
                value: StateValue::Asset(value),
                ..
            }) => {
                let asset = value.v1();
                Some(Asset {
                    code: asset.code,
                    decimals: asset.decimals,
                    issuer: asset.issuer,
                    supply: asset.supply,
                    admission: asset.flags & 1 != 0,
                    freezable: asset.flags & 2 != 0,
                    description: String::new(),
                })
            }
            Some(_) => return Err(TrustError::OtherAnswer { about }),
        };
        Ok(proven.with(asset))
    }

    /// Checks a proof of the state; gives what it is about too.
    fn check_state(&mut self, file: &str) -> Result<(Proven<Vec<PrefixFacts>>, String), TrustError> {
        let (_, verdict) = self.check_proof(file)?;
        match (verdict.head, verdict.facts) {
            (Some(head), Facts::State(value)) => Ok((Proven { head, value }, verdict.about)),
            _ => Err(TrustError::OtherAnswer { about: verdict.about }),
        }
    }
}

/// Asking a node and checking what it answers.
impl TrustedGenesis {
    /// A transaction, which a node proves.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if by the node's word no block executed it; if what the node serves is false.
    pub async fn transaction(
        &mut self,
        client: &Client,
        id: &Digest,
    ) -> Result<Proven<ProvenTransaction>, ClientError> {
        let file = client.proof(ProofOf::Transaction(*id)).await?;
        let check = |genesis: &mut Self| genesis.check_transaction(&file, id);
        fresh(client, self.with_committees(client, check).await?)
    }

    /// Which texts of a transaction were erased, by whom and when, which a node proves; none if none was.
    ///
    /// # Errors
    /// If the node cannot, or what it serves is false.
    pub async fn erasure(
        &mut self,
        client: &Client,
        id: &Digest,
    ) -> Result<Proven<Vec<Erased>>, ClientError> {
        let file = client.proof(ProofOf::Erasure(*id)).await?;
        let check = |genesis: &mut Self| genesis.check_erasure(&file, id);
        fresh(client, self.with_committees(client, check).await?)
    }

    /// An account, which a node proves.
    ///
    /// # Errors
    /// If the node cannot, or what it serves is false.
    pub async fn account(
        &mut self,
        client: &Client,
        address: &Address,
    ) -> Result<Proven<ProvenAccount>, ClientError> {
        let file = client.proof(ProofOf::Account(*address)).await?;
        let check = |genesis: &mut Self| genesis.check_account(&file, address);
        fresh(client, self.with_committees(client, check).await?)
    }

    /// All that happened to an account in `[from, to)`, which a node proves: nothing can be left out. Where no block at
    /// or after `to` is certified, it says up to which time it is complete.
    ///
    /// # Errors
    /// If the node cannot, or what it serves is false.
    pub async fn statement(
        &mut self,
        client: &Client,
        address: &Address,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Proven<StatementFacts>, ClientError> {
        let address = *address;
        let file = client.proof(ProofOf::Statement { address, from, to }).await?;
        let check = |genesis: &mut Self| genesis.check_statement(&file, &address, (from, to));
        fresh(client, self.with_committees(client, check).await?)
    }

    /// An asset, which a node proves; none if there is no such asset.
    ///
    /// # Errors
    /// If the node cannot, or what it serves is false.
    pub async fn asset(
        &mut self,
        client: &Client,
        code: &AssetCode,
    ) -> Result<Proven<Option<Asset>>, ClientError> {
        let file = client.proof(ProofOf::Asset(*code)).await?;
        let check = |genesis: &mut Self| genesis.check_asset(&file, code);
        fresh(client, self.with_committees(client, check).await?)
    }

    /// The header of a block.
    ///
    /// # Errors
    /// If there is none, or its certificate is not good.
    pub async fn header(&mut self, client: &Client, height: Height) -> Result<Header, ClientError> {
        let block = client.block(&height.to_string()).await?;
        let check = |genesis: &mut Self| genesis.verify_document(height, &block);
        self.with_committees(client, check).await
    }

    /// The header before a height, none before the first.
    ///
    /// # Errors
    /// As for [`Self::header`].
    pub async fn header_before(
        &mut self,
        client: &Client,
        height: Height,
    ) -> Result<Option<Header>, ClientError> {
        match height.0.checked_sub(1) {
            None | Some(0) => Ok(None),
            Some(before) => self.header(client, Height(before)).await.map(Some),
        }
    }

    /// Checks a block that a node served. `before` is the checked header before it, none before height 1. The log before
    /// the block comes from a proof of the first transaction that it executed.
    ///
    /// # Errors
    /// If it is false, or the node cannot prove that transaction.
    pub async fn block(
        &mut self,
        client: &Client,
        height: Height,
        block: &CertifiedBlock,
        before: Option<Header>,
    ) -> Result<VerifiedBlock, ClientError> {
        let begins = before.as_ref().is_none_or(|header| header.v1().log_size == 0)
            && block.v1().block.v1().recovery.is_none();
        // Only to know what to ask for: whether the block says the truth, its check tells.
        let first = block
            .executed()
            .and_then(|list| list.first().map(|(first, _)| first.id()));
        let log = match first {
            Some(id) if !begins => self.log_before(client, height, &id).await?,
            _ => Frontier::new(),
        };
        let before = Before { header: before, log };
        let check = |genesis: &mut Self| genesis.verify_block(height, block, &before);
        self.with_committees(client, check).await
    }

    /// The log before the transaction that a node says to be the first of a block.
    async fn log_before(
        &mut self,
        client: &Client,
        height: Height,
        id: &Digest,
    ) -> Result<Frontier, ClientError> {
        match self.transaction(client, id).await {
            Ok(proven) => Ok(proven.value.log),
            Err(ClientError::NotFound { detail }) => Err(ClientError::Unverified {
                reason: format!("block {height} has transaction {id}, which it does not prove: {detail}"),
            }),
            Err(error) => Err(error),
        }
    }

    /// Checks something; where a committee is not known, those that there are by now are learnt first.
    async fn with_committees<T>(
        &mut self,
        client: &Client,
        check: impl Fn(&mut Self) -> Result<T, TrustError>,
    ) -> Result<T, ClientError> {
        match check(self) {
            Err(error) if is_of_unknown_committee(&error) => {
                let file = client.proof(ProofOf::Committees { to: None }).await?;
                self.learn_committees(&file)?;
                Ok(check(self)?)
            }
            checked => Ok(checked?),
        }
    }
}

fn is_of_unknown_committee(error: &TrustError) -> bool {
    match error {
        TrustError::OtherCommittee { .. } => true,
        TrustError::Proof(refusal) => refusal.code == Code::UnknownCommittee,
        _ => false,
    }
}

/// Refuses what is older than the client's reads may be.
fn fresh<T>(client: &Client, proven: Proven<T>) -> Result<Proven<T>, ClientError> {
    client.check_height(proven.head.height)?;
    Ok(proven)
}

fn other_answer(verdict: &Verdict) -> TrustError {
    TrustError::OtherAnswer {
        about: verdict.about.clone(),
    }
}

/// What was found under a prefix, which must have been looked under.
fn leaves_under<'a>(
    found: &'a [PrefixFacts],
    prefix: &Prefix,
    about: &str,
) -> Result<&'a [LeafFacts], TrustError> {
    let mut found = found.iter();
    let found = found.find(|facts| facts.prefix == *prefix);
    let found = found.map(|facts| facts.leaves.as_slice());
    found.ok_or_else(|| TrustError::OtherAnswer {
        about: about.to_owned(),
    })
}

/// What an account's own leaf says.
fn fill(account: &mut Account, leaf: &AccountLeaf) {
    let leaf = leaf.v1();
    if let Some(signers) = &leaf.signers {
        account.signers = signers.signers.iter().map(SignerView::from).collect();
        account.threshold = signers.threshold;
    }
    account.frozen = leaf.frozen;
    account.member = leaf.member.map(|member| member.0);
    account.holds = leaf.holds;
    account.transactions = leaf.entries;
    account.history = leaf.last;
    account
        .balances
        .extend(leaf.balances.iter().map(|inline| Balance {
            asset: inline.asset,
            amount: inline.free,
            held: inline.held,
        }));
}

/// What is shown of an intent's texts, one for each of its places.
fn texts_of(intent: &IntentV1, shown: &ShownTexts) -> Vec<TextState> {
    match shown {
        ShownTexts::All(items) => items.iter().cloned().map(TextState::from).collect(),
        ShownTexts::Nothing | ShownTexts::Alone { .. } => {
            let missing = |_| TextState::Missing { leaf: None };
            intent.places().iter().map(missing).collect()
        }
    }
}

/// The list of the leaves before a place, by the inclusion path of the leaf there in a list of `size` leaves: what stands
/// to the left of such a path are the complete subtrees of that list, lowest first. The path must lead to a root that is
/// known.
fn log_before(index: u64, size: u64, path: &[Digest]) -> Option<Frontier> {
    let (mut place, mut last) = (index, size.checked_sub(1)?);
    let mut left = Vec::new();
    for sibling in path {
        if place & 1 == 1 || place == last {
            left.push(*sibling);
            // A last node without a sibling moves up unchanged.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        }
        place >>= 1;
        last >>= 1;
    }
    left.reverse();
    Frontier::from_parts(index, left)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use quorate_crypto::merkle::{leaf_hash, make_path, path_root, root_of_hashes};

    use super::*;

    #[test]
    fn the_path_of_a_leaf_leads_along_the_list_before_it() {
        let leaves: Vec<Digest> = (0..40_u8).map(|leaf| leaf_hash(&[leaf])).collect();
        for size in 1..=leaves.len() {
            for index in 0..size {
                let mut node = |level: u8, place: u64| {
                    let width = 1_usize << level;
                    let start = usize::try_from(place).unwrap() * width;
                    Ok::<_, Infallible>(root_of_hashes(&leaves[start..start + width]))
                };
                let (index, size) = (index as u64, size as u64);
                let Ok(path) = make_path(size, index, &mut node);
                let list = |length: u64| &leaves[..usize::try_from(length).unwrap()];
                let root = root_of_hashes(list(size));
                let leaf = leaves[usize::try_from(index).unwrap()];
                assert_eq!(path_root(leaf, index, size, &path), Some(root));
                let log = log_before(index, size, &path).unwrap();
                assert_eq!((log.length(), log.root()), (index, root_of_hashes(list(index))));
            }
        }
    }
}
