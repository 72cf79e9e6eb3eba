//! `quorate keys`: key files. Nothing here prints a secret; `export` writes one into a file of its own.
//!
//! A client's key is Ed25519 or P-256; validators, nodes and witnesses have Ed25519 keys alone, in files of the same form.
//! Beside a P-256 key stands its wallet's secret in `KEYFILE.secret`, which salts of texts follow from; that of an
//! Ed25519 key follows from the key itself.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use quorate_crypto::keyfile::{self, Access, KeyFileError, Loose};
use quorate_crypto::{Address, ClientSigningKey, Key, SigningKey};
use quorate_ledger::WalletSecret;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone, write_out};
use quorate_tools::passphrase::{NewPassphraseArgs, Passphrase, PassphraseArgs, ReadersArgs, choose_new};
use serde::Serialize;
use zeroize::Zeroizing;

/// The environment variable of a new passphrase that replaces an old one.
const NEW_PASSPHRASE: &str = "QUORATE_NEW_PASSPHRASE";

/// What a wallet's secret is called, after the name of its key file.
const SECRET_EXTENSION: &str = "secret";

/// Where a DER public key's 32 bytes follow (RFC 8410: SubjectPublicKeyInfo of Ed25519).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Where a DER public key's 33 bytes follow (RFC 5480: SubjectPublicKeyInfo of a compressed point on P-256).
const P256_SPKI: [u8; 26] = [
    0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
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

/// What kind of key it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Ed25519: of accounts, validators, nodes and witnesses.
    #[default]
    Ed25519,
    /// P-256, as security modules and smart cards have it: of accounts alone.
    P256,
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum FileKind {
    Ed25519,
    P256,
    Secret,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate keys new alice.key
  quorate keys new alice.key --kind p256

A P-256 key gets a wallet's secret beside it, alice.key.secret: keep both. The keys of a
validator are made by `quorate node init`.")]
pub(crate) struct NewArgs {
    #[command(flatten)]
    new: NewFile,
}

/// The file of a new key.
#[derive(Args, Debug)]
pub(crate) struct NewFile {
    /// The file to make; it must not exist
    #[arg(value_name = "FILE", default_value = "wallet.key")]
    file: PathBuf,
    /// What kind of key it is
    #[arg(long, value_enum, default_value = "ed25519", env = "QUORATE_KEY_KIND")]
    kind: Kind,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate keys show alice.key")]
pub(crate) struct ShowArgs {
    /// The key file, or the secret of a wallet
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
    /// What kind of key 64 hex digits are
    #[arg(long, value_enum, default_value = "ed25519", env = "QUORATE_KEY_KIND")]
    kind: Kind,
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
    /// The 32 bytes of the private key in hex: the seed of an Ed25519 key, the number of a P-256 key
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
  quorate keys passwd alice.key --no-passphrase

The passphrase of the secret beside a P-256 key is changed with the key's.")]
pub(crate) struct PasswdArgs {
    /// The key file, or the secret of a wallet
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
    kind: FileKind,
    /// None of a wallet's secret.
    public_key: Option<Key>,
    address: Option<Address>,
    /// The wallet's secret beside a P-256 key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<PathBuf>,
    encrypted: bool,
}

/// One line of a listing.
#[derive(Serialize)]
struct ListedKey {
    file: PathBuf,
    kind: Option<FileKind>,
    public_key: Option<Key>,
    address: Option<Address>,
    encrypted: Option<bool>,
    problem: Option<String>,
}

/// Carries out a command of this group.
pub(crate) fn run(command: KeysCommand, output: &Output) -> Result<(), Failure> {
    match command {
        KeysCommand::New(args) => new(&args.new, output),
        KeysCommand::Show(args) => show(&args, output),
        KeysCommand::List(args) => list(&args, output),
        KeysCommand::Import(args) => import(&args, output),
        KeysCommand::Export(args) => export(&args),
        KeysCommand::Passwd(args) => passwd(&args, output),
    }
}

/// Makes a key file of a validator, a node or a witness, encrypted as `passphrase` says, and gives its key.
pub(crate) fn make(path: &Path, passphrase: &NewPassphraseArgs) -> Result<SigningKey, Failure> {
    let passphrase = passphrase_for(&[path], passphrase)?;
    let key = SigningKey::generate();
    keyfile::create(path, &key, passphrase.as_ref().map(|text| text.as_str()))?;
    Ok(key)
}

/// The passphrase for new files. Asked for once all of them can be made: so nobody types one for nothing.
fn passphrase_for(files: &[&Path], passphrase: &NewPassphraseArgs) -> Result<Option<Passphrase>, Failure> {
    for path in files {
        if path.symlink_metadata().is_ok() {
            return Err(KeyFileError::Exists {
                path: (*path).to_owned(),
            }
            .into());
        }
        if let Some(failure) = Failure::without_folder(path) {
            return Err(failure);
        }
    }
    match files.first() {
        Some(path) => passphrase.choose(path),
        None => Ok(None),
    }
}

/// Writes a client's key into a new file, with a wallet's secret beside it if it needs one. The secret comes first: a
/// key without its secret would salt the texts of one file in two ways.
fn store(path: &Path, key: &ClientSigningKey, passphrase: &NewPassphraseArgs) -> Result<(), Failure> {
    let secret = secret_of(path);
    let files = match key {
        ClientSigningKey::Ed25519(_) => vec![path],
        ClientSigningKey::P256(_) => vec![path, secret.as_path()],
    };
    let passphrase = passphrase_for(&files, passphrase)?;
    let passphrase = passphrase.as_ref().map(|text| text.as_str());
    if let ClientSigningKey::P256(_) = key {
        keyfile::secret::create(&secret, WalletSecret::generate().bytes(), passphrase)?;
    }
    Ok(keyfile::client::create(path, key, passphrase)?)
}

/// Where the wallet's secret of a key file stands.
fn secret_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(SECRET_EXTENSION);
    PathBuf::from(name)
}

/// Whether a file is a wallet's secret, by its name.
fn is_secret(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == SECRET_EXTENSION)
}

/// Makes a client's key and shows its public part.
pub(crate) fn new(args: &NewFile, output: &Output) -> Result<(), Failure> {
    let key = match args.kind {
        Kind::Ed25519 => ClientSigningKey::generate_ed25519(),
        Kind::P256 => ClientSigningKey::generate_p256(),
    };
    store(&args.file, &key, &args.passphrase)?;
    print(output, &view(args.file.clone(), &key, !args.passphrase.is_none()))
}

fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    let groups = args.passphrase.groups()?;
    if is_secret(&args.file) {
        let encrypted = keyfile::secret::is_encrypted_with(&args.file, &groups)?;
        args.passphrase.open_secret(&args.file)?;
        return print(output, &view_of_secret(args.file.clone(), encrypted));
    }
    let encrypted = keyfile::client::is_encrypted_with(&args.file, &groups)?;
    let key = args.passphrase.open(&args.file)?;
    print(output, &view(args.file.clone(), &key, encrypted))
}

fn list(args: &ListArgs, output: &Output) -> Result<(), Failure> {
    let entries = fs::read_dir(&args.dir).map_err(|error| Failure::io(&args.dir, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::io(&args.dir, &error))?.path();
        if is_secret(&path) || path.extension().is_some_and(|extension| extension == "key") {
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
            let address = match (key.address, key.kind) {
                (Some(address), _) => address.to_string(),
                (None, Some(FileKind::Secret)) => output.paint(Tone::Dim, "(a wallet's secret)"),
                (None, _) => output.paint(Tone::Dim, "(locked)"),
            };
            vec![
                key.file.display().to_string(),
                key.kind.map_or("-", FileKind::name).to_owned(),
                address,
                protection,
            ]
        });
        output.table(&["FILE", "KIND", "ADDRESS", "PROTECTION"], rows.collect())
    })
}

