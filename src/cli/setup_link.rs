//! `parlor setup-link`: a new one-time link for the first set-up.

use crate::config::Config;
use crate::control::{Ask, Reply};

pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    if let Reply::SetupLink { url } = super::desk::ask(config, &Ask::SetupLink)? {
        super::say(&format!("{url}\nThe link works once, within a day."))?;
    }
    Ok(())
}
