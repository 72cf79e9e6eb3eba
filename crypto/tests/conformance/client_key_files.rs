//! Files of clients' keys and of wallets' secrets: what is refused, and that OpenSSL reads ours and we read OpenSSL's.
//!
//! What OpenSSL made stands in `tests/keys`, by its version 3.0.19. `p256*.pem` are of P, `ed25519*.pem` of K1, others
//! of keys that nobody has; what is encrypted opens with `secret`:
//!
//! ```text
//! openssl pkey -inform DER -in SEC1                                          p256.pem
//! openssl ec -no_public …, openssl pkcs8 -topk8 -nocrypt                     p256-without-public.pem
//! openssl pkey -ec_conv_form compressed, -ec_param_enc explicit              p256-compressed.pem, p256-explicit.pem
//! openssl pkcs8 -topk8, -scrypt, -v2 des3                                    p256-pbkdf2.pem, …-scrypt.pem, …-3des.pem
//! openssl ec, openssl ec -aes256                                             p256-sec1.pem, p256-sec1-encrypted.pem
//! openssl ecparam -genkey, with -noout                                       p256-parameters.pem, p384-sec1.pem
//! openssl genpkey                                                            p384*.pem, secp256k1.pem, x25519.pem, rsa.pem
//! ```

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use quorate_crypto::keyfile::{self, Access, KeyFileError, Loose, PemError, client, secret};
use quorate_crypto::{ClientSigningKey, Key, SigningKey};

use crate::key_files::{PARSERS_WORDS, folder, openssl, pem, write};
use crate::skipped::skipped;
use crate::{P, P_SCALAR, P256_ORDER, all_bytes, k1, p};

macro_rules! made {
    ($name:literal) => {
        include_str!(concat!("../keys/", $name, ".pem"))
    };
}

fn both() -> [ClientSigningKey; 2] {
    [k1(), p()]
}

#[track_caller]
fn read(text: &str, passphrase: Option<&str>) -> Key {
    client::from_pem(text, passphrase).unwrap().key()
}

/// What is said of a text that is refused, in words of ours.
#[track_caller]
fn said_of(text: &str) -> String {
    let error = client::from_pem(text, Some("secret")).unwrap_err();
    let said = error.to_string();
    assert!(!said.contains("passphrase does not"), "{said}");
    for word in PARSERS_WORDS {
        assert!(!said.contains(word), "{word}: {said}");
    }
    said
}

