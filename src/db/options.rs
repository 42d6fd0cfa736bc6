//! What a database is opened with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Called once with the reason when nobody knows any more what is on disk; the default logs and ends the process.
pub type FailStop = Arc<dyn Fn(&str) + Send + Sync>;

/// The exit code of a fail stop (`EX_IOERR`): the supervisor starts Parlor again, which reads the file afresh.
pub const FAIL_STOP_EXIT_CODE: i32 = 74;

/// Where the database is.
#[derive(Clone)]
pub enum Place {
    /// Embedded, in this directory: `parlor.db`, its log, the reserve and the lock.
    Sqlite(PathBuf),
    /// A server: `postgres://…` or `postgresql://…`. Beyond libpq's own words the URL takes `schema=NAME`,
    /// `sslrootcert=FILE`, and `sslmode=require|verify-ca|verify-full`, which all verify the certificate.
    Postgres(String),
}

/// A URL may carry a password, so only its kind is shown.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(dir) => f.debug_tuple("Sqlite").field(dir).finish(),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

/// What a database is opened with; start from [`DbOptions::sqlite`] or [`DbOptions::postgres`].
#[derive(Clone)]
pub struct DbOptions {
    /// Where the database is.
    pub place: Place,
    /// This node's number in ids, 0–1023; `None` while it holds none, and [`Tx::new_id`](super::Tx::new_id) fails.
    pub node: Option<i64>,
    /// Threads that read, each with one connection, opened when first needed.
    pub readers: usize,
    /// Threads that write on PostgreSQL; SQLite has one writer.
    pub writers: usize,
    /// How long a read may take before it is cut.
    pub read_limit: Duration,
    /// The longest that tracking jobs wait for company under load.
    pub tracking_wait: Duration,
    /// Whether PostgreSQL statements are prepared once per connection; off for poolers in transaction mode.
    pub statement_cache: bool,
    /// What a fail stop does.
    pub fail_stop: FailStop,
}

impl DbOptions {
    /// The embedded database in `dir`, which is made if it is not there.
    #[must_use]
    pub fn sqlite(dir: impl Into<PathBuf>) -> Self {
        Self::at(Place::Sqlite(dir.into()))
    }

    /// The server at `url`.
    #[must_use]
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::at(Place::Postgres(url.into()))
    }

    /// The server if `database` is a PostgreSQL URL, else the embedded database in the directory it names.
    #[must_use]
    pub fn from_text(database: &str) -> Self {
        if database.starts_with("postgres://") || database.starts_with("postgresql://") {
            Self::postgres(database)
        } else {
            Self::sqlite(database.strip_prefix("sqlite:").unwrap_or(database))
        }
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            node: Some(0),
            readers: 4,
            writers: 8,
            read_limit: Duration::from_secs(5),
            tracking_wait: Duration::from_millis(250),
            statement_cache: true,
            fail_stop: Arc::new(end_process),
        }
    }
}

impl fmt::Debug for DbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbOptions")
            .field("place", &self.place)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

fn end_process(reason: &str) {
    tracing::error!(
        reason,
        "the database can no longer be trusted in this process: stopping"
    );
    std::process::exit(FAIL_STOP_EXIT_CODE);
}
