//! The encoding: read as it is written, and refused where it is not canonical or breaks a limit.

use quorate_crypto::{Key, KeySignature, MemberNumber};
use quorate_genesis::{Draft, DraftAccount, DraftV1, DraftV2, Genesis, GenesisError, Join};
use quorate_ledger::{Amount, Asset, Rules, StateKey, Timestamp, decode, encode};

use crate::network::{
    Keys, address, assemble, client, code, document_bytes, draft, draft_v1, genesis, join, joins, keys,
};

#[track_caller]
fn words(bytes: &[u8]) -> String {
    Genesis::decode(bytes).unwrap_err().to_string()
}

/// The bytes of a document of this draft, whatever it says, whose members have all joined it.
fn signed(draft: &Draft) -> Vec<u8> {
    let members = u8::try_from(draft.v1().members.len()).unwrap();
    let all: Vec<Join> = (0..members)
        .map(|place| keys(place).begin(draft, &draft.v1().members[usize::from(place)]))
        .collect();
    document_bytes(draft, &all)
}

fn changed(change: impl FnOnce(&mut DraftV1)) -> Draft {
    let mut content = draft().v1().clone();
    change(&mut content);
    Draft::V1(content)
}

#[test]
fn a_document_is_read_as_it_is_written() {
    let (_, genesis) = genesis();
    let bytes = genesis.canonical_bytes();
    assert_eq!(bytes, document_bytes(&draft(), &joins(&draft())));
    let read = Genesis::decode(&bytes).unwrap();
    assert_eq!(read, genesis);
    assert_eq!(read.id(), genesis.id());
    assert_eq!(Genesis::parse(&read.to_toml()), Ok(genesis));
}

#[test]
fn a_network_that_begins_at_protocol_2_has_a_draft_of_version_2() {
    let mut content = draft().v1().clone();
    content.assets[1].flags = 3;
    let draft = Draft::at(2, content.clone());
    // The second variant, the protocol, then version 1's fields.
    let fields = encode(&Draft::V1(content));
    assert_eq!(encode(&draft), [&[1, 2, 0, 0, 0][..], &fields[1..]].concat());

    let toml = draft.to_toml();
    assert!(toml.contains("\nprotocol = 2\n"), "{toml}");
    assert_eq!(Draft::parse(&toml), Ok(draft.clone()));
    let genesis = assemble(&draft, &joins(&draft)).unwrap();
    assert_eq!(Genesis::decode(&genesis.canonical_bytes()), Ok(genesis.clone()));
    assert_eq!(genesis.committee().protocol_version(), 2);
    let state = genesis.state();
    assert_eq!(state.agreement.committee().protocol_version(), 2);
    let asset = state
        .leaves()
        .find(|(key, _)| **key == StateKey::asset(&code("EUR")));
    let asset: Asset = decode(asset.unwrap().1, 1_000).unwrap();
    assert_eq!(asset.v1().flags, 3);
    // What is signed for protocol 1 is for another draft.
    assert_ne!(draft.digest(), Draft::at(1, draft.v1().clone()).digest());
}

#[test]
fn a_draft_of_version_2_is_of_a_later_protocol_that_is_known() {
    for protocol in [0, 1, 3, u32::MAX] {
        let draft = Draft::V2(DraftV2 {
            protocol,
            draft: draft().v1().clone(),
        });
        let words = draft.check().unwrap_err().to_string();
        assert!(words.starts_with("protocol: ") && words.contains(" 2"), "{words}");
        let text = draft_text_at(protocol);
        assert!(Draft::parse(&text).is_err(), "protocol = {protocol}");
    }
    assert_eq!(
        Draft::parse(&draft_text_at(2)).map(|draft| draft.protocol()),
        Ok(2)
    );
}

/// The usual draft's text, with a protocol below its engine.
fn draft_text_at(protocol: u32) -> String {
    let engine = "engine = \"pbft\"\n";
    let text = draft().to_toml();
    assert!(text.contains(engine));
    text.replacen(engine, &format!("{engine}protocol = {protocol}\n"), 1)
}