#[track_caller]
fn assert_said(text: &str, words: &[&str]) {
    let said = said_of(text);
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// The bytes in a PEM text.
fn der(text: &str) -> Vec<u8> {
    let (_, document) = SecretDocument::from_pem(text).unwrap();
    document.as_bytes().to_vec()
}

/// A key on an elliptic curve with these octets in it, and with a public key beside them if there is one.
fn with_octets(octets: &[u8], public: Option<&[u8]>) -> String {
    let curve = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    let algorithm = AlgorithmIdentifierRef {
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
        parameters: Some(AnyRef::from(&curve)),
    };
    let info = PrivateKeyInfoRef {
        algorithm,
        private_key: OctetStringRef::new(octets).unwrap(),
        public_key: public.map(|public| BitStringRef::from_bytes(public).unwrap()),
    };
    let document = SecretDocument::try_from(&info).unwrap();
    pem("PRIVATE KEY", document.as_bytes())
}

/// RFC 5915's structure with this number and what follows it, in hex.
fn ec_private_key(scalar: &str, rest: &str) -> Vec<u8> {
    let scalar = all_bytes(scalar);
    let number = [
        &[2, 1, 1, 4, u8::try_from(scalar.len()).unwrap()],
        scalar.as_slice(),
    ]
    .concat();
    let fields = [number, all_bytes(rest)].concat();
    [&[0x30, u8::try_from(fields.len()).unwrap()], fields.as_slice()].concat()
}

/// P, not compressed.
fn point_of_p() -> Vec<u8> {
    let der = der(made!("p256"));
    der[der.len() - 65..].to_vec()
}

#[test]
fn what_openssl_wrote_is_read() {
    for text in [
        made!("p256"),
        made!("p256-without-public"),
        made!("p256-compressed"),
    ] {
        assert_eq!(read(text, None), p().key());
        assert!(!client::is_encrypted_pem(text).unwrap());
    }
    assert_eq!(read(made!("ed25519"), None), k1().key());
    for (text, key) in [
        (made!("p256-pbkdf2"), p().key()),
        (made!("p256-scrypt"), p().key()),
        (made!("ed25519-scrypt"), k1().key()),
    ] {
        assert!(client::is_encrypted_pem(text).unwrap());
        assert_eq!(read(text, Some("secret")), key);
        let missing = client::from_pem(text, None).unwrap_err();
        assert_eq!(missing, PemError::PassphraseNeeded);
        let wrong = client::from_pem(text, Some("Secret")).unwrap_err();
        assert_eq!(wrong, PemError::WrongPassphrase);
    }
}

#[test]
fn a_plain_file_is_to_the_byte_what_openssl_writes() {
    assert_eq!(*client::to_pem(&p(), None).unwrap(), made!("p256"));
    assert_eq!(*client::to_pem(&k1(), None).unwrap(), made!("ed25519"));
    // RFC 8410's form, which validators' keys have: an Ed25519 file is the same for both readers.
    let read = keyfile::from_pem(made!("ed25519"), None).unwrap();
    assert_eq!(Key::from(read.public()), k1().key());
}

#[test]
fn keys_that_are_not_ours_are_refused_with_what_to_do() {
    let make = "`quorate keys new FILE` makes a key";
    for (text, curve) in [
        (made!("p384"), "P-384 (1.3.132.0.34)"),
        (made!("p384-sec1"), "P-384 (1.3.132.0.34)"),
        (made!("p384-encrypted"), "P-384 (1.3.132.0.34)"),
        (made!("secp256k1"), "secp256k1 (1.3.132.0.10)"),
    ] {
        assert_said(text, &["Ed25519 or P-256", curve, "not on P-256", make]);
    }
    assert_said(
        made!("x25519"),
        &["Ed25519 or P-256", "X25519 (1.3.101.110)", make],
    );
    assert_said(made!("rsa"), &["RSA (1.2.840.113549.1.1.1)", make]);
    assert_said(
        made!("p256-explicit"),
        &["in numbers", "openssl pkey -in FILE -ec_param_enc named_curve"],
    );
    for text in [
        made!("p256-sec1"),
        made!("p256-sec1-encrypted"),
        made!("p256-parameters"),
    ] {
        assert_said(
            text,
            &[
                "not in PKCS#8",
                "openssl pkcs8 -topk8 -in FILE -out NEW",
                "-nocrypt",
            ],
        );
    }
    assert_said(
        made!("p256-3des"),
        &["triple DES", "openssl pkcs8 -topk8 -v2 aes-256-cbc"],
    );
    let parameters = made!("p256-parameters")
        .split("-----BEGIN EC PRIVATE")
        .next()
        .unwrap();
    assert_said(
        parameters,
        &["parameters of an elliptic curve, without a key", make],
    );
    let cut_off = made!("p256-sec1").split("-----END").next().unwrap();
    assert_said(cut_off, &["cut off", "-----END EC PRIVATE KEY-----", "a backup"]);
    // Parameters before a key that is in PKCS#8.
    let both = [parameters, made!("p256")].concat();
    assert_said(&both, &["(EC PARAMETERS)", "alone in its file"]);
    assert_said(
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        &["a public key"],
    );
    assert_said("to,amount\n", &["Ed25519 or P-256", "the right file"]);
}

/// The parts of a key on P-256 that may be there or not, and none that belongs to another.
#[test]
fn all_public_parts_have_to_be_the_keys_own() {
    let curve = "a00a06082a8648ce3d030107";
    let point = hex::encode(point_of_p());
    let inside = format!("a144034200{point}");
    let compressed = format!("a124032200{P}");
    let all = format!("{curve}{inside}");
    for rest in ["", curve, &inside[..], &compressed[..], &all[..]] {
        let octets = ec_private_key(P_SCALAR, rest);
        assert_eq!(read(&with_octets(&octets, None), None), p().key());
        for beside in [point_of_p(), all_bytes(P)] {
            assert_eq!(read(&with_octets(&octets, Some(&beside)), None), p().key());
        }
    }

    let bare = ec_private_key(P_SCALAR, "");
    // The same x with the other y, and the bytes of another key.
    let mut other = point_of_p();
    other[64] ^= 1;
    let mirrored = P.replacen("03", "02", 1);
    for text in [
        with_octets(&ec_private_key(P_SCALAR, &format!("a124032200{mirrored}")), None),
        with_octets(&bare, Some(&other)),
        with_octets(&bare, Some(&all_bytes(&mirrored))),
        with_octets(&bare, Some(&[])),
    ] {
        assert_said(&text, &["its public part belongs to another key"]);
    }
    // Of Ed25519 too.
    let mut k1_with_public = der(made!("ed25519"));
    k1_with_public[1] += 35;
    k1_with_public[4] = 1;
    k1_with_public.extend_from_slice(&[0x81, 0x21, 0]);
    let own = [k1_with_public.as_slice(), k1().key().as_bytes()].concat();
    assert_eq!(read(&pem("PRIVATE KEY", &own), None), k1().key());
    let not_own = [k1_with_public.as_slice(), &[7; 32]].concat();
    assert_said(
        &pem("PRIVATE KEY", &not_own),
        &["its public part belongs to another key"],
    );
}

#[test]
fn numbers_that_are_no_key_on_p256_are_refused() {
    let (zeros, ones) = ("00".repeat(32), "ff".repeat(32));
    for scalar in [P256_ORDER, &zeros[..], &ones[..]] {
        let text = with_octets(&ec_private_key(scalar, ""), None);
        assert_said(&text, &["the number in it is none of a key on P-256"]);
    }
    let one_less = format!("{}50", &P256_ORDER[..62]);
    assert!(client::from_pem(&with_octets(&ec_private_key(&one_less, ""), None), None).is_ok());

    let longer = format!("00{P_SCALAR}");
    let other_curve = "a00706052b81040022";
    let mut long = ec_private_key(P_SCALAR, "");
    long.push(0);
    let mut version = ec_private_key(P_SCALAR, "");
    version[4] = 2;
    for octets in [
        ec_private_key(&P_SCALAR[2..], ""),
        ec_private_key(&longer, ""),
        ec_private_key(P_SCALAR, other_curve),
        ec_private_key(P_SCALAR, "a124032200"),
        ec_private_key(P_SCALAR, "00"),
        long,
        version,
        vec![0x30],
        Vec::new(),
    ] {
        let words = ["RFC 5915", "openssl pkey -in FILE -out NEW", "a backup"];
        assert_said(&with_octets(&octets, None), &words);
    }
}

#[test]
fn a_key_is_read_as_it_was_written() {
    let folder = folder();
    for key in both() {
        for passphrase in [None, Some("пароль")] {
            let path = folder.path().join("a.key");
            client::create(&path, &key, passphrase).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
            assert_eq!(client::is_encrypted(&path).unwrap(), passphrase.is_some());
            assert_eq!(client::read(&path, passphrase).unwrap().key(), key.key());

            let again = client::create(&path, &k1(), None);
            assert!(matches!(again, Err(KeyFileError::Exists { .. })));
            client::change_passphrase(&path, passphrase, Some("new")).unwrap();
            let old = client::read(&path, Some("old")).unwrap_err();
            assert!(old.is_permission(), "{old}");
            assert_eq!(client::look(&path, &[]).unwrap(), (true, Some(key.key())));
            client::replace(&path, &key, None).unwrap();
            assert_eq!(client::read(&path, None).unwrap().key(), key.key());
            assert_eq!(client::look(&path, &[]).unwrap(), (false, None));
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                1,
                "nothing is left behind"
            );
            fs::remove_file(&path).unwrap();
        }
        let empty = client::to_pem(&key, Some("")).err();
        assert_eq!(empty, Some(PemError::EmptyPassphrase));
    }
}

