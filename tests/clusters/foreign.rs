//! Checkpoints, tiles and receipts of real nodes, read by programs that are not ours: `signed_note` and `tlog_tiles`,
//! which follow Go's `golang.org/x/mod/sumdb`, and `coset`, which decodes COSE. None of Quorate's own code for these
//! formats is used here (`docs/checkpoints.md`, section 9).

use std::process::Stdio;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use coset::cbor::Value;
use coset::iana::Algorithm;
use coset::{CoseSign1, Label, RegisteredLabelWithPrivate, TaggedCborSerializable as _};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList, key_id};
use tlog_tiles::tlog::{Error, HashReader as _, prove_record, prove_tree, record_hash, tree_hash};
use tlog_tiles::{Checkpoint, Hash, Tile, TileHashReader, TileReader, check_record, check_tree};

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::http::send;
use crate::wait::until;

/// The kind of cosigning keys (C2SP tlog-cosignature).
const COSIGNER: u8 = 4;

/// What a policy file says of the log's keys, which is how whoever is not ours gets them.
struct Keys {
    /// Of the log itself, one for each validator.
    log: Vec<String>,
    /// Of the validators as cosigners.
    cosigners: Vec<String>,
}

impl Keys {
    fn of(cluster: &Cluster) -> Self {
        let genesis = cluster.dir().join("genesis.toml").display().to_string();
        cluster.expect(
            0,
            &["audit", "policy", "--genesis", &genesis, "--out", "log.policy"],
        );
        let policy = std::fs::read_to_string(cluster.folder().join("log.policy")).unwrap();
        let with = |first: &str, place: usize| -> Vec<String> {
            let lines = policy.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            let own = lines.filter(|words| words[0] == first);
            own.map(|words| words[place].to_owned()).collect()
        };
        Self {
            log: with("log", 1),
            cosigners: with("witness", 2),
        }
    }

    /// The log's key with these 32 bytes.
    fn with_bytes(&self, key: &[u8]) -> StandardVerifier {
        let mut own = self.log.iter().filter(|vkey| &parts(vkey).2[1..] == key);
        StandardVerifier::new(own.next().unwrap()).unwrap()
    }

    /// All that may have signed a note.
    fn verifiers(&self) -> VerifierList {
        let of_log = self
            .log
            .iter()
            .map(|vkey| -> Box<dyn Verifier> { Box::new(StandardVerifier::new(vkey).unwrap()) });
        let cosigners = self
            .cosigners
            .iter()
            .map(|vkey| -> Box<dyn Verifier> { Box::new(Cosigner::new(vkey, self)) });
        VerifierList::new(of_log.chain(cosigners).collect())
    }
}

/// A key's name, id and bytes, its kind first.
fn parts(vkey: &str) -> (String, u32, Vec<u8>) {
    let [name, id, key] = *vkey.splitn(3, '+').collect::<Vec<_>>() else {
        panic!("{vkey}");
    };
    let id = u32::from_str_radix(id, 16).unwrap();
    (name.to_owned(), id, BASE64_STANDARD.decode(key).unwrap())
}

/// A cosigner's key. `signed_note` knows none of this kind, and leaves a place for them: what is signed is put together
/// here as C2SP's page has it, and the signature judged by the crate.
struct Cosigner {
    name: String,
    id: u32,
    signer: StandardVerifier,
}

impl Cosigner {
    fn new(vkey: &str, keys: &Keys) -> Self {
        let (name, id, key) = parts(vkey);
        assert_eq!((key[0], id), (COSIGNER, key_id(&name, &key)), "{vkey}");
        let signer = keys.with_bytes(&key[1..]);
        Self { name, id, signer }
    }
}

impl Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else {
            return false;
        };
        let front = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time));
        self.signer.verify(&[front.as_bytes(), text].concat(), signature)
    }
}

