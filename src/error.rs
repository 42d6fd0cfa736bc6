//! Why a Parlor did not start.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`crate::App::start`] gave up; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::Problems),
    /// The data folder cannot be made, read or written.
    #[error("the data folder {} cannot be used: {source}; choose another with --data, or mend its owner and mode", path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the data folder.
    #[error("the data folder {} is in use by another Parlor{}; stop it first, or give this one a folder of its own with --data", path.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process, where it said its number.
        pid: Option<u32>,
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
    #[error("the database cannot be opened: {0}")]
    Database(#[from] crate::db::Error),
    /// The seed owner or site was refused.
    #[error("the owner or site to begin with was refused: {0}")]
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
