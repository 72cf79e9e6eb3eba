//! Backups of homes without a genesis document: what needs no chain. `node/tests` has those with one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use quorate_crypto::{SigningKey, keyfile};
use quorate_ledger::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::config::Home;
use crate::read_quarantine;

/// A folder with a home, and places for what is made of it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.home()).unwrap();
        let write = |name: &str, text: &str| fs::write(place.home().join(name), text).unwrap();
        write("config.toml", "# settings\n");
        fs::create_dir(place.home().join("evidence")).unwrap();
        write("evidence/0-1-double_seal-0.evidence", "two messages");
        write("evidence/0-1-double_seal-1.evidence.new", "half of two");
        fs::create_dir(place.home().join("webhooks")).unwrap();
        write("webhooks/orders.cursor", "a place");
        write("webhooks/orders.cursor.new", "half of the next");
        fs::create_dir(place.home().join("journal")).unwrap();
        write("journal/CURRENT", "votes");
        write("quarantined", "reason = \"old\"\n");
        write("node.log", "lines");
        let seed = |number| SigningKey::from_seed(&[number; 32]);
        keyfile::create(&place.home().join("validator.key"), &seed(1), Some("secret")).unwrap();
        keyfile::create(&place.home().join("node.key"), &seed(2), None).unwrap();
        keyfile::create(&place.home().join("witness.key"), &seed(3), Some("secret")).unwrap();
        fs::set_permissions(place.home().join("config.toml"), Permissions::from_mode(0o640)).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn home(&self) -> PathBuf {
        self.at("home")
    }

    fn back_up(&self, with_keys: bool) -> Result<Made, BackupError> {
        let home = Home::new(self.home());
        let plan = BackupPlan {
            home: &home,
            out: &self.at("backup"),
            with_keys,
            with_chain: true,
            groups: &[],
            now: Timestamp(1_700_000_000_000),
        };
        back_up(&plan, &mut |_, _| {})
    }

    fn restore(&self, digest: Option<quorate_crypto::Digest>) -> Result<Restored, BackupError> {
        let plan = RestorePlan {
            backup: &self.at("backup"),
            home: &self.at("restored"),
            digest,
        };
        restore(&plan, &mut |_, _| {})
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_restored_home_has_the_files_with_their_modes_and_no_journal() {
    let place = Place::new();
    let mut seen = Vec::new();
    let home = Home::new(place.home());
    let plan = BackupPlan {
        home: &home,
        out: &place.at("backup"),
        with_keys: true,
        with_chain: true,
        groups: &[],
        now: Timestamp(1_700_000_000_000),
    };
    let made = back_up(&plan, &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!(seen.last(), Some(&(made.manifest.bytes(), made.manifest.bytes())));
    assert_eq!(made.left_out, ["journal", "node.log", "quarantined"]);
    assert_eq!(made.manifest.keys, KeyState::Plain, "one of them is");
    assert_eq!(
        made.manifest.validator_key,
        Some(SigningKey::from_seed(&[1; 32]).public())
    );
    assert_eq!(mode_of(&place.at("backup")), 0o700);
    let top = contents::names_in(&place.at("backup")).unwrap();
    assert_eq!(top, ["home", "manifest.json", "manifest.sha256"]);

    let restored = place.restore(Some(made.digest)).unwrap();
    assert_eq!(restored.manifest, made.manifest);
    for (path, mode) in [
        ("config.toml", 0o640),
        ("validator.key", 0o600),
        ("node.key", 0o600),
        ("witness.key", 0o600),
    ] {
        let copy = place.at("restored").join(path);
        assert_eq!(
            fs::read(&copy).unwrap(),
            fs::read(place.home().join(path)).unwrap()
        );
        assert_eq!(mode_of(&copy), mode, "{path}");
    }
    assert_eq!(mode_of(&place.at("restored")), 0o700);
    let names = contents::names_in(&place.at("restored/evidence")).unwrap();
    assert_eq!(names, ["0-1-double_seal-0.evidence"]);
    let names = contents::names_in(&place.at("restored/webhooks")).unwrap();
    assert_eq!(names, ["orders.cursor"]);
    assert!(!place.at("restored/journal").exists());
    assert!(!place.at("restored/node.log").exists());
    let quarantine = read_quarantine(&place.at("restored/quarantined"));
    let reason = quarantine.unwrap().unwrap().reason;
    assert!(
        reason.contains("restored from a backup of 2023-11-14"),
        "{reason}"
    );
    let around = contents::names_in(place.0.path()).unwrap();
    assert_eq!(around, ["backup", "home", "restored"]);
}

#[test]
fn keys_can_be_left_out_and_loose_ones_are_refused() {
    const KEYS: [&str; 3] = ["node.key", "validator.key", "witness.key"];
    let place = Place::new();
    let set_mode = |name: &str, mode| {
        fs::set_permissions(place.home().join(name), Permissions::from_mode(mode)).unwrap();
    };
    for key in KEYS {
        set_mode(key, 0o644);
        let error = place.back_up(true).unwrap_err();
        assert_eq!(error.exit_code(), 8, "{key}: {error}");
        set_mode(key, 0o600);
    }
    set_mode("node.key", 0o644);
    let made = place.back_up(false).unwrap();
    assert_eq!(made.manifest.keys, KeyState::Absent);
    for key in KEYS {
        assert!(made.left_out.contains(&key.to_owned()), "{key}");
        assert!(!place.at("backup/home").join(key).exists(), "{key}");
    }
    place.restore(None).unwrap();
    for key in KEYS {
        assert!(!place.at("restored").join(key).exists(), "{key}");
    }
    assert!(place.at("restored/quarantined").exists());
}

#[test]
fn keys_are_called_encrypted_only_if_each_needs_a_passphrase() {
    let place = Place::new();
    fs::remove_file(place.home().join("node.key")).unwrap();
    let made = place.back_up(true).unwrap();
    assert_eq!(made.manifest.keys, KeyState::Encrypted);
    fs::remove_dir_all(place.at("backup")).unwrap();
    let witness = place.home().join("witness.key");
    fs::remove_file(&witness).unwrap();
    keyfile::create(&witness, &SigningKey::from_seed(&[3; 32]), None).unwrap();
    assert_eq!(place.back_up(true).unwrap().manifest.keys, KeyState::Plain);
}

#[test]
fn a_link_to_a_mounted_secret_is_backed_up_as_what_it_leads_to() {
    let place = Place::new();
    let key = place.home().join("node.key");
    fs::rename(&key, place.at("secret")).unwrap();
    std::os::unix::fs::symlink(place.at("secret"), &key).unwrap();
    place.back_up(true).unwrap();
    place.restore(None).unwrap();
    let copy = place.at("restored/node.key");
    assert!(fs::symlink_metadata(&copy).unwrap().is_file());
    assert_eq!(fs::read(copy).unwrap(), fs::read(place.at("secret")).unwrap());
}

#[test]
fn each_byte_that_differs_and_each_file_too_many_or_too_few_is_found() {
    let place = Place::new();
    let made = place.back_up(true).unwrap();
    let damage = |path: &str, bytes: Option<&[u8]>| {
        let path = place.at("backup").join(path);
        let former = fs::read(&path).ok();
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        for error in [
            verify(&place.at("backup"), None, &mut |_, _| {}).unwrap_err(),
            place.restore(None).unwrap_err(),
        ] {
            assert_eq!(error.exit_code(), 7, "{}: {error}", path.display());
        }
        // Nothing of it is left, under no name.
        let around = contents::names_in(place.0.path()).unwrap();
        assert_eq!(around, ["backup", "home"], "{}", path.display());
        match former {
            Some(former) => fs::write(&path, former).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    };
    let mut paths: Vec<String> = made
        .manifest
        .files
        .iter()
        .map(|file| format!("home/{}", file.path))
        .collect();
    paths.extend(["manifest.json".to_owned(), "manifest.sha256".to_owned()]);
    for path in &paths {
        let whole = fs::read(place.at("backup").join(path)).unwrap();
        damage(path, None);
        damage(path, Some(&[]));
        damage(path, Some(&whole[..whole.len() - 1]));
        damage(path, Some(&[whole.as_slice(), b"x"].concat()));
        for place in [0, whole.len() / 2, whole.len() - 1] {
            let mut altered = whole.clone();
            altered[place] ^= 1;
            damage(path, Some(&altered));
        }
    }
    damage("home/genesis.toml", Some(b"another network"));
    damage("home/quarantined", Some(b""));
    // As it was, it is good again.
    verify(&place.at("backup"), Some(made.digest), &mut |_, _| {}).unwrap();
    place.restore(Some(made.digest)).unwrap();
}

#[test]
fn whoever_alters_a_backup_with_its_manifest_is_found_out_by_the_digest() {
    let place = Place::new();
    let made = place.back_up(true).unwrap();
    fs::write(place.at("backup/home/config.toml"), "# altered!\n").unwrap();
    let mut manifest = made.manifest.clone();
    for file in &mut manifest.files {
        if file.path == "config.toml" {
            file.sha256 = quorate_crypto::sha256(b"# altered!\n");
        }
    }
    for name in ["manifest.json", "manifest.sha256"] {
        fs::remove_file(place.at("backup").join(name)).unwrap();
    }
    manifest.write(&place.at("backup")).unwrap();
    let error = place.restore(Some(made.digest)).unwrap_err();
    assert!(matches!(error, BackupError::OtherDigest { .. }), "{error}");
    assert_eq!(error.exit_code(), 7);
    place.restore(None).unwrap();
}

#[test]
fn a_folder_or_link_in_a_backup_is_not_followed() {
    let place = Place::new();
    place.back_up(true).unwrap();
    let file = place.at("backup/home/config.toml");
    fs::rename(&file, place.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.at("elsewhere"), &file).unwrap();
    let error = place.restore(None).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
    fs::remove_file(&file).unwrap();
    fs::rename(place.at("elsewhere"), &file).unwrap();
    fs::create_dir(place.at("backup/home/journal")).unwrap();
    let error = place.restore(None).unwrap_err();
    assert!(error.to_string().contains("not in the manifest"), "{error}");
}

#[test]
fn an_altered_mode_does_not_loosen_a_key() {
    let place = Place::new();
    let mut manifest = place.back_up(true).unwrap().manifest;
    for file in &mut manifest.files {
        file.mode = Mode::of(0o777);
    }
    for name in ["manifest.json", "manifest.sha256"] {
        fs::remove_file(place.at("backup").join(name)).unwrap();
    }
    manifest.write(&place.at("backup")).unwrap();
    place.restore(None).unwrap();
    assert_eq!(mode_of(&place.at("restored/node.key")), 0o600);
    assert_eq!(mode_of(&place.at("restored/witness.key")), 0o600);
}

#[test]
fn a_home_in_use_is_backed_up_only_without_its_chain() {
    let place = Place::new();
    let lock = quorate_storage::HomeLock::acquire(place.home()).unwrap();
    let error = place.back_up(true).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    assert_eq!(error.exit_code(), 1);
    let home = Home::new(place.home());
    let plan = BackupPlan {
        home: &home,
        out: &place.at("backup"),
        with_keys: true,
        with_chain: false,
        groups: &[],
        now: Timestamp(1),
    };
    back_up(&plan, &mut |_, _| {}).unwrap();
    drop(lock);
}

#[test]
fn what_is_no_home_no_backup_or_no_place_for_one_is_named() {
    let place = Place::new();
    let home = Home::new(place.at("none"));
    let inside = place.home().join("backup");
    let plan = BackupPlan {
        home: &home,
        out: &place.at("backup"),
        with_keys: true,
        with_chain: true,
        groups: &[],
        now: Timestamp(1),
    };
    assert_eq!(back_up(&plan, &mut |_, _| {}).unwrap_err().exit_code(), 3);
    assert_eq!(place.restore(None).unwrap_err().exit_code(), 3);
    let home = Home::new(place.home());
    let plan = BackupPlan {
        home: &home,
        out: &inside,
        ..plan
    };
    assert_eq!(back_up(&plan, &mut |_, _| {}).unwrap_err().exit_code(), 2);
    assert!(!inside.exists());
    fs::create_dir(place.at("backup")).unwrap();
    assert!(matches!(place.back_up(true), Err(BackupError::Exists { .. })));
    // A folder that is not a backup is called so.
    let error = place.restore(None).unwrap_err();
    assert!(error.to_string().contains("not a backup"), "{error}");
    assert_eq!(error.exit_code(), 7);
}

/// Where a disk is not mounted, its folder may be missing too: a backup must not land on another disk.
#[test]
fn a_folder_that_is_not_there_is_named_and_not_made() {
    let place = Place::new();
    let home = Home::new(place.home());
    let out = place.at("disk/backups/monday");
    let plan = BackupPlan {
        home: &home,
        out: &out,
        with_keys: true,
        with_chain: true,
        groups: &[],
        now: Timestamp(1),
    };
    let error = back_up(&plan, &mut |_, _| {}).unwrap_err();
    let said = format!("the folder {} is not there", place.at("disk/backups").display());
    assert!(error.to_string().contains(&said), "{error}");
    assert_eq!(error.exit_code(), 1);
    place.back_up(true).unwrap();
    let plan = RestorePlan {
        backup: &place.at("backup"),
        home: &out,
        digest: None,
    };
    let error = restore(&plan, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains(&said), "{error}");
    assert!(!place.at("disk").exists());
}