fn listed(file: PathBuf, groups: &[u32]) -> ListedKey {
    let look = || -> Result<(bool, Option<Key>), KeyFileError> {
        if is_secret(&file) {
            let encrypted = keyfile::secret::is_encrypted_with(&file, groups)?;
            return Ok((encrypted, None));
        }
        if let (true, told) = keyfile::client::look(&file, groups)? {
            return Ok((true, told));
        }
        let access = Access {
            passphrase: None,
            groups,
        };
        Ok((false, Some(keyfile::client::read_with(&file, access)?.key())))
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
    let kind = match is_secret(&file) {
        true => Some(FileKind::Secret),
        false => public_key.as_ref().map(FileKind::of),
    };
    ListedKey {
        file,
        kind,
        public_key,
        address: public_key.map(|key| key.address()),
        encrypted,
        problem,
    }
}

fn import(args: &ImportArgs, output: &Output) -> Result<(), Failure> {
    let text = source(&args.from)?;
    let key = match (seed(text.trim()), args.kind) {
        (Some(seed), Kind::Ed25519) => ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed)),
        (Some(number), Kind::P256) => ClientSigningKey::p256_from_scalar(&number)
            .ok_or_else(|| Failure::usage(format!("{}: no P-256 key is this number", args.from.display())))?,
        (None, _) => from_pem(args, &text)?,
    };
    store(&args.file, &key, &args.passphrase)?;
    print(output, &view(args.file.clone(), &key, !args.passphrase.is_none()))
}

