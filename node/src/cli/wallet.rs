//! `quorate wallet`: accounts, payments, assets, records.

pub(crate) mod account;
pub(crate) mod acting;
pub(crate) mod asset;
mod deal;
mod erase;
mod executed;
mod guardians;
mod history;
mod hold;
pub(crate) mod notarize;
pub(super) mod offline;
mod pay;
pub(super) mod rights;
pub(super) mod send;
mod sign;
mod statement;
mod submit;
mod travelling;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use quorate_crypto::keyfile::{self, Access};
use quorate_crypto::{ClientSigningKey, Key};
use quorate_ledger::{Address, WalletSecret};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, write_out};
use quorate_tools::passphrase::PassphraseArgs;

use super::keys;
use crate::pay::journal::with_suffix;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate wallet new alice.key
  quorate wallet transfer --key treasury.key --to $(quorate wallet address --key alice.key) \\
      --amount 12.50 --asset QRT")]
pub(crate) enum WalletCommand {
    /// Make a key; its address is an account
    New(NewArgs),
    /// Print a key's address
    Address(AddressArgs),
    /// Show what an account holds
    Balance(account::BalanceArgs),
    /// Pay somebody, and wait until the payment is committed
    Transfer(send::TransferArgs),
    /// Make the payments of a CSV file, each of them once
    Pay(pay::PayArgs),
    /// Make, mint, burn and show assets
    #[command(subcommand)]
    Asset(asset::AssetCommand),
    /// Record the hashes of files, to prove later that they existed
    Notarize(notarize::NotarizeArgs),
    /// Set an amount apart for somebody until a condition is met or a time has come
    Hold(hold::HoldArgs),
    /// Pay what a hold holds, or a part of it, to its beneficiary
    Release(hold::ReleaseArgs),
    /// Give what a hold holds back to its owner
    Refund(hold::RefundArgs),
    /// Erase notes of a transaction from all nodes, for good
    Erase(erase::EraseArgs),
    /// Show what came to and went from an account, newest first
    History(history::HistoryArgs),
    /// Make a statement of an account with its proof, to read, print or book
    Statement(statement::StatementArgs),
    /// Build a transaction for others to sign
    Build(offline::BuildArgs),
    /// Show what was built, before it is signed
    Show(offline::ShowArgs),
    /// Add a signature to what was built
    Sign(sign::SignArgs),
    /// Put the signatures of several copies together
    Combine(offline::CombineArgs),
    /// Submit what was built and signed
    Submit(submit::SubmitArgs),
    /// Wait until a transaction is committed
    Wait(offline::WaitArgs),
    /// Say who may sign for an account
    #[command(subcommand)]
    Signers(account::SignersCommand),
    /// Give an account a right for a member or an asset
    Grant(rights::GrantArgs),
    /// Take a right back
    Revoke(rights::RevokeArgs),
    /// Freeze an account, for an asset or wholly
    Freeze(rights::FreezeArgs),
    /// End a freeze
    Unfreeze(rights::UnfreezeArgs),
    /// Make an account a member's, or nobody's
    Assign(rights::AssignArgs),
    /// Have others give an account new signers when its keys are lost
    #[command(subcommand)]
    Guardians(guardians::GuardiansCommand),
}

/// The key that signs, and the account that it signs for.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY", help_heading = "Key")]
    key: PathBuf,
    /// The account that acts, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT", help_heading = "Key")]
    account: Option<Address>,
    #[command(flatten, next_help_heading = "Key")]
    passphrase: PassphraseArgs,
}

/// A key that was opened, once: its passphrase may have been asked for at the terminal.
pub(crate) struct OpenKey {
    /// The key.
    pub(crate) key: ClientSigningKey,
    /// The account that it signs for.
    pub(crate) account: Address,
}

impl KeyArgs {
    /// Opens the key.
    pub(crate) fn open(&self) -> Result<OpenKey, Failure> {
        let key = open_key(&self.passphrase, &self.key)?;
        let account = self.account.unwrap_or_else(|| key.key().address());
        Ok(OpenKey { key, account })
    }
}

/// Opens a client's key file, of either kind.
pub(crate) fn open_key(passphrase: &PassphraseArgs, path: &Path) -> Result<ClientSigningKey, Failure> {
    open_with(passphrase, path, |_, _| Ok(())).map(|(key, ())| key)
}

/// Opens a key file and the secret from which the salts of its payments follow: of an Ed25519 key it follows from the
/// key, that of a P-256 key is in a file beside it.
fn open_wallet(
    passphrase: &PassphraseArgs,
    path: &Path,
) -> Result<(ClientSigningKey, WalletSecret), Failure> {
    open_with(passphrase, path, |key, access| match WalletSecret::of_key(key) {
        Some(secret) => Ok(secret),
        None => {
            let beside = with_suffix(path, ".secret");
            let secret = keyfile::secret::read_with(&beside, access).map_err(|error| {
                Failure::from(error).hint(
                    "a P-256 key has a secret in a file beside it, made with the key: copy both, as without the \
                     secret what was paid before is not found",
                )
            })?;
            Ok(WalletSecret::from_bytes(&secret))
        }
    })
}