#[test]
fn a_draft_has_its_fields_in_the_order_of_the_page() {
    let content = draft_v1();
    let mut expected = vec![0_u8, 9];
    expected.extend(b"interbank");
    expected.push(0);
    expected.extend(content.time.0.to_le_bytes());
    expected.push(4);
    for member in &content.members {
        expected.push(u8::try_from(member.len()).unwrap());
        expected.extend(member.as_bytes());
    }
    // Section 24 has these in hex.
    let settings = "000000010000000800001000000020000020000000005c2605000000000088d75c0700000088130000000000003075000000\
                    000000200000004000000004000000140000000200000000030101010100000100587ccf0100000000840c24000000000000\
                    000000010000000000400000000000010000000000400000000400000000";
    expected.extend(hex::decode(settings).unwrap());
    expected.push(2);
    for (code, decimals, amounts) in [("QRT", 2, [100_000_000, 1]), ("EUR", 0, [7, 10_u128.pow(38) - 8])] {
        expected.push(3);
        expected.extend(code.as_bytes());
        expected.extend([decimals, 0, 8]);
        expected.extend(format!("Test {code}").as_bytes());
        expected.extend(address(200).0);
        expected.push(2);
        for (holder, amount) in (201..).zip(amounts) {
            expected.extend(address(holder).0);
            expected.extend(amount.to_le_bytes());
        }
    }
    expected.push(2);
    for (account, member) in [(210, 0_u32), (211, 1)] {
        expected.extend(address(account).0);
        expected.extend(member.to_le_bytes());
    }
    expected.push(4);
    expected.extend(address(220).0);
    expected.extend([1, 1, 0, 0, 0, 0]);
    expected.extend(address(221).0);
    expected.extend([5, 2, 3, b'Q', b'R', b'T']);
    expected.extend(address(222).0);
    expected.extend([0, 1, 1, 0, 0, 0]);
    expected.extend(address(222).0);
    expected.extend([9, 0]);
    assert_eq!(hex::encode(encode(&draft())), hex::encode(expected));
}

#[test]
fn a_join_has_its_fields_in_the_order_of_the_page() {
    let beta = join(&draft(), 1);
    let (join, body) = (beta.v1(), beta.body());
    let mut expected = vec![0_u8, 0];
    expected.extend(draft().digest().0);
    expected.push(4);
    expected.extend(b"beta");
    for key in [&body.validator, &body.node, &body.witness] {
        expected.extend(key.0);
    }
    let key = |key: &Key| match key {
        Key::Ed25519(key) => [&[0][..], key].concat(),
        Key::P256(key) => [&[1][..], key].concat(),
    };
    expected.extend(key(&body.account));
    expected.extend([1, 3, 0, 0, 0, 3]);
    for (signer, weight) in body.signers.as_ref().unwrap().signers.iter().zip([1_u16, 1, 2]) {
        expected.extend(key(&signer.key));
        expected.extend(weight.to_le_bytes());
    }
    expected.extend([1, 23]);
    expected.extend(b"/ip4/127.0.0.1/tcp/9101");
    for signature in [&join.validator, &join.node, &join.witness] {
        expected.extend(signature.0);
    }
    expected.push(2);
    for administrator in &join.administrators {
        let (KeySignature::Ed25519 { signature, .. } | KeySignature::P256 { signature, .. }) = administrator;
        expected.extend(key(&administrator.key()));
        expected.extend(signature);
    }
    assert_eq!(hex::encode(encode(&beta)), hex::encode(expected));
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    let good = document_bytes(&draft(), &joins(&draft()));
    assert!(Genesis::decode(&good).is_ok());
    let longer = [&good[..], &[0]].concat();
    let other_version = [&[1][..], &good[1..]].concat();
    // A count of four, longer than needed.
    let place = 1 + encode(&draft()).len();
    assert_eq!(good[place], 4);
    let long_count = [&good[..place], &[0x84, 0], &good[place + 1..]].concat();
    for bad in [
        &[][..],
        &good[1..],
        &good[..good.len() - 1],
        &longer,
        &other_version,
        &long_count,
    ] {
        let error = Genesis::decode(bad).unwrap_err();
        assert!(matches!(error, GenesisError::Encoding { .. }), "{error}");
        let words = error.to_string();
        assert!(
            words.starts_with("the bytes are no genesis document: "),
            "{words}"
        );
        assert!(
            words.ends_with("; get the document again from another member"),
            "{words}"
        );
    }
}

#[test]
fn lists_beyond_their_limits_are_not_read() {
    let many = changed(|draft| draft.members = (0..129).map(|number| format!("m{number}")).collect());
    let bytes = document_bytes(&many, &[]);
    assert!(matches!(
        Genesis::decode(&bytes),
        Err(GenesisError::Encoding { .. })
    ));
    let crowded = changed(|draft| {
        draft.accounts = (0..65_537_u32)
            .map(|number| DraftAccount {
                address: {
                    let mut address = address(1);
                    address.0[..4].copy_from_slice(&number.to_be_bytes());
                    address
                },
                member: MemberNumber(0),
            })
            .collect();
    });
    let bytes = document_bytes(&crowded, &[]);
    assert!(matches!(
        Genesis::decode(&bytes),
        Err(GenesisError::Encoding { .. })
    ));
    // So many that nobody could have sent them.
    let mut huge = vec![0];
    huge.extend(&encode(&draft())[..11]);
    huge.extend([0; 9]);
    huge.extend([0xff, 0xff, 0xff, 0xff, 0x07]);
    assert!(matches!(
        Genesis::decode(&huge),
        Err(GenesisError::Encoding { .. })
    ));
    let mut far = keys(0);
    far.addresses = (1..=9).map(|port| format!("/ip4/127.0.0.1/tcp/{port}")).collect();
    let mut all = joins(&draft());
    all[0] = far.begin(&draft(), "alpha");
    let bytes = document_bytes(&draft(), &all);
    assert!(matches!(
        Genesis::decode(&bytes),
        Err(GenesisError::Encoding { .. })
    ));
}

