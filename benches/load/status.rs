//! An agent turns to not accepting and back: how the visitors' sockets of the site hear of it, against a bare broadcast.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::Agent;
use crate::client::runtime;
use crate::fanout::broadcast;
use crate::process::Server;
use crate::report::{line, median, round};
use crate::socket::Socket;

const SOCKETS: usize = 1_000;
const CHANGES: usize = 30;
const ROUNDS: usize = 3;
const PACE: Duration = Duration::from_millis(100);

/// The status of the only group of a site, told to a thousand visitors.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let told = runtime()?.block_on(parlor())?;
        bytes = told.bytes;
        theirs.push(runtime()?.block_on(broadcast(SOCKETS, bytes, CHANGES, PACE))?);
        ours.push(told);
    }
    let cpu = (
        median(&ours.iter().map(|t| t.cpu_us).collect::<Vec<_>>()),
        median(&theirs.iter().map(|t| t.cpu_us).collect::<Vec<_>>()),
    );
    let last = (
        median(&ours.iter().map(|t| t.last_ms).collect::<Vec<_>>()),
        median(&theirs.iter().map(|t| t.last_ms).collect::<Vec<_>>()),
    );
    line(
        "a group's status to many sockets",
        &json!({
            "sockets": SOCKETS, "bytes": bytes,
            "cpu_us_per_delivery": {"parlor": round(cpu.0), "baseline": round(cpu.1), "ratio": round(cpu.0 / cpu.1)},
            "last_delivery_ms": {"parlor": round(last.0), "baseline": round(last.1), "ratio": round(last.0 / last.1)},
        }),
    );
    Ok(())
}

struct Told {
    cpu_us: f64,
    /// The median time from the agent's request to the last visitor.
    last_ms: f64,
    bytes: usize,
}

async fn parlor() -> anyhow::Result<Told> {
    let server = Server::parlor()?;
    let site = server.ready["site_key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut owner = Agent::sign_in(&server).await?;
    // Who is not at the desk does not count, whatever the switch says.
    let _desk = owner.live().await?;
    let mut sockets = Vec::new();
    for n in 0..SOCKETS {
        let token = crate::track::token(n);
        sockets.push(Socket::visitor(&server.address, &site, &token).await?);
    }
    let (mut took, mut bytes) = (Vec::new(), 0);
    let before = server.cpu_seconds()?;
    for n in 0..CHANGES {
        let (status, told) = match n % 2 {
            0 => ("not_accepting", r#""status":"offline""#),
            _ => ("accepting", r#""status":"online""#),
        };
        let started = Instant::now();
        owner.set_status(status).await?;
        for socket in &mut sockets {
            bytes = socket.until_text(&["groups_update", told]).await?;
        }
        took.push(started.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(PACE.saturating_sub(started.elapsed())).await;
    }
    Ok(Told {
        cpu_us: (server.cpu_seconds()? - before) * 1e6 / (CHANGES * SOCKETS) as f64,
        last_ms: median(&took),
        bytes,
    })
}
