//! Thousands of open chats with a message a second each, against as many bare sockets that answer once a row is on disk.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use crate::agent::{self, Agent};
use crate::client::runtime;
use crate::process::Server;
use crate::report::{line, median, quantile, round};
use crate::seed::Seeded;
use crate::socket::Socket;

const CHATS: usize = 5_000;
/// How long each rate is held.
const SECONDS: f64 = 10.0;
/// Rates that are tried after a message a second each, until one is answered in time.
const RATES: [f64; 11] = [
    4_000.0, 3_000.0, 2_500.0, 2_000.0, 1_500.0, 1_250.0, 1_000.0, 750.0, 500.0, 250.0, 100.0,
];
/// An answer that comes later is no answer to somebody who waits for it.
const WITHIN_MS: f64 = 1_000.0;
/// Sockets that are opened before the earlier ones are looked after.
const TOGETHER: usize = 250;

/// Parlor, with nobody and with an agent who watches all of it, and the baseline at the same rates.
pub(crate) fn run() -> anyhow::Result<()> {
    let ours = runtime()?.block_on(parlor())?;
    let theirs = runtime()?.block_on(bare(ours.held.rate))?;
    for (agents, all, held) in [
        ("at the desk, reading nothing", Some(&ours.all), &ours.held),
        ("following the inbox", None, &ours.followed),
    ] {
        line(
            "messages in many open chats",
            &json!({
                "chats": CHATS, "agent": agents,
                "a_message_a_second_each": all.map(|all| json!({"parlor": all.figures(), "baseline": theirs.all.figures()})),
                "highest_rate_within_1_s": {"parlor": held.figures(), "baseline_at_the_same": agents.starts_with("at").then(|| theirs.held.figures())},
                "cpu_us_per_message": {"parlor": round(held.cpu_us), "baseline": round(theirs.held.cpu_us), "ratio": round(held.cpu_us / theirs.held.cpu_us)},
            }),
        );
    }
    line(
        "memory of an open chat",
        &json!({"chats": CHATS, "kib_each": {"parlor": round(ours.each_kib), "baseline": round(theirs.each_kib), "ratio": round(ours.each_kib / theirs.each_kib)}}),
    );
    Ok(())
}

/// What one server came to.
struct Figures {
    each_kib: f64,
    /// A message a second in each chat.
    all: Run,
    /// The highest rate that is answered in time; of the baseline, the same rate.
    held: Run,
    /// The same with an agent who follows the inbox.
    followed: Run,
}

/// What came of one rate.
#[derive(Clone)]
struct Run {
    rate: f64,
    answered_per_second: f64,
    /// The share of what should have been sent.
    share: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
}

impl Run {
    fn is_in_time(&self) -> bool {
        self.p99_ms <= WITHIN_MS && self.share > 0.99
    }

    fn figures(&self) -> serde_json::Value {
        json!({
            "asked_per_second": self.rate, "answered_per_second": round(self.answered_per_second),
            "p50_ms": round(self.p50_ms), "p99_ms": round(self.p99_ms), "cpu_us_per_message": round(self.cpu_us),
        })
    }
}

async fn parlor() -> anyhow::Result<Figures> {
    let seeded = Seeded::with(0, 0)?;
    seeded.add_agents(0)?;
    let (server, site) = seeded.serve_site()?;
    let mut owner = Agent::sign_in(&server).await?;
    // Somebody is there to have the chats, so that none waits in a queue.
    let mut desk = owner.live().await?;
    tokio::spawn(async move { while desk.text().await.is_ok() {} });
    let (mut chats, each_kib) = opened(&server, Some(&site)).await?;
    let all = load(&server, &mut chats, CHATS as f64).await?;
    let held = if all.is_in_time() {
        all.clone()
    } else {
        // What overload let through is about what can be done.
        let possible = |rate: &f64| *rate <= all.answered_per_second * 1.1;
        let first = RATES.into_iter().find(possible).unwrap_or(RATES[10]);
        highest(&server, &mut chats, first).await?
    };
    let mut desk = owner.live().await?;
    desk.send(agent::follow()).await?;
    let follower = tokio::spawn(async move {
        loop {
            if let Err(error) = desk.text().await {
                return error;
            }
        }
    });
    let followed = highest(&server, &mut chats, held.rate).await?;
    anyhow::ensure!(
        !follower.is_finished(),
        "the agent fell behind and was disconnected"
    );
    Ok(Figures {
        each_kib,
        all,
        held,
        followed,
    })
}

async fn bare(rate: f64) -> anyhow::Result<Figures> {
    let server = Server::baseline("commit")?;
    let (mut chats, each_kib) = opened(&server, None).await?;
    let all = load(&server, &mut chats, CHATS as f64).await?;
    let held = load(&server, &mut chats, rate).await?;
    Ok(Figures {
        each_kib,
        all,
        followed: held.clone(),
        held,
    })
}

/// The highest rate that is answered in time, from `first` down; the lowest of all where none is.
async fn highest(server: &Server, chats: &mut Vec<Chat>, first: f64) -> anyhow::Result<Run> {
    let mut run = load(server, chats, first).await?;
    for rate in RATES.into_iter().filter(|rate| *rate < first) {
        if run.is_in_time() {
            break;
        }
        run = load(server, chats, rate).await?;
    }
    Ok(run)
}

