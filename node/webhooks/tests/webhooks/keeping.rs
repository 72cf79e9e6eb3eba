//! What a hook remembers over restarts and crashes.

use std::collections::BTreeMap;
use std::fs;

use quorate_client::schema::WebhookState;
use quorate_webhooks::HookConfig;

use crate::fake::GENESIS_TIME;
use crate::receiver::{Post, Receiver};
use crate::running::{Home, hook};
use crate::story::{self, payment};

/// Transactions of the story.
const STORY: u64 = 13;

fn ordinals(posts: &[Post]) -> Vec<u64> {
    posts.iter().map(Post::ordinal).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_after_the_last_event_that_was_taken() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::answering(|post| match post.ordinal() {
        5 => (500, None),
        _ => (204, None),
    })
    .await;
    let config = [hook(&receiver.url, "attempts = 1000")];
    let running = home.start(&fake, &config);
    // The sixth comes again and again.
    let before = receiver.take(8).await;
    assert_eq!(ordinals(&before[..6]), (0..6).collect::<Vec<_>>());
    running.stop().await;
    receiver.rest();
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    receiver.answer(|_| (204, None));
    let running = home.start(&fake, &config);
    let after = receiver.take_until(STORY).await;
    assert_eq!(ordinals(&after), (5..=STORY).collect::<Vec<_>>());
    assert_eq!(after[0], before[5]);
    running.stop().await;
}

/// Whatever was taken when the node fell over and is not in the cursor is posted again, and can be told by its id.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_a_delivery_and_the_cursor_leaves_nothing_out() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::taking().await;
    let config = [hook(&receiver.url, "blocks = true")];
    let all = usize::try_from(STORY).unwrap() + 8;
    let running = home.start(&fake, &config);
    // As it is on disk before anything was posted, and as it is after each crash.
    let begun = fs::read(home.cursor()).unwrap();
    let mut posts = receiver.take(all).await;
    running.kill().await;
    for _ in 0..2 {
        fs::write(home.cursor(), &begun).unwrap();
        let running = home.start(&fake, &config);
        posts.extend(receiver.take(all / 2).await);
        running.kill().await;
        posts.extend(receiver.rest());
    }
    let mut taken: BTreeMap<String, Vec<Post>> = BTreeMap::new();
    for post in posts {
        taken.entry(post.id.clone()).or_default().push(post);
    }
    assert_eq!(taken.len(), all);
    assert!(taken.values().any(|copies| copies.len() == 3));
    for (id, copies) in taken {
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{id}");
    }
}

/// A hook without `from` begins with what comes after its first start, whenever that is posted.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_hook_begins_with_what_comes_next_and_misses_none_of_it() {
    let (home, fake) = (Home::new(), story::fake());
    let mut receiver = Receiver::taking().await;
    let config = HookConfig {
        from: None,
        ..hook(&receiver.url, "")
    };
    let running = home.start(&fake, std::slice::from_ref(&config));
    running.kill().await;
    // What comes while no node runs.
    fake.commit(vec![payment(10, 11, 1, 200, "")], GENESIS_TIME + 3_600_000);
    let running = home.start(&fake, &[config]);
    fake.commit(vec![payment(10, 11, 1, 201, "")], GENESIS_TIME + 3_700_000);
    assert_eq!(ordinals(&receiver.take(2).await), [STORY, STORY + 1]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_cannot_be_used_says_why_and_keeps_no_other_from_its_work() {
    let (home, fake) = (Home::new(), story::fake());
    home.write("loose.secret", crate::receiver::SECRET, 0o644);
    let mut receiver = Receiver::taking().await;
    let loose = HookConfig {
        name: "loose".to_owned(),
        secret_file: "loose.secret".into(),
        ..hook(&receiver.url, "")
    };
    let running = home.start(&fake, &[loose, hook(&receiver.url, "")]);
    let shown = running.shown();
    assert_eq!(shown.state, WebhookState::Unusable);
    assert!(shown.error.unwrap().contains("chmod 600"));
    assert!(receiver.next().await.id.contains("_orders_"));
    running.stop().await;
    // What is damaged is not begun again without a word.
    fs::write(home.cursor(), "{}").unwrap();
    let running = home.start(&fake, &[hook(&receiver.url, "")]);
    assert_eq!(running.shown().state, WebhookState::Unusable);
    running.stop().await;
}