/// Opens a key file and something else with what opens it: its passphrase may have been asked for at the terminal.
fn open_with<T>(
    args: &PassphraseArgs,
    path: &Path,
    also: impl FnOnce(&ClientSigningKey, Access<'_>) -> Result<T, Failure>,
) -> Result<(ClientSigningKey, T), Failure> {
    let groups = args.groups()?;
    let is_encrypted = keyfile::client::is_encrypted_with(path, &groups)?;
    let passphrase = if is_encrypted { args.for_key(path)? } else { None };
    let access = || Access {
        passphrase: passphrase.as_ref().map(|text| text.as_str()),
        groups: &groups,
    };
    let key = keyfile::client::read_with(path, access())?;
    let also = also(&key, access())?;
    Ok((key, also))
}

/// A key in a command: its text form, or bare hex, which is an Ed25519 key.
fn key_of(text: &str) -> Result<Key, String> {
    let bare = format!("ed25519:{text}");
    let text = if text.contains(':') { text } else { &bare };
    let key: Key = text.parse().map_err(|error| format!("{error}"))?;
    if key.is_good() {
        Ok(key)
    } else {
        Err("this is no key of its kind: nobody could sign for it, or everybody".to_owned())
    }
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet new alice.key")]
pub(crate) struct NewArgs {
    #[command(flatten)]
    new: keys::NewFile,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet address --key alice.key")]
pub(crate) struct AddressArgs {
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Carries out a command of this group, `pay` excepted, which takes signals itself.
pub(crate) async fn run(command: WalletCommand, output: &Output) -> Result<(), Failure> {
    match command {
        WalletCommand::New(args) => keys::new(&args.new, output),
        WalletCommand::Address(args) => address(&args, output),
        WalletCommand::Balance(args) => account::balance(&args, output).await,
        WalletCommand::Transfer(args) => send::transfer(&args, output).await,
        WalletCommand::Pay(args) => pay::pay(args, output).await,
        WalletCommand::Asset(command) => asset::run(command, output).await,
        WalletCommand::Notarize(args) => notarize::notarize(&args, output).await,
        WalletCommand::Hold(args) => hold::hold(&args, output).await,
        WalletCommand::Release(args) => hold::release(&args, output).await,
        WalletCommand::Refund(args) => hold::refund(&args, output).await,
        WalletCommand::Erase(args) => erase::erase(&args, output).await,
        WalletCommand::History(args) => history::history(&args, output).await,
        WalletCommand::Statement(args) => statement::statement(&args, output).await,
        WalletCommand::Build(args) => offline::build(&args, output).await,
        WalletCommand::Show(args) => offline::show(&args, output).await,
        WalletCommand::Sign(args) => sign::sign(&args, output).await,
        WalletCommand::Combine(args) => offline::combine(&args, output),
        WalletCommand::Submit(args) => submit::submit(&args, output).await,
        WalletCommand::Wait(args) => offline::wait(&args, output).await,
        WalletCommand::Signers(command) => account::signers(command, output).await,
        WalletCommand::Grant(args) => rights::grant(&args, output).await,
        WalletCommand::Revoke(args) => rights::revoke(&args, output).await,
        WalletCommand::Freeze(args) => rights::freeze(&args, output).await,
        WalletCommand::Unfreeze(args) => rights::unfreeze(&args, output).await,
        WalletCommand::Assign(args) => rights::assign(&args, output).await,
        WalletCommand::Guardians(command) => guardians::run(command, output).await,
    }
}

fn address(args: &AddressArgs, output: &Output) -> Result<(), Failure> {
    let address = open_key(&args.passphrase, &args.key)?.key().address();
    if output.is_text() {
        write_out(&format!("{address}\n"))
    } else {
        output.print(&serde_json::json!({ "address": address }), |_| String::new())
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;
    use quorate_tools::failure::Exit;

    use super::*;

    /// Section 4: a secret follows from an Ed25519 key's seed; beside a P-256 key there is one in a file.
    #[test]
    fn each_kind_of_key_comes_with_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let args = PassphraseArgs::default();
        let seed = SigningKey::from_seed(&[1; 32]);
        let ed25519 = ClientSigningKey::from_ed25519(seed.clone());
        keyfile::client::create(&path("alice.key"), &ed25519, None).unwrap();
        let (key, secret) = open_wallet(&args, &path("alice.key")).unwrap();
        assert_eq!(key.key(), ed25519.key());
        assert_eq!(secret.bytes(), WalletSecret::from_ed25519(&seed).bytes());

        let p256 = ClientSigningKey::p256_from_scalar(&[2; 32]).unwrap();
        keyfile::client::create(&path("bob.key"), &p256, None).unwrap();
        assert_eq!(open_key(&args, &path("bob.key")).unwrap().key(), p256.key());
        let failure = open_wallet(&args, &path("bob.key")).err().unwrap();
        assert_eq!(failure.exit(), Exit::NotFound, "{failure}");
        assert!(failure.to_string().contains("bob.key.secret"), "{failure}");
        keyfile::secret::create(&path("bob.key.secret"), &[3; 32], None).unwrap();
        let (key, secret) = open_wallet(&args, &path("bob.key")).unwrap();
        assert_eq!((key.key(), *secret.bytes()), (p256.key(), [3_u8; 32]));
    }

    #[test]
    fn a_key_is_written_with_its_kind_or_is_ed25519() {
        let ed25519 = ClientSigningKey::from_ed25519(SigningKey::from_seed(&[1; 32])).key();
        let p256 = ClientSigningKey::p256_from_scalar(&[2; 32]).unwrap().key();
        for key in [ed25519, p256] {
            assert_eq!(key_of(&key.to_string()), Ok(key));
        }
        assert_eq!(key_of(&hex::encode(ed25519.as_bytes())), Ok(ed25519));
        // The identity, for which anybody can sign.
        let anybody = format!("01{}", "00".repeat(31));
        for text in ["", "5f0c", "rsa:00", anybody.as_str()] {
            assert!(key_of(text).is_err(), "{text}");
        }
    }
}
