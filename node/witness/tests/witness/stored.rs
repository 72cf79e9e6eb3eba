//! What a witness keeps, and goes on from.

use std::fs;

use quorate_crypto::SigningKey;
use quorate_witness::{Settings, Store, StoreError, Witness};
use tempfile::TempDir;

use crate::history::Network;
use crate::node::{nodes, round, settings, size, witness};

#[tokio::test]
async fn each_note_is_kept_and_the_newest_one_is_gone_on_from() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let mut kept = String::new();
    for (time, letters) in [(0, "a"), (10, "ab"), (86_400, "abc")] {
        let mut witness = witness(&network, dir.path());
        let history = network.history(letters);
        round(&mut witness, &nodes(&network, [&history; 4]), time)
            .await
            .unwrap();
        let note = witness.note().unwrap().to_string();
        assert_eq!(fs::read_to_string(dir.path().join("checkpoint")).unwrap(), note);
        kept.push_str(&format!("note {}\n{note}", note.len()));
    }
    assert_eq!(size(&witness(&network, dir.path())), 9);
    let mut files: Vec<_> = fs::read_dir(dir.path().join("notes"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let names: Vec<_> = files
        .iter()
        .map(|file| file.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "2026-01-01T00-00-00",
            "2026-01-01T00-00-10",
            "2026-01-02T00-00-00"
        ]
    );
    let all: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    assert_eq!(all, kept);
}

#[tokio::test]
async fn a_folder_belongs_to_one_witness_of_one_network() {
    let (network, dir) = (Network::new(), TempDir::new().unwrap());
    let history = network.history("a");
    round(
        &mut witness(&network, dir.path()),
        &nodes(&network, [&history; 4]),
        0,
    )
    .await
    .unwrap();
    let open = |settings: Settings| Witness::open(settings, Store::open(dir.path()).unwrap());
    assert!(open(settings(&network, None)).is_ok());
    let other_key = Settings {
        key: SigningKey::from_seed(&[9; 32]),
        ..settings(&network, None)
    };
    let other_name = Settings {
        name: "another.example".parse().unwrap(),
        ..settings(&network, None)
    };
    for other in [other_key, other_name] {
        assert!(matches!(open(other), Err(StoreError::Damaged { .. })));
    }
    // Nor does it go on from a file that it cannot read.
    fs::write(dir.path().join("head"), b"no header").unwrap();
    assert!(matches!(
        open(settings(&network, None)),
        Err(StoreError::Damaged { .. })
    ));
}
