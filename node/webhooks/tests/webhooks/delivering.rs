//! What is posted, and what becomes of what is not taken.

use quorate_api::EventPlace;
use quorate_client::schema::WebhookState;
use quorate_ledger::{Amount, Height};
use quorate_webhooks::message_id;

use crate::fake::{GENESIS_TIME, code, network, wallet};
use crate::receiver::{Post, Receiver};
use crate::running::{Home, hook};
use crate::story::{self, Draft as _, draft, payment};

/// Transactions of the story.
const STORY: usize = 13;

/// A receiver checks each signature.
#[tokio::test(flavor = "multi_thread")]
async fn everything_certified_is_posted_in_the_logs_order_with_ids_of_its_own() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::taking().await;
    let running = home.start(&fake, &[hook(&receiver.url, "blocks = true")]);
    let posts = receiver.take(STORY + 8).await;
    let (mut ordinals, mut heights, mut next) = (Vec::new(), Vec::new(), 0);
    for post in &posts {
        let json = post.json();
        // The parts that they speak for follow each other.
        assert_eq!(json["log_from"], next);
        let place = match post.kind.as_str() {
            "transaction" => {
                ordinals.push(post.ordinal());
                next = post.ordinal() + 1;
                EventPlace::Transaction {
                    height: Height(json["height"].as_u64().unwrap()),
                    index: u32::try_from(json["index"].as_u64().unwrap()).unwrap(),
                    ordinal: post.ordinal(),
                }
            }
            _ => {
                let height = Height(json["height"].as_u64().unwrap());
                heights.push(height.0);
                next = json["log_size"].as_u64().unwrap();
                EventPlace::Block { height }
            }
        };
        assert_eq!(post.id, message_id(network(), "orders", place));
    }
    assert_eq!(ordinals, (0..STORY as u64).collect::<Vec<_>>());
    assert_eq!(heights, (1..=8).collect::<Vec<_>>());
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    assert_eq!(receiver.next().await.ordinal(), STORY as u64);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_posts_what_its_filter_takes() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::taking().await;
    let account = format!("account = \"{}\"\nasset = \"CO2\"", wallet(13));
    let first = hook(&receiver.url, &account);
    let running = home.start(&fake, &[first]);
    let post = receiver.next().await;
    assert_eq!(
        (post.json()["height"].clone(), post.json()["log_from"].clone()),
        (4.into(), 0.into())
    );
    let tonnes = draft(12, 201).transfer(wallet(13), code("CO2"), Amount(1), "");
    let both = vec![payment(10, 13, 1, 200, ""), tonnes.signed(&[12])];
    fake.commit(both, GENESIS_TIME + 3_600_000);
    let next = receiver.next().await;
    assert_eq!(next.ordinal(), STORY as u64 + 1);
    assert_eq!(next.json()["log_from"], post.ordinal() + 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_tried_again_with_the_same_id_before_what_follows() {
    let (home, fake) = (Home::new(), story::fake());
    let mut answers = [500, 503, 302, 429].into_iter();
    let mut elsewhere = Receiver::taking().await;
    let location = elsewhere.url.clone();
    let mut receiver = Receiver::answering(move |_| match answers.next() {
        // Where it leads to is no place for what was signed for another.
        Some(302) => (302, Some(("location", location.clone()))),
        Some(429) => (429, Some(("retry-after", "0".to_owned()))),
        Some(status) => (status, None),
        None => (200, None),
    })
    .await;
    let running = home.start(&fake, &[hook(&receiver.url, "")]);
    let posts = receiver.take(5 + STORY - 1).await;
    let (first, rest) = posts.split_at(5);
    assert!(first.iter().all(|post| *post == first[0]));
    let ordinals: Vec<u64> = rest.iter().map(Post::ordinal).collect();
    assert_eq!(ordinals, (1..STORY as u64).collect::<Vec<_>>());
    running.until(|hook| hook.error.is_none()).await;
    assert_eq!(running.shown().failed, 4);
    running.stop().await;
    assert_eq!(elsewhere.rest(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_never_taken_is_a_dead_letter_and_holds_up_no_other() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::answering(|post| match post.ordinal() {
        3 => (422, None),
        _ => (204, None),
    })
    .await;
    let config = [hook(&receiver.url, "attempts = 3")];
    let running = home.start(&fake, &config);
    let posts = receiver.take(STORY + 2).await;
    let tried: Vec<&Post> = posts.iter().filter(|post| post.ordinal() == 3).collect();
    assert_eq!(tried.len(), 3);
    let after = posts.iter().position(|post| post.ordinal() == 4).unwrap();
    assert!(posts[..after].contains(tried[2]));
    let dead = running.hooks.dead("orders").unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].ordinal, dead[0].attempts), (Some(3), 3));
    assert_eq!(dead[0].id, tried[0].id);
    assert!(dead[0].error.contains("422"), "{}", dead[0].error);
    running.until(|hook| hook.behind == 0).await;
    running.stop().await;

    // It outlives the node, and is posted again as it was when somebody asks for it.
    let running = home.start(&fake, &config);
    assert_eq!(running.hooks.dead("orders").unwrap(), dead);
    assert!(running.hooks.retry("nobody", fake.height()).is_none());
    running.hooks.retry("orders", fake.height()).unwrap();
    assert_eq!(receiver.next().await, *tried[0]);
    receiver.answer(|_| (204, None));
    running.hooks.retry("orders", fake.height()).unwrap();
    assert_eq!(receiver.next().await, *tried[0]);
    running.until(|hook| hook.dead == 0).await;
    running.stop().await;
    assert_eq!(receiver.rest(), []);
    let running = home.start(&fake, &config);
    assert_eq!(running.hooks.dead("orders").unwrap(), []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_left_alone_until_somebody_asks() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::answering(|post| match post.ordinal() {
        2 => (410, None),
        _ => (204, None),
    })
    .await;
    let config = [hook(&receiver.url, "")];
    let running = home.start(&fake, &config);
    let posts = receiver.take(3).await;
    running.until(|hook| hook.state == WebhookState::Disabled).await;
    running.stop().await;
    let running = home.start(&fake, &config);
    assert_eq!(running.shown().state, WebhookState::Disabled);
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    assert_eq!(receiver.rest(), []);
    receiver.answer(|_| (204, None));
    running.hooks.retry("orders", fake.height()).unwrap();
    let rest = receiver.take(STORY + 1 - 2).await;
    assert_eq!(rest[0], posts[2]);
    assert_eq!(rest.last().unwrap().ordinal(), STORY as u64);
    running.stop().await;
}
