//! Where log lines go: stderr, for people or as JSON. Installed by the executable only, never by the library.

use std::io::{self, Write};

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
        .with_writer(|| OneLine(io::stderr()))
        // Without colours: codes of our own could not be told from those that a stranger's text brings.
        .with_ansi(false);
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

/// Keeps an entry on one line and free of terminal codes, whatever stands in its fields: a line that somebody else wrote
/// must not look like ours. The layer hands over each entry whole.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let body = entry.strip_suffix(b"\n").unwrap_or(entry);
        if !body.iter().any(u8::is_ascii_control) {
            self.0.write_all(entry)?;
            return Ok(entry.len());
        }
        let mut line = Vec::with_capacity(entry.len() + 16);
        for byte in body {
            if byte.is_ascii_control() {
                line.extend(std::ascii::escape_default(*byte));
            } else {
                line.push(*byte);
            }
        }
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_entry_is_one_line_without_terminal_codes() {
        let kept = Kept::default();
        let to = kept.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || OneLine(to.clone()))
            .with_ansi(false);

        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let hostile = "x\r\n2026-01-01 INFO all is well\u{1b}[2J";
            tracing::warn!(shown = %hostile, debugged = ?hostile, "a warning {hostile}");
        });

        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(
            text.ends_with('\n') && text.contains("a warning x\\r\\n"),
            "{text:?}"
        );
        assert!(!text.contains(['\r', '\u{1b}']), "{text:?}");
    }
}
