//! `parlor serve`: runs until it is told to stop.

use std::io::Write;

use anyhow::Context;

use crate::app::App;
use crate::config::Config;

/// Flags of `serve` alone.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Serve {}

impl Serve {
    pub(super) fn run(self, config: Config) -> anyhow::Result<()> {
        super::log::install(config.log_format);
        let signals = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime to wait for signals")?;
        let app = App::start(config)?;
        say_where(&app)?;
        signals
            .block_on(stop_signal())
            .context("cannot wait for signals")?;
        app.stop();
        Ok(())
    }
}

fn say_where(app: &App) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Parlor serves on http://{}", app.address())?;
    out.flush()?;
    Ok(())
}

/// Waits for SIGTERM or SIGINT; a second one ends the process at once.
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
