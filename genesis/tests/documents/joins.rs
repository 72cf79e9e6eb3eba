//! Every rule of a join, broken by itself and signed again: what is wrong, where, and what to do.

use quorate_crypto::{ClientSigningKey, Digest, Key, KeySignature, PublicKey};
use quorate_genesis::{Draft, GenesisError, Join, JoinBodyV1, JoinV1, MAX_ADDRESS, Problem};
use quorate_ledger::{Signer, Signers};

use crate::network::{Keys, address, client, draft, join, keys, p256, signers};

/// The body of the member with this place.
fn body(place: u8) -> JoinBodyV1 {
    join(&draft(), place).body().clone()
}

/// What is wrong with this body, signed by the keys of the member with this place.
#[track_caller]
fn words(place: u8, change: impl FnOnce(&mut JoinBodyV1)) -> String {
    let mut body = body(place);
    change(&mut body);
    keys(place).sign(body).verify(&draft()).unwrap_err().to_string()
}

/// What is wrong with the join that these keys sign as gamma.
#[track_caller]
fn words_of(keys: &Keys) -> String {
    keys.begin(&draft(), "gamma")
        .verify(&draft())
        .unwrap_err()
        .to_string()
}

fn text(key: &ClientSigningKey) -> String {
    key.key().to_string()
}

#[test]
fn a_stranger_cannot_join() {
    assert_eq!(
        words(0, |body| body.member = "epsilon".to_owned()),
        "joins[1].member: the draft names no member epsilon"
    );
    assert_eq!(
        words(0, |body| body.member = "Alpha".to_owned()),
        "joins[1].member: the draft names no member Alpha"
    );
}

#[test]
fn a_join_is_for_one_draft() {
    let expected = draft().digest();
    let mut other = draft();
    if let Draft::V1(content) = &mut other {
        content.network.push('2');
    }
    let got = other.digest();
    assert_ne!(got, expected);
    assert_eq!(
        join(&other, 0).verify(&draft()).unwrap_err().to_string(),
        format!("joins[1].draft: alpha has joined another draft ({got}); this one is {expected}")
    );
    assert_eq!(
        words(0, |body| body.draft = Digest::ZERO),
        format!(
            "joins[1].draft: alpha has joined another draft ({}); this one is {expected}",
            "0".repeat(64)
        )
    );
}

/// There is no point of P-256 with this x: x³ − 3x + b is no square.
const NO_POINT: u8 = 1;

const NOT_A_LISTENER: &str = "a listener's address is written as /ip4/192.0.2.1/tcp/9100 or \
                              /dns/node.example.org/tcp/9100, in its shortest form and lower case, with the address \
                              that others reach it by";

