//! What a file does not say, as nodes prove it by the genesis document: the decimals of assets that were made later, and
//! who signs for an account.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use quorate_crypto::Key;
use quorate_ledger::{Address, AssetCode};
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::Failure;
use quorate_tools::wallet::{Ledger, MeaningArgs, NodeArgs};
use quorate_verifier::ProvenDecimals;

use super::{Papers, text_of};

/// Which nodes prove what is not in a file; none unless it is said.
#[derive(Args, Clone, Debug)]
pub(crate) struct LookUpArgs {
    /// Look up what the file does not say, as this node proves it by the genesis document: decimals of assets, holds
    /// that are released or refunded, who signs for an account; without it no network is used
    #[arg(
        long = "node",
        value_name = "URL",
        value_delimiter = ',',
        requires = "genesis",
        help_heading = "Network"
    )]
    nodes: Vec<String>,
    #[command(flatten)]
    authority: AuthorityArgs,
}

/// Who signs for accounts, as is proven; of one without signers nobody is named, and the key that its address was made
/// from signs.
pub(in super::super) type Signers = BTreeMap<Address, Vec<Key>>;

impl LookUpArgs {
    /// The network to look things up in, if there is one.
    pub(crate) async fn connect(&self, meaning: &MeaningArgs) -> Result<Option<Ledger>, Failure> {
        if self.nodes.is_empty() {
            return Ok(None);
        }
        let nodes = NodeArgs::knowing(self.nodes.clone(), self.authority.clone(), meaning.clone());
        Ok(Some(nodes.connect().await?))
    }
}

impl Papers {
    /// The same with the decimals of all assets that it names and does not make. A file that says others is refused.
    pub(in super::super) async fn with_decimals(self, ledger: &Ledger) -> Result<Self, Failure> {
        let Self {
            all,
            mut meaning,
            holds,
        } = self;
        let named = all.iter().flat_map(|one| one.unproven(&ProvenDecimals::new()));
        for asset in named.collect::<BTreeSet<AssetCode>>() {
            if let Some(decimals) = ledger.decimals(&asset).await? {
                meaning.decimals.insert(asset, decimals);
            }
        }
        let checked = Self::of(text_of(&all)?.as_bytes(), meaning)?;
        Ok(Self { holds, ..checked })
    }

    /// Who signs for each of its parties.
    pub(in super::super) async fn proven_signers(&self, ledger: &Ledger) -> Result<Signers, Failure> {
        let parties = self.intents().flat_map(|intent| intent.parties.iter().copied());
        let parties: BTreeSet<Address> = parties.collect();
        let mut signers = Signers::new();
        for party in parties {
            if let Some(proven) = ledger.proven_account(&party).await? {
                let keys = proven.value.account.signers.iter().map(|signer| signer.key);
                signers.insert(party, keys.collect());
            }
        }
        Ok(signers)
    }
}
