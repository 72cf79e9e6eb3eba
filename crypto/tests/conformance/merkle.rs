//! RFC 6962: the vectors of Certificate Transparency's reference code, and a naive model.

use proptest::prelude::*;
use quorate_crypto::Digest;
use quorate_crypto::merkle::{
    ConsistencyProof, Frontier, InclusionProof, ProofError, empty_root, leaf_hash, node_hash, root,
    root_of_hashes,
};

/// The leaf data of the reference code's tests (certificate-transparency, merkle_tree_test.cc).
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// The roots after each of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

fn leaves() -> Vec<Vec<u8>> {
    LEAVES.iter().map(|text| hex::decode(text).unwrap()).collect()
}

fn hashes(count: usize) -> Vec<Digest> {
    leaves()[..count].iter().map(|leaf| leaf_hash(leaf)).collect()
}

#[test]
fn the_reference_roots_come_out() {
    assert_eq!(
        empty_root(),
        digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (count, expected) in (1..).zip(ROOTS) {
        assert_eq!(root(&leaves()[..count]), digest(expected), "{count} leaves");
        assert_eq!(root_of_hashes(&hashes(count)), digest(expected));
    }
}

/// Index (from 0), length, path: the reference code's `PATH` vectors.
#[test]
fn the_reference_inclusion_proofs_come_out() {
    let vectors: [(usize, usize, &[&str]); 4] = [
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            3,
            &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
        ),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, length, path) in vectors {
        let proof = InclusionProof::new(&hashes(length), index).unwrap();
        let expected: Vec<_> = path.iter().map(|text| digest(text)).collect();
        assert_eq!(proof.path, expected, "leaf {index} of {length}");
        proof
            .verify(&digest(ROOTS[length - 1]), &leaves()[index])
            .unwrap();
    }
}

#[test]
fn the_reference_consistency_proofs_come_out() {
    let vectors: [(usize, usize, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (old, new, path) in vectors {
        let proof = ConsistencyProof::new(&hashes(new), old).unwrap();
        let expected: Vec<_> = path.iter().map(|text| digest(text)).collect();
        assert_eq!(proof.path, expected, "{old} of {new}");
        proof
            .verify(&digest(ROOTS[old - 1]), &digest(ROOTS[new - 1]))
            .unwrap();
    }
}

/// RFC 6962, section 2.1, word for word.
fn naive_root(leaves: &[Vec<u8>]) -> Digest {
    match leaves.len() {
        0 => quorate_crypto::sha256(b""),
        1 => quorate_crypto::sha256(&[&[0], leaves[0].as_slice()].concat()),
        n => {
            let mut k = 1;
            while k * 2 < n {
                k *= 2;
            }
            let (left, right) = (naive_root(&leaves[..k]), naive_root(&leaves[k..]));
            quorate_crypto::sha256(&[[1].as_slice(), &left.0, &right.0].concat())
        }
    }
}

fn numbered(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_le_bytes().to_vec()).collect()
}

#[test]
fn every_proof_of_short_lists_holds_and_none_holds_elsewhere() {
    for length in 0..=33 {
        let data = numbered(length);
        let hashes: Vec<_> = data.iter().map(|leaf| leaf_hash(leaf)).collect();
        let root = naive_root(&data);
        for (index, leaf) in data.iter().enumerate() {
            let proof = InclusionProof::new(&hashes, index).unwrap();
            proof.verify(&root, leaf).unwrap();
            for other in 0..length {
                let moved = InclusionProof {
                    index: other as u64,
                    ..proof.clone()
                };
                let verdict = moved.verify(&root, leaf);
                assert_eq!(verdict.is_ok(), other == index, "{index} as {other} of {length}");
            }
        }
        assert_eq!(InclusionProof::new(&hashes, length), None);
        for old in 0..=length {
            let old_root = naive_root(&data[..old]);
            let proof = ConsistencyProof::new(&hashes, old).unwrap();
            proof.verify(&old_root, &root).unwrap();
            if old > 0 && old < length {
                assert!(proof.verify(&node_hash(&old_root, &root), &root).is_err());
                assert!(proof.verify(&old_root, &node_hash(&old_root, &root)).is_err());
            }
        }
    }
}

#[test]
fn proofs_of_the_wrong_length_are_refused() {
    let hashes: Vec<_> = numbered(6).iter().map(|leaf| leaf_hash(leaf)).collect();
    let root = root_of_hashes(&hashes);
    let proof = InclusionProof::new(&hashes, 2).unwrap();
    let mut longer = proof.clone();
    longer.path.push(Digest::ZERO);
    assert_eq!(
        longer.verify_hash(&root, hashes[2]),
        Err(ProofError::WrongLength { got: 4 })
    );
    let mut shorter = proof;
    shorter.path.pop();
    assert_eq!(
        shorter.verify_hash(&root, hashes[2]),
        Err(ProofError::WrongLength { got: 2 })
    );
    let beyond = InclusionProof {
        index: 6,
        length: 6,
        path: Vec::new(),
    };
    assert!(matches!(
        beyond.verify_hash(&root, hashes[2]),
        Err(ProofError::OutOfRange { .. })
    ));
    let backwards = ConsistencyProof {
        old_length: 7,
        new_length: 6,
        path: Vec::new(),
    };
    assert!(matches!(
        backwards.verify(&root, &root),
        Err(ProofError::OutOfRange { .. })
    ));
}

proptest! {
    #[test]
    fn a_frontier_has_the_naive_root_after_each_push(leaves in prop::collection::vec(any::<Vec<u8>>(), 0..70)) {
        let mut frontier = Frontier::new();
        for (count, leaf) in leaves.iter().enumerate() {
            prop_assert_eq!(frontier.root(), naive_root(&leaves[..count]));
            prop_assert_eq!(frontier.length(), count as u64);
            frontier.push(leaf);
            let stored = bcs::to_bytes(&frontier).unwrap();
            frontier = bcs::from_bytes(&stored).unwrap();
        }
        prop_assert_eq!(frontier.root(), naive_root(&leaves));
        prop_assert_eq!(root(&leaves), naive_root(&leaves));
    }

    #[test]
    fn no_proof_holds_after_a_change(length in 2usize..100, seed: u64, bit in 0usize..256) {
        let data = numbered(length);
        let hashes: Vec<_> = data.iter().map(|leaf| leaf_hash(leaf)).collect();
        let root = naive_root(&data);
        let index = usize::try_from(seed % length as u64).unwrap();
        let mut proof = InclusionProof::new(&hashes, index).unwrap();
        let place = usize::try_from(seed / 128).unwrap() % proof.path.len();
        proof.path[place].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(proof.verify(&root, &data[index]), Err(ProofError::WrongRoot));

        let old = 1 + index.min(length - 2);
        let mut proof = ConsistencyProof::new(&hashes, old).unwrap();
        let place = usize::try_from(seed / 128).unwrap() % proof.path.len();
        proof.path[place].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(proof.verify(&naive_root(&data[..old]), &root).is_err());
    }

    #[test]
    fn no_proof_panics(index: u64, length: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..66)) {
        let path: Vec<_> = path.into_iter().map(Digest).collect();
        let inclusion = InclusionProof { index, length, path: path.clone() };
        prop_assert!(inclusion.verify_hash(&Digest::ZERO, Digest::ZERO).is_err());
        let consistency = ConsistencyProof { old_length: index, new_length: length, path };
        prop_assert!(consistency.verify(&Digest([1; 32]), &Digest::ZERO).is_err());
    }
}
