//! One chat that twenty agents have open: CPU of a message and of each delivery, against a bare broadcast to as many.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::{self, Agent, agent_email};
use crate::client::runtime;
use crate::fanout::broadcast;
use crate::report::{line, median, round};
use crate::seed::Seeded;
use crate::socket::Socket;

const AGENTS: usize = 20;
const MESSAGES: usize = 400;
const ROUNDS: usize = 3;
/// A socket may send sixty frames a second.
const PACE: Duration = Duration::from_millis(18);

/// With twenty agents and with one, since a message costs something whoever reads it.
pub(crate) fn run() -> anyhow::Result<()> {
    let (mut many, mut one, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let (cpu, length) = runtime()?.block_on(parlor(AGENTS))?;
        many.push(cpu);
        bytes = length;
        one.push(runtime()?.block_on(parlor(1))?.0);
        let bare = runtime()?.block_on(broadcast(AGENTS, bytes, MESSAGES, PACE))?;
        theirs.push(bare.cpu_us);
    }
    let (many, one, bare) = (median(&many), median(&one), median(&theirs));
    let (each, further) = (many / AGENTS as f64, (many - one) / (AGENTS - 1) as f64);
    line(
        "one message to the agents of a chat",
        &json!({
            "agents": AGENTS, "bytes": bytes,
            "cpu_us_per_delivery": {"parlor": round(each), "baseline": round(bare), "ratio": round(each / bare), "aim": "<= 1.25"},
            "cpu_us_per_message": {"to_all": round(many), "to_one": round(one)},
            "cpu_us_per_further_delivery": {"parlor": round(further), "ratio": round(further / bare)},
        }),
    );
    Ok(())
}

/// CPU microseconds a message, and the length of one frame.
async fn parlor(count: usize) -> anyhow::Result<(f64, usize)> {
    let seeded = Seeded::with(0, 0)?;
    seeded.add_agents(count as i64)?;
    let (server, site) = seeded.serve_site()?;
    let token = crate::track::token(1);
    let mut visitor = Socket::visitor(&server.address, &site, &token).await?;
    let started = visitor
        .ask("start_chat", json!({"chat": {}, "continuous": true}))
        .await?;
    let chat = started["payload"]["chat_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    drop(visitor);
    let mut desks = Vec::new();
    for n in 1..=count {
        let mut agent = Agent::sign_in_as(&server, &agent_email(n as i64)).await?;
        let mut desk = agent.live().await?;
        desk.send(agent::open(&chat)).await?;
        desks.push(desk);
    }
    let mut length = 0;
    let mut before = 0.0;
    // The first message makes its author a part of the chat, which is told as well.
    for n in 0..=MESSAGES {
        if n == 1 {
            before = server.cpu_seconds()?;
        }
        let started = Instant::now();
        desks[0].send(agent::say(&chat, n)).await?;
        let mark = format!("bench-{n:0>27}");
        for desk in &mut desks {
            length = desk.until_text(&[r#""type":"events""#, &mark]).await?;
        }
        tokio::time::sleep(PACE.saturating_sub(started.elapsed())).await;
    }
    let cpu_us = (server.cpu_seconds()? - before) * 1e6 / MESSAGES as f64;
    Ok((cpu_us, length))
}
