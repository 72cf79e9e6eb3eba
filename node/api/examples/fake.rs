//! Serves the API and the explorer over a chain in memory that grows by itself:
//! `cargo run --release -p quorate-api --example fake [ADDRESS]`, then open the address in a browser.

#![allow(clippy::unwrap_used, reason = "the fake is shared with the tests")]

#[path = "../tests/api/fake.rs"]
mod fake;
#[path = "../tests/api/story.rs"]
mod story;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_api::{ApiConfig, Bounds, Node, client_router, serve};

/// How often a block is added.
const BLOCK_TIME: Duration = Duration::from_secs(3);

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8199".to_owned());
    let fake = story::fake();
    story::Settlement::new().commit(&fake);
    let growing = Arc::clone(&fake);
    tokio::spawn(async move {
        for round in 0_u8.. {
            tokio::time::sleep(BLOCK_TIME).await;
            let payments = (0..round % 4).map(|place| {
                let cents = 1_000 + u128::from(round) * 37 + u128::from(place);
                story::payment(10, 20 + place, cents, 100_u8.wrapping_add(round), "live")
            });
            growing.commit_with_pool(payments.collect(), now());
            if round == u8::MAX {
                return;
            }
        }
    });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    let node: Arc<dyn Node> = fake;
    let router = client_router(node, ApiConfig::default());
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, router, stop, Bounds::default()).await;
    Ok(())
}