/// One chat on a socket of its own.
struct Chat {
    socket: Socket,
    /// `None` on a bare socket.
    id: Option<String>,
    sent: u64,
}

impl Chat {
    async fn open(server: &Server, site: Option<&str>, n: usize) -> anyhow::Result<Self> {
        // An address may begin six chats a minute, so each visitor comes from their own.
        let from = Ipv4Addr::from(0x7f01_0000 + u32::try_from(n)?);
        let Some(site) = site else {
            let socket = Socket::open_from(from, &server.address, "/socket", &[]).await?;
            return Ok(Self {
                socket,
                id: None,
                sent: 0,
            });
        };
        let token = crate::track::token(n);
        let mut socket = Socket::visitor_from(from, &server.address, site, &token).await?;
        let started = socket
            .ask("start_chat", json!({"chat": {}, "continuous": true}))
            .await?;
        let id = started["payload"]["chat_id"]
            .as_str()
            .with_context(|| format!("no chat began: {started}"))?
            .to_owned();
        Ok(Self {
            socket,
            id: Some(id),
            sent: 0,
        })
    }

    /// Writes one message and waits until it is said to be stored.
    async fn say(&mut self) -> anyhow::Result<()> {
        self.sent += 1;
        let mark = format!("bench-{:0>27}", self.sent);
        let Some(chat) = &self.id else {
            self.socket.send(format!("{mark} of a long day")).await?;
            self.socket.until_text(&[&mark]).await?;
            return Ok(());
        };
        let event =
            json!({"type": "message", "text": format!("{mark} of a long day"), "custom_id": mark});
        let request = json!({"request_id": mark, "action": "send_event", "payload": {"chat_id": chat, "event": event}});
        self.socket.send(request.to_string()).await?;
        loop {
            let text = self.socket.text().await?;
            if text.contains(&mark) && text.contains(r#""type":"response""#) {
                anyhow::ensure!(text.contains(r#""success":true"#), "refused: {text}");
                return Ok(());
            }
        }
    }

    /// Writes from `due` on, every so often, as long as `until` is not reached; returns how long each answer took from
    /// when the message was due.
    async fn talk(
        &mut self,
        mut due: Instant,
        every: Duration,
        until: Instant,
    ) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::new();
        while due < until && Instant::now() < until {
            tokio::time::sleep_until(due.into()).await;
            self.say().await?;
            took.push(due.elapsed().as_secs_f64() * 1000.0);
            due += every;
        }
        Ok(took)
    }
}

/// All chats, and how much memory each took.
async fn opened(server: &Server, site: Option<&str>) -> anyhow::Result<(Vec<Chat>, f64)> {
    // The first pays for pools and caches that are nobody's own.
    let mut chats = vec![Chat::open(server, site, 1).await?];
    let before = server.rss_mib()?;
    while chats.len() <= CHATS {
        chats.push(Chat::open(server, site, chats.len() + 1).await?);
        if chats.len() % TOGETHER == 0 {
            pass_over(&mut chats)?;
        }
    }
    chats.truncate(CHATS);
    tokio::time::sleep(Duration::from_secs(2)).await;
    pass_over(&mut chats)?;
    let each_kib = (server.rss_mib()? - before) * 1024.0 / CHATS as f64;
    Ok((chats, each_kib))
}

/// Looks after sockets that nobody reads meanwhile, or the server would take them for gone.
fn pass_over(chats: &mut [Chat]) -> anyhow::Result<()> {
    chats
        .iter_mut()
        .try_for_each(|chat| chat.socket.pass_over())
}

/// So many messages a second in all, spread evenly over the chats.
async fn load(server: &Server, chats: &mut Vec<Chat>, rate: f64) -> anyhow::Result<Run> {
    pass_over(chats)?;
    let count = chats.len();
    let every = Duration::from_secs_f64(count as f64 / rate);
    let start = Instant::now() + Duration::from_millis(200);
    // Every chat writes at least once, however low the rate.
    let seconds = SECONDS.max(every.as_secs_f64());
    let until = start + Duration::from_secs_f64(seconds);
    let before = server.cpu_seconds()?;
    let mut tasks = Vec::with_capacity(count);
    for (n, mut chat) in chats.drain(..).enumerate() {
        let first = start + every.mul_f64(n as f64 / count as f64);
        tasks.push(tokio::spawn(async move {
            let took = chat.talk(first, every, until).await?;
            anyhow::Ok((chat, took))
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        let (chat, mine) = task.await.context("a chat's task")??;
        chats.push(chat);
        took.extend(mine);
    }
    let answered = took.len() as f64;
    Ok(Run {
        rate,
        answered_per_second: answered / start.elapsed().as_secs_f64().max(seconds),
        share: answered / (rate * seconds),
        p50_ms: median(&took),
        p99_ms: quantile(&took, 0.99),
        cpu_us: (server.cpu_seconds()? - before) * 1e6 / answered,
    })
}