/// A node's tiles.
struct Tiles(u16);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            // Go's paths have the tiles' height, those of C2SP do not.
            let path = tile.path().replacen("tile/8/", "/v1/log/tile/", 1);
            let answer = send(self.0, "GET", &path, "text/plain", b"");
            assert_eq!(answer.status, Some(200), "{path}");
            answer.body
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// A node's note of a size, or its newest, once it has one.
fn note(port: u16, size: Option<u64>) -> Vec<u8> {
    let of_size = size.map(|size| format!("?size={size}")).unwrap_or_default();
    until("the node shows a checkpoint", PATIENCE, || {
        let path = format!("/v1/log/checkpoint{of_size}");
        let answer = send(port, "GET", &path, "text/plain", b"");
        (answer.status == Some(200)).then_some(answer.body)
    })
}

/// What a note says that is signed by a validator both for the log and as a cosigner.
fn checked(note: &[u8], verifiers: &VerifierList) -> Checkpoint {
    let note = Note::from_bytes(note).unwrap();
    let (good, unknown) = note.verify(verifiers).unwrap();
    assert_eq!((good.len(), unknown.len()), (2, 0), "{good:?} {unknown:?}");
    assert_ne!(
        good[0].name(),
        good[1].name(),
        "once for the log and once as a cosigner"
    );
    Checkpoint::from_bytes(note.text()).unwrap()
}

/// Makes the log longer than a tile: so complete ones are read, and a part of the level above.
fn fill(cluster: &Cluster) {
    let filled = cluster
        .command(&["bench", "records", "--rate", "150", "--duration", "4"])
        .args(["--warmup", "1", "--localnet", "net", "--output", "json"])
        .args(["--records-per-transaction", "1", "--accounts", "50"])
        .env_remove("QUORATE_NODE")
        .env_remove("QUORATE_KEY")
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&filled.stderr);
    assert_eq!(filled.status.code(), Some(0), "{said}");
}

#[test]
fn notes_and_tiles_are_read_by_a_port_of_gos_sumdb() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let keys = Keys::of(&cluster);
    assert_eq!((keys.log.len(), keys.cosigners.len()), (4, 4));
    let verifiers = keys.verifiers();
    let port = cluster.ports.api;
    let early = note(port, None);
    let old = checked(&early, &verifiers);
    fill(&cluster);
    let new = until("a checkpoint is longer than a tile", PATIENCE, || {
        let new = checked(&note(port, None), &verifiers);
        (new.size() > 300).then_some(new)
    });
    assert_eq!(old.origin(), new.origin());

    // An altered note is none: a digit of the size, which is signed, or of a signature.
    let text = String::from_utf8(early).unwrap();
    let size = format!("\n{}\n", old.size());
    let longer = text.replacen(&size, &format!("\n{}\n", old.size() + 1), 1);
    let (front, last) = text.trim_end().rsplit_once(' ').unwrap();
    let mut signature = BASE64_STANDARD.decode(last).unwrap();
    *signature.last_mut().unwrap() ^= 1;
    let forged = format!("{front} {}\n", BASE64_STANDARD.encode(signature));
    for altered in [longer, forged] {
        assert_ne!(altered, text);
        let note = Note::from_bytes(altered.as_bytes()).unwrap();
        assert!(note.verify(&verifiers).is_err(), "{altered}");
    }

    // Whatever this reader gives is proven to be in the tree with the signed root. Another node's tiles do as well.
    for port in [port, port + 3] {
        let tiles = Tiles(port);
        until("the node has these blocks, too", PATIENCE, || {
            let newest = checked(&note(port, None), &verifiers);
            (newest.size() >= new.size()).then_some(())
        });
        let hashes = TileHashReader::new(new.size(), *new.hash(), &tiles);
        let earlier = tree_hash(old.size(), &hashes).unwrap();
        assert!(
            earlier == *old.hash(),
            "the earlier root, from the later tree's tiles"
        );
        let grown = prove_tree(new.size(), old.size(), &hashes).unwrap();
        check_tree(&grown, new.size(), *new.hash(), old.size(), *old.hash()).unwrap();
        assert!(check_tree(&grown, new.size(), *new.hash(), old.size(), *new.hash()).is_err());
        for index in [0, 255, 256, new.size() - 1] {
            let path = prove_record(new.size(), index, &hashes).unwrap();
            let leaf = hashes
                .read_hashes(&[tlog_tiles::tlog::stored_hash_index(0, index)])
                .unwrap()[0];
            check_record(&path, new.size(), *new.hash(), index, leaf).unwrap();
        }
        let other = TileHashReader::new(new.size(), *old.hash(), &tiles);
        assert!(
            tree_hash(old.size(), &other).is_err(),
            "a root that is not the tiles'"
        );
    }
}

