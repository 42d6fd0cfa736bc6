//! Databases for tests: one of its own for each, on both engines.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use parlor::clock::Clock;
use parlor::db::{Db, DbOptions, Lane};
use tempfile::TempDir;

use super::lint::{self, ON_PURPOSE};

/// Runs `test` on SQLite and on PostgreSQL, each with a fresh database.
pub fn each_engine(test: impl Fn(&Db, &Clock)) {
    each_fresh(|fresh| {
        let clock = Clock::system();
        let db = fresh.open(&clock);
        test(&db, &clock);
        db.close();
    });
}

/// Runs `test` on SQLite and on PostgreSQL with a place that nothing was opened in yet.
pub fn each_fresh(test: impl Fn(&Fresh)) {
    test(&Fresh::sqlite());
    if let Some(fresh) = Fresh::postgres() {
        test(&fresh);
    }
}

/// A place for one database of one test.
pub struct Fresh {
    /// What to open it with; tests change what they are about.
    pub options: DbOptions,
    /// Where a SQLite database lies; removed with this.
    dir: Option<TempDir>,
}

impl Fresh {
    /// An empty directory.
    pub fn sqlite() -> Self {
        lint::watch();
        Self::unwatched_sqlite()
    }

    /// An empty schema, or `None` where there is no server and tests may do without.
    pub fn postgres() -> Option<Self> {
        lint::watch();
        Self::unwatched_postgres()
    }

    /// For the lint itself, which opens its databases before it watches.
    pub fn unwatched_sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self {
            options: DbOptions::sqlite(dir.path().join("data")),
            dir: Some(dir),
        }
    }

    /// As [`Fresh::unwatched_sqlite`].
    pub fn unwatched_postgres() -> Option<Self> {
        let url = server()?;
        let schema = format!("t_{}_{}", std::process::id(), next());
        let create = format!("create schema {schema} {ON_PURPOSE}");
        admin(url)
            .write_blocking(Lane::Chat, move |tx| tx.exec(&create, &[]))
            .expect("a schema is made");
        let mut options = DbOptions::postgres(format!("{url}&schema={schema}"));
        options.writers = 8;
        options.readers = 2;
        Some(Self { options, dir: None })
    }

    /// The data directory, on SQLite.
    pub fn data(&self) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.path().join("data"))
    }

    /// Opens it; hints go nowhere.
    pub fn open(&self, clock: &Clock) -> Db {
        Db::open(&self.options, clock, Arc::new(|_| ())).expect("a fresh database opens")
    }
}

fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A database of the server in which schemas are made.
fn admin(url: &str) -> &'static Db {
    static ADMIN: OnceLock<Db> = OnceLock::new();
    ADMIN.get_or_init(|| {
        let mut options = DbOptions::postgres(url);
        options.writers = 1;
        options.readers = 1;
        Db::open(&options, &Clock::system(), Arc::new(|_| ())).expect("the test server opens")
    })
}

/// The URL of the test server: the environment's, or one that lives as long as this process.
pub fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| match std::env::var("PARLOR_TEST_POSTGRES") {
            Ok(url) => Some((url, None)),
            Err(_) => start(),
        })
        .as_ref()
        .map(|(url, _)| url.as_str())
}

/// A server's URL, and the process that stops it when our end of its standard input closes.
type Server = (String, Option<Child>);

fn start() -> Option<Server> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres.sh");
    let mut child = Command::new(script)
        .arg("hold")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/postgres.sh starts");
    let mut url = String::new();
    let out = child.stdout.take().expect("its output is a pipe");
    BufReader::new(out)
        .read_line(&mut url)
        .expect("its output is text");
    if url.trim().is_empty() {
        let is_required = ["CI", "PARLOR_TEST_REQUIRE_POSTGRES"]
            .iter()
            .any(|name| std::env::var(name).is_ok_and(|v| v == "true" || v == "1"));
        assert!(
            !is_required,
            "PostgreSQL did not start, and it is required here"
        );
        eprintln!(
            "\n*** SKIPPED ON POSTGRESQL: no server started; only half of the suite ran ***\n"
        );
        child.wait().expect("the script ends");
        return None;
    }
    // The child keeps its standard input until this process ends, and stops the server then.
    Some((url.trim().to_owned(), Some(child)))
}
