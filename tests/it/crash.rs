//! Kill -9: the real program dies again and again under writers, and nothing that it acknowledged is lost or doubled.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use parlor::clock::Clock;
use parlor::db::{Db, Lane};
use parlor::domain::site::SiteSettings;
use parlor::store::sites::{self, NewSite};
use parlor::token::Token;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error as Cut;

use crate::customer::{Client, ORIGIN, login, message};
use crate::support::{Fresh, ON_PURPOSE};

/// How often the program dies.
const KILLS: u64 = 50;
/// Writers of tracked calls, each a visitor of its own.
const TRACKERS: usize = 4;
/// Visitors who chat, each over a socket.
const CHATTERS: usize = 4;
/// Longer than a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the writers and the killer share.
#[derive(Default)]
struct World {
    /// Where the living program listens; `None` between two lives.
    address: Mutex<Option<String>>,
    changed: Condvar,
    /// Answers that said "stored", over all lives.
    acks: AtomicU64,
    acked: Condvar,
    is_over: AtomicBool,
}

impl World {
    /// The address of the living program, once there is one; `None` when the test ends.
    fn address(&self) -> Option<String> {
        let mut address = self.address.lock().unwrap();
        loop {
            if self.is_over.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(address) = address.as_ref() {
                return Some(address.clone());
            }
            address = self.changed.wait(address).unwrap();
        }
    }

    /// Waits until the life at `address` is over.
    fn await_death(&self, address: &str) {
        let mut now = self.address.lock().unwrap();
        while now.as_deref() == Some(address) && !self.is_over.load(Ordering::Relaxed) {
            now = self.changed.wait(now).unwrap();
        }
    }

    fn set_address(&self, address: Option<String>) {
        *self.address.lock().unwrap() = address;
        self.changed.notify_all();
    }

    fn note_ack(&self) {
        self.acks.fetch_add(1, Ordering::Relaxed);
        // Under the lock, so that the killer cannot miss it between its look and its wait.
        drop(self.address.lock().unwrap());
        self.acked.notify_all();
    }

    /// Waits for `more` acknowledgements of the life that has just begun.
    fn await_acks(&self, more: u64) {
        let goal = self.acks.load(Ordering::Relaxed) + more;
        let deadline = Instant::now() + PATIENCE;
        let mut guard = self.address.lock().unwrap();
        while self.acks.load(Ordering::Relaxed) < goal {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the writers get no answers");
            guard = self.acked.wait_timeout(guard, left).unwrap().0;
        }
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.address.lock().unwrap());
        self.changed.notify_all();
    }
}

/// Starts the program on the directory and waits until it says where it listens.
fn start(data: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parlor"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "human"])
        .args(["--requests-per-address", "1000000", "--data"])
        .arg(data)
        .env_remove("PARLOR_DATABASE")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    // The pipe stays open: the program has more to say.
    let out = child.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let Some((_, url)) = line.trim().split_once("http://") else {
        let ended = child.wait();
        panic!("the program did not start: {line:?}, {ended:?}");
    };
    (child, url.to_owned())
}

/// A browser that tracks: sends batches, and repeats each until it is answered. Returns the ids that were stored.
fn track(world: &World, site: &str, me: usize) -> Vec<String> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(5)))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut stored = Vec::new();
    for batch in 0.. {
        // A new browser now and then: the limit of calls is one for each token.
        let token = format!("{:0>41}{me}{}", batch / 8, "A");
        let ids: Vec<String> = (0..3).map(|n| format!("{me}-{batch}-{n}")).collect();
        let calls: Vec<Value> = ids
            .iter()
            .map(|id| json!({"id": id, "call": "event", "at": 0, "name": "crash", "properties": {"n": 1}}))
            .collect();
        let body = json!({"site": site, "token": token, "sent_at": 0, "calls": calls}).to_string();
        loop {
            let Some(address) = world.address() else {
                return stored;
            };
            let Ok(mut answer) = agent.post(format!("http://{address}/track")).send(&body) else {
                continue;
            };
            // Not answered in full, or not now: the same batch again.
            let Ok(text) = answer.body_mut().read_to_string() else {
                continue;
            };
            if answer.status() == 429 || answer.status().is_server_error() {
                continue;
            }
            let answer: Value = serde_json::from_str(&text).unwrap();
            let results = answer["results"]
                .as_array()
                .unwrap_or_else(|| panic!("{text}"));
            assert!(results.iter().all(|result| result["ok"] == true), "{text}");
            stored.extend(ids);
            world.note_ack();
            break;
        }
    }
    unreachable!("the loop above does not end")
}

/// What was acknowledged to a visitor who chats.
#[derive(Default)]
struct Chatter {
    chat: Option<String>,
    /// The place that each message was given, by its `custom_id`.
    seqs: BTreeMap<String, i64>,
}

/// A visitor who sends messages one after the other, each until it is acknowledged, with the same `custom_id`.
fn chat(world: &World, site: &str) -> Chatter {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let token = Token::random();
    let mut chatter = Chatter::default();
    while let Some(address) = world.address() {
        let url = format!("ws://{address}/v3.2/customer/rtm/ws?site={site}");
        match runtime.block_on(chatter.live(world, &url, &token)) {
            // The connection was cut: the program died, or is dying.
            Err(_) => {}
            Ok(()) => world.await_death(&address),
        }
    }
    chatter
}