#[test]
fn a_receipt_is_read_by_a_cose_library() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let id = cluster.pay(&alice, "12.50")["id"].as_str().unwrap().to_owned();
    let keys = Keys::of(&cluster);
    let genesis = cluster.dir().join("genesis.toml").display().to_string();
    let node = cluster.api(1);
    let receipt = ["audit", "receipt", &id, "--genesis", &genesis, "--node", &node];
    cluster.expect(0, &[&receipt[..], &["--out", "one.cose"]].concat());
    let read = |file: &str| std::fs::read(cluster.folder().join(file)).unwrap();

    let signed = CoseSign1::from_tagged_slice(&read("one.cose")).unwrap();
    assert_eq!(signed.payload, None, "the root is not repeated");
    let protected = &signed.protected.header;
    let algorithm = RegisteredLabelWithPrivate::Assigned(Algorithm::EdDSA);
    assert_eq!(protected.alg, Some(algorithm));
    let structure = (Label::Int(395), Value::from(1));
    assert!(
        protected.rest.contains(&structure),
        "RFC9162_SHA256: {protected:?}"
    );
    let (size, index, path) = inclusion(&signed);

    // The root that the path has to lead to is the one in the validator's note of that size.
    let note = note(cluster.ports.api, Some(size));
    let root = *checked(&note, &keys.verifiers()).hash();
    let entry = read("one.cose.entry");
    check_record(&path, size, root, index, record_hash(&entry)).unwrap();
    let signer = keys.with_bytes(&protected.key_id);
    let judge = |root: &Hash| {
        signed.verify_detached_signature(&root.0, b"", |signature, content| {
            signer.verify(content, signature).then_some(()).ok_or(())
        })
    };
    judge(&root).unwrap();
    judge(&record_hash(&entry)).unwrap_err();
    let mut other = entry;
    other[0] ^= 1;
    assert!(check_record(&path, size, root, index, record_hash(&other)).is_err());
}

/// The only inclusion proof of a receipt (RFC 9942): size of the tree, place of the leaf, path.
fn inclusion(signed: &CoseSign1) -> (u64, u64, Vec<Hash>) {
    let [(Label::Int(396), Value::Map(proofs))] = signed.unprotected.rest.as_slice() else {
        panic!("{:?}", signed.unprotected);
    };
    let [(kind, Value::Array(proofs))] = proofs.as_slice() else {
        panic!("{proofs:?}");
    };
    assert_eq!(*kind, Value::from(-1), "a proof of inclusion");
    let [Value::Bytes(proof)] = proofs.as_slice() else {
        panic!("{proofs:?}");
    };
    let proof: Value = coset::cbor::de::from_reader(proof.as_slice()).unwrap();
    let [Value::Integer(size), Value::Integer(index), Value::Array(path)] =
        proof.as_array().unwrap().as_slice()
    else {
        panic!("{proof:?}");
    };
    let hash = |value: &Value| Hash(value.as_bytes().unwrap().as_slice().try_into().unwrap());
    let path = path.iter().map(hash).collect();
    ((*size).try_into().unwrap(), (*index).try_into().unwrap(), path)
}
