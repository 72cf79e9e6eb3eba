//! What the explorer's search finds.

use std::collections::BTreeSet;

use quorate_crypto::{Key, sha256};
use quorate_ledger::Keep;

use crate::audit::{column, walk};
use crate::explorer::{settled, told};
use crate::fake::{GENESIS_TIME, NAMES, key, signer, wallet};
use crate::story::{self, Draft as _, Identified as _, document, draft, payment};
use crate::web::{get, router};

#[tokio::test]
async fn the_search_finds_keys_names_times_holds_and_beginnings() {
    let (fake, settlement) = settled();
    let router = router(&fake);
    let (block, id) = (
        fake.block_hash(3),
        payment(11, 12, 19_999, 3, "invoice 2026-0117").id(),
    );
    let made = settlement.holds.id();
    let Key::P256(p256) = signer(52).key() else {
        panic!("wallet 52 has a key of P-256");
    };
    let found = [
        // Of what a page shows, the first digits.
        (block.to_string()[..9].to_owned(), "./blocks/3".to_owned()),
        (
            format!("0x{}", &id.to_string()[..8]),
            format!("./transactions/{id}"),
        ),
        (
            document().to_string()[..12].to_uppercase(),
            format!("./records/{}", document()),
        ),
        (signer(11).key().to_string(), format!("./accounts/{}", wallet(11))),
        (key(3).public().to_string(), format!("./validators/{}", NAMES[2])),
        (
            format!("0x{}", key(214).public()),
            format!("./validators/{}", NAMES[3]),
        ),
        ("CUMUL".to_owned(), format!("./validators/{}", NAMES[2])),
        ("qr".to_owned(), "./assets/QRT".to_owned()),
        (format!("{made}.1"), format!("./holds/{made}.1")),
        // The block of then is the last one until then.
        ("2026-03-01T09:03:59Z".to_owned(), "./blocks/3".to_owned()),
        ("2026-03-01T10:03:59%2B01:00".to_owned(), "./blocks/3".to_owned()),
        ("2026-03-01+09:05".to_owned(), "./blocks/5".to_owned()),
        ("2030-01-01".to_owned(), "./blocks/12".to_owned()),
    ];
    for (query, path) in found {
        let answer = get(&router, &format!("/search?q={query}")).await;
        assert_eq!(answer.status, 303, "{query}: {}", answer.text());
        assert_eq!(answer.header("location"), Some(path.as_str()), "{query}");
    }
    // Before all blocks, too few digits, a key without an account, a hold that there is not.
    for query in [
        "2020-01-01",
        &block.to_string()[..5],
        &hex::encode(p256),
        &format!("{made}.2"),
    ] {
        assert_eq!(
            get(&router, &format!("/search?q={query}")).await.status,
            404,
            "{query}"
        );
    }
}

#[tokio::test]
async fn several_hits_are_a_list() {
    let (fake, _) = settled();
    let router = router(&fake);
    let of = async |query: &str| {
        let answer = get(&router, &format!("/search/all?q={query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.text()
    };
    let names = of("r").await;
    assert_eq!(
        told(&column(&names, "hits", "Name")),
        ["aurora-bank", "borealis", "cumulus-trust", "delta-clearing"]
    );
    let day = of("2026-03-01").await;
    let links = column(&day, "hits", "Name");
    assert!(
        links[0].contains("href=\"blocks/1\"") && links[1].contains("href=\"blocks/12\""),
        "{links:?}"
    );
    assert!(
        links[2].contains("transactions?from=2026-03-01T00:00:00.000Z&amp;to="),
        "{links:?}"
    );
    // A label, whatever its letters' case; what is erased is found by nothing.
    let labels = of("FRAME").await;
    assert_eq!(
        told(&column(&labels, "labels", "Label")),
        ["Frame agreement (signed)"]
    );
    assert_eq!(get(&router, "/search?q=Lindqvist").await.status, 404);
}

#[tokio::test]
async fn labels_are_looked_for_a_bounded_number_of_records_at_a_time() {
    let fake = story::fake();
    for round in 0..30_u8 {
        let records = (0..20).fold(draft(10, 100 + round), |draft, place: u8| {
            let name = [round, place];
            draft.record(sha256(&name), Keep::Log, "receipt", Vec::<u8>::new())
        });
        fake.commit(
            vec![records.signed(&[10])],
            GENESIS_TIME + 3_600_000 + u64::from(round),
        );
    }
    let router = router(&fake);
    let first = get(&router, "/search/all?q=frame+agreement").await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(
        first.text().contains("None among the records looked at so far."),
        "{}",
        first.text()
    );
    let found = walk(&router, "/search/all?q=frame+agreement", "labels", "Label").await;
    assert_eq!(told(&found), ["Frame agreement (signed)"]);
    let many = walk(&router, "/search/all?q=receipt", "labels", "Document").await;
    assert_eq!(many.len(), 600);
    assert_eq!(many.iter().collect::<BTreeSet<_>>().len(), 600);
    let other = get(&router, "/search/all?q=receipt&cursor=7").await;
    assert_eq!(other.status, 400);
}