#[test]
fn wrong_passphrases_are_told_from_damage() {
    // At a cost at which many can be tried, so that some pass the padding's check by chance.
    let cost = pkcs8::pkcs5::scrypt::Params::new(4, 8, 1).unwrap();
    let parameters =
        pkcs8::pkcs5::pbes2::Parameters::generate_scrypt_aes256cbc(cost, &[1; 16], [2; 16]).unwrap();
    let plain = der(made!("p256"));
    let plain = PrivateKeyInfoRef::try_from(plain.as_slice()).unwrap();
    let document = plain.encrypt_with_params(parameters, "right").unwrap();
    let text = pem("ENCRYPTED PRIVATE KEY", document.as_bytes());
    assert_eq!(read(&text, Some("right")), p().key());
    for number in 0..2_000 {
        let wrong = client::from_pem(&text, Some(&number.to_string())).unwrap_err();
        assert_eq!(wrong, PemError::WrongPassphrase);
    }
    let cut_off = text.split("-----END").next().unwrap();
    assert_said(cut_off, &["cut off", "-----END ENCRYPTED PRIVATE KEY-----"]);
}

/// macOS writes ü as two characters, others as one, and nobody sees a difference.
#[test]
fn a_passphrase_opens_in_each_form_that_systems_write_it_in() {
    let composed = "gr\u{fc}\u{df}e \u{d55c} \u{e5}";
    let decomposed = "gru\u{308}\u{df}e \u{1112}\u{1161}\u{11ab} a\u{30a}";
    let text = client::to_pem(&p(), Some(decomposed)).unwrap();
    for given in [composed, decomposed] {
        assert_eq!(read(&text, Some(given)), p().key(), "{given:?}");
    }
    // Whoever knows form NFC opens it, by any program.
    let der = der(&text);
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der.as_slice()).unwrap();
    assert!(encrypted.decrypt(composed).is_ok());
    assert!(encrypted.decrypt(decomposed).is_err());
}

