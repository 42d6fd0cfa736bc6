//! The one error type of the database layer: a variant is what a caller can do differently.

/// The result of everything in [`crate::db`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a statement, a job or a commit failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A UNIQUE rule was broken; the text names the index or constraint.
    #[error("unique rule broken: {0}")]
    Unique(String),
    /// The transaction lost a race and may be run again (40001, 40P01, busy); the layer has already tried.
    #[error("transaction has to be run again: {0}")]
    Retry(String),
    /// A row that had to exist does not.
    #[error("no such row")]
    NotFound,
    /// An earlier statement of this transaction failed, so nothing of it can be kept.
    #[error("an earlier statement of this transaction failed")]
    Poisoned,
    /// The lane is full: try again later.
    #[error("the write queue is full")]
    QueueFull,
    /// The disk is full: writes are refused until there is room again, reads go on.
    #[error("the disk is full")]
    DiskFull,
    /// The database cannot be reached, or Parlor is shutting down: try again later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The job panicked and was rolled back.
    #[error("the job panicked")]
    Panicked,
    /// The answer to COMMIT was lost: the change may or may not be stored, a repeat by client id settles it.
    #[error("the outcome of the commit is unknown")]
    CommitUnknown,
    /// A rule of the domain refused the job: rolled back, and carried to the caller as it is.
    #[error("refused: {0}")]
    Refused(#[from] crate::domain::Refusal),
    /// Anything else the engine said.
    #[error("database: {0}")]
    Db(String),
}

impl Error {
    /// The error for a NULL where the reader asked for a value; `n` is the column number from 0.
    #[must_use]
    pub fn null_column(n: usize) -> Self {
        Self::Db(format!("column {n} is NULL"))
    }

    /// True when the same call may succeed a little later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Retry(_)
                | Self::QueueFull
                | Self::DiskFull
                | Self::Unavailable(_)
                | Self::CommitUnknown
        )
    }
}
