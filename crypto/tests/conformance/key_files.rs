//! Files of validators', nodes' and witnesses' keys: what is refused, and that OpenSSL reads ours and we read OpenSSL's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use quorate_crypto::keyfile::{self, Access, KeyFileError, Loose, PemError};
use quorate_crypto::{PublicKey, SigningKey};
use tempfile::TempDir;

use crate::skipped::skipped;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn write(folder: &TempDir, content: &[u8], mode: u32) -> PathBuf {
    let path = folder.path().join("written.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn content_error(result: Result<SigningKey, KeyFileError>) -> PemError {
    match result {
        Err(KeyFileError::Content { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_read_as_it_was_written() {
    let folder = folder();
    for passphrase in [None, Some("correct horse"), Some("пароль")] {
        let key = SigningKey::generate();
        let path = folder.path().join(format!("{}.key", key.public()));
        keyfile::create(&path, &key, passphrase).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(keyfile::is_encrypted(&path).unwrap(), passphrase.is_some());
        let read = keyfile::read(&path, passphrase).unwrap();
        assert_eq!(read.public(), key.public());
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        3,
        "nothing else is left behind"
    );
}

#[test]
fn the_plain_form_is_rfc_8410s() {
    // RFC 8410, section 10.3.
    let text = "-----BEGIN PRIVATE KEY-----\n\
                MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                -----END PRIVATE KEY-----\n";
    let key = keyfile::from_pem(text, None).unwrap();
    assert_eq!(
        key.public().to_string(),
        "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    );
    assert_eq!(*keyfile::to_pem(&key, None).unwrap(), text);
}

#[test]
fn version_2_files_are_read_if_their_halves_agree() {
    // RFC 8410, section 10.3: the same key with attributes and the public key.
    let text = "-----BEGIN PRIVATE KEY-----\n\
                MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
                Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                -----END PRIVATE KEY-----\n";
    assert!(keyfile::from_pem(text, None).is_ok());
    let other_half = text.replace("ZuE=", "ZuA=");
    assert!(matches!(
        keyfile::from_pem(&other_half, None),
        Err(PemError::NotAKey { .. })
    ));
}

/// ring up to version 0.16 wrapped the public key once more than RFC 5958 does (briansmith/ring#740). RFC 8410's key,
/// laid out so by hand.
#[test]
fn files_of_old_versions_of_ring_are_read_if_their_halves_agree() {
    let text = "-----BEGIN PRIVATE KEY-----\n\
                MFMCAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                oSMDIQAZv0QJaYTN/oVBusFn3DuWyFCGqjC2tssMXDitcDFm4Q==\n\
                -----END PRIVATE KEY-----\n";
    let key = keyfile::from_pem(text, None).unwrap();
    assert_eq!(
        key.public().to_string(),
        "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    );
    let other_half = text.replace("cDFm4Q==", "cDFm4A==");
    assert_ne!(other_half, text);
    assert_eq!(
        keyfile::from_pem(&other_half, None).err(),
        Some(PemError::NotAKey {
            reason: "its public part belongs to another key".to_owned()
        })
    );
}

/// W19: whose a locked key is, its file tells; a key opens only under its own public key.
#[test]
fn a_locked_file_tells_its_public_key() {
    let folder = folder();
    let (key, other) = (SigningKey::generate(), SigningKey::generate());
    let path = folder.path().join("a.key");
    keyfile::create(&path, &key, Some("word")).unwrap();
    assert_eq!(keyfile::look(&path, &[]).unwrap(), (true, Some(key.public())));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(keyfile::told_public_key(&text), Some(key.public()));

    // As files of earlier versions and of other programs are.
    let (_, bare) = text.split_once('\n').unwrap();
    assert!(bare.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(keyfile::told_public_key(bare), None);
    assert!(keyfile::is_encrypted_pem(bare).unwrap());
    for text in [bare, &text.replace('\n', "\r\n")] {
        let read = keyfile::from_pem(text, Some("word")).unwrap();
        assert_eq!(read.public(), key.public());
    }

    let forged = text.replace(&key.public().to_string(), &other.public().to_string());
    assert_eq!(
        keyfile::from_pem(&forged, Some("word")).err(),
        Some(PemError::NotAKey {
            reason: "the public key above it belongs to another key".to_owned()
        })
    );
    assert_eq!(
        keyfile::from_pem(&forged, Some("wrong")).err(),
        Some(PemError::WrongPassphrase)
    );
    // A key without a passphrase is the plain form of RFC 8410, with nothing above it.
    assert!(keyfile::to_pem(&key, None).unwrap().starts_with("-----BEGIN"));
}

#[test]
fn a_file_is_never_overwritten() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let key = SigningKey::generate();
    keyfile::create(&path, &key, None).unwrap();
    let again = keyfile::create(&path, &SigningKey::generate(), None);
    assert!(matches!(again, Err(KeyFileError::Exists { .. })));
    assert_eq!(keyfile::read(&path, None).unwrap().public(), key.public());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_passphrase_can_be_changed() {
    let folder = folder();
    let path = folder.path().join("a.key");
    let key = SigningKey::generate();
    keyfile::create(&path, &key, Some("old")).unwrap();
    assert!(matches!(
        keyfile::change_passphrase(&path, Some("wrong"), Some("new")),
        Err(KeyFileError::Content {
            source: PemError::WrongPassphrase,
            ..
        })
    ));
    keyfile::change_passphrase(&path, Some("old"), Some("new")).unwrap();
    assert_eq!(keyfile::read(&path, Some("new")).unwrap().public(), key.public());
    assert_eq!(
        content_error(keyfile::read(&path, Some("old"))),
        PemError::WrongPassphrase
    );
    keyfile::change_passphrase(&path, Some("new"), None).unwrap();
    assert_eq!(keyfile::read(&path, None).unwrap().public(), key.public());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn wrong_missing_and_empty_passphrases_are_told_apart() {
    let folder = folder();
    let path = folder.path().join("a.key");
    keyfile::create(&path, &SigningKey::generate(), Some("right")).unwrap();
    // Enough of them that some pass the padding's check by chance.
    let text = fs::read_to_string(&path).unwrap();
    for number in 0..20 {
        assert_eq!(
            keyfile::from_pem(&text, Some(&number.to_string())).err(),
            Some(PemError::WrongPassphrase)
        );
    }
    let wrong = keyfile::read(&path, Some("wrong")).unwrap_err();
    let missing = keyfile::read(&path, None).unwrap_err();
    assert!(wrong.is_permission() && missing.is_permission());
    assert_eq!(content_error(Err(missing)), PemError::PassphraseNeeded);
    assert_eq!(
        keyfile::to_pem(&SigningKey::generate(), Some("")).err(),
        Some(PemError::EmptyPassphrase)
    );
}

/// W21: macOS writes ü as two characters, others as one, and nobody sees a difference.
#[test]
fn a_passphrase_opens_in_each_form_that_systems_write_it_in() {
    let composed = "gr\u{fc}\u{df}e \u{d55c} \u{e5}";
    let decomposed = "gru\u{308}\u{df}e \u{1112}\u{1161}\u{11ab} a\u{30a}";
    let mixed = "gru\u{308}\u{df}e \u{d55c} \u{e5}";
    let key = SigningKey::generate();
    for made in [composed, decomposed, mixed] {
        let text = keyfile::to_pem(&key, Some(made)).unwrap();
        for given in [composed, decomposed, mixed] {
            let read = keyfile::from_pem(&text, Some(given)).unwrap();
            assert_eq!(read.public(), key.public(), "{made:?} by {given:?}");
        }
        // Whoever knows form NFC opens it, by any program.
        let (_, document) = pkcs8::SecretDocument::from_pem(&text).unwrap();
        let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).unwrap();
        assert!(encrypted.decrypt(composed).is_ok(), "{made:?}");
        assert_eq!(
            keyfile::from_pem(&text, Some("gru\u{df}e \u{d55c} \u{e5}")).err(),
            Some(PemError::WrongPassphrase)
        );
    }

    // As other programs and earlier versions wrote it: by the characters that they were given.
    let plain = keyfile::to_pem(&key, None).unwrap();
    let (_, plain) = pkcs8::SecretDocument::from_pem(&plain).unwrap();
    let plain = pkcs8::PrivateKeyInfoRef::try_from(plain.as_bytes()).unwrap();
    for made in [composed, decomposed, mixed] {
        let cost = pkcs8::pkcs5::scrypt::Params::new(4, 8, 1).unwrap();
        let parameters =
            pkcs8::pkcs5::pbes2::Parameters::generate_scrypt_aes256cbc(cost, &[1; 16], [2; 16]).unwrap();
        let document = plain.encrypt_with_params(parameters, made).unwrap();
        let text = pem("ENCRYPTED PRIVATE KEY", document.as_bytes());
        let read = keyfile::from_pem(&text, Some(made)).unwrap();
        assert_eq!(read.public(), key.public());
        if made != mixed {
            assert!(keyfile::from_pem(&text, Some(composed)).is_ok(), "{made:?}");
            assert!(keyfile::from_pem(&text, Some(decomposed)).is_ok(), "{made:?}");
        }
    }

    // What looks alike and is not the same text stays apart.
    let ligature = keyfile::to_pem(&key, Some("\u{fb01}ne")).unwrap();
    assert_eq!(
        keyfile::from_pem(&ligature, Some("fine")).err(),
        Some(PemError::WrongPassphrase)
    );
}

/// W24: guessing at a passphrase is as hard as the page of formats says.
#[test]
fn an_encrypted_key_costs_what_the_page_of_formats_says() {
    let text = keyfile::to_pem(&SigningKey::from_seed(&[1; 32]), Some("word")).unwrap();
    let (_, document) = pkcs8::SecretDocument::from_pem(&text).unwrap();
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).unwrap();
    let pkcs8::pkcs5::EncryptionScheme::Pbes2(parameters) = &encrypted.encryption_algorithm else {
        panic!("not PBES2");
    };
    let pkcs8::pkcs5::pbes2::Kdf::Scrypt(scrypt) = &parameters.kdf else {
        panic!("not scrypt");
    };
    let cost = (scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization);
    assert_eq!(cost, (1 << 14, 8, 5));
    let page = include_str!("../../../docs/formats.md");
    assert!(page.contains("scrypt (N = 2^14, r = 8, p = 5) and AES-256-CBC"));
}

#[test]
fn loose_files_are_refused() {
    let folder = folder();
    let text = keyfile::to_pem(&SigningKey::generate(), None).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601] {
        let path = write(&folder, text.as_bytes(), mode);
        let error = keyfile::read(&path, None).unwrap_err();
        assert!(matches!(error, KeyFileError::LoosePermissions { loose, .. } if loose.mode() == mode));
        assert!(error.is_permission());
        assert!(matches!(
            keyfile::is_encrypted(&path),
            Err(KeyFileError::LoosePermissions { .. })
        ));
    }
    for mode in [0o600, 0o400] {
        assert!(keyfile::read(&write(&folder, text.as_bytes(), mode), None).is_ok());
        fs::remove_file(folder.path().join("written.key")).unwrap();
    }
}

/// Case 11: Kubernetes mounts secrets as links to files of root that a group may read.
#[test]
fn a_file_that_an_allowed_group_may_read_is_taken_through_links_too() {
    let folder = folder();
    let key = SigningKey::generate();
    let text = keyfile::to_pem(&key, None).unwrap();
    let path = write(&folder, text.as_bytes(), 0o600);
    let link = folder.path().join("validator.key");
    std::os::unix::fs::symlink("written.key", &link).unwrap();
    let group = fs::metadata(&path).unwrap().gid();
    let read = |mode, groups: &[u32]| {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let access = Access {
            passphrase: None,
            groups,
        };
        match keyfile::read_with(&link, access) {
            Ok(read) => {
                assert_eq!(read.public(), key.public());
                assert!(!keyfile::is_encrypted_with(&link, groups).unwrap());
                Ok(())
            }
            Err(KeyFileError::LoosePermissions { loose, .. }) => Err(loose),
            Err(other) => panic!("{other:?}"),
        }
    };
    for mode in [0o440, 0o640] {
        assert_eq!(read(mode, &[]), Err(Loose::Group { mode }));
        assert_eq!(read(mode, &[group + 1]), Err(Loose::OtherGroup { mode, group }));
        assert_eq!(read(mode, &[group + 1, group]), Ok(()));
    }
    for mode in [0o660, 0o450, 0o444, 0o641] {
        assert_eq!(read(mode, &[group]), Err(Loose::Others { mode }), "{mode:o}");
    }
    assert_eq!(read(0o600, &[group + 1]), Ok(()));
}

#[test]
fn what_is_not_a_key_file_is_refused() {
    let folder = folder();
    let missing = keyfile::read(&folder.path().join("none"), None);
    assert!(matches!(missing, Err(KeyFileError::NotFound { .. })));
    assert!(matches!(
        keyfile::read(folder.path(), None),
        Err(KeyFileError::NotAFile { .. })
    ));
    let large = write(&folder, &vec![b'x'; 20_000], 0o600);
    assert!(matches!(
        keyfile::read(&large, None),
        Err(KeyFileError::TooLarge { .. })
    ));
    for content in [
        b"".as_slice(),
        b"hello",
        &[0xff, 0xfe],
        b"-----BEGIN PRIVATE KEY-----\n",
    ] {
        let path = write(&folder, content, 0o600);
        assert!(matches!(
            content_error(keyfile::read(&path, None)),
            PemError::NotAKey { .. }
        ));
    }
    let nowhere = keyfile::create(
        &folder.path().join("no/folder/a.key"),
        &SigningKey::generate(),
        None,
    );
    assert!(matches!(nowhere, Err(KeyFileError::Unwritable { .. })));
}

pub(crate) fn pem(label: &'static str, der: &[u8]) -> String {
    pkcs8::SecretDocument::try_from(der)
        .unwrap()
        .to_pem(label, pkcs8::LineEnding::LF)
        .unwrap()
        .to_string()
}

#[test]
fn keys_of_other_algorithms_and_kinds_are_refused() {
    let key = SigningKey::from_seed(&[1; 32]);
    let text = keyfile::to_pem(&key, None).unwrap();
    let (_, document) = pkcs8::SecretDocument::from_pem(&text).unwrap();
    let mut x25519 = document.as_bytes().to_vec();
    // 1.3.101.110 instead of 1.3.101.112.
    assert_eq!(x25519[11], 112);
    x25519[11] = 110;
    assert!(matches!(
        keyfile::from_pem(&pem("PRIVATE KEY", &x25519), None),
        Err(PemError::OtherAlgorithm { algorithm }) if algorithm == "1.3.101.110"
    ));
    assert!(matches!(
        keyfile::from_pem(&pem("PUBLIC KEY", document.as_bytes()), None),
        Err(PemError::NotAKey { .. })
    ));
}

/// Words of the parsers, which say nothing to whoever has the file.
pub(crate) const PARSERS_WORDS: [&str; 6] =
    ["ASN.1", "DER byte", "PEM error", "preamble", "encapsul", "Base64"];

/// What is said of a file with this content, which is refused as something else than a key.
#[track_caller]
fn said_of(folder: &TempDir, content: &[u8]) -> String {
    let path = write(folder, content, 0o600);
    let error = content_error(keyfile::read(&path, Some("word")));
    assert!(!error.to_string().contains("passphrase"), "{error}");
    for word in PARSERS_WORDS {
        assert!(!error.to_string().contains(word), "{word}: {error}");
    }
    error.to_string()
}

/// W16: whoever named the wrong file reads what it is, and what to do.
#[test]
fn what_is_no_key_of_ours_is_told_by_what_it_looks_like() {
    let folder = folder();
    let key = SigningKey::from_seed(&[1; 32]);
    let ours = keyfile::to_pem(&key, None).unwrap();
    let (_, document) = pkcs8::SecretDocument::from_pem(&ours).unwrap();
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let rsa = [
        0x30, 0x15, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
        0x01, 0x05, 0x00, 0x04, 0x01, 0x00,
    ];
    let p256 = [
        0x30, 0x1b, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x01, 0x00,
    ];
    let base64 = ours.lines().nth(1).unwrap();
    for (text, words) in [
        (pem("PRIVATE KEY", &rsa), ["algorithm RSA (", "quorate keys new"]),
        (
            pem("PRIVATE KEY", &p256),
            ["algorithm ECDSA (", "quorate keys new"],
        ),
        (block("RSA PRIVATE KEY"), ["an RSA key", "quorate keys new"]),
        (
            block("EC PARAMETERS") + &block("EC PRIVATE KEY"),
            ["another elliptic curve", "quorate keys new"],
        ),
        (
            block("OPENSSH PRIVATE KEY"),
            ["a key of OpenSSH", "quorate keys new"],
        ),
        (block("PUBLIC KEY"), ["a public key", "its private key"]),
        (block("CERTIFICATE"), ["a certificate", "another file"]),
        (
            block("CERTIFICATE") + ours.as_str(),
            ["(CERTIFICATE)", "alone in its file"],
        ),
        (block("PGP PRIVATE KEY BLOCK"), ["OpenPGP", "quorate keys new"]),
        (block("\u{1b}[2J"), ["another kind", "an unknown label"]),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA a@b\n".to_owned(),
            ["a public key of OpenSSH", "quorate keys new"],
        ),
        (
            "PuTTY-User-Key-File-3: ssh-ed25519\n".to_owned(),
            ["PuTTY", "quorate keys new"],
        ),
        ("01".repeat(32), ["a seed in hex", "quorate keys import"]),
        (base64.to_owned(), ["base64", "-----BEGIN PRIVATE KEY-----"]),
        (" \n".to_owned(), ["the file is empty", "PKCS#8"]),
        ("to,amount\n".to_owned(), ["no line", "the right file"]),
        (
            format!("key: |\n  {}", *ours),
            ["its first line", "nothing before"],
        ),
        (
            ours.replace("-----END PRIVATE KEY-----\n", ""),
            ["cut off", "a backup"],
        ),
        (ours[..60].to_owned(), ["cut off", "a backup"]),
        // One character less, four characters less, and one that base64 does not have.
        (ours.replace(base64, &base64[..63]), ["damaged", "a backup"]),
        (ours.replace(base64, &base64[..60]), ["damaged", "a backup"]),
        (ours.replacen('C', "!", 1), ["damaged", "a backup"]),
        (
            pem("PRIVATE KEY", &[0x30, 0x03, 0x02, 0x01, 0x00]),
            ["damaged", "a backup"],
        ),
        (
            pem("ENCRYPTED PRIVATE KEY", &[0x30, 0x02, 0x30, 0x00]),
            ["damaged", "a backup"],
        ),
    ] {
        let said = said_of(&folder, text.as_bytes());
        for word in words {
            assert!(said.contains(word), "{word}: {said}\n{text}");
        }
    }
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(ours.bytes().flat_map(|byte| [byte, 0]))
        .collect();
    assert!(said_of(&folder, &utf16).contains("UTF-16"));
    assert!(said_of(&folder, document.as_bytes()).contains("openssl pkey -inform DER"));
    assert!(said_of(&folder, &[0xe9, 0x20]).contains("is not text"));
}

#[test]
fn the_mark_of_an_editor_is_no_part_of_a_key_file() {
    let folder = folder();
    for passphrase in [None, Some("word")] {
        let key = SigningKey::generate();
        let text = keyfile::to_pem(&key, passphrase).unwrap();
        let path = write(&folder, format!("\u{feff}{}", *text).as_bytes(), 0o600);
        assert_eq!(keyfile::read(&path, passphrase).unwrap().public(), key.public());
        assert_eq!(keyfile::look(&path, &[]).unwrap().0, passphrase.is_some());
    }
}

/// A file may ask its reader for any amount of memory and time; N = 0 makes some readers panic.
#[test]
fn a_file_that_asks_for_too_much_work_is_refused() {
    let text = keyfile::to_pem(&SigningKey::from_seed(&[1; 32]), Some("x")).unwrap();
    let (_, document) = pkcs8::SecretDocument::from_pem(&text).unwrap();
    let der = document.as_bytes();
    // INTEGER 16384, 8, 5: N, r and p.
    let cost = [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x05];
    let place = der.windows(cost.len()).position(|window| window == cost).unwrap();
    for changed in [
        [0x02, 0x02, 0x7f, 0xff, 0x02, 0x01, 0x08, 0x02, 0x01, 0x01],
        [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x7f, 0x02, 0x01, 0x7f],
        [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x01],
        [0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x00],
    ] {
        let mut der = der.to_vec();
        der[place..place + cost.len()].copy_from_slice(&changed);
        let refused = keyfile::from_pem(&pem("ENCRYPTED PRIVATE KEY", &der), Some("x"));
        assert!(
            matches!(refused, Err(PemError::UnsupportedEncryption { .. })),
            "{changed:x?}: {refused:?}"
        );
    }
    // N = 0 in one byte, with a salt longer by one, so that all lengths still fit.
    let mut zero = der.to_vec();
    zero[place + 1] = 1;
    zero[place + 2] = 0;
    zero.remove(place + 3);
    assert_eq!(zero[place - 18], 0x04, "the salt stands before N");
    zero[place - 17] += 1;
    zero.insert(place - 16, 0x55);
    let refused = keyfile::from_pem(&pem("ENCRYPTED PRIVATE KEY", &zero), Some("x"));
    assert!(
        matches!(refused, Err(PemError::UnsupportedEncryption { .. })),
        "{refused:?}"
    );
}

/// What `openssl` writes; none if there is none on this machine.
pub(crate) fn openssl(arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(arguments).output().ok()?;
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// The public key that `openssl` finds in a private key's file; none if there is no `openssl`.
fn public_by_openssl(path: &Path, passphrase: &str) -> Option<PublicKey> {
    let der = openssl(&[
        "pkey",
        "-in",
        path.to_str().unwrap(),
        "-passin",
        &format!("pass:{passphrase}"),
        "-pubout",
        "-outform",
        "DER",
    ])?;
    Some(PublicKey(der[der.len() - 32..].try_into().unwrap()))
}

#[test]
fn openssl_reads_our_files() {
    if openssl(&["version"]).is_none() {
        skipped("there is no openssl on this machine: key files were NOT exchanged with it");
        return;
    }
    let folder = folder();
    let key = SigningKey::generate();
    let plain = folder.path().join("plain.key");
    keyfile::create(&plain, &key, None).unwrap();
    assert_eq!(public_by_openssl(&plain, ""), Some(key.public()));
    let encrypted = folder.path().join("encrypted.key");
    keyfile::create(&encrypted, &key, Some("a long passphrase")).unwrap();
    assert_eq!(
        public_by_openssl(&encrypted, "a long passphrase"),
        Some(key.public())
    );
}

#[test]
fn we_read_files_that_openssl_made() {
    if openssl(&["version"]).is_none() {
        skipped("there is no openssl on this machine: key files were NOT exchanged with it");
        return;
    }
    let folder = folder();
    let plain = folder.path().join("plain.key");
    let plain_text = plain.to_str().unwrap();
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", plain_text]);
    fs::set_permissions(&plain, Permissions::from_mode(0o600)).unwrap();
    let key = keyfile::read(&plain, None).unwrap();
    assert_eq!(public_by_openssl(&plain, ""), Some(key.public()));
    for (name, options) in [
        ("pbkdf2", ["-v2", "aes-256-cbc"].as_slice()),
        ("scrypt", ["-scrypt"].as_slice()),
    ] {
        let path = folder.path().join(name);
        let mut arguments = vec![
            "pkcs8",
            "-topk8",
            "-in",
            plain_text,
            "-out",
            path.to_str().unwrap(),
        ];
        arguments.extend(["-passout", "pass:secret"]);
        arguments.extend(options);
        openssl(&arguments);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            keyfile::read(&path, Some("secret")).unwrap().public(),
            key.public()
        );
        assert_eq!(
            content_error(keyfile::read(&path, Some("other"))),
            PemError::WrongPassphrase
        );
    }
}

/// W16: keys that OpenSSL encrypted in other ways are not read, and the way that is read is told.
#[test]
fn what_openssl_encrypts_in_old_ways_is_refused_with_the_command_that_helps() {
    if openssl(&["version"]).is_none() {
        skipped("there is no openssl on this machine: what it encrypts in old ways was NOT tried");
        return;
    }
    let folder = folder();
    let plain = folder.path().join("plain.key");
    keyfile::create(&plain, &SigningKey::generate(), None).unwrap();
    for (name, options, way) in [
        ("pkcs12", ["-v1", "PBE-SHA1-3DES"].as_slice(), "an algorithm"),
        ("3des", ["-v2", "des3"].as_slice(), "triple DES"),
        (
            "sha1",
            ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"].as_slice(),
            "PBKDF2 with SHA-1",
        ),
    ] {
        let path = folder.path().join(name);
        let mut arguments = vec!["pkcs8", "-topk8", "-in", plain.to_str().unwrap()];
        arguments.extend(["-out", path.to_str().unwrap(), "-passout", "pass:secret"]);
        arguments.extend(options);
        openssl(&arguments);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = content_error(keyfile::read(&path, Some("secret")));
        assert!(
            matches!(error, PemError::UnsupportedEncryption { .. }),
            "{name}: {error}"
        );
        let said = error.to_string();
        assert!(said.contains(way), "{name}: {said}");
        assert!(said.contains("openssl pkcs8 -topk8 -v2 aes-256-cbc"), "{said}");
        for word in PARSERS_WORDS {
            assert!(!said.contains(word), "{word}: {said}");
        }
    }
}
