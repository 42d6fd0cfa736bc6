//! `parlor check`: whether configuration and database are in order, and what was found.

use std::fmt::Write;

use anyhow::bail;

use crate::config::Config;
use crate::control::{Ask, Reply};

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    // A configuration with a problem never comes this far.
    let mut said = String::from("Configuration: in order\n");
    let place = match &config.database {
        Some(_) => "PostgreSQL".to_owned(),
        None => config.data.display().to_string(),
    };
    let Reply::Found { findings } = super::desk::ask(config, &Ask::Check)? else {
        bail!("the database gave no answer");
    };
    write!(
        said,
        "Database: {place}\n  {} sites, {} agents, {} visitors, {} chats with {} events",
        findings.sites, findings.agents, findings.visitors, findings.chats, findings.events,
    )?;
    if findings.is_sound() {
        said.push_str("\n  nothing is wrong");
        return super::say(&said);
    }
    for fault in &findings.faults {
        write!(said, "\n  wrong: {fault}")?;
    }
    super::say(&said)?;
    bail!("the database is not in order")
}
