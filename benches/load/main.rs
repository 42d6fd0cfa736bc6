//! Load figures of Parlor, each beside a bare baseline measured in the same run; prints one JSON line a figure.
//!
//! `cargo bench --bench load` runs all; `cargo bench --bench load -- track fanout` runs the named ones. The server under test is the
//! real release binary in a process of its own, and so is every baseline, so that CPU microseconds per operation compare like with
//! like. Rates on a shared machine mean little; ratios taken in turn mean more.

mod agent;
mod agents;
mod baseline;
mod bytes;
mod chats;
mod client;
mod fanout;
mod memory;
mod message;
mod pages;
mod process;
mod report;
mod seed;
mod socket;
mod start;
mod status;
mod track;

use std::io::Write as _;

/// A figure's name and what measures it.
type Figure = (&'static str, fn() -> anyhow::Result<()>);

const ALL: [Figure; 11] = [
    ("bytes", bytes::run),
    ("start", start::run),
    ("track", track::single),
    ("batch", track::batches),
    ("message", message::run),
    ("fanout", fanout::run),
    ("agents", agents::run),
    ("status", status::run),
    ("chats", chats::run),
    ("memory", memory::run),
    ("pages", pages::run),
];

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [word, kind, rest @ ..] = args.as_slice()
        && word == "baseline"
    {
        return baseline::serve(kind, rest);
    }
    raise_file_limit();
    for (name, run) in ALL {
        if args.is_empty() || args.iter().any(|a| a == name) {
            writeln!(std::io::stderr(), "— {name}")?;
            run()?;
        }
    }
    Ok(())
}

/// Ten thousand sockets need as many descriptors on both sides; a child inherits the limit.
fn raise_file_limit() {
    let _ = std::process::Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string(), "--nofile=20000:"])
        .stderr(std::process::Stdio::null())
        .status();
}