#[test]
fn a_locked_file_tells_its_public_key_and_opens_under_no_other() {
    for key in both() {
        let text = client::to_pem(&key, Some("word")).unwrap();
        assert!(text.starts_with(&format!("Public key: {}\n-----BEGIN ENCRYPTED", key.key())));
        assert_eq!(client::told_public_key(&text), Some(key.key()));
        let (_, bare) = text.split_once('\n').unwrap();
        assert_eq!(client::told_public_key(bare), None);
        assert_eq!(read(bare, Some("word")), key.key());
        let other = ClientSigningKey::generate_p256().key();
        let forged = format!("Public key: {other}\n{bare}");
        assert_said_with(&forged, "word", "the public key above it belongs to another key");
        let wrong = client::from_pem(&forged, Some("wrong")).unwrap_err();
        assert_eq!(wrong, PemError::WrongPassphrase);
    }

    // As validators' keys stand in files.
    let validator = SigningKey::from_seed(&[1; 32]);
    let text = keyfile::to_pem(&validator, Some("word")).unwrap();
    let key = Key::from(validator.public());
    assert_eq!(client::told_public_key(&text), Some(key));
    assert_eq!(read(&text, Some("word")), key);
    let forged = text.replace(&validator.public().to_string(), &"01".repeat(32));
    assert_said_with(&forged, "word", "the public key above it belongs to another key");
}

#[track_caller]
fn assert_said_with(text: &str, passphrase: &str, words: &str) {
    let said = client::from_pem(text, Some(passphrase)).unwrap_err().to_string();
    assert!(said.contains(words), "{said}");
}

#[test]
fn loose_files_are_refused() {
    let folder = folder();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610, 0o601] {
        let path = write(&folder, made!("p256").as_bytes(), mode);
        let error = client::read(&path, None).unwrap_err();
        assert!(matches!(error, KeyFileError::LoosePermissions { loose, .. } if loose.mode() == mode));
        assert!(error.is_permission());
    }
    let path = write(&folder, made!("p256").as_bytes(), 0o440);
    let group = fs::metadata(&path).unwrap().gid();
    let with = |groups: &[u32]| {
        let access = Access {
            passphrase: None,
            groups,
        };
        client::read_with(&path, access)
    };
    assert_eq!(with(&[group]).unwrap().key(), p().key());
    let other = with(&[group + 1]).unwrap_err();
    assert!(matches!(
        other,
        KeyFileError::LoosePermissions {
            loose: Loose::OtherGroup { .. },
            ..
        }
    ));
    assert!(!client::is_encrypted_with(&path, &[group]).unwrap());
}