#[test]
fn what_a_text_cannot_say_is_refused_in_bytes() {
    type Change = fn(&mut DraftV1);
    let changes: [(Change, &str); 8] = [
        (
            |draft| draft.time = Timestamp(253_402_300_800_000),
            "time: a time is written as \"2026-01-31T12:00:00Z\", or with .250 before the Z for milliseconds: in UTC, \
             from 1970 to 9999",
        ),
        (
            |draft| {
                let Rules::V1(rules) = &mut draft.rules;
                rules.day_bytes = 1 << 63;
            },
            "rules.day_bytes: 9223372036854775808 is not between 0 and 9223372036854775807",
        ),
        (
            |draft| draft.assets[0].balances[0].amount = Amount(0),
            "assets[1].balances[1].amount: a first balance is above zero: leave this one out",
        ),
        (
            |draft| draft.assets[0].balances[0].amount = Amount(u128::MAX),
            "assets[1].balances: the balances of QRT together are not below 10^38 of the smallest unit: lower them",
        ),
        (
            |draft| draft.assets[1].decimals = 19,
            "assets[2].decimals: an asset has at most 18 decimals",
        ),
        (
            |draft| draft.assets[1].flags = 1,
            "assets[2].flags: flags 1 need protocol 2: leave them out, or write `protocol = 2` below the engine",
        ),
        (
            |draft| draft.accounts[0].member = MemberNumber(4),
            "accounts[1].member: the draft has no member number 4, it numbers them from 0",
        ),
        (
            |draft| draft.members[0] = "a b".to_owned(),
            "members[1]: a name is 1 to 32 letters, digits, dots, dashes and underscores (ASCII), and begins with no dot or \
             dash",
        ),
    ];
    for (change, expected) in changes {
        assert_eq!(words(&signed(&changed(change))), expected);
    }
}

#[test]
fn every_list_has_its_order_in_bytes() {
    let accounts = changed(|draft| draft.accounts.swap(0, 1));
    assert_eq!(
        words(&signed(&accounts)),
        format!(
            "accounts[2]: account {} is not in its place: the bytes have another order than the format's",
            address(210)
        )
    );
    let twice = changed(|draft| draft.accounts[1].address = draft.accounts[0].address);
    assert_eq!(
        words(&signed(&twice)),
        format!("accounts[2]: account {} stands here a second time", address(210))
    );
    let grants = changed(|draft| draft.grants.swap(2, 3));
    assert_eq!(
        words(&signed(&grants)),
        format!(
            "grants[4]: the grant of administrator for member:beta to {} is not in its place: the bytes have another \
             order than the format's",
            address(222)
        )
    );
    let draft = draft();
    let mut all = joins(&draft);
    all.swap(2, 3);
    assert_eq!(
        words(&document_bytes(&draft, &all)),
        "joins[3]: the join of delta is not in its place: the bytes have another order than the format's"
    );
    all.swap(2, 3);
    all.pop();
    assert_eq!(
        words(&document_bytes(&draft, &all)),
        "joins: the join of member delta is missing"
    );
}

/// What is wrong with a document in which beta has other keys, or its join was changed after it was signed.
fn words_of_beta(change: fn(&mut Keys), after: fn(&mut Join)) -> String {
    let draft = draft();
    let mut beta = keys(1);
    change(&mut beta);
    let mut join = beta.begin(&draft, "beta");
    after(&mut join);
    let mut all = joins(&draft);
    all[1] = join;
    words(&document_bytes(&draft, &all))
}

#[test]
fn signers_and_administrators_have_their_order_in_bytes() {
    let signers_reversed = words_of_beta(|keys| keys.signers.as_mut().unwrap().signers.swap(0, 1), |_| {});
    // Their decoder or the check of form refuses them.
    assert!(
        signers_reversed.starts_with("the bytes are no genesis document: ")
            || signers_reversed
                == format!(
                    "joins[2].signers: key {} is not in its place: the bytes have another order than the format's",
                    client(16).key()
                ),
        "{signers_reversed}"
    );
    let administrators_reversed = words_of_beta(
        |_| {},
        |join| {
            let Join::V1(content) = join;
            content.administrators.reverse();
        },
    );
    assert_eq!(
        administrators_reversed,
        format!(
            "joins[2].administrators: the signature of {} is not in its place: the bytes have another order than the \
             format's",
            client(16).key()
        )
    );
    let too_few = words_of_beta(|keys| keys.signers.as_mut().unwrap().threshold = 4, |_| {});
    assert_eq!(
        too_few,
        "joins[2].administrators: those who signed have weight 3 together, the account's threshold is 4: more must sign"
    );
}
