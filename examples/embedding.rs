//! A Parlor inside another program's test: started on a free port, tracked into, looked at, stopped.
//!
//! Run it with `cargo run --example embedding`; docs/embedding.md explains it.

use std::error::Error;

use parlor::config::Seed;
use parlor::{App, Config};

/// The whole life of one Parlor.
pub fn main() -> Result<(), Box<dyn Error>> {
    // An owner and a site to begin with. Without a seed the server starts empty and `setup_link` leads on.
    let config = Config::ephemeral().with_seed(Seed {
        owner_name: "Olive".into(),
        owner_email: "olive@example.com".into(),
        owner_password: "a password of the test".into(),
        site_name: "Shop".into(),
        site_origins: vec!["https://shop.example".into()],
    });

    // Blocks until requests are answered. The data lies in a temporary folder.
    let parlor = App::start(config)?;
    let site = parlor.seeded().ok_or("there was a seed")?.site_key.clone();

    // What the page under test would carry.
    let snippet = format!(
        "<script async src=\"{}/widget.js\" data-site=\"{site}\"></script>",
        parlor.url()
    );
    assert!(snippet.contains("/widget.js"));

    // A page view, as the widget sends it.
    let answer = track(&parlor, &site)?;
    assert_eq!(answer["results"][0]["ok"], true, "{answer}");

    // The database is in reach, through the same functions that the server uses.
    let visits = parlor
        .db()
        .read_blocking(|tx| tx.int("select count(*) from sessions where ended_at is null", &[]))?;
    assert_eq!(visits, 1);

    // Time is the test's to turn: half an hour of silence ends the session, and the next page view begins another.
    parlor.clock().turn(31 * 60_000);
    track(&parlor, &site)?;
    let visits = parlor
        .db()
        .read_blocking(|tx| tx.int("select count(*) from sessions", &[]))?;
    assert_eq!(visits, 2);

    // Stops in order and removes the folder; dropping it does the same.
    parlor.stop();
    Ok(())
}

/// Sends one page view of the same browser and gives the answer.
fn track(parlor: &App, site: &str) -> Result<serde_json::Value, ureq::Error> {
    let now = parlor.clock().now();
    let batch = serde_json::json!({
        "site": site,
        "token": "t".repeat(43),
        "sent_at": now,
        "config": "",
        "calls": [{
            "id": format!("page-{now}"),
            "call": "page",
            "at": now,
            "url": "https://shop.example/",
            "title": "Shop",
        }],
    });
    ureq::post(format!("{}/track", parlor.url()))
        .header("content-type", "text/plain")
        .header("origin", "https://shop.example")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        )
        .send(batch.to_string())?
        .body_mut()
        .read_json()
}
