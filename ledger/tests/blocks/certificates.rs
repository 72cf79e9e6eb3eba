//! Certified headers: quorums of seals (sections 7 and 15).

use quorate_crypto::{
    Certificate, CertificateError, CertificateV1, Committee, Digest, Seal, Signature, ValidatorIndex,
};
use quorate_ledger::{CertifiedHeader, encode};

use crate::recoveries::Case;
use crate::world::bytes;

/// A header sealed by these validators of the old committee of four, in this order.
fn sealed(validators: &[u16]) -> (CertifiedHeader, Committee) {
    let case = Case::new(quorate_crypto::Engine::Pbft);
    (case.head_sealed_by(9, validators), case.old)
}

fn check(validators: &[u16]) -> Result<(), CertificateError> {
    let (head, committee) = sealed(validators);
    head.check(head.v1().network, &committee)
}

#[test]
fn a_quorum_of_seals_is_enough() {
    for quorum in [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]] {
        assert_eq!(check(&quorum), Ok(()));
        let (head, committee) = sealed(&quorum);
        assert!(head.is_exact_quorum(&committee));
    }
    // More than a quorum is good too, but not in a proof.
    assert_eq!(check(&[0, 1, 2, 3]), Ok(()));
    let (head, committee) = sealed(&[0, 1, 2, 3]);
    assert!(!head.is_exact_quorum(&committee));
}

#[test]
fn fewer_seals_are_not() {
    let too_few = |got| Err(CertificateError::NoQuorum { got, quorum: 3 });
    assert_eq!(check(&[0, 1]), too_few(2));
    assert_eq!(check(&[]), too_few(0));
}

#[test]
fn seals_ascend_strictly() {
    assert_eq!(check(&[1, 0, 2]), Err(CertificateError::Unordered));
    assert_eq!(check(&[0, 1, 1]), Err(CertificateError::Unordered));
    assert_eq!(check(&[0, 0, 1, 2]), Err(CertificateError::Unordered));
}

#[test]
fn every_seal_is_a_members_and_good() {
    let (mut head, committee) = sealed(&[0, 1, 2]);
    head.seals[2].validator = ValidatorIndex(4);
    let stranger = ValidatorIndex(4);
    assert_eq!(
        head.check(head.v1().network, &committee),
        Err(CertificateError::UnknownValidator { validator: stranger })
    );
    // Validator 2's seal is not validator 3's.
    head.seals[2].validator = ValidatorIndex(3);
    let bad = |validator| Err(CertificateError::BadSeal { validator });
    assert_eq!(head.check(head.v1().network, &committee), bad(ValidatorIndex(3)));
    // One bad seal makes even more than a quorum bad.
    let (mut head, committee) = sealed(&[0, 1, 2, 3]);
    head.seals[3].signature = Signature([0; 64]);
    assert_eq!(head.check(head.v1().network, &committee), bad(ValidatorIndex(3)));
    let (head, committee) = sealed(&[0, 1, 2]);
    assert_eq!(head.check(Digest([1; 32]), &committee), bad(ValidatorIndex(0)));
}

#[test]
fn another_epochs_committee_does_not_count() {
    let (head, committee) = sealed(&[0, 1, 2]);
    let Committee::V1(mut later) = committee;
    later.epoch.0 += 1;
    assert!(matches!(
        head.check(head.v1().network, &Committee::V1(later)),
        Err(CertificateError::WrongEpoch { .. })
    ));
}

#[test]
fn a_prover_takes_the_seals_of_the_lowest_validators() {
    let (head, committee) = sealed(&[1, 2, 3]);
    let (all, _) = sealed(&[0, 1, 2, 3]);
    let Certificate::V1(certificate) = all.certificate();
    assert_eq!(certificate.block, head.hash());
    let shortest = CertifiedHeader::new(head.header.clone(), &Certificate::V1(certificate), &committee);
    let validators: Vec<u16> = shortest.seals.iter().map(|seal| seal.validator.0).collect();
    assert_eq!(validators, [0, 1, 2]);
    assert_eq!(shortest.check(head.v1().network, &committee), Ok(()));
}

#[test]
fn a_certified_header_is_the_header_and_its_seals() {
    let (mut head, _) = sealed(&[]);
    head.seals = vec![Seal {
        validator: ValidatorIndex(0x0102),
        signature: Signature([0x5a; 64]),
    }];
    let mut expected = encode(&head.header);
    expected.extend(bytes("01 0201 5a*64"));
    assert_eq!(encode(&head), expected);
    let certificate = Certificate::V1(CertificateV1 {
        epoch: head.v1().epoch,
        height: head.v1().height,
        block: head.hash(),
        seals: head.seals.clone(),
    });
    assert_eq!(head.certificate(), certificate);
}
