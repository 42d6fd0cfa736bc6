//! Why a Parlor did not start.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`crate::App::start`] gave up; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::Problems),
    /// No temporary folder can be made.
    #[error("no folder can be made in {}: {source}", path.display())]
    TemporaryFolder {
        /// Where it was tried.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another with --listen (port 0 takes a free one)"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database cannot be opened, read or migrated.
    #[error(transparent)]
    Database(#[from] crate::db::Error),
    /// The seed owner or site was refused.
    #[error("the owner or site to begin with cannot be made: {0}")]
    Seed(crate::domain::Refusal),
    /// A thread or another piece of the system could not be had.
    #[error("the system refused {what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}
