//! Dashboard pages on a full database, beside the bare query, and how they grow with ten times the data.

use std::time::Instant;

use serde_json::json;

use crate::agent::Agent;
use crate::client::runtime;
use crate::report::{line, median, round};
use crate::seed::Seeded;

const ROUNDS: usize = 40;

/// What is asked for, and the least SQL that reads the same rows.
const PAGES: [(&str, &str); 4] = [
    (
        "/visitors",
        "select v.id, v.name, s.page_url, s.last_seen_at from sessions s join visitors v on v.id = s.visitor_id where s.ended_at is null and s.is_bot = 0 limit 200",
    ),
    (
        "/visitors/all",
        "select id, name, last_seen_at from visitors where site_id = (select id from sites) and is_bot = 0 and merged_into is null order by last_seen_at desc, id desc limit 50",
    ),
    (
        "/chats?list=all",
        "select id, last_text, last_event_at from chats where site_id = (select id from sites) and is_active = 1 order by last_event_at desc, id desc limit 50",
    ),
    (
        "profile",
        "select id, url, title, occurred_at from activities where visitor_id = 409600 order by id desc limit 100",
    ),
];
/// A lead of both data sets: id 100 × 4096, see `seed.sql`.
const PROFILE: &str = "/visitors/409600";

/// Each page on a tenth and on the whole.
pub(crate) fn run() -> anyhow::Result<()> {
    let tenth = measure(&Seeded::with(10_000, 100_000)?)?;
    let whole = measure(&Seeded::with(100_000, 1_000_000)?)?;
    for (n, (path, _)) in PAGES.iter().enumerate() {
        let ((page, bare), (small, _)) = (whole[n], tenth[n]);
        line(
            "dashboard page with 100,000 visitors and 1,000,000 activities",
            &json!({
                "page": path, "ms": round(page), "bare_query_ms": round(bare), "aim": "<= 10",
                "ms_with_a_tenth": round(small), "growth": round(page / small), "aim_growth": "<= 1.3",
            }),
        );
    }
    Ok(())
}

/// Median milliseconds of each page as a client sees it, and of its bare query.
fn measure(seeded: &Seeded) -> anyhow::Result<Vec<(f64, f64)>> {
    let server = seeded.serve()?;
    let pages = runtime()?.block_on(async {
        let mut agent = Agent::sign_in(&server).await?;
        let mut medians = Vec::new();
        for (path, _) in PAGES {
            let path = if path == "profile" { PROFILE } else { path };
            let mut took = Vec::new();
            for round in 0..=ROUNDS {
                let started = Instant::now();
                agent.page(path).await?;
                if round > 0 {
                    took.push(started.elapsed().as_secs_f64() * 1000.0);
                }
            }
            medians.push(median(&took));
        }
        anyhow::Ok(medians)
    })?;
    drop(server);
    let db = rusqlite::Connection::open(seeded.database()?)?;
    let mut out = Vec::new();
    for ((_, sql), page) in PAGES.iter().zip(pages) {
        let mut statement = db.prepare(sql)?;
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            took.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        out.push((page, median(&took)));
    }
    Ok(out)
}
