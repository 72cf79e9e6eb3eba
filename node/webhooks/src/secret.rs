//! The secrets that posts are signed with, and the signature: Standard Webhooks, symmetric (`v1`).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use quorate_crypto::keyfile::{Loose, check_mode};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What stands before a secret's base64.
const PREFIX: &str = "whsec_";

/// Bytes of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets of one hook: two while one takes the other's place, and not many more.
const MAX_SECRETS: usize = 4;

/// Bytes of a file.
const MAX_BYTES: u64 = 4 << 10;

/// Why a file of secrets is refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("the secret file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may use it.
    #[error("the secret file {}: {loose}", path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Who may.
        loose: Loose,
    },
    /// What is in it is no secret.
    #[error(
        "the secret file {} has no secrets that fit: {reason}; make one with \
         `echo \"whsec_$(openssl rand -base64 32)\"`", path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The secrets of a hook. Each signs every post: so a receiver can be given the next one before the former goes.
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl Secrets {
    /// Reads a file that is its owner's alone, or one of `groups` may read it.
    pub fn read(path: &Path, groups: &[u32]) -> Result<Self, SecretError> {
        let unreadable = |source| SecretError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let malformed = |reason: String| SecretError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(malformed("it is not a regular file".to_owned()));
        }
        check_mode(&metadata, groups).map_err(|loose| SecretError::Loose {
            path: path.to_owned(),
            loose,
        })?;
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_BYTES)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Self::parse(&text).map_err(malformed)
    }

    /// Reads secrets, one a line.
    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut secrets = Vec::new();
        for (number, line) in (1..).zip(lines) {
            if number > MAX_SECRETS {
                return Err(format!("it has more than {MAX_SECRETS} secrets"));
            }
            let encoded = line
                .strip_prefix(PREFIX)
                .ok_or_else(|| format!("secret {number} does not begin with {PREFIX}"))?;
            let secret = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| {
                format!("secret {number} is not base64 (RFC 4648, with padding) after {PREFIX}")
            })?;
            if !LENGTHS.contains(&secret.len()) {
                return Err(format!(
                    "secret {number} has {} bytes, expected {} to {}",
                    secret.len(),
                    LENGTHS.start(),
                    LENGTHS.end()
                ));
            }
            secrets.push(secret);
        }
        match secrets.is_empty() {
            true => Err("it is empty".to_owned()),
            false => Ok(Self(secrets)),
        }
    }

    /// The header `webhook-signature` of a message: a signature by each secret, with spaces between them.
    pub(crate) fn signatures(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let signed = self.0.iter().map(|secret| {
            let mut code = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
            code.update(format!("{id}.{seconds}.").as_bytes());
            code.update(body);
            format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The example that the libraries of Standard Webhooks test themselves with.
    const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_signature_is_the_one_that_other_libraries_expect() {
        let sign = |text: &str| {
            let secrets = Secrets::parse(text).unwrap();
            secrets.signatures(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                b"{\"test\": 2432232314}",
            )
        };
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(EXAMPLE), expected);
        let next = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = sign(&format!("{EXAMPLE}\n{next}\n"));
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, expected);
        assert_eq!(second, sign(&next));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_never_told() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        let many = format!("{EXAMPLE}\n").repeat(MAX_SECRETS + 1);
        for (text, word) in [
            ("", "empty"),
            ("\n\n", "empty"),
            ("hunter2", "begin with whsec_"),
            ("whsec_!!", "base64"),
            (short.as_str(), "23 bytes"),
            (long.as_str(), "65 bytes"),
            (many.as_str(), "more than 4"),
        ] {
            let reason = Secrets::parse(text).unwrap_err();
            assert!(reason.contains(word), "{text}: {reason}");
            assert!(!reason.contains("hunter2"));
        }
        let shown = format!("{:?}", Secrets::parse(EXAMPLE).unwrap());
        assert_eq!(shown, "Secrets(1)");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.secret");
        let missing = Secrets::read(&path, &[]).unwrap_err();
        assert!(matches!(missing, SecretError::Unreadable { .. }), "{missing}");
        fs::write(&path, EXAMPLE).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let loose = Secrets::read(&path, &[]).unwrap_err();
        assert!(matches!(loose, SecretError::Loose { .. }), "{loose}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        Secrets::read(&path, &[]).unwrap();
    }
}
