//! Where log lines go: stderr, for people or as JSON. Installed by the executable only, never by the library.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Installs the log for this process. `PARLOR_LOG` chooses levels in the words of `RUST_LOG`; the default is `info`.
pub(super) fn install(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PARLOR_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // It fails only where a subscriber is installed already: then that one is the process's choice.
    drop(match format {
        LogFormat::Human => registry.with(layer.with_target(false)).try_init(),
        LogFormat::Json => registry
            .with(
                layer
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .try_init(),
    });
    std::panic::set_hook(Box::new(|panic| {
        // The text of a panic may hold what a visitor wrote, so only its place is logged.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic was caught");
    }));
}
