//! From the start of the process to the first answer, on an empty database and on one with a million activities.

use std::time::Instant;

use serde_json::json;

use crate::client::{Connection, runtime};
use crate::report::{line, median, round};
use crate::seed::Seeded;

const ROUNDS: usize = 7;

/// Both starts in turn; the first of each, which reads the files from disk, is not counted.
pub(crate) fn run() -> anyhow::Result<()> {
    let empty = Seeded::with(0, 0)?;
    let full = Seeded::with(100_000, 1_000_000)?;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = (first_answer(&empty)?, first_answer(&full)?);
        if round > 0 {
            small.push(a);
            large.push(b);
        }
    }
    let (a, b) = (median(&small), median(&large));
    line(
        "start to first answer",
        &json!({"empty_ms": round(a), "aim_empty": "<= 100", "with_1000000_activities_ms": round(b), "ratio": round(b / a), "aim_ratio": "<= 1.5"}),
    );
    Ok(())
}

fn first_answer(seeded: &Seeded) -> anyhow::Result<f64> {
    let started = Instant::now();
    let server = seeded.serve()?;
    runtime()?.block_on(async {
        let (status, _) = Connection::open(&server.address)
            .await?
            .send("GET /readyz HTTP/1.1", b"")
            .await?;
        anyhow::ensure!(status == 200, "readyz answered {status}");
        anyhow::Ok(())
    })?;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}
