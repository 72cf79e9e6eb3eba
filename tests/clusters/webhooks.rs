//! A webhook of a node that falls over and starts again while payments go on.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::wait::until;

/// One post in so many is not taken.
const REFUSED: usize = 5;

/// How long a client may take to send a post.
const POST_TIME: Duration = Duration::from_secs(30);

/// What was posted: by id, the body of each copy.
type Posts = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Takes posts until the test's process ends; gives the URL and what comes.
fn receiver() -> (String, Posts) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let posts = Posts::default();
    let taken = Arc::clone(&posts);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            // A node that is killed breaks off.
            let _ = stream.and_then(|stream| take(stream, number % REFUSED == REFUSED - 1, &taken));
        }
    });
    (url, posts)
}

/// Reads one post, and keeps it unless it is refused.
fn take(stream: TcpStream, refuses: bool, posts: &Posts) -> io::Result<()> {
    stream.set_read_timeout(Some(POST_TIME))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = value.to_owned(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = if refuses {
        "503 Service Unavailable"
    } else {
        let body = String::from_utf8(body).unwrap();
        posts.lock().unwrap().entry(id).or_default().push(body);
        "204 No Content"
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (&stream).write_all(answer.as_bytes())
}

fn configure(cluster: &Cluster, url: &str) {
    let home = cluster.dir().join("validator-1");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(home.join("orders.secret"))
        .and_then(|mut file| file.write_all(secret.as_bytes()))
        .unwrap();
    let path = home.join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let webhook = format!(
        "[[webhooks]]\nname = \"orders\"\nurl = \"{url}\"\nsecret_file = \"orders.secret\"\nfrom = 1\n\
         retry_first_ms = 50\n"
    );
    fs::write(&path, format!("{text}\n{webhook}")).unwrap();
}

#[test]
fn every_transaction_is_posted_though_its_node_is_killed_and_restarted() {
    let (url, posts) = receiver();
    let cluster = Cluster::up_after(|cluster| configure(cluster, &url));
    let alice = cluster.key("alice.key");
    let other = cluster.api(2);
    let trickle = || {
        for _ in 0..6 {
            let paid = cluster.transfer(&alice, "1", &["--node", &other, "--timeout", "60"]);
            assert_eq!(paid.code, Some(0), "{}", paid.stderr);
        }
    };
    for _ in 0..2 {
        thread::scope(|scope| {
            let paying = scope.spawn(trickle);
            cluster.expect(0, &["localnet", "kill", "validator-1"]);
            cluster.expect(0, &["localnet", "restart", "validator-1"]);
            paying.join().unwrap();
        });
    }
    // In order, too.
    cluster.expect(0, &["localnet", "down"]);
    cluster.expect(0, &["localnet", "up", "--detach"]);
    trickle();
    cluster.common_tip();
    let status = cluster.expect(0, &["query", "status"]).json();
    let executed = status["transactions"].as_u64().unwrap();
    assert!(executed >= 18);
    let posted = until("every transaction was posted", PATIENCE, || {
        let posts = posts.lock().unwrap().clone();
        (posts.len() as u64 >= executed).then_some(posts)
    });

    let network = status["network"].as_str().unwrap();
    for ordinal in 0..executed {
        let id = format!("{network}_orders_{ordinal}");
        let copies = posted.get(&id).unwrap_or_else(|| panic!("{id} is missing"));
        let first: Value = serde_json::from_str(&copies[0]).unwrap();
        for field in ["ordinal", "log_from"] {
            assert_eq!(first[field].as_u64(), Some(ordinal), "{id}: {field}");
        }
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{id}");
    }
    assert_eq!(posted.len() as u64, executed);

    let ops = format!("http://127.0.0.1:{}", cluster.ports.api + 100);
    let listed = until("the webhook has delivered all", PATIENCE, || {
        let listed = cluster
            .expect(0, &["node", "webhooks", "list", "--ops", &ops])
            .json();
        (listed["webhooks"][0]["behind"] == 0).then_some(listed)
    });
    assert_eq!(listed["webhooks"][0]["state"], "delivering");
    assert_eq!(listed["webhooks"][0]["dead"], 0);
    let dead = cluster
        .expect(0, &["node", "webhooks", "dead", "orders", "--ops", &ops])
        .json();
    assert_eq!(dead["dead"], serde_json::json!([]));
    cluster.expect(0, &["node", "webhooks", "retry", "orders", "--ops", &ops]);
    cluster.expect(3, &["node", "webhooks", "retry", "nobody", "--ops", &ops]);
}