#[test]
fn a_wallets_secret_is_kept_as_keys_are() {
    let kept: [u8; 32] = std::array::from_fn(|place| place as u8);
    // SEQUENCE: version 0; hmacWithSHA256 without parameters; the 32 bytes.
    let golden = "3031020100300a06082a864886f70d02090420000102030405060708090a0b0c0d0e0f\
                  101112131415161718191a1b1c1d1e1f";
    let plain = secret::to_pem(&kept, None).unwrap();
    assert_eq!(hex::encode(der(&plain)), golden);
    let folder = folder();
    for passphrase in [None, Some("word")] {
        let path = folder.path().join("wallet.secret");
        secret::create(&path, &kept, passphrase).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(
            secret::is_encrypted_with(&path, &[]).unwrap(),
            passphrase.is_some()
        );
        assert_eq!(*secret::read(&path, passphrase).unwrap(), kept);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN"), "nothing is told of a secret");
        secret::change_passphrase(&path, passphrase, Some("other")).unwrap();
        let wrong = secret::read(&path, Some("word")).unwrap_err();
        assert!(wrong.is_permission(), "{wrong}");
        fs::remove_file(&path).unwrap();
    }

    // Neither is taken for the other.
    assert_said(
        &plain,
        &["Ed25519 or P-256", "HMAC with SHA-256 (1.2.840.113549.2.9)"],
    );
    for text in [
        made!("p256").to_owned(),
        made!("ed25519").to_owned(),
        made!("p256-sec1").to_owned(),
        pem(
            "PRIVATE KEY",
            &all_bytes(&golden.replace("0420", "041f")[..golden.len() - 2].replace("3031", "3030")),
        ),
    ] {
        let said = secret::from_pem(&text, None).unwrap_err().to_string();
        assert!(said.starts_with("not a wallet's secret"), "{said}");
    }
}

/// The public key that `openssl` finds in a private key's file.
fn public_by_openssl(path: &Path, passphrase: &str, kind: &Key) -> Vec<u8> {
    let given = format!("pass:{passphrase}");
    let (path, passphrase) = (path.to_str().unwrap(), given.as_str());
    let mut arguments = vec![
        "pkey", "-in", path, "-passin", passphrase, "-pubout", "-outform", "DER",
    ];
    if let Key::P256(_) = kind {
        arguments.extend(["-ec_conv_form", "compressed"]);
    }
    let der = openssl(&arguments).expect("there was an openssl just now");
    der[der.len() - kind.as_bytes().len()..].to_vec()
}

#[test]
fn openssl_reads_our_files() {
    if openssl(&["version"]).is_none() {
        skipped("there is no openssl on this machine: clients' key files were NOT exchanged with it");
        return;
    }
    let folder = folder();
    for key in [
        ClientSigningKey::generate_ed25519(),
        ClientSigningKey::generate_p256(),
        p(),
    ] {
        let name = hex::encode(key.key().as_bytes());
        let plain = folder.path().join(format!("{name}.plain"));
        client::create(&plain, &key, None).unwrap();
        assert_eq!(public_by_openssl(&plain, "", &key.key()), key.key().as_bytes());
        let encrypted = folder.path().join(format!("{name}.encrypted"));
        client::create(&encrypted, &key, Some("a long passphrase")).unwrap();
        assert_eq!(
            public_by_openssl(&encrypted, "a long passphrase", &key.key()),
            key.key().as_bytes()
        );
    }
}

/// The commands that refusals name do what they promise.
#[test]
fn what_openssl_is_told_to_write_again_is_read() {
    if openssl(&["version"]).is_none() {
        skipped("there is no openssl on this machine: clients' key files were NOT exchanged with it");
        return;
    }
    let folder = folder();
    let made = folder.path().join("new.key");
    let new = made.to_str().unwrap();
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
    let at = |name: &str| format!("{keys}/{name}.pem");
    let check = |passphrase: Option<&str>| {
        fs::set_permissions(&made, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(client::read(&made, passphrase).unwrap().key(), p().key());
        fs::remove_file(&made).unwrap();
    };
    openssl(&[
        "pkey",
        "-in",
        &at("p256-explicit"),
        "-ec_param_enc",
        "named_curve",
        "-out",
        new,
    ]);
    check(None);
    openssl(&[
        "pkcs8",
        "-topk8",
        "-nocrypt",
        "-in",
        &at("p256-sec1"),
        "-out",
        new,
    ]);
    check(None);
    let sealed = at("p256-sec1-encrypted");
    openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        &sealed,
        "-passin",
        "pass:secret",
        "-passout",
        "pass:new",
        "-out",
        new,
    ]);
    check(Some("new"));
    let sealed = at("p256-3des");
    openssl(&[
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        "-in",
        &sealed,
        "-passin",
        "pass:secret",
        "-passout",
        "pass:new",
        "-out",
        new,
    ]);
    check(Some("new"));
}
