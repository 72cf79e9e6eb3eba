//! Encodings: frozen, total, and checked at the edge.

use proptest::prelude::*;
use quorate_consensus::message::{Holding, MAX_MESSAGE_BYTES, Status};
use quorate_consensus::pbft::{
    Body as Pbft, Claims, NewView, PrepareSignature, PreparedCertificate, SignedClaims, View, ViewChange,
};
use quorate_consensus::{
    Body, Ed25519, Inquiry, Message, Record, SignedStatement, Statement, Testimony, Unverified,
};
use quorate_crypto::{
    Committee, Engine, Epoch, Height, Signature, SigningKey, Tag, ValidatorIndex, sha256, sign_strict,
};
use quorate_ledger::{Open, Proposal, SignedStandDown, StandDown, StandDownV1, Timestamp, decode, encode};

use crate::lab;
use crate::shared::seats;

fn certificate() -> PreparedCertificate {
    PreparedCertificate {
        view: View(3),
        height: Height(4),
        proposal: Proposal::new(Timestamp(5), vec![sha256(b"batch")]),
        pre_prepare: Some(Signature([1; 64])),
        prepares: vec![PrepareSignature {
            validator: ValidatorIndex(2),
            signature: Signature([2; 64]),
        }],
    }
}

fn claims() -> Claims {
    Claims {
        view: View(6),
        certified: Height(2),
        prepared: vec![certificate().claim()],
    }
}

fn every_body() -> Vec<Body> {
    let (view, height) = (View(3), Height(4));
    let proposal = sha256(b"proposal");
    let new_view = NewView {
        view: View(6),
        view_changes: vec![SignedClaims {
            sender: ValidatorIndex(1),
            claims: claims(),
            signature: Signature([3; 64]),
        }],
        certified: Some(lab::certificate(2)),
        prepared: vec![certificate()],
    };
    let view_change = ViewChange {
        claims: claims(),
        certified: Some(lab::certificate(2)),
        prepared: vec![certificate()],
    };
    let status = Status {
        reign: 3,
        begun: true,
        certified: height,
        holds: vec![Holding {
            proposal: true,
            first: 7,
            second: 3,
            seals: 1,
        }],
    };
    vec![
        Body::Seal {
            height,
            block: proposal,
        },
        Body::Status(status),
        Body::Pbft(Pbft::PrePrepare {
            view,
            height,
            proposal: certificate().proposal,
        }),
        Body::Pbft(Pbft::Prepare {
            view,
            height,
            proposal,
        }),
        Body::Pbft(Pbft::Commit {
            view,
            height,
            proposal,
        }),
        Body::Pbft(Pbft::Complaint { view }),
        Body::Pbft(Pbft::ViewChange(view_change)),
        Body::Pbft(Pbft::NewView(new_view.clone())),
        Body::Inquiry(Inquiry {
            nonce: proposal,
            certified: height,
        }),
        Body::Testimony(Testimony {
            about: ValidatorIndex(1),
            nonce: proposal,
            certified: height,
            said: every_statement(new_view),
        }),
    ]
}

fn every_statement(new_view: NewView) -> Vec<SignedStatement> {
    let (view, height) = (View(3), Height(4));
    let proposal = sha256(b"proposal");
    let statements = [
        Statement::Seal {
            height,
            block: proposal,
        },
        Statement::PrePrepare {
            view,
            height,
            proposal,
        },
        Statement::Prepare {
            view,
            height,
            proposal,
        },
        Statement::Commit {
            view,
            height,
            proposal,
        },
        Statement::ViewChange(claims()),
        Statement::NewView(Box::new(new_view)),
    ];
    let said = statements.into_iter().map(|statement| SignedStatement {
        statement,
        signature: Signature([4; 64]),
    });
    said.collect()
}