impl Chatter {
    /// Chats until the connection ends, or until a refusal says that this was enough for a while.
    async fn live(&mut self, world: &World, url: &str, token: &Token) -> Result<(), Cut> {
        let mut client = Client::connect(url, ORIGIN).await?;
        client.ask("login", login(token)).await?;
        if self.chat.is_none() {
            let hello = json!({"type": "message", "text": "hello", "custom_id": "hello"});
            let payload = json!({"chat": {"thread": {"events": [hello]}}});
            let answer = client.ask("start_chat", payload).await?;
            assert_eq!(answer["success"], true, "{answer}");
            let id = answer["payload"]["chat_id"].as_str().unwrap();
            self.chat = Some(id.to_owned());
            world.note_ack();
        }
        let chat = self.chat.clone().unwrap();
        loop {
            let custom_id = format!("m{}", self.seqs.len());
            let answer = client
                .ask("send_event", message(&chat, &custom_id, &custom_id))
                .await?;
            if answer["success"] != true {
                let error = &answer["payload"]["error"];
                assert_eq!(error["data"]["retryable"], true, "{answer}");
                return Ok(());
            }
            let seq = answer["payload"]["seq"].as_i64().unwrap();
            self.seqs.insert(custom_id, seq);
            world.note_ack();
        }
    }

    /// Looks at the chat as it is stored: what was acknowledged, in its place, once, and no number missing.
    fn check(&self, db: &Db) {
        let id: i64 = self.chat.as_ref().unwrap().parse().unwrap();
        let (events, last_seq) = db
            .read_blocking(move |tx| {
                let events = tx.all(
                    "select seq, custom_id from events where chat_id = ?1 order by seq",
                    &[id.into()],
                    |row| Ok((row.i64(0)?, row.opt_text(1)?)),
                )?;
                Ok((
                    events,
                    tx.int("select last_seq from chats where id = ?1", &[id.into()])?,
                ))
            })
            .unwrap();
        assert!(
            events.iter().map(|(seq, _)| *seq).eq(1..=last_seq),
            "a number is missing"
        );
        for (custom_id, seq) in &self.seqs {
            let places: Vec<i64> = events
                .iter()
                .filter(|(_, stored)| stored.as_ref() == Some(custom_id))
                .map(|(seq, _)| *seq)
                .collect();
            assert_eq!(places, [*seq], "{custom_id} was acknowledged");
        }
    }
}

/// A site in a database that nobody serves yet; returns its key.
fn found_site(fresh: &Fresh) -> String {
    let clock = Clock::system();
    let db = fresh.open(&clock);
    let now = clock.now();
    let site = db.write_blocking(Lane::Admin, move |tx| {
        let new = NewSite {
            name: "Crash",
            origins: &[ORIGIN.to_owned()],
            settings: &SiteSettings::default(),
        };
        sites::create(tx, &new, now)
    });
    db.close();
    site.unwrap().key
}

/// How often each tracked call is stored.
fn stored_calls(db: &Db) -> BTreeMap<String, i64> {
    let rows = db.read_blocking(|tx| {
        tx.all(
            "select client_id, count(*) from activities where name = 'crash' group by client_id",
            &[],
            |row| Ok((row.text(0)?, row.i64(1)?)),
        )
    });
    rows.unwrap().into_iter().collect()
}

#[test]
fn what_was_acknowledged_survives_kill_9_exactly_once() {
    let fresh = Fresh::sqlite();
    let site = found_site(&fresh);
    let data = fresh.data().unwrap();
    let world = World::default();

    let (acknowledged, chatters): (Vec<String>, Vec<Chatter>) = std::thread::scope(|scope| {
        let trackers: Vec<_> = (0..TRACKERS)
            .map(|me| {
                let (world, site) = (&world, &site);
                scope.spawn(move || track(world, site, me))
            })
            .collect();
        let chatting: Vec<_> = (0..CHATTERS)
            .map(|_| scope.spawn(|| chat(&world, &site)))
            .collect();
        for kill in 0..KILLS {
            let (mut program, address) = start(&data);
            world.set_address(Some(address));
            // Deaths at all depths of work, from the first answer on.
            world.await_acks(1 + (kill * 7) % 40);
            program.kill().unwrap();
            world.set_address(None);
            program.wait().unwrap();
        }
        world.end();
        let stored = trackers.into_iter().flat_map(|one| one.join().unwrap());
        let chatters = chatting.into_iter().map(|one| one.join().unwrap());
        (stored.collect(), chatters.collect())
    });

    let db = fresh.open(&Clock::system());
    let stored = stored_calls(&db);
    for id in &acknowledged {
        assert_eq!(stored.get(id), Some(&1), "{id} was acknowledged");
    }
    assert!(
        stored.values().all(|times| *times == 1),
        "a repeat is stored once"
    );
    chatters.iter().for_each(|chatter| chatter.check(&db));
    let messages: usize = chatters.iter().map(|chatter| chatter.seqs.len()).sum();
    assert!(
        acknowledged.len() as u64 >= KILLS * 3,
        "the trackers were at work"
    );
    assert!(
        messages as u64 >= KILLS,
        "the chatters were at work: {messages}"
    );
    let whole = db.read_blocking(|tx| {
        tx.one(
            &format!("pragma integrity_check {ON_PURPOSE}"),
            &[],
            |row| row.text(0),
        )
    });
    assert_eq!(whole.unwrap(), "ok");
    db.close();
}
