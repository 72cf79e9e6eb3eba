//! `quorate keys`: key files. Nothing here prints a secret; `export` writes one into a file of its own.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use quorate_crypto::keyfile::{self, Access, KeyFileError, Loose};
use quorate_crypto::{Address, PublicKey, SigningKey};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, write_out};
use quorate_tools::passphrase::{NewPassphraseArgs, PassphraseArgs, ReadersArgs, choose_new};
use serde::Serialize;
use zeroize::Zeroizing;

/// The environment variable of a new passphrase that replaces an old one.
const NEW_PASSPHRASE: &str = "QUORATE_NEW_PASSPHRASE";

/// Where a DER public key's 32 bytes follow (RFC 8410: SubjectPublicKeyInfo of Ed25519).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate keys new alice.key && quorate keys show alice.key")]
pub(crate) enum KeysCommand {
    /// Make a new key
    New(NewArgs),
    /// Show a key's public key and address, never its secret
    Show(ShowArgs),
    /// List the key files in a folder
    List(ListArgs),
    /// Make a key file from a PEM private key or from a 32-byte seed in hex
    Import(ImportArgs),
    /// Write a key's secret or public part in another form
    Export(ExportArgs),
    /// Change, set or remove a key file's passphrase
    Passwd(PasswdArgs),
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Signs transactions; its address is an account.
    Wallet,
    /// Votes and seals blocks for a validator.
    Validator,
    /// Identifies a node to its peers.
    Node,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate keys new alice.key
  quorate keys new --kind validator --no-passphrase")]
pub(crate) struct NewArgs {
    /// What the key is for
    #[arg(long, value_enum, default_value = "wallet", env = "QUORATE_KEY_KIND")]
    kind: Kind,
    #[command(flatten)]
    new: NewFile,
}

/// The file of a new key.
#[derive(Args, Debug)]
pub(crate) struct NewFile {
    /// The file to make; it must not exist [default: wallet.key, validator.key, node.key by kind]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate keys show alice.key")]
pub(crate) struct ShowArgs {
    /// The key file
    #[arg(value_name = "FILE", env = "QUORATE_KEY")]
    file: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate keys list ./keys")]
pub(crate) struct ListArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    readers: ReadersArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate keys import alice.key --from alice.pem
  quorate keys import alice.key --from - < seed.hex")]
pub(crate) struct ImportArgs {
    /// The file to make; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A PEM private key (as OpenSSL writes it) or 64 hex digits; `-` reads standard input
    #[arg(long, value_name = "SOURCE")]
    from: PathBuf,
    /// File whose first line is the passphrase of an encrypted source
    #[arg(long, value_name = "FILE")]
    source_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

/// The form of an exported key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// The public key in PEM, on standard output unless --out is given
    Public,
    /// The private key in PEM (PKCS#8), without a passphrase
    Pem,
    /// The 32-byte seed in hex
    Seed,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate keys export alice.key --form public
  quorate keys export alice.key --form pem --out alice.pem")]
pub(crate) struct ExportArgs {
    /// The key file
    #[arg(value_name = "FILE", env = "QUORATE_KEY")]
    file: PathBuf,
    /// In which form
    #[arg(long, value_enum, default_value = "public")]
    form: ExportForm,
    /// The file to make; a secret is never printed
    #[arg(long, alias = "to", value_name = "TARGET")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate keys passwd alice.key
  quorate keys passwd alice.key --no-passphrase")]
pub(crate) struct PasswdArgs {
    /// The key file
    #[arg(value_name = "FILE", env = "QUORATE_KEY")]
    file: PathBuf,
    #[command(flatten)]
    old: PassphraseArgs,
    /// File whose first line is the new passphrase (else QUORATE_NEW_PASSPHRASE, else the terminal)
    #[arg(long, value_name = "FILE", env = "QUORATE_NEW_PASSPHRASE_FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// Remove the passphrase
    #[arg(long, conflicts_with = "new_passphrase_file")]
    no_passphrase: bool,
}

/// A key file as it is shown.
#[derive(Serialize)]
struct KeyView {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    public_key: PublicKey,
    address: Address,
    encrypted: bool,
}

/// One line of a listing.
#[derive(Serialize)]
struct ListedKey {
    file: PathBuf,
    public_key: Option<PublicKey>,
    address: Option<Address>,
    encrypted: Option<bool>,
    problem: Option<String>,
}

/// Carries out a command of this group.
pub(crate) fn run(command: KeysCommand, output: &Output) -> Result<(), Failure> {
    match command {
        KeysCommand::New(args) => new(&args.new, args.kind, output),
        KeysCommand::Show(args) => show(&args, output),
        KeysCommand::List(args) => list(&args, output),
        KeysCommand::Import(args) => import(&args, output),
        KeysCommand::Export(args) => export(&args),
        KeysCommand::Passwd(args) => passwd(&args, output),
    }
}

/// Makes a key file, encrypted as `passphrase` says, and gives its key.
pub(crate) fn make(path: &Path, passphrase: &NewPassphraseArgs) -> Result<SigningKey, Failure> {
    store(path, SigningKey::generate(), passphrase)
}

fn store(path: &Path, key: SigningKey, passphrase: &NewPassphraseArgs) -> Result<SigningKey, Failure> {
    // Asked before the passphrase is, so that nobody types one for nothing.
    if path.symlink_metadata().is_ok() {
        return Err(KeyFileError::Exists {
            path: path.to_owned(),
        }
        .into());
    }
    if let Some(failure) = Failure::without_folder(path) {
        return Err(failure);
    }
    let passphrase = passphrase.choose(path)?;
    keyfile::create(path, &key, passphrase.as_ref().map(|text| text.as_str()))?;
    Ok(key)
}

/// Makes a key and shows its public part.
pub(crate) fn new(args: &NewFile, kind: Kind, output: &Output) -> Result<(), Failure> {
    let default = match kind {
        Kind::Wallet => "wallet.key",
        Kind::Validator => "validator.key",
        Kind::Node => "node.key",
    };
    let file = args.file.clone().unwrap_or_else(|| PathBuf::from(default));
    let key = make(&file, &args.passphrase)?;
    print(output, &view(file, Some(kind), &key, !args.passphrase.is_none()))
}

fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    let encrypted = keyfile::is_encrypted_with(&args.file, &args.passphrase.groups()?)?;
    let key = args.passphrase.open(&args.file)?;
    print(output, &view(args.file.clone(), None, &key, encrypted))
}

fn list(args: &ListArgs, output: &Output) -> Result<(), Failure> {
    let entries = fs::read_dir(&args.dir).map_err(|error| Failure::io(&args.dir, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::io(&args.dir, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            files.push(path);
        }
    }
    files.sort();
    let groups = args.readers.groups()?;
    let keys: Vec<ListedKey> = files.into_iter().map(|file| listed(file, &groups)).collect();
    output.print(&serde_json::json!({ "keys": keys }), |output| {
        if keys.is_empty() {
            return format!("No key files (*.key) in {}", args.dir.display());
        }
        let rows = keys.iter().map(|key| {
            let protection = match (key.encrypted, &key.problem) {
                (_, Some(problem)) => output.paint(Tone::Bad, problem),
                (Some(true), None) => "passphrase".to_owned(),
                _ => output.paint(Tone::Warning, "none"),
            };
            let locked = || output.paint(Tone::Dim, "(locked)");
            vec![
                key.file.display().to_string(),
                key.address.map_or_else(locked, |address| address.to_string()),
                protection,
            ]
        });
        output.table(&["FILE", "ADDRESS", "PROTECTION"], rows.collect())
    })
}

fn listed(file: PathBuf, groups: &[u32]) -> ListedKey {
    let look = || -> Result<(bool, Option<PublicKey>), KeyFileError> {
        if let (true, told) = keyfile::look(&file, groups)? {
            return Ok((true, told));
        }
        let access = Access {
            passphrase: None,
            groups,
        };
        Ok((false, Some(keyfile::read_with(&file, access)?.public())))
    };
    let (encrypted, public_key, problem) = match look() {
        Ok((encrypted, key)) => (Some(encrypted), key, None),
        Err(KeyFileError::LoosePermissions { loose, .. }) => {
            let who = match loose {
                Loose::Others { .. } => "others may use it".to_owned(),
                Loose::Group { .. } => "its group may read it".to_owned(),
                Loose::OtherGroup { group, .. } => format!("group {group} may read it"),
            };
            (None, None, Some(format!("{who} (mode {:04o})", loose.mode())))
        }
        Err(KeyFileError::Content { source, .. }) => (None, None, Some(source.to_string())),
        Err(error) => (None, None, Some(error.to_string())),
    };
    ListedKey {
        file,
        public_key,
        address: public_key.map(|key| key.address()),
        encrypted,
        problem,
    }
}

fn import(args: &ImportArgs, output: &Output) -> Result<(), Failure> {
    let text = source(&args.from)?;
    let key = match seed(text.trim()) {
        Some(seed) => SigningKey::from_seed(&seed),
        None => from_pem(args, &text)?,
    };
    let key = store(&args.file, key, &args.passphrase)?;
    print(
        output,
        &view(args.file.clone(), None, &key, !args.passphrase.is_none()),
    )
}

fn from_pem(args: &ImportArgs, text: &str) -> Result<SigningKey, Failure> {
    let failed = |error: keyfile::PemError| {
        let permission = matches!(
            error,
            keyfile::PemError::PassphraseNeeded | keyfile::PemError::WrongPassphrase
        );
        let message = format!("{}: {error}", args.from.display());
        if permission {
            Failure::not_permitted(message).hint("give --source-passphrase-file FILE")
        } else {
            Failure::usage(message)
        }
    };
    let passphrase = match &args.source_passphrase_file {
        Some(file) => Some(choose_new(
            Some(file),
            &args.passphrase.groups()?,
            "",
            &args.from,
        )?),
        None => None,
    };
    keyfile::from_pem(text, passphrase.as_ref().map(|text| text.as_str())).map_err(failed)
}

/// The text of a key to import, which may come from standard input.
fn source(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(keyfile::MAX_BYTES as usize + 1));
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(keyfile::MAX_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| {
            let mode = file.metadata()?.mode() & 0o777;
            if mode & 0o077 != 0 {
                quorate_tools::output::say(format!(
                    "warning: others may read {} (mode {mode:04o}): remove it after the import",
                    path.display()
                ));
            }
            file.take(keyfile::MAX_BYTES + 1).read_to_end(&mut bytes)
        })
    };
    read.map_err(|error| Failure::io(path, &error))?;
    if bytes.len() as u64 > keyfile::MAX_BYTES {
        return Err(Failure::usage(format!("{}: too long for a key", path.display())));
    }
    keyfile::text_of(&bytes).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn seed(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, seed.as_mut()).ok()?;
    Some(seed)
}

fn export(args: &ExportArgs) -> Result<(), Failure> {
    let key = args.passphrase.open(&args.file)?;
    let text = match args.form {
        ExportForm::Public => Zeroizing::new(public_pem(&key.public())),
        ExportForm::Pem => keyfile::to_pem(&key, None)
            .map_err(|error| Failure::failed(format!("{}: {error}", args.file.display())))?,
        ExportForm::Seed => Zeroizing::new(format!(
            "{}\n",
            &*Zeroizing::new(hex::encode(key.seed().as_slice()))
        )),
    };
    match (&args.out, args.form) {
        (Some(target), _) => write_new(target, text.as_bytes()),
        (None, ExportForm::Public) => write_out(&text),
        (None, _) => Err(Failure::usage(
            "a secret is never printed: name a file with --out",
        )),
    }
}

/// Writes a file that must not exist, for its owner alone.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::unwritable(path, &error))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::unwritable(path, &error))
}

/// A public key as `openssl pkey -pubin` reads it.
fn public_pem(key: &PublicKey) -> String {
    let mut der = SPKI_PREFIX.to_vec();
    der.extend_from_slice(key.as_bytes());
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64(&der)
    )
}

/// Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for place in 0..4_u32 {
            let digit = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place as usize <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

fn passwd(args: &PasswdArgs, output: &Output) -> Result<(), Failure> {
    let old = args.old.for_key(&args.file)?;
    let groups = args.old.groups()?;
    let access = Access {
        passphrase: old.as_ref().map(|text| text.as_str()),
        groups: &groups,
    };
    // Opened first, so that a wrong passphrase is known before a new one is asked for.
    let key = keyfile::read_with(&args.file, access)?;
    let new = if args.no_passphrase {
        None
    } else {
        Some(choose_new(
            args.new_passphrase_file.as_deref(),
            &groups,
            NEW_PASSPHRASE,
            &args.file,
        )?)
    };
    keyfile::replace(&args.file, &key, new.as_ref().map(|text| text.as_str()))?;
    print(output, &view(args.file.clone(), None, &key, new.is_some()))
}

fn view(file: PathBuf, kind: Option<Kind>, key: &SigningKey, encrypted: bool) -> KeyView {
    let public_key = key.public();
    KeyView {
        file,
        kind,
        public_key,
        address: public_key.address(),
        encrypted,
    }
}

fn print(output: &Output, view: &KeyView) -> Result<(), Failure> {
    output.print(view, |output| {
        let protection = if view.encrypted {
            "passphrase".to_owned()
        } else {
            output.paint(Tone::Warning, "none (no passphrase)")
        };
        output.fields(&[
            ("file", view.file.display().to_string()),
            ("public key", view.public_key.to_string()),
            ("address", view.address.to_string()),
            ("protection", protection),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