#[test]
fn golden_encodings() {
    let lines: Vec<String> = every_body()
        .into_iter()
        .map(|body| {
            let signed = hex::encode(body.signed_bytes(sha256(b"network"), Epoch(1)));
            let tag = body.domain().as_str();
            let message = Message::new(Epoch(1), ValidatorIndex(2), body, Signature([9; 64]));
            format!(
                "{tag}\n  message {}\n  signed {signed}",
                hex::encode(encode(&message))
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// What a stand-down shows is what messages have.
#[test]
fn a_prepared_certificate_has_the_ledgers_encoding() {
    let bytes = encode(&certificate());
    let read: quorate_ledger::PreparedCertificate = decode(&bytes, bytes.len()).unwrap();
    let fields = (read.view.0, read.height, read.proposal.digest());
    assert_eq!(fields, (3, Height(4), certificate().proposal.digest()));
    assert_eq!(encode(&read), bytes);
}

/// Section 20 of `docs/formats.md`: nobody writes it yet, and whoever reads a journal keeps it.
#[test]
fn a_journal_may_hold_a_stand_down() {
    let stand_down = StandDown::V1(StandDownV1 {
        network: sha256(b"network"),
        epoch: Epoch(2),
        validator: ValidatorIndex(1),
        certified: None,
        open: Open::Pbft(Vec::new()),
    });
    let signature = Signature([5; 64]);
    let record = Record::StoodDown(Box::new(SignedStandDown {
        stand_down,
        signature,
    }));
    let expected: [&str; 8] = [
        "06",
        "00",
        &hex::encode(sha256(b"network").0),
        "0200000000000000",
        "0100",
        "00",
        "0000",
        &"05".repeat(64),
    ];
    let bytes = encode(&record);
    assert_eq!(hex::encode(&bytes), expected.concat());
    assert_eq!(decode::<Record>(&bytes, bytes.len()).unwrap(), record);
    assert_eq!(record.epoch(), Some(Epoch(2)));
    assert_eq!((record.height(), record.reign()), (None, None));
    let kept = Record::without_unsent(vec![record.clone()], |_| false);
    assert_eq!(kept, vec![record]);
}

#[test]
fn what_is_encoded_is_decoded_again() {
    for body in every_body() {
        let message = Message::new(Epoch(1), ValidatorIndex(2), body, Signature([9; 64]));
        let bytes = encode(&message);
        assert_eq!(decode::<Message>(&bytes, MAX_MESSAGE_BYTES).unwrap(), message);
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<Message>(&longer, MAX_MESSAGE_BYTES).is_err());
    }
}

proptest! {
    #[test]
    fn pitfall_25_no_bytes_panic_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode::<Message>(&bytes, MAX_MESSAGE_BYTES);
    }

    #[test]
    fn pitfall_25_damaged_messages_panic_nothing(place in 0..10usize, at in any::<usize>(), byte in any::<u8>()) {
        let body = every_body().swap_remove(place);
        let message = Message::new(Epoch(0), ValidatorIndex(2), body, Signature([9; 64]));
        let mut bytes = encode(&message);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(message) = decode::<Message>(&bytes, MAX_MESSAGE_BYTES) {
            let committee = lab::committee(4);
            let _ = message.verify(sha256(b"network"), &committee, &Ed25519);
        }
    }
}

fn keys() -> Vec<SigningKey> {
    (1..=4).map(|seed| SigningKey::from_seed(&[seed; 32])).collect()
}

fn members(epoch: u64) -> Committee {
    let seats = seats(keys().iter().map(SigningKey::public));
    Committee::new(Epoch(epoch), Engine::Pbft, 1, seats)
}

fn sign(sender: u16, epoch: u64, body: Body) -> Message {
    let content = body.signed_bytes(sha256(b"network"), Epoch(epoch));
    let signature = sign_strict(&keys()[usize::from(sender)], body.domain(), &content);
    Message::new(Epoch(epoch), ValidatorIndex(sender), body, signature)
}

/// A certificate signed by the primary of its view and these backups.
fn proven(view: u64, height: u64, backups: &[u16]) -> PreparedCertificate {
    let proposal = Proposal::new(Timestamp(5), vec![sha256(b"batch")]);
    let content = encode(&(
        sha256(b"network"),
        Epoch(0),
        View(view),
        Height(height),
        proposal.digest(),
    ));
    let primary = usize::try_from(view % 4).unwrap();
    PreparedCertificate {
        view: View(view),
        height: Height(height),
        proposal,
        pre_prepare: Some(sign_strict(&keys()[primary], Tag::PBFT_PRE_PREPARE, &content)),
        prepares: backups
            .iter()
            .map(|backup| PrepareSignature {
                validator: ValidatorIndex(*backup),
                signature: sign_strict(&keys()[usize::from(*backup)], Tag::PBFT_PREPARE, &content),
            })
            .collect(),
    }
}

fn change(certificate: &PreparedCertificate) -> Body {
    Body::Pbft(Pbft::ViewChange(ViewChange {
        claims: Claims {
            view: View(certificate.view.0 + 1),
            certified: Height(0),
            prepared: vec![certificate.claim()],
        },
        certified: None,
        prepared: vec![certificate.clone()],
    }))
}

#[test]
fn pitfall_19_another_epochs_message_is_refused() {
    let body = Body::Pbft(Pbft::Complaint { view: View(0) });
    let message = sign(1, 0, body);
    let verify = |epoch| {
        message
            .clone()
            .verify(sha256(b"network"), &members(epoch), &Ed25519)
    };
    assert!(verify(0).is_ok());
    assert!(matches!(verify(1), Err(Unverified::WrongEpoch { .. })));
    assert!(
        message
            .clone()
            .verify(sha256(b"another"), &members(0), &Ed25519)
            .is_err()
    );
}

#[test]
fn a_view_change_is_believed_only_with_its_proofs() {
    let verify = |body: Body| {
        sign(3, 0, body)
            .verify(sha256(b"network"), &members(0), &Ed25519)
            .map(|_| ())
    };
    let good = proven(0, 1, &[1, 2]);
    assert_eq!(verify(change(&good)), Ok(()));
    let too_few = proven(0, 1, &[1]);
    assert_eq!(verify(change(&too_few)), Err(Unverified::Inconsistent));
    let primary_twice = proven(0, 1, &[0, 1]);
    assert_eq!(verify(change(&primary_twice)), Err(Unverified::Inconsistent));
    let mut forged = good.clone();
    forged.prepares[0].signature = forged.prepares[1].signature;
    let signer = ValidatorIndex(1);
    assert_eq!(verify(change(&forged)), Err(Unverified::BadSignature { signer }));
    let mut other = good;
    other.height = Height(2);
    assert!(verify(change(&other)).is_err());
}

#[test]
fn a_new_view_is_believed_only_with_what_its_view_changes_prove() {
    let certificate = proven(0, 1, &[1, 2]);
    let signed_claims = |sender: u16, certificate: Option<&PreparedCertificate>| {
        let claims = Claims {
            view: View(1),
            certified: Height(0),
            prepared: certificate
                .iter()
                .map(|certificate| certificate.claim())
                .collect(),
        };
        let content = encode(&(sha256(b"network"), Epoch(0), &claims));
        SignedClaims {
            sender: ValidatorIndex(sender),
            signature: sign_strict(&keys()[usize::from(sender)], Tag::PBFT_VIEW_CHANGE, &content),
            claims,
        }
    };
    let good = NewView {
        view: View(1),
        view_changes: vec![
            signed_claims(1, Some(&certificate)),
            signed_claims(2, None),
            signed_claims(3, None),
        ],
        certified: None,
        prepared: vec![certificate],
    };
    let verify = |new_view: &NewView| {
        let body = Body::Pbft(Pbft::NewView(new_view.clone()));
        sign(1, 0, body)
            .verify(sha256(b"network"), &members(0), &Ed25519)
            .map(|_| ())
    };
    assert_eq!(verify(&good), Ok(()));
    let mut hiding = good.clone();
    hiding.prepared.clear();
    assert_eq!(verify(&hiding), Err(Unverified::Inconsistent));
    let mut too_few = good.clone();
    too_few.view_changes.pop();
    assert_eq!(verify(&too_few), Err(Unverified::Inconsistent));
    let mut one_twice = good.clone();
    one_twice.view_changes[2] = one_twice.view_changes[1].clone();
    assert_eq!(verify(&one_twice), Err(Unverified::Inconsistent));
    let mut altered = good;
    altered.view_changes[1].claims.certified = Height(9);
    assert!(verify(&altered).is_err());
}

#[test]
fn a_statement_is_signed_as_the_message_that_said_it() {
    for body in every_body() {
        let message = Message::new(Epoch(1), ValidatorIndex(2), body, Signature([9; 64]));
        if let Some(said) = SignedStatement::of(&message) {
            let body = &message.v1().body;
            assert_eq!(said.statement.domain(), body.domain());
            let signed = said.statement.signed_bytes(sha256(b"network"), Epoch(1));
            assert_eq!(signed, body.signed_bytes(sha256(b"network"), Epoch(1)));
        }
    }
}

#[test]
fn a_testimony_is_believed_only_if_whoever_asked_signed_all_of_it() {
    let said_by = |signer: u16| {
        let body = Body::Pbft(Pbft::Complaint { view: View(0) });
        assert_eq!(
            SignedStatement::of(&sign(signer, 0, body)),
            None,
            "it binds nobody"
        );
        let (height, block) = (Height(1), sha256(b"block"));
        SignedStatement::of(&sign(signer, 0, Body::Seal { height, block })).expect("a seal binds")
    };
    let verify = |said: Vec<SignedStatement>| {
        let testimony = Testimony {
            about: ValidatorIndex(1),
            nonce: sha256(b"nonce"),
            certified: Height(0),
            said,
        };
        sign(2, 0, Body::Testimony(testimony))
            .verify(sha256(b"network"), &members(0), &Ed25519)
            .map(|_| ())
    };
    assert_eq!(verify(vec![said_by(1)]), Ok(()));
    let signer = ValidatorIndex(1);
    assert_eq!(
        verify(vec![said_by(1), said_by(3)]),
        Err(Unverified::BadSignature { signer })
    );
}
