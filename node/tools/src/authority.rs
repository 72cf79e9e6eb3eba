//! Whose certificates are believed where a node's URL is https.

use std::path::PathBuf;

use clap::Args;
use quorate_client::{Authorities, Client};

use crate::failure::Failure;
use crate::file::read_bytes;

/// The longest file: some hundred certificates.
const MAX_BYTES: u64 = 1 << 20;

/// The option that names the authorities.
#[derive(Args, Clone, Debug, Default)]
pub struct AuthorityArgs {
    /// For https: believe certificates of the authorities in this file (PEM), and no others
    #[arg(long, value_name = "FILE", env = "QUORATE_CA_FILE", help_heading = "Network")]
    ca_file: Option<PathBuf>,
}

impl AuthorityArgs {
    /// A client of these nodes.
    pub fn client<I>(&self, nodes: I) -> Result<Client, Failure>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let Some(path) = &self.ca_file else {
            return Ok(Client::new(nodes)?);
        };
        let authorities = Authorities::from_pem(&read_bytes(path, MAX_BYTES)?)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        Ok(Client::believing(nodes, &authorities)?)
    }
}
