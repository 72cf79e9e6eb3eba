//! Secrets in files: PKCS#8 in PEM, which `openssl pkey` reads and writes.
//!
//! What is here are the files of validators', nodes' and witnesses' keys, which are Ed25519 alone, as the first format
//! has them. Clients' keys, of both kinds, are in files by [`client`], and a wallet's secret by [`secret`]: their
//! functions have the same names. All three share their rules for modes, passphrases and names of files, and their
//! errors.

pub mod client;
mod ec;
pub mod secret;

pub use quorate_crypto::keyfile::{
    Access, KeyFileError, Loose, MAX_BYTES, PemError, change_passphrase, check_mode, create, from_pem,
    generic, is_encrypted, is_encrypted_pem, is_encrypted_with, look, read, read_with, replace, text_of,
    to_pem, told_public_key,
};