#[test]
fn listeners_have_one_text() {
    let label = "a".repeat(63);
    // 253 characters.
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    let too_long = format!("{label}.{label}.{label}.{}", "b".repeat(62));
    let with = |address: &str| {
        let mut body = body(0);
        body.addresses = vec![address.to_owned()];
        keys(0).sign(body).verify(&draft())
    };
    for good in [
        "/ip4/192.0.2.1/tcp/1",
        "/ip4/255.255.255.255/tcp/65535",
        "/ip6/2001:db8::1/tcp/65535",
        "/ip6/::1/tcp/9100",
        "/ip6/1::/tcp/9100",
        "/ip6/2001:db8:0:1:1:1:1:1/tcp/9100",
        "/ip6/2001:db8::1:0:0:1/tcp/9100",
        "/ip6/::ffff:192.0.2.1/tcp/9100",
        "/ip6/64:ff9b::c000:201/tcp/9100",
        "/ip6/::c000:201/tcp/9100",
        "/dns/node.example.org/tcp/9100",
        "/dns4/localhost/tcp/9100",
        "/dns6/1.2.3.4a/tcp/9100",
        "/dns/1.2.3.4-5/tcp/9100",
        "/dns/xn--bcher-kva.example/tcp/9100",
        &format!("/dns4/{longest}/tcp/65535"),
    ] {
        assert_eq!(with(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "127.0.0.1:9100",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/tcp/",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/09100",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/+1",
        "/ip4/127.0.0.1/tcp/9100/",
        "//ip4/127.0.0.1/tcp/9100",
        "ip4/127.0.0.1/tcp/9100",
        "/ip4/127.0.0.1/udp/9100",
        "/IP4/127.0.0.1/tcp/9100",
        "/ip4/127.0.0.01/tcp/9100",
        "/ip4/127.1/tcp/9100",
        "/ip4/256.0.0.1/tcp/9100",
        "/ip4/0.0.0.0/tcp/9100",
        "/ip4/::1/tcp/9100",
        "/ip6/::/tcp/9100",
        "/ip6/2001:DB8::1/tcp/9100",
        "/ip6/2001:0db8::1/tcp/9100",
        "/ip6/2001:db8:0:0:0:0:0:1/tcp/9100",
        "/ip6/2001:db8::1:1:1:1:1/tcp/9100",
        "/ip6/2001:db8:0:0:1::1/tcp/9100",
        "/ip6/0:0:0:0:0:0:0:1/tcp/9100",
        "/ip6/::ffff:c000:201/tcp/9100",
        "/ip6/::192.0.2.1/tcp/9100",
        "/ip6/64:ff9b::192.0.2.1/tcp/9100",
        "/ip6/[::1]/tcp/9100",
        "/ip6/fe80::1%eth0/tcp/9100",
        "/ip6/127.0.0.1/tcp/9100",
        "/dns/-a/tcp/9100",
        "/dns/a-/tcp/9100",
        "/dns//tcp/9100",
        "/dns/a..b/tcp/9100",
        "/dns/a./tcp/9100",
        "/dns/.a/tcp/9100",
        "/dns/a_b/tcp/9100",
        "/dns/Node.example.org/tcp/9100",
        "/dns/bücher.example/tcp/9100",
        "/dns/192.0.2.1/tcp/9100",
        "/dns/a.1/tcp/9100",
        "/dns/1/tcp/9100",
        "/dnsaddr/a/tcp/9100",
        "/ip4/127.0.0.1/tcp/9100/p2p/12D3KooW",
        " /ip4/127.0.0.1/tcp/9100",
        &format!("/dns/{label}a/tcp/9100"),
        &format!("/dns/{too_long}/tcp/9100"),
        &format!("/dns/{}/tcp/9100", "a".repeat(MAX_ADDRESS)),
    ] {
        let error = with(bad).unwrap_err().to_string();
        assert_eq!(error, format!("joins[1].addresses[1]: {NOT_A_LISTENER}"), "{bad}");
    }
}

#[test]
fn a_validator_has_at_most_eight_addresses_none_twice() {
    let ports = |body: &mut JoinBodyV1, ports: &[u16]| {
        body.addresses = ports
            .iter()
            .map(|port| format!("/ip4/127.0.0.1/tcp/{port}"))
            .collect();
    };
    let eight = [1, 2, 3, 4, 5, 6, 7, 8];
    for good in [&[][..], &eight] {
        let mut body = body(0);
        ports(&mut body, good);
        assert_eq!(keys(0).sign(body).verify(&draft()), Ok(()));
    }
    assert_eq!(
        words(0, |body| ports(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9])),
        "joins[1].addresses: 9 entries, at most 8 are allowed"
    );
    assert_eq!(
        words(0, |body| ports(body, &[1, 2, 1])),
        "joins[1].addresses[3]: /ip4/127.0.0.1/tcp/1 stands here a second time"
    );
}

#[test]
fn signers_are_as_the_operation_would_take_them() {
    let set = |body: &mut JoinBodyV1, list: Signers| body.signers = Some(list);
    let (one, other) = (p256(15), client(16));
    assert_eq!(
        words(1, |body| set(body, signers(0, []))),
        "joins[1].signers: an account has at least one signer: name one, or leave signers out"
    );
    let many: Vec<ClientSigningKey> = (100..116).map(client).collect();
    let crowd = std::iter::once(&one).chain(&many).map(|key| (key, 1));
    assert_eq!(
        words(1, |body| set(body, signers(1, crowd))),
        "joins[1].signers: 17 entries, at most 16 are allowed"
    );
    assert_eq!(
        words(1, |body| set(body, signers(1, [(&one, 1), (&other, 0)]))),
        format!(
            "joins[1].signers: the signer {} has weight 0, at least 1 is wanted",
            text(&other)
        )
    );
    for threshold in [0, 4, u32::MAX] {
        assert_eq!(
            words(1, |body| set(body, signers(threshold, [(&one, 2), (&other, 1)]))),
            format!(
                "joins[1].threshold: the threshold {threshold} is not from 1 to 3, the sum of the signers' weights"
            )
        );
    }
    assert_eq!(
        words(1, |body| set(
            body,
            signers(1, [(&other, 1), (&one, 1), (&other, 1)])
        )),
        format!("joins[1].signers: key {} stands here a second time", text(&other))
    );
    assert_eq!(
        words(1, |body| {
            let mut list = signers(1, [(&other, 1), (&one, 1)]);
            list.signers.reverse();
            set(body, list);
        }),
        format!(
            "joins[1].signers: key {} is not in its place: the bytes have another order than the format's",
            text(&other)
        )
    );
    // The heaviest that there can be.
    let mut heavy = keys(2);
    heavy.administrators = (100..115).map(client).collect();
    let all = std::iter::once(&heavy.account).chain(&heavy.administrators);
    heavy.signers = Some(signers(16 * 65_535, all.map(|key| (key, 65_535))));
    assert_eq!(heavy.begin(&draft(), "gamma").verify(&draft()), Ok(()));
}

#[test]
fn only_signers_of_the_account_sign_and_reach_its_threshold() {
    // Without signers the account's key is the only one.
    let mut lone = keys(2);
    lone.administrators = vec![client(40)];
    assert_eq!(
        words_of(&lone),
        format!(
            "joins[1].administrators: {} signed and is none of the account's signers: take its signature out",
            text(&client(40))
        )
    );

    let mut several = keys(2);
    let all = [(&several.account, 1), (&client(40), 1), (&p256(41), 1)];
    several.signers = Some(signers(2, all));
    assert_eq!(
        words_of(&several),
        "joins[1].administrators: those who signed have weight 1 together, the account's threshold is 2: more must sign"
    );
    several.administrators = vec![client(42), p256(41)];
    assert_eq!(
        words_of(&several),
        format!(
            "joins[1].administrators: {} signed and is none of the account's signers: take its signature out",
            text(&client(42))
        )
    );
    // As many as it takes, or more.
    several.administrators = vec![p256(41)];
    assert_eq!(several.begin(&draft(), "gamma").verify(&draft()), Ok(()));
    several.administrators = vec![p256(41), client(40)];
    assert_eq!(several.begin(&draft(), "gamma").verify(&draft()), Ok(()));

    let mut nobody = join(&draft(), 0);
    let Join::V1(content) = &mut nobody;
    content.administrators.clear();
    assert_eq!(
        nobody.verify(&draft()).unwrap_err().to_string(),
        format!(
            "joins[1].administrators: {}, which gives the account its address, has not signed: it must, whatever the \
             threshold",
            text(&client(4))
        )
    );
}

#[test]
fn an_administrator_elsewhere_signs_later() {
    let mut partly = keys(1);
    partly.administrators.clear();
    let mut join = partly.begin(&draft(), "beta");
    assert!(matches!(
        join.verify(&draft()),
        Err(GenesisError::Invalid {
            problem: Problem::BelowThreshold { got: 2, threshold: 3 },
            ..
        })
    ));
    // The file travels.
    join = Join::parse(&join.to_toml()).unwrap();
    join.countersign(&client(17));
    assert_eq!(join.verify(&draft()), Ok(()));
    let once = join.clone();
    join.countersign(&client(17));
    assert_eq!(join, once);
}

/// The draft gives something to an address whose key somebody else has, and everybody can know that key.
#[test]
fn nobody_joins_with_the_key_of_another() {
    let (victim, thief) = (client(201), client(40));
    let draft = draft();
    assert!(
        draft.v1().assets[0]
            .balances
            .iter()
            .any(|balance| balance.address == address(201))
    );
    let mut body = body(2);
    body.account = victim.key();
    let by_thief = |body: &JoinBodyV1| {
        let mut keys = keys(2);
        keys.account = client(40);
        keys.sign(body.clone())
    };
    let not_signed = format!(
        "joins[1].administrators: {}, which gives the account its address, has not signed: it must, whatever the threshold",
        text(&victim)
    );
    // Its key alone: the thief is none of the signers; without the thief nobody signed.
    assert_eq!(
        by_thief(&body).verify(&draft).unwrap_err().to_string(),
        format!(
            "joins[1].administrators: {} signed and is none of the account's signers: take its signature out",
            text(&thief)
        )
    );
    let mut unsigned = by_thief(&body);
    let Join::V1(content) = &mut unsigned;
    content.administrators.clear();
    assert_eq!(unsigned.verify(&draft).unwrap_err().to_string(), not_signed);
    // The thief as the only signer.
    body.signers = Some(signers(1, [(&thief, 1)]));
    assert_eq!(
        by_thief(&body).verify(&draft).unwrap_err().to_string(),
        format!(
            "joins[1].signers: {}, which gives the account its address, is none of its signers: name it among them",
            text(&victim)
        )
    );
    // Both, with a threshold that the thief reaches.
    body.signers = Some(signers(1, [(&thief, 1), (&victim, 1)]));
    assert_eq!(
        by_thief(&body).verify(&draft).unwrap_err().to_string(),
        not_signed
    );
    // The thief's signature under the victim's name.
    let mut forged = by_thief(&body);
    let mut with_victim = forged.clone();
    with_victim.countersign(&client(201));
    assert_eq!(with_victim.verify(&draft), Ok(()));
    let Join::V1(content) = &mut forged;
    let Join::V1(JoinV1 { administrators, .. }) = &with_victim;
    content.administrators = administrators.clone();
    let stolen = by_thief(&body);
    for signature in &mut content.administrators {
        if signature.key() == victim.key() {
            *signature = under(victim.key(), &stolen.v1().administrators[0]);
        }
    }
    assert_eq!(
        forged.verify(&draft).unwrap_err().to_string(),
        format!("joins[1].administrators: {}", bad_signature("gamma"))
    );
}

/// These bytes as a signature by `key`.
fn under(key: Key, signature: &KeySignature) -> KeySignature {
    let signature = match signature {
        KeySignature::Ed25519 { signature, .. } | KeySignature::P256 { signature, .. } => *signature,
    };
    match key {
        Key::Ed25519(key) => KeySignature::Ed25519 { key, signature },
        Key::P256(key) => KeySignature::P256 { key, signature },
    }
}

/// The same signature again.
fn copy(signature: &KeySignature) -> KeySignature {
    under(signature.key(), signature)
}

fn bad_signature(member: &str) -> String {
    format!(
        "the signature does not fit: {member}'s join was changed after it was signed, or made by other keys"
    )
}

#[test]
fn every_signature_is_over_this_body() {
    let draft = draft();
    let beta = join(&draft, 1);
    let elsewhere = {
        let mut body = body(1);
        body.addresses.clear();
        keys(1).sign(body)
    };
    let (mine, other) = (beta.v1(), elsewhere.v1());
    type Take = fn(&mut JoinV1, &JoinV1);
    let takes: [(&str, Take); 5] = [
        ("validator_signature", |join, other| {
            join.validator = other.validator
        }),
        ("node_signature", |join, other| join.node = other.node),
        ("witness_signature", |join, other| join.witness = other.witness),
        ("administrators", |join, other| {
            join.administrators[0] = copy(&other.administrators[0])
        }),
        ("administrators", |join, other| {
            join.administrators[1] = copy(&other.administrators[1])
        }),
    ];
    for (name, take) in takes {
        let mut changed = mine.clone();
        take(&mut changed, other);
        assert_ne!(changed, *mine);
        assert_eq!(
            Join::V1(changed).verify(&draft).unwrap_err().to_string(),
            format!("joins[1].{name}: {}", bad_signature("beta"))
        );
    }
    // One key's signature is not another's.
    let mut swapped = mine.clone();
    std::mem::swap(&mut swapped.node, &mut swapped.witness);
    assert_eq!(
        Join::V1(swapped).verify(&draft).unwrap_err().to_string(),
        format!("joins[1].node_signature: {}", bad_signature("beta"))
    );
    // More than the threshold needs may sign, and each of them must be good.
    let mut more = beta.clone();
    more.countersign(&client(17));
    assert_eq!(more.verify(&draft), Ok(()));
    let Join::V1(content) = &mut more;
    let last = content
        .administrators
        .iter()
        .position(|one| one.key() == client(17).key())
        .unwrap();
    content.administrators[last] = under(client(17).key(), &content.administrators[0]);
    assert!(more.verify(&draft).is_err());
}

#[test]
fn administrators_ascend_by_key_and_stand_once() {
    let draft = draft();
    let beta = join(&draft, 1);
    let mut twice = beta.clone();
    let Join::V1(content) = &mut twice;
    let first = copy(&content.administrators[0]);
    content.administrators.insert(1, first);
    assert_eq!(
        twice.verify(&draft).unwrap_err().to_string(),
        format!(
            "joins[1].administrators: the signature of {} stands here a second time",
            text(&client(16))
        )
    );
    let mut reversed = beta;
    let Join::V1(content) = &mut reversed;
    content.administrators.reverse();
    assert_eq!(
        reversed.verify(&draft).unwrap_err().to_string(),
        format!(
            "joins[1].administrators: the signature of {} is not in its place: the bytes have another order than the \
             format's",
            text(&client(16))
        )
    );
}

#[test]
fn keys_that_nobody_should_use_are_refused() {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut sign_of_zero = identity;
    sign_of_zero[31] = 0x80;
    // y = 2^255 - 19 + 3, another text of y = 3.
    let mut not_shortest = [0xff; 32];
    (not_shortest[0], not_shortest[31]) = (0xf0, 0x7f);
    let small_order =
        hex::decode("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05").unwrap();
    let small_order: [u8; 32] = small_order.try_into().unwrap();
    for bad in [
        [0; 32],
        no_point,
        identity,
        sign_of_zero,
        not_shortest,
        small_order,
    ] {
        type Set = fn(&mut JoinBodyV1, [u8; 32]);
        let places: [(&str, Set); 5] = [
            ("validator_key", |body, key| body.validator = PublicKey(key)),
            ("node_key", |body, key| body.node = PublicKey(key)),
            ("witness_key", |body, key| body.witness = PublicKey(key)),
            ("account_key", |body, key| body.account = Key::Ed25519(key)),
            ("signers", |body, key| {
                let signer = Signer {
                    key: Key::Ed25519(key),
                    weight: 1,
                };
                let list = body.signers.as_mut().unwrap();
                list.signers.push(signer);
                list.signers.sort_by_key(|signer| signer.key);
            }),
        ];
        for (name, set) in places {
            refused_key(Key::Ed25519(bad), name, |body| set(body, bad));
        }
    }
    let with_first = |first: u8, rest: u8| {
        let mut key = [rest; 33];
        key[0] = first;
        key
    };
    // The prefix of the uncompressed form, one that there is not, x above p, and an x without a point.
    let mut no_point = with_first(2, 0);
    no_point[32] = NO_POINT;
    for bad in [with_first(4, 1), with_first(0, 1), with_first(2, 0xff), no_point] {
        refused_key(Key::P256(bad), "account_key", |body| {
            body.account = Key::P256(bad)
        });
        refused_key(Key::P256(bad), "signers", |body| {
            let signer = Signer {
                key: Key::P256(bad),
                weight: 1,
            };
            let list = body.signers.as_mut().unwrap();
            list.signers.push(signer);
            list.signers.sort_by_key(|signer| signer.key);
        });
    }
}

#[track_caller]
fn refused_key(key: Key, name: &str, change: impl FnOnce(&mut JoinBodyV1)) {
    assert_eq!(
        words(1, change),
        format!(
            "joins[1].{name}: {key} is no good key: it is no point of its curve in the one form for it, or anybody can \
             sign for it; make another"
        )
    );
}
