//! Two nodes on loopback in one process: frames a second of 1 KiB and 512 KiB, the latency of a small
//! frame on an idle link and beside a flood of batches, and what an idle link costs.
//!
//! `cargo run --release -p quorate-network --example throughput`

use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use quorate_network::{Channel, Config, Events, Handle, Limits, NetworkEvent, PeerConfig, PeerKey, start};
use zeroize::Zeroizing;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (one, _events, two, mut inbox) = pair().await?;
    let to = two.local();

    for (size, frames) in [(1 << 10, 2_000_000u64), (512 << 10, 8_000)] {
        let frame = Bytes::from(vec![7; size]);
        let sender = one.clone();
        let start = Instant::now();
        let sending = tokio::spawn(async move {
            for _ in 0..frames {
                while sender.send(to, Channel::Batches, frame.clone()).is_err() {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            }
        });
        let mut received = 0;
        while received < frames {
            if let Some(NetworkEvent::Message { .. }) = inbox.recv().await {
                received += 1;
            }
        }
        sending.await?;
        let took = start.elapsed().as_secs_f64();
        let rate = frames as f64 / took;
        println!(
            "{:>4} KiB: {rate:>9.0} frames/s, {:>6.0} MB/s",
            size >> 10,
            rate * size as f64 / 1e6
        );
    }

    // Node 2 sends every vote back from here on.
    let echo = two.clone();
    let from = one.local();
    tokio::spawn(async move {
        while let Some(event) = inbox.recv().await {
            if let NetworkEvent::Message {
                channel: Channel::Votes,
                bytes,
                ..
            } = event
            {
                let _ = echo.send(from, Channel::Votes, bytes);
            }
        }
    });
    let mut events = _events;
    round_trips("idle link", &one, to, &mut events).await?;
    let flooder = one.clone();
    let flood = tokio::spawn(async move {
        let batch = Bytes::from(vec![7; 512 << 10]);
        loop {
            while flooder.send(to, Channel::Batches, batch.clone()).is_ok() {}
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    round_trips("beside a flood of batches", &one, to, &mut events).await?;
    flood.abort();

    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, start) = (cpu_ticks()?, Instant::now());
    tokio::time::sleep(Duration::from_secs(20)).await;
    let ticks = cpu_ticks()? - before;
    // A tick is 10 ms.
    let share = ticks as f64 / start.elapsed().as_secs_f64();
    println!("idle, both nodes together: {share:.2} % of a core");
    one.shutdown().await;
    two.shutdown().await;
    Ok(())
}

async fn pair() -> Result<(Handle, Events, Handle, Events), Failure> {
    let config = |seed: u8, peers| Config {
        identity: Zeroizing::new([seed; 32]),
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        external: Vec::new(),
        peers,
        network: [0; 32],
        protocols: vec![1],
        software: "throughput".to_owned(),
        mdns: true,
        kademlia: true,
        limits: Limits::default(),
    };
    let peer = |seed: u8, addresses| PeerConfig {
        key: PeerKey::of_seed(&[seed; 32]),
        name: seed.to_string(),
        addresses,
    };
    let (one, mut events_one) = start(config(1, vec![peer(2, vec![])])).await?;
    let (two, mut events_two) = start(config(2, vec![peer(1, one.listening())])).await?;
    for events in [&mut events_one, &mut events_two] {
        while !matches!(events.recv().await, Some(NetworkEvent::Connected { .. })) {}
    }
    Ok((one, events_one, two, events_two))
}

async fn round_trips(what: &str, one: &Handle, to: PeerKey, events: &mut Events) -> Result<(), Failure> {
    let mut times = Histogram::<u64>::new(3)?;
    for _ in 0..1000 {
        let start = Instant::now();
        one.send(to, Channel::Votes, Bytes::from_static(&[1; 200]))?;
        while !matches!(events.recv().await, Some(NetworkEvent::Message { .. })) {}
        times.record(start.elapsed().as_micros() as u64)?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (median, p99) = (times.value_at_quantile(0.5), times.value_at_quantile(0.99));
    println!("200 bytes there and back, {what}: median {median} µs, p99 {p99} µs");
    Ok(())
}

/// User and system time of this process (fields 14 and 15 of its stat, counted after the name).
fn cpu_ticks() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat
        .rsplit_once(')')
        .ok_or("an unknown form of /proc/self/stat")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}