fn from_pem(args: &ImportArgs, text: &str) -> Result<ClientSigningKey, Failure> {
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
    keyfile::client::from_pem(text, passphrase.as_ref().map(|text| text.as_str())).map_err(failed)
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
        ExportForm::Public => Zeroizing::new(public_pem(&key.key())),
        ExportForm::Pem => keyfile::client::to_pem(&key, None)
            .map_err(|error| Failure::failed(format!("{}: {error}", args.file.display())))?,
        ExportForm::Seed => {
            let bytes = match &key {
                ClientSigningKey::Ed25519(key) => key.seed(),
                ClientSigningKey::P256(key) => key.scalar(),
            };
            let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
            Zeroizing::new(format!("{}\n", digits.as_str()))
        }
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
fn public_pem(key: &Key) -> String {
    let mut der = match key {
        Key::Ed25519(_) => ED25519_SPKI.to_vec(),
        Key::P256(_) => P256_SPKI.to_vec(),
    };
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
    if is_secret(&args.file) {
        return passwd_of_secret(args, output);
    }
    let old = args.old.for_key(&args.file)?;
    let groups = args.old.groups()?;
    let access = Access {
        passphrase: old.as_ref().map(|text| text.as_str()),
        groups: &groups,
    };
    // Opened first, so that a wrong passphrase is known before a new one is asked for.
    let key = keyfile::client::read_with(&args.file, access)?;
    let secret = secret_of(&args.file);
    let has_secret = matches!(key, ClientSigningKey::P256(_)) && secret.exists();
    if has_secret {
        keyfile::secret::read_with(&secret, access)?;
    }
    let new = new_passphrase(args, &groups)?;
    let passphrase = new.as_ref().map(|text| text.as_str());
    match &key {
        // Its public key is told as those read it who read validators' keys; a wallet reads that too.
        ClientSigningKey::Ed25519(key) => keyfile::replace(&args.file, key, passphrase)?,
        ClientSigningKey::P256(_) => keyfile::client::replace(&args.file, &key, passphrase)?,
    }
    if has_secret {
        keyfile::secret::change_passphrase(&secret, access.passphrase, passphrase)?;
    }
    print(output, &view(args.file.clone(), &key, new.is_some()))
}

fn passwd_of_secret(args: &PasswdArgs, output: &Output) -> Result<(), Failure> {
    let groups = args.old.groups()?;
    let encrypted = keyfile::secret::is_encrypted_with(&args.file, &groups)?;
    let old = args.old.passphrase_if(encrypted, &args.file)?;
    let old = old.as_ref().map(|text| text.as_str());
    let access = Access {
        passphrase: old,
        groups: &groups,
    };
    keyfile::secret::read_with(&args.file, access)?;
    let new = new_passphrase(args, &groups)?;
    keyfile::secret::change_passphrase(&args.file, old, new.as_ref().map(|text| text.as_str()))?;
    print(output, &view_of_secret(args.file.clone(), new.is_some()))
}

/// The new passphrase; none if it is to be removed.
fn new_passphrase(args: &PasswdArgs, groups: &[u32]) -> Result<Option<Passphrase>, Failure> {
    if args.no_passphrase {
        return Ok(None);
    }
    let file = args.new_passphrase_file.as_deref();
    choose_new(file, groups, NEW_PASSPHRASE, &args.file).map(Some)
}

impl FileKind {
    fn of(key: &Key) -> Self {
        match key {
            Key::Ed25519(_) => Self::Ed25519,
            Key::P256(_) => Self::P256,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
            Self::Secret => "secret",
        }
    }
}

fn view(file: PathBuf, key: &ClientSigningKey, encrypted: bool) -> KeyView {
    let public = key.key();
    let secret = match key {
        ClientSigningKey::Ed25519(_) => None,
        ClientSigningKey::P256(_) => Some(secret_of(&file)),
    };
    KeyView {
        file,
        kind: FileKind::of(&public),
        public_key: Some(public),
        address: Some(public.address()),
        secret,
        encrypted,
    }
}

fn view_of_secret(file: PathBuf, encrypted: bool) -> KeyView {
    KeyView {
        file,
        kind: FileKind::Secret,
        public_key: None,
        address: None,
        secret: None,
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
        let mut fields = vec![
            ("file", view.file.display().to_string()),
            ("kind", view.kind.name().to_owned()),
        ];
        fields.extend(view.public_key.map(|key| ("public key", key.to_string())));
        fields.extend(view.address.map(|address| ("address", address.to_string())));
        if let Some(secret) = &view.secret {
            let there = match secret.exists() {
                true => secret.display().to_string(),
                false => output.paint(Tone::Bad, &format!("{} is not there", secret.display())),
            };
            fields.push(("secret", there));
        }
        fields.push(("protection", protection));
        output.fields(&fields)
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
